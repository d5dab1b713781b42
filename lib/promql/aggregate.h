/*
 * aggregate - the table of aggregations: sum, avg, topk and the others. A new one is one row.
 *
 * A row has either `add` and `finish` (one value per group, from a running state) or `reduce`
 * (anything else).
 */
#ifndef PROMQL_AGGREGATE_H
#define PROMQL_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>

#include "promql/ast.h"
#include "promql/eval.h"
#include "promql/promql.h"
#include "promql/summation.h"

/* One group and everything any aggregation keeps of it. */
struct group {
	const struct labels *labels;
	size_t n;
	double value;
	struct summation sum;
	struct mean mean;
	struct variance variance;
	size_t first; /* where its members begin in grouping.members */
};

struct grouping {
	struct group *groups;
	size_t n;
	struct labels *keys; /* per element, or of the one group */
	size_t *of;          /* per element: its group */
	size_t *members;     /* element numbers, group by group; filled by grouping_collect */
};

struct aggregation {
	const char *name;
	bool has_param;
	enum promql_type param;
	void (*add)(struct group *g, double value);
	double (*finish)(const struct group *g);
	bool (*reduce)(struct evaluation *e, const struct aggregate *a,
	               const struct promql_value *param, struct promql_value *in,
	               struct promql_value *out, struct err *err);
};

/* Case-insensitive, as all keywords. */
const struct aggregation *aggregation_find(struct str name);
const struct aggregation *aggregation_at(size_t i); /* NULL behind the last */

bool eval_aggregate(struct evaluation *e, const struct node *n, struct promql_value *out,
                    struct err *err) MUST_CHECK;

/* grouping.c: which element belongs to which group, and the members of each group together. */
bool grouping_make(struct grouping *g, const struct aggregate *a, const struct promql_value *in,
                   struct arena *arena, struct err *err) MUST_CHECK;
bool grouping_collect(struct grouping *g, size_t n, struct arena *arena,
                      struct err *err) MUST_CHECK;

/* aggregate_pick.c: aggregations that pick elements and change nothing about them. */
bool reduce_topk(struct evaluation *e, const struct aggregate *a, const struct promql_value *param,
                 struct promql_value *in, struct promql_value *out, struct err *err);
bool reduce_bottomk(struct evaluation *e, const struct aggregate *a,
                    const struct promql_value *param, struct promql_value *in,
                    struct promql_value *out, struct err *err);
bool reduce_limitk(struct evaluation *e, const struct aggregate *a,
                   const struct promql_value *param, struct promql_value *in,
                   struct promql_value *out, struct err *err);
bool reduce_limit_ratio(struct evaluation *e, const struct aggregate *a,
                        const struct promql_value *param, struct promql_value *in,
                        struct promql_value *out, struct err *err);

/* aggregate_select.c: aggregations that need all values of a group at once. */
bool reduce_quantile(struct evaluation *e, const struct aggregate *a,
                     const struct promql_value *param, struct promql_value *in,
                     struct promql_value *out, struct err *err);
bool reduce_count_values(struct evaluation *e, const struct aggregate *a,
                         const struct promql_value *param, struct promql_value *in,
                         struct promql_value *out, struct err *err);

#endif
