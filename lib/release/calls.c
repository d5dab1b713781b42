/*
 * calls - who is called, why, and until when (rules A4, A8): one call per cause, opened by the
 * decision that calls people, raised level by level while nobody acknowledges it, gone with its
 * cause.
 *
 * A level is called by the transition that counts it, so that neither a restart nor a second
 * instance calls it twice.
 */
#include "release/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "policy/cause.h"

const struct call *call_of(const struct release *r, const char *cause)
{
	for (size_t i = 0; i < r->ncalls; i++) {
		if (strcmp(r->calls[i].cause, cause) == 0)
			return &r->calls[i];
	}
	return NULL;
}

const struct policy_level *call_next(const struct policy *p, const struct call *call,
                                     struct wall *out_at)
{
	size_t n = 0;
	const struct policy_level *levels = policy_escalation(p, &n);

	if (call->level < 0 || (size_t)call->level >= n)
		return NULL;
	out_at->ms = call->since.ms + levels[call->level].after_ms;
	return &levels[call->level];
}

const char *call_newest(const struct policy *p, const struct call *call)
{
	size_t n = 0;
	const struct policy_level *levels = policy_escalation(p, &n);
	size_t newest = call->level > 1 ? (size_t)call->level - 1 : 0;

	return levels[newest < n ? newest : n - 1].role;
}

const struct policy_level *call_due(const struct question *q, const struct call *call)
{
	struct wall at = {0};
	const struct policy_level *level = call_next(q->p, call, &at);

	return level && !call->acknowledged_by && q->f->now.ms >= at.ms ? level : NULL;
}

/* What a rolling_back release calls people for: a way back that is theirs to go is another cause
 * than one that is slow, so that it is called for even where the first was acknowledged. */
static void name_rollback(const struct policy *p, const struct release *r,
                          char out[HOLD_NAME_BYTES])
{
	int64_t i = r->rollback.option;
	const struct policy_option *o = i >= 0 ? &p->rollback.options[i] : NULL;

	(void)snprintf(out, HOLD_NAME_BYTES, "%s%s%s", CAUSE_ROLLBACK, o && o->manual ? ":" : "",
	               o && o->manual ? o->option : "");
}

static bool is_over(const struct question *q, const struct release *next, const struct call *call)
{
	char name[HOLD_NAME_BYTES];

	switch (call->kind) {
	case CALL_HOLD:
		return !release_hold(next, call->cause);
	case CALL_ENTERING:
		return next->step != STEP_ENTERING || !next->enter_called;
	case CALL_STAGE:
		return !next->overdue_called ||
		       (next->state != RELEASE_RUNNING && next->state != RELEASE_PAUSED);
	case CALL_ROLLBACK:
		name_rollback(q->p, next, name);
		return next->state != RELEASE_ROLLING_BACK || strcmp(call->cause, name) != 0;
	case CALL_FAILED:
		return next->state != RELEASE_FAILED;
	case CALL_STABILISE:
		return next->state != RELEASE_STABILISING;
	case CALL_SMOKE:
		return next->state != RELEASE_STABILISING || next->rollback.smoke_passed;
	case CALL_DRIFT:
		return !next->rollback.drift_called || release_is_ended(next->state);
	case CALL_INCIDENT:
		return release_is_ended(next->state);
	case CALL_KIND_COUNT:
		break;
	}
	return true;
}

/* `text` is copied. */
static bool tell(struct outcome *out, enum call_change change, const struct question *q,
                 const struct call *call, const char *text)
{
	struct decision *d = &out->decision;
	struct call_news *grown = realloc(d->calls, (d->ncalls + 1) * sizeof(*grown));
	struct call_news *n = NULL;

	if (!grown)
		return refuse_nomem(out);
	d->calls = grown;
	n = &grown[d->ncalls++];
	*n = (struct call_news){.change = change,
	                        .cause = text_dup(call->cause),
	                        .role = text_dup(call_newest(q->p, call)),
	                        .level = call->level,
	                        .since = call->since,
	                        .text = text_dup(text)};
	return (n->cause && n->role && n->text) || refuse_nomem(out);
}

static void call_fini(struct call *call)
{
	free(call->cause);
	free(call->reason);
	free(call->acknowledged_by);
	*call = (struct call){0};
}

static bool end_calls(const struct question *q, const struct transition *row, struct release *next,
                      struct outcome *out)
{
	size_t kept = 0;
	bool ok = true;

	for (size_t i = 0; i < next->ncalls; i++) {
		struct call *call = &next->calls[i];

		if (!is_over(q, next, call)) {
			next->calls[kept++] = *call;
			continue;
		}
		ok = tell(out, CALL_ENDED, q, call, row->why) && ok;
		call_fini(call);
	}
	next->ncalls = kept;
	return ok;
}

/* When the cause began, where that is not now. */
static struct wall began_at(const struct question *q, enum call_kind kind)
{
	const struct release *r = q->r;
	const struct policy_stage *stage = release_stage(r, q->p);
	int64_t ms = q->f->now.ms;

	if (kind == CALL_ENTERING && stage)
		ms = r->entry_since.ms + entry_patience_ms(q->p, stage);
	else if (kind == CALL_STAGE && stage)
		ms = r->stage_since.ms + stage->overdue_ms;
	else if (q->e.kind == EVENT_STABILISE_BLIND)
		ms = r->rollback.stabilising_since.ms + q->p->rollback.stabilise_deadline_ms;
	else if (q->e.kind == EVENT_ROLLBACK_UNCONFIRMED)
		ms = r->rollback.option_since.ms;
	return (struct wall){ms < q->f->now.ms ? ms : q->f->now.ms};
}

/* A call is named after the hold the decision puts there, else after where it leads. */
static enum call_kind name_cause(const struct question *q, const struct transition *row,
                                 const struct release *next, char out[HOLD_NAME_BYTES])
{
	/* clang-format off */
	static const struct {
		enum release_event event;
		enum call_kind kind;
		const char *cause;
	} flags[] = {
		{ EVENT_ENTER_UNCONFIRMED, CALL_ENTERING, CAUSE_ENTERING },
		{ EVENT_OVERDUE,           CALL_STAGE,    CAUSE_OVERDUE },
		{ EVENT_EVIDENCE_OVERDUE,  CALL_HOLD,     CAUSE_EVIDENCE },
		{ EVENT_DRIFT,             CALL_DRIFT,    CAUSE_DRIFT },
		{ EVENT_SMOKE_FAILING,     CALL_SMOKE,    CAUSE_SMOKE },
	};
	/* clang-format on */

	if ((row->effects & FX_ADD_HOLD) && hold_named(&q->e, out))
		return CALL_HOLD;
	if ((row->event == EVENT_INCIDENT_CALL || row->event == EVENT_INCIDENT_CALL_FULL) &&
	    hold_named(&q->e, out))
		return CALL_INCIDENT;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (flags[i].event != row->event)
			continue;
		(void)snprintf(out, HOLD_NAME_BYTES, "%s", flags[i].cause);
		return flags[i].kind;
	}
	if (next->state == RELEASE_FAILED || next->state == RELEASE_STABILISING) {
		bool failed = next->state == RELEASE_FAILED;

		(void)snprintf(out, HOLD_NAME_BYTES, "%s", failed ? CAUSE_FAILED : CAUSE_STABILISE);
		return failed ? CALL_FAILED : CALL_STABILISE;
	}
	name_rollback(q->p, next, out);
	return CALL_ROLLBACK;
}

/* "a gate paused the release: errors: 3 of 3 votes above 1 %" */
static char *reason_dup(const struct question *q, const struct transition *row)
{
	const char *about = q->e.gate ? q->e.gate : q->e.hold;
	bool has_reason = q->e.reason && q->e.reason[0] != '\0';
	char text[RELEASE_MAX_REASON + 1024];

	(void)snprintf(text, sizeof(text), "%s%s%.300s%s%.*s", row->why, about ? ": " : "",
	               about ? about : "", has_reason ? ": " : "", RELEASE_MAX_REASON,
	               has_reason ? q->e.reason : "");
	text_mend_cut(text, sizeof(text));
	return text_dup(text);
}

/* Incidents leave room for all other causes, as their holds do. */
static bool has_room(const struct release *r, enum call_kind kind)
{
	size_t incidents = 0;

	for (size_t i = 0; i < r->ncalls; i++)
		incidents += r->calls[i].kind == CALL_INCIDENT;
	return r->ncalls < RELEASE_MAX_CALLS &&
	       (kind != CALL_INCIDENT || incidents < RELEASE_MAX_HOLDS);
}

/* One that is open is not opened again. Beyond the bound nothing more is kept track of. */
static bool open_call(const struct question *q, const struct transition *row, struct release *next,
                      struct outcome *out)
{
	char cause[HOLD_NAME_BYTES];
	enum call_kind kind = name_cause(q, row, next, cause);
	struct call *grown = NULL;
	struct call *call = NULL;

	if (call_of(next, cause) || !has_room(next, kind))
		return true;
	grown = realloc(next->calls, (next->ncalls + 1) * sizeof(*grown));
	if (!grown)
		return refuse_nomem(out);
	next->calls = grown;
	call = &grown[next->ncalls++];
	*call = (struct call){.cause = text_dup(cause),
	                      .kind = kind,
	                      .reason = reason_dup(q, row),
	                      .since = began_at(q, kind),
	                      .level = 1,
	                      .called_at = q->f->now};
	if (!call->cause || !call->reason)
		return refuse_nomem(out);
	return tell(out, CALL_OPENED, q, call, call->reason);
}

static struct call *find(struct release *next, const char *cause)
{
	for (size_t i = 0; i < next->ncalls; i++) {
		if (strcmp(next->calls[i].cause, cause) == 0)
			return &next->calls[i];
	}
	return NULL;
}

static bool raise_call(const struct question *q, struct release *next, struct outcome *out)
{
	struct call *call = find(next, q->e.hold);

	if (!call)
		return true;
	call->level++;
	call->called_at = q->f->now;
	return tell(out, CALL_RAISED, q, call, call->reason ? call->reason : "");
}

bool calls_follow(const struct question *q, const struct transition *row, struct release *next,
                  struct outcome *out)
{
	if (!end_calls(q, row, next, out))
		return false;
	if (row->event == EVENT_ESCALATE)
		return raise_call(q, next, out);
	return !out->decision.calls_people || open_call(q, row, next, out);
}

bool call_acknowledge(const struct question *q, struct release *next, struct outcome *out)
{
	for (size_t i = 0; i < next->ncalls; i++) {
		struct call *call = &next->calls[i];

		if (call->acknowledged_by || (q->e.hold && strcmp(call->cause, q->e.hold) != 0))
			continue;
		call->acknowledged_by = text_dup(actor_person(&q->e.by));
		call->acknowledged_at = q->f->now;
		if (!call->acknowledged_by)
			return refuse_nomem(out);
		if (!tell(out, CALL_ACKNOWLEDGED, q, call, call->acknowledged_by))
			return false;
	}
	return true;
}
