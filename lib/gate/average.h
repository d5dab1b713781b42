/*
 * average - the gate kind that holds the mean of the last measurements of one KPI against limits.
 */
#ifndef GATE_AVERAGE_H
#define GATE_AVERAGE_H

#include <stdint.h>

struct gate_kind;

struct average_spec {
	char *average; /* KPI name */
	int64_t of;    /* how many measurements */
};

extern const struct gate_kind gate_average;

#endif
