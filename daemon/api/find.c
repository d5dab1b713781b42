/*
 * find - which release a path names (rule I5): in memory, else in the database.
 */
#include "api/find.h"

#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/units.h"

#define SERVICE_MAX 64

/* What a path names: a number, or service@version. */
struct name {
	const char *text;
	int64_t id;
	char service[SERVICE_MAX + 1];
	const char *version; /* NULL: by number */
};

static bool name_read(const char *text, struct name *out)
{
	const char *at = strchr(text, '@');
	struct err err = {.code = ERR_NONE};

	*out = (struct name){.text = text};
	if (at == NULL)
		return int_parse(str_of(text), &out->id, &err) && out->id > 0;
	if ((size_t)(at - text) > SERVICE_MAX || at[1] == '\0')
		return false;
	memcpy(out->service, text, (size_t)(at - text));
	out->version = at + 1;
	return true;
}

static void answer_unknown(struct request *r, const char *name)
{
	request_problem(r, 404, NULL,
	                "no release \"%.128s\": name it by number or as service@version; GET "
	                "/v1/releases lists them",
	                name);
}

/* In memory; NULL with *out_answered set when the request was answered. */
static const struct tracked *look(struct request *r, const struct name *name, bool *out_answered)
{
	const struct engine *e = request_app(r)->engine;
	json_t *several = NULL;
	const struct tracked *t;

	*out_answered = false;
	if (name->version == NULL)
		return engine_find(e, name->id);
	t = engine_find_version(e, name->service, name->version, request_query(r, "environment"),
	                        &several);
	if (several != NULL) {
		request_problem(
		        r, 409, json_pack("{s:o}", "environments", several),
		        "%.128s exists in several environments: add ?environment=", name->text);
		*out_answered = true;
	}
	return t;
}

struct fetch_op {
	struct app *app;
	uint64_t request;
};

/* Found now: the route is called once more and finds it in memory. */
static void fetched(void *ctx, const struct err *err)
{
	struct fetch_op *op = ctx;
	struct request *r = httpd_request(op->app->httpd, op->request);
	struct name name;
	bool answered = false;

	free(op);
	if (r == NULL)
		return;
	if (err != NULL) {
		request_unavailable(r, "the database is away: %s", err->text);
	} else if (name_read(request_param(r, 0), &name) && look(r, &name, &answered) != NULL) {
		request_route(r)->handle(r);
	} else if (!answered) {
		answer_unknown(r, request_param(r, 0));
	}
}

static void look_in_database(struct request *r, const struct name *name)
{
	struct fetch_op *op = calloc(1, sizeof(*op));
	struct err err = {.code = ERR_NONE};

	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	*op = (struct fetch_op){.app = request_app(r), .request = request_id(r)};
	if (engine_fetch(op->app->engine, name->id, name->version == NULL ? NULL : name->service,
	                 name->version, request_query(r, "environment"), fetched, op, &err))
		return;
	free(op);
	request_unavailable(r, "it is not in memory, and the database is away: %s", err.text);
}

const struct tracked *find_release(struct request *r)
{
	struct name name;
	const struct tracked *t;
	bool answered;

	if (!name_read(request_param(r, 0), &name)) {
		answer_unknown(r, request_param(r, 0));
		return NULL;
	}
	t = look(r, &name, &answered);
	if (t == NULL && !answered)
		look_in_database(r, &name);
	return t;
}
