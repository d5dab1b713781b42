/*
 * str - comparing, slicing and copying borrowed views, and the small text work shared by messages.
 */
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_BYTES_MAX 60
#define NEAREST_NAME_MAX 64
#define NEAREST_DISTANCE_MAX 2
#define FNV_OFFSET 14695981039346656037U
#define FNV_PRIME 1099511628211U

struct str str_of(const char *text)
{
	return (struct str){.p = text ? text : "", .n = text ? strlen(text) : 0};
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_eq_text(struct str a, const char *text)
{
	return str_eq(a, str_of(text));
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

bool str_starts_with(struct str a, struct str prefix)
{
	return a.n >= prefix.n && str_eq(str_slice(a, 0, prefix.n), prefix);
}

bool str_ends_with(struct str a, struct str suffix)
{
	return a.n >= suffix.n && str_eq(str_slice(a, a.n - suffix.n, a.n), suffix);
}

struct str str_slice(struct str a, size_t from, size_t to)
{
	if (to > a.n)
		to = a.n;
	if (from >= to)
		return STR("");
	return (struct str){.p = a.p + from, .n = to - from};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str a)
{
	size_t from = 0;
	size_t to = a.n;

	while (from < to && is_blank(a.p[from]))
		from++;
	while (to > from && is_blank(a.p[to - 1]))
		to--;
	return str_slice(a, from, to);
}

uint64_t str_hash(struct str a, uint64_t seed)
{
	uint64_t hash = FNV_OFFSET ^ seed;

	for (size_t i = 0; i < a.n; i++)
		hash = (hash ^ (unsigned char)a.p[i]) * FNV_PRIME;
	return hash;
}

char *str_dup(struct str a)
{
	char *copy = malloc(a.n + 1);

	if (!copy)
		return NULL;
	if (a.n > 0)
		memcpy(copy, a.p, a.n);
	copy[a.n] = '\0';
	return copy;
}

char *text_dup(const char *text)
{
	return text ? str_dup(str_of(text)) : NULL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Damerau-Levenshtein with adjacent swaps (optimal string alignment); both at most
 * NEAREST_NAME_MAX. */
static size_t edit_distance(struct str a, struct str b)
{
	size_t rows[3][NEAREST_NAME_MAX + 1];
	size_t *before = rows[0];
	size_t *above = rows[1];
	size_t *row = rows[2];

	for (size_t j = 0; j <= b.n; j++) {
		before[j] = j;
		above[j] = j;
	}
	for (size_t i = 1; i <= a.n; i++) {
		size_t *spare = before;

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t differs = a.p[i - 1] == b.p[j - 1] ? 0 : 1;

			row[j] = min3(above[j] + 1, row[j - 1] + 1, above[j - 1] + differs);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[b.n];
}

const char *str_nearest(struct str a, const char *const *names)
{
	const char *best = NULL;
	size_t best_distance = NEAREST_DISTANCE_MAX + 1;

	if (a.n > NEAREST_NAME_MAX)
		return NULL;
	for (; *names; names++) {
		struct str name = str_of(*names);
		size_t longer = name.n > a.n ? name.n : a.n;
		size_t distance;

		if (name.n > NEAREST_NAME_MAX)
			continue;
		distance = edit_distance(a, name);
		/* Two names that share no byte are not alike, however short. */
		if (distance < best_distance && distance < longer) {
			best = *names;
			best_distance = distance;
		}
	}
	return best;
}

/* The length of the well-formed UTF-8 sequence at the start (1 to 4), 0 when there is none. */
static size_t utf8_length(struct str a)
{
	unsigned char first = a.n > 0 ? (unsigned char)a.p[0] : 0x80;
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	size_t length;

	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		length = 2;
	else if (first >= 0xE0 && first <= 0xEF)
		length = 3;
	else if (first >= 0xF0 && first <= 0xF4)
		length = 4;
	else
		return 0;
	/* The second byte's range refuses overlong forms, surrogates and what is beyond U+10FFFF.
	 */
	if (first == 0xE0)
		low = 0xA0;
	else if (first == 0xED)
		high = 0x9F;
	else if (first == 0xF0)
		low = 0x90;
	else if (first == 0xF4)
		high = 0x8F;
	if (a.n < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		unsigned char c = (unsigned char)a.p[i];

		if (c < low || c > high)
			return 0;
		low = 0x80;
		high = 0xBF;
	}
	return length;
}

bool str_is_utf8(struct str a)
{
	size_t at = 0;

	while (at < a.n) {
		size_t length = utf8_length(str_slice(a, at, a.n));

		if (length == 0 || a.p[at] == '\0')
			return false;
		at += length;
	}
	return true;
}

const char *str_quote(struct str a, char out[STR_QUOTE_MAX])
{
	size_t at = 0;
	size_t n = 0;

	out[n++] = '"';
	while (at < a.n) {
		size_t length = utf8_length(str_slice(a, at, a.n));
		unsigned char first = (unsigned char)a.p[at];

		if (at + (length ? length : 1) > QUOTE_BYTES_MAX) {
			memcpy(out + n, "...", 3);
			n += 3;
			break;
		}
		if (length == 0 || first < 0x20 || first == 0x7F) {
			out[n++] = '?';
			at++;
			continue;
		}
		memcpy(out + n, a.p + at, length);
		n += length;
		at += length;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

void text_mend_cut(char *text, size_t size)
{
	size_t n = strlen(text);
	size_t start = n;

	if (n + 1 < size)
		return;
	while (start > 0 && n - start < 4) {
		unsigned char c = (unsigned char)text[--start];

		if (c < 0x80)
			return;
		if (c >= 0xC0) {
			if (utf8_length((struct str){.p = text + start, .n = n - start}) == 0)
				text[start] = '\0';
			return;
		}
	}
}

void text_vformat(char *out, size_t size, const char *fmt, va_list args)
{
	if (vsnprintf(out, size, fmt, args) < 0)
		out[0] = '\0';
	text_mend_cut(out, size);
}
