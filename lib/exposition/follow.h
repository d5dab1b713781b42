/*
 * follow - reading along a memory, and drawing a new one while a page is parsed. Internal to
 * lib/exposition.
 */
#ifndef EXPOSITION_FOLLOW_H
#define EXPOSITION_FOLLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "exposition/exposition.h"
#include "exposition/memory.h"

struct part_rule;
struct shape;

/* Where reading along stands. */
struct follow {
	struct shape *shape; /* own reference; NULL: the page is parsed */
	size_t at;           /* entry */
	uint32_t times;      /* of its lines that are done */
	size_t matched;      /* bytes of its text; all of them: within the rest of the line */
};

/* What the line just parsed turned out to be; for the drawing. */
struct line_facts {
	bool is_sample;
	bool is_odd;            /* not to be remembered */
	bool is_cumulative;
	const char *series_end; /* behind name and labels, of an unwanted one behind its name */
	bool is_quoted;
};

void memory_end(struct exposition *e); /* frees what the page under way has */
/* Reads along. False: from *bytes on the page has to be parsed, or it is bad (e->failed). */
bool follow_bytes(struct exposition *e, const char **bytes, size_t *n, bool *out_ok,
                  struct err *err);
/* At the end of the page. False: it is bad. */
bool follow_finish(struct exposition *e, struct err *err) MUST_CHECK;
/* A line was parsed. */
void draw_line(struct exposition *e, const char *line, size_t n);
/* The line of one more unwanted sample of the name before. */
void draw_skipped(struct exposition *e, const char *line);
void draw_finish(struct exposition *e);

#endif
