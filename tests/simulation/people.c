/*
 * people - while things go wrong they say whatever comes to mind; once things are well they clear
 * up, so that every story can end.
 */
#include "simulation.h"

#include <stdio.h>

static const char *const roles[] = {"release_manager"};
static const struct actor ann = {
        .subject = "ann", .person = "ann", .origin = "10.0.0.1", .roles = roles, .nroles = 1};
static const char *const options[] = {NULL, "kill_switch", "previous_version", "by_hand"};

static void submit(struct story *s, struct event *e)
{
	e->by = ann;
	if (!e->reason)
		e->reason = "so be it";
	(void)daemon_submit(s, e);
}

/* What is said to be done by hand is done, and no sooner than late requests have arrived. */
static bool carry_out(struct story *s)
{
	const struct rollback_progress *b = &s->db.r->rollback;

	if (chance(s, 2) || !b->active || b->option < 0 ||
	    !s->policy->rollback.options[b->option].manual || s->now - b->option_since.ms < MINUTE)
		return false;
	for (size_t i = 0; i < DESTINATIONS; i++)
		s->receivers[i].weight = 0;
	s->by_hand = true;
	submit(s, &(struct event){.kind = EVENT_ACK});
	return true;
}

/* Somebody who was called says so; what is to be done by hand is not done by that. */
static void take_over(struct story *s)
{
	const struct release *r = s->db.r;
	char cause[320];

	if (r->ncalls == 0)
		return;
	(void)snprintf(cause, sizeof(cause), "%s", r->calls[dice(s, r->ncalls)].cause);
	submit(s, &(struct event){.kind = EVENT_ACK, .hold = cause});
}

/* Rule A5: the next one that the release has not taken account of, now and then for the second time
 * or before its forerunner. Whoever takes it may know an older release. */
static void report(struct story *s)
{
	static const enum incident_severity severities[] = {INCIDENT_P0, INCIDENT_P1, INCIDENT_P2,
	                                                    INCIDENT_P3};
	int64_t applied = s->db.r->incident_applied;
	struct event e = {.kind = EVENT_INCIDENT,
	                  .reason = "it is down",
	                  .hold = "7",
	                  .severity = severities[dice(s, ARRAY_LEN(severities))],
	                  .incident = applied + (chance(s, 6)   ? 0
	                                         : chance(s, 6) ? 2
	                                                        : 1)};

	e.incident_after = e.incident > 0 ? e.incident - 1 : 0;
	submit(s, &e);
}

static void meddle(struct story *s)
{
	/* clang-format off */
	static const enum release_event verbs[] = {
		EVENT_PAUSE, EVENT_PAUSE, EVENT_RESUME, EVENT_RESUME, EVENT_RESUME, EVENT_PROMOTE,
		EVENT_RETRY, EVENT_NOTE, EVENT_ACK, EVENT_CANCEL, EVENT_WAIVE,
	};
	/* clang-format on */
	struct event e = {.kind = verbs[dice(s, ARRAY_LEN(verbs))], .gate = "latency"};
	bool is_back = s->db.r->rollback.active;

	if (chance(s, 12)) {
		report(s);
		return;
	}
	if (e.kind == EVENT_ACK) {
		if (!carry_out(s))
			take_over(s);
		return;
	}
	if (e.kind != EVENT_WAIVE)
		e.gate = NULL;
	if (e.kind == EVENT_PAUSE && chance(s, 3))
		e.expires.ms = s->now + delay(s, 2 * MINUTE);
	if (chance(s, is_back || s->db.r->step == STEP_ENTERING ? 3 : 8)) {
		e = (struct event){.kind = EVENT_ROLLBACK};
		if (is_back)
			e.option = options[dice(s, ARRAY_LEN(options))];
		else
			s->wants_rollback = true;
	}
	submit(s, &e);
}

static void help(struct story *s)
{
	const struct release *r = s->db.r;
	struct event e = {.kind = EVENT_NOTE};

	if (carry_out(s))
		return;
	if (r->state == RELEASE_PAUSED || r->state == RELEASE_PLANNED)
		e.kind = EVENT_RESUME;
	else if (r->state == RELEASE_FAILED)
		e = (struct event){.kind = chance(s, 3) ? EVENT_RESOLVE : EVENT_RETRY,
		                   .live_version = "1.3.0"};
	else if (r->state == RELEASE_RUNNING && r->step == STEP_ENTERING)
		e.kind = EVENT_RETRY;
	else
		return;
	submit(s, &e);
}

/* Who wants a rollback asks until told that it is so. */
void people_speak(struct story *s)
{
	if (s->wants_rollback)
		submit(s, &(struct event){.kind = EVENT_ROLLBACK});
	else if (s->healthy)
		help(s);
	else
		meddle(s);
	if (s->wants_rollback)
		s->next_word = s->now + SECOND + delay(s, 3 * SECOND);
	else
		s->next_word = s->now + (s->healthy ? 20 * SECOND : 5 * SECOND) +
		               delay(s, s->healthy ? SECOND : 90 * SECOND);
}
