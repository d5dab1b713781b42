/*
 * daemon - the engine's loop around the real core: evaluate at each interval, decide what is due,
 * commit, and only then remember. It may die anywhere; what it knows then is what the database
 * knows.
 */
#include "simulation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOUBT_MS (5 * SECOND)
#define SAVE_MS (60 * SECOND)

static void forget(struct daemon *d)
{
	release_free(&d->r);
	checkpoint_fini(&d->c);
	evaluation_free(&d->e);
}

/* kill -9. A statement that is on its way may still arrive. */
void daemon_crash(struct story *s, const char *where)
{
	struct daemon *d = &s->d;

	say(s, "the daemon dies %s", where);
	d->alive = false;
	d->starts = s->now + 1 + delay(s, 20 * SECOND);
	s->restarts++;
	forget(d);
	if (!d->commit.under_way)
		return;
	if (!d->commit.applied && !s->ghost.under_way && chance(s, 2)) {
		s->ghost = d->commit;
		if (chance(s, 2)) /* long enough to meet the next daemon */
			s->ghost.arrives += delay(s, 30 * SECOND);
	} else {
		outcome_fini(&d->commit.out);
	}
	d->commit = (struct commit){0};
}

static void start(struct story *s)
{
	struct daemon *d = &s->d;

	if (!database_is_up(s)) {
		d->starts = s->db.away_until;
		return;
	}
	d->alive = true;
	d->instance++;
	d->r = release_through_json(s->db.r);
	if (s->db.checkpoint) {
		if (!checkpoint_from_json(s->db.checkpoint, &d->c))
			fail(s, "the saved checkpoint cannot be read");
	} else {
		d->c.gates = calloc(s->policy->ngates + 1, sizeof(*d->c.gates));
		d->c.ngates = s->policy->ngates;
	}
	d->c.fresh_rounds = 0;
	checkpoint_follow(&d->c, d->r);
	d->must_load = false;
	d->next_round = d->next_look = d->saved = s->now;
	say(s, "the daemon starts, knows version %d", (int)d->r->row_version);
}

static void load(struct story *s)
{
	struct daemon *d = &s->d;

	if (!database_is_up(s))
		return;
	d->must_load = false;
	if (d->r->row_version == s->db.r->row_version &&
	    strcmp(d->r->transition, s->db.r->transition) == 0)
		return;
	release_free(&d->r);
	d->r = release_copy(s->db.r);
	checkpoint_follow(&d->c, d->r);
}

/* --- commits ------------------------------------------------------------------------------- */

static void send_commit(struct story *s, struct commit *c, struct outcome *take, int64_t expected,
                        bool by_person)
{
	char id[RELEASE_UUID_TEXT];
	struct err err;

	(void)snprintf(id, sizeof(id), "00000000-0000-0000-%04u-%012llu", s->transitions % 10000,
	               (unsigned long long)(dice(s, UINT64_C(999999999999))));
	if (!outcome_stamp(take, id, &err))
		fail(s, "%s", err.text);
	*c = (struct commit){.under_way = true, .out = *take, .expected = expected};
	*take = (struct outcome){0};
	c->by_person = by_person;
	c->lost = chance(s, s->losses ? s->losses * 4 : 0);
	c->arrives = s->now + (s->healthy ? 0 : delay(s, chance(s, 8) ? 3000 : 30));
	c->answers = NEVER;
}

/* The statement's way: arrives or not, answered or not. True once nobody waits for it any more. */
static bool carry(struct story *s, struct commit *c)
{
	if (!c->applied && c->arrives <= s->now) {
		c->applied = true;
		c->took = !c->lost && database_is_up(s) && database_commit(s, c);
		c->lost |= !database_is_up(s) || chance(s, s->losses ? s->losses * 4 : 0);
		c->answers = s->now + (c->lost ? DOUBT_MS : s->healthy ? 0 : delay(s, 30));
	}
	return c->applied && c->answers <= s->now;
}

static void answered(struct story *s)
{
	struct daemon *d = &s->d;
	struct commit *c = &d->commit;

	if (chance(s, s->crashes)) {
		daemon_crash(s, "after the commit, before memory");
		return;
	}
	c->under_way = false;
	if (c->lost || !c->took) {
		d->must_load = true;
	} else {
		release_free(&d->r);
		d->r = c->out.next;
		c->out.next = NULL;
		checkpoint_follow(&d->c, d->r);
		if (c->by_person && c->out.decision.event == EVENT_ROLLBACK)
			s->wants_rollback = false;
	}
	d->next_look = s->now;
	outcome_fini(&c->out);
}

/* --- deciding ------------------------------------------------------------------------------ */

static void facts_of(struct story *s, struct release_facts *f)
{
	struct daemon *d = &s->d;

	if (database_is_up(s) && d->r->row_version == s->db.r->row_version)
		database_facts(s, d->r, &d->outbox);
	*f = d->outbox;
	f->now.ms = s->now;
	f->pair_free = true;
	f->frozen = s->db.frozen;
	f->freeze_reason = "because";
	f->evaluation = d->e;
}

static void decide(struct story *s)
{
	struct daemon *d = &s->d;
	struct release_facts facts;
	struct event event;
	struct outcome out;

	if (!d->alive || d->commit.under_way || d->must_load || !database_is_up(s))
		return;
	facts_of(s, &facts);
	if (!release_due(d->r, &d->c, s->policy, &facts, &event))
		return;
	release_step(d->r, &d->c, s->policy, &event, &facts, &out);
	json_decref((json_t *)(uintptr_t)event.detail);
	if (out.refused != REFUSED_NONE)
		fail(s, "%s is due and refused: %s", release_event_names[event.kind], out.text);
	else if (oracle_advance(s, &out) && chance(s, s->crashes))
		daemon_crash(s, "before the commit");
	else if (!s->failed)
		send_commit(s, &d->commit, &out, d->r->row_version, false);
	outcome_fini(&out);
}

/* What a person says, to the daemon or to another instance. False: nobody could take it. */
bool daemon_submit(struct story *s, const struct event *event)
{
	struct daemon *d = &s->d;
	bool by_peer = !d->alive || chance(s, 3);
	struct commit *c = by_peer ? &s->peer : &d->commit;
	const struct release *r = by_peer ? s->db.r : d->r;
	struct release_facts facts = {.now = {s->now}, .pair_free = true};
	struct outcome out;

	if (c->under_way || !database_is_up(s) || (!by_peer && d->must_load))
		return false;
	if (by_peer) {
		database_facts(s, r, &facts);
		facts.now.ms = s->now;
		facts.pair_free = true;
		facts.frozen = s->db.frozen;
		facts.freeze_reason = "because";
	} else {
		facts_of(s, &facts);
	}
	release_step(r, by_peer ? NULL : &d->c, s->policy, event, &facts, &out);
	say(s, "%s says %s: %s", event->by.subject, release_event_names[event->kind],
	    out.refused == REFUSED_NONE ? "yes" : out.text);
	/* What it was refused for may be old; a rollback is asked again (see people.c). */
	if (out.refused == REFUSED_NONE)
		send_commit(s, c, &out, r->row_version, true);
	else if (event->kind == EVENT_ROLLBACK && r->row_version == s->db.r->row_version)
		s->wants_rollback = false;
	outcome_fini(&out);
	return true;
}

/* --- evaluating ---------------------------------------------------------------------------- */

static void read_kpi(struct story *s, size_t kpi, struct kpi_reading *out)
{
	*out = (struct kpi_reading){.result = GATE_PASS,
	                            .covered = true,
	                            .newest = {s->now},
	                            .targets = 1,
	                            .targets_good = 1,
	                            .targets_covered = 1};
	out->value = kpi == 0 ? 0.001 : 0.1;
	(void)snprintf(out->why, sizeof(out->why), "so it is");
	switch (s->mood) {
	case MOOD_BAD:
		out->value = kpi == 0 ? 0.03 : 0.9;
		break;
	case MOOD_WORSE:
		out->value = kpi == 0 ? 0.2 : 0.1;
		break;
	case MOOD_SILENT:
		out->result = kpi == 0 ? GATE_NO_DATA : GATE_STALE;
		break;
	case MOOD_ABSURD:
		out->value = kpi == 0 ? (double)NAN : (double)INFINITY;
		break;
	case MOOD_GOOD:
	case MOOD_COUNT:
		break;
	}
}

static void evaluate(struct story *s)
{
	struct daemon *d = &s->d;
	struct kpi_reading readings[KPIS];
	const struct gate_probe *probes[KPIS] = {NULL};
	const struct gate_alerts *alerts[KPIS] = {NULL};
	size_t nprobes[KPIS] = {0};
	struct gate_evidence evidence = {.at = {s->now},
	                                 .evaluate_every_ms = EVERY,
	                                 .kpis = readings,
	                                 .kpi_list = s->policy->kpis,
	                                 .nkpis = KPIS,
	                                 .probes = probes,
	                                 .nprobes = nprobes,
	                                 .alerts = alerts};
	int64_t observed = d->c.observed_ms;
	enum verdict before = d->e ? d->e->verdict : VERDICT_PASS;
	struct evaluation *e = NULL;
	struct err err;

	for (size_t i = 0; i < KPIS; i++)
		read_kpi(s, i, &readings[i]);
	e = release_evaluate(d->r, s->policy, &evidence, &d->c, &err);
	if (!e) {
		fail(s, "%s", err.text);
		return;
	}
	evaluation_free(&d->e);
	d->e = e;
	oracle_evaluation(s, observed);
	if (database_is_up(s) && (e->verdict != before || s->now - d->saved >= SAVE_MS)) {
		json_decref(s->db.checkpoint);
		s->db.checkpoint = field_encode(&checkpoint_table, &d->c);
		d->saved = s->now;
	}
}

static bool is_evaluated(enum release_state state)
{
	return state == RELEASE_PLANNED || state == RELEASE_RUNNING || state == RELEASE_PAUSED ||
	       state == RELEASE_STABILISING;
}

static void peer_answered(struct story *s)
{
	struct commit *c = &s->peer;

	c->under_way = false;
	if (c->took && !c->lost && c->out.decision.event == EVENT_ROLLBACK)
		s->wants_rollback = false;
	outcome_fini(&c->out);
}

void daemon_run(struct story *s)
{
	struct daemon *d = &s->d;

	if (s->peer.under_way && carry(s, &s->peer))
		peer_answered(s);
	if (s->ghost.under_way && carry(s, &s->ghost)) {
		s->ghost.under_way = false; /* nobody hears the answer */
		outcome_fini(&s->ghost.out);
	}
	if (d->commit.under_way && carry(s, &d->commit))
		answered(s);
	if (!d->alive && d->starts <= s->now)
		start(s);
	if (!d->alive || s->failed)
		return;
	if (d->next_round <= s->now && !d->commit.under_way) {
		d->next_round = s->now + EVERY;
		if (is_evaluated(d->r->state))
			evaluate(s);
		d->next_look = s->now;
	}
	if (d->next_look <= s->now) {
		d->next_look = s->now + SECOND + delay(s, 4 * SECOND);
		if (!d->commit.under_way && (d->must_load || s->healthy || chance(s, 2)))
			load(s);
		if (chance(s, 30))
			oracle_way_back(s);
		decide(s);
	}
}

int64_t daemon_next(const struct story *s)
{
	const struct daemon *d = &s->d;
	const struct commit *const commits[] = {&s->peer, &s->ghost, &d->commit};
	int64_t next = d->alive ? d->next_look : d->starts;

	for (size_t i = 0; i < ARRAY_LEN(commits); i++) {
		const struct commit *c = commits[i];
		int64_t at = c->applied ? c->answers : c->arrives;

		if (c->under_way && at < next)
			next = at;
	}
	if (d->alive && !d->commit.under_way && d->next_round < next)
		next = d->next_round;
	return next;
}
