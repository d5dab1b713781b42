/*
 * page - one metrics page from a file, standard input or a URL as a set of series: what probe and
 * query work on. Never mends (rule K8).
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "series/series.h"

/* AUTO: OpenMetrics when the page has its EOF mark, else Prometheus text. */
enum page_format { PAGE_AUTO = 0, PAGE_PROMETHEUS, PAGE_OPENMETRICS };

/* "auto", "prometheus" or "openmetrics". */
bool page_format_of(const char *name, enum page_format *out);

/* `path` "-" is standard input, http:// and https:// are fetched. Samples without a timestamp are
 * given `default_ms`. Of a series that stands twice the first sample counts, as in Prometheus, and
 * standard error says so when they differ. The caller frees *out. */
bool page_read(const char *path, enum page_format format, int64_t default_ms,
               struct series_set **out, size_t *out_samples, struct err *err) MUST_CHECK;
/* Labels the daemon adds to every series: they win, the page's own are renamed to exported_NAME;
 * with `honors_page` the page's own win, an empty one included. */
struct page_labels {
	struct label list[2];
	size_t n;
	bool honors_page;
};

/* The same into a set that may hold earlier pages of the same target; samples that are not newer
 * than theirs are dropped. `is_strict`: a series that stands twice with different values is an
 * error, as in the daemon. */
bool page_append(struct series_set *set, const char *path, enum page_format format,
                 const struct page_labels *added, int64_t default_ms, bool is_strict,
                 size_t *out_samples, struct err *err) MUST_CHECK;

#endif
