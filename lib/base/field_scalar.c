/*
 * field_scalar - reading the values that hold no others: numbers, times, names, texts, JSON as it
 * is.
 */
#include "base/field_parts.h"

#include <math.h>
#include <string.h>

#include "base/decode.h"
#include "base/str.h"
#include "base/units.h"

#define NAMES_BYTES_MAX 512 /* of the names an enum lists in a message */

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
		if (str_eq_text(json_text(value), words[i])) {
			*out = i % 2 == 1;
			return true;
		}
	}
	return field_wrong_type(FIELD_BOOL, value, d);
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
		if (!int_parse(json_text(value), &read, &err))
			return decode_problem(d, "%s", err.text);
	} else if (json_is_real(value)) {
		double real = json_real_value(value);

		if (!number_is_same(real, trunc(real)) || fabs(real) > exact_max)
			return decode_problem(d, "must be a whole number, like 10");
		read = (int64_t)real;
	} else {
		return field_wrong_type(field->kind, value, d);
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
		bool ok = field->kind == FIELD_RATIO ? ratio_parse(json_text(value), &read, &err)
		                                     : number_parse(json_text(value), &read, &err);

		if (!ok)
			return decode_problem(d, "%s", err.text);
		if (!isfinite(read)) {
			char quote[STR_QUOTE_MAX];

			return decode_problem(d, "%s is not a finite number",
			                      str_quote(json_text(value), quote));
		}
	} else {
		return field_wrong_type(field->kind, value, d);
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
		if (!duration_parse(json_text(value), &read, &err))
			return decode_problem(d, "%s", err.text);
	} else if (json_is_number(value)) {
		/* 0 needs no unit; of any other number nobody knows whether it is seconds. */
		if (!number_is_same(json_number_value(value), 0))
			return decode_problem(d, "must be a duration like 15m, not a number: "
			                         "write its unit");
	} else {
		return field_wrong_type(field->kind, value, d);
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
		return field_wrong_type(FIELD_INSTANT, value, d);
	if (!instant_parse(json_text(value), out, &err))
		return decode_problem(d, "%s", err.text);
	return true;
}

static bool decode_enum(const struct field *field, json_t *value, void *member, struct decode *d)
{
	const char *const *names = field->names;
	const char *nearest = NULL;
	char quote[STR_QUOTE_MAX];
	struct buf listed;
	int *out = member;

	for (int i = 0; json_is_string(value) && names[i]; i++) {
		if (str_eq_text(json_text(value), names[i])) {
			*out = i;
			return true;
		}
	}
	if (json_is_string(value))
		nearest = str_nearest(json_text(value), names);
	buf_init(&listed, NAMES_BYTES_MAX);
	field_names_print(names, &listed);
	if (nearest)
		decode_problem(d, "must be one of %s, not %s; did you mean \"%s\"?",
		               buf_str(&listed).p, decode_describe(value, quote), nearest);
	else
		decode_problem(d, "must be one of %s, not %s", buf_str(&listed).p,
		               decode_describe(value, quote));
	buf_fini(&listed);
	return false;
}

static bool decode_text(const struct field *field, json_t *value, void *member, struct decode *d)
{
	char **out = member;

	if (!json_is_string(value))
		return field_wrong_type(field->kind, value, d);
	if (!field_size_is_fine(field, json_string_length(value), "bytes", d))
		return false;
	*out = str_dup(json_text(value));
	return *out || decode_no_memory(d);
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

	if (d->depth >= DECODE_DEPTH_MAX) {
		decode_problem(d, "is nested deeper than %d", DECODE_DEPTH_MAX);
		return NULL;
	}
	d->depth++;
	if (json_is_object(value))
		copy = read_json_object(value, d);
	else if (json_is_array(value))
		copy = read_json_array(value, d);
	else if (json_is_string(value) && decode_is_plain(d))
		copy = json_of_plain_scalar(json_text(value));
	else
		copy = json_deep_copy(value);
	d->depth--;
	return copy;
}

static bool decode_json(json_t *value, void *member, struct decode *d)
{
	size_t before = decode_reported(d);
	json_t **out = member;

	*out = read_json(value, d);
	if (*out)
		return true;
	return decode_reported(d) != before ? false : decode_no_memory(d);
}

bool field_decode_scalar(const struct field *field, json_t *value, void *member, struct decode *d)
{
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
	case FIELD_JSON:
		return decode_json(value, member, d);
	case FIELD_TEXT_LIST:
	case FIELD_STRUCT:
	case FIELD_LIST:
	case FIELD_MAP:
	case FIELD_CUSTOM:
		break;
	}
	return decode_problem(d, "cannot be read: its table names no known kind");
}
