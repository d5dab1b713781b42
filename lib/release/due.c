/*
 * due - what headgate itself should do now: facts to the one most urgent event. Looks only; whether
 * it may be is release_step()'s to say.
 *
 * Each function answers one question, and once its event is committed the answer is no: the shell
 * may ask again until nothing is due.
 */
#include "release/rules.h"

#include <string.h>

#include "base/macros.h"
#include "policy/cause.h"

bool due_say(struct event *out, enum release_event kind, const char *origin)
{
	*out = (struct event){.kind = kind, .by = {.subject = "headgate", .origin = origin}};
	return true;
}

/* Whether the evaluation was made after votes were last forgotten. When that instant lies ahead the
 * clock was set back, and what was seen by the new time counts. */
static bool is_since_votes(const struct question *q, const struct evaluation *e)
{
	int64_t forgotten_ms = q->r->votes_since.ms;

	return e->at.ms > forgotten_ms || (q->f->now.ms < forgotten_ms && e->at.ms <= q->f->now.ms);
}

/* Whether the gate's rungs act: it counts, nobody waived it since, and votes were not forgotten
 * since. */
static bool gate_acts(const struct question *q, const struct evaluation *e, size_t i)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);

	return e->gates[i].counts && is_since_votes(q, e) &&
	       !(stage && release_is_waived(q->r, q->p->gates[i].name, stage->stage));
}

static bool say_gate(const struct question *q, struct event *out, enum release_event kind,
                     const struct evaluation *e, size_t i)
{
	due_say(out, kind, "gate");
	out->gate = q->p->gates[i].name;
	out->reason = e->gates[i].sentence;
	out->option = kind == EVENT_RUNG_ROLLBACK ? e->gates[i].option : NULL;
	return true;
}

/* Of two rollbacks at once the one whose option stands earlier in the list (rule R2). */
static bool due_rung_rollback(const struct question *q, struct event *out)
{
	const struct evaluation *e = advance_evaluation(q);
	int64_t best = INT64_MAX;

	if (!q->r->exposed)
		return false;
	for (size_t i = 0; e && i < e->ngates; i++) {
		int64_t option = option_index(q->p, e->gates[i].option);

		if (!gate_acts(q, e, i) || e->gates[i].verdict != VERDICT_ROLLBACK ||
		    option >= best)
			continue;
		best = option;
		say_gate(q, out, EVENT_RUNG_ROLLBACK, e, i);
	}
	return best != INT64_MAX;
}

static bool lacks_evidence(const struct gate_outcome *o)
{
	return o->counts && o->result != GATE_PASS && o->result != GATE_BREACH;
}

/* First gate that wants `then` and has lacked evidence for longer than its max_hold (rule E5). */
static bool find_overdue_gate(const struct question *q, enum rung_then then, size_t *out_gate)
{
	const struct evaluation *e = advance_evaluation(q);

	for (size_t i = 0; e && q->c && i < e->ngates && i < q->c->ngates; i++) {
		const struct gate *gate = &q->p->gates[i];
		struct wall since = q->c->gates[i].silent_since;
		bool rolls_back = gate->after_max_hold == RUNG_ROLLBACK && q->r->exposed;

		if (since.ms > 0 && lacks_evidence(&e->gates[i]) && gate_acts(q, e, i) &&
		    rolls_back == (then == RUNG_ROLLBACK) &&
		    q->f->now.ms - since.ms >= gate->max_hold_ms) {
			*out_gate = i;
			return true;
		}
	}
	return false;
}

static bool due_evidence_rollback(const struct question *q, struct event *out)
{
	size_t i = 0;

	return find_overdue_gate(q, RUNG_ROLLBACK, &i) &&
	       say_gate(q, out, EVENT_EVIDENCE_ROLLBACK, advance_evaluation(q), i);
}

static bool due_rung_pause(const struct question *q, struct event *out)
{
	const struct evaluation *e = advance_evaluation(q);

	if (!q->r->exposed)
		return false;
	for (size_t i = 0; e && i < e->ngates; i++) {
		if (gate_acts(q, e, i) && e->gates[i].verdict == VERDICT_PAUSE &&
		    !hold_of(q->r, "", q->p->gates[i].name))
			return say_gate(q, out, EVENT_RUNG_PAUSE, e, i);
	}
	return false;
}

/* Rule table E: in preflight there is nothing to roll back, so it blocks and calls people. */
static bool due_rung_ask(const struct question *q, struct event *out)
{
	const struct evaluation *e = advance_evaluation(q);

	for (size_t i = 0; e && i < e->ngates; i++) {
		bool is_blocked = e->gates[i].verdict == VERDICT_ROLLBACK && !q->r->exposed;

		if (!gate_acts(q, e, i) || hold_of(q->r, "ask:", q->p->gates[i].name))
			continue;
		if (is_blocked)
			return say_gate(q, out, EVENT_RUNG_BLOCKED, e, i);
		if (e->gates[i].verdict == VERDICT_ASK)
			return say_gate(q, out, EVENT_RUNG_ASK, e, i);
	}
	return false;
}

static bool due_action_refused(const struct question *q, struct event *out)
{
	const char *action = q->f->enter_refused_action ? q->f->enter_refused_action : "enter";

	if (!q->f->enter_refused || q->r->step != STEP_ENTERING || hold_of(q->r, "action:", action))
		return false;
	due_say(out, EVENT_ACTION_REFUSED, "action");
	out->hold = action;
	out->reason = "its receiver refused it for good";
	return true;
}

/* Where no gate counts there is none to name. */
static bool say_ungated(const struct question *q, struct event *out, enum release_event kind)
{
	const struct evaluation *e = advance_evaluation(q);

	if (!advance_ungated(q) || !is_since_votes(q, e))
		return false;
	due_say(out, kind, "gate");
	out->reason = advance_ungated(q);
	return true;
}

static bool is_held_by_drift(const struct release *r)
{
	return r->state == RELEASE_RUNNING || r->state == RELEASE_PAUSED;
}

/* Held for as long as it lasts where the release might advance; on the way back people are told
 * once. */
static bool due_drift(const struct question *q, struct event *out)
{
	const char *action = q->f->drifted_action;

	if (!action || (is_held_by_drift(q->r) ? hold_of(q->r, "drift:", action) != NULL
	                                       : q->r->rollback.drift_called))
		return false;
	due_say(out, EVENT_DRIFT, "action");
	out->hold = action;
	out->reason = q->f->drifted_text;
	return true;
}

static bool due_drift_over(const struct question *q, struct event *out)
{
	const struct hold *now =
	        q->f->drifted_action ? hold_of(q->r, "drift:", q->f->drifted_action) : NULL;

	if (!q->f->drift_known)
		return false;
	for (size_t i = 0; i < q->r->nholds; i++) {
		const struct hold *h = &q->r->holds[i];

		if (h->source != HOLD_DRIFT || h == now)
			continue;
		due_say(out, EVENT_DRIFT_OVER, "action");
		out->hold = h->name;
		return true;
	}
	return !is_held_by_drift(q->r) && q->r->rollback.drift_called && !q->f->drifted_action &&
	       due_say(out, EVENT_DRIFT_OVER, "action");
}

static bool due_no_evidence(const struct question *q, struct event *out)
{
	const struct evaluation *e = advance_evaluation(q);

	if (!e || !q->c || q->c->no_proof_rounds < EVIDENCE_ROUNDS ||
	    hold_of(q->r, CAUSE_EVIDENCE, ""))
		return false;
	for (size_t i = 0; i < e->ngates; i++) {
		if (lacks_evidence(&e->gates[i]) && gate_acts(q, e, i))
			return say_gate(q, out, EVENT_NO_EVIDENCE, e, i);
	}
	return say_ungated(q, out, EVENT_NO_EVIDENCE);
}

/* The least patient of the gates that would count. It never rolls back: what is optional may be
 * missing. */
static bool is_ungated_too_long(const struct question *q)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);
	int64_t patience_ms = INT64_MAX;

	for (size_t i = 0; stage && i < q->p->ngates; i++) {
		const struct gate *gate = &q->p->gates[i];

		if (policy_gate_counts(gate, stage) && gate->max_hold_ms < patience_ms)
			patience_ms = gate->max_hold_ms;
	}
	return q->c && q->c->no_proof_since.ms > 0 &&
	       q->f->now.ms - q->c->no_proof_since.ms >= patience_ms;
}

static bool due_evidence_overdue(const struct question *q, struct event *out)
{
	size_t i = 0;

	/* What is called for is the hold, and ends with it. */
	if (q->r->evidence_called || !hold_of(q->r, CAUSE_EVIDENCE, ""))
		return false;
	if (find_overdue_gate(q, RUNG_ASK, &i))
		return say_gate(q, out, EVENT_EVIDENCE_OVERDUE, advance_evaluation(q), i);
	return is_ungated_too_long(q) && say_ungated(q, out, EVENT_EVIDENCE_OVERDUE);
}

static bool due_overdue(const struct question *q, struct event *out)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);

	return stage && stage->overdue_ms > 0 && !q->r->overdue_called &&
	       q->f->now.ms - q->r->stage_since.ms >= stage->overdue_ms &&
	       due_say(out, EVENT_OVERDUE, "timer");
}

/* The most patient of the stage's actions decides. */
int64_t entry_patience_ms(const struct policy *p, const struct policy_stage *stage)
{
	int64_t longest = 0;

	for (size_t i = 0; i < stage->nenter; i++) {
		const struct policy_action *action = policy_action(p, stage->enter[i]);

		if (action && action->acknowledge_ms > longest)
			longest = action->acknowledge_ms;
	}
	return longest;
}

static bool due_enter_unconfirmed(const struct question *q, struct event *out)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);

	return stage && q->r->step == STEP_ENTERING && q->f->enter_pending > 0 &&
	       !q->r->enter_called &&
	       q->f->now.ms - q->r->entry_since.ms >= entry_patience_ms(q->p, stage) &&
	       due_say(out, EVENT_ENTER_UNCONFIRMED, "timer");
}

static bool due_evidence_back(const struct question *q, struct event *out)
{
	const struct evaluation *e = advance_evaluation(q);
	const struct hold *h = hold_of(q->r, CAUSE_EVIDENCE, "");

	return h && e && e->all_pass && e->at.ms > h->since.ms &&
	       due_say(out, EVENT_EVIDENCE_BACK, "gate");
}

static bool due_ask_over(const struct question *q, struct event *out)
{
	const struct evaluation *e = advance_evaluation(q);

	for (size_t i = 0; e && i < e->ngates; i++) {
		const struct hold *h = hold_of(q->r, "ask:", q->p->gates[i].name);

		if (h && h->acknowledged && e->gates[i].result == GATE_PASS &&
		    e->gates[i].verdict == VERDICT_PASS) {
			due_say(out, EVENT_ASK_OVER, "gate");
			out->hold = h->name;
			return true;
		}
	}
	return false;
}

static bool due_hold_expired(const struct question *q, struct event *out)
{
	for (size_t i = 0; i < q->r->nholds; i++) {
		const struct hold *h = &q->r->holds[i];

		if (h->expires.ms == 0 || h->expires.ms > q->f->now.ms)
			continue;
		/* Rule A3: it stays until the thaw, or until the windows open. */
		if (advance_bars(q) && hold_keeps_from_entering(q->r, h))
			continue;
		due_say(out, EVENT_HOLD_EXPIRED, "timer");
		out->hold = h->name;
		return true;
	}
	return false;
}

static bool due_bake_lost(const struct question *q, struct event *out)
{
	return q->r->step == STEP_READY && !advance_bake_is_done(q) &&
	       due_say(out, EVENT_BAKE_LOST, "gate");
}

static bool due_entered(const struct question *q, struct event *out)
{
	return q->r->step == STEP_ENTERING && q->f->enter_pending == 0 && !q->f->enter_refused &&
	       due_say(out, EVENT_ENTERED, "action");
}

/* Late is better than never: whoever looks after an outage is told before it starts. */
bool announce_is_due(const struct question *q)
{
	const struct release *r = q->r;
	int64_t notice_ms = q->p->notice_ms;

	return r->state == RELEASE_PLANNED && !r->start_manual && r->announced.ms == 0 &&
	       r->start.ms > r->created_at.ms &&
	       (notice_ms == 0 || q->f->now.ms >= r->start.ms - notice_ms);
}

struct wall start_earliest(const struct question *q)
{
	return (struct wall){q->p->notice_ms > 0 ? q->r->created_at.ms + q->p->notice_ms : 0};
}

static bool due_announce(const struct question *q, struct event *out)
{
	return announce_is_due(q) && due_say(out, EVENT_ANNOUNCE, "timer");
}

/* Rule H1. */
static bool due_start(const struct question *q, struct event *out)
{
	return q->r->state == RELEASE_PLANNED && !q->r->start_manual &&
	       q->r->start.ms <= q->f->now.ms && q->f->pair_free && !advance_bars(q) &&
	       !reentry_bars(q) && holds_in_force(q->r) == 0 && !require_open(q->r, q->p, 0) &&
	       due_say(out, EVENT_START_DUE, "timer");
}

/* Rule A8. One level of one call at a time. */
static bool due_escalate(const struct question *q, struct event *out)
{
	for (size_t i = 0; i < q->r->ncalls; i++) {
		const struct call *call = &q->r->calls[i];

		if (!call_due(q, call))
			continue;
		due_say(out, EVENT_ESCALATE, "timer");
		out->hold = call->cause;
		out->reason = call->reason;
		return true;
	}
	return false;
}

static bool due_advance(const struct question *q, struct event *out)
{
	return (q->r->step == STEP_BAKING || q->r->step == STEP_READY) &&
	       advance_blockers(q) == 0 && due_say(out, EVENT_ADVANCE, "gate");
}

static bool due_bake_done(const struct question *q, struct event *out)
{
	return q->r->step == STEP_BAKING && advance_bake_is_done(q) &&
	       due_say(out, EVENT_BAKE_DONE, "gate");
}

/* The order is the law: rollback, then pause, then all else; forward last. `judged`: an evaluation
 * stands behind it, and its values go into the record. */
/* clang-format off */
static const struct {
	bool (*is_due)(const struct question *q, struct event *out);
	bool judged;
} asked[] = {
	{ due_rung_rollback,        true },
	{ due_evidence_rollback,    true },
	{ due_rollback_acked,       false },
	{ due_rollback_next,        false },
	{ due_rollback_unconfirmed, false },
	{ due_stabilise_deadline,   true },
	{ due_smoke_failing,        false },
	{ due_rung_pause,           true },
	{ due_rung_ask,             true },
	{ due_action_refused,       false },
	{ due_drift,                false },
	{ due_no_evidence,          true },
	{ due_evidence_overdue,     true },
	{ due_overdue,              false },
	{ due_enter_unconfirmed,    false },
	{ due_evidence_back,        true },
	{ due_ask_over,             true },
	{ due_drift_over,           false },
	{ due_hold_expired,         false },
	{ due_bake_lost,            true },
	{ due_entered,              false },
	{ due_announce,             false },
	{ due_start,                false },
	{ due_smoke_passed,         false },
	{ due_stabilised,           true },
	{ due_escalate,             false }, /* of what nothing above has ended */
	{ due_advance,              true },
	{ due_bake_done,            true },
};
/* clang-format on */

bool release_due(const struct release *r, const struct checkpoint *c, const struct policy *bound,
                 const struct release_facts *facts, struct event *out)
{
	struct question q = {.r = r, .c = c, .p = bound, .f = facts};

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		struct event e;

		if (!asked[i].is_due(&q, &e) || !release_transition(r->state, r->step, e.kind))
			continue;
		if (asked[i].judged && facts->evaluation)
			e.detail = evaluation_to_json(facts->evaluation, bound);
		*out = e;
		return true;
	}
	return false;
}
