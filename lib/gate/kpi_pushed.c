/* kpi_pushed - whether a number that was reported may be used now. */
#include "gate/kpi_pushed.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "gate/sentence.h"

#define FUTURE_MS (60 * 1000) /* a timestamp further ahead is an error, not evidence */

static const struct kpi_measurement *newest_of(const struct kpi *kpi,
                                               const struct kpi_measurement *list, size_t n)
{
	const struct kpi_measurement *newest = NULL;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].kpi, kpi->name) == 0 &&
		    (!newest || list[i].at.ms >= newest->at.ms))
			newest = &list[i];
	}
	return newest;
}

/* The rows of the result table, in their order. */
static enum gate_result judge(const struct kpi *kpi, const struct kpi_measurement *m,
                              struct wall at, struct wall exposed_since, char *why, size_t size)
{
	char age[UNITS_TEXT_MAX], limit[UNITS_TEXT_MAX];

	if (!m) {
		sentence_set(why, size, "no measurement was pushed yet");
		return GATE_NO_DATA;
	}
	if (!isfinite(m->value)) {
		sentence_set(why, size, "the value is not a finite number");
		return GATE_ERROR;
	}
	if (m->at.ms > at.ms + FUTURE_MS) {
		sentence_set(why, size, "its timestamp is more than 60 s ahead");
		return GATE_ERROR;
	}
	sentence_span(at.ms > m->at.ms ? at.ms - m->at.ms : 0, age);
	if (!(at.ms - m->at.ms <= kpi->pushed_ms)) {
		duration_format(kpi->pushed_ms, limit);
		sentence_set(why, size,
		             "the newest measurement is %s old; one should come every %s", age,
		             limit);
		return GATE_STALE;
	}
	if (m->at.ms < exposed_since.ms) {
		sentence_set(why, size,
		             "the newest measurement, %s old, is of before this exposure", age);
		return GATE_NO_DATA;
	}
	return GATE_PASS;
}

static void cover(struct wall at, struct wall exposed_since, struct kpi_reading *out)
{
	char window[UNITS_TEXT_MAX];

	out->covered = exposed_since.ms + out->range_ms <= out->newest.ms;
	out->targets_covered = out->covered;
	if (out->covered)
		return;
	duration_format(out->range_ms, window);
	if (exposed_since.ms + out->range_ms > at.ms)
		out->covered_at.ms = exposed_since.ms + out->range_ms;
	sentence_set(out->why, sizeof(out->why),
	             "its window of %s reaches back to before this exposure", window);
}

void kpi_read_pushed(const struct kpi *kpi, const struct kpi_measurement *list, size_t n,
                     struct wall at, struct wall exposed_since, struct kpi_reading *out)
{
	const struct kpi_measurement *m = newest_of(kpi, list, n);

	*out = (struct kpi_reading){
	        .value = (double)NAN, .range_ms = kpi_range_ms(kpi), .targets = 1};
	out->result = judge(kpi, m, at, exposed_since, out->why, sizeof(out->why));
	if (m)
		out->newest = m->at;
	if (out->result != GATE_PASS)
		return;
	out->value = m->value;
	out->told = m->told;
	out->targets_good = 1;
	cover(at, exposed_since, out);
}
