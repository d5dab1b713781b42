/*
 * client - connections and how long each may take for what it is doing.
 *
 * The library's own time-out only sees silence: two bytes a second would keep a connection for
 * ever. Here every stage has one total time, checked once a second over all connections (a few
 * thousand at most), and a connection that used it up is shut down, which the library notices as if
 * the client had left.
 */
#include "api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "app.h"
#include "config.h"
#include "log.h"
#include "metrics.h"

#define CHECK_MS 1000
#define IDLE_MS 60000        /* between two requests */
#define READING_MS 60000     /* for taking the answer */
#define WAITING_MS 3600000   /* longest long poll; beyond, a route forgot to answer */
#define HALF_CLOSED_MS 10000 /* a client that closed its half may still read */
#define NS_PER_MS 1000000

static void print_origin(const struct sockaddr *address, char out[API_ORIGIN_MAX])
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	snprintf(out, API_ORIGIN_MAX, "unknown");
	if (address->sa_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		inet_ntop(AF_INET, &in.sin_addr, out, API_ORIGIN_MAX);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
			inet_ntop(AF_INET, &in6.sin6_addr.s6_addr[12], out, API_ORIGIN_MAX);
		else
			inet_ntop(AF_INET6, &in6.sin6_addr, out, API_ORIGIN_MAX);
	}
}

static struct mono after(struct httpd *h, int64_t ms)
{
	struct mono now = loop_now(h->app->loop).mono;

	return (struct mono){.ns = now.ns + ms * NS_PER_MS};
}

void client_set_stage(struct httpd *h, struct client *c, enum client_stage stage)
{
	static const int64_t limits_ms[] = {
	        [CLIENT_IDLE] = IDLE_MS,
	        [CLIENT_WAITING] = WAITING_MS,
	        [CLIENT_READING] = READING_MS,
	};
	int64_t ms = stage == CLIENT_SENDING ? h->app->config->limits.request_timeout_ms
	                                     : limits_ms[stage];

	c->stage = stage;
	c->deadline = after(h, ms);
}

struct client *client_new(struct httpd *h, struct MHD_Connection *connection, bool local)
{
	const union MHD_ConnectionInfo *info;
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = -1;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		c->fd = info->connect_fd;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (local || !info || !info->client_addr)
		snprintf(c->origin, sizeof(c->origin), "unix");
	else
		print_origin(info->client_addr, c->origin);
	/* A new connection has as long for its first request as for the rest of any. */
	client_set_stage(h, c, CLIENT_SENDING);
	c->next = h->clients;
	if (c->next)
		c->next->previous = c;
	h->clients = c;
	if (!loop_timer_running(&h->deadlines))
		loop_timer_start(&h->deadlines, CHECK_MS);
	metric_add(h->app->metrics, METRIC_HTTP_CONNECTIONS, 1);
	return c;
}

void client_free(struct httpd *h, struct client **c)
{
	struct client *gone = *c;

	if (!gone)
		return;
	*c = NULL;
	if (gone->previous)
		gone->previous->next = gone->next;
	else
		h->clients = gone->next;
	if (gone->next)
		gone->next->previous = gone->previous;
	metric_add(h->app->metrics, METRIC_HTTP_CONNECTIONS, -1);
	free(gone);
}

static void check(struct httpd *h, struct client *c, struct mono now)
{
	struct request *r = c->request;
	bool waits = r && r->stage == REQUEST_WAITING;

	if (waits && r->left.ns != 0 && now.ns - r->left.ns > HALF_CLOSED_MS * (int64_t)NS_PER_MS) {
		request_problem(r, 503, NULL, "The client left.");
		return;
	}
	if (now.ns < c->deadline.ns)
		return;
	if (waits) {
		log_line(LOG_ERROR, "http_unanswered", "method=%s path=%s", r->method,
		         log_quote(r->path));
		request_problem(r, 503, NULL, "No answer came in time.");
		return;
	}
	/* Once is enough: MHD closes it in its next run. */
	c->deadline = after(h, IDLE_MS);
	if (c->fd >= 0)
		shutdown(c->fd, SHUT_RDWR);
}

void clients_check(void *httpd)
{
	struct httpd *h = httpd;
	struct mono now = loop_now(h->app->loop).mono;

	for (struct client *c = h->clients; c; c = c->next)
		check(h, c, now);
	if (h->clients)
		loop_timer_start(&h->deadlines, CHECK_MS);
}
