/*
 * yaml: the subset is read with every place known; what lies outside is refused where it stands.
 */
#include <check.h>

#include "../suite.h"
#include "base/macros.h"
#include "fixture.h"
#include "policy/yaml.h"

static struct positions *positions;
static struct problems problems;

static void set_up(void)
{
	positions = positions_new();
	problems_init(&problems);
}

static void tear_down(void)
{
	positions_free(&positions);
	problems_fini(&problems);
}

static json_t *parse(const char *text)
{
	return yaml_parse("p.yaml", str_of(text), 1024 * 1024, positions, &problems);
}

static void expect_json(const char *text, const char *json)
{
	json_t *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
	json_t *read = parse(text);
	char *lines = problems_text(&problems);

	ck_assert_msg(read && json_equal(read, wanted), "%s\n%s", text, lines);
	free(lines);
	json_decref(read);
	json_decref(wanted);
}

START_TEST(a_document_is_read_as_json_with_plain_scalars_as_text)
{
	expect_json("a: 1\nb: [x, 'y', \"z\"]\nc: {d: 3 of 3}\n",
	            "{\"a\": \"1\", \"b\": [\"x\", \"y\", \"z\"], \"c\": {\"d\": \"3 of 3\"}}");
	expect_json("text: >-\n  one\n  two\nempty:\n", "{\"text\": \"one two\", \"empty\": \"\"}");
	expect_json("%YAML 1.2\n---\na: 1\n...\n", "{\"a\": \"1\"}");
	expect_json("- a\n- b\n", "[\"a\", \"b\"]");
}
END_TEST

static void expect_place(const char *pointer, int line, int column, bool plain)
{
	const struct position *at = positions_find(positions, pointer);

	ck_assert_ptr_nonnull(at);
	ck_assert_str_eq(at->file, "p.yaml");
	ck_assert_msg(at->line == line && at->column == column, "%s stands at %d:%d", pointer,
	              at->line, at->column);
	ck_assert_msg(at->plain == plain, "%s is %splain", pointer, plain ? "not " : "");
}

START_TEST(a_member_stands_where_its_key_stands_and_an_item_where_it_begins)
{
	json_t *read = parse("# comment\n"
	                     "gates:\n"
	                     "  errors: {above: 1%, 'for': \"3 of 3\"}\n"
	                     "list:\n"
	                     "  - one\n"
	                     "  - {a/b: x}\n");

	ck_assert_ptr_nonnull(read);
	expect_place("", 2, 1, false);
	expect_place("/gates", 2, 1, false);
	expect_place("/gates/errors", 3, 3, false);
	expect_place("/gates/errors/above", 3, 12, true);
	expect_place("/gates/errors/for", 3, 23, false);
	expect_place("/list/0", 5, 5, true);
	expect_place("/list/1/a~1b", 6, 6, true);
	ck_assert_int_eq(yaml_value_position(positions, "/gates/errors/above")->column, 19);
	ck_assert_int_eq(yaml_value_position(positions, "/gates/errors/for")->column, 30);
	ck_assert_int_eq(yaml_value_position(positions, "/list/0")->column, 5);
	json_decref(read);
}
END_TEST

START_TEST(columns_count_bytes_as_editors_do)
{
	json_t *read = parse("a: {\xC3\xA4\xE2\x82\xAC: 1, b: 2}\r\n\r\nc: 3\r\n");

	ck_assert_ptr_nonnull(read);
	expect_place("/a/b", 1, 15, true);
	expect_place("/c", 3, 1, true);
	json_decref(read);
}
END_TEST

START_TEST(what_lies_outside_the_subset_is_refused_where_it_stands)
{
	/* clang-format off */
	static const struct {
		const char *why, *text, *start, *part;
	} rows[] = {
		{ "anchors", "a: &x 1\n", "p.yaml:1:4: /a: ", "anchors (&x)" },
		{ "aliases", "a: 1\nb: *x\n", "p.yaml:2:4: /b: ", "aliases (*x)" },
		{ "aliases as keys", "a: 1\n*x : 2\n", "p.yaml:2:1: ", "a key must be a plain word" },
		{ "tags", "a: !!int 1\n", "p.yaml:1:4: /a: ", "tags" },
		{ "tags on lists", "a: !!set [1]\n", "p.yaml:1:4: /a: ", "tags" },
		{ "anchors on objects", "a: &y {b: 1}\n", "p.yaml:1:4: /a: ", "anchors (&y)" },
		{ "merge keys", "a: {b: 1}\nc:\n  <<: {d: 1}\n", "p.yaml:3:3: /c: ", "merge keys" },
		{ "a second document", "a: 1\n---\nb: 2\n", "p.yaml:2:1: ", "second document" },
		{ "tag directives", "%TAG ! tag:x,2000:\n---\na: 1\n", "p.yaml:1:1: ", "%TAG" },
		{ "lists as keys", "? [a]\n: 1\n", "p.yaml:1:3: ", "a key must be a plain word" },
		{ "empty keys", "'': 1\n", "p.yaml:1:1: ", "1 to 256 bytes" },
		{ "repeated keys", "a: 1\nb: 2\na: 3\n", "p.yaml:3:1: /a: ", "already, at line 1" },
		{ "repeated keys in flow style", "x: {a: 1, a: 2}\n", "p.yaml:1:11: /x/a: ", "already, at line 1" },
		{ "broken syntax", "a: [1, 2\nb: 3\n", "p.yaml:2:", "not YAML" },
		{ "tabs as indentation", "a:\n\tb: 1\n", "p.yaml:2:1: ", "not YAML" },
		{ "control characters", "a: 1\nb: x\x01y\n", "p.yaml:2:5: ", "not YAML" },
		{ "an escaped NUL in a text", "a: \"x\\0y\"\n", "p.yaml:1:4: /a: ", "NUL" },
		{ "an escaped NUL in a key", "\"x\\0y\": 1\n", "p.yaml:1:1: ", "NUL" },
		{ "broken UTF-8", "a: \xC3(\n", "p.yaml:1:1: ", "not UTF-8" },
		{ "line breaks no editor counts", "a: x\xE2\x80\xA8y\n", "p.yaml:1:1: ", "Unicode line break" },
		{ "nothing at all", "", "p.yaml:1:1: ", "empty" },
		{ "comments alone", "# nothing\n", "p.yaml:1:1: ", "empty" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *read = NULL;
		char *lines = NULL;

		tear_down();
		set_up();
		read = parse(rows[i].text);
		lines = problems_text(&problems);
		ck_assert_msg(!read, "%s", rows[i].why);
		ck_assert_msg(problems.n == 1, "%s:\n%s", rows[i].why, lines);
		ck_assert_msg(has_line(lines, rows[i].start, rows[i].part), "%s:\n%s", rows[i].why,
		              lines);
		free(lines);
	}
}
END_TEST

START_TEST(all_mistakes_are_listed_and_the_rest_is_still_read)
{
	json_t *read = yaml_read(
	        "p.yaml", STR("a: 1\na: 2\nb: &x 3\nc: {d: 1, d: 2, d: 3}\n? {e: *f}\n: 4\ng: 5\n"),
	        1000, positions, &problems);
	char *lines = problems_text(&problems);

	ck_assert_str_eq(
	        lines,
	        "p.yaml:2:1: /a: key \"a\" stands here already, at line 1\n"
	        "p.yaml:3:4: /b: anchors (&x) are not used here: write the value out, or share "
	        "it with include\n"
	        "p.yaml:4:11: /c/d: key \"d\" stands here already, at line 4\n"
	        "p.yaml:4:17: /c/d: key \"d\" stands here already, at line 4\n"
	        "p.yaml:5:3: a key must be a plain word, not a list, a mapping or an alias\n"
	        "p.yaml:5:7: /e: aliases (*f) are not used here: write the value out, or share "
	        "it with include\n");
	ck_assert_str_eq(json_string_value(json_object_get(read, "a")), "1");
	ck_assert_str_eq(json_string_value(json_object_get(read, "g")), "5");
	expect_place("/a", 1, 1, true);
	free(lines);
	json_decref(read);
}
END_TEST

static char *nested(size_t depth)
{
	struct buf text;

	buf_init(&text, 4096);
	buf_add_text(&text, "a: ");
	for (size_t i = 1; i < depth; i++)
		buf_add_char(&text, '[');
	for (size_t i = 1; i < depth; i++)
		buf_add_char(&text, ']');
	return buf_take_text(&text);
}

START_TEST(depth_is_bounded)
{
	char *fits = nested(16);
	char *deep = nested(17);
	char *absurd = nested(1000);
	json_t *read = parse(fits);
	char *lines = NULL;

	ck_assert_ptr_nonnull(read);
	json_decref(read);
	ck_assert_ptr_null(parse(deep));
	ck_assert_ptr_null(parse(absurd));
	lines = problems_text(&problems);
	ck_assert_uint_eq(problems.n, 2);
	ck_assert_ptr_nonnull(strstr(lines, "nested deeper than 16 levels"));
	free(lines);
	free(fits);
	free(deep);
	free(absurd);
}
END_TEST

START_TEST(size_and_number_of_values_are_bounded)
{
	static const char item[] = "- a\n";
	struct buf text;
	char *lines = NULL;

	ck_assert_ptr_null(yaml_parse("p.yaml", STR("a: 12345"), 7, positions, &problems));
	buf_init(&text, 1024 * 1024);
	for (size_t i = 0; i < 20000; i++)
		buf_add_text(&text, item);
	ck_assert_ptr_null(parse(text.bytes));
	lines = problems_text(&problems);
	ck_assert_ptr_nonnull(strstr(lines, "8 bytes, more than the 7 allowed"));
	ck_assert_ptr_nonnull(strstr(lines, "more than 20000 values"));
	ck_assert_uint_eq(problems.n, 2);
	free(lines);
	buf_fini(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("yaml");
	TCase *tcase = tcase_create("yaml");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, a_document_is_read_as_json_with_plain_scalars_as_text);
	tcase_add_test(tcase, a_member_stands_where_its_key_stands_and_an_item_where_it_begins);
	tcase_add_test(tcase, columns_count_bytes_as_editors_do);
	tcase_add_test(tcase, what_lies_outside_the_subset_is_refused_where_it_stands);
	tcase_add_test(tcase, all_mistakes_are_listed_and_the_rest_is_still_read);
	tcase_add_test(tcase, depth_is_bounded);
	tcase_add_test(tcase, size_and_number_of_values_are_bounded);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
