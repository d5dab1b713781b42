/* Selectors: which series, and which of their samples, an evaluation reads. */
#include "base/buf.h"
#include "promql/eval.h"
#include "promql/extended.h"
#include "promql/matcher.h"
#include "promql/vector.h"
#include "series/series.h"

#define SHOWN_SERIES_MAX 150

/* What the array outgrew is given back with the arena. */
static bool found_add(struct found *f, const struct series *s, struct arena *arena, struct err *err)
{
	const struct series **larger;

	if (f->n == f->capacity) {
		f->capacity = f->capacity ? f->capacity * 2 : 16;
		larger = take_array(arena, f->capacity, sizeof(*larger), err);
		if (!larger)
			return false;
		for (size_t i = 0; i < f->n; i++)
			larger[i] = f->list[i];
		f->list = larger;
	}
	f->list[f->n++] = s;
	return true;
}

static bool find_in_set(struct evaluation *e, const struct selector *sel,
                        const struct series_set *set, struct found *f, struct arena *arena,
                        struct err *err)
{
	size_t named = sel->name.n > 0; /* looked up by it, it need not be compared */
	size_t at = 0, n = 0;
	const struct series *const *list = named ? series_set_named(set, sel->name, &n) : NULL;
	bool matches = false;

	for (;;) {
		const struct series *s =
		        named ? at < n ? list[at++] : NULL : series_set_next(set, &at);

		if (!s)
			return true;
		if (!matchers_match(sel->matchers + named, sel->nmatchers - named, &s->labels,
		                    e->scratch, &matches, err))
			return false;
		if (matches && !found_add(f, s, arena, err))
			return false;
	}
}

/* Taken twice, the same events would count twice. */
static bool check_told_once(const struct found *f, struct arena *arena, struct err *err)
{
	struct label_index told;
	struct buf text;

	if (!label_index_init(&told, f->n, arena, err))
		return false;
	for (size_t i = 0; i < f->n; i++) {
		if (label_index_obtain(&told, &f->list[i]->labels, i) == i)
			continue;
		buf_init(&text, SHOWN_SERIES_MAX);
		labels_print(&f->list[i]->labels, &text);
		err_set(err, ERR_INVALID, "more than one target tells of the series %.*s",
		        (int)text.n, text.bytes != NULL ? text.bytes : "");
		buf_fini(&text);
		return false;
	}
	return true;
}

/* Inside a subquery, once for all steps. */
static bool find_series(struct evaluation *e, const struct selector *sel, struct found *out,
                        struct err *err)
{
	struct arena *arena = e->found ? e->whole : e->arena;
	struct found *kept = e->found ? &e->found[sel->number] : NULL;
	struct found f = {.known = true};

	if (kept && kept->known) {
		*out = *kept;
		return true;
	}
	for (size_t i = 0; i < e->data->nsets; i++) {
		if (!find_in_set(e, sel, e->data->sets[i], &f, arena, err))
			return false;
	}
	if (e->data->may_repeat && !check_told_once(&f, arena, err))
		return false;
	if (kept)
		*kept = f;
	*out = f;
	return true;
}

static void note_sample(struct evaluation *e, const struct sample *s)
{
	if (s->at_ms > e->newest_sample_ms)
		e->newest_sample_ms = s->at_ms;
}

/* Under timestamp() Prometheus fetches samples as the offset has it and then looks where the `@`
 * has it: what is seen is what both have. */
static void narrow_to_anchor(int64_t anchor_ms, int64_t *from_ms, int64_t *end_ms)
{
	if (*from_ms < anchor_ms - PROMQL_LOOKBACK_MS)
		*from_ms = anchor_ms - PROMQL_LOOKBACK_MS;
	if (*end_ms > anchor_ms)
		*end_ms = anchor_ms;
	if (*from_ms > *end_ms)
		*from_ms = *end_ms;
}

/* The newest sample of the look-back; a stale marker ends the series there. */
static bool eval_instant(struct evaluation *e, const struct selector *sel, const struct found *f,
                         struct promql_value *out, struct err *err)
{
	int64_t end_ms = eval_place(e, &sel->place);
	int64_t from_ms = end_ms - PROMQL_LOOKBACK_MS;

	if (sel->is_timed && sel->place.anchor != ANCHOR_NONE)
		narrow_to_anchor(end_ms + sel->place.offset_ms, &from_ms, &end_ms);
	if (!eval_count_work(e, f->n, err) || !vector_make(out, f->n, e->arena, err))
		return false;
	for (size_t i = 0; i < f->n; i++) {
		const struct sample *samples = NULL;
		size_t n = series_slice(f->list[i], from_ms, end_ms, &samples);

		if (!n || series_is_stale_nan(samples[n - 1].value))
			continue;
		note_sample(e, &samples[n - 1]);
		vector_add(out, (struct promql_element){
		                        .labels = f->list[i]->labels,
		                        .at_ms = samples[n - 1].at_ms,
		                        .value = samples[n - 1].value,
		                });
	}
	return true;
}

struct range_slice {
	const struct sample *samples;
	size_t n;
};

/* The slice itself where it has no stale marker, else a copy without. */
static bool without_stale(struct range_slice *slice, struct arena *arena, struct err *err)
{
	struct sample *kept;
	size_t stale = 0;
	size_t n = 0;

	for (size_t i = 0; i < slice->n; i++)
		stale += series_is_stale_nan(slice->samples[i].value);
	if (!stale)
		return true;
	kept = take_array(arena, slice->n - stale, sizeof(*kept), err);
	if (!kept)
		return false;
	for (size_t i = 0; i < slice->n; i++) {
		if (!series_is_stale_nan(slice->samples[i].value))
			kept[n++] = slice->samples[i];
	}
	*slice = (struct range_slice){.samples = kept, .n = n};
	return true;
}

static bool eval_range(struct evaluation *e, const struct selector *sel, const struct found *f,
                       struct promql_value *out, struct err *err)
{
	int64_t end_ms = eval_place(e, &sel->place);
	int64_t from_ms = end_ms - sel->range_ms, to_ms = end_ms;
	struct promql_range_element *list = take_array(e->arena, f->n, sizeof(*list), err);

	if (!list)
		return false;
	*out = (struct promql_value){.type = PROMQL_MATRIX, .matrix = list};
	if (sel->extent != EXTENT_NONE)
		from_ms -= PROMQL_LOOKBACK_MS;
	if (sel->extent == EXTENT_SMOOTHED)
		to_ms += PROMQL_LOOKBACK_MS;
	for (size_t i = 0; i < f->n; i++) {
		struct range_slice slice = {0};

		slice.n = series_slice(f->list[i], from_ms, to_ms, &slice.samples);
		if (!eval_count_work(e, slice.n + 1, err) || !without_stale(&slice, e->arena, err))
			return false;
		if (!slice.n)
			continue;
		note_sample(e, &slice.samples[slice.n - 1]);
		list[out->nmatrix++] = (struct promql_range_element){
		        .labels = f->list[i]->labels,
		        .samples = slice.samples,
		        .n = slice.n,
		};
	}
	return true;
}

static bool eval_smoothed(struct evaluation *e, const struct selector *sel, const struct found *f,
                          struct promql_value *out, struct err *err)
{
	int64_t at_ms = eval_place(e, &sel->place);

	if (!vector_make(out, f->n, e->arena, err))
		return false;
	for (size_t i = 0; i < f->n; i++) {
		struct promql_element el = {.labels = f->list[i]->labels, .at_ms = e->at_ms};
		struct range_slice slice = {0};

		slice.n = series_slice(f->list[i], at_ms - PROMQL_LOOKBACK_MS,
		                       at_ms + PROMQL_LOOKBACK_MS, &slice.samples);
		if (!eval_count_work(e, slice.n + 1, err) || !without_stale(&slice, e->arena, err))
			return false;
		if (!slice.n || !extended_value(slice.samples, slice.n, at_ms, &el.value))
			continue;
		note_sample(e, &slice.samples[slice.n - 1]);
		vector_add(out, el);
	}
	return true;
}

bool eval_selector(struct evaluation *e, const struct node *n, struct promql_value *out,
                   struct err *err)
{
	struct found f;

	if (!find_series(e, &n->selector, &f, err))
		return false;
	if (n->selector.is_range)
		return eval_range(e, &n->selector, &f, out, err);
	/* Under timestamp() Prometheus looks at the samples themselves. */
	if (n->selector.extent == EXTENT_SMOOTHED && !n->selector.is_timed)
		return eval_smoothed(e, &n->selector, &f, out, err);
	return eval_instant(e, &n->selector, &f, out, err);
}
