/* scrape_join - targets as they stand in the policy, and as they are found while a release runs. */
#include "source/scrape_join.h"

#include <stdlib.h>

#include "base/buf.h"
#include "gate/sentence.h"
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

/* Targets with the same page and labels are one, read in the same way. Heap; NULL with *err. */
static char *share_of(const struct policy_source *from, const struct endpoint *endpoint,
                      struct err *err)
{
	char *key = endpoint_key(endpoint), *out = NULL;
	struct buf share;

	buf_init(&share, SHARE_MAX);
	buf_printf(&share, "%s%s%s%s", from->mend ? "mend " : "",
	           from->honor_timestamps ? "honor " : "", from->honor_labels ? "labels " : "",
	           key != NULL ? key : "");
	if (key == NULL)
		(void)err_set(err, ERR_NOMEM, "no memory for a target");
	else if (buf_ok(&share, err))
		out = buf_take_text(&share);
	buf_fini(&share);
	free(key);
	return out;
}

/* What is asked for, one by one; texts are borrowed from the endpoints but for `share`. */
struct asks {
	struct ask *list;
	struct scrape_detail *details;
	size_t n;
};

static void asks_free(struct asks *a)
{
	for (size_t i = 0; i < a->n; i++)
		free((char *)(uintptr_t)a->list[i].share);
	free(a->list);
	free(a->details);
}

static bool asks_make(const struct subscription *s, size_t source, const struct endpoints *found,
                      struct asks *out, struct err *err)
{
	const struct policy_source *from = &s->policy->sources[source];

	out->list = calloc(found->n + 1, sizeof(*out->list));
	out->details = calloc(found->n + 1, sizeof(*out->details));
	if (out->list == NULL || out->details == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the targets");
	for (; out->n < found->n; out->n++) {
		const struct endpoint *endpoint = &found->list[out->n];
		char *share = share_of(from, endpoint, err);

		if (share == NULL)
			return false;
		out->details[out->n] = (struct scrape_detail){.source = from, .endpoint = endpoint};
		out->list[out->n] = (struct ask){
		        .url = endpoint->url,
		        .share = share,
		        .every_ms = from->every_ms,
		        .timeout_ms = from->timeout_ms,
		        .needs = &s->views[source].needs,
		        .credentials = from->credentials,
		        .detail = &out->details[out->n],
		};
	}
	return true;
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
	const struct target **targets = calloc(n + 1, sizeof(*targets));

	if (targets == NULL) {
		interests_leave(&view->interests);
		view->kpi.ntargets = 0;
		return err_set(err, ERR_NOMEM, "no memory for a subscription");
	}
	free(view->targets);
	view->targets = targets;
	view->kpi = (struct kpi_source){.every_ms = from->every_ms,
	                                .quorum = from->quorum,
	                                .targets = targets,
	                                .ntargets = n};
	return true;
}

bool scrape_join(struct subscription *s, size_t source, struct err *err)
{
	struct source_view *view = &s->views[source];
	struct endpoints found = {0};
	struct asks asks = {0};
	struct err shown = {.code = ERR_NONE};
	bool ok = find_endpoints(s, source, &found, err) &&
	          asks_make(s, source, &found, &asks, err) &&
	          subscription_rejoin(s, &view->interests, &source_scrape, asks.list, asks.n, err);

	asks_free(&asks);
	endpoints_free(&found);
	if (!show_targets(view, &s->policy->sources[source], &shown) && ok) {
		*err = shown;
		ok = false;
	}
	sentence_set(view->refused, sizeof(view->refused), "%s", ok ? "" : err->text);
	return ok;
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
