/*
 * average - the mean of the last N measurements, whose windows do not overlap.
 *
 * Each was good evidence of the present exposure when it was taken, and what the KPI says now has
 * to be good, too: old numbers do not stand in for missing ones.
 */
#include "gate/average.h"

#include <math.h>

#include "base/macros.h"
#include "gate/gate.h"
#include "gate/mean.h"
#include "gate/weigh.h"

/* clang-format off */
static const struct field fields[] = {
	{ .key = "average", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct average_spec, average), .min = 1, .max = 100,
	  .doc = "The KPI whose mean is held against the rungs." },
	{ .key = "of", .kind = FIELD_INT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct average_spec, of), .min = 2, .max = 32,
	  .doc = "Of how many measurements; they lie one range of the KPI or `vote_every` apart, and each "
	         "must have its `min_events`." },
};
static const struct field_table table = {
	.noun = "average gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct average_spec),
};
/* clang-format on */

static const char *kpi(const void *spec)
{
	return ((const struct average_spec *)spec)->average;
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct average_spec *spec = gate->spec;

	(void)index;
	weigh_kpi(gate, evidence, m);
	mean_take(gate, evidence, spec->of, (double)NAN, state, m);
	weigh_blindness(gate, evidence, m);
}

static json_t *details(const struct gate *gate, const struct gate_measure *m)
{
	const struct average_spec *spec = gate->spec;

	return json_pack("{s:I, s:o}", "of", (json_int_t)spec->of, "measurements",
	                 measurements_to_json(m->account.list, m->account.n));
}

const struct gate_kind gate_average = {
        .name = "average",
        .doc = "holds the mean of the last measurements of one KPI against limits",
        .fields = &table,
        .kpi = kpi,
        .looks_at_several = true,
        .details = details,
        .measure = measure,
};
