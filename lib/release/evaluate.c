/*
 * evaluate - all gates of a release at one instant: where they count (rule table E), the verdict
 * they give together, and what it means for bake (B1), votes (E3) and the time without proof (E5).
 *
 * Decides nothing: what a fired rung does to the release is release_due()'s and release_step()'s.
 */
#include <stdlib.h>
#include <string.h>

#include "release/comparison.h"
#include "release/evaluation.h"
#include "release/release.h"

#define RESTART_MS (5 * 60 * 1000) /* rule B1: at least this long without a pass */

/* What the release's place means for its gates. */
struct place {
	const struct policy_stage *stage; /* NULL when there is none */
	bool judged;                      /* gates may count and vote here */
	bool baking;                      /* a pass adds green time (rule R4: smoke tests first) */
	bool waiting;                     /* missing proof is counted (rule E5) */
	bool entering;                    /* the exposure is only being changed */
	bool stabilising;
	bool settled;
	int64_t bake_ms;
	struct wall since; /* evaluations before it belong to another place */
};

struct wall release_exposed_since(const struct release *r)
{
	return r->state == RELEASE_STABILISING ? r->rollback.stabilising_since : r->exposure_since;
}

static struct wall later(struct wall a, struct wall b)
{
	return a.ms > b.ms ? a : b;
}

/* `settle` counts from where the stage's exposure begins. */
static bool is_settled(const struct release *r, const struct place *place, struct wall at)
{
	int64_t settle_ms = place->stage ? place->stage->settle_ms : 0;

	if (settle_ms <= 0 || place->stabilising)
		return true;
	return !place->entering && at.ms - later(r->exposure_since, r->stage_since).ms >= settle_ms;
}

static struct place place_of(const struct release *r, const struct policy *p, struct wall at)
{
	bool is_running = r->state == RELEASE_RUNNING, is_paused = r->state == RELEASE_PAUSED;
	enum stage_step step = is_paused ? r->paused_step : r->step;
	struct place place = {.stage = release_stage(r, p),
	                      .stabilising = r->state == RELEASE_STABILISING};

	place.judged = place.stabilising || ((is_running || is_paused) && place.stage);
	place.entering = (is_running || is_paused) && step == STEP_ENTERING;
	place.baking =
	        (place.stabilising && (p->rollback.nsmoke == 0 || r->rollback.smoke_passed)) ||
	        (is_running && place.stage && (step == STEP_BAKING || step == STEP_READY));
	place.waiting = place.stabilising || (is_running && place.stage);
	place.bake_ms = place.stabilising ? p->rollback.stabilise_bake_ms
	                : place.stage     ? place.stage->bake_ms
	                                  : 0;
	place.since = place.stabilising ? r->rollback.stabilising_since : r->stage_since;
	place.settled = is_settled(r, &place, at);
	return place;
}

static bool is_named(char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool counts_here(const struct policy *p, const struct place *place, const struct gate *gate)
{
	if (!place->judged)
		return false;
	if (place->stabilising)
		return is_named(p->rollback.stabilise_gates, p->rollback.nstabilise_gates,
		                gate->name);
	/* A shadow gate votes where it would count, so that it can say what it would do. */
	struct gate bright = *gate;

	bright.shadow = false;
	return policy_gate_counts(&bright, place->stage);
}

/* Place of a rollback option in the policy's list; the first one stands for "no name given". */
static size_t option_rank(const struct policy *p, const char *option)
{
	for (size_t i = 0; option && i < p->rollback.noptions; i++) {
		if (strcmp(p->rollback.options[i].option, option) == 0)
			return i + 1;
	}
	return option ? SIZE_MAX : 0;
}

/* Rule R2: of two rollback rungs at once the option that stands earlier in the list. */
static void choose_option(const struct policy *p, const struct gate *gate, struct gate_outcome *o)
{
	if (o->verdict != VERDICT_ROLLBACK)
		return;
	for (size_t i = 0; i < gate->nrungs && i < GATE_MAX_RUNGS; i++) {
		const struct gate_rung *rung = &gate->rungs[i];

		if (!(o->fired_set >> i & 1) || rung->then != RUNG_ROLLBACK ||
		    option_rank(p, rung->option) >= option_rank(p, o->option))
			continue;
		o->fired = (int)i;
		o->option = rung->option;
	}
}

static void look_at(const struct release *r, const struct policy *p, const struct place *place,
                    const struct gate_evidence *evidence, struct checkpoint *c,
                    struct evaluation *e)
{
	for (size_t i = 0; i < p->ngates; i++) {
		const struct gate *gate = &p->gates[i];
		struct gate_outcome *o = &e->gates[i];
		/* Rule P2: until that stage ends, and a rollback ended it. */
		bool waived = place->stage && !place->stabilising &&
		              release_is_waived(r, gate->name, place->stage->stage);
		bool here = counts_here(p, place, gate) && !waived;

		gate_evaluate(gate, i, evidence, here && place->settled, &c->gates[i], o);
		o->waived = waived;
		o->counts = o->counts && here;
		choose_option(p, gate, o);
		if (evidence->alerts && evidence->alerts[i] && evidence->alerts[i]->known)
			e->alerts[i] = alert_list_show(evidence->alerts[i]->list, r->addressed,
			                               r->naddressed);
	}
}

/* Whether gate i decides rather than the one that did so far. */
static bool decides(const struct policy *p, const struct evaluation *e, size_t i)
{
	const struct gate_outcome *o = &e->gates[i];

	if (e->decisive < 0 || o->verdict != e->verdict)
		return o->verdict > e->verdict;
	return o->verdict == VERDICT_ROLLBACK &&
	       option_rank(p, o->option) < option_rank(p, e->gates[e->decisive].option);
}

/* The worst counting gate wins. Without a counting gate there is no proof, save where nothing is
 * exposed: there checks and approvals may be all there is (rule E6); and where named persons waived
 * every gate that would count (rule P2). */
static void conclude(const struct policy *p, const struct place *place, struct evaluation *e)
{
	size_t counting = 0, passing = 0, excused = 0;

	e->decisive = -1;
	e->verdict = VERDICT_PASS;
	for (size_t i = 0; i < e->ngates; i++) {
		const struct gate_outcome *o = &e->gates[i];

		excused += o->waived && counts_here(p, place, &p->gates[i]) && !p->gates[i].shadow;
		if (!o->counts)
			continue;
		counting++;
		if (o->result == GATE_PASS && o->verdict == VERDICT_PASS)
			passing++;
		if (decides(p, e, i)) {
			e->verdict = o->verdict;
			e->decisive = (int64_t)i;
		}
	}
	bool is_unexposed = place->judged && !place->stabilising && e->stage >= 0 &&
	                    !policy_stage_is_exposed(p, (size_t)e->stage);

	e->all_pass = passing == counting && (counting > 0 || excused > 0 || is_unexposed);
	if (!e->all_pass && e->verdict == VERDICT_PASS)
		e->verdict = VERDICT_HOLD;
}

/* Whether every gate but i that counts passed; of those that wait for their own baseline nothing is
 * asked, or two of them would wait for each other. Before the start, what counts in the first
 * stage.
 */
static bool others_pass(const struct policy *p, const struct place *place,
                        const struct evaluation *e, size_t i)
{
	for (size_t k = 0; k < e->ngates; k++) {
		const struct gate_outcome *o = &e->gates[k];
		bool counts = place->judged ? o->counts
		                            : p->nstages > 0 && policy_gate_counts(&p->gates[k],
		                                                                   &p->stages[0]);
		bool waits = p->gates[k].kind->keep && o->measure.collecting;

		if (k != i && counts && !waits && o->result != GATE_PASS)
			return false;
	}
	return true;
}

static void keep_baselines(const struct policy *p, const struct place *place,
                           const struct gate_evidence *evidence, const struct evaluation *e,
                           struct checkpoint *c)
{
	if (evidence->era != ERA_BEFORE)
		return;
	for (size_t i = 0; i < e->ngates; i++) {
		const struct gate *gate = &p->gates[i];

		if (gate->kind->keep && others_pass(p, place, e, i))
			gate->kind->keep(gate, evidence, &c->gates[i]);
	}
}

/* What fired on the way out has done its deed; on the way back it says nothing until it breaches
 * again. */
static void stand_down(struct checkpoint *c)
{
	for (size_t i = 0; i < c->ngates; i++) {
		for (size_t k = 0; k < GATE_MAX_RUNGS; k++)
			c->gates[i].rungs[k].breached = false;
	}
}

static void restart_bake(struct checkpoint *c)
{
	c->observed_ms = 0;
	c->passes = 0;
	c->last_passed = false;
}

/* A checkpoint of the time before this place (the evaluation that led here included) says nothing
 * about it; votes stay (rule E3). A pause that came and went since the last evaluation leaves the
 * bake, but nothing grows across it. */
static void enter_place(const struct release *r, const struct place *place, struct checkpoint *c)
{
	if (c->last_evaluation.ms <= r->votes_since.ms)
		c->last_passed = false;
	if (c->last_evaluation.ms > place->since.ms)
		return;
	restart_bake(c);
	c->last_pass.ms = 0;
	c->no_proof_since.ms = 0;
	c->no_proof_rounds = 0;
	for (size_t i = 0; i < c->ngates; i++)
		c->gates[i].silent_since.ms = 0;
	if (place->stabilising)
		stand_down(c);
}

/* Rule B1. Where two intervals take longer than that, two passes could never stand together. */
static int64_t restart_after_ms(const struct place *place, int64_t every_ms)
{
	int64_t ms = place->bake_ms / 10 > RESTART_MS ? place->bake_ms / 10 : RESTART_MS;

	return ms > 2 * every_ms ? ms : 2 * every_ms;
}

static void grow_bake(const struct place *place, const struct evaluation *e, int64_t every_ms,
                      struct checkpoint *c)
{
	int64_t gap_ms = e->at.ms - c->last_evaluation.ms;

	if (e->verdict >= VERDICT_PAUSE ||
	    e->at.ms - c->last_pass.ms > restart_after_ms(place, every_ms))
		restart_bake(c);
	if (e->all_pass && place->baking) {
		if (c->last_passed && gap_ms > 0 && gap_ms <= 2 * every_ms)
			c->observed_ms += gap_ms;
		c->passes++;
	}
	if (e->all_pass)
		c->last_pass = e->at;
	c->last_passed = e->all_pass && place->baking;
}

static int64_t longest_range_ms(const struct evaluation *e)
{
	int64_t longest = 0;

	for (size_t i = 0; i < e->nkpis; i++) {
		if (e->kpis[i].range_ms > longest)
			longest = e->kpis[i].range_ms;
	}
	return longest;
}

static bool lacks_evidence(const struct gate_outcome *o)
{
	return o->counts && o->result != GATE_PASS && o->result != GATE_BREACH;
}

/* What may explain that something is missing. */
struct youth {
	int64_t exposed_ms;  /* since when; the first range of an exposure warms by design */
	int64_t watching_ms; /* the first range of a process that began to watch has too few
	                        samples */
	int64_t range_ms;    /* the longest of all KPIs */
	int64_t slack_ms;
};

static struct youth youth_of(const struct release *r, const struct place *place,
                             const struct evaluation *e, int64_t every_ms,
                             const struct checkpoint *c)
{
	struct wall since = later(release_exposed_since(r), place->since);

	return (struct youth){.exposed_ms = place->entering ? 0 : e->at.ms - since.ms,
	                      .watching_ms = (c->fresh_rounds - 1) * every_ms,
	                      .range_ms = longest_range_ms(e),
	                      .slack_ms = 2 * every_ms};
}

/* Whether what the gate lacks could not be there yet. Later warming (targets that restart) and
 * later silence are missing proof. */
static bool is_too_early(const struct gate_outcome *o, struct youth young)
{
	int64_t takes_ms =
	        o->measure.takes_ms > young.range_ms ? o->measure.takes_ms : young.range_ms;
	bool is_young = young.exposed_ms <= takes_ms + young.slack_ms;
	bool is_fresh = young.watching_ms <= takes_ms + young.slack_ms;

	switch (o->result) {
	case GATE_WARMING:
	case GATE_BREACH:
		return is_young || is_fresh;
	case GATE_NO_DATA:
		return is_fresh;
	case GATE_INSUFFICIENT:
		return is_fresh || (o->measure.collecting && is_young);
	case GATE_ERROR:
	case GATE_STALE:
	case GATE_PASS:
	case GATE_RESULT_COUNT:
		break;
	}
	return false;
}

/* A breach beside gates that warm is evidence, so it makes nothing of theirs missing. Where no gate
 * counts, what is optional has no data. */
static bool all_too_early(const struct evaluation *e, struct youth young)
{
	bool any_counts = false;

	for (size_t i = 0; i < e->ngates; i++) {
		const struct gate_outcome *o = &e->gates[i];

		any_counts = any_counts || o->counts;
		if (o->counts && o->result != GATE_PASS && !is_too_early(o, young))
			return false;
	}
	return any_counts || young.watching_ms <= young.range_ms + young.slack_ms;
}

/* Rule E5. That a rung fired does not make up for what is missing: its own gate may have fallen
 * silent since, or another one. */
static bool lacks_proof(const struct evaluation *e)
{
	for (size_t i = 0; i < e->ngates; i++) {
		if (lacks_evidence(&e->gates[i]))
			return true;
	}
	return e->verdict == VERDICT_HOLD;
}

/* Of the release as a whole: its hold `evidence`. */
static void count_no_proof(const struct place *place, const struct evaluation *e,
                           struct youth young, struct checkpoint *c)
{
	if (!place->waiting || !lacks_proof(e)) {
		c->no_proof_since.ms = 0;
		c->no_proof_rounds = 0;
		return;
	}
	if (all_too_early(e, young))
		return;
	if (c->no_proof_rounds == 0)
		c->no_proof_since = e->at;
	c->no_proof_rounds++;
}

/* Of each gate by itself: its max_hold. */
static void count_silence(const struct place *place, const struct evaluation *e, struct youth young,
                          struct checkpoint *c)
{
	for (size_t i = 0; i < e->ngates; i++) {
		struct wall *since = &c->gates[i].silent_since;

		if (!place->waiting || !lacks_evidence(&e->gates[i]))
			since->ms = 0;
		else if (since->ms > e->at.ms ||
		         (since->ms == 0 && !is_too_early(&e->gates[i], young)))
			*since = e->at; /* the clock was set back, or it begins */
	}
}

/* The memory of every gate, made at the first evaluation. */
static bool obtain_states(struct checkpoint *c, size_t ngates)
{
	struct gate_state *gates;

	if (c->gates && c->ngates == ngates)
		return true;
	gates = calloc(ngates + 1, sizeof(*gates));
	if (!gates)
		return false;
	if (c->gates)
		memcpy(gates, c->gates, (c->ngates < ngates ? c->ngates : ngates) * sizeof(*gates));
	free(c->gates);
	c->gates = gates;
	c->ngates = ngates;
	return true;
}

struct evaluation *release_evaluate(const struct release *r, const struct policy *bound,
                                    const struct gate_evidence *evidence,
                                    struct checkpoint *checkpoint, struct err *err)
{
	struct place place = place_of(r, bound, evidence->at);
	struct gate_evidence here = *evidence;
	struct evaluation *e = evaluation_new(bound->ngates, evidence->nkpis);
	struct youth young;

	if (!e || !obtain_states(checkpoint, bound->ngates)) {
		evaluation_free(&e);
		err_set(err, ERR_NOMEM, "no memory to evaluate %zu gates", bound->ngates);
		return NULL;
	}
	here.exposed_since = release_exposed_since(r);
	here.entering = place.entering;
	here.results = r->results;
	here.nresults = r->nresults;
	here.settling = !place.settled;
	here.era = place.stabilising ? ERA_BACK : r->exposed ? ERA_EXPOSED : ERA_BEFORE;
	here.stage_since = place.since;
	here.addressed = r->addressed;
	here.naddressed = r->naddressed;
	if (evidence->nkpis > 0)
		memcpy(e->kpis, evidence->kpis, evidence->nkpis * sizeof(*e->kpis));
	e->number = checkpoint->evaluation + 1;
	e->at = evidence->at;
	e->stage = r->stage;
	e->policy_version = r->policy_version;
	checkpoint_follow(checkpoint, r);
	enter_place(r, &place, checkpoint);
	look_at(r, bound, &place, &here, checkpoint, e);
	conclude(bound, &place, e);
	keep_baselines(bound, &place, &here, e, checkpoint);
	comparison_take(bound, &here, r->stage + 1 == (int64_t)bound->nstages, checkpoint);
	checkpoint->fresh_rounds++;
	grow_bake(&place, e, evidence->evaluate_every_ms, checkpoint);
	young = youth_of(r, &place, e, evidence->evaluate_every_ms, checkpoint);
	count_no_proof(&place, e, young, checkpoint);
	count_silence(&place, e, young, checkpoint);
	checkpoint->evaluation = e->number;
	checkpoint->last_evaluation = e->at;
	return e;
}
