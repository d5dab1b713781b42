/*
 * create - a posted release: looked at, compared with what exists (rule I5), given an id, and
 * committed.
 */
#include "engine/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "app.h"
#include "base/str.h"
#include "config.h"
#include "engine/policy_fit.h"

struct create_op {
	struct engine *engine;
	struct release_request request;
	struct principal *by;
	char *origin;
	const struct policy *policy; /* policies are never dropped while the engine lives */
	bool fetched;                /* every attempt the database has is in memory */
	create_fn fn;
	void *ctx;
};

static void create_op_free(struct create_op *op)
{
	field_free(&release_request_table, &op->request);
	principal_free(&op->by);
	free(op->origin);
	free(op);
}

static void answer(struct create_op *op, struct create_reply *reply)
{
	op->fn(op->ctx, reply);
	create_op_free(op);
}

static void answer_text(struct create_op *op, enum door_answer how, int status, const char *text)
{
	struct create_reply reply = {.answer = how, .status = status};

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	answer(op, &reply);
}

static void answer_release(struct create_op *op, int64_t id, bool created)
{
	answer(op,
	       &(struct create_reply){.answer = DOOR_DONE, .created = created, .release_id = id});
}

static void answer_problems(struct create_op *op, const struct problems *problems)
{
	json_t *list = problems_json(problems);
	struct create_reply reply = {.answer = DOOR_REFUSED, .status = 422, .problems = list};

	snprintf(reply.text, sizeof(reply.text), "the release cannot be taken: %s%s",
	         problems->n > 0 ? problems->list[0].text : "",
	         problems->n > 1 ? "; and more, see problems" : "");
	answer(op, &reply);
	json_decref(list);
}

static bool text_same(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool json_same(const json_t *a, const json_t *b)
{
	bool empty_a = a == NULL || json_object_size(a) == 0;
	bool empty_b = b == NULL || json_object_size(b) == 0;

	return (empty_a && empty_b) || (!empty_a && !empty_b && json_equal(a, b) != 0);
}

/* Whether posting this again asks for what is there already. What the client left out and headgate
 * filled in does not count. */
static bool same_content(const struct release *r, const struct create_op *op)
{
	const struct release_request *q = &op->request;

	return text_same(r->policy_hash, op->policy->hash) && text_same(r->artifact, q->artifact) &&
	       text_same(r->ticket, q->ticket) && r->migration == q->migration &&
	       (q->stable_version == NULL || text_same(r->stable_version, q->stable_version)) &&
	       json_same(r->params, q->params);
}

/* Rule I5. True when the request is answered. */
static bool answered_by_existing(struct create_op *op)
{
	json_t *several = NULL;
	const struct tracked *t =
	        engine_find_version(op->engine, op->request.service, op->request.version,
	                            op->request.environment, &several);
	char text[400];

	json_decref(several);
	if (t == NULL ||
	    (release_is_ended(t->release->state) && t->release->state != RELEASE_COMPLETED))
		return false;
	if (same_content(t->release, op)) {
		answer_release(op, t->release->id, false);
		return true;
	}
	snprintf(text, sizeof(text),
	         "%s %s is already %s as release %lld with other content: cancel or roll that one "
	         "back "
	         "first, or post another version",
	         op->request.service, op->request.version, release_state_names[t->release->state],
	         (long long)t->release->id);
	answer_text(op, DOOR_REFUSED, 409, text);
	return true;
}

static void committed(void *ctx, const struct door_reply *reply)
{
	struct create_op *op = ctx;

	if (reply->answer == DOOR_DONE)
		answer_release(op, reply->release_id, true);
	else if (reply->answer == DOOR_CONFLICT)
		answer_text(op, DOOR_CONFLICT, 409,
		            "the same release was posted at the same moment: post it again");
	else
		answer_text(op, DOOR_UNAVAILABLE, 503, reply->text);
}

static void make(struct create_op *op, const struct store_slot *slot)
{
	struct release_request *q = &op->request;
	struct err err = {.code = ERR_NONE};
	struct outcome outcome = {0};
	struct policy *bound;
	const struct actor actor = {.subject = op->by->subject,
	                            .person = op->by->machine ? q->author : op->by->subject,
	                            .origin = op->origin,
	                            .roles = (const char *const *)op->by->roles,
	                            .nroles = op->by->nroles};

	if (q->stable_version == NULL && slot->last_stable != NULL)
		q->stable_version = text_dup(slot->last_stable);
	if (slot->other_active && q->on_active == 0 &&
	    (q->start == NULL || strcmp(q->start, "now") == 0)) {
		answer_text(op, DOOR_REFUSED, 409,
		            "another release of this service is active in this environment: wait "
		            "for its "
		            "end, or post with on_active: queue");
		return;
	}
	bound = policy_bind(op->policy,
	                    &(struct policy_values){.service = q->service,
	                                            .environment = q->environment,
	                                            .version = q->version,
	                                            .stable_version = q->stable_version,
	                                            .params = q->params},
	                    &err);
	if (bound == NULL ||
	    !release_create(q, bound, slot->next_id, slot->attempts + 1, &actor,
	                    loop_now(op->engine->app->loop).wall, &outcome, &err)) {
		struct create_reply reply = {.answer = DOOR_REFUSED,
		                             .status = err.code == ERR_DENIED ? 403 : 422,
		                             .pointer = outcome.pointer};

		snprintf(reply.text, sizeof(reply.text), "%s", err.text);
		policy_free(&bound);
		outcome_fini(&outcome);
		answer(op, &reply);
		return;
	}
	if (!door_create(op->engine, &outcome, bound, &actor, NULL, committed, op, &err))
		answer_text(op, DOOR_UNAVAILABLE, 503, err.text);
}

static void ask_slot(struct create_op *op);

static void existing_fetched(void *ctx, const struct err *err)
{
	struct create_op *op = ctx;

	if (err != NULL)
		answer_text(op, DOOR_UNAVAILABLE, 503, err->text);
	else
		ask_slot(op);
}

/* Another instance made some of them a moment ago, or they ended long ago. */
static bool memory_lacks(const struct create_op *op, int64_t attempts)
{
	const struct release_request *q = &op->request;
	const struct group *pair = registry_pair(op->engine, q->service, q->environment);
	int64_t known = 0;

	for (size_t i = 0; pair != NULL && i < pair->n; i++)
		known += strcmp(pair->list[i]->release->version, q->version) == 0;
	return known < attempts;
}

static void slot_known(void *ctx, const struct store_slot *slot, const struct err *err)
{
	struct create_op *op = ctx;
	const struct release_request *q = &op->request;
	struct err none = {.code = ERR_NONE};

	if (err != NULL) {
		answer_text(op, DOOR_UNAVAILABLE, 503, err->text);
		return;
	}
	if (!op->fetched && memory_lacks(op, slot->attempts)) {
		op->fetched = true;
		if (!engine_fetch(op->engine, 0, q->service, q->version, q->environment,
		                  existing_fetched, op, &none))
			answer_text(op, DOOR_UNAVAILABLE, 503, none.text);
		return;
	}
	if (!answered_by_existing(op)) /* somebody may have been quicker */
		make(op, slot);
}

static void ask_slot(struct create_op *op)
{
	const struct release_request *q = &op->request;
	struct err err = {.code = ERR_NONE};

	if (!store_prepare_release(op->engine->app->store, q->service, q->environment, q->version,
	                           slot_known, op, &err))
		answer_text(op, DOOR_UNAVAILABLE, 503, err.text);
}

/* Posted again it is answered as before: what is there may go on without its policy's destinations.
 */
static bool refused_for_fit(struct create_op *op)
{
	struct problems problems, named;
	bool fits;

	problems_init(&problems);
	problems_init(&named);
	fits = policy_fits(op->policy, op->engine->app->config, NULL, &problems);
	for (size_t i = 0; i < problems.n; i++)
		problems_add(&named, NULL, 0, 0, "/policy", "policy %s, %s: %s", op->policy->name,
		             problems.list[i].pointer, problems.list[i].text);
	if (!fits)
		answer_problems(op, &named);
	problems_fini(&named);
	problems_fini(&problems);
	return !fits;
}

static void unknown_policy(struct create_op *op)
{
	const char *names[32];
	size_t n = engine_policy_names(op->engine, names, ARRAY_LEN(names));
	struct buf text;
	struct problems problems;

	problems_init(&problems);
	buf_init(&text, 2048);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s%s", i == 0 ? "" : ", ", names[i]);
	problems_add(&problems, NULL, 0, 0, "/policy", "no policy is named \"%s\"; there are: %s",
	             op->request.policy, buf_str(&text).n > 0 ? buf_str(&text).p : "none");
	answer_problems(op, &problems);
	buf_fini(&text);
	problems_fini(&problems);
}

static bool refuse_operand(struct create_op *op, const char *pointer, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
static bool refuse_operand(struct create_op *op, const char *pointer, const char *fmt, ...)
{
	struct problems problems;
	char text[400];
	va_list args;

	va_start(args, fmt);
	text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	problems_init(&problems);
	problems_add(&problems, NULL, 0, 0, pointer, "%s", text);
	answer_problems(op, &problems);
	problems_fini(&problems);
	return false;
}

/* A type stands for the policy that release_types names. False when the request is answered. */
static bool choose_policy(struct create_op *op)
{
	const struct config *config = op->engine->app->config;
	struct release_request *q = &op->request;
	const char *policy;

	if (q->policy != NULL && q->type != NULL)
		return refuse_operand(op, "/type", "give a policy or a type, not both");
	if (q->policy != NULL)
		return true;
	if (q->type == NULL)
		return refuse_operand(op, "/policy",
		                      "is missing: name a policy, or a type of "
		                      "release_types");
	policy = config_release_type(config, q->type);
	if (policy == NULL)
		return refuse_operand(op, "/type", "release_types of headgate.yaml has no \"%s\"",
		                      q->type);
	q->policy = text_dup(policy);
	return q->policy != NULL || refuse_operand(op, "/type", "no memory for a release");
}

/* The rest of engine_create, a turn later: nothing calls back inside the call. */
static void create_begin(void *ctx)
{
	struct create_op *op = ctx;
	struct engine *e = op->engine;

	if (!choose_policy(op))
		return;
	op->policy = engine_policy(e, op->request.policy);
	if (op->policy == NULL) {
		unknown_policy(op);
		return;
	}
	if (!engine_policy_is_stored(e, op->policy)) {
		policies_store_pending(e);
		answer_text(
		        op, DOOR_UNAVAILABLE, 503,
		        "the policy is still being written to the database: try again in a moment");
		return;
	}
	if (!answered_by_existing(op) && !refused_for_fit(op))
		ask_slot(op);
}

struct bad_document {
	struct create_op *op;
	struct problems problems;
};

static void answer_bad_document(void *ctx)
{
	struct bad_document *bad = ctx;

	answer_problems(bad->op, &bad->problems);
	problems_fini(&bad->problems);
	free(bad);
}

bool engine_create(struct engine *e, json_t *document, const struct principal *by,
                   const char *origin, create_fn fn, void *ctx, struct err *err)
{
	struct create_op *op = calloc(1, sizeof(*op));
	struct bad_document *bad = calloc(1, sizeof(*bad));
	struct decode decode;
	bool good;

	if (op != NULL) {
		*op = (struct create_op){.engine = e,
		                         .by = principal_copy(by),
		                         .origin = text_dup(origin),
		                         .fn = fn,
		                         .ctx = ctx};
	}
	if (op == NULL || bad == NULL || op->by == NULL || op->origin == NULL) {
		free(bad);
		if (op != NULL)
			create_op_free(op);
		return err_set(err, ERR_NOMEM, "no memory for a release");
	}
	if (!e->store_up || !e->loaded) {
		free(bad);
		create_op_free(op);
		return err_set(
		        err, ERR_UNAVAILABLE,
		        "the database is away (%s); nothing was created: post it again when it is "
		        "back",
		        store_trouble(e->app->store));
	}
	problems_init(&bad->problems);
	bad->op = op;
	decode_init(&decode, &bad->problems, NULL);
	good = field_decode(&release_request_table, document, &op->request, &decode);
	decode_fini(&decode);
	if (!good && loop_later(e->app->loop, answer_bad_document, bad))
		return true;
	problems_fini(&bad->problems);
	free(bad);
	if (good && loop_later(e->app->loop, create_begin, op))
		return true;
	create_op_free(op);
	return err_set(err, ERR_LIMIT, "too much is under way: post it again in a moment");
}
