/*
 * load - memory follows the database: everything at start and at takeover, what changed once a
 * second, one row after a conflict.
 */
#include "engine/internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "action/delivery.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"

struct load {
	struct engine *engine;
	bool whole;             /* everything, not only what changed */
	bool for_owner;         /* takeover: the database's checkpoints replace ours */
	int64_t one;            /* a single release after a conflict, else 0 */
	engine_done_fn fetched; /* somebody asked for rows that memory does not hold */
	void *fetched_ctx;
	size_t rows;
	struct freeze_list freezes;
};

static void take_checkpoint(struct tracked *t, struct store_release *row)
{
	if (t->checkpoint != NULL) {
		field_free(&checkpoint_table, t->checkpoint);
		free(t->checkpoint);
	}
	t->checkpoint = row->checkpoint;
	row->checkpoint = NULL;
	if (t->checkpoint != NULL)
		t->checkpoint->fresh_rounds = 0;
}

/* A snapshot the database has moved to, whoever moved it. */
static void take_row(struct load *load, struct store_release *row)
{
	struct engine *e = load->engine;
	struct tracked *known = registry_find(e, row->release->id), *t;
	struct err err = {.code = ERR_NONE};
	bool moved = known == NULL || known->release->row_version != row->release->row_version;

	if (known != NULL && known->committing != NULL && load->one == 0)
		return; /* its own commit's answer tells */
	if (known != NULL && known->release->row_version > row->release->row_version)
		return; /* an older snapshot, overtaken by a commit of ours */
	if (known != NULL && load->fetched != NULL && !moved)
		return; /* memory knows as much */
	t = registry_obtain(e, row->release, &err);
	if (t == NULL) {
		log_err(LOG_ERROR, "release_not_loaded", &err, "release=%lld",
		        (long long)row->release->id);
		return;
	}
	row->release = NULL;
	t->stale = false;
	t->as_of = loop_now(e->app->loop).wall;
	/* The owner's own checkpoint is newer than any it wrote; whoever moved the row, it follows
	 * below. */
	if (t->checkpoint == NULL || load->for_owner || !e->owner)
		take_checkpoint(t, row);
	if (known == NULL || moved || load->for_owner) {
		t->outbox_known = t->drift_known = false;
		t->outbox_asked = false;
		json_decref(t->timeline);
		t->timeline = NULL;
	}
	tracked_bind(e, t);
	if (t->checkpoint != NULL)
		checkpoint_follow(t->checkpoint, t->release);
}

static void on_release(void *ctx, struct store_release *row)
{
	struct load *load = ctx;

	load->rows++;
	take_row(load, row);
	release_free(&row->release);
	if (row->checkpoint != NULL) {
		field_free(&checkpoint_table, row->checkpoint);
		free(row->checkpoint);
		row->checkpoint = NULL;
	}
}

static void on_policy(void *ctx, const char *hash, json_t *document, bool is_named)
{
	struct load *load = ctx;

	(void)policies_add_stored(load->engine, hash, document, is_named);
}

static void on_freeze(void *ctx, const char *scope, const char *name, bool frozen,
                      const char *reason, const char *subject, struct wall since)
{
	struct load *load = ctx;

	freezes_load_row(&load->freezes, scope, name, frozen, reason, subject, since);
}

/* What was in flight goes on: rollbacks' messages are on their way already (the outbox is claimed
 * as soon as the database answers); here the decisions resume. */
static void resume_all(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct tracked *t = e->list[i];

		tracked_bind(e, t);
		if (release_is_ended(t->release->state))
			continue;
		tracked_watch(e, t);
		outbox_refresh(e, t);
	}
}

/* Another instance may have delivered what a release waits for: the database knows. */
static void follow_outbox(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++) {
		struct tracked *t = e->list[i];

		if (!release_is_ended(t->release->state) && outbox_is_old(e, t))
			outbox_refresh(e, t);
	}
}

static void load_done(struct load *load, const struct err *err)
{
	struct engine *e = load->engine;
	struct tracked *one = load->one == 0 ? NULL : registry_find(e, load->one);

	if (err == NULL)
		freezes_replace(e, &load->freezes);
	if (err == NULL && load->one == 0)
		e->as_of = loop_now(e->app->loop).wall;
	if (load->whole) {
		e->loading = false;
		if (err != NULL)
			log_err(LOG_WARN, "load_failed", err, "rows=%zu", load->rows);
		else
			e->loaded = true;
	} else if (load->one == 0) {
		e->polling = false;
		registry_trim(e); /* what was fetched for a reader, and what ended elsewhere */
	}
	if (load->whole && err == NULL && load->for_owner && e->lease_held && !e->load_again) {
		FAILPOINT(RECOVERY_AFTER_LOAD);
		e->owner = true;
		log_line(LOG_INFO, "recovered", "releases=%zu epoch=%lld", e->n,
		         (long long)store_epoch(e->app->store));
		registry_trim(e);
		incidents_restart(e);
		resume_all(e);
		incidents_poll(e);
	} else if (load->whole && e->load_again) {
		engine_reload(e, e->lease_held);
	}
	if (one != NULL) {
		one->stale = err != NULL;
		door_pump(e, one);
		if (err == NULL)
			door_decide(e, one);
	} else if (err == NULL && !load->whole && e->owner) {
		follow_outbox(e);
	}
}

static void on_done(void *ctx, const struct err *err)
{
	struct load *load = ctx;

	if (load->fetched != NULL)
		load->fetched(load->fetched_ctx, err);
	else
		load_done(load, err);
	freeze_list_fini(&load->freezes);
	free(load);
}

static struct load *load_new(struct engine *e, struct store_load *out)
{
	struct load *load = calloc(1, sizeof(*load));

	if (load == NULL)
		return NULL;
	load->engine = e;
	*out = (struct store_load){.release = on_release,
	                           .policy = on_policy,
	                           .freeze = on_freeze,
	                           .done = on_done,
	                           .ctx = load};
	return load;
}

void engine_reload(struct engine *e, bool for_owner)
{
	struct err err = {.code = ERR_NONE};
	struct store_load calls;
	struct load *load;

	if (e->loading) {
		e->load_again = true;
		return;
	}
	load = load_new(e, &calls);
	if (load == NULL)
		return;
	load->whole = true;
	load->for_owner = for_owner;
	e->load_again = false;
	e->loading = true;
	if (!store_load_all(e->app->store, &calls, &err)) {
		e->loading = false;
		log_err(LOG_WARN, "load_failed", &err, "rows=0");
		free(load);
	}
}

void engine_reload_release(struct engine *e, struct tracked *t)
{
	struct err err = {.code = ERR_NONE};
	struct store_load calls;
	struct load *load = load_new(e, &calls);

	if (load == NULL)
		return;
	load->one = t->release->id;
	if (!store_load_release(e->app->store, t->release->id, &calls, &err))
		free(load); /* stays stale; tried again at the next tick */
}

void engine_poll(void *ctx)
{
	struct engine *e = ctx;
	struct err err = {.code = ERR_NONE};
	struct store_load calls;
	struct load *load;

	loop_timer_start(&e->poll, ENGINE_POLL_MS);
	incidents_poll(e);
	if (!e->store_up || e->polling || e->loading)
		return;
	if (!e->loaded || (e->lease_held && !e->owner)) {
		engine_reload(e, e->lease_held);
		return;
	}
	load = load_new(e, &calls);
	if (load == NULL)
		return;
	e->polling = true;
	if (!store_load_changed(e->app->store, &calls, &err)) {
		e->polling = false;
		free(load);
	}
}

bool engine_fetch(struct engine *e, int64_t id, const char *service, const char *version,
                  const char *environment, engine_done_fn fn, void *ctx, struct err *err)
{
	struct store_load calls;
	struct load *load = load_new(e, &calls);
	bool asked;

	if (load == NULL)
		return err_set(err, ERR_NOMEM, "no memory to look into the database");
	load->fetched = fn;
	load->fetched_ctx = ctx;
	asked = service == NULL ? store_load_release(e->app->store, id, &calls, err)
	                        : store_load_version(e->app->store, service, version, environment,
	                                             &calls, err);
	if (!asked)
		free(load);
	return asked;
}
