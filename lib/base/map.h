/*
 * map - byte-string keys to pointers, open addressing, insertion order kept for walking.
 *
 * Keys are copied in; values are borrowed. The seed comes from outside so that keys chosen by a
 * stranger cannot be made to collide.
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

#endif
