/*
 * people - approve, reject, check and waive: who may, about what, and how it is kept (rules A1, A2,
 * P2).
 *
 * Machines report checks; everything that four eyes stand for needs a person who is neither the
 * author nor the one who posted the release.
 */
#include "release/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool holds_role(const struct actor *by, const char *role)
{
	for (size_t i = 0; i < by->nroles; i++) {
		if (is_same(by->roles[i], role))
			return true;
	}
	return false;
}

/* Rule A1: a person, and another one than stands behind the release. */
static bool may_judge(const struct question *q, const char *what, struct outcome *out)
{
	const char *person = q->e.by.person;

	if (!person)
		return refuse(out, REFUSED_DENIED, NULL,
		              "only a person may %s: a machine's token must name its author", what);
	if (is_same(person, q->r->author) || is_same(person, q->r->poster))
		return refuse(out, REFUSED_DENIED, NULL,
		              "%s may not %s a release of their own: another person must", person,
		              what);
	return true;
}

/* The stage the event names (default: the present one); NULL when refused, as left ones are. */
static const struct policy_stage *find_stage(const struct question *q, struct outcome *out)
{
	const struct policy *p = q->p;
	const struct policy_stage *present = release_stage(q->r, p);
	size_t i = 0;

	if (!q->e.stage) {
		if (!present)
			refuse(out, REFUSED_STATE, NULL, "there is no present stage");
		return present;
	}
	while (i < p->nstages && strcmp(p->stages[i].stage, q->e.stage) != 0)
		i++;
	if (i == p->nstages) {
		refuse(out, REFUSED_INVALID, "/stage", "the policy has no stage %s", q->e.stage);
		return NULL;
	}
	if ((int64_t)i < q->r->stage) {
		refuse(out, REFUSED_STATE, "/stage", "stage %s is left already", q->e.stage);
		return NULL;
	}
	return &p->stages[i];
}

static const struct policy_approval *find_role(const struct policy_stage *stage, const char *role)
{
	for (size_t i = 0; i < stage->napprovals; i++) {
		if (is_same(stage->approvals[i].name, role))
			return &stage->approvals[i];
	}
	return NULL;
}

/* Without a role in the event: the first the actor holds that still lacks an approval, else the
 * first held. */
static const char *default_role(const struct question *q, const struct policy_stage *stage)
{
	const char *held = NULL;

	for (size_t i = 0; i < stage->napprovals; i++) {
		const struct policy_approval *a = &stage->approvals[i];

		if (!holds_role(&q->e.by, a->name))
			continue;
		if ((int64_t)release_approvals(q->r, a->name, stage->stage) < a->count)
			return a->name;
		held = held ? held : a->name;
	}
	return held;
}

static bool find_consent_role(struct question *q, const struct policy_stage *stage,
                              struct outcome *out)
{
	if (stage->napprovals == 0)
		return refuse(out, REFUSED_STATE, "/stage", "stage %s asks for no approval",
		              stage->stage);
	if (q->e.role && !find_role(stage, q->e.role))
		return refuse(out, REFUSED_INVALID, "/role",
		              "stage %s asks for no approval by role %s", stage->stage, q->e.role);
	if (!q->e.role)
		q->e.role = default_role(q, stage);
	if (!q->e.role)
		return refuse(out, REFUSED_DENIED, "/role",
		              "stage %s needs an approval by role %s, which you do not hold",
		              stage->stage, stage->approvals[0].name);
	if (!holds_role(&q->e.by, q->e.role))
		return refuse(out, REFUSED_DENIED, "/role", "you do not hold role %s", q->e.role);
	return true;
}

/* What this person said about this stage before; NULL for nothing. */
static const struct approval *said_before(const struct question *q)
{
	for (size_t i = 0; i < q->r->napprovals; i++) {
		const struct approval *a = &q->r->approvals[i];

		if (is_same(a->subject, q->e.by.person) && is_same(a->stage, q->e.stage))
			return a;
	}
	return NULL;
}

/* Completes role and stage; once per person per stage. */
static bool refine_consent(struct question *q, bool approves, struct outcome *out)
{
	const struct policy_stage *stage = find_stage(q, out);
	const struct approval *before = NULL;

	if (!stage || !may_judge(q, approves ? "approve" : "reject", out) ||
	    !find_consent_role(q, stage, out))
		return false;
	q->e.stage = stage->stage;
	before = said_before(q);
	if (before && !is_same(before->role, q->e.role))
		return refuse(out, REFUSED_DENIED, NULL,
		              "%s has spoken for stage %s as %s: one person once per stage",
		              q->e.by.person, stage->stage, before->role);
	if (before && before->approved == approves &&
	    (!approves || !hold_of(q->r, "rejected:", q->e.role)))
		return refuse(out, REFUSED_REPEAT, NULL, "%s has %s already", q->e.by.person,
		              approves ? "approved" : "rejected");
	if (!before && q->r->napprovals >= RELEASE_MAX_APPROVALS)
		return refuse(out, REFUSED_STATE, NULL, "the release has %d approvals, no more fit",
		              RELEASE_MAX_APPROVALS);
	return true;
}

static bool any_stage_asks(const struct question *q)
{
	for (size_t i = (size_t)q->r->stage; i < q->p->nstages; i++) {
		if (q->p->stages[i].napprovals > 0)
			return true;
	}
	return false;
}

bool refine_approve(struct question *q, struct outcome *out)
{
	const struct hold *rejected = NULL;

	if (q->any_actor)
		return any_stage_asks(q) || refuse(out, REFUSED_STATE, NULL, "nothing to approve");
	if (!refine_consent(q, true, out))
		return false;
	rejected = hold_of(q->r, "rejected:", q->e.role);
	if (rejected && hold_keeps_from_entering(q->r, rejected)) {
		q->e.kind = EVENT_APPROVE_LAST_ENTERING;
		return refuse_while_barred(q, out);
	}
	if (q->r->state == RELEASE_PAUSED && rejected && holds_of_pause(q->r) == 1)
		q->e.kind = EVENT_APPROVE_LAST;
	return true;
}

bool refine_reject(struct question *q, struct outcome *out)
{
	if (q->any_actor)
		return any_stage_asks(q) || refuse(out, REFUSED_STATE, NULL, "nothing to reject");
	return refine_consent(q, false, out);
}

/* The owner of a check of the present or a later stage, or of re-entry once a rollback was decided.
 */
static bool find_check(const struct question *q, const char **out_owner)
{
	const struct policy *p = q->p;

	*out_owner = NULL;
	for (size_t i = (size_t)q->r->stage; i < p->nstages && !q->r->rollback.active; i++) {
		for (size_t k = 0; k < p->stages[i].nchecks; k++) {
			if (is_same(p->stages[i].checks[k].name, q->e.check)) {
				*out_owner = p->stages[i].checks[k].owner;
				return true;
			}
		}
	}
	const struct policy_require *require =
	        q->r->state == RELEASE_PLANNED ? require_check(q->r, p, q->e.check) : NULL;

	if (require) {
		*out_owner = require->otherwise;
		return true;
	}
	for (size_t i = 0; i < p->rollback.nreentry && q->r->rollback.active; i++) {
		if (is_same(p->rollback.reentry[i], q->e.check))
			return true;
	}
	return false;
}

static bool any_check_is_open(const struct question *q)
{
	if (q->r->rollback.active)
		return q->p->rollback.nreentry > 0;
	if (q->r->state == RELEASE_PLANNED && q->p->nrequires > 0)
		return true;
	for (size_t i = (size_t)q->r->stage; i < q->p->nstages; i++) {
		if (q->p->stages[i].nchecks > 0)
			return true;
	}
	return false;
}

bool refine_check(struct question *q, struct outcome *out)
{
	const char *owner = NULL;

	if (q->any_actor)
		return any_check_is_open(q) || refuse(out, REFUSED_STATE, NULL, "no check to fill");
	if (!q->e.check)
		return refuse(out, REFUSED_INVALID, "/check", "which check?");
	if (!find_check(q, &owner))
		return refuse(out, REFUSED_INVALID, "/check",
		              "neither the present nor a later stage has a check %s", q->e.check);
	if (owner && !holds_role(&q->e.by, owner))
		return refuse(out, REFUSED_DENIED, NULL,
		              "check %s belongs to role %s, which you do not hold", q->e.check,
		              owner);
	for (size_t i = 0; i < q->r->nchecks; i++) {
		const struct check_state *c = &q->r->checks[i];

		if (is_same(c->name, q->e.check) && c->done == q->e.done &&
		    (!q->e.evidence || is_same(c->evidence, q->e.evidence)))
			return refuse(out, REFUSED_REPEAT, NULL, "check %s is %s already",
			              q->e.check, c->done ? "done" : "open");
	}
	return true;
}

static bool any_gate_is_waivable(const struct question *q)
{
	for (size_t i = 0; i < q->p->ngates; i++) {
		if (q->p->gates[i].nwaivable_by > 0)
			return true;
	}
	return false;
}

static bool may_waive(const struct question *q, const struct gate *gate, struct outcome *out)
{
	if (gate->nwaivable_by == 0)
		return refuse(out, REFUSED_DENIED, "/gate",
		              "gate %s cannot be waived: its waivable_by is empty", gate->name);
	for (size_t i = 0; i < gate->nwaivable_by; i++) {
		if (holds_role(&q->e.by, gate->waivable_by[i]))
			return true;
	}
	return refuse(out, REFUSED_DENIED, "/gate",
	              "gate %s may be waived by role %s, which you do not hold", gate->name,
	              gate->waivable_by[0]);
}

bool refine_waive(struct question *q, struct outcome *out)
{
	const struct policy_stage *stage = NULL;
	const struct gate *gate = NULL;

	if (q->any_actor)
		return any_gate_is_waivable(q) ||
		       refuse(out, REFUSED_STATE, NULL, "no gate may be waived");
	if (!q->e.gate)
		return refuse(out, REFUSED_INVALID, "/gate", "which gate?");
	gate = policy_gate(q->p, q->e.gate, NULL);
	if (!gate)
		return refuse(out, REFUSED_INVALID, "/gate", "the policy has no gate %s",
		              q->e.gate);
	stage = find_stage(q, out);
	if (!stage || !may_judge(q, "waive a gate of", out) || !may_waive(q, gate, out))
		return false;
	q->e.stage = stage->stage;
	if (!policy_gate_counts(gate, stage))
		return refuse(out, REFUSED_INVALID, "/stage",
		              "gate %s does not count in stage %s anyway", gate->name,
		              stage->stage);
	if (release_is_waived(q->r, gate->name, stage->stage))
		return refuse(out, REFUSED_REPEAT, NULL, "gate %s is waived in stage %s already",
		              gate->name, stage->stage);
	if (q->r->nwaivers >= RELEASE_MAX_WAIVERS)
		return refuse(out, REFUSED_STATE, NULL, "the release has %d waivers, no more fit",
		              RELEASE_MAX_WAIVERS);
	return true;
}

static void approval_fini(struct approval *a)
{
	free(a->role);
	free(a->stage);
	free(a->subject);
	free(a->reason);
	free(a->policy_hash);
	free(a->artifact);
	*a = (struct approval){0};
}

/* The person's own earlier word goes; a rejection also voids what the role has approved (rule A1).
 */
static bool is_replaced(const struct approval *a, const struct event *e)
{
	if (!is_same(a->stage, e->stage))
		return false;
	return is_same(a->subject, e->by.person) ||
	       (e->kind == EVENT_REJECT && a->approved && is_same(a->role, e->role));
}

void drop_approvals(struct release *next)
{
	for (size_t i = 0; i < next->napprovals; i++)
		approval_fini(&next->approvals[i]);
	next->napprovals = 0;
}

static void drop_replaced(struct release *next, const struct event *e)
{
	for (size_t i = next->napprovals; i-- > 0;) {
		if (!is_replaced(&next->approvals[i], e))
			continue;
		approval_fini(&next->approvals[i]);
		memmove(&next->approvals[i], &next->approvals[i + 1],
		        (next->napprovals - i - 1) * sizeof(next->approvals[0]));
		next->napprovals--;
	}
}

bool record_consent(struct release *next, const struct question *q)
{
	const struct event *e = &q->e;
	bool approves = e->kind != EVENT_REJECT;
	struct approval *grown = NULL;
	struct approval *a = NULL;

	drop_replaced(next, e);
	grown = realloc(next->approvals, (next->napprovals + 1) * sizeof(*grown));
	if (!grown)
		return false;
	next->approvals = grown;
	a = &grown[next->napprovals++];
	*a = (struct approval){.role = text_dup(e->role),
	                       .stage = text_dup(e->stage),
	                       .subject = text_dup(e->by.person),
	                       .approved = approves,
	                       .reason = text_dup(e->reason),
	                       .policy_hash = text_dup(next->policy_hash),
	                       .artifact = text_dup(next->artifact),
	                       .at = q->f->now};
	if (approves)
		hold_drop(next, "rejected:", e->role);
	return a->role && a->stage && a->subject && a->policy_hash && (a->reason || !e->reason) &&
	       (a->artifact || !next->artifact);
}

static struct check_state *obtain_check(struct release *next, const char *name)
{
	struct check_state *grown = NULL;

	for (size_t i = 0; i < next->nchecks; i++) {
		if (is_same(next->checks[i].name, name))
			return &next->checks[i];
	}
	grown = realloc(next->checks, (next->nchecks + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	next->checks = grown;
	grown[next->nchecks] = (struct check_state){.name = text_dup(name)};
	return grown[next->nchecks++].name ? &grown[next->nchecks - 1] : NULL;
}

static bool replace_text(char **at, const char *text)
{
	char *copy = text_dup(text);

	if (text && !copy)
		return false;
	free(*at);
	*at = copy;
	return true;
}

bool record_check(struct release *next, const struct question *q)
{
	struct check_state *c = obtain_check(next, q->e.check);
	const char *owner = NULL;

	if (!c)
		return false;
	(void)find_check(q, &owner);
	c->done = q->e.done;
	c->at = q->f->now;
	return replace_text(&c->owner, owner) && replace_text(&c->evidence, q->e.evidence) &&
	       replace_text(&c->subject, q->e.by.subject);
}

bool record_waiver(struct release *next, const struct question *q)
{
	struct waiver *grown = realloc(next->waivers, (next->nwaivers + 1) * sizeof(*grown));
	struct waiver *w = NULL;

	if (!grown)
		return false;
	next->waivers = grown;
	w = &grown[next->nwaivers++];
	*w = (struct waiver){.gate = text_dup(q->e.gate),
	                     .stage = text_dup(q->e.stage),
	                     .subject = text_dup(q->e.by.person),
	                     .reason = text_dup(q->e.reason),
	                     .at = q->f->now};
	return w->gate && w->stage && w->subject && (w->reason || !q->e.reason);
}
