/* Subqueries and @: which instants are looked at, and what bounds the work. */
#include "fixture.h"

#define NOW 600000
#define PLUS20 "+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1+1"

struct row {
	const char *why, *expr, *wanted;
};

static void load(void)
{
	fixture_load(0, 60000, "c 0+5x10");
	fixture_load(0, 60000, "late _ _ _ _ _ _ _ _ _ 1 2");
	fixture_load(0, 60000, "gone 1 1 1 1 1 1 1 1 1 stale");
	fixture_load(0, 60000, "a{l=\"x\"} 1 1 1 1 1 1 1 1 1 1 1");
	fixture_load(0, 60000, "b{l=\"x\"} 1 1 1 1 1 1 1 1 1 1 1");
}

static void check_rows(const struct row *rows, size_t n, int64_t at_ms)
{
	load();
	for (size_t i = 0; i < n; i++)
		fixture_check(rows[i].why, rows[i].expr, at_ms, rows[i].wanted);
}

/* clang-format off */
START_TEST(steps_are_multiples_of_the_step_in_a_left_open_range)
{
	static const struct row rows[] = {
		{ "the start is out, the end is in", "c[3m:1m]", "c 40@480000\nc 45@540000\nc 50@600000" },
		{ "a minute where none is said", "c[3m:]", "c 40@480000\nc 45@540000\nc 50@600000" },
		{ "seconds as plain numbers", "c[90:30]", "c 45@540000\nc 45@570000\nc 50@600000" },
		{ "the last multiple lies before the end", "c[1m:35s]", "c 45@560000\nc 45@595000" },
		{ "a step longer than the range", "c[1m:7m]", "" },
		{ "an offset moves the end", "c[2m:1m] offset 1m", "c 40@480000\nc 45@540000" },
		{ "ahead, too", "c[2m:1m] offset -1m", "c 50@600000\nc 50@660000" },
		{ "@ moves it to a time", "c[2m:1m] @ 300", "c 20@240000\nc 25@300000" },
		{ "and the offset from there", "c[2m:1m] @ 300 offset 1m", "c 15@180000\nc 20@240000" },
		{ "in any order", "c[2m:1m] offset 1m @ 300", "c 15@180000\nc 20@240000" },
		{ "multiples below zero", "c[2m:40s] @ 60", "c 0\nc 0@40000" },
		{ "before anything", "c[2m:40s] @ -60", "" },
		{ "the end of the query", "c[1m:1m] @ end()", "c 50@600000" },
		{ "is its start", "c[1m:1m] @ start()", "c 50@600000" },
		{ "a series may begin", "late[3m:]", "late 1@540000\nlate 2@600000" },
		{ "and end", "gone[3m:]", "gone 1@480000" },
	};

	check_rows(rows, ARRAY_LEN(rows), NOW);
}
END_TEST

START_TEST(the_grid_does_not_move_with_the_evaluation)
{
	static const struct row rows[] = {
		{ "between two steps", "c[2m:1m]", "c 45@540000\nc 50@600000" },
		{ "a step of its own", "max_over_time(vector(time())[1m:25s])", "{} 600" },
	};

	check_rows(rows, ARRAY_LEN(rows), 607250);
}
END_TEST

START_TEST(what_is_inside_is_evaluated_at_each_step)
{
	static const struct row rows[] = {
		{ "time()", "sum_over_time(vector(time())[2m:1m])", "{} 1140" },
		{ "functions of ranges", "rate(c[2m])[2m:1m]", "{} 0.0833333333333@540000\n{} 0.0833333333333@600000" },
		{ "and functions over what comes out", "max_over_time(increase(c[2m])[5m:1m])", "{} 10" },
		{ "aggregations", "sum_over_time(sum(c)[2m:])", "{} 95" },
		{ "subqueries in subqueries", "sum_over_time(sum_over_time(c[2m:1m])[2m:1m])", "{} 180" },
		{ "@ end() is the whole query's", "sum_over_time((c - c @ end())[2m:1m])", "{} -5" },
		{ "@ of a time, too", "sum_over_time((c - c @ 300)[2m:1m])", "{} 45" },
		{ "an offset counts from the step", "sum_over_time((c - c offset 1m)[2m:1m])", "{} 10" },
		{ "a sample's own time", "max_over_time(timestamp(c)[1m:35s])", "{} 540" },
		{ "predict_linear looks from the evaluation", "predict_linear(c[5m:1m], 60)", "{} 55" },
		{ "the name stays where the function keeps it", "last_over_time(c[2m:1m])", "c 50" },
		{ "and where one in the steps has dropped it", "last_over_time((c + 1)[2m:1m])", "{} 51" },
		{ "nothing has no labels", "absent_over_time(none{x=\"y\"}[5m:])", "{} 1" },
		{ "something is not absent", "absent_over_time(c[5m:])", "" },
		{ "two with the same labels in one step",
		  "last_over_time(abs({l=\"x\"})[2m:])",
		  "error at 15: vector cannot contain metrics with the same labelset" },
	};

	check_rows(rows, ARRAY_LEN(rows), NOW);
}
END_TEST

START_TEST(at_moves_selectors_in_time)
{
	static const struct row rows[] = {
		{ "a time", "c @ 300", "c 25" },
		{ "with an offset", "c @ 300 offset 1m", "c 20" },
		{ "before or after", "c offset 1m @ 300", "c 20" },
		{ "fractions", "c @ 299.9995", "c 25" },
		{ "below one millisecond they are rounded", "c @ 299.9994", "c 20" },
		{ "a duration from 1970", "c @ 5m", "c 25" },
		{ "with a sign", "c @ +5m - on() c @ -5m", "" },
		{ "a range", "increase(c[2m] @ 300)", "{} 10" },
		{ "the evaluation", "c @ end() + c @ start()", "{} 100" },
		{ "look-back counts from there", "late @ 480", "" },
		{ "timestamp() too", "timestamp(c @ 330)", "{} 300" },
		{ "time() does not move", "c @ 300 + time()", "{} 625" },
	};

	check_rows(rows, ARRAY_LEN(rows), NOW);
}
END_TEST

START_TEST(their_work_is_bounded)
{
	static const struct row rows[] = {
		{ "steps", "sum_over_time(vector(1)[1d:1ms])",
		  "error at 14: the expression evaluates its subqueries at more than 100000 points: make "
		  "them shorter or their steps longer" },
		{ "multiplied", "max_over_time(max_over_time(vector(1)[10m:1s])[10m:1s])",
		  "error at 28: the expression evaluates its subqueries at more than 100000 points: make "
		  "them shorter or their steps longer" },
		{ "as many as are allowed", "count_over_time(vector(1)[99999s:1s])", "{} 99999" },
	};

	check_rows(rows, ARRAY_LEN(rows), NOW);
}
END_TEST
/* clang-format on */

START_TEST(work_in_steps_is_bounded)
{
	/* clang-format off */
	static const struct row rows[] = {
		{ "few steps", "count(count_over_time(many[1m:10s]))", "{} 400" },
		{ "samples read", "max(count_over_time(count(rate(many[1m]))[90s:4ms]))",
		  "error at 31: the expression looks at more than 10000000 samples: make its subqueries "
		  "shorter or their steps longer" },
		{ "parts evaluated",
		  "max_over_time((" "vector(1)" PLUS20 PLUS20 "+(vector(1)" PLUS20 PLUS20 ")" ")[90s:1ms])",
		  "error at 106: the expression looks at more than 10000000 samples: make its subqueries "
		  "shorter or their steps longer" },
		{ "samples held", "max(count_over_time(many[90s:1ms]))",
		  "error at 20: this needs more than 16777216 bytes of memory" },
	};
	/* clang-format on */
	char name[32];

	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "many{i=\"%d\"} 0+1x9", i);
		fixture_load(NOW - 90000, 10000, name);
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		fixture_check(rows[i].why, rows[i].expr, NOW, rows[i].wanted);
}
END_TEST

#define SERIES 3

/* Samples about every 15 s for three hours; what the set need not keep it drops on the way. */
static struct series_set *sampled(int64_t retention_ms)
{
	struct series_set *set = series_set_new(1, retention_ms, 100);
	unsigned state = 1;
	struct err err;

	ck_assert_ptr_nonnull(set);
	for (int64_t at_ms = 0; at_ms <= 3 * 3600 * 1000; at_ms += 15000) {
		for (size_t i = 0; i < SERIES; i++) {
			const char *const values[SERIES] = {"1", "2", "3"};
			struct label list[] = {{STR("__name__"), STR("x")},
			                       {STR("i"), str_of(values[i])}};
			struct labels labels;
			struct series *s;

			state = state * 1664525u + 1013904223u;
			/* The second one misses many, the third comes and goes. */
			if ((i == 1 && state >> 30 == 0) || (i == 2 && at_ms / 1800000 % 2))
				continue;
			ck_assert(labels_borrow(list, ARRAY_LEN(list), &labels, &err));
			s = series_set_obtain(set, &labels, &err);
			ck_assert_ptr_nonnull(s);
			ck_assert(series_append(
			        set, s, (struct sample){at_ms + state % 3000, state >> 20}, &err));
		}
		series_set_expire(set, at_ms);
	}
	return set;
}

START_TEST(what_is_said_to_be_kept_is_enough)
{
	static const char *const exprs[] = {
	        "x",
	        "x offset 40m",
	        "rate(x[7m])",
	        "rate(x[7m] offset 20m)",
	        "count_over_time(x[1h:1m])",
	        "sum_over_time(x[1h:7s])",
	        "sum_over_time(rate(x[5m])[40m:1m])",
	        "sum_over_time(rate(x[5m] offset 3m)[40m:1m] offset 10m)",
	        "avg_over_time(sum_over_time(rate(x[3m])[10m:30s])[30m:1m] offset 5m)",
	        "sum_over_time((x - avg_over_time(x[10m:1m] @ end() offset 1h))[20m:1m])",
	        "x offset -5m + x offset 1h",
	        "absent_over_time(x{i=\"3\"}[1h]) or present_over_time(x{i=\"3\"}[50m:] offset "
	        "50m)",
	};
	struct series_set *whole = sampled(INT64_C(24) * 3600 * 1000);

	for (size_t i = 0; i < ARRAY_LEN(exprs); i++) {
		struct promql_position at;
		struct err err;
		struct promql_expr *e = promql_parse(str_of(exprs[i]), &at, &err);
		struct series_set *kept;
		char wanted[FIXTURE_TEXT_MAX];
		char got[FIXTURE_TEXT_MAX];

		ck_assert_msg(e, "%s: %s", exprs[i], err.text);
		kept = sampled(promql_retention_ms(e));
		ck_assert_uint_lt(series_set_samples(kept), series_set_samples(whole));
		series_set_free(&fixture_set);
		fixture_set = whole;
		fixture_eval(exprs[i], 3 * 3600 * 1000, wanted);
		fixture_set = kept;
		fixture_eval(exprs[i], 3 * 3600 * 1000, got);
		fixture_set = NULL;
		ck_assert_msg(*wanted && strcmp(got, wanted) == 0, "%s\n  %s\n  %s", exprs[i],
		              wanted, got);
		series_set_free(&kept);
		promql_free(&e);
	}
	series_set_free(&whole);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("subquery");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, steps_are_multiples_of_the_step_in_a_left_open_range);
	tcase_add_test(tc, the_grid_does_not_move_with_the_evaluation);
	tcase_add_test(tc, what_is_inside_is_evaluated_at_each_step);
	tcase_add_test(tc, at_moves_selectors_in_time);
	tcase_add_test(tc, their_work_is_bounded);
	tcase_add_test(tc, work_in_steps_is_bounded);
	tcase_add_test(tc, what_is_said_to_be_kept_is_enough);
	return fixture_run("promql subquery", tc);
}
