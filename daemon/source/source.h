/*
 * source - what headgate looks at: scrape targets, servers that evaluate queries, JSON documents,
 * health probes and Alertmanagers, each asked once per instance at the shortest interval any release wants (rule K6), spread over the interval.
 *
 * A release subscribes with its bound policy and reads the view; it never waits for anything here.
 * A page is kept whole or not at all. Missing answers are missing evidence, said in words.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "gate/gate.h"
#include "gate/kpi_remote.h"
#include "policy/policy.h"

struct app;
struct release;
struct sources;
struct subscription;

struct sources *sources_new(struct app *app, struct err *err);
void sources_free(struct sources **s); /* cancels what is under way */

/* Starts watching everything the policy names; targets already watched for others are shared and
 * keep their samples. The policy must outlive the subscription. NULL with ERR_LIMIT beyond
 * limits.targets. */
struct subscription *sources_subscribe(struct sources *s, const struct policy *bound,
                                       struct err *err);
/* Of which release it is, for what is asked about it: `release` is where its newest snapshot stands
 * as long as the subscription lives. */
void subscription_set_release(struct subscription *s, const struct release *const *release);
void subscription_free(struct subscription **s); /* targets nobody wants any more are dropped */

/* The view, by index of the policy's sources (scrape kinds; others have no targets), KPIs (those
 * that are worked out elsewhere) and gates. Borrowed until the next turn of the loop. */
const struct kpi_source *subscription_source(const struct subscription *s, size_t source);
const struct kpi_remote *subscription_remote(struct subscription *s, size_t kpi);
const struct gate_probe *subscription_probes(const struct subscription *s, size_t gate,
                                             size_t *out_n);
const struct gate_alerts *subscription_alerts(const struct subscription *s, size_t gate);
/* One source of the policy as a whole, scraped or an Alertmanager. */
struct source_state {
	const char *address; /* the policy's first */
	bool is_down;        /* the newest question to every address failed */
	bool was_down;       /* and so did the very first this process asked */
	struct wall failed_at, last_good; /* the newest failure and answer of any; 0: none seen */
	struct wall good_since;           /* of the run of answers that last_good ends */
};
/* False: nothing is watched for it. */
bool subscription_state(const struct subscription *s, size_t source, struct source_state *out);
/* Which source an alerts gate watches. */
const struct policy_source *alerts_source(const struct policy *p, const struct gate *gate);
/* What is being watched and how it fares, for the API: [{source, target, up, last_good, error,
 * ...}]. */
json_t *subscription_to_json(const struct subscription *s);

/* The same by source of the policy, with what its targets are and where they were found: [{source,
 * kind, every, quorum, incomplete, total, up, targets: [...], left_out, discovery: [...]}]. At most
 * SOURCE_TARGETS_SHOWN targets in all, those that fail first. */
#define SOURCE_TARGETS_SHOWN 1000
json_t *subscription_targets(const struct subscription *s);

/* The system was suspended or the clock stepped: samples are not to be trusted; all are dropped. */
void sources_forget(struct sources *s);

#endif
