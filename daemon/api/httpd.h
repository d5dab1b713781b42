/*
 * httpd - libmicrohttpd on the loop: connections, the header policy in the first callback, whole
 * bodies, and answers that may come later.
 *
 * Nothing reaches a route unless method, headers, path and body length passed the header policy;
 * every reject closes the connection. A request is answered exactly once with request_answer();
 * when the client is gone meanwhile the answer is dropped and freed. One daemon on TCP, one on a
 * UNIX socket.
 */
#ifndef API_HTTPD_H
#define API_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"
#include "release/release.h"

struct app;
struct field_table;
struct form;
struct httpd;
struct request;
struct route;
struct principal;

/* Serves api_routes; httpd_new_with() serves another table, for tests. */
struct httpd *httpd_new(struct app *app, struct err *err);
struct httpd *httpd_new_with(struct app *app, const struct route *routes, struct err *err);
void httpd_free(struct httpd **h);
/* Answers 503 to everything under way and takes no more. */
void httpd_drain(struct httpd *h);
int httpd_port(const struct httpd *h); /* the real port when configured as 0 */

/* --- what a route sees; borrowed until the request is answered --- */
const char *request_method(const struct request *r);
const char *request_path(const struct request *r);
const char *request_query(const struct request *r, const char *key); /* decoded; NULL when absent */
const char *request_header(const struct request *r, const char *name);
struct str request_raw_body(const struct request *r);
/* The body as a JSON object: parsed from JSON, or built from a form (all values strings). NULL
 * after answering 400/415 itself. An empty body is {}. Borrowed. */
json_t *request_body(struct request *r);
/* The same decoded by `table`, whose struct *out is: zeroed before, to be freed with field_free() either
 * way. False after answering, 422 with every problem. */
bool request_decode(struct request *r, const struct field_table *table, void *out);
bool request_is_yaml(const struct request *r); /* by Content-Type; then read request_raw_body() */
const struct form *request_query_form(const struct request *r); /* all of the query, see form.h */
const struct route *request_route(const struct request *r);
/* Whether If-None-Match names `etag` (quoted, strong) or "*": then answer
 * request_answer_not_modified(). */
bool request_etag_matches(const struct request *r, const char *etag);
const struct principal *request_principal(const struct request *r);
const char *request_origin(const struct request *r); /* client address, "unix" */
struct app *request_app(const struct request *r);
/* Path segments captured by the route's pattern: ":id" is 0, the next 1. */
const char *request_param(const struct request *r, size_t index);

/* --- answering --- */
void request_answer_json(struct request *r, int status, json_t *body_take);
void request_answer_text(struct request *r, int status, const char *content_type, struct str body);
void request_answer_not_modified(struct request *r);
/* problem+json (RFC 9457): type, title, status, detail, plus members from extra (may be NULL,
 * taken). */
/* 503 with Retry-After: something outside is away, nothing was done. */
void request_unavailable(struct request *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void request_problem(struct request *r, int status, json_t *extra_take, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
void request_set_header(struct request *r, const char *name,
                        const char *value); /* before answering; copied */
/* Takes back the answer that the route has just given, whose status it returns, until what it depends on is done;
 * then request_answer_withheld(), or another answer in its place. 0: there is none. */
int request_withhold(struct request *r);
bool request_is_refused(const struct request *r); /* answered with a 4xx that has not gone out */
void request_answer_withheld(struct request *r);
/* Calls fn(ctx) with the request if it is still there, by id: for replies that come later. */
uint64_t request_id(const struct request *r);
/* Counts a failed authentication of this client; false after answering 429 when there were too
 * many.
 */
bool request_may_fail(struct request *r);
struct request *httpd_request(struct httpd *h, uint64_t id); /* NULL when gone or answered */
/* Whether another request of the same subject and path with the same value of `header` awaits its
 * answer. */
bool request_has_twin(const struct request *r, const char *header);

/* --- routes --- */
struct route {
	const char *method;     /* "GET" */
	const char *pattern;    /* "/v1/releases/:id/pause" */
	const char *permission; /* "operate"; NULL: open to all */
	void (*handle)(struct request *r);
	size_t max_body; /* bytes; 0: no body allowed */
	const char *doc; /* one sentence for openapi.json */
};
extern const struct route api_routes[]; /* daemon/api/routes.c; method NULL at the end */

#endif
