/*
 * releases - the release resource: create, list, read.
 */
#include "api/releases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/find.h"
#include "api/httpd.h"
#include "api/idempotency.h"
#include "api/release_text.h"
#include "api/release_view.h"
#include "app.h"
#include "base/units.h"
#include "store/store.h"

#define LIST_DEFAULT 50
#define LIST_MAX 500

typedef json_t *(*view_fn)(const struct engine *e, const struct tracked *t);

/* The view is made only for who does not have it yet. */
static void answer_with_etag(struct request *r, const struct tracked *t, view_fn view)
{
	char etag[RELEASE_ETAG_TEXT];

	release_etag(t, etag);
	request_set_header(r, "ETag", etag);
	if (request_etag_matches(r, etag))
		request_answer_not_modified(r);
	else
		request_answer_json(r, 200, view(request_app(r)->engine, t));
}

void releases_get(struct request *r)
{
	const struct tracked *t = find_release(r);
	struct buf text;

	if (t == NULL)
		return;
	request_set_header(r, "Vary", "Accept");
	if (!release_text_is_wanted(r)) {
		answer_with_etag(r, t, release_view);
		return;
	}
	buf_init(&text, RELEASE_TEXT_MAX_BYTES);
	release_text(request_app(r)->engine, t, &text);
	request_answer_text(r, 200, "text/plain; charset=utf-8", buf_str(&text));
	buf_fini(&text);
}

void releases_gates(struct request *r)
{
	const struct tracked *t = find_release(r);

	if (t != NULL)
		answer_with_etag(r, t, release_view_gates);
}

/* Ages go on between evaluations, so no ETag holds. */
void releases_targets(struct request *r)
{
	const struct tracked *t = find_release(r);

	if (t != NULL)
		request_answer_json(r, 200, release_view_targets(request_app(r)->engine, t));
}

/* --- creating --- */

struct create_request {
	struct app *app;
	uint64_t request;
};

static void create_refused(struct request *r, const struct create_reply *reply)
{
	json_t *extra = json_object();

	if (reply->problems != NULL)
		(void)json_object_set(extra, "problems", reply->problems);
	if (reply->pointer != NULL)
		(void)json_object_set_new(extra, "pointer", json_string(reply->pointer));
	if (reply->status == 503)
		request_set_header(r, "Retry-After", "2");
	idempotency_answer_problem(r, reply->status, extra, reply->text);
}

static void create_answered(void *ctx, const struct create_reply *reply)
{
	struct create_request *op = ctx;
	struct request *r = httpd_request(op->app->httpd, op->request);
	const struct tracked *t;
	char location[64];

	if (r == NULL)
		goto out;
	if (reply->answer != DOOR_DONE) {
		create_refused(r, reply);
		goto out;
	}
	t = engine_find(op->app->engine, reply->release_id);
	snprintf(location, sizeof(location), "/v1/releases/%" PRId64, reply->release_id);
	request_set_header(r, "Location", location);
	idempotency_answer(r, reply->created ? 201 : 200,
	                   t == NULL ? json_pack("{s:I}", "id", (json_int_t)reply->release_id)
	                             : release_view(op->app->engine, t));
out:
	free(op);
}

static void create_go(struct request *r)
{
	struct create_request *op = calloc(1, sizeof(*op));
	struct err err = {.code = ERR_NONE};
	json_t *body = request_body(r);

	if (body == NULL) {
		free(op);
		return;
	}
	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	op->app = request_app(r);
	op->request = request_id(r);
	if (!engine_create(op->app->engine, body, request_principal(r), request_origin(r),
	                   create_answered, op, &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

void releases_create(struct request *r)
{
	idempotency_run(r, create_go);
}

/* --- listing --- */

struct list_filter {
	const char *service, *environment, *state;
	int64_t limit, cursor;
};

static bool filter_number(struct request *r, const char *key, int64_t min, int64_t max,
                          int64_t *out)
{
	const char *text = request_query(r, key);
	struct err err = {.code = ERR_NONE};

	if (text == NULL)
		return true;
	if (int_parse(str_of(text), out, &err) && *out >= min && *out <= max)
		return true;
	request_problem(r, 422, json_pack("{s:s}", "parameter", key),
	                "%s must be a whole number from %" PRId64 " to %" PRId64, key, min, max);
	return false;
}

static bool filter_read(struct request *r, struct list_filter *out)
{
	*out = (struct list_filter){.service = request_query(r, "service"),
	                            .environment = request_query(r, "environment"),
	                            .state = request_query(r, "state"),
	                            .limit = LIST_DEFAULT,
	                            .cursor = INT64_MAX};
	for (int i = 0; out->state != NULL && strcmp(out->state, "active") != 0; i++) {
		if (i == RELEASE_STATE_COUNT) {
			request_problem(
			        r, 422, json_pack("{s:s}", "parameter", "state"),
			        "state must be active or one of planned, running, paused, "
			        "rolling_back, stabilising, completed, rolled_back, failed, "
			        "resolved, cancelled");
			return false;
		}
		if (strcmp(release_state_names[i], out->state) == 0)
			break;
	}
	return filter_number(r, "limit", 1, LIST_MAX, &out->limit) &&
	       filter_number(r, "cursor", 1, INT64_MAX, &out->cursor);
}

static bool filter_matches(const struct list_filter *f, const struct release *r)
{
	if (r->id >= f->cursor)
		return false;
	if (f->service != NULL && strcmp(f->service, r->service) != 0)
		return false;
	if (f->environment != NULL && strcmp(f->environment, r->environment) != 0)
		return false;
	if (f->state != NULL && strcmp(f->state, "active") == 0)
		return release_is_active(r->state);
	return f->state == NULL || strcmp(f->state, release_state_names[r->state]) == 0;
}

void releases_list(struct request *r)
{
	const struct engine *e = request_app(r)->engine;
	json_t *list = json_array(), *body = json_object();
	const struct tracked *t;
	struct list_filter filter;
	char as_of[UNITS_TEXT_MAX];
	size_t at = 0;
	int64_t last = 0;

	if (!filter_read(r, &filter)) {
		json_decref(list);
		json_decref(body);
		return;
	}
	while ((t = engine_next(e, &at)) != NULL) {
		if (!filter_matches(&filter, t->release))
			continue;
		if ((int64_t)json_array_size(list) == filter.limit) {
			(void)json_object_set_new(body, "next_cursor",
			                          json_integer((json_int_t)last));
			break;
		}
		last = t->release->id;
		(void)json_array_append_new(list, release_view(e, t));
	}
	instant_format(engine_as_of(e), as_of);
	(void)json_object_set_new(body, "releases", list);
	(void)json_object_set_new(body, "as_of", json_string(as_of));
	request_answer_json(r, 200, body);
}

/* --- what is read from the database's tables --- */

struct rows_request {
	struct app *app;
	uint64_t request;
	int64_t release;
	int64_t row_version;
	enum store_list which;
};

static const char *const rows_keys[STORE_LIST_COUNT] = {"timeline", "evaluations", "actions",
                                                        "audit"};

static void rows_answer(struct request *r, int64_t release, enum store_list which, json_t *rows)
{
	json_t *body = json_object();

	(void)json_object_set_new(body, "release", json_integer((json_int_t)release));
	(void)json_object_set(body, rows_keys[which], rows);
	request_answer_json(r, 200, body);
}

static void rows_known(void *ctx, json_t *rows, const struct err *err)
{
	struct rows_request *op = ctx;
	struct request *r = httpd_request(op->app->httpd, op->request);

	if (r != NULL && rows != NULL)
		rows_answer(r, op->release, op->which, rows);
	else if (r != NULL) {
		request_unavailable(r, "the database is away: %s", err->text);
	}
	free(op);
}

static void rows_ask(struct request *r, enum store_list which)
{
	const struct tracked *t = find_release(r);
	struct rows_request *op;
	struct err err = {.code = ERR_NONE};
	int64_t limit = LIST_DEFAULT, before = INT64_MAX;

	if (t == NULL || !filter_number(r, "limit", 1, LIST_MAX, &limit) ||
	    !filter_number(r, "before", 1, INT64_MAX, &before))
		return;
	op = calloc(1, sizeof(*op));
	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	*op = (struct rows_request){.app = request_app(r),
	                            .request = request_id(r),
	                            .release = t->release->id,
	                            .which = which};
	if (!store_rows(op->app->store, which, op->release, before, limit, rows_known, op, &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

/* Newest decisions first. From memory while it holds them all, so that an outage of the database
 * does not take the story away. */
void releases_timeline(struct request *r)
{
	const struct tracked *t = find_release(r);

	if (t == NULL)
		return;
	if (t->timeline != NULL && t->timeline_version == t->release->row_version &&
	    request_query(r, "before") == NULL && request_query(r, "limit") == NULL) {
		rows_answer(r, t->release->id, STORE_TIMELINE, t->timeline);
		return;
	}
	rows_ask(r, STORE_TIMELINE);
}

void releases_evaluations(struct request *r)
{
	const struct tracked *t = find_release(r);

	if (t == NULL)
		return;
	if (!store_is_up(request_app(r)->store) && t->evaluations != NULL) {
		rows_answer(r, t->release->id, STORE_EVALUATIONS, t->evaluations);
		return;
	}
	rows_ask(r, STORE_EVALUATIONS);
}

void releases_actions(struct request *r)
{
	rows_ask(r, STORE_ACTIONS);
}

void releases_audit(struct request *r)
{
	rows_ask(r, STORE_AUDIT);
}
