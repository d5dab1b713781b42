/* Functions of numbers that libm does not have, or has with other manners about NaN. */
#include <math.h>

#include "promql/function.h"
#include "promql/vector.h"

double map_sgn(double value)
{
	if (value > 0)
		return 1;
	return value < 0 ? -1 : value;
}

double map_deg(double value)
{
	return value * 180 / M_PI;
}

double map_rad(double value)
{
	return value * M_PI / 180;
}

bool eval_pi(struct evaluation *e, const struct call *call, struct promql_value *args,
             struct promql_value *out, struct err *err)
{
	(void)e, (void)call, (void)args, (void)err;
	*out = (struct promql_value){.type = PROMQL_SCALAR, .scalar = M_PI};
	return true;
}

/* As Go has them: fmin and fmax lose a NaN; these keep it, unless the other one is the infinity
 * that decides whatever comes. */
static double least(double a, double b)
{
	if ((isinf(a) && a < 0) || (isinf(b) && b < 0))
		return (double)-INFINITY;
	return isnan(a) || isnan(b) ? (double)NAN : fmin(a, b);
}

static double most(double a, double b)
{
	if ((isinf(a) && a > 0) || (isinf(b) && b > 0))
		return (double)INFINITY;
	return isnan(a) || isnan(b) ? (double)NAN : fmax(a, b);
}

static bool finish(struct evaluation *e, struct promql_element *el, struct err *err)
{
	el->at_ms = e->at_ms;
	return vector_drop_name(el, e->arena, err);
}

static bool clamp(struct evaluation *e, struct promql_value *in, double low, double high,
                  struct promql_value *out, struct err *err)
{
	/* Bounds that cross leave nothing. */
	if (high < low)
		in->nvector = 0;
	for (size_t i = 0; i < in->nvector; i++) {
		in->vector[i].value = most(low, least(high, in->vector[i].value));
		if (!finish(e, &in->vector[i], err))
			return false;
	}
	*out = *in;
	return true;
}

bool eval_clamp(struct evaluation *e, const struct call *call, struct promql_value *args,
                struct promql_value *out, struct err *err)
{
	(void)call;
	return clamp(e, &args[0], args[1].scalar, args[2].scalar, out, err);
}

bool eval_clamp_min(struct evaluation *e, const struct call *call, struct promql_value *args,
                    struct promql_value *out, struct err *err)
{
	(void)call;
	return clamp(e, &args[0], args[1].scalar, (double)INFINITY, out, err);
}

bool eval_clamp_max(struct evaluation *e, const struct call *call, struct promql_value *args,
                    struct promql_value *out, struct err *err)
{
	(void)call;
	return clamp(e, &args[0], (double)-INFINITY, args[1].scalar, out, err);
}

/* To the nearest multiple, halves up. */
bool eval_round(struct evaluation *e, const struct call *call, struct promql_value *args,
                struct promql_value *out, struct err *err)
{
	/* The inverse is what Prometheus multiplies with, for exactness at 0.1 and the like. */
	double inverse = 1.0 / (call->nargs > 1 ? args[1].scalar : 1);

	for (size_t i = 0; i < args[0].nvector; i++) {
		struct promql_element *el = &args[0].vector[i];

		el->value = floor(el->value * inverse + 0.5) / inverse;
		if (!finish(e, el, err))
			return false;
	}
	*out = args[0];
	return true;
}
