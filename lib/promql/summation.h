/*
 * summation - sums, means and variances that lose no small terms (Kahan, Neumaier's variant), as
 * Prometheus computes them for both aggregations and *_over_time.
 */
#ifndef PROMQL_SUMMATION_H
#define PROMQL_SUMMATION_H

#include <stdbool.h>

struct summation {
	double sum, lost;
};

void summation_add(struct summation *s, double value);
double summation_value(const struct summation *s);

/* The sum divided by the count; once the sum would overflow, an incremental mean. Zeroed is empty.
 */
struct mean {
	struct summation sum;
	double count;
	bool incremental;
};

void mean_add(struct mean *m, double value);
double mean_value(const struct mean *m);

/* Welford's. Zeroed is empty. */
struct variance {
	struct summation mean, squares;
	double count;
};

void variance_add(struct variance *v, double value);
double variance_value(const struct variance *v);

#endif
