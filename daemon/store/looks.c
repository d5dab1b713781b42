/*
 * looks - what was acknowledged is read back while its release goes on: whose turn it is, what was
 * seen, and what is sent again because of it.
 *
 * A repair opens the message's row again, so that all that holds for pending messages holds for it:
 * a rollback supersedes it, a pause parks it, its attempts are claimed and counted as in flight. A
 * transition that began before a repair was committed does not see it; the claim does (outbox.c),
 * which is why a repair of an advance is due only after such a transition has ended.
 *
 * It is a decision of its own, with a fence of its own: the message's may be long outdated by
 * others about the same service, smoke tests for example. It is drawn while the release's row is
 * locked, so that every later decision's is higher; and never while a message of the same age or
 * younger is on its way to that receiver, which it would make stale.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "store/internal.h"

#define LOOKS_MAX 256

/* Acknowledged, or a repair that its receiver refused. */
#define WATCHED(o)                                                                                 \
	"(" o ".done_at IS NOT NULL OR " o ".drifted AND (" o ".dead OR " o ".refused))"           \
	" AND " o ".superseded_by IS NULL"

/* clang-format off */
/* Rows whose turn will not come again leave the index, smoke tests (MESSAGE_SMOKE) among them, which set
 * nothing; those that may not be touched now wait, also for a later message that is still on its way. A
 * repair that its release has outrun is over. */
const struct pg_statement sql_looks = {
	"looks",
	"WITH due AS MATERIALIZED ("
	" SELECT o.id FROM headgate.outbox o WHERE o.read_at <= now() AND o.superseded_by IS NULL"
	" ORDER BY o.read_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED), "
	"judged AS MATERIALIZED ("
	" SELECT o.id, r.row_version AS release_version,"
	"  o.option = -2 OR " SQL_OUTDATED_BY("o", "q.done_at IS NOT NULL")
	"   OR r.state NOT IN ('running', 'paused', 'rolling_back', 'stabilising', 'failed')"
	"   OR o.class = 'advance' AND r.state NOT IN ('running', 'paused') AS is_over,"
	"  " WATCHED("o") " AND NOT " SQL_OUTDATED("o") " AND (o.class <> 'advance' OR " SQL_IS_FORWARD("r") ") AS is_due"
	" FROM due d JOIN headgate.outbox o ON o.id = d.id JOIN headgate.release r ON r.id = o.release_id), "
	"claimed AS ("
	" UPDATE headgate.outbox o SET read_at = CASE WHEN j.is_over THEN NULL"
	"  WHEN j.is_due THEN clock_timestamp() + $2::bigint * interval '1 millisecond'"
	"  ELSE clock_timestamp() + " SQL_READ_EVERY("o") " END,"
	"  done_at = CASE WHEN j.is_over AND o.drifted THEN coalesce(o.done_at, clock_timestamp()) ELSE o.done_at END,"
	"  drifted = o.drifted AND NOT j.is_over"
	" FROM judged j WHERE o.id = j.id"
	" RETURNING o.*, NOT j.is_over AND j.is_due AS mine, j.release_version) "
	"SELECT o.id, o.release_id, o.release_version, o.class, o.action, o.read, o.read_text, o.drifted"
	" FROM claimed o WHERE o.mine ORDER BY o.release_id, o.row_version, o.sequence",
	2,
};

/* A repair that was refused, and whose effect came about all the same, is acknowledged by that. */
const struct pg_statement sql_looked = {
	"looked",
	"UPDATE headgate.outbox o SET read_at = clock_timestamp() + " SQL_READ_EVERY("o") ", read_text = $2,"
	" drifted = o.drifted AND NOT $3::boolean, dead = o.dead AND NOT ($3::boolean AND o.drifted),"
	" refused = o.refused AND NOT ($3::boolean AND o.drifted),"
	" done_at = CASE WHEN $3::boolean THEN coalesce(o.done_at, clock_timestamp()) ELSE o.done_at END"
	" WHERE o.id = $1 AND o.read_at IS NOT NULL AND " WATCHED("o")
	" RETURNING o.release_id",
	3,
};

/* What a higher fence would make stale. */
#define OTHERS_UNDER_WAY(o)                                                                        \
	"EXISTS (SELECT FROM headgate.outbox q WHERE q.release_id = " o ".release_id"              \
	" AND q.destination = " o ".destination AND q.row_version >= " o ".row_version"            \
	" AND q.id <> " o ".id AND q.class <> 'notification'"                                      \
	" AND NOT (q.class = 'rollback' AND q.option = -1)"                                        \
	" AND q.done_at IS NULL AND q.superseded_by IS NULL AND NOT q.dead AND NOT q.refused)"
/* $4: the release's version as it was when the look was claimed. Its row is locked, so that no transition
 * comes in between; one that holds it already goes first. */
const struct pg_statement sql_repair = {
	"repair",
	"WITH r AS MATERIALIZED ("
	" SELECT r.id, " SQL_IS_FORWARD("r") " AS is_forward FROM headgate.release r"
	" WHERE r.id = $5::bigint AND r.row_version = $4::bigint FOR SHARE SKIP LOCKED) "
	"UPDATE headgate.outbox o SET done_at = NULL, drifted = true, repairs = o.repairs + 1, attempts = 0,"
	" fence = nextval('headgate.fence'), epoch = (SELECT l.epoch FROM headgate.lease l WHERE l.shard = " STORE_SHARD "),"
	" dead = false, refused = false, callback_status = NULL, awaits_until = NULL, claim_until = NULL,"
	" due_at = clock_timestamp() + $3::bigint * interval '1 millisecond', read_text = $2,"
	" read_at = clock_timestamp() + " SQL_READ_EVERY("o")
	" FROM r WHERE o.id = $1 AND o.release_id = r.id AND (o.class = 'rollback' OR r.is_forward)"
	"  AND " WATCHED("o") " AND NOT " SQL_OUTDATED("o") " AND NOT " OTHERS_UNDER_WAY("o")
	" RETURNING o.release_id",
	5,
};
/* clang-format on */

struct looks_op {
	struct op op;
	store_looks_fn fn;
	void *ctx;
};

static void look_of_row(struct store_look *l, const PGresult *r, int row)
{
	struct str id = str_of(pg_text(r, row, 0));

	*l = (struct store_look){
	        .release_id = pg_i64(r, row, 1),
	        .release_version = pg_i64(r, row, 2),
	        .class = store_class_of(pg_text(r, row, 3)),
	        .action = pg_text(r, row, 4),
	        .read = pg_text(r, row, 5),
	        .read_text = PQgetisnull(r, row, 6) ? NULL : pg_text(r, row, 6),
	        .has_drifted = pg_bool(r, row, 7),
	};
	if (id.n < sizeof(l->id))
		memcpy(l->id, id.p, id.n);
}

static void looks_answered(void *ctx, const struct pg_reply *reply)
{
	struct looks_op *op = ctx;
	struct store_look *looks = NULL;
	struct err err = {0};
	int n = 0;

	if (!store_answered(reply, &err))
		goto out;
	n = PQntuples(reply->result);
	looks = calloc(n > 0 ? (size_t)n : 1, sizeof(*looks));
	if (looks == NULL) {
		err_set(&err, ERR_NOMEM, "no memory for looks: their claims lapse");
		n = 0;
	}
	for (int i = 0; i < n; i++)
		look_of_row(&looks[i], reply->result, i);
out:
	op->fn(op->ctx, looks, (size_t)n, err.code != ERR_NONE ? &err : NULL);
	free(looks);
	op_free(op);
}

bool store_looks(struct store *s, int64_t limit, int64_t claim_ms, store_looks_fn fn, void *ctx,
                 struct err *err)
{
	struct looks_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to claim looks");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_i64(args, limit < LOOKS_MAX ? limit : LOOKS_MAX);
	arg_i64(args, claim_ms);
	if (!store_send(s, &sql_looks, args, looks_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

struct looked_op {
	struct op op;
	store_done_fn fn;
	void *ctx;
};

static void looked_answered(void *ctx, const struct pg_reply *reply)
{
	struct looked_op *op = ctx;
	struct err err = {0};

	if (store_answered(reply, &err) && PQntuples(reply->result) == 0)
		err_set(&err, ERR_CONFLICT, "the release has moved on since");
	op->fn(op->ctx, err.code != ERR_NONE ? &err : NULL);
	op_free(op);
}

static bool send_looked(struct store *s, const struct pg_statement *statement, struct pg_args *args,
                        store_done_fn fn, void *ctx, struct err *err)
{
	struct looked_op *op = op_new(s, sizeof(*op));

	if (op == NULL) {
		pg_args_free(&args);
		return err_set(err, ERR_NOMEM, "no memory to record a look");
	}
	op->fn = fn;
	op->ctx = ctx;
	if (!store_send(s, statement, args, looked_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

bool store_looked(struct store *s, const char *message_id, const char *text, bool is_equal,
                  store_done_fn fn, void *ctx, struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_text(args, message_id);
	arg_str(args, store_words_of(text));
	arg_bool(args, is_equal);
	return send_looked(s, &sql_looked, args, fn, ctx, err);
}

bool store_repair(struct store *s, const struct store_look *look, const char *text,
                  int64_t delay_ms, store_done_fn fn, void *ctx, struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_text(args, look->id);
	arg_str(args, store_words_of(text));
	arg_i64(args, delay_ms);
	arg_i64(args, look->release_version);
	arg_i64(args, look->release_id);
	return send_looked(s, &sql_repair, args, fn, ctx, err);
}
