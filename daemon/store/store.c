/*
 * store - the connection's ups and downs, what happens at the end of each turn and once a second,
 * and the table of all statements.
 */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "app.h"
#include "base/macros.h"
#include "log.h"
#include "metrics.h"

#define STATEMENT_DEADLINE_MS 5000
#define CONNECT_DEADLINE_MS 3000
#define QUEUE_MAX 1024
#define TICK_MS 1000
#define COUNT_EVERY 10 /* ticks between two counts of the outbox */
#define REPLAN_EVERY 60
#define PRUNE_EVERY 3600 /* ticks between two removals of old idempotency keys */

const struct pg_statement sql_schema = {
        "schema",
        "SELECT coalesce(max(version), 0) FROM headgate.migration",
        0,
};
const struct pg_statement sql_outbox_count = {
        "outbox_count",
        "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), "
        "0)::bigint"
        " FROM headgate.outbox"
        " WHERE (done_at IS NULL OR resend_at IS NOT NULL) AND superseded_by IS NULL AND NOT parked"
        " AND NOT dead AND done_at IS NULL",
        0,
};
const struct pg_statement sql_prune = {
        "prune",
        "SELECT headgate.idempotency_prune()",
        0,
};

/* A prepared statement keeps the plan made for the tables as they were when it was first used: on a
 * fresh database that is none for the size they reach within seconds, and 100 times slower. */
const struct pg_statement sql_replan = {
        "replan",
        "DISCARD PLANS",
        0,
};

static const struct pg_statement *const statements[] = {
#define X(name) &name,
        STORE_STATEMENTS(X)
#undef X
                NULL,
};

/* --- operations --- */

void *op_new(struct store *s, size_t size)
{
	struct op *op = calloc(1, size);

	if (op == NULL)
		return NULL;
	op->store = s;
	op->next = s->ops;
	op->link = &s->ops;
	if (op->next != NULL)
		op->next->link = &op->next;
	s->ops = op;
	return op;
}

void op_free(void *op)
{
	struct op *dead = op;

	if (dead == NULL)
		return;
	*dead->link = dead->next;
	if (dead->next != NULL)
		dead->next->link = dead->link;
	if (dead->fini != NULL)
		dead->fini(dead);
	free(dead);
}

bool store_send(struct store *s, const struct pg_statement *statement, struct pg_args *args,
                pg_reply_fn reply, void *op, struct err *err)
{
	if (!s->up) {
		pg_args_free(&args);
		return err_set(err, ERR_UNAVAILABLE, "%s", s->trouble);
	}
	if (s->draining && statement != &sql_lease_return) {
		pg_args_free(&args);
		return err_set(err, ERR_UNAVAILABLE, "headgate is stopping");
	}
	return pg_send_take(s->pg, statement, args, reply, op, err);
}

bool store_answered(const struct pg_reply *reply, struct err *err)
{
	if (reply->outcome == PG_DONE)
		return true;
	*err = reply->err;
	return false;
}

void *store_answered_rows(const struct pg_reply *reply, size_t size, size_t *out_n, struct err *err)
{
	size_t n;
	void *rows;

	*out_n = 0;
	if (!store_answered(reply, err))
		return NULL;
	n = (size_t)PQntuples(reply->result);
	rows = calloc(n > 0 ? n : 1, size);
	if (rows != NULL)
		*out_n = n;
	else
		err_set(err, ERR_NOMEM, "no memory for %zu rows", n);
	return rows;
}

/* A version 4 UUID (RFC 9562). */
void store_uuid(char out[RELEASE_UUID_TEXT])
{
	unsigned char b[16];

	if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		abort(); /* cannot fail for so few bytes once the kernel is up */
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	(void)snprintf(out, RELEASE_UUID_TEXT,
	               "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
	               b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
	               b[13], b[14], b[15]);
}

int64_t store_now_ms(const struct store *s)
{
	return loop_now(s->loop).wall.ms;
}

struct str store_id_key(const int64_t *id)
{
	return (struct str){.p = (const char *)id, .n = sizeof(*id)};
}

/* --- up and down --- */

/* Says it once per kind of trouble: attempts go on several times a second. */
static void store_set_trouble(struct store *s, const char *text)
{
	bool news = strcmp(s->trouble, text) != 0;

	(void)snprintf(s->trouble, sizeof(s->trouble), "%s", text);
	text_mend_cut(s->trouble, sizeof(s->trouble));
	if (news && *text != '\0')
		log_line(LOG_WARN, "store_unavailable", "why=%s", log_quote(text));
}

static void store_ready(struct store *s)
{
	s->up = true;
	s->up_since_tick = s->ticks;
	store_set_trouble(s, "");
	metric_set(s->app->metrics, METRIC_STORE_UP, 1);
	log_line(LOG_INFO, "store_up", "schema=%d", STORE_SCHEMA_VERSION);
	transitions_settle(s); /* before anything new of those releases */
	lease_ask(s);
	if (s->callbacks.up != NULL)
		s->callbacks.up(s->callbacks.ctx);
}

static void schema_answered(void *ctx, const struct pg_reply *reply)
{
	struct store *s = ctx;
	int64_t version;
	struct err err;
	char text[160];

	if (!store_answered(reply, &err)) {
		store_set_trouble(s, err.text);
		return;
	}
	version = pg_i64(reply->result, 0, 0);
	if (version == STORE_SCHEMA_VERSION) {
		if (!s->up)
			store_ready(s);
		return;
	}
	(void)snprintf(text, sizeof(text), "the schema is at version %lld, this program needs %d%s",
	               (long long)version, STORE_SCHEMA_VERSION,
	               version < STORE_SCHEMA_VERSION ? ": run headgate migrate" : "");
	store_set_trouble(s, text);
}

static void store_check_schema(struct store *s)
{
	struct err err;

	if (pg_is_up(s->pg) && !s->up &&
	    !pg_send_take(s->pg, &sql_schema, pg_args_new(), schema_answered, s, &err))
		store_set_trouble(s, err.text);
}

static void store_connected(void *ctx)
{
	store_check_schema(ctx);
}

static void store_shutdown_end(struct store *s)
{
	void (*done)(void *) = s->shutdown_done;

	s->shutdown_done = NULL;
	if (done != NULL)
		done(s->shutdown_ctx);
}

static void store_lost(void *ctx, const struct err *why)
{
	struct store *s = ctx;
	bool was_up = s->up;
	char text[300];

	s->up = false;
	(void)snprintf(text, sizeof(text), "%s%s", why->text,
	               why->code == ERR_INVALID ? ": run headgate migrate" : "");
	store_set_trouble(s, text);
	metric_set(s->app->metrics, METRIC_STORE_UP, 0);
	lease_drop(s);
	chains_lost(s);
	if (was_up) {
		struct err err = *why;

		transitions_fail_queued(s, &err);
		if (s->callbacks.down != NULL)
			s->callbacks.down(s->callbacks.ctx);
	}
	if (s->shutting)
		store_shutdown_end(s);
}

bool store_is_up(const struct store *s)
{
	return s->up;
}

const char *store_trouble(const struct store *s)
{
	return s->up ? "" : s->trouble;
}

/* --- every turn, every second --- */

static void lease_returned(void *ctx, const struct pg_reply *reply)
{
	struct store *s = ctx;

	if (reply->outcome == PG_DONE)
		log_line(LOG_INFO, "lease_returned", "epoch=%lld", (long long)s->lease.epoch);
	store_shutdown_end(s);
}

/* The lease goes back only when nothing that needs it is under way any more, and as the last thing
 * said, so that whoever asked before has been answered. */
static void store_drain(struct store *s)
{
	if (s->lease_returned || s->shutdown_done == NULL || s->transitions.n > 0)
		return;
	s->draining = true;
	if (s->ops != NULL)
		return;
	s->lease_returned = true;
	lease_drop(s);
	if (!lease_give_back(s, lease_returned, s))
		store_shutdown_end(s);
}

/* Transitions first: what people wait for, and what checkpoints must not overtake. */
static void store_flush(void *ctx)
{
	struct store *s = ctx;

	if (s->up) {
		transitions_flush(s);
		checkpoints_flush(s);
	}
	if (s->shutting)
		store_drain(s);
}

static void outbox_counted(void *ctx, const struct pg_reply *reply)
{
	struct store *s = ctx;

	int64_t pending, oldest_s;

	s->outbox_counting = false;
	if (reply->outcome != PG_DONE)
		return;
	pending = pg_i64(reply->result, 0, 0);
	oldest_s = pg_i64(reply->result, 0, 1);
	metric_set(s->app->metrics, METRIC_OUTBOX_PENDING, (double)pending);
	metric_set(s->app->metrics, METRIC_OUTBOX_OLDEST, (double)oldest_s);
}

static void pruned(void *ctx, const struct pg_reply *reply)
{
	(void)ctx;
	if (reply->outcome == PG_REJECTED)
		log_err(LOG_WARN, "idempotency_not_pruned", &reply->err, "%s", "");
}

static void replanned(void *ctx, const struct pg_reply *reply)
{
	(void)ctx;
	if (reply->outcome == PG_REJECTED)
		log_err(LOG_WARN, "plans_not_renewed", &reply->err, "%s", "");
}

/* Often while the connection, and perhaps the database, is young; then once a minute. */
static bool is_time_to_replan(int64_t age)
{
	return age > 0 &&
	       ((age < REPLAN_EVERY && (age & (age - 1)) == 0) || age % REPLAN_EVERY == 0);
}

static void store_tick(void *ctx)
{
	struct store *s = ctx;
	struct err err;

	loop_timer_start(&s->tick, TICK_MS);
	s->ticks++;
	store_check_schema(s);
	if (!s->up)
		return;
	transitions_settle(s);
	if (is_time_to_replan(s->ticks - s->up_since_tick) &&
	    !store_send(s, &sql_replan, pg_args_new(), replanned, s, &err))
		log_err(LOG_DEBUG, "plans_not_renewed", &err, "%s", "");
	if (s->ticks % COUNT_EVERY == 1 && !s->outbox_counting)
		s->outbox_counting =
		        store_send(s, &sql_outbox_count, pg_args_new(), outbox_counted, s, &err);
	if (s->ticks % PRUNE_EVERY == 60 && s->lease.held &&
	    !store_send(s, &sql_prune, pg_args_new(), pruned, s, &err))
		log_err(LOG_DEBUG, "idempotency_not_pruned", &err, "%s", "");
}

/* --- life --- */

static bool store_init_parts(struct store *s, struct err *err)
{
	lease_init(s);
	chains_init(s);
	return transitions_init(s, err) && checkpoints_init(s, err) && loads_init(s, err);
}

struct store *store_new(struct app *app, const char *conninfo,
                        const struct store_callbacks *callbacks, struct err *err)
{
	struct store *s = calloc(1, sizeof(*s));
	const struct pg_options options = {
	        .conninfo = conninfo,
	        .statement_deadline_ms = STATEMENT_DEADLINE_MS,
	        .connect_deadline_ms = CONNECT_DEADLINE_MS,
	        .max_queue = QUEUE_MAX,
	        .statements = statements,
	        .up = store_connected,
	        .down = store_lost,
	        .ctx = s,
	};

	if (s == NULL) {
		err_set(err, ERR_NOMEM, "no memory for the store");
		return NULL;
	}
	s->app = app;
	s->loop = app->loop;
	s->callbacks = *callbacks;
	(void)snprintf(s->trouble, sizeof(s->trouble), "not connected yet");
	loop_timer_init(&s->tick, s->loop, store_tick, s);
	if (!store_init_parts(s, err)) {
		store_free(&s);
		return NULL;
	}
	s->pg = pg_new(s->loop, app->metrics, &options, err);
	if (s->pg == NULL) {
		store_free(&s);
		return NULL;
	}
	loop_timer_start(&s->tick, TICK_MS);
	loop_on_prepare(s->loop, LOOP_STORE_FLUSH, store_flush, s);
	return s;
}

void store_free(struct store **s)
{
	struct store *dead = *s;

	if (dead == NULL)
		return;
	pg_free(&dead->pg);
	loop_timer_stop(&dead->tick);
	loop_off_prepare(dead->loop, store_flush, dead);
	lease_fini(dead);
	chains_fini(dead);
	transitions_fini(dead);
	checkpoints_fini(dead);
	loads_fini(dead);
	while (dead->ops != NULL)
		op_free(dead->ops);
	free(dead);
	*s = NULL;
}

static void store_shutdown_away(void *ctx)
{
	store_shutdown_end(ctx);
}

void store_shutdown(struct store *s, void (*done)(void *ctx), void *ctx)
{
	s->shutting = true;
	s->shutdown_done = done;
	s->shutdown_ctx = ctx;
	loop_timer_stop(&s->lease.renew);
	if (!s->up && !loop_later(s->loop, store_shutdown_away, s))
		store_shutdown_end(s);
}
