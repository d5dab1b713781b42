/* sort and its kin: stable, and what cannot be compared goes last. */
#include <math.h>
#include <stdlib.h>

#include "promql/function.h"
#include "promql/vector.h"

/* An element with what the comparison needs beside it: qsort takes no context. */
struct sorted {
	const struct promql_element *element;
	const struct promql_value *args; /* of sort_by_label: the labels from args[1] on */
	size_t nargs;
};

typedef int compare_fn(const void *a, const void *b);

/* Where two elements stood decides what else does not. */
static int by_place(const struct sorted *x, const struct sorted *y)
{
	return (x->element > y->element) - (x->element < y->element);
}

/* NaN goes last, whatever the direction. */
static int by_value(const struct sorted *x, const struct sorted *y, double direction)
{
	double a = x->element->value * direction;
	double b = y->element->value * direction;

	if (isnan(a) || isnan(b))
		return isnan(a) && isnan(b) ? by_place(x, y) : !!isnan(a) - !!isnan(b);
	return a < b || a > b ? (a > b) - (a < b) : by_place(x, y);
}

static int compare_rising(const void *a, const void *b)
{
	return by_value(a, b, 1);
}

static int compare_falling(const void *a, const void *b)
{
	return by_value(a, b, -1);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The digits or the text at the front. */
static struct str take_chunk(struct str *text)
{
	struct str chunk;
	size_t n = 1;

	while (n < text->n && is_digit(text->p[n]) == is_digit(text->p[0]))
		n++;
	chunk = str_slice(*text, 0, n);
	*text = str_slice(*text, n, text->n);
	return chunk;
}

static struct str without_zeros(struct str digits)
{
	size_t at = 0;

	while (at + 1 < digits.n && digits.p[at] == '0')
		at++;
	return str_slice(digits, at, digits.n);
}

/* Of any length, where an int64 would end. */
static int compare_digits(struct str a, struct str b)
{
	a = without_zeros(a);
	b = without_zeros(b);
	return a.n != b.n ? (a.n > b.n) - (a.n < b.n) : str_compare(a, b);
}

/* Natural order: "a2" before "a10"; "01" and "1" are one number. */
static int compare_naturally(struct str a, struct str b)
{
	while (a.n && b.n) {
		struct str x = take_chunk(&a);
		struct str y = take_chunk(&b);
		int order = is_digit(x.p[0]) && is_digit(y.p[0]) ? compare_digits(x, y)
		                                                 : str_compare(x, y);

		if (order)
			return order;
	}
	return !!a.n - !!b.n;
}

/* Pair by pair, then the shorter set. */
static int compare_labels(const struct labels *a, const struct labels *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int order = str_compare(labels_at(a, i)->name, labels_at(b, i)->name);

		if (!order)
			order = str_compare(labels_at(a, i)->value, labels_at(b, i)->value);
		if (order)
			return order;
	}
	return (a->n > b->n) - (a->n < b->n);
}

static int compare_by_labels(const void *a, const void *b)
{
	const struct sorted *x = a;
	const struct sorted *y = b;
	int order;

	for (size_t i = 1; i < x->nargs; i++) {
		struct str left = labels_get(&x->element->labels, x->args[i].string);
		struct str right = labels_get(&y->element->labels, x->args[i].string);

		if (str_eq(left, right))
			continue;
		order = compare_naturally(left, right);
		return order ? order : by_place(x, y);
	}
	order = compare_labels(&x->element->labels, &y->element->labels);
	return order ? order : by_place(x, y);
}

static int compare_by_labels_falling(const void *a, const void *b)
{
	return compare_by_labels(b, a);
}

static bool sort_by(struct evaluation *e, const struct call *call, const struct promql_value *args,
                    compare_fn *compare, struct promql_value *out, struct err *err)
{
	size_t n = args[0].nvector;
	struct sorted *list = take_array(e->arena, n, sizeof(*list), err);

	if (!list || !vector_make(out, n, e->arena, err))
		return false;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct sorted){
		        .element = &args[0].vector[i], .args = args, .nargs = call->nargs};
	if (n)
		qsort(list, n, sizeof(*list), compare);
	for (size_t i = 0; i < n; i++)
		vector_add(out, *list[i].element);
	return true;
}

bool eval_sort(struct evaluation *e, const struct call *call, struct promql_value *args,
               struct promql_value *out, struct err *err)
{
	return sort_by(e, call, args, compare_rising, out, err);
}

bool eval_sort_desc(struct evaluation *e, const struct call *call, struct promql_value *args,
                    struct promql_value *out, struct err *err)
{
	return sort_by(e, call, args, compare_falling, out, err);
}

bool eval_sort_by_label(struct evaluation *e, const struct call *call, struct promql_value *args,
                        struct promql_value *out, struct err *err)
{
	return sort_by(e, call, args, compare_by_labels, out, err);
}

bool eval_sort_by_label_desc(struct evaluation *e, const struct call *call,
                             struct promql_value *args, struct promql_value *out, struct err *err)
{
	return sort_by(e, call, args, compare_by_labels_falling, out, err);
}
