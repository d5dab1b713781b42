/* prometheus_query - the text of the questions, and the reading of answers. */
#include "source/prometheus_query.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/units.h"
#include "source/prometheus_parts.h"

#define NOW_PART "now"
#define TEXT_SHOWN 160
#define SECONDS_MAX 1e12 /* of an instant; more is none, and no whole milliseconds either */

/* --- questions --- */

void prometheus_ages_query(const struct promql_expr *e, struct buf *out)
{
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs);

	buf_add_text(out, "label_replace(vector(time()), \"" PART_LABEL "\", \"" NOW_PART
	                  "\", \"\", \"\")");
	for (size_t i = 0; i < n; i++) {
		if (part_first_like(needs, i) != i)
			continue;
		part_begin(out);
		buf_add_text(out, "max(timestamp(");
		buf_add_str(out, needs[i].text);
		part_add_offset(&needs[i], out);
		buf_add_text(out, "))");
		part_end(out, i);
	}
}

static bool is_among(struct str name, char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_eq_text(name, list[i]))
			return true;
	}
	return false;
}

/* Whether need `i` is the first of its name, none of which has a sample. */
static bool name_is_unseen(const struct promql_need *needs, size_t n, size_t i,
                           const struct prometheus_ages *ages)
{
	for (size_t k = 0; k < n; k++) {
		if (str_eq(needs[k].name, needs[i].name) && (k < i || ages->seen[k]))
			return false;
	}
	return needs[i].name.n > 0;
}

/* Whether need `i` has no sample now and reads a past in which there may be some. */
static bool past_is_unseen(const struct promql_need *needs, size_t n, size_t i,
                           const struct prometheus_ages *ages)
{
	return !ages->seen[i] && part_first_like(needs, i) == i && part_reach_ms(needs, n, i) > 0;
}

static void add_past(const struct promql_need *needs, size_t n, size_t i, struct buf *out)
{
	part_begin(out);
	buf_add_text(out, "group(count_over_time(");
	buf_add_str(out, needs[i].text);
	part_add_reach(needs, n, i, out);
	buf_add_text(out, "))");
	part_end(out, n + i);
}

bool prometheus_unseen_query(const struct promql_expr *e, const struct prometheus_ages *ages,
                             char *const *may_be_absent, size_t nabsent, struct buf *out)
{
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs);

	for (size_t i = 0; i < n; i++) {
		if (!name_is_unseen(needs, n, i, ages) ||
		    is_among(needs[i].name, may_be_absent, nabsent))
			continue;
		part_begin(out);
		buf_add_text(out, "group({__name__=");
		part_add_quoted(out, needs[i].name);
		buf_add_text(out, "})");
		part_end(out, i);
	}
	for (size_t i = 0; i < n; i++) {
		if (past_is_unseen(needs, n, i, ages))
			add_past(needs, n, i, out);
	}
	return out->n > 0;
}

/* --- answers --- */

/* Somebody's text in a sentence. */
static const char *shown(const char *text, char out[TEXT_SHOWN])
{
	snprintf(out, TEXT_SHOWN, "%s", text);
	text_mend_cut(out, TEXT_SHOWN);
	for (char *p = out; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	}
	return out;
}

/* 400 and 422 say that the question is wrong; anything else that there is no answer now. */
static void refuse_failure(const json_t *document, long status, struct kpi_remote *r)
{
	const char *kind = json_string_value(json_object_get(document, "errorType"));
	const char *text = json_string_value(json_object_get(document, "error"));
	enum gate_result result = status == 400 || status == 422 ? GATE_ERROR : GATE_NO_DATA;
	char cut[TEXT_SHOWN];

	if (text != NULL)
		kpi_remote_refuse(r, result, "status %ld, %.40s: %s", status,
		                  kind != NULL ? kind : "error", shown(text, cut));
	else
		kpi_remote_refuse(r, result, "status %ld", status);
}

static bool has_warning(const json_t *document, struct kpi_remote *r)
{
	const json_t *warnings = json_object_get(document, "warnings");
	const char *first = json_string_value(json_array_get(warnings, 0));
	char cut[TEXT_SHOWN];

	/* So says a VictoriaMetrics cluster, which knows no warnings. */
	if (json_is_true(json_object_get(document, "isPartial"))) {
		kpi_remote_refuse(r, GATE_NO_DATA, "the answer is partial");
		return true;
	}
	if (warnings == NULL || json_is_null(warnings) ||
	    (json_is_array(warnings) && json_array_size(warnings) == 0))
		return false;
	kpi_remote_refuse(r, GATE_NO_DATA, "it warns: %s",
	                  shown(first != NULL ? first : "of something", cut));
	return true;
}

const json_t *prometheus_data(long status, struct str body, json_t **out_document,
                              struct kpi_remote *r)
{
	json_error_t where;
	json_t *document =
	        json_loadb(body.n > 0 ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &where);
	const char *verdict = json_string_value(json_object_get(document, "status"));
	const json_t *data = json_object_get(document, "data");

	*out_document = document;
	if (status != 200) {
		refuse_failure(document, status, r);
	} else if (document == NULL) {
		kpi_remote_refuse(r, GATE_ERROR, "the answer is not JSON (line %d, column %d)",
		                  where.line, where.column);
	} else if (verdict == NULL || strcmp(verdict, "success") != 0) {
		refuse_failure(document, status, r);
	} else if (!has_warning(document, r)) {
		if (json_is_object(data))
			return data;
		kpi_remote_refuse(r, GATE_ERROR, "the answer has no data");
	}
	json_decref(document);
	*out_document = NULL;
	return NULL;
}

static bool is_vector(const json_t *data, struct kpi_remote *r)
{
	if (strcmp(part_type(data), "vector") == 0 &&
	    json_is_array(json_object_get(data, "result")))
		return true;
	kpi_remote_refuse(r, GATE_ERROR, "the answer is not a vector");
	return false;
}

static void note_seen(const struct promql_need *needs, size_t n, size_t i,
                      struct prometheus_ages *out)
{
	for (size_t k = 0; k < n; k++) {
		if (part_is_alike(&needs[k], &needs[i])) {
			out->seen[k] = true;
			out->nseen++;
		}
	}
}

static bool find_now(const json_t *result, struct prometheus_ages *out)
{
	for (size_t i = 0; i < json_array_size(result); i++) {
		const json_t *element = json_array_get(result, i);

		if (strcmp(part_name(element), NOW_PART) == 0)
			return part_read_pair(json_object_get(element, "value"), &out->now_s);
	}
	return false;
}

bool prometheus_read_ages(const json_t *data, const struct promql_expr *e,
                          struct prometheus_ages *out, struct kpi_remote *r)
{
	const json_t *result = json_object_get(data, "result");
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs);

	*out = (struct prometheus_ages){.oldest_ms = INT64_MIN};
	if (!is_vector(data, r))
		return false;
	if (!find_now(result, out)) {
		kpi_remote_refuse(r, GATE_ERROR, "the answer does not say what time it is there");
		return false;
	}
	if (!(fabs(out->now_s) < SECONDS_MAX)) {
		kpi_remote_refuse(r, GATE_ERROR, "its clock cannot be right");
		return false;
	}
	for (size_t i = 0; i < json_array_size(result); i++) {
		const json_t *element = json_array_get(result, i);
		size_t need = part_need(element, n);
		double at_s = 0;
		int64_t age_ms;

		if (need == SIZE_MAX || !part_read_pair(json_object_get(element, "value"), &at_s) ||
		    !(fabs(at_s) < SECONDS_MAX))
			continue;
		age_ms = (int64_t)((out->now_s - at_s) * 1000);
		if (needs[need].offset_ms > 0)
			age_ms -= needs[need].offset_ms;
		if (age_ms > out->oldest_ms)
			out->oldest_ms = age_ms;
		note_seen(needs, n, need, out);
	}
	return true;
}

static bool is_in(const json_t *result, size_t need, size_t n)
{
	for (size_t i = 0; i < json_array_size(result); i++) {
		if (part_need(json_array_get(result, i), n) == need)
			return true;
	}
	return false;
}

/* Samples that count and are not current: the newest is older than the look-back, or its series has
 * ended, perhaps with its target (rule K5). */
static bool has_old_samples(const json_t *result, const struct promql_need *needs, size_t n,
                            const struct prometheus_ages *ages, struct kpi_remote *r)
{
	char span[UNITS_TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		struct str text = needs[i].text;

		if (!past_is_unseen(needs, n, i, ages) || !is_in(result, n + i, 2 * n))
			continue;
		duration_format(part_reach_ms(needs, n, i), span);
		kpi_remote_refuse(r, GATE_STALE,
		                  "%.*s has samples in its %s and none that is current",
		                  (int)(text.n < 120 ? text.n : 120), text.p, span);
		return true;
	}
	return false;
}

bool prometheus_read_unseen(const json_t *data, const struct promql_expr *e,
                            const struct prometheus_ages *ages, char *const *may_be_absent,
                            size_t nabsent, struct kpi_remote *r)
{
	const json_t *result = json_object_get(data, "result");
	const struct promql_need *needs;
	size_t n = part_needs(e, &needs);

	if (!is_vector(data, r))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct str name = needs[i].name;

		if (!name_is_unseen(needs, n, i, ages) || is_among(name, may_be_absent, nabsent) ||
		    is_in(result, i, 2 * n))
			continue;
		kpi_remote_refuse(r, GATE_NO_DATA, "metric %.*s is not known there",
		                  (int)(name.n < 100 ? name.n : 100), name.p);
		return false;
	}
	return !has_old_samples(result, needs, n, ages, r);
}

static void read_element(const json_t *element, struct kpi_remote *r)
{
	double value = 0;

	if (json_object_get(element, "histogram") != NULL)
		kpi_remote_refuse(r, GATE_ERROR, "a histogram: a KPI is one number");
	else if (!part_read_pair(json_object_get(element, "value"), &value))
		kpi_remote_refuse(r, GATE_ERROR, "the answer has no value");
	else
		r->value = value;
}

void prometheus_read_value(const json_t *data, struct kpi_remote *r)
{
	const json_t *result = json_object_get(data, "result");
	const char *type = part_type(data);
	double value = 0;

	r->result = GATE_PASS;
	if (strcmp(type, "scalar") == 0) {
		if (part_read_pair(result, &value))
			r->value = value;
		else
			kpi_remote_refuse(r, GATE_ERROR, "the answer has no value");
	} else if (strcmp(type, "vector") != 0 || !json_is_array(result)) {
		kpi_remote_refuse(r, GATE_ERROR, "a %.20s: a KPI is one number", type);
	} else if (json_array_size(result) > 1) {
		kpi_remote_refuse(r, GATE_ERROR, "%zu series: wrap in sum() or max()",
		                  json_array_size(result));
	} else if (json_array_size(result) == 0) {
		kpi_remote_refuse(r, GATE_NO_DATA, "nothing came back");
	} else {
		read_element(json_array_get(result, 0), r);
	}
}
