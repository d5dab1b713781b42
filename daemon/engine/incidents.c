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

/* --- what gates count --- */

#define LOOK_AHEAD_MS 1000 /* of a round: its answer should be there by then */

struct look {
	struct engine *engine;
	int64_t release_id;
	struct wall asked;
	int64_t reach_ms;
};

static bool keep_row(const struct store_incident *row, struct gate_incident *out)
{
	*out = (struct gate_incident){
	        .id = row->id, .severity = row->severity, .key = text_dup(row->key), .at = row->at};
	return out->key != NULL || row->key == NULL;
}

/* All or nothing: half of the rows would read as fewer incidents. */
static bool keep_rows(const struct store_incident *rows, size_t n, const struct look *look,
                      struct gate_incidents *out)
{
	struct gate_incidents fresh = {.known = true,
	                               .asked = look->asked,
	                               .reach_ms = look->reach_ms,
	                               .is_cut = n > GATE_INCIDENTS_MAX,
	                               .list = calloc(n + 1, sizeof(*fresh.list))};

	n = n > GATE_INCIDENTS_MAX ? GATE_INCIDENTS_MAX : n;

	while (fresh.list != NULL && fresh.n < n) {
		if (!keep_row(&rows[fresh.n], &fresh.list[fresh.n])) {
			gate_incidents_clear(&fresh);
			return false;
		}
		fresh.n++;
	}
	if (fresh.list == NULL)
		return false;
	gate_incidents_clear(out);
	*out = fresh;
	return true;
}

static void looked(void *ctx, const struct store_incident *rows, size_t n, const struct err *err)
{
	struct look *look = ctx;
	struct tracked *t = registry_find(look->engine, look->release_id);

	if (t != NULL) {
		t->incidents_asking = false;
		if (err != NULL)
			snprintf(t->incidents.why, sizeof(t->incidents.why), "%.150s", err->text);
		else if (!keep_rows(rows, n, look, &t->incidents))
			snprintf(t->incidents.why, sizeof(t->incidents.why),
			         "no memory for the incidents of the service");
	}
	free(look);
}

static int64_t reach_ms(const struct policy *p)
{
	int64_t reach = 0;

	for (size_t i = 0; i < p->ngates; i++)
		if (gate_incidents_reach_ms(&p->gates[i]) > reach)
			reach = gate_incidents_reach_ms(&p->gates[i]);
	return reach;
}

/* Once a round. */
static bool look_is_due(const struct engine *e, const struct tracked *t)
{
	int64_t now_ms = loop_now(e->app->loop).wall.ms;
	int64_t since_ms = now_ms - t->incidents_asked.ms;

	if (since_ms < 0 || t->incidents_asked.ms == 0)
		return true;
	return t->next_round.ms - now_ms <= LOOK_AHEAD_MS &&
	       since_ms >= t->bound->evaluate_every_ms - LOOK_AHEAD_MS / 5;
}

void incidents_look(struct engine *e, struct tracked *t)
{
	struct err err = {.code = ERR_NONE};
	struct look *look;
	int64_t reach;

	if (!e->owner || !e->store_up || t->subscription == NULL || t->bound == NULL ||
	    t->incidents_asking || !look_is_due(e, t))
		return;
	t->incidents_asked = loop_now(e->app->loop).wall;
	reach = reach_ms(t->bound);
	look = reach > 0 ? calloc(1, sizeof(*look)) : NULL;
	if (look == NULL)
		return;
	*look = (struct look){.engine = e,
	                      .release_id = t->release->id,
	                      .asked = t->incidents_asked,
	                      .reach_ms = reach};
	t->incidents_asking = store_incidents_of(
	        e->app->store, t->release->service, t->release->environment,
	        (struct wall){look->asked.ms - reach}, GATE_INCIDENTS_MAX + 1, looked, look, &err);
	if (!t->incidents_asking)
		free(look);
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
