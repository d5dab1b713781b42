/*
 * step: rule V1 thing by thing, rollback from everywhere, the order of what is due, and what a
 * decision says.
 */
#include "../suite.h"
#include "fixture.h"

static struct world w;

static void setup(void)
{
	world_init(&w, MIGRATION_NONE, "1.3.0");
}

static void teardown(void)
{
	world_fini(&w);
}

static const struct {
	enum release_state state;
	enum stage_step step;
} exposed[] = {
        {RELEASE_RUNNING, STEP_ENTERING},
        {RELEASE_RUNNING, STEP_BAKING},
        {RELEASE_RUNNING, STEP_READY},
        {RELEASE_PAUSED, STEP_NONE},
};

/* --- rollback ------------------------------------------------------------------------------ */

START_TEST(a_person_rolls_back_from_every_exposed_place_in_one_step)
{
	put(&w, exposed[_i].state, exposed[_i].step, STAGE_CANARY);
	w.f.frozen = true;
	w.f.pair_free = false;
	w.f.evaluation = NULL;
	done(&w, EVENT_ROLLBACK, ann, NULL);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLING_BACK);
	ck_assert_int_eq(w.r->rollback.option, OPTION_KILL);
	ck_assert(w.out.decision.supersedes && !w.out.decision.needs_lease &&
	          !w.out.decision.needs_thaw);
	ck_assert_uint_eq(w.out.nmessages, 1);
	ck_assert_str_eq(w.out.messages[0].action, "weight_zero");
	ck_assert_int_eq((int)w.out.messages[0].class, MESSAGE_ROLLBACK);
	ck_assert_str_eq(w.r->rollback.transition, w.r->transition);
}
END_TEST

START_TEST(a_fired_rung_rolls_back_from_every_exposed_place_in_one_step)
{
	put(&w, exposed[_i].state, exposed[_i].step, STAGE_CANARY);
	w.f.frozen = true;
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ROLLBACK, "previous_version");
	ck_assert_int_eq((int)due(&w, true), EVENT_RUNG_ROLLBACK);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLING_BACK);
	ck_assert_int_eq(w.r->rollback.option, OPTION_PREVIOUS);
	ck_assert(w.out.decision.calls_people && !w.out.decision.needs_lease);
	ck_assert_str_eq(w.r->rollback.subject, "headgate");
}
END_TEST

START_TEST(no_rung_acts_outside_running_and_paused)
{
	static const enum release_state quiet[] = {
	        RELEASE_PLANNED,   RELEASE_ROLLING_BACK, RELEASE_STABILISING, RELEASE_FAILED,
	        RELEASE_COMPLETED, RELEASE_ROLLED_BACK,  RELEASE_RESOLVED,    RELEASE_CANCELLED};

	w.r->start_manual = true;
	put(&w, quiet[_i], STEP_NONE, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ROLLBACK, NULL);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

START_TEST(rollback_comes_before_pause_and_pause_before_all_else)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	bake(&w);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ROLLBACK, NULL);
	w.e->gates[GATE_LATENCY].result = GATE_BREACH;
	w.e->gates[GATE_LATENCY].verdict = VERDICT_PAUSE;
	w.c.no_proof_rounds = 9;
	later(&w, 3 * HOUR);
	ck_assert_int_eq((int)due(&w, false), EVENT_RUNG_ROLLBACK);
	w.e->gates[GATE_ERRORS].verdict = VERDICT_ASK;
	ck_assert_int_eq((int)due(&w, false), EVENT_RUNG_PAUSE);
	w.e->gates[GATE_LATENCY].verdict = VERDICT_HOLD;
	ck_assert_int_eq((int)due(&w, false), EVENT_RUNG_ASK);
}
END_TEST

START_TEST(two_rollbacks_at_once_take_the_earlier_option)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ROLLBACK, "by_hand");
	w.e->gates[GATE_LATENCY] = w.e->gates[GATE_ERRORS];
	w.e->gates[GATE_LATENCY].option = "previous_version";
	due(&w, true);
	ck_assert_int_eq(w.r->rollback.option, OPTION_PREVIOUS);
}
END_TEST

START_TEST(a_waiver_silences_the_rung_at_once)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ROLLBACK, NULL);
	commit(&w, &(struct event){.kind = EVENT_WAIVE,
	                           .by = rita,
	                           .gate = "errors",
	                           .reason = "the counter is broken"});
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

/* --- rule V1 ------------------------------------------------------------------------------- */

static void canary_is_done(void)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	bake(&w);
}

START_TEST(when_everything_stands_the_stage_is_left)
{
	canary_is_done();
	ck_assert_int_eq((int)due(&w, true), EVENT_ADVANCE);
	ck_assert_int_eq((int)w.r->state, RELEASE_RUNNING);
	ck_assert_int_eq((int)w.r->step, STEP_ENTERING);
	ck_assert_int_eq(w.r->stage, STAGE_FULL);
	ck_assert(w.out.decision.needs_lease && w.out.decision.needs_thaw &&
	          w.out.decision.resets_checkpoint);
	ck_assert_int_eq(w.r->entry_version, w.r->row_version);
	ck_assert_uint_eq(w.out.nmessages, 1);
	ck_assert_str_eq(w.out.messages[0].path, "/weights/shop");
	ck_assert_int_eq(json_integer_value(json_object_get(w.out.messages[0].body, "weight")),
	                 100);
	ck_assert_int_eq(w.c.observed_ms, 0);
	ck_assert(json_object_get(w.out.decision.detail, "evaluation") != NULL);
}
END_TEST

static void without_bake(void)
{
	w.c.observed_ms = 10 * MINUTE - 1;
}
static void without_passes(void)
{
	w.c.passes = 2;
}
static void without_evaluation(void)
{
	w.f.evaluation = NULL;
}
static void with_old_evaluation(void)
{
	later(&w, 2 * EVERY + 1);
}
static void with_evaluation_of_another_stage(void)
{
	w.e->stage = STAGE_GO;
}
static void with_breach(void)
{
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_HOLD, NULL);
}
static void with_no_data(void)
{
	look_bad(&w, GATE_ERRORS, GATE_NO_DATA, VERDICT_HOLD, NULL);
}
static void with_stale(void)
{
	look_bad(&w, GATE_ERRORS, GATE_STALE, VERDICT_HOLD, NULL);
}
static void with_error(void)
{
	look_bad(&w, GATE_ERRORS, GATE_ERROR, VERDICT_HOLD, NULL);
}
static void with_insufficient(void)
{
	look_bad(&w, GATE_ERRORS, GATE_INSUFFICIENT, VERDICT_HOLD, NULL);
}
static void with_warming(void)
{
	look_bad(&w, GATE_ERRORS, GATE_WARMING, VERDICT_HOLD, NULL);
}
static void after_takeover(void)
{
	w.c.fresh_rounds = 2;
}
static void with_checkpoint_of_another_stage(void)
{
	w.c.stage = STAGE_GO;
}
static void with_checkpoint_from_before_the_bake_restarted(void)
{
	w.r->bake_version = w.r->row_version + 1;
}
static void while_frozen(void)
{
	w.f.frozen = true;
}
static void while_held(void)
{
	look_bad(&w, GATE_LATENCY, GATE_BREACH, VERDICT_ASK, NULL);
	due(&w, true);
	look(&w);
}
static void before_it_was_read_back(void)
{
	w.f.drift_known = false;
}
static void with_a_drift_that_is_no_hold_yet(void)
{
	w.f.drifted_action = "set_weight";
}
static void without_checkpoint_time(void)
{
	w.c.row_version = -1;
	w.r->bake_version = 1;
}

static const struct {
	const char *why;
	void (*miss)(void);
} missing[] = {
        {"a bake that is 1 ms short", without_bake},
        {"two passes of three", without_passes},
        {"no evaluation", without_evaluation},
        {"an evaluation older than two intervals", with_old_evaluation},
        {"an evaluation of another stage", with_evaluation_of_another_stage},
        {"a breach that has not fired", with_breach},
        {"no data", with_no_data},
        {"stale data", with_stale},
        {"an error", with_error},
        {"too few events", with_insufficient},
        {"a window that is not covered", with_warming},
        {"two rounds since the takeover", after_takeover},
        {"a checkpoint of another stage", with_checkpoint_of_another_stage},
        {"a checkpoint from before the bake restarted",
         with_checkpoint_from_before_the_bake_restarted},
        {"a checkpoint that does not say when it was taken", without_checkpoint_time},
        {"a freeze", while_frozen},
        {"a hold", while_held},
        {"whether what was set still reads as it should", before_it_was_read_back},
        {"what was set reads differently", with_a_drift_that_is_no_hold_yet},
};

START_TEST(a_stage_is_not_left_while_one_thing_is_missing)
{
	enum release_event event = EVENT_COUNT;

	canary_is_done();
	missing[_i].miss();
	event = due(&w, false);
	ck_assert_msg(event != EVENT_ADVANCE && event != EVENT_FINISH, "%s: %s is due",
	              missing[_i].why, release_event_names[event]);
	ask(&w, &(struct event){.kind = EVENT_ADVANCE, .by = {.subject = "headgate"}});
	ck_assert_msg(w.out.refused == REFUSED_STATE, "%s: an advance is let through",
	              missing[_i].why);
	ck_assert(strlen(w.out.text) > 0);
}
END_TEST

START_TEST(without_a_checkpoint_nothing_advances)
{
	struct event e = {.kind = EVENT_ADVANCE};

	canary_is_done();
	outcome_fini(&w.out);
	release_step(w.r, NULL, w.bound, &e, &w.f, &w.out);
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	ck_assert(!release_due(w.r, NULL, w.bound, &w.f, &e));
}
END_TEST

static void full_is_done(void)
{
	put(&w, RELEASE_RUNNING, STEP_READY, STAGE_FULL);
	bake(&w);
	commit(&w,
	       &(struct event){.kind = EVENT_CHECK, .by = quin, .check = "smoke", .done = true});
	done(&w, EVENT_APPROVE, rita, NULL);
	done(&w, EVENT_APPROVE, rob, NULL);
	commit(&w, &(struct event){.kind = EVENT_APPROVE, .by = mia, .role = "medical_lead"});
}

START_TEST(a_manual_stage_waits_for_its_promote_and_then_goes)
{
	full_is_done();
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	done(&w, EVENT_PROMOTE, ann, "it looks good");
	ck_assert_int_eq((int)due(&w, true), EVENT_ADVANCE_SILENT);
	ck_assert_int_eq(w.r->stage, STAGE_WATCH);
	ck_assert(!w.r->promoted);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

START_TEST(promote_needs_every_approval_and_check)
{
	full_is_done();
	w.r->approvals[1].approved = false;
	verb(&w, EVENT_PROMOTE, ann, "it looks good");
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	ck_assert(strstr(w.out.text, "approval release_manager: 1 of 2") != NULL);
	w.r->approvals[1].approved = true;
	w.r->checks[0].done = false;
	verb(&w, EVENT_PROMOTE, ann, "it looks good");
	ck_assert(strstr(w.out.text, "check smoke (owner qa) is open") != NULL);
}
END_TEST

START_TEST(promote_passes_no_gate)
{
	full_is_done();
	look_bad(&w, GATE_ERRORS, GATE_NO_DATA, VERDICT_HOLD, NULL);
	verb(&w, EVENT_PROMOTE, ann, "it looks good");
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	ck_assert(strstr(w.out.text, "gate errors: it is bad") != NULL);
}
END_TEST

START_TEST(an_approval_for_another_policy_or_artifact_does_not_count)
{
	full_is_done();
	free(w.r->approvals[2].policy_hash);
	w.r->approvals[2].policy_hash = text_dup("other");
	verb(&w, EVENT_PROMOTE, ann, "it looks good");
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
}
END_TEST

START_TEST(the_last_stage_completes)
{
	put(&w, RELEASE_RUNNING, STEP_READY, STAGE_WATCH);
	bake(&w);
	ck_assert_int_eq((int)due(&w, true), EVENT_FINISH);
	ck_assert_int_eq((int)w.r->state, RELEASE_COMPLETED);
	ck_assert_int_eq(w.r->finished_at.ms, w.f.now.ms);
}
END_TEST

START_TEST(a_gates_pause_takes_back_the_go)
{
	full_is_done();
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	w.r->promoted = true;
	ck_assert_int_eq((int)due(&w, true), EVENT_RUNG_PAUSE);
	ck_assert(!w.r->promoted && w.r->paused_by_gate);
	ck_assert_int_eq(w.c.observed_ms, 0);
}
END_TEST

/* --- pause and resume ---------------------------------------------------------------------- */

START_TEST(after_a_resume_the_old_evaluation_fires_no_rung)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	due(&w, true);
	w.e->gates[GATE_ERRORS].result = GATE_PASS;
	w.e->gates[GATE_ERRORS].rung = -1;
	later(&w, SECOND);
	done(&w, EVENT_RESUME, ann, "it is over");
	ck_assert(w.out.decision.clears_votes);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	later(&w, SECOND);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	ck_assert_int_eq((int)due(&w, false), EVENT_RUNG_PAUSE);
}
END_TEST

START_TEST(a_resume_without_evaluation_asks_the_votes)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	due(&w, true);
	w.f.evaluation = NULL;
	w.c.gates[GATE_ERRORS].rungs[1].breached = true;
	verb(&w, EVENT_RESUME, ann, "it is over");
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	w.c.gates[GATE_ERRORS].rungs[1].breached = false;
	done(&w, EVENT_RESUME, ann, "it is over");
}
END_TEST

START_TEST(a_checkpoint_follows_what_others_decided)
{
	put(&w, RELEASE_PAUSED, STEP_NONE, STAGE_CANARY);
	w.c.observed_ms = 5000;
	w.c.gates[0].rungs[0].votes = 7;
	w.c.row_version = w.r->row_version;
	w.r->row_version += 2;
	w.r->votes_version = w.r->row_version;
	checkpoint_follow(&w.c, w.r);
	ck_assert_int_eq(w.c.observed_ms, 5000);
	ck_assert_uint_eq(w.c.gates[0].rungs[0].votes, 0);
	w.r->row_version++;
	w.r->bake_version = w.r->row_version;
	w.c.gates[0].rungs[0].votes = 3;
	checkpoint_follow(&w.c, w.r);
	checkpoint_follow(&w.c, w.r);
	ck_assert_int_eq(w.c.observed_ms, 0);
	ck_assert_uint_eq(w.c.gates[0].rungs[0].votes, 3);
}
END_TEST

/* --- the decision -------------------------------------------------------------------------- */

START_TEST(the_snapshot_asked_about_is_not_touched)
{
	json_t *before = NULL;
	json_t *after = NULL;

	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	before = field_encode(&release_table, w.r);
	for (int event = 0; event < EVENT_COUNT; event++) {
		ask(&w, &(struct event){.kind = (enum release_event)event,
		                        .by = rita,
		                        .reason = "why not",
		                        .gate = "errors",
		                        .check = "smoke",
		                        .stage = "full",
		                        .hold = "x"});
		after = field_encode(&release_table, w.r);
		ck_assert(json_equal(before, after));
		json_decref(after);
		if (w.out.next) {
			ck_assert_int_eq(w.out.next->row_version, w.r->row_version + 1);
			ck_assert_int_eq(w.out.next->updated_at.ms, w.f.now.ms);
			ck_assert(strncmp(w.out.decision.text, w.out.decision.why,
			                  strlen(w.out.decision.why)) == 0);
		}
	}
	json_decref(before);
}
END_TEST

START_TEST(a_decision_names_who_what_and_why)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	done(&w, EVENT_PAUSE, ann, "p95 looks odd");
	ck_assert_str_eq(w.out.decision.text, "paused by a person (ann): p95 looks odd");
	commit(&w, &(struct event){.kind = EVENT_ROLLBACK,
	                           .by = ann,
	                           .option = "previous_version",
	                           .reason = "enough"});
	ck_assert_str_eq(w.out.decision.text,
	                 "rollback decided by a person by previous_version (ann): enough");
	ck_assert_str_eq(json_string_value(json_object_get(w.out.decision.detail, "option")),
	                 "previous_version");
	ck_assert_str_eq(json_string_value(json_object_get(w.out.decision.detail, "policy_hash")),
	                 w.bound->hash);
}
END_TEST

static const struct {
	enum release_event event;
	bool needed;
} reasons[] = {
        {EVENT_RESUME, true},    {EVENT_PROMOTE, true},  {EVENT_WAIVE, true},  {EVENT_CANCEL, true},
        {EVENT_REJECT, true},    {EVENT_RESOLVE, true},  {EVENT_NOTE, true},   {EVENT_PAUSE, false},
        {EVENT_ROLLBACK, false}, {EVENT_APPROVE, false}, {EVENT_START, false}, {EVENT_ACK, false},
        {EVENT_RETRY, false},
};

START_TEST(overrides_but_pause_and_rollback_need_a_reason)
{
	bool missed = false;

	for (int state = 0; state < RELEASE_STATE_COUNT; state++) {
		put(&w, (enum release_state)state,
		    state == RELEASE_RUNNING ? STEP_READY : STEP_NONE,
		    state == RELEASE_PLANNED ? STAGE_GO : STAGE_FULL);
		verb(&w, reasons[_i].event, rita, "  ");
		missed |= w.out.pointer && strcmp(w.out.pointer, "/reason") == 0;
	}
	ck_assert_int_eq(missed, reasons[_i].needed);
}
END_TEST

START_TEST(a_reason_too_long_is_refused)
{
	char *text = malloc(RELEASE_MAX_REASON + 2);

	memset(text, 'x', RELEASE_MAX_REASON + 1);
	text[RELEASE_MAX_REASON + 1] = '\0';
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_PAUSE, ann, text);
	ck_assert_int_eq((int)w.out.refused, REFUSED_INVALID);
	text[RELEASE_MAX_REASON] = '\0';
	done(&w, EVENT_PAUSE, ann, text);
	free(text);
}
END_TEST

START_TEST(a_refusal_says_what_would_be_possible)
{
	put(&w, RELEASE_STABILISING, STEP_NONE, STAGE_CANARY);
	verb(&w, EVENT_PAUSE, ann, NULL);
	ck_assert_str_eq(w.out.text, "pause is not possible while the release is stabilising; "
	                             "possible now: rollback, check, resolve, note, incident");
}
END_TEST

/* Nobody skips the rules by naming the outcome. */
START_TEST(a_refined_event_is_refined_again)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	verb(&w, EVENT_ROLLBACK_UNEXPOSED, ann, "as if nothing were exposed");
	ck_assert(!w.out.next || w.out.next->state == RELEASE_ROLLING_BACK);
	verb(&w, EVENT_FINISH, ann, "done");
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	verb(&w, EVENT_ADVANCE_SILENT, ann, "go");
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
}
END_TEST

/* Whatever is due may be done, and is not due again. */
START_TEST(what_is_due_settles)
{
	for (int state = 0; state < RELEASE_STATE_COUNT; state++) {
		for (int step = 0; step < STAGE_STEP_COUNT; step++) {
			int n = 0;

			if ((state == RELEASE_RUNNING) != (step != STEP_NONE))
				continue;
			teardown();
			setup();
			put(&w, (enum release_state)state, (enum stage_step)step, STAGE_CANARY);
			if (state == RELEASE_PAUSED) {
				w.r->state = RELEASE_RUNNING;
				w.r->step = STEP_BAKING;
				done(&w, EVENT_PAUSE, ann, NULL);
			}
			look_bad(&w, GATE_LATENCY, GATE_NO_DATA, VERDICT_HOLD, NULL);
			w.c.no_proof_rounds = 9;
			w.c.no_proof_since.ms = T0;
			w.c.gates[GATE_LATENCY].silent_since.ms = T0;
			later(&w, 3 * HOUR);
			w.e->at = w.f.now;
			while (due(&w, true) != EVENT_COUNT)
				ck_assert_int_lt(++n, 10);
		}
	}
}
END_TEST

/* One gate had been silent for 50 minutes when it answered and another fell silent: the release was
 * rolled back ten minutes later. */
START_TEST(max_hold_is_of_the_gate_that_is_silent)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	later(&w, HOUR);
	look_bad(&w, GATE_LATENCY, GATE_NO_DATA, VERDICT_HOLD, NULL);
	w.c.no_proof_since.ms = T0;
	w.c.no_proof_rounds = 3;
	ck_assert_int_eq((int)due(&w, true), EVENT_NO_EVIDENCE);
	w.c.gates[GATE_ERRORS].silent_since.ms = T0; /* it is back: not looked at */
	w.c.gates[GATE_LATENCY].silent_since.ms = T0 + 1;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	later(&w, 1);
	ck_assert_int_eq((int)due(&w, false), EVENT_EVIDENCE_OVERDUE);
	w.bound->gates[GATE_LATENCY].after_max_hold = RUNG_ROLLBACK;
	ck_assert_int_eq((int)due(&w, false), EVENT_EVIDENCE_ROLLBACK);
	w.c.gates[GATE_LATENCY].silent_since.ms = 0;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("step");
	TCase *t = tcase_create("step");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_person_rolls_back_from_every_exposed_place_in_one_step, 0,
	                    ARRAY_LEN(exposed));
	tcase_add_loop_test(t, a_fired_rung_rolls_back_from_every_exposed_place_in_one_step, 0,
	                    ARRAY_LEN(exposed));
	tcase_add_loop_test(t, no_rung_acts_outside_running_and_paused, 0, 8);
	tcase_add_test(t, rollback_comes_before_pause_and_pause_before_all_else);
	tcase_add_test(t, two_rollbacks_at_once_take_the_earlier_option);
	tcase_add_test(t, a_waiver_silences_the_rung_at_once);
	tcase_add_test(t, when_everything_stands_the_stage_is_left);
	tcase_add_loop_test(t, a_stage_is_not_left_while_one_thing_is_missing, 0,
	                    ARRAY_LEN(missing));
	tcase_add_test(t, without_a_checkpoint_nothing_advances);
	tcase_add_test(t, a_manual_stage_waits_for_its_promote_and_then_goes);
	tcase_add_test(t, promote_needs_every_approval_and_check);
	tcase_add_test(t, promote_passes_no_gate);
	tcase_add_test(t, an_approval_for_another_policy_or_artifact_does_not_count);
	tcase_add_test(t, the_last_stage_completes);
	tcase_add_test(t, a_gates_pause_takes_back_the_go);
	tcase_add_test(t, after_a_resume_the_old_evaluation_fires_no_rung);
	tcase_add_test(t, a_resume_without_evaluation_asks_the_votes);
	tcase_add_test(t, a_checkpoint_follows_what_others_decided);
	tcase_add_test(t, the_snapshot_asked_about_is_not_touched);
	tcase_add_test(t, a_decision_names_who_what_and_why);
	tcase_add_loop_test(t, overrides_but_pause_and_rollback_need_a_reason, 0,
	                    ARRAY_LEN(reasons));
	tcase_add_test(t, a_reason_too_long_is_refused);
	tcase_add_test(t, a_refusal_says_what_would_be_possible);
	tcase_add_test(t, a_refined_event_is_refined_again);
	tcase_add_test(t, what_is_due_settles);
	tcase_add_test(t, max_hold_is_of_the_gate_that_is_silent);
	suite_add_tcase(s, t);
	return suite_run(s);
}
