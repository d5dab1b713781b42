/*
 * json_document - a JSON document that tells numbers, asked for again and again; KPIs point into
 * the newest one.
 *
 * It is kept whole or not at all: a failed question leaves nothing behind that could be read.
 */
#include <math.h>
#include <stdio.h>

#include "base/units.h"
#include "gate/sentence.h"
#include "log.h"
#include "source/watch.h"

#define BODY_MAX ((size_t)1024 * 1024)
#define STILL_MS (INT64_C(5) * 60 * 1000)
#define STILL_LOOKS 10

struct document {
	struct watch watch;
	json_t *newest; /* own; NULL: there is none */
	struct wall begun, asked;
	struct wall same_since;  /* every answer since then said the same */
	enum gate_result result; /* of the newest question; GATE_PASS: newest is there */
	char why[240];
};

/* NULL after saying why: a broken answer is an error, none at all is no data. */
static json_t *read_answer(const struct fetch_reply *r, enum gate_result *out, struct err *err)
{
	json_error_t where;
	json_t *document;

	*out = GATE_NO_DATA;
	if (r->failure != FETCH_OK) {
		*err = r->err;
		return NULL;
	}
	if (r->status != 200) {
		(void)err_set(err, ERR_INVALID, "status %ld", r->status);
		return NULL;
	}
	*out = GATE_ERROR;
	document = json_loadb(r->body.n > 0 ? r->body.p : "", r->body.n,
	                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);
	if (document == NULL)
		(void)err_set(err, ERR_INVALID, "the answer is not JSON (line %d, column %d)",
		              where.line, where.column);
	else
		*out = GATE_PASS;
	return document;
}

static void keep(struct document *d, json_t *take, enum gate_result result, const struct err *err)
{
	bool was_good = d->result == GATE_PASS, is_first = d->asked.ms == 0;

	watch_answered(&d->watch, take != NULL);
	if (take == NULL || d->newest == NULL || !json_equal(take, d->newest))
		d->same_since = d->begun;
	json_decref(d->newest);
	d->newest = take;
	d->asked = d->begun;
	d->result = result;
	snprintf(d->why, sizeof(d->why), "%s", take != NULL ? "" : err->text);
	text_mend_cut(d->why, sizeof(d->why));
	if (take == NULL && (was_good || is_first))
		log_err(LOG_WARN, "document_failed", err, "url=%s evidence=none",
		        log_quote(d->watch.url));
	else if (take != NULL && !was_good && !is_first)
		log_line(LOG_INFO, "document_recovered", "url=%s", log_quote(d->watch.url));
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct document *d = ctx;
	struct err err = {.code = ERR_NONE};
	enum gate_result result;
	json_t *document;

	d->watch.fetch = NULL;
	document = read_answer(reply, &result, &err);
	keep(d, document, result, &err);
}

static void json_start(struct watch *w)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	struct document *d = (struct document *)w;
	struct err err = {.code = ERR_NONE};

	d->begun = watch_now(w);
	if (!watch_fetch(w,
	                 &(struct fetch_request){
	                         .headers = headers, .max_bytes = BODY_MAX, .done = on_done},
	                 &err))
		keep(d, NULL, GATE_NO_DATA, &err);
}

static bool json_init(struct watch *w, const struct ask *ask, struct err *err)
{
	(void)ask;
	(void)err;
	((struct document *)w)->result = GATE_NO_DATA;
	return true;
}

static void json_stop(struct watch *w)
{
	struct document *d = (struct document *)w;

	json_decref(d->newest);
	d->newest = NULL;
}

static void json_forget(struct watch *w)
{
	struct document *d = (struct document *)w;

	json_stop(w);
	d->asked = d->begun = (struct wall){0};
	d->result = GATE_NO_DATA;
	d->why[0] = '\0';
}

/* A document without an instant of its own may have been forgotten by whoever wrote it; a quiet
 * service may look the same. */
static void tell_still(const struct document *d, struct kpi_remote *out)
{
	int64_t span_ms = d->asked.ms - d->same_since.ms;
	char span[UNITS_TEXT_MAX];

	if (span_ms < STILL_MS || span_ms < STILL_LOOKS * d->watch.every_ms)
		return;
	sentence_span(span_ms, span);
	sentence_set(out->stuck, sizeof(out->stuck), "the document has not changed in %s", span);
}

static void json_remote(const struct watch *w, const struct kpi *kpi, struct kpi_remote *out)
{
	const struct document *d = (const struct document *)w;

	*out = (struct kpi_remote){.asked = d->asked, .result = GATE_NO_DATA, .value = (double)NAN};
	if (d->newest != NULL)
		kpi_pick(kpi, d->newest, d->asked, out);
	if (d->newest != NULL && kpi->at == NULL)
		tell_still(d, out);
	if (d->newest == NULL)
		kpi_remote_refuse(out, d->result, "%s", d->why);
}

static bool json_subscribe(struct subscription *s, struct err *err)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->nkpis; i++) {
		size_t source = p->kpis[i].source_index;
		const struct policy_source *from =
		        source < p->nsources ? &p->sources[source] : NULL;
		struct ask ask = {.share = "", .out = &s->kpis[i].watch};

		if (from == NULL || from->kind != SOURCE_JSON || from->naddresses == 0)
			continue;
		ask.every_ms = from->every_ms;
		ask.timeout_ms = from->timeout_ms;
		ask.credentials = from->credentials;
		ask.url = from->addresses[0];
		if (!subscription_join(s, &s->views[source].interests, &source_json, &ask, err))
			return false;
	}
	return true;
}

static void json_describe(const struct watch *w, json_t *into)
{
	const struct document *d = (const struct document *)w;

	(void)json_object_set_new(into, "up", json_boolean(d->newest != NULL));
	(void)json_object_set_new(into, "last_attempt", instant_json(d->asked.ms));
	(void)json_object_set_new(into, "last_good", instant_json(w->last_good.ms));
	(void)json_object_set_new(into, "error",
	                          d->why[0] != '\0' ? json_string(d->why) : json_null());
}

const struct watch_kind source_json = {
        .name = "json",
        .size = sizeof(struct document),
        .subscribe = json_subscribe,
        .init = json_init,
        .start = json_start,
        .stop = json_stop,
        .forget = json_forget,
        .describe = json_describe,
        .remote = json_remote,
};
