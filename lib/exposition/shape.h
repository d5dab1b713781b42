/*
 * shape - what a page looks like but for its values, in entries: the text up to where a sample's
 * value begins (metadata before it, then name and labels), while what is between that and the end
 * of the line is read anew. Of an unwanted sample the text ends behind its name. The last entry is
 * what follows the last sample. Internal to lib/exposition.
 *
 * Drawn while a page is parsed, then never changed: targets share it.
 */
#ifndef EXPOSITION_SHAPE_H
#define EXPOSITION_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#include "exposition/exposition.h"

struct part_rule;

/* No padding: entries and takes are compared as bytes. */
struct entry {
	uint32_t at, n;      /* its text */
	uint32_t line_at;    /* where in the text the sample's line begins */
	uint32_t line;       /* its number on the page */
	uint32_t times;      /* lines of this text, one after the other */
	uint32_t take;       /* number in takes + 1; 0: not wanted */
	uint32_t ends_point; /* within the text, or by the sample, the point before is over */
};

enum { TAKE_CUMULATIVE = 1, TAKE_OPENS_POINT = 2, TAKE_INFINITE = 4 };

struct take {
	const struct part_rule *part; /* OpenMetrics */
	uint32_t name_at, name_n;
	uint32_t type, declared; /* enum metric_type */
	uint32_t facts;
	uint32_t unused;
};
_Static_assert(sizeof(struct entry) == 7 * sizeof(uint32_t), "no padding");
_Static_assert(sizeof(struct take) == sizeof(void *) + 6 * sizeof(uint32_t), "no padding");

struct shape {
	size_t references;
	struct exposition_shapes *counted; /* in the bytes of these; NULL: not */
	size_t bytes;
	enum exposition_format format;
	struct exposition_limits limits; /* it was within */
	uint64_t hash;
	char *text;
	struct entry *entries;
	struct take *takes;
	size_t ntext, nentries, ntakes;
	size_t text_capacity, entries_capacity, takes_capacity;
	size_t samples, lines;
	/* While it is drawn. */
	size_t pending; /* from here on the text belongs to no entry yet */
	size_t ended;   /* points, at the newest entry */
	uint64_t point; /* number of the newest */
};

void shape_drop(struct shape **shape);
/* From here on what is parsed is drawn; without memory it is not. */
void begin_drawing(struct exposition *e);

#endif
