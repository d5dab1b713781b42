/* slot - what has to be known before a release is created: its number, and how things stand with
 * its pair. */
#include <stdlib.h>

#include "store/internal.h"

/* clang-format off */
/* Re-entry (rule A6): if the pair's newest release that ever ran ended by going back, the checks
 * its policy lists for re-entry and that nobody has reported done. */
const struct pg_statement sql_slot = {
	"slot",
	"SELECT nextval('headgate.release_id'),"
	" (SELECT count(*) FROM headgate.release r"
	"  WHERE r.service = $1 AND r.environment = $2 AND r.version = $3),"
	" EXISTS (SELECT FROM headgate.release r WHERE r.service = $1 AND r.environment = $2"
	"  AND r.state IN ('running', 'paused', 'rolling_back', 'stabilising', 'failed')),"
	" (SELECT string_agg(q.name, ', ' ORDER BY q.ord)"
	"  FROM (SELECT r.state, r.policy_hash, r.detail FROM headgate.release r"
	"   WHERE r.service = $1 AND r.environment = $2 AND r.activation IS NOT NULL"
	"   ORDER BY r.activation DESC LIMIT 1) l"
	"  JOIN headgate.policy p ON p.hash = l.policy_hash"
	"  CROSS JOIN LATERAL jsonb_array_elements_text(p.document #> '{rollback,reentry}')"
	"   WITH ORDINALITY AS q(name, ord)"
	"  WHERE l.state IN ('rolled_back', 'resolved')"
	"   AND jsonb_typeof(p.document #> '{rollback,reentry}') = 'array'"
	"   AND NOT EXISTS (SELECT FROM jsonb_array_elements(l.detail -> 'checks') k"
	"    WHERE k ->> 'name' = q.name AND (k ->> 'done')::boolean)),"
	" (SELECT v.last_stable FROM headgate.service v WHERE v.service = $1 AND v.environment = $2)",
	3,
};
/* clang-format on */

struct slot_op {
	struct op op;
	store_slot_fn fn;
	void *ctx;
};

static char *cell_copy(const PGresult *r, int column)
{
	return PQgetisnull(r, 0, column) ? NULL : text_dup(pg_text(r, 0, column));
}

static void slot_answered(void *ctx, const struct pg_reply *reply)
{
	struct slot_op *op = ctx;
	struct store_slot slot;
	struct err err;

	if (!store_answered(reply, &err)) {
		op->fn(op->ctx, NULL, &err);
		op_free(op);
		return;
	}
	slot = (struct store_slot){
	        .next_id = pg_i64(reply->result, 0, 0),
	        .attempts = pg_i64(reply->result, 0, 1),
	        .other_active = pg_bool(reply->result, 0, 2),
	        .reentry_missing = cell_copy(reply->result, 3),
	        .last_stable = cell_copy(reply->result, 4),
	};
	op->fn(op->ctx, &slot, NULL);
	free(slot.reentry_missing);
	free(slot.last_stable);
	op_free(op);
}

bool store_prepare_release(struct store *s, const char *service, const char *environment,
                           const char *version, store_slot_fn fn, void *ctx, struct err *err)
{
	struct slot_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to ask the database");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_text(args, service);
	arg_text(args, environment);
	arg_text(args, version);
	if (!store_send(s, &sql_slot, args, slot_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}
