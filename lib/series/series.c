/*
 * series - contiguous samples per series, and sets found by label set (an open-addressing table of
 * numbers) or walked by metric name.
 */
#include "series/series.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SAMPLES 4
#define SHRINK_SAMPLES 64 /* less is not worth giving back */
#define FIRST_SLOTS 64
#define SPARE_SHARE 8 /* one sample more for each so many */
#define SERIES_MOST ((size_t)1 << 30)

struct slot {
	uint32_t tag;    /* the upper half of the hash */
	uint32_t number; /* in `all`, + 1; 0: free */
};

/* The series of one metric name, in the order in which they came. */
struct family {
	struct series **list;
	size_t n, capacity;
};

struct series_set {
	uint64_t seed;
	int64_t retention_ms;
	size_t max_series;
	struct label_pool *pool, *own_pool; /* the latter NULL when the former is borrowed */
	struct series **all;                /* own; in the order in which they came */
	size_t n, capacity;
	struct slot *slots; /* linear probing, at most half full */
	size_t nslots;      /* a power of two, or 0 */
	struct map *names;  /* metric name -> struct family, own */
	size_t samples, refused, dropped;
};

double series_stale_nan(void)
{
	uint64_t bits = SERIES_STALE_NAN_BITS;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

bool series_is_stale_nan(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits == SERIES_STALE_NAN_BITS;
}

/* How many of the live samples are not later than at_ms. */
static size_t count_until(const struct series *s, int64_t at_ms)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->samples[s->start + middle].at_ms <= at_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t series_slice(const struct series *s, int64_t from_ms, int64_t to_ms,
                    const struct sample **out)
{
	size_t from = count_until(s, from_ms);
	size_t to = count_until(s, to_ms);

	*out = s->n > 0 ? &s->samples[s->start + from] : NULL;
	return to > from ? to - from : 0;
}

/* Moves the live samples to the front. */
static void compact(struct series *s)
{
	if (s->start == 0)
		return;
	memmove(s->samples, s->samples + s->start, s->n * sizeof(*s->samples));
	s->start = 0;
}

/* At least a ninth of the room is free after a move or a growth, so that every append costs at most
 * nine samples moved: room is most of what a series takes. */
bool series_reserve(struct series *s, size_t more, struct err *err)
{
	size_t capacity = s->n + more + (s->n + more) / SPARE_SHARE;
	struct sample *samples;

	if (s->capacity - s->start - s->n >= more)
		return true;
	compact(s);
	if (capacity <= s->capacity)
		return true;
	capacity = capacity > FIRST_SAMPLES ? capacity : FIRST_SAMPLES;
	if (capacity > SERIES_MAX_SAMPLES)
		return err_set(err, ERR_LIMIT, "more than %zu samples of a series",
		               SERIES_MAX_SAMPLES);
	samples = realloc(s->samples, capacity * sizeof(*samples));
	if (samples == NULL)
		return err_set(err, ERR_NOMEM, "no memory for %zu samples of a series", capacity);
	s->samples = samples;
	s->capacity = (uint32_t)capacity;
	return true;
}

static void free_series(struct label_pool *pool, struct series *s)
{
	for (size_t i = 0; i < s->labels.n; i++)
		label_pool_drop(pool, s->labels.pairs[i]);
	free(s->samples);
	free(s);
}

static struct series_set *set_new(struct label_pool *pool, uint64_t seed, int64_t retention_ms,
                                  size_t max_series)
{
	struct series_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return NULL;
	set->seed = seed;
	set->retention_ms = retention_ms;
	set->max_series = max_series < SERIES_MOST ? max_series : SERIES_MOST;
	set->own_pool = pool == NULL ? label_pool_new(seed) : NULL;
	set->pool = pool == NULL ? set->own_pool : pool;
	set->names = map_new(seed);
	if (set->names == NULL || set->pool == NULL)
		series_set_free(&set);
	return set;
}

struct series_set *series_set_new(uint64_t seed, int64_t retention_ms, size_t max_series)
{
	return set_new(NULL, seed, retention_ms, max_series);
}

struct series_set *series_set_new_in(struct label_pool *pool, uint64_t seed, int64_t retention_ms,
                                     size_t max_series)
{
	return set_new(pool, seed, retention_ms, max_series);
}

/* One block: the pairs stand behind the rest. */
static struct series *make_series(struct label_pool *pool, const struct labels *labels,
                                  struct err *err)
{
	struct series *s = calloc(1, sizeof(*s) + labels->n * sizeof(struct label *));
	const struct label **pairs = s != NULL ? (const struct label **)(s + 1) : NULL;

	if (s == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a series");
		return NULL;
	}
	s->labels = (struct labels){.pairs = pairs, .hash = labels->hash};
	for (; s->labels.n < labels->n; s->labels.n++) {
		pairs[s->labels.n] = label_pool_take(pool, labels_at(labels, s->labels.n), err);
		if (pairs[s->labels.n] == NULL) {
			free_series(pool, s);
			return NULL;
		}
	}
	return s;
}

static void free_family(struct family *family)
{
	free(family->list);
	free(family);
}

void series_set_free(struct series_set **set)
{
	struct str name;
	void *family;

	if (*set == NULL)
		return;
	for (size_t i = 0; i < (*set)->n; i++)
		free_series((*set)->pool, (*set)->all[i]);
	if ((*set)->names != NULL) {
		for (size_t at = 0; map_next((*set)->names, &at, &name, &family);)
			free_family(family);
		map_free(&(*set)->names);
	}
	label_pool_free(&(*set)->own_pool);
	free((*set)->all);
	free((*set)->slots);
	free(*set);
	*set = NULL;
}

void series_set_retain(struct series_set *set, int64_t retention_ms)
{
	set->retention_ms = retention_ms;
}

size_t series_set_count(const struct series_set *set)
{
	return set->n;
}

size_t series_set_samples(const struct series_set *set)
{
	return set->samples;
}

size_t series_set_refused(const struct series_set *set)
{
	return set->refused;
}

/* The slot that holds the label set, or the free one where it would go. There are slots. */
static size_t find_slot(const struct series_set *set, const struct labels *labels, uint64_t hash)
{
	size_t at = hash & (set->nslots - 1);

	while (set->slots[at].number != 0 &&
	       (set->slots[at].tag != (uint32_t)(hash >> 32) ||
	        !labels_equal(&set->all[set->slots[at].number - 1]->labels, labels)))
		at = (at + 1) & (set->nslots - 1);
	return at;
}

/* Into slots that are all free. */
static void fill_slots(struct series_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		uint64_t hash = labels_keyed_hash(&set->all[i]->labels, set->seed);
		size_t at = hash & (set->nslots - 1);

		while (set->slots[at].number != 0)
			at = (at + 1) & (set->nslots - 1);
		set->slots[at] = (struct slot){(uint32_t)(hash >> 32), (uint32_t)(i + 1)};
	}
}

static bool grow_slots(struct series_set *set, struct err *err)
{
	size_t nslots = set->nslots > 0 ? set->nslots * 2 : FIRST_SLOTS;
	struct slot *slots;

	if (set->n + 1 <= set->nslots / 2)
		return true;
	slots = calloc(nslots, sizeof(*slots));
	if (slots == NULL)
		return err_set(err, ERR_NOMEM, "no memory for %zu series", set->n + 1);
	free(set->slots);
	set->slots = slots;
	set->nslots = nslots;
	fill_slots(set);
	return true;
}

/* Room for one more pointer. */
static bool grow_list(struct series ***list, size_t n, size_t *capacity, struct err *err)
{
	size_t more = *capacity > 0 ? *capacity * 2 : 4;
	struct series **grown;

	if (n < *capacity)
		return true;
	grown = realloc(*list, more * sizeof(struct series *));
	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for %zu series", n + 1);
	*list = grown;
	*capacity = more;
	return true;
}

static struct family *obtain_family(struct series_set *set, struct str name, struct err *err)
{
	struct family *family = map_get(set->names, name);

	if (family != NULL)
		return family;
	family = calloc(1, sizeof(*family));
	if (family == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a metric name");
		return NULL;
	}
	if (!map_put(set->names, name, family, err)) {
		free_family(family);
		return NULL;
	}
	return family;
}

/* Everything that can fail comes before the first change that would show. */
static struct series *add_series(struct series_set *set, const struct labels *labels, uint64_t hash,
                                 struct err *err)
{
	struct family *family;
	struct series *s;

	if (set->n >= set->max_series) {
		err_set(err, ERR_LIMIT, "more than %zu series", set->max_series);
		return NULL;
	}
	family = obtain_family(set, labels_get(labels, STR("__name__")), err);
	if (family == NULL || !grow_slots(set, err) ||
	    !grow_list(&set->all, set->n, &set->capacity, err) ||
	    !grow_list(&family->list, family->n, &family->capacity, err))
		return NULL;
	s = make_series(set->pool, labels, err);
	if (s == NULL)
		return NULL;
	set->slots[find_slot(set, labels, hash)] =
	        (struct slot){(uint32_t)(hash >> 32), (uint32_t)(set->n + 1)};
	set->all[set->n++] = s;
	family->list[family->n++] = s;
	return s;
}

struct series *series_set_obtain(struct series_set *set, const struct labels *labels,
                                 struct err *err)
{
	uint64_t hash = labels_keyed_hash(labels, set->seed);

	if (set->nslots > 0) {
		uint32_t number = set->slots[find_slot(set, labels, hash)].number;

		if (number != 0)
			return set->all[number - 1];
	}
	return add_series(set, labels, hash, err);
}

struct series *series_set_get(struct series_set *set, const struct labels *labels)
{
	uint32_t number = 0;

	if (set->nslots > 0)
		number = set->slots[find_slot(set, labels, labels_keyed_hash(labels, set->seed))]
		                 .number;
	return number != 0 ? set->all[number - 1] : NULL;
}

const struct series *series_set_find(const struct series_set *set, const struct labels *labels)
{
	return series_set_get((struct series_set *)(uintptr_t)set, labels); /* only reads */
}

size_t series_set_dropped(const struct series_set *set)
{
	return set->dropped;
}

bool series_append(struct series_set *set, struct series *s, struct sample sample, struct err *err)
{
	if (s->n > 0 && sample.at_ms <= s->samples[s->start + s->n - 1].at_ms) {
		set->refused++;
		return true;
	}
	if (!series_reserve(s, 1, err))
		return false;
	s->samples[s->start + s->n++] = sample;
	set->samples++;
	return true;
}

/* The list without its empty series, in the same order. */
static size_t drop_empty(struct series **list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i]->n > 0)
			list[kept++] = list[i];
	}
	return kept;
}

static void drop_empty_series(struct series_set *set)
{
	struct str name;
	void *value;
	size_t kept = 0;

	for (size_t at = 0; map_next(set->names, &at, &name, &value);) {
		struct family *family = value;

		family->n = drop_empty(family->list, family->n);
		if (family->n > 0)
			continue;
		map_remove(set->names, name);
		free_family(family);
	}
	for (size_t i = 0; i < set->n; i++) {
		struct series *s = set->all[i];

		if (s->n > 0) {
			set->all[kept++] = s;
			continue;
		}
		free_series(set->pool, s);
		set->dropped++;
	}
	set->n = kept;
	memset(set->slots, 0, set->nslots * sizeof(*set->slots));
	fill_slots(set);
}

/* Gives memory back when retention became much shorter; leaves room for a few appends. */
static void shrink(struct series *s)
{
	size_t capacity = s->capacity / 4;
	struct sample *samples;

	if (capacity < SHRINK_SAMPLES || s->n > capacity / 2)
		return;
	compact(s);
	samples = realloc(s->samples, capacity * sizeof(*samples));
	if (samples == NULL)
		return;
	s->samples = samples;
	s->capacity = (uint32_t)capacity;
}

void series_set_expire(struct series_set *set, int64_t newest_ms)
{
	bool any_empty = false;
	int64_t edge_ms;

	if (__builtin_sub_overflow(newest_ms, set->retention_ms, &edge_ms))
		return;
	for (size_t i = 0; i < set->n; i++) {
		struct series *s = set->all[i];
		size_t old = 0;

		while (old < s->n && s->samples[s->start + old].at_ms <= edge_ms)
			old++; /* no more than came since the last time, as a rule */
		/* The newest of the old ones stays, unless it says that the series ended. */
		if (old > 0 &&
		    (old < s->n || !series_is_stale_nan(s->samples[s->start + old - 1].value)))
			old--;
		s->start += (uint32_t)old;
		s->n -= (uint32_t)old;
		set->samples -= old;
		if (s->n == 0)
			any_empty = true;
		else
			shrink(s);
	}
	if (any_empty)
		drop_empty_series(set);
}

const struct series *series_set_next(const struct series_set *set, size_t *at)
{
	return *at < set->n ? set->all[(*at)++] : NULL;
}

const struct series *const *series_set_named(const struct series_set *set, struct str name,
                                             size_t *out_n)
{
	const struct family *family = map_get(set->names, name);

	*out_n = family != NULL ? family->n : 0;
	return family != NULL ? (const struct series *const *)family->list : NULL;
}

const struct series *series_set_next_named(const struct series_set *set, struct str name,
                                           size_t *at)
{
	size_t n;
	const struct series *const *list = series_set_named(set, name, &n);

	return *at < n ? list[(*at)++] : NULL;
}
