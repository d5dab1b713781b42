/*
 * checkpoint - bake, votes and evaluations on their way to the database (rule B3): the newest per
 * release, written in batches under the lease, no version, no audit record.
 *
 * What is lost is taken again at the next vote or after a minute, so nothing here is retried.
 * Running twice writes the same row.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/units.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"
#include "store/internal.h"

#define EVALUATIONS_MAX 4096 /* queued; the oldest are dropped, they are history and not state */

struct checkpoint_row {
	int64_t release_id, row_version;
	char *body;
};
struct evaluation_row {
	struct evaluation_row *next;
	int64_t release_id, row_version, number, at_ms;
	char *verdict, *body;
};

/* clang-format off */
/* An older version never replaces a newer one: a deposed owner may be late. */
const struct pg_statement sql_checkpoint = {
	"checkpoint",
	"WITH " SQL_LEASE("$1", "$2::bigint", "")
	" INSERT INTO headgate.checkpoint AS k (release_id, body, row_version, at)"
	" SELECT c.id, c.body, c.row_version, clock_timestamp()"
	" FROM unnest($3::bigint[], $4::bigint[], $5::jsonb[]) AS c(id, row_version, body)"
	" JOIN headgate.release r ON r.id = c.id"
	" WHERE " SQL_LEASE_HOLDS
	" ORDER BY c.id"
	" ON CONFLICT (release_id) DO UPDATE SET body = excluded.body, row_version = excluded.row_version,"
	"  at = excluded.at WHERE k.row_version <= excluded.row_version",
	5,
};
const struct pg_statement sql_evaluation = {
	"evaluation",
	"WITH " SQL_LEASE("$1", "$2::bigint", "")
	" INSERT INTO headgate.evaluation (release_id, row_version, number, at, verdict, body)"
	" SELECT e.id, e.row_version, e.number, " SQL_INSTANT("e.ms") ", e.verdict, e.body"
	" FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::jsonb[])"
	"  WITH ORDINALITY AS e(id, row_version, number, ms, verdict, body, ord)"
	" WHERE " SQL_LEASE_HOLDS
	" ORDER BY e.ord",
	8,
};
/* clang-format on */

static void checkpoint_row_free(struct checkpoint_row *row)
{
	if (row == NULL)
		return;
	free(row->body);
	free(row);
}

static void evaluation_row_free(struct evaluation_row *row)
{
	if (row == NULL)
		return;
	free(row->verdict);
	free(row->body);
	free(row);
}

void store_checkpoint(struct store *s, int64_t release_id, const struct checkpoint *c)
{
	struct checkpoint_row *row = calloc(1, sizeof(*row));
	json_t *body = field_encode(&checkpoint_table, c);
	struct checkpoint_row *old;
	struct err err;

	if (row != NULL && body != NULL)
		row->body = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (row == NULL || row->body == NULL) {
		checkpoint_row_free(row);
		return;
	}
	row->release_id = release_id;
	row->row_version = c->row_version;
	old = map_get(s->checkpoints.latest, store_id_key(&release_id));
	if (!map_put(s->checkpoints.latest, store_id_key(&release_id), row, &err)) {
		checkpoint_row_free(row);
		return;
	}
	checkpoint_row_free(old);
}

bool store_has_queued_checkpoints(const struct store *s)
{
	return map_count(s->checkpoints.latest) > 0 || s->checkpoints.flying;
}

static char *verdict_of(const json_t *body)
{
	const char *text = json_string_value(json_object_get(body, "verdict"));

	return text_dup(text != NULL ? text : "");
}

static int64_t instant_of(const struct store *s, const json_t *body)
{
	const char *text = json_string_value(json_object_get(body, "at"));
	struct wall at;
	struct err err;

	if (text == NULL || !instant_parse(str_of(text), &at, &err))
		return store_now_ms(s);
	return at.ms;
}

static void evaluations_pop(struct checkpoints *c)
{
	struct evaluation_row *row = c->first;

	c->first = row->next;
	if (c->first == NULL)
		c->tail = &c->first;
	c->nevaluations--;
	evaluation_row_free(row);
}

void store_evaluation(struct store *s, int64_t release_id, int64_t row_version,
                      json_t *evaluation_take)
{
	struct checkpoints *c = &s->checkpoints;
	struct evaluation_row *row = calloc(1, sizeof(*row));

	if (row != NULL && evaluation_take != NULL) {
		row->body = json_dumps(evaluation_take, JSON_COMPACT);
		row->verdict = verdict_of(evaluation_take);
		row->number = json_integer_value(json_object_get(evaluation_take, "number"));
		row->at_ms = instant_of(s, evaluation_take);
		row->release_id = release_id;
		row->row_version = row_version;
	}
	json_decref(evaluation_take);
	if (row == NULL || row->body == NULL || row->verdict == NULL) {
		evaluation_row_free(row);
		return;
	}
	if (c->nevaluations == EVALUATIONS_MAX) {
		evaluations_pop(c);
		if (c->dropped++ % EVALUATIONS_MAX == 0)
			log_line(LOG_WARN, "evaluations_dropped", "dropped=%llu",
			         (unsigned long long)c->dropped);
	}
	*c->tail = row;
	c->tail = &row->next;
	c->nevaluations++;
}

/* --- sending --- */

struct written {
	struct op op;
	size_t n;
};

static void checkpoints_written(void *ctx, const struct pg_reply *reply)
{
	struct written *w = ctx;
	struct store *s = w->op.store;

	s->checkpoints.flying = false;
	if (reply->outcome == PG_DONE)
		metric_add(s->app->metrics, METRIC_CHECKPOINTS, (double)w->n);
	else
		log_err(LOG_WARN, "checkpoints_not_written", &reply->err, "checkpoints=%zu", w->n);
	op_free(w);
}

static void evaluations_written(void *ctx, const struct pg_reply *reply)
{
	struct written *w = ctx;
	struct store *s = w->op.store;

	s->checkpoints.evaluations_flying = false;
	if (reply->outcome != PG_DONE)
		log_err(LOG_WARN, "evaluations_not_written", &reply->err, "evaluations=%zu", w->n);
	op_free(w);
}

static size_t take_checkpoints(struct checkpoints *c, struct checkpoint_row **rows)
{
	struct str key;
	void *value;
	size_t at = 0, n = 0;

	while (n < STORE_BATCH_MAX && map_next(c->latest, &at, &key, &value)) {
		rows[n++] = value;
		(void)map_remove(c->latest, key);
	}
	return n;
}

static void checkpoints_send(struct store *s)
{
	struct checkpoint_row *rows[STORE_BATCH_MAX];
	struct written *w = op_new(s, sizeof(*w));
	struct pg_args *args = pg_args_new();
	struct err err;
	size_t n = w != NULL ? take_checkpoints(&s->checkpoints, rows) : 0;

	arg_text(args, s->app->instance);
	arg_i64(args, s->lease.epoch);
	arg_array_begin(args);
	for (size_t i = 0; i < n; i++)
		arg_array_i64(args, rows[i]->release_id);
	arg_array_end(args);
	arg_array_begin(args);
	for (size_t i = 0; i < n; i++)
		arg_array_i64(args, rows[i]->row_version);
	arg_array_end(args);
	arg_array_begin(args);
	for (size_t i = 0; i < n; i++)
		arg_array_text(args, rows[i]->body);
	arg_array_end(args);
	for (size_t i = 0; i < n; i++)
		checkpoint_row_free(rows[i]);
	if (w == NULL) {
		pg_args_free(&args);
		return;
	}
	w->n = n;
	FAILPOINT(CHECKPOINT_BEFORE_SEND);
	s->checkpoints.flying = store_send(s, &sql_checkpoint, args, checkpoints_written, w, &err);
	if (!s->checkpoints.flying)
		op_free(w);
}

static void evaluations_send(struct store *s)
{
	struct checkpoints *c = &s->checkpoints;
	struct written *w = op_new(s, sizeof(*w));
	struct pg_args *args;
	const struct evaluation_row *e;
	struct err err;
	size_t n;

	if (w == NULL)
		return;
	w->n = c->nevaluations < STORE_BATCH_MAX ? c->nevaluations : STORE_BATCH_MAX;
	args = pg_args_new();
	arg_text(args, s->app->instance);
	arg_i64(args, s->lease.epoch);
	for (int column = 0; column < 4; column++) {
		arg_array_begin(args);
		for (e = c->first, n = 0; n < w->n; e = e->next, n++) {
			const int64_t values[] = {e->release_id, e->row_version, e->number,
			                          e->at_ms};

			arg_array_i64(args, values[column]);
		}
		arg_array_end(args);
	}
	arg_array_begin(args);
	for (e = c->first, n = 0; n < w->n; e = e->next, n++)
		arg_array_text(args, e->verdict);
	arg_array_end(args);
	arg_array_begin(args);
	for (e = c->first, n = 0; n < w->n; e = e->next, n++)
		arg_array_text(args, e->body);
	arg_array_end(args);
	for (n = w->n; n > 0; n--)
		evaluations_pop(c);
	c->evaluations_flying = store_send(s, &sql_evaluation, args, evaluations_written, w, &err);
	if (!c->evaluations_flying)
		op_free(w);
}

/* Whoever had the lease meanwhile may have written newer ones of the same version. */
void checkpoints_forget(struct store *s)
{
	struct checkpoints *c = &s->checkpoints;
	struct str key;
	size_t at = 0;
	void *value;

	while (map_next(c->latest, &at, &key, &value))
		checkpoint_row_free(value);
	map_clear(c->latest);
}

/* Without the lease they are somebody else's to write; they wait here in case it comes back
 * unbroken. */
void checkpoints_flush(struct store *s)
{
	if (!store_may_advance(s))
		return;
	if (!s->checkpoints.flying && map_count(s->checkpoints.latest) > 0)
		checkpoints_send(s);
	if (!s->checkpoints.evaluations_flying && s->checkpoints.first != NULL)
		evaluations_send(s);
}

/* --- life --- */

bool checkpoints_init(struct store *s, struct err *err)
{
	s->checkpoints.tail = &s->checkpoints.first;
	s->checkpoints.latest = map_new(s->app->seed);
	return s->checkpoints.latest != NULL || err_set(err, ERR_NOMEM, "no memory for the store");
}

void checkpoints_fini(struct store *s)
{
	struct checkpoints *c = &s->checkpoints;
	struct str key;
	size_t at = 0;
	void *value;

	while (c->latest != NULL && map_next(c->latest, &at, &key, &value))
		checkpoint_row_free(value);
	map_free(&c->latest);
	while (c->first != NULL)
		evaluations_pop(c);
}
