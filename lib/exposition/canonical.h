/*
 * canonical - the one way of writing a number as a label value, for `le` and `quantile`: Prometheus
 * 3 rewrites them when it reads a page, so that le="1" and le="1.0" are the same series. Internal
 * to lib/exposition.
 *
 * Pure. The form is OpenMetrics' own: the shortest that reads back, with an exponent from 1e+06 on
 * and below 1e-04, and ".0" behind what would look like an integer.
 */
#ifndef EXPOSITION_CANONICAL_H
#define EXPOSITION_CANONICAL_H

#include "base/str.h"
#include "base/units.h"

/* `text` itself when it is canonical already or no number; else in out. */
struct str canonical_number(struct str text, char out[UNITS_TEXT_MAX]);

#endif
