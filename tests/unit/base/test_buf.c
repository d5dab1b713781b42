/*
 * buf: grows to its maximum and not beyond, and the first error sticks until someone looks.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/buf.h"

START_TEST(appends_add_up_and_end_with_nul)
{
	struct buf b;
	struct err err;

	buf_init(&b, 1000);
	ck_assert_str_eq(buf_str(&b).p, "");
	buf_add_text(&b, "a");
	buf_add_char(&b, 'b');
	buf_add_str(&b, STR("cd"));
	buf_add(&b, NULL, 0);
	buf_printf(&b, "%d-%s", 42, "x");
	ck_assert_str_eq(buf_str(&b).p, "abcd42-x");
	ck_assert_uint_eq(buf_str(&b).n, 8);
	for (int i = 0; i < 100; i++)
		buf_printf(&b, "%s", "12345");
	ck_assert_uint_eq(b.n, 508);
	ck_assert(buf_ok(&b, &err));
	buf_fini(&b);
}
END_TEST

START_TEST(the_maximum_may_be_reached_but_not_passed)
{
	struct buf b;
	struct err err;

	buf_init(&b, 4);
	buf_add_text(&b, "abcd");
	ck_assert(buf_ok(&b, &err));
	buf_add_char(&b, 'e');
	ck_assert(!buf_ok(&b, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_str_eq(buf_str(&b).p, "abcd");
	buf_fini(&b);
}
END_TEST

START_TEST(an_error_sticks_until_cleared)
{
	struct buf b;
	struct err err;

	buf_init(&b, 4);
	buf_printf(&b, "%s", "abcdef");
	buf_add_char(&b, 'a');
	ck_assert(!buf_ok(&b, &err));
	ck_assert_str_eq(buf_str(&b).p, "");
	buf_clear(&b);
	buf_add_text(&b, "ok");
	ck_assert(buf_ok(&b, &err));
	ck_assert_str_eq(buf_str(&b).p, "ok");
	buf_fini(&b);
}
END_TEST

START_TEST(cutting_goes_back_and_never_forward)
{
	struct buf b;

	buf_init(&b, 100);
	buf_cut(&b, 0);
	buf_add_text(&b, "/gates/0");
	buf_cut(&b, 99);
	ck_assert_str_eq(buf_str(&b).p, "/gates/0");
	buf_cut(&b, 6);
	ck_assert_str_eq(buf_str(&b).p, "/gates");
	buf_fini(&b);
}
END_TEST

START_TEST(taking_the_text_leaves_an_empty_buf)
{
	struct buf b;
	char *text;

	buf_init(&b, 100);
	buf_add_text(&b, "mine");
	text = buf_take_text(&b);
	ck_assert_str_eq(text, "mine");
	ck_assert_uint_eq(b.n, 0);
	free(text);
	text = buf_take_text(&b);
	ck_assert_msg(text && text[0] == '\0', "an empty buf gives an empty text");
	free(text);
}
END_TEST

START_TEST(taking_from_a_failed_buf_gives_nothing_and_keeps_the_reason)
{
	struct buf b;
	struct err err;

	buf_init(&b, 3);
	buf_add_text(&b, "abc");
	buf_add_text(&b, "d");
	ck_assert_ptr_null(buf_take_text(&b));
	ck_assert(!buf_ok(&b, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

START_TEST(a_buf_of_no_bytes_takes_none)
{
	struct buf b;
	struct err err;

	buf_init(&b, 0);
	buf_add_text(&b, "");
	ck_assert(buf_ok(&b, &err));
	buf_add_char(&b, 'a');
	ck_assert(!buf_ok(&b, &err));
	buf_fini(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tcase = tcase_create("buf");

	tcase_add_test(tcase, appends_add_up_and_end_with_nul);
	tcase_add_test(tcase, the_maximum_may_be_reached_but_not_passed);
	tcase_add_test(tcase, an_error_sticks_until_cleared);
	tcase_add_test(tcase, cutting_goes_back_and_never_forward);
	tcase_add_test(tcase, taking_the_text_leaves_an_empty_buf);
	tcase_add_test(tcase, taking_from_a_failed_buf_gives_nothing_and_keeps_the_reason);
	tcase_add_test(tcase, a_buf_of_no_bytes_takes_none);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
