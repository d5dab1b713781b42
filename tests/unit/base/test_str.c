/*
 * str: views are compared by bytes, suggestions are near, and quoted input is harmless.
 */
#include <check.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "base/str.h"

START_TEST(order_is_by_bytes_and_a_prefix_comes_first)
{
	/* clang-format off */
	static const struct {
		const char *why, *a, *b;
		int order;
	} rows[] = {
		{ "equal texts", "abc", "abc", 0 },
		{ "a prefix is smaller", "ab", "abc", -1 },
		{ "the first difference decides", "b", "abc", 1 },
		{ "bytes compare unsigned", "\x80", "a", 1 },
		{ "two empty texts are equal", "", "", 0 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int order = str_compare(str_of(rows[i].a), str_of(rows[i].b));

		ck_assert_msg((order > 0) - (order < 0) == rows[i].order, "%s", rows[i].why);
		ck_assert_msg(str_eq(str_of(rows[i].a), str_of(rows[i].b)) == (rows[i].order == 0),
		              "%s", rows[i].why);
	}
	ck_assert(str_eq((struct str){0}, STR("")));
	ck_assert(str_eq_text(str_of(NULL), ""));
}
END_TEST

START_TEST(starts_ends_and_slices_stay_inside)
{
	struct str s = STR("threshold");

	ck_assert(str_starts_with(s, STR("thr")));
	ck_assert(str_starts_with(s, STR("")));
	ck_assert(!str_starts_with(STR("th"), STR("thr")));
	ck_assert(str_ends_with(s, STR("hold")));
	ck_assert(!str_ends_with(STR("old"), STR("hold")));
	ck_assert(str_eq_text(str_slice(s, 0, 3), "thr"));
	ck_assert(str_eq_text(str_slice(s, 6, 99), "old"));
	ck_assert(str_eq_text(str_slice(s, 7, 3), ""));
	ck_assert(str_eq_text(str_slice(s, 40, 50), ""));
	ck_assert(str_eq_text(str_trim(STR(" \t a b\t ")), "a b"));
	ck_assert(str_eq_text(str_trim(STR(" \t ")), ""));
}
END_TEST

START_TEST(a_hash_depends_on_bytes_and_seed)
{
	ck_assert(str_hash(STR("a"), 1) == str_hash(STR("a"), 1));
	ck_assert(str_hash(STR("a"), 1) != str_hash(STR("a"), 2));
	ck_assert(str_hash(STR("a"), 1) != str_hash(STR("b"), 1));
	/* The published FNV-1a value of "a". */
	ck_assert(str_hash(STR("a"), 0) == 0xaf63dc4c8601ec8cU);
}
END_TEST

START_TEST(copies_are_terminated_and_null_stays_null)
{
	char *copy = str_dup(str_slice(STR("threshold"), 0, 3));

	ck_assert_str_eq(copy, "thr");
	free(copy);
	copy = str_dup((struct str){0});
	ck_assert_str_eq(copy, "");
	free(copy);
	ck_assert_ptr_null(text_dup(NULL));
}
END_TEST

START_TEST(the_nearest_name_is_near)
{
	static const char *const names[] = {"threshold", "above",      "for",
	                                    "rungs",     "min_events", NULL};
	/* clang-format off */
	static const struct {
		const char *why, *given, *nearest;
	} rows[] = {
		{ "a missing letter", "treshold", "threshold" },
		{ "two letters swapped", "abvoe", "above" },
		{ "a letter too many", "rungss", "rungs" },
		{ "one wrong letter of three", "fop", "for" },
		{ "a wrong separator", "min-events", "min_events" },
		{ "three edits are too far", "threshxyz", NULL },
		{ "nothing in common", "xy", NULL },
		{ "an empty key is like nothing", "", NULL },
	};
	/* clang-format on */
	char long_key[100];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *nearest = str_nearest(str_of(rows[i].given), names);

		ck_assert_msg(rows[i].nearest ? nearest && strcmp(nearest, rows[i].nearest) == 0
		                              : !nearest,
		              "%s: %s", rows[i].why, nearest ? nearest : "none");
	}
	memset(long_key, 'a', sizeof(long_key));
	ck_assert_ptr_null(str_nearest((struct str){.p = long_key, .n = sizeof(long_key)}, names));
}
END_TEST

START_TEST(only_well_formed_utf8_passes)
{
	/* clang-format off */
	static const struct {
		const char *why, *bytes;
		bool fine;
	} rows[] = {
		{ "ASCII", "abc", true },
		{ "two, three and four bytes", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", true },
		{ "the last code point", "\xF4\x8F\xBF\xBF", true },
		{ "beyond the last code point", "\xF4\x90\x80\x80", false },
		{ "an overlong slash", "\xC0\xAF", false },
		{ "an overlong three-byte form", "\xE0\x80\xAF", false },
		{ "an overlong four-byte form", "\xF0\x80\x80\xAF", false },
		{ "a surrogate", "\xED\xA0\x80", false },
		{ "a lone continuation byte", "\x80", false },
		{ "a sequence cut short", "\xE2\x82", false },
		{ "a sequence broken off by ASCII", "\xE2\x82" "a", false },
		{ "a byte that never occurs", "\xFF", false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(str_is_utf8(str_of(rows[i].bytes)) == rows[i].fine, "%s",
		              rows[i].why);
	ck_assert_msg(!str_is_utf8((struct str){.p = "a\0b", .n = 3}), "NUL");
	ck_assert(str_is_utf8(STR("")));
}
END_TEST

START_TEST(quoted_input_is_bounded_and_harmless)
{
	char out[STR_QUOTE_MAX];
	char bytes[300];

	ck_assert_str_eq(str_quote(STR("15 minutes"), out), "\"15 minutes\"");
	ck_assert_str_eq(str_quote(STR("a\n\x1B[1m\x7F\xFF"), out), "\"a??[1m??\"");
	memset(bytes, 'x', sizeof(bytes));
	str_quote((struct str){.p = bytes, .n = sizeof(bytes)}, out);
	ck_assert_uint_eq(strlen(out), 65);
	ck_assert(str_ends_with(str_of(out), STR("x...\"")));
	str_quote((struct str){.p = bytes, .n = 60}, out);
	ck_assert_uint_eq(strlen(out), 62);
	/* A character that would not fit whole is left out whole. */
	memcpy(bytes + 59, "\xE2\x82\xAC", 3);
	str_quote((struct str){.p = bytes, .n = 62}, out);
	ck_assert(str_is_utf8(str_of(out)));
	ck_assert(str_ends_with(str_of(out), STR("x...\"")));
}
END_TEST

static void say(char *out, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(char *out, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	text_vformat(out, size, fmt, args);
	va_end(args);
}

START_TEST(a_text_that_is_cut_ends_with_a_whole_character)
{
	char out[8];

	say(out, sizeof(out), "%s %d", "abc", 12);
	ck_assert_str_eq(out, "abc 12");
	say(out, sizeof(out), "%s", "abcdef\xC3\xA4");
	ck_assert_str_eq(out, "abcdef");
	say(out, sizeof(out), "%s", "abcde\xC3\xA4xyz");
	ck_assert_str_eq(out, "abcde\xC3\xA4");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("str");
	TCase *tcase = tcase_create("str");

	tcase_add_test(tcase, order_is_by_bytes_and_a_prefix_comes_first);
	tcase_add_test(tcase, starts_ends_and_slices_stay_inside);
	tcase_add_test(tcase, a_hash_depends_on_bytes_and_seed);
	tcase_add_test(tcase, copies_are_terminated_and_null_stays_null);
	tcase_add_test(tcase, the_nearest_name_is_near);
	tcase_add_test(tcase, only_well_formed_utf8_passes);
	tcase_add_test(tcase, quoted_input_is_bounded_and_harmless);
	tcase_add_test(tcase, a_text_that_is_cut_ends_with_a_whole_character);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
