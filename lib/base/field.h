/*
 * field - tables that say how a JSON object maps onto a C struct. One table decodes, encodes
 * (canonical, defaults written out), copies, frees, and prints the reference text.
 *
 * Every key that is not in the table is an error with a "did you mean"; errors carry the JSON
 * Pointer and, where known, line and column. Decoding goes on after an error, so that all mistakes
 * are listed.
 *
 * Scalars are read leniently in spelling and strictly in meaning: an integer field takes 10 or
 * "10", a duration takes "15m", a ratio "1%" or 0.01. A text field takes a string only.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/decode.h"
#include "base/err.h"

enum field_kind {
	FIELD_BOOL = 0,  /* bool */
	FIELD_INT,       /* int64_t; min..max */
	FIELD_NUMBER,    /* double, finite; min..max */
	FIELD_RATIO,     /* double; min..max as ratios (100 % is 1) */
	FIELD_DURATION,  /* int64_t milliseconds; min..max in milliseconds */
	FIELD_INSTANT,   /* struct wall */
	FIELD_ENUM,      /* int, an index into names[] (NULL-terminated) */
	FIELD_TEXT,      /* char *, heap, NULL when absent; min..max bound the length in bytes */
	FIELD_TEXT_LIST, /* char **, heap, + size_t count; a lone string reads as a list of one;
	                    min..max bound the count */
	FIELD_JSON,      /* json_t *, owned, any value; plain YAML scalars get their core type */
	FIELD_STRUCT,    /* a nested struct in place, NOT a pointer */
	FIELD_LIST,      /* struct array: pointer + size_t count; a JSON array of objects */
	FIELD_MAP,       /* like LIST, from a JSON object, in its order: each key lands in the
	                    element's first member, which must be `char *name` and is not itself in
	                    the element's table */
	FIELD_CUSTOM     /* whatever field.custom does */
};

struct field_table;

/* For shapes a row cannot say. Each works on the address of the member. decode reports its own
 * problems through decode_problem(); encode returns a new reference, NULL to leave the key out. */
struct field_custom {
	bool (*decode)(json_t *value, void *member, struct decode *d);
	json_t *(*encode)(const void *member);
	bool (*copy)(const void *from, void *to);
	void (*free)(void *member);
};

enum field_flag {
	FIELD_REQUIRED = 1,
	/* encode leaves a member without fallback out when it is zero (no text, empty list, NULL
	 * json, zero instant, 0, a nested struct of zeros); an absent STRUCT stays zero. */
	FIELD_OMIT_ABSENT = 2
};

/*
 * An absent key reads as its fallback, else as zero. An absent STRUCT without fallback and without
 * FIELD_OMIT_ABSENT reads like {}, so that the defaults inside it hold. The fallback of a STRUCT,
 * LIST, MAP or JSON is JSON text; that of a TEXT_LIST or CUSTOM is one text unless it starts with [
 * or {.
 */

struct field {
	const char *key;
	enum field_kind kind;
	unsigned flags;
	size_t offset;
	size_t count_offset;             /* TEXT_LIST, LIST, MAP: where the size_t count lives */
	double min, max;                 /* both 0: no bound */
	const char *const *names;        /* ENUM */
	const struct field_table *table; /* STRUCT, LIST, MAP */
	const struct field_custom *custom;
	const char *fallback; /* what an absent key reads as, in the spelling a person would use */
	const char *doc;      /* one sentence for the reference */
};

struct field_table {
	const char *noun; /* "gate", "stage": for messages and the reference */
	const struct field *fields;
	size_t n;
	size_t size; /* of the struct */
	/* Optional: rewrites the object before its keys are read (short forms to long ones). Given
	 * whatever value stands there, an object or not, so that `qa` can stand for {role: qa}.
	 * Returns a new reference, or NULL after reporting a problem. The rewritten values keep the
	 * pointer they had in the document as far as possible, so that positions still fit. */
	json_t *(*normalise)(json_t *object, struct decode *d);
	/* Optional: checks the decoded struct as a whole; called only when its members are all
	 * right. */
	bool (*check)(const void *decoded, struct decode *d);
};

/* Fills *out (zeroed by us first). False when any problem was reported; *out is then safe to free.
 */
bool field_decode(const struct field_table *table, json_t *object, void *out,
                  struct decode *d) MUST_CHECK;
/* Reads one value as one field, for custom decoders. `base` is the struct that field.offset is
 * relative to; the member is empty before. */
bool field_decode_one(const struct field *field, json_t *value, void *base,
                      struct decode *d) MUST_CHECK;
/* A new reference; NULL without memory. Keys in table order, defaults written out; durations and
 * instants in their text form, ratios as reals. What has no spelling is left out: no text, no json,
 * a zero beyond the bounds. field_decode(field_encode(x)) is x. */
json_t *field_encode(const struct field_table *table, const void *in);
/* The same with only the members whose keys are listed. */
json_t *field_encode_some(const struct field_table *table, const void *in, const char *const *only,
                          size_t nonly);
/* Deep copy into *out (overwritten, not freed). Members outside the table are zero in the copy.
 * False without memory; *out is then safe to free. */
bool field_copy(const struct field_table *table, const void *in, void *out) MUST_CHECK;
/* Frees everything the members own and zeroes the struct. Harmless on a zeroed struct. */
void field_free(const struct field_table *table, void *in);
/* Frees an element-wise heap array of LIST/MAP members (used by code that edits lists in memory).
 */
void field_list_free(const struct field_table *table, void *items, size_t n, bool named);

/* The reference of one table and the tables below it, in Markdown: key, kind, bounds, default, doc.
 */
void field_reference(const struct field_table *table, struct buf *out);

/* JSON text that two equal documents share: object keys sorted by bytes, no spaces, reals with 17
 * digits and always recognisable as reals. What policy hashes and audit records are made of.
 * Nesting is at most 64. */
bool json_canonical(const json_t *value, struct buf *out, struct err *err) MUST_CHECK;

/* Parses wire JSON strictly: no duplicate keys, no trailing data, no byte order mark, no number
 * that is too small to be kept, depth at most 32, at most 10000 tokens and max_bytes, root an
 * object. NULL with line and column in *err otherwise. */
json_t *json_parse_strict(struct str text, size_t max_bytes, struct err *err);

/* YAML 1.2 core schema for one unquoted scalar: null, bool, int, float, else string. What JSON
 * cannot hold exactly as a number (.inf, an integer beyond 64 bits) stays a string. New reference;
 * NULL without memory or when the bytes are not UTF-8. */
json_t *json_of_plain_scalar(struct str text);

#endif
