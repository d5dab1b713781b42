/*
 * ladder - rungs, their conditions and votes (rules E1 to E4), and what one gate says in the end.
 *
 * Each rung has its own result: a breach when its condition holds, a pass when it does not and rule
 * K4 is met, else nothing. Votes, durations and firing follow from those alone. A rung that fired
 * stands through results that are nothing: silence takes back no vote.
 */
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"

#define FORGET_MS (5 * 60 * 1000)

/* What a rung makes of this evaluation. */
enum rung_result {
	RUNG_NOTHING = 0, /* no evidence: neither adds nor clears */
	RUNG_SHOWN,       /* whatever it is, it does not vote here */
	RUNG_PASSED,
	RUNG_BREACHED
};

struct rungs {
	const struct gate_rung *list;
	size_t n;
};

/* A rung of kinds that need none: anything above 0 holds the release. */
static const struct gate_rung implicit_rung = {
        .compare = RUNG_ABOVE, .limit = 0, .votes_needed = 1, .votes_of = 1, .then = RUNG_NOTE};

static struct rungs rungs_of(const struct gate *gate)
{
	if (gate->nrungs == 0 && gate->kind->implicit_rung)
		return (struct rungs){.list = &implicit_rung, .n = 1};
	return (struct rungs){.list = gate->rungs,
	                      .n = gate->nrungs < GATE_MAX_RUNGS ? gate->nrungs : GATE_MAX_RUNGS};
}

struct gate_rung gate_rung_at(const struct gate_rung *rung, double baseline)
{
	struct gate_rung at = *rung;

	/* 10 % more than -5 is -4.5. */
	if (rung->of_baseline)
		at.limit = baseline + fabs(baseline) * rung->relative + rung->absolute;
	return at;
}

/* Limits that depend on the baseline as numbers, in `room`. */
static struct rungs rungs_at(struct rungs rungs, double baseline, struct gate_rung *room)
{
	for (size_t i = 0; i < rungs.n; i++)
		room[i] = gate_rung_at(&rungs.list[i], baseline);
	return (struct rungs){.list = room, .n = rungs.n};
}

bool gate_rung_holds(const struct gate_rung *rung, double value)
{
	if (number_is_close(value, rung->limit))
		return false;
	return rung->compare == RUNG_ABOVE ? !(value <= rung->limit) : !(value >= rung->limit);
}

static unsigned votes_needed(const struct gate_rung *rung)
{
	return rung->votes_needed ? rung->votes_needed : 1;
}

static unsigned votes_of(const struct gate_rung *rung)
{
	unsigned of = rung->votes_of > votes_needed(rung) ? rung->votes_of : votes_needed(rung);

	return of < GATE_MAX_VOTES ? of : GATE_MAX_VOTES;
}

static unsigned count_votes(const struct gate_rung *rung, const struct rung_state *s)
{
	uint32_t window = UINT32_MAX >> (32 - votes_of(rung));
	unsigned n = 0;

	for (uint32_t votes = s->votes & window; votes; votes &= votes - 1)
		n++;
	return n;
}

/* How far two votes lie apart (rule E2). At least 1 ms: one instant never votes twice. */
static int64_t vote_distance_ms(const struct gate *gate, const struct gate_measure *m)
{
	int64_t ms = m->range_ms > gate->vote_every_ms ? m->range_ms : gate->vote_every_ms;

	return ms > 0 ? ms : 1;
}

/* Rule E3: max(5 min, M ranges) without a result forgets; two intervals at least, or a gate that is
 * seldom looked at could never collect its votes. */
static void forget_old(const struct gate_rung *rung, struct rung_state *s, int64_t range_ms,
                       const struct gate_evidence *evidence)
{
	int64_t of = rung->for_ms > 0 ? 1 : (int64_t)votes_of(rung);
	int64_t limit_ms = of * range_ms > FORGET_MS ? of * range_ms : FORGET_MS;

	if (limit_ms < 2 * evidence->evaluate_every_ms)
		limit_ms = 2 * evidence->evaluate_every_ms;
	if (s->last_result.ms > 0 && evidence->at.ms - s->last_result.ms > limit_ms)
		memset(s, 0, sizeof(*s));
}

/* What was reported once votes once (rule E2): looking at it again is no further evidence. */
static bool has_voted(const struct rung_state *s, const struct gate_measure *m)
{
	return m->told > 0 && s->nvotes > 0 && s->told == m->told;
}

/* True when it was a vote. A clock that was set back by more than the distance shares no window
 * either. */
static bool cast_vote(const struct gate_rung *rung, struct rung_state *s, bool breach,
                      int64_t distance_ms, struct wall at)
{
	int64_t apart_ms = at.ms - s->last_vote.ms;

	if (s->nvotes > 0 && apart_ms < distance_ms && apart_ms > -distance_ms)
		return false;
	s->votes = s->votes << 1 | (breach ? 1 : 0);
	if (s->nvotes < votes_of(rung))
		s->nvotes++;
	s->last_vote = at;
	return true;
}

/* Updates the memory of one rung; true when this evaluation was a vote. */
static bool rung_step(const struct gate_rung *rung, struct rung_state *s, enum rung_result result,
                      const struct gate_evidence *evidence, const struct gate_measure *m,
                      int64_t distance_ms)
{
	int64_t gap_ms = evidence->at.ms - s->last_result.ms;
	bool breach = result == RUNG_BREACHED;

	if (result == RUNG_SHOWN)
		s->breached = false; /* no breach is observed across it, and nothing stands */
	if (result == RUNG_NOTHING || result == RUNG_SHOWN)
		return false;
	if (result == RUNG_PASSED)
		s->breach_ms = 0;
	else if (breach && s->breached && gap_ms > 0 && gap_ms <= 2 * evidence->evaluate_every_ms)
		s->breach_ms += gap_ms;
	s->breached = breach;
	s->last_result = evidence->at;
	if (has_voted(s, m) || !cast_vote(rung, s, breach, distance_ms, evidence->at))
		return false;
	s->told = m->told;
	return true;
}

/* As long as the newest result that might have voted is a breach: a rollback that could not be
 * committed at once is not lost when the target falls silent meanwhile. */
static bool rung_fires(const struct gate_rung *rung, const struct rung_state *s)
{
	if (!s->breached)
		return false;
	if (rung->for_ms > 0)
		return s->breach_ms >= rung->for_ms;
	return count_votes(rung, s) >= votes_needed(rung);
}

/* The worse of two rungs by what they do; the earlier one when they do the same. */
static int worse_rung(const struct rungs *rungs, int present, int candidate)
{
	if (present < 0 || rungs->list[candidate].then > rungs->list[present].then)
		return candidate;
	return present;
}

static enum verdict verdict_of(const struct gate_outcome *o, const struct rungs *rungs)
{
	if (o->result == GATE_PASS)
		return VERDICT_PASS;
	if (o->fired < 0)
		return VERDICT_HOLD;
	switch (rungs->list[o->fired].then) {
	case RUNG_ROLLBACK:
		return VERDICT_ROLLBACK;
	case RUNG_PAUSE:
		return VERDICT_PAUSE;
	case RUNG_ASK:
		return VERDICT_ASK;
	case RUNG_NOTE:
	case RUNG_THEN_COUNT:
		break;
	}
	return VERDICT_HOLD;
}

/* A measure that may be held against the rungs, or the reason why not. */
static void take_measure(const struct gate *gate, size_t index,
                         const struct gate_evidence *evidence, const struct rungs *rungs,
                         struct gate_state *state, struct gate_measure *m)
{
	*m = (struct gate_measure){.result = GATE_ERROR,
	                           .value = (double)NAN,
	                           .events = (double)NAN,
	                           .latency_ms = (double)NAN,
	                           .baseline = (double)NAN};
	gate->kind->measure(gate, index, evidence, state, m);
	if (m->result == GATE_BREACH || m->result == GATE_WARMING) {
		m->result = GATE_ERROR; /* the ladder says so, never a kind */
		sentence_set(m->why, sizeof(m->why), "kind %s gave no measure", gate->kind->name);
	}
	if (m->result == GATE_PASS && rungs->n == 0) {
		m->result = GATE_ERROR;
		sentence_set(m->why, sizeof(m->why),
		             "the gate has no rung to hold the value against");
	}
	if (m->result == GATE_PASS && !isfinite(m->value)) {
		m->result = GATE_ERROR;
		sentence_set(m->why, sizeof(m->why), "the value is not a finite number");
	}
	for (size_t i = 0; m->result == GATE_PASS && !m->unheld && i < rungs->n; i++) {
		if (!rungs->list[i].of_baseline || isfinite(m->baseline))
			continue;
		m->result = GATE_ERROR;
		sentence_set(m->why, sizeof(m->why),
		             "there is no baseline to hold the value against");
	}
	if (evidence->entering) {
		m->covered = false;
		m->covered_at.ms = 0;
		if (m->result == GATE_PASS)
			sentence_set(m->why, sizeof(m->why), "the stage is being entered");
	}
}

static enum rung_result rung_result(const struct gate_rung *rung, const struct gate_measure *m,
                                    bool settled)
{
	if (!settled || m->unheld)
		return RUNG_SHOWN;
	if (m->result != GATE_PASS)
		return RUNG_NOTHING;
	if (gate_rung_holds(rung, m->value))
		return RUNG_BREACHED;
	return m->covered ? RUNG_PASSED : RUNG_NOTHING;
}

/* One bit per rung. */
struct climbed {
	unsigned voted;
	unsigned standing; /* fired on votes from before the silence */
};

static struct climbed climb(const struct gate *gate, const struct rungs *rungs,
                            const struct gate_evidence *evidence, bool settled,
                            struct gate_state *state, struct gate_outcome *out)
{
	int64_t distance_ms = vote_distance_ms(gate, &out->measure);
	struct climbed climbed = {0};

	for (size_t i = 0; i < rungs->n; i++) {
		const struct gate_rung *rung = &rungs->list[i];
		struct rung_state *s = &state->rungs[i];
		enum rung_result result = rung_result(rung, &out->measure, settled);

		forget_old(rung, s, out->measure.range_ms, evidence);
		if (rung_step(rung, s, result, evidence, &out->measure, distance_ms))
			climbed.voted |= 1U << i;
		if (out->measure.result == GATE_PASS && !out->measure.unheld &&
		    gate_rung_holds(rung, out->measure.value))
			out->rung = worse_rung(rungs, out->rung, (int)i);
		if (rung_fires(rung, s)) {
			out->fired = worse_rung(rungs, out->fired, (int)i);
			out->fired_set |= 1U << i;
			climbed.standing |= (result == RUNG_NOTHING ? 1U : 0U) << i;
		}
	}
	return climbed;
}

static enum gate_result result_of(const struct gate_outcome *o)
{
	if (o->measure.result != GATE_PASS)
		return o->measure.result;
	if (o->rung >= 0)
		return GATE_BREACH;
	return o->measure.covered ? GATE_PASS : GATE_WARMING;
}

/* The rung a passing value would cross first. */
static int nearest_rung(const struct rungs *rungs)
{
	size_t nearest = 0;

	for (size_t i = 1; i < rungs->n; i++) {
		const struct gate_rung *a = &rungs->list[nearest], *b = &rungs->list[i];

		if (a->compare == b->compare &&
		    (a->compare == RUNG_ABOVE ? b->limit < a->limit : b->limit > a->limit))
			nearest = i;
	}
	return (int)nearest;
}

static bool is_missing(enum gate_result result)
{
	return result == GATE_NO_DATA || result == GATE_STALE;
}

/* Votes and words of the rung that is spoken of: the fired one, else the worst that holds, else the
 * nearest. */
static void speak(const struct gate *gate, const struct rungs *rungs,
                  const struct gate_state *state, struct sentence_facts *facts,
                  struct climbed climbed, struct gate_outcome *out)
{
	int spoken = out->fired >= 0  ? out->fired
	             : out->rung >= 0 ? out->rung
	                              : nearest_rung(rungs);
	const struct rung_state *s = &state->rungs[spoken];

	facts->rung = &rungs->list[spoken];
	facts->state = s;
	facts->fired = out->fired >= 0;
	facts->stands = climbed.standing >> spoken & 1;
	facts->voted = climbed.voted >> spoken & 1;
	out->votes = count_votes(facts->rung, s);
	if (s->nvotes > 0 && !has_voted(s, &out->measure))
		out->next_vote.ms = s->last_vote.ms + vote_distance_ms(gate, &out->measure);
	if (out->fired >= 0)
		out->option = facts->rung->option;
}

void gate_evaluate(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                   bool settled, struct gate_state *state, struct gate_outcome *out)
{
	struct gate_rung room[GATE_MAX_RUNGS];
	struct rungs rungs = rungs_of(gate);
	struct sentence_facts facts = {
	        .gate = gate, .rung = &implicit_rung, .at = evidence->at, .settled = settled};

	*out = (struct gate_outcome){
	        .result = GATE_ERROR, .verdict = VERDICT_HOLD, .rung = -1, .fired = -1};
	take_measure(gate, index, evidence, &rungs, state, &out->measure);
	rungs = rungs_at(rungs, out->measure.baseline, room);
	struct climbed climbed = climb(gate, &rungs, evidence, settled, state, out);

	out->result = result_of(out);
	out->verdict = verdict_of(out, &rungs);
	out->counts =
	        !gate->shadow && !(gate->optional && out->fired < 0 && is_missing(out->result));
	if (rungs.n > 0)
		speak(gate, &rungs, state, &facts, climbed, out);
	gate_sentence(&facts, out);
}

void gate_state_clear(struct gate_state *state)
{
	memset(state->rungs, 0, sizeof(state->rungs));
	state->silent_since.ms = 0;
}
