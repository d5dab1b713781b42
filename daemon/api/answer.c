/*
 * answer - responses, now or later, and problem+json. A request takes one answer; a second one is
 * dropped and logged, because it is our mistake and the client must not see it.
 */
#include "api/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app.h"
#include "base/str.h"
#include "log.h"
#include "metrics.h"

#define PROBLEM_TYPE "application/problem+json"
#define JSON_TYPE "application/json"
#define DETAIL_MAX 1024
/* Fifteen digits show 0.1 as 0.1; records that must be exact are written by json_canonical(). */
#define JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* clang-format off */
static const struct { int status; const char *title; } titles[] = {
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 409, "Conflict" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Content" },
	{ 428, "Precondition Required" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};
/* clang-format on */

static const char *title_of(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
		if (titles[i].status == status)
			return titles[i].title;
	}
	return status >= 500 ? "Server Error" : "Error";
}

static bool has_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->nheaders; i++) {
		if (strcasecmp(r->headers[i].name, name) == 0)
			return true;
	}
	return false;
}

void request_set_header(struct request *r, const char *name, const char *value)
{
	struct answer_header *h;

	if (r->nheaders == API_ANSWER_HEADERS) {
		log_line(LOG_ERROR, "http_headers_full", "header=%s", name);
		return;
	}
	h = &r->headers[r->nheaders];
	h->name = text_dup(name);
	h->value = text_dup(value);
	if (h->name && h->value) {
		r->nheaders++;
		return;
	}
	free(h->name);
	free(h->value);
	*h = (struct answer_header){.name = NULL, .value = NULL};
}

static void add_headers(const struct request *r, struct MHD_Response *response, const char *type)
{
	if (type)
		MHD_add_response_header(response, "Content-Type", type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (!has_header(r, "Cache-Control"))
		MHD_add_response_header(response, "Cache-Control",
		                        has_header(r, "ETag") ? "no-cache" : "no-store");
	for (size_t i = 0; i < r->nheaders; i++)
		MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
}

static void count(struct request *r)
{
	struct metrics *m = r->httpd->app->metrics;

	metric_add(m, METRIC_HTTP_REQUESTS, 1);
	if (r->status >= 500)
		metric_add(m, METRIC_HTTP_SERVER_ERRORS, 1);
	else if (r->status >= 400)
		metric_add(m, METRIC_HTTP_CLIENT_ERRORS, 1);
}

enum MHD_Result answer_queue(struct request *r)
{
	struct MHD_Response *response = r->response;
	enum MHD_Result queued;

	r->stage = REQUEST_ANSWERED;
	r->response = NULL;
	client_set_stage(r->httpd, r->client, CLIENT_READING);
	count(r);
	if (r->close || r->httpd->draining)
		MHD_add_response_header(response, "Connection", "close");
	queued = MHD_queue_response(r->connection, (unsigned)r->status, response);
	MHD_destroy_response(response);
	return queued;
}

static void give(struct request *r, struct MHD_Response *response)
{
	r->response = response;
	if (r->stage != REQUEST_WAITING)
		return; /* goes out when the call that led here returns, or when the body was read
		         */
	if (answer_queue(r) != MHD_YES)
		log_line(LOG_ERROR, "http_answer_refused", "path=%s status=%d", log_quote(r->path),
		         r->status);
	request_resume(r);
}

/* Takes the response, which may be NULL when there was no memory for it. */
static void answer(struct request *r, int status, struct MHD_Response *response, const char *type)
{
	if (r->response || r->stage == REQUEST_ANSWERED) {
		log_line(LOG_ERROR, "http_answered_twice", "path=%s status=%d",
		         log_quote(r->path ? r->path : r->target), status);
		if (response)
			MHD_destroy_response(response);
		return;
	}
	if (!response) {
		/* An empty answer of a constant costs the library one small allocation. */
		static char nothing[] = "";

		log_line(LOG_ERROR, "http_answer_lost", "path=%s status=%d",
		         log_quote(r->path ? r->path : r->target), status);
		status = 503;
		type = NULL;
		response = MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
		if (!response)
			abort();
	}
	add_headers(r, response, type);
	r->status = status;
	give(r, response);
}

static struct MHD_Response *response_take(char *bytes, size_t n)
{
	struct MHD_Response *response;

	if (!bytes)
		return NULL;
	response = MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(bytes);
	return response;
}

static int add_bytes(const char *bytes, size_t n, void *data)
{
	struct buf *out = data;

	buf_add(out, bytes, n);
	return out->failed == ERR_NONE ? 0 : -1;
}

static struct MHD_Response *json_response(json_t *body)
{
	struct MHD_Response *response;
	struct buf out;
	size_t n;

	buf_init(&out, API_ANSWER_MAX);
	if (!body || json_dump_callback(body, add_bytes, &out, JSON_FLAGS) != 0) {
		buf_fini(&out);
		return NULL;
	}
	buf_add_char(&out, '\n');
	n = out.n;
	response = response_take(buf_take_text(&out), n);
	buf_fini(&out);
	return response;
}

bool request_is_refused(const struct request *r)
{
	return r->response && r->status >= 400 && r->status < 500;
}

int request_withhold(struct request *r)
{
	if (!r->response || r->withheld || r->stage != REQUEST_HANDLING)
		return 0;
	r->withheld = r->response;
	r->response = NULL;
	return r->status;
}

void request_answer_withheld(struct request *r)
{
	struct MHD_Response *response = r->withheld;

	r->withheld = NULL;
	give(r, response);
}

void request_answer_json(struct request *r, int status, json_t *body_take)
{
	answer(r, status, json_response(body_take), JSON_TYPE);
	json_decref(body_take);
}

void request_answer_text(struct request *r, int status, const char *content_type, struct str body)
{
	answer(r, status, response_take(str_dup(body), body.n), content_type);
}

void request_answer_not_modified(struct request *r)
{
	answer(r, 304, response_take(str_dup(STR("")), 0), NULL);
}

void request_problem(struct request *r, int status, json_t *extra_take, const char *fmt, ...)
{
	json_t *body = json_object();
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, fmt);
	text_vformat(detail, sizeof(detail), fmt, args);
	va_end(args);
	json_object_set_new(body, "type", json_string("about:blank"));
	json_object_set_new(body, "title", json_string(title_of(status)));
	json_object_set_new(body, "status", json_integer(status));
	json_object_set_new(body, "detail", json_string(detail));
	if (extra_take)
		json_object_update(body, extra_take);
	json_decref(extra_take);
	answer(r, status, json_response(body), PROBLEM_TYPE);
	json_decref(body);
}

void request_unavailable(struct request *r, const char *fmt, ...)
{
	char detail[DETAIL_MAX];
	va_list args;

	va_start(args, fmt);
	text_vformat(detail, sizeof(detail), fmt, args);
	va_end(args);
	request_set_header(r, "Retry-After", "2");
	request_problem(r, 503, NULL, "%s", detail);
}
