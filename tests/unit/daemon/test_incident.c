/*
 * incident: what was reported is found for the release that was active then, in order, until that
 * has taken account of it; and the smoke tests of one way back end where the next one's begin.
 */
#include "store_fixture.h"

struct told {
	bool come, created;
	int64_t release_id;
	struct err err;
};

static void on_told(void *ctx, const struct store_reported *reported, const struct err *err)
{
	struct told *t = ctx;

	t->come = true;
	t->err = err != NULL ? *err : (struct err){0};
	if (reported == NULL)
		return;
	t->created = reported->created;
	t->release_id = reported->release_id;
	ck_assert(json_is_integer(json_object_get(reported->row, "id")));
}

static struct told tell(const char *service, enum incident_severity severity, const char *key)
{
	struct told t = {0};
	struct err err = {0};

	ck_assert(store_report_incident(world.app.store,
	                                &(struct store_report){.service = service,
	                                                       .environment = "prod",
	                                                       .severity = severity,
	                                                       .title = "claims \"fail\"",
	                                                       .key = key,
	                                                       .subject = "pager",
	                                                       .person = "ann",
	                                                       .origin = "test"},
	                                on_told, &t, &err));
	UNTIL(t.come);
	return t;
}

struct open {
	bool come;
	size_t n;
	int64_t id[8], after[8], release_id[8]; /* the first of them */
	enum incident_severity severity[8];
};

static void on_open(void *ctx, const struct store_incident *rows, size_t n, const struct err *err)
{
	struct open *o = ctx;

	ck_assert(err == NULL);
	o->come = true;
	o->n = n;
	for (size_t i = 0; i < n && i < ARRAY_LEN(o->id); i++) {
		ck_assert_str_eq(rows[i].reported_by, "ann");
		o->release_id[i] = rows[i].release_id;
		ck_assert_ptr_null(rows[i].link);
		ck_assert(rows[i].at.ms > 0);
		o->id[i] = rows[i].id;
		o->after[i] = rows[i].after;
		o->severity[i] = rows[i].severity;
	}
}

static struct open look(int64_t since_ms, int64_t release_id)
{
	struct open o = {0};
	struct err err = {0};

	ck_assert(store_incidents_open(world.app.store, (struct wall){since_ms}, release_id,
	                               on_open, &o, &err));
	UNTIL(o.come);
	return o;
}

START_TEST(a_release_finds_its_incidents_in_order_until_it_took_account_of_them)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	struct open o;
	struct step s;

	ck_assert_int_eq(tell("search", INCIDENT_P0, NULL).release_id, 0);
	ck_assert_int_eq(tell("checkout", INCIDENT_P3, NULL).release_id, 1);
	ck_assert_int_eq(tell("checkout", INCIDENT_P1, NULL).release_id, 1);
	o = look(0, 0);
	ck_assert_uint_eq(o.n, 2);
	ck_assert(o.id[0] < o.id[1] && o.after[0] == 0 && o.after[1] == o.id[0]);
	ck_assert(o.severity[0] == INCIDENT_P3 && o.severity[1] == INCIDENT_P1);
	ck_assert_uint_eq(look(0, 2).n, 0);
	ck_assert_uint_eq(look(INT64_C(4000000000000), 0).n, 0);
	r->incident_applied = o.id[0];
	step_to(&s, r, 2, EVENT_INCIDENT, RELEASE_RUNNING, STEP_BAKING);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	o = look(0, 1);
	ck_assert_uint_eq(o.n, 1);
	ck_assert_int_eq(o.after[0], r->incident_applied);
	step_to(&s, r, 3, EVENT_CANCEL, RELEASE_CANCELLED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_uint_eq(look(0, 0).n, 0); /* nothing is left to be done about it */
	release_free(&r);
}
END_TEST

/* A release that takes none, since its policy is lost for one, has more than are read of it. */
START_TEST(no_release_waits_behind_the_incidents_of_another)
{
	struct release *stuck = release_running(1, "checkout", STEP_BAKING);
	struct release *other = release_running(2, "search", STEP_BAKING);
	struct open o;

	sql("INSERT INTO headgate.incident (uid, service, environment, severity, title, "
	    "reported_by, release_id) SELECT gen_random_uuid(), 'checkout', 'prod', 'P3', 'slow', "
	    "'ann', 1 FROM generate_series(1, 300)");
	ck_assert_int_eq(tell("search", INCIDENT_P0, NULL).release_id, 2);
	o = look(0, 0);
	ck_assert_uint_eq(o.n, 65);
	ck_assert_int_eq(o.release_id[1], 2);
	ck_assert_int_eq(o.severity[1], INCIDENT_P0);
	ck_assert(o.id[0] < o.id[1] && o.id[0] < o.id[2] && o.id[2] < o.id[3]);
	ck_assert_uint_eq(look(0, 1).n, 64);
	release_free(&stuck);
	release_free(&other);
}
END_TEST

START_TEST(the_same_key_is_the_same_incident_of_the_same_service)
{
	ck_assert(tell("checkout", INCIDENT_P2, "7").created);
	ck_assert(!tell("checkout", INCIDENT_P2, "7").created);
	ck_assert(!tell("checkout", INCIDENT_P3, "7").created);
	ck_assert(tell("search", INCIDENT_P2, "7").created);
	ck_assert_str_eq(sql("SELECT string_agg(severity, ' ' ORDER BY id) FROM headgate.incident"),
	                 "P2 P2");
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.audit WHERE chain = 'system'"), "2");
}
END_TEST

START_TEST(an_incident_that_becomes_worse_is_put_to_the_release_once_more)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	struct open o;

	ck_assert(tell("checkout", INCIDENT_P2, "7").created);
	ck_assert(tell("checkout", INCIDENT_P0, "7").created);
	ck_assert(!tell("checkout", INCIDENT_P0, "7").created);
	ck_assert(!tell("checkout", INCIDENT_P1, "7").created);
	o = look(0, 1);
	ck_assert_uint_eq(o.n, 2);
	ck_assert(o.severity[0] == INCIDENT_P2 && o.severity[1] == INCIDENT_P0);
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.audit WHERE chain = 'system'"), "2");
	release_free(&r);
}
END_TEST

/* Whose number is lower has committed before: else one could be passed over. */
START_TEST(numbers_rise_in_the_order_of_commits)
{
	char text[400];

	tell("checkout", INCIDENT_P3, NULL);
	/* another instance was faster: the first try is given up, and its number with it */
	snprintf(text, sizeof(text),
	         "INSERT INTO headgate.audit (chain, sequence, record, hash) "
	         "SELECT 'system', 2, 'x', sha256(hash || 'x'::bytea) FROM headgate.audit WHERE "
	         "chain = 'system'");
	ck_assert_str_eq(sql(text), "1");
	tell("checkout", INCIDENT_P3, NULL);
	tell("checkout", INCIDENT_P3, NULL);
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.incident"), "3");
	ck_assert_str_eq(sql("SELECT bool_and(id > before) FROM (SELECT id, lag(id, 1, 0::bigint) "
	                     "OVER (ORDER BY at) AS before FROM headgate.incident) x"),
	                 "t");
}
END_TEST

static void stabilise(struct release *r, int64_t version, const char *test)
{
	struct step s;

	step_to(&s, r, version, EVENT_ROLLBACK_JUMP, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "flags_off", "flags");
	s.messages[0].option = MESSAGE_DAMPENS;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	step_to(&s, r, version + 1, EVENT_ROLLBACK_ACKED, RELEASE_STABILISING, STEP_NONE);
	step_message(&s, MESSAGE_ROLLBACK, test, "shop");
	s.messages[0].option = MESSAGE_SMOKE;
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
}

START_TEST(smoke_tests_end_where_the_next_ones_begin)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	struct step s;

	stabilise(r, 2, "first");
	step_to(&s, r, 4, EVENT_NOTE, RELEASE_STABILISING, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.outbox WHERE superseded_by IS NULL"),
	                 "3");
	stabilise(r, 5, "second");
	ck_assert_str_eq(sql("SELECT string_agg(action, ' ' ORDER BY action) FROM headgate.outbox "
	                     "WHERE superseded_by IS NOT NULL"),
	                 "first");
	step_to(&s, r, 7, EVENT_STABILISED, RELEASE_ROLLED_BACK, STEP_NONE);
	s.decision.closes_messages = true;
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.outbox WHERE superseded_by IS NULL"),
	                 "0");
	release_free(&r);
}
END_TEST

struct counted {
	bool come;
	size_t pending, failing, unanswered;
};

static void on_counted(void *ctx, const struct store_outbox_status *rows, size_t n,
                       const struct err *err)
{
	struct counted *c = ctx;

	ck_assert(err == NULL);
	*c = (struct counted){.come = true};
	for (size_t i = 0; i < n; i++) {
		if (rows[i].option != MESSAGE_SMOKE)
			continue;
		c->pending += rows[i].pending;
		c->failing += rows[i].failing;
		c->unanswered += rows[i].unanswered;
	}
}

static const struct {
	const char *why;
	const char *set;
	size_t pending, failing, unanswered;
} answers[] = {
        {"not tried yet", "attempts = 0", 1, 0, 0},
        {"no answer", "last_status = 0", 1, 0, 1},
        {"a bad answer", "last_status = 503", 1, 1, 0},
        {"refused", "last_status = 404, refused = true", 1, 1, 0},
        {"taken, and called back as failed", "last_status = 202, callback_status = 'failed'", 1, 1,
         0},
        {"taken, and not called back yet", "last_status = 202", 1, 0, 0},
        {"failed, then acknowledged", "last_status = 200, refused = true, done_at = now()", 0, 0,
         0},
};

START_TEST(a_smoke_test_fails_by_its_answer)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	struct counted c = {0};
	struct err err = {0};
	char text[200];
	int64_t id = 1;

	stabilise(r, 2, "test");
	snprintf(text, sizeof(text), "UPDATE headgate.outbox SET %s WHERE option = -2",
	         answers[_i].set);
	sql(text);
	ck_assert(store_outbox(world.app.store, &id, 1, on_counted, &c, &err));
	UNTIL(c.come);
	ck_assert_msg(c.pending == answers[_i].pending && c.failing == answers[_i].failing &&
	                      c.unanswered == answers[_i].unanswered,
	              "%s: %zu pending, %zu failing, %zu unanswered", answers[_i].why, c.pending,
	              c.failing, c.unanswered);
	release_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("incident");
	TCase *tcase = tcase_create("incident");

	tcase_add_checked_fixture(tcase, world_begin, world_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_release_finds_its_incidents_in_order_until_it_took_account_of_them);
	tcase_add_test(tcase, no_release_waits_behind_the_incidents_of_another);
	tcase_add_test(tcase, the_same_key_is_the_same_incident_of_the_same_service);
	tcase_add_test(tcase, an_incident_that_becomes_worse_is_put_to_the_release_once_more);
	tcase_add_test(tcase, numbers_rise_in_the_order_of_commits);
	tcase_add_test(tcase, smoke_tests_end_where_the_next_ones_begin);
	tcase_add_loop_test(tcase, a_smoke_test_fails_by_its_answer, 0, ARRAY_LEN(answers));
	suite_add_tcase(suite, tcase);
	return suite_run_in_cluster(suite);
}
