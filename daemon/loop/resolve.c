/* resolve - c-ares' sockets and timer on the loop. */
#include "loop/resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/macros.h"
#include "loop/loop.h"

#define SOCKETS_MAX 16
#define TRY_MS 800
#define TRIES 3
#define LONGEST_WAIT_S 3

struct lookup {
	struct lookup *next;
	struct resolver *resolver;
	resolve_fn fn;
	void *ctx;
	char addresses[RESOLVE_MAX_ADDRESSES][RESOLVE_ADDRESS_TEXT];
	size_t n;
	bool ended;
	struct err err;
};

struct resolver_socket {
	ev_io io;
	struct resolver *resolver;
	int fd; /* -1: free */
};

struct resolver {
	struct loop *loop;
	ares_channel channel;
	struct resolver_socket sockets[SOCKETS_MAX];
	struct loop_timer timer;
	struct lookup *lookups;
	bool telling; /* a turn's end was asked for */
	bool dying;
};

static void resolver_arm(struct resolver *r)
{
	struct timeval most = {.tv_sec = LONGEST_WAIT_S};
	struct timeval wait;

	if (ares_timeout(r->channel, NULL, &wait) == NULL) {
		loop_timer_stop(&r->timer);
		return;
	}
	(void)ares_timeout(r->channel, &most, &wait);
	loop_timer_start(&r->timer, (int64_t)wait.tv_sec * 1000 + wait.tv_usec / 1000 + 1);
}

static void resolver_socket_ready(struct ev_loop *ev, ev_io *w, int revents)
{
	struct resolver_socket *s = w->data;
	struct resolver *r = s->resolver;
	int fd = s->fd;

	(void)ev;
	ares_process_fd(r->channel, (revents & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
	                (revents & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	resolver_arm(r);
}

static void resolver_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = data;
	struct resolver_socket *s = NULL;
	int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);

	for (size_t i = 0; i < SOCKETS_MAX && s == NULL; i++) {
		if (r->sockets[i].fd == fd)
			s = &r->sockets[i];
	}
	for (size_t i = 0; i < SOCKETS_MAX && s == NULL && events != 0; i++) {
		if (r->sockets[i].fd < 0)
			s = &r->sockets[i];
	}
	if (s == NULL)
		return; /* more servers than slots: that one times out, the others answer */
	ev_io_stop(loop_ev(r->loop), &s->io);
	s->fd = events != 0 ? fd : -1;
	if (events == 0)
		return;
	ev_io_init(&s->io, resolver_socket_ready, fd, events);
	s->io.data = s;
	ev_io_start(loop_ev(r->loop), &s->io);
}

static void resolver_tell(void *ctx)
{
	struct resolver *r = ctx;
	struct lookup **at = &r->lookups;
	struct lookup *ended = NULL;

	r->telling = false;
	while (*at != NULL) {
		struct lookup *l = *at;

		if (!l->ended) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		l->next = ended;
		ended = l;
	}
	while (ended != NULL) {
		struct lookup *l = ended;

		ended = l->next;
		l->fn(l->ctx, (const char(*)[RESOLVE_ADDRESS_TEXT])l->addresses, l->n, &l->err);
		free(l);
	}
}

static void resolver_timeout(void *ctx)
{
	struct resolver *r = ctx;

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (!r->telling)
		resolver_tell(r); /* what could not be queued */
	resolver_arm(r);
}

static void lookup_add(struct lookup *l, const struct sockaddr *address)
{
	const void *bytes = NULL;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		bytes = &v4.sin_addr;
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		bytes = &v6.sin6_addr;
	}
	if (bytes != NULL && l->n < RESOLVE_MAX_ADDRESSES &&
	    inet_ntop(address->sa_family, bytes, l->addresses[l->n], RESOLVE_ADDRESS_TEXT) != NULL)
		l->n++;
}

static void lookup_ended(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
	struct lookup *l = arg;
	struct resolver *r = l->resolver;

	(void)timeouts;
	if (status == ARES_SUCCESS && result != NULL) {
		for (struct ares_addrinfo_node *n = result->nodes; n != NULL; n = n->ai_next)
			lookup_add(l, n->ai_addr);
	}
	if (result != NULL)
		ares_freeaddrinfo(result);
	if (l->n == 0)
		err_set(&l->err, ERR_UNAVAILABLE, "no address: %s",
		        status == ARES_SUCCESS ? "empty answer" : ares_strerror(status));
	l->ended = true;
	if (r->dying || r->telling)
		return;
	r->telling = loop_later(r->loop, resolver_tell, r);
	if (!r->telling)
		loop_timer_start(&r->timer, 10); /* out of memory for a moment */
}

bool resolve_is_address(const char *name)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

bool resolve_start(struct resolver *r, const char *name, resolve_fn fn, void *ctx, struct err *err)
{
	const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC,
	                                          .ai_socktype = SOCK_STREAM};
	struct lookup *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return err_set(err, ERR_NOMEM, "no memory to look up a name");
	l->resolver = r;
	l->fn = fn;
	l->ctx = ctx;
	l->next = r->lookups;
	r->lookups = l;
	ares_getaddrinfo(r->channel, name, NULL, &hints, lookup_ended, l);
	resolver_arm(r);
	return true;
}

struct resolver *resolver_new(struct loop *loop, struct err *err)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct ares_options options = {.timeout = TRY_MS,
	                               .tries = TRIES,
	                               .sock_state_cb = resolver_socket_state,
	                               .sock_state_cb_data = r};
	int status;

	if (r == NULL) {
		err_set(err, ERR_NOMEM, "no memory for the resolver");
		return NULL;
	}
	r->loop = loop;
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		r->sockets[i].resolver = r;
		r->sockets[i].fd = -1;
		ev_io_init(&r->sockets[i].io, resolver_socket_ready, -1, 0);
	}
	loop_timer_init(&r->timer, loop, resolver_timeout, r);
	status = ares_init_options(&r->channel, &options,
	                           ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		err_set(err, ERR_UNAVAILABLE, "c-ares: %s", ares_strerror(status));
		free(r);
		return NULL;
	}
	return r;
}

void resolver_free(struct resolver **r)
{
	struct resolver *dead = *r;

	if (dead == NULL)
		return;
	dead->dying = true;
	ares_destroy(dead->channel); /* ends every look-up and closes every socket */
	loop_timer_stop(&dead->timer);
	loop_later_cancel(dead->loop, resolver_tell, dead);
	while (dead->lookups != NULL) {
		struct lookup *l = dead->lookups;

		dead->lookups = l->next;
		free(l);
	}
	free(dead);
	*r = NULL;
}
