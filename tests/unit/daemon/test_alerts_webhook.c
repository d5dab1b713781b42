/* What gates pick from the alerts that were told. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "promql/label_match.h"
#include "source/alerts_webhook.h"

#define DOG                                                                                        \
	"{\"fingerprint\": \"d\", \"labels\": {\"alertname\": \"Watchdog\", \"severity\": "        \
	"\"critical\"},"                                                                           \
	" \"cut_off\": 0, \"received_ms\": 5000}"
#define REFUSED(at) "{\"why\": \"was refused (413)\", \"refused_ms\": " at "}"
#define ROW(fingerprint, severity, cut)                                                            \
	"{\"fingerprint\": \"" fingerprint                                                         \
	"\", \"labels\": {\"alertname\": \"A\", \"severity\": \"" severity                         \
	"\"}, \"since\": \"2026-01-01T00:00:00Z\", \"cut_off\": " cut ", \"received_ms\": 9000}"

/* clang-format off */
static const struct {
	const char *rows;
	bool known, is_part;
	size_t firing;
	int64_t at_ms;
	const char *why;
} picks[] = {
	{ "[]", false, false, 0, 0, "not told so far" },
	{ "[" DOG "]", true, false, 0, 5000, "so long ago" },
	{ "[" DOG "," ROW("a", "critical", "0") "," ROW("b", "warning", "0") "]", true, false, 1, 5000, "so long ago" },
	{ "[" DOG "," ROW("a", "critical", "0") "," ROW("a", "critical", "0") "]", true, false, 1, 5000, "so long ago" },
	{ "[" ROW("a", "critical", "0") "]", false, false, 1, 0, "not told so far" },
	{ "[" DOG "," ROW("b", "warning", "3") "]", true, true, 0, 5000, "3 alerts were cut off" },
	{ "[" DOG "," ROW("a", "critical", "3") "]", true, true, 1, 5000, "3 alerts were cut off" },
	{ "[" REFUSED("7999") "," DOG "]", true, false, 0, 5000, "so long ago" },
	{ "[" REFUSED("8000") "," DOG "]", true, true, 0, 5000,
	  "a notification was refused (413) at 1970-01-01T00:00:08.000Z: what fires is not known" },
	{ "[" REFUSED("8000") "," REFUSED("9000") "," ROW("a", "critical", "0") "," DOG "]", true, true, 1, 5000,
	  "at 1970-01-01T00:00:09.000Z" },
};

static const struct {
	const char *selector;
	bool matches; /* {alertname="DiskFull", severity="critical"} */
} selectors[] = {
	{ "{severity=\"critical\"}", true },
	{ "{alertname=\"DiskFull\", severity!=\"critical\"}", false },
	{ "{severity=~\"crit.*|page\", alertname!~\"Watch.*\"}", true },
	{ "{severity=~\"crit\"}", false }, /* anchored */
	{ "{severity=\"critical\", team=\"\"}", true },
	{ "{severity=\"critical\", team!=\"\"}", false },
	{ "{severity=\"critical\", team=\"a\"}", false },
};
/* clang-format on */

static struct promql_expr *parsed(const char *text)
{
	struct promql_position at;
	struct err err;
	struct promql_expr *e = promql_parse(str_of(text), &at, &err);

	ck_assert_msg(e != NULL, "%s: %s", text, err.text);
	return e;
}

START_TEST(a_gate_picks_what_fires_and_how_long_that_has_been_known)
{
	struct promql_expr *selector = parsed("{severity=\"critical\"}");
	struct promql_expr *watchdog = parsed("{alertname=\"Watchdog\"}");
	json_t *rows = json_loads(picks[_i].rows, 0, NULL);
	struct gate_alerts out = {.every_ms = 60000};

	alerts_webhook_pick(rows, selector, watchdog, 8000, &out);
	ck_assert(out.known == picks[_i].known);
	ck_assert(out.is_part == picks[_i].is_part);
	ck_assert_uint_eq(out.firing, picks[_i].firing);
	ck_assert_uint_eq(json_array_size(out.list), picks[_i].firing);
	ck_assert_int_eq(out.at.ms, picks[_i].at_ms);
	ck_assert_msg(strstr(out.why, picks[_i].why) != NULL, "%s", out.why);
	json_decref(out.list);
	json_decref(rows);
	promql_free(&selector);
	promql_free(&watchdog);
}
END_TEST

START_TEST(a_selector_is_held_against_labels)
{
	static const struct label labels[] = {
	        {.name = {"alertname", 9}, .value = {"DiskFull", 8}},
	        {.name = {"severity", 8}, .value = {"critical", 8}},
	};
	struct promql_expr *selector = parsed(selectors[_i].selector);
	struct err err = {.code = ERR_NONE};
	bool matches = !selectors[_i].matches;

	ck_assert(promql_labels_match(selector, labels, ARRAY_LEN(labels), &matches, &err));
	ck_assert(matches == selectors[_i].matches);
	promql_free(&selector);
}
END_TEST

START_TEST(what_is_no_selector_matches_nothing)
{
	struct promql_expr *number = parsed("1");
	struct err err = {.code = ERR_NONE};
	bool matches = false;

	ck_assert(!promql_labels_match(number, NULL, 0, &matches, &err));
	ck_assert_str_ne(err.text, "");
	promql_free(&number);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alerts_webhook");
	TCase *tcase = tcase_create("alerts_webhook");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tcase, a_gate_picks_what_fires_and_how_long_that_has_been_known, 0,
	                    (int)ARRAY_LEN(picks));
	tcase_add_loop_test(tcase, a_selector_is_held_against_labels, 0, (int)ARRAY_LEN(selectors));
	tcase_add_test(tcase, what_is_no_selector_matches_nothing);
	suite_add_tcase(suite, tcase);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
