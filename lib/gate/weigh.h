/*
 * weigh - one KPI as a measure: its value, the events behind it, and whether both may be trusted.
 * Shared by the kinds that watch a KPI.
 *
 * Pure.
 */
#ifndef GATE_WEIGH_H
#define GATE_WEIGH_H

#include <stdbool.h>
#include <stdint.h>

struct gate;
struct gate_evidence;
struct gate_measure;
struct measurements;

/* The gate's KPI with its min_events and quorum, in *m: result, value, unit, events, range,
 * coverage, words. */
void weigh_kpi(const struct gate *gate, const struct gate_evidence *evidence,
               struct gate_measure *m);

/* Puts value and events into words, behind `lead`: "mean of 5: 2.4 % of 412 requests". */
void weigh_say(const struct gate *gate, const char *lead, struct gate_measure *m);

/* How far measurements of the gate's KPI lie apart: one range at least, so that no two look at the
 * same events. */
int64_t weigh_spacing_ms(const struct gate *gate, const struct gate_measure *m,
                         const struct gate_evidence *evidence);
/* How far apart they may come: as that, or where they are pushed as seldom as the KPI allows. */
int64_t weigh_pace_ms(const struct gate *gate, const struct gate_evidence *evidence,
                      int64_t spacing_ms);
/* Whether what was just weighed may be kept as a measurement: it would be a pass where rule K4 is
 * concerned, nothing is being changed and the stage has settled. */
bool weigh_is_keepable(const struct gate_evidence *evidence, const struct gate_measure *m);

/* Keeps what was weighed as a measurement when it may be kept and one is due, neighbours merged
 * when there is no room. A report that was pushed is one measurement. */
void weigh_take(const struct gate_evidence *evidence, const struct gate_measure *m,
                int64_t spacing_ms, struct measurements *past);
/* The same to be asked only. */
bool weigh_is_due(const struct gate_evidence *evidence, const struct gate_measure *m,
                  int64_t spacing_ms, const struct measurements *past);

/* A gate with a rung that cannot be reached never passes (rule K9); what its other rungs see counts
 * all the same, and missing evidence keeps its own reason. */
void weigh_blindness(const struct gate *gate, const struct gate_evidence *evidence,
                     struct gate_measure *m);

#endif
