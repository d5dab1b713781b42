/*
 * prometheus_alerts - the alerts a Prometheus itself evaluates, for gates of kind alerts: one
 * question per selector and server, shared by all releases that ask the same.
 *
 * Anything but a whole, unwarned answer is no evidence. Silences and inhibitions are
 * Alertmanager's: nothing is known of them here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gate/alerts.h"
#include "gate/sentence.h"
#include "log.h"
#include "source/alerts_query.h"
#include "source/prometheus_query.h"
#include "source/source.h"
#include "source/url_text.h"
#include "source/watch.h"

#define BODY_MAX ((size_t)2 * 1024 * 1024)
#define URL_MAX_BYTES ((size_t)8 * 1024)
#define FORM_MAX ((size_t)64 * 1024)

struct question {
	struct watch watch;
	char *form; /* own: what is sent */
	struct gate_alerts seen;
	struct wall begun;
};

static void keep(struct question *q, const struct gate_alerts *answer, const struct err *err)
{
	bool was_known = q->seen.known, is_first = q->seen.every_ms == 0;

	watch_answered(&q->watch, answer->known);
	json_decref(q->seen.list);
	q->seen = *answer;
	q->seen.every_ms = q->watch.every_ms;
	if (!answer->known) {
		q->seen.at = q->begun;
		sentence_set(q->seen.why, sizeof(q->seen.why), "Prometheus: %s", err->text);
	}
	if (!answer->known && (was_known || is_first))
		log_err(LOG_WARN, "alerts_unknown", err, "url=%s", log_quote(q->watch.url));
	else if (answer->known && !was_known && !is_first)
		log_line(LOG_INFO, "alerts_known_again", "url=%s", log_quote(q->watch.url));
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct question *q = ctx;
	struct gate_alerts answer = {0};
	struct kpi_remote refusal = {0};
	struct err err = {.code = ERR_NONE};
	json_t *document = NULL;
	const json_t *data = NULL;

	q->watch.fetch = NULL;
	if (reply->failure != FETCH_OK)
		err = reply->err;
	else
		data = prometheus_data(reply->status, reply->body, &document, &refusal);
	if (data != NULL)
		answer.known =
		        alerts_query_read(data, q->begun, watch_now(&q->watch), &answer, &err);
	else if (reply->failure == FETCH_OK)
		(void)err_set(&err, ERR_INVALID, "%s", refusal.why);
	keep(q, &answer, &err);
	json_decref(document);
}

static void alerts_start(struct watch *w)
{
	static const char *const headers[] = {
	        "Accept: application/json",
	        "Content-Type: application/x-www-form-urlencoded",
	        NULL,
	};
	struct question *q = (struct question *)w;
	struct err err = {.code = ERR_NONE};

	q->begun = watch_now(w);
	if (!watch_fetch(w,
	                 &(struct fetch_request){.method = "POST",
	                                         .headers = headers,
	                                         .body = str_of(q->form),
	                                         .max_bytes = BODY_MAX,
	                                         .done = on_done},
	                 &err))
		keep(q, &(struct gate_alerts){0}, &err);
}

static bool alerts_init(struct watch *w, const struct ask *ask, struct err *err)
{
	struct question *q = (struct question *)w;

	q->form = text_dup(ask->detail);
	return q->form != NULL || err_set(err, ERR_NOMEM, "no memory for a query");
}

static void alerts_forget(struct watch *w)
{
	struct question *q = (struct question *)w;

	json_decref(q->seen.list);
	q->seen = (struct gate_alerts){0};
}

static void alerts_stop(struct watch *w)
{
	struct question *q = (struct question *)w;

	alerts_forget(w);
	free(q->form);
	q->form = NULL;
}

static bool write_form(const struct policy_source *from, const char *selector, struct buf *out,
                       struct err *err)
{
	struct buf query;
	char timeout[32];
	bool ok;

	buf_init(&query, PROMETHEUS_QUERY_MAX);
	ok = alerts_query(selector, &query, err);
	if (ok)
		url_add_param(out, "query", buf_str(&query));
	buf_fini(&query);
	snprintf(timeout, sizeof(timeout), "%lldms", (long long)from->timeout_ms);
	url_add_param(out, "timeout", str_of(timeout));
	url_add_param(out, "partial_response", STR("false"));
	for (size_t i = 0; i < from->nquery_params; i++)
		url_add_param(out, from->query_params[i].name, str_of(from->query_params[i].value));
	return ok && buf_ok(out, err);
}

static bool join(struct subscription *s, size_t gate, const struct policy_source *from,
                 struct err *err)
{
	const struct alerts_spec *spec = s->policy->gates[gate].spec;
	struct str base = str_of(from->addresses[0]);
	struct buf url, form;
	struct ask ask = {.every_ms = from->every_ms,
	                  .timeout_ms = from->timeout_ms,
	                  .credentials = from->credentials};
	bool ok;

	buf_init(&url, URL_MAX_BYTES);
	buf_init(&form, FORM_MAX);
	while (base.n > 0 && base.p[base.n - 1] == '/')
		base.n--;
	buf_add_str(&url, base);
	buf_add_text(&url, "/api/v1/query");
	ok = buf_ok(&url, err) && write_form(from, spec->alerts, &form, err);
	if (ok) {
		ask.url = url.bytes;
		ask.share = ask.detail = form.bytes;
		ok = subscription_join(s, &s->gates[gate].interests, &source_prometheus_alerts,
		                       &ask, err);
	}
	buf_fini(&url);
	buf_fini(&form);
	return ok;
}

static bool alerts_subscribe(struct subscription *s, struct err *err)
{
	for (size_t i = 0; i < s->policy->ngates; i++) {
		const struct gate *gate = &s->policy->gates[i];
		const struct policy_source *from =
		        gate->kind == &gate_alerts ? alerts_source(s->policy, gate) : NULL;

		if (from == NULL || from->kind != SOURCE_PROMETHEUS || from->naddresses == 0)
			continue;
		if (!join(s, i, from, err)) {
			err_prefix(err, "gate %s", gate->name);
			return false;
		}
	}
	return true;
}

static const struct gate_alerts *alerts_seen(const struct watch *w)
{
	return &((const struct question *)w)->seen;
}

const struct watch_kind source_prometheus_alerts = {
        .name = "prometheus alerts",
        .size = sizeof(struct question),
        .subscribe = alerts_subscribe,
        .init = alerts_init,
        .start = alerts_start,
        .stop = alerts_stop,
        .forget = alerts_forget,
        .describe = watch_describe_alerts,
        .alerts = alerts_seen,
};
