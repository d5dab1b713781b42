/*
 * integrity: only a statement, made twice, is a breach; only a fresh one about this exposure a
 * pass.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/answer.h"
#include "gate/gate.h"
#include "gate/integrity.h"

#define T0 1700000000000

struct bench {
	struct integrity_spec spec;
	struct gate_probe probe;
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
	b->spec.every_ms = 300000;
	b->probe = (struct gate_probe){.url = "http://audit/check",
	                               .state = PROBE_OK,
	                               .at = {T0},
	                               .status = 200,
	                               .latency_ms = 12};
	b->per_gate[0] = &b->probe;
	b->counts[0] = 1;
	b->rung = (struct gate_rung){.votes_needed = 1, .votes_of = 1, .then = RUNG_ROLLBACK};
	b->gate = (struct gate){
	        .kind = &gate_integrity, .spec = &b->spec, .rungs = &b->rung, .nrungs = 1};
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

/* clang-format off */
static const struct {
	enum probe_state state;
	bool confirmed;
	int64_t age_ms;
	const char *why;
	enum gate_result result;
	enum verdict verdict;
	const char *sentence;
} rows[] = {
	{ PROBE_OK, false, 0, "", GATE_PASS, VERDICT_PASS, "the check says so, in 12 ms" },
	{ PROBE_OK, false, 600000, "", GATE_PASS, VERDICT_PASS, "the check says so, in 12 ms" },
	{ PROBE_OK, false, 600001, "", GATE_STALE, VERDICT_HOLD, "stale: the check was not asked for more than two intervals" },
	{ PROBE_OK, false, -60001, "", GATE_ERROR, VERDICT_HOLD, "error: the check was asked more than 60 s ahead of now" },
	{ PROBE_FAILED, true, 0, "/valid is false, not true", GATE_BREACH, VERDICT_ROLLBACK,
	  "the check says no: /valid is false, not true; rolls back" },
	{ PROBE_FAILED, false, 0, "/valid is false, not true", GATE_NO_DATA, VERDICT_HOLD,
	  "no data: it does not hold; being confirmed: /valid is false, not true" },
	{ PROBE_FAILED, true, 600001, "/valid is false, not true", GATE_STALE, VERDICT_HOLD,
	  "stale: the check was not asked for more than two intervals: /valid is false, not true" },
	{ PROBE_ERROR, true, 0, "status 503", GATE_ERROR, VERDICT_HOLD, "error: the check does not say: status 503" },
	{ PROBE_UNKNOWN, true, 0, "no such host", GATE_NO_DATA, VERDICT_HOLD, "no data: the check could not be asked: no such host" },
	{ PROBE_NEVER, false, T0, "", GATE_NO_DATA, VERDICT_HOLD, "no data: the check was not asked yet" },
};
/* clang-format on */

START_TEST(what_an_answer_comes_to)
{
	struct bench b;

	bench_init(&b);
	b.probe.state = rows[_i].state;
	b.probe.confirmed = rows[_i].confirmed;
	b.probe.at.ms = T0 - rows[_i].age_ms;
	snprintf(b.probe.why, sizeof(b.probe.why), "%s", rows[_i].why);
	look(&b);
	ck_assert_str_eq(b.outcome.sentence, rows[_i].sentence);
	ck_assert_int_eq(b.outcome.result, rows[_i].result);
	ck_assert_int_eq(b.outcome.verdict, rows[_i].verdict);
	ck_assert_double_eq(b.outcome.measure.latency_ms, 12);
}
END_TEST

START_TEST(without_an_answer_there_is_no_proof)
{
	struct bench b;

	bench_init(&b);
	b.counts[0] = 0;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.per_gate[0] = NULL;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.evidence.probes = NULL;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
}
END_TEST

START_TEST(an_answer_about_less_than_the_exposure_is_no_proof)
{
	struct bench b;

	bench_init(&b);
	b.evidence.exposed_since.ms = T0 - 5000;
	b.probe.since.ms = T0 - 5000;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
	b.probe.since.ms = T0 - 4999; /* asked while it was still planned */
	ck_assert_int_eq(look(&b)->result, GATE_WARMING);
	ck_assert_str_eq(b.outcome.sentence,
	                 "warming: needs an answer of the check about this exposure");
	b.probe.since.ms = T0 - 9000;
	b.probe.at.ms = T0 - 5001;
	ck_assert_int_eq(look(&b)->result, GATE_WARMING);
	b.evidence.exposed_since.ms = 0;
	b.probe.since.ms = T0;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
}
END_TEST

/* clang-format off */
static const struct {
	const char *body, *pointer, *equals;
	enum answer_said said;
	const char *why;
} answers[] = {
	{ "{\"valid\": true}", "/valid", "true", ANSWER_AGREES, "" },
	{ "{\"valid\": false}", "/valid", "true", ANSWER_DIFFERS, "/valid is false, not true" },
	{ "{\"valid\": \"true\"}", "/valid", "true", ANSWER_DIFFERS, "/valid is \"true\", not true" },
	{ "{\"valid\": null}", "/valid", "true", ANSWER_SAYS_NOTHING, "/valid is null" },
	{ "{\"valid\": null}", "/valid", "null", ANSWER_AGREES, "" },
	{ "{}", "/valid", "null", ANSWER_SAYS_NOTHING, "there is no /valid in the answer" },
	{ "[{\"n\": 0}]", "/0/n", "0.0", ANSWER_AGREES, "" },
	{ "{\"valid\": true", "/valid", "true", ANSWER_SAYS_NOTHING, NULL },
	{ "{\"valid\": false, \"valid\": true}", "/valid", "true", ANSWER_SAYS_NOTHING, NULL },
	{ "", "/valid", "true", ANSWER_SAYS_NOTHING, "the answer is not JSON (line 1, column 0)" },
	{ "{\"a\": \"0123456789012345678901234567890123456789012345678901234567890123456789\"}", "/a", "1", ANSWER_DIFFERS,
	  "/a is \"0123456789012345678901234567890123456789012345, not 1" },
};
/* clang-format on */

START_TEST(an_answer_agrees_differs_or_says_nothing)
{
	json_t *equals = json_loads(answers[_i].equals, JSON_DECODE_ANY, NULL);
	char why[160] = "?";

	ck_assert_int_eq(answer_read(str_of(answers[_i].body), answers[_i].pointer, equals, why,
	                             sizeof(why)),
	                 answers[_i].said);
	if (answers[_i].why)
		ck_assert_str_eq(why, answers[_i].why);
	else
		ck_assert_ptr_nonnull(strstr(why, "is not JSON"));
	json_decref(equals);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("integrity");
	TCase *tcase = tcase_create("integrity");

	tcase_add_loop_test(tcase, what_an_answer_comes_to, 0, (int)ARRAY_LEN(rows));
	tcase_add_test(tcase, without_an_answer_there_is_no_proof);
	tcase_add_test(tcase, an_answer_about_less_than_the_exposure_is_no_proof);
	tcase_add_loop_test(tcase, an_answer_agrees_differs_or_says_nothing, 0,
	                    (int)ARRAY_LEN(answers));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
