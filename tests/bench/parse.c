/*
 * parse FORMAT PAGE [NAME...] - bytes per second of lib/exposition over the page of that file, read
 * in full and with only these sample names wanted, and of a walk over the same bytes that only
 * finds the lines: no parser that looks at every line can be faster. FORMAT: prometheus or
 * openmetrics.
 *
 * Prints a name and a number per line: GB per second of CPU time, the median of the rounds, ways in
 * turn; then the samples of the page and how many of them were wanted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "exposition/exposition.h"
#include "stopwatch.h"

#define PAGE_MAX ((size_t)10 << 20)
#define CHUNK ((size_t)16 * 1024) /* as curl hands them out */
#define ROUNDS 11
#define ROUND_NS 30000000

static struct buf page;
static enum exposition_format format;
static struct str *names;
static size_t nnames;
static size_t found; /* keeps the work from being optimised away, and is checked */

static bool take(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	(void)ctx;
	(void)err;
	(void)sample;
	found++;
	return true;
}

static bool is_named(void *ctx, struct str name)
{
	(void)ctx;
	for (size_t i = 0; i < nnames; i++) {
		if (str_eq(name, names[i]))
			return true;
	}
	return false;
}

/* Returns the samples on the page. */
static size_t parse(exposition_wanted_fn wanted)
{
	struct err err;
	struct exposition *e = exposition_new(NULL, take, wanted, NULL, &err);
	bool good = e != NULL;
	size_t n;

	if (good)
		exposition_expect(e, format, true);
	for (size_t at = 0; good && at < page.n; at += CHUNK)
		good = exposition_feed(e, page.bytes + at,
		                       page.n - at < CHUNK ? page.n - at : CHUNK, &err);
	if (!good || !exposition_finish(e, &err)) {
		fprintf(stderr, "parse: %s\n", err.text);
		exit(1);
	}
	n = exposition_samples(e);
	exposition_free(&e);
	return n;
}

static void parse_all(void)
{
	(void)parse(NULL);
}

static void parse_some(void)
{
	(void)parse(is_named);
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
} ways[] = {{"all", parse_all}, {"some", parse_some}, {"walk", walk}};

static void measure(void)
{
	double rates[ARRAY_LEN(ways)][ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
			int64_t start = stopwatch_cpu_ns(), took;
			double bytes = 0;

			do {
				ways[w].run();
				bytes += (double)page.n;
				took = stopwatch_cpu_ns() - start;
			} while (took < ROUND_NS);
			rates[w][round] = bytes / (double)took; /* bytes per ns are GB/s */
		}
	}
	for (size_t w = 0; w < ARRAY_LEN(ways); w++)
		printf("%s %.4f\n", ways[w].name, stopwatch_median(rates[w], ROUNDS));
}

static bool read_page(const char *path)
{
	FILE *f = fopen(path, "rb");
	char block[65536];
	size_t n;

	buf_init(&page, PAGE_MAX);
	if (f == NULL)
		return false;
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(&page, block, n);
	return fclose(f) == 0 && page.n > 0;
}

int main(int argc, char **argv)
{
	size_t samples;

	if (argc < 3 || !read_page(argv[2])) {
		fputs("usage: parse prometheus|openmetrics PAGE [NAME...]\n", stderr);
		return 2;
	}
	format = strcmp(argv[1], "openmetrics") == 0 ? EXPOSITION_OPENMETRICS
	                                             : EXPOSITION_PROMETHEUS;
	nnames = (size_t)argc - 3;
	names = calloc(nnames + 1, sizeof(*names));
	for (size_t i = 0; names != NULL && i < nnames; i++)
		names[i] = str_of(argv[i + 3]);
	measure();
	found = 0;
	samples = parse(is_named);
	printf("samples %zu\nwanted %zu\n", samples, found);
	buf_fini(&page);
	free(names);
	return samples == 0;
}
