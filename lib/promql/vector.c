/* Room for vectors, and an index over label sets. */
#include "promql/vector.h"

#include <string.h>

#include "promql/ast.h"

void *take_array(struct arena *arena, size_t n, size_t size, struct err *err)
{
	void *p = arena_array(arena, n ? n : 1, size);

	if (!p && arena_ok(arena, err))
		err_set(err, ERR_NOMEM, "out of memory");
	return p;
}

bool vector_make(struct promql_value *out, size_t capacity, struct arena *arena, struct err *err)
{
	struct promql_element *list = take_array(arena, capacity, sizeof(*list), err);

	if (!list)
		return false;
	*out = (struct promql_value){.type = PROMQL_VECTOR, .vector = list};
	return true;
}

void vector_add(struct promql_value *v, struct promql_element e)
{
	v->vector[v->nvector++] = e;
}

bool vector_check_unique(const struct promql_value *v, struct arena *arena, struct err *err)
{
	struct label_index seen;

	if (v->nvector < 2)
		return true;
	if (!label_index_init(&seen, v->nvector, arena, err))
		return false;
	for (size_t i = 0; i < v->nvector; i++) {
		if (label_index_obtain(&seen, &v->vector[i].labels, i) != i)
			return err_set(err, ERR_INVALID,
			               "vector cannot contain metrics with the same labelset");
	}
	return true;
}

bool label_is_of_name(struct str name)
{
	return name.n == 8 &&
	       (memcmp(name.p, "__name__", 8) == 0 || memcmp(name.p, "__type__", 8) == 0 ||
	        memcmp(name.p, "__unit__", 8) == 0);
}

/* They sort right behind the name, so that one look is enough for nearly every series. */
bool labels_have_type(const struct labels *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct str name = labels_at(l, i)->name;

		if (name.n && name.p[0] > '_')
			break;
		if (label_is_of_name(name) && !str_eq(name, PROMQL_NAME_LABEL))
			return true;
	}
	return false;
}

bool vector_drop_name(struct promql_element *e, struct arena *arena, struct err *err)
{
	struct labels *l = &e->labels;

	if (labels_have_type(l))
		return labels_without_name(l, arena, l, err);
	/* Few labels sort before the name: then what follows it is the rest. */
	if (l->n && str_eq(labels_at(l, 0)->name, PROMQL_NAME_LABEL)) {
		*l = (struct labels){
		        .list = l->list ? l->list + 1 : NULL,
		        .pairs = l->pairs ? l->pairs + 1 : NULL,
		        .n = l->n - 1,
		};
		l->hash = labels_hash(l);
		return true;
	}
	if (!labels_get(l, PROMQL_NAME_LABEL).n)
		return true;
	return labels_without_name(l, arena, l, err);
}

bool vector_set_label(struct promql_element *e, struct str name, struct str value,
                      struct arena *arena, struct err *err)
{
	char *copy = take_array(arena, value.n, 1, err);

	if (!copy)
		return false;
	if (value.n)
		memcpy(copy, value.p, value.n);
	value.p = copy;
	return labels_with(&e->labels, name, value, arena, &e->labels, err);
}

static bool is_among(struct str name, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(names[i], name))
			return true;
	}
	return false;
}

bool labels_only(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                 struct labels *out, struct err *err)
{
	struct label *list = take_array(arena, l->n, sizeof(*list), err);
	size_t kept = 0;

	for (size_t i = 0; list && i < l->n; i++) {
		if (is_among(labels_at(l, i)->name, names, n))
			list[kept++] = *labels_at(l, i);
	}
	return list && labels_borrow(list, kept, out, err);
}

bool labels_without(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                    struct labels *out, struct err *err)
{
	struct label *list = take_array(arena, l->n, sizeof(*list), err);
	size_t kept = 0;

	for (size_t i = 0; list && i < l->n; i++) {
		if (!str_eq(labels_at(l, i)->name, PROMQL_NAME_LABEL) &&
		    !is_among(labels_at(l, i)->name, names, n))
			list[kept++] = *labels_at(l, i);
	}
	return list && labels_borrow(list, kept, out, err);
}

bool labels_without_name(const struct labels *l, struct arena *arena, struct labels *out,
                         struct err *err)
{
	struct label *list = take_array(arena, l->n, sizeof(*list), err);
	size_t kept = 0;

	for (size_t i = 0; list && i < l->n; i++) {
		if (!label_is_of_name(labels_at(l, i)->name))
			list[kept++] = *labels_at(l, i);
	}
	return list && labels_borrow(list, kept, out, err);
}

bool labels_with(const struct labels *l, struct str name, struct str value, struct arena *arena,
                 struct labels *out, struct err *err)
{
	struct label *list = take_array(arena, l->n + 1, sizeof(*list), err);
	size_t n = 0;

	for (size_t i = 0; list && i < l->n; i++) {
		if (!str_eq(labels_at(l, i)->name, name))
			list[n++] = *labels_at(l, i);
	}
	if (!list)
		return false;
	list[n++] = (struct label){.name = name, .value = value};
	return labels_borrow(list, n, out, err);
}

struct label_entry {
	struct label_entry *next[4];
	const struct labels *key;
	size_t value;
};

bool label_index_init(struct label_index *ix, size_t max_keys, struct arena *arena, struct err *err)
{
	ix->n = 0;
	ix->entries = take_array(arena, max_keys, sizeof(*ix->entries), err);
	return ix->entries;
}

/* The key's entry, or the last one on the way to where it belongs; NULL when there is none at all.
 */
static struct label_entry *walk(const struct label_index *ix, const struct labels *key,
                                uint64_t *out_bits)
{
	struct label_entry *at = ix->n ? ix->entries : NULL;

	*out_bits = key->hash;
	while (at && !labels_equal(at->key, key) && at->next[*out_bits >> 62]) {
		at = at->next[*out_bits >> 62];
		*out_bits <<= 2;
	}
	return at;
}

const size_t *label_index_find(const struct label_index *ix, const struct labels *key)
{
	uint64_t bits;
	const struct label_entry *at = walk(ix, key, &bits);

	return at && labels_equal(at->key, key) ? &at->value : NULL;
}

size_t label_index_obtain(struct label_index *ix, const struct labels *key, size_t fresh)
{
	uint64_t bits;
	struct label_entry *at = walk(ix, key, &bits);

	if (at && labels_equal(at->key, key))
		return at->value;
	if (at)
		at->next[bits >> 62] = &ix->entries[ix->n];
	ix->entries[ix->n].key = key;
	ix->entries[ix->n].value = fresh;
	ix->n++;
	return fresh;
}
