/*
 * threshold - the value of one KPI as it is.
 */
#include "gate/threshold.h"

#include "base/macros.h"
#include "gate/gate.h"
#include "gate/weigh.h"

/* clang-format off */
static const struct field fields[] = {
	{ .key = "threshold", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct threshold_spec, threshold), .min = 1, .max = 100,
	  .doc = "The KPI whose value is held against the rungs." },
};
static const struct field_table table = {
	.noun = "threshold gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct threshold_spec),
};
/* clang-format on */

static const char *kpi(const void *spec)
{
	return ((const struct threshold_spec *)spec)->threshold;
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	(void)index;
	(void)state;
	weigh_kpi(gate, evidence, m);
	weigh_blindness(gate, evidence, m);
}

const struct gate_kind gate_threshold = {
        .name = "threshold",
        .doc = "holds the value of one KPI against limits",
        .fields = &table,
        .kpi = kpi,
        .measure = measure,
};
