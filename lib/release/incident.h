/*
 * incident - how severe one that was reported is (rule A5), and what is recorded of one afterwards
 * (rule A6). Values only; texts are owned.
 */
#ifndef RELEASE_INCIDENT_H
#define RELEASE_INCIDENT_H

#include "base/time.h"
#include "gate/incidents.h"

/* What a rollback leaves to write down (rule A6). Texts are NULL until it was recorded. */
struct incident_record {
	char *root_cause; /* or what it is thought to be */
	char *impact;
	char *restore_point; /* what was gone back to */
	char *subject;       /* who recorded it last */
	struct wall at;
};

#endif
