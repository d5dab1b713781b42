/*
 * Plain requests go without curl: what comes of an answer is what comes of it with curl, wherever
 * it is cut, over new connections and kept ones.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/macros.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "loop/networks.h"
#include "metrics.h"

#define CONNECTIONS 16
#define BYTES_MAX 4096

/* --- a server that answers every request with the same bytes, in pieces --- */

struct connection {
	ev_io io;
	bool is_open;
	char request[2048];
	size_t n, sent;
	bool is_answering;
};

static struct metrics metrics;
static struct loop *loop;
static struct fetcher *fetcher;
static struct loop_timer awake;
static ev_io listener;
static int port;
static struct connection connections[CONNECTIONS];
static struct str answer;
static size_t piece;      /* bytes at a time; 0: all at once */
static bool closes;       /* behind the answer */
static bool hangs;        /* before it */
static unsigned accepted; /* connections */
static char newest_request[2048];

static void nothing(void *ctx)
{
	(void)ctx;
}

static void turn(void)
{
	loop_timer_start(&awake, 10);
	ev_run(loop_ev(loop), EVRUN_ONCE);
}

static void drop(struct connection *c)
{
	ev_io_stop(loop_ev(loop), &c->io);
	close(c->io.fd);
	c->is_open = false;
}

static void want(struct connection *c, int events)
{
	ev_io_stop(loop_ev(loop), &c->io);
	ev_io_set(&c->io, c->io.fd, events);
	ev_io_start(loop_ev(loop), &c->io);
}

static void send_piece(struct connection *c)
{
	size_t left = answer.n - c->sent, n = piece > 0 && piece < left ? piece : left;

	if (n > 0 && send(c->io.fd, answer.p + c->sent, n, MSG_NOSIGNAL) != (ssize_t)n) {
		drop(c);
		return;
	}
	c->sent += n;
	if (c->sent < answer.n)
		return;
	c->is_answering = false;
	if (closes)
		drop(c);
	else
		want(c, EV_READ);
}

static void on_connection(struct ev_loop *ev, ev_io *io, int events)
{
	struct connection *c = io->data;
	ssize_t n;

	(void)ev;
	if (c->is_answering && (events & EV_WRITE)) {
		send_piece(c);
		return;
	}
	n = recv(io->fd, c->request + c->n, sizeof(c->request) - 1 - c->n, 0);
	if (n <= 0) {
		drop(c);
		return;
	}
	c->n += (size_t)n;
	c->request[c->n] = '\0';
	if (strstr(c->request, "\r\n\r\n") == NULL)
		return;
	memcpy(newest_request, c->request, sizeof(newest_request));
	c->n = c->sent = 0;
	c->is_answering = !hangs;
	if (!hangs)
		want(c, EV_WRITE);
}

static void on_listener(struct ev_loop *ev, ev_io *io, int events)
{
	int fd = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;

	(void)ev;
	(void)events;
	for (size_t i = 0; fd >= 0 && i < CONNECTIONS; i++) {
		struct connection *c = &connections[i];

		if (c->is_open)
			continue;
		accepted++;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		*c = (struct connection){.is_open = true};
		ev_io_init(&c->io, on_connection, fd, EV_READ);
		c->io.data = c;
		ev_io_start(loop_ev(loop), &c->io);
		return;
	}
	ck_abort_msg("too many connections");
}

static void drop_all(void)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (connections[i].is_open)
			drop(&connections[i]);
	}
}

static void begin(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct err err;

	loop = loop_new(&metrics, &err);
	ck_assert_ptr_nonnull(loop);
	loop_timer_init(&awake, loop, nothing, NULL);
	ck_assert(fd >= 0 && bind(fd, (struct sockaddr *)&any, n) == 0 && listen(fd, 16) == 0 &&
	          getsockname(fd, (struct sockaddr *)&any, &n) == 0);
	port = ntohs(any.sin_port);
	ev_io_init(&listener, on_listener, fd, EV_READ);
	ev_io_start(loop_ev(loop), &listener);
	fetcher = fetcher_new(loop, 2, 4, &err);
	ck_assert_ptr_nonnull(fetcher);
	closes = hangs = false;
	piece = 0;
	accepted = 0;
}

static void end(void)
{
	fetcher_free(&fetcher);
	drop_all();
	ev_io_stop(loop_ev(loop), &listener);
	close(listener.fd);
	loop_timer_stop(&awake);
	loop_free(&loop);
}

/* --- requests --- */

struct seen {
	int calls;
	enum fetch_failure failure;
	long status;
	char type[64], error[256], body[BYTES_MAX];
	size_t n, most; /* most: then it says stop */
	bool is_framed;
	struct fetch *fetch;
	bool cancels;
};

static bool on_bytes(void *ctx, const char *bytes, size_t n)
{
	struct seen *seen = ctx;

	ck_assert_uint_le(n, sizeof(seen->body) - seen->n);
	ck_assert_int_eq(fetch_status(seen->fetch), 200);
	memcpy(seen->body + seen->n, bytes, n);
	seen->n += n;
	seen->is_framed = fetch_is_framed(seen->fetch);
	if (seen->cancels)
		fetch_cancel(seen->fetch);
	return seen->most == 0 || seen->n < seen->most;
}

static void done(void *ctx, const struct fetch_reply *reply)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->failure = reply->failure;
	seen->status = reply->failure == FETCH_OK ? reply->status : 0;
	snprintf(seen->type, sizeof(seen->type), "%s", reply->content_type);
	snprintf(seen->error, sizeof(seen->error), "%s",
	         reply->failure == FETCH_OK ? "" : reply->err.text);
}

/* Curl takes the way it knows when the path has to be rewritten. */
static struct seen ask(bool by_curl, int64_t timeout_ms, const struct seen *how)
{
	static const char *const headers[] = {"Accept: text/plain", "X-More: 1", NULL};
	struct seen seen = *how;
	char url[128];
	struct fetch_request request = {.method = "GET",
	                                .url = url,
	                                .headers = headers,
	                                .timeout_ms = timeout_ms,
	                                .max_bytes = 2000,
	                                .takes_gzip = true,
	                                .on_bytes = on_bytes,
	                                .done = done,
	                                .ctx = &seen};
	struct err err;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/%spage?a=b", port, by_curl ? "./" : "");
	seen.fetch = fetch_start(fetcher, &request, &err);
	ck_assert_ptr_nonnull(seen.fetch);
	ck_assert_int_eq(seen.calls, 0);
	for (int i = 0; i < 2000 && seen.calls == 0 && !(seen.cancels && seen.n > 0); i++)
		turn();
	ck_assert_int_eq(seen.calls, !seen.cancels);
	return seen;
}

/* clang-format off */
#define OK "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define GZ "\037\213\010\000\000\000\000\000\002\003\113\124\060\344\112\244\042\006\000\020\242\302\031\120\000\000\000"
#define TEN "0123456789"
static const struct {
	const char *why;
	struct str answer;
	bool closes;
	bool says_other; /* words of its own */
} rows[] = {
#define A(text) { text, sizeof(text) - 1 }
	{ "a length",               A(OK "Content-Length: 5\r\n\r\nabcd\n"), false, false },
	{ "no body",                A(OK "Content-Length: 0\r\n\r\n"), false, false },
	{ "other spellings",        A("HTTP/1.1 200\r\ncontent-length:4  \r\nX-Y:\r\n\r\nabc\n"), false, false },
	{ "cut",                    A(OK "Content-Length: 9\r\n\r\nabcd"), true, true },
	{ "cut before its body",    A(OK "Content-Length: 9\r\n\r\n"), true, true },
	{ "cut within its head",    A(OK "Content-Length: 9\r\n"), true, false },
	{ "nothing at all",         A(""), true, false },
	{ "until the end",          A(OK "\r\nabcd\n"), true, false },
	{ "no longer kept",         A(OK "Connection: close\r\nContent-Length: 2\r\n\r\nab"), true, false },
	{ "kept as it says",        A(OK "Connection: keep-alive\r\nContent-Length: 2\r\n\r\nab"), false, false },
	{ "chunks",                 A(CHUNKED "5\r\nabcd\n\r\nA\r\n" TEN "\r\n0\r\n\r\n"), false, false },
	{ "no chunk",               A(CHUNKED "0\r\n\r\n"), false, false },
	{ "chunks with extensions", A(CHUNKED "5;a=b\r\nabcd\n\r\n00\r\nX: y\r\nZ: w\r\n\r\n"), false, false },
	{ "chunks that are cut",    A(CHUNKED "5\r\nabc"), true, true },
	{ "no last chunk",          A(CHUNKED "3\r\nabc\r\n"), true, true },
	{ "a chunk of no size",     A(CHUNKED "3\r\nabc\r\nxyz\r\n"), true, true },
	{ "a chunk that is longer", A(CHUNKED "3\r\nabcdef\r\n0\r\n\r\n"), true, true },
	{ "gzip",                   A(OK "Content-Encoding: gzip\r\nContent-Length: 27\r\n\r\n" GZ), false, false },
	{ "gzip cut short",         A(OK "Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\037\213\010\000\000\000\000\000\002"), false, false },
	{ "gzip that is none",      A(OK "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcd\n"), false, false },
	{ "an unknown encoding",    A(OK "Content-Encoding: br\r\nContent-Length: 5\r\n\r\nabcd\n"), false, false },
	{ "an error's page",        A("HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno\n"), false, false },
	{ "no content",             A("HTTP/1.1 204 None\r\n\r\n"), false, false },
	{ "elsewhere",              A("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), false, false },
	{ "first a go-on",          A("HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 2\r\n\r\nab"), false, false },
	{ "an older protocol",      A("HTTP/1.0 200 OK\r\n\r\nabcd\n"), true, false },
	{ "two lengths",            A(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcd\n"), false, false },
	{ "a length below zero",    A(OK "Content-Length: -5\r\n\r\nabcd\n"), true, false },
	{ "a length and chunks",    A(OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), true, false },
	{ "a folded header",        A(OK "X-Long: a\r\n b\r\nContent-Length: 2\r\n\r\nab"), false, false },
	{ "lines without returns",  A("HTTP/1.1 200 OK\nContent-Length: 2\n\nab"), true, false },
	{ "the same over a kept connection", A("HTTP/1.1 200 OK\nContent-Length: 2\n\nab"), false, false },
	{ "the same without an empty line's return", A("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nab"), false, false },
	{ "an empty line of which only the return is there", A("HTTP/1.1 200 OK\nContent-Length: 2\n\r\nab"), false, false },
	{ "no HTTP",                A("SSH-2.0-OpenSSH_9.2\r\n\r\n"), true, false },
};
/* clang-format on */

static void expect_same(const struct seen *direct, const struct seen *curl, const char *why,
                        bool says_other)
{
	ck_assert_msg(direct->failure == curl->failure && direct->status == curl->status,
	              "%s: %d %ld %s, with curl %d %ld %s", why, direct->failure, direct->status,
	              direct->error, curl->failure, curl->status, curl->error);
	ck_assert_msg(direct->n == curl->n && memcmp(direct->body, curl->body, curl->n) == 0,
	              "%s: %zu bytes, with curl %zu", why, direct->n, curl->n);
	ck_assert_msg(direct->is_framed == curl->is_framed, "%s: framed", why);
	ck_assert_msg(says_other || strcmp(direct->error, curl->error) == 0, "%s: %s, with curl %s",
	              why, direct->error, curl->error);
	ck_assert_msg(says_other || strcmp(direct->type, curl->type) == 0, "%s: type", why);
}

START_TEST(an_answer_is_the_same_without_curl)
{
	static const size_t pieces[] = {0, 1, 2, 3, 7, 50};
	const struct seen how = {.calls = 0};

	begin();
	answer = rows[_i].answer;
	closes = rows[_i].closes;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct seen direct, again, curl;

		piece = pieces[i];
		direct = ask(false, 20000, &how);
		again = ask(false, 20000, &how);
		curl = ask(true, 20000, &how);
		expect_same(&direct, &curl, rows[_i].why, rows[_i].says_other);
		expect_same(&again, &curl, rows[_i].why, rows[_i].says_other);
	}
	end();
}
END_TEST

START_TEST(connections_are_kept_and_asked_like_curl_asks)
{
	const struct seen how = {.calls = 0};
	char expected[512];

	begin();
	answer = (struct str)A(OK "Content-Length: 2\r\n\r\nab");
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(ask(false, 20000, &how).n, 2);
	ck_assert_uint_eq(accepted, 1);
	snprintf(expected, sizeof(expected),
	         "GET /page?a=b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: headgate\r\n"
	         "Accept-Encoding: gzip\r\nAccept: text/plain\r\nX-More: 1\r\n\r\n",
	         port);
	ck_assert_str_eq(newest_request, expected);
	(void)ask(true, 20000, &how);
	ck_assert_uint_eq(accepted, 2);
	ck_assert_str_eq(newest_request, expected);
	drop_all(); /* a kept connection that was closed meanwhile */
	ck_assert_uint_eq(ask(false, 20000, &how).n, 2);
	for (int i = 0; i < 3; i++)
		turn();
	ck_assert_uint_eq(ask(false, 20000, &how).n, 2);
	end();
}
END_TEST

START_TEST(more_than_was_announced_spoils_the_connection)
{
	const struct seen how = {.calls = 0};

	begin();
	answer = (struct str)A(OK "Content-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n");
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_uint_eq(ask(false, 20000, &how).n, 2);
		ck_assert_uint_eq(accepted, i);
	}
	end();
}
END_TEST

START_TEST(a_page_that_nobody_asked_for_is_not_the_answer_to_the_next_question)
{
	static const char stray[] = OK "Content-Length: 2\r\n\r\nzz";
	const struct seen how = {.calls = 0};
	struct seen seen;

	begin();
	answer = (struct str)A(OK "Content-Length: 2\r\n\r\nab");
	ck_assert_uint_eq(ask(false, 20000, &how).n, 2);
	ck_assert_int_eq(send(connections[0].io.fd, stray, sizeof(stray) - 1, MSG_NOSIGNAL),
	                 sizeof(stray) - 1);
	seen = ask(false, 20000, &how);
	ck_assert_int_eq(memcmp(seen.body, "ab", 2), 0);
	ck_assert_uint_eq(accepted, 2);
	end();
}
END_TEST

START_TEST(a_reader_may_stop_cancel_or_have_too_much)
{
	struct seen how = {.most = 3};
	struct seen seen;

	begin();
	answer = (struct str)A(OK "Content-Length: 5\r\n\r\nabcd\n");
	seen = ask(false, 20000, &how);
	ck_assert_int_eq(seen.failure, FETCH_STOPPED);
	how = (struct seen){.cancels = true};
	seen = ask(false, 20000, &how);
	ck_assert_int_eq(seen.calls, 0);
	ck_assert_uint_eq(fetcher_active(fetcher), 0);
	answer = (struct str)A(OK "Content-Length: 3000\r\n\r\nabcd\n");
	hangs = true;
	how = (struct seen){.calls = 0};
	seen = ask(false, 50, &how);
	ck_assert_int_eq(seen.failure, FETCH_PEER);
	ck_assert_ptr_nonnull(strstr(seen.error, "Operation timed out after "));
	hangs = false;
	seen = ask(false, 50, &how);
	ck_assert_int_eq(seen.failure, FETCH_PEER);
	ck_assert_ptr_nonnull(strstr(seen.error, " milliseconds with 5 bytes received"));
	end();
}
END_TEST

START_TEST(addresses_that_are_not_allowed_or_not_there)
{
	const struct seen how = {.calls = 0};
	struct seen seen = {.calls = 0};
	struct fetch_request request = {.method = "GET",
	                                .timeout_ms = 5000,
	                                .max_bytes = 100,
	                                .on_bytes = on_bytes,
	                                .done = done,
	                                .ctx = &seen};
	struct networks *networks;
	struct err err;
	char url[64], cidr[] = "10.0.0.0/8";

	begin();
	answer = (struct str)A(OK "Content-Length: 2\r\n\r\nab");
	ck_assert_uint_eq(ask(false, 20000, &how).n, 2); /* leaves a connection behind */
	networks = networks_new((char *const[]){cidr}, 1, &err);
	ck_assert_ptr_nonnull(networks);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/page", port);
	request.url = url;
	request.networks = networks;
	seen.fetch = fetch_start(fetcher, &request, &err);
	for (int i = 0; i < 500 && seen.calls == 0; i++)
		turn();
	ck_assert_int_eq(seen.failure, FETCH_FORBIDDEN);
	ck_assert_uint_eq(accepted, 1);
	networks_free(&networks);
	ev_io_stop(loop_ev(loop), &listener);
	close(listener.fd);
	drop_all();
	for (int i = 0; i < 3; i++)
		turn();
	seen = ask(false, 5000, &how);
	ck_assert_int_eq(seen.failure, FETCH_PEER);
	ck_assert_ptr_nonnull(strstr(seen.error, "Failed to connect"));
	listener.fd = dup(0);
	end();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("direct");
	TCase *t = tcase_create("direct");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, an_answer_is_the_same_without_curl, 0, (int)ARRAY_LEN(rows));
	tcase_add_test(t, connections_are_kept_and_asked_like_curl_asks);
	tcase_add_test(t, more_than_was_announced_spoils_the_connection);
	tcase_add_test(t, a_page_that_nobody_asked_for_is_not_the_answer_to_the_next_question);
	tcase_add_test(t, a_reader_may_stop_cancel_or_have_too_much);
	tcase_add_test(t, addresses_that_are_not_allowed_or_not_there);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
