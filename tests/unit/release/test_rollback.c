/*
 * rollback: which options are open, how the ladder is climbed, when it is over, and that a decided
 * rollback is never lost (rules R1 to R7).
 */
#include "fixture.h"

#include "../suite.h"
#include "base/str.h"

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

static void begin(enum migration migration, const char *stable_version)
{
	world_fini(&w);
	world_init(&w, migration, stable_version);
	put(&w, RELEASE_RUNNING, STEP_BAKING, STAGE_CANARY);
}

static const struct outcome *roll_back(const char *option, bool restored)
{
	return ask(&w, &(struct event){.kind = EVENT_ROLLBACK,
	                               .by = ann,
	                               .option = option,
	                               .restore_confirmed = restored});
}

static void rolled(const char *option, bool restored)
{
	commit(&w, &(struct event){.kind = EVENT_ROLLBACK,
	                           .by = ann,
	                           .option = option,
	                           .restore_confirmed = restored});
	w.f.rollback_pending = w.out.nmessages;
}

/* --- options ------------------------------------------------------------------------------- */

static const struct {
	const char *why;
	enum migration migration;
	const char *stable;
	const char *named;
	bool restored;
	int64_t option; /* -1: refused */
} choices[] = {
        {"the first", MIGRATION_NONE, "1.3.0", NULL, false, OPTION_KILL},
        {"a named one", MIGRATION_NONE, "1.3.0", "previous_version", false, OPTION_PREVIOUS},
        {"a manual one", MIGRATION_NONE, "1.3.0", "by_hand", false, OPTION_BY_HAND},
        {"reversible is fine", MIGRATION_REVERSIBLE, "1.3.0", "previous_version", false,
         OPTION_PREVIOUS},
        {"irreversible is not", MIGRATION_IRREVERSIBLE, "1.3.0", "previous_version", false, -1},
        {"until the restore", MIGRATION_IRREVERSIBLE, "1.3.0", "previous_version", true,
         OPTION_PREVIOUS},
        {"a first deploy has no version to go back to", MIGRATION_NONE, NULL, "previous_version",
         false, -1},
        {"but a kill switch", MIGRATION_NONE, NULL, NULL, false, OPTION_KILL},
        {"there is none of that name", MIGRATION_NONE, "1.3.0", "nothing", false, -1},
};

START_TEST(a_person_gets_the_option_they_name_or_is_told_why_not)
{
	begin(choices[_i].migration, choices[_i].stable);
	roll_back(choices[_i].named, choices[_i].restored);
	if (choices[_i].option < 0) {
		ck_assert_msg(w.out.refused == REFUSED_STATE || w.out.refused == REFUSED_INVALID,
		              "%s", choices[_i].why);
		ck_assert_str_eq(w.out.pointer, "/option");
		return;
	}
	ck_assert_msg(w.out.next != NULL, "%s: %s", choices[_i].why, w.out.text);
	ck_assert_int_eq(w.out.next->rollback.option, choices[_i].option);
	ck_assert_int_eq(w.out.decision.calls_people, choices[_i].option == OPTION_BY_HAND);
}
END_TEST

START_TEST(a_gates_option_that_is_not_open_is_passed_over)
{
	begin(MIGRATION_IRREVERSIBLE, "1.3.0");
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_ROLLBACK, "previous_version");
	due(&w, true);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLING_BACK);
	ck_assert_int_eq(w.r->rollback.option, OPTION_BY_HAND);
}
END_TEST

static char lead[] = "medical_lead";
static char *leads[] = {lead};

/* The option waits for the role, in this test. */
static struct policy_option *reserve(int option)
{
	struct policy_option *o = &w.bound->rollback.options[option];

	o->roles = leads;
	o->nroles = 1;
	return o;
}

static void release_option(struct policy_option *o)
{
	o->roles = NULL; /* not on the heap */
	o->nroles = 0;
}

START_TEST(an_option_of_a_role_is_for_persons_who_hold_it)
{
	struct policy_option *o = reserve(OPTION_KILL);

	roll_back("kill_switch", false);
	ck_assert_int_eq((int)w.out.refused, REFUSED_DENIED);
	ck_assert_str_eq(w.out.pointer, "/option");
	roll_back(NULL, false); /* rule R1: it rolls back all the same */
	ck_assert_int_eq(w.out.next->rollback.option, OPTION_PREVIOUS);
	ask(&w, &(struct event){
	                .kind = EVENT_ROLLBACK,
	                .by = {.subject = "bot", .roles = (const char *const *)leads, .nroles = 1},
	                .option = "kill_switch"});
	ck_assert_int_eq((int)w.out.refused, REFUSED_DENIED);
	ask(&w, &(struct event){.kind = EVENT_ROLLBACK, .by = mia, .option = "kill_switch"});
	ck_assert_int_eq(w.out.next->rollback.option, OPTION_KILL);
	release_option(o);
}
END_TEST

/* A support lead in a hurry said "back", and only the one template went off that is the lead's to
 * switch. */
START_TEST(back_without_a_name_is_the_way_open_to_everybody_whoever_says_it)
{
	struct policy_option *o = reserve(OPTION_KILL);

	ask(&w, &(struct event){.kind = EVENT_ROLLBACK, .by = mia});
	ck_assert_int_eq(w.out.next->rollback.option, OPTION_PREVIOUS);
	release_option(o);
}
END_TEST

START_TEST(the_ladder_passes_over_options_of_a_role)
{
	struct policy_option *previous = reserve(OPTION_PREVIOUS);
	struct policy_option *by_hand = reserve(OPTION_BY_HAND);

	rolled(NULL, false);
	w.f.rollback_refused = true;
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_EXHAUSTED);
	ck_assert(w.out.decision.calls_people);
	w.f.rollback_refused = false;
	commit(&w,
	       &(struct event){.kind = EVENT_ROLLBACK, .by = mia, .option = "previous_version"});
	w.f.rollback_refused = true;
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_EXHAUSTED);
	commit(&w, &(struct event){.kind = EVENT_RETRY, .by = ann});
	ck_assert_int_eq(w.r->rollback.option, OPTION_PREVIOUS);
	release_option(previous);
	release_option(by_hand);
}
END_TEST

START_TEST(an_option_that_waits_for_the_restore_is_closed_whatever_the_migration)
{
	w.bound->rollback.options[OPTION_PREVIOUS].requires = REQUIRES_RESTORE_CONFIRMED;
	roll_back("previous_version", false);
	ck_assert_int_eq((int)w.out.refused, REFUSED_STATE);
	ck_assert_ptr_nonnull(strstr(w.out.text, "restore_confirmed=true"));
	roll_back("previous_version", true);
	ck_assert_int_eq(w.out.next->rollback.option, OPTION_PREVIOUS);
	ck_assert(w.out.next->rollback.restore_confirmed);
}
END_TEST

/* Freed with the policy. */
static void list_two(const char *a, const char *b, char ***out, size_t *out_n)
{
	*out = calloc(2, sizeof(**out));
	(*out)[0] = text_dup(a);
	(*out)[1] = text_dup(b);
	*out_n = 2;
}

START_TEST(what_dampens_goes_first_and_what_cannot_be_written_is_left_out)
{
	begin(MIGRATION_NONE, NULL);
	list_two("weight_zero", "redeploy", &w.bound->rollback.dampen, &w.bound->rollback.ndampen);
	rolled(NULL, false);
	ck_assert_uint_eq(w.out.nmessages, 2); /* a first deploy has nothing to redeploy */
	ck_assert_int_eq(w.out.messages[0].option, MESSAGE_DAMPENS);
	ck_assert_int_eq(w.out.messages[0].class, MESSAGE_ROLLBACK);
	ck_assert_int_eq(w.out.messages[1].option, OPTION_KILL);
	ck_assert(w.out.decision.calls_people);
	w.f.rollback_refused = true;
	due(&w, true);
	for (size_t i = 0; i < w.out.nmessages; i++)
		ck_assert_int_ge(w.out.messages[i].option, 0);
}
END_TEST

START_TEST(what_dampens_acknowledges_nothing)
{
	list_two("weight_zero", "redeploy", &w.bound->rollback.dampen, &w.bound->rollback.ndampen);
	w.bound->rollback.noptions = 0;
	rolled(NULL, false);
	ck_assert_uint_eq(w.out.nmessages, 2);
	w.f.rollback_pending = 0;
	w.f.dampen_pending = 2;
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_EXHAUSTED);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.bound->rollback.noptions = 3;
}
END_TEST

START_TEST(a_smoke_test_that_cannot_be_written_is_never_passed)
{
	begin(MIGRATION_NONE, NULL);
	list_two("weight_zero", "redeploy", &w.bound->rollback.smoke, &w.bound->rollback.nsmoke);
	rolled(NULL, false);
	w.f.rollback_pending = 0;
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_ACKED);
	ck_assert_uint_eq(w.out.nmessages, 1);
	ck_assert_int_eq(w.out.messages[0].option, MESSAGE_SMOKE);
	ck_assert_int_eq(w.r->rollback.smoke_unwritten, 1);
	ck_assert_int_eq(w.r->rollback.smoke_version, w.r->row_version);
	ck_assert(w.out.decision.calls_people);
	w.f.smoke_pending = 0;
	bake(&w);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	later(&w, HOUR);
	look(&w);
	ck_assert_int_eq((int)due(&w, true), EVENT_STABILISE_BLIND);
}
END_TEST

START_TEST(green_gates_do_not_stand_in_for_a_smoke_test)
{
	list_two("weight_zero", "redeploy", &w.bound->rollback.smoke, &w.bound->rollback.nsmoke);
	rolled(NULL, false);
	w.f.rollback_pending = 0;
	due(&w, true);
	w.f.smoke_pending = 1;
	bake(&w);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.f.smoke_failing = w.f.smoke_refused = true;
	ck_assert_int_eq((int)due(&w, true), EVENT_SMOKE_FAILING);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.f.smoke_pending = 0;
	ck_assert_int_eq((int)due(&w, true), EVENT_SMOKE_PASSED);
	bake(&w);
	ck_assert_int_eq((int)due(&w, true), EVENT_STABILISED);
}
END_TEST

START_TEST(without_any_option_it_rolls_back_into_peoples_hands)
{
	size_t n = w.bound->rollback.noptions;

	w.bound->rollback.noptions = 0;
	rolled(NULL, false);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLING_BACK);
	ck_assert_int_eq(w.r->rollback.option, -1);
	ck_assert(w.out.decision.calls_people);
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_EXHAUSTED);
	ck_assert_int_eq((int)w.r->state, RELEASE_FAILED);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.bound->rollback.noptions = n;
	rolled(NULL, false);
	ck_assert_int_eq(w.r->rollback.option, OPTION_KILL);
}
END_TEST

/* --- the ladder ---------------------------------------------------------------------------- */

START_TEST(unacknowledged_it_is_flagged_after_a_minute_and_goes_on_after_the_deadline)
{
	rolled(NULL, false);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	later(&w, 59999);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	later(&w, 1);
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_UNCONFIRMED);
	ck_assert(w.r->rollback.unconfirmed);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	later(&w, 4 * MINUTE);
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_NEXT);
	ck_assert_int_eq(w.r->rollback.option, OPTION_PREVIOUS);
	ck_assert_int_eq(w.r->rollback.version, w.r->row_version);
	ck_assert(w.r->rollback.unconfirmed);
	ck_assert_int_eq(w.r->rollback.tried, 3);
	ck_assert_int_eq(w.r->rollback.passed_over, 1);
}
END_TEST

START_TEST(a_refusal_takes_the_next_option_at_once)
{
	rolled(NULL, false);
	w.f.rollback_refused = true;
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_NEXT);
}
END_TEST

START_TEST(when_none_is_left_it_failed_and_a_late_word_still_counts)
{
	rolled("by_hand", false);
	later(&w, 6 * MINUTE);
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_EXHAUSTED);
	ck_assert_int_eq((int)w.r->state, RELEASE_FAILED);
	done(&w, EVENT_ACK, ann, NULL);
	ck_assert_int_eq((int)w.out.decision.event, EVENT_ACK_MANUAL);
	ck_assert_int_eq((int)w.r->state, RELEASE_STABILISING);
}
END_TEST

START_TEST(a_manual_option_is_never_acknowledged_by_itself)
{
	rolled("by_hand", false);
	w.f.rollback_pending = 0;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

START_TEST(acknowledged_it_stabilises_from_zero)
{
	rolled(NULL, false);
	w.c.observed_ms = HOUR;
	w.f.rollback_pending = 0;
	later(&w, 5 * SECOND);
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_ACKED);
	ck_assert_int_eq((int)w.r->state, RELEASE_STABILISING);
	ck_assert_int_eq(w.c.observed_ms, 0);
	ck_assert_int_eq(w.r->rollback.stabilising_since.ms, w.f.now.ms);
	ck_assert_int_eq(w.r->exposure_since.ms, w.f.now.ms);
}
END_TEST

START_TEST(an_option_passed_over_counts_when_acknowledged_late)
{
	rolled(NULL, false);
	later(&w, 5 * MINUTE);
	while (w.r->rollback.option == OPTION_KILL)
		due(&w, true);
	w.f.rollback_pending = 1;
	w.f.rollback_acked = 1 << OPTION_KILL;
	ck_assert_int_eq((int)due(&w, true), EVENT_ROLLBACK_ACKED);
}
END_TEST

START_TEST(an_option_a_person_left_behind_does_not)
{
	rolled(NULL, false);
	rolled("previous_version", false);
	ck_assert_int_eq((int)w.out.decision.event, EVENT_ROLLBACK_JUMP);
	w.f.rollback_acked = 1 << OPTION_KILL;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

/* --- repeats ------------------------------------------------------------------------------- */

START_TEST(a_repeat_changes_nothing_and_an_earlier_option_is_refused)
{
	char *transition = NULL;

	rolled("previous_version", false);
	transition = text_dup(w.r->rollback.transition);
	ck_assert_int_eq((int)roll_back(NULL, false)->refused, REFUSED_REPEAT);
	ck_assert_int_eq((int)roll_back("previous_version", false)->refused, REFUSED_REPEAT);
	ck_assert_int_eq((int)roll_back("kill_switch", false)->refused, REFUSED_STATE);
	ck_assert_int_eq((int)roll_back("nothing", false)->refused, REFUSED_INVALID);
	ck_assert_str_eq(w.r->rollback.transition, transition);
	free(transition);
}
END_TEST

START_TEST(a_note_adds_the_reason_that_was_missing)
{
	rolled(NULL, false);
	ck_assert_str_eq(w.r->rollback.reason, "");
	done(&w, EVENT_NOTE, ann, "users complain");
	ck_assert_str_eq(w.r->rollback.reason, "users complain");
	done(&w, EVENT_NOTE, ann, "and it rains");
	ck_assert_str_eq(w.r->rollback.reason, "users complain");
}
END_TEST

/* --- stabilising --------------------------------------------------------------------------- */

static void stabilising(void)
{
	rolled(NULL, false);
	w.f.rollback_pending = 0;
	due(&w, true);
	later(&w, MINUTE);
	bake(&w);
}

START_TEST(green_for_long_enough_is_the_end)
{
	stabilising();
	w.c.observed_ms = 10 * MINUTE - 1;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.c.observed_ms = 10 * MINUTE;
	ck_assert_int_eq((int)due(&w, true), EVENT_STABILISED);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLED_BACK);
	ck_assert(w.out.decision.needs_lease);
}
END_TEST

START_TEST(green_time_needs_a_fresh_pass_of_this_place)
{
	stabilising();
	later(&w, 2 * EVERY + 1);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	look(&w)[GATE_ERRORS].result = GATE_NO_DATA;
	w.e->all_pass = false;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	look(&w);
	w.r->rollback.stabilising_since.ms = w.f.now.ms + 1;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

START_TEST(the_deadline_with_breaches_takes_the_next_option)
{
	stabilising();
	later(&w, HOUR);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_HOLD, NULL);
	ck_assert_int_eq((int)due(&w, true), EVENT_STABILISE_NEXT);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLING_BACK);
	ck_assert_int_eq(w.r->rollback.option, OPTION_PREVIOUS);
	ck_assert_int_eq(w.r->rollback.passed_over, 0);
	ck_assert(!w.r->rollback.acknowledged);
}
END_TEST

START_TEST(the_deadline_without_evidence_calls_people_once_and_redeploys_nothing)
{
	stabilising();
	later(&w, HOUR);
	look_bad(&w, GATE_ERRORS, GATE_NO_DATA, VERDICT_HOLD, NULL);
	ck_assert_int_eq((int)due(&w, true), EVENT_STABILISE_BLIND);
	ck_assert(w.out.decision.calls_people);
	ck_assert_uint_eq(w.out.nmessages, 0);
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
	w.f.evaluation = NULL;
	ck_assert_int_eq((int)due(&w, false), EVENT_COUNT);
}
END_TEST

START_TEST(without_gates_to_watch_there_is_nothing_to_wait_for)
{
	stabilising();
	w.f.evaluation = NULL;
	w.bound->rollback.nstabilise_gates = 0;
	ck_assert_int_eq((int)due(&w, false), EVENT_STABILISED);
	w.bound->rollback.nstabilise_gates = 1;
}
END_TEST

START_TEST(after_a_takeover_it_is_not_stable_before_it_was_read_back)
{
	stabilising();
	w.f.evaluation = NULL;
	w.bound->rollback.nstabilise_gates = 0;
	w.f.drift_known = false;
	ck_assert_int_ne((int)due(&w, false), EVENT_STABILISED);
	w.f.drift_known = true;
	w.bound->rollback.nstabilise_gates = 1;
}
END_TEST

/* --- where it is not possible -------------------------------------------------------------- */

START_TEST(not_exposed_both_ways_out_are_cancelled)
{
	put(&w, RELEASE_RUNNING, STEP_READY, STAGE_GO);
	roll_back(NULL, false);
	ck_assert_int_eq((int)w.out.next->state, RELEASE_CANCELLED);
	ck_assert_uint_eq(w.out.nmessages, 0);
	verb(&w, EVENT_CANCEL, ann, "no");
	ck_assert_int_eq((int)w.out.next->state, RELEASE_CANCELLED);
	put(&w, RELEASE_RUNNING, STEP_READY, STAGE_CANARY);
	verb(&w, EVENT_CANCEL, ann, "no");
	ck_assert(strstr(w.out.text, "use rollback") != NULL);
}
END_TEST

START_TEST(a_completed_release_rolls_back_within_its_window)
{
	put(&w, RELEASE_COMPLETED, STEP_NONE, STAGE_WATCH);
	later(&w, 24 * (int64_t)HOUR - 1);
	ck_assert(roll_back(NULL, false)->next != NULL);
	w.f.newer_active = true;
	ck_assert_int_eq((int)roll_back(NULL, false)->refused, REFUSED_STATE);
	w.f.newer_active = false;
	later(&w, 1);
	ck_assert_int_eq((int)roll_back(NULL, false)->refused, REFUSED_STATE);
}
END_TEST

START_TEST(resolve_needs_the_live_version)
{
	put(&w, RELEASE_FAILED, STEP_NONE, STAGE_CANARY);
	verb(&w, EVENT_RESOLVE, ann, "fixed by hand");
	ck_assert_str_eq(w.out.pointer, "/live_version");
	commit(&w, &(struct event){.kind = EVENT_RESOLVE,
	                           .by = ann,
	                           .reason = "fixed by hand",
	                           .live_version = "1.3.1"});
	ck_assert_str_eq(w.r->live_version, "1.3.1");
	ck_assert_int_eq((int)verb(&w, EVENT_RESOLVE, ann, "again")->refused, REFUSED_REPEAT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rollback");
	TCase *t = tcase_create("rollback");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_person_gets_the_option_they_name_or_is_told_why_not, 0,
	                    ARRAY_LEN(choices));
	tcase_add_test(t, a_gates_option_that_is_not_open_is_passed_over);
	tcase_add_test(t, an_option_of_a_role_is_for_persons_who_hold_it);
	tcase_add_test(t, back_without_a_name_is_the_way_open_to_everybody_whoever_says_it);
	tcase_add_test(t, the_ladder_passes_over_options_of_a_role);
	tcase_add_test(t, an_option_that_waits_for_the_restore_is_closed_whatever_the_migration);
	tcase_add_test(t, what_dampens_goes_first_and_what_cannot_be_written_is_left_out);
	tcase_add_test(t, what_dampens_acknowledges_nothing);
	tcase_add_test(t, a_smoke_test_that_cannot_be_written_is_never_passed);
	tcase_add_test(t, green_gates_do_not_stand_in_for_a_smoke_test);
	tcase_add_test(t, without_any_option_it_rolls_back_into_peoples_hands);
	tcase_add_test(t,
	               unacknowledged_it_is_flagged_after_a_minute_and_goes_on_after_the_deadline);
	tcase_add_test(t, a_refusal_takes_the_next_option_at_once);
	tcase_add_test(t, when_none_is_left_it_failed_and_a_late_word_still_counts);
	tcase_add_test(t, a_manual_option_is_never_acknowledged_by_itself);
	tcase_add_test(t, acknowledged_it_stabilises_from_zero);
	tcase_add_test(t, an_option_passed_over_counts_when_acknowledged_late);
	tcase_add_test(t, an_option_a_person_left_behind_does_not);
	tcase_add_test(t, a_repeat_changes_nothing_and_an_earlier_option_is_refused);
	tcase_add_test(t, a_note_adds_the_reason_that_was_missing);
	tcase_add_test(t, green_for_long_enough_is_the_end);
	tcase_add_test(t, green_time_needs_a_fresh_pass_of_this_place);
	tcase_add_test(t, the_deadline_with_breaches_takes_the_next_option);
	tcase_add_test(t, the_deadline_without_evidence_calls_people_once_and_redeploys_nothing);
	tcase_add_test(t, without_gates_to_watch_there_is_nothing_to_wait_for);
	tcase_add_test(t, after_a_takeover_it_is_not_stable_before_it_was_read_back);
	tcase_add_test(t, not_exposed_both_ways_out_are_cancelled);
	tcase_add_test(t, a_completed_release_rolls_back_within_its_window);
	tcase_add_test(t, resolve_needs_the_live_version);
	suite_add_tcase(s, t);
	return suite_run(s);
}
