/*
 * outages - a source that is down as a whole takes the evidence of many releases at once; people
 * are told of it once, and once when it is back.
 *
 * What makes them one is the outage's beginning, which every message of it is named after: the
 * moment at which the first release was held for it. That moment is in the release's own hold, so
 * another process that takes over finds the same one. The database keeps the first message of a
 * name.
 */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gate/alerts.h"
#include "policy/cause.h"
#include "source/source.h"

static const struct policy_source *source_of_gate(const struct policy *p, const struct gate *gate)
{
	size_t source =
	        gate->kpi_index != SIZE_MAX ? p->kpis[gate->kpi_index].source_index : SIZE_MAX;

	if (source < p->nsources)
		return &p->sources[source];
	return gate->kind == &gate_alerts ? alerts_source(p, gate) : NULL;
}

/* Whether some gate that counts lacks proof because of this source. */
static bool is_missed(const struct tracked *t, size_t source)
{
	const struct evaluation *e = t->evaluation;
	const struct policy *p = t->bound;

	for (size_t i = 0; e != NULL && i < e->ngates && i < p->ngates; i++) {
		enum gate_result result = e->gates[i].result;

		if (e->gates[i].counts && source_of_gate(p, &p->gates[i]) == &p->sources[source] &&
		    (result == GATE_ERROR || result == GATE_STALE || result == GATE_NO_DATA))
			return true;
	}
	return false;
}

static bool hangs_on(const struct tracked *t, const char *address)
{
	for (size_t i = 0; t->subscription != NULL && t->bound != NULL && i < t->bound->nsources;
	     i++) {
		const char *own = policy_source_address(&t->bound->sources[i]);

		if (own != NULL && strcmp(own, address) == 0)
			return true;
	}
	return false;
}

static const struct hold *evidence_hold(const struct tracked *t)
{
	return release_hold(t->release, CAUSE_EVIDENCE);
}

/* The first release that was held after `from` for this source and still is; `now` without. */
static struct wall first_held(const struct engine *e, const char *address, struct wall from,
                              struct wall now)
{
	struct wall first = now;

	for (size_t i = 0; i < e->n; i++) {
		const struct hold *h = evidence_hold(e->list[i]);

		if (h != NULL && h->since.ms > from.ms && h->since.ms < first.ms &&
		    hangs_on(e->list[i], address))
			first = h->since;
	}
	return first;
}

static size_t count_hanging(const struct engine *e, const char *address)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += release_is_active(e->list[i]->release->state) && hangs_on(e->list[i], address);
	return n;
}

static struct outage *find(struct engine *e, const char *address)
{
	for (size_t i = 0; i < e->noutages; i++) {
		if (strcmp(e->outages[i].address, address) == 0)
			return &e->outages[i];
	}
	return NULL;
}

/* NULL without memory. */
static struct outage *obtain(struct engine *e, const char *address)
{
	struct outage *known = find(e, address);
	char *copy;

	if (known != NULL)
		return known;
	copy = text_dup(address);
	if (copy == NULL)
		return NULL;
	if (e->noutages == ENGINE_OUTAGES_MAX)
		free(e->outages[--e->noutages].address);
	memmove(&e->outages[1], &e->outages[0], e->noutages * sizeof(e->outages[0]));
	e->noutages++;
	e->outages[0] = (struct outage){.address = copy};
	return &e->outages[0];
}

/* A source that flaps has one outage until people were told that it is over, or until it was back
 * for a while. */
static bool goes_on(const struct outage *o, const struct source_state *s)
{
	bool was_back = s->good_since.ms > o->since.ms &&
	                s->last_good.ms - s->good_since.ms >= ENGINE_OUTAGE_GAP_MS;

	return o->since.ms != 0 && !o->is_over && !was_back;
}

static bool held(struct engine *e, const struct source_state *s, struct wall now,
                 struct wall *out_since)
{
	struct outage *o = obtain(e, s->address);

	if (o == NULL)
		return false;
	if (!goes_on(o, s))
		*o = (struct outage){.address = o->address,
		                     .since = first_held(e, s->address, s->last_good, now)};
	*out_since = o->since;
	return true;
}

/* A release was held for an outage when its hold began while that lasted. */
static bool is_back(struct engine *e, const struct tracked *t, const struct source_state *s,
                    struct wall *out_since)
{
	const struct hold *h = evidence_hold(t);
	struct outage *o = find(e, s->address);

	if (h == NULL || s->failed_at.ms == 0 || h->since.ms > s->good_since.ms)
		return false;
	if (o == NULL && !s->was_down)
		return false; /* it was held for something else */
	if (o == NULL) {
		o = obtain(e, s->address);
		if (o == NULL)
			return false;
		o->since = first_held(e, s->address, (struct wall){0}, h->since);
	}
	if (h->since.ms < o->since.ms)
		return false;
	o->is_over = true;
	*out_since = o->since;
	return true;
}

bool outage_of(struct engine *e, const struct tracked *t, const struct decision *d,
               struct notify_outage *out)
{
	struct wall now = loop_now(e->app->loop).wall;

	if (d->event != EVENT_NO_EVIDENCE && d->event != EVENT_EVIDENCE_BACK)
		return false;
	for (size_t i = 0; i < t->bound->nsources; i++) {
		struct source_state s;
		bool found;

		if (!subscription_state(t->subscription, i, &s))
			continue;
		if (d->event == EVENT_NO_EVIDENCE)
			found = s.is_down && is_missed(t, i) && held(e, &s, now, &out->since);
		else
			found = !s.is_down && is_back(e, t, &s, &out->since);
		if (!found)
			continue;
		out->source = t->bound->sources[i].name;
		out->address = s.address;
		out->releases = count_hanging(e, s.address);
		return true;
	}
	return false;
}

void outages_free(struct engine *e)
{
	while (e->noutages > 0)
		free(e->outages[--e->noutages].address);
}
