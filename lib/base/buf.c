/*
 * buf - growing by doubling up to the maximum; the first failure sticks and nothing is added after
 * it.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_fini(struct buf *b)
{
	free(b->bytes);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = ERR_NONE;
	if (b->bytes)
		b->bytes[0] = '\0';
}

void buf_cut(struct buf *b, size_t n)
{
	if (n >= b->n)
		return;
	b->n = n;
	b->bytes[n] = '\0';
}

/* Makes room for n more bytes and the NUL. */
static bool make_room(struct buf *b, size_t n)
{
	size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
	char *bytes;

	if (b->failed != ERR_NONE)
		return false;
	if (n > b->max - b->n || b->n + n == SIZE_MAX) {
		b->failed = ERR_LIMIT;
		return false;
	}
	if (b->n + n < b->capacity)
		return true;
	while (capacity <= b->n + n)
		capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
	if (capacity - 1 > b->max)
		capacity = b->max + 1;
	bytes = realloc(b->bytes, capacity);
	if (!bytes) {
		b->failed = ERR_NOMEM;
		return false;
	}
	b->bytes = bytes;
	b->capacity = capacity;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (!make_room(b, n))
		return;
	if (n > 0)
		memcpy(b->bytes + b->n, bytes, n);
	b->n += n;
	b->bytes[b->n] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_text(struct buf *b, const char *text)
{
	buf_add_str(b, str_of(text));
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0) {
		if (b->failed == ERR_NONE)
			b->failed = ERR_LIMIT;
		return;
	}
	if (!make_room(b, (size_t)n))
		return;
	va_start(args, fmt);
	n = vsnprintf(b->bytes + b->n, (size_t)n + 1, fmt, args);
	va_end(args);
	if (n > 0)
		b->n += (size_t)n;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){.p = b->bytes ? b->bytes : "", .n = b->n};
}

char *buf_take_text(struct buf *b)
{
	char *text = NULL;

	if (make_room(b, 0)) {
		text = b->bytes;
		text[b->n] = '\0';
		buf_init(b, b->max);
	} else {
		enum err_code failed = b->failed;

		buf_fini(b);
		b->failed = failed; /* so that buf_ok() can still say why */
	}
	return text;
}

bool buf_ok(const struct buf *b, struct err *err)
{
	if (b->failed == ERR_NONE)
		return true;
	if (b->failed == ERR_LIMIT)
		return err_set(err, ERR_LIMIT, "the text is larger than %zu bytes", b->max);
	return err_set(err, b->failed, "no memory for a text of more than %zu bytes", b->n);
}
