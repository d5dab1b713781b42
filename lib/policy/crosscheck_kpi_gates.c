/* Gates on KPIs: what they watch and compare it with, what counts their events, and whether their
 * limits can be reached. */
#include "policy/crosscheck_gates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
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

/* Rule K2: a ratio of two requests, or a quantile of three, is a number too, and says nothing. */
static bool needs_min_events(const struct kpi *kpi)
{
	return kpi->unit == KPI_RATIO ||
	       (kpi->expr && strstr(kpi->expr, "histogram_quantile") != NULL);
}

static void check_min_events(struct crosscheck *c, const struct gate *gate,
                             const struct kpi *watched)
{
	struct place at = crosscheck_gate_place(gate, "min_events");
	const struct kpi *counter = NULL;

	if (watched && needs_min_events(watched) &&
	    !crosscheck_is_written(c, "gates", gate->name, "min_events"))
		crosscheck_problem(
		        c, at,
		        "is missing: KPI %s is %s, and says nothing without enough events; write "
		        "\"min_events: 100 requests\", or 0",
		        watched->name, watched->unit == KPI_RATIO ? "a ratio" : "a quantile");
	if (!gate->min_events_kpi)
		return;
	counter = find_kpi(c, at, gate->min_events_kpi);
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
	else if (promql_needs(expr, &needs) > 0 && crosscheck_is_sound(c, at) &&
	         blind_rung(gate, kpi, expr, &bound, why, sizeof(why)))
		crosscheck_problem(c, at, "%s", why);
	promql_free(&expr);
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
	check_min_events(c, gate, kpi);
	check_quorum(c, gate, kpi);
}
