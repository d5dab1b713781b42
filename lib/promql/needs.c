/*
 * What an expression needs from the past: which samples, how far back, and how old by intent the
 * newest of them may be.
 */
#include "promql/needs.h"

/* Where in time the node is evaluated, against the whole expression. Durations are at most ten
 * years and the tree is at most PROMQL_MAX_DEPTH deep: no sum overflows. */
struct reach {
	int64_t behind_ms; /* the earliest evaluation lies at most so far back */
	int64_t offset_ms; /* the newest one lies back so far by offsets */
	int64_t lag_ms;    /* and by what subqueries leave between their last step and their end */
	int64_t steps;     /* evaluations of this node for one of the whole */
	bool repeated;     /* inside a subquery */
	bool pinned;       /* at a fixed time */
};

/* `@` makes the surroundings meaningless, but for how often they evaluate. */
static struct reach move(struct reach r, const struct placement *place)
{
	if (place->anchor != ANCHOR_NONE) {
		r.behind_ms = r.offset_ms = r.lag_ms = 0;
		r.repeated = false;
		r.pinned = place->anchor == ANCHOR_FIXED;
	}
	r.behind_ms += place->offset_ms;
	r.offset_ms += place->offset_ms;
	return r;
}

static int64_t at_least_zero(int64_t ms)
{
	return ms > 0 ? ms : 0;
}

static void note_selector(struct promql_expr *e, const struct selector *s, struct reach r)
{
	struct promql_need *need = &e->needs[s->number];
	int64_t back_ms = s->is_range ? s->range_ms : PROMQL_LOOKBACK_MS;

	/* The sample that stands for the start of the range lies before it. */
	if (s->is_range && s->extent != EXTENT_NONE)
		back_ms += PROMQL_LOOKBACK_MS;

	r = move(r, &s->place);
	*need = (struct promql_need){
	        .name = s->name,
	        .text = s->text,
	        .range_ms = s->is_range ? s->range_ms : 0,
	        .offset_ms = r.offset_ms,
	        .age_ms = at_least_zero(r.offset_ms) + r.lag_ms,
	        .pinned = r.pinned,
	};
	if (s->is_range || r.repeated || r.behind_ms > 0)
		need->window_ms = at_least_zero(r.behind_ms + need->range_ms);
	need->keep_ms = at_least_zero(r.behind_ms + back_ms);
	if (r.steps > e->steps)
		e->steps = r.steps;
}

static struct reach enter_subquery(const struct subquery *q, struct reach r)
{
	int64_t steps = q->range_ms / q->step_ms + 1;

	r = move(r, &q->place);
	r.behind_ms += q->range_ms;
	r.lag_ms += q->step_ms;
	r.repeated = true;
	r.steps = __builtin_mul_overflow(r.steps, steps, &steps) ? INT64_MAX : steps;
	return r;
}

/* Recursion is as deep as the tree, which the parser bounded. */
static void walk(struct promql_expr *e, const struct node *n, struct reach r)
{
	switch (n->kind) {
	case NODE_SELECTOR:
		note_selector(e, &n->selector, r);
		break;
	case NODE_SUBQUERY:
		e->has_subquery = true;
		r = enter_subquery(&n->subquery, r);
		if (r.steps > e->steps)
			e->steps = r.steps;
		walk(e, n->subquery.body, r);
		break;
	case NODE_CALL:
		for (size_t i = 0; i < n->call.nargs; i++)
			walk(e, n->call.args[i], r);
		break;
	case NODE_AGGREGATE:
		if (n->aggregate.param)
			walk(e, n->aggregate.param, r);
		walk(e, n->aggregate.body, r);
		break;
	case NODE_BINARY:
		walk(e, n->binary.lhs, r);
		walk(e, n->binary.rhs, r);
		break;
	case NODE_UNARY:
		walk(e, n->unary.operand, r);
		break;
	case NODE_NUMBER:
	case NODE_STRING:
	case NODE_KIND_COUNT:
		break;
	}
}

void needs_note(struct promql_expr *e)
{
	e->steps = 1;
	walk(e, e->root, (struct reach){.steps = 1});
}

size_t promql_needs(const struct promql_expr *e, const struct promql_need **out)
{
	*out = e->needs;
	return e->nneeds;
}

int64_t promql_longest_range_ms(const struct promql_expr *e)
{
	int64_t longest = 0;

	for (size_t i = 0; i < e->nneeds; i++) {
		if (e->needs[i].window_ms > longest)
			longest = e->needs[i].window_ms;
	}
	return longest;
}

int64_t promql_retention_ms(const struct promql_expr *e)
{
	int64_t longest = 0;

	for (size_t i = 0; i < e->nneeds; i++) {
		if (e->needs[i].keep_ms > longest)
			longest = e->needs[i].keep_ms;
	}
	return longest;
}

int64_t promql_steps(const struct promql_expr *e)
{
	return e->steps;
}
