/*
 * request - one request's memory, what a route may ask about it, and its time in suspension.
 */
#include "api/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include "app.h"

struct request *request_new(struct httpd *h, struct client *c, struct MHD_Connection *connection,
                            const char *target)
{
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->target = text_dup(target);
	if (!r->target) {
		free(r);
		return NULL;
	}
	r->id = ++h->last_id;
	r->httpd = h;
	r->client = c;
	r->connection = connection;
	r->started = loop_now(h->app->loop).mono;
	buf_init(&r->body, API_BODY_MAX);
	c->request = r;
	return r;
}

static struct request **find_waiting(struct httpd *h, uint64_t id)
{
	struct request **at = &h->waiting[id % API_TABLE];

	while (*at && (*at)->id != id)
		at = &(*at)->next_waiting;
	return at;
}

void request_free(struct request **r)
{
	struct request *gone = *r;

	if (!gone)
		return;
	*r = NULL;
	if (gone->client->request == gone)
		gone->client->request = NULL;
	if (gone->response)
		MHD_destroy_response(gone->response);
	if (gone->withheld)
		MHD_destroy_response(gone->withheld);
	for (size_t i = 0; i < gone->nheaders; i++) {
		free(gone->headers[i].name);
		free(gone->headers[i].value);
	}
	for (size_t i = 0; i < ROUTER_MAX_PARAMS; i++)
		free(gone->params[i]);
	principal_free(&gone->principal);
	json_decref(gone->json);
	buf_fini(&gone->body);
	form_fini(&gone->query);
	free(gone->path);
	free(gone->target);
	free(gone);
}

/* A suspended connection is out of MHD's sight. Of a client that closed its half nobody knows
 * whether it still reads, so it gets a while; one that reset is gone. */
static void on_gone(struct ev_loop *loop, ev_io *io, int events)
{
	struct request *r = io->data;
	char byte;
	ssize_t n = recv(r->client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	ev_io_stop(loop, io);
	if (n == 0)
		r->left = loop_now(r->httpd->app->loop).mono;
	else if (n < 0)
		request_problem(r, 503, NULL, "The client left.");
	/* Else the next request is already there and waits its turn. */
}

void request_show(struct request *r)
{
	struct request **bucket = &r->httpd->waiting[r->id % API_TABLE];

	r->next_waiting = *bucket;
	*bucket = r;
}

void request_hide(struct request *r)
{
	struct request **at = find_waiting(r->httpd, r->id);

	if (*at)
		*at = r->next_waiting;
}

void request_suspend(struct request *r)
{
	struct httpd *h = r->httpd;

	r->stage = REQUEST_WAITING;
	client_set_stage(h, r->client, CLIENT_WAITING);
	MHD_suspend_connection(r->connection);
	ev_io_init(&r->gone, on_gone, r->client->fd, EV_READ);
	r->gone.data = r;
	ev_io_start(loop_ev(h->app->loop), &r->gone);
}

void request_resume(struct request *r)
{
	struct httpd *h = r->httpd;

	request_hide(r);
	/* Before the descriptor is MHD's again, and perhaps closed. */
	ev_io_stop(loop_ev(h->app->loop), &r->gone);
	MHD_resume_connection(r->connection);
	h->kick = true;
}

struct request *httpd_request(struct httpd *h, uint64_t id)
{
	struct request *r = *find_waiting(h, id);

	/* One that was answered inside its route's call is still there until that returns. */
	return r && !r->response ? r : NULL;
}

uint64_t request_id(const struct request *r)
{
	return r->id;
}

const char *request_method(const struct request *r)
{
	return r->method;
}

const char *request_path(const struct request *r)
{
	return r->path;
}

const char *request_query(const struct request *r, const char *key)
{
	return form_find(&r->query, key);
}

const struct form *request_query_form(const struct request *r)
{
	return &r->query;
}

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

struct str request_raw_body(const struct request *r)
{
	return buf_str(&r->body);
}

const struct principal *request_principal(const struct request *r)
{
	return r->principal;
}

const char *request_origin(const struct request *r)
{
	return r->client->origin;
}

struct app *request_app(const struct request *r)
{
	return r->httpd->app;
}

const struct route *request_route(const struct request *r)
{
	return r->route;
}

const char *request_param(const struct request *r, size_t index)
{
	return index < ROUTER_MAX_PARAMS ? r->params[index] : NULL;
}

static bool parse_form(struct request *r)
{
	struct form form;
	struct err err;

	if (!form_parse(buf_str(&r->body), &form, &err)) {
		request_problem(r, err.code == ERR_NOMEM ? 503 : 400, NULL,
		                "The form cannot be read: %s.", err.text);
		return false;
	}
	r->json = form_json(&form);
	form_fini(&form);
	return true;
}

static bool parse_json(struct request *r)
{
	struct err err;

	r->json = json_parse_strict(buf_str(&r->body), API_BODY_MAX, &err);
	if (r->json)
		return true;
	request_problem(r, err.code == ERR_NOMEM ? 503 : 400, NULL, "%s", err.text);
	return false;
}

json_t *request_body(struct request *r)
{
	bool ok = true;

	if (r->json)
		return r->json;
	if (r->too_long) {
		request_too_long(r);
		return NULL;
	}
	switch (r->body_kind) {
	case BODY_NONE:
		r->json = json_object();
		break;
	case BODY_JSON:
		ok = parse_json(r);
		break;
	case BODY_FORM:
		ok = parse_form(r);
		break;
	case BODY_YAML:
	case BODY_OTHER:
		request_problem(r, 415, NULL,
		                "Send the body with Content-Type application/json or "
		                "application/x-www-form-urlencoded.");
		return NULL;
	}
	if (ok && !r->json)
		request_problem(r, 503, NULL, "No memory for the body.");
	return r->json;
}

/* One entity tag of a list, quoted, with its weakness cut off; *at moves behind it. */
static struct str next_tag(struct str list, size_t *at)
{
	const char *comma = memchr(list.p + *at, ',', list.n - *at);
	size_t end = comma ? (size_t)(comma - list.p) : list.n;
	struct str tag = str_trim(str_slice(list, *at, end));

	*at = end + 1;
	return str_starts_with(tag, STR("W/")) ? str_slice(tag, 2, tag.n) : tag;
}

bool request_etag_matches(const struct request *r, const char *etag)
{
	struct str list = str_of(request_header(r, "If-None-Match"));
	size_t at = 0;

	while (at < list.n) {
		struct str tag = next_tag(list, &at);

		if (str_eq_text(tag, etag) || str_eq_text(tag, "*"))
			return true;
	}
	return false;
}

bool request_has_twin(const struct request *r, const char *header)
{
	const char *value = request_header(r, header);

	for (size_t i = 0; value != NULL && i < API_TABLE; i++) {
		for (const struct request *o = r->httpd->waiting[i]; o != NULL;
		     o = o->next_waiting) {
			const char *theirs = request_header(o, header);

			if (o != r && theirs != NULL && strcmp(theirs, value) == 0 &&
			    strcmp(o->path, r->path) == 0 && o->principal != NULL &&
			    r->principal != NULL &&
			    strcmp(o->principal->subject, r->principal->subject) == 0)
				return true;
		}
	}
	return false;
}

bool request_is_yaml(const struct request *r)
{
	return r->body_kind == BODY_YAML;
}
