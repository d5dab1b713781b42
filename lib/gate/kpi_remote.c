/* kpi_remote - whether a number that was worked out elsewhere may be used now. */
#include "gate/kpi_remote.h"

#include <math.h>
#include <stdarg.h>

#include "base/str.h"
#include "base/units.h"
#include "gate/sentence.h"

#define FUTURE_MS (60 * 1000) /* a timestamp further ahead is an error, not evidence */

void kpi_remote_refuse(struct kpi_remote *remote, enum gate_result result, const char *fmt, ...)
{
	va_list args;

	remote->result = result;
	remote->value = (double)NAN;
	va_start(args, fmt);
	text_vformat(remote->why, sizeof(remote->why), fmt, args);
	va_end(args);
}

static bool refuse(struct kpi_reading *out, enum gate_result result, const char *why)
{
	out->result = result;
	sentence_set(out->why, sizeof(out->why), "%s", why);
	return false;
}

static bool refuse_stale(struct kpi_reading *out, const char *what, int64_t age_ms,
                         int64_t every_ms)
{
	char age[UNITS_TEXT_MAX], every[UNITS_TEXT_MAX];

	sentence_span(age_ms, age);
	duration_format(every_ms, every);
	out->result = GATE_STALE;
	sentence_set(out->why, sizeof(out->why), "the newest %s is %s old; it should come every %s",
	             what, age, every);
	return false;
}

/* The rows of the result table, in their order. */
static bool is_usable(const struct kpi_remote *r, struct wall at, struct kpi_reading *out)
{
	if (r->asked.ms == 0)
		return refuse(out, GATE_NO_DATA, "the source has not answered yet");
	if (r->result == GATE_ERROR)
		return refuse(out, GATE_ERROR, r->why);
	if (r->result == GATE_PASS && isinf(r->value))
		return refuse(out, GATE_ERROR,
		              r->value > 0 ? "the value is +Inf" : "the value is -Inf");
	if (r->asked.ms > at.ms + FUTURE_MS || (r->result == GATE_PASS && r->age_ms < -FUTURE_MS))
		return refuse(out, GATE_ERROR, "its timestamp is more than 60 s ahead");
	if (at.ms - r->asked.ms > 2 * r->every_ms)
		return refuse_stale(out, "answer", at.ms - r->asked.ms, r->every_ms);
	if (r->result == GATE_PASS && r->age_ms > 2 * r->every_ms)
		return refuse_stale(out, "sample", r->age_ms, r->every_ms);
	if (r->result != GATE_PASS)
		return refuse(out, r->result, r->why);
	return true;
}

/* The part of rule K4 that can be known: what the number is made of lies inside the exposure. */
static void cover(struct wall at, struct wall exposed_since, struct kpi_reading *out)
{
	char left[UNITS_TEXT_MAX];

	out->covered = exposed_since.ms + out->range_ms <= out->newest.ms;
	out->targets_covered = out->covered;
	if (out->covered)
		return;
	out->covered_at.ms = exposed_since.ms + out->range_ms;
	if (out->covered_at.ms <= at.ms) {
		out->covered_at.ms = 0;
		sentence_set(out->why, sizeof(out->why), "needs an answer inside this exposure");
		return;
	}
	sentence_span(out->covered_at.ms - at.ms, left);
	sentence_set(out->why, sizeof(out->why), "needs %s more of this exposure", left);
}

void kpi_read_remote(const struct kpi *kpi, const struct kpi_remote *remote, struct wall at,
                     struct wall exposed_since, struct kpi_reading *out)
{
	*out = (struct kpi_reading){
	        .result = GATE_ERROR, .value = (double)NAN, .range_ms = kpi_range_ms(kpi)};
	if (!remote) {
		(void)refuse(out, GATE_NO_DATA, "the source is not watched yet");
		return;
	}
	out->targets = 1;
	out->bound = remote->bound;
	if (!is_usable(remote, at, out))
		return;
	out->result = GATE_PASS;
	out->value = remote->value;
	out->newest.ms = remote->asked.ms - (remote->age_ms > 0 ? remote->age_ms : 0);
	out->targets_good = 1;
	sentence_set(out->stuck, sizeof(out->stuck), "%s", remote->stuck);
	cover(at, exposed_since, out);
}
