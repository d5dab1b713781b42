/* Compensated sums, means and variances. */
#include "promql/summation.h"

#include <math.h>

void summation_add(struct summation *s, double value)
{
	double sum = s->sum + value;

	if (isinf(sum))
		s->lost = 0;
	else if (fabs(s->sum) >= fabs(value))
		s->lost += (s->sum - sum) + value;
	else
		s->lost += (value - sum) + s->sum;
	s->sum = sum;
}

double summation_value(const struct summation *s)
{
	return isinf(s->sum) ? s->sum : s->sum + s->lost;
}

void mean_add(struct mean *m, double value)
{
	struct summation next = m->sum;
	double kept;

	m->count++;
	if (!m->incremental) {
		summation_add(&next, value);
		/* The first value stands as it is, even when infinite. */
		if (m->count < 2 || !isinf(next.sum)) {
			m->sum = next;
			return;
		}
		m->incremental = true;
		m->sum.sum /= m->count - 1;
		m->sum.lost /= m->count - 1;
	}
	/* An infinite mean stays what it is, unless NaN or the other infinity comes. */
	if (isinf(m->sum.sum) && !isnan(value) &&
	    (!isinf(value) || (value > 0) == (m->sum.sum > 0)))
		return;
	kept = (m->count - 1) / m->count;
	m->sum.sum *= kept;
	m->sum.lost *= kept;
	summation_add(&m->sum, value / m->count);
}

double mean_value(const struct mean *m)
{
	if (m->incremental)
		return m->sum.sum + m->sum.lost;
	return m->sum.sum / m->count + m->sum.lost / m->count;
}

void variance_add(struct variance *v, double value)
{
	double delta = value - (v->mean.sum + v->mean.lost);

	v->count++;
	summation_add(&v->mean, delta / v->count);
	summation_add(&v->squares, delta * (value - (v->mean.sum + v->mean.lost)));
}

double variance_value(const struct variance *v)
{
	return (v->squares.sum + v->squares.lost) / v->count;
}
