/*
 * Every function, aggregation and operator at least once. What Prometheus 2.42 has, too, was
 * compared with it; the time lies beside the samples, so that open and closed ranges are the same.
 */
#include "fixture.h"

#include "promql/aggregate.h"
#include "promql/binary.h"
#include "promql/function.h"
#include "promql/label_hash.h"

#define NOW 607000

struct row {
	const char *name, *why, *expr, *wanted;
};

static void load_all(void)
{
	fixture_load(0, 60000, "c{l=\"a\"} 0 5 10 15 20 25 30 35 40 45 50");
	fixture_load(0, 60000, "c{l=\"b\"} 0 3 6 2 5 8 1 4 7 10 13");
	fixture_load(0, 60000, "g{l=\"a\"} 1.5 2 -3 4.25 0 7 7 7 -1.5 0.75 2.5");
	fixture_load(0, 60000, "g{l=\"b\",m=\"x10\"} 4 4 4 4 4 4 4 4 4 4 4");
	fixture_load(0, 60000, "g{l=\"b\",m=\"x9\"} 9 8 7 6 5 4 3 2 1 0 -1");
	fixture_load(0, 60000, "h_bucket{l=\"a\",le=\"0.1\"} 0 1 2 3 4 5 6 7 8 9 10");
	fixture_load(0, 60000, "h_bucket{l=\"a\",le=\"1\"} 0 3 6 9 12 15 18 21 24 27 30");
	fixture_load(0, 60000, "h_bucket{l=\"a\",le=\"+Inf\"} 0 4 8 12 16 20 24 28 32 36 40");
	fixture_load(0, 60000, "s{l=\"nan\"} NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN NaN");
	fixture_load(0, 60000, "s{l=\"one\"} 1 1 1 1 1 1 1 1 1 1 1");
	fixture_load(0, 60000,
	             "s{l=\"inf\"} +Inf +Inf +Inf +Inf +Inf +Inf +Inf +Inf +Inf +Inf +Inf");
	fixture_load(0, 60000,
	             "t 1700000000 1700000000 1700000000 1700000000 1700000000 1700000000 "
	             "1700000000 1700000000 1700000000 1700000000 1700000000");
	fixture_load(0, 60000, "u 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5 0.5");
}

/* clang-format off */
static const struct row rows[] = {
	{ "abs", "the size of a value",
	  "abs(g)",
	  "{l=\"a\"} 2.5\n"
	  "{l=\"b\",m=\"x10\"} 4\n"
	  "{l=\"b\",m=\"x9\"} 1" },
	{ "absent", "1 with the labels the selector asks for",
	  "absent(nothing{a=\"b\",c=~\"d\"})",
	  "{a=\"b\"} 1" },
	{ "absent_over_time", "the same of a range",
	  "absent_over_time(nothing{a=\"b\"}[5m])",
	  "{a=\"b\"} 1" },
	{ "acos", "arc cosine",
	  "acos(u)",
	  "{} 1.0471975512" },
	{ "acosh", "of what is below 1 it is NaN",
	  "acosh(u + 1) or acosh(0 * c)",
	  "{l=\"a\"} NaN\n"
	  "{l=\"b\"} NaN\n"
	  "{} 0.962423650119" },
	{ "asin", "arc sine",
	  "asin(u)",
	  "{} 0.523598775598" },
	{ "asinh", "inverse hyperbolic sine",
	  "asinh(u)",
	  "{} 0.48121182506" },
	{ "atan", "arc tangent",
	  "atan(u)",
	  "{} 0.463647609001" },
	{ "atanh", "inverse hyperbolic tangent",
	  "atanh(u)",
	  "{} 0.549306144334" },
	{ "avg_over_time", "the mean",
	  "avg_over_time(g[5m])",
	  "{l=\"a\"} 3.15\n"
	  "{l=\"b\",m=\"x10\"} 4\n"
	  "{l=\"b\",m=\"x9\"} 1" },
	{ "ceil", "upwards",
	  "ceil(g{l=\"a\"} / 2)",
	  "{l=\"a\"} 2" },
	{ "changes", "how often the value is another",
	  "changes(g[10m])",
	  "{l=\"a\"} 7\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} 9" },
	{ "clamp", "between two bounds",
	  "clamp(g, 0, 3)",
	  "{l=\"a\"} 2.5\n"
	  "{l=\"b\",m=\"x10\"} 3\n"
	  "{l=\"b\",m=\"x9\"} 0" },
	{ "clamp_max", "below a bound",
	  "clamp_max(g, 2)",
	  "{l=\"a\"} 2\n"
	  "{l=\"b\",m=\"x10\"} 2\n"
	  "{l=\"b\",m=\"x9\"} -1" },
	{ "clamp_min", "above a bound",
	  "clamp_min(g, 2)",
	  "{l=\"a\"} 2.5\n"
	  "{l=\"b\",m=\"x10\"} 4\n"
	  "{l=\"b\",m=\"x9\"} 2" },
	{ "cos", "cosine",
	  "cos(u)",
	  "{} 0.87758256189" },
	{ "cosh", "hyperbolic cosine",
	  "cosh(u)",
	  "{} 1.12762596521" },
	{ "count_over_time", "how many samples",
	  "count_over_time(g[5m])",
	  "{l=\"a\"} 5\n"
	  "{l=\"b\",m=\"x10\"} 5\n"
	  "{l=\"b\",m=\"x9\"} 5" },
	{ "day_of_month", "of a time in UTC",
	  "day_of_month(t)",
	  "{} 14" },
	{ "day_of_week", "from Sunday, 0",
	  "day_of_week(t)",
	  "{} 2" },
	{ "day_of_year", "from 1",
	  "day_of_year(t)",
	  "{} 318" },
	{ "days_in_month", "28 to 31",
	  "days_in_month(vector(1708500000))",
	  "{} 29" },
	{ "deg", "radians to degrees",
	  "deg(u)",
	  "{} 28.6478897565" },
	{ "delta", "what a gauge changed by, extrapolated",
	  "delta(g[5m])",
	  "{l=\"a\"} -5.625\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} -5" },
	{ "deriv", "the slope of the fitted line",
	  "deriv(g[5m])",
	  "{l=\"a\"} -0.0254166666667\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} -0.0166666666667" },
	{ "exp", "e to the power",
	  "exp(u)",
	  "{} 1.6487212707" },
	{ "floor", "downwards",
	  "floor(g{l=\"a\"} / 2)",
	  "{l=\"a\"} 1" },
	{ "histogram_quantile", "interpolated in its bucket",
	  "histogram_quantile(0.5, h_bucket)",
	  "{l=\"a\"} 0.55" },
	{ "hour", "of a time in UTC",
	  "hour(t)",
	  "{} 22" },
	{ "idelta", "between the last two",
	  "idelta(g[5m])",
	  "{l=\"a\"} 1.75\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} -1" },
	{ "increase", "what a counter rose by, resets put right",
	  "increase(c[5m])",
	  "{l=\"a\"} 25\n"
	  "{l=\"b\"} 13.35" },
	{ "irate", "from the last two",
	  "irate(c[5m])",
	  "{l=\"a\"} 0.0833333333333\n"
	  "{l=\"b\"} 0.05" },
	{ "label_join", "labels in a row",
	  "label_join(g{m=\"x9\"}, \"z\", \"-\", \"l\", \"m\", \"l\")",
	  "g{l=\"b\",m=\"x9\",z=\"b-x9-b\"} -1" },
	{ "label_replace", "by what a pattern caught",
	  "label_replace(g, \"z\", \"$2/$1\", \"m\", \"(x)(.*)\")",
	  "g{l=\"a\"} 2.5\n"
	  "g{l=\"b\",m=\"x10\",z=\"10/x\"} 4\n"
	  "g{l=\"b\",m=\"x9\",z=\"9/x\"} -1" },
	{ "last_over_time", "keeps the name",
	  "last_over_time(g[5m])",
	  "g{l=\"a\"} 2.5\n"
	  "g{l=\"b\",m=\"x10\"} 4\n"
	  "g{l=\"b\",m=\"x9\"} -1" },
	{ "ln", "natural logarithm",
	  "ln(u)",
	  "{} -0.69314718056" },
	{ "log10", "of a negative number it is NaN",
	  "log10(g)",
	  "{l=\"a\"} 0.397940008672\n"
	  "{l=\"b\",m=\"x10\"} 0.602059991328\n"
	  "{l=\"b\",m=\"x9\"} NaN" },
	{ "log2", "binary logarithm",
	  "log2(u)",
	  "{} -1" },
	{ "max_over_time", "the largest",
	  "max_over_time(g[5m])",
	  "{l=\"a\"} 7\n"
	  "{l=\"b\",m=\"x10\"} 4\n"
	  "{l=\"b\",m=\"x9\"} 3" },
	{ "min_over_time", "the smallest",
	  "min_over_time(g[5m])",
	  "{l=\"a\"} -1.5\n"
	  "{l=\"b\",m=\"x10\"} 4\n"
	  "{l=\"b\",m=\"x9\"} -1" },
	{ "minute", "of a time in UTC",
	  "minute(t)",
	  "{} 13" },
	{ "month", "from 1",
	  "month(t)",
	  "{} 11" },
	{ "pi", "a constant",
	  "pi()",
	  "3.14159265359" },
	{ "predict_linear", "where the fitted line will be",
	  "predict_linear(g[5m], 60)",
	  "{l=\"a\"} -1.60291666667\n"
	  "{l=\"b\",m=\"x10\"} 4\n"
	  "{l=\"b\",m=\"x9\"} -2.11666666667" },
	{ "present_over_time", "1 for what is there",
	  "present_over_time(g[5m])",
	  "{l=\"a\"} 1\n"
	  "{l=\"b\",m=\"x10\"} 1\n"
	  "{l=\"b\",m=\"x9\"} 1" },
	{ "quantile_over_time", "between the nearest two",
	  "quantile_over_time(0.4, g[5m])",
	  "{l=\"a\"} 1.8\n"
	  "{l=\"b\",m=\"x10\"} 4\n"
	  "{l=\"b\",m=\"x9\"} 0.6" },
	{ "rad", "degrees to radians",
	  "rad(u)",
	  "{} 0.00872664625997" },
	{ "rate", "per second",
	  "rate(c[5m])",
	  "{l=\"a\"} 0.0833333333333\n"
	  "{l=\"b\"} 0.0445" },
	{ "resets", "how often it fell",
	  "resets(c[10m])",
	  "{l=\"a\"} 0\n"
	  "{l=\"b\"} 2" },
	{ "round", "to a multiple, halves up",
	  "round(g{l=\"a\"}, 1) or round(c, 20)",
	  "{l=\"a\"} 3\n"
	  "{l=\"b\"} 20" },
	{ "scalar", "the value of a vector of one",
	  "scalar(u)",
	  "0.5" },
	{ "sgn", "the sign",
	  "sgn(g)",
	  "{l=\"a\"} 1\n"
	  "{l=\"b\",m=\"x10\"} 1\n"
	  "{l=\"b\",m=\"x9\"} -1" },
	{ "sin", "sine",
	  "sin(u)",
	  "{} 0.479425538604" },
	{ "sinh", "hyperbolic sine",
	  "sinh(u)",
	  "{} 0.521095305494" },
	{ "sqrt", "square root",
	  "sqrt(g)",
	  "{l=\"a\"} 1.58113883008\n"
	  "{l=\"b\",m=\"x10\"} 2\n"
	  "{l=\"b\",m=\"x9\"} NaN" },
	{ "stddev_over_time", "standard deviation",
	  "stddev_over_time(g[5m])",
	  "{l=\"a\"} 3.38969025134\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} 1.41421356237" },
	{ "stdvar_over_time", "variance",
	  "stdvar_over_time(g[5m])",
	  "{l=\"a\"} 11.49\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} 2" },
	{ "sum_over_time", "the sum",
	  "sum_over_time(g[5m])",
	  "{l=\"a\"} 15.75\n"
	  "{l=\"b\",m=\"x10\"} 20\n"
	  "{l=\"b\",m=\"x9\"} 5" },
	{ "tan", "tangent",
	  "tan(u)",
	  "{} 0.546302489844" },
	{ "tanh", "hyperbolic tangent",
	  "tanh(u)",
	  "{} 0.46211715726" },
	{ "time", "of the evaluation",
	  "time()",
	  "607" },
	{ "timestamp", "of the sample",
	  "timestamp(g offset 1m)",
	  "{l=\"a\"} 540\n"
	  "{l=\"b\",m=\"x10\"} 540\n"
	  "{l=\"b\",m=\"x9\"} 540" },
	{ "vector", "a vector of one",
	  "vector(3)",
	  "{} 3" },
	{ "year", "of a time in UTC",
	  "year(t)",
	  "{} 2023" },
	{ "avg", "the mean of a group",
	  "avg by (l) (g)",
	  "{l=\"a\"} 2.5\n"
	  "{l=\"b\"} 1.5" },
	{ "bottomk", "the least",
	  "bottomk by (l) (1, g)",
	  "g{l=\"a\"} 2.5\n"
	  "g{l=\"b\",m=\"x9\"} -1" },
	{ "count", "how many",
	  "count without (m) (g)",
	  "{l=\"a\"} 1\n"
	  "{l=\"b\"} 2" },
	{ "count_values", "by value",
	  "count_values(\"v\", c % 7)",
	  "{v=\"1\"} 1\n"
	  "{v=\"6\"} 1" },
	{ "group", "1 for each",
	  "group by (l) (g)",
	  "{l=\"a\"} 1\n"
	  "{l=\"b\"} 1" },
	{ "max", "the largest",
	  "max(g)",
	  "{} 4" },
	{ "min", "the smallest",
	  "min(g)",
	  "{} -1" },
	{ "quantile", "between the nearest two",
	  "quantile(0.3, g)",
	  "{} 1.1" },
	{ "stddev", "standard deviation",
	  "stddev(g)",
	  "{} 2.094967515" },
	{ "stdvar", "variance",
	  "stdvar by (l) (g)",
	  "{l=\"a\"} 0\n"
	  "{l=\"b\"} 6.25" },
	{ "sum", "the sum",
	  "sum by (l) (g)",
	  "{l=\"a\"} 2.5\n"
	  "{l=\"b\"} 3" },
	{ "topk", "the largest",
	  "topk(2, g)",
	  "g{l=\"a\"} 2.5\n"
	  "g{l=\"b\",m=\"x10\"} 4" },
	{ "or", "all of the left, then what it lacks",
	  "g{m=\"x9\"} or c",
	  "c{l=\"a\"} 50\n"
	  "c{l=\"b\"} 13\n"
	  "g{l=\"b\",m=\"x9\"} -1" },
	{ "and", "what has a partner",
	  "g and on (l) c",
	  "g{l=\"a\"} 2.5\n"
	  "g{l=\"b\",m=\"x10\"} 4\n"
	  "g{l=\"b\",m=\"x9\"} -1" },
	{ "unless", "what has none",
	  "g unless on (l, m) g{m=\"x10\"}",
	  "g{l=\"a\"} 2.5\n"
	  "g{l=\"b\",m=\"x9\"} -1" },
	{ "==", "filters",
	  "g == 4",
	  "g{l=\"b\",m=\"x10\"} 4" },
	{ "!=", "filters",
	  "g != bool 4",
	  "{l=\"a\"} 1\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} 1" },
	{ "<", "filters",
	  "g < 0",
	  "g{l=\"b\",m=\"x9\"} -1" },
	{ "<=", "filters",
	  "0 <= bool g",
	  "{l=\"a\"} 1\n"
	  "{l=\"b\",m=\"x10\"} 1\n"
	  "{l=\"b\",m=\"x9\"} 0" },
	{ ">", "of the left one the value stays",
	  "c > on (l) group_left g{l=\"a\"}",
	  "c{l=\"a\"} 50" },
	{ ">=", "filters",
	  "c >= 13",
	  "c{l=\"a\"} 50\n"
	  "c{l=\"b\"} 13" },
	{ "+", "by labels",
	  "c + on (l) c",
	  "{l=\"a\"} 100\n"
	  "{l=\"b\"} 26" },
	{ "-", "keeps the order",
	  "60 - c",
	  "{l=\"a\"} 10\n"
	  "{l=\"b\"} 47" },
	{ "*", "many to one",
	  "g * on (l) group_left c",
	  "{l=\"a\"} 125\n"
	  "{l=\"b\",m=\"x10\"} 52\n"
	  "{l=\"b\",m=\"x9\"} -13" },
	{ "/", "by zero is infinite",
	  "c / (c - 13)",
	  "{l=\"a\"} 1.35135135135\n"
	  "{l=\"b\"} +Inf" },
	{ "%", "the sign of the dividend",
	  "-c % 7",
	  "{l=\"a\"} -1\n"
	  "{l=\"b\"} -6" },
	{ "atan2", "the angle",
	  "c atan2 on (l) c",
	  "{l=\"a\"} 0.785398163397\n"
	  "{l=\"b\"} 0.785398163397" },
	{ "^", "binds to the right",
	  "c ^ 0.5 ^ 2",
	  "{l=\"a\"} 2.65914794847\n"
	  "{l=\"b\"} 1.89882892212" },
	{ "double_exponential_smoothing", "level and trend, both smoothed",
	  "double_exponential_smoothing(g[5m], 0.3, 0.6)",
	  "{l=\"a\"} 0.99388\n{l=\"b\",m=\"x10\"} 4\n{l=\"b\",m=\"x9\"} -1" },
	{ "first_over_time", "keeps the name",
	  "first_over_time(g[5m])",
	  "g{l=\"a\"} 7\n"
	  "g{l=\"b\",m=\"x10\"} 4\n"
	  "g{l=\"b\",m=\"x9\"} 3" },
	{ "histogram_fraction", "what lies between, interpolated",
	  "histogram_fraction(0.1, 0.55, h_bucket)",
	  "{l=\"a\"} 0.25" },
	{ "histogram_quantiles", "several at once, by a label",
	  "histogram_quantiles(h_bucket, \"q\", 0.5, 1)",
	  "{l=\"a\",q=\"0.5\"} 0.55\n"
	  "{l=\"a\",q=\"1.0\"} 1" },
	{ "mad_over_time", "the median distance from the median",
	  "mad_over_time(g[5m])",
	  "{l=\"a\"} 4\n"
	  "{l=\"b\",m=\"x10\"} 0\n"
	  "{l=\"b\",m=\"x9\"} 1" },
	{ "sort", "rising; the order has a test of its own",
	  "sort(g{l=\"a\"})", "g{l=\"a\"} 2.5" },
	{ "sort_desc", "falling", "sort_desc(g{l=\"a\"})", "g{l=\"a\"} 2.5" },
	{ "sort_by_label", "by label", "sort_by_label(g{l=\"a\"}, \"l\")", "g{l=\"a\"} 2.5" },
	{ "sort_by_label_desc", "backwards", "sort_by_label_desc(g{l=\"a\"})", "g{l=\"a\"} 2.5" },
	{ "ts_of_first_over_time", "when", "ts_of_first_over_time(g[5m])",
	  "{l=\"a\"} 360\n{l=\"b\",m=\"x10\"} 360\n{l=\"b\",m=\"x9\"} 360" },
	{ "ts_of_last_over_time", "when", "ts_of_last_over_time(g[5m])",
	  "{l=\"a\"} 600\n{l=\"b\",m=\"x10\"} 600\n{l=\"b\",m=\"x9\"} 600" },
	{ "ts_of_max_over_time", "when, of equals the newest", "ts_of_max_over_time(g[5m])",
	  "{l=\"a\"} 420\n{l=\"b\",m=\"x10\"} 600\n{l=\"b\",m=\"x9\"} 360" },
	{ "ts_of_min_over_time", "when, of equals the newest", "ts_of_min_over_time(g[5m])",
	  "{l=\"a\"} 480\n{l=\"b\",m=\"x10\"} 600\n{l=\"b\",m=\"x9\"} 600" },
	{ "info", "without info series a vector stays as it is", "info(g)",
	  "g{l=\"a\"} 2.5\ng{l=\"b\",m=\"x10\"} 4\ng{l=\"b\",m=\"x9\"} -1" },
	{ "limitk", "the first ones", "limitk by (l) (1, g)",
	  "g{l=\"a\"} 2.5\ng{l=\"b\",m=\"x10\"} 4" },
	{ "limit_ratio", "with its complement, all", "limit_ratio(0.4, g) or limit_ratio(-0.6, g)",
	  "g{l=\"a\"} 2.5\ng{l=\"b\",m=\"x10\"} 4\ng{l=\"b\",m=\"x9\"} -1" },
};
/* clang-format on */

START_TEST(each_has_the_value_prometheus_gives)
{
	load_all();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		fixture_check(rows[i].why, rows[i].expr, NOW, rows[i].wanted);
}
END_TEST

static bool has_row(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i].name, name) == 0 && strstr(rows[i].expr, name))
			return true;
	}
	return false;
}

START_TEST(info_brings_the_labels_of_info_metrics)
{
	/* clang-format off */
	static const struct { const char *why, *expr, *wanted; } cases[] = {
		{ "of target_info, for the same instance and job", "info(m)",
		  "m{data=\"d\",instance=\"a\",job=\"1\",other=\"o\"} 1\nm{instance=\"b\",job=\"1\"} 2\nm{z=\"1\"} 3" },
		{ "those named, and only where they match", "info(m, {data=~\".+\"})", "m{data=\"d\",instance=\"a\",job=\"1\"} 1" },
		{ "or may be missing", "info(m, {data=~\".*\"})",
		  "m{data=\"d\",instance=\"a\",job=\"1\"} 1\nm{instance=\"b\",job=\"1\"} 2\nm{z=\"1\"} 3" },
		{ "of another info metric", "info(m{job=\"1\"}, {__name__=\"build_info\"})",
		  "m{build=\"x\",instance=\"a\",job=\"1\"} 1\nm{instance=\"b\",job=\"1\"} 2" },
		{ "of several", "info(m{instance=\"a\"}, {__name__=~\"(target|build)_info\"})",
		  "m{build=\"x\",data=\"d\",instance=\"a\",job=\"1\",other=\"o\"} 1" },
		{ "the newest of one signature", "info(m{instance=\"a\"}, {__name__=\"old_info\"})",
		  "m{instance=\"a\",job=\"1\",v=\"2\"} 1" },
		{ "two at once are an error", "info(m, {__name__=\"dup_info\"})",
		  "error at 0: found duplicate series for info metric: dup_info{instance=\"a\",job=\"1\",v=\"2\"}" },
		{ "so are two that disagree", "info(m, {__name__=~\"(old|own)_info\"})", "error at 0: conflicting label: \"v\"" },
		{ "its own label stays", "info(label_replace(m{instance=\"a\"}, \"data\", \"mine\", \"\", \"\"))",
		  "m{data=\"mine\",instance=\"a\",job=\"1\",other=\"o\"} 1" },
		{ "info series are left alone", "info(target_info{job=\"2\"})", "target_info{data=\"never\",instance=\"b\",job=\"2\"} 1" },
		{ "without instance and job there is nothing to join", "info(sum(m))", "{} 6" },
	};
	/* clang-format on */

	fixture_load(NOW, 1, "m{instance=\"a\",job=\"1\"} 1");
	fixture_load(NOW, 1, "m{instance=\"b\",job=\"1\"} 2");
	fixture_load(NOW, 1, "m{z=\"1\"} 3");
	fixture_load(NOW, 1, "target_info{instance=\"a\",job=\"1\",data=\"d\",other=\"o\"} 1");
	fixture_load(NOW, 1, "target_info{instance=\"b\",job=\"2\",data=\"never\"} 1");
	fixture_load(NOW, 1, "build_info{instance=\"a\",job=\"1\",build=\"x\"} 1");
	fixture_load(NOW - 1000, 1, "old_info{instance=\"a\",job=\"1\",v=\"1\"} 1");
	fixture_load(NOW, 1, "old_info{instance=\"a\",job=\"1\",v=\"2\"} 1");
	fixture_load(NOW, 1, "own_info{instance=\"a\",job=\"1\",v=\"3\"} 1");
	fixture_load(NOW, 1, "dup_info{instance=\"a\",job=\"1\",v=\"1\"} 1");
	fixture_load(NOW, 1, "dup_info{instance=\"a\",job=\"1\",v=\"2\"} 1");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		fixture_check(cases[i].why, cases[i].expr, NOW, cases[i].wanted);
}
END_TEST

/* A new row of a table needs a row above. */
START_TEST(none_is_forgotten)
{
	const struct function *f;
	const struct aggregation *a;
	const struct operator* op;

	for (size_t i = 0; (f = function_at(i)); i++)
		ck_assert_msg(f->refusal || has_row(f->name), "%s() has no case", f->name);
	for (size_t i = 0; (a = aggregation_at(i)); i++)
		ck_assert_msg(has_row(a->name), "%s has no case", a->name);
	for (size_t i = 0; (op = operator_at(i)); i++)
		ck_assert_msg(has_row(op->name), "%s has no case", op->name);
}
END_TEST

/* The result in its own order, "a b c" by a label. */
static void check_order(const char *expr, const char *label, const char *wanted)
{
	const struct series_set *sets[] = {fixture_set};
	const struct promql_data data = {.sets = sets, .nsets = 1};
	struct promql_position at;
	struct promql_value v = {0};
	struct err err = {0};
	struct arena arena;
	char got[256] = "";
	struct promql_expr *e = promql_parse(str_of(expr), &at, &err);

	ck_assert_msg(e, "%s: %s", expr, err.text);
	arena_init(&arena, 1 << 20);
	ck_assert_msg(promql_eval(e, &data, NOW, &arena, &v, &at, &err), "%s: %s", expr, err.text);
	for (size_t i = 0; i < v.nvector; i++) {
		struct str value = labels_get(&v.vector[i].labels, str_of(label));

		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s", i ? " " : "",
		         (int)value.n, value.p);
	}
	ck_assert_msg(strcmp(got, wanted) == 0, "%s: %s", expr, got);
	promql_free(&e);
	arena_fini(&arena);
}

START_TEST(order_is_rising_falling_natural_or_the_one_there_was)
{
	static const char *const loads[] = {"x{i=\"1\",n=\"a10\"} 3",   "x{i=\"2\",n=\"a9\"} NaN",
	                                    "x{i=\"3\",n=\"a9b\"} 1",   "x{i=\"4\",n=\"b\"} 3",
	                                    "x{i=\"5\"} -Inf",          "x{i=\"6\",n=\"a010\"} 2",
	                                    "x{i=\"7\",n=\"a9\"} +Inf", "x{i=\"8\",n=\"a\"} 3"};

	for (size_t i = 0; i < ARRAY_LEN(loads); i++)
		fixture_load(600000, 60000, loads[i]);
	check_order("sort(x)", "i", "5 3 6 1 4 8 7 2");
	check_order("sort_desc(x)", "i", "7 1 4 8 6 3 5 2");
	check_order("sort_by_label(x, \"n\")", "i", "5 8 2 7 3 1 6 4");
	check_order("sort_by_label_desc(x, \"n\")", "i", "4 6 1 3 7 2 8 5");
	check_order("sort_by_label(x, \"none\", \"i\")", "i", "1 2 3 4 5 6 7 8");
	check_order("sort_by_label_desc(x)", "i", "8 7 6 5 4 3 2 1");
	check_order("topk(4, x)", "i", "7 8 1 4");
	check_order("bottomk(3, x)", "i", "5 3 6");
	check_order("topk(100, x)", "i", "7 4 1 8 6 3 5 2");
	check_order("limitk(3, x)", "i", "1 2 3");
	check_order("limitk(0, x)", "i", "");
}
END_TEST

/* The vectors of the specification's reference implementation. */
START_TEST(xxh64_is_the_one_of_its_specification)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} known[] = {
	        {"", 0xef46db3751d8e999U},
	        {"a", 0xd24ec4f1a98c6e5bU},
	        {"abc", 0x44bc2cf5ad770999U},
	        {"The quick brown fox jumps over the lazy dog", 0x0b242d361fda71bcU},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		ck_assert_msg(xxh64((const unsigned char *)known[i].text, strlen(known[i].text)) ==
		                      known[i].hash,
		              "%s", known[i].text);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("functions");

	tcase_add_test(tc, each_has_the_value_prometheus_gives);
	tcase_add_test(tc, info_brings_the_labels_of_info_metrics);
	tcase_add_test(tc, none_is_forgotten);
	tcase_add_test(tc, order_is_rising_falling_natural_or_the_one_there_was);
	tcase_add_test(tc, xxh64_is_the_one_of_its_specification);
	return fixture_run("promql functions", tc);
}
