/*
 * prometheus - instant queries to a Prometheus, Thanos or Mimir; each expression is asked once for
 * all releases that want the same of the same server.
 *
 * One look is up to three questions, one after the other (prometheus_query.h), within one timeout.
 * Anything but a whole, unwarned answer is no evidence, and what was known before is forgotten. Now
 * and then there is a fourth about the buckets, and a last one about a count of 0
 * (prometheus_sight.h), whose failure changes nothing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/blind.h"
#include "gate/sentence.h"
#include "log.h"
#include "source/prometheus_query.h"
#include "source/prometheus_sight.h"
#include "source/url_text.h"
#include "source/watch.h"

#define BODY_MAX ((size_t)1024 * 1024)
#define URL_MAX_BYTES ((size_t)8 * 1024)
#define SHARE_MAX ((size_t)96 * 1024)
#define CLOCK_SKEW_MS (60 * 1000) /* beyond it, its instants say nothing about ours */
#define NS_PER_MS INT64_C(1000000)

#define BUCKETS_MS (INT64_C(5) * 60 * 1000) /* they seldom change */

enum step { ASKING_AGES = 0, ASKING_UNSEEN, ASKING_BUCKETS, ASKING_VALUE, ASKING_STILL };

struct question {
	struct watch watch;
	struct promql_expr *expr; /* own */
	char **absent;            /* own: names that may be absent */
	size_t nabsent;
	char *params; /* own: what every question carries, in a form */
	bool counts_events;
	struct kpi_bound bound;
	int64_t buckets_ms; /* monotonic, when they were seen; 0: not yet */
	/* The look under way. */
	enum step step;
	bool is_answered; /* so far, whatever the answers say */
	struct wall begun;
	struct prometheus_ages ages;
	struct kpi_remote next;
	/* The newest that ended. */
	struct kpi_remote seen;
};

/* --- one look --- */

static void on_done(void *ctx, const struct fetch_reply *reply);

static void end_look(struct question *q)
{
	bool is_good = q->next.result == GATE_PASS;
	bool was_good = q->seen.result == GATE_PASS, is_first = q->seen.asked.ms == 0;

	q->next.asked = q->begun;
	q->next.bound = q->bound;
	q->seen = q->next;
	watch_answered(&q->watch, q->is_answered);
	if (!is_good && (was_good || is_first))
		log_line(LOG_WARN, "query_failed", "url=%s query=%s why=%s evidence=none",
		         log_quote(q->watch.url), log_quote(promql_expr_text(q->expr).p),
		         log_quote(q->seen.why));
	else if (is_good && !was_good && !is_first)
		log_line(LOG_INFO, "query_recovered", "url=%s", log_quote(q->watch.url));
}

static int64_t mono_ms(const struct question *q)
{
	return loop_now(q->watch.sources->app->loop).mono.ns / NS_PER_MS;
}

static int64_t left_ms(const struct question *q)
{
	return q->watch.timeout_ms - (mono_ms(q) - q->watch.started.ns / NS_PER_MS);
}

static bool send_form(struct question *q, struct str query, struct err *err)
{
	static const char *const headers[] = {
	        "Accept: application/json",
	        "Content-Type: application/x-www-form-urlencoded",
	        NULL,
	};
	struct buf body;
	char text[64];
	bool ok;

	buf_init(&body, 4 * PROMETHEUS_QUERY_MAX);
	url_add_param(&body, "query", query);
	if (q->step != ASKING_AGES) {
		snprintf(text, sizeof(text), "%.3f", q->ages.now_s);
		url_add_param(&body, "time", str_of(text));
	}
	snprintf(text, sizeof(text), "%lldms", (long long)left_ms(q));
	url_add_param(&body, "timeout", str_of(text));
	buf_add_text(&body, q->params);
	ok = buf_ok(&body, err) && watch_fetch(&q->watch,
	                                       &(struct fetch_request){
	                                               .method = "POST",
	                                               .headers = headers,
	                                               .body = buf_str(&body),
	                                               .timeout_ms = left_ms(q),
	                                               .max_bytes = BODY_MAX,
	                                               .done = on_done,
	                                       },
	                                       err);
	buf_fini(&body);
	return ok;
}

static void ask_step(struct question *q, enum step step, struct str query)
{
	struct err err = {.code = ERR_NONE};

	q->step = step;
	q->is_answered = false;
	if (left_ms(q) <= 0)
		kpi_remote_refuse(&q->next, GATE_NO_DATA, "the answers took too long");
	else if (send_form(q, query, &err))
		return;
	else
		kpi_remote_refuse(&q->next, GATE_NO_DATA, "%s", err.text);
	end_look(q);
}

static bool clocks_agree(struct question *q)
{
	double now_ms = q->ages.now_s * 1000;
	double ahead_ms = now_ms - (double)watch_now(&q->watch).ms;
	double behind_ms = (double)q->begun.ms - now_ms;
	char span[UNITS_TEXT_MAX];

	if (ahead_ms <= CLOCK_SKEW_MS && behind_ms <= CLOCK_SKEW_MS)
		return true;
	sentence_span((int64_t)(ahead_ms > 0 ? ahead_ms : behind_ms), span);
	kpi_remote_refuse(&q->next, GATE_ERROR, "its clock is %s %s ours", span,
	                  ahead_ms > 0 ? "ahead of" : "behind");
	return false;
}

static void ask_value(struct question *q)
{
	if (q->ages.nseen == 0) {
		kpi_remote_refuse(&q->next, GATE_NO_DATA,
		                  "no selector of the expression has a sample there");
		end_look(q);
		return;
	}
	q->next.age_ms = q->ages.oldest_ms;
	ask_step(q, ASKING_VALUE, promql_expr_text(q->expr));
}

static void ask_buckets(struct question *q)
{
	bool is_due = q->buckets_ms == 0 || mono_ms(q) - q->buckets_ms >= BUCKETS_MS;
	struct buf query;

	buf_init(&query, PROMETHEUS_QUERY_MAX);
	if (is_due && q->ages.nseen > 0 && prometheus_buckets_query(q->expr, &query))
		ask_step(q, ASKING_BUCKETS, buf_str(&query));
	else
		ask_value(q);
	buf_fini(&query);
}

/* Only to explain a number that is there already. */
static void ask_still(struct question *q)
{
	struct err ignored;
	struct buf query;
	bool is_asked = false;

	buf_init(&query, PROMETHEUS_QUERY_MAX);
	q->step = ASKING_STILL;
	if (q->counts_events && q->next.result == GATE_PASS && number_is_same(q->next.value, 0) &&
	    left_ms(q) > 0 && prometheus_still_query(q->expr, &query))
		is_asked = send_form(q, buf_str(&query), &ignored);
	buf_fini(&query);
	if (!is_asked)
		end_look(q);
}

static void ask_unseen(struct question *q)
{
	struct buf query;

	buf_init(&query, PROMETHEUS_QUERY_MAX);
	if (prometheus_unseen_query(q->expr, &q->ages, q->absent, q->nabsent, &query))
		ask_step(q, ASKING_UNSEEN, buf_str(&query));
	else
		ask_buckets(q);
	buf_fini(&query);
}

/* True: it goes on, or has ended there; false: refused. */
static bool go_on(struct question *q, const json_t *data)
{
	switch (q->step) {
	case ASKING_AGES:
		if (!prometheus_read_ages(data, q->expr, &q->ages, &q->next) || !clocks_agree(q))
			return false;
		ask_unseen(q);
		return true;
	case ASKING_UNSEEN:
		if (!prometheus_read_unseen(data, q->expr, &q->ages, q->absent, q->nabsent,
		                            &q->next))
			return false;
		ask_buckets(q);
		return true;
	case ASKING_BUCKETS:
		q->buckets_ms = prometheus_read_buckets(data, q->expr, &q->bound) ? mono_ms(q) : 0;
		ask_value(q);
		return true;
	case ASKING_VALUE:
		prometheus_read_value(data, &q->next);
		ask_still(q);
		return true;
	case ASKING_STILL:
		break;
	}
	prometheus_read_still(data, q->expr, q->next.stuck, sizeof(q->next.stuck));
	return false;
}

/* A number that is there stays there, however this ended. */
static void end_still(struct question *q, const struct fetch_reply *reply)
{
	struct kpi_remote ignored;
	json_t *document = NULL;
	const json_t *data = NULL;

	if (reply->failure == FETCH_OK)
		data = prometheus_data(reply->status, reply->body, &document, &ignored);
	if (data != NULL)
		(void)go_on(q, data);
	json_decref(document);
	end_look(q);
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct question *q = ctx;
	const json_t *data = NULL;
	json_t *document = NULL;

	q->watch.fetch = NULL;
	if (q->step == ASKING_STILL) {
		end_still(q, reply);
		return;
	}
	q->is_answered = false;
	if (reply->failure != FETCH_OK)
		kpi_remote_refuse(&q->next, GATE_NO_DATA, "%s", reply->err.text);
	else
		data = prometheus_data(reply->status, reply->body, &document, &q->next);
	q->is_answered = data != NULL;
	if (data == NULL || !go_on(q, data))
		end_look(q);
	json_decref(document);
}

static void prometheus_start(struct watch *w)
{
	struct question *q = (struct question *)w;
	struct buf query;

	q->begun = watch_now(w);
	q->next = (struct kpi_remote){.result = GATE_NO_DATA, .value = (double)NAN};
	buf_init(&query, PROMETHEUS_QUERY_MAX);
	prometheus_ages_query(q->expr, &query);
	ask_step(q, ASKING_AGES, buf_str(&query));
	buf_fini(&query);
}

/* --- the watch --- */

/* What init() is told. */
struct prometheus_detail {
	const struct kpi *kpi;
	const char *params;
};

static bool copy_absent(struct question *q, const struct kpi *kpi)
{
	q->absent = calloc(kpi->nmay_be_absent + 1, sizeof(*q->absent));
	if (q->absent == NULL)
		return false;
	for (; q->nabsent < kpi->nmay_be_absent; q->nabsent++) {
		q->absent[q->nabsent] = text_dup(kpi->may_be_absent[q->nabsent]);
		if (q->absent[q->nabsent] == NULL)
			return false;
	}
	return true;
}

static bool prometheus_init(struct watch *w, const struct ask *ask, struct err *err)
{
	struct question *q = (struct question *)w;
	const struct prometheus_detail *detail = ask->detail;
	struct promql_position at;

	q->seen.result = GATE_NO_DATA;
	q->params = text_dup(detail->params);
	if (q->params == NULL || !copy_absent(q, detail->kpi))
		return err_set(err, ERR_NOMEM, "no memory for a query");
	q->counts_events = detail->kpi->unit == KPI_EVENTS;
	q->expr = promql_parse(str_of(detail->kpi->expr), &at, err);
	if (q->expr == NULL)
		return false;
	q->bound = blind_bound_by(q->expr, NULL);
	return true;
}

static void prometheus_stop(struct watch *w)
{
	struct question *q = (struct question *)w;

	promql_free(&q->expr);
	for (size_t i = 0; q->absent != NULL && i < q->nabsent; i++)
		free(q->absent[i]);
	free(q->absent);
	free(q->params);
}

static void prometheus_forget(struct watch *w)
{
	((struct question *)w)->seen = (struct kpi_remote){.result = GATE_NO_DATA};
}

static void prometheus_remote(const struct watch *w, const struct kpi *kpi, struct kpi_remote *out)
{
	(void)kpi;
	*out = ((const struct question *)w)->seen;
}

/* --- joining --- */

/* A partial answer of Thanos is none (rule K5). */
static void add_params(const struct policy_source *source, struct buf *out)
{
	buf_add_text(out, "&partial_response=false");
	for (size_t i = 0; i < source->nquery_params; i++)
		url_add_param(out, source->query_params[i].name,
		              str_of(source->query_params[i].value));
}

static bool join(struct subscription *s, size_t kpi_index, const char *params, struct err *err)
{
	const struct kpi *kpi = &s->policy->kpis[kpi_index];
	const struct policy_source *from = &s->policy->sources[kpi->source_index];
	struct prometheus_detail detail = {.kpi = kpi, .params = params};
	struct str base = str_of(from->addresses[0]);
	struct buf url, share;
	struct ask ask = {
	        .every_ms = from->every_ms,
	        .timeout_ms = from->timeout_ms,
	        .credentials = from->credentials,
	        .detail = &detail,
	        .out = &s->kpis[kpi_index].watch,
	};
	bool ok;

	buf_init(&url, URL_MAX_BYTES);
	buf_init(&share, SHARE_MAX);
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_add_str(&url, base);
	buf_add_text(&url, "/api/v1/query");
	buf_printf(&share, "%s%s\n%s", kpi->unit == KPI_EVENTS ? "events " : "", kpi->expr, params);
	for (size_t i = 0; i < kpi->nmay_be_absent; i++)
		buf_printf(&share, "\n%s", kpi->may_be_absent[i]);
	ok = buf_ok(&url, err) && buf_ok(&share, err);
	ask.url = url.bytes;
	ask.share = share.bytes;
	ok = ok && subscription_join(s, &s->views[kpi->source_index].interests, &source_prometheus,
	                             &ask, err);
	buf_fini(&url);
	buf_fini(&share);
	return ok;
}

static bool prometheus_subscribe(struct subscription *s, struct err *err)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->nkpis; i++) {
		size_t source = p->kpis[i].source_index;
		const struct policy_source *from =
		        source < p->nsources ? &p->sources[source] : NULL;
		struct buf params;
		bool ok;

		if (from == NULL || from->kind != SOURCE_PROMETHEUS || from->naddresses == 0)
			continue;
		buf_init(&params, PROMETHEUS_QUERY_MAX);
		add_params(from, &params);
		ok = buf_ok(&params, err) && join(s, i, params.bytes, err);
		buf_fini(&params);
		if (!ok) {
			err_prefix(err, "KPI %s", p->kpis[i].name);
			return false;
		}
	}
	return true;
}

static void prometheus_describe(const struct watch *w, json_t *into)
{
	const struct question *q = (const struct question *)w;
	struct str text = promql_expr_text(q->expr);

	(void)json_object_set_new(into, "query", json_stringn(text.p, text.n));
	(void)json_object_set_new(into, "up", json_boolean(q->seen.result == GATE_PASS));
	(void)json_object_set_new(into, "last_attempt", instant_json(q->seen.asked.ms));
	(void)json_object_set_new(into, "last_good", instant_json(w->last_good.ms));
	(void)json_object_set_new(into, "error",
	                          q->seen.why[0] != '\0' ? json_string(q->seen.why) : json_null());
}

const struct watch_kind source_prometheus = {
        .name = "prometheus",
        .size = sizeof(struct question),
        .subscribe = prometheus_subscribe,
        .init = prometheus_init,
        .start = prometheus_start,
        .stop = prometheus_stop,
        .forget = prometheus_forget,
        .describe = prometheus_describe,
        .remote = prometheus_remote,
};
