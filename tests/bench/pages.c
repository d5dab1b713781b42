/*
 * pages PORT identity|gzip FILE... - serves metrics pages over HTTP on every local address, as many
 * targets as there are addresses: the files in turn, each connection from the first on, so that
 * counters rise. With gzip the files are compressed already.
 *
 * One thread, kept connections; paths and headers of requests are not looked at. Runs until killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/units.h"

#define ANSWERS_MAX 64
#define ANSWER_MAX ((size_t)16 << 20)
#define EVENTS 256
#define BACKLOG 4096
#define REQUEST_MAX 8192

static struct buf answers[ANSWERS_MAX];
static size_t nanswers;

struct connection {
	int fd;
	size_t next; /* of answers */
	size_t sent; /* of that one, when is_sending */
	char tail[4];
	bool is_sending;
};

static bool load(const char *path, bool gzip)
{
	struct buf body, *answer = &answers[nanswers++];
	FILE *f = fopen(path, "rb");
	char block[65536];
	size_t n;

	if (f == NULL)
		return false;
	buf_init(&body, ANSWER_MAX);
	buf_init(answer, ANSWER_MAX);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&body, block, n);
	buf_printf(answer,
	           "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
	           "%sContent-Length: %zu\r\n\r\n",
	           gzip ? "Content-Encoding: gzip\r\n" : "", body.n);
	buf_add(answer, body.bytes, body.n);
	buf_fini(&body);
	return fclose(f) == 0;
}

static int listen_at(int64_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	return fd;
}

/* False: nothing more comes of it. */
static bool read_request(struct connection *c)
{
	char block[REQUEST_MAX];
	ssize_t n = recv(c->fd, block, sizeof(block), 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	for (ssize_t i = 0; i < n; i++) {
		memmove(c->tail, c->tail + 1, sizeof(c->tail) - 1);
		c->tail[sizeof(c->tail) - 1] = block[i];
		if (memcmp(c->tail, "\r\n\r\n", sizeof(c->tail)) == 0)
			c->is_sending = true;
	}
	return true;
}

static bool send_answer(struct connection *c, int epoll)
{
	const struct buf *answer = &answers[c->next];
	struct epoll_event event = {.data.ptr = c, .events = EPOLLIN};

	while (c->sent < answer->n) {
		ssize_t n = send(c->fd, answer->bytes + c->sent, answer->n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			event.events = EPOLLOUT;
			return epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event) == 0;
		}
		if (n < 0)
			return false;
		c->sent += (size_t)n;
	}
	c->is_sending = false;
	c->sent = 0;
	c->next = (c->next + 1) % nanswers;
	return epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event) == 0;
}

static void take_connections(int epoll, int listener)
{
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = calloc(1, sizeof(*c));
		struct epoll_event event = {.data.ptr = c, .events = EPOLLIN};

		if (c == NULL || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
			free(c);
			close(fd);
			continue;
		}
		c->fd = fd;
	}
}

static void serve(int epoll, int listener)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c == NULL) {
				take_connections(epoll, listener);
				continue;
			}
			if ((c->is_sending || read_request(c)) &&
			    (!c->is_sending || send_answer(c, epoll)))
				continue;
			close(c->fd);
			free(c);
		}
	}
}

int main(int argc, char **argv)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	int epoll = epoll_create1(EPOLL_CLOEXEC), listener;
	struct rlimit descriptors;
	int64_t port = 0;
	struct err err;

	if (argc < 4 || argc - 3 > ANSWERS_MAX || !int_parse(str_of(argv[1]), &port, &err)) {
		fputs("usage: pages PORT identity|gzip FILE...\n", stderr);
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
		descriptors.rlim_cur = descriptors.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &descriptors);
	}
	for (int i = 3; i < argc; i++) {
		if (!load(argv[i], strcmp(argv[2], "gzip") == 0))
			return 1;
	}
	listener = listen_at(port);
	if (listener < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) != 0)
		return 1;
	serve(epoll, listener);
	return 0;
}
