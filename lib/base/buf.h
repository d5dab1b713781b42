/*
 * buf - growable bytes with a maximum given at birth and an error that sticks.
 *
 * Append freely, look once at the end with buf_ok(). Always NUL-terminated for the edges; the NUL
 * does not count. A buf that overflowed or ran out of memory keeps what it had.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct buf {
	char *bytes;
	size_t n;
	size_t capacity;
	size_t max;
	enum err_code failed; /* ERR_NONE, ERR_LIMIT or ERR_NOMEM */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);
void buf_clear(struct buf *b);         /* empty and error-free again, memory kept */
void buf_cut(struct buf *b, size_t n); /* back to the first n bytes; an error stays */
void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct str buf_str(const struct buf *b); /* borrowed until the next change */
char *buf_take_text(struct buf *b); /* the heap bytes; the buf is empty after; NULL if failed */
bool buf_ok(const struct buf *b, struct err *err) MUST_CHECK;

#endif
