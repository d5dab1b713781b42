/*
 * evidence - the newest reported result of one name as a measure: 0 when it passed, 1 when it
 * failed.
 */
#include "gate/evidence.h"

#include <string.h>

#include "base/macros.h"
#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"

#define FUTURE_MS (60 * 1000)
#define VALID_MIN_MS 1000.0
#define VALID_MAX_MS (366.0 * 86400 * 1000)

/* clang-format off */
const char *const evidence_status_names[EVIDENCE_STATUS_COUNT + 1] = { "passed", "failed", NULL };
static const char *const since_names[EVIDENCE_SINCE_COUNT + 1] = { "exposure", "release", NULL };

static const struct field fields[] = {
	{ .key = "evidence", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct evidence_spec, evidence), .min = 1, .max = 64,
	  .doc = "Name of a result that is reported by `POST /v1/releases/ID/evidence/NAME`; a failed one is a breach." },
	{ .key = "valid_for", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct evidence_spec, valid_for_ms), .min = VALID_MIN_MS, .max = VALID_MAX_MS,
	  .doc = "After so long a result is stale, whatever it says of its own expiry." },
	{ .key = "since", .kind = FIELD_ENUM, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct evidence_spec, since),
	  .names = since_names,
	  .doc = "Which passed results count: those reported in the present `exposure` (left out), or any of this `release`, "
	         "for what an exposure does not change, such as a verified backup." },
};
static const struct field_table table = {
	.noun = "evidence gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct evidence_spec),
};
/* clang-format on */

const struct evidence_result *evidence_find(const struct evidence_result *results, size_t n,
                                            const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(results[i].name, name) == 0)
			return &results[i];
	}
	return NULL;
}

/* When it ends to say anything; 0: it does not. */
static int64_t end_ms(const struct evidence_spec *spec, const struct evidence_result *r)
{
	int64_t end = r->expires.ms;

	if (spec->valid_for_ms > 0 && (end == 0 || r->at.ms + spec->valid_for_ms < end))
		end = r->at.ms + spec->valid_for_ms;
	return end;
}

/* The first row of the result table that applies. */
static bool is_refused(const struct evidence_spec *spec, const struct evidence_result *r,
                       struct wall at, struct gate_measure *m)
{
	char age[UNITS_TEXT_MAX], since[UNITS_TEXT_MAX];
	int64_t end = r ? end_ms(spec, r) : 0;

	m->result = GATE_NO_DATA;
	if (!r) {
		sentence_set(m->why, sizeof(m->why), "no result %s was reported yet",
		             spec->evidence);
		return true;
	}
	if (r->at.ms > at.ms + FUTURE_MS) {
		m->result = GATE_ERROR;
		sentence_set(m->why, sizeof(m->why),
		             "the newest result was reported more than 60 s ahead of now");
		return true;
	}
	if (end > 0 && at.ms >= end) {
		m->result = GATE_STALE;
		sentence_span(at.ms - r->at.ms, age);
		sentence_span(at.ms - end, since);
		sentence_set(m->why, sizeof(m->why), "it %s %s ago and has not been valid for %s",
		             evidence_status_names[r->status], age, since);
		return true;
	}
	return false;
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct evidence_spec *spec = gate->spec;
	const struct evidence_result *r =
	        evidence_find(evidence->results, evidence->nresults, spec->evidence);

	(void)index;
	(void)state;
	m->unit = KPI_NUMBER;
	if (is_refused(spec, r, evidence->at, m))
		return;
	m->result = GATE_PASS;
	m->told = r->told;
	/* A status this version does not know is no pass. */
	m->value = r->status == EVIDENCE_PASSED ? 0 : 1;
	m->covered =
	        spec->since == EVIDENCE_SINCE_RELEASE || r->at.ms >= evidence->exposed_since.ms;
	sentence_set(m->text, sizeof(m->text), "%s %s, says %s%s%s", spec->evidence,
	             r->status == EVIDENCE_PASSED ? "passed" : "failed",
	             r->subject ? r->subject : "?", r->link ? ": " : "", r->link ? r->link : "");
	if (!m->covered)
		sentence_set(m->why, sizeof(m->why),
		             "%s passed before this exposure: it needs a result of now",
		             spec->evidence);
}

const struct gate_kind gate_evidence_kind = {
        .name = "evidence",
        .doc = "waits for a result that a scheduler or a person reports",
        .fields = &table,
        .default_votes = 1,
        .implicit_rung = true,
        .measure = measure,
};
