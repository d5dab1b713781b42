/*
 * direct - connections and their requests. Where an answer ends is direct_answer.c's, and what its
 * headers and body mean transfer.c's.
 */
#include "loop/direct_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/map.h"
#include "base/units.h"
#include "loop/loop.h"
#include "loop/networks.h"
#include "loop/transfer.h"

#define CONNECTIONS_MAX ((size_t)16384)
#define READ_BYTES ((size_t)64 * 1024)
#define REQUEST_BYTES_MAX 4096
#define HEAD_BYTES_MAX ((size_t)16 * 1024)
#define SWEEP_MS 60000
#define IDLE_MS 300000
#define AVOID_MS 600000
#define NS_PER_MS 1000000

static struct str key_of(const struct sockaddr_in *address, char out[6])
{
	memcpy(out, &address->sin_addr, 4);
	memcpy(out + 4, &address->sin_port, 2);
	return (struct str){.p = out, .n = 6};
}

static void direct_close(struct direct *d)
{
	if (d->fd < 0)
		return;
	ev_io_stop(loop_ev(d->pool->loop), &d->io);
	close(d->fd);
	d->fd = -1;
	d->at = AT_IDLE;
}

static void direct_free(struct direct *d)
{
	char key[6];

	direct_close(d);
	loop_timer_stop(&d->timer);
	(void)map_remove(d->pool->connections, key_of(&d->address, key));
	buf_fini(&d->head);
	free(d);
}

/* --- requests --- */

/* http://1.2.3.4:80/path, with nothing in it that would have to be rewritten. */
static bool read_url(const char *url, struct sockaddr_in *out, struct str *out_authority,
                     struct str *out_path)
{
	static const struct str scheme = {"http://", 7};
	struct str all = str_of(url);
	size_t authority = strcspn(url + (all.n < 7 ? all.n : 7), "/?#");
	char host[INET_ADDRSTRLEN];
	struct str name, port = {0};
	int64_t number = 80;
	struct err ignored;
	const char *colon;

	if (!str_starts_with(all, scheme))
		return false;
	*out_authority = name = str_slice(all, 7, 7 + authority);
	*out_path = str_slice(all, 7 + authority, all.n);
	colon = memchr(name.p, ':', name.n);
	if (colon != NULL) {
		port = str_slice(name, (size_t)(colon - name.p) + 1, name.n);
		name.n = (size_t)(colon - name.p);
		if (port.n == 0 || port.n > 5 || port.p[0] == '0' ||
		    strspn(port.p, "0123456789") < port.n || !int_parse(port, &number, &ignored) ||
		    number > 65535 || number == 80)
			return false;
	}
	if (name.n >= sizeof(host))
		return false;
	memcpy(host, name.p, name.n);
	host[name.n] = '\0';
	*out = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
	if (inet_pton(AF_INET, host, &out->sin_addr) != 1)
		return false;
	for (size_t i = 0; i < out_path->n; i++) {
		if (out_path->p[i] <= ' ' || out_path->p[i] > '~' || out_path->p[i] == '#' ||
		    (out_path->p[i] == '.' && out_path->p[i - 1] == '/'))
			return false;
	}
	return out_path->n == 0 || out_path->p[0] == '/';
}

/* Headers as they are, each with a value and none that is ours to write. */
static bool add_headers(const struct fetch *fetch, struct buf *out)
{
	static const char *const ours[] = {"Host:",       "Connection:",     "Accept-Encoding:",
	                                   "User-Agent:", "Content-Length:", "Transfer-Encoding:"};
	bool accepts = false;

	for (const struct curl_slist *h = fetch->headers; h != NULL; h = h->next) {
		const char *colon = strchr(h->data, ':');

		if (strcmp(h->data, "Expect:") == 0)
			continue;
		if (colon == NULL || colon[1] != ' ' || strpbrk(h->data, "\r\n") != NULL)
			return false;
		for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
			if (strncasecmp(h->data, ours[i], strlen(ours[i])) == 0)
				return false;
		}
		accepts = accepts || strncasecmp(h->data, "Accept:", 7) == 0;
		buf_printf(out, "%s\r\n", h->data);
	}
	return accepts; /* curl would add one */
}

static bool write_request(const struct fetch *fetch, struct str authority, struct str path,
                          struct buf *out)
{
	buf_printf(out, "GET %.*s%s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: headgate\r\n",
	           (int)path.n, path.p, path.n == 0 ? "/" : "", (int)authority.n, authority.p);
	if (fetch->request.takes_gzip)
		buf_add_text(out, "Accept-Encoding: gzip\r\n");
	if (!add_headers(fetch, out))
		return false;
	buf_add_text(out, "\r\n");
	return out->failed == ERR_NONE;
}

static bool is_plain(const struct fetch *fetch)
{
	const struct fetch_request *r = &fetch->request;

	return r->on_bytes != NULL && r->mail == NULL && r->tls == NULL && r->body.n == 0 &&
	       strcmp(r->method, "GET") == 0;
}

/* In one piece: what does not fit into an empty socket is not plain. */
static bool send_request(struct direct *d)
{
	struct str authority, path;
	struct sockaddr_in ignored;
	struct buf request;
	bool ok;

	buf_init(&request, REQUEST_BYTES_MAX);
	ok = read_url(d->fetch->url, &ignored, &authority, &path) &&
	     write_request(d->fetch, authority, path, &request) &&
	     send(d->fd, request.bytes, request.n, MSG_NOSIGNAL) == (ssize_t)request.n;
	buf_fini(&request);
	d->at = AT_HEAD;
	return ok;
}

/* --- connections --- */

static void on_io(struct ev_loop *ev, ev_io *io, int events)
{
	struct direct *d = io->data;

	(void)ev;
	(void)events;
	if (d->fetch != NULL)
		d->pool->ready(d->pool->ctx, d->fetch);
	else
		direct_free(d); /* it was closed, or said something nobody asked for */
}

static void on_late(void *ctx)
{
	struct direct *d = ctx;
	struct fetch *fetch = d->fetch;
	long long ms = (long long)((loop_now(d->pool->loop).mono.ns - d->since.ns) / NS_PER_MS);

	if (d->at == AT_CONNECTING)
		snprintf(fetch->error, sizeof(fetch->error),
		         "Connection timed out after %lld milliseconds", ms);
	else
		snprintf(fetch->error, sizeof(fetch->error),
		         "Operation timed out after %lld milliseconds with %zu bytes received", ms,
		         fetch->nraw);
	d->pool->late(d->pool->ctx, fetch);
}

static void watch_for(struct direct *d, int events)
{
	struct ev_loop *ev = loop_ev(d->pool->loop);

	ev_io_stop(ev, &d->io);
	ev_io_set(&d->io, d->fd, events);
	ev_io_start(ev, &d->io);
}

static bool direct_connect(struct direct *d)
{
	int yes = 1;

	d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd < 0)
		return false;
	(void)setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	(void)setsockopt(d->fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes));
	d->at = AT_CONNECTING;
	ev_init(&d->io, on_io);
	d->io.data = d;
	if (connect(d->fd, (const struct sockaddr *)&d->address, sizeof(d->address)) != 0 &&
	    errno != EINPROGRESS) {
		close(d->fd);
		d->fd = -1;
		return false;
	}
	watch_for(d, EV_WRITE);
	return true;
}

static struct direct *obtain(struct direct_pool *pool, const struct sockaddr_in *address)
{
	char key[6];
	struct str name = key_of(address, key);
	struct direct *d = map_get(pool->connections, name);
	struct err ignored;

	if (d != NULL || map_count(pool->connections) >= CONNECTIONS_MAX)
		return d;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	*d = (struct direct){.pool = pool, .address = *address, .fd = -1};
	loop_timer_init(&d->timer, pool->loop, on_late, d);
	buf_init(&d->head, HEAD_BYTES_MAX);
	if (map_put(pool->connections, name, d, &ignored))
		return d;
	free(d);
	return NULL;
}

/* Nothing came since the last answer: what is there before it is asked for answers nothing. */
static bool is_silent(const struct direct *d)
{
	char byte;

	return recv(d->fd, &byte, 1, MSG_PEEK) < 0 && (errno == EAGAIN || errno == EINTR);
}

static int64_t age_ms(const struct direct *d)
{
	return (loop_now(d->pool->loop).mono.ns - d->since.ns) / NS_PER_MS;
}

/* Lately curl had to be asked. */
static bool is_avoided(const struct direct *d)
{
	return d->is_odd && age_ms(d) < AVOID_MS;
}

bool direct_start(struct direct_pool *pool, struct fetch *fetch, int64_t timeout_ms)
{
	bool is_connecting = false;
	struct sockaddr_in address;
	struct str authority, path;
	struct direct *d;
	bool ok;

	if (!is_plain(fetch) || !read_url(fetch->url, &address, &authority, &path) ||
	    !networks_allow(fetch->request.networks, (const struct sockaddr *)&address))
		return false;
	d = obtain(pool, &address);
	if (d == NULL || d->fetch != NULL || is_avoided(d))
		return false;
	d->fetch = fetch;
	d->is_odd = false;
	d->timeout_ms = timeout_ms;
	d->since = loop_now(pool->loop).mono;
	buf_clear(&d->head);
	if (d->fd >= 0 && !is_silent(d))
		direct_close(d);
	is_connecting = d->fd < 0;
	ok = is_connecting ? direct_connect(d) : send_request(d);
	if (!ok) {
		d->fetch = NULL;
		direct_free(d);
		return false;
	}
	fetch->direct = d;
	loop_timer_start(&d->timer, is_connecting && timeout_ms > TRANSFER_CONNECT_MS
	                                    ? TRANSFER_CONNECT_MS
	                                    : timeout_ms);
	return true;
}

void direct_leave(struct fetch *fetch)
{
	struct direct *d = fetch->direct;

	fetch->direct = NULL;
	d->fetch = NULL;
	loop_timer_stop(&d->timer);
	buf_fini(&d->head);
	buf_init(&d->head, HEAD_BYTES_MAX);
	d->since = loop_now(d->pool->loop).mono;
	if (d->at != AT_IDLE)
		direct_close(d);
	if (d->fd < 0 && !d->is_odd)
		direct_free(d);
}

static enum direct_end finish_connect(struct direct *d)
{
	socklen_t n = sizeof(int);
	int reason = 0;

	d->is_odd = getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &reason, &n) != 0 || reason != 0;
	if (d->is_odd)
		return DIRECT_AGAIN;
	loop_timer_start(&d->timer, d->timeout_ms > age_ms(d) ? d->timeout_ms - age_ms(d) : 0);
	watch_for(d, EV_READ);
	return send_request(d) ? DIRECT_GOES_ON : DIRECT_AGAIN;
}

enum direct_end direct_read(struct fetch *fetch)
{
	struct direct *d = fetch->direct;
	ssize_t n;

	if (d->at == AT_CONNECTING)
		return finish_connect(d);
	n = recv(d->fd, d->pool->buffer, READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return DIRECT_GOES_ON;
	if (n <= 0)
		return answer_end(d, n == 0);
	return answer_take(d, (struct str){.p = d->pool->buffer, .n = (size_t)n});
}

/* --- the pool --- */

static void on_sweep(void *ctx)
{
	struct direct_pool *pool = ctx;
	struct str key;
	void *value;

	for (size_t at = 0; map_next(pool->connections, &at, &key, &value);) {
		struct direct *d = value;

		if (d->fetch == NULL && age_ms(d) > (d->fd < 0 ? AVOID_MS : IDLE_MS))
			direct_free(d);
	}
	loop_timer_start(&pool->sweep, SWEEP_MS);
}

struct direct_pool *direct_pool_new(struct loop *loop, direct_ready_fn ready, direct_late_fn late,
                                    void *ctx)
{
	struct direct_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	*pool = (struct direct_pool){.loop = loop, .ready = ready, .late = late, .ctx = ctx};
	loop_timer_init(&pool->sweep, loop, on_sweep, pool);
	/* Whoever says what is to be scraped does not know where we are in memory. */
	pool->connections = map_new((uint64_t)(uintptr_t)pool ^ (uint64_t)loop_clock().ns);
	pool->buffer = malloc(READ_BYTES);
	if (pool->connections == NULL || pool->buffer == NULL) {
		direct_pool_free(&pool);
		return NULL;
	}
	loop_timer_start(&pool->sweep, SWEEP_MS);
	return pool;
}

void direct_pool_free(struct direct_pool **pool)
{
	struct direct_pool *gone = *pool;
	struct str key;
	void *value;

	if (gone == NULL)
		return;
	*pool = NULL;
	loop_timer_stop(&gone->sweep);
	if (gone->connections != NULL) {
		for (size_t at = 0; map_next(gone->connections, &at, &key, &value);)
			direct_free(value);
		map_free(&gone->connections);
	}
	free(gone->buffer);
	free(gone);
}
