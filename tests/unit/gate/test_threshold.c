/*
 * threshold: what a KPI, the events behind it and their order of reasons make of a gate.
 */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/gate.h"
#include "gate/threshold.h"

#define T0 1700000000000

/* KPI 0 is watched, KPI 1 counts the events. */
struct bench {
	struct kpi kpis[2];
	struct kpi_reading readings[2];
	struct gate_rung rung;
	struct gate gate;
	struct gate_state state;
	struct gate_evidence evidence;
	struct gate_outcome outcome;
	char requests[16];
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	snprintf(b->requests, sizeof(b->requests), "requests");
	b->kpis[0].unit = KPI_RATIO;
	b->kpis[1].unit = KPI_EVENTS;
	for (size_t i = 0; i < 2; i++)
		b->readings[i] = (struct kpi_reading){.result = GATE_PASS,
		                                      .covered = true,
		                                      .targets = 3,
		                                      .targets_good = 3,
		                                      .targets_covered = 3,
		                                      .range_ms = 60000};
	b->readings[0].value = 0.002;
	b->readings[1].value = 512;
	b->rung = (struct gate_rung){
	        .limit = 0.01, .votes_needed = 1, .votes_of = 1, .then = RUNG_PAUSE};
	b->gate = (struct gate){.kind = &gate_threshold,
	                        .rungs = &b->rung,
	                        .nrungs = 1,
	                        .min_events = 100,
	                        .min_events_kpi = b->requests,
	                        .events_index = 1};
	b->evidence = (struct gate_evidence){.at = {T0},
	                                     .evaluate_every_ms = 15000,
	                                     .kpis = b->readings,
	                                     .kpi_list = b->kpis,
	                                     .nkpis = 2};
}

static const struct gate_outcome *look(struct bench *b)
{
	gate_state_clear(&b->state);
	gate_evaluate(&b->gate, 0, &b->evidence, true, &b->state, &b->outcome);
	return &b->outcome;
}

static void refuse(struct bench *b, size_t i, enum gate_result result, const char *why)
{
	b->readings[i].result = result;
	snprintf(b->readings[i].why, sizeof(b->readings[i].why), "%s", why);
}

START_TEST(events_decide_what_a_value_is_worth)
{
	/* clang-format off */
	static const struct {
		const char *why;
		double value, events, min_events;
		bool counted;
		enum gate_result result;
		const char *sentence;
	} rows[] = {
		{ "enough and good", 0.002, 512, 100, true, GATE_PASS, "0.2 % of 512 requests; limit 1 %" },
		{ "enough and bad", 0.024, 412, 100, true, GATE_BREACH,
		  "above 1 %: 2.4 % of 412 requests; pauses" },
		{ "exactly enough", 0.002, 100, 100, true, GATE_PASS, "0.2 % of 100 requests; limit 1 %" },
		{ "enough but for the last digit", 0.002, 99.99999999999, 100, true, GATE_PASS,
		  "0.2 % of 100 requests; limit 1 %" },
		{ "too few", 0.002, 12, 100, true, GATE_INSUFFICIENT, "insufficient: 12 of 100 requests" },
		{ "too few, though it looks bad", 0.5, 12, 100, true, GATE_INSUFFICIENT,
		  "insufficient: 12 of 100 requests" },
		{ "nearly enough is told apart", 0.002, 999.98, 1000, true, GATE_INSUFFICIENT,
		  "insufficient: 999.98 of 1,000 requests" },
		{ "0/0 among none", (double)NAN, 0, 100, true, GATE_INSUFFICIENT, "insufficient: 0 of 100 requests" },
		{ "0/0 among few", (double)NAN, 12, 100, true, GATE_INSUFFICIENT,
		  "insufficient: 12 of 100 requests" },
		{ "0/0 where nothing is asked", (double)NAN, 0, 0, true, GATE_INSUFFICIENT,
		  "insufficient: 0 of 0 requests" },
		{ "NaN although there were events", (double)NAN, 512, 100, true, GATE_ERROR,
		  "error: the value is NaN although 512 requests were counted" },
		{ "NaN and nobody counts", (double)NAN, 0, 0, false, GATE_NO_DATA,
		  "no data: the value is NaN and no events are counted" },
		{ "nobody counts", 0.002, 0, 0, false, GATE_PASS, "0.2 %; limit 1 %" },
		{ "the count is NaN", 0.002, (double)NAN, 100, true, GATE_NO_DATA,
		  "no data: the number of events is NaN" },
		{ "the count is NaN and nothing is asked", 0.002, (double)NAN, 0, true, GATE_NO_DATA,
		  "no data: the number of events is NaN" },
		{ "a count below nothing", 0.002, -5, 0, true, GATE_INSUFFICIENT, "insufficient: -5 of 0 requests" },
		{ "a breach by a hair has its digits", 0.0100001, 412, 100, true, GATE_BREACH,
		  "above 1 %: 1.00001 % of 412 requests; pauses" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.readings[0].value = rows[i].value;
		b.readings[1].value = rows[i].events;
		b.gate.min_events = rows[i].min_events;
		b.gate.events_index = rows[i].counted ? 1 : SIZE_MAX;
		look(&b);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: %d", rows[i].why,
		              (int)b.outcome.result);
		ck_assert_msg(strcmp(b.outcome.sentence, rows[i].sentence) == 0, "%s: %s",
		              rows[i].why, b.outcome.sentence);
	}
}
END_TEST

START_TEST(the_first_reason_of_either_kpi_applies)
{
	/* clang-format off */
	static const struct {
		enum gate_result value, events, result;
		const char *sentence;
	} rows[] = {
		{ GATE_ERROR, GATE_PASS, GATE_ERROR, "error: value" },
		{ GATE_PASS, GATE_ERROR, GATE_ERROR, "error: requests: events" },
		{ GATE_STALE, GATE_ERROR, GATE_ERROR, "error: requests: events" },
		{ GATE_NO_DATA, GATE_STALE, GATE_STALE, "stale: requests: events" },
		{ GATE_NO_DATA, GATE_NO_DATA, GATE_NO_DATA, "no data: value" },
		{ GATE_STALE, GATE_NO_DATA, GATE_STALE, "stale: value" },
		{ GATE_PASS, GATE_NO_DATA, GATE_NO_DATA, "no data: requests: events" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		refuse(&b, 0, rows[i].value, "value");
		refuse(&b, 1, rows[i].events, "events");
		look(&b);
		ck_assert_int_eq(b.outcome.result, rows[i].result);
		ck_assert_str_eq(b.outcome.sentence, rows[i].sentence);
	}
}
END_TEST

START_TEST(a_bad_value_without_events_behind_it_is_not_a_breach)
{
	struct bench b;

	bench_init(&b);
	b.readings[0].value = 0.5;
	refuse(&b, 1, GATE_STALE, "the newest good scrape is 2m old");
	look(&b);
	ck_assert_int_eq(b.outcome.result, GATE_STALE);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_HOLD);
}
END_TEST

START_TEST(both_windows_must_lie_in_the_exposure)
{
	struct bench b;

	for (size_t i = 0; i < 2; i++) {
		bench_init(&b);
		b.readings[i].covered = false;
		b.readings[i].covered_at.ms = T0 + 40000;
		snprintf(b.readings[i].why, sizeof(b.readings[i].why),
		         "needs 40s more of this exposure");
		look(&b);
		ck_assert_int_eq(b.outcome.result, GATE_WARMING);
		ck_assert_int_eq(b.outcome.measure.covered_at.ms, T0 + 40000);
		ck_assert_str_eq(b.outcome.sentence, "warming: needs 40s more of this exposure");
		b.readings[0].value = 0.5;
		ck_assert_int_eq(look(&b)->verdict, VERDICT_PAUSE);
	}
}
END_TEST

START_TEST(a_gate_may_ask_for_a_higher_quorum_than_its_source)
{
	struct bench b;

	bench_init(&b);
	b.readings[0].targets_good = 2;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
	b.gate.quorum = 1;
	look(&b);
	ck_assert_int_eq(b.outcome.result, GATE_NO_DATA);
	ck_assert_str_eq(b.outcome.sentence,
	                 "no data: 2 of 3 targets answer, the gate's quorum is 3");
	b.readings[0].targets_good = 3;
	b.readings[1].targets_good = 2;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.readings[1].targets_good = 3;
	b.readings[0].targets_covered = 2;
	ck_assert_int_eq(look(&b)->result, GATE_WARMING);
	b.gate.quorum = 0.6;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
}
END_TEST

START_TEST(votes_are_as_far_apart_as_the_watched_kpi_looks_back)
{
	struct bench b;

	bench_init(&b);
	b.readings[0].range_ms = 300000;
	ck_assert_int_eq(look(&b)->measure.range_ms, 300000);
	refuse(&b, 0, GATE_STALE, "old");
	ck_assert_int_eq(look(&b)->measure.range_ms, 300000);
}
END_TEST

/* The KPI is a quantile of a histogram whose highest finite bucket is 2.5 s. */
static void look_through_buckets(struct bench *b, double limit, double value)
{
	struct promql_position at;
	struct err err;

	bench_init(b);
	b->kpis[0].unit = KPI_SECONDS;
	b->kpis[0].name = text_dup("p95");
	b->kpis[0].parsed = promql_parse(STR("histogram_quantile(0.95, x_bucket)"), &at, &err);
	ck_assert_ptr_nonnull(b->kpis[0].parsed);
	b->readings[0].bound = (struct kpi_bound){.known = true, .most = 2.5, .selector = 0};
	b->readings[0].value = value;
	b->rung.limit = limit;
}

static void bench_fini(struct bench *b)
{
	free(b->kpis[0].name);
	promql_free(&b->kpis[0].parsed);
}

START_TEST(a_limit_that_no_bucket_reaches_never_passes)
{
	/* clang-format off */
	static const struct { double limit, value, events; enum gate_result result; } rows[] = {
		{ 2.4, 0.1, 512, GATE_PASS },
		{ 2.5, 0.1, 512, GATE_ERROR },
		{ 2.5 + 1e-12, 0.1, 512, GATE_ERROR },
		{ 10, 0.1, 512, GATE_ERROR },
		{ 10, 0.1, 3, GATE_ERROR },
		{ 2.4, 0.1, 3, GATE_INSUFFICIENT },
	};
	/* clang-format on */
	struct bench b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		look_through_buckets(&b, rows[i].limit, rows[i].value);
		b.readings[1].value = rows[i].events;
		ck_assert_msg(look(&b)->result == rows[i].result, "%zu: %s", i, b.outcome.sentence);
		ck_assert_int_eq(b.outcome.measure.blind[0] != '\0', rows[i].result == GATE_ERROR);
		ck_assert(!b.outcome.measure.blind[0] ||
		          strstr(b.outcome.sentence, "highest finite bucket of x_bucket"));
		bench_fini(&b);
	}
}
END_TEST

START_TEST(a_lower_limit_that_nothing_falls_below_never_passes)
{
	struct bench b;

	look_through_buckets(&b, 1, 3);
	b.readings[0].bound = (struct kpi_bound){.known_below = true, .least = 1};
	ck_assert_int_eq(look(&b)->result, GATE_BREACH); /* it asks for more than 1 s */
	b.rung.compare = RUNG_BELOW;
	ck_assert_int_eq(look(&b)->result, GATE_ERROR);
	ck_assert_ptr_nonnull(
	        strstr(b.outcome.sentence,
	               "blind: p95 is never below 1 s, so \"below 1 s\" cannot happen"));
	b.rung.limit = 1.5;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
	bench_fini(&b);
}
END_TEST

START_TEST(a_blind_rung_does_not_hide_what_the_others_see)
{
	struct gate_rung rungs[2];
	struct bench b;

	look_through_buckets(&b, 0.5, 0.8);
	rungs[0] = rungs[1] = b.rung;
	rungs[1].limit = 10;
	rungs[1].then = RUNG_ROLLBACK;
	b.gate.rungs = rungs;
	b.gate.nrungs = 2;
	ck_assert_int_eq(look(&b)->result, GATE_BREACH);
	ck_assert_int_eq(b.outcome.verdict, VERDICT_PAUSE);
	b.readings[0].value = 0.1;
	ck_assert_int_eq(look(&b)->result, GATE_ERROR);
	rungs[1].then = RUNG_NOTE; /* nothing depends on it */
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
	refuse(&b, 0, GATE_STALE, "old");
	rungs[1].then = RUNG_PAUSE;
	ck_assert_int_eq(look(&b)->result, GATE_STALE);
	bench_fini(&b);
}
END_TEST

START_TEST(a_counter_that_stands_still_explains_why_there_are_no_events)
{
	struct bench b;

	bench_init(&b);
	b.readings[1].value = 0;
	snprintf(b.readings[1].stuck, sizeof(b.readings[1].stuck), "x has not moved");
	ck_assert_int_eq(look(&b)->result, GATE_INSUFFICIENT);
	ck_assert_ptr_nonnull(strstr(b.outcome.sentence, "0 of 100 requests; x has not moved"));
}
END_TEST

START_TEST(an_index_out_of_range_is_an_error)
{
	struct bench b;

	bench_init(&b);
	b.gate.kpi_index = 2;
	ck_assert_int_eq(look(&b)->result, GATE_ERROR);
	b.gate.kpi_index = 0;
	b.gate.events_index = 2;
	ck_assert_int_eq(look(&b)->result, GATE_ERROR);
	b.evidence.nkpis = 0;
	b.evidence.kpis = NULL;
	ck_assert_int_eq(look(&b)->result, GATE_ERROR);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threshold");
	TCase *tcase = tcase_create("threshold");

	tcase_add_test(tcase, a_limit_that_no_bucket_reaches_never_passes);
	tcase_add_test(tcase, a_lower_limit_that_nothing_falls_below_never_passes);
	tcase_add_test(tcase, a_blind_rung_does_not_hide_what_the_others_see);
	tcase_add_test(tcase, a_counter_that_stands_still_explains_why_there_are_no_events);
	tcase_add_test(tcase, events_decide_what_a_value_is_worth);
	tcase_add_test(tcase, the_first_reason_of_either_kpi_applies);
	tcase_add_test(tcase, a_bad_value_without_events_behind_it_is_not_a_breach);
	tcase_add_test(tcase, both_windows_must_lie_in_the_exposure);
	tcase_add_test(tcase, a_gate_may_ask_for_a_higher_quorum_than_its_source);
	tcase_add_test(tcase, votes_are_as_far_apart_as_the_watched_kpi_looks_back);
	tcase_add_test(tcase, an_index_out_of_range_is_an_error);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
