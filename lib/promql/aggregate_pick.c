/*
 * topk, bottomk, limitk and limit_ratio: elements of each group, as they are.
 *
 * Which of equal values stay follows from Prometheus' way of keeping the k best, a binary heap with
 * the worst on top, so this is the same heap: the answer to the same text is the same one.
 */
#include <math.h>
#include <stdlib.h>

#include "promql/aggregate.h"
#include "promql/label_hash.h"
#include "promql/vector.h"

/* Go's sort works by insertion up to this size. */
#define INSERTION_MAX 12

struct ranked {
	double value; /* negated for bottomk */
	size_t element;
};

/* NaN is below everything, another NaN included. */
static bool is_below(const struct ranked *a, const struct ranked *b)
{
	return isnan(a->value) || a->value < b->value;
}

static void swap(struct ranked *a, struct ranked *b)
{
	struct ranked kept = *a;

	*a = *b;
	*b = kept;
}

static void rise(struct ranked *heap, size_t at)
{
	while (at > 0 && is_below(&heap[at], &heap[(at - 1) / 2])) {
		swap(&heap[at], &heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void sink(struct ranked *heap, size_t n)
{
	size_t at = 0;

	for (size_t child = 1; child < n; child = 2 * at + 1) {
		if (child + 1 < n && is_below(&heap[child + 1], &heap[child]))
			child++;
		if (!is_below(&heap[child], &heap[at]))
			return;
		swap(&heap[child], &heap[at]);
		at = child;
	}
}

static void offer(struct ranked *heap, size_t *n, size_t k, struct ranked r)
{
	if (*n < k) {
		heap[*n] = r;
		rise(heap, (*n)++);
	} else if (heap[0].value < r.value || (isnan(heap[0].value) && !isnan(r.value))) {
		heap[0] = r;
		sink(heap, *n);
	}
}

/* Best first, NaN last. */
static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a;
	const struct ranked *y = b;

	if (isnan(x->value) != isnan(y->value))
		return isnan(x->value) ? 1 : -1;
	if (x->value > y->value || x->value < y->value)
		return x->value > y->value ? -1 : 1;
	return (x->element > y->element) - (x->element < y->element);
}

static void sort_ranked(struct ranked *heap, size_t n)
{
	if (n > INSERTION_MAX) {
		qsort(heap, n, sizeof(*heap), compare_ranked);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		for (size_t k = i; k > 0 && is_below(&heap[k - 1], &heap[k]); k--)
			swap(&heap[k], &heap[k - 1]);
	}
}

static bool read_k(double value, size_t n, size_t *out, struct err *err)
{
	if (isnan(value))
		return err_set(err, ERR_INVALID, "parameter value is NaN");
	if (fabs(value) >= 9223372036854775807.0)
		return err_set(err, ERR_INVALID, "scalar value %g %s int64", value,
		               value < 0 ? "underflows" : "overflows");
	if (value < 1)
		*out = 0;
	else
		*out = value < (double)n ? (size_t)value : n;
	return true;
}

/* What every row here begins with: groups with their members, room for all elements. */
static bool collect_groups(struct evaluation *e, const struct aggregate *a,
                           const struct promql_value *in, struct grouping *g,
                           struct promql_value *out, struct err *err)
{
	return grouping_make(g, a, in, e->arena, err) &&
	       grouping_collect(g, in->nvector, e->arena, err) &&
	       vector_make(out, in->nvector, e->arena, err);
}

/* `sign` is 1 for the largest, -1 for the smallest. */
static bool select_k(struct evaluation *e, const struct aggregate *a, double param,
                     const struct promql_value *in, double sign, struct promql_value *out,
                     struct err *err)
{
	struct ranked *heap = take_array(e->arena, in->nvector, sizeof(*heap), err);
	struct grouping g;
	size_t k = 0;

	if (!heap || !read_k(param, in->nvector, &k, err) ||
	    !collect_groups(e, a, in, &g, out, err))
		return false;
	for (size_t i = 0; k && i < g.n; i++) {
		const struct group *group = &g.groups[i];
		size_t n = 0;

		for (size_t m = 0; m < group->n; m++) {
			size_t element = g.members[group->first + m];
			double value = sign * in->vector[element].value;

			offer(heap, &n, k, (struct ranked){value, element});
		}
		sort_ranked(heap, n);
		for (size_t m = 0; m < n; m++)
			vector_add(out, in->vector[heap[m].element]);
	}
	return true;
}

bool reduce_topk(struct evaluation *e, const struct aggregate *a, const struct promql_value *param,
                 struct promql_value *in, struct promql_value *out, struct err *err)
{
	return select_k(e, a, param->scalar, in, 1, out, err);
}

bool reduce_bottomk(struct evaluation *e, const struct aggregate *a,
                    const struct promql_value *param, struct promql_value *in,
                    struct promql_value *out, struct err *err)
{
	return select_k(e, a, param->scalar, in, -1, out, err);
}

/* The first k of each group. */
bool reduce_limitk(struct evaluation *e, const struct aggregate *a,
                   const struct promql_value *param, struct promql_value *in,
                   struct promql_value *out, struct err *err)
{
	struct grouping g;
	size_t k = 0;

	if (!read_k(param->scalar, in->nvector, &k, err) || !collect_groups(e, a, in, &g, out, err))
		return false;
	for (size_t i = 0; i < g.n; i++) {
		for (size_t m = 0; m < k && m < g.groups[i].n; m++)
			vector_add(out, in->vector[g.members[g.groups[i].first + m]]);
	}
	return true;
}

/* A series' place in [0, 1) follows from its labels alone: a ratio r takes those below r, a
 * negative one those that 1 + r leaves over. */
static bool is_sampled(double place, double ratio)
{
	return ratio >= 0 ? place < ratio : place >= 1 + ratio;
}

bool reduce_limit_ratio(struct evaluation *e, const struct aggregate *a,
                        const struct promql_value *param, struct promql_value *in,
                        struct promql_value *out, struct err *err)
{
	double ratio = fmax(-1, fmin(1, param->scalar));
	struct grouping g;

	if (isnan(param->scalar))
		return err_set(err, ERR_INVALID, "ratio value is NaN");
	if (!collect_groups(e, a, in, &g, out, err))
		return false;
	for (size_t i = 0; i < g.n; i++) {
		for (size_t m = 0; m < g.groups[i].n; m++) {
			size_t element = g.members[g.groups[i].first + m];
			double place = 0;

			if (!label_place(&in->vector[element].labels, e->arena, &place, err))
				return false;
			if (is_sampled(place, ratio))
				vector_add(out, in->vector[element]);
		}
	}
	return true;
}
