/*
 * addressed - alerts a person has taken care of, for this release (rule A4): they fire on and count
 * no more.
 */
#include "release/rules.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gate/alert_list.h"
#include "gate/alerts.h"

static const struct gate_addressed *find(const struct release *r, const char *fingerprint)
{
	for (size_t i = 0; i < r->naddressed; i++) {
		if (strcmp(r->addressed[i].fingerprint, fingerprint) == 0)
			return &r->addressed[i];
	}
	return NULL;
}

/* Whether some gate shows it, or may know of it: one without an answer, or with more than it shows.
 */
static bool may_fire(const struct question *q, const char *fingerprint)
{
	const struct evaluation *e = q->f->evaluation;
	const struct gate_addressed asked = {.fingerprint = (char *)(uintptr_t)fingerprint};

	for (size_t i = 0; i < q->p->ngates; i++) {
		const json_t *shown = e && e->alerts && i < e->ngates ? e->alerts[i] : NULL;

		if (q->p->gates[i].kind != &gate_alerts)
			continue;
		if (!shown || json_array_size(shown) >= ALERT_LIST_SHOWN ||
		    alert_list_addressed(shown, &asked, 1) > 0)
			return true;
	}
	return false;
}

bool refine_address(struct question *q, struct outcome *out)
{
	const struct gate_addressed *known;

	if (q->e.hold)
		return refuse(out, REFUSED_INVALID, "/alert",
		              "one at a time: name a hold or an alert");
	if (!alert_fingerprint_is_fine(q->e.alert))
		return refuse(out, REFUSED_INVALID, "/alert",
		              "is no fingerprint: 1 to %d letters and digits, as `alerts` of the "
		              "gate shows it",
		              ALERT_FINGERPRINT_TEXT - 1);
	if (!q->e.by.person)
		return refuse(out, REFUSED_DENIED, NULL,
		              "a person takes care of an alert: send \"author\"");
	known = find(q->r, q->e.alert);
	if (known)
		return refuse(out, REFUSED_REPEAT, NULL, "alert %s is addressed already by %s",
		              known->fingerprint, known->subject);
	if (!may_fire(q, q->e.alert))
		return refuse(out, REFUSED_INVALID, "/alert",
		              "no gate of the release knows of an alert %s that fires", q->e.alert);
	if (q->r->naddressed >= RELEASE_MAX_ADDRESSED)
		return refuse(out, REFUSED_STATE, NULL,
		              "the release has %d addressed alerts, no more fit",
		              RELEASE_MAX_ADDRESSED);
	return true;
}

bool record_address(struct release *next, const struct question *q)
{
	struct gate_addressed *grown =
	        realloc(next->addressed, (next->naddressed + 1) * sizeof(*grown));
	struct gate_addressed *a = NULL;

	if (!grown)
		return false;
	next->addressed = grown;
	a = &grown[next->naddressed++];
	*a = (struct gate_addressed){.fingerprint = text_dup(q->e.alert),
	                             .subject = text_dup(q->e.by.person),
	                             .reason = text_dup(q->e.reason),
	                             .at = q->f->now};
	return a->fingerprint && a->subject && (a->reason || !q->e.reason);
}

bool alerts_wait_for_somebody(const struct question *q)
{
	const struct evaluation *e = q->f->evaluation;

	for (size_t i = 0; e && e->alerts && i < e->ngates; i++) {
		size_t n = json_array_size(e->alerts[i]);

		if (n > alert_list_addressed(e->alerts[i], q->r->addressed, q->r->naddressed))
			return true;
	}
	return false;
}
