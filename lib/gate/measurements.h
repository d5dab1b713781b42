/*
 * measurements - what one KPI was at instants whose windows do not overlap, and statistics of them.
 *
 * Pure. Only good measurements are kept: their values are finite, and the windows behind them lie
 * in what they are about. Times rise strictly.
 * Limits: MEASUREMENTS_MAX; who needs a longer past has neighbours merged.
 */
#ifndef GATE_MEASUREMENTS_H
#define GATE_MEASUREMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/time.h"

#define MEASUREMENTS_MAX 64

struct measurement {
	struct wall at;
	double value;
	double events;  /* behind it; NaN when not counted */
	double against; /* what it is compared with at that instant; NaN without */
};
struct measurements {
	struct measurement list[MEASUREMENTS_MAX]; /* oldest first */
	size_t n;
	int64_t merged; /* every one stands for this many intervals; 0 like 1 */
	int era;        /* enum gate_era they belong to */
	int64_t told;   /* of pushed KPIs, the report that the newest one is; else 0 */
};

/* What a gate's value was made of, for people who want to check it. */
struct gate_account {
	struct measurement list[MEASUREMENTS_MAX];
	size_t n;
	/* of the baseline */
	struct wall from, to;
	double baseline_events;
	int64_t baseline_n;
	bool unpaired; /* not of the same time, so that more than the version may differ */
};

/* Drops what is older than `oldest`, and what a clock that was set back left in the future. */
void measurements_trim(struct measurements *m, struct wall oldest, struct wall now);
/* Whether the newest one is at least spacing_ms old, or there is none. */
bool measurements_is_due(const struct measurements *m, int64_t spacing_ms, struct wall now);
/* Adds the newest; only the last `keep` (at most MEASUREMENTS_MAX) stay. */
void measurements_add(struct measurements *m, const struct measurement *one, size_t keep);
/* Adds the newest; when there is no room, neighbours become one first and `merged` doubles. */
void measurements_add_merging(struct measurements *m, const struct measurement *one);

double measurement_value(const struct measurement *m);
double measurement_events(const struct measurement *m);
double measurement_against(const struct measurement *m);
/* NaN of none. */
double measurements_mean(const struct measurement *list, size_t n,
                         double (*of)(const struct measurement *));
double measurements_sum(const struct measurement *list, size_t n,
                        double (*of)(const struct measurement *));
/* Per per_ms; NaN with fewer than two. Theil-Sen is the median of the slopes between any two. */
double measurements_theil_sen(const struct measurement *list, size_t n, int64_t per_ms);
double measurements_least_squares(const struct measurement *list, size_t n, int64_t per_ms);

/* [{at, value, events, against}, ...], without what is NaN. New reference; NULL without memory. */
json_t *measurements_to_json(const struct measurement *list, size_t n);

#endif
