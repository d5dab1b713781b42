/*
 * reports: what schedulers may report to a release, and what is kept of it.
 */
#include "../suite.h"
#include "fixture.h"

static struct world w;
static const struct actor ci = {
        .subject = "ci-bot", .person = "dora", .roles = qa_roles, .nroles = 1};

static void setup(void)
{
	char *yaml = NULL;
	const char *gates = strstr(shop_policy, "  latency: {threshold");

	ck_assert(asprintf(&yaml, "%.*s  suite: {evidence: nightly, then: pause}\n%s",
	                   (int)(gates - shop_policy), shop_policy, gates) > 0);
	world_init_with(&w, yaml, MIGRATION_NONE, "1.3.0");
	free(yaml);
}

static void teardown(void)
{
	world_fini(&w);
}

static struct event report(const char *result, enum evidence_status status)
{
	return (struct event){.kind = EVENT_EVIDENCE, .by = ci, .result = result, .status = status};
}

static char long_link[1002];

static struct {
	const char *why;
	struct event e;
	enum refusal_kind refused;
	const char *pointer;
} refusals[] = {
        {"a machine that names nobody",
         {.by = {.subject = "ci-bot"}, .result = "nightly"},
         REFUSED_INVALID,
         "/author"},
        {"a result nobody waits for",
         {.by = {.person = "ann"}, .result = "x"},
         REFUSED_INVALID,
         "/name"},
        {"no name", {.by = {.person = "ann"}}, REFUSED_INVALID, "/name"},
        {"a link too long",
         {.by = {.person = "ann"}, .result = "nightly", .link = long_link},
         REFUSED_INVALID,
         "/link"},
        {"one that has expired",
         {.by = {.person = "ann"}, .result = "nightly", .expires = {T0}},
         REFUSED_INVALID,
         "/expires"},
        {"one that hardly ever does",
         {.by = {.person = "ann"}, .result = "nightly", .expires = {T0 + 367 * 24LL * HOUR}},
         REFUSED_INVALID,
         "/expires"},
        {"a year is fine",
         {.by = {.person = "ann"}, .result = "nightly", .expires = {T0 + 365 * 24LL * HOUR}},
         REFUSED_NONE,
         NULL},
};

START_TEST(what_is_wrong_is_said_with_its_place)
{
	struct event e = refusals[_i].e;

	memset(long_link, 'x', sizeof(long_link) - 1);
	e.kind = EVENT_EVIDENCE;
	ask(&w, &e);
	ck_assert_msg(w.out.refused == refusals[_i].refused, "%s: %s", refusals[_i].why,
	              w.out.text);
	if (refusals[_i].pointer)
		ck_assert_str_eq(w.out.pointer, refusals[_i].pointer);
}
END_TEST

START_TEST(the_newest_of_each_name_is_kept_and_each_is_a_report_of_its_own)
{
	struct event e = report("nightly", EVIDENCE_FAILED);

	e.link = "https://ci/1";
	e.reason = "3 failed";
	commit(&w, &e);
	ck_assert_uint_eq(w.r->nresults, 1);
	ck_assert_int_eq(w.r->results[0].told, w.r->row_version);
	ck_assert_str_eq(w.r->results[0].note, "3 failed");
	ck_assert_str_eq(w.r->results[0].person, "dora");
	e.link = NULL;
	commit(&w, &e); /* the same once more is newer evidence */
	ck_assert_uint_eq(w.r->nresults, 1);
	ck_assert_int_eq(w.r->results[0].told, w.r->row_version);
	ck_assert_ptr_null(w.r->results[0].link);
}
END_TEST

/* Names of an earlier policy make room for those of the present one. */
START_TEST(however_many_names_there_were_the_list_stays_bounded)
{
	struct event e = report("nightly", EVIDENCE_PASSED);

	w.r->results = calloc(RELEASE_MAX_RESULTS, sizeof(*w.r->results));
	for (size_t i = 0; i < RELEASE_MAX_RESULTS; i++) {
		w.r->results[i].name = strdup("old");
		w.r->results[i].told = 1;
	}
	w.r->nresults = RELEASE_MAX_RESULTS;
	commit(&w, &e);
	ck_assert_uint_eq(w.r->nresults, RELEASE_MAX_RESULTS);
	ck_assert_str_eq(w.r->results[RELEASE_MAX_RESULTS - 1].name, "nightly");
}
END_TEST

START_TEST(where_no_gate_waits_nothing_can_be_reported)
{
	struct world plain;
	struct event e = report("nightly", EVIDENCE_PASSED);

	world_init(&plain, MIGRATION_NONE, "1.3.0");
	ask(&plain, &e);
	ck_assert_int_eq((int)plain.out.refused, REFUSED_STATE);
	ck_assert(
	        !(release_legal(plain.r, &plain.c, plain.bound, &plain.f) & 1U << EVENT_EVIDENCE));
	ck_assert(release_legal(w.r, &w.c, w.bound, &w.f) & 1U << EVENT_EVIDENCE);
	world_fini(&plain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reports");
	TCase *t = tcase_create("reports");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_is_wrong_is_said_with_its_place, 0, ARRAY_LEN(refusals));
	tcase_add_test(t, the_newest_of_each_name_is_kept_and_each_is_a_report_of_its_own);
	tcase_add_test(t, however_many_names_there_were_the_list_stays_bounded);
	tcase_add_test(t, where_no_gate_waits_nothing_can_be_reported);
	suite_add_tcase(suite, t);
	return suite_run(suite);
}
