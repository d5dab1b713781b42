/* mean - measurements of one exposure, and the mean of the last. */
#include "gate/mean.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"
#include "gate/weigh.h"

/* Of this exposure, and no older than twice the time that so many take. */
static struct wall oldest_useful(const struct gate_evidence *evidence, int64_t of, int64_t pace_ms,
                                 int64_t range_ms)
{
	struct wall exposed = {
	        evidence->exposed_since.ms > 0 ? evidence->exposed_since.ms + range_ms : 0};
	struct wall recent = {evidence->at.ms - 2 * of * pace_ms};

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

static void say_mean(const struct gate *gate, const struct measurements *past,
                     struct gate_measure *m)
{
	char lead[48];

	m->value = measurements_mean(past->list, past->n, measurement_value);
	m->events = measurements_sum(past->list, past->n, measurement_events);
	sentence_set(lead, sizeof(lead), "mean of %zu: ", past->n);
	weigh_say(gate, lead, m);
}

void mean_take(const struct gate *gate, const struct gate_evidence *evidence, int64_t of,
               double against, struct gate_state *state, struct gate_measure *m)
{
	struct measurements *past = &state->past;
	int64_t spacing_ms = weigh_spacing_ms(gate, m, evidence);
	int64_t pace_ms = weigh_pace_ms(gate, evidence, spacing_ms);
	struct wall oldest = oldest_useful(evidence, of, pace_ms, m->range_ms);

	measurements_trim(past, oldest, evidence->at);
	if (weigh_is_due(evidence, m, spacing_ms, past)) {
		measurements_add(past,
		                 &(struct measurement){.at = evidence->at,
		                                       .value = m->value,
		                                       .events = m->events,
		                                       .against = against},
		                 (size_t)of);
		past->told = m->told;
	}
	m->range_ms = of * spacing_ms;
	m->takes_ms = of * (pace_ms + evidence->evaluate_every_ms);
	m->account.n = past->n;
	memcpy(m->account.list, past->list, past->n * sizeof(past->list[0]));
	if (m->result == GATE_PASS && (int64_t)past->n < of)
		say_missing(past, of, spacing_ms, evidence->at, m);
	else if (m->result == GATE_PASS)
		say_mean(gate, past, m);
	if (m->result == GATE_PASS && isfinite(against))
		m->baseline = measurements_mean(past->list, past->n, measurement_against);
}
