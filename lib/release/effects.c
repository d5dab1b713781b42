/*
 * effects - what a row says is done to the next snapshot and to the outbox. Each effect is one
 * function; the order in which they run is the order of the table below.
 */
#include "release/comparison.h"
#include "release/rules.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

typedef bool (*effect_fn)(const struct question *q, struct release *next, struct outcome *out);

static bool keep_text(char **at, const char *text, struct outcome *out)
{
	char *copy = text_dup(text);

	if (text && !copy)
		return refuse_nomem(out);
	free(*at);
	*at = copy;
	return true;
}

static bool restart_bake(const struct question *q, struct release *next, struct outcome *out)
{
	(void)q;
	next->bake_version = next->row_version;
	/* A go that was given before the gate paused does not stand for the time after. */
	next->promoted = false;
	out->decision.resets_checkpoint = true;
	return true;
}

static bool clear_votes(const struct question *q, struct release *next, struct outcome *out)
{
	next->votes_version = next->row_version;
	next->votes_since = q->f->now;
	out->decision.clears_votes = true;
	return true;
}

/* Entry messages of the stage `next` is in now. */
static bool send_entry(const struct question *q, struct release *next, struct outcome *out)
{
	const struct policy_stage *stage = release_stage(next, q->p);
	struct err err = {0};

	next->entry_version = next->row_version;
	next->entry_since = q->f->now;
	next->enter_called = false;
	if (messages_build(q, stage, stage->enter, stage->nenter, MESSAGE_ADVANCE, NO_OPTION,
	                   &out->messages, &err)) {
		out->nmessages = stage->nenter;
		return true;
	}
	if (err.code == ERR_NOMEM)
		return refuse_nomem(out);
	return refuse(out, REFUSED_STATE, NULL, "stage %s cannot be entered: %s", stage->stage,
	              err.text);
}

static void drop_acknowledged(struct release *next)
{
	for (size_t i = next->nholds; i-- > 0;) {
		if (next->holds[i].acknowledged)
			hold_drop(next, next->holds[i].name, "");
	}
}

static bool enter(const struct question *q, struct release *next, struct outcome *out)
{
	const struct policy_stage *stage = release_stage(next, q->p);

	next->stage_since = q->f->now;
	next->overdue_called = false;
	next->evidence_called = false;
	next->paused_step = STEP_NONE;
	drop_acknowledged(next);
	if (stage->kind == STAGE_ROLLOUT) {
		next->exposed = true;
		if (stage->nenter == 0)
			next->exposure_since = q->f->now;
	}
	return restart_bake(q, next, out) && send_entry(q, next, out);
}

static bool start_stage(const struct question *q, struct release *next, struct outcome *out)
{
	next->stage = 0;
	next->started_at = q->f->now;
	return enter(q, next, out);
}

static bool enter_stage(const struct question *q, struct release *next, struct outcome *out)
{
	next->stage++;
	return enter(q, next, out);
}

/* Sending them again is harmless: they say what is wanted, and carry a newer version. */
static bool resend(const struct question *q, struct release *next, struct outcome *out)
{
	for (size_t i = next->nholds; i-- > 0;) {
		if (next->holds[i].source == HOLD_ACTION)
			hold_drop(next, next->holds[i].name, "");
	}
	return send_entry(q, next, out);
}

static bool expose(const struct question *q, struct release *next, struct outcome *out)
{
	(void)out;
	/* Actions of a verify stage may change what is exposed as well as those of a rollout. */
	if (next->exposed)
		next->exposure_since = q->f->now;
	return true;
}

static bool add_hold(const struct question *q, struct release *next, struct outcome *out)
{
	return hold_add(next, q, out);
}

static bool clear_holds(const struct question *q, struct release *next, struct outcome *out)
{
	(void)out;
	hold_clear(next, q);
	if (q->e.kind == EVENT_EVIDENCE_BACK)
		next->evidence_called = false;
	return true;
}

static bool roll_back(const struct question *q, struct release *next, struct outcome *out)
{
	hold_drop_all(next);
	next->paused_by_gate = false;
	next->finished_at = (struct wall){0};
	return rollback_begin(q, next, out);
}

static bool stabilise(const struct question *q, struct release *next, struct outcome *out)
{
	struct rollback_progress *b = &next->rollback;

	b->acknowledged = true;
	b->unconfirmed = false;
	b->passed_over = 0;
	b->stabilising_since = q->f->now;
	b->stabilise_called = false;
	next->exposure_since = q->f->now;
	return restart_bake(q, next, out) && smoke_begin(q, next, out);
}

static bool finish(const struct question *q, struct release *next, struct outcome *out)
{
	(void)out;
	next->finished_at = q->f->now;
	next->comparison = comparison_to_json(q->c, q->p);
	return true;
}

static bool end(const struct question *q, struct release *next, struct outcome *out)
{
	(void)q;
	(void)out;
	hold_drop_all(next);
	next->paused_by_gate = false;
	next->paused_step = STEP_NONE;
	return true;
}

static bool record_ack(const struct question *q, struct release *next, struct outcome *out)
{
	if (q->e.alert)
		return record_address(next, q) || refuse_nomem(out);
	for (size_t i = 0; i < next->nholds; i++) {
		struct hold *h = &next->holds[i];

		if (h->source == HOLD_ASK && (!q->e.hold || strcmp(h->name, q->e.hold) == 0))
			h->acknowledged = true;
	}
	return call_acknowledge(q, next, out);
}

/* A note gives a rollback the reason it was decided without (rule R1). */
static bool record_note(const struct question *q, struct release *next, struct outcome *out)
{
	struct rollback_progress *b = &next->rollback;

	if (!b->active || (b->reason && b->reason[0] != '\0'))
		return true;
	return keep_text(&b->reason, q->e.reason, out);
}

static bool record_repin(const struct question *q, struct release *next, struct outcome *out)
{
	return repin(q, next) || refuse_nomem(out);
}

static bool record_word(const struct question *q, struct release *next, struct outcome *out)
{
	return record_consent(next, q) || refuse_nomem(out);
}

static bool record_report(const struct question *q, struct release *next, struct outcome *out)
{
	return record_check(next, q) || refuse_nomem(out);
}

static bool record_waived(const struct question *q, struct release *next, struct outcome *out)
{
	return record_waiver(next, q) || refuse_nomem(out);
}

static bool record_live(const struct question *q, struct release *next, struct outcome *out)
{
	return keep_text(&next->live_version, q->e.live_version, out);
}

static bool forget_drift(const struct question *q, struct release *next, struct outcome *out)
{
	(void)q;
	(void)out;
	next->rollback.drift_called = false;
	return true;
}

static bool record_announced(const struct question *q, struct release *next, struct outcome *out)
{
	(void)out;
	next->announced = q->f->now;
	return true;
}

static bool take_incident(const struct question *q, struct release *next, struct outcome *out)
{
	(void)out;
	next->incident_applied = q->e.incident;
	return true;
}

static bool record_incident(const struct question *q, struct release *next, struct outcome *out)
{
	return incident_record(next, q) || refuse_nomem(out);
}

static bool record_result(const struct question *q, struct release *next, struct outcome *out)
{
	return result_record(next, q) || refuse_nomem(out);
}

static bool record_measured(const struct question *q, struct release *next, struct outcome *out)
{
	return measurements_record(next, q) || refuse_nomem(out);
}

/* Events that leave something behind: a record, or a flag that says it was so. */
/* clang-format off */
static const struct {
	enum release_event event;
	effect_fn apply;
} records[] = {
	{ EVENT_APPROVE,               record_word },
	{ EVENT_APPROVE_LAST,          record_word },
	{ EVENT_APPROVE_LAST_ENTERING, record_word },
	{ EVENT_REJECT,                record_word },
	{ EVENT_CHECK,                 record_report },
	{ EVENT_WAIVE,                 record_waived },
	{ EVENT_NOTE,                  record_note },
	{ EVENT_INCIDENT_RECORD,       record_incident },
	{ EVENT_EVIDENCE,              record_result },
	{ EVENT_REPIN,                 record_repin },
	{ EVENT_MEASUREMENT,           record_measured },
	{ EVENT_INCIDENT,              take_incident },
	{ EVENT_INCIDENT_PAUSE,        take_incident },
	{ EVENT_INCIDENT_CALL,         take_incident },
	{ EVENT_INCIDENT_CALL_FULL,    take_incident },
	{ EVENT_INCIDENT_ROLLBACK,     take_incident },
	{ EVENT_RESOLVE,               record_live },
	{ EVENT_ACK,                   record_ack },
	{ EVENT_ANNOUNCE,              record_announced },
	{ EVENT_DRIFT_OVER,            forget_drift },
};
static const struct {
	enum release_event event;
	size_t offset; /* of a bool in struct release */
} flags[] = {
	{ EVENT_PROMOTE,              offsetof(struct release, promoted) },
	{ EVENT_RESTORE_CONFIRMED,    offsetof(struct release, rollback.restore_confirmed) },
	{ EVENT_ENTER_UNCONFIRMED,    offsetof(struct release, enter_called) },
	{ EVENT_EVIDENCE_OVERDUE,     offsetof(struct release, evidence_called) },
	{ EVENT_OVERDUE,              offsetof(struct release, overdue_called) },
	{ EVENT_ROLLBACK_UNCONFIRMED, offsetof(struct release, rollback.unconfirmed) },
	{ EVENT_STABILISE_BLIND,      offsetof(struct release, rollback.stabilise_called) },
	{ EVENT_SMOKE_PASSED,         offsetof(struct release, rollback.smoke_passed) },
	{ EVENT_SMOKE_FAILING,        offsetof(struct release, rollback.smoke_called) },
	{ EVENT_DRIFT,                offsetof(struct release, rollback.drift_called) },
};
/* clang-format on */

static bool record(const struct question *q, struct release *next, struct outcome *out)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (flags[i].event == q->e.kind)
			*(bool *)(void *)((char *)next + flags[i].offset) = true;
	}
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		if (records[i].event == q->e.kind)
			return records[i].apply(q, next, out);
	}
	return true;
}

/* clang-format off */
static const struct {
	enum release_effect effect;
	effect_fn apply;
} effects[] = {
	{ FX_RECORD,       record },
	{ FX_CLEAR_HOLDS,  clear_holds },
	{ FX_ADD_HOLD,     add_hold },
	{ FX_RESTART_BAKE, restart_bake },
	{ FX_CLEAR_VOTES,  clear_votes },
	{ FX_START_STAGE,  start_stage },
	{ FX_ENTER_STAGE,  enter_stage },
	{ FX_RESEND,       resend },
	{ FX_EXPOSURE,     expose },
	{ FX_ROLLBACK,     roll_back },
	{ FX_RETRY,        roll_back },
	{ FX_STABILISE,    stabilise },
	{ FX_FINISH,       finish },
	{ FX_END,          end },
};
/* clang-format on */

/* A pause remembers the step it left; whoever leaves a pause forgets it. */
static void move(const struct question *q, const struct transition *row, struct release *next)
{
	if (row->to == RELEASE_PAUSED && q->r->state != RELEASE_PAUSED)
		next->paused_step = q->r->step;
	else if (row->to != RELEASE_PAUSED)
		next->paused_step = STEP_NONE;
	next->state = row->to;
	next->step = row->to_step;
}

bool effects_apply(const struct question *q, const struct transition *row, struct release *next,
                   struct outcome *out)
{
	struct decision *d = &out->decision;

	move(q, row, next);
	d->needs_lease = row->effects & FX_LEASE;
	d->needs_thaw = row->effects & FX_THAW;
	d->supersedes = row->effects & FX_SUPERSEDE;
	d->parks = row->effects & FX_PARK;
	d->closes_messages = row->effects & FX_CLOSE;
	d->calls_people = row->effects & FX_CALL_PEOPLE;
	for (size_t i = 0; i < ARRAY_LEN(effects); i++) {
		if ((row->effects & effects[i].effect) && !effects[i].apply(q, next, out))
			return false;
	}
	return calls_follow(q, row, next, out);
}
