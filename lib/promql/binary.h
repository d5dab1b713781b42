/*
 * binary - the table of operators, and what they do to scalars and vectors.
 */
#ifndef PROMQL_BINARY_H
#define PROMQL_BINARY_H

#include <stdbool.h>
#include <stddef.h>

#include "promql/ast.h"
#include "promql/eval.h"
#include "promql/lexer.h"
#include "promql/promql.h"

enum operator_kind {
	OPERATOR_ARITHMETIC = 0,
	OPERATOR_COMPARISON,
	OPERATOR_SET,
	OPERATOR_KIND_COUNT
};

/* Binding strength, the unary signs bind like OPERATOR_PRODUCT. */
enum operator_precedence {
	OPERATOR_LOWEST = 1,
	OPERATOR_OR = 1,
	OPERATOR_AND,
	OPERATOR_COMPARE,
	OPERATOR_SUM,
	OPERATOR_PRODUCT,
	OPERATOR_POWER
};

struct operator
{
	enum token_kind token;
	const char *name;
	enum operator_precedence precedence;
	enum operator_kind kind;
	double (*compute)(double a, double b); /* arithmetic */
	bool (*holds)(double a, double b);     /* comparison */
	/* Set: whether a left element with (or without) a partner stays, and whether right ones
	 * without a partner come along. */
	bool keeps_matched, keeps_unmatched, adds_right;
};

const struct operator* operator_find(enum token_kind token);
const struct operator* operator_at(size_t i); /* NULL behind the last */

bool eval_binary(struct evaluation *e, const struct node *n, struct promql_value *out,
                 struct err *err) MUST_CHECK;
bool eval_unary(struct evaluation *e, const struct node *n, struct promql_value *out,
                struct err *err) MUST_CHECK;

/* match.c: two vectors against each other. */
bool match_vectors(struct evaluation *e, const struct binary *b, const struct promql_value *lhs,
                   const struct promql_value *rhs, struct promql_value *out,
                   struct err *err) MUST_CHECK;
/* The labels by which partners find each other, per element; NULL with *err filled. */
struct labels *match_keys(const struct matching *m, const struct promql_value *v,
                          struct arena *arena, struct err *err);
/* match_fill.c: both sides, filled up where that was asked for. */
bool match_fill(struct evaluation *e, const struct matching *m, struct promql_value *lhs,
                struct promql_value *rhs, struct err *err) MUST_CHECK;
bool match_sets(struct evaluation *e, const struct binary *b, const struct promql_value *lhs,
                const struct promql_value *rhs, struct promql_value *out,
                struct err *err) MUST_CHECK;

#endif
