/*
 * incidents - the rows of a service as a measure: how many lie within a time of one another, or how
 * long there was none.
 */
#include "gate/incidents.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"
#include "gate/gate.h"
#include "gate/sentence.h"

/* A row appears a little after the instant it carries; and two that met must not be missed because
 * nobody looked just then. */
#define LATE_MS (5 * 60 * 1000)
#define EVER_MS (INT64_C(3660) * 86400 * 1000)
#define CRITICAL (1U << INCIDENT_P0 | 1U << INCIDENT_P1)
#define ALL ((1U << INCIDENT_SEVERITY_COUNT) - 1)

/* clang-format off */
const char *const incident_severity_names[INCIDENT_SEVERITY_COUNT + 1] = { "P0", "P1", "P2", "P3", NULL };
/* clang-format on */

/* --- how it is written --- */

static bool add_severity(const json_t *value, unsigned *severities)
{
	const char *text = json_string_value(value);

	for (unsigned i = 0; text && i < INCIDENT_SEVERITY_COUNT; i++) {
		if (strcmp(text, incident_severity_names[i]) == 0) {
			*severities |= 1U << i;
			return true;
		}
	}
	return false;
}

static bool severities_decode(json_t *value, void *member, struct decode *d)
{
	struct str text = {.p = json_string_value(value), .n = json_string_length(value)};
	unsigned *severities = member;
	bool ok = json_is_array(value) ? json_array_size(value) > 0 : text.p != NULL;

	if (text.p && str_eq_text(text, "critical"))
		*severities = CRITICAL;
	else if (text.p && str_eq_text(text, "all"))
		*severities = ALL;
	else if (text.p)
		ok = add_severity(value, severities);
	for (size_t i = 0; i < json_array_size(value); i++)
		ok = add_severity(json_array_get(value, i), severities) && ok;
	return ok || decode_problem(d, "must be critical (P0 and P1), all, or severities: [P0, "
	                               "P1]");
}

static json_t *severities_encode(const void *member)
{
	unsigned severities = *(const unsigned *)member;
	json_t *list = NULL;

	if (severities == CRITICAL || severities == ALL)
		return json_string(severities == ALL ? "all" : "critical");
	list = json_array();
	for (unsigned i = 0; list && i < INCIDENT_SEVERITY_COUNT; i++) {
		if (!(severities >> i & 1))
			continue;
		if (json_array_append_new(list, json_string(incident_severity_names[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool severities_copy(const void *from, void *to)
{
	*(unsigned *)to = *(const unsigned *)from;
	return true;
}

static bool check(const void *decoded, struct decode *d)
{
	const struct incidents_spec *spec = decoded;

	if ((spec->over_ms > 0) == (spec->none_for_ms > 0))
		return decode_problem(d,
		                      "an incidents gate says either over, within what time they "
		                      "are counted, or none_for, how long there must be none");
	return true;
}

static const struct field_custom severities_custom = {severities_decode, severities_encode,
                                                      severities_copy, NULL};

/* clang-format off */
#define DAY_MS (86400.0 * 1000)
static const struct field fields[] = {
	{ .key = "incidents", .kind = FIELD_CUSTOM, .flags = FIELD_REQUIRED, .custom = &severities_custom,
	  .offset = offsetof(struct incidents_spec, severities),
	  .doc = "Which incidents of the service and environment: `critical` (P0 and P1), `all`, or a list of severities." },
	{ .key = "over", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct incidents_spec, over_ms),
	  .min = 60000, .max = 30 * DAY_MS,
	  .doc = "Counts those within this time, whichever release they were reported at; a rung (`above: 1`) fires only when "
	         "one of them was reported since the release was exposed." },
	{ .key = "none_for", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct incidents_spec, none_for_ms),
	  .min = 1000, .max = 30 * DAY_MS,
	  .doc = "Instead, passes when there was none for so long, observed in the present exposure; a new one is a breach, "
	         "and the time begins anew." },
};
static const struct field_table table = {
	.noun = "incidents gate", .fields = fields, .n = ARRAY_LEN(fields), .size = sizeof(struct incidents_spec),
	.check = check,
};
/* clang-format on */

int64_t gate_incidents_reach_ms(const struct gate *gate)
{
	const struct incidents_spec *spec = gate->spec;

	if (gate->kind != &gate_incidents_kind)
		return 0;
	/* Those that met the oldest that still count; and what a look missed. */
	return 2 * (spec->over_ms + spec->none_for_ms) + 2 * LATE_MS;
}

void gate_incidents_clear(struct gate_incidents *incidents)
{
	for (size_t i = 0; i < incidents->n; i++)
		free(incidents->list[i].key);
	free(incidents->list);
	*incidents = (struct gate_incidents){0};
}

/* --- counting --- */

/* Rows of the gate's severities. */
struct rows {
	const struct gate_incident *list[GATE_INCIDENTS_MAX];
	size_t same_as[GATE_INCIDENTS_MAX]; /* the first row of the same incident */
	size_t n;
};

static bool is_same_incident(const struct gate_incident *a, const struct gate_incident *b)
{
	return a->key && b->key && strcmp(a->key, b->key) == 0;
}

static void choose(const struct incidents_spec *spec, const struct gate_incidents *all,
                   struct rows *out)
{
	out->n = 0;
	for (size_t i = 0; i < all->n && out->n < GATE_INCIDENTS_MAX; i++) {
		const struct gate_incident *row = &all->list[i];
		size_t first = 0;

		if (!(spec->severities >> row->severity & 1))
			continue;
		while (first < out->n && !is_same_incident(out->list[first], row))
			first++;
		out->list[out->n] = row;
		out->same_as[out->n++] = first;
	}
}

/* Incidents in (end - over, end]. *out_fresh: one of them was reported since the exposure. */
static size_t count_until(const struct rows *rows, int64_t end_ms, int64_t over_ms,
                          int64_t exposed_ms, bool *out_fresh)
{
	bool counted[GATE_INCIDENTS_MAX] = {false};
	size_t n = 0;

	*out_fresh = false;
	for (size_t i = 0; i < rows->n; i++) {
		int64_t at_ms = rows->list[i]->at.ms;

		if (at_ms > end_ms || at_ms <= end_ms - over_ms)
			continue;
		*out_fresh = *out_fresh || at_ms >= exposed_ms;
		n += !counted[rows->same_as[i]];
		counted[rows->same_as[i]] = true;
	}
	return n;
}

/* The most that met within the time: looked at now, and at each one reported since a little before
 * the last look, so that none is missed between two looks. */
struct met {
	size_t fresh; /* with one of the present exposure among them */
	size_t all;
};

static struct met most_met(const struct incidents_spec *spec, const struct rows *rows,
                           int64_t from_ms, int64_t now_ms, int64_t exposed_ms)
{
	struct met met = {0};

	for (size_t i = 0; i <= rows->n; i++) {
		int64_t end_ms = i < rows->n ? rows->list[i]->at.ms : now_ms;
		bool fresh = false;
		size_t n = 0;

		if (end_ms < from_ms)
			continue;
		n = count_until(rows, end_ms, spec->over_ms, exposed_ms, &fresh);
		if (n > met.all)
			met.all = n;
		if (fresh && n > met.fresh)
			met.fresh = n;
	}
	return met;
}

/* --- the two questions --- */

static const char *noun_of(const struct incidents_spec *spec, size_t n)
{
	if (spec->severities == CRITICAL)
		return n == 1 ? "critical incident" : "critical incidents";
	return n == 1 ? "incident" : "incidents";
}

/* Since when the release is exposed, all its stages together: one that was reported just before a
 * stage was acknowledged is of this release all the same. The way back is an exposure of its own.
 */
static int64_t exposed_ms(const struct gate_evidence *evidence, struct gate_quiet *quiet)
{
	int64_t present_ms = evidence->exposed_since.ms;

	if (evidence->era == ERA_BACK || present_ms == 0) {
		quiet->exposed.ms = 0;
		return present_ms;
	}
	if (quiet->exposed.ms == 0 || quiet->exposed.ms > present_ms) {
		bool entered =
		        evidence->stage_since.ms > 0 && evidence->stage_since.ms < present_ms;

		quiet->exposed = entered ? evidence->stage_since : evidence->exposed_since;
	}
	return quiet->exposed.ms;
}

static void measure_over(const struct incidents_spec *spec, const struct rows *rows,
                         const struct gate_evidence *evidence, struct wall seen,
                         struct gate_quiet *quiet, struct gate_measure *m)
{
	int64_t now_ms = evidence->at.ms;
	int64_t from_ms = seen.ms > 0 && seen.ms < now_ms ? seen.ms : now_ms;
	char over[UNITS_TEXT_MAX];
	struct met met;

	from_ms -= LATE_MS;
	if (from_ms < now_ms - spec->over_ms)
		from_ms = now_ms - spec->over_ms;
	met = most_met(spec, rows, from_ms, now_ms, exposed_ms(evidence, quiet));
	duration_format(spec->over_ms, over);
	m->value = (double)met.fresh;
	if (met.all == 0)
		sentence_set(m->text, sizeof(m->text), "no %s in %s", noun_of(spec, 1), over);
	else if (met.fresh == 0)
		sentence_set(m->text, sizeof(m->text), "%zu %s in %s, none since the exposure",
		             met.all, noun_of(spec, met.all), over);
	else
		sentence_set(m->text, sizeof(m->text), "%zu %s in %s", met.fresh,
		             noun_of(spec, met.fresh), over);
}

/* How many new ones there are since the last look; with one of them, or in a new exposure, the time
 * begins anew. It grows between looks that lie close enough that somebody could have reported. */
static size_t watch_quiet(const struct rows *rows, const struct gate_incidents *all,
                          const struct gate_evidence *evidence, struct gate_quiet *quiet)
{
	int64_t gap_ms = all->asked.ms - quiet->seen.ms, newest = quiet->newest;
	bool is_first = quiet->seen.ms == 0;
	size_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		if (rows->list[i]->id > quiet->newest)
			n++;
		if (rows->list[i]->id > newest)
			newest = rows->list[i]->id;
	}
	if (is_first || n > 0 || quiet->seen.ms < evidence->exposed_since.ms)
		quiet->quiet_ms = 0;
	else if (gap_ms > 0 && gap_ms <= 2 * evidence->evaluate_every_ms)
		quiet->quiet_ms += gap_ms;
	quiet->seen = all->asked;
	quiet->newest = newest;
	return is_first ? 0 : n;
}

static void measure_none(const struct incidents_spec *spec, size_t n_new,
                         const struct gate_quiet *quiet, struct gate_measure *m)
{
	char have[UNITS_TEXT_MAX], need[UNITS_TEXT_MAX];

	duration_format(quiet->quiet_ms / 1000 * 1000, have);
	duration_format(spec->none_for_ms, need);
	m->value = (double)n_new;
	if (n_new > 0) {
		sentence_set(m->text, sizeof(m->text), "%zu new %s", n_new, noun_of(spec, n_new));
	} else if (quiet->quiet_ms < spec->none_for_ms) {
		m->result = GATE_INSUFFICIENT;
		m->collecting = true; /* however often it began anew, it takes but time */
		m->takes_ms = EVER_MS;
		sentence_set(m->why, sizeof(m->why), "%s of %s without %s %s", have, need,
		             spec->severities == CRITICAL ? "a" : "an", noun_of(spec, 1));
	} else {
		sentence_set(m->text, sizeof(m->text), "no %s for %s", noun_of(spec, 1), have);
	}
}

/* The first row of the result table that applies. */
static bool is_refused(const struct gate *gate, const struct gate_incidents *all,
                       const struct gate_evidence *evidence, struct gate_measure *m)
{
	int64_t age_ms = all ? evidence->at.ms - all->asked.ms : 0;
	char age[UNITS_TEXT_MAX];

	m->result = GATE_NO_DATA;
	if (!all || !all->known || all->reach_ms < gate_incidents_reach_ms(gate)) {
		sentence_set(m->why, sizeof(m->why), "%s",
		             all && all->why[0] ? all->why
		                                : "the incidents of the service are not known yet");
		return true;
	}
	if (age_ms < -60 * 1000) {
		m->result = GATE_ERROR;
		sentence_set(m->why, sizeof(m->why),
		             "the newest answer of the database is more than 60 s ahead of now");
		return true;
	}
	if (!(age_ms <= 2 * evidence->evaluate_every_ms)) {
		m->result = GATE_STALE;
		sentence_span(age_ms, age);
		sentence_set(m->why, sizeof(m->why),
		             "the newest answer of the database is %s old%s%s", age,
		             all->why[0] ? ": " : "", all->why);
		return true;
	}
	return false;
}

static bool breaches(const struct gate *gate, const struct gate_measure *m)
{
	bool holds = gate->nrungs == 0 && m->value > 0;

	for (size_t i = 0; i < gate->nrungs; i++)
		holds = holds || gate_rung_holds(&gate->rungs[i], m->value);
	return m->result == GATE_PASS && holds;
}

/* Enough for a breach is enough; but what was not looked at is not "none". */
static void refuse_cut(struct gate_measure *m)
{
	m->result = GATE_ERROR;
	sentence_set(m->why, sizeof(m->why),
	             "there are more than %d incidents: not all were counted", GATE_INCIDENTS_MAX);
}

static void measure(const struct gate *gate, size_t index, const struct gate_evidence *evidence,
                    struct gate_state *state, struct gate_measure *m)
{
	const struct incidents_spec *spec = gate->spec;
	const struct gate_incidents *all = evidence->incidents;
	struct wall seen = state->quiet.seen;
	struct rows rows;
	size_t n_new = 0;

	(void)index;
	m->unit = KPI_NUMBER;
	if (is_refused(gate, all, evidence, m))
		return;
	choose(spec, all, &rows);
	n_new = watch_quiet(&rows, all, evidence, &state->quiet);
	m->result = GATE_PASS;
	m->covered = all->asked.ms >= evidence->exposed_since.ms;
	if (!m->covered)
		sentence_set(m->why, sizeof(m->why),
		             "needs an answer of the database inside this exposure");
	if (spec->over_ms > 0)
		measure_over(spec, &rows, evidence, seen, &state->quiet, m);
	else
		measure_none(spec, n_new, &state->quiet, m);
	if (all->is_cut && !breaches(gate, m))
		refuse_cut(m);
}

const struct gate_kind gate_incidents_kind = {
        .name = "incidents",
        .doc = "counts the incidents that were reported about the service, or waits for a time "
               "without",
        .fields = &table,
        .default_votes = 1,
        .implicit_rung = true,
        .measure = measure,
};
