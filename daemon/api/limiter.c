/*
 * limiter - rows of eight buckets, searched in order.
 */
#include "api/limiter.h"

#include <math.h>
#include <stdlib.h>

#include "base/str.h"

#define ROWS 512
#define ROW_SIZE 8
#define NS_PER_SECOND 1e9

struct bucket {
	uint64_t key; /* 0: free */
	double left;
	struct mono filled;
};

struct limiter {
	uint64_t seed;
	struct bucket rows[ROWS][ROW_SIZE];
};

struct limiter *limiter_new(uint64_t seed)
{
	struct limiter *l = calloc(1, sizeof(*l));

	if (l)
		l->seed = seed;
	return l;
}

void limiter_free(struct limiter **l)
{
	free(*l);
	*l = NULL;
}

static struct bucket *find(struct limiter *l, uint64_t key, const struct limit *limit,
                           struct mono now)
{
	struct bucket *row = l->rows[(key >> 32) % ROWS];
	struct bucket *oldest = &row[0];

	for (size_t i = 0; i < ROW_SIZE; i++) {
		if (row[i].key == key)
			return &row[i];
		if (row[i].filled.ns < oldest->filled.ns)
			oldest = &row[i];
	}
	*oldest = (struct bucket){.key = key, .left = limit->burst, .filled = now};
	return oldest;
}

bool limiter_take(struct limiter *l, const struct limit *limit, const char *who, struct mono now,
                  int64_t *out_wait_ms)
{
	uint64_t key = str_hash(str_of(who), str_hash(str_of(limit->name), l->seed)) | 1U;
	struct bucket *b = find(l, key, limit, now);
	double seconds = (double)(now.ns - b->filled.ns) / NS_PER_SECOND;

	if (seconds > 0) {
		b->left = fmin(limit->burst, b->left + seconds * limit->per_second);
		b->filled = now;
	}
	if (b->left >= 1) {
		b->left -= 1;
		return true;
	}
	*out_wait_ms = 1 + (int64_t)((1 - b->left) / limit->per_second * 1000);
	return false;
}
