/*
 * hold - messages that take long to carry out, or to be read back. Their claims are short and
 * renewed, so that a crash is noticed soon; the answer says whether they were overtaken meanwhile.
 */
#include "action/sending.h"

#include <string.h>

#include "action/delivery.h"
#include "app.h"
#include "config.h"
#include "log.h"
#include "store/store.h"

#define RENEW_MS 2000  /* others may take a rollback after 5 s */
#define RENEW_MAX 2048 /* more than lanes allow; what is beyond may run twice */

/* --- ending --- */

static bool is_long(const struct sending *s)
{
	return s->carried != NULL && s->carrier->stop != NULL && !s->has_ended;
}

/* Whether one was given back: the list has changed then. */
static bool end_one(struct sending *s, const char *why)
{
	if (s->is_waiting) {
		sending_give_back(s, why);
		return true;
	}
	s->carrier->stop(s->carried);
	return false;
}

void hold_end_advances(struct delivery *d, int64_t release_id)
{
	struct sending *s = d->sendings;

	while (s != NULL) {
		if (is_long(s) && s->class == MESSAGE_ADVANCE && s->release_id == release_id &&
		    end_one(s, "overtaken by a rollback before its turn"))
			s = d->sendings;
		else
			s = s->next;
	}
}

static struct sending *find(struct delivery *d, const char *id)
{
	for (struct sending *s = d->sendings; s != NULL; s = s->next) {
		if (strcmp(s->id, id) == 0)
			return s;
	}
	return NULL;
}

/* --- renewal --- */

static void on_renewed(void *ctx, const struct store_renewed *rows, size_t n, const struct err *err)
{
	struct delivery *d = ctx;

	d->renewing = false;
	if (err != NULL) {
		log_err(LOG_DEBUG, "renewal_failed", err, "instance=%s", d->app->instance);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct sending *s = find(d, rows[i].id);

		if (s == NULL || !is_long(s))
			continue;
		if (rows[i].is_over || (rows[i].is_parked && s->is_waiting)) {
			log_line(LOG_INFO, "delivery_overtaken", "id=%s release=%lld action=%s",
			         log_quote(s->id), (long long)s->release_id, log_quote(s->action));
			(void)end_one(s, "overtaken before its turn");
		} else if (!rows[i].is_over) {
			s->asked_at = d->renewed_from;
		}
	}
}

static void on_renew(void *ctx)
{
	struct delivery *d = ctx;
	const char *ids[RENEW_MAX];
	struct err err;
	size_t n = 0;

	loop_timer_start(&d->renew, RENEW_MS);
	for (struct sending *s = d->sendings; s != NULL && n < RENEW_MAX; s = s->next) {
		if (is_long(s) || s->reading != NULL)
			ids[n++] = s->id;
	}
	if (n == 0 || d->renewing || d->app->store == NULL || !store_is_up(d->app->store))
		return;
	d->renewed_from = loop_now(d->app->loop).mono;
	d->renewing = store_renew(d->app->store, ids, n, d->claim_ms, on_renewed, d, &err);
}

/* --- the daemon stops --- */

void hold_look_if_stopped(struct delivery *d)
{
	void (*stopped)(void *ctx) = d->stopped;

	if (stopped == NULL)
		return;
	for (const struct sending *s = d->sendings; s != NULL; s = s->next) {
		if (s->carried != NULL && s->carrier->stop != NULL)
			return;
	}
	d->stopped = NULL;
	stopped(d->stopped_ctx);
}

void delivery_stop(struct delivery *d, void (*done)(void *ctx), void *ctx)
{
	struct sending *s = d->sendings;

	d->stopping = true;
	d->stopped = done;
	d->stopped_ctx = ctx;
	while (s != NULL) {
		if (is_long(s) && end_one(s, "the daemon stops"))
			s = d->sendings;
		else
			s = s->next;
	}
	hold_look_if_stopped(d);
}

void hold_init(struct delivery *d)
{
	loop_timer_init(&d->renew, d->app->loop, on_renew, d);
	loop_timer_start(&d->renew, RENEW_MS);
}

void hold_fini(struct delivery *d)
{
	loop_timer_stop(&d->renew);
}
