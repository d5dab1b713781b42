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
#include "exposition/memory.h"
#include "log.h"
#include "metrics.h"
#include "series/target.h"
#include "source/scrape_join.h"
#include "source/wanted.h"
#include "source/watch.h"

struct scrape {
	struct watch watch;
	struct target *target;
	json_t *labels; /* own; of all its series */
	char *found_by; /* own; NULL: the policy */
	bool mend, honor_timestamps, honor_labels;
	struct wanted wanted; /* the union of what all subscribers need */
	/* The page under way. */
	struct exposition *page;
	struct exposition_memory *memory; /* of the page before; NULL: for want of memory */
	struct wall begun;
	size_t nbytes;
	int64_t took_ms; /* the newest question that was answered */
	bool is_broken;  /* `trouble` says why the page cannot be used */
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

/* Borrowed texts; NULL without memory. */
static struct label *label_list(const json_t *labels)
{
	struct label *list = calloc(json_object_size(labels) + 1, sizeof(*list));
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)labels, name, value)
	{
		if (list != NULL)
			list[n++] = (struct label){.name = str_of(name),
			                           .value = str_of(json_string_value(value))};
	}
	return list;
}

static struct target *make_target(const struct scrape *s, struct err *err)
{
	struct app *app = s->watch.sources->app;
	struct label *labels = label_list(s->labels);
	struct target_options options = {
	        .labels = labels,
	        .nlabels = json_object_size(s->labels),
	        .honor_labels = s->honor_labels,
	        .mend = s->mend,
	        .honor_timestamps = s->honor_timestamps,
	        .retention_ms = s->wanted.retention_ms,
	        .max_series = (size_t)app->config->limits.series_per_target,
	        .seed = app->seed,
	        .pool = s->watch.sources->labels,
	        .names = &s->watch.sources->names,
	};
	struct target *made = NULL;

	if (labels == NULL)
		(void)err_set(err, ERR_NOMEM, "no memory for a target");
	else
		made = target_new(&options, err);
	free(labels);
	return made;
}

static bool scrape_init(struct watch *w, const struct ask *ask, struct err *err)
{
	struct scrape *s = (struct scrape *)w;
	const struct scrape_detail *detail = ask->detail;

	s->mend = detail->source->mend;
	s->honor_timestamps = detail->source->honor_timestamps;
	s->honor_labels = detail->source->honor_labels;
	s->labels = json_deep_copy(detail->endpoint->labels);
	s->found_by = text_dup(detail->endpoint->found_by);
	s->wanted.retention_ms = ask->needs->retention_ms;
	if (s->labels == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a target");
	s->target = make_target(s, err);
	if (s->target == NULL)
		return false;
	s->memory = exposition_memory_new(s->watch.sources->shapes);
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
	exposition_memory_free(&s->memory);
	target_free(&s->target);
	wanted_fini(&s->wanted);
	json_decref(s->labels);
	free(s->found_by);
}

/* --- what is wanted of the page --- */

static void forget_page(struct scrape *s)
{
	if (s->memory != NULL)
		exposition_memory_forget(s->memory);
}

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
	wanted_share(&wanted, &w->sources->names);
	s->wanted = wanted;
	forget_page(s);
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

/* In the Prometheus text creation times are gauges like any other: the name is all there is. */
static bool may_be_creation(const struct scrape *s, const struct exposition_sample *sample)
{
	return s->format == EXPOSITION_PROMETHEUS || sample->type == METRIC_COUNTER ||
	       sample->type == METRIC_HISTOGRAM || sample->type == METRIC_SUMMARY;
}

static bool is_known(void *ctx, size_t place)
{
	const struct scrape *s = ctx;

	return target_page_knows(s->target, place);
}

static bool on_sample(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	struct scrape *s = ctx;
	bool is_creation;

	if (sample->is_known)
		return target_page_repeat(s->target, sample->place, sample->value,
		                          sample->has_timestamp, sample->timestamp_ms,
		                          sample->is_cumulative, err);
	is_creation = wanted_is_creation(&s->wanted, sample->name);
	if (is_creation) {
		if (may_be_creation(s, sample) &&
		    !target_page_created(s->target, sample->name, sample->labels, sample->nlabels,
		                         sample->value, s->format == EXPOSITION_PROMETHEUS, err))
			return false;
		if (!wanted_is_kept(&s->wanted, sample->name))
			return true;
	}
	if (!target_page_add(s->target, sample->name, sample->labels, sample->nlabels,
	                     sample->value, sample->has_timestamp, sample->timestamp_ms,
	                     sample->is_cumulative, err))
		return false;
	if (!is_creation) /* of which the labels are needed each time */
		target_page_place(s->target, sample->place);
	return true;
}

/* What the page is, once its headers are there. */
static bool expect_page(struct scrape *s, const char *content_type, bool is_framed)
{
	if (!exposition_format_of(str_of(content_type), &s->format, &s->trouble))
		return false;
	s->has_format = true;
	s->format_name = exposition_format_name(s->format);
	exposition_expect(s->page, s->format, is_framed);
	if (s->memory != NULL)
		exposition_recall(s->page, s->memory, is_known);
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

static const char *label_of(const struct scrape *s, const char *name)
{
	const char *text = json_string_value(json_object_get(s->labels, name));

	return text != NULL ? text : "";
}

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
		        log_quote(s->watch.url), log_quote(label_of(s, "job")));
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
	if (exposition_is_repeated(s->page))
		target_page_same(s->target);
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
		forget_page(s);
	if (!ok)
		keep_reason(s, trouble, err);
	else if (!was_up && had_failed)
		log_line(LOG_INFO, "scrape_recovered", "target=%s job=%s", log_quote(s->watch.url),
		         log_quote(label_of(s, "job")));
	if (trouble == EXPOSITION_MALFORMED && s->format == EXPOSITION_OPENMETRICS &&
	    !s->wants_text) {
		s->wants_text = true;
		log_line(LOG_WARN, "openmetrics_refused", "target=%s job=%s next=text",
		         log_quote(s->watch.url), log_quote(label_of(s, "job")));
	}
	count_up(s, ok);
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct scrape *s = ctx;
	struct err err = {.code = ERR_NONE};
	bool ok;

	s->watch.fetch = NULL;
	s->took_ms = reply->elapsed_ms;
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
	                .takes_gzip = true,
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
	forget_page(s);
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

	(void)json_object_set_new(into, "instance", json_string(label_of(s, "instance")));
	(void)json_object_set(into, "labels", s->labels);
	(void)json_object_set_new(into, "discovered_by",
	                          s->found_by != NULL ? json_string(s->found_by) : json_null());
	(void)json_object_set_new(into, "duration_ms", json_integer(s->took_ms));
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
