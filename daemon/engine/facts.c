/*
 * facts - what the core must be told about the world before it can decide: other releases of the
 * pair, freezes, open re-entry checks, and how far the messages are.
 */
#include "engine/internal.h"

#include <string.h>

/* The first check that is not done; NULL when all are. */
static const char *open_check(const struct policy_rollback *rollback, const struct release *r)
{
	for (size_t i = 0; i < rollback->nreentry; i++) {
		bool done = false;

		for (size_t c = 0; c < r->nchecks; c++)
			done = done || (r->checks[c].done &&
			                strcmp(r->checks[c].name, rollback->reentry[i]) == 0);
		if (!done)
			return rollback->reentry[i];
	}
	return NULL;
}

/* What an exempt release completed over is owed as before. */
static bool is_exempt(const struct engine *e, const struct release *r)
{
	const struct policy *policy = engine_policy_by_hash(e, r->policy_hash);

	return policy != NULL && policy->exempt_from_reentry;
}

/* Rule A6: the newest attempt of the pair that was rolled back asks for its re-entry checks and
 * its incident record first. */
static void reentry_facts(const struct engine *e, const struct tracked *t,
                          struct release_facts *out)
{
	const struct release *r = t->release;
	const struct group *pair = registry_pair(e, r->service, r->environment);
	const struct release *last = NULL;
	const struct policy *policy;

	for (size_t i = pair == NULL ? 0 : pair->n; i-- > 0 && last == NULL;) {
		const struct release *other = pair->list[i]->release;

		if (other->id != r->id && other->rollback.active && release_is_ended(other->state))
			last = other;
		else if (other->id != r->id && other->state == RELEASE_COMPLETED &&
		         !is_exempt(e, other))
			return;
	}
	if (last == NULL)
		return;
	out->reentry_release = last->id;
	policy = engine_policy_by_hash(e, last->policy_hash);
	if (policy == NULL) {
		out->reentry_missing = "the policy that lists them cannot be read";
		out->reentry_open = true;
		return;
	}
	out->reentry_missing = open_check(&policy->rollback, last);
	out->reentry_record = policy->rollback.incident_record && last->record.root_cause == NULL;
	out->reentry_open = out->reentry_missing != NULL || out->reentry_record;
}

static void pair_facts(const struct engine *e, const struct tracked *t, struct release_facts *out)
{
	const struct release *r = t->release;
	const struct group *pair = registry_pair(e, r->service, r->environment);

	out->pair_free = true;
	for (size_t i = 0; pair != NULL && i < pair->n; i++) {
		const struct release *other = pair->list[i]->release;

		if (other->id == r->id)
			continue;
		if (release_is_active(other->state))
			out->pair_free = false;
		if (r->state == RELEASE_COMPLETED && other->stage_since.ms > r->finished_at.ms)
			out->newer_active = true;
	}
}

void engine_facts(const struct engine *e, const struct tracked *t, struct release_facts *out)
{
	const struct release *r = t->release;
	const struct freeze_row *freeze = freezes_over(e, r->service, r->environment);

	*out = (struct release_facts){
	        .now = loop_now(e->app->loop).wall,
	        .frozen = freeze != NULL,
	        .freeze_reason = freeze == NULL ? NULL : freeze->reason,
	        .evaluation = t->evaluation,
	        .enter_pending = t->enter_pending,
	        .enter_refused = t->enter_refused,
	        .enter_refused_action = t->refused_action,
	        .rollback_pending = t->rollback_pending,
	        .rollback_refused = t->rollback_refused,
	        .rollback_acked = t->outbox_known ? t->rollback_acked : 0,
	        .dampen_pending = t->dampen_pending,
	        .smoke_pending = t->smoke_pending,
	        .smoke_failing = t->smoke_failing,
	        .smoke_refused = t->smoke_refused,
	        .smoke_unanswered = t->smoke_unanswered,
	        .smoke_action = t->smoke_action,
	        .drifted_action = t->drifted_action,
	        .drifted_text = t->drifted_text,
	        .drift_known = t->drift_known,
	};
	if (!t->outbox_known) {
		/* Not heard yet: nothing may be taken for acknowledged. */
		out->enter_pending = out->enter_pending == 0 ? 1 : out->enter_pending;
		out->rollback_pending = out->rollback_pending == 0 ? 1 : out->rollback_pending;
		out->smoke_pending = out->smoke_pending == 0 ? 1 : out->smoke_pending;
		out->smoke_failing = out->smoke_refused = out->smoke_unanswered = false;
	}
	pair_facts(e, t, out);
	if (r->state == RELEASE_PLANNED)
		reentry_facts(e, t, out);
}
