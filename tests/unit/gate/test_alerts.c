/*
 * alerts: only a whole and fresh answer says that nothing fires.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/alerts.h"
#include "gate/gate.h"

#define T0 1700000000000

struct bench {
	struct alerts_spec spec;
	struct gate_alerts answer;
	const struct gate_alerts *per_gate[1];
	struct gate_rung rung;
	struct gate gate;
	struct gate_state state;
	struct gate_evidence evidence;
	struct gate_outcome outcome;
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	b->answer = (struct gate_alerts){.known = true, .at = {T0}, .every_ms = 15000};
	b->per_gate[0] = &b->answer;
	b->rung = (struct gate_rung){.votes_needed = 1, .votes_of = 1, .then = RUNG_PAUSE};
	b->gate = (struct gate){
	        .kind = &gate_alerts, .spec = &b->spec, .rungs = &b->rung, .nrungs = 1};
	b->evidence = (struct gate_evidence){
	        .at = {T0}, .evaluate_every_ms = 15000, .alerts = b->per_gate};
}

static const struct gate_outcome *look(struct bench *b)
{
	gate_evaluate(&b->gate, 0, &b->evidence, true, &b->state, &b->outcome);
	return &b->outcome;
}

/* "A, B": alerts of those names with the fingerprints f0, f1. */
static json_t *alerts_named(const char *names)
{
	json_t *list = json_array();
	char copy[160], fingerprint[ALERT_FINGERPRINT_TEXT];
	size_t n = 0;

	snprintf(copy, sizeof(copy), "%s", names);
	for (char *name = copy, *end; *name != '\0'; name = end) {
		json_t *labels;

		end = name + strcspn(name, ",");
		if (*end == ',') {
			*end = '\0';
			end += 2;
		}
		labels = json_pack("{s:s}", "alertname", name);
		snprintf(fingerprint, sizeof(fingerprint), "f%zu", n++);
		ck_assert(alert_list_add(list, fingerprint, labels, NULL));
		json_decref(labels);
	}
	return list;
}

START_TEST(what_an_answer_says)
{
	/* clang-format off */
	static const struct {
		const char *why;
		bool known;
		size_t firing;
		int64_t age_ms;
		const char *names, *trouble;
		enum gate_result result;
		enum verdict verdict;
		const char *sentence;
	} rows[] = {
		{ "nothing fires", true, 0, 0, "", "", GATE_PASS, VERDICT_PASS, "no alert fires" },
		{ "one fires", true, 1, 0, "DiskFull", "", GATE_BREACH, VERDICT_PAUSE,
		  "1 alert fires: DiskFull; pauses" },
		{ "two fire", true, 2, 0, "DiskFull, Down", "", GATE_BREACH, VERDICT_PAUSE,
		  "2 alerts fire: DiskFull, Down; pauses" },
		{ "an answer cut short says nothing", false, 0, 0, "", "the body ends early", GATE_NO_DATA,
		  VERDICT_HOLD, "no data: the body ends early" },
		{ "not even when something fires in it", false, 3, 0, "Down", "", GATE_NO_DATA, VERDICT_HOLD,
		  "no data: the newest answer is not whole" },
		{ "two intervals old is fresh", true, 0, 30000, "", "", GATE_PASS, VERDICT_PASS,
		  "no alert fires" },
		{ "older is stale", true, 0, 30001, "", "", GATE_STALE, VERDICT_HOLD,
		  "stale: the newest answer is 31s old" },
		{ "stale when it fires, too", true, 1, 30001, "Down", "", GATE_STALE, VERDICT_HOLD,
		  "stale: the newest answer is 31s old" },
		{ "never asked", true, 0, T0, "", "", GATE_NO_DATA, VERDICT_HOLD,
		  "no data: nothing was heard of alerts yet" },
		{ "from the future", true, 0, -60001, "", "", GATE_ERROR, VERDICT_HOLD,
		  "error: the newest answer is more than 60 s ahead of now" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.answer.known = rows[i].known;
		b.answer.firing = rows[i].firing;
		b.answer.at.ms = T0 - rows[i].age_ms;
		b.answer.list = alerts_named(rows[i].names);
		snprintf(b.answer.why, sizeof(b.answer.why), "%s", rows[i].trouble);
		look(&b);
		ck_assert_msg(b.outcome.result == rows[i].result, "%s: result %d", rows[i].why,
		              (int)b.outcome.result);
		ck_assert_msg(b.outcome.verdict == rows[i].verdict, "%s: verdict %d", rows[i].why,
		              (int)b.outcome.verdict);
		ck_assert_msg(strcmp(b.outcome.sentence, rows[i].sentence) == 0, "%s: %s",
		              rows[i].why, b.outcome.sentence);
		json_decref(b.answer.list);
	}
}
END_TEST

START_TEST(what_is_known_in_part_can_stop_a_release_and_pass_nothing)
{
	struct gate_rung above = {.compare = RUNG_ABOVE,
	                          .limit = 2,
	                          .votes_needed = 1,
	                          .votes_of = 1,
	                          .then = RUNG_PAUSE};
	struct bench b;

	bench_init(&b);
	b.answer.is_part = true;
	snprintf(b.answer.why, sizeof(b.answer.why), "a notification was refused");
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	ck_assert_str_eq(b.outcome.sentence, "no data: a notification was refused");
	b.answer.firing = 1;
	b.answer.list = alerts_named("DiskFull");
	ck_assert_int_eq(look(&b)->result, GATE_BREACH);
	b.gate.rungs = &above;
	b.gate.nrungs = 1;
	ck_assert_int_eq(look(&b)->result, GATE_WARMING);
	json_decref(b.answer.list);
}
END_TEST

START_TEST(alerts_somebody_took_care_of_count_no_more)
{
	char first[] = "f0", second[] = "f1", other[] = "f7";
	struct gate_addressed addressed[] = {
	        {.fingerprint = other}, {.fingerprint = first}, {.fingerprint = second}};
	struct bench b;
	json_t *shown;

	bench_init(&b);
	b.answer.firing = 2;
	b.answer.list = alerts_named("DiskFull, Down");
	b.evidence.addressed = addressed;
	b.evidence.naddressed = 1;
	ck_assert_str_eq(look(&b)->sentence, "2 alerts fire: DiskFull, Down; pauses");
	b.evidence.naddressed = 2;
	ck_assert_str_eq(look(&b)->sentence, "1 alert fires: Down (1 addressed besides); pauses");
	shown = alert_list_show(b.answer.list, addressed, 2);
	ck_assert_uint_eq(json_array_size(shown), 2);
	ck_assert_str_eq(
	        json_string_value(json_object_get(json_array_get(shown, 0), "fingerprint")),
	        "f1"); /* what nobody took care of comes first */
	ck_assert(json_is_true(json_object_get(json_array_get(shown, 1), "addressed")));
	json_decref(shown);
	b.evidence.naddressed = 3;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
	ck_assert_str_eq(b.outcome.sentence, "no alert fires, 2 addressed");
	b.answer.firing = 3; /* one of them is not listed: nobody knows it */
	ck_assert_int_eq(look(&b)->result, GATE_BREACH);
	ck_assert_double_eq(b.outcome.measure.value, 1);
	json_decref(b.answer.list);
}
END_TEST

START_TEST(a_fingerprint_is_what_alertmanager_makes_of_the_labels)
{
	/* clang-format off */
	static const struct {
		const char *labels, *fingerprint;
	} rows[] = {
		{ "{}", "cbf29ce484222325" },
		{ "{\"alertname\": \"Burning\"}", NULL },
		{ "{\"b\": \"2\", \"alertname\": \"Burning\", \"a\": \"1\"}", NULL },
	};
	/* clang-format on */
	char text[ALERT_FINGERPRINT_TEXT], before[ALERT_FINGERPRINT_TEXT] = "";

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *labels = json_loads(rows[i].labels, 0, NULL);

		ck_assert(alert_fingerprint(labels, text));
		ck_assert(alert_fingerprint_is_fine(text));
		ck_assert_uint_eq(strlen(text), 16);
		ck_assert_str_ne(text, before);
		if (rows[i].fingerprint)
			ck_assert_str_eq(text, rows[i].fingerprint);
		memcpy(before, text, sizeof(before));
		json_decref(labels);
	}
	ck_assert(!alert_fingerprint_is_fine(""));
	ck_assert(!alert_fingerprint_is_fine("a b"));
	ck_assert(!alert_fingerprint_is_fine("012345678901234567890123456789012"));
}
END_TEST

START_TEST(long_lists_are_bounded)
{
	json_t *list = json_array(), *labels = json_object(), *shown;

	for (size_t i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "label%zu", i);
		json_object_set_new(labels, name, json_sprintf("%0200zu", i)); /* cut for people */
	}
	for (size_t i = 0; i < ALERT_LIST_MAX + 9; i++) {
		char fingerprint[ALERT_FINGERPRINT_TEXT];

		snprintf(fingerprint, sizeof(fingerprint), "f%zu", i);
		ck_assert(alert_list_add(list, fingerprint, labels, NULL));
	}
	ck_assert_uint_eq(json_array_size(list), ALERT_LIST_MAX);
	shown = alert_list_show(list, NULL, 0);
	ck_assert_uint_eq(json_array_size(shown), ALERT_LIST_SHOWN);
	labels = (json_decref(labels), json_object_get(json_array_get(shown, 0), "labels"));
	ck_assert_uint_eq(json_object_size(labels), 16);
	ck_assert_uint_eq(json_string_length(json_object_get(labels, "label0")), 127);
	json_decref(shown);
	json_decref(list);
}
END_TEST

START_TEST(without_an_answer_there_is_no_proof)
{
	struct bench b;

	bench_init(&b);
	b.per_gate[0] = NULL;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
	b.evidence.alerts = NULL;
	ck_assert_int_eq(look(&b)->result, GATE_NO_DATA);
}
END_TEST

START_TEST(an_answer_from_before_the_exposure_warms)
{
	struct bench b;

	bench_init(&b);
	b.evidence.exposed_since.ms = T0 + 1;
	ck_assert_int_eq(look(&b)->result, GATE_WARMING);
	ck_assert_str_eq(b.outcome.sentence,
	                 "warming: needs to hear of alerts inside this exposure");
	b.evidence.exposed_since.ms = T0;
	ck_assert_int_eq(look(&b)->result, GATE_PASS);
}
END_TEST

START_TEST(every_kind_has_its_name_in_the_list)
{
	for (size_t i = 0; gate_kinds[i]; i++) {
		ck_assert_str_eq(gate_kinds[i]->name, gate_kind_names[i]);
		ck_assert_str_eq(gate_kinds[i]->fields->fields[0].key, gate_kinds[i]->name);
		ck_assert_ptr_null(gate_kind_names[i + 1] ? NULL : gate_kinds[i + 1]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alerts");
	TCase *tcase = tcase_create("alerts");

	tcase_add_test(tcase, what_an_answer_says);
	tcase_add_test(tcase, what_is_known_in_part_can_stop_a_release_and_pass_nothing);
	tcase_add_test(tcase, alerts_somebody_took_care_of_count_no_more);
	tcase_add_test(tcase, a_fingerprint_is_what_alertmanager_makes_of_the_labels);
	tcase_add_test(tcase, long_lists_are_bounded);
	tcase_add_test(tcase, without_an_answer_there_is_no_proof);
	tcase_add_test(tcase, an_answer_from_before_the_exposure_warms);
	tcase_add_test(tcase, every_kind_has_its_name_in_the_list);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
