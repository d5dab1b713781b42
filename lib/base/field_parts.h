/*
 * field_parts - what decoding, encoding and the reference of a field table share. Not for other
 * folders.
 */
#ifndef BASE_FIELD_PARTS_H
#define BASE_FIELD_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/field.h"
#include "base/units.h"

#define FIELD_COUNT_MAX 1000       /* elements of a list or map whose row states no maximum */
#define FIELD_TEXT_MAX (64 * 1024) /* bytes of a text whose row states no maximum */

void *field_member(void *base, size_t offset);
const void *field_member_const(const void *base, size_t offset);

/* The i-th element of the array that a LIST or MAP member points to. */
void *field_element(void *items, const struct field_table *table, size_t i);

/* The largest count (TEXT_LIST, LIST, MAP) or length (TEXT) allowed. */
size_t field_max_size(const struct field *field);
bool field_has_bounds(const struct field *field);
/* Both bounds 0: no bound. A maximum below the minimum: only the minimum holds. */
bool field_is_in_bounds(const struct field *field, double value);
/* "between 1s and 1h" or "at least 1s", in the unit the field is written in. */
void field_bounds_print(const struct field *field, struct buf *out);
/* Complains that this is no value of that kind; says false. */
bool field_wrong_type(enum field_kind kind, json_t *value, struct decode *d);
/* Complains, and says false, when a text, list or map of n things is not within the bounds. */
bool field_size_is_fine(const struct field *field, size_t n, const char *things, struct decode *d);
void field_names_print(const char *const *names, struct buf *out); /* "a, b, c" */

/* Reads a value that holds no others (text lists, structs, lists, maps and custom ones do) into its
 * zeroed member; false with a problem. */
bool field_decode_scalar(const struct field *field, json_t *value, void *member, struct decode *d);

#endif
