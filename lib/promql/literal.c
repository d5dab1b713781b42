/* The values of string and number tokens: escapes as in Go, numbers as Prometheus reads them. */
#include <math.h>

#include "base/units.h"
#include "promql/lexer.h"

struct unquote {
	struct str from;
	size_t at;
	char quote;
	char *to;
	size_t n;
};

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* `count` digits of `base` from u->at on; -1 when there are fewer. */
static int64_t escape_digits(struct unquote *u, size_t count, int base)
{
	int64_t value = 0;

	for (size_t i = 0; i < count; i++, u->at++) {
		if (u->at >= u->from.n || digit_value(u->from.p[u->at]) >= base)
			return -1;
		value = value * base + digit_value(u->from.p[u->at]);
	}
	return value;
}

static void put_byte(struct unquote *u, int64_t byte)
{
	u->to[u->n++] = (char)(unsigned char)byte;
}

static bool put_rune(struct unquote *u, int64_t rune)
{
	if (rune < 0 || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
		return false;
	if (rune < 0x80) {
		put_byte(u, rune);
		return true;
	}
	if (rune < 0x800) {
		put_byte(u, 0xc0 | (rune >> 6));
	} else if (rune < 0x10000) {
		put_byte(u, 0xe0 | (rune >> 12));
		put_byte(u, 0x80 | ((rune >> 6) & 0x3f));
	} else {
		put_byte(u, 0xf0 | (rune >> 18));
		put_byte(u, 0x80 | ((rune >> 12) & 0x3f));
		put_byte(u, 0x80 | ((rune >> 6) & 0x3f));
	}
	put_byte(u, 0x80 | (rune & 0x3f));
	return true;
}

static bool put_numeric_byte(struct unquote *u, int64_t byte)
{
	if (byte < 0 || byte > 255)
		return false;
	put_byte(u, byte);
	return true;
}

/* u->at stands behind the backslash. */
static bool unescape(struct unquote *u)
{
	static const char names[] = "abfnrtv\\";
	static const char values[] = "\a\b\f\n\r\t\v\\";
	char c;

	if (u->at >= u->from.n)
		return false;
	c = u->from.p[u->at];
	for (size_t i = 0; names[i]; i++) {
		if (c == names[i]) {
			put_byte(u, values[i]);
			u->at++;
			return true;
		}
	}
	if (c == u->quote) {
		put_byte(u, c);
		u->at++;
		return true;
	}
	if (c >= '0' && c <= '7')
		return put_numeric_byte(u, escape_digits(u, 3, 8));
	u->at++;
	if (c == 'x')
		return put_numeric_byte(u, escape_digits(u, 2, 16));
	if (c == 'u')
		return put_rune(u, escape_digits(u, 4, 16));
	return c == 'U' && put_rune(u, escape_digits(u, 8, 16));
}

bool token_unquote(const struct token *t, struct arena *arena, struct str *out, struct err *err)
{
	struct unquote u = {.from = str_slice(t->text, 1, t->text.n - 1), .quote = t->text.p[0]};

	/* No escape is shorter than what it stands for. */
	u.to = arena_alloc(arena, u.from.n + 1);
	if (!u.to)
		return err_set(err, ERR_NOMEM, "out of memory");
	while (u.at < u.from.n) {
		if (u.from.p[u.at] != '\\' || u.quote == '`') {
			u.to[u.n++] = u.from.p[u.at++];
			continue;
		}
		u.at++;
		if (!unescape(&u))
			return err_set(err, ERR_INVALID,
			               "unknown or malformed escape sequence in string");
	}
	*out = (struct str){.p = u.to, .n = u.n};
	return true;
}

/* Go reads 0x1F and, like C, 017 as whole numbers of another base; a leading zero before an 8 or 9
 * is decimal again. False when the text is neither. */
static bool read_based(struct str text, double *out, bool *out_too_large)
{
	bool hex = text.n > 2 && (text.p[1] == 'x' || text.p[1] == 'X');
	int base = hex ? 16 : 8;
	uint64_t value = 0;

	if (text.n < 2 || text.p[0] != '0')
		return false;
	for (size_t i = hex ? 2 : 1; i < text.n; i++) {
		if (digit_value(text.p[i]) >= base)
			return false;
		*out_too_large |= value > (uint64_t)INT64_MAX / (uint64_t)base;
		value = value * (uint64_t)base + (uint64_t)digit_value(text.p[i]);
	}
	*out = (double)value;
	return true;
}

bool token_number(const struct token *t, struct arena *arena, double *out, struct err *err)
{
	char *plain = arena_alloc(arena, t->text.n + 1);
	struct str text = {.p = plain};
	char quote[STR_QUOTE_MAX];
	bool too_large = false;

	if (!plain)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < t->text.n; i++) {
		if (t->text.p[i] != '_')
			plain[text.n++] = t->text.p[i];
	}
	if (!read_based(text, out, &too_large) && !number_parse(text, out, err))
		return false;
	/* "Inf" is a number; 1e999 is a mistake. */
	if (too_large || (isinf(*out) && t->text.p[0] <= '9'))
		return err_set(err, ERR_INVALID, "number out of range: %s", str_quote(text, quote));
	return true;
}
