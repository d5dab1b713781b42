/*
 * json_pointer - one value of a JSON document, and whether it is the one that is wanted.
 */
#ifndef BASE_JSON_POINTER_H
#define BASE_JSON_POINTER_H

#include <stdbool.h>

#include <jansson.h>

/* What stands there (RFC 6901); "" is the whole document. Borrowed; NULL: nothing stands there, or
 * it is no pointer. */
const json_t *json_pointer_find(const json_t *root, const char *pointer);

/* Whether it is one that leads below the root: "/" first, every ~ followed by 0 or 1. */
bool json_pointer_is_fine(const char *pointer);

/* The same value: numbers are compared as numbers (50 is 50.0), members of objects in any order.
 * A text is never a number. Deeper than JSON_SAME_DEPTH_MAX nothing is the same. */
#define JSON_SAME_DEPTH_MAX 64
bool json_is_same(const json_t *a, const json_t *b);

#endif
