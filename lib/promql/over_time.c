/* What the samples of one series add up to over a range: the *_over_time functions. */
#include <math.h>

#include "base/macros.h"
#include "promql/function.h"
#include "promql/quantile.h"
#include "promql/summation.h"
#include "series/series.h"

bool range_avg(const struct range *r, double *out)
{
	struct mean mean = {0};

	for (size_t i = 0; i < r->n; i++)
		mean_add(&mean, r->samples[i].value);
	*out = mean_value(&mean);
	return true;
}

bool range_sum(const struct range *r, double *out)
{
	struct summation sum = {0};

	for (size_t i = 0; i < r->n; i++)
		summation_add(&sum, r->samples[i].value);
	*out = summation_value(&sum);
	return true;
}

/* NaN counts only when there is nothing else. */
bool range_min(const struct range *r, double *out)
{
	*out = r->samples[0].value;
	for (size_t i = 1; i < r->n; i++) {
		if (r->samples[i].value < *out || isnan(*out))
			*out = r->samples[i].value;
	}
	return true;
}

bool range_max(const struct range *r, double *out)
{
	*out = r->samples[0].value;
	for (size_t i = 1; i < r->n; i++) {
		if (r->samples[i].value > *out || isnan(*out))
			*out = r->samples[i].value;
	}
	return true;
}

bool range_count(const struct range *r, double *out)
{
	*out = (double)r->n;
	return true;
}

bool range_first(const struct range *r, double *out)
{
	*out = r->samples[0].value;
	return true;
}

bool range_last(const struct range *r, double *out)
{
	*out = r->samples[r->n - 1].value;
	return true;
}

bool range_present(const struct range *r, double *out)
{
	(void)r;
	*out = 1;
	return true;
}

bool range_stdvar(const struct range *r, double *out)
{
	struct variance variance = {0};

	for (size_t i = 0; i < r->n; i++)
		variance_add(&variance, r->samples[i].value);
	*out = variance_value(&variance);
	return true;
}

bool range_stddev(const struct range *r, double *out)
{
	range_stdvar(r, out);
	*out = sqrt(*out);
	return true;
}

static double *values_of(const struct range *r)
{
	double *values = arena_array(r->arena, r->n, sizeof(*values));

	for (size_t i = 0; values && i < r->n; i++)
		values[i] = r->samples[i].value;
	return values;
}

bool range_quantile(const struct range *r, double *out)
{
	double *values = values_of(r);

	if (!values)
		return false;
	*out = quantile_of_values(r->params[0], values, r->n);
	return true;
}

bool range_mad(const struct range *r, double *out)
{
	double *values = values_of(r);
	double median;

	if (!values)
		return false;
	median = quantile_of_values(0.5, values, r->n);
	for (size_t i = 0; i < r->n; i++)
		values[i] = fabs(values[i] - median);
	*out = quantile_of_values(0.5, values, r->n);
	return true;
}

bool check_smoothing(const double *params, struct err *err)
{
	static const char *const names[] = {"smoothing", "trend"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (params[i] <= 0 || params[i] >= 1)
			return err_set(
			        err, ERR_INVALID,
			        "invalid %s factor: it must be above 0 and below 1, and is %g",
			        names[i], params[i]);
	}
	return true;
}

/* Holt's linear trend: a level and a slope, both smoothed. */
bool range_smoothing(const struct range *r, double *out)
{
	double level;
	double slope;

	if (r->n < 2)
		return false;
	level = r->samples[0].value;
	slope = r->samples[1].value - r->samples[0].value;
	for (size_t i = 1; i < r->n; i++) {
		double before = level;

		level = r->params[0] * r->samples[i].value + (1 - r->params[0]) * (level + slope);
		slope = r->params[1] * (level - before) + (1 - r->params[1]) * slope;
	}
	*out = level;
	return true;
}

bool range_ts_of_first(const struct range *r, double *out)
{
	*out = (double)r->samples[0].at_ms / 1000;
	return true;
}

bool range_ts_of_last(const struct range *r, double *out)
{
	*out = (double)r->samples[r->n - 1].at_ms / 1000;
	return true;
}

/* Of equal extremes the newest. */
bool range_ts_of_min(const struct range *r, double *out)
{
	const struct sample *least = &r->samples[0];

	for (size_t i = 1; i < r->n; i++) {
		if (r->samples[i].value <= least->value || isnan(least->value))
			least = &r->samples[i];
	}
	*out = (double)least->at_ms / 1000;
	return true;
}

bool range_ts_of_max(const struct range *r, double *out)
{
	const struct sample *most = &r->samples[0];

	for (size_t i = 1; i < r->n; i++) {
		if (r->samples[i].value >= most->value || isnan(most->value))
			most = &r->samples[i];
	}
	*out = (double)most->at_ms / 1000;
	return true;
}
