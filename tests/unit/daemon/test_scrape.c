/* Scrapes over real sockets: which pages are kept, and why the others are not. */
#include "fake_http.h"

#include "../suite.h"
#include "series/target.h"

#define PAGE                                                                                       \
	"# TYPE requests_total counter\n"                                                          \
	"requests_total{code=\"200\"} 7\n"                                                         \
	"requests_total{code=\"500\"} 1\n"                                                         \
	"other_total 3\n"                                                                          \
	"process_start_time_seconds 1700000000\n"
#define OPENMETRICS                                                                                \
	"# TYPE requests counter\n"                                                                \
	"requests_total{code=\"200\"} 7\n"                                                         \
	"# TYPE process_start_time_seconds gauge\n"                                                \
	"process_start_time_seconds 1700000000\n"                                                  \
	"# EOF\n"

/* One scrape source at /page. */
static const char policy_text[] = "policy: p\n"
                                  "evaluate_every: 1s\n"
                                  "sources:\n"
                                  "  app:\n"
                                  "    scrape: [\"http://127.0.0.1:PORT/page\"]\n"
                                  "    every: 1s\n"
                                  "    timeout: 400ms\n"
                                  "kpis:\n"
                                  "  requests: {unit: events, expr: \"sum(requests_total)\"}\n"
                                  "gates:\n"
                                  "  g: {threshold: requests, below: 0, for: 1 of 1, then: note}\n"
                                  "stages:\n"
                                  "  - {stage: s, kind: preflight, checks: {c: qa}}\n";

static struct policy *bound;
static struct subscription *subscription;

static void begin(struct fake_route route)
{
	fake_start();
	route.path = "/page";
	fake.routes[0] = route;
	bound = fake_policy(policy_text);
	subscription = fake_subscribe(bound);
}

static void end(void)
{
	subscription_free(&subscription);
	policy_free(&bound);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS], 0);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS_UP], 0);
	fake_stop();
}

static const struct target *target(void)
{
	const struct kpi_source *source = subscription_source(subscription, 0);

	ck_assert_uint_eq(source->ntargets, 1);
	return source->targets[0];
}

static const struct target_health *health(void)
{
	return target_health(target());
}

/* clang-format off */
static const struct {
	const char *why;
	struct fake_route route;
	const char *error; /* NULL: kept; else what the reason contains */
} pages[] = {
	{ "a good page", { .type = "text/plain; version=0.0.4", .body = PAGE }, NULL },
	{ "media types are not case-sensitive", { .type = "Text/PLAIN;charset=utf-8", .body = PAGE }, NULL },
	{ "OpenMetrics' media type", { .type = "application/openmetrics-text; version=1.0.0", .body = OPENMETRICS }, NULL },
	{ "a page cut short", { .type = "application/openmetrics-text; version=1.0.0", .body = "a 1\n" }, "# EOF" },
	{ "an empty page is a page", { .type = "text/plain", .body = "" }, NULL },
	{ "500", { .status = 500, .type = "text/plain", .body = PAGE }, "status 500" },
	{ "204", { .status = 204, .type = "text/plain", .body = "" }, "status 204" },
	{ "a redirect", { .status = 302, .type = "text/plain", .body = PAGE }, "status 302" },
	{ "no Content-Type", { .type = NULL, .body = PAGE }, "no Content-Type" },
	{ "HTML", { .type = "text/html; charset=utf-8", .body = "<html>welcome</html>\n" },
	  "\"text/html\" is not a metrics page" },
	{ "a page in HTML's name", { .type = "text/html", .body = PAGE }, "\"text/html\" is not a metrics page" },
	{ "what does not parse", { .type = "text/plain", .body = "requests_total 7\nrequests_total{ 8\n" }, "line 2" },
	{ "a half line at the end", { .type = "text/plain", .body = "requests_total 7\nrequests_total{code=" }, "line" },
	{ "a series twice", { .type = "text/plain", .body = "requests_total 7\nrequests_total 8\n" }, "twice" },
	{ "cut off", { .type = "text/plain", .body = PAGE, .how = FAKE_CUT }, "" },
	{ "no answer", { .type = "text/plain", .body = "", .how = FAKE_HANG }, "" },
	{ "no end", { .type = "text/plain", .body = "", .how = FAKE_ENDLESS }, "65536" },
	{ "no end, no sense", { .status = 503, .type = "text/plain", .body = "", .how = FAKE_ENDLESS }, "status 503" },
};
/* clang-format on */

START_TEST(a_page_is_kept_whole_or_not_at_all)
{
	bool good = pages[_i].error == NULL;

	begin(pages[_i].route);
	FAKE_UNTIL(health()->last_attempt_ms != 0, 3000);
	ck_assert_msg(health()->up == good, "%s: %s", pages[_i].why, health()->last_error);
	if (good) {
		ck_assert_int_eq(health()->covered_since_ms, health()->last_good_ms);
		ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS_UP], 1);
	} else {
		ck_assert_msg(strstr(health()->last_error, pages[_i].error) != NULL &&
		                      health()->last_error[0] != '\0',
		              "%s: %s", pages[_i].why, health()->last_error);
		ck_assert_uint_eq(series_set_count(target_series(target())), 0);
		ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_FAILURES], 1);
	}
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPES], 1);
	end();
}
END_TEST

START_TEST(only_what_is_needed_is_kept_and_the_rest_is_known_by_name)
{
	json_t *rows;

	begin((struct fake_route){.type = "text/plain", .body = PAGE});
	FAKE_UNTIL(health()->up, 3000);
	ck_assert_uint_eq(series_set_count(target_series(target())), 3);
	ck_assert(target_has_name(target(), STR("requests_total")));
	ck_assert(target_has_name(target(), STR("other_total")));
	ck_assert(!target_has_name(target(), STR("absent_total")));
	ck_assert_int_eq(health()->process_start_ms, 1700000000000);
	ck_assert_uint_eq(health()->samples, 4);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_SAMPLES], 4);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_BYTES], (double)strlen(PAGE));
	rows = subscription_to_json(subscription);
	ck_assert_uint_eq(json_array_size(rows), 1);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(rows, 0), "source")),
	                 "app");
	ck_assert(json_is_true(json_object_get(json_array_get(rows, 0), "up")));
	ck_assert(json_is_null(json_object_get(json_array_get(rows, 0), "error")));
	json_decref(rows);
	end();
}
END_TEST

START_TEST(series_carry_job_and_instance)
{
	const struct series *series;
	char instance[64];
	size_t at = 0;

	begin((struct fake_route){.type = "text/plain", .body = PAGE});
	FAKE_UNTIL(health()->up, 3000);
	series = series_set_next_named(target_series(target()), STR("requests_total"), &at);
	ck_assert_ptr_nonnull(series);
	snprintf(instance, sizeof(instance), "127.0.0.1:%d", fake.port);
	ck_assert(str_eq_text(labels_get(&series->labels, STR("instance")), instance));
	ck_assert(str_eq_text(labels_get(&series->labels, STR("job")), "app"));
	end();
}
END_TEST

START_TEST(the_request_is_prometheus_like)
{
	begin((struct fake_route){.type = "text/plain", .body = PAGE});
	FAKE_UNTIL(health()->up, 3000);
	ck_assert_ptr_nonnull(strstr(
	        fake.routes[0].request,
	        "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
	        "application/openmetrics-text;version=0.0.1;q=0.5,"
	        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/"
	        "plain;version=0.0.4;q=0.3,"
	        "*/*;q=0.2\r\n"));
	ck_assert_ptr_nonnull(
	        strstr(fake.routes[0].request, "X-Prometheus-Scrape-Timeout-Seconds: 0.400\r\n"));
	end();
}
END_TEST

START_TEST(a_failure_ends_the_run_and_the_next_good_page_begins_another)
{
	int64_t since;

	begin((struct fake_route){.type = "text/plain", .body = PAGE});
	FAKE_UNTIL(health()->up, 3000);
	since = health()->covered_since_ms;
	fake.routes[0].status = 500;
	FAKE_UNTIL(health()->failures > 0, 3000);
	ck_assert(!health()->up);
	ck_assert_int_eq(health()->covered_since_ms, 0);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS_UP], 0);
	fake.routes[0].status = 200;
	FAKE_UNTIL(health()->up, 3000);
	ck_assert_int_gt(health()->covered_since_ms, since);
	ck_assert_str_eq(health()->last_error, "");
	end();
}
END_TEST

START_TEST(a_target_that_hangs_is_never_asked_twice_at_a_time)
{
	begin((struct fake_route){.how = FAKE_HANG});
	fake_run(2300);
	ck_assert_int_ge(fake.routes[0].asked, 2);
	ck_assert_int_le(fake.routes[0].asked, 4);
	ck_assert_uint_le(fetcher_active(fake.app.fetcher), 1);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPES],
	                    fake.metrics.values[METRIC_SCRAPE_FAILURES]);
	end();
}
END_TEST

START_TEST(a_forbidden_address_is_not_asked)
{
	char elsewhere[] = "192.0.2.0/24";
	char *none[] = {elsewhere};
	struct networks *networks;
	struct err err;

	fake_start();
	networks = networks_new(none, 1, &err);
	ck_assert_ptr_nonnull(networks);
	fake.config.allowed = networks;
	fake.routes[0] = (struct fake_route){.path = "/page", .type = "text/plain", .body = PAGE};
	bound = fake_policy(policy_text);
	subscription = fake_subscribe(bound);
	FAKE_UNTIL(health()->last_attempt_ms != 0, 3000);
	ck_assert_msg(strstr(health()->last_error, "network") != NULL, "%s", health()->last_error);
	ck_assert_int_eq(fake.routes[0].asked, 0);
	end();
	networks_free(&networks);
}
END_TEST

START_TEST(a_subscription_may_end_in_the_middle_of_a_page)
{
	begin((struct fake_route){
	        .type = "text/plain", .body = "requests_total 7\n", .how = FAKE_HANG});
	FAKE_UNTIL(fake.routes[0].asked > 0, 3000);
	end();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("scrape");
	TCase *t = tcase_create("scrape");

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, a_page_is_kept_whole_or_not_at_all, 0, (int)ARRAY_LEN(pages));
	tcase_add_test(t, only_what_is_needed_is_kept_and_the_rest_is_known_by_name);
	tcase_add_test(t, series_carry_job_and_instance);
	tcase_add_test(t, the_request_is_prometheus_like);
	tcase_add_test(t, a_failure_ends_the_run_and_the_next_good_page_begins_another);
	tcase_add_test(t, a_target_that_hangs_is_never_asked_twice_at_a_time);
	tcase_add_test(t, a_forbidden_address_is_not_asked);
	tcase_add_test(t, a_subscription_may_end_in_the_middle_of_a_page);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
