/*
 * integrity - the calls of integrity gates: a GET whose answer must say so.
 *
 * Only an answer that says something else has failed. One that says nothing, whatever its status,
 * is an error, and so is a service that does not answer.
 */
#include "gate/integrity.h"

#include "gate/answer.h"
#include "gate/sentence.h"
#include "policy/placeholder.h"
#include "source/probe.h"

#define BODY_MAX ((size_t)1024 * 1024)

static enum probe_state judge_answer(const struct probe *p, const struct fetch_reply *r, char *why,
                                     size_t size)
{
	bool is_good = r->status >= 200 && r->status <= 299;

	switch (answer_read(r->body, p->ask.pointer, p->ask.equals, why, size)) {
	case ANSWER_DIFFERS:
		return PROBE_FAILED;
	case ANSWER_AGREES:
		if (is_good)
			return PROBE_OK;
		break;
	case ANSWER_SAYS_NOTHING:
		if (is_good)
			return PROBE_ERROR;
		break;
	}
	sentence_set(why, size, "status %ld", r->status);
	return PROBE_ERROR;
}

static enum probe_state judge(const struct probe *p, const struct fetch_reply *r, char *why,
                              size_t size)
{
	if (r->failure == FETCH_OK)
		return judge_answer(p, r, why, size);
	sentence_set(why, size, "%s", r->err.text);
	switch (r->failure) {
	case FETCH_PEER:
	case FETCH_STOPPED:
	case FETCH_TOO_LARGE:
		return PROBE_ERROR;
	case FETCH_OK:
	case FETCH_FORBIDDEN:
	case FETCH_LOCAL:
		break;
	}
	return PROBE_UNKNOWN;
}

static bool join_url(struct subscription *s, size_t gate, struct err *err)
{
	const struct integrity_spec *spec = s->policy->gates[gate].spec;
	const struct probe_ask wanted = {
	        .judge = judge,
	        .pointer = spec->pointer,
	        .equals = spec->equals,
	        .max_bytes = BODY_MAX,
	        .of = placeholder_uses(spec->integrity, "started_at") ? s : NULL};
	struct ask ask = {.url = spec->integrity,
	                  .every_ms = spec->every_ms,
	                  .timeout_ms = spec->timeout_ms,
	                  .credentials = spec->credentials,
	                  .detail = &wanted};
	struct buf share;
	bool ok;

	buf_init(&share, PROBE_SHARE_MAX);
	ok = probe_add_share(&wanted, spec->timeout_ms, &share, err);
	ask.share = ok ? share.bytes : "";
	ok = ok && subscription_join(s, &s->gates[gate].interests, &source_integrity, &ask, err);
	buf_fini(&share);
	return ok;
}

static bool integrity_subscribe(struct subscription *s, struct err *err)
{
	for (size_t i = 0; i < s->policy->ngates; i++) {
		if (s->policy->gates[i].kind == &gate_integrity && !join_url(s, i, err))
			return false;
	}
	return true;
}

const struct watch_kind source_integrity = {
        .name = "integrity",
        .size = sizeof(struct probe),
        .subscribe = integrity_subscribe,
        .init = probe_init,
        .start = probe_start,
        .stop = probe_stop,
        .forget = probe_forget,
        .describe = probe_describe,
};
