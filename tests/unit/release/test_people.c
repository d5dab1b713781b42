/*
 * people: who may approve, reject, check and waive, about what, and what stays of it (rules A1, A2,
 * P2).
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

static struct event consent(enum release_event kind, struct actor by, const char *stage,
                            const char *role)
{
	return (struct event){
	        .kind = kind, .by = by, .stage = stage, .role = role, .reason = "so be it"};
}

static const struct {
	const char *why;
	const struct actor *by;
	const char *stage, *role;
	enum refusal_kind refused;
} words[] = {
        {"a role that is asked for", &rita, "full", "release_manager", REFUSED_NONE},
        {"the only role held is meant", &rita, "full", NULL, REFUSED_NONE},
        {"the author may not", &dora, "full", "release_manager", REFUSED_DENIED},
        {"a machine without a person may not", &robot, "full", "release_manager", REFUSED_DENIED},
        {"a role that is not held", &rita, "full", "medical_lead", REFUSED_DENIED},
        {"no role at all", &ann, "full", NULL, REFUSED_DENIED},
        {"a role nobody asked for", &quin, "full", "qa", REFUSED_INVALID},
        {"a stage that asks for nothing", &rita, "watch", NULL, REFUSED_STATE},
        {"the present one asks for nothing", &rita, NULL, NULL, REFUSED_STATE},
        {"a stage that is left", &rita, "go", NULL, REFUSED_STATE},
        {"a stage that does not exist", &rita, "moon", NULL, REFUSED_INVALID},
};

START_TEST(approvals_are_given_by_those_who_may)
{
	struct event e = consent(EVENT_APPROVE, *words[_i].by, words[_i].stage, words[_i].role);

	ask(&w, &e);
	ck_assert_msg(w.out.refused == words[_i].refused, "%s: %d %s", words[_i].why,
	              (int)w.out.refused, w.out.text);
}
END_TEST

START_TEST(whoever_posted_it_for_another_author_approves_it_as_little)
{
	struct event e = consent(EVENT_APPROVE, rob, "full", NULL);

	free(w.r->poster);
	w.r->poster = text_dup("rob");
	ask(&w, &e);
	ck_assert_int_eq((int)w.out.refused, REFUSED_DENIED);
}
END_TEST

START_TEST(a_machine_approves_for_the_person_behind_it)
{
	struct actor agent = rita;
	struct event e;

	agent.subject = "ritas-laptop";
	e = consent(EVENT_APPROVE, agent, "full", NULL);
	commit(&w, &e);
	ck_assert_str_eq(w.r->approvals[0].subject, "rita");
	ck_assert_str_eq(json_string_value(json_object_get(w.out.decision.detail, "person")),
	                 "rita");
}
END_TEST

START_TEST(one_person_speaks_once_per_stage)
{
	struct event as_manager = consent(EVENT_APPROVE, mia, "full", "release_manager");
	struct event as_lead = consent(EVENT_APPROVE, mia, "full", "medical_lead");

	commit(&w, &as_manager);
	ck_assert_int_eq((int)ask(&w, &as_manager)->refused, REFUSED_REPEAT);
	ck_assert_int_eq((int)ask(&w, &as_lead)->refused, REFUSED_DENIED);
	ck_assert_uint_eq(w.r->napprovals, 1);
}
END_TEST

START_TEST(an_approval_is_bound_to_policy_and_artifact)
{
	struct event e = consent(EVENT_APPROVE, rita, "full", NULL);

	w.r->artifact = text_dup("sha256:1");
	commit(&w, &e);
	ck_assert_str_eq(w.r->approvals[0].policy_hash, w.bound->hash);
	ck_assert_str_eq(w.r->approvals[0].artifact, "sha256:1");
	ck_assert_str_eq(w.r->approvals[0].stage, "full");
	ck_assert_int_eq(w.r->approvals[0].at.ms, w.f.now.ms);
}
END_TEST

START_TEST(a_rejection_pauses_voids_and_is_cleared_by_its_role_alone)
{
	struct event approve = consent(EVENT_APPROVE, rita, "full", "release_manager");
	struct event reject = consent(EVENT_REJECT, rob, "full", "release_manager");
	struct event other = consent(EVENT_APPROVE, mia, "full", "medical_lead");

	commit(&w, &approve);
	commit(&w, &reject);
	ck_assert_int_eq((int)w.r->state, RELEASE_PAUSED);
	ck_assert_uint_eq(w.r->napprovals, 1);
	ck_assert(!w.r->approvals[0].approved);
	ck_assert_int_eq((int)ask(&w, &reject)->refused, REFUSED_REPEAT);
	commit(&w, &other);
	ck_assert_int_eq((int)w.r->state, RELEASE_PAUSED);
	ck_assert_int_eq((int)verb(&w, EVENT_RESUME, ann, "please")->refused, REFUSED_STATE);
	commit(&w, &approve);
	ck_assert_int_eq((int)w.out.decision.event, EVENT_APPROVE_LAST);
	ck_assert_int_eq((int)w.r->state, RELEASE_RUNNING);
	ck_assert_ptr_null(release_hold(w.r, "rejected:release_manager"));
}
END_TEST

START_TEST(an_approver_clears_a_rejection_even_after_having_approved)
{
	struct event approve = consent(EVENT_APPROVE, rita, "full", "release_manager");
	struct event reject = consent(EVENT_REJECT, rob, "canary", "release_manager");

	/* The rejection is about another stage, the hold is the role's. */
	w.bound->stages[STAGE_CANARY].approvals = w.bound->stages[STAGE_FULL].approvals;
	w.bound->stages[STAGE_CANARY].napprovals = 1;
	commit(&w, &approve);
	commit(&w, &reject);
	commit(&w, &approve);
	ck_assert_int_eq((int)w.r->state, RELEASE_RUNNING);
	w.bound->stages[STAGE_CANARY].approvals = NULL;
	w.bound->stages[STAGE_CANARY].napprovals = 0;
}
END_TEST

static const struct {
	const char *why;
	const struct actor *by;
	const char *check;
	enum refusal_kind refused;
} reports[] = {
        {"its owner reports it", &quin, "smoke", REFUSED_NONE},
        {"a machine of the role, too", &robot, "smoke", REFUSED_NONE},
        {"nobody else", &ann, "smoke", REFUSED_DENIED},
        {"a check of a stage that is left", &quin, "tests", REFUSED_INVALID},
        {"no such check", &quin, "lunch", REFUSED_INVALID},
        {"none named", &quin, NULL, REFUSED_INVALID},
        {"re-entry is for later", &quin, "incident_note", REFUSED_INVALID},
};

START_TEST(checks_are_reported_by_their_owner)
{
	ask(&w, &(struct event){.kind = EVENT_CHECK,
	                        .by = *reports[_i].by,
	                        .check = reports[_i].check,
	                        .done = true});
	ck_assert_msg(w.out.refused == reports[_i].refused, "%s: %s", reports[_i].why, w.out.text);
}
END_TEST

START_TEST(a_check_can_be_opened_again)
{
	struct event e = {.kind = EVENT_CHECK,
	                  .by = quin,
	                  .check = "smoke",
	                  .done = true,
	                  .evidence = "http://ci/1"};

	commit(&w, &e);
	ck_assert_str_eq(w.r->checks[0].owner, "qa");
	ck_assert_int_eq((int)ask(&w, &e)->refused, REFUSED_REPEAT);
	e.evidence = "http://ci/2";
	commit(&w, &e);
	ck_assert_uint_eq(w.r->nchecks, 1);
	ck_assert_str_eq(w.r->checks[0].evidence, "http://ci/2");
	e.done = false;
	commit(&w, &e);
	ck_assert(!w.r->checks[0].done);
}
END_TEST

START_TEST(after_a_rollback_its_reentry_checks_are_filled)
{
	struct event e = {.kind = EVENT_CHECK, .by = ann, .check = "incident_note", .done = true};

	put(&w, RELEASE_ROLLED_BACK, STEP_NONE, STAGE_CANARY);
	commit(&w, &e);
	ck_assert_int_eq((int)w.r->state, RELEASE_ROLLED_BACK);
	e.check = "smoke";
	ck_assert_int_eq((int)ask(&w, &e)->refused, REFUSED_INVALID);
}
END_TEST

static const struct {
	const char *why;
	const struct actor *by;
	const char *gate, *stage;
	enum refusal_kind refused;
} waivers[] = {
        {"a role that may", &rita, "errors", NULL, REFUSED_NONE},
        {"for a later stage", &rita, "errors", "watch", REFUSED_NONE},
        {"the author may not", &dora, "errors", NULL, REFUSED_DENIED},
        {"without the role", &ann, "errors", NULL, REFUSED_DENIED},
        {"a gate nobody may waive", &rita, "latency", NULL, REFUSED_DENIED},
        {"no such gate", &rita, "lag", NULL, REFUSED_INVALID},
        {"none named", &rita, NULL, NULL, REFUSED_INVALID},
        {"a stage that is left", &rita, "errors", "go", REFUSED_STATE},
        {"a machine may not", &robot, "errors", NULL, REFUSED_DENIED},
};

START_TEST(gates_are_waived_by_those_who_may)
{
	ask(&w, &(struct event){.kind = EVENT_WAIVE,
	                        .by = *waivers[_i].by,
	                        .gate = waivers[_i].gate,
	                        .stage = waivers[_i].stage,
	                        .reason = "the counter is broken"});
	ck_assert_msg(w.out.refused == waivers[_i].refused, "%s: %s", waivers[_i].why, w.out.text);
}
END_TEST

START_TEST(a_waiver_ends_with_its_stage)
{
	commit(&w, &(struct event){
	                   .kind = EVENT_WAIVE, .by = rita, .gate = "errors", .reason = "broken"});
	ck_assert(release_is_waived(w.r, "errors", "canary"));
	ck_assert(!release_is_waived(w.r, "errors", "full"));
	ck_assert_str_eq(w.r->waivers[0].subject, "rita");
}
END_TEST

START_TEST(what_people_may_add_is_bounded)
{
	struct event e = {.kind = EVENT_PAUSE};

	for (int i = 0; i < RELEASE_MAX_HOLDS; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "person-%d", i);
		e.by = (struct actor){.subject = name, .person = name};
		commit(&w, &e);
	}
	e.by = ann;
	ck_assert_int_eq((int)ask(&w, &e)->refused, REFUSED_STATE);
	look_bad(&w, GATE_ERRORS, GATE_BREACH, VERDICT_PAUSE, NULL);
	ck_assert_int_eq((int)due(&w, true), EVENT_RUNG_PAUSE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("people");
	TCase *t = tcase_create("people");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, approvals_are_given_by_those_who_may, 0, ARRAY_LEN(words));
	tcase_add_test(t, whoever_posted_it_for_another_author_approves_it_as_little);
	tcase_add_test(t, a_machine_approves_for_the_person_behind_it);
	tcase_add_test(t, one_person_speaks_once_per_stage);
	tcase_add_test(t, an_approval_is_bound_to_policy_and_artifact);
	tcase_add_test(t, a_rejection_pauses_voids_and_is_cleared_by_its_role_alone);
	tcase_add_test(t, an_approver_clears_a_rejection_even_after_having_approved);
	tcase_add_loop_test(t, checks_are_reported_by_their_owner, 0, ARRAY_LEN(reports));
	tcase_add_test(t, a_check_can_be_opened_again);
	tcase_add_test(t, after_a_rollback_its_reentry_checks_are_filled);
	tcase_add_loop_test(t, gates_are_waived_by_those_who_may, 0, ARRAY_LEN(waivers));
	tcase_add_test(t, a_waiver_ends_with_its_stage);
	tcase_add_test(t, what_people_may_add_is_bounded);
	suite_add_tcase(s, t);
	return suite_run(s);
}
