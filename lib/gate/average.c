/*
 * average - the mean of the last N measurements, whose windows do not overlap.
 *
 * Each was good evidence of the present exposure when it was taken, and what the KPI says now has
 * to be good, too: old numbers do not stand in for missing ones.
 */
#include "gate/average.h"

#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"
#include "gate/weigh.h"

/* clang-format off */
static const struct field fields[] = {
	{ .key = "average", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct average_spec, average), .min = 1, .max = 100,
	  .doc = "The KPI whose mean is held against the rungs." },
	{ .key = "of", .kind = FIELD_INT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct average_spec, of), .min = 2, .max = 32,
	  .doc = "Of how many measurements; they lie one range of the KPI or `vote_every` apart, and each "
	         "must have its `min_events`." },
};
static const struct field_table table = {
	.noun = "average gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct average_spec),
};
/* clang-format on */

static const char *kpi(const void *spec)
{
	return ((const struct average_spec *)spec)->average;
}

/* Of this exposure, and no older than twice the time that so many take. */
static struct wall oldest_useful(const struct gate_evidence *evidence, int64_t of,
                                 int64_t spacing_ms, int64_t range_ms)
{
	struct wall exposed = {
	        evidence->exposed_since.ms > 0 ? evidence->exposed_since.ms + range_ms : 0};
	struct wall recent = {evidence->at.ms - 2 * of * spacing_ms};

	return exposed.ms > recent.ms ? exposed : recent;
}

static void say_missing(const struct measurements *past, int64_t of, int64_t spacing_ms,
                        struct wall at, struct gate_measure *m)
{
	char next[UNITS_TEXT_MAX] = "";
	int64_t left_ms = past->n > 0 ? past->list[past->n - 1].at.ms + spacing_ms - at.ms : 0;

	m->result = GATE_INSUFFICIENT;
	m->collecting = true;
	sentence_span(left_ms > 0 ? left_ms : 0, next);
	sentence_set(m->why, sizeof(m->why), "%zu of %lld measurements%s%s", past->n, (long long)of,
	             left_ms > 0 ? "; the next in " : "", left_ms > 0 ? next : "");
}

static void take_mean(const struct gate *gate, const struct measurements *past,
                      struct gate_measure *m)
{
	char lead[48];

	m->value = measurements_mean(past->list, past->n, measurement_value);
	m->events = measurements_sum(past->list, past->n, measurement_events);
	sentence_set(lead, sizeof(lead), "mean of %zu: ", past->n);
	weigh_say(gate, lead, m);
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct average_spec *spec = gate->spec;
	struct measurements *past = &state->past;

	(void)index;
	weigh_kpi(gate, evidence, m);
	int64_t spacing_ms = weigh_spacing_ms(gate, m, evidence);
	struct wall oldest = oldest_useful(evidence, spec->of, spacing_ms, m->range_ms);

	measurements_trim(past, oldest, evidence->at);
	if (weigh_is_keepable(evidence, m) && measurements_is_due(past, spacing_ms, evidence->at))
		measurements_add(past,
		                 &(struct measurement){.at = evidence->at,
		                                       .value = m->value,
		                                       .events = m->events,
		                                       .against = (double)NAN},
		                 (size_t)spec->of);
	m->range_ms = spec->of * spacing_ms;
	m->takes_ms = spec->of * (spacing_ms + evidence->evaluate_every_ms);
	m->account.n = past->n;
	memcpy(m->account.list, past->list, past->n * sizeof(past->list[0]));
	if (m->result == GATE_PASS && (int64_t)past->n < spec->of)
		say_missing(past, spec->of, spacing_ms, evidence->at, m);
	else if (m->result == GATE_PASS)
		take_mean(gate, past, m);
	weigh_blindness(gate, evidence, m);
}

static json_t *details(const struct gate *gate, const struct gate_measure *m)
{
	const struct average_spec *spec = gate->spec;

	return json_pack("{s:I, s:o}", "of", (json_int_t)spec->of, "measurements",
	                 measurements_to_json(m->account.list, m->account.n));
}

const struct gate_kind gate_average = {
        .name = "average",
        .doc = "holds the mean of the last measurements of one KPI against limits",
        .fields = &table,
        .kpi = kpi,
        .looks_at_several = true,
        .details = details,
        .measure = measure,
};
