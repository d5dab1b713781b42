/*
 * arena - a list of blocks, newest first; blocks double in size so that their number stays small.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT _Alignof(max_align_t)
#define FIRST_BLOCK_BYTES 4096
#define BLOCK_BYTES_MAX ((size_t)256 * 1024)

struct arena_block {
	struct arena_block *older;
	size_t size;
	size_t used;
	_Alignas(max_align_t) unsigned char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){.max = max};
}

static void free_blocks(struct arena_block *block)
{
	while (block) {
		struct arena_block *older = block->older;

		free(block);
		block = older;
	}
}

void arena_fini(struct arena *a)
{
	free_blocks(a->blocks);
	free_blocks(a->spare);
	arena_init(a, a->max);
}

void arena_clear(struct arena *a)
{
	struct arena_block *block = a->blocks;
	size_t kept = 0;

	for (const struct arena_block *s = a->spare; s; s = s->older)
		kept += s->size;
	while (block) {
		struct arena_block *older = block->older;

		if (block->size > ARENA_KEEP_BYTES - kept) {
			free(block);
		} else {
			kept += block->size;
			block->used = 0;
			block->older = a->spare;
			a->spare = block;
		}
		block = older;
	}
	a->blocks = NULL;
	a->used = 0;
	a->failed = ERR_NONE;
}

/* The first that is large enough; there are few, as blocks double in size. */
static struct arena_block *take_spare(struct arena *a, size_t n)
{
	for (struct arena_block **at = &a->spare; *at; at = &(*at)->older) {
		struct arena_block *block = *at;

		if (block->size >= n) {
			*at = block->older;
			return block;
		}
	}
	return NULL;
}

static struct arena_block *add_block(struct arena *a, size_t n)
{
	size_t size = a->blocks ? a->blocks->size * 2 : FIRST_BLOCK_BYTES;
	struct arena_block *block = take_spare(a, n);

	if (size > BLOCK_BYTES_MAX)
		size = BLOCK_BYTES_MAX;
	if (size < n)
		size = n;
	if (!block) {
		block = malloc(sizeof(*block) + size);
		if (!block)
			return NULL;
		block->size = size;
		block->used = 0;
	}
	block->older = a->blocks;
	a->blocks = block;
	return block;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *block = a->blocks;
	unsigned char *p;

	if (a->failed != ERR_NONE)
		return NULL;
	if (n == 0)
		n = 1;
	if (n > a->max - a->used || n > SIZE_MAX / 4) {
		a->failed = ERR_LIMIT;
		return NULL;
	}
	n = (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!block || n > block->size - block->used)
		block = add_block(a, n);
	if (!block) {
		a->failed = ERR_NOMEM;
		return NULL;
	}
	p = block->bytes + block->used;
	block->used += n;
	/* Rounding may step over the cap by less than one alignment; the cap then reads as reached.
	 */
	a->used = n > a->max - a->used ? a->max : a->used + n;
	return memset(p, 0, n);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		if (a->failed == ERR_NONE)
			a->failed = ERR_LIMIT;
		return NULL;
	}
	return arena_alloc(a, bytes);
}

char *arena_text(struct arena *a, struct str s)
{
	char *text = arena_alloc(a, s.n + 1);

	if (text && s.n > 0)
		memcpy(text, s.p, s.n);
	return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0) {
		if (a->failed == ERR_NONE)
			a->failed = ERR_LIMIT;
		return NULL;
	}
	text = arena_alloc(a, (size_t)n + 1);
	if (!text)
		return NULL;
	va_start(args, fmt);
	n = vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	return n < 0 ? NULL : text;
}

bool arena_ok(const struct arena *a, struct err *err)
{
	if (a->failed == ERR_NONE)
		return true;
	if (a->failed == ERR_LIMIT)
		return err_set(err, ERR_LIMIT, "this needs more than %zu bytes of memory", a->max);
	return err_set(err, a->failed, "no memory beyond %zu bytes", a->used);
}
