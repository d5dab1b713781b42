/*
 * fuzz - what the fuzz targets share. A target is one file with fuzz_one(), which takes any bytes,
 * never fails on bad input, and aborts when a property it states does not hold.
 *
 * fuzz_one() has libFuzzer's name, so that the same file links with libFuzzer (`make fuzz`) and with
 * replay.c, which runs it over stored inputs (`make check`).
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

#define fuzz_one LLVMFuzzerTestOneInput

int fuzz_one(const uint8_t *bytes, size_t n);

/* The input as text that is not NUL-terminated, so that reading beyond it is seen. */
static inline struct str fuzz_text(const uint8_t *bytes, size_t n)
{
	return (struct str){.p = n > 0 ? (const char *)bytes : "", .n = n};
}

static inline void fuzz_demand(bool holds, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline void fuzz_demand(bool holds, const char *fmt, ...)
{
	va_list args;

	if (holds)
		return;
	va_start(args, fmt);
	fputs("broken: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

/* Numbers that follow from the input, so that an input says it all. */
struct fuzz_dice {
	uint64_t state;
};

static inline struct fuzz_dice fuzz_dice(struct str input, uint64_t salt)
{
	return (struct fuzz_dice){.state = str_hash(input, salt) | 1};
}

/* 0 <= result < n */
static inline size_t fuzz_roll(struct fuzz_dice *d, size_t n)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return (size_t)(d->state >> 11) % n;
}

/* How much of `left` bytes comes next when input arrives in pieces: often a byte, sometimes much. */
static inline size_t fuzz_cut(struct fuzz_dice *d, size_t left)
{
	const size_t lengths[] = {1, 2, 7, 64, 1500};
	size_t n = 1 + fuzz_roll(d, lengths[fuzz_roll(d, ARRAY_LEN(lengths))]);

	return n < left ? n : left;
}

#endif
