/*
 * label_hash - the hash by which limit_ratio picks series: XXH64 over the label set as Prometheus
 * lays it out in memory, so that the same series are picked here and there.
 */
#ifndef PROMQL_LABEL_HASH_H
#define PROMQL_LABEL_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/macros.h"
#include "series/labels.h"

uint64_t xxh64(const unsigned char *bytes, size_t n); /* seed 0 */

/* The hash as a share of the largest one: 0 to 1. */
bool label_place(const struct labels *l, struct arena *arena, double *out,
                 struct err *err) MUST_CHECK;

#endif
