/*
 * rung_fields - the rows that read the ladder of a gate. Only gate_fields.c uses them.
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

#endif
