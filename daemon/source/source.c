/* source - subscriptions and their views; what is watched and how often is in watch.c, each kind in
 * its own file. */
#include "source/source.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "config.h"
#include "exposition/memory.h"
#include "gate/alerts.h"
#include "gate/health.h"
#include "gate/integrity.h"
#include "gate/sentence.h"
#include "log.h"
#include "series/label_pool.h"
#include "source/alerts_webhook.h"
#include "source/watch.h"

/* The table of kinds: a new one is one file and one row. */
const struct watch_kind *const watch_kinds[] = {
        &source_scrape,
        &source_health,
        &source_alertmanager,
        &source_prometheus,
        &source_prometheus_alerts,
        &source_json,
        &source_integrity,
        &source_alerts_webhook,
        NULL,
};

struct sources *sources_new(struct app *app, struct err *err)
{
	struct sources *s = calloc(1, sizeof(*s));

	if (s != NULL) {
		s->watches = map_new(app->seed);
		s->labels = label_pool_new(app->seed);
		s->shapes = exposition_shapes_new();
	}
	if (s == NULL || s->watches == NULL || s->labels == NULL) {
		if (s != NULL && s->watches != NULL)
			map_free(&s->watches);
		if (s != NULL)
			label_pool_free(&s->labels);
		if (s != NULL)
			exposition_shapes_free(&s->shapes);
		free(s);
		(void)err_set(err, ERR_NOMEM, "no memory for sources");
		return NULL;
	}
	s->app = app;
	return s;
}

void sources_free(struct sources **s)
{
	if (*s == NULL)
		return;
	assert((*s)->nsubscriptions == 0); /* they hold interests in the watches */
	assert((*s)->nwatches == 0);
	map_free(&(*s)->watches);
	label_pool_free(&(*s)->labels);
	exposition_shapes_free(&(*s)->shapes);
	map_twins_fini(&(*s)->names);
	free(*s);
	*s = NULL;
}

/* --- subscriptions --- */

static bool make_views(struct subscription *s, struct err *err)
{
	s->views = calloc(s->policy->nsources + 1, sizeof(*s->views));
	s->gates = calloc(s->policy->ngates + 1, sizeof(*s->gates));
	s->kpis = calloc(s->policy->nkpis + 1, sizeof(*s->kpis));
	return (s->views != NULL && s->gates != NULL && s->kpis != NULL) ||
	       err_set(err, ERR_NOMEM, "no memory for a subscription");
}

/* Once everything is joined: room for what the views show. */
static bool fill_views(struct subscription *s, struct err *err)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->ngates; i++) {
		struct gate_view *view = &s->gates[i];

		view->n = interests_count(view->interests);
		view->probes = calloc(view->n + 1, sizeof(*view->probes));
		if (view->probes == NULL)
			return err_set(err, ERR_NOMEM, "no memory for a subscription");
	}
	return true;
}

struct subscription *sources_subscribe(struct sources *s, const struct policy *bound,
                                       struct err *err)
{
	struct subscription *made = calloc(1, sizeof(*made));
	bool ok;

	if (made == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory for a subscription");
		return NULL;
	}
	made->sources = s;
	made->policy = bound;
	s->nsubscriptions++;
	made->next = s->first;
	if (s->first != NULL)
		s->first->previous = made;
	s->first = made;
	ok = make_views(made, err);
	for (size_t i = 0; ok && watch_kinds[i] != NULL; i++)
		ok = watch_kinds[i]->subscribe(made, err);
	if (!ok || !fill_views(made, err))
		subscription_free(&made);
	return made;
}

void subscription_set_release(struct subscription *s, const struct release *const *release)
{
	s->release = release;
}

void subscription_free(struct subscription **subscription)
{
	struct subscription *s = *subscription;

	if (s == NULL)
		return;
	*subscription = NULL;
	for (size_t i = 0; s->views != NULL && i < s->policy->nsources; i++) {
		interests_leave(&s->views[i].discoveries);
		interests_leave(&s->views[i].interests);
		free(s->views[i].needs.names);
		free(s->views[i].targets);
	}
	for (size_t i = 0; s->gates != NULL && i < s->policy->ngates; i++) {
		interests_leave(&s->gates[i].interests);
		free(s->gates[i].probes);
		json_decref(s->gates[i].alerts.list);
		promql_free(&s->gates[i].selector);
		promql_free(&s->gates[i].watchdog);
	}
	free(s->views);
	free(s->gates);
	free(s->kpis);
	if (s->previous != NULL)
		s->previous->next = s->next;
	else
		s->sources->first = s->next;
	if (s->next != NULL)
		s->next->previous = s->previous;
	s->sources->nsubscriptions--;
	free(s);
}

/* --- the view --- */

/* A list that never came is not an empty one. */
static void tell_unknown(struct source_view *view)
{
	const char *gap = NULL;

	sentence_set(view->unknown, sizeof(view->unknown), "%s", view->refused);
	for (const struct interest *i = view->discoveries; i != NULL && gap == NULL; i = i->next) {
		gap = discovery_gap(i->watch);
		if (gap != NULL)
			sentence_set(view->unknown, sizeof(view->unknown), "%.100s: %s",
			             i->watch->url, gap);
	}
	view->kpi.unknown = view->unknown[0] != '\0' ? view->unknown : NULL;
}

const struct kpi_source *subscription_source(const struct subscription *s, size_t source)
{
	struct source_view *view;
	size_t n = 0;

	if (s == NULL || source >= s->policy->nsources ||
	    s->policy->sources[source].kind != SOURCE_SCRAPE)
		return NULL;
	view = &s->views[source];
	for (const struct interest *i = view->interests; i != NULL; i = i->next)
		view->targets[n++] = scrape_target(i->watch);
	tell_unknown(view);
	return &view->kpi;
}

const struct kpi_remote *subscription_remote(struct subscription *s, size_t kpi)
{
	struct kpi_view *view;

	if (s == NULL || kpi >= s->policy->nkpis || s->kpis[kpi].watch == NULL)
		return NULL;
	view = &s->kpis[kpi];
	view->watch->kind->remote(view->watch, &s->policy->kpis[kpi], &view->seen);
	view->seen.every_ms = s->policy->sources[s->policy->kpis[kpi].source_index].every_ms;
	return &view->seen;
}

const struct gate_probe *subscription_probes(const struct subscription *s, size_t gate,
                                             size_t *out_n)
{
	struct gate_view *view;
	size_t n = 0;

	*out_n = 0;
	if (s == NULL || gate >= s->policy->ngates ||
	    (s->policy->gates[gate].kind != &gate_health &&
	     s->policy->gates[gate].kind != &gate_integrity))
		return NULL;
	view = &s->gates[gate];
	for (const struct interest *i = view->interests; i != NULL; i = i->next)
		view->probes[n++] = *probe_seen(i->watch);
	*out_n = n;
	return view->probes;
}

/* Members of one cluster should all know the same; where they do not, what any of them knows fires.
 */
static bool add_missing(const json_t *from, json_t *known, json_t *list)
{
	for (size_t i = 0; i < json_array_size(from); i++) {
		json_t *alert = json_array_get(from, i);
		const char *key = json_string_value(json_object_get(alert, "fingerprint"));

		if (json_object_get(known, key) != NULL)
			continue;
		if (json_object_set_new(known, key, json_true()) != 0 ||
		    (json_array_size(list) < ALERT_LIST_MAX && json_array_append(list, alert) != 0))
			return false;
	}
	return true;
}

static bool unite(const struct gate_view *view, struct gate_alerts *out)
{
	json_t *known = json_object();
	bool ok = known != NULL;

	out->list = json_array();
	for (const struct interest *i = view->interests; ok && i != NULL; i = i->next)
		ok = add_missing(i->watch->kind->alerts(i->watch)->list, known, out->list);
	if (json_object_size(known) > out->firing)
		out->firing = json_object_size(known);
	json_decref(known);
	return ok && out->list != NULL;
}

/* The set is as old as its oldest answer. */
static void combine(const struct gate_view *view, size_t needed, struct gate_alerts *out)
{
	size_t known = 0;

	for (const struct interest *i = view->interests; i != NULL; i = i->next) {
		const struct gate_alerts *seen = i->watch->kind->alerts(i->watch);

		if (!seen->known) {
			if (out->why[0] == '\0')
				memcpy(out->why, seen->why, sizeof(out->why));
			if (known == 0 && seen->at.ms > out->at.ms)
				out->at = seen->at;
			continue;
		}
		if (known == 0 || seen->at.ms < out->at.ms)
			out->at = seen->at;
		if (seen->firing > out->firing)
			out->firing = seen->firing;
		known++;
	}
	out->known = known >= needed && unite(view, out);
	if (out->known)
		out->why[0] = '\0';
}

const struct policy_source *alerts_source(const struct policy *p, const struct gate *gate)
{
	const struct alerts_spec *spec = gate->spec;

	for (size_t i = 0; i < p->nsources; i++) {
		if (spec->source != NULL ? strcmp(p->sources[i].name, spec->source) == 0
		                         : p->sources[i].kind == SOURCE_ALERTMANAGER)
			return &p->sources[i];
	}
	return NULL;
}

const struct gate_alerts *subscription_alerts(const struct subscription *s, size_t gate)
{
	const struct policy_source *source;
	struct gate_view *view;

	if (s == NULL || gate >= s->policy->ngates || s->policy->gates[gate].kind != &gate_alerts)
		return NULL;
	source = alerts_source(s->policy, &s->policy->gates[gate]);
	if (source == NULL)
		return NULL;
	view = &s->gates[gate];
	json_decref(view->alerts.list);
	if (source->kind == SOURCE_WEBHOOK) {
		alerts_webhook_look(view, source, &view->alerts);
		return &view->alerts;
	}
	view->alerts = (struct gate_alerts){.every_ms = source->every_ms};
	combine(view, kpi_quorum_needed(source->quorum, view->n), &view->alerts);
	return &view->alerts;
}

const struct interest *subscription_interests(const struct subscription *s, size_t source)
{
	const struct policy *p = s->policy;

	if (s->views[source].interests != NULL)
		return s->views[source].interests;
	for (size_t i = 0; i < p->ngates; i++) {
		if (p->gates[i].kind == &gate_alerts &&
		    alerts_source(p, &p->gates[i]) == &p->sources[source])
			return s->gates[i].interests;
	}
	return NULL;
}

bool subscription_state(const struct subscription *s, size_t source, struct source_state *out)
{
	const struct interest *i = s != NULL ? subscription_interests(s, source) : NULL;

	if (i == NULL)
		return false;
	*out = (struct source_state){.address = policy_source_address(&s->policy->sources[source]),
	                             .is_down = true,
	                             .was_down = true};
	for (; i != NULL; i = i->next) {
		const struct watch *w = i->watch;

		out->is_down = out->is_down && w->is_failing;
		out->was_down = out->was_down && w->first_failed;
		if (w->failed_at.ms > out->failed_at.ms)
			out->failed_at = w->failed_at;
		if (w->last_good.ms > out->last_good.ms) {
			out->last_good = w->last_good;
			out->good_since = w->good_since;
		}
	}
	return true;
}

/* --- for the API --- */

json_t *instant_json(int64_t at_ms)
{
	char text[UNITS_TEXT_MAX];

	if (at_ms <= 0)
		return json_null();
	instant_format((struct wall){.ms = at_ms}, text);
	return json_string(text);
}

static bool describe(json_t *list, const char *key, const char *name, const struct interest *i)
{
	for (; i != NULL; i = i->next) {
		json_t *row = json_pack("{s:s, s:s, s:s}", key, name, "kind", i->watch->kind->name,
		                        "target", i->watch->url);

		if (row == NULL)
			return false;
		i->watch->kind->describe(i->watch, row);
		if (json_array_append_new(list, row) != 0)
			return false;
	}
	return true;
}

json_t *subscription_to_json(const struct subscription *s)
{
	const struct policy *p = s->policy;
	json_t *list = json_array();
	bool ok = list != NULL;

	for (size_t i = 0; ok && i < p->nsources; i++)
		ok = describe(list, "source", p->sources[i].name, s->views[i].interests);
	for (size_t i = 0; ok && i < p->ngates; i++)
		ok = describe(list, "gate", p->gates[i].name, s->gates[i].interests);
	if (ok)
		return list;
	json_decref(list);
	return NULL;
}

static bool looks_there(const struct source_view *view, const struct watch *discovery)
{
	for (const struct interest *i = view->discoveries; i != NULL; i = i->next) {
		if (i->watch == discovery)
			return true;
	}
	return false;
}

/* What could not be done for want of room or memory is tried at every look, and said once. */
static void rejoin(struct subscription *s, size_t source)
{
	bool was_refused = s->views[source].refused[0] != '\0';
	const char *name = s->policy->sources[source].name;
	struct err err = {.code = ERR_NONE};

	if (!scrape_join(s, source, &err) && !was_refused)
		log_err(LOG_ERROR, "targets_refused", &err, "source=%s evidence=none",
		        log_quote(name));
	else if (was_refused && s->views[source].refused[0] == '\0')
		log_line(LOG_INFO, "targets_accepted", "source=%s", log_quote(name));
}

void sources_discovered(struct sources *sources, const struct watch *discovery, bool is_news)
{
	for (struct subscription *s = sources->first; s != NULL; s = s->next) {
		for (size_t i = 0; i < s->policy->nsources; i++) {
			if (looks_there(&s->views[i], discovery) &&
			    (is_news || s->views[i].refused[0] != '\0'))
				rejoin(s, i);
		}
	}
}

void sources_forget(struct sources *s)
{
	size_t at = 0;
	struct str key;
	void *value;

	while (map_next(s->watches, &at, &key, &value)) {
		struct watch *w = value;

		watch_restart(w);
		w->kind->forget(w);
	}
}
