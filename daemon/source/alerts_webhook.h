/*
 * alerts_webhook - what Alertmanagers told by webhook, for gates of kind alerts. Internal to
 * daemon/source.
 *
 * The table is read every few seconds, once for all releases. That nothing fires there proves nothing
 * by itself: the source names an alert that always fires, and as long ago as that one was told, so
 * old is what is known.
 */
#ifndef SOURCE_ALERTS_WEBHOOK_H
#define SOURCE_ALERTS_WEBHOOK_H

#include "source/watch.h"

/* What fires of the gate's selector, which is out->list, a new reference, and known since when. */
void alerts_webhook_look(const struct gate_view *view, const struct policy_source *source,
                         struct gate_alerts *out);

/* Of rows as the store has them: `selector` and `watchdog` are label matchers; what was refused before
 * `refused_since_ms` is over. Pure. */
void alerts_webhook_pick(const json_t *rows, const struct promql_expr *selector,
                         const struct promql_expr *watchdog, int64_t refused_since_ms,
                         struct gate_alerts *out);

#endif
