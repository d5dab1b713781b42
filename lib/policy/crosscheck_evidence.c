/* Sources and KPIs: addresses, where a KPI reads from, and its expression. */
#include "policy/crosscheck.h"

#include <string.h>

#include "base/str.h"
#include "promql/promql.h"

static void check_addresses(struct crosscheck *c, const struct policy_source *source)
{
	const char *kind = source_kind_names[source->kind];

	for (size_t i = 0; i < source->naddresses; i++) {
		struct place at = place_of("/sources/%s/%s/%zu", source->name, kind, i);

		if (!source->addresses[i])
			continue;
		crosscheck_url(c, at, source->addresses[i]);
		for (size_t j = 0; j < i; j++) {
			if (source->addresses[j] &&
			    strcmp(source->addresses[i], source->addresses[j]) == 0)
				crosscheck_problem(c, at,
				                   "stands here twice: a target counts once");
		}
	}
}

void crosscheck_sources(struct crosscheck *c)
{
	for (size_t i = 0; i < c->policy->nsources; i++)
		check_addresses(c, &c->policy->sources[i]);
}

void crosscheck_source(struct crosscheck *c, struct place at, enum source_kind kind, char **name)
{
	struct names fitting = {0};
	const struct policy *p = c->policy;

	for (size_t i = 0; i < p->nsources; i++) {
		if (p->sources[i].naddresses == 0)
			return; /* one without a kind may be the one that fits */
		if (p->sources[i].kind == kind)
			names_add(&fitting, p->sources[i].name);
	}
	if (!crosscheck_is_listed(c, "sources"))
		return;
	if (*name && !policy_source(p, *name, NULL)) {
		crosscheck_unknown(c, at, "source", *name, fitting.list);
	} else if (*name && !names_have(&fitting, *name)) {
		crosscheck_problem(c, at,
		                   "source %s is of the wrong kind: a source of kind %s is needed",
		                   *name, source_kind_names[kind]);
	} else if (!*name && fitting.n == 0) {
		crosscheck_problem(c, at, "there is no source of kind %s to read from",
		                   source_kind_names[kind]);
	} else if (!*name && fitting.n > 1) {
		crosscheck_problem(
		        c, at,
		        "several sources of kind %s fit (%s, %s%s): say which, \"source: %s\"",
		        source_kind_names[kind], fitting.list[0], fitting.list[1],
		        fitting.n > 2 ? ", ..." : "", fitting.list[0]);
	} else if (!*name) {
		*name = text_dup(fitting.list[0]);
		if (!*name)
			crosscheck_problem(c, at, "cannot be read: no memory");
	}
}

/* A value that no metric stands behind would pass without any evidence. */
static void check_expression(struct crosscheck *c, struct place at, const struct promql_expr *expr)
{
	const struct promql_need *needs = NULL;
	enum promql_type type = promql_expr_type(expr);

	if (type != PROMQL_SCALAR && type != PROMQL_VECTOR)
		crosscheck_problem_inside(
		        c, at, "gives a %s: a KPI is one number, a scalar or a vector of one",
		        promql_type_name(type));
	else if (promql_needs(expr, &needs) == 0)
		crosscheck_problem_inside(c, at,
		                          "reads no metric: a KPI without samples proves nothing");
}

static void check_kpi(struct crosscheck *c, const struct kpi *kpi)
{
	struct place at = place_of("/kpis/%s/expr", kpi->name);
	struct promql_position where = {0};
	struct promql_expr *expr = NULL;
	struct err err;

	if (!placeholder_check(kpi->expr, PLACE_PROMQL, SCOPE_RELEASE, &err)) {
		crosscheck_problem_inside(c, at, "%s", err.text);
		return;
	}
	expr = promql_parse(str_of(kpi->expr), &where, &err);
	if (expr)
		check_expression(c, at, expr);
	else
		crosscheck_problem_inside(c, at,
		                          "does not parse: %s (at character %zu of the expression)",
		                          err.text, where.offset + 1);
	promql_free(&expr);
}

void crosscheck_kpis(struct crosscheck *c)
{
	for (size_t i = 0; i < c->policy->nkpis; i++) {
		struct kpi *kpi = &c->policy->kpis[i];
		struct place at = place_of("/kpis/%s", kpi->name);
		struct place source = place_of("/kpis/%s/source", kpi->name);

		if (kpi->expr)
			check_kpi(c, kpi);
		if (crosscheck_is_sound(c, source))
			crosscheck_source(c, kpi->source ? source : at, SOURCE_SCRAPE,
			                  &kpi->source);
	}
}
