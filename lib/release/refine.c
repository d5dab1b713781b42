/*
 * refine - an event, held against the facts, becomes the one a row of the table exists for, or is
 * refused with the reason and what would be legal.
 *
 * What headgate itself wants is looked at again here: between release_due() and the commit the
 * snapshot may have changed, and an advance is decided on one snapshot only (rule V1).
 */
#include "release/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"

#define VERSION_MAX_BYTES 128
#define BECOMES_MAX 4

bool reentry_bars(const struct question *q)
{
	return q->f->reentry_open && !q->p->exempt_from_reentry;
}

bool refuse_while_barred(const struct question *q, struct outcome *out)
{
	unsigned bars = advance_bars(q);
	char why[320];

	if (!bars)
		return true;
	advance_sentence(q, bars, why, sizeof(why));
	return refuse(out, REFUSED_STATE, NULL, "the stage's actions may not be sent anew: %s",
	              why);
}

static bool refuse_early(const struct question *q, struct outcome *out)
{
	char at[UNITS_TEXT_MAX];
	char notice[UNITS_TEXT_MAX];

	instant_format(start_earliest(q), at);
	duration_format(q->p->notice_ms, notice);
	return refuse(out, REFUSED_STATE, NULL,
	              "it may not start before %s: the policy asks for %s of notice", at, notice);
}

static bool refine_start(struct question *q, struct outcome *out)
{
	const struct policy_stage *first = release_stage(q->r, q->p);
	bool by_person = q->e.kind == EVENT_START;
	const struct policy_require *open = require_open(q->r, q->p, 0);
	unsigned bars = advance_bars(q);
	char why[320];

	if (!first)
		return refuse(out, REFUSED_STATE, NULL, "the policy has no stage");
	if (by_person && q->f->now.ms < start_earliest(q).ms)
		return refuse_early(q, out);
	if (holds_in_force(q->r) > 0) {
		advance_sentence(q, BLOCK_HOLDS, why, sizeof(why));
		return refuse(out, REFUSED_STATE, NULL, "it may not start: %s", why);
	}
	if (bars) {
		advance_sentence(q, bars, why, sizeof(why));
		return refuse(out, REFUSED_STATE, NULL, "it may not start: %s", why);
	}
	if (open) {
		require_sentence(open, why, sizeof(why));
		return refuse(out, REFUSED_STATE, NULL, "it may not start: %s", why);
	}
	if (!q->f->pair_free)
		return refuse(out, REFUSED_STATE, NULL,
		              "it may not start: another release of %s in %s is active",
		              q->r->service, q->r->environment);
	if (reentry_bars(q)) {
		reentry_sentence(q, q->f->reentry_record, why, sizeof(why));
		return refuse(out, REFUSED_STATE, NULL, "it may not start: %s", why);
	}
	if (first->nenter == 0)
		q->e.kind = by_person ? EVENT_START_SILENT : EVENT_START_DUE_SILENT;
	else if (!by_person)
		q->e.kind = EVENT_START_DUE;
	return true;
}

static bool refine_pause(struct question *q, struct outcome *out)
{
	const struct hold *present = NULL;

	if (q->r->state == RELEASE_PAUSED)
		q->e.kind = EVENT_PAUSE_AGAIN;
	if (q->any_actor)
		return true;
	if (q->e.expires.ms != 0 && q->e.expires.ms <= q->f->now.ms)
		return refuse(out, REFUSED_INVALID, "/expires", "the expiry lies in the past");
	present = hold_of(q->r, "person:", actor_person(&q->e.by));
	if (present && present->expires.ms == q->e.expires.ms)
		return refuse(out, REFUSED_REPEAT, NULL, "paused by %s already",
		              actor_person(&q->e.by));
	if (!present && q->r->nholds >= RELEASE_MAX_HOLDS)
		return refuse(out, REFUSED_STATE, NULL, "the release has %d holds, no more fit",
		              RELEASE_MAX_HOLDS);
	return true;
}

/* Rule H3. */
static bool refine_resume(struct question *q, struct outcome *out)
{
	const struct hold *rejected = NULL;
	size_t cleared = 0;

	for (size_t i = 0; i < q->r->nholds; i++) {
		const struct hold *h = &q->r->holds[i];

		if (!h->pauses)
			continue;
		if (h->source == HOLD_REJECTED) {
			rejected = h;
			continue;
		}
		if (h->source == HOLD_GATE && gate_breaches(q, h->name))
			return refuse(out, REFUSED_STATE, NULL,
			              "gate %s still breaches: wait until it passes, waive it, or "
			              "roll back",
			              h->name);
		cleared++;
	}
	if (cleared == 0 && rejected)
		return refuse(out, REFUSED_STATE, NULL,
		              "it was rejected: only an approve by role %s clears that",
		              rejected->owner);
	if (cleared == 0)
		return refuse(out, REFUSED_STATE, NULL, "no pause holds it");
	if (rejected)
		q->e.kind = EVENT_RESUME_PARTLY;
	else if (q->r->state == RELEASE_PAUSED && q->r->paused_step == STEP_ENTERING)
		q->e.kind = EVENT_RESUME_ENTERING;
	return q->e.kind != EVENT_RESUME_ENTERING || refuse_while_barred(q, out);
}

/* Rule P1: it stands in for the bake and for the go of a manual stage, and for nothing else. What
 * only time mends is left to the advance itself, which looks at all of rule V1 again. */
static bool refine_promote(struct question *q, struct outcome *out)
{
	unsigned missing = advance_blockers(q);
	char why[240];

	missing &= ~(unsigned)(BLOCK_BAKE | BLOCK_PROMOTION | BLOCK_PASSES | BLOCK_TAKEOVER |
	                       BLOCK_OLD);
	if (!advance_evaluation(q) && q->c && q->c->stage == q->r->stage && q->c->last_passed)
		missing &= ~(unsigned)BLOCK_PROOF;
	if (!q->f->drifted_action)
		missing &= ~(unsigned)BLOCK_DRIFT;
	if (missing) {
		advance_sentence(q, missing, why, sizeof(why));
		return refuse(out, REFUSED_STATE, NULL, "promote passes no gate: %s", why);
	}
	if (q->r->promoted)
		return refuse(out, REFUSED_REPEAT, NULL, "promoted already");
	return true;
}

static bool refine_cancel(struct question *q, struct outcome *out)
{
	if (q->r->state == RELEASE_CANCELLED)
		return refuse(out, REFUSED_REPEAT, NULL, "the release is cancelled already");
	if (q->r->exposed && !release_is_ended(q->r->state))
		return refuse(out, REFUSED_STATE, NULL,
		              "the release is exposed: use rollback instead of cancel");
	return true;
}

/* What `ack` without a name is about: all that asks, and all that calls. */
static bool refine_ack_all(struct question *q, struct outcome *out)
{
	const char *by = NULL;

	for (size_t i = 0; i < q->r->ncalls; i++) {
		if (!q->r->calls[i].acknowledged_by)
			return true;
		by = q->r->calls[i].acknowledged_by;
	}
	for (size_t i = 0; i < q->r->nholds; i++) {
		if (q->r->holds[i].source == HOLD_ASK && !q->r->holds[i].acknowledged)
			return true;
	}
	if (by)
		return refuse(out, REFUSED_REPEAT, NULL, "acknowledged already by %s", by);
	return refuse(out, REFUSED_STATE, NULL,
	              "nothing to acknowledge: no gate asks and nobody is called");
}

static bool refine_ack_call(struct question *q, const struct call *call, struct outcome *out)
{
	const struct hold *h = release_hold(q->r, call->cause);
	bool asks = h && h->source == HOLD_ASK && !h->acknowledged;

	if (call->acknowledged_by && !asks)
		return refuse(out, REFUSED_REPEAT, NULL, "%s is acknowledged already by %s",
		              call->cause, call->acknowledged_by);
	q->e.hold = call->cause;
	return true;
}

/* Rule R7: said without a name, or by the option's. Another name is about something else, which may
 * just have ended: that is nobody's word that the way back was gone. */
static bool acks_manual(const struct question *q)
{
	const struct rollback_progress *b = &q->r->rollback;

	return option_is_manual(q) && !b->acknowledged &&
	       (q->r->state == RELEASE_ROLLING_BACK || q->r->state == RELEASE_FAILED) &&
	       (!q->e.hold || option_index(q->p, q->e.hold) == b->option);
}

static bool refine_ack(struct question *q, struct outcome *out)
{
	const struct call *call = q->e.hold ? call_of(q->r, q->e.hold) : NULL;
	const struct hold *named = NULL;

	if (q->e.alert)
		return refine_address(q, out);
	if (q->any_actor && alerts_wait_for_somebody(q))
		return true;
	if (call)
		return refine_ack_call(q, call, out);
	if (acks_manual(q)) {
		q->e.kind = EVENT_ACK_MANUAL;
		return true;
	}
	if (!q->e.hold)
		return refine_ack_all(q, out);
	named = release_hold(q->r, q->e.hold);
	if (!named || named->source != HOLD_ASK)
		named = hold_of(q->r, "ask:", q->e.hold);
	if (!named || named->source != HOLD_ASK)
		return refuse(out, REFUSED_INVALID, "/hold", "nothing asks under the name %s",
		              q->e.hold);
	if (named->acknowledged)
		return refuse(out, REFUSED_REPEAT, NULL, "%s is acknowledged already", named->name);
	q->e.hold = named->name;
	return true;
}

static bool refine_resolve(struct question *q, struct outcome *out)
{
	if (q->r->state == RELEASE_RESOLVED)
		return refuse(out, REFUSED_REPEAT, NULL, "the release is resolved already");
	if (q->any_actor)
		return true;
	if (!q->e.live_version || q->e.live_version[0] == '\0')
		return refuse(out, REFUSED_INVALID, "/live_version",
		              "say which version is live now: live_version");
	if (strlen(q->e.live_version) > VERSION_MAX_BYTES)
		return refuse(out, REFUSED_INVALID, "/live_version", "at most %d bytes",
		              VERSION_MAX_BYTES);
	return true;
}

/* Rule V1, once more, on the snapshot that is going to be changed. */
static bool refine_advance(struct question *q, struct outcome *out)
{
	unsigned missing = advance_blockers(q);
	size_t next = (size_t)q->r->stage + 1;
	char why[320];

	if (missing) {
		advance_sentence(q, missing, why, sizeof(why));
		return refuse(out, REFUSED_STATE, NULL, "it may not advance: %s", why);
	}
	if (next >= q->p->nstages)
		q->e.kind = EVENT_FINISH;
	else
		q->e.kind = q->p->stages[next].nenter > 0 ? EVENT_ADVANCE : EVENT_ADVANCE_SILENT;
	return true;
}

static bool refine_hold_expired(struct question *q, struct outcome *out)
{
	const struct hold *h = q->e.hold ? release_hold(q->r, q->e.hold) : NULL;

	if (!h || h->expires.ms == 0 || h->expires.ms > q->f->now.ms)
		return refuse(out, REFUSED_STATE, NULL, "no hold of that name has expired");
	if (hold_keeps_from_entering(q->r, h)) {
		q->e.kind = EVENT_LAST_HOLD_EXPIRED_ENTERING;
		return refuse_while_barred(q, out);
	}
	if (q->r->state == RELEASE_PAUSED && h->pauses && holds_of_pause(q->r) == 1)
		q->e.kind = EVENT_LAST_HOLD_EXPIRED;
	return true;
}

/* Looked at again: what was due when the question arose may have been answered since. */
static bool refine_escalate(struct question *q, struct outcome *out)
{
	const struct call *call = q->e.hold ? call_of(q->r, q->e.hold) : NULL;
	const struct policy_level *level = call ? call_due(q, call) : NULL;

	if (!level)
		return refuse(out, REFUSED_STATE, NULL, "nobody is to be called now");
	q->e.role = level->role;
	return true;
}

static bool refine_announce(struct question *q, struct outcome *out)
{
	return announce_is_due(q) ||
	       refuse(out, REFUSED_STATE, NULL, "there is no start to announce now");
}

/* What is asked, what it may become, and how that is found out. */
struct refiner {
	enum release_event event;
	bool needs_reason; /* every override but pause and rollback */
	bool (*refine)(struct question *q, struct outcome *out);
	size_t nbecomes;
	enum release_event becomes[BECOMES_MAX];
};
/* clang-format off */
static const struct refiner refiners[] = {
	{ EVENT_START,     false, refine_start,    1, { EVENT_START_SILENT } },
	{ EVENT_PAUSE,     false, refine_pause,    1, { EVENT_PAUSE_AGAIN } },
	{ EVENT_RESUME,    true,  refine_resume,   2, { EVENT_RESUME_PARTLY, EVENT_RESUME_ENTERING } },
	{ EVENT_PROMOTE,   true,  refine_promote,  0, { 0 } },
	{ EVENT_WAIVE,     true,  refine_waive,    0, { 0 } },
	{ EVENT_ROLLBACK,  false, refine_rollback, 3, { EVENT_ROLLBACK_UNEXPOSED, EVENT_ROLLBACK_JUMP, EVENT_RESTORE_CONFIRMED } },
	{ EVENT_CANCEL,    true,  refine_cancel,   0, { 0 } },
	{ EVENT_APPROVE,   false, refine_approve,  2, { EVENT_APPROVE_LAST, EVENT_APPROVE_LAST_ENTERING } },
	{ EVENT_REJECT,    true,  refine_reject,   0, { 0 } },
	{ EVENT_CHECK,     false, refine_check,    0, { 0 } },
	{ EVENT_ACK,       false, refine_ack,      1, { EVENT_ACK_MANUAL } },
	{ EVENT_RETRY,     false, refine_retry,    0, { 0 } },
	{ EVENT_RESOLVE,   true,  refine_resolve,  0, { 0 } },
	{ EVENT_NOTE,      true,  NULL,            0, { 0 } },
	{ EVENT_INCIDENT_RECORD, false, refine_incident_record, 0, { 0 } },
	{ EVENT_EVIDENCE,  false, refine_evidence, 0, { 0 } },
	{ EVENT_REPIN,     true,  refine_repin,    0, { 0 } },
	{ EVENT_MEASUREMENT, false, refine_measurement, 0, { 0 } },
	{ EVENT_INCIDENT,  false, refine_incident, 4, { EVENT_INCIDENT_PAUSE, EVENT_INCIDENT_CALL, EVENT_INCIDENT_CALL_FULL, EVENT_INCIDENT_ROLLBACK } },
	{ EVENT_START_DUE, false, refine_start,    1, { EVENT_START_DUE_SILENT } },
	{ EVENT_ADVANCE,   false, refine_advance,  2, { EVENT_ADVANCE_SILENT, EVENT_FINISH } },
	{ EVENT_HOLD_EXPIRED, false, refine_hold_expired, 2, { EVENT_LAST_HOLD_EXPIRED, EVENT_LAST_HOLD_EXPIRED_ENTERING } },
	{ EVENT_ANNOUNCE,  false, refine_announce, 0, { 0 } },
	{ EVENT_ESCALATE,  false, refine_escalate, 0, { 0 } },
};
/* clang-format on */

/* The refined kinds are asked for under their general name, or refused: nobody skips the rules by
 * naming the outcome. */
static const struct refiner *refiner_of(enum release_event event)
{
	for (size_t i = 0; i < ARRAY_LEN(refiners); i++) {
		if (refiners[i].event == event)
			return &refiners[i];
		for (size_t k = 0; k < refiners[i].nbecomes; k++) {
			if (refiners[i].becomes[k] == event)
				return &refiners[i];
		}
	}
	return NULL;
}

static bool row_exists(const struct release *r, enum release_event event)
{
	return release_transition(r->state, r->step, event) != NULL;
}

static bool any_row_exists(const struct release *r, const struct refiner *refiner)
{
	for (size_t i = 0; i < refiner->nbecomes; i++) {
		if (row_exists(r, refiner->becomes[i]))
			return true;
	}
	return row_exists(r, refiner->event);
}

static bool refuse_state(const struct question *q, struct outcome *out)
{
	const char *verb = release_event_names[q->e.kind];
	unsigned legal = 0;
	char list[200] = "";
	size_t n = 0;

	if (q->any_actor)
		return refuse(out, REFUSED_STATE, NULL, "not from here");
	legal = release_legal(q->r, q->c, q->p, q->f);
	for (unsigned i = 0; i < EVENT_OPERATOR_COUNT; i++) {
		if (legal & 1u << i)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
			                      release_event_names[i]);
	}
	return refuse(out, REFUSED_STATE, NULL,
	              "%s is not possible while the release is %s%s%s; "
	              "possible now: %s",
	              verb, release_state_names[q->r->state], q->r->step == STEP_NONE ? "" : "/",
	              q->r->step == STEP_NONE ? "" : stage_step_names[q->r->step],
	              n ? list : "nothing");
}

static bool check_reason(const struct question *q, const struct refiner *refiner,
                         struct outcome *out)
{
	struct str reason = str_trim(str_of(q->e.reason));

	if (q->any_actor)
		return true;
	if (refiner->needs_reason && reason.n == 0)
		return refuse(out, REFUSED_INVALID, "/reason", "%s needs a reason: say why",
		              release_event_names[refiner->event]);
	/* Rule R1: no rollback fails for its reason; what is kept of it is cut. */
	if (q->e.kind == EVENT_ROLLBACK)
		return true;
	if (q->e.kind < EVENT_OPERATOR_COUNT && reason.n > RELEASE_MAX_REASON)
		return refuse(out, REFUSED_INVALID, "/reason", "a reason has at most %d bytes",
		              RELEASE_MAX_REASON);
	return true;
}

/* States in which repeating a verb is answered with what was done, without a row. */
static bool is_repeat(const struct question *q)
{
	enum release_state state = q->r->state;

	return (q->e.kind == EVENT_ROLLBACK && state == RELEASE_ROLLED_BACK) ||
	       ((q->e.kind == EVENT_ROLLBACK || q->e.kind == EVENT_CANCEL) &&
	        state == RELEASE_CANCELLED) ||
	       (q->e.kind == EVENT_RESOLVE && state == RELEASE_RESOLVED);
}

/* "use rollback" says more than "not from here". */
static bool explains_itself(const struct question *q)
{
	return q->e.kind == EVENT_CANCEL && q->r->exposed && !release_is_ended(q->r->state);
}

bool question_refine(struct question *q, struct outcome *out)
{
	const struct refiner *refiner = NULL;

	if (q->e.kind >= EVENT_COUNT)
		return refuse(out, REFUSED_INVALID, NULL, "no such event");
	refiner = refiner_of(q->e.kind);
	if (refiner && !is_repeat(q) && !explains_itself(q)) {
		q->e.kind = refiner->event;
		if (!any_row_exists(q->r, refiner))
			return refuse_state(q, out);
		if (!check_reason(q, refiner, out))
			return false;
	}
	if (refiner && refiner->refine && !refiner->refine(q, out))
		return false;
	if (!row_exists(q->r, q->e.kind))
		return refuse_state(q, out);
	return true;
}
