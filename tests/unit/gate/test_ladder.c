/*
 * ladder: conditions, votes and durations of a gate, and what it says; with a kind whose measure
 * the test writes down.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/gate.h"

#define EVERY_MS 15000
#define RANGE_MS 60000
#define T0 1000000000

/* The measure is the gate's spec, as it stands. */
static void scripted_measure(const struct gate *gate, size_t index,
                             const struct gate_evidence *evidence, struct gate_state *state,
                             struct gate_measure *out)
{
	(void)state;
	(void)index;
	(void)evidence;
	memcpy(out, gate->spec, sizeof(*out));
}

static const struct gate_kind scripted = {.name = "scripted", .measure = scripted_measure};
static const struct gate_kind scripted_implicit = {
        .name = "scripted", .default_votes = 1, .implicit_rung = true, .measure = scripted_measure};

/* One gate in virtual time. */
struct bench {
	struct gate_rung rungs[GATE_MAX_RUNGS];
	struct gate_measure measure;
	struct gate gate;
	struct gate_state state;
	struct gate_evidence evidence;
	struct gate_outcome outcome;
	bool settled;
};

static void bench_init(struct bench *b, size_t nrungs)
{
	memset(b, 0, sizeof(*b));
	b->settled = true;
	b->measure = (struct gate_measure){.result = GATE_PASS,
	                                   .unit = KPI_RATIO,
	                                   .events = 412,
	                                   .range_ms = RANGE_MS,
	                                   .covered = true};
	b->gate.kind = &scripted;
	b->gate.spec = &b->measure;
	b->gate.rungs = b->rungs;
	b->gate.nrungs = nrungs;
	b->evidence.evaluate_every_ms = EVERY_MS;
	for (size_t i = 0; i < nrungs; i++)
		b->rungs[i] = (struct gate_rung){.compare = RUNG_ABOVE,
		                                 .limit = 0.01 * (double)(i + 1),
		                                 .votes_needed = 3,
		                                 .votes_of = 3,
		                                 .then = RUNG_PAUSE};
}

static const struct gate_outcome *look(struct bench *b, int64_t at_s)
{
	b->evidence.at.ms = T0 + at_s * 1000;
	gate_evaluate(&b->gate, 0, &b->evidence, b->settled, &b->state, &b->outcome);
	return &b->outcome;
}

static const struct gate_outcome *look_value(struct bench *b, int64_t at_s, double value)
{
	b->measure.result = GATE_PASS;
	b->measure.value = value;
	snprintf(b->measure.text, sizeof(b->measure.text), "%.4g %% of 412 requests", value * 100);
	return look(b, at_s);
}

static const struct gate_outcome *look_result(struct bench *b, int64_t at_s,
                                              enum gate_result result)
{
	b->measure.result = result;
	snprintf(b->measure.why, sizeof(b->measure.why), "because");
	return look(b, at_s);
}

START_TEST(without_a_usable_value_a_gate_holds_and_nothing_votes)
{
	static const enum gate_result results[] = {GATE_ERROR, GATE_STALE, GATE_NO_DATA,
	                                           GATE_INSUFFICIENT};
	static const struct gate_state blank;

	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		struct bench b;

		bench_init(&b, 1);
		b.measure.value = 0; /* it would pass */
		look_result(&b, 0, results[i]);
		ck_assert_int_eq(b.outcome.result, results[i]);
		ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
		ck_assert_int_eq(b.outcome.fired, -1);
		ck_assert_mem_eq(&b.state, &blank, sizeof(blank));
	}
}
END_TEST

START_TEST(a_limit_is_strict_and_a_value_close_to_it_equals_it)
{
	/* clang-format off */
	static const struct {
		const char *why;
		enum rung_compare compare;
		double limit, value;
		enum gate_result result;
	} rows[] = {
		{ "below the limit",                      RUNG_ABOVE, 0.01, 0.009, GATE_PASS },
		{ "the limit itself is not above it",     RUNG_ABOVE, 0.01, 0.01, GATE_PASS },
		{ "extrapolation's last digit is no breach", RUNG_ABOVE, 0.01, 0.010000000000000002, GATE_PASS },
		{ "clearly above",                        RUNG_ABOVE, 0.01, 0.0101, GATE_BREACH },
		{ "two parts in a billion are above",     RUNG_ABOVE, 1, 1.000000002, GATE_BREACH },
		{ "anything above nothing",               RUNG_ABOVE, 0, 1e-300, GATE_BREACH },
		{ "nothing is not above nothing",         RUNG_ABOVE, 0, 0, GATE_PASS },
		{ "minus nothing neither",                RUNG_ABOVE, 0, -0.0, GATE_PASS },
		{ "above a floor",                        RUNG_BELOW, 0.99, 0.995, GATE_PASS },
		{ "the floor itself is not below it",     RUNG_BELOW, 0.99, 0.99, GATE_PASS },
		{ "a hair below a floor equals it",       RUNG_BELOW, 0.99, 0.98999999999999999, GATE_PASS },
		{ "below a floor",                        RUNG_BELOW, 0.99, 0.98, GATE_BREACH },
		{ "NaN is an error, above",               RUNG_ABOVE, 0.01, (double)NAN, GATE_ERROR },
		{ "NaN is an error, below",               RUNG_BELOW, 0.01, (double)NAN, GATE_ERROR },
		{ "infinity is an error, not a breach",   RUNG_ABOVE, 0.01, (double)INFINITY, GATE_ERROR },
		{ "minus infinity is an error, no pass",  RUNG_ABOVE, 0.01, -(double)INFINITY, GATE_ERROR },
		{ "infinity is no pass of a floor",       RUNG_BELOW, 0.01, (double)INFINITY, GATE_ERROR },
		{ "a limit that is NaN is always crossed", RUNG_ABOVE, (double)NAN, 0, GATE_BREACH },
		{ "a floor that is NaN as well",          RUNG_BELOW, (double)NAN, 0, GATE_BREACH },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b, 1);
		b.rungs[0].compare = rows[i].compare;
		b.rungs[0].limit = rows[i].limit;
		look_value(&b, 0, rows[i].value);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: %d", rows[i].why,
		              (int)b.outcome.result);
		ck_assert_msg((b.outcome.verdict == VERDICT_PASS) == (rows[i].result == GATE_PASS),
		              "%s: the verdict", rows[i].why);
	}
}
END_TEST

/* One evaluation every 15 s. Letters: B breach, p pass, - no data, w warming. Expected: F fired,
 * else '.' */
static void walk(struct bench *b, const char *why, const char *results, const char *fired)
{
	for (size_t i = 0; results[i]; i++) {
		int64_t at_s = (int64_t)i * EVERY_MS / 1000;

		b->measure.covered = results[i] != 'w';
		if (results[i] == '-')
			look_result(b, at_s, GATE_NO_DATA);
		else
			look_value(b, at_s, results[i] == 'B' ? 0.024 : 0.001);
		ck_assert_msg((b->outcome.fired >= 0) == (fired[i] == 'F'),
		              "%s: at %zu of %s: fired is %d", why, i, results, b->outcome.fired);
	}
}

START_TEST(votes_persist_on_disjoint_windows_before_a_rung_fires)
{
	/* clang-format off */
	static const struct {
		const char *why;
		unsigned needed, of;
		int64_t range_ms, vote_every_ms;
		const char *results, *fired;
	} rows[] = {
		{ "three votes lie two ranges apart, not two evaluations",
		  3, 3, 60000, 0, "BBBBBBBBB", "........F" },
		{ "without a range every evaluation votes",
		  3, 3, 0, 0,     "BBB",       "..F" },
		{ "a vote distance may be longer than the range",
		  2, 2, 15000, 60000, "BBBBB", "....F" },
		{ "but not shorter",
		  2, 2, 30000, 15000, "BBB",   "..F" },
		{ "a pass between votes does not vote",
		  2, 2, 60000, 0, "BpppB",     "....F" },
		{ "nor does a breach between two passes",
		  2, 2, 60000, 0, "pBBBpBBBp", "........." },
		{ "2 of 3 forgives one pass",
		  2, 3, 0, 0,     "BpB",       "..F" },
		{ "but not two",
		  2, 3, 0, 0,     "BppB",      "...." },
		{ "the newest result must be a breach",
		  2, 3, 0, 0,     "BBpB",      ".F.F" },
		{ "missing evidence neither adds nor clears",
		  3, 3, 0, 0,     "B--B-B",    ".....F" },
		{ "nor does warming",
		  3, 3, 0, 0,     "BwBwB",     "....F" },
		{ "1 of 1 fires at once",
		  1, 1, 0, 0,     "pB",        ".F" },
		{ "and is over at once",
		  1, 1, 0, 0,     "BpB",       "F.F" },
		{ "silence takes nothing back",
		  2, 2, 0, 0,     "BB--B",     ".FFFF" },
		{ "nor does warming",
		  2, 2, 0, 0,     "BBww",      ".FFF" },
		{ "the first pass does, and silence after it brings nothing back",
		  2, 3, 0, 0,     "BB-p-",     ".FF.." },
		{ "a pass that is no vote as well",
		  2, 2, 60000, 0, "BBBBB-p-",  "....FF.." },
		{ "silence adds no vote either",
		  2, 2, 0, 0,     "B---",      "...." },
		{ "nor does it fire what never breached",
		  1, 1, 0, 0,     "p--w-",     "....." },
		{ "a rung without votes asks for one",
		  0, 0, 0, 0,     "B",         "F" },
		{ "32 of 32 uses the whole memory",
		  32, 32, 0, 0,   "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", "...............................FF" },
		{ "one pass among 32 is remembered",
		  32, 32, 0, 0,   "BpBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", "................................." },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b, 1);
		b.rungs[0].votes_needed = rows[i].needed;
		b.rungs[0].votes_of = rows[i].of;
		b.measure.range_ms = rows[i].range_ms;
		b.gate.vote_every_ms = rows[i].vote_every_ms;
		walk(&b, rows[i].why, rows[i].results, rows[i].fired);
	}
}
END_TEST

START_TEST(a_duration_is_observed_breach_without_a_pass)
{
	/* clang-format off */
	static const struct {
		const char *why;
		const char *results, *fired;
	} rows[] = {
		{ "one minute of breach every 15 s",         "BBBBB",      "....F" },
		{ "a pass starts again",                     "BBBpBBBBB",  "........F" },
		{ "one missing evaluation is bridged",       "BB-BB",      "....F" },
		{ "two missing add nothing for the gap",     "BB--BBBB",   ".......F" },
		{ "warming neither adds nor clears",         "BBwBB",      "....F" },
		{ "fired is over with the first pass",       "BBBBBpB",    "....F.." },
		{ "silence takes nothing back",              "BBBBB--w",   "....FFFF" },
		{ "and fires nothing",                       "BBBB------", ".........." },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b, 1);
		b.rungs[0].votes_needed = b.rungs[0].votes_of = 0;
		b.rungs[0].for_ms = 60000;
		walk(&b, rows[i].why, rows[i].results, rows[i].fired);
	}
}
END_TEST

START_TEST(votes_are_forgotten_after_five_minutes_or_m_ranges_without_a_result)
{
	/* clang-format off */
	static const struct {
		const char *why;
		unsigned of;
		int64_t range_s, silent_s;
		bool forgotten;
	} rows[] = {
		{ "five minutes are kept",                   3, 60, 300, false },
		{ "a second more is not",                    3, 60, 301, true },
		{ "three ranges of ten minutes are kept",    3, 600, 1800, false },
		{ "a second more than those is not",         3, 600, 1801, true },
		{ "an instant value has five minutes, too",  3, 0, 301, true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b, 1);
		b.rungs[0].votes_needed = 2;
		b.rungs[0].votes_of = rows[i].of;
		b.measure.range_ms = rows[i].range_s * 1000;
		look_value(&b, 0, 0.024);
		look_result(&b, rows[i].silent_s - 1, GATE_NO_DATA);
		look_value(&b, rows[i].silent_s, 0.024);
		ck_assert_msg((b.outcome.fired < 0) == rows[i].forgotten, "%s", rows[i].why);
	}
}
END_TEST

START_TEST(a_breach_is_forgotten_while_the_silence_lasts)
{
	struct bench b;

	bench_init(&b, 1);
	look_value(&b, 0, 0.024);
	ck_assert_uint_eq(look_result(&b, 300, GATE_STALE)->votes, 1);
	ck_assert_uint_eq(look_result(&b, 301, GATE_STALE)->votes, 0);
}
END_TEST

/* The database was away when the rung fired, and the target died before it was back. */
START_TEST(a_fired_rung_stands_in_the_silence_after_it_until_it_is_forgotten)
{
	static const enum gate_result results[] = {GATE_ERROR, GATE_STALE, GATE_NO_DATA,
	                                           GATE_INSUFFICIENT};

	for (size_t i = 0; i < ARRAY_LEN(results); i++) {
		struct bench b;

		bench_init(&b, 1);
		b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
		b.rungs[0].then = RUNG_ROLLBACK;
		b.rungs[0].option = (char[]){"kill_switch"};
		look_value(&b, 0, 0.024);
		look_result(&b, 300, results[i]);
		ck_assert_int_eq(b.outcome.result, results[i]);
		ck_assert_int_eq(b.outcome.verdict, VERDICT_ROLLBACK);
		ck_assert_int_eq(b.outcome.fired, 0);
		ck_assert_int_eq(b.outcome.rung, -1);
		ck_assert_str_eq(b.outcome.option, "kill_switch");
		look_result(&b, 301, results[i]);
		ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
		ck_assert_int_eq(b.outcome.fired, -1);
	}
}
END_TEST

START_TEST(nothing_stands_where_nothing_votes)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	look_value(&b, 0, 0.024);
	b.settled = false; /* waived, say */
	ck_assert_int_eq(look_result(&b, 15, GATE_NO_DATA)->fired, -1);
	b.settled = true;
	ck_assert_int_eq(look_result(&b, 30, GATE_NO_DATA)->fired, -1);
}
END_TEST

START_TEST(clearing_ends_what_stands)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	look_value(&b, 0, 0.024);
	gate_state_clear(&b.state);
	ck_assert_int_eq(look_result(&b, 15, GATE_NO_DATA)->verdict, VERDICT_HOLD);
}
END_TEST

START_TEST(one_instant_never_votes_twice)
{
	struct bench b;

	bench_init(&b, 1);
	b.measure.range_ms = 0;
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(look_value(&b, 0, 0.024)->fired, -1);
	ck_assert_uint_eq(b.outcome.votes, 1);
}
END_TEST

START_TEST(a_clock_set_back_delays_no_vote_for_long)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 2;
	look_value(&b, 600, 0.024);
	ck_assert_int_eq(look_value(&b, 590, 0.024)->fired, -1);
	ck_assert_int_eq(look_value(&b, 0, 0.024)->fired, 0);
}
END_TEST

START_TEST(a_breach_while_the_stage_settles_is_shown_and_does_not_vote)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	b.settled = false;
	look_value(&b, 0, 0.024);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
	ck_assert_int_eq(b.outcome.rung, 0);
	ck_assert_int_eq(b.outcome.fired, -1);
	ck_assert_uint_eq(b.outcome.votes, 0);
	b.settled = true;
	ck_assert_int_eq(look_value(&b, 15, 0.024)->verdict, VERDICT_PAUSE);
}
END_TEST

/* Early passes, before the traffic had come, pushed out the breach seen before. */
START_TEST(a_pass_while_the_stage_settles_takes_no_vote_back)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 2;
	b.measure.range_ms = 0;
	look_value(&b, 0, 0.024);
	b.settled = false;
	for (int64_t at = 15; at <= 60; at += 15)
		ck_assert_int_eq(look_value(&b, at, 0.001)->result, GATE_PASS);
	ck_assert_uint_eq(b.state.rungs[0].nvotes, 1);
	b.settled = true;
	ck_assert_int_eq(look_value(&b, 75, 0.024)->fired, 0);
}
END_TEST

START_TEST(settling_keeps_no_vote_alive)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 2;
	b.measure.range_ms = 0;
	look_value(&b, 0, 0.024);
	b.settled = false;
	for (int64_t at = 15; at <= 315; at += 15)
		look_value(&b, at, 0.024);
	b.settled = true;
	ck_assert_int_eq(look_value(&b, 330, 0.024)->fired, -1);
}
END_TEST

START_TEST(a_duration_does_not_count_the_time_of_settling)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].for_ms = 30000;
	b.settled = false;
	for (int64_t at = 0; at <= 60; at += 15)
		look_value(&b, at, 0.024);
	b.settled = true;
	ck_assert_int_eq(look_value(&b, 75, 0.024)->fired, -1);
	ck_assert_int_eq(look_value(&b, 90, 0.024)->fired, -1);
	ck_assert_int_eq(look_value(&b, 105, 0.024)->fired, 0);
}
END_TEST

START_TEST(each_rung_keeps_its_own_votes_and_the_worst_that_fired_decides)
{
	struct bench b;

	bench_init(&b, 2); /* above 1 %, 3 of 3: pause; above 2 %, 2 of 3: rollback */
	b.measure.range_ms = 0;
	b.rungs[1].votes_needed = 2;
	b.rungs[1].then = RUNG_ROLLBACK;
	b.rungs[1].option = (char[]){"kill_switch"};
	look_value(&b, 0, 0.015);
	ck_assert_int_eq(b.outcome.rung, 0);
	look_value(&b, 15, 0.024);
	ck_assert_int_eq(b.outcome.rung, 1);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
	look_value(&b, 30, 0.024);
	ck_assert_int_eq(b.outcome.fired, 1);
	ck_assert_uint_eq(b.outcome.fired_set, 3);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_ROLLBACK);
	ck_assert_str_eq(b.outcome.option, "kill_switch");
	look_value(&b, 45, 0.015);
	ck_assert_int_eq(b.outcome.fired, 0);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_PAUSE);
	ck_assert_ptr_null(b.outcome.option);
	look_value(&b, 60, 0.005);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_PASS);
}
END_TEST

START_TEST(a_value_under_a_higher_rung_votes_pass_there_only_when_covered)
{
	struct bench b;

	bench_init(&b, 2);
	b.measure.range_ms = 0;
	b.measure.covered = false;
	look_value(&b, 0, 0.015);
	ck_assert_uint_eq(b.state.rungs[0].nvotes, 1);
	ck_assert_uint_eq(b.state.rungs[1].nvotes, 0);
	b.measure.covered = true;
	look_value(&b, 15, 0.015);
	ck_assert_uint_eq(b.state.rungs[1].nvotes, 1);
	ck_assert_uint_eq(b.state.rungs[1].votes & 1, 0);
}
END_TEST

START_TEST(what_a_fired_rung_asks_for)
{
	/* clang-format off */
	static const struct {
		enum rung_then then;
		enum verdict verdict;
	} rows[] = {
		{ RUNG_NOTE, VERDICT_HOLD }, /* recorded, but a breach still blocks */
		{ RUNG_ASK, VERDICT_ASK },
		{ RUNG_PAUSE, VERDICT_PAUSE },
		{ RUNG_ROLLBACK, VERDICT_ROLLBACK },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b, 1);
		b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
		b.rungs[0].then = rows[i].then;
		look_value(&b, 0, 0.024);
		ck_assert_int_eq(b.outcome.verdict, rows[i].verdict);
		ck_assert_int_eq(b.outcome.fired, 0);
	}
}
END_TEST

START_TEST(a_passing_value_is_warming_until_it_is_covered)
{
	struct bench b;

	bench_init(&b, 1);
	b.measure.covered = false;
	snprintf(b.measure.why, sizeof(b.measure.why), "needs 40s more of this exposure");
	look_value(&b, 0, 0.001);
	ck_assert_int_eq(b.outcome.result, GATE_WARMING);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
	ck_assert_str_eq(b.outcome.sentence, "warming: needs 40s more of this exposure");
	ck_assert_uint_eq(b.state.rungs[0].nvotes, 0);
}
END_TEST

START_TEST(while_a_stage_is_entered_nothing_passes_but_breaches_count)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	b.evidence.entering = true;
	ck_assert_int_eq(look_value(&b, 0, 0.001)->result, GATE_WARMING);
	ck_assert_str_eq(b.outcome.sentence, "warming: the stage is being entered");
	ck_assert_int_eq(look_result(&b, 15, GATE_NO_DATA)->result, GATE_NO_DATA);
	ck_assert_str_eq(b.outcome.sentence, "no data: because");
	ck_assert_int_eq(look_value(&b, 30, 0.024)->verdict, VERDICT_PAUSE);
}
END_TEST

START_TEST(a_shadow_gate_says_what_it_would_do_and_does_not_count)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	b.gate.shadow = true;
	look_value(&b, 0, 0.024);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_PAUSE);
	ck_assert(!b.outcome.counts);
}
END_TEST

START_TEST(an_optional_gate_may_be_missing_but_not_broken_or_bad)
{
	/* clang-format off */
	static const struct {
		enum gate_result result;
		bool counts;
	} rows[] = {
		{ GATE_ERROR, true }, { GATE_STALE, false }, { GATE_NO_DATA, false },
		{ GATE_INSUFFICIENT, true },
	};
	/* clang-format on */
	struct bench b;

	bench_init(&b, 1);
	b.gate.optional = true;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		look_result(&b, (int64_t)i * 15, rows[i].result);
		ck_assert_int_eq(b.outcome.counts, rows[i].counts);
		ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
	}
	ck_assert(look_value(&b, 100, 0.024)->counts);
	ck_assert(look_value(&b, 115, 0.001)->counts);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	look_value(&b, 200, 0.024);
	ck_assert(look_result(&b, 215, GATE_NO_DATA)->counts); /* its rung stands */
	ck_assert(!look_result(&b, 600, GATE_NO_DATA)->counts);
}
END_TEST

START_TEST(a_gate_without_rungs_is_an_error_unless_its_kind_implies_one)
{
	struct bench b;

	bench_init(&b, 0);
	b.measure.range_ms = 0;
	ck_assert_int_eq(look_value(&b, 0, 0)->result, GATE_ERROR);
	b.gate.kind = &scripted_implicit;
	ck_assert_int_eq(look_value(&b, 15, 0)->result, GATE_PASS);
	look_value(&b, 30, 1);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
	ck_assert_int_eq(b.outcome.fired, 0);
}
END_TEST

START_TEST(clearing_forgets_every_vote)
{
	struct bench b;

	bench_init(&b, 1);
	b.measure.range_ms = 0;
	look_value(&b, 0, 0.024);
	look_value(&b, 15, 0.024);
	gate_state_clear(&b.state);
	ck_assert_int_eq(look_value(&b, 30, 0.024)->fired, -1);
	ck_assert_uint_eq(b.outcome.votes, 1);
}
END_TEST

START_TEST(a_person_can_read_how_far_it_is)
{
	struct bench b;

	bench_init(&b, 2);
	b.rungs[1].votes_needed = 2;
	b.rungs[1].then = RUNG_ROLLBACK;
	b.rungs[1].option = (char[]){"kill_switch"};
	ck_assert_str_eq(look_value(&b, 0, 0.002)->sentence, "0.2 % of 412 requests; limit 1 %");
	look_value(&b, 15, 0.015);
	ck_assert_str_eq(b.outcome.sentence,
	                 "0 of 3 votes above 1 %: 1.5 % of 412 requests; next vote in 45s");
	look_value(&b, 60, 0.015);
	ck_assert_str_eq(b.outcome.sentence,
	                 "1st of 3 votes above 1 %: 1.5 % of 412 requests; 2 more until it pauses");
	look_value(&b, 120, 0.015);
	ck_assert_str_eq(b.outcome.sentence,
	                 "2nd of 3 votes above 1 %: 1.5 % of 412 requests; a third pauses");
	ck_assert_int_eq(b.outcome.next_vote.ms, T0 + 180000);
	look_value(&b, 135, 0.015);
	ck_assert_str_eq(b.outcome.sentence,
	                 "2 of 3 votes above 1 %: 1.5 % of 412 requests; next vote in 45s");
	look_value(&b, 180, 0.024);
	ck_assert_str_eq(b.outcome.sentence,
	                 "3 of 3 votes above 1 %: 2.4 % of 412 requests; pauses");
	look_value(&b, 240, 0.024);
	ck_assert_str_eq(b.outcome.sentence,
	                 "2 of 3 votes above 2 %: 2.4 % of 412 requests; rolls back kill_switch");
	gate_state_clear(&b.state);
	b.gate.nrungs = 1;
	b.rungs[0] = b.rungs[1];
	look_value(&b, 300, 0.024);
	ck_assert_str_eq(b.outcome.sentence, "1st of 2 votes (of 3) above 2 %: 2.4 % of 412 "
	                                     "requests; a second rolls back kill_switch");
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	look_value(&b, 360, 0.024);
	ck_assert_str_eq(b.outcome.sentence,
	                 "above 2 %: 2.4 % of 412 requests; rolls back kill_switch");
	b.settled = false;
	look_value(&b, 420, 0.024);
	ck_assert_str_eq(b.outcome.sentence,
	                 "above 2 %: 2.4 % of 412 requests; shown without a vote");
	b.rungs[0].compare = RUNG_BELOW;
	look_value(&b, 480, 0.5);
	ck_assert_str_eq(b.outcome.sentence, "50 % of 412 requests; at least 2 %");
}
END_TEST

START_TEST(a_person_can_read_how_long_it_lasts)
{
	struct bench b;

	bench_init(&b, 1);
	b.rungs[0].for_ms = 60000;
	for (int64_t at = 0; at <= 30; at += 15)
		look_value(&b, at, 0.024);
	ck_assert_str_eq(b.outcome.sentence,
	                 "for 30s of 1m above 1 %: 2.4 % of 412 requests; 1m pauses");
	look_value(&b, 45, 0.024);
	look_value(&b, 60, 0.024);
	ck_assert_str_eq(b.outcome.sentence, "for 1m above 1 %: 2.4 % of 412 requests; pauses");
}
END_TEST

START_TEST(a_person_can_read_that_it_stands)
{
	struct bench b;

	bench_init(&b, 2);
	b.measure.range_ms = 0;
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 1;
	b.rungs[1].votes_needed = b.rungs[1].votes_of = 2;
	b.rungs[1].then = RUNG_ROLLBACK;
	look_value(&b, 0, 0.024);
	look_value(&b, 15, 0.024);
	look_result(&b, 30, GATE_NO_DATA);
	ck_assert_str_eq(
	        b.outcome.sentence,
	        "stands: 2 of 2 votes above 2 %, then silence (no data: because); rolls back");
	b.measure.covered = false;
	look_value(&b, 45, 0.015);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert_str_eq(b.outcome.sentence, "stands: 2 of 2 votes above 2 %, then 1.5 % of 412 "
	                                     "requests (because); rolls back");
	gate_state_clear(&b.state);
	b.gate.nrungs = 1;
	look_value(&b, 60, 0.024);
	look_result(&b, 75, GATE_STALE);
	ck_assert_str_eq(b.outcome.sentence,
	                 "stands: above 1 %, then silence (stale: because); pauses");
	b.rungs[0].for_ms = 15000;
	look_value(&b, 90, 0.024);
	look_value(&b, 105, 0.024);
	look_result(&b, 120, GATE_ERROR);
	ck_assert_str_eq(b.outcome.sentence,
	                 "stands: for 15s above 1 %, then silence (error: because); pauses");
	gate_state_clear(&b.state);
	b.gate.kind = &scripted_implicit;
	b.gate.nrungs = 0;
	look_value(&b, 135, 1);
	look_result(&b, 150, GATE_NO_DATA);
	ck_assert_str_eq(b.outcome.sentence,
	                 "stands: in breach, then silence (no data: because); is noted");
}
END_TEST

START_TEST(a_pass_names_the_limit_it_would_cross_first)
{
	struct bench b;

	bench_init(&b, 2);
	b.rungs[0].limit = 0.05;
	ck_assert_str_eq(look_value(&b, 0, 0.002)->sentence, "0.2 % of 412 requests; limit 2 %");
}
END_TEST

/* Proof and nothing else passes; only a breach asks for more than a hold. */
static void check_combination(struct bench *b)
{
	bool is_proof = b->measure.result == GATE_PASS && isfinite(b->measure.value) &&
	                b->measure.value <= 0.01 && b->measure.covered && !b->evidence.entering;
	enum gate_result claimed = b->measure.result;

	look(b, 0);
	ck_assert_msg((b->outcome.result == GATE_PASS) == is_proof,
	              "result %d of measure %d, value %g, covered %d, entering %d",
	              (int)b->outcome.result, (int)claimed, b->measure.value, b->measure.covered,
	              b->evidence.entering);
	ck_assert_int_eq(b->outcome.verdict == VERDICT_PASS, is_proof);
	if (claimed != GATE_PASS)
		ck_assert_int_eq(b->outcome.result, claimed);
	if (b->outcome.verdict > VERDICT_HOLD)
		ck_assert_int_eq(b->outcome.result, GATE_BREACH);
}

START_TEST(no_combination_but_positive_proof_passes)
{
	static const double values[] = {
	        0, 0.01, 0.02, -1, (double)NAN, (double)INFINITY, -(double)INFINITY};

	for (unsigned bits = 0; bits < 16; bits++) {
		for (int result = 0; result < GATE_RESULT_COUNT; result++) {
			for (size_t v = 0; v < ARRAY_LEN(values); v++) {
				struct bench b;

				if (result == GATE_BREACH || result == GATE_WARMING)
					continue; /* no measure says so: the ladder does */
				bench_init(&b, 1);
				b.rungs[0].votes_needed = bits & 8 ? 1 : 3;
				b.rungs[0].votes_of = b.rungs[0].votes_needed;
				b.measure.result = (enum gate_result)result;
				b.measure.value = values[v];
				b.measure.covered = bits & 1;
				b.evidence.entering = bits & 2;
				b.settled = bits & 4;
				check_combination(&b);
			}
		}
	}
}
END_TEST

START_TEST(a_measure_that_never_decided_is_an_error)
{
	static const enum gate_result odd[] = {GATE_BREACH, GATE_WARMING};

	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		struct bench b;

		bench_init(&b, 1);
		ck_assert_int_eq(look_result(&b, 0, odd[i])->result, GATE_ERROR);
		ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ladder");
	TCase *tcase = tcase_create("ladder");

	tcase_add_test(tcase, without_a_usable_value_a_gate_holds_and_nothing_votes);
	tcase_add_test(tcase, a_limit_is_strict_and_a_value_close_to_it_equals_it);
	tcase_add_test(tcase, votes_persist_on_disjoint_windows_before_a_rung_fires);
	tcase_add_test(tcase, a_duration_is_observed_breach_without_a_pass);
	tcase_add_test(tcase, votes_are_forgotten_after_five_minutes_or_m_ranges_without_a_result);
	tcase_add_test(tcase, a_breach_is_forgotten_while_the_silence_lasts);
	tcase_add_test(tcase, a_fired_rung_stands_in_the_silence_after_it_until_it_is_forgotten);
	tcase_add_test(tcase, nothing_stands_where_nothing_votes);
	tcase_add_test(tcase, clearing_ends_what_stands);
	tcase_add_test(tcase, one_instant_never_votes_twice);
	tcase_add_test(tcase, a_clock_set_back_delays_no_vote_for_long);
	tcase_add_test(tcase, a_breach_while_the_stage_settles_is_shown_and_does_not_vote);
	tcase_add_test(tcase, a_pass_while_the_stage_settles_takes_no_vote_back);
	tcase_add_test(tcase, settling_keeps_no_vote_alive);
	tcase_add_test(tcase, a_duration_does_not_count_the_time_of_settling);
	tcase_add_test(tcase, each_rung_keeps_its_own_votes_and_the_worst_that_fired_decides);
	tcase_add_test(tcase, a_value_under_a_higher_rung_votes_pass_there_only_when_covered);
	tcase_add_test(tcase, what_a_fired_rung_asks_for);
	tcase_add_test(tcase, a_passing_value_is_warming_until_it_is_covered);
	tcase_add_test(tcase, while_a_stage_is_entered_nothing_passes_but_breaches_count);
	tcase_add_test(tcase, a_shadow_gate_says_what_it_would_do_and_does_not_count);
	tcase_add_test(tcase, an_optional_gate_may_be_missing_but_not_broken_or_bad);
	tcase_add_test(tcase, a_gate_without_rungs_is_an_error_unless_its_kind_implies_one);
	tcase_add_test(tcase, clearing_forgets_every_vote);
	tcase_add_test(tcase, a_person_can_read_how_far_it_is);
	tcase_add_test(tcase, a_person_can_read_how_long_it_lasts);
	tcase_add_test(tcase, a_person_can_read_that_it_stands);
	tcase_add_test(tcase, a_pass_names_the_limit_it_would_cross_first);
	tcase_add_test(tcase, no_combination_but_positive_proof_passes);
	tcase_add_test(tcase, a_measure_that_never_decided_is_an_error);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
