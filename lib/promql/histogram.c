/* histogram_quantile: finds the classic histograms in a vector of buckets and takes a quantile of
 * each. */
#include <math.h>

#include "base/units.h"
#include "promql/function.h"
#include "promql/vector.h"

/* A histogram's buckets lie one behind the other in a common array. */
struct histogram {
	const struct labels *key; /* everything but le: two metric names are two histograms */
	size_t first, n;
};

struct histograms {
	struct histogram *list;
	size_t n;
	struct labels *keys; /* per element */
	size_t *of;          /* per element: its histogram; SIZE_MAX for what is no bucket */
	struct promql_bucket *buckets; /* per element */
};

static bool read_bound(const struct promql_element *el, double *out)
{
	struct err ignored;

	return number_parse(labels_get(&el->labels, STR("le")), out, &ignored) && !isnan(*out);
}

static bool allocate(struct histograms *h, size_t n, struct arena *arena, struct err *err)
{
	h->list = take_array(arena, n, sizeof(*h->list), err);
	h->keys = take_array(arena, n, sizeof(*h->keys), err);
	h->of = take_array(arena, n, sizeof(*h->of), err);
	h->buckets = take_array(arena, n, sizeof(*h->buckets), err);
	return h->list && h->keys && h->of && h->buckets;
}

/* Which histogram each element belongs to, and how many buckets each has. */
static bool find_histograms(struct histograms *h, const struct promql_value *v, struct arena *arena,
                            struct err *err)
{
	struct label_index index;
	double bound;

	if (!label_index_init(&index, v->nvector, arena, err))
		return false;
	for (size_t i = 0; i < v->nvector; i++) {
		h->of[i] = SIZE_MAX;
		if (!read_bound(&v->vector[i], &bound))
			continue;
		if (!labels_with(&v->vector[i].labels, STR("le"), STR(""), arena, &h->keys[i], err))
			return false;
		h->of[i] = label_index_obtain(&index, &h->keys[i], h->n);
		if (h->of[i] == h->n)
			h->list[h->n++].key = &h->keys[i];
		h->list[h->of[i]].n++;
	}
	return true;
}

static void sort_into_histograms(struct histograms *h, const struct promql_value *v)
{
	size_t first = 0;

	for (size_t i = 0; i < h->n; i++) {
		h->list[i].first = first;
		first += h->list[i].n;
		h->list[i].n = 0;
	}
	for (size_t i = 0; i < v->nvector; i++) {
		struct histogram *owner;
		struct promql_bucket *b;

		if (h->of[i] == SIZE_MAX)
			continue;
		owner = &h->list[h->of[i]];
		b = &h->buckets[owner->first + owner->n++];
		b->count = v->vector[i].value;
		if (!read_bound(&v->vector[i], &b->upper_bound))
			b->upper_bound = (double)NAN;
	}
}

bool eval_histogram_quantile(struct evaluation *e, const struct call *call,
                             struct promql_value *args, struct promql_value *out, struct err *err)
{
	const struct promql_value *v = &args[1];
	struct histograms h = {0};

	(void)call;
	if (!allocate(&h, v->nvector, e->arena, err) || !find_histograms(&h, v, e->arena, err) ||
	    !vector_make(out, h.n, e->arena, err))
		return false;
	sort_into_histograms(&h, v);
	for (size_t i = 0; i < h.n; i++) {
		bool mended = false;
		struct promql_element el = {.labels = *h.list[i].key, .at_ms = e->at_ms};

		el.value = promql_bucket_quantile(args[0].scalar, &h.buckets[h.list[i].first],
		                                  h.list[i].n, &mended);
		if (!vector_drop_name(&el, e->arena, err))
			return false;
		vector_add(out, el);
	}
	return true;
}
