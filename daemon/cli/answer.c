/*
 * answer - the value of an instant query as Prometheus' /api/v1/query writes it.
 */
#include "cli/answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"

#define VALUE_TEXT_MAX 96

/* Escapes of an expression may make bytes that are no UTF-8; JSON cannot say them, so that, as in
 * Prometheus' answers, each becomes U+FFFD. */
static json_t *text_json(struct str text)
{
	json_t *out = json_stringn(text.p, text.n);
	struct buf mended;

	if (out != NULL)
		return out;
	buf_init(&mended, 4 * text.n + 1);
	for (size_t i = 0, n; i < text.n; i += n) {
		for (n = 1; n <= 4 && i + n <= text.n; n++) {
			if (str_is_utf8(str_slice(text, i, i + n)))
				break;
		}
		if (n <= 4 && i + n <= text.n) {
			buf_add_str(&mended, str_slice(text, i, i + n));
			continue;
		}
		buf_add_text(&mended, "\xef\xbf\xbd");
		n = 1;
	}
	out = json_stringn(buf_str(&mended).p, buf_str(&mended).n);
	buf_fini(&mended);
	return out;
}

static json_t *metric_json(const struct labels *labels)
{
	json_t *out = json_object();

	for (size_t i = 0; i < labels->n; i++) {
		char *name = str_dup(labels_at(labels, i)->name);

		if (name != NULL)
			(void)json_object_set_new(out, name,
			                          text_json(labels_at(labels, i)->value));
		free(name);
	}
	return out;
}

/* As Prometheus' API writes it: an exponent only below 1e-6 and from 1e21 on. */
static void value_text(double value, char out[VALUE_TEXT_MAX])
{
	char text[UNITS_TEXT_MAX], digits[UNITS_TEXT_MAX];
	size_t n = 0, whole = 0;
	int64_t exponent = 0;
	struct err err;
	const char *e;

	number_format(value, text);
	e = strchr(text, 'e');
	snprintf(out, VALUE_TEXT_MAX, "%s", text);
	if (e == NULL || fabs(value) < 1e-6 || fabs(value) >= 1e21 ||
	    !int_parse(str_of(e[1] == '+' ? e + 2 : e + 1), &exponent, &err))
		return;
	for (const char *c = text; c < e; c++) {
		if (*c == '.')
			whole = n;
		else if (*c != '-')
			digits[n++] = *c;
	}
	whole = (whole > 0 ? whole : n);
	if (exponent < 0)
		snprintf(out, VALUE_TEXT_MAX, "%s0.%.*s%.*s", value < 0 ? "-" : "",
		         (int)(-exponent - (int64_t)whole), "0000000000", (int)n, digits);
	else
		snprintf(out, VALUE_TEXT_MAX, "%s%.*s%.*s", value < 0 ? "-" : "", (int)n, digits,
		         (int)((int64_t)whole + exponent - (int64_t)n), "000000000000000000000");
}

static json_t *time_json(int64_t at_ms)
{
	return at_ms % 1000 == 0 ? json_integer(at_ms / 1000) : json_real((double)at_ms / 1000.0);
}

static json_t *point_json(int64_t at_ms, double value)
{
	char text[VALUE_TEXT_MAX];

	value_text(value, text);
	return json_pack("[o, s]", time_json(at_ms), text);
}

static json_t *vector_json(const struct promql_value *value, int64_t at_ms)
{
	json_t *out = json_array();

	for (size_t i = 0; i < value->nvector; i++)
		(void)json_array_append_new(
		        out,
		        json_pack("{s:o, s:o}", "metric", metric_json(&value->vector[i].labels),
		                  "value", point_json(at_ms, value->vector[i].value)));
	return out;
}

static json_t *matrix_json(const struct promql_value *value)
{
	json_t *out = json_array();

	for (size_t i = 0; i < value->nmatrix; i++) {
		const struct promql_range_element *element = &value->matrix[i];
		json_t *points = json_array();

		for (size_t p = 0; p < element->n; p++)
			if (!series_is_stale_nan(element->samples[p].value))
				(void)json_array_append_new(points,
				                            point_json(element->samples[p].at_ms,
				                                       element->samples[p].value));
		(void)json_array_append_new(out, json_pack("{s:o, s:o}", "metric",
		                                           metric_json(&element->labels), "values",
		                                           points));
	}
	return out;
}

json_t *answer_result(const struct promql_value *value, int64_t at_ms)
{
	switch (value->type) {
	case PROMQL_SCALAR:
		return point_json(at_ms, value->scalar);
	case PROMQL_VECTOR:
		return vector_json(value, at_ms);
	case PROMQL_MATRIX:
		return matrix_json(value);
	case PROMQL_STRING:
		return json_pack("[o, o]", time_json(at_ms), text_json(value->string));
	case PROMQL_TYPE_COUNT:
	default:
		return json_null();
	}
}
