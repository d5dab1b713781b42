/*
 * oracle - the invariants of a release on its way, in other words than the code's.
 */
#include "simulation.h"

#include <string.h>

static size_t pauses_of(const struct release *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nholds; i++)
		n += r->holds[i].pauses;
	return n;
}

/* Of every statement that takes effect, against the row as it stood. */
bool oracle_commit(struct story *s, const struct release *before, const struct outcome *out)
{
	const struct release *next = out->next;
	const struct decision *d = &out->decision;
	bool forward = next->stage > before->stage || next->state == RELEASE_COMPLETED;
	const char *wrong = NULL;
	bool is_moving = next->state == RELEASE_RUNNING || next->state == RELEASE_PAUSED;

	if (before->state == RELEASE_PLANNED && next->state == RELEASE_RUNNING &&
	    (before->announced.ms == 0 || s->now < before->start.ms))
		return fail(s, "H5: started before its time, or unannounced");
	if (before->announced.ms != 0 && next->announced.ms != before->announced.ms)
		return fail(s, "H5: announced twice");
	if (next->row_version != before->row_version + 1)
		return fail(s, "I3: version %d follows %d", (int)next->row_version,
		            (int)before->row_version);
	if (is_moving && (next->state == RELEASE_PAUSED) != (pauses_of(next) > 0))
		return fail(s, "H2: %s with %zu pause holds", release_state_names[next->state],
		            pauses_of(next));
	if (s->db.rolled_back &&
	    (is_moving || next->state == RELEASE_COMPLETED || next->stage != before->stage))
		return fail(s, "I5: %s after a rollback was committed",
		            release_event_names[d->event]);
	if (forward && before->state == RELEASE_RUNNING && !(d->needs_lease && d->needs_thaw))
		return fail(s, "V4: an advance that asks for no lease");
	if (next->state == RELEASE_ROLLING_BACK && d->event != EVENT_DRIFT_OVER &&
	    (d->needs_lease || d->needs_thaw))
		return fail(s, "V4: a rollback that waits for a lease or a thaw");
	if (next->state == RELEASE_ROLLING_BACK && !before->rollback.active && !d->supersedes)
		return fail(s, "R8: a rollback that leaves advances pending");
	if (next->state == RELEASE_CANCELLED && before->exposed)
		return fail(s, "R1: cancelled although exposed");
	if (next->incident_applied != before->incident_applied &&
	    next->incident_applied != before->incident_applied + 1)
		return fail(s, "A5: incident %d is taken account of after %d",
		            (int)next->incident_applied, (int)before->incident_applied);
	if (d->closes_messages && next->state != RELEASE_ROLLED_BACK &&
	    next->state != RELEASE_RESOLVED)
		return fail(s, "I10: %s closes a rollback's messages",
		            release_event_names[d->event]);
	wrong = ledger_take(&s->db.ledger, d, next, s->policy);
	return !wrong || fail(s, "A8: %s: %s", release_event_names[d->event], wrong);
}

/* Invariant I1, where the daemon decides: rule V1 in full. */
bool oracle_advance(struct story *s, const struct outcome *out)
{
	const struct daemon *d = &s->d;
	const struct release *r = d->r;
	const struct policy_stage *stage = release_stage(r, s->policy);
	bool forward = out->next->stage > r->stage || out->next->state == RELEASE_COMPLETED;
	bool gated = false;

	if (!forward)
		return true;
	for (size_t i = 0; i < s->policy->ngates; i++)
		gated |= policy_gate_counts(&s->policy->gates[i], stage) &&
		         !release_is_waived(r, s->policy->gates[i].name, stage->stage);
	if (r->state != RELEASE_RUNNING || r->rollback.active || r->nholds > 0)
		return fail(s, "I1: forward although held or on the way back");
	if (!r->promoted && d->c.observed_ms < stage->bake_ms)
		return fail(s, "I1: forward after %d ms of bake", (int)d->c.observed_ms);
	if (!gated || !d->e)
		return fail(s, "I1: forward without a gate or an evaluation");
	if (!d->e->all_pass || d->e->stage != r->stage || s->now - d->e->at.ms > 2 * EVERY)
		return fail(s, "I1: forward without a fresh pass of this stage");
	if (d->c.passes < stage->min_evaluations || d->c.fresh_rounds < 3)
		return fail(s, "I1: forward after too few evaluations");
	return true;
}

/* Invariants I12, I13 and I14. */
bool oracle_evaluation(struct story *s, int64_t observed_before)
{
	const struct daemon *d = &s->d;

	for (size_t i = 0; i < d->e->ngates; i++) {
		const struct gate_outcome *o = &d->e->gates[i];

		if (o->counts && o->result != GATE_PASS &&
		    (d->e->all_pass || d->e->verdict == VERDICT_PASS))
			return fail(s, "I12: a pass with a gate that does not");
		if (o->result == GATE_PASS && (s->mood == MOOD_SILENT || s->mood == MOOD_ABSURD))
			return fail(s, "I12: nothing, or no number, passes");
	}
	if (d->c.observed_ms > observed_before && !d->e->all_pass)
		return fail(s, "I13: the bake grew without a pass");
	if (d->r->row_version == s->db.r->row_version && s->db.bake_began > 0 &&
	    d->c.observed_ms > s->now - s->db.bake_began)
		return fail(s, "I14: a bake of %d ms within %d ms", (int)d->c.observed_ms,
		            (int)(s->now - s->db.bake_began));
	return true;
}

/* Invariant I11, and rule H2 for what is parked. */
bool oracle_claim(struct story *s, const struct row *row)
{
	if (row->superseded_by != 0)
		return fail(s, "I11: a superseded message is claimed");
	if (row->class == MESSAGE_ADVANCE && row->version < s->db.rolled_at)
		return fail(s, "I11: an advance is claimed after the rollback was committed");
	if (row->class == MESSAGE_ADVANCE && s->db.r->state == RELEASE_PAUSED &&
	    s->db.r->paused_step == STEP_ENTERING)
		return fail(s, "H2: an advance is claimed while paused");
	return true;
}

/* Invariant I9 for the receiver that fences. */
bool oracle_apply(struct story *s, const struct receiver *r, const struct row *row,
                  const struct sending *a)
{
	if (!r->fences)
		return true;
	if (row->known > a->repairs)
		return fail(s, "message %td is applied twice", row - s->db.rows);
	if (row->fence < r->fence)
		return fail(s, "I9: fence %d is applied after %d", (int)row->fence, (int)r->fence);
	return true;
}

/* Invariant I6, from wherever the daemon stands. */
bool oracle_way_back(struct story *s)
{
	struct release_facts facts = {.now = {s->now}, .pair_free = true};
	struct event e = {.kind = EVENT_ROLLBACK,
	                  .by = {.subject = "ann", .person = "ann", .origin = "10.0.0.1"}};
	const struct release *r = s->d.r;
	struct outcome out;
	bool ok = true;

	if (!r->exposed || (r->state != RELEASE_RUNNING && r->state != RELEASE_PAUSED))
		return true;
	release_step(r, &s->d.c, s->policy, &e, &facts, &out);
	if (!out.next || out.next->state != RELEASE_ROLLING_BACK || out.nmessages == 0)
		ok = fail(s, "I6: no way back: %s", out.text);
	outcome_fini(&out);
	return ok;
}

static bool check_rows(struct story *s)
{
	for (size_t i = 0; i < s->db.n; i++) {
		const struct row *r = &s->db.rows[i];
		bool is_closed = r->superseded_by != 0;

		if (r->done == 0 && !is_closed)
			return fail(s, "message %zu is neither acknowledged nor closed", i);
		if (r->class != MESSAGE_ROLLBACK)
			continue;
		if (r->dead)
			return fail(s, "I10: a rollback's message was given up");
		if (r->attempts == 0 && r->option >= 0)
			return fail(s, "I10: message %zu of a rollback was never sent", i);
		if (is_closed && r->option != MESSAGE_SMOKE &&
		    s->db.r->state != RELEASE_ROLLED_BACK && s->db.r->state != RELEASE_RESOLVED)
			return fail(s, "I10: a rollback's message was closed by nobody");
	}
	return true;
}

/* What happens right before the end may come too late to be seen, and what was done by hand is not
 * looked at. */
static bool is_out_of_sight(const struct story *s, const struct receiver *r)
{
	return r->disturbed > s->over_at - 45 * SECOND || (s->by_hand && r->disturbed > 0);
}

/* Invariant I9 once all is quiet: what stands in the database is what the receivers hold. */
bool oracle_end(struct story *s)
{
	int64_t wanted = 0;

	if (!check_rows(s))
		return false;
	if (s->db.rolled_back && s->db.r->state != RELEASE_ROLLED_BACK &&
	    s->db.r->state != RELEASE_RESOLVED)
		return fail(s, "a rollback was lost: %s", release_state_names[s->db.r->state]);
	if (s->wants_rollback)
		return fail(s, "a rollback that was asked for was never answered");
	if (s->db.r->state == RELEASE_RESOLVED)
		return true; /* a person says what is live */
	if (s->db.r->state == RELEASE_COMPLETED)
		wanted = 100;
	else if (s->db.r->state == RELEASE_CANCELLED)
		wanted = NOBODY;
	for (size_t i = 0; i < DESTINATIONS; i++) {
		if (s->reads && is_out_of_sight(s, &s->receivers[i]))
			continue;
		if (s->receivers[i].weight != wanted)
			return fail(s, "I9: %s, and the %s receiver has weight %d",
			            release_state_names[s->db.r->state],
			            s->receivers[i].fences ? "fenced" : "unfenced",
			            (int)s->receivers[i].weight);
	}
	return true;
}
