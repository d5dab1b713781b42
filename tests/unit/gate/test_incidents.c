/*
 * incidents: how many lie within a time of one another, how long there was none, and what is not
 * known never reads as none (rule A5).
 */
#include <stdio.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/gate.h"
#include "gate/incidents.h"

#define T0 INT64_C(1700000000000)
#define SECOND 1000
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define EVERY 15000
#define CRITICAL 3U
#define ALL 15U

struct bench {
	struct incidents_spec spec;
	struct gate_incident rows[GATE_INCIDENTS_MAX];
	struct gate_incidents all;
	struct gate_rung rung;
	struct gate gate;
	struct gate_state state;
	struct gate_evidence evidence;
	struct gate_outcome outcome;
};

static void bench_init(struct bench *b, int64_t over_ms, int64_t none_for_ms)
{
	memset(b, 0, sizeof(*b));
	b->spec = (struct incidents_spec){
	        .severities = CRITICAL, .over_ms = over_ms, .none_for_ms = none_for_ms};
	b->all = (struct gate_incidents){.known = true, .reach_ms = INT64_MAX, .list = b->rows};
	b->rung = (struct gate_rung){
	        .limit = over_ms ? 1 : 0, .votes_needed = 1, .votes_of = 1, .then = RUNG_ROLLBACK};
	b->gate = (struct gate){
	        .kind = &gate_incidents_kind, .spec = &b->spec, .rungs = &b->rung, .nrungs = 1};
	b->evidence = (struct gate_evidence){.evaluate_every_ms = EVERY, .incidents = &b->all};
}

static void report(struct bench *b, enum incident_severity severity, const char *key, int64_t at_ms)
{
	/* Only read; a literal will do. */
	b->rows[b->all.n] = (struct gate_incident){.id = (int64_t)b->all.n + 1,
	                                           .severity = severity,
	                                           .key = (char *)(uintptr_t)key,
	                                           .at = {at_ms}};
	b->all.n++;
}

static const struct gate_outcome *look(struct bench *b, int64_t at_ms)
{
	b->evidence.at.ms = b->all.asked.ms = at_ms;
	gate_evaluate(&b->gate, 0, &b->evidence, true, &b->state, &b->outcome);
	return &b->outcome;
}

struct reported {
	enum incident_severity severity;
	const char *key;
	int64_t ago_ms;
};

START_TEST(two_critical_in_a_day)
{
	/* clang-format off */
	static const struct {
		const char *why;
		struct reported list[4];
		size_t n;
		int64_t exposed_ago_ms; /* -1: nothing is */
		enum gate_result result;
		const char *sentence;
	} rows[] = {
		{ "none", {{0}}, 0, HOUR, GATE_PASS, "no critical incident in 1d" },
		{ "one", {{INCIDENT_P0, NULL, 0}}, 1, HOUR, GATE_PASS, "1 critical incident in 1d" },
		{ "the second at 24 h minus 1 s", {{INCIDENT_P0, NULL, DAY - SECOND}, {INCIDENT_P1, NULL, 0}}, 2, HOUR,
		  GATE_BREACH, "2 critical incidents in 1d" },
		{ "the second at exactly 24 h", {{INCIDENT_P0, NULL, DAY}, {INCIDENT_P1, NULL, 0}}, 2, HOUR, GATE_PASS,
		  "1 critical incident in 1d" },
		{ "the second at 24 h plus 1 s", {{INCIDENT_P0, NULL, DAY + SECOND}, {INCIDENT_P1, NULL, 0}}, 2, HOUR, GATE_PASS,
		  "1 critical incident in 1d" },
		{ "met between two looks", {{INCIDENT_P0, NULL, DAY + 14 * SECOND}, {INCIDENT_P1, NULL, 15 * SECOND}}, 2, HOUR,
		  GATE_BREACH, "2 critical incidents in 1d" },
		{ "met long ago and apart by now", {{INCIDENT_P0, NULL, DAY + HOUR}, {INCIDENT_P1, NULL, 2 * HOUR}}, 2, 3 * HOUR,
		  GATE_PASS, "1 critical incident in 1d" },
		{ "not critical", {{INCIDENT_P2, NULL, 2}, {INCIDENT_P3, NULL, 1}, {INCIDENT_P1, NULL, 0}}, 3, HOUR, GATE_PASS,
		  "1 critical incident in 1d" },
		{ "one that got worse is one", {{INCIDENT_P1, "PD-7", HOUR / 2}, {INCIDENT_P0, "PD-7", 0}}, 2, HOUR, GATE_PASS,
		  "1 critical incident in 1d" },
		{ "other keys are others", {{INCIDENT_P1, "PD-7", HOUR / 2}, {INCIDENT_P0, "PD-8", 0}}, 2, HOUR, GATE_BREACH, NULL },
		{ "both of before the exposure", {{INCIDENT_P0, NULL, 3 * HOUR}, {INCIDENT_P0, NULL, 2 * HOUR}}, 2, HOUR, GATE_PASS,
		  "2 critical incidents in 1d, none since the exposure" },
		{ "one of the first instant of it", {{INCIDENT_P0, NULL, 3 * HOUR}, {INCIDENT_P0, NULL, HOUR}}, 2, HOUR, GATE_BREACH,
		  "2 critical incidents in 1d" },
		{ "before anything is exposed all count", {{INCIDENT_P0, NULL, 3 * HOUR}, {INCIDENT_P0, NULL, 2 * HOUR}}, 2, -1,
		  GATE_BREACH, "2 critical incidents in 1d" },
		{ "a row a little ahead of our clock", {{INCIDENT_P0, NULL, HOUR}, {INCIDENT_P0, NULL, -50}}, 2, HOUR, GATE_BREACH,
		  NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b, DAY, 0);
		for (size_t k = 0; k < rows[i].n; k++)
			report(&b, rows[i].list[k].severity, rows[i].list[k].key,
			       T0 - rows[i].list[k].ago_ms);
		b.evidence.exposed_since.ms =
		        rows[i].exposed_ago_ms < 0 ? 0 : T0 - rows[i].exposed_ago_ms;
		look(&b, T0);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: %s (%s)", rows[i].why,
		              gate_result_names[b.outcome.result], b.outcome.sentence);
		ck_assert_msg((b.outcome.fired == 0) == (rows[i].result == GATE_BREACH),
		              "%s: fires", rows[i].why);
		if (rows[i].sentence)
			ck_assert_msg(strncmp(b.outcome.sentence, "above 1: ", 9) == 0
			                      ? strstr(b.outcome.sentence, rows[i].sentence) != NULL
			                      : strncmp(b.outcome.sentence, rows[i].sentence,
			                                strlen(rows[i].sentence)) == 0,
			              "%s: %s", rows[i].why, b.outcome.sentence);
	}
}
END_TEST

/* A daemon that was down when two met counts them when it looks again. */
START_TEST(two_that_met_while_nobody_looked_are_not_missed)
{
	struct bench b;

	bench_init(&b, DAY, 0);
	b.evidence.exposed_since.ms = T0 - DAY;
	look(&b, T0);
	report(&b, INCIDENT_P0, NULL, T0 - DAY + HOUR);
	report(&b, INCIDENT_P0, NULL, T0 + HOUR - SECOND);
	ck_assert_int_eq(look(&b, T0 + 3 * HOUR)->fired, 0);
}
END_TEST

/* Another stage was being entered just then, between two looks. */
START_TEST(one_reported_while_a_stage_was_entered_is_of_this_release)
{
	struct bench b;

	bench_init(&b, DAY, 0);
	b.evidence.era = ERA_EXPOSED;
	report(&b, INCIDENT_P0, NULL, T0 - HOUR);
	b.evidence.exposed_since.ms = T0 - 10 * SECOND;
	b.evidence.stage_since.ms = T0 - 20 * SECOND;
	ck_assert_int_eq(look(&b, T0)->result, GATE_PASS);
	report(&b, INCIDENT_P0, NULL, T0 + SECOND);
	b.evidence.stage_since.ms = T0 + SECOND - 1;
	b.evidence.exposed_since.ms = T0 + 2 * SECOND;
	ck_assert_int_eq(look(&b, T0 + 15 * SECOND)->fired, 0);
	/* On the way back they are of before. */
	gate_state_clear(&b.state);
	b.evidence.era = ERA_BACK;
	b.evidence.exposed_since.ms = T0 + 20 * SECOND;
	ck_assert_int_eq(look(&b, T0 + 30 * SECOND)->result, GATE_PASS);
}
END_TEST

START_TEST(one_reported_while_the_first_stage_was_entered_counts_as_well)
{
	struct bench b;

	bench_init(&b, DAY, 0);
	b.evidence.era = ERA_EXPOSED;
	report(&b, INCIDENT_P0, NULL, T0 - HOUR);
	report(&b, INCIDENT_P0, NULL, T0);
	b.evidence.stage_since.ms = T0;
	b.evidence.exposed_since.ms = T0 + 5 * SECOND;
	ck_assert_int_eq(look(&b, T0 + 15 * SECOND)->fired, 0);
}
END_TEST

START_TEST(what_is_not_known_is_never_none)
{
	struct bench b;

	bench_init(&b, DAY, 0);
	ck_assert_int_eq(look(&b, T0)->result, GATE_PASS);
	b.evidence.at.ms = T0 + 2 * EVERY;
	gate_evaluate(&b.gate, 0, &b.evidence, true, &b.state, &b.outcome);
	ck_assert_int_eq(b.outcome.result, GATE_PASS);
	b.evidence.at.ms++;
	gate_evaluate(&b.gate, 0, &b.evidence, true, &b.state, &b.outcome);
	ck_assert_int_eq(b.outcome.result, GATE_STALE);
	b.evidence.at.ms = T0 - 60001;
	gate_evaluate(&b.gate, 0, &b.evidence, true, &b.state, &b.outcome);
	ck_assert_int_eq(b.outcome.result, GATE_ERROR);
	b.all.reach_ms = DAY;
	ck_assert_int_eq(look(&b, T0 + HOUR)->result, GATE_NO_DATA);
	b.all.reach_ms = gate_incidents_reach_ms(&b.gate);
	ck_assert_int_eq(look(&b, T0 + HOUR)->result, GATE_PASS);
	b.all.known = false;
	snprintf(b.all.why, sizeof(b.all.why), "the database is away");
	ck_assert_int_eq(look(&b, T0 + HOUR)->result, GATE_NO_DATA);
	ck_assert_str_eq(b.outcome.sentence, "no data: the database is away");
	b.evidence.incidents = NULL;
	ck_assert_int_eq(look(&b, T0 + HOUR)->result, GATE_NO_DATA);
}
END_TEST

START_TEST(what_was_cut_off_is_not_none_either)
{
	struct bench b;

	bench_init(&b, DAY, 0);
	b.spec.severities = ALL;
	b.all.is_cut = true;
	ck_assert_int_eq(look(&b, T0)->result, GATE_ERROR);
	for (size_t i = 0; i < GATE_INCIDENTS_MAX; i++)
		report(&b, INCIDENT_P3, NULL, T0);
	ck_assert_int_eq(look(&b, T0)->result, GATE_BREACH);
	bench_init(&b, 0, HOUR);
	b.all.is_cut = true;
	ck_assert_int_eq(look(&b, T0)->result, GATE_ERROR);
}
END_TEST

START_TEST(an_answer_of_before_the_exposure_warms)
{
	struct bench b;

	bench_init(&b, DAY, 0);
	b.evidence.exposed_since.ms = T0 + 1;
	ck_assert_int_eq(look(&b, T0)->result, GATE_WARMING);
	ck_assert_int_eq(look(&b, T0 + 1)->result, GATE_PASS);
}
END_TEST

static void watch(struct bench *b, int64_t from_ms, int64_t until_ms)
{
	for (int64_t at_ms = from_ms; at_ms <= until_ms; at_ms += EVERY)
		look(b, at_ms);
}

START_TEST(a_quiet_time_is_observed)
{
	struct bench b;

	bench_init(&b, 0, HOUR);
	report(&b, INCIDENT_P0, NULL, T0 - HOUR); /* of before */
	b.evidence.exposed_since.ms = T0;
	watch(&b, T0, T0 + HOUR - EVERY);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_str_eq(b.outcome.sentence,
	                 "insufficient: 59m45s of 1h without a critical incident");
	ck_assert(b.outcome.measure.collecting);
	ck_assert_int_eq(look(&b, T0 + HOUR)->result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence, "no critical incident for 1h");
	report(&b, INCIDENT_P2, NULL, T0 + HOUR); /* another severity */
	ck_assert_int_eq(look(&b, T0 + HOUR + EVERY)->result, GATE_PASS);
	report(&b, INCIDENT_P1, NULL, T0 + HOUR + EVERY);
	ck_assert_int_eq(look(&b, T0 + HOUR + 2 * EVERY)->fired, 0);
	ck_assert_str_eq(b.outcome.sentence, "1 new critical incident; rolls back");
	look(&b, T0 + HOUR + 3 * EVERY);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
	ck_assert_int_eq(b.outcome.fired, 0); /* it stands until a pass */
	ck_assert_int_eq(b.state.quiet.quiet_ms, EVERY);
}
END_TEST

START_TEST(time_in_which_nobody_could_report_is_not_quiet)
{
	struct bench b;

	bench_init(&b, 0, HOUR);
	watch(&b, T0, T0 + 10 * EVERY);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 10 * EVERY);
	look(&b, T0 + 12 * EVERY); /* two intervals */
	ck_assert_int_eq(b.state.quiet.quiet_ms, 12 * EVERY);
	look(&b, T0 + 14 * EVERY + 1);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 12 * EVERY);
	look(&b, T0); /* the clock was set back */
	look(&b, T0 + EVERY);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 13 * EVERY);
	/* The same answer looked at twice is the same time. */
	b.evidence.at.ms += 10;
	gate_evaluate(&b.gate, 0, &b.evidence, true, &b.state, &b.outcome);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 13 * EVERY);
	/* One that was reported in an outage is seen after it. */
	report(&b, INCIDENT_P0, NULL, T0 + HOUR);
	ck_assert_int_eq(look(&b, T0 + 5 * HOUR)->result, GATE_BREACH);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 0);
}
END_TEST

START_TEST(another_exposure_begins_the_quiet_time_anew_and_a_resume_does_not)
{
	struct bench b;

	bench_init(&b, 0, HOUR);
	watch(&b, T0, T0 + 10 * EVERY);
	gate_state_clear(&b.state);
	look(&b, T0 + 11 * EVERY);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 11 * EVERY);
	b.evidence.exposed_since.ms = T0 + 11 * EVERY + 1;
	look(&b, T0 + 12 * EVERY);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 0);
	look(&b, T0 + 13 * EVERY);
	ck_assert_int_eq(b.state.quiet.quiet_ms, EVERY);
}
END_TEST

START_TEST(the_quiet_time_survives_a_restart)
{
	struct bench b;
	struct problems problems;
	struct decode d;
	struct gate_state read;
	json_t *written = NULL;

	bench_init(&b, 0, HOUR);
	report(&b, INCIDENT_P0, NULL, T0 - 1);
	watch(&b, T0, T0 + 10 * EVERY);
	written = field_encode(&gate_state_table, &b.state);
	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ck_assert(field_decode(&gate_state_table, written, &read, &d));
	decode_fini(&d);
	problems_fini(&problems);
	json_decref(written);
	b.state = read;
	look(&b, T0 + 11 * EVERY);
	ck_assert_int_eq(b.state.quiet.quiet_ms, 11 * EVERY);
	ck_assert_int_eq(b.outcome.result, GATE_INSUFFICIENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("incidents");
	TCase *tcase = tcase_create("incidents");

	tcase_add_test(tcase, two_critical_in_a_day);
	tcase_add_test(tcase, two_that_met_while_nobody_looked_are_not_missed);
	tcase_add_test(tcase, one_reported_while_a_stage_was_entered_is_of_this_release);
	tcase_add_test(tcase, one_reported_while_the_first_stage_was_entered_counts_as_well);
	tcase_add_test(tcase, what_is_not_known_is_never_none);
	tcase_add_test(tcase, what_was_cut_off_is_not_none_either);
	tcase_add_test(tcase, an_answer_of_before_the_exposure_warms);
	tcase_add_test(tcase, a_quiet_time_is_observed);
	tcase_add_test(tcase, time_in_which_nobody_could_report_is_not_quiet);
	tcase_add_test(tcase, another_exposure_begins_the_quiet_time_anew_and_a_resume_does_not);
	tcase_add_test(tcase, the_quiet_time_survives_a_restart);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
