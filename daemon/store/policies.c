/* policies - documents by hash, and which hash a name stands for now (rule I1). */
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* A name that comes from a file is not taken over by the API. An unchanged name writes nothing, no
 * record either, so every start of every instance may say it again. */
const struct pg_statement sql_policy_put = {
        "policy_put",
        "WITH was AS MATERIALIZED (SELECT hash, origin FROM headgate.policy_name WHERE name = $2), "
        "kept AS ("
        " INSERT INTO headgate.policy (hash, name, document, origin, subject)"
        " VALUES ($1, $2, $3::jsonb, $4, $5) ON CONFLICT (hash) DO NOTHING), "
        "named AS ("
        " INSERT INTO headgate.policy_name AS n (name, hash, origin, subject) VALUES ($2, $1, $4, "
        "$5)"
        " ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, origin = excluded.origin,"
        "  subject = excluded.subject, version = n.version + 1, updated_at = clock_timestamp()"
        " WHERE (n.hash <> excluded.hash OR n.origin <> excluded.origin)"
        "  AND NOT (n.origin = 'file' AND excluded.origin <> 'file')"
        " RETURNING 1), "
        "audited AS ("
        " INSERT INTO headgate.audit (chain, sequence, record, hash)"
        " SELECT $6, $7::bigint, $8::bytea, $9::bytea FROM named) "
        "SELECT EXISTS (SELECT FROM named),"
        " EXISTS (SELECT FROM was WHERE origin = 'file' AND $4 <> 'file' AND hash <> $1)",
        9,
};

static bool policy_judge(const PGresult *r, struct err *err)
{
	if (PQntuples(r) == 1 && pg_bool(r, 0, 1))
		return err_set(err, ERR_CONFLICT, "the policy of this name comes from a file");
	return true;
}

static bool policy_fill(struct chained *c, const struct policy *p, const char *origin,
                        const char *subject)
{
	json_t *document = policy_to_json(p);
	char *text = json_dumps(document, JSON_COMPACT);
	json_t *json =
	        json_pack("{s:s, s:s, s:s}", "policy", p->name, "hash", p->hash, "origin", origin);
	char *detail = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	bool ok = text != NULL && detail != NULL && chained_add_text(c, p->hash) &&
	          chained_add_text(c, p->name) && chained_add_text(c, text) &&
	          chained_add_text(c, origin) && chained_add_text(c, subject) &&
	          chained_record(c, subject, origin, "put_policy", "", detail);

	free(text);
	free(detail);
	json_decref(document);
	json_decref(json);
	return ok;
}

bool store_put_policy(struct store *s, const struct policy *p, const char *origin,
                      const char *subject, store_done_fn fn, void *ctx, struct err *err)
{
	struct chained *c = chained_new(s, &sql_policy_put, fn, ctx);

	if (c == NULL || !policy_fill(c, p, origin, subject)) {
		chained_free(&c);
		return err_set(err, ERR_NOMEM, "no memory to store a policy");
	}
	c->judge = policy_judge;
	return chained_start_take(&s->chains.system, c, err);
}
