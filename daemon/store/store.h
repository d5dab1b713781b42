/*
 * store - PostgreSQL as headgate uses it: one statement per turn for all transitions, checkpoints
 * and evaluations in batches, the shard lease, the outbox, and what is read back at start.
 *
 * Nothing here decides. Every write that concerns a release's state goes through store_commit();
 * its reply is definite: a commit of unknown outcome is looked up under the row's lock on a new
 * connection before anybody hears of it.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "release/release.h"

struct app;
struct store;

#define STORE_SCHEMA_VERSION 8
#define STORE_BATCH_MAX 256
#define STORE_TOKEN_TEXT 44 /* base64url of 32 bytes + NUL */

struct store_callbacks {
	void (*up)(void *ctx);   /* database answers, schema fits */
	void (*down)(void *ctx); /* hold everything */
	void (*lease_gained)(void *ctx, int64_t epoch);
	void (*lease_lost)(void *ctx);
	void *ctx;
};

struct store *store_new(struct app *app, const char *conninfo,
                        const struct store_callbacks *callbacks, struct err *err);
void store_free(struct store **s);
/* Gives the lease back (expires_at = now) and calls done when answered or when the database is
 * away. */
void store_shutdown(struct store *s, void (*done)(void *ctx), void *ctx);
bool store_is_up(const struct store *s);
const char *store_trouble(const struct store *s); /* why not up; "" when up */
/* True while automatic advances may be tried: lease held, and less than 6 s (BOOTTIME) since the
 * last good renewal was SENT. The statement checks it again. */
bool store_may_advance(const struct store *s);
int64_t store_epoch(const struct store *s);

/* --- transitions --- */

enum store_outcome {
	STORE_COMMITTED = 0,
	STORE_CONFLICT, /* no row changed: version moved on, lease lost, frozen, or pair taken */
	STORE_FAILED /* nothing happened; *err says why (database away, refused by a constraint) */
};
struct store_commit {
	const struct release *next; /* all borrowed until the reply */
	int64_t expected_version;   /* 0: a new release */
	const char *transition;     /* UUID made by the caller */
	const struct decision *decision;
	const struct message *messages;
	size_t nmessages;
	const struct actor *actor;
	const char *reason;                  /* "" for none */
	struct str audit_bytes;              /* canonical record */
	struct audit_hash hash;              /* new head */
	const struct evaluation *evaluation; /* an automatic decision's evidence, recorded in the
	                                        same statement; or NULL */
	const struct policy
	        *bound; /* names for the evidence; NULL: only its number and verdict are kept */
};
typedef void (*store_commit_fn)(void *ctx, enum store_outcome outcome, const struct err *err);
/* Queued; flushed at the end of the turn with all others (at most one per release under way:
 * assert). False when the store is down or full. */
bool store_commit(struct store *s, const struct store_commit *commit, store_commit_fn fn, void *ctx,
                  struct err *err) MUST_CHECK;

/* --- allocation and look-ups for creating a release --- */

struct store_slot { /* what is known before a release is created */
	int64_t next_id;
	int64_t attempts;      /* of this version so far */
	bool other_active;     /* pair taken */
	char *reentry_missing; /* open re-entry checks of the pair's last rolled back release; NULL
	                        */
	char *last_stable;     /* of the pair; NULL */
};
typedef void (*store_slot_fn)(void *ctx, const struct store_slot *slot,
                              const struct err *err); /* slot NULL on
                                                     error */
bool store_prepare_release(struct store *s, const char *service, const char *environment,
                           const char *version, store_slot_fn fn, void *ctx,
                           struct err *err) MUST_CHECK;

/* --- checkpoints and evaluations: batched, latest wins, lost ones are taken again --- */

void store_checkpoint(struct store *s, int64_t release_id, const struct checkpoint *c);
void store_evaluation(struct store *s, int64_t release_id, int64_t row_version,
                      json_t *evaluation_take);
bool store_has_queued_checkpoints(const struct store *s);

/* --- reading back --- */

struct store_release {
	struct release *release;       /* take */
	struct checkpoint *checkpoint; /* take; NULL when none was written */
};
struct store_load {
	void (*release)(void *ctx, struct store_release *row);
	/* Borrowed. `is_named`: its name stands for it now; else it is only pinned, or that is known. */
	void (*policy)(void *ctx, const char *hash, json_t *document, bool is_named);
	void (*freeze)(void *ctx, const char *scope, const char *name, bool frozen,
	               const char *reason, const char *subject, struct wall since);
	void (*done)(void *ctx, const struct err *err); /* err NULL when all was read */
	void *ctx;
};
/* Every release that has not ended, the newest 500 that have, the policies they pin, and the
 * freezes. */
bool store_load_all(struct store *s, const struct store_load *load, struct err *err) MUST_CHECK;
/* Releases whose row changed since the last call (by database time, with overlap), and the freezes.
 */
bool store_load_changed(struct store *s, const struct store_load *load, struct err *err) MUST_CHECK;
bool store_load_release(struct store *s, int64_t id, const struct store_load *load,
                        struct err *err) MUST_CHECK;

/* Rows as a JSON array for the API (timeline, evaluations, actions, audit), newest first, at most
 * 500. */
enum store_list {
	STORE_TIMELINE = 0,
	STORE_EVALUATIONS,
	STORE_ACTIONS,
	STORE_AUDIT,
	STORE_LIST_COUNT
};
typedef void (*store_rows_fn)(void *ctx, json_t *rows,
                              const struct err *err); /* rows borrowed; NULL on error */
bool store_rows(struct store *s, enum store_list which, int64_t release_id, int64_t before,
                int64_t limit, store_rows_fn fn, void *ctx, struct err *err) MUST_CHECK;
/* Messages that are not sent any more, of all releases, newest first: given up (throttled ones among
 * them), refused for good. */
bool store_dead(struct store *s, bool given_up, bool refused, int64_t limit, store_rows_fn fn,
                void *ctx, struct err *err) MUST_CHECK;
/* Ended releases below `before_id`, newest first, as full rows. */
bool store_load_ended(struct store *s, int64_t before_id, const char *service,
                      const char *environment, const char *state, int64_t limit,
                      const struct store_load *load, struct err *err) MUST_CHECK;
bool store_load_version(struct store *s, const char *service, const char *version,
                        const char *environment, const struct store_load *load,
                        struct err *err) MUST_CHECK;

/* --- policies and freezes (no release: own chain "system", rule I2) --- */

typedef void (*store_done_fn)(void *ctx, const struct err *err); /* err NULL: done */
/* Inserts when the hash is new; `origin`: "file" or "api". The name then points at this hash. */
bool store_put_policy(struct store *s, const struct policy *p, const char *origin,
                      const char *subject, store_done_fn fn, void *ctx, struct err *err) MUST_CHECK;
/* Once it is done nothing in scope advances any more (rule A3). scope: global, environment,
 * service; name: "*" for global. */
bool store_freeze(struct store *s, const char *scope, const char *name, bool frozen,
                  const char *subject, const char *reason, store_done_fn fn, void *ctx,
                  struct err *err) MUST_CHECK;
/* Makes a notification that is dead due again; nothing when it is not. ERR_NOT_FOUND: no such
 * message; ERR_CONFLICT: one of an action, which the release itself sends again. */
bool store_replay(struct store *s, const char *message_id, const char *subject, const char *reason,
                  store_done_fn fn, void *ctx, struct err *err) MUST_CHECK;
/* A denied request, to this instance's chain. Bounded: dropped (and counted in the next row) beyond
 * 60 a minute. */
void store_denied(struct store *s, const char *subject, const char *origin, const char *route,
                  int64_t release_id, const char *why);

/* --- alerts that were told by webhook --- */
#define STORE_ALERTS_MAX 2000 /* kept at one time, of all groups */
struct store_alerts { /* of one group; borrowed */
	const char *origin; /* what the group is known by */
	const json_t *firing;   /* [{fingerprint, labels, since}], no fingerprint twice */
	const json_t *resolved; /* [fingerprint] */
	int64_t cut_off; /* how many of it were not told; 0: what is not listed does not fire */
};
/* ERR_LIMIT when no more fit: then nothing of it is kept. */
bool store_alerts_put(struct store *s, const struct store_alerts *alerts, store_done_fn fn,
                      void *ctx, struct err *err) MUST_CHECK;
/* Some of what fires was told and not taken: of the group `origin`, which forgets it when it is told whole; NULL:
 * nobody knows whose. `why` is the middle of a sentence, at most 100 bytes. */
bool store_alerts_refused(struct store *s, const char *origin, const char *why, store_done_fn fn,
                          void *ctx, struct err *err) MUST_CHECK;
/* What was not taken, [{why, refused_ms}], and what fires, newest first: [{fingerprint, labels, since, cut_off,
 * received_ms}]. */
bool store_alerts_load(struct store *s, store_rows_fn fn, void *ctx, struct err *err) MUST_CHECK;

/* --- incidents (rule A5) --- */

struct store_report { /* texts are copied; NULL where allowed: link, key, person */
	const char *service, *environment;
	enum incident_severity severity;
	const char *title, *link, *key;
	const char *subject, *person, *origin;
};
struct store_reported {
	bool created; /* false: it was there already, under the same key and at least as severe */
	int64_t release_id; /* that was active then; 0: none */
	json_t *row;
};
typedef void (*store_report_fn)(void *ctx, const struct store_reported *reported,
                                const struct err *err); /* borrowed; NULL on error */
/* Answered once it is committed. */
bool store_report_incident(struct store *s, const struct store_report *report, store_report_fn fn,
                           void *ctx, struct err *err) MUST_CHECK;

struct store_incident {
	int64_t id, release_id;
	int64_t after; /* the one of the same release before it; 0: none */
	enum incident_severity severity;
	const char *title, *link, *reported_by; /* link may be NULL */
	const char *key;                        /* likewise */
	struct wall at;
};
typedef void (*store_incidents_fn)(void *ctx, const struct store_incident *rows, size_t n,
                                   const struct err *err); /* borrowed during the call */
/* Incidents since then that their releases, still active, have not taken account of: of each release
 * its oldest 64, in order; of all at most 2000, the first of each release before any second. The first
 * row is the oldest of all. release_id 0: of all. */
bool store_incidents_open(struct store *s, struct wall since, int64_t release_id,
                          store_incidents_fn fn, void *ctx, struct err *err) MUST_CHECK;
/* What was reported of a service and environment since then: the most severe first, at most
 * `limit`, whichever release they were about. */
bool store_incidents_of(struct store *s, const char *service, const char *environment,
                        struct wall since, int64_t limit, store_incidents_fn fn, void *ctx,
                        struct err *err) MUST_CHECK;
/* Newest first; service and environment may be NULL, `before` 0. */
bool store_incident_rows(struct store *s, const char *service, const char *environment,
                         int64_t before, int64_t limit, store_rows_fn fn, void *ctx,
                         struct err *err) MUST_CHECK;

/* --- idempotency (Idempotency-Key) --- */

struct store_idempotency {
	const char *subject, *route, *key;
	const char *fingerprint; /* SHA-256 of the body, hex */
	int status;              /* kept answer; 0 when new */
	const char *body;        /* kept answer's body */
	bool mismatch;           /* same key, other body */
};
typedef void (*store_idempotency_fn)(void *ctx, const struct store_idempotency *found,
                                     const struct err *err);
bool store_idempotency_look(struct store *s, const char *subject, const char *route,
                            const char *key, const char *fingerprint, store_idempotency_fn fn,
                            void *ctx, struct err *err) MUST_CHECK;
/* Kept 7 days; called after the effect committed. Never 5xx. */
void store_idempotency_keep(struct store *s, const char *subject, const char *route,
                            const char *key, const char *fingerprint, int status, const char *body);

/* --- outbox --- */

struct store_message {
	char id[48]; /* transition id + "." + sequence: stable over retries */
	int64_t release_id, row_version, sequence, fence, epoch;
	enum message_class class;
	int64_t option; /* index of the rollback option; MESSAGE_DAMPENS, MESSAGE_SMOKE */
	const char *service, *environment, *version;
	const char *action, *destination, *method, *path;
	const char *body, *headers; /* JSON text; headers may be NULL */
	const char *arguments;      /* of a command, a JSON array of texts; NULL: a request */
	const char *read;           /* JSON text: how to see whether it is so; NULL */
	int64_t repairs;            /* how often it was sent anew because the state read otherwise */
	bool has_drifted;           /* it was acknowledged before: this is a repair */
	bool is_repeat;             /* it is acknowledged (rule R8): its answer says it all */
	bool is_told; /* its receiver has called back: not to be sent, only to be read back */
	int64_t attempts;           /* this one included */
	struct wall created_at;
	int64_t callback_ms; /* its receiver may take so long to call back; 0: its status says it
	                        all */
	char callback_token[STORE_TOKEN_TEXT]; /* with callback_ms; the same in every attempt */
};
typedef void (*store_claim_fn)(void *ctx, const struct store_message *messages, size_t n,
                               const struct err *err); /* borrowed during the call */
/* One class of messages to one destination: how many are under way, how many more may be. */
struct store_lane {
	enum message_class class;
	const char *destination;
	int64_t busy, free;
};
struct store_claim {
	const struct store_lane *lanes;
	size_t n;
	int64_t limit; /* of all lanes; where it is short, those with less under way come first */
	const char *const *known; /* destinations; messages to others, of whatever class, are */
	size_t nknown;
	int64_t strangers; /* claimed beside the lanes, up to so many */
};
/* Claims messages that are due: not acknowledged, not superseded, not parked, claim lapsed; per
 * release and destination only the lowest version and sequence, except that rollback messages wait
 * for nothing. SKIP LOCKED; claim_until = now + claim_ms, but a rollback may be claimed by another
 * instance after 5 s. */
bool store_claim(struct store *s, const struct store_claim *what, int64_t claim_ms,
                 store_claim_fn fn, void *ctx, struct err *err) MUST_CHECK;

struct store_renewed {
	char id[48];
	bool is_over;   /* superseded, or somebody else's by now: nobody waits for its end */
	bool is_parked; /* not to be begun any more */
};
typedef void (*store_renewed_fn)(void *ctx, const struct store_renewed *rows, size_t n,
                                 const struct err *err); /* borrowed during the call */
/* Claims of ours that are not over yet last for claim_ms from now, as with store_claim(). */
bool store_renew(struct store *s, const char *const *ids, size_t n, int64_t claim_ms,
                 store_renewed_fn fn, void *ctx, struct err *err) MUST_CHECK;
enum store_delivery {
	DELIVERY_ACKNOWLEDGED = 0,
	DELIVERY_RETRY,
	DELIVERY_REFUSED,
	DELIVERY_DEAD,
	DELIVERY_TAKEN /* its receiver will call back within retry_ms, or it is sent again */
};
/* One attempt's end, together with how the state read after it. retry_ms: until the next one. REFUSED
 * keeps retrying when the class never gives up (retry_ms >= 0), else stops. TAKEN changes nothing
 * when the callback was faster, and acknowledges a repeat of what is acknowledged already. */
struct store_ending {
	const char *message_id;
	int64_t attempts, repairs; /* as they were claimed */
	enum store_delivery how;
	int64_t retry_ms;
	long status; /* 0: no answer */
	const char *text;
	const char *read_text; /* how the state reads; NULL: not looked at */
	bool reads_other;      /* otherwise than asked for: sent anew under an id of its own */
};
/* Of one that was claimed anew meanwhile only what it did is kept; the later claim stands. */
bool store_ended(struct store *s, const struct store_ending *e, store_done_fn fn, void *ctx,
                 struct err *err) MUST_CHECK;

/* --- looking again: what was acknowledged is read back while its release goes on --- */

struct store_look {
	char id[48];
	int64_t release_id, release_version; /* at the time of the claim */
	enum message_class class;
	const char *action;
	const char *read;      /* JSON text */
	const char *read_text; /* of the last look; NULL */
	bool has_drifted;
};
typedef void (*store_looks_fn)(void *ctx, const struct store_look *looks, size_t n,
                               const struct err *err); /* borrowed during the call */
/* Claims up to `limit` looks that are due, for claim_ms: of each place that messages of an active
 * release set, the newest message alone; none of an advance on the way back or while its stage's
 * entry is paused. SKIP LOCKED: instances share the work. */
bool store_looks(struct store *s, int64_t limit, int64_t claim_ms, store_looks_fn fn, void *ctx,
                 struct err *err) MUST_CHECK;
/* A look that changes nothing, or ends a drift: is_equal. The next one is due after the interval
 * of its policy. */
bool store_looked(struct store *s, const char *message_id, const char *text, bool is_equal,
                  store_done_fn fn, void *ctx, struct err *err) MUST_CHECK;
/* What was acknowledged reads otherwise: pending again, to be sent after delay_ms under a new id.
 * ERR_CONFLICT: its release has moved on since the look was claimed, nothing was changed. */
bool store_repair(struct store *s, const struct store_look *look, const char *text,
                  int64_t delay_ms, store_done_fn fn, void *ctx, struct err *err) MUST_CHECK;

/* --- callbacks: receivers that take a message first and say later how it ended --- */

struct store_awaited {
	char id[48];
	int64_t release_id;
	enum message_class class;
	int64_t attempts;
	struct wall created_at;
	char token[STORE_TOKEN_TEXT]; /* compare in constant time */
	bool is_done, has_failed;     /* completed already: since its last attempt at least */
	bool reads_back;              /* counts only once it was read back */
};
/* `found` NULL without err: there is no such message, or its status acknowledges it. Borrowed. */
typedef void (*store_awaited_fn)(void *ctx, const struct store_awaited *found,
                                 const struct err *err);
bool store_awaited(struct store *s, const char *message_id, store_awaited_fn fn, void *ctx,
                   struct err *err) MUST_CHECK;
/* Records what the receiver called back, as store_ended() does its answer: ACKNOWLEDGED or
 * REFUSED; TAKEN when it is to be read back first, which is due at once. ERR_CONFLICT: another
 * callback was faster. */
bool store_called_back(struct store *s, const char *message_id, enum store_delivery how,
                       int64_t retry_ms, const char *text, store_done_fn fn, void *ctx,
                       struct err *err) MUST_CHECK;

/* How far messages of some releases are, for the facts of release_due(). */
struct store_outbox_status {
	int64_t release_id;
	int64_t row_version; /* of the messages */
	enum message_class class;
	int64_t option;             /* rollback option they belong to; -1; MESSAGE_SMOKE */
	size_t pending, refused;    /* pending may be 0 for rollback groups: all acknowledged */
	const char *refused_action; /* one of them */
	size_t failing;             /* of the pending: answered, and not well */
	size_t unanswered;          /* of the pending: tried, and not answered */
	const char *failing_action; /* one of either kind */
	const char *drifted_action; /* the first by name of those that read otherwise by now; NULL */
	const char *drifted_text;   /* how it reads; NULL */
};
typedef void (*store_outbox_fn)(void *ctx, const struct store_outbox_status *rows, size_t n,
                                const struct err *err);
/* Row groups (version, class, option) of these releases that are not superseded, each release's by
 * rising version: advances with something unacknowledged, and every rollback group. */
bool store_outbox(struct store *s, const int64_t *release_ids, size_t n, store_outbox_fn fn,
                  void *ctx, struct err *err) MUST_CHECK;

#endif
