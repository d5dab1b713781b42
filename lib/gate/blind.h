/*
 * blind - gates that could never see what they watch for: a limit at or above the highest value the
 * KPI can have, a selector that nothing matches, a counter that stands still.
 *
 * Pure. Says it in sentences; used by the daemon at every look, and by `headgate probe` on a page.
 */
#ifndef GATE_BLIND_H
#define GATE_BLIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "gate/gate.h"
#include "gate/kpi.h"
#include "promql/promql.h"

/* How high and how low the KPI can get with the buckets the samples have; without `data`, as the expression
 * alone has it. */
struct kpi_bound blind_bound(const struct promql_expr *e, const struct promql_data *data,
                             struct arena *arena);

/* The same with the highest finite bucket of each selector; NaN where it is not known. */
struct kpi_bound blind_bound_by(const struct promql_expr *e, const double *bounds);

/* A rung that its KPI can never reach, in a sentence; false: none is known. Rungs that only note
 * something are left out. */
bool blind_rung(const struct gate *gate, const struct kpi *kpi, const struct promql_expr *e,
                const struct kpi_bound *bound, char *out, size_t size);

/* Why an expression gave nothing: "no series of x_total has version="2" (there are "1", "3")";
 * empty when nothing is to be said. */
void blind_unmatched(const struct promql_expr *e, const struct promql_data *data,
                     struct arena *arena, char *out, size_t size);

/* A counter of the expression that stands still while others of the samples move; empty when there
 * is none. */
void blind_stuck(const struct promql_expr *e, const struct promql_data *data, struct arena *arena,
                 char *out, size_t size);

/* The name on the pages that is most like one that is not there; empty without. `names` as in
 * str_nearest. */
void blind_did_you_mean(struct str name, const char *const *names, char *out, size_t size);

#endif
