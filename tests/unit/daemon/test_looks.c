/* What is read back, and set anew, as the database sees it. */
#include "store_fixture.h"

struct claimed {
	bool come;
	size_t n;
	struct store_message first; /* its texts are gone */
};

static void on_claim(void *ctx, const struct store_message *messages, size_t n,
                     const struct err *err)
{
	struct claimed *c = ctx;

	ck_assert_msg(err == NULL, "%s", err != NULL ? err->text : "");
	c->come = true;
	c->n = n;
	if (n > 0)
		c->first = messages[0];
}

static struct claimed claim(void)
{
	struct claimed c = {0};
	struct err err = {0};

	ck_assert(store_claim(world.app.store, &(struct store_claim){.strangers = 8}, 60000,
	                      on_claim, &c, &err));
	UNTIL(c.come);
	return c;
}

/* `reads`: how the state read; NULL when nobody looked. */
static void ended(const char *id, enum store_delivery how, const char *reads, bool reads_other)
{
	record_ending((struct store_ending){.message_id = id,
	                                    .how = how,
	                                    .status = 200,
	                                    .text = "status 200",
	                                    .read_text = reads,
	                                    .reads_other = reads_other});
}

struct looks {
	bool come;
	size_t n;
	struct store_look first; /* its texts are gone */
	char action[32];
};

static void on_looks(void *ctx, const struct store_look *looks, size_t n, const struct err *err)
{
	struct looks *l = ctx;

	ck_assert_msg(err == NULL, "%s", err != NULL ? err->text : "");
	l->come = true;
	l->n = n;
	if (n == 0)
		return;
	l->first = looks[0];
	snprintf(l->action, sizeof(l->action), "%s", looks[0].action);
}

static struct looks look(void)
{
	struct looks l = {0};
	struct err err = {0};

	ck_assert_str_ne(
	        sql("UPDATE headgate.outbox SET read_at = now() WHERE read_at IS NOT NULL"),
	        "error");
	ck_assert(store_looks(world.app.store, 8, 60000, on_looks, &l, &err));
	UNTIL(l.come);
	return l;
}

static enum err_code looked(const struct looks *l, bool is_equal)
{
	struct answer a = {0};
	struct err err = {0};

	ck_assert(store_looked(world.app.store, l->first.id, "/weight reads", is_equal, on_done, &a,
	                       &err));
	UNTIL(a.come);
	return a.err.code;
}

static enum err_code repair(const struct looks *l)
{
	struct answer a = {0};
	struct err err = {0};

	ck_assert(store_repair(world.app.store, &l->first, "/weight reads 77, not 10", 0, on_done,
	                       &a, &err));
	UNTIL(a.come);
	return a.err.code;
}

struct drifted {
	bool come;
	size_t pending;
	char action[32], text[64];
};

static void on_counted(void *ctx, const struct store_outbox_status *rows, size_t n,
                       const struct err *err)
{
	struct drifted *d = ctx;

	ck_assert(err == NULL);
	d->come = true;
	for (size_t i = 0; i < n; i++) {
		d->pending += rows[i].pending;
		if (rows[i].drifted_action == NULL)
			continue;
		snprintf(d->action, sizeof(d->action), "%s", rows[i].drifted_action);
		snprintf(d->text, sizeof(d->text), "%s", rows[i].drifted_text);
	}
}

static struct drifted drifted(void)
{
	struct drifted d = {0};
	struct err err = {0};
	int64_t id = 1;

	ck_assert(store_outbox(world.app.store, &id, 1, on_counted, &d, &err));
	UNTIL(d.come);
	return d;
}

static json_t *read_of(const char *pointer)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i}", "from", "deployer", "path", "/state",
	                 "pointer", pointer, "equals", 10, "every_ms", 60000);
}

/* One message whose effect is read at the pointer, and its statement. */
static void commit_message(struct release *r, int64_t expected, enum release_event event,
                           enum release_state state, enum stage_step stage_step,
                           enum message_class class, const char *action, const char *pointer)
{
	struct step s;

	step_to(&s, r, expected, event, state, stage_step);
	if (class == MESSAGE_ADVANCE)
		s.decision.needs_lease = s.decision.needs_thaw = true;
	else
		s.decision.supersedes = true;
	step_message(&s, class, action, "deployer");
	s.messages[0].read = read_of(pointer);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	json_decref(s.messages[0].read);
}

static void settle(struct release *r, int64_t expected)
{
	struct step s;

	step_to(&s, r, expected, EVENT_ENTERED, RELEASE_RUNNING, STEP_BAKING);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
}

/* Version 3 has set a weight, which was seen; the release bakes at version 4. */
static struct release *release_read_back(void)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c;

	commit_message(r, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING, MESSAGE_ADVANCE,
	               "set_weight", "/weight");
	c = claim();
	ck_assert_uint_eq(c.n, 1);
	ended(c.first.id, DELIVERY_ACKNOWLEDGED, "/weight reads 10", false);
	settle(r, 3);
	return r;
}

START_TEST(what_is_acknowledged_is_looked_at_once_an_interval_by_one_instance)
{
	struct release *r = release_read_back();
	struct looks l;

	ck_assert_str_eq(
	        sql("SELECT read_at BETWEEN now() + '59 s' AND now() + '61 s' AND read_text"
	            " = '/weight reads 10' AND NOT drifted FROM headgate.outbox"),
	        "t");
	l = look();
	ck_assert_uint_eq(l.n, 1);
	ck_assert_str_eq(l.action, "set_weight");
	ck_assert_int_eq(l.first.release_version, 4);
	ck_assert_str_eq(sql("SELECT read_at > now() + '58 s' FROM headgate.outbox"), "t");
	ck_assert_int_eq(looked(&l, true), ERR_NONE);
	ck_assert_uint_eq(claim().n, 0);
	release_free(&r);
}
END_TEST

START_TEST(an_attempt_whose_effect_reads_otherwise_goes_on_under_a_new_id)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct claimed c;

	commit_message(r, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING, MESSAGE_ADVANCE,
	               "set_weight", "/weight");
	c = claim();
	ck_assert(c.first.repairs == 0 && !c.first.has_drifted && !c.first.is_repeat);
	ended(c.first.id, DELIVERY_RETRY, "/weight reads 0, not 10", true);
	ck_assert_uint_eq(drifted().pending, 1);
	ck_assert_str_eq(drifted().action,
	                 ""); /* never acknowledged: it is late, it has not drifted */
	c = claim();
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(c.first.repairs, 1);
	ended(c.first.id, DELIVERY_RETRY, "cannot be read", false); /* the same message still */
	c = claim();
	ck_assert_int_eq(c.first.repairs, 1);
	ck_assert_uint_eq(look().n, 0);
	release_free(&r);
}
END_TEST

START_TEST(a_drift_is_pending_again_until_it_was_seen_mended)
{
	struct release *r = release_read_back();
	struct looks l = look();
	struct claimed c;

	ck_assert_int_eq(repair(&l), ERR_NONE);
	ck_assert_uint_eq(drifted().pending, 1);
	ck_assert_str_eq(drifted().action, "set_weight");
	ck_assert_str_eq(drifted().text, "/weight reads 77, not 10");
	ck_assert_uint_eq(look().n, 0);
	ck_assert_int_eq(repair(&l), ERR_CONFLICT); /* once is enough */
	c = claim();
	ck_assert_uint_eq(c.n, 1);
	ck_assert(c.first.repairs == 1 && c.first.has_drifted && c.first.attempts == 1);
	ended(c.first.id, DELIVERY_ACKNOWLEDGED, "/weight reads 10", false);
	ck_assert_uint_eq(drifted().pending, 0);
	ck_assert_str_eq(drifted().action, "");
	ck_assert_uint_eq(look().n, 1);
	release_free(&r);
}
END_TEST

/* A smoke test in between has a higher fence: with its old one the repair was stale. */
START_TEST(a_repair_has_a_fence_of_its_own)
{
	struct release *r = release_read_back();
	struct claimed c;
	struct looks l;

	commit_message(r, 4, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE, MESSAGE_ROLLBACK,
	               "weight_zero", "/weight");
	ended(claim().first.id, DELIVERY_ACKNOWLEDGED, "/weight reads 0", false);
	commit_message(r, 5, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE, MESSAGE_ROLLBACK,
	               "another", "/elsewhere");
	l = look();
	ck_assert_str_eq(l.action, "weight_zero");
	ck_assert_int_eq(repair(&l), ERR_CONFLICT); /* it would make the other one stale */
	ended(claim().first.id, DELIVERY_ACKNOWLEDGED, "/elsewhere reads 0", false);
	l = look();
	ck_assert_str_eq(l.action, "weight_zero");
	ck_assert_int_eq(repair(&l), ERR_NONE);
	c = claim();
	ck_assert_int_eq(c.first.row_version, 5);
	ck_assert_str_eq(
	        sql("SELECT max(fence) FILTER (WHERE drifted) > max(fence) FILTER (WHERE NOT"
	            " drifted) FROM headgate.outbox"),
	        "t");
	release_free(&r);
}
END_TEST

START_TEST(a_repair_that_was_refused_is_looked_at_again)
{
	struct release *r = release_read_back();
	struct looks l = look();
	struct claimed c;

	ck_assert_int_eq(repair(&l), ERR_NONE);
	c = claim();
	record_ending((struct store_ending){
	        .message_id = c.first.id, .how = DELIVERY_REFUSED, .retry_ms = -1, .status = 409});
	ck_assert_uint_eq(claim().n, 0);
	ck_assert_str_eq(drifted().action, "set_weight");
	l = look();
	ck_assert_uint_eq(l.n, 1);
	ck_assert(l.first.has_drifted);
	ck_assert_int_eq(repair(&l), ERR_NONE); /* tried anew */
	c = claim();
	ck_assert_int_eq(c.first.repairs, 2);
	record_ending((struct store_ending){
	        .message_id = c.first.id, .how = DELIVERY_REFUSED, .retry_ms = -1, .status = 409});
	l = look();
	ck_assert_int_eq(looked(&l, true), ERR_NONE); /* somebody has mended it by hand */
	ck_assert_str_eq(drifted().action, "");
	ck_assert_uint_eq(drifted().pending, 0);
	release_free(&r);
}
END_TEST

START_TEST(a_release_that_moved_on_is_not_repaired)
{
	struct release *r = release_read_back();
	struct looks l = look();
	struct step s;

	step_to(&s, r, 4, EVENT_NOTE, RELEASE_RUNNING, STEP_BAKING);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_int_eq(repair(&l), ERR_CONFLICT);
	ck_assert_uint_eq(claim().n, 0);
	release_free(&r);
}
END_TEST

START_TEST(a_rollback_ends_the_looks_and_repairs_of_what_it_takes_back)
{
	struct release *r = release_read_back();
	struct looks l = look();
	struct claimed c;

	ck_assert_int_eq(repair(&l), ERR_NONE);
	commit_message(r, 4, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE, MESSAGE_ROLLBACK,
	               "weight_zero", "/weight");
	ck_assert_str_eq(sql("SELECT count(*) FROM headgate.outbox WHERE class = 'advance' AND"
	                     " superseded_by IS NOT NULL"),
	                 "1");
	c = claim();
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(c.first.class, MESSAGE_ROLLBACK);
	ended(c.first.id, DELIVERY_ACKNOWLEDGED, "/weight reads 0", false);
	l = look();
	ck_assert_uint_eq(l.n, 1);
	ck_assert_str_eq(l.action, "weight_zero");
	ck_assert_int_eq(repair(&l), ERR_NONE);
	ck_assert_int_eq(claim().first.class, MESSAGE_ROLLBACK);
	release_free(&r);
}
END_TEST

/* The rollback's statement began before the repair was committed, and did not see it. */
START_TEST(a_repair_that_a_rollback_missed_is_never_sent)
{
	struct release *r = release_read_back();
	struct claimed c;

	commit_message(r, 4, EVENT_ROLLBACK, RELEASE_ROLLING_BACK, STEP_NONE, MESSAGE_ROLLBACK,
	               "weight_zero", "/weight");
	ck_assert_str_ne(
	        sql("UPDATE headgate.outbox SET done_at = NULL, drifted = true, repairs = 1,"
	            " due_at = now() WHERE class = 'advance'"),
	        "error");
	c = claim();
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(c.first.class, MESSAGE_ROLLBACK);
	ck_assert_uint_eq(claim().n, 0);
	ck_assert_str_eq(drifted().action, "");
	ck_assert_uint_eq(look().n, 0); /* and is over at its next turn */
	ck_assert_str_eq(sql("SELECT done_at IS NOT NULL AND NOT drifted AND read_at IS NULL FROM"
	                     " headgate.outbox WHERE class = 'advance'"),
	                 "t");
	release_free(&r);
}
END_TEST

/* So may the next stage's. */
START_TEST(a_repair_that_the_next_stage_missed_is_never_sent)
{
	struct release *r = release_read_back();
	struct claimed c;

	commit_message(r, 4, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING, MESSAGE_ADVANCE,
	               "set_more", "/weight");
	ck_assert_str_ne(
	        sql("UPDATE headgate.outbox SET done_at = NULL, drifted = true, repairs = 1,"
	            " due_at = now() WHERE row_version = 3"),
	        "error");
	c = claim();
	ck_assert_uint_eq(c.n, 1);
	ck_assert_int_eq(c.first.row_version, 5);
	ck_assert_uint_eq(claim().n, 0);
	release_free(&r);
}
END_TEST

START_TEST(of_one_place_the_newest_message_is_looked_at)
{
	struct release *r = release_read_back();
	struct looks l;

	commit_message(r, 4, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING, MESSAGE_ADVANCE,
	               "set_more", "/weight");
	ck_assert_uint_eq(look().n, 0); /* it is being changed */
	ended(claim().first.id, DELIVERY_ACKNOWLEDGED, "/weight reads 10", false);
	settle(r, 5);
	l = look();
	ck_assert_uint_eq(l.n, 1);
	ck_assert_str_eq(l.action, "set_more");
	commit_message(r, 6, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING, MESSAGE_ADVANCE,
	               "set_flag", "/flag");
	ended(claim().first.id, DELIVERY_ACKNOWLEDGED, "/flag reads 10", false);
	ck_assert_uint_eq(look().n, 2); /* each place by itself */
	release_free(&r);
}
END_TEST

START_TEST(while_an_entry_is_paused_nothing_is_looked_at)
{
	struct release *r = release_read_back();
	struct step s;

	r->paused_step = STEP_ENTERING;
	step_to(&s, r, 4, EVENT_PAUSE, RELEASE_PAUSED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_uint_eq(look().n, 0);
	ck_assert_str_eq(sql("SELECT read_at > now() FROM headgate.outbox"),
	                 "t"); /* not for ever */
	r->paused_step = STEP_BAKING;
	step_to(&s, r, 5, EVENT_NOTE, RELEASE_PAUSED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_uint_eq(look().n, 1);
	release_free(&r);
}
END_TEST

START_TEST(what_ended_is_not_looked_at_any_more)
{
	struct release *r = release_read_back();
	struct step s;

	step_to(&s, r, 4, EVENT_ADVANCE, RELEASE_COMPLETED, STEP_NONE);
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	ck_assert_uint_eq(look().n, 0);
	ck_assert_str_eq(sql("SELECT read_at IS NULL FROM headgate.outbox"), "t");
	release_free(&r);
}
END_TEST

static bool told_of(const char *id)
{
	struct claimed c = claim();

	ck_assert_uint_eq(c.n, 1);
	ck_assert_str_eq(c.first.id, id);
	return c.first.is_told;
}

START_TEST(a_callback_is_read_back_before_it_counts)
{
	struct release *r = release_running(1, "checkout", STEP_READY);
	struct answer a = {0};
	struct err err = {0};
	struct claimed c;
	struct step s;

	step_to(&s, r, 2, EVENT_ADVANCE, RELEASE_RUNNING, STEP_ENTERING);
	s.decision.needs_lease = s.decision.needs_thaw = true;
	step_message(&s, MESSAGE_ADVANCE, "deploy", "deployer");
	s.messages[0].callback_ms = 60000;
	s.messages[0].read = read_of("/weight");
	ck_assert_int_eq(step_commit(&s), STORE_COMMITTED);
	json_decref(s.messages[0].read);
	c = claim();
	ck_assert(store_called_back(world.app.store, c.first.id, DELIVERY_TAKEN, 0, "done", on_done,
	                            &a, &err));
	UNTIL(a.come);
	/* Its call was faster than the record of the answer that took it. */
	ended(c.first.id, DELIVERY_TAKEN, NULL, false);
	ck_assert_uint_eq(drifted().pending, 1);
	ck_assert(told_of(c.first.id));
	ended(c.first.id, DELIVERY_RETRY, "cannot be read", false);
	ck_assert(told_of(c.first.id)); /* only the reader is away */
	ended(c.first.id, DELIVERY_RETRY, "/weight reads 0, not 10", true);
	ck_assert(!told_of(c.first.id)); /* it was not true: to be sent again */
	release_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("looks");
	TCase *tcase = tcase_create("looks");

	tcase_add_checked_fixture(tcase, world_begin, world_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_is_acknowledged_is_looked_at_once_an_interval_by_one_instance);
	tcase_add_test(tcase, an_attempt_whose_effect_reads_otherwise_goes_on_under_a_new_id);
	tcase_add_test(tcase, a_drift_is_pending_again_until_it_was_seen_mended);
	tcase_add_test(tcase, a_repair_has_a_fence_of_its_own);
	tcase_add_test(tcase, a_repair_that_was_refused_is_looked_at_again);
	tcase_add_test(tcase, a_release_that_moved_on_is_not_repaired);
	tcase_add_test(tcase, a_rollback_ends_the_looks_and_repairs_of_what_it_takes_back);
	tcase_add_test(tcase, a_repair_that_a_rollback_missed_is_never_sent);
	tcase_add_test(tcase, a_repair_that_the_next_stage_missed_is_never_sent);
	tcase_add_test(tcase, of_one_place_the_newest_message_is_looked_at);
	tcase_add_test(tcase, while_an_entry_is_paused_nothing_is_looked_at);
	tcase_add_test(tcase, what_ended_is_not_looked_at_any_more);
	tcase_add_test(tcase, a_callback_is_read_back_before_it_counts);
	suite_add_tcase(suite, tcase);
	return suite_run_in_cluster(suite);
}
