/*
 * command - what a line of a story does: time, evidence, the outside world, and what people ask
 * for.
 */
#include "story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "gate/alerts.h"
#include "gate/health.h"
#include "gate/integrity.h"

static bool is(const struct words *w, size_t i, const char *text)
{
	return i < w->n && strcmp(w->list[i], text) == 0;
}

static const char *word(const struct words *w, size_t i)
{
	return i < w->n ? w->list[i] : NULL;
}

bool command_duration(struct story *s, const char *text, int64_t *out_ms)
{
	struct err err;

	if (!text)
		return story_fail(s, "a duration is missing");
	return duration_parse(str_of(text), out_ms, &err) || story_fail(s, "%s", err.text);
}

/* --- time ---------------------------------------------------------------------------------- */

/* at 5m ... : since the story began. */
static bool run_at(struct story *s, const struct words *w, size_t i)
{
	int64_t ms = 0;

	if (!command_duration(s, word(w, i), &ms))
		return false;
	if (STORY_T0 + ms < s->now.ms)
		return story_fail(s, "%s is over already", w->list[i]);
	return world_pass(s, STORY_T0 + ms - s->now.ms) &&
	       (i + 1 == w->n || command_run(s, w, i + 1));
}

static bool run_after(struct story *s, const struct words *w, size_t i)
{
	int64_t ms = 0;

	return command_duration(s, word(w, i), &ms) && world_pass(s, ms) &&
	       (i + 1 == w->n || command_run(s, w, i + 1));
}

/* every 10s for 5m ... */
static bool run_every(struct story *s, const struct words *w, size_t i)
{
	int64_t every_ms = 0;
	int64_t for_ms = 0;

	if (!command_duration(s, word(w, i), &every_ms) || !is(w, i + 1, "for") ||
	    !command_duration(s, word(w, i + 2), &for_ms) || every_ms <= 0)
		return story_fail(s, "every DURATION for DURATION COMMAND");
	for (int64_t ms = 0; ms < for_ms; ms += every_ms) {
		if (!command_run(s, w, i + 3) || !world_pass(s, every_ms))
			return false;
	}
	return true;
}

static bool run_down(struct story *s, const struct words *w, size_t i)
{
	int64_t ms = 0;

	return command_duration(s, word(w, i), &ms) && world_sleep(s, ms);
}

/* step 1m: how often the daemon looks whether something is due; for stories of weeks */
static bool run_step(struct story *s, const struct words *w, size_t i)
{
	return command_duration(s, word(w, i), &s->tick_ms) &&
	       (s->tick_ms > 0 || story_fail(s, "step DURATION"));
}

static bool run_takeover(struct story *s, const struct words *w, size_t i)
{
	(void)w;
	(void)i;
	return world_takeover(s);
}

/* --- evidence ------------------------------------------------------------------------------ */

static size_t kpi_index(struct story *s, const char *name)
{
	for (size_t i = 0; i < s->bound->nkpis; i++) {
		if (name && strcmp(s->bound->kpis[i].name, name) == 0)
			return i;
	}
	story_fail(s, "no KPI %s", name ? name : "named");
	return SIZE_MAX;
}

/* A value that was there before goes on being sampled; one that comes back warms up first. */
static bool run_sample(struct story *s, const struct words *w, size_t i)
{
	size_t k = kpi_index(s, word(w, i));
	double value = 0;
	struct err err;

	if (k == SIZE_MAX)
		return false;
	if (i + 1 >= w->n || !ratio_parse(str_of(w->list[i + 1]), &value, &err))
		return story_fail(s, "sample KPI VALUE");
	if (s->kpis[k].result != GATE_PASS)
		s->kpis[k].since = s->now;
	s->kpis[k].result = GATE_PASS;
	s->kpis[k].value = value;
	return true;
}

static bool set_all(struct story *s, const struct words *w, size_t i, enum gate_result result)
{
	if (i < w->n) {
		size_t k = kpi_index(s, w->list[i]);

		if (k == SIZE_MAX)
			return false;
		s->kpis[k].result = result;
		return true;
	}
	for (size_t k = 0; k < s->bound->nkpis; k++)
		s->kpis[k].result = result;
	return true;
}

static bool run_silence(struct story *s, const struct words *w, size_t i)
{
	return set_all(s, w, i, GATE_NO_DATA);
}

static bool run_broken(struct story *s, const struct words *w, size_t i)
{
	return set_all(s, w, i, GATE_ERROR);
}

static bool run_stale(struct story *s, const struct words *w, size_t i)
{
	return set_all(s, w, i, GATE_STALE);
}

/* Calls for each gate of the kind, or for the one that is named. */
static bool of_kind(struct story *s, const struct gate_kind *kind, const char *name,
                    void (*fn)(struct story *s, size_t gate, int value), int value)
{
	size_t n = 0;

	for (size_t i = 0; i < s->bound->ngates && i < GATES_MAX; i++) {
		const struct gate *gate = &s->bound->gates[i];

		if (gate->kind != kind || (name && strcmp(gate->name, name) != 0))
			continue;
		fn(s, i, value);
		n++;
	}
	return n > 0 || !name || story_fail(s, "there is no %s gate %s", kind->name, name);
}

static void set_probe(struct story *s, size_t gate, int value)
{
	s->health[gate] = (enum probe_state)value;
}

static bool set_probes(struct story *s, const struct words *w, size_t i,
                       const struct gate_kind *kind)
{
	int state = is(w, i, "ok")        ? PROBE_OK
	            : is(w, i, "fails")   ? PROBE_FAILED
	            : is(w, i, "unknown") ? PROBE_UNKNOWN
	            : is(w, i, "broken")  ? PROBE_ERROR
	                                  : PROBE_NEVER;

	if (state == PROBE_NEVER)
		return story_fail(s, "ok, fails, unknown or broken?");
	return of_kind(s, kind, word(w, i + 1), set_probe, state);
}

static bool run_health(struct story *s, const struct words *w, size_t i)
{
	return set_probes(s, w, i, &gate_health);
}

static bool run_integrity(struct story *s, const struct words *w, size_t i)
{
	return set_probes(s, w, i, &gate_integrity);
}

enum { ALERTS_QUIET = 0, ALERTS_FIRE, ALERTS_UNKNOWN };

static void set_alerts(struct story *s, size_t gate, int value)
{
	s->alerts_unknown[gate] = value == ALERTS_UNKNOWN;
	s->firing[gate] = value == ALERTS_FIRE;
}

static bool run_alerts(struct story *s, const struct words *w, size_t i)
{
	int how = is(w, i, "unknown") ? ALERTS_UNKNOWN
	          : is(w, i, "fire")  ? ALERTS_FIRE
	                              : ALERTS_QUIET;

	if (i >= w->n)
		return story_fail(s, "alerts quiet, fire or unknown");
	return of_kind(s, &gate_alerts, word(w, i + 1), set_alerts, how);
}

/* --- the world outside --------------------------------------------------------------------- */

static int64_t option_named(struct story *s, const char *name)
{
	for (size_t i = 0; i < s->bound->rollback.noptions; i++) {
		if (strcmp(s->bound->rollback.options[i].option, name) == 0)
			return (int64_t)i;
	}
	story_fail(s, "no rollback option %s", name);
	return -1;
}

/* Whether an answer without a name is about this message: the stage's entry, or the present option.
 */
static bool is_present(const struct story *s, const struct letter *m)
{
	if (m->class == MESSAGE_ADVANCE)
		return m->version == s->r->entry_version && !m->superseded;
	return m->version == s->r->rollback.version && m->option >= 0;
}

static bool is_meant(struct story *s, const struct letter *m, const char *name)
{
	if (!name)
		return is_present(s, m);
	if (m->class != MESSAGE_ROLLBACK)
		return false;
	if (strcmp(name, "dampening") == 0)
		return m->option == MESSAGE_DAMPENS;
	if (strcmp(name, "smoke") == 0)
		return m->option == MESSAGE_SMOKE && m->version == s->r->rollback.smoke_version;
	return m->option == option_named(s, name);
}

enum answer { ANSWER_ACKS = 0, ANSWER_REFUSES, ANSWER_FAILS, ANSWER_NONE };

static bool answer(struct story *s, const struct words *w, size_t i, enum answer how)
{
	size_t n = 0;

	for (size_t k = 0; k < s->noutbox && !s->failed; k++) {
		struct letter *m = &s->outbox[k];

		if (m->acked || !is_meant(s, m, i < w->n ? w->list[i] : NULL))
			continue;
		m->acked = how == ANSWER_ACKS;
		m->refused = how == ANSWER_REFUSES;
		m->failed = how == ANSWER_FAILS;
		m->unanswered = how == ANSWER_NONE;
		n++;
	}
	if (n == 0)
		return story_fail(s, "no message waits for an answer");
	return world_settle(s);
}

static bool run_ack(struct story *s, const struct words *w, size_t i)
{
	return answer(s, w, i, ANSWER_ACKS);
}

static bool run_refuse(struct story *s, const struct words *w, size_t i)
{
	return answer(s, w, i, ANSWER_REFUSES);
}

static bool run_fail(struct story *s, const struct words *w, size_t i)
{
	return answer(s, w, i, ANSWER_FAILS);
}

static bool run_lose(struct story *s, const struct words *w, size_t i)
{
	return answer(s, w, i, ANSWER_NONE);
}

static bool run_freeze(struct story *s, const struct words *w, size_t i)
{
	s->frozen = true;
	(void)snprintf(s->freeze_reason, sizeof(s->freeze_reason), "%s",
	               i < w->n ? w->list[i] : "frozen");
	return true;
}

static bool run_thaw(struct story *s, const struct words *w, size_t i)
{
	(void)w;
	(void)i;
	s->frozen = false;
	return world_settle(s);
}

static bool run_pair(struct story *s, const struct words *w, size_t i)
{
	s->pair_busy = is(w, i, "busy");
	return !s->r || world_settle(s);
}

static bool run_reentry(struct story *s, const struct words *w, size_t i)
{
	s->reentry_open = is(w, i, "open") || is(w, i, "record");
	s->reentry_record = is(w, i, "record");
	(void)snprintf(s->reentry_missing, sizeof(s->reentry_missing), "%s",
	               i + 1 < w->n ? w->list[i + 1] : "");
	return !s->r || world_settle(s);
}

/* Verbs would get 503. */
static bool run_store(struct story *s, const struct words *w, size_t i)
{
	s->store_away = is(w, i, "away");
	return world_settle(s);
}

static bool run_newer(struct story *s, const struct words *w, size_t i)
{
	s->newer_active = is(w, i, "active");
	return true;
}

static enum incident_severity severity_of(const struct words *w, size_t i)
{
	size_t severity = 0;

	while (severity < INCIDENT_SEVERITY_COUNT - 1 &&
	       !is(w, i, incident_severity_names[severity]))
		severity++;
	return (enum incident_severity)severity;
}

/* What gates count of it. */
static bool note_incident(struct story *s, enum incident_severity severity, const char *key)
{
	struct gate_incidents *all = &s->reported;
	struct gate_incident *grown = realloc(all->list, (all->n + 1) * sizeof(*grown));

	if (!grown)
		return story_fail(s, "no memory");
	all->list = grown;
	grown[all->n] = (struct gate_incident){.id = (int64_t)all->n + 1,
	                                       .severity = severity,
	                                       .key = text_dup(key),
	                                       .at = s->now};
	all->n++;
	return true;
}

/* reported P0 [KEY]: while another release was active, or none. */
static bool run_reported(struct story *s, const struct words *w, size_t i)
{
	return note_incident(s, severity_of(w, i), word(w, i + 1));
}

/* incident P0 [TITLE]; `incident again` hands the last one over once more */
static bool run_incident(struct story *s, const struct words *w, size_t i)
{
	char number[24];
	char reason[160];
	struct event e = {.kind = EVENT_INCIDENT, .by = {.subject = "headgate"}};
	bool again = is(w, i, "again");
	enum incident_severity severity = severity_of(w, i);

	if (!again && !note_incident(s, severity, NULL))
		return false;
	e.severity = severity;
	e.incident_after = s->incidents - again;
	s->incidents += !again;
	e.incident = s->incidents;
	(void)snprintf(number, sizeof(number), "%lld", (long long)e.incident);
	(void)snprintf(reason, sizeof(reason), "%s reported by ann: %s",
	               incident_severity_names[severity],
	               i + 1 < w->n ? w->list[i + 1] : "it is down");
	e.hold = number;
	e.reason = reason;
	return world_submit(s, &e);
}

static bool run_drift(struct story *s, const struct words *w, size_t i)
{
	(void)snprintf(s->drifted, sizeof(s->drifted), "%s",
	               i < w->n && !is(w, i, "over") ? w->list[i] : "");
	return world_settle(s);
}

/* --- people -------------------------------------------------------------------------------- */

static bool add_person(struct story *s, const struct words *w, size_t i, bool machine)
{
	struct person *p = &s->people[s->npeople];

	if (s->npeople == PEOPLE_MAX || i >= w->n)
		return story_fail(s, "person NAME ROLE ...");
	*p = (struct person){0};
	(void)snprintf(p->name, sizeof(p->name), "%s", w->list[i]);
	if (!machine) {
		(void)snprintf(p->person, sizeof(p->person), "%s", w->list[i]);
	} else if (is(w, i + 1, "for") && i + 2 < w->n) {
		(void)snprintf(p->person, sizeof(p->person), "%s", w->list[i + 2]);
		i += 2;
	}
	while (++i < w->n && p->nroles < ROLES_MAX) {
		(void)snprintf(p->role_texts[p->nroles], sizeof(p->role_texts[0]), "%s",
		               w->list[i]);
		p->roles[p->nroles] = p->role_texts[p->nroles];
		p->nroles++;
	}
	s->npeople++;
	return true;
}

static bool run_person(struct story *s, const struct words *w, size_t i)
{
	return add_person(s, w, i, false);
}

/* machine ci-bot [for dora] ROLE ... */
static bool run_machine(struct story *s, const struct words *w, size_t i)
{
	return add_person(s, w, i, true);
}

static bool ask_plain(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)e;
	return i == w->n || story_fail(s, "too many words: %s", w->list[i]);
}

static bool ask_pause(struct story *s, const struct words *w, size_t i, struct event *e)
{
	int64_t ms = 0;

	if (!is(w, i, "for"))
		return ask_plain(s, w, i, e);
	if (!command_duration(s, word(w, i + 1), &ms))
		return false;
	e->expires.ms = s->now.ms + ms;
	return true;
}

static bool ask_waive(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)s;
	e->gate = word(w, i);
	e->stage = is(w, i + 1, "in") ? word(w, i + 2) : NULL;
	return true;
}

static bool ask_rollback(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)s;
	if (is(w, i, "by")) {
		e->option = word(w, i + 1);
		i += 2;
	}
	e->restore_confirmed = is(w, i, "restored");
	return true;
}

static bool ask_consent(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)s;
	if (i < w->n && !is(w, i, "as"))
		e->stage = w->list[i++];
	if (is(w, i, "as"))
		e->role = word(w, i + 1);
	return true;
}

static bool ask_check(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)s;
	e->check = word(w, i);
	e->done = !is(w, i + 1, "open");
	e->evidence = is(w, i + 1, "see") ? word(w, i + 2) : NULL;
	return true;
}

static bool ask_ack(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)s;
	if (is(w, i, "alert"))
		e->alert = word(w, i + 1);
	else
		e->hold = word(w, i);
	return true;
}

/* NAME records CAUSE IMPACT RESTORE_POINT; - leaves one out */
static bool ask_record(struct story *s, const struct words *w, size_t i, struct event *e)
{
	const char **const parts[] = {&e->root_cause, &e->impact, &e->restore_point};

	(void)s;
	for (size_t k = 0; k < ARRAY_LEN(parts); k++)
		*parts[k] = is(w, i + k, "-") ? NULL : word(w, i + k);
	return true;
}

static bool ask_resolve(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)s;
	e->live_version = word(w, i);
	return true;
}

/* NAME reports RESULT passed|failed [for 2h] [see LINK] */
static bool ask_evidence(struct story *s, const struct words *w, size_t i, struct event *e)
{
	int64_t ms = 0;

	e->result = word(w, i);
	e->status = is(w, i + 1, "passed") ? EVIDENCE_PASSED : EVIDENCE_FAILED;
	if (!is(w, i + 1, "passed") && !is(w, i + 1, "failed"))
		return story_fail(s, "passed or failed?");
	for (i += 2; i + 1 < w->n; i += 2) {
		if (is(w, i, "see"))
			e->link = word(w, i + 1);
		else if (!is(w, i, "for") || !command_duration(s, word(w, i + 1), &ms))
			return story_fail(s, "for 2h, or see LINK");
		else
			e->expires.ms = s->now.ms + ms;
	}
	return ask_plain(s, w, i, e);
}

static bool ask_repin(struct story *s, const struct words *w, size_t i, struct event *e)
{
	(void)s;
	e->hold = word(w, i); /* the file, until it is read */
	return true;
}

/* NAME pushes KPI VALUE [of 10m]: so long ago */
static bool ask_measurement(struct story *s, const struct words *w, size_t i, struct event *e)
{
	static struct event_measurement m; /* lives until the next one */
	int64_t ms = 0;
	struct err err;

	m = (struct event_measurement){.kpi = word(w, i), .given = EVENT_GIVEN_AS_POLICY};
	if (i + 1 >= w->n || !ratio_parse(str_of(w->list[i + 1]), &m.value, &err))
		return story_fail(s, "pushes KPI VALUE");
	if (is(w, i + 2, "of")) {
		if (!command_duration(s, word(w, i + 3), &ms))
			return false;
		m.at.ms = s->now.ms - ms;
		i += 2;
	}
	e->measurements = &m;
	e->nmeasurements = 1;
	e->one_measurement = true;
	return ask_plain(s, w, i + 2, e);
}

/* clang-format off */
static const struct {
	const char *word;
	enum release_event event;
	bool (*ask)(struct story *s, const struct words *w, size_t i, struct event *e);
} verbs[] = {
	{ "starts",   EVENT_START,    ask_plain },
	{ "pauses",   EVENT_PAUSE,    ask_pause },
	{ "resumes",  EVENT_RESUME,   ask_plain },
	{ "promotes", EVENT_PROMOTE,  ask_plain },
	{ "waives",   EVENT_WAIVE,    ask_waive },
	{ "rolls",    EVENT_ROLLBACK, ask_rollback },
	{ "cancels",  EVENT_CANCEL,   ask_plain },
	{ "approves", EVENT_APPROVE,  ask_consent },
	{ "rejects",  EVENT_REJECT,   ask_consent },
	{ "checks",   EVENT_CHECK,    ask_check },
	{ "acks",     EVENT_ACK,      ask_ack },
	{ "retries",  EVENT_RETRY,    ask_rollback },
	{ "resolves", EVENT_RESOLVE,  ask_resolve },
	{ "notes",    EVENT_NOTE,     ask_plain },
	{ "records",  EVENT_INCIDENT_RECORD, ask_record },
	{ "reports",  EVENT_EVIDENCE, ask_evidence },
	{ "repins",   EVENT_REPIN,    ask_repin },
	{ "pushes",   EVENT_MEASUREMENT, ask_measurement },
};
/* clang-format on */

static const struct person *find_person(const struct story *s, const char *name)
{
	for (size_t i = 0; i < s->npeople; i++) {
		if (strcmp(s->people[i].name, name) == 0)
			return &s->people[i];
	}
	return NULL;
}

static bool run_verb(struct story *s, const struct words *w, size_t i)
{
	const struct person *p = find_person(s, w->list[i]);
	struct event e = {.reason = w->because};

	if (!s->r)
		return story_fail(s, "no release yet");
	s->decided[0] = '\0';
	s->news[0] = '\0';
	e.by = (struct actor){.subject = p->name,
	                      .person = p->person[0] ? p->person : NULL,
	                      .origin = "story",
	                      .roles = p->roles,
	                      .nroles = p->nroles};
	for (size_t v = 0; v < ARRAY_LEN(verbs); v++) {
		size_t at = i + 2;

		if (!is(w, i + 1, verbs[v].word))
			continue;
		e.kind = verbs[v].event;
		at += e.kind == EVENT_ROLLBACK && is(w, at, "back");
		if (!verbs[v].ask(s, w, at, &e))
			return false;
		if (e.kind == EVENT_REPIN) {
			const char *file = e.hold;

			e.hold = NULL;
			return file && world_repin(s, file, &e);
		}
		return world_submit(s, &e);
	}
	return story_fail(s, "%s does what?", p->name);
}

/* --- all of them --------------------------------------------------------------------------- */

static bool run_policy(struct story *s, const struct words *w, size_t i)
{
	return i < w->n && world_policy(s, w->list[i]);
}

static bool run_play(struct story *s, const struct words *w, size_t i)
{
	return i < w->n && story_play(s, w->list[i]);
}

static bool run_release(struct story *s, const struct words *w, size_t i)
{
	(void)i;
	return world_release(s, w);
}

/* clang-format off */
static const struct {
	const char *word;
	bool (*run)(struct story *s, const struct words *w, size_t i);
	bool before_release; /* works without one */
} commands[] = {
	{ "policy",   run_policy,   true },
	{ "play",     run_play,     true },
	{ "release",  run_release,  true },
	{ "step",     run_step,     true },
	{ "person",   run_person,   true },
	{ "machine",  run_machine,  true },
	{ "pair",     run_pair,     true },
	{ "reentry",  run_reentry,  true },
	{ "freeze",   run_freeze,   true },
	{ "thaw",     run_thaw,     false },
	{ "newer",    run_newer,    false },
	{ "drift",    run_drift,    false },
	{ "incident", run_incident, false },
	{ "reported", run_reported, true },
	{ "store",    run_store,    false },
	{ "at",       run_at,       false },
	{ "after",    run_after,    false },
	{ "every",    run_every,    false },
	{ "down",     run_down,     false },
	{ "takeover", run_takeover, false },
	{ "sample",   run_sample,   false },
	{ "silence",  run_silence,  false },
	{ "broken",   run_broken,   false },
	{ "stale",    run_stale,    false },
	{ "health",   run_health,   false },
	{ "integrity", run_integrity, false },
	{ "alerts",   run_alerts,   false },
	{ "ack",      run_ack,      false },
	{ "refuse",   run_refuse,   false },
	{ "fail",     run_fail,     false },
	{ "lose",     run_lose,     false },
	{ "expect",   expect_check, true },
};
/* clang-format on */

bool command_run(struct story *s, const struct words *w, size_t from)
{
	const char *name = word(w, from);

	if (!name)
		return story_fail(s, "a command is missing");
	if (s->refused && strcmp(name, "expect") != 0)
		return story_fail(s, "refused before: %s", s->refusal_text);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].word, name) != 0)
			continue;
		if (!commands[i].before_release && !s->r)
			return story_fail(s, "no release yet");
		if (commands[i].run != expect_check) {
			s->decided[0] = '\0';
			s->news[0] = '\0';
		}
		return commands[i].run(s, w, from + 1);
	}
	if (find_person(s, name))
		return run_verb(s, w, from);
	return story_fail(s, "neither a command nor a person: %s", name);
}
