/*
 * target - everything sampled from one scraped address: its series, which metric names its last
 * page had, and since when it has been watched without a gap.
 *
 * Pure. A page is begun, filled and then committed whole or aborted; until commit no series
 * changes.
 *
 * Ingestion mends what scraping loses (rule K8), and only when asked to: a counter, bucket,
 * count or sum that shows up for the first time on a target whose previous page was good gets a
 * zero sample at that page's time; when process_start_time_seconds rose, cumulative series get a
 * zero sample at the restart. Where the page states a creation time (foo_created) behind the last
 * good page, the zero sample stands there instead; if the format vouches for it (OpenMetrics), also
 * when the counter is past its old value already. Where neither is exposed, a cumulative series
 * that fell counts as a restart too, but its time is not guessed: PromQL's own reset logic sees the
 * fall.
 *
 * A series that a good page no longer carries, and every series when a page fails, gets a stale
 * marker.
 */
#ifndef SERIES_TARGET_H
#define SERIES_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "series/series.h"

struct target_options {
	const struct label *labels; /* added to every series: instance, job; win over the page's own
	                               (the page's go to exported_NAME) */
	size_t nlabels;
	bool honor_labels;     /* the page's own win instead */
	bool mend;             /* rule K8 */
	bool honor_timestamps; /* use the page's own timestamps */
	int64_t retention_ms;
	size_t max_series;
	uint64_t seed;
	struct label_pool *pool; /* borrowed; NULL: labels of its own */
	struct map_twins *names; /* borrowed: of those of the pages of others; NULL: none */
};

/* What is known about the target as evidence. Times are wall milliseconds, 0 = never. */
struct target_health {
	int64_t last_attempt_ms;  /* newest scrape that ended, well or not */
	int64_t last_good_ms;     /* newest page that was kept */
	int64_t covered_since_ms; /* first page of the present unbroken run of good pages of one
	                             process; 0 while the newest attempt failed, and from
	                             target_uncover() to the next page (rule K4) */
	int64_t process_start_ms; /* from process_start_time_seconds; 0 when not exposed */
	uint64_t pages, failures, restarts;
	size_t samples;        /* on the newest good page, skipped ones included */
	bool up;               /* the newest attempt was good */
	bool future_timestamp; /* the newest page had a sample more than 60 s ahead (rule K) */
	char last_error[240];
};

struct target;

struct target *target_new(const struct target_options *options, struct err *err);
void target_free(struct target **t);
void target_retain(struct target *t, int64_t retention_ms);
const struct target_health *target_health(const struct target *t);
const struct series_set *target_series(const struct target *t);
/* Whether its series bear its own labels whatever the page says; else another may have the same. */
bool target_owns_series(const struct target *t);
/* Whether the newest good page carried this metric name (any labels; rule K2). Names not wanted
 * count when they were announced through target_page_name. */
bool target_has_name(const struct target *t, struct str name);
/* Walks those names; *at starts at 0, false at the end. Borrowed until the next page. */
bool target_next_name(const struct target *t, size_t *at, struct str *out);

/* Say this when the caller starts to pick names it did not pick before: a name that is new on the
 * next page may then have been there all along, and is not taken for a born counter. */
void target_selection_changed(struct target *t);
/* What was sampled so far does not cover what is asked for now: more names, or a longer past than
 * was kept. Coverage begins anew with the next page that is begun (rule K4), and a name of which
 * nothing was picked does not count as being there (rule K2). */
void target_uncover(struct target *t);

/* ERR_CONFLICT when at_ms is not later than the newest attempt. */
bool target_page_begin(struct target *t, int64_t at_ms, struct err *err) MUST_CHECK;
/* name + labels as the page had them. Of several points of one series, each with a later timestamp
 * than the one before, the last is kept; two other samples of a series that differ: ERR_INVALID. */
bool target_page_add(struct target *t, struct str name, const struct label *labels, size_t nlabels,
                     double value, bool has_timestamp, int64_t timestamp_ms, bool cumulative,
                     struct err *err) MUST_CHECK;
/* The sample just added stands at this place of the page, from 1: on a page that looks the same the
 * same series does, and may then be repeated. */
void target_page_place(struct target *t, size_t place);
/* Whether the series at this place is known from the newest good page. */
bool target_page_knows(const struct target *t, size_t place);
/* One more sample of it, by its place alone. */
bool target_page_repeat(struct target *t, size_t place, double value, bool has_timestamp,
                        int64_t timestamp_ms, bool cumulative, struct err *err) MUST_CHECK;
/* Before commit: the page has the same names and the same samples at the same places as the newest
 * good one, so that nothing had to be announced. */
void target_page_same(struct target *t);
/* The page states, as name{labels} (foo_created), when a metric of it was created, in seconds since
 * the epoch. Kept until commit, as a fact about the other series and not as one of its own.
 * `is_guess`: told by the name alone, which a gauge may have by chance. It then says when a series
 * was born or fell, which is known without it, and never that a series began anew. */
bool target_page_created(struct target *t, struct str name, const struct label *labels,
                         size_t nlabels, double seconds, bool is_guess,
                         struct err *err) MUST_CHECK;
/* The page carries this name, but its samples are not wanted. */
bool target_page_name(struct target *t, struct str name, struct err *err) MUST_CHECK;
/* False: nothing was kept and the page is closed; abort it to record the failure. */
bool target_page_commit(struct target *t, size_t samples_on_page, struct err *err) MUST_CHECK;
/* Ends the page (begun or not) as failed at `at_ms`: marks everything stale, keeps the reason. */
void target_page_abort(struct target *t, int64_t at_ms, const char *reason);

#endif
