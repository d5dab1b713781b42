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

struct evaluation {
	const struct promql_data *data;
	int64_t at_ms;
	struct arena *arena;
	struct regex_scratch *scratch; /* NULL when the expression has no regular expression */
	int64_t newest_sample_ms;
	bool failed; /* failed_at is set: the innermost node that failed */
	size_t failed_at;
};

bool eval_node(struct evaluation *e, const struct node *n, struct promql_value *out,
               struct err *err) MUST_CHECK;

/* Selectors (selector.c). */
bool eval_selector(struct evaluation *e, const struct node *n, struct promql_value *out,
                   struct err *err) MUST_CHECK;

#endif
