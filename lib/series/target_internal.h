/*
 * target_internal - what the files of a target share with each other and with nobody else: the page
 * that is being filled, and what is known of the pages before.
 */
#ifndef SERIES_TARGET_INTERNAL_H
#define SERIES_TARGET_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "series/created.h"
#include "series/target.h"

/* process_start_time_seconds of one process may jitter by this much. */
#define TARGET_START_JITTER_MS 1000

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

/* What the maps of names hold: there were samples of it, or only its name. */
extern const char target_picked_mark, target_announced_mark;

/* target.c: whether a name that is marked so is one of the newest good page. */
bool target_name_counts(const struct target *t, const void *how);

/* target_page.c: every entry is in a slot, and its name among the page's. */
bool target_settle(struct target *t, struct err *err) MUST_CHECK;
/* After a commit: which series stood where. */
void target_note_places(struct target *t);

/* What commit finds out by comparing the page with what was known. */
struct news {
	bool restarted;
	bool restarted_at_known_time; /* process_start_time_seconds rose */
	bool may_be_born;             /* the previous page was good and of the same process */
	int64_t restart_zero_ms;
	int64_t birth_zero_ms;
};
/* target_mend.c */
struct news target_compare(struct target *t);
/* The zero sample of rule K8, ahead of the entry's own; make_room() left room for it. */
void target_mend(struct target *t, const struct entry *entry, const struct news *news);

#endif
