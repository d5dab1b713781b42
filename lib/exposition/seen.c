/* What seen.h says. */
#include "exposition/seen.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64

void seen_init(struct seen *s, uint64_t seed)
{
	*s = (struct seen){.generation = 1, .seed = seed};
}

void seen_fini(struct seen *s)
{
	free(s->slots);
	s->slots = NULL;
	s->n = s->nslots = 0;
}

void seen_clear(struct seen *s)
{
	s->generation++;
	s->n = 0;
}

/* The slot of `hash`, or the free one where it belongs. */
static struct seen_slot *slot_of(struct seen_slot *slots, size_t nslots, uint64_t generation,
                                 uint64_t hash)
{
	size_t at = hash & (nslots - 1);

	while (slots[at].generation == generation && slots[at].hash != hash)
		at = (at + 1) & (nslots - 1);
	return &slots[at];
}

static bool grow(struct seen *s, struct err *err)
{
	size_t nslots = s->nslots > 0 ? s->nslots * 2 : FIRST_SLOTS;
	struct seen_slot *slots = calloc(nslots, sizeof(*slots));

	if (slots == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the metrics of a family");
	for (size_t i = 0; i < s->nslots; i++) {
		if (s->slots[i].generation == s->generation)
			*slot_of(slots, nslots, s->generation, s->slots[i].hash) = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->nslots = nslots;
	return true;
}

bool seen_add(struct seen *s, uint64_t hash, bool *out_new, struct err *err)
{
	struct seen_slot *slot;

	if (s->n + 1 > s->nslots / 2 && !grow(s, err))
		return false;
	slot = slot_of(s->slots, s->nslots, s->generation, hash);
	*out_new = slot->generation != s->generation;
	if (*out_new) {
		*slot = (struct seen_slot){.hash = hash, .generation = s->generation};
		s->n++;
	}
	return true;
}

uint64_t seen_mix(uint64_t hash, uint64_t more)
{
	hash = (hash ^ more) * UINT64_C(0x9E3779B97F4A7C15);
	hash ^= hash >> 29;
	hash *= UINT64_C(0xBF58476D1CE4E5B9);
	return hash ^ (hash >> 32);
}

uint64_t seen_hash(uint64_t seed, struct str text)
{
	uint64_t hash = seed ^ text.n, word;

	for (; text.n >= sizeof(word); text.p += sizeof(word), text.n -= sizeof(word)) {
		memcpy(&word, text.p, sizeof(word));
		hash = seen_mix(hash, word);
	}
	word = 0;
	for (size_t i = 0; i < text.n; i++) /* fewer than eight: not worth a call */
		word = word << 8 | (unsigned char)text.p[i];
	return seen_mix(hash, word);
}
