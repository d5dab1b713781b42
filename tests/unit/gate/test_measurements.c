/*
 * measurements: how a past of any length fits, and what statistics say of it.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/measurements.h"

#define T0 1700000000000
#define HOUR_MS (60 * 60 * 1000)

static struct measurement at_hour(int hour, double value)
{
	return (struct measurement){
	        .at = {T0 + (int64_t)hour * HOUR_MS}, .value = value, .events = 10, .against = NAN};
}

START_TEST(only_the_last_few_stay)
{
	struct measurements m = {0};

	for (int i = 0; i < 10; i++)
		measurements_add(&m, &(struct measurement){.at = {T0 + i}, .value = i}, 3);
	ck_assert_uint_eq(m.n, 3);
	ck_assert_double_eq(m.list[0].value, 7);
	ck_assert_double_eq(m.list[2].value, 9);
	measurements_add(&m, &(struct measurement){.at = {T0 + 10}, .value = 10}, 2);
	ck_assert_uint_eq(m.n, 2);
	ck_assert_double_eq(m.list[0].value, 9);
}
END_TEST

START_TEST(thirty_days_fit_and_keep_their_slope)
{
	struct measurements m = {0};
	int64_t spacing = 5 * 60 * 1000, added = 0;
	struct wall at = {T0};

	for (; at.ms < T0 + (int64_t)30 * 24 * HOUR_MS; at.ms += 60000) {
		int64_t apart = spacing * (m.merged > 1 ? m.merged : 1);
		struct measurement one = {.at = at,
		                          .value = 3 + (double)(at.ms - T0) / (24 * HOUR_MS) * 0.5,
		                          .events = 1,
		                          .against = NAN};

		if (!measurements_is_due(&m, apart, at))
			continue;
		measurements_add_merging(&m, &one);
		added++;
	}
	ck_assert_uint_ge(m.n, MEASUREMENTS_MAX / 2);
	ck_assert_uint_le(m.n, MEASUREMENTS_MAX);
	ck_assert_int_lt(added, 600); /* the spacing doubled every time */
	ck_assert_double_eq_tol(measurements_theil_sen(m.list, m.n, 24 * HOUR_MS), 0.5, 1e-9);
	ck_assert_double_eq_tol(measurements_least_squares(m.list, m.n, 24 * HOUR_MS), 0.5, 1e-9);
	for (size_t i = 1; i < m.n; i++)
		ck_assert_int_gt(m.list[i].at.ms, m.list[i - 1].at.ms);
}
END_TEST

START_TEST(merging_keeps_the_mean_and_the_events)
{
	struct measurements m = {0};

	for (int i = 0; i < MEASUREMENTS_MAX; i++) {
		struct measurement one = at_hour(i, i);

		measurements_add_merging(&m, &one);
	}
	double mean = measurements_mean(m.list, m.n, measurement_value);
	struct measurement next = at_hour(MEASUREMENTS_MAX, mean);

	measurements_add_merging(&m, &next);
	ck_assert_uint_eq(m.n, MEASUREMENTS_MAX / 2 + 1);
	ck_assert_int_eq(m.merged, 2);
	ck_assert_double_eq_tol(measurements_mean(m.list, m.n, measurement_value), mean, 1e-12);
	ck_assert_double_eq(measurements_sum(m.list, m.n, measurement_events),
	                    10.0 * (MEASUREMENTS_MAX + 1));
}
END_TEST

START_TEST(slopes_by_hand)
{
	/* clang-format off */
	static const struct {
		const char *why;
		size_t n;
		double values[6];
		double theil_sen, least_squares;
	} rows[] = {
		{ "a straight line", 4, { 1, 2, 3, 4 }, 1, 1 },
		{ "falling, below nothing", 3, { 1, -1, -3 }, -2, -2 },
		{ "flat", 4, { 7, 7, 7, 7 }, 0, 0 },
		{ "two", 2, { 1, 5 }, 4, 4 },
		{ "one wild value moves the line and not the median", 6, { 1, 1, 1, 1, 1, 101 }, 0, 100.0 * 2.5 / 17.5 },
		{ "the middle two of 0 1 1 1 1.5 2", 4, { 0, 1, 3, 3 }, 1, 1.1 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct measurement list[6];

		for (size_t k = 0; k < rows[i].n; k++)
			list[k] = at_hour((int)k, rows[i].values[k]);
		ck_assert_msg(fabs(measurements_theil_sen(list, rows[i].n, HOUR_MS) -
		                   rows[i].theil_sen) < 1e-12,
		              "%s: %g", rows[i].why,
		              measurements_theil_sen(list, rows[i].n, HOUR_MS));
		ck_assert_msg(fabs(measurements_least_squares(list, rows[i].n, HOUR_MS) -
		                   rows[i].least_squares) < 1e-12,
		              "%s: %g", rows[i].why,
		              measurements_least_squares(list, rows[i].n, HOUR_MS));
	}
}
END_TEST

START_TEST(of_none_and_one_nothing_is_known)
{
	struct measurement one = at_hour(0, 5);

	ck_assert(isnan(measurements_mean(NULL, 0, measurement_value)));
	ck_assert(isnan(measurements_sum(NULL, 0, measurement_value)));
	ck_assert(isnan(measurements_theil_sen(&one, 1, HOUR_MS)));
	ck_assert(isnan(measurements_least_squares(&one, 1, HOUR_MS)));
	ck_assert_double_eq(measurements_mean(&one, 1, measurement_value), 5);
}
END_TEST

START_TEST(huge_values_have_a_mean)
{
	struct measurement list[] = {at_hour(0, 1.7e308), at_hour(1, 1.7e308), at_hour(2, 1.7e308)};

	ck_assert(isfinite(measurements_mean(list, 3, measurement_value)));
}
END_TEST

START_TEST(what_a_clock_set_back_left_in_the_future_goes)
{
	struct measurements m = {0};

	for (int i = 0; i < 4; i++) {
		struct measurement one = at_hour(i, i);

		measurements_add(&m, &one, 8);
	}
	measurements_trim(&m, (struct wall){T0 + HOUR_MS}, (struct wall){T0 + 2 * HOUR_MS});
	ck_assert_uint_eq(m.n, 2);
	ck_assert_double_eq(m.list[0].value, 1);
	ck_assert_double_eq(m.list[1].value, 2);
	m.merged = 4;
	measurements_trim(&m, (struct wall){T0 + 9 * HOUR_MS}, (struct wall){T0 + 9 * HOUR_MS});
	ck_assert_uint_eq(m.n, 0);
	ck_assert_int_eq(m.merged, 1); /* it begins anew, and closely */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("measurements");
	TCase *t = tcase_create("measurements");

	tcase_add_test(t, only_the_last_few_stay);
	tcase_add_test(t, thirty_days_fit_and_keep_their_slope);
	tcase_add_test(t, merging_keeps_the_mean_and_the_events);
	tcase_add_test(t, slopes_by_hand);
	tcase_add_test(t, of_none_and_one_nothing_is_known);
	tcase_add_test(t, huge_values_have_a_mean);
	tcase_add_test(t, what_a_clock_set_back_left_in_the_future_goes);
	suite_add_tcase(s, t);
	return suite_run(s);
}
