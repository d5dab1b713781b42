/*
 * reading - reads a page whole, byte by byte and in random cuts, and prints what came of it.
 */
#ifndef TESTS_EXPOSITION_READING_H
#define TESTS_EXPOSITION_READING_H

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/macros.h"
#include "base/units.h"
#include "exposition/exposition.h"

#define PAGE_MAX ((size_t)1024 * 1024)

/* A page and who reads it. */
struct reading {
	struct str page;
	enum exposition_format format;
	bool is_whole;
	const struct exposition_limits *limits;
	exposition_wanted_fn wanted;
	exposition_sample_fn on_sample;
};

/* What came of it: the samples, one per line, then "error CODE: TEXT" if it was bad. */
struct outcome {
	struct buf text;
	size_t samples;
};

static void print_escaped(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			buf_add_text(out, "\\n");
		else if (s.p[i] == '\0')
			buf_add_text(out, "\\0");
		else
			buf_add(out, &s.p[i], 1);
	}
}

static bool print_sample(void *ctx, const struct exposition_sample *sample, struct err *err)
{
	struct buf *out = ctx;
	char number[UNITS_TEXT_MAX];

	(void)err;
	buf_add_str(out, sample->name);
	for (size_t i = 0; i < sample->nlabels; i++) {
		buf_add_text(out, i == 0 ? "{" : ",");
		buf_add_str(out, sample->labels[i].name);
		buf_add_text(out, "=<");
		print_escaped(sample->labels[i].value, out);
		buf_add_text(out, ">");
	}
	number_format(sample->value, number);
	buf_printf(out, "%s %s", sample->nlabels > 0 ? "}" : "", number);
	if (sample->has_timestamp)
		buf_printf(out, " @%" PRId64, sample->timestamp_ms);
	buf_printf(out, " %s%s\n", metric_type_name(sample->type),
	           sample->is_cumulative ? "+" : "");
	return true;
}

/* A small generator of our own: the same cuts on every machine. */
static uint32_t lcg(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* Reads in chunks of `chunk` bytes, or, when that is 0, in random ones from `seed`. Every chunk is
 * a heap copy of its own, so that a sanitizer sees a view that outlived its bytes. */
static void read_chunked(const struct reading *r, size_t chunk, uint32_t seed, struct outcome *out)
{
	struct err err;
	struct exposition *e;
	bool ok = true;

	buf_init(&out->text, 4 * PAGE_MAX);
	e = exposition_new(r->limits, r->on_sample ? r->on_sample : print_sample, r->wanted,
	                   &out->text, &err);
	ck_assert_ptr_nonnull(e);
	exposition_expect(e, r->format, r->is_whole);
	for (size_t at = 0; ok && at < r->page.n;) {
		size_t n = chunk > 0 ? chunk : lcg(&seed) % 40;
		char *copy;

		if (n > r->page.n - at)
			n = r->page.n - at;
		copy = malloc(n > 0 ? n : 1); /* exactly, so that a sanitizer sees who reads on */
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, r->page.p + at, n);
		ok = exposition_feed(e, copy, n, &err);
		free(copy);
		at += n;
	}
	ok = exposition_finish(e, &err) && ok;
	if (!ok)
		buf_printf(&out->text, "error %s: %s\n", err_code_name(err.code), err.text);
	buf_add_char(&out->text, '\0');
	out->samples = exposition_samples(e);
	exposition_free(&e);
	ck_assert_ptr_null(e);
}

/* Reads whole, byte by byte and in many random cuts; all must give `expected`. */
static void expect_reading(const char *why, const struct reading *r, const char *expected)
{
	struct outcome whole, cut;

	read_chunked(r, r->page.n + 1, 0, &whole);
	ck_assert_msg(strcmp(whole.text.bytes, expected) == 0, "%s:\n%s\nexpected:\n%s", why,
	              whole.text.bytes, expected);
	for (uint32_t seed = 0; seed < 20; seed++) {
		read_chunked(r, seed == 0 ? 1 : 0, seed, &cut);
		ck_assert_msg(strcmp(cut.text.bytes, expected) == 0 && cut.samples == whole.samples,
		              "%s, cut with seed %u:\n%s\nexpected:\n%s", why, seed, cut.text.bytes,
		              expected);
		buf_fini(&cut.text);
	}
	buf_fini(&whole.text);
}

struct row {
	const char *why;
	struct str page;
	const char *expected;
};

#define PAGE(literal)                                                                              \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

#endif
