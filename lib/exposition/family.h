/*
 * family - the metric families a page has declared with TYPE lines, and the type a sample name has
 * by them.
 *
 * Pure. Names are copied in, and found by their hash. Limits: FAMILIES_MAX per page.
 */
#ifndef EXPOSITION_FAMILY_H
#define EXPOSITION_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "exposition/exposition.h"

#define FAMILIES_MAX 16384

struct family {
	size_t offset; /* of the name in families.names: the block moves when it grows */
	uint32_t name_bytes;
	enum metric_type type;
	uint64_t hash;
};

struct families {
	struct family *list; /* in the order of the page */
	uint32_t *slots;     /* twice the capacity: index in list + 1, 0 when free */
	size_t n, capacity;
	uint64_t seed; /* the page's author picks the names */
	char *names;
	size_t names_bytes, names_capacity;
};

void families_init(struct families *f, uint64_t seed);
void families_fini(struct families *f);
/* A family declared twice keeps the later type, as in Prometheus. */
bool families_declare(struct families *f, struct str name, enum metric_type type,
                      struct err *err) MUST_CHECK;
/* The number of the family in list, which is its place on the page. */
bool families_find(const struct families *f, struct str name, size_t *out);
struct str families_name(const struct families *f, size_t index); /* until the next declaration */
/* The type of the family a sample of this name belongs to: its own, or that of the histogram or
 * summary it is a _bucket, _sum or _count of. */
enum metric_type families_type_of(const struct families *f, struct str sample_name);

#endif
