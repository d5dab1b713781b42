/*
 * position - where each value of a JSON document stood in the text it was read from, and whether it
 * was a plain (unquoted) YAML scalar. Keyed by JSON Pointer.
 */
#ifndef BASE_POSITION_H
#define BASE_POSITION_H

#include <stdbool.h>

#include "base/err.h"

struct position {
	const char *file; /* borrowed from the table */
	int line;
	int column;
	bool plain; /* an unquoted scalar: its type comes from the field that reads it */
};

struct positions;

struct positions *positions_new(void);
void positions_free(struct positions **p);
bool positions_put(struct positions *p, const char *pointer, struct position at,
                   struct err *err) MUST_CHECK; /* copies pointer and file */

/* The position of the value at `pointer`, or of the nearest value around it; NULL when none is
 * known or the table is NULL. Borrowed until the table changes. */
const struct position *positions_find(const struct positions *p, const char *pointer);

#endif
