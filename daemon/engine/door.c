/*
 * door - the one door: every change of a release, whoever asks, is an event given to release_step()
 * and committed in one statement; memory follows only when the commit is known to have happened.
 *
 * Why running twice is harmless: a commit is guarded by the row's version and named by a transition
 * id made here; the second one finds the version moved and is decided anew.
 */
#include "engine/door_op.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/delivery.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"

static void op_reply(struct door_op *op, enum door_answer answer, const char *text)
{
	struct door_reply reply = {.answer = answer,
	                           .refused = op->outcome.refused,
	                           .pointer = op->outcome.pointer,
	                           .release_id = op->release_id};
	struct tracked *t = registry_find(op->engine, op->release_id);

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	if (t != NULL)
		snprintf(reply.transition, sizeof(reply.transition), "%s", t->release->transition);
	if (answer == DOOR_REFUSED || answer == DOOR_CONFLICT)
		metric_add(op->engine->app->metrics, METRIC_REFUSALS, 1);
	if (op->fn != NULL && !op->answered)
		op->fn(op->ctx, &reply);
	door_op_free(op);
}

void door_tell_doubt(struct engine *e, struct tracked *t)
{
	struct door_op *op = t->committing;
	struct door_reply reply = {.answer = DOOR_UNAVAILABLE, .release_id = t->release->id};
	int64_t waited_ms;

	if (op == NULL || op->fn == NULL || op->answered || e->store_up)
		return;
	waited_ms = (loop_now(e->app->loop).mono.ns - op->asked_at.ns) / 1000000;
	if (waited_ms < ENGINE_DOUBT_MS)
		return;
	snprintf(reply.text, sizeof(reply.text),
	         "the database went away while this was being written: it is not known yet whether "
	         "it took effect, and will be looked up when the database is back; read the "
	         "release then");
	op->answered = true;
	op->fn(op->ctx, &reply);
}

/* What is pending is known without asking: exactly what this commit queued. What has drifted is
 * not: it is about earlier messages. */
static void count_messages(struct tracked *t, const struct outcome *outcome)
{
	size_t advance = 0, rollback = 0, dampen = 0, smoke = 0;

	for (size_t i = 0; i < outcome->nmessages; i++) {
		advance += outcome->messages[i].class == MESSAGE_ADVANCE;
		if (outcome->messages[i].class != MESSAGE_ROLLBACK)
			continue;
		rollback += outcome->messages[i].option >= 0;
		dampen += outcome->messages[i].option == MESSAGE_DAMPENS;
		smoke += outcome->messages[i].option == MESSAGE_SMOKE;
	}
	if (t->release->entry_version == t->release->row_version) {
		t->enter_pending = advance;
		t->enter_refused = false;
	}
	if (t->release->rollback.version == t->release->row_version) {
		t->rollback_pending = rollback;
		t->rollback_refused = false;
		outbox_forget_drift(t); /* what had drifted may not be wanted any more */
	}
	if (dampen > 0)
		t->dampen_pending = dampen;
	if (smoke > 0) {
		t->smoke_pending = smoke;
		t->smoke_failing = t->smoke_refused = t->smoke_unanswered = false;
	}
	if (advance > 0 || rollback > 0 || t->release->row_version == 1)
		t->outbox_known = true;
	if (t->release->row_version == 1)
		t->drift_known = true; /* nothing has been set */
	t->outbox_version = t->release->row_version;
}

static void checkpoint_after(struct engine *e, struct tracked *t, const struct decision *d)
{
	if (t->checkpoint == NULL)
		return;
	checkpoint_follow(t->checkpoint, t->release);
	if (d->resets_checkpoint || d->clears_votes)
		checkpoint_write(e, t, true);
}

/* Memory follows the commit. */
static void op_apply(struct door_op *op, struct tracked *t)
{
	struct engine *e = op->engine;
	struct metrics *m = e->app->metrics;
	const struct decision *d = &op->outcome.decision;

	door_op_log(op);
	metric_add(m, METRIC_TRANSITIONS, 1);
	if (!op->creates) {
		release_free(&t->release);
		t->release = op->outcome.next;
		op->outcome.next = NULL;
	}
	t->as_of = loop_now(e->app->loop).wall;
	t->backoff_ms = 0;
	tracked_bind(e, t);
	door_op_append_timeline(op, t);
	count_messages(t, &op->outcome);
	checkpoint_after(e, t, d);
	tracked_watch(e, t);
	if (op->outcome.nmessages > 0)
		delivery_kick(e->app->delivery);
}

static void automatic_backoff(struct engine *e, struct tracked *t, bool wholly)
{
	t->backs_off_wholly = wholly;
	t->backoff_ms = t->backoff_ms == 0 ? ENGINE_BACKOFF_FIRST_MS : t->backoff_ms * 2;
	if (t->backoff_ms > ENGINE_BACKOFF_LAST_MS)
		t->backoff_ms = ENGINE_BACKOFF_LAST_MS;
	t->backoff_until.ms = loop_now(e->app->loop).wall.ms + t->backoff_ms;
}

static void op_conflict(struct door_op *op, struct tracked *t)
{
	struct engine *e = op->engine;

	metric_add(e->app->metrics, METRIC_TRANSITION_CONFLICTS, 1);
	t->stale = true;
	if (op->fn == NULL) {
		/* Given up and decided anew on the fresh row (rule V4); what needs the lease waits
		 * a little, or a freeze would make it spin. */
		if (op->outcome.decision.needs_lease || op->outcome.decision.needs_thaw)
			automatic_backoff(e, t, false);
		op_reply(op, DOOR_CONFLICT, "");
	} else if (op->if_match != 0) {
		op_reply(op, DOOR_CONFLICT, "the release changed meanwhile: read it again");
	} else if (++op->tries >= ENGINE_DOOR_TRIES ||
	           ((op->outcome.decision.needs_lease || op->outcome.decision.needs_thaw) &&
	            op->tries >= 3)) {
		op_reply(op, DOOR_CONFLICT,
		         "this instance may not advance the release now (a freeze, another active "
		         "release, or another instance owns it): try again in a moment");
	} else {
		outcome_fini(&op->outcome);
		door_queue_first(t, op);
	}
	engine_reload_release(e, t);
}

static void op_committed(void *ctx, enum store_outcome outcome, const struct err *err)
{
	struct door_op *op = ctx;
	struct engine *e = op->engine;
	int64_t id = op->release_id;
	struct tracked *t = registry_find(e, id);

	assert(t != NULL && t->committing == op);
	t->committing = NULL;
	door_op_settle(op, outcome == STORE_COMMITTED);
	switch (outcome) {
	case STORE_COMMITTED:
		FAILPOINT(TRANSITION_AFTER_COMMIT);
		op_apply(op, t);
		op_reply(op, DOOR_DONE, "");
		break;
	case STORE_CONFLICT:
		op_conflict(op, t);
		return;
	case STORE_FAILED:
	default:
		log_err(LOG_WARN, "commit_failed", err, "release=%lld what=%s",
		        (long long)op->release_id, release_event_names[op->event.kind]);
		if (op->fn == NULL)
			automatic_backoff(e, t, true);
		/* Others may have moved the row while this was under way, and what was read of that
		 * was not taken then. */
		t->stale = true;
		op_reply(op, DOOR_UNAVAILABLE,
		         "the database did not take it; nothing has changed: try again");
		t = registry_find(e, id);
		engine_reload_release(e, t);
		break;
	}
	t = registry_find(e, id);
	/* Between any two that others ask for: where somebody always waits, headgate's own turn
	 * would never come. */
	round_look(e, t);
	door_decide(e, t);
	door_pump(e, t);
	door_decide(e, t);
}

/* Memory follows other instances by up to a second: before a person hears that something is so
 * already, or cannot be, the row itself is read. True when the operation waits for that. */
static bool op_looks(struct door_op *op, struct tracked *t)
{
	struct engine *e = op->engine;

	if (op->fn == NULL || op->looked || !e->store_up)
		return false;
	op->looked = true;
	outcome_fini(&op->outcome);
	door_queue_first(t, op);
	t->stale = true;
	engine_reload_release(e, t);
	return true;
}

static void op_refused(struct door_op *op)
{
	char text[sizeof(op->outcome.text)]; /* the outcome goes with the operation */

	snprintf(text, sizeof(text), "%s", op->outcome.text);
	op_reply(op, op->outcome.refused == REFUSED_REPEAT ? DOOR_REPEAT : DOOR_REFUSED, text);
}

/* What becomes of it by what is known here. False: it was answered, or waits for the row. */
static bool op_step(struct door_op *op, struct tracked *t)
{
	struct release_facts facts;
	struct err err = {.code = ERR_NONE};

	if (op->if_match != 0 && op->if_match != t->release->row_version) {
		if (!op_looks(op, t))
			op_reply(op, DOOR_CONFLICT,
			         "If-Match names another row_version: read the release again");
		return false;
	}
	if (t->bound == NULL) {
		op_reply(op, DOOR_UNAVAILABLE,
		         t->trouble == NULL ? "its policy cannot be used" : t->trouble);
		return false;
	}
	if (op->event.kind == EVENT_REPIN && !door_op_bind(op, t->release, &err)) {
		op->outcome.refused = REFUSED_INVALID;
		op->outcome.pointer = "/policy";
		snprintf(op->outcome.text, sizeof(op->outcome.text), "%s", err.text);
		op_refused(op);
		return false;
	}
	engine_facts(op->engine, t, &facts);
	release_step(t->release, t->checkpoint, t->bound, &op->event, &facts, &op->outcome);
	if (op->outcome.refused == REFUSED_NONE)
		return true;
	if (op->outcome.refused == REFUSED_NOMEM || !op_looks(op, t))
		op_refused(op);
	return false;
}

static bool op_commit(struct door_op *op, struct tracked *t, struct err *err)
{
	return store_commit(
	        op->engine->app->store,
	        &(struct store_commit){.next = op->outcome.next,
	                               .expected_version = t->release->row_version,
	                               .transition = op->transition,
	                               .decision = &op->outcome.decision,
	                               .messages = op->outcome.messages,
	                               .nmessages = op->outcome.nmessages,
	                               .actor = &op->event.by,
	                               .reason = op->event.reason == NULL ? "" : op->event.reason,
	                               .audit_bytes = buf_str(&op->audit),
	                               .hash = op->hash,
	                               .bound = t->bound,
	                               .evaluation = op->fn == NULL ? t->evaluation : NULL},
	        op_committed, op, err);
}

/* Decides and hands the commit to the store. True when a commit is under way. */
static bool op_start(struct door_op *op, struct tracked *t)
{
	struct err err = {.code = ERR_NONE};

	if (!op_step(op, t))
		return false;
	door_op_tell(op, t);
	if (!door_op_seal(op, &t->release->last_hash, &err) || !op_commit(op, t, &err)) {
		if (op->fn == NULL)
			automatic_backoff(op->engine, t, true);
		op_reply(op, DOOR_UNAVAILABLE, err.text);
		return false;
	}
	t->committing = op;
	return true;
}

void door_pump(struct engine *e, struct tracked *t)
{
	while (t->committing == NULL && t->ops != NULL) {
		if (t->stale) {
			if (!e->store_up)
				door_drop_all(e, t, "the database is away; nothing has changed");
			return; /* the reload pumps again */
		}
		(void)op_start(door_queue_take(t), t);
	}
}

void door_abandon(struct tracked *t)
{
	struct door_op *op = t->committing;

	t->committing = NULL;
	if (op != NULL)
		op_reply(op, DOOR_UNAVAILABLE,
		         "headgate is stopping; whether this took effect is not known");
}

void door_drop_all(struct engine *e, struct tracked *t, const char *why)
{
	(void)e;
	while (t->ops != NULL)
		op_reply(door_queue_take(t), DOOR_UNAVAILABLE, why);
}

static void pump_later(void *ctx)
{
	struct door_op *op = ctx; /* only its release id and engine are read */
	struct engine *e = op->engine;
	struct tracked *t = registry_find(e, op->release_id);

	if (t == NULL) {
		op_reply(op, DOOR_CONFLICT, "the release is gone");
		return;
	}
	door_queue_add(t, op);
	door_pump(e, t);
}

bool door_submit(struct engine *e, int64_t release_id, const struct event *event,
                 const struct principal *by, int64_t if_match, door_fn fn, void *ctx,
                 struct err *err)
{
	struct door_op *op;

	(void)by;
	if (!e->store_up)
		return err_set(
		        err, ERR_UNAVAILABLE,
		        "the database is away (%s); nothing was done: try again when it is back",
		        store_trouble(e->app->store));
	op = door_op_new(e, release_id);
	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a request");
	op->if_match = if_match;
	op->asked_at = loop_now(e->app->loop).mono;
	op->fn = fn;
	op->ctx = ctx;
	if (!door_op_take_event(op, event, err)) {
		door_op_free(op);
		return false;
	}
	if (!loop_later(e->app->loop, pump_later, op)) {
		door_op_free(op);
		return err_set(err, ERR_LIMIT, "too much is under way: try again in a moment");
	}
	return true;
}

/* A clock set back must not make a short wait a long one. */
static bool backs_off(const struct engine *e, const struct tracked *t)
{
	int64_t left_ms = t->backoff_until.ms - loop_now(e->app->loop).wall.ms;

	return left_ms > 0 && left_ms <= ENGINE_BACKOFF_LAST_MS;
}

/* A commit that failed outright is not repeated at once, whatever it was; but only the first short
 * pause holds a pause or rollback too. */
static bool backs_off_wholly(const struct engine *e, const struct tracked *t)
{
	int64_t since_ms = t->backoff_until.ms - t->backoff_ms;

	return t->backs_off_wholly && backs_off(e, t) &&
	       loop_now(e->app->loop).wall.ms < since_ms + ENGINE_BACKOFF_FIRST_MS;
}

/* Rule V4: an advance that was given up waits a little, a pause or rollback never does. */
static bool may_go_now(const struct engine *e, const struct tracked *t, const struct event *event)
{
	const struct transition *row =
	        release_transition(t->release->state, t->release->step, event->kind);

	return !backs_off(e, t) || (row != NULL && !(row->effects & (FX_LEASE | FX_THAW)));
}

/* Ahead of what others ask for: everything but an advance, which waits until nobody asks for
 * anything, and not ahead of what is more urgent still. */
static bool may_go_first(const struct tracked *t, const struct event *event)
{
	const struct transition *row =
	        release_transition(t->release->state, t->release->step, event->kind);

	return t->ops == NULL ||
	       (row != NULL && !(row->effects & (FX_LEASE | FX_THAW)) && !door_queue_is_urgent(t));
}

/* Headgate's own next step, if one is due. Nothing is decided while a commit is under way, the row
 * is known to have moved on, or this instance is not the owner. */
void door_decide(struct engine *e, struct tracked *t)
{
	struct err err = {.code = ERR_NONE};
	struct release_facts facts;
	struct event event = {0};
	struct door_op *op;

	if (!e->owner || !e->store_up || t->committing != NULL || t->stale || t->bound == NULL ||
	    backs_off_wholly(e, t))
		return;
	engine_facts(e, t, &facts);
	if (!release_due(t->release, t->checkpoint, t->bound, &facts, &event))
		return;
	op = may_go_now(e, t, &event) && may_go_first(t, &event) ? door_op_new(e, t->release->id)
	                                                         : NULL;
	if (op == NULL) {
		json_decref((json_t *)(uintptr_t)event.detail);
		return;
	}
	event.by.subject = "headgate";
	if (!door_op_take_event(op, &event, &err)) {
		door_op_free(op);
		op = NULL;
	}
	json_decref((json_t *)(uintptr_t)event.detail);
	if (op == NULL)
		return;
	(void)op_start(op, t);
}

/* A new release enters by the same door: its first snapshot is committed with expected version 0.
 * It is tracked only when the commit is known. */
static void created(void *ctx, enum store_outcome outcome, const struct err *err)
{
	struct door_op *op = ctx;
	struct engine *e = op->engine;
	struct err none = {.code = ERR_NONE};
	struct tracked *t;

	door_op_settle(op, outcome == STORE_COMMITTED);
	if (outcome != STORE_COMMITTED) {
		if (outcome == STORE_FAILED)
			log_err(LOG_WARN, "create_failed", err, "release=%lld",
			        (long long)op->release_id);
		op_reply(op, outcome == STORE_CONFLICT ? DOOR_CONFLICT : DOOR_UNAVAILABLE,
		         err == NULL ? "the same release was created meanwhile" : err->text);
		return;
	}
	if (registry_find(e, op->release_id) != NULL) {
		/* A load was faster, and it may have seen more than its beginning. */
		op_reply(op, DOOR_DONE, "");
		return;
	}
	t = registry_obtain(e, release_copy(op->outcome.next), &none);
	if (t == NULL) {
		e->loaded = false; /* the next poll reads it from the database */
		op_reply(op, DOOR_DONE, "");
		return;
	}
	t->bound = op->bound;
	op->bound = NULL;
	op_apply(op, t);
	op_reply(op, DOOR_DONE, "");
	registry_trim(e);
	door_decide(e, t);
}

bool door_create(struct engine *e, struct outcome *outcome_take, struct policy *bound_take,
                 const struct actor *actor, const char *reason, door_fn fn, void *ctx,
                 struct err *err)
{
	const struct audit_hash first = {{0}};
	struct door_op *op = door_op_new(e, outcome_take->next->id);

	if (op == NULL) {
		outcome_fini(outcome_take);
		policy_free(&bound_take);
		return err_set(err, ERR_NOMEM, "no memory for a release");
	}
	op->outcome = *outcome_take;
	op->bound = bound_take;
	op->creates = true;
	if (!door_op_take_event(op,
	                        &(struct event){.kind = op->outcome.decision.event,
	                                        .by = *actor,
	                                        .reason = reason},
	                        err))
		goto fail;
	door_op_tell(op, NULL);
	if (!door_op_seal(op, &first, err))
		goto fail;
	FAILPOINT(CREATE_BEFORE_SEND);
	if (!store_commit(e->app->store,
	                  &(struct store_commit){.next = op->outcome.next,
	                                         .expected_version = 0,
	                                         .transition = op->transition,
	                                         .decision = &op->outcome.decision,
	                                         .messages = op->outcome.messages,
	                                         .nmessages = op->outcome.nmessages,
	                                         .actor = &op->event.by,
	                                         .reason = reason == NULL ? "" : reason,
	                                         .audit_bytes = buf_str(&op->audit),
	                                         .hash = op->hash},
	                  created, op, err))
		goto fail;
	op->fn = fn;
	op->ctx = ctx;
	return true;
fail:
	door_op_free(op);
	return false;
}
