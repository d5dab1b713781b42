/* What stands where a pointer points, and what counts as the same value. */
#include <check.h>
#include <stdlib.h>

#include "../suite.h"
#include "base/json_pointer.h"
#include "base/macros.h"

static json_t *parse(const char *text)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_msg(value != NULL, "%s", text);
	return value;
}

/* clang-format off */
static const struct {
	const char *why, *document, *pointer, *found; /* NULL: nothing */
} places[] = {
	{ "the whole document",           "{\"a\": 1}",              "",         "{\"a\": 1}" },
	{ "a scalar is a document",       "50",                      "",         "50" },
	{ "a member",                     "{\"a\": 1}",              "/a",       "1" },
	{ "a member of a member",         "{\"a\": {\"b\": [7]}}",   "/a/b/0",   "7" },
	{ "the empty key",                "{\"\": 3}",               "/",        "3" },
	{ "~1 is a slash, ~0 a tilde",    "{\"a/b~\": 4}",           "/a~1b~0",  "4" },
	{ "a member that is null",        "{\"a\": null}",           "/a",       "null" },
	{ "digits are a key of an object", "{\"0\": 5}",             "/0",       "5" },
	{ "no such member",               "{\"a\": 1}",              "/b",       NULL },
	{ "below a scalar",               "{\"a\": 1}",              "/a/b",     NULL },
	{ "behind the array's end",       "[1, 2]",                  "/2",       NULL },
	{ "- is behind the end",          "[1, 2]",                  "/-",       NULL },
	{ "no leading zero",              "[1, 2]",                  "/01",      NULL },
	{ "no sign",                      "[1, 2]",                  "/+1",      NULL },
	{ "an index larger than any",     "[1, 2]",                  "/99999999999999999999", NULL },
	{ "it begins with a slash",       "{\"a\": 1}",              "a",        NULL },
	{ "a tilde needs its digit",      "{\"a~\": 1}",             "/a~",      NULL },
	{ "and no other one",             "{\"a~2\": 1}",            "/a~2",     NULL },
};

static const struct {
	const char *why, *a, *b;
	bool same;
} pairs[] = {
	{ "equal integers",                 "50", "50", true },
	{ "an integer and a real",          "50", "50.0", true },
	{ "reals",                          "0.1", "1e-1", true },
	{ "zero has no sign",               "0.0", "-0.0", true },
	{ "another integer",                "50", "10", false },
	{ "a real beside an integer",       "50", "50.5", false },
	{ "beyond what a double tells apart", "9007199254740993", "9007199254740992.0", false },
	{ "a real out of any integer's range", "9223372036854775807", "1e300", false },
	{ "a text is no number",            "50", "\"50\"", false },
	{ "texts",                          "\"1.2.3\"", "\"1.2.3\"", true },
	{ "case counts",                    "\"on\"", "\"ON\"", false },
	{ "true is not 1",                  "true", "1", false },
	{ "null is null",                   "null", "null", true },
	{ "null is not false",              "null", "false", false },
	{ "arrays by element",              "[1, 2.0]", "[1.0, 2]", true },
	{ "in their order",                 "[1, 2]", "[2, 1]", false },
	{ "of one length",                  "[1]", "[1, 2]", false },
	{ "objects in any order",           "{\"a\": 1, \"b\": 2}", "{\"b\": 2.0, \"a\": 1}", true },
	{ "an object with more",            "{\"a\": 1}", "{\"a\": 1, \"b\": 2}", false },
	{ "an object with other keys",      "{\"a\": 1}", "{\"b\": 1}", false },
};
/* clang-format on */

START_TEST(a_pointer_finds_one_value_or_none)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		json_t *document = parse(places[i].document);
		const json_t *found = json_pointer_find(document, places[i].pointer);

		if (places[i].found == NULL) {
			ck_assert_msg(found == NULL, "%s", places[i].why);
		} else {
			json_t *wanted = parse(places[i].found);

			ck_assert_msg(json_is_same(found, wanted), "%s", places[i].why);
			json_decref(wanted);
		}
		json_decref(document);
	}
}
END_TEST

START_TEST(numbers_are_compared_as_numbers_and_all_else_as_it_is)
{
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		json_t *a = parse(pairs[i].a), *b = parse(pairs[i].b);

		ck_assert_msg(json_is_same(a, b) == pairs[i].same, "%s", pairs[i].why);
		ck_assert_msg(json_is_same(b, a) == pairs[i].same, "%s, turned round",
		              pairs[i].why);
		json_decref(a);
		json_decref(b);
	}
	ck_assert(!json_is_same(NULL, NULL));
}
END_TEST

START_TEST(what_is_nested_too_deep_is_never_the_same)
{
	json_t *deep = json_integer(1);

	for (int i = 0; i < JSON_SAME_DEPTH_MAX; i++) {
		json_t *outer = json_array();

		json_array_append_new(outer, deep);
		deep = outer;
	}
	ck_assert(!json_is_same(deep, deep));
	ck_assert(json_is_same(json_array_get(deep, 0), json_array_get(deep, 0)));
	json_decref(deep);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json_pointer");
	TCase *tcase = tcase_create("json_pointer");

	tcase_add_test(tcase, a_pointer_finds_one_value_or_none);
	tcase_add_test(tcase, numbers_are_compared_as_numbers_and_all_else_as_it_is);
	tcase_add_test(tcase, what_is_nested_too_deep_is_never_the_same);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
