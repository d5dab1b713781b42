/*
 * measurements: what may be pushed to a release, in which unit it is kept, and how much of it.
 */
#include <math.h>

#include "../suite.h"
#include "fixture.h"

static struct world w;

static const char batch_policy[] =
        "policy: batch\n"
        "kpis:\n"
        "  lag: {unit: seconds, pushed: 26h, given_in: ms}\n"
        "  profit: {unit: number, pushed: 26h}\n"
        "  wrong: {unit: ratio, pushed: 26h}\n"
        "gates:\n"
        "  wrong: {threshold: wrong, min_events: 0, above: 1%, for: 1 of 1, then: pause}\n"
        "stages:\n"
        "  - {stage: canary, weight: 10, bake: 10m}\n"
        "rollback:\n"
        "  options: [{option: by_hand, manual: true}]\n"
        "  stabilise: {gates: [wrong], bake: 10m, deadline: 1h}\n";

static void setup(void)
{
	world_init_with(&w, batch_policy, MIGRATION_NONE, "1.3.0");
}

static void teardown(void)
{
	world_fini(&w);
}

static struct event push(const struct event_measurement *list, size_t n)
{
	return (struct event){
	        .kind = EVENT_MEASUREMENT, .by = ann, .measurements = list, .nmeasurements = n};
}

/* Twice as many as are read, so that one too many can be asked for. */
static struct {
	const char *why;
	struct event_measurement m;
	size_t n;
	bool one, machine;
	const char *pointer;
} refusals[] = {
        {"none", {.kpi = "wrong"}, 0, false, false, "/measurements"},
        {"too many", {.kpi = "wrong"}, EVENT_MAX_MEASUREMENTS + 1, false, false, "/measurements"},
        {"an unknown KPI", {.kpi = "wrogn"}, 2, false, false, "/measurements/1/kpi"},
        {"the same, alone", {.kpi = "wrogn"}, 1, true, false, "/kpi"},
        {"no KPI", {.kpi = NULL}, 1, true, false, "/kpi"},
        {"below nothing", {.kpi = "wrong", .value = -0.1}, 1, true, false, "/value"},
        {"no number",
         {.kpi = "wrong", .value = (double)NAN},
         2,
         false,
         false,
         "/measurements/1/value"},
        {"too much", {.kpi = "profit", .value = (double)INFINITY}, 1, true, false, "/value"},
        {"a unit that does not fit",
         {.kpi = "wrong", .given = KPI_GIVEN_MS},
         1,
         true,
         false,
         "/given_in"},
        {"tomorrow", {.kpi = "wrong", .at = {T0 + 60001}}, 1, true, false, "/at"},
        {"a machine for nobody", {.kpi = "wrong"}, 1, true, true, "/author"},
};

START_TEST(what_is_wrong_is_said_with_its_place)
{
	struct event_measurement list[EVENT_MAX_MEASUREMENTS + 1];
	struct event e = push(list, refusals[_i].n);

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		list[i] = (struct event_measurement){
		        .kpi = "wrong", .value = 0.1, .given = EVENT_GIVEN_AS_POLICY};
	if (refusals[_i].n > 0)
		list[(refusals[_i].n - 1) % ARRAY_LEN(list)] = refusals[_i].m;
	e.one_measurement = refusals[_i].one;
	if (refusals[_i].machine)
		e.by = robot;
	ask(&w, &e);
	ck_assert_msg(w.out.refused == REFUSED_INVALID, "%s: %s", refusals[_i].why, w.out.text);
	ck_assert_str_eq(w.out.pointer, refusals[_i].pointer);
}
END_TEST

START_TEST(numbers_are_kept_in_the_unit_of_their_kpi)
{
	const struct event_measurement list[] = {
	        {.kpi = "lag", .value = 250, .given = EVENT_GIVEN_AS_POLICY},
	        {.kpi = "wrong", .value = 1.5, .given = KPI_GIVEN_PERCENT},
	        {.kpi = "profit", .value = -3, .given = EVENT_GIVEN_AS_POLICY},
	        {.kpi = "lag", .value = 2, .given = KPI_GIVEN_MINUTES, .at = {T0 - 1}},
	};
	const struct event e = push(list, ARRAY_LEN(list));

	commit(&w, &e);
	ck_assert_uint_eq(w.r->nmeasurements, 4);
	ck_assert(fabs(w.r->measurements[0].value - 120) < 1e-9); /* the oldest first */
	ck_assert(fabs(w.r->measurements[1].value - 0.25) < 1e-9);
	ck_assert(fabs(w.r->measurements[2].value - 0.015) < 1e-9);
	ck_assert(fabs(w.r->measurements[3].value + 3) < 1e-9);
	ck_assert_int_eq(w.r->measurements[3].told, w.r->row_version);
	ck_assert_str_eq(w.r->measurements[3].subject, "ann");
	ck_assert(strstr(w.out.decision.text, "lag 250 ms, wrong 1.5 %, profit -3") != NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(w.out.decision.detail, "measurements")),
	                  4);
}
END_TEST

START_TEST(the_same_of_the_same_instant_is_a_repeat_and_another_number_its_correction)
{
	struct event_measurement m = {
	        .kpi = "wrong", .value = 0.02, .given = EVENT_GIVEN_AS_POLICY, .at = {T0}};
	const struct event e = push(&m, 1);
	int64_t told = 0;

	commit(&w, &e);
	told = w.r->measurements[0].told;
	ck_assert_int_eq((int)ask(&w, &e)->refused, REFUSED_REPEAT);
	m.value = 0.01;
	commit(&w, &e);
	ck_assert_uint_eq(w.r->nmeasurements, 1);
	ck_assert(w.r->measurements[0].told > told);
	m.at.ms = 0; /* of now, each time */
	commit(&w, &e);
	ck_assert_uint_eq(w.r->nmeasurements, 1);
	later(&w, 1);
	commit(&w, &e);
	ck_assert_uint_eq(w.r->nmeasurements, 2);
}
END_TEST

START_TEST(the_newest_of_each_kpi_are_kept)
{
	struct event_measurement m = {.given = EVENT_GIVEN_AS_POLICY};
	const struct event e = push(&m, 1);
	size_t rare = 0;

	m.kpi = "profit";
	m.at.ms = T0 - 1000;
	commit(&w, &e);
	for (int i = 0; i < 40; i++) {
		m.kpi = i % 2 ? "wrong" : "lag";
		m.value = i;
		m.at.ms = T0 - 500 + i;
		commit(&w, &e);
	}
	for (int i = 0; i < 40; i++) {
		m.kpi = "wrong";
		m.value = i;
		m.at.ms = T0 + i;
		commit(&w, &e);
	}
	ck_assert_uint_eq(w.r->nmeasurements, 1 + 20 + RELEASE_MAX_MEASUREMENTS_PER_KPI);
	for (size_t i = 0; i < w.r->nmeasurements; i++) {
		rare += strcmp(w.r->measurements[i].kpi, "profit") == 0;
		ck_assert(i == 0 || w.r->measurements[i - 1].at.ms <= w.r->measurements[i].at.ms);
	}
	ck_assert_uint_eq(rare, 1);
}
END_TEST

START_TEST(where_nothing_is_pushed_nothing_can_be)
{
	struct world plain;
	const struct event_measurement m = {.kpi = "error_rate"};
	const struct event e = push(&m, 1);

	world_init(&plain, MIGRATION_NONE, "1.3.0");
	ask(&plain, &e);
	ck_assert_int_eq((int)plain.out.refused, REFUSED_STATE);
	ck_assert(!(release_legal(plain.r, &plain.c, plain.bound, &plain.f) &
	            1U << EVENT_MEASUREMENT));
	ck_assert(release_legal(w.r, &w.c, w.bound, &w.f) & 1U << EVENT_MEASUREMENT);
	world_fini(&plain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("measurements");
	TCase *t = tcase_create("measurements");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_is_wrong_is_said_with_its_place, 0, ARRAY_LEN(refusals));
	tcase_add_test(t, numbers_are_kept_in_the_unit_of_their_kpi);
	tcase_add_test(t,
	               the_same_of_the_same_instant_is_a_repeat_and_another_number_its_correction);
	tcase_add_test(t, the_newest_of_each_kpi_are_kept);
	tcase_add_test(t, where_nothing_is_pushed_nothing_can_be);
	suite_add_tcase(suite, t);
	return suite_run(suite);
}
