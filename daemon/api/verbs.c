/*
 * verbs - what people and schedulers may do to a release: one table, one handler.
 */
#include "api/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/find.h"
#include "api/httpd.h"
#include "api/idempotency.h"
#include "api/release_view.h"
#include "app.h"
#include "base/field.h"
#include "engine/policy_fit.h"
#include "loop/loop.h"

/* Every operand any verb takes; each verb's table names its own. */
struct verb_body {
	char *reason;
	char *author; /* the person a machine acts for (rule A1) */
	char *stage;
	char *gate;
	char *role;
	char *option;
	char *hold;
	char *alert;
	char *live_version;
	char *evidence;
	char *root_cause, *impact, *restore_point;
	char *policy;
	struct wall expires;
	int64_t expires_in_ms;
	bool restore_confirmed;
	bool done;
};

#define TEXT(key_, member_, max_, doc_)                                                            \
	{                                                                                          \
		.key = key_, .kind = FIELD_TEXT, .offset = offsetof(struct verb_body, member_),    \
		.max = max_, .doc = doc_                                                           \
	}
#define REASON_BYTES_TAKEN (256 * 1024) /* more than any body has */
#define REASON TEXT("reason", reason, RELEASE_MAX_REASON, "Why; lands in the audit trail.")
#define AUTHOR TEXT("author", author, 128, "The person a machine token acts for.")
#define STAGE TEXT("stage", stage, 64, "The stage that is meant; must fit.")

/* clang-format off */
static const struct field plain_fields[] = { REASON, AUTHOR, STAGE };
static const struct field pause_fields[] = {
	REASON, AUTHOR, STAGE,
	{ .key = "expires", .kind = FIELD_INSTANT, .offset = offsetof(struct verb_body, expires),
	  .doc = "When the hold removes itself." },
	{ .key = "expires_in", .kind = FIELD_DURATION, .offset = offsetof(struct verb_body, expires_in_ms),
	  .doc = "The same as a duration from now, like 2h." },
};
static const struct field waive_fields[] = {
	REASON, AUTHOR, STAGE,
	TEXT("gate", gate, 64, "The gate that shall not count in this stage."),
};
static const struct field rollback_fields[] = {
	/* Rule R1: a reason too long must not stop a rollback; the core cuts what it keeps. */
	TEXT("reason", reason, REASON_BYTES_TAKEN, "Why; lands in the audit trail."), AUTHOR,
	TEXT("option", option, 64, "Which option of the policy's rollback; default the first that is available."),
	{ .key = "restore_confirmed", .kind = FIELD_BOOL, .offset = offsetof(struct verb_body, restore_confirmed),
	  .doc = "The data of an irreversible migration has been restored." },
};
static const struct field approve_fields[] = {
	REASON, AUTHOR, STAGE,
	TEXT("role", role, 64, "The role that approves; default the only one the stage asks for that you hold."),
};
static const struct field ack_fields[] = {
	REASON, AUTHOR,
	TEXT("hold", hold, 128, "The cause of a call, or the hold, that is acknowledged; default all of them."),
	TEXT("alert", alert, 64, "Instead: the fingerprint of an alert that a person takes care of; it counts no more for this release."),
};
static const struct field resolve_fields[] = {
	REASON, AUTHOR,
	TEXT("live_version", live_version, 128, "The version that is live now; becomes the last stable one."),
};
static const struct field incident_fields[] = {
	REASON, AUTHOR,
	TEXT("root_cause", root_cause, RELEASE_MAX_REASON, "Why it happened, or what it is thought to be."),
	TEXT("impact", impact, RELEASE_MAX_REASON, "What users met."),
	TEXT("restore_point", restore_point, RELEASE_MAX_REASON, "What was gone back to: version, configuration, backup."),
};
static const struct field repin_fields[] = {
	REASON, AUTHOR,
	TEXT("policy", policy, 64, "The policy it is moved to; default the newest of the same name."),
};
static const struct field check_fields[] = {
	REASON, AUTHOR,
	TEXT("evidence", evidence, 2000, "A link or a note."),
	{ .key = "done", .kind = FIELD_BOOL, .offset = offsetof(struct verb_body, done), .fallback = "true",
	  .doc = "false opens the check again." },
};

#define TABLE(name_, fields_) \
	static const struct field_table name_ = { .noun = "request", .fields = fields_, \
		                                  .n = ARRAY_LEN(fields_), .size = sizeof(struct verb_body) }
TABLE(plain_table, plain_fields);
TABLE(pause_table, pause_fields);
TABLE(waive_table, waive_fields);
TABLE(rollback_table, rollback_fields);
TABLE(approve_table, approve_fields);
TABLE(ack_table, ack_fields);
TABLE(resolve_table, resolve_fields);
TABLE(check_table, check_fields);
TABLE(incident_table, incident_fields);
TABLE(repin_table, repin_fields);

/* The table of every operand, to free a body whichever verb's table filled it. */
static const struct field all_fields[] = {
	REASON, AUTHOR, STAGE,
	TEXT("gate", gate, 0, ""), TEXT("role", role, 0, ""), TEXT("option", option, 0, ""),
	TEXT("hold", hold, 0, ""), TEXT("alert", alert, 0, ""), TEXT("live_version", live_version, 0, ""), TEXT("evidence", evidence, 0, ""),
	TEXT("root_cause", root_cause, 0, ""), TEXT("impact", impact, 0, ""), TEXT("restore_point", restore_point, 0, ""),
	TEXT("policy", policy, 0, ""),
};
TABLE(all_table, all_fields);
/* clang-format on */

struct verb_op {
	struct app *app;
	uint64_t request;
	int64_t release;
};

static int refusal_status(enum refusal_kind refused)
{
	switch (refused) {
	case REFUSED_STATE:
		return 409;
	case REFUSED_DENIED:
		return 403;
	case REFUSED_INVALID:
		return 422;
	case REFUSED_NOMEM:
		return 503;
	case REFUSED_NONE:
	case REFUSED_REPEAT:
	default:
		return 500;
	}
}

static json_t *legal_now(struct app *app, const struct tracked *t)
{
	struct release_facts facts;

	if (t == NULL || t->bound == NULL)
		return json_array();
	engine_facts(app->engine, t, &facts);
	return release_view_legal(release_legal(t->release, t->checkpoint, t->bound, &facts));
}

static void answer_refused(struct request *r, struct verb_op *op, const struct door_reply *reply)
{
	const struct tracked *t = engine_find(op->app->engine, op->release);
	json_t *extra = json_pack("{s:o}", "legal", legal_now(op->app, t));
	int status = reply->answer == DOOR_REFUSED       ? refusal_status(reply->refused)
	             : reply->answer == DOOR_UNAVAILABLE ? 503
	                                                 : 409;

	if (t != NULL)
		(void)json_object_set_new(extra, "state",
		                          json_string(release_state_names[t->release->state]));
	if (reply->pointer != NULL)
		(void)json_object_set_new(extra, "pointer", json_string(reply->pointer));
	if (reply->answer == DOOR_CONFLICT && request_header(r, "If-Match") != NULL)
		status = 412;
	if (status == 503)
		request_set_header(r, "Retry-After", "2");
	idempotency_answer_problem(r, status, extra, reply->text);
}

static void verb_answered(void *ctx, const struct door_reply *reply)
{
	struct verb_op *op = ctx;
	/* At the very end the server is gone before the engine drops what still waits. */
	struct request *r =
	        op->app->httpd == NULL ? NULL : httpd_request(op->app->httpd, op->request);
	const struct tracked *t = engine_find(op->app->engine, op->release);

	if (r != NULL && (reply->answer == DOOR_DONE || reply->answer == DOOR_REPEAT) &&
	    t != NULL) {
		char etag[RELEASE_ETAG_TEXT];
		json_t *body = release_view(op->app->engine, t);

		release_etag(t, etag);
		request_set_header(r, "ETag", etag);
		(void)json_object_set_new(body, "transition", json_string(reply->transition));
		idempotency_answer(r, 200, body);
	} else if (r != NULL) {
		answer_refused(r, op, reply);
	}
	free(op);
}

/* A number in *out or an answer given. */
static bool read_if_match(struct request *r, const struct tracked *t, int64_t *out)
{
	const char *value = request_header(r, "If-Match");

	*out = 0;
	if (value == NULL || release_if_match(t, value, out))
		return true;
	request_problem(
	        r, 400, NULL,
	        "If-Match must be the ETag of this release as it was given, in quotes; weak tags "
	        "and * are not taken");
	return false;
}

void verbs_submit(struct request *r, const struct tracked *t, const struct event *asked,
                  const char *author)
{
	const struct principal *by = request_principal(r);
	struct app *app = request_app(r);
	struct err err = {.code = ERR_NONE};
	struct event event = *asked;
	struct verb_op *op = calloc(1, sizeof(*op));
	int64_t if_match = 0;

	event.by = (struct actor){.subject = by->subject,
	                          .person = by->machine ? author : by->subject,
	                          .origin = request_origin(r),
	                          .roles = (const char *const *)by->roles,
	                          .nroles = by->nroles};
	/* Pause and rollback depend on nothing, so they do not look at If-Match. */
	if (op == NULL || (event.kind != EVENT_PAUSE && event.kind != EVENT_ROLLBACK &&
	                   !read_if_match(r, t, &if_match))) {
		if (op == NULL)
			request_unavailable(r, "no memory for this request: try again");
		free(op);
		return;
	}
	*op = (struct verb_op){.app = app, .request = request_id(r), .release = t->release->id};
	if (!door_submit(app->engine, t->release->id, &event, by, if_match, verb_answered, op,
	                 &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

static void submit(struct request *r, const struct tracked *t, enum release_event kind,
                   const struct verb_body *body, const char *check)
{
	struct wall now = loop_now(request_app(r)->loop).wall;
	const struct event event = {
	        .kind = kind,
	        .reason = body->reason,
	        .gate = body->gate,
	        .stage = body->stage,
	        .role = body->role,
	        .option = body->option,
	        .check = check,
	        .evidence = body->evidence,
	        .done = body->done,
	        .live_version = body->live_version,
	        .root_cause = body->root_cause,
	        .impact = body->impact,
	        .restore_point = body->restore_point,
	        .restore_confirmed = body->restore_confirmed,
	        .expires = body->expires_in_ms > 0 ? (struct wall){now.ms + body->expires_in_ms}
	                                           : body->expires,
	        .hold = body->hold,
	        .alert = body->alert,
	};

	verbs_submit(r, t, &event, body->author);
}

static void run(struct request *r, enum release_event kind, const struct field_table *table,
                const char *check)
{
	const struct tracked *t = find_release(r);
	struct verb_body body = {0};

	if (t == NULL)
		return;
	if (request_decode(r, table, &body))
		submit(r, t, kind, &body, check);
	field_free(&all_table, &body);
}

/* clang-format off */
#define VERB(name_, kind_, table_) \
	static void name_##_go(struct request *r) { run(r, kind_, &table_, NULL); } \
	void verbs_##name_(struct request *r) { idempotency_run(r, name_##_go); }
VERB(start,    EVENT_START,    plain_table)
VERB(resume,   EVENT_RESUME,   plain_table)
VERB(promote,  EVENT_PROMOTE,  plain_table)
VERB(waive,    EVENT_WAIVE,    waive_table)
VERB(cancel,   EVENT_CANCEL,   plain_table)
VERB(approve,  EVENT_APPROVE,  approve_table)
VERB(reject,   EVENT_REJECT,   approve_table)
VERB(ack,      EVENT_ACK,      ack_table)
VERB(retry,    EVENT_RETRY,    rollback_table)
VERB(resolve,  EVENT_RESOLVE,  resolve_table)
VERB(note,     EVENT_NOTE,     plain_table)
VERB(incident, EVENT_INCIDENT_RECORD, incident_table)
/* clang-format on */

/* These two never wait for a look at old keys: they must work at once, and repeating them is
 * harmless. */
void verbs_pause(struct request *r)
{
	run(r, EVENT_PAUSE, &pause_table, NULL);
}

void verbs_rollback(struct request *r)
{
	run(r, EVENT_ROLLBACK, &rollback_table, NULL);
}

/* The policy to move to, as it is written; NULL with the answer given. */
static const struct policy *find_policy(struct request *r, const char *name)
{
	struct engine *e = request_app(r)->engine;
	const struct policy *found = engine_policy(e, name);
	struct problems problems;
	bool fits;

	if (found == NULL) {
		request_problem(r, 422, json_pack("{s:s}", "pointer", "/policy"),
		                "no policy is named \"%s\": see GET /v1/policies", name);
		return NULL;
	}
	if (!engine_policy_is_stored(e, found)) {
		request_unavailable(r, "the policy is still being written to the database: try "
		                       "again in a moment");
		return NULL;
	}
	problems_init(&problems);
	fits = policy_fits(found, request_app(r)->config, NULL, &problems);
	if (!fits)
		request_problem(r, 422, json_pack("{s:s}", "pointer", "/policy"),
		                "policy %s, %s: %s", name, problems.list[0].pointer,
		                problems.list[0].text);
	problems_fini(&problems);
	return fits ? found : NULL;
}

static void repin_go(struct request *r)
{
	const struct tracked *t = find_release(r);
	struct verb_body body = {0};
	struct event event = {.kind = EVENT_REPIN};

	if (t == NULL)
		return;
	if (request_decode(r, &repin_table, &body))
		event.policy =
		        find_policy(r, body.policy != NULL ? body.policy : t->release->policy_name);
	event.reason = body.reason;
	if (event.policy != NULL)
		verbs_submit(r, t, &event, body.author);
	field_free(&all_table, &body);
}

void verbs_repin(struct request *r)
{
	idempotency_run(r, repin_go);
}

static void check_go(struct request *r)
{
	run(r, EVENT_CHECK, &check_table, request_param(r, 1));
}

void verbs_check(struct request *r)
{
	idempotency_run(r, check_go);
}
