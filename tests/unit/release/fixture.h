/*
 * fixture - one release of a small policy, and what a test says the world looks like: for the tests
 * of release_step() and release_due().
 */
#ifndef TESTS_RELEASE_FIXTURE_H
#define TESTS_RELEASE_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "release/evaluation.h"
#include "release/release.h"

#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define SECOND 1000
#define MINUTE 60000
#define HOUR 3600000
#define EVERY 15000

enum { STAGE_GO = 0, STAGE_CANARY, STAGE_FULL, STAGE_WATCH };
enum { GATE_ERRORS = 0, GATE_LATENCY, GATES };
enum { OPTION_KILL = 0, OPTION_PREVIOUS, OPTION_BY_HAND };

static const char shop_policy[] =
        "policy: shop\n"
        "evaluate_every: 15s\n"
        "sources:\n"
        "  app: {scrape: [\"http://shop.internal/metrics\"], every: 15s}\n"
        "kpis:\n"
        "  error_rate: {unit: ratio, expr: \"sum(rate(errors_total[1m])) / "
        "sum(rate(all_total[1m]))\"}\n"
        "  latency: {unit: seconds, expr: max(latency_seconds)}\n"
        "gates:\n"
        "  errors:\n"
        "    threshold: error_rate\n"
        "    min_events: 0\n"
        "    waivable_by: [release_manager]\n"
        "    max_hold: 30m\n"
        "    rungs:\n"
        "      - {above: 1%, for: 1 of 1, then: ask}\n"
        "      - {above: 2%, for: 1 of 1, then: pause}\n"
        "      - {above: 3%, for: 1 of 1, then: rollback}\n"
        "  latency: {threshold: latency, above: 500ms, for: 1 of 1, then: pause, max_hold: 1h}\n"
        "stages:\n"
        "  - stage: go\n"
        "    kind: preflight\n"
        "    checks: {tests: qa}\n"
        "    approvals: {release_manager: 1}\n"
        "  - {stage: canary, weight: 10, bake: 10m, overdue: 2h, enter: [set_weight]}\n"
        "  - stage: full\n"
        "    weight: 100\n"
        "    bake: 10m\n"
        "    promotion: manual\n"
        "    enter: [set_weight]\n"
        "    checks: {smoke: qa}\n"
        "    approvals: {release_manager: 2, medical_lead: 1}\n"
        "  - {stage: watch, kind: verify, bake: 10m}\n"
        "actions:\n"
        "  set_weight: {to: deployer, path: \"/weights/${service}\", body: {weight: "
        "\"${stage.weight}\"}}\n"
        "  weight_zero: {to: deployer, path: \"/weights/${service}\", body: {weight: 0}}\n"
        "  redeploy: {to: deployer, path: \"/deploy\", body: {version: \"${stable_version}\"}}\n"
        "rollback:\n"
        "  window: 24h\n"
        "  options:\n"
        "    - {option: kill_switch, actions: [weight_zero]}\n"
        "    - {option: previous_version, actions: [redeploy], requires: reversible_migration}\n"
        "    - {option: by_hand, manual: true}\n"
        "  stabilise: {gates: [errors], bake: 10m, deadline: 1h}\n"
        "  reentry: [incident_note]\n";

static const char *const manager_roles[] = {"release_manager", "operator"};
static const char *const qa_roles[] = {"qa"};
static const char *const medical_roles[] = {"medical_lead", "release_manager"};
static const struct actor ann = {.subject = "ann", .person = "ann", .origin = "10.0.0.1"};
static const struct actor bob = {.subject = "bob", .person = "bob", .origin = "10.0.0.2"};
static const struct actor dora = {
        .subject = "dora", .person = "dora", .roles = manager_roles, .nroles = 2};
static const struct actor rita = {
        .subject = "rita", .person = "rita", .roles = manager_roles, .nroles = 2};
static const struct actor rob = {
        .subject = "rob", .person = "rob", .roles = manager_roles, .nroles = 2};
static const struct actor mia = {
        .subject = "mia", .person = "mia", .roles = medical_roles, .nroles = 2};
static const struct actor quin = {
        .subject = "quin", .person = "quin", .roles = qa_roles, .nroles = 1};
static const struct actor robot = {.subject = "ci-bot", .roles = qa_roles, .nroles = 1};

struct world {
	struct policy *written, *bound;
	struct release *r;
	struct checkpoint c;
	struct release_facts f;
	struct evaluation *e;
	struct outcome out;
	unsigned transitions;
};

static inline void world_policy(struct world *w, const char *yaml, const char *stable_version)
{
	struct problems problems;
	struct buf text;
	struct err err;
	struct policy_values values = {.service = "shop",
	                               .environment = "prod",
	                               .version = "1.4.0",
	                               .stable_version = stable_version};

	problems_init(&problems);
	buf_init(&text, 65536);
	w->written = policy_from_yaml("shop.yaml", str_of(yaml), NULL, &problems);
	problems_print(&problems, &text);
	ck_assert_msg(w->written != NULL, "%s", buf_str(&text).p);
	buf_fini(&text);
	problems_fini(&problems);
	w->bound = policy_bind(w->written, &values, &err);
	ck_assert_msg(w->bound != NULL, "%s", err.text);
}

static inline void world_init_with(struct world *w, const char *yaml, enum migration migration,
                                   const char *stable_version)
{
	char service[] = "shop", environment[] = "prod", version[] = "1.4.0", author[] = "dora";
	char stable[32] = "";
	struct release_request request = {.service = service,
	                                  .environment = environment,
	                                  .version = version,
	                                  .author = author,
	                                  .migration = migration};
	struct err err;

	memset(w, 0, sizeof(*w));
	if (stable_version) {
		(void)snprintf(stable, sizeof(stable), "%s", stable_version);
		request.stable_version = stable;
	}
	world_policy(w, yaml, stable_version);
	ck_assert_msg(
	        release_create(&request, w->bound, 1, 1, &dora, (struct wall){T0}, &w->out, &err),
	        "%s", err.text);
	w->r = w->out.next;
	w->out.next = NULL;
	outcome_fini(&w->out);
	w->c.gates = calloc(w->bound->ngates + 1, sizeof(*w->c.gates));
	w->c.ngates = w->bound->ngates;
	w->c.fresh_rounds = 10;
	w->f = (struct release_facts){.now = {T0}, .pair_free = true, .drift_known = true};
}

static inline void world_init(struct world *w, enum migration migration, const char *stable_version)
{
	world_init_with(w, shop_policy, migration, stable_version);
}

static inline void world_fini(struct world *w)
{
	outcome_fini(&w->out);
	evaluation_free(&w->e);
	release_free(&w->r);
	policy_free(&w->bound);
	policy_free(&w->written);
	free(w->c.gates);
	memset(w, 0, sizeof(*w));
}

static inline void later(struct world *w, int64_t ms)
{
	w->f.now.ms += ms;
}

/* Puts the release where a test begins. Rule R1: from the canary on it is exposed. */
static inline void put(struct world *w, enum release_state state, enum stage_step step,
                       int64_t stage)
{
	w->r->state = state;
	w->r->step = step;
	w->r->stage = stage;
	w->r->exposed = stage >= STAGE_CANARY;
	w->r->stage_since = w->r->entry_since = w->r->exposure_since = w->f.now;
	w->r->paused_step = STEP_BAKING;
	w->c.stage = stage;
	w->c.row_version = w->r->row_version;
	if (state == RELEASE_ROLLING_BACK || state == RELEASE_STABILISING ||
	    state == RELEASE_FAILED || state == RELEASE_ROLLED_BACK) {
		w->r->rollback.active = true;
		w->r->rollback.option = OPTION_KILL;
		w->r->rollback.tried = 1;
		w->r->rollback.since = w->r->rollback.option_since = w->f.now;
		w->r->rollback.stabilising_since = w->f.now;
		w->f.rollback_pending = 1;
	}
	if (state == RELEASE_COMPLETED)
		w->r->finished_at = w->f.now;
}

/* A passing evaluation of the present stage, now. */
static inline struct gate_outcome *look(struct world *w)
{
	const struct policy_stage *stage = release_stage(w->r, w->bound);

	evaluation_free(&w->e);
	w->e = evaluation_new(w->bound->ngates, 0);
	w->e->number = ++w->c.evaluation;
	w->e->at = w->f.now;
	w->e->stage = w->r->stage;
	w->e->decisive = -1;
	w->e->all_pass = true;
	for (size_t i = 0; i < w->bound->ngates; i++) {
		w->e->gates[i] = (struct gate_outcome){
		        .result = GATE_PASS,
		        .rung = -1,
		        .fired = -1,
		        .counts = policy_gate_counts(&w->bound->gates[i], stage)};
	}
	w->f.evaluation = w->e;
	return w->e->gates;
}

/* One gate does not pass: `verdict` HOLD without a fired rung. */
static inline void look_bad(struct world *w, size_t gate, enum gate_result result,
                            enum verdict verdict, const char *option)
{
	struct gate_outcome *o = &look(w)[gate];

	o->result = result;
	o->verdict = verdict;
	o->rung = o->fired = result == GATE_BREACH ? 0 : -1;
	o->option = option;
	(void)snprintf(o->sentence, sizeof(o->sentence), "it is bad");
	w->e->all_pass = false;
	w->e->verdict = verdict;
	w->e->decisive = (int64_t)gate;
}

/* The bake is done and all of rule V1 about evidence holds. */
static inline void bake(struct world *w)
{
	w->c.stage = w->r->stage;
	w->c.row_version = w->r->row_version;
	w->c.observed_ms = 24 * (int64_t)HOUR;
	w->c.passes = 100;
	w->c.last_passed = true;
	w->c.fresh_rounds = 10;
	look(w);
}

static inline const struct outcome *ask(struct world *w, const struct event *event)
{
	outcome_fini(&w->out);
	release_step(w->r, &w->c, w->bound, event, &w->f, &w->out);
	ck_assert((w->out.refused == REFUSED_NONE) == (w->out.next != NULL));
	return &w->out;
}

static inline const struct release *commit(struct world *w, const struct event *event)
{
	char id[RELEASE_UUID_TEXT];
	struct err err;

	ask(w, event);
	ck_assert_msg(w->out.refused == REFUSED_NONE, "%s: %s", release_event_names[event->kind],
	              w->out.text);
	(void)snprintf(id, sizeof(id), "00000000-0000-0000-0000-%012u", ++w->transitions);
	ck_assert(outcome_stamp(&w->out, id, &err));
	release_free(&w->r);
	w->r = w->out.next;
	w->out.next = NULL;
	checkpoint_follow(&w->c, w->r);
	return w->r;
}

static inline const struct outcome *verb(struct world *w, enum release_event kind, struct actor by,
                                         const char *reason)
{
	return ask(w, &(struct event){.kind = kind, .by = by, .reason = reason});
}

static inline const struct release *done(struct world *w, enum release_event kind, struct actor by,
                                         const char *reason)
{
	return commit(w, &(struct event){.kind = kind, .by = by, .reason = reason});
}

/* What headgate would do now; EVENT_COUNT for nothing. Committed when asked for. */
static inline enum release_event due(struct world *w, bool commits)
{
	struct event e;

	if (!release_due(w->r, &w->c, w->bound, &w->f, &e))
		return EVENT_COUNT;
	if (commits)
		commit(w, &e);
	json_decref((json_t *)(uintptr_t)e.detail);
	return commits ? w->out.decision.event : e.kind;
}

#endif
