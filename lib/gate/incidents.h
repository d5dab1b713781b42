/*
 * incidents - the gate kind that counts what was reported about a service (rule A5): too many of them
 * within a time, or none for long enough.
 *
 * Pure. Whoever asks the table of incidents hands in its rows; what was not asked, or too long ago,
 * never reads as "none".
 */
#ifndef GATE_INCIDENTS_H
#define GATE_INCIDENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

struct gate_kind;
struct gate;

enum incident_severity {
	INCIDENT_P0 = 0,
	INCIDENT_P1,
	INCIDENT_P2,
	INCIDENT_P3,
	INCIDENT_SEVERITY_COUNT
};
extern const char *const incident_severity_names[INCIDENT_SEVERITY_COUNT + 1]; /* "P0" ... */

#define GATE_INCIDENTS_MAX 256 /* rows that are looked at, the most severe first */

/* One row: numbers rise in the order in which they are seen. */
struct gate_incident {
	int64_t id;
	enum incident_severity severity;
	char *key; /* rows of one key are one incident that got worse; NULL: one of its own */
	struct wall at;
};

/* What was reported about a service and environment, as last asked. */
struct gate_incidents {
	bool known;         /* it was answered at least once */
	struct wall asked;  /* what was there at that instant */
	int64_t reach_ms;   /* how far back from there */
	bool is_cut;        /* there were more than fit */
	struct gate_incident *list; /* in any order; owned by whoever fills it */
	size_t n;
	char why[160]; /* when not known */
};
void gate_incidents_clear(struct gate_incidents *incidents);

/* What a gate remembers of the time without an incident. */
struct gate_quiet {
	int64_t quiet_ms;  /* observed so far */
	struct wall seen;  /* newest look; 0: none yet */
	int64_t newest;    /* number of the newest row of that time */
	struct wall exposed; /* since when the release is exposed at all; 0: it is not */
};

struct incidents_spec {
	unsigned severities; /* bit 1 << enum incident_severity */
	int64_t over_ms;     /* counted over this time; 0: none_for */
	int64_t none_for_ms;
};

extern const struct gate_kind gate_incidents_kind;

/* How far back the rows must reach for this gate; 0 for gates of other kinds. */
int64_t gate_incidents_reach_ms(const struct gate *gate);

#endif
