/*
 * counterfactual - what would have to be so for a gate in breach to pass.
 */
#include "gate/sentence.h"

#include <math.h>

#include "gate/evidence.h"
#include "gate/gate.h"

/* The strictest limit on one side, among the rungs; NaN without. */
static double strictest(const struct gate *gate, enum rung_compare compare, double baseline)
{
	double limit = (double)NAN;

	for (size_t i = 0; i < gate->nrungs; i++) {
		const struct gate_rung rung = gate_rung_at(&gate->rungs[i], baseline);

		if (rung.compare == compare &&
		    (isnan(limit) ||
		     (compare == RUNG_ABOVE ? rung.limit < limit : rung.limit > limit)))
			limit = rung.limit;
	}
	return limit;
}

bool gate_would_pass(const struct gate *gate, const struct gate_outcome *o, char *out, size_t size)
{
	double most = strictest(gate, RUNG_ABOVE, o->measure.baseline);
	double least = strictest(gate, RUNG_BELOW, o->measure.baseline);
	char limit[64];

	out[0] = '\0';
	if (o->result != GATE_BREACH)
		return false;
	if (gate->kind == &gate_evidence_kind) {
		sentence_set(out, size, "it would pass with a newer result that passed");
		return true;
	}
	if (isfinite(most) && !(o->measure.value <= most)) {
		kpi_format(most, o->measure.unit, limit, sizeof(limit));
		sentence_set(out, size, "it would pass at %s%s or less", limit, o->measure.per);
	} else if (isfinite(least)) {
		kpi_format(least, o->measure.unit, limit, sizeof(limit));
		sentence_set(out, size, "it would pass at %s%s or more", limit, o->measure.per);
	}
	return out[0] != '\0';
}
