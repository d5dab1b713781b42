/* What parses, what does not and why, and what an expression says it needs. */
#include "fixture.h"

static struct promql_expr *parse(const char *text)
{
	struct promql_position at;
	struct err err = {0};
	struct promql_expr *e = promql_parse(str_of(text), &at, &err);

	ck_assert_msg(e, "%s: at %zu: %s", text, at.offset, err.text);
	return e;
}

/* clang-format off */
START_TEST(mistakes_are_named_and_placed)
{
	static const struct { const char *text; size_t offset; const char *sentence; } rows[] = {
		{ "", 0, "no expression found in input" },
		{ "# only a comment", 0, "no expression found in input" },
		{ "up +", 4, "unexpected end of input, expected an expression" },
		{ "1 1", 2, "unexpected number \"1\", expected an operator or the end" },
		{ "up up", 3, "unexpected identifier \"up\", expected an operator or the end" },
		{ "(up", 3, "unexpected end of input, expected \")\"" },
		{ "up)", 2, "unexpected \")\", expected an operator or the end" },
		{ "up{a=\"b\"", 8, "unexpected end of input, expected \",\" or \"}\"" },
		{ "up{a=b}", 5, "unexpected identifier \"b\", expected string" },
		{ "up{a==\"b\"}", 4, "unexpected \"==\", expected one of \"=\", \"!=\", \"=~\", \"!~\"" },
		{ "up{,}", 3, "unexpected \",\", expected label matcher or \"}\"" },
		{ "up{\"\"}", 3, "metric name must not be set twice: \"up\" or \"\"" },
		{ "sum_over_time(x[1m] anchored)", 14,
		  "anchored modifier can only be used with: changes, delta, increase, rate, resets - not with sum_over_time" },
		{ "resets(x[1m] smoothed)", 7,
		  "smoothed modifier can only be used with: delta, increase, rate - not with resets" },
		{ "x[1m:] anchored", 7, "anchored modifier is not supported for subqueries" },
		{ "(x) smoothed", 4, "smoothed modifier must be preceded by a vector selector" },
		{ "x smoothed anchored", 11, "anchored and smoothed modifiers cannot be used together" },
		{ "info(x, y{a=\"b\"})", 8, "expected label selectors only, got vector selector instead" },
		{ "info(x, ({a=\"b\"}))", 8, "expected label selectors only" },
		{ "info(x, sum({}))", 12, "vector selector must contain at least one non-empty matcher" },
		{ "info({}, {})", 5, "vector selector must contain at least one non-empty matcher" },
		{ "x and fill(0) y", 2, "filling in missing series not allowed for set operators" },
		{ "x + fill(0) 1", 2, "filling in missing series only allowed between instant vectors" },
		{ "x + fill(y) y", 9, "unexpected identifier \"y\", expected number" },
		{ "x + fill_left(0) fill_left(1) y", 17, "the same side is filled twice" },
		{ "x + fill(0) on(a) y", 12, "unexpected keyword \"on\", expected an expression" },
		{ "{\"\"}", 0, "vector selector must contain at least one non-empty matcher" },
		{ "{}", 0, "vector selector must contain at least one non-empty matcher" },
		{ "1 + {a=~\".*\",b!=\"c\"}", 4, "vector selector must contain at least one non-empty matcher" },
		{ "up{__name__=\"x\"}", 3, "metric name must not be set twice: \"up\" or \"x\"" },
		{ "up{a=~\"(\"}", 6, "invalid regular expression: missing closing parenthesis" },
		{ "up[5m", 5, "unexpected end of input, expected \":\" or \"]\"" },
		{ "up[0s]", 3, "duration must be greater than 0" },
		{ "up[]", 3, "unexpected \"]\", expected duration" },
		{ "(up)[5m]", 4, "ranges only allowed for vector selectors" },
		{ "up[5m][5m]", 6, "ranges only allowed for vector selectors" },
		{ "up offset 5m [5m]", 13, "no offset modifiers allowed before range" },
		{ "up offset 5m offset 5m", 13, "offset may not be set multiple times" },
		{ "rate(up[5m]) offset 5m", 0, "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery" },
		{ "(up) offset 5m", 0, "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery" },
		{ "sum(up) @ 5", 0, "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery" },
		{ "up @ 1 @ 2", 7, "@ <timestamp> may not be set multiple times" },
		{ "up @ start() @ 2", 13, "@ <timestamp> may not be set multiple times" },
		{ "up @ 1 [5m]", 7, "no @ modifiers allowed before range" },
		{ "up @ 1e19", 5, "timestamp out of bounds for @ modifier: 1e+19" },
		{ "up @ Inf", 5, "timestamp out of bounds for @ modifier: inf" },
		{ "up @ now()", 5, "unexpected identifier \"now\", expected timestamp" },
		{ "up @ start", 10, "unexpected end of input, expected \"(\"" },
		{ "up[-5m]", 3, "duration must be greater than 0" },
		{ "up[5m:0]", 6, "duration must be greater than 0" },
		{ "up[5m:", 6, "unexpected end of input, expected duration" },
		{ "up[:5m]", 3, "unexpected \":\", expected duration" },
		{ "up[5m:30s:]", 9, "unexpected \":\", expected \"]\"" },
		{ "up[5m 1m]", 6, "unexpected duration \"1m\", expected \":\" or \"]\"" },
		{ "up[99999999999]", 3, "duration out of range" },
		{ "up[5m][5m:]", 0, "subquery is only allowed on instant vector, got range vector instead" },
		{ "1[5m:]", 0, "subquery is only allowed on instant vector, got scalar instead" },
		{ "(up[5m:]) offset 5m", 0, "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery" },
		{ "rate((up))", 5, "expected type range vector in call to function \"rate\", got instant vector" },
		{ "sum by (inf) (up)", 8, "unexpected number \"inf\", expected label" },
		{ "rate(up)", 5, "expected type range vector in call to function \"rate\", got instant vector" },
		{ "abs(up[5m])", 4, "expected type instant vector in call to function \"abs\", got range vector" },
		{ "vector(\"a\")", 7, "expected type scalar in call to function \"vector\", got string" },
		{ "rate()", 0, "expected 1 argument(s) in call to \"rate\", got 0" },
		{ "round(up, 1, 2)", 0, "expected at most 2 argument(s) in call to \"round\", got 3" },
		{ "label_join(up)", 0, "expected at least 3 argument(s) in call to \"label_join\", got 1" },
		{ "abs(up,)", 7, "unexpected \")\", expected an expression" },
		{ "nofunc(up)", 0, "unknown function with name \"nofunc\"" },
		{ "increse(up[5m])", 0, "unknown function with name \"increse\": did you mean \"increase\"?" },
		{ "label_replace(up, \"\", \"\", \"\", \"\")", 0, "invalid destination label name in label_replace(): \"\"" },
		{ "label_replace(up, \"a\", \"\", \"\", \"(\")", 0, "invalid regular expression: missing closing parenthesis" },
		{ "sum(1)", 4, "expected type instant vector in aggregation expression, got scalar" },
		{ "sum()", 0, "wrong number of arguments for aggregate expression provided, expected 1, got 0" },
		{ "topk(up)", 0, "wrong number of arguments for aggregate expression provided, expected 2, got 1" },
		{ "topk(up, up)", 5, "expected type scalar in aggregation parameter, got instant vector" },
		{ "count_values(1, up)", 13, "expected type string in aggregation parameter, got scalar" },
		{ "sum by job (up)", 7, "unexpected identifier \"job\", expected \"(\"" },
		{ "sum by (job) (up) by (job)", 18, "unexpected keyword \"by\", expected an operator or the end" },
		{ "1 > 2", 2, "comparisons between scalars must use BOOL modifier" },
		{ "1 + bool 2", 2, "bool modifier can only be used on comparison operators" },
		{ "1 and 2", 2, "set operator \"and\" not allowed in binary scalar expression" },
		{ "up + on(job) 1", 3, "vector matching only allowed between instant vectors" },
		{ "up + group_left up", 5, "unexpected keyword \"group_left\", expected an expression" },
		{ "a * on(b) group_left(b) c", 2, "label \"b\" must not occur in ON and GROUP clause at once" },
		{ "a and on(b) group_left c", 2, "no grouping allowed for \"and\" operation" },
		{ "\"a\" + 1", 0, "binary expression must contain only scalar and instant vector types" },
		{ "1 + up[5m]", 4, "binary expression must contain only scalar and instant vector types" },
		{ "-\"a\"", 0, "unary expression only allowed on expressions of type scalar or instant vector, got string" },
		{ "'\\q'", 0, "unknown or malformed escape sequence in string" },
		{ "1e999", 0, "number out of range: \"1e999\"" },
		{ "a\xff", 0, "the expression is not valid UTF-8" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_position at = { 999 };
		struct err err = { 0 };
		struct promql_expr *e = promql_parse(str_of(rows[i].text), &at, &err);

		ck_assert_msg(!e, "%s", rows[i].text);
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert_msg(at.offset == rows[i].offset && strcmp(err.text, rows[i].sentence) == 0,
		              "%s: at %zu: %s", rows[i].text, at.offset, err.text);
	}
}
END_TEST

START_TEST(what_is_known_but_not_supported_says_why)
{
	static const struct { const char *text; size_t offset; const char *sentence; } rows[] = {
		{ "x </ 5", 2, "the operator \"</\" needs native histograms, which are not supported" },
		{ "x >/ 5", 2, "the operator \">/\" needs native histograms, which are not supported" },
		{ "histogram_count(x)", 0, "the function \"histogram_count\" needs native histograms, which are not supported" },
		{ "holt_winters(x[5m], 0.5, 0.5)", 0, "the function \"holt_winters\" is called double_exponential_smoothing since Prometheus 3" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_position at;
		struct err err = { 0 };

		ck_assert_ptr_null(promql_parse(str_of(rows[i].text), &at, &err));
		ck_assert_msg(at.offset == rows[i].offset && strcmp(err.text, rows[i].sentence) == 0,
		              "%s: at %zu: %s", rows[i].text, at.offset, err.text);
	}
}
END_TEST

START_TEST(every_expression_has_a_type)
{
	static const struct { const char *text; enum promql_type type; } rows[] = {
		{ "1", PROMQL_SCALAR },
		{ "1 + 2 * -3", PROMQL_SCALAR },
		{ "1 > bool 2", PROMQL_SCALAR },
		{ "time()", PROMQL_SCALAR },
		{ "scalar(x)", PROMQL_SCALAR },
		{ "5m", PROMQL_SCALAR },
		{ "\"x\"", PROMQL_STRING },
		{ "x", PROMQL_VECTOR },
		{ "((x))", PROMQL_VECTOR },
		{ "x + 1", PROMQL_VECTOR },
		{ "1 + x", PROMQL_VECTOR },
		{ "sum(x)", PROMQL_VECTOR },
		{ "vector(1)", PROMQL_VECTOR },
		{ "rate(x[5m])", PROMQL_VECTOR },
		{ "x[5m]", PROMQL_MATRIX },
		{ "x[300] offset -1m", PROMQL_MATRIX },
		{ "x[5m:]", PROMQL_MATRIX },
		{ "x[ 5m : 30 ]", PROMQL_MATRIX },
		{ "rate(x[1m])[5m:0x1e] @ END() offset -5", PROMQL_MATRIX },
		{ "x offset 1m @ -1.5e3", PROMQL_VECTOR },
		{ "x offset 0s offset 1m @ 9e18", PROMQL_VECTOR },
		{ "x offset 0s[1m] @ -9e18", PROMQL_MATRIX },
		{ "x @ 1h30m offset +1m", PROMQL_VECTOR },
		{ "start + end + step + range", PROMQL_VECTOR },
		{ "fill + fill_left + anchored", PROMQL_VECTOR },
		{ "anchored anchored + smoothed Smoothed offset 1m", PROMQL_VECTOR },
		{ "rate(x anchored[5m])", PROMQL_VECTOR },
		{ "x + bool_ / on(a) group_left Fill_Right (-1e3) fill_left(5m) y", PROMQL_VECTOR },
		{ "sum by (a:b, on, \"c d\",) (x)", PROMQL_VECTOR },
		{ "0x_1F + 0X1f", PROMQL_SCALAR },
		{ "avg offset 5m", PROMQL_VECTOR },
		{ "and", PROMQL_VECTOR },
		{ "{\"a b\",\"c d\"=\"e\"}", PROMQL_VECTOR },
		{ "sum by (\"a b\", by) (x)", PROMQL_VECTOR },
		{ "{\"\",a=\"b\"}", PROMQL_VECTOR },
		{ "x # a comment ends with its line\r+ x", PROMQL_VECTOR },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].text);

		ck_assert_msg(promql_expr_type(e) == rows[i].type, "%s", rows[i].text);
		ck_assert(str_eq_text(promql_expr_text(e), rows[i].text));
		promql_free(&e);
		ck_assert_ptr_null(e);
	}
	ck_assert_str_eq(promql_type_name(PROMQL_MATRIX), "matrix");
}
END_TEST

START_TEST(needs_are_the_selectors_in_order)
{
	/* name, range, offset, window, keep, age; "!" when pinned to a time */
	static const struct { const char *why, *text, *needs; int64_t longest, retention; } rows[] = {
		{ "an instant selector looks back", "x", "x 0 0 0 300 0;", 0, 300 },
		{ "an offset goes further back", "x offset 1h", "x 0 3600 3600 3900 3600;", 3600, 3900 },
		{ "ahead it reads no past", "x offset -1h", "x 0 -3600 0 0 0;", 0, 0 },
		{ "a value against that of an hour ago is warming for an hour", "x > x offset 1h",
		  "x 0 0 0 300 0;x 0 3600 3600 3900 3600;", 3600, 3900 },
		{ "a range", "rate(x[10m])", "x 600 0 600 600 0;", 600, 600 },
		{ "a short range needs less than the look-back", "rate(x[1m])", "x 60 0 60 60 0;", 60, 60 },
		{ "a range with an offset", "rate(x[10m] offset 5m)", "x 600 300 900 900 300;", 900, 900 },
		{ "a negative offset", "rate(x[10m] offset -5m)", "x 600 -300 300 300 0;", 300, 300 },
		{ "one far ahead needs nothing", "rate(x[1m] offset -5m)", "x 60 -300 0 0 0;", 0, 0 },
		{ "what stands for the start of a range lies before it", "rate(x[5m] anchored)", "x 300 0 300 600 0;", 300, 600 },
		{ "info metrics", "info(x)", "x 0 0 0 300 0;target_info 0 0 0 300 0;", 0, 300 },
		{ "by their labels", "info(x, {a=~\".*\"})", "x 0 0 0 300 0;target_info 0 0 0 300 0;", 0, 300 },
		{ "by their names", "info(x, {__name__=\"y_info\"})", "x 0 0 0 300 0;y_info 0 0 0 300 0;", 0, 300 },
		{ "all of them", "sum(rate(a[1m])) / sum(rate(b[5m])) or c",
		  "a 60 0 60 60 0;b 300 0 300 300 0;c 0 0 0 300 0;", 300, 300 },
		{ "the name as a matcher", "{__name__=\"x\",a=\"b\"}", "x 0 0 0 300 0;", 0, 300 },
		{ "the name in quotes", "{\"x y\"}", "x y 0 0 0 300 0;", 0, 300 },
		{ "the name in a function", "absent({job=\"a\",__name__=\"x\"})", "x 0 0 0 300 0;", 0, 300 },
		{ "a name that is a pattern is none", "{__name__=~\"x|y\"}", " 0 0 0 300 0;", 0, 300 },
		{ "a name that is excluded is none", "{__name__!=\"x\",a=\"b\"}", " 0 0 0 300 0;", 0, 300 },
		{ "no selector", "vector(1)", "", 0, 0 },
		{ "a subquery adds its range, and the newest sample may be a step old", "max_over_time(x[1h:30s])",
		  "x 0 0 3600 3900 30;", 3600, 3900 },
		{ "to the range inside", "max_over_time(rate(x[5m])[1h:])", "x 300 0 3900 3900 60;", 3900, 3900 },
		{ "and all offsets", "max_over_time(rate(x[5m] offset 1m)[1h:] offset 10m)",
		  "x 300 660 4560 4560 720;", 4560, 4560 },
		{ "nested", "max_over_time(sum_over_time(rate(x[5m])[10m:1m])[1h:2m])",
		  "x 300 0 4500 4500 180;", 4500, 4500 },
		{ "@ end() leaves the steps behind", "max_over_time((x - sum_over_time(y[5m] @ end()))[1h:])",
		  "x 0 0 3600 3900 60;y 300 0 300 300 0;", 3600, 3900 },
		{ "a subquery at the end of the query", "sum_over_time(x[5m:1m] @ start())", "x 0 0 300 600 60;", 300, 600 },
		{ "a fixed time", "x - x @ 1700000000", "x 0 0 0 300 0;x 0 0 0 300 0!;", 0, 300 },
		{ "around it, too", "sum_over_time(x[5m:1m] @ 1700000000)", "x 0 0 300 600 60!;", 300, 600 },
	};
	char got[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].text);
		const struct promql_need *needs = NULL;
		size_t n = promql_needs(e, &needs);

		got[0] = '\0';
		for (size_t k = 0; k < n; k++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
			         "%.*s %lld %lld %lld %lld %lld%s;", (int)needs[k].name.n,
			         needs[k].name.p, (long long)needs[k].range_ms / 1000,
			         (long long)needs[k].offset_ms / 1000,
			         (long long)needs[k].window_ms / 1000,
			         (long long)needs[k].keep_ms / 1000,
			         (long long)needs[k].age_ms / 1000, needs[k].pinned ? "!" : "");
		ck_assert_msg(strcmp(got, rows[i].needs) == 0, "%s: %s", rows[i].why, got);
		ck_assert_msg(promql_longest_range_ms(e) == rows[i].longest * 1000, "%s", rows[i].why);
		ck_assert_msg(promql_retention_ms(e) == rows[i].retention * 1000, "%s", rows[i].why);
		promql_free(&e);
	}
}
END_TEST

START_TEST(durations_can_be_computed)
{
	/* Range and offset of the only selector, in milliseconds; or the mistake. */
	static const struct { const char *text; long long range, offset; const char *mistake; } rows[] = {
		{ "x[5m + 1m]", 360000, 0, NULL },
		{ "x[2 * 3m - 30s]", 330000, 0, NULL },
		{ "x[1h / 4]", 900000, 0, NULL },
		{ "x[1h % 50m]", 600000, 0, NULL },
		{ "x[2 ^ 3 ^ 2]", 512000, 0, NULL },
		{ "x[10 + -2 ^ 2]", 6000, 0, NULL },
		{ "x[(1m + 1m) * 2]", 240000, 0, NULL },
		{ "x[min(1m, 30s) + MAX(1m, 2m, )]", 0, 0, "unexpected \",\", expected \")\"" },
		{ "x[min(1m, 30s) + MAX(1m, 2m)]", 150000, 0, NULL },
		{ "x[max(step(), 5s + range())]", 5000, 0, NULL },
		{ "x[0.29]", 290, 0, NULL },
		{ "x[8571715109ms] offset -8571715109ms", 8571715109, -8571715109, NULL },
		{ "x[1m] offset (1m + 1m)", 60000, 120000, NULL },
		{ "x[1m] offset -(1m + 1m)", 60000, -120000, NULL },
		{ "x[1m] offset (1m) + 1m", 60000, 120000, NULL },
		{ "x[1m] offset -max(1m, 2m)", 60000, -120000, NULL },
		{ "x[1m] offset step()", 60000, 0, NULL },
		{ "x offset 1m + 2m", 0, 60000, NULL },
		{ "x offset -2 ^ 2", 0, -2000, NULL },
		{ "x[1m - 1m]", 0, 0, "duration must be greater than 0" },
		{ "x[5m:1m - 1m]", 0, 0, "duration must be greater than 0" },
		{ "x[step()]", 0, 0, "duration must be greater than 0" },
		{ "x[1m / 0]", 0, 0, "division by zero in a duration" },
		{ "x[1m % (1 - 1)]", 0, 0, "modulo by zero in a duration" },
		{ "x[10 ^ 300 * 10 ^ 300]", 0, 0, "duration out of range" },
		{ "x offset -(20 * 52w)", 0, 0, "duration out of range" },
		{ "x[1m atan2 1m]", 0, 0, "unexpected keyword \"atan2\", expected \":\" or \"]\"" },
		{ "x[1m == 1m]", 0, 0, "unexpected \"==\", expected \":\" or \"]\"" },
		{ "x[x]", 0, 0, "unexpected identifier \"x\", expected duration" },
		{ "x @ (5)", 0, 0, "unexpected \"(\", expected timestamp" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_position at;
		struct err err = { 0 };
		struct promql_expr *e = promql_parse(str_of(rows[i].text), &at, &err);
		const struct promql_need *need = NULL;

		ck_assert_msg((e == NULL) == (rows[i].mistake != NULL), "%s: %s", rows[i].text, err.text);
		if (e == NULL) {
			ck_assert_str_eq(err.text, rows[i].mistake);
			continue;
		}
		ck_assert_uint_eq(promql_needs(e, &need), 1);
		ck_assert_msg(need->range_ms == rows[i].range && need->offset_ms == rows[i].offset,
		              "%s: %lld %lld", rows[i].text, (long long)need->range_ms,
		              (long long)need->offset_ms);
		promql_free(&e);
	}
}
END_TEST

START_TEST(a_need_has_the_text_of_its_selector)
{
	struct promql_expr *e = parse("sum(rate( x {a=\"b\"} [5m] offset 1m)) / {\"y z\"} @ 5 + z");
	const struct promql_need *needs = NULL;

	ck_assert_uint_eq(promql_needs(e, &needs), 3);
	ck_assert(str_eq_text(needs[0].text, "x {a=\"b\"}"));
	ck_assert(str_eq_text(needs[1].text, "{\"y z\"}"));
	ck_assert(str_eq_text(needs[2].text, "z"));
	promql_free(&e);
}
END_TEST

START_TEST(steps_of_subqueries_multiply)
{
	static const struct { const char *text; int64_t steps; } rows[] = {
		{ "x", 1 },
		{ "vector(1)", 1 },
		{ "max_over_time(x[10m:])", 11 },
		{ "max_over_time(x[10m:30s]) + max_over_time(y[2m:])", 21 },
		{ "max_over_time(max_over_time(x[10m:])[10m:])", 121 },
		{ "max_over_time(max_over_time(max_over_time(max_over_time(x[10y:1ms])[10y:1ms])[10y:1ms])[10y:1ms])", INT64_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].text);

		ck_assert_msg(promql_steps(e) == rows[i].steps, "%s", rows[i].text);
		promql_free(&e);
	}
}
END_TEST
/* clang-format on */

/* `middle` n times, then `end`, then `suffix` n times; freed by the caller. */
static char *repeat(const char *middle, const char *end, const char *suffix, size_t n)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < n; i++)
		buf_add_text(&text, middle);
	buf_add_text(&text, end);
	for (size_t i = 0; i < n; i++)
		buf_add_text(&text, suffix);
	return buf_take_text(&text);
}

START_TEST(size_and_depth_are_bounded)
{
	/* clang-format off */
	static const struct { const char *why, *middle, *end, *suffix; size_t n; enum err_code code; } rows[] = {
		{ "parentheses within the bound", "(", "x", ")", 63, ERR_NONE },
		{ "parentheses beyond it", "(", "x", ")", 64, ERR_LIMIT },
		{ "far beyond", "(", "x", ")", 8000, ERR_LIMIT },
		{ "calls", "abs(", "x", ")", 64, ERR_LIMIT },
		{ "signs", "-", "x", "", 5000, ERR_LIMIT },
		{ "a chain is a tree, too", "x + ", "x", "", 63, ERR_NONE },
		{ "and as deep as it is long", "x + ", "x", "", 64, ERR_LIMIT },
		{ "powers go down on the right", "2 ^ ", "2", "", 5000, ERR_LIMIT },
		{ "an open end", "sum(", "", "", 4000, ERR_LIMIT },
		{ "text", "x                ", "", "", 1000, ERR_LIMIT },
		{ "many arguments", "a,", "a)", "", 1, ERR_INVALID },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = repeat(rows[i].middle, rows[i].end, rows[i].suffix, rows[i].n);
		struct promql_position at;
		struct err err = {0};
		struct promql_expr *e = promql_parse(str_of(text), &at, &err);

		ck_assert_msg(err.code == rows[i].code, "%s: %s", rows[i].why, err.text);
		ck_assert_msg((e != NULL) == (rows[i].code == ERR_NONE), "%s", rows[i].why);
		promql_free(&e);
		free(text);
	}
}
END_TEST

START_TEST(the_number_of_parts_is_bounded)
{
	char *args = repeat("\"l\",", "\"l\"", "", 2000);
	size_t size = strlen(args) + 64;
	char *text = calloc(1, size);
	struct promql_position at;
	struct err err = {0};

	ck_assert_ptr_nonnull(text);
	snprintf(text, size, "label_join(x, \"a\", \"b\", %s)", args);
	ck_assert_ptr_null(promql_parse(str_of(text), &at, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_str_eq(err.text, "the expression has more than 2000 parts");
	free(text);
	free(args);
}
END_TEST

/* A fixed sequence: the same texts on every run. */
static unsigned next_random(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

START_TEST(damaged_text_is_refused_or_understood_but_never_fatal)
{
	static const char *const seeds[] = {
	        "sum by (le, job) (rate(http_requests_total{code=~\"5..\",job!=\"a\"}[5m] offset "
	        "1m))",
	        "histogram_quantile(0.95, sum(rate(x_bucket[1m])) by (le)) > bool 0.5",
	        "label_replace(up, \"x\", \"${1}-$$\", \"job\", \"(.*)-(?P<n>a|b)\") or vector(1)",
	        "topk(3, a * on(b) group_left(c) d) unless quantile_over_time(0.9, "
	        "{__name__=\"e\"}[2h])",
	        "max_over_time(rate(x[1m])[10m:30s] offset 5m @ end()) + sum_over_time(y[5m:] @ 7)",
	        "limitk(2, x{a=~\"[a-c\\\\s]+?(b|\\\\pL){2,3}\"}) or limit_ratio(-0.5, x @ 1m)",
	        "-2 ^ 0x1F % 1e-3 atan2 `raw` + 'q\\u00e9' # c",
	};
	static const char bytes[] = "(){}[]\"'`,=~!<>+-*/%^@:#\\0159aex_ \n\xc3\xa9";
	unsigned state = 1;

	for (size_t round = 0; round < 20000; round++) {
		char text[256];
		char got[FIXTURE_TEXT_MAX];

		snprintf(text, sizeof(text), "%s", seeds[round % ARRAY_LEN(seeds)]);
		for (unsigned k = next_random(&state) % 4 + 1; k > 0; k--) {
			size_t at = next_random(&state) % strlen(text);

			if (next_random(&state) % 3 == 0)
				memmove(text + at, text + at + 1, strlen(text + at));
			else
				text[at] = bytes[next_random(&state) % (sizeof(bytes) - 1)];
			if (!*text)
				break;
		}
		fixture_eval(text, 1000, got);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("parser");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, mistakes_are_named_and_placed);
	tcase_add_test(tc, what_is_known_but_not_supported_says_why);
	tcase_add_test(tc, every_expression_has_a_type);
	tcase_add_test(tc, needs_are_the_selectors_in_order);
	tcase_add_test(tc, durations_can_be_computed);
	tcase_add_test(tc, a_need_has_the_text_of_its_selector);
	tcase_add_test(tc, steps_of_subqueries_multiply);
	tcase_add_test(tc, size_and_depth_are_bounded);
	tcase_add_test(tc, the_number_of_parts_is_bounded);
	tcase_add_test(tc, damaged_text_is_refused_or_understood_but_never_fatal);
	return fixture_run("promql parser", tc);
}
