/*
 * lease - who may advance: one row, renewed every 2 s for 10 s, taken over when it has lapsed by
 * the database's clock.
 *
 * 3 renewals fit into the time after which this instance stops advancing, and that ends well before
 * another may take over. Time counts from when a renewal was sent, by a clock that goes on while
 * the machine sleeps.
 */
#include <string.h>

#include "app.h"
#include "base/macros.h"
#include "log.h"
#include "metrics.h"
#include "store/internal.h"

#define RENEW_MS 2000
#define TAKEOVER_POLL_MS 1000
#define ACT_MS 6000
#define NS_PER_MS 1000000LL
#define TTL_MS 10000
_Static_assert(3 * RENEW_MS <= ACT_MS && ACT_MS <= TTL_MS - 3000,
               "lease times do not fit together");

/* clang-format off */
/* The epoch rises whenever the lease was not unbroken, also when its old holder gets it back. A
 * renewal that waited for a commit holding the row grants a little less time than asked: the safe
 * direction. */
const struct pg_statement sql_lease_renew = {
	"lease_renew",
	"WITH renewed AS ("
	" UPDATE headgate.lease SET"
	"  epoch = CASE WHEN holder = $1 AND expires_at > clock_timestamp() THEN epoch ELSE epoch + 1 END,"
	"  holder = $1, expires_at = clock_timestamp() + " STORE_LEASE_TTL
	" WHERE shard = " STORE_SHARD " AND (holder = $1 OR expires_at <= clock_timestamp())"
	" RETURNING epoch)"
	" SELECT (SELECT epoch FROM renewed), " SQL_MS("clock_timestamp()") ", l.holder, l.epoch"
	" FROM headgate.lease l WHERE l.shard = " STORE_SHARD,
	1,
};
const struct pg_statement sql_lease_return = {
	"lease_return",
	"UPDATE headgate.lease SET expires_at = clock_timestamp()"
	" WHERE shard = " STORE_SHARD " AND holder = $1 AND expires_at > clock_timestamp()",
	1,
};
/* clang-format on */

bool store_may_advance(const struct store *s)
{
	int64_t age = loop_now(s->loop).mono.ns - s->lease.sent.ns;

	return s->up && s->lease.held && age <= ACT_MS * NS_PER_MS;
}

int64_t store_epoch(const struct store *s)
{
	return s->lease.epoch;
}

void lease_drop(struct store *s)
{
	struct lease *l = &s->lease;

	loop_timer_stop(&l->lapse);
	if (!l->held)
		return;
	l->held = false;
	metric_set(s->app->metrics, METRIC_LEASE_HELD, 0);
	log_line(LOG_WARN, "lease_lost", "epoch=%lld", (long long)l->epoch);
	if (s->callbacks.lease_lost != NULL)
		s->callbacks.lease_lost(s->callbacks.ctx);
}

static void lease_lapsed(void *ctx)
{
	lease_drop(ctx);
}

static void lease_have(struct store *s, int64_t epoch, struct mono sent)
{
	struct lease *l = &s->lease;
	int64_t age_ms = (loop_now(s->loop).mono.ns - sent.ns) / NS_PER_MS;

	if (age_ms >= ACT_MS) {
		lease_drop(s); /* the answer came too late to be worth anything */
		return;
	}
	if (l->held && l->epoch != epoch)
		lease_drop(s); /* it had lapsed in between */
	if (l->epoch != epoch)
		checkpoints_forget(s);
	l->epoch = epoch;
	l->sent = sent;
	loop_timer_start(&l->lapse, ACT_MS - age_ms);
	metric_set(s->app->metrics, METRIC_LEASE_EPOCH, (double)epoch);
	if (l->held)
		return;
	l->held = true;
	metric_set(s->app->metrics, METRIC_LEASE_HELD, 1);
	log_line(LOG_INFO, "lease_gained", "epoch=%lld", (long long)epoch);
	if (s->callbacks.lease_gained != NULL)
		s->callbacks.lease_gained(s->callbacks.ctx, epoch);
}

static void lease_answered(void *ctx, const struct pg_reply *reply)
{
	struct store *s = ctx;
	struct err err;

	s->lease.asked = false;
	if (!store_answered(reply, &err)) {
		if (reply->outcome == PG_REJECTED)
			log_err(LOG_ERROR, "lease_refused", &err, "holder=%s", s->app->instance);
		return; /* it runs out by itself */
	}
	if (PQntuples(reply->result) != 1) {
		lease_drop(s);
		return;
	}
	loop_learn_wall(s->loop, reply->sent, (struct wall){.ms = pg_i64(reply->result, 0, 1)});
	if (s->shutting)
		return;
	if (!PQgetisnull(reply->result, 0, 0)) {
		lease_have(s, pg_i64(reply->result, 0, 0), reply->sent);
		return;
	}
	lease_drop(s);
	s->lease.epoch = pg_i64(reply->result, 0, 3);
	metric_set(s->app->metrics, METRIC_LEASE_EPOCH, (double)s->lease.epoch);
}

void lease_ask(struct store *s)
{
	struct pg_args *args;
	struct err err;

	loop_timer_start(&s->lease.renew, s->lease.held ? RENEW_MS : TAKEOVER_POLL_MS);
	if (!s->up || s->lease.asked || s->shutting)
		return;
	args = pg_args_new();
	arg_text(args, s->app->instance);
	s->lease.asked = store_send(s, &sql_lease_renew, args, lease_answered, s, &err);
}

static void lease_due(void *ctx)
{
	lease_ask(ctx);
}

bool lease_give_back(struct store *s, pg_reply_fn reply, void *ctx)
{
	struct pg_args *args = pg_args_new();
	struct err err;

	loop_timer_stop(&s->lease.renew);
	arg_text(args, s->app->instance);
	return store_send(s, &sql_lease_return, args, reply, ctx, &err);
}

void lease_init(struct store *s)
{
	loop_timer_init(&s->lease.renew, s->loop, lease_due, s);
	loop_timer_init(&s->lease.lapse, s->loop, lease_lapsed, s);
}

void lease_fini(struct store *s)
{
	loop_timer_stop(&s->lease.renew);
	loop_timer_stop(&s->lease.lapse);
}
