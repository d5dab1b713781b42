/*
 * due_back - what is due on the way back (rules R3, R4): the next option, the end of the waiting,
 * and people where neither can be had. What asks is due.c.
 */
#include "release/rules.h"

bool due_rollback_acked(const struct question *q, struct event *out)
{
	return q->r->rollback.active && rollback_is_acked(q) &&
	       due_say(out, EVENT_ROLLBACK_ACKED, "action");
}

/* Rule R3: acknowledge deadline, a 4xx, or no option at all. */
bool due_rollback_next(const struct question *q, struct event *out)
{
	const struct rollback_progress *b = &q->r->rollback;

	if (q->r->state != RELEASE_ROLLING_BACK)
		return false;
	if (b->option >= 0 && !q->f->rollback_refused &&
	    q->f->now.ms - b->option_since.ms < q->p->rollback.options[b->option].acknowledge_ms)
		return false;
	return due_say(out, option_next_exists(q) ? EVENT_ROLLBACK_NEXT : EVENT_ROLLBACK_EXHAUSTED,
	               "action");
}

bool due_rollback_unconfirmed(const struct question *q, struct event *out)
{
	const struct rollback_progress *b = &q->r->rollback;

	return q->r->state == RELEASE_ROLLING_BACK && !b->unconfirmed &&
	       q->f->now.ms - b->option_since.ms >= ROLLBACK_CONFIRM_MS &&
	       due_say(out, EVENT_ROLLBACK_UNCONFIRMED, "timer");
}

/* Rule R4. A policy that lists no gates to watch has nothing to wait for; what the way back has set
 * and reads otherwise (rule V5) is waited for in any case. */
bool due_stabilised(const struct question *q, struct event *out)
{
	const struct evaluation *e = advance_evaluation(q);

	if (q->r->state != RELEASE_STABILISING)
		return false;
	if (smoke_is_open(q) || q->f->drifted_action || !q->f->drift_known)
		return false;
	if (q->p->rollback.nstabilise_gates > 0 &&
	    (!e || !e->all_pass || !advance_is_recent(q, e) ||
	     e->at.ms < q->r->rollback.stabilising_since.ms ||
	     advance_observed(q) < q->p->rollback.stabilise_bake_ms))
		return false;
	return due_say(out, EVENT_STABILISED, "gate");
}

static bool any_gate_breaches(const struct evaluation *e)
{
	for (size_t i = 0; i < e->ngates; i++) {
		if (e->gates[i].counts &&
		    (e->gates[i].result == GATE_BREACH || e->gates[i].rung >= 0))
			return true;
	}
	return false;
}

static bool say_stabilise_failed(const struct question *q, struct event *out)
{
	due_say(out, option_next_exists(q) ? EVENT_STABILISE_NEXT : EVENT_STABILISE_EXHAUSTED,
	        "gate");
	if (smoke_is_failed(q))
		out->reason = "a smoke test fails";
	return true;
}

bool due_stabilise_deadline(const struct question *q, struct event *out)
{
	const struct rollback_progress *b = &q->r->rollback;
	const struct evaluation *e = advance_evaluation(q);
	int64_t deadline_ms = q->p->rollback.stabilise_deadline_ms;
	bool known = e && advance_is_recent(q, e) && e->at.ms >= b->stabilising_since.ms;

	if (q->r->state != RELEASE_STABILISING || deadline_ms <= 0 ||
	    q->f->now.ms - b->stabilising_since.ms < deadline_ms)
		return false;
	if ((known && any_gate_breaches(e)) || smoke_is_failed(q))
		return say_stabilise_failed(q, out);
	return (!(known && e->all_pass) || smoke_is_open(q)) && !b->stabilise_called &&
	       due_say(out, EVENT_STABILISE_BLIND, "timer");
}
