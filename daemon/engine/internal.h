/*
 * internal - what the files of the engine share with each other and with nobody else.
 */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "app.h"
#include "base/arena.h"
#include "base/map.h"
#include "engine/engine.h"
#include "loop/loop.h"
#include "notify/notify.h"
#include "store/store.h"

#define ENGINE_TICK_MS 100
#define ENGINE_POLL_MS 1000
#define ENGINE_LET_GO_MS 30000
#define ENGINE_CHECKPOINT_MS 60000 /* rule B3 */
#define ENGINE_CLOCK_STEP_MS 2000  /* more than the lessons of slow round trips differ */
#define ENGINE_BACKOFF_FIRST_MS 500
#define ENGINE_BACKOFF_LAST_MS 15000
#define ENGINE_DRIFT_NS INT64_C(10000000000) /* who else reads the states back is heard of so often */
#define ENGINE_EVALUATION_BYTES (16u * 1024 * 1024)
#define ENGINE_AUDIT_BYTES (256u * 1024)
#define ENGINE_DOOR_TRIES 50
#define ENGINE_DOUBT_MS 10000 /* a commit in doubt: so long whoever asked waits for the look-up */
#define ENGINE_OUTAGES_MAX 256 /* remembered; of the oldest people may be told again */
#define ENGINE_OUTAGE_GAP_MS 300000 /* a source that answers for so long has been back */
#define ENGINE_OUTBOX_ASKING_MAX                                                                   \
	512                 /* half of the store's queue: commits and lease must find room */
#define ENGINE_INCIDENTS_MAX 64 /* handed to the door at once, of one release */
#define ENGINE_NAME_MAX 400 /* "service@version" and "service/environment" keys */

/* Releases that share something: a version, or a service and environment. Newest id last. */
struct group {
	struct tracked **list;
	size_t n, capacity;
};

/* One policy as written, by hash; a name points at the newest. */
struct known_policy {
	struct policy *policy;
	bool file;   /* from policies_dir: cannot be PUT (rule I1) */
	bool stored; /* the database has it */
	bool storing;
};

struct freeze_row {
	char *scope, *name, *reason, *subject;
	bool frozen;
	struct wall since;
};
struct freeze_list {
	struct freeze_row *rows;
	size_t n;
};

/* A source that was down as a whole, by its address: what one notification is sent of for all
 * releases that hang on it. */
struct outage {
	char *address;
	struct wall since; /* what it is known by, also after a restart */
	bool is_over;      /* and that was told */
};

struct engine {
	struct app *app;
	struct tracked **list; /* rising id */
	size_t n, capacity;
	struct map *versions; /* "service@version" -> struct group */
	struct map *pairs;    /* "service/environment" -> struct group */
	struct map *policies; /* hash -> struct known_policy */
	struct map *names;    /* policy name -> struct known_policy */
	struct freeze_list freezes;
	struct outage outages[ENGINE_OUTAGES_MAX]; /* newest first */
	size_t noutages;

	bool store_up;
	bool lease_held;
	bool owner; /* lease held and everything loaded since */
	bool loaded;
	bool loading, load_again, load_for_owner;
	bool polling;
	size_t outbox_asking; /* questions under way */
	bool incidents_asking;
	struct wall incidents_asked; /* when */
	struct wall incidents_since; /* older ones are known to be taken account of */
	struct wall as_of;
	struct wall not_owner_since;
	uint64_t ticks;
	struct now ticked; /* the last one; 0 before the first */
	struct loop_timer tick, poll;
};

/* registry.c */
struct tracked *registry_find(const struct engine *e, int64_t id);
struct tracked *registry_obtain(struct engine *e, struct release *take, struct err *err);
void registry_drop(struct engine *e, struct tracked *t);
void registry_trim(struct engine *e); /* ended releases beyond ENGINE_ENDED_KEPT */
void registry_free(struct engine *e);
const struct group *registry_pair(const struct engine *e, const char *service,
                                  const char *environment);
bool registry_init(struct engine *e, struct err *err) MUST_CHECK;
void tracked_bind(struct engine *e, struct tracked *t);
void tracked_watch(struct engine *e,
                   struct tracked *t); /* subscribes or lets go as the state asks */
void tracked_render_evaluation(struct tracked *t);

/* load.c */
void engine_reload(struct engine *e, bool for_owner);
void engine_reload_release(struct engine *e, struct tracked *t);
void engine_poll(void *ctx);

/* door.c */
void door_pump(struct engine *e, struct tracked *t);
void round_look(struct engine *e, struct tracked *t); /* evaluates, where it is time to */
void door_decide(struct engine *e, struct tracked *t); /* release_due until nothing is due */
void door_drop_all(struct engine *e, struct tracked *t, const char *why);
void door_abandon(struct tracked *t); /* at the end: no answer comes any more */
void door_tell_doubt(struct engine *e, struct tracked *t); /* when the database stays away */
bool door_create(struct engine *e, struct outcome *outcome_take, struct policy *bound_take,
                 const struct actor *actor, const char *reason, door_fn fn, void *ctx,
                 struct err *err) MUST_CHECK;

/* checkpoint.c */
void checkpoint_write(struct engine *e, struct tracked *t, bool force);

/* outbox.c */
void outbox_refresh(struct engine *e, struct tracked *t);
/* Other instances may have delivered, or seen, what concerns it: time to ask. */
bool outbox_is_old(const struct engine *e, const struct tracked *t);
void outbox_forget_drift(struct tracked *t); /* until it is asked for again */

/* outages.c */
/* When `d` is about evidence that a source as a whole does not or does again give: what is to be told
 * of it once. */
bool outage_of(struct engine *e, const struct tracked *t, const struct decision *d,
               struct notify_outage *out);
void outages_free(struct engine *e);
/* incidents.c */
void incidents_poll(struct engine *e);    /* the owner's: of all releases */
void incidents_restart(struct engine *e); /* from the beginning */
/* What its gates count is asked for shortly before each round. */
void incidents_look(struct engine *e, struct tracked *t);

/* round.c */
void engine_tick(void *ctx);

/* policies.c, freezes.c */
bool policies_init(struct engine *e, struct err *err) MUST_CHECK;
void policies_free(struct engine *e);
bool policies_add_stored(struct engine *e, const char *hash, json_t *document, bool is_named);
void policies_store_pending(struct engine *e);
void freezes_load_row(struct freeze_list *list, const char *scope, const char *name, bool frozen,
                      const char *reason, const char *subject, struct wall since);
void freezes_replace(struct engine *e, struct freeze_list *take); /* leaves *take empty */
void freeze_list_fini(struct freeze_list *list);
const struct freeze_row *freezes_over(const struct engine *e, const char *service,
                                      const char *environment);

#endif
