/* XXH64 as its specification has it, and label sets as the bytes it is taken of. */
#include "promql/label_hash.h"

#include <string.h>

#include "promql/vector.h"

#define PRIME1 0x9e3779b185ebca87U
#define PRIME2 0xc2b2ae3d27d4eb4fU
#define PRIME3 0x165667b19e3779f9U
#define PRIME4 0x85ebca77c2b2ae63U
#define PRIME5 0x27d4eb2f165667c5U

#define STRIPE_BYTES 32

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

/* Little-endian, on any machine. */
static uint64_t read_word(const unsigned char *p, size_t bytes)
{
	uint64_t word = 0;

	for (size_t i = bytes; i > 0; i--)
		word = word << 8 | p[i - 1];
	return word;
}

static uint64_t mix(uint64_t lane, uint64_t word)
{
	return rotate(lane + word * PRIME2, 31) * PRIME1;
}

static uint64_t merge(uint64_t hash, uint64_t lane)
{
	return (hash ^ mix(0, lane)) * PRIME1 + PRIME4;
}

/* All whole stripes; *at ends behind them. */
static uint64_t hash_stripes(const unsigned char *bytes, size_t n, size_t *at)
{
	uint64_t lanes[4] = {PRIME1 + PRIME2, PRIME2, 0, 0 - PRIME1};
	uint64_t hash;

	if (n < STRIPE_BYTES)
		return PRIME5;
	for (; n - *at >= STRIPE_BYTES; *at += STRIPE_BYTES) {
		for (size_t i = 0; i < 4; i++)
			lanes[i] = mix(lanes[i], read_word(bytes + *at + 8 * i, 8));
	}
	hash = rotate(lanes[0], 1) + rotate(lanes[1], 7) + rotate(lanes[2], 12) +
	       rotate(lanes[3], 18);
	for (size_t i = 0; i < 4; i++)
		hash = merge(hash, lanes[i]);
	return hash;
}

uint64_t xxh64(const unsigned char *bytes, size_t n)
{
	size_t at = 0;
	uint64_t hash = hash_stripes(bytes, n, &at) + n;

	for (; n - at >= 8; at += 8)
		hash = rotate(hash ^ mix(0, read_word(bytes + at, 8)), 27) * PRIME1 + PRIME4;
	for (; n - at >= 4; at += 4)
		hash = rotate(hash ^ (read_word(bytes + at, 4) * PRIME1), 23) * PRIME2 + PRIME3;
	for (; at < n; at++)
		hash = rotate(hash ^ (bytes[at] * PRIME5), 11) * PRIME1;
	hash = (hash ^ hash >> 33) * PRIME2;
	hash = (hash ^ hash >> 29) * PRIME3;
	return hash ^ hash >> 32;
}

/* A length below 255 is one byte; else 255 and three bytes. */
static size_t put_text(unsigned char *to, struct str text)
{
	size_t head = 1;

	to[0] = text.n < 255 ? (unsigned char)text.n : 255;
	if (text.n >= 255) {
		for (; head < 4; head++)
			to[head] = (unsigned char)(text.n >> (8 * (head - 1)));
	}
	if (text.n)
		memcpy(to + head, text.p, text.n);
	return head + text.n;
}

bool label_place(const struct labels *l, struct arena *arena, double *out, struct err *err)
{
	unsigned char *bytes;
	uint64_t hash;
	size_t size = 0;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		size += labels_at(l, i)->name.n + labels_at(l, i)->value.n + 8;
	bytes = take_array(arena, size, 1, err);
	if (!bytes)
		return false;
	for (size_t i = 0; i < l->n; i++) {
		n += put_text(bytes + n, labels_at(l, i)->name);
		n += put_text(bytes + n, labels_at(l, i)->value);
	}
	hash = xxh64(bytes, n);
	*out = (double)hash / 18446744073709551615.0;
	return true;
}
