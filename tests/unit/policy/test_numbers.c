/*
 * Gates on several measurements as a policy writes them: limits of baselines, and what is refused.
 */
#include <check.h>
#include <stdlib.h>

#include "../suite.h"
#include "base/macros.h"
#include "base/units.h"
#include "fixture.h"
#include "policy/limit.h"
#include "policy/policy.h"

static const char sample[] =
        "policy: numbers\n"
        "evaluate_every: 15s\n"
        "sources:\n"
        "  app: {scrape: [\"http://shop.internal/metrics\"], every: 15s}\n"
        "kpis:\n"
        "  requests: {unit: events, expr: 'sum(increase(requests_total[5m]))'}\n"
        "  stable: {unit: ratio, expr: 'sum(rate(errors_total{track=\"stable\"}[5m]))'}\n"
        "  errors: {unit: ratio, expr: 'sum(rate(errors_total[5m]))'}\n"
        "  lag: {unit: seconds, expr: 'max(lag)'}\n"
        "gates:\n"
        "  mean: {average: errors, of: 3, min_events: 100 requests, above: 1%, for: 1 of 1, then: "
        "pause}\n"
        "  base: {baseline: errors, capture: 1h, min_events: 100 requests, above: baseline + 10%, "
        "for: 2 of 2, then: pause}\n"
        "  live: {baseline: errors, against: stable, against_min_events: 100 requests, min_events: "
        "100 requests,\n"
        "    above: baseline + 2 points, for: 2 of 2, then: pause}\n"
        "stages:\n"
        "  - {stage: go, kind: preflight, bake: 5m}\n"
        "  - {stage: canary, weight: 10, bake: 30m, enter: [set_weight]}\n"
        "actions:\n"
        "  set_weight: {to: deployer, path: \"/weights/x\"}\n"
        "rollback:\n"
        "  options:\n"
        "    - {option: kill_switch, actions: [set_weight]}\n"
        "  stabilise: {gates: [mean], bake: 10m, deadline: 2h}\n";

static char *problems_of(const char *text)
{
	struct problems problems;
	struct policy *p;
	char *lines;

	problems_init(&problems);
	p = policy_from_yaml("p.yaml", (struct str){.p = text, .n = strlen(text)}, NULL, &problems);
	if (p)
		policy_warnings(p, &problems);
	lines = problems_text(&problems);
	policy_free(&p);
	problems_fini(&problems);
	return lines;
}

START_TEST(the_sample_is_clean_and_comes_back)
{
	struct problems problems;
	struct policy *p, *again;
	json_t *json;

	problems_init(&problems);
	p = policy_from_yaml("p.yaml", (struct str){.p = sample, .n = strlen(sample)}, NULL,
	                     &problems);
	ck_assert_ptr_nonnull(p);
	policy_warnings(p, &problems);
	char *lines = problems_text(&problems);

	ck_assert_str_eq(lines, "");
	free(lines);
	json = policy_to_json(p);
	again = policy_from_json(json, &problems);
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(p->hash, again->hash);
	const struct gate *base = policy_gate(again, "base", NULL);

	ck_assert(base->rungs[0].of_baseline);
	ck_assert_double_eq(base->rungs[0].relative, 0.1);
	ck_assert_str_eq(base->rungs[0].limit_text, "baseline + 10%");
	ck_assert(policy_gate_counts(base, &again->stages[0]));
	ck_assert(!policy_gate_counts(policy_gate(again, "live", NULL), &again->stages[0]));
	struct policy *bound =
	        policy_bind(p, &(struct policy_values){.service = "shop"}, &(struct err){0});

	ck_assert_ptr_nonnull(bound);
	const struct gate *live = policy_gate(bound, "live", NULL);

	ck_assert_str_eq(bound->kpis[live->against_index].name, "stable");
	ck_assert_str_eq(bound->kpis[live->against_events_index].name, "requests");
	ck_assert(live->rungs[0].of_baseline);
	ck_assert_double_eq(live->rungs[0].absolute, 0.02);
	ck_assert_uint_eq(policy_gate(bound, "mean", NULL)->against_index, SIZE_MAX);
	policy_free(&bound);
	policy_free(&p);
	policy_free(&again);
	json_decref(json);
	problems_fini(&problems);
}
END_TEST

START_TEST(limits_of_baselines_are_read_and_come_back)
{
	/* clang-format off */
	static const struct {
		const char *text;
		enum kpi_unit unit;
		bool ok;
		double relative, absolute;
		const char *canonical;
	} rows[] = {
		{ "baseline", KPI_RATIO, true, 0, 0, "baseline" },
		{ " baseline  +  10 % ", KPI_RATIO, true, 0.1, 0, "baseline + 10%" },
		{ "baseline+10%", KPI_RATIO, true, 0.1, 0, "baseline + 10%" },
		{ "baseline - 2 points", KPI_RATIO, true, 0, -0.02, "baseline - 2 points" },
		{ "baseline + 1 point", KPI_RATIO, true, 0, 0.01, "baseline + 1 points" },
		{ "baseline + 0.5 points + 10%", KPI_RATIO, true, 0.1, 0.005, "baseline + 10% + 0.5 points" },
		{ "baseline + 10% + 20ms", KPI_SECONDS, true, 0.1, 0.02, "baseline + 10% + 20ms" },
		{ "baseline - 10% + 20ms", KPI_SECONDS, true, -0.1, 0.02, "baseline - 10% + 20ms" },
		{ "baseline + 10% - 20ms", KPI_SECONDS, true, 0.1, -0.02, "baseline + 10% - 20ms" },
		{ "baseline + 1e+3", KPI_EVENTS, true, 0, 1000, "baseline + 1000" },
		{ "baseline + 0%", KPI_RATIO, true, 0, 0, "baseline" },
		{ "baseline + 10% + 5%", KPI_RATIO, false, 0, 0, NULL },
		{ "baseline + 20ms + 5ms", KPI_SECONDS, false, 0, 0, NULL },
		{ "baseline + 20ms", KPI_RATIO, false, 0, 0, NULL },
		{ "baseline + 2 points", KPI_SECONDS, false, 0, 0, NULL },
		{ "baseline + 0.01", KPI_RATIO, false, 0, 0, NULL },
		{ "baseline 10%", KPI_RATIO, false, 0, 0, NULL },
		{ "baseline +", KPI_RATIO, false, 0, 0, NULL },
		{ "baseline + -5%", KPI_RATIO, false, 0, 0, NULL },
		{ "10%", KPI_RATIO, false, 0, 0, NULL },
		{ "baselines", KPI_RATIO, false, 0, 0, NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double relative = 7, absolute = 7;
		char text[UNITS_TEXT_MAX];
		struct err err;
		bool ok = limit_parse_baseline(rows[i].text, rows[i].unit, "KPI x", &relative,
		                               &absolute, &err);

		ck_assert_msg(ok == rows[i].ok, "%s", rows[i].text);
		if (!ok)
			continue;
		ck_assert_msg(number_is_close(relative, rows[i].relative), "%s", rows[i].text);
		ck_assert_msg(number_is_close(absolute, rows[i].absolute), "%s", rows[i].text);
		ck_assert(limit_format_baseline(relative, absolute, rows[i].unit, text));
		ck_assert_str_eq(text, rows[i].canonical);
	}
}
END_TEST

START_TEST(one_mistake_is_one_problem_where_it_stands)
{
	/* clang-format off */
	static const struct {
		const char *why, *from, *to, *at, *part;
	} rows[] = {
		{ "an average of one", "of: 3", "of: 1", "/gates/mean/of", "2" },
		{ "an average of how many", ", of: 3", "", "/gates/mean: ", "missing" },
		{ "an average of nothing known", "average: errors", "average: erors", "/gates/mean/average", "did you mean \"errors\"" },
		{ "a ratio without events", "average: errors, of: 3, min_events: 100 requests", "average: errors, of: 3",
		  "/gates/mean/min_events", "a ratio" },
		{ "neither capture nor against", "capture: 1h, ", "", "/gates/base", "capture: 1h" },
		{ "both", "capture: 1h, ", "capture: 1h, against: stable, against_min_events: 0, ", "/gates/base", "exclude" },
		{ "no preflight", "  - {stage: go, kind: preflight, bake: 5m}\n", "", "/gates/base/capture", "kind: preflight" },
		{ "not in the preflight", "capture: 1h, ", "capture: 1h, in: [canary], ", "/gates/base/capture", "kind: preflight" },
		{ "too short a capture", "capture: 1h", "capture: 10m", "/gates/base/capture", "3 of them need 15m" },
		{ "a limit that is none", "baseline + 10%", "10%", "/gates/base/above", "baseline + 10%" },
		{ "a baseline of a threshold", "above: 1%", "above: baseline + 1%", "/gates/mean/above", "is no limit" },
		{ "against itself", "against: stable", "against: errors", "/gates/live/against", "itself" },
		{ "against another unit", "against: stable", "against: lag", "/gates/live/against", "cannot be compared" },
		{ "against a ratio without events", "against_min_events: 100 requests, ", "", "/gates/live/against_min_events", "a ratio" },
		{ "events that are none", "against_min_events: 100 requests", "against_min_events: 100 lag",
		  "/gates/live/against_min_events", "unit events" },
		{ "measurements of a live one", "against: stable", "against: stable, min_measurements: 3",
		  "/gates/live/min_measurements", "captured" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = text_replace(sample, rows[i].from, rows[i].to);
		char *lines;

		ck_assert_msg(text != NULL, "%s: nothing to replace", rows[i].why);
		lines = problems_of(text);
		ck_assert_msg(strstr(lines, rows[i].at) && strstr(lines, rows[i].part) &&
		                      strchr(lines, '\n')[1] == '\0',
		              "%s:\n%s", rows[i].why, lines);
		free(text);
		free(lines);
	}
}
END_TEST

START_TEST(a_harder_rung_must_not_come_first_whatever_the_baseline)
{
	char *text = text_replace(
	        sample, "above: baseline + 10%, for: 2 of 2, then: pause",
	        "rungs: [{above: baseline + 10%, for: 2 of 2, then: pause}, {above: baseline + 5%, "
	        "for: 2 of 2, then: rollback}]");
	char *lines = problems_of(text);

	ck_assert_msg(strstr(lines, "the limits seem swapped"), "%s", lines);
	free(text);
	free(lines);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("numbers");
	TCase *tcase = tcase_create("numbers");

	tcase_add_test(tcase, the_sample_is_clean_and_comes_back);
	tcase_add_test(tcase, limits_of_baselines_are_read_and_come_back);
	tcase_add_test(tcase, one_mistake_is_one_problem_where_it_stands);
	tcase_add_test(tcase, a_harder_rung_must_not_come_first_whatever_the_baseline);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
