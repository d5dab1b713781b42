/*
 * err - why a fallible call failed: a code that says what the caller can do, a text for people.
 *
 * A fallible function returns bool and takes `struct err *err` last. On false *err was filled
 * exactly once, at the origin; callers on the way may only prefix context.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/macros.h"

enum err_code {
	ERR_NONE = 0,
	ERR_INVALID,     /* the input is wrong: tell whoever sent it */
	ERR_LIMIT,       /* the input is larger than a stated bound */
	ERR_NOMEM,       /* no memory: shed this piece of work */
	ERR_NOT_FOUND,   /* what was named does not exist */
	ERR_CONFLICT,    /* the present state does not allow it; the caller may look again */
	ERR_DENIED,      /* the caller may not do this */
	ERR_UNAVAILABLE, /* something outside is away: try again later */
	ERR_BUG,         /* we are wrong */
	ERR_COUNT
};

struct err {
	enum err_code code;
	char text[240];
};

/* Fills *err and returns false, so that an origin can `return err_set(...)`. Long texts are cut. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " in front of the text; the code stays. */
void err_prefix(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "invalid", "limit", ...: for logs and metrics. */
const char *err_code_name(enum err_code code);

#endif
