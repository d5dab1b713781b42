/*
 * needs - fills what promql_needs() and its kin answer, once, behind the parser.
 */
#ifndef PROMQL_NEEDS_H
#define PROMQL_NEEDS_H

#include "promql/ast.h"

/* e->needs has room for every selector of the tree. */
void needs_note(struct promql_expr *e);

#endif
