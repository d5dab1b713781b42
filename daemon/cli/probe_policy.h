/*
 * probe_policy - what the KPIs and gates of a policy would see on the pages of one target.
 */
#ifndef CLI_PROBE_POLICY_H
#define CLI_PROBE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"
#include "series/series.h"

/* What was sampled, and when. */
struct probed {
	const struct series_set *set;
	int64_t first_ms, at_ms;            /* of the oldest and the newest sample, or page */
	const struct policy_source *source; /* whose page it is; NULL: of any that is scraped */
	size_t npages;
	int64_t every_ms;
};

/* Prints a line per KPI and per gate with something to say, or an object each. False when a KPI
 * cannot be fed or a gate is blind. `p` is bound. */
bool probe_policy(const struct policy *p, const struct probed *seen, bool json);

#endif
