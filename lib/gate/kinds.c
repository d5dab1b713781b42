/*
 * kinds - every gate kind there is. A new one: one file and one more name in each list.
 */
#include "gate/alerts.h"
#include "gate/gate.h"
#include "gate/health.h"
#include "gate/integrity.h"
#include "gate/threshold.h"

const struct gate_kind *const gate_kinds[] = {&gate_threshold, &gate_health, &gate_integrity,
                                              &gate_alerts, NULL};

const char *const gate_kind_names[] = {"threshold", "health", "integrity", "alerts", NULL};

_Static_assert(ARRAY_LEN(gate_kinds) == ARRAY_LEN(gate_kind_names), "one name per kind");
