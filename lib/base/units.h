/*
 * units - numbers, durations, ratios, counts and instants as people write them, and back.
 *
 * Locale-free. Parsers take the whole text or refuse it with a sentence that says what would be
 * right. Formatters write the shortest form that parses back to the same value.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#define UNITS_TEXT_MAX 48 /* every formatter below fits, NUL included */

/* A decimal integer with an optional '-'; out of range is an error. */
bool int_parse(struct str text, int64_t *out, struct err *err) MUST_CHECK;

/* A float as the Prometheus formats write it: decimal or exponent, hexadecimal float (0x1p3), and
 * NaN, Inf, +Inf, -Inf in any case. "1e999" reads as +Inf there; callers who want finite values
 * look. */
bool number_parse(struct str text, double *out, struct err *err) MUST_CHECK;
/* The shortest decimal that reads back to the same double; "NaN", "+Inf", "-Inf". */
void number_format(double value, char out[UNITS_TEXT_MAX]);

/* "1w2d3h4m5s6ms" (each unit at most once, falling; fractions only on a single unit, "1.5h", and
 * never finer than 1 ms); "0" is 0. "1y" is 365 days. Never negative, at most 10 years. The form
 * Prometheus writes: weeks and years only when they come out even. */
bool duration_parse(struct str text, int64_t *out_ms, struct err *err) MUST_CHECK;
void duration_format(int64_t ms, char out[UNITS_TEXT_MAX]); /* "15m", "1h30m", "250ms", "0s" */

/* "1%", "0.5 %" or a plain number "0.01". NaN and Inf are refused. */
bool ratio_parse(struct str text, double *out, struct err *err) MUST_CHECK;
void ratio_format(double ratio, char out[UNITS_TEXT_MAX]); /* "1 %", at most 4 significant digits */

/* RFC 3339 with 'Z' or an offset, up to nanoseconds (cut to ms). */
bool instant_parse(struct str text, struct wall *out, struct err *err) MUST_CHECK;
void instant_format(struct wall at, char out[UNITS_TEXT_MAX]); /* "2026-01-02T03:04:05.678Z" */

/* True when a and b differ by at most 1e-9 of the larger magnitude (rule K3), or are equal. The one
 * named place that compares doubles for equality. NaN equals nothing. */
bool number_is_close(double a, double b);
bool number_is_same(double a, double b); /* exact ==, for sentinels and zero */

#endif
