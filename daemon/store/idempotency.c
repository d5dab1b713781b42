/* idempotency - answers kept under the key their caller chose, for seven days. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "store/internal.h"

const struct pg_statement sql_idempotency_look = {
        "idempotency_look",
        "SELECT i.fingerprint, i.status, i.body FROM headgate.idempotency i"
        " WHERE i.subject = $1 AND i.route = $2 AND i.key = $3"
        " AND i.created_at > clock_timestamp() - interval '7 days'",
        3,
};
/* The first answer stays: a second one under the same key is a repeat that raced it. */
const struct pg_statement sql_idempotency_keep = {
        "idempotency_keep",
        "INSERT INTO headgate.idempotency (subject, route, key, fingerprint, status, body)"
        " VALUES ($1, $2, $3, $4, $5::integer, $6) ON CONFLICT DO NOTHING",
        6,
};

struct look_op {
	struct op op;
	char *subject, *route, *key, *fingerprint;
	store_idempotency_fn fn;
	void *ctx;
};

static void look_fini(void *ctx)
{
	struct look_op *op = ctx;

	free(op->subject);
	free(op->route);
	free(op->key);
	free(op->fingerprint);
}

static void look_answered(void *ctx, const struct pg_reply *reply)
{
	struct look_op *op = ctx;
	struct store_idempotency found = {
	        .subject = op->subject,
	        .route = op->route,
	        .key = op->key,
	        .fingerprint = op->fingerprint,
	        .body = "",
	};
	struct err err;

	if (!store_answered(reply, &err)) {
		op->fn(op->ctx, NULL, &err);
		op_free(op);
		return;
	}
	if (PQntuples(reply->result) == 1) {
		found.mismatch = strcmp(pg_text(reply->result, 0, 0), op->fingerprint) != 0;
		found.status = (int)pg_i64(reply->result, 0, 1);
		found.body = pg_text(reply->result, 0, 2);
	}
	op->fn(op->ctx, &found, NULL);
	op_free(op);
}

bool store_idempotency_look(struct store *s, const char *subject, const char *route,
                            const char *key, const char *fingerprint, store_idempotency_fn fn,
                            void *ctx, struct err *err)
{
	struct look_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to ask the database");
	op->op.fini = look_fini;
	op->fn = fn;
	op->ctx = ctx;
	op->subject = text_dup(subject);
	op->route = text_dup(route);
	op->key = text_dup(key);
	op->fingerprint = text_dup(fingerprint);
	if (op->subject == NULL || op->route == NULL || op->key == NULL ||
	    op->fingerprint == NULL) {
		op_free(op);
		return err_set(err, ERR_NOMEM, "no memory to ask the database");
	}
	args = pg_args_new();
	arg_text(args, subject);
	arg_text(args, route);
	arg_text(args, key);
	if (!store_send(s, &sql_idempotency_look, args, look_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

static void kept(void *ctx, const struct pg_reply *reply)
{
	(void)ctx;
	if (reply->outcome != PG_DONE)
		log_err(LOG_WARN, "answer_not_kept", &reply->err, "%s", "");
}

void store_idempotency_keep(struct store *s, const char *subject, const char *route,
                            const char *key, const char *fingerprint, int status, const char *body)
{
	struct pg_args *args;
	struct err err;

	if (status >= 500)
		return;
	args = pg_args_new();
	arg_text(args, subject);
	arg_text(args, route);
	arg_text(args, key);
	arg_text(args, fingerprint);
	arg_i64(args, status);
	arg_text(args, body != NULL ? body : "");
	if (!store_send(s, &sql_idempotency_keep, args, kept, s, &err))
		log_err(LOG_WARN, "answer_not_kept", &err, "%s", "");
}
