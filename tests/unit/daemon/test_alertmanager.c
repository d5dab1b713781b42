/* A selector as a question to an Alertmanager, and its answer as a count. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "source/alertmanager.h"

#define ASK "/api/v2/alerts?active=true&silenced=false&inhibited=false"

/* clang-format off */
static const struct {
	const char *why, *base, *selector, *url; /* url NULL: refused */
} questions[] = {
	{ "one matcher", "http://a:9093", "{severity=\"critical\"}",
	  "http://a:9093" ASK "&filter=severity%3D%22critical%22" },
	{ "a slash at the end of the base does not count", "http://a:9093/am/", "{a=\"b\"}",
	  "http://a:9093/am" ASK "&filter=a%3D%22b%22" },
	{ "each matcher is a filter", "http://a", "{severity=\"critical\", service=\"checkout\",}",
	  "http://a" ASK "&filter=severity%3D%22critical%22&filter=service%3D%22checkout%22" },
	{ "all four operators", "http://a", "{a=\"1\",b!=\"2\",c=~\"3|4\",d!~\"5.*\"}",
	  "http://a" ASK "&filter=a%3D%221%22&filter=b%21%3D%222%22&filter=c%3D~%223%7C4%22&filter=d%21~%225.%2A%22" },
	{ "PromQL's other quotes", "http://a", "{a='x', b=`y\\d`}",
	  "http://a" ASK "&filter=a%3D%22x%22&filter=b%3D%22y%5C%5Cd%22" },
	{ "escapes are undone and made again", "http://a", "{a=\"q\\\"\\\\\\n\"}",
	  "http://a" ASK "&filter=a%3D%22q%5C%22%5C%5C%5Cn%22" },
	{ "nothing of a value leaves its filter", "http://a", "{a=\"x&silenced=true#\"}",
	  "http://a" ASK "&filter=a%3D%22x%26silenced%3Dtrue%23%22" },
	{ "a label with a quoted name", "http://a", "{\"team.name\"=\"x\"}",
	  "http://a" ASK "&filter=%22team.name%22%3D%22x%22" },
	{ "words of the language are labels here", "http://a", "{by=\"x\", on=\"y\"}",
	  "http://a" ASK "&filter=by%3D%22x%22&filter=on%3D%22y%22" },
	{ "UTF-8", "http://a", "{a=\"ü\"}", "http://a" ASK "&filter=a%3D%22%C3%BC%22" },
	{ "no matcher: every alert", "http://a", "{}", "http://a" ASK },
	{ "spaces", "http://a", " { a = \"b\" } ", "http://a" ASK "&filter=a%3D%22b%22" },
	{ "a metric name is not for alerts", "http://a", "up{a=\"b\"}", NULL },
	{ "nor in quotes", "http://a", "{\"up\"}", NULL },
	{ "not closed", "http://a", "{a=\"b\"", NULL },
	{ "no comma", "http://a", "{a=\"b\" c=\"d\"}", NULL },
	{ "an operator of expressions", "http://a", "{a>\"b\"}", NULL },
	{ "no quotes", "http://a", "{a=b}", NULL },
	{ "more than a selector", "http://a", "{a=\"b\"} offset 5m", NULL },
	{ "nothing", "http://a", "", NULL },
};
/* clang-format on */

START_TEST(a_selector_becomes_filters)
{
	struct buf url;
	struct err err = {.code = ERR_NONE};
	bool ok;

	buf_init(&url, 8192);
	ok = alertmanager_url(questions[_i].base, questions[_i].selector, &url, &err);
	ck_assert_msg(ok == (questions[_i].url != NULL), "%s: %s", questions[_i].why,
	              ok ? url.bytes : err.text);
	if (ok)
		ck_assert_msg(strcmp(url.bytes, questions[_i].url) == 0, "%s: %s",
		              questions[_i].why, url.bytes);
	else
		ck_assert_msg(err.text[0] != '\0', "%s", questions[_i].why);
	buf_fini(&url);
}
END_TEST

/* clang-format off */
static const struct {
	const char *why, *body;
	int firing; /* -1: not understood */
	const char *names;
} answers[] = {
	{ "no alert", "[]", 0, "" },
	{ "one", "[{\"labels\": {\"alertname\": \"HighErrors\"}, \"status\": {\"state\": \"active\"}}]", 1, "HighErrors" },
	{ "names are said once",
	  "[{\"labels\": {\"alertname\": \"A\"}}, {\"labels\": {\"alertname\": \"B\"}}, {\"labels\": {\"alertname\": \"A\"}}]",
	  3, "A, B" },
	{ "an alert without a name counts", "[{\"labels\": {}}]", 1, "an alert without a name" },
	{ "an object is no list", "{\"data\": []}", -1, NULL },
	{ "an error page", "<html></html>", -1, NULL },
	{ "nothing", "", -1, NULL },
	{ "null", "null", -1, NULL },
	{ "cut off", "[{\"labels\": {\"alertname\": \"A\"}}", -1, NULL },
	{ "more after the end", "[] []", -1, NULL },
	{ "an element that is no alert", "[{\"labels\": {}}, 7]", -1, NULL },
	{ "labels that are none", "[{\"labels\": []}]", -1, NULL },
	{ "a key twice", "[{\"labels\": {}, \"labels\": {}}]", -1, NULL },
};
/* clang-format on */

START_TEST(an_answer_is_counted_or_not_understood)
{
	struct gate_alerts out = {.firing = 77};
	struct err err = {.code = ERR_NONE};
	bool ok = alertmanager_count(str_of(answers[_i].body), &out, &err);
	char names[160];

	ck_assert_msg(ok == (answers[_i].firing >= 0), "%s: %s", answers[_i].why, err.text);
	if (!ok) {
		ck_assert_msg(out.firing == 77 && err.text[0] != '\0', "%s", answers[_i].why);
		return;
	}
	ck_assert_msg(out.firing == (size_t)answers[_i].firing, "%s: %zu", answers[_i].why,
	              out.firing);
	alert_list_names(out.list, NULL, 0, names, sizeof(names));
	ck_assert_str_eq(names, answers[_i].names);
	ck_assert_uint_eq(json_array_size(out.list), out.firing);
	json_decref(out.list);
}
END_TEST

START_TEST(many_long_names_are_cut)
{
	struct gate_alerts out = {0};
	struct err err;
	struct buf body;
	char names[160];

	buf_init(&body, 65536);
	for (int i = 0; i < 50; i++)
		buf_printf(&body,
		           "%s{\"labels\":{\"alertname\":\"a rather long name of an älert %d\"}}",
		           i == 0 ? "[" : ",", i);
	buf_add_text(&body, "]");
	ck_assert(alertmanager_count(buf_str(&body), &out, &err));
	ck_assert_uint_eq(out.firing, 50);
	alert_list_names(out.list, NULL, 0, names, sizeof(names));
	ck_assert_uint_eq(strlen(names), sizeof(names) - 1);
	ck_assert(str_is_utf8(str_of(names)));
	json_decref(out.list);
	buf_fini(&body);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("alertmanager");
	TCase *t = tcase_create("alertmanager");

	tcase_add_loop_test(t, a_selector_becomes_filters, 0, (int)ARRAY_LEN(questions));
	tcase_add_loop_test(t, an_answer_is_counted_or_not_understood, 0, (int)ARRAY_LEN(answers));
	tcase_add_test(t, many_long_names_are_cut);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
