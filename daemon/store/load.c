/*
 * load - releases, the policies they pin and the freezes, read back: everything, what changed, or
 * some.
 *
 * One load asks for its releases page by page, then for the policies among them that were not
 * handed out before, then for the freezes, and only then tells: a few releases per turn, so that
 * ten thousand do not stop the loop.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "log.h"
#include "store/internal.h"

#define PAGE 200 /* LIMIT of load_open */
#define ENDED_KEPT 500
#define TELL_PER_TURN 50
/* A statement that is still committing when we look shows up later with an earlier changed_at. */
#define OVERLAP_MS 15000
#define CHANGES_MAX 2000 /* LIMIT of load_changed */

#define ENDED "('completed', 'rolled_back', 'resolved', 'cancelled')"

/* clang-format off */
#define RELEASE_COLUMNS \
	"SELECT r.id, r.row_version, r.transition, encode(r.last_hash, 'hex'), r.detail, r.policy_hash," \
	" k.body, " SQL_MS("k.at") ", " SQL_MS("now()") ", " SQL_MS("greatest(r.changed_at, k.at)") \
	" FROM headgate.release r LEFT JOIN headgate.checkpoint k ON k.release_id = r.id"

const struct pg_statement sql_load_open = {
	"load_open",
	RELEASE_COLUMNS
	" WHERE r.id > $1::bigint AND r.state NOT IN " ENDED " ORDER BY r.id LIMIT 200",
	1,
};
const struct pg_statement sql_load_ended = {
	"load_ended",
	RELEASE_COLUMNS
	" WHERE r.id < $1::bigint AND r.state IN " ENDED
	" AND ($2::text IS NULL OR r.service = $2) AND ($3::text IS NULL OR r.environment = $3)"
	" AND ($4::text IS NULL OR r.state = $4)"
	" ORDER BY r.id DESC LIMIT $5::bigint",
	5,
};
/* Below $1: of each pair whose newest end was a way back, that release, where its policy asks for
 * something before the next one (rule A6); what completed exempt from that ended nothing. The pairs are found one by one in the index
 * release_activation, so that releases of all time need not be read. */
const struct pg_statement sql_load_back = {
	"load_back",
	"WITH RECURSIVE pair AS ("
	" (SELECT p.service, p.environment FROM headgate.release p WHERE p.activation IS NOT NULL"
	"  ORDER BY p.service, p.environment LIMIT 1)"
	" UNION ALL"
	" SELECT n.service, n.environment FROM pair CROSS JOIN LATERAL ("
	"  SELECT p.service, p.environment FROM headgate.release p WHERE p.activation IS NOT NULL"
	"   AND (p.service, p.environment) > (pair.service, pair.environment)"
	"  ORDER BY p.service, p.environment LIMIT 1) n), "
	"newest AS ("
	" SELECT e.id FROM pair CROSS JOIN LATERAL ("
	"  SELECT p.id, p.state, p.policy_hash FROM headgate.release p"
	"  WHERE p.service = pair.service AND p.environment = pair.environment AND p.activation IS NOT NULL"
	"   AND p.state IN ('completed', 'rolled_back', 'resolved')"
	"   AND (p.state <> 'completed' OR NOT EXISTS (SELECT FROM headgate.policy x"
	"    WHERE x.hash = p.policy_hash AND x.document ->> 'exempt_from_reentry' = 'true'))"
	"  ORDER BY p.activation DESC LIMIT 1) e"
	" JOIN headgate.policy d ON d.hash = e.policy_hash"
	" WHERE e.state <> 'completed' AND e.id < $1::bigint"
	"  AND (d.document #>> '{rollback,incident_record}' = 'true'"
	"   OR d.document #> '{rollback,reentry}' @> '[]' AND d.document #> '{rollback,reentry}' <> '[]')) "
	RELEASE_COLUMNS
	" WHERE r.id IN (SELECT id FROM newest)",
	1,
};
/* $2: the checkpoints of other instances as well, for those who only watch (rule I3). */
const struct pg_statement sql_load_changed = {
	"load_changed",
	RELEASE_COLUMNS
	" WHERE r.changed_at > " SQL_INSTANT("$1::bigint")
	" OR ($2::boolean AND k.at > " SQL_INSTANT("$1::bigint") ")"
	" ORDER BY greatest(r.changed_at, k.at) LIMIT 2000",
	2,
};
const struct pg_statement sql_load_one = {
	"load_one",
	RELEASE_COLUMNS
	" WHERE r.id = $1::bigint",
	1,
};
const struct pg_statement sql_load_version = {
	"load_version",
	RELEASE_COLUMNS
	" WHERE r.service = $1 AND r.version = $2 AND ($3::text IS NULL OR r.environment = $3)"
	" ORDER BY r.id DESC LIMIT 100",
	3,
};
/* $1: pinned hashes; $2: as well what a name has come to point to since then. */
const struct pg_statement sql_load_policies = {
	"load_policies",
	"SELECT p.hash, p.document, n.name IS NOT NULL FROM headgate.policy p"
	" LEFT JOIN headgate.policy_name n ON n.hash = p.hash"
	"  AND n.updated_at > coalesce(" SQL_INSTANT("$2::bigint") ", '-infinity')"
	" WHERE p.hash = ANY($1::text[]) OR n.name IS NOT NULL",
	2,
};
const struct pg_statement sql_load_freezes = {
	"load_freezes",
	"SELECT f.scope, f.name, f.frozen, f.reason, f.subject, " SQL_MS("f.since")
	" FROM headgate.freeze_scope f WHERE f.frozen ORDER BY f.scope, f.name",
	0,
};
/* clang-format on */

enum load_at { AT_RELEASES = 0, AT_ENDED, AT_BACK, AT_POLICIES, AT_FREEZES, AT_TELLING };

struct loaded {
	struct store_release row;
	char policy_hash[POLICY_HASH_TEXT];
};
struct load_op {
	struct op op;
	struct store_load calls;
	enum load_at at;
	bool whole;            /* everything: pages, then the ended ones, then what they left */
	bool changes;          /* skip what was already shown */
	bool everything_named; /* policies by name as well */
	int64_t since_ms;      /* of a poll; 0: from the beginning */
	int64_t clock_ms;      /* database time of the first page */
	int64_t last_id;
	struct loaded *rows;
	size_t n, capacity, told;
};

static void load_told(void *ctx);

static void checkpoint_free(struct checkpoint **c)
{
	if (*c == NULL)
		return;
	field_free(&checkpoint_table, *c);
	free(*c);
	*c = NULL;
}

static void load_fini(void *ctx)
{
	struct load_op *op = ctx;

	loop_later_cancel(op->op.store->loop, load_told, op);
	for (size_t i = op->told; i < op->n; i++) {
		release_free(&op->rows[i].row.release);
		checkpoint_free(&op->rows[i].row.checkpoint);
	}
	free(op->rows);
}

static void load_end(struct load_op *op, const struct err *err)
{
	struct store_load calls = op->calls;
	struct loads *l = &op->op.store->loads;

	if (err == NULL && (op->whole || op->changes) && op->clock_ms > 0)
		l->since_ms = op->clock_ms;
	op_free(op);
	calls.done(calls.ctx, err);
}

/* --- decoding --- */

static void *decode_text(const struct field_table *table, const char *text, const char *what,
                         int64_t id)
{
	struct problems problems;
	struct decode d;
	void *out = calloc(1, table->size);
	json_t *json = json_loads(text, 0, NULL);
	bool ok;

	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ok = out != NULL && json != NULL && field_decode(table, json, out, &d);
	if (!ok) {
		log_line(LOG_ERROR, "row_unreadable", "what=%s release=%lld at=%s why=%s", what,
		         (long long)id, problems.n > 0 ? log_quote(problems.list[0].pointer) : "-",
		         problems.n > 0 ? log_quote(problems.list[0].text) : "-");
		if (out != NULL)
			field_free(table, out);
		free(out);
		out = NULL;
	}
	decode_fini(&d);
	problems_fini(&problems);
	json_decref(json);
	return out;
}

static bool decode_row(struct loaded *out, const PGresult *r, int row)
{
	int64_t id = pg_i64(r, row, 0);
	struct str transition = str_of(pg_text(r, row, 2));
	struct str hash = str_of(pg_text(r, row, 5));
	struct release *release = decode_text(&release_table, pg_text(r, row, 4), "release", id);
	struct err err;

	*out = (struct loaded){.row = {.release = release}};
	if (release == NULL)
		return false;
	release->row_version = pg_i64(r, row, 1);
	if (transition.n < sizeof(release->transition))
		memcpy(release->transition, transition.p, transition.n);
	if (!audit_hash_parse(str_of(pg_text(r, row, 3)), &release->last_hash, &err))
		log_err(LOG_ERROR, "row_unreadable", &err, "release=%lld", (long long)id);
	if (hash.n < sizeof(out->policy_hash))
		memcpy(out->policy_hash, hash.p, hash.n);
	if (!PQgetisnull(r, row, 6))
		out->row.checkpoint =
		        decode_text(&checkpoint_table, pg_text(r, row, 6), "checkpoint", id);
	return true;
}

/* --- what was shown --- */

static struct shown *shown_slot(struct store *s, int64_t id)
{
	return &s->loads.shown[(uint64_t)id % SHOWN_SLOTS];
}

static bool was_shown(struct store *s, const PGresult *r, int row)
{
	const struct shown *known = shown_slot(s, pg_i64(r, row, 0));

	return known->id == pg_i64(r, row, 0) && known->row_version >= pg_i64(r, row, 1) &&
	       (s->lease.held || known->checkpoint_ms >= pg_i64(r, row, 7));
}

void loads_committed(struct store *s, int64_t id, int64_t row_version)
{
	struct shown *slot = shown_slot(s, id);

	*slot = (struct shown){.id = id,
	                       .row_version = row_version,
	                       .checkpoint_ms = slot->id == id ? slot->checkpoint_ms : 0};
}

/* --- telling --- */

static void load_tell(struct load_op *op)
{
	op->at = AT_TELLING;
	if (!loop_later(op->op.store->loop, load_told, op)) {
		struct err err;

		err_set(&err, ERR_NOMEM, "no memory to load releases");
		load_end(op, &err);
	}
}

static void load_told(void *ctx)
{
	struct load_op *op = ctx;
	struct store *s = op->op.store;

	for (int i = 0; i < TELL_PER_TURN && op->told < op->n; i++) {
		struct loaded *row = &op->rows[op->told++];

		loads_committed(s, row->row.release->id, row->row.release->row_version);
		op->calls.release(op->calls.ctx, &row->row);
		/* What was not taken is freed here. */
		release_free(&row->row.release);
		checkpoint_free(&row->row.checkpoint);
	}
	if (op->told < op->n)
		load_tell(op);
	else
		load_end(op, NULL);
}

/* --- the steps --- */

static void load_next(void *ctx, const struct pg_reply *reply);

static bool load_ask(struct load_op *op, const struct pg_statement *statement, struct pg_args *args,
                     struct err *err)
{
	return store_send(op->op.store, statement, args, load_next, op, err);
}

static bool ask_open(struct load_op *op, struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_i64(args, op->last_id);
	return load_ask(op, &sql_load_open, args, err);
}

static bool ask_ended(struct load_op *op, int64_t before, const char *service,
                      const char *environment, const char *state, int64_t limit, struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_i64(args, before);
	arg_text(args, service);
	arg_text(args, environment);
	arg_text(args, state);
	arg_i64(args, limit);
	return load_ask(op, &sql_load_ended, args, err);
}

/* What the ended ones, newest first, have left out. */
static bool ask_back(struct load_op *op, const PGresult *ended, struct err *err)
{
	struct pg_args *args = pg_args_new();

	op->at = AT_BACK;
	arg_i64(args, pg_i64(ended, PQntuples(ended) - 1, 0));
	return load_ask(op, &sql_load_back, args, err);
}

static bool ask_policies(struct load_op *op, struct err *err)
{
	struct store *s = op->op.store;
	struct pg_args *args = pg_args_new();
	const char *last = "";

	op->at = AT_POLICIES;
	arg_array_begin(args);
	for (size_t i = 0; i < op->n; i++) {
		const char *hash = op->rows[i].policy_hash;

		if (strcmp(hash, last) != 0 && map_get(s->loads.policies, str_of(hash)) == NULL)
			arg_array_text(args, hash);
		last = hash;
	}
	arg_array_end(args);
	arg_i64(args,
	        op->everything_named ? op->since_ms : INT64_C(253402300799000)); /* year 9999 */
	return load_ask(op, &sql_load_policies, args, err);
}

static bool rows_grow(struct load_op *op, size_t more, struct err *err)
{
	size_t capacity = op->n + more;
	struct loaded *rows;

	if (capacity <= op->capacity)
		return true;
	capacity = capacity < 2 * op->capacity ? 2 * op->capacity : capacity;
	rows = realloc(op->rows, capacity * sizeof(*rows));
	if (rows == NULL)
		return err_set(err, ERR_NOMEM, "no memory to load releases");
	op->rows = rows;
	op->capacity = capacity;
	return true;
}

static bool take_releases(struct load_op *op, const PGresult *r, struct err *err)
{
	struct store *s = op->op.store;
	int n = PQntuples(r);

	if (!rows_grow(op, (size_t)n, err))
		return false;
	if (n > 0 && op->clock_ms == 0)
		op->clock_ms = pg_i64(r, 0, 8);
	if (op->changes && n == CHANGES_MAX) /* more than one poll's worth: go on from its end */
		op->clock_ms = pg_i64(r, n - 1, 9) + OVERLAP_MS;
	for (int i = 0; i < n; i++) {
		op->last_id = pg_i64(r, i, 0);
		if (op->changes && was_shown(s, r, i))
			continue;
		if (!decode_row(&op->rows[op->n], r, i))
			continue;
		op->n++;
		loads_committed(s, op->last_id, 0); /* shown for good when it is told */
		shown_slot(s, op->last_id)->checkpoint_ms = pg_i64(r, i, 7);
	}
	return true;
}

static void take_policies(struct load_op *op, const PGresult *r)
{
	struct store *s = op->op.store;

	for (int i = 0; i < PQntuples(r); i++) {
		const char *hash = pg_text(r, i, 0);
		bool is_named = pg_bool(r, i, 2);
		json_t *document;
		struct err err;

		if (!is_named && map_get(s->loads.policies, str_of(hash)) != NULL)
			continue;
		document = json_loads(pg_text(r, i, 1), 0, NULL);
		if (document == NULL)
			continue; /* jsonb is JSON; only memory can be short: asked again */
		if (op->calls.policy != NULL)
			op->calls.policy(op->calls.ctx, hash, document, is_named);
		json_decref(document);
		if (!map_put(s->loads.policies, str_of(hash), s, &err))
			log_err(LOG_WARN, "policy_not_noted", &err, "hash=%.12s", hash);
	}
}

static void take_freezes(struct load_op *op, const PGresult *r)
{
	for (int i = 0; op->calls.freeze != NULL && i < PQntuples(r); i++)
		op->calls.freeze(op->calls.ctx, pg_text(r, i, 0), pg_text(r, i, 1),
		                 pg_bool(r, i, 2), pg_text(r, i, 3), pg_text(r, i, 4),
		                 (struct wall){.ms = pg_i64(r, i, 5)});
}

/* The steps in order of time; each starts one question and returns. */
static bool load_step(struct load_op *op, const PGresult *r, struct err *err)
{
	switch (op->at) {
	case AT_RELEASES:
		if (!take_releases(op, r, err))
			return false;
		if (op->whole && PQntuples(r) == PAGE)
			return ask_open(op, err);
		if (!op->whole)
			return ask_policies(op, err);
		op->at = AT_ENDED;
		return ask_ended(op, INT64_MAX, NULL, NULL, NULL, ENDED_KEPT, err);
	case AT_ENDED:
		if (!take_releases(op, r, err))
			return false;
		return PQntuples(r) == ENDED_KEPT ? ask_back(op, r, err) : ask_policies(op, err);
	case AT_BACK:
		return take_releases(op, r, err) && ask_policies(op, err);
	case AT_POLICIES:
		take_policies(op, r);
		op->at = AT_FREEZES;
		return load_ask(op, &sql_load_freezes, pg_args_new(), err);
	case AT_FREEZES:
		take_freezes(op, r);
		load_tell(op);
		return true;
	case AT_TELLING:
		break;
	}
	return err_set(err, ERR_BUG, "a load got an answer it had not asked for");
}

static void load_next(void *ctx, const struct pg_reply *reply)
{
	struct load_op *op = ctx;
	struct err err;

	if (!store_answered(reply, &err) || !load_step(op, reply->result, &err))
		load_end(op, &err);
}

/* --- the questions --- */

static struct load_op *load_new(struct store *s, const struct store_load *calls, struct err *err)
{
	struct load_op *op = op_new(s, sizeof(*op));

	if (op == NULL) {
		err_set(err, ERR_NOMEM, "no memory to load releases");
		return NULL;
	}
	op->op.fini = load_fini;
	op->calls = *calls;
	return op;
}

static bool load_started(struct load_op *op, bool ok)
{
	if (!ok)
		op_free(op);
	return ok;
}

bool store_load_all(struct store *s, const struct store_load *load, struct err *err)
{
	struct load_op *op = load_new(s, load, err);

	if (op == NULL)
		return false;
	op->whole = op->everything_named = true;
	map_clear(s->loads.policies);
	return load_started(op, ask_open(op, err));
}

bool store_load_changed(struct store *s, const struct store_load *load, struct err *err)
{
	struct load_op *op = load_new(s, load, err);
	struct pg_args *args;

	if (op == NULL)
		return false;
	op->changes = op->everything_named = true;
	op->since_ms = s->loads.since_ms > OVERLAP_MS ? s->loads.since_ms - OVERLAP_MS : 1;
	args = pg_args_new();
	arg_i64(args, op->since_ms);
	arg_bool(args, !s->lease.held);
	return load_started(op, load_ask(op, &sql_load_changed, args, err));
}

bool store_load_release(struct store *s, int64_t id, const struct store_load *load, struct err *err)
{
	struct load_op *op = load_new(s, load, err);
	struct pg_args *args;

	if (op == NULL)
		return false;
	args = pg_args_new();
	arg_i64(args, id);
	return load_started(op, load_ask(op, &sql_load_one, args, err));
}

bool store_load_ended(struct store *s, int64_t before_id, const char *service,
                      const char *environment, const char *state, int64_t limit,
                      const struct store_load *load, struct err *err)
{
	struct load_op *op = load_new(s, load, err);

	if (op == NULL)
		return false;
	return load_started(op, ask_ended(op, before_id, service, environment, state,
	                                  limit < ENDED_KEPT ? limit : ENDED_KEPT, err));
}

bool store_load_version(struct store *s, const char *service, const char *version,
                        const char *environment, const struct store_load *load, struct err *err)
{
	struct load_op *op = load_new(s, load, err);
	struct pg_args *args;

	if (op == NULL)
		return false;
	args = pg_args_new();
	arg_text(args, service);
	arg_text(args, version);
	arg_text(args, environment);
	return load_started(op, load_ask(op, &sql_load_version, args, err));
}

/* --- life --- */

bool loads_init(struct store *s, struct err *err)
{
	s->loads.policies = map_new(s->app->seed);
	return s->loads.policies != NULL || err_set(err, ERR_NOMEM, "no memory for the store");
}

void loads_fini(struct store *s)
{
	map_free(&s->loads.policies);
}
