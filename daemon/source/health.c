/*
 * health - probes of the URLs of health gates: a GET whose status must lie in a range, and whose
 * answer must say what the gate wants to read, if it does.
 *
 * The first failure is confirmed by a second probe 2 s later (rule E1); until then it is no
 * evidence. What fails on our own side (name resolution, limits, a forbidden address) says nothing
 * about the service and reads as unknown.
 */
#include "gate/health.h"

#include <stdlib.h>

#include "base/field.h"
#include "gate/answer.h"
#include "gate/sentence.h"
#include "log.h"
#include "metrics.h"
#include "source/watch.h"

#define CONFIRM_MS 2000
#define BODY_MAX ((size_t)64 * 1024)
#define SHARE_MAX ((size_t)96 * 1024) /* filled values may be longer than what is written */

struct probe {
	struct watch watch;
	int64_t status_min, status_max;
	char *pointer;  /* own; NULL: the answer's body does not matter */
	json_t *equals; /* own */
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

static enum probe_state judge_answer(const struct probe *p, const struct fetch_reply *r, char *why,
                                     size_t size)
{
	if (r->status < p->status_min || r->status > p->status_max) {
		sentence_set(why, size, "status %ld", r->status);
		return PROBE_FAILED;
	}
	if (p->pointer == NULL ||
	    answer_read(r->body, p->pointer, p->equals, why, size) == ANSWER_AGREES)
		return PROBE_OK;
	return PROBE_FAILED;
}

/* What one answer says, before confirmation. */
static enum probe_state judge(const struct probe *p, const struct fetch_reply *r, char *why,
                              size_t size)
{
	if (r->failure == FETCH_OK)
		return judge_answer(p, r, why, size);
	sentence_set(why, size, "%s", r->err.text);
	switch (r->failure) {
	case FETCH_PEER:
	case FETCH_STOPPED:
		return PROBE_FAILED;
	case FETCH_TOO_LARGE: /* our limit: what it says is not known */
	case FETCH_OK:
	case FETCH_FORBIDDEN:
	case FETCH_LOCAL:
		break;
	}
	return PROBE_UNKNOWN;
}

static void end_probe(struct probe *p, enum probe_state state, const char *why,
                      const struct fetch_reply *r)
{
	struct metrics *metrics = p->watch.sources->app->metrics;
	struct gate_probe before = p->seen;

	p->seen.state = state;
	p->seen.confirmed = state == PROBE_FAILED && before.state == PROBE_FAILED;
	p->seen.at = p->begun;
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
	enum probe_state state = judge(p, reply, why, sizeof(why));

	p->watch.fetch = NULL;
	end_probe(p, state, why, reply);
}

static void send_probe(struct probe *p)
{
	static const char *const reading[] = {"Accept: application/json", NULL};
	struct fetch_reply failed = {.failure = FETCH_LOCAL};

	p->begun = watch_now(&p->watch);
	if (!watch_fetch(&p->watch,
	                 &(struct fetch_request){.headers = p->pointer != NULL ? reading : NULL,
	                                         .max_bytes = BODY_MAX,
	                                         .cut_large = p->pointer == NULL,
	                                         .done = on_done},
	                 &failed.err))
		end_probe(p, PROBE_UNKNOWN, failed.err.text, &failed);
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

	p->status_min = spec->status_min;
	p->status_max = spec->status_max;
	p->seen.url = w->url;
	p->pointer = text_dup(spec->pointer);
	p->equals = json_incref(spec->equals);
	loop_timer_init(&p->confirm, w->sources->app->loop, on_confirm, p);
	return spec->pointer == NULL || p->pointer != NULL ||
	       err_set(err, ERR_NOMEM, "no memory to watch an address");
}

static void health_stop(struct watch *w)
{
	struct probe *p = (struct probe *)w;

	if (p->confirm.loop != NULL)
		loop_timer_stop(&p->confirm);
	free(p->pointer);
	p->pointer = NULL;
	json_decref(p->equals);
	p->equals = NULL;
}

static void health_forget(struct watch *w)
{
	struct probe *p = (struct probe *)w;

	loop_timer_stop(&p->confirm);
	p->seen = (struct gate_probe){.url = w->url};
}

/* What two gates must agree on to share the probes of a URL. */
static bool add_share(const struct health_spec *spec, struct buf *out, struct err *err)
{
	buf_printf(out, "%lld %lld %lld", (long long)spec->status_min, (long long)spec->status_max,
	           (long long)spec->timeout_ms);
	if (spec->pointer == NULL)
		return buf_ok(out, err);
	buf_printf(out, " %s ", spec->pointer);
	return json_canonical(spec->equals, out, err) && buf_ok(out, err);
}

static bool join_urls(struct subscription *s, size_t gate, struct err *err)
{
	const struct health_spec *spec = s->policy->gates[gate].spec;
	struct ask ask = {
	        .every_ms = spec->every_ms, .timeout_ms = spec->timeout_ms, .detail = spec};
	struct buf share;
	bool ok;

	buf_init(&share, SHARE_MAX);
	ok = add_share(spec, &share, err);
	ask.share = ok ? share.bytes : "";
	for (size_t u = 0; ok && u < spec->nhealth; u++) {
		ask.url = spec->health[u];
		ok = subscription_join(s, &s->gates[gate].interests, &source_health, &ask, err);
	}
	buf_fini(&share);
	return ok;
}

static bool health_subscribe(struct subscription *s, struct err *err)
{
	for (size_t i = 0; i < s->policy->ngates; i++) {
		if (s->policy->gates[i].kind == &gate_health && !join_urls(s, i, err))
			return false;
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
