/*
 * rung_fields - the rows that read the ladder of a gate, and scalars that gates are written with.
 * Only the files that read gates use them.
 */
#ifndef GATE_RUNG_FIELDS_H
#define GATE_RUNG_FIELDS_H

#include <stdbool.h>

#include <jansson.h>

#include "base/field.h"
#include "base/units.h"

extern const struct field_table rung_table; /* of struct gate_rung; owns it */

/* Reads a list of rungs, or one object whose keys stood in the gate itself (a flat rung), into a
 * struct gate whose kind is known. */
extern const struct field_custom rungs_custom;

/* The text of a scalar as a person would have written it; false for lists, objects, null and
 * booleans. */
bool rung_scalar_text(const json_t *value, char *out, size_t size);

/* "100 requests", or "0": a number of events and the KPI that counts them (heap; NULL with 0). */
bool events_decode(json_t *value, double *out_n, char **out_kpi, struct decode *d);
json_t *events_encode(double n, const char *kpi);

#endif
