/*
 * quantile - quantiles of plain values. Those of histogram buckets are in promql.h.
 */
#ifndef PROMQL_QUANTILE_H
#define PROMQL_QUANTILE_H

#include <stddef.h>

/* NaN for no values or q NaN, -Inf below 0, +Inf above 1, else interpolated between the two
 * nearest. Sorts the values, NaN first. */
double quantile_of_values(double q, double *values, size_t n);

/* For qsort: rising, NaN before everything. */
int quantile_compare(const void *a, const void *b);

#endif
