/*
 * decode - the walk of a decoder through a document: where it stands, and what it complains of.
 */
#include "base/decode.h"

#include <stdarg.h>

#define POINTER_BYTES_MAX 8192
#define TEXT_MAX 1024

void decode_init(struct decode *d, struct problems *problems, const struct positions *positions)
{
	*d = (struct decode){.problems = problems, .positions = positions};
	buf_init(&d->pointer, POINTER_BYTES_MAX);
}

void decode_fini(struct decode *d)
{
	buf_fini(&d->pointer);
}

size_t decode_push(struct decode *d, const char *key)
{
	size_t mark = d->pointer.n;

	buf_add_char(&d->pointer, '/');
	for (; *key != '\0'; key++) {
		if (*key == '~')
			buf_add_text(&d->pointer, "~0");
		else if (*key == '/')
			buf_add_text(&d->pointer, "~1");
		else
			buf_add_char(&d->pointer, *key);
	}
	return mark;
}

size_t decode_push_index(struct decode *d, size_t index)
{
	size_t mark = d->pointer.n;

	buf_printf(&d->pointer, "/%zu", index);
	return mark;
}

void decode_pop(struct decode *d, size_t mark)
{
	/* A pointer too long to hold only makes places coarser, and only until the root is back. */
	if (mark == 0)
		buf_clear(&d->pointer);
	else
		buf_cut(&d->pointer, mark);
}

bool decode_problem(struct decode *d, const char *fmt, ...)
{
	const char *pointer = buf_str(&d->pointer).p;
	const struct position *at = positions_find(d->positions, pointer);
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	problems_add(d->problems, at ? at->file : NULL, at ? at->line : 0, at ? at->column : 0,
	             pointer, "%s", text);
	return false;
}

bool decode_is_plain(const struct decode *d)
{
	const struct position *at = positions_find(d->positions, buf_str(&d->pointer).p);

	return at && at->plain;
}

struct str json_text(json_t *value)
{
	return (struct str){.p = json_string_value(value), .n = json_string_length(value)};
}

size_t decode_reported(const struct decode *d)
{
	return d->problems->n + d->problems->dropped;
}

bool decode_no_memory(struct decode *d)
{
	return decode_problem(d, "cannot be read: no memory");
}

const char *decode_describe(json_t *value, char out[STR_QUOTE_MAX])
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return str_quote(json_text(value), out);
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
		return "true";
	case JSON_FALSE:
		return "false";
	case JSON_NULL:
		return "null";
	}
	return "a value";
}

bool decode_wrong_type(struct decode *d, const char *wanted, json_t *value)
{
	char quote[STR_QUOTE_MAX];

	return decode_problem(d, "must be %s, not %s", wanted, decode_describe(value, quote));
}
