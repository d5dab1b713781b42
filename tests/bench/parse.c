/*
 * parse - bytes per second of lib/exposition over a page of 1,000 series, and of a walk over the
 * same bytes that only finds the lines: no parser that looks at every line can be faster.
 *
 * Prints a name and a number per line: GB/s, the median of the rounds, ways in turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "exposition/exposition.h"
#include "stopwatch.h"

#define FAMILIES 50
#define PER_FAMILY 20
#define WANTED_EVERY 9            /* families 0, 9, 18 ...: six names */
#define CHUNK ((size_t)16 * 1024) /* as curl hands them out */
#define ROUNDS 11
#define ROUND_NS 30000000

static struct buf page;
static size_t found; /* keeps the work from being optimised away, and is checked */

static void make_page(void)
{
	buf_init(&page, 1 << 20);
	for (int f = 0; f < FAMILIES; f++) {
		buf_printf(&page,
		           "# HELP shop_part%02d_requests_total Requests part %d has answered.\n",
		           f, f);
		buf_printf(&page, "# TYPE shop_part%02d_requests_total counter\n", f);
		for (int i = 0; i < PER_FAMILY; i++)
			buf_printf(&page,
			           "shop_part%02d_requests_total{method=\"%s\",code=\"%d\",path=\"/"
			           "v1/carts/%d\","
			           "zone=\"eu-central-1%c\"} %d.%d\n",
			           f, i % 2 ? "GET" : "POST", 200 + i % 5, i, 'a' + i % 3,
			           981 * i + f, i % 10);
	}
}

static bool take(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	(void)ctx;
	(void)err;
	found += sample->nlabels > 0;
	return true;
}

static bool wants_six(void *ctx, struct str name)
{
	(void)ctx;
	return ((name.p[9] - '0') * 10 + name.p[10] - '0') % WANTED_EVERY == 0;
}

static void parse(exposition_wanted_fn wanted)
{
	struct err err;
	struct exposition *e = exposition_new(NULL, take, wanted, NULL, &err);
	bool good = e != NULL;

	for (size_t at = 0; good && at < page.n; at += CHUNK)
		good = exposition_feed(e, page.bytes + at,
		                       page.n - at < CHUNK ? page.n - at : CHUNK, &err);
	if (!good || !exposition_finish(e, &err)) {
		fprintf(stderr, "parse: %s\n", err.text);
		exit(1);
	}
	exposition_free(&e);
}

static void parse_all(void)
{
	parse(NULL);
}

static void parse_six(void)
{
	parse(wants_six);
}

static void walk(void)
{
	const char *p = page.bytes, *end = page.bytes + page.n;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		found++;
		p++;
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {{"all", parse_all}, {"six", parse_six}, {"walk", walk}};

int main(void)
{
	double rates[ARRAY_LEN(ways)][ROUNDS];

	make_page();
	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
			int64_t start = stopwatch_ns(), took;
			double bytes = 0;

			do {
				ways[w].run();
				bytes += (double)page.n;
				took = stopwatch_ns() - start;
			} while (took < ROUND_NS);
			rates[w][round] = bytes / (double)took; /* bytes per ns are GB/s */
		}
	}
	printf("bytes %zu\n", page.n);
	for (size_t w = 0; w < ARRAY_LEN(ways); w++)
		printf("%s %.4f\n", ways[w].name, stopwatch_median(rates[w], ROUNDS));
	buf_fini(&page);
	return found == 0;
}
