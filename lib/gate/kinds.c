/*
 * kinds - every gate kind there is. A new one: one file and one more name in each list.
 */
#include "gate/alerts.h"
#include "gate/average.h"
#include "gate/baseline.h"
#include "gate/evidence.h"
#include "gate/gate.h"
#include "gate/health.h"
#include "gate/incidents.h"
#include "gate/integrity.h"
#include "gate/threshold.h"
#include "gate/trend.h"

/* One per line, so that two new ones do not meet. */
/* clang-format off */
const struct gate_kind *const gate_kinds[] = {
	&gate_threshold,
	&gate_average,
	&gate_baseline_kind,
	&gate_trend,
	&gate_health,
	&gate_integrity,
	&gate_alerts,
	&gate_evidence_kind,
	&gate_incidents_kind,
	NULL
};

const char *const gate_kind_names[] = {
	"threshold",
	"average",
	"baseline",
	"trend",
	"health",
	"integrity",
	"alerts",
	"evidence",
	"incidents",
	NULL
};
/* clang-format on */

_Static_assert(ARRAY_LEN(gate_kinds) == ARRAY_LEN(gate_kind_names), "one name per kind");
