/* Quantiles of buckets, by the rules one after the other, and histogram_quantile around them. */
#include <math.h>

#include "fixture.h"
#include "promql/quantile.h"

#define INF ((double)INFINITY)
#define NOW 60000

static bool is_same(double a, double b)
{
	return (isnan(a) && isnan(b)) || number_is_close(a, b);
}

/* clang-format off */
START_TEST(bucket_quantiles_follow_the_rules_in_order)
{
	static const struct {
		const char *why;
		double q;
		struct promql_bucket b[5];
		size_t n;
		double wanted;
		bool mended;
	} rows[] = {
		{ "no q", (double)NAN, { { 1, 1 }, { INF, 2 } }, 2, (double)NAN, false },
		{ "below 0", -0.1, { { 1, 1 }, { INF, 2 } }, 2, -INF, false },
		{ "above 1", 1.1, { { 1, 1 }, { INF, 2 } }, 2, INF, false },
		{ "no buckets", 0.5, { { 0, 0 } }, 0, (double)NAN, false },
		{ "no +Inf bucket", 0.5, { { 1, 1 }, { 2, 2 } }, 2, (double)NAN, false },
		{ "only the +Inf bucket", 0.5, { { INF, 2 } }, 1, (double)NAN, false },
		{ "nothing observed", 0.5, { { 1, 0 }, { INF, 0 } }, 2, (double)NAN, false },
		{ "rank 20 ends the second bucket",
		  0.5, { { 0.1, 10 }, { 0.5, 20 }, { 1, 30 }, { INF, 40 } }, 4, 0.5, false },
		{ "rank 15 is the middle of the second",
		  0.375, { { 0.1, 10 }, { 0.5, 20 }, { 1, 30 }, { INF, 40 } }, 4, 0.3, false },
		{ "the first bucket begins at 0",
		  0.125, { { 0.1, 10 }, { 0.5, 20 }, { 1, 30 }, { INF, 40 } }, 4, 0.05, false },
		{ "q 0 is the lower end",
		  0, { { 0.1, 10 }, { 0.5, 20 }, { 1, 30 }, { INF, 40 } }, 4, 0, false },
		{ "beyond the finite buckets it is the largest finite bound",
		  0.9, { { 0.1, 10 }, { 0.5, 20 }, { 1, 30 }, { INF, 40 } }, 4, 1, false },
		{ "so is q 1", 1, { { 0.1, 10 }, { 0.5, 20 }, { 1, 30 }, { INF, 40 } }, 4, 1, false },
		{ "q 1 where the last finite bucket holds all",
		  1, { { 1, 10 }, { 2, 40 }, { INF, 40 } }, 3, 2, false },
		{ "a first bound of 0 or less is the answer itself",
		  0.25, { { -1, 5 }, { 1, 10 }, { INF, 10 } }, 3, -1, false },
		{ "buckets come in any order",
		  0.5, { { INF, 40 }, { 0.5, 20 }, { 0.1, 10 }, { 1, 30 } }, 4, 0.5, false },
		{ "equal bounds add up", 0.5, { { 1, 5 }, { INF, 20 }, { 1, 5 } }, 3, 1, false },
		{ "a fall is raised and reported: 10 10 12, rank 9",
		  0.75, { { 1, 10 }, { 2, 8 }, { INF, 12 } }, 3, 0.9, true },
		{ "noise is flattened and not reported: the second bucket is empty",
		  1, { { 1, 10 }, { 2, 10.0000000000001 }, { INF, 10.0000000000001 } }, 3, 1, false },
		{ "noise downwards too",
		  1, { { 1, 10 }, { 2, 9.9999999999999 }, { INF, 10 } }, 3, 1, false },
		{ "fractional counts of rates", 0.95,
		  { { 0.1, 0.5 }, { 0.25, 0.9 }, { 0.5, 1 }, { INF, 1 } }, 4, 0.375, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_bucket b[ARRAY_LEN(rows[0].b)];
		bool mended = !rows[i].mended;
		double got;

		memcpy(b, rows[i].b, sizeof(b));
		got = promql_bucket_quantile(rows[i].q, b, rows[i].n, &mended);
		ck_assert_msg(is_same(got, rows[i].wanted), "%s: %.17g", rows[i].why, got);
		ck_assert_msg(mended == rows[i].mended, "%s", rows[i].why);
	}
}
END_TEST

START_TEST(bucket_fractions_are_interpolated_ranks)
{
	static const struct { const char *why; double lower, upper; struct promql_bucket b[4]; size_t n; double wanted; } rows[] = {
		{ "all", -INF, INF, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 1 },
		{ "up to a bound", -INF, 1, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 0.25 },
		{ "between bounds", 1, 2, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 0.5 },
		{ "inside a bucket", 1, 1.5, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 0.25 },
		{ "inside the first, which begins at 0", 0.5, 1, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 0.125 },
		{ "nothing lies below 0 there", -5, 1, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 0.25 },
		{ "beyond the last bound all or nothing", 2, 100, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 0 },
		{ "all of it", 2, INF, { { 1, 2 }, { 2, 6 }, { INF, 8 } }, 3, 0.25 },
		{ "a first bucket below 0 has no beginning", -3, 1, { { -1, 2 }, { 1, 6 }, { INF, 8 } }, 3, 0.5 },
		{ "unsorted", -INF, 1, { { INF, 8 }, { 2, 6 }, { 1, 2 } }, 3, 0.25 },
		{ "two of one bound", -INF, 1, { { 1, 1 }, { 1, 1 }, { INF, 8 } }, 3, 0.25 },
		{ "crossed", 2, 1, { { 1, 2 }, { INF, 8 } }, 2, 0 },
		{ "equal", 1, 1, { { 1, 2 }, { INF, 8 } }, 2, 0 },
		{ "no lower end", (double)NAN, 1, { { 1, 2 }, { INF, 8 } }, 2, (double)NAN },
		{ "no upper end", 1, (double)NAN, { { 1, 2 }, { INF, 8 } }, 2, (double)NAN },
		{ "nothing observed", 0, 1, { { 1, 0 }, { INF, 0 } }, 2, (double)NAN },
		{ "no bucket of all", 0, 1, { { 1, 2 }, { 2, 8 } }, 2, (double)NAN },
		{ "no buckets", 0, 1, { { 0, 0 } }, 0, (double)NAN },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_bucket b[ARRAY_LEN(rows[0].b)];
		double got;

		memcpy(b, rows[i].b, sizeof(b));
		got = promql_bucket_fraction(rows[i].lower, rows[i].upper, b, rows[i].n);
		ck_assert_msg(is_same(got, rows[i].wanted), "%s: %.17g", rows[i].why, got);
	}
}
END_TEST

START_TEST(value_quantiles_interpolate_between_neighbours)
{
	static const struct { const char *why; double q, values[4]; size_t n; double wanted; } rows[] = {
		{ "none", 0.5, { 0 }, 0, (double)NAN },
		{ "one", 0.9, { 7 }, 1, 7 },
		{ "the middle of two", 0.5, { 4, 2 }, 2, 3 },
		{ "0.75 of four is a quarter past the third", 0.75, { 4, 1, 3, 2 }, 4, 3.25 },
		{ "the ends", 1, { 4, 1, 3, 2 }, 4, 4 },
		{ "below", -1, { 1 }, 1, -INF },
		{ "above", 2, { 1 }, 1, INF },
		{ "no q", (double)NAN, { 1 }, 1, (double)NAN },
		{ "NaN sorts first", 1, { 4, (double)NAN, 3, 2 }, 4, 4 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double values[ARRAY_LEN(rows[0].values)];

		memcpy(values, rows[i].values, sizeof(values));
		ck_assert_msg(is_same(quantile_of_values(rows[i].q, values, rows[i].n), rows[i].wanted),
		              "%s", rows[i].why);
	}
}
END_TEST

START_TEST(histograms_are_found_by_their_labels)
{
	static const struct { const char *why, *expr, *wanted; } rows[] = {
		{ "one quantile per histogram, without name and le",
		  "histogram_quantile(0.5, h_bucket)", "{job=\"a\"} 0.75\n{job=\"b\"} 1.5" },
		{ "added up first", "histogram_quantile(0.5, sum by (le) (h_bucket))", "{} 1" },
		{ "what has no le is no bucket", "histogram_quantile(0.5, up)", "" },
		{ "nor what has a le that is no number", "histogram_quantile(0.5, odd_bucket)", "{} 1" },
		{ "1 and 1.0 are one bound", "histogram_quantile(0.5, twice_bucket)", "{} 0.5" },
		{ "two names are two histograms, and their results collide",
		  "histogram_quantile(0.5, {__name__=~\"h_bucket|g_bucket\",job=\"a\"})",
		  "error at 0: vector cannot contain metrics with the same labelset" },
		{ "the quantile may be any scalar", "histogram_quantile(scalar(up), h_bucket{job=\"a\"})",
		  "{job=\"a\"} 2" },
		{ "nothing in, nothing out", "histogram_quantile(0.5, nothing)", "" },
	};
	static const char *const series[] = {
		"h_bucket{job=\"a\",le=\"0.5\"} 2", "h_bucket{job=\"a\",le=\"1\"} 6",
		"h_bucket{job=\"a\",le=\"2\"} 8", "h_bucket{job=\"a\",le=\"+Inf\"} 8",
		"h_bucket{job=\"b\",le=\"0.5\"} 0", "h_bucket{job=\"b\",le=\"1\"} 2",
		"h_bucket{job=\"b\",le=\"2\"} 6", "h_bucket{job=\"b\",le=\"+Inf\"} 8",
		"g_bucket{job=\"a\",le=\"1\"} 2", "g_bucket{job=\"a\",le=\"+Inf\"} 2",
		"odd_bucket{le=\"1\"} 2", "odd_bucket{le=\"high\"} 2", "odd_bucket{le=\"+Inf\"} 4",
		"twice_bucket{le=\"1\"} 2", "twice_bucket{le=\"1.0\"} 2", "twice_bucket{le=\"+Inf\"} 4",
		"up 1",
	};

	for (size_t i = 0; i < ARRAY_LEN(series); i++)
		fixture_load(NOW, 1, series[i]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		fixture_check(rows[i].why, rows[i].expr, NOW, rows[i].wanted);
}
END_TEST
/* clang-format on */

int main(void)
{
	TCase *tc = tcase_create("quantile");

	tcase_add_test(tc, bucket_quantiles_follow_the_rules_in_order);
	tcase_add_test(tc, bucket_fractions_are_interpolated_ranks);
	tcase_add_test(tc, value_quantiles_interpolate_between_neighbours);
	tcase_add_test(tc, histograms_are_found_by_their_labels);
	return fixture_run("promql quantile", tc);
}
