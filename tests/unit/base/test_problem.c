/*
 * problem: every mistake with its place, bounded, and never silently lost.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "base/problem.h"

START_TEST(unknown_parts_are_left_out_of_the_line)
{
	/* clang-format off */
	static const struct {
		const char *why, *file;
		int line, column;
		const char *pointer, *printed;
	} rows[] = {
		{ "everything known", "p.yaml", 3, 5, "/gates/0", "p.yaml:3:5: /gates/0: is wrong\n" },
		{ "no column", "p.yaml", 3, 0, "/gates/0", "p.yaml:3: /gates/0: is wrong\n" },
		{ "no line", "p.yaml", 0, 0, "/gates/0", "p.yaml: /gates/0: is wrong\n" },
		{ "from the wire", NULL, 0, 0, "/gates/0", "/gates/0: is wrong\n" },
		{ "the whole document", NULL, 0, 0, "", "is wrong\n" },
		{ "no pointer at all", NULL, 0, 0, NULL, "is wrong\n" },
		{ "a key with control characters", NULL, 0, 0, "/a\x1B[1m", "/a?[1m: is wrong\n" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct problems p;
		struct buf out;

		problems_init(&p);
		buf_init(&out, 1000);
		problems_add(&p, rows[i].file, rows[i].line, rows[i].column, rows[i].pointer,
		             "is %s", "wrong");
		problems_print(&p, &out);
		ck_assert_msg(str_eq_text(buf_str(&out), rows[i].printed), "%s: %s", rows[i].why,
		              buf_str(&out).p);
		buf_fini(&out);
		problems_fini(&p);
		problems_fini(&p);
	}
}
END_TEST

START_TEST(a_hundred_are_kept_and_the_rest_is_counted)
{
	struct problems p;
	struct buf out;

	problems_init(&p);
	buf_init(&out, 100000);
	for (int i = 0; i < PROBLEMS_MAX + 7; i++)
		problems_add(&p, "f", i + 1, 1, "", "number %d", i);
	ck_assert_uint_eq(p.n, PROBLEMS_MAX);
	ck_assert_uint_eq(p.dropped, 7);
	ck_assert_str_eq(p.list[PROBLEMS_MAX - 1].text, "number 99");
	problems_print(&p, &out);
	ck_assert(str_ends_with(buf_str(&out), STR("and 7 more\n")));
	buf_fini(&out);
	problems_fini(&p);
}
END_TEST

START_TEST(a_very_long_text_is_cut_and_stays_utf8)
{
	struct problems p;
	char text[5000];

	for (size_t i = 0; i + 2 < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xA9", 3);
	problems_init(&p);
	problems_add(&p, NULL, 0, 0, "", "x%s", text);
	problems_add(&p, NULL, 0, 0, "", "%s", text);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_uint_lt(strlen(p.list[0].text), 1024);
	ck_assert(str_is_utf8(str_of(p.list[0].text)));
	ck_assert(str_is_utf8(str_of(p.list[1].text)));
	problems_fini(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("problem");
	TCase *tcase = tcase_create("problem");

	tcase_add_test(tcase, unknown_parts_are_left_out_of_the_line);
	tcase_add_test(tcase, a_hundred_are_kept_and_the_rest_is_counted);
	tcase_add_test(tcase, a_very_long_text_is_cut_and_stays_utf8);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
