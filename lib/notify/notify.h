/*
 * notify - who is told what: milestones of a release, the names they are told under, the routes from
 * there to sinks, and the messages themselves.
 *
 * Pure. The shell hands in what release_step() decided and gets the messages to append to its
 * outcome, so that they are committed in the same statement. What a template lacks at run time reads
 * as empty text: a decision is never held up by what would be told about it.
 */
#ifndef NOTIFY_NOTIFY_H
#define NOTIFY_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/field.h"
#include "base/time.h"
#include "release/release.h"

#define NOTIFY_MAX_NAMES 16 /* of one milestone */
#define NOTIFY_MAX_ROUTES 256
#define NOTIFY_MAX_SINKS 64
#define NOTIFY_NAME_BYTES 128 /* of an event, filled; NUL included */

/* --- milestones --- */

enum milestone {
	MILESTONE_PLANNED = 0,
	MILESTONE_ANNOUNCED,
	MILESTONE_STARTED,
	MILESTONE_PRECHECKED,
	MILESTONE_WAVE,
	MILESTONE_PROGRESS,
	MILESTONE_ROLLED_OUT,
	MILESTONE_COMPLETED,
	MILESTONE_PAUSED,
	MILESTONE_RESUMED,
	MILESTONE_ROLLBACK_DECIDED,
	MILESTONE_ROLLBACK_OPTION,
	MILESTONE_ROLLED_BACK,
	MILESTONE_STABILISED,
	MILESTONE_FAILED,
	MILESTONE_RESOLVED,
	MILESTONE_CANCELLED,
	MILESTONE_HELD,
	MILESTONE_EVIDENCE_BACK,
	MILESTONE_CALLED,
	MILESTONE_CALLED_OFF,
	MILESTONE_COUNT
};
extern const char *const milestone_names[MILESTONE_COUNT + 1];

enum severity { SEVERITY_INFO = 0, SEVERITY_WARNING, SEVERITY_CRITICAL, SEVERITY_COUNT };
extern const char *const severity_names[SEVERITY_COUNT + 1];

/* What has happened, once for each of its names. */
struct notice {
	enum milestone milestone;
	int64_t wave;                  /* number among the rollout stages, from 1; 0: none */
	const struct call_news *call;  /* called, called_off; borrowed from the decision */
	const char *role;              /* whom it is addressed to; borrowed; NULL: nobody */
};

/* A decision and what it was taken on. All borrowed. */
struct notify_moment {
	const struct release *before; /* NULL: it was created */
	const struct release *next;
	const struct decision *decision;
	const struct policy *policy;          /* bound */
	const struct evaluation *evaluation;  /* newest; may be NULL */
	const struct actor *by;               /* may be NULL */
	const char *reason;                   /* may be NULL */
};

/* In the order in which they are told: that of enum milestone, then calls in the decision's. *out is
 * the caller's to free(). False without memory. */
bool notify_happened(const struct notify_moment *m, struct notice **out, size_t *out_n) MUST_CHECK;
enum severity milestone_severity(enum milestone milestone);
/* Escalation and rollback: never throttled. So is whatever is critical. */
bool milestone_is_urgent(enum milestone milestone);
/* The names without configuration; NULL at the end. */
const char *const *milestone_default_names(enum milestone milestone);
/* Markdown: the table of docs/notifications.md. */
void notify_print_milestones(struct buf *out);

/* --- configuration: notify: in headgate.yaml --- */

enum notify_kind { NOTIFY_WEBHOOK = 0, NOTIFY_MAIL, NOTIFY_ALERT, NOTIFY_KIND_COUNT };
extern const char *const notify_kind_names[NOTIFY_KIND_COUNT + 1];

struct notify_names { /* events: {wave: [NAME, ...]} */
	char *name;   /* of a milestone */
	char **names; /* templates */
	size_t nnames;
};
struct notify_route {
	char **events; /* patterns of names; empty: all */
	size_t nevents;
	char **services, **environments; /* patterns; empty: all */
	size_t nservices, nenvironments;
	int severity; /* enum severity: at least */
	char **roles;
	size_t nroles;
	char **sinks;
	size_t nsinks;
};
struct notify_sink {
	char *name;
	char *to; /* a destination */
	char *path, *method;
	json_t *headers, *body; /* webhook: templates */
	char **recipients;      /* mail */
	size_t nrecipients;
	char *subject, *text;          /* mail: templates */
	json_t *labels, *annotations;  /* alert: templates, objects of strings */
	enum notify_kind kind; /* its destination's; set by whoever knows that */
};
struct notify_throttle {
	int64_t messages, per_ms; /* of one sink */
};
struct notify_config {
	struct notify_names *events;
	size_t nevents;
	struct notify_route *routes;
	size_t nroutes;
	struct notify_sink *sinks;
	size_t nsinks;
	struct notify_throttle throttle;
};
extern const struct field_table notify_table;

/* The keys of a sink that fit its kind, and what they need: false with the key in *out_key and *err. */
bool notify_sink_check(const struct notify_sink *sink, const char **out_key,
                       struct err *err) MUST_CHECK;
/* Whether any route could lead to people when one is called: warned of at start if not. */
bool notify_hears_calls(const struct notify_config *config);

/* --- routing --- */

/* `*` stands for any characters, also none. */
bool notify_pattern_matches(const char *pattern, const char *text);
/* A route with roles takes what is addressed to one of them; one without takes what is addressed to
 * nobody, and of the rest only events it names in full, without `*`. */
bool notify_route_matches(const struct notify_route *route, const char *event,
                          enum severity severity, const char *role, const char *service,
                          const char *environment);

/* --- messages --- */

/* Why many releases have no evidence at once. */
struct notify_outage {
	const char *source, *address; /* NULL address: no such thing */
	struct wall since;            /* the same for all of them, also after a restart */
	size_t releases;              /* that hang on it, as far as is known */
};

struct notify_job {
	const struct notify_config *config;
	const struct notify_moment *moment;
	const char *public_url;              /* NULL: not known */
	const struct notify_outage *outage;  /* of held and evidence_back; NULL */
	/* Whether the sink may be sent one more. *out_held_back: how many it was not since the last
	 * one it was. NULL: always. Messages that are told once for many releases are not asked for. */
	bool (*admit)(void *ctx, size_t sink, bool is_urgent, int64_t *out_held_back);
	void *ctx;
};
struct notify_result {
	struct message *messages; /* own; of class notification */
	size_t n;
	size_t withheld;      /* of them */
	size_t unheard_calls; /* people were called, and no route led to anybody */
};
/* Everything there is to send about this moment. False without memory: then nothing is. */
bool notify_compose(const struct notify_job *job, struct notify_result *out,
                    struct err *err) MUST_CHECK;

/* --- throttle: one for each sink --- */

struct notify_bucket {
	int64_t left; /* in messages x per_ms */
	int64_t at_ms;
	int64_t held_back; /* since the last message that was let through */
	bool begun;
};
/* `now_ms` of a clock that does not go back. */
bool notify_bucket_take(struct notify_bucket *b, const struct notify_throttle *throttle,
                        int64_t now_ms, bool is_urgent, int64_t *out_held_back);
/* As if it had not been asked: what it answered then. */
void notify_bucket_put_back(struct notify_bucket *b, const struct notify_throttle *throttle,
                            bool was_ok, int64_t held_back);

#endif
