/*
 * str - borrowed views of bytes for parsers; NUL-terminated strings exist only at the edges.
 *
 * A view borrows its bytes; the function that hands one out says until when.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){.p = (literal), .n = sizeof(literal) - 1})

struct str str_of(const char *text); /* NULL reads as empty */
bool str_eq(struct str a, struct str b);
bool str_eq_text(struct str a, const char *text);
int str_compare(struct str a, struct str b); /* byte order, like strcmp */
bool str_starts_with(struct str a, struct str prefix);
bool str_ends_with(struct str a, struct str suffix);
struct str str_slice(struct str a, size_t from, size_t to);
struct str str_trim(struct str a);              /* spaces and tabs */
uint64_t str_hash(struct str a, uint64_t seed); /* FNV-1a; not for hostile keys without a seed */
char *str_dup(struct str a);                    /* heap copy, NUL-terminated; NULL without memory */
char *text_dup(const char *text);               /* heap copy; NULL stays NULL */

/* The best of NULL-terminated `names` within edit distance 2 (Damerau-Levenshtein), else NULL: for
 * "did you mean". */
const char *str_nearest(struct str a, const char *const *names);

/* True when the bytes are well-formed UTF-8 without NUL. */
bool str_is_utf8(struct str a);

/* Somebody's input in double quotes for a message: at most 60 bytes of it, then "...", control
 * characters and bytes that are not UTF-8 as '?'. Returns out, which is always UTF-8. */
#define STR_QUOTE_MAX 68
const char *str_quote(struct str a, char out[STR_QUOTE_MAX]);

/* Mends a text that snprintf may have cut in a buffer of `size`: no half UTF-8 sequence at its end.
 */
void text_mend_cut(char *text, size_t size);
/* vsnprintf() whose text is always whole UTF-8, and empty when it could not be made. */
void text_vformat(char *out, size_t size, const char *fmt, va_list args) PRINTF_LIKE(3, 0);

#endif
