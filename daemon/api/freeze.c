/*
 * freeze - the stop-the-line button (rule A3): once the answer is out, nothing in scope advances.
 */
#include "api/freeze.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/httpd.h"
#include "app.h"
#include "base/field.h"
#include "engine/engine.h"
#include "release/release.h"

enum freeze_scope { SCOPE_GLOBAL = 0, SCOPE_ENVIRONMENT, SCOPE_SERVICE };
static const char *const scope_names[] = {"global", "environment", "service", NULL};

struct freeze_body {
	int scope;
	char *name;
	char *reason;
};

/* clang-format off */
static const struct field freeze_fields[] = {
	{ .key = "scope", .kind = FIELD_ENUM, .offset = offsetof(struct freeze_body, scope), .names = scope_names,
	  .fallback = "global", .doc = "What is frozen." },
	{ .key = "name", .kind = FIELD_TEXT, .offset = offsetof(struct freeze_body, name), .max = 64,
	  .doc = "The environment or service; not with scope global." },
	{ .key = "reason", .kind = FIELD_TEXT, .offset = offsetof(struct freeze_body, reason), .min = 1,
	  .max = RELEASE_MAX_REASON, .flags = FIELD_REQUIRED, .doc = "Why; lands in the audit trail." },
};
static const struct field_table freeze_table = { .noun = "freeze", .fields = freeze_fields,
	.n = ARRAY_LEN(freeze_fields), .size = sizeof(struct freeze_body) };
/* clang-format on */

struct freeze_request {
	struct app *app;
	uint64_t request;
};

static void freeze_done(void *ctx, const struct err *err)
{
	struct freeze_request *op = ctx;
	struct request *r = httpd_request(op->app->httpd, op->request);

	if (r != NULL && err == NULL)
		request_answer_json(r, 200,
		                    json_pack("{s:o}", "freezes", engine_freezes(op->app->engine)));
	else if (r != NULL) {
		request_unavailable(r, "%s", err->text);
	}
	free(op);
}

static void run(struct request *r, const struct freeze_body *body, bool frozen)
{
	struct freeze_request *op;
	struct err err = {.code = ERR_NONE};
	bool global = body->scope == SCOPE_GLOBAL;

	if (global != (body->name == NULL)) {
		request_problem(r, 422, json_pack("{s:s}", "pointer", "/name"), "%s",
		                global ? "scope global takes no name"
		                       : "name the environment or service that is meant");
		return;
	}
	op = calloc(1, sizeof(*op));
	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	*op = (struct freeze_request){.app = request_app(r), .request = request_id(r)};
	if (!engine_freeze(op->app->engine, scope_names[body->scope], global ? "*" : body->name,
	                   frozen, request_principal(r)->subject, body->reason, freeze_done, op,
	                   &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

static void read_and_run(struct request *r, bool frozen)
{
	struct freeze_body body = {0};

	if (request_decode(r, &freeze_table, &body))
		run(r, &body, frozen);
	field_free(&freeze_table, &body);
}

void freeze_set(struct request *r)
{
	read_and_run(r, true);
}

void freeze_clear(struct request *r)
{
	read_and_run(r, false);
}

void freeze_get(struct request *r)
{
	request_answer_json(r, 200,
	                    json_pack("{s:o}", "freezes", engine_freezes(request_app(r)->engine)));
}
