/*
 * arena: zeroed, aligned, capped, and reusable after a clear.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/arena.h"

START_TEST(memory_is_zeroed_aligned_and_apart)
{
	struct arena a;
	struct err err;

	arena_init(&a, 1000000);
	for (size_t i = 1; i < 500; i++) {
		unsigned char *p = arena_alloc(&a, i);

		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < i; j++)
			ck_assert_uint_eq(p[j], 0);
		memset(p, 0xFF, i);
	}
	ck_assert_ptr_ne(arena_alloc(&a, 0), arena_alloc(&a, 0));
	ck_assert(arena_ok(&a, &err));
	arena_fini(&a);
}
END_TEST

START_TEST(the_cap_holds_and_the_failure_sticks)
{
	struct arena a;
	struct err err;

	arena_init(&a, 4096);
	ck_assert_ptr_nonnull(arena_alloc(&a, 4000));
	ck_assert_ptr_null(arena_alloc(&a, 200));
	ck_assert_msg(!arena_alloc(&a, 1), "a failed arena stays failed");
	ck_assert(!arena_ok(&a, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	arena_clear(&a);
	ck_assert(arena_ok(&a, &err));
	ck_assert_ptr_nonnull(arena_alloc(&a, 4000));
	arena_fini(&a);
}
END_TEST

START_TEST(a_cap_need_not_be_a_multiple_of_anything)
{
	struct arena a;
	struct err err;

	arena_init(&a, 5);
	ck_assert_ptr_nonnull(arena_alloc(&a, 5));
	ck_assert_ptr_null(arena_alloc(&a, 1));
	ck_assert(!arena_ok(&a, &err));
	arena_fini(&a);
}
END_TEST

START_TEST(an_array_whose_size_overflows_is_refused)
{
	struct arena a;
	struct err err;

	arena_init(&a, SIZE_MAX);
	ck_assert_ptr_null(arena_array(&a, SIZE_MAX / 2, 3));
	ck_assert(!arena_ok(&a, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	arena_clear(&a);
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 8));
	arena_fini(&a);
}
END_TEST

START_TEST(cleared_memory_comes_back_zeroed)
{
	struct arena a;
	unsigned char *p;

	arena_init(&a, 1000000);
	p = arena_alloc(&a, 3000);
	memset(p, 0xAA, 3000);
	for (int i = 0; i < 20; i++)
		(void)arena_alloc(&a, 10000);
	arena_clear(&a);
	p = arena_alloc(&a, 3000);
	for (size_t i = 0; i < 3000; i++)
		ck_assert_uint_eq(p[i], 0);
	arena_fini(&a);
}
END_TEST

START_TEST(texts_are_copied_and_formatted)
{
	struct arena a;

	arena_init(&a, 10000);
	ck_assert_str_eq(arena_text(&a, STR("abc")), "abc");
	ck_assert_str_eq(arena_text(&a, (struct str){0}), "");
	ck_assert_str_eq(arena_printf(&a, "%s=%d", "x", 7), "x=7");
	arena_fini(&a);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tcase = tcase_create("arena");

	tcase_add_test(tcase, memory_is_zeroed_aligned_and_apart);
	tcase_add_test(tcase, the_cap_holds_and_the_failure_sticks);
	tcase_add_test(tcase, a_cap_need_not_be_a_multiple_of_anything);
	tcase_add_test(tcase, an_array_whose_size_overflows_is_refused);
	tcase_add_test(tcase, cleared_memory_comes_back_zeroed);
	tcase_add_test(tcase, texts_are_copied_and_formatted);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
