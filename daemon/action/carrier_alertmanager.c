/*
 * carrier_alertmanager - a message as an alert for Alertmanager: POST /api/v2/alerts with an array
 * of the one alert that the message's body is.
 *
 * Every member of a cluster is sent every alert, as Prometheus does: they tell each other what they
 * have told people, not what they have heard. One that took it is enough for people to be told.
 * Twice does no harm: an alert is known by its labels.
 */
#include "action/carrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/field.h"
#include "base/str.h"
#include "loop/fetch.h"

#define TIMEOUT_MS INT64_C(15000)
#define ALERT_MAX ((size_t)1024 * 1024)
#define ANSWER_MAX ((size_t)16 * 1024)
#define PATH "/api/v2/alerts"

struct alerting;

struct telling { /* one member */
	struct alerting *alerting;
	struct fetch *fetch; /* under way */
	struct carried end;
	char text[240];
};

struct alerting {
	struct carrier_job job;
	struct buf body;
	struct telling members[ALERTMANAGERS_MAX];
	size_t nmembers, nended;
};

static void alert_release(void *carried)
{
	struct alerting *p = carried;

	for (size_t i = 0; i < p->nmembers; i++) {
		if (p->members[i].fetch != NULL)
			fetch_cancel(p->members[i].fetch);
	}
	buf_fini(&p->body);
	free(p);
}

/* Alertmanager would say so too, but in more words. */
static bool is_alert(const char *body, struct err *err)
{
	json_t *alert = json_parse_strict(str_of(body), ALERT_MAX, err);
	bool ok;

	if (alert == NULL) {
		err_prefix(err, "the alert");
		return false;
	}
	ok = json_object_size(json_object_get(alert, "labels")) > 0;
	if (!ok)
		err_set(err, ERR_INVALID, "the alert has no labels");
	json_decref(alert);
	return ok;
}

static void *alert_prepare(const struct carrier_job *job, const struct store_message *m,
                           struct err *err)
{
	struct alerting *p;

	if (!is_alert(m->body, err))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		err_set(err, ERR_NOMEM, "no memory for an alert");
		return NULL;
	}
	p->job = *job;
	buf_init(&p->body, ALERT_MAX + 2);
	buf_printf(&p->body, "[%s]", m->body);
	if (!buf_ok(&p->body, err)) {
		alert_release(p);
		return NULL;
	}
	return p;
}

/* --- what became of it --- */

/* The members' ends as one: the best there is. */
static int rank(enum carried_how how)
{
	static const int ranks[] = {
	        [CARRIED_OK] = 0,       [CARRIED_FAILED] = 1,  [CARRIED_UNANSWERED] = 2,
	        [CARRIED_NOT_SENT] = 3, [CARRIED_REFUSED] = 4, [CARRIED_UNDELIVERABLE] = 5,
	};

	return ranks[how];
}

static void finish(struct alerting *p)
{
	const struct telling *best = &p->members[0];
	const struct telling *worst = &p->members[0];
	struct carried end;
	size_t ntook = 0;
	char text[320];

	for (size_t i = 0; i < p->nmembers; i++) {
		const struct telling *t = &p->members[i];

		ntook += t->end.how == CARRIED_OK;
		if (rank(t->end.how) < rank(best->end.how))
			best = t;
		if (rank(t->end.how) > rank(worst->end.how))
			worst = t;
	}
	end = best->end;
	end.text = best->text;
	if (ntook > 0 && ntook < p->nmembers) {
		snprintf(text, sizeof(text), "%zu of %zu took it; one did not: %s", ntook,
		         p->nmembers, worst->text);
		end.text = text;
	}
	p->job.done(p->job.ctx, &end);
}

/* What is wrong with the alert stays wrong; a proxy or a path can be mended meanwhile. */
static enum carried_how how_of(long status)
{
	if (status >= 200 && status < 300)
		return CARRIED_OK;
	return status == 400 || status == 413 || status == 422 ? CARRIED_REFUSED : CARRIED_FAILED;
}

/* Version 2 of the API says what is wrong as a text, or as an object with a message. */
static void say_status(long status, struct str answer, char *out, size_t size)
{
	json_t *value = json_loadb(answer.p, answer.n, JSON_DECODE_ANY, NULL);
	const char *said = json_string_value(value);

	if (said == NULL)
		said = json_string_value(json_object_get(value, "message"));
	snprintf(out, size, "status %ld%s%.150s", status, said != NULL ? ": " : "",
	         said != NULL ? said : "");
	text_mend_cut(out, size);
	json_decref(value);
}

static void on_reply(void *ctx, const struct fetch_reply *reply)
{
	struct telling *t = ctx;
	struct alerting *p = t->alerting;

	t->fetch = NULL;
	t->end = carried_by_reply(reply);
	if (reply->failure == FETCH_OK) {
		t->end.how = how_of(reply->status);
		say_status(reply->status, reply->body, t->text, sizeof(t->text));
	} else {
		snprintf(t->text, sizeof(t->text), "%s", reply->err.text);
	}
	if (++p->nended == p->nmembers)
		finish(p);
}

/* --- sending --- */

static bool tell_member(struct alerting *p, const char *base, struct err *err)
{
	const struct config_destination *to = p->job.to;
	struct telling *t = &p->members[p->nmembers];
	char authorization[2 * 4096];
	const char *headers[] = {"Content-Type: application/json",
	                         to->authorization != NULL ? authorization : NULL, NULL};
	size_t n = strlen(base);
	char url[2048 + sizeof(PATH)];

	while (n > 0 && base[n - 1] == '/')
		n--;
	snprintf(url, sizeof(url), "%.*s" PATH, (int)n, base);
	if (to->authorization != NULL)
		snprintf(authorization, sizeof(authorization), "Authorization: %s",
		         to->authorization);
	t->alerting = p;
	t->fetch =
	        fetch_start(p->job.fetcher,
	                    &(struct fetch_request){
	                            .method = "POST",
	                            .url = url,
	                            .headers = headers,
	                            .body = buf_str(&p->body),
	                            .timeout_ms = to->timeout_ms > 0 ? to->timeout_ms : TIMEOUT_MS,
	                            .max_bytes = ANSWER_MAX,
	                            .cut_large = true,
	                            .networks = to->allowed,
	                            .tls = &to->tls,
	                            .done = on_reply,
	                            .ctx = t,
	                    },
	                    err);
	if (t->fetch == NULL)
		return false;
	p->nmembers++;
	return true;
}

/* Those that cannot be told for want of places are not waited for; with none it is not sent. */
static bool alert_start(void *carried, struct err *err)
{
	struct alerting *p = carried;
	const struct config_destination *to = p->job.to;

	for (size_t i = 0; i < to->nalertmanagers; i++)
		(void)tell_member(p, to->alertmanagers[i], err);
	return p->nmembers > 0;
}

const struct carrier carrier_alertmanager = {
        .prepare = alert_prepare,
        .start = alert_start,
        .free = alert_release,
};
