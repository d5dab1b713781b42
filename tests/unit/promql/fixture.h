/*
 * fixture - series written as text and results read as text, for the promql tests.
 *
 * A series is "name{label=\"value\"} v v v": one value per step, "_" for no sample, "stale" for a
 * stale marker, "0+10x4" for 0 10 20 30 40. A result is its elements, "{labels} value", sorted, one
 * per line.
 */
#ifndef TESTS_PROMQL_FIXTURE_H
#define TESTS_PROMQL_FIXTURE_H

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/macros.h"
#include "base/units.h"
#include "promql/promql.h"
#include "series/labels.h"
#include "series/series.h"

#define FIXTURE_TEXT_MAX 4096
#define FIXTURE_LABELS_MAX 16

static struct series_set *fixture_set;

static inline void fixture_setup(void)
{
	fixture_set = series_set_new(7, INT64_C(24) * 3600 * 1000, 100000);
	ck_assert_ptr_nonnull(fixture_set);
}

static inline void fixture_teardown(void)
{
	series_set_free(&fixture_set);
}

/* Reads `name{a="b",c="d"}`; values have no escapes. Returns what follows. */
static inline const char *fixture_labels(const char *text, struct label *list, size_t *n)
{
	size_t length = strcspn(text, "{ ");

	*n = 0;
	if (length)
		list[(*n)++] = (struct label){STR("__name__"), {text, length}};
	text += length;
	if (*text != '{')
		return text;
	text++;
	while (*text != '}') {
		size_t name = strcspn(text, "=");
		size_t value = strcspn(text + name + 2, "\"");

		ck_assert_uint_lt(*n, FIXTURE_LABELS_MAX);
		list[(*n)++] = (struct label){{text, name}, {text + name + 2, value}};
		text += name + value + 3;
		if (*text == ',')
			text++;
	}
	return text + 1;
}

static inline void fixture_push(struct series *s, int64_t at_ms, double value)
{
	struct err err = {0};

	ck_assert_msg(series_append(fixture_set, s, (struct sample){at_ms, value}, &err), "%s",
	              err.text);
}

static inline double fixture_value(struct str text)
{
	double value = 0;
	struct err err = {0};

	ck_assert_msg(number_parse(text, &value, &err), "%s", err.text);
	return value;
}

/* "0+10x4": five samples. */
static inline int64_t fixture_sequence(struct series *s, struct str word, int64_t at_ms,
                                       int64_t step_ms)
{
	size_t sign = 1;
	size_t cross = 0;
	double from;
	double by;
	double times;

	while (word.p[sign] != '+' && word.p[sign] != '-')
		sign++;
	while (word.p[cross] != 'x')
		cross++;
	from = fixture_value(str_slice(word, 0, sign));
	by = fixture_value(str_slice(word, sign + (word.p[sign] == '+'), cross));
	times = fixture_value(str_slice(word, cross + 1, word.n));
	for (int i = 0; i <= (int)times; i++)
		fixture_push(s, at_ms + i * step_ms, from + i * by);
	return (int64_t)times + 1;
}

/* One word of the values: returns how many steps it stands for. */
static inline int64_t fixture_word(struct series *s, struct str word, int64_t at_ms,
                                   int64_t step_ms)
{
	if (str_eq_text(word, "_"))
		return 1;
	if (memchr(word.p, 'x', word.n))
		return fixture_sequence(s, word, at_ms, step_ms);
	fixture_push(s, at_ms,
	             str_eq_text(word, "stale") ? series_stale_nan() : fixture_value(word));
	return 1;
}

/* The first value stands at start_ms. */
static inline void fixture_load(int64_t start_ms, int64_t step_ms, const char *text)
{
	struct label list[FIXTURE_LABELS_MAX];
	struct arena arena;
	struct labels labels;
	struct err err = {0};
	struct series *s;
	size_t n;

	arena_init(&arena, 1 << 20);
	text = fixture_labels(text, list, &n);
	ck_assert(labels_make(list, n, &arena, &labels, &err));
	s = series_set_obtain(fixture_set, &labels, &err);
	ck_assert_msg(s, "%s", err.text);
	while (*text) {
		struct str word = {text, strcspn(text, " ")};

		if (word.n)
			start_ms += step_ms * fixture_word(s, word, start_ms, step_ms);
		text += word.n + (text[word.n] == ' ');
	}
	arena_fini(&arena);
}

static inline int fixture_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Twelve digits: what is calculated by hand need not agree in the last two. */
static inline void fixture_number(double value, char out[UNITS_TEXT_MAX])
{
	if (isfinite(value))
		snprintf(out, UNITS_TEXT_MAX, "%.12g", value);
	else
		number_format(value, out);
}

static inline char *fixture_line(const struct labels *labels, double value, int64_t at_ms)
{
	char number[UNITS_TEXT_MAX];
	struct buf line;

	buf_init(&line, FIXTURE_TEXT_MAX);
	labels_print(labels, &line);
	fixture_number(value, number);
	buf_printf(&line, " %s", number);
	if (at_ms)
		buf_printf(&line, "@%lld", (long long)at_ms);
	return buf_take_text(&line);
}

static inline void fixture_join(char **lines, size_t n, char *out)
{
	qsort(lines, n, sizeof(*lines), fixture_compare);
	for (size_t i = 0; i < n; i++) {
		snprintf(out + strlen(out), FIXTURE_TEXT_MAX - strlen(out), "%s%s", i ? "\n" : "",
		         lines[i]);
		free(lines[i]);
	}
}

/* Sorted lines; a scalar is its number, a string itself, a matrix one line per sample. */
static inline void fixture_print(const struct promql_value *v, char *out)
{
	char *lines[256];
	char number[UNITS_TEXT_MAX];
	size_t n = 0;

	*out = '\0';
	if (v->type == PROMQL_SCALAR) {
		fixture_number(v->scalar, number);
		snprintf(out, FIXTURE_TEXT_MAX, "%s", number);
	}
	if (v->type == PROMQL_STRING)
		snprintf(out, FIXTURE_TEXT_MAX, "%.*s", (int)v->string.n, v->string.p);
	for (size_t i = 0; i < v->nvector; i++)
		lines[n++] = fixture_line(&v->vector[i].labels, v->vector[i].value, 0);
	for (size_t i = 0; i < v->nmatrix; i++) {
		for (size_t k = 0; k < v->matrix[i].n; k++)
			lines[n++] =
			        fixture_line(&v->matrix[i].labels, v->matrix[i].samples[k].value,
			                     v->matrix[i].samples[k].at_ms);
	}
	fixture_join(lines, n, out);
}

/* The result as text, or "error at N: sentence" from parsing or evaluation. */
static inline void fixture_eval(const char *expr, int64_t at_ms, char *out)
{
	const struct series_set *sets[] = {fixture_set};
	const struct promql_data data = {.sets = sets, .nsets = fixture_set ? 1 : 0};
	struct promql_position at = {0};
	struct promql_value v = {0};
	struct err err = {0};
	struct arena arena;
	struct promql_expr *e = promql_parse(str_of(expr), &at, &err);

	arena_init(&arena, 16 << 20);
	if (e && promql_eval(e, &data, at_ms, &arena, &v, &at, &err))
		fixture_print(&v, out);
	else
		snprintf(out, FIXTURE_TEXT_MAX, "error at %zu: %s", at.offset, err.text);
	promql_free(&e);
	arena_fini(&arena);
}

static inline void fixture_check(const char *why, const char *expr, int64_t at_ms,
                                 const char *wanted)
{
	char got[FIXTURE_TEXT_MAX];

	fixture_eval(expr, at_ms, got);
	ck_assert_msg(strcmp(got, wanted) == 0, "%s\n  %s\n  got:    %s\n  wanted: %s", why, expr,
	              got, wanted);
}

static inline int fixture_run(const char *name, TCase *tc)
{
	Suite *s = suite_create(name);
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
