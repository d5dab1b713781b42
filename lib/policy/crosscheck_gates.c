/* Gates: what they watch, limits in its unit, ladders that rise, and where they count. */
#include "policy/crosscheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gate/alerts.h"
#include "gate/evidence.h"
#include "gate/health.h"
#include "gate/incidents.h"
#include "gate/integrity.h"
#include "policy/cause.h"
#include "policy/crosscheck_gates.h"
#include "policy/limit.h"
#include "promql/promql.h"

#define EQUALS_MAX_BYTES 4096 /* what an answer is held against */

struct place crosscheck_gate_place(const struct gate *gate, const char *key)
{
	return key ? place_of("/gates/%s/%s", gate->name, key) : place_of("/gates/%s", gate->name);
}

/* A flat rung stands in the gate itself. */
struct place crosscheck_rung_place(const struct crosscheck *c, const struct gate *gate, size_t i,
                                   const char *key)
{
	const json_t *written = json_object_get(json_object_get(c->document, "gates"), gate->name);

	if (json_object_get(written, "rungs"))
		return place_of("/gates/%s/rungs/%zu/%s", gate->name, i, key);
	return crosscheck_gate_place(gate, key);
}

bool crosscheck_is_written(const struct crosscheck *c, const char *section, const char *name,
                           const char *key)
{
	const json_t *written = json_object_get(json_object_get(c->document, section), name);

	return json_object_get(written, key) != NULL;
}

/* A number, or what becomes one with a baseline; its canonical spelling in `out`. */
static bool limit_read(const struct gate *gate, struct gate_rung *rung, enum kpi_unit unit,
                       const char *watched, char out[UNITS_TEXT_MAX], struct err *err)
{
	if (gate->kind->limits_are_slopes) {
		if (!limit_parse_slope(rung->limit_text, unit, watched, &rung->limit, err))
			return false;
		limit_format_slope(rung->limit, unit, out);
		return true;
	}
	if (!gate->kind->against) {
		if (!limit_parse(rung->limit_text, unit, watched, &rung->limit, err))
			return false;
		limit_format(rung->limit, unit, out);
		return true;
	}
	if (!limit_parse_baseline(rung->limit_text, unit, watched, &rung->relative, &rung->absolute,
	                          err))
		return false;
	rung->of_baseline = true;
	return limit_format_baseline(rung->relative, rung->absolute, unit, out) ||
	       err_set(err, ERR_INVALID, "has too many digits: write it shorter");
}

/* Reads a limit and puts its canonical spelling in place of the written one. */
static void resolve_limit(struct crosscheck *c, const struct gate *gate, size_t i,
                          enum kpi_unit unit, const char *watched)
{
	struct gate_rung *rung = &gate->rungs[i];
	const char *key = rung->compare == RUNG_ABOVE ? "above" : "below";
	char text[UNITS_TEXT_MAX];
	struct err err;

	if (!rung->limit_text)
		return;
	if (!limit_read(gate, rung, unit, watched, text, &err)) {
		crosscheck_problem(c, crosscheck_rung_place(c, gate, i, key), "%s", err.text);
		return;
	}
	free(rung->limit_text);
	rung->limit_text = text_dup(text);
	if (!rung->limit_text)
		crosscheck_problem(c, crosscheck_gate_place(gate, NULL),
		                   "cannot be read: no memory");
}

/* Whatever the baseline, where limits depend on one. */
static bool comes_before(const struct gate_rung *hard, const struct gate_rung *mild, bool above)
{
	const struct gate_rung *low = above ? hard : mild, *high = above ? mild : hard;

	if (!hard->of_baseline)
		return low->limit < high->limit;
	return low->relative <= high->relative && low->absolute <= high->absolute &&
	       (low->relative < high->relative || low->absolute < high->absolute);
}

/* The worse a rung's outcome, the worse the value it needs: with limits swapped, what should pause
 * first would roll back at once. */
static void check_ladder(struct crosscheck *c, const struct gate *gate)
{
	for (size_t i = 0; i < gate->nrungs; i++) {
		for (size_t j = 0; j < gate->nrungs; j++) {
			const struct gate_rung *mild = &gate->rungs[i];
			const struct gate_rung *hard = &gate->rungs[j];
			bool above = hard->compare == RUNG_ABOVE;

			if (mild->compare != hard->compare || mild->then >= hard->then ||
			    mild->then == RUNG_NOTE)
				continue;
			if (comes_before(hard, mild, above))
				crosscheck_problem(
				        c,
				        crosscheck_rung_place(c, gate, j,
				                              above ? "above" : "below"),
				        "%s at %s comes before %s at %s: the limits seem swapped",
				        rung_then_names[hard->then], hard->limit_text,
				        rung_then_names[mild->then], mild->limit_text);
		}
	}
}

static void check_rung_option(struct crosscheck *c, const struct gate *gate, size_t i)
{
	const struct gate_rung *rung = &gate->rungs[i];
	struct place at = crosscheck_rung_place(c, gate, i, "then");
	const struct policy_rollback *rollback = &c->policy->rollback;
	const struct policy_option *named = NULL;
	struct names names = {0};

	if (rung->then != RUNG_ROLLBACK)
		return;
	if (!rollback->present) {
		crosscheck_problem(c, at, "rolls back, but the policy has no rollback section");
		return;
	}
	named = rung->option ? policy_option(c->policy, rung->option) : NULL;
	if (named && named->nroles > 0)
		crosscheck_problem(c, at,
		                   "only a person who holds role %s takes rollback option %s: no "
		                   "gate does",
		                   named->roles[0] ? named->roles[0] : "?", rung->option);
	if (!rung->option || named || !crosscheck_is_sound(c, place_of("/rollback/options")) ||
	    rollback->noptions == 0)
		return;
	for (size_t o = 0; o < rollback->noptions; o++)
		names_add(&names, rollback->options[o].option);
	crosscheck_unknown(c, at, "rollback option", rung->option, names.list);
}

void crosscheck_rungs(struct crosscheck *c, const struct gate *gate, enum kpi_unit unit,
                      const char *watched)
{
	for (size_t i = 0; i < gate->nrungs; i++)
		resolve_limit(c, gate, i, unit, watched);
	if (crosscheck_is_sound(c, crosscheck_gate_place(gate, NULL)))
		check_ladder(c, gate); /* of limits that could be read */
}

static void refuse_evidence_keys(struct crosscheck *c, const struct gate *gate)
{
	if (gate->quorum > 0)
		crosscheck_problem(c, crosscheck_gate_place(gate, "quorum"),
		                   "belongs to gates on KPIs");
	if (gate->min_events > 0)
		crosscheck_problem(c, crosscheck_gate_place(gate, "min_events"),
		                   "belongs to gates on KPIs");
}

/* A rung that what is counted never crosses: of `most` things, or the good side of them. */
static void refuse_limits(struct crosscheck *c, const struct gate *gate, double most,
                          const char *text)
{
	for (size_t i = 0; i < gate->nrungs; i++) {
		const struct gate_rung *rung = &gate->rungs[i];
		bool is_below = rung->compare == RUNG_BELOW;

		if (is_below || rung->limit >= most)
			crosscheck_problem(
			        c, crosscheck_rung_place(c, gate, i, is_below ? "below" : "above"),
			        "%s", text);
	}
}

/* A URL is probed once; written twice, the gate would wait for the other one for ever. */
static void check_probe(struct crosscheck *c, const struct gate *gate, size_t i)
{
	const struct health_spec *spec = gate->spec;
	struct place at = place_of("/gates/%s/health/%zu", gate->name, i);

	crosscheck_url(c, at, spec->health[i]);
	for (size_t k = 0; k < i; k++) {
		if (spec->health[k] && strcmp(spec->health[k], spec->health[i]) == 0) {
			crosscheck_problem(c, at, "stands here twice: a URL is probed once");
			return;
		}
	}
}

static void check_equals(struct crosscheck *c, const struct gate *gate, const json_t *equals)
{
	struct err err;

	if (equals && !placeholder_check_json(equals, SCOPE_RELEASE, &err))
		crosscheck_problem(c, crosscheck_gate_place(gate, "equals"), "%s", err.text);
	else if (equals && json_dumpb(equals, NULL, 0, JSON_ENCODE_ANY) > EQUALS_MAX_BYTES)
		crosscheck_problem(c, crosscheck_gate_place(gate, "equals"),
		                   "is longer than %d bytes", EQUALS_MAX_BYTES);
}

static void check_health(struct crosscheck *c, const struct gate *gate)
{
	const struct health_spec *spec = gate->spec;

	check_equals(c, gate, spec->equals);
	for (size_t i = 0; i < spec->nhealth; i++) {
		if (spec->health[i])
			check_probe(c, gate, i);
	}
	refuse_evidence_keys(c, gate);
	crosscheck_rungs(c, gate, KPI_EVENTS, "the number of URLs that fail");
	refuse_limits(c, gate, (double)spec->nhealth,
	              "counts the URLs that fail: so many never do; write above, and less than "
	              "there are");
}

static void check_integrity(struct crosscheck *c, const struct gate *gate)
{
	const struct integrity_spec *spec = gate->spec;

	crosscheck_url_of(c, crosscheck_gate_place(gate, "integrity"), spec->integrity,
	                  SCOPE_STARTED);
	check_equals(c, gate, spec->equals);
	refuse_evidence_keys(c, gate);
	crosscheck_rungs(c, gate, KPI_EVENTS, "0 or 1, whether the check says no");
	refuse_limits(c, gate, 1, "a check says yes or no: an integrity gate has no limit");
}

void crosscheck_selector(struct crosscheck *c, struct place at, const char *selector)
{
	struct promql_position where = {0};
	struct promql_expr *expr = NULL;
	struct err err;

	if (!placeholder_check(selector, PLACE_PROMQL, SCOPE_RELEASE, &err)) {
		crosscheck_problem_inside(c, at, "%s", err.text);
		return;
	}
	if (!str_starts_with(str_trim(str_of(selector)), STR("{"))) {
		crosscheck_problem_inside(
		        c, at, "must be label matchers in braces: '{severity=\"critical\"}'");
		return;
	}
	expr = promql_parse(str_of(selector), &where, &err);
	if (!expr)
		crosscheck_problem_inside(c, at,
		                          "does not parse: %s (at character %zu of the selector)",
		                          err.text, where.offset + 1);
	else if (promql_expr_type(expr) != PROMQL_VECTOR)
		crosscheck_problem_inside(c, at,
		                          "must be label matchers in braces and nothing else");
	promql_free(&expr);
}

/* Where nothing is said it is an Alertmanager, which knows of silences; without one, what there is.
 */
static unsigned alert_kinds(const struct crosscheck *c, const struct alerts_spec *spec)
{
	unsigned manager = SOURCE_BIT(SOURCE_ALERTMANAGER);

	for (size_t i = 0; !spec->source && i < c->policy->nsources; i++) {
		const struct policy_source *source = &c->policy->sources[i];

		if (source->kind == SOURCE_ALERTMANAGER && policy_source_is_set(source))
			return manager;
	}
	return manager | SOURCE_BIT(SOURCE_PROMETHEUS) | SOURCE_BIT(SOURCE_WEBHOOK);
}

static void check_alerts(struct crosscheck *c, const struct gate *gate)
{
	struct alerts_spec *spec = gate->spec;

	crosscheck_selector(c, crosscheck_gate_place(gate, "alerts"), spec->alerts);
	crosscheck_source(c, crosscheck_gate_place(gate, spec->source ? "source" : "alerts"),
	                  alert_kinds(c, spec), &spec->source);
	refuse_evidence_keys(c, gate);
	crosscheck_rungs(c, gate, KPI_EVENTS, "the number of firing alerts");
}

/* A result passed or failed: there is nothing to compare. */
static void check_evidence(struct crosscheck *c, const struct gate *gate)
{
	const struct evidence_spec *spec = gate->spec;

	crosscheck_name(c, crosscheck_gate_place(gate, "evidence"), spec->evidence);
	refuse_evidence_keys(c, gate);
	crosscheck_rungs(c, gate, KPI_EVENTS, "a result that failed");
	refuse_limits(c, gate, 1, "a result passed or failed: an evidence gate has no limit");
}

/* "2 critical in 24 h" is above 1; a time without any is broken by one. */
static void check_incidents(struct crosscheck *c, const struct gate *gate)
{
	const struct incidents_spec *spec = gate->spec;

	refuse_evidence_keys(c, gate);
	crosscheck_rungs(c, gate, KPI_EVENTS, "the number of incidents");
	for (size_t i = 0; i < gate->nrungs; i++) {
		const struct gate_rung *rung = &gate->rungs[i];

		if (rung->compare == RUNG_BELOW)
			crosscheck_problem(c, crosscheck_rung_place(c, gate, i, "below"),
			                   "few incidents are no trouble: write above");
		else if (spec->none_for_ms > 0 && rung->limit > 0)
			crosscheck_problem(c, crosscheck_rung_place(c, gate, i, "above"),
			                   "with none_for one incident is too many: there is no "
			                   "limit");
	}
}

static void stage_names(const struct policy *p, struct names *out)
{
	for (size_t i = 0; i < p->nstages; i++)
		names_add(out, p->stages[i].stage);
}

static void check_shared(struct crosscheck *c, const struct gate *gate)
{
	struct names stages = {0};

	if (policy_cause(gate->name))
		crosscheck_problem(c, crosscheck_gate_place(gate, NULL),
		                   "\"%s\" is %s, and a gate's pause is named after the gate: "
		                   "choose another name",
		                   gate->name, policy_cause(gate->name));
	stage_names(c->policy, &stages);
	for (size_t i = 0; i < gate->nin_stages; i++) {
		if (gate->in_stages[i] && !names_have(&stages, gate->in_stages[i]) &&
		    crosscheck_is_listed(c, "stages"))
			crosscheck_unknown(c, place_of("/gates/%s/in/%zu", gate->name, i), "stage",
			                   gate->in_stages[i], stages.list);
	}
	for (size_t i = 0; i < gate->nwaivable_by; i++)
		crosscheck_name(c, place_of("/gates/%s/waivable_by/%zu", gate->name, i),
		                gate->waivable_by[i]);
	if (gate->after_max_hold == RUNG_ROLLBACK && !c->policy->rollback.present)
		crosscheck_problem(c, crosscheck_gate_place(gate, "after_max_hold"),
		                   "rolls back, but the policy has no rollback section");
	for (size_t i = 0; i < gate->nrungs; i++)
		check_rung_option(c, gate, i);
}

/* clang-format off */
static const struct {
	const struct gate_kind *kind;
	void (*check)(struct crosscheck *c, const struct gate *gate);
} kinds[] = {
	{ &gate_health,    check_health },
	{ &gate_integrity, check_integrity },
	{ &gate_alerts,    check_alerts },
	{ &gate_evidence_kind, check_evidence },
	{ &gate_incidents_kind, check_incidents },
};
/* clang-format on */

static void check_gate(struct crosscheck *c, const struct gate *gate)
{
	if (gate->kind->kpi) {
		crosscheck_kpi_gate(c, gate);
		check_shared(c, gate);
		return;
	}
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		if (kinds[k].kind != gate->kind)
			continue;
		kinds[k].check(c, gate);
		check_shared(c, gate);
		return;
	}
	/* Its limits would stay 0: a kind needs its row above. */
	crosscheck_problem(c, crosscheck_gate_place(gate, NULL),
	                   "gates of kind %s cannot stand in a policy yet", gate->kind->name);
}

void crosscheck_gates(struct crosscheck *c)
{
	for (size_t i = 0; i < c->policy->ngates; i++) {
		const struct gate *gate = &c->policy->gates[i];

		if (gate->kind)
			check_gate(c, gate);
	}
}
