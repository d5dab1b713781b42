/*
 * field_parts - members, bounds and their spelling.
 */
#include "base/field_parts.h"

#include "base/macros.h"

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

void *field_member(void *base, size_t offset)
{
	return (char *)base + offset;
}

const void *field_member_const(const void *base, size_t offset)
{
	return (const char *)base + offset;
}

void *field_element(void *items, const struct field_table *table, size_t i)
{
	return (char *)items + i * table->size;
}

size_t field_max_size(const struct field *field)
{
	if (field->max > 0)
		return (size_t)field->max;
	return field->kind == FIELD_TEXT ? FIELD_TEXT_MAX : FIELD_COUNT_MAX;
}

bool field_has_bounds(const struct field *field)
{
	return !number_is_same(field->min, 0) || !number_is_same(field->max, 0);
}

bool field_is_in_bounds(const struct field *field, double value)
{
	if (!field_has_bounds(field))
		return true;
	return value >= field->min && (field->max < field->min || value <= field->max);
}

static void format_bound(const struct field *field, double bound, char out[UNITS_TEXT_MAX])
{
	if (field->kind == FIELD_DURATION)
		duration_format((int64_t)bound, out);
	else if (field->kind == FIELD_RATIO)
		ratio_format(bound, out);
	else
		number_format(bound, out);
}

void field_bounds_print(const struct field *field, struct buf *out)
{
	char min[UNITS_TEXT_MAX];
	char max[UNITS_TEXT_MAX];

	format_bound(field, field->min, min);
	format_bound(field, field->max, max);
	if (field->max < field->min)
		buf_printf(out, "at least %s", min);
	else if (number_is_same(field->max, field->min))
		buf_printf(out, "exactly %s", min);
	else
		buf_printf(out, "between %s and %s", min, max);
}

void field_names_print(const char *const *names, struct buf *out)
{
	for (size_t i = 0; names[i]; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", names[i]);
}

bool field_size_is_fine(const struct field *field, size_t n, const char *things, struct decode *d)
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

bool field_wrong_type(enum field_kind kind, json_t *value, struct decode *d)
{
	return decode_wrong_type(d, samples[kind], value);
}
