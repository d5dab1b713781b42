/*
 * arena - memory for one piece of work (an evaluation, a page, a request), freed whole.
 *
 * Capped: an allocation beyond the cap fails like one without memory, and the failure sticks, so
 * that a long computation needs one check. Memory is zeroed and aligned for any type.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct arena_block;

/* What arena_clear keeps for reuse at most. */
#define ARENA_KEEP_BYTES ((size_t)1024 * 1024)

struct arena {
	struct arena_block *blocks;
	struct arena_block *spare; /* empty; used before new ones are asked for */
	size_t used;
	size_t max;
	enum err_code failed;
};

void arena_init(struct arena *a, size_t max);
void arena_fini(struct arena *a);
void arena_clear(struct arena *a); /* keeps some blocks for reuse */
void *arena_alloc(struct arena *a, size_t n);              /* NULL when failed */
void *arena_array(struct arena *a, size_t n, size_t size); /* overflow-checked */
char *arena_text(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool arena_ok(const struct arena *a, struct err *err) MUST_CHECK;

#endif
