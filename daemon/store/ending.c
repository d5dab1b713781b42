/*
 * ending - how an attempt to deliver a message ended: by its answer, by the call of its receiver
 * that followed, or too late, when somebody else had claimed it.
 */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

/* One statement on purpose: cutting the text would only hide that. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

#define LAST_TEXT_MAX 500

/* clang-format off */
/* An attempt without an answer may have been read all the same: until when it may take effect is kept, whatever
 * comes of later ones.
 *
 * $2: acknowledged, $3: refused, $4: dead, $5: pause in ms, $8: taken, $9: how it ended, when this is the
 * receiver's callback and no answer. An acknowledged rollback that is to be
 * sent once more becomes due again at resend_at, unless the attempt that was acknowledged already
 * began after that; its second acknowledgement ends it, and so does a 409: the receiver that has
 * acknowledged it holds something newer by now, and no repeat will change that.
 *
 * A callback may be faster than the record of the answer that took the message, and may come while the next
 * attempt is under way: so it leaves claim and status alone, and what is taken changes nothing once it is
 * there. A repeat of what is acknowledged already (R8) is over when it is taken.
 *
 * $10: how the state reads, $11: otherwise than asked for. Then what the receiver called back is void, and
 * the next attempt has an id of its own. An acknowledgement sets the time of the next look: after a repeat,
 * which was not read back, at once. A repair that was given up is looked at again too. */
const struct pg_statement sql_delivered = {
	"delivered",
	"UPDATE headgate.outbox o SET"
	" claim_until = CASE WHEN $9::text IS NOT NULL THEN o.claim_until END,"
	" may_arrive_until = CASE WHEN $9::text IS NULL AND $6::bigint = 0 AND o.class = 'advance'"
	"   THEN greatest(o.may_arrive_until, coalesce(o.claim_until, o.claimed_at + interval '30 seconds')"
	"    + coalesce(o.callback_ms, 0) * interval '1 millisecond') ELSE o.may_arrive_until END,"
	" done_at = CASE WHEN $2::boolean THEN coalesce(o.done_at, clock_timestamp()) ELSE o.done_at END,"
	" resent = o.resent OR (o.done_at IS NOT NULL AND ($2::boolean OR $8::boolean)"
	"  AND coalesce(o.claimed_at >= o.resend_at, false)),"
	" resend_at = CASE"
	"  WHEN $9::text IS NOT NULL THEN CASE WHEN $2::boolean AND o.claimed_at >= o.resend_at"
	"   AND o.awaits_until > o.claimed_at THEN NULL ELSE o.resend_at END"
	"  WHEN o.claimed_at >= o.resend_at AND ($2::boolean OR o.done_at IS NOT NULL"
	"   AND ($8::boolean OR $3::boolean AND $6::bigint = 409)) THEN NULL ELSE o.resend_at END,"
	" due_at = CASE WHEN $2::boolean OR $8::boolean AND o.done_at IS NOT NULL"
	"   THEN greatest(o.resend_at, clock_timestamp())"
	"  WHEN $8::boolean AND o.callback_status IS NOT NULL THEN o.due_at"
	"  ELSE clock_timestamp() + $5::bigint * interval '1 millisecond' END,"
	" awaits_until = CASE WHEN $9::text IS NOT NULL THEN NULL"
	"  WHEN $8::boolean AND o.done_at IS NULL AND o.callback_status IS NULL"
	"   THEN clock_timestamp() + $5::bigint * interval '1 millisecond' ELSE o.awaits_until END,"
	" refused = o.refused OR $3::boolean, dead = o.dead OR $4::boolean,"
	" last_status = CASE WHEN $9::text IS NULL THEN $6::bigint ELSE o.last_status END,"
	" last_text = CASE WHEN $9::text IS NULL THEN $7 ELSE o.last_text END,"
	" callback_status = CASE WHEN NOT $11::boolean THEN coalesce($9::text, o.callback_status) END,"
	" read_text = coalesce($10::text, o.read_text), repairs = o.repairs + $11::boolean::int,"
	" drifted = o.drifted AND NOT $2::boolean,"
	" read_at = CASE WHEN $2::boolean AND o.done_at IS NOT NULL AND o.read IS NOT NULL THEN clock_timestamp()"
	"  WHEN $2::boolean OR $4::boolean AND o.drifted THEN clock_timestamp() + " SQL_READ_EVERY("o") " ELSE o.read_at END,"
	" callback_text = CASE WHEN $9::text IS NULL THEN o.callback_text ELSE $7 END,"
	" callback_at = CASE WHEN $9::text IS NULL THEN o.callback_at ELSE clock_timestamp() END"
	" WHERE o.id = $1 AND CASE WHEN $9::text IS NULL THEN o.attempts = $12::bigint AND o.repairs = $13::bigint"
	"  ELSE o.done_at IS NULL AND o.callback_status IS NULL END"
	" RETURNING o.release_id",
	13,
};

/* An attempt whose claim somebody else has taken over meanwhile: theirs goes on. What it did is done all the same,
 * and what it may still do is reckoned with. $2: acknowledged, $3: got no answer, $4: repairs at that time. */
const struct pg_statement sql_overtaken = {
	"overtaken",
	"UPDATE headgate.outbox o SET"
	" done_at = CASE WHEN x.counts THEN coalesce(o.done_at, clock_timestamp()) ELSE o.done_at END,"
	" due_at = CASE WHEN x.counts THEN greatest(o.due_at, o.resend_at) ELSE o.due_at END,"
	" drifted = o.drifted AND NOT x.counts,"
	" read_at = CASE WHEN x.counts THEN coalesce(o.read_at, clock_timestamp() + " SQL_READ_EVERY("o") ")"
	"  ELSE o.read_at END,"
	" may_arrive_until = CASE WHEN $3::boolean AND o.class = 'advance'"
	"  THEN greatest(o.may_arrive_until, coalesce(o.claim_until, clock_timestamp() + interval '30 seconds')"
	"   + coalesce(o.callback_ms, 0) * interval '1 millisecond') ELSE o.may_arrive_until END"
	" FROM (SELECT q.id, $2::boolean AND q.repairs = $4::bigint AS counts FROM headgate.outbox q"
	"  WHERE q.id = $1 FOR UPDATE) x"
	" WHERE o.id = x.id"
	" RETURNING o.release_id",
	4,
};
/* clang-format on */

struct delivered_op {
	struct op op;
	bool is_callback;
	/* Of an attempt, in case it was overtaken. */
	char id[48];
	bool is_acknowledged, is_unanswered, asks_again;
	int64_t repairs;
	store_done_fn fn;
	void *ctx;
};

static void delivered_answered(void *ctx, const struct pg_reply *reply);

static bool record_overtaken(struct delivered_op *op, struct err *err)
{
	struct pg_args *args = pg_args_new();

	op->asks_again = true;
	arg_text(args, op->id);
	arg_bool(args, op->is_acknowledged);
	arg_bool(args, op->is_unanswered);
	arg_i64(args, op->repairs);
	return store_send(op->op.store, &sql_overtaken, args, delivered_answered, op, err);
}

static void delivered_answered(void *ctx, const struct pg_reply *reply)
{
	struct delivered_op *op = ctx;
	struct err err = {0};

	if (store_answered(reply, &err) && PQntuples(reply->result) == 0) {
		if (op->is_callback)
			err_set(&err, ERR_CONFLICT, "another callback was faster");
		else if (op->asks_again)
			err_set(&err, ERR_NOT_FOUND, "there is no such message");
		else if (record_overtaken(op, &err))
			return;
	}
	if (op->fn != NULL)
		op->fn(op->ctx, err.code != ERR_NONE ? &err : NULL);
	op_free(op);
}

/* What a receiver said; the column takes UTF-8 only. */
struct str store_words_of(const char *text)
{
	struct str words = str_of(text);

	if (words.n > LAST_TEXT_MAX) {
		words.n = LAST_TEXT_MAX;
		while (words.n > 0 && ((unsigned char)words.p[words.n] & 0xc0) == 0x80)
			words.n--;
	}
	return str_is_utf8(words) ? words : STR("(not text)");
}

/* How one attempt ended: by its answer, or by the callback that followed: "ok", "failed". */
static bool record(struct store *s, const struct store_ending *e, const char *callback,
                   store_done_fn fn, void *ctx, struct err *err)
{
	struct delivered_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to record a delivery");
	op->is_callback = callback != NULL;
	op->fn = fn;
	op->ctx = ctx;
	snprintf(op->id, sizeof(op->id), "%s", e->message_id);
	op->is_acknowledged = e->how == DELIVERY_ACKNOWLEDGED;
	op->is_unanswered = e->status == 0;
	op->repairs = e->repairs;
	args = pg_args_new();
	arg_text(args, e->message_id);
	arg_bool(args, e->how == DELIVERY_ACKNOWLEDGED);
	arg_bool(args, e->how == DELIVERY_REFUSED);
	arg_bool(args, e->how == DELIVERY_DEAD || (e->how == DELIVERY_REFUSED && e->retry_ms < 0));
	arg_i64(args, e->retry_ms > 0 ? e->retry_ms : 0);
	arg_i64(args, e->status);
	arg_str(args, store_words_of(e->text));
	arg_bool(args, e->how == DELIVERY_TAKEN);
	arg_text(args, callback);
	if (e->read_text != NULL)
		arg_str(args, store_words_of(e->read_text));
	else
		arg_text(args, NULL);
	arg_bool(args, e->reads_other);
	arg_i64(args, e->attempts);
	arg_i64(args, e->repairs);
	if (!store_send(s, &sql_delivered, args, delivered_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

bool store_ended(struct store *s, const struct store_ending *e, store_done_fn fn, void *ctx,
                 struct err *err)
{
	return record(s, e, NULL, fn, ctx, err);
}

bool store_called_back(struct store *s, const char *message_id, enum store_delivery how,
                       int64_t retry_ms, const char *text, store_done_fn fn, void *ctx,
                       struct err *err)
{
	const struct store_ending e = {
	        .message_id = message_id, .how = how, .retry_ms = retry_ms, .text = text};

	return record(s, &e, how == DELIVERY_REFUSED ? "failed" : "ok", fn, ctx, err);
}
