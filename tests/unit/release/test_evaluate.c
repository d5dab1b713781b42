/*
 * evaluate: where gates count, what they say together, and what adds green time; with gates whose
 * measures the test writes down.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "release/release.h"

#define T0 1700000000000
#define EVERY_MS 15000
#define GATES 2

static void scripted_measure(const struct gate *gate, size_t index,
                             const struct gate_evidence *evidence, struct gate_state *state,
                             struct gate_measure *out)
{
	(void)state;
	(void)index;
	(void)evidence;
	memcpy(out, gate->spec, sizeof(*out));
}

static const struct gate_kind scripted = {.name = "scripted", .measure = scripted_measure};

enum { GO, CANARY, WATCH, STAGES };

/* Two gates, errors and latency, each with one rung "1 of 1, then pause" unless a test says
 * otherwise. */
struct bench {
	char names[GATES][16], stages[STAGES][16], options[2][16];
	struct gate_measure measures[GATES];
	struct gate_rung rungs[GATES][2];
	struct gate gates[GATES];
	struct policy_stage stage[STAGES];
	struct policy_option option[2];
	char *stabilise[1];
	struct kpi kpi;
	struct kpi_reading reading;
	struct policy policy;
	struct waiver waiver;
	struct release release;
	struct checkpoint checkpoint;
	struct gate_evidence evidence;
	struct evaluation *evaluation;
};

static void gate_says(struct bench *b, size_t i, enum gate_result result)
{
	struct gate_measure *m = &b->measures[i];

	*m = (struct gate_measure){.result = result, .events = (double)NAN, .covered = true};
	snprintf(m->why, sizeof(m->why), "because");
	if (result == GATE_BREACH) {
		m->result = GATE_PASS;
		m->value = 5;
	} else if (result == GATE_WARMING) {
		m->result = GATE_PASS;
		m->covered = false;
	}
}

static void bench_gates(struct bench *b)
{
	static const char *const names[GATES] = {"errors", "latency"};

	for (size_t i = 0; i < GATES; i++) {
		snprintf(b->names[i], sizeof(b->names[i]), "%s", names[i]);
		b->rungs[i][0] = (struct gate_rung){
		        .limit = 1, .votes_needed = 1, .votes_of = 1, .then = RUNG_PAUSE};
		b->gates[i] = (struct gate){.name = b->names[i],
		                            .kind = &scripted,
		                            .spec = &b->measures[i],
		                            .rungs = b->rungs[i],
		                            .nrungs = 1};
		gate_says(b, i, GATE_PASS);
	}
}

static void bench_policy(struct bench *b)
{
	static const char *const names[STAGES] = {"go", "canary", "watch"};
	static const char *const options[2] = {"kill_switch", "previous"};

	for (size_t i = 0; i < STAGES; i++) {
		snprintf(b->stages[i], sizeof(b->stages[i]), "%s", names[i]);
		b->stage[i] = (struct policy_stage){
		        .stage = b->stages[i], .kind = (enum stage_kind)i, .bake_ms = 900000};
	}
	for (size_t i = 0; i < 2; i++) {
		snprintf(b->options[i], sizeof(b->options[i]), "%s", options[i]);
		b->option[i].option = b->options[i];
	}
	b->stabilise[0] = b->names[0];
	b->kpi = (struct kpi){.name = b->names[0], .unit = KPI_RATIO};
	b->reading.range_ms = 60000;
	b->policy = (struct policy){.evaluate_every_ms = EVERY_MS,
	                            .gates = b->gates,
	                            .ngates = GATES,
	                            .kpis = &b->kpi,
	                            .nkpis = 1,
	                            .stages = b->stage,
	                            .nstages = STAGES,
	                            .rollback = {.present = true,
	                                         .options = b->option,
	                                         .noptions = 2,
	                                         .stabilise_gates = b->stabilise,
	                                         .nstabilise_gates = 1,
	                                         .stabilise_bake_ms = 900000}};
}

/* Running, baking in the canary stage, exposed since T0. */
static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	bench_gates(b);
	bench_policy(b);
	b->release = (struct release){.state = RELEASE_RUNNING,
	                              .step = STEP_BAKING,
	                              .stage = CANARY,
	                              .exposed = true,
	                              .stage_since = {T0},
	                              .exposure_since = {T0}};
	b->checkpoint.stage = CANARY;
	b->evidence = (struct gate_evidence){.evaluate_every_ms = EVERY_MS,
	                                     .kpis = &b->reading,
	                                     .kpi_list = &b->kpi,
	                                     .nkpis = 1};
}

static void bench_fini(struct bench *b)
{
	evaluation_free(&b->evaluation);
	free(b->checkpoint.gates);
}

static const struct evaluation *look(struct bench *b, int64_t at_s)
{
	struct err err;

	evaluation_free(&b->evaluation);
	b->evidence.at.ms = T0 + at_s * 1000;
	b->evaluation =
	        release_evaluate(&b->release, &b->policy, &b->evidence, &b->checkpoint, &err);
	ck_assert_ptr_nonnull(b->evaluation);
	return b->evaluation;
}

/* Both gates say the same. */
static const struct evaluation *look_both(struct bench *b, int64_t at_s, enum gate_result result)
{
	for (size_t i = 0; i < GATES; i++)
		gate_says(b, i, result);
	return look(b, at_s);
}

static const enum gate_result every_result[] = {GATE_ERROR,        GATE_STALE,  GATE_NO_DATA,
                                                GATE_INSUFFICIENT, GATE_BREACH, GATE_WARMING,
                                                GATE_PASS};

START_TEST(only_passes_together_are_a_pass)
{
	for (size_t i = 0; i < ARRAY_LEN(every_result); i++) {
		for (size_t j = 0; j < ARRAY_LEN(every_result); j++) {
			struct bench b;
			enum verdict verdict;
			bool is_proof =
			        every_result[i] == GATE_PASS && every_result[j] == GATE_PASS;

			bench_init(&b);
			look_both(&b, 15, GATE_PASS);
			gate_says(&b, 0, every_result[i]);
			gate_says(&b, 1, every_result[j]);
			look(&b, 30);
			verdict = b.evaluation->verdict;
			ck_assert_int_eq(b.evaluation->all_pass, is_proof);
			ck_assert_int_eq(verdict == VERDICT_PASS, is_proof);
			ck_assert_int_eq(b.checkpoint.observed_ms, is_proof ? EVERY_MS : 0);
			ck_assert_int_eq(b.checkpoint.last_passed, is_proof);
			evaluation_free(&b.evaluation);
			free(b.checkpoint.gates);
			/* The order of the gates changes nothing. */
			bench_init(&b);
			gate_says(&b, 0, every_result[j]);
			gate_says(&b, 1, every_result[i]);
			ck_assert_int_eq(look(&b, 30)->verdict, verdict);
			bench_fini(&b);
		}
	}
}
END_TEST

START_TEST(the_worst_gate_decides)
{
	struct bench b;

	bench_init(&b);
	b.rungs[1][0].then = RUNG_ROLLBACK;
	gate_says(&b, 0, GATE_NO_DATA);
	look(&b, 15);
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_HOLD);
	ck_assert_int_eq(b.evaluation->decisive, 0);
	gate_says(&b, 1, GATE_BREACH);
	look(&b, 30);
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_ROLLBACK);
	ck_assert_int_eq(b.evaluation->decisive, 1);
	ck_assert_int_eq(look_both(&b, 45, GATE_PASS)->decisive, -1);
	bench_fini(&b);
}
END_TEST

START_TEST(of_two_rollbacks_the_option_that_stands_earlier_decides)
{
	struct bench b;

	bench_init(&b);
	for (size_t i = 0; i < GATES; i++) {
		b.rungs[i][0].then = RUNG_ROLLBACK;
		b.rungs[i][0].option = b.options[1 - i];
	}
	look_both(&b, 15, GATE_BREACH);
	ck_assert_int_eq(b.evaluation->decisive, 1);
	ck_assert_str_eq(b.evaluation->gates[1].option, "kill_switch");
	/* The same within one ladder. */
	b.gates[0].nrungs = 2;
	b.rungs[0][1] = b.rungs[0][0];
	b.rungs[0][1].option = b.options[0];
	look_both(&b, 30, GATE_BREACH);
	ck_assert_str_eq(b.evaluation->gates[0].option, "kill_switch");
	ck_assert_int_eq(b.evaluation->gates[0].fired, 1);
	bench_fini(&b);
}
END_TEST

START_TEST(gates_count_in_their_place_only)
{
	/* clang-format off */
	static const struct {
		const char *why;
		enum release_state state;
		int64_t stage;
		bool errors, latency; /* latency: in preflight, too */
	} rows[] = {
		{ "nothing has begun",                   RELEASE_PLANNED,      GO,     false, false },
		{ "preflight has what names it",         RELEASE_RUNNING,      GO,     false, true },
		{ "a rollout stage has all",             RELEASE_RUNNING,      CANARY, true,  true },
		{ "a verify stage as well",              RELEASE_RUNNING,      WATCH,  true,  true },
		{ "a pause changes no gate",             RELEASE_PAUSED,       CANARY, true,  true },
		{ "on the way back no gate acts",        RELEASE_ROLLING_BACK, CANARY, false, false },
		{ "afterwards those listed for it",      RELEASE_STABILISING,  CANARY, true,  false },
		{ "a failed way back waits for people",  RELEASE_FAILED,       CANARY, false, false },
		{ "what is over is over",                RELEASE_COMPLETED,    WATCH,  false, false },
		{ "rolled back",                         RELEASE_ROLLED_BACK,  CANARY, false, false },
		{ "resolved",                            RELEASE_RESOLVED,     CANARY, false, false },
		{ "cancelled",                           RELEASE_CANCELLED,    GO,     false, false },
		{ "no such stage",                       RELEASE_RUNNING,      STAGES, false, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.gates[1].in = GATE_IN_ALL;
		b.release.state = rows[i].state;
		b.release.stage = rows[i].stage;
		look_both(&b, 15, GATE_BREACH);
		ck_assert_msg(b.evaluation->gates[0].counts == rows[i].errors, "%s: errors",
		              rows[i].why);
		ck_assert_msg(b.evaluation->gates[1].counts == rows[i].latency, "%s: latency",
		              rows[i].why);
		ck_assert_msg(b.evaluation->gates[0].result == GATE_BREACH, "%s: it is shown",
		              rows[i].why);
		ck_assert_msg((b.evaluation->verdict == VERDICT_PAUSE) ==
		                      (rows[i].errors || rows[i].latency),
		              "%s: the verdict", rows[i].why);
		ck_assert_msg(!b.evaluation->all_pass, "%s: no pass", rows[i].why);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(votes_are_not_collected_where_a_gate_does_not_count)
{
	struct bench b;

	bench_init(&b);
	b.rungs[0][0].votes_needed = b.rungs[0][0].votes_of = 2;
	b.release.stage = b.checkpoint.stage = GO;
	for (int64_t at = 0; at < 60; at += 15)
		look_both(&b, at, GATE_BREACH);
	b.release.stage = CANARY;
	look_both(&b, 60, GATE_BREACH);
	ck_assert_int_eq(b.evaluation->gates[0].fired, -1);
	ck_assert_int_eq(look_both(&b, 75, GATE_BREACH)->gates[0].fired, 0);
	bench_fini(&b);
}
END_TEST

START_TEST(without_a_counting_gate_an_exposed_stage_holds_and_preflight_passes)
{
	/* clang-format off */
	static const struct {
		const char *why;
		enum release_state state;
		int64_t stage;
		bool is_pass;
	} rows[] = {
		{ "preflight lives by checks and approvals", RELEASE_RUNNING, GO, true },
		{ "also while paused",                       RELEASE_PAUSED, GO, true },
		{ "a rollout stage needs proof",             RELEASE_RUNNING, CANARY, false },
		{ "a verify stage, too",                     RELEASE_RUNNING, WATCH, false },
		{ "so does the way back",                    RELEASE_STABILISING, CANARY, false },
		{ "even out of preflight",                   RELEASE_STABILISING, GO, false },
		{ "and what has not begun",                  RELEASE_PLANNED, GO, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.policy.ngates = 0;
		b.release.state = rows[i].state;
		b.release.stage = rows[i].stage;
		look(&b, 15);
		ck_assert_msg(b.evaluation->all_pass == rows[i].is_pass, "%s", rows[i].why);
		ck_assert_msg((b.evaluation->verdict == VERDICT_PASS) == rows[i].is_pass, "%s",
		              rows[i].why);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(a_waived_gate_counts_nowhere_in_its_stage)
{
	struct bench b;
	char reason[] = "flaky exporter";

	bench_init(&b);
	b.waiver = (struct waiver){.gate = b.names[0], .stage = b.stages[CANARY], .reason = reason};
	b.release.waivers = &b.waiver;
	b.release.nwaivers = 1;
	gate_says(&b, 0, GATE_BREACH);
	look(&b, 15);
	ck_assert(b.evaluation->all_pass);
	ck_assert(b.evaluation->gates[0].waived);
	ck_assert(!b.evaluation->gates[0].counts);
	ck_assert_int_eq(b.evaluation->gates[0].result, GATE_BREACH);
	b.release.state = RELEASE_STABILISING;
	ck_assert(!look(&b, 30)->all_pass);
	b.release.state = RELEASE_RUNNING;
	b.release.stage = WATCH;
	look(&b, 45);
	ck_assert(!b.evaluation->gates[0].waived);
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_PAUSE);
	bench_fini(&b);
}
END_TEST

START_TEST(a_person_may_waive_the_only_gate_and_answers_for_it)
{
	struct bench b;

	bench_init(&b);
	b.policy.ngates = 1;
	b.waiver = (struct waiver){.gate = b.names[0], .stage = b.stages[CANARY]};
	b.release.waivers = &b.waiver;
	b.release.nwaivers = 1;
	look(&b, 15);
	ck_assert(b.evaluation->all_pass);
	ck_assert_int_eq(b.evaluation->decisive, -1);
	b.gates[0].shadow = true;
	look(&b, 30);
	ck_assert_msg(!b.evaluation->all_pass,
	              "a shadow gate never counted: waiving it excuses nothing");
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_HOLD);
	bench_fini(&b);
}
END_TEST

START_TEST(shadow_gates_and_missing_optional_ones_do_not_block)
{
	struct bench b;

	bench_init(&b);
	b.gates[0].shadow = true;
	gate_says(&b, 0, GATE_BREACH);
	look(&b, 15);
	ck_assert(b.evaluation->all_pass);
	ck_assert_int_eq(b.evaluation->gates[0].verdict, VERDICT_PAUSE);
	b.gates[0].shadow = false;
	b.gates[0].optional = true;
	gate_says(&b, 0, GATE_NO_DATA);
	ck_assert_msg(!look(&b, 30)->all_pass, "its rung stands");
	look_both(&b, 45, GATE_PASS);
	gate_says(&b, 0, GATE_NO_DATA);
	ck_assert(look(&b, 60)->all_pass);
	gate_says(&b, 0, GATE_INSUFFICIENT);
	ck_assert(!look(&b, 75)->all_pass);
	gate_says(&b, 0, GATE_BREACH);
	ck_assert_int_eq(look(&b, 90)->verdict, VERDICT_PAUSE);
	bench_fini(&b);
}
END_TEST

START_TEST(while_a_stage_is_entered_nothing_passes_and_breaches_pause)
{
	struct bench b;

	bench_init(&b);
	b.checkpoint.fresh_rounds = 100;
	b.release.step = STEP_ENTERING;
	look_both(&b, 15, GATE_PASS);
	ck_assert_int_eq(b.evaluation->gates[0].result, GATE_WARMING);
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_HOLD);
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 0);
	ck_assert_int_eq(look_both(&b, 30, GATE_NO_DATA)->verdict, VERDICT_HOLD);
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 1);
	ck_assert_int_eq(look_both(&b, 45, GATE_BREACH)->verdict, VERDICT_PAUSE);
	b.release.state = RELEASE_PAUSED;
	b.release.step = STEP_NONE;
	b.release.paused_step = STEP_ENTERING;
	ck_assert_int_eq(look_both(&b, 60, GATE_PASS)->gates[0].result, GATE_WARMING);
	bench_fini(&b);
}
END_TEST

START_TEST(a_breach_counts_after_the_stage_has_settled)
{
	struct bench b;

	bench_init(&b);
	b.stage[CANARY].settle_ms = 60000;
	look_both(&b, 45, GATE_BREACH);
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_HOLD);
	ck_assert_int_eq(b.evaluation->gates[0].result, GATE_BREACH);
	ck_assert_int_eq(look_both(&b, 60, GATE_BREACH)->verdict, VERDICT_PAUSE);
	b.release.step = STEP_ENTERING;
	ck_assert_int_eq(look_both(&b, 75, GATE_BREACH)->verdict, VERDICT_HOLD);
	b.release.state = RELEASE_STABILISING;
	ck_assert_int_eq(look_both(&b, 90, GATE_BREACH)->verdict, VERDICT_PAUSE);
	bench_fini(&b);
}
END_TEST

/* Letters at one interval each: P pass, B breach that fires, h breach that does not, - no data, w
 * warming;
 * '.' no evaluation at all. */
static void walk(struct bench *b, int64_t from_s, const char *letters)
{
	for (size_t i = 0; letters[i]; i++) {
		int64_t at_s = from_s + (int64_t)i * EVERY_MS / 1000;
		bool fires = letters[i] == 'B';

		b->rungs[0][0].votes_needed = b->rungs[0][0].votes_of = fires ? 1 : 30;
		b->rungs[1][0] = b->rungs[0][0];
		switch (letters[i]) {
		case '.':
			break;
		case 'P':
			look_both(b, at_s, GATE_PASS);
			break;
		case 'B':
		case 'h':
			look_both(b, at_s, GATE_BREACH);
			break;
		case 'w':
			look_both(b, at_s, GATE_WARMING);
			break;
		default:
			look_both(b, at_s, GATE_NO_DATA);
			break;
		}
	}
}

START_TEST(green_time_is_what_lies_between_two_passes)
{
	/* clang-format off */
	static const struct {
		const char *why, *letters;
		int64_t intervals, passes;
	} rows[] = {
		{ "one pass is an instant",               "P", 0, 1 },
		{ "four passes span three intervals",     "PPPP", 3, 4 },
		{ "one missed round is bridged",          "PP.P", 3, 3 },
		{ "two missed rounds add nothing",        "PP..PP", 2, 4 },
		{ "a round without data adds nothing",    "PP-PP", 2, 4 },
		{ "nor does a breach that has not fired", "PPhPP", 2, 4 },
		{ "nor does warming",                     "wwPP", 1, 2 },
		{ "a pause starts again from nothing",    "PPPBPP", 1, 2 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		walk(&b, 15, rows[i].letters);
		ck_assert_msg(b.checkpoint.observed_ms == rows[i].intervals * EVERY_MS,
		              "%s: observed %lld ms", rows[i].why,
		              (long long)b.checkpoint.observed_ms);
		ck_assert_msg(b.checkpoint.passes == rows[i].passes, "%s: %lld passes", rows[i].why,
		              (long long)b.checkpoint.passes);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(a_missing_optional_gate_alone_proves_nothing)
{
	struct bench b;

	bench_init(&b);
	b.gates[0].optional = b.gates[1].optional = true;
	ck_assert(!look_both(&b, 15, GATE_NO_DATA)->all_pass);
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_HOLD);
	ck_assert_int_eq(b.evaluation->decisive, -1);
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 0); /* it only began to watch */
	b.checkpoint.fresh_rounds = 100;
	walk(&b, 30, "---");
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 3);
	ck_assert_int_eq(b.checkpoint.no_proof_since.ms, T0 + 30000);
	walk(&b, 75, "P");
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 0);
	bench_fini(&b);
}
END_TEST

START_TEST(too_long_without_a_pass_starts_the_bake_again)
{
	/* clang-format off */
	static const struct {
		const char *why;
		int64_t bake_s, gap_s;
		bool is_kept;
	} rows[] = {
		{ "five minutes are kept", 900, 300, true },
		{ "a second more is not", 900, 301, false },
		{ "a tenth of a long bake is kept", 7200, 720, true },
		{ "a second more than that is not", 7200, 721, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int silent = 0; silent < 2; silent++) {
			struct bench b;

			bench_init(&b);
			b.stage[CANARY].bake_ms = rows[i].bake_s * 1000;
			walk(&b, 15, "PPP"); /* the last at 45 s */
			if (silent)          /* evaluations without data do not shorten the gap */
				walk(&b, 60, "---");
			walk(&b, 45 + rows[i].gap_s, "P");
			ck_assert_msg((b.checkpoint.observed_ms > 0) == rows[i].is_kept, "%s",
			              rows[i].why);
			ck_assert_msg(b.checkpoint.passes == (rows[i].is_kept ? 4 : 1), "%s",
			              rows[i].why);
			bench_fini(&b);
		}
	}
}
END_TEST

START_TEST(a_bake_does_not_grow_while_paused_and_outlives_a_persons_pause)
{
	struct bench b;

	bench_init(&b);
	walk(&b, 15, "PPP");
	b.release.state = RELEASE_PAUSED;
	b.release.paused_step = STEP_BAKING;
	walk(&b, 60, "PPPPPPPPPPPPPPPPPPPPPPPPPPPPPP"); /* 7.5 minutes */
	ck_assert_int_eq(b.checkpoint.observed_ms, 30000);
	ck_assert_int_eq(b.checkpoint.passes, 3);
	b.release.state = RELEASE_RUNNING;
	walk(&b, 510, "P");
	ck_assert_int_eq(b.checkpoint.observed_ms, 30000);
	walk(&b, 525, "P");
	ck_assert_int_eq(b.checkpoint.observed_ms, 45000);
	bench_fini(&b);
}
END_TEST

START_TEST(a_pause_between_two_evaluations_adds_nothing_either)
{
	struct bench b;

	bench_init(&b);
	walk(&b, 15, "PP");
	b.release.votes_since.ms = T0 + 40000; /* resumed */
	walk(&b, 45, "PP");
	ck_assert_int_eq(b.checkpoint.observed_ms, 30000);
	bench_fini(&b);
}
END_TEST

START_TEST(a_stage_starts_with_an_empty_bake_and_the_votes_of_the_last_one)
{
	struct bench b;

	bench_init(&b);
	b.rungs[0][0].votes_needed = b.rungs[0][0].votes_of = 3;
	walk(&b, 15, "PPP");
	walk(&b, 60, "hh");
	b.release.stage = WATCH;
	b.release.stage_since.ms = T0 + 75000; /* the instant of the evaluation that led here */
	walk(&b, 90, "P");
	ck_assert_int_eq(b.checkpoint.observed_ms, 0);
	ck_assert_int_eq(b.checkpoint.passes, 1);
	ck_assert_int_eq(b.checkpoint.stage, WATCH);
	ck_assert_uint_eq(b.checkpoint.gates[0].rungs[0].nvotes, 6);
	bench_fini(&b);
}
END_TEST

START_TEST(stabilising_has_its_own_green_time_and_a_breach_restarts_it)
{
	struct bench b;

	bench_init(&b);
	walk(&b, 15, "PPPP");
	b.release.state = RELEASE_STABILISING;
	b.release.step = STEP_NONE;
	b.release.rollback.stabilising_since.ms = T0 + 70000;
	walk(&b, 75, "PPP");
	ck_assert_int_eq(b.checkpoint.observed_ms, 30000);
	walk(&b, 120, "-P");
	ck_assert_int_eq(b.checkpoint.observed_ms, 30000);
	walk(&b, 150, "B");
	ck_assert_int_eq(b.checkpoint.observed_ms, 0);
	bench_fini(&b);
}
END_TEST

/* Else the page would say "rolls back" of a release that has. */
START_TEST(what_fired_on_the_way_out_does_not_stand_on_the_way_back)
{
	struct bench b;

	bench_init(&b);
	b.rungs[0][0].then = RUNG_ROLLBACK;
	look_both(&b, 15, GATE_BREACH);
	ck_assert_int_eq(look_both(&b, 30, GATE_NO_DATA)->verdict, VERDICT_ROLLBACK);
	b.release.state = RELEASE_STABILISING;
	b.release.step = STEP_NONE;
	b.release.rollback.stabilising_since.ms = T0 + 35000;
	ck_assert_int_eq(look_both(&b, 45, GATE_WARMING)->verdict, VERDICT_HOLD);
	ck_assert_int_eq(look_both(&b, 60, GATE_BREACH)->verdict, VERDICT_ROLLBACK);
	ck_assert_int_eq(look_both(&b, 75, GATE_NO_DATA)->verdict, VERDICT_ROLLBACK);
	bench_fini(&b);
}
END_TEST

START_TEST(entering_and_planned_add_no_green_time)
{
	/* clang-format off */
	static const struct { enum release_state state; enum stage_step step; } rows[] = {
		{ RELEASE_PLANNED, STEP_NONE }, { RELEASE_RUNNING, STEP_ENTERING },
		{ RELEASE_ROLLING_BACK, STEP_NONE }, { RELEASE_FAILED, STEP_NONE },
		{ RELEASE_COMPLETED, STEP_NONE },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.release.state = rows[i].state;
		b.release.step = rows[i].step;
		walk(&b, 15, "PPPP");
		ck_assert_int_eq(b.checkpoint.observed_ms, 0);
		ck_assert_int_eq(b.checkpoint.passes, 0);
		ck_assert(!b.checkpoint.last_passed);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(a_clock_that_goes_back_adds_nothing)
{
	struct bench b;

	bench_init(&b);
	walk(&b, 60, "PP");
	walk(&b, 50, "P");
	ck_assert_int_eq(b.checkpoint.observed_ms, 15000);
	bench_fini(&b);
}
END_TEST

START_TEST(rounds_without_proof_are_counted_until_a_pass_or_a_rung)
{
	/* clang-format off */
	static const struct {
		const char *why, *letters;
		int64_t rounds, since_s; /* 0: nothing missing */
	} rows[] = {
		{ "three in a row", "P---", 3, 1030 },
		{ "a pass ends it", "---P", 0, 0 },
		{ "a breach without a fired rung lacks proof", "P-h-", 3, 1030 },
		{ "a fired rung is another matter", "P--B", 0, 0 },
		{ "the silence after it is not", "PB---", 3, 1045 },
		{ "late warming is missing proof", "P-ww", 3, 1030 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.checkpoint.fresh_rounds = 100;
		walk(&b, 1015, rows[i].letters);
		ck_assert_msg(b.checkpoint.no_proof_rounds == rows[i].rounds, "%s: %lld",
		              rows[i].why, (long long)b.checkpoint.no_proof_rounds);
		ck_assert_msg(b.checkpoint.no_proof_since.ms ==
		                      (rows[i].rounds ? T0 + rows[i].since_s * 1000 : 0),
		              "%s: since", rows[i].why);
		bench_fini(&b);
	}
}
END_TEST

START_TEST(each_gate_is_silent_for_a_time_of_its_own)
{
	const struct gate_state *states;
	struct bench b;

	bench_init(&b);
	b.checkpoint.fresh_rounds = 100;
	b.rungs[0][0].votes_needed = b.rungs[0][0].votes_of = 30;
	walk(&b, 1000, "P");
	states = b.checkpoint.gates;
	gate_says(&b, 0, GATE_NO_DATA);
	look(&b, 1015);
	gate_says(&b, 0, GATE_STALE);
	look(&b, 1030);
	ck_assert_int_eq(states[0].silent_since.ms, T0 + 1015000);
	ck_assert_int_eq(states[1].silent_since.ms, 0);
	gate_says(&b, 0, GATE_BREACH); /* without votes enough: evidence all the same */
	gate_says(&b, 1, GATE_WARMING);
	look(&b, 1045);
	ck_assert_int_eq(states[0].silent_since.ms, 0);
	ck_assert_int_eq(states[1].silent_since.ms, T0 + 1045000);
	ck_assert_int_eq(b.checkpoint.no_proof_since.ms, T0 + 1015000);
	b.release.state = RELEASE_PAUSED;
	look(&b, 1060);
	ck_assert_int_eq(states[1].silent_since.ms, 0);
	b.release.state = RELEASE_RUNNING;
	b.gates[1].optional = true;
	gate_says(&b, 1, GATE_NO_DATA);
	look(&b, 1075);
	ck_assert_msg(states[1].silent_since.ms == 0, "it does not count");
	bench_fini(&b);
}
END_TEST

START_TEST(the_first_range_of_an_exposure_or_a_takeover_warms_by_design)
{
	struct bench b;

	bench_init(&b);
	b.checkpoint.fresh_rounds = 100;
	walk(&b, 15, "wwwww"); /* to 75 s: one range and two intervals are 90 s */
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 0);
	walk(&b, 90, "www");
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 2);
	b.checkpoint.fresh_rounds = 0; /* taken over */
	walk(&b, 135, "www--");
	ck_assert_int_eq(b.checkpoint.no_proof_rounds,
	                 2); /* too early to say; not forgotten either */
	b.checkpoint.fresh_rounds = 100;
	walk(&b, 210, "--");
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 4);
	bench_fini(&b);
}
END_TEST

START_TEST(slow_evaluations_bake_and_vote_too)
{
	const int64_t every_s = 6 * 60;
	struct bench b;

	bench_init(&b);
	b.evidence.evaluate_every_ms = every_s * 1000;
	for (int64_t i = 1; i <= 4; i++)
		look_both(&b, i * every_s, GATE_PASS);
	ck_assert_int_eq(b.checkpoint.observed_ms, 3 * every_s * 1000);
	ck_assert_int_eq(b.checkpoint.passes, 4);
	b.rungs[0][0].votes_needed = b.rungs[0][0].votes_of = 3;
	b.rungs[1][0] = b.rungs[0][0];
	look_both(&b, 5 * every_s, GATE_BREACH);
	look_both(&b, 6 * every_s, GATE_BREACH);
	ck_assert_int_eq(b.evaluation->verdict, VERDICT_HOLD);
	ck_assert_int_eq(look_both(&b, 7 * every_s, GATE_BREACH)->verdict, VERDICT_PAUSE);
	bench_fini(&b);
}
END_TEST

START_TEST(a_waiver_ends_with_its_stage_and_stabilising_is_none)
{
	struct bench b;

	bench_init(&b);
	b.waiver = (struct waiver){.gate = b.names[0], .stage = b.stages[CANARY]};
	b.release.waivers = &b.waiver;
	b.release.nwaivers = 1;
	b.release.state = RELEASE_STABILISING;
	b.release.step = STEP_NONE;
	b.release.rollback.stabilising_since.ms = T0 + 70000;
	walk(&b, 75, "-PPP");
	ck_assert(b.evaluation->gates[0].counts);
	ck_assert(!b.evaluation->gates[0].waived);
	ck_assert(b.evaluation->all_pass);
	ck_assert_int_eq(b.checkpoint.observed_ms, 30000);
	bench_fini(&b);
}
END_TEST

START_TEST(a_verify_stage_before_any_exposure_bakes_without_gates)
{
	struct bench b;

	bench_init(&b);
	b.stage[CANARY].kind = STAGE_VERIFY;
	b.release.exposed = false;
	b.release.exposure_since.ms = 0;
	for (size_t i = 0; i < GATES; i++)
		b.gates[i].in = GATE_IN_STAGES;
	walk(&b, 15, "PPP");
	ck_assert(b.evaluation->all_pass);
	ck_assert_int_eq(b.checkpoint.observed_ms, 30000);
	bench_fini(&b);
}
END_TEST

/* Seen in the demo: errors in the first ten seconds of a canary were reported as missing evidence.
 */
START_TEST(an_early_breach_makes_no_evidence_missing_of_gates_that_warm)
{
	struct bench b;

	bench_init(&b);
	b.checkpoint.fresh_rounds = 100;
	b.rungs[0][0].then = RUNG_NOTE; /* fires nothing, whatever the votes */
	for (int64_t at_s = 15; at_s <= 75; at_s += 15) {
		gate_says(&b, 0, GATE_BREACH);
		gate_says(&b, 1, GATE_WARMING);
		look(&b, at_s);
	}
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 0);
	bench_fini(&b);
}
END_TEST

START_TEST(a_gate_that_asks_does_not_hide_that_another_lacks_proof)
{
	struct bench b;

	bench_init(&b);
	b.checkpoint.fresh_rounds = 100;
	b.rungs[0][0].then = RUNG_ASK;
	for (int64_t at_s = 15; at_s <= 75; at_s += 15) {
		gate_says(&b, 0, GATE_BREACH);
		gate_says(&b, 1, at_s < 30 ? GATE_PASS : GATE_NO_DATA);
		ck_assert_int_eq(look(&b, at_s)->verdict, VERDICT_ASK);
	}
	ck_assert_int_eq(b.checkpoint.no_proof_rounds, 4);
	ck_assert_int_eq(b.checkpoint.no_proof_since.ms, T0 + 30000);
	bench_fini(&b);
}
END_TEST

START_TEST(evaluations_are_numbered_and_remembered)
{
	struct bench b;

	bench_init(&b);
	b.checkpoint.evaluation = 41;
	b.release.row_version = 7;
	look(&b, 15);
	ck_assert_int_eq(b.evaluation->number, 42);
	ck_assert_int_eq(b.evaluation->at.ms, T0 + 15000);
	ck_assert_int_eq(b.checkpoint.evaluation, 42);
	ck_assert_int_eq(b.checkpoint.fresh_rounds, 1);
	ck_assert_int_eq(b.checkpoint.row_version, 7);
	ck_assert_uint_eq(b.checkpoint.ngates, GATES);
	ck_assert_int_eq(b.checkpoint.last_evaluation.ms, T0 + 15000);
	bench_fini(&b);
}
END_TEST

START_TEST(a_commit_the_checkpoint_missed_is_followed)
{
	struct bench b;

	bench_init(&b);
	b.rungs[0][0].votes_needed = b.rungs[0][0].votes_of = 2;
	look_both(&b, 15, GATE_BREACH);
	b.release.row_version = b.release.votes_version = b.release.bake_version = 5;
	look_both(&b, 30, GATE_BREACH);
	ck_assert_int_eq(b.evaluation->gates[0].fired, -1);
	ck_assert_uint_eq(b.checkpoint.gates[0].rungs[0].nvotes, 1);
	bench_fini(&b);
}
END_TEST

START_TEST(a_copy_stands_alone)
{
	struct bench b;
	struct evaluation *copy;

	bench_init(&b);
	look_both(&b, 15, GATE_NO_DATA);
	copy = evaluation_copy(b.evaluation);
	ck_assert_ptr_nonnull(copy);
	evaluation_free(&b.evaluation);
	ck_assert_str_eq(copy->gates[1].sentence, "no data: because");
	ck_assert_int_eq(copy->kpis[0].range_ms, 60000);
	evaluation_free(&copy);
	ck_assert_ptr_null(copy);
	evaluation_free(&copy);
	bench_fini(&b);
}
END_TEST

START_TEST(an_evaluation_is_written_with_what_decided_it)
{
	struct bench b;
	json_t *json, *gate, *rung;

	bench_init(&b);
	b.reading.value = (double)NAN;
	b.rungs[0][0].then = RUNG_ROLLBACK;
	b.rungs[0][0].option = b.options[0];
	gate_says(&b, 0, GATE_BREACH);
	look(&b, 15);
	json = evaluation_to_json(b.evaluation, &b.policy);
	ck_assert_ptr_nonnull(json);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "number")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json, "at")),
	                 "2023-11-14T22:13:35.000Z");
	ck_assert_str_eq(json_string_value(json_object_get(json, "stage")), "canary");
	ck_assert_str_eq(json_string_value(json_object_get(json, "verdict")), "rollback");
	ck_assert_str_eq(json_string_value(json_object_get(json, "decisive")), "errors");
	ck_assert(json_is_false(json_object_get(json, "all_pass")));
	gate = json_array_get(json_object_get(json, "gates"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(gate, "gate")), "errors");
	ck_assert_str_eq(json_string_value(json_object_get(gate, "result")), "breach");
	ck_assert_double_eq(json_real_value(json_object_get(gate, "value")), 5);
	ck_assert(json_is_null(json_object_get(gate, "events")));
	rung = json_object_get(gate, "rung");
	ck_assert_double_eq(json_real_value(json_object_get(rung, "above")), 1);
	ck_assert_str_eq(json_string_value(json_object_get(rung, "for")), "1 of 1");
	ck_assert_str_eq(json_string_value(json_object_get(rung, "then")), "rollback");
	ck_assert_str_eq(json_string_value(json_object_get(rung, "option")), "kill_switch");
	gate = json_array_get(json_object_get(json, "gates"), 1);
	ck_assert(json_is_null(json_object_get(gate, "rung")));
	ck_assert(json_is_null(
	        json_object_get(json_array_get(json_object_get(json, "kpis"), 0), "value")));
	json_decref(json);
	bench_fini(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evaluate");
	TCase *tcase = tcase_create("evaluate");

	tcase_add_test(tcase, only_passes_together_are_a_pass);
	tcase_add_test(tcase, the_worst_gate_decides);
	tcase_add_test(tcase, of_two_rollbacks_the_option_that_stands_earlier_decides);
	tcase_add_test(tcase, gates_count_in_their_place_only);
	tcase_add_test(tcase, votes_are_not_collected_where_a_gate_does_not_count);
	tcase_add_test(tcase, without_a_counting_gate_an_exposed_stage_holds_and_preflight_passes);
	tcase_add_test(tcase, a_waived_gate_counts_nowhere_in_its_stage);
	tcase_add_test(tcase, a_person_may_waive_the_only_gate_and_answers_for_it);
	tcase_add_test(tcase, shadow_gates_and_missing_optional_ones_do_not_block);
	tcase_add_test(tcase, a_missing_optional_gate_alone_proves_nothing);
	tcase_add_test(tcase, while_a_stage_is_entered_nothing_passes_and_breaches_pause);
	tcase_add_test(tcase, a_breach_counts_after_the_stage_has_settled);
	tcase_add_test(tcase, green_time_is_what_lies_between_two_passes);
	tcase_add_test(tcase, too_long_without_a_pass_starts_the_bake_again);
	tcase_add_test(tcase, a_bake_does_not_grow_while_paused_and_outlives_a_persons_pause);
	tcase_add_test(tcase, a_pause_between_two_evaluations_adds_nothing_either);
	tcase_add_test(tcase, a_stage_starts_with_an_empty_bake_and_the_votes_of_the_last_one);
	tcase_add_test(tcase, stabilising_has_its_own_green_time_and_a_breach_restarts_it);
	tcase_add_test(tcase, what_fired_on_the_way_out_does_not_stand_on_the_way_back);
	tcase_add_test(tcase, entering_and_planned_add_no_green_time);
	tcase_add_test(tcase, a_clock_that_goes_back_adds_nothing);
	tcase_add_test(tcase, rounds_without_proof_are_counted_until_a_pass_or_a_rung);
	tcase_add_test(tcase, each_gate_is_silent_for_a_time_of_its_own);
	tcase_add_test(tcase, the_first_range_of_an_exposure_or_a_takeover_warms_by_design);
	tcase_add_test(tcase, slow_evaluations_bake_and_vote_too);
	tcase_add_test(tcase, a_waiver_ends_with_its_stage_and_stabilising_is_none);
	tcase_add_test(tcase, a_verify_stage_before_any_exposure_bakes_without_gates);
	tcase_add_test(tcase, an_early_breach_makes_no_evidence_missing_of_gates_that_warm);
	tcase_add_test(tcase, a_gate_that_asks_does_not_hide_that_another_lacks_proof);
	tcase_add_test(tcase, evaluations_are_numbered_and_remembered);
	tcase_add_test(tcase, a_commit_the_checkpoint_missed_is_followed);
	tcase_add_test(tcase, a_copy_stands_alone);
	tcase_add_test(tcase, an_evaluation_is_written_with_what_decided_it);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
