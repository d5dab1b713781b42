/*
 * json: equal documents have one text, wire documents keep the rules, plain scalars their type.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../suite.h"
#include "base/field.h"
#include "base/macros.h"

START_TEST(equal_documents_share_one_text)
{
	/* clang-format off */
	static const struct {
		const char *why, *text, *canonical;
	} rows[] = {
		{ "keys are sorted, spaces go", "{\"b\": 1, \"a\": [1, 2]}", "{\"a\":[1,2],\"b\":1}" },
		{ "keys sort by bytes", "{\"a\": 1, \"B\": 1, \"\\u00e9\": 1, \"ab\": 1}",
		  "{\"B\":1,\"a\":1,\"ab\":1,\"\xC3\xA9\":1}" },
		{ "nested objects too", "[{\"z\":{\"y\":1,\"x\":2}}]", "[{\"z\":{\"x\":2,\"y\":1}}]" },
		{ "a real stays a real", "[1.0, 1, 1e3]", "[1.0,1,1000.0]" },
		{ "reals have 17 digits", "[0.1, 0.01, 1e-7, 1e300]",
		  "[0.10000000000000001,0.01,9.9999999999999995e-08,1.0000000000000001e+300]" },
		{ "negative zero keeps its sign", "[-0.0]", "[-0.0]" },
		{ "integers as they are", "[9223372036854775807, -1]", "[9223372036854775807,-1]" },
		{ "escapes are minimal", "[\"a\\/b\\u00e9\\\"\\\\\\n\\u001f\"]",
		  "[\"a/b\xC3\xA9\\\"\\\\\\u000a\\u001f\"]" },
		{ "words", "[true, false, null]", "[true,false,null]" },
		{ "nothing in them", "[{}, []]", "[{},[]]" },
		{ "a lone scalar", "\"x\"", "\"x\"" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *value = json_loads(rows[i].text, JSON_DECODE_ANY, NULL);
		json_t *again;
		struct buf out;
		struct err err;

		buf_init(&out, 10000);
		ck_assert_msg(json_canonical(value, &out, &err), "%s", rows[i].why);
		ck_assert_msg(str_eq_text(buf_str(&out), rows[i].canonical), "%s: %s", rows[i].why,
		              buf_str(&out).p);
		again = json_loads(buf_str(&out).p, JSON_DECODE_ANY, NULL);
		ck_assert_msg(json_equal(value, again), "%s: reads back", rows[i].why);
		json_decref(again);
		json_decref(value);
		buf_fini(&out);
	}
}
END_TEST

START_TEST(canonical_text_has_bounds)
{
	json_t *value = json_pack("{s:s}", "key", "value");
	struct buf out;
	struct err err;

	buf_init(&out, 5);
	ck_assert(!json_canonical(value, &out, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	buf_fini(&out);
	for (int i = 0; i < 100; i++)
		value = json_pack("[o]", value);
	buf_init(&out, 1000);
	ck_assert(!json_canonical(value, &out, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert(!json_canonical(NULL, &out, &err));
	ck_assert_int_eq(err.code, ERR_BUG);
	buf_fini(&out);
	json_decref(value);
}
END_TEST

START_TEST(wire_json_that_breaks_a_rule_is_refused_with_its_place)
{
	/* clang-format off */
	static const struct {
		const char *why, *text, *says;
	} rows[] = {
		{ "nothing", "", "line 1, column" },
		{ "not JSON", "{\n  \"a\": x}", "line 2, column" },
		{ "a duplicate key", "{\"a\": 1,\n \"a\": 2}", "line 2, column" },
		{ "a duplicate key in disguise", "{\"a\": 1, \"\\u0061\": 2}", "duplicate" },
		{ "something after", "{} {}", "end of file expected" },
		{ "a byte order mark", "\xEF\xBB\xBF{}", "line 1, column 1: it starts with a byte order mark" },
		{ "bad UTF-8", "{\"a\": \"\xFF\"}", "line 1, column" },
		{ "an escaped NUL", "{\"a\": \"\\u0000\"}", "line 1, column" },
		{ "a lone surrogate", "{\"a\": \"\\ud800\"}", "line 1, column" },
		{ "a list", "[1]", "must be an object" },
		{ "a scalar", "1", "must be an object" },
		{ "NaN", "{\"a\": NaN}", "line 1, column" },
		{ "too large a number", "{\"a\": 1e999}", "line 1, column" },
		{ "too large an integer", "{\"a\": 9223372036854775808}", "line 1, column" },
		{ "too small a number", "{\n\"a\": 1e-999}", "line 2, column 6: a number that is not zero" },
		{ "an open string", "{\"a", "line 1, column" },
		{ "an open escape", "{\"a\\", "line 1, column" },
		{ "a leading zero", "{\"a\": 012}", "line 1, column" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err;

		ck_assert_msg(!json_parse_strict(str_of(rows[i].text), 1000, &err), "%s",
		              rows[i].why);
		ck_assert_msg(err.code == ERR_INVALID, "%s: %d", rows[i].why, (int)err.code);
		ck_assert_msg(strstr(err.text, rows[i].says), "%s: %s", rows[i].why, err.text);
		ck_assert_msg(str_is_utf8(str_of(err.text)), "%s", rows[i].why);
	}
}
END_TEST

START_TEST(a_raw_nul_is_refused)
{
	struct err err;

	ck_assert_ptr_null(json_parse_strict((struct str){.p = "{\0}", .n = 3}, 10, &err));
	ck_assert_ptr_null(json_parse_strict((struct str){0}, 10, &err));
}
END_TEST

START_TEST(good_wire_json_is_read)
{
	/* clang-format off */
	static const char *const rows[] = {
		"{}", " { \"a\" : [ 1 , 2.5 , -0, 0.0, 0e5 ] }\n", "{\"a\": 1e-300, \"b\": 0.0e-999}",
		"{\"[[[[\": \"}}}},\\\"::\"}", "{\"1e-999\": \"1e-999\"}",
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};
		json_t *value = json_parse_strict(str_of(rows[i]), 1000, &err);

		ck_assert_msg(value, "%s: %s", rows[i], err.text);
		json_decref(value);
	}
}
END_TEST

static void add_nested(struct buf *b, size_t depth)
{
	buf_clear(b);
	buf_add_text(b, "{\"a\":");
	for (size_t i = 1; i < depth; i++)
		buf_add_char(b, '[');
	for (size_t i = 1; i < depth; i++)
		buf_add_char(b, ']');
	buf_add_text(b, depth == 1 ? "0}" : "}");
}

START_TEST(depth_tokens_and_bytes_are_bounded)
{
	struct buf b;
	struct err err;
	json_t *value;

	buf_init(&b, 100000);
	add_nested(&b, 32);
	value = json_parse_strict(buf_str(&b), 100000, &err);
	ck_assert_ptr_nonnull(value);
	json_decref(value);
	add_nested(&b, 33);
	ck_assert_ptr_null(json_parse_strict(buf_str(&b), 100000, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert(strstr(err.text, "nested deeper than 32"));

	buf_clear(&b);
	buf_add_text(&b, "{\"a\":[0");
	for (int i = 0; i < 6000; i++)
		buf_add_text(&b, ",1");
	buf_add_text(&b, "]}");
	ck_assert_ptr_null(json_parse_strict(buf_str(&b), 100000, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert(strstr(err.text, "10000 tokens"));

	ck_assert_ptr_null(json_parse_strict(STR("{\"a\":1}"), 6, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	value = json_parse_strict(STR("{\"a\":1}"), 7, &err);
	ck_assert_ptr_nonnull(value);
	json_decref(value);
	buf_fini(&b);
}
END_TEST

START_TEST(a_plain_scalar_has_its_yaml_core_type)
{
	/* clang-format off */
	static const struct {
		const char *why, *text, *json;
	} rows[] = {
		{ "empty is null", "", "null" },
		{ "a tilde is null", "~", "null" },
		{ "null", "Null", "null" },
		{ "true", "TRUE", "true" },
		{ "false", "False", "false" },
		{ "yes is a word", "yes", "\"yes\"" },
		{ "an odd spelling is a word", "tRUE", "\"tRUE\"" },
		{ "an integer", "42", "42" },
		{ "a negative integer", "-42", "-42" },
		{ "a plus sign", "+42", "42" },
		{ "leading zeros are decimal", "017", "17" },
		{ "octal", "0o17", "15" },
		{ "hexadecimal", "0xfF", "255" },
		{ "octal has no 8", "0o18", "\"0o18\"" },
		{ "no digits", "0x", "\"0x\"" },
		{ "beyond 64 bits nothing is lost", "12345678901234567890", "\"12345678901234567890\"" },
		{ "beyond 64 bits in hexadecimal", "0xFFFFFFFFFFFFFFFFF", "\"0xFFFFFFFFFFFFFFFFF\"" },
		{ "a float", "1.5", "1.5" },
		{ "a float without leading digit", ".5", "0.5" },
		{ "a float without trailing digit", "5.", "5.0" },
		{ "an exponent", "1e3", "1000.0" },
		{ "a version is not a number", "1.2.3", "\"1.2.3\"" },
		{ "a date is not a number", "2026-01-02", "\"2026-01-02\"" },
		{ "a duration is not a number", "15m", "\"15m\"" },
		{ "infinity cannot be a JSON number", ".inf", "\".inf\"" },
		{ "Inf is a word", "Inf", "\"Inf\"" },
		{ "too large cannot be one either", "1e999", "\"1e999\"" },
		{ "nor too small", "1e-999", "\"1e-999\"" },
		{ "two signs", "+-1", "\"+-1\"" },
		{ "two pluses", "++1", "\"++1\"" },
		{ "a lone sign", "-", "\"-\"" },
		{ "a hexadecimal float is a word", "0x1p3", "\"0x1p3\"" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_t *value = json_of_plain_scalar(str_of(rows[i].text));
		json_t *expected = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);

		ck_assert_msg(json_equal(value, expected), "%s", rows[i].why);
		json_decref(value);
		json_decref(expected);
	}
	ck_assert_ptr_null(json_of_plain_scalar(STR("\xFF")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = tcase_create("json");

	tcase_add_test(tcase, equal_documents_share_one_text);
	tcase_add_test(tcase, canonical_text_has_bounds);
	tcase_add_test(tcase, wire_json_that_breaks_a_rule_is_refused_with_its_place);
	tcase_add_test(tcase, a_raw_nul_is_refused);
	tcase_add_test(tcase, good_wire_json_is_read);
	tcase_add_test(tcase, depth_tokens_and_bytes_are_bounded);
	tcase_add_test(tcase, a_plain_scalar_has_its_yaml_core_type);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
