/*
 * calls: when a cause began, what the audit record says, and what an older program left behind
 * (rules A4, A8). The stories calling-*.story tell the rest.
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

static const struct call *call(const char *cause)
{
	for (size_t i = 0; i < w.r->ncalls; i++) {
		if (strcmp(w.r->calls[i].cause, cause) == 0)
			return &w.r->calls[i];
	}
	ck_abort_msg("no call %s", cause);
	return NULL;
}

/* The daemon was down when the stage's maximum passed: the levels count from then. */
START_TEST(an_overdue_stage_is_called_for_since_its_maximum)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	later(&w, 2 * HOUR + 20 * MINUTE);
	ck_assert_int_eq((int)due(&w, true), EVENT_OVERDUE);
	ck_assert_int_eq(call("overdue")->since.ms, T0 + 2 * HOUR);
	ck_assert_int_eq(call("overdue")->called_at.ms, w.f.now.ms);
	ck_assert_int_eq((int)due(&w, true), EVENT_ESCALATE);
	ck_assert_int_eq(call("overdue")->level, 2);
	ck_assert_int_eq((int)due(&w, true), EVENT_COUNT);
	later(&w, 10 * MINUTE);
	ck_assert_int_eq((int)due(&w, true), EVENT_ESCALATE);
	ck_assert_int_eq(call("overdue")->level, 3);
	later(&w, 24 * (int64_t)HOUR);
	ck_assert_int_eq((int)due(&w, true), EVENT_COUNT);
}
END_TEST

/* Nobody is called for the hour that max_hold grants. */
START_TEST(missing_evidence_is_called_for_since_patience_ran_out)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_LATENCY, GATE_NO_DATA, VERDICT_HOLD, NULL);
	w.c.no_proof_rounds = 3;
	w.c.no_proof_since.ms = w.c.gates[GATE_LATENCY].silent_since.ms = T0;
	ck_assert_int_eq((int)due(&w, true), EVENT_NO_EVIDENCE);
	later(&w, HOUR);
	ck_assert_int_eq((int)due(&w, true), EVENT_EVIDENCE_OVERDUE);
	ck_assert_int_eq(call("evidence")->since.ms, T0 + HOUR);
	ck_assert_int_eq((int)due(&w, true), EVENT_COUNT);
}
END_TEST

START_TEST(an_unconfirmed_rollback_is_called_for_since_its_decision)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	done(&w, EVENT_ROLLBACK, ann, "users complain");
	ck_assert_uint_eq(w.r->ncalls, 0);
	w.f.rollback_pending = 1;
	later(&w, 90 * SECOND);
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_UNCONFIRMED);
	ck_assert_int_eq(call("rollback")->since.ms, T0);
}
END_TEST

START_TEST(the_audit_record_says_who_was_called)
{
	const json_t *list = NULL;

	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	ck_assert_int_eq((int)due(&w, true), EVENT_RUNG_PAUSE);
	list = json_object_get(w.out.decision.detail, "calls");
	ck_assert_uint_eq(json_array_size(list), 1);
	list = json_array_get(list, 0);
	ck_assert_str_eq(json_string_value(json_object_get(list, "change")), "opened");
	ck_assert_str_eq(json_string_value(json_object_get(list, "cause")), "errors");
	ck_assert_str_eq(json_string_value(json_object_get(list, "role")), "on_call");
	ck_assert_str_eq(call("errors")->reason, "a gate paused the release: errors: it is bad");
	done(&w, EVENT_NOTE, ann, "I see");
	ck_assert_ptr_null(json_object_get(w.out.decision.detail, "calls"));
}
END_TEST

/* A snapshot of before there were calls. */
START_TEST(an_ask_without_a_call_is_acknowledged_all_the_same)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ASK, NULL);
	ck_assert_int_eq((int)due(&w, true), EVENT_RUNG_ASK);
	free(w.r->calls[0].cause);
	free(w.r->calls[0].reason);
	w.r->ncalls = 0;
	ck_assert(release_legal(w.r, &w.c, w.bound, &w.f) & 1U << EVENT_ACK);
	done(&w, EVENT_ACK, ann, NULL);
	ck_assert(release_hold(w.r, "ask:errors")->acknowledged);
	ck_assert(!(release_legal(w.r, &w.c, w.bound, &w.f) & 1U << EVENT_ACK));
}
END_TEST

START_TEST(nobody_escalates_by_naming_the_event)
{
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	ck_assert_int_eq((int)due(&w, true), EVENT_RUNG_PAUSE);
	ask(&w, &(struct event){.kind = EVENT_ESCALATE, .by = ann, .hold = "errors"});
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	ask(&w, &(struct event){.kind = EVENT_ESCALATE, .by = ann});
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("calls");
	TCase *t = tcase_create("calls");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_overdue_stage_is_called_for_since_its_maximum);
	tcase_add_test(t, missing_evidence_is_called_for_since_patience_ran_out);
	tcase_add_test(t, an_unconfirmed_rollback_is_called_for_since_its_decision);
	tcase_add_test(t, the_audit_record_says_who_was_called);
	tcase_add_test(t, an_ask_without_a_call_is_acknowledged_all_the_same);
	tcase_add_test(t, nobody_escalates_by_naming_the_event);
	suite_add_tcase(s, t);
	return suite_run(s);
}
