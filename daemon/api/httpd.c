/*
 * httpd - libmicrohttpd driven from our loop.
 *
 * The library runs without a thread: its epoll descriptor is one more descriptor of ours, and
 * nothing wakes it when a suspended connection is resumed, so MHD_run is called before the loop
 * sleeps. It is never called from inside one of its own callbacks.
 */
#include "api/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "api/listen.h"
#include "app.h"
#include "config.h"
#include "log.h"
#include "metrics.h"

#define SILENCE_SECONDS 60u
#define CONNECTION_MEMORY ((size_t)16 * 1024)
#define RUNS_MAX 4
#define COMPLAINTS_NS 10000000000
#define EV_PRIORITY 1 /* before the scrapes' sockets */

/* --- the library's callbacks --- */

/* Escapes stay as they were sent; form.c decodes the query, and paths may not have any. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

/* The library complains about every broken client: one line in ten seconds is enough to know. */
__attribute__((format(printf, 2, 0))) static void on_complaint(void *cls, const char *fmt,
                                                               va_list args)
{
	struct httpd *h = cls;
	struct mono now = loop_now(h->app->loop).mono;
	char text[256];

	h->complaints++;
	if (h->complained.ns != 0 && now.ns - h->complained.ns < COMPLAINTS_NS)
		return;
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	log_line(LOG_INFO, "http_complaint", "text=%s n=%lld", log_quote(text),
	         (long long)h->complaints);
	h->complained = now;
	h->complaints = 0;
}

static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct listener *l = cls;
	struct client *c = *socket_context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*socket_context = client_new(l->httpd, connection, l->local);
	else
		client_free(l->httpd, &c);
}

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct listener *l = cls;
	struct client *c = client_of(connection);

	if (!c)
		return NULL;
	/* The first request has what is left of the time its connection began with. */
	if (c->stage != CLIENT_SENDING)
		client_set_stage(l->httpd, c, CLIENT_SENDING);
	return request_new(l->httpd, c, connection, target);
}

static void dispatch(struct request *r)
{
	r->stage = REQUEST_HANDLING;
	request_show(r);
	r->route->handle(r);
	if (r->response)
		request_hide(r);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *n, void **context)
{
	struct request *r = *context;

	(void)cls;
	(void)connection;
	(void)url;
	if (!r)
		return MHD_NO;
	if (r->stage == REQUEST_STARTED)
		return request_admit(r, method, version) ? answer_queue(r) : MHD_YES;
	if (*n > 0) {
		if (r->stage == REQUEST_ADMITTED && !r->too_long)
			buf_add(&r->body, bytes, *n);
		*n = 0;
		return MHD_YES;
	}
	if (r->stage == REQUEST_WAITING || r->stage == REQUEST_ANSWERED)
		return MHD_YES;
	if (r->stage == REQUEST_ADMITTED && r->body.failed != ERR_NONE)
		request_problem(r, 503, NULL, "No memory for the body.");
	else if (r->stage == REQUEST_ADMITTED)
		dispatch(r);
	if (r->response)
		return answer_queue(r);
	request_suspend(r);
	return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
	struct listener *l = cls;
	struct request *r = *context;

	(void)connection;
	(void)code;
	if (!r)
		return;
	client_set_stage(l->httpd, r->client, CLIENT_IDLE);
	request_free(&r);
	*context = NULL;
}

/* --- on the loop --- */

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct listener *l = io->data;

	(void)loop;
	(void)events;
	MHD_run(l->mhd);
}

/* Milliseconds until the library wants to run; -1 when it waits for its descriptor only. */
static int64_t wanted_ms(const struct listener *l)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(l->mhd, &ms) != MHD_YES)
		return -1;
	return ms > INT32_MAX ? INT32_MAX : (int64_t)ms;
}

static int64_t run_listener(struct listener *l, bool kick)
{
	int64_t ms;
	int runs = 0;

	if (kick) {
		MHD_run(l->mhd);
		runs++;
	}
	while ((ms = wanted_ms(l)) == 0 && runs < RUNS_MAX) {
		MHD_run(l->mhd);
		runs++;
	}
	/* What a handler queued for this turn's end may have missed it. */
	if (runs > 0 || ms == 0)
		loop_stay_awake(l->httpd->app->loop);
	return ms;
}

static void before_sleep(void *ctx)
{
	struct httpd *h = ctx;
	bool kick = h->kick;
	int64_t next = -1;

	h->kick = false;
	for (size_t i = 0; i < h->nlisteners; i++) {
		int64_t ms = run_listener(&h->listeners[i], kick);

		if (ms > 0 && (next < 0 || ms < next))
			next = ms;
	}
	if (next > 0)
		loop_timer_start(&h->mhd_timer, next);
	else
		loop_timer_stop(&h->mhd_timer);
}

static void on_mhd_timer(void *ctx)
{
	struct httpd *h = ctx;

	for (size_t i = 0; i < h->nlisteners; i++)
		MHD_run(h->listeners[i].mhd);
}

/* --- life --- */

static bool start(struct httpd *h, int fd, bool local, struct err *err)
{
	const struct config_limits *limits = &h->app->config->limits;
	struct listener *l = &h->listeners[h->nlisteners];
	const union MHD_DaemonInfo *info = NULL;
	unsigned per_address = local ? 0 : (unsigned)limits->connections_per_address;

	*l = (struct listener){.httpd = h, .fd = fd, .local = local};
	l->mhd = MHD_start_daemon(
	        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
	        on_request, l, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, h,
	        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	        (unsigned)limits->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address,
	        MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	        CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
	        keep_escapes, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, l,
	        MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_NOTIFY_COMPLETED,
	        on_completed, l, MHD_OPTION_END);
	if (l->mhd)
		info = MHD_get_daemon_info(l->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info) {
		if (l->mhd)
			MHD_stop_daemon(l->mhd); /* closes fd */
		else
			close(fd);
		return err_set(err, ERR_UNAVAILABLE, "the HTTP server does not start");
	}
	h->nlisteners++;
	ev_io_init(&l->io, on_readable, info->epoll_fd, EV_READ);
	ev_set_priority(&l->io, EV_PRIORITY);
	l->io.data = l;
	ev_io_start(loop_ev(h->app->loop), &l->io);
	return true;
}

static bool open_tcp(struct httpd *h, struct err *err)
{
	const char *text = h->app->config->listen;
	struct listen_address address;
	int fd;

	if (!text)
		return true;
	if (!listen_parse(text, &address, err) || !listen_tcp(&address, &fd, err)) {
		err_prefix(err, "listen %s", text);
		return false;
	}
	if (!listen_is_loopback(&address))
		log_line(LOG_WARN, "http_plaintext",
		         "listen=%s hint=\"tokens travel unencrypted; put a TLS proxy in front\"",
		         text);
	h->port = listen_port(fd);
	return start(h, fd, false, err);
}

static bool open_unix(struct httpd *h, struct err *err)
{
	const char *path = h->app->config->socket;
	int fd;

	if (!path)
		return true;
	if (!listen_unix(path, &fd, err)) {
		err_prefix(err, "socket %s", path);
		return false;
	}
	return start(h, fd, true, err);
}

struct httpd *httpd_new_with(struct app *app, const struct route *routes, struct err *err)
{
	struct httpd *h = calloc(1, sizeof(*h));

	if (!h) {
		err_set(err, ERR_NOMEM, "no memory for the HTTP server");
		return NULL;
	}
	h->app = app;
	h->routes = routes;
	loop_timer_init(&h->mhd_timer, app->loop, on_mhd_timer, h);
	loop_timer_init(&h->deadlines, app->loop, clients_check, h);
	h->limiter = limiter_new(app->seed);
	if (!h->limiter) {
		err_set(err, ERR_NOMEM, "no memory for the HTTP server");
		httpd_free(&h);
		return NULL;
	}
	if (!open_tcp(h, err) || !open_unix(h, err)) {
		httpd_free(&h);
		return NULL;
	}
	loop_on_prepare(app->loop, LOOP_HTTP, before_sleep, h);
	return h;
}

struct httpd *httpd_new(struct app *app, struct err *err)
{
	return httpd_new_with(app, api_routes, err);
}

static void refuse_waiting(struct httpd *h)
{
	for (struct client *c = h->clients; c; c = c->next) {
		struct request *r = c->request;

		if (!r || r->stage != REQUEST_WAITING)
			continue;
		request_set_header(r, "Retry-After", "1");
		request_problem(r, 503, NULL,
		                "headgate is shutting down; whether the request took effect can be "
		                "seen from another instance.");
	}
}

void httpd_drain(struct httpd *h)
{
	if (!h->draining) {
		h->draining = true;
		for (size_t i = 0; i < h->nlisteners; i++)
			h->listeners[i].fd = MHD_quiesce_daemon(h->listeners[i].mhd);
		for (size_t i = 0; i < h->nlisteners; i++) {
			if (h->listeners[i].fd >= 0)
				close(h->listeners[i].fd);
			if (h->listeners[i].local)
				unlink(h->app->config->socket);
		}
	}
	refuse_waiting(h);
}

void httpd_free(struct httpd **h)
{
	struct httpd *gone = *h;

	if (!gone)
		return;
	httpd_drain(gone);
	for (size_t i = 0; i < gone->nlisteners; i++) {
		struct listener *l = &gone->listeners[i];

		/* Stopping with a suspended connection would abort the process. */
		MHD_run(l->mhd);
		refuse_waiting(gone);
		ev_io_stop(loop_ev(gone->app->loop), &l->io);
	}
	for (size_t i = 0; i < gone->nlisteners; i++)
		MHD_stop_daemon(gone->listeners[i].mhd);
	loop_timer_stop(&gone->mhd_timer);
	loop_timer_stop(&gone->deadlines);
	limiter_free(&gone->limiter);
	free(gone);
	*h = NULL;
}

int httpd_port(const struct httpd *h)
{
	return h->port;
}
