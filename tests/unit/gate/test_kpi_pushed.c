/*
 * kpi_pushed: the newest number that was reported, as long as it is young enough and of this
 * exposure.
 */
#include <math.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/kpi_pushed.h"

#define T0 1700000000000
#define HOUR INT64_C(3600000)

static char wrong[] = "wrong", other[] = "other";

START_TEST(what_may_be_made_of_the_newest_number)
{
	/* clang-format off */
	static const struct {
		const char *why;
		int64_t window_ms, at_ms, exposed_ms, now_ms;
		double value;
		enum gate_result result;
		bool covered;
		const char *sentence;
	} rows[] = {
		{ "just now", 0, T0, T0, T0, 0.5, GATE_PASS, true, "" },
		{ "as old as it may be", 0, T0, T0, T0 + 26 * HOUR, 0.5, GATE_PASS, true, "" },
		{ "older", 0, T0, T0, T0 + 26 * HOUR + 1, 0.5, GATE_STALE, false,
		  "the newest measurement is 1d2h1s old; one should come every 1d2h" },
		{ "of before the exposure", 0, T0, T0 + 1, T0 + HOUR, 0.5, GATE_NO_DATA, false,
		  "the newest measurement, 1h old, is of before this exposure" },
		{ "nothing is exposed", 0, T0, 0, T0 + HOUR, 0.5, GATE_PASS, true, "" },
		{ "its window begins with the exposure", HOUR, T0 + HOUR, T0, T0 + HOUR, 0.5, GATE_PASS, true, "" },
		{ "its window reaches back", HOUR, T0 + HOUR, T0 + 1, T0 + HOUR, 0.5, GATE_PASS, false,
		  "its window of 1h reaches back to before this exposure" },
		{ "a clock set back", 0, T0 + 60001, T0, T0, 0.5, GATE_ERROR, false, "its timestamp is more than 60 s ahead" },
		{ "a little ahead", 0, T0 + 60000, T0, T0, 0.5, GATE_PASS, true, "" },
		{ "no number", 0, T0, T0, T0, (double)NAN, GATE_ERROR, false, "the value is not a finite number" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kpi kpi = {.name = wrong,
		                  .unit = KPI_RATIO,
		                  .pushed_ms = 26 * HOUR,
		                  .window_ms = rows[i].window_ms};
		struct kpi_measurement list[] = {
		        {.kpi = wrong, .value = 0.9, .at = {rows[i].at_ms - 1}, .told = 5},
		        {.kpi = wrong, .value = rows[i].value, .at = {rows[i].at_ms}, .told = 3},
		        {.kpi = other, .value = 7, .at = {rows[i].now_ms}, .told = 6},
		};
		struct kpi_reading out;

		kpi_read_pushed(&kpi, list, ARRAY_LEN(list), (struct wall){rows[i].now_ms},
		                (struct wall){rows[i].exposed_ms}, &out);
		ck_assert_msg(out.result == rows[i].result, "%s: %s", rows[i].why,
		              gate_result_names[out.result]);
		ck_assert_msg(out.covered == rows[i].covered, "%s: covered", rows[i].why);
		ck_assert_msg(strcmp(out.why, rows[i].sentence) == 0, "%s: %s", rows[i].why,
		              out.why);
		if (out.result != GATE_PASS) {
			ck_assert(isnan(out.value));
			continue;
		}
		ck_assert(out.value == rows[i].value);
		ck_assert_int_eq(out.told, 3);
		ck_assert_int_eq(out.newest.ms, rows[i].at_ms);
	}
}
END_TEST

START_TEST(nothing_was_pushed)
{
	struct kpi kpi = {.name = wrong, .unit = KPI_RATIO, .pushed_ms = HOUR};
	struct kpi_measurement list[] = {{.kpi = other, .value = 0, .at = {T0}, .told = 6}};
	struct kpi_reading out;

	kpi_read_pushed(&kpi, NULL, 0, (struct wall){T0}, (struct wall){0}, &out);
	ck_assert_int_eq(out.result, GATE_NO_DATA);
	ck_assert_str_eq(out.why, "no measurement was pushed yet");
	kpi_read_pushed(&kpi, list, 1, (struct wall){T0}, (struct wall){0}, &out);
	ck_assert_int_eq(out.result, GATE_NO_DATA);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kpi_pushed");
	TCase *tcase = tcase_create("kpi_pushed");

	tcase_add_test(tcase, what_may_be_made_of_the_newest_number);
	tcase_add_test(tcase, nothing_was_pushed);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
