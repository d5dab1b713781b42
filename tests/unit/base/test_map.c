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

int main(void)
{
	Suite *suite = suite_create("map");
	TCase *tcase = tcase_create("map");

	tcase_add_test(tcase, what_was_put_is_found_and_nothing_else);
	tcase_add_test(tcase, a_second_put_replaces_and_keeps_the_place);
	tcase_add_test(tcase, keys_are_bytes_and_may_hold_nul_or_nothing);
	tcase_add_test(tcase, a_walk_keeps_insertion_order_and_may_remove_what_it_was_given);
	tcase_add_test(tcase, coming_and_going_does_not_grow_or_lose_anything);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
