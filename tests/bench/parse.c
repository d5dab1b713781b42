/*
 * parse FORMAT PAGE [NAME...] - bytes per second of lib/exposition over the page of that file, read
 * in full, with only these sample names wanted, and the same again with a memory of the page before
 * (the same lines with other values); and of a walk over the same bytes that only
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
#include "exposition/memory.h"
#include "stopwatch.h"

#define PAGE_MAX ((size_t)10 << 20)
#define CHUNK ((size_t)16 * 1024) /* as curl hands them out */
#define ROUNDS 11
#define ROUND_NS 30000000

static struct buf page, later; /* later: the same lines with other values */
static struct exposition_memory *memory;
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

/* As a target knows its series. */
static bool know(void *ctx, size_t place)
{
	(void)ctx;
	return place > 0;
}

/* Returns the samples on the page. */
static size_t parse(const struct buf *text, exposition_wanted_fn wanted,
                    struct exposition_memory *recalled)
{
	struct err err;
	struct exposition *e = exposition_new(NULL, take, wanted, NULL, &err);
	bool good = e != NULL;
	size_t n;

	if (good)
		exposition_expect(e, format, true);
	if (good && recalled != NULL)
		exposition_recall(e, recalled, know);
	for (size_t at = 0; good && at < text->n; at += CHUNK)
		good = exposition_feed(e, text->bytes + at,
		                       text->n - at < CHUNK ? text->n - at : CHUNK, &err);
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
	(void)parse(&page, NULL, NULL);
}

static void parse_some(void)
{
	(void)parse(&page, is_named, NULL);
}

static void parse_again(void)
{
	static bool odd;

	odd = !odd;
	(void)parse(odd ? &page : &later, is_named, memory);
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
} ways[] = {{"all", parse_all}, {"some", parse_some}, {"again", parse_again}, {"walk", walk}};

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

/* The last digit of each value is one more, but for nines: what rose still does. */
static void make_later(void)
{
	bool is_sample = false;

	buf_init(&later, PAGE_MAX);
	buf_add(&later, page.bytes, page.n);
	for (size_t i = 1; i < later.n; i++) {
		char *last = &later.bytes[i - 1];

		if (i == 1 || *last == '\n')
			is_sample = later.bytes[i == 1 ? 0 : i] != '#';
		else if (later.bytes[i] == '\n' && is_sample && *last >= '0' && *last < '9')
			(*last)++;
	}
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
	make_later();
	memory = exposition_memory_new(NULL);
	if (memory == NULL)
		return 1;
	measure();
	found = 0;
	samples = parse(&later, is_named, memory);
	printf("samples %zu\nwanted %zu\n", samples, found);
	exposition_memory_free(&memory);
	buf_fini(&later);
	buf_fini(&page);
	free(names);
	return samples == 0;
}
