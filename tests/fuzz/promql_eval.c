/*
 * An expression up to the first line that begins with '#', then a page (0.0.4). Evaluating it twice
 * gives the same, in bounded memory and time.
 */
#include <math.h>

#include "expression.h"
#include "series.h"

#define EVAL_BYTES ((size_t)64 * 1024 * 1024)

static uint64_t mix(uint64_t d, const void *bytes, size_t n)
{
	return str_hash((struct str){.p = bytes, .n = n}, d * 31 + n);
}

static uint64_t mix_value(uint64_t d, double value)
{
	/* One NaN is as good as another; -0 is not 0. */
	if (isnan(value))
		return d * 31 + 7;
	return mix(d, &value, sizeof(value));
}

static uint64_t mix_labels(uint64_t d, const struct labels *l)
{
	for (size_t i = 0; i < l->n; i++) {
		fuzz_demand(labels_at(l, i)->value.n > 0, "a label without a value");
		fuzz_demand(
		        i == 0 || str_compare(labels_at(l, i - 1)->name, labels_at(l, i)->name) < 0,
		        "labels out of order");
		d = mix(d, labels_at(l, i)->name.p, labels_at(l, i)->name.n);
		d = mix(d, labels_at(l, i)->value.p, labels_at(l, i)->value.n);
	}
	return d;
}

/* All that can be asked of any result, and its digest. */
static uint64_t digest(const struct promql_value *v)
{
	uint64_t d = (uint64_t)v->type;

	switch (v->type) {
	case PROMQL_SCALAR:
		return mix_value(d, v->scalar);
	case PROMQL_STRING:
		return mix(d, v->string.p, v->string.n);
	case PROMQL_VECTOR:
		for (size_t i = 0; i < v->nvector; i++) {
			for (size_t j = 0; v->nvector < 50 && j < i; j++)
				fuzz_demand(
				        !labels_equal(&v->vector[i].labels, &v->vector[j].labels),
				        "a label set twice in a result");
			d = mix_value(mix_labels(d, &v->vector[i].labels), v->vector[i].value);
		}
		return d;
	case PROMQL_MATRIX:
		for (size_t i = 0; i < v->nmatrix; i++) {
			d = mix_labels(d, &v->matrix[i].labels);
			for (size_t j = 0; j < v->matrix[i].n; j++)
				d = mix_value(d, v->matrix[i].samples[j].value);
		}
		return d;
	case PROMQL_TYPE_COUNT:
	default:
		fuzz_demand(false, "a result of no type");
		return 0;
	}
}

static uint64_t evaluate(const struct promql_expr *e, struct series_set *set)
{
	const struct series_set *const sets[] = {set};
	struct promql_data data = {.sets = sets, .nsets = 1};
	struct promql_position at = {0};
	struct promql_value value;
	struct arena arena;
	struct err err = {.code = ERR_NONE};
	uint64_t d;

	arena_init(&arena, EVAL_BYTES);
	if (promql_eval(e, &data, 600000, &arena, &value, &at, &err)) {
		fuzz_demand(value.type == promql_expr_type(e), "another type than announced");
		d = digest(&value);
	} else {
		fuzz_demand(err.text[0] != '\0' && str_is_utf8(str_of(err.text)), "no error text");
		fuzz_demand(at.offset <= promql_expr_text(e).n, "an error beyond the text");
		d = mix(at.offset, err.text, strlen(err.text));
	}
	arena_fini(&arena);
	return d;
}

static size_t expression_bytes(struct str all)
{
	for (size_t i = 0; i + 1 < all.n; i++)
		if (all.p[i] == '\n' && all.p[i + 1] == '#')
			return i + 1;
	return all.n;
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
	struct str all = fuzz_text(bytes, n);
	size_t end = expression_bytes(all);
	struct promql_expr *e = expression_parse(str_slice(all, 0, end)), *again;
	struct series_set *set;
	uint64_t first;

	if (e == NULL)
		return 0;
	set = series_of_page(str_slice(all, end, all.n));
	first = evaluate(e, set);
	fuzz_demand(first == evaluate(e, set), "evaluated twice: not the same");
	again = expression_reread(e);
	/* Positions in errors differ then, results do not. */
	if (again != NULL)
		(void)evaluate(again, set);
	promql_free(&again);
	promql_free(&e);
	series_set_free(&set);
	return 0;
}
