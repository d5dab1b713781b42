/*
 * chain - writes that belong to no release and leave a record in a hash chain of their own (rule
 * I2): policies and freezes in "system", denied requests in "denied/INSTANCE".
 *
 * One write per chain is under way. Its record needs the chain's head, which is read once and then
 * known; when another instance was faster, the chain's key refuses the record and with it the whole
 * statement, the head is read anew and the write tried again. A write whose answer is lost is
 * reported as such: freezing or putting a policy twice is harmless.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "audit/audit.h"
#include "log.h"
#include "store/internal.h"

#define CHAIN_QUEUE_MAX 256
#define TRIES_MAX 10
#define RECORD_MAX_BYTES (1024 * 1024)

const struct pg_statement sql_chain_head = {
        "chain_head",
        "SELECT a.sequence, encode(a.hash, 'hex') FROM headgate.audit a WHERE a.chain = $1"
        " ORDER BY a.sequence DESC LIMIT 1",
        1,
};

static void chain_go(struct store *s, struct chain *chain);

/* --- one write --- */

static void chained_fini(void *ctx)
{
	struct chained *c = ctx;

	for (int i = 0; i < c->ntexts; i++)
		free(c->texts[i]);
	free(c->actor);
	free(c->origin);
	free(c->event);
	free(c->reason);
	free(c->detail);
}

struct chained *chained_new(struct store *s, const struct pg_statement *statement, store_done_fn fn,
                            void *ctx)
{
	struct chained *c = op_new(s, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->op.fini = chained_fini;
	c->statement = statement;
	c->fn = fn;
	c->ctx = ctx;
	store_uuid(c->transition);
	return c;
}

void chained_free(struct chained **c)
{
	op_free(*c);
	*c = NULL;
}

bool chained_add_text(struct chained *c, const char *text)
{
	char *copy = text_dup(text);

	if (c->ntexts == CHAINED_MAX_TEXTS || (copy == NULL && text != NULL)) {
		free(copy);
		return false;
	}
	c->texts[c->ntexts++] = copy;
	return true;
}

bool chained_record(struct chained *c, const char *actor, const char *origin, const char *event,
                    const char *reason, const char *detail)
{
	c->actor = text_dup(actor != NULL ? actor : "");
	c->origin = text_dup(origin != NULL ? origin : "");
	c->event = text_dup(event);
	c->reason = text_dup(reason != NULL ? reason : "");
	c->detail = text_dup(detail);
	return c->actor != NULL && c->origin != NULL && c->event != NULL && c->reason != NULL &&
	       c->detail != NULL;
}

/* --- the queue --- */

static void chain_end(struct store *s, struct chain *chain, const struct err *err)
{
	struct chained *c = chain->first;
	store_done_fn fn = c->fn;
	void *ctx = c->ctx;

	chain->first = c->next;
	if (chain->first == NULL)
		chain->tail = &chain->first;
	chain->n--;
	chain->busy = false;
	op_free(c);
	if (fn != NULL)
		fn(ctx, err);
	chain_go(s, chain);
}

static bool is_head_taken(const struct pg_reply *reply)
{
	return strcmp(reply->constraint, "audit_pkey") == 0 ||
	       strcmp(reply->sqlstate, "40001") == 0 || strcmp(reply->sqlstate, "40P01") == 0 ||
	       strcmp(reply->sqlstate, "55P03") == 0;
}

/* The statement may decide that there is nothing to write: then its record was not added either.
 * Its first column says whether it was. */
static void chain_wrote(void *ctx, const struct pg_reply *reply)
{
	struct chained *c = ctx;
	struct store *s = c->op.store;
	struct chain *chain = c->chain;
	struct err err = {0};

	if (store_answered(reply, &err)) {
		if (PQntuples(reply->result) > 0 && pg_bool(reply->result, 0, 0)) {
			chain->sequence = c->sequence;
			chain->head = c->hash;
		}
		if (c->judge != NULL && !c->judge(reply->result, &err))
			chain_end(s, chain, &err);
		else
			chain_end(s, chain, NULL);
		return;
	}
	chain->known = false;
	if (reply->outcome == PG_REJECTED && is_head_taken(reply) && c->tries < TRIES_MAX) {
		chain->busy = false;
		chain_go(s, chain);
		return;
	}
	if (reply->outcome == PG_UNKNOWN)
		err_prefix(&err, "it is not known whether it was done, say it again");
	chain_end(s, chain, &err);
}

static bool chain_seal(struct chained *c, struct buf *record, struct err *err)
{
	const struct chain *chain = c->chain;
	const struct audit_record r = {
	        .chain = chain->name,
	        .sequence = chain->sequence + 1,
	        .transition = c->transition,
	        .at = {.ms = store_now_ms(c->op.store)},
	        .actor = c->actor,
	        .origin = c->origin,
	        .event = c->event,
	        .from = "",
	        .to = "",
	        .reason = c->reason,
	        .detail = c->detail,
	};

	c->sequence = r.sequence;
	audit_bytes(&r, record);
	return buf_ok(record, err) && audit_chain(&chain->head, buf_str(record), &c->hash, err);
}

static bool chain_write(struct chained *c, struct err *err)
{
	struct pg_args *args = pg_args_new();
	struct buf record;
	bool ok;

	buf_init(&record, RECORD_MAX_BYTES);
	c->tries++;
	ok = chain_seal(c, &record, err);
	for (int i = 0; i < c->ntexts; i++)
		arg_text(args, c->texts[i]);
	arg_text(args, c->chain->name);
	arg_i64(args, c->sequence);
	arg_bytes(args, buf_str(&record));
	arg_bytes(args, (struct str){.p = (const char *)c->hash.bytes, .n = AUDIT_HASH_BYTES});
	buf_fini(&record);
	if (!ok) {
		pg_args_free(&args);
		return false;
	}
	return store_send(c->op.store, c->statement, args, chain_wrote, c, err);
}

static void chain_head_read(void *ctx, const struct pg_reply *reply)
{
	struct chained *c = ctx;
	struct store *s = c->op.store;
	struct chain *chain = c->chain;
	struct err err;

	if (!store_answered(reply, &err)) {
		chain_end(s, chain, &err);
		return;
	}
	chain->sequence = 0;
	chain->head = (struct audit_hash){{0}};
	if (PQntuples(reply->result) == 1) {
		chain->sequence = pg_i64(reply->result, 0, 0);
		if (!audit_hash_parse(str_of(pg_text(reply->result, 0, 1)), &chain->head, &err)) {
			chain_end(s, chain, &err);
			return;
		}
	}
	chain->known = true;
	chain->busy = false;
	chain_go(s, chain);
}

static bool chain_read_head(struct chained *c, struct err *err)
{
	struct pg_args *args = pg_args_new();

	arg_text(args, c->chain->name);
	return store_send(c->op.store, &sql_chain_head, args, chain_head_read, c, err);
}

static void chain_go(struct store *s, struct chain *chain)
{
	struct chained *c = chain->first;
	struct err err;

	if (chain->busy || c == NULL)
		return;
	chain->busy = true;
	if (!(chain->known ? chain_write(c, &err) : chain_read_head(c, &err)))
		chain_end(s, chain, &err);
}

/* The head of the queue may fail at once; its caller is not to be called back from within its call.
 */
static void chain_start(void *ctx)
{
	struct store *s = ctx;

	chain_go(s, &s->chains.system);
	chain_go(s, &s->chains.denied);
}

bool chained_start_take(struct chain *chain, struct chained *c, struct err *err)
{
	struct store *s = c->op.store;

	if (!s->up || s->shutting) {
		chained_free(&c);
		return err_set(err, ERR_UNAVAILABLE, "%s",
		               s->shutting ? "shutting down" : s->trouble);
	}
	if (chain->n >= CHAIN_QUEUE_MAX || !loop_later(s->loop, chain_start, s)) {
		chained_free(&c);
		return err_set(err, ERR_LIMIT, "too many changes are waiting");
	}
	c->chain = chain;
	*chain->tail = c;
	chain->tail = &c->next;
	chain->n++;
	return true;
}

/* --- denied requests --- */

#define DENIED_PER_MINUTE 60

/* $1..$3: nothing but the record is kept of it. */
const struct pg_statement sql_denied = {
        "denied",
        "INSERT INTO headgate.audit (chain, sequence, record, hash)"
        " VALUES ($1, $2::bigint, $3::bytea, $4::bytea) RETURNING true",
        4,
};

static bool denied_is_too_many(struct chains *ch, int64_t now_ms)
{
	if (now_ms / 60000 != ch->minute) {
		ch->minute = now_ms / 60000;
		ch->denied_in_minute = 0;
	}
	return ++ch->denied_in_minute > DENIED_PER_MINUTE;
}

void store_denied(struct store *s, const char *subject, const char *origin, const char *route,
                  int64_t release_id, const char *why)
{
	struct chains *ch = &s->chains;
	struct chained *c;
	char *detail;
	json_t *json;
	struct err err;

	if (!s->up || denied_is_too_many(ch, store_now_ms(s))) {
		ch->denied_dropped++;
		return;
	}
	c = chained_new(s, &sql_denied, NULL, NULL);
	json = json_pack("{s:s, s:I, s:I}", "route", route, "release", (json_int_t)release_id,
	                 "dropped_before", (json_int_t)ch->denied_dropped);
	detail = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	if (c == NULL || detail == NULL ||
	    !chained_record(c, subject, origin, "denied", why, detail)) {
		chained_free(&c);
		ch->denied_dropped++;
	} else if (chained_start_take(&ch->denied, c, &err)) {
		ch->denied_dropped = 0;
	} else {
		ch->denied_dropped++;
	}
	free(detail);
}

/* --- life --- */

void chains_init(struct store *s)
{
	struct chains *ch = &s->chains;

	(void)snprintf(ch->denied_name, sizeof(ch->denied_name), "denied/%s", s->app->instance);
	ch->system.name = "system";
	ch->denied.name = ch->denied_name;
	ch->system.tail = &ch->system.first;
	ch->denied.tail = &ch->denied.first;
}

void chains_lost(struct store *s)
{
	s->chains.system.known = false;
	s->chains.denied.known = false;
}

/* The writes themselves are operations of the store and freed with it. */
void chains_fini(struct store *s)
{
	loop_later_cancel(s->loop, chain_start, s);
}
