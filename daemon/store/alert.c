/*
 * alert - what fires, as it was told by webhook: one group of alerts replaces what was told of it
 * before, in one statement.
 */
#include <stdlib.h>

#include "store/internal.h"

#define MAX_TEXT "2000"
_Static_assert(STORE_ALERTS_MAX == 2000, "the statement says so as well");

/* clang-format off */
/* $1 the group, $2 what fires, $3 what is resolved, $4 how many were not told. Firing wins over resolved. What was cut
 * off may still fire, so then only what is said to be resolved goes. */
const struct pg_statement sql_alerts_put = {
	"alerts_put",
	"WITH told AS MATERIALIZED ("
	" SELECT e->>'fingerprint' AS fingerprint, e->'labels' AS labels, e->>'since' AS since"
	" FROM jsonb_array_elements($2::jsonb) e), "
	"room AS MATERIALIZED ("
	" SELECT (SELECT count(*) FROM headgate.alert WHERE origin <> md5($1)) + (SELECT count(*) FROM told) <= " MAX_TEXT
	" AS there), "
	"gone AS ("
	" DELETE FROM headgate.alert a USING room"
	" WHERE room.there AND NOT (a.origin = md5($1) AND a.fingerprint IN (SELECT fingerprint FROM told))"
	"  AND ((a.origin = md5($1) AND ($4::bigint = 0 OR $3::jsonb ? a.fingerprint))"
	"   OR a.received_at < clock_timestamp() - interval '6 days')), "
	"kept AS ("
	" INSERT INTO headgate.alert (origin, fingerprint, labels, since, cut_off, received_at)"
	" SELECT md5($1), t.fingerprint, t.labels, t.since, $4::bigint, clock_timestamp() FROM told t, room WHERE room.there"
	" ON CONFLICT (origin, fingerprint) DO UPDATE SET labels = excluded.labels, since = excluded.since,"
	"  cut_off = excluded.cut_off, received_at = excluded.received_at) "
	"SELECT there FROM room",
	4,
};
const struct pg_statement sql_alerts_load = {
	"alerts_load",
	"SELECT json_build_object('fingerprint', a.fingerprint, 'labels', a.labels, 'since', a.since,"
	" 'cut_off', a.cut_off, 'received_ms', " SQL_MS("a.received_at") ")"
	" FROM headgate.alert a ORDER BY a.received_at DESC LIMIT 4000",
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
