/*
 * fetch - a pool of easy handles over several multi handles, each with its own timer and sockets on
 * the loop.
 *
 * A finished transfer costs a multi handle a walk over its idle connections, so targets are spread
 * by host over many of them. Curl forbids adding and removing transfers inside its callbacks; what
 * is asked for there is written down and done when the callback is over (see settle()).
 */
#include "loop/fetch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/units.h"
#include "loop/loop.h"
#include "loop/networks.h"

#define QUEUE_PER_ACTIVE 16
#define CONNECTIONS_PER_MULTI 256L
#define CONNECTION_AGE_S 300L
#define CONNECT_MS 5000
#define NAME_AGE_S 60L
#define HEADER_BYTES_MAX ((size_t)64 * 1024)
#define OTHER_BODY_MAX ((size_t)4096) /* kept of an answer nobody streams */
#define RETRY_AFTER_MAX_S 86400
#define READ_BUFFER (64L * 1024)
#define URL_MAX_BYTES 8192
#define EXPIRY_MS 500
#define OVERDUE "its time passed while other requests were under way"
#define NS_PER_MS 1000000

enum fetch_state { FETCH_QUEUED = 0, FETCH_ACTIVE, FETCH_ENDING };

struct fetch {
	struct fetch *next, *previous; /* in the list of its state */
	struct fetcher *fetcher;
	struct shard *shard;
	CURL *easy; /* while active */
	enum fetch_state state;
	struct fetch_request request; /* its texts point into `texts` and `body` */
	char *method, *url, *body;    /* own */
	struct curl_slist *headers;   /* own */
	struct mono begun;

	struct buf received;
	size_t nreceived;
	size_t nheader_bytes;
	long status;
	char content_type[128];
	int64_t retry_after_ms;
	bool cancelled, stopped, too_large, cut, header_bomb;
	bool refused, opened; /* an address was refused; a socket was opened */
	bool forbidden;       /* a kept connection leads where we may not go */
	int open_errno;       /* of socket() */
	char error[CURL_ERROR_SIZE];
};

struct shard {
	struct fetcher *fetcher;
	CURLM *multi;
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
	struct list queued, active;
	struct loop_timer expiry; /* of what is queued */
	int depth;                /* > 0 inside a curl callback */
	bool unsettled;
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

/* --- what curl tells us during a transfer --- */

static bool is_success(long status)
{
	return status >= 200 && status < 300;
}

static bool keep(struct fetch *fetch, const char *bytes, size_t n, size_t max)
{
	size_t left = max - fetch->nreceived;
	size_t kept = n < left ? n : left;

	buf_add(&fetch->received, bytes, kept);
	fetch->nreceived += kept;
	return kept == n;
}

static size_t take_bytes(struct fetch *fetch, const char *bytes, size_t n)
{
	const struct fetch_request *request = &fetch->request;

	if (fetch->status == 0)
		(void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &fetch->status);
	if (request->on_bytes && !is_success(fetch->status)) {
		fetch->cut = !keep(fetch, bytes, n, OTHER_BODY_MAX);
		return fetch->cut ? 0 : n;
	}
	if (!request->on_bytes) {
		bool whole = keep(fetch, bytes, n, request->max_bytes);

		fetch->cut = !whole && request->cut_large;
		fetch->too_large = !whole && !request->cut_large;
		return whole ? n : 0;
	}
	if (n > request->max_bytes - fetch->nreceived) {
		fetch->too_large = true;
		return 0;
	}
	fetch->nreceived += n;
	if (!request->on_bytes(request->ctx, bytes, n)) {
		fetch->stopped = true;
		return 0;
	}
	return n;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct fetch *fetch = ctx;
	size_t n = size * count;
	size_t took;

	if (fetch->cancelled)
		return 0;
	fetch->fetcher->depth++;
	took = take_bytes(fetch, bytes, n);
	fetch->fetcher->depth--;
	return fetch->cancelled ? 0 : took;
}

static bool header_value(struct str line, const char *name, struct str *out)
{
	size_t n = strlen(name);

	if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
		return false;
	*out = str_slice(line, n + 1, line.n);
	while (out->n > 0 && (out->p[out->n - 1] == '\r' || out->p[out->n - 1] == '\n'))
		out->n--;
	*out = str_trim(*out);
	return true;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
	struct fetch *fetch = ctx;
	struct str line = {.p = bytes, .n = size * count};
	struct err ignored;
	struct str value;
	int64_t seconds;

	fetch->nheader_bytes += line.n;
	if (fetch->nheader_bytes > HEADER_BYTES_MAX) {
		fetch->header_bomb = true;
		return 0;
	}
	if (str_starts_with(line, STR("HTTP/"))) {
		/* An answer after a 100 Continue starts afresh. */
		fetch->content_type[0] = '\0';
		fetch->retry_after_ms = -1;
		fetch->status = 0;
	} else if (header_value(line, "Content-Type", &value)) {
		snprintf(fetch->content_type, sizeof(fetch->content_type), "%.*s",
		         (int)(value.n < 127 ? value.n : 127), value.p);
	} else if (header_value(line, "Retry-After", &value) &&
	           int_parse(value, &seconds, &ignored) && seconds >= 0) {
		if (seconds > RETRY_AFTER_MAX_S)
			seconds = RETRY_AFTER_MAX_S;
		fetch->retry_after_ms = seconds * 1000;
	}
	return line.n;
}

/* The address that was really resolved; a name's meaning may have changed since anybody looked. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *fetch = ctx;
	int fd;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    !networks_allow(fetch->request.networks, &address->addr)) {
		fetch->refused = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	            address->protocol);
	fetch->opened = true;
	if (fd < 0)
		fetch->open_errno = errno;
	return fd;
}

/* A kept connection was opened for somebody who may have been allowed more. */
static int on_request(void *ctx, char *peer_ip, char *own_ip, int peer_port, int own_port)
{
	struct fetch *fetch = ctx;

	(void)own_ip;
	(void)peer_port;
	(void)own_port;
	if (networks_allow_text(fetch->request.networks, peer_ip))
		return CURL_PREREQFUNC_OK;
	fetch->forbidden = true;
	return CURL_PREREQFUNC_ABORT;
}

/* --- setting a transfer up --- */

static bool host_is_literal(const char *url)
{
	const char *host = strstr(url, "://");

	if (!host)
		return false;
	host += 3;
	/* A name of digits and dots alone is an address in one spelling or another. */
	return *host == '[' || host[strspn(host, "0123456789.")] == ':' ||
	       host[strspn(host, "0123456789.")] == '/' ||
	       host[strspn(host, "0123456789.")] == '\0';
}

static CURLcode set_method(CURL *easy, const struct fetch *fetch)
{
	const struct fetch_request *request = &fetch->request;
	CURLcode code = CURLE_OK;

	if (strcmp(request->method, "HEAD") == 0)
		return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (request->body.n > 0 || strcmp(request->method, "POST") == 0) {
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		                        (curl_off_t)request->body.n);
		if (code == CURLE_OK)
			code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body);
	}
	if (code == CURLE_OK && strcmp(request->method, "GET") != 0)
		code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	return code;
}

static CURLcode set_options(CURL *easy, struct fetch *fetch, int64_t timeout_ms)
{
	CURLcode code = set_method(easy, fetch);
	int64_t connect_ms = timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS;
	long name_age = host_is_literal(fetch->url) ? -1L : NAME_AGE_S;

#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (code == CURLE_OK)                                                              \
			code = curl_easy_setopt(easy, option, value);                              \
	} while (0)
	SET(CURLOPT_URL, fetch->url);
	SET(CURLOPT_PRIVATE, fetch);
	SET(CURLOPT_HTTPHEADER, fetch->headers);
	SET(CURLOPT_ERRORBUFFER, fetch->error);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_USERAGENT, "headgate");
	SET(CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, name_age);
	SET(CURLOPT_MAXAGE_CONN, CONNECTION_AGE_S);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_BUFFERSIZE, READ_BUFFER);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, fetch);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, fetch);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, fetch);
	SET(CURLOPT_PREREQFUNCTION, on_request);
	SET(CURLOPT_PREREQDATA, fetch);
#undef SET
	return code;
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
	easy = easy_take(f);
	if (!easy)
		return err_set(err, ERR_NOMEM, "no memory for a transfer");
	fetch->easy = easy;
	set = set_options(easy, fetch, left_ms);
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
	list_remove(&f->active, fetch);
	curl_multi_remove_handle(fetch->shard->multi, fetch->easy);
	easy_give(f, fetch->easy);
	fetch->easy = NULL;
	fetch->state = FETCH_ENDING;
}

static void fetch_free(struct fetch *fetch)
{
	curl_slist_free_all(fetch->headers);
	buf_fini(&fetch->received);
	free(fetch->method);
	free(fetch->url);
	free(fetch->body);
	free(fetch);
}

/* --- the end of a transfer --- */

static bool is_own_errno(long reason)
{
	switch (reason) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
	case ENETUNREACH:
	case ENETDOWN:
	case EHOSTUNREACH:
	case EADDRNOTAVAIL:
	case EACCES:
	case EPERM:
	case EAFNOSUPPORT:
		return true;
	default:
		return false;
	}
}

static bool is_forbidden(const struct fetch *fetch)
{
	return fetch->forbidden || (fetch->refused && !fetch->opened);
}

static enum fetch_failure classify_connect(const struct fetch *fetch)
{
	long reason = 0;

	if (is_forbidden(fetch))
		return FETCH_FORBIDDEN;
	(void)curl_easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &reason);
	return fetch->open_errno != 0 || is_own_errno(reason) ? FETCH_LOCAL : FETCH_PEER;
}

static enum fetch_failure classify_timeout(const struct fetch *fetch)
{
	curl_off_t looked_up_us = 0;

	(void)curl_easy_getinfo(fetch->easy, CURLINFO_NAMELOOKUP_TIME_T, &looked_up_us);
	return looked_up_us == 0 ? FETCH_LOCAL : FETCH_PEER;
}

static enum fetch_failure classify(const struct fetch *fetch, CURLcode code)
{
	/* Our own callbacks ended it: they know better than the code. */
	if (fetch->stopped)
		return FETCH_STOPPED;
	if (fetch->too_large)
		return FETCH_TOO_LARGE;
	if (fetch->header_bomb)
		return FETCH_PEER;
	if (fetch->cut)
		return FETCH_OK;
	switch (code) {
	case CURLE_OK:
		return FETCH_OK;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_LOGIN_DENIED:
		return FETCH_FORBIDDEN;
	case CURLE_ABORTED_BY_CALLBACK:
		return is_forbidden(fetch) ? FETCH_FORBIDDEN : FETCH_LOCAL;
	case CURLE_COULDNT_CONNECT:
		return classify_connect(fetch);
	case CURLE_OPERATION_TIMEDOUT:
		return classify_timeout(fetch);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_BAD_FUNCTION_ARGUMENT:
	case CURLE_INTERFACE_FAILED:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ENGINE_INITFAILED:
		return FETCH_LOCAL;
	default:
		return FETCH_PEER;
	}
}

static void describe(const struct fetch *fetch, enum fetch_failure failure, CURLcode code,
                     struct err *err)
{
	switch (failure) {
	case FETCH_OK:
		*err = (struct err){.code = ERR_NONE};
		return;
	case FETCH_TOO_LARGE:
		err_set(err, ERR_LIMIT, "the answer has more than %zu bytes",
		        fetch->request.max_bytes);
		return;
	case FETCH_STOPPED:
		err_set(err, ERR_INVALID, "the answer could not be used");
		return;
	case FETCH_FORBIDDEN:
		if (is_forbidden(fetch))
			err_set(err, ERR_DENIED, "the address is not in an allowed network");
		else
			err_set(err, ERR_INVALID, "the URL cannot be used: %s",
			        curl_easy_strerror(code));
		return;
	case FETCH_PEER:
	case FETCH_LOCAL:
		break;
	}
	if (fetch->header_bomb)
		err_set(err, ERR_LIMIT, "the answer's headers have more than %zu bytes",
		        HEADER_BYTES_MAX);
	else if (fetch->open_errno != 0)
		err_set(err, ERR_UNAVAILABLE, "no socket: %s", strerrordesc_np(fetch->open_errno));
	else
		err_set(err, ERR_UNAVAILABLE, "%s",
		        fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(code));
}

static void finish(struct fetch *fetch, CURLcode code)
{
	struct fetch_reply reply = {.failure = classify(fetch, code),
	                            .retry_after_ms = fetch->retry_after_ms,
	                            .content_type = fetch->content_type};
	curl_off_t took_us = 0;

	if (reply.failure == FETCH_OK && fetch->received.failed != ERR_NONE)
		reply.failure = FETCH_LOCAL;
	(void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &reply.status);
	(void)curl_easy_getinfo(fetch->easy, CURLINFO_TOTAL_TIME_T, &took_us);
	reply.elapsed_ms = took_us / 1000;
	describe(fetch, reply.failure, code, &reply.err);
	reply.body = buf_str(&fetch->received);
	deactivate(fetch);
	if (!fetch->cancelled)
		fetch->request.done(fetch->request.ctx, &reply);
	fetch_free(fetch);
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
	fetch->begun = loop_now(f->loop).mono;
	fetch->retry_after_ms = -1;
	buf_init(&fetch->received,
	         request->max_bytes > OTHER_BODY_MAX ? request->max_bytes : OTHER_BODY_MAX);
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
	if (f->depth > 0)
		return; /* inside a curl callback: settle() drops it */
	deactivate(fetch);
	fetch_free(fetch);
	start_later(f);
}

const char *fetch_content_type(const struct fetch *fetch)
{
	return fetch->content_type;
}

long fetch_status(const struct fetch *fetch)
{
	return fetch->status;
}

size_t fetcher_active(const struct fetcher *f)
{
	return f->active.n;
}

static bool shard_init(struct shard *s, struct fetcher *f)
{
	s->fetcher = f;
	loop_timer_init(&s->timer, f->loop, on_timer, s);
	s->multi = curl_multi_init();
	return s->multi &&
	       curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
	       curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s) == CURLM_OK &&
	       curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timeout_change) == CURLM_OK &&
	       curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s) == CURLM_OK &&
	       curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_PER_MULTI) ==
	               CURLM_OK &&
	       curl_multi_setopt(s->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK;
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
	f->idle = calloc(max_active, sizeof(CURL *));
	f->shards = calloc(multis, sizeof(*f->shards));
	if (!f->idle || !f->shards)
		goto fail;
	while (f->nshards < multis) {
		if (!shard_init(&f->shards[f->nshards++], f))
			goto fail;
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
