/*
 * health - probes of the URLs of health gates: a GET whose status must lie in a range.
 *
 * The first failure is confirmed by a second probe 2 s later (rule E1); until then it is no
 * evidence. What fails on our own side (name resolution, limits, a forbidden address) says nothing
 * about the service and reads as unknown.
 */
#include "gate/health.h"

#include <stdio.h>

#include "gate/sentence.h"
#include "log.h"
#include "metrics.h"
#include "source/watch.h"

#define CONFIRM_MS 2000
#define BODY_MAX ((size_t)64 * 1024)
#define SHARE_MAX 128

struct probe {
	struct watch watch;
	int64_t status_min, status_max;
	struct gate_probe seen;
	struct wall begun;
	struct loop_timer confirm; /* running: a second look is due */
};

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
	else if (now->state == PROBE_UNKNOWN)
		log_line(LOG_WARN, "probe_impossible", "url=%s why=%s", log_quote(now->url),
		         log_quote(now->why));
}

/* What one answer says, before confirmation. */
static enum probe_state judge(const struct probe *p, const struct fetch_reply *r)
{
	switch (r->failure) {
	case FETCH_OK:
		return r->status >= p->status_min && r->status <= p->status_max ? PROBE_OK
		                                                                : PROBE_FAILED;
	case FETCH_PEER:
	case FETCH_TOO_LARGE:
	case FETCH_STOPPED:
		return PROBE_FAILED;
	case FETCH_FORBIDDEN:
	case FETCH_LOCAL:
		break;
	}
	return PROBE_UNKNOWN;
}

static void end_probe(struct probe *p, enum probe_state state, const struct fetch_reply *r)
{
	struct metrics *metrics = p->watch.sources->app->metrics;
	struct gate_probe before = p->seen;

	p->seen.state = state;
	p->seen.confirmed = state == PROBE_FAILED && before.state == PROBE_FAILED;
	p->seen.at = p->begun;
	p->seen.status = r->failure == FETCH_OK ? r->status : 0;
	p->seen.latency_ms = r->elapsed_ms;
	p->seen.why[0] = '\0';
	if (r->failure != FETCH_OK)
		sentence_set(p->seen.why, sizeof(p->seen.why), "%s", r->err.text);
	else if (state == PROBE_FAILED)
		sentence_set(p->seen.why, sizeof(p->seen.why), "status %ld", r->status);
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

	p->watch.fetch = NULL;
	end_probe(p, judge(p, reply), reply);
}

static void send_probe(struct probe *p)
{
	struct fetch_reply failed = {.failure = FETCH_LOCAL};

	p->begun = watch_now(&p->watch);
	if (!watch_fetch(&p->watch,
	                 &(struct fetch_request){
	                         .max_bytes = BODY_MAX, .cut_large = true, .done = on_done},
	                 &failed.err))
		end_probe(p, PROBE_UNKNOWN, &failed);
}

static void health_start(struct watch *w)
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

static bool health_init(struct watch *w, const struct ask *ask, struct err *err)
{
	struct probe *p = (struct probe *)w;
	const struct health_spec *spec = ask->detail;

	(void)err;
	p->status_min = spec->status_min;
	p->status_max = spec->status_max;
	p->seen.url = w->url;
	loop_timer_init(&p->confirm, w->sources->app->loop, on_confirm, p);
	return true;
}

static void health_stop(struct watch *w)
{
	struct probe *p = (struct probe *)w;

	if (p->confirm.loop != NULL)
		loop_timer_stop(&p->confirm);
}

static void health_forget(struct watch *w)
{
	struct probe *p = (struct probe *)w;

	loop_timer_stop(&p->confirm);
	p->seen = (struct gate_probe){.url = w->url};
}

static bool health_subscribe(struct subscription *s, struct err *err)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->ngates; i++) {
		const struct health_spec *spec = p->gates[i].spec;
		char share[SHARE_MAX];
		struct ask ask = {.share = share, .detail = spec};

		if (p->gates[i].kind != &gate_health)
			continue;
		snprintf(share, sizeof(share), "%lld %lld %lld", (long long)spec->status_min,
		         (long long)spec->status_max, (long long)spec->timeout_ms);
		ask.every_ms = spec->every_ms;
		ask.timeout_ms = spec->timeout_ms;
		for (size_t u = 0; u < spec->nhealth; u++) {
			ask.url = spec->health[u];
			if (!subscription_join(s, &s->gates[i].interests, &source_health, &ask,
			                       err))
				return false;
		}
	}
	return true;
}

const struct gate_probe *probe_seen(const struct watch *w)
{
	return &((const struct probe *)w)->seen;
}

static void health_describe(const struct watch *w, json_t *into)
{
	static const char *const states[] = {"never", "ok", "failed", "unknown"};
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

const struct watch_kind source_health = {
        .name = "health",
        .size = sizeof(struct probe),
        .subscribe = health_subscribe,
        .init = health_init,
        .start = health_start,
        .stop = health_stop,
        .forget = health_forget,
        .describe = health_describe,
};
