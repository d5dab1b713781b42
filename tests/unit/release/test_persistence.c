/*
 * persistence: what votes on separate windows are for, in numbers. The policy that newcomers start
 * with watches a thousand stages of a service in good health (0.5 % errors, at a limit of 1 %), a
 * thousand at 2 % and a thousand at 5 %: false pauses, false rollbacks, missed regressions and time
 * to detection are printed and bounded. Seeded; the same on every machine.
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "release/release.h"

#define T0 1700000000000
#define STAGES 1000
#define SCRAPE_MS 15000
#define SCRAPES 4 /* in the window of a minute */
#define PATIENCE_MS (6 * 60 * 60 * 1000)
#define TEXT_BYTES (64 * 1024)

static char root[512];

static char *slurp(const char *name)
{
	char path[1024], *text = calloc(1, TEXT_BYTES);
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/config/policies/%s", root, name);
	file = fopen(path, "r");
	ck_assert_msg(file != NULL && text != NULL, "cannot read %s", path);
	ck_assert_uint_gt(fread(text, 1, TEXT_BYTES - 1, file), 0);
	(void)fclose(file);
	return text;
}

static const char *read_beside(void *ctx, const char *path, size_t *out_n, struct err *err)
{
	char **kept = ctx;

	(void)err;
	ck_assert_msg(*kept == NULL, "more than one file is included");
	*kept = slurp(path);
	*out_n = strlen(*kept);
	return *kept;
}

/* The policy for one release. */
static struct policy *starter(void)
{
	char *text = slurp("starter.yaml"), *included = NULL;
	const struct policy_include include = {.read = read_beside, .ctx = &included};
	struct problems problems;
	struct policy *p, *bound;
	struct err err = {0};

	problems_init(&problems);
	p = policy_from_yaml("starter.yaml", str_of(text), &include, &problems);
	ck_assert_ptr_nonnull(p);
	bound = policy_bind(p,
	                    &(struct policy_values){.service = "shop",
	                                            .environment = "live",
	                                            .version = "2",
	                                            .stable_version = "1"},
	                    &err);
	ck_assert_msg(bound != NULL, "%s", err.text);
	policy_free(&p);
	problems_fini(&problems);
	free(included);
	free(text);
	return bound;
}

/* splitmix64 */
static double chance(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (double)((x ^ (x >> 31)) >> 11) / (double)(UINT64_C(1) << 53);
}

static unsigned errors_among(uint64_t *state, unsigned requests, double rate)
{
	unsigned n = 0;

	for (unsigned i = 0; i < requests; i++)
		n += chance(state) < rate;
	return n;
}

enum end { PASSED, PAUSED, ROLLED_BACK, UNDECIDED, ENDS };

/* The window: errors of its scrapes, and what the KPIs read as. */
struct sliding {
	unsigned errors[SCRAPES], per_scrape;
	size_t next;
};

static void read_kpis(const struct policy *p, const struct sliding *w, struct wall at,
                      struct kpi_reading *out)
{
	unsigned requests = SCRAPES * w->per_scrape, errors = 0;

	for (size_t i = 0; i < SCRAPES; i++)
		errors += w->errors[i];
	for (size_t k = 0; k < p->nkpis; k++) {
		const char *name = p->kpis[k].name;

		out[k] = (struct kpi_reading){.result = GATE_PASS,
		                              .value = strcmp(name, "requests") == 0 ? requests
		                                       : strcmp(name, "error_rate") == 0
		                                               ? (double)errors / requests
		                                               : 0.1,
		                              .range_ms = kpi_range_ms(&p->kpis[k]),
		                              .targets = 1,
		                              .targets_good = 1,
		                              .targets_covered = 1,
		                              .newest = at};
		out[k].covered = at.ms - T0 >= out[k].range_ms;
	}
}

/* One stage from its exposure to its end; good before. */
static enum end tell(const struct policy *p, uint64_t seed, unsigned per_window, double rate,
                     int64_t *out_ms)
{
	struct release r = {.state = RELEASE_RUNNING,
	                    .step = STEP_BAKING,
	                    .exposed = true,
	                    .stage_since = {T0},
	                    .exposure_since = {T0},
	                    .row_version = 1};
	struct sliding w = {.per_scrape = per_window / SCRAPES};
	struct kpi_reading readings[POLICY_MAX_KPIS];
	struct checkpoint c = {.row_version = 1};
	enum end end = UNDECIDED;
	uint64_t state = seed;

	for (size_t i = 0; i < SCRAPES; i++)
		w.errors[i] = errors_among(&state, w.per_scrape, 0.005);
	for (*out_ms = SCRAPE_MS; end == UNDECIDED && *out_ms < PATIENCE_MS; *out_ms += SCRAPE_MS) {
		struct gate_evidence evidence = {.at = {T0 + *out_ms},
		                                 .evaluate_every_ms = p->evaluate_every_ms,
		                                 .kpis = readings,
		                                 .kpi_list = p->kpis,
		                                 .nkpis = p->nkpis};
		struct evaluation *e;
		struct err err;

		w.errors[w.next++ % SCRAPES] = errors_among(&state, w.per_scrape, rate);
		read_kpis(p, &w, evidence.at, readings);
		e = release_evaluate(&r, p, &evidence, &c, &err);
		ck_assert_ptr_nonnull(e);
		if (e->verdict == VERDICT_ROLLBACK)
			end = ROLLED_BACK;
		else if (e->verdict == VERDICT_PAUSE)
			end = PAUSED;
		else if (c.observed_ms >= p->stages[0].bake_ms)
			end = PASSED;
		evaluation_free(&e);
	}
	field_free(&checkpoint_table, &c);
	return end;
}

static int compare_ms(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

struct tally {
	unsigned ends[ENDS];
	int64_t median_ms, p95_ms; /* until it was paused or rolled back */
};

static struct tally thousand(const struct policy *p, const char *what, unsigned per_window,
                             double rate)
{
	struct tally t = {0};
	int64_t detected[STAGES];
	size_t n = 0;

	for (uint64_t seed = 1; seed <= STAGES; seed++) {
		int64_t ms;
		enum end end = tell(p, seed * 1000003, per_window, rate, &ms);

		t.ends[end]++;
		if (end == PAUSED || end == ROLLED_BACK)
			detected[n++] = ms;
	}
	qsort(detected, n, sizeof(detected[0]), compare_ms);
	t.median_ms = n > 0 ? detected[n / 2] : 0;
	t.p95_ms = n > 0 ? detected[n * 95 / 100] : 0;
	printf("%-28s %5u requests a window, %.1f %% errors: %4u passed, %4u paused, %4u rolled "
	       "back, %u undecided; detected after %lld s (median), %lld s (95 %%)\n",
	       what, per_window, rate * 100, t.ends[PASSED], t.ends[PAUSED], t.ends[ROLLED_BACK],
	       t.ends[UNDECIDED], (long long)t.median_ms / 1000, (long long)t.p95_ms / 1000);
	return t;
}

START_TEST(healthy_stages_are_left_alone_and_bad_ones_are_not)
{
	struct policy *p = starter();
	struct tally healthy = thousand(p, "3 of 3, healthy", 200, 0.005);
	struct tally worse = thousand(p, "3 of 3, a regression", 200, 0.02);
	struct tally bad = thousand(p, "3 of 3, a bad regression", 200, 0.05);

	/* Three windows of 200 requests in a row are above 1 % by chance in 1.3 % of stages of 30
	 * windows, and this one has fewer. */
	ck_assert_uint_le(healthy.ends[PAUSED], STAGES * 13 / 1000);
	ck_assert_uint_eq(healthy.ends[ROLLED_BACK], 0);
	ck_assert_uint_eq(healthy.ends[UNDECIDED], 0);
	ck_assert_uint_eq(worse.ends[PASSED] + worse.ends[UNDECIDED], 0);
	ck_assert_uint_eq(bad.ends[PASSED] + bad.ends[UNDECIDED], 0);
	ck_assert_int_le(worse.median_ms, 10 * 60 * 1000);
	ck_assert_int_le(bad.median_ms, 5 * 60 * 1000);
	policy_free(&p);
}
END_TEST

START_TEST(with_more_traffic_hardly_anything_is_chance)
{
	struct policy *p = starter();
	struct tally healthy = thousand(p, "3 of 3, healthy", 1000, 0.005);
	struct tally worse = thousand(p, "3 of 3, a regression", 1000, 0.02);

	ck_assert_uint_eq(healthy.ends[PASSED], STAGES);
	ck_assert_uint_eq(worse.ends[PASSED], 0);
	ck_assert_int_le(worse.p95_ms, 6 * 60 * 1000);
	policy_free(&p);
}
END_TEST

START_TEST(one_vote_would_pause_most_healthy_stages)
{
	struct policy *p = starter();
	struct tally healthy;

	for (size_t i = 0; i < p->ngates; i++) {
		for (size_t k = 0; k < p->gates[i].nrungs; k++) {
			p->gates[i].rungs[k].votes_needed = 1;
			p->gates[i].rungs[k].votes_of = 1;
		}
	}
	healthy = thousand(p, "1 of 1, healthy", 200, 0.005);
	ck_assert_uint_ge(healthy.ends[PAUSED], STAGES / 3);
	policy_free(&p);
}
END_TEST

START_TEST(without_enough_events_nothing_is_decided)
{
	struct policy *p = starter();
	int64_t ms;

	ck_assert_int_eq(tell(p, 1, 40, 0.5, &ms), UNDECIDED);
	ck_assert_int_eq(tell(p, 1, 40, 0, &ms), UNDECIDED);
	policy_free(&p);
}
END_TEST

int main(void)
{
	const char *from = getenv("HEADGATE_ROOT");
	Suite *suite = suite_create("persistence");
	TCase *tcase = tcase_create("persistence");

	(void)snprintf(root, sizeof(root), "%s", from ? from : ".");
	tcase_set_timeout(tcase, 300);
	tcase_add_test(tcase, healthy_stages_are_left_alone_and_bad_ones_are_not);
	tcase_add_test(tcase, with_more_traffic_hardly_anything_is_chance);
	tcase_add_test(tcase, one_vote_would_pause_most_healthy_stages);
	tcase_add_test(tcase, without_enough_events_nothing_is_decided);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
