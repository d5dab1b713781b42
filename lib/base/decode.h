/*
 * decode - the walk of a decoder through a JSON document: where it stands, and what it complains
 * of. Complaints carry the JSON Pointer and, where known, file, line and column.
 *
 * `pointer` is that of the value being read; who reads a member pushes its key before and pops it
 * after. Problems and positions are borrowed for the whole walk.
 */
#ifndef BASE_DECODE_H
#define BASE_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/position.h"
#include "base/problem.h"
#include "base/str.h"

#define DECODE_DEPTH_MAX 32

struct decode {
	struct problems *problems;
	const struct positions *positions; /* NULL for wire JSON */
	struct buf pointer;
	size_t depth;
};

void decode_init(struct decode *d, struct problems *problems, const struct positions *positions);
void decode_fini(struct decode *d);
size_t decode_push(struct decode *d,
                   const char *key); /* returns the mark for decode_pop; escapes ~ and / */
size_t decode_push_index(struct decode *d, size_t index);
void decode_pop(struct decode *d, size_t mark);

/* Reports a problem at the current pointer; returns false, as those below do. */
bool decode_problem(struct decode *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool decode_no_memory(struct decode *d);
/* `wanted`: "a text", "a number like 0.25". */
bool decode_wrong_type(struct decode *d, const char *wanted, json_t *value);
/* How many problems were reported so far, those that found no room included. */
size_t decode_reported(const struct decode *d);

/* Whether the value at the current pointer was an unquoted YAML scalar. */
bool decode_is_plain(const struct decode *d);
/* A value as a message names it: "a list", or a string in quotes. Returns out or a constant. */
const char *decode_describe(json_t *value, char out[STR_QUOTE_MAX]);
/* The bytes of a JSON string, borrowed from it. */
struct str json_text(json_t *value);

#endif
