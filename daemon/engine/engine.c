/*
 * engine - birth, death, and the store's news.
 */
#include "engine/internal.h"

#include <stdlib.h>

#include "action/delivery.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"

struct engine *engine_new(struct app *app, struct err *err)
{
	struct engine *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory for the engine");
		return NULL;
	}
	e->app = app;
	if (!registry_init(e, err) || !policies_init(e, err)) {
		engine_free(&e);
		return NULL;
	}
	loop_timer_init(&e->tick, app->loop, engine_tick, e);
	loop_timer_init(&e->poll, app->loop, engine_poll, e);
	loop_timer_start(&e->tick, ENGINE_TICK_MS);
	loop_timer_start(&e->poll, ENGINE_POLL_MS);
	return e;
}

void engine_free(struct engine **engine)
{
	struct engine *e = *engine;

	if (e == NULL)
		return;
	if (e->tick.loop != NULL) {
		loop_timer_stop(&e->tick);
		loop_timer_stop(&e->poll);
	}
	/* Whoever is told now may look at the engine once more. */
	for (size_t i = 0; i < e->n; i++) {
		door_abandon(e->list[i]);
		door_drop_all(e, e->list[i], "headgate is stopping; nothing has changed");
	}
	*engine = NULL;
	registry_free(e);
	policies_free(e);
	freeze_list_fini(&e->freezes);
	outages_free(e);
	free(e);
}

void engine_store_up(void *ctx)
{
	struct engine *e = ctx;

	e->store_up = true;
	metric_set(e->app->metrics, METRIC_STORE_UP, 1);
	/* Rollbacks that were decided go out before anything else is looked at. */
	delivery_store_changed(e->app->delivery);
	policies_store_pending(e);
	engine_reload(e, e->lease_held);
}

void engine_store_down(void *ctx)
{
	struct engine *e = ctx;

	e->store_up = false;
	e->owner = false;
	e->loading = e->polling = e->incidents_asking = false;
	metric_set(e->app->metrics, METRIC_STORE_UP, 0);
	delivery_store_changed(e->app->delivery);
	for (size_t i = 0; i < e->n; i++) {
		e->list[i]->outbox_asked = false;
		door_drop_all(
		        e, e->list[i],
		        "the database went away; nothing has changed: try again when it is back");
	}
}

void engine_lease_gained(void *ctx, int64_t epoch)
{
	struct engine *e = ctx;

	FAILPOINT(LEASE_AFTER_GAIN);
	metric_set(e->app->metrics, METRIC_LEASE_HELD, 1);
	metric_set(e->app->metrics, METRIC_LEASE_EPOCH, (double)epoch);
	e->lease_held = true;
	delivery_kick(e->app->delivery);
	engine_reload(e, true);
}

void engine_lease_lost(void *ctx)
{
	struct engine *e = ctx;

	metric_set(e->app->metrics, METRIC_LEASE_HELD, 0);
	e->lease_held = false;
	e->owner = false;
	e->not_owner_since = loop_now(e->app->loop).wall;
}

bool engine_is_loaded(const struct engine *e)
{
	return e->loaded;
}

bool engine_is_owner(const struct engine *e)
{
	return e->owner;
}

struct wall engine_as_of(const struct engine *e)
{
	return e->as_of;
}
