/*
 * prometheus_parts - several questions about the selectors of an expression in one query, and which
 * elements of the answer belong to which. Pure. Internal to daemon/source.
 *
 * Each part is `label_replace(QUESTION, "headgate_part", "NUMBER", "", "")`, joined by `or`; the
 * number is the index of the need it is about, or one behind those of all needs.
 */
#ifndef SOURCE_PROMETHEUS_PARTS_H
#define SOURCE_PROMETHEUS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/str.h"
#include "promql/promql.h"

#define PART_LABEL "headgate_part" /* no metric carries it */

/* Those that are asked about, at most POLICY_MAX_SELECTORS. */
size_t part_needs(const struct promql_expr *e, const struct promql_need **out);
bool part_is_alike(const struct promql_need *a, const struct promql_need *b);
/* The first need that asks the same. */
size_t part_first_like(const struct promql_need *needs, size_t i);
/* How far back the selectors that ask the same as need `i` look; 0: at one instant only. Those that
 * look at a fixed time do so by intent. */
int64_t part_reach_ms(const struct promql_need *needs, size_t n, size_t i);

void part_begin(struct buf *out);
void part_end(struct buf *out, size_t number);
void part_add_quoted(struct buf *out, struct str s);
/* "[5m] offset 1h": the reach of need `i`. */
void part_add_reach(const struct promql_need *needs, size_t n, size_t i, struct buf *out);
void part_add_offset(const struct promql_need *need, struct buf *out);

/* [instant, "number"] */
bool part_read_pair(const json_t *pair, double *out);
/* resultType; "nothing" without. */
const char *part_type(const json_t *data);
/* What part an element belongs to, as text and as a number below n; SIZE_MAX: none. */
const char *part_name(const json_t *element);
size_t part_need(const json_t *element, size_t n);

#endif
