/* renew - claims of messages that take long to carry out, kept alive while they do. */
#include <stdio.h>
#include <stdlib.h>

#include "app.h"
#include "store/internal.h"

/* clang-format off */
/* What was superseded or taken over is not renewed, only told of. */
const struct pg_statement sql_renew = {
	"renew",
	"WITH renewed AS ("
	" UPDATE headgate.outbox o SET"
	"  claim_until = clock_timestamp() + $2::bigint * interval '1 millisecond',"
	"  due_at = clock_timestamp() + CASE WHEN o.class = 'rollback'"
	"   THEN least($2::bigint, " STORE_ROLLBACK_CLAIM_MS ") ELSE $2::bigint END * interval '1 millisecond'"
	" WHERE o.id = ANY ($1::text[]) AND o.claimed_by = $3 AND o.claim_until IS NOT NULL"
	"  AND o.superseded_by IS NULL"
	" RETURNING o.id, o.parked) "
	"SELECT o.id, r.id IS NULL, coalesce(r.parked, false)"
	" FROM headgate.outbox o LEFT JOIN renewed r ON r.id = o.id WHERE o.id = ANY ($1::text[])",
	3,
};
/* clang-format on */

struct renew_op {
	struct op op;
	store_renewed_fn fn;
	void *ctx;
};

static void renew_answered(void *ctx, const struct pg_reply *reply)
{
	struct renew_op *op = ctx;
	struct store_renewed *rows = NULL;
	struct err err = {0};
	int n = 0;

	if (store_answered(reply, &err)) {
		n = PQntuples(reply->result);
		rows = calloc(n > 0 ? (size_t)n : 1, sizeof(*rows));
		if (rows == NULL) {
			err_set(&err, ERR_NOMEM, "no memory for renewed claims");
			n = 0;
		}
	}
	for (int i = 0; i < n; i++) {
		snprintf(rows[i].id, sizeof(rows[i].id), "%s", pg_text(reply->result, i, 0));
		rows[i].is_over = pg_bool(reply->result, i, 1);
		rows[i].is_parked = pg_bool(reply->result, i, 2);
	}
	op->fn(op->ctx, rows, (size_t)n, err.code != ERR_NONE ? &err : NULL);
	free(rows);
	op_free(op);
}

bool store_renew(struct store *s, const char *const *ids, size_t n, int64_t claim_ms,
                 store_renewed_fn fn, void *ctx, struct err *err)
{
	struct renew_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to renew claims");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_array_begin(args);
	for (size_t i = 0; i < n; i++)
		arg_array_text(args, ids[i]);
	arg_array_end(args);
	arg_i64(args, claim_ms);
	arg_text(args, s->app->instance);
	if (!store_send(s, &sql_renew, args, renew_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}
