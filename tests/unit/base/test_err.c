/*
 * err: filled once, prefixed on the way, never longer than its buffer.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/err.h"
#include "base/str.h"

START_TEST(setting_an_error_fills_it_and_returns_false)
{
	struct err err;

	ck_assert(!err_set(&err, ERR_LIMIT, "more than %d", 3));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_str_eq(err.text, "more than 3");
}
END_TEST

START_TEST(a_prefix_goes_in_front_and_keeps_the_code)
{
	struct err err;

	(void)err_set(&err, ERR_INVALID, "must be a duration");
	err_prefix(&err, "gates[%d]", 2);
	err_prefix(&err, "policy");
	ck_assert_str_eq(err.text, "policy: gates[2]: must be a duration");
	ck_assert_int_eq(err.code, ERR_INVALID);
}
END_TEST

START_TEST(a_long_text_is_cut_and_stays_utf8)
{
	struct err err;
	char text[600];

	for (size_t shift = 0; shift < 3; shift++) {
		size_t n = 0;

		while (n < shift)
			text[n++] = 'x';
		while (n + 3 < sizeof(text)) {
			memcpy(text + n, "\xE2\x82\xAC", 3);
			n += 3;
		}
		text[n] = '\0';
		(void)err_set(&err, ERR_INVALID, "%s", text);
		ck_assert(strlen(err.text) >= sizeof(err.text) - 4);
		ck_assert(str_is_utf8(str_of(err.text)));
		err_prefix(&err, "%s", "a");
		ck_assert(strlen(err.text) < sizeof(err.text));
		ck_assert(str_is_utf8(str_of(err.text)));
	}
}
END_TEST

START_TEST(a_prefix_longer_than_the_buffer_is_cut)
{
	struct err err;
	char text[600];

	memset(text, 'p', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	(void)err_set(&err, ERR_INVALID, "why");
	err_prefix(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
}
END_TEST

START_TEST(every_code_has_a_name)
{
	for (int code = ERR_NONE; code < ERR_COUNT; code++)
		ck_assert_ptr_nonnull(err_code_name((enum err_code)code));
	ck_assert_str_eq(err_code_name(ERR_NOT_FOUND), "not_found");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("err");
	TCase *tcase = tcase_create("err");

	tcase_add_test(tcase, setting_an_error_fills_it_and_returns_false);
	tcase_add_test(tcase, a_prefix_goes_in_front_and_keeps_the_code);
	tcase_add_test(tcase, a_long_text_is_cut_and_stays_utf8);
	tcase_add_test(tcase, a_prefix_longer_than_the_buffer_is_cut);
	tcase_add_test(tcase, every_code_has_a_name);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
