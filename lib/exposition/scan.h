/*
 * scan - the state of a page being read, and the pieces that both formats are made of: places in a
 * line, names, quoted strings, labels, numbers. Internal to lib/exposition.
 *
 * Every function that fails has put "line L, column C" in front of *err. A view that is handed out
 * points into the line or into e->unescaped and is good until the next line.
 */
#ifndef EXPOSITION_SCAN_H
#define EXPOSITION_SCAN_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/units.h"
#include "exposition/exposition.h"
#include "exposition/family.h"
#include "exposition/follow.h"
#include "exposition/rules.h"

/* Memory that grows to what the page needs, within the bounds. */
struct scratch {
	char *bytes;
	size_t n, capacity;
};

struct exposition {
	struct exposition_limits limits;
	enum exposition_format format;
	bool is_whole;
	exposition_sample_fn on_sample;
	exposition_wanted_fn wanted;
	void *ctx;
	struct families families;
	struct rules rules;       /* of OpenMetrics */
	struct scratch carry;     /* the start of a line whose end has not come yet */
	struct scratch unescaped; /* strings of the present line that had escapes */
	struct scratch joined;    /* a name and a suffix */
	struct scratch family;    /* the name on the newest metadata line, unless in quotes */
	struct label *labels;     /* of the sample, then of its exemplar */
	size_t nlabels, labels_capacity;
	size_t bytes, lines, samples;
	/* The name of the previous sample and what was found out about it. */
	struct scratch name;
	bool name_is_wanted;
	bool name_is_quoted; /* it may need the quotes: without them its bytes are no name */
	bool type_is_known;
	enum metric_type type;
	enum metric_type declared;      /* by the newest TYPE line */
	char canonical[UNITS_TEXT_MAX]; /* of the sample's le or quantile */
	/* memory.h */
	struct exposition_memory *memory; /* borrowed; NULL: none */
	uint64_t generation;              /* of it */
	exposition_known_fn known;
	struct follow follow;
	struct shape *drawing; /* own; NULL: what is parsed is not remembered */
	struct line_facts facts;
	bool is_replaying; /* what is parsed has been handed out before; values count for nothing */
	bool is_repeated;
	bool is_resting;  /* neither read along nor drawn */
	bool was_followed; /* read along, to its end or not */
	size_t handed; /* samples handed out while parsing */
	bool failed;
	enum exposition_trouble trouble;
	struct err err;
};

/* A place in the present line. */
struct cursor {
	const char *start, *p, *end;
};

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What a byte can be. PLAIN: within quotes it stands for itself, and is ASCII. */
enum { BYTE_LETTER = 1, BYTE_DIGIT = 2, BYTE_COLON = 4, BYTE_PLAIN = 8 };
extern const unsigned char byte_kinds[256];

static inline bool is_kind(char c, unsigned kinds)
{
	return (byte_kinds[(unsigned char)c] & kinds) != 0;
}

/* The high bit of each byte of `word` that is `c`, and maybe of some above the lowest of those. */
static inline uint64_t bytes_equal(uint64_t word, char c)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t differing = word ^ (ones * (unsigned char)c);

	return (differing - ones) & ~differing & (ones << 7);
}

/* The first byte that is not BYTE_PLAIN; eight at a time while there are as many. */
static inline const char *skip_plain(const char *p, const char *end)
{
	uint64_t word, odd;

	for (; end - p >= (ptrdiff_t)sizeof(word); p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		word = le64toh(word); /* the first byte is the lowest */
		odd = bytes_equal(word, '"') | bytes_equal(word, '\\') |
		      (word & UINT64_C(0x8080808080808080));
		if (odd != 0)
			return p + __builtin_ctzll(odd) / 8;
	}
	while (p < end && is_kind(*p, BYTE_PLAIN))
		p++;
	return p;
}

static inline void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && is_blank(*c->p))
		c->p++;
}

static inline struct str rest_of(const struct cursor *c)
{
	return (struct str){.p = c->p, .n = (size_t)(c->end - c->p)};
}

bool scratch_hold(struct scratch *s, size_t capacity, struct err *err) MUST_CHECK;
bool scratch_add(struct scratch *s, const char *bytes, size_t n, struct err *err) MUST_CHECK;

/* Says where in the page *err happened: byte `column` (from 0) of line `line` (from 0). False. */
bool misplaced(size_t line, size_t column, struct err *err);
/* The same for a place in the present line. */
bool bad(const struct exposition *e, const struct cursor *c, const char *at, struct err *err);
/* What was expected, and what stands at `at` instead. */
bool unexpected(const struct exposition *e, const struct cursor *c, const char *at,
                const char *expected, struct err *err);
/* Remembers which bound it was; *err is set, its place is not. */
bool too_much(struct exposition *e, const struct cursor *c, const char *at,
              enum exposition_trouble which, struct err *err);

/* Unlike str_is_utf8(), lets NUL pass: Prometheus does, in label values and help texts. */
bool is_utf8(struct str text);

/* Empty when no name starts here. Metric names may hold colons, label names may not. */
static inline struct str take_name(struct cursor *c, bool colons)
{
	const unsigned first = colons ? BYTE_LETTER | BYTE_COLON : BYTE_LETTER;
	const char *from = c->p;

	if (c->p < c->end && is_kind(*c->p, first)) {
		do
			c->p++;
		while (c->p < c->end && is_kind(*c->p, first | BYTE_DIGIT));
	}
	return (struct str){.p = from, .n = (size_t)(c->p - from)};
}

/* The name of a metric or family. Most begin with the name on the newest metadata line, whose bytes
 * have been looked at. */
static inline struct str take_page_name(const struct exposition *e, struct cursor *c)
{
	const char *from = c->p;
	size_t known = e->family.n;

	if (known == 0 || (size_t)(c->end - from) < known ||
	    memcmp(from, e->family.bytes, known) != 0)
		return take_name(c, true);
	c->p += known;
	while (c->p < c->end && is_kind(*c->p, BYTE_LETTER | BYTE_COLON | BYTE_DIGIT))
		c->p++;
	return (struct str){.p = from, .n = (size_t)(c->p - from)};
}

bool check_name(struct exposition *e, const struct cursor *c, const char *at, struct str name,
                const char *noun, struct err *err) MUST_CHECK;
bool take_any_string(struct exposition *e, struct cursor *c, const char *noun, struct str *out,
                     struct err *err) MUST_CHECK;
/* From the opening quote to behind the closing one; `noun` is what the string is. */
static inline bool take_string(struct exposition *e, struct cursor *c, const char *noun,
                               struct str *out, struct err *err)
{
	const char *p = skip_plain(c->p + 1, c->end);

	if (p == c->end || *p != '"')
		return take_any_string(e, c, noun, out, err);
	*out = (struct str){.p = c->p + 1, .n = (size_t)(p - c->p - 1)};
	c->p = p + 1;
	return true;
}
/* The metric type of this name, up to and including `last`. */
bool find_type(struct str word, enum metric_type last, enum metric_type *out);
/* The name of a family, plain or quoted. */
bool take_family_name(struct exposition *e, struct cursor *c, struct str *out,
                      struct err *err) MUST_CHECK;

/* From behind '{' to behind '}', added to e->labels. A quoted string that is no label goes to
 * *name when that is empty (p NULL) and is an error otherwise; NULL in an exemplar. */
bool take_labels(struct exposition *e, struct cursor *c, struct str *name,
                 struct err *err) MUST_CHECK;

/* Name and labels of a sample, up to its value. *out_wanted false: they were not looked at. */
bool take_series(struct exposition *e, struct cursor *c, struct exposition_sample *sample,
                 bool *out_wanted, struct err *err) MUST_CHECK;
bool hand_out(struct exposition *e, const struct cursor *c, struct exposition_sample *sample,
              struct err *err) MUST_CHECK;

/* Everything up to the next blank; in OpenMetrics only the space is one. */
struct str take_word(const struct exposition *e, struct cursor *c);
/* A decimal number, NaN or Inf. */
bool take_number(const struct exposition *e, struct cursor *c, const char *noun, double *out,
                 struct err *err) MUST_CHECK;

/* Optional. In Prometheus text; from behind the value to the end of the line. */
bool take_timestamp(const struct exposition *e, struct cursor *c, struct exposition_sample *sample,
                    struct err *err) MUST_CHECK;
/* Parses bytes of the page that are not read along. */
bool page_bytes(struct exposition *e, const char *bytes, size_t n, struct err *err) MUST_CHECK;

/* One line, from its first byte. */
bool prometheus_line(struct exposition *e, struct cursor *c, struct err *err) MUST_CHECK;
bool openmetrics_line(struct exposition *e, struct cursor *c, struct err *err) MUST_CHECK;

#endif
