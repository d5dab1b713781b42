/*
 * kpis PAGE AT_MS EXPRESSION... - how long each expression takes over the samples of an OpenMetrics
 * page with timestamps.
 *
 * Prints per expression "us" and its number, the median in microseconds, and "value"
 * and its number, the first value of its result; then "series", and the bytes in use per series.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/units.h"
#include "exposition/exposition.h"
#include "promql/promql.h"
#include "stopwatch.h"

#define REPEATS 15
#define LABELS_MAX 32
#define RETENTION_MS 600000
#define SERIES_MAX 1000000
#define ARENA_MAX ((size_t)256 << 20)
#define PAGE_MAX ((size_t)1 << 30)

static bool keep(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	struct label list[LABELS_MAX] = {{STR("__name__"), sample->name}};
	struct series_set *set = ctx;
	struct labels labels;
	struct series *s;

	for (size_t i = 0; i < sample->nlabels && i + 1 < LABELS_MAX; i++)
		list[i + 1] = sample->labels[i];
	return labels_borrow(list, sample->nlabels + 1, &labels, err) &&
	       (s = series_set_obtain(set, &labels, err)) != NULL &&
	       series_append(set, s, (struct sample){sample->timestamp_ms, sample->value}, err);
}

static bool load(const char *path, struct series_set *set, struct err *err)
{
	static const struct exposition_limits limits = {.max_bytes = PAGE_MAX,
	                                                .max_samples = PAGE_MAX};
	struct exposition *e = exposition_new(&limits, keep, NULL, set, err);
	FILE *f = fopen(path, "rb");
	bool ok = e != NULL && f != NULL;
	char block[65536];
	size_t n;

	if (ok)
		exposition_expect(e, EXPOSITION_OPENMETRICS, true);
	while (ok && (n = fread(block, 1, sizeof(block), f)) > 0)
		ok = exposition_feed(e, block, n, err);
	ok = ok && exposition_finish(e, err);
	if (f != NULL)
		fclose(f);
	exposition_free(&e);
	return ok;
}

static bool measure(const char *text, int number, const struct promql_data *data, int64_t at_ms,
                    struct arena *arena, struct err *err)
{
	struct promql_position at;
	struct promql_expr *e = promql_parse(str_of(text), &at, err);
	struct promql_value value = {0};
	double us[REPEATS];
	bool ok = e != NULL;

	for (size_t i = 0; ok && i < REPEATS; i++) {
		int64_t start = stopwatch_ns();

		arena_clear(arena);
		ok = promql_eval(e, data, at_ms, arena, &value, &at, err);
		us[i] = (double)(stopwatch_ns() - start) / 1000;
	}
	if (ok)
		printf("us%d %.1f\nvalue%d %.9g\n", number, stopwatch_median(us, REPEATS), number,
		       value.nvector > 0 ? value.vector[0].value : -1);
	promql_free(&e);
	return ok;
}

static size_t bytes_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

int main(int argc, char **argv)
{
	struct series_set *set = series_set_new(42, RETENTION_MS, SERIES_MAX);
	struct promql_data data = {.sets = (const struct series_set *const[]){set}, .nsets = 1};
	struct err err = {.text = "usage: kpis PAGE AT_MS EXPRESSION..."};
	size_t before = bytes_in_use();
	int64_t at_ms = 0;
	struct arena arena;
	bool ok = set != NULL && argc >= 4 && int_parse(str_of(argv[2]), &at_ms, &err) &&
	          load(argv[1], set, &err);

	if (ok)
		printf("series %zu\nbytes_per_series %zu\n", series_set_count(set),
		       (bytes_in_use() - before) / series_set_count(set));
	arena_init(&arena, ARENA_MAX);
	for (int i = 3; ok && i < argc; i++)
		ok = measure(argv[i], i - 3, &data, at_ms, &arena, &err);
	if (!ok)
		fprintf(stderr, "kpis: %s\n", err.text);
	arena_fini(&arena);
	series_set_free(&set);
	return !ok;
}
