/* Calls of functions and aggregations: arguments, their number and types. */
#include "promql/aggregate.h"
#include "promql/function.h"
#include "promql/parser.h"

/* Arguments are kept on this list until their number is known. */
struct argument {
	struct node *node;
	struct argument *next;
};

/* "(a, b)"; the list is in the order of the text. */
static bool parse_arguments(struct parser *p, const struct function *f, struct argument **out,
                            size_t *out_n)
{
	struct argument **end = out;
	bool more = true;

	*out = NULL;
	*out_n = 0;
	if (!parse_expect(p, TOKEN_LEFT_PAREN, "\"(\""))
		return false;
	while (more && (*out_n > 0 || p->token.kind != TOKEN_RIGHT_PAREN)) {
		struct argument *a = parse_array(p, 1, sizeof(*a));

		if (!a)
			return false;
		p->wants_labels = f && f->takes_labels && *out_n == 1;
		a->node = parse_expression(p, 1);
		p->wants_labels = false;
		if (!a->node || !parse_accept(p, TOKEN_COMMA, &more))
			return false;
		*end = a;
		end = &a->next;
		++*out_n;
	}
	return parse_expect(p, TOKEN_RIGHT_PAREN, "\",\" or \")\"");
}

static bool check_argument_count(struct parser *p, const struct node *n)
{
	const struct function *f = n->call.function;
	size_t got = n->call.nargs;

	if (got >= f->min_args && got <= f->max_args)
		return true;
	if (f->min_args == f->max_args)
		return parse_fail(p, n->offset,
		                  "expected %zu argument(s) in call to \"%s\", got %zu",
		                  f->min_args, f->name, got);
	if (got < f->min_args)
		return parse_fail(p, n->offset,
		                  "expected at least %zu argument(s) in call to \"%s\", got %zu",
		                  f->min_args, f->name, got);
	return parse_fail(p, n->offset,
	                  "expected at most %zu argument(s) in call to \"%s\", got %zu",
	                  f->max_args, f->name, got);
}

static bool check_argument_types(struct parser *p, const struct node *n)
{
	const struct function *f = n->call.function;

	for (size_t i = 0; i < n->call.nargs; i++) {
		const struct node *arg = n->call.args[i];
		enum promql_type wanted = f->args[i < f->ntypes ? i : f->ntypes - 1];

		if (arg->type != wanted)
			return parse_fail(p, arg->offset,
			                  "expected type %s in call to function \"%s\", got %s",
			                  type_words(wanted), f->name, type_words(arg->type));
	}
	return true;
}

static bool check_extents(struct parser *p, const struct node *n)
{
	const struct function *f = n->call.function;

	for (size_t i = 0; i < n->call.nargs; i++) {
		const struct node *arg = n->call.args[i];

		if (arg->kind != NODE_SELECTOR || !arg->selector.is_range)
			continue;
		if (arg->selector.extent == EXTENT_ANCHORED && !f->takes_anchored)
			return parse_fail(p, arg->offset,
			                  "anchored modifier can only be used with: changes, "
			                  "delta, increase, rate, resets - not with %s",
			                  f->name);
		if (arg->selector.extent == EXTENT_SMOOTHED && !f->takes_smoothed)
			return parse_fail(p, arg->offset,
			                  "smoothed modifier can only be used with: delta, "
			                  "increase, rate - not with %s",
			                  f->name);
	}
	return true;
}

/* A plain selector, or none, for which the usual one stands in. */
static bool check_labels(struct parser *p, struct node *n)
{
	const struct node *labels;

	if (n->call.nargs == 1)
		n->call.args[n->call.nargs++] = parse_info_selector(p);
	labels = n->call.args[1];
	if (!labels)
		return false;
	parse_adopt(n, labels);
	return (labels->kind == NODE_SELECTOR && !labels->grouped) ||
	       parse_fail(p, labels->offset, "expected label selectors only");
}

static bool fill_call(struct parser *p, struct node *n, const struct argument *list, size_t nargs)
{
	n->call.nargs = nargs;
	n->call.args = parse_array(p, nargs + 1, sizeof(struct node *));
	if (!n->call.args)
		return false;
	for (size_t i = 0; i < nargs; i++, list = list->next) {
		n->call.args[i] = list->node;
		parse_adopt(n, list->node);
	}
	if (!check_argument_count(p, n) || !check_argument_types(p, n) || !check_extents(p, n))
		return false;
	if (n->call.function->takes_labels && !check_labels(p, n))
		return false;
	if (!n->call.function->check)
		return true;
	return n->call.function->check(p->expr, &n->call, p->err) ||
	       parse_fail_prefixed(p, n->offset);
}

static bool fail_unknown(struct parser *p)
{
	const char *near = function_nearest(p->token.text);
	char quote[STR_QUOTE_MAX];

	str_quote(p->token.text, quote);
	if (near)
		return parse_fail(p, p->token.offset,
		                  "unknown function with name %s: did you mean \"%s\"?", quote,
		                  near);
	return parse_fail(p, p->token.offset, "unknown function with name %s", quote);
}

struct node *parse_call(struct parser *p)
{
	const struct function *f = function_find(p->token.text);
	struct node *n = NULL;
	struct argument *list = NULL;
	size_t nargs = 0;

	if (!f) {
		fail_unknown(p);
		return NULL;
	}
	if (f->refusal) {
		parse_fail(p, p->token.offset, "the function \"%s\" %s", f->name, f->refusal);
		return NULL;
	}
	n = parse_node(p, NODE_CALL, f->returns, p->token.offset);
	if (!n || !parse_advance(p) || !parse_arguments(p, f, &list, &nargs))
		return NULL;
	n->call.function = f;
	return fill_call(p, n, list, nargs) ? n : NULL;
}

static bool parse_grouping(struct parser *p, struct aggregate *a, bool *out_found)
{
	*out_found = p->token.kind == TOKEN_BY || p->token.kind == TOKEN_WITHOUT;
	if (!*out_found)
		return true;
	a->without = p->token.kind == TOKEN_WITHOUT;
	return parse_advance(p) && parse_label_names(p, &a->labels, &a->nlabels);
}

static bool check_aggregate(struct parser *p, struct node *n, const struct argument *list,
                            size_t nargs)
{
	struct aggregate *a = &n->aggregate;
	size_t wanted = a->aggregation->has_param ? 2 : 1;

	if (nargs != wanted)
		return parse_fail(p, n->offset,
		                  "wrong number of arguments for aggregate expression provided, "
		                  "expected %zu, got %zu",
		                  wanted, nargs);
	if (a->aggregation->has_param) {
		a->param = list->node;
		list = list->next;
		parse_adopt(n, a->param);
		if (a->param->type != a->aggregation->param)
			return parse_fail(p, a->param->offset,
			                  "expected type %s in aggregation parameter, got %s",
			                  type_words(a->aggregation->param),
			                  type_words(a->param->type));
	}
	a->body = list->node;
	parse_adopt(n, a->body);
	if (a->body->type != PROMQL_VECTOR)
		return parse_fail(p, a->body->offset,
		                  "expected type instant vector in aggregation expression, got %s",
		                  type_words(a->body->type));
	return true;
}

/* "sum by (a) (x)" or "sum(x) by (a)". */
struct node *parse_aggregate(struct parser *p)
{
	struct node *n = parse_node(p, NODE_AGGREGATE, PROMQL_VECTOR, p->token.offset);
	struct argument *list = NULL;
	size_t nargs = 0;
	bool grouped = false;

	if (!n)
		return NULL;
	n->aggregate.aggregation = aggregation_find(p->token.text);
	if (!parse_advance(p) || !parse_grouping(p, &n->aggregate, &grouped) ||
	    !parse_arguments(p, NULL, &list, &nargs))
		return NULL;
	if (!grouped && !parse_grouping(p, &n->aggregate, &grouped))
		return NULL;
	return check_aggregate(p, n, list, nargs) ? n : NULL;
}
