/* prometheus_query: what a Prometheus is asked, and what its answers say. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "source/prometheus_query.h"
#include "source/prometheus_sight.h"
#include "source/url_text.h"

static struct promql_expr *parse(const char *text)
{
	struct promql_position at;
	struct err err;
	struct promql_expr *e = promql_parse(str_of(text), &at, &err);

	ck_assert_msg(e != NULL, "%s: %s", text, err.text);
	return e;
}

#define NOW "label_replace(vector(time()), \"headgate_part\", \"now\", \"\", \"\")"
#define PART(text, i) " or label_replace(" text ", \"headgate_part\", \"" i "\", \"\", \"\")"

/* clang-format off */
static const struct { const char *why, *expr, *wanted; } ages_rows[] = {
	{ "a selector as it was written", "sum(rate(a_total{code=~\"5..\"}[1m]))",
	  NOW PART("max(timestamp(a_total{code=~\"5..\"}))", "0") },
	{ "each of them once", "rate(a[1m]) / rate(a [5m]) + rate(b[1m])",
	  NOW PART("max(timestamp(a))", "0") PART("max(timestamp(b))", "2") },
	{ "an offset stays", "a - a offset 1d",
	  NOW PART("max(timestamp(a))", "0") PART("max(timestamp(a offset 1d))", "1") },
	{ "a comment behind it is left out", "sum(rate( a{b='c'} # all\n [1m] ))",
	  NOW PART("max(timestamp(a{b='c'}))", "0") },
	{ "what info() reads has its name", "info(a, {k=\"v\"})",
	  NOW PART("max(timestamp(a))", "0") PART("max(timestamp(target_info{k=\"v\"}))", "1") },
	{ "or nothing but its name", "info(a)",
	  NOW PART("max(timestamp(a))", "0") PART("max(timestamp(target_info))", "1") },
	{ "braces and a name in quotes", "sum({\"my.metric\", x='y'})",
	  NOW PART("max(timestamp({\"my.metric\", x='y'}))", "0") },
};
/* clang-format on */

START_TEST(the_age_of_each_selector_is_asked_in_one_question)
{
	for (size_t i = 0; i < ARRAY_LEN(ages_rows); i++) {
		struct promql_expr *e;
		struct buf out;

		e = parse(ages_rows[i].expr);
		buf_init(&out, PROMETHEUS_QUERY_MAX);
		prometheus_ages_query(e, &out);
		ck_assert_msg(strcmp(out.bytes, ages_rows[i].wanted) == 0, "%s: %s",
		              ages_rows[i].why, out.bytes);
		buf_fini(&out);
		promql_free(&e);
	}
}
END_TEST

static const json_t *data_of(const char *body, long status, json_t **out, struct kpi_remote *r)
{
	*r = (struct kpi_remote){.result = GATE_NO_DATA, .value = (double)NAN};
	return prometheus_data(status, str_of(body), out, r);
}

/* clang-format off */
static const struct {
	const char *why;
	long status;
	const char *body;
	enum gate_result result;
	double value;
	const char *sentence;
} values[] = {
	{ "one element", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"value\":[1.5,\"0.25\"]}]}}", GATE_PASS, 0.25, "" },
	{ "a scalar", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"7\"]}}", GATE_PASS, 7, "" },
	{ "infinite is a value here", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"+Inf\"]}}", GATE_PASS, INFINITY, "" },
	{ "nothing", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}", GATE_NO_DATA, NAN, "nothing came back" },
	{ "two", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"value\":[1,\"1\"]},{\"metric\":{\"a\":\"b\"},\"value\":[1,\"1\"]}]}}", GATE_ERROR, NAN, "2 series: wrap in sum() or max()" },
	{ "a matrix", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[]}}", GATE_ERROR, NAN, "a matrix: a KPI is one number" },
	{ "a text", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"a\"]}}", GATE_ERROR, NAN, "a string: a KPI is one number" },
	{ "a native histogram", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"histogram\":[1,{}]}]}}", GATE_ERROR, NAN, "a histogram: a KPI is one number" },
	{ "a value that is none", 200, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{},\"value\":[1,2]}]}}", GATE_ERROR, NAN, "the answer has no value" },
	{ "a warning is no evidence", 200, "{\"status\":\"success\",\"warnings\":[\"store b is away\"],\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"7\"]}}", GATE_NO_DATA, NAN, "it warns: store b is away" },
	{ "a warning hidden by a second list", 200, "{\"status\":\"success\",\"warnings\":[\"store b is away\"],\"warnings\":[],\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"7\"]}}", GATE_ERROR, NAN, "the answer is not JSON (line 1, column 61)" },
	{ "a warning that is no list", 200, "{\"status\":\"success\",\"warnings\":\"store b is away\",\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"7\"]}}", GATE_NO_DATA, NAN, "it warns: of something" },
	{ "a partial answer without warnings", 200, "{\"status\":\"success\",\"isPartial\":true,\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"7\"]}}", GATE_NO_DATA, NAN, "the answer is partial" },
	{ "a whole answer that says so", 200, "{\"status\":\"success\",\"isPartial\":false,\"warnings\":null,\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"7\"]}}", GATE_PASS, 7, "" },
	{ "no warnings are none", 200, "{\"status\":\"success\",\"warnings\":[],\"infos\":[\"fyi\"],\"data\":{\"resultType\":\"scalar\",\"result\":[1.5,\"7\"]}}", GATE_PASS, 7, "" },
	{ "a bad expression", 400, "{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"unknown function\"}", GATE_ERROR, NAN, "status 400, bad_data: unknown function" },
	{ "one that fails", 422, "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"many-to-many\"}", GATE_ERROR, NAN, "status 422, execution: many-to-many" },
	{ "a server that is overloaded", 503, "{\"status\":\"error\",\"errorType\":\"timeout\",\"error\":\"query timed out\"}", GATE_NO_DATA, NAN, "status 503, timeout: query timed out" },
	{ "somebody in front of it", 502, "<html>Bad Gateway</html>", GATE_NO_DATA, NAN, "status 502" },
	{ "no access", 401, "", GATE_NO_DATA, NAN, "status 401" },
	{ "not JSON", 200, "<html>", GATE_ERROR, NAN, "the answer is not JSON (line 1, column 1)" },
	{ "an error with status 200", 200, "{\"status\":\"error\",\"errorType\":\"internal\",\"error\":\"x\"}", GATE_NO_DATA, NAN, "status 200, internal: x" },
	{ "no data", 200, "{\"status\":\"success\"}", GATE_ERROR, NAN, "the answer has no data" },
	{ "line breaks in what it says", 400, "{\"status\":\"error\",\"error\":\"a\\nb\"}", GATE_ERROR, NAN, "status 400, error: a b" },
};
/* clang-format on */

START_TEST(only_a_whole_unwarned_answer_of_one_number_is_a_value)
{
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct kpi_remote r;
		json_t *document = NULL;
		const json_t *data = data_of(values[i].body, values[i].status, &document, &r);

		if (data)
			prometheus_read_value(data, &r);
		ck_assert_msg(r.result == values[i].result &&
		                      strcmp(r.why, values[i].sentence) == 0,
		              "%s: %d %s", values[i].why, (int)r.result, r.why);
		if (isnan(values[i].value))
			ck_assert_msg(isnan(r.value), "%s", values[i].why);
		else
			ck_assert_msg(r.value == values[i].value, "%s", values[i].why);
		json_decref(document);
	}
}
END_TEST

#define ANSWER(result)                                                                             \
	"{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" result "]}}"
#define AT(part, value)                                                                            \
	"{\"metric\":{\"headgate_part\":\"" part "\"},\"value\":[1000,\"" value "\"]}"

static bool ages_of(const struct promql_expr *e, const char *body, struct prometheus_ages *out,
                    struct kpi_remote *r)
{
	json_t *document = NULL;
	const json_t *data = data_of(body, 200, &document, r);
	bool ok = data && prometheus_read_ages(data, e, out, r);

	json_decref(document);
	return ok;
}

START_TEST(the_selector_that_is_furthest_behind_counts)
{
	struct promql_expr *e = parse("rate(a[1m]) / rate(b[1m]) / rate(a[5m]) / b offset 1m");
	struct prometheus_ages ages;
	struct kpi_remote r;

	ck_assert(ages_of(e,
	                  ANSWER(AT("now", "1000.5") "," AT("0", "990") "," AT("1", "985") "," AT(
	                          "3", "930")),
	                  &ages, &r));
	ck_assert(ages.now_s == 1000.5);
	ck_assert_int_eq(ages.oldest_ms, 15500); /* what is a minute back by intent is not old */
	ck_assert_uint_eq(ages.nseen, 4);
	ck_assert(ages.seen[0] && ages.seen[1] && ages.seen[2] && ages.seen[3]);
	ck_assert(ages_of(e, ANSWER(AT("1", "985") "," AT("now", "1000")), &ages, &r));
	ck_assert_uint_eq(ages.nseen, 1);
	ck_assert(!ages.seen[0] && ages.seen[1] && !ages.seen[2]);
	ck_assert(!ages_of(e, ANSWER(AT("1", "985")), &ages, &r));
	ck_assert_str_eq(r.why, "the answer does not say what time it is there");
	ck_assert(!ages_of(e, ANSWER(AT("1", "985") "," AT("now", "1e300")), &ages, &r));
	ck_assert_str_eq(r.why, "its clock cannot be right");
	promql_free(&e);
}
END_TEST

START_TEST(a_name_nobody_knows_is_no_data_and_one_without_errors_yet_is_fine)
{
	struct promql_expr *e =
	        parse("(sum(rate(a{code='500'}[1m])) or vector(0)) / sum(rate(a[1m])) + b + c + c");
	struct prometheus_ages ages;
	char *absent[] = {(char *)(uintptr_t) "c"};
	json_t *document = NULL;
	struct kpi_remote r;
	struct buf query;

	ck_assert(ages_of(e, ANSWER(AT("now", "1000") "," AT("1", "985")), &ages, &r));
	buf_init(&query, PROMETHEUS_QUERY_MAX);
	ck_assert(prometheus_unseen_query(e, &ages, NULL, 0, &query));
	ck_assert_str_eq(
	        query.bytes,
	        "label_replace(group({__name__=\"b\"}), \"headgate_part\", \"2\", \"\", \"\") or "
	        "label_replace(group({__name__=\"c\"}), \"headgate_part\", \"3\", \"\", \"\") or "
	        "label_replace(group(count_over_time(a{code='500'}[1m])), \"headgate_part\", "
	        "\"5\", "
	        "\"\", \"\")");
	buf_clear(&query);
	ck_assert(prometheus_unseen_query(e, &ages, absent, 1, &query));
	ck_assert_ptr_null(strstr(query.bytes, "\"c\""));
	ck_assert(prometheus_read_unseen(data_of(ANSWER(AT("2", "1")), 200, &document, &r), e,
	                                 &ages, absent, 1, &r));
	json_decref(document);
	ck_assert(!prometheus_read_unseen(data_of(ANSWER(AT("2", "1")), 200, &document, &r), e,
	                                  &ages, NULL, 0, &r));
	ck_assert_int_eq(r.result, GATE_NO_DATA);
	ck_assert_str_eq(r.why, "metric c is not known there");
	json_decref(document);
	ck_assert(!prometheus_read_unseen(
	        data_of(ANSWER(AT("2", "1") "," AT("5", "1")), 200, &document, &r), e, &ages,
	        absent, 1, &r));
	ck_assert_int_eq(r.result, GATE_STALE);
	ck_assert_str_eq(r.why, "a{code='500'} has samples in its 1m and none that is current");
	json_decref(document);
	ages.seen[0] = ages.seen[2] = ages.seen[3] = true;
	buf_clear(&query);
	ck_assert(!prometheus_unseen_query(e, &ages, NULL, 0, &query));
	buf_fini(&query);
	promql_free(&e);
}
END_TEST

/* clang-format off */
static const struct { const char *why, *expr, *wanted; } past_rows[] = {
	{ "the longest of those that are alike", "rate(a[1m]) + rate(a[5m]) + a",
	  "group(count_over_time(a[5m]))" },
	{ "an offset stays", "rate(a[1m] offset 1h)", "group(count_over_time(a[1m] offset 1h))" },
	{ "a subquery reads a past too", "max_over_time(a[1h:1m])", "group(count_over_time(a[1h]))" },
	{ "one instant has none", "a + b offset 1h", NULL },
	{ "a fixed time is old by intent", "rate(a[5m] @ 1000)", NULL },
};
/* clang-format on */

START_TEST(of_a_selector_without_a_sample_its_range_is_looked_at)
{
	for (size_t i = 0; i < ARRAY_LEN(past_rows); i++) {
		struct promql_expr *e = parse(past_rows[i].expr);
		struct prometheus_ages ages = {0};
		char *absent[] = {(char *)(uintptr_t) "a", (char *)(uintptr_t) "b"};
		struct buf query;
		bool asks;

		buf_init(&query, PROMETHEUS_QUERY_MAX);
		asks = prometheus_unseen_query(e, &ages, absent, 2, &query);
		ck_assert_msg(asks == (past_rows[i].wanted != NULL), "%s", past_rows[i].why);
		if (asks)
			ck_assert_msg(strstr(query.bytes, past_rows[i].wanted) != NULL, "%s: %s",
			              past_rows[i].why, query.bytes);
		buf_fini(&query);
		promql_free(&e);
	}
}
END_TEST

#define BUCKET(part, le)                                                                           \
	"{\"metric\":{\"headgate_part\":\"" part "\",\"le\":\"" le "\"},\"value\":[1000,\"1\"]}"

START_TEST(the_highest_bucket_of_a_remote_histogram_is_known)
{
	struct promql_expr *e = parse("histogram_quantile(0.9, sum by (le) (rate(a_bucket[1m])))");
	struct kpi_bound bound = {.known = true};
	json_t *document = NULL;
	struct kpi_remote r;
	struct buf query;

	buf_init(&query, PROMETHEUS_QUERY_MAX);
	ck_assert(prometheus_buckets_query(e, &query));
	ck_assert_str_eq(query.bytes, "label_replace(group by (le) (a_bucket), \"headgate_part\", "
	                              "\"0\", \"\", \"\")");
	ck_assert(prometheus_read_buckets(
	        data_of(ANSWER(BUCKET("0", "0.5") "," BUCKET("0", "2.5") "," BUCKET(
	                        "0", "+Inf") "," BUCKET("0", "1") "," BUCKET("7", "9")),
	                200, &document, &r),
	        e, &bound));
	ck_assert(bound.known && bound.selector == 0);
	ck_assert_double_eq(bound.most, 2.5);
	json_decref(document);
	ck_assert(!prometheus_read_buckets(data_of(ANSWER(AT("0", "1")), 200, &document, &r), e,
	                                   &bound));
	ck_assert(!bound.known);
	json_decref(document);
	promql_free(&e);
	e = parse("sum(rate(a[1m]))");
	buf_clear(&query);
	ck_assert(!prometheus_buckets_query(e, &query));
	buf_fini(&query);
	promql_free(&e);
}
END_TEST

START_TEST(a_remote_counter_that_stands_still_among_others_is_told)
{
	struct promql_expr *e = parse("sum(increase(a{v='2'}[1m])) + b");
	json_t *document = NULL;
	struct kpi_remote r;
	struct buf query;
	char text[160];

	buf_init(&query, PROMETHEUS_QUERY_MAX);
	ck_assert(prometheus_still_query(e, &query));
	ck_assert_str_eq(query.bytes,
	                 "label_replace(sum(changes(a{v='2'}[1m])), \"headgate_part\", \"0\", "
	                 "\"\", \"\") or label_replace(sum(changes({__name__=\"a\"}[1m])), "
	                 "\"headgate_part\", \"2\", \"\", \"\")");
	prometheus_read_still(data_of(ANSWER(AT("0", "0") "," AT("2", "14")), 200, &document, &r),
	                      e, text, sizeof(text));
	ck_assert_str_eq(text, "a{v='2'} has not moved in 1m, other series have");
	json_decref(document);
	prometheus_read_still(data_of(ANSWER(AT("0", "0") "," AT("2", "0")), 200, &document, &r), e,
	                      text, sizeof(text));
	ck_assert_str_eq(text, ""); /* a quiet night */
	json_decref(document);
	buf_fini(&query);
	promql_free(&e);
}
END_TEST

START_TEST(a_form_is_percent_encoded)
{
	struct buf body;

	buf_init(&body, 1000);
	url_add_param(&body, "query", STR("a{b=\"c&d\"} + 1"));
	url_add_param(&body, "time", STR("1.5"));
	ck_assert_str_eq(body.bytes, "query=a%7Bb%3D%22c%26d%22%7D%20%2B%201&time=1.5");
	buf_fini(&body);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("prometheus_query");
	TCase *tests = tcase_create("prometheus_query");

	tcase_add_test(tests, the_age_of_each_selector_is_asked_in_one_question);
	tcase_add_test(tests, only_a_whole_unwarned_answer_of_one_number_is_a_value);
	tcase_add_test(tests, the_selector_that_is_furthest_behind_counts);
	tcase_add_test(tests, a_name_nobody_knows_is_no_data_and_one_without_errors_yet_is_fine);
	tcase_add_test(tests, of_a_selector_without_a_sample_its_range_is_looked_at);
	tcase_add_test(tests, the_highest_bucket_of_a_remote_histogram_is_known);
	tcase_add_test(tests, a_remote_counter_that_stands_still_among_others_is_told);
	tcase_add_test(tests, a_form_is_percent_encoded);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
