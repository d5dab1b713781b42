/* Regular expressions: RE2's syntax on PCRE2, and no pattern that takes forever. */
#include "fixture.h"

#include "promql/regex.h"

static bool try(const char *pattern, struct str value, bool *out_matches, struct err *err)
{
	struct regex_scratch *scratch = regex_scratch_new(err);
	struct regex *list = NULL;
	const struct regex *r;
	struct arena arena;
	bool ok;

	ck_assert_ptr_nonnull(scratch);
	arena_init(&arena, 1 << 20);
	r = regex_compile(str_of(pattern), &arena, &list, err);
	ok = r && regex_match(r, value, scratch, out_matches, err);
	regex_free_all(&list);
	regex_scratch_free(&scratch);
	arena_fini(&arena);
	return ok;
}

/* clang-format off */
START_TEST(patterns_mean_what_they_mean_in_re2)
{
	static const struct { const char *why, *pattern, *value; bool matches; } rows[] = {
		{ "anchored at the start", "b", "ab", false },
		{ "and at the end", "a", "ab", false },
		{ "each alternative", "a|b", "ab", false },
		{ "nothing matches nothing", "", "", true },
		{ "and only that", "", "a", false },
		{ "the dot matches a line's end", "a.b", "a\nb", true },
		{ "unless told otherwise", "(?-s)a.b", "a\nb", false },
		{ "a dollar is the very end", "a$", "a\n", false },
		{ "with m the end of a line", "(?m)a$\nb", "a\nb", true },
		{ "case", "(?i)ABC", "abc", true },
		{ "case of a group", "(?i:A)B", "aB", true },
		{ "lazy", "(?P<x>a+?)a*", "aaa", true },
		{ "named as in newer Go", "(?<x>a)b", "ab", true },
		{ "greed swapped", "(?U)a+", "aaa", true },
		{ "\\s is not a vertical tab", "\\s", "\v", false },
		{ "\\s in a class neither", "[\\s]", "\v", false },
		{ "\\S is one", "\\S", "\v", true },
		{ "in a class, too", "[\\S]", "\v", true },
		{ "\\s is a form feed", "[\\s]\\s", "\f ", true },
		{ "\\v is the one character", "\\v", "\n", false },
		{ "hexadecimal", "\\x41\\x{42}", "AB", true },
		{ "octal", "\\101\\07", "A\a", true },
		{ "quoted", "\\Qa.b*\\E+", "a.b***", true },
		{ "quoted to the end", "\\Qa.(", "a.(", true },
		{ "a brace that counts nothing", "a{,2}", "a{,2}", true },
		{ "an open one", "a{", "a{", true },
		{ "counted", "a{2,3}", "aaa", true },
		{ "and too many", "a{2,3}", "aaaa", false },
		{ "from", "a{2,}", "aaaaa", true },
		{ "classes by name", "[[:alpha:]]+[[:^digit:]]", "ab-", true },
		{ "a bracket first is itself", "[]a]+", "]a", true },
		{ "a class that is not", "[^]a]", "b", true },
		{ "a dash at the end", "[a-]+", "a-", true },
		{ "a dash behind a class", "[\\d-z]+", "1-z", true },
		{ "is no range", "[\\s-z]", "b", false },
		{ "signs that PCRE2 reads", "[[.a.]]", "a]", true },
		{ "properties", "\\pL\\p{Greek}\\P{Greek}[\\p{Lu}]", "aαbÄ", true },
		{ "ASCII digits only", "\\d", "٣", false },
		{ "and words", "\\w", "ä", false },
		{ "escaped signs", "\\_\\-\\.\\ ", "_-. ", true },
		{ "a number sign is no comment", "a#b", "a#b", true },
		{ "text that is not UTF-8 is any character or none", "a.*", "a", true },
		{ "two options at once", "(?im-s:A.B)", "axb", true },
		{ "an option from here on", "a(?i)B|C", "ab", true },
		{ "empty alternatives", "(a|)b", "b", true },
		{ "many characters", "ä{2}[öü]", "ääü", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = { 0 };
		bool matches = false;

		ck_assert_msg(try(rows[i].pattern, str_of(rows[i].value), &matches, &err), "%s: %s: %s",
		              rows[i].why, rows[i].pattern, err.text);
		ck_assert_msg(matches == rows[i].matches, "%s: %s", rows[i].why, rows[i].pattern);
	}
}
END_TEST

START_TEST(what_re2_does_not_have_is_refused_with_its_place)
{
	static const struct { const char *pattern, *sentence; } rows[] = {
		{ "a(?=b)", "look-ahead is not supported, as in Prometheus (at character 2)" },
		{ "ä(?!b)", "look-ahead is not supported, as in Prometheus (at character 2)" },
		{ "(?<=a)b", "look-behind is not supported, as in Prometheus (at character 1)" },
		{ "(?<!a)b", "look-behind is not supported, as in Prometheus (at character 1)" },
		{ "(a)\\1", "back references are not supported, as in Prometheus (at character 4)" },
		{ "(a)\\8", "back references are not supported, as in Prometheus (at character 4)" },
		{ "(?P<x>a)(?P=x)", "back references are not supported, as in Prometheus (at character 9)" },
		{ "(a)\\g1", "no such escape sequence (at character 4)" },
		{ "(a)\\k<x>", "no such escape sequence (at character 4)" },
		{ "(?>a)", "atomic groups are not supported, as in Prometheus (at character 1)" },
		{ "(?#a)", "comments are not supported, as in Prometheus (at character 1)" },
		{ "(?(1)a)", "conditions are not supported, as in Prometheus (at character 1)" },
		{ "(?R)", "no such kind of group (at character 1)" },
		{ "(?1)", "no such kind of group (at character 1)" },
		{ "(?|a)", "no such kind of group (at character 1)" },
		{ "(?'x'a)", "no such kind of group (at character 1)" },
		{ "(?x)a", "no such kind of group (at character 1)" },
		{ "(?P>x)", "no such kind of group (at character 1)" },
		{ "(?P<a-b>c)", "a group's name is made of letters, digits and _ (at character 1)" },
		{ "(*UTF)a", "nothing to repeat (at character 1)" },
		{ "a++", "a repetition of a repetition (at character 3)" },
		{ "a*+", "a repetition of a repetition (at character 3)" },
		{ "a??+", "a repetition of a repetition (at character 4)" },
		{ "a{2}{3}", "a repetition of a repetition (at character 5)" },
		{ "a{1001}", "a repetition counts to 1000 at most, and upwards (at character 2)" },
		{ "a{2,1}", "a repetition counts to 1000 at most, and upwards (at character 2)" },
		{ "a{99999999999999999999}", "a repetition counts to 1000 at most, and upwards (at character 2)" },
		{ "\\C", "no such escape sequence (at character 1)" },
		{ "\\K", "no such escape sequence (at character 1)" },
		{ "\\R", "no such escape sequence (at character 1)" },
		{ "\\h", "no such escape sequence (at character 1)" },
		{ "\\E", "no such escape sequence (at character 1)" },
		{ "\\ä", "no such escape sequence (at character 1)" },
		{ "[\\b]", "no such escape sequence in a class (at character 2)" },
		{ "[\\Qa\\E]", "no such escape sequence in a class (at character 2)" },
		{ "[a-\\d]", "a range ends in a character (at character 4)" },
		{ "[a-[:alpha:]]", "a range ends in a character (at character 4)" },
		{ "[a", "a class that is not closed (at character 1)" },
		{ "[]", "a class that is not closed (at character 1)" },
		{ "a\\", "a backslash at the end (at character 2)" },
		{ "\\x4", "\\x takes two digits, or any number in braces (at character 1)" },
		{ "\\x{}", "\\x takes two digits, or any number in braces (at character 1)" },
		{ "\\x{110000}", "no such character (at character 1)" },
		{ "\\p", "a class of characters needs a name (at character 1)" },
		{ "\\p{Greek", "a class of characters needs a name (at character 1)" },
		{ "a)|(b", "a group ends that never began (at character 2)" },
		{ "*", "quantifier does not follow a repeatable item" },
		{ "(a", "missing closing parenthesis" },
		{ "[b-a]", "range out of order in character class" },
		{ "\\p{Nope}", "unknown property after \\P or \\p" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		static const char prefix[] = "invalid regular expression: ";
		struct err err = { 0 };
		bool matches = false;

		ck_assert_msg(!try(rows[i].pattern, STR("x"), &matches, &err), "%s", rows[i].pattern);
		ck_assert_msg(strncmp(err.text, prefix, strlen(prefix)) == 0 &&
		                      strcmp(err.text + strlen(prefix), rows[i].sentence) == 0,
		              "%s: %s", rows[i].pattern, err.text);
	}
}
END_TEST
/* clang-format on */

START_TEST(a_pattern_that_takes_forever_is_an_error)
{
	struct err err = {0};
	bool matches = false;

	ck_assert(!try("(a|aa)+b?", STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"),
	               &matches, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_msg(strstr(err.text, "takes too many steps"), "%s", err.text);
}
END_TEST

/* Each value alone would pass; together they would hold up everything else. */
START_TEST(many_values_that_take_long_are_an_error)
{
	char text[128];
	char got[FIXTURE_TEXT_MAX];

	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "x{v=\"%03daaaaaaaaaaaaaaaaaaac\"} 1", i);
		fixture_load(1000, 1000, text);
	}
	fixture_eval("count(x{v=~\"[0-9]+(a|aa)+b?\"})", 1000, got);
	ck_assert_msg(strstr(got, "a regular expression takes too many steps"), "%s", got);
	fixture_eval("count(x{v=~\"00.(a|aa)+c\"})", 1000, got);
	ck_assert_str_eq(got, "{} 10");
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("regex");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, patterns_mean_what_they_mean_in_re2);
	tcase_add_test(tc, what_re2_does_not_have_is_refused_with_its_place);
	tcase_add_test(tc, a_pattern_that_takes_forever_is_an_error);
	tcase_add_test(tc, many_values_that_take_long_are_an_error);
	return fixture_run("promql regex", tc);
}
