/*
 * target - a page is staged in a list of entries; commit makes room for everything first and only
 * then changes series, so that nothing is ever kept in part.
 */
#include "series/target_internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED_BYTES_MAX ((size_t)1024 * 1024)

const char target_picked_mark = 'p';
const char target_announced_mark = 'a';

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

bool target_name_counts(const struct target *t, const void *how)
{
	return how == &target_picked_mark ||
	       (how == &target_announced_mark && !t->forgot_announced);
}

bool target_has_name(const struct target *t, struct str name)
{
	return target_name_counts(t, map_get(t->names, name));
}

bool target_next_name(const struct target *t, size_t *at, struct str *out)
{
	void *how;

	while (map_next(t->names, at, out, &how)) {
		if (target_name_counts(t, how))
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
		target_mend(t, entry, news);
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
	if ((!t->page.is_same && !target_settle(t, err)) || !make_room(t, err)) {
		page_clear(&t->page);
		series_set_expire(t->series,
		                  t->health.last_attempt_ms); /* the new ones are empty */
		return false;
	}
	news = target_compare(t);
	t->page_number++;
	for (size_t i = 0; i < t->page.n; i++)
		keep_entry(t, &t->page.entries[i], &news);
	target_note_places(t);
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
