/*
 * target - a page is staged in a list of entries; commit makes room for everything first and only
 * then changes series, so that nothing is ever kept in part.
 */
#include "series/target.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "series/created.h"

/* A sample further ahead than this makes the page an error (rule K) and is not kept: it would keep
 * out all samples until its time has come. */
#define FUTURE_MS 60000
/* process_start_time_seconds of one process may jitter by this much. */
#define START_TIME "process_start_time_seconds"
#define START_JITTER_MS 1000
#define START_SECONDS_MAX 1e11
#define EXPORTED_BYTES_MAX ((size_t)1024 * 1024)
#define SHOWN_SERIES_MAX 150
#define FIRST_ENTRIES 16
#define FIRST_SLOTS 32

/* One sample of the page being filled. */
struct entry {
	struct series *known;  /* borrowed from the set, NULL when it has no such series */
	struct labels labels;  /* own; only when not known */
	struct series *series; /* set by commit */
	uint64_t hash;
	struct sample sample;
	int64_t stated_ms; /* the page's own timestamp */
	bool is_dated;     /* it has one */
	bool has_sample;   /* false: further ahead than FUTURE_MS */
	bool cumulative;
	size_t place; /* 0: none */
};

struct page {
	bool is_open;
	bool is_same;    /* target_page_same() */
	size_t nsettled; /* entries that are in slots and whose names are in page_names */
	bool has_newest; /* the newest sample became the last entry */
	int64_t at_ms;
	struct entry *entries;
	size_t n, capacity, nlast; /* nlast: of the page before */
	struct label *scratch;     /* the labels of one sample */
	size_t scratch_capacity;
	uint32_t *slots; /* entry number + 1 by hash, linear probing, at most half full */
	size_t nslots;
	int64_t process_start_ms;
	bool future_timestamp;
	bool selection_changed; /* before it was begun */
	bool guessed_creations; /* the format does not vouch for them */
};

struct target {
	struct target_options options; /* labels are own_labels */
	struct labels own_labels;
	struct series_set *series;
	struct target_health health;
	uint32_t page_number;
	struct page page;
	struct series **places; /* of the newest good page; NULL where none is known */
	size_t nplaces, places_capacity;
	size_t dropped;     /* series_set_dropped() when they were noted */
	size_t start_place; /* of process_start_time_seconds; 0: none */
	/* Creation times of the page since the last good one, and those that the last good page
	 * stated ahead of itself: a clock that is fast must not make them news twice. */
	struct created created, created_before;
	/* Metric names of the newest good page and of the one being filled. The value says whether
	 * there were samples of it (PICKED) or only its name (ANNOUNCED). */
	struct map *names, *page_names; /* page_names: NULL while no page is open */
	bool selection_changed;         /* since the newest page was begun */
	bool uncovered;                 /* likewise */
	bool forgot_announced;          /* what is only announced in `names` counts no more */
	struct arena exported;          /* their names that had to be changed */
};

static const char picked_mark = 'p';
static const char announced_mark = 'a';

/* The maps hold void pointers; nobody writes through them. */
static void *mark(const char *which)
{
	void *value;

	memcpy(&value, &which, sizeof(value));
	return value;
}

static bool keep_labels(struct target *t, const struct target_options *options, struct err *err)
{
	for (size_t i = 0; i < options->nlabels; i++) {
		if (str_eq(options->labels[i].name, STR("__name__")))
			return err_set(err, ERR_INVALID, "a target cannot have the label __name__");
	}
	if (!labels_own(options->labels, options->nlabels, &t->own_labels, err))
		return false;
	t->options.labels = t->own_labels.list;
	t->options.nlabels = t->own_labels.n;
	return true;
}

struct target *target_new(const struct target_options *options, struct err *err)
{
	struct target *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a target");
		return NULL;
	}
	t->options = *options;
	arena_init(&t->exported, EXPORTED_BYTES_MAX);
	if (!created_init(&t->created, options->seed, err) ||
	    !created_init(&t->created_before, options->seed, err) ||
	    !keep_labels(t, options, err)) {
		target_free(&t);
		return NULL;
	}
	t->series = series_set_new_in(options->pool, options->seed, options->retention_ms,
	                              options->max_series);
	t->names = map_new(options->seed);
	if (t->series == NULL || t->names == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a target");
		target_free(&t);
	}
	return t;
}

/* Forgets what was staged, and gives the room back: most of the time no page is being read. */
static void page_clear(struct page *page)
{
	for (size_t i = 0; i < page->n; i++)
		labels_fini(&page->entries[i].labels);
	free(page->entries);
	free(page->slots);
	free(page->scratch);
	page->scratch = NULL;
	page->scratch_capacity = 0;
	page->is_same = page->has_newest = false;
	page->nsettled = 0;
	page->entries = NULL;
	page->slots = NULL;
	if (page->is_open)
		page->nlast = page->n;
	page->n = page->capacity = page->nslots = 0;
	page->is_open = false;
}

void target_free(struct target **t)
{
	if (*t == NULL)
		return;
	page_clear(&(*t)->page);
	free((*t)->places);
	arena_fini(&(*t)->exported);
	created_fini(&(*t)->created);
	created_fini(&(*t)->created_before);
	if ((*t)->names != NULL)
		map_free(&(*t)->names);
	if ((*t)->page_names != NULL)
		map_free(&(*t)->page_names);
	series_set_free(&(*t)->series);
	labels_fini(&(*t)->own_labels);
	free(*t);
	*t = NULL;
}

void target_retain(struct target *t, int64_t retention_ms)
{
	series_set_retain(t->series, retention_ms);
}

const struct target_health *target_health(const struct target *t)
{
	return &t->health;
}

const struct series_set *target_series(const struct target *t)
{
	return t->series;
}

bool target_owns_series(const struct target *t)
{
	return !t->options.honor_labels;
}

static bool counts(const struct target *t, const void *how)
{
	return how == &picked_mark || (how == &announced_mark && !t->forgot_announced);
}

bool target_has_name(const struct target *t, struct str name)
{
	return counts(t, map_get(t->names, name));
}

bool target_next_name(const struct target *t, size_t *at, struct str *out)
{
	void *how;

	while (map_next(t->names, at, out, &how)) {
		if (counts(t, how))
			return true;
	}
	return false;
}

void target_selection_changed(struct target *t)
{
	t->selection_changed = true;
}

void target_uncover(struct target *t)
{
	t->forgot_announced = true;
	t->health.covered_since_ms = 0;
	t->uncovered = true;
}

static void drop_page_names(struct target *t)
{
	if (t->page_names != NULL)
		map_free(&t->page_names);
}

bool target_page_begin(struct target *t, int64_t at_ms, struct err *err)
{
	if (t->health.last_attempt_ms != 0 && at_ms <= t->health.last_attempt_ms)
		return err_set(err, ERR_CONFLICT,
		               "this page is not later than the one before it (%lld ms)",
		               (long long)(t->health.last_attempt_ms - at_ms));
	/* A change while a page is being filled concerns that page, of which part was picked the
	 * old way, and the next. */
	t->page.selection_changed =
	        t->selection_changed || (t->page.is_open && t->page.selection_changed);
	t->selection_changed = false;
	t->uncovered = false;
	page_clear(&t->page);
	created_clear(&t->created);
	drop_page_names(t);
	t->page_names = map_new(t->options.seed);
	if (t->page_names == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a target");
	t->page.is_open = true;
	t->page.at_ms = at_ms;
	t->page.process_start_ms = 0;
	t->page.future_timestamp = false;
	t->page.guessed_creations = false;
	return true;
}

static bool has_label(const struct label *list, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(list[i].name, name))
			return true;
	}
	return false;
}

/* "exported_" before the name, as often as it takes for nobody else to have it. */
static bool export_name(struct target *t, const struct label *labels, size_t nlabels,
                        struct str *name, struct err *err)
{
	static const struct str prefix = {"exported_", 9};

	do {
		char *text = arena_alloc(&t->exported, prefix.n + name->n);

		if (text == NULL)
			return arena_ok(&t->exported, err);
		memcpy(text, prefix.p, prefix.n);
		memcpy(text + prefix.n, name->p, name->n);
		*name = (struct str){.p = text, .n = prefix.n + name->n};
	} while (has_label(labels, nlabels, *name) ||
	         has_label(t->options.labels, t->options.nlabels, *name));
	return true;
}

/* The labels the series will have, in the scratch list. */
static bool join_labels(struct target *t, struct str name, const struct label *labels,
                        size_t nlabels, struct labels *out, struct err *err)
{
	size_t most = nlabels + t->options.nlabels + 1;
	size_t n;

	if (most > t->page.scratch_capacity) {
		struct label *scratch = realloc(t->page.scratch, 2 * most * sizeof(*scratch));

		if (scratch == NULL)
			return err_set(err, ERR_NOMEM, "no memory for the labels of a sample");
		t->page.scratch = scratch;
		t->page.scratch_capacity = 2 * most;
	}
	t->page.scratch[0] = (struct label){.name = STR("__name__"), .value = name};
	n = 1;
	for (size_t i = 0; i < t->options.nlabels; i++) {
		/* An empty value of the page's own takes ours away, as with Prometheus. */
		if (!t->options.honor_labels ||
		    !has_label(labels, nlabels, t->options.labels[i].name))
			t->page.scratch[n++] = t->options.labels[i];
	}
	arena_clear(&t->exported);
	for (size_t i = 0; i < nlabels; i++) {
		struct label label = labels[i];

		/* An empty value is no label: it must not push anything aside. */
		if (label.value.n == 0)
			continue;
		if (!t->options.honor_labels &&
		    has_label(t->options.labels, t->options.nlabels, label.name) &&
		    !export_name(t, labels, nlabels, &label.name, err))
			return false;
		t->page.scratch[n++] = label;
	}
	return labels_borrow(t->page.scratch, n, out, err);
}

static const struct labels *entry_labels(const struct entry *entry)
{
	return entry->known != NULL ? &entry->known->labels : &entry->labels;
}

static bool grow_entries(struct page *page, struct err *err)
{
	if (page->n == page->capacity) {
		size_t first = page->nlast > FIRST_ENTRIES ? page->nlast : FIRST_ENTRIES;
		size_t capacity = page->capacity > 0 ? page->capacity * 2 : first;
		struct entry *entries = realloc(page->entries, capacity * sizeof(*entries));

		if (entries == NULL)
			return err_set(err, ERR_NOMEM, "no memory for %zu samples of a page",
			               capacity);
		page->entries = entries;
		page->capacity = capacity;
	}
	return true;
}

static void add_slot(struct page *page, size_t number)
{
	size_t at = page->entries[number].hash & (page->nslots - 1);

	while (page->slots[at] != 0)
		at = (at + 1) & (page->nslots - 1);
	page->slots[at] = (uint32_t)(number + 1);
}

static bool grow_slots(struct page *page, struct err *err)
{
	if (page->n + 1 > page->nslots / 2) {
		size_t nslots = page->nslots > 0 ? page->nslots * 2 : FIRST_SLOTS;
		uint32_t *slots;

		while (nslots < 2 * page->capacity)
			nslots *= 2;
		slots = calloc(nslots, sizeof(*slots));
		if (slots == NULL)
			return err_set(err, ERR_NOMEM, "no memory for %zu samples of a page",
			               nslots);
		free(page->slots);
		page->slots = slots;
		page->nslots = nslots;
		for (size_t i = 0; i < page->nsettled; i++)
			add_slot(page, i);
	}
	return true;
}

/* What was repeated so far is to be found like what is added. */
static bool settle(struct target *t, struct err *err)
{
	struct page *page = &t->page;

	if (!grow_slots(page, err))
		return false;
	for (; page->nsettled < page->n; page->nsettled++) {
		struct entry *entry = &page->entries[page->nsettled];
		struct str name = labels_get(&entry->known->labels, STR("__name__"));

		entry->hash = labels_keyed_hash(&entry->known->labels, t->options.seed);
		if (!map_put(t->page_names, name, mark(&picked_mark), err))
			return false;
		add_slot(page, page->nsettled);
	}
	return true;
}

static bool refuse_twice(const struct labels *labels, struct err *err)
{
	struct buf shown;

	buf_init(&shown, SHOWN_SERIES_MAX);
	labels_print(labels, &shown);
	err_set(err, ERR_INVALID, "the series %.*s stands twice on the page", (int)shown.n,
	        shown.bytes != NULL ? shown.bytes : "");
	buf_fini(&shown);
	return false;
}

/* Another point of a metric, at a later time of its own: OpenMetrics has those. The newest is how
 * things stand. */
static bool is_later_point(const struct entry *entry, const struct entry *than)
{
	return entry->is_dated && than->is_dated && entry->stated_ms > than->stated_ms;
}

/* The same said twice is no contradiction. */
static bool agree(const struct entry *a, const struct entry *b)
{
	return a->sample.at_ms == b->sample.at_ms &&
	       memcmp(&a->sample.value, &b->sample.value, sizeof(a->sample.value)) == 0;
}

static void take_point(struct entry *entry, const struct entry *point)
{
	entry->sample = point->sample;
	entry->stated_ms = point->stated_ms;
	entry->has_sample = point->has_sample;
}

/* Stages the entry; its label set is `labels`, which is copied when the set does not have it. */
static bool stage(struct target *t, const struct labels *labels, struct entry entry,
                  struct err *err)
{
	struct page *page = &t->page;
	size_t at;

	page->has_newest = false;
	if (!grow_entries(page, err) || !settle(t, err))
		return false;
	entry.hash = labels_keyed_hash(labels, t->options.seed);
	for (at = entry.hash & (page->nslots - 1); page->slots[at] != 0;
	     at = (at + 1) & (page->nslots - 1)) {
		struct entry *other = &page->entries[page->slots[at] - 1];

		if (other->hash != entry.hash || !labels_equal(entry_labels(other), labels))
			continue;
		if (is_later_point(&entry, other))
			take_point(other, &entry);
		else if (!agree(&entry, other))
			return refuse_twice(labels, err);
		other->place = 0; /* one of several: its place alone does not say which counts */
		return true;
	}
	entry.known = series_set_get(t->series, labels);
	if (entry.known == NULL && !labels_own(labels->list, labels->n, &entry.labels, err))
		return false;
	page->entries[page->n++] = entry;
	page->nsettled = page->n;
	page->has_newest = true;
	page->slots[at] = (uint32_t)page->n;
	return true;
}

/* Of several processes behind one page the youngest counts: its restart is a restart. */
static void notice_process_start(struct page *page, double seconds)
{
	int64_t start_ms;

	if (!(seconds > 0 && seconds < START_SECONDS_MAX))
		return;
	start_ms = (int64_t)(seconds * 1000);
	if (start_ms > page->process_start_ms)
		page->process_start_ms = start_ms;
}

static bool is_future(const struct page *page, int64_t timestamp_ms)
{
	int64_t ahead_ms;

	if (timestamp_ms <= page->at_ms)
		return false;
	return __builtin_sub_overflow(timestamp_ms, page->at_ms, &ahead_ms) || ahead_ms > FUTURE_MS;
}

/* A sample of the page, of which series is not said yet. */
static struct entry make_entry(struct target *t, double value, bool has_timestamp,
                               int64_t timestamp_ms, bool cumulative)
{
	bool future = has_timestamp && is_future(&t->page, timestamp_ms);
	struct entry entry = {
	        .sample = {.at_ms = t->page.at_ms, .value = value},
	        .stated_ms = timestamp_ms,
	        .is_dated = has_timestamp,
	        .has_sample = true,
	        .cumulative = cumulative,
	};

	if (has_timestamp && t->options.honor_timestamps) {
		entry.sample.at_ms = timestamp_ms;
		entry.has_sample = !future;
	}
	if (future)
		t->page.future_timestamp = true;
	return entry;
}

bool target_page_add(struct target *t, struct str name, const struct label *labels, size_t nlabels,
                     double value, bool has_timestamp, int64_t timestamp_ms, bool cumulative,
                     struct err *err)
{
	struct labels joined = {0};
	struct entry entry;

	if (!t->page.is_open)
		return err_set(err, ERR_BUG, "a sample without a page");
	entry = make_entry(t, value, has_timestamp, timestamp_ms, cumulative);
	if (!join_labels(t, name, labels, nlabels, &joined, err) || !stage(t, &joined, entry, err))
		return false;
	if (map_get(t->page_names, name) != mark(&picked_mark) &&
	    !map_put(t->page_names, name, mark(&picked_mark), err))
		return false;
	if (str_eq(name, STR(START_TIME)))
		notice_process_start(&t->page, value);
	return true;
}

void target_page_place(struct target *t, size_t place)
{
	if (t->page.has_newest)
		t->page.entries[t->page.n - 1].place = place;
}

bool target_page_knows(const struct target *t, size_t place)
{
	return place - 1 < t->nplaces && t->places[place - 1] != NULL &&
	       t->dropped == series_set_dropped(t->series);
}

bool target_page_repeat(struct target *t, size_t place, double value, bool has_timestamp,
                        int64_t timestamp_ms, bool cumulative, struct err *err)
{
	struct page *page = &t->page;
	struct entry entry;

	if (!page->is_open || !target_page_knows(t, place))
		return err_set(err, ERR_BUG, "a sample of which nothing is known");
	if (!grow_entries(page, err))
		return false;
	entry = make_entry(t, value, has_timestamp, timestamp_ms, cumulative);
	entry.known = t->places[place - 1];
	entry.place = place;
	page->entries[page->n++] = entry;
	page->has_newest = true;
	if (place == t->start_place)
		notice_process_start(page, value);
	return true;
}

void target_page_same(struct target *t)
{
	t->page.is_same = true;
}

/* Without memory for it less is known, and nothing is wrong. */
static void note_places(struct target *t)
{
	const struct page *page = &t->page;
	size_t most = 0;

	if (!page->is_same || t->dropped != series_set_dropped(t->series))
		t->nplaces = t->start_place = 0;
	t->dropped = series_set_dropped(t->series);
	for (size_t i = 0; i < page->n; i++)
		most = page->entries[i].place > most ? page->entries[i].place : most;
	if (most > t->places_capacity) {
		struct series **places = realloc(t->places, most * sizeof(struct series *));

		if (places == NULL)
			return;
		t->places = places;
		t->places_capacity = most;
	}
	for (; t->nplaces < most; t->nplaces++)
		t->places[t->nplaces] = NULL;
	for (size_t i = 0; i < page->n; i++) {
		const struct entry *entry = &page->entries[i];

		if (entry->place == 0 || t->places[entry->place - 1] == entry->series)
			continue;
		if (str_eq(labels_get(&entry->series->labels, STR("__name__")), STR(START_TIME))) {
			if (t->start_place != 0) /* another process: found by name each time */
				continue;
			t->start_place = entry->place;
		}
		t->places[entry->place - 1] = entry->series;
	}
}

/* Only a creation since the last good page tells anything new, or will on the next one. */
bool target_page_created(struct target *t, struct str name, const struct label *labels,
                         size_t nlabels, double seconds, bool is_guess, struct err *err)
{
	struct labels joined = {0};
	int64_t at_ms;

	if (!t->page.is_open)
		return err_set(err, ERR_BUG, "a creation time without a page");
	if (is_guess)
		t->page.guessed_creations = true;
	if (!t->options.mend || !(seconds > 0 && seconds < START_SECONDS_MAX))
		return true;
	at_ms = (int64_t)(seconds * 1000);
	if (at_ms <= t->health.last_good_ms ||
	    (t->health.last_good_ms == 0 && at_ms < t->page.at_ms))
		return true;
	return join_labels(t, name, labels, nlabels, &joined, err) &&
	       created_add(&t->created, &joined, at_ms, err);
}

bool target_page_name(struct target *t, struct str name, struct err *err)
{
	if (!t->page.is_open)
		return err_set(err, ERR_BUG, "a metric name without a page");
	return map_get(t->page_names, name) != NULL ||
	       map_put(t->page_names, name, mark(&announced_mark), err);
}

/* The newest sample that is not a stale marker; NULL when there is none. */
static const struct sample *newest_real(const struct series *s)
{
	for (size_t i = s->n; i > 0; i--) {
		const struct sample *sample = &s->samples[s->start + i - 1];

		if (!series_is_stale_nan(sample->value))
			return sample;
	}
	return NULL;
}

static bool has_fallen(const struct entry *entry, const struct series *s)
{
	const struct sample *before = s != NULL ? newest_real(s) : NULL;

	return before != NULL && entry->sample.value < before->value;
}

static bool any_fell(const struct page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct entry *entry = &page->entries[i];

		if (entry->cumulative && has_fallen(entry, entry->known))
			return true;
	}
	return false;
}

/* When the series came into being, if that was since the last good page. */
static bool created_since(struct target *t, const struct labels *series, int64_t *out_ms)
{
	int64_t at_ms, before_ms;

	if (!created_find(&t->created, series, &at_ms) || at_ms >= t->page.at_ms)
		return false;
	if (created_find(&t->created_before, series, &before_ms) &&
	    at_ms - before_ms <= START_JITTER_MS)
		return false;
	*out_ms = at_ms;
	return true;
}

/* A series that was on the page before and is younger than that page. */
static bool any_created_anew(struct target *t)
{
	int64_t created_ms;

	if (t->created.n == 0 || t->page.guessed_creations)
		return false; /* a guess counts where the value fell, which any_fell() sees */
	for (size_t i = 0; i < t->page.n; i++) {
		const struct entry *entry = &t->page.entries[i];
		const struct series *s = entry->known;

		if (entry->cumulative && s != NULL && s->n > 0 &&
		    !series_is_stale_nan(s->samples[s->start + s->n - 1].value) &&
		    created_since(t, &s->labels, &created_ms))
			return true;
	}
	return false;
}

/* What commit finds out by comparing the page with what was known. */
struct news {
	bool restarted;
	bool restarted_at_known_time; /* process_start_time_seconds rose */
	bool may_be_born;             /* the previous page was good and of the same process */
	int64_t restart_zero_ms;
	int64_t birth_zero_ms;
};

static struct news compare(struct target *t)
{
	const struct target_health *health = &t->health;
	const struct page *page = &t->page;
	bool both_known = page->process_start_ms > 0 && health->process_start_ms > 0;
	int64_t moved_ms = both_known ? page->process_start_ms - health->process_start_ms : 0;
	bool same_process =
	        both_known && moved_ms <= START_JITTER_MS && moved_ms >= -START_JITTER_MS;
	struct news news = {0};

	news.restarted_at_known_time = moved_ms > START_JITTER_MS;
	/* A start that fell says that someone else answers, or another clock: then the counters
	 * decide, as they do where no start is exposed. */
	news.restarted = news.restarted_at_known_time ||
	                 (!same_process && (any_fell(page) || any_created_anew(t)));
	news.may_be_born = health->up && !news.restarted;
	news.birth_zero_ms = health->last_good_ms;
	news.restart_zero_ms = health->last_attempt_ms + 1;
	if (page->process_start_ms > news.restart_zero_ms)
		news.restart_zero_ms = page->process_start_ms;
	return news;
}

/* Whether a series of which nothing is known can only have come into being since the previous page.
 */
static bool name_was_watched(const struct target *t, const struct series *s)
{
	const void *how = map_get(t->names, labels_get(&s->labels, STR("__name__")));

	if (!counts(t, how))
		return !t->selection_changed && !t->page.selection_changed;
	return how == &picked_mark;
}

/* A gauge that is by chance named like a creation time must not make a counter begin anew: a guess
 * only says when something happened that is known without it. */
static bool creation_counts(const struct target *t, const struct entry *entry, bool is_born)
{
	return !t->page.guessed_creations || is_born || has_fallen(entry, entry->series);
}

/* The zero sample of rule K8. A series that was seen before and came back gets none: it may well be
 * the same counter going on, and if it is not, PromQL sees the reset. */
static void mend(struct target *t, const struct entry *entry, const struct news *news)
{
	struct series *s = entry->series;
	bool is_born = news->may_be_born && newest_real(s) == NULL && name_was_watched(t, s);
	struct err err;
	int64_t zero_ms;
	bool appended;

	if (created_since(t, &s->labels, &zero_ms) && creation_counts(t, entry, is_born))
		zero_ms = zero_ms > t->health.last_attempt_ms ? zero_ms
		                                              : t->health.last_attempt_ms + 1;
	else if (news->restarted_at_known_time)
		zero_ms = news->restart_zero_ms;
	else if (is_born)
		zero_ms = news->birth_zero_ms;
	else
		return;
	if (zero_ms >= entry->sample.at_ms || zero_ms >= t->page.at_ms)
		return;
	if (s->n > 0 && s->samples[s->start + s->n - 1].at_ms >= zero_ms)
		return;
	appended = series_append(t->series, s, (struct sample){.at_ms = zero_ms, .value = 0}, &err);
	assert(appended); /* make_room() did */
}

/* Series of the page and room in them: for a zero, the sample, and the stale marker that will
 * follow one day, which must not fail for want of memory. */
static bool make_room(struct target *t, struct err *err)
{
	for (size_t i = 0; i < t->page.n; i++) {
		struct entry *entry = &t->page.entries[i];

		entry->series = entry->known != NULL
		                        ? entry->known
		                        : series_set_obtain(t->series, &entry->labels, err);
		if (entry->series == NULL || !series_reserve(entry->series, 3, err))
			return false;
	}
	return true;
}

static void keep_entry(struct target *t, const struct entry *entry, const struct news *news)
{
	struct err err;
	bool appended;

	entry->series->last_page = t->page_number;
	entry->series->cumulative = entry->cumulative;
	if (!entry->has_sample)
		return;
	if (t->options.mend && entry->cumulative)
		mend(t, entry, news);
	appended = series_append(t->series, entry->series, entry->sample, &err);
	assert(appended); /* make_room() did */
}

/* Ends every series that the newest page does not carry. */
static void mark_stale(struct target *t, int64_t at_ms)
{
	const struct series *walked;

	for (size_t at = 0; (walked = series_set_next(t->series, &at)) != NULL;) {
		struct series *s;
		struct err err;
		int64_t newest_ms, stale_ms = at_ms;
		bool appended;

		if (walked->last_page == t->page_number || walked->n == 0)
			continue;
		if (series_is_stale_nan(walked->samples[walked->start + walked->n - 1].value))
			continue;
		newest_ms = walked->samples[walked->start + walked->n - 1].at_ms;
		/* The page's own timestamps may run a little ahead. */
		if (newest_ms >= stale_ms)
			stale_ms = newest_ms + 1;
		s = series_set_obtain(t->series, &walked->labels, &err);
		assert(s != NULL);
		appended = series_append(
		        t->series, s,
		        (struct sample){.at_ms = stale_ms, .value = series_stale_nan()}, &err);
		assert(appended); /* make_room() left room */
	}
}

/* A page that was begun before the target was uncovered was picked the old way. */
static int64_t covered_since(const struct target *t, const struct news *news)
{
	if (t->uncovered)
		return 0;
	if (t->health.covered_since_ms == 0 || news->restarted)
		return t->page.at_ms;
	return t->health.covered_since_ms;
}

static void keep_health(struct target *t, const struct news *news, size_t samples_on_page)
{
	struct target_health *health = &t->health;
	const struct page *page = &t->page;

	if (news->restarted)
		health->restarts++;
	health->covered_since_ms = covered_since(t, news);
	health->last_attempt_ms = page->at_ms;
	health->last_good_ms = page->at_ms;
	health->process_start_ms = page->process_start_ms;
	health->pages++;
	health->samples = samples_on_page;
	health->up = true;
	health->future_timestamp = page->future_timestamp;
	health->last_error[0] = '\0';
}

bool target_page_commit(struct target *t, size_t samples_on_page, struct err *err)
{
	struct map *names = t->names;
	struct created created;
	struct news news;

	if (!t->page.is_open)
		return err_set(err, ERR_BUG, "a commit without a page");
	if ((!t->page.is_same && !settle(t, err)) || !make_room(t, err)) {
		page_clear(&t->page);
		series_set_expire(t->series,
		                  t->health.last_attempt_ms); /* the new ones are empty */
		return false;
	}
	news = compare(t);
	t->page_number++;
	for (size_t i = 0; i < t->page.n; i++)
		keep_entry(t, &t->page.entries[i], &news);
	note_places(t);
	mark_stale(t, t->page.at_ms);
	keep_health(t, &news, samples_on_page);
	if (!t->page.is_same) {
		t->names = t->page_names;
		t->page_names = names;
		t->forgot_announced = false;
		if (t->options.names != NULL)
			map_intern(t->options.names, &t->names);
	}
	created = t->created;
	t->created = t->created_before;
	t->created_before = created;
	created_clear(&t->created);
	drop_page_names(t);
	if (t->uncovered)
		t->forgot_announced = true;
	page_clear(&t->page);
	series_set_expire(t->series, t->health.last_attempt_ms);
	return true;
}

void target_page_abort(struct target *t, int64_t at_ms, const char *reason)
{
	struct target_health *health = &t->health;

	page_clear(&t->page);
	drop_page_names(t);
	t->page_number++;
	mark_stale(t, at_ms);
	if (at_ms > health->last_attempt_ms)
		health->last_attempt_ms = at_ms;
	health->covered_since_ms = 0;
	health->failures++;
	health->up = false;
	health->future_timestamp = false;
	snprintf(health->last_error, sizeof(health->last_error), "%s",
	         reason != NULL ? reason : "");
	text_mend_cut(health->last_error, sizeof(health->last_error));
	series_set_expire(t->series, health->last_attempt_ms);
}
