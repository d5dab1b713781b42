/*
 * measurements - numbers of KPIs that are pushed to a release: taken in the KPI's unit, and the
 * newest of each kept.
 *
 * The same number of the same instant again is a repeat, so that a scheduler that does not know
 * whether it was heard may say it once more; another number of that instant takes its place.
 */
#include "release/rules.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"

#define FUTURE_MS 60000

static bool any_is_pushed(const struct policy *p)
{
	for (size_t i = 0; i < p->nkpis; i++) {
		if (p->kpis[i].pushed_ms > 0)
			return true;
	}
	return false;
}

static const struct kpi *pushed_kpi(const struct policy *p, const char *name)
{
	const struct kpi *kpi = name ? policy_kpi(p, name, NULL) : NULL;

	return kpi && kpi->pushed_ms > 0 ? kpi : NULL;
}

static struct wall instant_of(const struct question *q, const struct event_measurement *m)
{
	return m->at.ms != 0 ? m->at : q->f->now;
}

/* In the KPI's unit; 0 where the two do not go together. */
static double factor_of(const struct kpi *kpi, const struct event_measurement *m)
{
	int given = m->given == EVENT_GIVEN_AS_POLICY ? kpi->given_in : m->given;

	return kpi_given_factor((enum kpi_given)given, kpi->unit);
}

static double value_of(const struct kpi *kpi, const struct event_measurement *m)
{
	return m->value * factor_of(kpi, m);
}

PRINTF_LIKE(5, 6)
static bool refuse_one(const struct question *q, size_t i, const char *key, struct outcome *out,
                       const char *fmt, ...)
{
	char text[240];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	va_end(args);
	if (q->e.one_measurement)
		(void)snprintf(out->place, sizeof(out->place), "/%s", key);
	else
		(void)snprintf(out->place, sizeof(out->place), "/measurements/%zu/%s", i, key);
	return refuse(out, REFUSED_INVALID, out->place, "%s", text);
}

static bool check_one(const struct question *q, size_t i, struct outcome *out)
{
	const struct event_measurement *m = &q->e.measurements[i];
	const struct kpi *kpi = pushed_kpi(q->p, m->kpi);
	double value = 0;

	if (!kpi)
		return refuse_one(q, i, "kpi", out, "the policy has no KPI %.64s that is pushed",
		                  m->kpi ? m->kpi : "nameless");
	if (number_is_same(factor_of(kpi, m), 0))
		return refuse_one(q, i, "given_in", out,
		                  "KPI %s is in %s: that does not go with it", kpi->name,
		                  kpi_unit_names[kpi->unit]);
	value = value_of(kpi, m);
	if (!isfinite(value))
		return refuse_one(q, i, "value", out, "must be a finite number");
	if (value < 0 && kpi->unit != KPI_NUMBER)
		return refuse_one(q, i, "value", out, "KPI %s is in %s, which are never below 0",
		                  kpi->name, kpi_unit_names[kpi->unit]);
	if (instant_of(q, m).ms > q->f->now.ms + FUTURE_MS)
		return refuse_one(q, i, "at", out, "lies more than 60 s ahead");
	return true;
}

/* The one of that KPI and instant; NULL without. */
static struct kpi_measurement *same_of(const struct release *r, const char *kpi, struct wall at)
{
	for (size_t i = 0; i < r->nmeasurements; i++) {
		if (r->measurements[i].at.ms == at.ms && strcmp(r->measurements[i].kpi, kpi) == 0)
			return &r->measurements[i];
	}
	return NULL;
}

static bool is_known(const struct question *q, const struct event_measurement *m)
{
	const struct kpi_measurement *same = m->at.ms != 0 ? same_of(q->r, m->kpi, m->at) : NULL;

	return same && number_is_same(same->value, value_of(pushed_kpi(q->p, m->kpi), m));
}

bool refine_measurement(struct question *q, struct outcome *out)
{
	size_t known = 0;

	if (!any_is_pushed(q->p))
		return refuse(out, REFUSED_STATE, NULL, "no KPI of the policy is pushed");
	if (q->any_actor)
		return true;
	if (q->e.nmeasurements == 0 || q->e.nmeasurements > EVENT_MAX_MEASUREMENTS)
		return refuse(out, REFUSED_INVALID, "/measurements", "from 1 to %d of them",
		              EVENT_MAX_MEASUREMENTS);
	for (size_t i = 0; i < q->e.nmeasurements; i++) {
		if (!check_one(q, i, out))
			return false;
		known += is_known(q, &q->e.measurements[i]);
	}
	if (!report_has_author(q, out))
		return false;
	return known < q->e.nmeasurements || refuse(out, REFUSED_REPEAT, NULL, "known already");
}

static void measurement_fini(struct kpi_measurement *m)
{
	free(m->kpi);
	free(m->subject);
	*m = (struct kpi_measurement){0};
}

static size_t count_of(const struct release *r, const char *kpi)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nmeasurements; i++)
		n += strcmp(r->measurements[i].kpi, kpi) == 0;
	return n;
}

/* The KPI there are most of: with it the others keep their newest. */
static const char *commonest(const struct release *r)
{
	const char *kpi = NULL;
	size_t most = 0;

	for (size_t i = 0; i < r->nmeasurements; i++) {
		size_t n = count_of(r, r->measurements[i].kpi);

		if (n > most) {
			most = n;
			kpi = r->measurements[i].kpi;
		}
	}
	return kpi;
}

void measurement_drop(struct release *r, size_t i)
{
	measurement_fini(&r->measurements[i]);
	memmove(&r->measurements[i], &r->measurements[i + 1],
	        (r->nmeasurements - i - 1) * sizeof(r->measurements[0]));
	r->nmeasurements--;
}

static void drop_oldest(struct release *r, const char *kpi)
{
	size_t i = 0;

	while (i < r->nmeasurements && strcmp(r->measurements[i].kpi, kpi) != 0)
		i++;
	if (i < r->nmeasurements)
		measurement_drop(r, i);
}

/* Room in the order of instants; NULL without memory. */
static struct kpi_measurement *insert(struct release *r, struct wall at)
{
	struct kpi_measurement *grown =
	        realloc(r->measurements, (r->nmeasurements + 1) * sizeof(*grown));
	size_t i = r->nmeasurements;

	if (!grown)
		return NULL;
	r->measurements = grown;
	while (i > 0 && grown[i - 1].at.ms > at.ms)
		i--;
	memmove(&grown[i + 1], &grown[i], (r->nmeasurements - i) * sizeof(*grown));
	grown[i] = (struct kpi_measurement){0};
	r->nmeasurements++;
	return &grown[i];
}

static bool record_one(struct release *next, const struct question *q,
                       const struct event_measurement *m)
{
	struct wall at = instant_of(q, m);
	struct kpi_measurement *kept = same_of(next, m->kpi, at);

	if (kept)
		measurement_fini(kept);
	else
		kept = insert(next, at);
	if (!kept)
		return false;
	*kept = (struct kpi_measurement){.kpi = text_dup(m->kpi),
	                                 .value = value_of(pushed_kpi(q->p, m->kpi), m),
	                                 .at = at,
	                                 .subject = text_dup(actor_person(&q->e.by)),
	                                 .told = next->row_version};
	if (!kept->kpi || !kept->subject)
		return false;
	if (count_of(next, m->kpi) > RELEASE_MAX_MEASUREMENTS_PER_KPI)
		drop_oldest(next, m->kpi);
	if (next->nmeasurements > RELEASE_MAX_MEASUREMENTS)
		drop_oldest(next, commonest(next));
	return true;
}

bool measurements_record(struct release *next, const struct question *q)
{
	for (size_t i = 0; i < q->e.nmeasurements; i++) {
		if (!is_known(q, &q->e.measurements[i]) &&
		    !record_one(next, q, &q->e.measurements[i]))
			return false;
	}
	return true;
}

void measurements_say(const struct question *q, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < q->e.nmeasurements && n < size; i++) {
		const struct event_measurement *m = &q->e.measurements[i];
		const struct kpi *kpi = pushed_kpi(q->p, m->kpi);
		char value[64];

		if (!kpi)
			continue;
		kpi_format(value_of(kpi, m), kpi->unit, value, sizeof(value));
		n += (size_t)snprintf(out + n, size - n, "%s%s %s", n > 0 ? ", " : "", kpi->name,
		                      value);
	}
	text_mend_cut(out, size);
}

json_t *measurements_json(const struct question *q)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < q->e.nmeasurements; i++) {
		const struct event_measurement *m = &q->e.measurements[i];
		const struct kpi *kpi = pushed_kpi(q->p, m->kpi);

		if (json_array_append_new(list, json_pack("{s:s, s:f, s:I}", "kpi", m->kpi, "value",
		                                          kpi ? value_of(kpi, m) : 0, "at_ms",
		                                          (json_int_t)instant_of(q, m).ms)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}
