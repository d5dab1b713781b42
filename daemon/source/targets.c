/* targets - the health of everything a release's evidence comes from, for the API. */
#include "base/units.h"
#include "source/source.h"
#include "source/watch.h"

#define NS_PER_MS INT64_C(1000000)

static const char *health_of(const struct watch *w)
{
	if (w->last_good.ms == 0 && w->failed_at.ms == 0)
		return "unknown";
	return w->is_failing ? "down" : "up";
}

/* Since the newest question; null before it. */
static json_t *age_of(const struct watch *w)
{
	int64_t now_ns = loop_now(w->sources->app->loop).mono.ns;

	return w->started.ns == 0 ? json_null()
	                          : json_integer((now_ns - w->started.ns) / NS_PER_MS);
}

static bool add_row(json_t *list, const struct watch *w)
{
	json_t *row = json_pack("{s:s, s:s, s:o}", "url", w->url, "health", health_of(w), "age_ms",
	                        age_of(w));

	if (row == NULL)
		return false;
	w->kind->describe(w, row);
	(void)json_object_del(row, "up");
	return json_array_append_new(list, row) == 0;
}

/* Failing ones, or the others, as long as there is room. */
static bool add_rows(json_t *list, const struct interest *i, bool failing, size_t *room)
{
	for (; i != NULL && *room > 0; i = i->next) {
		if (i->watch->is_failing != failing)
			continue;
		if (!add_row(list, i->watch))
			return false;
		(*room)--;
	}
	return true;
}

static size_t count_up(const struct interest *i)
{
	size_t n = 0;

	for (; i != NULL; i = i->next)
		n += i->watch->last_good.ms != 0 && !i->watch->is_failing;
	return n;
}

static bool add_lists(json_t *out, const struct interest *targets,
                      const struct interest *discoveries, size_t *room)
{
	json_t *rows = json_array(), *found = json_array();
	size_t total = interests_count(targets);
	bool ok = add_rows(rows, targets, true, room) && add_rows(rows, targets, false, room);

	for (; ok && discoveries != NULL; discoveries = discoveries->next)
		ok = add_row(found, discoveries->watch);
	(void)json_object_set_new(out, "total", json_integer((json_int_t)total));
	(void)json_object_set_new(out, "up", json_integer((json_int_t)count_up(targets)));
	(void)json_object_set_new(out, "left_out",
	                          json_integer((json_int_t)(total - json_array_size(rows))));
	return json_object_set_new(out, "targets", rows) == 0 &&
	       json_object_set_new(out, "discovery", found) == 0 && ok;
}

static json_t *describe_source(const struct subscription *s, size_t i, size_t *room)
{
	const struct policy_source *source = &s->policy->sources[i];
	const struct kpi_source *scraped = subscription_source(s, i);
	char every[UNITS_TEXT_MAX];
	json_t *out;

	duration_format(source->every_ms, every);
	out = json_pack("{s:s, s:s, s:s, s:f, s:s?}", "source", source->name, "kind",
	                source_kind_names[source->kind], "every", every, "quorum", source->quorum,
	                "incomplete", scraped != NULL ? scraped->unknown : NULL);
	if (out != NULL &&
	    add_lists(out, subscription_interests(s, i), s->views[i].discoveries, room))
		return out;
	json_decref(out);
	return NULL;
}

json_t *subscription_targets(const struct subscription *s)
{
	json_t *list = json_array();
	size_t room = SOURCE_TARGETS_SHOWN;

	for (size_t i = 0; list != NULL && i < s->policy->nsources; i++) {
		if (json_array_append_new(list, describe_source(s, i, &room)) == 0)
			continue;
		json_decref(list);
		list = NULL;
	}
	return list;
}
