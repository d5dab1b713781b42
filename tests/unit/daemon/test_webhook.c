/* One message as a request: what is on the wire, and that a receiver can verify it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "action/webhook.h"
#include "base/macros.h"
#include "config.h"

static struct store_message message(void)
{
	return (struct store_message){
	        .id = "0198c0de-0000-7000-8000-000000000001.2",
	        .release_id = 42,
	        .row_version = 7,
	        .sequence = 2,
	        .fence = 1003,
	        .epoch = 5,
	        .class = MESSAGE_ROLLBACK,
	        .service = "checkout",
	        .environment = "prod",
	        .version = "1.2.3",
	        .action = "weight_zero",
	        .destination = "deployer",
	        .method = "POST",
	        .path = "/weights/checkout",
	        .body = "{\"weight\": 0}",
	        .attempts = 3,
	        .created_at = {.ms = 1767323045678},
	};
}

static const struct wall attempt_at = {.ms = 1767323100999};

static struct webhook build_for(const struct store_message *m, const struct webhook_target *to)
{
	struct webhook w;
	struct err err = {.code = ERR_NONE};

	ck_assert_msg(webhook_build(m, to, attempt_at, &w, &err), "%s", err.text);
	return w;
}

static struct webhook build(const struct store_message *m, const char *base, char *secret)
{
	char *const secrets[] = {secret, NULL};

	return build_for(m, &(struct webhook_target){.base = base, .secrets = secrets});
}

static const char *header(const struct webhook *w, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; w->headers[i] != NULL; i++) {
		if (strncmp(w->headers[i], name, n) == 0 && w->headers[i][n] == ':')
			return w->headers[i] + n + 2;
	}
	return "(absent)";
}

START_TEST(headers_say_which_message_this_is)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
	        {"Content-Type", "application/json"},
	        {"webhook-id", "0198c0de-0000-7000-8000-000000000001.2"},
	        {"webhook-timestamp", "1767323100"},
	        {"webhook-signature", "(absent)"},
	        {"Idempotency-Key", "\"0198c0de-0000-7000-8000-000000000001.2\""},
	        {"ce-specversion", "1.0"},
	        {"ce-id", "0198c0de-0000-7000-8000-000000000001.2"},
	        {"ce-source", "headgate/checkout"},
	        {"ce-type", "headgate.action.weight_zero"},
	        {"ce-time", "2026-01-02T03:04:05.678Z"},
	        {"Headgate-Release", "42"},
	        {"Headgate-Service", "checkout"},
	        {"Headgate-Environment", "prod"},
	        {"Headgate-Release-Version", "7"},
	        {"Headgate-Epoch", "5"},
	        {"Headgate-Fence", "1003"},
	        {"Headgate-Sequence", "2"},
	        {"Headgate-Class", "rollback"},
	};
	struct store_message m = message();
	struct webhook w = build(&m, "http://deployer:8080", NULL);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(strcmp(header(&w, rows[i].name), rows[i].value) == 0,
		              "%s: %s, not %s", rows[i].name, header(&w, rows[i].name),
		              rows[i].value);
	ck_assert_uint_eq(w.nheaders, ARRAY_LEN(rows) - 1);
	webhook_fini(&w);
}
END_TEST

/* A receiver that knows the old id would do nothing; the signature is over the new one. */
START_TEST(what_is_set_anew_has_an_id_of_its_own_and_calls_back_as_before)
{
	static const char id[] = "0198c0de-0000-7000-8000-000000000001.2.r3";
	char signature[WEBHOOK_SIGNATURE_TEXT];
	struct store_message m = message();
	struct webhook w;
	struct err err = {.code = ERR_NONE};
	char secret[] = "a secret";
	char *const secrets[] = {secret, NULL};

	m.repairs = 3;
	m.callback_ms = 60000;
	snprintf(m.callback_token, sizeof(m.callback_token), "%s", "the-token_of-this-message");
	w = build_for(&m, &(struct webhook_target){.base = "http://d",
	                                           .secrets = secrets,
	                                           .public_url = "https://hg.example"});
	ck_assert_str_eq(header(&w, "webhook-id"), id);
	ck_assert_str_eq(header(&w, "ce-id"), id);
	ck_assert_str_eq(header(&w, "Idempotency-Key"),
	                 "\"0198c0de-0000-7000-8000-000000000001.2.r3\"");
	ck_assert_str_eq(
	        header(&w, "Headgate-Callback-Url"),
	        "https://hg.example/v1/actions/0198c0de-0000-7000-8000-000000000001.2/complete");
	ck_assert(
	        webhook_sign(secret, id, attempt_at.ms / 1000, buf_str(&w.body), signature, &err));
	ck_assert_str_eq(header(&w, "webhook-signature"), signature);
	webhook_fini(&w);
}
END_TEST

START_TEST(a_message_that_awaits_a_callback_says_where_and_with_what)
{
	static const struct {
		const char *why, *public_url, *url;
	} rows[] = {
	        {"nobody said where", NULL, "(absent)"},
	        {"whole", "https://hg.example",
	         "https://hg.example/v1/actions/0198c0de-0000-7000-8000-000000000001.2/complete"},
	        {"below a path", "https://example/hg/",
	         "https://example/hg/v1/actions/0198c0de-0000-7000-8000-000000000001.2/complete"},
	};
	struct store_message m = message();
	struct err err = {.code = ERR_NONE};
	struct webhook w;

	w = build(&m, "http://d", NULL);
	ck_assert_str_eq(header(&w, "Headgate-Callback-Token"), "(absent)");
	webhook_fini(&w);
	m.callback_ms = 60000;
	m.headers = "{\"Headgate-Callback-Token\": \"mine\"}";
	snprintf(m.callback_token, sizeof(m.callback_token), "%s", "the-token_of-this-message");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert(webhook_build(&m,
		                        &(struct webhook_target){.base = "http://d",
		                                                 .public_url = rows[i].public_url},
		                        attempt_at, &w, &err));
		ck_assert_str_eq(header(&w, "Headgate-Callback-Token"),
		                 "the-token_of-this-message");
		ck_assert_msg(strcmp(header(&w, "Headgate-Callback-Url"), rows[i].url) == 0,
		              "%s: %s", rows[i].why, header(&w, "Headgate-Callback-Url"));
		webhook_fini(&w);
	}
	m.callback_token[0] = '\0';
	ck_assert(!webhook_build(&m, &(struct webhook_target){.base = "http://d"}, attempt_at, &w,
	                         &err));
	webhook_fini(&w);
}
END_TEST

/* The example of the Standard Webhooks specification. */
START_TEST(the_signature_is_that_of_standard_webhooks)
{
	char out[WEBHOOK_SIGNATURE_TEXT];
	struct err err;

	ck_assert(webhook_sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	                       "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
	                       STR("{\"test\": 2432232314}"), out, &err));
	ck_assert_str_eq(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}
END_TEST

START_TEST(a_secret_without_the_prefix_is_used_as_it_is)
{
	static const struct {
		const char *why, *secret, *signature;
	} rows[] = {
	        {"plain text", "a secret of some length",
	         "v1,GtaBZV8HKJGv9RZQbADsGZ3UXMrPimmmd80wmzKblg4="},
	        {"what only looks like base64", "whsec_not base64!",
	         "v1,vq57576MKsrqjA/GUIQ5QL3elDiixBefx5E7cC+N4hk="},
	};
	char out[WEBHOOK_SIGNATURE_TEXT];
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert(webhook_sign(rows[i].secret, "id.1", 1700000000, STR("{}"), out, &err));
		ck_assert_msg(strcmp(out, rows[i].signature) == 0, "%s: %s", rows[i].why, out);
	}
}
END_TEST

START_TEST(what_is_signed_is_what_is_sent)
{
	struct store_message m = message();
	char secret[] = "a secret of some length";
	struct webhook w = build(&m, "http://deployer", secret);
	char again[WEBHOOK_SIGNATURE_TEXT];
	struct err err;

	ck_assert(webhook_sign("a secret of some length", header(&w, "webhook-id"),
	                       attempt_at.ms / 1000, buf_str(&w.body), again, &err));
	ck_assert_str_eq(header(&w, "webhook-signature"), again);
	webhook_fini(&w);
}
END_TEST

/* The first is the example of the Standard Webhooks specification. */
START_TEST(each_secret_signs_so_that_a_receiver_can_change_its_own)
{
	char first[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	char second[] = "a secret of some length";
	char third[] = "whsec_not base64!";
	char *const secrets[] = {first, second, third, NULL};
	struct store_message m = message();
	struct webhook w;
	char all[3 * WEBHOOK_SIGNATURE_TEXT] = "";
	struct err err;

	snprintf(m.id, sizeof(m.id), "msg_p5jXN8AQM9LWM0D4loKWxJek");
	m.body = "{\"test\": 2432232314}";
	ck_assert(webhook_build(&m,
	                        &(struct webhook_target){.base = "http://d", .secrets = secrets},
	                        (struct wall){.ms = 1614265330 * INT64_C(1000)}, &w, &err));
	ck_assert_str_eq(header(&w, "webhook-signature"),
	                 "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
	                 "v1,jvY1RFggx4CFO2Wib/E/Tge+T6Tg+SuLd+lVRK/zoSE= "
	                 "v1,yUD2RuJUXJQ8HKsyjzbAMVmj4/ZkDavgvNxmEyGpKuU=");
	webhook_fini(&w);

	/* The order is that of the configuration, each as if it stood alone. */
	w = build_for(&m, &(struct webhook_target){.base = "http://d", .secrets = secrets});
	for (size_t i = 0; secrets[i] != NULL; i++) {
		char one[WEBHOOK_SIGNATURE_TEXT];
		size_t n = strlen(all);

		ck_assert(webhook_sign(secrets[i], m.id, attempt_at.ms / 1000, buf_str(&w.body),
		                       one, &err));
		snprintf(all + n, sizeof(all) - n, "%s%s", i > 0 ? " " : "", one);
	}
	ck_assert_str_eq(header(&w, "webhook-signature"), all);
	webhook_fini(&w);
}
END_TEST

START_TEST(credentials_of_the_destination_go_before_those_of_an_action)
{
	struct webhook_target to = {.base = "http://d", .authorization = "Bearer abc"};
	struct store_message m = message();
	struct webhook w;

	m.headers = "{\"authorization\": \"Basic eA==\", \"X-Team\": \"payments\"}";
	w = build_for(&m, &to);
	ck_assert_str_eq(header(&w, "Authorization"), "Bearer abc");
	ck_assert_str_eq(header(&w, "authorization"), "(absent)");
	ck_assert_str_eq(header(&w, "X-Team"), "payments");
	ck_assert_uint_eq(w.ndropped, 1);
	webhook_fini(&w);

	to.authorization = NULL;
	w = build_for(&m, &to);
	ck_assert_str_eq(header(&w, "Authorization"), "(absent)");
	ck_assert_str_eq(header(&w, "authorization"), "Basic eA==");
	ck_assert_uint_eq(w.ndropped, 0);
	webhook_fini(&w);
}
END_TEST

START_TEST(url_is_base_and_path)
{
	static const struct {
		const char *base, *path, *url;
	} rows[] = {
	        {"http://d:1", "/weights/a", "http://d:1/weights/a"},
	        {"http://d:1/", "/weights/a", "http://d:1/weights/a"},
	        {"http://d:1/api//", "/weights/a?x=1", "http://d:1/api/weights/a?x=1"},
	        {"http://d:1/api", "weights", "http://d:1/api/weights"},
	        {"http://d:1/hook", "", "http://d:1/hook"},
	        {"http://d:1/hook", NULL, "http://d:1/hook"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct store_message m = message();
		struct webhook w;

		m.path = rows[i].path;
		w = build(&m, rows[i].base, NULL);
		ck_assert_str_eq(w.url.bytes, rows[i].url);
		webhook_fini(&w);
	}
}
END_TEST

static const struct config_variable members[] = {{.name = (char[]){"routing_key"}},
                                                 {.name = (char[]){"token"}}};
static char *const values[] = {(char[]){"k\"ey"}, (char[]){"t"}, NULL};

START_TEST(secrets_of_the_destination_are_added_when_it_is_sent)
{
	char *const headers[] = {(char[]){"X-Api-Key: 42"}, NULL};
	const struct webhook_target to = {.base = "http://h",
	                                  .headers = headers,
	                                  .members = members,
	                                  .values = values,
	                                  .nmembers = 2};
	struct store_message m = message();
	struct webhook w;
	struct err err;

	m.body = "{\"token\":\"mine\",\"weight\":0}";
	m.headers = "{\"x-api-key\": \"mine\", \"X-Api\": \"a\"}";
	w = build_for(&m, &to);
	ck_assert_str_eq(buf_str(&w.body).p,
	                 "{\"token\":\"t\",\"weight\":0,\"routing_key\":\"k\\\"ey\"}");
	ck_assert_str_eq(header(&w, "X-Api-Key"), "42");
	ck_assert_str_eq(header(&w, "x-api-key"), "(absent)");
	ck_assert_str_eq(header(&w, "X-Api"), "a");
	ck_assert_uint_eq(w.ndropped, 1);
	webhook_fini(&w);
	m.body = "[0]";
	ck_assert(!webhook_build(&m, &to, attempt_at, &w, &err));
	ck_assert_msg(strstr(err.text, "no object") != NULL, "%s", err.text);
	webhook_fini(&w);
}
END_TEST

START_TEST(a_whole_address_is_used_as_it_is)
{
	const struct webhook_target to = {.base = "https://h/hook/?sig=a/", .is_whole = true};
	struct store_message m = message();
	struct webhook w;
	struct err err;

	m.path = "";
	w = build_for(&m, &to);
	ck_assert_str_eq(buf_str(&w.url).p, "https://h/hook/?sig=a/");
	webhook_fini(&w);
	m.path = "/more";
	ck_assert(!webhook_build(&m, &to, attempt_at, &w, &err));
	ck_assert_ptr_null(strstr(err.text, "hook"));
	webhook_fini(&w);
}
END_TEST

START_TEST(body_is_the_messages_own_or_says_what_is_meant)
{
	static const struct {
		const char *body, *sent;
	} rows[] = {
	        {"{\"weight\": 0}", "{\"weight\": 0}"},
	        {"[1, 2]", "[1, 2]"},
	        {NULL, "{\"service\":\"checkout\",\"environment\":\"prod\",\"version\":\"1.2.3\","
	               "\"action\":\"weight_zero\"}"},
	        {"", "{\"service\":\"checkout\",\"environment\":\"prod\",\"version\":\"1.2.3\","
	             "\"action\":\"weight_zero\"}"},
	        {"null", "{\"service\":\"checkout\",\"environment\":\"prod\",\"version\":\"1.2.3\","
	                 "\"action\":\"weight_zero\"}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct store_message m = message();
		struct webhook w;

		m.body = rows[i].body;
		w = build(&m, "http://d", NULL);
		ck_assert_str_eq(w.body.bytes, rows[i].sent);
		webhook_fini(&w);
	}
}
END_TEST

START_TEST(an_action_adds_headers_but_not_ours)
{
	struct store_message m = message();
	struct webhook w;

	m.headers =
	        "{\"X-Team\": \"payments\", \"Webhook-Id\": \"mine\", \"HEADGATE-FENCE\": \"9\","
	        " \"Content-Length\": \"3\", \"X Bad\": \"a\", \"X-Lines\": \"a\\r\\nX-Evil: b\","
	        " \"X-Number\": 7, \"\": \"a\", \"X-Last\": "
	        "\"tab\\there\"}";
	w = build(&m, "http://d", NULL);
	ck_assert_str_eq(header(&w, "X-Team"), "payments");
	ck_assert_str_eq(header(&w, "X-Last"), "tab\there");
	ck_assert_str_eq(header(&w, "webhook-id"), m.id);
	ck_assert_str_eq(header(&w, "Headgate-Fence"), "1003");
	for (size_t i = 0; w.headers[i] != NULL; i++)
		ck_assert_msg(strpbrk(w.headers[i], "\r\n") == NULL, "%s", w.headers[i]);
	ck_assert_uint_eq(w.nheaders, 17 + 2);
	webhook_fini(&w);
}
END_TEST

START_TEST(headers_that_are_no_object_do_not_stop_a_message)
{
	static const char *const rows[] = {"[]", "7", "null", "{", "", NULL};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct store_message m = message();
		struct webhook w;

		m.headers = rows[i];
		w = build(&m, "http://d", NULL);
		ck_assert_uint_eq(w.nheaders, 17);
		webhook_fini(&w);
	}
}
END_TEST

START_TEST(more_headers_than_fit_are_left_out)
{
	struct store_message m = message();
	char secret[] = "secret";
	struct webhook w;
	struct buf many;

	buf_init(&many, 65536);
	for (int i = 0; i < 100; i++)
		buf_printf(&many, "%s\"X-%d\": \"v\"", i == 0 ? "{" : ", ", i);
	buf_add_text(&many, "}");
	m.headers = many.bytes;
	w = build(&m, "http://d", secret);
	ck_assert_uint_lt(w.nheaders, WEBHOOK_HEADERS_MAX);
	ck_assert_uint_eq(w.nheaders + w.ndropped, 18 + 100);
	ck_assert_ptr_null(w.headers[w.nheaders]);
	webhook_fini(&w);
	buf_fini(&many);
}
END_TEST

START_TEST(names_stay_one_visible_line)
{
	struct store_message m = message();
	struct webhook w;

	m.service = "bücher \"x\" 100%\r\nX-Evil: 1";
	w = build(&m, "http://d", NULL);
	ck_assert_str_eq(header(&w, "Headgate-Service"),
	                 "b%C3%BCcher%20%22x%22%20100%25%0D%0AX-Evil:%201");
	webhook_fini(&w);
}
END_TEST

START_TEST(a_body_that_is_too_large_is_not_sent)
{
	struct store_message m = message();
	char *body = malloc(WEBHOOK_BODY_MAX + 2);
	struct webhook w;
	struct err err;

	ck_assert_ptr_nonnull(body);
	memset(body, ' ', WEBHOOK_BODY_MAX + 1);
	body[WEBHOOK_BODY_MAX + 1] = '\0';
	m.body = body;
	ck_assert(!webhook_build(&m, &(struct webhook_target){.base = "http://d"}, attempt_at, &w,
	                         &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	webhook_fini(&w);
	free(body);
}
END_TEST

START_TEST(stale_is_said_by_409_and_its_body)
{
	static const struct {
		long status;
		const char *body;
		bool stale;
	} rows[] = {
	        {409, "{\"error\": \"stale\", \"epoch\": 5, \"fence\": 1004}", true},
	        {409, "{\"error\": \"stale: a newer state is applied\"}", true},
	        {409, "{\"error\": \"locked\"}", false},
	        {409, "{\"error\": 7}", false},
	        {409, "stale", false},
	        {409, "", false},
	        {400, "{\"error\": \"stale\"}", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(webhook_is_stale(rows[i].status, str_of(rows[i].body)) ==
		                      rows[i].stale,
		              "%ld %s", rows[i].status, rows[i].body);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("webhook");
	TCase *t = tcase_create("webhook");

	tcase_add_test(t, headers_say_which_message_this_is);
	tcase_add_test(t, what_is_set_anew_has_an_id_of_its_own_and_calls_back_as_before);
	tcase_add_test(t, a_message_that_awaits_a_callback_says_where_and_with_what);
	tcase_add_test(t, the_signature_is_that_of_standard_webhooks);
	tcase_add_test(t, a_secret_without_the_prefix_is_used_as_it_is);
	tcase_add_test(t, what_is_signed_is_what_is_sent);
	tcase_add_test(t, each_secret_signs_so_that_a_receiver_can_change_its_own);
	tcase_add_test(t, credentials_of_the_destination_go_before_those_of_an_action);
	tcase_add_test(t, url_is_base_and_path);
	tcase_add_test(t, secrets_of_the_destination_are_added_when_it_is_sent);
	tcase_add_test(t, a_whole_address_is_used_as_it_is);
	tcase_add_test(t, body_is_the_messages_own_or_says_what_is_meant);
	tcase_add_test(t, an_action_adds_headers_but_not_ours);
	tcase_add_test(t, headers_that_are_no_object_do_not_stop_a_message);
	tcase_add_test(t, more_headers_than_fit_are_left_out);
	tcase_add_test(t, names_stay_one_visible_line);
	tcase_add_test(t, a_body_that_is_too_large_is_not_sent);
	tcase_add_test(t, stale_is_said_by_409_and_its_body);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
