/*
 * problem - everything wrong with one document, each with its place: a policy with five mistakes
 * lists all five.
 *
 * Bounded: PROBLEMS_MAX are kept, the rest is counted.
 */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/macros.h"

#define PROBLEMS_MAX 100

struct problem {
	char *file;    /* NULL when the document came over the wire */
	int line;      /* from 1; 0 when unknown */
	int column;    /* from 1, in bytes; 0 when unknown */
	char *pointer; /* JSON Pointer (RFC 6901) of the value; "" is the document */
	char *text;    /* what is wrong and what to do */
};

struct problems {
	struct problem *list;
	size_t n;
	size_t dropped;
};

void problems_init(struct problems *p);
void problems_fini(struct problems *p);

/* Where positions are unknown pass line 0. All arguments are copied. */
void problems_add(struct problems *p, const char *file, int line, int column, const char *pointer,
                  const char *fmt, ...) PRINTF_LIKE(6, 7);

/* One line each: "file:line:column: /path: text"; parts that are unknown are left out. */
void problems_print(const struct problems *p, struct buf *out);

/* [{"pointer", "detail", "line", "column"}], the last two where known; a new reference. */
json_t *problems_json(const struct problems *p);

#endif
