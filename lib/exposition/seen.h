/*
 * seen - a set of 64-bit hashes, forgotten as a whole at no cost. Internal to lib/exposition.
 *
 * Pure. Two different things of the same hash would be taken for one: one in 2^64 pairs, and the
 * seed keeps a page's author from choosing them.
 */
#ifndef EXPOSITION_SEEN_H
#define EXPOSITION_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct seen_slot {
	uint64_t hash;
	uint64_t generation; /* the slot is free when it is not the set's */
};

struct seen {
	struct seen_slot *slots; /* linear probing, at most half full */
	size_t n, nslots;
	uint64_t generation, seed;
};

void seen_init(struct seen *s, uint64_t seed);
void seen_fini(struct seen *s);
void seen_clear(struct seen *s);
/* *out_new: it was not there yet. */
bool seen_add(struct seen *s, uint64_t hash, bool *out_new, struct err *err) MUST_CHECK;

uint64_t seen_mix(uint64_t hash, uint64_t more);
uint64_t seen_hash(uint64_t seed, struct str text);

#endif
