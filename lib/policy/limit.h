/*
 * limit - the limit of a rung as text ("1%", "500ms", "1000") and as a number in the unit of its
 * KPI. A unit that does not fit the KPI's is an error that names both, because 500 seconds are no
 * 500 ms.
 */
#ifndef POLICY_LIMIT_H
#define POLICY_LIMIT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/macros.h"
#include "base/units.h"
#include "gate/kpi.h"

/* `watched` says in messages what the limit is for: "KPI error_rate". */
bool limit_parse(const char *text, enum kpi_unit unit, const char *watched, double *out,
                 struct err *err) MUST_CHECK;
/* The canonical spelling; limit_parse() of it gives the same double. */
void limit_format(double limit, enum kpi_unit unit, char out[UNITS_TEXT_MAX]);

/* The same where a limit may be below 0: "-1%". */
bool limit_parse_slope(const char *text, enum kpi_unit unit, const char *watched, double *out,
                       struct err *err) MUST_CHECK;
void limit_format_slope(double limit, enum kpi_unit unit, char out[UNITS_TEXT_MAX]);

/* "baseline + 10% - 20ms": a share of the baseline, and so much more in the unit of the KPI;
 * percentage points of ratios are "2 points". Each at most once. */
bool limit_parse_baseline(const char *text, enum kpi_unit unit, const char *watched,
                          double *out_relative, double *out_absolute, struct err *err) MUST_CHECK;
/* False when it does not fit. */
bool limit_format_baseline(double relative, double absolute, enum kpi_unit unit,
                           char out[UNITS_TEXT_MAX]) MUST_CHECK;

#endif
