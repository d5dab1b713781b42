/* kpi_remote: numbers others have worked out, and what of a document is a number. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../suite.h"
#include "base/macros.h"
#include "base/units.h"
#include "gate/kpi_remote.h"

#define T0 1700000000000
#define EVERY_MS 15000

static struct kpi_reading read_at(const struct kpi_remote *remote, int64_t window_s, int64_t at_s,
                                  int64_t exposed_s)
{
	struct kpi kpi = {.window_ms = window_s * 1000};
	struct kpi_reading r;

	kpi_read_remote(&kpi, remote, (struct wall){T0 + at_s * 1000},
	                (struct wall){exposed_s < 0 ? 0 : T0 + exposed_s * 1000}, &r);
	return r;
}

/* clang-format off */
static const struct {
	const char *why;
	enum gate_result told;
	double value;
	int64_t asked_s, age_ms, at_s; /* asked 0: never */
	enum gate_result result;
	const char *sentence;
} rows[] = {
	{ "a fresh answer counts", GATE_PASS, 3, 100, 5000, 110, GATE_PASS, "" },
	{ "before the first answer", GATE_NO_DATA, NAN, 0, 0, 110, GATE_NO_DATA, "the source has not answered yet" },
	{ "an answer is old after two intervals", GATE_PASS, 3, 100, 0, 131, GATE_STALE, "the newest answer is 31s old; it should come every 15s" },
	{ "at two intervals it is not", GATE_PASS, 3, 100, 0, 130, GATE_PASS, "" },
	{ "an old sample in a fresh answer", GATE_PASS, 3, 100, 30001, 101, GATE_STALE, "the newest sample is 31s old; it should come every 15s" },
	{ "a sample a little ahead: clocks differ", GATE_PASS, 3, 100, -60000, 101, GATE_PASS, "" },
	{ "a sample far ahead", GATE_PASS, 3, 100, -60001, 101, GATE_ERROR, "its timestamp is more than 60 s ahead" },
	{ "our clock went back", GATE_PASS, 3, 200, 0, 100, GATE_ERROR, "its timestamp is more than 60 s ahead" },
	{ "infinite", GATE_PASS, -INFINITY, 100, 0, 101, GATE_ERROR, "the value is -Inf" },
	{ "NaN is left to the gate", GATE_PASS, NAN, 100, 0, 101, GATE_PASS, "" },
	{ "a refusal keeps its words", GATE_NO_DATA, NAN, 100, 0, 101, GATE_NO_DATA, "said so" },
	{ "an old refusal is stale", GATE_NO_DATA, NAN, 100, 0, 200, GATE_STALE, "the newest answer is 1m40s old; it should come every 15s" },
	{ "an error stays one", GATE_ERROR, NAN, 100, 0, 200, GATE_ERROR, "said so" },
};
/* clang-format on */

START_TEST(an_answer_counts_while_it_and_its_samples_are_fresh)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kpi_remote remote = {
		        .every_ms = EVERY_MS,
		        .asked = {rows[i].asked_s ? T0 + rows[i].asked_s * 1000 : 0},
		        .result = rows[i].told,
		        .value = rows[i].value,
		        .age_ms = rows[i].age_ms};
		struct kpi_reading r;

		strcpy(remote.why, rows[i].told == GATE_PASS ? "" : "said so");
		r = read_at(&remote, 0, rows[i].at_s, -1);
		ck_assert_msg(r.result == rows[i].result && strcmp(r.why, rows[i].sentence) == 0,
		              "%s: %d %s", rows[i].why, (int)r.result, r.why);
		if (r.result != GATE_PASS)
			ck_assert_msg(isnan(r.value), "%s", rows[i].why);
	}
}
END_TEST

START_TEST(nobody_asked_is_no_data)
{
	struct kpi_reading r = read_at(NULL, 60, 0, -1);

	ck_assert_int_eq(r.result, GATE_NO_DATA);
	ck_assert_int_eq(r.range_ms, 60000); /* votes are remembered by it all the same */
}
END_TEST

START_TEST(a_window_must_lie_inside_the_exposure_up_to_when_the_number_was_true)
{
	struct kpi_remote remote = {.every_ms = EVERY_MS,
	                            .asked = {T0 + 100 * 1000},
	                            .result = GATE_PASS,
	                            .age_ms = 10000};
	struct kpi_reading r = read_at(&remote, 60, 101, -1);

	ck_assert(r.covered); /* nothing is exposed: nothing to wait for */
	r = read_at(&remote, 60, 101, 30);
	ck_assert(r.covered);
	ck_assert_int_eq(r.newest.ms, T0 + 90 * 1000);
	r = read_at(&remote, 60, 101, 31); /* true at 90 s, and 91 s would do */
	ck_assert(!r.covered);
	ck_assert_str_eq(r.why, "needs an answer inside this exposure");
	r = read_at(&remote, 60, 101, 80);
	ck_assert(!r.covered);
	ck_assert_str_eq(r.why, "needs 39s more of this exposure");
	ck_assert_int_eq(r.covered_at.ms, T0 + 140 * 1000);
	r = read_at(&remote, 0, 101, 95); /* a momentary number from before the exposure */
	ck_assert(!r.covered);
}
END_TEST

/* --- documents --- */

/* clang-format off */
static const struct {
	const char *why, *document, *pointer, *at;
	enum kpi_unit unit;
	enum kpi_given given;
	enum gate_result result;
	double value;
	int64_t age_ms;
	const char *sentence;
} picks[] = {
	{ "a number", "{\"a\":{\"b\":[1,2.5]}}", "/a/b/1", NULL, KPI_NUMBER, 0, GATE_PASS, 2.5, 0, "" },
	{ "a number in quotes", "{\"a\":\" 0.25\"}", "/a", NULL, KPI_RATIO, 0, GATE_PASS, 0.25, 0, "" },
	{ "the whole document", "7", "", NULL, KPI_EVENTS, 0, GATE_PASS, 7, 0, "" },
	{ "percent", "{\"a\":2.5}", "/a", NULL, KPI_RATIO, KPI_GIVEN_PERCENT, GATE_PASS, 0.025, 0, "" },
	{ "milliseconds", "{\"a\":250}", "/a", NULL, KPI_SECONDS, KPI_GIVEN_MS, GATE_PASS, 0.25, 0, "" },
	{ "mebibytes", "{\"a\":2}", "/a", NULL, KPI_BYTES, KPI_GIVEN_MIB, GATE_PASS, 2097152, 0, "" },
	{ "NaN in quotes is for the gate", "{\"a\":\"NaN\"}", "/a", NULL, KPI_RATIO, 0, GATE_PASS, NAN, 0, "" },
	{ "nothing there", "{\"a\":1}", "/b", NULL, KPI_RATIO, 0, GATE_NO_DATA, NAN, 0, "there is no /b in the answer" },
	{ "null", "{\"a\":null}", "/a", NULL, KPI_RATIO, 0, GATE_NO_DATA, NAN, 0, "/a is null" },
	{ "an object", "{\"a\":{}}", "/a", NULL, KPI_RATIO, 0, GATE_ERROR, NAN, 0, "/a is an object" },
	{ "a list", "{\"a\":[1]}", "/a", NULL, KPI_RATIO, 0, GATE_ERROR, NAN, 0, "/a is a list" },
	{ "a bool is no 1", "{\"a\":true}", "/a", NULL, KPI_RATIO, 0, GATE_ERROR, NAN, 0, "/a is true or false" },
	{ "words", "{\"a\":\"low\"}", "/a", NULL, KPI_RATIO, 0, GATE_ERROR, NAN, 0, "/a is a text that is no number" },
	{ "an empty text", "{\"a\":\"\"}", "/a", NULL, KPI_RATIO, 0, GATE_ERROR, NAN, 0, "/a is a text that is no number" },
	{ "half a number", "{\"a\":\"5 ms\"}", "/a", NULL, KPI_RATIO, 0, GATE_ERROR, NAN, 0, "/a is a text that is no number" },
	{ "an instant in RFC 3339", "{\"a\":1,\"t\":\"2023-11-14T22:13:10Z\"}", "/a", "/t", KPI_NUMBER, 0, GATE_PASS, 1, 10000, "" },
	{ "seconds", "{\"a\":1,\"t\":1699999990.5}", "/a", "/t", KPI_NUMBER, 0, GATE_PASS, 1, 9500, "" },
	{ "milliseconds since 1970", "{\"a\":1,\"t\":1699999990500}", "/a", "/t", KPI_NUMBER, 0, GATE_PASS, 1, 9500, "" },
	{ "an instant that is none", "{\"a\":1,\"t\":\"now\"}", "/a", "/t", KPI_NUMBER, 0, GATE_ERROR, NAN, 0, "/t is no instant" },
	{ "zero is no instant", "{\"a\":1,\"t\":0}", "/a", "/t", KPI_NUMBER, 0, GATE_ERROR, NAN, 0, "/t is no instant" },
	{ "no instant where one is promised", "{\"a\":1}", "/a", "/t", KPI_NUMBER, 0, GATE_NO_DATA, NAN, 0, "there is no /t in the answer" },
};
/* clang-format on */

START_TEST(what_a_document_says_of_a_kpi)
{
	for (size_t i = 0; i < ARRAY_LEN(picks); i++) {
		struct kpi kpi = {.unit = picks[i].unit,
		                  .pointer = (char *)(uintptr_t)picks[i].pointer,
		                  .at = (char *)(uintptr_t)picks[i].at,
		                  .given_in = picks[i].given};
		struct kpi_remote r = {.result = GATE_NO_DATA, .value = (double)NAN};
		json_t *document = json_loads(picks[i].document, JSON_DECODE_ANY, NULL);

		ck_assert_ptr_nonnull(document);
		kpi_pick(&kpi, document, (struct wall){T0}, &r);
		ck_assert_msg(r.result == picks[i].result && strcmp(r.why, picks[i].sentence) == 0,
		              "%s: %d %s", picks[i].why, (int)r.result, r.why);
		ck_assert_msg(isnan(picks[i].value) ? isnan(r.value)
		                                    : number_is_close(r.value, picks[i].value),
		              "%s: %g", picks[i].why, r.value);
		if (r.result == GATE_PASS)
			ck_assert_msg(r.age_ms == picks[i].age_ms, "%s: %lld", picks[i].why,
			              (long long)r.age_ms);
		json_decref(document);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kpi_remote");
	TCase *tests = tcase_create("kpi_remote");

	tcase_add_test(tests, an_answer_counts_while_it_and_its_samples_are_fresh);
	tcase_add_test(tests, nobody_asked_is_no_data);
	tcase_add_test(tests, a_window_must_lie_inside_the_exposure_up_to_when_the_number_was_true);
	tcase_add_test(tests, what_a_document_says_of_a_kpi);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
