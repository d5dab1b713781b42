/*
 * answer - whether the JSON answer of a service says what is wanted of it.
 *
 * Pure. An answer that cannot be read, or has nothing at the place in question, is told apart from
 * one that says something else: only the latter is a statement.
 */
#ifndef GATE_ANSWER_H
#define GATE_ANSWER_H

#include <stddef.h>

#include <jansson.h>

#include "base/str.h"

enum answer_said { ANSWER_AGREES = 0, ANSWER_DIFFERS, ANSWER_SAYS_NOTHING };

/* The value at `pointer` against `equals`; null says nothing, unless null is wanted. `why` says what
 * was found, cut to `size`, and is empty when it agrees. */
enum answer_said answer_read(struct str body, const char *pointer, const json_t *equals, char *why,
                             size_t size);

#endif
