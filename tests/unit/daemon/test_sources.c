/* Who is asked, how often, for whom: sharing, coverage, probes, alerts. */
#include "fake_http.h"

#include "../suite.h"
#include "gate/gate.h"
#include "series/target.h"

#define STAGES "stages:\n  - {stage: s, kind: preflight, checks: {c: qa}}\n"
#define SCRAPE(every)                                                                              \
	"policy: p\n"                                                                              \
	"evaluate_every: " every "\n"                                                              \
	"sources:\n"                                                                               \
	"  app: {scrape: [\"http://127.0.0.1:PORT/page\"], every: " every ", timeout: 500ms}\n"
#define KPI(name, expr) "  " name ": {unit: events, expr: \"" expr "\"}\n"

static const char requests_only[] = SCRAPE("1s") "kpis:\n" KPI("a", "sum(requests_total)") STAGES;
static const char requests_slowly[] =
        SCRAPE("30s") "kpis:\n" KPI("a", "sum(requests_total)") STAGES;
static const char errors_too[] =
        SCRAPE("1s") "kpis:\n" KPI("a", "sum(requests_total)") KPI("b", "sum(errors_total)") STAGES;
static const char long_range[] =
        SCRAPE("1s") "kpis:\n" KPI("a", "sum(increase(requests_total[1h]))") STAGES;
static const char everything[] = SCRAPE("1s") "kpis:\n" KPI("a", "sum({code='500'})") STAGES;
static const char two_pages[] =
        "policy: p\n"
        "evaluate_every: 1s\n"
        "sources:\n"
        "  app:\n"
        "    scrape: [\"http://127.0.0.1:PORT/page\", \"http://127.0.0.1:PORT/more\"]\n"
        "    every: 1s\n"
        "    timeout: 500ms\n"
        "kpis:\n" KPI("a", "sum(requests_total)") STAGES;
static const char probes[] =
        "policy: p\n"
        "gates:\n"
        "  h: {health: [\"http://127.0.0.1:PORT/a\", \"http://127.0.0.1:PORT/b\"], every: 1s,\n"
        "      timeout: 500ms, then: note}\n" STAGES;
static const char bodies[] =
        "policy: p\n"
        "gates:\n"
        "  h: {health: [\"http://127.0.0.1:PORT/a\", \"http://127.0.0.1:PORT/b\"], every: 1s,\n"
        "      timeout: 500ms, pointer: /status, equals: up, then: note}\n" STAGES;
static const char alerts[] =
        "policy: p\n"
        "sources:\n"
        "  am: {alertmanager: \"http://127.0.0.1:PORT\", every: 1s, timeout: 500ms}\n"
        "gates:\n"
        "  al: {alerts: '{severity=\"critical\"}', then: note}\n" STAGES;
static const char cluster[] =
        "policy: p\n"
        "sources:\n"
        "  am: {alertmanager: [\"http://127.0.0.1:PORT/1\", \"http://127.0.0.1:PORT/2\"],\n"
        "       every: 1s, timeout: 500ms}\n"
        "gates:\n"
        "  al: {alerts: '{severity=\"critical\"}', then: note}\n" STAGES;

static const char page[] = "# TYPE requests_total counter\n"
                           "requests_total{code=\"200\"} 7\n"
                           "# TYPE errors_total counter\n"
                           "errors_total{code=\"500\"} 1\n";

struct watcher {
	struct policy *bound;
	struct subscription *subscription;
};

static void begin(void)
{
	fake_start();
	fake.routes[0] = (struct fake_route){.path = "/page", .type = "text/plain", .body = page};
}

/* Policies cannot ask for less than a second; a test need not wait that long. */
static void hurry(struct policy *bound)
{
	for (size_t i = 0; i < bound->nsources; i++) {
		bound->sources[i].every_ms /= 5;
		bound->sources[i].timeout_ms /= 5;
	}
}

static struct watcher join(const char *yaml)
{
	struct watcher w = {.bound = fake_policy(yaml)};

	hurry(w.bound);
	w.subscription = fake_subscribe(w.bound);
	return w;
}

static void leave(struct watcher *w)
{
	subscription_free(&w->subscription);
	policy_free(&w->bound);
}

static const struct target *target(const struct watcher *w, size_t i)
{
	const struct kpi_source *source = subscription_source(w->subscription, 0);

	ck_assert_uint_lt(i, source->ntargets);
	return source->targets[i];
}

static const struct target_health *health(const struct watcher *w)
{
	return target_health(target(w, 0));
}

START_TEST(one_address_is_asked_once_for_all)
{
	struct watcher a, b;

	begin();
	a = join(requests_only);
	b = join(requests_only);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS], 1);
	ck_assert_ptr_eq(target(&a, 0), target(&b, 0));
	FAKE_UNTIL(health(&a)->up, 3000);
	ck_assert_int_eq(fake.routes[0].asked, 1);
	leave(&a);
	ck_assert(health(&b)->up);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS], 1);
	leave(&b);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS], 0);
	fake_run(500);
	ck_assert_int_eq(fake.routes[0].asked, 1);
	fake_stop();
}
END_TEST

START_TEST(the_shortest_interval_anyone_asks_holds_while_they_are_there)
{
	struct watcher slow, fast;
	int asked;

	begin();
	slow = join(requests_slowly);
	FAKE_UNTIL(health(&slow)->up, 3000);
	fast = join(requests_only);
	FAKE_UNTIL(fake.routes[0].asked >= 3, 4000);
	ck_assert_int_eq(subscription_source(slow.subscription, 0)->every_ms, 6000);
	ck_assert_int_eq(subscription_source(fast.subscription, 0)->every_ms, 200);
	leave(&fast);
	asked = fake.routes[0].asked;
	fake_run(500);
	ck_assert_int_le(fake.routes[0].asked, asked + 1); /* one may just have been due */
	leave(&slow);
	fake_stop();
}
END_TEST

/* clang-format off */
static const struct {
	const char *why, *first, *second;
	bool uncovers;
	size_t series; /* after the next page */
} widenings[] = {
	{ "the same again takes nothing away",     requests_only, requests_only, false, 1 },
	{ "another name begins a new coverage",    requests_only, errors_too,    true,  2 },
	{ "fewer names take nothing away",         errors_too,    requests_only, false, 2 },
	{ "a longer past begins a new coverage",   requests_only, long_range,    true,  1 },
	{ "a shorter one takes nothing away",      long_range,    requests_only, false, 1 },
	{ "everything is more than some names",    requests_only, everything,    true,  2 },
	{ "some names are less than everything",   everything,    errors_too,    false, 2 },
};
/* clang-format on */

START_TEST(a_wider_need_begins_a_new_coverage)
{
	struct watcher first, second;
	int64_t since, attempt;

	begin();
	first = join(widenings[_i].first);
	FAKE_UNTIL(health(&first)->up, 3000);
	since = health(&first)->covered_since_ms;
	ck_assert_int_gt(since, 0);
	second = join(widenings[_i].second);
	ck_assert_msg((health(&first)->covered_since_ms == 0) == widenings[_i].uncovers, "%s",
	              widenings[_i].why);
	attempt = health(&first)->last_attempt_ms;
	FAKE_UNTIL(health(&first)->last_attempt_ms > attempt, 3000);
	ck_assert_msg((health(&first)->covered_since_ms > since) == widenings[_i].uncovers, "%s",
	              widenings[_i].why);
	ck_assert_uint_eq(series_set_count(target_series(target(&second, 0))),
	                  widenings[_i].series);
	leave(&first);
	leave(&second);
	fake_stop();
}
END_TEST

START_TEST(two_pages_of_one_address_have_series_of_their_own)
{
	struct watcher w;
	char expected[64];

	begin();
	fake.routes[1] = (struct fake_route){.path = "/more", .type = "text/plain", .body = page};
	w = join(two_pages);
	FAKE_UNTIL(health(&w)->up && target_health(target(&w, 1))->up, 3000);
	for (size_t i = 0; i < 2; i++) {
		const struct series *series;
		size_t at = 0;

		series = series_set_next_named(target_series(target(&w, i)), STR("requests_total"),
		                               &at);
		ck_assert_ptr_nonnull(series);
		snprintf(expected, sizeof(expected), "127.0.0.1:%d%s", fake.port,
		         i == 0 ? "/page" : "/more");
		ck_assert(str_eq_text(labels_get(&series->labels, STR("instance")), expected));
	}
	leave(&w);
	fake_stop();
}
END_TEST

START_TEST(no_more_addresses_than_allowed)
{
	struct policy *bound;
	struct err err = {.code = ERR_NONE};

	begin();
	fake.config.limits.targets = 1;
	bound = fake_policy(two_pages);
	ck_assert_ptr_null(sources_subscribe(fake.app.sources, bound, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS], 0);
	policy_free(&bound);
	fake_stop();
}
END_TEST

START_TEST(forgetting_drops_every_sample)
{
	struct watcher w;

	begin();
	w = join(requests_only);
	FAKE_UNTIL(health(&w)->up, 3000);
	sources_forget(fake.app.sources);
	ck_assert(!health(&w)->up);
	ck_assert_int_eq(health(&w)->covered_since_ms, 0);
	ck_assert_uint_eq(series_set_count(target_series(target(&w, 0))), 0);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS_UP], 0);
	FAKE_UNTIL(health(&w)->up, 3000);
	leave(&w);
	fake_stop();
}
END_TEST

/* --- health --- */

static const struct gate_probe *probe(const struct watcher *w, size_t i)
{
	size_t n;
	const struct gate_probe *list = subscription_probes(w->subscription, 0, &n);

	ck_assert_uint_eq(n, 2);
	return &list[i];
}

START_TEST(a_failing_probe_is_confirmed_by_a_second_look)
{
	struct watcher w;
	int64_t first_ms;

	begin();
	fake.routes[0] = (struct fake_route){.path = "/a", .type = "text/plain", .body = "ok"};
	fake.routes[1] = (struct fake_route){.path = "/b", .status = 503, .body = "no"};
	w = join(probes);
	ck_assert_int_eq(probe(&w, 0)->state, PROBE_NEVER);
	FAKE_UNTIL(probe(&w, 0)->state == PROBE_OK, 3000);
	FAKE_UNTIL(probe(&w, 1)->state == PROBE_FAILED, 3000);
	ck_assert(!probe(&w, 1)->confirmed);
	ck_assert_int_eq(probe(&w, 1)->status, 503);
	ck_assert_str_eq(probe(&w, 1)->why, "status 503");
	first_ms = probe(&w, 1)->at.ms;
	FAKE_UNTIL(probe(&w, 1)->confirmed, 4000);
	ck_assert_int_ge(probe(&w, 1)->at.ms - first_ms, 1900);
	ck_assert_int_eq(fake.routes[1].asked, 2);
	fake.routes[1].status = 200;
	FAKE_UNTIL(probe(&w, 1)->state == PROBE_OK, 3000);
	ck_assert(!probe(&w, 1)->confirmed);
	ck_assert_str_eq(probe(&w, 1)->why, "");
	leave(&w);
	fake_stop();
}
END_TEST

START_TEST(an_answer_must_say_what_the_gate_wants_to_read)
{
	/* clang-format off */
	static const struct {
		const char *body, *why;
	} rows[] = {
		{ "{\"status\": \"down\"}", "/status is \"down\", not \"up\"" },
		{ "{\"state\": \"up\"}",    "there is no /status in the answer" },
		{ "{\"status\": null}",     "/status is null" },
		{ "<html>up</html>",        "the answer is not JSON (line 1, column 1)" },
		{ "",                       "the answer is not JSON (line 1, column 0)" },
	};
	/* clang-format on */
	struct watcher w;

	begin();
	fake.routes[0] = (struct fake_route){
	        .path = "/a", .type = "application/json", .body = "{\"status\": \"up\"}"};
	fake.routes[1] = (struct fake_route){.path = "/b", .type = "application/json"};
	w = join(bodies);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fake.routes[1].body = rows[i].body;
		FAKE_UNTIL(strcmp(probe(&w, 1)->why, rows[i].why) == 0, 4000);
		ck_assert_int_eq(probe(&w, 1)->state, PROBE_FAILED);
		ck_assert_int_eq(probe(&w, 1)->status, 200);
	}
	fake.routes[1].body = "{\"status\": \"up\", \"more\": 1}";
	FAKE_UNTIL(probe(&w, 1)->state == PROBE_OK, 4000);
	ck_assert_int_eq(probe(&w, 0)->state, PROBE_OK);
	fake.routes[1].how = FAKE_ENDLESS; /* what it says is beyond what we read */
	FAKE_UNTIL(probe(&w, 1)->state == PROBE_UNKNOWN, 4000);
	leave(&w);
	fake_stop();
}
END_TEST

START_TEST(a_hanging_service_fails_its_probe)
{
	struct watcher w;

	begin();
	fake.routes[0] = (struct fake_route){.path = "/a", .how = FAKE_HANG};
	fake.routes[1] =
	        (struct fake_route){.path = "/b", .type = "text/plain", .how = FAKE_ENDLESS};
	w = join(probes);
	FAKE_UNTIL(probe(&w, 0)->state == PROBE_FAILED, 3000);
	FAKE_UNTIL(probe(&w, 1)->state == PROBE_OK, 3000); /* the status is what counts */
	leave(&w);
	fake_stop();
}
END_TEST

START_TEST(our_own_trouble_says_nothing_about_a_service)
{
	char elsewhere[] = "192.0.2.0/24";
	char *none[] = {elsewhere};
	struct networks *networks;
	struct watcher w;
	struct err err;

	begin();
	networks = networks_new(none, 1, &err);
	ck_assert_ptr_nonnull(networks);
	fake.config.allowed = networks;
	w = join(probes);
	FAKE_UNTIL(probe(&w, 0)->state == PROBE_UNKNOWN, 3000);
	ck_assert_str_ne(probe(&w, 0)->why, "");
	leave(&w);
	fake_stop();
	networks_free(&networks);
}
END_TEST

/* --- alerts --- */

#define ONE_ALERT "[{\"labels\": {\"alertname\": \"HighErrors\"}}]"

START_TEST(alerts_are_counted_while_the_answer_is_understood)
{
	struct watcher w;
	const struct gate_alerts *a;

	begin();
	fake.routes[0] = (struct fake_route){
	        .path = "/api/v2/alerts", .type = "application/json", .body = ONE_ALERT};
	w = join(alerts);
	a = subscription_alerts(w.subscription, 0);
	ck_assert(!a->known && a->at.ms == 0);
	ck_assert_int_eq(a->every_ms, 200);
	FAKE_UNTIL((a = subscription_alerts(w.subscription, 0))->known, 3000);
	ck_assert_uint_eq(a->firing, 1);
	ck_assert_uint_eq(json_array_size(a->list), 1);
	ck_assert_ptr_nonnull(strstr(fake.routes[0].request,
	                             "?active=true&silenced=false&inhibited=false"
	                             "&filter=severity%3D%22critical%22 "));
	fake.routes[0].body = "{}";
	FAKE_UNTIL(!(a = subscription_alerts(w.subscription, 0))->known, 3000);
	ck_assert_str_ne(a->why, "");
	ck_assert_uint_eq(a->firing, 0);
	fake.routes[0].status = 503;
	fake.routes[0].body = "[]";
	FAKE_UNTIL(strstr(subscription_alerts(w.subscription, 0)->why, "503") != NULL, 3000);
	leave(&w);
	fake_stop();
}
END_TEST

START_TEST(what_any_member_of_a_cluster_knows_fires_and_all_must_answer)
{
	struct watcher w;
	const struct gate_alerts *a;

	begin();
	fake.routes[0] = (struct fake_route){
	        .path = "/1/api/v2/alerts", .type = "application/json", .body = "[]"};
	fake.routes[1] = (struct fake_route){
	        .path = "/2/api/v2/alerts", .type = "application/json", .body = ONE_ALERT};
	w = join(cluster);
	FAKE_UNTIL((a = subscription_alerts(w.subscription, 0))->known, 3000);
	ck_assert_uint_eq(a->firing, 1);
	fake.routes[0].body = ONE_ALERT;
	FAKE_UNTIL(fake.routes[0].asked > 3, 3000);
	ck_assert_uint_eq(subscription_alerts(w.subscription, 0)->firing, 1); /* the same one */
	fake.routes[0].body = "[{\"labels\": {\"alertname\": \"Other\"}}]";
	FAKE_UNTIL((a = subscription_alerts(w.subscription, 0))->firing == 2, 3000);
	ck_assert_uint_eq(json_array_size(a->list), 2);
	fake.routes[0].status = 500;
	FAKE_UNTIL(!(a = subscription_alerts(w.subscription, 0))->known, 3000);
	ck_assert_ptr_nonnull(strstr(a->why, "500"));
	leave(&w);
	fake_stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sources");
	TCase *t = tcase_create("sources");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, one_address_is_asked_once_for_all);
	tcase_add_test(t, the_shortest_interval_anyone_asks_holds_while_they_are_there);
	tcase_add_loop_test(t, a_wider_need_begins_a_new_coverage, 0, (int)ARRAY_LEN(widenings));
	tcase_add_test(t, two_pages_of_one_address_have_series_of_their_own);
	tcase_add_test(t, no_more_addresses_than_allowed);
	tcase_add_test(t, forgetting_drops_every_sample);
	tcase_add_test(t, a_failing_probe_is_confirmed_by_a_second_look);
	tcase_add_test(t, an_answer_must_say_what_the_gate_wants_to_read);
	tcase_add_test(t, a_hanging_service_fails_its_probe);
	tcase_add_test(t, our_own_trouble_says_nothing_about_a_service);
	tcase_add_test(t, alerts_are_counted_while_the_answer_is_understood);
	tcase_add_test(t, what_any_member_of_a_cluster_knows_fires_and_all_must_answer);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
