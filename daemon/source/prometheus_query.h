/*
 * prometheus_query - what a Prometheus is asked for one KPI, and what its answers say. Pure.
 *
 * Three questions at most, all of them instant queries: how old the newest sample of each selector
 * is by the server's own clock (rule K5); of selectors without any, whether their names are known
 * there at all (rule K2) and whether their ranges hold samples that are not current (rule K5); and,
 * at the instant of the first, the value.
 */
#ifndef SOURCE_PROMETHEUS_QUERY_H
#define SOURCE_PROMETHEUS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "gate/kpi_remote.h"
#include "policy/policy.h"
#include "promql/promql.h"

#define PROMETHEUS_QUERY_MAX ((size_t)128 * 1024)

/* `label_replace(vector(time()), ...) or label_replace(max(timestamp(SELECTOR)), ...) or ...` */
void prometheus_ages_query(const struct promql_expr *e, struct buf *out);

/* What came back of that. */
struct prometheus_ages {
	double now_s;      /* the server's clock */
	int64_t oldest_ms; /* age of the newest sample of the selector that is furthest behind */
	size_t nseen;
	bool seen[POLICY_MAX_SELECTORS]; /* by need of the expression: has a sample */
};

/* The data of a successful answer, borrowed from *out_document, a new reference; else NULL and the
 * refusal in *r. Warnings are a refusal (rule K5). */
const json_t *prometheus_data(long status, struct str body, json_t **out_document,
                              struct kpi_remote *r);
/* False after a refusal. */
bool prometheus_read_ages(const json_t *data, const struct promql_expr *e,
                          struct prometheus_ages *out, struct kpi_remote *r) MUST_CHECK;
/* Names of which no selector has a sample and that may not be absent, and the ranges of selectors
 * without one. False: there are none. */
bool prometheus_unseen_query(const struct promql_expr *e, const struct prometheus_ages *ages,
                             char *const *may_be_absent, size_t n, struct buf *out) MUST_CHECK;
/* False after a refusal: one of those names is not known, or one of those ranges has samples. */
bool prometheus_read_unseen(const json_t *data, const struct promql_expr *e,
                            const struct prometheus_ages *ages, char *const *may_be_absent,
                            size_t n, struct kpi_remote *r) MUST_CHECK;
/* Fills result and value, or refuses (rule K1). */
void prometheus_read_value(const json_t *data, struct kpi_remote *r);

#endif
