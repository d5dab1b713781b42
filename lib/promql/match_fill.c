/*
 * fill, fill_left and fill_right: elements for those that the other vector has no partner for.
 *
 * One per group of partners, with the labels that matched and nothing else. They come before the
 * matching itself, which then takes them like any other.
 */
#include "promql/binary.h"
#include "promql/vector.h"

/* The elements of `to` and, behind them, one of this value for each key that only `from` has. */
static bool add_missing(struct evaluation *e, const struct matching *m,
                        const struct promql_value *from, const struct promql_value *to,
                        double value, struct promql_value *out, struct err *err)
{
	struct labels *theirs = match_keys(m, from, e->arena, err);
	struct labels *ours = theirs ? match_keys(m, to, e->arena, err) : NULL;
	size_t most = from->nvector + to->nvector;
	struct label_index index;

	if (!ours || !label_index_init(&index, most, e->arena, err) ||
	    !vector_make(out, most, e->arena, err))
		return false;
	for (size_t i = 0; i < to->nvector; i++) {
		label_index_obtain(&index, &ours[i], i);
		vector_add(out, to->vector[i]);
	}
	for (size_t i = 0; i < from->nvector; i++) {
		if (label_index_obtain(&index, &theirs[i], most + i) != most + i)
			continue;
		vector_add(out, (struct promql_element){
		                        .labels = theirs[i], .at_ms = e->at_ms, .value = value});
	}
	return true;
}

bool match_fill(struct evaluation *e, const struct matching *m, struct promql_value *lhs,
                struct promql_value *rhs, struct err *err)
{
	struct promql_value left = *lhs;
	struct promql_value right = *rhs;

	if (m->left.fills && !add_missing(e, m, rhs, lhs, m->left.value, &left, err))
		return false;
	if (m->right.fills && !add_missing(e, m, lhs, rhs, m->right.value, &right, err))
		return false;
	*lhs = left;
	*rhs = right;
	return true;
}
