/* Quantiles of values and of cumulative buckets, as Prometheus' promql/quantile.go computes them.
 */
#include "promql/quantile.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/units.h"
#include "promql/promql.h"

/* Counts that differ by less than this share of their sum are one count: float noise of summed
 * rates. */
#define BUCKET_TOLERANCE 1e-12

int quantile_compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	if (isnan(x) || isnan(y))
		return !!isnan(y) - !!isnan(x);
	return (x > y) - (x < y);
}

double quantile_of_values(double q, double *values, size_t n)
{
	double rank;
	double weight;
	size_t lower;
	size_t upper;

	if (!n || isnan(q))
		return (double)NAN;
	if (q < 0)
		return (double)-INFINITY;
	if (q > 1)
		return (double)INFINITY;
	qsort(values, n, sizeof(*values), quantile_compare);
	rank = q * (double)(n - 1);
	lower = (size_t)rank;
	upper = lower + 1 < n ? lower + 1 : n - 1;
	weight = rank - floor(rank);
	return values[lower] * (1 - weight) + values[upper] * weight;
}

static int compare_bounds(const void *a, const void *b)
{
	double x = ((const struct promql_bucket *)a)->upper_bound;
	double y = ((const struct promql_bucket *)b)->upper_bound;

	return (x > y) - (x < y);
}

/* Buckets of one bound ("1" and "1.0") are one bucket. */
static size_t merge_equal_bounds(struct promql_bucket *b, size_t n)
{
	size_t last = 0;

	for (size_t i = 1; i < n; i++) {
		if (number_is_same(b[i].upper_bound, b[last].upper_bound))
			b[last].count += b[i].count;
		else
			b[++last] = b[i];
	}
	return last + 1;
}

static bool counts_are_close(double a, double b)
{
	double sum = fabs(a) + fabs(b);

	if (isnan(a) && isnan(b))
		return true;
	if (number_is_same(a, 0) || number_is_same(b, 0) || sum < DBL_MIN)
		return fabs(a - b) < BUCKET_TOLERANCE * DBL_MIN;
	return fabs(a - b) / fmin(sum, DBL_MAX) < BUCKET_TOLERANCE;
}

/* A cumulative count cannot fall: noise is flattened either way, a real fall is raised to the count
 * before it. True when a real one was. */
static bool make_monotonic(struct promql_bucket *b, size_t n)
{
	double before = b[0].count;
	bool mended = false;

	for (size_t i = 1; i < n; i++) {
		bool close = counts_are_close(before, b[i].count);

		if (!close && !(b[i].count < before)) {
			before = b[i].count;
			continue;
		}
		mended |= !close;
		b[i].count = before;
	}
	return mended;
}

/* The first finite bucket whose count reaches the rank; n - 1 when none does. */
static size_t bucket_of_rank(const struct promql_bucket *b, size_t n, double rank)
{
	size_t low = 0;
	size_t high = n - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b[middle].count >= rank)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static double interpolate(const struct promql_bucket *b, size_t at, double rank)
{
	double start = 0;
	double count = b[at].count;

	if (at > 0) {
		start = b[at - 1].upper_bound;
		count -= b[at - 1].count;
		rank -= b[at - 1].count;
	}
	return start + (b[at].upper_bound - start) * (rank / count);
}

double promql_bucket_quantile(double q, struct promql_bucket *buckets, size_t n, bool *out_mended)
{
	double rank;
	size_t at;

	*out_mended = false;
	if (isnan(q) || !n)
		return (double)NAN;
	if (q < 0)
		return (double)-INFINITY;
	if (q > 1)
		return (double)INFINITY;
	qsort(buckets, n, sizeof(*buckets), compare_bounds);
	if (!isinf(buckets[n - 1].upper_bound) || buckets[n - 1].upper_bound < 0)
		return (double)NAN;
	n = merge_equal_bounds(buckets, n);
	*out_mended = make_monotonic(buckets, n);
	if (n < 2 || number_is_same(buckets[n - 1].count, 0))
		return (double)NAN;
	rank = q * buckets[n - 1].count;
	at = bucket_of_rank(buckets, n, rank);
	if (at == n - 1)
		return buckets[n - 2].upper_bound;
	if (at == 0 && buckets[0].upper_bound <= 0)
		return buckets[0].upper_bound;
	return interpolate(buckets, at, rank);
}

/* Observations up to `value`, which lies inside this bucket; those below it are `before`. The first
 * bucket begins at 0 where its bound is positive; inside of what has an infinite edge nothing can
 * be said, and it counts as reached. */
static double interpolate_rank(const struct promql_bucket *b, size_t at, double before,
                               double value)
{
	double start = at > 0 ? b[at - 1].upper_bound : 0;

	if (at == 0 && b[0].upper_bound <= 0)
		return b[0].count;
	if (value <= start)
		return before;
	return before + (b[at].count - before) * (value - start) / (b[at].upper_bound - start);
}

/* How many observations lie at or below the value. */
static double rank_of(const struct promql_bucket *b, size_t n, double value)
{
	double before = 0;

	for (size_t i = 0; i < n; i++) {
		double start = i > 0 ? b[i - 1].upper_bound : (double)-INFINITY;

		if (start >= value)
			return before;
		if (b[i].upper_bound > value)
			return interpolate_rank(b, i, before, value);
		before = b[i].count;
	}
	return b[n - 1].count;
}

double promql_bucket_fraction(double lower, double upper, struct promql_bucket *buckets, size_t n)
{
	double all;

	if (!n)
		return (double)NAN;
	qsort(buckets, n, sizeof(*buckets), compare_bounds);
	if (!isinf(buckets[n - 1].upper_bound) || buckets[n - 1].upper_bound < 0)
		return (double)NAN;
	n = merge_equal_bounds(buckets, n);
	all = buckets[n - 1].count;
	if (number_is_same(all, 0) || isnan(lower) || isnan(upper))
		return (double)NAN;
	if (lower >= upper)
		return 0;
	return (fmin(rank_of(buckets, n, upper), all) - fmin(rank_of(buckets, n, lower), all)) /
	       all;
}
