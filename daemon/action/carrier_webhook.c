/* carrier_webhook - a message as an HTTP request; webhook.c says what stands in it. */
#include "action/carrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/webhook.h"
#include "app.h"
#include "log.h"
#include "loop/fetch.h"
#include "loop/loop.h"

#define TIMEOUT_MS INT64_C(15000)
#define ANSWER_MAX ((size_t)64 * 1024)

struct posting {
	struct carrier_job job;
	struct webhook request;
	char method[8];
	struct fetch *fetch; /* under way */
};

enum carried_how carried_by_status(long status)
{
	if (status >= 200 && status < 300)
		return CARRIED_OK;
	return status == 408 || status == 425 || status == 429 || status >= 500 ? CARRIED_FAILED
	                                                                        : CARRIED_REFUSED;
}

static void webhook_release(void *carried)
{
	struct posting *p = carried;

	if (p->fetch != NULL)
		fetch_cancel(p->fetch);
	webhook_fini(&p->request);
	free(p);
}

static void *webhook_prepare(const struct carrier_job *job, const struct store_message *m,
                             struct err *err)
{
	struct posting *p;

	if (m->arguments != NULL) {
		err_set(err, ERR_INVALID,
		        "destination %s takes requests: it has no program to give arguments to",
		        m->destination);
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a request");
		return NULL;
	}
	p->job = *job;
	snprintf(p->method, sizeof(p->method), "%s", m->method[0] != '\0' ? m->method : "POST");
	if (!webhook_build(m,
	                   &(struct webhook_target){
	                           .base = job->to->address,
	                           .is_whole = job->to->url_file != NULL,
	                           .secrets = job->to->secrets,
	                           .authorization = job->to->authorization,
	                           .headers = job->to->header_values,
	                           .members = job->to->body_files,
	                           .values = job->to->body_values,
	                           .nmembers = job->to->nbody_files,
	                           .public_url = job->app->config->public_url,
	                   },
	                   loop_now(job->app->loop).wall, &p->request, err)) {
		webhook_release(p);
		return NULL;
	}
	if (p->request.ndropped > 0)
		log_line(LOG_WARN, "delivery_headers_left_out", "id=%s headers=%zu",
		         log_quote(m->id), p->request.ndropped);
	return p;
}

static void say_status(const struct fetch_reply *r, char *out, size_t size)
{
	if (webhook_is_stale(r->status, r->body))
		snprintf(out, size, "status 409: the receiver already holds a newer state");
	else if (r->status >= 300 && r->status < 400)
		snprintf(out, size, "status %ld: redirects are not followed", r->status);
	else
		snprintf(out, size, "status %ld", r->status);
}

static void on_reply(void *ctx, const struct fetch_reply *reply)
{
	struct posting *p = ctx;
	char text[160];
	struct carried end = carried_by_reply(reply);

	p->fetch = NULL;
	if (reply->failure == FETCH_OK) {
		end.how = carried_by_status(reply->status);
		say_status(reply, text, sizeof(text));
		end.text = text;
	}
	p->job.done(p->job.ctx, &end);
}

static bool webhook_start(void *carried, struct err *err)
{
	struct posting *p = carried;
	const struct config_destination *to = p->job.to;

	p->fetch =
	        fetch_start(p->job.fetcher,
	                    &(struct fetch_request){
	                            .method = p->method,
	                            .url = p->request.url.bytes,
	                            .headers = p->request.headers,
	                            .body = buf_str(&p->request.body),
	                            .timeout_ms = to->timeout_ms > 0 ? to->timeout_ms : TIMEOUT_MS,
	                            .max_bytes = ANSWER_MAX,
	                            .cut_large = true,
	                            .networks = to->allowed,
	                            .tls = &to->tls,
	                            .done = on_reply,
	                            .ctx = p,
	                    },
	                    err);
	webhook_fini(&p->request);
	return p->fetch != NULL;
}

const struct carrier carrier_webhook = {
        .prepare = webhook_prepare,
        .start = webhook_start,
        .free = webhook_release,
};
