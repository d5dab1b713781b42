/*
 * baseline - the gate kind that holds one KPI against what it is without the release: what it was
 * before the exposure, or what another KPI says now.
 */
#ifndef GATE_BASELINE_H
#define GATE_BASELINE_H

#include <stdint.h>

#define BASELINE_MEASUREMENTS 3 /* of a captured one at least, where nothing is written */

struct gate_kind;

/* One of capture_ms and against. */
struct baseline_spec {
	char *baseline;           /* KPI name */
	int64_t capture_ms;       /* so much time before the exposure */
	int64_t min_measurements; /* in it */
	char *against;            /* KPI name */
	double against_min_events;
	char *against_events; /* KPI that counts them; NULL without */
	int64_t of;           /* measurements the present value is the mean of; 1: as it is */
};

extern const struct gate_kind gate_baseline_kind;

#endif
