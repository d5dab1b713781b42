/*
 * label_match - a selector held against the labels of something that is no series, such as an alert.
 */
#ifndef PROMQL_LABEL_MATCH_H
#define PROMQL_LABEL_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/label.h"
#include "base/macros.h"
#include "promql/promql.h"

/* Whether all matchers of the selector hold; a label that is not there reads as empty. False with
 * *err: the expression is no selector, or a regular expression reached its limits. */
bool promql_labels_match(const struct promql_expr *selector, const struct label *labels, size_t n,
                         bool *out_matches, struct err *err) MUST_CHECK;

#endif
