/*
 * field - reading JSON by a table: one walk, every mistake reported where it stands.
 *
 * A member is zero until it was read whole, so a struct that is half decoded can always be freed.
 */
#include "base/field.h"

#include <stdlib.h>
#include <string.h>

#include "base/decode.h"
#include "base/field_parts.h"
#include "base/str.h"

#define NAMES_MAX 128 /* keys of one table considered for "did you mean" */
#define LISTED_MAX 12 /* more names than this are not worth listing in a message */
#define LISTED_BYTES_MAX 512
#define NAME_BYTES_MAX 64

/* Holds code we call to its word: false comes with a problem, and a problem means false. */
static bool settle(bool ok, size_t reported_before, struct decode *d)
{
	if (decode_reported(d) != reported_before)
		return false;
	return ok || decode_problem(d, "is not valid");
}

/* Room for n elements of a list or map, in its member; *out is it, NULL for none. */
static bool make_elements(const struct field *field, size_t n, size_t size, void *base,
                          struct decode *d, void **out)
{
	void **member = field_member(base, field->offset);
	size_t *count = field_member(base, field->count_offset);

	if (!field_size_is_fine(field, n, "entries", d))
		return false;
	if (n > 0) {
		*member = calloc(n, size);
		if (!*member)
			return decode_no_memory(d);
		*count = n;
	}
	*out = *member;
	return true;
}

static bool decode_text_list(const struct field *field, json_t *value, void *base, struct decode *d)
{
	static const struct field element = {.kind = FIELD_TEXT};
	bool lone = json_is_string(value);
	size_t n = lone ? 1 : json_array_size(value);
	void *items;
	char **texts;
	bool ok = true;

	if (!lone && !json_is_array(value))
		return field_wrong_type(field->kind, value, d);
	if (!make_elements(field, n, sizeof(*texts), base, d, &items))
		return false;
	texts = items;
	if (lone)
		return field_decode_scalar(&element, value, &texts[0], d);
	for (size_t i = 0; i < n; i++) {
		size_t mark = decode_push_index(d, i);

		ok = field_decode_scalar(&element, json_array_get(value, i), &texts[i], d) && ok;
		decode_pop(d, mark);
	}
	return ok;
}

static bool decode_object(const struct field_table *table, json_t *object, void *out,
                          struct decode *d);

static bool decode_list(const struct field *field, json_t *value, void *base, struct decode *d)
{
	size_t n = json_array_size(value);
	void *items;
	bool ok = true;

	if (!json_is_array(value))
		return field_wrong_type(field->kind, value, d);
	if (!make_elements(field, n, field->table->size, base, d, &items))
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t mark = decode_push_index(d, i);

		ok = decode_object(field->table, json_array_get(value, i),
		                   field_element(items, field->table, i), d) &&
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
		ok = decode_no_memory(d);
	ok = decode_object(table, value, element, d) && ok;
	decode_pop(d, mark);
	return ok;
}

static bool decode_map(const struct field *field, json_t *value, void *base, struct decode *d)
{
	size_t n = json_object_size(value);
	void *items;
	const char *key;
	json_t *member;
	size_t i = 0;
	bool ok = true;

	if (!json_is_object(value))
		return field_wrong_type(field->kind, value, d);
	if (!make_elements(field, n, field->table->size, base, d, &items))
		return false;
	json_object_foreach(value, key, member)
	{
		void *element = field_element(items, field->table, i++);

		ok = decode_map_entry(field->table, key, member, element, d) && ok;
	}
	return ok;
}

bool field_decode_one(const struct field *field, json_t *value, void *base, struct decode *d)
{
	void *member = field_member(base, field->offset);
	size_t before = decode_reported(d);

	switch (field->kind) {
	case FIELD_BOOL:
	case FIELD_INT:
	case FIELD_NUMBER:
	case FIELD_RATIO:
	case FIELD_DURATION:
	case FIELD_INSTANT:
	case FIELD_ENUM:
	case FIELD_TEXT:
	case FIELD_JSON:
		return field_decode_scalar(field, value, member, d);
	case FIELD_TEXT_LIST:
		return decode_text_list(field, value, base, d);
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
		return decode_no_memory(d);
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
	buf_init(&listed, LISTED_BYTES_MAX);
	if (nearest) {
		decode_problem(d, "unknown key %s, did you mean \"%s\"?", quote, nearest);
	} else if (table->n > 0 && table->n <= LISTED_MAX) {
		field_names_print(names, &listed);
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
	size_t before = decode_reported(d);
	json_t *normal;
	bool ok;

	if (d->depth >= DECODE_DEPTH_MAX)
		return decode_problem(d, "is nested deeper than %d", DECODE_DEPTH_MAX);
	/* A short form need not be an object, so whoever normalises looks first. */
	normal = table->normalise ? table->normalise(object, d) : json_incref(object);
	if (!normal)
		return settle(false, before, d);
	if (!json_is_object(normal)) {
		field_wrong_type(FIELD_STRUCT, normal, d);
		json_decref(normal);
		return false;
	}
	d->depth++;
	ok = decode_members(table, normal, out, d);
	if (ok && table->check && decode_reported(d) == before)
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
