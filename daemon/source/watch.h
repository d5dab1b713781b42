/*
 * watch - one address that is asked again and again, on behalf of everybody who wants it (rule K6),
 * and what the kinds of sources have in common. Internal to daemon/source.
 *
 * A watch is shared by all interests with the same kind, URL and `share` text, asked at the
 * shortest interval any of them wants, never twice at a time, and freed with its last interest. An
 * interest belongs to one view of one subscription. A new kind is one file and one row in
 * watch_kinds[].
 */
#ifndef SOURCE_WATCH_H
#define SOURCE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "app.h"
#include "base/err.h"
#include "base/map.h"
#include "base/str.h"
#include "base/time.h"
#include "gate/gate.h"
#include "gate/kpi_remote.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "policy/policy.h"

struct config_credentials;
struct subscription;
struct watch;

/* Which samples the KPIs of one source need. */
struct source_needs {
	struct str *names; /* own array, texts borrowed from the policy */
	size_t nnames;
	bool everything; /* some selector has no name */
	int64_t retention_ms;
};

struct interest {
	struct watch *watch;
	struct interest *next;          /* in its view */
	struct interest *next_of_watch; /* everybody who wants the same */
	int64_t every_ms, timeout_ms;
	const struct source_needs *needs; /* of scrapes; borrowed from the subscription */
};

/* What a subscription wants of one address. */
struct ask {
	const char *url;
	const char *share;
	int64_t every_ms, timeout_ms;
	const struct source_needs *needs;
	const char *credentials; /* of headgate.yaml; NULL: none */
	const void *detail;      /* the kind's own, for init() */
	struct watch **out;      /* where to put the watch; may be NULL */
};

struct watch_kind {
	const char *name;
	size_t size; /* of its own struct, whose first member is the struct watch */
	/* Joins everything of this kind that the policy names. */
	bool (*subscribe)(struct subscription *s, struct err *err);
	bool (*init)(struct watch *w, const struct ask *ask, struct err *err);
	/* Asks once; nothing is under way. Only the start of it: the answer comes by itself. */
	void (*start)(struct watch *w);
	/* Gives up what is under way and frees the kind's own parts; also half-built ones. */
	void (*stop)(struct watch *w);
	/* Somebody came or went; may be NULL. */
	bool (*needs_changed)(struct watch *w, struct err *err);
	/* What was learnt so far is not to be trusted. */
	void (*forget)(struct watch *w);
	void (*describe)(const struct watch *w, json_t *into);
	/* What was learnt of a KPI of a source of this kind; NULL: its KPIs are read otherwise. */
	void (*remote)(const struct watch *w, const struct kpi *kpi, struct kpi_remote *out);
	/* What fires there; NULL: nobody is asked. Borrowed until the next turn of the loop. */
	const struct gate_alerts *(*alerts)(const struct watch *w);
};
extern const struct watch_kind source_scrape, source_health, source_integrity, source_alertmanager,
        source_prometheus_alerts, source_alerts_webhook,
        source_prometheus, source_json, source_file_sd, source_http_sd;
extern const struct watch_kind *const watch_kinds[]; /* NULL at the end */

struct watch {
	const struct watch_kind *kind;
	struct sources *sources;
	char *key, *url; /* own */
	bool has_credentials;
	const struct config_credentials *credentials; /* NULL with has_credentials: not known */
	struct interest *interests;
	int64_t every_ms;   /* the shortest anyone asks */
	int64_t timeout_ms; /* the longest anyone allows, at most every_ms */
	struct loop_timer timer;
	struct mono started; /* the newest question */
	struct fetch *fetch; /* under way, else NULL */
	bool is_first;       /* the timer stands for the very first question */
	bool is_failing;     /* the newest answer was none */
	bool first_failed;   /* and so was the very first */
	struct wall failed_at, last_good; /* the newest of each; 0: none yet */
	struct wall good_since;           /* of the present run of answers, or of the last one */
	uint64_t mark;                    /* which list that is made anew it was last found in */
};

struct sources {
	struct app *app;
	struct subscription *first;
	struct map *watches;
	struct label_pool *labels; /* of the series of all targets */
	struct exposition_shapes *shapes; /* of their pages; NULL: for want of memory */
	struct map_twins names;           /* on their pages, and wanted of them */
	size_t nwatches, nsubscriptions;
	size_t nfirst;      /* watches whose first question is still to come */
	uint64_t last_mark; /* see struct watch */
	struct watch *inbox; /* of alerts told by webhook; NULL: nobody wants them */
	bool inbox_loading;  /* its answer is to come */
};

/* Per source and per gate of the policy: who is watched for it. */
struct source_view {
	struct interest *interests;   /* of scrapes: the targets */
	struct interest *discoveries; /* where more of them are found */
	struct source_needs needs;
	struct kpi_source kpi;
	const struct target **targets; /* own; kpi.targets */
	char unknown[240];             /* kpi.unknown, or "" */
	char refused[240];             /* why targets that were found are not watched, or "" */
};
struct gate_view {
	struct interest *interests;
	size_t n;
	struct gate_probe *probes; /* own */
	struct gate_alerts alerts;
	struct promql_expr *selector, *watchdog; /* own: of alerts told by webhook */
};

/* Of a KPI that is worked out elsewhere. */
struct kpi_view {
	struct watch *watch; /* an interest of its source's view keeps it; NULL: of another kind */
	struct kpi_remote seen;
};

struct subscription {
	struct sources *sources;
	const struct policy *policy; /* borrowed */
	const struct release *const *release; /* of whom; borrowed; NULL: nobody */
	struct source_view *views;   /* index as in the policy */
	struct gate_view *gates;
	struct kpi_view *kpis;
	struct subscription *next, *previous; /* in the sources' list */
};

/* Adds an interest to the end of `list`; a watch that is in the list already is not added again. */
bool subscription_join(struct subscription *s, struct interest **list,
                       const struct watch_kind *kind, const struct ask *ask,
                       struct err *err) MUST_CHECK;
/* Makes a list anew, in time that grows with its length. Those that are not asked for any more are
 * left before others are joined, so that nobody is refused for room that is about to be free; those
 * that remain keep what they learnt. False: none of the new ones was joined. */
bool subscription_rejoin(struct subscription *s, struct interest **list,
                         const struct watch_kind *kind, const struct ask *asks, size_t n,
                         struct err *err) MUST_CHECK;
/* Who is watched for a source: its own interests, or those of the first gate that asks it. */
const struct interest *subscription_interests(const struct subscription *s, size_t source);
/* Leaves and frees all of a list. */
void interests_leave(struct interest **list);
size_t interests_count(const struct interest *list);

/* Sends a request, a GET unless `more` says otherwise, whose answer ends in done(w, reply); sets
 * w->fetch. `more` completes it; its timeout, if any, can only be shorter. Credentials are added,
 * and sent to nobody they are not meant for. */
bool watch_fetch(struct watch *w, const struct fetch_request *more, struct err *err) MUST_CHECK;
struct wall watch_now(const struct watch *w);
/* To be told of every question's end: whether it was answered as it should be. */
void watch_answered(struct watch *w, bool ok);
/* Asks again in its regular turn, as if it had never been asked. */
void watch_restart(struct watch *w);
/* The `describe` of kinds with alerts. */
void watch_describe_alerts(const struct watch *w, json_t *into);
void watch_free(struct watch *w);

/* Somebody looked for targets: with `is_news` everybody who looks there is brought to the new set,
 * else only who could not be brought to it before. */
void sources_discovered(struct sources *s, const struct watch *discovery, bool is_news);
/* Joins the targets of a source anew, as they stand in the policy and were found; those that remain
 * keep their samples. False: not all of them are watched now, and the view's `refused` says why. */
bool scrape_join(struct subscription *s, size_t source, struct err *err) MUST_CHECK;
/* Looks for the targets of a source. */
bool discovery_join(struct subscription *s, size_t source, struct err *err) MUST_CHECK;

/* What the kinds hand to the views. */
/* [{targets, labels, found_by}]; borrowed. */
const json_t *discovery_groups(const struct watch *w);
/* Why not every list that is looked for there was ever read; NULL: each was. Borrowed. */
const char *discovery_gap(const struct watch *w);
const struct target *scrape_target(const struct watch *w);
const struct gate_probe *probe_seen(const struct watch *w);

/* An instant for the API: text, or null for never. */
json_t *instant_json(int64_t at_ms);

#endif
