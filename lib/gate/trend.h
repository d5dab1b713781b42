/*
 * trend - the gate kind that holds the slope of one KPI over time against limits.
 */
#ifndef GATE_TREND_H
#define GATE_TREND_H

#include <stdint.h>

struct gate_kind;

enum trend_statistic { TREND_THEIL_SEN = 0, TREND_LEAST_SQUARES, TREND_STATISTIC_COUNT };

struct trend_spec {
	char *trend;    /* KPI name */
	int64_t per_ms; /* what time a slope is given per */
	int statistic;  /* enum trend_statistic */
	int64_t min_measurements;
	int64_t over_ms; /* 0: the present stage */
};

extern const struct gate_kind gate_trend;

#endif
