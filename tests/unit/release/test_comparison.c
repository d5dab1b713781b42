/*
 * comparison: what KPIs were before the exposure and in the last stage.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "release/comparison.h"

#define T0 1700000000000
#define MINUTE_MS 60000

struct bench {
	char name[8];
	char *compare[1];
	struct kpi kpi;
	struct kpi_reading reading;
	struct policy policy;
	struct gate_evidence evidence;
	struct checkpoint c;
};

static void bench_init(struct bench *b)
{
	memset(b, 0, sizeof(*b));
	memcpy(b->name, "lag", 4);
	b->compare[0] = b->name;
	b->kpi = (struct kpi){.name = b->name, .unit = KPI_EVENTS};
	b->reading = (struct kpi_reading){
	        .result = GATE_PASS, .covered = true, .range_ms = 5 * MINUTE_MS, .value = 100};
	b->policy =
	        (struct policy){.kpis = &b->kpi, .nkpis = 1, .compare = b->compare, .ncompare = 1};
	b->evidence = (struct gate_evidence){.at = {T0},
	                                     .evaluate_every_ms = MINUTE_MS,
	                                     .kpis = &b->reading,
	                                     .kpi_list = &b->kpi,
	                                     .nkpis = 1};
}

static void pass(struct bench *b, int minutes, bool last)
{
	for (int i = 0; i < minutes; i++) {
		b->evidence.at.ms += MINUTE_MS;
		comparison_take(&b->policy, &b->evidence, last, &b->c);
	}
}

static void expose(struct bench *b)
{
	b->evidence.era = ERA_EXPOSED;
	b->evidence.exposed_since = b->evidence.at;
}

/* side NULL: the whole entry. */
static double number(const struct bench *b, const char *side, const char *key)
{
	json_t *list = comparison_to_json(&b->c, &b->policy);
	json_t *one = json_array_get(list, 0);
	json_t *of = side ? json_object_get(one, side) : one;
	json_t *value = json_object_get(of, key);
	double out = json_is_number(value) ? json_number_value(value) : (double)NAN;

	json_decref(list);
	return out;
}

START_TEST(means_of_both_times_and_their_difference)
{
	struct bench b;

	bench_init(&b);
	pass(&b, 20, false);
	ck_assert_double_eq(number(&b, "before", "value"), 100);
	ck_assert_double_eq(number(&b, "before", "measurements"), 4);
	ck_assert(isnan(number(&b, NULL, "change")));
	expose(&b);
	b.reading.value = 900;
	pass(&b, 20, false); /* a stage before the last */
	expose(&b);
	b.reading.value = 130;
	pass(&b, 20, true);
	ck_assert_double_eq(number(&b, "after", "value"), 130);
	ck_assert_double_eq(number(&b, NULL, "change"), 30);
	field_free(&checkpoint_table, &b.c);
}
END_TEST

START_TEST(what_is_missing_is_no_value)
{
	static const struct {
		enum gate_result result;
		double value;
		bool covered;
	} rows[] = {{GATE_NO_DATA, 1, true}, {GATE_PASS, (double)NAN, true}, {GATE_PASS, 1, false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bench b;

		bench_init(&b);
		b.reading.result = rows[i].result;
		b.reading.value = rows[i].value;
		b.reading.covered = rows[i].covered;
		pass(&b, 20, false);
		ck_assert(isnan(number(&b, "before", "value")));
		field_free(&checkpoint_table, &b.c);
	}
}
END_TEST

START_TEST(a_restart_keeps_both)
{
	struct bench b;
	struct checkpoint read;
	struct problems problems;
	struct decode d;
	json_t *saved, *before, *after;

	bench_init(&b);
	pass(&b, 20, false);
	expose(&b);
	pass(&b, 20, true);
	before = comparison_to_json(&b.c, &b.policy);
	saved = field_encode(&checkpoint_table, &b.c);
	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	ck_assert(field_decode(&checkpoint_table, saved, &read, &d));
	after = comparison_to_json(&read, &b.policy);
	ck_assert(json_equal(before, after));
	decode_fini(&d);
	problems_fini(&problems);
	json_decref(before);
	json_decref(after);
	json_decref(saved);
	field_free(&checkpoint_table, &read);
	field_free(&checkpoint_table, &b.c);
}
END_TEST

START_TEST(nothing_is_compared_where_nobody_asks)
{
	struct bench b;

	bench_init(&b);
	b.policy.ncompare = 0;
	pass(&b, 5, false);
	ck_assert_ptr_null(b.c.comparisons);
	ck_assert_ptr_null(comparison_to_json(&b.c, &b.policy));
	ck_assert_ptr_null(comparison_to_json(NULL, &b.policy));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("comparison");
	TCase *t = tcase_create("comparison");

	tcase_add_test(t, means_of_both_times_and_their_difference);
	tcase_add_test(t, what_is_missing_is_no_value);
	tcase_add_test(t, a_restart_keeps_both);
	tcase_add_test(t, nothing_is_compared_where_nobody_asks);
	suite_add_tcase(s, t);
	return suite_run(s);
}
