/* What scan.h says, but for labels and samples. */
#include "exposition/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

bool scratch_hold(struct scratch *s, size_t capacity, struct err *err)
{
	char *bytes;

	if (capacity <= s->capacity)
		return true;
	if (capacity < s->capacity * 2)
		capacity = s->capacity * 2;
	bytes = realloc(s->bytes, capacity);
	if (bytes == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a line of the metrics page");
	s->bytes = bytes;
	s->capacity = capacity;
	return true;
}

bool scratch_add(struct scratch *s, const char *bytes, size_t n, struct err *err)
{
	if (!scratch_hold(s, s->n + n, err))
		return false;
	if (n > 0)
		memcpy(s->bytes + s->n, bytes, n);
	s->n += n;
	return true;
}

bool misplaced(size_t line, size_t column, struct err *err)
{
	err_prefix(err, "line %zu, column %zu", line + 1, column + 1);
	return false;
}

bool bad(const struct exposition *e, const struct cursor *c, const char *at, struct err *err)
{
	return misplaced(e->lines, (size_t)(at - c->start), err);
}

bool too_much(struct exposition *e, const struct cursor *c, const char *at,
              enum exposition_trouble which, struct err *err)
{
	e->trouble = which;
	return bad(e, c, at, err);
}

bool unexpected(const struct exposition *e, const struct cursor *c, const char *at,
                const char *expected, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	size_t n = 1;

	if (at == c->end)
		err_set(err, ERR_INVALID, "expected %s, found the end of the line", expected);
	else if (*at == '\r')
		err_set(err, ERR_INVALID,
		        "expected %s, found a carriage return: lines end with a line feed alone",
		        expected);
	else {
		/* All bytes of one UTF-8 character. */
		while (at + n < c->end && n < 4 && ((unsigned char)at[n] & 0xC0) == 0x80)
			n++;
		err_set(err, ERR_INVALID, "expected %s, found %s", expected,
		        str_quote((struct str){.p = at, .n = n}, quote));
	}
	return bad(e, c, at, err);
}

/* How many bytes at the start are ASCII for certain; eight at a time, as nearly all text of a page
 * is. */
static size_t ascii_bytes(struct str text)
{
	uint64_t word;
	size_t n = 0;

	for (; text.n - n >= sizeof(word); n += sizeof(word)) {
		memcpy(&word, text.p + n, sizeof(word));
		if ((word & UINT64_C(0x8080808080808080)) != 0)
			return n;
	}
	while (n < text.n && (unsigned char)text.p[n] < 0x80)
		n++;
	return n;
}

bool is_utf8(struct str text)
{
	size_t ascii = ascii_bytes(text);
	const char *nul;

	if (ascii == text.n)
		return true;
	text.p += ascii;
	text.n -= ascii;
	while (text.n > 0 && (nul = memchr(text.p, '\0', text.n)) != NULL) {
		size_t n = (size_t)(nul - text.p);

		if (!str_is_utf8((struct str){.p = text.p, .n = n}))
			return false;
		text.p += n + 1;
		text.n -= n + 1;
	}
	return str_is_utf8(text);
}

/* clang-format off */
/* Rows of sixteen. */
#define _ BYTE_PLAIN
#define D (BYTE_PLAIN | BYTE_DIGIT)
#define L (BYTE_PLAIN | BYTE_LETTER)
#define C (BYTE_PLAIN | BYTE_COLON)
const unsigned char byte_kinds[256] = {
	_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _,
	_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _,
	_, _, 0, _, _, _, _, _, _, _, _, _, _, _, _, _,
	D, D, D, D, D, D, D, D, D, D, C, _, _, _, _, _,
	_, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, _, 0, _, _, L,
	_, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,
	L, L, L, L, L, L, L, L, L, L, L, _, _, _, _, _,
};
#undef _
#undef D
#undef L
#undef C
/* clang-format on */

bool check_name(struct exposition *e, const struct cursor *c, const char *at, struct str name,
                const char *noun, struct err *err)
{
	if (name.n > 0 && name.n <= e->limits.max_name_bytes)
		return true;
	if (name.n == 0) {
		err_set(err, ERR_INVALID, "the %s name is empty", noun);
		return bad(e, c, at, err);
	}
	err_set(err, ERR_LIMIT, "the %s name is longer than %zu bytes", noun,
	        e->limits.max_name_bytes);
	return too_much(e, c, at, EXPOSITION_MAX_NAME, err);
}

/* From behind the opening quote to the closing one. What is no
 * escape of the formats is kept as it stands, backslash and all: so does Prometheus, and the
 * specification of OpenMetrics says so. */
static bool unescape(struct exposition *e, struct cursor *c, struct str *out, struct err *err)
{
	/* No string of a line is longer than the line, nor are all together: nothing handed out
	 * from here moves until the next line. */
	size_t room = (size_t)(c->end - c->start);
	char *to;

	if (!scratch_hold(&e->unescaped, room, err))
		return bad(e, c, c->p, err);
	to = e->unescaped.bytes + e->unescaped.n;
	out->p = to;
	for (; c->p < c->end && *c->p != '"'; c->p++) {
		if (*c->p != '\\') {
			*to++ = *c->p;
			continue;
		}
		if (c->p + 1 == c->end)
			break;
		if (c->p[1] == 'n') {
			*to++ = '\n';
		} else {
			if (c->p[1] != '\\' && c->p[1] != '"')
				*to++ = '\\';
			*to++ = c->p[1];
		}
		c->p++;
	}
	out->n = (size_t)(to - out->p);
	e->unescaped.n += out->n;
	return true;
}

bool take_any_string(struct exposition *e, struct cursor *c, const char *noun, struct str *out,
                     struct err *err)
{
	const char *opening = c->p;

	c->p++;
	if (!unescape(e, c, out, err))
		return false;
	if (c->p == c->end || *c->p != '"') {
		err_set(err, ERR_INVALID, "the %s is not closed on its line", noun);
		return bad(e, c, opening, err);
	}
	c->p++;
	if (is_utf8(*out))
		return true;
	err_set(err, ERR_INVALID, "the %s is not valid UTF-8", noun);
	return bad(e, c, opening, err);
}

bool take_family_name(struct exposition *e, struct cursor *c, struct str *out, struct err *err)
{
	const char *at = c->p;

	e->unescaped.n = 0;
	if (c->p < c->end && *c->p == '"') {
		if (!take_string(e, c, "metric name", out, err))
			return false;
	} else {
		*out = take_page_name(e, c);
		if (out->n == 0)
			return unexpected(e, c, c->p, "a metric name", err);
		e->family.n = 0;
		if (!scratch_add(&e->family, at, out->n, err))
			return bad(e, c, at, err);
	}
	return check_name(e, c, at, *out, "metric", err);
}

struct str take_word(const struct exposition *e, struct cursor *c)
{
	bool tabs = e->format == EXPOSITION_PROMETHEUS;
	const char *from = c->p;

	while (c->p < c->end && *c->p != ' ' && !(tabs && *c->p == '\t'))
		c->p++;
	return (struct str){.p = from, .n = (size_t)(c->p - from)};
}

/* "-123.45" with few digits: nearly every value. Both the digits and the power of ten are exact
 * doubles then, so that one division gives the nearest double. */
static bool take_simple_number(struct cursor *c, double *out)
{
	static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
	                                1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
	bool negative = c->p < c->end && *c->p == '-';
	const char *p = c->p + negative, *from = p;
	uint64_t digits = 0;
	size_t n, nfraction = 0;
	double value;

	for (; p < c->end && is_digit(*p); p++)
		digits = digits * 10 + (uint64_t)(*p - '0');
	n = (size_t)(p - from);
	if (n == 0)
		return false;
	if (p < c->end && *p == '.') {
		for (p++; p < c->end && is_digit(*p); p++, nfraction++)
			digits = digits * 10 + (uint64_t)(*p - '0');
	}
	if (n + nfraction > 15 || (p < c->end && *p != ' '))
		return false;
	value = (double)digits / powers[nfraction];
	*out = negative ? -value : value;
	c->p = p;
	return true;
}

bool take_number(const struct exposition *e, struct cursor *c, const char *noun, double *out,
                 struct err *err)
{
	char quote[STR_QUOTE_MAX];
	bool has_digit = false;
	struct str word;
	double value;

	if (take_simple_number(c, out))
		return true;
	word = take_word(e, c);
	if (word.n == 0)
		return unexpected(e, c, word.p, noun, err);
	if (word.p[word.n - 1] == '\r')
		return unexpected(e, c, word.p + word.n - 1, "the end of the line", err);
	for (size_t i = 0; i < word.n; i++) {
		has_digit = has_digit || is_digit(word.p[i]);
		if (word.p[i] != 'p' && word.p[i] != 'P')
			continue;
		err_set(err, ERR_INVALID, "%s is not a decimal number, NaN or Inf",
		        str_quote(word, quote));
		return bad(e, c, word.p, err);
	}
	if (!number_parse(word, &value, err))
		return bad(e, c, word.p, err);
	if (has_digit && isinf(value)) {
		err_set(err, ERR_INVALID, "%s is too large for a 64-bit float",
		        str_quote(word, quote));
		return bad(e, c, word.p, err);
	}
	*out = value;
	return true;
}
