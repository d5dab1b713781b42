/*
 * bind: a policy becomes one release's own, or says what is missing before the release starts.
 */
#include <check.h>

#include "../suite.h"
#include "base/macros.h"
#include "fixture.h"
#include "gate/alerts.h"
#include "gate/health.h"
#include "policy/policy.h"
#include "promql/promql.h"

/* clang-format off */
static const char sample[] =
	"policy: sample\n"
	"sources:\n"
	"  alerts: {alertmanager: 'http://am'}\n"
	"  app: {scrape: ['http://${service}.${environment}/metrics', 'http://b/${version}']}\n"
	"kpis:\n"
	"  requests: {unit: events, expr: 'sum(increase(r{v=\"${version}\"}[1m]))'}\n"
	"  rate: {unit: ratio, expr: 'sum(rate(e{s=\"${service}\"}[2m])) / sum(rate(r[1m]))'}\n"
	"gates:\n"
	"  errors: {threshold: rate, min_events: 100 requests, above: 1%, for: 3 of 3, then: pause}\n"
	"  up: {health: ['http://${service}/health'], then: rollback}\n"
	"  critical: {alerts: '{service=\"${service}\"}', then: pause}\n"
	"stages:\n"
	"  - {stage: canary, weight: 10, flags: {dark: true}, bake: 1m, enter: [set]}\n"
	"  - {stage: full, weight: 100, flags: {dark: false}, bake: 1m, enter: [set]}\n"
	"actions:\n"
	"  set: {to: d, path: '/w/${service}', body: {w: '${stage.weight}', d: '${stage.flags.dark}'}}\n"
	"  old: {to: d, path: '/v/${stable_version}'}\n"
	"rollback:\n"
	"  options: [{option: old, actions: [old]}]\n"
	"  stabilise: {gates: [errors], bake: 1m, deadline: 2m}\n";
/* clang-format on */

static const struct policy_values values = {
        .service = "checkout", .environment = "prod", .version = "1.2\"3", .stable_version = "1.1"};

static struct policy *read_policy(const char *text)
{
	struct problems problems;
	struct policy *p = NULL;
	char *lines = NULL;

	problems_init(&problems);
	p = policy_from_yaml("p.yaml", str_of(text), NULL, &problems);
	lines = problems_text(&problems);
	ck_assert_msg(p != NULL, "%s", lines);
	free(lines);
	problems_fini(&problems);
	return p;
}

START_TEST(a_bound_policy_is_filled_parsed_and_indexed)
{
	struct policy *p = read_policy(sample);
	struct err err = {.code = ERR_NONE};
	struct policy *bound = policy_bind(p, &values, &err);
	const struct gate *errors = NULL;

	ck_assert_msg(bound != NULL, "%s", err.text);
	errors = policy_gate(bound, "errors", NULL);
	ck_assert_str_eq(bound->hash, p->hash);
	ck_assert(bound->rollback.present);
	ck_assert_str_eq(bound->sources[1].addresses[0], "http://checkout.prod/metrics");
	ck_assert_str_eq(bound->sources[1].addresses[1], "http://b/1.2%223");
	ck_assert_str_eq(policy_kpi(bound, "requests", NULL)->expr,
	                 "sum(increase(r{v=\"1.2\\\"3\"}[1m]))");
	ck_assert_uint_eq(bound->kpis[0].source_index, 1);
	ck_assert_int_eq(promql_longest_range_ms(bound->kpis[0].parsed), 120000);
	ck_assert_uint_eq(errors->kpi_index, 0);
	ck_assert_uint_eq(errors->events_index, 1);
	ck_assert_double_eq(errors->rungs[0].limit, 0.01);
	ck_assert_uint_eq(policy_gate(bound, "up", NULL)->events_index, SIZE_MAX);
	ck_assert_str_eq(((struct health_spec *)policy_gate(bound, "up", NULL)->spec)->health[0],
	                 "http://checkout/health");
	ck_assert_str_eq(((struct alerts_spec *)policy_gate(bound, "critical", NULL)->spec)->alerts,
	                 "{service=\"checkout\"}");
	ck_assert_str_eq(((struct alerts_spec *)policy_gate(bound, "critical", NULL)->spec)->source,
	                 "alerts");
	ck_assert_str_eq(policy_action(bound, "set")->path, "/w/${service}");
	policy_free(&p);
	ck_assert_ptr_nonnull(policy_gate(bound, "errors", NULL));
	policy_free(&bound);
}
END_TEST

START_TEST(the_policy_as_written_stays_as_it_was)
{
	struct policy *p = read_policy(sample);
	json_t *before = policy_to_json(p);
	struct err err;
	struct policy *bound = policy_bind(p, &values, &err);
	json_t *after = policy_to_json(p);

	ck_assert(json_equal(before, after));
	ck_assert_ptr_null(p->kpis[0].parsed);
	json_decref(before);
	json_decref(after);
	policy_free(&bound);
	policy_free(&p);
}
END_TEST

START_TEST(a_first_release_needs_no_stable_version)
{
	struct policy_values first = values;
	struct policy *p = read_policy(sample);
	struct err err = {.code = ERR_NONE};
	struct policy *bound = NULL;

	first.stable_version = NULL;
	bound = policy_bind(p, &first, &err);
	ck_assert_msg(bound != NULL, "%s", err.text);
	policy_free(&bound);
	policy_free(&p);
}
END_TEST

START_TEST(what_cannot_be_filled_refuses_the_release_and_says_where)
{
	/* clang-format off */
	static const struct {
		const char *why, *from, *to, *text;
	} rows[] = {
		{ "a target", "http://b/${version}", "http://${params.host}/", "source app: ${params.host} has no value" },
		{ "an expression", "s=\"${service}\"", "s=\"${params.s}\"", "KPI rate: ${params.s} has no value" },
		{ "a health URL", "http://${service}/health", "http://x/${component}", "gate up: ${component} has no value" },
		{ "a selector", "{service=\"${service}\"}", "{c=\"${component}\"}", "gate critical: ${component} has no value" },
		{ "an entry", "/w/${service}", "/w/${params.x}", "stage canary: action set: ${params.x} has no value" },
		{ "a flag of one stage", "flags: {dark: false}", "flags: {x: 1}",
		  "stage full: action set: ${stage.flags.dark} has no value" },
		{ "a way back", "/v/${stable_version}", "/v/${params.x}",
		  "rollback option old: action old: ${params.x} has no value" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = text_replace(sample, rows[i].from, rows[i].to);
		struct policy *p = read_policy(text);
		struct err err = {.code = ERR_NONE};

		ck_assert_msg(policy_bind(p, &values, &err) == NULL, "%s", rows[i].why);
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert_msg(strstr(err.text, rows[i].text) == err.text, "%s: %s", rows[i].why,
		              err.text);
		policy_free(&p);
		free(text);
	}
}
END_TEST

START_TEST(files_of_targets_have_the_names_they_were_given)
{
	/* clang-format off */
	static const struct {
		const char *why, *file, *version, *bound, *error;
	} rows[] = {
		{ "a blank stays one", "pods-${version}.json", "1.2 rc/3", "pods-1.2 rc/3.json", NULL },
		{ "a star of the policy", "${version}-*.json", "1.2", "1.2-*.json", NULL },
		{ "a star of a value finds others' files", "pods-${version}.json", "*", NULL,
		  "source app: file_sd pods-*.json: a placeholder's value may not hold any of *?[\\" },
		{ "a way out", "pods-${version}.json", "/../../x", NULL,
		  "source app: file_sd pods-/../../x.json: must lie below targets_dir: write it without / at "
		  "the beginning, and no .." },
		{ "a way in", "${version}/x.json", "", NULL,
		  "source app: file_sd /x.json: must lie below targets_dir: write it without / at the "
		  "beginning, and no .." },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_values own = values;
		char *text = NULL, key[100];
		struct err err = {.code = ERR_NONE};
		struct policy *p = NULL, *bound = NULL;

		snprintf(key, sizeof(key), "{file_sd: ['%s'], scrape: ['http://", rows[i].file);
		text = text_replace(sample, "{scrape: ['http://", key);
		p = read_policy(text);
		own.version = rows[i].version;
		bound = policy_bind(p, &own, &err);
		ck_assert_msg(!bound == !rows[i].bound, "%s: %s", rows[i].why, err.text);
		if (bound)
			ck_assert_str_eq(bound->sources[1].file_sd[0], rows[i].bound);
		else
			ck_assert_str_eq(err.text, rows[i].error);
		policy_free(&bound);
		policy_free(&p);
		free(text);
	}
}
END_TEST

START_TEST(votes_survive_a_checkpoint)
{
	struct gate_state state = {0}, again = {0}, copied = {0};
	struct problems problems;
	struct decode d;
	json_t *kept = NULL;

	state.rungs[1] = (struct rung_state){.votes = 5,
	                                     .nvotes = 3,
	                                     .last_vote = {.ms = 1767323045678},
	                                     .last_result = {.ms = 1767323050000},
	                                     .breach_ms = 61000,
	                                     .breached = true};
	state.silent_since.ms = 1767323000000;
	kept = field_encode(&gate_state_table, &state);
	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ck_assert(field_decode(&gate_state_table, kept, &again, &d));
	ck_assert_uint_eq(json_array_size(json_object_get(kept, "rungs")), 2);
	ck_assert_uint_eq(again.rungs[1].votes, 5);
	ck_assert_uint_eq(again.rungs[1].nvotes, 3);
	ck_assert_int_eq(again.rungs[1].last_vote.ms, 1767323045678);
	ck_assert_int_eq(again.rungs[1].last_result.ms, 1767323050000);
	ck_assert_int_eq(again.rungs[1].breach_ms, 61000);
	ck_assert(again.rungs[1].breached && !again.rungs[0].breached);
	ck_assert_int_eq(again.silent_since.ms, 1767323000000);
	ck_assert(field_copy(&gate_state_table, &again, &copied));
	ck_assert_int_eq(copied.silent_since.ms, 1767323000000);
	ck_assert_uint_eq(copied.rungs[1].votes, 5);
	json_decref(kept);
	kept = json_pack("{s:[{s:i}]}", "rungs", "nvotes", 33);
	ck_assert(!field_decode(&gate_state_table, kept, &again, &d));
	json_decref(kept);
	decode_fini(&d);
	problems_fini(&problems);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bind");
	TCase *tcase = tcase_create("bind");

	tcase_add_test(tcase, a_bound_policy_is_filled_parsed_and_indexed);
	tcase_add_test(tcase, the_policy_as_written_stays_as_it_was);
	tcase_add_test(tcase, a_first_release_needs_no_stable_version);
	tcase_add_test(tcase, what_cannot_be_filled_refuses_the_release_and_says_where);
	tcase_add_test(tcase, files_of_targets_have_the_names_they_were_given);
	tcase_add_test(tcase, votes_survive_a_checkpoint);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
