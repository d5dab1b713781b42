/*
 * weigh - what the kinds that watch a KPI share.
 */
#include "gate/weigh.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/units.h"
#include "gate/blind.h"
#include "gate/gate.h"
#include "gate/sentence.h"

static void refuse(struct gate_measure *m, enum gate_result result, const char *why)
{
	m->result = result;
	sentence_set(m->why, sizeof(m->why), "%s", why);
}

/* Takes over the reason of a KPI that has no value. `role` names a KPI that is not the watched one.
 */
static bool is_refused(const struct kpi_reading *r, const char *role, struct gate_measure *m)
{
	if (r->result == GATE_PASS)
		return false;
	m->result = r->result;
	sentence_set(m->why, sizeof(m->why), "%s%s%s", role ? role : "", role ? ": " : "", r->why);
	return true;
}

/* The gate may raise its source's quorum (rule K7). */
static bool misses_quorum(const struct gate *gate, const struct kpi_reading *r,
                          struct gate_measure *m)
{
	size_t needed = kpi_quorum_needed(gate->quorum, r->targets);

	if (!(gate->quorum > 0) || r->targets_good >= needed)
		return false;
	m->result = GATE_NO_DATA;
	sentence_set(m->why, sizeof(m->why), "%zu of %zu targets answer, the gate's quorum is %zu",
	             r->targets_good, r->targets, needed);
	return true;
}

static bool is_covered(const struct gate *gate, const struct kpi_reading *r, struct gate_measure *m)
{
	size_t needed = kpi_quorum_needed(gate->quorum, r->targets);

	if (!r->covered) {
		m->covered_at = r->covered_at;
		sentence_set(m->why, sizeof(m->why), "%s", r->why);
		return false;
	}
	if (gate->quorum > 0 && r->targets_covered < needed) {
		sentence_set(
		        m->why, sizeof(m->why),
		        "%zu of %zu targets are sampled without a gap, the gate's quorum is %zu",
		        r->targets_covered, r->targets, needed);
		return false;
	}
	return true;
}

/* Two numbers whose short forms read alike although they differ are told apart by more digits. */
static void format_apart(double value, double other, enum kpi_unit unit, char *out, size_t size)
{
	char text[64];

	kpi_format(value, unit, out, size);
	kpi_format(other, unit, text, sizeof(text));
	if (strcmp(out, text) == 0 && !number_is_close(value, other))
		kpi_format_exact(value, unit, out, size);
}

static void format_value(const struct gate *gate, double value, enum kpi_unit unit, char *out,
                         size_t size)
{
	kpi_format(value, unit, out, size);
	for (size_t i = 0; i < gate->nrungs; i++) {
		char limit[64];

		kpi_format(gate->rungs[i].limit, unit, limit, sizeof(limit));
		if (strcmp(out, limit) == 0)
			format_apart(value, gate->rungs[i].limit, unit, out, size);
	}
}

void weigh_say(const struct gate *gate, const char *lead, struct gate_measure *m)
{
	char value[64], events[64];

	format_value(gate, m->value, m->unit, value, sizeof(value));
	if (!isfinite(m->events)) {
		sentence_set(m->text, sizeof(m->text), "%s%s%s", lead, value, m->per);
		return;
	}
	kpi_format(m->events >= 100 ? round(m->events) : m->events, KPI_NUMBER, events,
	           sizeof(events));
	sentence_set(m->text, sizeof(m->text), "%s%s%s of %s %s", lead, value, m->per, events,
	             gate->min_events_kpi ? gate->min_events_kpi : "events");
}

/* Rule table K, `insufficient`: also when the value looks bad, and for 0/0. */
static bool has_few_events(const struct gate *gate, struct gate_measure *m)
{
	char have[64], need[64];
	bool is_enough =
	        m->events >= gate->min_events || number_is_close(m->events, gate->min_events);

	if (is_enough && !(isnan(m->value) && !(m->events > 0)))
		return false;
	m->result = GATE_INSUFFICIENT;
	kpi_format(gate->min_events, KPI_NUMBER, need, sizeof(need));
	format_apart(m->events, gate->min_events, KPI_NUMBER, have, sizeof(have));
	sentence_set(m->why, sizeof(m->why), "%s of %s %s", have, need,
	             gate->min_events_kpi ? gate->min_events_kpi : "events");
	return true;
}

/* Events first: what NaN means depends on them. False with the reason set. */
static bool judge_value(const struct gate *gate, bool counted, struct gate_measure *m)
{
	char events[64];

	if (counted && isnan(m->events)) {
		refuse(m, GATE_NO_DATA, "the number of events is NaN");
		return false;
	}
	if (counted && has_few_events(gate, m))
		return false;
	if (!isnan(m->value))
		return true;
	if (!counted) {
		refuse(m, GATE_NO_DATA, "the value is NaN and no events are counted");
		return false;
	}
	kpi_format(m->events, KPI_NUMBER, events, sizeof(events));
	m->result = GATE_ERROR;
	sentence_set(m->why, sizeof(m->why), "the value is NaN although %s %s were counted", events,
	             gate->min_events_kpi ? gate->min_events_kpi : "events");
	return false;
}

static void weigh(const struct gate *gate, const struct gate_evidence *evidence,
                  struct gate_measure *m)
{
	size_t k = gate->kpi_index, e = gate->events_index;
	bool counted = e != SIZE_MAX;

	if (k >= evidence->nkpis || (counted && e >= evidence->nkpis)) {
		refuse(m, GATE_ERROR, "the gate's KPI is not part of this evaluation");
		return;
	}
	const struct kpi_reading *value = &evidence->kpis[k];
	const struct kpi_reading *events = counted ? &evidence->kpis[e] : NULL;

	m->value = value->value;
	m->unit = evidence->kpi_list[k].unit;
	m->range_ms = value->range_ms;
	m->told = value->told;
	if (events)
		m->events = events->value;
	/* The first row of the table that applies to either; the watched KPI speaks on a tie. */
	if (events && events->result < value->result) {
		(void)is_refused(events, gate->min_events_kpi, m);
		return;
	}
	if (is_refused(value, NULL, m) || misses_quorum(gate, value, m) ||
	    (events && misses_quorum(gate, events, m)) || !judge_value(gate, counted, m))
		return;
	m->result = GATE_PASS;
	weigh_say(gate, "", m);
	m->covered = is_covered(gate, value, m) && (!events || is_covered(gate, events, m));
}

static bool breaches(const struct gate *gate, double value)
{
	for (size_t i = 0; i < gate->nrungs; i++) {
		if (gate_rung_holds(&gate->rungs[i], value))
			return true;
	}
	return false;
}

void weigh_blindness(const struct gate *gate, const struct gate_evidence *evidence,
                     struct gate_measure *m)
{
	const struct kpi *kpi =
	        gate->kpi_index < evidence->nkpis ? &evidence->kpi_list[gate->kpi_index] : NULL;

	if (!kpi || !kpi->parsed ||
	    !blind_rung(gate, kpi, kpi->parsed, &evidence->kpis[gate->kpi_index].bound, m->blind,
	                sizeof(m->blind)))
		return;
	if ((m->result != GATE_PASS && m->result != GATE_INSUFFICIENT) ||
	    (m->result == GATE_PASS && breaches(gate, m->value)))
		return;
	refuse(m, GATE_ERROR, m->blind);
}

static const char *stuck_of(const struct gate_evidence *evidence, size_t kpi)
{
	return kpi < evidence->nkpis ? evidence->kpis[kpi].stuck : "";
}

/* Too few events, because a counter stands still among others that do not. */
static void tell_stuck(const struct gate *gate, const struct gate_evidence *evidence,
                       struct gate_measure *m)
{
	const char *events = stuck_of(evidence, gate->events_index);
	size_t n = strlen(m->why);

	sentence_set(m->still, sizeof(m->still), "%s",
	             events[0] ? events : stuck_of(evidence, gate->kpi_index));
	if (!m->still[0])
		return;
	if (m->result == GATE_INSUFFICIENT)
		sentence_set(m->why + n, sizeof(m->why) - n, "; %s", m->still);
}

void weigh_kpi(const struct gate *gate, const struct gate_evidence *evidence,
               struct gate_measure *m)
{
	weigh(gate, evidence, m);
	tell_stuck(gate, evidence, m);
}

int64_t weigh_spacing_ms(const struct gate *gate, const struct gate_measure *m,
                         const struct gate_evidence *evidence)
{
	int64_t ms = m->range_ms > gate->vote_every_ms ? m->range_ms : gate->vote_every_ms;

	return ms > evidence->evaluate_every_ms ? ms : evidence->evaluate_every_ms;
}

int64_t weigh_pace_ms(const struct gate *gate, const struct gate_evidence *evidence,
                      int64_t spacing_ms)
{
	const struct kpi *kpi =
	        gate->kpi_index < evidence->nkpis ? &evidence->kpi_list[gate->kpi_index] : NULL;

	return kpi && kpi->pushed_ms > spacing_ms ? kpi->pushed_ms : spacing_ms;
}

bool weigh_is_keepable(const struct gate_evidence *evidence, const struct gate_measure *m)
{
	return m->result == GATE_PASS && m->covered && isfinite(m->value) && !evidence->entering &&
	       !evidence->settling;
}

bool weigh_is_due(const struct gate_evidence *evidence, const struct gate_measure *m,
                  int64_t spacing_ms, const struct measurements *past)
{
	int64_t apart_ms = spacing_ms * (past->merged > 1 ? past->merged : 1);

	return weigh_is_keepable(evidence, m) &&
	       !(m->told > 0 && past->n > 0 && m->told == past->told) &&
	       measurements_is_due(past, apart_ms, evidence->at);
}

void weigh_take(const struct gate_evidence *evidence, const struct gate_measure *m,
                int64_t spacing_ms, struct measurements *past)
{
	if (!weigh_is_due(evidence, m, spacing_ms, past))
		return;
	measurements_add_merging(past, &(struct measurement){.at = evidence->at,
	                                                     .value = m->value,
	                                                     .events = m->events,
	                                                     .against = (double)NAN});
	past->told = m->told;
}
