/*
 * alertmanager - how a selector becomes a question to an Alertmanager, and its answer a count.
 *
 * Pure. An answer that is not understood whole counts nothing: it is no evidence.
 */
#ifndef SOURCE_ALERTMANAGER_H
#define SOURCE_ALERTMANAGER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "gate/gate.h"

/* The URL that asks `base` for active alerts, neither silenced nor inhibited, that fit `selector`,
 * which is PromQL's: {severity="critical", team=~"a|b"}. */
bool alertmanager_url(const char *base, const char *selector, struct buf *out,
                      struct err *err) MUST_CHECK;
/* Fills firing and list, a new reference. `out` is untouched on failure. */
bool alertmanager_count(struct str body, struct gate_alerts *out, struct err *err) MUST_CHECK;

#endif
