/* Aggregations that need all values of a group at once: quantile and count_values. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "promql/aggregate.h"
#include "promql/quantile.h"
#include "promql/vector.h"

/* A double written out without an exponent: 309 digits before the point or 340 behind it. */
#define PLAIN_NUMBER_MAX 360

bool reduce_quantile(struct evaluation *e, const struct aggregate *a,
                     const struct promql_value *param, struct promql_value *in,
                     struct promql_value *out, struct err *err)
{
	double *values = take_array(e->arena, in->nvector, sizeof(*values), err);
	struct grouping g;

	if (!values || !grouping_make(&g, a, in, e->arena, err) ||
	    !grouping_collect(&g, in->nvector, e->arena, err) ||
	    !vector_make(out, g.n, e->arena, err))
		return false;
	for (size_t i = 0; i < g.n; i++) {
		const struct group *group = &g.groups[i];

		for (size_t m = 0; m < group->n; m++)
			values[m] = in->vector[g.members[group->first + m]].value;
		vector_add(out,
		           (struct promql_element){
		                   .labels = *group->labels,
		                   .at_ms = e->at_ms,
		                   .value = quantile_of_values(param->scalar, values, group->n),
		           });
	}
	return true;
}

/* "1.5e+21" as "1500000000000000000000": the label values of count_values have no exponent. */
static void plain_number(double value, char out[PLAIN_NUMBER_MAX])
{
	char shortest[UNITS_TEXT_MAX];
	int digits = 0;
	double point;

	number_format(value, shortest);
	if (!strchr(shortest, 'e') || !isfinite(value)) {
		snprintf(out, PLAIN_NUMBER_MAX, "%s", shortest);
		return;
	}
	for (const char *p = shortest; *p != 'e'; p++)
		digits += *p >= '0' && *p <= '9';
	/* The shortest digits are those that %.*e prints with that many; what lies left of the
	 * point and beyond them is zeros. */
	point = floor(log10(fabs(value)));
	if (point < 0) {
		snprintf(out, PLAIN_NUMBER_MAX, "%.*f", digits - 1 - (int)point, value);
		return;
	}
	snprintf(out, PLAIN_NUMBER_MAX, "%.0f", value);
	for (char *p = out + (value < 0); *p; p++) {
		if (digits-- <= 0)
			*p = '0';
	}
}

static bool label_by_value(struct promql_element *el, struct str name, struct arena *arena,
                           struct err *err)
{
	char text[PLAIN_NUMBER_MAX];

	plain_number(el->value, text);
	return vector_set_label(el, name, str_of(text), arena, err);
}

/* Counting by value is counting by a label that holds the value. */
bool reduce_count_values(struct evaluation *e, const struct aggregate *a,
                         const struct promql_value *param, struct promql_value *in,
                         struct promql_value *out, struct err *err)
{
	struct aggregate by = *a;
	struct str *names = take_array(e->arena, a->nlabels + 1, sizeof(*names), err);
	char quote[STR_QUOTE_MAX];
	struct grouping g;

	if (!names)
		return false;
	if (!param->string.n || !str_is_utf8(param->string))
		return err_set(err, ERR_INVALID, "invalid label name %s",
		               str_quote(param->string, quote));
	for (size_t i = 0; i < a->nlabels; i++)
		names[i] = a->labels[i];
	names[a->nlabels] = param->string;
	if (!a->without) {
		by.labels = names;
		by.nlabels++;
	}
	for (size_t i = 0; i < in->nvector; i++) {
		if (!label_by_value(&in->vector[i], param->string, e->arena, err))
			return false;
	}
	if (!grouping_make(&g, &by, in, e->arena, err) ||
	    !grouping_collect(&g, in->nvector, e->arena, err) ||
	    !vector_make(out, g.n, e->arena, err))
		return false;
	for (size_t i = 0; i < g.n; i++)
		vector_add(out, (struct promql_element){
		                        .labels = *g.groups[i].labels,
		                        .at_ms = e->at_ms,
		                        .value = (double)g.groups[i].n,
		                });
	return true;
}
