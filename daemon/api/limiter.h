/*
 * limiter - token buckets in a table of fixed size, so that strangers cannot make it grow.
 *
 * Keys are hashed with a seed; a bucket whose place is needed gives way when it is the one longest
 * unused of its row, which only ever forgives.
 */
#ifndef API_LIMITER_H
#define API_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct limiter;

struct limit {
	const char *name; /* part of the key */
	double per_second;
	double burst;
};

struct limiter *limiter_new(uint64_t seed); /* NULL without memory */
void limiter_free(struct limiter **l);
/* Takes one from the bucket of `who`. When empty: false and the milliseconds until one is there. */
bool limiter_take(struct limiter *l, const struct limit *limit, const char *who, struct mono now,
                  int64_t *out_wait_ms);

#endif
