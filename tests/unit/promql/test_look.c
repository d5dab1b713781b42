/* What an expression can see of the series there are, and what its text alone gives away. */
#include "fixture.h"

static struct promql_expr *parse(const char *text)
{
	struct promql_position at;
	struct err err = {0};
	struct promql_expr *e = promql_parse(str_of(text), &at, &err);

	ck_assert_msg(e, "%s: at %zu: %s", text, at.offset, err.text);
	return e;
}

static struct promql_look look_at(const char *text)
{
	const struct series_set *sets[] = {fixture_set};
	const struct promql_data data = {sets, 1};
	struct promql_expr *e = parse(text);
	struct promql_look look;
	struct err err = {0};

	ck_assert_msg(promql_look(e, &data, &look, &err), "%s: %s", text, err.text);
	promql_free(&e);
	return look;
}

/* clang-format off */
START_TEST(a_quantile_is_never_above_its_highest_finite_bucket)
{
	static const struct { const char *text; bool is_bounded; double ceiling; } rows[] = {
		{ "histogram_quantile(0.95, rate(h_bucket[5m]))", true, 2 },
		{ "histogram_quantile(0.95, sum by (le) (rate(h_bucket[5m])))", true, 2 },
		{ "histogram_quantile(0.95, sum by (le) (rate(h_bucket{job=\"a\"}[5m])))", true, 1 },
		{ "histogram_quantile(0.95, sum by (le) (rate(h_bucket{job=~\"a|b\"}[5m])))", true, 2 },
		{ "max(histogram_quantile(0.95, h_bucket))", true, 2 },
		{ "avg by (job) (histogram_quantile(0.95, h_bucket)) * 1000", true, 2000 },
		{ "histogram_quantile(0.95, h_bucket) / 1000", true, 0.002 },
		{ "sum(histogram_quantile(0.95, h_bucket))", false, 0 },
		{ "histogram_quantile(0.95, h_bucket) + 1", false, 0 },
		{ "1000 / histogram_quantile(0.95, h_bucket)", false, 0 },
		{ "histogram_quantile(0.95, h_bucket) * -1", false, 0 },
		{ "histogram_quantile(0.95, nothing_bucket)", false, 0 },
		{ "histogram_quantile(0.95, endless_bucket)", false, 0 },
		{ "h_bucket", false, 0 },
	};

	fixture_load(0, 60000, "h_bucket{job=\"a\",le=\"0.5\"} 1 2");
	fixture_load(0, 60000, "h_bucket{job=\"a\",le=\"1\"} 1 2");
	fixture_load(0, 60000, "h_bucket{job=\"a\",le=\"+Inf\"} 1 2");
	fixture_load(0, 60000, "h_bucket{job=\"b\",le=\"2\"} 1 2");
	fixture_load(0, 60000, "h_bucket{job=\"b\",le=\"+Inf\"} 1 2");
	fixture_load(0, 60000, "endless_bucket{le=\"+Inf\"} 1 2");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_look look = look_at(rows[i].text);

		ck_assert_msg(look.is_bounded == rows[i].is_bounded, "%s", rows[i].text);
		if (look.is_bounded)
			ck_assert_msg(number_is_close(look.ceiling, rows[i].ceiling), "%s: %g", rows[i].text, look.ceiling);
	}
}
END_TEST

START_TEST(series_that_move_are_told_from_those_that_do_not)
{
	static const struct { const char *text; size_t series, moving, still_samples; } rows[] = {
		{ "still", 1, 0, 4 },
		{ "still + moving", 2, 1, 4 },
		{ "max_over_time(still[5m:1m])", 1, 0, 4 },
		{ "marked", 1, 0, 2 },
		{ "sum by (a) (moving) > bool still", 2, 1, 4 },
		{ "none", 1, 0, 2 },
		{ "nothing", 0, 0, 0 },
		{ "time()", 0, 0, 0 },
	};

	fixture_load(0, 60000, "still 3 3 3 3");
	fixture_load(0, 60000, "moving 3 3 4 3");
	fixture_load(0, 60000, "marked 3 stale 3");
	fixture_load(0, 60000, "none NaN NaN");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_look look = look_at(rows[i].text);

		ck_assert_msg(look.series == rows[i].series && look.moving == rows[i].moving &&
		              look.still_samples == rows[i].still_samples, "%s: %zu %zu %zu", rows[i].text,
		              look.series, look.moving, look.still_samples);
	}
}
END_TEST

START_TEST(a_quantile_that_says_nothing_is_seen_in_its_text)
{
	static const struct { const char *text; const char *part; size_t offset; } rows[] = {
		{ "histogram_quantile(95, sum by (le) (rate(h_bucket[5m])))", "between 0 and 1", 0 },
		{ "max(histogram_quantile(-0.5, h_bucket))", "between 0 and 1", 4 },
		{ "histogram_quantile(0.95, sum(rate(h_bucket[5m])))", "loses the label le", 0 },
		{ "1 + histogram_quantile(0.95, sum by (job) (rate(h_bucket[5m])))", "loses the label le", 4 },
		{ "histogram_quantile(0.95, sum without (le) (rate(h_bucket[5m])))", "loses the label le", 0 },
		{ "histogram_quantile(0.95, sum without (job) (rate(h_bucket[5m])))", NULL, 0 },
		{ "histogram_quantile(0.95, sum by (job, le) (rate(h_bucket[5m])))", NULL, 0 },
		{ "histogram_quantile(0.95, rate(h_bucket[5m]))", NULL, 0 },
		{ "histogram_quantile(scalar(q), h_bucket)", NULL, 0 },
		{ "sum(rate(x[5m]))", NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].text);
		struct promql_position at = { 0 };
		const char *flaw = promql_flaw(e, &at);

		ck_assert_msg(!flaw == !rows[i].part, "%s: %s", rows[i].text, flaw ? flaw : "fine");
		if (flaw)
			ck_assert_msg(strstr(flaw, rows[i].part) && at.offset == rows[i].offset, "%s: at %zu: %s",
			              rows[i].text, at.offset, flaw);
		promql_free(&e);
	}
}
END_TEST
/* clang-format on */

int main(void)
{
	TCase *tc = tcase_create("look");

	tcase_add_test(tc, a_quantile_is_never_above_its_highest_finite_bucket);
	tcase_add_test(tc, series_that_move_are_told_from_those_that_do_not);
	tcase_add_test(tc, a_quantile_that_says_nothing_is_seen_in_its_text);
	return fixture_run("promql look", tc);
}
