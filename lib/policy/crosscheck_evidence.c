/* Sources and KPIs: addresses, where a KPI reads from, and its expression. */
#include "policy/crosscheck.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "promql/promql.h"

/* "host:9100" is short for a URL. */
static void check_address(struct crosscheck *c, struct place at, const char *address)
{
	struct buf url;
	struct err err;

	if (strstr(address, "://")) {
		crosscheck_url(c, at, address);
		return;
	}
	buf_init(&url, 4096);
	buf_printf(&url, "http://%s", address);
	if (!buf_ok(&url, &err))
		crosscheck_problem(c, at, "%s", err.text);
	else if (strpbrk(address, "/?#"))
		crosscheck_problem(c, at,
		                   "the URL must start with http:// or https://, or be host:port");
	else
		crosscheck_url(c, at, url.bytes);
	buf_fini(&url);
}

static bool is_twice(const struct policy_source *source, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (source->addresses[j] && strcmp(source->addresses[i], source->addresses[j]) == 0)
			return true;
	}
	return false;
}

static void check_labels(struct crosscheck *c, struct place at, json_t *labels)
{
	const char *name;
	json_t *value;
	struct err err;

	json_object_foreach(labels, name, value)
	{
		if (!placeholder_check(json_string_value(value), PLACE_TEXT, SCOPE_RELEASE, &err))
			crosscheck_problem(c, at, "label %s: %s", name, err.text);
	}
}

static void check_addresses(struct crosscheck *c, const struct policy_source *source)
{
	const char *kind = source_kind_names[source->kind];

	for (size_t i = 0; i < source->naddresses; i++) {
		struct place at = place_of("/sources/%s/%s/%zu", source->name, kind, i);

		if (!source->addresses[i])
			continue;
		if (source->kind == SOURCE_SCRAPE)
			check_address(c, at, source->addresses[i]);
		else if (source->kind == SOURCE_WEBHOOK)
			crosscheck_selector(c, at, source->addresses[i]);
		else
			crosscheck_url(c, at, source->addresses[i]);
		if (source->labels && source->labels[i])
			check_labels(c, at, source->labels[i]);
		if (is_twice(source, i))
			crosscheck_problem(c, at, "stands here twice: a target counts once");
	}
}

static void check_discovery(struct crosscheck *c, const struct policy_source *source)
{
	struct err err;

	for (size_t i = 0; i < source->nfile_sd; i++) {
		struct place at = place_of("/sources/%s/file_sd/%zu", source->name, i);
		const char *fault = policy_file_fault(source->file_sd[i]);

		if (fault)
			crosscheck_problem(c, at, "%s", fault);
		else if (!placeholder_check(source->file_sd[i], PLACE_TEXT, SCOPE_RELEASE, &err))
			crosscheck_problem(c, at, "%s", err.text);
	}
	for (size_t i = 0; i < source->nhttp_sd; i++)
		crosscheck_url(c, place_of("/sources/%s/http_sd/%zu", source->name, i),
		               source->http_sd[i]);
}

void crosscheck_sources(struct crosscheck *c)
{
	for (size_t i = 0; i < c->policy->nsources; i++)
		check_addresses(c, &c->policy->sources[i]);
	for (size_t i = 0; i < c->policy->nsources; i++)
		check_discovery(c, &c->policy->sources[i]);
}

/* "scrape or prometheus" */
static void kinds_text(unsigned kinds, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < SOURCE_KIND_COUNT; i++) {
		if ((kinds & SOURCE_BIT(i)) && at < size)
			at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? " or " : "",
			                       source_kind_names[i]);
	}
}

static void choose_source(struct crosscheck *c, struct place at, const char *kinds,
                          const struct names *fitting, char **name)
{
	if (fitting->n == 0) {
		crosscheck_problem(c, at, "there is no source of kind %s to read from", kinds);
	} else if (fitting->n > 1) {
		crosscheck_problem(
		        c, at,
		        "several sources of kind %s fit (%s, %s%s): say which, \"source: %s\"",
		        kinds, fitting->list[0], fitting->list[1], fitting->n > 2 ? ", ..." : "",
		        fitting->list[0]);
	} else {
		*name = text_dup(fitting->list[0]);
		if (!*name)
			crosscheck_problem(c, at, "cannot be read: no memory");
	}
}

void crosscheck_source(struct crosscheck *c, struct place at, unsigned kinds, char **name)
{
	struct names fitting = {0};
	const struct policy *p = c->policy;
	char text[64];

	for (size_t i = 0; i < p->nsources; i++) {
		if (!policy_source_is_set(&p->sources[i]))
			return; /* one without a kind may be the one that fits */
		if (kinds & SOURCE_BIT(p->sources[i].kind))
			names_add(&fitting, p->sources[i].name);
	}
	if (!crosscheck_is_listed(c, "sources"))
		return;
	kinds_text(kinds, text, sizeof(text));
	if (!*name)
		choose_source(c, at, text, &fitting, name);
	else if (!policy_source(p, *name, NULL))
		crosscheck_unknown(c, at, "source", *name, fitting.list);
	else if (!names_have(&fitting, *name))
		crosscheck_problem(c, at,
		                   "source %s is of the wrong kind: a source of kind %s is needed",
		                   *name, text);
}

/* What a KPI reads must be kept in memory, and be sampled before it counts (rule K4). */
#define REACH_MAX_MS (INT64_C(8) * 86400 * 1000)

static void check_kept(struct crosscheck *c, struct place at, const struct promql_expr *expr)
{
	char reach[UNITS_TEXT_MAX], most[UNITS_TEXT_MAX];

	duration_format(promql_retention_ms(expr), reach);
	duration_format(REACH_MAX_MS, most);
	if (promql_retention_ms(expr) > REACH_MAX_MS)
		crosscheck_problem_inside(c, at,
		                          "looks back %s with all ranges and offsets, and samples "
		                          "are kept for %s at most",
		                          reach, most);
	if (promql_steps(expr) > PROMQL_MAX_STEPS)
		crosscheck_problem_inside(c, at,
		                          "evaluates its subqueries at more than %d points: make "
		                          "them shorter or their steps longer",
		                          PROMQL_MAX_STEPS);
}

static void check_not_pinned(struct crosscheck *c, struct place at, const struct promql_expr *expr)
{
	const struct promql_need *needs = NULL;
	size_t n = promql_needs(expr, &needs);

	for (size_t i = 0; i < n; i++) {
		if (!needs[i].pinned)
			continue;
		crosscheck_problem_inside(c, at,
		                          "looks at a fixed time with @: such a KPI says nothing "
		                          "about a release; use offset");
		return;
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
	check_not_pinned(c, at, expr);
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

/* What depends on who evaluates it; rule K5 asks a server after each selector. */
static void check_burden(struct crosscheck *c, const struct kpi *kpi)
{
	const struct policy_source *source =
	        kpi->source && kpi->expr ? policy_source(c->policy, kpi->source, NULL) : NULL;
	struct place at = place_of("/kpis/%s/expr", kpi->name);
	const struct promql_need *needs = NULL;
	struct promql_position where = {0};
	struct promql_expr *expr = NULL;
	struct err ignored;

	if (source)
		expr = promql_parse(str_of(kpi->expr), &where, &ignored);
	if (!expr)
		return;
	if (source->kind == SOURCE_SCRAPE)
		check_kept(c, at, expr);
	if (source->kind == SOURCE_PROMETHEUS && promql_needs(expr, &needs) > POLICY_MAX_SELECTORS)
		crosscheck_problem_inside(c, at,
		                          "has %zu selectors, and a source of kind prometheus is "
		                          "asked after at most %d",
		                          promql_needs(expr, &needs), POLICY_MAX_SELECTORS);
	promql_free(&expr);
}

static unsigned kinds_of(const struct kpi *kpi)
{
	if (kpi->pointer)
		return SOURCE_BIT(SOURCE_JSON);
	return SOURCE_BIT(SOURCE_SCRAPE) | SOURCE_BIT(SOURCE_PROMETHEUS);
}

void crosscheck_kpis(struct crosscheck *c)
{
	for (size_t i = 0; i < c->policy->nkpis; i++) {
		struct kpi *kpi = &c->policy->kpis[i];
		struct place at = place_of("/kpis/%s", kpi->name);
		struct place source = place_of("/kpis/%s/source", kpi->name);

		if (kpi->expr)
			check_kpi(c, kpi);
		if (kpi->pushed_ms == 0 && crosscheck_is_sound(c, source))
			crosscheck_source(c, kpi->source ? source : at, kinds_of(kpi),
			                  &kpi->source);
		check_burden(c, kpi);
	}
}
