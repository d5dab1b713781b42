/* What an expression can see of the series there are: its highest bucket, and whether anything it
 * reads moves. */
#include <math.h>
#include <string.h>

#include "base/units.h"
#include "promql/aggregate.h"
#include "promql/ast.h"
#include "promql/binary.h"
#include "promql/function.h"
#include "promql/matcher.h"
#include "promql/regex.h"

struct look {
	const struct promql_data *data;
	struct regex_scratch *scratch;
	struct promql_look *out;
	bool in_quantile; /* what is seen now are the buckets of the ceiling */
	double highest;   /* finite bound of those */
};

static bool is_positive_number(const struct node *n)
{
	return n->kind == NODE_NUMBER && n->number > 0 && isfinite(n->number);
}

/* The histogram_quantile() whose largest value bounds that of `n`, and the factor between them;
 * NULL when there is none. */
static const struct node *quantile_of(const struct node *n, double *factor)
{
	const struct binary *b = &n->binary;

	switch (n->kind) {
	case NODE_CALL:
		return strcmp(n->call.function->name, "histogram_quantile") == 0 ? n : NULL;
	case NODE_AGGREGATE:
		if (strcmp(n->aggregate.aggregation->name, "max") != 0 &&
		    strcmp(n->aggregate.aggregation->name, "min") != 0 &&
		    strcmp(n->aggregate.aggregation->name, "avg") != 0)
			return NULL;
		return quantile_of(n->aggregate.body, factor);
	case NODE_BINARY:
		if (strcmp(b->op->name, "*") == 0 && is_positive_number(b->rhs))
			*factor *= b->rhs->number;
		else if (strcmp(b->op->name, "/") == 0 && is_positive_number(b->rhs))
			*factor /= b->rhs->number;
		else
			return NULL;
		return quantile_of(b->lhs, factor);
	case NODE_NUMBER:
	case NODE_STRING:
	case NODE_SELECTOR:
	case NODE_SUBQUERY:
	case NODE_UNARY:
	case NODE_KIND_COUNT:
	default:
		return NULL;
	}
}

static bool moves(const struct series *s, size_t *out_samples)
{
	const struct sample *list = s->samples + s->start;
	const struct sample *first = NULL;

	*out_samples = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (series_is_stale_nan(list[i].value))
			continue;
		if (first && !number_is_same(list[i].value, first->value) &&
		    !(isnan(list[i].value) && isnan(first->value)))
			return true;
		first = first ? first : &list[i];
		++*out_samples;
	}
	return false;
}

static void see_series(struct look *l, const struct series *s)
{
	struct str le = labels_get(&s->labels, STR("le"));
	struct err ignored;
	double bound = 0;
	size_t samples = 0;

	if (l->in_quantile) {
		if (number_parse(le, &bound, &ignored) && isfinite(bound) && !(l->highest >= bound))
			l->highest = bound;
		return;
	}
	l->out->series++;
	if (moves(s, &samples))
		l->out->moving++;
	else if (samples > l->out->still_samples)
		l->out->still_samples = samples;
}

static bool see_selector(struct look *l, const struct selector *sel, struct err *err)
{
	bool matches = false;
	const struct series *s;

	for (size_t i = 0; i < l->data->nsets; i++) {
		const struct series_set *set = l->data->sets[i];

		for (size_t at = 0;;) {
			s = sel->name.n ? series_set_next_named(set, sel->name, &at)
			                : series_set_next(set, &at);
			if (!s)
				break;
			if (!matchers_match(sel->matchers, sel->nmatchers, &s->labels, l->scratch,
			                    &matches, err))
				return false;
			if (matches)
				see_series(l, s);
		}
	}
	return true;
}

/* Every selector below `n`. Trees are at most PROMQL_MAX_DEPTH deep. */
static bool see(struct look *l, const struct node *n, struct err *err)
{
	switch (n->kind) {
	case NODE_SELECTOR:
		return see_selector(l, &n->selector, err);
	case NODE_SUBQUERY:
		return see(l, n->subquery.body, err);
	case NODE_CALL:
		for (size_t i = 0; i < n->call.nargs; i++) {
			if (!see(l, n->call.args[i], err))
				return false;
		}
		return true;
	case NODE_AGGREGATE:
		return (!n->aggregate.param || see(l, n->aggregate.param, err)) &&
		       see(l, n->aggregate.body, err);
	case NODE_BINARY:
		return see(l, n->binary.lhs, err) && see(l, n->binary.rhs, err);
	case NODE_UNARY:
		return see(l, n->unary.operand, err);
	case NODE_NUMBER:
	case NODE_STRING:
	case NODE_KIND_COUNT:
	default:
		return true;
	}
}

bool promql_look(const struct promql_expr *e, const struct promql_data *data,
                 struct promql_look *out, struct err *err)
{
	struct promql_look seen = {.is_bounded = false};
	struct look l = {.data = data, .out = &seen, .highest = (double)NAN};
	double factor = 1;
	const struct node *quantile = quantile_of(e->root, &factor);
	bool ok = false;

	if (e->regexes) {
		l.scratch = regex_scratch_new(err);
		if (!l.scratch)
			return false;
	}
	ok = see(&l, e->root, err);
	l.in_quantile = true;
	if (ok && quantile)
		ok = see(&l, quantile->call.args[1], err);
	regex_scratch_free(&l.scratch);
	if (!ok)
		return false;
	seen.is_bounded = isfinite(l.highest * factor);
	seen.ceiling = seen.is_bounded ? l.highest * factor : 0;
	*out = seen;
	return true;
}
