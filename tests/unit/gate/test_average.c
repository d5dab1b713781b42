/*
 * average: means of measurements that share no events, each good when it was taken.
 */
#include <check.h>
#include <stdlib.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/average.h"
#include "kpi_bench.h"

static struct average_spec spec = {.of = 3};

static void bench_init(struct kpi_bench *b)
{
	kpi_bench_init(b, &gate_average, &spec);
}

/* One measurement of that value: five minutes. */
static const struct gate_outcome *take(struct kpi_bench *b, double value)
{
	b->readings[0].value = value;
	return kpi_bench_pass(b, 5);
}

START_TEST(fewer_than_asked_are_insufficient)
{
	struct kpi_bench b;

	bench_init(&b);
	kpi_bench_pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_str_eq(b.outcome.sentence, "insufficient: 1 of 3 measurements; the next in 5m");
	kpi_bench_pass(&b, 4);
	ck_assert_str_eq(b.outcome.sentence, "insufficient: 1 of 3 measurements; the next in 1m");
	kpi_bench_pass(&b, 5);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	kpi_bench_pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence, "mean of 3: 0.2 % of 1,500 requests; limit 1 %");
	ck_assert_int_eq(b.outcome.measure.range_ms, 15 * MINUTE_MS);
}
END_TEST

START_TEST(one_bad_measurement_is_not_a_bad_mean)
{
	struct kpi_bench b;

	bench_init(&b);
	take(&b, 0.002);
	take(&b, 0.02);
	take(&b, 0.002);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence, "mean of 3: 0.8 % of 1,500 requests; limit 1 %");
	take(&b, 0.02); /* the first one has left */
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	ck_assert_str_eq(b.outcome.sentence,
	                 "above 1 %: mean of 3: 1.4 % of 1,500 requests; next vote in 6m");
	ck_assert_double_eq_tol(b.outcome.measure.account.list[0].value, 0.02, 1e-12);
	ck_assert_uint_eq(b.outcome.measure.account.n, 3);
}
END_TEST

START_TEST(exactly_the_limit_is_not_above_it)
{
	struct kpi_bench b;

	bench_init(&b);
	take(&b, 0.005);
	take(&b, 0.01);
	take(&b, 0.015);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence, "mean of 3: 1 % of 1,500 requests; limit 1 %");
}
END_TEST

START_TEST(what_is_not_good_is_not_measured_and_not_passed)
{
	/* clang-format off */
	static const struct {
		const char *why;
		enum gate_result says;
		double value, events;
		bool covered;
		enum gate_result result;
	} rows[] = {
		{ "silence", GATE_NO_DATA, 0.002, 500, true, GATE_NO_DATA },
		{ "old samples", GATE_STALE, 0.002, 500, true, GATE_STALE },
		{ "a broken query", GATE_ERROR, 0.002, 500, true, GATE_ERROR },
		{ "too few events", GATE_PASS, 0.002, 5, true, GATE_INSUFFICIENT },
		{ "NaN although there were events", GATE_PASS, (double)NAN, 500, true, GATE_ERROR },
		{ "0/0", GATE_PASS, (double)NAN, 0, true, GATE_INSUFFICIENT },
		{ "a gap", GATE_PASS, 0.002, 500, false, GATE_WARMING },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kpi_bench b;

		bench_init(&b);
		for (int k = 0; k < 3; k++)
			take(&b, 0.002);
		ck_assert_int_eq(b.outcome.result, GATE_PASS);
		b.readings[0].result = rows[i].says;
		b.readings[0].value = rows[i].value;
		b.readings[0].covered = rows[i].covered;
		b.readings[1].value = rows[i].events;
		struct wall newest = b.state.past.list[2].at;

		kpi_bench_pass(&b, 6);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: %s", rows[i].why,
		              b.outcome.sentence);
		ck_assert_msg(b.state.past.list[b.state.past.n - 1].at.ms == newest.ms, "%s",
		              rows[i].why);
	}
}
END_TEST

START_TEST(old_measurements_do_not_stand_in_for_missing_ones)
{
	struct kpi_bench b;

	bench_init(&b);
	for (int k = 0; k < 3; k++)
		take(&b, 0.002);
	b.readings[0].result = GATE_NO_DATA;
	kpi_bench_pass(&b, 40);
	b.readings[0].result = GATE_PASS;
	kpi_bench_pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_str_eq(b.outcome.sentence, "insufficient: 1 of 3 measurements; the next in 5m");
}
END_TEST

START_TEST(the_next_stage_is_measured_by_itself)
{
	struct kpi_bench b;

	bench_init(&b);
	for (int k = 0; k < 3; k++)
		take(&b, 0.05);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
	b.evidence.exposed_since = b.evidence.at;
	kpi_bench_pass(&b, 1);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_uint_eq(b.state.past.n, 1); /* the bench says it is covered */
}
END_TEST

START_TEST(nothing_is_measured_while_a_stage_is_entered_or_settles)
{
	struct kpi_bench b;

	bench_init(&b);
	b.evidence.entering = true;
	kpi_bench_pass(&b, 30);
	ck_assert_uint_eq(b.state.past.n, 0);
	b.evidence.entering = false;
	b.evidence.settling = true;
	kpi_bench_pass(&b, 30);
	ck_assert_uint_eq(b.state.past.n, 0);
	b.evidence.settling = false;
	kpi_bench_pass(&b, 1);
	ck_assert_uint_eq(b.state.past.n, 1);
}
END_TEST

START_TEST(a_restart_loses_no_measurement)
{
	struct kpi_bench b;

	bench_init(&b);
	b.readings[1].result = GATE_PASS;
	take(&b, 0.002);
	take(&b, 1.0 / 3);
	ck_assert(kpi_bench_restart(&b));
	ck_assert_uint_eq(b.state.past.n, 2);
	take(&b, 0.002);
	ck_assert_int_eq(b.outcome.result, GATE_BREACH);
}
END_TEST

START_TEST(a_resume_forgets_votes_and_no_measurement)
{
	struct kpi_bench b;

	bench_init(&b);
	for (int k = 0; k < 3; k++)
		take(&b, 0.05);
	ck_assert_uint_eq(b.state.rungs[0].nvotes, 1);
	gate_state_clear(&b.state);
	ck_assert_uint_eq(b.state.rungs[0].nvotes, 0);
	ck_assert_uint_eq(b.state.past.n, 3);
}
END_TEST

START_TEST(votes_lie_a_whole_mean_apart)
{
	struct kpi_bench b;

	bench_init(&b);
	b.rungs[0].votes_needed = b.rungs[0].votes_of = 2;
	for (int k = 0; k < 3; k++)
		take(&b, 0.05);
	ck_assert_uint_eq(b.outcome.votes, 1);
	take(&b, 0.05);
	take(&b, 0.05);
	ck_assert_uint_eq(b.outcome.votes, 1);
	ck_assert_int_lt(b.outcome.fired, 0);
	take(&b, 0.05);
	ck_assert_uint_eq(b.outcome.votes, 2);
	ck_assert_int_eq(b.outcome.fired, 0);
}
END_TEST

START_TEST(clocks_that_step_invent_no_measurements)
{
	struct kpi_bench b;

	bench_init(&b);
	for (int k = 0; k < 3; k++)
		take(&b, 0.002);
	b.evidence.at.ms -= 7 * MINUTE_MS;
	b.evidence.exposed_since.ms -= 60 * MINUTE_MS;
	kpi_bench_look(&b);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	for (size_t i = 1; i < b.state.past.n; i++)
		ck_assert_int_ge(b.state.past.list[i].at.ms - b.state.past.list[i - 1].at.ms,
		                 5 * MINUTE_MS);
	b.evidence.at.ms += (int64_t)24 * 60 * MINUTE_MS;
	kpi_bench_look(&b);
	ck_assert_uint_eq(b.state.past.n, 1);
}
END_TEST

START_TEST(measurements_of_a_gauge_lie_one_evaluation_or_vote_every_apart)
{
	struct kpi_bench b;

	bench_init(&b);
	b.readings[0].range_ms = 0;
	kpi_bench_pass(&b, 3);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	bench_init(&b);
	b.readings[0].range_ms = 0;
	b.gate.vote_every_ms = 10 * MINUTE_MS;
	kpi_bench_pass(&b, 20);
	ck_assert_uint_eq(b.state.past.n, 2);
}
END_TEST

START_TEST(people_can_check_it)
{
	struct kpi_bench b;
	json_t *json, *list;

	bench_init(&b);
	take(&b, 0.002);
	take(&b, 0.02);
	take(&b, 0.002);
	json = gate_average.details(&b.gate, &b.outcome.measure);
	list = json_object_get(json, "measurements");
	ck_assert_int_eq(json_integer_value(json_object_get(json, "of")), 3);
	ck_assert_uint_eq(json_array_size(list), 3);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(list, 1), "at")),
	                 "2023-11-14T22:19:20.000Z");
	ck_assert_double_eq(json_real_value(json_object_get(json_array_get(list, 1), "value")),
	                    0.02);
	ck_assert_double_eq(json_real_value(json_object_get(json_array_get(list, 1), "events")),
	                    500);
	ck_assert_ptr_null(json_object_get(json_array_get(list, 1), "against"));
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("average");
	TCase *t = tcase_create("average");

	tcase_add_test(t, fewer_than_asked_are_insufficient);
	tcase_add_test(t, one_bad_measurement_is_not_a_bad_mean);
	tcase_add_test(t, exactly_the_limit_is_not_above_it);
	tcase_add_test(t, what_is_not_good_is_not_measured_and_not_passed);
	tcase_add_test(t, old_measurements_do_not_stand_in_for_missing_ones);
	tcase_add_test(t, the_next_stage_is_measured_by_itself);
	tcase_add_test(t, nothing_is_measured_while_a_stage_is_entered_or_settles);
	tcase_add_test(t, a_restart_loses_no_measurement);
	tcase_add_test(t, a_resume_forgets_votes_and_no_measurement);
	tcase_add_test(t, votes_lie_a_whole_mean_apart);
	tcase_add_test(t, clocks_that_step_invent_no_measurements);
	tcase_add_test(t, measurements_of_a_gauge_lie_one_evaluation_or_vote_every_apart);
	tcase_add_test(t, people_can_check_it);
	suite_add_tcase(s, t);
	return suite_run(s);
}
