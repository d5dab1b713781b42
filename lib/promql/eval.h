/*
 * eval - one evaluation of an expression at one instant, and what its parts share.
 *
 * All memory is the arena's. Vectors are changed in place by whoever evaluated them; samples and
 * labels of selectors are borrowed from the series and copied only for the final result.
 */
#ifndef PROMQL_EVAL_H
#define PROMQL_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/macros.h"
#include "promql/ast.h"
#include "promql/promql.h"

struct regex_scratch;

/* What a selector found; kept for the next step of a subquery. */
struct found {
	const struct series **list;
	size_t n, capacity;
	bool known;
};

struct evaluation {
	const struct promql_data *data;
	int64_t query_ms;    /* of the whole */
	int64_t at_ms;       /* of this step, inside a subquery */
	struct arena *arena; /* of this step */
	struct arena *whole; /* of the whole */
	struct found *found; /* per selector; NULL without subqueries */
	int64_t steps;       /* of subqueries, so far */
	size_t work;         /* done so far; counted where subqueries multiply it */
	struct regex_scratch *scratch; /* NULL when the expression has no regular expression */
	int64_t newest_sample_ms;
	bool failed; /* failed_at is set: the innermost node that failed */
	size_t failed_at;
};

bool eval_node(struct evaluation *e, const struct node *n, struct promql_value *out,
               struct err *err) MUST_CHECK;

/* Counts work where there are subqueries; an error beyond PROMQL_MAX_WORK. */
bool eval_count_work(struct evaluation *e, size_t n, struct err *err) MUST_CHECK;

/* The end of what a selector or subquery at this place reads. */
int64_t eval_place(const struct evaluation *e, const struct placement *place);

/* Selectors (selector.c), subqueries (subquery.c). */
bool eval_selector(struct evaluation *e, const struct node *n, struct promql_value *out,
                   struct err *err) MUST_CHECK;
bool eval_subquery(struct evaluation *e, const struct node *n, struct promql_value *out,
                   struct err *err) MUST_CHECK;

#endif
