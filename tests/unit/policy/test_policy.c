/*
 * policy: what is written is what is meant, or every reason why not is listed with its place.
 */
#include <check.h>
#include <dirent.h>

#include "../suite.h"
#include "base/macros.h"
#include "base/units.h"
#include "fixture.h"
#include "gate/alerts.h"
#include "gate/health.h"
#include "gate/threshold.h"
#include "policy/limit.h"
#include "policy/policy.h"

/* clang-format off */
/* A whole policy without a mistake; the tests below put one in. */
static const char sample[] =
	"policy: sample\n"                                                        /* 1 */
	"evaluate_every: 15s\n"
	"sources:\n"
	"  app:\n"
	"    scrape: [\"http://${service}.internal:9100/metrics\"]\n"             /* 5 */
	"    every: 15s\n"
	"    quorum: 80%\n"
	"  alerts:\n"
	"    alertmanager: http://alertmanager:9093\n"
	"kpis:\n"                                                                 /* 10 */
	"  requests: {unit: events, expr: 'sum(increase(http_requests_total[1m]))'}\n"
	"  error_rate:\n"
	"    unit: ratio\n"
	"    expr: sum(rate(http_errors_total[1m])) / sum(rate(http_requests_total[1m]))\n"
	"  latency:\n"                                                            /* 15 */
	"    unit: seconds\n"
	"    expr: histogram_quantile(0.95, sum by (le) (rate(http_duration_bucket[1m])))\n"
	"  lag: {unit: events, expr: sum(lag)}\n"
	"gates:\n"
	"  errors:\n"                                                             /* 20 */
	"    threshold: error_rate\n"
	"    min_events: 100 requests\n"
	"    rungs:\n"
	"      - {above: 1%, for: 3 of 3, then: pause}\n"
	"      - {above: 2%, for: 2 of 3, then: rollback}\n"                      /* 25 */
	"  slow:\n"
	"    threshold: latency\n"
	"    min_events: 0\n"
	"    above: 500ms\n"
	"    for: 3 of 3\n"                                                       /* 30 */
	"    then: pause\n"
	"  lag:\n"
	"    threshold: lag\n"
	"    above: 1000\n"
	"    for: 1m\n"                                                           /* 35 */
	"    then: ask\n"
	"  critical:\n"
	"    alerts: '{severity=\"critical\", service=\"${service}\"}'\n"
	"    then: pause\n"
	"  health:\n"                                                             /* 40 */
	"    health: [\"http://${service}/health\"]\n"
	"    in: all\n"
	"    then: rollback kill_switch\n"
	"stages:\n"
	"  - stage: go\n"                                                         /* 45 */
	"    kind: preflight\n"
	"    checks: {tests: qa}\n"
	"    approvals: {release_manager: 1}\n"
	"  - stage: canary\n"
	"    weight: 10\n"                                                        /* 50 */
	"    bake: 15m\n"
	"    overdue: 2h\n"
	"    enter: [set_weight]\n"
	"  - stage: full\n"
	"    weight: 100\n"                                                       /* 55 */
	"    bake: 30m\n"
	"    enter: [set_weight]\n"
	"  - stage: post\n"
	"    kind: verify\n"
	"    bake: 30m\n"                                                         /* 60 */
	"actions:\n"
	"  set_weight: {to: deployer, path: \"/w/${service}\", body: {weight: \"${stage.weight}\"}}\n"
	"  zero: {to: deployer, path: /zero, body: {weight: 0}}\n"
	"rollback:\n"
	"  options:\n"                                                            /* 65 */
	"    - {option: kill_switch, actions: [zero]}\n"
	"    - {option: people, manual: true, requires: reversible_migration}\n"
	"  stabilise: {gates: [errors, health], bake: 30m, deadline: 2h}\n"
	"  reentry: [incident_note]\n";
/* clang-format on */

/* The problems of a text as printed; empty when it is a policy. */
static char *problems_of(const char *text, const struct policy_include *include)
{
	struct problems problems;
	struct policy *p = NULL;
	char *lines = NULL;

	problems_init(&problems);
	p = policy_from_yaml("p.yaml", str_of(text), include, &problems);
	lines = problems_text(&problems);
	ck_assert_msg(!p == (problems.n > 0), "a policy and problems exclude each other");
	policy_free(&p);
	problems_fini(&problems);
	return lines;
}

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

static struct policy *read_changed(const char *from, const char *to)
{
	char *text = text_replace(sample, from, to);
	struct policy *p = NULL;

	ck_assert_ptr_nonnull(text);
	p = read_policy(text);
	free(text);
	return p;
}

START_TEST(a_whole_policy_is_read)
{
	struct policy *p = read_policy(sample);
	const struct gate *errors = policy_gate(p, "errors", NULL);
	size_t index = 0;

	ck_assert_str_eq(p->name, "sample");
	ck_assert_int_eq(p->evaluate_every_ms, 15000);
	ck_assert_uint_eq(p->nsources, 2);
	ck_assert_int_eq(p->sources[1].kind, SOURCE_SCRAPE);
	ck_assert_int_eq(p->sources[1].timeout_ms, 10000);
	ck_assert_double_eq(p->sources[1].quorum, 0.8);
	ck_assert(p->sources[1].mend && p->sources[1].honor_timestamps);
	ck_assert_int_eq(p->sources[0].kind, SOURCE_ALERTMANAGER);
	ck_assert_str_eq(p->sources[0].addresses[0], "http://alertmanager:9093");
	ck_assert_str_eq(policy_kpi(p, "lag", NULL)->source, "app");
	ck_assert_str_eq(((struct threshold_spec *)errors->spec)->threshold, "error_rate");
	ck_assert_double_eq(errors->min_events, 100);
	ck_assert_str_eq(errors->min_events_kpi, "requests");
	ck_assert_uint_eq(errors->nrungs, 2);
	ck_assert_double_eq(errors->rungs[1].limit, 0.02);
	ck_assert_uint_eq(errors->rungs[1].votes_needed, 2);
	ck_assert_uint_eq(errors->rungs[1].votes_of, 3);
	ck_assert_int_eq(errors->rungs[1].then, RUNG_ROLLBACK);
	ck_assert_double_eq(policy_gate(p, "slow", NULL)->rungs[0].limit, 0.5);
	ck_assert_int_eq(policy_gate(p, "lag", NULL)->rungs[0].for_ms, 60000);
	ck_assert_str_eq(((struct alerts_spec *)policy_gate(p, "critical", NULL)->spec)->source,
	                 "alerts");
	ck_assert_str_eq(policy_gate(p, "health", &index)->rungs[0].option, "kill_switch");
	ck_assert_uint_eq(p->gates[index].rungs[0].votes_of, 1);
	ck_assert_double_eq(p->gates[index].rungs[0].limit, 0);
	ck_assert_int_eq(((struct health_spec *)p->gates[index].spec)->status_max, 299);
	ck_assert_int_eq(p->stages[0].weight, -1);
	ck_assert_str_eq(p->stages[0].checks[0].name, "tests");
	ck_assert_str_eq(p->stages[0].checks[0].owner, "qa");
	ck_assert_int_eq(p->stages[0].approvals[0].count, 1);
	ck_assert_int_eq(p->stages[1].weight, 10);
	ck_assert_int_eq(p->stages[1].min_evaluations, 3);
	ck_assert_str_eq(policy_action(p, "zero")->method, "POST");
	ck_assert_int_eq(policy_action(p, "zero")->acknowledge_by, ACKNOWLEDGE_BY_STATUS);
	ck_assert(p->rollback.present);
	ck_assert_int_eq(p->rollback.window_ms, 24 * 3600 * 1000);
	ck_assert_int_eq(p->rollback.options[1].requires, REQUIRES_REVERSIBLE_MIGRATION);
	ck_assert_int_eq(p->rollback.stabilise_deadline_ms, 2 * 3600 * 1000);
	ck_assert_str_eq(p->rollback.reentry[0], "incident_note");
	policy_free(&p);
}
END_TEST

START_TEST(an_action_may_be_acknowledged_by_callback_and_others_keep_their_hash)
{
	struct policy *plain = read_changed("path: /zero", "path: /zero");
	struct policy *same = read_changed("path: /zero", "path: /zero, acknowledge_by: status");
	struct policy *other = read_changed(
	        "path: /zero", "path: /zero, acknowledge_by: callback, acknowledge: 2h");

	ck_assert_int_eq(policy_action(other, "zero")->acknowledge_by, ACKNOWLEDGE_BY_CALLBACK);
	ck_assert_int_eq(policy_action(other, "zero")->acknowledge_ms, 2 * 3600 * 1000);
	ck_assert_str_eq(plain->hash, same->hash);
	ck_assert_str_ne(plain->hash, other->hash);
	policy_free(&plain);
	policy_free(&same);
	policy_free(&other);
}
END_TEST

/* Rule A8. What is not written is not hashed, so that running releases keep their policy. */
START_TEST(an_escalation_is_written_or_the_usual_one)
{
	struct policy *plain = read_changed("path: /zero", "path: /zero");
	struct policy *written =
	        read_changed("policy: sample",
	                     "policy: sample\nescalation: [{role: nurse}, {role: cto, after: 5m}]");
	size_t n = 0;
	const struct policy_level *levels = policy_escalation(plain, &n);
	json_t *document = policy_to_json(plain);

	ck_assert_ptr_null(json_object_get(document, "escalation"));
	json_decref(document);
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(levels[0].role, "on_call");
	ck_assert_int_eq(levels[0].after_ms, 0);
	ck_assert_str_eq(levels[1].role, "release_manager");
	ck_assert_int_eq(levels[1].after_ms, 15 * 60 * 1000);
	ck_assert_str_eq(levels[2].role, "cto");
	ck_assert_int_eq(levels[2].after_ms, 30 * 60 * 1000);
	levels = policy_escalation(written, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(levels[0].role, "nurse");
	ck_assert_int_eq(levels[1].after_ms, 5 * 60 * 1000);
	policy_free(&plain);
	policy_free(&written);
}
END_TEST

START_TEST(gates_count_where_they_say)
{
	struct policy *p = read_changed("    then: ask\n", "    then: ask\n    in: [canary]\n");
	const struct gate *errors = policy_gate(p, "errors", NULL);
	const struct gate *lag = policy_gate(p, "lag", NULL);
	const struct gate *health = policy_gate(p, "health", NULL);

	ck_assert(!policy_gate_counts(errors, &p->stages[0]));
	ck_assert(policy_gate_counts(errors, &p->stages[1]) &&
	          policy_gate_counts(errors, &p->stages[3]));
	ck_assert(policy_gate_counts(health, &p->stages[0]));
	ck_assert(policy_gate_counts(lag, &p->stages[1]) &&
	          !policy_gate_counts(lag, &p->stages[2]));
	ck_assert(!policy_stage_is_exposed(p, 0) && policy_stage_is_exposed(p, 1) &&
	          policy_stage_is_exposed(p, 3));
	policy_free(&p);
}
END_TEST

START_TEST(a_health_gate_probed_every_second_needs_no_timeout_of_its_own)
{
	struct policy *p = read_changed("    in: all\n", "    in: all\n    every: 1s\n");
	const struct health_spec *spec = policy_gate(p, "health", NULL)->spec;

	ck_assert_int_eq(spec->every_ms, 1000);
	ck_assert_int_eq(spec->timeout_ms, 1000);
	policy_free(&p);
}
END_TEST

START_TEST(a_policy_with_five_different_mistakes_lists_all_five_with_line_and_column)
{
	char *one = text_replace(sample, "    every: 15s\n", "    evry: 15s\n");
	char *two = text_replace(one, "unit: seconds", "unit: second");
	char *three = text_replace(two, "sum(lag)}", "sum(lag}");
	char *four = text_replace(three, "threshold: error_rate", "threshold: eror_rate");
	char *five = text_replace(four, "    bake: 15m\n", "    bake: 15m\n    bake: 15x\n");
	char *lines = problems_of(five, NULL);

	ck_assert_str_eq(
	        lines,
	        "p.yaml:6:5: /sources/app/evry: unknown key \"evry\", did you mean \"every\"?\n"
	        "p.yaml:16:5: /kpis/latency/unit: must be one of events, ratio, seconds, bytes, "
	        "number, not \"second\"; did you mean \"seconds\"?\n"
	        "p.yaml:18:29: /kpis/lag/expr: does not parse: unexpected end of input, expected "
	        "\",\" or \")\" (at character 8 of the expression)\n"
	        "p.yaml:21:5: /gates/errors/threshold: there is no KPI \"eror_rate\", did you mean "
	        "\"error_rate\"?\n"
	        "p.yaml:52:5: /stages/1/bake: key \"bake\" stands here already, at line 51\n");
	free(lines);
	free(one);
	free(two);
	free(three);
	free(four);
	free(five);
}
END_TEST

START_TEST(one_mistake_is_one_problem_where_it_stands)
{
	/* clang-format off */
	static const struct {
		const char *why, *from, *to, *start, *part;
	} rows[] = {
		{ "a policy's name", "policy: sample", "policy: My Policy", "p.yaml:1:1: /policy: ", "not a policy's name" },
		{ "a second document key", "policy: sample", "policy: sample\nkpi: 1",
		  "p.yaml:2:1: /kpi: ", "did you mean \"kpis\"" },
		{ "an escalation that calls nobody", "policy: sample", "policy: sample\nescalation: []",
		  "p.yaml:2:1: /escalation: ", "1" },
		{ "a first level that waits", "policy: sample", "policy: sample\nescalation: [{role: a, after: 5m}]",
		  "p.yaml:2:24: /escalation/0/after: ", "called at once" },
		{ "levels out of order", "policy: sample",
		  "policy: sample\nescalation: [{role: a}, {role: b, after: 5m}, {role: c, after: 4m}]",
		  "p.yaml:2:57: /escalation/2/after: ", "not be earlier" },
		{ "a role that is no name", "policy: sample", "policy: sample\nescalation: [{role: on call}]",
		  "p.yaml:2:15: /escalation/0/role: ", "not a name" },
		{ "too seldom looked at", "evaluate_every: 15s", "evaluate_every: 2h",
		  "p.yaml:2:1: /evaluate_every: ", "between 1s and 1h" },
		{ "a sample judged twice", "evaluate_every: 15s", "evaluate_every: 10s",
		  "p.yaml:2:1: /evaluate_every: ", "at least 15s" },
		{ "two kinds of source", "    quorum: 80%\n", "    alertmanager: http://x\n",
		  "p.yaml:7:5: /sources/app/alertmanager: ", "already of kind scrape" },
		{ "no kind of source", "    alertmanager: http://alertmanager:9093\n", "    every: 15s\n",
		  "p.yaml:8:3: /sources/alerts: ", "needs a kind and an address" },
		{ "a place without a value", "    in: all\n", "    in: all\n    pointer: /status\n",
		  "p.yaml:43:5: /gates/health/pointer: ", "needs \"equals\"" },
		{ "a value without a place", "    in: all\n", "    in: all\n    equals: up\n",
		  "p.yaml:43:5: /gates/health/equals: ", "needs \"pointer\"" },
		{ "no pointer", "    in: all\n", "    in: all\n    pointer: status\n    equals: up\n",
		  "p.yaml:43:5: /gates/health/pointer: ", "no JSON Pointer" },
		{ "a stage in a wanted answer", "    in: all\n", "    in: all\n    pointer: /s\n    equals: ${stage.name}\n",
		  "p.yaml:44:5: /gates/health/equals: ", "in actions only" },
		{ "an integrity check without a place", "    health: [\"http://${service}/health\"]\n", "    integrity: http://x/\n",
		  "p.yaml:40:3: /gates/health: ", "\"pointer\" is missing" },
		{ "a start where none is known", "http://${service}/health", "http://x/${started_at}",
		  "p.yaml:41:14: /gates/health/health/0: ", "integrity checks only" },
		{ "a stage in an integrity check", "    health: [\"http://${service}/health\"]\n",
		  "    integrity: http://x/${stage.name}\n    pointer: /ok\n", "p.yaml:41:5: /gates/health/integrity: ", "in actions only" },
		{ "an integrity check of two requests", "    health: [\"http://${service}/health\"]\n",
		  "    integrity: http://x/\n    pointer: /ok\n    above: 50%\n", "p.yaml:43:5: /gates/health/above: ", "" },
		{ "an integrity check that may take longer than its interval", "    health: [\"http://${service}/health\"]\n",
		  "    integrity: http://x/\n    pointer: /ok\n    every: 10s\n    timeout: 11s\n", "p.yaml:40:3: /gates/health: ", "at most every" },
		{ "another protocol", "http://${service}.internal:9100/metrics", "file:///etc/passwd",
		  "p.yaml:5:14: /sources/app/scrape/0: ", "must start with http" },
		{ "a check that could say no for ever", "then: rollback kill_switch", "then: rollback kill_switch\n  whole: {integrity: \"http://a.internal/check\", pointer: /valid, above: 1, then: pause}",
		  "p.yaml:44:66: /gates/whole/above: ", "has no limit" },
		{ "more URLs than there are", "then: rollback kill_switch", "then: rollback kill_switch\n  up: {health: [\"http://a.internal/\", \"http://b.internal/\"], above: 2, then: pause}",
		  "p.yaml:44:62: /gates/up/above: ", "so many never do" },
		{ "URLs that do not fail", "then: rollback kill_switch", "then: rollback kill_switch\n  up: {health: [\"http://a.internal/\"], below: 1, then: pause}",
		  "p.yaml:44:40: /gates/up/below: ", "so many never do" },
		{ "a result with a limit", "then: rollback kill_switch", "then: rollback kill_switch\n  suite: {evidence: nightly, above: 2, then: pause}",
		  "p.yaml:44:30: /gates/suite/above: ", "has no limit" },
		{ "a result whose name is none", "then: rollback kill_switch", "then: rollback kill_switch\n  suite: {evidence: a b, then: pause}",
		  "p.yaml:44:11: /gates/suite/evidence: ", "is not a name" },
		{ "a result with a quorum", "then: rollback kill_switch", "then: rollback kill_switch\n  suite: {evidence: a, quorum: 90%, then: pause}",
		  "p.yaml:44:24: /gates/suite/quorum: ", "belongs to gates on KPIs" },
		{ "incidents without a time", "then: rollback kill_switch", "then: rollback kill_switch\n  twice: {incidents: critical, above: 1, then: pause}",
		  "p.yaml:44:3: /gates/twice: ", "says either over" },
		{ "incidents with both times", "then: rollback kill_switch", "then: rollback kill_switch\n  twice: {incidents: all, over: 1d, none_for: 2d, then: pause}",
		  "p.yaml:44:3: /gates/twice: ", "says either over" },
		{ "a severity there is not", "then: rollback kill_switch", "then: rollback kill_switch\n  twice: {incidents: [P0, P4], over: 1d, then: pause}",
		  "p.yaml:44:11: /gates/twice/incidents: ", "must be critical" },
		{ "too few incidents", "then: rollback kill_switch", "then: rollback kill_switch\n  twice: {incidents: all, over: 1d, below: 2, then: pause}",
		  "p.yaml:44:37: /gates/twice/below: ", "few incidents are no trouble" },
		{ "a limit of none", "then: rollback kill_switch", "then: rollback kill_switch\n  twice: {incidents: all, none_for: 1d, above: 2, then: pause}",
		  "p.yaml:44:41: /gates/twice/above: ", "one incident is too many" },
		{ "a pushed KPI with an expression", "lag: {unit: events,", "lag: {unit: events, pushed: 1h,",
		  "p.yaml:18:23: /kpis/lag/pushed: ", "may not stand beside expr" },
		{ "a pushed KPI with a source", "lag: {unit: events, expr: sum(lag)}", "lag: {unit: events, pushed: 1h, source: app}",
		  "p.yaml:18:35: /kpis/lag/source: ", "its numbers are reported" },
		{ "a pushed KPI with names", "lag: {unit: events, expr: sum(lag)}", "lag: {unit: events, pushed: 1h, may_be_absent: [x]}",
		  "p.yaml:18:35: /kpis/lag/may_be_absent: ", "KPIs with an expr" },
		{ "a pushed KPI in another unit", "lag: {unit: events, expr: sum(lag)}", "lag: {unit: events, pushed: 1h, given_in: ms}",
		  "p.yaml:18:35: /kpis/lag/given_in: ", "does not go with" },
		{ "a password in a URL", "http://${service}.internal:9100/metrics", "http://me:secret@x/metrics",
		  "p.yaml:5:14: /sources/app/scrape/0: ", "user name or password" },
		{ "an unknown placeholder", "http://${service}.internal:9100/metrics", "http://${servce}/metrics",
		  "p.yaml:5:14: /sources/app/scrape/0: ", "did you mean ${service}" },
		{ "a stage placeholder in a URL", "http://${service}.internal:9100/metrics", "http://${stage.name}/",
		  "p.yaml:5:14: /sources/app/scrape/0: ", "in actions only" },
		{ "a timeout longer than the round", "    every: 15s\n", "    every: 15s\n    timeout: 20s\n",
		  "p.yaml:4:3: /sources/app: ", "timeout is longer" },
		{ "a quorum of nothing", "quorum: 80%", "quorum: 0%", "p.yaml:7:5: /sources/app/quorum: ", "between" },
		{ "an unknown source", "unit: ratio\n", "unit: ratio\n    source: ap\n",
		  "p.yaml:14:5: /kpis/error_rate/source: ", "did you mean \"app\"" },
		{ "a source of the wrong kind", "unit: ratio\n", "unit: ratio\n    source: alerts\n",
		  "p.yaml:14:5: /kpis/error_rate/source: ", "wrong kind" },
		{ "a range vector is no number", "sum(lag)", "'lag[5m]'", "p.yaml:18:29: /kpis/lag/expr: ", "gives a matrix" },
		{ "a number without samples", "sum(lag)", "vector(0)", "p.yaml:18:29: /kpis/lag/expr: ", "reads no metric" },
		{ "a fixed time", "sum(lag)", "sum(lag @ 1700000000)", "p.yaml:18:29: /kpis/lag/expr: ", "looks at a fixed time with @" },
		{ "a longer past than is kept", "sum(lag)", "sum(lag offset 2w)", "p.yaml:18:29: /kpis/lag/expr: ", "looks back 14d5m with all ranges and offsets, and samples are kept for 8d at most" },
		{ "a subquery without end", "sum(lag)", "'max_over_time(sum(lag)[1d:500ms])'", "p.yaml:18:29: /kpis/lag/expr: ", "evaluates its subqueries at more than 100000 points" },
		{ "a placeholder outside a string", "sum(lag)", "'sum(${service})'",
		  "p.yaml:18:29: /kpis/lag/expr: ", "between quotes" },
		{ "an open placeholder", "sum(lag)", "'sum(lag{a=\"${service\"})'", "p.yaml:18:29: /kpis/lag/expr: ",
		  "unknown placeholder" },
		{ "an unknown kind of gate", "    alerts: '{", "    alert: '{", "p.yaml:38:5: /gates/critical/alert: ",
		  "did you mean \"alerts\"" },
		{ "two kinds of gate", "    above: 1000\n", "    above: 1000\n    health: http://x\n",
		  "p.yaml:32:3: /gates/lag: ", "one kind" },
		{ "an unknown key of a gate", "    min_events: 0\n", "    min_events: 0\n    min_evnts: 1\n",
		  "p.yaml:29:5: /gates/slow/min_evnts: ", "did you mean \"min_events\"" },
		{ "an unknown key of a kind", "    in: all\n", "    in: all\n    timout: 5s\n",
		  "p.yaml:43:5: /gates/health/timout: ", "did you mean \"timeout\"" },
		{ "a unit that does not fit", "above: 1%", "above: 500ms", "p.yaml:24:10: /gates/errors/rungs/0/above: ",
		  "the limit \"500ms\" is a time, but KPI error_rate is a ratio" },
		{ "a ratio of seconds", "above: 500ms", "above: 5%", "p.yaml:29:5: /gates/slow/above: ",
		  "the limit \"5%\" is a ratio, but KPI latency is in seconds" },
		{ "a time without its unit", "above: 500ms", "above: 500", "p.yaml:29:5: /gates/slow/above: ",
		  "a plain number, but KPI latency is in seconds" },
		{ "a percent sign forgotten", "above: 1%", "above: 1", "p.yaml:24:10: /gates/errors/rungs/0/above: ",
		  "write its percent sign" },
		{ "no limit at all", "above: 1000\n", "above: many\n", "p.yaml:34:5: /gates/lag/above: ", "is no limit" },
		{ "a limit of a health gate", "    in: all\n", "    in: all\n    above: 1%\n",
		  "p.yaml:43:5: /gates/health/above: ", "URLs that fail counts events" },
		{ "above and below", "{above: 1%,", "{above: 1%, below: 2%,", "p.yaml:24:21: /gates/errors/rungs/0/below: ",
		  "exclude each other" },
		{ "neither above nor below", "{above: 1%, for", "{for", "p.yaml:24:9: /gates/errors/rungs/0: ",
		  "above or below" },
		{ "neither in a flat rung", "    above: 1000\n", "", "p.yaml:32:3: /gates/lag: ", "above or below" },
		{ "a KPI rung without votes", "above: 1%, for: 3 of 3,", "above: 1%,",
		  "p.yaml:24:9: /gates/errors/rungs/0: ", "needs \"for\"" },
		{ "more votes than there are", "for: 2 of 3", "for: 4 of 3", "p.yaml:25:21: /gates/errors/rungs/1/for: ",
		  "N of M" },
		{ "more votes than are kept", "for: 2 of 3", "for: 2 of 33", "p.yaml:25:21: /gates/errors/rungs/1/for: ",
		  "at most 32" },
		{ "a duration that is none", "for: 1m", "for: 1x", "p.yaml:35:5: /gates/lag/for: ", "votes such as" },
		{ "an unknown answer", "then: ask", "then: aks", "p.yaml:36:5: /gates/lag/then: ", "note, ask, pause" },
		{ "a pause with an option", "then: ask", "then: pause zero", "p.yaml:36:5: /gates/lag/then: ",
		  "only rollback" },
		{ "an unknown option", "rollback kill_switch", "rollback kill", "p.yaml:43:5: /gates/health/then: ",
		  "no rollback option \"kill\"" },
		{ "no answer", "    for: 1m\n    then: ask\n", "    for: 1m\n", "p.yaml:32:3: /gates/lag: ",
		  "\"then\" is missing" },
		{ "flat and listed rungs", "    rungs:\n", "    then: note\n    rungs:\n",
		  "p.yaml:24:5: /gates/errors/rungs: ", "written flat" },
		{ "swapped limits", "above: 2%", "above: 0.5%", "p.yaml:25:10: /gates/errors/rungs/1/above: ", "swapped" },
		{ "an unstated minimum", "    min_events: 100 requests\n", "", "p.yaml:20:3: /gates/errors/min_events: ",
		  "is missing" },
		{ "a quantile's minimum", "    min_events: 0\n", "", "p.yaml:26:3: /gates/slow/min_events: ", "a quantile" },
		{ "a quantile of another unit", "expr: sum(lag)", "expr: 'histogram_quantile(0.9, lag_bucket)'",
		  "p.yaml:32:3: /gates/lag/min_events: ", "a quantile" },
		{ "a gate with the name of another hold", "  critical:\n", "  evidence:\n", "p.yaml:37:3: /gates/evidence: ",
		  "another name" },
		{ "a gate that would hide another call", "  critical:\n", "  overdue:\n", "p.yaml:37:3: /gates/overdue: ",
		  "a stage that takes too long" },
		{ "a gate that would hide another call", "  critical:\n", "  entering:\n", "p.yaml:37:3: /gates/entering: ",
		  "actions" },
		{ "a gate that would hide another call", "  critical:\n", "  rollback:\n", "p.yaml:37:3: /gates/rollback: ",
		  "under way" },
		{ "a gate that would hide another call", "  critical:\n", "  failed:\n", "p.yaml:37:3: /gates/failed: ",
		  "has failed" },
		{ "a gate that would hide another call", "  critical:\n", "  stabilise:\n", "p.yaml:37:3: /gates/stabilise: ",
		  "stable" },
		{ "a gate that would hide another call", "  critical:\n", "  smoke:\n", "p.yaml:37:3: /gates/smoke: ",
		  "smoke tests" },
		{ "a gate that would hide another call", "  critical:\n", "  drift:\n", "p.yaml:37:3: /gates/drift: ",
		  "reads differently" },
		{ "a check of two stages", "    kind: verify\n", "    kind: verify\n    checks: {tests: qa}\n",
		  "p.yaml:60:14: /stages/3/checks/tests: ", "of stage go already" },
		{ "a re-entry check of a stage", "[incident_note]", "[incident_note, tests]",
		  "p.yaml:69:28: /rollback/reentry/1: ", "of stage go already" },
		{ "a minimum of what?", "100 requests", "100", "p.yaml:22:5: /gates/errors/min_events: ", "must name the KPI" },
		{ "a minimum of no events", "100 requests", "100 latency", "p.yaml:22:5: /gates/errors/min_events: ",
		  "unit events" },
		{ "a lower quorum", "    min_events: 0\n", "    min_events: 0\n    quorum: 50%\n",
		  "p.yaml:29:5: /gates/slow/quorum: ", "80 %" },
		{ "a stage that is none", "    in: all\n", "    in: [canry]\n", "p.yaml:42:10: /gates/health/in/0: ",
		  "did you mean \"canary\"" },
		{ "a selector that does not parse", "severity=\"critical\"", "severity", "p.yaml:38:13: /gates/critical/alerts: ",
		  "does not parse" },
		{ "a selector with a metric", "'{severity", "'x{severity", "p.yaml:38:13: /gates/critical/alerts: ", "in braces" },
		{ "a selector with a range", "service}\"}'", "service}\"}[1m]'", "p.yaml:38:13: /gates/critical/alerts: ",
		  "nothing else" },
		{ "health that waits for a probe nobody makes", "[\"http://${service}/health\"]",
		  "[\"http://a/h\", \"http://a/h\"]", "p.yaml:41:28: /gates/health/health/1: ", "stands here twice" },
		{ "a health URL", "http://${service}/health", "/health", "p.yaml:41:14: /gates/health/health/0: ", "http://" },
		{ "after_max_hold", "    in: all\n", "    in: all\n    after_max_hold: note\n",
		  "p.yaml:43:5: /gates/health/after_max_hold: ", "ask or rollback" },
		{ "a stage name twice", "stage: full", "stage: canary", "p.yaml:54:5: /stages/2/stage: ", "already" },
		{ "a stage named all", "stage: full", "stage: all", "p.yaml:54:5: /stages/2/stage: ", "another name" },
		{ "a preflight stage with weight", "    kind: preflight\n", "    kind: preflight\n    weight: 0\n",
		  "p.yaml:47:5: /stages/0/weight: ", "exposes nothing" },
		{ "a preflight stage with actions", "    kind: preflight\n", "    kind: preflight\n    enter: [zero]\n",
		  "p.yaml:47:5: /stages/0/enter: ", "exposes nothing" },
		{ "a verify stage with nothing to verify", "    kind: preflight\n", "    kind: verify\n    weight: 10\n",
		  "p.yaml:47:5: /stages/0/weight: ", "rollout stage" },
		{ "a preflight stage too late", "    kind: verify\n", "    kind: preflight\n", "p.yaml:59:5: /stages/3/kind: ",
		  "cannot follow" },
		{ "a rollout that does nothing", "    weight: 100\n    bake: 30m\n    enter: [set_weight]\n", "    bake: 30m\n",
		  "p.yaml:54:5: /stages/2: ", "changes something" },
		{ "a falling weight", "weight: 100", "weight: 9", "p.yaml:55:5: /stages/2/weight: ", "falls from 10" },
		{ "a weight beyond everything", "weight: 100", "weight: 101", "p.yaml:55:5: /stages/2/weight: ", "between 0 and 100" },
		{ "no bake", "    bake: 15m\n", "", "p.yaml:49:5: /stages/1/bake: ", "does not bake" },
		{ "a zero bake", "bake: 15m", "bake: 0s", "p.yaml:51:5: /stages/1/bake: ", "does not bake" },
		{ "an unknown action", "enter: [set_weight]", "enter: [set_wieght]", "p.yaml:53:13: /stages/1/enter/0: ",
		  "did you mean \"set_weight\"" },
		{ "a weight that is not there", "    weight: 10\n", "", "p.yaml:52:13: /stages/1/enter/0: ", "has no weight" },
		{ "an owner that is no role", "tests: qa", "tests: q a", "p.yaml:47:14: /stages/0/checks/tests: ", "not a name" },
		{ "approvals of nobody", "release_manager: 1", "release_manager: 0",
		  "p.yaml:48:17: /stages/0/approvals/release_manager", "between 1 and 16" },
		{ "flags that are no object", "    weight: 100\n", "    weight: 100\n    flags: 1\n",
		  "p.yaml:56:5: /stages/2/flags: ", "object" },
		{ "placeholders in flags", "    weight: 100\n", "    weight: 100\n    flags: {a: \"${version}\"}\n",
		  "p.yaml:56:5: /stages/2/flags: ", "not filled here" },
		{ "a method", "path: /zero", "path: /zero, method: TRACE", "p.yaml:63:", "POST, PUT" },
		{ "neither a request nor a command", "path: /zero, ", "", "p.yaml:63:", "needs a path (a request) or arguments" },
		{ "a command with a path", "path: /zero", "path: /zero, arguments: [a]", "p.yaml:63:", "a command (arguments, input) has no path" },
		{ "a command read back nowhere", "path: /zero, body: {weight: 0}", "arguments: [a], read: {path: /x, equals: 1}", "p.yaml:63:", "read.from" },
		{ "a pointer that is none", "path: /zero", "path: /zero, read: {path: /x, pointer: x, equals: 1}", "p.yaml:63:", "JSON Pointer" },
		{ "another acknowledgement", "path: /zero", "path: /zero, acknowledge_by: calback", "p.yaml:63:", "did you mean \"callback\"" },
		{ "a path", "path: /zero", "path: zero", "p.yaml:63:24: /actions/zero/path: ", "start with /" },
		{ "a path that climbs", "path: /zero", "path: /a/../zero", "p.yaml:63:24: /actions/zero/path: ", "climb" },
		{ "an unknown value", "/w/${service}", "/w/${param.x}", "p.yaml:62:30: /actions/set_weight/path: ", "unknown placeholder" },
		{ "an unknown value in a body", "${stage.weight}", "${stage.wieght}", "p.yaml:62:53: /actions/set_weight/body: ",
		  "did you mean ${stage.weight}" },
		{ "a credential in a header", "path: /zero", "path: /zero, headers: {Authorization: x}",
		  "p.yaml:63:37: /actions/zero/headers: ", "not for policies" },
		{ "a header that is no text", "path: /zero", "path: /zero, headers: {X-A: 1}",
		  "p.yaml:63:37: /actions/zero/headers: ", "a text" },
		{ "an option twice", "option: people", "option: kill_switch", "p.yaml:67:8: /rollback/options/1/option: ", "already" },
		{ "an option that does nothing", "manual: true, ", "", "p.yaml:67:7: /rollback/options/1: ", "does nothing" },
		{ "an option's unknown action", "actions: [zero]", "actions: [zro]", "p.yaml:66:39: /rollback/options/0/actions/0: ",
		  "did you mean \"zero\"" },
		{ "a rollback that hangs on the stage", "actions: [zero]", "actions: [set_weight]",
		  "p.yaml:66:39: /rollback/options/0/actions/0: ", "any stage" },
		{ "no options", "    - {option: kill_switch, actions: [zero]}\n"
		  "    - {option: people, manual: true, requires: reversible_migration}\n", "    []\n",
		  "p.yaml:65:3: /rollback/options: ", "must not be empty" },
		{ "an unknown action that dampens", "  reentry: [incident_note]", "  dampen: [zro]",
		  "p.yaml:69:12: /rollback/dampen/0: ", "did you mean \"zero\"" },
		{ "a smoke test that hangs on the stage", "  reentry: [incident_note]", "  smoke: [set_weight]",
		  "p.yaml:69:11: /rollback/smoke/0: ", "any stage" },
		{ "a gate that takes an option of a role", "option: kill_switch, ", "option: kill_switch, roles: [cto], ",
		  "p.yaml:43:5: /gates/health/then: ", "only a person who holds role cto" },
		{ "a role that is no name", "option: people, ", "option: people, roles: [a b], ",
		  "p.yaml:67:32: /rollback/options/1/roles/0: ", "is not a name" },
		{ "no stabilising gates", "gates: [errors, health], ", "", "p.yaml:68:3: /rollback/stabilise: ", "missing" },
		{ "unknown stabilising gates", "[errors, health]", "[erors]", "p.yaml:68:23: /rollback/stabilise/gates/0: ",
		  "did you mean \"errors\"" },
		{ "a deadline before the end", "deadline: 2h", "deadline: 30m", "p.yaml:68:51: /rollback/stabilise/deadline: ",
		  "longer than the bake" },
		{ "an include over the wire", "policy: sample", "include: [x.yaml]\npolicy: sample",
		  "p.yaml:1:1: /include: ", "policies_dir" },
	};
	/* clang-format on */

	struct buf failed;

	buf_init(&failed, 64 * 1024);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = text_replace(sample, rows[i].from, rows[i].to);
		char *lines = NULL;

		ck_assert_msg(text != NULL, "%s: nothing to replace", rows[i].why);
		lines = problems_of(text, NULL);
		if (!has_line(lines, rows[i].start, rows[i].part) || strchr(lines, '\n')[1] != '\0')
			buf_printf(&failed, "%s:\n%s", rows[i].why, lines);
		free(text);
		free(lines);
	}
	ck_assert_msg(failed.n == 0, "%s", failed.bytes);
	buf_fini(&failed);
}
END_TEST

START_TEST(a_password_in_a_url_is_not_repeated_in_the_message)
{
	char *text = text_replace(sample, "http://${service}/health", "http://me:hunter2@x/health");
	char *lines = problems_of(text, NULL);

	ck_assert_ptr_null(strstr(lines, "hunter2"));
	free(text);
	free(lines);
}
END_TEST

START_TEST(a_way_back_is_open_to_who_holds_no_role)
{
	static const char open[] =
	        "    - {option: kill_switch, actions: [zero]}\n"
	        "    - {option: people, manual: true, requires: reversible_migration}\n";
	char *text = text_replace(sample, open,
	                          "    - {option: kill_switch, roles: [cto], actions: [zero]}\n");
	char *lines = problems_of(text, NULL);

	ck_assert_ptr_nonnull(
	        strstr(lines, "p.yaml:65:3: /rollback/options: every option asks for a role"));
	free(text);
	free(lines);
}
END_TEST

START_TEST(without_a_way_back_nothing_may_be_exposed)
{
	char *text = text_replace(sample, strstr(sample, "rollback:\n  options"), "");
	char *lines = problems_of(text, NULL);

	ck_assert_str_eq(
	        lines,
	        "p.yaml:25:34: /gates/errors/rungs/1/then: rolls back, but the policy has no "
	        "rollback section\n"
	        "p.yaml:43:5: /gates/health/then: rolls back, but the policy has no rollback "
	        "section\n"
	        "p.yaml:49:5: /stages/1: exposes the release, and the policy has no rollback "
	        "section\n");
	free(text);
	free(lines);
}
END_TEST

START_TEST(every_exposed_stage_needs_a_gate_that_counts)
{
	/* clang-format off */
	static const struct {
		const char *why, *gate, *part;
	} rows[] = {
		{ "a shadow proves nothing", "shadow: true", "no gate counts in stage one" },
		{ "what may be missing proves nothing", "optional: true", "no gate counts in stage one" },
		{ "a gate somewhere else", "in: [two]", "no gate counts in stage one" },
		{ "a gate everywhere", "in: all", NULL },
		{ "a gate where it is exposed", "in: default", "nothing counts in stage pre" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf text;
		char *lines = NULL;

		buf_init(&text, 8192);
		buf_printf(&text,
		           "policy: p\n"
		           "gates: {g: {health: 'http://x', then: pause, %s}, h: {health: "
		           "'http://x', then: pause}}\n"
		           "stages: [{stage: pre, kind: preflight}, {stage: one, weight: 1, bake: "
		           "1m}, "
		           "{stage: two, weight: 2, bake: 1m}]\n"
		           "rollback: {options: [{option: o, manual: true}], "
		           "stabilise: {gates: [h], bake: 1m, deadline: 2m}}\n",
		           rows[i].gate);
		/* Only the stabilising gate h would count as well: it looks at another stage. */
		lines = text_replace(text.bytes, "then: pause}}", "then: pause, in: [two]}}");
		buf_fini(&text);
		char *found = problems_of(lines, NULL);

		ck_assert_msg(rows[i].part ? strstr(found, rows[i].part) != NULL : *found == '\0',
		              "%s:\n%s", rows[i].why, found);
		free(lines);
		free(found);
	}
}
END_TEST

START_TEST(an_upgrade_takes_no_running_release_its_policy)
{
	struct policy *p = read_policy(sample);
	json_t *document = policy_to_json(p);
	struct policy *stored = NULL;
	struct problems problems;

	/* Two options of one name stand for whatever a later version finds fault with. */
	json_array_append_new(
	        json_object_get(json_object_get(document, "rollback"), "options"),
	        json_deep_copy(json_array_get(
	                json_object_get(json_object_get(document, "rollback"), "options"), 0)));
	problems_init(&problems);
	ck_assert_ptr_null(policy_from_json(document, &problems));
	problems_fini(&problems);
	problems_init(&problems);
	stored = policy_from_stored(document, &problems);
	ck_assert_ptr_nonnull(stored);
	ck_assert_uint_ge(problems.n, 1);
	policy_free(&stored);
	problems_fini(&problems);
	problems_init(&problems);
	json_object_set_new(document, "stages", json_integer(1));
	ck_assert_ptr_null(policy_from_stored(document, &problems));
	problems_fini(&problems);
	json_decref(document);
	policy_free(&p);
}
END_TEST

START_TEST(a_policy_written_out_and_read_again_has_the_same_hash)
{
	struct policy *p = read_policy(sample);
	json_t *document = policy_to_json(p);
	struct problems problems;
	struct policy *again = NULL;
	json_t *second = NULL;
	char *lines = NULL;

	problems_init(&problems);
	again = policy_from_json(document, &problems);
	lines = problems_text(&problems);
	ck_assert_msg(again != NULL, "%s", lines);
	second = policy_to_json(again);
	ck_assert_uint_eq(strlen(p->hash), 64);
	ck_assert_str_eq(p->hash, again->hash);
	ck_assert(json_equal(document, second));
	json_decref(document);
	json_decref(second);
	free(lines);
	policy_free(&p);
	policy_free(&again);
	problems_fini(&problems);
}
END_TEST

START_TEST(a_database_that_reorders_keys_keeps_the_hash_and_every_index)
{
	struct policy *p = read_policy(sample);
	json_t *document = policy_to_json(p);
	char *sorted = json_dumps(document, JSON_SORT_KEYS);
	json_t *reordered = json_loads(sorted, 0, NULL);
	struct problems problems;
	struct policy *again = NULL;

	problems_init(&problems);
	again = policy_from_json(reordered, &problems);
	ck_assert_ptr_nonnull(again);
	ck_assert_str_eq(p->hash, again->hash);
	for (size_t i = 0; i < p->ngates; i++)
		ck_assert_str_eq(p->gates[i].name, again->gates[i].name);
	for (size_t i = 0; i < p->nkpis; i++)
		ck_assert_str_eq(p->kpis[i].name, again->kpis[i].name);
	json_decref(document);
	json_decref(reordered);
	free(sorted);
	policy_free(&p);
	policy_free(&again);
	problems_fini(&problems);
}
END_TEST

START_TEST(the_hash_is_of_what_is_meant_not_of_how_it_is_spelled)
{
	/* clang-format off */
	static const struct {
		const char *why, *from, *to;
		bool same;
	} rows[] = {
		{ "a comment", "policy: sample\n", "# hello\npolicy: sample\n", true },
		{ "a ratio as a number", "above: 1%", "above: 0.01", true },
		{ "a ratio with a space", "above: 1%", "above: '1.0 %'", true },
		{ "a time in seconds", "above: 500ms", "above: 0.5s", true },
		{ "a default written out", "    bake: 15m\n", "    bake: 900s\n    settle: 0s\n", true },
		{ "one rung in a list", "    above: 500ms\n    for: 3 of 3\n    then: pause\n",
		  "    rungs: [{above: 500ms, for: 3 of 3, then: pause}]\n", true },
		{ "the source there is", "unit: ratio\n", "unit: ratio\n    source: app\n", true },
		{ "votes nobody doubts", "    in: all\n", "    in: all\n    above: 0\n    for: 1 of 1\n", true },
		{ "an owner written long", "tests: qa", "tests: {owner: qa}", true },
		{ "another limit", "above: 1%", "above: 1.1%", false },
		{ "another bake", "bake: 15m", "bake: 16m", false },
		{ "another order of stages", "stage: full", "stage: half", false },
		{ "another expression", "sum(lag)", "max(lag)", false },
		{ "another body", "body: {weight: 0}", "body: {weight: \"0\"}", false },
	};
	/* clang-format on */
	struct policy *p = read_policy(sample);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy *changed = read_changed(rows[i].from, rows[i].to);

		ck_assert_msg((strcmp(p->hash, changed->hash) == 0) == rows[i].same, "%s",
		              rows[i].why);
		policy_free(&changed);
	}
	policy_free(&p);
}
END_TEST

START_TEST(defaults_that_hang_on_other_parts_are_filled)
{
	char *open_end = text_replace(sample, "evaluate_every: 15s\n", "");
	char *slow =
	        text_replace(open_end, "alertmanager:9093\n", "alertmanager:9093\n    every: 1m\n");
	char *quick = text_replace(open_end, "every: 15s\n", "every: 2s\n");
	struct policy *p = read_policy(open_end);

	ck_assert_int_eq(p->evaluate_every_ms, 15000);
	ck_assert_int_eq(p->sources[1].timeout_ms, 10000);
	policy_free(&p);
	p = read_policy(slow);
	ck_assert_int_eq(p->evaluate_every_ms, 60000);
	policy_free(&p);
	p = read_policy(quick);
	ck_assert_int_eq(p->evaluate_every_ms, 15000);
	ck_assert_int_eq(p->sources[1].timeout_ms, 2000);
	policy_free(&p);
	free(open_end);
	free(slow);
	free(quick);
}
END_TEST

START_TEST(several_sources_that_fit_must_be_told_apart)
{
	char *text = text_replace(
	        sample, "  alerts:\n    alertmanager",
	        "  batch: {scrape: 'http://x', every: 5s}\n  alerts:\n    alertmanager");
	char *lines = problems_of(text, NULL);

	ck_assert(has_line(lines, "p.yaml:19:3: /kpis/lag: ", "(app, batch)"));
	ck_assert(has_line(lines, "p.yaml:13:3: /kpis/error_rate: ", "say which"));
	free(text);
	free(lines);
}
END_TEST

START_TEST(limits_are_read_in_the_unit_of_their_kpi_and_come_back)
{
	/* clang-format off */
	static const struct {
		const char *text;
		enum kpi_unit unit;
		bool ok;
		double limit;
		const char *canonical;
	} rows[] = {
		{ "1%", KPI_RATIO, true, 0.01, "1%" },
		{ "0.1 %", KPI_RATIO, true, 0.001, "0.1%" },
		{ "0.005", KPI_RATIO, true, 0.005, "0.5%" },
		{ "150%", KPI_RATIO, true, 1.5, "150%" },
		{ "33.333333%", KPI_RATIO, true, 0.33333333, "33.333333%" },
		{ "0", KPI_RATIO, true, 0, "0%" },
		{ "1", KPI_RATIO, false, 0, NULL },
		{ "5", KPI_RATIO, false, 0, NULL },
		{ "-1%", KPI_RATIO, false, 0, NULL },
		{ "500ms", KPI_SECONDS, true, 0.5, "500ms" },
		{ "1.5s", KPI_SECONDS, true, 1.5, "1s500ms" },
		{ "2m", KPI_SECONDS, true, 120, "2m" },
		{ "0.2ms", KPI_SECONDS, true, 0.0002, "0.0002s" },
		{ "250us", KPI_SECONDS, true, 0.00025, "0.00025s" },
		{ "0", KPI_SECONDS, true, 0, "0s" },
		{ "500", KPI_SECONDS, false, 0, NULL },
		{ "1000", KPI_EVENTS, true, 1000, "1000" },
		{ "1e3", KPI_EVENTS, true, 1000, "1000" },
		{ "1000ms", KPI_EVENTS, false, 0, NULL },
		{ "10MiB", KPI_BYTES, true, 10485760, "10485760" },
		{ "1.5 GB", KPI_BYTES, true, 1500000000, "1500000000" },
		{ "4096", KPI_BYTES, true, 4096, "4096" },
		{ "10MiB", KPI_NUMBER, false, 0, NULL },
		{ "-0.25", KPI_NUMBER, true, -0.25, "-0.25" },
		{ "NaN", KPI_NUMBER, false, 0, NULL },
		{ "Inf", KPI_NUMBER, false, 0, NULL },
		{ "", KPI_NUMBER, false, 0, NULL },
		{ "1 %%", KPI_RATIO, false, 0, NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[UNITS_TEXT_MAX];
		struct err err;
		double limit = 0, again = -1;
		bool ok = limit_parse(rows[i].text, rows[i].unit, "KPI x", &limit, &err);

		ck_assert_msg(ok == rows[i].ok, "%s: %s", rows[i].text, ok ? "read" : err.text);
		if (!ok)
			continue;
		limit_format(limit, rows[i].unit, text);
		ck_assert_msg(number_is_same(limit, rows[i].limit), "%s", rows[i].text);
		ck_assert_str_eq(text, rows[i].canonical);
		ck_assert(limit_parse(text, rows[i].unit, "KPI x", &again, &err));
		ck_assert(number_is_same(limit, again));
	}
}
END_TEST

START_TEST(any_limit_comes_back_from_its_canonical_spelling)
{
	uint64_t state = 1;

	for (size_t i = 0; i < 20000; i++) {
		char text[UNITS_TEXT_MAX];
		struct err err;
		double limit = 0, again = 0;

		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		limit = (double)(state >> 20) / (double)(1ULL << (10 + i % 40));
		for (int unit = 0; unit < KPI_UNIT_COUNT; unit++) {
			limit_format(limit, (enum kpi_unit)unit, text);
			ck_assert_msg(limit_parse(text, (enum kpi_unit)unit, "KPI", &again, &err),
			              "%s", text);
			ck_assert_msg(number_is_same(limit, again), "%.17g became %s", limit, text);
		}
	}
}
END_TEST

/* Files in memory. */
static const struct file {
	const char *path, *text;
} files[] = {
        {"common/kpis.yaml", "kpis:\n  more: {unit: events, expr: sum(more)}\n"},
        {"twice.yaml", "kpis:\n  lag: {unit: events, expr: sum(lag)}\n"},
        {"nested.yaml", "include: [twice.yaml]\nstages: []\n"},
        {"broken.yaml", "kpis:\n  bad: {unit: evnts, expr: sum(x)}\n  bad: {}\n"},
        {"wrong.yaml", "kpis:\n  x: {unit: events, expr: sum(}\n"},
};

static const char *read_file(void *ctx, const char *path, size_t *out_n, struct err *err)
{
	(void)ctx;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (strcmp(files[i].path, path) == 0) {
			*out_n = strlen(files[i].text);
			return files[i].text;
		}
	}
	(void)err_set(err, ERR_NOT_FOUND, "there is no file %s", path);
	return NULL;
}

START_TEST(included_files_share_and_keep_their_places)
{
	/* clang-format off */
	static const struct {
		const char *why, *include;
		const char *lines[2];
	} rows[] = {
		{ "one more KPI", "[common/kpis.yaml]", { NULL } },
		{ "a lone name is no list", "common/kpis.yaml", { "p.yaml:1:1: /include: must be a list" } },
		{ "a duplicate", "[twice.yaml]",
		  { "twice.yaml:2:3: /kpis/lag: \"lag\" stands in two files: the other is p.yaml:19:3" } },
		{ "nested includes and stages", "[nested.yaml]",
		  { "nested.yaml:1:1: /include: an included file may not include", "nested.yaml:2:1: /stages: an included file" } },
		{ "mistakes inside", "[broken.yaml]",
		  { "broken.yaml:2:9: /kpis/bad/unit: must be one of", "broken.yaml:3:3: /kpis/bad: key \"bad\" stands" } },
		{ "an expression inside", "[wrong.yaml]", { "wrong.yaml:2:27: /kpis/x/expr: does not parse" } },
		{ "a missing file", "[nowhere.yaml]", { "p.yaml:1:11: /include/0: cannot be included: there is no file" } },
		{ "outside the folder", "[../secret.yaml]", { "p.yaml:1:11: /include/0: must not have" } },
		{ "outside, further down", "[a/../../secret.yaml]", { "p.yaml:1:11: /include/0: must not have" } },
		{ "an absolute path", "[/etc/passwd]", { "p.yaml:1:11: /include/0: must be relative" } },
		{ "twice the same", "[common/kpis.yaml, common/kpis.yaml]", { "p.yaml:1:29: /include/1: is included twice" } },
	};
	/* clang-format on */
	const struct policy_include include = {.read = read_file};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf text;
		char *lines = NULL;

		buf_init(&text, 64 * 1024);
		buf_printf(&text, "include: %s\n%s", rows[i].include, sample);
		lines = problems_of(text.bytes, &include);
		ck_assert_msg(rows[i].lines[0] || *lines == '\0', "%s:\n%s", rows[i].why, lines);
		for (size_t l = 0; l < 2 && rows[i].lines[l]; l++)
			ck_assert_msg(strstr(lines, rows[i].lines[l]) != NULL, "%s:\n%s",
			              rows[i].why, lines);
		free(lines);
		buf_fini(&text);
	}
}
END_TEST

START_TEST(an_include_is_the_same_as_writing_it_out)
{
	const struct policy_include include = {.read = read_file};
	char *included = text_replace(sample, "policy: sample\n",
	                              "policy: sample\ninclude: [common/kpis.yaml]\n");
	struct policy *written =
	        read_changed("sum(lag)}\n", "sum(lag)}\n  more: {unit: events, expr: sum(more)}\n");
	struct problems problems;
	struct policy *p = NULL;

	problems_init(&problems);
	p = policy_from_yaml("p.yaml", str_of(included), &include, &problems);
	ck_assert_ptr_nonnull(p);
	ck_assert_str_eq(p->hash, written->hash);
	policy_free(&p);
	policy_free(&written);
	problems_fini(&problems);
	free(included);
}
END_TEST

static char *warnings_of(const char *from, const char *to)
{
	struct policy *p = read_changed(from, to);
	struct problems warnings;
	char *lines = NULL;

	problems_init(&warnings);
	policy_warnings(p, &warnings);
	lines = problems_text(&warnings);
	problems_fini(&warnings);
	policy_free(&p);
	return lines;
}

START_TEST(what_is_allowed_and_seldom_meant_is_warned_about)
{
	/* clang-format off */
	static const struct {
		const char *why, *from, *to, *warning;
	} rows[] = {
		{ "nothing to say", "policy: sample", "policy: sample", "" },
		{ "shorter than two windows", "above: 500ms\n    for: 3 of 3", "above: 500ms\n    for: 90s",
		  "/gates/slow/rungs/0/for: the expression looks back 1m" },
		{ "two windows", "above: 500ms\n    for: 3 of 3", "above: 500ms\n    for: 2m", "" },
		{ "one vote", "for: 2 of 3", "for: 1 of 3", "/gates/errors/rungs/1/for: one vote fires" },
		{ "votes that overlap", "    min_events: 0\n", "    min_events: 0\n    vote_every: 15s\n",
		  "/gates/slow/vote_every: is shorter than the 1m" },
		{ "the canary alone", "http_errors_total[1m]", "http_errors_total{track=\"canary\"}[1m]",
		  "/rollback/stabilise/gates/0: KPI error_rate" },
		{ "the version alone", "http_errors_total[1m]", "http_errors_total{v=\"${version}\"}[1m]",
		  "/rollback/stabilise/gates/0: KPI error_rate" },
		{ "a label called version", "http_errors_total[1m]", "http_errors_total{a=\"b\", version!=\"1\"}[1m]",
		  "/rollback/stabilise/gates/0: KPI error_rate" },
		{ "another label", "http_errors_total[1m]", "http_errors_total{subtrack=\"x\"}[1m]", "" },
		{ "overdue at once", "overdue: 2h", "overdue: 5m", "/stages/1/overdue: is shorter" },
		{ "a range that holds one sample", "errors_total[1m]", "errors_total[20s]",
		  "/kpis/error_rate/expr: looks back 20s" },
		{ "no name to miss", "sum(lag)", "'sum({job=\"x\"})'", "/kpis/lag/expr: a selector names no metric" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *lines = warnings_of(rows[i].from, rows[i].to);

		ck_assert_msg(*rows[i].warning ? strncmp(lines, "p.yaml:", 7) == 0 &&
		                                         strstr(lines, rows[i].warning)
		                               : *lines == '\0',
		              "%s:\n%s", rows[i].why, lines);
		free(lines);
	}
}
END_TEST

START_TEST(the_reference_has_a_sentence_for_every_key)
{
	struct buf out;

	buf_init(&out, 1024 * 1024);
	policy_reference(&out);
	ck_assert_ptr_nonnull(strstr(out.bytes, "| `evaluate_every` |"));
	ck_assert_ptr_nonnull(strstr(out.bytes, "| `include` |"));
	ck_assert_ptr_nonnull(strstr(out.bytes, "| `above` |"));
	ck_assert_ptr_nonnull(strstr(out.bytes, "| `threshold` |"));
	ck_assert_ptr_nonnull(strstr(out.bytes, "| `alerts` |"));
	ck_assert_ptr_nonnull(strstr(out.bytes, "| `deadline` |"));
	ck_assert_ptr_null(strstr(out.bytes, "|  |\n"));
	buf_fini(&out);
}
END_TEST

START_TEST(limits_of_size_are_kept)
{
	struct buf text;
	char *lines = NULL;

	buf_init(&text, 64 * 1024);
	buf_add_text(&text, "policy: p\nkpis:\n");
	for (int i = 0; i < 65; i++)
		buf_printf(&text, "  k%d: {unit: events, expr: sum(x)}\n", i);
	buf_add_text(&text,
	             "gates: {g: {threshold: k1, above: 1, for: 1m, then: pause}}\nstages:\n");
	for (int i = 0; i < 65; i++)
		buf_printf(&text, "  - {stage: s%d, weight: 1, bake: 1m}\n", i);
	lines = problems_of(text.bytes, NULL);
	ck_assert_ptr_nonnull(
	        strstr(lines, "p.yaml:2:1: /kpis: has 65 entries, may have at most 64"));
	ck_assert_ptr_nonnull(strstr(lines, "/stages: has 65 entries, may have at most 64"));
	ck_assert_ptr_null(strstr(lines, "there is no KPI"));
	free(lines);
	buf_fini(&text);
}
END_TEST

START_TEST(odd_documents_are_refused_and_nothing_breaks)
{
	static const char *const texts[] = {
	        "[]",
	        "x",
	        "policy:\n",
	        "policy: p\nstages: {}\n",
	        "policy: p\nstages: [x, {}, [y]]\n",
	        "policy: p\nstages: [{stage: [a]}]\nrollback: x\n",
	        "policy: p\nstages: [{stage: a}]\ngates: [x]\nkpis: y\nsources: z\nactions: 1\n",
	        "policy: p\nstages: [{stage: a}]\ngates: {g: x, h: {}, i: [], 'a/b': {}}\nkpis: "
	        "{k: 1, l: {}}\n",
	        "policy: p\nstages: [{stage: a}]\ngates: {g: {threshold: [], rungs: {}}, h: "
	        "{health: [[]], rungs: [1]}}\n",
	        "policy: p\nstages: [{stage: a}]\ngates: {g: {<kind>: x}, h: {alerts: , source: , "
	        "then: }}\n",
	        "policy: p\nstages: [{stage: a, enter: [[]], checks: [], approvals: {x: y}, flags: "
	        ", weight: x}]\n",
	        "policy: p\nstages: [{stage: a}]\nactions: {a: {}, b: {to: 1, path: , method: [], "
	        "headers: []}}\n",
	        "policy: p\nstages: [{stage: a}]\nrollback: {options: [{}, x], stabilise: [], "
	        "reentry: [[]]}\n",
	        "policy: p\nstages: [{stage: a}]\nrollback: {options: [{option: a, actions: "
	        "[{}]}], stabilise: {gates: [{}]}}\n",
	        "policy: p\nstages: [{stage: a}]\nsources: {s: {scrape: [[], x, x]}, t: 1, u: "
	        "{scrape: []}}\n",
	        "include: 1\npolicy: p\n",
	        "policy: p\nstages: [{stage: a, in: b}]\ngates: {g: {threshold: k, in: [{}], "
	        "min_events: [], quorum: x}}\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct policy_include include = {.read = read_file};
		char *lines = problems_of(texts[i], &include);

		ck_assert_msg(*lines != '\0', "%s", texts[i]);
		free(lines);
	}
}
END_TEST

static char *slurp(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = calloc(1, POLICY_MAX_BYTES + 1);
	size_t n = 0;

	ck_assert_msg(file && text, "cannot open %s", path);
	n = fread(text, 1, POLICY_MAX_BYTES, file);
	text[n] = '\0';
	(void)fclose(file);
	return text;
}

static char policies_dir[512];
static char *kept; /* of the last included file */

static const char *read_beside(void *ctx, const char *path, size_t *out_n, struct err *err)
{
	char full[1024];

	(void)ctx;
	(void)err;
	(void)snprintf(full, sizeof(full), "%s/%s", policies_dir, path);
	free(kept);
	kept = slurp(full);
	*out_n = strlen(kept);
	return kept;
}

START_TEST(every_policy_we_ship_loads_without_a_warning)
{
	const struct policy_include include = {.read = read_beside};
	const char *root = getenv("HEADGATE_ROOT");
	struct dirent *entry = NULL;
	size_t n = 0;
	DIR *dir = NULL;

	(void)snprintf(policies_dir, sizeof(policies_dir), "%s/config/policies", root ? root : ".");
	dir = opendir(policies_dir);
	ck_assert_msg(dir != NULL, "cannot open %s", policies_dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[1024];
		struct problems problems;
		struct policy *p = NULL;
		char *text = NULL;
		char *lines = NULL;

		if (!strstr(entry->d_name, ".yaml"))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", policies_dir, entry->d_name);
		text = slurp(path);
		problems_init(&problems);
		p = policy_from_yaml(path, str_of(text), &include, &problems);
		if (p)
			policy_warnings(p, &problems);
		lines = problems_text(&problems);
		ck_assert_msg(p != NULL && *lines == '\0', "%s", lines);
		policy_free(&p);
		problems_fini(&problems);
		free(lines);
		free(text);
		n++;
	}
	(void)closedir(dir);
	free(kept);
	kept = NULL;
	ck_assert_uint_ge(n, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = tcase_create("policy");

	tcase_add_test(tcase, a_whole_policy_is_read);
	tcase_add_test(tcase, gates_count_where_they_say);
	tcase_add_test(tcase, an_action_may_be_acknowledged_by_callback_and_others_keep_their_hash);
	tcase_add_test(tcase, a_health_gate_probed_every_second_needs_no_timeout_of_its_own);
	tcase_add_test(tcase,
	               a_policy_with_five_different_mistakes_lists_all_five_with_line_and_column);
	tcase_add_test(tcase, one_mistake_is_one_problem_where_it_stands);
	tcase_add_test(tcase, a_password_in_a_url_is_not_repeated_in_the_message);
	tcase_add_test(tcase, a_way_back_is_open_to_who_holds_no_role);
	tcase_add_test(tcase, without_a_way_back_nothing_may_be_exposed);
	tcase_add_test(tcase, every_exposed_stage_needs_a_gate_that_counts);
	tcase_add_test(tcase, an_escalation_is_written_or_the_usual_one);
	tcase_add_test(tcase, an_upgrade_takes_no_running_release_its_policy);
	tcase_add_test(tcase, a_policy_written_out_and_read_again_has_the_same_hash);
	tcase_add_test(tcase, a_database_that_reorders_keys_keeps_the_hash_and_every_index);
	tcase_add_test(tcase, the_hash_is_of_what_is_meant_not_of_how_it_is_spelled);
	tcase_add_test(tcase, defaults_that_hang_on_other_parts_are_filled);
	tcase_add_test(tcase, several_sources_that_fit_must_be_told_apart);
	tcase_add_test(tcase, limits_are_read_in_the_unit_of_their_kpi_and_come_back);
	tcase_add_test(tcase, any_limit_comes_back_from_its_canonical_spelling);
	tcase_add_test(tcase, included_files_share_and_keep_their_places);
	tcase_add_test(tcase, an_include_is_the_same_as_writing_it_out);
	tcase_add_test(tcase, what_is_allowed_and_seldom_meant_is_warned_about);
	tcase_add_test(tcase, the_reference_has_a_sentence_for_every_key);
	tcase_add_test(tcase, limits_of_size_are_kept);
	tcase_add_test(tcase, odd_documents_are_refused_and_nothing_breaks);
	tcase_add_test(tcase, every_policy_we_ship_loads_without_a_warning);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
