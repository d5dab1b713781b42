/*
 * transition - commits: queued within a turn, sent as one statement at its end, answered for good.
 *
 * A batch the server refuses is tried again one by one, so that one bad commit cannot take others
 * with it. A commit whose answer was lost waits for the next connection and is looked up there
 * under the row's lock; meanwhile its release gets no other commit.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/macros.h"
#include "failpoint.h"
#include "log.h"
#include "metrics.h"
#include "store/internal.h"

#define QUEUE_MAX 4096
#define FLYING_MAX 2 /* the server works on one while the other is on its way */
#define TRIES_MAX 5
#define RETRY_MS 20

struct pending {
	struct pending *next;
	struct store *store;
	struct store_commit commit; /* what it points to is the caller's until the reply */
	store_commit_fn fn;
	void *ctx;
	int64_t id;
	int tries;
	bool alone;   /* a batch with it was refused */
	bool looking; /* its look-up is under way */
};
struct batch {
	struct op op;
	size_t n;
	struct pending *items[STORE_BATCH_MAX];
};

/* --- the queue --- */

static void queue_push(struct transitions *t, struct pending *p)
{
	p->next = NULL;
	*t->tail = p;
	t->tail = &p->next;
}

static void queue_push_front(struct transitions *t, struct pending *p)
{
	p->next = t->queue;
	if (t->queue == NULL)
		t->tail = &p->next;
	t->queue = p;
}

static struct pending *queue_pop(struct transitions *t)
{
	struct pending *p = t->queue;

	t->queue = p->next;
	if (t->queue == NULL)
		t->tail = &t->queue;
	p->next = NULL;
	return p;
}

static void list_push(struct pending **list, struct pending *p)
{
	p->next = *list;
	*list = p;
}

static void list_remove(struct pending **list, const struct pending *p)
{
	while (*list != NULL && *list != p)
		list = &(*list)->next;
	assert(*list == p);
	*list = p->next;
}

/* The one place where a commit ends. The caller may commit again from within. */
static void pending_end(struct pending *p, enum store_outcome outcome, const struct err *err)
{
	struct store *s = p->store;
	struct transitions *t = &s->transitions;

	(void)map_remove(t->releases, store_id_key(&p->id));
	t->n--;
	if (outcome == STORE_COMMITTED)
		loads_committed(s, p->id, p->commit.expected_version + 1);
	else if (outcome == STORE_CONFLICT)
		metric_add(s->app->metrics, METRIC_TRANSITION_CONFLICTS, 1);
	p->fn(p->ctx, outcome, err);
	free(p);
}

bool store_commit(struct store *s, const struct store_commit *commit, store_commit_fn fn, void *ctx,
                  struct err *err)
{
	struct transitions *t = &s->transitions;
	struct pending *p;

	if (!s->up || s->shutting)
		return err_set(err, ERR_UNAVAILABLE, "%s",
		               s->shutting ? "shutting down" : s->trouble);
	if (t->n >= QUEUE_MAX)
		return err_set(err, ERR_LIMIT, "too many commits are waiting");
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a commit");
	*p = (struct pending){
	        .store = s, .commit = *commit, .fn = fn, .ctx = ctx, .id = commit->next->id};
	assert(map_get(t->releases, store_id_key(&p->id)) == NULL);
	if (!map_put(t->releases, store_id_key(&p->id), p, err)) {
		free(p);
		return false;
	}
	t->n++;
	queue_push(t, p);
	return true;
}

/* --- building the statement --- */

static struct str hash_bytes(const struct audit_hash *hash)
{
	return (struct str){.p = (const char *)hash->bytes, .n = AUDIT_HASH_BYTES};
}

static bool is_new(const struct pending *p)
{
	return p->commit.expected_version == 0;
}

/* The version that is known to serve its users once this commit stands; NULL when that does not
 * change. */
static const char *stable_after(const struct store_commit *c)
{
	const struct release *r = c->next;

	if (c->decision->from_state == r->state)
		return NULL;
	switch (r->state) {
	case RELEASE_COMPLETED:
		return r->version;
	case RELEASE_RESOLVED:
		return r->live_version;
	case RELEASE_ROLLED_BACK:
		return r->stable_version;
	default:
		return NULL;
	}
}

static bool sends_advance(const struct store_commit *c)
{
	for (size_t i = 0; i < c->nmessages; i++) {
		if (c->messages[i].class == MESSAGE_ADVANCE)
			return true;
	}
	return false;
}

/* JSON for a jsonb[] element; SQL NULL when there is none. Sticks in args when memory is short. */
static void array_json(struct pg_args *args, const json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	arg_array_text(args, text);
	free(text);
}

static void add_detail(struct pg_args *args, const struct pending *p)
{
	json_t *detail = field_encode(&release_table, p->commit.next);

	array_json(args, detail); /* NULL without memory: the column refuses it */
	json_decref(detail);
}

static void add_evaluation(struct pg_args *args, const struct pending *p)
{
	const struct store_commit *c = &p->commit;
	json_t *body = NULL;

	if (c->evaluation == NULL) {
		arg_array_text(args, NULL);
		return;
	}
	if (c->bound != NULL)
		body = evaluation_to_json(c->evaluation, c->bound);
	if (body == NULL)
		body = json_pack("{s:I, s:s}", "number", (json_int_t)c->evaluation->number,
		                 "verdict", verdict_names[c->evaluation->verdict]);
	array_json(args, body);
	json_decref(body);
}

/* clang-format off */
#define EACH(args, batch, p) \
	arg_array_begin(args); \
	for (size_t i_ = 0; i_ < (batch)->n; i_++) { \
		const struct pending *p = (batch)->items[i_];
#define EACH_END(args) } \
	arg_array_end(args)
#define COLUMN_TEXT(args, batch, p, value) EACH(args, batch, p) arg_array_text(args, value); EACH_END(args)
#define COLUMN_I64(args, batch, p, value) EACH(args, batch, p) arg_array_i64(args, value); EACH_END(args)
#define COLUMN_BOOL(args, batch, p, value) EACH(args, batch, p) arg_array_bool(args, value); EACH_END(args)
/* clang-format on */

static void add_release_columns(struct pg_args *args, const struct batch *b)
{
	COLUMN_I64(args, b, p, p->id);
	COLUMN_I64(args, b, p, p->commit.expected_version);
	COLUMN_TEXT(args, b, p, p->commit.next->service);
	COLUMN_TEXT(args, b, p, p->commit.next->environment);
	COLUMN_TEXT(args, b, p, p->commit.next->version);
	COLUMN_I64(args, b, p, p->commit.next->attempt);
	COLUMN_TEXT(args, b, p, release_state_names[p->commit.next->state]);
	COLUMN_TEXT(args, b, p, stage_step_names[p->commit.next->step]);
	COLUMN_I64(args, b, p, p->commit.next->stage);
	COLUMN_BOOL(args, b, p, p->commit.next->exposed);
	COLUMN_TEXT(args, b, p, p->commit.next->policy_name);
	COLUMN_TEXT(args, b, p, p->commit.next->policy_hash);
	COLUMN_TEXT(args, b, p, p->commit.next->author);
	COLUMN_I64(args, b, p, p->commit.next->created_at.ms);
	COLUMN_I64(args, b, p, p->commit.next->updated_at.ms);
	COLUMN_TEXT(args, b, p, p->commit.transition);
	EACH(args, b, p) arg_array_bytes(args, hash_bytes(&p->commit.hash));
	EACH_END(args);
	EACH(args, b, p) add_detail(args, p);
	EACH_END(args);
}

static void add_decision_columns(struct pg_args *args, const struct batch *b)
{
	COLUMN_BOOL(args, b, p, p->commit.decision->needs_lease);
	COLUMN_BOOL(args, b, p, p->commit.decision->needs_thaw);
	COLUMN_BOOL(args, b, p, p->commit.decision->supersedes);
	COLUMN_BOOL(args, b, p, p->commit.decision->parks);
	COLUMN_TEXT(args, b, p, release_event_names[p->commit.decision->event]);
	COLUMN_TEXT(args, b, p,
	            is_new(p) ? NULL : release_state_names[p->commit.decision->from_state]);
	COLUMN_TEXT(args, b, p, is_new(p) ? NULL : stage_step_names[p->commit.decision->from_step]);
	COLUMN_TEXT(args, b, p, p->commit.actor->subject != NULL ? p->commit.actor->subject : "");
	COLUMN_TEXT(args, b, p, p->commit.actor->origin != NULL ? p->commit.actor->origin : "");
	COLUMN_TEXT(args, b, p, p->commit.reason != NULL ? p->commit.reason : "");
	COLUMN_TEXT(args, b, p,
	            p->commit.decision->text != NULL  ? p->commit.decision->text
	            : p->commit.decision->why != NULL ? p->commit.decision->why
	                                              : "");
	EACH(args, b, p) array_json(args, p->commit.decision->detail);
	EACH_END(args);
	EACH(args, b, p) arg_array_bytes(args, p->commit.audit_bytes);
	EACH_END(args);
}

static void add_evaluation_columns(struct pg_args *args, const struct batch *b)
{
	EACH(args, b, p)
	if (p->commit.evaluation != NULL)
		arg_array_i64(args, p->commit.evaluation->number);
	else
		arg_array_text(args, NULL);
	EACH_END(args);
	COLUMN_I64(args, b, p, p->commit.evaluation != NULL ? p->commit.evaluation->at.ms : 0);
	COLUMN_TEXT(args, b, p,
	            p->commit.evaluation != NULL ? verdict_names[p->commit.evaluation->verdict]
	                                         : NULL);
	EACH(args, b, p) add_evaluation(args, p);
	EACH_END(args);
	COLUMN_TEXT(args, b, p, stable_after(&p->commit));
	COLUMN_BOOL(args, b, p, sends_advance(&p->commit));
	COLUMN_BOOL(args, b, p, p->commit.decision->closes_messages);
}

/* clang-format off */
#define EACH_MESSAGE(args, batch, p, m) \
	EACH(args, batch, p) \
		for (size_t j_ = 0; j_ < p->commit.nmessages; j_++) { \
			const struct message *m = &p->commit.messages[j_];
#define EACH_MESSAGE_END(args) } EACH_END(args)
#define MESSAGE_TEXT(args, batch, m, value) \
	EACH_MESSAGE(args, batch, p, m) arg_array_text(args, value); EACH_MESSAGE_END(args)
/* clang-format on */

static void add_message_columns(struct pg_args *args, const struct batch *b)
{
	EACH_MESSAGE(args, b, p, m)
	(void)m;
	arg_array_i64(args, p->id);
	EACH_MESSAGE_END(args);
	EACH_MESSAGE(args, b, p, m)
	arg_array_i64(args, m - p->commit.messages + 1);
	EACH_MESSAGE_END(args);
	MESSAGE_TEXT(args, b, m, message_class_names[m->class]);
	EACH_MESSAGE(args, b, p, m) arg_array_i64(args, m->option);
	EACH_MESSAGE_END(args);
	MESSAGE_TEXT(args, b, m, m->action != NULL ? m->action : "");
	MESSAGE_TEXT(args, b, m, m->destination != NULL ? m->destination : "");
	MESSAGE_TEXT(args, b, m, m->method != NULL ? m->method : "POST");
	MESSAGE_TEXT(args, b, m, m->path != NULL ? m->path : "");
	EACH_MESSAGE(args, b, p, m) array_json(args, m->body);
	EACH_MESSAGE_END(args);
	EACH_MESSAGE(args, b, p, m) array_json(args, m->headers);
	EACH_MESSAGE_END(args);
	EACH_MESSAGE(args, b, p, m) arg_array_i64(args, m->callback_ms);
	EACH_MESSAGE_END(args);
	EACH_MESSAGE(args, b, p, m) array_json(args, m->arguments);
	EACH_MESSAGE_END(args);
	EACH_MESSAGE(args, b, p, m) array_json(args, m->read);
	EACH_MESSAGE_END(args);
	MESSAGE_TEXT(args, b, m, m->dedupe);
	MESSAGE_TEXT(args, b, m, m->withheld);
}

static struct pg_args *batch_args(const struct store *s, const struct batch *b)
{
	struct pg_args *args = pg_args_new();

	add_release_columns(args, b);
	add_decision_columns(args, b);
	add_evaluation_columns(args, b);
	add_message_columns(args, b);
	arg_text(args, s->app->instance);
	arg_i64(args, s->lease.epoch);
	return args;
}

/* --- answers --- */

static void conflict_text(struct err *err, bool lease_ok, bool thaw_ok)
{
	if (!lease_ok)
		err_set(err, ERR_CONFLICT, "the lease is not held: another instance decides");
	else if (!thaw_ok)
		err_set(err, ERR_CONFLICT, "frozen");
	else
		err_set(err, ERR_CONFLICT, "the release has changed meanwhile");
}

static void batch_done(struct store *s, struct batch *b, const struct pg_reply *reply)
{
	const PGresult *r = reply->result;
	int rows = PQntuples(r);

	if (pg_warned(s->pg)) {
		log_line(LOG_ERROR, "commit_in_doubt", "commits=%zu first=%lld", b->n,
		         (long long)b->items[0]->id);
		lease_drop(s); /* nothing advances until a renewal went through without a warning */
	}
	if (rows > 0)
		loop_learn_wall(s->loop, reply->sent, (struct wall){.ms = pg_i64(r, 0, 4)});
	for (int i = 0; i < rows; i++) {
		size_t at = (size_t)pg_i64(r, i, 0) - 1;
		struct err err = {0};
		struct pending *p;

		assert(at < b->n && b->items[at] != NULL);
		p = b->items[at];
		b->items[at] = NULL;
		if (pg_bool(r, i, 1)) {
			pending_end(p, STORE_COMMITTED, NULL);
			continue;
		}
		conflict_text(&err, pg_bool(r, i, 2), pg_bool(r, i, 3));
		pending_end(p, STORE_CONFLICT, &err);
	}
}

static bool state_is_one_of(const char *sqlstate, const char *const *states)
{
	for (; *states != NULL; states++) {
		if (strcmp(sqlstate, *states) == 0)
			return true;
	}
	return false;
}

/* Nothing of it happened, and it may work next time. */
static bool is_passing(const char *sqlstate)
{
	static const char *const states[] = {"40001", "40P01", "55P03", "57014", "57P01", NULL};

	return state_is_one_of(sqlstate, states);
}

static void conflict_of_constraint(const struct pg_reply *reply, struct err *err)
{
	static const struct {
		const char *constraint, *text;
	} known[] = {
	        {"release_active_pair",
	         "another release of this service and environment is active"},
	        {"release_attempt", "this version was posted at the same time: look again"},
	        {"transition_version", "the release has changed meanwhile"},
	        {"release_pkey", "this release exists already"},
	};

	err_set(err, ERR_CONFLICT, "it stands in the way of another: %s", reply->constraint);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(reply->constraint, known[i].constraint) == 0)
			err_set(err, ERR_CONFLICT, "%s", known[i].text);
	}
}

static void single_rejected(struct store *s, struct pending *p, const struct pg_reply *reply)
{
	struct err err = reply->err;

	if (is_passing(reply->sqlstate) && p->tries < TRIES_MAX) {
		list_push(&s->transitions.delayed, p);
		loop_timer_start(&s->transitions.retry, RETRY_MS * p->tries + p->id % RETRY_MS);
		return;
	}
	if (strcmp(reply->sqlstate, "23505") == 0) {
		conflict_of_constraint(reply, &err);
		pending_end(p, STORE_CONFLICT, &err);
		return;
	}
	/* A constraint that is no race is a decision the schema knows to be wrong. */
	if (strncmp(reply->sqlstate, "23", 2) == 0 || strncmp(reply->sqlstate, "22", 2) == 0)
		err.code = ERR_BUG;
	log_err(LOG_ERROR, "commit_refused", &err, "release=%lld event=%s", (long long)p->id,
	        release_event_names[p->commit.decision->event]);
	pending_end(p, STORE_FAILED, &err);
}

static void batch_answered(void *ctx, const struct pg_reply *reply)
{
	struct batch *b = ctx;
	struct store *s = b->op.store;
	struct transitions *t = &s->transitions;

	t->flying--;
	switch (reply->outcome) {
	case PG_DONE:
		batch_done(s, b, reply);
		break;
	case PG_REJECTED:
		if (b->n == 1) {
			single_rejected(s, b->items[0], reply);
			break;
		}
		log_err(LOG_WARN, "batch_refused", &reply->err, "commits=%zu", b->n);
		for (size_t i = b->n; i-- > 0;) {
			b->items[i]->alone = true;
			queue_push_front(t, b->items[i]);
		}
		break;
	case PG_UNKNOWN:
		for (size_t i = 0; i < b->n; i++) {
			metric_add(s->app->metrics, METRIC_TRANSITIONS_UNKNOWN, 1);
			list_push(&t->unknown, b->items[i]);
		}
		break;
	case PG_UNSENT:
		for (size_t i = 0; i < b->n; i++)
			pending_end(b->items[i], STORE_FAILED, &reply->err);
		break;
	}
	op_free(b);
}

/* --- sending --- */

static void transitions_retry(void *ctx)
{
	struct store *s = ctx;
	struct transitions *t = &s->transitions;

	while (t->delayed != NULL) {
		struct pending *p = t->delayed;

		t->delayed = p->next;
		queue_push(t, p);
	}
}

/* Everything queued up to the limit; one that spoilt a batch goes by itself. */
static void batch_fill(struct transitions *t, struct batch *b)
{
	while (t->queue != NULL && b->n < STORE_BATCH_MAX && (b->n == 0 || !t->queue->alone)) {
		struct pending *p = queue_pop(t);

		p->tries++;
		b->items[b->n++] = p;
		if (p->alone)
			return;
	}
}

static bool transitions_send_one(struct store *s)
{
	struct transitions *t = &s->transitions;
	struct batch *b = op_new(s, sizeof(*b));
	struct err err;

	if (b == NULL)
		return false; /* next turn */
	batch_fill(t, b);
	FAILPOINT(TRANSITION_BEFORE_SEND);
	if (!store_send(s, &sql_transition, batch_args(s, b), batch_answered, b, &err)) {
		for (size_t i = 0; i < b->n; i++)
			pending_end(b->items[i], STORE_FAILED, &err);
		op_free(b);
		return true;
	}
	t->flying++;
	metric_add(s->app->metrics, METRIC_TRANSITION_BATCHES, 1);
	FAILPOINT(TRANSITION_AFTER_SEND);
	return true;
}

void transitions_flush(struct store *s)
{
	struct transitions *t = &s->transitions;

	while (s->up && t->queue != NULL && t->flying < FLYING_MAX) {
		if (!transitions_send_one(s))
			return;
	}
}

void transitions_fail_queued(struct store *s, const struct err *why)
{
	transitions_retry(s);
	while (s->transitions.queue != NULL)
		pending_end(queue_pop(&s->transitions), STORE_FAILED, why);
}

/* --- unknown outcomes --- */

static void settle_answered(void *ctx, const struct pg_reply *reply)
{
	struct pending *p = ctx;
	struct store *s = p->store;
	struct err err = {0};
	bool happened;

	p->looking = false;
	if (!store_answered(reply, &err)) {
		if (reply->outcome == PG_REJECTED)
			log_err(LOG_WARN, "look_up_refused", &err, "release=%lld",
			        (long long)p->id);
		return; /* asked again at the next tick or connection */
	}
	happened = pg_bool(reply->result, 0, 0);
	list_remove(&s->transitions.unknown, p);
	log_line(LOG_WARN, "commit_looked_up", "release=%lld transition=%s happened=%s",
	         (long long)p->id, p->commit.transition, happened ? "yes" : "no");
	if (!happened)
		err_set(&err, ERR_UNAVAILABLE,
		        "the connection was lost before the commit: nothing happened");
	pending_end(p, happened ? STORE_COMMITTED : STORE_FAILED, happened ? NULL : &err);
}

void transitions_settle(struct store *s)
{
	for (struct pending *p = s->transitions.unknown; p != NULL; p = p->next) {
		struct pg_args *args;
		struct err err;

		if (p->looking)
			continue;
		args = pg_args_new();
		arg_i64(args, p->id);
		arg_text(args, p->commit.transition);
		p->looking = store_send(s, &sql_settle, args, settle_answered, p, &err);
		if (!p->looking)
			return; /* queue full or gone again: the rest later */
	}
}

/* --- life --- */

bool transitions_init(struct store *s, struct err *err)
{
	struct transitions *t = &s->transitions;

	t->tail = &t->queue;
	t->releases = map_new(s->app->seed);
	loop_timer_init(&t->retry, s->loop, transitions_retry, s);
	return t->releases != NULL || err_set(err, ERR_NOMEM, "no memory for the store");
}

/* Those under way belong to no list: the map knows them all. */
void transitions_fini(struct store *s)
{
	struct transitions *t = &s->transitions;
	struct str key;
	size_t at = 0;
	void *p;

	loop_timer_stop(&t->retry);
	while (t->releases != NULL && map_next(t->releases, &at, &key, &p))
		free(p);
	map_free(&t->releases);
}
