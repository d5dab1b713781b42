/*
 * threshold - the gate kind that holds one KPI against limits.
 */
#ifndef GATE_THRESHOLD_H
#define GATE_THRESHOLD_H

struct gate_kind;

struct threshold_spec {
	char *threshold; /* KPI name */
};

extern const struct gate_kind gate_threshold;

#endif
