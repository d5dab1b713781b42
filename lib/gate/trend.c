/*
 * trend - the slope over measurements of the present stage, or of a time that ends now.
 *
 * Weeks fit: when there is no room for more measurements, neighbours become one, and from then on
 * they are taken half as often.
 */
#include "gate/trend.h"

#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"
#include "gate/weigh.h"

/* clang-format off */
static const char *const statistic_names[TREND_STATISTIC_COUNT + 1] = { "theil_sen", "least_squares", NULL };

static const struct field fields[] = {
	{ .key = "trend", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct trend_spec, trend), .min = 1, .max = 100,
	  .doc = "The KPI whose slope is held against the rungs; limits are in its unit per `per`, below 0 where it falls." },
	{ .key = "per", .kind = FIELD_DURATION, .flags = FIELD_REQUIRED, .offset = offsetof(struct trend_spec, per_ms),
	  .min = 1000, .max = 30.0 * 86400000,
	  .doc = "What time the slope is given per: `above: 1%` with `per: 1d` is one percentage point a day." },
	{ .key = "statistic", .kind = FIELD_ENUM, .offset = offsetof(struct trend_spec, statistic),
	  .names = statistic_names, .fallback = "theil_sen",
	  .doc = "`theil_sen`, the median of the slopes between any two measurements, which single wild values do not "
	         "move, or `least_squares`." },
	{ .key = "min_measurements", .kind = FIELD_INT, .offset = offsetof(struct trend_spec, min_measurements),
	  .min = 3, .max = MEASUREMENTS_MAX / 2, .fallback = "8",
	  .doc = "Fewer measurements than this have no trend." },
	{ .key = "over", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct trend_spec, over_ms),
	  .min = 1000, .max = 60.0 * 86400000,
	  .doc = "Over so long a time up to now, stages before included; left out, over the present stage." },
};
static const struct field_table table = {
	.noun = "trend gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct trend_spec),
};
/* clang-format on */

static const char *kpi(const void *spec)
{
	return ((const struct trend_spec *)spec)->trend;
}

/* What was measured of another version is no part of a trend of this one. */
static void let_go(const struct trend_spec *spec, const struct gate_evidence *evidence,
                   int64_t range_ms, struct measurements *past)
{
	struct wall oldest = {evidence->at.ms - spec->over_ms};
	int64_t since_ms = evidence->stage_since.ms > evidence->exposed_since.ms
	                           ? evidence->stage_since.ms
	                           : evidence->exposed_since.ms;

	if (past->era != (int)evidence->era)
		*past = (struct measurements){.era = (int)evidence->era};
	if (spec->over_ms == 0)
		oldest.ms = since_ms > 0 ? since_ms + range_ms : 0;
	measurements_trim(past, oldest, evidence->at);
}

static void say_missing(const struct trend_spec *spec, const struct measurements *past,
                        int64_t spacing_ms, struct wall at, struct gate_measure *m)
{
	char next[UNITS_TEXT_MAX] = "";
	int64_t left_ms = past->n > 0 ? past->list[past->n - 1].at.ms + spacing_ms - at.ms : 0;

	m->result = GATE_INSUFFICIENT;
	m->collecting = true;
	sentence_span(left_ms > 0 ? left_ms : 0, next);
	sentence_set(m->why, sizeof(m->why), "%zu of %lld measurements%s%s", past->n,
	             (long long)spec->min_measurements, left_ms > 0 ? "; the next in " : "",
	             left_ms > 0 ? next : "");
}

static void take_slope(const struct trend_spec *spec, const struct measurements *past,
                       struct gate_measure *m)
{
	char value[64], span[UNITS_TEXT_MAX];

	m->value = spec->statistic == TREND_LEAST_SQUARES
	                   ? measurements_least_squares(past->list, past->n, spec->per_ms)
	                   : measurements_theil_sen(past->list, past->n, spec->per_ms);
	m->events = measurements_sum(past->list, past->n, measurement_events);
	kpi_format(m->value, m->unit, value, sizeof(value));
	sentence_span(past->list[past->n - 1].at.ms - past->list[0].at.ms, span);
	sentence_set(m->text, sizeof(m->text), "%s%s over %zu measurements in %s", value, m->per,
	             past->n, span);
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct trend_spec *spec = gate->spec;
	struct measurements *past = &state->past;
	char per[UNITS_TEXT_MAX];

	(void)index;
	weigh_kpi(gate, evidence, m);
	int64_t spacing_ms = weigh_spacing_ms(gate, m, evidence);

	let_go(spec, evidence, m->range_ms, past);
	weigh_take(evidence, m, spacing_ms, past);
	duration_format(spec->per_ms, per);
	sentence_set(m->per, sizeof(m->per), " per %s", per);
	if (past->merged > 1)
		spacing_ms *= past->merged;
	m->range_ms = spacing_ms;
	m->takes_ms = spec->min_measurements * (spacing_ms + evidence->evaluate_every_ms);
	m->account.n = past->n;
	memcpy(m->account.list, past->list, past->n * sizeof(past->list[0]));
	if (m->result == GATE_PASS && (int64_t)past->n < spec->min_measurements)
		say_missing(spec, past, spacing_ms, evidence->at, m);
	else if (m->result == GATE_PASS)
		take_slope(spec, past, m);
}

static json_t *details(const struct gate *gate, const struct gate_measure *m)
{
	const struct trend_spec *spec = gate->spec;
	bool enough = (int64_t)m->account.n >= spec->min_measurements;
	double slope =
	        !enough ? (double)NAN
	        : spec->statistic == TREND_LEAST_SQUARES
	                ? measurements_least_squares(m->account.list, m->account.n, spec->per_ms)
	                : measurements_theil_sen(m->account.list, m->account.n, spec->per_ms);
	char per[UNITS_TEXT_MAX];

	duration_format(spec->per_ms, per);
	return json_pack(
	        "{s:s, s:s, s:o, s:I, s:I, s:o}", "statistic", statistic_names[spec->statistic],
	        "per", per, "slope", isfinite(slope) ? json_real(slope) : json_null(), "n",
	        (json_int_t)m->account.n, "min_measurements", (json_int_t)spec->min_measurements,
	        "measurements", measurements_to_json(m->account.list, m->account.n));
}

const struct gate_kind gate_trend = {
        .name = "trend",
        .doc = "holds the slope of one KPI over time against limits",
        .fields = &table,
        .kpi = kpi,
        .limits_are_slopes = true,
        .looks_at_several = true,
        .details = details,
        .measure = measure,
};
