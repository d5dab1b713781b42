/*
 * store_fixture - a store on a real loop and database, cleared for each test, and commits made by
 * hand.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <signal.h>

#include "app.h"
#include "base/units.h"
#include "log.h"
#include "metrics.h"
#include "postgres_fixture.h"
#include "store/store.h"

#define UUID(n) "00000000-0000-4000-8000-" n /* 12 digits */

/* --- one store --- */

struct world {
	struct app app;
	struct metrics metrics;
	int ups, downs, gained, lost;
	int64_t epoch;
};
static struct world world;

static void on_up(void *ctx)
{
	((struct world *)ctx)->ups++;
}
static void on_down(void *ctx)
{
	((struct world *)ctx)->downs++;
}
static void on_gained(void *ctx, int64_t epoch)
{
	((struct world *)ctx)->gained++;
	((struct world *)ctx)->epoch = epoch;
}
static void on_lost(void *ctx)
{
	((struct world *)ctx)->lost++;
}

static void world_start(const char *instance)
{
	const struct store_callbacks callbacks = {.up = on_up,
	                                          .down = on_down,
	                                          .lease_gained = on_gained,
	                                          .lease_lost = on_lost,
	                                          .ctx = &world};
	struct err err = {0};

	world = (struct world){.app = {.seed = 42}};
	world.app.metrics = &world.metrics;
	snprintf(world.app.instance, sizeof(world.app.instance), "%s", instance);
	world.app.loop = loop_new(&world.metrics, &err);
	ck_assert_msg(world.app.loop != NULL, "%s", err.text);
	the_loop = world.app.loop;
	world.app.store = store_new(&world.app, dsn_app, &callbacks, &err);
	ck_assert_msg(world.app.store != NULL, "%s", err.text);
}

/* As after the migration: a database of its own for every test would take most of the time. */
static void database_clear(void)
{
	ck_assert_str_ne(
	        sql("SET session_replication_role = replica;"
	            "TRUNCATE headgate.incident, headgate.outbox, headgate.transition, headgate.audit, "
	            "headgate.release,"
	            " headgate.checkpoint, headgate.evaluation, headgate.policy_name, "
	            "headgate.policy,"
	            " headgate.freeze_scope, headgate.service, headgate.idempotency, "
	            "headgate.voided;"
	            "ALTER SEQUENCE headgate.release_id RESTART;"
	            "ALTER SEQUENCE headgate.activation RESTART;"
	            "ALTER SEQUENCE headgate.fence RESTART;"
	            "UPDATE headgate.lease SET holder = '', epoch = 0, expires_at = '-infinity';"
	            "INSERT INTO headgate.freeze_scope (scope, name) VALUES ('global', '*')"),
	        "error");
}

static void world_begin(void)
{
	log_set_level(getenv("TEST_LOG") != NULL ? LOG_DEBUG : (enum log_level)0);
	database_clear();
	world_start("one");
	UNTIL(world.ups == 1 && world.gained == 1);
}

static void world_end(void)
{
	store_free(&world.app.store);
	loop_free(&world.app.loop);
}

/* --- commits --- */

struct answer {
	bool come;
	enum store_outcome outcome;
	struct err err;
};

static void on_answer(void *ctx, enum store_outcome outcome, const struct err *err)
{
	struct answer *a = ctx;

	ck_assert(!a->come);
	a->come = true;
	a->outcome = outcome;
	a->err = err != NULL ? *err : (struct err){0};
}

static inline void on_done(void *ctx, const struct err *err)
{
	struct answer *a = ctx;

	a->come = true;
	a->outcome = err == NULL ? STORE_COMMITTED : STORE_FAILED;
	a->err = err != NULL ? *err : (struct err){0};
}

/* The number of one of our messages' columns. */
static inline int64_t message_number(const char *id, const char *column)
{
	char statement[200];
	struct err err;
	int64_t n = -1;

	snprintf(statement, sizeof(statement), "SELECT %s FROM headgate.outbox WHERE id = '%s'",
	         column, id);
	ck_assert(int_parse(str_of(sql(statement)), &n, &err));
	return n;
}

/* Of the attempt that is under way, unless the caller says of which. */
static inline void record_ending(struct store_ending e)
{
	struct answer a = {0};
	struct err err = {0};

	if (e.attempts == 0) {
		e.attempts = message_number(e.message_id, "attempts");
		e.repairs = message_number(e.message_id, "repairs");
	}
	if (e.text == NULL)
		e.text = "fine";
	ck_assert(store_ended(world.app.store, &e, on_done, &a, &err));
	UNTIL(a.come);
	ck_assert_int_eq(a.outcome, STORE_COMMITTED);
}

/* A release in memory that is moved along by hand. */
static struct release *release_make(int64_t id, const char *service)
{
	struct release *r = calloc(1, sizeof(*r));

	r->id = id;
	r->service = text_dup(service);
	r->environment = text_dup("prod");
	r->version = text_dup("1.2.3");
	r->attempt = 1;
	r->policy_name = text_dup("minor");
	r->policy_hash = text_dup("abc");
	r->author = text_dup("ann");
	r->stable_version = text_dup("1.2.2");
	r->created_at = r->updated_at = (struct wall){.ms = 1700000000123};
	r->rollback.option = -1;
	r->row_version = 1;
	return r;
}

struct step {
	struct release *release; /* as it is to be after the commit */
	struct decision decision;
	struct message messages[4];
	size_t nmessages;
	struct actor actor;
	char transition[RELEASE_UUID_TEXT];
	struct answer answer;
	int64_t expected;
};

static int transition_number;

static void step_to(struct step *s, struct release *r, int64_t expected, enum release_event event,
                    enum release_state state, enum stage_step stage_step)
{
	*s = (struct step){.release = r, .expected = expected};
	s->decision = (struct decision){.event = event,
	                                .why = "because",
	                                .from_state = r->state,
	                                .from_step = r->step,
	                                .to_state = state,
	                                .to_step = stage_step};
	s->actor = (struct actor){.subject = "ann", .origin = "test"};
	snprintf(s->transition, sizeof(s->transition), UUID("%012d"), ++transition_number);
	r->state = state;
	r->step = stage_step;
	r->row_version = expected + 1;
	memcpy(r->transition, s->transition, sizeof(r->transition));
}

static void step_message(struct step *s, enum message_class class, const char *action,
                         const char *destination)
{
	s->messages[s->nmessages++] =
	        (struct message){.class = class,
	                         .action = (char *)(uintptr_t)action,
	                         .destination = (char *)(uintptr_t)destination,
	                         .method = (char *)(uintptr_t) "POST",
	                         .path = (char *)(uintptr_t) "/x",
	                         .option = class == MESSAGE_ROLLBACK ? 0 : -1};
}

static bool step_queue(struct step *s)
{
	static const char bytes[] = "record \\ \" \0 of bytes";
	struct store_commit c = {.next = s->release,
	                         .expected_version = s->expected,
	                         .transition = s->transition,
	                         .decision = &s->decision,
	                         .messages = s->messages,
	                         .nmessages = s->nmessages,
	                         .actor = &s->actor,
	                         .reason = "a \"reason\" \\ with {braces}, and NULL",
	                         .audit_bytes = {.p = bytes, .n = sizeof(bytes) - 1}};
	struct err err = {0};

	memset(c.hash.bytes, 7, sizeof(c.hash.bytes));
	s->answer = (struct answer){0};
	return store_commit(world.app.store, &c, on_answer, &s->answer, &err);
}

static enum store_outcome step_commit(struct step *s)
{
	ck_assert(step_queue(s));
	UNTIL(s->answer.come);
	return s->answer.outcome;
}

/* planned, then running in stage 0. */
static struct release *release_running(int64_t id, const char *service, enum stage_step stage_step)
{
	struct release *r = release_make(id, service);
	struct step s;

	step_to(&s, r, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	step_to(&s, r, 1, EVENT_START, RELEASE_RUNNING, stage_step);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	return r;
}

#endif
