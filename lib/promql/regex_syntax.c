/* One pass over a pattern in RE2's syntax; PCRE2 finds what is left to find. */
#include "promql/regex_syntax.h"

#include <stdint.h>

#include "base/macros.h"

/* RE2's \s has no vertical tab, PCRE2's has. */
#define SPACES "\\t\\n\\f\\r "

struct scan {
	struct str text;
	size_t at;
	struct buf *out;
	struct err *err;
	bool repeated; /* what came last was a repetition */
	size_t depth;  /* open groups */
};

static char peek(const struct scan *s, size_t ahead)
{
	return s->at + ahead < s->text.n ? s->text.p[s->at + ahead] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Characters, not bytes, from 1. */
static bool fail(struct scan *s, size_t at, const char *what)
{
	size_t character = 1;

	for (size_t i = 0; i < at; i++)
		character += ((unsigned char)s->text.p[i] & 0xc0) != 0x80;
	return err_set(s->err, ERR_INVALID, "invalid regular expression: %s (at character %zu)",
	               what, character);
}

static bool copy(struct scan *s, size_t n)
{
	buf_add_str(s->out, str_slice(s->text, s->at, s->at + n));
	s->at += n;
	return true;
}

static bool put_code(struct scan *s, uint32_t code)
{
	buf_printf(s->out, "\\x{%x}", (unsigned)code);
	return true;
}

/* s->at is at the first of at most three octal digits. */
static bool put_octal(struct scan *s)
{
	uint32_t code = 0;

	for (size_t i = 0; i < 3 && is_octal(peek(s, 0)); i++)
		code = code * 8 + (uint32_t)(s->text.p[s->at++] - '0');
	return put_code(s, code);
}

/* "41" or "{10FFFF}", behind the x. */
static bool put_hex(struct scan *s, size_t start)
{
	bool braces = peek(s, 0) == '{';
	uint32_t code = 0;
	size_t digits = 0;

	s->at += braces;
	for (; hex_value(peek(s, 0)) >= 0 && (braces || digits < 2); digits++) {
		code = code * 16 + (uint32_t)hex_value(s->text.p[s->at++]);
		if (code > 0x10ffff)
			return fail(s, start, "no such character");
	}
	if (!digits || (braces ? peek(s, 0) != '}' : digits != 2))
		return fail(s, start, "\\x takes two digits, or any number in braces");
	s->at += braces;
	return put_code(s, code);
}

/* "L", "{Greek}", "{^Greek}", behind \p or \P, which are yet to be written. */
static bool put_property(struct scan *s, size_t start)
{
	size_t n = 1;

	if (peek(s, 0) == '{') {
		while (s->at + n < s->text.n && s->text.p[s->at + n] != '}')
			n++;
		n++;
	}
	if (s->at + n > s->text.n)
		return fail(s, start, "a class of characters needs a name");
	buf_add_char(s->out, '\\');
	buf_add_char(s->out, s->text.p[s->at - 1]);
	return copy(s, n);
}

/* Escapes that stand for one character, in a class and outside. *out_known is false, and nothing
 * read behind the backslash and its letter, when it is none of them. */
static bool put_character(struct scan *s, char c, size_t start, bool *out_known)
{
	*out_known = true;
	switch (c) {
	case 'a':
		return put_code(s, '\a');
	case 'f':
		return put_code(s, '\f');
	case 'n':
		return put_code(s, '\n');
	case 'r':
		return put_code(s, '\r');
	case 't':
		return put_code(s, '\t');
	case 'v':
		return put_code(s, '\v');
	case 'x':
		return put_hex(s, start);
	default:
		break;
	}
	if (c == '0' || (is_octal(c) && is_octal(peek(s, 0)))) {
		s->at--;
		return put_octal(s);
	}
	if (is_digit(c))
		return fail(s, start, "back references are not supported, as in Prometheus");
	if (!is_letter(c) && (unsigned char)c < 0x80) {
		buf_add_char(s->out, '\\');
		buf_add_char(s->out, c);
		return true;
	}
	*out_known = false;
	return true;
}

/* \Q...\E, or to the end: everything between stands for itself. */
static bool put_quoted(struct scan *s)
{
	for (; s->at < s->text.n; s->at++) {
		char c = s->text.p[s->at];

		if (c == '\\' && peek(s, 1) == 'E') {
			s->at += 2;
			return true;
		}
		if (!is_letter(c) && !is_digit(c) && (unsigned char)c < 0x80)
			buf_add_char(s->out, '\\');
		buf_add_char(s->out, c);
	}
	return true;
}

static bool scan_escape(struct scan *s)
{
	size_t start = s->at++;
	bool known = false;
	char c = peek(s, 0);

	if (s->at >= s->text.n)
		return fail(s, start, "a backslash at the end");
	s->at++;
	switch (c) {
	case 'Q':
		return put_quoted(s);
	case 'p':
	case 'P':
		return put_property(s, start);
	case 's':
		buf_add_text(s->out, "[" SPACES "]");
		return true;
	case 'S':
		buf_add_text(s->out, "[^" SPACES "]");
		return true;
	case 'A':
	case 'b':
	case 'B':
	case 'd':
	case 'D':
	case 'w':
	case 'W':
	case 'z':
		buf_add_char(s->out, '\\');
		buf_add_char(s->out, c);
		return true;
	default:
		break;
	}
	if (!put_character(s, c, start, &known))
		return false;
	return known || fail(s, start, "no such escape sequence");
}

/* A class inside a class: it cannot be the end of a range, and what follows it does not begin one.
 */
static bool put_inner_class(struct scan *s, char c, size_t start, bool in_range, bool *out_known)
{
	*out_known = true;
	if (c == 's')
		buf_add_text(s->out, SPACES);
	else if (c == 'S')
		buf_add_text(s->out, "\\S\\x{b}");
	else if (c == 'd' || c == 'D' || c == 'w' || c == 'W')
		buf_printf(s->out, "\\%c", c);
	else if (c == 'p' || c == 'P')
		return put_property(s, start) &&
		       (!in_range || fail(s, start, "a range ends in a character"));
	else
		*out_known = false;
	return !*out_known || !in_range || fail(s, start, "a range ends in a character");
}

static bool scan_class_escape(struct scan *s, bool in_range, bool *out_is_class)
{
	size_t start = s->at++;
	bool known = false;
	char c = peek(s, 0);

	if (s->at >= s->text.n)
		return fail(s, start, "a backslash at the end");
	s->at++;
	if (!put_inner_class(s, c, start, in_range, out_is_class))
		return false;
	if (*out_is_class)
		return true;
	if (!put_character(s, c, start, &known))
		return false;
	return known || fail(s, start, "no such escape sequence in a class");
}

/* The length of "[:alpha:]" here; 0 when it is none. */
static size_t named_class(const struct scan *s)
{
	size_t n = 2;

	if (peek(s, 0) != '[' || peek(s, 1) != ':')
		return 0;
	while (is_letter(peek(s, n)) || peek(s, n) == '^')
		n++;
	return peek(s, n) == ':' && peek(s, n + 1) == ']' ? n + 2 : 0;
}

/* One item of a class. `*single` says whether the item before was one character that may begin a
 * range, `*in_range` that it has. */
static bool scan_class_item(struct scan *s, bool *single, bool *in_range)
{
	size_t named = named_class(s);
	bool is_class = named > 0;
	bool ends_range = *in_range;

	*in_range = false;
	if (named) {
		if (ends_range)
			return fail(s, s->at, "a range ends in a character");
		copy(s, named);
	} else if (peek(s, 0) == '-' && !ends_range) {
		*in_range = *single && peek(s, 1) != ']';
		buf_add_text(s->out, *in_range ? "-" : "\\-");
		s->at++;
	} else if (peek(s, 0) == '\\') {
		if (!scan_class_escape(s, ends_range, &is_class))
			return false;
	} else {
		if ((unsigned char)peek(s, 0) < 0x80 && !is_letter(peek(s, 0)) &&
		    !is_digit(peek(s, 0)))
			buf_add_char(s->out, '\\');
		copy(s, 1);
		while (((unsigned char)peek(s, 0) & 0xc0) == 0x80)
			copy(s, 1);
	}
	*single = !is_class && !ends_range && !*in_range;
	return true;
}

static bool scan_class(struct scan *s)
{
	size_t start = s->at;
	bool single = false;
	bool in_range = false;
	bool first = true;

	copy(s, 1);
	if (peek(s, 0) == '^')
		copy(s, 1);
	for (; first || peek(s, 0) != ']'; first = false) {
		if (s->at >= s->text.n)
			return fail(s, start, "a class that is not closed");
		if (!scan_class_item(s, &single, &in_range))
			return false;
	}
	return copy(s, 1);
}

/* What may stand between "(?" and its end: a name or flags. */
static bool scan_group_name(struct scan *s, size_t start, size_t skip)
{
	size_t n = 0;

	s->at += skip;
	while (is_letter(peek(s, n)) || is_digit(peek(s, n)) || peek(s, n) == '_')
		n++;
	if (!n || peek(s, n) != '>')
		return fail(s, start, "a group's name is made of letters, digits and _");
	buf_add_text(s->out, "(?P<");
	return copy(s, n + 1);
}

static bool scan_flags(struct scan *s, size_t start)
{
	size_t n = 2;
	bool negated = false;

	for (;; n++) {
		char c = peek(s, n);

		s->depth -= c == ')';
		if (c == ':' || c == ')')
			return copy(s, n + 1);
		if (c == '-' && !negated)
			negated = true;
		else if (c != 'i' && c != 'm' && c != 's' && c != 'U')
			return fail(s, start, "no such kind of group");
	}
}

static bool scan_group(struct scan *s)
{
	/* clang-format off */
	static const struct { const char *text, *sentence; } refused[] = {
		{ "(*",   "nothing to repeat" },
		{ "(?=",  "look-ahead is not supported, as in Prometheus" },
		{ "(?!",  "look-ahead is not supported, as in Prometheus" },
		{ "(?<=", "look-behind is not supported, as in Prometheus" },
		{ "(?<!", "look-behind is not supported, as in Prometheus" },
		{ "(?>",  "atomic groups are not supported, as in Prometheus" },
		{ "(?#",  "comments are not supported, as in Prometheus" },
		{ "(?(",  "conditions are not supported, as in Prometheus" },
		{ "(?P=", "back references are not supported, as in Prometheus" },
	};
	/* clang-format on */
	struct str rest = str_slice(s->text, s->at, s->text.n);
	size_t start = s->at;

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		if (str_starts_with(rest, str_of(refused[i].text)))
			return fail(s, start, refused[i].sentence);
	}
	s->depth++;
	if (peek(s, 1) != '?')
		return copy(s, 1);
	if (str_starts_with(rest, STR("(?P<")))
		return scan_group_name(s, start, 4);
	if (str_starts_with(rest, STR("(?<")))
		return scan_group_name(s, start, 3);
	return scan_flags(s, start);
}

/* "{2}", "{2,}" or "{2,5}" here: its length, 0 when the brace is just a brace. */
static size_t repeat_length(const struct scan *s, int64_t *out_least, int64_t *out_most)
{
	int64_t bounds[2] = {0, -1};
	size_t n = 1;

	for (size_t i = 0; i < 2; i++) {
		size_t digits = n;

		for (; is_digit(peek(s, n)); n++) {
			bounds[i] = (bounds[i] < 0 ? 0 : bounds[i]) * 10 + (peek(s, n) - '0');
			if (bounds[i] > REGEX_MAX_REPEAT)
				bounds[i] = REGEX_MAX_REPEAT + 1;
		}
		if (i == 0 && n == digits)
			return 0;
		if (i == 0 && peek(s, n) != ',')
			break;
		n += i == 0;
	}
	*out_least = bounds[0];
	*out_most = bounds[1];
	return peek(s, n) == '}' ? n + 1 : 0;
}

static bool scan_repeat(struct scan *s)
{
	size_t start = s->at;
	int64_t least = 0;
	int64_t most = -1;
	size_t n = 1;

	if (peek(s, 0) == '{') {
		n = repeat_length(s, &least, &most);
		if (!n) {
			buf_add_text(s->out, "\\{");
			s->at++;
			s->repeated = false;
			return true;
		}
	}
	if (n > 1 &&
	    (least > REGEX_MAX_REPEAT || most > REGEX_MAX_REPEAT || (most >= 0 && most < least)))
		return fail(s, start, "a repetition counts to 1000 at most, and upwards");
	if (s->repeated)
		return fail(s, start, "a repetition of a repetition");
	copy(s, n);
	if (peek(s, 0) == '?')
		copy(s, 1);
	s->repeated = true;
	return true;
}

/* The pattern stands in a group of ours, which it must not end. */
static bool scan_end_of_group(struct scan *s)
{
	if (!s->depth)
		return fail(s, s->at, "a group ends that never began");
	s->depth--;
	return copy(s, 1);
}

bool regex_translate(struct str pattern, struct buf *out, struct err *err)
{
	struct scan s = {.text = pattern, .out = out, .err = err};
	bool ok = true;

	while (ok && s.at < s.text.n) {
		char c = peek(&s, 0);

		if (c == '*' || c == '+' || c == '?' || c == '{') {
			ok = scan_repeat(&s);
			continue;
		}
		s.repeated = false;
		if (c == '\\')
			ok = scan_escape(&s);
		else if (c == '[')
			ok = scan_class(&s);
		else if (c == '(')
			ok = scan_group(&s);
		else if (c == ')')
			ok = scan_end_of_group(&s);
		else
			ok = copy(&s, 1);
	}
	return ok && buf_ok(out, err);
}
