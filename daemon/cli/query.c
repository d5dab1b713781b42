/*
 * query - `headgate query`: PromQL over a page with timestamps, printed as Prometheus'
 * /api/v1/query prints it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/commands.h"
#include "cli/page.h"
#include "promql/promql.h"

#define QUERY_ARENA (512u * 1024 * 1024)

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
		char *name = str_dup(labels->list[i].name);

		if (name != NULL)
			(void)json_object_set_new(out, name, text_json(labels->list[i].value));
		free(name);
	}
	return out;
}

static json_t *point_json(int64_t at_ms, double value)
{
	char text[UNITS_TEXT_MAX];

	number_format(value, text);
	return json_pack("[f, s]", (double)at_ms / 1000.0, text);
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

static json_t *result_json(const struct promql_value *value, int64_t at_ms)
{
	switch (value->type) {
	case PROMQL_SCALAR:
		return point_json(at_ms, value->scalar);
	case PROMQL_VECTOR:
		return vector_json(value, at_ms);
	case PROMQL_MATRIX:
		return matrix_json(value);
	case PROMQL_STRING:
		return json_pack("[f, o]", (double)at_ms / 1000.0, text_json(value->string));
	case PROMQL_TYPE_COUNT:
	default:
		return json_null();
	}
}

static int print_value(const struct promql_value *value, int64_t at_ms)
{
	json_t *answer =
	        json_pack("{s:s, s:{s:s, s:o}}", "status", "success", "data", "resultType",
	                  promql_type_name(value->type), "result", result_json(value, at_ms));
	char *text = json_dumps(answer, JSON_COMPACT);

	if (text != NULL)
		puts(text);
	free(text);
	json_decref(answer);
	return text == NULL ? EXIT_BUG : EXIT_DONE;
}

static int fail(const char *what, const struct promql_position *at, const struct err *err)
{
	fprintf(stderr, "%s: 1:%zu: %s\n", what, at->offset + 1, err->text);
	return EXIT_BAD;
}

static int run(const char *path, enum page_format format, int64_t at_ms, const char *text)
{
	struct promql_position at = {0};
	struct err err = {.code = ERR_NONE};
	struct series_set *set = NULL;
	struct promql_expr *expr = promql_parse(str_of(text), &at, &err);
	struct promql_value value;
	struct arena arena;
	size_t samples = 0;
	int status;

	if (expr == NULL)
		return fail("parse error", &at, &err);
	if (!page_read(path, format, at_ms, &set, &samples, &err)) {
		promql_free(&expr);
		fprintf(stderr, "%s: %s\n", path, err.text);
		return err.code == ERR_NOT_FOUND ? EXIT_UNREACHABLE : EXIT_BAD;
	}
	arena_init(&arena, QUERY_ARENA);
	status = promql_eval(expr,
	                     &(struct promql_data){.sets = (const struct series_set *const[]){set},
	                                           .nsets = 1},
	                     at_ms, &arena, &value, &at, &err)
	                 ? print_value(&value, at_ms)
	                 : fail("evaluation error", &at, &err);
	arena_fini(&arena);
	series_set_free(&set);
	promql_free(&expr);
	return status;
}

int query_command(int argc, char **argv)
{
	const char *path = NULL, *expr = NULL;
	struct err err = {.code = ERR_NONE};
	double seconds = 0;
	enum page_format format = PAGE_AUTO;
	bool has_at = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
			path = argv[++i];
		} else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc) {
			has_at = number_parse(str_of(argv[++i]), &seconds, &err) &&
			         seconds > -1e15 && seconds < 1e15;
		} else if (strcmp(argv[i], "--format") == 0 && i + 1 < argc &&
		           page_format_of(argv[i + 1], &format)) {
			i++;
		} else if (expr == NULL) {
			expr = argv[i];
		} else {
			expr = NULL;
			break;
		}
	}
	if (path == NULL || expr == NULL || !has_at) {
		fprintf(stderr, "usage: headgate query --data FILE|- [--format "
		                "auto|prometheus|openmetrics] "
		                "--at SECONDS 'EXPR'\n");
		return EXIT_USAGE;
	}
	return run(path, format, (int64_t)(seconds * 1000.0 + (seconds < 0 ? -0.5 : 0.5)), expr);
}
