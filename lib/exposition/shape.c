/* shape - drawing, sharing and remembering; reading along is in follow.c. */
#include "exposition/shape.h"

#include <stdlib.h>
#include <string.h>

#include "exposition/scan.h"
#include "exposition/seen.h"

#define SHAPES_SHARED 32
#define MISSES_FREE 3
#define REST_MAX 64

struct exposition_shapes {
	struct shape *list[SHAPES_SHARED];
	size_t next, bytes; /* bytes: of all shapes of targets, shared or not */
};

struct exposition_memory {
	struct exposition_shapes *shapes;
	struct shape *shape;
	uint64_t generation; /* of what is wanted */
	unsigned misses;     /* pages in a row that were not alike */
	unsigned rest;       /* pages to parse without drawing */
};

void shape_drop(struct shape **shape)
{
	struct shape *s = *shape;

	*shape = NULL;
	if (s == NULL || --s->references > 0)
		return;
	if (s->counted != NULL)
		s->counted->bytes -= s->bytes;
	free(s->text);
	free(s->entries);
	free(s->takes);
	free(s);
}

struct exposition_shapes *exposition_shapes_new(void)
{
	return calloc(1, sizeof(struct exposition_shapes));
}

void exposition_shapes_free(struct exposition_shapes **shapes)
{
	for (size_t i = 0; *shapes != NULL && i < SHAPES_SHARED; i++)
		shape_drop(&(*shapes)->list[i]);
	free(*shapes);
	*shapes = NULL;
}

struct exposition_memory *exposition_memory_new(struct exposition_shapes *shapes)
{
	struct exposition_memory *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->shapes = shapes;
	return m;
}

void exposition_memory_free(struct exposition_memory **m)
{
	if (*m != NULL)
		shape_drop(&(*m)->shape);
	free(*m);
	*m = NULL;
}

void exposition_memory_forget(struct exposition_memory *m)
{
	m->generation++;
	shape_drop(&m->shape);
}

static bool same_limits(const struct exposition_limits *a, const struct exposition_limits *b)
{
	return a->max_bytes == b->max_bytes && a->max_samples == b->max_samples &&
	       a->max_labels == b->max_labels && a->max_name_bytes == b->max_name_bytes &&
	       a->max_value_bytes == b->max_value_bytes && a->max_line_bytes == b->max_line_bytes;
}

void begin_drawing(struct exposition *e)
{
	e->drawing = calloc(1, sizeof(*e->drawing));
	if (e->drawing != NULL)
		*e->drawing =
		        (struct shape){.references = 1, .format = e->format, .limits = e->limits};
}

void exposition_recall(struct exposition *e, struct exposition_memory *m, exposition_known_fn known)
{
	e->memory = m;
	e->generation = m->generation;
	e->known = known;
	if (m->shape != NULL && m->shape->format == e->format &&
	    same_limits(&m->shape->limits, &e->limits)) {
		m->shape->references++;
		e->follow.shape = m->shape;
		e->was_followed = true;
	} else if (m->rest > 0) {
		m->rest--;
		e->is_resting = true;
	} else {
		begin_drawing(e);
	}
}

bool exposition_is_repeated(const struct exposition *e)
{
	return e->is_repeated;
}

void memory_end(struct exposition *e)
{
	shape_drop(&e->follow.shape);
	shape_drop(&e->drawing);
}

/* --- drawing --- */

static void *grown(void *list, size_t *capacity, size_t n, size_t size)
{
	size_t more = *capacity > 0 ? *capacity * 2 : 64;

	while (more < n)
		more *= 2;
	list = realloc(list, more * size);
	if (list != NULL)
		*capacity = more;
	return list;
}

/* False: no memory, or too long to be worth it; then nothing is drawn. */
static bool add_text(struct shape *s, const char *text, size_t n)
{
	if (s->ntext + n > MEMORY_TEXT_MAX)
		return false;
	if (s->ntext + n > s->text_capacity) {
		char *larger = grown(s->text, &s->text_capacity, s->ntext + n, 1);

		if (larger == NULL)
			return false;
		s->text = larger;
	}
	if (n > 0)
		memcpy(s->text + s->ntext, text, n);
	s->ntext += n;
	return true;
}

static bool add_take(struct exposition *e, size_t line_at, size_t n)
{
	struct shape *s = e->drawing;
	const char *name = e->name.bytes;
	size_t nname = e->name.n;
	size_t name_at = s->text[line_at] == '{' ? 0 : line_at;
	bool metrics = e->format == EXPOSITION_OPENMETRICS;

	/* A name in quotes stands somewhere within the braces, unless it has escapes. */
	for (size_t at = line_at; name_at == 0 && s->text[line_at] == '{' && at + nname < s->ntext;
	     at++) {
		if (memcmp(s->text + at, name, nname) == 0 && at > line_at &&
		    s->text[at - 1] == '"' && s->text[at + nname] == '"')
			name_at = at;
	}
	if ((s->text[line_at] == '{' && name_at == 0) || n < nname)
		return false;
	if (s->ntakes == s->takes_capacity) {
		struct take *larger =
		        grown(s->takes, &s->takes_capacity, s->ntakes + 1, sizeof(*larger));

		if (larger == NULL)
			return false;
		s->takes = larger;
	}
	s->takes[s->ntakes] = (struct take){
	        .part = metrics ? e->rules.part : NULL,
	        .name_at = (uint32_t)name_at,
	        .name_n = (uint32_t)nname,
	        .type = (uint32_t)e->type,
	        .declared = (uint32_t)e->declared,
	        .facts = e->facts.is_cumulative ? TAKE_CUMULATIVE : 0,
	};
	if (metrics && e->rules.point.number != s->point)
		s->takes[s->ntakes].facts |= TAKE_OPENS_POINT;
	if (metrics && e->rules.part->part == PART_BUCKET && e->rules.point.has_inf)
		s->takes[s->ntakes].facts |= TAKE_INFINITE;
	s->point = e->rules.point.number;
	s->ntakes++;
	return true;
}

static struct entry *add_entry(struct exposition *e)
{
	struct shape *s = e->drawing;
	struct entry *entry;

	if (s->nentries == MEMORY_LINES_MAX)
		return NULL;
	if (s->nentries == s->entries_capacity) {
		struct entry *larger =
		        grown(s->entries, &s->entries_capacity, s->nentries + 1, sizeof(*larger));

		if (larger == NULL)
			return NULL;
		s->entries = larger;
	}
	entry = &s->entries[s->nentries++];
	*entry = (struct entry){
	        .at = (uint32_t)s->pending,
	        .n = (uint32_t)(s->ntext - s->pending),
	        .times = 1,
	        .ends_point = e->rules.ended_points != s->ended,
	};
	s->pending = s->ntext;
	s->ended = e->rules.ended_points;
	return entry;
}

/* One more line of the same text as the newest entry's: nearly all that nobody wants. */
static bool is_again(const struct exposition *e, const char *text, size_t n)
{
	const struct shape *s = e->drawing;
	const struct entry *entry = s->nentries > 0 ? &s->entries[s->nentries - 1] : NULL;

	return entry != NULL && s->pending == s->ntext && entry->take == 0 && entry->n == n &&
	       s->ended == e->rules.ended_points && memcmp(s->text + entry->at, text, n) == 0;
}

static bool draw_sample(struct exposition *e, const char *line, size_t n, bool wanted)
{
	struct shape *s = e->drawing;
	size_t line_at = s->ntext;
	struct entry *entry;

	if (!wanted && is_again(e, line, n)) {
		s->entries[s->nentries - 1].times++;
		return true;
	}
	if (!add_text(s, line, n) || (wanted && !add_take(e, line_at, n)))
		return false;
	entry = add_entry(e);
	if (entry == NULL)
		return false;
	entry->line_at = (uint32_t)line_at;
	entry->line = (uint32_t)e->lines;
	entry->take = wanted ? (uint32_t)s->ntakes : 0;
	return true;
}

/* How much of a sample's line is to be the same the next time; 0: it cannot be remembered. The
 * blank or brace that ends a name belongs to it. */
static size_t same_bytes(const struct exposition *e, const char *line, size_t n)
{
	const struct line_facts *f = &e->facts;
	size_t same = (size_t)(f->series_end - line);
	bool in_braces = same > 0 && line[same - 1] == '}' && (f->is_quoted || e->name_is_wanted);

	if (f->is_odd || is_blank(line[0]))
		return 0;
	if (in_braces)
		return e->name_is_wanted && same < n && line[same] == ' ' ? same + 1 : same;
	if (same == n || (line[same] != ' ' && (e->name_is_wanted || line[same] != '{')))
		return 0;
	return same + 1;
}

void draw_line(struct exposition *e, const char *line, size_t n)
{
	size_t same;

	if (e->drawing == NULL)
		return;
	if (!e->facts.is_sample) {
		if (!add_text(e->drawing, line, n) || !add_text(e->drawing, "\n", 1))
			shape_drop(&e->drawing);
		return;
	}
	same = same_bytes(e, line, n);
	if (same == 0 || !draw_sample(e, line, same, e->name_is_wanted))
		shape_drop(&e->drawing);
}

void draw_skipped(struct exposition *e, const char *line)
{
	if (e->drawing != NULL && !draw_sample(e, line, e->name.n + 1, false))
		shape_drop(&e->drawing);
}

static uint64_t shape_hash(const struct shape *s)
{
	uint64_t hash = seen_hash(s->samples, (struct str){.p = s->text, .n = s->ntext});

	return seen_hash(hash, (struct str){.p = (const char *)s->entries,
	                                    .n = s->nentries * sizeof(*s->entries)});
}

static bool same_shape(const struct shape *a, const struct shape *b)
{
	return a->hash == b->hash && a->format == b->format &&
	       same_limits(&a->limits, &b->limits) && a->samples == b->samples &&
	       a->ntext == b->ntext && a->nentries == b->nentries && a->ntakes == b->ntakes &&
	       memcmp(a->text, b->text, a->ntext) == 0 &&
	       memcmp(a->entries, b->entries, a->nentries * sizeof(*a->entries)) == 0 &&
	       (a->ntakes == 0 || memcmp(a->takes, b->takes, a->ntakes * sizeof(*a->takes)) == 0);
}

/* What only the list knows any more: nobody's page looks like that. */
static void drop_unused(struct exposition_shapes *shapes)
{
	for (size_t i = 0; i < SHAPES_SHARED; i++) {
		if (shapes->list[i] != NULL && shapes->list[i]->references == 1)
			shape_drop(&shapes->list[i]);
	}
}

/* The shape, or the same one that somebody else has already; NULL when there is no room for it. */
static struct shape *share(struct exposition_shapes *shapes, struct shape *shape)
{
	struct shape **place;

	if (shapes == NULL)
		return shape;
	for (size_t i = 0; i < SHAPES_SHARED; i++) {
		if (shapes->list[i] == NULL || !same_shape(shapes->list[i], shape))
			continue;
		shape_drop(&shape);
		shapes->list[i]->references++;
		return shapes->list[i];
	}
	shape->bytes = shape->ntext + shape->nentries * sizeof(*shape->entries) +
	               shape->ntakes * sizeof(*shape->takes);
	if (shapes->bytes + shape->bytes > MEMORY_TOTAL_MAX)
		drop_unused(shapes);
	if (shapes->bytes + shape->bytes > MEMORY_TOTAL_MAX) {
		shape_drop(&shape);
		return NULL;
	}
	shapes->bytes += shape->bytes;
	shape->counted = shapes;
	place = &shapes->list[shapes->next];
	shapes->next = (shapes->next + 1) % SHAPES_SHARED;
	shape_drop(place);
	*place = shape;
	shape->references++;
	return shape;
}

/* What is left of doubling. */
static void trim(struct shape *s)
{
	char *text = realloc(s->text, s->ntext + 1);
	struct entry *entries = realloc(s->entries, s->nentries * sizeof(*entries));
	struct take *takes =
	        s->ntakes > 0 ? realloc(s->takes, s->ntakes * sizeof(*takes)) : s->takes;

	s->text = text != NULL ? text : s->text;
	s->entries = entries != NULL ? entries : s->entries;
	s->takes = takes != NULL ? takes : s->takes;
}

/* What only fails now and then costs little; what always fails must not cost much. */
static void note_miss(struct exposition_memory *m)
{
	m->misses++;
	if (m->misses > MISSES_FREE)
		m->rest = m->misses - MISSES_FREE < REST_MAX ? m->misses - MISSES_FREE : REST_MAX;
}

void draw_finish(struct exposition *e)
{
	struct exposition_memory *m = e->memory;
	struct shape *drawn = e->drawing;

	if (m == NULL || m->generation != e->generation)
		return;
	if (e->is_repeated) {
		m->misses = 0;
		return;
	}
	shape_drop(&m->shape);
	if (e->is_resting)
		return;
	if (e->was_followed || drawn == NULL)
		note_miss(m);
	if (m->rest > 0 || drawn == NULL || drawn->text == NULL || add_entry(e) == NULL)
		return;
	e->drawing = NULL;
	drawn->samples = e->samples;
	drawn->lines = e->lines;
	drawn->hash = shape_hash(drawn);
	trim(drawn);
	m->shape = share(m->shapes, drawn);
	if (m->shape == NULL)
		note_miss(m);
}
