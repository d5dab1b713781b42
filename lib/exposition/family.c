/* What family.h says. */
#include "exposition/family.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "exposition/seen.h"

#define FIRST_CAPACITY 64

void families_init(struct families *f, uint64_t seed)
{
	*f = (struct families){.seed = seed};
}

void families_fini(struct families *f)
{
	free(f->list);
	free(f->slots);
	free(f->names);
	*f = (struct families){0};
}

/* Its slot, or the free one where it belongs. */
static uint32_t *slot_of(const struct families *f, struct str name, uint64_t hash)
{
	size_t mask = f->capacity * 2 - 1;

	for (size_t at = hash & mask;; at = (at + 1) & mask) {
		uint32_t *slot = &f->slots[at];

		if (*slot == 0 ||
		    (f->list[*slot - 1].hash == hash && str_eq(families_name(f, *slot - 1), name)))
			return slot;
	}
}

static bool grow_list(struct families *f, struct err *err)
{
	size_t capacity = f->capacity > 0 ? f->capacity * 2 : FIRST_CAPACITY;
	uint32_t *slots = calloc(capacity * 2, sizeof(*slots));
	struct family *list = realloc(f->list, capacity * sizeof(*list));

	if (list != NULL)
		f->list = list;
	if (slots == NULL || list == NULL) {
		free(slots);
		return err_set(err, ERR_NOMEM, "no memory for the page's metric families");
	}
	free(f->slots);
	f->slots = slots;
	f->capacity = capacity;
	for (size_t i = 0; i < f->n; i++)
		*slot_of(f, families_name(f, i), list[i].hash) = (uint32_t)i + 1;
	return true;
}

static bool grow(struct families *f, size_t name_bytes, struct err *err)
{
	if (f->n == f->capacity && !grow_list(f, err))
		return false;
	if (f->names_capacity - f->names_bytes < name_bytes) {
		size_t capacity = f->names_capacity * 2 + name_bytes + 1024;
		char *names = realloc(f->names, capacity);

		if (names == NULL)
			return err_set(err, ERR_NOMEM, "no memory for the page's metric families");
		f->names = names;
		f->names_capacity = capacity;
	}
	return true;
}

bool families_find(const struct families *f, struct str name, size_t *out)
{
	uint32_t slot = f->n > 0 ? *slot_of(f, name, seen_hash(f->seed, name)) : 0;

	*out = (size_t)slot - 1;
	return slot != 0;
}

struct str families_name(const struct families *f, size_t index)
{
	return (struct str){.p = f->names + f->list[index].offset, .n = f->list[index].name_bytes};
}

bool families_declare(struct families *f, struct str name, enum metric_type type, struct err *err)
{
	uint64_t hash = seen_hash(f->seed, name);
	uint32_t *slot = f->n > 0 ? slot_of(f, name, hash) : NULL;

	if (slot != NULL && *slot != 0) {
		f->list[*slot - 1].type = type;
		return true;
	}
	if (f->n == FAMILIES_MAX)
		return err_set(err, ERR_LIMIT, "the page declares more than %d metric families",
		               FAMILIES_MAX);
	if (!grow(f, name.n, err))
		return false;
	memcpy(f->names + f->names_bytes, name.p, name.n);
	f->list[f->n] = (struct family){
	        .offset = f->names_bytes,
	        .name_bytes = (uint32_t)name.n,
	        .type = type,
	        .hash = hash,
	};
	f->names_bytes += name.n;
	f->n++;
	*slot_of(f, name, hash) = (uint32_t)f->n;
	return true;
}

enum metric_type families_type_of(const struct families *f, struct str sample_name)
{
	static const struct {
		struct str suffix;
		bool of_summary;
	} parts[] = {
	        {{"_bucket", 7}, false},
	        {{"_sum", 4}, true},
	        {{"_count", 6}, true},
	};
	size_t at;

	if (families_find(f, sample_name, &at))
		return f->list[at].type;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!str_ends_with(sample_name, parts[i].suffix))
			continue;

		struct str family = {.p = sample_name.p, .n = sample_name.n - parts[i].suffix.n};

		if (!families_find(f, family, &at))
			continue;

		enum metric_type type = f->list[at].type;

		if (type == METRIC_HISTOGRAM || (type == METRIC_SUMMARY && parts[i].of_summary))
			return type;
	}
	return METRIC_UNTYPED;
}
