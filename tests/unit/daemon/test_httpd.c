/*
 * httpd: what strangers may send, over real sockets, and answers that come later.
 */
#include "../suite.h"
#include "http_fixture.h"

#define HOST "Host: h\r\n"
#define END "\r\n"

/* clang-format off */
static const struct {
	const char *why;
	const char *request;
	int status;     /* 0: closed without an answer */
	bool closes;
} bad[] = {
	{ "no token",                      "GET /v1/things/1 HTTP/1.1\r\n" HOST END, 401, false },
	{ "garbled token",                 "GET /v1/things/1 HTTP/1.1\r\n" HOST "Authorization: Bearer hg_x" END END, 401, false },
	{ "unknown path",                  "GET /v1/nothing HTTP/1.1\r\n" HOST END, 404, false },
	{ "wrong method for the path",     "DELETE /v1/things HTTP/1.1\r\n" HOST END, 405, false },
	{ "method nobody has",             "BREW / HTTP/1.1\r\n" HOST END, 405, true },
	{ "length and coding",             "POST /open HTTP/1.1\r\n" HOST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 501, true },
	{ "chunked",                       "POST /open HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501, true },
	{ "coding nobody knows",           "POST /open HTTP/1.1\r\n" HOST "Transfer-Encoding: chonked\r\n\r\n", 501, true },
	{ "coding with a blank",           "POST /open HTTP/1.1\r\n" HOST "Transfer-Encoding : chunked\r\n\r\n", 400, true },
	{ "two lengths",                   "POST /open HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, true },
	{ "two equal lengths",             "POST /open HTTP/1.1\r\n" HOST "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, true },
	{ "negative length",               "POST /open HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", 400, true },
	{ "empty length",                  "POST /open HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400, true },
	{ "list of lengths",               "POST /open HTTP/1.1\r\n" HOST "Content-Length: 2, 2\r\n\r\n{}", 400, true },
	{ "signed length",                 "POST /open HTTP/1.1\r\n" HOST "Content-Length: +2\r\n\r\n{}", 400, true },
	{ "hexadecimal length",            "POST /open HTTP/1.1\r\n" HOST "Content-Length: 0x2\r\n\r\n{}", 400, true },
	{ "length of 2^63",                "POST /open HTTP/1.1\r\n" HOST "Content-Length: 9223372036854775808\r\n\r\n{}", 400, true },
	{ "length beyond every body",      "POST /open HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{}", 413, true },
	{ "GET with a body",               "GET /open HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 400, true },
	{ "DELETE with a body",            "DELETE /open HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 400, true },
	{ "two hosts",                     "GET /open HTTP/1.1\r\n" HOST HOST END, 400, true },
	{ "no host",                       "GET /open HTTP/1.1\r\n\r\n", 400, true },
	{ "absolute form",                 "GET http://h/open HTTP/1.1\r\n" HOST END, 400, true },
	{ "escaped NUL",                   "GET /open%00 HTTP/1.1\r\n" HOST END, 400, true },
	{ "escaped dots",                  "GET /%2e%2e/open HTTP/1.1\r\n" HOST END, 400, true },
	{ "plain dots",                    "GET /../open HTTP/1.1\r\n" HOST END, 400, true },
	{ "control character in a value",  "GET /open HTTP/1.1\r\n" HOST "X: a\001b\r\n\r\n", 400, true },
	{ "blank in a header name",        "GET /open HTTP/1.1\r\n" HOST "X y: a\r\n\r\n", 400, true },
	{ "HTTP/2 preface",                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, true },
	{ "type nobody reads",             "POST /open HTTP/1.1\r\n" HOST "Content-Type: text/xml\r\nContent-Length: 2\r\n\r\n{}", 415, true },
	{ "body without a type",           "POST /open HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415, true },
	{ "compressed body",               "POST /open HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415, true },
	{ "answer nobody gives",           "GET /open HTTP/1.1\r\n" HOST "Accept: image/png\r\n\r\n", 406, false },
	{ "another site's page",           "POST /open HTTP/1.1\r\n" HOST "Sec-Fetch-Site: cross-site\r\n\r\n", 403, true },
	{ "another origin",                "POST /open HTTP/1.1\r\n" HOST "Origin: http://evil\r\n\r\n", 403, true },
	{ "duplicate key in JSON",         "POST /open HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"a\":1, \"a\":2} ", 400, false },
	{ "scalar root",                   "POST /open HTTP/1.1\r\n" HOST "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n12", 400, false },
	{ "duplicate key in a form",       "POST /open HTTP/1.1\r\n" HOST "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=1&a=2", 400, false },
	{ "broken escape in a query",      "GET /open?q=%zz HTTP/1.1\r\n" HOST END, 400, false },
	{ "duplicate key in a query",      "GET /open?q=1&q=2 HTTP/1.1\r\n" HOST END, 400, false },
};
/* clang-format on */

START_TEST(bad_input_gets_the_status_of_the_matrix)
{
	const char *why = bad[_i].why;
	int status = ask(bad[_i].request);

	ck_assert_msg(status == bad[_i].status, "%s: %d, not %d: %s", why, status, bad[_i].status,
	              answer);
	ck_assert_msg((strcasestr(answer, "Connection: close") != NULL) == bad[_i].closes, "%s: %s",
	              why, answer);
	ck_assert_msg(!bad[_i].closes || answer_closed, "%s: still open", why);
	ck_assert_int_eq(handled, status == 400 && !bad[_i].closes &&
	                                  strncmp(bad[_i].request, "POST", 4) == 0);
	/* The library's own refusals have no body of ours. */
	if (strcasestr(answer, "problem+json"))
		ck_assert_msg(strstr(answer, "\"type\":\"about:blank\",\"title\":\"") &&
		                      strstr(answer, "\"detail\":\""),
		              "%s: %s", why, answer);
}
END_TEST

START_TEST(too_much_before_the_body_is_refused)
{
	static char text[64 * 1024];
	size_t n = (size_t)snprintf(text, sizeof(text), "GET /open HTTP/1.1\r\n" HOST);

	for (int i = 0; i < 70; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "X-%d: y\r\n", i);
	snprintf(text + n, sizeof(text) - n, "\r\n");
	ck_assert_int_eq(ask(text), 431);

	n = (size_t)snprintf(text, sizeof(text), "GET /open HTTP/1.1\r\n" HOST "X: ");
	memset(text + n, 'a', 20000);
	snprintf(text + n + 20000, 16, "\r\n\r\n");
	ck_assert_int_eq(ask(text), 431);

	n = (size_t)snprintf(text, sizeof(text), "GET /open?q=");
	memset(text + n, 'a', 20000);
	snprintf(text + n + 20000, 64, " HTTP/1.1\r\n" HOST "\r\n");
	ck_assert_int_eq(ask(text), 414);
	ck_assert_int_eq(handled, 0);
}
END_TEST

START_TEST(a_body_too_large_is_read_and_refused_without_a_reset)
{
	static char text[300 * 1024];
	int n = snprintf(text, sizeof(text),
	                 "POST /open HTTP/1.1\r\n" HOST
	                 "Content-Type: application/json\r\nContent-Length: 200000\r\n\r\n");

	memset(text + n, ' ', 200000);
	ck_assert_int_eq(ask_bytes(text, (size_t)n + 200000), 413);
	ck_assert(!answer_closed);
	ck_assert_ptr_nonnull(strstr(answer, "at most 65536"));
	ck_assert_int_eq(handled, 0);
}
END_TEST

START_TEST(a_drip_is_cut_at_the_total_time)
{
	int fd = client_open();
	const char *drip =
	        "GET /open HTTP/1.1\r\nHost: h\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	int64_t begun = loop_clock().ns;

	answer_closed = false;
	for (size_t i = 0; drip[i] != '\0' && !answer_closed; i++) {
		client_send(fd, &drip[i], 1);
		client_read(fd, 100);
	}
	ck_assert(answer_closed);
	/* A second's limit, checked once a second. */
	ck_assert_int_lt(loop_clock().ns - begun, 3000000000);
	close(fd);
}
END_TEST

START_TEST(tokens_decide_who_may_do_what)
{
	char text[512];

	snprintf(text, sizeof(text),
	         "GET /v1/things/7?q=a%%20b+c HTTP/1.1\r\n" HOST "Authorization: Bearer %s\r\n\r\n",
	         server.viewer);
	ck_assert_int_eq(ask(text), 200);
	ck_assert_ptr_nonnull(strstr(
	        answer,
	        "{\"id\":\"7\",\"q\":\"a b c\",\"who\":\"vera\",\"origin\":\"127.0.0.1\"}\n"));
	snprintf(text, sizeof(text),
	         "POST /v1/things HTTP/1.1\r\n" HOST "Authorization: Bearer %s\r\n\r\n",
	         server.viewer);
	ck_assert_int_eq(ask(text), 403);
	ck_assert_ptr_nonnull(strstr(answer, "\"permission\":\"submit\""));
	snprintf(text, sizeof(text),
	         "POST /v1/things HTTP/1.1\r\n" HOST "Authorization: Bearer %s\r\n\r\n",
	         server.operator);
	ck_assert_int_eq(ask(text), 200);
	ck_assert_ptr_nonnull(strstr(answer, "\r\n\r\n{}\n"));
	server.config.allow_anonymous_view = true;
	ck_assert_int_eq(ask("GET /v1/things/7 HTTP/1.1\r\n" HOST END), 200);
	ck_assert_int_eq(ask("POST /v1/things HTTP/1.1\r\n" HOST END), 401);
	ck_assert_ptr_nonnull(strstr(answer, "WWW-Authenticate: Bearer"));
}
END_TEST

START_TEST(guessing_is_slowed_but_valid_tokens_pass)
{
	char text[512];

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(ask("GET /v1/things/7 HTTP/1.1\r\n" HOST END), 401);
	ck_assert_int_eq(ask("GET /v1/things/7 HTTP/1.1\r\n" HOST END), 429);
	ck_assert_ptr_nonnull(strstr(answer, "Retry-After: "));
	snprintf(text, sizeof(text),
	         "GET /v1/things/7 HTTP/1.1\r\n" HOST "Authorization: Bearer %s\r\n\r\n",
	         server.viewer);
	ck_assert_int_eq(ask(text), 200);
}
END_TEST

START_TEST(a_halt_passes_when_other_writes_are_held_back)
{
	char text[512];
	int status = 200;

	snprintf(text, sizeof(text),
	         "POST /v1/things HTTP/1.1\r\n" HOST "Authorization: Bearer %s\r\n\r\n",
	         server.operator);
	for (int i = 0; i < 100 && status == 200; i++)
		status = ask(text);
	ck_assert_int_eq(status, 429);
	snprintf(text, sizeof(text),
	         "POST /v1/things/7/pause HTTP/1.1\r\n" HOST "Authorization: Bearer %s\r\n\r\n",
	         server.operator);
	ck_assert_int_eq(ask(text), 200);
}
END_TEST

START_TEST(forms_and_json_read_the_same)
{
	ck_assert_int_eq(ask("POST /open HTTP/1.1\r\n" HOST
	                     "Content-Type: application/x-www-form-urlencoded\r\n"
	                     "Content-Length: 26\r\n\r\nreason=p95+looks%20odd&x=1"),
	                 200);
	ck_assert_ptr_nonnull(strstr(answer, "{\"reason\":\"p95 looks odd\",\"x\":\"1\"}"));
	ck_assert_int_eq(ask("POST /open HTTP/1.1\r\n" HOST
	                     "Content-Type: application/json; charset=utf-8\r\n"
	                     "Content-Length: 11\r\n\r\n{\"x\": 0.10}"),
	                 200);
	ck_assert_ptr_nonnull(strstr(answer, "{\"x\":0.1}"));
}
END_TEST

START_TEST(head_and_etag_send_no_body)
{
	ck_assert_int_eq(ask("HEAD /open HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"), 200);
	ck_assert_str_eq(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
	ck_assert_int_eq(
	        ask("GET /open HTTP/1.1\r\n" HOST "If-None-Match: \"1\", W/\"7.1\"\r\n\r\n"), 304);
	ck_assert_ptr_nonnull(strstr(answer, "ETag: \"7.1\""));
	ck_assert_int_eq(ask("GET /open HTTP/1.1\r\n" HOST "If-None-Match: \"7.2\"\r\n\r\n"), 200);
}
END_TEST

START_TEST(two_requests_in_one_packet_get_two_answers)
{
	int fd = client_open();
	const char *two = "GET /open HTTP/1.1\r\n" HOST END "GET /open HTTP/1.1\r\n" HOST END;

	client_send(fd, two, strlen(two));
	for (int i = 0; i < 50; i++)
		turn(2);
	client_read(fd, 200);
	ck_assert_int_eq(handled, 2);
	ck_assert_ptr_nonnull(strstr(answer + 1, "HTTP/1.1 200"));
	close(fd);
}
END_TEST

START_TEST(an_answer_may_come_turns_later)
{
	int fd = client_open();
	const char *text = "POST /later HTTP/1.1\r\n" HOST
	                   "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

	client_send(fd, text, strlen(text));
	client_read(fd, 200);
	ck_assert_uint_eq(answer_n, 0);
	ck_assert_int_eq(handled, 1);
	ck_assert_ptr_null(httpd_request(server.app.httpd, later_id + 1));
	request_answer_json(httpd_request(server.app.httpd, later_id), 201, json_object());
	ck_assert_ptr_null(httpd_request(server.app.httpd, later_id));
	client_read(fd, 3000);
	ck_assert_int_eq(answer_status(), 201);
	/* The connection goes on. */
	client_send(fd, "GET /open HTTP/1.1\r\nHost: h\r\n\r\n", 31);
	client_read(fd, 3000);
	ck_assert_int_eq(answer_status(), 200);
	close(fd);
}
END_TEST

START_TEST(a_client_that_closed_its_half_still_gets_its_answer)
{
	int fd = client_open();

	client_send(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n", 32);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	client_read(fd, 100);
	ck_assert_ptr_nonnull(httpd_request(server.app.httpd, later_id));
	request_answer_json(httpd_request(server.app.httpd, later_id), 200, json_object());
	client_read(fd, 3000);
	ck_assert_int_eq(answer_status(), 200);
	close(fd);
}
END_TEST

START_TEST(a_client_that_left_frees_its_request)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	int fd = client_open();

	client_send(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n", 32);
	for (int i = 0; i < 20; i++)
		turn(2);
	ck_assert_ptr_nonnull(httpd_request(server.app.httpd, later_id));
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	close(fd);
	for (int i = 0; i < 100; i++)
		turn(2);
	ck_assert_ptr_null(httpd_request(server.app.httpd, later_id));
	ck_assert_double_eq(server.metrics.values[METRIC_HTTP_CONNECTIONS], 0);
}
END_TEST

START_TEST(a_drain_answers_what_waits_and_stops_listening)
{
	int fd = client_open();
	int idle = client_open();

	client_send(idle, "GET /open HTTP/1.1\r\nHost: h\r\n\r\n", 31);
	client_read(idle, 1000);
	client_send(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n", 32);
	for (int i = 0; i < 20; i++)
		turn(2);
	httpd_drain(server.app.httpd);
	client_read(fd, 3000);
	ck_assert_int_eq(answer_status(), 503);
	ck_assert(answer_closed);
	client_send(idle, "GET /open HTTP/1.1\r\nHost: h\r\n\r\n", 31);
	client_read(idle, 3000);
	ck_assert_int_eq(answer_status(), 503);
	ck_assert(answer_closed);
	ck_assert_int_ne(access(server.socket, F_OK), 0);
	close(fd);
	close(idle);
}
END_TEST

START_TEST(it_can_be_stopped_with_requests_waiting)
{
	int fd = client_open();

	client_send(fd, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n", 32);
	for (int i = 0; i < 20; i++)
		turn(2);
	ck_assert_ptr_nonnull(httpd_request(server.app.httpd, later_id));
	httpd_free(&server.app.httpd);
	close(fd);
}
END_TEST

START_TEST(the_unix_socket_serves_when_tcp_is_full)
{
	int fds[100];
	struct stat st;
	int fd;

	for (size_t i = 0; i < 100; i++)
		fds[i] = client_open();
	for (int i = 0; i < 50; i++)
		turn(1);
	fd = client_open_unix();
	client_send(fd, "GET /open HTTP/1.1\r\nHost: h\r\n\r\n", 31);
	client_read(fd, 1000);
	ck_assert_int_eq(answer_status(), 200);
	ck_assert_ptr_nonnull(strstr(answer, "\"origin\":\"unix\""));
	ck_assert_int_eq(stat(server.socket, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0660);
	close(fd);
	for (size_t i = 0; i < 100; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a_large_answer_arrives_whole)
{
	ck_assert_int_eq(ask("GET /big HTTP/1.1\r\n" HOST END), 200);
	ck_assert_uint_gt(answer_n, 1 << 20);
}
END_TEST

START_TEST(an_idle_server_sleeps)
{
	double turns;

	ck_assert_int_eq(ask("GET /open HTTP/1.1\r\n" HOST END), 200);
	for (int i = 0; i < 50; i++)
		turn(2);
	turns = server.metrics.values[METRIC_LOOP_TURNS];
	loop_timer_start(&awake, 200);
	while (loop_timer_running(&awake))
		ev_run(loop_ev(server.app.loop), EVRUN_ONCE);
	ck_assert_double_lt(server.metrics.values[METRIC_LOOP_TURNS] - turns, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("httpd");
	TCase *tcase = tcase_create("httpd");

	tcase_add_checked_fixture(tcase, server_start, server_stop);
	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, bad_input_gets_the_status_of_the_matrix, 0,
	                    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tcase, too_much_before_the_body_is_refused);
	tcase_add_test(tcase, a_body_too_large_is_read_and_refused_without_a_reset);
	tcase_add_test(tcase, a_drip_is_cut_at_the_total_time);
	tcase_add_test(tcase, tokens_decide_who_may_do_what);
	tcase_add_test(tcase, guessing_is_slowed_but_valid_tokens_pass);
	tcase_add_test(tcase, a_halt_passes_when_other_writes_are_held_back);
	tcase_add_test(tcase, forms_and_json_read_the_same);
	tcase_add_test(tcase, head_and_etag_send_no_body);
	tcase_add_test(tcase, two_requests_in_one_packet_get_two_answers);
	tcase_add_test(tcase, an_answer_may_come_turns_later);
	tcase_add_test(tcase, a_client_that_closed_its_half_still_gets_its_answer);
	tcase_add_test(tcase, a_client_that_left_frees_its_request);
	tcase_add_test(tcase, a_drain_answers_what_waits_and_stops_listening);
	tcase_add_test(tcase, it_can_be_stopped_with_requests_waiting);
	tcase_add_test(tcase, the_unix_socket_serves_when_tcp_is_full);
	tcase_add_test(tcase, a_large_answer_arrives_whole);
	tcase_add_test(tcase, an_idle_server_sleeps);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
