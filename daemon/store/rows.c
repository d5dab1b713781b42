/* rows - lists for the API, newest first: the database writes each row's JSON. */
#include <stdlib.h>

#include "base/macros.h"
#include "store/internal.h"

#define ROWS_MAX 500

/* clang-format off */
const struct pg_statement sql_rows_timeline = {
	"rows_timeline",
	"SELECT json_build_object('row_version', t.row_version, 'at', " SQL_RFC3339("t.at") ","
	" 'event', t.event,"
	" 'from', coalesce(t.from_state || CASE WHEN t.from_step = 'none' THEN '' ELSE '/' || t.from_step END, ''),"
	" 'to', t.to_state || CASE WHEN t.to_step = 'none' THEN '' ELSE '/' || t.to_step END,"
	" 'stage', t.stage, 'actor', t.actor, 'origin', t.origin, 'reason', t.reason, 'text', t.text,"
	" 'transition', t.id, 'detail', t.detail)"
	" FROM headgate.transition t WHERE t.release_id = $1::bigint AND t.row_version < $2::bigint"
	" ORDER BY t.row_version DESC LIMIT $3::bigint",
	3,
};
const struct pg_statement sql_rows_evaluations = {
	"rows_evaluations",
	"SELECT e.body || jsonb_build_object('row', e.id, 'row_version', e.row_version,"
	" 'number', e.number, 'at', " SQL_RFC3339("e.at") ", 'verdict', e.verdict)"
	" FROM headgate.evaluation e WHERE e.release_id = $1::bigint AND e.id < $2::bigint"
	" ORDER BY e.id DESC LIMIT $3::bigint",
	3,
};
/* One message of the outbox, `o`. */
#define ACTION_MEMBERS \
	"'id', o.id, 'row_version', o.row_version, 'sequence', o.sequence," \
	" 'fence', o.fence, 'epoch', o.epoch, 'class', o.class, 'option', CASE WHEN o.option >= 0 THEN o.option END," \
	" 'beside', CASE WHEN o.class = 'rollback' AND o.option = -1 THEN 'dampen'" \
	"  WHEN o.option = -2 THEN 'smoke' END," \
	" 'action', o.action, 'destination', o.destination, 'method', o.method, 'path', o.path," \
	" 'body', o.body, 'arguments', o.arguments, 'read', o.read," \
	" 'read_at', " SQL_RFC3339("o.read_at") ", 'read_text', o.read_text, 'drifted', o.drifted, 'repairs', o.repairs," \
	" 'state', CASE WHEN o.done_at IS NOT NULL THEN 'acknowledged'" \
	"  WHEN o.superseded_by IS NOT NULL THEN 'superseded' WHEN o.parked THEN 'parked'" \
	"  WHEN o.dead AND o.refused THEN 'refused' WHEN o.dead THEN 'given_up'" \
	"  WHEN o.claim_until > clock_timestamp() THEN 'in_flight'" \
	"  WHEN o.awaits_until > clock_timestamp() THEN 'awaiting_callback' ELSE 'pending' END," \
	" 'acknowledge_by', CASE WHEN o.callback_ms IS NULL THEN 'status' ELSE 'callback' END," \
	" 'awaiting_callback_until', CASE WHEN o.done_at IS NULL AND o.awaits_until > clock_timestamp()" \
	"  THEN " SQL_RFC3339("o.awaits_until") " END," \
	" 'callback', CASE WHEN o.callback_at IS NOT NULL THEN json_build_object('status', o.callback_status," \
	"  'text', o.callback_text, 'at', " SQL_RFC3339("o.callback_at") ") END," \
	" 'attempts', o.attempts, 'created_at', " SQL_RFC3339("o.created_at") "," \
	" 'due_at', CASE WHEN o.done_at IS NULL AND o.superseded_by IS NULL AND NOT o.parked AND NOT o.dead" \
	"  THEN " SQL_RFC3339("o.due_at") " END," \
	" 'acknowledged_at', " SQL_RFC3339("o.done_at") ", 'superseded_by', o.superseded_by," \
	" 'refused', o.refused, 'resent', o.resent," \
	" 'last_status', o.last_status, 'last_text', o.last_text"
const struct pg_statement sql_rows_actions = {
	"rows_actions",
	"SELECT json_build_object(" ACTION_MEMBERS ")"
	" FROM headgate.outbox o WHERE o.release_id = $1::bigint AND o.fence < $2::bigint"
	" ORDER BY o.fence DESC FETCH FIRST ($3::bigint) ROWS WITH TIES",
	3,
};
/* Of all releases: $1 given up, $2 refused. */
const struct pg_statement sql_rows_dead = {
	"rows_dead",
	"SELECT json_build_object('release', o.release_id, 'service', r.service, 'environment', r.environment,"
	" 'version', r.version, " ACTION_MEMBERS ")"
	" FROM headgate.outbox o JOIN headgate.release r ON r.id = o.release_id"
	" WHERE o.dead AND o.done_at IS NULL AND o.superseded_by IS NULL"
	"  AND CASE WHEN o.refused THEN $2::boolean ELSE $1::boolean END"
	" ORDER BY o.created_at DESC, o.id LIMIT $3::bigint",
	3,
};
const struct pg_statement sql_rows_audit = {
	"rows_audit",
	"SELECT json_build_object('chain', a.chain, 'sequence', a.sequence, 'at', " SQL_RFC3339("a.at") ","
	" 'record', encode(a.record, 'hex'), 'hash', encode(a.hash, 'hex'))"
	" FROM headgate.audit a WHERE a.chain = 'release/' || $1::bigint AND a.sequence < $2::bigint"
	" ORDER BY a.sequence DESC LIMIT $3::bigint",
	3,
};
/* clang-format on */

static const struct pg_statement *const lists[] = {
        [STORE_TIMELINE] = &sql_rows_timeline,
        [STORE_EVALUATIONS] = &sql_rows_evaluations,
        [STORE_ACTIONS] = &sql_rows_actions,
        [STORE_AUDIT] = &sql_rows_audit,
};
_Static_assert(ARRAY_LEN(lists) == STORE_LIST_COUNT, "one statement per list");

struct rows_op {
	struct op op;
	store_rows_fn fn;
	void *ctx;
};

static void rows_answered(void *ctx, const struct pg_reply *reply)
{
	struct rows_op *op = ctx;
	json_t *rows = NULL;
	struct err err;
	bool ok = store_answered(reply, &err);

	if (ok) {
		rows = json_array();
		for (int i = 0; i < PQntuples(reply->result); i++) {
			json_t *row = json_loads(pg_text(reply->result, i, 0), 0, NULL);

			ok = json_array_append_new(rows, row) == 0 && ok;
		}
		if (!ok)
			err_set(&err, ERR_NOMEM, "no memory for the rows");
	}
	op->fn(op->ctx, ok ? rows : NULL, ok ? NULL : &err);
	json_decref(rows);
	op_free(op);
}

/* Takes args. */
static bool ask(struct store *s, const struct pg_statement *sql, struct pg_args *args,
                store_rows_fn fn, void *ctx, struct err *err)
{
	struct rows_op *op = op_new(s, sizeof(*op));

	if (op == NULL) {
		pg_args_free(&args);
		return err_set(err, ERR_NOMEM, "no memory to ask the database");
	}
	op->fn = fn;
	op->ctx = ctx;
	if (!store_send(s, sql, args, rows_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

/* The rows of a list before this one, and how many at the most. */
static void arg_page(struct pg_args *args, int64_t before, int64_t limit)
{
	arg_i64(args, before > 0 ? before : INT64_MAX);
	arg_i64(args, limit < ROWS_MAX ? limit : ROWS_MAX);
}

bool store_incident_rows(struct store *s, const char *service, const char *environment,
                         int64_t before, int64_t limit, store_rows_fn fn, void *ctx,
                         struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_text(args, service);
	arg_text(args, environment);
	arg_page(args, before, limit);
	return ask(s, &sql_rows_incidents, args, fn, ctx, err);
}

bool store_rows(struct store *s, enum store_list which, int64_t release_id, int64_t before,
                int64_t limit, store_rows_fn fn, void *ctx, struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_i64(args, release_id);
	arg_page(args, before, limit);
	return ask(s, lists[which], args, fn, ctx, err);
}

bool store_dead(struct store *s, bool given_up, bool refused, int64_t limit, store_rows_fn fn,
                void *ctx, struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_bool(args, given_up);
	arg_bool(args, refused);
	arg_i64(args, limit < ROWS_MAX ? limit : ROWS_MAX);
	return ask(s, &sql_rows_dead, args, fn, ctx, err);
}
