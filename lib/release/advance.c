/*
 * advance - rule V1: what a stage must have before it is left, looked at on one snapshot.
 *
 * Everything unknown counts as missing: no evaluation, one of another stage, a checkpoint of
 * another stage. Nothing here is a pass by default.
 */
#include "release/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define INTERVALS_FRESH 2

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

const struct evaluation *advance_evaluation(const struct question *q)
{
	const struct evaluation *e = q->f->evaluation;

	return e && e->stage == q->r->stage && e->policy_version == q->r->policy_version &&
	                       e->ngates == q->p->ngates
	               ? e
	               : NULL;
}

const char *advance_ungated(const struct question *q)
{
	const struct evaluation *e = advance_evaluation(q);

	if (!e || e->all_pass)
		return NULL;
	for (size_t i = 0; i < e->ngates; i++) {
		if (e->gates[i].counts)
			return NULL;
	}
	return "no gate counts now: the optional ones have no data, and nothing else is proof";
}

bool advance_is_recent(const struct question *q, const struct evaluation *e)
{
	int64_t age_ms = q->f->now.ms - e->at.ms;
	int64_t most_ms = INTERVALS_FRESH * q->p->evaluate_every_ms;

	return age_ms >= -most_ms && age_ms <= most_ms;
}

static bool checkpoint_is_ours(const struct question *q)
{
	return q->c && q->c->stage == q->r->stage && q->c->row_version >= q->r->bake_version;
}

int64_t advance_observed(const struct question *q)
{
	return checkpoint_is_ours(q) ? q->c->observed_ms : 0;
}

bool advance_bake_is_done(const struct question *q)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);

	return stage && (q->r->promoted || advance_observed(q) >= stage->bake_ms);
}

/* Whether any gate has a say in the stage: without one, its checks and approvals are all there is
 * (rule E6). */
static bool stage_has_gates(const struct question *q, const struct policy_stage *stage)
{
	for (size_t i = 0; i < q->p->ngates; i++) {
		const struct gate *gate = &q->p->gates[i];

		if (!gate->shadow && policy_gate_counts(gate, stage) &&
		    !release_is_waived(q->r, gate->name, stage->stage))
			return true;
	}
	return false;
}

static unsigned proof_blockers(const struct question *q, const struct policy_stage *stage)
{
	const struct evaluation *e = advance_evaluation(q);
	int64_t passes = checkpoint_is_ours(q) ? q->c->passes : 0;
	unsigned blockers = 0;

	if (passes < 1 || passes < stage->min_evaluations)
		blockers |= BLOCK_PASSES;
	if (!e || !e->all_pass || e->verdict != VERDICT_PASS)
		blockers |= BLOCK_PROOF;
	if (!e || !advance_is_recent(q, e))
		blockers |= BLOCK_OLD;
	if (!q->c || q->c->fresh_rounds < TAKEOVER_ROUNDS)
		blockers |= BLOCK_TAKEOVER;
	return blockers;
}

size_t release_approvals(const struct release *r, const char *role, const char *stage)
{
	size_t n = 0;

	for (size_t i = 0; i < r->napprovals; i++) {
		const struct approval *a = &r->approvals[i];

		n += a->approved && same_text(a->role, role) && same_text(a->stage, stage) &&
		     same_text(a->policy_hash, r->policy_hash) &&
		     same_text(a->artifact, r->artifact);
	}
	return n;
}

bool check_is_done(const struct release *r, const char *name)
{
	for (size_t i = 0; i < r->nchecks; i++) {
		if (strcmp(r->checks[i].name, name) == 0)
			return r->checks[i].done;
	}
	return false;
}

static unsigned people_blockers(const struct question *q, const struct policy_stage *stage)
{
	unsigned blockers = 0;

	for (size_t i = 0; i < stage->nchecks; i++) {
		if (!check_is_done(q->r, stage->checks[i].name))
			blockers |= BLOCK_CHECKS;
	}
	for (size_t i = 0; i < stage->napprovals; i++) {
		const struct policy_approval *a = &stage->approvals[i];

		if ((int64_t)release_approvals(q->r, a->name, stage->stage) < a->count)
			blockers |= BLOCK_APPROVALS;
	}
	return blockers;
}

unsigned advance_bars(const struct question *q)
{
	unsigned bars = q->f->frozen ? BLOCK_FROZEN : 0;

	if (!windows_are_open(&q->p->windows, q->f->now))
		bars |= BLOCK_WINDOW;
	return bars;
}

unsigned advance_blockers(const struct question *q)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);
	unsigned blockers = 0;

	if (!stage)
		return BLOCK_PROOF;
	if (!advance_bake_is_done(q))
		blockers |= BLOCK_BAKE;
	if (stage_has_gates(q, stage))
		blockers |= proof_blockers(q, stage);
	blockers |= people_blockers(q, stage);
	if (holds_in_force(q->r) > 0)
		blockers |= BLOCK_HOLDS;
	blockers |= advance_bars(q);
	if (stage->manual && !q->r->promoted)
		blockers |= BLOCK_PROMOTION;
	if (!q->f->drift_known || q->f->drifted_action)
		blockers |= BLOCK_DRIFT;
	return blockers;
}

static void say_gates(const struct question *q, char *out, size_t size)
{
	const struct evaluation *e = advance_evaluation(q);

	for (size_t i = 0; e && i < e->ngates; i++) {
		if (e->gates[i].counts && e->gates[i].result != GATE_PASS) {
			(void)snprintf(out, size, "gate %s: %s", q->p->gates[i].name,
			               e->gates[i].sentence);
			return;
		}
	}
	(void)snprintf(out, size, "%s",
	               advance_ungated(q) ? advance_ungated(q)
	                                  : "no passing evaluation of this stage yet");
}

static void say_check(const struct question *q, char *out, size_t size)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);

	for (size_t i = 0; i < stage->nchecks; i++) {
		if (!check_is_done(q->r, stage->checks[i].name)) {
			(void)snprintf(out, size, "check %s (owner %s) is open",
			               stage->checks[i].name, stage->checks[i].owner);
			return;
		}
	}
}

static void say_approval(const struct question *q, char *out, size_t size)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);

	for (size_t i = 0; i < stage->napprovals; i++) {
		const struct policy_approval *a = &stage->approvals[i];
		size_t n = release_approvals(q->r, a->name, stage->stage);

		if ((int64_t)n < a->count) {
			(void)snprintf(out, size, "approval %s: %zu of %lld", a->name, n,
			               (long long)a->count);
			return;
		}
	}
}

static void say_hold(const struct question *q, char *out, size_t size)
{
	for (size_t i = 0; i < q->r->nholds; i++) {
		const struct hold *h = &q->r->holds[i];

		if (!h->acknowledged) {
			(void)snprintf(out, size, "hold %s%s%s", h->name, h->reason ? ": " : "",
			               h->reason ? h->reason : "");
			return;
		}
	}
}

static void say_frozen(const struct question *q, char *out, size_t size)
{
	(void)snprintf(out, size, "frozen%s%s", q->f->freeze_reason ? ": " : "",
	               q->f->freeze_reason ? q->f->freeze_reason : "");
}

static void say_window(const struct question *q, char *out, size_t size)
{
	struct wall opens = windows_open_at(&q->p->windows, q->f->now);
	char windows[120];
	char at[UNITS_TEXT_MAX];

	windows_describe(&q->p->windows, windows, sizeof(windows));
	instant_format(opens, at);
	if (opens.ms == 0)
		(void)snprintf(out, size,
		               "outside the policy's windows (%s, in UTC), which do not open "
		               "within a year",
		               windows);
	else
		(void)snprintf(out, size,
		               "outside the policy's windows (%s, in UTC) until %s; a rollback "
		               "needs none",
		               windows, at);
}

static void say_bake(const struct question *q, char *out, size_t size)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);
	char done[UNITS_TEXT_MAX];
	char all[UNITS_TEXT_MAX];

	duration_format(advance_observed(q), done);
	duration_format(stage ? stage->bake_ms : 0, all);
	(void)snprintf(out, size, "baking: %s of %s observed green", done, all);
}

static void say_passes(const struct question *q, char *out, size_t size)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);

	(void)snprintf(out, size, "%lld of %lld passing evaluations",
	               (long long)(checkpoint_is_ours(q) ? q->c->passes : 0),
	               (long long)(stage->min_evaluations > 1 ? stage->min_evaluations : 1));
}

static void say_old(const struct question *q, char *out, size_t size)
{
	(void)q;
	(void)snprintf(out, size, "the newest evaluation is too old");
}

static void say_takeover(const struct question *q, char *out, size_t size)
{
	(void)snprintf(out, size, "%lld of %d evaluations since this instance took over",
	               (long long)(q->c ? q->c->fresh_rounds : 0), TAKEOVER_ROUNDS);
}

static void say_promotion(const struct question *q, char *out, size_t size)
{
	(void)q;
	(void)snprintf(out, size, "waits for promote: the stage is left by hand");
}

/* A drift becomes a hold with the next decision; until then, and before the first answer after a
 * start or a takeover, this says it. */
static void say_drift(const struct question *q, char *out, size_t size)
{
	if (q->f->drifted_action)
		(void)snprintf(out, size, "what action %s has set reads differently now%s%s",
		               q->f->drifted_action, q->f->drifted_text ? ": " : "",
		               q->f->drifted_text ? q->f->drifted_text : "");
	else
		(void)snprintf(out, size,
		               "not heard yet whether what was set still reads as it should");
}

void advance_sentence(const struct question *q, unsigned blockers, char *out, size_t size)
{
	/* clang-format off */
	static const struct {
		enum blocker bit;
		void (*say)(const struct question *q, char *out, size_t size);
	} words[] = {
		{ BLOCK_HOLDS, say_hold },         { BLOCK_FROZEN, say_frozen },
		{ BLOCK_BAKE, say_bake },          { BLOCK_PROOF, say_gates },
		{ BLOCK_OLD, say_old },            { BLOCK_PASSES, say_passes },
		{ BLOCK_TAKEOVER, say_takeover },  { BLOCK_CHECKS, say_check },
		{ BLOCK_APPROVALS, say_approval }, { BLOCK_PROMOTION, say_promotion },
		{ BLOCK_WINDOW, say_window },       { BLOCK_DRIFT, say_drift },
	};
	/* clang-format on */

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (blockers & words[i].bit) {
			words[i].say(q, out, size);
			return;
		}
	}
}

void checkpoint_follow(struct checkpoint *c, const struct release *r)
{
	if (c->stage != r->stage || c->row_version < r->bake_version) {
		c->observed_ms = 0;
		c->passes = 0;
		c->last_passed = false;
		c->last_pass = (struct wall){0};
	}
	if (c->row_version < r->policy_version) {
		for (size_t i = 0; i < c->ngates; i++)
			field_free(&gate_state_table, &c->gates[i]);
		free(c->comparisons);
		c->comparisons = NULL;
		c->ncomparisons = 0;
	}
	if (c->row_version < r->votes_version) {
		for (size_t i = 0; i < c->ngates; i++)
			gate_state_clear(&c->gates[i]);
	}
	c->stage = r->stage;
	if (c->row_version < r->row_version)
		c->row_version = r->row_version;
}
