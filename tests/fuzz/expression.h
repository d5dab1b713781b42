/*
 * expression - a parsed expression written out again, every part of its tree in parentheses.
 *
 * The text says all of the tree that matters for its meaning: two trees are the same when their
 * texts are.
 */
#ifndef TESTS_FUZZ_EXPRESSION_H
#define TESTS_FUZZ_EXPRESSION_H

#include "base/buf.h"
#include "fuzz.h"
#include "promql/promql.h"

/* NULL when it does not parse; what parsing promises about errors is looked at. */
struct promql_expr *expression_parse(struct str text);
/* NUL-terminated in *out; false when it is too long to be an expression. */
bool expression_print(const struct promql_expr *e, struct buf *out);
/* Its printed form parsed again, which must print the same. NULL when that form goes beyond a
 * bound of the parser. */
struct promql_expr *expression_reread(const struct promql_expr *e);

#endif
