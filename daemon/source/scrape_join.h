/*
 * scrape_join - which targets a source has, and which of their samples are needed.
 */
#ifndef SOURCE_SCRAPE_JOIN_H
#define SOURCE_SCRAPE_JOIN_H

#include <stdbool.h>

#include "base/err.h"
#include "policy/policy.h"
#include "source/endpoint.h"

struct subscription;

/* What the init() of a scrape is told. */
struct scrape_detail {
	const struct policy_source *source;
	const struct endpoint *endpoint;
};

/* Joins all targets of all scrapes of a policy, and where more of them are found. */
bool scrape_subscribe(struct subscription *s, struct err *err);

#endif
