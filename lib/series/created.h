/*
 * created - the creation times that a page states for its metrics, as foo_created{...}, and the
 * series they are of: foo_total, foo_bucket, foo_count, foo_sum and foo with the same labels, le
 * aside.
 *
 * Pure. Keys are copied in; a time stated twice keeps the later one.
 */
#ifndef SERIES_CREATED_H
#define SERIES_CREATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "series/labels.h"

struct created {
	struct map *places; /* own; key of a metric to its place in times + 1 */
	int64_t *times;     /* own; wall milliseconds */
	size_t n, capacity;
	struct buf key; /* of the question at hand */
};

bool created_init(struct created *c, uint64_t seed, struct err *err) MUST_CHECK;
void created_fini(struct created *c);
void created_clear(struct created *c);
/* `labels` are those of the series foo_created itself. */
bool created_add(struct created *c, const struct labels *labels, int64_t at_ms,
                 struct err *err) MUST_CHECK;
/* When the metric that the series is of was created; false: the page does not say. */
bool created_find(struct created *c, const struct labels *series, int64_t *out_ms);

/* The name under which the creation of what `name` counts is stated, in out; empty when too long.
 */
#define CREATED_NAME_MAX 1024
struct str created_name(struct str name, char out[CREATED_NAME_MAX]);

#endif
