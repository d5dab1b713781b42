/* What created.h says. */
#include "series/created.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

#define KEY_BYTES_MAX ((size_t)1024 * 1024)
#define FIRST_TIMES 64

/* "foo" of foo_total, foo_bucket, foo_count, foo_sum, foo_created and foo. */
static struct str base_of(struct str name)
{
	static const struct str suffixes[] = {
	        {"_total", 6}, {"_bucket", 7}, {"_count", 6}, {"_sum", 4}, {"_created", 8},
	};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (name.n > suffixes[i].n && str_ends_with(name, suffixes[i]))
			return str_slice(name, 0, name.n - suffixes[i].n);
	}
	return name;
}

struct str created_name(struct str name, char out[CREATED_NAME_MAX])
{
	static const struct str suffix = {"_created", 8};
	struct str base = base_of(name);

	if (base.n + suffix.n > CREATED_NAME_MAX)
		return (struct str){0};
	memcpy(out, base.p, base.n);
	memcpy(out + base.n, suffix.p, suffix.n);
	return (struct str){.p = out, .n = base.n + suffix.n};
}

bool created_init(struct created *c, uint64_t seed, struct err *err)
{
	*c = (struct created){.places = map_new(seed)};
	buf_init(&c->key, KEY_BYTES_MAX);
	if (c->places == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a target");
	return true;
}

void created_fini(struct created *c)
{
	if (c->places != NULL)
		map_free(&c->places);
	free(c->times);
	c->times = NULL;
	buf_fini(&c->key);
}

void created_clear(struct created *c)
{
	if (c->n > 0)
		map_clear(c->places);
	c->n = 0;
}

/* Parts are set apart by a byte that no UTF-8 has. */
static struct str key_of(struct created *c, const struct labels *labels)
{
	struct str name = labels_get(labels, STR("__name__"));

	buf_clear(&c->key);
	buf_add_str(&c->key, base_of(name));
	for (size_t i = 0; i < labels->n; i++) {
		const struct label *label = labels_at(labels, i);

		if (str_eq(label->name, STR("__name__")) || str_eq(label->name, STR("le")))
			continue;
		buf_add_char(&c->key, '\xff');
		buf_add_str(&c->key, label->name);
		buf_add_char(&c->key, '\xff');
		buf_add_str(&c->key, label->value);
	}
	return buf_str(&c->key);
}

/* The maps hold void pointers: a number made one, never followed. */
static void *place(size_t index)
{
	uintptr_t number = index + 1;
	void *value;

	memcpy(&value, &number, sizeof(value));
	return value;
}

static bool find(struct created *c, struct str key, size_t *out)
{
	const void *value = map_get(c->places, key);
	uintptr_t number;

	memcpy(&number, &value, sizeof(number));
	if (number == 0)
		return false;
	*out = number - 1;
	return true;
}

bool created_add(struct created *c, const struct labels *labels, int64_t at_ms, struct err *err)
{
	struct str key = key_of(c, labels);
	size_t at;

	if (!buf_ok(&c->key, err))
		return false;
	if (find(c, key, &at)) {
		if (at_ms > c->times[at])
			c->times[at] = at_ms;
		return true;
	}
	if (c->n == c->capacity) {
		size_t capacity = c->capacity > 0 ? c->capacity * 2 : FIRST_TIMES;
		int64_t *times = realloc(c->times, capacity * sizeof(*times));

		if (times == NULL)
			return err_set(err, ERR_NOMEM, "no memory for %zu creation times",
			               capacity);
		c->times = times;
		c->capacity = capacity;
	}
	if (!map_put(c->places, key, place(c->n), err))
		return false;
	c->times[c->n++] = at_ms;
	return true;
}

bool created_find(struct created *c, const struct labels *series, int64_t *out_ms)
{
	struct err ignored;
	struct str key;
	size_t at;

	if (c->n == 0)
		return false;
	key = key_of(c, series);
	if (!buf_ok(&c->key, &ignored) || !find(c, key, &at))
		return false;
	*out_ms = c->times[at];
	return true;
}
