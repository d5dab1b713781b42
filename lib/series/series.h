/*
 * series - the samples of metric series over the last stretch of time, and the sets they live in.
 *
 * Pure. Timestamps rise strictly within a series; a sample that does not is refused (counted, not
 * an error). Samples stay contiguous in memory, so that a range of time is one slice.
 *
 * Retention: samples older than `retention_ms` before the newest are dropped, but the newest sample
 * at or before that edge is kept while the series lives; a series with nothing left disappears.
 */
#ifndef SERIES_SERIES_H
#define SERIES_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "series/label_pool.h"
#include "series/labels.h"

struct sample {
	int64_t at_ms;
	double value;
};

/* Prometheus' stale marker is one NaN among many: compare bits, not values. */
#define SERIES_STALE_NAN_BITS 0x7ff0000000000002ULL
double series_stale_nan(void);
bool series_is_stale_nan(double value);

struct series {
	struct labels labels; /* its pairs belong to the set's pool */
	struct sample *samples;
	uint32_t start, n, capacity; /* live samples are samples[start .. start+n) */
	uint32_t last_page;          /* number of the last page that carried it; wraps around */
	bool cumulative;             /* a counter, bucket, count or sum by its declared type */
};

#define SERIES_MAX_SAMPLES ((size_t)1 << 31) /* of one series */

/* samples with from_ms < at_ms <= to_ms (left-open, as in Prometheus 3); borrowed until the set
 * changes. */
size_t series_slice(const struct series *s, int64_t from_ms, int64_t to_ms,
                    const struct sample **out);

/* Room for `more` samples, so that as many appends cannot fail. */
bool series_reserve(struct series *s, size_t more, struct err *err) MUST_CHECK;

struct series_set;

struct series_set *series_set_new(uint64_t seed, int64_t retention_ms, size_t max_series);
/* With the labels of its series in a pool that others use too; borrowed. */
struct series_set *series_set_new_in(struct label_pool *pool, uint64_t seed, int64_t retention_ms,
                                     size_t max_series);
void series_set_free(struct series_set **set);
/* Longer or shorter from now on. */
void series_set_retain(struct series_set *set, int64_t retention_ms);
size_t series_set_count(const struct series_set *set);
size_t series_set_samples(const struct series_set *set);
/* Samples that were not newer than their series' newest. */
size_t series_set_refused(const struct series_set *set);
/* Finds or makes; labels are copied when made. ERR_LIMIT beyond max_series. */
struct series *series_set_obtain(struct series_set *set, const struct labels *labels,
                                 struct err *err);
const struct series *series_set_find(const struct series_set *set, const struct labels *labels);
/* The same to write to; NULL when there is none. */
struct series *series_set_get(struct series_set *set, const struct labels *labels);
/* How many series were dropped so far: as long as it is the same, pointers to series live. */
size_t series_set_dropped(const struct series_set *set);
bool series_append(struct series_set *set, struct series *s, struct sample sample,
                   struct err *err) MUST_CHECK; /* true and dropped when out of order */
/* Drops what retention lets go; a series ended by a stale marker goes with its last sample, one
 * that got no sample goes at once. Pointers to dropped series die. */
void series_set_expire(struct series_set *set, int64_t newest_ms);
/* Walks every series; *at starts at 0. NULL at the end. */
const struct series *series_set_next(const struct series_set *set, size_t *at);
/* The series named `name`, borrowed until the set changes. */
const struct series *const *series_set_named(const struct series_set *set, struct str name,
                                             size_t *out_n);
/* Walks them, looking up the name at each step. */
const struct series *series_set_next_named(const struct series_set *set, struct str name,
                                           size_t *at);

#endif
