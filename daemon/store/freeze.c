/* freeze - one row per scope; changing it waits for the advances that hold it (rule A3). */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* The update waits until every statement that has this row FOR SHARE has ended; those that come
 * later see it locked or frozen. So when this is answered, nothing in scope advances. */
const struct pg_statement sql_freeze = {
        "freeze",
        "WITH changed AS ("
        " INSERT INTO headgate.freeze_scope AS f (scope, name, frozen, subject, reason, since)"
        " VALUES ($1, $2, $3::boolean, $4, $5, clock_timestamp())"
        " ON CONFLICT (scope, name) DO UPDATE SET frozen = excluded.frozen, subject = "
        "excluded.subject,"
        "  reason = excluded.reason, since = clock_timestamp(), version = f.version + 1"
        " RETURNING version), "
        "audited AS ("
        " INSERT INTO headgate.audit (chain, sequence, record, hash)"
        " SELECT $6, $7::bigint, $8::bytea, $9::bytea FROM changed) "
        "SELECT EXISTS (SELECT FROM changed)",
        9,
};

static bool freeze_fill(struct chained *c, const char *scope, const char *name, bool frozen,
                        const char *subject, const char *reason)
{
	json_t *json =
	        json_pack("{s:s, s:s, s:b}", "scope", scope, "name", name, "frozen", (int)frozen);
	char *detail = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	bool ok = detail != NULL && chained_add_text(c, scope) && chained_add_text(c, name) &&
	          chained_add_text(c, frozen ? "t" : "f") && chained_add_text(c, subject) &&
	          chained_add_text(c, reason) &&
	          chained_record(c, subject, "api", frozen ? "freeze" : "unfreeze", reason, detail);

	free(detail);
	json_decref(json);
	return ok;
}

bool store_freeze(struct store *s, const char *scope, const char *name, bool frozen,
                  const char *subject, const char *reason, store_done_fn fn, void *ctx,
                  struct err *err)
{
	struct chained *c = chained_new(s, &sql_freeze, fn, ctx);

	if (c == NULL || !freeze_fill(c, scope, name, frozen, subject != NULL ? subject : "",
	                              reason != NULL ? reason : "")) {
		chained_free(&c);
		return err_set(err, ERR_NOMEM, "no memory to freeze");
	}
	return chained_start_take(&s->chains.system, c, err);
}
