/*
 * carrier_mail - a message as a mail; mail.c says what stands in it, loop/smtp.c how it is handed
 * over.
 *
 * Twice does no harm: the second has the same Message-ID.
 */
#include "action/carrier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "action/mail.h"
#include "destination.h"
#include "loop/fetch.h"

#define TIMEOUT_MS INT64_C(15000)
/* So often those who are put off keep the others waiting, about half a minute; see loop/smtp.h. */
#define PATIENT_ATTEMPTS 5

struct mailing {
	struct carrier_job job;
	struct mail mail;
	struct fetch_mail envelope;
	struct fetch *fetch; /* under way */
};

static void mail_release(void *carried)
{
	struct mailing *p = carried;

	if (p->fetch != NULL)
		fetch_cancel(p->fetch);
	mail_fini(&p->mail);
	free(p);
}

static void *mail_prepare(const struct carrier_job *job, const struct store_message *m,
                          struct err *err)
{
	const struct config_destination *to = job->to;
	struct mailing *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a mail");
		return NULL;
	}
	p->job = *job;
	if (!mail_build(m, to->from, &p->mail, err)) {
		mail_release(p);
		return NULL;
	}
	p->envelope = (struct fetch_mail){
	        .mail = {.from = to->from,
	                 .to = p->mail.to,
	                 .nto = p->mail.nto,
	                 .text = buf_str(&p->mail.text),
	                 .is_impatient = m->attempts > PATIENT_ATTEMPTS},
	        .user = to->basic_user,
	        .password = to->password,
	        .is_clear = destination_mail_is_clear(to),
	};
	return p;
}

static enum carried_how how_of(long status)
{
	if (status >= 200 && status < 300)
		return CARRIED_OK;
	return status >= 500 ? CARRIED_REFUSED : CARRIED_FAILED;
}

static void on_reply(void *ctx, const struct fetch_reply *reply)
{
	struct mailing *p = ctx;
	char text[256];
	struct carried end = carried_by_reply(reply);

	p->fetch = NULL;
	end.retry_after_ms = -1;
	if (reply->failure == FETCH_OK) {
		end.how = how_of(reply->status);
		snprintf(text, sizeof(text), "%.*s", (int)reply->body.n, reply->body.p);
		end.text = text;
	}
	p->job.done(p->job.ctx, &end);
}

static bool mail_start(void *carried, struct err *err)
{
	struct mailing *p = carried;
	const struct config_destination *to = p->job.to;
	size_t n = strlen(to->smtp);
	char url[4096];

	while (n > 0 && to->smtp[n - 1] == '/')
		n--;
	snprintf(url, sizeof(url), "%.*s/%s", (int)n, to->smtp, to->helo != NULL ? to->helo : "");
	p->fetch =
	        fetch_start(p->job.fetcher,
	                    &(struct fetch_request){
	                            .method = "MAIL",
	                            .url = url,
	                            .timeout_ms = to->timeout_ms > 0 ? to->timeout_ms : TIMEOUT_MS,
	                            .networks = to->allowed,
	                            .tls = &to->tls,
	                            .mail = &p->envelope,
	                            .done = on_reply,
	                            .ctx = p,
	                    },
	                    err);
	return p->fetch != NULL;
}

const struct carrier carrier_mail = {
        .prepare = mail_prepare,
        .start = mail_start,
        .free = mail_release,
};
