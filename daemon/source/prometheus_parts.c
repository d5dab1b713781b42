/* prometheus_parts - several questions in one query. */
#include "source/prometheus_parts.h"

#include "base/units.h"
#include "policy/policy.h"

void part_begin(struct buf *out)
{
	buf_add_text(out, out->n > 0 ? " or label_replace(" : "label_replace(");
}

void part_end(struct buf *out, size_t i)
{
	buf_printf(out, ", \"" PART_LABEL "\", \"%zu\", \"\", \"\")", i);
}

bool part_is_alike(const struct promql_need *a, const struct promql_need *b)
{
	return a->offset_ms == b->offset_ms && str_eq(a->text, b->text);
}

size_t part_first_like(const struct promql_need *needs, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (part_is_alike(&needs[k], &needs[i]))
			return k;
	}
	return i;
}

size_t part_needs(const struct promql_expr *e, const struct promql_need **out)
{
	size_t n = promql_needs(e, out);

	return n < POLICY_MAX_SELECTORS ? n : POLICY_MAX_SELECTORS;
}

int64_t part_reach_ms(const struct promql_need *needs, size_t n, size_t i)
{
	int64_t most = 0;

	for (size_t k = 0; k < n; k++) {
		int64_t offset_ms = needs[k].offset_ms > 0 ? needs[k].offset_ms : 0;
		int64_t own_ms = needs[k].window_ms - offset_ms;

		if (part_is_alike(&needs[k], &needs[i]) && !needs[k].pinned && own_ms > most)
			most = own_ms;
	}
	return most;
}

void part_add_quoted(struct buf *out, struct str s)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n') {
			buf_add_text(out, "\\n");
			continue;
		}
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, s.p[i]);
	}
	buf_add_char(out, '"');
}

bool part_read_pair(const json_t *pair, double *out)
{
	const json_t *text = json_array_get(pair, 1);
	struct err ignored;

	return json_is_string(text) && number_parse(str_of(json_string_value(text)), out, &ignored);
}

const char *part_type(const json_t *data)
{
	const char *type = json_string_value(json_object_get(data, "resultType"));

	return type != NULL ? type : "nothing";
}

const char *part_name(const json_t *element)
{
	const json_t *labels = json_object_get(element, "metric");
	const char *part = json_string_value(json_object_get(labels, PART_LABEL));

	return part != NULL ? part : "";
}

size_t part_need(const json_t *element, size_t n)
{
	struct err ignored;
	int64_t i = 0;

	return int_parse(str_of(part_name(element)), &i, &ignored) && i >= 0 && (size_t)i < n
	               ? (size_t)i
	               : SIZE_MAX;
}

void part_add_reach(const struct promql_need *needs, size_t n, size_t i, struct buf *out)
{
	char span[UNITS_TEXT_MAX];

	duration_format(part_reach_ms(needs, n, i), span);
	buf_printf(out, "[%s]", span);
	part_add_offset(&needs[i], out);
}

void part_add_offset(const struct promql_need *need, struct buf *out)
{
	char span[UNITS_TEXT_MAX];

	if (need->offset_ms <= 0)
		return;
	duration_format(need->offset_ms, span);
	buf_printf(out, " offset %s", span);
}
