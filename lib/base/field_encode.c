/*
 * field_encode - a struct back into canonical JSON, into a second struct, and out of memory.
 */
#include "base/field.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/field_parts.h"
#include "base/units.h"

static size_t count_of(const struct field *field, const void *base)
{
	const size_t *count = field_member_const(base, field->count_offset);

	return *count;
}

static void *items_of(const struct field *field, const void *base)
{
	void *const *items = field_member_const(base, field->offset);

	return *items;
}

static bool struct_is_zero(const struct field_table *table, const void *in);

/* What an absent key without fallback reads as. */
static bool member_is_zero(const struct field *field, const void *base)
{
	const void *member = field_member_const(base, field->offset);
	json_t *custom;

	switch (field->kind) {
	case FIELD_BOOL:
		return !*(const bool *)member;
	case FIELD_INT:
	case FIELD_DURATION:
		return *(const int64_t *)member == 0;
	case FIELD_NUMBER:
	case FIELD_RATIO:
		return number_is_same(*(const double *)member, 0);
	case FIELD_INSTANT:
		return ((const struct wall *)member)->ms == 0;
	case FIELD_ENUM:
		return *(const int *)member == 0;
	case FIELD_TEXT:
	case FIELD_JSON:
		return !items_of(field, base);
	case FIELD_TEXT_LIST:
	case FIELD_LIST:
	case FIELD_MAP:
		return count_of(field, base) == 0;
	case FIELD_STRUCT:
		return struct_is_zero(field->table, member);
	case FIELD_CUSTOM:
		custom = field->custom->encode ? field->custom->encode(member) : NULL;
		json_decref(custom);
		return !custom;
	}
	return false;
}

static bool struct_is_zero(const struct field_table *table, const void *in)
{
	for (size_t i = 0; i < table->n; i++) {
		if (!member_is_zero(&table->fields[i], in))
			return false;
	}
	return true;
}

/* Whether zero is a value that decoding would refuse, so that only absence can say it. */
static bool zero_is_refused(const struct field *field)
{
	switch (field->kind) {
	case FIELD_INT:
	case FIELD_DURATION:
	case FIELD_NUMBER:
	case FIELD_RATIO:
		return !field_is_in_bounds(field, 0);
	case FIELD_TEXT_LIST:
	case FIELD_LIST:
	case FIELD_MAP:
		return field->min > 0;
	case FIELD_TEXT:
	case FIELD_JSON:
		return true;
	case FIELD_BOOL:
	case FIELD_INSTANT:
	case FIELD_ENUM:
	case FIELD_STRUCT:
	case FIELD_CUSTOM:
		break;
	}
	return false;
}

static bool is_left_out(const struct field *field, const void *base)
{
	bool may = (field->flags & FIELD_OMIT_ABSENT) || zero_is_refused(field);

	/* A text cannot be spelled when it is not there, whatever its fallback. */
	if (field->kind == FIELD_TEXT || field->kind == FIELD_JSON)
		return member_is_zero(field, base);
	return may && !field->fallback && member_is_zero(field, base);
}

static json_t *encode_enum(const struct field *field, const void *member)
{
	const int *value = member;
	int n = 0;

	while (field->names[n])
		n++;
	assert(*value >= 0 && *value < n);
	return json_string(field->names[*value]);
}

static json_t *encode_text_list(const struct field *field, const void *base)
{
	char **items = items_of(field, base);
	json_t *array = json_array();

	for (size_t i = 0; i < count_of(field, base); i++) {
		if (json_array_append_new(array, json_string(items[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *encode_list(const struct field *field, const void *base)
{
	void *items = items_of(field, base);
	json_t *array = json_array();

	for (size_t i = 0; i < count_of(field, base); i++) {
		const void *element = field_element(items, field->table, i);

		if (json_array_append_new(array, field_encode(field->table, element)) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *encode_map(const struct field *field, const void *base)
{
	void *items = items_of(field, base);
	json_t *object = json_object();

	for (size_t i = 0; i < count_of(field, base); i++) {
		char *const *name = field_element(items, field->table, i);

		if (json_object_set_new(object, *name, field_encode(field->table, name)) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *encode_duration(const void *member)
{
	const int64_t *ms = member;
	char text[UNITS_TEXT_MAX];

	duration_format(*ms, text);
	return json_string(text);
}

static json_t *encode_instant(const void *member)
{
	const struct wall *at = member;
	char text[UNITS_TEXT_MAX];

	instant_format(*at, text);
	return json_string(text);
}

static json_t *encode_member(const struct field *field, const void *base)
{
	const void *member = field_member_const(base, field->offset);

	switch (field->kind) {
	case FIELD_BOOL:
		return json_boolean(*(const bool *)member);
	case FIELD_INT:
		return json_integer(*(const int64_t *)member);
	case FIELD_NUMBER:
	case FIELD_RATIO:
		return json_real(*(const double *)member);
	case FIELD_DURATION:
		return encode_duration(member);
	case FIELD_INSTANT:
		return encode_instant(member);
	case FIELD_ENUM:
		return encode_enum(field, member);
	case FIELD_TEXT:
		return json_string(items_of(field, base));
	case FIELD_TEXT_LIST:
		return encode_text_list(field, base);
	case FIELD_JSON:
		return json_deep_copy(items_of(field, base));
	case FIELD_STRUCT:
		return field_encode(field->table, member);
	case FIELD_LIST:
		return encode_list(field, base);
	case FIELD_MAP:
		return encode_map(field, base);
	case FIELD_CUSTOM:
		return field->custom->encode ? field->custom->encode(member) : NULL;
	}
	return NULL;
}

static bool is_chosen(const char *key, const char *const *only, size_t nonly)
{
	for (size_t i = 0; i < nonly; i++) {
		if (strcmp(key, only[i]) == 0)
			return true;
	}
	return only == NULL;
}

json_t *field_encode_some(const struct field_table *table, const void *in, const char *const *only,
                          size_t nonly)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < table->n; i++) {
		const struct field *field = &table->fields[i];
		json_t *value;

		if (!is_chosen(field->key, only, nonly) || is_left_out(field, in))
			continue;
		value = encode_member(field, in);
		/* A custom encoder says "leave it out" with NULL. */
		if (!value && field->kind == FIELD_CUSTOM)
			continue;
		if (json_object_set_new(object, field->key, value) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

json_t *field_encode(const struct field_table *table, const void *in)
{
	return field_encode_some(table, in, NULL, 0);
}

static bool copy_text_list(const struct field *field, const void *in, void *out)
{
	char **from = items_of(field, in);
	char ***to = field_member(out, field->offset);
	size_t *count = field_member(out, field->count_offset);
	size_t n = count_of(field, in);

	if (n == 0)
		return true;
	*to = calloc(n, sizeof(**to));
	if (!*to)
		return false;
	*count = n;
	for (size_t i = 0; i < n; i++) {
		(*to)[i] = text_dup(from[i]);
		if (from[i] && !(*to)[i])
			return false;
	}
	return true;
}

static bool copy_element(const struct field *field, const void *from, void *to)
{
	char *const *name = from;
	char **copied_name = to;

	if (!field_copy(field->table, from, to))
		return false;
	if (field->kind != FIELD_MAP)
		return true;
	*copied_name = text_dup(*name);
	return !*name || *copied_name;
}

static bool copy_list(const struct field *field, const void *in, void *out)
{
	void *from = items_of(field, in);
	void **to = field_member(out, field->offset);
	size_t *count = field_member(out, field->count_offset);
	size_t n = count_of(field, in);

	if (n == 0)
		return true;
	*to = calloc(n, field->table->size);
	if (!*to)
		return false;
	*count = n;
	for (size_t i = 0; i < n; i++) {
		if (!copy_element(field, field_element(from, field->table, i),
		                  field_element(*to, field->table, i)))
			return false;
	}
	return true;
}

static bool copy_text(const void *from, void *to)
{
	char *const *text = from;
	char **copy = to;

	*copy = text_dup(*text);
	return !*text || *copy;
}

static bool copy_json(const void *from, void *to)
{
	json_t *const *value = from;
	json_t **copy = to;

	*copy = json_deep_copy(*value);
	return !*value || *copy;
}

static bool copy_member(const struct field *field, const void *in, void *out)
{
	const void *from = field_member_const(in, field->offset);
	void *to = field_member(out, field->offset);

	switch (field->kind) {
	case FIELD_BOOL:
		*(bool *)to = *(const bool *)from;
		return true;
	case FIELD_INT:
	case FIELD_DURATION:
		*(int64_t *)to = *(const int64_t *)from;
		return true;
	case FIELD_NUMBER:
	case FIELD_RATIO:
		*(double *)to = *(const double *)from;
		return true;
	case FIELD_INSTANT:
		*(struct wall *)to = *(const struct wall *)from;
		return true;
	case FIELD_ENUM:
		*(int *)to = *(const int *)from;
		return true;
	case FIELD_TEXT:
		return copy_text(from, to);
	case FIELD_TEXT_LIST:
		return copy_text_list(field, in, out);
	case FIELD_JSON:
		return copy_json(from, to);
	case FIELD_STRUCT:
		return field_copy(field->table, from, to);
	case FIELD_LIST:
	case FIELD_MAP:
		return copy_list(field, in, out);
	case FIELD_CUSTOM:
		return !field->custom->copy || field->custom->copy(from, to);
	}
	return false;
}

bool field_copy(const struct field_table *table, const void *in, void *out)
{
	memset(out, 0, table->size);
	for (size_t i = 0; i < table->n; i++) {
		if (!copy_member(&table->fields[i], in, out))
			return false;
	}
	return true;
}

void field_list_free(const struct field_table *table, void *items, size_t n, bool named)
{
	for (size_t i = 0; items && i < n; i++) {
		void *element = field_element(items, table, i);

		if (named)
			free(*(char **)element);
		field_free(table, element);
	}
	free(items);
}

static void free_member(const struct field *field, void *base)
{
	void *member = field_member(base, field->offset);
	char **texts;

	switch (field->kind) {
	case FIELD_TEXT:
		free(*(char **)member);
		return;
	case FIELD_TEXT_LIST:
		texts = items_of(field, base);
		for (size_t i = 0; texts && i < count_of(field, base); i++)
			free(texts[i]);
		free(texts);
		return;
	case FIELD_JSON:
		json_decref(*(json_t **)member);
		return;
	case FIELD_STRUCT:
		field_free(field->table, member);
		return;
	case FIELD_LIST:
	case FIELD_MAP:
		field_list_free(field->table, items_of(field, base), count_of(field, base),
		                field->kind == FIELD_MAP);
		return;
	case FIELD_CUSTOM:
		if (field->custom->free)
			field->custom->free(member);
		return;
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_RATIO:
	case FIELD_DURATION:
	case FIELD_INSTANT:
	case FIELD_ENUM:
		return;
	}
}

void field_free(const struct field_table *table, void *in)
{
	for (size_t i = 0; i < table->n; i++)
		free_member(&table->fields[i], in);
	memset(in, 0, table->size);
}
