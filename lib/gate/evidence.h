/*
 * evidence - the gate kind that waits for a result somebody reports: a scheduler, a CI job, a person.
 *
 * Results are kept with the release, the newest of each name. A failed one is a breach as long as it
 * is valid; a passed one is proof while it is valid and about the present exposure (rule K4), or
 * about the release as a whole where the policy says so.
 */
#ifndef GATE_EVIDENCE_H
#define GATE_EVIDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

struct gate_kind;

enum evidence_status { EVIDENCE_PASSED = 0, EVIDENCE_FAILED, EVIDENCE_STATUS_COUNT };
extern const char *const evidence_status_names[EVIDENCE_STATUS_COUNT + 1];

/* One result, as it was reported. Texts are owned by whoever holds the list. */
struct evidence_result {
	char *name;
	int status; /* enum evidence_status */
	char *link; /* NULL: none */
	char *note; /* likewise */
	char *subject;       /* who reported it */
	char *person;        /* the person that one acts for; often the same */
	struct wall at;      /* when it was reported */
	struct wall expires; /* from then on it says nothing; 0: never */
	int64_t told;        /* rises with every report to the release; at least 1 */
};

enum evidence_since { EVIDENCE_SINCE_EXPOSURE = 0, EVIDENCE_SINCE_RELEASE, EVIDENCE_SINCE_COUNT };

struct evidence_spec {
	char *evidence; /* name of the result */
	int64_t valid_for_ms; /* 0: as long as the result itself says */
	int since;            /* enum evidence_since */
};

extern const struct gate_kind gate_evidence_kind;

/* The result of that name; NULL without. Borrowed. */
const struct evidence_result *evidence_find(const struct evidence_result *results, size_t n,
                                            const char *name);

#endif
