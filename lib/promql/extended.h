/*
 * extended - what `anchored` and `smoothed` make of the samples of a series. Experimental in
 * Prometheus 3; the meaning is that of its promql/functions.go.
 */
#ifndef PROMQL_EXTENDED_H
#define PROMQL_EXTENDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "promql/function.h"

/* By how much it grew from the start of the range to its end, resets of a counter made good. False:
 * no sample lies inside. */
bool extended_rise(const struct range *r, bool is_counter, double *out);
/* Leaves out what lies before the sample that stands for the start; false: no result. Does nothing
 * to a plain range. */
bool extended_skip(struct range *r);
/* The ranges of such a selector as a result of their own. */
bool extended_show(struct evaluation *e, const struct selector *sel, struct promql_value *v,
                   struct err *err) MUST_CHECK;
/* An instant of a smoothed selector; false: no value. */
bool extended_value(const struct sample *samples, size_t n, int64_t at_ms, double *out);

#endif
