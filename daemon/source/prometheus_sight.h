/*
 * prometheus_sight - what a Prometheus is asked to find out whether a gate on its numbers could ever
 * see what it watches for (rule K9). Pure.
 *
 * Two more questions: which buckets there are, where a quantile is computed of them; and, of a count
 * of 0, whether its series have moved at all while others did.
 */
#ifndef SOURCE_PROMETHEUS_SIGHT_H
#define SOURCE_PROMETHEUS_SIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "gate/kpi.h"
#include "promql/promql.h"

/* `group by (le)` of each selector. False: the expression has no quantile. */
bool prometheus_buckets_query(const struct promql_expr *e, struct buf *out) MUST_CHECK;
/* False: there are no buckets. */
bool prometheus_read_buckets(const json_t *data, const struct promql_expr *e,
                             struct kpi_bound *out) MUST_CHECK;

/* How often the series of each selector with a range have changed, and those of its name. False:
 * there is nothing to ask. */
bool prometheus_still_query(const struct promql_expr *e, struct buf *out) MUST_CHECK;
/* A selector whose series have not, while others have; empty when there is none. */
void prometheus_read_still(const json_t *data, const struct promql_expr *e, char *out, size_t size);

#endif
