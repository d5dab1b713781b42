/* How a KPI is written down. */
#include "gate/kpi.h"

#include <stddef.h>

#include "base/field.h"
#include "base/macros.h"
#include "gate/gate.h"

/* clang-format off */
const char *const gate_result_names[GATE_RESULT_COUNT + 1] = {
	"error", "stale", "no_data", "insufficient", "breach", "warming", "pass", NULL
};
const char *const kpi_unit_names[KPI_UNIT_COUNT + 1] = {
	"events", "ratio", "seconds", "bytes", "number", NULL
};

static const struct field kpi_fields[] = {
	{ .key = "unit", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, .offset = offsetof(struct kpi, unit),
	  .names = kpi_unit_names,
	  .doc = "What the number counts; the limits of gates on it are written in this unit." },
	{ .key = "expr", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct kpi, expr),
	  .min = 1, .max = PROMQL_MAX_TEXT,
	  .doc = "PromQL that gives one number; placeholders stand inside its strings." },
	{ .key = "source", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, source),
	  .min = 1, .max = 64,
	  .doc = "The source whose samples the expression reads; may be left out when only one fits." },
	{ .key = "may_be_absent", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct kpi, may_be_absent), .count_offset = offsetof(struct kpi, nmay_be_absent),
	  .max = 64,
	  .doc = "Metric names that may be missing from the source's page without making the value no_data." },
	{ .key = "doc", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, doc),
	  .max = 1000,
	  .doc = "A sentence for the people who read the KPI's value." },
};
const struct field_table kpi_table = {
	.noun = "kpi", .fields = kpi_fields, .n = ARRAY_LEN(kpi_fields), .size = sizeof(struct kpi)
};
/* clang-format on */
