/*
 * scrape - metrics pages of one address, streamed through the parser into the target and kept whole
 * or not at all.
 *
 * Samples are dated with the start of the scrape, as Prometheus does. Only metric names that some
 * subscriber's KPIs use are kept; of the others the target only learns that they are on the page,
 * and when those that are kept were created (rule K8).
 *
 * OpenMetrics is asked for first. A target whose OpenMetrics page breaks the format's rules is
 * asked for the Prometheus text from then on: some libraries write the one wrongly and the other
 * well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/units.h"
#include "config.h"
#include "exposition/exposition.h"
#include "log.h"
#include "metrics.h"
#include "series/target.h"
#include "source/wanted.h"
#include "source/watch.h"

#define SHARE_MAX 4096
#define INSTANCE_MAX 512
#define START_TIME "process_start_time_seconds"

struct scrape {
	struct watch watch;
	struct target *target;
	char *instance, *job;
	bool mend, honor_timestamps;
	struct wanted wanted; /* the union of what all subscribers need */
	/* The page under way. */
	struct exposition *page;
	struct wall begun;
	size_t nbytes;
	bool is_broken; /* `trouble` says why the page cannot be used */
	struct err trouble;
	bool counted_up;               /* in METRIC_SCRAPE_TARGETS_UP */
	enum exposition_format format; /* of the page, once has_format */
	bool has_format;
	const char *format_name; /* of the newest page that had one; NULL: none yet */
	bool wants_text;         /* its OpenMetrics was bad */
};

static struct metrics *metrics_of(const struct scrape *s)
{
	return s->watch.sources->app->metrics;
}

/* --- labels: job and instance --- */

/* host:port of a URL, the scheme's own port when it names none; the path too when the source has
 * several pages on one address, whose series must not be the same. */
static void instance_of(const char *url, bool with_path, char out[INSTANCE_MAX])
{
	const char *host = strstr(url, "://");
	const char *at, *end;
	bool is_https = strncasecmp(url, "https:", 6) == 0;
	struct str authority;

	host = host != NULL ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	at = memchr(host, '@', (size_t)(end - host));
	if (at != NULL)
		host = at + 1;
	authority = (struct str){.p = host, .n = (size_t)(end - host)};
	at = memchr(authority.p, ']', authority.n); /* an IPv6 address has colons of its own */
	at = at != NULL ? at : authority.p;
	snprintf(out, INSTANCE_MAX, "%.*s%s%s", (int)authority.n, authority.p,
	         memchr(at, ':', (size_t)(end - at)) != NULL ? "" : (is_https ? ":443" : ":80"),
	         with_path ? end : "");
	text_mend_cut(out, INSTANCE_MAX);
}

static bool shares_address(const struct policy_source *source, size_t address)
{
	char own[INSTANCE_MAX], other[INSTANCE_MAX];

	instance_of(source->addresses[address], false, own);
	for (size_t i = 0; i < source->naddresses; i++) {
		instance_of(source->addresses[i], false, other);
		if (i != address && strcmp(own, other) == 0)
			return true;
	}
	return false;
}

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

/* What init() is told. */
struct scrape_detail {
	const struct policy_source *source;
	const char *instance;
};

static bool join_address(struct subscription *s, size_t source, size_t address, struct err *err)
{
	const struct policy_source *from = &s->policy->sources[source];
	struct source_view *view = &s->views[source];
	char instance[INSTANCE_MAX], share[SHARE_MAX];
	struct scrape_detail detail = {.source = from, .instance = instance};
	struct ask ask = {
	        .url = from->addresses[address],
	        .share = share,
	        .every_ms = from->every_ms,
	        .timeout_ms = from->timeout_ms,
	        .needs = &view->needs,
	        .detail = &detail,
	};

	instance_of(ask.url, shares_address(from, address), instance);
	snprintf(share, sizeof(share), "%s%s%s %s", from->mend ? "mend " : "",
	         from->honor_timestamps ? "honor " : "", from->name, instance);
	return subscription_join(s, &view->interests, &source_scrape, &ask, err);
}

static bool scrape_subscribe(struct subscription *s, struct err *err)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->nsources; i++) {
		if (p->sources[i].kind != SOURCE_SCRAPE)
			continue;
		if (!find_needs(p, i, &s->views[i].needs, err))
			return false;
		for (size_t a = 0; a < p->sources[i].naddresses; a++) {
			if (!join_address(s, i, a, err))
				return false;
		}
	}
	return true;
}

static struct target *make_target(const struct scrape *s, struct err *err)
{
	struct app *app = s->watch.sources->app;
	struct label labels[] = {
	        {.name = STR("instance"), .value = str_of(s->instance)},
	        {.name = STR("job"), .value = str_of(s->job)},
	};
	struct target_options options = {
	        .labels = labels,
	        .nlabels = ARRAY_LEN(labels),
	        .mend = s->mend,
	        .honor_timestamps = s->honor_timestamps,
	        .retention_ms = s->wanted.retention_ms,
	        .max_series = (size_t)app->config->limits.series_per_target,
	        .seed = app->seed,
	};

	return target_new(&options, err);
}

static bool scrape_init(struct watch *w, const struct ask *ask, struct err *err)
{
	struct scrape *s = (struct scrape *)w;
	const struct scrape_detail *detail = ask->detail;

	s->mend = detail->source->mend;
	s->honor_timestamps = detail->source->honor_timestamps;
	s->instance = text_dup(detail->instance);
	s->job = text_dup(detail->source->name);
	s->wanted.retention_ms = ask->needs->retention_ms;
	if (s->instance == NULL || s->job == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a target");
	s->target = make_target(s, err);
	if (s->target == NULL)
		return false;
	metric_add(metrics_of(s), METRIC_SCRAPE_TARGETS, 1);
	return true;
}

static void count_up(struct scrape *s, bool up)
{
	if (up != s->counted_up)
		metric_add(metrics_of(s), METRIC_SCRAPE_TARGETS_UP, up ? 1 : -1);
	s->counted_up = up;
}

static void scrape_stop(struct watch *w)
{
	struct scrape *s = (struct scrape *)w;

	count_up(s, false);
	if (s->target != NULL)
		metric_add(metrics_of(s), METRIC_SCRAPE_TARGETS, -1);
	exposition_free(&s->page);
	target_free(&s->target);
	wanted_fini(&s->wanted);
	free(s->instance);
	free(s->job);
}

/* --- what is wanted of the page --- */

/* Rule K4 counts a target's coverage as a whole: when more is asked for than was kept so far, it
 * begins anew for all who share the target. */
static bool scrape_needs_changed(struct watch *w, struct err *err)
{
	struct scrape *s = (struct scrape *)w;
	struct wanted wanted;
	bool wider;

	if (!wanted_unite(&wanted, w->interests, s->mend, w->sources->app->seed, err))
		return false;
	wider = wanted_is_wider(&wanted, &s->wanted);
	if (wider)
		target_selection_changed(s->target);
	if (wider || wanted.retention_ms > s->wanted.retention_ms)
		target_uncover(s->target);
	if (wanted.retention_ms != s->wanted.retention_ms)
		target_retain(s->target, wanted.retention_ms);
	wanted_fini(&s->wanted);
	s->wanted = wanted;
	return true;
}

static bool on_wanted(void *ctx, struct str name)
{
	struct scrape *s = ctx;

	if (wanted_is_kept(&s->wanted, name))
		return true;
	if (!s->is_broken && !target_page_name(s->target, name, &s->trouble))
		s->is_broken = true;
	return wanted_is_creation(&s->wanted, name);
}

/* --- one page --- */

static bool on_sample(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	struct scrape *s = ctx;

	if (wanted_is_creation(&s->wanted, sample->name)) {
		if (!target_page_created(s->target, sample->name, sample->labels, sample->nlabels,
		                         sample->value, err))
			return false;
		if (!wanted_is_kept(&s->wanted, sample->name))
			return true;
	}
	return target_page_add(s->target, sample->name, sample->labels, sample->nlabels,
	                       sample->value, sample->has_timestamp, sample->timestamp_ms,
	                       sample->is_cumulative, err);
}

/* What the page is, once its headers are there. */
static bool expect_page(struct scrape *s, const char *content_type, bool is_framed)
{
	if (!exposition_format_of(str_of(content_type), &s->format, &s->trouble))
		return false;
	s->has_format = true;
	s->format_name = exposition_format_name(s->format);
	exposition_expect(s->page, s->format, is_framed);
	return true;
}

static bool on_bytes(void *ctx, const char *bytes, size_t n)
{
	struct scrape *s = ctx;

	if (!s->has_format &&
	    !expect_page(s, fetch_content_type(s->watch.fetch), fetch_is_framed(s->watch.fetch)))
		s->is_broken = true;
	s->nbytes += n;
	if (!s->is_broken && !exposition_feed(s->page, bytes, n, &s->trouble))
		s->is_broken = true;
	return !s->is_broken;
}

/* The first thing that is wrong with the answer; what the parser says about a page that is none
 * comes after that. */
static bool answer_is_good(struct scrape *s, const struct fetch_reply *r, struct err *err)
{
	if (r->failure != FETCH_OK && r->failure != FETCH_STOPPED) {
		*err = r->err;
		return false;
	}
	if (r->status != 200)
		return err_set(err, ERR_INVALID, "status %ld", r->status);
	if (!s->has_format && !s->is_broken && !expect_page(s, r->content_type, true))
		s->is_broken = true; /* a page without a byte */
	if (s->is_broken) {
		*err = s->trouble;
		return false;
	}
	if (r->failure == FETCH_STOPPED)
		return err_set(err, ERR_INVALID, "the page could not be used");
	return true;
}

_Static_assert(METRIC_PAGES_NO_MEMORY - METRIC_PAGES_MALFORMED ==
                       EXPOSITION_NO_MEMORY - EXPOSITION_MALFORMED,
               "a counter for every trouble with a page");

static void keep_reason(struct scrape *s, enum exposition_trouble trouble, const struct err *err)
{
	bool is_news = target_health(s->target)->up || target_health(s->target)->failures == 0;

	target_page_abort(s->target, s->begun.ms, err->text);
	metric_add(metrics_of(s), METRIC_SCRAPE_FAILURES, 1);
	if (trouble != EXPOSITION_FINE)
		metric_add(metrics_of(s),
		           METRIC_PAGES_MALFORMED + (unsigned)trouble - EXPOSITION_MALFORMED, 1);
	if (is_news)
		log_err(LOG_WARN, "scrape_failed", err, "target=%s job=%s evidence=none",
		        log_quote(s->watch.url), log_quote(s->job));
}

static bool keep_page(struct scrape *s, struct err *err)
{
	size_t samples;

	if (!exposition_finish(s->page, err))
		return false;
	if (s->is_broken) { /* the last line may have been unwanted */
		*err = s->trouble;
		return false;
	}
	samples = exposition_samples(s->page);
	if (!target_page_commit(s->target, samples, err))
		return false;
	metric_add(metrics_of(s), METRIC_SCRAPE_SAMPLES, (double)samples);
	return true;
}

static void end_page(struct scrape *s, bool ok, const struct err *err)
{
	bool was_up = target_health(s->target)->up;
	bool had_failed = target_health(s->target)->failures > 0;
	enum exposition_trouble trouble =
	        s->page != NULL ? exposition_trouble(s->page) : EXPOSITION_FINE;

	exposition_free(&s->page);
	watch_answered(&s->watch, ok);
	metric_add(metrics_of(s), METRIC_SCRAPES, 1);
	metric_add(metrics_of(s), METRIC_SCRAPE_BYTES, (double)s->nbytes);
	if (!ok)
		keep_reason(s, trouble, err);
	else if (!was_up && had_failed)
		log_line(LOG_INFO, "scrape_recovered", "target=%s job=%s", log_quote(s->watch.url),
		         log_quote(s->job));
	if (trouble == EXPOSITION_MALFORMED && s->format == EXPOSITION_OPENMETRICS &&
	    !s->wants_text) {
		s->wants_text = true;
		log_line(LOG_WARN, "openmetrics_refused", "target=%s job=%s next=text",
		         log_quote(s->watch.url), log_quote(s->job));
	}
	count_up(s, ok);
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct scrape *s = ctx;
	struct err err = {.code = ERR_NONE};
	bool ok;

	s->watch.fetch = NULL;
	ok = answer_is_good(s, reply, &err) && keep_page(s, &err);
	end_page(s, ok, &err);
}

#define ACCEPT_TEXT                                                                                \
	"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"      \
	"*/*;q=0.2"
#define ACCEPT_OPENMETRICS                                                                         \
	"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"                   \
	"application/openmetrics-text;version=0.0.1;q=0.5,"

static bool send_request(struct scrape *s, struct err *err)
{
	char timeout[64];
	const char *const headers[] = {
	        s->wants_text ? "Accept: " ACCEPT_TEXT : "Accept: " ACCEPT_OPENMETRICS ACCEPT_TEXT,
	        timeout,
	        NULL,
	};

	snprintf(timeout, sizeof(timeout), "X-Prometheus-Scrape-Timeout-Seconds: %lld.%03lld",
	         (long long)(s->watch.timeout_ms / 1000), (long long)(s->watch.timeout_ms % 1000));
	return watch_fetch(
	        &s->watch,
	        &(struct fetch_request){
	                .headers = headers,
	                .max_bytes = (size_t)s->watch.sources->app->config->limits.page_bytes,
	                .on_bytes = on_bytes,
	                .done = on_done,
	        },
	        err);
}

static void scrape_start(struct watch *w)
{
	struct scrape *s = (struct scrape *)w;
	const struct config_limits *most = &w->sources->app->config->limits;
	struct exposition_limits limits = {
	        .max_bytes = (size_t)most->page_bytes,
	        .max_samples = (size_t)most->page_samples,
	        .seed = w->sources->app->seed,
	};
	struct err err = {.code = ERR_NONE};

	s->begun = watch_now(w);
	s->nbytes = 0;
	s->is_broken = false;
	s->has_format = false;
	s->page = exposition_new(&limits, on_sample, on_wanted, s, &err);
	if (s->page == NULL || !target_page_begin(s->target, s->begun.ms, &err) ||
	    !send_request(s, &err))
		end_page(s, false, &err);
}

/* A target without memory is never mistaken for one: should making it anew fail, nothing covers the
 * samples of the old one. */
static void scrape_forget(struct watch *w)
{
	struct scrape *s = (struct scrape *)w;
	struct err err;
	struct target *fresh = make_target(s, &err);

	exposition_free(&s->page);
	count_up(s, false);
	if (fresh == NULL) {
		target_page_abort(s->target, watch_now(w).ms, "samples are not to be trusted");
		target_uncover(s->target);
		return;
	}
	target_free(&s->target);
	s->target = fresh;
	s->wants_text = false;
}

const struct target *scrape_target(const struct watch *w)
{
	return ((const struct scrape *)w)->target;
}

static void scrape_describe(const struct watch *w, json_t *into)
{
	const struct scrape *s = (const struct scrape *)w;
	const struct target_health *h = target_health(s->target);

	(void)json_object_set_new(into, "instance", json_string(s->instance));
	(void)json_object_set_new(into, "up", json_boolean(h->up));
	(void)json_object_set_new(into, "last_attempt", instant_json(h->last_attempt_ms));
	(void)json_object_set_new(into, "last_good", instant_json(h->last_good_ms));
	(void)json_object_set_new(into, "covered_since", instant_json(h->covered_since_ms));
	(void)json_object_set_new(
	        into, "format", s->format_name != NULL ? json_string(s->format_name) : json_null());
	(void)json_object_set_new(into, "samples", json_integer((json_int_t)h->samples));
	(void)json_object_set_new(
	        into, "series",
	        json_integer((json_int_t)series_set_count(target_series(s->target))));
	(void)json_object_set_new(into, "pages", json_integer((json_int_t)h->pages));
	(void)json_object_set_new(into, "failures", json_integer((json_int_t)h->failures));
	(void)json_object_set_new(into, "restarts", json_integer((json_int_t)h->restarts));
	(void)json_object_set_new(
	        into, "error", h->last_error[0] != '\0' ? json_string(h->last_error) : json_null());
}

const struct watch_kind source_scrape = {
        .name = "scrape",
        .size = sizeof(struct scrape),
        .subscribe = scrape_subscribe,
        .init = scrape_init,
        .start = scrape_start,
        .stop = scrape_stop,
        .needs_changed = scrape_needs_changed,
        .forget = scrape_forget,
        .describe = scrape_describe,
};
