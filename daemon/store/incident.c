/*
 * incident - what was reported about services (rule A5): rows that are only added, each with its
 * record in the chain "system".
 *
 * Every write of that chain takes its next number, so incidents get theirs in the order in which
 * they commit: who sees one sees all before it. That is what applying them in order relies on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "store/internal.h"

#define ACTIVE "('running', 'paused', 'rolling_back', 'stabilising', 'failed')"
#define INCIDENT_JSON                                                                              \
	"json_build_object('id', i.id, 'service', i.service, 'environment', i.environment,"        \
	" 'severity', i.severity, 'title', i.title, 'link', i.link, 'key', i.key,"                 \
	" 'reported_by', i.reported_by, 'release', i.release_id, 'at', " SQL_RFC3339("i.at") ")"

/* clang-format off */
/* The same key with a severity that was reached before is the same incident. What commits meanwhile takes this
 * one's place in the chain, so it is asked anew then. */
const struct pg_statement sql_incident_report = {
	"incident_report",
	"WITH reported AS ("
	" INSERT INTO headgate.incident (uid, service, environment, severity, title, link, key, reported_by, release_id)"
	" SELECT $1::uuid, $2, $3, $4, $5, $6, $7, $8,"
	"  (SELECT r.id FROM headgate.release r WHERE r.service = $2 AND r.environment = $3 AND r.state IN " ACTIVE ")"
	"  WHERE NOT EXISTS (SELECT FROM headgate.incident i WHERE i.service = $2 AND i.environment = $3 AND i.key = $7"
	"   AND i.severity <= $4)"
	" ON CONFLICT (service, environment, key, severity) DO NOTHING RETURNING id), "
	"audited AS ("
	" INSERT INTO headgate.audit (chain, sequence, record, hash)"
	" SELECT $9, $10::bigint, $11::bytea, $12::bytea FROM reported) "
	"SELECT EXISTS (SELECT FROM reported)",
	12,
};
const struct pg_statement sql_incident_look = {
	"incident_look",
	"SELECT i.uid = $1::uuid, coalesce(i.release_id, 0), " INCIDENT_JSON
	" FROM headgate.incident i"
	" WHERE i.uid = $1::uuid OR (i.service = $2 AND i.environment = $3 AND i.key = $4)"
	" ORDER BY 1 DESC, i.severity LIMIT 1",
	4,
};
/* What active releases have not taken account of yet; $2: of one release, or 0. Limited for each release, then the
 * first ones of all come first: none waits behind another's. */
const struct pg_statement sql_incidents_open = {
	"incidents_open",
	"SELECT i.id, i.release_id, i.severity, i.title, i.link, i.reported_by, " SQL_MS("i.at") ","
	" coalesce((SELECT max(p.id) FROM headgate.incident p WHERE p.release_id = i.release_id AND p.id < i.id), 0), i.key"
	" FROM headgate.release r CROSS JOIN LATERAL ("
	"  SELECT o.*, row_number() OVER (ORDER BY o.id) AS place FROM headgate.incident o"
	"  WHERE o.release_id = r.id AND o.id > coalesce((r.detail ->> 'incident_applied')::bigint, 0)"
	"   AND o.at > coalesce(" SQL_INSTANT("$1::bigint") ", '-infinity')"
	"  ORDER BY o.id LIMIT 64) i"
	" WHERE r.state IN " ACTIVE " AND ($2::bigint = 0 OR r.id = $2::bigint)"
	" ORDER BY i.place, i.id LIMIT 2000",
	2,
};
/* The same columns, of a service. */
const struct pg_statement sql_incidents_of = {
	"incidents_of",
	"SELECT i.id, coalesce(i.release_id, 0), i.severity, i.title, i.link, i.reported_by, " SQL_MS("i.at") ", 0, i.key"
	" FROM headgate.incident i"
	" WHERE i.service = $1 AND i.environment = $2 AND i.at > " SQL_INSTANT("$3::bigint")
	" ORDER BY i.severity, i.id DESC LIMIT $4::bigint",
	4,
};
const struct pg_statement sql_rows_incidents = {
	"rows_incidents",
	"SELECT " INCIDENT_JSON " FROM headgate.incident i"
	" WHERE ($1::text IS NULL OR i.service = $1) AND ($2::text IS NULL OR i.environment = $2)"
	"  AND i.id < $3::bigint ORDER BY i.id DESC LIMIT $4::bigint",
	4,
};
/* clang-format on */

/* --- reporting --- */

struct report_op {
	struct op op;
	char uid[RELEASE_UUID_TEXT];
	char *service, *environment, *key;
	store_report_fn fn;
	void *ctx;
};

static void report_fini(void *ctx)
{
	struct report_op *op = ctx;

	free(op->service);
	free(op->environment);
	free(op->key);
}

static void looked(void *ctx, const struct pg_reply *reply)
{
	struct report_op *op = ctx;
	struct store_reported found = {0};
	struct err err = {0};

	if (store_answered(reply, &err) && PQntuples(reply->result) == 1) {
		const PGresult *r = reply->result;

		found = (struct store_reported){.created = pg_bool(r, 0, 0),
		                                .release_id = pg_i64(r, 0, 1),
		                                .row = json_loads(pg_text(r, 0, 2), 0, NULL)};
	}
	if (found.row == NULL && err.code == ERR_NONE)
		err_set(&err, ERR_UNAVAILABLE, "it was written and cannot be read back");
	op->fn(op->ctx, found.row != NULL ? &found : NULL, found.row != NULL ? NULL : &err);
	json_decref(found.row);
	op_free(op);
}

/* Written, or there already under its key: which of them says the row. */
static void written(void *ctx, const struct err *failed)
{
	struct report_op *op = ctx;
	struct pg_args *args;
	struct err err;

	if (failed != NULL) {
		op->fn(op->ctx, NULL, failed);
		op_free(op);
		return;
	}
	args = pg_args_new();
	arg_text(args, op->uid);
	arg_text(args, op->service);
	arg_text(args, op->environment);
	arg_text(args, op->key);
	if (store_send(op->op.store, &sql_incident_look, args, looked, op, &err))
		return;
	op->fn(op->ctx, NULL, &err);
	op_free(op);
}

static bool report_fill(struct chained *c, const struct report_op *op,
                        const struct store_report *report)
{
	json_t *json = json_pack(
	        "{s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*}", "service", report->service, "environment",
	        report->environment, "severity", incident_severity_names[report->severity], "title",
	        report->title, "link", report->link, "key", report->key, "person", report->person);
	char *detail = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	bool ok = detail != NULL && chained_add_text(c, op->uid) &&
	          chained_add_text(c, report->service) &&
	          chained_add_text(c, report->environment) &&
	          chained_add_text(c, incident_severity_names[report->severity]) &&
	          chained_add_text(c, report->title) && chained_add_text(c, report->link) &&
	          chained_add_text(c, report->key) &&
	          chained_add_text(c, report->person != NULL ? report->person : report->subject) &&
	          chained_record(c, report->subject, report->origin, "incident", "", detail);

	free(detail);
	json_decref(json);
	return ok;
}

bool store_report_incident(struct store *s, const struct store_report *report, store_report_fn fn,
                           void *ctx, struct err *err)
{
	struct report_op *op = op_new(s, sizeof(*op));
	struct chained *c = NULL;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an incident");
	op->op.fini = report_fini;
	op->service = text_dup(report->service);
	op->environment = text_dup(report->environment);
	op->key = text_dup(report->key);
	op->fn = fn;
	op->ctx = ctx;
	store_uuid(op->uid);
	c = chained_new(s, &sql_incident_report, written, op);
	if (op->service == NULL || op->environment == NULL ||
	    (op->key == NULL && report->key != NULL) || c == NULL || !report_fill(c, op, report)) {
		chained_free(&c);
		op_free(op);
		return err_set(err, ERR_NOMEM, "no memory for an incident");
	}
	if (!chained_start_take(&s->chains.system, c, err)) {
		op_free(op);
		return false;
	}
	return true;
}

/* --- what is to be applied --- */

struct open_op {
	struct op op;
	store_incidents_fn fn;
	void *ctx;
};

static enum incident_severity severity_of(const char *text)
{
	for (int i = 0; i < INCIDENT_SEVERITY_COUNT; i++) {
		if (strcmp(incident_severity_names[i], text) == 0)
			return (enum incident_severity)i;
	}
	return INCIDENT_P0; /* the column's CHECK allows nothing else */
}

static void open_answered(void *ctx, const struct pg_reply *reply)
{
	struct open_op *op = ctx;
	struct store_incident *rows;
	struct err err = {0};
	size_t n;

	rows = store_answered_rows(reply, sizeof(*rows), &n, &err);
	for (int i = 0; i < (int)n; i++) {
		const PGresult *r = reply->result;

		rows[i] = (struct store_incident){
		        .id = pg_i64(r, i, 0),
		        .release_id = pg_i64(r, i, 1),
		        .severity = severity_of(pg_text(r, i, 2)),
		        .title = pg_text(r, i, 3),
		        .link = PQgetisnull(r, i, 4) ? NULL : pg_text(r, i, 4),
		        .reported_by = pg_text(r, i, 5),
		        .at = {.ms = pg_i64(r, i, 6)},
		        .after = pg_i64(r, i, 7),
		        .key = PQgetisnull(r, i, 8) ? NULL : pg_text(r, i, 8),
		};
	}
	op->fn(op->ctx, rows, n, err.code != ERR_NONE ? &err : NULL);
	free(rows);
	op_free(op);
}

bool store_incidents_open(struct store *s, struct wall since, int64_t release_id,
                          store_incidents_fn fn, void *ctx, struct err *err)
{
	struct open_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to ask for incidents");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_i64(args, since.ms);
	arg_i64(args, release_id);
	if (!store_send(s, &sql_incidents_open, args, open_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}

bool store_incidents_of(struct store *s, const char *service, const char *environment,
                        struct wall since, int64_t limit, store_incidents_fn fn, void *ctx,
                        struct err *err)
{
	struct open_op *op = op_new(s, sizeof(*op));
	struct pg_args *args;

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory to ask for incidents");
	op->fn = fn;
	op->ctx = ctx;
	args = pg_args_new();
	arg_text(args, service);
	arg_text(args, environment);
	arg_i64(args, since.ms);
	arg_i64(args, limit);
	if (!store_send(s, &sql_incidents_of, args, open_answered, op, err)) {
		op_free(op);
		return false;
	}
	return true;
}
