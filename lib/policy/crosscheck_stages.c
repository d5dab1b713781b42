/* Stages and the rollback section: an order that makes sense, evidence in every exposed
 * stage, and a way back from each. */
#include "policy/crosscheck.h"

#include <string.h>

#include "base/str.h"

bool policy_stage_is_exposed(const struct policy *p, size_t i)
{
	for (size_t s = 0; s <= i && s < p->nstages; s++) {
		if (p->stages[s].kind == STAGE_ROLLOUT)
			return true;
	}
	return false;
}

static void action_names(const struct policy *p, struct names *out)
{
	for (size_t i = 0; i < p->nactions; i++)
		names_add(out, p->actions[i].name);
}

static void check_actions_named(struct crosscheck *c, const char *where, char **names, size_t n)
{
	struct names actions = {0};

	action_names(c->policy, &actions);
	for (size_t i = 0; i < n; i++) {
		if (names[i] && !names_have(&actions, names[i]) &&
		    crosscheck_is_listed(c, "actions"))
			crosscheck_unknown(c, place_of("%s/%zu", where, i), "action", names[i],
			                   actions.list);
	}
}

/* An action that cannot be filled in would fail when the stage is entered, in the middle of a
 * release. */
static void check_entry_values(struct crosscheck *c, size_t s)
{
	const struct policy_stage *stage = &c->policy->stages[s];

	for (size_t i = 0; i < stage->nenter; i++) {
		const char *name = stage->enter[i];
		const struct policy_action *action = name ? policy_action(c->policy, name) : NULL;

		if (action && stage->weight < 0 && policy_action_uses(action, "stage.weight"))
			crosscheck_problem(
			        c, place_of("/stages/%zu/enter/%zu", s, i),
			        "action %s needs ${stage.weight}, and the stage has no weight",
			        action->name);
	}
}

static void check_stage_name(struct crosscheck *c, size_t s)
{
	const struct policy *p = c->policy;
	struct place at = place_of("/stages/%zu/stage", s);
	const char *name = p->stages[s].stage;

	crosscheck_name(c, at, name);
	if (strcmp(name, "all") == 0 || strcmp(name, "default") == 0)
		crosscheck_problem(
		        c, at,
		        "\"%s\" means something else in the \"in\" of a gate: choose another name",
		        name);
	for (size_t i = 0; i < s; i++) {
		if (p->stages[i].stage && strcmp(p->stages[i].stage, name) == 0) {
			crosscheck_problem(
			        c, at, "stage %s stands here already: a name stands for one stage",
			        name);
			return;
		}
	}
}

/* Rule V3, and the order of exposure. */
static void check_stage_kind(struct crosscheck *c, size_t s)
{
	const struct policy_stage *stage = &c->policy->stages[s];
	const char *fault = NULL;

	if (stage->kind == STAGE_PREFLIGHT && policy_stage_is_exposed(c->policy, s))
		crosscheck_problem(
		        c, place_of("/stages/%zu/kind", s),
		        "a preflight stage cannot follow a rollout stage: the release is exposed");
	if (stage->kind == STAGE_PREFLIGHT) {
		fault = stage->weight >= 0  ? "weight"
		        : stage->flags      ? "flags"
		        : stage->nenter > 0 ? "enter"
		                            : NULL;
		if (fault)
			crosscheck_problem(c, place_of("/stages/%zu/%s", s, fault),
			                   "a preflight stage exposes nothing and has no %s: make "
			                   "it a rollout "
			                   "stage",
			                   fault);
	}
	if (stage->kind == STAGE_VERIFY && !policy_stage_is_exposed(c->policy, s) &&
	    (stage->weight >= 0 || stage->flags))
		crosscheck_problem(
		        c, place_of("/stages/%zu/%s", s, stage->weight >= 0 ? "weight" : "flags"),
		        "a verify stage before anything is exposed cannot expose: make it a "
		        "rollout stage");
	if (stage->kind == STAGE_ROLLOUT && stage->weight < 0 && !stage->flags &&
	    stage->nenter == 0)
		crosscheck_problem(
		        c, place_of("/stages/%zu", s),
		        "a rollout stage changes something: it needs weight, flags or enter");
	if (stage->flags && !json_is_object(stage->flags))
		crosscheck_problem(c, place_of("/stages/%zu/flags", s),
		                   "must be an object of names and values");
}

static void check_weight(struct crosscheck *c, size_t s)
{
	const struct policy *p = c->policy;

	if (p->stages[s].weight < 0 || p->stages[s].kind == STAGE_PREFLIGHT)
		return;
	for (size_t i = s; i > 0; i--) {
		const struct policy_stage *before = &p->stages[i - 1];

		if (before->weight < 0)
			continue;
		if (before->weight > p->stages[s].weight)
			crosscheck_problem(c, place_of("/stages/%zu/weight", s),
			                   "falls from %lld in stage %s: weights never fall, a "
			                   "rollback is the way "
			                   "down",
			                   (long long)before->weight,
			                   before->stage ? before->stage : "before");
		return;
	}
}

static bool has_counting_gate(const struct policy *p, const struct policy_stage *stage)
{
	for (size_t i = 0; i < p->ngates; i++) {
		if (!p->gates[i].optional && policy_gate_counts(&p->gates[i], stage))
			return true;
	}
	return false;
}

/* Rule E6. Gates that could not be read may be those that count. */
static void check_evidence(struct crosscheck *c, size_t s)
{
	const struct policy_stage *stage = &c->policy->stages[s];
	struct place at = place_of("/stages/%zu", s);

	if (has_counting_gate(c->policy, stage) || !crosscheck_is_sound(c, place_of("/gates")))
		return;
	if (policy_stage_is_exposed(c->policy, s))
		crosscheck_problem(
		        c, at,
		        "no gate counts in stage %s: an exposed stage needs at least one that is "
		        "neither shadow nor optional",
		        stage->stage);
	else if (stage->nchecks == 0 && stage->napprovals == 0)
		crosscheck_problem(
		        c, at,
		        "nothing counts in stage %s: it needs a gate, a check or an approval",
		        stage->stage);
}

static void check_bake(struct crosscheck *c, size_t s)
{
	const struct policy_stage *stage = &c->policy->stages[s];

	if (stage->kind != STAGE_PREFLIGHT && policy_stage_is_exposed(c->policy, s) &&
	    stage->bake_ms == 0 && !stage->allow_zero_bake)
		crosscheck_problem(c, place_of("/stages/%zu/bake", s),
		                   "stage %s is exposed and does not bake: write bake, or "
		                   "allow_zero_bake: true",
		                   stage->stage);
}

/* A check is filled once per release, by its name: what one stage was told must not let another be
 * left, nor the next release in. */
static void check_is_new(struct crosscheck *c, struct place at, const char *name, size_t before)
{
	const struct policy *p = c->policy;

	for (size_t s = 0; s < before; s++) {
		for (size_t i = 0; i < p->stages[s].nchecks; i++) {
			if (!name || !p->stages[s].checks[i].name ||
			    strcmp(p->stages[s].checks[i].name, name) != 0)
				continue;
			crosscheck_problem(c, at,
			                   "%s is a check of stage %s already: a name stands for "
			                   "one check of the release",
			                   name, p->stages[s].stage ? p->stages[s].stage : "?");
			return;
		}
	}
}

static bool key_is_sound(const struct crosscheck *c, size_t s, const char *key)
{
	return crosscheck_is_sound(c, place_of("/stages/%zu/%s", s, key));
}

static void check_stage(struct crosscheck *c, size_t s)
{
	const struct policy_stage *stage = &c->policy->stages[s];
	struct place enter = place_of("/stages/%zu/enter", s);
	struct err err;

	check_stage_name(c, s);
	if (key_is_sound(c, s, "kind") && key_is_sound(c, s, "weight")) {
		check_stage_kind(c, s);
		check_weight(c, s);
		check_evidence(c, s);
		check_entry_values(c, s);
	}
	if (key_is_sound(c, s, "kind") && key_is_sound(c, s, "bake"))
		check_bake(c, s);
	check_actions_named(c, enter.pointer, stage->enter, stage->nenter);
	for (size_t i = 0; i < stage->nchecks; i++) {
		struct place at = place_of("/stages/%zu/checks/%s", s, stage->checks[i].name);

		crosscheck_name(c, at, stage->checks[i].owner);
		check_is_new(c, at, stage->checks[i].name, s);
	}
	if (stage->flags && !placeholder_check_json(stage->flags, SCOPE_NONE, &err))
		crosscheck_problem(c, place_of("/stages/%zu/flags", s), "%s", err.text);
}

/* Rule R7. */
static void check_way_back(struct crosscheck *c)
{
	const struct policy *p = c->policy;

	for (size_t s = 0; s < p->nstages && !p->rollback.present; s++) {
		if (!policy_stage_is_exposed(p, s))
			continue;
		crosscheck_problem(c, place_of("/stages/%zu", s),
		                   "exposes the release, and the policy has no rollback section");
		return;
	}
}

void crosscheck_stages(struct crosscheck *c)
{
	for (size_t s = 0; s < c->policy->nstages; s++) {
		if (c->policy->stages[s].stage)
			check_stage(c, s);
	}
	check_way_back(c);
}

/* From any stage a rollback must be possible, so its actions may not hang on the stage. */
static void check_back_values(struct crosscheck *c, const char *where, char **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *name = names[i];
		const struct policy_action *action = name ? policy_action(c->policy, name) : NULL;

		if (action && policy_action_uses(action, "stage.weight"))
			crosscheck_problem(c, place_of("%s/%zu", where, i),
			                   "action %s needs ${stage.weight}: a rollback starts "
			                   "from any stage, and "
			                   "must not hang on its weight",
			                   action->name);
	}
}

static void check_back_actions(struct crosscheck *c, struct place at, char **names, size_t n)
{
	check_actions_named(c, at.pointer, names, n);
	check_back_values(c, at.pointer, names, n);
}

static void check_option(struct crosscheck *c, size_t o)
{
	const struct policy_rollback *rollback = &c->policy->rollback;
	const struct policy_option *option = &rollback->options[o];
	struct place at = place_of("/rollback/options/%zu/option", o);
	struct place actions = place_of("/rollback/options/%zu/actions", o);

	crosscheck_name(c, at, option->option);
	for (size_t i = 0; i < o; i++) {
		if (rollback->options[i].option &&
		    strcmp(rollback->options[i].option, option->option) == 0)
			crosscheck_problem(c, at, "option %s stands here already", option->option);
	}
	if (option->nactions == 0 && !option->manual && crosscheck_is_sound(c, actions))
		crosscheck_problem(c, place_of("/rollback/options/%zu", o),
		                   "option %s does nothing: it needs actions, or manual: true",
		                   option->option);
	check_back_actions(c, actions, option->actions, option->nactions);
	for (size_t i = 0; i < option->nroles; i++)
		crosscheck_name(c, place_of("/rollback/options/%zu/roles/%zu", o, i),
		                option->roles[i]);
}

static void check_stabilise(struct crosscheck *c)
{
	const struct policy_rollback *rollback = &c->policy->rollback;
	struct names gates = {0};

	for (size_t i = 0; i < c->policy->ngates; i++)
		names_add(&gates, c->policy->gates[i].name);
	for (size_t i = 0; i < rollback->nstabilise_gates; i++) {
		const char *name = rollback->stabilise_gates[i];
		struct place at = place_of("/rollback/stabilise/gates/%zu", i);
		const struct gate *gate = name ? policy_gate(c->policy, name, NULL) : NULL;

		if (name && !gate && crosscheck_is_listed(c, "gates"))
			crosscheck_unknown(c, at, "gate", name, gates.list);
		else if (gate && (gate->shadow || gate->optional))
			crosscheck_problem(c, at, "gate %s is %s: it proves nothing", name,
			                   gate->shadow ? "a shadow" : "optional");
	}
	if (rollback->stabilise_bake_ms > 0 && rollback->stabilise_deadline_ms > 0 &&
	    rollback->stabilise_deadline_ms <= rollback->stabilise_bake_ms)
		crosscheck_problem(
		        c, place_of("/rollback/stabilise/deadline"),
		        "must be longer than the bake, or no rollback could stabilise in time");
}

/* What gates decide, and who names no option, must have a way to take. */
static void check_open_to_all(struct crosscheck *c)
{
	const struct policy_rollback *rollback = &c->policy->rollback;
	struct place at = place_of("/rollback/options");

	for (size_t o = 0; o < rollback->noptions; o++) {
		if (rollback->options[o].nroles == 0)
			return;
	}
	if (rollback->noptions > 0 && crosscheck_is_sound(c, at))
		crosscheck_problem(c, at,
		                   "every option asks for a role: neither a gate nor whoever names "
		                   "none could roll back; leave one open to all, a manual one at "
		                   "least");
}

void crosscheck_rollback(struct crosscheck *c)
{
	const struct policy_rollback *rollback = &c->policy->rollback;

	if (!rollback->present)
		return;
	check_open_to_all(c);
	for (size_t o = 0; o < rollback->noptions; o++) {
		if (rollback->options[o].option)
			check_option(c, o);
	}
	if (rollback->nstabilise_gates > 0 &&
	    crosscheck_is_sound(c, place_of("/rollback/stabilise")))
		check_stabilise(c);
	check_back_actions(c, place_of("/rollback/dampen"), rollback->dampen, rollback->ndampen);
	check_back_actions(c, place_of("/rollback/smoke"), rollback->smoke, rollback->nsmoke);
	for (size_t i = 0; i < rollback->nreentry; i++) {
		struct place at = place_of("/rollback/reentry/%zu", i);

		crosscheck_name(c, at, rollback->reentry[i]);
		check_is_new(c, at, rollback->reentry[i], c->policy->nstages);
	}
}
