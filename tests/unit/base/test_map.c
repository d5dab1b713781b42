/*
 * map: what was put is found, in the order it came, whatever was removed in between.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "../suite.h"
#include "base/map.h"

static struct str key_of(int i, char text[32])
{
	snprintf(text, 32, "key-%d", i);
	return str_of(text);
}

START_TEST(what_was_put_is_found_and_nothing_else)
{
	struct map *m = map_new(7);
	struct err err;
	char text[32];
	int values[1000];

	ck_assert_ptr_null(map_get(m, STR("absent")));
	for (int i = 0; i < 1000; i++)
		ck_assert(map_put(m, key_of(i, text), &values[i], &err));
	ck_assert_uint_eq(map_count(m), 1000);
	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_eq(map_get(m, key_of(i, text)), &values[i]);
	ck_assert_ptr_null(map_get(m, STR("key-1000")));
	ck_assert_ptr_null(map_get(m, STR("")));
	map_free(&m);
	ck_assert_ptr_null(m);
	map_free(&m);
}
END_TEST

START_TEST(a_second_put_replaces_and_keeps_the_place)
{
	struct map *m = map_new(7);
	struct err err;
	struct str key;
	void *value;
	size_t at = 0;
	int a, b, c;

	ck_assert(map_put(m, STR("a"), &a, &err));
	ck_assert(map_put(m, STR("b"), &b, &err));
	ck_assert(map_put(m, STR("a"), &c, &err));
	ck_assert_uint_eq(map_count(m), 2);
	ck_assert(map_next(m, &at, &key, &value));
	ck_assert(str_eq_text(key, "a"));
	ck_assert_ptr_eq(value, &c);
	map_free(&m);
}
END_TEST

START_TEST(keys_are_bytes_and_may_hold_nul_or_nothing)
{
	struct map *m = map_new(0);
	struct err err;
	int a, b, c;

	ck_assert(map_put(m, (struct str){.p = "x\0y", .n = 3}, &a, &err));
	ck_assert(map_put(m, STR("x"), &b, &err));
	ck_assert(map_put(m, (struct str){0}, &c, &err));
	ck_assert_ptr_eq(map_get(m, (struct str){.p = "x\0y", .n = 3}), &a);
	ck_assert_ptr_eq(map_get(m, STR("x")), &b);
	ck_assert_ptr_eq(map_get(m, STR("")), &c);
	map_free(&m);
}
END_TEST

START_TEST(a_walk_keeps_insertion_order_and_may_remove_what_it_was_given)
{
	struct map *m = map_new(99);
	struct err err;
	char text[32];
	int values[200];
	struct str key;
	void *value;
	int seen = 0;

	for (int i = 0; i < 200; i++)
		ck_assert(map_put(m, key_of(i, text), &values[i], &err));
	for (size_t at = 0; map_next(m, &at, &key, &value); seen++) {
		ck_assert_ptr_eq(value, &values[seen]);
		if (seen % 2 == 0)
			ck_assert_ptr_eq(map_remove(m, key_of(seen, text)), value);
	}
	ck_assert_int_eq(seen, 200);
	ck_assert_uint_eq(map_count(m), 100);
	seen = 0;
	for (size_t at = 0; map_next(m, &at, &key, &value); seen++)
		ck_assert_ptr_eq(value, &values[seen * 2 + 1]);
	ck_assert_int_eq(seen, 100);
	map_free(&m);
}
END_TEST

START_TEST(coming_and_going_does_not_grow_or_lose_anything)
{
	struct map *m = map_new(3);
	struct err err;
	char text[32];
	int value;

	for (int i = 0; i < 20000; i++) {
		ck_assert(map_put(m, key_of(i, text), &value, &err));
		if (i >= 5)
			ck_assert_ptr_eq(map_remove(m, key_of(i - 5, text)), &value);
	}
	ck_assert_uint_eq(map_count(m), 5);
	for (int i = 19995; i < 20000; i++)
		ck_assert_ptr_eq(map_get(m, key_of(i, text)), &value);
	ck_assert_ptr_null(map_remove(m, STR("key-0")));
	map_clear(m);
	ck_assert_uint_eq(map_count(m), 0);
	ck_assert_ptr_null(map_get(m, STR("key-19999")));
	ck_assert(map_put(m, STR("again"), &value, &err));
	ck_assert_ptr_eq(map_get(m, STR("again")), &value);
	map_free(&m);
}
END_TEST

static struct map *numbers(uint64_t seed, int from, int to, void *value)
{
	struct map *m = map_new(seed);
	struct err err;
	char text[32];

	for (int i = from; i < to; i++)
		ck_assert(map_put(m, key_of(i, text), value, &err));
	return m;
}

START_TEST(what_is_the_same_is_kept_once_and_as_long_as_anyone_has_it)
{
	struct map_twins twins = {0};
	struct map *first, *second, *others[5];
	int value, other;
	char text[32];

	first = numbers(7, 0, 20, &value);
	second = numbers(7, 0, 20, &value);
	others[0] = numbers(7, 0, 20, &other);
	others[1] = numbers(7, 0, 19, &value);
	others[2] = numbers(7, 1, 21, &value);
	others[3] = numbers(8, 0, 20, &value);
	others[4] = numbers(7, 0, 20, &value);
	map_remove(others[4], key_of(3, text));
	map_intern(&twins, &first);
	map_intern(&twins, &second);
	map_intern(&twins, &second);
	ck_assert_ptr_eq(first, second);
	for (size_t i = 0; i < 5; i++) {
		map_intern(&twins, &others[i]);
		ck_assert_ptr_ne(first, others[i]);
		map_free(&others[i]);
	}
	map_free(&first);
	ck_assert_ptr_null(first);
	/* It is pushed out by newer ones, and its last owner has it still. */
	for (int i = 0; i < 2 * MAP_TWINS; i++) {
		struct map *newer = numbers(7, i, i + 2, &value);

		map_intern(&twins, &newer);
		map_free(&newer);
	}
	ck_assert_ptr_eq(map_get(second, key_of(19, text)), &value);
	map_twins_fini(&twins);
	ck_assert_ptr_eq(map_get(second, key_of(0, text)), &value);
	map_free(&second);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("map");
	TCase *tcase = tcase_create("map");

	tcase_add_test(tcase, what_was_put_is_found_and_nothing_else);
	tcase_add_test(tcase, a_second_put_replaces_and_keeps_the_place);
	tcase_add_test(tcase, keys_are_bytes_and_may_hold_nul_or_nothing);
	tcase_add_test(tcase, a_walk_keeps_insertion_order_and_may_remove_what_it_was_given);
	tcase_add_test(tcase, coming_and_going_does_not_grow_or_lose_anything);
	tcase_add_test(tcase, what_is_the_same_is_kept_once_and_as_long_as_anyone_has_it);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
