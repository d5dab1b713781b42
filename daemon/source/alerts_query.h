/*
 * alerts_query - what a Prometheus is asked about its alerts, and what its answer says. Pure.
 *
 * One instant query: the server's time, the newest sample of any alert, what fires of those that are
 * selected, and since when. Where no alert of any kind is known there, not even one that always
 * fires, nothing proves that rules are evaluated at all, and the answer is none (rule K5).
 */
#ifndef SOURCE_ALERTS_QUERY_H
#define SOURCE_ALERTS_QUERY_H

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "gate/gate.h"

/* `selector` is label matchers in braces. */
bool alerts_query(const char *selector, struct buf *out, struct err *err) MUST_CHECK;

/* Of the `data` of an answer to a question that was sent at `begun` and answered by `now`: fills
 * firing, list (a new reference), and `at`, the age of the newest sample before `begun`. `out` is
 * untouched on failure. */
bool alerts_query_read(const json_t *data, struct wall begun, struct wall now,
                       struct gate_alerts *out, struct err *err) MUST_CHECK;

#endif
