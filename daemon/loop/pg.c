/* pg - one connection in pipeline mode: connect, prepare, then a queue of units, each with its own
 * Sync. */
#include "loop/pg.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "log.h"
#include "loop/loop.h"
#include "loop/pg_args.h"
#include "loop/pg_target.h"
#include "loop/resolve.h"
#include "metrics.h"

#define RETRY_FIRST_MS 50
#define RETRY_MOST_MS 5000
#define STEADY_MS 5000 /* up for this long: the next loss starts with the shortest pause again */
#define NS_PER_MS 1000000LL

enum pg_state {
	PG_WAITING = 0, /* for the next attempt */
	PG_RESOLVING,
	PG_CONNECTING,
	PG_PREPARING,
	PG_UP
};

/* One statement under way. statement NULL: the preparation of all. */
struct unit {
	const struct pg_statement *statement;
	pg_reply_fn reply;
	void *ctx;
	struct mono sent;
};

/* What has been read of the unit at the head. Its fate is certain only with its Sync: until then
 * even an error may be the last word of a server that dies in mid-commit. */
struct answer {
	PGresult *result;
	bool failed;
	bool warned;
	struct pg_reply reply;
};

struct pg {
	struct loop *loop;
	struct metrics *metrics;
	struct pg_options options;
	struct pg_target *target;
	struct resolver *resolver;
	enum pg_state state;
	PGconn *conn;
	ev_io io;
	struct loop_timer retry, deadline;
	int64_t retry_ms;
	uint64_t jitter;
	struct mono up_since;
	size_t resolving; /* host being looked up */
	struct err resolve_err;
	struct unit *units; /* ring */
	size_t first, nunits, capacity;
	struct answer answer;
	bool broken; /* found while sending: told at the end of the turn */
	bool ever_up;
};

static void pg_attempt(void *ctx);
static void pg_ready(struct ev_loop *ev, ev_io *w, int revents);
static void pg_late(void *ctx);

/* --- watching the socket --- */

static void pg_unwatch(struct pg *pg)
{
	ev_io_stop(loop_ev(pg->loop), &pg->io);
}

/* libpq may have closed one socket and opened another under the same number, so the watcher is
 * always set anew. */
static void pg_watch(struct pg *pg, int events)
{
	int fd = PQsocket(pg->conn);

	pg_unwatch(pg);
	if (fd < 0)
		return;
	ev_io_set(&pg->io, fd, events);
	ev_io_start(loop_ev(pg->loop), &pg->io);
}

/* --- the queue --- */

static void units_push(struct pg *pg, const struct unit *u)
{
	pg->units[(pg->first + pg->nunits++) % pg->capacity] = *u;
	metric_set(pg->metrics, METRIC_STORE_QUEUE, (double)pg->nunits);
	if (pg->nunits == 1)
		loop_timer_start(&pg->deadline, pg->options.statement_deadline_ms);
}

static struct unit units_pop(struct pg *pg)
{
	struct unit u = pg->units[pg->first];

	pg->first = (pg->first + 1) % pg->capacity;
	pg->nunits--;
	metric_set(pg->metrics, METRIC_STORE_QUEUE, (double)pg->nunits);
	if (pg->nunits == 0) {
		loop_timer_stop(&pg->deadline);
	} else {
		int64_t waited =
		        (loop_now(pg->loop).mono.ns - pg->units[pg->first].sent.ns) / NS_PER_MS;

		loop_timer_start(&pg->deadline, pg->options.statement_deadline_ms - waited);
	}
	return u;
}

static void answer_clear(struct answer *a)
{
	PQclear(a->result);
	*a = (struct answer){0};
}

/* --- losing the connection --- */

static int64_t pg_pause_ms(struct pg *pg)
{
	int64_t ms = pg->retry_ms;

	pg->retry_ms = ms * 2 < RETRY_MOST_MS ? ms * 2 : RETRY_MOST_MS;
	/* xorshift: instances that lost the same server must not come back in step */
	pg->jitter ^= pg->jitter << 13;
	pg->jitter ^= pg->jitter >> 7;
	pg->jitter ^= pg->jitter << 17;
	return ms / 2 + (int64_t)(pg->jitter % (uint64_t)(ms / 2 + 1));
}

static void pg_lost(struct pg *pg, const struct err *why)
{
	struct mono now = loop_now(pg->loop).mono;
	bool was_up = pg->state == PG_UP;

	pg_unwatch(pg);
	PQfinish(pg->conn);
	pg->conn = NULL;
	pg->state = PG_WAITING;
	pg->broken = false;
	loop_timer_stop(&pg->deadline);
	answer_clear(&pg->answer);
	if (was_up && now.ns - pg->up_since.ns > STEADY_MS * NS_PER_MS)
		pg->retry_ms = RETRY_FIRST_MS;
	while (pg->nunits > 0) {
		struct unit u = units_pop(pg);
		struct pg_reply reply = {.outcome = PG_UNKNOWN, .sent = u.sent, .err = *why};

		if (u.reply != NULL)
			u.reply(u.ctx, &reply);
	}
	loop_timer_stop(&pg->deadline);
	loop_timer_start(&pg->retry, pg_pause_ms(pg));
	if (pg->options.down != NULL)
		pg->options.down(pg->options.ctx, why);
}

/* libpq's sentences end in newlines and may have several lines. */
static void err_of_libpq(struct err *err, const char *what, const char *text)
{
	int n = (int)strcspn(text, "\n");

	err_set(err, ERR_UNAVAILABLE, "%s: %.*s", what, n > 0 ? n : 9, n > 0 ? text : "no reason");
}

static void pg_lost_conn(struct pg *pg, const char *what)
{
	struct err err;

	err_of_libpq(&err, what, PQerrorMessage(pg->conn));
	pg_lost(pg, &err);
}

static void pg_tell_broken(void *ctx)
{
	struct pg *pg = ctx;

	if (pg->broken && pg->conn != NULL)
		pg_lost_conn(pg, "sending to the database");
}

/* Within pg_send_take() nobody may be called back. */
static void pg_break(struct pg *pg)
{
	if (pg->broken)
		return;
	pg->broken = true;
	if (!loop_later(pg->loop, pg_tell_broken, pg))
		loop_timer_start(&pg->deadline, 0); /* finds the connection bad */
}

/* --- reading answers --- */

static void err_of_result(struct err *err, const PGresult *result)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	err_set(err, ERR_UNAVAILABLE, "database: %s (%s)",
	        text != NULL ? text : "the connection was lost", state != NULL ? state : "-");
}

static void copy_field(char *out, size_t size, const char *text)
{
	if (text != NULL)
		(void)snprintf(out, size, "%s", text);
}

static void answer_fail(struct answer *a, const PGresult *result)
{
	if (a->failed)
		return; /* the first error is the cause, the rest follows from it */
	a->failed = true;
	copy_field(a->reply.sqlstate, sizeof(a->reply.sqlstate),
	           PQresultErrorField(result, PG_DIAG_SQLSTATE));
	copy_field(a->reply.constraint, sizeof(a->reply.constraint),
	           PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
	err_of_result(&a->reply.err, result);
}

/* No such schema, table, column or function. */
static bool is_schema_missing(const char *sqlstate)
{
	static const char *const states[] = {"3F000", "42P01", "42703", "42883"};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (strcmp(sqlstate, states[i]) == 0)
			return true;
	}
	return false;
}

static void pg_prepared(struct pg *pg, const struct answer *a)
{
	if (a->failed) {
		struct err err = a->reply.err;

		if (is_schema_missing(a->reply.sqlstate))
			err.code = ERR_INVALID;
		pg_lost(pg, &err);
		return;
	}
	pg->state = PG_UP;
	pg->up_since = loop_now(pg->loop).mono;
	if (pg->ever_up)
		metric_add(pg->metrics, METRIC_STORE_RECONNECTS, 1);
	pg->ever_up = true;
	if (pg->options.up != NULL)
		pg->options.up(pg->options.ctx);
}

/* The Sync of the unit at the head arrived: its fate is certain. */
static void pg_unit_done(struct pg *pg)
{
	struct unit u = units_pop(pg);
	struct answer *a = &pg->answer;

	if (u.statement == NULL) {
		pg_prepared(pg, a);
	} else {
		a->reply.outcome = a->failed ? PG_REJECTED : PG_DONE;
		a->reply.result = a->failed ? NULL : a->result;
		a->reply.sent = u.sent;
		u.reply(u.ctx, &a->reply);
	}
	answer_clear(a);
}

static void pg_take_result(struct pg *pg, PGresult *result)
{
	struct answer *a = &pg->answer;

	switch (PQresultStatus(result)) {
	case PGRES_PIPELINE_SYNC:
		PQclear(result);
		pg_unit_done(pg);
		return;
	case PGRES_TUPLES_OK:
	case PGRES_COMMAND_OK:
		if (a->result == NULL) {
			a->result = result;
			return;
		}
		break;
	default: /* PIPELINE_ABORTED follows the error that caused it */
		answer_fail(a, result);
		break;
	}
	PQclear(result);
}

static void pg_drain(struct pg *pg)
{
	int nothing = 0; /* one NULL ends each statement; two in a row: no more for now */

	while (pg->conn != NULL && pg->nunits > 0 && nothing < 2 && !PQisBusy(pg->conn)) {
		PGresult *result = PQgetResult(pg->conn);

		if (result == NULL) {
			nothing++;
			continue;
		}
		nothing = 0;
		if (PQstatus(pg->conn) == CONNECTION_BAD &&
		    PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL &&
		    PQresultStatus(result) == PGRES_FATAL_ERROR) {
			PQclear(result); /* libpq's own word, not the server's */
			return;
		}
		pg_take_result(pg, result);
	}
}

static void pg_read(struct pg *pg)
{
	struct err why;
	bool alive = PQconsumeInput(pg->conn) == 1;

	pg_drain(pg); /* what arrived before the end still counts */
	if (pg->conn == NULL || (alive && PQstatus(pg->conn) != CONNECTION_BAD))
		return;
	err_of_libpq(&why, "database", PQerrorMessage(pg->conn));
	if (pg->answer.failed)
		why = pg->answer.reply.err;
	pg_lost(pg, &why);
}

static void pg_write(struct pg *pg)
{
	int left = PQflush(pg->conn);

	if (left < 0)
		pg_break(pg);
	else if (left == 0)
		pg_watch(pg, EV_READ);
}

static void pg_notice(void *ctx, const PGresult *result)
{
	struct pg *pg = ctx;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	bool warning = severity != NULL && strcmp(severity, "WARNING") == 0;

	if (warning && pg->nunits > 0)
		pg->answer.warned = true;
	log_line(warning ? LOG_WARN : LOG_DEBUG, "database_notice", "severity=%s text=%s",
	         severity != NULL ? severity : "-", log_quote(text));
}

/* --- connecting --- */

/* Our statements are short and run all the time. Where tables are large the server would take one
 * for costly and compile it anew at each run, which takes seconds. */
static const char session[] = "SET jit = off";

static void pg_prepare_all(struct pg *pg)
{
	const struct unit u = {.sent = loop_now(pg->loop).mono};
	bool ok = PQsetnonblocking(pg->conn, 1) == 0 && PQenterPipelineMode(pg->conn) == 1;

	(void)PQsetNoticeReceiver(pg->conn, pg_notice, pg);
	ok = ok && PQsendQueryParams(pg->conn, session, 0, NULL, NULL, NULL, NULL, 0) == 1;
	for (const struct pg_statement *const *s = pg->options.statements; ok && *s != NULL; s++)
		ok = PQsendPrepare(pg->conn, (*s)->name, (*s)->sql, (*s)->nparams, NULL) == 1;
	if (!ok || PQpipelineSync(pg->conn) != 1) {
		pg_lost_conn(pg, "preparing statements");
		return;
	}
	pg->state = PG_PREPARING;
	units_push(pg, &u);
	pg_watch(pg, EV_READ | EV_WRITE);
}

static void pg_poll(struct pg *pg)
{
	pg_unwatch(pg); /* before libpq may close the socket */
	switch (PQconnectPoll(pg->conn)) {
	case PGRES_POLLING_READING:
		pg_watch(pg, EV_READ);
		return;
	case PGRES_POLLING_WRITING:
		pg_watch(pg, EV_WRITE);
		return;
	case PGRES_POLLING_OK:
		loop_timer_stop(&pg->deadline);
		pg_prepare_all(pg);
		return;
	default:
		pg_lost_conn(pg, "connecting to the database");
		return;
	}
}

static void pg_start(struct pg *pg)
{
	struct err err;

	pg->conn = pg_target_connect(pg->target);
	if (pg->conn == NULL) {
		err_set(&err, ERR_NOMEM, "no memory to connect to the database");
		pg_lost(pg, &err);
		return;
	}
	if (PQstatus(pg->conn) == CONNECTION_BAD) {
		pg_lost_conn(pg, "connecting to the database");
		return;
	}
	pg->state = PG_CONNECTING;
	pg_watch(pg, EV_WRITE);
}

static void pg_resolve(struct pg *pg);

static void pg_resolved(void *ctx, const char (*addresses)[RESOLVE_ADDRESS_TEXT], size_t n,
                        const struct err *err)
{
	struct pg *pg = ctx;

	if (pg->state != PG_RESOLVING)
		return; /* the deadline was faster */
	for (size_t i = 0; i < n; i++)
		pg_target_add(pg->target, pg->resolving, addresses[i]);
	if (n == 0) {
		pg->resolve_err = *err;
		err_prefix(&pg->resolve_err, "database host %s",
		           pg_target_name(pg->target, pg->resolving));
	}
	pg->resolving++;
	pg_resolve(pg);
}

/* One host after the other: they are few, and their order is the operator's. */
static void pg_resolve(struct pg *pg)
{
	for (; pg->resolving < pg_target_hosts(pg->target); pg->resolving++) {
		const char *name = pg_target_name(pg->target, pg->resolving);

		if (name == NULL) {
			pg_target_add(pg->target, pg->resolving, NULL);
			continue;
		}
		if (!resolve_start(pg->resolver, name, pg_resolved, pg, &pg->resolve_err))
			break;
		return;
	}
	if (pg_target_endpoints(pg->target) == 0) {
		struct err err = pg->resolve_err;

		pg_lost(pg, &err);
		return;
	}
	pg_start(pg);
}

static void pg_attempt(void *ctx)
{
	struct pg *pg = ctx;
	struct err err;

	/* A look-up that outlived its attempt must not answer into this one. */
	if (pg->resolver != NULL)
		resolver_free(&pg->resolver);
	pg->resolver = resolver_new(pg->loop, &err);
	if (pg->resolver == NULL) {
		pg_lost(pg, &err);
		return;
	}
	pg->state = PG_RESOLVING;
	pg->resolving = 0;
	pg_target_clear(pg->target);
	loop_timer_start(&pg->deadline, pg->options.connect_deadline_ms);
	pg_resolve(pg);
}

/* Nothing came in time: the socket is closed. Cancelling would make things worse (a cancelled
 * COMMIT that waits for a standby answers success). */
static void pg_late(void *ctx)
{
	struct pg *pg = ctx;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE,
	        pg->state == PG_UP || pg->state == PG_PREPARING
	                ? "database: no answer within %lld ms"
	                : "database: no connection within %lld ms",
	        (long long)(pg->state == PG_UP || pg->state == PG_PREPARING
	                            ? pg->options.statement_deadline_ms
	                            : pg->options.connect_deadline_ms));
	pg_lost(pg, &err);
}

static void pg_ready(struct ev_loop *ev, ev_io *w, int revents)
{
	struct pg *pg = w->data;

	(void)ev;
	if (pg->state == PG_CONNECTING) {
		pg_poll(pg);
		return;
	}
	if ((revents & EV_WRITE) != 0)
		pg_write(pg);
	if ((revents & EV_READ) != 0 && pg->conn != NULL)
		pg_read(pg);
}

/* --- sending --- */

bool pg_send_take(struct pg *pg, const struct pg_statement *statement, struct pg_args *args,
                  pg_reply_fn reply, void *ctx, struct err *err)
{
	const struct unit u = {
	        .statement = statement, .reply = reply, .ctx = ctx, .sent = loop_clock()};
	const char *const *values;
	bool sent;

	if (args == NULL || args->failed) {
		pg_args_free(&args);
		return err_set(err, ERR_NOMEM, "no memory for a statement");
	}
	if (pg->state != PG_UP || pg->broken) {
		pg_args_free(&args);
		return err_set(err, ERR_UNAVAILABLE, "the database is not connected");
	}
	if (pg->nunits == pg->capacity) {
		pg_args_free(&args);
		return err_set(err, ERR_LIMIT, "too many statements under way");
	}
	assert(args->n == statement->nparams);
	values = (const char *const *)args->values;
	sent = PQsendQueryPrepared(pg->conn, statement->name, args->n, values, NULL, NULL, 0) == 1;
	pg_args_free(&args);
	if (!sent) {
		/* Without its Sync it cannot have committed. */
		pg_break(pg);
		return err_set(err, ERR_UNAVAILABLE, "the database is not connected");
	}
	units_push(pg, &u);
	if (PQpipelineSync(pg->conn) != 1)
		pg_break(pg); /* the Sync may have left: unknown, told at the end of the turn */
	else if (PQflush(pg->conn) != 0)
		pg_watch(pg, EV_READ | EV_WRITE);
	return true;
}

bool pg_is_up(const struct pg *pg)
{
	return pg->state == PG_UP && !pg->broken;
}

size_t pg_queue(const struct pg *pg)
{
	return pg->nunits;
}

bool pg_warned(const struct pg *pg)
{
	return pg->answer.warned;
}

/* --- life --- */

struct pg *pg_new(struct loop *loop, struct metrics *metrics, const struct pg_options *options,
                  struct err *err)
{
	struct pg *pg = calloc(1, sizeof(*pg));

	assert(options->max_queue > 0 && options->statement_deadline_ms > 0 &&
	       options->connect_deadline_ms > 0);
	if (pg != NULL)
		pg->units = calloc(options->max_queue, sizeof(*pg->units));
	if (pg == NULL || pg->units == NULL) {
		free(pg);
		err_set(err, ERR_NOMEM, "no memory for the connection");
		return NULL;
	}
	pg->loop = loop;
	pg->metrics = metrics;
	pg->options = *options;
	pg->options.conninfo = NULL; /* borrowed only here */
	pg->capacity = options->max_queue;
	pg->retry_ms = RETRY_FIRST_MS;
	pg->jitter = (uint64_t)loop_clock().ns | 1;
	ev_io_init(&pg->io, pg_ready, -1, 0);
	pg->io.data = pg;
	loop_timer_init(&pg->retry, loop, pg_attempt, pg);
	loop_timer_init(&pg->deadline, loop, pg_late, pg);
	pg->target = pg_target_new(options->conninfo, err);
	if (pg->target == NULL) {
		pg_free(&pg);
		return NULL;
	}
	loop_timer_start(&pg->retry, 0);
	return pg;
}

void pg_free(struct pg **pg)
{
	struct pg *dead = *pg;

	if (dead == NULL)
		return;
	pg_unwatch(dead);
	loop_timer_stop(&dead->retry);
	loop_timer_stop(&dead->deadline);
	loop_later_cancel(dead->loop, pg_tell_broken, dead);
	resolver_free(&dead->resolver);
	PQfinish(dead->conn);
	PQclear(dead->answer.result);
	pg_target_free(&dead->target);
	free(dead->units);
	free(dead);
	*pg = NULL;
}
