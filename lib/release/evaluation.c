/*
 * evaluation - all gates at one instant as a value: made, copied, freed, written as JSON.
 */
#include "release/evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

struct evaluation *evaluation_new(size_t ngates, size_t nkpis)
{
	struct evaluation *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->gates = calloc(ngates + 1, sizeof(*e->gates));
	e->kpis = calloc(nkpis + 1, sizeof(*e->kpis));
	e->alerts = calloc(ngates + 1, sizeof(json_t *));
	e->ngates = ngates;
	e->nkpis = nkpis;
	if (!e->gates || !e->kpis || !e->alerts)
		evaluation_free(&e);
	return e;
}

void evaluation_free(struct evaluation **e)
{
	if (!*e)
		return;
	for (size_t i = 0; (*e)->alerts && i < (*e)->ngates; i++)
		json_decref((*e)->alerts[i]);
	free((*e)->alerts);
	free((*e)->gates);
	free((*e)->kpis);
	free(*e);
	*e = NULL;
}

struct evaluation *evaluation_copy(const struct evaluation *e)
{
	struct evaluation *copy = evaluation_new(e->ngates, e->nkpis);

	if (!copy)
		return NULL;
	struct gate_outcome *gates = copy->gates;
	struct kpi_reading *kpis = copy->kpis;
	json_t **alerts = copy->alerts;

	memcpy(gates, e->gates, e->ngates * sizeof(*gates));
	memcpy(kpis, e->kpis, e->nkpis * sizeof(*kpis));
	*copy = *e;
	copy->gates = gates;
	copy->kpis = kpis;
	copy->alerts = alerts;
	for (size_t i = 0; e->alerts && i < e->ngates; i++)
		copy->alerts[i] = json_incref(e->alerts[i]);
	return copy;
}

/* An object under construction that remembers a failure; members of NULL are a failure, too. */
struct object {
	json_t *json;
	bool ok;
};

static void put(struct object *o, const char *key, json_t *value_take)
{
	o->ok = json_object_set_new(o->json, key, value_take) == 0 && o->ok;
}

static void put_text(struct object *o, const char *key, const char *text)
{
	put(o, key, text ? json_string(text) : json_null());
}

/* JSON has no NaN: a number that is none is null, and the sentence says why. */
static void put_number(struct object *o, const char *key, double value)
{
	put(o, key, isfinite(value) ? json_real(value) : json_null());
}

static void put_instant(struct object *o, const char *key, struct wall at)
{
	char text[UNITS_TEXT_MAX];

	if (at.ms <= 0) {
		put(o, key, json_null());
		return;
	}
	instant_format(at, text);
	put_text(o, key, text);
}

static json_t *finish(struct object *o)
{
	if (!o->ok) {
		json_decref(o->json);
		o->json = NULL;
	}
	return o->json;
}

/* The rung the outcome is about: the fired one, else the worst that holds; null when none does. */
static json_t *rung_to_json(const struct gate *gate, const struct gate_outcome *outcome)
{
	int index = outcome->fired >= 0 ? outcome->fired : outcome->rung;
	struct object o = {.json = json_object(), .ok = true};
	char text[UNITS_TEXT_MAX];

	if (index < 0 || (size_t)index >= gate->nrungs) {
		json_decref(o.json);
		return json_null();
	}
	const struct gate_rung at = gate_rung_at(&gate->rungs[index], outcome->measure.baseline);
	const struct gate_rung *rung = &at;

	put(&o, "index", json_integer(index));
	put_number(&o, rung->compare == RUNG_ABOVE ? "above" : "below", rung->limit);
	if (rung->of_baseline)
		put_text(&o, "limit", rung->limit_text);
	if (rung->for_ms > 0) {
		duration_format(rung->for_ms, text);
		put_text(&o, "for", text);
	} else {
		put(&o, "for", json_sprintf("%u of %u", rung->votes_needed, rung->votes_of));
	}
	put_text(&o, "then", rung_then_names[rung->then]);
	put_text(&o, "option", rung->option);
	put(&o, "fired", json_boolean(outcome->fired >= 0));
	return finish(&o);
}

static json_t *gate_to_json(const struct gate *gate, const struct gate_outcome *outcome,
                            json_t *alerts)
{
	const struct gate_measure *m = &outcome->measure;
	struct object o = {.json = json_object(), .ok = true};

	put_text(&o, "gate", gate->name);
	put_text(&o, "kind", gate->kind->name);
	put_text(&o, "result", gate_result_names[outcome->result]);
	put_text(&o, "verdict", verdict_names[outcome->verdict]);
	put(&o, "counts", json_boolean(outcome->counts));
	put(&o, "waived", json_boolean(outcome->waived));
	put(&o, "shadow", json_boolean(gate->shadow));
	put_number(&o, "value", m->value);
	put_text(&o, "unit", kpi_unit_names[m->unit]);
	put_number(&o, "events", m->events);
	put_number(&o, "min_events", gate->min_events);
	if (isfinite(m->latency_ms))
		put_number(&o, "latency_ms", m->latency_ms);
	put(&o, "rung", rung_to_json(gate, outcome));
	put(&o, "votes", json_integer(outcome->votes));
	put_instant(&o, "next_vote", outcome->next_vote);
	put_instant(&o, "covered_at", m->covered_at);
	put_text(&o, "sentence", outcome->sentence);
	put_text(&o, "blind", m->blind[0] ? m->blind : NULL);
	put_text(&o, "still", m->still[0] ? m->still : NULL);
	if (gate->kind->details)
		put(&o, gate->kind->name, gate->kind->details(gate, m));
	if (alerts)
		put(&o, "alerts", json_incref(alerts));
	return finish(&o);
}

static json_t *kpi_to_json(const struct kpi *kpi, const struct kpi_reading *reading)
{
	struct object o = {.json = json_object(), .ok = true};

	put_text(&o, "kpi", kpi->name);
	put_text(&o, "result", gate_result_names[reading->result]);
	put_number(&o, "value", reading->value);
	put_text(&o, "unit", kpi_unit_names[kpi->unit]);
	put_instant(&o, "newest", reading->newest);
	put(&o, "targets", json_integer((json_int_t)reading->targets));
	put(&o, "targets_good", json_integer((json_int_t)reading->targets_good));
	put_text(&o, "why", reading->why[0] ? reading->why : NULL);
	return finish(&o);
}

json_t *evaluation_to_json(const struct evaluation *e, const struct policy *p)
{
	struct object o = {.json = json_object(), .ok = true};
	struct object gates = {.json = json_array(), .ok = true};
	struct object kpis = {.json = json_array(), .ok = true};
	bool has_stage = e->stage >= 0 && (size_t)e->stage < p->nstages;
	bool has_decisive = e->decisive >= 0 && (size_t)e->decisive < p->ngates;

	for (size_t i = 0; i < e->ngates && i < p->ngates; i++) {
		json_t *alerts = e->alerts ? e->alerts[i] : NULL;
		json_t *gate = gate_to_json(&p->gates[i], &e->gates[i], alerts);

		gates.ok = json_array_append_new(gates.json, gate) == 0 && gates.ok;
	}
	for (size_t i = 0; i < e->nkpis && i < p->nkpis; i++)
		kpis.ok = json_array_append_new(kpis.json, kpi_to_json(&p->kpis[i], &e->kpis[i])) ==
		                  0 &&
		          kpis.ok;
	put(&o, "number", json_integer(e->number));
	put_instant(&o, "at", e->at);
	put_text(&o, "stage", has_stage ? p->stages[e->stage].stage : NULL);
	put_text(&o, "verdict", verdict_names[e->verdict]);
	put(&o, "all_pass", json_boolean(e->all_pass));
	put_text(&o, "decisive", has_decisive ? p->gates[e->decisive].name : NULL);
	put(&o, "gates", finish(&gates));
	put(&o, "kpis", finish(&kpis));
	return finish(&o);
}
