/*
 * walk: two hundred thousand random events, readings, answers and stretches of time over many
 * releases, with the invariants as oracles. The seed is fixed, so a failure can be walked to again.
 */
#include <math.h>

#include "../../call_ledger.h"
#include "fixture.h"
#include "policy/cause.h"

#include "../suite.h"
#include "base/str.h"

#define EVENTS 200000
#define KPIS 2

static struct world w;
static uint64_t seed;

/* xorshift64*: good enough to wander with */
static uint64_t dice(uint64_t sides)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return (seed * UINT64_C(2685821657736338717) >> 33) % sides;
}

static bool chance(uint64_t one_in)
{
	return dice(one_in) == 0;
}

/* What one life of a release has seen. */
static struct {
	struct wall bake_began;
	bool decided;  /* a rollback was */
	uint64_t luck; /* bad readings come one in that many */
	struct wall breached[GATES];
	unsigned long completed;
	unsigned long advances, rollbacks, pauses, lives;
	unsigned long calls, raised, acknowledged;
	struct call_ledger ledger;
} life;

static const struct actor *const people[] = {&ann, &bob, &dora, &rita, &rob, &mia, &quin, &robot};
static const char *const stages[] = {NULL, "go", "canary", "full", "watch", "moon"};
static const char *const gates[] = {NULL, "errors", "latency", "lag"};
static const char *const roles[] = {NULL, "release_manager", "medical_lead", "qa"};
static const char *const options[] = {NULL, "kill_switch", "previous_version", "by_hand", "moon"};
static const char *const holds[] = {"errors", "ask:errors", "overdue", "rollback", "failed"};
static const char *const checks[] = {"tests", "smoke", "incident_note", "moon"};

/* --- the oracles --------------------------------------------------------------------------- */

static size_t pauses_of(const struct release *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nholds; i++)
		n += r->holds[i].pauses;
	return n;
}

/* Written out once more, in other words than the code's. */
static void check_people(const struct release *r, const struct policy_stage *stage)
{
	for (size_t i = 0; i < stage->napprovals; i++) {
		int64_t n = 0;

		for (size_t k = 0; k < r->napprovals; k++) {
			const struct approval *a = &r->approvals[k];

			if (!a->approved || strcmp(a->role, stage->approvals[i].name) != 0 ||
			    strcmp(a->stage, stage->stage) != 0)
				continue;
			ck_assert(strcmp(a->subject, r->author) != 0);
			for (size_t other = 0; other < k; other++)
				ck_assert(strcmp(r->approvals[other].subject, a->subject) != 0 ||
				          strcmp(r->approvals[other].stage, a->stage) != 0);
			n++;
		}
		ck_assert_int_ge(n, stage->approvals[i].count);
	}
	for (size_t i = 0; i < stage->nchecks; i++) {
		bool reported = false;

		for (size_t k = 0; k < r->nchecks; k++)
			reported |= r->checks[k].done &&
			            strcmp(r->checks[k].name, stage->checks[i].name) == 0;
		ck_assert(reported);
	}
}

/* Invariant I1: a stage is left on a fresh pass only, and on everything else rule V1 asks for. */
static void check_advance(const struct release *r)
{
	const struct policy_stage *stage = &w.bound->stages[r->stage];
	bool gated = false;

	for (size_t i = 0; i < w.bound->ngates; i++)
		gated |= policy_gate_counts(&w.bound->gates[i], stage) &&
		         !release_is_waived(r, w.bound->gates[i].name, stage->stage);
	ck_assert_int_eq((int)r->state, RELEASE_RUNNING);
	ck_assert(!r->rollback.active && !w.f.frozen);
	ck_assert(w.f.drift_known && !w.f.drifted_action);
	for (size_t i = 0; i < r->nholds; i++)
		ck_assert(r->holds[i].acknowledged);
	ck_assert(r->promoted || w.c.observed_ms >= stage->bake_ms);
	ck_assert(r->promoted || !stage->manual);
	check_people(r, stage);
	life.advances++;
	if (!gated)
		return;
	ck_assert(w.e->all_pass && w.e->stage == r->stage);
	ck_assert_int_le(w.f.now.ms - w.e->at.ms, 2 * EVERY);
	ck_assert_int_ge(w.c.passes, stage->min_evaluations);
	ck_assert_int_ge(w.c.fresh_rounds, 3);
	for (size_t i = 0; i < w.e->ngates; i++)
		ck_assert(!w.e->gates[i].counts || w.e->gates[i].result == GATE_PASS);
}

/* Rule H5. */
static void check_start(const struct release *r, const struct release *next)
{
	if (r->announced.ms != 0)
		ck_assert_int_eq(next->announced.ms, r->announced.ms);
	if (r->state == RELEASE_PLANNED && next->state == RELEASE_RUNNING)
		ck_assert_int_ge(w.f.now.ms, r->created_at.ms + w.bound->notice_ms);
	if (r->announced.ms == 0 && next->announced.ms != 0) {
		ck_assert(!r->start_manual);
		ck_assert(w.bound->notice_ms == 0 ||
		          r->start.ms - w.f.now.ms <= w.bound->notice_ms);
	}
}

static void check_step(const struct release *r, const struct release *next,
                       const struct decision *d)
{
	bool forward = next->stage > r->stage || next->state == RELEASE_COMPLETED;

	ck_assert_int_eq(next->row_version, r->row_version + 1);
	ck_assert((next->state == RELEASE_PAUSED) ==
	          (pauses_of(next) > 0 &&
	           (next->state == RELEASE_RUNNING || next->state == RELEASE_PAUSED)));
	ck_assert(next->state != RELEASE_RUNNING || pauses_of(next) == 0);
	ck_assert(!release_is_ended(r->state) || r->state == RELEASE_COMPLETED ||
	          next->state == r->state);
	check_start(r, next);
	if (r->rollback.active || life.decided) { /* invariant I5 */
		ck_assert(!forward || next->state != RELEASE_COMPLETED);
		ck_assert_int_eq(next->stage, r->stage);
		ck_assert(next->state != RELEASE_RUNNING && next->state != RELEASE_PAUSED);
	}
	if (next->entry_version == next->row_version) /* rule A3 */
		ck_assert(d->needs_thaw && !w.f.frozen);
	if (forward && r->state != RELEASE_COMPLETED) {
		ck_assert(d->needs_lease && d->needs_thaw);
		check_advance(r);
	}
	if (r->state == RELEASE_RUNNING || r->state == RELEASE_PAUSED)
		ck_assert(next->state != RELEASE_CANCELLED || !r->exposed);
	ck_assert(!r->exposed || next->exposed);
	if (next->state == RELEASE_ROLLED_BACK && r->state != next->state)
		ck_assert(w.bound->rollback.nsmoke == 0 || next->rollback.smoke_passed);
	if (next->state == RELEASE_ROLLING_BACK && d->event != EVENT_DRIFT_OVER)
		ck_assert(next->rollback.active && !d->needs_lease && !d->needs_thaw);
}

/* Rules A4 and A8. */
static void check_calls(const struct release *next, const struct decision *d)
{
	const char *wrong = ledger_take(&life.ledger, d, next, w.bound);

	ck_assert_msg(!wrong, "%s: %s", release_event_names[d->event], wrong);
	/* One that a gate could be named after would not be called beside it. */
	for (size_t i = 0; i < next->ncalls; i++)
		ck_assert_msg(strchr(next->calls[i].cause, ':') ||
		                      policy_gate(w.bound, next->calls[i].cause, NULL) ||
		                      policy_cause(next->calls[i].cause),
		              "call %s", next->calls[i].cause);
	for (size_t i = 0; i < d->ncalls; i++) {
		life.calls += d->calls[i].change == CALL_OPENED;
		life.raised += d->calls[i].change == CALL_RAISED;
		life.acknowledged += d->calls[i].change == CALL_ACKNOWLEDGED;
	}
}

/* Invariant I6, from wherever the walk is. */
static void check_way_back(void)
{
	struct event e = {.kind = EVENT_ROLLBACK, .by = ann};
	struct outcome out;

	if (!w.r->exposed || (w.r->state != RELEASE_RUNNING && w.r->state != RELEASE_PAUSED))
		return;
	release_step(w.r, &w.c, w.bound, &e, &w.f, &out);
	ck_assert_msg(out.next && out.next->state == RELEASE_ROLLING_BACK, "%s", out.text);
	outcome_fini(&out);
}

/* Invariants I13 and I14. */
static void check_bake(int64_t observed_before)
{
	ck_assert(w.c.observed_ms <= observed_before || w.e->all_pass);
	ck_assert_int_le(w.c.observed_ms, w.f.now.ms - life.bake_began.ms);
	if (w.r->state == RELEASE_STABILISING && w.bound->rollback.nsmoke > 0 &&
	    !w.r->rollback.smoke_passed) /* rule R4 */
		ck_assert_int_eq(w.c.observed_ms, 0);
}

/* Rule E3: whatever stands does so on a breach, seen in this life, that is not forgotten. */
static void check_rungs(void)
{
	for (size_t i = 0; i < w.e->ngates; i++) {
		if (w.e->gates[i].result == GATE_BREACH)
			life.breached[i] = w.e->at;
		ck_assert(w.e->gates[i].fired < 0 ||
		          w.e->at.ms - life.breached[i].ms <= 5 * (int64_t)MINUTE);
	}
}

/* --- the walk ------------------------------------------------------------------------------ */

/* One action, freed with the policy. */
static void list_one(const char *action, char ***out, size_t *out_n)
{
	*out = calloc(1, sizeof(**out));
	(*out)[0] = text_dup(action);
	*out_n = 1;
}

static void begin_life(void)
{
	struct release_facts facts = w.f;
	int64_t now = w.f.now.ms ? w.f.now.ms : T0;

	world_fini(&w);
	world_init(&w, (enum migration)dice(MIGRATION_COUNT), chance(4) ? NULL : "1.3.0");
	facts = (struct release_facts){.now = {now}, .pair_free = true};
	w.f = facts;
	w.r->start_manual = chance(3);
	w.r->created_at = w.f.now;
	w.bound->notice_ms = chance(3) ? 5 * (int64_t)MINUTE : 0;
	if (!w.r->start_manual && (w.bound->notice_ms > 0 || chance(3)))
		w.r->start.ms = now + w.bound->notice_ms + (int64_t)dice(5) * MINUTE;
	if (chance(2))
		list_one("weight_zero", &w.bound->rollback.dampen, &w.bound->rollback.ndampen);
	if (chance(2))
		list_one(chance(4) ? "redeploy" : "weight_zero", &w.bound->rollback.smoke,
		         &w.bound->rollback.nsmoke);
	life.bake_began = w.f.now;
	life.decided = false;
	memset(life.breached, 0, sizeof(life.breached));
	memset(&life.ledger, 0, sizeof(life.ledger));
	life.luck = chance(3) ? 40 : chance(2) ? 400 : 4000;
	life.lives++;
}

static size_t count_of_option(int64_t from, int64_t to)
{
	size_t n = 0;

	for (size_t i = 0; i < w.out.nmessages; i++)
		n += w.out.messages[i].option >= from && w.out.messages[i].option <= to;
	return n;
}

static void take(const struct event *e)
{
	char id[RELEASE_UUID_TEXT] = "00000000-0000-0000-0000-000000000001";
	struct err err;

	outcome_fini(&w.out);
	release_step(w.r, &w.c, w.bound, e, &w.f, &w.out);
	if (w.out.refused != REFUSED_NONE) {
		ck_assert_ptr_null(w.out.next);
		ck_assert_uint_eq(w.out.nmessages, 0);
		ck_assert(strlen(w.out.text) > 0);
		return;
	}
	check_step(w.r, w.out.next, &w.out.decision);
	check_calls(w.out.next, &w.out.decision);
	ck_assert(outcome_stamp(&w.out, id, &err));
	if (w.out.decision.resets_checkpoint)
		life.bake_began = w.f.now;
	life.decided |= w.out.next->state == RELEASE_ROLLING_BACK;
	life.completed += w.out.next->state == RELEASE_COMPLETED && w.r->state != RELEASE_COMPLETED;
	life.rollbacks += w.out.decision.decides_rollback;
	life.pauses += w.out.next->state == RELEASE_PAUSED && w.r->state == RELEASE_RUNNING;
	if (w.out.next->entry_version == w.out.next->row_version) {
		w.f.enter_pending = w.out.nmessages;
		w.f.enter_refused = false;
	}
	if (w.out.next->rollback.version == w.out.next->row_version) {
		w.f.rollback_pending = count_of_option(0, 63);
		w.f.rollback_refused = false;
	}
	if (w.out.next->rollback.smoke_version == w.out.next->row_version) {
		w.f.smoke_pending = count_of_option(MESSAGE_SMOKE, MESSAGE_SMOKE);
		w.f.smoke_failing = w.f.smoke_refused = w.f.smoke_unanswered = false;
	}
	release_free(&w.r);
	w.r = w.out.next;
	w.out.next = NULL;
	checkpoint_follow(&w.c, w.r);
}

static void settle(void)
{
	struct event e;
	int n = 0;

	while (release_due(w.r, &w.c, w.bound, &w.f, &e)) {
		ck_assert_msg(++n < 40, "%s again and again", release_event_names[e.kind]);
		take(&e);
		json_decref((json_t *)(uintptr_t)e.detail);
		ck_assert_msg(w.out.refused == REFUSED_NONE, "%s is due and refused: %s",
		              release_event_names[e.kind], w.out.text);
	}
}

/* Mostly good, so that the walk gets somewhere. */
static struct kpi_reading read_one(size_t kpi)
{
	struct kpi_reading reading = {.result = GATE_PASS, .covered = true, .newest = w.f.now};

	reading.value = kpi == 0 ? 0.001 : 0.1;
	if (chance(life.luck))
		reading.value = kpi == 0 ? 0.01 * (double)(1 + dice(4)) + 0.005 : 9;
	if (chance(life.luck))
		reading.value = chance(2) ? (double)NAN : (double)INFINITY;
	if (chance(life.luck))
		reading.covered = false;
	if (chance(life.luck))
		reading.result = (enum gate_result)dice(GATE_INSUFFICIENT);
	(void)snprintf(reading.why, sizeof(reading.why), "so it is");
	return reading;
}

static void evaluate(void)
{
	struct kpi_reading readings[KPIS];
	const struct gate_probe *probes[GATES] = {NULL};
	const struct gate_alerts *alerts[GATES] = {NULL};
	size_t nprobes[GATES] = {0};
	struct gate_evidence evidence = {.at = w.f.now,
	                                 .evaluate_every_ms = EVERY,
	                                 .kpis = readings,
	                                 .kpi_list = w.bound->kpis,
	                                 .nkpis = KPIS,
	                                 .probes = probes,
	                                 .nprobes = nprobes,
	                                 .alerts = alerts};
	int64_t observed = w.c.observed_ms;
	struct evaluation *e = NULL;
	struct err err;

	for (size_t i = 0; i < KPIS; i++)
		readings[i] = read_one(i);
	e = release_evaluate(w.r, w.bound, &evidence, &w.c, &err);
	ck_assert(e != NULL);
	evaluation_free(&w.e);
	w.e = e;
	w.f.evaluation = e;
	for (size_t i = 0; i < e->ngates; i++) /* invariant I12 */
		ck_assert(!e->gates[i].counts || e->gates[i].result == GATE_PASS ||
		          (!e->all_pass && e->verdict != VERDICT_PASS));
	check_rungs();
	check_bake(observed);
}

/* Rule A5: in their order, now and then one twice or too early. */
static void report(void)
{
	static const enum incident_severity severities[] = {INCIDENT_P1, INCIDENT_P2, INCIDENT_P3};
	struct event e = {.kind = EVENT_INCIDENT,
	                  .by = {.subject = "headgate"},
	                  .severity = chance(20) ? INCIDENT_P0 : severities[dice(3)],
	                  .incident = w.r->incident_applied + (int64_t)dice(3),
	                  .incident_after = w.r->incident_applied + chance(8),
	                  .hold = "1",
	                  .reason = "it is down"};
	int64_t before = w.r->incident_applied;

	take(&e);
	ck_assert_int_ge(w.r->incident_applied, before);
	ck_assert(e.incident_after <= before || w.r->incident_applied == before);
}

static void speak(void)
{
	struct event e = {.kind = (enum release_event)dice(4 * EVENT_OPERATOR_COUNT),
	                  .by = *people[dice(ARRAY_LEN(people))],
	                  .reason = chance(5) ? NULL : "so be it",
	                  .gate = gates[dice(ARRAY_LEN(gates))],
	                  .stage = stages[dice(ARRAY_LEN(stages))],
	                  .role = roles[dice(ARRAY_LEN(roles))],
	                  .option = options[dice(ARRAY_LEN(options))],
	                  .check = checks[dice(ARRAY_LEN(checks))],
	                  .done = !chance(4),
	                  .restore_confirmed = chance(6),
	                  .live_version = chance(2) ? NULL : "1.3.1",
	                  .hold = chance(2) ? NULL : holds[dice(ARRAY_LEN(holds))]};

	/* What headgate alone says is not said by others; and rollbacks would end every walk early.
	 */
	if (e.kind >= EVENT_START_SILENT && e.kind != EVENT_ADVANCE && e.kind != EVENT_FINISH)
		return;
	if ((e.kind == EVENT_ROLLBACK || e.kind == EVENT_CANCEL || e.kind == EVENT_REJECT) &&
	    !chance(20))
		return;
	if (e.kind == EVENT_PAUSE && chance(2))
		e.expires.ms = w.f.now.ms + (int64_t)dice(20) * MINUTE;
	take(&e);
}

static void change_world(void)
{
	switch (dice(11)) {
	case 10:
		w.f.smoke_pending = 0;
		break;
	case 9:
		w.f.smoke_failing = w.f.smoke_pending > 0 && chance(3);
		w.f.smoke_refused = w.f.smoke_failing && chance(3);
		w.f.smoke_unanswered = w.f.smoke_pending > 0 && chance(3);
		break;
	case 8:
		w.f.drifted_action = chance(4) ? "set_weight" : NULL;
		w.f.drift_known = !chance(4);
		break;
	case 0:
		w.f.frozen = chance(6);
		w.f.freeze_reason = "because";
		break;
	case 1:
	case 2:
		w.f.enter_pending = 0;
		break;
	case 3:
		w.f.enter_refused = w.f.enter_pending > 0 && chance(6);
		w.f.enter_refused_action = "set_weight";
		break;
	case 4:
		w.f.rollback_pending = 0;
		break;
	case 5:
		w.f.rollback_refused = w.f.rollback_pending > 0 && chance(3);
		break;
	case 6:
		w.f.reentry_open = chance(10);
		w.f.pair_free = !chance(10);
		break;
	default:
		w.f.newer_active = chance(10);
		break;
	}
	if (chance(50)) {
		w.c.fresh_rounds = 0; /* another process took over */
		evaluation_free(&w.e);
		w.f.evaluation = NULL;
	}
}

/* The good will of everybody, so that late stages are reached. */
static void help_along(void)
{
	static const char *const later_stages[] = {"go", "full"};
	struct event e = {.reason = "go on", .stage = later_stages[dice(2)], .done = true};
	const struct actor *const helpers[] = {&rita, &rob, &mia, &quin, &ann};

	e.by = *helpers[dice(5)];
	switch (dice(6)) {
	case 0:
	case 1:
		e.kind = EVENT_APPROVE;
		e.role = e.by.subject[0] == 'm' ? "medical_lead" : NULL;
		break;
	case 2:
		e.kind = EVENT_CHECK;
		e.check = chance(2) ? "tests" : "smoke";
		break;
	case 3:
		e.kind = EVENT_RESUME;
		break;
	case 4:
		e.kind = EVENT_PROMOTE;
		break;
	default:
		e.kind = EVENT_START;
		break;
	}
	take(&e);
}

static void watch_all(void)
{
	struct waiting list[RELEASE_WAITING_MAX];
	size_t n = release_waiting_for(w.r, &w.c, w.bound, &w.f, list);
	unsigned legal = release_legal(w.r, &w.c, w.bound, &w.f);

	/* Nothing that can still move stands there without a reason. */
	if (w.r->state == RELEASE_PAUSED || w.r->state == RELEASE_ROLLING_BACK ||
	    w.r->state == RELEASE_STABILISING || w.r->state == RELEASE_FAILED ||
	    w.r->step == STEP_READY)
		ck_assert_msg(n > 0, "%s/%s waits for nothing", release_state_names[w.r->state],
		              stage_step_names[w.r->step]);
	for (size_t i = 0; i < n; i++)
		ck_assert(strlen(list[i].sentence) > 0);
	ck_assert(legal & 1U << EVENT_NOTE);
	if (w.r->exposed && (w.r->state == RELEASE_RUNNING || w.r->state == RELEASE_PAUSED))
		ck_assert(legal & 1U << EVENT_ROLLBACK);
}

static void walk(uint64_t from, size_t events)
{
	seed = from;
	memset(&life, 0, sizeof(life));
	begin_life();
	for (size_t i = 0; i < events; i++) {
		w.f.now.ms += chance(200) ? (int64_t)dice(120) * MINUTE : EVERY;
		if (w.r->state != RELEASE_ROLLING_BACK && w.r->state != RELEASE_FAILED &&
		    !release_is_ended(w.r->state))
			evaluate();
		settle();
		if (chance(12))
			speak();
		if (chance(100))
			report();
		if (chance(6))
			help_along();
		if (chance(3))
			change_world();
		settle();
		if (chance(8)) {
			check_way_back();
			watch_all();
		}
		if ((release_is_ended(w.r->state) && chance(10)) ||
		    (w.r->state == RELEASE_FAILED && chance(60)))
			begin_life();
	}
	world_fini(&w);
}

START_TEST(two_hundred_thousand_events_keep_every_invariant)
{
	walk(UINT64_C(88172645463325252), EVENTS);
	ck_assert_msg(life.lives > 100 && life.advances > 300 && life.rollbacks > 100 &&
	                      life.pauses > 100 && life.completed > 50,
	              "the walk got nowhere: %lu lives, %lu advances, %lu completed, "
	              "%lu rollbacks, %lu pauses",
	              life.lives, life.advances, life.completed, life.rollbacks, life.pauses);
	ck_assert_msg(life.calls > 200 && life.raised > 100 && life.acknowledged > 10,
	              "few were called: %lu calls, %lu raised, %lu acknowledged", life.calls,
	              life.raised, life.acknowledged);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("walk");
	TCase *t = tcase_create("walk");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, two_hundred_thousand_events_keep_every_invariant);
	suite_add_tcase(s, t);
	return suite_run(s);
}
