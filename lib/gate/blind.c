/*
 * blind - whether a gate could see what it was made to see.
 */
#include "gate/blind.h"

#include "base/units.h"
#include "gate/sentence.h"

bool blind_rungs(const struct gate *gate, enum kpi_unit unit, const struct promql_look *look,
                 char *out, size_t size)
{
	char limit[64], ceiling[64];

	for (size_t i = 0; look->is_bounded && i < gate->nrungs; i++) {
		const struct gate_rung *rung = &gate->rungs[i];

		/* A value that close to the limit equals it (rule K3), and does not fire. */
		if (rung->compare != RUNG_ABOVE ||
		    (rung->limit < look->ceiling && !number_is_close(rung->limit, look->ceiling)))
			continue;
		kpi_format(rung->limit, unit, limit, sizeof(limit));
		kpi_format(look->ceiling, unit, ceiling, sizeof(ceiling));
		sentence_set(out, size,
		             "above %s can never fire: the highest finite bucket is %s, and a "
		             "quantile is never more",
		             limit, ceiling);
		return true;
	}
	return false;
}

bool blind_still(const struct promql_look *look, char *out, size_t size)
{
	if (look->series == 0 || look->moving > 0 || look->still_samples < BLIND_STILL_SAMPLES)
		return false;
	sentence_set(out, size, "nothing it reads moves: %zu series, the same value %zu times",
	             look->series, look->still_samples);
	return true;
}
