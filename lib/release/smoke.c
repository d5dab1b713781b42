/*
 * smoke - the tests that try the way back out: sent on entering stabilising, and no green time
 * before all of them are acknowledged (rule R4).
 *
 * Their answers say more than the gates do: one that was answered badly is a breach at the
 * deadline, one that was never answered is missing evidence. They are retried like the way back
 * itself, so a bad answer may still become a good one.
 */
#include "release/rules.h"

#define SMOKE_PATIENCE_MS 60000 /* failing for so long, and people are called */

bool smoke_begin(const struct question *q, struct release *next, struct outcome *out)
{
	struct rollback_progress *b = &next->rollback;
	const struct policy_rollback *p = &q->p->rollback;
	size_t left = 0;

	b->smoke_version = 0;
	b->smoke_unwritten = 0;
	b->smoke_passed = false;
	b->smoke_called = false;
	if (p->nsmoke == 0)
		return true;
	if (!messages_add_possible(q, p->smoke, p->nsmoke, MESSAGE_SMOKE, out, &left))
		return false;
	b->smoke_version = next->row_version;
	b->smoke_unwritten = (int64_t)left;
	if (left > 0)
		out->decision.calls_people = true;
	return true;
}

bool smoke_is_open(const struct question *q)
{
	return q->p->rollback.nsmoke > 0 && !q->r->rollback.smoke_passed;
}

bool smoke_is_failed(const struct question *q)
{
	return smoke_is_open(q) && q->f->smoke_pending > 0 && q->f->smoke_failing;
}

bool due_smoke_passed(const struct question *q, struct event *out)
{
	return q->r->state == RELEASE_STABILISING && smoke_is_open(q) &&
	       q->r->rollback.smoke_unwritten == 0 && q->f->smoke_pending == 0 &&
	       due_say(out, EVENT_SMOKE_PASSED, "action");
}

/* Refused for good it is known at once; what fails in another way may still come up. */
bool due_smoke_failing(const struct question *q, struct event *out)
{
	const struct release_facts *f = q->f;
	const struct rollback_progress *b = &q->r->rollback;

	if (q->r->state != RELEASE_STABILISING || !smoke_is_open(q) || b->smoke_called ||
	    f->smoke_pending == 0)
		return false;
	if (!f->smoke_refused && (!(f->smoke_failing || f->smoke_unanswered) ||
	                          f->now.ms - b->stabilising_since.ms < SMOKE_PATIENCE_MS))
		return false;
	due_say(out, EVENT_SMOKE_FAILING, "action");
	out->hold = f->smoke_action;
	return true;
}
