/* PromQL text to tokens and their values. */
#include <math.h>

#include "fixture.h"
#include "promql/lexer.h"

/* The tokens' texts, each behind a letter for its kind. */
static void lex(const char *text, char *out, size_t size)
{
	static const char kinds[] = ".imnds";
	struct lexer l;
	struct token t;
	struct err err = {0};
	size_t n = 0;

	lexer_init(&l, str_of(text));
	out[0] = '\0';
	for (;;) {
		if (!lexer_next(&l, &t, &err)) {
			snprintf(out + n, size - n, "%serror at %zu: %s", n ? " " : "", t.offset,
			         err.text);
			return;
		}
		if (t.kind == TOKEN_END)
			return;
		n += (size_t)snprintf(out + n, size - n, "%s%c:%.*s", n ? " " : "",
		                      t.kind < TOKEN_LEFT_PAREN ? kinds[t.kind]
		                      : t.kind >= TOKEN_AND     ? 'k'
		                                                : 'o',
		                      (int)t.text.n, t.text.p);
	}
}

START_TEST(text_becomes_tokens)
{
	/* clang-format off */
	static const struct { const char *why, *text, *tokens; } rows[] = {
		{ "nothing", " \t\r\n", "" },
		{ "a comment ends with its line", "a # b\nc", "i:a i:c" },
		{ "or with the text", "a #", "i:a" },
		{ "a colon makes a metric", "a:b:c :d", "m:a:b:c m::d" },
		{ "in braces there are no colons", "{a:b}", "o:{ i:a error at 2: unexpected character: \":\"" },
		{ "keywords in any case", "AND oR Unless BY sum", "k:AND k:oR k:Unless k:BY k:sum" },
		{ "in braces keywords are names", "{by=\"x\"}", "o:{ i:by o:= s:\"x\" o:}" },
		{ "Inf and NaN are numbers", "inf NaN", "n:inf n:NaN" },
		{ "numbers", "1 1.5 .5 1e3 1E-3 0x1f 1_000", "n:1 n:1.5 n:.5 n:1e3 n:1E-3 n:0x1f n:1_000" },
		{ "durations", "5m 1h30m 100ms", "d:5m d:1h30m d:100ms" },
		{ "a subquery's colon", "[5m:1m]", "o:[ d:5m o:: d:1m o:]" },
		{ "operators", "== != <= < >= > =~ !~ =", "o:== o:!= o:<= o:< o:>= o:> o:=~ o:!~ o:=" },
		{ "strings of three kinds", "\"a\\\"b\" 'c' `d\\`", "s:\"a\\\"b\" s:'c' s:`d\\`" },
		{ "raw strings span lines", "`a\nb`", "s:`a\nb`" },
		{ "others do not", "\"a\nb\"", "error at 0: unterminated quoted string" },
		{ "an open string", "x 'abc", "i:x error at 2: unterminated quoted string" },
		{ "an escaped end is no end", "\"abc\\\"", "error at 0: unterminated quoted string" },
		{ "a backslash at the very end", "\"abc\\", "error at 0: unterminated quoted string" },
		{ "a unit that is none", "5x", "error at 0: bad number or duration syntax: \"5x\"" },
		{ "a fraction has no unit", "1.5m", "error at 0: bad number or duration syntax: \"1.5m\"" },
		{ "half an exponent", "1e", "error at 0: bad number or duration syntax: \"1e\"" },
		{ "a whole foreign character", "a \xe2\x80\x9c", "i:a error at 2: unexpected character: \"\xe2\x80\x9c\"" },
	};
	/* clang-format on */
	char got[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		lex(rows[i].text, got, sizeof(got));
		ck_assert_msg(strcmp(got, rows[i].tokens) == 0, "%s: got %s", rows[i].why, got);
	}
}
END_TEST

START_TEST(strings_lose_their_escapes)
{
	/* clang-format off */
	static const struct { const char *why, *text, *value; } rows[] = {
		{ "plain", "'abc'", "abc" },
		{ "empty", "\"\"", "" },
		{ "control characters", "\"\\a\\b\\f\\n\\r\\t\\v\\\\\"", "\a\b\f\n\r\t\v\\" },
		{ "its own quote", "'\\''", "'" },
		{ "not the other", "'\\\"'", NULL },
		{ "octal", "\"\\101\"", "A" },
		{ "octal beyond a byte", "\"\\777\"", NULL },
		{ "hexadecimal", "\"\\x41\"", "A" },
		{ "cut hexadecimal", "\"\\x4\"", NULL },
		{ "two bytes", "\"\\u00e9\"", "\xc3\xa9" },
		{ "three bytes", "\"\\u20ac\"", "\xe2\x82\xac" },
		{ "four bytes", "\"\\U0001F600\"", "\xf0\x9f\x98\x80" },
		{ "a surrogate is no character", "\"\\ud800\"", NULL },
		{ "beyond Unicode", "\"\\U00110000\"", NULL },
		{ "an unknown letter", "\"\\q\"", NULL },
		{ "raw strings have none", "`a\\n`", "a\\n" },
	};
	/* clang-format on */
	struct arena arena;

	arena_init(&arena, 1 << 16);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct token t = {.kind = TOKEN_STRING, .text = str_of(rows[i].text)};
		struct str value = {0};
		struct err err;
		bool ok = token_unquote(&t, &arena, &value, &err);

		ck_assert_msg(ok == (rows[i].value != NULL), "%s", rows[i].why);
		if (ok)
			ck_assert_msg(str_eq_text(value, rows[i].value), "%s", rows[i].why);
	}
	arena_fini(&arena);
}
END_TEST

START_TEST(numbers_read_as_go_reads_them)
{
	/* clang-format off */
	static const struct { const char *why, *text; bool ok; double value; } rows[] = {
		{ "whole", "42", true, 42 },
		{ "fraction", "0.25", true, 0.25 },
		{ "exponent", "1.5e3", true, 1500 },
		{ "hexadecimal", "0x1F", true, 31 },
		{ "underscores", "0xF_F", true, 255 },
		{ "a leading zero is octal", "0755", true, 493 },
		{ "unless a digit is not", "0789", true, 789 },
		{ "or there is a point", "07.5", true, 7.5 },
		{ "zero", "0", true, 0 },
		{ "beyond 64 bits in decimal", "99999999999999999999", true, 1e20 },
		{ "beyond 63 bits in hexadecimal", "0xFFFFFFFFFFFFFFFF", false, 0 },
		{ "the largest in hexadecimal", "0x7FFFFFFFFFFFFFFF", true, 9223372036854775807.0 },
		{ "too large for a double", "1e999", false, 0 },
	};
	/* clang-format on */
	struct arena arena;

	arena_init(&arena, 1 << 16);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct token t = {.kind = TOKEN_NUMBER, .text = str_of(rows[i].text)};
		double value = 0;
		struct err err;

		ck_assert_msg(token_number(&t, &arena, &value, &err) == rows[i].ok, "%s",
		              rows[i].why);
		if (rows[i].ok)
			ck_assert_msg(value == rows[i].value, "%s: %g", rows[i].why, value);
	}
	arena_fini(&arena);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("lexer");

	tcase_add_test(tc, text_becomes_tokens);
	tcase_add_test(tc, strings_lose_their_escapes);
	tcase_add_test(tc, numbers_read_as_go_reads_them);
	return fixture_run("promql lexer", tc);
}
