/*
 * policies - reading, checking and putting policies. Bodies are JSON, YAML by its Content-Type, or
 * YAML as a text in {"yaml": "..."}.
 */
#include "api/policies.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/httpd.h"
#include "app.h"
#include "engine/engine.h"
#include "engine/policy_fit.h"
#include "policy/policy.h"

#define NAMES_MAX 1000

void policies_list(struct request *r)
{
	const struct engine *e = request_app(r)->engine;
	const char **names = calloc(NAMES_MAX, sizeof(*names));
	size_t n = names == NULL ? 0 : engine_policy_names(e, names, NAMES_MAX);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++) {
		const struct policy *p = engine_policy(e, names[i]);

		(void)json_array_append_new(
		        list, json_pack("{s:s, s:s, s:i, s:s}", "name", p->name, "hash", p->hash,
		                        "stages", (int)p->nstages, "origin",
		                        engine_policy_is_file(e, p->name) ? "file" : "api"));
	}
	free(names);
	request_answer_json(r, 200, json_pack("{s:o}", "policies", list));
}

void policies_get(struct request *r)
{
	const char *name = request_param(r, 0);
	const struct policy *p = engine_policy(request_app(r)->engine, name);
	char etag[POLICY_HASH_TEXT + 2];

	if (p == NULL) {
		request_problem(r, 404, NULL,
		                "no policy \"%.64s\"; GET /v1/policies lists the names there are",
		                name);
		return;
	}
	snprintf(etag, sizeof(etag), "\"%s\"", p->hash);
	request_set_header(r, "ETag", etag);
	if (request_etag_matches(r, etag)) {
		request_answer_not_modified(r);
		return;
	}
	request_answer_json(r, 200,
	                    json_pack("{s:s, s:s, s:o}", "name", p->name, "hash", p->hash, "policy",
	                              policy_to_json(p)));
}

/* The decoded policy, or NULL with problems. A body that is no JSON at all was answered already:
 * then there is no problem either. */
static struct policy *decode_body(struct request *r, struct problems *problems)
{
	json_t *body, *yaml;

	if (request_is_yaml(r))
		return policy_from_yaml(NULL, request_raw_body(r), NULL, problems);
	body = request_body(r);
	if (body == NULL)
		return NULL;
	yaml = json_object_get(body, "yaml");
	if (json_is_string(yaml) && json_object_size(body) == 1)
		return policy_from_yaml(
		        NULL, (struct str){json_string_value(yaml), json_string_length(yaml)}, NULL,
		        problems);
	return policy_from_json_text(body, request_raw_body(r), problems);
}

void policies_validate(struct request *r)
{
	struct problems problems, warnings;
	struct policy *p;
	bool fits;

	problems_init(&problems);
	problems_init(&warnings);
	p = decode_body(r, &problems);
	fits = p != NULL && policy_fits(p, request_app(r)->config, NULL, &problems);
	if (p != NULL)
		policy_warnings(p, &warnings);
	if (p != NULL || problems.n > 0)
		request_answer_json(r, 200,
		                    json_pack("{s:b, s:s?, s:o, s:o}", "valid", fits, "hash",
		                              p == NULL ? NULL : p->hash, "problems",
		                              problems_json(&problems), "warnings",
		                              problems_json(&warnings)));
	policy_free(&p);
	problems_fini(&warnings);
	problems_fini(&problems);
}

struct put_request {
	struct app *app;
	uint64_t request;
	char hash[POLICY_HASH_TEXT];
};

static void put_done(void *ctx, const struct err *err)
{
	struct put_request *op = ctx;
	struct request *r = httpd_request(op->app->httpd, op->request);

	if (r != NULL && err == NULL)
		request_answer_json(r, 200, json_pack("{s:s}", "hash", op->hash));
	else if (r != NULL) {
		request_unavailable(r, "%s", err->text);
	}
	free(op);
}

static void put_policy(struct request *r, struct policy *take)
{
	struct put_request *op = calloc(1, sizeof(*op));
	struct err err = {.code = ERR_NONE};

	if (op == NULL) {
		policy_free(&take);
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	op->app = request_app(r);
	op->request = request_id(r);
	memcpy(op->hash, take->hash, sizeof(op->hash));
	if (!engine_put_policy(op->app->engine, take, request_principal(r)->subject, put_done, op,
	                       &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

void policies_put(struct request *r)
{
	const char *name = request_param(r, 0);
	struct problems problems;
	struct policy *p;

	if (engine_policy_is_file(request_app(r)->engine, name)) {
		request_problem(
		        r, 409, NULL,
		        "policy \"%.64s\" comes from a file in policies_dir: change it there",
		        name);
		return;
	}
	problems_init(&problems);
	p = decode_body(r, &problems);
	if (p != NULL && strcmp(p->name, name) != 0) {
		problems_add(&problems, NULL, 0, 0, "/policy",
		             "is \"%s\", but the path says \"%s\"", p->name, name);
		policy_free(&p);
	}
	if (p != NULL && !policy_fits(p, request_app(r)->config, NULL, &problems))
		policy_free(&p);
	if (p == NULL && problems.n > 0)
		request_problem(r, 422, json_pack("{s:o}", "problems", problems_json(&problems)),
		                "the policy has %zu problems", problems.n + problems.dropped);
	else if (p != NULL)
		put_policy(r, p);
	problems_fini(&problems);
}
