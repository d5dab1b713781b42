/* Walks the tree once, and makes the result the caller's own. */
#include "promql/eval.h"

#include "promql/aggregate.h"
#include "promql/binary.h"
#include "promql/extended.h"
#include "promql/function.h"
#include "promql/regex.h"
#include "promql/vector.h"

static bool eval_number(struct evaluation *e, const struct node *n, struct promql_value *out,
                        struct err *err)
{
	(void)e, (void)err;
	*out = (struct promql_value){.type = PROMQL_SCALAR, .scalar = n->number};
	return true;
}

static bool eval_string(struct evaluation *e, const struct node *n, struct promql_value *out,
                        struct err *err)
{
	(void)e, (void)err;
	*out = (struct promql_value){.type = PROMQL_STRING, .string = n->string};
	return true;
}

typedef bool eval_fn(struct evaluation *e, const struct node *n, struct promql_value *out,
                     struct err *err);

static eval_fn *const by_kind[] = {
        [NODE_NUMBER] = eval_number,     [NODE_STRING] = eval_string,
        [NODE_SELECTOR] = eval_selector, [NODE_SUBQUERY] = eval_subquery,
        [NODE_CALL] = eval_call,         [NODE_AGGREGATE] = eval_aggregate,
        [NODE_BINARY] = eval_binary,     [NODE_UNARY] = eval_unary,
};
_Static_assert(ARRAY_LEN(by_kind) == NODE_KIND_COUNT, "one row per kind of node");

bool eval_count_work(struct evaluation *e, size_t n, struct err *err)
{
	if (!e->found)
		return true;
	e->work += n;
	return e->work <= PROMQL_MAX_WORK ||
	       err_set(err, ERR_LIMIT,
	               "the expression looks at more than %d samples: make its subqueries shorter "
	               "or their steps longer",
	               PROMQL_MAX_WORK);
}

int64_t eval_place(const struct evaluation *e, const struct placement *place)
{
	int64_t base_ms = e->at_ms;

	if (place->anchor == ANCHOR_FIXED)
		base_ms = place->anchor_ms;
	else if (place->anchor == ANCHOR_QUERY)
		base_ms = e->query_ms;
	return base_ms - place->offset_ms;
}

/* Recursion is as deep as the tree, which the parser bounded. */
bool eval_node(struct evaluation *e, const struct node *n, struct promql_value *out,
               struct err *err)
{
	if (eval_count_work(e, 1, err) && by_kind[n->kind](e, n, out, err) &&
	    eval_count_work(e, out->nvector, err))
		return true;
	if (!e->failed) {
		e->failed = true;
		e->failed_at = n->offset;
	}
	return false;
}

static bool own_labels(struct labels *l, struct arena *arena, struct err *err)
{
	struct labels copy;

	if (!labels_copy(l, arena, &copy, err))
		return false;
	*l = copy;
	return true;
}

/* Results outlive the series they came from. */
static bool own_result(struct promql_value *v, struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < v->nvector; i++) {
		if (!own_labels(&v->vector[i].labels, arena, err))
			return false;
	}
	for (size_t i = 0; i < v->nmatrix; i++) {
		struct promql_range_element *r = &v->matrix[i];
		struct sample *copy = take_array(arena, r->n, sizeof(*copy), err);

		if (!copy || !own_labels(&r->labels, arena, err))
			return false;
		for (size_t k = 0; k < r->n; k++)
			copy[k] = r->samples[k];
		r->samples = copy;
	}
	if (v->type == PROMQL_STRING) {
		const char *copy = arena_text(arena, v->string);

		if (!copy)
			return arena_ok(arena, err);
		v->string.p = copy;
	}
	return true;
}

bool promql_eval(const struct promql_expr *expr, const struct promql_data *data, int64_t at_ms,
                 struct arena *arena, struct promql_value *out, struct promql_position *at,
                 struct err *err)
{
	struct evaluation e = {
	        .data = data, .query_ms = at_ms, .at_ms = at_ms, .arena = arena, .whole = arena};
	struct promql_value v = {0};
	bool ok = false;

	if (expr->regexes) {
		e.scratch = regex_scratch_new(err);
		if (!e.scratch)
			goto out;
	}
	if (expr->has_subquery) {
		e.found = take_array(arena, expr->nneeds, sizeof(*e.found), err);
		if (!e.found)
			goto out;
	}
	ok = eval_node(&e, expr->root, &v, err);
	if (ok && expr->root->kind == NODE_SELECTOR && v.type == PROMQL_MATRIX &&
	    expr->root->selector.extent != EXTENT_NONE)
		ok = extended_show(&e, &expr->root->selector, &v, err);
	ok = ok && own_result(&v, arena, err);
out:
	regex_scratch_free(&e.scratch);
	if (ok) {
		v.newest_sample_ms = e.newest_sample_ms;
		*out = v;
	} else {
		at->offset = e.failed_at;
	}
	return ok;
}
