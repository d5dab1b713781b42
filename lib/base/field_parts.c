/*
 * field_parts - members, bounds and their spelling.
 */
#include "base/field_parts.h"

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
