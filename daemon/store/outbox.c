/*
 * outbox - claiming what is due, counting what is still open; ending.c records how attempts ended.
 *
 * A claim is a promise to be done by claim_until; it lapses by itself. Whoever claims twice, or
 * whose record of an attempt is lost, sends a message twice under the same id: receivers know it
 * (rule R8 relies on the same).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "store/internal.h"

/* One statement on purpose: cutting the text would only hide that. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* Still to be sent: the predicate of the index outbox_due. */
#define OPEN(o)                                                                                    \
	"(" o ".done_at IS NULL OR " o ".resend_at IS NOT NULL) AND " o ".superseded_by IS NULL"   \
	" AND NOT " o ".parked AND NOT " o ".dead"

/* Answered, and not well: by its status or by the call that followed. */
#define FAILING                                                                                    \
	"o.done_at IS NULL AND (o.refused OR o.last_status NOT BETWEEN 200 AND 299 AND "           \
	"o.last_status <> 0 OR o.repairs > 0"                                                      \
	" OR coalesce(o.callback_status = 'failed', false))"

/* Its receiver has called back, and it is to be read back before that counts. */
#define IS_TOLD(o)                                                                                 \
	"(" o ".done_at IS NULL AND " o ".read IS NOT NULL AND " o ".callback_status = 'ok')"
/* Reads otherwise by now, and no later message is meant to change that. */
#define IS_DRIFT(o) o ".drifted AND NOT " SQL_OUTDATED(o)

/* clang-format off */
/* Advances of one decision go in order per destination; rollbacks wait for nothing. Notifications go in
 * order while their receiver answers (rule N2): one that has failed and waits for its next try is overtaken.
 * A later decision's messages close older advances, but a repair that was decided at the same instant
 * may have been missed: none goes out once there is a rollback, or a later message for the same place.
 * now() so that the index can be used; a claim's length counts from the clock. */
#define CLAIMABLE \
	OPEN("o") " AND o.due_at <= now()" \
	" AND (o.claim_until IS NULL OR o.claim_until <= now() OR o.claimed_by <> $2)" \
	" AND (o.class <> 'advance' OR NOT EXISTS (SELECT FROM headgate.outbox p" \
	"  WHERE p.release_id = o.release_id AND p.destination = o.destination AND p.class = 'advance'" \
	"   AND p.row_version = o.row_version AND p.sequence < o.sequence" \
	"   AND p.done_at IS NULL AND p.superseded_by IS NULL)" \
	"  AND NOT EXISTS (SELECT FROM headgate.outbox p" \
	"   WHERE p.release_id = o.release_id AND p.class = 'rollback' AND p.row_version > o.row_version)" \
	"  AND (NOT o.drifted OR NOT " SQL_OUTDATED("o") \
	"   AND EXISTS (SELECT FROM headgate.release r WHERE r.id = o.release_id AND " SQL_IS_FORWARD("r") ")))" \
	" AND (o.class <> 'notification' OR NOT EXISTS (SELECT FROM headgate.outbox p" \
	"  WHERE p.release_id = o.release_id AND p.destination = o.destination AND p.class = 'notification'" \
	"   AND (p.row_version, p.sequence) < (o.row_version, o.sequence)" \
	"   AND p.done_at IS NULL AND NOT p.dead AND (p.attempts = 0 OR p.claim_until IS NOT NULL)))"

/* $1: a claim's length, $2: instance, $3 to $6: lanes, $7: how many of them in all, $8: destinations that may have
 * lanes, $9: how many to others. Each lane looks only at its own messages, so that a backlog in one costs the others
 * nothing; where places are short, the lane with least under way comes first. */
const struct pg_statement sql_claim = {
	"claim",
	"WITH due AS MATERIALIZED ("
	" (SELECT x.id"
	"  FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS l(class, destination, busy, free)"
	"  CROSS JOIN LATERAL (SELECT y.id, row_number() OVER () AS place FROM ("
	"   SELECT o.id FROM headgate.outbox o"
	"   WHERE o.class = l.class AND o.destination = l.destination AND " CLAIMABLE
	"   ORDER BY o.due_at, o.row_version, o.sequence LIMIT l.free FOR UPDATE SKIP LOCKED) y) x"
	"  ORDER BY l.busy + x.place LIMIT $7::bigint)"
	" UNION ALL"
	" SELECT y.id FROM ("
	"  SELECT o.id FROM headgate.outbox o"
	"  WHERE o.destination <> ALL ($8::text[]) AND " CLAIMABLE
	"  ORDER BY (o.class <> 'rollback'), o.due_at, o.row_version, o.sequence"
	"  LIMIT $9::bigint FOR UPDATE SKIP LOCKED) y), "
	"claimed AS ("
	" UPDATE headgate.outbox o SET attempts = o.attempts + 1, claimed_at = clock_timestamp(),"
	"  callback_status = CASE WHEN o.done_at IS NOT NULL OR " IS_TOLD("o") " THEN o.callback_status END,"
	"  claimed_by = $2, claim_until = clock_timestamp() + $1::bigint * interval '1 millisecond',"
	"  due_at = clock_timestamp() + CASE WHEN o.class = 'rollback'"
	"   THEN least($1::bigint, " STORE_ROLLBACK_CLAIM_MS ") ELSE $1::bigint END * interval '1 millisecond'"
	" FROM due WHERE o.id = due.id"
	" RETURNING o.*) "
	"SELECT o.id, o.release_id, o.row_version, o.sequence, o.fence, o.epoch, o.class,"
	" r.service, r.environment, r.version, o.action, o.destination, o.method, o.path, o.body, o.headers,"
	" o.attempts, " SQL_MS("o.created_at") ", o.callback_ms,"
	" CASE WHEN o.callback_ms IS NOT NULL THEN (SELECT encode(k.key, 'hex') FROM headgate.callback_key k) END,"
	" o.arguments, o.read, o.option, o.repairs, o.drifted, o.done_at IS NOT NULL, coalesce(" IS_TOLD("o") ", false)"
	" FROM claimed o JOIN headgate.release r ON r.id = o.release_id"
	" ORDER BY (o.class <> 'rollback'), o.release_id, o.row_version, o.sequence",
	9,
};

const struct pg_statement sql_awaited = {
	"awaited",
	"SELECT o.release_id, o.class, o.attempts, " SQL_MS("o.created_at") ","
	" o.done_at IS NOT NULL OR coalesce(" IS_TOLD("o") ", false),"
	" coalesce(o.callback_status = 'failed', false), encode(k.key, 'hex'), o.read IS NOT NULL"
	" FROM headgate.outbox o, headgate.callback_key k"
	" WHERE o.id = $1 AND o.callback_ms IS NOT NULL",
	1,
};

const struct pg_statement sql_outbox = {
	"outbox",
	"SELECT o.release_id, o.row_version, o.class, o.option,"
	" count(*) FILTER (WHERE o.done_at IS NULL),"
	" count(*) FILTER (WHERE o.done_at IS NULL AND o.refused), min(o.action) FILTER (WHERE o.refused),"
	" count(*) FILTER (WHERE " FAILING "), count(*) FILTER (WHERE o.done_at IS NULL AND o.last_status = 0),"
	" min(o.action) FILTER (WHERE " FAILING " OR o.done_at IS NULL AND o.last_status = 0),"
	" min(o.action) FILTER (WHERE " IS_DRIFT("o") "),"
	" (array_agg(o.read_text ORDER BY o.action, o.sequence) FILTER (WHERE " IS_DRIFT("o") "))[1]"
	" FROM headgate.outbox o"
	" WHERE o.release_id = ANY($1::bigint[]) AND o.superseded_by IS NULL AND o.class <> 'notification'"
	" GROUP BY o.release_id, o.row_version, o.class, o.option"
	" HAVING o.class = 'rollback' OR count(*) FILTER (WHERE o.done_at IS NULL OR o.drifted) > 0"
	" ORDER BY 1, 2",
	1,
};
/* clang-format on */

struct claim_op {
	struct op op;
	store_claim_fn fn;
	void *ctx;
};

enum message_class store_class_of(const char *text)
{
	for (int i = 0; i < MESSAGE_CLASS_COUNT; i++) {
		if (strcmp(message_class_names[i], text) == 0)
			return (enum message_class)i;
	}
	return MESSAGE_NOTIFICATION; /* the column's CHECK allows nothing else */
}

static void message_of_row(struct store_message *m, const PGresult *r, int row)
{
	struct str id = str_of(pg_text(r, row, 0));

	*m = (struct store_message){
	        .release_id = pg_i64(r, row, 1),
	        .row_version = pg_i64(r, row, 2),
	        .sequence = pg_i64(r, row, 3),
	        .fence = pg_i64(r, row, 4),
	        .epoch = pg_i64(r, row, 5),
	        .class = store_class_of(pg_text(r, row, 6)),
	        .service = pg_text(r, row, 7),
	        .environment = pg_text(r, row, 8),
	        .version = pg_text(r, row, 9),
	        .action = pg_text(r, row, 10),
	        .destination = pg_text(r, row, 11),
	        .method = pg_text(r, row, 12),
	        .path = pg_text(r, row, 13),
	        .body = pg_text(r, row, 14),
	        .headers = PQgetisnull(r, row, 15) ? NULL : pg_text(r, row, 15),
	        .attempts = pg_i64(r, row, 16),
	        .created_at = {.ms = pg_i64(r, row, 17)},
	        .callback_ms = pg_i64(r, row, 18),
	        .arguments = PQgetisnull(r, row, 20) ? NULL : pg_text(r, row, 20),
	        .read = PQgetisnull(r, row, 21) ? NULL : pg_text(r, row, 21),
	        .option = pg_i64(r, row, 22),
	        .repairs = pg_i64(r, row, 23),
	        .has_drifted = pg_bool(r, row, 24),
	        .is_repeat = pg_bool(r, row, 25),
	        .is_told = pg_bool(r, row, 26),
	};
	if (id.n < sizeof(m->id))
		memcpy(m->id, id.p, id.n);
	if (m->callback_ms > 0)
		callback_token(pg_text(r, row, 19), m->id, m->callback_token);
}

static void claim_answered(void *ctx, const struct pg_reply *reply)
{
	struct claim_op *op = ctx;
	struct store_message *messages = NULL;
	struct err err = {0};
	int n = 0;

	if (!store_answered(reply, &err))
		goto out;
	n = PQntuples(reply->result);
	messages = calloc(n > 0 ? (size_t)n : 1, sizeof(*messages));
	if (messages == NULL) {
		err_set(&err, ERR_NOMEM, "no memory for messages: their claims lapse");
		n = 0;
	}
	for (int i = 0; i < n; i++)
		message_of_row(&messages[i], reply->result, i);
out:
	op->fn(op->ctx, messages, (size_t)n, err.code != ERR_NONE ? &err : NULL);
	free(messages);
	op_free(op);
}

static void add_lanes(struct pg_args *args, const struct store_claim *what)
{
	arg_array_begin(args);
	for (size_t i = 0; i < what->n; i++)
		arg_array_text(args, message_class_names[what->lanes[i].class]);
	arg_array_end(args);
	arg_array_begin(args);
	for (size_t i = 0; i < what->n; i++)
		arg_array_text(args, what->lanes[i].destination);
	arg_array_end(args);
	arg_array_begin(args);
	for (size_t i = 0; i < what->n; i++)
		arg_array_i64(args, what->lanes[i].busy);
	arg_array_end(args);
	arg_array_begin(args);
	for (size_t i = 0; i < what->n; i++)
		arg_array_i64(args, what->lanes[i].free);
	arg_array_end(args);
	arg_i64(args, what->limit);
	arg_array_begin(args);
	for (size_t i = 0; i < what->nknown; i++)
		arg_array_text(args, what->known[i]);
	arg_array_end(args);
	arg_i64(args, what->strangers);
}

bool store_claim(struct store *s, const struct store_claim *what, int64_t claim_ms,
                 store_claim_fn fn, void *ctx, struct err *err)
{
	struct claim_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to claim messages");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_i64(args, claim_ms);
	arg_text(args, s->app->instance);
	add_lanes(args, what);
	if (!store_send(s, &sql_claim, args, claim_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

struct awaited_op {
	struct op op;
	char id[48];
	store_awaited_fn fn;
	void *ctx;
};

static void awaited_answered(void *ctx, const struct pg_reply *reply)
{
	struct awaited_op *op = ctx;
	struct err err = {0};
	bool ok = store_answered(reply, &err);

	if (ok && PQntuples(reply->result) == 1) {
		const PGresult *r = reply->result;
		struct store_awaited found = {
		        .release_id = pg_i64(r, 0, 0),
		        .class = store_class_of(pg_text(r, 0, 1)),
		        .attempts = pg_i64(r, 0, 2),
		        .created_at = {.ms = pg_i64(r, 0, 3)},
		        .is_done = pg_bool(r, 0, 4),
		        .has_failed = pg_bool(r, 0, 5),
		        .reads_back = pg_bool(r, 0, 7),
		};

		memcpy(found.id, op->id, sizeof(found.id));
		callback_token(pg_text(r, 0, 6), op->id, found.token);
		op->fn(op->ctx, &found, NULL);
	} else {
		op->fn(op->ctx, NULL, ok ? NULL : &err);
	}
	op_free(op);
}

bool store_awaited(struct store *s, const char *message_id, store_awaited_fn fn, void *ctx,
                   struct err *err)
{
	struct awaited_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to ask the database");
	op->fn = fn;
	op->ctx = ctx;
	(void)snprintf(op->id, sizeof(op->id), "%s", message_id);
	args = pg_args_new();
	arg_text(args, message_id);
	if (!store_send(s, &sql_awaited, args, awaited_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

struct outbox_op {
	struct op op;
	store_outbox_fn fn;
	void *ctx;
};

static void outbox_answered(void *ctx, const struct pg_reply *reply)
{
	struct outbox_op *op = ctx;
	struct store_outbox_status *rows;
	struct err err = {0};
	size_t n;

	rows = store_answered_rows(reply, sizeof(*rows), &n, &err);
	for (int i = 0; i < (int)n; i++) {
		const PGresult *r = reply->result;

		rows[i] = (struct store_outbox_status){
		        .release_id = pg_i64(r, i, 0),
		        .row_version = pg_i64(r, i, 1),
		        .class = store_class_of(pg_text(r, i, 2)),
		        .option = pg_i64(r, i, 3),
		        .pending = (size_t)pg_i64(r, i, 4),
		        .refused = (size_t)pg_i64(r, i, 5),
		        .refused_action = PQgetisnull(r, i, 6) ? NULL : pg_text(r, i, 6),
		        .failing = (size_t)pg_i64(r, i, 7),
		        .unanswered = (size_t)pg_i64(r, i, 8),
		        .failing_action = PQgetisnull(r, i, 9) ? NULL : pg_text(r, i, 9),
		        .drifted_action = PQgetisnull(r, i, 10) ? NULL : pg_text(r, i, 10),
		        .drifted_text = PQgetisnull(r, i, 11) ? NULL : pg_text(r, i, 11),
		};
	}
	op->fn(op->ctx, rows, n, err.code != ERR_NONE ? &err : NULL);
	free(rows);
	op_free(op);
}

bool store_outbox(struct store *s, const int64_t *release_ids, size_t n, store_outbox_fn fn,
                  void *ctx, struct err *err)
{
	struct outbox_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to ask the database");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_array_begin(args);
	for (size_t i = 0; i < n; i++)
		arg_array_i64(args, release_ids[i]);
	arg_array_end(args);
	if (!store_send(s, &sql_outbox, args, outbox_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}
