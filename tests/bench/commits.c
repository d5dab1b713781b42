/*
 * commits DATABASE FIRST_ID DEPTH SECONDS - transitions per second through the real store, DEPTH of
 * them always under way, each of another release and each with its snapshot, audit record and one
 * message.
 *
 * Stands in for the engine's door: everything after release_step() has decided is here, deciding is
 * not. Prints "rate", and "p50" and "p99" of a commit in milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "audit/audit.h"
#include "base/units.h"
#include "log.h"
#include "metrics.h"
#include "stopwatch.h"
#include "store/internal.h"

#define RELEASES 1024
#define AUDIT_MAX 1024
#define LATENCIES 2000000

struct bench;

struct writer { /* one release, pausing and resuming for ever */
	struct bench *bench;
	struct release *release;
	struct decision decision;
	struct message message;
	struct buf audit;
	int64_t sent_ns;
};

struct bench {
	struct app app;
	struct metrics metrics;
	struct writer writers[RELEASES];
	int64_t first_id, depth, seconds;
	size_t at, running,
	        under_way; /* next writer; releases that have begun; commits not answered */
	bool began, over;
	int64_t began_ns, ended_ns;
	struct loop_timer timer;
	double *latencies;
	size_t n;
};

static const struct actor ann = {.subject = "ann", .origin = "127.0.0.1"};

static void pump(struct bench *b);

static void die(const char *text)
{
	fprintf(stderr, "commits: %s\n", text);
	exit(1);
}

static struct release *make_release(int64_t id)
{
	struct release *r = calloc(1, sizeof(*r));
	char service[32];

	if (r == NULL)
		die("no memory");
	snprintf(service, sizeof(service), "service-%lld", (long long)id);
	r->id = id;
	r->service = text_dup(service);
	r->environment = text_dup("prod");
	r->version = text_dup("1.2.3");
	r->attempt = 1;
	r->policy_name = text_dup("minor-canary");
	r->policy_hash =
	        text_dup("b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184");
	r->author = text_dup("ann");
	r->stable_version = text_dup("1.2.2");
	r->rollback.option = -1;
	return r;
}

static void make_writer(struct bench *b, struct writer *w, int64_t id)
{
	w->bench = b;
	w->release = make_release(id);
	w->message =
	        (struct message){.class = MESSAGE_NOTIFICATION,
	                         .action = text_dup("tell"),
	                         .destination = text_dup("chat"),
	                         .method = text_dup("POST"),
	                         .path = text_dup("/hooks/releases"),
	                         .body = json_pack("{s:s}", "text", "checkout 1.2.3 is paused"),
	                         .option = -1};
	buf_init(&w->audit, AUDIT_MAX);
}

static void decide(struct writer *w)
{
	struct release *r = w->release;

	w->decision = (struct decision){
	        .why = "somebody asked for it", .from_state = r->state, .from_step = r->step};
	if (r->row_version == 0) {
		w->decision.event = EVENT_NOTE;
	} else if (r->state == RELEASE_RUNNING) {
		w->decision.event = EVENT_PAUSE;
		r->state = RELEASE_PAUSED;
	} else {
		w->decision.event = EVENT_RESUME;
		r->state = RELEASE_RUNNING;
	}
	w->decision.to_state = r->state;
	r->created_at = r->updated_at = loop_now(w->bench->app.loop).wall;
	r->row_version++;
}

static void seal(struct writer *w)
{
	struct release *r = w->release;
	const struct audit_record record = {.chain = "release/1",
	                                    .sequence = r->row_version,
	                                    .transition = r->transition,
	                                    .at = r->updated_at,
	                                    .actor = ann.subject,
	                                    .origin = ann.origin,
	                                    .event = release_event_names[w->decision.event],
	                                    .from = release_state_names[w->decision.from_state],
	                                    .to = release_state_names[r->state],
	                                    .reason = "p95 looks odd",
	                                    .detail = "{}"};
	struct err err;

	store_uuid(r->transition);
	buf_clear(&w->audit);
	audit_bytes(&record, &w->audit);
	if (!audit_chain(&r->last_hash, buf_str(&w->audit), &r->last_hash, &err))
		die(err.text);
}

static void answered(void *ctx, enum store_outcome outcome, const struct err *err)
{
	struct writer *w = ctx;
	struct bench *b = w->bench;

	if (outcome != STORE_COMMITTED)
		die(err->text);
	b->under_way--;
	b->running += w->release->row_version == 2;
	if (b->began && !b->over && b->n < LATENCIES)
		b->latencies[b->n++] = (double)(stopwatch_ns() - w->sent_ns) / 1e6;
	pump(b);
}

static void commit(struct writer *w)
{
	struct err err;
	struct store_commit c = {.next = w->release,
	                         .expected_version = w->release->row_version,
	                         .transition = w->release->transition,
	                         .decision = &w->decision,
	                         .messages = &w->message,
	                         .nmessages = 1,
	                         .actor = &ann,
	                         .reason = "p95 looks odd"};

	w->sent_ns = stopwatch_ns();
	decide(w);
	seal(w);
	c.audit_bytes = buf_str(&w->audit);
	c.hash = w->release->last_hash;
	if (!store_commit(w->bench->app.store, &c, answered, w, &err))
		die(err.text);
	w->bench->under_way++;
}

static void ended(void *ctx)
{
	struct bench *b = ctx;

	b->over = true;
	b->ended_ns = stopwatch_ns();
}

static void begin(struct bench *b)
{
	b->began = true;
	b->began_ns = stopwatch_ns();
	loop_timer_start(&b->timer, b->seconds * 1000);
}

/* Until all releases run, all are under way at once; then as many as asked for. Taken in turn and
 * answered in order, so that the next one is never under way itself while depth < RELEASES. */
static void pump(struct bench *b)
{
	size_t depth = (size_t)b->depth;

	if (b->running < RELEASES) {
		if (b->under_way > 0)
			return;
		for (size_t i = 0; i < RELEASES; i++)
			commit(&b->writers[i]);
		return;
	}
	if (!b->began && b->under_way == 0)
		begin(b);
	while (b->began && !b->over && b->under_way < depth)
		commit(&b->writers[b->at++ % RELEASES]);
	if (b->over && b->under_way == 0)
		loop_stop(b->app.loop);
}

static void on_up(void *ctx)
{
	pump(ctx);
}

static void on_down(void *ctx)
{
	(void)ctx;
	die("the database went away");
}

static void on_lease(void *ctx, int64_t epoch)
{
	(void)ctx;
	(void)epoch;
}

static void on_lease_lost(void *ctx)
{
	(void)ctx;
}

static void start(struct bench *b, const char *database)
{
	const struct store_callbacks callbacks = {.up = on_up,
	                                          .down = on_down,
	                                          .lease_gained = on_lease,
	                                          .lease_lost = on_lease_lost,
	                                          .ctx = b};
	struct err err = {0};

	for (size_t i = 0; i < RELEASES; i++)
		make_writer(b, &b->writers[i], b->first_id + (int64_t)i);
	b->app.metrics = &b->metrics;
	b->app.seed = 42;
	snprintf(b->app.instance, sizeof(b->app.instance), "bench");
	b->app.loop = loop_new(&b->metrics, &err);
	if (b->app.loop == NULL)
		die(err.text);
	loop_timer_init(&b->timer, b->app.loop, ended, b);
	b->app.store = store_new(&b->app, database, &callbacks, &err);
	if (b->app.store == NULL)
		die(err.text);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct bench *b = &bench;
	struct err err;

	if (argc != 5 || !int_parse(str_of(argv[2]), &b->first_id, &err) ||
	    !int_parse(str_of(argv[3]), &b->depth, &err) || b->depth >= RELEASES ||
	    !int_parse(str_of(argv[4]), &b->seconds, &err) ||
	    (b->latencies = calloc(LATENCIES, sizeof(*b->latencies))) == NULL)
		die("DATABASE FIRST_ID DEPTH SECONDS");
	log_set_level(LOG_ERROR);
	start(b, argv[1]);
	loop_run(b->app.loop);
	printf("rate %.0f\np50 %.3f\n", (double)b->n * 1e9 / (double)(b->ended_ns - b->began_ns),
	       stopwatch_median(b->latencies, b->n));
	printf("p99 %.3f\n", b->latencies[b->n * 99 / 100]);
	store_free(&b->app.store);
	loop_free(&b->app.loop);
	return 0;
}
