/*
 * run - many stories, each from its own seed; the last line says how many passed.
 *
 *   run [--stories N] [--from SEED]            10,000 stories, then each mutant must be caught
 *   run --seed N [--mutant NAME]               one story with its trace
 *   run --mutant NAME [--stories N]            the first story that shows the mutant
 *
 * tests/simulation/README.md says what is modelled.
 */
#include "simulation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"

#define STORIES 10000
#define MUTANT_STORIES 2000
#define SHOWN_MAX 10
#define JOBS 2 /* processes */

const char *const mutant_names[MUTANT_COUNT + 1] = {
        "none", "no-cas", "no-fence", "no-supersede", "no-resend", "no-readback", "no-guard", NULL};

static const char policy_text[] =
        "policy: shop\n"
        "evaluate_every: 15s\n"
        "sources:\n"
        "  app: {scrape: [\"http://shop.internal/metrics\"], every: 15s}\n"
        "kpis:\n"
        "  error_rate: {unit: ratio, expr: max(error_ratio)}\n"
        "  latency: {unit: seconds, expr: max(latency_seconds)}\n"
        "gates:\n"
        "  errors:\n"
        "    threshold: error_rate\n"
        "    min_events: 0\n"
        "    rungs:\n"
        "      - {above: 2%, for: 1 of 1, then: pause}\n"
        "      - {above: 10%, for: 2 of 3, then: rollback}\n"
        "  latency:\n"
        "    threshold: latency\n"
        "    above: 500ms\n"
        "    for: 2 of 2\n"
        "    then: pause\n"
        "    waivable_by: [release_manager]\n"
        "stages:\n"
        "  - {stage: canary, weight: 10, bake: 1m, enter: [set_weight, tell_mirror]}\n"
        "  - {stage: full, weight: 100, bake: 1m, enter: [set_weight, tell_mirror]}\n"
        "actions:\n"
        "  set_weight: {to: deployer, path: /weights, body: {weight: \"${stage.weight}\"}}\n"
        "  tell_mirror: {to: mirror, path: /weights, body: {weight: \"${stage.weight}\"}}\n"
        "  weight_zero: {to: deployer, path: /weights, body: {weight: 0}}\n"
        "  mirror_zero: {to: mirror, path: /weights, body: {weight: 0}}\n"
        "  redeploy: {to: deployer, path: /deploy, body: {version: \"${stable_version}\", "
        "weight: 0}}\n"
        "  mirror_back: {to: mirror, path: /deploy, body: {version: \"${stable_version}\", "
        "weight: 0}}\n"
        "  flags_off: {to: deployer, path: /flags, body: {weight: 0}}\n"
        "  mirror_off: {to: mirror, path: /flags, body: {weight: 0}}\n"
        "  try_out: {to: deployer, path: /try, body: {weight: 0}}\n"
        "  try_mirror: {to: mirror, path: /try, body: {weight: 0}}\n"
        "notice: 20s\n"
        "escalation: [{role: on_call}, {role: release_manager, after: 20s}, {role: cto, after: "
        "1m}]\n"
        "rollback:\n"
        "  dampen: [flags_off, mirror_off]\n"
        "  smoke: [try_out, try_mirror]\n"
        "  options:\n"
        "    - {option: kill_switch, actions: [weight_zero, mirror_zero], acknowledge: 1m}\n"
        "    - {option: previous_version, actions: [redeploy, mirror_back], acknowledge: 2m,\n"
        "       requires: reversible_migration}\n"
        "    - {option: by_hand, manual: true, acknowledge: 1m}\n"
        "  stabilise: {gates: [errors], bake: 1m, deadline: 5m}\n";

struct arguments {
	int64_t stories, from, seed;
	enum mutant mutant;
	bool is_one, only_mutant;
};

static struct policy *load_policy(void)
{
	struct policy_values values = {.service = "shop",
	                               .environment = "prod",
	                               .version = "1.4.0",
	                               .stable_version = "1.3.0"};
	struct policy *written = NULL;
	struct policy *bound = NULL;
	struct problems problems;
	struct buf text;
	struct err err = {0};

	problems_init(&problems);
	buf_init(&text, 65536);
	written = policy_from_yaml("shop.yaml", str_of(policy_text), NULL, &problems);
	problems_print(&problems, &text);
	if (written)
		bound = policy_bind(written, &values, &err);
	if (!bound)
		printf("%s%s\n", buf_str(&text).p, err.text);
	policy_free(&written);
	buf_fini(&text);
	problems_fini(&problems);
	return bound;
}

/* True when every oracle was content. */
static bool tell(const struct policy *policy, int64_t seed, enum mutant mutant, bool trace,
                 struct tally *tally, char why[400])
{
	struct story *s = calloc(1, sizeof(*s));
	bool ok = false;

	if (!s)
		abort();
	s->seed = (uint64_t)seed;
	s->trace = trace;
	s->mutant = mutant;
	s->policy = policy;
	ok = story_run(s, tally);
	memcpy(why, s->why, sizeof(s->why));
	free(s);
	return ok;
}

/* A model without one of its safeguards must be found out, or the oracles prove nothing. */
static bool catches(const struct policy *policy, enum mutant mutant, int64_t stories)
{
	struct tally tally = {0};
	char why[400];

	for (int64_t seed = 1; seed <= stories; seed++) {
		if (tell(policy, seed, mutant, false, &tally, why))
			continue;
		printf("mutant %s is caught by story %d: %s\n", mutant_names[mutant], (int)seed,
		       why);
		return true;
	}
	printf("FAIL mutant %s: %d stories did not notice\n", mutant_names[mutant], (int)stories);
	return false;
}

static bool parse(int argc, char **argv, struct arguments *a)
{
	struct err err;

	*a = (struct arguments){.stories = STORIES, .from = 1};
	for (int i = 1; i < argc; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";
		int64_t *number = NULL;

		if (strcmp(argv[i], "--mutant") == 0) {
			a->only_mutant = true;
			for (int m = 1; m < MUTANT_COUNT; m++) {
				if (strcmp(mutant_names[m], value) == 0)
					a->mutant = (enum mutant)m;
			}
			if (a->mutant == MUTANT_NONE)
				return false;
			continue;
		}
		if (strcmp(argv[i], "--stories") == 0)
			number = &a->stories;
		else if (strcmp(argv[i], "--from") == 0)
			number = &a->from;
		else if (strcmp(argv[i], "--seed") == 0)
			number = &a->seed;
		if (!number || !int_parse(str_of(value), number, &err))
			return false;
		a->is_one |= number == &a->seed;
	}
	return a->stories > 0;
}

/* Every JOBS-th story from the nth. */
static void run_share(const struct policy *policy, const struct arguments *a, int64_t nth,
                      struct tally *tally)
{
	char why[400];

	for (int64_t seed = a->from + nth; seed < a->from + a->stories; seed += JOBS) {
		if (tell(policy, seed, MUTANT_NONE, false, tally, why)) {
			tally->passed++;
			continue;
		}
		if (++tally->failed <= SHOWN_MAX)
			printf("FAIL story %d: %s\n", (int)seed, why);
	}
}

/* A share in a process of its own; the end of the pipe it reports to, or -1. */
static int start_share(const struct policy *policy, const struct arguments *a, int64_t nth,
                       pid_t *out_pid)
{
	struct tally tally = {0};
	int ends[2];

	if (pipe(ends) != 0)
		return -1;
	*out_pid = fork();
	if (*out_pid == 0) {
		run_share(policy, a, nth, &tally);
		(void)fflush(stdout);
		_exit(write(ends[1], &tally, sizeof(tally)) == (ssize_t)sizeof(tally) ? 0 : 1);
	}
	(void)close(ends[1]);
	return ends[0];
}

/* What the others found is added; a share that died is a failure. */
static void end_share(int from, pid_t pid, struct tally *sum)
{
	struct tally t = {0};
	int status = 0;

	if (from < 0 || pid < 0 || read(from, &t, sizeof(t)) != (ssize_t)sizeof(t)) {
		printf("FAIL: a share of the stories was not told to the end\n");
		t = (struct tally){.failed = 1};
	}
	if (from >= 0)
		(void)close(from);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0))
		t.failed += t.failed == 0;
	sum->passed += t.passed;
	sum->failed += t.failed;
	sum->completed += t.completed;
	sum->rolled_back += t.rolled_back;
	sum->resolved += t.resolved;
	sum->cancelled += t.cancelled;
	sum->crashes += t.crashes;
	sum->resent += t.resent;
	sum->repaired += t.repaired;
	sum->transitions += t.transitions;
}

static bool run_all(const struct policy *policy, const struct arguments *a)
{
	struct tally t = {0};
	int ends[JOBS];
	pid_t pids[JOBS];

	for (int i = 0; i < JOBS; i++) {
		pids[i] = -1;
		ends[i] = start_share(policy, a, i, &pids[i]);
	}
	for (int i = 0; i < JOBS; i++)
		end_share(ends[i], pids[i], &t);
	printf("%u completed, %u rolled back, %u resolved, %u cancelled; %u transitions, %u "
	       "crashes, %u rollbacks sent again, %u states mended\n",
	       t.completed, t.rolled_back, t.resolved, t.cancelled, t.transitions, t.crashes,
	       t.resent, t.repaired);
	for (int m = 1; m < MUTANT_COUNT; m++) {
		if (catches(policy, (enum mutant)m, MUTANT_STORIES))
			t.passed++;
		else
			t.failed++;
	}
	printf("%u passed, %u failed\n", t.passed, t.failed);
	return t.failed == 0;
}

int main(int argc, char **argv)
{
	struct arguments a;
	struct policy *policy = NULL;
	struct tally tally = {0};
	char why[400];
	bool ok = false;

	if (!parse(argc, argv, &a)) {
		printf("run [--stories N] [--from SEED] [--seed N] [--mutant "
		       "no-cas|no-fence|no-supersede|no-resend|no-readback|no-guard]\n");
		return EXIT_FAILURE;
	}
	policy = load_policy();
	if (!policy)
		return EXIT_FAILURE;
	if (a.is_one)
		ok = tell(policy, a.seed, a.mutant, true, &tally, why);
	else if (a.only_mutant)
		ok = catches(policy, a.mutant, a.stories);
	else
		ok = run_all(policy, &a);
	policy_free(&policy);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
