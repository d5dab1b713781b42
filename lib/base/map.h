/*
 * map - byte-string keys to pointers, open addressing, insertion order kept for walking.
 *
 * Keys are copied in; values are borrowed. The seed comes from outside so that keys chosen by a
 * stranger cannot be made to collide.
 *
 * Maps that hold the same, as those of replicas do, can be kept once: see map_intern().
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct map;

struct map *map_new(uint64_t seed);
void map_free(struct map **m);
size_t map_count(const struct map *m);
void *map_get(const struct map *m, struct str key); /* NULL when absent */
bool map_put(struct map *m, struct str key, void *value, struct err *err) MUST_CHECK; /* replaces */
void *map_remove(struct map *m, struct str key); /* the removed value, or NULL */
void map_clear(struct map *m);

/* Walk: start with *at = 0; false at the end. The map must not change meanwhile, but the entry just
 * returned may be removed. */
bool map_next(const struct map *m, size_t *at, struct str *out_key, void **out_value);

/* The newest maps that others may turn out to be the same as; zero at first. */
#define MAP_TWINS 32
struct map_twins {
	struct map *list[MAP_TWINS]; /* own */
	size_t next;
};
/* *m becomes one that was met before if that has the same seed and entries in the same order.
 * Shared or not, nobody may change it from now on; each owner frees it. */
void map_intern(struct map_twins *twins, struct map **m);
void map_twins_fini(struct map_twins *twins);

#endif
