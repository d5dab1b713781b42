/* measurements - kept, thinned out, averaged, and fitted with a line. */
#include "gate/measurements.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define PAIRS_MAX (MEASUREMENTS_MAX * (MEASUREMENTS_MAX - 1) / 2)

static void drop_oldest(struct measurements *m, size_t n)
{
	m->n -= n;
	memmove(m->list, m->list + n, m->n * sizeof(m->list[0]));
}

void measurements_trim(struct measurements *m, struct wall oldest, struct wall now)
{
	size_t gone = 0;

	while (m->n > 0 && m->list[m->n - 1].at.ms > now.ms)
		m->n--;
	while (gone < m->n && m->list[gone].at.ms < oldest.ms)
		gone++;
	drop_oldest(m, gone);
	if (m->n == 0)
		m->merged = 1;
}

bool measurements_is_due(const struct measurements *m, int64_t spacing_ms, struct wall now)
{
	return m->n == 0 || now.ms - m->list[m->n - 1].at.ms >= spacing_ms;
}

void measurements_add(struct measurements *m, const struct measurement *one, size_t keep)
{
	if (keep < 1 || keep > MEASUREMENTS_MAX)
		keep = MEASUREMENTS_MAX;
	if (m->n >= keep)
		drop_oldest(m, m->n - keep + 1);
	m->list[m->n++] = *one;
}

static struct measurement merge(const struct measurement *a, const struct measurement *b)
{
	return (struct measurement){.at = {a->at.ms + (b->at.ms - a->at.ms) / 2},
	                            .value = a->value / 2 + b->value / 2,
	                            .events = a->events + b->events,
	                            .against = a->against / 2 + b->against / 2};
}

void measurements_add_merging(struct measurements *m, const struct measurement *one)
{
	if (m->n >= MEASUREMENTS_MAX) {
		for (size_t i = 0; i < MEASUREMENTS_MAX / 2; i++)
			m->list[i] = merge(&m->list[2 * i], &m->list[2 * i + 1]);
		m->n = MEASUREMENTS_MAX / 2;
		m->merged = 2 * (m->merged > 1 ? m->merged : 1);
	}
	m->list[m->n++] = *one;
}

double measurement_value(const struct measurement *m)
{
	return m->value;
}

double measurement_events(const struct measurement *m)
{
	return m->events;
}

double measurement_against(const struct measurement *m)
{
	return m->against;
}

double measurements_sum(const struct measurement *list, size_t n,
                        double (*of)(const struct measurement *))
{
	double sum = n > 0 ? 0 : (double)NAN;

	for (size_t i = 0; i < n; i++)
		sum += of(&list[i]);
	return sum;
}

double measurements_mean(const struct measurement *list, size_t n,
                         double (*of)(const struct measurement *))
{
	double mean = n > 0 ? 0 : (double)NAN;

	/* Parts of the whole: the sum of large values need not be finite. */
	for (size_t i = 0; i < n; i++)
		mean += of(&list[i]) / (double)n;
	return mean;
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double measurements_theil_sen(const struct measurement *list, size_t n, int64_t per_ms)
{
	double slopes[PAIRS_MAX];
	size_t pairs = 0;

	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			double ms = (double)(list[j].at.ms - list[i].at.ms);

			if (ms > 0 && pairs < PAIRS_MAX)
				slopes[pairs++] =
				        (list[j].value - list[i].value) * ((double)per_ms / ms);
		}
	}
	if (pairs == 0)
		return (double)NAN;
	qsort(slopes, pairs, sizeof(slopes[0]), compare_numbers);
	return pairs % 2 ? slopes[pairs / 2] : slopes[pairs / 2 - 1] / 2 + slopes[pairs / 2] / 2;
}

double measurements_least_squares(const struct measurement *list, size_t n, int64_t per_ms)
{
	double mean = measurements_mean(list, n, measurement_value), middle = 0;
	double rise = 0, run = 0;

	/* Around the middle, or squares of milliseconds since 1970 swallow the differences. */
	for (size_t i = 0; i < n; i++)
		middle += (double)(list[i].at.ms - list[0].at.ms) / (double)n;
	for (size_t i = 0; i < n; i++) {
		double x = ((double)(list[i].at.ms - list[0].at.ms) - middle) / (double)per_ms;

		rise += x * (list[i].value - mean);
		run += x * x;
	}
	return run > 0 ? rise / run : (double)NAN;
}

static bool put_number(json_t *o, const char *key, double value)
{
	return !isfinite(value) || json_object_set_new(o, key, json_real(value)) == 0;
}

static json_t *measurement_to_json(const struct measurement *m)
{
	char at[UNITS_TEXT_MAX];
	json_t *o = json_object();

	instant_format(m->at, at);
	if (json_object_set_new(o, "at", json_string(at)) == 0 &&
	    put_number(o, "value", m->value) && put_number(o, "events", m->events) &&
	    put_number(o, "against", m->against))
		return o;
	json_decref(o);
	return NULL;
}

json_t *measurements_to_json(const struct measurement *list, size_t n)
{
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++) {
		if (json_array_append_new(out, measurement_to_json(&list[i])) == 0)
			continue;
		json_decref(out);
		return NULL;
	}
	return out;
}
