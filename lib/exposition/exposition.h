/*
 * exposition - reads a metrics page as it arrives, in chunks cut anywhere, and hands out its
 * samples.
 *
 * Pure. Nothing handed to the callback outlives the call. A page is good or bad as a whole: whoever
 * collects the samples throws them away when feed or finish fails. Errors carry "line L, column C".
 *
 * Prometheus text format 0.0.4, as leniently as Prometheus reads it: samples without TYPE, blank
 * lines, comments, spaces and tabs between tokens, timestamps in milliseconds. The page must end
 * with a newline, and escapes must be the format's own.
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
	METRIC_TYPE_COUNT
};

/* Every size from outside has its bound and its own sentence. Zero members take the default. */
struct exposition_limits {
	size_t max_bytes;       /* of the decompressed page; default 10 MiB */
	size_t max_samples;     /* default 50,000 */
	size_t max_labels;      /* per sample; default 64 */
	size_t max_name_bytes;  /* metric or label name; default 256 */
	size_t max_value_bytes; /* label value after unescaping; default 1,024 */
	size_t max_line_bytes;  /* default 64 KiB */
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
};

/* Returning false stops the page with *err. */
typedef bool (*exposition_sample_fn)(void *ctx, const struct exposition_sample *sample,
                                     struct err *err);

/* Asked before a sample's labels are parsed, once for a run of samples of one name; false skips the
 * lines quickly (their syntax is then not checked beyond the name). NULL wants everything. */
typedef bool (*exposition_wanted_fn)(void *ctx, struct str name);

struct exposition;

struct exposition *exposition_new(const struct exposition_limits *limits,
                                  exposition_sample_fn on_sample, exposition_wanted_fn wanted,
                                  void *ctx, struct err *err);
void exposition_free(struct exposition **e);
bool exposition_feed(struct exposition *e, const char *bytes, size_t n, struct err *err) MUST_CHECK;
bool exposition_finish(struct exposition *e, struct err *err) MUST_CHECK;
size_t exposition_samples(const struct exposition *e); /* on this page so far, skipped ones too */

const char *metric_type_name(enum metric_type type);

#endif
