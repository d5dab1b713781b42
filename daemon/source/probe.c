/* probe - one question after the other, each failure looked at twice, and what was seen last. */
#include "source/probe.h"

#include <stdlib.h>

#include "base/field.h"
#include "base/units.h"
#include "gate/sentence.h"
#include "log.h"
#include "metrics.h"
#include "policy/policy.h"
#include "release/release.h"

#define CONFIRM_MS 2000

static void log_change(const struct probe *p, const struct gate_probe *before)
{
	const struct gate_probe *now = &p->seen;

	if (now->state == before->state && now->confirmed == before->confirmed)
		return;
	if (now->state == PROBE_OK && before->state != PROBE_NEVER)
		log_line(LOG_INFO, "probe_recovered", "url=%s status=%ld", log_quote(now->url),
		         now->status);
	else if (now->state == PROBE_FAILED && now->confirmed)
		log_line(LOG_WARN, "probe_failed", "url=%s status=%ld why=%s", log_quote(now->url),
		         now->status, log_quote(now->why));
	else if (now->state == PROBE_UNKNOWN || now->state == PROBE_ERROR)
		log_line(LOG_WARN, "probe_impossible", "url=%s why=%s", log_quote(now->url),
		         log_quote(now->why));
}

static void end_probe(struct probe *p, enum probe_state state, const char *why,
                      const struct fetch_reply *r)
{
	struct metrics *metrics = p->watch.sources->app->metrics;
	struct gate_probe before = p->seen;

	p->seen.state = state;
	p->seen.confirmed = state == PROBE_FAILED && before.state == PROBE_FAILED;
	p->seen.at = p->begun;
	p->seen.since = p->since;
	p->seen.status = r->failure == FETCH_OK ? r->status : 0;
	p->seen.latency_ms = r->elapsed_ms;
	sentence_set(p->seen.why, sizeof(p->seen.why), "%s", why);
	metric_add(metrics, METRIC_PROBES, 1);
	if (state != PROBE_OK)
		metric_add(metrics, METRIC_PROBE_FAILURES, 1);
	if (state == PROBE_FAILED && !p->seen.confirmed)
		loop_timer_start(&p->confirm, CONFIRM_MS);
	log_change(p, &before);
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct probe *p = ctx;
	char why[sizeof(p->seen.why)] = "";
	enum probe_state state = p->ask.judge(p, reply, why, sizeof(why));

	p->watch.fetch = NULL;
	end_probe(p, state, why, reply);
}

/* The address of the moment; NULL with *err. Heap. */
static char *fill_url(struct probe *p, struct err *err)
{
	struct wall now = watch_now(&p->watch);
	const struct release *release = p->ask.of->release != NULL ? *p->ask.of->release : NULL;
	char text[UNITS_TEXT_MAX];

	p->since = release != NULL ? release_started_at(release, now) : now;
	instant_format(p->since, text);
	return placeholder_fill(p->watch.url, PLACE_URL,
	                        &(struct policy_values){.started_at = text}, err);
}

static void send_probe(struct probe *p)
{
	static const char *const reading[] = {"Accept: application/json", NULL};
	struct fetch_reply failed = {.failure = FETCH_LOCAL};
	struct fetch_request request = {.headers = p->ask.pointer != NULL ? reading : NULL,
	                                .max_bytes = p->ask.max_bytes,
	                                .cut_large = p->ask.pointer == NULL,
	                                .done = on_done};
	char *url = NULL;

	p->begun = watch_now(&p->watch);
	p->since = (struct wall){0};
	if (p->ask.of != NULL)
		request.url = url = fill_url(p, &failed.err);
	if ((p->ask.of != NULL && url == NULL) || !watch_fetch(&p->watch, &request, &failed.err))
		end_probe(p, PROBE_UNKNOWN, failed.err.text, &failed);
	free(url);
}

void probe_start(struct watch *w)
{
	struct probe *p = (struct probe *)w;

	if (!loop_timer_running(&p->confirm)) /* else the second look counts for both */
		send_probe(p);
}

static void on_confirm(void *ctx)
{
	struct probe *p = ctx;

	if (p->watch.fetch == NULL)
		send_probe(p);
}

bool probe_init(struct watch *w, const struct ask *ask, struct err *err)
{
	struct probe *p = (struct probe *)w;
	const struct probe_ask *wanted = ask->detail;

	p->ask = *wanted;
	p->ask.pointer = NULL;
	p->ask.equals = json_incref(wanted->equals);
	p->seen.url = w->url;
	loop_timer_init(&p->confirm, w->sources->app->loop, on_confirm, p);
	if (wanted->pointer == NULL)
		return true;
	p->ask.pointer = text_dup(wanted->pointer);
	return p->ask.pointer != NULL || err_set(err, ERR_NOMEM, "no memory to watch an address");
}

void probe_stop(struct watch *w)
{
	struct probe *p = (struct probe *)w;

	if (p->confirm.loop != NULL)
		loop_timer_stop(&p->confirm);
	free((char *)(uintptr_t)p->ask.pointer);
	p->ask.pointer = NULL;
	json_decref(p->ask.equals);
	p->ask.equals = NULL;
}

void probe_forget(struct watch *w)
{
	struct probe *p = (struct probe *)w;

	loop_timer_stop(&p->confirm);
	p->seen = (struct gate_probe){.url = w->url};
}

bool probe_add_share(const struct probe_ask *ask, int64_t timeout_ms, struct buf *out,
                     struct err *err)
{
	buf_printf(out, "%lld %lld %lld", (long long)ask->status_min, (long long)ask->status_max,
	           (long long)timeout_ms);
	if (ask->of != NULL) /* each release asks about itself */
		buf_printf(out, " of %p", (const void *)ask->of);
	if (ask->pointer == NULL)
		return buf_ok(out, err);
	buf_printf(out, " %s ", ask->pointer);
	return json_canonical(ask->equals, out, err) && buf_ok(out, err);
}

const struct gate_probe *probe_seen(const struct watch *w)
{
	return &((const struct probe *)w)->seen;
}

void probe_describe(const struct watch *w, json_t *into)
{
	static const char *const states[] = {"never", "ok", "failed", "unknown", "error"};
	const struct gate_probe *p = probe_seen(w);

	(void)json_object_set_new(into, "up", json_boolean(p->state == PROBE_OK));
	(void)json_object_set_new(into, "state", json_string(states[p->state]));
	(void)json_object_set_new(into, "confirmed", json_boolean(p->confirmed));
	(void)json_object_set_new(into, "last_attempt", instant_json(p->at.ms));
	(void)json_object_set_new(into, "status", json_integer(p->status));
	(void)json_object_set_new(into, "latency_ms", json_integer(p->latency_ms));
	(void)json_object_set_new(into, "error",
	                          p->why[0] != '\0' ? json_string(p->why) : json_null());
}
