/*
 * incidents - what was reported is put to the release it is about, through the door (rule A5).
 *
 * The table is the truth. The row is committed first; then the instance that took it asks for what
 * its release has not taken account of and hands that over, in order. The owner asks the same for
 * all releases at each poll and after a takeover, so a crash in between loses nothing. Handing one
 * over twice is harmless: the release knows the number of the newest it took account of.
 */
#include "engine/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "failpoint.h"
#include "log.h"

/* Older ones than the last look are asked for again: one that is still committing carries an
 * earlier time. */
#define OVERLAP_MS 60000

struct handed {
	struct engine *engine;
	int64_t release_id;
};

static void handed_over(void *ctx, const struct door_reply *reply)
{
	struct handed *h = ctx;
	struct tracked *t = registry_find(h->engine, h->release_id);

	if (t != NULL && t->incidents_queued > 0)
		t->incidents_queued--;
	if (reply->answer != DOOR_DONE && reply->answer != DOOR_REPEAT)
		log_line(LOG_DEBUG, "incident_not_applied", "release=%" PRId64 " why=%s",
		         h->release_id, log_quote(reply->text));
	free(h); /* what was not applied is found again at the next look */
}

/* "P0 reported by ann: claims fail (https://...)" */
static void say_reason(const struct store_incident *row, char *out, size_t size)
{
	snprintf(out, size, "%s reported by %s: %s%s%s%s", incident_severity_names[row->severity],
	         row->reported_by, row->title, row->link != NULL ? " (" : "",
	         row->link != NULL ? row->link : "", row->link != NULL ? ")" : "");
}

static bool hand_over(struct engine *e, struct tracked *t, const struct store_incident *row)
{
	char number[24], reason[RELEASE_MAX_REASON];
	struct err err = {.code = ERR_NONE};
	struct handed *h = calloc(1, sizeof(*h));
	struct event event = {.kind = EVENT_INCIDENT,
	                      .by = {.subject = "headgate", .origin = "incident"},
	                      .reason = reason,
	                      .hold = number,
	                      .severity = row->severity,
	                      .incident = row->id,
	                      .incident_after = row->after};

	if (h == NULL)
		return false;
	*h = (struct handed){.engine = e, .release_id = t->release->id};
	snprintf(number, sizeof(number), "%" PRId64, row->id);
	say_reason(row, reason, sizeof(reason));
	text_mend_cut(reason, sizeof(reason));
	if (!door_submit(e, t->release->id, &event, NULL, 0, handed_over, h, &err)) {
		free(h);
		return false;
	}
	t->incidents_queued++;
	t->incident_handed = row->id;
	return true;
}

/* What is on its way is not handed over once more; one of before it, that failed, follows when the
 * way is clear. */
static bool is_wanted(const struct tracked *t, const struct store_incident *row)
{
	return row->id > t->release->incident_applied &&
	       t->incidents_queued < ENGINE_INCIDENTS_MAX &&
	       (t->incidents_queued == 0 || row->id > t->incident_handed);
}

/* In the order of their numbers; behind one that cannot be handed over, no other is. */
static void hand_over_all(struct engine *e, const struct store_incident *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct tracked *t = registry_find(e, rows[i].release_id);

		if (t != NULL && is_wanted(t, &rows[i]) && !hand_over(e, t, &rows[i]))
			return;
	}
}

/* What came back is open still, so the next look begins there. */
static void all_answered(void *ctx, const struct store_incident *rows, size_t n,
                         const struct err *err)
{
	struct engine *e = ctx;

	e->incidents_asking = false;
	if (err != NULL)
		return;
	e->incidents_since.ms = n > 0 ? rows[0].at.ms - 1 : e->incidents_asked.ms - OVERLAP_MS;
	hand_over_all(e, rows, n);
}

static void one_answered(void *ctx, const struct store_incident *rows, size_t n,
                         const struct err *err)
{
	if (err == NULL)
		hand_over_all(ctx, rows, n);
}

void incidents_poll(struct engine *e)
{
	struct err err;

	if (!e->owner || !e->store_up || e->incidents_asking)
		return;
	e->incidents_asked = loop_now(e->app->loop).wall;
	e->incidents_asking =
	        store_incidents_open(e->app->store, e->incidents_since, 0, all_answered, e, &err);
}

void incidents_restart(struct engine *e)
{
	e->incidents_since = (struct wall){0};
	e->incidents_asking = false;
}

/* --- reporting --- */

struct report {
	struct engine *engine;
	store_report_fn fn;
	void *ctx;
};

static void reported(void *ctx, const struct store_reported *found, const struct err *err)
{
	struct report *report = ctx;
	struct engine *e = report->engine;
	struct err none;

	if (found != NULL && found->created)
		FAILPOINT(INCIDENT_AFTER_COMMIT);
	report->fn(report->ctx, found, err);
	/* Not asked twice: the owner's poll does it anyway. */
	if (found != NULL && found->created && found->release_id != 0)
		(void)!store_incidents_open(e->app->store, (struct wall){0}, found->release_id,
		                            one_answered, e, &none);
	free(report);
}

bool engine_report_incident(struct engine *e, const struct store_report *incident,
                            store_report_fn fn, void *ctx, struct err *err)
{
	struct report *report = calloc(1, sizeof(*report));

	if (report == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an incident");
	*report = (struct report){.engine = e, .fn = fn, .ctx = ctx};
	if (!store_report_incident(e->app->store, incident, reported, report, err)) {
		free(report);
		return false;
	}
	return true;
}
