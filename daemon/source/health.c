/*
 * health - probes of the URLs of health gates: a GET whose status must lie in a range, and whose
 * answer must say what the gate wants to read, if it does.
 */
#include "gate/health.h"

#include "gate/answer.h"
#include "gate/sentence.h"
#include "source/probe.h"

#define BODY_MAX ((size_t)64 * 1024)

static enum probe_state judge_answer(const struct probe *p, const struct fetch_reply *r, char *why,
                                     size_t size)
{
	if (r->status < p->ask.status_min || r->status > p->ask.status_max) {
		sentence_set(why, size, "status %ld", r->status);
		return PROBE_FAILED;
	}
	if (p->ask.pointer == NULL ||
	    answer_read(r->body, p->ask.pointer, p->ask.equals, why, size) == ANSWER_AGREES)
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

static bool join_urls(struct subscription *s, size_t gate, struct err *err)
{
	const struct health_spec *spec = s->policy->gates[gate].spec;
	const struct probe_ask wanted = {.judge = judge,
	                                 .status_min = spec->status_min,
	                                 .status_max = spec->status_max,
	                                 .pointer = spec->pointer,
	                                 .equals = spec->equals,
	                                 .max_bytes = BODY_MAX};
	struct ask ask = {
	        .every_ms = spec->every_ms, .timeout_ms = spec->timeout_ms, .detail = &wanted};
	struct buf share;
	bool ok;

	buf_init(&share, PROBE_SHARE_MAX);
	ok = probe_add_share(&wanted, spec->timeout_ms, &share, err);
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

const struct watch_kind source_health = {
        .name = "health",
        .size = sizeof(struct probe),
        .subscribe = health_subscribe,
        .init = probe_init,
        .start = probe_start,
        .stop = probe_stop,
        .forget = probe_forget,
        .describe = probe_describe,
};
