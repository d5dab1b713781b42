/*
 * labels - sorting, comparing and printing label sets.
 */
#include "series/labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

static inline void sip_text(uint64_t v[4], struct str text)
{
	uint64_t word;
	size_t at = 0;

	for (; text.n - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, text.p + at, sizeof(word));
		sip_word(v, word);
	}
	if (at == text.n)
		return;
	word = 0;
	memcpy(&word, text.p + at, text.n - at);
	sip_word(v, word);
}

/* SipHash-1-3. */
static inline void sip_begin(uint64_t v[4], uint64_t seed)
{
	v[0] = 0x736f6d6570736575U ^ seed;
	v[1] = 0x646f72616e646f6dU ^ ~seed;
	v[2] = 0x6c7967656e657261U ^ seed;
	v[3] = 0x7465646279746573U ^ ~seed;
}

static inline uint64_t sip_end(uint64_t v[4])
{
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Over lengths and texts. */
uint64_t labels_hash(const struct labels *l)
{
	uint64_t v[4];

	sip_begin(v, 0);
	for (size_t i = 0; i < l->n; i++) {
		sip_word(v, (uint64_t)labels_at(l, i)->name.n << 32 |
		                    (uint64_t)labels_at(l, i)->value.n);
		sip_text(v, labels_at(l, i)->name);
		sip_text(v, labels_at(l, i)->value);
	}
	return sip_end(v);
}

/* Whoever writes the page picks the labels, and without a key could pick them to fall into one
 * slot: that takes only some bits of a hash to be the same. All 64 of `hash` are past choosing. */
uint64_t labels_keyed_hash(const struct labels *l, uint64_t seed)
{
	uint64_t v[4];

	sip_begin(v, seed);
	sip_word(v, l->hash);
	return sip_end(v);
}

/* Shell sort: sets are small and nearly sorted, and a hostile set must not cost n * n. */
static void sort(struct label *list, size_t n)
{
	static const size_t gaps[] = {29524, 9841, 3280, 1093, 364, 121, 40, 13, 4, 1};

	for (size_t g = 0; g < ARRAY_LEN(gaps); g++) {
		size_t gap = gaps[g];

		for (size_t i = gap; i < n; i++) {
			struct label moved = list[i];
			size_t at = i;

			for (; at >= gap && str_compare(list[at - gap].name, moved.name) > 0;
			     at -= gap)
				list[at] = list[at - gap];
			list[at] = moved;
		}
	}
}

bool labels_borrow(struct label *list, size_t n, struct labels *out, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	size_t kept = 0;

	sort(list, n);
	for (size_t i = 1; i < n; i++) {
		if (str_eq(list[i - 1].name, list[i].name))
			return err_set(err, ERR_INVALID, "the label %s stands twice",
			               str_quote(list[i].name, quote));
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].value.n > 0)
			list[kept++] = list[i];
	}
	*out = (struct labels){.list = list, .n = kept};
	out->hash = labels_hash(out);
	return true;
}

static size_t text_bytes(const struct label *list, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += list[i].name.n + list[i].value.n;
	return bytes;
}

static struct str copy_text(char **to, struct str text)
{
	struct str copy = {.p = *to, .n = text.n};

	if (text.n > 0)
		memcpy(*to, text.p, text.n);
	*to += text.n;
	return copy;
}

/* Copies the texts of list[] behind it; `block` has room for both. */
static void copy_into(void *block, const struct label *list, size_t n)
{
	struct label *copies = block;
	char *to = (char *)&copies[n];

	for (size_t i = 0; i < n; i++) {
		copies[i].name = copy_text(&to, list[i].name);
		copies[i].value = copy_text(&to, list[i].value);
	}
}

bool labels_make(const struct label *list, size_t n, struct arena *arena, struct labels *out,
                 struct err *err)
{
	struct label *copies = arena_alloc(arena, n * sizeof(*copies) + text_bytes(list, n));

	if (copies == NULL)
		return arena_ok(arena, err);
	copy_into(copies, list, n);
	return labels_borrow(copies, n, out, err);
}

bool labels_copy(const struct labels *l, struct arena *arena, struct labels *out, struct err *err)
{
	size_t bytes = l->n * sizeof(struct label);
	struct label *copies;
	char *to;

	for (size_t i = 0; i < l->n; i++)
		bytes += labels_at(l, i)->name.n + labels_at(l, i)->value.n;
	copies = arena_alloc(arena, bytes);
	if (copies == NULL)
		return arena_ok(arena, err);
	to = (char *)&copies[l->n];
	for (size_t i = 0; i < l->n; i++) {
		copies[i].name = copy_text(&to, labels_at(l, i)->name);
		copies[i].value = copy_text(&to, labels_at(l, i)->value);
	}
	*out = (struct labels){.list = copies, .n = l->n, .hash = l->hash};
	return true;
}

bool labels_own(const struct label *list, size_t n, struct labels *out, struct err *err)
{
	struct label *copies;

	if (n == 0) {
		*out = (struct labels){0};
		out->hash = labels_hash(out);
		return true;
	}
	copies = malloc(n * sizeof(*copies) + text_bytes(list, n));
	if (copies == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the labels of a series");
	copy_into(copies, list, n);
	if (!labels_borrow(copies, n, out, err)) {
		free(copies);
		return false;
	}
	return true;
}

void labels_fini(struct labels *l)
{
	void *block;

	/* The list is const to everyone but its owner, who frees it here. */
	memcpy(&block, &l->list, sizeof(block));
	free(block);
	*l = (struct labels){0};
}

struct str labels_get(const struct labels *l, struct str name)
{
	for (size_t i = 0; i < l->n; i++) {
		if (str_eq(labels_at(l, i)->name, name))
			return labels_at(l, i)->value;
	}
	return STR("");
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	if (a->n != b->n || a->hash != b->hash)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct label *x = labels_at(a, i), *y = labels_at(b, i);

		if (x != y && (!str_eq(x->name, y->name) || !str_eq(x->value, y->value)))
			return false;
	}
	return true;
}

static bool is_among(struct str name, const struct str *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq(names[i], name))
			return true;
	}
	return false;
}

/* The labels whose being among `names` is `wanted`; `drop_name` takes __name__ out as well. */
static bool pick(const struct labels *l, const struct str *names, size_t n, bool wanted,
                 bool drop_name, struct arena *arena, struct labels *out, struct err *err)
{
	struct label *picked = arena_array(arena, l->n, sizeof(*picked));
	size_t npicked = 0;

	if (picked == NULL)
		return arena_ok(arena, err);
	for (size_t i = 0; i < l->n; i++) {
		if (is_among(labels_at(l, i)->name, names, n) == wanted &&
		    !(drop_name && str_eq(labels_at(l, i)->name, STR("__name__"))))
			picked[npicked++] = *labels_at(l, i);
	}
	return labels_make(picked, npicked, arena, out, err);
}

bool labels_keep(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                 struct labels *out, struct err *err)
{
	return pick(l, names, n, true, false, arena, out, err);
}

bool labels_drop(const struct labels *l, const struct str *names, size_t n, struct arena *arena,
                 struct labels *out, struct err *err)
{
	return pick(l, names, n, false, true, arena, out, err);
}

static void print_escaped(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '\n')
			buf_add_text(out, "\\n");
		else if ((unsigned char)c < 0x20 || c == 0x7F)
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)c);
		else {
			if (c == '\\' || c == '"')
				buf_add_char(out, '\\');
			buf_add_char(out, c);
		}
	}
}

void labels_print(const struct labels *l, struct buf *out)
{
	size_t n = 0;

	buf_add_str(out, labels_get(l, STR("__name__")));
	for (size_t i = 0; i < l->n; i++) {
		if (str_eq(labels_at(l, i)->name, STR("__name__")))
			continue;
		buf_add_text(out, n++ == 0 ? "{" : ",");
		buf_add_str(out, labels_at(l, i)->name);
		buf_add_text(out, "=\"");
		print_escaped(labels_at(l, i)->value, out);
		buf_add_char(out, '"');
	}
	if (n > 0 || l->n == 0)
		buf_add_text(out, n > 0 ? "}" : "{}");
}
