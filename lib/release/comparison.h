/*
 * comparison - the KPIs a policy asks to compare: what they were before the exposure, and in the
 * last stage. Shown and recorded; decides nothing.
 */
#ifndef RELEASE_COMPARISON_H
#define RELEASE_COMPARISON_H

#include <stdbool.h>

#include <jansson.h>

#include "gate/gate.h"
#include "policy/policy.h"
#include "release/checkpoint.h"

/* Keeps what the KPIs say now, when it is good and belongs to one of the two times; measurements
 * share nothing. Without memory nothing is kept. */
void comparison_take(const struct policy *bound, const struct gate_evidence *evidence, bool last,
                     struct checkpoint *c);

/* [{kpi, unit, before: {value, events: n, from, to}, after, change, label}]; NULL where nothing is
 * compared, or without memory. New reference. `c` may be NULL. */
json_t *comparison_to_json(const struct checkpoint *c, const struct policy *bound);

#endif
