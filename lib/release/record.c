/*
 * record - incidents: what one that was reported does to a release (rule A5), and what a rollback
 * leaves to be written down before the pair's next: root cause, impact and restore point (rule A6).
 *
 * The first time all three are given; later calls replace those they give.
 */
#include "release/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

#define PARTS 3

struct part {
	const char *name, *pointer, *given;
	char **kept;
};

static void parts_of(struct release *r, const struct event *e, struct part out[PARTS])
{
	out[0] = (struct part){"root_cause", "/root_cause", e->root_cause, &r->record.root_cause};
	out[1] = (struct part){"impact", "/impact", e->impact, &r->record.impact};
	out[2] = (struct part){"restore_point", "/restore_point", e->restore_point,
	                       &r->record.restore_point};
}

bool refine_incident_record(struct question *q, struct outcome *out)
{
	struct release kept = {.record = q->r->record}; /* only read */
	struct part parts[PARTS];
	bool is_new = false;

	if (q->any_actor)
		return true;
	parts_of(&kept, &q->e, parts);
	for (size_t i = 0; i < PARTS; i++) {
		const char *text = parts[i].given ? parts[i].given : *parts[i].kept;

		if (str_trim(str_of(text)).n == 0)
			return refuse(out, REFUSED_INVALID, parts[i].pointer,
			              "an incident record says root_cause, impact and "
			              "restore_point: %s is missing",
			              parts[i].name);
		if (strlen(text) > RELEASE_MAX_REASON)
			return refuse(out, REFUSED_INVALID, parts[i].pointer, "at most %d bytes",
			              RELEASE_MAX_REASON);
		is_new |= !*parts[i].kept || strcmp(*parts[i].kept, text) != 0;
	}
	return is_new || refuse(out, REFUSED_REPEAT, NULL, "it is recorded already");
}

/* Where nothing is exposed there is nothing to roll back; on the way back nothing is paused. Beyond
 * RELEASE_MAX_HOLDS no hold is added to what is paused already; people are called all the same. */
static enum release_event answer_to(const struct question *q)
{
	bool is_moving = q->r->state == RELEASE_RUNNING || q->r->state == RELEASE_PAUSED;
	bool is_full = q->r->state == RELEASE_PAUSED && q->r->nholds >= RELEASE_MAX_HOLDS;
	enum release_event call = is_full ? EVENT_INCIDENT_CALL_FULL : EVENT_INCIDENT_CALL;

	switch (q->e.severity) {
	case INCIDENT_P0:
		if (is_moving && q->r->exposed)
			return EVENT_INCIDENT_ROLLBACK;
		return call;
	case INCIDENT_P1:
		return call;
	case INCIDENT_P2:
		return is_moving && !is_full ? EVENT_INCIDENT_PAUSE : EVENT_INCIDENT;
	case INCIDENT_P3:
	case INCIDENT_SEVERITY_COUNT:
		break;
	}
	return EVENT_INCIDENT;
}

/* Whoever reads them from the table hands them over in their order; one that was handed over twice
 * is known by its number, and one whose forerunner is missing waits for it. */
bool refine_incident(struct question *q, struct outcome *out)
{
	if (q->e.incident <= q->r->incident_applied)
		return refuse(out, REFUSED_REPEAT, NULL, "incident %lld is known already",
		              (long long)q->e.incident);
	if (q->e.incident_after > q->r->incident_applied)
		return refuse(out, REFUSED_STATE, NULL, "incident %lld comes first",
		              (long long)q->e.incident_after);
	q->e.kind = answer_to(q);
	return true;
}

static bool replace(char **at, const char *text)
{
	char *copy = text_dup(text);

	if (!copy)
		return false;
	free(*at);
	*at = copy;
	return true;
}

bool incident_record(struct release *next, const struct question *q)
{
	struct part parts[PARTS];

	parts_of(next, &q->e, parts);
	for (size_t i = 0; i < PARTS; i++) {
		if (parts[i].given && !replace(parts[i].kept, parts[i].given))
			return false;
	}
	next->record.at = q->f->now;
	return replace(&next->record.subject, actor_person(&q->e.by));
}

void reentry_sentence(const struct question *q, bool record, char *out, size_t size)
{
	static const char open[] = "re-entry after the last rollback is open";
	const struct release_facts *f = q->f;

	if (record)
		(void)snprintf(out, size,
		               "%s: release %lld has no incident record: curl -H \"Authorization: "
		               "Bearer $TOKEN\" -d root_cause=... -d impact=... -d "
		               "restore_point=... $HEADGATE/v1/releases/%lld/incident",
		               open, (long long)f->reentry_release, (long long)f->reentry_release);
	else
		(void)snprintf(out, size, "%s%s%s", open, f->reentry_missing ? ": " : "",
		               f->reentry_missing ? f->reentry_missing : "");
}
