/*
 * function - the table of PromQL functions. A new function is one row and its implementation.
 *
 * A row has exactly one of: `map` (a number to a number, over every element), `range` (the samples
 * of one series to a number), `eval` (anything else), `refusal` (known, so that the message can say
 * why not).
 */
#ifndef PROMQL_FUNCTION_H
#define PROMQL_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "promql/ast.h"
#include "promql/eval.h"
#include "promql/promql.h"

#define FUNCTION_MAX_TYPES 5
#define FUNCTION_ANY_NUMBER SIZE_MAX

/* The samples of one series in (start, end], stale markers left out; at least one. */
struct range {
	const struct sample *samples;
	size_t n;
	int64_t start_ms, end_ms;
	int64_t at_ms;       /* of the evaluation: `end` before the offset */
	double params[2];    /* the scalars beside the range, where the function takes some */
	enum extent extent;  /* if any, samples also lie outside */
	struct arena *arena; /* scratch; a failure sticks and is noticed after the last series */
};

/* Argument types repeat from the last one on when max_args allows more. */
struct function {
	const char *name;
	enum promql_type returns;
	enum promql_type args[FUNCTION_MAX_TYPES];
	size_t ntypes, min_args, max_args;
	bool keeps_name;
	bool takes_anchored, takes_smoothed; /* ranges of these kinds */
	bool takes_labels; /* the second argument is a selector of labels, and always there */
	const char *refusal; /* goes on from the function's name */
	double (*map)(double value);
	bool (*range)(const struct range *r, double *out); /* false: no result for this series */
	bool (*check_params)(const double *params, struct err *err); /* of a range function */
	bool (*eval)(struct evaluation *e, const struct call *call, struct promql_value *args,
	             struct promql_value *out, struct err *err);
	/* Looks at literal arguments while parsing. */
	bool (*check)(struct promql_expr *expr, struct call *call, struct err *err);
};

const struct function *function_find(struct str name);
const struct function *function_at(size_t i); /* NULL behind the last */
const char *function_nearest(struct str name); /* for "did you mean"; NULL when nothing is near */

/* Evaluates the arguments, then the function. */
bool eval_call(struct evaluation *e, const struct node *n, struct promql_value *out,
               struct err *err) MUST_CHECK;

/* rate.c */
bool range_rate(const struct range *r, double *out);
bool range_increase(const struct range *r, double *out);
bool range_delta(const struct range *r, double *out);
bool range_irate(const struct range *r, double *out);
bool range_idelta(const struct range *r, double *out);
bool range_resets(const struct range *r, double *out);
bool range_changes(const struct range *r, double *out);
bool range_deriv(const struct range *r, double *out);
bool range_predict_linear(const struct range *r, double *out);
bool range_smoothing(const struct range *r, double *out);
bool check_smoothing(const double *params, struct err *err) MUST_CHECK;

/* over_time.c */
bool range_avg(const struct range *r, double *out);
bool range_sum(const struct range *r, double *out);
bool range_min(const struct range *r, double *out);
bool range_max(const struct range *r, double *out);
bool range_count(const struct range *r, double *out);
bool range_first(const struct range *r, double *out);
bool range_last(const struct range *r, double *out);
bool range_present(const struct range *r, double *out);
bool range_stddev(const struct range *r, double *out);
bool range_stdvar(const struct range *r, double *out);
bool range_quantile(const struct range *r, double *out);
bool range_mad(const struct range *r, double *out);
bool range_ts_of_first(const struct range *r, double *out);
bool range_ts_of_last(const struct range *r, double *out);
bool range_ts_of_min(const struct range *r, double *out);
bool range_ts_of_max(const struct range *r, double *out);

/* functions_math.c, functions_time.c */
double map_sgn(double value);
double map_deg(double value);
double map_rad(double value);
double map_minute(double value);
double map_hour(double value);
double map_day_of_week(double value);
double map_day_of_month(double value);
double map_day_of_year(double value);
double map_days_in_month(double value);
double map_month(double value);
double map_year(double value);

#define FUNCTION_EVAL(name)                                                                        \
	bool name(struct evaluation *e, const struct call *call, struct promql_value *args,        \
	          struct promql_value *out, struct err *err) MUST_CHECK

FUNCTION_EVAL(eval_clamp);
FUNCTION_EVAL(eval_clamp_min);
FUNCTION_EVAL(eval_clamp_max);
FUNCTION_EVAL(eval_round);
FUNCTION_EVAL(eval_pi);

FUNCTION_EVAL(eval_time);
FUNCTION_EVAL(eval_scalar);
FUNCTION_EVAL(eval_vector);
FUNCTION_EVAL(eval_timestamp);
FUNCTION_EVAL(eval_absent);
FUNCTION_EVAL(eval_absent_over_time);
FUNCTION_EVAL(eval_sort);
FUNCTION_EVAL(eval_sort_desc);
FUNCTION_EVAL(eval_sort_by_label);
FUNCTION_EVAL(eval_sort_by_label_desc);

/* info.c */
FUNCTION_EVAL(eval_info);

FUNCTION_EVAL(eval_label_replace);
FUNCTION_EVAL(eval_label_join);
bool check_label_replace(struct promql_expr *expr, struct call *call, struct err *err) MUST_CHECK;
bool check_timestamp(struct promql_expr *expr, struct call *call, struct err *err) MUST_CHECK;
bool check_label_join(struct promql_expr *expr, struct call *call, struct err *err) MUST_CHECK;

FUNCTION_EVAL(eval_histogram_quantile);
FUNCTION_EVAL(eval_histogram_quantiles);
FUNCTION_EVAL(eval_histogram_fraction);
bool check_histogram_quantiles(struct promql_expr *expr, struct call *call,
                               struct err *err) MUST_CHECK;

#undef FUNCTION_EVAL

#endif
