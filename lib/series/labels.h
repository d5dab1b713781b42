/*
 * labels - an immutable label set, sorted by name, with its hash. The metric name is the label
 * "__name__".
 */
#ifndef SERIES_LABELS_H
#define SERIES_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/label.h"

/* Sorted by name, no empty values, no duplicates. */
struct labels {
	const struct label *list;
	const struct label *const *pairs; /* not NULL: these instead of list, each shared */
	size_t n;
	uint64_t hash;
};

static inline const struct label *labels_at(const struct labels *l, size_t i)
{
	return l->pairs != NULL ? l->pairs[i] : &l->list[i];
}

/* Sorts, drops empty values, copies into the arena. A duplicate name is ERR_INVALID. */
bool labels_make(const struct label *list, size_t n, struct arena *arena, struct labels *out,
                 struct err *err) MUST_CHECK;
/* Copies a label set. */
bool labels_copy(const struct labels *l, struct arena *arena, struct labels *out,
                 struct err *err) MUST_CHECK;
/* As labels_make on the heap, one block; free with labels_fini. */
bool labels_own(const struct label *list, size_t n, struct labels *out, struct err *err) MUST_CHECK;
void labels_fini(struct labels *l);
/* Sorts and drops in the caller's own list and copies nothing: *out borrows list and texts. For
 * looking up. */
bool labels_borrow(struct label *list, size_t n, struct labels *out, struct err *err) MUST_CHECK;
/* What `hash` is. */
uint64_t labels_hash(const struct labels *l);
/* `hash` under a secret seed, for tables whose keys a stranger picks. */
uint64_t labels_keyed_hash(const struct labels *l, uint64_t seed);
struct str labels_get(const struct labels *l, struct str name); /* empty when absent */
bool labels_equal(const struct labels *a, const struct labels *b);
/* Only (or all but) the names given, "__name__" among the dropped unless kept by name. For `by` and
 * `without`. */
bool labels_keep(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                 struct labels *out, struct err *err) MUST_CHECK;
bool labels_drop(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                 struct labels *out, struct err *err) MUST_CHECK;
/* name{a="b",c="d"}, values escaped. */
void labels_print(const struct labels *l, struct buf *out);

#endif
