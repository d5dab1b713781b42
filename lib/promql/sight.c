/* How high an expression can get, and whether it can give a value at all: two walks of the tree. */
#include "promql/sight.h"

#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "promql/aggregate.h"
#include "promql/ast.h"
#include "promql/binary.h"
#include "promql/function.h"

/* From below and from above; infinite where nothing is known. */
struct span {
	double least, most;
	size_t by; /* the selector whose highest bucket `most` comes from; SIZE_MAX: none */
};

static const struct span anything = {
        .least = (double)-INFINITY, .most = (double)INFINITY, .by = SIZE_MAX};

static struct span just(double least, double most)
{
	return (struct span){.least = least, .most = most, .by = SIZE_MAX};
}

static struct span span_of(const struct node *n, const double *bounds);

static bool is_call(const struct node *n, const char *name)
{
	return n->kind == NODE_CALL && strcmp(n->call.function->name, name) == 0;
}

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

/* The i-th node right below this one; NULL behind the last. */
static const struct node *child(const struct node *n, size_t i)
{
	const struct node *pair[2] = {NULL, NULL};

	switch (n->kind) {
	case NODE_SUBQUERY:
		pair[0] = n->subquery.body;
		break;
	case NODE_CALL:
		return i < n->call.nargs ? n->call.args[i] : NULL;
	case NODE_AGGREGATE:
		pair[0] = n->aggregate.body;
		pair[1] = n->aggregate.param;
		break;
	case NODE_BINARY:
		pair[0] = n->binary.lhs;
		pair[1] = n->binary.rhs;
		break;
	case NODE_UNARY:
		pair[0] = n->unary.operand;
		break;
	case NODE_NUMBER:
	case NODE_STRING:
	case NODE_SELECTOR:
	case NODE_KIND_COUNT:
		break;
	}
	return i < ARRAY_LEN(pair) ? pair[i] : NULL;
}

static const struct node *find(const struct node *n, bool (*is)(const struct node *n))
{
	const struct node *below, *found = is(n) ? n : NULL;

	for (size_t i = 0; !found && (below = child(n, i)); i++)
		found = find(below, is);
	return found;
}

/* --- how high --- */

static struct span higher(struct span a, struct span b)
{
	return a.most >= b.most ? a : b;
}

/* The highest of all buckets that go into the quantile; -Inf when none do. */
static struct span highest_bucket(const struct node *n, const double *bounds)
{
	const struct node *below;
	struct span highest = just((double)-INFINITY, (double)-INFINITY);

	if (n->kind == NODE_SELECTOR) {
		size_t by = n->selector.number;

		if (!bounds || isnan(bounds[by]))
			return anything;
		return (struct span){.least = (double)-INFINITY, .most = bounds[by], .by = by};
	}
	for (size_t i = 0; (below = child(n, i)); i++)
		highest = higher(highest, highest_bucket(below, bounds));
	return highest;
}

/* What is interpolated lies below the highest finite bucket; what lies above is that bucket. */
static struct span span_of_quantile(const struct call *call, const double *bounds)
{
	const struct node *q = call->args[0];
	struct span s = anything;

	if (q->kind == NODE_NUMBER && q->number >= 0 && q->number <= 1)
		s = highest_bucket(call->args[1], bounds);
	return isinf(s.most) ? anything : s;
}

/* clamp(v, least, most), clamp_min(v, least), clamp_max(v, most). */
static struct span span_of_clamp(const struct call *call, const double *bounds)
{
	const char *name = call->function->name;
	struct span s = span_of(call->args[0], bounds);
	struct span limit = span_of(call->args[call->nargs - 1], bounds);
	struct span floor_of = span_of(call->args[1], bounds);

	if (strcmp(name, "clamp_min") == 0) {
		s.least = fmax(s.least, limit.least);
		if (limit.most > s.most)
			s = (struct span){s.least, limit.most, limit.by};
		return s;
	}
	s.least = strcmp(name, "clamp") == 0 ? floor_of.least : fmin(s.least, limit.least);
	if (limit.most < s.most)
		s = (struct span){s.least, limit.most, limit.by};
	return s;
}

/* What adds up numbers of which none is negative is not less than any of them. */
static struct span span_of_sum(struct span each)
{
	return just(each.least >= 0 ? each.least : (double)-INFINITY, (double)INFINITY);
}

static struct span span_of_call(const struct node *n, const double *bounds)
{
	static const char *const as_is[] = {"sort",
	                                    "sort_desc",
	                                    "sort_by_label",
	                                    "sort_by_label_desc",
	                                    "label_replace",
	                                    "label_join",
	                                    "scalar",
	                                    "vector",
	                                    "max_over_time",
	                                    "min_over_time",
	                                    "avg_over_time",
	                                    "last_over_time",
	                                    "first_over_time",
	                                    NULL};
	static const char *const one[] = {"absent", "absent_over_time", "present_over_time", NULL};
	static const char *const positive[] = {
	        "rate",          "increase", "irate", "changes",          "resets",
	        "abs",           "sqrt",     "exp",   "stddev_over_time", "stdvar_over_time",
	        "mad_over_time", NULL};
	const struct call *call = &n->call;
	const char *name = call->function->name;

	if (is_call(n, "histogram_quantile"))
		return span_of_quantile(call, bounds);
	if (is_call(n, "histogram_fraction"))
		return just(0, 1);
	if (is_one_of(name, one))
		return just(1, 1);
	if (is_one_of(name, as_is))
		return span_of(call->args[0], bounds);
	if (is_one_of(name, positive))
		return just(0, (double)INFINITY);
	if (strcmp(name, "count_over_time") == 0)
		return just(1, (double)INFINITY);
	if (strcmp(name, "sum_over_time") == 0)
		return span_of_sum(span_of(call->args[0], bounds));
	return strncmp(name, "clamp", 5) == 0 ? span_of_clamp(call, bounds) : anything;
}

static struct span span_of_aggregate(const struct node *n, const double *bounds)
{
	static const char *const within[] = {"avg",     "max",    "min",         "topk",
	                                     "bottomk", "limitk", "limit_ratio", NULL};
	static const char *const positive[] = {"stddev", "stdvar", NULL};
	const char *name = n->aggregate.aggregation->name;

	if (strcmp(name, "group") == 0)
		return just(1, 1);
	if (strcmp(name, "count") == 0) /* of nothing there is no count */
		return just(1, (double)INFINITY);
	if (strcmp(name, "sum") == 0)
		return span_of_sum(span_of(n->aggregate.body, bounds));
	if (is_one_of(name, positive))
		return just(0, (double)INFINITY);
	return is_one_of(name, within) ? span_of(n->aggregate.body, bounds) : anything;
}

static struct span ordered(double a, double b)
{
	if (isnan(a) || isnan(b))
		return anything;
	return just(fmin(a, b), fmax(a, b));
}

/* With a number that is known, a unit that is converted or an offset; else only the sign. */
static struct span arithmetic(enum token_kind token, struct span l, struct span r)
{
	bool by_number = isfinite(r.least) && !(r.least < r.most);
	bool of_number = isfinite(l.least) && !(l.least < l.most);

	if (token == TOKEN_MUL && of_number && !by_number)
		return arithmetic(token, r, l);
	if (token == TOKEN_ADD)
		return ordered(l.least + r.least, l.most + r.most);
	if (token == TOKEN_SUB)
		return ordered(l.least - r.most, l.most - r.least);
	if (token == TOKEN_MUL && by_number)
		return ordered(l.least * r.least, l.most * r.least);
	if (token == TOKEN_DIV && by_number && (r.least < 0 || r.least > 0))
		return ordered(l.least / r.least, l.most / r.least);
	if ((token == TOKEN_MUL || token == TOKEN_DIV) && l.least >= 0 && r.least >= 0)
		return just(0, (double)INFINITY);
	return anything;
}

static struct span span_of_arithmetic(enum token_kind token, struct span l, struct span r)
{
	struct span s = arithmetic(token, l, r);

	s.by = l.by != SIZE_MAX ? l.by : r.by;
	return s;
}

static struct span filled(struct span s, const struct fill *fill)
{
	if (!fill->fills)
		return s;
	if (isnan(fill->value))
		return anything;
	s.least = fmin(s.least, fill->value);
	return higher(s, just(s.least, fill->value));
}

static struct span span_of_binary(const struct node *n, const double *bounds)
{
	const struct operator* op = n->binary.op;
	struct span l = filled(span_of(n->binary.lhs, bounds), &n->binary.matching.left);
	struct span r = filled(span_of(n->binary.rhs, bounds), &n->binary.matching.right);
	struct span s;

	if (op->kind == OPERATOR_COMPARISON && n->binary.returns_bool)
		return just(0, 1);
	if (op->kind == OPERATOR_COMPARISON)
		return n->binary.lhs->type == PROMQL_VECTOR ? l : r;
	if (op->kind == OPERATOR_ARITHMETIC)
		return span_of_arithmetic(op->token, l, r);
	if (!op->adds_right)
		return l;
	s = higher(l, r);
	s.least = fmin(l.least, r.least);
	return s;
}

/* Recursion is as deep as the tree, which the parser bounded. */
static struct span span_of(const struct node *n, const double *bounds)
{
	struct span s = anything;

	switch (n->kind) {
	case NODE_NUMBER:
		return isnan(n->number) ? anything : just(n->number, n->number);
	case NODE_SUBQUERY:
		return span_of(n->subquery.body, bounds);
	case NODE_CALL:
		return span_of_call(n, bounds);
	case NODE_AGGREGATE:
		return span_of_aggregate(n, bounds);
	case NODE_BINARY:
		return span_of_binary(n, bounds);
	case NODE_UNARY:
		s = span_of(n->unary.operand, bounds);
		return n->unary.negates ? just(-s.most, -s.least) : s;
	case NODE_STRING:
	case NODE_SELECTOR:
	case NODE_KIND_COUNT:
		break;
	}
	return anything;
}

double promql_most(const struct promql_expr *e, const double *bounds, size_t *out_selector)
{
	struct span s = span_of(e->root, bounds);

	*out_selector = isinf(s.most) ? SIZE_MAX : s.by;
	return s.most;
}

double promql_least(const struct promql_expr *e, const double *bounds)
{
	return span_of(e->root, bounds).least;
}

static bool is_quantile(const struct node *n)
{
	return is_call(n, "histogram_quantile");
}

bool promql_has_quantile(const struct promql_expr *e)
{
	return find(e->root, is_quantile) != NULL;
}

/* --- whether at all --- */

static bool drops_bound(const struct node *n)
{
	bool listed = false;

	if (n->kind != NODE_AGGREGATE)
		return false;
	for (size_t i = 0; i < n->aggregate.nlabels; i++)
		listed = listed || str_eq(n->aggregate.labels[i], STR("le"));
	return listed == n->aggregate.without;
}

/* Only through what passes labels on as they are. */
static bool loses_buckets(const struct node *n)
{
	static const char *const selecting[] = {"topk", "bottomk", "limitk", "limit_ratio", NULL};

	if (n->kind != NODE_AGGREGATE || is_one_of(n->aggregate.aggregation->name, selecting))
		return false;
	return drops_bound(n) || loses_buckets(n->aggregate.body);
}

static bool is_without_buckets(const struct node *n)
{
	return is_quantile(n) && loses_buckets(n->call.args[1]);
}

static bool is_beyond(const struct node *n)
{
	return is_quantile(n) && n->call.args[0]->kind == NODE_NUMBER &&
	       !(n->call.args[0]->number >= 0 && n->call.args[0]->number <= 1);
}

const char *promql_flaw(const struct promql_expr *e)
{
	if (find(e->root, is_without_buckets))
		return "histogram_quantile gets no buckets: the aggregation inside drops the label "
		       "le; write sum by (le) (...)";
	if (find(e->root, is_beyond))
		return "histogram_quantile gives no number: its first argument must lie between 0 "
		       "and 1";
	return NULL;
}
