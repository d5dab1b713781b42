/*
 * baseline - limits that follow a baseline.
 *
 * A captured baseline is the mean of measurements taken while nothing was exposed and all other
 * gates passed; the first evaluation of the exposure fixes it. Before, the gate only asks that it
 * is there. A live one is read anew at every look.
 */
#include "gate/baseline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"
#include "gate/gate.h"
#include "gate/mean.h"
#include "gate/rung_fields.h"
#include "gate/sentence.h"
#include "gate/weigh.h"
#include "promql/promql.h"

/* --- how it is written down --------------------------------------------------------------- */

static bool events_read(json_t *value, void *member, struct decode *d)
{
	struct baseline_spec *spec = member;

	return events_decode(value, &spec->against_min_events, &spec->against_events, d);
}

static json_t *events_write(const void *member)
{
	const struct baseline_spec *spec = member;

	return spec->against ? events_encode(spec->against_min_events, spec->against_events) : NULL;
}

static bool events_copy(const void *from, void *to)
{
	const struct baseline_spec *old = from;
	struct baseline_spec *spec = to;

	spec->against_min_events = old->against_min_events;
	spec->against_events = text_dup(old->against_events);
	return spec->against_events || !old->against_events;
}

static void events_free(void *member)
{
	struct baseline_spec *spec = member;

	free(spec->against_events);
	spec->against_events = NULL;
}

static const struct field_custom events_custom = {events_read, events_write, events_copy,
                                                  events_free};

static bool spec_check(const void *decoded, struct decode *d)
{
	const struct baseline_spec *spec = decoded;

	if (spec->capture_ms > 0 && spec->against)
		return decode_problem(d, "capture and against exclude each other: a baseline is "
		                         "captured before the exposure, or read live");
	if (spec->capture_ms == 0 && !spec->against)
		return decode_problem(d, "a baseline needs capture, the time before the exposure "
		                         "(capture: 1h), or against, another KPI");
	return true;
}

/* clang-format off */
static const struct field fields[] = {
	{ .key = "baseline", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct baseline_spec, baseline), .min = 1, .max = 100,
	  .doc = "The KPI that is held against its baseline; limits are written `baseline`, `baseline + 10%`, "
	         "`baseline - 2 points` (percentage points of ratios) or `baseline + 10% + 20ms`." },
	{ .key = "capture", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct baseline_spec, capture_ms), .min = 1000, .max = 7.0 * 86400000,
	  .doc = "The baseline is the mean over this long before the exposure; the gate counts in preflight stages, "
	         "too, until it is captured." },
	{ .key = "min_measurements", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct baseline_spec, min_measurements), .min = 1, .max = MEASUREMENTS_MAX,
	  .doc = "So many measurements make a captured baseline at least; left out, 3." },
	{ .key = "against", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct baseline_spec, against), .min = 1, .max = 100,
	  .doc = "Instead, the KPI that is the baseline at every moment: that of the stable track, or the same with "
	         "`offset 1w` (said to be `unpaired` then)." },
	{ .key = "against_min_events", .kind = FIELD_CUSTOM, .custom = &events_custom,
	  .doc = "Fewer events than this behind `against` prove nothing; must be written when it is a ratio or a "
	         "quantile." },
	{ .key = "of", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct baseline_spec, of),
	  .min = 1, .max = 32,
	  .doc = "The present value is the mean of so many measurements; left out, the value as it is." },
};
static const struct field_table table = {
	.noun = "baseline gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct baseline_spec),
	.check = spec_check
};
/* clang-format on */

static const char *kpi(const void *spec)
{
	return ((const struct baseline_spec *)spec)->baseline;
}

static const char *against(const void *spec)
{
	return ((const struct baseline_spec *)spec)->against;
}

static const char *against_events(const void *spec)
{
	return ((const struct baseline_spec *)spec)->against_events;
}

static bool counts_before(const void *spec)
{
	return ((const struct baseline_spec *)spec)->capture_ms > 0;
}

static int64_t min_measurements(const struct baseline_spec *spec)
{
	return spec->min_measurements > 0 ? spec->min_measurements : BASELINE_MEASUREMENTS;
}

/* --- captured ----------------------------------------------------------------------------- */

static void sum_up(const struct measurements *past, int64_t range_ms, struct gate_baseline *b)
{
	double events = measurements_sum(past->list, past->n, measurement_events);

	b->n = (int64_t)past->n;
	b->value = past->n > 0 ? measurements_mean(past->list, past->n, measurement_value) : 0;
	b->events = isfinite(events) ? events : 0; /* not counted */
	b->from.ms = past->n > 0 ? past->list[0].at.ms - range_ms : 0;
	b->to.ms = past->n > 0 ? past->list[past->n - 1].at.ms : 0;
}

static void account_for(const struct gate_baseline *b, struct gate_measure *m)
{
	m->baseline = b->n > 0 ? b->value : (double)NAN;
	m->account.baseline_n = b->n;
	m->account.baseline_events = isfinite(m->events) ? b->events : (double)NAN;
	m->account.from = b->from;
	m->account.to = b->to;
	m->account.unpaired = true; /* before and after differ in more than the version */
}

static void say_capturing(const struct baseline_spec *spec, const struct gate_baseline *b,
                          struct wall at, struct gate_measure *m)
{
	char have[UNITS_TEXT_MAX], need[UNITS_TEXT_MAX];
	int64_t have_ms = b->n > 0 ? at.ms - b->since.ms : 0;

	m->result = GATE_INSUFFICIENT;
	m->collecting = true;
	duration_format((have_ms < spec->capture_ms ? have_ms : spec->capture_ms) / 1000 * 1000,
	                have);
	duration_format(spec->capture_ms, need);
	sentence_set(m->why, sizeof(m->why),
	             "the baseline is being captured: %s of %s, %lld of at least %lld measurements",
	             have, need, (long long)b->n, (long long)min_measurements(spec));
}

/* Nothing is exposed: the baseline has to be there, and nothing is held against it yet. */
static void measure_before(const struct gate *gate, const struct gate_evidence *evidence,
                           struct gate_state *state, struct gate_measure *m)
{
	const struct baseline_spec *spec = gate->spec;
	struct gate_baseline *b = &state->baseline;
	char value[64], need[UNITS_TEXT_MAX];

	measurements_trim(&state->past, (struct wall){evidence->at.ms - spec->capture_ms},
	                  evidence->at);
	sum_up(&state->past, m->range_ms, b);
	account_for(b, m);
	m->takes_ms = spec->capture_ms + 2 * m->range_ms;
	if (m->result != GATE_PASS)
		return;
	if (b->n < min_measurements(spec) || evidence->at.ms - b->since.ms < spec->capture_ms) {
		say_capturing(spec, b, evidence->at, m);
		return;
	}
	kpi_format(b->value, m->unit, value, sizeof(value));
	duration_format(spec->capture_ms, need);
	m->unheld = true;
	m->covered = true;
	sentence_set(m->text, sizeof(m->text), "baseline %s, captured in %s (%lld measurements)",
	             value, need, (long long)b->n);
}

/* What there is when the exposure begins is all there will ever be. */
static void fix(const struct baseline_spec *spec, int64_t range_ms, struct gate_state *state)
{
	struct gate_baseline *b = &state->baseline;

	sum_up(&state->past, range_ms, b);
	if (b->n < min_measurements(spec))
		b->n = 0;
	b->fixed = true;
	b->since.ms = 0;
	state->past = (struct measurements){0};
}

static void keep(const struct gate *gate, const struct gate_evidence *evidence,
                 struct gate_state *state)
{
	const struct baseline_spec *spec = gate->spec;
	struct gate_measure m = {.result = GATE_ERROR, .value = (double)NAN, .events = (double)NAN};

	if (spec->capture_ms == 0 || state->baseline.fixed)
		return;
	weigh_kpi(gate, evidence, &m);
	int64_t spacing_ms = weigh_spacing_ms(gate, &m, evidence);

	if (!weigh_is_due(evidence, &m, spacing_ms, &state->past))
		return;
	if (state->past.n == 0)
		state->baseline.since.ms = evidence->at.ms - m.range_ms;
	weigh_take(evidence, &m, spacing_ms, &state->past);
}

/* --- live --------------------------------------------------------------------------------- */

/* Whether its window lies wholly before the present one. */
static bool looks_back(const struct kpi *kpi)
{
	const struct promql_need *needs = NULL;
	size_t n = kpi->parsed ? promql_needs(kpi->parsed, &needs) : 0;

	for (size_t i = 0; i < n; i++) {
		if (needs[i].offset_ms <= 0 || 2 * needs[i].offset_ms < needs[i].window_ms)
			return false;
	}
	return n > 0;
}

static void weigh_against(const struct gate *gate, const struct gate_evidence *evidence,
                          struct gate_measure *m)
{
	const struct baseline_spec *spec = gate->spec;
	struct gate other = *gate;
	struct gate_measure b = {.result = GATE_ERROR, .value = (double)NAN, .events = (double)NAN};

	other.kpi_index = gate->against_index;
	other.events_index = gate->against_events_index;
	other.min_events = spec->against_min_events;
	other.min_events_kpi = spec->against_events;
	weigh_kpi(&other, evidence, &b);
	m->account.unpaired = gate->against_index < evidence->nkpis &&
	                      looks_back(&evidence->kpi_list[gate->against_index]);
	m->account.baseline_events = b.events;
	m->account.baseline_n = 1;
	if (b.result == GATE_PASS && !isfinite(b.value))
		b.result = GATE_ERROR;
	if (b.result == GATE_PASS)
		m->baseline = b.value;
	if (b.result < m->result) {
		m->result = b.result;
		sentence_set(m->why, sizeof(m->why), "baseline %s: %s", spec->against, b.why);
	} else if (m->covered && !b.covered && !m->account.unpaired) {
		m->covered = false;
		m->covered_at = b.covered_at;
		sentence_set(m->why, sizeof(m->why), "baseline %s: %s", spec->against, b.why);
	}
}

/* --- both --------------------------------------------------------------------------------- */

/* The limits as numbers, so that values are told apart from them and blind ones are found. */
static struct gate gate_at(const struct gate *gate, double baseline, struct gate_rung *room)
{
	struct gate at = *gate;

	at.nrungs = gate->nrungs < GATE_MAX_RUNGS ? gate->nrungs : GATE_MAX_RUNGS;
	for (size_t i = 0; i < at.nrungs; i++)
		room[i] = gate_rung_at(&gate->rungs[i], baseline);
	at.rungs = room;
	return at;
}

static void say_baseline(const struct gate_measure *m, char *out, size_t size)
{
	char value[64];
	size_t n = strlen(out);

	kpi_format(m->baseline, m->unit, value, sizeof(value));
	sentence_set(out + n, size - n, ", baseline %s%s", value,
	             m->account.unpaired ? " (unpaired)" : "");
}

static void hold_against(const struct gate *gate, const struct gate_evidence *evidence,
                         struct gate_state *state, double live, struct gate_measure *m)
{
	const struct baseline_spec *spec = gate->spec;
	struct gate_rung room[GATE_MAX_RUNGS];

	if (spec->of > 1)
		mean_take(gate, evidence, spec->of, live, state, m);
	if (!isfinite(m->baseline))
		return;
	struct gate at = gate_at(gate, m->baseline, room);

	if (m->result == GATE_PASS && spec->of <= 1)
		weigh_say(&at, "", m);
	if (m->result == GATE_PASS)
		say_baseline(m, m->text, sizeof(m->text));
	weigh_blindness(&at, evidence, m);
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct baseline_spec *spec = gate->spec;

	(void)index;
	weigh_kpi(gate, evidence, m);
	if (spec->capture_ms == 0) {
		weigh_against(gate, evidence, m);
		hold_against(gate, evidence, state, m->baseline, m);
		return;
	}
	if (evidence->era == ERA_BEFORE && !state->baseline.fixed) {
		measure_before(gate, evidence, state, m);
		return;
	}
	if (!state->baseline.fixed)
		fix(spec, m->range_ms, state);
	account_for(&state->baseline, m);
	if (m->result == GATE_PASS && state->baseline.n == 0) {
		m->result = GATE_INSUFFICIENT;
		sentence_set(m->why, sizeof(m->why),
		             "no baseline was captured before the exposure");
	}
	hold_against(gate, evidence, state, (double)NAN, m);
}

static json_t *number_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *instant_or_null(struct wall at)
{
	char text[UNITS_TEXT_MAX];

	instant_format(at, text);
	return at.ms > 0 ? json_string(text) : json_null();
}

static json_t *details(const struct gate *gate, const struct gate_measure *m)
{
	const struct baseline_spec *spec = gate->spec;

	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:s, s:s?, s:I, s:o}", "value",
	                 number_or_null(m->baseline), "events",
	                 number_or_null(m->account.baseline_events), "measurements_behind",
	                 (json_int_t)m->account.baseline_n, "from",
	                 instant_or_null(m->account.from), "to", instant_or_null(m->account.to),
	                 "label", m->account.unpaired ? "unpaired" : "concurrent", "against",
	                 spec->against, "of", (json_int_t)(spec->of > 1 ? spec->of : 1),
	                 "measurements", measurements_to_json(m->account.list, m->account.n));
}

const struct gate_kind gate_baseline_kind = {
        .name = "baseline",
        .doc = "holds one KPI against what it was before the exposure, or against another KPI",
        .fields = &table,
        .kpi = kpi,
        .against = against,
        .against_events = against_events,
        .counts_before = counts_before,
        .keep = keep,
        .details = details,
        .measure = measure,
};
