/*
 * door_op - one operation at the door: taken, sealed, told.
 */
#include "engine/door_op.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/auth.h"
#include "base/units.h"
#include "log.h"
#include "notifier.h"

void door_op_free(struct door_op *op)
{
	if (op == NULL)
		return;
	door_op_settle(op, false);
	outcome_fini(&op->outcome);
	buf_fini(&op->audit);
	principal_free(&op->by);
	json_decref(op->detail);
	policy_free(&op->bound);
	arena_fini(&op->arena);
	free(op);
}

struct door_op *door_op_new(struct engine *e, int64_t release_id)
{
	struct door_op *op = calloc(1, sizeof(*op));

	if (op == NULL)
		return NULL;
	op->engine = e;
	op->release_id = release_id;
	arena_init(&op->arena, 64 * 1024);
	buf_init(&op->audit, ENGINE_AUDIT_BYTES);
	return op;
}

static const char *op_text(struct door_op *op, const char *text)
{
	return text == NULL ? NULL : arena_text(&op->arena, str_of(text));
}

static void take_measurements(struct door_op *op, const struct event *event)
{
	size_t n = event->nmeasurements;
	struct event_measurement *list = n > 0 ? arena_array(&op->arena, n, sizeof(*list)) : NULL;

	for (size_t i = 0; list != NULL && i < n; i++) {
		list[i] = event->measurements[i];
		list[i].kpi = op_text(op, event->measurements[i].kpi);
	}
	op->event.measurements = list; /* without memory the arena says so */
}

bool door_op_take_event(struct door_op *op, const struct event *event, struct err *err)
{
	struct event *e = &op->event;

	*e = *event;
	e->reason = op_text(op, event->reason);
	e->gate = op_text(op, event->gate);
	e->stage = op_text(op, event->stage);
	e->role = op_text(op, event->role);
	e->option = op_text(op, event->option);
	e->check = op_text(op, event->check);
	e->evidence = op_text(op, event->evidence);
	e->live_version = op_text(op, event->live_version);
	e->root_cause = op_text(op, event->root_cause);
	e->impact = op_text(op, event->impact);
	e->restore_point = op_text(op, event->restore_point);
	e->result = op_text(op, event->result);
	e->link = op_text(op, event->link);
	take_measurements(op, event);
	e->hold = op_text(op, event->hold);
	e->alert = op_text(op, event->alert);
	e->by.subject = op_text(op, event->by.subject);
	e->by.person = op_text(op, event->by.person);
	e->by.origin = op_text(op, event->by.origin);
	e->by.roles = NULL;
	e->by.nroles = 0;
	if (event->by.nroles > 0) {
		const char **roles = arena_array(&op->arena, event->by.nroles, sizeof(*roles));

		for (size_t i = 0; roles != NULL && i < event->by.nroles; i++)
			roles[i] = op_text(op, event->by.roles[i]);
		e->by.roles = roles;
		e->by.nroles = event->by.nroles;
	}
	if (event->detail != NULL)
		op->detail = json_deep_copy(event->detail);
	e->detail = op->detail;
	return arena_ok(&op->arena, err);
}

bool door_op_bind(struct door_op *op, const struct release *r, struct err *err)
{
	struct policy_values values = release_values(r, NULL);

	if (op->bound != NULL || op->event.policy == NULL)
		return true;
	op->bound = policy_bind(op->event.policy, &values, err);
	op->event.policy = op->bound;
	return op->bound != NULL;
}

/* A version 4 UUID (RFC 9562). */
static void uuid_make(char out[RELEASE_UUID_TEXT])
{
	uint8_t b[16];
	ssize_t n = getrandom(b, sizeof(b), 0);

	assert(n == (ssize_t)sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, RELEASE_UUID_TEXT,
	         "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	         b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	         b[15]);
}

/* "running/baking" */
static void place_text(enum release_state state, enum stage_step step, char out[64])
{
	if (step == STEP_NONE)
		snprintf(out, 64, "%s", release_state_names[state]);
	else
		snprintf(out, 64, "%s/%s", release_state_names[state], stage_step_names[step]);
}

bool door_op_seal(struct door_op *op, const struct audit_hash *previous, struct err *err)
{
	struct release *next = op->outcome.next;
	const struct decision *d = &op->outcome.decision;
	char chain[32], from[64], to[64];
	struct buf detail;
	bool ok = false;

	buf_init(&detail, ENGINE_AUDIT_BYTES / 2);
	buf_clear(&op->audit);
	uuid_make(op->transition);
	if (!outcome_stamp(&op->outcome, op->transition, err))
		goto out;
	snprintf(chain, sizeof(chain), "release/%lld", (long long)next->id);
	place_text(d->from_state, d->from_step, from);
	place_text(d->to_state, d->to_step, to);
	if (d->detail != NULL && !json_canonical(d->detail, &detail, err))
		goto out;
	audit_bytes(
	        &(struct audit_record){.chain = chain,
	                               .sequence = next->row_version,
	                               .transition = op->transition,
	                               .at = next->updated_at,
	                               .actor = op->event.by.subject,
	                               .origin = op->event.by.origin,
	                               .event = release_event_names[d->event],
	                               .from = op->creates ? "" : from,
	                               .to = to,
	                               .reason = op->event.reason == NULL ? "" : op->event.reason,
	                               .detail = buf_str(&detail).p},
	        &op->audit);
	if (!buf_ok(&op->audit, err) || !audit_chain(previous, buf_str(&op->audit), &op->hash, err))
		goto out;
	next->last_hash = op->hash;
	ok = true;
out:
	buf_fini(&detail);
	return ok;
}

void door_op_tell(struct door_op *op, const struct tracked *t)
{
	struct notify_outage outage = {0};
	const struct notify_moment moment = {
	        .before = t != NULL ? t->release : NULL,
	        .next = op->outcome.next,
	        .decision = &op->outcome.decision,
	        .policy = t != NULL ? t->bound : op->bound,
	        .evaluation = t != NULL ? t->evaluation : NULL,
	        .by = &op->event.by,
	        .reason = op->event.reason,
	};
	bool shared = t != NULL && outage_of(op->engine, t, moment.decision, &outage);

	op->told = notifier_append(op->engine->app->notifier, &moment, shared ? &outage : NULL,
	                           &op->outcome);
}

void door_op_settle(struct door_op *op, bool committed)
{
	notifier_settle(op->engine->app->notifier, &op->told, committed);
}

void door_op_log(const struct door_op *op)
{
	const struct decision *d = &op->outcome.decision;
	const struct release *r = op->outcome.next;
	char from[64], to[64];

	place_text(d->from_state, d->from_step, from);
	place_text(d->to_state, d->to_step, to);
	log_line(LOG_INFO, "transition",
	         "release=%lld service=%s version=%s what=%s from=%s to=%s stage=%lld "
	         "row_version=%lld actor=%s why=%s",
	         (long long)r->id, log_quote(r->service), log_quote(r->version),
	         release_event_names[d->event], from, to, (long long)r->stage,
	         (long long)r->row_version, log_quote(op->event.by.subject),
	         log_quote(d->text == NULL ? d->why : d->text));
}

void door_op_append_timeline(const struct door_op *op, struct tracked *t)
{
	const struct decision *d = &op->outcome.decision;
	const struct release *r = t->release;
	char from[64], to[64], at[UNITS_TEXT_MAX];

	if (t->timeline == NULL && r->row_version == 1)
		t->timeline = json_array();
	if (t->timeline == NULL ||
	    (r->row_version > 1 && t->timeline_version != r->row_version - 1)) {
		json_decref(t->timeline);
		t->timeline = NULL;
		return;
	}
	place_text(d->from_state, d->from_step, from);
	place_text(d->to_state, d->to_step, to);
	instant_format(r->updated_at, at);
	(void)json_array_insert_new(
	        t->timeline, 0,
	        json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:O*}",
	                  "row_version", (json_int_t)r->row_version, "at", at, "event",
	                  release_event_names[d->event], "from", op->creates ? "" : from, "to", to,
	                  "stage", (json_int_t)r->stage, "actor", op->event.by.subject, "origin",
	                  op->event.by.origin == NULL ? "" : op->event.by.origin, "reason",
	                  op->event.reason == NULL ? "" : op->event.reason, "text",
	                  d->text == NULL ? d->why : d->text, "transition", r->transition, "detail",
	                  d->detail));
	while (json_array_size(t->timeline) > ENGINE_RECENT_TIMELINE)
		(void)json_array_remove(t->timeline, json_array_size(t->timeline) - 1);
	t->timeline_version = r->row_version;
}
