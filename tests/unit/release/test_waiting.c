/*
 * waiting: every reason in words, and the verbs that would work now.
 */
#include "../suite.h"
#include "fixture.h"

static struct world w;
static struct waiting list[RELEASE_WAITING_MAX];
static size_t n;

static void setup(void)
{
	world_init(&w, MIGRATION_NONE, "1.3.0");
}

static void teardown(void)
{
	world_fini(&w);
}

static void ask_why(void)
{
	n = release_waiting_for(w.r, &w.c, w.bound, &w.f, list);
}

static const struct waiting *says(const char *sentence)
{
	ask_why();
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].sentence, sentence) == 0)
			return &list[i];
	}
	ck_abort_msg("nothing says \"%s\"; the first of %zu: %s", sentence, n,
	             n > 0 ? list[0].sentence : "");
	return NULL;
}

static unsigned legal(void)
{
	return release_legal(w.r, &w.c, w.bound, &w.f);
}

static unsigned bit(enum release_event event)
{
	return 1U << event;
}

START_TEST(what_reads_differently_or_was_not_heard_of_is_said_once)
{
	put(&w, RELEASE_RUNNING, STEP_READY, STAGE_CANARY);
	bake(&w);
	w.f.drift_known = false;
	says("not heard yet whether what was set still reads as it should");
	ck_assert(legal() & bit(EVENT_PROMOTE)); /* time mends that */
	w.f.drifted_action = "set_weight";
	w.f.drifted_text = "100";
	says("what action set_weight has set reads differently now: 100");
	ck_assert(!(legal() & bit(EVENT_PROMOTE)));
	w.f.drift_known = true;
	ck_assert_int_eq((int)due(&w, true), EVENT_DRIFT);
	says("hold drift:set_weight: 100");
	for (size_t i = 0; i < n; i++)
		ck_assert_ptr_null(strstr(list[i].sentence, "differently"));
}
END_TEST

START_TEST(planned_says_what_the_start_waits_for)
{
	w.r->start.ms = T0 + HOUR;
	ck_assert_int_eq(says("starts at 2026-01-01T01:00:00.000Z")->until.ms, T0 + HOUR);
	w.r->start_manual = true;
	says("waits for start: it is started by hand");
	w.f.pair_free = false;
	says("another release of shop in prod is active");
	w.f.reentry_open = true;
	w.f.reentry_missing = "incident_note";
	says("re-entry after the last rollback is open: incident_note");
	w.f.frozen = true;
	w.f.freeze_reason = "quarter end";
	says("frozen: quarter end");
	commit(&w, &(struct event){.kind = EVENT_PAUSE,
	                           .by = ann,
	                           .reason = "not yet",
	                           .expires = {T0 + MINUTE}});
	ck_assert_int_eq(says("hold person:ann: not yet")->until.ms, T0 + MINUTE);
	ck_assert_int_eq(says("hold person:ann: not yet")->since.ms, T0);
}
END_TEST

START_TEST(entering_counts_acknowledgements)
{
	put(&w, RELEASE_RUNNING, STEP_ENTERING, STAGE_CANARY);
	w.f.enter_pending = 2;
	says("waits for 2 acknowledgements of set_weight");
	w.f.enter_pending = 1;
	says("waits for 1 acknowledgement of set_weight");
	w.f.enter_refused = true;
	w.f.enter_refused_action = "set_weight";
	says("action set_weight was refused: retry or roll back");
}
END_TEST

START_TEST(baking_says_how_far_and_which_gate)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	w.c.fresh_rounds = 1;
	says("no evaluation of this stage yet");
	says("1 of 3 evaluations since this instance took over");
	bake(&w);
	w.c.observed_ms = 3 * MINUTE;
	look_bad(&w, GATE_ERRORS, GATE_NO_DATA, VERDICT_HOLD, NULL);
	w.c.no_proof_since.ms = T0 - 7;
	ck_assert_int_eq(says("baking: 3m of 10m observed green")->until.ms, T0 + 7 * MINUTE);
	ck_assert_int_eq(says("gate errors: it is bad")->since.ms, T0 - 7);
	w.c.gates[GATE_ERRORS].silent_since.ms = T0 - 3;
	ck_assert_int_eq(says("gate errors: it is bad")->since.ms, T0 - 3);
	later(&w, HOUR);
	says("the newest evaluation is too old");
}
END_TEST

/* It stood there, held, and nothing said by what. */
START_TEST(a_stage_in_which_no_gate_counts_says_so)
{
	static const char why[] =
	        "no gate counts now: the optional ones have no data, and nothing else is proof";

	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	bake(&w);
	w.c.observed_ms = 3 * MINUTE;
	for (size_t i = 0; i < GATES; i++) {
		w.e->gates[i].counts = false;
		w.e->gates[i].result = GATE_NO_DATA;
	}
	w.e->all_pass = false;
	w.e->verdict = VERDICT_HOLD;
	w.c.no_proof_since.ms = T0 - 7;
	ck_assert_int_eq(says(why)->since.ms, T0 - 7);
	verb(&w, EVENT_PROMOTE, ann, "it looks good");
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	ck_assert(strstr(w.out.text, why) != NULL);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.c.no_proof_rounds = 3;
	ck_assert_int_eq((int)due(&w, true), EVENT_NO_EVIDENCE);
	ck_assert_str_eq(release_hold(w.r, "evidence")->reason, why);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	later(&w, 30 * MINUTE - 7);
	ck_assert_int_eq((int)due(&w, true), EVENT_EVIDENCE_OVERDUE);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	look(&w);
	ck_assert_int_eq((int)due(&w, true), EVENT_EVIDENCE_BACK);
	w.r->state = RELEASE_STABILISING;
	w.r->step = STEP_NONE;
	look_bad(&w, GATE_ERRORS, GATE_NO_DATA, VERDICT_HOLD, NULL);
	w.e->gates[GATE_ERRORS].counts = w.e->gates[GATE_LATENCY].counts = false;
	says(why);
}
END_TEST

START_TEST(ready_says_who_is_missing)
{
	put(&w, RELEASE_RUNNING, STEP_READY, STAGE_FULL);
	bake(&w);
	says("check smoke (owner qa) is open");
	says("approval release_manager: 0 of 2");
	says("approval medical_lead: 0 of 1");
	says("waits for promote: the stage is left by hand");
	w.c.passes = 2;
	says("2 of 3 passing evaluations");
}
END_TEST

START_TEST(paused_says_what_holds_it)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_LATENCY, GATE_BREACH, VERDICT_PAUSE, NULL);
	due(&w, true);
	says("hold latency: it is bad");
	says("gate latency: it is bad");
	ck_assert(!(legal() & bit(EVENT_RESUME)));
	look(&w);
	ck_assert(legal() & bit(EVENT_RESUME));
}
END_TEST

START_TEST(the_way_back_says_how_far_it_has_come)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	done(&w, EVENT_ROLLBACK, ann, NULL);
	w.f.rollback_pending = 1;
	ck_assert_int_eq(
	        says("waits for 1 acknowledgement of rollback option kill_switch")->until.ms,
	        T0 + 5 * MINUTE);
	says("the rollback has no reason yet: add it with a note");
	later(&w, MINUTE);
	due(&w, true);
	says("waits for 1 acknowledgement of rollback option kill_switch: unconfirmed");
	commit(&w, &(struct event){.kind = EVENT_ROLLBACK, .by = ann, .option = "by_hand"});
	says("waits for a person to carry out rollback option by_hand and ack");
	done(&w, EVENT_ACK, ann, NULL);
	says("stabilising: 0s of 10m observed green");
	w.r->rollback.stabilise_called = true;
	says("the deadline passed without evidence: a person must look, and may resolve");
	w.r->state = RELEASE_FAILED;
	says("the rollback failed: a person must retry, choose another option, ack or resolve");
	w.r->rollback.option = -1;
	w.r->state = RELEASE_ROLLING_BACK;
	says("no rollback option is available");
}
END_TEST

START_TEST(the_end_waits_for_nothing)
{
	static const enum release_state ends[] = {RELEASE_COMPLETED, RELEASE_ROLLED_BACK,
	                                          RELEASE_RESOLVED, RELEASE_CANCELLED};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		put(&w, ends[i], STEP_NONE, STAGE_WATCH);
		ask_why();
		ck_assert_uint_eq(n, 0);
	}
}
END_TEST

/* More reasons than fit: the list ends, and says nothing wrong. */
START_TEST(a_long_list_is_cut)
{
	struct event e = {.kind = EVENT_PAUSE};

	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	for (int i = 0; i < 30; i++) {
		char name[300];

		memset(name, 'x', sizeof(name));
		(void)snprintf(name + 280, 20, "%d", i);
		e.by = (struct actor){.subject = name, .person = name};
		commit(&w, &e);
	}
	ask_why();
	ck_assert_uint_eq(n, RELEASE_WAITING_MAX);
}
END_TEST

static const struct {
	enum release_state state;
	enum stage_step step;
	int64_t stage;
	unsigned legal;
} verbs[] = {
        {RELEASE_PLANNED, STEP_NONE, STAGE_GO,
         1U << EVENT_START | 1U << EVENT_PAUSE | 1U << EVENT_WAIVE | 1U << EVENT_ROLLBACK |
                 1U << EVENT_CANCEL | 1U << EVENT_APPROVE | 1U << EVENT_REJECT | 1U << EVENT_CHECK |
                 1U << EVENT_NOTE},
        {RELEASE_RUNNING, STEP_READY, STAGE_GO,
         1U << EVENT_PAUSE | 1U << EVENT_WAIVE | 1U << EVENT_ROLLBACK | 1U << EVENT_CANCEL |
                 1U << EVENT_APPROVE | 1U << EVENT_REJECT | 1U << EVENT_CHECK | 1U << EVENT_NOTE},
        {RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY,
         1U << EVENT_PAUSE | 1U << EVENT_WAIVE | 1U << EVENT_ROLLBACK | 1U << EVENT_APPROVE |
                 1U << EVENT_REJECT | 1U << EVENT_CHECK | 1U << EVENT_NOTE},
        {RELEASE_ROLLING_BACK, STEP_NONE, STAGE_CANARY,
         1U << EVENT_ROLLBACK | 1U << EVENT_CHECK | 1U << EVENT_NOTE | 1U << EVENT_INCIDENT_RECORD},
        {RELEASE_STABILISING, STEP_NONE, STAGE_CANARY,
         1U << EVENT_ROLLBACK | 1U << EVENT_CHECK | 1U << EVENT_RESOLVE | 1U << EVENT_NOTE |
                 1U << EVENT_INCIDENT_RECORD},
        {RELEASE_FAILED, STEP_NONE, STAGE_CANARY,
         1U << EVENT_ROLLBACK | 1U << EVENT_CHECK | 1U << EVENT_RETRY | 1U << EVENT_RESOLVE |
                 1U << EVENT_NOTE | 1U << EVENT_INCIDENT_RECORD},
        {RELEASE_COMPLETED, STEP_NONE, STAGE_WATCH, 1U << EVENT_ROLLBACK | 1U << EVENT_NOTE},
        {RELEASE_ROLLED_BACK, STEP_NONE, STAGE_CANARY,
         1U << EVENT_CHECK | 1U << EVENT_NOTE | 1U << EVENT_INCIDENT_RECORD},
        {RELEASE_CANCELLED, STEP_NONE, STAGE_GO, 1U << EVENT_NOTE},
};

START_TEST(the_verbs_that_would_work_now_are_listed)
{
	put(&w, verbs[_i].state, verbs[_i].step, verbs[_i].stage);
	for (int verb = 0; verb < EVENT_OPERATOR_COUNT; verb++)
		ck_assert_msg((legal() >> verb & 1) == (verbs[_i].legal >> verb & 1), "%s in %s/%s",
		              release_event_names[verb], release_state_names[verbs[_i].state],
		              stage_step_names[verbs[_i].step]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("waiting");
	TCase *t = tcase_create("waiting");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_reads_differently_or_was_not_heard_of_is_said_once);
	tcase_add_test(t, planned_says_what_the_start_waits_for);
	tcase_add_test(t, entering_counts_acknowledgements);
	tcase_add_test(t, baking_says_how_far_and_which_gate);
	tcase_add_test(t, a_stage_in_which_no_gate_counts_says_so);
	tcase_add_test(t, ready_says_who_is_missing);
	tcase_add_test(t, paused_says_what_holds_it);
	tcase_add_test(t, the_way_back_says_how_far_it_has_come);
	tcase_add_test(t, the_end_waits_for_nothing);
	tcase_add_test(t, a_long_list_is_cut);
	tcase_add_loop_test(t, the_verbs_that_would_work_now_are_listed, 0, ARRAY_LEN(verbs));
	suite_add_tcase(s, t);
	return suite_run(s);
}
