/*
 * field - reading JSON by a table: one walk, every mistake reported where it stands.
 *
 * A member is zero until it was read whole, so a struct that is half decoded can always be freed.
 */
#include "base/field.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/field_parts.h"
#include "base/str.h"
#include "base/units.h"

#define DEPTH_MAX 32
#define POINTER_BYTES_MAX 8192
#define TEXT_MAX 1024
#define NAMES_MAX 128 /* keys of one table considered for "did you mean" */
#define LISTED_MAX 12 /* more names than this are not worth listing in a message */
#define NAME_BYTES_MAX 64

/* clang-format off */
static const char *const samples[] = {
	[FIELD_BOOL]      = "true or false",
	[FIELD_INT]       = "a whole number like 10",
	[FIELD_NUMBER]    = "a number like 0.25",
	[FIELD_RATIO]     = "a ratio like 1% or 0.01",
	[FIELD_DURATION]  = "a duration like 15m",
	[FIELD_INSTANT]   = "an instant like 2026-01-02T03:04:05Z",
	[FIELD_ENUM]      = "a name",
	[FIELD_TEXT]      = "a text",
	[FIELD_TEXT_LIST] = "a list of texts",
	[FIELD_JSON]      = "any value",
	[FIELD_STRUCT]    = "an object",
	[FIELD_LIST]      = "a list of objects",
	[FIELD_MAP]       = "an object with a name for each entry",
	[FIELD_CUSTOM]    = "a value",
};
/* clang-format on */
_Static_assert(ARRAY_LEN(samples) == FIELD_CUSTOM + 1, "every kind has a sample");

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

static size_t count_reported(const struct decode *d)
{
	return d->problems->n + d->problems->dropped;
}

static bool no_memory(struct decode *d)
{
	return decode_problem(d, "cannot be read: no memory");
}

/* Holds code we call to its word: false comes with a problem, and a problem means false. */
static bool settle(bool ok, size_t reported_before, struct decode *d)
{
	if (count_reported(d) != reported_before)
		return false;
	return ok || decode_problem(d, "is not valid");
}

static const char *describe(json_t *value, char out[STR_QUOTE_MAX])
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return str_quote(
		        (struct str){.p = json_string_value(value), .n = json_string_length(value)},
		        out);
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

static bool wrong_type(enum field_kind kind, json_t *value, struct decode *d)
{
	char quote[STR_QUOTE_MAX];

	return decode_problem(d, "must be %s, not %s", samples[kind], describe(value, quote));
}

static struct str string_of(json_t *value)
{
	return (struct str){.p = json_string_value(value), .n = json_string_length(value)};
}

static bool out_of_bounds(const struct field *field, struct decode *d)
{
	struct buf bounds;

	buf_init(&bounds, 2 * UNITS_TEXT_MAX + 32);
	field_bounds_print(field, &bounds);
	decode_problem(d, "must be %s", buf_str(&bounds).p);
	buf_fini(&bounds);
	return false;
}

static bool decode_bool(json_t *value, void *member, struct decode *d)
{
	static const char *const words[] = {"false", "true", "False", "True", "FALSE", "TRUE"};
	bool *out = member;

	if (json_is_boolean(value)) {
		*out = json_is_true(value);
		return true;
	}
	for (size_t i = 0; json_is_string(value) && i < ARRAY_LEN(words); i++) {
		if (str_eq_text(string_of(value), words[i])) {
			*out = i % 2 == 1;
			return true;
		}
	}
	return wrong_type(FIELD_BOOL, value, d);
}

static bool decode_int(const struct field *field, json_t *value, void *member, struct decode *d)
{
	const double exact_max = 9007199254740992.0; /* 2^53: beyond it reals skip integers */
	int64_t *out = member;
	int64_t read = 0;
	struct err err;

	if (json_is_integer(value)) {
		read = json_integer_value(value);
	} else if (json_is_string(value)) {
		if (!int_parse(string_of(value), &read, &err))
			return decode_problem(d, "%s", err.text);
	} else if (json_is_real(value)) {
		double real = json_real_value(value);

		if (!number_is_same(real, trunc(real)) || fabs(real) > exact_max)
			return decode_problem(d, "must be a whole number, like 10");
		read = (int64_t)real;
	} else {
		return wrong_type(field->kind, value, d);
	}
	if (!field_is_in_bounds(field, (double)read))
		return out_of_bounds(field, d);
	*out = read;
	return true;
}

static bool decode_number(const struct field *field, json_t *value, void *member, struct decode *d)
{
	double *out = member;
	double read = 0;
	struct err err;

	if (json_is_number(value)) {
		read = json_number_value(value);
	} else if (json_is_string(value)) {
		bool ok = field->kind == FIELD_RATIO ? ratio_parse(string_of(value), &read, &err)
		                                     : number_parse(string_of(value), &read, &err);

		if (!ok)
			return decode_problem(d, "%s", err.text);
		if (!isfinite(read)) {
			char quote[STR_QUOTE_MAX];

			return decode_problem(d, "%s is not a finite number",
			                      str_quote(string_of(value), quote));
		}
	} else {
		return wrong_type(field->kind, value, d);
	}
	if (!field_is_in_bounds(field, read))
		return out_of_bounds(field, d);
	*out = read;
	return true;
}

static bool decode_duration(const struct field *field, json_t *value, void *member,
                            struct decode *d)
{
	int64_t *out = member;
	int64_t read = 0;
	struct err err;

	if (json_is_string(value)) {
		if (!duration_parse(string_of(value), &read, &err))
			return decode_problem(d, "%s", err.text);
	} else if (json_is_number(value)) {
		/* 0 needs no unit; of any other number nobody knows whether it is seconds. */
		if (!number_is_same(json_number_value(value), 0))
			return decode_problem(d, "must be a duration like 15m, not a number: "
			                         "write its unit");
	} else {
		return wrong_type(field->kind, value, d);
	}
	if (!field_is_in_bounds(field, (double)read))
		return out_of_bounds(field, d);
	*out = read;
	return true;
}

static bool decode_instant(json_t *value, void *member, struct decode *d)
{
	struct wall *out = member;
	struct err err;

	if (!json_is_string(value))
		return wrong_type(FIELD_INSTANT, value, d);
	if (!instant_parse(string_of(value), out, &err))
		return decode_problem(d, "%s", err.text);
	return true;
}

/* "a, b, c" */
static void join_names(const char *const *names, struct buf *out)
{
	for (size_t i = 0; names[i]; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", names[i]);
}

static bool decode_enum(const struct field *field, json_t *value, void *member, struct decode *d)
{
	const char *const *names = field->names;
	const char *nearest = NULL;
	char quote[STR_QUOTE_MAX];
	struct buf listed;
	int *out = member;

	for (int i = 0; json_is_string(value) && names[i]; i++) {
		if (str_eq_text(string_of(value), names[i])) {
			*out = i;
			return true;
		}
	}
	if (json_is_string(value))
		nearest = str_nearest(string_of(value), names);
	buf_init(&listed, TEXT_MAX / 2);
	join_names(names, &listed);
	if (nearest)
		decode_problem(d, "must be one of %s, not %s; did you mean \"%s\"?",
		               buf_str(&listed).p, describe(value, quote), nearest);
	else
		decode_problem(d, "must be one of %s, not %s", buf_str(&listed).p,
		               describe(value, quote));
	buf_fini(&listed);
	return false;
}

static bool size_is_fine(const struct field *field, size_t n, const char *things, struct decode *d)
{
	size_t least = field->min > 0 ? (size_t)field->min : 0;
	size_t most = field_max_size(field);

	if (n >= least && n <= most)
		return true;
	if (n == 0)
		return decode_problem(d, "must not be empty");
	if (n < least)
		return decode_problem(d, "has %zu %s, must have at least %zu", n, things, least);
	return decode_problem(d, "has %zu %s, may have at most %zu", n, things, most);
}

static bool decode_text(const struct field *field, json_t *value, void *member, struct decode *d)
{
	char **out = member;

	if (!json_is_string(value))
		return wrong_type(field->kind, value, d);
	if (!size_is_fine(field, json_string_length(value), "bytes", d))
		return false;
	*out = str_dup(string_of(value));
	return *out || no_memory(d);
}

static bool decode_text_list(const struct field *field, json_t *value, void *base, struct decode *d)
{
	static const struct field element = {.kind = FIELD_TEXT};
	char ***out = field_member(base, field->offset);
	size_t *count = field_member(base, field->count_offset);
	bool lone = json_is_string(value);
	size_t n = lone ? 1 : json_array_size(value);
	bool ok = true;

	if (!lone && !json_is_array(value))
		return wrong_type(field->kind, value, d);
	if (!size_is_fine(field, n, "entries", d))
		return false;
	if (n == 0)
		return true;
	*out = calloc(n, sizeof(**out));
	if (!*out)
		return no_memory(d);
	*count = n;
	if (lone)
		return decode_text(&element, value, &(*out)[0], d);
	for (size_t i = 0; i < n; i++) {
		size_t mark = decode_push_index(d, i);

		ok = decode_text(&element, json_array_get(value, i), &(*out)[i], d) && ok;
		decode_pop(d, mark);
	}
	return ok;
}

static json_t *read_json(json_t *value, struct decode *d);

static json_t *read_json_object(json_t *object, struct decode *d)
{
	json_t *copy = json_object();
	const char *key;
	json_t *member;

	json_object_foreach(object, key, member)
	{
		size_t mark = decode_push(d, key);
		json_t *read = copy ? read_json(member, d) : NULL;

		decode_pop(d, mark);
		if (!read || json_object_set_new(copy, key, read) != 0) {
			json_decref(copy);
			return NULL;
		}
	}
	return copy;
}

static json_t *read_json_array(json_t *array, struct decode *d)
{
	json_t *copy = json_array();

	for (size_t i = 0; copy && i < json_array_size(array); i++) {
		size_t mark = decode_push_index(d, i);
		json_t *read = read_json(json_array_get(array, i), d);

		decode_pop(d, mark);
		if (!read || json_array_append_new(copy, read) != 0) {
			json_decref(copy);
			return NULL;
		}
	}
	return copy;
}

/* A deep copy in which plain YAML scalars have their own types. NULL without memory or, with a
 * problem reported, when it is too deep. */
static json_t *read_json(json_t *value, struct decode *d)
{
	json_t *copy;

	if (d->depth >= DEPTH_MAX) {
		decode_problem(d, "is nested deeper than %d", DEPTH_MAX);
		return NULL;
	}
	d->depth++;
	if (json_is_object(value))
		copy = read_json_object(value, d);
	else if (json_is_array(value))
		copy = read_json_array(value, d);
	else if (json_is_string(value) && decode_is_plain(d))
		copy = json_of_plain_scalar(string_of(value));
	else
		copy = json_deep_copy(value);
	d->depth--;
	return copy;
}

static bool decode_json(json_t *value, void *member, struct decode *d)
{
	size_t before = count_reported(d);
	json_t **out = member;

	*out = read_json(value, d);
	if (*out)
		return true;
	return count_reported(d) != before ? false : no_memory(d);
}

static bool decode_object(const struct field_table *table, json_t *object, void *out,
                          struct decode *d);

static bool decode_list(const struct field *field, json_t *value, void *base, struct decode *d)
{
	void **out = field_member(base, field->offset);
	size_t *count = field_member(base, field->count_offset);
	size_t n = json_array_size(value);
	bool ok = true;

	if (!json_is_array(value))
		return wrong_type(field->kind, value, d);
	if (!size_is_fine(field, n, "entries", d))
		return false;
	if (n == 0)
		return true;
	*out = calloc(n, field->table->size);
	if (!*out)
		return no_memory(d);
	*count = n;
	for (size_t i = 0; i < n; i++) {
		size_t mark = decode_push_index(d, i);

		ok = decode_object(field->table, json_array_get(value, i),
		                   field_element(*out, field->table, i), d) &&
		     ok;
		decode_pop(d, mark);
	}
	return ok;
}

static bool name_is_fine(struct str name)
{
	if (name.n == 0 || name.n > NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		            (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';

		if (!fine)
			return false;
	}
	return true;
}

static bool decode_map_entry(const struct field_table *table, const char *key, json_t *value,
                             void *element, struct decode *d)
{
	size_t mark = decode_push(d, key);
	char **name = element;
	bool ok = true;

	if (!name_is_fine(str_of(key))) {
		char quote[STR_QUOTE_MAX];

		ok = decode_problem(d, "%s is not a name: use 1 to 64 letters, digits, or _ . -",
		                    str_quote(str_of(key), quote));
	}
	*name = text_dup(key);
	if (!*name)
		ok = no_memory(d);
	ok = decode_object(table, value, element, d) && ok;
	decode_pop(d, mark);
	return ok;
}

static bool decode_map(const struct field *field, json_t *value, void *base, struct decode *d)
{
	void **out = field_member(base, field->offset);
	size_t *count = field_member(base, field->count_offset);
	size_t n = json_object_size(value);
	const char *key;
	json_t *member;
	size_t i = 0;
	bool ok = true;

	if (!json_is_object(value))
		return wrong_type(field->kind, value, d);
	if (!size_is_fine(field, n, "entries", d))
		return false;
	if (n == 0)
		return true;
	*out = calloc(n, field->table->size);
	if (!*out)
		return no_memory(d);
	*count = n;
	json_object_foreach(value, key, member)
	{
		void *element = field_element(*out, field->table, i++);

		ok = decode_map_entry(field->table, key, member, element, d) && ok;
	}
	return ok;
}

bool field_decode_one(const struct field *field, json_t *value, void *base, struct decode *d)
{
	void *member = field_member(base, field->offset);
	size_t before = count_reported(d);

	switch (field->kind) {
	case FIELD_BOOL:
		return decode_bool(value, member, d);
	case FIELD_INT:
		return decode_int(field, value, member, d);
	case FIELD_NUMBER:
	case FIELD_RATIO:
		return decode_number(field, value, member, d);
	case FIELD_DURATION:
		return decode_duration(field, value, member, d);
	case FIELD_INSTANT:
		return decode_instant(value, member, d);
	case FIELD_ENUM:
		return decode_enum(field, value, member, d);
	case FIELD_TEXT:
		return decode_text(field, value, member, d);
	case FIELD_TEXT_LIST:
		return decode_text_list(field, value, base, d);
	case FIELD_JSON:
		return decode_json(value, member, d);
	case FIELD_STRUCT:
		return decode_object(field->table, value, member, d);
	case FIELD_LIST:
		return decode_list(field, value, base, d);
	case FIELD_MAP:
		return decode_map(field, value, base, d);
	case FIELD_CUSTOM:
		return settle(field->custom->decode(value, member, d), before, d);
	}
	return decode_problem(d, "cannot be read: its table names no known kind");
}

/* The fallback as the JSON a person's spelling would have become; NULL without memory. */
static json_t *fallback_value(const struct field *field)
{
	bool bracketed = field->fallback[0] == '[' || field->fallback[0] == '{';
	json_t *value;

	switch (field->kind) {
	case FIELD_STRUCT:
	case FIELD_LIST:
	case FIELD_MAP:
	case FIELD_JSON:
		value = json_loads(field->fallback, JSON_DECODE_ANY, NULL);
		return value ? value : json_of_plain_scalar(str_of(field->fallback));
	case FIELD_TEXT_LIST:
	case FIELD_CUSTOM:
		return bracketed ? json_loads(field->fallback, 0, NULL)
		                 : json_string(field->fallback);
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_RATIO:
	case FIELD_DURATION:
	case FIELD_INSTANT:
	case FIELD_ENUM:
	case FIELD_TEXT:
		break;
	}
	return json_string(field->fallback);
}

static bool decode_absent(const struct field *field, void *base, struct decode *d)
{
	json_t *value;
	size_t mark;
	bool ok;

	if (field->flags & FIELD_REQUIRED)
		return decode_problem(d, "\"%s\" is missing", field->key);
	if (field->fallback)
		value = fallback_value(field);
	else if (field->kind == FIELD_STRUCT && !(field->flags & FIELD_OMIT_ABSENT))
		value = json_object();
	else
		return true;
	if (!value)
		return no_memory(d);
	mark = decode_push(d, field->key);
	ok = field_decode_one(field, value, base, d);
	decode_pop(d, mark);
	json_decref(value);
	return ok;
}

static bool table_has_key(const struct field_table *table, const char *key)
{
	for (size_t i = 0; i < table->n; i++) {
		if (strcmp(table->fields[i].key, key) == 0)
			return true;
	}
	return false;
}

static bool unknown_key(const struct field_table *table, const char *key, struct decode *d)
{
	const char *names[NAMES_MAX + 1] = {NULL};
	size_t mark = decode_push(d, key);
	char quote[STR_QUOTE_MAX];
	const char *nearest;
	struct buf listed;

	for (size_t i = 0; i < table->n && i < NAMES_MAX; i++)
		names[i] = table->fields[i].key;
	nearest = str_nearest(str_of(key), names);
	str_quote(str_of(key), quote);
	buf_init(&listed, TEXT_MAX / 2);
	if (nearest) {
		decode_problem(d, "unknown key %s, did you mean \"%s\"?", quote, nearest);
	} else if (table->n > 0 && table->n <= LISTED_MAX) {
		join_names(names, &listed);
		decode_problem(d, "unknown key %s; the keys here are %s", quote,
		               buf_str(&listed).p);
	} else {
		decode_problem(d, "unknown key %s", quote);
	}
	buf_fini(&listed);
	decode_pop(d, mark);
	return false;
}

static bool decode_members(const struct field_table *table, json_t *object, void *out,
                           struct decode *d)
{
	const char *key;
	json_t *value;
	bool ok = true;

	json_object_foreach(object, key, value)
	{
		if (!table_has_key(table, key))
			ok = unknown_key(table, key, d);
	}
	for (size_t i = 0; i < table->n; i++) {
		const struct field *field = &table->fields[i];
		size_t mark;

		value = json_object_get(object, field->key);
		if (!value) {
			ok = decode_absent(field, out, d) && ok;
			continue;
		}
		mark = decode_push(d, field->key);
		ok = field_decode_one(field, value, out, d) && ok;
		decode_pop(d, mark);
	}
	return ok;
}

/* *out is zero, but for the name of a map entry. */
static bool decode_object(const struct field_table *table, json_t *object, void *out,
                          struct decode *d)
{
	size_t before = count_reported(d);
	json_t *normal;
	bool ok;

	if (d->depth >= DEPTH_MAX)
		return decode_problem(d, "is nested deeper than %d", DEPTH_MAX);
	/* A short form need not be an object, so whoever normalises looks first. */
	normal = table->normalise ? table->normalise(object, d) : json_incref(object);
	if (!normal)
		return settle(false, before, d);
	if (!json_is_object(normal)) {
		wrong_type(FIELD_STRUCT, normal, d);
		json_decref(normal);
		return false;
	}
	d->depth++;
	ok = decode_members(table, normal, out, d);
	if (ok && table->check && count_reported(d) == before)
		ok = table->check(out, d);
	d->depth--;
	json_decref(normal);
	return settle(ok, before, d);
}

bool field_decode(const struct field_table *table, json_t *object, void *out, struct decode *d)
{
	memset(out, 0, table->size);
	return decode_object(table, object, out, d);
}
