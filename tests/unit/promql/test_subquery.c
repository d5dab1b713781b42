/* Subqueries and @: which instants are looked at, and what bounds the work. */
#include "fixture.h"

#define NOW 600000

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

START_TEST(samples_read_in_steps_are_bounded)
{
	char name[32];
	char got[FIXTURE_TEXT_MAX];

	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "many{i=\"%d\"} 0+1x9", i);
		fixture_load(NOW - 90000, 10000, name);
	}
	fixture_eval("count(count_over_time(many[1m:10s]))", NOW, got);
	ck_assert_str_eq(got, "{} 400");
	fixture_eval("max(count_over_time(count(rate(many[1m]))[90s:9ms]))", NOW, got);
	ck_assert_str_eq(got,
	                 "error at 31: the expression reads more than 20000000 samples: make its "
	                 "subqueries shorter or their steps longer");
	fixture_eval("count(many[90s:1ms])", NOW, got);
	ck_assert_msg(strncmp(got, "error at", 8) == 0, "%s", got);
	fixture_eval("max(count_over_time(many[90s:1ms]))", NOW, got);
	ck_assert_str_eq(got, "error at 20: this needs more than 16777216 bytes of memory");
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
	tcase_add_test(tc, samples_read_in_steps_are_bounded);
	return fixture_run("promql subquery", tc);
}
