/* Gates on KPIs: what they watch and compare it with, what counts their events, and whether their
 * limits can be reached. */
#include "policy/crosscheck_gates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "gate/baseline.h"
#include "gate/blind.h"
#include "policy/limit.h"
#include "promql/promql.h"
#include "promql/sight.h"

const char *policy_gate_kpi(const struct gate *gate)
{
	return gate->kind && gate->kind->kpi ? gate->kind->kpi(gate->spec) : NULL;
}

static void kpi_names(const struct policy *p, struct names *out)
{
	for (size_t i = 0; i < p->nkpis; i++)
		names_add(out, p->kpis[i].name);
}

/* The KPI behind a name, when there is one and its unit could be read. */
static const struct kpi *find_kpi(struct crosscheck *c, struct place at, const char *name)
{
	const struct kpi *kpi = policy_kpi(c->policy, name, NULL);
	struct names names = {0};

	if (kpi) {
		bool known = crosscheck_is_written(c, "kpis", name, "unit") &&
		             crosscheck_is_sound(c, place_of("/kpis/%s/unit", name));

		return known ? kpi : NULL;
	}
	kpi_names(c->policy, &names);
	if (crosscheck_is_listed(c, "kpis"))
		crosscheck_unknown(c, at, "KPI", name, names.list);
	return NULL;
}

void crosscheck_compare(struct crosscheck *c)
{
	for (size_t i = 0; i < c->policy->ncompare; i++) {
		if (c->policy->compare[i])
			(void)find_kpi(c, place_of("/compare/%zu", i), c->policy->compare[i]);
	}
}

/* Rule K2: a ratio of two requests, or a quantile of three, is a number too, and says nothing. */
static bool needs_min_events(const struct kpi *kpi)
{
	return kpi->unit == KPI_RATIO ||
	       (kpi->expr && strstr(kpi->expr, "histogram_quantile") != NULL);
}

static void check_min_events(struct crosscheck *c, const struct gate *gate,
                             const struct kpi *watched, const char *key, const char *counted_by)
{
	struct place at = crosscheck_gate_place(gate, key);
	const struct kpi *counter = NULL;

	if (watched && needs_min_events(watched) &&
	    !crosscheck_is_written(c, "gates", gate->name, key))
		crosscheck_problem(
		        c, at,
		        "is missing: KPI %s is %s, and says nothing without enough events; write "
		        "\"%s: 100 requests\", or 0",
		        watched->name, watched->unit == KPI_RATIO ? "a ratio" : "a quantile", key);
	if (!counted_by)
		return;
	counter = find_kpi(c, at, counted_by);
	if (counter && counter->unit != KPI_EVENTS)
		crosscheck_problem(c, at,
		                   "KPI %s is in %s: events are counted by a KPI of unit events",
		                   counter->name, kpi_unit_names[counter->unit]);
}

/* Rule K7. */
static void check_quorum(struct crosscheck *c, const struct gate *gate, const struct kpi *watched)
{
	const struct policy_source *source =
	        watched && watched->source ? policy_source(c->policy, watched->source, NULL) : NULL;
	char text[UNITS_TEXT_MAX];

	if (!(gate->quorum > 0) || !source || !(gate->quorum < source->quorum))
		return;
	ratio_format(source->quorum, text);
	crosscheck_problem(c, crosscheck_gate_place(gate, "quorum"),
	                   "is below the quorum of source %s, %s: a gate may only raise it",
	                   source->name, text);
}

/* What can be known without a page (rule K9). Placeholders stand in strings only. */
static void check_sight(struct crosscheck *c, const struct gate *gate, const struct kpi *kpi)
{
	struct place at = crosscheck_gate_place(gate, NULL);
	const struct promql_need *needs;
	struct promql_position position;
	struct promql_expr *expr = NULL;
	struct kpi_bound bound;
	struct err ignored;
	char why[240];

	if (kpi->expr)
		expr = promql_parse(str_of(kpi->expr), &position, &ignored);
	if (!expr)
		return;
	bound = blind_bound(expr, NULL, NULL);
	if (promql_flaw(expr))
		crosscheck_problem(c, at, "blind: KPI %s never has a value: %s", kpi->name,
		                   promql_flaw(expr));
	else if (!gate->kind->against && !gate->kind->limits_are_slopes &&
	         promql_needs(expr, &needs) > 0 && crosscheck_is_sound(c, at) &&
	         blind_rung(gate, kpi, expr, &bound, why, sizeof(why)))
		crosscheck_problem(c, at, "%s", why);
	promql_free(&expr);
}

/* --- baselines ----------------------------------------------------------------------------- */

static void check_against(struct crosscheck *c, const struct gate *gate, const struct kpi *kpi)
{
	const struct baseline_spec *spec = gate->spec;
	struct place at = crosscheck_gate_place(gate, "against");
	const struct kpi *other = find_kpi(c, at, spec->against);

	if (other && kpi && other == kpi)
		crosscheck_problem(c, at, "is the KPI itself: it never differs from its baseline");
	if (other && kpi && other->unit != kpi->unit)
		crosscheck_problem(c, at,
		                   "KPI %s is in %s and KPI %s in %s: they cannot be compared",
		                   other->name, kpi_unit_names[other->unit], kpi->name,
		                   kpi_unit_names[kpi->unit]);
	check_min_events(c, gate, other, "against_min_events", spec->against_events);
	check_quorum(c, gate, other);
	if (other)
		check_sight(c, gate, other);
	if (spec->min_measurements > 0)
		crosscheck_problem(c, crosscheck_gate_place(gate, "min_measurements"),
		                   "belongs to captured baselines");
}

static int64_t range_of(const struct kpi *kpi)
{
	struct promql_position at = {0};
	struct err ignored;
	struct promql_expr *expr =
	        kpi->expr ? promql_parse(str_of(kpi->expr), &at, &ignored) : NULL;
	int64_t range_ms = expr ? promql_longest_range_ms(expr) : kpi->window_ms;

	promql_free(&expr);
	return range_ms;
}

/* Measurements share nothing, so only so many fit. */
static void check_capture_room(struct crosscheck *c, const struct gate *gate, const struct kpi *kpi)
{
	const struct baseline_spec *spec = gate->spec;
	int64_t n = spec->min_measurements > 0 ? spec->min_measurements : BASELINE_MEASUREMENTS;
	int64_t every_ms = range_of(kpi);
	char need[UNITS_TEXT_MAX], apart[UNITS_TEXT_MAX];

	if (every_ms < gate->vote_every_ms)
		every_ms = gate->vote_every_ms;
	if (every_ms < c->policy->evaluate_every_ms)
		every_ms = c->policy->evaluate_every_ms;
	if (spec->capture_ms >= n * every_ms)
		return;
	duration_format(n * every_ms, need);
	duration_format(every_ms, apart);
	crosscheck_problem(
	        c, crosscheck_gate_place(gate, "capture"),
	        "is too short: measurements of KPI %s lie %s apart, so %lld of them need "
	        "%s",
	        kpi->name, apart, (long long)n, need);
}

static void check_capture(struct crosscheck *c, const struct gate *gate, const struct kpi *kpi)
{
	const struct baseline_spec *spec = gate->spec;
	struct gate bright = *gate;

	if (kpi)
		check_capture_room(c, gate, kpi);
	if (spec->against_events)
		crosscheck_problem(c, crosscheck_gate_place(gate, "against_min_events"),
		                   "belongs to baselines that are another KPI (against)");
	bright.shadow = false;
	for (size_t i = 0; i < c->policy->nstages; i++) {
		const struct policy_stage *stage = &c->policy->stages[i];

		if (stage->kind == STAGE_PREFLIGHT && policy_gate_counts(&bright, stage))
			return;
	}
	if (crosscheck_is_listed(c, "stages"))
		crosscheck_problem(
		        c, crosscheck_gate_place(gate, "capture"),
		        "the gate counts in no preflight stage, so the release would not "
		        "wait for its baseline: begin with a stage of \"kind: preflight\" "
		        "and let \"in\" name it, or compare with another KPI (against)");
}

void crosscheck_kpi_gate(struct crosscheck *c, const struct gate *gate)
{
	const char *name = policy_gate_kpi(gate);
	const struct kpi *kpi =
	        name ? find_kpi(c, crosscheck_gate_place(gate, gate->kind->name), name) : NULL;
	char watched[80];

	if (kpi) {
		(void)snprintf(watched, sizeof(watched), "KPI %s", kpi->name);
		crosscheck_rungs(c, gate, kpi->unit, watched);
		check_sight(c, gate, kpi);
	}
	check_min_events(c, gate, kpi, "min_events", gate->min_events_kpi);
	check_quorum(c, gate, kpi);
	if (gate->kind != &gate_baseline_kind)
		return;
	if (gate->kind->against(gate->spec))
		check_against(c, gate, kpi);
	else if (((const struct baseline_spec *)gate->spec)->capture_ms > 0)
		check_capture(c, gate, kpi);
}
