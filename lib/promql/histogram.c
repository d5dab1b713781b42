/* histogram_quantile, histogram_quantiles and histogram_fraction: find the classic histograms in a
 * vector of buckets and ask each. */
#include <math.h>
#include <stdio.h>
#include <string.h>

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

static bool read_histograms(struct evaluation *e, const struct promql_value *v,
                            struct histograms *h, struct err *err)
{
	*h = (struct histograms){0};
	if (!allocate(h, v->nvector, e->arena, err) || !find_histograms(h, v, e->arena, err))
		return false;
	sort_into_histograms(h, v);
	return true;
}

static bool add_result(struct evaluation *e, const struct histogram *h, double value,
                       struct promql_value *out, struct err *err)
{
	struct promql_element el = {.labels = *h->key, .at_ms = e->at_ms, .value = value};

	if (!vector_drop_name(&el, e->arena, err))
		return false;
	vector_add(out, el);
	return true;
}

bool eval_histogram_quantile(struct evaluation *e, const struct call *call,
                             struct promql_value *args, struct promql_value *out, struct err *err)
{
	struct histograms h;

	(void)call;
	if (!read_histograms(e, &args[1], &h, err) || !vector_make(out, h.n, e->arena, err))
		return false;
	for (size_t i = 0; i < h.n; i++) {
		bool mended = false;
		double value = promql_bucket_quantile(args[0].scalar, &h.buckets[h.list[i].first],
		                                      h.list[i].n, &mended);

		if (!add_result(e, &h.list[i], value, out, err))
			return false;
	}
	return true;
}

bool eval_histogram_fraction(struct evaluation *e, const struct call *call,
                             struct promql_value *args, struct promql_value *out, struct err *err)
{
	struct histograms h;

	(void)call;
	if (!read_histograms(e, &args[2], &h, err) || !vector_make(out, h.n, e->arena, err))
		return false;
	for (size_t i = 0; i < h.n; i++) {
		double value = promql_bucket_fraction(args[0].scalar, args[1].scalar,
		                                      &h.buckets[h.list[i].first], h.list[i].n);

		if (!add_result(e, &h.list[i], value, out, err))
			return false;
	}
	return true;
}

bool check_histogram_quantiles(struct promql_expr *expr, struct call *call, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	struct str name = call->args[1]->string;

	(void)expr;
	if (name.n && str_is_utf8(name))
		return true;
	return err_set(err, ERR_INVALID, "invalid label name in histogram_quantiles(): %s",
	               str_quote(name, quote));
}

/* OpenMetrics' form of a number, "1.0": never without a point or exponent. */
static bool label_by_quantile(struct promql_element *el, struct str name, double q,
                              struct arena *arena, struct err *err)
{
	char number[UNITS_TEXT_MAX];
	char text[UNITS_TEXT_MAX + 2];

	number_format(q, number);
	snprintf(text, sizeof(text), "%s%s", number,
	         isfinite(q) && !strpbrk(number, ".e") ? ".0" : "");
	return vector_set_label(el, name, str_of(text), arena, err);
}

/* One quantile of all histograms; the buckets are mended in place, hence copied. */
static bool add_quantiles(struct evaluation *e, const struct histograms *h, struct str label,
                          double q, struct promql_bucket *copy, struct promql_value *out,
                          struct err *err)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct histogram *one = &h->list[i];
		bool mended = false;

		memcpy(copy, &h->buckets[one->first], one->n * sizeof(*copy));
		if (!add_result(e, one, promql_bucket_quantile(q, copy, one->n, &mended), out,
		                err) ||
		    !label_by_quantile(&out->vector[out->nvector - 1], label, q, e->arena, err))
			return false;
	}
	return true;
}

bool eval_histogram_quantiles(struct evaluation *e, const struct call *call,
                              struct promql_value *args, struct promql_value *out, struct err *err)
{
	struct promql_bucket *copy = take_array(e->arena, args[0].nvector, sizeof(*copy), err);
	struct histograms h;

	if (!copy || !read_histograms(e, &args[0], &h, err) ||
	    !vector_make(out, h.n * (call->nargs - 2), e->arena, err))
		return false;
	for (size_t i = 2; i < call->nargs; i++) {
		if (!add_quantiles(e, &h, args[1].string, args[i].scalar, copy, out, err))
			return false;
	}
	return true;
}
