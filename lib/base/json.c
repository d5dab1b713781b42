/*
 * json - JSON text that hashes can be made of, and JSON text that strangers send.
 *
 * The canonical form is written here and not by the library, whose spelling of reals has changed
 * between releases: a hash made last year must still be right.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/field.h"
#include "base/units.h"

#define CANONICAL_DEPTH_MAX 64
#define WIRE_DEPTH_MAX 32
#define WIRE_TOKENS_MAX 10000

static void write_string(struct str s, struct buf *out)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", (unsigned)c);
		else
			buf_add_char(out, s.p[i]);
	}
	buf_add_char(out, '"');
}

static void write_real(double value, struct buf *out)
{
	char text[UNITS_TEXT_MAX];

	snprintf(text, sizeof(text), "%.17g", value);
	buf_add_text(out, text);
	if (!strpbrk(text, ".e"))
		buf_add_text(out, ".0");
}

static int compare_keys(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;

	return strcmp(*left, *right);
}

static bool write_value(const json_t *value, size_t depth, struct buf *out, struct err *err);

/* Jansson walks objects through non-const iterators only; nothing is changed. */
static json_t *unconst(const json_t *value)
{
	json_t *result;

	memcpy(&result, &value, sizeof(result));
	return result;
}

static bool write_object(const json_t *object, size_t depth, struct buf *out, struct err *err)
{
	size_t n = json_object_size(object);
	const char **keys = malloc((n ? n : 1) * sizeof(const char *));
	json_t *walked = unconst(object);
	const char *key;
	json_t *member;
	size_t at = 0;
	bool ok = true;

	if (!keys)
		return err_set(err, ERR_NOMEM, "no memory to sort %zu keys", n);
	json_object_foreach(walked, key, member) keys[at++] = key;
	qsort(keys, n, sizeof(const char *), compare_keys);
	buf_add_char(out, '{');
	for (size_t i = 0; i < n && ok; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		write_string(str_of(keys[i]), out);
		buf_add_char(out, ':');
		ok = write_value(json_object_get(object, keys[i]), depth + 1, out, err);
	}
	buf_add_char(out, '}');
	free(keys);
	return ok;
}

static bool write_array(const json_t *array, size_t depth, struct buf *out, struct err *err)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			buf_add_char(out, ',');
		if (!write_value(json_array_get(array, i), depth + 1, out, err))
			return false;
	}
	buf_add_char(out, ']');
	return true;
}

static bool write_value(const json_t *value, size_t depth, struct buf *out, struct err *err)
{
	if (depth > CANONICAL_DEPTH_MAX)
		return err_set(err, ERR_LIMIT, "the document is nested deeper than %d",
		               CANONICAL_DEPTH_MAX);
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return write_object(value, depth, out, err);
	case JSON_ARRAY:
		return write_array(value, depth, out, err);
	case JSON_STRING:
		write_string(
		        (struct str){.p = json_string_value(value), .n = json_string_length(value)},
		        out);
		return true;
	case JSON_INTEGER:
		buf_printf(out, "%lld", (long long)json_integer_value(value));
		return true;
	case JSON_REAL:
		write_real(json_real_value(value), out);
		return true;
	case JSON_TRUE:
		buf_add_text(out, "true");
		return true;
	case JSON_FALSE:
		buf_add_text(out, "false");
		return true;
	case JSON_NULL:
		buf_add_text(out, "null");
		return true;
	}
	return err_set(err, ERR_BUG, "a JSON value of no known type");
}

bool json_canonical(const json_t *value, struct buf *out, struct err *err)
{
	if (!value)
		return err_set(err, ERR_BUG, "no JSON value to write");
	return write_value(value, 1, out, err) && buf_ok(out, err);
}

struct scan {
	struct str text;
	size_t at;
	size_t depth;
	size_t n_tokens;
};

static bool refuse_at(struct scan *s, enum err_code code, const char *why, struct err *err)
{
	size_t line = 1;
	size_t column = 1;

	for (size_t i = 0; i < s->at && i < s->text.n; i++) {
		column++;
		if (s->text.p[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return err_set(err, code, "JSON refused at line %zu, column %zu: %s", line, column, why);
}

/* Past the closing quote; an open string is left to the parser to refuse. */
static void skip_string(struct scan *s)
{
	for (s->at++; s->at < s->text.n; s->at++) {
		if (s->text.p[s->at] == '"') {
			s->at++;
			return;
		}
		if (s->text.p[s->at] == '\\')
			s->at++;
	}
}

static bool is_literal_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '+' || c == '-' || c == '.';
}

/* Whether a number says something other than zero and still reads as zero. */
static bool vanishes(struct str literal)
{
	struct err ignored;
	double value;
	bool nonzero = false;

	for (size_t i = 0; i < literal.n && literal.p[i] != 'e' && literal.p[i] != 'E'; i++)
		nonzero = nonzero || (literal.p[i] >= '1' && literal.p[i] <= '9');
	return nonzero && number_parse(literal, &value, &ignored) && number_is_same(value, 0);
}

static bool scan_literal(struct scan *s, struct err *err)
{
	size_t from = s->at;
	struct scan start = *s;

	while (s->at < s->text.n && is_literal_byte(s->text.p[s->at]))
		s->at++;
	if (vanishes(str_slice(s->text, from, s->at)))
		return refuse_at(&start, ERR_INVALID,
		                 "a number that is not zero but too small to be kept", err);
	return true;
}

static bool scan_token(struct scan *s, struct err *err)
{
	char c = s->text.p[s->at];

	if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
		s->at++;
		return true;
	}
	if (++s->n_tokens > WIRE_TOKENS_MAX)
		return refuse_at(s, ERR_LIMIT, "more than 10000 tokens", err);
	if (c == '"') {
		skip_string(s);
		return true;
	}
	if (is_literal_byte(c))
		return scan_literal(s, err);
	if (c == '{' || c == '[') {
		if (++s->depth > WIRE_DEPTH_MAX)
			return refuse_at(s, ERR_LIMIT, "nested deeper than 32", err);
	} else if ((c == '}' || c == ']') && s->depth > 0) {
		s->depth--;
	}
	s->at++;
	return true;
}

/* What the library would accept and we do not. Whether it is JSON at all the library decides. */
static bool scan_wire(struct str text, struct err *err)
{
	struct scan s = {.text = text};

	if (str_starts_with(text, STR("\xEF\xBB\xBF")))
		return refuse_at(&s, ERR_INVALID, "it starts with a byte order mark; leave it out",
		                 err);
	while (s.at < text.n) {
		if (!scan_token(&s, err))
			return false;
	}
	return true;
}

static void refuse_parsed(const json_error_t *error, struct err *err)
{
	char why[JSON_ERROR_TEXT_LENGTH];
	size_t n = strnlen(error->text, sizeof(why) - 1);

	/* Without memory for a container the library fails without a word; where it fails inside a
	 * token it calls the token invalid, and nobody can tell. */
	if (n == 0 || json_error_code(error) == json_error_out_of_memory) {
		err_set(err, ERR_NOMEM, "no memory to read JSON");
		return;
	}
	/* The library quotes the input, and the text travels to logs and answers. */
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)error->text[i];

		why[i] = error->text[i];
		if (c < 0x20 || c >= 0x7F)
			why[i] = '?';
	}
	why[n] = '\0';
	err_set(err, ERR_INVALID, "JSON refused at line %d, column %d: %s",
	        error->line > 0 ? error->line : 1, error->column > 0 ? error->column : 1, why);
}

json_t *json_parse_strict(struct str text, size_t max_bytes, struct err *err)
{
	json_error_t error;
	json_t *root;

	if (text.n > max_bytes) {
		err_set(err, ERR_LIMIT, "JSON of %zu bytes; at most %zu are read", text.n,
		        max_bytes);
		return NULL;
	}
	if (!scan_wire(text, err))
		return NULL;
	root = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
	                  &error);
	if (!root) {
		refuse_parsed(&error, err);
		return NULL;
	}
	if (!json_is_object(root)) {
		json_decref(root);
		err_set(err, ERR_INVALID,
		        "JSON refused at line 1, column 1: it must be an object, like {...}");
		return NULL;
	}
	return root;
}

static bool is_one_of(struct str text, const char *const *words)
{
	for (; *words; words++) {
		if (str_eq_text(text, *words))
			return true;
	}
	return false;
}

static bool has_only(struct str text, const char *bytes)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\0' || !strchr(bytes, text.p[i]))
			return false;
	}
	return text.n > 0;
}

/* 0o17 and 0x1F; false when it is neither or does not fit. */
static bool parse_based(struct str text, json_int_t *out)
{
	bool octal = str_starts_with(text, STR("0o")) &&
	             has_only(str_slice(text, 2, text.n), "01234567");
	bool hex = str_starts_with(text, STR("0x")) &&
	           has_only(str_slice(text, 2, text.n), "0123456789abcdefABCDEF");
	json_int_t value = 0;

	if (!octal && !hex)
		return false;
	for (size_t i = 2; i < text.n; i++) {
		char c = text.p[i];
		int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;

		if (__builtin_mul_overflow(value, octal ? 8 : 16, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*out = value;
	return true;
}

/* Decimal numbers as YAML spells them: what number_parse takes less Inf, NaN and hexadecimal
 * floats. */
static json_t *decimal_scalar(struct str text)
{
	struct str unsigned_text = str_slice(text, text.p[0] == '+' ? 1 : 0, text.n);
	struct err ignored;
	int64_t whole;
	double real;

	if (!has_only(text, "0123456789.eE+-") || str_starts_with(unsigned_text, STR("+")))
		return NULL;
	if (text.p[0] == '+' && str_starts_with(unsigned_text, STR("-")))
		return NULL;
	if (int_parse(unsigned_text, &whole, &ignored))
		return json_integer(whole);
	/* More digits than an integer holds: an identifier rather than an amount. */
	if (!memchr(text.p, '.', text.n) && !memchr(text.p, 'e', text.n) &&
	    !memchr(text.p, 'E', text.n))
		return NULL;
	if (!number_parse(text, &real, &ignored) || !isfinite(real) || vanishes(text))
		return NULL;
	return json_real(real);
}

json_t *json_of_plain_scalar(struct str text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	json_int_t based;
	json_t *number;

	if (is_one_of(text, nulls))
		return json_null();
	if (is_one_of(text, trues))
		return json_true();
	if (is_one_of(text, falses))
		return json_false();
	if (parse_based(text, &based))
		return json_integer(based);
	number = decimal_scalar(text);
	return number ? number : json_stringn(text.p, text.n);
}
