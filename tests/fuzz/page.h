/*
 * page - a metrics page read in every way that must give the same: whole, cut, with a filter, along
 * the memory of another.
 */
#ifndef TESTS_FUZZ_PAGE_H
#define TESTS_FUZZ_PAGE_H

#include "exposition/exposition.h"
#include "exposition/memory.h"
#include "fuzz.h"

/* How one page is read. */
struct page_reading {
	struct exposition_limits limits;
	enum exposition_format format;
	bool is_whole; /* its last line may lack the newline */
	bool is_cut;
	unsigned wanted_modulo; /* 0: no filter; else names with hash % modulo == 0 */
	uint64_t salt;          /* of the cuts */
	struct exposition_memory *memory; /* NULL: none */
};

/* What came of it. */
struct page_result {
	bool ok;
	size_t nsamples;
	uint64_t digest; /* of all samples handed out, in order */
	uint64_t chosen; /* of those a filter with `modulo` would choose */
	unsigned modulo;
	enum exposition_trouble trouble;
	struct err err;
};

static inline uint64_t page_mix(uint64_t digest, struct str s)
{
	return str_hash(s, digest * 31 + s.n);
}

static inline uint64_t page_bytes(uint64_t digest, const void *bytes, size_t n)
{
	return page_mix(digest, (struct str){.p = bytes, .n = n});
}

static inline bool page_chooses(struct str name, unsigned modulo)
{
	return modulo == 0 || str_hash(name, 5) % modulo == 0;
}

static inline bool page_on_sample(void *ctx, const struct exposition_sample *sample,
                                  struct err *err)
{
	struct page_result *r = ctx;
	uint64_t d = page_mix(1, sample->name);
	int64_t at = sample->has_timestamp ? sample->timestamp_ms : -1;

	(void)err;
	for (size_t i = 0; i < sample->nlabels; i++) {
		d = page_mix(d, sample->labels[i].name);
		d = page_mix(d, sample->labels[i].value);
		for (size_t j = 0; j < i; j++)
			fuzz_demand(!str_eq(sample->labels[i].name, sample->labels[j].name),
			            "a label twice on one sample");
	}
	d = page_bytes(d, &sample->value, sizeof(sample->value));
	d = page_bytes(d, &at, sizeof(at));
	d = page_bytes(d, &sample->type, sizeof(sample->type));
	d = d * 2 + sample->is_cumulative;
	r->digest = r->digest * 1000003 + d;
	if (page_chooses(sample->name, r->modulo))
		r->chosen = r->chosen * 1000003 + d;
	r->nsamples++;
	return true;
}

static inline bool page_wanted(void *ctx, struct str name)
{
	const struct page_result *r = ctx;

	return page_chooses(name, r->modulo);
}

static inline struct page_result page_read_as(struct str page, const struct page_reading *how,
                                              unsigned modulo)
{
	struct page_result r = {.modulo = modulo};
	struct fuzz_dice dice = fuzz_dice(page, how->salt);
	struct exposition *e = exposition_new(&how->limits, page_on_sample,
	                                      how->wanted_modulo ? page_wanted : NULL, &r, &r.err);

	fuzz_demand(e != NULL, "no parser: %s", r.err.text);
	exposition_expect(e, how->format, how->is_whole);
	if (how->memory)
		exposition_recall(e, how->memory, NULL);
	r.ok = true;
	for (size_t at = 0, n; r.ok && at < page.n; at += n) {
		/* Each piece on the heap by itself: what the parser keeps, it must have copied. */
		char *piece;

		n = how->is_cut ? fuzz_cut(&dice, page.n - at) : page.n;
		piece = malloc(n);
		fuzz_demand(piece != NULL, "no memory");
		memcpy(piece, page.p + at, n);
		r.ok = exposition_feed(e, piece, n, &r.err);
		free(piece);
	}
	r.ok = r.ok && exposition_finish(e, &r.err);
	r.trouble = exposition_trouble(e);
	fuzz_demand(r.ok == (r.trouble == EXPOSITION_FINE), "%s: %s",
	            exposition_trouble_name(r.trouble), r.ok ? "good" : r.err.text);
	exposition_free(&e);
	return r;
}

/* Small ones for every other page, so that bounds are met too. */
static inline struct exposition_limits page_limits(struct str page)
{
	struct fuzz_dice dice = fuzz_dice(page, 77);

	if (fuzz_roll(&dice, 2) == 0)
		return (struct exposition_limits){.max_bytes = 0};
	return (struct exposition_limits){.max_bytes = 200 + fuzz_roll(&dice, 4000),
	                                  .max_samples = 1 + fuzz_roll(&dice, 40),
	                                  .max_labels = 1 + fuzz_roll(&dice, 8),
	                                  .max_name_bytes = 8 + fuzz_roll(&dice, 64),
	                                  .max_value_bytes = 4 + fuzz_roll(&dice, 64),
	                                  .max_line_bytes = 64 + fuzz_roll(&dice, 256)};
}

static inline void page_expect_same(const struct page_result *a, const struct page_result *b)
{
	fuzz_demand(a->ok == b->ok && a->trouble == b->trouble, "memory: %s, without: %s",
	            a->ok ? "good" : a->err.text, b->ok ? "good" : b->err.text);
	fuzz_demand(a->ok || strcmp(a->err.text, b->err.text) == 0, "memory: \"%s\", without: \"%s\"",
	            a->err.text, b->err.text);
	fuzz_demand(a->digest == b->digest && a->nsamples == b->nsamples, "memory: other samples");
}

/* The page itself, the page with something changed, and so on: read along each other. */
static inline void page_remember(struct str page, struct page_reading how)
{
	struct exposition_memory *memory = exposition_memory_new(NULL);
	struct fuzz_dice dice = fuzz_dice(page, 5);
	char *text = malloc(page.n + 1);

	fuzz_demand(memory != NULL && text != NULL, "no memory");
	for (int round = 0; round < 6; round++) {
		struct page_result with, without;
		struct str other = {.p = text, .n = page.n};

		memcpy(text, page.p, page.n);
		if (round >= 2 && page.n > 0)
			text[fuzz_roll(&dice, page.n)] = page.p[fuzz_roll(&dice, page.n)];
		if (round == 5)
			other.n = fuzz_roll(&dice, page.n + 1);
		how.salt = (uint64_t)round;
		without = page_read_as(other, &how, 2);
		how.memory = memory;
		with = page_read_as(other, &how, 2);
		how.memory = NULL;
		page_expect_same(&with, &without);
		if (!with.ok)
			exposition_memory_forget(memory);
	}
	exposition_memory_free(&memory);
	free(text);
}

static inline void page_properties(struct str page, enum exposition_format format)
{
	struct page_reading how = {.limits = page_limits(page),
	                           .format = format,
	                           .is_whole = str_hash(page, 3) % 2 == 0};
	const unsigned modulo = 2;
	struct page_result whole = page_read_as(page, &how, modulo), again;

	how.is_cut = true;
	for (how.salt = 1; how.salt <= 3; how.salt++) {
		again = page_read_as(page, &how, modulo);
		fuzz_demand(again.ok == whole.ok, "cut: %s, whole: %s", again.ok ? "good" : again.err.text,
		            whole.ok ? "good" : whole.err.text);
		fuzz_demand(again.trouble == whole.trouble, "cut: another trouble");
		fuzz_demand(!whole.ok || again.digest == whole.digest, "cut: other samples");
		fuzz_demand(whole.ok || strcmp(again.err.text, whole.err.text) == 0,
		            "cut: \"%s\", whole: \"%s\"", again.err.text, whole.err.text);
	}
	page_remember(page, how);
	fuzz_demand(whole.ok || whole.err.text[0] != '\0', "an error without a text");
	fuzz_demand(whole.ok || str_is_utf8(str_of(whole.err.text)), "an error that is not UTF-8");
	/* Skipped lines are not checked, but a good page stays good. */
	how.wanted_modulo = modulo;
	again = page_read_as(page, &how, modulo);
	if (whole.ok)
		fuzz_demand(again.ok && again.digest == whole.chosen, "with a filter: %s",
		            again.ok ? "other samples" : again.err.text);
	page_remember(page, how);
}

#endif
