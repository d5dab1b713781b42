/* store: commits, conflicts, the lease, freezes, the outbox, and answers that were lost. */
#include "store_fixture.h"

#include "audit/audit.h"

/* --- commits --- */

START_TEST(a_commit_writes_release_transition_audit_and_outbox)
{
	struct release *r = release_make(7, "checkout");
	struct step s;

	step_to(&s, r, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	step_to(&s, r, 1, EVENT_START, RELEASE_RUNNING, STEP_ENTERING);
	step_message(&s, MESSAGE_ADVANCE, "set_weight", "deployer");
	s.messages[0].body = json_pack("{s:i}", "weight", 10);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	json_decref(s.messages[0].body);

	ck_assert_str_eq(
	        sql("SELECT state || ' ' || step || ' ' || row_version || ' ' || activation FROM "
	            "headgate.release WHERE id = 7"),
	        "running entering 2 1");
	ck_assert_str_eq(sql("SELECT string_agg(event || ':' || coalesce(from_state, '-') || '>' "
	                     "|| to_state, ' ' "
	                     "ORDER BY row_version) FROM headgate.transition"),
	                 "note:->planned start:planned>running");
	ck_assert_str_eq(sql("SELECT reason FROM headgate.transition LIMIT 1"),
	                 "a \"reason\" \\ with {braces}, and NULL");
	ck_assert_str_eq(sql("SELECT count(*) || ' ' || max(sequence) FROM headgate.audit WHERE "
	                     "chain = 'release/7'"),
	                 "2 2");
	ck_assert_str_eq(sql("SELECT encode(record, 'hex') FROM headgate.audit LIMIT 1"),
	                 "7265636f7264205c20222000206f66206279746573");
	ck_assert_str_eq(sql("SELECT id || ' ' || fence || ' ' || epoch || ' ' || (body ->> "
	                     "'weight') FROM headgate.outbox"),
	                 UUID("000000000002") ".1 1 1 10");
	ck_assert_str_eq(
	        sql("SELECT (extract(epoch FROM created_at) * 1000)::bigint FROM headgate.release"),
	        "1700000000123");
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.freeze_scope"), "3");
	release_free(&r);
}
END_TEST

START_TEST(a_version_that_moved_on_is_a_conflict)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	struct step s;

	step_to(&s, r, 1, EVENT_PAUSE, RELEASE_PAUSED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_CONFLICT);
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.transition"), "2");
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.audit"), "2");
	release_free(&r);
}
END_TEST

START_TEST(commits_of_one_turn_travel_in_one_statement)
{
	enum { N = 200 };
	static struct step steps[N];
	double batches = world.metrics.values[METRIC_TRANSITION_BATCHES];
	char service[16];

	for (int i = 0; i < N; i++) {
		snprintf(service, sizeof(service), "s%d", i);
		step_to(&steps[i], release_make(i + 1, service), 0, EVENT_NOTE, RELEASE_PLANNED,
		        STEP_NONE);
		ck_assert(step_queue(&steps[i]));
	}
	for (int i = 0; i < N; i++)
		UNTIL(steps[i].answer.come);
	ck_assert_double_eq(world.metrics.values[METRIC_TRANSITION_BATCHES], batches + 1);
	for (int i = 0; i < N; i++) {
		ck_assert_int_eq(steps[i].answer.outcome, STORE_COMMITTED);
		release_free(&steps[i].release);
	}
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.release"), "200");
}
END_TEST

START_TEST(one_bad_commit_does_not_take_its_batch_with_it)
{
	struct release *a = release_running(1, "checkout", STEP_BAKING);
	struct release *b = release_make(2, "checkout"), *c = release_make(3, "search");
	struct release *d = release_running(4, "mail", STEP_BAKING);
	struct step s[4];

	b->attempt = 2;
	step_to(&s[0], b, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s[0]), STORE_COMMITTED);
	/* b's pair is taken by a; d's edge does not exist; a and c are fine */
	step_to(&s[0], a, 2, EVENT_NOTE, RELEASE_RUNNING, STEP_BAKING);
	step_to(&s[1], b, 1, EVENT_START, RELEASE_RUNNING, STEP_BAKING);
	step_to(&s[2], c, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	step_to(&s[3], d, 2, EVENT_NOTE, RELEASE_RESOLVED, STEP_NONE);
	for (int i = 0; i < 4; i++)
		ck_assert(step_queue(&s[i]));
	for (int i = 0; i < 4; i++)
		UNTIL(s[i].answer.come);
	ck_assert_int_eq(s[0].answer.outcome, STORE_COMMITTED);
	ck_assert_int_eq(s[1].answer.outcome, STORE_CONFLICT);
	ck_assert_str_eq(s[1].answer.err.text,
	                 "another release of this service and environment is active");
	ck_assert_int_eq(s[2].answer.outcome, STORE_COMMITTED);
	ck_assert_int_eq(s[3].answer.outcome, STORE_FAILED);
	ck_assert_int_eq(s[3].answer.err.code, ERR_BUG);
	ck_assert_str_eq(sql("SELECT state FROM headgate.release WHERE id = 4"), "running");
	release_free(&a);
	release_free(&b);
	release_free(&c);
	release_free(&d);
}
END_TEST

START_TEST(edges_in_the_database_are_those_of_the_table)
{
	char text[256];

	for (int from = 0; from < RELEASE_STATE_COUNT; from++) {
		for (int to = 0; to < RELEASE_STATE_COUNT; to++) {
			bool edge = release_edge((enum release_state)from, (enum release_state)to);

			snprintf(text, sizeof(text),
			         "SELECT count(*) FROM headgate.release_edge WHERE from_state = "
			         "'%s' AND "
			         "to_state = '%s'",
			         release_state_names[from], release_state_names[to]);
			ck_assert_msg(strcmp(sql(text), edge ? "1" : "0") == 0, "%s to %s",
			              release_state_names[from], release_state_names[to]);
		}
	}
}
END_TEST

START_TEST(the_daemon_may_not_rewrite_history)
{
	static const char *const denied[] = {
	        "DELETE FROM headgate.release",
	        "DELETE FROM headgate.outbox",
	        "UPDATE headgate.audit SET record = ''",
	        "DELETE FROM headgate.audit",
	        "TRUNCATE headgate.audit",
	        "INSERT INTO headgate.audit (at) VALUES (now())",
	        "UPDATE headgate.transition SET actor = 'eve'",
	        "UPDATE headgate.release SET service = 'x'",
	        "UPDATE headgate.outbox SET body = '{}'",
	        "CREATE TABLE headgate.x ()",
	        "ALTER TABLE headgate.audit DISABLE TRIGGER ALL",
	        "DELETE FROM headgate.idempotency",
	};

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		ck_assert_msg(strcmp(sql_as(dsn_app, denied[i]), "error 42501") == 0, "%s",
		              denied[i]);
	/* not even the owner, by accident */
	ck_assert_str_eq(sql_as(dsn_owner, "DELETE FROM headgate.audit"), "error 42501");
	ck_assert_str_eq(sql_as(dsn_owner, "TRUNCATE headgate.transition CASCADE"), "error 42501");
}
END_TEST

/* --- lease and freezes --- */

static void steal_lease(void)
{
	sql("UPDATE headgate.lease SET holder = 'two', epoch = epoch + 1, "
	    "expires_at = clock_timestamp() + interval '1 hour'");
}

START_TEST(without_the_lease_an_advance_is_given_up_and_a_rollback_commits)
{
	struct release *a = release_running(1, "checkout", STEP_READY);
	struct release *b = release_running(2, "search", STEP_READY);
	struct step advance, rollback;

	steal_lease();
	step_to(&advance, a, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING);
	advance.decision.needs_lease = advance.decision.needs_thaw = true;
	step_message(&advance, MESSAGE_ADVANCE, "set_weight", "deployer");
	step_to(&rollback, b, 2, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	rollback.decision.supersedes = true;
	step_message(&rollback, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert(step_queue(&advance) && step_queue(&rollback));
	UNTIL(advance.answer.come && rollback.answer.come);
	ck_assert_int_eq(advance.answer.outcome, STORE_CONFLICT);
	ck_assert_int_eq(rollback.answer.outcome, STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT string_agg(class, ' ') FROM headgate.outbox"), "rollback");
	UNTIL(world.lost == 1);
	ck_assert(!store_may_advance(world.app.store));
	release_free(&a);
	release_free(&b);
}
END_TEST

START_TEST(nobody_waits_for_a_takeover_under_way)
{
	struct release *a = release_running(1, "checkout", STEP_READY);
	struct release *b = release_running(2, "search", STEP_READY);
	PGconn *other = PQconnectdb(dsn_admin);
	struct step advance, rollback;
	int64_t begin;

	PQclear(PQexec(other,
	               "BEGIN; UPDATE headgate.lease SET holder = 'two', epoch = epoch + 1"));
	step_to(&advance, a, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING);
	advance.decision.needs_lease = true;
	step_to(&rollback, b, 2, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	begin = now_ms();
	ck_assert(step_queue(&advance) && step_queue(&rollback));
	UNTIL(advance.answer.come && rollback.answer.come);
	ck_assert_int_lt(now_ms() - begin, 1000);
	ck_assert_int_eq(advance.answer.outcome, STORE_CONFLICT);
	ck_assert_int_eq(rollback.answer.outcome, STORE_COMMITTED);
	PQfinish(other);
	release_free(&a);
	release_free(&b);
}
END_TEST

START_TEST(the_lease_comes_back_with_a_higher_epoch)
{
	int64_t epoch = world.epoch;

	ck_assert(store_may_advance(world.app.store));
	steal_lease();
	UNTIL(world.lost == 1);
	sql("UPDATE headgate.lease SET expires_at = clock_timestamp()");
	UNTIL(world.gained == 2);
	ck_assert_int_eq(world.epoch, epoch + 2);
	ck_assert_str_eq(sql("SELECT holder FROM headgate.lease"), "one");
	ck_assert(loop_wall_known(world.app.loop));
}
END_TEST

static bool shut;
static void on_shut(void *ctx)
{
	(void)ctx;
	shut = true;
}

START_TEST(shutting_down_gives_the_lease_back_after_the_last_commit)
{
	struct release *r = release_make(1, "checkout");
	struct step s;

	step_to(&s, r, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	ck_assert(step_queue(&s));
	store_shutdown(world.app.store, on_shut, NULL);
	UNTIL(shut);
	ck_assert(s.answer.come);
	ck_assert_int_eq(s.answer.outcome, STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT expires_at <= clock_timestamp() FROM headgate.lease"), "t");
	ck_assert(!step_queue(&s));
	release_free(&r);
}
END_TEST

static void freeze(const char *scope, const char *name, bool frozen, struct answer *a)
{
	struct err err = {0};

	*a = (struct answer){0};
	ck_assert(store_freeze(world.app.store, scope, name, frozen, "ann", "holidays", on_done, a,
	                       &err));
}

START_TEST(a_freeze_stops_advances_and_nothing_else)
{
	static const char *const scopes[][2] = {
	        {"global", "*"}, {"environment", "prod"}, {"service", "checkout"}};
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct answer a;
	struct step s;

	for (int i = 0; i < 3; i++) {
		freeze(scopes[i][0], scopes[i][1], true, &a);
		UNTIL(a.come);
		ck_assert_int_eq(a.outcome, STORE_COMMITTED);
		step_to(&s, r, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING);
		s.decision.needs_lease = s.decision.needs_thaw = true;
		ck_assert_int_eq(step_commit(&s), STORE_CONFLICT);
		ck_assert_str_eq(s.answer.err.text, "frozen");
		freeze(scopes[i][0], scopes[i][1], false, &a);
		UNTIL(a.come);
	}
	freeze("service", "other", true, &a);
	UNTIL(a.come);
	step_to(&s, r, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING);
	s.decision.needs_lease = s.decision.needs_thaw = true;
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	freeze("global", "*", true, &a);
	UNTIL(a.come);
	step_to(&s, r, 3, EVENT_PAUSE, RELEASE_PAUSED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT count(*) || ' ' || max(sequence) FROM headgate.audit WHERE "
	                     "chain = 'system'"),
	                 "8 8");
	release_free(&r);
}
END_TEST

/* Behind somebody else's row, as one of the database's sessions says. */
static void until_it_waits(void)
{
	UNTIL(strcmp(sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
	                 " AND datname = current_database()"),
	             "1") == 0);
}

START_TEST(a_freeze_waits_for_an_advance_under_way)
{
	PGconn *other = PQconnectdb(dsn_admin);
	struct answer a;

	PQclear(PQexec(
	        other,
	        "BEGIN; SELECT FROM headgate.freeze_scope WHERE scope = 'global' FOR SHARE"));
	freeze("global", "*", true, &a);
	until_it_waits();
	ck_assert(!a.come);
	PQclear(PQexec(other, "COMMIT"));
	UNTIL(a.come);
	ck_assert_int_eq(a.outcome, STORE_COMMITTED);
	PQfinish(other);
}
END_TEST

/* --- outbox --- */

struct claimed {
	bool come;
	size_t n;
	char ids[8][48];
	char actions[8][32];
	int64_t attempts[8];
	char tokens[8][STORE_TOKEN_TEXT];
};

static void on_claim(void *ctx, const struct store_message *messages, size_t n,
                     const struct err *err)
{
	struct claimed *c = ctx;

	ck_assert_msg(err == NULL, "%s", err != NULL ? err->text : "");
	c->come = true;
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		memcpy(c->ids[i], messages[i].id, sizeof(c->ids[i]));
		snprintf(c->actions[i], sizeof(c->actions[i]), "%s", messages[i].action);
		c->attempts[i] = messages[i].attempts;
		memcpy(c->tokens[i], messages[i].callback_token, STORE_TOKEN_TEXT);
	}
}

static struct claimed claim(int64_t claim_ms)
{
	struct claimed c = {0};
	struct err err = {0};

	ck_assert(store_claim(world.app.store, &(struct store_claim){.strangers = 8}, claim_ms,
	                      on_claim, &c, &err));
	UNTIL(c.come);
	return c;
}

static void recorded(const char *id, enum store_delivery how, int64_t retry_ms, long status)
{
	record_ending((struct store_ending){
	        .message_id = id, .how = how, .retry_ms = retry_ms, .status = status});
}

static void delivered(const char *id, enum store_delivery how, int64_t retry_ms)
{
	recorded(id, how, retry_ms, 200);
}

struct counted {
	bool come;
	size_t advance_pending, rollback_pending, rollback_groups, refused;
};

static void on_counted(void *ctx, const struct store_outbox_status *rows, size_t n,
                       const struct err *err)
{
	struct counted *c = ctx;

	ck_assert(err == NULL);
	c->come = true;
	for (size_t i = 0; i < n; i++) {
		c->refused += rows[i].refused;
		if (rows[i].class == MESSAGE_ROLLBACK) {
			c->rollback_pending += rows[i].pending;
			c->rollback_groups++;
		} else {
			c->advance_pending += rows[i].pending;
		}
	}
}

static struct counted count(int64_t id)
{
	struct counted c = {0};
	struct err err = {0};

	ck_assert(store_outbox(world.app.store, &id, 1, on_counted, &c, &err));
	UNTIL(c.come);
	return c;
}

static struct release *release_with_advances(void)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct step s;

	step_to(&s, r, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING);
	s.decision.needs_lease = s.decision.needs_thaw = true;
	step_message(&s, MESSAGE_ADVANCE, "first", "deployer");
	step_message(&s, MESSAGE_ADVANCE, "second", "deployer");
	step_message(&s, MESSAGE_ADVANCE, "elsewhere", "flags");
	step_message(&s, MESSAGE_NOTIFICATION, "tell", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	return r;
}

static bool has(const struct claimed *c, const char *action)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->actions[i], action) == 0)
			return true;
	}
	return false;
}

START_TEST(advances_go_in_order_per_destination)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000);

	ck_assert_uint_eq(c.n, 3);
	ck_assert(has(&c, "first") && has(&c, "elsewhere") && has(&c, "tell"));
	ck_assert_uint_eq(claim(60000).n, 0);
	ck_assert_uint_eq(count(1).advance_pending, 3);
	delivered(c.ids[0], DELIVERY_ACKNOWLEDGED, 0);
	ck_assert_str_eq(c.actions[0], "first");
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.actions[0], "second");
	delivered(c.ids[0], DELIVERY_RETRY, 0);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(c.attempts[0], 2);
	delivered(c.ids[0], DELIVERY_REFUSED, -1);
	ck_assert_uint_eq(claim(60000).n, 0);
	ck_assert_uint_eq(count(1).refused, 1);
	release_free(&r);
}
END_TEST

/* "completed" was read before "started". */
START_TEST(notifications_go_in_order_until_one_fails)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c;
	struct step s;

	step_to(&s, r, 2, EVENT_NOTE, RELEASE_RUNNING, STEP_READY);
	step_message(&s, MESSAGE_NOTIFICATION, "one", "chat");
	step_message(&s, MESSAGE_NOTIFICATION, "two", "chat");
	step_message(&s, MESSAGE_NOTIFICATION, "three", "chat");
	step_message(&s, MESSAGE_NOTIFICATION, "elsewhere", "mail");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 2);
	ck_assert(has(&c, "one") && has(&c, "elsewhere"));
	ck_assert_uint_eq(claim(60000).n, 0); /* in flight */
	delivered(c.ids[0], DELIVERY_ACKNOWLEDGED, 0);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.actions[0], "two");
	delivered(c.ids[0], DELIVERY_RETRY, 60000); /* overtaken while it waits */
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.actions[0], "three");
	release_free(&r);
}
END_TEST

/* For the messages: what was promised for less than that is over, and what waited for it is due. */
static void an_hour_passes(void)
{
	ck_assert_str_ne(sql("UPDATE headgate.outbox SET"
	                     " claimed_at = claimed_at - interval '1 hour',"
	                     " claim_until = claim_until - interval '1 hour',"
	                     " due_at = due_at - interval '1 hour',"
	                     " resend_at = resend_at - interval '1 hour',"
	                     " awaits_until = awaits_until - interval '1 hour',"
	                     " may_arrive_until = may_arrive_until - interval '1 hour'"),
	                 "error");
}

START_TEST(a_lapsed_claim_is_claimed_again_under_the_same_id)
{
	struct release *r = release_with_advances();
	struct claimed first = claim(60000), again;

	ck_assert_uint_eq(first.n, 3);
	an_hour_passes();
	again = claim(60000);
	ck_assert_uint_eq(again.n, 3);
	ck_assert_str_eq(first.ids[0], again.ids[0]);
	ck_assert_int_eq(again.attempts[0], 2);
	release_free(&r);
}
END_TEST

START_TEST(a_rollback_supersedes_pre_empts_and_is_sent_again_after_the_advance_in_flight)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000); /* "first" and "elsewhere" are in flight */
	struct step s;

	ck_assert_uint_eq(c.n, 3);
	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.actions[0], "weight_zero");
	ck_assert_uint_eq(count(1).rollback_pending, 1);
	delivered(c.ids[0], DELIVERY_ACKNOWLEDGED, 0);
	ck_assert_uint_eq(count(1).rollback_pending, 0);
	ck_assert_uint_eq(count(1).rollback_groups, 1);
	ck_assert_uint_eq(count(1).advance_pending, 0);
	ck_assert_uint_eq(claim(60000).n, 0);
	an_hour_passes(); /* the advances are superseded: only the rollback goes again */
	c = claim(60000);
	ck_assert_uint_eq(c.n, 2); /* and the notification, whose claim lapsed too */
	ck_assert_str_eq(c.actions[0], "weight_zero");
	ck_assert_int_eq(c.attempts[0], 2);
	delivered(c.ids[0], DELIVERY_ACKNOWLEDGED, 0);
	ck_assert_str_eq(sql("SELECT resent AND resend_at IS NULL FROM headgate.outbox WHERE class "
	                     "= 'rollback'"),
	                 "t");
	ck_assert_uint_eq(claim(60000).n, 0);
	release_free(&r);
}
END_TEST

/* The next release was deployed already when the repeat was due: it was refused every 15 s for
 * ever.
 */
START_TEST(a_repeat_that_is_refused_as_stale_ends)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000);
	struct step s;

	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	delivered(c.ids[0], DELIVERY_ACKNOWLEDGED, 0);
	an_hour_passes();
	c = claim(60000);
	ck_assert_str_eq(c.actions[0], "weight_zero");
	recorded(c.ids[0], DELIVERY_REFUSED, 1, 409);
	UNTIL(strcmp(sql("SELECT resend_at IS NULL FROM headgate.outbox WHERE class = 'rollback'"),
	             "t") == 0);
	ck_assert_uint_eq(count(1).rollback_pending, 0);
	release_free(&r);
}
END_TEST

/* A person had put the service right by hand; the retries of the failed rollback undid it. */
START_TEST(a_settled_release_sends_nothing_of_its_rollback_any_more)
{
	struct release *r = release_with_advances(), *other;
	struct claimed c;
	struct step s;

	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	step_message(&s, MESSAGE_ROLLBACK, "redeploy", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	other = release_running(2, "search", STEP_BAKING);
	step_to(&s, other, 2, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	step_message(&s, MESSAGE_ROLLBACK, "theirs", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 4); /* and the notification */
	delivered(c.ids[0], DELIVERY_ACKNOWLEDGED, 0);
	ck_assert_str_eq(c.actions[0], "weight_zero");
	step_to(&s, r, 4, EVENT_ROLLBACK_EXHAUSTED, RELEASE_FAILED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	step_to(&s, r, 5, EVENT_RESOLVE, RELEASE_RESOLVED, STEP_NONE);
	s.decision.closes_messages = true;
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT string_agg(o.action, ' ') FROM headgate.outbox o JOIN"
	                     " headgate.release r ON r.id = o.release_id AND o.superseded_by ="
	                     " r.transition"),
	                 "redeploy");
	an_hour_passes();
	c = claim(60000);
	ck_assert_uint_eq(c.n, 2);
	ck_assert(has(&c, "theirs") && has(&c, "tell"));
	release_free(&r);
	release_free(&other);
}
END_TEST

START_TEST(a_rollback_acknowledged_after_the_advance_lapsed_is_not_sent_again)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000);
	struct step s;

	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	an_hour_passes();
	c = claim(60000);
	ck_assert_str_eq(c.actions[0], "weight_zero");
	delivered(c.ids[0], DELIVERY_ACKNOWLEDGED, 0);
	ck_assert_str_eq(
	        sql("SELECT resend_at IS NULL FROM headgate.outbox WHERE class = 'rollback'"), "t");
	release_free(&r);
}
END_TEST

static void roll_back(struct release *r)
{
	struct step s;

	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
}

/* It timed out here, but the receiver may have read it and be slow: it raised the weight after the
 * rollback had set it to 0. */
START_TEST(a_rollback_is_sent_again_after_an_advance_that_timed_out)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000);

	for (size_t i = 0; i < c.n; i++)
		recorded(c.ids[i], DELIVERY_RETRY, 60000, 0);
	roll_back(r);
	ck_assert_str_eq(
	        sql("SELECT resend_at > now() FROM headgate.outbox WHERE class = 'rollback'"), "t");
	release_free(&r);
}
END_TEST

/* What comes of a later attempt says nothing of the earlier one. */
static const enum store_delivery later[] = {DELIVERY_RETRY, DELIVERY_REFUSED,
                                            DELIVERY_ACKNOWLEDGED};

START_TEST(a_rollback_is_sent_again_after_an_attempt_that_a_later_one_overtook)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000);

	for (size_t i = 0; i < c.n; i++)
		recorded(c.ids[i], DELIVERY_RETRY, 0, 0);
	sql("UPDATE headgate.outbox SET claimed_at = claimed_at - interval '1 hour'");
	c = claim(1);
	ck_assert(has(&c, "first"));
	for (size_t i = 0; i < c.n; i++)
		recorded(c.ids[i], later[_i], 60000,
		         later[_i] == DELIVERY_ACKNOWLEDGED ? 200 : 503);
	roll_back(r);
	ck_assert_str_eq(sql("SELECT resend_at > now() + interval '30 seconds' FROM headgate.outbox"
	                     " WHERE class = 'rollback'"),
	                 "t");
	release_free(&r);
}
END_TEST

/* An attempt had timed out while the rollback was decided, and another instance had a later one
 * acknowledged meanwhile: the rollback was not sent again. */
static const struct {
	const char *before, *holds, *then;
} meanwhile[] = {
        {"UPDATE headgate.outbox SET may_arrive_until = now() + interval '1 hour'",
         "BEGIN; UPDATE headgate.outbox SET done_at = clock_timestamp(), claim_until = NULL"
         " WHERE class = 'advance'",
         "SELECT 1"},
        {"SELECT 1", "BEGIN; SELECT FROM headgate.release FOR UPDATE",
         "UPDATE headgate.outbox SET done_at = clock_timestamp(), claim_until = NULL,"
         " may_arrive_until = now() + interval '1 hour' WHERE class = 'advance'"},
};

START_TEST(a_rollback_is_sent_again_when_an_advance_is_acknowledged_while_it_is_decided)
{
	struct release *r = release_with_advances();
	PGconn *other = PQconnectdb(dsn_admin);
	struct step s;

	ck_assert_str_ne(sql(meanwhile[_i].before), "error");
	PQclear(PQexec(other, meanwhile[_i].holds));
	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert(step_queue(&s));
	until_it_waits();
	ck_assert_str_ne(sql(meanwhile[_i].then), "error");
	PQclear(PQexec(other, "COMMIT"));
	UNTIL(s.answer.come);
	ck_assert_int_eq(s.answer.outcome, STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT resend_at > now() + interval '30 minutes' FROM headgate.outbox"
	                     " WHERE class = 'rollback'"),
	                 "t");
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.outbox WHERE class = 'advance'"
	                     " AND superseded_by IS NOT NULL"),
	                 "0");
	PQfinish(other);
	release_free(&r);
}
END_TEST

/* --- callbacks --- */

struct awaited {
	bool come, found;
	struct store_awaited is;
};

static void on_awaited(void *ctx, const struct store_awaited *found, const struct err *err)
{
	struct awaited *a = ctx;

	ck_assert_msg(err == NULL, "%s", err != NULL ? err->text : "");
	a->come = true;
	a->found = found != NULL;
	if (found != NULL)
		a->is = *found;
}

static struct awaited awaited(const char *id)
{
	struct awaited a = {0};
	struct err err = {0};

	ck_assert(store_awaited(world.app.store, id, on_awaited, &a, &err));
	UNTIL(a.come);
	return a;
}

static enum err_code call_back(const char *id, enum store_delivery how, int64_t retry_ms)
{
	struct answer a = {0};
	struct err err = {0};

	ck_assert(store_called_back(world.app.store, id, how, retry_ms, "done by hand", on_done, &a,
	                            &err));
	UNTIL(a.come);
	return a.err.code;
}

/* One message of the class in flight, whose receiver may take callback_ms. */
static struct claimed claim_awaiting(struct release *r, enum message_class class,
                                     int64_t callback_ms)
{
	struct step s;

	if (class == MESSAGE_ROLLBACK) {
		step_to(&s, r, 2, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	} else {
		step_to(&s, r, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING);
		s.decision.needs_lease = s.decision.needs_thaw = true;
	}
	step_message(&s, class, "slow", "deployer");
	s.messages[0].callback_ms = callback_ms;
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	return claim(60000);
}

START_TEST(what_is_taken_waits_for_its_callback_and_counts_when_it_comes)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c = claim_awaiting(r, MESSAGE_ADVANCE, 60000);
	struct awaited a;

	ck_assert_uint_eq(c.n, 1);
	ck_assert_uint_eq(strlen(c.tokens[0]), STORE_TOKEN_TEXT - 1);
	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	ck_assert_uint_eq(count(1).advance_pending, 1);
	ck_assert_uint_eq(claim(60000).n, 0);
	ck_assert_str_eq(
	        sql("SELECT done_at IS NULL AND awaits_until > now() AND claim_until IS NULL"
	            " FROM headgate.outbox"),
	        "t");
	a = awaited(c.ids[0]);
	ck_assert(a.found && !a.is.is_done && !a.is.has_failed);
	ck_assert_str_eq(a.is.token, c.tokens[0]);
	ck_assert_int_eq(a.is.release_id, 1);
	ck_assert_int_eq(call_back(c.ids[0], DELIVERY_ACKNOWLEDGED, -1), ERR_NONE);
	ck_assert_uint_eq(count(1).advance_pending, 0);
	ck_assert(awaited(c.ids[0]).is.is_done);
	ck_assert_int_eq(call_back(c.ids[0], DELIVERY_REFUSED, -1), ERR_CONFLICT);
	ck_assert(!awaited("nothing.1").found);
	release_free(&r);
}
END_TEST

START_TEST(a_callback_may_be_faster_than_the_answer)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c = claim_awaiting(r, MESSAGE_ADVANCE, 60000);

	ck_assert_int_eq(call_back(c.ids[0], DELIVERY_REFUSED, -1), ERR_NONE);
	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	ck_assert_uint_eq(count(1).refused, 1);
	ck_assert(awaited(c.ids[0]).is.has_failed);
	ck_assert_str_eq(sql("SELECT dead AND awaits_until IS NULL AND claim_until IS NULL"
	                     " AND callback_text = 'done by hand' AND last_text = 'fine'"
	                     " FROM headgate.outbox"),
	                 "t");
	release_free(&r);
}
END_TEST

START_TEST(without_a_callback_it_is_sent_again_with_the_same_token)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c = claim_awaiting(r, MESSAGE_ADVANCE, 60000), again;

	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	an_hour_passes();
	again = claim(60000);
	ck_assert_uint_eq(again.n, 1);
	ck_assert_str_eq(again.ids[0], c.ids[0]);
	ck_assert_str_eq(again.tokens[0], c.tokens[0]);
	ck_assert_int_eq(again.attempts[0], 2);
	release_free(&r);
}
END_TEST

START_TEST(a_rollback_that_failed_is_sent_again_and_may_succeed_then)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c = claim_awaiting(r, MESSAGE_ROLLBACK, 60000);

	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	ck_assert_int_eq(call_back(c.ids[0], DELIVERY_REFUSED, 0), ERR_NONE);
	ck_assert_int_eq(call_back(c.ids[0], DELIVERY_ACKNOWLEDGED, -1), ERR_CONFLICT);
	ck_assert_uint_eq(count(1).refused, 1);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert(!awaited(c.ids[0]).is.has_failed);
	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	ck_assert_int_eq(call_back(c.ids[0], DELIVERY_ACKNOWLEDGED, -1), ERR_NONE);
	ck_assert_uint_eq(count(1).rollback_pending, 0);
	release_free(&r);
}
END_TEST

/* Taken is not applied: its receiver may come to it after the rollback (rule R8). */
START_TEST(a_rollback_is_sent_again_after_the_time_of_an_advance_that_was_taken)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c = claim_awaiting(r, MESSAGE_ADVANCE, 60000);
	struct step s;

	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	s.messages[0].callback_ms = 60000;
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	ck_assert_str_eq(c.actions[0], "weight_zero");
	/* The callback comes before the answer is recorded: the repeat is not forgotten. */
	ck_assert_int_eq(call_back(c.ids[0], DELIVERY_ACKNOWLEDGED, -1), ERR_NONE);
	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	ck_assert_uint_eq(count(1).rollback_pending, 0);
	ck_assert_str_eq(
	        sql("SELECT resend_at > now() FROM headgate.outbox WHERE class = 'rollback'"), "t");
	an_hour_passes();
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.actions[0], "weight_zero");
	delivered(c.ids[0], DELIVERY_TAKEN, 60000);
	ck_assert_str_eq(sql("SELECT resent AND resend_at IS NULL FROM headgate.outbox"
	                     " WHERE class = 'rollback'"),
	                 "t");
	ck_assert_uint_eq(claim(60000).n, 0);
	release_free(&r);
}
END_TEST

START_TEST(an_advance_in_flight_has_its_receivers_time_on_top)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct step s;

	(void)claim_awaiting(r, MESSAGE_ADVANCE, 3600000);
	step_to(&s, r, 3, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	s.decision.supersedes = true;
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_str_eq(sql("SELECT resend_at > now() + interval '1 hour' FROM headgate.outbox"
	                     " WHERE class = 'rollback'"),
	                 "t");
	release_free(&r);
}
END_TEST

START_TEST(a_rollback_claimed_by_a_dead_instance_is_not_left_lying)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct step s;

	step_to(&s, r, 2, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_uint_eq(claim(60000).n, 1);
	ck_assert_str_eq(
	        sql("SELECT due_at < claim_until - interval '50 seconds' FROM headgate.outbox"),
	        "t");
	sql("UPDATE headgate.outbox SET due_at = now()");
	ck_assert_uint_eq(claim(60000).n, 0); /* our own attempt is still under way */
	sql("UPDATE headgate.outbox SET due_at = now(), claimed_by = 'dead'");
	ck_assert_uint_eq(claim(60000).n, 1);
	release_free(&r);
}
END_TEST

/* As another instance that takes it over from one that hangs. */
static struct claimed claim_over(void)
{
	sql("UPDATE headgate.outbox SET due_at = now(), claimed_by = 'another'");
	return claim(60000);
}

/* A daemon that had been suspended woke up and recorded that its attempt had timed out: the one of
 * the other instance, still under way, was given to everybody once more. */
START_TEST(a_late_answer_leaves_the_claim_of_another_instance_alone)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c;
	struct step s;

	step_to(&s, r, 2, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	step_message(&s, MESSAGE_ROLLBACK, "weight_zero", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	ck_assert_int_eq(c.attempts[0], 1);
	ck_assert_int_eq(claim_over().attempts[0], 2);
	record_ending((struct store_ending){
	        .message_id = c.ids[0], .attempts = 1, .how = DELIVERY_RETRY, .text = "timed out"});
	ck_assert_str_eq(
	        sql("SELECT claim_until > now() AND last_text IS NULL FROM headgate.outbox"), "t");
	record_ending((struct store_ending){.message_id = c.ids[0],
	                                    .attempts = 1,
	                                    .how = DELIVERY_ACKNOWLEDGED,
	                                    .status = 200});
	ck_assert_uint_eq(count(1).rollback_pending, 0); /* what was done is done */
	recorded(c.ids[0], DELIVERY_ACKNOWLEDGED, 0, 200);
	ck_assert_uint_eq(claim_over().n, 0);
	release_free(&r);
}
END_TEST

/* Two instances sent it to a slow receiver, and both were told that it was done before the advance
 * in flight had lapsed: the second answer was taken for that of the repeat, which never went out.
 */
START_TEST(a_rollback_acknowledged_to_two_instances_is_still_sent_again)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000);

	ck_assert(has(&c, "first"));
	roll_back(r);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(claim_over().attempts[0], 2);
	record_ending((struct store_ending){.message_id = c.ids[0],
	                                    .attempts = 1,
	                                    .how = DELIVERY_ACKNOWLEDGED,
	                                    .status = 200});
	recorded(c.ids[0], DELIVERY_ACKNOWLEDGED, 0, 200);
	ck_assert_str_eq(sql("SELECT resend_at > now() AND due_at >= resend_at AND NOT resent"
	                     " FROM headgate.outbox WHERE class = 'rollback'"),
	                 "t");
	ck_assert_uint_eq(count(1).rollback_pending, 0);
	sql("UPDATE headgate.outbox SET resend_at = now()");
	c = claim_over();
	ck_assert_str_eq(c.actions[0], "weight_zero");
	recorded(c.ids[0], DELIVERY_ACKNOWLEDGED, 0, 200);
	ck_assert_str_eq(sql("SELECT resend_at IS NULL AND resent FROM headgate.outbox"
	                     " WHERE class = 'rollback'"),
	                 "t");
	release_free(&r);
}
END_TEST

/* What it may still do is known, whoever has claimed it since. */
START_TEST(an_advance_that_timed_out_late_is_reckoned_with)
{
	struct release *r = release_with_advances();
	struct claimed c = claim(60000);

	ck_assert(has(&c, "first"));
	ck_assert(claim_over().n > 0);
	for (size_t i = 0; i < c.n; i++)
		record_ending((struct store_ending){.message_id = c.ids[i],
		                                    .attempts = 1,
		                                    .how = DELIVERY_RETRY,
		                                    .text = "timed out"});
	ck_assert_str_eq(sql("SELECT may_arrive_until > now() + interval '50 seconds' FROM"
	                     " headgate.outbox WHERE action = 'first'"),
	                 "t");
	release_free(&r);
}
END_TEST

START_TEST(parked_messages_wait_and_give_way_to_new_ones)
{
	struct release *r = release_with_advances();
	struct claimed c;
	struct step s;

	step_to(&s, r, 3, EVENT_PAUSE, RELEASE_PAUSED, STEP_NONE);
	s.decision.parks = true;
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.actions[0], "tell");
	step_to(&s, r, 4, EVENT_RESUME_ENTERING, RELEASE_RUNNING, STEP_ENTERING);
	step_message(&s, MESSAGE_ADVANCE, "anew", "deployer");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	c = claim(60000);
	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.actions[0], "anew");
	ck_assert_uint_eq(count(1).advance_pending, 1);
	release_free(&r);
}
END_TEST

/* --- answers that were lost --- */

static void terminate_daemon(void)
{
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
	    "'headgate'"
	    " AND datname = current_database()");
}

START_TEST(a_commit_lost_before_it_happened_is_answered_and_can_never_happen)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	PGconn *other = PQconnectdb(dsn_admin);
	char late[256];
	struct step s;

	PQclear(PQexec(other, "BEGIN; SELECT FROM headgate.release WHERE id = 1 FOR UPDATE"));
	step_to(&s, r, 2, EVENT_PAUSE, RELEASE_PAUSED, STEP_NONE);
	ck_assert(step_queue(&s));
	turn();
	while (strcmp(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
	                  "'headgate' AND "
	                  "wait_event_type = 'Lock' AND datname = current_database()"),
	              "1") != 0)
		turn();
	terminate_daemon();
	UNTIL(world.downs == 1);
	ck_assert(!s.answer.come);
	UNTIL(world.ups == 2); /* its look-up waits for the row as well */
	ck_assert(!s.answer.come);
	PQclear(PQexec(other, "COMMIT"));
	UNTIL(s.answer.come);
	ck_assert_int_eq(s.answer.outcome, STORE_FAILED);
	ck_assert_int_eq(s.answer.err.code, ERR_UNAVAILABLE);
	ck_assert_str_eq(sql("SELECT state || row_version FROM headgate.release"), "running2");
	snprintf(late, sizeof(late),
	         "UPDATE headgate.release SET state = 'paused', row_version = 3, transition = '%s'",
	         s.transition);
	ck_assert_str_eq(sql_as(dsn_app, late), "error 23514");
	/* the next try goes through */
	step_to(&s, r, 2, EVENT_PAUSE, RELEASE_PAUSED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	PQfinish(other);
	release_free(&r);
}
END_TEST

static bool a_commit_waits_for_the_standby(void)
{
	return strcmp(sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
	              "0") != 0;
}

/* The server takes its new configuration when it comes to it: the standby is missed for sure once a
 * commit waits for it. Our loop stands still meanwhile, lest a commit of its own be the one. */
static void standby_is_missed(PGconn *other)
{
	int64_t end = now_ms() + PATIENCE_MS;

	do {
		PGresult *result;

		ck_assert_msg(now_ms() < end, "no commit waits for the standby");
		while ((result = PQgetResult(other)) != NULL)
			PQclear(result);
		ck_assert(PQsendQuery(other, "SELECT pg_logical_emit_message(true, 'test', '')"));
		while (PQconsumeInput(other) && PQisBusy(other) &&
		       !a_commit_waits_for_the_standby() && now_ms() < end)
			usleep(500);
	} while (!PQisBusy(other));
}

/* A synchronous standby that does not exist makes COMMIT wait after the work is done. */
START_TEST(a_commit_whose_answer_was_lost_is_found)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	PGconn *other = PQconnectdb(dsn_admin);
	struct step s;

	sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
	sql("SELECT pg_reload_conf()");
	standby_is_missed(other);
	step_to(&s, r, 2, EVENT_PAUSE, RELEASE_PAUSED, STEP_NONE);
	ck_assert(step_queue(&s));
	turn();
	UNTIL(strcmp(sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND "
	                 "query LIKE '%transition%'"),
	             "0") != 0);
	terminate_daemon();
	sql("ALTER SYSTEM RESET synchronous_standby_names");
	sql("SELECT pg_reload_conf()");
	UNTIL(s.answer.come);
	ck_assert_int_eq(s.answer.outcome, STORE_COMMITTED);
	ck_assert_double_eq(world.metrics.values[METRIC_TRANSITIONS_UNKNOWN], 1);
	ck_assert_str_eq(sql("SELECT state || row_version FROM headgate.release"), "paused3");
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.voided"), "0");
	PQfinish(other);
	release_free(&r);
}
END_TEST

START_TEST(a_new_release_lost_on_its_way_is_answered_too)
{
	struct release *r = release_make(5, "checkout");
	PGconn *other = PQconnectdb(dsn_admin);
	struct step s;

	/* the insert waits here, as any statement may */
	PQclear(PQexec(other, "BEGIN; LOCK TABLE headgate.release IN SHARE MODE"));
	step_to(&s, r, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	ck_assert(step_queue(&s));
	turn();
	while (strcmp(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
	                  "'headgate' AND "
	                  "wait_event_type = 'Lock' AND datname = current_database()"),
	              "1") != 0)
		turn();
	terminate_daemon();
	UNTIL(world.downs == 1);
	PQclear(PQexec(other, "COMMIT"));
	UNTIL(s.answer.come);
	ck_assert_int_eq(s.answer.outcome, STORE_FAILED);
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.release"), "0");
	PQfinish(other);
	release_free(&r);
}
END_TEST

START_TEST(a_killed_server_loses_nothing_and_doubles_nothing)
{
	enum { N = 40 };
	static struct step steps[N];
	char path[160], line[32] = "", service[16];
	size_t committed = 0;
	PGconn *other = PQconnectdb(dsn_admin);
	pid_t postmaster;
	FILE *f;

	snprintf(path, sizeof(path), "%s/postgres/data/postmaster.pid", cluster_dir);
	f = fopen(path, "r");
	ck_assert(f != NULL && fgets(line, sizeof(line), f) != NULL);
	fclose(f);
	postmaster = (pid_t)strtol(line, NULL, 10);
	for (int i = 0; i < N; i++) {
		snprintf(service, sizeof(service), "s%d", i);
		step_to(&steps[i], release_make(i + 1, service), 0, EVENT_NOTE, RELEASE_PLANNED,
		        STEP_NONE);
		ck_assert(step_queue(&steps[i]));
		if (i % 4 == 3)
			turn();
		if (i != N / 2)
			continue;
		UNTIL(steps[0].answer.come); /* some are committed, and what comes now never is */
		PQclear(PQexec(other, "BEGIN; LOCK TABLE headgate.release IN SHARE MODE"));
	}
	while (strcmp(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
	                  "'headgate' AND "
	                  "wait_event_type = 'Lock' AND datname = current_database()"),
	              "1") != 0)
		turn();
	kill(postmaster, SIGKILL);
	UNTIL(world.downs == 1);
	PQfinish(other);
	cluster_run("start");
	for (int i = 0; i < N; i++)
		UNTIL(steps[i].answer.come);
	for (int i = 0; i < N; i++) {
		committed += steps[i].answer.outcome == STORE_COMMITTED;
		ck_assert_int_ne(steps[i].answer.outcome, STORE_CONFLICT);
		release_free(&steps[i].release);
	}
	ck_assert_uint_eq((size_t)strtol(sql("SELECT count(*) FROM headgate.release"), NULL, 10),
	                  committed);
	ck_assert_uint_eq(
	        (size_t)strtol(
	                sql("SELECT count(*) FROM headgate.audit WHERE chain LIKE 'release/%'"),
	                NULL, 10),
	        committed);
	ck_assert_uint_gt(committed, 0);
	ck_assert_uint_lt(committed, N);
	ck_assert(world.metrics.values[METRIC_TRANSITIONS_UNKNOWN] > 0);
	UNTIL(store_may_advance(world.app.store));
}
END_TEST

/* --- reading back --- */

struct seen {
	bool come;
	size_t releases, policies, named, freezes;
	struct release *last;
	struct checkpoint *checkpoint;
	struct err err;
};

static void see_release(void *ctx, struct store_release *row)
{
	struct seen *s = ctx;

	s->releases++;
	release_free(&s->last);
	s->last = row->release;
	row->release = NULL;
	if (row->checkpoint != NULL) {
		if (s->checkpoint != NULL)
			field_free(&checkpoint_table, s->checkpoint);
		free(s->checkpoint);
		s->checkpoint = row->checkpoint;
		row->checkpoint = NULL;
	}
}
static void see_policy(void *ctx, const char *hash, json_t *document, bool is_named)
{
	ck_assert(hash != NULL && document != NULL);
	((struct seen *)ctx)->policies++;
	((struct seen *)ctx)->named += is_named;
}
static void see_freeze(void *ctx, const char *scope, const char *name, bool frozen,
                       const char *reason, const char *subject, struct wall since)
{
	ck_assert(scope != NULL && name != NULL && reason != NULL && subject != NULL &&
	          since.ms > 0);
	((struct seen *)ctx)->freezes += frozen;
}
static void see_done(void *ctx, const struct err *err)
{
	struct seen *s = ctx;

	s->come = true;
	if (err != NULL)
		s->err = *err;
}
static void seen_clear(struct seen *s)
{
	release_free(&s->last);
	if (s->checkpoint != NULL)
		field_free(&checkpoint_table, s->checkpoint);
	free(s->checkpoint);
	*s = (struct seen){0};
}
#define LOAD(s)                                                                                    \
	(&(struct store_load){.release = see_release,                                              \
	                      .policy = see_policy,                                                \
	                      .freeze = see_freeze,                                                \
	                      .done = see_done,                                                    \
	                      .ctx = (s)})

START_TEST(what_was_written_is_read_back_whole)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	struct checkpoint c = {
	        .observed_ms = 61000, .passes = 5, .evaluation = 9, .row_version = 2};
	struct seen seen = {0};
	struct answer a;
	struct err err = {0};
	json_t *before, *after;

	freeze("global", "*", true, &a);
	UNTIL(a.come);
	store_checkpoint(world.app.store, 1, &c);
	UNTIL(!store_has_queued_checkpoints(world.app.store));
	ck_assert(store_load_all(world.app.store, LOAD(&seen), &err));
	UNTIL(seen.come);
	ck_assert_uint_eq(seen.releases, 1);
	ck_assert_uint_eq(seen.freezes, 1);
	before = field_encode(&release_table, r);
	after = field_encode(&release_table, seen.last);
	ck_assert(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	ck_assert_int_eq(seen.last->row_version, 2);
	ck_assert_str_eq(seen.last->transition, r->transition);
	ck_assert_int_eq(seen.last->last_hash.bytes[31], 7);
	ck_assert(seen.checkpoint != NULL);
	ck_assert_int_eq(seen.checkpoint->observed_ms, 61000);
	seen_clear(&seen);
	ck_assert(
	        store_load_version(world.app.store, "checkout", "1.2.3", NULL, LOAD(&seen), &err));
	UNTIL(seen.come);
	ck_assert_uint_eq(seen.releases, 1);
	seen_clear(&seen);
	release_free(&r);
}
END_TEST

START_TEST(many_releases_are_loaded_page_by_page)
{
	struct seen seen = {0};
	struct err err = {0};
	struct release *r = release_running(1, "s", STEP_BAKING);

	sql("INSERT INTO headgate.release (id, service, environment, version, attempt, state, "
	    "step, stage, "
	    "row_version, exposed, policy_name, policy_hash, created_at, updated_at, transition, "
	    "last_hash, detail) "
	    "SELECT n, 's' || n, 'prod', version, 1, 'planned', step, stage, 1, exposed, "
	    "policy_name, policy_hash, "
	    "created_at, updated_at, gen_random_uuid(), last_hash, "
	    "detail || jsonb_build_object('id', n, 'service', 's' || n) "
	    "FROM headgate.release, generate_series(2, 1000) n");
	ck_assert(store_load_all(world.app.store, LOAD(&seen), &err));
	UNTIL(seen.come);
	ck_assert_uint_eq(seen.releases, 1000);
	seen_clear(&seen);
	release_free(&r);
}
END_TEST

START_TEST(a_poll_shows_what_others_changed_once)
{
	struct release *r = release_running(1, "checkout", STEP_BAKING);
	struct seen seen = {0};
	struct err err = {0};

	ck_assert(store_load_all(world.app.store, LOAD(&seen), &err));
	UNTIL(seen.come);
	seen_clear(&seen);
	ck_assert(store_load_changed(world.app.store, LOAD(&seen), &err));
	UNTIL(seen.come);
	ck_assert_uint_eq(seen.releases, 0); /* our own commits are known */
	seen_clear(&seen);
	sql("UPDATE headgate.release SET row_version = 3, transition = gen_random_uuid(), "
	    "changed_at = clock_timestamp()");
	ck_assert(store_load_changed(world.app.store, LOAD(&seen), &err));
	UNTIL(seen.come);
	ck_assert_uint_eq(seen.releases, 1);
	ck_assert_int_eq(seen.last->row_version, 3);
	seen_clear(&seen);
	ck_assert(store_load_changed(world.app.store, LOAD(&seen), &err));
	UNTIL(seen.come);
	ck_assert_uint_eq(seen.releases, 0);
	seen_clear(&seen);
	release_free(&r);
}
END_TEST

static json_t *listed;
static void on_rows(void *ctx, json_t *rows, const struct err *err)
{
	ck_assert_msg(err == NULL, "%s", err != NULL ? err->text : "");
	*(bool *)ctx = true;
	listed = json_incref(rows);
}

START_TEST(lists_come_newest_first)
{
	struct release *r = release_with_advances();
	static const size_t lengths[STORE_LIST_COUNT] = {3, 1, 4, 3};
	struct err err = {0};
	json_t *evaluation = json_pack("{s:i, s:s, s:s, s:[]}", "number", 3, "at",
	                               "2026-01-02T03:04:05.678Z", "verdict", "pass", "gates");

	store_evaluation(world.app.store, 1, 3, evaluation);
	UNTIL(strcmp(sql("SELECT count(*) FROM headgate.evaluation"), "1") == 0);
	for (int which = 0; which < STORE_LIST_COUNT; which++) {
		bool come = false;

		ck_assert(store_rows(world.app.store, (enum store_list)which, 1, INT64_MAX, 500,
		                     on_rows, &come, &err));
		UNTIL(come);
		ck_assert_uint_eq(json_array_size(listed), lengths[which]);
		if (which == STORE_TIMELINE) {
			json_t *first = json_array_get(listed, 0);

			ck_assert_str_eq(json_string_value(json_object_get(first, "from")),
			                 "running/ready");
			ck_assert_str_eq(json_string_value(json_object_get(first, "to")),
			                 "running/entering");
			ck_assert_str_eq(json_string_value(json_object_get(first, "at")),
			                 "2023-11-14T22:13:20.123Z");
		}
		if (which == STORE_EVALUATIONS)
			ck_assert_str_eq(
			        json_string_value(json_object_get(json_array_get(listed, 0), "at")),
			        "2026-01-02T03:04:05.678Z");
		json_decref(listed);
	}
	release_free(&r);
}
END_TEST

/* --- what a new release has to know --- */

struct slot {
	bool come;
	struct store_slot slot;
	char missing[64], stable[64];
};

static void on_slot(void *ctx, const struct store_slot *slot, const struct err *err)
{
	struct slot *s = ctx;

	ck_assert_msg(err == NULL, "%s", err != NULL ? err->text : "");
	s->come = true;
	s->slot = *slot;
	snprintf(s->missing, sizeof(s->missing), "%s",
	         slot->reentry_missing != NULL ? slot->reentry_missing : "");
	snprintf(s->stable, sizeof(s->stable), "%s",
	         slot->last_stable != NULL ? slot->last_stable : "");
}

static struct slot slot_of(const char *service)
{
	struct slot s = {0};
	struct err err = {0};

	ck_assert(store_prepare_release(world.app.store, service, "prod", "1.2.3", on_slot, &s,
	                                &err));
	UNTIL(s.come);
	return s;
}

START_TEST(a_slot_knows_attempts_activity_stable_version_and_reentry)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct step s;
	struct slot slot = slot_of("checkout");

	ck_assert_int_eq(slot.slot.attempts, 1);
	ck_assert(slot.slot.other_active);
	ck_assert_str_eq(slot.stable, "");
	step_to(&s, r, 2, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	step_to(&s, r, 3, EVENT_ROLLBACK_ACKED, RELEASE_STABILISING, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	step_to(&s, r, 4, EVENT_STABILISED, RELEASE_ROLLED_BACK, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	sql("INSERT INTO headgate.policy VALUES ('abc', 'minor', "
	    "'{\"rollback\": {\"reentry\": [\"incident_note\", \"root_cause\"]}}', 'api', 'ann')");
	slot = slot_of("checkout");
	ck_assert(!slot.slot.other_active);
	ck_assert_str_eq(slot.missing, "incident_note, root_cause");
	ck_assert_str_eq(slot.stable, "1.2.2");
	r->checks = calloc(1, sizeof(*r->checks));
	r->nchecks = 1;
	r->checks[0] = (struct check_state){.name = text_dup("root_cause"), .done = true};
	step_to(&s, r, 5, EVENT_CHECK, RELEASE_ROLLED_BACK, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	slot = slot_of("checkout");
	ck_assert_str_eq(slot.missing, "incident_note");
	ck_assert_int_gt(slot_of("other").slot.next_id, slot.slot.next_id);
	ck_assert_str_eq(slot_of("other").missing, "");
	release_free(&r);
}
END_TEST

/* --- what belongs to no release --- */

static void chain_verifies(const char *chain, size_t expected)
{
	PGconn *conn = PQconnectdb(dsn_admin);
	char text[200];
	struct audit_hash head = {{0}};
	PGresult *r;

	snprintf(text, sizeof(text),
	         "SELECT sequence, record, encode(hash, 'hex') FROM headgate.audit WHERE chain = "
	         "'%s' ORDER BY sequence",
	         chain);
	r = PQexec(conn, text);
	ck_assert_uint_eq((size_t)PQntuples(r), expected);
	for (int i = 0; i < PQntuples(r); i++) {
		size_t n;
		unsigned char *bytes =
		        PQunescapeBytea((const unsigned char *)PQgetvalue(r, i, 1), &n);
		struct audit_hash next;
		char hex[65];
		struct err err;

		ck_assert(audit_chain(&head, (struct str){.p = (const char *)bytes, .n = n}, &next,
		                      &err));
		audit_hash_text(&next, hex);
		ck_assert_str_eq(hex, PQgetvalue(r, i, 2));
		head = next;
		PQfreemem(bytes);
	}
	PQclear(r);
	PQfinish(conn);
}

START_TEST(writes_of_two_instances_share_one_chain_without_gaps)
{
	struct answer a, b;
	char text[400];

	freeze("global", "*", true, &a);
	UNTIL(a.come);
	/* another instance was faster */
	snprintf(text, sizeof(text),
	         "INSERT INTO headgate.audit (chain, sequence, record, hash) "
	         "SELECT 'system', 2, 'x', sha256(hash || 'x'::bytea) FROM headgate.audit WHERE "
	         "chain = 'system'");
	ck_assert_str_eq(sql(text), "1");
	freeze("service", "a", true, &a);
	freeze("service", "b", true, &b);
	UNTIL(a.come && b.come);
	ck_assert_int_eq(a.outcome, STORE_COMMITTED);
	ck_assert_int_eq(b.outcome, STORE_COMMITTED);
	chain_verifies("system", 4);
}
END_TEST

START_TEST(denied_requests_are_chained_and_bounded)
{
	for (int i = 0; i < 100; i++)
		store_denied(world.app.store, "eve", "192.0.2.1", "POST /v1/freeze", 0,
		             "not allowed");
	UNTIL(strcmp(sql("SELECT count(*) FROM headgate.audit"), "60") >= 0);
	UNTIL(strcmp(sql("SELECT max(sequence) FROM headgate.audit"), "60") == 0);
	chain_verifies("denied/one", 60);
}
END_TEST

struct look {
	bool come, mismatch;
	int status;
	char body[64];
};

static void on_look(void *ctx, const struct store_idempotency *found, const struct err *err)
{
	struct look *l = ctx;

	ck_assert_msg(err == NULL, "%s", err != NULL ? err->text : "");
	l->come = true;
	l->mismatch = found->mismatch;
	l->status = found->status;
	snprintf(l->body, sizeof(l->body), "%s", found->body);
}

START_TEST(an_answer_is_kept_under_its_key)
{
	static const struct {
		const char *why, *key, *fingerprint;
		int status;
		bool mismatch;
	} rows[] = {
	        {"the same again", "k", "f", 201, false},
	        {"the same key for another body", "k", "g", 201, true},
	        {"a new key", "other", "f", 0, false},
	        {"errors of ours are never kept", "bad", "f", 0, false},
	};
	struct err err = {0};

	store_idempotency_keep(world.app.store, "ci", "/v1/releases", "k", "f", 201, "{}");
	store_idempotency_keep(world.app.store, "ci", "/v1/releases", "k", "f", 200, "late");
	store_idempotency_keep(world.app.store, "ci", "/v1/releases", "bad", "f", 503, "never");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct look look = {0};

		ck_assert(store_idempotency_look(world.app.store, "ci", "/v1/releases", rows[i].key,
		                                 rows[i].fingerprint, on_look, &look, &err));
		UNTIL(look.come);
		ck_assert_msg(look.status == rows[i].status && look.mismatch == rows[i].mismatch,
		              "%s", rows[i].why);
		ck_assert_str_eq(look.body, rows[i].status != 0 ? "{}" : "");
	}
	sql("UPDATE headgate.idempotency SET created_at = now() - interval '8 days'");
	ck_assert_str_eq(sql_as(dsn_app, "SELECT headgate.idempotency_prune()"), "1");
}
END_TEST

static void put_policy(struct policy *p, const char *origin, struct answer *a)
{
	struct err err = {0};

	*a = (struct answer){0};
	ck_assert(store_put_policy(world.app.store, p, origin, "ann", on_done, a, &err));
	UNTIL(a->come);
}

START_TEST(a_name_points_at_the_newest_policy_and_files_keep_theirs)
{
	static const char text[] = "policy: p\nstages:\n  - stage: go\n    kind: preflight\n"
	                           "    checks: {tests: qa}\n";
	struct problems problems;
	struct policy *p;
	struct seen seen = {0};
	struct answer a;
	struct err err = {0};

	problems_init(&problems);
	p = policy_from_yaml("p.yaml", str_of(text), NULL, &problems);
	ck_assert_msg(p != NULL, "%s", problems.n > 0 ? problems.list[0].text : "");
	problems_fini(&problems);
	put_policy(p, "file", &a);
	ck_assert_int_eq(a.outcome, STORE_COMMITTED);
	put_policy(p, "file", &a); /* every start says it again: no record */
	ck_assert_int_eq(a.outcome, STORE_COMMITTED);
	chain_verifies("system", 1);
	snprintf(p->hash, sizeof(p->hash), "other");
	put_policy(p, "api", &a);
	ck_assert_int_eq(a.outcome, STORE_FAILED);
	ck_assert_int_eq(a.err.code, ERR_CONFLICT);
	put_policy(p, "file", &a);
	chain_verifies("system", 2);
	ck_assert_str_eq(sql("SELECT hash || version FROM headgate.policy_name"), "other2");
	ck_assert(store_load_all(world.app.store, LOAD(&seen), &err));
	UNTIL(seen.come);
	ck_assert_uint_eq(seen.policies, 1); /* what names stand for, though nothing is pinned */
	ck_assert_uint_eq(seen.named, 1);
	policy_free(&p);
}
END_TEST

/* --- trouble --- */

START_TEST(a_schema_that_does_not_fit_is_said)
{
	char newer[24];

	world_end();
	snprintf(newer, sizeof(newer), "version %d", STORE_SCHEMA_VERSION + 10);
	sql("UPDATE headgate.migration SET version = version + 10");
	world_start("one");
	UNTIL(strstr(store_trouble(world.app.store), newer) != NULL);
	ck_assert(!store_is_up(world.app.store));
	world_end();
	sql("ALTER SCHEMA headgate RENAME TO away");
	world_start("one");
	UNTIL(strstr(store_trouble(world.app.store), "run headgate migrate") != NULL);
	sql("ALTER SCHEMA away RENAME TO headgate");
	sql("UPDATE headgate.migration SET version = version - 10");
	UNTIL(world.ups == 1);
}
END_TEST

START_TEST(while_the_database_is_away_nothing_is_accepted)
{
	struct release *r = release_make(1, "checkout");
	struct step s;

	use_database("postgres");
	sql("ALTER DATABASE headgate ALLOW_CONNECTIONS false");
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'headgate'");
	UNTIL(world.downs == 1);
	ck_assert(world.lost == 1 && !store_may_advance(world.app.store));
	step_to(&s, r, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	ck_assert(!step_queue(&s));
	sql("ALTER DATABASE headgate ALLOW_CONNECTIONS true");
	UNTIL(world.ups == 2 && world.gained == 2);
	ck_assert_int_eq(world.epoch, 1); /* its own lease had not lapsed */
	step_to(&s, r, 0, EVENT_NOTE, RELEASE_PLANNED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	release_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *tcase = tcase_create("store");

	tcase_add_checked_fixture(tcase, world_begin, world_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_killed_server_loses_nothing_and_doubles_nothing);
	tcase_add_test(tcase, a_commit_writes_release_transition_audit_and_outbox);
	tcase_add_test(tcase, a_version_that_moved_on_is_a_conflict);
	tcase_add_test(tcase, commits_of_one_turn_travel_in_one_statement);
	tcase_add_test(tcase, one_bad_commit_does_not_take_its_batch_with_it);
	tcase_add_test(tcase, edges_in_the_database_are_those_of_the_table);
	tcase_add_test(tcase, the_daemon_may_not_rewrite_history);
	tcase_add_test(tcase, without_the_lease_an_advance_is_given_up_and_a_rollback_commits);
	tcase_add_test(tcase, nobody_waits_for_a_takeover_under_way);
	tcase_add_test(tcase, the_lease_comes_back_with_a_higher_epoch);
	tcase_add_test(tcase, shutting_down_gives_the_lease_back_after_the_last_commit);
	tcase_add_test(tcase, a_freeze_stops_advances_and_nothing_else);
	tcase_add_test(tcase, a_freeze_waits_for_an_advance_under_way);
	tcase_add_test(tcase, advances_go_in_order_per_destination);
	tcase_add_test(tcase, notifications_go_in_order_until_one_fails);
	tcase_add_test(tcase, a_lapsed_claim_is_claimed_again_under_the_same_id);
	tcase_add_test(
	        tcase,
	        a_rollback_supersedes_pre_empts_and_is_sent_again_after_the_advance_in_flight);
	tcase_add_test(tcase, a_settled_release_sends_nothing_of_its_rollback_any_more);
	tcase_add_test(tcase, a_repeat_that_is_refused_as_stale_ends);
	tcase_add_test(tcase, a_rollback_acknowledged_after_the_advance_lapsed_is_not_sent_again);
	tcase_add_test(tcase, a_rollback_is_sent_again_after_an_advance_that_timed_out);
	tcase_add_loop_test(
	        tcase, a_rollback_is_sent_again_when_an_advance_is_acknowledged_while_it_is_decided,
	        0, (int)(sizeof(meanwhile) / sizeof(meanwhile[0])));
	tcase_add_loop_test(tcase,
	                    a_rollback_is_sent_again_after_an_attempt_that_a_later_one_overtook, 0,
	                    (int)ARRAY_LEN(later));
	tcase_add_test(tcase, what_is_taken_waits_for_its_callback_and_counts_when_it_comes);
	tcase_add_test(tcase, a_callback_may_be_faster_than_the_answer);
	tcase_add_test(tcase, without_a_callback_it_is_sent_again_with_the_same_token);
	tcase_add_test(tcase, a_rollback_that_failed_is_sent_again_and_may_succeed_then);
	tcase_add_test(tcase, a_rollback_is_sent_again_after_the_time_of_an_advance_that_was_taken);
	tcase_add_test(tcase, an_advance_in_flight_has_its_receivers_time_on_top);
	tcase_add_test(tcase, a_rollback_claimed_by_a_dead_instance_is_not_left_lying);
	tcase_add_test(tcase, a_late_answer_leaves_the_claim_of_another_instance_alone);
	tcase_add_test(tcase, a_rollback_acknowledged_to_two_instances_is_still_sent_again);
	tcase_add_test(tcase, an_advance_that_timed_out_late_is_reckoned_with);
	tcase_add_test(tcase, parked_messages_wait_and_give_way_to_new_ones);
	tcase_add_test(tcase, a_commit_lost_before_it_happened_is_answered_and_can_never_happen);
	tcase_add_test(tcase, a_commit_whose_answer_was_lost_is_found);
	tcase_add_test(tcase, a_new_release_lost_on_its_way_is_answered_too);
	tcase_add_test(tcase, what_was_written_is_read_back_whole);
	tcase_add_test(tcase, many_releases_are_loaded_page_by_page);
	tcase_add_test(tcase, a_poll_shows_what_others_changed_once);
	tcase_add_test(tcase, lists_come_newest_first);
	tcase_add_test(tcase, a_slot_knows_attempts_activity_stable_version_and_reentry);
	tcase_add_test(tcase, writes_of_two_instances_share_one_chain_without_gaps);
	tcase_add_test(tcase, denied_requests_are_chained_and_bounded);
	tcase_add_test(tcase, an_answer_is_kept_under_its_key);
	tcase_add_test(tcase, a_name_points_at_the_newest_policy_and_files_keep_theirs);
	tcase_add_test(tcase, a_schema_that_does_not_fit_is_said);
	tcase_add_test(tcase, while_the_database_is_away_nothing_is_accepted);
	suite_add_tcase(suite, tcase);
	return suite_run_in_cluster(suite);
}
