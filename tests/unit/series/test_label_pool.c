/* Labels that many series share. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "series/label_pool.h"
#include "series/series.h"

static const struct label *take(struct label_pool *pool, const char *name, const char *value)
{
	struct label label = {str_of(name), str_of(value)};
	struct err err;
	const struct label *taken = label_pool_take(pool, &label, &err);

	ck_assert_ptr_nonnull(taken);
	ck_assert(str_eq_text(taken->name, name) && str_eq_text(taken->value, value));
	return taken;
}

START_TEST(the_same_pair_is_there_once)
{
	struct label_pool *pool = label_pool_new(1);
	char name[] = "job", value[] = "api";
	const struct label *one = take(pool, name, value);

	name[0] = value[0] = 'x'; /* texts are copied */
	ck_assert_ptr_eq(take(pool, "job", "api"), one);
	ck_assert_ptr_ne(take(pool, "joba", "pi"), one);
	ck_assert_ptr_ne(take(pool, "job", ""), one);
	ck_assert_uint_eq(label_pool_count(pool), 3);
	label_pool_free(&pool);
	ck_assert_ptr_null(pool);
	label_pool_free(&pool);
}
END_TEST

/* Pairs come and go at random; plain counts are the second witness. */
START_TEST(a_pair_lives_until_the_last_lets_go)
{
	enum { N = 500 };
	static const struct label *taken[N];
	static unsigned counts[N];
	struct label_pool *pool = label_pool_new(3);
	uint32_t state = 1;
	char value[16];
	size_t n = 0;

	for (int step = 0; step < 200000; step++) {
		size_t i = (state = state * 1664525 + 1013904223) % N;

		snprintf(value, sizeof(value), "%zu", i);
		if ((state >> 16) % 2 && counts[i] > 0) {
			ck_assert(str_eq_text(taken[i]->value, value));
			label_pool_drop(pool, taken[i]);
			n -= --counts[i] == 0;
		} else if (counts[i] < 3) {
			const struct label *again = take(pool, "i", value);

			ck_assert(counts[i] == 0 || again == taken[i]);
			taken[i] = again;
			n += counts[i]++ == 0;
		}
		ck_assert_uint_eq(label_pool_count(pool), n);
	}
	label_pool_free(&pool);
}
END_TEST

START_TEST(sets_share_labels_and_give_them_back)
{
	struct label_pool *pool = label_pool_new(1);
	struct series_set *sets[2];
	const struct series *series[2];
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		struct label list[] = {{STR("__name__"), STR("up")},
		                       {STR("instance"), i > 0 ? STR("b") : STR("a")}};
		struct labels labels;

		sets[i] = series_set_new_in(pool, 1, 1000, 10);
		ck_assert(labels_borrow(list, ARRAY_LEN(list), &labels, &err));
		series[i] = series_set_obtain(sets[i], &labels, &err);
		ck_assert_ptr_nonnull(series[i]);
		ck_assert(labels_equal(&series[i]->labels, &labels));
	}
	ck_assert_ptr_eq(labels_at(&series[0]->labels, 0), labels_at(&series[1]->labels, 0));
	ck_assert(!labels_equal(&series[0]->labels, &series[1]->labels));
	ck_assert_uint_eq(label_pool_count(pool), 3);
	series_set_expire(sets[0], 1); /* an empty series goes */
	ck_assert_uint_eq(label_pool_count(pool), 2);
	series_set_free(&sets[0]);
	series_set_free(&sets[1]);
	ck_assert_uint_eq(label_pool_count(pool), 0);
	label_pool_free(&pool);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("label_pool");
	TCase *t = tcase_create("label_pool");

	tcase_add_test(t, the_same_pair_is_there_once);
	tcase_add_test(t, a_pair_lives_until_the_last_lets_go);
	tcase_add_test(t, sets_share_labels_and_give_them_back);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
