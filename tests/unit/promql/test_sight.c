/*
 * sight: how high an expression can get, whether it can give a value at all, and what samples have
 * for its selectors.
 */
#include <check.h>
#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "promql/sight.h"
#include "series/series.h"

#define T0 1700000000000

static struct series_set *set;

static void setup(void)
{
	set = series_set_new(1, 3600000, 1000);
	ck_assert_ptr_nonnull(set);
}

static void teardown(void)
{
	series_set_free(&set);
}

static void add(const char *name, const char *label, const char *text, int64_t at_s, double value)
{
	struct label list[] = {
	        {.name = STR("__name__"), .value = str_of(name)},
	        {.name = str_of(label), .value = str_of(text)},
	};
	struct arena arena;
	struct labels labels;
	struct err err;

	arena_init(&arena, 65536);
	ck_assert(labels_make(list, ARRAY_LEN(list), &arena, &labels, &err));
	struct series *s = series_set_obtain(set, &labels, &err);
	ck_assert_ptr_nonnull(s);
	ck_assert(series_append(set, s, (struct sample){T0 + at_s * 1000, value}, &err));
	arena_fini(&arena);
}

static struct promql_expr *parse(const char *text)
{
	struct promql_position at;
	struct err err = {0};
	struct promql_expr *e = promql_parse(str_of(text), &at, &err);

	ck_assert_msg(e != NULL, "%s: %s", text, err.text);
	return e;
}

/* Every selector's highest finite bucket is 2.5. */
START_TEST(a_value_is_never_above_what_its_expression_allows)
{
	/* clang-format off */
	static const struct { const char *expr; double most; } rows[] = {
		{ "histogram_quantile(0.95, sum by (le) (rate(x_bucket[5m])))", 2.5 },
		{ "histogram_quantile(0.95, rate(x_bucket[5m])) * 1000", 2500 },
		{ "1000 * histogram_quantile(0.95, rate(x_bucket[5m]))", 2500 },
		{ "histogram_quantile(0.95, rate(x_bucket[5m])) / 2 + 1", 2.25 },
		{ "max(histogram_quantile(0.95, rate(x_bucket[5m])))", 2.5 },
		{ "avg by (job) (histogram_quantile(0.95, rate(x_bucket[5m])))", 2.5 },
		{ "sum(histogram_quantile(0.95, rate(x_bucket[5m])))", (double)INFINITY },
		{ "histogram_quantile(0.95, rate(x_bucket[5m])) > 1", 2.5 },
		{ "histogram_quantile(0.95, rate(x_bucket[5m])) or vector(7)", 7 },
		{ "scalar(histogram_quantile(0.95, rate(x_bucket[5m])))", 2.5 },
		{ "max_over_time(histogram_quantile(0.95, rate(x_bucket[5m]))[10m:1m])", 2.5 },
		{ "-histogram_quantile(0.95, rate(x_bucket[5m]))", (double)INFINITY },
		{ "histogram_quantile(2, rate(x_bucket[5m]))", (double)INFINITY },
		{ "histogram_quantile(scalar(q), rate(x_bucket[5m]))", (double)INFINITY },
		{ "rate(x_bucket[5m])", (double)INFINITY },
		{ "x / y", (double)INFINITY },
		{ "clamp_max(x, 3)", 3 },
		{ "clamp(x, 1, 3)", 3 },
		{ "clamp_max(histogram_quantile(0.5, x_bucket), 9)", 2.5 },
		{ "x > bool 5", 1 },
		{ "absent(x)", 1 },
		{ "x % 5", (double)INFINITY },
		{ "x * 0", (double)INFINITY },
		{ "clamp_max(x, 3) + on(a) fill_right(5) clamp_max(y, 1)", 8 },
		{ "clamp_max(x, 3) > on(a) fill_left(5) y", 5 },
	};
	/* clang-format on */
	double bounds[4] = {2.5, 2.5, 2.5, 2.5};
	size_t by;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].expr);
		double most = promql_most(e, bounds, &by);

		ck_assert_msg(!(most < rows[i].most) && !(most > rows[i].most), "%s: %g",
		              rows[i].expr, most);
		promql_free(&e);
	}
}
END_TEST

/* `headgate check` ended with a crash, for ever: two numbers changed places without end. */
START_TEST(a_policy_that_multiplies_two_numbers_can_be_checked)
{
	/* clang-format off */
	static const struct { const char *expr; double most; } rows[] = {
		{ "2 * 3", 6 },
		{ "x / (60*60)", (double)INFINITY },
		{ "histogram_quantile(0.95, rate(x_bucket[5m])) / (1024*1024)", 2.5 / 1048576 },
		{ "absent(up) * 100", 100 },
		{ "100 * absent(up)", 100 },
		{ "2 * -3 * (4 * 5)", -120 },
	};
	/* clang-format on */
	double bounds[1] = {2.5};
	size_t by;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].expr);
		double most = promql_most(e, bounds, &by);

		ck_assert_msg(!(most < rows[i].most) && !(most > rows[i].most), "%s: %g",
		              rows[i].expr, most);
		promql_free(&e);
	}
}
END_TEST

START_TEST(how_low_a_value_can_get)
{
	/* clang-format off */
	static const struct { const char *expr; double least; } rows[] = {
		{ "sum(rate(x[5m]))", 0 },
		{ "sum(increase(x[5m])) / sum(increase(y[5m])) * 100", 0 },
		{ "count(x == 1)", 1 },
		{ "count(x == 1) or vector(0)", 0 },
		{ "sum(count_over_time(x[5m]))", 1 },
		{ "absent(x)", 1 },
		{ "clamp_min(x, 3)", 3 },
		{ "clamp(x, -1, 5)", -1 },
		{ "clamp_max(rate(x[1m]), -2)", -2 },
		{ "1 - sum(rate(x[5m]))", (double)-INFINITY },
		{ "-rate(x[1m])", (double)-INFINITY },
		{ "x", (double)-INFINITY },
		{ "sum(x)", (double)-INFINITY },
		{ "sum(x - 1)", (double)-INFINITY },
		{ "rate(x[1m]) * -1", (double)-INFINITY },
		{ "delta(x[1m])", (double)-INFINITY },
		{ "rate(x[1m]) * y", (double)-INFINITY },
		{ "histogram_quantile(0.5, x)", (double)-INFINITY },
		{ "abs(x) > bool 1", 0 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].expr);
		double least = promql_least(e, NULL);

		ck_assert_msg(!(least < rows[i].least) && !(least > rows[i].least), "%s: %g",
		              rows[i].expr, least);
		promql_free(&e);
	}
}
END_TEST

START_TEST(nothing_is_known_of_buckets_nobody_has_seen)
{
	struct promql_expr *e = parse("histogram_quantile(0.9, x_bucket)");
	double bounds[1] = {(double)NAN};
	size_t by;

	ck_assert(isinf(promql_most(e, NULL, &by)));
	ck_assert(isinf(promql_most(e, bounds, &by)));
	promql_free(&e);
	e = parse("histogram_quantile(0.9, a_bucket or b_bucket)");
	double two[2] = {1, 5};
	ck_assert_double_eq(promql_most(e, two, &by), 5);
	ck_assert_uint_eq(by, 1);
	two[0] = (double)NAN;
	ck_assert(isinf(promql_most(e, two, &by)));
	promql_free(&e);
}
END_TEST

START_TEST(a_quantile_without_its_buckets_is_found)
{
	/* clang-format off */
	static const struct { const char *expr, *flaw; } rows[] = {
		{ "histogram_quantile(0.95, sum by (job) (rate(x_bucket[5m])))", "drops the label le" },
		{ "histogram_quantile(0.95, sum(rate(x_bucket[5m])))", "drops the label le" },
		{ "histogram_quantile(0.95, sum without (le) (rate(x_bucket[5m])))", "drops the label le" },
		{ "histogram_quantile(0.95, sum by (le) (sum by (job) (x_bucket)))", "drops the label le" },
		{ "1 - histogram_quantile(95, x_bucket)", "between 0 and 1" },
		{ "histogram_quantile(0.95, sum by (le, job) (rate(x_bucket[5m])))", NULL },
		{ "histogram_quantile(0.95, sum without (job) (rate(x_bucket[5m])))", NULL },
		{ "histogram_quantile(0.95, topk(9, x_bucket))", NULL },
		{ "sum(histogram_quantile(0.95, x_bucket))", NULL },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct promql_expr *e = parse(rows[i].expr);
		const char *flaw = promql_flaw(e);

		ck_assert_msg(rows[i].flaw ? flaw && strstr(flaw, rows[i].flaw) : !flaw, "%s: %s",
		              rows[i].expr, flaw ? flaw : "none");
		promql_free(&e);
	}
}
END_TEST

static struct promql_sight look(const char *expr, struct arena *arena)
{
	const struct series_set *sets[] = {set};
	struct promql_data data = {.sets = sets, .nsets = 1};
	struct promql_expr *e = parse(expr);
	struct promql_sight sight;
	struct err err = {0};

	ck_assert_msg(promql_look(e, 0, &data, arena, &sight, &err), "%s", err.text);
	sight.label = sight.label.n ? str_of(arena_text(arena, sight.label)) : sight.label;
	promql_free(&e);
	return sight;
}

START_TEST(a_look_at_the_samples_tells_buckets_and_what_moves)
{
	struct arena arena;

	arena_init(&arena, 65536);
	add("x_bucket", "le", "0.5", 0, 1);
	add("x_bucket", "le", "2.5", 0, 1);
	add("x_bucket", "le", "+Inf", 0, 1);
	add("y_total", "version", "1", 0, 5);
	add("y_total", "version", "1", 15, 6);
	add("y_total", "version", "2", 0, 5);
	add("y_total", "version", "2", 15, 5);
	struct promql_sight s = look("x_bucket", &arena);
	ck_assert_uint_eq(s.series, 3);
	ck_assert_uint_eq(s.buckets, 3);
	ck_assert_double_eq(s.highest_bound, 2.5);
	ck_assert(!s.moved);
	ck_assert_double_eq(look("x_bucket{le=\"0.5\"}", &arena).highest_bound, 0.5);
	ck_assert(isnan(look("y_total", &arena).highest_bound));
	ck_assert(look("rate(y_total[1m])", &arena).moved);
	ck_assert(!look("rate(y_total{version=\"2\"}[1m])", &arena).moved);
	ck_assert_int_eq(look("y_total", &arena).newest_ms, T0 + 15000);
	add("x_bucket", "le", "2.5", 15, series_stale_nan());
	ck_assert_double_eq(look("x_bucket", &arena).highest_bound, 0.5);
	arena_fini(&arena);
}
END_TEST

START_TEST(a_condition_that_nothing_meets_is_named_with_what_there_is)
{
	struct arena arena;

	arena_init(&arena, 65536);
	add("y_total", "version", "1", 0, 5);
	add("y_total", "version", "3", 0, 5);
	add("y_total", "code", "200", 0, 5);
	struct promql_sight s = look("y_total{version=\"2\"}", &arena);
	ck_assert_uint_eq(s.named, 3);
	ck_assert_uint_eq(s.series, 0);
	ck_assert(str_eq_text(s.condition, "version=\"2\""));
	ck_assert_uint_eq(s.nvalues, 2);
	ck_assert(str_eq_text(s.values[0], "1") && str_eq_text(s.values[1], "3"));
	s = look("y_total{code=~\"5..\",version=\"1\"}", &arena);
	ck_assert(str_eq_text(s.condition, "code=~\"5..\""));
	s = look("y_total{code=\"200\",version=\"1\"}", &arena);
	ck_assert_uint_eq(s.condition.n, 0);
	ck_assert_uint_eq(look("z_total", &arena).named, 0);
	arena_fini(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sight");
	TCase *t = tcase_create("sight");
	SRunner *r = srunner_create(s);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_value_is_never_above_what_its_expression_allows);
	tcase_add_test(t, a_policy_that_multiplies_two_numbers_can_be_checked);
	tcase_add_test(t, how_low_a_value_can_get);
	tcase_add_test(t, nothing_is_known_of_buckets_nobody_has_seen);
	tcase_add_test(t, a_quantile_without_its_buckets_is_found);
	tcase_add_test(t, a_look_at_the_samples_tells_buckets_and_what_moves);
	tcase_add_test(t, a_condition_that_nothing_meets_is_named_with_what_there_is);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
