/*
 * repin - a release on its way is moved to another policy: a person's decision, with a reason. What
 * the old policy had proved proves nothing any more: approvals and waivers are void, bake, votes
 * and measurements begin anew. The exposure does not change by it.
 */
#include "release/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static bool may_repin(const struct question *q, struct outcome *out)
{
	const struct policy *p = q->p;
	const char *person = q->e.by.person;

	if (p->nrepin_by == 0)
		return refuse(out, REFUSED_DENIED, NULL,
		              "policy %s lets nobody move a release: its repin_by is empty",
		              p->name);
	if (!person)
		return refuse(out, REFUSED_DENIED, NULL,
		              "only a person may repin: a machine's token must name its author");
	if (strcmp(person, q->r->author) == 0 ||
	    (q->r->poster && strcmp(person, q->r->poster) == 0))
		return refuse(out, REFUSED_DENIED, NULL,
		              "%s may not repin a release of their own: another person must",
		              person);
	for (size_t i = 0; i < p->nrepin_by; i++) {
		if (holds_role(&q->e.by, p->repin_by[i]))
			return true;
	}
	return refuse(out, REFUSED_DENIED, NULL, "repin belongs to role %s, which you do not hold",
	              p->repin_by[0]);
}

static bool same_flags(const struct policy_stage *a, const struct policy_stage *b)
{
	return a->flags == b->flags || (a->flags && b->flags && json_equal(a->flags, b->flags));
}

int64_t repin_stage(const struct question *q)
{
	const struct policy *to = q->e.policy;
	const struct policy_stage *now = release_stage(q->r, q->p);

	if (q->r->state == RELEASE_PLANNED)
		return 0;
	for (size_t i = 0; now && i < to->nstages; i++) {
		if (strcmp(to->stages[i].stage, now->stage) == 0)
			return (int64_t)i;
	}
	return -1;
}

/* What is out in the world now must be what the new policy would have put there. */
static bool fits_stage(const struct question *q, struct outcome *out)
{
	const struct policy *to = q->e.policy;
	const struct policy_stage *now = release_stage(q->r, q->p);
	int64_t i = repin_stage(q);
	const struct policy_stage *then = i < 0 ? NULL : &to->stages[i];

	if (q->r->state == RELEASE_PLANNED)
		return true;
	if (!then)
		return refuse(out, REFUSED_INVALID, "/policy",
		              "policy %s has no stage %s, in which the release is", to->name,
		              now ? now->stage : "");
	if (then->kind != now->kind || then->weight != now->weight || !same_flags(now, then))
		return refuse(out, REFUSED_INVALID, "/policy",
		              "stage %s of policy %s differs in kind, weight or flags: what is "
		              "exposed now would not be what it says",
		              now->stage, to->name);
	if (policy_stage_is_exposed(to, (size_t)i) != q->r->exposed)
		return refuse(out, REFUSED_INVALID, "/policy",
		              "by policy %s the release would%s be exposed in stage %s", to->name,
		              q->r->exposed ? " not yet" : " already", now->stage);
	return true;
}

bool refine_repin(struct question *q, struct outcome *out)
{
	const struct policy *to = q->e.policy;

	if (q->any_actor)
		return (q->p->nrepin_by > 0 && q->r->paused_step != STEP_ENTERING) ||
		       refuse(out, REFUSED_STATE, NULL, "not from here");
	if (!to)
		return refuse(out, REFUSED_INVALID, "/policy", "which policy?");
	if (!may_repin(q, out))
		return false;
	if (strcmp(to->hash, q->r->policy_hash) == 0)
		return refuse(out, REFUSED_REPEAT, NULL, "it is on this policy already");
	if (q->r->state == RELEASE_PAUSED && q->r->paused_step == STEP_ENTERING)
		return refuse(out, REFUSED_STATE, NULL,
		              "it was paused while entering its stage: resume it first, or roll "
		              "it back");
	return !require_refuses(q->r, to, out) && fits_stage(q, out);
}

static void drop_waivers(struct release *next)
{
	for (size_t i = 0; i < next->nwaivers; i++) {
		free(next->waivers[i].gate);
		free(next->waivers[i].stage);
		free(next->waivers[i].subject);
		free(next->waivers[i].reason);
	}
	next->nwaivers = 0;
}

/* What was measured in another unit would be read in the new one. */
static bool is_of_another_kind(const struct question *q, const struct kpi_measurement *m)
{
	const struct kpi *was = policy_kpi(q->p, m->kpi, NULL);
	const struct kpi *is = policy_kpi(q->e.policy, m->kpi, NULL);

	return !was || !is || is->pushed_ms == 0 || is->unit != was->unit;
}

bool repin(const struct question *q, struct release *next)
{
	char *name = text_dup(q->e.policy->name);
	char *hash = text_dup(q->e.policy->hash);

	if (!name || !hash) {
		free(name);
		free(hash);
		return false;
	}
	next->stage = repin_stage(q);
	free(next->policy_name);
	free(next->policy_hash);
	next->policy_name = name;
	next->policy_hash = hash;
	next->policy_version = next->row_version;
	if (next->paused_step == STEP_READY)
		next->paused_step = STEP_BAKING;
	drop_waivers(next);
	drop_approvals(next);
	for (size_t i = next->nmeasurements; i-- > 0;) {
		if (is_of_another_kind(q, &next->measurements[i]))
			measurement_drop(next, i);
	}
	return true;
}
