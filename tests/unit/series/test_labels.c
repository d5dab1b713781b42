/* Label sets: order, duplicates, hashes and how they print. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "series/labels.h"

#define LABELS_MAX 8
#define L(n, v)                                                                                    \
	{                                                                                          \
		{(n), sizeof(n) - 1},                                                              \
		{                                                                                  \
			(v), sizeof(v) - 1                                                         \
		}                                                                                  \
	}

static size_t count(const struct label *list)
{
	size_t n = 0;

	while (n < LABELS_MAX && list[n].name.p != NULL)
		n++;
	return n;
}

static void expect_printed(const char *why, const struct labels *l, const char *expected)
{
	struct buf text;

	buf_init(&text, 4096);
	labels_print(l, &text);
	buf_add_char(&text, '\0');
	ck_assert_msg(strcmp(text.bytes, expected) == 0, "%s: %s instead of %s", why, text.bytes,
	              expected);
	buf_fini(&text);
}

/* clang-format off */
static const struct {
	const char *why;
	struct label list[LABELS_MAX];
	const char *printed; /* or the error */
	bool is_bad;
} make_rows[] = {
	{ "nothing at all", { L("", "") }, "{}", false },
	{ "a name alone has no braces", { L("__name__", "up") }, "up", false },
	{ "labels are sorted", { L("b", "2"), L("a", "1"), L("__name__", "up"), L("B", "0") }, "up{B=\"0\",a=\"1\",b=\"2\"}", false },
	{ "labels without a name", { L("b", "2"), L("a", "1") }, "{a=\"1\",b=\"2\"}", false },
	{ "empty values are no labels", { L("b", ""), L("a", "1"), L("__name__", "") }, "{a=\"1\"}", false },
	{ "values are escaped", { L("a", "\\ \" \n \x01 \xc3\xa9") }, "{a=\"\\\\ \\\" \\n \\x01 \xc3\xa9\"}", false },
	{ "a name that begins another sorts first", { L("ab", "2"), L("a", "1") }, "{a=\"1\",ab=\"2\"}", false },
	{ "a duplicate is refused", { L("a", "1"), L("b", "1"), L("a", "2") }, "the label \"a\" stands twice", true },
	{ "an equal duplicate as well", { L("a", "1"), L("a", "1") }, "the label \"a\" stands twice", true },
	{ "even when one is empty", { L("a", "1"), L("a", "") }, "the label \"a\" stands twice", true },
	{ "three of them", { L("a", "1"), L("a", ""), L("a", "3") }, "the label \"a\" stands twice", true },
	{ "the name twice", { L("__name__", "a"), L("__name__", "b") }, "the label \"__name__\" stands twice", true },
};
/* clang-format on */

START_TEST(labels_are_sorted_and_hold_no_empty_or_double_ones)
{
	size_t n = _i == 0 ? 0 : count(make_rows[_i].list);
	struct labels made = {0}, owned = {0};
	struct arena arena;
	struct err err;
	bool ok;

	arena_init(&arena, 4096);
	ok = labels_make(make_rows[_i].list, n, &arena, &made, &err);
	ck_assert_msg(ok != make_rows[_i].is_bad, "%s", make_rows[_i].why);
	ck_assert(labels_own(make_rows[_i].list, n, &owned, &err) == ok);
	if (ok) {
		expect_printed(make_rows[_i].why, &made, make_rows[_i].printed);
		expect_printed(make_rows[_i].why, &owned, make_rows[_i].printed);
		ck_assert(labels_equal(&made, &owned));
	} else {
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert_str_eq(err.text, make_rows[_i].printed);
		ck_assert_ptr_null(owned.list);
	}
	labels_fini(&owned);
	labels_fini(&owned);
	arena_fini(&arena);
}
END_TEST

START_TEST(copies_outlive_what_they_were_made_of)
{
	char name[] = "job", value[] = "api";
	struct label list[] = {{{name, 3}, {value, 3}}};
	struct labels made, owned;
	struct arena arena;
	struct err err;

	arena_init(&arena, 4096);
	ck_assert(labels_make(list, 1, &arena, &made, &err));
	ck_assert(labels_own(list, 1, &owned, &err));
	memset(name, 'x', 3);
	memset(value, 'x', 3);
	expect_printed("made", &made, "{job=\"api\"}");
	expect_printed("owned", &owned, "{job=\"api\"}");
	labels_fini(&owned);
	arena_fini(&arena);
}
END_TEST

START_TEST(a_full_arena_is_a_limit)
{
	struct label list[] = {L("name", "a value longer than the arena")};
	struct labels made;
	struct arena arena;
	struct err err;

	arena_init(&arena, 32);
	ck_assert(!labels_make(list, 1, &arena, &made, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	arena_fini(&arena);
}
END_TEST

START_TEST(equality_and_hash_see_where_a_text_ends)
{
	/* clang-format off */
	static const struct {
		const char *why;
		struct label a[LABELS_MAX], b[LABELS_MAX];
		bool equal;
	} rows[] = {
		{ "the order given does not matter",   { L("a", "1"), L("b", "2") }, { L("b", "2"), L("a", "1") }, true },
		{ "empty values do not matter",        { L("a", "1"), L("b", "") },  { L("a", "1") },              true },
		{ "another value",                     { L("a", "1") },              { L("a", "2") },              false },
		{ "another name",                      { L("a", "1") },              { L("b", "1") },              false },
		{ "one more",                          { L("a", "1") },              { L("a", "1"), L("b", "1") }, false },
		{ "name and value split elsewhere",    { L("ab", "c") },             { L("a", "bc") },             false },
		{ "one label or two of the same text", { L("a", "1b2") },            { L("a", "1"), L("b", "2") }, false },
		{ "a NUL at the end is part of it",    { L("a", "1") },              { L("a", "1\0") },            false },
	};
	/* clang-format on */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct labels a, b;
		struct err err;

		ck_assert(labels_own(rows[i].a, count(rows[i].a), &a, &err));
		ck_assert(labels_own(rows[i].b, count(rows[i].b), &b, &err));
		ck_assert_msg(labels_equal(&a, &b) == rows[i].equal, "%s", rows[i].why);
		ck_assert_msg((a.hash == b.hash) == rows[i].equal, "%s", rows[i].why);
		ck_assert_msg((labels_keyed_hash(&a, 7) == labels_keyed_hash(&b, 7)) ==
		                      rows[i].equal,
		              "%s", rows[i].why);
		ck_assert_msg(a.hash == labels_hash(&a) && a.hash != labels_keyed_hash(&a, 7), "%s",
		              rows[i].why);
		labels_fini(&a);
		labels_fini(&b);
	}
}
END_TEST

START_TEST(keep_and_drop_are_what_by_and_without_need)
{
	static const struct label list[] = {L("__name__", "up"), L("job", "api"), L("le", "1"),
	                                    L("zone", "b")};
	/* clang-format off */
	static const struct {
		const char *why;
		struct str names[3];
		size_t n;
		const char *kept, *dropped;
	} rows[] = {
		{ "no names",                  { { "", 0 } }, 0, "{}", "{job=\"api\",le=\"1\",zone=\"b\"}" },
		{ "some names, in any order",  { { "zone", 4 }, { "job", 3 } }, 2, "{job=\"api\",zone=\"b\"}", "{le=\"1\"}" },
		{ "a name nobody has",         { { "x", 1 } }, 1, "{}", "{job=\"api\",le=\"1\",zone=\"b\"}" },
		{ "the metric name is kept only by name", { { "__name__", 8 }, { "le", 2 } }, 2, "up{le=\"1\"}", "{job=\"api\",zone=\"b\"}" },
		{ "a name twice",              { { "le", 2 }, { "le", 2 } }, 2, "{le=\"1\"}", "{job=\"api\",zone=\"b\"}" },
	};
	/* clang-format on */
	struct labels all, out;
	struct arena arena;
	struct err err;

	arena_init(&arena, 65536);
	ck_assert(labels_make(list, ARRAY_LEN(list), &arena, &all, &err));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert(labels_keep(&all, rows[i].names, rows[i].n, &arena, &out, &err));
		expect_printed(rows[i].why, &out, rows[i].kept);
		ck_assert(labels_drop(&all, rows[i].names, rows[i].n, &arena, &out, &err));
		expect_printed(rows[i].why, &out, rows[i].dropped);
	}
	arena_fini(&arena);
}
END_TEST

START_TEST(an_absent_label_reads_as_empty)
{
	struct label list[] = {L("job", "api"), L("__name__", "up")};
	struct labels l;
	struct err err;

	ck_assert(labels_borrow(list, 2, &l, &err));
	ck_assert(str_eq_text(labels_get(&l, STR("job")), "api"));
	ck_assert(str_eq_text(labels_get(&l, STR("__name__")), "up"));
	ck_assert_uint_eq(labels_get(&l, STR("zone")).n, 0);
	ck_assert_ptr_eq(l.list, list);
}
END_TEST

START_TEST(many_labels_in_hostile_order_are_sorted)
{
	enum { N = 5000 };
	static char names[N][8];
	static struct label list[N];
	struct labels l;
	struct err err;

	for (unsigned i = 0; i < N; i++) {
		int n = snprintf(names[i], sizeof(names[i]), "%05u", (N - i) * 7919 % 100000);

		list[i] = (struct label){.name = {names[i], (size_t)n}, .value = STR("x")};
	}
	ck_assert(labels_borrow(list, N, &l, &err));
	for (size_t i = 1; i < N; i++)
		ck_assert_int_lt(str_compare(labels_at(&l, i - 1)->name, labels_at(&l, i)->name),
		                 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("labels");
	TCase *t = tcase_create("labels");

	tcase_add_loop_test(t, labels_are_sorted_and_hold_no_empty_or_double_ones, 0,
	                    (int)ARRAY_LEN(make_rows));
	tcase_add_test(t, copies_outlive_what_they_were_made_of);
	tcase_add_test(t, a_full_arena_is_a_limit);
	tcase_add_test(t, equality_and_hash_see_where_a_text_ends);
	tcase_add_test(t, keep_and_drop_are_what_by_and_without_need);
	tcase_add_test(t, an_absent_label_reads_as_empty);
	tcase_add_test(t, many_labels_in_hostile_order_are_sorted);
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
