/* Targets that are found while somebody watches: what remains, what goes, and what there is no room
 * for. */
#include "fake_http.h"

#include <sys/stat.h>

#include "../suite.h"
#include "series/target.h"

#define TAIL                                                                                       \
	"kpis:\n  a: {unit: events, expr: \"sum(requests_total)\"}\n"                              \
	"stages:\n  - {stage: s, kind: preflight, checks: {c: qa}}\n"
static const char found[] = "policy: p\n"
                            "evaluate_every: 1s\n"
                            "sources:\n"
                            "  app: {file_sd: [pods.json], every: 1s, timeout: 500ms}\n" TAIL;
static const char two_more[] =
        "policy: p\n"
        "evaluate_every: 1s\n"
        "sources:\n"
        "  app: {scrape: [\"http://127.0.0.1:PORT/x\", \"http://127.0.0.1:PORT/y\"], every: 1s,\n"
        "        timeout: 500ms}\n" TAIL;

static char folder[32];
static struct policy *bound;
static struct subscription *subscription;

/* "/a /b": a target for each path. */
static void write_pods(const char *paths)
{
	char path[64], list[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/pods.json", folder);
	snprintf(list, sizeof(list), "%s", paths);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("[", file);
	for (char *save, *p = strtok_r(list, " ", &save); p; p = strtok_r(NULL, " ", &save))
		fprintf(file,
		        "%s{\"targets\": [\"127.0.0.1:%d\"], \"labels\": "
		        "{\"__metrics_path__\": \"%s\", \"instance\": \"%s\"}}",
		        p == list ? "" : ", ", fake.port, p, p);
	fputs("]", file);
	fclose(file);
}

static void begin(const char *paths, int64_t room)
{
	static const char *const routes[] = {"/a", "/b", "/c", "/d", "/x", "/y"};

	snprintf(folder, sizeof(folder), "/tmp/headgateXXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	fake_start();
	for (size_t i = 0; i < ARRAY_LEN(routes); i++)
		fake.routes[i] = (struct fake_route){
		        .path = routes[i], .type = "text/plain", .body = "requests_total 1\n"};
	fake.config.limits.targets = room;
	fake.config.targets_dir = folder;
	write_pods(paths);
	bound = fake_policy(found);
	bound->sources[0].every_ms = bound->sources[0].sd_refresh_ms = 100;
	subscription = fake_subscribe(bound);
}

static void end(void)
{
	char path[64];

	subscription_free(&subscription);
	policy_free(&bound);
	ck_assert_double_eq(fake.metrics.values[METRIC_SCRAPE_TARGETS], 0);
	fake_stop();
	snprintf(path, sizeof(path), "%s/pods.json", folder);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static const struct kpi_source *source(void)
{
	return subscription_source(subscription, 0);
}

static bool all_up(size_t n)
{
	size_t up = 0;

	for (size_t i = 0; i < source()->ntargets; i++)
		up += target_health(source()->targets[i])->up;
	return source()->ntargets == n && up == n;
}

START_TEST(targets_that_remain_keep_their_samples)
{
	const struct target *a;

	begin("/a /b", 20);
	FAKE_UNTIL(all_up(2), 3000);
	a = source()->targets[0];
	write_pods("/c /a /a");
	FAKE_UNTIL(all_up(2) && source()->targets[0] == a, 3000);
	write_pods("/c");
	FAKE_UNTIL(all_up(1) && source()->targets[0] != a, 3000);
	end();
}
END_TEST

START_TEST(new_targets_are_not_refused_for_the_room_of_those_they_replace)
{
	begin("/a /b", 3);
	FAKE_UNTIL(all_up(2), 3000);
	write_pods("/c /d");
	FAKE_UNTIL(fake.routes[2].asked > 0 && fake.routes[3].asked > 0 && all_up(2), 3000);
	ck_assert_ptr_null(source()->unknown);
	end();
}
END_TEST

START_TEST(targets_there_was_no_room_for_are_tried_again)
{
	struct policy *others;
	struct subscription *other;
	const struct target *a;
	uint64_t complaints;

	begin("/a", 5);
	FAKE_UNTIL(all_up(1), 3000);
	a = source()->targets[0];
	others = fake_policy(two_more);
	other = fake_subscribe(others);
	write_pods("/a /b /c");
	FAKE_UNTIL(source()->unknown != NULL, 3000);
	ck_assert_ptr_nonnull(strstr(source()->unknown, "limits.targets"));
	ck_assert_uint_eq(source()->ntargets, 1); /* and what it learnt is not lost */
	ck_assert_ptr_eq(source()->targets[0], a);
	complaints = log_error_count();
	fake_run(500);
	ck_assert_uint_eq(log_error_count(), complaints); /* said once */
	subscription_free(&other);
	policy_free(&others);
	FAKE_UNTIL(source()->unknown == NULL && all_up(3), 3000);
	end();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("discovery");
	TCase *t = tcase_create("discovery");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, targets_that_remain_keep_their_samples);
	tcase_add_test(t, new_targets_are_not_refused_for_the_room_of_those_they_replace);
	tcase_add_test(t, targets_there_was_no_room_for_are_tried_again);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
