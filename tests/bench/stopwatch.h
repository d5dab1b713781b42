/*
 * stopwatch - time that passed, time this program computed, and the median of several measurements.
 */
#ifndef BENCH_STOPWATCH_H
#define BENCH_STOPWATCH_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t stopwatch_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Of this process alone: what else the machine does counts less. */
static inline int64_t stopwatch_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline int stopwatch_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values in place. */
static inline double stopwatch_median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), stopwatch_order);
	return values[n / 2];
}

#endif
