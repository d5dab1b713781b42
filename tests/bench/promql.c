/*
 * promql SERIES - how long one evaluation of sum(rate(x[5m])) takes over so many series of 20
 * samples, 15 s apart: the data that promql.py writes for Prometheus.
 *
 * Prints "us", the median in microseconds, and "value", the result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/units.h"
#include "promql/promql.h"
#include "stopwatch.h"

#define SAMPLES 20
#define STEP_MS 15000
#define START_MS INT64_C(1700000010000)
#define REPEATS 15
#define ARENA_MAX ((size_t)256 << 20)

static struct series_set *make_series(int n)
{
	struct series_set *set = series_set_new(42, 600000, (size_t)n);
	struct err err = {0};

	for (int i = 0; set != NULL && i < n; i++) {
		char number[16];
		struct label list[] = {{STR("__name__"), STR("x")},
		                       {STR("instance"), {number, 0}},
		                       {STR("job"), STR("shop")},
		                       {STR("zone"), STR("eu-central-1")}};
		struct labels labels;
		struct series *s;

		list[1].value.n = (size_t)snprintf(number, sizeof(number), "%d", i);
		if (!labels_borrow(list, ARRAY_LEN(list), &labels, &err) ||
		    (s = series_set_obtain(set, &labels, &err)) == NULL)
			return NULL;
		for (int j = 0; j < SAMPLES; j++) {
			struct sample sample = {START_MS + (int64_t)j * STEP_MS,
			                        (double)(j * (i % 7 + 1))};

			if (!series_append(set, s, sample, &err))
				return NULL;
		}
	}
	return set;
}

int main(int argc, char **argv)
{
	struct promql_position at;
	struct err err = {0};
	int64_t n = 0;
	struct promql_expr *e = promql_parse(STR("sum(rate(x[5m]))"), &at, &err);
	struct series_set *set =
	        argc == 2 && int_parse(str_of(argv[1]), &n, &err) ? make_series((int)n) : NULL;
	struct promql_data data = {.sets = (const struct series_set *const[]){set}, .nsets = 1};
	struct promql_value value = {0};
	struct arena arena;
	double us[REPEATS];

	if (e == NULL || set == NULL)
		return 1;
	arena_init(&arena, ARENA_MAX);
	for (size_t i = 0; i < REPEATS; i++) {
		int64_t start = stopwatch_ns();

		arena_clear(&arena);
		if (!promql_eval(e, &data, START_MS + (SAMPLES - 1) * STEP_MS, &arena, &value, &at,
		                 &err))
			return 1;
		us[i] = (double)(stopwatch_ns() - start) / 1000;
	}
	printf("us %.1f\nvalue %.9g\n", stopwatch_median(us, REPEATS),
	       value.nvector == 1 ? value.vector[0].value : -1);
	arena_fini(&arena);
	series_set_free(&set);
	promql_free(&e);
	return 0;
}
