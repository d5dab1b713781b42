/* What family.h says. */
#include "exposition/family.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

static struct str family_name(const struct families *f, size_t at)
{
	return families_name(f, f->order[at]);
}

void families_init(struct families *f)
{
	*f = (struct families){0};
}

void families_fini(struct families *f)
{
	free(f->list);
	free(f->order);
	free(f->names);
	*f = (struct families){0};
}

/* The place of `name` in the order, or where it would go. */
static bool find(const struct families *f, struct str name, size_t *out_at)
{
	size_t low = 0, high = f->n;

	/* Most pages are sorted: look at the end first. */
	if (f->n > 0 && str_compare(family_name(f, f->n - 1), name) < 0)
		low = f->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_compare(family_name(f, middle), name);

		if (order == 0) {
			*out_at = middle;
			return true;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*out_at = low;
	return false;
}

static bool grow(struct families *f, size_t name_bytes, struct err *err)
{
	if (f->n == f->capacity) {
		size_t capacity = f->capacity > 0 ? f->capacity * 2 : 64;
		struct family *list = realloc(f->list, capacity * sizeof(*list));

		if (list == NULL)
			return err_set(err, ERR_NOMEM, "no memory for the page's metric families");
		f->list = list;

		uint32_t *order = realloc(f->order, capacity * sizeof(*order));

		if (order == NULL)
			return err_set(err, ERR_NOMEM, "no memory for the page's metric families");
		f->order = order;
		f->capacity = capacity;
	}
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
	size_t at;

	if (!find(f, name, &at))
		return false;
	*out = f->order[at];
	return true;
}

struct str families_name(const struct families *f, size_t index)
{
	return (struct str){.p = f->names + f->list[index].offset, .n = f->list[index].name_bytes};
}

bool families_declare(struct families *f, struct str name, enum metric_type type, struct err *err)
{
	size_t at;

	if (find(f, name, &at)) {
		f->list[f->order[at]].type = type;
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
	};
	f->names_bytes += name.n;
	memmove(&f->order[at + 1], &f->order[at], (f->n - at) * sizeof(*f->order));
	f->order[at] = (uint32_t)f->n;
	f->n++;
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

	if (find(f, sample_name, &at))
		return f->list[f->order[at]].type;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!str_ends_with(sample_name, parts[i].suffix))
			continue;

		struct str family = {.p = sample_name.p, .n = sample_name.n - parts[i].suffix.n};

		if (!find(f, family, &at))
			continue;

		enum metric_type type = f->list[f->order[at]].type;

		if (type == METRIC_HISTOGRAM || (type == METRIC_SUMMARY && parts[i].of_summary))
			return type;
	}
	return METRIC_UNTYPED;
}
