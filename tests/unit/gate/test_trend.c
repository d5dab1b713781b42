/*
 * trend: slopes over the measurements of a stage, whatever single ones say.
 */
#include <check.h>
#include <stdlib.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/trend.h"
#include "kpi_bench.h"

#define HOUR_MS (60 * MINUTE_MS)

static struct trend_spec hourly = {.per_ms = HOUR_MS, .min_measurements = 8};

/* One percentage point an hour is too much. */
static void bench_init(struct kpi_bench *b, struct trend_spec *spec)
{
	kpi_bench_init(b, &gate_trend, spec);
}

/* The value rises by so much an hour. */
static const struct gate_outcome *rise(struct kpi_bench *b, double per_hour, int minutes)
{
	for (int i = 0; i < minutes; i++) {
		kpi_bench_pass(b, 1);
		b->readings[0].value += per_hour / 60;
	}
	return &b->outcome;
}

START_TEST(fewer_than_eight_have_no_trend)
{
	struct kpi_bench b;

	bench_init(&b, &hourly);
	rise(&b, 0.001, 33);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_str_eq(b.outcome.sentence, "insufficient: 7 of 8 measurements; the next in 3m");
	ck_assert(b.outcome.measure.collecting);
	rise(&b, 0.001, 3);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence,
	                 "0.1 % per 1h over 8 measurements in 35m; limit 1 % per 1h");
}
END_TEST

START_TEST(a_steep_one_breaches_and_a_wild_value_does_not)
{
	struct kpi_bench b;

	bench_init(&b, &hourly);
	rise(&b, 0.001, 40);
	double usual = b.readings[0].value;

	b.readings[0].value = 0.9;
	rise(&b, 0, 5);
	b.readings[0].value = usual;
	rise(&b, 0.001, 15);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	bench_init(&b, &hourly);
	rise(&b, 0.02, 40);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert_str_eq(b.outcome.sentence,
	                 "above 1 % per 1h: 2 % per 1h over 8 measurements in 35m; pauses");
}
END_TEST

START_TEST(what_falls_is_below_nothing)
{
	struct kpi_bench b;

	bench_init(&b, &hourly);
	b.rungs[0].compare = RUNG_BELOW;
	b.rungs[0].limit = -0.01;
	b.readings[0].value = 0.9;
	rise(&b, -0.02, 40);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert_str_eq(b.outcome.sentence,
	                 "below -1 % per 1h: -2 % per 1h over 8 measurements in 35m; pauses");
}
END_TEST

START_TEST(flat_is_not_above_nothing)
{
	struct kpi_bench b;

	bench_init(&b, &hourly);
	b.rungs[0].limit = 0;
	rise(&b, 0, 60);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
}
END_TEST

START_TEST(least_squares_is_said_and_used)
{
	static struct trend_spec line = {
	        .per_ms = HOUR_MS, .min_measurements = 8, .statistic = TREND_LEAST_SQUARES};
	struct kpi_bench b;
	json_t *json;

	bench_init(&b, &line);
	rise(&b, 0.002, 40);
	ck_assert_double_eq_tol(b.outcome.measure.value, 0.002, 1e-9);
	json = gate_trend.details(&b.gate, &b.outcome.measure);
	ck_assert_str_eq(json_string_value(json_object_get(json, "statistic")), "least_squares");
	ck_assert_str_eq(json_string_value(json_object_get(json, "per")), "1h");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "n")), 8);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "measurements")), 8);
	ck_assert_double_eq_tol(json_real_value(json_object_get(json, "slope")), 0.002, 1e-9);
	json_decref(json);
}
END_TEST

START_TEST(a_stage_has_its_own_trend_unless_a_time_is_named)
{
	static struct trend_spec week = {
	        .per_ms = HOUR_MS, .min_measurements = 8, .over_ms = (int64_t)7 * 24 * HOUR_MS};
	struct trend_spec *specs[] = {&hourly, &week};

	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		struct kpi_bench b;

		bench_init(&b, specs[i]);
		rise(&b, 0.02, 40);
		ck_assert_int_eq(b.outcome.result, GATE_BREACH);
		b.evidence.stage_since = b.evidence.at;
		rise(&b, 0.02, 1);
		ck_assert_int_eq(b.outcome.result, i == 0 ? GATE_INSUFFICIENT : GATE_BREACH);
		b.evidence.era = ERA_BACK; /* another version */
		rise(&b, 0.02, 1);
		ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	}
}
END_TEST

START_TEST(a_stage_of_thirty_days_keeps_its_slope_over_restarts)
{
	struct kpi_bench b;

	bench_init(&b, &hourly);
	b.readings[0].value = 0;
	for (int day = 0; day < 30; day++) {
		rise(&b, 0.0001, 24 * 60);
		ck_assert(kpi_bench_restart(&b));
	}
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_double_eq_tol(b.outcome.measure.value, 0.0001, 1e-9);
	ck_assert_uint_gt(b.outcome.measure.account.n, MEASUREMENTS_MAX / 2);
	ck_assert_int_gt(b.state.past.merged, 32);
	/* a vote looks at one more measurement than the one before */
	ck_assert_int_eq(b.outcome.measure.range_ms, 5 * MINUTE_MS * b.state.past.merged);
}
END_TEST

START_TEST(missing_evidence_is_no_trend)
{
	struct kpi_bench b;

	bench_init(&b, &hourly);
	rise(&b, 0.001, 40);
	b.readings[0].result = GATE_NO_DATA;
	rise(&b, 0, 1);
	ck_assert_int_eq(b.outcome.result, GATE_NO_DATA);
	b.readings[0].result = GATE_PASS;
	b.readings[0].value = (double)NAN;
	rise(&b, 0, 10);
	ck_assert_int_eq(b.outcome.result, GATE_ERROR);
	ck_assert_uint_eq(b.state.past.n, 8);
}
END_TEST

START_TEST(a_report_is_one_measurement_however_often_it_is_looked_at)
{
	struct kpi_bench b;

	bench_init(&b, &hourly);
	for (size_t i = 0; i < BENCH_KPIS; i++)
		b.readings[i].range_ms = 0;
	b.readings[0].told = 1;
	rise(&b, 0, 20);
	ck_assert_uint_eq(b.state.past.n, 1);
	b.readings[0].told = 2;
	rise(&b, 0, 20);
	ck_assert_uint_eq(b.state.past.n, 2);
	ck_assert(kpi_bench_restart(&b));
	rise(&b, 0, 20);
	ck_assert_uint_eq(b.state.past.n, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trend");
	TCase *t = tcase_create("trend");

	tcase_add_test(t, fewer_than_eight_have_no_trend);
	tcase_add_test(t, a_steep_one_breaches_and_a_wild_value_does_not);
	tcase_add_test(t, what_falls_is_below_nothing);
	tcase_add_test(t, flat_is_not_above_nothing);
	tcase_add_test(t, least_squares_is_said_and_used);
	tcase_add_test(t, a_stage_has_its_own_trend_unless_a_time_is_named);
	tcase_add_test(t, a_stage_of_thirty_days_keeps_its_slope_over_restarts);
	tcase_add_test(t, missing_evidence_is_no_trend);
	tcase_add_test(t, a_report_is_one_measurement_however_often_it_is_looked_at);
	suite_add_tcase(s, t);
	return suite_run(s);
}
