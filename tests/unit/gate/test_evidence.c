/*
 * evidence: a reported result counts once, as long as it is valid, and about the present exposure.
 */
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/evidence.h"
#include "gate/gate.h"

#define T0 1700000000000
#define HOUR 3600000

static char nightly[] = "nightly";
static char ci[] = "ci-bot";

struct bench {
	struct evidence_spec spec;
	struct evidence_result result;
	struct gate_rung rung;
	struct gate gate;
	struct gate_state state;
	struct gate_evidence evidence;
	struct gate_outcome outcome;
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->spec.evidence = nightly;
	b->result = (struct evidence_result){.name = nightly, .subject = ci, .at = {T0}, .told = 7};
	b->rung = (struct gate_rung){.votes_needed = 1, .votes_of = 1, .then = RUNG_PAUSE};
	b->gate = (struct gate){
	        .kind = &gate_evidence_kind, .spec = &b->spec, .rungs = &b->rung, .nrungs = 1};
	b->evidence = (struct gate_evidence){
	        .at = {T0}, .evaluate_every_ms = 15000, .results = &b->result, .nresults = 1};
}

static const struct gate_outcome *look(struct bench *b, int64_t at_ms)
{
	b->evidence.at.ms = at_ms;
	gate_evaluate(&b->gate, 0, &b->evidence, true, &b->state, &b->outcome);
	return &b->outcome;
}

START_TEST(what_a_result_says)
{
	/* clang-format off */
	static const struct {
		const char *why;
		int status;
		int64_t valid_for_ms, expires_ms, exposed_ms, at_ms;
		int since;
		enum gate_result result;
		const char *sentence;
	} rows[] = {
		{ "passed", EVIDENCE_PASSED, 0, 0, 0, T0 + HOUR, 0, GATE_PASS, "nightly passed, says ci-bot" },
		{ "failed", EVIDENCE_FAILED, 0, 0, 0, T0 + HOUR, 0, GATE_BREACH, "nightly failed, says ci-bot; pauses" },
		{ "a word nobody knows is no pass", 9, 0, 0, 0, T0, 0, GATE_BREACH, "nightly failed, says ci-bot; pauses" },
		{ "the last instant of the gate's time", EVIDENCE_PASSED, HOUR, 0, 0, T0 + HOUR - 1, 0, GATE_PASS,
		  "nightly passed, says ci-bot" },
		{ "the gate's time is over", EVIDENCE_PASSED, HOUR, 0, 0, T0 + HOUR, 0, GATE_STALE,
		  "stale: it passed 1h ago and has not been valid for 0s" },
		{ "the result's own time is over", EVIDENCE_PASSED, 0, T0 + 60000, 0, T0 + 120000, 0, GATE_STALE,
		  "stale: it passed 2m ago and has not been valid for 1m" },
		{ "whichever ends first: the gate's", EVIDENCE_PASSED, 60000, T0 + HOUR, 0, T0 + 60000, 0, GATE_STALE, NULL },
		{ "whichever ends first: its own", EVIDENCE_PASSED, HOUR, T0 + 60000, 0, T0 + 60000, 0, GATE_STALE, NULL },
		{ "a failure does not last for ever, and is no pass then", EVIDENCE_FAILED, HOUR, 0, 0, T0 + HOUR, 0, GATE_STALE,
		  "stale: it failed 1h ago and has not been valid for 0s" },
		{ "of before the exposure", EVIDENCE_PASSED, 0, 0, T0 + 1, T0 + HOUR, 0, GATE_WARMING,
		  "warming: nightly passed before this exposure: it needs a result of now" },
		{ "a failure of before it still is one", EVIDENCE_FAILED, 0, 0, T0 + 1, T0 + HOUR, 0, GATE_BREACH, NULL },
		{ "of its first instant", EVIDENCE_PASSED, 0, 0, T0, T0 + HOUR, 0, GATE_PASS, NULL },
		{ "the exposure makes no difference", EVIDENCE_PASSED, 0, 0, T0 + 1, T0 + HOUR, EVIDENCE_SINCE_RELEASE, GATE_PASS,
		  NULL },
		{ "a clock set back", EVIDENCE_PASSED, 0, 0, 0, T0 - 60001, 0, GATE_ERROR,
		  "error: the newest result was reported more than 60 s ahead of now" },
		{ "a little", EVIDENCE_PASSED, 0, 0, 0, T0 - 60000, 0, GATE_PASS, NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.result.status = rows[i].status;
		b.spec.valid_for_ms = rows[i].valid_for_ms;
		b.spec.since = rows[i].since;
		b.result.expires.ms = rows[i].expires_ms;
		b.evidence.exposed_since.ms = rows[i].exposed_ms;
		look(&b, rows[i].at_ms);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: %s", rows[i].why,
		              gate_result_names[b.outcome.result]);
		ck_assert_msg((b.outcome.verdict == VERDICT_PASS) == (rows[i].result == GATE_PASS),
		              "%s: only a pass is proof", rows[i].why);
		if (rows[i].sentence)
			ck_assert_msg(strcmp(b.outcome.sentence, rows[i].sentence) == 0, "%s: %s",
			              rows[i].why, b.outcome.sentence);
	}
}
END_TEST

START_TEST(what_nobody_reported_is_no_data)
{
	struct bench b;
	char other[] = "weekly";

	bench_init(&b);
	b.result.name = other;
	ck_assert_int_eq(look(&b, T0)->result, GATE_NO_DATA);
	ck_assert_str_eq(b.outcome.sentence, "no data: no result nightly was reported yet");
	b.evidence.nresults = 0;
	b.evidence.results = NULL;
	ck_assert_int_eq(look(&b, T0)->result, GATE_NO_DATA);
}
END_TEST

START_TEST(one_result_is_one_vote_however_often_it_is_looked_at)
{
	struct bench b;

	bench_init(&b);
	b.rung.votes_needed = b.rung.votes_of = 2;
	b.result.status = EVIDENCE_FAILED;
	for (int i = 0; i < 100; i++) {
		look(&b, T0 + i * 15000);
		ck_assert_uint_eq(b.outcome.votes, 1);
		ck_assert_int_eq(b.outcome.fired, -1);
	}
	ck_assert(strstr(b.outcome.sentence, "the next report votes") != NULL);
	b.result.told++;
	b.result.at.ms = T0 + 100 * 15000;
	ck_assert_int_eq(look(&b, T0 + 100 * 15000)->fired, 0);
}
END_TEST

START_TEST(a_result_reported_elsewhere_just_before_the_last_look_still_votes)
{
	struct bench b;

	bench_init(&b);
	look(&b, T0 + 1000);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	/* Another instance took it before that look, and it was heard of after it. */
	b.result.status = EVIDENCE_FAILED;
	b.result.at.ms = T0 + 999;
	b.result.told++;
	ck_assert_int_eq(look(&b, T0 + 2000)->fired, 0);
}
END_TEST

START_TEST(what_has_voted_is_remembered_over_a_restart)
{
	struct bench b;
	json_t *written = NULL;
	struct gate_state read;
	struct problems problems;
	struct decode d;

	bench_init(&b);
	b.rung.votes_needed = b.rung.votes_of = 2;
	b.result.status = EVIDENCE_FAILED;
	look(&b, T0);
	written = field_encode(&gate_state_table, &b.state);
	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ck_assert(field_decode(&gate_state_table, written, &read, &d));
	decode_fini(&d);
	problems_fini(&problems);
	json_decref(written);
	ck_assert_int_eq(read.rungs[0].told, 7);
	b.state = read;
	ck_assert_uint_eq(look(&b, T0 + 15000)->votes, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evidence");
	TCase *tcase = tcase_create("evidence");

	tcase_add_test(tcase, what_a_result_says);
	tcase_add_test(tcase, what_nobody_reported_is_no_data);
	tcase_add_test(tcase, one_result_is_one_vote_however_often_it_is_looked_at);
	tcase_add_test(tcase, a_result_reported_elsewhere_just_before_the_last_look_still_votes);
	tcase_add_test(tcase, what_has_voted_is_remembered_over_a_restart);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
