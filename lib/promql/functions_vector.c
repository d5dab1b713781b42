/* Functions that turn vectors and scalars into each other, or look at a vector as a whole. */
#include <math.h>

#include "promql/function.h"
#include "promql/matcher.h"
#include "promql/vector.h"

bool eval_time(struct evaluation *e, const struct call *call, struct promql_value *args,
               struct promql_value *out, struct err *err)
{
	(void)call, (void)args, (void)err;
	*out = (struct promql_value){.type = PROMQL_SCALAR, .scalar = (double)e->at_ms / 1000};
	return true;
}

bool eval_scalar(struct evaluation *e, const struct call *call, struct promql_value *args,
                 struct promql_value *out, struct err *err)
{
	(void)e, (void)call, (void)err;
	*out = (struct promql_value){
	        .type = PROMQL_SCALAR,
	        .scalar = args[0].nvector == 1 ? args[0].vector[0].value : (double)NAN,
	};
	return true;
}

/* One element with these labels. */
static bool lone_element(struct evaluation *e, const struct label *labels, size_t n, double value,
                         struct promql_value *out, struct err *err)
{
	if (!vector_make(out, 1, e->arena, err))
		return false;
	vector_add(out, (struct promql_element){.at_ms = e->at_ms, .value = value});
	return labels_make(labels, n, e->arena, &out->vector[0].labels, err);
}

bool eval_vector(struct evaluation *e, const struct call *call, struct promql_value *args,
                 struct promql_value *out, struct err *err)
{
	(void)call;
	return lone_element(e, NULL, 0, args[0].scalar, out, err);
}

/* Prometheus looks for the times of a plain selector in a way of its own. */
bool check_timestamp(struct promql_expr *expr, struct call *call, struct err *err)
{
	struct node *arg = call->args[0];

	(void)expr;
	(void)err;
	if (arg->kind == NODE_SELECTOR)
		arg->selector.is_timed = true;
	return true;
}

/* The samples' own times where the argument is a plain selector, else the evaluation's, as in
 * Prometheus. */
bool eval_timestamp(struct evaluation *e, const struct call *call, struct promql_value *args,
                    struct promql_value *out, struct err *err)
{
	bool own = call->args[0]->kind == NODE_SELECTOR;

	for (size_t i = 0; i < args[0].nvector; i++) {
		struct promql_element *el = &args[0].vector[i];

		el->value = (double)(own ? el->at_ms : e->at_ms) / 1000;
		el->at_ms = e->at_ms;
		if (!vector_drop_name(el, e->arena, err))
			return false;
	}
	*out = args[0];
	return true;
}

/* What the matchers up to the one before `n` made of the label. */
static void drop_label(struct label *labels, size_t *n, struct str name)
{
	for (size_t i = 0; i < *n; i++) {
		if (str_eq(labels[i].name, name)) {
			labels[i] = labels[--*n];
			return;
		}
	}
}

static bool was_equal(const struct selector *s, size_t before, struct str name)
{
	for (size_t i = 0; i < before; i++) {
		if (s->matchers[i].kind == MATCHER_EQUAL && str_eq(s->matchers[i].name, name))
			return true;
	}
	return false;
}

/* The labels an absent series would have had: the first equality of each name, unless a later
 * matcher says more of it. */
static bool absent_element(struct evaluation *e, const struct node *arg, struct promql_value *out,
                           struct err *err)
{
	const struct selector *s = &arg->selector;
	struct label *labels;
	size_t n = 0;

	if (arg->kind != NODE_SELECTOR)
		return lone_element(e, NULL, 0, 1, out, err);
	labels = take_array(e->arena, s->nmatchers, sizeof(*labels), err);
	if (!labels)
		return false;
	for (size_t i = 0; i < s->nmatchers; i++) {
		const struct matcher *m = &s->matchers[i];

		if (str_eq(m->name, PROMQL_NAME_LABEL))
			continue;
		if (m->kind == MATCHER_EQUAL && !was_equal(s, i, m->name))
			labels[n++] = (struct label){.name = m->name, .value = m->value};
		else
			drop_label(labels, &n, m->name);
	}
	return lone_element(e, labels, n, 1, out, err);
}

bool eval_absent(struct evaluation *e, const struct call *call, struct promql_value *args,
                 struct promql_value *out, struct err *err)
{
	if (args[0].nvector)
		return vector_make(out, 0, e->arena, err);
	return absent_element(e, call->args[0], out, err);
}

bool eval_absent_over_time(struct evaluation *e, const struct call *call, struct promql_value *args,
                           struct promql_value *out, struct err *err)
{
	if (args[0].nmatrix)
		return vector_make(out, 0, e->arena, err);
	return absent_element(e, call->args[0], out, err);
}
