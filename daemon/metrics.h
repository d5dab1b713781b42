/*
 * metrics - headgate's own numbers, one table, printed in the Prometheus text format at /metrics.
 *
 * Counters and gauges are doubles in one array, indexed by enum; a few carry one label with names
 * from a fixed list, so cardinality is bounded by construction. The table is the documentation.
 */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include "base/buf.h"

/* clang-format off */
#define METRICS_LIST(X) \
	X(LOOP_TURNS,            "headgate_loop_turns_total",             COUNTER, "Turns of the event loop.") \
	X(LOOP_LONGEST_TURN,     "headgate_loop_longest_turn_seconds",    GAUGE,   "Longest turn of the event loop since start.") \
	X(LOOP_LONGEST_RECENT,   "headgate_loop_longest_recent_turn_seconds", GAUGE, "Longest turn of the event loop in the last minute.") \
	X(SCRAPES,               "headgate_scrapes_total",                COUNTER, "Scrapes that ended.") \
	X(SCRAPE_FAILURES,       "headgate_scrape_failures_total",        COUNTER, "Scrapes that failed and were thrown away whole.") \
	X(PAGES_MALFORMED,      "headgate_scrape_pages_refused_total{reason=\"malformed\"}", COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_CUT,            "headgate_scrape_pages_refused_total{reason=\"cut\"}",       COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_MAX_BYTES,      "headgate_scrape_pages_refused_total{reason=\"bytes\"}",     COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_MAX_SAMPLES,    "headgate_scrape_pages_refused_total{reason=\"samples\"}",   COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_MAX_LABELS,     "headgate_scrape_pages_refused_total{reason=\"labels\"}",    COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_MAX_NAME,       "headgate_scrape_pages_refused_total{reason=\"name\"}",      COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_MAX_VALUE,      "headgate_scrape_pages_refused_total{reason=\"value\"}",     COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_MAX_LINE,       "headgate_scrape_pages_refused_total{reason=\"line\"}",      COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_MAX_FAMILIES,   "headgate_scrape_pages_refused_total{reason=\"families\"}",  COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_REFUSED,        "headgate_scrape_pages_refused_total{reason=\"series\"}",    COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(PAGES_NO_MEMORY,      "headgate_scrape_pages_refused_total{reason=\"memory\"}",    COUNTER, "Metrics pages that could not be read, by what was wrong with them.") \
	X(SCRAPE_SAMPLES,        "headgate_scraped_samples_total",        COUNTER, "Samples on pages that were kept.") \
	X(SCRAPE_BYTES,          "headgate_scraped_bytes_total",          COUNTER, "Bytes of metrics pages read.") \
	X(SCRAPE_TARGETS,        "headgate_scrape_targets",               GAUGE,   "Targets being scraped.") \
	X(SCRAPE_TARGETS_UP,     "headgate_scrape_targets_up",            GAUGE,   "Targets whose newest scrape was good.") \
	X(PROBES,                "headgate_probes_total",                 COUNTER, "Health probes that ended.") \
	X(PROBE_FAILURES,        "headgate_probe_failures_total",         COUNTER, "Health probes that failed.") \
	X(EVALUATIONS,           "headgate_evaluations_total",            COUNTER, "Evaluations of all gates of a release.") \
	X(EVALUATION_SECONDS,    "headgate_evaluation_seconds_total",     COUNTER, "Time spent evaluating.") \
	X(EVALUATIONS_LATE,      "headgate_evaluations_late_total",       COUNTER, "Evaluations that began more than one interval late.") \
	X(RELEASES_ACTIVE,       "headgate_releases_active",              GAUGE,   "Releases that are running, paused, rolling back, stabilising or failed.") \
	X(RELEASES_TRACKED,      "headgate_releases_tracked",             GAUGE,   "Releases held in memory.") \
	X(TRANSITIONS,           "headgate_transitions_total",            COUNTER, "State changes committed by this instance.") \
	X(TRANSITION_BATCHES,    "headgate_transition_batches_total",     COUNTER, "Statements that carried transitions.") \
	X(TRANSITION_CONFLICTS,  "headgate_transition_conflicts_total",   COUNTER, "Decisions that found the row changed, the lease lost or a freeze.") \
	X(TRANSITIONS_UNKNOWN,   "headgate_transitions_unknown_total",    COUNTER, "Commits whose outcome had to be looked up.") \
	X(REFUSALS,              "headgate_refusals_total",               COUNTER, "Verbs that were refused.") \
	X(CHECKPOINTS,           "headgate_checkpoints_total",            COUNTER, "Checkpoints written.") \
	X(STORE_UP,              "headgate_store_up",                     GAUGE,   "1 while the database answers.") \
	X(STORE_RECONNECTS,      "headgate_store_reconnects_total",       COUNTER, "Connections to the database that were made anew.") \
	X(STORE_QUEUE,           "headgate_store_queue",                  GAUGE,   "Statements waiting for an answer.") \
	X(LEASE_HELD,            "headgate_lease_held",                   GAUGE,   "1 while this instance may advance releases.") \
	X(LEASE_EPOCH,           "headgate_lease_epoch",                  GAUGE,   "Epoch of the lease as last seen.") \
	X(OUTBOX_PENDING,        "headgate_outbox_pending",               GAUGE,   "Messages not yet acknowledged, as last counted.") \
	X(OUTBOX_OLDEST,         "headgate_outbox_oldest_seconds",        GAUGE,   "Age of the oldest message not yet acknowledged.") \
	X(DELIVERIES,            "headgate_deliveries_total",             COUNTER, "Messages acknowledged by their receiver.") \
	X(DELIVERY_FAILURES,     "headgate_delivery_failures_total",      COUNTER, "Attempts that were not acknowledged.") \
	X(NOTIFICATIONS,         "headgate_notifications_total",          COUNTER, "Notifications committed for delivery.") \
	X(NOTIFICATIONS_THROTTLED, "headgate_notifications_throttled_total", COUNTER, "Notifications kept back as dead letters: their sink was sent too many.") \
	X(CALLS_UNHEARD,         "headgate_calls_unheard_total",          COUNTER, "Calls for people that no route led to anybody: a person must look.") \
	X(ROLLBACKS_UNCONFIRMED, "headgate_rollbacks_unconfirmed",        GAUGE,   "Rollbacks without acknowledgement for 60 s: a person must act.") \
	X(HTTP_REQUESTS,         "headgate_http_requests_total",          COUNTER, "Requests answered.") \
	X(HTTP_CLIENT_ERRORS,    "headgate_http_client_errors_total",     COUNTER, "Requests answered 4xx.") \
	X(HTTP_SERVER_ERRORS,    "headgate_http_server_errors_total",     COUNTER, "Requests answered 5xx.") \
	X(HTTP_CONNECTIONS,      "headgate_http_connections",             GAUGE,   "Open connections to the API.") \
	X(HTTP_REJECTED,         "headgate_http_rejected_total",          COUNTER, "Requests refused by the header policy before any route.") \
	X(AUTH_FAILURES,         "headgate_auth_failures_total",          COUNTER, "Requests with a missing, unknown or expired token.") \
	X(LOG_ERRORS,            "headgate_log_errors_total",             COUNTER, "Lines logged at level error.") \
	X(START_TIME,            "process_start_time_seconds",            GAUGE,   "Start of the process since the epoch.") \
	X(RESIDENT_MEMORY,       "process_resident_memory_bytes",         GAUGE,   "Resident memory.") \
	X(OPEN_FDS,              "process_open_fds",                      GAUGE,   "Open file descriptors.") \
	X(CPU_SECONDS,           "process_cpu_seconds_total",             COUNTER, "CPU time, user and system.")
/* clang-format on */

enum metric {
#define X(id, name, type, doc) METRIC_##id,
	METRICS_LIST(X)
#undef X
	        METRIC_COUNT
};

struct metrics {
	double values[METRIC_COUNT];
};

static inline void metric_add(struct metrics *m, enum metric which, double n)
{
	m->values[which] += n;
}
static inline void metric_set(struct metrics *m, enum metric which, double value)
{
	m->values[which] = value;
}
/* Reads /proc/self for the process_* rows, then prints all. headgate_build_info{version="..."} 1
 * first. */
void metrics_print(struct metrics *m, struct buf *out);

#endif
