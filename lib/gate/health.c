/*
 * health - the probes of one gate as a measure: how many URLs fail, confirmed by a second look.
 */
#include "gate/health.h"

#include <math.h>

#include "base/json_pointer.h"
#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"

#define FUTURE_MS (60 * 1000)
#define DEFAULT_TIMEOUT_MS 5000

/* clang-format off */
static const struct field fields[] = {
	{ .key = "health", .kind = FIELD_TEXT_LIST, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct health_spec, health), .count_offset = offsetof(struct health_spec, nhealth),
	  .min = 1, .max = HEALTH_MAX_URLS,
	  .doc = "URLs that must answer; one that fails twice in a row is a breach." },
	{ .key = "status_min", .kind = FIELD_INT, .offset = offsetof(struct health_spec, status_min),
	  .min = 100, .max = 599, .fallback = "200", .doc = "Lowest HTTP status that is healthy." },
	{ .key = "status_max", .kind = FIELD_INT, .offset = offsetof(struct health_spec, status_max),
	  .min = 100, .max = 599, .fallback = "299", .doc = "Highest HTTP status that is healthy." },
	{ .key = "timeout", .kind = FIELD_DURATION, .offset = offsetof(struct health_spec, timeout_ms),
	  .min = 100, .max = 60000, .fallback = "5s", .doc = "A probe without an answer after this long fails; not longer than every." },
	{ .key = "every", .kind = FIELD_DURATION, .offset = offsetof(struct health_spec, every_ms),
	  .min = 1000, .max = 3600000, .fallback = "15s", .doc = "How often each URL is probed." },
	{ .key = "pointer", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct health_spec, pointer),
	  .min = 1, .max = 256, .doc = "JSON Pointer into each URL's answer: `/status`. Left out, the HTTP status is enough." },
	{ .key = "equals", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct health_spec, equals),
	  .doc = "What must stand there, `up` for one; a text that is one placeholder keeps the type of its value." },
};
/* clang-format on */

/* Who probes often and says nothing of a timeout gets one that fits. */
static json_t *normalise(json_t *object, struct decode *d)
{
	json_t *every = json_object_get(object, "every"), *copy;
	struct err ignored;
	int64_t every_ms = 0;

	if (!json_is_string(every) || json_object_get(object, "timeout") ||
	    !duration_parse(str_of(json_string_value(every)), &every_ms, &ignored) ||
	    every_ms <= 0 || every_ms >= DEFAULT_TIMEOUT_MS)
		return json_incref(object);
	copy = json_copy(object);
	if (!copy || json_object_set(copy, "timeout", every) != 0) {
		json_decref(copy);
		decode_problem(d, "cannot be read: no memory");
		return NULL;
	}
	return copy;
}

static bool problem_at(struct decode *d, const char *key, const char *text)
{
	size_t mark = decode_push(d, key);

	decode_problem(d, "%s", text);
	decode_pop(d, mark);
	return false;
}

static bool check(const void *decoded, struct decode *d)
{
	const struct health_spec *spec = decoded;

	if (spec->pointer && !json_pointer_is_fine(spec->pointer))
		return problem_at(d, "pointer", "is no JSON Pointer: write it like /data/0/value");
	if (spec->pointer && !spec->equals)
		return problem_at(d, "pointer", "needs \"equals\": what must stand there");
	if (spec->equals && !spec->pointer)
		return problem_at(d, "equals", "needs \"pointer\": where it must stand");

	if (spec->status_min > spec->status_max)
		return decode_problem(d, "status_min lies above status_max");
	if (spec->timeout_ms > spec->every_ms)
		return decode_problem(d, "timeout must be at most every");
	return true;
}

/* clang-format off */
static const struct field_table table = {
	.noun = "health gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct health_spec),
	.normalise = normalise, .check = check,
};
/* clang-format on */

/* What the probes say together. Probes point at the first one of their sort; NULL without. */
struct tally {
	size_t failing;
	const struct gate_probe *failed, *early, *stale, *unknown, *unconfirmed, *uncovered;
};

static void note_first(const struct gate_probe **first, const struct gate_probe *p)
{
	if (!*first)
		*first = p;
}

static void count_probe(const struct gate_probe *p, int64_t every_ms,
                        const struct gate_evidence *evidence, struct tally *t)
{
	int64_t age_ms = evidence->at.ms - p->at.ms;

	if (p->state == PROBE_NEVER) {
		note_first(&t->unknown, p);
		return;
	}
	if (age_ms < -FUTURE_MS)
		note_first(&t->early, p);
	else if (!(age_ms <= 2 * every_ms))
		note_first(&t->stale, p);
	else if (p->state == PROBE_FAILED && p->confirmed) {
		note_first(&t->failed, p);
		t->failing++;
	} else if (p->state == PROBE_FAILED)
		note_first(&t->unconfirmed, p);
	else if (p->state != PROBE_OK)
		note_first(&t->unknown, p);
	if (p->at.ms < evidence->exposed_since.ms)
		note_first(&t->uncovered, p);
}

static void refuse(struct gate_measure *m, enum gate_result result, const struct gate_probe *p,
                   const char *what)
{
	m->result = result;
	sentence_set(m->why, sizeof(m->why), "%s %s%s%s", p->url, what, p->why[0] ? ": " : "",
	             p->why);
}

/* The first row of the result table that applies. A confirmed and fresh failure is itself the
 * newest evidence: no silence of another URL hides it. */
static bool is_refused(const struct tally *t, struct gate_measure *m)
{
	if (t->early)
		refuse(m, GATE_ERROR, t->early, "was probed more than 60 s ahead of now");
	else if (t->failing > 0)
		return false;
	else if (t->stale)
		refuse(m, GATE_STALE, t->stale, "was not probed for more than two intervals");
	else if (t->unknown)
		refuse(m, GATE_NO_DATA, t->unknown,
		       t->unknown->state == PROBE_NEVER ? "was never probed"
		                                        : "could not be probed");
	else if (t->unconfirmed)
		refuse(m, GATE_NO_DATA, t->unconfirmed, "failed once; being confirmed");
	else
		return false;
	return true;
}

static void say_failing(const struct gate_probe *p, size_t failing, size_t n,
                        struct gate_measure *m)
{
	char reason[64] = "";

	if (p->status > 0 && !p->why[0])
		sentence_set(reason, sizeof(reason), "status %ld", p->status);
	sentence_set(m->text, sizeof(m->text), "%zu of %zu URLs %s: %s: %s", failing, n,
	             failing == 1 ? "fails" : "fail", p->url, p->why[0] ? p->why : reason);
}

/* The slowest of those that answered. */
static const struct gate_probe *find_slowest(const struct gate_probe *probes, size_t n)
{
	const struct gate_probe *slowest = NULL;

	for (size_t i = 0; i < n; i++) {
		if (probes[i].status > 0 &&
		    (!slowest || probes[i].latency_ms > slowest->latency_ms))
			slowest = &probes[i];
	}
	return slowest;
}

static void say_answering(size_t n, const struct gate_probe *slowest, struct gate_measure *m)
{
	if (slowest)
		sentence_set(m->text, sizeof(m->text), "%zu of %zu URLs answer, %s %lld ms", n, n,
		             n == 1 ? "in" : "the slowest in", (long long)slowest->latency_ms);
	else
		sentence_set(m->text, sizeof(m->text), "%zu of %zu URLs answer", n, n);
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct health_spec *spec = gate->spec;
	const struct gate_probe *probes = evidence->probes ? evidence->probes[index] : NULL;
	size_t n = probes && evidence->nprobes ? evidence->nprobes[index] : 0;
	const struct gate_probe *slowest = find_slowest(probes, n);
	struct tally t = {0};

	(void)state;
	m->unit = KPI_NUMBER;
	m->latency_ms = slowest ? (double)slowest->latency_ms : (double)NAN;
	for (size_t i = 0; i < n; i++)
		count_probe(&probes[i], spec->every_ms, evidence, &t);
	if (is_refused(&t, m))
		return;
	if (t.failing == 0 && (n == 0 || n < spec->nhealth)) {
		m->result = GATE_NO_DATA;
		sentence_set(m->why, sizeof(m->why), "%zu of %zu URLs were probed", n,
		             spec->nhealth);
		return;
	}
	m->result = GATE_PASS;
	m->value = (double)t.failing;
	m->covered = !t.uncovered;
	if (t.failed)
		say_failing(t.failed, t.failing, n, m);
	else
		say_answering(n, slowest, m);
	if (t.uncovered)
		sentence_set(m->why, sizeof(m->why), "needs a probe of %s inside this exposure",
		             t.uncovered->url);
}

const struct gate_kind gate_health = {
        .name = "health",
        .doc = "counts URLs that fail, each confirmed by a second probe after 2 s; keeps how long "
               "they took",
        .fields = &table,
        .default_votes = 1,
        .implicit_rung = true,
        .measure = measure,
};
