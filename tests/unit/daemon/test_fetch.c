/*
 * fetch: what ends how, over real sockets against our own server in the same loop.
 */
#include "http_fixture.h"

#include "../suite.h"
#include "loop/fetch.h"
#include "loop/networks.h"

struct seen {
	int calls;
	enum fetch_failure failure;
	long status;
	char content_type[64];
	int64_t retry_after_ms;
	size_t nbody;
	char body[256];
	char error[256];
	size_t streamed;
	struct fetch *fetch; /* to cancel from a callback */
	struct fetch *other;
	bool again; /* done() starts another */
	bool stop;  /* on_bytes says no */
};

static struct fetcher *fetcher;
static char url_text[256];

static const char *url(const char *path)
{
	snprintf(url_text, sizeof(url_text), "http://127.0.0.1:%d%s", httpd_port(server.app.httpd),
	         path);
	return url_text;
}

static void fetch_begin(void)
{
	struct err err;

	server_start();
	fetcher = fetcher_new(server.app.loop, 2, 4, &err);
	ck_assert_ptr_nonnull(fetcher);
}

static void fetch_end(void)
{
	fetcher_free(&fetcher);
	server_stop();
}

static void done(void *ctx, const struct fetch_reply *reply)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->failure = reply->failure;
	seen->status = reply->status;
	seen->retry_after_ms = reply->retry_after_ms;
	seen->nbody = reply->body.n;
	snprintf(seen->content_type, sizeof(seen->content_type), "%s", reply->content_type);
	snprintf(seen->body, sizeof(seen->body), "%.*s",
	         (int)(reply->body.n < 255 ? reply->body.n : 255), reply->body.p);
	snprintf(seen->error, sizeof(seen->error), "%s", reply->err.text);
	if (seen->other) {
		fetch_cancel(seen->other);
		seen->other = NULL;
	}
	if (seen->again) {
		struct fetch_request next = {.method = "GET",
		                             .url = url("/open"),
		                             .timeout_ms = 2000,
		                             .max_bytes = 1000,
		                             .done = done,
		                             .ctx = seen};
		struct err err;

		seen->again = false;
		ck_assert_ptr_nonnull(fetch_start(fetcher, &next, &err));
	}
}

static struct fetch *start(struct seen *seen, struct fetch_request request)
{
	struct err err = {.code = ERR_NONE};
	struct fetch *fetch;

	if (!request.method)
		request.method = "GET";
	if (request.timeout_ms == 0)
		request.timeout_ms = 2000;
	if (request.max_bytes == 0)
		request.max_bytes = 65536;
	request.done = done;
	request.ctx = seen;
	fetch = fetch_start(fetcher, &request, &err);
	if (!fetch)
		snprintf(seen->error, sizeof(seen->error), "%s", err.text);
	seen->fetch = fetch;
	return fetch;
}

static void wait_for(const struct seen *seen, int calls)
{
	for (int i = 0; i < 1000 && seen->calls < calls; i++)
		turn(10);
	ck_assert_msg(seen->calls == calls, "%d calls, not %d", seen->calls, calls);
}

static struct seen run(struct fetch_request request)
{
	struct seen seen = {.calls = 0};

	ck_assert_msg(start(&seen, request) != NULL, "%s: %s", request.url, seen.error);
	ck_assert_int_eq(seen.calls, 0);
	wait_for(&seen, 1);
	ck_assert_uint_eq(fetcher_active(fetcher), 0);
	return seen;
}

START_TEST(a_whole_answer_is_collected)
{
	const char *headers[] = {"If-None-Match: \"7.2\"", NULL};
	struct seen seen = run((struct fetch_request){.url = url("/open?q=x"), .headers = headers});

	ck_assert_int_eq(seen.failure, FETCH_OK);
	ck_assert_int_eq(seen.status, 200);
	ck_assert_str_eq(seen.content_type, "application/json");
	ck_assert_int_eq(seen.retry_after_ms, -1);
	ck_assert_ptr_nonnull(strstr(seen.body, "\"q\":\"x\""));
}
END_TEST

START_TEST(a_body_is_posted_and_statuses_are_answers)
{
	const char *headers[] = {"Content-Type: application/json", NULL};
	struct seen seen = run((struct fetch_request){.method = "POST",
	                                              .url = url("/open"),
	                                              .headers = headers,
	                                              .body = STR("{\"a\": \"b\"}")});

	ck_assert_int_eq(seen.status, 200);
	ck_assert_str_eq(seen.body, "{\"a\":\"b\"}\n");
	seen = run((struct fetch_request){.url = url("/busy")});
	ck_assert_int_eq(seen.failure, FETCH_OK);
	ck_assert_int_eq(seen.status, 503);
	ck_assert_int_eq(seen.retry_after_ms, 7000);
}
END_TEST

START_TEST(size_is_capped_or_cut)
{
	struct seen seen = run((struct fetch_request){.url = url("/big"), .max_bytes = 100000});

	ck_assert_int_eq(seen.failure, FETCH_TOO_LARGE);
	seen = run(
	        (struct fetch_request){.url = url("/big"), .max_bytes = 100000, .cut_large = true});
	ck_assert_int_eq(seen.failure, FETCH_OK);
	ck_assert_int_eq(seen.status, 200);
	ck_assert_uint_eq(seen.nbody, 100000);
	seen = run((struct fetch_request){.url = url("/big"), .max_bytes = 1 << 20});
	ck_assert_int_eq(seen.failure, FETCH_OK);
	ck_assert_uint_eq(seen.nbody, 1 << 20);
}
END_TEST

START_TEST(what_is_not_allowed_is_never_reached)
{
	char *ten[] = {(char[]){"10.0.0.0/8"}};
	char *own[] = {(char[]){"127.0.0.0/8"}};
	struct err err;
	struct networks *elsewhere = networks_new(ten, 1, &err);
	struct networks *here = networks_new(own, 1, &err);
	struct seen seen;
	static const char *const bad[] = {"http://169.254.169.254/latest",
	                                  "ftp://127.0.0.1/",
	                                  "file:///etc/passwd",
	                                  "http://[fe80::1]/",
	                                  "http://[::ffff:169.254.1.1]/",
	                                  "not a url",
	                                  ""};

	seen = run((struct fetch_request){.url = url("/open"), .networks = elsewhere});
	ck_assert_int_eq(seen.failure, FETCH_FORBIDDEN);
	ck_assert_int_eq(handled, 0);
	seen = run((struct fetch_request){.url = url("/open"), .networks = here});
	ck_assert_int_eq(seen.failure, FETCH_OK);
	/* The connection is there, but it was opened for somebody else. */
	seen = run((struct fetch_request){.url = url("/open"), .networks = elsewhere});
	ck_assert_int_eq(seen.failure, FETCH_FORBIDDEN);
	ck_assert_int_eq(handled, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		seen = run((struct fetch_request){.url = bad[i]});
		ck_assert_msg(seen.failure == FETCH_FORBIDDEN, "%s: %d %s", bad[i], seen.failure,
		              seen.error);
	}
	snprintf(url_text, sizeof(url_text), "http://u:p@127.0.0.1:%d/open",
	         httpd_port(server.app.httpd));
	seen = run((struct fetch_request){.url = url_text});
	ck_assert_int_eq(seen.failure, FETCH_FORBIDDEN);
	networks_free(&elsewhere);
	networks_free(&here);
}
END_TEST

START_TEST(the_other_side_is_told_from_ours)
{
	struct seen seen = run((struct fetch_request){.url = "http://127.0.0.1:1/"});

	ck_assert_int_eq(seen.failure, FETCH_PEER);
	ck_assert_int_eq(seen.status, 0);
	ck_assert_str_ne(seen.error, "");
	seen = run((struct fetch_request){.url = url("/later"), .timeout_ms = 100});
	ck_assert_int_eq(seen.failure, FETCH_PEER);
	seen = run((struct fetch_request){.url = "http://nobody.invalid/", .timeout_ms = 3000});
	ck_assert_int_eq(seen.failure, FETCH_LOCAL);
}
END_TEST

static bool stream(void *ctx, const char *bytes, size_t n)
{
	struct seen *seen = ctx;

	(void)bytes;
	ck_assert_str_eq(fetch_content_type(seen->fetch), "text/plain");
	ck_assert_int_eq(fetch_status(seen->fetch), 200);
	seen->streamed += n;
	return !(seen->stop && seen->streamed > 100000);
}

START_TEST(a_stream_may_say_stop)
{
	struct seen seen = {.stop = false};

	start(&seen,
	      (struct fetch_request){.url = url("/big"), .max_bytes = 2 << 20, .on_bytes = stream});
	wait_for(&seen, 1);
	ck_assert_int_eq(seen.failure, FETCH_OK);
	ck_assert_uint_eq(seen.streamed, 1 << 20);
	ck_assert_uint_eq(seen.nbody, 0);
	seen = (struct seen){.stop = true};
	start(&seen,
	      (struct fetch_request){.url = url("/big"), .max_bytes = 2 << 20, .on_bytes = stream});
	wait_for(&seen, 1);
	ck_assert_int_eq(seen.failure, FETCH_STOPPED);
	seen = (struct seen){.stop = false};
	start(&seen,
	      (struct fetch_request){.url = url("/big"), .max_bytes = 200000, .on_bytes = stream});
	wait_for(&seen, 1);
	ck_assert_int_eq(seen.failure, FETCH_TOO_LARGE);
}
END_TEST

START_TEST(the_page_of_an_error_is_not_streamed)
{
	struct seen seen = {.stop = false};

	start(&seen, (struct fetch_request){.url = url("/nowhere"), .on_bytes = stream});
	wait_for(&seen, 1);
	ck_assert_int_eq(seen.failure, FETCH_OK);
	ck_assert_int_eq(seen.status, 404);
	ck_assert_uint_eq(seen.streamed, 0);
	ck_assert_ptr_nonnull(strstr(seen.body, "Not Found"));
}
END_TEST

static bool cancel_both(void *ctx, const char *bytes, size_t n)
{
	struct seen *seen = ctx;

	(void)bytes;
	(void)n;
	fetch_cancel(seen->fetch);
	if (seen->other)
		fetch_cancel(seen->other);
	seen->other = NULL;
	seen->streamed++;
	return true;
}

START_TEST(cancelling_is_safe_anywhere)
{
	struct seen a = {.calls = 0};
	struct seen b = {.calls = 0};
	struct seen c = {.calls = 0};

	/* At once, before it ran. */
	fetch_cancel(start(&a, (struct fetch_request){.url = url("/open")}));
	/* Inside curl's callback: itself and another on the same multi. */
	start(&b, (struct fetch_request){.url = url("/later")});
	start(&a, (struct fetch_request){
	                  .url = url("/big"), .max_bytes = 2 << 20, .on_bytes = cancel_both});
	a.other = b.fetch;
	for (int i = 0; i < 100 && fetcher_active(fetcher) > 0; i++)
		turn(5);
	ck_assert_uint_eq(fetcher_active(fetcher), 0);
	ck_assert_uint_eq(a.streamed, 1);
	/* From done(), another that may have ended in the same turn, and itself. */
	start(&b, (struct fetch_request){.url = url("/open")});
	start(&c, (struct fetch_request){.url = url("/open")});
	c.other = b.fetch;
	for (int i = 0; i < 100 && c.calls == 0; i++)
		turn(5);
	ck_assert_int_eq(c.calls, 1);
	ck_assert_int_eq(a.calls, 0);
	ck_assert_int_le(b.calls, 1);
	ck_assert_uint_eq(fetcher_active(fetcher), 0);
}
END_TEST

START_TEST(done_may_start_another)
{
	struct seen seen = {.again = true};

	start(&seen, (struct fetch_request){.url = url("/busy")});
	wait_for(&seen, 2);
	ck_assert_int_eq(seen.status, 200);
}
END_TEST

START_TEST(more_than_the_pool_wait_their_turn)
{
	struct seen seen = {.calls = 0};
	int started = 0;

	while (start(&seen, (struct fetch_request){.url = url("/open")}))
		started++;
	ck_assert_int_eq(started, 4 + 16 * 4);
	ck_assert_ptr_nonnull(strstr(seen.error, "waiting already"));
	wait_for(&seen, started);
	ck_assert_int_eq(seen.status, 200);
}
END_TEST

START_TEST(the_deadline_holds_in_the_queue)
{
	struct seen slow = {.calls = 0};
	struct seen seen = {.calls = 0};

	for (int i = 0; i < 4; i++)
		start(&slow, (struct fetch_request){.url = url("/later"), .timeout_ms = 5000});
	start(&seen, (struct fetch_request){.url = url("/open"), .timeout_ms = 200});
	wait_for(&seen, 1);
	ck_assert_int_eq(seen.failure, FETCH_LOCAL);
	ck_assert_int_eq(slow.calls, 0);
}
END_TEST

START_TEST(it_can_be_freed_with_requests_under_way)
{
	struct seen seen = {.calls = 0};

	for (int i = 0; i < 10; i++)
		start(&seen, (struct fetch_request){.url = url("/later")});
	turn(10);
	fetcher_free(&fetcher);
	turn(10);
	ck_assert_int_eq(seen.calls, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fetch");
	TCase *tcase = tcase_create("fetch");

	tcase_add_checked_fixture(tcase, fetch_begin, fetch_end);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_whole_answer_is_collected);
	tcase_add_test(tcase, a_body_is_posted_and_statuses_are_answers);
	tcase_add_test(tcase, size_is_capped_or_cut);
	tcase_add_test(tcase, what_is_not_allowed_is_never_reached);
	tcase_add_test(tcase, the_other_side_is_told_from_ours);
	tcase_add_test(tcase, a_stream_may_say_stop);
	tcase_add_test(tcase, the_page_of_an_error_is_not_streamed);
	tcase_add_test(tcase, cancelling_is_safe_anywhere);
	tcase_add_test(tcase, done_may_start_another);
	tcase_add_test(tcase, more_than_the_pool_wait_their_turn);
	tcase_add_test(tcase, the_deadline_holds_in_the_queue);
	tcase_add_test(tcase, it_can_be_freed_with_requests_under_way);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
