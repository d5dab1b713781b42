/*
 * fake_http - a server of canned and misbehaving answers in the test's own loop, and an app with
 * just what sources need.
 */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app.h"
#include "base/macros.h"
#include "config.h"
#include "log.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "loop/networks.h"
#include "metrics.h"
#include "policy/policy.h"
#include "source/source.h"

#define FAKE_ROUTES 16
#define FAKE_CONNECTIONS 64

enum fake_how { FAKE_WHOLE = 0, FAKE_HANG, FAKE_ENDLESS, FAKE_CUT };

struct fake_route {
	const char *path;
	int status;       /* 0: 200 */
	const char *type; /* NULL: no Content-Type */
	const char *body;
	enum fake_how how;
	int asked;
	char request[2048]; /* the newest */
};

struct fake_connection {
	ev_io io;
	bool open;
	struct fake_route *route; /* being answered */
	char request[2048];
	size_t n;
};

struct fake {
	struct app app;
	struct config config;
	struct metrics metrics;
	ev_io listener;
	int port;
	struct fake_connection connections[FAKE_CONNECTIONS];
	struct fake_route routes[FAKE_ROUTES];
	struct loop_timer awake;
};

static struct fake fake;

static void fake_nothing(void *ctx)
{
	(void)ctx;
}

/* One turn of the loop of at most `ms`. */
static void fake_turn(int64_t ms)
{
	loop_timer_start(&fake.awake, ms);
	ev_run(loop_ev(fake.app.loop), EVRUN_ONCE);
}

#define FAKE_UNTIL(condition, ms)                                                                  \
	do {                                                                                       \
		int64_t until_ = loop_clock().ns + INT64_C(1000000) * (ms);                        \
		while (!(condition) && loop_clock().ns < until_)                                   \
			fake_turn(10);                                                             \
		ck_assert_msg(condition, "waited %d ms for %s", (int)(ms), #condition);            \
	} while (0)

static void fake_run(int64_t ms)
{
	int64_t until = loop_clock().ns + INT64_C(1000000) * ms;

	while (loop_clock().ns < until)
		fake_turn(10);
}

static void fake_close(struct fake_connection *c)
{
	if (!c->open)
		return;
	ev_io_stop(loop_ev(fake.app.loop), &c->io);
	close(c->io.fd);
	c->open = false;
}

static void fake_write(struct fake_connection *c, const char *bytes, size_t n)
{
	/* Answers are small; the endless one may lose a piece without harm. */
	if (send(c->io.fd, bytes, n, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
		fake_close(c);
}

static void fake_answer(struct fake_connection *c)
{
	struct fake_route *r = c->route;
	size_t nbody = strlen(r->body ? r->body : "");
	size_t declared = r->how == FAKE_CUT ? nbody + 1000 : nbody;
	char text[8192];
	int n;

	n = snprintf(text, sizeof(text), "HTTP/1.1 %d Fake\r\n%s%s%s", r->status ? r->status : 200,
	             r->type ? "Content-Type: " : "", r->type ? r->type : "",
	             r->type ? "\r\n" : "");
	if (r->how == FAKE_ENDLESS)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Connection: close\r\n\r\n");
	else
		n += snprintf(text + n, sizeof(text) - (size_t)n, "Content-Length: %zu\r\n\r\n%s",
		              declared, r->body ? r->body : "");
	ck_assert_int_lt(n, (int)sizeof(text));
	fake_write(c, text, (size_t)n);
	if (r->how == FAKE_CUT)
		fake_close(c);
}

static struct fake_route *fake_route(const char *request)
{
	for (size_t i = 0; i < FAKE_ROUTES && fake.routes[i].path; i++) {
		size_t n = strlen(fake.routes[i].path);
		const char *path = strchr(request, ' ') + 1;

		if (strncmp(path, fake.routes[i].path, n) == 0 &&
		    (path[n] == ' ' || path[n] == '?'))
			return &fake.routes[i];
	}
	ck_abort_msg("nobody expected: %.80s", request);
	return NULL;
}

static void fake_flood(struct fake_connection *c)
{
	static int number;
	char text[256];
	int n = snprintf(text, sizeof(text), "flood{n=\"%d\",pad=\"%0100d\"} 1\n", number++, 0);

	for (int i = 0; i < 20 && c->open; i++)
		fake_write(c, text, (size_t)n);
}

static void fake_on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct fake_connection *c = io->data;
	ssize_t n;

	(void)loop;
	if (events & EV_WRITE) {
		fake_flood(c);
		return;
	}
	n = recv(io->fd, c->request + c->n, sizeof(c->request) - 1 - c->n, 0);
	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			fake_close(c);
		return;
	}
	c->n += (size_t)n;
	c->request[c->n] = '\0';
	if (!strstr(c->request, "\r\n\r\n"))
		return;
	c->route = fake_route(c->request);
	c->route->asked++;
	memcpy(c->route->request, c->request, sizeof(c->request));
	c->n = 0;
	if (c->route->how != FAKE_HANG)
		fake_answer(c);
	if (c->open && c->route->how == FAKE_ENDLESS) {
		ev_io_stop(loop_ev(fake.app.loop), io);
		ev_io_set(io, io->fd, EV_WRITE);
		ev_io_start(loop_ev(fake.app.loop), io);
	}
}

static void fake_on_connection(struct ev_loop *loop, ev_io *io, int events)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	for (size_t i = 0; fd >= 0 && i < FAKE_CONNECTIONS; i++) {
		struct fake_connection *c = &fake.connections[i];

		if (c->open)
			continue;
		*c = (struct fake_connection){.open = true};
		ev_io_init(&c->io, fake_on_io, fd, EV_READ);
		c->io.data = c;
		ev_io_start(loop, &c->io);
		return;
	}
	ck_abort_msg("too many connections");
}

static void fake_listen(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	fake.port = ntohs(in.sin_port);
	ev_io_init(&fake.listener, fake_on_connection, fd, EV_READ);
	ev_io_start(loop_ev(fake.app.loop), &fake.listener);
}

static void fake_start(void)
{
	struct err err;

	memset(&fake, 0, sizeof(fake));
	log_set_level(LOG_ERROR);
	fake.config.limits = (struct config_limits){.targets = 20,
	                                            .page_bytes = 64 * 1024,
	                                            .page_samples = 1000,
	                                            .series_per_target = 100};
	fake.app.config = &fake.config;
	fake.app.metrics = &fake.metrics;
	fake.app.seed = 42;
	fake.app.loop = loop_new(&fake.metrics, &err);
	ck_assert_ptr_nonnull(fake.app.loop);
	loop_timer_init(&fake.awake, fake.app.loop, fake_nothing, NULL);
	fake.app.fetcher = fetcher_new(fake.app.loop, 2, 16, &err);
	ck_assert_ptr_nonnull(fake.app.fetcher);
	fake.app.sources = sources_new(&fake.app, &err);
	ck_assert_ptr_nonnull(fake.app.sources);
	fake_listen();
}

static void fake_stop(void)
{
	sources_free(&fake.app.sources);
	fetcher_free(&fake.app.fetcher);
	for (size_t i = 0; i < FAKE_CONNECTIONS; i++)
		fake_close(&fake.connections[i]);
	ev_io_stop(loop_ev(fake.app.loop), &fake.listener);
	close(fake.listener.fd);
	loop_timer_stop(&fake.awake);
	loop_free(&fake.app.loop);
}

/* A bound policy; every PORT in the text is the server's. */
static struct policy *fake_policy(const char *yaml)
{
	struct policy_values values = {
	        .service = "checkout", .environment = "prod", .version = "1.2.3"};
	struct problems problems;
	struct policy *written, *bound;
	struct err err = {.code = ERR_NONE};
	struct buf text, shown;

	buf_init(&text, 65536);
	buf_init(&shown, 65536);
	problems_init(&problems);
	for (const char *at = yaml; *at;) {
		if (strncmp(at, "PORT", 4) == 0) {
			buf_printf(&text, "%d", fake.port);
			at += 4;
		} else {
			buf_add_char(&text, *at++);
		}
	}
	written = policy_from_yaml("test.yaml", buf_str(&text), NULL, &problems);
	problems_print(&problems, &shown);
	ck_assert_msg(written != NULL, "%s", shown.bytes);
	bound = policy_bind(written, &values, &err);
	ck_assert_msg(bound != NULL, "%s", err.text);
	policy_free(&written);
	problems_fini(&problems);
	buf_fini(&shown);
	buf_fini(&text);
	return bound;
}

static struct subscription *fake_subscribe(const struct policy *bound)
{
	struct err err = {.code = ERR_NONE};
	struct subscription *s = sources_subscribe(fake.app.sources, bound, &err);

	ck_assert_msg(s != NULL, "%s", err.text);
	return s;
}

#endif
