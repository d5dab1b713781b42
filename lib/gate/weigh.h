/*
 * weigh - one KPI as a measure: its value, the events behind it, and whether both may be trusted.
 * Shared by the kinds that watch a KPI.
 *
 * Pure.
 */
#ifndef GATE_WEIGH_H
#define GATE_WEIGH_H

struct gate;
struct gate_evidence;
struct gate_measure;

/* The gate's KPI with its min_events and quorum, in *m: result, value, unit, events, range,
 * coverage, words. */
void weigh_kpi(const struct gate *gate, const struct gate_evidence *evidence,
               struct gate_measure *m);

/* A gate with a rung that cannot be reached never passes (rule K9); what its other rungs see counts
 * all the same, and missing evidence keeps its own reason. */
void weigh_blindness(const struct gate *gate, const struct gate_evidence *evidence,
                     struct gate_measure *m);

#endif
