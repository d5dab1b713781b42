/*
 * blind - whether a gate could see what it was made to see. A pass of a blind gate is no lie, but
 * says less than people think.
 *
 * Pure. Speaks only: results stay those of the rules (K).
 */
#ifndef GATE_BLIND_H
#define GATE_BLIND_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/gate.h"
#include "promql/promql.h"

/* So many samples without a move are worth a word. */
#define BLIND_STILL_SAMPLES 10

/* A rung that no value can reach: above a limit at or beyond the highest finite bucket, which is
 * the most a quantile says. Writes the sentence; false when every rung can fire. */
bool blind_rungs(const struct gate *gate, enum kpi_unit unit, const struct promql_look *look,
                 char *out, size_t size);
/* Nothing the expression reads has moved. May well be so; people know. */
bool blind_still(const struct promql_look *look, char *out, size_t size);

#endif
