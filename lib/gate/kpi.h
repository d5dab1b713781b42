/*
 * kpi - one named number of a service, and what can be said about it at one instant: a value that
 * may be used, or why there is none (rules K1, K2, K4, K5 and the result table).
 *
 * Pure: works on what the shell has sampled. Never turns missing, stale or broken evidence into a
 * value.
 */
#ifndef GATE_KPI_H
#define GATE_KPI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/time.h"
#include "promql/promql.h"
#include "series/target.h"

/* What one gate says. Only GATE_PASS is proof; the order is the order in which reasons apply. */
enum gate_result {
	GATE_ERROR = 0,
	GATE_STALE,
	GATE_NO_DATA,
	GATE_INSUFFICIENT,
	GATE_BREACH,
	GATE_WARMING,
	GATE_PASS,
	GATE_RESULT_COUNT
};
extern const char
        *const gate_result_names[GATE_RESULT_COUNT + 1]; /* "error", ..., NULL at the end */

enum kpi_unit { KPI_EVENTS = 0, KPI_RATIO, KPI_SECONDS, KPI_BYTES, KPI_NUMBER, KPI_UNIT_COUNT };
extern const char *const kpi_unit_names[KPI_UNIT_COUNT + 1];

/* In what a document gives the number, when not in the KPI's own unit. */
enum kpi_given {
	KPI_GIVEN_AS_UNIT = 0,
	KPI_GIVEN_PERCENT,
	KPI_GIVEN_MS,
	KPI_GIVEN_US,
	KPI_GIVEN_NS,
	KPI_GIVEN_MINUTES,
	KPI_GIVEN_KIB,
	KPI_GIVEN_MIB,
	KPI_GIVEN_GIB,
	KPI_GIVEN_COUNT
};
extern const char *const kpi_given_names[KPI_GIVEN_COUNT + 1];
/* What a number so given is multiplied with to be in the unit; 0: the two do not go together. */
double kpi_given_factor(enum kpi_given given, enum kpi_unit unit);

/* One of expr, pointer and pushed_ms. */
struct kpi {
	char *name;
	enum kpi_unit unit;
	char *expr;        /* PromQL, placeholders filled once the policy is bound */
	char *pointer;     /* JSON Pointer to the number in a document of a source of kind json */
	char *at;          /* JSON Pointer to the instant the number was true; NULL: when asked */
	int given_in;      /* enum kpi_given */
	int64_t window_ms; /* stretch of past behind the number at `pointer`, or one that is
	                      pushed; 0: a momentary one */
	int64_t pushed_ms; /* numbers are pushed to the release; how old the newest may be */
	char *source;      /* name; filled by policy decoding when left out and only one fits */
	char **may_be_absent; /* metric names rule K2 does not insist on */
	size_t nmay_be_absent;
	char *doc;
	size_t source_index;        /* set by policy_bind; SIZE_MAX for pushed ones */
	struct promql_expr *parsed; /* owned; set by policy_bind; NULL without expr */
};

/* What the shell holds for one source at one instant. Borrowed for the evaluation. */
struct kpi_source {
	int64_t every_ms;
	double quorum; /* share of targets that must be good, 0..1 (rule K7) */
	const struct target *const *targets;
	size_t ntargets;
	const char *unknown; /* why there may be more targets than these; NULL: there are none */
};

/* Values that the KPI is never above and never below, with the buckets there are. */
struct kpi_bound {
	bool known;       /* `most` is */
	bool known_below; /* `least` is */
	double most, least;
	size_t selector; /* index of the need whose highest finite bucket it is; SIZE_MAX: none */
};

struct kpi_reading {
	enum gate_result
	        result; /* GATE_PASS: `value` may be used; else ERROR, STALE or NO_DATA. A value of
	                   NaN is left to the gate, which knows whether there were events */
	double value;
	bool covered; /* rule K4: one full range lies inside exposure, sampling and target lives */
	struct wall covered_at; /* when it will be, as far as known now; 0 when unknown */
	struct wall newest;     /* newest sample behind the value */
	int64_t range_ms;       /* longest range of the expression */
	size_t targets_good, targets;
	size_t targets_covered; /* good ones whose own run of samples meets rule K4 */
	struct kpi_bound bound;
	int64_t told;    /* of a pushed one: which report it is; else 0 */
	char why[240];   /* a sentence when the result is not GATE_PASS or not covered */
	char stuck[160]; /* of a count of 0: which counter stands still while others move */
};

/* `quorum` raises the source's (0: as the source says). `exposed_since`: start of the present
 * exposure; 0 when nothing is exposed (preflight: only sampling counts). `source` NULL: not watched
 * yet, no data. */
void kpi_read(const struct kpi *kpi, const struct kpi_source *source, double quorum, struct wall at,
              struct wall exposed_since, struct arena *arena, struct kpi_reading *out);

/* Longest stretch of past behind one value. */
int64_t kpi_range_ms(const struct kpi *kpi);

/* How many of `targets` a quorum (0..1) asks for: rounded up, at least one. */
size_t kpi_quorum_needed(double quorum, size_t targets);

/* "2.4 %", "512 ms", "1,204 events": for sentences. */
void kpi_format(double value, enum kpi_unit unit, char *out, size_t size);
/* The same with every digit, for a value whose short form reads like the limit it crossed. */
void kpi_format_exact(double value, enum kpi_unit unit, char *out, size_t size);

#endif
