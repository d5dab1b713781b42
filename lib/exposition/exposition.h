/*
 * exposition - reads a metrics page as it arrives, in chunks cut anywhere, and hands out its
 * samples.
 *
 * Pure. Nothing handed to the callback outlives the call. A page is good or bad as a whole: whoever
 * collects the samples throws them away when feed or finish fails. Errors carry "line L, column C".
 * Reading is linear in the page.
 *
 * Two formats, docs/exposition.md has their rules:
 * - Prometheus text 0.0.4, as leniently as Prometheus reads it: samples without TYPE, blank lines,
 *   comments, spaces and tabs between tokens, timestamps in milliseconds.
 * - OpenMetrics 1.0, as strictly as its specification asks: one space between tokens, families
 *   that stand together with their metadata first, values and suffixes by type, exemplars (checked
 *   and skipped), timestamps in seconds, and "# EOF" at the end.
 */
#ifndef EXPOSITION_EXPOSITION_H
#define EXPOSITION_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/label.h"

enum metric_type {
	METRIC_UNTYPED = 0,
	METRIC_COUNTER,
	METRIC_GAUGE,
	METRIC_HISTOGRAM,
	METRIC_SUMMARY,
	METRIC_GAUGE_HISTOGRAM, /* this one and what follows: OpenMetrics only */
	METRIC_INFO,
	METRIC_STATESET,
	METRIC_TYPE_COUNT
};

enum exposition_format { EXPOSITION_PROMETHEUS = 0, EXPOSITION_OPENMETRICS, EXPOSITION_FORMATS };

/* Why a page was refused: for counters. */
enum exposition_trouble {
	EXPOSITION_FINE = 0,
	EXPOSITION_MALFORMED, /* it breaks the rules of its format */
	EXPOSITION_CUT,       /* its end is missing */
	EXPOSITION_MAX_BYTES, /* this one to MAX_FAMILIES: larger than that bound */
	EXPOSITION_MAX_SAMPLES,
	EXPOSITION_MAX_LABELS,
	EXPOSITION_MAX_NAME,
	EXPOSITION_MAX_VALUE,
	EXPOSITION_MAX_LINE,
	EXPOSITION_MAX_FAMILIES,
	EXPOSITION_REFUSED, /* by the callback */
	EXPOSITION_NO_MEMORY,
	EXPOSITION_TROUBLES
};

/* Every size from outside has its bound and its own sentence. Zero members take the default. */
struct exposition_limits {
	size_t max_bytes;       /* of the decompressed page; default 10 MiB */
	size_t max_samples;     /* default 50,000 */
	size_t max_labels;      /* per sample; default 64 */
	size_t max_name_bytes;  /* metric or label name; default 256 */
	size_t max_value_bytes; /* label value after unescaping; default 1,024 */
	size_t max_line_bytes;  /* default 64 KiB */
	uint64_t seed;          /* of hashes; secret where strangers write the page */
};

struct exposition_sample {
	struct str name;
	/* Without __name__; in page order, duplicates already refused. */
	const struct label *labels;
	size_t nlabels;
	double value;
	bool has_timestamp;
	int64_t timestamp_ms;
	/* Of the family the name belongs to: foo_bucket, foo_sum and foo_count of a histogram foo
	 * read as METRIC_HISTOGRAM. */
	enum metric_type type;
	/* By its type something that only grows: the total of a counter, the buckets, count and sum
	 * of a histogram, the count and sum of a summary. */
	bool is_cumulative;
	/* With a memory (memory.h): its number among the samples handed out, from 1, which is the
	 * same on every page that looks the same. 0: none. */
	size_t place;
	bool is_known; /* the caller said that it knows what stands there: labels are left out */
};

/* Returning false stops the page with *err. */
typedef bool (*exposition_sample_fn)(void *ctx, const struct exposition_sample *sample,
                                     struct err *err);

/* Asked before a sample's labels are parsed, once for a run of samples of one name; false skips the
 * lines quickly: nothing of them is checked but the name and, in OpenMetrics, its place among the
 * families. NULL wants everything. */
typedef bool (*exposition_wanted_fn)(void *ctx, struct str name);

struct exposition;

struct exposition *exposition_new(const struct exposition_limits *limits,
                                  exposition_sample_fn on_sample, exposition_wanted_fn wanted,
                                  void *ctx, struct err *err);
void exposition_free(struct exposition **e);
/* Before the first byte. Without it the page is read as Prometheus text whose end may be missing.
 * `is_whole`: something else vouches for the end of the page, so that its last line may lack the
 * newline, as Prometheus lets it. OpenMetrics has its own mark and does not care. */
void exposition_expect(struct exposition *e, enum exposition_format format, bool is_whole);
bool exposition_feed(struct exposition *e, const char *bytes, size_t n, struct err *err) MUST_CHECK;
bool exposition_finish(struct exposition *e, struct err *err) MUST_CHECK;
size_t exposition_samples(const struct exposition *e); /* on this page so far, skipped ones too */

/* Of a page that failed. */
enum exposition_trouble exposition_trouble(const struct exposition *e);
const char *exposition_trouble_name(enum exposition_trouble trouble);

/* The format of an answer with this Content-Type, as Prometheus 3 has it: without one, or with one
 * that is no metrics page, the page is an error. */
bool exposition_format_of(struct str content_type, enum exposition_format *out,
                          struct err *err) MUST_CHECK;
/* The format of a whole page of which nothing else is known: OpenMetrics when it has an EOF mark.
 */
enum exposition_format exposition_guess_format(struct str page);
const char *exposition_format_name(enum exposition_format format);

const char *metric_type_name(enum metric_type type);

#endif
