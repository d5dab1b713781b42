/*
 * page - one metrics page from a file or standard input as a set of series: what probe and query
 * work on. Never mends (rule K8).
 */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "series/series.h"

/* `path` "-" is standard input. Samples without a timestamp are given `default_ms`. The caller
 * frees *out. */
bool page_read(const char *path, int64_t default_ms, struct series_set **out, size_t *out_samples,
               struct err *err) MUST_CHECK;

#endif
