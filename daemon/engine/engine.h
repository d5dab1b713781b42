/*
 * engine - the releases in memory, their evaluation rounds, and the one door through which they
 * change.
 *
 * Memory is a copy of the database: it is replaced only after a commit is known to have happened.
 * What the engine decides by itself comes from release_due(); what people ask for comes through
 * door_submit(); both end in release_step() and one commit. At most one commit per release is under
 * way.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "base/problem.h"
#include "release/release.h"

struct app;
struct engine;
struct store_report;
struct store_reported;
struct principal;
struct subscription;

#define ENGINE_RECENT_TIMELINE 200
#define ENGINE_RECENT_EVALUATIONS 20 /* shown while the database is away; it has them all */
#define ENGINE_ENDED_KEPT 500

/* One release in memory. Readers borrow it until the next turn of the loop. */
struct tracked {
	struct release *release;
	struct checkpoint *checkpoint;
	struct policy *bound; /* NULL with `trouble` when the policy could not be bound */
	char *trouble;
	struct evaluation *evaluation; /* newest; NULL before the first round or after a restart */
	json_t *evaluation_json;       /* the same, rendered; or the last one the database had */
	struct subscription *subscription; /* while it is being watched */
	struct wall as_of; /* when memory was last known to agree with the database */
	bool watching_refused;
	struct wall next_round;
	size_t enter_pending, rollback_pending;
	bool enter_refused, rollback_refused;
	int64_t rollback_acked; /* bit set of options whose last messages were all acknowledged */
	char *refused_action;
	char *drifted_action, *drifted_text; /* what was set and reads otherwise by now; NULL */
	bool drift_known;      /* those two come from the database, at this row_version or before */
	struct mono outbox_at; /* when the database was last asked */
	size_t dampen_pending, smoke_pending;
	bool smoke_failing, smoke_refused, smoke_unanswered;
	char *smoke_action;
	size_t incidents_queued; /* handed to the door, not answered yet */
	int64_t incident_handed; /* number of the newest of them */
	struct gate_incidents incidents; /* of its service, for gates that count them */
	struct wall incidents_asked;     /* when that was last asked for; 0: never */
	bool incidents_asking;
	bool outbox_known;       /* those above come from the database at this row_version */
	int64_t outbox_version;
	struct door_op *ops, **ops_end; /* verbs waiting for the commit under way */
	struct door_op *committing;
	bool stale; /* the row is known to have moved on: reload before deciding */
	bool outbox_asked, outbox_again; /* the answer is awaited; and may be too old by now */
	struct wall backoff_until;       /* after a failed automatic commit */
	bool backs_off_wholly; /* the database failed; else only what needs lease or thaw waits
	                          (rule V4) */
	int64_t backoff_ms;
	json_t *evaluations;       /* newest first, at most ENGINE_RECENT_EVALUATIONS */
	json_t *timeline;          /* newest first; NULL until asked for once */
	int64_t timeline_version;  /* row_version the timeline reaches to */
	struct wall checkpoint_at; /* when one was last handed to the store */
	enum verdict last_verdict;
	uint64_t blind_gates; /* bit per gate: logged as blind */
};

struct engine *engine_new(struct app *app, struct err *err);
void engine_free(struct engine **e);

/* The store's news. */
void engine_store_up(void *ctx);
void engine_store_down(void *ctx);
void engine_lease_gained(void *ctx, int64_t epoch);
void engine_lease_lost(void *ctx);
/* An outbox row of that release was acknowledged or refused. */
void engine_outbox_changed(struct engine *e, int64_t release_id);

/* --- reading --- */
const struct tracked *engine_find(const struct engine *e, int64_t id);
/* The newest attempt of service@version; several environments: environment decides, else
 * *out_several is set to a JSON array of their names and NULL comes back (rule I5). */
const struct tracked *engine_find_version(const struct engine *e, const char *service,
                                          const char *version, const char *environment,
                                          json_t **out_several);
/* Walks newest id first; *at starts at 0. */
const struct tracked *engine_next(const struct engine *e, size_t *at);
typedef void (*engine_done_fn)(void *ctx, const struct err *err); /* err NULL: done */
/* Reads a release that ended long ago from the database into memory, by id or (service != NULL)
 * every release of a version; then look again. It stays until newer ones push it out. */
bool engine_fetch(struct engine *e, int64_t id, const char *service, const char *version,
                  const char *environment, engine_done_fn fn, void *ctx,
                  struct err *err) MUST_CHECK;
void engine_facts(const struct engine *e, const struct tracked *t, struct release_facts *out);
bool engine_is_loaded(const struct engine *e); /* the first load is done */
bool engine_is_owner(const struct engine *e);  /* lease held and loaded */
struct wall engine_as_of(const struct engine *e);

/* --- the door --- */
enum door_answer {
	DOOR_DONE = 0,   /* committed */
	DOOR_REPEAT,     /* already so; nothing written */
	DOOR_REFUSED,    /* see outcome.refused, text, pointer */
	DOOR_CONFLICT,   /* gave up after re-deciding, or If-Match does not fit */
	DOOR_UNAVAILABLE /* database away; the text says whether nothing happened or it is in doubt
	                  */
};
struct door_reply {
	enum door_answer answer;
	enum refusal_kind refused;
	char text[400];
	const char *pointer;
	char transition[RELEASE_UUID_TEXT];
	int64_t release_id;
};
typedef void (*door_fn)(void *ctx, const struct door_reply *reply);
/* Everything is copied. Never calls back inside the call. if_match: row_version the caller insists
 * on, or 0. */
bool door_submit(struct engine *e, int64_t release_id, const struct event *event,
                 const struct principal *by, int64_t if_match, door_fn fn, void *ctx,
                 struct err *err) MUST_CHECK;

/* A new release (rule I5 for repeats). `document` is the decoded body's JSON. created: 201, else an
 * existing one with the same content: 200. */
struct create_reply {
	enum door_answer answer;
	bool created;
	int status; /* HTTP status when not DOOR_DONE */
	char text[400];
	const char *pointer; /* static: what in the request is wrong; NULL */
	json_t *problems;    /* borrowed: [{pointer, detail}] or NULL */
	int64_t release_id;
};
typedef void (*create_fn)(void *ctx, const struct create_reply *reply);
bool engine_create(struct engine *e, json_t *document, const struct principal *by,
                   const char *origin, create_fn fn, void *ctx, struct err *err) MUST_CHECK;

/* --- policies --- */
const struct policy *engine_policy(const struct engine *e,
                                   const char *name); /* as written; NULL: unknown */
const struct policy *engine_policy_by_hash(const struct engine *e, const char *hash);
/* Whether the database has it, so that a release may be pinned to it. */
bool engine_policy_is_stored(const struct engine *e, const struct policy *policy);
bool engine_policy_is_file(const struct engine *e,
                           const char *name); /* such names cannot be PUT (rule I1) */
size_t engine_policy_names(const struct engine *e, const char **out, size_t max);
bool engine_put_policy(struct engine *e, struct policy *policy_take, const char *subject,
                       engine_done_fn fn, void *ctx, struct err *err) MUST_CHECK;

/* --- incidents --- */
/* On record once it is answered; what it does to the pair's active release follows. */
bool engine_report_incident(struct engine *e, const struct store_report *report,
                            void (*fn)(void *ctx, const struct store_reported *reported,
                                       const struct err *err),
                            void *ctx, struct err *err) MUST_CHECK;

/* --- freezes --- */
bool engine_freeze(struct engine *e, const char *scope, const char *name, bool frozen,
                   const char *subject, const char *reason, engine_done_fn fn, void *ctx,
                   struct err *err) MUST_CHECK;
json_t *engine_freezes(const struct engine *e);

#endif
