/*
 * label_pool - every name="value" pair once, however many series carry it: replicas of one service
 * have the same labels but for one or two.
 *
 * Pure. Texts are copied in. A pair lives until it was let go of as often as it was taken. The seed
 * keeps the authors of pages from choosing texts that collide. No bound of its own: series hold the
 * pairs, and those are bounded.
 */
#ifndef SERIES_LABEL_POOL_H
#define SERIES_LABEL_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/label.h"

struct label_pool;

struct label_pool *label_pool_new(uint64_t seed); /* NULL without memory */
void label_pool_free(struct label_pool **pool);   /* nothing taken may be in use any more */
/* The pair with these texts; NULL with ERR_NOMEM. */
const struct label *label_pool_take(struct label_pool *pool, const struct label *label,
                                    struct err *err);
void label_pool_drop(struct label_pool *pool, const struct label *taken);
size_t label_pool_count(const struct label_pool *pool);

#endif
