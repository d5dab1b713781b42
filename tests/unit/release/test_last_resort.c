/*
 * last resort: a rollback under odd circumstances: a reason too long, a clock set back, options
 * retried after all of them failed.
 */
#include "../suite.h"
#include "fixture.h"

static struct world w;

static void setup(void)
{
	world_init(&w, MIGRATION_NONE, "1.3.0");
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
}

static void teardown(void)
{
	world_fini(&w);
}

/* Rule R1: a rollback depends on no reason, so it cannot fail for one that is too long. */
START_TEST(a_long_reason_is_cut_and_stops_no_rollback)
{
	char *text = malloc(RELEASE_MAX_REASON + 2);

	memset(text, 'x', RELEASE_MAX_REASON + 1);
	text[RELEASE_MAX_REASON + 1] = '\0';
	done(&w, EVENT_ROLLBACK, ann, text);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLING_BACK);
	ck_assert_uint_eq(strlen(w.r->rollback.reason), RELEASE_MAX_REASON);
	free(text);
}
END_TEST

/* Rule R3: older messages go on being retried, and an answer to them counts after a retry, too. */
START_TEST(after_a_retry_an_older_option_still_counts_when_acknowledged)
{
	done(&w, EVENT_ROLLBACK, ann, "users complain");
	w.f.rollback_pending = 1;
	w.f.rollback_refused = true;
	for (int i = 0; i < 8 && w.r->state == RELEASE_ROLLING_BACK; i++) {
		w.f.rollback_refused = w.r->rollback.option != OPTION_BY_HAND;
		later(&w, 6 * MINUTE);
		(void)due(&w, true);
	}
	ck_assert_int_eq((int)w.r->state, RELEASE_FAILED);
	w.f.rollback_refused = false;
	done(&w, EVENT_RETRY, ann, "once more");
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLING_BACK);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.f.rollback_acked = 1 << OPTION_KILL;
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_ACKED);
	ck_assert_int_eq((int)w.r->state, RELEASE_STABILISING);
}
END_TEST

/* Votes were forgotten at an instant that lies ahead now: what is seen since then counts. */
START_TEST(a_clock_set_back_after_a_resume_disarms_no_rung)
{
	later(&w, HOUR);
	done(&w, EVENT_PAUSE, ann, NULL);
	done(&w, EVENT_RESUME, ann, "nothing to see");
	later(&w, -10 * MINUTE);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ROLLBACK, NULL);
	ck_assert_int_eq((int)due(&w, false), EVENT_RUNG_ROLLBACK);
}
END_TEST

/* Rule K4: a verify stage whose actions change what is exposed is judged by what comes after them.
 */
START_TEST(actions_of_a_verify_stage_begin_an_exposure_too)
{
	put(&w, RELEASE_RUNNING, STEP_ENTERING, STAGE_WATCH);
	later(&w, HOUR);
	ck_assert_int_eq((int)due(&w, true), EVENT_ENTERED);
	ck_assert_int_eq(w.r->exposure_since.ms, w.f.now.ms);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("last_resort");
	TCase *t = tcase_create("last_resort");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_long_reason_is_cut_and_stops_no_rollback);
	tcase_add_test(t, after_a_retry_an_older_option_still_counts_when_acknowledged);
	tcase_add_test(t, a_clock_set_back_after_a_resume_disarms_no_rung);
	tcase_add_test(t, actions_of_a_verify_stage_begin_an_exposure_too);
	suite_add_tcase(s, t);
	return suite_run(s);
}
