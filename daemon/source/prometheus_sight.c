/* prometheus_sight - the questions and the reading of their answers. */
#include "source/prometheus_sight.h"

#include <math.h>

#include "base/units.h"
#include "gate/blind.h"
#include "gate/sentence.h"
#include "policy/policy.h"
#include "promql/sight.h"
#include "source/prometheus_parts.h"

#define TEXT_SHOWN 100

bool prometheus_buckets_query(const struct promql_expr *e, struct buf *out)
{
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs);

	for (size_t i = 0; promql_has_quantile(e) && i < n; i++) {
		if (part_first_like(needs, i) != i)
			continue;
		part_begin(out);
		buf_add_text(out, "group by (le) (");
		buf_add_str(out, needs[i].text);
		part_add_offset(&needs[i], out);
		buf_add_char(out, ')');
		part_end(out, i);
	}
	return out->n > 0;
}

bool prometheus_read_buckets(const json_t *data, const struct promql_expr *e, struct kpi_bound *out)
{
	const json_t *result = json_object_get(data, "result");
	double bounds[POLICY_MAX_SELECTORS];
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs), all = promql_needs(e, &needs);
	bool any = false;

	for (size_t i = 0; i < n; i++)
		bounds[i] = (double)NAN;
	for (size_t k = 0; k < json_array_size(result); k++) {
		const json_t *element = json_array_get(result, k);
		const json_t *le = json_object_get(json_object_get(element, "metric"), "le");
		size_t i = part_need(element, n);
		struct err ignored;
		double bound = 0;

		if (i == SIZE_MAX || !json_is_string(le) ||
		    !number_parse(str_of(json_string_value(le)), &bound, &ignored) ||
		    !isfinite(bound) || bounds[i] >= bound)
			continue;
		bounds[i] = bound;
		any = true;
	}
	for (size_t i = 0; i < n; i++)
		bounds[i] = bounds[part_first_like(needs, i)];
	*out = blind_bound_by(e, n == all ? bounds : NULL);
	return any;
}

static void add_changes(const struct promql_need *needs, size_t n, size_t i, bool whole_name,
                        struct buf *out)
{
	part_begin(out);
	buf_add_text(out, "sum(changes(");
	if (whole_name) {
		buf_add_text(out, "{__name__=");
		part_add_quoted(out, needs[i].name);
		buf_add_char(out, '}');
	} else {
		buf_add_str(out, needs[i].text);
	}
	part_add_reach(needs, n, i, out);
	buf_add_text(out, "))");
	part_end(out, whole_name ? n + i : i);
}

bool prometheus_still_query(const struct promql_expr *e, struct buf *out)
{
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs);

	for (size_t i = 0; i < n; i++) {
		if (part_first_like(needs, i) != i || part_reach_ms(needs, n, i) == 0)
			continue;
		add_changes(needs, n, i, false, out);
		if (needs[i].name.n > 0)
			add_changes(needs, n, i, true, out);
	}
	return out->n > 0;
}

void prometheus_read_still(const json_t *data, const struct promql_expr *e, char *out, size_t size)
{
	const json_t *result = json_object_get(data, "result");
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs), still = SIZE_MAX;
	bool others_moved = false;
	char span[UNITS_TEXT_MAX];

	out[0] = '\0';
	for (size_t k = 0; k < json_array_size(result); k++) {
		const json_t *element = json_array_get(result, k);
		size_t i = part_need(element, 2 * n);
		double changes = 0;

		if (i == SIZE_MAX || !part_read_pair(json_object_get(element, "value"), &changes))
			continue;
		others_moved = others_moved || changes > 0;
		if (i < n && i < still && number_is_same(changes, 0))
			still = i;
	}
	if (!others_moved || still == SIZE_MAX)
		return;
	duration_format(part_reach_ms(needs, n, still), span);
	sentence_set(out, size, "%.*s has not moved in %s, other series have",
	             (int)(needs[still].text.n < TEXT_SHOWN ? needs[still].text.n : TEXT_SHOWN),
	             needs[still].text.p, span);
}
