/*
 * alert - what fires, as it was told by webhook: one group of alerts replaces what was told of it
 * before, in one statement. STORE_ALERTS_MAX stands in the migration as well.
 */
#include <stdlib.h>

#include "store/internal.h"

/* clang-format off */
/* The daemon's role may change no row of these tables: functions do (migrations 0007 and 0008). */
const struct pg_statement sql_alerts_put = {
	"alerts_put", "SELECT headgate.alert_tell($1, $2::jsonb, $3::jsonb, $4::bigint)", 4,
};
const struct pg_statement sql_alerts_refuse = {
	"alerts_refuse", "SELECT headgate.alert_refuse($1, $2)", 2,
};
const struct pg_statement sql_alerts_load = {
	"alerts_load",
	"SELECT json_build_object('why', r.why, 'refused_ms', " SQL_MS("r.refused_at") ")"
	" FROM headgate.alert_refusal r UNION ALL ("
	"SELECT json_build_object('fingerprint', a.fingerprint, 'labels', a.labels, 'since', a.since,"
	" 'cut_off', a.cut_off, 'received_ms', " SQL_MS("a.received_at") ")"
	" FROM headgate.alert a ORDER BY a.received_at DESC LIMIT 4000)",
	0,
};
/* clang-format on */

struct put_op {
	struct op op;
	store_done_fn fn;
	void *ctx;
};

static void put_answered(void *ctx, const struct pg_reply *reply)
{
	struct put_op *op = ctx;
	struct err err = {0};
	bool ok = store_answered(reply, &err);

	if (ok && !pg_bool(reply->result, 0, 0))
		ok = err_set(&err, ERR_LIMIT,
		             "more than %d alerts are firing: no more are kept; send fewer of them "
		             "here",
		             STORE_ALERTS_MAX);
	op->fn(op->ctx, ok ? NULL : &err);
	op_free(op);
}

bool store_alerts_put(struct store *s, const struct store_alerts *alerts, store_done_fn fn,
                      void *ctx, struct err *err)
{
	char *firing = json_dumps(alerts->firing, JSON_COMPACT);
	char *resolved = json_dumps(alerts->resolved, JSON_COMPACT);
	struct put_op *op = op_new(s, sizeof(*op));
	struct pg_args *args = NULL;
	bool ok = op != NULL && firing != NULL && resolved != NULL;

	if (ok) {
		op->fn = fn;
		op->ctx = ctx;
		args = pg_args_new();
		arg_text(args, alerts->origin);
		arg_text(args, firing);
		arg_text(args, resolved);
		arg_i64(args, alerts->cut_off);
		ok = store_send(s, &sql_alerts_put, args, put_answered, op, err);
	} else {
		(void)err_set(err, ERR_NOMEM, "no memory for these alerts");
	}
	free(firing);
	free(resolved);
	if (!ok && op != NULL)
		op_free(op);
	return ok;
}

bool store_alerts_refused(struct store *s, const char *origin, const char *why, store_done_fn fn,
                          void *ctx, struct err *err)
{
	struct put_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to note what was refused");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_text(args, origin != NULL ? origin : "");
	arg_text(args, why);
	if (store_send(s, &sql_alerts_refuse, args, put_answered, op, err))
		return true;
	op_free(op);
	return false;
}

struct load_op {
	struct op op;
	store_rows_fn fn;
	void *ctx;
};

static void load_answered(void *ctx, const struct pg_reply *reply)
{
	struct load_op *op = ctx;
	json_t *rows = NULL;
	struct err err = {0};
	bool ok = store_answered(reply, &err);

	if (ok) {
		rows = json_array();
		for (int i = 0; ok && i < PQntuples(reply->result); i++)
			ok = json_array_append_new(
			             rows, json_loads(pg_text(reply->result, i, 0), 0, NULL)) == 0;
		if (!ok || rows == NULL)
			ok = err_set(&err, ERR_NOMEM, "no memory for the alerts");
	}
	op->fn(op->ctx, ok ? rows : NULL, ok ? NULL : &err);
	json_decref(rows);
	op_free(op);
}

bool store_alerts_load(struct store *s, store_rows_fn fn, void *ctx, struct err *err)
{
	struct load_op *op = op_new(s, sizeof(*op));

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to ask for alerts");
	op->fn = fn;
	op->ctx = ctx;
	if (store_send(s, &sql_alerts_load, pg_args_new(), load_answered, op, err))
		return true;
	op_free(op);
	return false;
}
