/* comparison - means of disjoint measurements before the exposure and in the last stage. */
#include "release/comparison.h"

#include <math.h>
#include <stdlib.h>

#include "base/units.h"

#define BEFORE_MS (24 * 60 * 60 * 1000) /* what is older says little about before */

/* One for each KPI of the list. */
static bool obtain(struct checkpoint *c, size_t n)
{
	struct kpi_comparison *list;

	if (c->ncomparisons == n)
		return true;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return false;
	free(c->comparisons);
	c->comparisons = list;
	c->ncomparisons = n;
	return true;
}

static void take(const struct kpi_reading *r, const struct gate_evidence *evidence,
                 struct measurements *m)
{
	int64_t spacing_ms = r->range_ms > evidence->evaluate_every_ms
	                             ? r->range_ms
	                             : evidence->evaluate_every_ms;

	if (m->merged > 1)
		spacing_ms *= m->merged;
	if (r->result != GATE_PASS || !r->covered || !isfinite(r->value) ||
	    (r->told > 0 && m->n > 0 && r->told == m->told) ||
	    !measurements_is_due(m, spacing_ms, evidence->at))
		return;
	measurements_add_merging(m, &(struct measurement){.at = evidence->at,
	                                                  .value = r->value,
	                                                  .events = (double)NAN,
	                                                  .against = (double)NAN});
	m->told = r->told;
}

void comparison_take(const struct policy *bound, const struct gate_evidence *evidence, bool last,
                     struct checkpoint *c)
{
	if (bound->ncompare == 0 || !obtain(c, bound->ncompare) || evidence->entering ||
	    evidence->settling)
		return;
	for (size_t i = 0; i < bound->ncompare; i++) {
		struct kpi_comparison *k = &c->comparisons[i];
		size_t kpi;

		if (!policy_kpi(bound, bound->compare[i], &kpi) || kpi >= evidence->nkpis)
			continue;
		const struct kpi_reading *r = &evidence->kpis[kpi];

		if (evidence->era == ERA_BEFORE) {
			measurements_trim(&k->before, (struct wall){evidence->at.ms - BEFORE_MS},
			                  evidence->at);
			take(r, evidence, &k->before);
		} else if (evidence->era == ERA_EXPOSED && last) {
			measurements_trim(&k->after,
			                  (struct wall){evidence->exposed_since.ms + r->range_ms},
			                  evidence->at);
			take(r, evidence, &k->after);
		}
	}
}

static json_t *instant_or_null(struct wall at)
{
	char text[UNITS_TEXT_MAX];

	instant_format(at, text);
	return at.ms > 0 ? json_string(text) : json_null();
}

static json_t *number_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *side_to_json(const struct measurements *m)
{
	if (m->n == 0)
		return json_null();
	return json_pack("{s:o, s:I, s:o, s:o}", "value",
	                 number_or_null(measurements_mean(m->list, m->n, measurement_value)),
	                 "measurements", (json_int_t)m->n, "first", instant_or_null(m->list[0].at),
	                 "last", instant_or_null(m->list[m->n - 1].at));
}

json_t *comparison_to_json(const struct checkpoint *c, const struct policy *bound)
{
	json_t *list = c && bound->ncompare > 0 && c->ncomparisons == bound->ncompare ? json_array()
	                                                                              : NULL;

	for (size_t i = 0; list && i < bound->ncompare; i++) {
		const struct kpi_comparison *k = &c->comparisons[i];
		const struct kpi *kpi = policy_kpi(bound, bound->compare[i], NULL);
		double change = measurements_mean(k->after.list, k->after.n, measurement_value) -
		                measurements_mean(k->before.list, k->before.n, measurement_value);
		json_t *one =
		        json_pack("{s:s, s:s, s:o, s:o, s:o, s:s}", "kpi", bound->compare[i],
		                  "unit", kpi ? kpi_unit_names[kpi->unit] : "number", "before",
		                  side_to_json(&k->before), "after", side_to_json(&k->after),
		                  "change", number_or_null(change), "label", "unpaired");

		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
