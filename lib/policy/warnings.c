/* What a policy may do but seldom means. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "gate/baseline.h"
#include "policy/policy.h"
#include "promql/promql.h"

/* Where they go, and where the policy's parts stand. */
struct warnings {
	struct problems *list;
	const struct positions *positions;
};

static void warn(struct warnings *w, const char *pointer, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void warn(struct warnings *w, const char *pointer, const char *fmt, ...)
{
	const struct position *at = positions_find(w->positions, pointer);
	char text[400];
	va_list args;

	va_start(args, fmt);
	text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	problems_add(w->list, at ? at->file : NULL, at ? at->line : 0, at ? at->column : 0, pointer,
	             "%s", text);
}

/* Longest range of an expression with its placeholders still open: they stand in strings only. */
static int64_t range_of(const struct kpi *kpi)
{
	struct promql_position at = {0};
	struct promql_expr *expr = NULL;
	struct err err;
	int64_t range_ms = 0;

	if (!kpi->expr)
		return kpi->window_ms;
	expr = promql_parse(str_of(kpi->expr), &at, &err);
	if (expr)
		range_ms = promql_longest_range_ms(expr);
	promql_free(&expr);
	return range_ms;
}

/* One value is made of several windows. */
static bool looks_at_several(const struct gate *gate)
{
	const struct baseline_spec *baseline =
	        gate->kind == &gate_baseline_kind ? gate->spec : NULL;

	return gate->kind->looks_at_several || (baseline && baseline->of > 1);
}

static void warn_about_rung(const struct gate *gate, size_t i, int64_t range_ms,
                            struct warnings *warnings)
{
	const struct gate_rung *rung = &gate->rungs[i];
	char range[UNITS_TEXT_MAX], twice[UNITS_TEXT_MAX], pointer[128];

	if (range_ms == 0)
		return;
	duration_format(range_ms, range);
	duration_format(2 * range_ms, twice);
	(void)snprintf(pointer, sizeof(pointer), "/gates/%s/rungs/%zu/for", gate->name, i);
	if (rung->for_ms > 0 && rung->for_ms < 2 * range_ms)
		warn(warnings, pointer,
		     "the expression looks back %s, so one bad window fires this rung: "
		     "wait at least "
		     "%s, or use votes such as 3 of 3",
		     range, twice);
	if (rung->votes_of > 0 && rung->votes_needed < 2 && !looks_at_several(gate))
		warn(warnings, pointer,
		     "one vote fires this rung: a single bad window of %s is often chance; "
		     "2 of 3 asks "
		     "for a second one",
		     range);
}

/* Rule E2: overlapping windows vote on the same errors again and again. */
static void warn_about_votes(const struct policy *p, const struct gate *gate,
                             struct warnings *warnings)
{
	const char *name = policy_gate_kpi(gate);
	const struct kpi *kpi = name ? policy_kpi(p, name, NULL) : NULL;
	int64_t range_ms = kpi ? range_of(kpi) : 0;
	char range[UNITS_TEXT_MAX], pointer[128];

	if (!kpi)
		return;
	for (size_t i = 0; i < gate->nrungs; i++)
		warn_about_rung(gate, i, range_ms, warnings);
	if (gate->vote_every_ms == 0 || gate->vote_every_ms >= range_ms)
		return;
	duration_format(range_ms, range);
	(void)snprintf(pointer, sizeof(pointer), "/gates/%s/vote_every", gate->name);
	warn(warnings, pointer,
	     "is shorter than the %s the expression looks back: votes lie %s apart all the same",
	     range, range);
}

static bool matches_label(const char *expr, const char *label)
{
	for (const char *at = strstr(expr, label); at; at = strstr(at + 1, label)) {
		const char *after = at + strlen(label);
		bool starts = at == expr || at[-1] == '{' || at[-1] == ',' || at[-1] == ' ';

		while (*after == ' ')
			after++;
		if (starts && (*after == '=' || *after == '!'))
			return true;
	}
	return false;
}

/* Rule R4: what watches the canary alone has no traffic after a rollback. */
static void warn_about_stabilise(const struct policy *p, struct warnings *warnings)
{
	for (size_t i = 0; i < p->rollback.nstabilise_gates; i++) {
		const struct gate *gate = policy_gate(p, p->rollback.stabilise_gates[i], NULL);
		const char *name = gate ? policy_gate_kpi(gate) : NULL;
		const struct kpi *kpi = name ? policy_kpi(p, name, NULL) : NULL;
		char pointer[64];

		if (!kpi || !kpi->expr ||
		    !(strstr(kpi->expr, "${version}") || strstr(kpi->expr, "canary") ||
		      matches_label(kpi->expr, "track") || matches_label(kpi->expr, "version")))
			continue;
		(void)snprintf(pointer, sizeof(pointer), "/rollback/stabilise/gates/%zu", i);
		warn(warnings, pointer,
		     "KPI %s seems to watch the new version alone: after a rollback it has "
		     "no traffic, "
		     "and the service never counts as stable",
		     kpi->name);
	}
}

static void warn_about_stage(const struct policy *p, size_t s, struct warnings *warnings)
{
	const struct policy_stage *stage = &p->stages[s];
	char pointer[64];

	if (stage->overdue_ms == 0 || stage->overdue_ms >= stage->bake_ms)
		return;
	(void)snprintf(pointer, sizeof(pointer), "/stages/%zu/overdue", s);
	warn(warnings, pointer, "is shorter than the bake: people are called every time");
}

/* A rate needs two samples in its range, or it gives nothing and nothing ever passes. */
static void warn_about_range(const struct policy *p, const struct kpi *kpi,
                             struct warnings *warnings)
{
	const struct policy_source *source =
	        kpi->source ? policy_source(p, kpi->source, NULL) : NULL;
	const struct promql_need *needs = NULL;
	struct promql_position at = {0};
	struct promql_expr *expr = promql_parse(str_of(kpi->expr), &at, &(struct err){0});
	size_t n = expr ? promql_needs(expr, &needs) : 0;
	char range[UNITS_TEXT_MAX], every[UNITS_TEXT_MAX], pointer[128];

	(void)snprintf(pointer, sizeof(pointer), "/kpis/%s/expr", kpi->name);
	for (size_t i = 0; source && i < n; i++) {
		if (needs[i].range_ms == 0 || needs[i].range_ms >= 2 * source->every_ms)
			continue;
		duration_format(needs[i].range_ms, range);
		duration_format(source->every_ms, every);
		warn(warnings, pointer,
		     "looks back %s, and source %s gives a sample every %s: two of them "
		     "seldom lie in it, so there is no value most of the time",
		     range, source->name, every);
		break;
	}
	promql_free(&expr);
}

/* Rule K2 looks for names; a selector without one finds nothing missing. */
static void warn_about_names(const struct kpi *kpi, struct warnings *warnings)
{
	const struct promql_need *needs = NULL;
	struct promql_position at = {0};
	struct promql_expr *expr = NULL;
	struct err err;
	size_t n = 0;
	char pointer[128];

	expr = promql_parse(str_of(kpi->expr), &at, &err);
	n = expr ? promql_needs(expr, &needs) : 0;
	(void)snprintf(pointer, sizeof(pointer), "/kpis/%s/expr", kpi->name);
	for (size_t i = 0; i < n; i++) {
		if (needs[i].name.n > 0)
			continue;
		warn(warnings, pointer,
		     "a selector names no metric, so its absence cannot be noticed");
		break;
	}
	promql_free(&expr);
}

void policy_warnings(const struct policy *p, struct problems *list)
{
	struct warnings own = {.list = list, .positions = p->positions};
	struct warnings *warnings = &own;

	for (size_t i = 0; i < p->nkpis; i++) {
		if (!p->kpis[i].expr)
			continue;
		warn_about_names(&p->kpis[i], warnings);
		warn_about_range(p, &p->kpis[i], warnings);
	}
	for (size_t i = 0; i < p->ngates; i++)
		warn_about_votes(p, &p->gates[i], warnings);
	for (size_t i = 0; i < p->nstages; i++)
		warn_about_stage(p, i, warnings);
	warn_about_stabilise(p, warnings);
}
