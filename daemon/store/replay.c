/* replay - a dead notification becomes due again, on the record. */
#include <stdlib.h>

#include "store/internal.h"

/* $1: the message. What is not dead, or not to be sent, changes nothing and leaves no record. */
const struct pg_statement sql_replay = {
        "replay",
        "WITH was AS MATERIALIZED (SELECT o.class FROM headgate.outbox o WHERE o.id = $1), "
        "changed AS ("
        " UPDATE headgate.outbox o SET dead = false, refused = false, claim_until = NULL,"
        "  due_at = clock_timestamp()"
        " WHERE o.id = $1 AND o.class = 'notification' AND o.dead AND o.done_at IS NULL"
        "  AND o.superseded_by IS NULL"
        " RETURNING 1), "
        "audited AS ("
        " INSERT INTO headgate.audit (chain, sequence, record, hash)"
        " SELECT $2, $3::bigint, $4::bytea, $5::bytea FROM changed) "
        "SELECT EXISTS (SELECT FROM changed), EXISTS (SELECT FROM was),"
        " EXISTS (SELECT FROM was WHERE class = 'notification')",
        5,
};

static bool replay_judge(const PGresult *r, struct err *err)
{
	if (PQntuples(r) != 1 || !pg_bool(r, 0, 1))
		return err_set(err, ERR_NOT_FOUND, "there is no such message");
	return pg_bool(r, 0, 2) ||
	       err_set(err, ERR_CONFLICT,
	               "it is the message of an action, not a notification: what a release asks "
	               "for is sent again by the release's verb retry");
}

bool store_replay(struct store *s, const char *message_id, const char *subject, const char *reason,
                  store_done_fn fn, void *ctx, struct err *err)
{
	struct chained *c = chained_new(s, &sql_replay, fn, ctx);
	json_t *json = json_pack("{s:s}", "message", message_id);
	char *detail = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	bool ok = c != NULL && detail != NULL && chained_add_text(c, message_id) &&
	          chained_record(c, subject, "api", "replay", reason, detail);

	free(detail);
	json_decref(json);
	if (!ok) {
		chained_free(&c);
		return err_set(err, ERR_NOMEM, "no memory to replay a message");
	}
	c->judge = replay_judge;
	return chained_start_take(&s->chains.system, c, err);
}
