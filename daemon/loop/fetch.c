/*
 * fetch - a pool of easy handles over several multi handles, each with its own timer and sockets on
 * the loop.
 *
 * A finished transfer costs a multi handle a walk over its idle connections, so targets are spread
 * by host over many of them, each made when something first needs curl. Curl forbids adding and
 * removing transfers inside its callbacks; what is asked for there is written down and done when
 * the callback is over (see settle()).
 */
#include "loop/fetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "loop/dialogue.h"
#include "loop/direct.h"
#include "loop/loop.h"
#include "loop/transfer.h"

#define QUEUE_PER_ACTIVE 16
#define CONNECTIONS_PER_MULTI 256L
#define URL_MAX_BYTES 8192
#define EXPIRY_MS 500
#define OVERDUE "its time passed while other requests were under way"
#define NS_PER_MS 1000000

struct shard {
	struct fetcher *fetcher;
	CURLM *multi; /* NULL: nothing went through curl yet */
	struct loop_timer timer;
};

struct watch { /* one socket */
	ev_io io;
	struct shard *shard;
};

struct list {
	struct fetch *first, *last;
	size_t n;
};

struct fetcher {
	struct loop *loop;
	struct shard *shards;
	size_t nshards;
	size_t max_active;
	CURL **idle; /* pool */
	size_t nidle;
	struct direct_pool *direct;
	struct list queued, active;
	struct loop_timer expiry; /* of what is queued */
	int depth;                /* > 0 inside a curl callback */
	bool unsettled;           /* on_later() is on its way */
	bool dropping;            /* some active one was cancelled inside a curl callback */
};

/* --- lists --- */

static void list_add(struct list *list, struct fetch *fetch)
{
	fetch->next = NULL;
	fetch->previous = list->last;
	if (list->last)
		list->last->next = fetch;
	else
		list->first = fetch;
	list->last = fetch;
	list->n++;
}

static void list_remove(struct list *list, struct fetch *fetch)
{
	if (fetch->previous)
		fetch->previous->next = fetch->next;
	else
		list->first = fetch->next;
	if (fetch->next)
		fetch->next->previous = fetch->previous;
	else
		list->last = fetch->previous;
	fetch->next = NULL;
	fetch->previous = NULL;
	list->n--;
}

static CURL *easy_take(struct fetcher *f)
{
	return f->nidle > 0 ? f->idle[--f->nidle] : curl_easy_init();
}

static void easy_give(struct fetcher *f, CURL *easy)
{
	/* Also lets go of every pointer into the fetch. */
	curl_easy_reset(easy);
	if (f->nidle < f->max_active)
		f->idle[f->nidle++] = easy;
	else
		curl_easy_cleanup(easy);
}

static int64_t waited_ms(const struct fetch *fetch)
{
	return (loop_now(fetch->fetcher->loop).mono.ns - fetch->begun.ns) / NS_PER_MS;
}

static bool shard_open(struct shard *s);

/* False: it cannot run, err says why; the state is as before. */
static bool activate(struct fetch *fetch, struct err *err)
{
	struct fetcher *f = fetch->fetcher;
	int64_t left_ms = fetch->request.timeout_ms - waited_ms(fetch);
	CURLMcode added = CURLM_INTERNAL_ERROR;
	CURLcode set;
	CURL *easy;

	if (left_ms <= 0)
		return err_set(err, ERR_UNAVAILABLE, OVERDUE);
	fetch->started = loop_now(f->loop).mono;
	if (!fetch->by_curl && direct_start(f->direct, fetch, left_ms)) {
		fetch->state = FETCH_ACTIVE;
		list_add(&f->active, fetch);
		return true;
	}
	easy = shard_open(fetch->shard) ? easy_take(f) : NULL;
	if (!easy)
		return err_set(err, ERR_NOMEM, "no memory for a transfer");
	fetch->easy = easy;
	set = transfer_set_options(easy, fetch, left_ms);
	if (set == CURLE_OK)
		added = curl_multi_add_handle(fetch->shard->multi, easy);
	if (set != CURLE_OK || added != CURLM_OK) {
		fetch->easy = NULL;
		easy_give(f, easy);
		return err_set(err, ERR_NOMEM, "the transfer cannot start: %s",
		               set != CURLE_OK ? curl_easy_strerror(set)
		                               : curl_multi_strerror(added));
	}
	fetch->state = FETCH_ACTIVE;
	list_add(&f->active, fetch);
	return true;
}

static void deactivate(struct fetch *fetch)
{
	struct fetcher *f = fetch->fetcher;

	assert(f->depth == 0);
	dialogue_free(&fetch->dialogue);
	list_remove(&f->active, fetch);
	fetch->state = FETCH_ENDING;
	if (fetch->direct) {
		direct_leave(fetch);
		return;
	}
	curl_multi_remove_handle(fetch->shard->multi, fetch->easy);
	easy_give(f, fetch->easy);
	fetch->easy = NULL;
}

static void fetch_free(struct fetch *fetch)
{
	curl_slist_free_all(fetch->headers);
	buf_fini(&fetch->received);
	gunzip_free(&fetch->gunzip);
	free(fetch->method);
	free(fetch->url);
	free(fetch->body);
	free(fetch);
}

/* --- the end of a transfer --- */

static void start_queued(struct fetcher *f);

static void tell(struct fetch *fetch, struct fetch_reply *reply)
{
	if (reply->failure == FETCH_OK && fetch->received.failed != ERR_NONE)
		reply->failure = FETCH_LOCAL;
	reply->body = buf_str(&fetch->received);
	deactivate(fetch);
	if (!fetch->cancelled)
		fetch->request.done(fetch->request.ctx, reply);
	fetch_free(fetch);
}

static void on_said(void *ctx, const struct smtp *said, const struct err *err)
{
	struct fetch *fetch = ctx;
	struct fetcher *f = fetch->fetcher;
	struct fetch_reply reply = {.failure = err ? FETCH_PEER : FETCH_OK,
	                            .status = err ? 0 : said->status,
	                            .retry_after_ms = -1,
	                            .content_type = "",
	                            .elapsed_ms = waited_ms(fetch)};

	if (err)
		reply.err = *err;
	else
		buf_add_text(&fetch->received, said->text);
	tell(fetch, &reply);
	start_queued(f);
}

/* The connection is there: now the mail. False: it was no mail, or the reply tells of the end. */
static bool goes_on(struct fetch *fetch, CURLcode code, struct fetch_reply *reply)
{
	if (!fetch->request.mail)
		return false;
	if (code == CURLE_OK && !fetch->cancelled) {
		fetch->dialogue = dialogue_start(
		        fetch->fetcher->loop, fetch->easy, &fetch->request.mail->mail,
		        fetch->request.timeout_ms - waited_ms(fetch), on_said, fetch, &reply->err);
		if (fetch->dialogue)
			return true;
		reply->failure = FETCH_PEER;
	} else if (reply->failure == FETCH_OK) {
		buf_add_text(&fetch->received, fetch->error);
	}
	return false;
}

static void finish(struct fetch *fetch, CURLcode code)
{
	struct fetch_reply reply = {.failure = transfer_classify(fetch, code),
	                            .retry_after_ms = fetch->retry_after_ms,
	                            .content_type = fetch->content_type};
	curl_off_t took_us = 0;

	(void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	(void)curl_easy_getinfo(fetch->easy, CURLINFO_TOTAL_TIME_T, &took_us);
	reply.elapsed_ms = took_us / 1000;
	transfer_describe(fetch, reply.failure, code, &reply.err);
	if (!goes_on(fetch, code, &reply))
		tell(fetch, &reply);
}

/* One that never ran. */
static void fail(struct fetch *fetch, const struct err *err)
{
	struct fetch_reply reply = {.failure = FETCH_LOCAL,
	                            .retry_after_ms = -1,
	                            .content_type = "",
	                            .body = STR(""),
	                            .elapsed_ms = 0,
	                            .err = *err};

	fetch->state = FETCH_ENDING;
	if (!fetch->cancelled)
		fetch->request.done(fetch->request.ctx, &reply);
	fetch_free(fetch);
}

static void start_queued(struct fetcher *f)
{
	/* As many as are there now: one whose done() queues another must not keep us here. */
	for (size_t n = f->queued.n; n > 0 && f->active.n < f->max_active; n--) {
		struct fetch *fetch = f->queued.first;
		struct err err;

		if (!fetch)
			return;
		list_remove(&f->queued, fetch);
		if (!activate(fetch, &err))
			fail(fetch, &err);
	}
}

/* Deadlines hold in the queue too. */
static void expire_queued(void *ctx)
{
	struct fetcher *f = ctx;
	struct fetch *next;
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, OVERDUE);
	/* done() may cancel others, so the walk begins anew after each. */
	for (struct fetch *fetch = f->queued.first; fetch; fetch = next) {
		next = fetch->next;
		if (waited_ms(fetch) < fetch->request.timeout_ms)
			continue;
		list_remove(&f->queued, fetch);
		fail(fetch, &err);
		next = f->queued.first;
	}
	start_queued(f);
	if (f->queued.n > 0)
		loop_timer_start(&f->expiry, EXPIRY_MS);
}

static void drop_cancelled(struct fetcher *f)
{
	struct fetch *next;

	if (!f->dropping)
		return;
	f->dropping = false;
	for (struct fetch *fetch = f->active.first; fetch; fetch = next) {
		next = fetch->next;
		if (fetch->cancelled) {
			deactivate(fetch);
			fetch_free(fetch);
		}
	}
}

static void on_later(void *ctx)
{
	struct fetcher *f = ctx;

	f->unsettled = false;
	drop_cancelled(f);
	start_queued(f);
}

/* When the loop cannot take it, the next transfer that ends, or the queue's timer, does the same.
 */
static void start_later(struct fetcher *f)
{
	if (f->queued.n > 0 && f->active.n < f->max_active && !f->unsettled)
		f->unsettled = loop_later(f->loop, on_later, f);
}

/* After curl ran: tells of what ended, then does what was asked for meanwhile. done() may start and
 * cancel at will; a cancelled transfer's message is gone from curl's list. */
static void settle(struct shard *s)
{
	struct fetcher *f = s->fetcher;
	CURLMsg *message;
	int left;

	drop_cancelled(f);
	while ((message = curl_multi_info_read(s->multi, &left))) {
		char *private = NULL;
		struct fetch *fetch;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		memcpy(&fetch, &private, sizeof(fetch));
		finish(fetch, code);
	}
	start_queued(f);
}

static void act(struct shard *s, curl_socket_t fd, int events)
{
	int running;

	s->fetcher->depth++;
	(void)curl_multi_socket_action(s->multi, fd, events, &running);
	s->fetcher->depth--;
	settle(s);
}

/* --- without curl --- */

static void finish_direct(struct fetch *fetch, bool is_broken)
{
	CURLcode code = is_broken ? CURLE_PARTIAL_FILE : CURLE_OK;
	struct fetch_reply reply = {.failure = transfer_classify(fetch, code),
	                            .status = fetch->status,
	                            .retry_after_ms = fetch->retry_after_ms,
	                            .content_type = fetch->content_type};

	reply.elapsed_ms = (loop_now(fetch->fetcher->loop).mono.ns - fetch->started.ns) / NS_PER_MS;
	transfer_describe(fetch, reply.failure, code, &reply.err);
	tell(fetch, &reply);
}

/* Nothing of an answer was handed on. */
static void ask_curl(struct fetch *fetch)
{
	struct err err;

	fetch->by_curl = true;
	deactivate(fetch);
	fetch->nheader_bytes = 0;
	fetch->header_bomb = false;
	if (!activate(fetch, &err))
		fail(fetch, &err);
}

static void on_direct_ready(void *ctx, struct fetch *fetch)
{
	struct fetcher *f = ctx;
	enum direct_end end;

	f->depth++;
	end = direct_read(fetch);
	f->depth--;
	if (!fetch->cancelled && end == DIRECT_AGAIN)
		ask_curl(fetch);
	else if (!fetch->cancelled && end != DIRECT_GOES_ON)
		finish_direct(fetch, end == DIRECT_BROKEN);
	drop_cancelled(f);
	start_queued(f);
}

static void on_direct_late(void *ctx, struct fetch *fetch)
{
	finish_direct(fetch, true);
	start_queued(ctx);
}

/* --- curl's sockets and timers on the loop --- */

static void on_socket_ready(struct ev_loop *ev, ev_io *io, int events)
{
	struct watch *w = io->data;
	int what = (events & EV_READ ? CURL_CSELECT_IN : 0) |
	           (events & EV_WRITE ? CURL_CSELECT_OUT : 0);

	(void)ev;
	act(w->shard, io->fd, what); /* may free w */
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct shard *s = ctx;
	struct ev_loop *ev = loop_ev(s->fetcher->loop);
	struct watch *w = socket_ctx;
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			ev_io_stop(ev, &w->io);
			curl_multi_assign(s->multi, fd, NULL);
			free(w);
		}
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			return -1;
		w->shard = s;
		w->io.data = w;
		ev_init(&w->io, on_socket_ready);
		curl_multi_assign(s->multi, fd, w);
	}
	ev_io_stop(ev, &w->io);
	ev_io_set(&w->io, fd, events);
	ev_io_start(ev, &w->io);
	return 0;
}

static int on_timeout_change(CURLM *multi, long timeout_ms, void *ctx)
{
	struct shard *s = ctx;

	(void)multi;
	if (timeout_ms < 0)
		loop_timer_stop(&s->timer);
	else
		loop_timer_start(&s->timer, timeout_ms);
	return 0;
}

static void on_timer(void *ctx)
{
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/* --- the interface --- */

/* The part of a URL that names the connection: scheme, host and port. */
static struct str authority_of(const char *url)
{
	struct str all = str_of(url);
	const char *slashes = strstr(url, "://");
	size_t from = slashes ? (size_t)(slashes - url) + 3 : 0;

	return str_slice(all, 0, from + strcspn(url + from, "/?#"));
}

static bool copy_request(struct fetch *fetch, const struct fetch_request *from)
{
	fetch->request = *from;
	fetch->method = text_dup(from->method);
	fetch->url = text_dup(from->url);
	fetch->body = str_dup(from->body);
	if (!fetch->method || !fetch->url || !fetch->body)
		return false;
	fetch->request.method = fetch->method;
	fetch->request.url = fetch->url;
	fetch->request.headers = NULL;
	fetch->request.body = (struct str){.p = fetch->body, .n = from->body.n};
	/* Without it curl waits a second for leave to send larger bodies. */
	fetch->headers = curl_slist_append(NULL, "Expect:");
	if (!fetch->headers)
		return false;
	for (size_t i = 0; from->headers && from->headers[i]; i++) {
		if (!curl_slist_append(fetch->headers, from->headers[i]))
			return false;
	}
	return true;
}

static struct fetch *fetch_new(struct fetcher *f, const struct fetch_request *request,
                               struct err *err)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));

	if (!fetch)
		goto no_memory;
	fetch->fetcher = f;
	fetch->depth = &f->depth;
	fetch->begun = loop_now(f->loop).mono;
	fetch->retry_after_ms = -1;
	buf_init(&fetch->received, request->max_bytes > TRANSFER_OTHER_BODY_MAX
	                                   ? request->max_bytes
	                                   : TRANSFER_OTHER_BODY_MAX);
	if (!copy_request(fetch, request)) {
		fetch_free(fetch);
		goto no_memory;
	}
	fetch->shard = &f->shards[str_hash(authority_of(fetch->url), 0) % f->nshards];
	return fetch;
no_memory:
	err_set(err, ERR_NOMEM, "no memory for a request");
	return NULL;
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *request, struct err *err)
{
	bool busy = f->depth > 0 || f->active.n >= f->max_active || f->queued.n > 0;
	struct fetch *fetch;

	assert(request->done && request->method && request->timeout_ms > 0);
	if (strlen(request->url) > URL_MAX_BYTES) {
		err_set(err, ERR_LIMIT, "the URL has more than %d bytes", URL_MAX_BYTES);
		return NULL;
	}
	if (busy && f->queued.n >= QUEUE_PER_ACTIVE * f->max_active) {
		err_set(err, ERR_LIMIT, "%zu requests are waiting already", f->queued.n);
		return NULL;
	}
	fetch = fetch_new(f, request, err);
	if (!fetch)
		return NULL;
	if (busy) {
		list_add(&f->queued, fetch);
		if (!loop_timer_running(&f->expiry))
			loop_timer_start(&f->expiry, EXPIRY_MS);
		start_later(f);
		return fetch;
	}
	if (!activate(fetch, err)) {
		fetch_free(fetch);
		return NULL;
	}
	return fetch;
}

void fetch_cancel(struct fetch *fetch)
{
	struct fetcher *f = fetch->fetcher;

	fetch->cancelled = true;
	if (fetch->state == FETCH_ENDING)
		return; /* inside its done(): freed right after */
	if (fetch->state == FETCH_QUEUED) {
		list_remove(&f->queued, fetch);
		fetch_free(fetch);
		return;
	}
	if (f->depth > 0) {
		f->dropping = true; /* inside a curl callback: settle() drops it */
		return;
	}
	deactivate(fetch);
	fetch_free(fetch);
	start_later(f);
}

const char *fetch_content_type(const struct fetch *fetch)
{
	return fetch->content_type;
}

bool fetch_is_framed(const struct fetch *fetch)
{
	return fetch->is_framed;
}

long fetch_status(const struct fetch *fetch)
{
	return fetch->status;
}

size_t fetcher_active(const struct fetcher *f)
{
	return f->active.n;
}

static bool shard_open(struct shard *s)
{
	CURLM *multi = s->multi ? NULL : curl_multi_init();

	if (s->multi)
		return true;
	if (multi && curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout_change) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_PER_MULTI) == CURLM_OK &&
	    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK) {
		s->multi = multi;
		return true;
	}
	curl_multi_cleanup(multi);
	return false;
}

struct fetcher *fetcher_new(struct loop *loop, size_t multis, size_t max_active, struct err *err)
{
	struct fetcher *f = calloc(1, sizeof(*f));

	assert(multis > 0 && max_active > 0);
	if (!f || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		goto fail;
	f->loop = loop;
	f->max_active = max_active;
	loop_timer_init(&f->expiry, loop, expire_queued, f);
	f->direct = direct_pool_new(loop, on_direct_ready, on_direct_late, f);
	f->idle = calloc(max_active, sizeof(CURL *));
	f->shards = calloc(multis, sizeof(*f->shards));
	if (!f->direct || !f->idle || !f->shards)
		goto fail;
	for (; f->nshards < multis; f->nshards++) {
		f->shards[f->nshards].fetcher = f;
		loop_timer_init(&f->shards[f->nshards].timer, f->loop, on_timer,
		                &f->shards[f->nshards]);
	}
	return f;
fail:
	err_set(err, ERR_NOMEM, "the HTTP client does not start");
	fetcher_free(&f);
	return NULL;
}

void fetcher_free(struct fetcher **f)
{
	struct fetcher *gone = *f;

	if (!gone)
		return;
	*f = NULL;
	while (gone->queued.first)
		fetch_cancel(gone->queued.first);
	while (gone->active.first)
		fetch_cancel(gone->active.first);
	if (gone->loop) {
		loop_timer_stop(&gone->expiry);
		loop_later_cancel(gone->loop, on_later, gone);
	}
	direct_pool_free(&gone->direct);
	for (size_t i = 0; i < gone->nshards; i++) {
		if (gone->shards[i].multi)
			curl_multi_cleanup(gone->shards[i].multi);
		loop_timer_stop(&gone->shards[i].timer);
	}
	while (gone->nidle > 0)
		curl_easy_cleanup(gone->idle[--gone->nidle]);
	free(gone->idle);
	free(gone->shards);
	free(gone);
}
