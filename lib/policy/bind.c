/* A policy for one release: a copy with its placeholders filled, its expressions parsed and its
 * names resolved. What can only be filled later is tried here, so that a release is refused before
 * it starts and not in the middle of a rollout, or of a rollback. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gate/alerts.h"
#include "gate/health.h"
#include "gate/integrity.h"
#include "gate/threshold.h"
#include "policy/policy.h"
#include "promql/promql.h"

/* Stands for the stable version while filling is only tried: a first release has none, and options
 * that need one are not taken then (rule R7). */
#define ANY_STABLE_VERSION "0"

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory to bind the policy");
}

/* Replaces a heap text by its filled form. */
static bool fill_in_place(char **text, enum placeholder_place place,
                          const struct policy_values *values, struct err *err)
{
	char *filled = placeholder_fill(*text, place, values, err);

	if (!filled)
		return false;
	free(*text);
	*text = filled;
	return true;
}

static bool fill_json_in_place(json_t **value, const struct policy_values *values, struct err *err)
{
	json_t *filled = placeholder_fill_json(*value, values, err);

	if (!filled)
		return false;
	json_decref(*value);
	*value = filled;
	return true;
}

static size_t count_of(const char *text, const char *any)
{
	size_t n = 0;

	for (text = strpbrk(text, any); text; text = strpbrk(text + 1, any))
		n++;
	return n;
}

/* The path is looked for as it is, so nothing is escaped in it; but what a caller gives finds no
 * more files than the policy meant. */
static bool bind_file(char **file, const struct policy_values *values, struct err *err)
{
	static const char special[] = "*?[\\";
	size_t meant = count_of(*file, special);
	const char *fault;

	if (!fill_in_place(file, PLACE_TEXT, values, err))
		return false;
	fault = policy_file_fault(*file);
	if (!fault && count_of(*file, special) != meant)
		fault = "a placeholder's value may not hold any of *?[\\";
	return !fault || err_set(err, ERR_INVALID, "file_sd %.100s: %s", *file, fault);
}

static bool bind_source(struct policy_source *source, const struct policy_values *values,
                        struct err *err)
{
	for (size_t i = 0; i < source->naddresses; i++) {
		if (!fill_in_place(&source->addresses[i],
		                   source->kind == SOURCE_WEBHOOK ? PLACE_PROMQL : PLACE_URL,
		                   values, err))
			return false;
	}
	for (size_t i = 0; source->labels && i < source->naddresses; i++) {
		if (source->labels[i] && !fill_json_in_place(&source->labels[i], values, err))
			return false;
	}
	for (size_t i = 0; i < source->nfile_sd; i++) {
		if (!bind_file(&source->file_sd[i], values, err))
			return false;
	}
	for (size_t i = 0; i < source->nhttp_sd; i++) {
		if (!fill_in_place(&source->http_sd[i], PLACE_URL, values, err))
			return false;
	}
	for (size_t i = 0; i < source->nquery_params; i++) {
		if (!fill_in_place(&source->query_params[i].value, PLACE_TEXT, values, err))
			return false;
	}
	return true;
}

static bool bind_sources(struct policy *p, const struct policy_values *values, struct err *err)
{
	for (size_t i = 0; i < p->nsources; i++) {
		if (!bind_source(&p->sources[i], values, err)) {
			err_prefix(err, "source %s", p->sources[i].name);
			return false;
		}
	}
	return true;
}

static bool bind_kpi(const struct policy *p, struct kpi *kpi, const struct policy_values *values,
                     struct err *err)
{
	struct promql_position at = {0};

	kpi->source_index = SIZE_MAX;
	if (kpi->pushed_ms > 0)
		return true;
	if (!kpi->source || !policy_source(p, kpi->source, &kpi->source_index))
		return err_set(err, ERR_INVALID, "there is no source to read from");
	if (!kpi->expr)
		return true;
	if (!fill_in_place(&kpi->expr, PLACE_PROMQL, values, err))
		return false;
	kpi->parsed = promql_parse(str_of(kpi->expr), &at, err);
	return kpi->parsed != NULL;
}

static bool bind_kpis(struct policy *p, const struct policy_values *values, struct err *err)
{
	for (size_t i = 0; i < p->nkpis; i++) {
		if (!bind_kpi(p, &p->kpis[i], values, err)) {
			err_prefix(err, "KPI %s", p->kpis[i].name);
			return false;
		}
	}
	return true;
}

static bool bind_health(struct health_spec *spec, const struct policy_values *values,
                        struct err *err)
{
	for (size_t i = 0; i < spec->nhealth; i++) {
		if (!fill_in_place(&spec->health[i], PLACE_URL, values, err))
			return false;
	}
	return !spec->equals || fill_json_in_place(&spec->equals, values, err);
}

static bool bind_integrity(struct integrity_spec *spec, const struct policy_values *values,
                           struct err *err)
{
	return fill_in_place(&spec->integrity, PLACE_URL, values, err) &&
	       fill_json_in_place(&spec->equals, values, err);
}

static bool bind_index(const struct policy *p, const char *kpi, size_t *out, struct err *err)
{
	return policy_kpi(p, kpi, out) || err_set(err, ERR_INVALID, "there is no KPI %s", kpi);
}

static bool bind_against(const struct policy *p, struct gate *gate, struct err *err)
{
	const char *against = gate->kind->against ? gate->kind->against(gate->spec) : NULL;
	const char *events =
	        gate->kind->against_events ? gate->kind->against_events(gate->spec) : NULL;

	return (!against || bind_index(p, against, &gate->against_index, err)) &&
	       (!events || bind_index(p, events, &gate->against_events_index, err));
}

static bool bind_gate(const struct policy *p, struct gate *gate, const struct policy_values *values,
                      struct err *err)
{
	const char *watched = policy_gate_kpi(gate);

	gate->kpi_index = SIZE_MAX;
	gate->events_index = SIZE_MAX;
	gate->against_index = SIZE_MAX;
	gate->against_events_index = SIZE_MAX;
	if (watched && !bind_index(p, watched, &gate->kpi_index, err))
		return false;
	if (gate->min_events_kpi && !bind_index(p, gate->min_events_kpi, &gate->events_index, err))
		return false;
	if (!bind_against(p, gate, err))
		return false;
	if (gate->kind == &gate_health)
		return bind_health(gate->spec, values, err);
	if (gate->kind == &gate_integrity)
		return bind_integrity(gate->spec, values, err);
	if (gate->kind == &gate_alerts)
		return fill_in_place(&((struct alerts_spec *)gate->spec)->alerts, PLACE_PROMQL,
		                     values, err);
	return true;
}

static bool bind_gates(struct policy *p, const struct policy_values *values, struct err *err)
{
	for (size_t i = 0; i < p->ngates; i++) {
		if (!bind_gate(p, &p->gates[i], values, err)) {
			err_prefix(err, "gate %s", p->gates[i].name);
			return false;
		}
	}
	return true;
}

static bool try_json(const json_t *value, const struct policy_values *values, struct err *err)
{
	json_t *filled = value ? placeholder_fill_json(value, values, err) : NULL;
	bool ok = !value || filled;

	json_decref(filled);
	return ok;
}

static bool try_text(const char *text, enum placeholder_place place,
                     const struct policy_values *values, struct err *err)
{
	char *filled = text ? placeholder_fill(text, place, values, err) : NULL;
	bool ok = !text || filled;

	free(filled);
	return ok;
}

static bool try_parts(const struct policy_action *action, const struct policy_values *values,
                      struct err *err)
{
	for (size_t i = 0; i < action->narguments; i++) {
		if (!try_text(action->arguments[i], PLACE_ARGUMENT, values, err))
			return false;
	}
	return try_text(action->path, PLACE_URL, values, err) &&
	       try_text(action->input, PLACE_ARGUMENT, values, err) &&
	       try_text(action->read.path, PLACE_URL, values, err) &&
	       try_json(action->body, values, err) && try_json(action->headers, values, err) &&
	       try_json(action->read.equals, values, err);
}

static bool try_action(const struct policy *p, const char *name, const struct policy_values *values,
                       struct err *err)
{
	const struct policy_action *action = policy_action(p, name);

	if (!action)
		return err_set(err, ERR_INVALID, "there is no action %s", name);
	if (try_parts(action, values, err))
		return true;
	err_prefix(err, "action %s", name);
	return false;
}

static bool try_list(const struct policy *p, char *const *names, size_t n,
                     const struct policy_values *values, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		if (!try_action(p, names[i], values, err))
			return false;
	}
	return true;
}

static bool try_way_back(const struct policy *p, const struct policy_values *values,
                         struct err *err)
{
	const struct policy_rollback *b = &p->rollback;

	for (size_t o = 0; o < b->noptions; o++) {
		if (!try_list(p, b->options[o].actions, b->options[o].nactions, values, err)) {
			err_prefix(err, "rollback option %s", b->options[o].option);
			return false;
		}
	}
	if (try_list(p, b->dampen, b->ndampen, values, err) &&
	    try_list(p, b->smoke, b->nsmoke, values, err))
		return true;
	err_prefix(err, "rollback");
	return false;
}

static bool try_actions(const struct policy *p, const struct policy_values *values, struct err *err)
{
	struct policy_values any = *values;

	if (!any.stable_version)
		any.stable_version = ANY_STABLE_VERSION;
	for (size_t s = 0; s < p->nstages; s++) {
		any.stage = &p->stages[s];
		for (size_t i = 0; i < p->stages[s].nenter; i++) {
			if (!try_action(p, p->stages[s].enter[i], &any, err)) {
				err_prefix(err, "stage %s", p->stages[s].stage);
				return false;
			}
		}
	}
	return try_way_back(p, &any, err);
}

struct policy *policy_bind(const struct policy *p, const struct policy_values *values,
                           struct err *err)
{
	struct policy *bound = calloc(1, sizeof(*bound));

	if (!bound) {
		no_memory(err);
		return NULL;
	}
	if (!field_copy(&policy_table, p, bound)) {
		no_memory(err);
		policy_free(&bound);
		return NULL;
	}
	memcpy(bound->hash, p->hash, sizeof(bound->hash));
	bound->rollback.present = p->rollback.present;
	if (!bind_sources(bound, values, err) || !bind_kpis(bound, values, err) ||
	    !bind_gates(bound, values, err) || !try_actions(bound, values, err))
		policy_free(&bound);
	return bound;
}
