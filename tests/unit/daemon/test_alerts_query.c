/* What a Prometheus is asked about its alerts, and which answers prove something. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "source/alerts_query.h"

#define T0 1700000000000
#define HEAD                                                                                       \
	"label_replace(vector(time()), \"headgate_part\", \"now\", \"\", \"\") or "                \
	"label_replace(max(timestamp(ALERTS)), \"headgate_part\", \"newest\", \"\", \"\") or "
#define NOW "{\"metric\": {\"headgate_part\": \"now\"}, \"value\": [0, \"1700000000.5\"]}"
#define NEWEST "{\"metric\": {\"headgate_part\": \"newest\"}, \"value\": [0, \"1699999990.5\"]}"
#define FIRES(name)                                                                                \
	"{\"metric\": {\"__name__\": \"ALERTS\", \"alertstate\": \"firing\", \"alertname\": "      \
	"\"" name "\"}, \"value\": [0, \"1\"]}"
#define SINCE(name)                                                                                \
	"{\"metric\": {\"__name__\": \"ALERTS_FOR_STATE\", \"alertname\": \"" name                 \
	"\"}, \"value\": [0, \"1699999000\"]}"
#define VECTOR(elements) "{\"resultType\": \"vector\", \"result\": [" elements "]}"

/* clang-format off */
static const struct {
	const char *selector, *query; /* query NULL: refused */
} questions[] = {
	{ "{severity=\"critical\"}", HEAD "ALERTS{alertstate=\"firing\",severity=\"critical\"} or ALERTS_FOR_STATE{severity=\"critical\"}" },
	{ " { a=\"1\", b=~\"x}\" } ", HEAD "ALERTS{alertstate=\"firing\",a=\"1\", b=~\"x}\"} or ALERTS_FOR_STATE{a=\"1\", b=~\"x}\"}" },
	{ "{}", HEAD "ALERTS{alertstate=\"firing\"} or ALERTS_FOR_STATE{}" },
	{ "up", NULL },
};

static const struct {
	const char *data;
	int firing; /* -1: proves nothing */
	const char *why;
} answers[] = {
	{ VECTOR(NOW "," NEWEST), 0, NULL },
	{ VECTOR(NOW "," NEWEST "," FIRES("A") "," FIRES("B") "," SINCE("A") "," SINCE("Pending")), 2, NULL },
	{ VECTOR(NOW), -1, "no alert of any kind is known there" },
	{ VECTOR(NEWEST "," FIRES("A")), -1, "what time it is" },
	{ VECTOR("{\"metric\": {\"headgate_part\": \"now\"}, \"value\": [0, \"NaN\"]}," NEWEST), -1, "what time it is" },
	{ VECTOR("{\"metric\": {\"headgate_part\": \"now\"}, \"value\": [0, \"1700000061.5\"]}," NEWEST), -1, "over a minute" },
	{ VECTOR("{\"metric\": {\"headgate_part\": \"now\"}, \"value\": [0, \"1699999939\"]}," NEWEST), -1, "over a minute" },
	{ "{\"resultType\": \"scalar\", \"result\": [0, \"1\"]}", -1, "not a vector" },
	{ "{}", -1, "not a vector" },
};
/* clang-format on */

START_TEST(a_selector_becomes_one_question)
{
	struct err err = {.code = ERR_NONE};
	struct buf query;
	bool ok;

	buf_init(&query, 4096);
	ok = alerts_query(questions[_i].selector, &query, &err);
	ck_assert(ok == (questions[_i].query != NULL));
	if (ok)
		ck_assert_str_eq(query.bytes, questions[_i].query);
	buf_fini(&query);
}
END_TEST

START_TEST(an_answer_lists_what_fires_or_proves_nothing)
{
	json_t *data = json_loads(answers[_i].data, 0, NULL), *first;
	struct gate_alerts out = {.firing = 77};
	struct err err = {.code = ERR_NONE};
	char own[ALERT_FINGERPRINT_TEXT];

	ck_assert_ptr_nonnull(data);
	if (answers[_i].firing < 0) {
		ck_assert(!alerts_query_read(data, (struct wall){T0}, (struct wall){T0 + 1000},
		                             &out, &err));
		ck_assert_msg(strstr(err.text, answers[_i].why) != NULL, "%s", err.text);
		ck_assert_uint_eq(out.firing, 77);
		json_decref(data);
		return;
	}
	ck_assert_msg(
	        alerts_query_read(data, (struct wall){T0}, (struct wall){T0 + 1000}, &out, &err),
	        "%s", err.text);
	ck_assert_uint_eq(out.firing, (size_t)answers[_i].firing);
	ck_assert_int_eq(out.at.ms, T0 - 10000);
	if (out.firing > 0) {
		json_t *labels = json_pack("{s:s}", "alertname", "A");

		first = json_array_get(out.list, 0);
		ck_assert(alert_fingerprint(labels, own));
		ck_assert_str_eq(json_string_value(json_object_get(first, "fingerprint")), own);
		ck_assert_str_eq(json_string_value(json_object_get(first, "since")),
		                 "2023-11-14T21:56:40.000Z");
		json_decref(labels);
	}
	json_decref(out.list);
	json_decref(data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alerts_query");
	TCase *tcase = tcase_create("alerts_query");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tcase, a_selector_becomes_one_question, 0, (int)ARRAY_LEN(questions));
	tcase_add_loop_test(tcase, an_answer_lists_what_fires_or_proves_nothing, 0,
	                    (int)ARRAY_LEN(answers));
	suite_add_tcase(suite, tcase);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
