/*
 * follow - reading along compares with the text of a shape and reads what is between.
 *
 * What the parser would have to know is either the same as on the remembered page, because the text
 * is, or hangs on values: of those the ones of an open point (OpenMetrics) are kept up to date
 * here.
 */
#include "exposition/follow.h"

#include <stdlib.h>
#include <string.h>

#include "exposition/scan.h"
#include "exposition/shape.h"

/* Parses once more what was read along, now that it has to be known. */
static bool replay(struct exposition *e, const struct follow *f, struct err *err)
{
	for (size_t i = 0; i <= f->at; i++) {
		const struct entry *entry = &f->shape->entries[i];
		uint32_t times = i < f->at ? entry->times : f->times;
		struct str rest = entry->take != 0 ? STR("0\n") : STR("\n");

		for (uint32_t k = 0; k < times; k++) {
			if (!page_bytes(e, f->shape->text + entry->at, entry->n, err) ||
			    !page_bytes(e, rest.p, rest.n, err))
				return false;
		}
	}
	return true;
}

/* From here on the page is parsed. */
static bool leave(struct exposition *e, struct err *err)
{
	struct follow f = e->follow;
	struct point live = e->rules.point;
	struct scratch rest = e->carry;
	bool ok;

	e->follow = (struct follow){0};
	e->carry = (struct scratch){0};
	e->rules.point = (struct point){0};
	e->rules.type = e->declared = METRIC_UNTYPED;
	e->lines = e->samples = 0;
	begin_drawing(e);
	e->is_replaying = true;
	ok = replay(e, &f, err);
	e->is_replaying = false;
	e->rules.point.bucket = live.bucket;
	e->rules.point.count = live.count;
	e->rules.point.sum = live.sum;
	ok = ok && page_bytes(e, f.shape->text + f.shape->entries[f.at].at, f.matched, err) &&
	     page_bytes(e, rest.bytes, rest.n, err);
	free(rest.bytes);
	shape_drop(&f.shape);
	return ok;
}

static bool parse_labels(struct exposition *e, const struct entry *entry, const struct take *take,
                         struct exposition_sample *sample, struct err *err)
{
	const char *text = e->follow.shape->text;
	struct cursor c = {.start = text + entry->line_at, .end = text + entry->at + entry->n};
	struct str name = {0};

	e->nlabels = 0;
	e->unescaped.n = 0;
	c.p = c.start;
	if (*c.p == '{') {
		c.p++;
		if (!take_labels(e, &c, &name, err))
			return false;
		sample->nlabels = e->nlabels;
		return true;
	}
	c.p += take->name_n;
	if (e->format == EXPOSITION_PROMETHEUS)
		skip_blanks(&c);
	if (c.p == c.end || *c.p != '{')
		return true;
	c.p++;
	if (!take_labels(e, &c, &sample->name, err))
		return false;
	sample->nlabels = e->nlabels;
	return true;
}

enum took { TOOK = 0, TOOK_LEAVE, TOOK_BAD };

/* A wanted sample, from its value to the end of the line. */
static enum took take_rest(struct exposition *e, const struct entry *entry, struct str rest,
                           struct err *err)
{
	const struct shape *s = e->follow.shape;
	const struct take *take = &s->takes[entry->take - 1];
	struct cursor c = {.start = rest.p, .p = rest.p, .end = rest.p + rest.n};
	struct exposition_sample sample = {
	        .name = {.p = s->text + take->name_at, .n = take->name_n},
	        .is_cumulative = (take->facts & TAKE_CUMULATIVE) != 0,
	        .place = entry->take,
	};
	struct err ignored;

	if (e->format == EXPOSITION_PROMETHEUS)
		skip_blanks(&c);
	if (!take_number(e, &c, "a value", &sample.value, &ignored))
		return TOOK_LEAVE;
	if (e->format == EXPOSITION_PROMETHEUS
	            ? !take_timestamp(e, &c, &sample, &ignored)
	            : c.p != c.end ||
	                      !point_repeat(e, take->part, (take->facts & TAKE_OPENS_POINT) != 0,
	                                    (take->facts & TAKE_INFINITE) != 0, sample.value))
		return TOOK_LEAVE;
	e->type = (enum metric_type)take->type;
	e->declared = (enum metric_type)take->declared;
	e->lines = entry->line;
	sample.is_known = e->known != NULL && e->known(e->ctx, sample.place);
	if (!sample.is_known && !parse_labels(e, entry, take, &sample, &ignored))
		return TOOK_LEAVE;
	return hand_out(e, &c, &sample, err) ? TOOK : TOOK_BAD;
}

/* From *p, behind the text of the entry, to the end of the line. */
static enum took read_rest(struct exposition *e, const struct entry *entry, const char **p,
                           const char *end, struct err *err)
{
	size_t most = e->limits.max_line_bytes - (entry->at + entry->n - entry->line_at);
	const char *newline = memchr(*p, '\n', (size_t)(end - *p));
	size_t span = (size_t)((newline != NULL ? newline : end) - *p);
	struct str rest = {.p = *p, .n = span};
	enum took took = TOOK;

	if (e->carry.n + span > most)
		return TOOK_LEAVE;
	if (newline == NULL || e->carry.n > 0) {
		if (!scratch_add(&e->carry, *p, span + (newline != NULL), err))
			return TOOK_LEAVE; /* which needs memory too, and says so */
		*p += span + (newline != NULL);
		if (newline == NULL)
			return TOOK;
		rest = (struct str){.p = e->carry.bytes, .n = e->carry.n - 1};
	}
	if (entry->take != 0)
		took = take_rest(e, entry, rest, err);
	if (took != TOOK)
		return took;
	e->carry.n = 0;
	*p = newline + 1;
	e->follow.matched = 0;
	if (++e->follow.times == entry->times) {
		e->follow.times = 0;
		e->follow.at++;
	}
	return TOOK;
}

/* As much of the entry's text as there is. */
static bool match_text(struct exposition *e, const struct entry *entry, const char **p,
                       const char *end)
{
	struct follow *f = &e->follow;
	size_t n = entry->n - f->matched;

	if ((size_t)(end - *p) < n)
		n = (size_t)(end - *p);
	if (memcmp(f->shape->text + entry->at + f->matched, *p, n) != 0)
		return false;
	f->matched += n;
	*p += n;
	return f->matched < entry->n || !entry->ends_point || point_fits(e);
}

bool follow_bytes(struct exposition *e, const char **bytes, size_t *n, bool *out_ok,
                  struct err *err)
{
	const struct shape *s = e->follow.shape;
	const char *p = *bytes, *end = p + *n;
	enum took took = TOOK;

	while (p < end && took == TOOK) {
		const struct entry *entry = &s->entries[e->follow.at];

		if (e->follow.matched < entry->n) {
			if (!match_text(e, entry, &p, end))
				took = TOOK_LEAVE;
		} else if (e->follow.at + 1 == s->nentries) {
			took = TOOK_LEAVE; /* more than there was */
		} else {
			took = read_rest(e, entry, &p, end, err);
		}
	}
	*bytes = p;
	*n = (size_t)(end - p);
	*out_ok = took == TOOK || (took == TOOK_LEAVE && leave(e, err));
	return took == TOOK;
}

bool follow_finish(struct exposition *e, struct err *err)
{
	const struct follow *f = &e->follow;
	const struct shape *s = f->shape;

	if (f->at + 1 != s->nentries || f->matched != s->entries[f->at].n)
		return leave(e, err);
	e->is_repeated = true;
	e->samples = s->samples;
	e->lines = s->lines;
	return true;
}
