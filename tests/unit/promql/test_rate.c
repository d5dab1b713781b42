/* rate, increase, delta and their kin, calculated by hand from the rules of extrapolation. */
#include "fixture.h"

#define NOW 60000

/* clang-format off */
START_TEST(increase_is_extrapolated_to_the_edges_of_the_range)
{
	static const struct { const char *why; int64_t start; const char *samples, *expr, *wanted; } rows[] = {
		{ "to both edges: (45 + 5 + 10) / 45",
		  5000, "x 10 10 10 11", "increase(x[1m])", "{} 1.33333333333" },
		{ "not below zero: (45 + 0 + 10) / 45",
		  5000, "x 0 0 0 1", "increase(x[1m])", "{} 1.22222222222" },
		{ "to where the counter was zero: 45 * 1 / 15 is 3 s before the first: (45 + 3 + 10) / 45 * 15",
		  5000, "x 1 1 1 16", "increase(x[1m])", "{} 19.3333333333" },
		{ "a reset starts again from zero: 5 - 10 + 14, times 60 / 45",
		  5000, "x 10 14 2 5", "increase(x[1m])", "{} 12" },
		{ "two resets: 1 - 5 + 5 + 2, times 60 / 45, from zero 45 * 5 / 3 back",
		  5000, "x 5 2 0 1", "increase(x[1m])", "{} 4" },
		{ "a flat counter is zero, not none",
		  5000, "x 7 7 7 7", "increase(x[1m])", "{} 0" },
		{ "a counter at zero is zero",
		  5000, "x 0 0 0 0", "increase(x[1m])", "{} 0" },
		{ "a late start is carried half a step: (15 + 7.5 + 10) / 15",
		  35000, "x 100 101", "increase(x[1m])", "{} 2.16666666667" },
		{ "and zero does not carry it further: min(7.5, 15)",
		  35000, "x 1 2", "increase(x[1m])", "{} 2.16666666667" },
		{ "but nearer: min(7.5, 15 * 1 / 3)",
		  35000, "x 1 4", "increase(x[1m])", "{} 6" },
		{ "an early end is carried half a step: (15 + 5 + 7.5) / 15",
		  5000, "x 100 101", "increase(x[1m])", "{} 1.83333333333" },
		{ "1.1 steps from the edge is too far: (30 + 7.5 + 13.5) / 30 * 2",
		  16500, "x 100 101 102", "increase(x[1m])", "{} 3.4" },
		{ "a millisecond less is near: (30 + 16.499 + 13.501) / 30 * 2",
		  16499, "x 100 101 102", "increase(x[1m])", "{} 4" },
		{ "a counter born at 1 had no increase",
		  35000, "x 1 1", "increase(x[1m])", "{} 0" },
		{ "one sample is no increase",
		  50000, "x 5", "increase(x[1m])", "" },
		{ "a sample on the left edge is outside",
		  0, "x 5 _ _ _ 6", "increase(x[1m])", "" },
		{ "one on the right edge is inside: (15 + 7.5 + 0) / 15",
		  45000, "x 105 106", "increase(x[1m])", "{} 1.5" },
		{ "a stale marker is no sample",
		  5000, "x 10 10 stale 11", "increase(x[1m])", "{} 1.33333333333" },
		{ "a negative start is not clamped: (45 + 5 + 10) / 45 * 4",
		  5000, "x -1 0 1 3", "increase(x[1m])", "{} 5.33333333333" },
		{ "rate is the increase per second",
		  5000, "x 10 10 10 19", "rate(x[1m])", "{} 0.2" },
		{ "an offset moves both edges",
		  -55000, "x 10 10 10 11", "increase(x[1m] offset 1m)", "{} 1.33333333333" },
		{ "delta knows neither reset nor zero: -3 * 60 / 45",
		  5000, "x 5 4 3 2", "delta(x[1m])", "{} -4" },
		{ "a gauge at zero is extrapolated: 3 * 60 / 45",
		  5000, "x 0 1 2 3", "delta(x[1m])", "{} 4" },
		{ "irate is the last step alone",
		  5000, "x 0 100 200 215", "irate(x[1m])", "{} 1" },
		{ "after a reset the new value alone",
		  5000, "x 0 100 200 15", "irate(x[1m])", "{} 1" },
		{ "idelta may fall",
		  5000, "x 0 100 200 15", "idelta(x[1m])", "{} -185" },
		{ "a fall counts as a reset",
		  5000, "x 3 2 5 1", "resets(x[1m])", "{} 2" },
		{ "one sample has none",
		  5000, "x 3", "resets(x[1m])", "{} 0" },
		{ "NaN to NaN is no change",
		  5000, "x NaN NaN 1 1", "changes(x[1m])", "{} 1" },
		{ "NaN is no reset",
		  5000, "x 10 NaN 10 11", "increase(x[1m])", "{} 1.33333333333" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fixture_teardown();
		fixture_setup();
		fixture_load(rows[i].start, 15000, rows[i].samples);
		fixture_check(rows[i].why, rows[i].expr, NOW, rows[i].wanted);
	}
}
END_TEST
/* clang-format on */

START_TEST(resets_are_found_per_series_before_any_sum)
{
	fixture_load(5000, 15000, "x{i=\"1\"} 100 110 5 15");
	fixture_load(5000, 15000, "x{i=\"2\"} 100 200 300 400");
	fixture_check("25 and 300, times 60 / 45", "sum(increase(x[1m]))", NOW, "{} 433.333333333");
}
END_TEST

START_TEST(an_error_ratio_of_exactly_one_percent_reads_as_one_percent)
{
	fixture_load(5000, 15000, "r{code=\"500\"} 10 11 12 13");
	fixture_load(5000, 15000, "r{code=\"200\"} 1000 1099 1198 1297");
	fixture_check("numerator and denominator share the extrapolation",
	              "sum(rate(r{code=~\"5..\"}[1m])) / sum(rate(r[1m]))", NOW, "{} 0.01");
	fixture_check("no errors yet is zero errors",
	              "(sum(rate(e[1m])) or vector(0)) / sum(rate(r[1m]))", NOW, "{} 0");
	fixture_check("no traffic is no answer",
	              "(sum(rate(e[1m])) or vector(0)) / sum(rate(nothing[1m]))", NOW, "");
}
END_TEST

/* clang-format off */
START_TEST(extended_ranges_are_not_extrapolated)
{
	static const struct { const char *why, *expr, *wanted; int64_t at; } rows[] = {
		{ "from the sample at the start: 10 to 8 with a reset", "increase(x[2m] anchored)", "{} 8", 300000 },
		{ "from the newest before it", "increase(x[90s] anchored)", "{} 8", 300000 },
		{ "from the line between it and the next, which began anew: 2 to 8", "increase(x[90s] smoothed)", "{} 6", 300000 },
		{ "to the line behind the end: 10 to 6 with a reset", "increase(x[90s] smoothed offset 30s)", "{} 6", 300000 },
		{ "on both sides: 1.5 to 6.5", "increase(x[2m] smoothed @ 150)", "{} 5", 300000 },
		{ "anchored ends with the newest inside: 1 to 3", "increase(x[2m] anchored @ 150)", "{} 2", 300000 },
		{ "before the first sample there is nothing to go by", "increase(x[10m] anchored)", "{} 17", 300000 },
		{ "per second of the range", "rate(x[2m] anchored)", "{} 0.0666666666667", 300000 },
		{ "a gauge has no resets", "delta(x[90s] anchored)", "{} -2", 300000 },
		{ "nor on the line: 7 to 8", "delta(x[90s] smoothed)", "{} 1", 300000 },
		{ "one sample is enough", "increase(x[30s] anchored)", "{} 4", 300000 },
		{ "none in the range is not", "increase(x[10s] anchored)", "", 330000 },
		{ "resets against the one before", "resets(x[90s] anchored)", "{} 1", 300000 },
		{ "changes, too", "changes(x[10s] anchored)", "{} 1", 300000 },
		{ "a smoothed instant", "x smoothed offset 30s", "x 6", 300000 },
		{ "behind the newest it is that", "x smoothed", "x 8", 330000 },
		{ "before the first there is none", "x smoothed @ -1", "", 300000 },
		{ "an anchored instant is a plain one", "x anchored offset 30s", "x 4", 300000 },
		{ "a stale marker is no sample", "y smoothed @ 60", "y 2", 300000 },
	};

	fixture_load(0, 60000, "x 1 2 3 10 4 8");
	fixture_load(0, 60000, "y 1 stale 3");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		fixture_check(rows[i].why, rows[i].expr, rows[i].at, rows[i].wanted);
}
END_TEST
/* clang-format on */

int main(void)
{
	TCase *tc = tcase_create("rate");

	tcase_add_test(tc, increase_is_extrapolated_to_the_edges_of_the_range);
	tcase_add_test(tc, resets_are_found_per_series_before_any_sum);
	tcase_add_test(tc, an_error_ratio_of_exactly_one_percent_reads_as_one_percent);
	tcase_add_test(tc, extended_ranges_are_not_extrapolated);
	return fixture_run("promql rate", tc);
}
