/* scrape_join - targets as they stand in the policy, and as they are found while a release runs. */
#include "source/scrape_join.h"

#include <stdlib.h>

#include "base/buf.h"
#include "promql/promql.h"
#include "source/watch.h"

#define SHARE_MAX ((size_t)96 * 1024)
#define START_TIME "process_start_time_seconds"

/* --- needs of a source --- */

static size_t count_needs(const struct policy *p, size_t source)
{
	size_t n = 1; /* START_TIME */

	for (size_t i = 0; i < p->nkpis; i++) {
		const struct promql_need *needs;

		if (p->kpis[i].source_index == source && p->kpis[i].parsed != NULL)
			n += promql_needs(p->kpis[i].parsed, &needs);
	}
	return n;
}

static void add_needs(const struct promql_expr *e, int64_t every_ms, struct source_needs *out)
{
	const struct promql_need *needs;
	size_t n = promql_needs(e, &needs);
	int64_t retention = promql_retention_ms(e) + 2 * every_ms;

	for (size_t i = 0; i < n; i++) {
		if (needs[i].name.n == 0)
			out->everything = true;
		else
			out->names[out->nnames++] = needs[i].name;
	}
	if (retention > out->retention_ms)
		out->retention_ms = retention;
}

static bool find_needs(const struct policy *p, size_t source, struct source_needs *out,
                       struct err *err)
{
	int64_t every_ms = p->sources[source].every_ms;

	out->names = calloc(count_needs(p, source), sizeof(*out->names));
	if (out->names == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a source");
	out->names[out->nnames++] = STR(START_TIME);
	out->retention_ms = PROMQL_LOOKBACK_MS + 2 * every_ms;
	for (size_t i = 0; i < p->nkpis; i++) {
		if (p->kpis[i].source_index == source && p->kpis[i].parsed != NULL)
			add_needs(p->kpis[i].parsed, every_ms, out);
	}
	return true;
}

/* --- joining --- */

static bool join_endpoint(struct subscription *s, size_t source, const struct endpoint *endpoint,
                          struct interest **list, struct err *err)
{
	const struct policy_source *from = &s->policy->sources[source];
	struct scrape_detail detail = {.source = from, .endpoint = endpoint};
	char *key = endpoint_key(endpoint);
	struct buf share;
	struct ask ask = {
	        .url = endpoint->url,
	        .every_ms = from->every_ms,
	        .timeout_ms = from->timeout_ms,
	        .needs = &s->views[source].needs,
	        .credentials = from->credentials,
	        .detail = &detail,
	};
	bool ok;

	buf_init(&share, SHARE_MAX);
	buf_printf(&share, "%s%s%s", from->mend ? "mend " : "",
	           from->honor_timestamps ? "honor " : "", key != NULL ? key : "");
	free(key);
	ask.share = share.bytes;
	ok = (key != NULL || err_set(err, ERR_NOMEM, "no memory for a target")) &&
	     buf_ok(&share, err) && subscription_join(s, list, &source_scrape, &ask, err);
	buf_fini(&share);
	return ok;
}

static bool add_found(struct endpoints *out, const struct policy_source *from,
                      const struct watch *discovery, struct err *err)
{
	const json_t *groups = discovery_groups(discovery);

	for (size_t g = 0; g < json_array_size(groups); g++) {
		const json_t *group = json_array_get(groups, g);
		const json_t *targets = json_object_get(group, "targets");
		const char *by = json_string_value(json_object_get(group, "found_by"));

		for (size_t i = 0; i < json_array_size(targets); i++) {
			if (!endpoints_add(out, from, json_string_value(json_array_get(targets, i)),
			                   json_object_get(group, "labels"), by, err))
				return false;
		}
	}
	return true;
}

static bool find_endpoints(const struct subscription *s, size_t source, struct endpoints *out,
                           struct err *err)
{
	const struct policy_source *from = &s->policy->sources[source];

	for (size_t i = 0; i < from->naddresses; i++) {
		if (!endpoints_add(out, from, from->addresses[i],
		                   from->labels != NULL ? from->labels[i] : NULL, NULL, err))
			return false;
	}
	for (const struct interest *i = s->views[source].discoveries; i != NULL; i = i->next) {
		if (!add_found(out, from, i->watch, err))
			return false;
	}
	return endpoints_settle(out, err);
}

/* Room for what the view shows. */
static bool show_targets(struct source_view *view, const struct policy_source *from,
                         struct err *err)
{
	size_t n = interests_count(view->interests);

	free(view->targets);
	view->targets = calloc(n + 1, sizeof(const struct target *));
	view->kpi = (struct kpi_source){
	        .every_ms = from->every_ms, .quorum = from->quorum, .targets = view->targets};
	if (view->targets == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a subscription");
	view->kpi.ntargets = n;
	return true;
}

bool scrape_join(struct subscription *s, size_t source, struct err *err)
{
	struct source_view *view = &s->views[source];
	struct endpoints found = {0};
	struct interest *fresh = NULL;
	struct err ignored;
	bool ok = find_endpoints(s, source, &found, err);

	for (size_t i = 0; ok && i < found.n; i++)
		ok = join_endpoint(s, source, &found.list[i], &fresh, err);
	endpoints_free(&found);
	if (!ok)
		interests_leave(&fresh);
	interests_leave(&view->interests);
	view->interests = fresh;
	return show_targets(view, &s->policy->sources[source], ok ? err : &ignored) && ok;
}

bool scrape_subscribe(struct subscription *s, struct err *err)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->nsources; i++) {
		if (p->sources[i].kind != SOURCE_SCRAPE)
			continue;
		if (!find_needs(p, i, &s->views[i].needs, err) || !discovery_join(s, i, err) ||
		    !scrape_join(s, i, err))
			return false;
	}
	return true;
}
