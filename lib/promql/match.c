/* Two vectors against each other: which elements are partners, and what labels their result has. */
#include "base/buf.h"
#include "promql/binary.h"
#include "promql/vector.h"

struct labels *match_keys(const struct matching *m, const struct promql_value *v,
                          struct arena *arena, struct err *err)
{
	struct labels *keys = take_array(arena, v->nvector, sizeof(*keys), err);

	for (size_t i = 0; keys && i < v->nvector; i++) {
		const struct labels *labels = &v->vector[i].labels;
		bool ok =
		        m->on ? labels_only(labels, m->labels, m->nlabels, arena, &keys[i], err)
		              : labels_without(labels, m->labels, m->nlabels, arena, &keys[i], err);

		if (!ok)
			return NULL;
	}
	return keys;
}

static bool fail_many_to_many(const struct labels *key, const char *side, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	struct buf text;

	buf_init(&text, 512);
	labels_print(key, &text);
	err_set(err, ERR_INVALID,
	        "found duplicate series for the match group %s on the %s hand-side of the "
	        "operation; many-to-many matching not allowed: matching labels must be unique on "
	        "one side",
	        str_quote(buf_str(&text), quote), side);
	buf_fini(&text);
	return false;
}

static bool is_named(struct str name, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(name, names[i]))
			return true;
	}
	return false;
}

/* The many side's labels; the grouped ones come from the one side, or go when it has none. */
static bool grouped_labels(const struct binary *b, bool drops_name, const struct labels *many,
                           const struct labels *one, struct arena *arena, struct labels *out,
                           struct err *err)
{
	const struct matching *m = &b->matching;
	struct label *list = take_array(arena, many->n + m->ninclude, sizeof(*list), err);
	size_t n = 0;

	if (!list)
		return false;
	for (size_t i = 0; i < many->n; i++) {
		bool dropped = drops_name && label_is_of_name(labels_at(many, i)->name);

		if (!dropped && !is_named(labels_at(many, i)->name, m->include, m->ninclude))
			list[n++] = *labels_at(many, i);
	}
	for (size_t i = 0; i < m->ninclude; i++) {
		struct str value = labels_get(one, m->include[i]);

		/* A comparison to 0 and 1 drops the name last, arithmetic first. */
		if (b->returns_bool && label_is_of_name(m->include[i]))
			continue;
		if (value.n && !is_named(m->include[i], m->include, i))
			list[n++] = (struct label){.name = m->include[i], .value = value};
	}
	return labels_make(list, n, arena, out, err);
}

/* One to one: what matched. A comparison that filters keeps the name, unless on() leaves it out. */
static bool matched_labels(const struct binary *b, bool drops_name, const struct labels *l,
                           struct arena *arena, struct labels *out, struct err *err)
{
	const struct matching *m = &b->matching;
	struct str name = labels_get(l, PROMQL_NAME_LABEL);

	if (m->on) {
		if (!labels_only(l, m->labels, m->nlabels, arena, out, err))
			return false;
		return !drops_name || labels_without_name(out, arena, out, err);
	}
	if (!drops_name && !m->nlabels) {
		*out = *l;
		return true;
	}
	if (!labels_without(l, m->labels, m->nlabels, arena, out, err))
		return false;
	if (drops_name)
		return !labels_have_type(out) || labels_without_name(out, arena, out, err);
	if (!name.n || is_named(PROMQL_NAME_LABEL, m->labels, m->nlabels))
		return true;
	return labels_with(out, PROMQL_NAME_LABEL, name, arena, out, err);
}

struct matching_run {
	struct evaluation *e;
	const struct binary *b;
	const struct promql_value *many, *one;
	struct labels *many_keys, *one_keys;
	struct label_index index; /* of the one side's keys */
	bool *taken;              /* one to one: this element of the one side has its partner */
	/* Grouped: the labels each element of the many side got, an index over them, its partner.
	 */
	struct labels *results;
	struct label_index seen;
	size_t *partners;
};

static bool make_room(struct matching_run *run, struct err *err)
{
	struct arena *arena = run->e->arena;

	if (run->b->matching.card == MATCH_ONE_TO_ONE) {
		run->taken = take_array(arena, run->one->nvector, sizeof(bool), err);
		return run->taken;
	}
	run->results = take_array(arena, run->many->nvector, sizeof(*run->results), err);
	run->partners = take_array(arena, run->many->nvector, sizeof(*run->partners), err);
	return run->results && run->partners &&
	       label_index_init(&run->seen, run->many->nvector, arena, err);
}

static bool index_one_side(struct matching_run *run, struct err *err)
{
	const char *side = run->b->matching.card == MATCH_ONE_TO_MANY ? "left" : "right";

	if (!label_index_init(&run->index, run->one->nvector, run->e->arena, err))
		return false;
	for (size_t i = 0; i < run->one->nvector; i++) {
		if (label_index_obtain(&run->index, &run->one_keys[i], i) != i)
			return fail_many_to_many(&run->one_keys[i], side, err);
	}
	return true;
}

/* One to one: each element of the one side has one partner. Otherwise no two partners of it may
 * give the same labels. */
static bool note_pair(struct matching_run *run, size_t many, size_t one,
                      const struct labels *labels, struct err *err)
{
	size_t first;

	if (run->b->matching.card == MATCH_ONE_TO_ONE) {
		if (run->taken[one])
			return err_set(err, ERR_INVALID,
			               "multiple matches for labels: many-to-one matching must be "
			               "explicit (group_left/group_right)");
		run->taken[one] = true;
		return true;
	}
	run->results[many] = *labels;
	run->partners[many] = one;
	first = label_index_obtain(&run->seen, &run->results[many], many);
	if (first != many && run->partners[first] == one)
		return err_set(err, ERR_INVALID,
		               "multiple matches for labels: grouping labels must ensure unique "
		               "matches");
	return true;
}

static bool add_pair(struct matching_run *run, size_t many, size_t one, struct promql_value *out,
                     struct err *err)
{
	const struct binary *b = run->b;
	const struct promql_element *of_many = &run->many->vector[many];
	const struct promql_element *of_one = &run->one->vector[one];
	bool swapped = b->matching.card == MATCH_ONE_TO_MANY;
	double left = swapped ? of_one->value : of_many->value;
	double right = swapped ? of_many->value : of_one->value;
	bool filters = b->op->kind == OPERATOR_COMPARISON && !b->returns_bool;
	struct promql_element el = {.at_ms = run->e->at_ms, .value = left};
	bool ok;

	if (b->op->kind == OPERATOR_ARITHMETIC)
		el.value = b->op->compute(left, right);
	else if (b->returns_bool)
		el.value = b->op->holds(left, right);
	else
		el.at_ms = swapped ? of_one->at_ms : of_many->at_ms;
	if (b->matching.card == MATCH_ONE_TO_ONE)
		ok = matched_labels(b, !filters, &of_many->labels, run->e->arena, &el.labels, err);
	else
		ok = grouped_labels(b, !filters, &of_many->labels, &of_one->labels, run->e->arena,
		                    &el.labels, err);
	if (!ok || !note_pair(run, many, one, &el.labels, err))
		return false;
	/* What is filtered out has been a match before. */
	if (!filters || b->op->holds(left, right))
		vector_add(out, el);
	return true;
}

static bool run_matching(struct matching_run *run, struct promql_value *out, struct err *err)
{
	struct arena *arena = run->e->arena;

	run->many_keys = match_keys(&run->b->matching, run->many, arena, err);
	run->one_keys = run->many_keys ? match_keys(&run->b->matching, run->one, arena, err) : NULL;
	if (!run->one_keys || !make_room(run, err) || !index_one_side(run, err) ||
	    !vector_make(out, run->many->nvector, arena, err))
		return false;
	for (size_t i = 0; i < run->many->nvector; i++) {
		const size_t *partner = label_index_find(&run->index, &run->many_keys[i]);

		if (partner && !add_pair(run, i, *partner, out, err))
			return false;
	}
	return vector_check_unique(out, arena, err);
}

bool match_vectors(struct evaluation *e, const struct binary *b, const struct promql_value *lhs,
                   const struct promql_value *rhs, struct promql_value *out, struct err *err)
{
	bool swapped = b->matching.card == MATCH_ONE_TO_MANY;
	struct matching_run run = {
	        .e = e,
	        .b = b,
	        .many = swapped ? rhs : lhs,
	        .one = swapped ? lhs : rhs,
	};

	/* Nothing can match; in particular nothing can match twice. */
	if (!lhs->nvector || !rhs->nvector)
		return vector_make(out, 0, e->arena, err);
	return run_matching(&run, out, err);
}

static bool index_keys(struct label_index *index, const struct labels *keys, size_t n,
                       struct arena *arena, struct err *err)
{
	if (!label_index_init(index, n, arena, err))
		return false;
	for (size_t i = 0; i < n; i++)
		label_index_obtain(index, &keys[i], i);
	return true;
}

bool match_sets(struct evaluation *e, const struct binary *b, const struct promql_value *lhs,
                const struct promql_value *rhs, struct promql_value *out, struct err *err)
{
	struct labels *left = match_keys(&b->matching, lhs, e->arena, err);
	struct labels *right = left ? match_keys(&b->matching, rhs, e->arena, err) : NULL;
	struct label_index of_left;
	struct label_index of_right;

	if (!right || !index_keys(&of_left, left, lhs->nvector, e->arena, err) ||
	    !index_keys(&of_right, right, rhs->nvector, e->arena, err) ||
	    !vector_make(out, lhs->nvector + rhs->nvector, e->arena, err))
		return false;
	for (size_t i = 0; i < lhs->nvector; i++) {
		bool matched = label_index_find(&of_right, &left[i]);

		if (matched ? b->op->keeps_matched : b->op->keeps_unmatched)
			vector_add(out, lhs->vector[i]);
	}
	for (size_t i = 0; b->op->adds_right && i < rhs->nvector; i++) {
		if (!label_index_find(&of_left, &right[i]))
			vector_add(out, rhs->vector[i]);
	}
	return vector_check_unique(out, e->arena, err);
}
