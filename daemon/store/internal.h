/*
 * internal - what the files of store/ share: the store, its operations under way, its statements.
 *
 * Everything is prepared once per connection, so all statements stand in one table (store.c).
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "loop/loop.h"
#include "loop/pg.h"
#include "store/store.h"

#define STORE_SHARD                                                                                \
	"0" /* one shard until there are more instances than one release's worth of work */
#define STORE_LEASE_TTL "interval '10 seconds'"

/* SQL spellings. Instants travel as milliseconds; 0 is NULL on the way in and on the way out. */
#define SQL_INSTANT(x) "to_timestamp(nullif(" x ", 0) / 1000.0)"
#define SQL_MS(x) "coalesce((extract(epoch FROM " x ") * 1000)::bigint, 0)"
#define SQL_RFC3339(x) "to_char(" x " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
/* For the rest of the statement: no lock is waited for longer than this (SQLSTATE 55P03). Not a
 * setting of the connection, because a pooler in between would refuse or forget it. */
#define SQL_PATIENCE "patience AS MATERIALIZED (SELECT set_config('lock_timeout', '1000', true))"
/* The lease row, locked so that a takeover waits for this statement, and judged only after it is
 * locked. A row somebody else holds (a takeover under way) is skipped: then the lease is not ours,
 * and nobody waits. Parameters: holder, epoch. */
#define SQL_LEASE(holder, epoch, where)                                                            \
	"lease AS MATERIALIZED ("                                                                  \
	" SELECT l.expires_at FROM headgate.lease l"                                               \
	" WHERE l.shard = " STORE_SHARD " AND l.holder = " holder " AND l.epoch = " epoch where    \
	" FOR SHARE SKIP LOCKED)"
/* A later message of the same release sets what this one has set: the same place is read back. One
 * that its receiver refuses sets nothing. `which`: of q, acknowledged or not. */
#define SQL_OUTDATED_BY(o, which)                                                                  \
	"EXISTS (SELECT FROM headgate.outbox q WHERE q.release_id = " o ".release_id"              \
	" AND q.class <> 'notification' AND q.superseded_by IS NULL AND q.read IS NOT NULL"        \
	" AND (q.row_version, q.sequence) > (" o ".row_version, " o ".sequence)"                   \
	" AND q.read->'from' = " o ".read->'from' AND q.read->'path' = " o ".read->'path'"         \
	" AND q.read->'pointer' = " o ".read->'pointer' AND " which ")"
#define SQL_OUTDATED(o) SQL_OUTDATED_BY(o, "(q.done_at IS NOT NULL OR NOT q.refused)")
/* Advances may be carried out: their release is on its way forward. Sent before it was paused they
 * are the present state, unless the pause parked a stage's entry (rule H2). */
#define SQL_IS_FORWARD(r)                                                                          \
	"(" r ".state = 'running' OR " r ".state = 'paused'"                                       \
	" AND coalesce(" r ".detail->>'paused_step', '') <> 'entering')"
#define SQL_READ_EVERY(o) "(" o ".read->>'every_ms')::bigint * interval '1 millisecond'"
#define SQL_LEASE_HOLDS "EXISTS (SELECT FROM lease l WHERE l.expires_at > clock_timestamp())"

/* One asynchronous request of a caller; every such struct begins with it. Freed when answered, or
 * with the store: then its caller hears nothing any more. */
struct op {
	struct op *next, **link;
	struct store *store;
	void (*fini)(void *op); /* frees what it owns; may be NULL */
};
enum message_class store_class_of(const char *text); /* a column's text */
/* What the outside said, cut, and never anything but UTF-8; borrowed. */
struct str store_words_of(const char *text);
void *op_new(struct store *s, size_t size); /* NULL without memory; zeroed */
void op_free(void *op);

struct lease {
	bool held;
	bool asked;
	int64_t epoch;    /* as last seen, held or not */
	struct mono sent; /* of the renewal that last succeeded */
	struct loop_timer renew, lapse;
};

struct pending;
struct transitions {
	struct pending *queue, **tail; /* not sent */
	struct pending *delayed;       /* wait for their next try */
	struct pending *unknown;       /* outcome to be looked up; one look-up each */
	size_t n;                      /* all, whether queued, sent or unknown */
	size_t flying;                 /* statements under way */
	struct map *releases;          /* under way, by release id */
	struct loop_timer retry;
};

struct checkpoints {
	struct map *latest; /* by release id: struct checkpoint_row, owned */
	struct evaluation_row *first, **tail;
	size_t nevaluations;
	uint64_t dropped;
	bool flying, evaluations_flying;
};

/* What the engine has already been shown, so that the overlap of a poll is not decoded again and
 * again. */
#define SHOWN_SLOTS 4096
struct shown {
	int64_t id, row_version, checkpoint_ms;
};
struct loads {
	struct shown shown[SHOWN_SLOTS];
	struct map *policies; /* hashes already handed out */
	int64_t since_ms;     /* database time up to which changes were read */
};

struct chained;
struct chain {
	const char *name;
	int64_t sequence; /* of its newest record */
	struct audit_hash head;
	bool known; /* the two above are the database's */
	bool busy;
	struct chained *first, **tail;
	size_t n;
};
struct chains {
	struct chain system, denied;
	char denied_name[96];
	int64_t minute; /* denied requests are counted per minute */
	size_t denied_in_minute;
	uint64_t denied_dropped;
};

struct store {
	struct app *app;
	struct loop *loop;
	struct pg *pg;
	struct store_callbacks callbacks;
	bool up; /* connected, and the schema fits */
	bool shutting, draining, lease_returned;
	void (*shutdown_done)(void *ctx);
	void *shutdown_ctx;
	char trouble[240];
	struct op *ops;
	struct lease lease;
	struct transitions transitions;
	struct checkpoints checkpoints;
	struct loads loads;
	struct chains chains;
	struct loop_timer tick;
	bool outbox_counting;
	int64_t ticks, up_since_tick;
};

/* Only while up. Takes args; on false op still belongs to the caller. */
bool store_send(struct store *s, const struct pg_statement *statement, struct pg_args *args,
                pg_reply_fn reply, void *op, struct err *err) MUST_CHECK;
/* True when the reply holds the result of a finished statement; else fills *err. */
bool store_answered(const struct pg_reply *reply, struct err *err);
/* Room for a struct of `size` for each row, zeroed; the caller fills and frees it. NULL with *err, and
 * no rows, when there was no answer or is no memory. */
void *store_answered_rows(const struct pg_reply *reply, size_t size, size_t *out_n, struct err *err);
void store_uuid(char out[RELEASE_UUID_TEXT]);
int64_t store_now_ms(const struct store *s);
struct str store_id_key(const int64_t *id); /* borrowed bytes of *id, as a map's key */

void lease_init(struct store *s);
void lease_fini(struct store *s);
void lease_ask(struct store *s);
void lease_drop(struct store *s); /* the database is away, or durability is in doubt */
/* The one-time token of a message's callback; "" when it cannot be made. `key`: hex. */
void callback_token(const char *key, const char *id, char out[STORE_TOKEN_TEXT]);

bool lease_give_back(struct store *s, pg_reply_fn reply, void *ctx);

bool transitions_init(struct store *s, struct err *err);
void transitions_fini(struct store *s);
void transitions_flush(struct store *s);
void transitions_settle(struct store *s); /* after reconnecting: look up what is unknown */
void transitions_fail_queued(struct store *s, const struct err *why);

bool checkpoints_init(struct store *s, struct err *err);
void checkpoints_fini(struct store *s);
void checkpoints_flush(struct store *s);
void checkpoints_forget(struct store *s); /* the lease was broken: what is queued is of before */

bool loads_init(struct store *s, struct err *err);
void loads_fini(struct store *s);
void loads_committed(struct store *s, int64_t id,
                     int64_t row_version); /* the engine knows this version */

/* A write that belongs to no release: its record joins an audit chain in the same statement (rule
 * I2). The statement takes the texts, then chain, sequence, record and hash. */
#define CHAINED_MAX_TEXTS 8
struct chained {
	struct op op;
	struct chained *next;
	const struct pg_statement *statement;
	char *texts[CHAINED_MAX_TEXTS]; /* owned; NULL is SQL NULL */
	int ntexts;
	char *actor, *origin, *event, *reason, *detail; /* of the record; owned */
	char transition[RELEASE_UUID_TEXT];
	/* Looks at the answered statement; false with *err when it says no. May be NULL. */
	bool (*judge)(const PGresult *result, struct err *err);
	store_done_fn fn; /* NULL: nobody waits */
	void *ctx;
	struct chain *chain;
	int64_t sequence; /* of the record as sent */
	struct audit_hash hash;
	int tries;
};
void chains_init(struct store *s);
void chains_fini(struct store *s);
void chains_lost(struct store *s); /* the connection is gone: heads are to be read anew */
struct chained *chained_new(struct store *s, const struct pg_statement *statement, store_done_fn fn,
                            void *ctx);
bool chained_add_text(struct chained *c, const char *text);
bool chained_record(struct chained *c, const char *actor, const char *origin, const char *event,
                    const char *reason, const char *detail); /* copies */
void chained_free(struct chained **c);
bool chained_start_take(struct chain *chain, struct chained *c, struct err *err) MUST_CHECK;

/* A rollback claimed by somebody who may be dead is not left lying for the whole claim: another
 * instance (a restarted one is another) takes it after this long. Sent twice under one id it does
 * no harm. */
#define STORE_ROLLBACK_CLAIM_MS "5000"

/* clang-format off */
#define STORE_STATEMENTS(X) \
	X(sql_schema) X(sql_outbox_count) X(sql_prune) X(sql_replan) \
	X(sql_lease_renew) X(sql_lease_return) \
	X(sql_transition) X(sql_settle) \
	X(sql_checkpoint) X(sql_evaluation) \
	X(sql_load_open) X(sql_load_ended) X(sql_load_back) X(sql_load_changed) X(sql_load_one) X(sql_load_version) \
	X(sql_load_policies) X(sql_load_freezes) \
	X(sql_rows_timeline) X(sql_rows_evaluations) X(sql_rows_actions) X(sql_rows_audit) X(sql_rows_dead) \
	X(sql_alerts_put) X(sql_alerts_refuse) X(sql_alerts_load) \
	X(sql_incident_report) X(sql_incident_look) X(sql_incidents_open) X(sql_incidents_of) X(sql_rows_incidents) \
	X(sql_slot) \
	X(sql_chain_head) X(sql_policy_put) X(sql_freeze) X(sql_denied) X(sql_replay) \
	X(sql_idempotency_look) X(sql_idempotency_keep) \
	X(sql_claim) X(sql_renew) X(sql_delivered) X(sql_overtaken) X(sql_awaited) X(sql_outbox) \
	X(sql_looks) X(sql_looked) X(sql_repair)
#define X(name) extern const struct pg_statement name;
STORE_STATEMENTS(X)
#undef X
/* clang-format on */

#endif
