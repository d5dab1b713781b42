/* The table of functions, and how a call runs. */
#include "promql/function.h"

#include <math.h>

#include "base/macros.h"
#include "promql/vector.h"

/* Signatures, as the rows below read them: a return type, argument types, how many. */
#define S PROMQL_SCALAR
#define V PROMQL_VECTOR
#define M PROMQL_MATRIX
#define T PROMQL_STRING
#define MAPS(fn) .returns = V, .args = {V}, .ntypes = 1, .min_args = 1, .max_args = 1, .map = (fn)
#define DATES(fn) .returns = V, .args = {V}, .ntypes = 1, .min_args = 0, .max_args = 1, .map = (fn)
#define RANGES(fn)                                                                                 \
	.returns = V, .args = {M}, .ntypes = 1, .min_args = 1, .max_args = 1, .range = (fn)
#define TAKES0(type) .returns = (type)
#define TAKES1(type, a) .returns = (type), .args = {a}, .ntypes = 1, .min_args = 1, .max_args = 1
#define TAKES2(type, a, b)                                                                         \
	.returns = (type), .args = {a, b}, .ntypes = 2, .min_args = 2, .max_args = 2
#define TAKES3(type, a, b, c)                                                                      \
	.returns = (type), .args = {a, b, c}, .ntypes = 3, .min_args = 3, .max_args = 3

static const char native[] = "needs native histograms, which are not supported";

/* clang-format off */
static const struct function functions[] = {
	{ "abs",                MAPS(fabs) },
	{ "absent",             TAKES1(V, V), .eval = eval_absent },
	{ "absent_over_time",   TAKES1(V, M), .eval = eval_absent_over_time },
	{ "acos",               MAPS(acos) },
	{ "acosh",              MAPS(acosh) },
	{ "asin",               MAPS(asin) },
	{ "asinh",              MAPS(asinh) },
	{ "atan",               MAPS(atan) },
	{ "atanh",              MAPS(atanh) },
	{ "avg_over_time",      RANGES(range_avg) },
	{ "ceil",               MAPS(ceil) },
	{ "changes",            RANGES(range_changes), .takes_anchored = true },
	{ "clamp",              TAKES3(V, V, S, S), .eval = eval_clamp },
	{ "clamp_max",          TAKES2(V, V, S), .eval = eval_clamp_max },
	{ "clamp_min",          TAKES2(V, V, S), .eval = eval_clamp_min },
	{ "cos",                MAPS(cos) },
	{ "cosh",               MAPS(cosh) },
	{ "count_over_time",    RANGES(range_count) },
	{ "day_of_month",       DATES(map_day_of_month) },
	{ "day_of_week",        DATES(map_day_of_week) },
	{ "day_of_year",        DATES(map_day_of_year) },
	{ "days_in_month",      DATES(map_days_in_month) },
	{ "deg",                MAPS(map_deg) },
	{ "delta",              RANGES(range_delta), .takes_anchored = true, .takes_smoothed = true },
	{ "deriv",              RANGES(range_deriv) },
	{ "double_exponential_smoothing",
	                        TAKES3(V, M, S, S), .range = range_smoothing,
	                        .check_params = check_smoothing },
	{ "exp",                MAPS(exp) },
	{ "first_over_time",    RANGES(range_first), .keeps_name = true },
	{ "floor",              MAPS(floor) },
	{ "histogram_avg",      TAKES1(V, V), .refusal = native },
	{ "histogram_count",    TAKES1(V, V), .refusal = native },
	{ "histogram_fraction", TAKES3(V, S, S, V), .eval = eval_histogram_fraction },
	{ "histogram_quantile", TAKES2(V, S, V), .eval = eval_histogram_quantile },
	{ "histogram_quantiles", .returns = V, .args = { V, T, S }, .ntypes = 3, .min_args = 3,
	                        .max_args = 12, .eval = eval_histogram_quantiles,
	                        .check = check_histogram_quantiles },
	{ "histogram_stddev",   TAKES1(V, V), .refusal = native },
	{ "histogram_stdvar",   TAKES1(V, V), .refusal = native },
	{ "histogram_sum",      TAKES1(V, V), .refusal = native },
	{ "holt_winters",       TAKES3(V, M, S, S),
	                        .refusal = "is called double_exponential_smoothing since Prometheus 3" },
	{ "hour",               DATES(map_hour) },
	{ "idelta",             RANGES(range_idelta) },
	{ "increase",           RANGES(range_increase), .takes_anchored = true, .takes_smoothed = true },
	{ "info",               .returns = V, .args = { V, V }, .ntypes = 2, .min_args = 1, .max_args = 2,
	  .eval = eval_info, .takes_labels = true },
	{ "irate",              RANGES(range_irate) },
	{ "label_join",         .returns = V, .args = { V, T, T, T }, .ntypes = 4, .min_args = 3,
	                        .max_args = FUNCTION_ANY_NUMBER, .eval = eval_label_join,
	                        .check = check_label_join, .keeps_name = true },
	{ "label_replace",      .returns = V, .args = { V, T, T, T, T }, .ntypes = 5, .min_args = 5,
	                        .max_args = 5, .eval = eval_label_replace,
	                        .check = check_label_replace, .keeps_name = true },
	{ "last_over_time",     RANGES(range_last), .keeps_name = true },
	{ "ln",                 MAPS(log) },
	{ "log10",              MAPS(log10) },
	{ "log2",               MAPS(log2) },
	{ "mad_over_time",      RANGES(range_mad) },
	{ "max_over_time",      RANGES(range_max) },
	{ "min_over_time",      RANGES(range_min) },
	{ "minute",             DATES(map_minute) },
	{ "month",              DATES(map_month) },
	{ "pi",                 TAKES0(S), .eval = eval_pi },
	{ "predict_linear",     TAKES2(V, M, S), .range = range_predict_linear },
	{ "present_over_time",  RANGES(range_present) },
	{ "quantile_over_time", TAKES2(V, S, M), .range = range_quantile },
	{ "rad",                MAPS(map_rad) },
	{ "rate",               RANGES(range_rate), .takes_anchored = true, .takes_smoothed = true },
	{ "resets",             RANGES(range_resets), .takes_anchored = true },
	{ "round",              .returns = V, .args = { V, S }, .ntypes = 2, .min_args = 1, .max_args = 2,
	                        .eval = eval_round },
	{ "scalar",             TAKES1(S, V), .eval = eval_scalar },
	{ "sgn",                MAPS(map_sgn) },
	{ "sin",                MAPS(sin) },
	{ "sinh",               MAPS(sinh) },
	{ "sort",               TAKES1(V, V), .eval = eval_sort, .keeps_name = true },
	{ "sort_by_label",      .returns = V, .args = { V, T }, .ntypes = 2, .min_args = 1,
	                        .max_args = FUNCTION_ANY_NUMBER, .eval = eval_sort_by_label, .keeps_name = true },
	{ "sort_by_label_desc", .returns = V, .args = { V, T }, .ntypes = 2, .min_args = 1,
	                        .max_args = FUNCTION_ANY_NUMBER, .eval = eval_sort_by_label_desc, .keeps_name = true },
	{ "sort_desc",          TAKES1(V, V), .eval = eval_sort_desc, .keeps_name = true },
	{ "sqrt",               MAPS(sqrt) },
	{ "stddev_over_time",   RANGES(range_stddev) },
	{ "stdvar_over_time",   RANGES(range_stdvar) },
	{ "sum_over_time",      RANGES(range_sum) },
	{ "tan",                MAPS(tan) },
	{ "tanh",               MAPS(tanh) },
	{ "time",               TAKES0(S), .eval = eval_time },
	{ "timestamp",          TAKES1(V, V), .eval = eval_timestamp, .check = check_timestamp },
	{ "ts_of_first_over_time", RANGES(range_ts_of_first) },
	{ "ts_of_last_over_time",  RANGES(range_ts_of_last) },
	{ "ts_of_max_over_time",   RANGES(range_ts_of_max) },
	{ "ts_of_min_over_time",   RANGES(range_ts_of_min) },
	{ "vector",             TAKES1(V, S), .eval = eval_vector },
	{ "year",               DATES(map_year) },
};
/* clang-format on */

const struct function *function_find(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		if (str_eq_text(name, functions[i].name))
			return &functions[i];
	}
	return NULL;
}

const struct function *function_at(size_t i)
{
	return i < ARRAY_LEN(functions) ? &functions[i] : NULL;
}

const char *function_nearest(struct str name)
{
	const char *names[ARRAY_LEN(functions) + 1];

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		names[i] = functions[i].name;
	names[ARRAY_LEN(functions)] = NULL;
	return str_nearest(name, names);
}

/* Values change in place: the vector was evaluated for this call alone. */
static bool run_map(struct evaluation *e, const struct function *f, struct promql_value *in,
                    struct promql_value *out, bool *out_typed, struct err *err)
{
	for (size_t i = 0; i < in->nvector; i++) {
		*out_typed = *out_typed || labels_have_type(&in->vector[i].labels);
		in->vector[i].value = f->map(in->vector[i].value);
		in->vector[i].at_ms = e->at_ms;
		if (!vector_drop_name(&in->vector[i], e->arena, err))
			return false;
	}
	*out = *in;
	return true;
}

/* The date functions without argument look at the time of the evaluation. */
static bool run_map_now(struct evaluation *e, const struct function *f, struct promql_value *out,
                        struct err *err)
{
	if (!vector_make(out, 1, e->arena, err))
		return false;
	vector_add(out, (struct promql_element){
	                        .at_ms = e->at_ms,
	                        .value = f->map(floor((double)e->at_ms / 1000)),
	                });
	return labels_make(NULL, 0, e->arena, &out->vector[0].labels, err);
}

/* The row of a range function has exactly one range; the other arguments are scalars. */
static void read_range_arguments(struct evaluation *e, const struct call *call,
                                 const struct promql_value *args, struct range *r,
                                 size_t *out_which)
{
	size_t nparams = 0;

	for (size_t i = 0; i < call->nargs; i++) {
		const struct node *arg = call->args[i];
		bool is_subquery = arg->kind == NODE_SUBQUERY;

		if (arg->type != PROMQL_MATRIX) {
			r->params[nparams++] = args[i].scalar;
			continue;
		}
		*out_which = i;
		r->extent = is_subquery ? EXTENT_NONE : arg->selector.extent;
		r->end_ms =
		        eval_place(e, is_subquery ? &arg->subquery.place : &arg->selector.place);
		r->start_ms =
		        r->end_ms - (is_subquery ? arg->subquery.range_ms : arg->selector.range_ms);
	}
}

static bool run_range(struct evaluation *e, const struct call *call, struct promql_value *args,
                      struct promql_value *out, bool *out_typed, struct err *err)
{
	struct range r = {.at_ms = e->at_ms, .arena = e->arena};
	const struct promql_value *matrix;
	size_t which = 0;

	read_range_arguments(e, call, args, &r, &which);
	matrix = &args[which];
	if (matrix->nmatrix && call->function->check_params &&
	    !call->function->check_params(r.params, err))
		return false;
	if (!vector_make(out, matrix->nmatrix, e->arena, err))
		return false;
	for (size_t i = 0; i < matrix->nmatrix; i++) {
		struct promql_element el = {.labels = matrix->matrix[i].labels, .at_ms = e->at_ms};

		r.samples = matrix->matrix[i].samples;
		r.n = matrix->matrix[i].n;
		if (!call->function->range(&r, &el.value))
			continue;
		*out_typed = *out_typed || labels_have_type(&el.labels);
		if (!call->function->keeps_name && !vector_drop_name(&el, e->arena, err))
			return false;
		vector_add(out, el);
	}
	return arena_ok(e->arena, err);
}

/* Series of one name have labels of their own without it, too, unless it was not all they lost. */
static bool stays_unique(const struct call *call)
{
	const struct function *f = call->function;

	if (!f->map && !f->range)
		return false;
	for (size_t i = 0; i < call->nargs; i++) {
		const struct node *arg = call->args[i];

		if (arg->kind == NODE_SELECTOR && !arg->selector.name.n)
			return false;
		if (arg->kind != NODE_SELECTOR && arg->type != PROMQL_SCALAR)
			return false;
	}
	return true;
}

bool eval_call(struct evaluation *e, const struct node *n, struct promql_value *out,
               struct err *err)
{
	const struct call *call = &n->call;
	const struct function *f = call->function;
	struct promql_value *args = take_array(e->arena, call->nargs, sizeof(*args), err);
	bool ok = false, typed = false;

	if (!args)
		return false;
	for (size_t i = 0; i < call->nargs; i++) {
		if (!eval_node(e, call->args[i], &args[i], err))
			return false;
	}
	if (f->map)
		ok = call->nargs ? run_map(e, f, &args[0], out, &typed, err)
		                 : run_map_now(e, f, out, err);
	else if (f->range)
		ok = run_range(e, call, args, out, &typed, err);
	else
		ok = f->eval(e, call, args, out, err);
	if (!ok)
		return false;
	return out->type != PROMQL_VECTOR || (!typed && stays_unique(call)) ||
	       vector_check_unique(out, e->arena, err);
}
