/*
 * target_page - a page being filled: each sample becomes an entry, joined with the target's own
 * labels and looked up among those before it; a page like the one before is read along by place.
 */
#include "series/target_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* A sample further ahead than this makes the page an error (rule K) and is not kept: it would keep
 * out all samples until its time has come. */
#define FUTURE_MS 60000
#define START_TIME "process_start_time_seconds"
#define START_SECONDS_MAX 1e11
#define SHOWN_SERIES_MAX 150
#define FIRST_ENTRIES 16
#define FIRST_SLOTS 32

/* The maps hold void pointers; nobody writes through them. */
static void *mark(const char *which)
{
	void *value;

	memcpy(&value, &which, sizeof(value));
	return value;
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
bool target_settle(struct target *t, struct err *err)
{
	struct page *page = &t->page;

	if (!grow_slots(page, err))
		return false;
	for (; page->nsettled < page->n; page->nsettled++) {
		struct entry *entry = &page->entries[page->nsettled];
		struct str name = labels_get(&entry->known->labels, STR("__name__"));

		entry->hash = labels_keyed_hash(&entry->known->labels, t->options.seed);
		if (!map_put(t->page_names, name, mark(&target_picked_mark), err))
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
	if (!grow_entries(page, err) || !target_settle(t, err))
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
	if (map_get(t->page_names, name) != mark(&target_picked_mark) &&
	    !map_put(t->page_names, name, mark(&target_picked_mark), err))
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
void target_note_places(struct target *t)
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
	       map_put(t->page_names, name, mark(&target_announced_mark), err);
}
