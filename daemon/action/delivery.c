/*
 * delivery - claim, send, read back, record, tell the engine: one struct per message from claim to
 * record.
 *
 * Every step may happen twice (a crash, a lapsed claim, an answer that was not recorded); the
 * message's id is the same each time and receivers know it again. Requests go out through a fetcher
 * of their own, so that targets that hang cannot hold up a rollback.
 */
#include "action/delivery.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/carrier.h"
#include "action/lanes.h"
#include "action/readback.h"
#include "action/retry.h"
#include "action/sending.h"
#include "app.h"
#include "base/str.h"
#include "config.h"
#include "destination.h"
#include "engine/engine.h"
#include "failpoint.h"
#include "log.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "metrics.h"
#include "store/store.h"

#define POLL_MS 250
#define DAMPEN_WAIT_MS 5000 /* for so long the way back lets go first what dampens it */
#define MULTIS 4
#define TIMEOUT_MS INT64_C(15000)
#define CLAIM_SLACK_MS INT64_C(15000) /* to record the answer before another instance may claim */
#define NS_PER_MS 1000000

static void claim(struct claimer *c);
static void send_waiting(struct delivery *d);

static void sending_free(struct sending *s)
{
	if (s->carried != NULL)
		s->carrier->free(s->carried);
	readback_free(&s->reading);
	free(s->read);
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	lanes_leave(s->delivery->lanes, s->class, s->to);
	free(s);
}

/* --- recording --- */

static void on_recorded(void *ctx, const struct err *err)
{
	struct sending *s = ctx;
	struct delivery *d = s->delivery;
	int64_t release_id = s->release_id;
	enum lanes_kind kind = lanes_kind_of(s->class);

	if (err != NULL)
		log_err(LOG_WARN, "delivery_not_recorded", err, "id=%s", log_quote(s->id));
	FAILPOINT(DELIVERY_AFTER_RECORD);
	sending_free(s);
	if (err == NULL)
		engine_outbox_changed(d->app->engine, release_id);
	hold_look_if_stopped(d);
	/* The next message of this release and destination may go out now. */
	claim(&d->claimers[kind]);
}

static enum log_level level_of(const struct retry *r, enum message_class class)
{
	switch (r->how) {
	case DELIVERY_ACKNOWLEDGED:
	case DELIVERY_TAKEN:
		return LOG_INFO;
	case DELIVERY_RETRY:
		return LOG_WARN;
	case DELIVERY_REFUSED:
	case DELIVERY_DEAD:
		break;
	}
	/* A rollback that is refused is tried again and again; the release calls people once. */
	return class == MESSAGE_ROLLBACK ? LOG_WARN : LOG_ERROR;
}

static void log_end(const struct sending *s, const struct carried *e, const struct retry *r)
{
	static const char *const events[] = {
	        [DELIVERY_ACKNOWLEDGED] = "delivery_acknowledged",
	        [DELIVERY_RETRY] = "delivery_failed",
	        [DELIVERY_REFUSED] = "delivery_refused",
	        [DELIVERY_DEAD] = "delivery_given_up",
	        [DELIVERY_TAKEN] = "delivery_taken",
	};

	log_line(level_of(r, s->class), events[r->how],
	         "id=%s release=%" PRId64 " class=%s action=%s destination=%s attempt=%" PRId64
	         " status=%ld took_ms=%" PRId64 " retry_ms=%" PRId64 " why=%s",
	         log_quote(s->id), s->release_id, message_class_names[s->class],
	         log_quote(s->action), log_quote(s->destination), s->attempts, e->status,
	         e->elapsed_ms, r->retry_ms, log_quote(e->text));
}

/* How an attempt ended: the one place where it is judged, logged, counted and recorded. */
static void end_attempt(struct sending *s, const struct carried *e)
{
	struct delivery *d = s->delivery;
	struct retry r = retry_decide(&(struct attempt){
	        .class = s->class,
	        .attempts = s->attempts,
	        .age_ms = s->is_repair ? 0 : loop_now(d->app->loop).wall.ms - s->created_at.ms,
	        .how = e->how,
	        .retry_after_ms = e->retry_after_ms,
	        .callback_ms = s->callback_ms,
	        .seed = str_hash(str_of(s->id), d->app->seed) + (uint64_t)s->attempts,
	});
	struct err err = {.code = ERR_NONE};

	s->has_ended = true;
	if (r.how != DELIVERY_TAKEN) /* counted when its receiver calls back */
		metric_add(d->app->metrics,
		           r.how == DELIVERY_ACKNOWLEDGED ? METRIC_DELIVERIES
		                                          : METRIC_DELIVERY_FAILURES,
		           1);
	log_end(s, e, &r);
	if (!store_ended(d->app->store,
	                 &(struct store_ending){.message_id = s->id,
	                                        .attempts = s->attempts,
	                                        .repairs = s->repairs,
	                                        .how = r.how,
	                                        .retry_ms = r.retry_ms,
	                                        .status = e->status,
	                                        .text = e->text,
	                                        .read_text = s->read_text,
	                                        .reads_other = s->reads_other},
	                 on_recorded, s, &err)) {
		/* The claim lapses, and the message goes out once more under the same id. */
		log_err(LOG_WARN, "delivery_not_recorded", &err, "id=%s", log_quote(s->id));
		sending_free(s);
		hold_look_if_stopped(d);
	}
	send_waiting(d);
}

void sending_give_back(struct sending *s, const char *why)
{
	s->is_waiting = false;
	end_attempt(s,
	            &(struct carried){.how = CARRIED_NOT_SENT, .retry_after_ms = -1, .text = why});
}

/* --- reading back: what is said to be done counts once it is seen --- */

/* Both texts are gone when this returns; what is recorded of them is copied. */
static void on_read(void *ctx, const struct readback_end *seen)
{
	struct sending *s = ctx;
	struct carried end = s->answer;
	char text[640];

	readback_free(&s->reading);
	s->read_text = seen->text;
	s->reads_other = seen->found == READBACK_OTHER;
	if (seen->found != READBACK_EQUAL) {
		(void)snprintf(text, sizeof(text), "%s, but %s", s->answer_text, seen->text);
		end.how = CARRIED_FAILED;
		end.text = text;
	}
	end_attempt(s, &end);
}

static void keep_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text != NULL ? text : "");
	text_mend_cut(out, size);
}

static void read_back(struct sending *s, const struct carried *end)
{
	struct delivery *d = s->delivery;
	struct err err = {.code = ERR_NONE};

	s->answer = *end;
	keep_text(s->answer_text, sizeof(s->answer_text), end->text);
	s->answer.text = s->answer_text;
	s->has_ended = true;
	s->reading = readback_start(d->app, d->readers, s->read, on_read, s, &err);
	if (s->reading != NULL)
		send_waiting(d);
	else
		on_read(s, &(struct readback_end){.found = READBACK_UNREADABLE, .text = err.text});
}

/* --- sending --- */

static void on_carried(void *ctx, const struct carried *end)
{
	struct sending *s = ctx;

	FAILPOINT(DELIVERY_AFTER_REPLY);
	if (end->how == CARRIED_OK && s->read != NULL && s->callback_ms == 0)
		read_back(s, end);
	else
		end_attempt(s, end);
}

/* Commands may take longer than their claim, which is renewed meanwhile. */
static int64_t timeout_ms_of(const struct config_destination *to)
{
	if (to != NULL && to->kind == DESTINATION_COMMAND)
		return TIMEOUT_MS;
	return to != NULL && to->timeout_ms > 0 ? to->timeout_ms : TIMEOUT_MS;
}

/* Nothing waits for a smoke test, and for what dampens only while it is tried for the first time,
 * and not for long: a command, or a receiver that hangs, must not keep the way back. */
static bool is_waited_for(const struct sending *s)
{
	int64_t age_ms = loop_now(s->delivery->app->loop).wall.ms - s->created_at.ms;

	return s->option >= 0 || (s->option == MESSAGE_DAMPENS && s->attempts <= 1 && age_ms >= 0 &&
	                          age_ms < DAMPEN_WAIT_MS);
}

/* Rollbacks wait for nothing in the database, so several messages of one may be claimed together.
 * To one receiver they go one after the other: overtaken by the second, the first would be refused
 * as stale. What dampens goes first and all at once, so that together they cost the way back no
 * more than one of them. Commands may take long: the next way back does not wait for the end of
 * the one that did not help. */
static bool must_wait(const struct sending *s)
{
	if (s->class != MESSAGE_ROLLBACK || s->option == MESSAGE_DAMPENS)
		return false;
	for (const struct sending *o = s->delivery->sendings; o != NULL; o = o->next) {
		bool is_earlier = (o->row_version < s->row_version && s->carrier->stop == NULL) ||
		                  (o->row_version == s->row_version && o->sequence < s->sequence);

		if (is_earlier && !o->has_ended && is_waited_for(o) && o->class == s->class &&
		    o->release_id == s->release_id && o->to == s->to)
			return true;
	}
	return false;
}

/* After a pause of this process or of the whole machine its claims may have run out, and others may
 * have moved on: what was claimed before is no longer ours to send. */
static bool drop_lapsed(struct sending *s)
{
	const struct delivery *d = s->delivery;
	int64_t since_ms = (loop_now(d->app->loop).mono.ns - s->asked_at.ns) / NS_PER_MS;

	if (retry_claim_stands(s->class, since_ms, d->claim_ms, timeout_ms_of(s->to)))
		return false;
	log_line(LOG_WARN, "delivery_claim_lapsed", "id=%s release=%" PRId64 " class=%s",
	         log_quote(s->id), s->release_id, message_class_names[s->class]);
	sending_free(s);
	return true;
}

static void send_now(struct sending *s)
{
	struct err err = {.code = ERR_NONE};

	s->is_waiting = false;
	if (!s->carrier->start(s->carried, &err))
		end_attempt(s, &(struct carried){.how = CARRIED_NOT_SENT,
		                                 .retry_after_ms = -1,
		                                 .text = err.text});
}

/* The list may change with each that is sent. */
static void send_waiting(struct delivery *d)
{
	struct sending *s = d->stopping ? NULL : d->sendings;

	while (s != NULL) {
		if (s->is_waiting && !must_wait(s)) {
			if (!drop_lapsed(s))
				send_now(s);
			s = d->sendings;
		} else {
			s = s->next;
		}
	}
}

/* A repeat of what is acknowledged (rule R8) is not read back here: the next look is due at once.
 */
static struct sending *sending_new(struct delivery *d, const struct store_message *m,
                                   struct mono asked_at)
{
	struct sending *s = calloc(1, sizeof(*s));
	bool reads_back = m->read != NULL && !m->is_repeat;

	if (s != NULL && reads_back)
		s->read = text_dup(m->read);
	if (s == NULL || (reads_back && s->read == NULL)) {
		free(s);
		return NULL;
	}
	s->delivery = d;
	s->is_repair = m->has_drifted;
	s->asked_at = asked_at;
	keep_text(s->id, sizeof(s->id), m->id);
	keep_text(s->action, sizeof(s->action), m->action);
	keep_text(s->destination, sizeof(s->destination), m->destination);
	s->to = config_destination(d->app->config, m->destination);
	s->release_id = m->release_id;
	s->row_version = m->row_version;
	s->sequence = m->sequence;
	s->class = m->class;
	s->option = m->option;
	s->attempts = m->attempts;
	s->repairs = m->repairs;
	s->callback_ms = m->is_told ? 0 : m->callback_ms;
	s->created_at = m->created_at;
	s->next = d->sendings;
	s->link = &d->sendings;
	if (s->next != NULL)
		s->next->link = &s->next;
	d->sendings = s;
	lanes_enter(d->lanes, s->class, s->to);
	return s;
}

/* False with *err: nothing can be sent. */
static bool prepare(struct sending *s, const struct store_message *m, struct err *err)
{
	struct app *app = s->delivery->app;

	if (s->to == NULL)
		return err_set(err, ERR_NOT_FOUND,
		               "this instance's configuration has no destination %s",
		               s->destination);
	s->carrier = carrier_for(s->to->kind);
	s->carried = s->carrier->prepare(&(struct carrier_job){.app = app,
	                                                       .fetcher = s->delivery->fetcher,
	                                                       .to = s->to,
	                                                       .done = on_carried,
	                                                       .ctx = s},
	                                 m, err);
	return s->carried != NULL;
}

/* An instance that does not own the releases and lacks the destination must not refuse in the
 * owner's name: the message goes back for the owner to take. */
static enum carried_how how_unprepared(const struct sending *s, const struct err *err)
{
	if (err->code == ERR_NOMEM || !engine_is_owner(s->delivery->app->engine))
		return CARRIED_NOT_SENT;
	return CARRIED_UNDELIVERABLE;
}

static void begin(struct delivery *d, const struct store_message *m, struct mono asked_at)
{
	struct sending *s = sending_new(d, m, asked_at);
	struct err err = {.code = ERR_NONE};

	if (s == NULL) {
		log_line(LOG_ERROR, "delivery_without_memory", "id=%s", log_quote(m->id));
		return; /* the claim lapses */
	}
	if (drop_lapsed(s))
		return;
	if (s->class == MESSAGE_ROLLBACK)
		hold_end_advances(d, s->release_id);
	if (m->is_told)
		read_back(s, &(struct carried){.how = CARRIED_OK,
		                               .status = 200, /* answered, by its call */
		                               .retry_after_ms = -1,
		                               .text = "the receiver says that it is done"});
	else if (!prepare(s, m, &err))
		end_attempt(s, &(struct carried){.how = how_unprepared(s, &err),
		                                 .retry_after_ms = -1,
		                                 .text = err.text});
	else if (must_wait(s))
		s->is_waiting = true;
	else
		send_now(s);
}

/* --- claiming --- */

static void on_claimed(void *ctx, const struct store_message *messages, size_t n,
                       const struct err *err)
{
	struct claimer *c = ctx;
	struct delivery *d = c->delivery;
	bool again = c->again;

	c->claiming = false;
	c->again = false;
	if (err != NULL) {
		log_err(LOG_DEBUG, "claim_failed", err, "instance=%s", d->app->instance);
		return;
	}
	if (n > 0)
		FAILPOINT(DELIVERY_AFTER_CLAIM);
	for (size_t i = 0; i < n && !d->stopping; i++) /* else the claims lapse */
		begin(d, &messages[i], c->asked_at);
	if (again)
		claim(c);
}

static void claim(struct claimer *c)
{
	struct delivery *d = c->delivery;
	struct store_claim what;
	struct err err;

	if (c->claiming) {
		c->again = true;
		return;
	}
	if (d->stopping || d->app->store == NULL || !store_is_up(d->app->store) ||
	    !lanes_free_places(d->lanes, c->kind, &what))
		return;
	if (!engine_is_owner(d->app->engine))
		what.strangers = 0; /* it could only give them back, and so delay them */
	if (what.limit + what.strangers == 0)
		return;
	c->claiming = store_claim(d->app->store, &what, d->claim_ms, on_claimed, c, &err);
	c->asked_at = loop_now(d->app->loop).mono;
}

/* Rollbacks first: their statement is ahead of the others' on the connection. */
static void claim_all(struct delivery *d)
{
	for (size_t i = 0; i < LANES_KINDS; i++)
		claim(&d->claimers[i]);
}

static void on_poll(void *ctx)
{
	struct delivery *d = ctx;

	loop_timer_start(&d->poll, POLL_MS);
	send_waiting(d);
	claim_all(d);
}

void delivery_kick(struct delivery *d)
{
	FAILPOINT(DELIVERY_BEFORE_CLAIM);
	claim_all(d);
}

void delivery_store_changed(struct delivery *d)
{
	/* What was asked of the old connection is answered with an error by then. */
	claim_all(d);
}

/* A claim outlasts the slowest request. Those of commands are renewed while they run. */
static int64_t longest_claim_ms(const struct config *config)
{
	int64_t longest = config->ndestinations == 0 ? TIMEOUT_MS : 0;

	for (size_t i = 0; i < config->ndestinations; i++) {
		int64_t timeout_ms = timeout_ms_of(&config->destinations[i]);

		if (timeout_ms > longest)
			longest = timeout_ms;
	}
	return longest + CLAIM_SLACK_MS;
}

static void warn_of_exposed(const struct config *config)
{
	for (size_t i = 0; i < config->ndestinations; i++) {
		const struct config_destination *to = &config->destinations[i];

		if (destination_is_exposed(to))
			log_line(LOG_WARN, "destination_without_tls",
			         "destination=%s credentials=%s why=%s", log_quote(to->name),
			         to->authorization != NULL ? "yes" : "no",
			         log_quote("no TLS to another machine: messages can be read "
			                   "and held back on the way"));
	}
}

struct delivery *delivery_new(struct app *app, struct err *err)
{
	struct delivery *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory for the delivery");
		return NULL;
	}
	d->app = app;
	warn_of_exposed(app->config);
	d->claim_ms = longest_claim_ms(app->config);
	d->lanes = lanes_new(app->config->destinations, app->config->ndestinations);
	if (d->lanes == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory for the delivery");
		goto fail;
	}
	for (size_t i = 0; i < LANES_KINDS; i++)
		d->claimers[i] = (struct claimer){.delivery = d, .kind = (enum lanes_kind)i};
	d->fetcher = fetcher_new(app->loop, MULTIS, lanes_max(d->lanes), err);
	if (d->fetcher != NULL)
		d->readers = fetcher_new(app->loop, 1, lanes_max(d->lanes), err);
	if (d->readers == NULL)
		goto fail;
	loop_timer_init(&d->poll, app->loop, on_poll, d);
	loop_timer_start(&d->poll, POLL_MS);
	hold_init(d);
	return d;
fail:
	fetcher_free(&d->fetcher);
	lanes_free(&d->lanes);
	free(d);
	return NULL;
}

/* The store is freed next and forgets what it owes us: no answer comes after this. */
void delivery_free(struct delivery **delivery)
{
	struct delivery *d = *delivery;

	if (d == NULL)
		return;
	*delivery = NULL;
	loop_timer_stop(&d->poll);
	hold_fini(d);
	for (struct sending *s = d->sendings, *next; s != NULL; s = next) {
		next = s->next;
		sending_free(s);
	}
	fetcher_free(&d->readers);
	fetcher_free(&d->fetcher);
	lanes_free(&d->lanes);
	free(d);
}
