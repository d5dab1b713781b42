/*
 * health: only a fresh and confirmed failure is a breach, only a fresh answer of every URL a pass.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/gate.h"
#include "gate/health.h"

#define T0 1700000000000
#define URLS 2

struct bench {
	char *urls[URLS];
	struct health_spec spec;
	struct gate_probe probes[URLS];
	const struct gate_probe *per_gate[1];
	size_t counts[1];
	struct gate_rung rung;
	struct gate gate;
	struct gate_state state;
	struct gate_evidence evidence;
	struct gate_outcome outcome;
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->spec = (struct health_spec){.health = b->urls, .nhealth = URLS, .every_ms = 15000};
	for (size_t i = 0; i < URLS; i++)
		b->probes[i] = (struct gate_probe){.url = i ? "http://b/health" : "http://a/health",
		                                   .state = PROBE_OK,
		                                   .at = {T0},
		                                   .status = 200,
		                                   .latency_ms = i ? 7 : 3};
	b->per_gate[0] = b->probes;
	b->counts[0] = URLS;
	b->rung = (struct gate_rung){.votes_needed = 1, .votes_of = 1, .then = RUNG_ROLLBACK};
	b->gate = (struct gate){
	        .kind = &gate_health, .spec = &b->spec, .rungs = &b->rung, .nrungs = 1};
	b->evidence = (struct gate_evidence){.at = {T0},
	                                     .evaluate_every_ms = 15000,
	                                     .probes = b->per_gate,
	                                     .nprobes = b->counts};
}

static const struct gate_outcome *look(struct bench *b)
{
	gate_evaluate(&b->gate, 0, &b->evidence, true, &b->state, &b->outcome);
	return &b->outcome;
}

START_TEST(what_two_probes_say_together)
{
	/* clang-format off */
	static const struct {
		const char *why;
		enum probe_state state; /* of the second URL; the first answers */
		bool confirmed;
		int64_t age_ms;
		enum gate_result result;
		enum verdict verdict;
		const char *sentence;
	} rows[] = {
		{ "both answer", PROBE_OK, false, 0, GATE_PASS, VERDICT_PASS, "2 of 2 URLs answer, the slowest in 7 ms" },
		{ "one failed twice", PROBE_FAILED, true, 0, GATE_BREACH, VERDICT_ROLLBACK,
		  "1 of 2 URLs fails: http://b/health: status 503; rolls back" },
		{ "one failed once", PROBE_FAILED, false, 0, GATE_NO_DATA, VERDICT_HOLD,
		  "no data: http://b/health failed once; being confirmed" },
		{ "one could not be asked", PROBE_UNKNOWN, false, 0, GATE_NO_DATA, VERDICT_HOLD,
		  "no data: http://b/health could not be probed" },
		{ "confirmed or not, unknown is unknown", PROBE_UNKNOWN, true, 0, GATE_NO_DATA, VERDICT_HOLD,
		  "no data: http://b/health could not be probed" },
		{ "one was never asked", PROBE_NEVER, false, T0, GATE_NO_DATA, VERDICT_HOLD,
		  "no data: http://b/health was never probed" },
		{ "two intervals old is fresh", PROBE_OK, false, 30000, GATE_PASS, VERDICT_PASS,
		  "2 of 2 URLs answer, the slowest in 7 ms" },
		{ "older is stale", PROBE_OK, false, 30001, GATE_STALE, VERDICT_HOLD,
		  "stale: http://b/health was not probed for more than two intervals" },
		{ "an old failure is stale, not a breach", PROBE_FAILED, true, 30001, GATE_STALE, VERDICT_HOLD,
		  "stale: http://b/health was not probed for more than two intervals" },
		{ "a probe from the future", PROBE_OK, false, -60001, GATE_ERROR, VERDICT_HOLD,
		  "error: http://b/health was probed more than 60 s ahead of now" },
		{ "no failure from the future rolls back", PROBE_FAILED, true, -60001, GATE_ERROR, VERDICT_HOLD,
		  "error: http://b/health was probed more than 60 s ahead of now" },
		{ "a state nobody knows", (enum probe_state)17, true, 0, GATE_NO_DATA, VERDICT_HOLD,
		  "no data: http://b/health could not be probed" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.probes[1].state = rows[i].state;
		b.probes[1].confirmed = rows[i].confirmed;
		b.probes[1].at.ms = T0 - rows[i].age_ms;
		b.probes[1].status = rows[i].state == PROBE_OK ? 200 : 503;
		look(&b);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: result %d", rows[i].why,
		              (int)b.outcome.result);
		ck_assert_msg(b.outcome.verdict == rows[i].verdict, "%s: verdict %d", rows[i].why,
		              (int)b.outcome.verdict);
		ck_assert_msg(strcmp(b.outcome.sentence, rows[i].sentence) == 0, "%s: %s",
		              rows[i].why, b.outcome.sentence);
	}
}
END_TEST

START_TEST(a_confirmed_failure_is_not_hidden_by_the_silence_of_another_url)
{
	static const enum probe_state silent[] = {PROBE_NEVER, PROBE_UNKNOWN, PROBE_FAILED};

	for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
		struct bench b;

		bench_init(&b);
		b.probes[0].state = silent[i];
		b.probes[1].state = PROBE_FAILED;
		b.probes[1].confirmed = true;
		snprintf(b.probes[1].why, sizeof(b.probes[1].why), "connection refused");
		ck_assert_int_eq(look(&b)->verdict, VERDICT_ROLLBACK);
		ck_assert_str_eq(
		        b.outcome.sentence,
		        "1 of 2 URLs fails: http://b/health: connection refused; rolls back");
	}
}
END_TEST

START_TEST(the_value_is_the_number_of_failing_urls)
{
	struct bench b;

	bench_init(&b);
	for (size_t i = 0; i < URLS; i++) {
		b.probes[i].state = PROBE_FAILED;
		b.probes[i].confirmed = true;
	}
	look(&b);
	ck_assert_double_eq(b.outcome.measure.value, 2);
	b.rung.limit = 2;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
}
END_TEST

START_TEST(the_slowest_answer_is_kept)
{
	struct bench b;

	bench_init(&b);
	ck_assert_double_eq(look(&b)->measure.latency_ms, 7);
	b.probes[0].latency_ms = 1200;
	b.probes[0].state = PROBE_FAILED;
	b.probes[0].status = 503;
	ck_assert_double_eq(look(&b)->measure.latency_ms, 1200);
	b.probes[0].status = 0; /* no answer: it took until the timeout */
	ck_assert_double_eq(look(&b)->measure.latency_ms, 7);
	b.counts[0] = 0;
	ck_assert_double_nan(look(&b)->measure.latency_ms);
}
END_TEST

START_TEST(without_a_probe_of_every_url_there_is_no_proof)
{
	struct bench b;

	bench_init(&b);
	b.counts[0] = 1;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.counts[0] = 0;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.per_gate[0] = NULL;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.evidence.probes = NULL;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.spec.nhealth = 0;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
}
END_TEST

START_TEST(answers_from_before_the_exposure_warm)
{
	struct bench b;

	bench_init(&b);
	b.evidence.exposed_since.ms = T0 - 5000;
	b.probes[0].at.ms = T0 - 5001;
	look(&b);
	ck_assert_int_eq(b.outcome.result, GATE_WARMING);
	ck_assert_str_eq(b.outcome.sentence,
	                 "warming: needs a probe of http://a/health inside this exposure");
	b.probes[0].at.ms = T0 - 5000;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("health");
	TCase *tcase = tcase_create("health");

	tcase_add_test(tcase, what_two_probes_say_together);
	tcase_add_test(tcase, a_confirmed_failure_is_not_hidden_by_the_silence_of_another_url);
	tcase_add_test(tcase, the_value_is_the_number_of_failing_urls);
	tcase_add_test(tcase, the_slowest_answer_is_kept);
	tcase_add_test(tcase, without_a_probe_of_every_url_there_is_no_proof);
	tcase_add_test(tcase, answers_from_before_the_exposure_warm);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
