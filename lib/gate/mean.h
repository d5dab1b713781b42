/*
 * mean - the last measurements of a gate's KPI, and their mean in place of the present value.
 *
 * Pure.
 */
#ifndef GATE_MEAN_H
#define GATE_MEAN_H

#include <stdint.h>

struct gate;
struct gate_evidence;
struct gate_measure;
struct gate_state;

/* *m is what was weighed now, `against` what it is compared with (NaN without). Takes it as a
 * measurement when one is due; then *m is the mean of the last `of` (2 or more) of this exposure,
 * or insufficient with fewer. What was weighed has to be good by itself. */
void mean_take(const struct gate *gate, const struct gate_evidence *evidence, int64_t of,
               double against, struct gate_state *state, struct gate_measure *m);

#endif
