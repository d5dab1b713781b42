/* Instant queries from text to result: selectors, operators, aggregations, functions. */
#include "fixture.h"

struct row {
	const char *why, *expr, *wanted;
};

#define NOW 600000

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fixture_check(rows[i].why, rows[i].expr, NOW, rows[i].wanted);
}

static void load_requests(void)
{
	fixture_load(0, 60000, "requests{job=\"api\",code=\"200\"} 0+10x10");
	fixture_load(0, 60000, "requests{job=\"api\",code=\"500\"} 0+1x10");
	fixture_load(0, 60000, "requests{job=\"web\",code=\"200\"} 0+20x10");
	fixture_load(0, 60000, "limit{job=\"api\"} 0 0 0 0 0 0 0 0 0 0 0");
	fixture_load(540000, 60000, "owner{job=\"api\",team=\"red\"} 1 1");
	fixture_load(540000, 60000, "owner{job=\"web\",team=\"blue\"} 1 1");
}

/* clang-format off */
START_TEST(selectors_pick_series_by_their_labels)
{
	static const struct row rows[] = {
		{ "equality", "requests{code=\"500\"}", "requests{code=\"500\",job=\"api\"} 10" },
		{ "inequality", "requests{code!=\"200\"}", "requests{code=\"500\",job=\"api\"} 10" },
		{ "a regular expression is anchored at both ends", "requests{code=~\"5\"}", "" },
		{ "and matches the whole", "requests{code=~\"5..\"}",
		  "requests{code=\"500\",job=\"api\"} 10" },
		{ "each alternative is anchored", "requests{code=~\"50|500\"}",
		  "requests{code=\"500\",job=\"api\"} 10" },
		{ "negated", "requests{code!~\"2..\"}", "requests{code=\"500\",job=\"api\"} 10" },
		{ "an absent label reads as empty", "requests{zone=\"\",code=\"500\"}",
		  "requests{code=\"500\",job=\"api\"} 10" },
		{ "and is unlike any value", "requests{zone!=\"x\",code=\"500\"}",
		  "requests{code=\"500\",job=\"api\"} 10" },
		{ "the name is a label", "{__name__=\"limit\"}", "limit{job=\"api\"} 0" },
		{ "and takes a regular expression", "{__name__=~\"lim.*\"}", "limit{job=\"api\"} 0" },
		{ "a name may stand in quotes", "{\"limit\"}", "limit{job=\"api\"} 0" },
		{ "nothing there is an empty vector", "nonsense", "" },
		{ "offset looks back", "requests{code=\"500\"} offset 5m",
		  "requests{code=\"500\",job=\"api\"} 5" },
		{ "a negative offset looks ahead", "requests{code=\"500\"} offset -1m",
		  "requests{code=\"500\",job=\"api\"} 10" },
		{ "a range is left-open", "requests{code=\"500\"}[2m]",
		  "requests{code=\"500\",job=\"api\"} 10@600000\n"
		  "requests{code=\"500\",job=\"api\"} 9@540000" },
	};

	load_requests();
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(look_back_is_five_minutes_left_open_and_ends_at_a_stale_marker)
{
	fixture_load(NOW - 300000, 1, "edge 1");
	fixture_load(NOW - 299999, 1, "inside 1");
	fixture_load(NOW - 60000, 30000, "gone 1 stale");
	fixture_load(NOW - 60000, 30000, "back 1 stale 2");
	fixture_load(NOW - 60000, 30000, "odd 1 NaN");
	fixture_check("exactly five minutes old is out", "edge", NOW, "");
	fixture_check("a millisecond younger is in", "inside", NOW, "inside 1");
	fixture_check("a stale marker ends it", "gone", NOW, "");
	fixture_check("but not what comes after", "back", NOW, "back 2");
	fixture_check("an ordinary NaN is a value", "odd", NOW, "odd NaN");
	fixture_check("ranges skip stale markers", "back[5m]", NOW, "back 1@540000\nback 2@600000");
	fixture_check("a range of stale markers alone is nothing", "count_over_time(gone[35s])", NOW,
	              "");
}
END_TEST

/* What every function makes of a series that ended for a while: x 4 8 - - 6, at -120 to 0 s. */
START_TEST(a_stale_marker_is_no_sample_of_any_range)
{
	static const struct row rows[] = {
		{ "a count", "count_over_time(x[3m])", "{} 3" },
		{ "a sum", "sum_over_time(x[3m])", "{} 18" },
		{ "a mean", "avg_over_time(x[3m])", "{} 6" },
		{ "an extreme", "min_over_time(x[3m])", "{} 4" },
		{ "a quantile", "quantile_over_time(0.5, x[3m])", "{} 6" },
		{ "a deviation", "mad_over_time(x[3m])", "{} 2" },
		{ "the first behind it", "first_over_time(x[80s])", "x 6" },
		{ "the last before it", "last_over_time(x[61s] offset 30s)", "x 8" },
		{ "a change", "changes(x[3m])", "{} 2" },
		{ "a reset", "resets(x[3m])", "{} 1" },
		{ "two neighbours", "idelta(x[3m])", "{} -2" },
		{ "nothing but markers is absent", "absent_over_time(x[50s] offset 20s)", "{} 1" },
		{ "and not present", "present_over_time(x[50s] offset 20s)", "" },
		{ "an instant in between is absent", "absent(x offset 30s)", "{} 1" },
		{ "and so for operators", "x offset 30s or vector(7)", "{} 7" },
		{ "and aggregations", "sum(x offset 30s)", "" },
		{ "and subqueries", "count_over_time(x[2m:30s])", "{} 2" },
		{ "a timestamp is of a sample", "timestamp(x offset 30s)", "" },
	};

	fixture_load(NOW - 120000, 30000, "x 4 8 stale stale 6");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(operators_bind_as_in_prometheus)
{
	static const struct row rows[] = {
		{ "product before sum", "1 + 2 * 3", "7" },
		{ "left to right", "10 - 4 - 3", "3" },
		{ "division too", "16 / 4 / 2", "2" },
		{ "the power binds to the right", "2 ^ 3 ^ 2", "512" },
		{ "and stronger than a sign", "-2 ^ 2", "-4" },
		{ "a sign binds stronger than a product", "-2 * -3", "6" },
		{ "a sign in an exponent", "2 ^ -1 * 4", "2" },
		{ "parentheses", "(1 + 2) * 3", "9" },
		{ "modulo keeps the sign of the dividend", "-7 % 3", "-1" },
		{ "of fractions too", "5.5 % 2", "1.5" },
		{ "0 / 0", "0 / 0", "NaN" },
		{ "x / 0", "1 / 0", "+Inf" },
		{ "comparison before and", "1 + 1 == bool 2", "1" },
		{ "NaN is unlike itself", "NaN == bool NaN", "0" },
		{ "and differs from itself", "NaN != bool NaN", "1" },
		{ "atan2", "1 atan2 1", "0.785398163397" },
		{ "hexadecimal", "0x1F", "31" },
		{ "octal, as Go reads it", "010", "8" },
		{ "unless it is not octal", "09.5", "9.5" },
		{ "underscores", "1_000_000", "1000000" },
		{ "exponents", "1.5e3", "1500" },
		{ "a leading point", ".5", "0.5" },
		{ "infinity", "-Inf", "-Inf" },
		{ "a duration is its seconds", "1h30m", "5400" },
		{ "milliseconds", "250ms", "0.25" },
		{ "comments and lines", "1 # one\n + 1", "2" },
	};

	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(names_are_dropped_where_the_meaning_changes)
{
	static const struct row rows[] = {
		{ "arithmetic drops", "limit + 1", "{job=\"api\"} 1" },
		{ "a scalar on the left too", "1 + limit", "{job=\"api\"} 1" },
		{ "minus drops", "-limit", "{job=\"api\"} -0" },
		{ "plus keeps", "+limit", "limit{job=\"api\"} 0" },
		{ "a filter keeps", "limit == 0", "limit{job=\"api\"} 0" },
		{ "a filter that drops all", "limit > 0", "" },
		{ "bool drops", "limit > bool 0", "{job=\"api\"} 0" },
		{ "a filter with the scalar left keeps the element's value", "5 > limit",
		  "limit{job=\"api\"} 0" },
		{ "a filter of vectors keeps the left name", "requests{code=\"500\"} > ignoring(code) limit",
		  "requests{job=\"api\"} 10" },
		{ "on() leaves only what it names", "requests{code=\"500\"} > on(job) limit",
		  "{job=\"api\"} 10" },
		{ "functions drop", "abs(limit)", "{job=\"api\"} 0" },
		{ "last_over_time keeps", "last_over_time(limit[5m])", "limit{job=\"api\"} 0" },
		{ "set operators keep", "limit or requests{code=\"500\"}",
		  "limit{job=\"api\"} 0\nrequests{code=\"500\",job=\"api\"} 10" },
		{ "sum drops", "sum(limit)", "{} 0" },
		{ "topk keeps", "topk(1, requests)", "requests{code=\"200\",job=\"web\"} 200" },
		{ "by(__name__) keeps", "sum by (__name__) (limit)", "limit 0" },
	};

	load_requests();
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(vectors_match_by_their_labels)
{
	static const struct row rows[] = {
		{ "equal labels are partners",
		  "requests{code=\"200\"} / requests",
		  "{code=\"200\",job=\"api\"} 1\n{code=\"200\",job=\"web\"} 1" },
		{ "no partner, no element", "requests + limit", "" },
		{ "ignoring", "requests{code=\"500\"} / ignoring(code) requests{code=\"200\"}",
		  "{job=\"api\"} 0.1" },
		{ "group_left takes a label along",
		  "requests * on(job) group_left(team) owner",
		  "{code=\"200\",job=\"api\",team=\"red\"} 100\n{code=\"200\",job=\"web\",team=\"blue\"} 200\n"
		  "{code=\"500\",job=\"api\",team=\"red\"} 10" },
		{ "group_right mirrors it",
		  "owner * on(job) group_right(team) requests{code=\"500\"}",
		  "{code=\"500\",job=\"api\",team=\"red\"} 10" },
		{ "group_right keeps the order of operands",
		  "owner - on(job) group_right requests{code=\"500\"}",
		  "{code=\"500\",job=\"api\"} -9" },
		{ "a grouped filter keeps the many side's name",
		  "requests{code=\"500\"} > on(job) group_left(team) owner",
		  "requests{code=\"500\",job=\"api\",team=\"red\"} 10" },
		{ "many to one must be said", "requests * on(job) owner",
		  "error at 0: multiple matches for labels: many-to-one matching must be explicit "
		  "(group_left/group_right)" },
		{ "a filter that leaves one is a conflict all the same",
		  "requests{job=\"api\"} > on(job) (owner * 50)",
		  "error at 0: multiple matches for labels: many-to-one matching must be explicit "
		  "(group_left/group_right)" },
		{ "partners of one may not become the same",
		  "requests + on(job) group_left(code) owner",
		  "error at 0: multiple matches for labels: grouping labels must ensure unique matches" },
		{ "not even where a filter leaves one",
		  "requests > bool on(job) group_left(code) (owner * 50)",
		  "error at 0: multiple matches for labels: grouping labels must ensure unique matches" },
		{ "many to many is refused", "owner * on(job) requests",
		  "error at 0: found duplicate series for the match group \"{job=\"api\"}\" on the right "
		  "hand-side of the operation; many-to-many matching not allowed: matching labels must be "
		  "unique on one side" },
		{ "nothing on one side is nothing", "nonsense * on(job) requests", "" },
		{ "equal results are refused", "requests * on() group_left vector(1) unless nonsense",
		  "{code=\"200\",job=\"api\"} 100\n{code=\"200\",job=\"web\"} 200\n"
		  "{code=\"500\",job=\"api\"} 10" },
	};

	load_requests();
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(set_operators_look_at_labels_only)
{
	static const struct row rows[] = {
		{ "and", "requests and requests{code=\"500\"}", "requests{code=\"500\",job=\"api\"} 10" },
		{ "and on", "requests{code=\"200\"} and on(job) limit",
		  "requests{code=\"200\",job=\"api\"} 100" },
		{ "unless", "requests unless requests{code=\"200\"}",
		  "requests{code=\"500\",job=\"api\"} 10" },
		{ "unless on", "requests unless on(job) limit", "requests{code=\"200\",job=\"web\"} 200" },
		{ "or adds what has no partner", "limit or on(job) requests",
		  "limit{job=\"api\"} 0\nrequests{code=\"200\",job=\"web\"} 200" },
		{ "or with a fallback", "sum(nonsense) or vector(0)", "{} 0" },
		{ "or takes the left where both are", "sum(limit) or vector(7)", "{} 0" },
		{ "and binds stronger than or", "limit or nonsense and requests", "limit{job=\"api\"} 0" },
	};

	load_requests();
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(aggregations_group_by_and_without)
{
	static const struct row rows[] = {
		{ "sum", "sum(requests)", "{} 310" },
		{ "by before", "sum by (job) (requests)", "{job=\"api\"} 110\n{job=\"web\"} 200" },
		{ "by after", "sum(requests) by (job)", "{job=\"api\"} 110\n{job=\"web\"} 200" },
		{ "without", "sum without (code) (requests)", "{job=\"api\"} 110\n{job=\"web\"} 200" },
		{ "by a label nobody has", "sum by (zone) (requests)", "{} 310" },
		{ "keywords in any case", "SUM BY (job) (requests)", "{job=\"api\"} 110\n{job=\"web\"} 200" },
		{ "a trailing comma", "sum by (job,) (requests)", "{job=\"api\"} 110\n{job=\"web\"} 200" },
		{ "avg", "avg by (job) (requests)", "{job=\"api\"} 55\n{job=\"web\"} 200" },
		{ "min", "min(requests)", "{} 10" },
		{ "max", "max(requests)", "{} 200" },
		{ "count", "count(requests)", "{} 3" },
		{ "group", "group by (code) (requests)", "{code=\"200\"} 1\n{code=\"500\"} 1" },
		{ "stdvar", "stdvar by (job) (requests)", "{job=\"api\"} 2025\n{job=\"web\"} 0" },
		{ "stddev", "stddev by (job) (requests)", "{job=\"api\"} 45\n{job=\"web\"} 0" },
		{ "quantile interpolates", "quantile(0.75, requests)", "{} 150" },
		{ "quantile below 0", "quantile(-1, requests)", "{} -Inf" },
		{ "topk per group", "topk by (job) (1, requests)",
		  "requests{code=\"200\",job=\"api\"} 100\nrequests{code=\"200\",job=\"web\"} 200" },
		{ "bottomk", "bottomk(1, requests)", "requests{code=\"500\",job=\"api\"} 10" },
		{ "topk of none", "topk(0, requests)", "" },
		{ "topk of more than there are", "count(topk(9, requests))", "{} 3" },
		{ "count_values", "count_values(\"v\", owner)", "{v=\"1\"} 2" },
		{ "count_values by", "count_values by (job) (\"v\", owner)",
		  "{job=\"api\",v=\"1\"} 1\n{job=\"web\",v=\"1\"} 1" },
		{ "an empty vector has no groups", "sum(nonsense)", "" },
		{ "nor a count", "count(nonsense)", "" },
		{ "an aggregation's name can be a metric", "sum", "" },
	};

	load_requests();
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(min_and_max_take_nan_only_when_there_is_nothing_else)
{
	fixture_load(NOW, 1, "x{i=\"1\"} NaN");
	fixture_load(NOW, 1, "x{i=\"2\"} 3");
	fixture_load(NOW, 1, "x{i=\"3\"} 4");
	fixture_load(NOW, 1, "y{i=\"1\"} NaN");
	fixture_check("min", "min(x)", NOW, "{} 3");
	fixture_check("max", "max(x)", NOW, "{} 4");
	fixture_check("only NaN", "max(y)", NOW, "{} NaN");
	fixture_check("sum keeps NaN", "sum(x)", NOW, "{} NaN");
	fixture_check("topk puts NaN last", "topk(2, x)", NOW, "x{i=\"2\"} 3\nx{i=\"3\"} 4");
	fixture_check("bottomk too", "bottomk(2, x)", NOW, "x{i=\"2\"} 3\nx{i=\"3\"} 4");
	fixture_check("NaN passes no filter", "x > 0 or x <= 0", NOW, "x{i=\"2\"} 3\nx{i=\"3\"} 4");
}
END_TEST

START_TEST(sums_do_not_lose_small_terms)
{
	fixture_load(NOW - 3000, 1000, "x 1e16 1 1 -1e16");
	fixture_load(NOW, 1, "y{i=\"1\"} 1e16");
	fixture_load(NOW, 1, "y{i=\"2\"} 1");
	fixture_load(NOW, 1, "y{i=\"3\"} 1");
	fixture_load(NOW, 1, "y{i=\"4\"} -1e16");
	fixture_load(NOW - 1000, 1000, "huge 1.7e308 1.7e308");
	fixture_load(NOW - 1000, 1000, "endless Inf 1");
	fixture_check("over time", "sum_over_time(x[1m])", NOW, "{} 2");
	fixture_check("across series", "sum(y)", NOW, "{} 2");
	fixture_check("in means", "avg(y)", NOW, "{} 0.5");
	fixture_check("a mean does not overflow", "avg_over_time(huge[1m])", NOW, "{} 1.7e+308");
	fixture_check("a sum does", "sum_over_time(huge[1m])", NOW, "{} +Inf");
	fixture_check("an infinite mean stays", "avg_over_time(endless[1m])", NOW, "{} +Inf");
}
END_TEST

START_TEST(functions_over_time_look_at_the_range)
{
	static const struct row rows[] = {
		{ "avg", "avg_over_time(x[1m])", "{} 3" },
		{ "min", "min_over_time(x[1m])", "{} 1" },
		{ "max", "max_over_time(x[1m])", "{} 6" },
		{ "sum", "sum_over_time(x[1m])", "{} 12" },
		{ "count", "count_over_time(x[1m])", "{} 4" },
		{ "first keeps the name", "first_over_time(x[1m])", "x 1" },
		{ "last keeps the name", "last_over_time(x[1m])", "x 3" },
		{ "present", "present_over_time(x[1m])", "{} 1" },
		{ "stdvar", "stdvar_over_time(x[1m])", "{} 3.5" },
		{ "stddev", "stddev_over_time(x[1m])", "{} 1.87082869339" },
		{ "quantile", "quantile_over_time(0.5, x[1m])", "{} 2.5" },
		{ "mad", "mad_over_time(x[1m])", "{} 1" },
		{ "changes", "changes(x[1m])", "{} 3" },
		{ "resets", "resets(x[1m])", "{} 1" },
		{ "absent where there is something", "absent_over_time(x[1m])", "" },
		{ "absent where there is nothing", "absent_over_time(y{a=\"b\"}[1m])", "{a=\"b\"} 1" },
		{ "deriv", "deriv(line[1m])", "{} 2" },
		{ "predict_linear", "predict_linear(line[1m], 10)", "{} 120" },
		{ "when the maximum was", "ts_of_max_over_time(x[1m])", "{} 590" },
		{ "when the first was", "ts_of_first_over_time(x[1m])", "{} 570" },
	};

	fixture_load(NOW - 30000, 10000, "x 1 2 6 3");
	fixture_load(NOW - 50000, 10000, "line 0+20x5");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(functions_of_elements)
{
	static const struct row rows[] = {
		{ "abs", "abs(x)", "{} 2.5" },
		{ "ceil", "ceil(x)", "{} -2" },
		{ "floor", "floor(x)", "{} -3" },
		{ "round halves up", "round(x)", "{} -2" },
		{ "round to a multiple", "round(x, 0.4)", "{} -2.4" },
		{ "sgn", "sgn(x)", "{} -1" },
		{ "clamp", "clamp(x, -2, 2)", "{} -2" },
		{ "clamp with crossed bounds", "clamp(x, 2, -2)", "" },
		{ "clamp_min", "clamp_min(x, 0)", "{} 0" },
		{ "clamp_max", "clamp_max(x, -9)", "{} -9" },
		{ "a NaN bound is NaN", "clamp_min(x, NaN)", "{} NaN" },
		{ "an infinite bound decides over NaN", "clamp_min(sqrt(x), Inf)", "{} +Inf" },
		{ "sqrt of a negative", "sqrt(x)", "{} NaN" },
		{ "exp", "exp(vector(0))", "{} 1" },
		{ "ln", "ln(vector(1))", "{} 0" },
		{ "log2", "log2(vector(8))", "{} 3" },
		{ "log10", "log10(vector(1000))", "{} 3" },
		{ "scalar of one", "scalar(x)", "-2.5" },
		{ "scalar of none", "scalar(nonsense)", "NaN" },
		{ "time", "time()", "600" },
		{ "timestamp is the sample's", "timestamp(x)", "{} 590" },
		{ "of a changed value the evaluation's", "timestamp(x + 1)", "{} 600" },
		{ "also behind a set operator", "timestamp(x or x)", "{} 600" },
		{ "parentheses change nothing", "timestamp((x))", "{} 590" },
		{ "an offset cuts off what @ would see", "timestamp(x @ 700 offset 1m)", "{} 590" },
		{ "and leaves less of the look-back", "timestamp(x @ 900 offset 1m)", "" },
		{ "a negative one shows nothing beyond @", "timestamp((x offset -5m @ 500))", "" },
		{ "nor what is too old for it", "timestamp(x @ end() offset -299s)", "" },
		{ "and what both have is seen", "timestamp(x @ end() offset -280s)", "{} 590" },
		{ "absent of something", "absent(x)", "" },
		{ "absent carries what is known", "absent(y{a=\"b\",c!=\"d\",e=~\"f\"})", "{a=\"b\"} 1" },
		{ "not what is said twice", "absent(y{a=\"b\",a=\"c\"})", "{} 1" },
		{ "nor of what a later matcher says more", "absent(y{a=\"b\",a=~\"c\"})", "{} 1" },
		{ "a first equality behind another matcher is known", "absent({a=~\"b\",a=\"c\"})", "{a=\"c\"} 1" },
		{ "parentheses change nothing", "absent((y{a=\"b\"}))", "{a=\"b\"} 1" },
		{ "of an expression nothing is known", "absent(sum(y{a=\"b\"}))", "{} 1" },
		{ "hour", "hour(vector(1700000000))", "{} 22" },
		{ "minute", "minute(vector(1700000000))", "{} 13" },
		{ "day_of_week", "day_of_week(vector(1700000000))", "{} 2" },
		{ "day_of_month", "day_of_month(vector(1700000000))", "{} 14" },
		{ "day_of_year", "day_of_year(vector(1700000000))", "{} 318" },
		{ "days_in_month", "days_in_month(vector(1709164800))", "{} 29" },
		{ "month", "month(vector(-1))", "{} 12" },
		{ "year before 1970", "year(vector(-1))", "{} 1969" },
		{ "now", "year()", "{} 1970" },
		{ "a string is a value", "\"a\\tb\"", "a\tb" },
	};

	fixture_load(NOW - 10000, 1, "x -2.5");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(labels_can_be_rewritten)
{
	static const struct row rows[] = {
		{ "a capture", "label_replace(x, \"host\", \"$1\", \"addr\", \"(.*):.*\")",
		  "x{addr=\"db1:99\",host=\"db1\"} 1" },
		{ "a named capture", "label_replace(x, \"host\", \"${h}!\", \"addr\", \"(?P<h>.*):.*\")",
		  "x{addr=\"db1:99\",host=\"db1!\"} 1" },
		{ "$1x is the group 1x, which is none", "label_replace(x, \"host\", \"a$1x\", \"addr\", \"(.*):.*\")",
		  "x{addr=\"db1:99\",host=\"a\"} 1" },
		{ "two dollars are one", "label_replace(x, \"host\", \"$$1\", \"addr\", \".*\")",
		  "x{addr=\"db1:99\",host=\"$1\"} 1" },
		{ "no match changes nothing", "label_replace(x, \"host\", \"a\", \"addr\", \"db\")",
		  "x{addr=\"db1:99\"} 1" },
		{ "an empty value removes", "label_replace(x, \"addr\", \"\", \"addr\", \".*\")", "x 1" },
		{ "an absent source is empty", "label_replace(x, \"z\", \"a\", \"none\", \"\")",
		  "x{addr=\"db1:99\",z=\"a\"} 1" },
		{ "join", "label_join(x, \"j\", \"-\", \"addr\", \"none\", \"addr\")",
		  "x{addr=\"db1:99\",j=\"db1:99--db1:99\"} 1" },
	};

	fixture_load(NOW, 1, "x{addr=\"db1:99\"} 1");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(what_has_no_partner_can_be_filled_in)
{
	static const struct row rows[] = {
		{ "both sides", "a + on(k) fill(0) b", "{k=\"1\"} 11\n{k=\"2\"} 2\n{k=\"3\"} 30" },
		{ "the left", "a + on(k) fill_left(100) b", "{k=\"1\"} 11\n{k=\"3\"} 130" },
		{ "the right", "a + on(k) fill_right(100) b", "{k=\"1\"} 11\n{k=\"2\"} 102" },
		{ "each with its own", "a - on(k) fill_right(1) fill_left(-1) b", "{k=\"1\"} -9\n{k=\"2\"} 1\n{k=\"3\"} -31" },
		{ "one vector may be empty", "a + fill(5) none", "{k=\"1\",z=\"x\"} 6\n{k=\"2\",z=\"y\"} 7" },
		{ "both may not", "none + fill(5) none", "" },
		{ "nor the one with the rest", "none + fill_right(5) a", "" },
		{ "a filter", "a > on(k) fill(0) b", "{k=\"2\"} 2" },
		{ "with numbers", "a > bool on(k) fill(0) b", "{k=\"1\"} 0\n{k=\"2\"} 1\n{k=\"3\"} 0" },
		{ "many to one: the many are one for each missing group", "a + on(k) group_left(z) fill(0) b",
		  "{k=\"1\"} 11\n{k=\"2\"} 2\n{k=\"3\"} 30" },
		{ "one to many: what is brought in comes from the one", "b + on(k) group_left(z) fill(0) a",
		  "{k=\"1\",z=\"x\"} 11\n{k=\"2\",z=\"y\"} 2\n{k=\"3\"} 30" },
		{ "the other way round", "a + on(k) group_right(z) fill(0) b",
		  "{k=\"1\",z=\"x\"} 11\n{k=\"2\",z=\"y\"} 2\n{k=\"3\"} 30" },
		{ "ignoring", "a + ignoring(z) fill(0) b", "{k=\"1\"} 11\n{k=\"2\"} 2\n{k=\"3\"} 30" },
		{ "two without a partner are still two for one", "a + on(none) fill(0) none",
		  "error at 0: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)" },
		{ "grouped they may be", "a + on(none) group_left fill(0) none", "{k=\"1\",z=\"x\"} 1\n{k=\"2\",z=\"y\"} 2" },
	};

	fixture_load(NOW, 1, "a{k=\"1\",z=\"x\"} 1");
	fixture_load(NOW, 1, "a{k=\"2\",z=\"y\"} 2");
	fixture_load(NOW, 1, "b{k=\"1\"} 10");
	fixture_load(NOW, 1, "b{k=\"3\"} 30");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(type_and_unit_go_with_the_name)
{
	static const struct row rows[] = {
		{ "a function", "abs(a{__unit__=\"s\"})", "{z=\"1\"} 2" },
		{ "of ranges", "sum_over_time(a{__unit__=\"s\"}[1m])", "{z=\"1\"} 2" },
		{ "one that keeps the name", "last_over_time(a{__unit__=\"s\"}[1m])", "a{__unit__=\"s\",z=\"1\"} 2" },
		{ "a sign", "-a{__type__=\"gauge\"}", "{z=\"1\"} -1" },
		{ "a scalar", "1 + a{__type__=\"gauge\"}", "{z=\"1\"} 2" },
		{ "a filter keeps them", "a > 1", "a{__unit__=\"s\",z=\"1\"} 2" },
		{ "a comparison to 0 and 1 does not", "a{__unit__=\"s\"} > bool 1", "{z=\"1\"} 1" },
		{ "they match like any label", "a + a{__unit__=\"s\"}", "{z=\"1\"} 4" },
		{ "but are not in the result", "a{__unit__=\"s\"} + on(__unit__, z) a", "{z=\"1\"} 4" },
		{ "unless brought in", "b + on(z) group_left(__unit__) a{__unit__=\"s\"}", "{__unit__=\"s\",z=\"1\"} 5" },
		{ "into a number", "b > bool on(z) group_left(__unit__) a{__unit__=\"s\"}", "{z=\"1\"} 1" },
		{ "an aggregation leaves them", "sum without (z) (a)", "{__type__=\"gauge\"} 1\n{__unit__=\"s\"} 2" },
		{ "without them two may be one", "abs(a)", "error at 0: vector cannot contain metrics with the same labelset" },
		{ "in ranges, too", "sum_over_time(a[1m])", "error at 0: vector cannot contain metrics with the same labelset" },
	};

	fixture_load(NOW, 1, "a{__type__=\"gauge\",z=\"1\"} 1");
	fixture_load(NOW, 1, "a{__unit__=\"s\",z=\"1\"} 2");
	fixture_load(NOW, 1, "b{z=\"1\"} 3");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST

START_TEST(results_with_equal_labels_are_an_error)
{
	static const struct row rows[] = {
		{ "two names, one function", "abs({__name__=~\"a|b\"})",
		  "error at 0: vector cannot contain metrics with the same labelset" },
		{ "arithmetic", "{__name__=~\"a|b\"} + 1",
		  "error at 0: vector cannot contain metrics with the same labelset" },
		{ "minus", "1 - -{__name__=~\"a|b\"}",
		  "error at 4: vector cannot contain metrics with the same labelset" },
		{ "a range function", "rate({__name__=~\"a|b\"}[1m])",
		  "error at 0: vector cannot contain metrics with the same labelset" },
		{ "label_replace", "label_replace({__name__=~\"a|b\"}, \"__name__\", \"c\", \"\", \"\")",
		  "error at 0: vector cannot contain metrics with the same labelset" },
		{ "a filter keeps the names apart", "{__name__=~\"a|b\"} > 0", "a 2\nb 2" },
	};

	fixture_load(NOW - 30000, 15000, "a 1 1 2");
	fixture_load(NOW - 30000, 15000, "b 1 1 2");
	check_rows(rows, ARRAY_LEN(rows));
}
END_TEST
/* clang-format on */

START_TEST(a_regular_expression_that_explodes_is_an_error_not_a_no)
{
	char got[FIXTURE_TEXT_MAX];

	fixture_load(NOW, 1, "x{v=\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"} 1");
	fixture_eval("x{v=~\"(a+)+[cd]\"}", NOW, got);
	ck_assert_ptr_nonnull(strstr(got, "takes too many steps"));
	fixture_eval("x{v!~\"(a+)+[cd]\"}", NOW, got);
	ck_assert_ptr_nonnull(strstr(got, "takes too many steps"));
}
END_TEST

START_TEST(the_newest_sample_is_that_of_all_selectors)
{
	struct series_set *other = series_set_new(3, 3600000, 10);
	const struct series_set *sets[] = {fixture_set, other};
	const struct promql_data data = {.sets = sets, .nsets = ARRAY_LEN(sets)};
	struct promql_position at;
	struct promql_value v = {0};
	struct err err;
	struct arena arena;
	struct promql_expr *e =
	        promql_parse(STR("sum(rate(x[1m])) + sum(y offset 10s) or vector(0)"), &at, &err);

	fixture_load(NOW - 40000, 10000, "x 1 2 3");
	fixture_load(NOW - 50000, 10000, "y 1 2 stale");
	arena_init(&arena, 1 << 20);
	ck_assert_ptr_nonnull(e);
	ck_assert(promql_eval(e, &data, NOW, &arena, &v, &at, &err));
	ck_assert_int_eq(v.newest_sample_ms, NOW - 20000);
	ck_assert(promql_eval(e, &data, NOW + 3600000, &arena, &v, &at, &err));
	ck_assert_int_eq(v.newest_sample_ms, 0);
	promql_free(&e);
	arena_fini(&arena);
	series_set_free(&other);
}
END_TEST

START_TEST(a_result_outlives_the_series_it_came_from)
{
	const struct series_set *sets[] = {fixture_set};
	const struct promql_data data = {.sets = sets, .nsets = 1};
	char got[FIXTURE_TEXT_MAX];
	struct promql_position at;
	struct promql_value instant = {0};
	struct promql_value range = {0};
	struct err err;
	struct arena arena;
	struct promql_expr *e = promql_parse(STR("x"), &at, &err);
	struct promql_expr *r = promql_parse(STR("x[1m]"), &at, &err);

	fixture_load(NOW, 1, "x{a=\"b\"} 1");
	arena_init(&arena, 1 << 20);
	ck_assert(promql_eval(e, &data, NOW, &arena, &instant, &at, &err));
	ck_assert(promql_eval(r, &data, NOW, &arena, &range, &at, &err));
	series_set_free(&fixture_set);
	promql_free(&e);
	promql_free(&r);
	fixture_print(&instant, got);
	ck_assert_str_eq(got, "x{a=\"b\"} 1");
	fixture_print(&range, got);
	ck_assert_str_eq(got, "x{a=\"b\"} 1@600000");
	arena_fini(&arena);
}
END_TEST

START_TEST(an_arena_too_small_is_an_error_with_the_output_untouched)
{
	const struct series_set *sets[] = {fixture_set};
	const struct promql_data data = {.sets = sets, .nsets = 1};
	struct promql_position at;
	struct promql_value v = {.type = PROMQL_STRING, .scalar = 42};
	struct err err;
	struct promql_expr *e = promql_parse(
	        STR("sum by (code) (rate(requests[5m])) / on() group_left sum(requests) or "
	            "histogram_quantile(0.9, requests) or topk(2, quantile(0.5, abs(requests)))"),
	        &at, &err);
	bool ok = false;

	load_requests();
	ck_assert_ptr_nonnull(e);
	for (size_t max = 0; max < 100000 && !ok; max += 64) {
		struct arena arena;

		err = (struct err){0};
		arena_init(&arena, max);
		ok = promql_eval(e, &data, NOW, &arena, &v, &at, &err);
		arena_fini(&arena);
		if (!ok) {
			ck_assert_int_eq(err.code, ERR_LIMIT);
			ck_assert_int_eq(v.type, PROMQL_STRING);
		}
	}
	ck_assert(ok);
	promql_free(&e);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("eval");

	tcase_add_test(tc, selectors_pick_series_by_their_labels);
	tcase_add_test(tc, look_back_is_five_minutes_left_open_and_ends_at_a_stale_marker);
	tcase_add_test(tc, a_stale_marker_is_no_sample_of_any_range);
	tcase_add_test(tc, operators_bind_as_in_prometheus);
	tcase_add_test(tc, names_are_dropped_where_the_meaning_changes);
	tcase_add_test(tc, vectors_match_by_their_labels);
	tcase_add_test(tc, set_operators_look_at_labels_only);
	tcase_add_test(tc, aggregations_group_by_and_without);
	tcase_add_test(tc, min_and_max_take_nan_only_when_there_is_nothing_else);
	tcase_add_test(tc, sums_do_not_lose_small_terms);
	tcase_add_test(tc, functions_over_time_look_at_the_range);
	tcase_add_test(tc, functions_of_elements);
	tcase_add_test(tc, labels_can_be_rewritten);
	tcase_add_test(tc, what_has_no_partner_can_be_filled_in);
	tcase_add_test(tc, type_and_unit_go_with_the_name);
	tcase_add_test(tc, results_with_equal_labels_are_an_error);
	tcase_add_test(tc, a_regular_expression_that_explodes_is_an_error_not_a_no);
	tcase_add_test(tc, the_newest_sample_is_that_of_all_selectors);
	tcase_add_test(tc, a_result_outlives_the_series_it_came_from);
	tcase_add_test(tc, an_arena_too_small_is_an_error_with_the_output_untouched);
	return fixture_run("promql eval", tc);
}
