/*
 * What a counter or gauge did over a range: rate and its kin, exactly as Prometheus'
 * extrapolatedRate.
 *
 * The mean step between samples decides how far beyond the first and last sample a series is
 * assumed to have lived: to the edge of the range when that is nearer than 1.1 steps, else half a
 * step.
 */
#include <math.h>

#include "base/units.h"
#include "promql/extended.h"
#include "promql/function.h"
#include "promql/summation.h"
#include "series/series.h"

static double seconds(int64_t ms)
{
	return (double)ms / 1000;
}

/* last - first, plus what every reset took away. */
static double counter_rise(const struct range *r)
{
	double rise = r->samples[r->n - 1].value - r->samples[0].value;

	for (size_t i = 1; i < r->n; i++) {
		if (r->samples[i].value < r->samples[i - 1].value)
			rise += r->samples[i - 1].value;
	}
	return rise;
}

/* By how much the observed change grows when carried to the edges of the range. */
static double extrapolation(const struct range *r, bool is_counter, double rise)
{
	const struct sample *first = &r->samples[0];
	const struct sample *last = &r->samples[r->n - 1];
	double span = seconds(last->at_ms - first->at_ms);
	double step = span / (double)(r->n - 1);
	double to_start = seconds(first->at_ms - r->start_ms);
	double to_end = seconds(r->end_ms - last->at_ms);

	if (to_start >= step * 1.1)
		to_start = step / 2;
	/* A counter does not go below zero: it is carried back to where it would have been zero. */
	if (is_counter && rise > 0 && first->value >= 0) {
		double to_zero = span * (first->value / rise);

		if (to_zero < to_start)
			to_start = to_zero;
	}
	if (to_end >= step * 1.1)
		to_end = step / 2;
	return (span + to_start + to_end) / span;
}

bool range_increase(const struct range *r, double *out)
{
	double rise;

	if (r->extent != EXTENT_NONE)
		return extended_rise(r, true, out);
	if (r->n < 2)
		return false;
	rise = counter_rise(r);
	*out = rise * extrapolation(r, true, rise);
	return true;
}

bool range_rate(const struct range *r, double *out)
{
	double rise;

	if (r->extent != EXTENT_NONE) {
		if (!extended_rise(r, true, out))
			return false;
		*out /= seconds(r->end_ms - r->start_ms);
		return true;
	}
	if (r->n < 2)
		return false;
	rise = counter_rise(r);
	*out = rise * (extrapolation(r, true, rise) / seconds(r->end_ms - r->start_ms));
	return true;
}

bool range_delta(const struct range *r, double *out)
{
	double change;

	if (r->extent != EXTENT_NONE)
		return extended_rise(r, false, out);
	if (r->n < 2)
		return false;
	change = r->samples[r->n - 1].value - r->samples[0].value;
	*out = change * extrapolation(r, false, change);
	return true;
}

bool range_irate(const struct range *r, double *out)
{
	const struct sample *last;
	double rise;

	if (r->n < 2)
		return false;
	last = &r->samples[r->n - 1];
	rise = last->value < last[-1].value ? last->value : last->value - last[-1].value;
	*out = rise / seconds(last->at_ms - last[-1].at_ms);
	return true;
}

bool range_idelta(const struct range *r, double *out)
{
	if (r->n < 2)
		return false;
	*out = r->samples[r->n - 1].value - r->samples[r->n - 2].value;
	return true;
}

bool range_resets(const struct range *range, double *out)
{
	struct range r = *range;
	size_t resets = 0;

	if (!extended_skip(&r))
		return false;
	for (size_t i = 1; i < r.n; i++)
		resets += r.samples[i].value < r.samples[i - 1].value;
	*out = (double)resets;
	return true;
}

bool range_changes(const struct range *range, double *out)
{
	struct range r = *range;
	size_t changes = 0;

	if (!extended_skip(&r))
		return false;
	for (size_t i = 1; i < r.n; i++) {
		double now = r.samples[i].value;
		double before = r.samples[i - 1].value;

		changes += !number_is_same(now, before) && !(isnan(now) && isnan(before));
	}
	*out = (double)changes;
	return true;
}

static bool is_constant(const struct range *r)
{
	for (size_t i = 1; i < r->n; i++) {
		if (!number_is_same(r->samples[i].value, r->samples[0].value))
			return false;
	}
	return true;
}

/* Least squares; the intercept is the line's value at origin_ms. */
static void regress(const struct range *r, int64_t origin_ms, double *out_slope,
                    double *out_intercept)
{
	struct summation sx = {0};
	struct summation sy = {0};
	struct summation sxy = {0};
	struct summation sxx = {0};
	double n = (double)r->n;
	double x;
	double y;

	if (is_constant(r)) {
		*out_slope = isinf(r->samples[0].value) ? (double)NAN : 0;
		*out_intercept = isinf(r->samples[0].value) ? (double)NAN : r->samples[0].value;
		return;
	}
	for (size_t i = 0; i < r->n; i++) {
		x = seconds(r->samples[i].at_ms - origin_ms);
		y = r->samples[i].value;
		summation_add(&sx, x);
		summation_add(&sy, y);
		summation_add(&sxy, x * y);
		summation_add(&sxx, x * x);
	}
	x = sx.sum + sx.lost;
	y = sy.sum + sy.lost;
	*out_slope = ((sxy.sum + sxy.lost) - x * y / n) / ((sxx.sum + sxx.lost) - x * x / n);
	*out_intercept = y / n - *out_slope * x / n;
}

bool range_deriv(const struct range *r, double *out)
{
	double intercept = 0;

	if (r->n < 2)
		return false;
	regress(r, r->samples[0].at_ms, out, &intercept);
	return true;
}

bool range_predict_linear(const struct range *r, double *out)
{
	double slope = 0;
	double intercept = 0;

	if (r->n < 2)
		return false;
	regress(r, r->at_ms, &slope, &intercept);
	*out = slope * r->params[0] + intercept;
	return true;
}
