/*
 * extended - ranges that reach beyond their edges: `anchored` takes the newest sample before the
 * range as the value at its start, `smoothed` draws a line between the samples on either side of an
 * edge. Nothing is extrapolated.
 *
 * What a selector hands out for them begins a look-back earlier (and, smoothed, ends one later).
 */
#include "promql/extended.h"

#include "promql/vector.h"
#include "series/series.h"

/* The samples that count, by index; those at the edges and beyond are not inside. */
struct cut {
	size_t first, last;
};

/* Which sample stands for the start, and which for the end; false when none lies in the range. */
static bool cut_range(const struct range *r, struct cut *out)
{
	struct cut cut = {.last = r->n - 1};

	while (cut.first + 1 < r->n && r->samples[cut.first + 1].at_ms <= r->start_ms)
		cut.first++;
	for (size_t i = 0; r->extent == EXTENT_SMOOTHED && i < r->n; i++) {
		if (r->samples[i].at_ms < r->end_ms && i + 1 < r->n)
			continue;
		cut.last = i;
		break;
	}
	*out = cut;
	return r->samples[cut.last].at_ms > r->start_ms;
}

/* A counter that fell in between began anew at zero. */
static double between(const struct sample *a, const struct sample *b, int64_t at_ms,
                      bool is_counter)
{
	double from = is_counter && b->value < a->value ? 0 : a->value;

	return from +
	       (b->value - from) * (double)(at_ms - a->at_ms) / (double)(b->at_ms - a->at_ms);
}

static double at_start(const struct range *r, const struct cut *cut, bool is_counter)
{
	const struct sample *s = &r->samples[cut->first];

	return r->extent == EXTENT_SMOOTHED && s->at_ms < r->start_ms
	               ? between(s, s + 1, r->start_ms, is_counter)
	               : s->value;
}

static double at_end(const struct range *r, const struct cut *cut, bool is_counter)
{
	const struct sample *s = &r->samples[cut->last];

	return r->extent == EXTENT_SMOOTHED && cut->last > 0 && s->at_ms > r->end_ms
	               ? between(s - 1, s, r->end_ms, is_counter)
	               : s->value;
}

static bool is_inside(const struct range *r, size_t i)
{
	return r->samples[i].at_ms > r->start_ms && r->samples[i].at_ms < r->end_ms;
}

bool extended_rise(const struct range *r, bool is_counter, double *out)
{
	struct cut cut;
	double left, right, before;

	if (!cut_range(r, &cut))
		return false;
	before = left = at_start(r, &cut, is_counter);
	right = at_end(r, &cut, is_counter);
	*out = right - left;
	if (!is_counter)
		return true;
	for (size_t i = cut.first; i <= cut.last; i++) {
		if (!is_inside(r, i))
			continue;
		if (r->samples[i].value < before)
			*out += before;
		before = r->samples[i].value;
	}
	if (right < before)
		*out += before;
	return true;
}

bool extended_skip(struct range *r)
{
	struct cut cut;

	if (r->extent == EXTENT_NONE)
		return true;
	if (!cut_range(r, &cut))
		return false;
	r->samples += cut.first;
	r->n -= cut.first;
	return true;
}

/* The range as it is shown: a sample at its start, those inside, a sample at its end. */
static bool show_one(struct range *r, struct promql_range_element *el, struct err *err)
{
	struct sample *list = take_array(r->arena, el->n + 2, sizeof(*list), err);
	struct cut cut;
	size_t n = 0;

	if (!list)
		return false;
	r->samples = el->samples;
	r->n = el->n;
	el->n = 0;
	if (!cut_range(r, &cut))
		return true;
	list[n++] = (struct sample){.at_ms = r->start_ms, .value = at_start(r, &cut, false)};
	for (size_t i = cut.first; i <= cut.last; i++) {
		if (is_inside(r, i))
			list[n++] = r->samples[i];
	}
	list[n++] = (struct sample){.at_ms = r->end_ms, .value = at_end(r, &cut, false)};
	el->samples = list;
	el->n = n;
	return true;
}

bool extended_show(struct evaluation *e, const struct selector *sel, struct promql_value *v,
                   struct err *err)
{
	struct range r = {
	        .end_ms = eval_place(e, &sel->place), .extent = sel->extent, .arena = e->arena};
	size_t kept = 0;

	r.start_ms = r.end_ms - sel->range_ms;
	for (size_t i = 0; i < v->nmatrix; i++) {
		if (!show_one(&r, &v->matrix[i], err))
			return false;
		if (v->matrix[i].n)
			v->matrix[kept++] = v->matrix[i];
	}
	v->nmatrix = kept;
	return true;
}

/* The value on the line between the samples around the time; behind the newest one, its own. */
bool extended_value(const struct sample *samples, size_t n, int64_t at_ms, double *out)
{
	size_t i = 0;

	while (i < n && samples[i].at_ms < at_ms)
		i++;
	if (i < n && samples[i].at_ms == at_ms)
		*out = samples[i].value;
	else if (i > 0)
		*out = i < n ? between(&samples[i - 1], &samples[i], at_ms, false)
		             : samples[i - 1].value;
	else
		return false;
	return true;
}
