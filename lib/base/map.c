/*
 * map - entries in insertion order plus an index of twice their capacity, probed linearly.
 *
 * A removed entry stays in the array without a key until the next rebuild, so removing never moves
 * anything and a walk may remove what it was just given.
 */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 8
#define CAPACITY_MAX ((size_t)1 << 30)

struct entry {
	char *key; /* own; NULL when removed */
	size_t n;
	uint64_t hash;
	void *value;
};

struct map {
	uint64_t seed;
	size_t others; /* who own it too; while there are any it does not change */
	struct entry *entries;
	size_t used;  /* entries taken, the removed ones included */
	size_t count; /* entries alive */
	size_t capacity;
	uint32_t *index; /* capacity * 2 slots: entry number + 1, 0 when empty */
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 and not str_hash(): in FNV whoever does not know the seed can still build collisions
 * of the low bits, which are the ones a table uses. */
static uint64_t hash_key(struct str key, uint64_t seed)
{
	uint64_t v[4] = {0x736f6d6570736575U ^ seed, 0x646f72616e646f6dU ^ ~seed,
	                 0x6c7967656e657261U ^ seed, 0x7465646279746573U ^ ~seed};
	uint64_t word;
	size_t at = 0;

	for (; key.n - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, key.p + at, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)key.n << 56;
	for (unsigned shift = 0; at < key.n; at++, shift += 8)
		word |= (uint64_t)(unsigned char)key.p[at] << shift;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

struct map *map_new(uint64_t seed)
{
	struct map *m = calloc(1, sizeof(*m));

	if (m)
		m->seed = seed;
	return m;
}

void map_free(struct map **m)
{
	if (!*m)
		return;
	if ((*m)->others > 0) {
		(*m)->others--;
		*m = NULL;
		return;
	}
	map_clear(*m);
	free((*m)->entries);
	free((*m)->index);
	free(*m);
	*m = NULL;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

static size_t slot_after(const struct map *m, size_t slot)
{
	return (slot + 1) & (m->capacity * 2 - 1);
}

static struct entry *find_entry(const struct map *m, struct str key, uint64_t hash)
{
	if (m->capacity == 0)
		return NULL;
	for (size_t slot = hash & (m->capacity * 2 - 1); m->index[slot] != 0;
	     slot = slot_after(m, slot)) {
		struct entry *e = &m->entries[m->index[slot] - 1];

		if (e->key && e->hash == hash && str_eq((struct str){.p = e->key, .n = e->n}, key))
			return e;
	}
	return NULL;
}

void *map_get(const struct map *m, struct str key)
{
	const struct entry *e = find_entry(m, key, hash_key(key, m->seed));

	return e ? e->value : NULL;
}

static void index_entry(struct map *m, size_t number)
{
	size_t slot = m->entries[number].hash & (m->capacity * 2 - 1);

	while (m->index[slot] != 0)
		slot = slot_after(m, slot);
	m->index[slot] = (uint32_t)(number + 1);
}

/* Leaves the removed entries behind and doubles when more than half are alive. */
static bool rebuild(struct map *m, struct err *err)
{
	size_t capacity = m->capacity ? m->capacity : FIRST_CAPACITY;
	struct entry *entries;
	uint32_t *index;
	size_t used = 0;

	if (m->count > capacity / 2)
		capacity *= 2;
	if (capacity > CAPACITY_MAX)
		return err_set(err, ERR_LIMIT, "a map of more than %zu entries", CAPACITY_MAX);
	entries = calloc(capacity, sizeof(*entries));
	index = calloc(capacity * 2, sizeof(*index));
	if (!entries || !index) {
		free(entries);
		free(index);
		return err_set(err, ERR_NOMEM, "no memory for a map of %zu entries", capacity);
	}
	for (size_t i = 0; i < m->used; i++) {
		if (m->entries[i].key)
			entries[used++] = m->entries[i];
	}
	free(m->entries);
	free(m->index);
	m->entries = entries;
	m->index = index;
	m->used = used;
	m->capacity = capacity;
	for (size_t i = 0; i < used; i++)
		index_entry(m, i);
	return true;
}

bool map_put(struct map *m, struct str key, void *value, struct err *err)
{
	uint64_t hash = hash_key(key, m->seed);
	struct entry *e = find_entry(m, key, hash);
	char *copy;

	assert(m->others == 0);
	if (e) {
		e->value = value;
		return true;
	}
	if (m->used == m->capacity && !rebuild(m, err))
		return false;
	copy = str_dup(key);
	if (!copy)
		return err_set(err, ERR_NOMEM, "no memory for a map key");
	m->entries[m->used] = (struct entry){.key = copy, .n = key.n, .hash = hash, .value = value};
	index_entry(m, m->used);
	m->used++;
	m->count++;
	return true;
}

void *map_remove(struct map *m, struct str key)
{
	struct entry *e = find_entry(m, key, hash_key(key, m->seed));

	assert(m->others == 0);
	if (!e)
		return NULL;
	free(e->key);
	e->key = NULL;
	m->count--;
	return e->value;
}

void map_clear(struct map *m)
{
	assert(m->others == 0);
	for (size_t i = 0; i < m->used; i++)
		free(m->entries[i].key);
	if (m->capacity > 0)
		memset(m->index, 0, m->capacity * 2 * sizeof(*m->index));
	m->used = 0;
	m->count = 0;
}

bool map_next(const struct map *m, size_t *at, struct str *out_key, void **out_value)
{
	while (*at < m->used) {
		const struct entry *e = &m->entries[(*at)++];

		if (!e->key)
			continue;
		*out_key = (struct str){.p = e->key, .n = e->n};
		*out_value = e->value;
		return true;
	}
	return false;
}

/* --- the same again --- */

static bool is_twin(const struct map *a, const struct map *b)
{
	if (a->seed != b->seed || a->used != b->used)
		return false;
	for (size_t i = 0; i < a->used; i++) {
		const struct entry *x = &a->entries[i], *y = &b->entries[i];

		if (!x->key || !y->key || x->hash != y->hash || x->value != y->value ||
		    x->n != y->n || memcmp(x->key, y->key, x->n) != 0)
			return false;
	}
	return true;
}

void map_intern(struct map_twins *twins, struct map **m)
{
	struct map **oldest = &twins->list[twins->next];

	for (size_t i = 0; i < MAP_TWINS; i++) {
		struct map *met = twins->list[i];

		if (met == NULL || !is_twin(met, *m))
			continue;
		if (met != *m) {
			map_free(m);
			met->others++;
			*m = met;
		}
		return;
	}
	map_free(oldest);
	*oldest = *m;
	(*m)->others++;
	twins->next = (twins->next + 1) % MAP_TWINS;
}

void map_twins_fini(struct map_twins *twins)
{
	for (size_t i = 0; i < MAP_TWINS; i++)
		map_free(&twins->list[i]);
}
