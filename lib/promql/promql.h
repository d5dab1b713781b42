/*
 * promql - parses and evaluates PromQL instant queries over sampled series, with Prometheus 3's
 * meaning.
 *
 * Pure. A parsed expression is immutable and may be evaluated any number of times. Values live in
 * the arena of the evaluation. NaN and Inf are values here; they are stopped at the gate.
 */
#ifndef PROMQL_PROMQL_H
#define PROMQL_PROMQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "series/series.h"

#define PROMQL_LOOKBACK_MS 300000 /* five minutes */
#define PROMQL_MAX_TEXT 16384
#define PROMQL_MAX_DEPTH 64
#define PROMQL_MAX_NODES 2000
/* Subqueries evaluate again and again; these bound one evaluation of the whole. */
#define PROMQL_MAX_STEPS 100000    /* of the innermost part */
#define PROMQL_MAX_WORK 10000000   /* samples, series and parts of the expression looked at */
#define PROMQL_MAX_SAMPLES 5000000 /* held by one subquery */

/* Byte offset of an error in the expression's text, from 0. */
struct promql_position {
	size_t offset;
};

struct promql_expr;

/* NULL on error; err->text is the sentence ("unexpected ...") and *at where it stands. Regular
 * expressions are compiled here (PCRE2, anchored, with match limits). */
struct promql_expr *promql_parse(struct str text, struct promql_position *at, struct err *err);
void promql_free(struct promql_expr **e);

enum promql_type {
	PROMQL_SCALAR = 0,
	PROMQL_VECTOR,
	PROMQL_MATRIX,
	PROMQL_STRING,
	PROMQL_TYPE_COUNT
};
const char *promql_type_name(enum promql_type type); /* "scalar", "vector", "matrix", "string" */
enum promql_type promql_expr_type(const struct promql_expr *e);
struct str promql_expr_text(const struct promql_expr *e);

/* Which samples an expression needs, for scraping, retention and rules K2 and K4. One per selector,
 * in the order of the text. */
struct promql_need {
	struct str name;   /* the exact metric name; empty when the selector has none */
	struct str text;   /* of the selector itself, without range, offset and @ */
	int64_t range_ms;  /* range selector; 0 for an instant selector */
	int64_t offset_ms; /* its own and those of the subqueries around it; may be negative */
	int64_t window_ms; /* the stretch of past one evaluation reads: range, offsets and the
	                      ranges of subqueries around it; 0 for an instant selector without */
	int64_t keep_ms;   /* how long its samples must be kept; look-back included */
	int64_t age_ms;    /* how old the newest sample it reads may be by intent: offsets, and one
	                      step per subquery */
	bool pinned;       /* looks at a fixed time (@ 1609746000): keep_ms then means nothing */
};
size_t promql_needs(const struct promql_expr *e, const struct promql_need **out);
/* Longest stretch of past behind one evaluation, the largest window_ms: what votes must lie apart
 * (rule E2) and what must be covered (rule K4). */
int64_t promql_longest_range_ms(const struct promql_expr *e);
/* How long samples must be kept: the largest keep_ms. */
int64_t promql_retention_ms(const struct promql_expr *e);
/* How often the innermost part is evaluated for one evaluation of the whole; 1 without subqueries.
 * More than PROMQL_MAX_STEPS end in an error. */
int64_t promql_steps(const struct promql_expr *e);

/* The samples an evaluation reads: the union of these sets, in which no label set repeats. */
struct promql_data {
	const struct series_set *const *sets;
	size_t nsets;
	bool may_repeat; /* it might: a selector that finds one twice is then an error */
};

struct promql_element {
	struct labels labels;
	int64_t at_ms; /* the sample's own time where the value is a sample as is, else the
	                  evaluation's */
	double value;
};

struct promql_range_element {
	struct labels labels;
	const struct sample *samples;
	size_t n;
};

struct promql_value {
	enum promql_type type;
	double scalar;
	struct str string;
	struct promql_element *vector;
	size_t nvector;
	struct promql_range_element *matrix;
	size_t nmatrix;
	int64_t newest_sample_ms; /* newest raw sample any selector read; 0 when none */
};

bool promql_eval(const struct promql_expr *e, const struct promql_data *data, int64_t at_ms,
                 struct arena *arena, struct promql_value *out, struct promql_position *at,
                 struct err *err) MUST_CHECK;

/* Prometheus' BucketQuantile and BucketFraction (promql/quantile.go). Buckets are cumulative counts
 * by upper bound; sorted and mended in place. */
struct promql_bucket {
	double upper_bound;
	double count;
};
double promql_bucket_quantile(double q, struct promql_bucket *buckets, size_t n, bool *out_mended);
/* The share of observations between the two, from the same buckets. */
double promql_bucket_fraction(double lower, double upper, struct promql_bucket *buckets, size_t n);

#endif
