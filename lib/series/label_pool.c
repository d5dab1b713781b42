/* label_pool - pairs with their counts in one block each, found by an open-addressing table. */
#include "series/label_pool.h"

#include <stdlib.h>
#include <string.h>

#include "series/labels.h"

#define FIRST_SLOTS 64

struct pooled {
	struct label label; /* first, so that a pointer to it is one to the whole */
	uint64_t hash;
	size_t taken;
	char texts[];
};

struct label_pool {
	uint64_t seed;
	struct pooled **slots; /* linear probing, at most half full */
	size_t n, nslots;      /* nslots: a power of two, or 0 */
};

struct label_pool *label_pool_new(uint64_t seed)
{
	struct label_pool *pool = calloc(1, sizeof(*pool));

	if (pool != NULL)
		pool->seed = seed;
	return pool;
}

void label_pool_free(struct label_pool **pool)
{
	if (*pool == NULL)
		return;
	for (size_t i = 0; i < (*pool)->nslots; i++)
		free((*pool)->slots[i]);
	free((*pool)->slots);
	free(*pool);
	*pool = NULL;
}

size_t label_pool_count(const struct label_pool *pool)
{
	return pool->n;
}

static uint64_t hash_of(const struct label_pool *pool, const struct label *label)
{
	struct labels lone = {.list = label, .n = 1};

	lone.hash = labels_hash(&lone);
	return labels_keyed_hash(&lone, pool->seed);
}

/* Where the pair is, or the free slot where it belongs. There are slots. */
static size_t find_slot(const struct label_pool *pool, const struct label *label, uint64_t hash)
{
	size_t mask = pool->nslots - 1, at = hash & mask;

	for (; pool->slots[at] != NULL; at = (at + 1) & mask) {
		const struct pooled *p = pool->slots[at];

		if (p->hash == hash && str_eq(p->label.name, label->name) &&
		    str_eq(p->label.value, label->value))
			break;
	}
	return at;
}

static bool grow(struct label_pool *pool, struct err *err)
{
	size_t nslots = pool->nslots > 0 ? pool->nslots * 2 : FIRST_SLOTS;
	struct pooled **slots, **old = pool->slots;
	size_t nold = pool->nslots;

	if (pool->n + 1 <= pool->nslots / 2)
		return true;
	slots = calloc(nslots, sizeof(struct pooled *));
	if (slots == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the labels of a series");
	pool->slots = slots;
	pool->nslots = nslots;
	for (size_t i = 0; i < nold; i++) {
		if (old[i] != NULL)
			slots[find_slot(pool, &old[i]->label, old[i]->hash)] = old[i];
	}
	free(old);
	return true;
}

static struct pooled *pooled_new(const struct label *label, uint64_t hash)
{
	struct pooled *p = malloc(sizeof(*p) + label->name.n + label->value.n);

	if (p == NULL)
		return NULL;
	*p = (struct pooled){
	        .label = {.name = {.p = p->texts, .n = label->name.n},
	                  .value = {.p = p->texts + label->name.n, .n = label->value.n}},
	        .hash = hash,
	};
	if (label->name.n > 0)
		memcpy(p->texts, label->name.p, label->name.n);
	if (label->value.n > 0)
		memcpy(p->texts + label->name.n, label->value.p, label->value.n);
	return p;
}

const struct label *label_pool_take(struct label_pool *pool, const struct label *label,
                                    struct err *err)
{
	uint64_t hash = hash_of(pool, label);
	struct pooled **slot;

	if (!grow(pool, err))
		return NULL;
	slot = &pool->slots[find_slot(pool, label, hash)];
	if (*slot == NULL) {
		*slot = pooled_new(label, hash);
		if (*slot == NULL) {
			err_set(err, ERR_NOMEM, "no memory for the labels of a series");
			return NULL;
		}
		pool->n++;
	}
	(*slot)->taken++;
	return &(*slot)->label;
}

/* Closes the gap, so that what stands behind it is still found. */
static void remove_slot(struct label_pool *pool, size_t hole)
{
	size_t mask = pool->nslots - 1;

	for (size_t at = (hole + 1) & mask; pool->slots[at] != NULL; at = (at + 1) & mask) {
		size_t home = pool->slots[at]->hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		pool->slots[hole] = pool->slots[at];
		hole = at;
	}
	pool->slots[hole] = NULL;
}

void label_pool_drop(struct label_pool *pool, const struct label *taken)
{
	const struct pooled *p = (const struct pooled *)taken;
	size_t at = find_slot(pool, &p->label, p->hash);
	struct pooled *own = pool->slots[at];

	if (--own->taken > 0)
		return;
	remove_slot(pool, at);
	pool->n--;
	free(own);
}
