/*
 * baseline: limits that follow what was before, or what another KPI says now.
 */
#include <check.h>
#include <stdlib.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/baseline.h"
#include "kpi_bench.h"
#include "promql/promql.h"

#define CAPTURE_MS (30 * MINUTE_MS)

static char against[] = "stable_errors", against_events[] = "stable_requests",
            limit[] = "baseline + 10%";

static struct baseline_spec captured = {.capture_ms = CAPTURE_MS, .of = 1};
static struct baseline_spec live = {
        .against = against, .against_min_events = 100, .against_events = against_events, .of = 1};

/* Above the baseline and 10 % of it. */
static void bench_init(struct kpi_bench *b, struct baseline_spec *spec)
{
	kpi_bench_init(b, &gate_baseline_kind, spec);
	b->rungs[0].of_baseline = true;
	b->rungs[0].relative = 0.1;
	b->rungs[0].limit_text = limit;
	b->gate.against_index = spec->against ? 2 : SIZE_MAX;
	b->gate.against_events_index = spec->against ? 3 : SIZE_MAX;
}

static void before(struct kpi_bench *b)
{
	b->evidence.era = ERA_BEFORE;
	b->evidence.exposed_since.ms = 0;
}

static void expose(struct kpi_bench *b)
{
	b->evidence.era = ERA_EXPOSED;
	b->evidence.exposed_since = b->evidence.at;
}

/* As the evaluation of a release does it while all other gates pass. */
static const struct gate_outcome *pass(struct kpi_bench *b, int minutes)
{
	for (int i = 0; i < minutes; i++) {
		kpi_bench_pass(b, 1);
		if (b->evidence.era == ERA_BEFORE)
			gate_baseline_kind.keep(&b->gate, &b->evidence, &b->state);
	}
	return &b->outcome;
}

static void captured_bench(struct kpi_bench *b, double value)
{
	bench_init(b, &captured);
	before(b);
	b->readings[0].value = value;
	pass(b, 40);
	ck_assert_int_eq(b->outcome.result, GATE_PASS);
	expose(b);
}

START_TEST(it_is_insufficient_until_it_is_captured_and_then_passes)
{
	struct kpi_bench b;

	bench_init(&b, &captured);
	before(&b);
	pass(&b, 1);
	ck_assert_str_eq(b.outcome.sentence, "insufficient: the baseline is being captured: 0s of "
	                                     "30m, 0 of at least 3 measurements");
	pass(&b, 12);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_str_eq(b.outcome.sentence, "insufficient: the baseline is being captured: 17m of "
	                                     "30m, 3 of at least 3 measurements");
	pass(&b, 13);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence, "baseline 0.2 %, captured in 30m (5 measurements)");
	b.readings[0].value = 0.9; /* whatever it is now: nothing is exposed */
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_uint_eq(b.state.rungs[0].nvotes, 0);
}
END_TEST

START_TEST(what_was_captured_is_what_the_release_is_held_against)
{
	struct kpi_bench b;

	captured_bench(&b, 0.02);
	b.readings[0].value = 0.022;
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence,
	                 "2.2 % of 500 requests, baseline 2 % (unpaired); limit "
	                 "baseline + 10% (2.2 %)");
	b.readings[0].value = 0.0221;
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert(b.state.baseline.fixed);
	pass(&b, 5);
	ck_assert_str_eq(b.outcome.sentence,
	                 "above baseline + 10% (2.2 %): 2.21 % of 500 requests, "
	                 "baseline 2 % (unpaired); pauses");
	ck_assert_double_eq_tol(b.outcome.measure.baseline, 0.02, 1e-12);
	ck_assert_int_eq(b.outcome.measure.account.baseline_n, 6);
}
END_TEST

START_TEST(nothing_against_nothing_passes_and_anything_above_breaches)
{
	struct kpi_bench b;

	captured_bench(&b, 0);
	b.readings[0].value = 0;
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	b.readings[0].value = 1e-9;
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	b.rungs[0].compare = RUNG_BELOW;
	b.rungs[0].relative = -0.1;
	b.readings[0].value = 0;
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
}
END_TEST

START_TEST(limits_by_hand)
{
	/* clang-format off */
	static const struct {
		const char *why;
		double baseline, relative, absolute, limit;
	} rows[] = {
		{ "as it is", 0.02, 0, 0, 0.02 },
		{ "a share more", 0.02, 0.1, 0, 0.022 },
		{ "points less", 0.99, 0, -0.02, 0.97 },
		{ "a share and so much more", 0.2, 0.1, 0.02, 0.24 },
		{ "of nothing", 0, 0.1, 0, 0 },
		{ "more of what is below nothing is nearer to it", -5, 0.1, 0, -4.5 },
		{ "less of what is below nothing is farther from it", -5, -0.1, 0, -5.5 },
		{ "below nothing", 0.01, 0, -0.02, -0.01 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct gate_rung rung = {.of_baseline = true,
		                         .relative = rows[i].relative,
		                         .absolute = rows[i].absolute};

		ck_assert_msg(fabs(gate_rung_at(&rung, rows[i].baseline).limit - rows[i].limit) <
		                      1e-15,
		              "%s", rows[i].why);
	}
}
END_TEST

START_TEST(few_events_make_no_baseline)
{
	struct kpi_bench b;

	bench_init(&b, &captured);
	before(&b);
	b.readings[1].value = 5;
	pass(&b, 60);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_str_eq(b.outcome.sentence, "insufficient: 5 of 100 requests");
	expose(&b);
	b.readings[1].value = 500;
	pass(&b, 30);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_str_eq(b.outcome.sentence,
	                 "insufficient: no baseline was captured before the exposure");
	ck_assert(!b.outcome.measure.collecting);
}
END_TEST

START_TEST(only_what_was_good_enters_it)
{
	struct kpi_bench b;

	bench_init(&b, &captured);
	before(&b);
	pass(&b, 11);
	ck_assert_uint_eq(b.state.past.n, 3);
	b.readings[0].value = (double)NAN;
	pass(&b, 10);
	ck_assert_uint_eq(b.state.past.n, 3);
	b.readings[0].value = 0.9;
	b.readings[0].result = GATE_STALE;
	pass(&b, 12);
	ck_assert_int_eq(b.outcome.result, GATE_STALE);
	ck_assert_uint_eq(b.state.past.n, 2); /* the oldest has left the window meanwhile */
}
END_TEST

START_TEST(a_restart_in_the_middle_loses_nothing)
{
	struct kpi_bench b;

	bench_init(&b, &captured);
	before(&b);
	pass(&b, 15);
	ck_assert(kpi_bench_restart(&b));
	pass(&b, 12);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	expose(&b);
	pass(&b, 1);
	struct gate_baseline fixed = b.state.baseline;

	ck_assert(kpi_bench_restart(&b));
	ck_assert(b.state.baseline.fixed);
	ck_assert_double_eq(b.state.baseline.value, fixed.value);
	ck_assert_double_eq(b.state.baseline.events, fixed.events);
	ck_assert_int_eq(b.state.baseline.from.ms, fixed.from.ms);
	gate_state_clear(&b.state); /* a resume */
	ck_assert_int_eq(b.state.baseline.n, fixed.n);
}
END_TEST

START_TEST(the_way_back_is_held_against_the_same)
{
	struct kpi_bench b;

	captured_bench(&b, 0.02);
	b.readings[0].value = 0.1;
	pass(&b, 5);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	b.evidence.era = ERA_BACK;
	b.evidence.exposed_since = b.evidence.at;
	b.readings[0].value = 0.02;
	pass(&b, 5);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_double_eq_tol(b.outcome.measure.baseline, 0.02, 1e-12);
}
END_TEST

START_TEST(what_is_exposed_never_enters_it)
{
	struct kpi_bench b;

	captured_bench(&b, 0.02);
	b.evidence.entering = true;
	b.readings[0].value = 0.9;
	kpi_bench_pass(&b, 1);
	gate_baseline_kind.keep(&b.gate, &b.evidence, &b.state); /* nobody calls it then */
	ck_assert_double_eq_tol(b.state.baseline.value, 0.02, 1e-12);
	ck_assert_uint_eq(b.state.past.n, 0);
}
END_TEST

START_TEST(a_day_of_measurements_fits)
{
	static struct baseline_spec day = {.capture_ms = (int64_t)24 * 60 * MINUTE_MS, .of = 1};
	struct kpi_bench b;

	bench_init(&b, &day);
	before(&b);
	for (int i = 0; i < 26 * 60; i++) {
		b.readings[0].value = i % 10 < 5 ? 0.01 : 0.03;
		pass(&b, 1);
	}
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_uint_le(b.state.past.n, MEASUREMENTS_MAX);
	ck_assert_int_gt(b.state.past.merged, 1);
	ck_assert_double_gt(b.outcome.measure.baseline, 0.005);
	ck_assert_double_lt(b.outcome.measure.baseline, 0.035);
}
END_TEST

START_TEST(a_clock_set_back_does_not_make_it_older)
{
	struct kpi_bench b;

	bench_init(&b, &captured);
	before(&b);
	pass(&b, 15);
	b.evidence.at.ms -= 60 * MINUTE_MS;
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	pass(&b, 29);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
}
END_TEST

START_TEST(another_kpi_is_the_baseline_at_every_moment)
{
	struct kpi_bench b;

	bench_init(&b, &live);
	b.readings[0].value = 0.03;
	b.readings[2].value = 0.03;
	pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence,
	                 "3 % of 500 requests, baseline 3 %; limit baseline + 10% "
	                 "(3.3 %)");
	b.readings[2].value = 0.02;
	pass(&b, 5);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert(!b.outcome.measure.account.unpaired);
}
END_TEST

START_TEST(a_baseline_without_evidence_is_none)
{
	/* clang-format off */
	static const struct {
		const char *why;
		enum gate_result says;
		double value, events;
		bool covered;
		enum gate_result result;
		const char *sentence;
	} rows[] = {
		{ "silence", GATE_NO_DATA, 0, 500, true, GATE_NO_DATA, "no data: baseline stable_errors: nothing" },
		{ "old samples", GATE_STALE, 0.002, 500, true, GATE_STALE, "stale: baseline stable_errors: nothing" },
		{ "too few", GATE_PASS, 0.002, 12, true, GATE_INSUFFICIENT,
		  "insufficient: baseline stable_errors: 12 of 100 stable_requests" },
		{ "0/0", GATE_PASS, (double)NAN, 0, true, GATE_INSUFFICIENT,
		  "insufficient: baseline stable_errors: 0 of 100 stable_requests" },
		{ "NaN", GATE_PASS, (double)NAN, 500, true, GATE_ERROR,
		  "error: baseline stable_errors: the value is NaN although 500 stable_requests were counted" },
		{ "a gap", GATE_PASS, 0.002, 500, false, GATE_WARMING, "warming: baseline stable_errors: nothing" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kpi_bench b;

		bench_init(&b, &live);
		b.readings[2].result = rows[i].says;
		b.readings[2].value = rows[i].value;
		b.readings[2].covered = rows[i].covered;
		(void)snprintf(b.readings[2].why, sizeof(b.readings[2].why), "nothing");
		b.readings[3].value = rows[i].events;
		pass(&b, 1);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: %s", rows[i].why,
		              b.outcome.sentence);
		ck_assert_msg(strcmp(b.outcome.sentence, rows[i].sentence) == 0, "%s: %s",
		              rows[i].why, b.outcome.sentence);
	}
}
END_TEST

START_TEST(means_of_both_are_compared)
{
	static struct baseline_spec means = {.against = against,
	                                     .against_min_events = 100,
	                                     .against_events = against_events,
	                                     .of = 3};
	struct kpi_bench b;

	bench_init(&b, &means);
	for (int i = 0; i < 3; i++) {
		b.readings[0].value = 0.01 * (i + 1);
		b.readings[2].value = 0.02;
		pass(&b, 5);
	}
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_double_eq_tol(b.outcome.measure.value, 0.02, 1e-12);
	ck_assert_double_eq_tol(b.outcome.measure.baseline, 0.02, 1e-12);
	ck_assert_double_eq_tol(b.outcome.measure.account.list[2].against, 0.02, 1e-12);
	ck_assert_str_eq(b.outcome.sentence,
	                 "mean of 3: 2 % of 1,500 requests, baseline 2 %; limit "
	                 "baseline + 10% (2.2 %)");
}
END_TEST

START_TEST(what_lies_in_the_past_is_said_to_be_unpaired)
{
	/* clang-format off */
	static const struct {
		const char *expr;
		bool unpaired;
	} rows[] = {
		{ "sum(rate(x[5m] offset 1w))", true },
		{ "sum(rate(x[5m] offset 5m))", true },
		{ "sum(rate(x[5m] offset 1m))", false }, /* the windows overlap */
		{ "sum(rate(x[5m]))", false },
		{ "sum(rate(x[5m] offset 1w)) / sum(rate(y[5m]))", false },
		{ "sum(x offset 1d)", true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_position at;
		struct kpi_bench b;
		struct err err;

		bench_init(&b, &live);
		b.kpis[2].parsed = promql_parse(str_of(rows[i].expr), &at, &err);
		ck_assert_ptr_nonnull(b.kpis[2].parsed);
		b.readings[2].covered = false; /* no range as long as a week lies in the exposure */
		pass(&b, 1);
		ck_assert_msg(b.outcome.measure.account.unpaired == rows[i].unpaired, "%s",
		              rows[i].expr);
		ck_assert_msg(b.outcome.result == (rows[i].unpaired ? GATE_PASS : GATE_WARMING),
		              "%s: %s", rows[i].expr, b.outcome.sentence);
		promql_free(&b.kpis[2].parsed);
	}
}
END_TEST

START_TEST(people_can_check_it)
{
	struct kpi_bench b;
	json_t *json;

	captured_bench(&b, 0.02);
	pass(&b, 1);
	json = gate_baseline_kind.details(&b.gate, &b.outcome.measure);
	ck_assert_double_eq_tol(json_real_value(json_object_get(json, "value")), 0.02, 1e-12);
	ck_assert_double_eq(json_real_value(json_object_get(json, "events")), 3000);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "measurements_behind")), 6);
	ck_assert_str_eq(json_string_value(json_object_get(json, "label")), "unpaired");
	ck_assert(json_is_string(json_object_get(json, "from")));
	ck_assert(json_is_null(json_object_get(json, "against")));
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("baseline");
	TCase *t = tcase_create("baseline");

	tcase_add_test(t, it_is_insufficient_until_it_is_captured_and_then_passes);
	tcase_add_test(t, what_was_captured_is_what_the_release_is_held_against);
	tcase_add_test(t, nothing_against_nothing_passes_and_anything_above_breaches);
	tcase_add_test(t, limits_by_hand);
	tcase_add_test(t, few_events_make_no_baseline);
	tcase_add_test(t, only_what_was_good_enters_it);
	tcase_add_test(t, a_restart_in_the_middle_loses_nothing);
	tcase_add_test(t, the_way_back_is_held_against_the_same);
	tcase_add_test(t, what_is_exposed_never_enters_it);
	tcase_add_test(t, a_day_of_measurements_fits);
	tcase_add_test(t, a_clock_set_back_does_not_make_it_older);
	tcase_add_test(t, another_kpi_is_the_baseline_at_every_moment);
	tcase_add_test(t, a_baseline_without_evidence_is_none);
	tcase_add_test(t, means_of_both_are_compared);
	tcase_add_test(t, what_lies_in_the_past_is_said_to_be_unpaired);
	tcase_add_test(t, people_can_check_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
