/* The table of aggregations, and those that need one running state per group. */
#include "promql/aggregate.h"

#include <math.h>
#include <strings.h>

#include "promql/vector.h"

static void add_sum(struct group *g, double value)
{
	summation_add(&g->sum, value);
}

static double finish_sum(const struct group *g)
{
	return summation_value(&g->sum);
}

static void add_avg(struct group *g, double value)
{
	mean_add(&g->mean, value);
}

static double finish_avg(const struct group *g)
{
	return mean_value(&g->mean);
}

/* NaN counts only when there is nothing else. */
static void add_min(struct group *g, double value)
{
	if (g->n == 1 || value < g->value || isnan(g->value))
		g->value = value;
}

static void add_max(struct group *g, double value)
{
	if (g->n == 1 || value > g->value || isnan(g->value))
		g->value = value;
}

static double finish_value(const struct group *g)
{
	return g->value;
}

static void add_nothing(struct group *g, double value)
{
	(void)g, (void)value;
}

static double finish_count(const struct group *g)
{
	return (double)g->n;
}

static double finish_group(const struct group *g)
{
	(void)g;
	return 1;
}

static void add_variance(struct group *g, double value)
{
	variance_add(&g->variance, value);
}

static double finish_stdvar(const struct group *g)
{
	return variance_value(&g->variance);
}

static double finish_stddev(const struct group *g)
{
	return sqrt(variance_value(&g->variance));
}

/* clang-format off */
static const struct aggregation aggregations[] = {
	{ "avg",          .add = add_avg,      .finish = finish_avg },
	{ "bottomk",      .has_param = true,   .param = PROMQL_SCALAR, .reduce = reduce_bottomk },
	{ "count",        .add = add_nothing,  .finish = finish_count },
	{ "count_values", .has_param = true,   .param = PROMQL_STRING, .reduce = reduce_count_values },
	{ "group",        .add = add_nothing,  .finish = finish_group },
	{ "limit_ratio",  .has_param = true,   .param = PROMQL_SCALAR, .reduce = reduce_limit_ratio },
	{ "limitk",       .has_param = true,   .param = PROMQL_SCALAR, .reduce = reduce_limitk },
	{ "max",          .add = add_max,      .finish = finish_value },
	{ "min",          .add = add_min,      .finish = finish_value },
	{ "quantile",     .has_param = true,   .param = PROMQL_SCALAR, .reduce = reduce_quantile },
	{ "stddev",       .add = add_variance, .finish = finish_stddev },
	{ "stdvar",       .add = add_variance, .finish = finish_stdvar },
	{ "sum",          .add = add_sum,      .finish = finish_sum },
	{ "topk",         .has_param = true,   .param = PROMQL_SCALAR, .reduce = reduce_topk },
};
/* clang-format on */

const struct aggregation *aggregation_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(aggregations); i++) {
		struct str row = str_of(aggregations[i].name);

		if (row.n == name.n && strncasecmp(row.p, name.p, name.n) == 0)
			return &aggregations[i];
	}
	return NULL;
}

const struct aggregation *aggregation_at(size_t i)
{
	return i < ARRAY_LEN(aggregations) ? &aggregations[i] : NULL;
}

static bool fold(struct evaluation *e, const struct aggregate *a, const struct promql_value *in,
                 struct promql_value *out, struct err *err)
{
	struct grouping g;

	if (!grouping_make(&g, a, in, e->arena, err) || !vector_make(out, g.n, e->arena, err))
		return false;
	for (size_t i = 0; i < in->nvector; i++) {
		struct group *owner = &g.groups[g.of[i]];

		owner->n++;
		a->aggregation->add(owner, in->vector[i].value);
	}
	for (size_t i = 0; i < g.n; i++)
		vector_add(out, (struct promql_element){
		                        .labels = *g.groups[i].labels,
		                        .at_ms = e->at_ms,
		                        .value = a->aggregation->finish(&g.groups[i]),
		                });
	return true;
}

bool eval_aggregate(struct evaluation *e, const struct node *n, struct promql_value *out,
                    struct err *err)
{
	const struct aggregate *a = &n->aggregate;
	struct promql_value param = {0};
	struct promql_value in;

	if (a->param && !eval_node(e, a->param, &param, err))
		return false;
	if (!eval_node(e, a->body, &in, err))
		return false;
	if (a->aggregation->reduce)
		return a->aggregation->reduce(e, a, &param, &in, out, err);
	return fold(e, a, &in, out, err);
}
