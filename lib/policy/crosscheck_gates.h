/*
 * crosscheck_gates - what the files that check gates share. Nothing else includes this.
 */
#ifndef POLICY_CROSSCHECK_GATES_H
#define POLICY_CROSSCHECK_GATES_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/crosscheck.h"

/* `key` NULL: the gate itself. */
struct place crosscheck_gate_place(const struct gate *gate, const char *key);
/* A flat rung stands in the gate itself. */
struct place crosscheck_rung_place(const struct crosscheck *c, const struct gate *gate, size_t i,
                                   const char *key);
bool crosscheck_is_written(const struct crosscheck *c, const char *section, const char *name,
                           const char *key);
/* Reads the limits of all rungs in that unit; `watched` says what they are for: "KPI errors". */
void crosscheck_rungs(struct crosscheck *c, const struct gate *gate, enum kpi_unit unit,
                      const char *watched);

/* Gates of the kinds that watch KPIs. */
void crosscheck_kpi_gate(struct crosscheck *c, const struct gate *gate);

#endif
