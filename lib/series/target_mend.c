/*
 * target_mend - what a page tells by comparison with those before it: restarts and births, and the
 * zero samples that make them count (rule K8).
 */
#include "series/target_internal.h"

#include <assert.h>

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
	    at_ms - before_ms <= TARGET_START_JITTER_MS)
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

struct news target_compare(struct target *t)
{
	const struct target_health *health = &t->health;
	const struct page *page = &t->page;
	bool both_known = page->process_start_ms > 0 && health->process_start_ms > 0;
	int64_t moved_ms = both_known ? page->process_start_ms - health->process_start_ms : 0;
	bool same_process = both_known && moved_ms <= TARGET_START_JITTER_MS &&
	                    moved_ms >= -TARGET_START_JITTER_MS;
	struct news news = {0};

	news.restarted_at_known_time = moved_ms > TARGET_START_JITTER_MS;
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

	if (!target_name_counts(t, how))
		return !t->selection_changed && !t->page.selection_changed;
	return how == &target_picked_mark;
}

/* A gauge that is by chance named like a creation time must not make a counter begin anew: a guess
 * only says when something happened that is known without it. */
static bool creation_counts(const struct target *t, const struct entry *entry, bool is_born)
{
	return !t->page.guessed_creations || is_born || has_fallen(entry, entry->series);
}

/* The zero sample of rule K8. A series that was seen before and came back gets none: it may well be
 * the same counter going on, and if it is not, PromQL sees the reset. */
void target_mend(struct target *t, const struct entry *entry, const struct news *news)
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
