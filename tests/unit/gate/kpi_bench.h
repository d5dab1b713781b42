/*
 * kpi_bench - a gate on KPIs whose readings a test writes down, looked at minute by minute.
 *
 * KPI 0 is watched, KPI 1 counts its events, KPI 2 and 3 are what it may be compared with.
 */
#ifndef TESTS_KPI_BENCH_H
#define TESTS_KPI_BENCH_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "gate/gate.h"

#define T0 1700000000000
#define MINUTE_MS 60000
#define BENCH_KPIS 4

struct kpi_bench {
	struct kpi kpis[BENCH_KPIS];
	struct kpi_reading readings[BENCH_KPIS];
	struct gate_rung rungs[2];
	struct gate gate;
	struct gate_state state;
	struct gate_evidence evidence;
	struct gate_outcome outcome;
	char names[BENCH_KPIS][32];
};

/* One rung, above 1 %, 1 of 1, which pauses; ranges of five minutes, exposed for long. */
static inline void kpi_bench_init(struct kpi_bench *b, const struct gate_kind *kind, void *spec)
{
	static const char *const names[BENCH_KPIS] = {"errors", "requests", "stable_errors",
	                                              "stable_requests"};

	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < BENCH_KPIS; i++) {
		(void)snprintf(b->names[i], sizeof(b->names[i]), "%s", names[i]);
		b->kpis[i].name = b->names[i];
		b->kpis[i].unit = i % 2 ? KPI_EVENTS : KPI_RATIO;
		b->readings[i] = (struct kpi_reading){.result = GATE_PASS,
		                                      .value = i % 2 ? 500 : 0.002,
		                                      .covered = true,
		                                      .targets = 3,
		                                      .targets_good = 3,
		                                      .targets_covered = 3,
		                                      .range_ms = 5 * MINUTE_MS};
	}
	b->rungs[0] = (struct gate_rung){
	        .limit = 0.01, .votes_needed = 1, .votes_of = 1, .then = RUNG_PAUSE};
	b->gate = (struct gate){.kind = kind,
	                        .spec = spec,
	                        .rungs = b->rungs,
	                        .nrungs = 1,
	                        .min_events = 100,
	                        .min_events_kpi = b->names[1],
	                        .kpi_index = 0,
	                        .events_index = 1};
	b->evidence = (struct gate_evidence){.at = {T0},
	                                     .exposed_since = {T0 - 60 * MINUTE_MS},
	                                     .era = ERA_EXPOSED,
	                                     .stage_since = {T0 - 60 * MINUTE_MS},
	                                     .evaluate_every_ms = MINUTE_MS,
	                                     .kpis = b->readings,
	                                     .kpi_list = b->kpis,
	                                     .nkpis = BENCH_KPIS};
}

static inline const struct gate_outcome *kpi_bench_look(struct kpi_bench *b)
{
	gate_evaluate(&b->gate, 0, &b->evidence, true, &b->state, &b->outcome);
	return &b->outcome;
}

/* Looks every minute for so long, the value as it is; the last outcome. */
static inline const struct gate_outcome *kpi_bench_pass(struct kpi_bench *b, int minutes)
{
	for (int i = 0; i < minutes; i++) {
		b->evidence.at.ms += MINUTE_MS;
		kpi_bench_look(b);
	}
	return &b->outcome;
}

/* The state as a process that takes over reads it. False when it would differ. */
static inline bool kpi_bench_restart(struct kpi_bench *b)
{
	json_t *saved = field_encode(&gate_state_table, &b->state);
	struct problems problems;
	struct gate_state read;
	struct decode d;
	bool ok;

	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ok = saved && field_decode(&gate_state_table, saved, &read, &d);
	decode_fini(&d);
	problems_fini(&problems);
	if (ok) {
		json_t *again = field_encode(&gate_state_table, &read);

		ok = json_equal(saved, again);
		json_decref(again);
		b->state = read;
	}
	json_decref(saved);
	return ok;
}

#endif
