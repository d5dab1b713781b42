/*
 * integrity - the newest answer of an integrity check as a measure: 1 when it says that something
 * is wrong, 0 when it says that all is well.
 */
#include "gate/integrity.h"

#include "base/json_pointer.h"
#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"

#define FUTURE_MS (60 * 1000)
#define DEFAULT_TIMEOUT_MS 30000

/* clang-format off */
static const struct field fields[] = {
	{ .key = "integrity", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct integrity_spec, integrity),
	  .min = 1, .max = 2000,
	  .doc = "URL of a check that is asked with GET; `${started_at}` is when the release was started (RFC 3339), before that now." },
	{ .key = "pointer", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct integrity_spec, pointer),
	  .min = 1, .max = 256, .doc = "JSON Pointer to where its answer says so: `/valid`." },
	{ .key = "equals", .kind = FIELD_JSON, .offset = offsetof(struct integrity_spec, equals),
	  .fallback = "true", .doc = "What must stand there. Anything else there, twice, is a breach; nothing there is an error." },
	{ .key = "every", .kind = FIELD_DURATION, .offset = offsetof(struct integrity_spec, every_ms),
	  .min = 1000, .max = 86400000, .fallback = "5m", .doc = "How often it is asked." },
	{ .key = "timeout", .kind = FIELD_DURATION, .offset = offsetof(struct integrity_spec, timeout_ms),
	  .min = 100, .max = 300000, .fallback = "30s", .doc = "A call without an answer after this long is an error; not longer than every." },
	{ .key = "credentials", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct integrity_spec, credentials),
	  .min = 1, .max = 64, .doc = "Name of credentials in headgate.yaml, which says to which hosts they go." },
};
/* clang-format on */

/* Who asks often and says nothing of a timeout gets one that fits. */
static json_t *normalise(json_t *object, struct decode *d)
{
	json_t *every = json_object_get(object, "every"), *copy = json_copy(object);
	struct err ignored;
	int64_t every_ms = 0;
	bool ok = copy != NULL;

	if (ok && json_is_string(every) && !json_object_get(object, "timeout") &&
	    duration_parse(str_of(json_string_value(every)), &every_ms, &ignored) && every_ms > 0 &&
	    every_ms < DEFAULT_TIMEOUT_MS)
		ok = json_object_set(copy, "timeout", every) == 0;
	if (!ok) {
		json_decref(copy);
		decode_problem(d, "cannot be read: no memory");
		return NULL;
	}
	return copy;
}

static bool check(const void *decoded, struct decode *d)
{
	const struct integrity_spec *spec = decoded;
	size_t mark;

	if (!json_pointer_is_fine(spec->pointer)) {
		mark = decode_push(d, "pointer");
		decode_problem(d, "is no JSON Pointer: write it like /data/0/value");
		decode_pop(d, mark);
		return false;
	}
	return spec->timeout_ms <= spec->every_ms ||
	       decode_problem(d, "timeout must be at most every");
}

/* clang-format off */
static const struct field_table table = {
	.noun = "integrity gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct integrity_spec),
	.normalise = normalise, .check = check,
};
/* clang-format on */

static void refuse(struct gate_measure *m, enum gate_result result, const struct gate_probe *p,
                   const char *what)
{
	bool has_more = p && p->why[0] != '\0';

	m->result = result;
	sentence_set(m->why, sizeof(m->why), "%s%s%s", what, has_more ? ": " : "",
	             has_more ? p->why : "");
}

/* The first row of the result table that applies. */
static bool is_refused(const struct gate_probe *p, int64_t every_ms, struct wall at,
                       struct gate_measure *m)
{
	if (!p || p->state == PROBE_NEVER)
		refuse(m, GATE_NO_DATA, NULL, "the check was not asked yet");
	else if (p->at.ms > at.ms + FUTURE_MS)
		refuse(m, GATE_ERROR, NULL, "the check was asked more than 60 s ahead of now");
	else if (p->state == PROBE_ERROR)
		refuse(m, GATE_ERROR, p, "the check does not say");
	else if (!(at.ms - p->at.ms <= 2 * every_ms))
		refuse(m, GATE_STALE, p, "the check was not asked for more than two intervals");
	else if (p->state == PROBE_FAILED && !p->confirmed)
		refuse(m, GATE_NO_DATA, p, "it does not hold; being confirmed");
	else if (p->state != PROBE_FAILED && p->state != PROBE_OK)
		refuse(m, GATE_NO_DATA, p, "the check could not be asked");
	else
		return false;
	return true;
}

/* Asked within this exposure, and about all of it. */
static bool is_covered(const struct gate_probe *p, struct wall exposed_since)
{
	return p->at.ms >= exposed_since.ms &&
	       (exposed_since.ms == 0 || p->since.ms <= exposed_since.ms);
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct integrity_spec *spec = gate->spec;
	bool is_there = evidence->probes && evidence->nprobes && evidence->nprobes[index] > 0;
	const struct gate_probe *p = is_there ? evidence->probes[index] : NULL;

	(void)state;
	m->unit = KPI_NUMBER;
	if (p && p->status > 0)
		m->latency_ms = (double)p->latency_ms;
	if (is_refused(p, spec->every_ms, evidence->at, m))
		return;
	m->result = GATE_PASS;
	m->value = p->state == PROBE_FAILED ? 1 : 0;
	m->covered = is_covered(p, evidence->exposed_since);
	if (p->state == PROBE_FAILED)
		sentence_set(m->text, sizeof(m->text), "the check says no: %s", p->why);
	else
		sentence_set(m->text, sizeof(m->text), "the check says so, in %lld ms",
		             (long long)p->latency_ms);
	if (!m->covered)
		sentence_set(m->why, sizeof(m->why),
		             "needs an answer of the check about this exposure");
}

const struct gate_kind gate_integrity = {
        .name = "integrity",
        .doc = "asks a check whose answer must say that all is well; 1 when it says otherwise, "
               "confirmed after 2 s",
        .fields = &table,
        .default_votes = 1,
        .implicit_rung = true,
        .measure = measure,
};
