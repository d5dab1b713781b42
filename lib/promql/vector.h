/*
 * vector - what every operation on instant vectors needs: room for results, and label sets as keys.
 */
#ifndef PROMQL_VECTOR_H
#define PROMQL_VECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/macros.h"
#include "promql/promql.h"
#include "series/labels.h"

/* Room in the arena for n things of this size, at least one; NULL with *err filled. */
void *take_array(struct arena *arena, size_t n, size_t size, struct err *err);

/* An empty vector with room for `capacity` elements. */
bool vector_make(struct promql_value *out, size_t capacity, struct arena *arena,
                 struct err *err) MUST_CHECK;
/* Copies the element behind the others; there must be room. */
void vector_add(struct promql_value *v, struct promql_element e);
/* Prometheus refuses a result in which two elements have the same labels. */
bool vector_check_unique(const struct promql_value *v, struct arena *arena,
                         struct err *err) MUST_CHECK;
/* The name and what belongs to it since Prometheus 3.4, __type__ and __unit__: what was computed is
 * another metric. */
bool vector_drop_name(struct promql_element *e, struct arena *arena, struct err *err) MUST_CHECK;
bool label_is_of_name(struct str name); /* one of those three */
bool labels_have_type(const struct labels *l); /* __type__ or __unit__ */
/* Copies the value; an empty one removes the label. */
bool vector_set_label(struct promql_element *e, struct str name, struct str value,
                      struct arena *arena, struct err *err) MUST_CHECK;

/* New label sets that borrow their texts. Only the names given; all but them and the metric name;
 * all but the metric's name, type and unit; one label replaced, added or (by an empty value)
 * removed. */
bool labels_only(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                 struct labels *out, struct err *err) MUST_CHECK;
bool labels_without(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                    struct labels *out, struct err *err) MUST_CHECK;
bool labels_without_name(const struct labels *l, struct arena *arena, struct labels *out,
                         struct err *err) MUST_CHECK;
bool labels_with(const struct labels *l, struct str name, struct str value, struct arena *arena,
                 struct labels *out, struct err *err) MUST_CHECK;

/*
 * Label sets to numbers. Holds at most the keys it was made for and borrows them. A trie over the
 * bits of the hash: labels are chosen by strangers and no seed is secret here, but no choice makes
 * it deeper than the hash has pairs of bits.
 */
struct label_index {
	struct label_entry *entries;
	size_t n;
};

bool label_index_init(struct label_index *ix, size_t max_keys, struct arena *arena,
                      struct err *err) MUST_CHECK;
const size_t *label_index_find(const struct label_index *ix,
                               const struct labels *key); /* NULL when absent */
/* Finds or adds; a new key's value is `fresh`. */
size_t label_index_obtain(struct label_index *ix, const struct labels *key, size_t fresh);

#endif
