/*
 * http_fixture - the HTTP front on a real loop and port with routes of its own, and a raw client
 * that is driven in the same thread: nothing here waits on another process.
 */
#ifndef TESTS_HTTP_FIXTURE_H
#define TESTS_HTTP_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/auth.h"
#include "api/httpd.h"
#include "api/token.h"
#include "api/token_file.h"
#include "app.h"
#include "config.h"
#include "log.h"
#include "loop/loop.h"
#include "metrics.h"

#define ANSWER_MAX (4 << 20)

struct server {
	struct app app;
	struct config config;
	struct metrics metrics;
	char dir[64];
	char tokens_file[96];
	char socket[96];
	char viewer[TOKEN_TEXT + 1];
	char operator[TOKEN_TEXT + 1];
	char listen[32];
};

static struct server server;
static uint64_t later_id;       /* newest request of /later */
static int handled;             /* calls of any route */
static struct loop_timer awake; /* so that a turn without anything to do ends */

static void nothing(void *ctx)
{
	(void)ctx;
}

/* One turn of at most `ms`. */
static void turn(int64_t ms)
{
	loop_timer_start(&awake, ms);
	ev_run(loop_ev(server.app.loop), EVRUN_ONCE);
}

static void handle_echo(struct request *r)
{
	json_t *body = request_body(r);

	handled++;
	if (body)
		request_answer_json(r, 200, json_deep_copy(body));
}

static void handle_get(struct request *r)
{
	const char *etag = "\"7.1\"";

	handled++;
	request_set_header(r, "ETag", etag);
	if (request_etag_matches(r, etag)) {
		request_answer_not_modified(r);
		return;
	}
	request_answer_json(r, 200,
	                    json_pack("{s:s?, s:s?, s:s?, s:s}", "id", request_param(r, 0), "q",
	                              request_query(r, "q"), "who",
	                              request_principal(r) ? request_principal(r)->subject : NULL,
	                              "origin", request_origin(r)));
}

static void handle_later(struct request *r)
{
	handled++;
	later_id = request_id(r);
	ck_assert_ptr_eq(httpd_request(server.app.httpd, later_id), r);
}

static void handle_big(struct request *r)
{
	size_t n = 1 << 20;
	char *bytes = malloc(n);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'x', n);
	request_answer_text(r, 200, "text/plain", (struct str){.p = bytes, .n = n});
	free(bytes);
}

static void handle_busy(struct request *r)
{
	request_set_header(r, "Retry-After", "7");
	request_problem(r, 503, NULL, "Come back.");
}

/* clang-format off */
static const struct route test_routes[] = {
	{ "GET",    "/v1/things/:id",      "view",    handle_get,   0,     "Read." },
	{ "POST",   "/v1/things",          "submit",  handle_echo,  65536, "Write." },
	{ "POST",   "/v1/things/:id/pause", "operate", handle_echo, 65536, "Halt." },
	{ "GET",    "/open",               NULL,      handle_get,   0,     "Open to all." },
	{ "POST",   "/open",               NULL,      handle_echo,  65536, "Open to all." },
	{ "GET",    "/later",              NULL,      handle_later, 0,     "Answers later." },
	{ "POST",   "/later",              NULL,      handle_later, 65536, "Answers later." },
	{ "GET",    "/big",                NULL,      handle_big,   0,     "A megabyte." },
	{ "GET",    "/busy",               NULL,      handle_busy,  0,     "503 with Retry-After." },
	{ NULL, NULL, NULL, NULL, 0, NULL },
};
/* clang-format on */

static void add_token(struct token_list *list, char out[TOKEN_TEXT + 1], const char *subject,
                      const char *role)
{
	struct token_entry *e = &list->entries[list->n++];
	struct token token;
	struct err err;

	ck_assert(token_make(out, &token, &err));
	*e = (struct token_entry){.kid = text_dup(token.kid),
	                          .subject = text_dup(subject),
	                          .hash = text_dup(token.hash),
	                          .roles = calloc(1, sizeof(char *)),
	                          .nroles = 1};
	e->roles[0] = text_dup(role);
}

static void server_start(void)
{
	struct token_list list = {.entries = calloc(2, sizeof(struct token_entry))};
	struct err err;

	memset(&server, 0, sizeof(server));
	handled = 0;
	log_set_level(LOG_ERROR);
	snprintf(server.dir, sizeof(server.dir), "/tmp/headgate-test.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(server.dir));
	snprintf(server.tokens_file, sizeof(server.tokens_file), "%s/tokens.yaml", server.dir);
	snprintf(server.socket, sizeof(server.socket), "%s/api.sock", server.dir);
	add_token(&list, server.viewer, "vera", "viewer");
	add_token(&list, server.operator, "otto", "operator");
	ck_assert_msg(token_file_write(server.tokens_file, &list, &err), "%s", err.text);
	token_list_free(&list);
	snprintf(server.listen, sizeof(server.listen), "127.0.0.1:0");
	server.config.listen = server.listen;
	server.config.socket = server.socket;
	server.config.limits = (struct config_limits){.connections = 200,
	                                              .connections_per_address = 100,
	                                              .request_timeout_ms = 1000,
	                                              .writes_per_second = 10,
	                                              .writes_burst = 40};
	server.app.config = &server.config;
	server.app.metrics = &server.metrics;
	server.app.seed = 42;
	server.app.loop = loop_new(&server.metrics, &err);
	ck_assert_ptr_nonnull(server.app.loop);
	loop_timer_init(&awake, server.app.loop, nothing, NULL);
	server.app.tokens = tokens_new(&server.app, server.tokens_file, &err);
	ck_assert_msg(server.app.tokens != NULL, "%s", err.text);
	server.app.httpd = httpd_new_with(&server.app, test_routes, &err);
	ck_assert_msg(server.app.httpd != NULL, "%s", err.text);
}

static void server_stop(void)
{
	httpd_free(&server.app.httpd);
	tokens_free(&server.app.tokens);
	loop_timer_stop(&awake);
	loop_free(&server.app.loop);
	unlink(server.tokens_file);
	unlink(server.socket);
	rmdir(server.dir);
}

/* --- the raw client --- */

static int client_open(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                         .sin_port = htons((uint16_t)httpd_port(server.app.httpd))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static __attribute__((unused)) int client_open_unix(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", server.socket);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static __attribute__((unused)) void client_send(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t put = send(fd, bytes, n, MSG_NOSIGNAL);

		if (put < 0 && errno != EAGAIN)
			return; /* refused early: the answer says why */
		if (put > 0) {
			bytes += put;
			n -= (size_t)put;
		}
		turn(1);
	}
}

static char answer[ANSWER_MAX];
static size_t answer_n;
static bool answer_closed; /* the server closed the connection */

/* Reads until `whole` bytes after the headers, or the end, or about `ms` passed. Fills answer. */
static __attribute__((unused)) void client_read(int fd, int64_t ms)
{
	int64_t until = loop_clock().ns + ms * 1000000;

	answer_n = 0;
	answer_closed = false;
	while (loop_clock().ns < until) {
		ssize_t n = recv(fd, answer + answer_n, sizeof(answer) - 1 - answer_n, 0);
		const char *head_end;
		const char *length;

		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			answer_closed = true;
			break;
		}
		if (n > 0)
			answer_n += (size_t)n;
		answer[answer_n] = '\0';
		head_end = strstr(answer, "\r\n\r\n");
		length = strcasestr(answer, "\r\nContent-Length: ");
		if (head_end && length && !strcasestr(answer, "\r\nConnection: close") &&
		    answer_n >= (size_t)(head_end - answer) + 4 + strtoul(length + 18, NULL, 10))
			break;
		turn(5);
	}
	answer[answer_n] = '\0';
}

static __attribute__((unused)) int answer_status(void)
{
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtoul(answer + 9, NULL, 10) : 0;
}

/* Sends the text, reads one answer, closes. Returns the status; 0 when none came. */
static __attribute__((unused)) int ask_bytes(const char *bytes, size_t n)
{
	int fd = client_open();

	client_send(fd, bytes, n);
	client_read(fd, 3000);
	close(fd);
	return answer_status();
}

static __attribute__((unused)) int ask(const char *text)
{
	return ask_bytes(text, strlen(text));
}

#endif
