/* dialogue - writes what is to be said, reads what is answered, until smtp.c says it is over. */
#include "loop/dialogue.h"

#include <stdlib.h>

#include "loop/loop.h"

#define CHUNK 2048

struct dialogue {
	struct loop *loop;
	CURL *easy;
	struct smtp smtp;
	size_t sent; /* of smtp.out */
	ev_io io;
	struct loop_timer timer;
	dialogue_fn done;
	void *ctx;
};

static void watch(struct dialogue *d, int events)
{
	struct ev_loop *ev = loop_ev(d->loop);

	if (ev_is_active(&d->io) && d->io.events == events)
		return;
	ev_io_stop(ev, &d->io);
	ev_io_set(&d->io, d->io.fd, events);
	ev_io_start(ev, &d->io);
}

/* May be freed when this returns. */
static void end(struct dialogue *d, const struct err *err)
{
	size_t n;

	ev_io_stop(loop_ev(d->loop), &d->io);
	loop_timer_stop(&d->timer);
	/* A farewell nobody waits for: what was taken is taken. */
	(void)curl_easy_send(d->easy, "QUIT\r\n", 6, &n);
	d->done(d->ctx, &d->smtp, err);
}

/* False with *err, or when it has to wait (ERR_NONE). */
static bool send_some(struct dialogue *d, struct err *err)
{
	struct str out = buf_str(&d->smtp.out);

	while (d->sent < out.n) {
		size_t n = 0;
		CURLcode code = curl_easy_send(d->easy, out.p + d->sent, out.n - d->sent, &n);

		if (code == CURLE_AGAIN || (code == CURLE_OK && n == 0)) {
			watch(d, EV_WRITE);
			return false;
		}
		if (code != CURLE_OK)
			return err_set(err, ERR_UNAVAILABLE, "the mail could not be sent: %s",
			               curl_easy_strerror(code));
		d->sent += n;
	}
	buf_clear(&d->smtp.out);
	d->sent = 0;
	watch(d, EV_READ);
	return true;
}

/* The same. */
static bool hear_some(struct dialogue *d, struct err *err)
{
	char chunk[CHUNK];
	size_t n = 0;
	CURLcode code = curl_easy_recv(d->easy, chunk, sizeof(chunk), &n);

	if (code == CURLE_AGAIN)
		return false;
	if (code != CURLE_OK)
		return err_set(err, ERR_UNAVAILABLE, "the mail server's reply was lost: %s",
		               curl_easy_strerror(code));
	if (n == 0)
		return err_set(err, ERR_UNAVAILABLE,
		               "the mail server closed the connection before its reply");
	return smtp_heard(&d->smtp, chunk, n, err);
}

static void on_ready(struct ev_loop *ev, ev_io *io, int events)
{
	struct dialogue *d = io->data;
	struct err err = {.code = ERR_NONE};

	(void)ev;
	(void)events;
	/* TLS may hold bytes that no socket tells of: read until there is nothing more. */
	while (send_some(d, &err) && hear_some(d, &err)) {
		if (d->smtp.at == SMTP_OVER) {
			end(d, NULL);
			return;
		}
	}
	if (err.code != ERR_NONE)
		end(d, &err);
}

static void on_timeout(void *ctx)
{
	struct err err;

	(void)err_set(&err, ERR_UNAVAILABLE, "the mail server did not answer in time");
	end(ctx, &err);
}

struct dialogue *dialogue_start(struct loop *loop, CURL *easy, const struct smtp_mail *mail,
                                int64_t timeout_ms, dialogue_fn done, void *ctx, struct err *err)
{
	struct dialogue *d = calloc(1, sizeof(*d));
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (d == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory for a mail");
		return NULL;
	}
	d->loop = loop;
	d->easy = easy;
	d->done = done;
	d->ctx = ctx;
	loop_timer_init(&d->timer, loop, on_timeout, d);
	ev_init(&d->io, on_ready);
	d->io.data = d;
	*err = (struct err){.code = ERR_NONE};
	if (!smtp_begin(&d->smtp, mail, err)) {
		dialogue_free(&d);
		return NULL;
	}
	if (curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
	    fd == CURL_SOCKET_BAD) {
		(void)err_set(err, ERR_UNAVAILABLE, "the connection to the mail server is gone");
		dialogue_free(&d);
		return NULL;
	}
	ev_io_set(&d->io, fd, EV_WRITE);
	ev_io_start(loop_ev(loop), &d->io);
	/* At once: from its first bytes on curl counts the connection as one in use. */
	if (!send_some(d, err) && err->code != ERR_NONE) {
		dialogue_free(&d);
		return NULL;
	}
	loop_timer_start(&d->timer, timeout_ms > 0 ? timeout_ms : 1);
	return d;
}

void dialogue_free(struct dialogue **dialogue)
{
	struct dialogue *d = *dialogue;

	if (d == NULL)
		return;
	*dialogue = NULL;
	ev_io_stop(loop_ev(d->loop), &d->io);
	loop_timer_stop(&d->timer);
	smtp_fini(&d->smtp);
	free(d);
}
