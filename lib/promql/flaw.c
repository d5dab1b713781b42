/* What is wrong with an expression that parses and evaluates, as far as its text alone can tell. */
#include <math.h>
#include <string.h>

#include "promql/aggregate.h"
#include "promql/ast.h"
#include "promql/binary.h"
#include "promql/function.h"

static bool keeps_le(const struct aggregate *a)
{
	bool listed = false;

	for (size_t i = 0; i < a->nlabels; i++)
		listed = listed || str_eq_text(a->labels[i], "le");
	return listed != a->without;
}

/* The literal number of a node, signs included; NaN where it is computed. */
static double literal_of(const struct node *n)
{
	if (n->kind == NODE_UNARY)
		return n->unary.negates ? -literal_of(n->unary.operand)
		                        : literal_of(n->unary.operand);
	return n->kind == NODE_NUMBER ? n->number : (double)NAN;
}

static const char *flaw_of_quantile(const struct call *c)
{
	const struct node *buckets = c->args[1];
	double q = literal_of(c->args[0]);

	if (q > 1 || q < 0)
		return "histogram_quantile() wants a quantile between 0 and 1: this one is always "
		       "infinite";
	if (buckets->kind == NODE_AGGREGATE && !keeps_le(&buckets->aggregate))
		return "the aggregation below histogram_quantile() loses the label le: nothing "
		       "ever comes back, write sum by (le) (...)";
	return NULL;
}

static const char *flaw_below(const struct node *n, size_t *at)
{
	const char *found = NULL;

	switch (n->kind) {
	case NODE_CALL:
		if (strcmp(n->call.function->name, "histogram_quantile") == 0)
			found = flaw_of_quantile(&n->call);
		if (found)
			*at = n->offset;
		for (size_t i = 0; !found && i < n->call.nargs; i++)
			found = flaw_below(n->call.args[i], at);
		return found;
	case NODE_AGGREGATE:
		return flaw_below(n->aggregate.body, at);
	case NODE_BINARY:
		found = flaw_below(n->binary.lhs, at);
		return found ? found : flaw_below(n->binary.rhs, at);
	case NODE_UNARY:
		return flaw_below(n->unary.operand, at);
	case NODE_SUBQUERY:
		return flaw_below(n->subquery.body, at);
	case NODE_NUMBER:
	case NODE_STRING:
	case NODE_SELECTOR:
	case NODE_KIND_COUNT:
	default:
		return NULL;
	}
}

const char *promql_flaw(const struct promql_expr *e, struct promql_position *at)
{
	return flaw_below(e->root, &at->offset);
}
