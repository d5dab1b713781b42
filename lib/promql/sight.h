/*
 * sight - what can be told of an expression's value without waiting for it: how high it can get,
 * and what the samples have for each of its selectors.
 *
 * Pure. For finding gates that could never see what they watch for.
 */
#ifndef PROMQL_SIGHT_H
#define PROMQL_SIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "promql/promql.h"

#define PROMQL_SIGHT_VALUES 5 /* of a label that are named */

/* What the samples have for one selector (its index is that of promql_needs). */
struct promql_sight {
	size_t named;  /* series of that name, with whatever labels; all when it has no name */
	size_t series; /* of those, the ones that match */
	double highest_bound; /* the largest finite `le` of the matching ones that live; NaN: none
	                       */
	size_t buckets;       /* how many of them have an `le` */
	bool moved;           /* one of the matching ones has had two values */
	int64_t oldest_ms, newest_ms; /* samples of the matching ones; 0: none */
	/* When nothing matches: a condition that no series of the name meets, and what values its
	 * label has there; texts are borrowed. Empty when each is met, though not together.
	 */
	struct str condition; /* in the arena: version="1.2.4" */
	struct str label;
	struct str values[PROMQL_SIGHT_VALUES];
	size_t nvalues; /* all of them, more than are named perhaps */
};

bool promql_look(const struct promql_expr *e, size_t selector, const struct promql_data *data,
                 struct arena *arena, struct promql_sight *out, struct err *err) MUST_CHECK;

/* Whether the value comes out of histogram_quantile somewhere, and so has an upper bound. */
bool promql_has_quantile(const struct promql_expr *e);

/* No value of the expression is above this; +Inf when nothing is known. A quantile of a histogram
 * is never above its highest finite bucket: `bounds` has it for each selector, NaN where it is not
 * known; NULL when none is. *out_selector: the one whose bucket it is; SIZE_MAX: none. */
double promql_most(const struct promql_expr *e, const double *bounds, size_t *out_selector);

/* No value of the expression is below this; -Inf when nothing is known. */
double promql_least(const struct promql_expr *e, const double *bounds);

/* A sentence about an expression that is well-formed and can never give a value, such as a quantile
 * over buckets whose `le` was summed away; NULL when there is none. Static. */
const char *promql_flaw(const struct promql_expr *e);

#endif
