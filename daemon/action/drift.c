/* drift - claim, look, look again, record or repair: one struct per look. */
#include "action/drift.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/delivery.h"
#include "action/readback.h"
#include "app.h"
#include "base/str.h"
#include "config.h"
#include "engine/engine.h"
#include "failpoint.h"
#include "log.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "store/store.h"

#define POLL_MS 500
#define AGAIN_MS INT64_C(2000) /* between the two looks that must agree */
#define IN_FLIGHT_MAX 64
#define CLAIM_SLACK_MS INT64_C(15000) /* to record what was seen before another may look */
#define CLAIM_PATIENCE_NS INT64_C(60000000000)
/* A transition that began before a repair was committed does not know of it. It has ended by then:
 * it waits a second for a lock at most, and an advance that it outdates is not sent after it. */
#define ADVANCE_WAITS_MS INT64_C(2000)

struct look {
	struct drift *drift;
	struct look *next, **link; /* in drift.looks */
	struct store_look claimed; /* its texts are own */
	char *action, *read, *read_text;
	int nth; /* 1, 2 */
	struct readback *reading;
	struct loop_timer pause;
	char text[400]; /* what was seen last */
	bool is_repair; /* being recorded */
	bool is_over;   /* an equal look after a drift */
};

struct drift {
	struct app *app;
	struct fetcher *fetcher;
	struct loop_timer poll;
	struct look *looks;
	size_t nlooks;
	int64_t claim_ms;
	bool claiming;
	struct mono asked_at;
};

static void look_free(struct look *l)
{
	loop_timer_stop(&l->pause);
	readback_free(&l->reading);
	*l->link = l->next;
	if (l->next != NULL)
		l->next->link = l->link;
	l->drift->nlooks--;
	free(l->action);
	free(l->read);
	free(l->read_text);
	free(l);
}

/* --- recording --- */

static void log_look(enum log_level level, const char *event, const struct look *l)
{
	log_line(level, event, "id=%s release=%" PRId64 " action=%s why=%s",
	         log_quote(l->claimed.id), l->claimed.release_id, log_quote(l->action),
	         log_quote(l->text));
}

/* The claim of a look whose record failed lapses, and then somebody looks again. */
static void on_recorded(void *ctx, const struct err *err)
{
	struct look *l = ctx;
	struct app *app = l->drift->app;
	int64_t release_id = l->claimed.release_id;
	bool is_news = err == NULL && (l->is_repair || l->is_over);
	bool is_repair = l->is_repair;

	if (err != NULL)
		log_err(err->code == ERR_CONFLICT ? LOG_DEBUG : LOG_WARN, "look_not_recorded", err,
		        "id=%s", log_quote(l->claimed.id));
	else if (l->is_repair)
		log_look(LOG_WARN, "drift_found", l);
	else if (l->is_over)
		log_look(LOG_INFO, "drift_over", l);
	look_free(l);
	if (err == NULL && is_repair)
		FAILPOINT(DRIFT_AFTER_REPAIR);
	if (is_news)
		engine_outbox_changed(app->engine, release_id);
	if (err == NULL && is_repair)
		delivery_kick(app->delivery);
}

static void record(struct look *l, bool is_equal)
{
	struct err err = {.code = ERR_NONE};

	l->is_over = is_equal && l->claimed.has_drifted;
	if (!store_looked(l->drift->app->store, l->claimed.id, l->text, is_equal, on_recorded, l,
	                  &err))
		on_recorded(l, &err);
}

static void repair(struct look *l)
{
	int64_t delay_ms = l->claimed.class == MESSAGE_ADVANCE ? ADVANCE_WAITS_MS : 0;
	struct err err = {.code = ERR_NONE};

	l->is_repair = true;
	if (!store_repair(l->drift->app->store, &l->claimed, l->text, delay_ms, on_recorded, l,
	                  &err))
		on_recorded(l, &err);
}

/* --- looking --- */

static void look_now(struct look *l);

/* Said once, and again when it changes. */
static void note_unreadable(const struct look *l)
{
	if (l->read_text == NULL || strcmp(l->read_text, l->text) != 0)
		log_look(LOG_WARN, "read_back_failed", l);
}

static void on_read(void *ctx, const struct readback_end *seen)
{
	struct look *l = ctx;

	readback_free(&l->reading);
	(void)snprintf(l->text, sizeof(l->text), "%s", seen->text);
	text_mend_cut(l->text, sizeof(l->text));
	switch (seen->found) {
	case READBACK_EQUAL:
		record(l, true);
		return;
	case READBACK_UNREADABLE:
		note_unreadable(l);
		record(l, false);
		return;
	case READBACK_OTHER:
		break;
	}
	if (l->nth == 1)
		loop_timer_start(&l->pause, AGAIN_MS);
	else
		repair(l);
}

static void look_again(void *ctx)
{
	look_now(ctx);
}

static void look_now(struct look *l)
{
	struct drift *d = l->drift;
	struct err err = {.code = ERR_NONE};

	l->nth++;
	l->reading = readback_start(d->app, d->fetcher, l->read, on_read, l, &err);
	if (l->reading == NULL)
		on_read(l, &(struct readback_end){.found = READBACK_UNREADABLE, .text = err.text});
}

static struct look *look_new(struct drift *d, const struct store_look *claimed)
{
	struct look *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->drift = d;
	l->claimed = *claimed;
	l->action = text_dup(claimed->action);
	l->read = text_dup(claimed->read);
	l->read_text = text_dup(claimed->read_text);
	l->claimed.action = l->action;
	l->claimed.read = l->read;
	l->claimed.read_text = l->read_text;
	loop_timer_init(&l->pause, d->app->loop, look_again, l);
	l->next = d->looks;
	l->link = &d->looks;
	if (l->next != NULL)
		l->next->link = &l->next;
	d->looks = l;
	d->nlooks++;
	if (l->action != NULL && l->read != NULL)
		return l;
	look_free(l);
	return NULL;
}

/* --- claiming --- */

static void on_claimed(void *ctx, const struct store_look *looks, size_t n, const struct err *err)
{
	struct drift *d = ctx;

	d->claiming = false;
	if (err != NULL)
		log_err(LOG_DEBUG, "looks_not_claimed", err, "instance=%s", d->app->instance);
	for (size_t i = 0; i < n; i++) {
		struct look *l = look_new(d, &looks[i]);

		if (l != NULL) /* else its claim lapses */
			look_now(l);
	}
}

/* An answer that never comes must not end all looks; one that comes late does no harm. */
static void give_up_claim(struct drift *d)
{
	int64_t waited_ns = loop_now(d->app->loop).mono.ns - d->asked_at.ns;

	if (d->claiming && waited_ns > CLAIM_PATIENCE_NS)
		d->claiming = false;
}

static void on_poll(void *ctx)
{
	struct drift *d = ctx;
	struct err err;

	loop_timer_start(&d->poll, POLL_MS);
	give_up_claim(d);
	if (d->claiming || d->app->store == NULL || !store_is_up(d->app->store) ||
	    d->nlooks >= IN_FLIGHT_MAX)
		return;
	d->asked_at = loop_now(d->app->loop).mono;
	d->claiming = store_looks(d->app->store, (int64_t)(IN_FLIGHT_MAX - d->nlooks), d->claim_ms,
	                          on_claimed, d, &err);
}

/* Two looks at the slowest, and the pause between them. */
static int64_t longest_claim_ms(const struct config *config)
{
	int64_t longest = READBACK_TIMEOUT_MS;

	for (size_t i = 0; i < config->ndestinations; i++) {
		const struct config_destination *to = &config->destinations[i];

		if (to->kind == DESTINATION_WEBHOOK && to->timeout_ms > longest)
			longest = to->timeout_ms;
	}
	return 2 * longest + AGAIN_MS + CLAIM_SLACK_MS;
}

struct drift *drift_new(struct app *app, struct err *err)
{
	struct drift *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory for the looks at states");
		return NULL;
	}
	d->app = app;
	d->claim_ms = longest_claim_ms(app->config);
	d->fetcher = fetcher_new(app->loop, 1, IN_FLIGHT_MAX, err);
	if (d->fetcher == NULL) {
		free(d);
		return NULL;
	}
	loop_timer_init(&d->poll, app->loop, on_poll, d);
	loop_timer_start(&d->poll, POLL_MS);
	return d;
}

/* The store is freed next and forgets what it owes us: no answer comes after this. */
void drift_free(struct drift **drift)
{
	struct drift *d = *drift;

	if (d == NULL)
		return;
	*drift = NULL;
	loop_timer_stop(&d->poll);
	for (struct look *l = d->looks, *next; l != NULL; l = next) {
		next = l->next;
		look_free(l);
	}
	fetcher_free(&d->fetcher);
	free(d);
}
