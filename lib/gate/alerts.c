/*
 * alerts - what was heard of alerts last as a measure: how many alerts of the selector fire
 * that nobody took care of.
 */
#include "gate/alerts.h"

#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"

#define FUTURE_MS (60 * 1000)

/* clang-format off */
static const struct field fields[] = {
	{ .key = "alerts", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct alerts_spec, alerts), .min = 2, .max = 2000,
	  .doc = "Label matchers in braces; every firing alert they select counts." },
	{ .key = "source", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct alerts_spec, source), .min = 1, .max = 100,
	  .doc = "Where alerts are heard of, a source of kind alertmanager, prometheus or alerts_webhook; may be left out when one alertmanager fits." },
};
static const struct field_table table = {
	.noun = "alerts gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct alerts_spec),
};
/* clang-format on */

static void refuse(struct gate_measure *m, enum gate_result result, const char *why)
{
	m->result = result;
	sentence_set(m->why, sizeof(m->why), "%s", why);
}

/* The first row of the result table that applies. */
static bool is_refused(const struct gate_alerts *a, struct wall at, struct gate_measure *m)
{
	char age[UNITS_TEXT_MAX];

	if (!a || a->at.ms <= 0) {
		refuse(m, GATE_NO_DATA,
		       a && a->why[0] ? a->why : "nothing was heard of alerts yet");
		return true;
	}
	if (a->at.ms > at.ms + FUTURE_MS) {
		refuse(m, GATE_ERROR, "the newest answer is more than 60 s ahead of now");
		return true;
	}
	if (!(at.ms - a->at.ms <= 2 * a->every_ms)) {
		sentence_span(at.ms - a->at.ms, age);
		m->result = GATE_STALE;
		sentence_set(m->why, sizeof(m->why), "the newest answer is %s old%s%s", age,
		             a->why[0] ? ": " : "", a->why);
		return true;
	}
	if (!a->known) {
		refuse(m, GATE_NO_DATA, a->why[0] ? a->why : "the newest answer is not whole");
		return true;
	}
	return false;
}

/* What is not listed one by one nobody can have taken care of. */
static void say_firing(const struct gate_alerts *a, const struct gate_evidence *evidence,
                       struct gate_measure *m)
{
	size_t addressed = alert_list_addressed(a->list, evidence->addressed, evidence->naddressed);
	size_t left = a->firing > addressed ? a->firing - addressed : 0;
	char names[120], also[48] = "";

	alert_list_names(a->list, evidence->addressed, evidence->naddressed, names, sizeof(names));
	if (addressed > 0)
		sentence_set(also, sizeof(also), "%s%zu addressed", left > 0 ? " (" : ", ",
		             addressed);
	m->value = (double)left;
	if (left == 0)
		sentence_set(m->text, sizeof(m->text), "no alert fires%s", also);
	else
		sentence_set(m->text, sizeof(m->text), "%zu %s: %s%s%s", left,
		             left == 1 ? "alert fires" : "alerts fire", names, also,
		             addressed > 0 ? " besides)" : "");
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct gate_alerts *a = evidence->alerts ? evidence->alerts[index] : NULL;

	(void)gate;
	(void)state;
	m->unit = KPI_NUMBER;
	if (is_refused(a, evidence->at, m))
		return;
	m->result = GATE_PASS;
	say_firing(a, evidence, m);
	if (a->is_part && m->value <= 0) {
		refuse(m, GATE_NO_DATA, a->why);
		return;
	}
	/* Of a part a breach counts, and nothing passes. */
	m->covered = a->at.ms >= evidence->exposed_since.ms && !a->is_part;
	if (a->is_part)
		sentence_set(m->why, sizeof(m->why), "%s", a->why);
	else if (!m->covered)
		sentence_set(m->why, sizeof(m->why),
		             "needs to hear of alerts inside this exposure");
}

const struct gate_kind gate_alerts = {
        .name = "alerts",
        .doc = "counts firing alerts nobody took care of",
        .fields = &table,
        .default_votes = 1,
        .implicit_rung = true,
        .measure = measure,
};
