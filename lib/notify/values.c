#include "notify/values.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"

/* clang-format off */
const char *const notify_placeholders[] = {
	"service", "environment", "version", "stable_version",
	"event.name", "event.milestone", "event.severity", "event.status", "event.text", "event.reason", "event.actor",
	"event.role", "event.cause", "event.level", "event.dedup_key", "event.at", "event.since", "event.wave",
	"event.waves", "event.url", "event.held_back",
	"release.id", "release.service", "release.environment", "release.version", "release.stable_version",
	"release.attempt", "release.state", "release.step", "release.stage", "release.weight", "release.wave",
	"release.policy", "release.row_version", "release.author", "release.ticket", "release.artifact", "release.url",
	"links.x", "kpis.x", "comparison.x", NULL
};
/* clang-format on */

/* An object under construction that remembers a failure; what is NULL is left out. */
struct object {
	json_t *json;
	bool ok;
};

static void put(struct object *o, const char *key, json_t *value_take)
{
	o->ok = json_object_set_new(o->json, key, value_take) == 0 && o->ok;
}

static void put_text(struct object *o, const char *key, const char *text)
{
	if (text)
		put(o, key, json_string(text));
}

/* In a body what there is nothing to say of is null. */
static void put_member(struct object *o, const char *key, const char *text)
{
	put(o, key, text && text[0] != '\0' ? json_string(text) : json_null());
}

static void put_instant(struct object *o, const char *key, struct wall at)
{
	char text[UNITS_TEXT_MAX];

	if (at.ms <= 0)
		return;
	instant_format(at, text);
	put_text(o, key, text);
}

static json_t *finish(struct object *o)
{
	if (!o->ok) {
		json_decref(o->json);
		o->json = NULL;
	}
	return o->json;
}

/* --- single values --- */

static const struct policy_stage *present_stage(const struct telling *t)
{
	const struct notify_moment *m = t->job->moment;

	return m->next->state == RELEASE_PLANNED ? NULL : release_stage(m->next, m->policy);
}

static int64_t count_waves(const struct policy *p, size_t stages)
{
	int64_t n = 0;

	for (size_t i = 0; i < stages && i < p->nstages; i++)
		n += p->stages[i].kind == STAGE_ROLLOUT;
	return n;
}

/* 0: the present stage is no wave. */
static int64_t present_wave(const struct telling *t)
{
	const struct policy_stage *stage = present_stage(t);

	if (!stage || stage->kind != STAGE_ROLLOUT)
		return 0;
	return count_waves(t->job->moment->policy, (size_t)t->job->moment->next->stage + 1);
}

/* As much of it as the release keeps: a rollback's may be of any length (rule R1), and a path or a
 * header that holds it would be too long to be sent. NULL: none. */
static const char *reason_of(const struct telling *t, char out[RELEASE_MAX_REASON + 1])
{
	const struct notify_moment *m = t->job->moment;
	const char *reason = m->reason;

	if (!reason || reason[0] == '\0')
		reason = m->next->rollback.active ? m->next->rollback.reason : NULL;
	if (!reason)
		return NULL;
	(void)snprintf(out, RELEASE_MAX_REASON + 1, "%s", reason);
	text_mend_cut(out, RELEASE_MAX_REASON + 1);
	return out;
}

static const char *actor_of(const struct telling *t)
{
	const struct actor *by = t->job->moment->by;

	if (!by)
		return NULL;
	return by->person ? by->person : by->subject;
}

static bool is_of_outage(const struct telling *t)
{
	enum milestone what = t->notice->milestone;

	return t->job->outage && t->job->outage->address &&
	       (what == MILESTONE_HELD || what == MILESTONE_EVIDENCE_BACK);
}

static int outage_text(const struct telling *t, char *out, size_t size)
{
	const struct notify_outage *o = t->job->outage;
	bool is_back = t->notice->milestone == MILESTONE_EVIDENCE_BACK;
	char since[UNITS_TEXT_MAX];

	instant_format(o->since, since);
	return snprintf(out, size,
	                is_back ? "source %s (%s) answers again, it was down since %s: %zu "
	                          "release%s hung on it"
	                        : "source %s (%s) is down since %s: no evidence, %zu release%s "
	                          "hang%s on it; later ones are not told again",
	                o->source, o->address, since, o->releases, o->releases == 1 ? "" : "s",
	                o->releases == 1 ? "s" : "");
}

void telling_text(const struct telling *t, char out[TELLING_TEXT_BYTES])
{
	const struct decision *d = t->job->moment->decision;
	const char *words = d->text ? d->text : d->why;
	int n = 0;

	if (t->notice->call)
		words = t->notice->call->text;
	if (is_of_outage(t))
		n = outage_text(t, out, TELLING_TEXT_BYTES);
	else
		n = snprintf(out, TELLING_TEXT_BYTES, "%.*s", RELEASE_MAX_REASON + 1200,
		             words ? words : "");
	if (t->held_back > 0 && n >= 0 && n < TELLING_TEXT_BYTES)
		(void)snprintf(out + n, TELLING_TEXT_BYTES - (size_t)n,
		               " (%" PRId64 " earlier message%s held back)", t->held_back,
		               t->held_back == 1 ? " was" : "s were");
	text_mend_cut(out, TELLING_TEXT_BYTES);
}

void telling_key(const struct telling *t, char out[TELLING_KEY_BYTES])
{
	const struct release *r = t->job->moment->next;
	char since[UNITS_TEXT_MAX];

	if (t->notice->call) {
		instant_format(t->notice->call->since, since);
		(void)snprintf(out, TELLING_KEY_BYTES, "%" PRId64 ":%.320s:%s", r->id,
		               t->notice->call->cause, since);
	} else {
		(void)snprintf(out, TELLING_KEY_BYTES, "%" PRId64 ":%" PRId64 ":%s", r->id,
		               r->row_version, t->event ? t->event : "");
	}
	text_mend_cut(out, TELLING_KEY_BYTES);
}

struct wall telling_since(const struct telling *t)
{
	if (t->notice->call)
		return t->notice->call->since;
	if (is_of_outage(t))
		return t->job->outage->since;
	return t->job->moment->next->updated_at;
}

/* "firing" and "resolved" as of an alert; NULL for what just happens. */
static const char *status_of(const struct telling *t)
{
	switch ((int)t->notice->milestone) {
	case MILESTONE_CALLED:
		return "firing";
	case MILESTONE_CALLED_OFF:
		return "resolved";
	default:
		return NULL;
	}
}

/* False: nobody said where the API is reached. */
static bool release_url(const struct telling *t, char *out, size_t size)
{
	struct str root = str_of(t->job->public_url);

	while (root.n > 0 && root.p[root.n - 1] == '/')
		root.n--;
	if (root.n == 0)
		return false;
	(void)snprintf(out, size, "%.*s/v1/releases/%" PRId64, (int)root.n, root.p,
	               t->job->moment->next->id);
	return true;
}

/* --- for templates --- */

static void put_event(struct object *o, const struct telling *t)
{
	const struct notify_moment *m = t->job->moment;
	char text[TELLING_TEXT_BYTES], key[TELLING_KEY_BYTES], url[1200];
	char reason[RELEASE_MAX_REASON + 1];

	telling_text(t, text);
	telling_key(t, key);
	put_text(o, "event.name", t->event);
	put_text(o, "event.milestone", milestone_names[t->notice->milestone]);
	put_text(o, "event.severity", severity_names[milestone_severity(t->notice->milestone)]);
	put_text(o, "event.status", status_of(t));
	put_text(o, "event.text", text);
	put_text(o, "event.reason", reason_of(t, reason));
	put_text(o, "event.actor", actor_of(t));
	put_text(o, "event.role", t->notice->role);
	put_text(o, "event.dedup_key", key);
	put_instant(o, "event.at", m->next->updated_at);
	put_instant(o, "event.since", telling_since(t));
	put(o, "event.waves", json_integer(count_waves(m->policy, m->policy->nstages)));
	put(o, "event.held_back", json_integer(t->held_back));
	if (t->notice->wave > 0)
		put(o, "event.wave", json_integer(t->notice->wave));
	if (t->notice->call) {
		put_text(o, "event.cause", t->notice->call->cause);
		put(o, "event.level", json_integer(t->notice->call->level));
	}
	if (release_url(t, url, sizeof(url))) {
		put_text(o, "event.url", url);
		put_text(o, "release.url", url);
	}
}

static void put_release(struct object *o, const struct telling *t)
{
	const struct release *r = t->job->moment->next;
	const struct policy_stage *stage = present_stage(t);
	const struct {
		const char *key, *value;
	} texts[] = {
	        {"service", r->service},
	        {"environment", r->environment},
	        {"version", r->version},
	        {"stable_version", r->stable_version},
	        {"release.service", r->service},
	        {"release.environment", r->environment},
	        {"release.version", r->version},
	        {"release.stable_version", r->stable_version},
	        {"release.state", release_state_names[r->state]},
	        {"release.step", stage_step_names[r->step]},
	        {"release.stage", stage ? stage->stage : NULL},
	        {"release.policy", r->policy_name},
	        {"release.author", r->author},
	        {"release.ticket", r->ticket},
	        {"release.artifact", r->artifact},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		put_text(o, texts[i].key, texts[i].value);
	put(o, "release.id", json_integer(r->id));
	put(o, "release.attempt", json_integer(r->attempt));
	put(o, "release.row_version", json_integer(r->row_version));
	if (stage && stage->weight >= 0)
		put(o, "release.weight", json_integer(stage->weight));
	if (present_wave(t) > 0)
		put(o, "release.wave", json_integer(present_wave(t)));
}

static void put_links(struct object *o, const struct telling *t)
{
	const char *name;
	json_t *value;

	json_object_foreach(t->job->moment->next->links, name, value)
	{
		char key[128];

		if (!json_is_string(value) || strlen(name) >= sizeof(key) - 8)
			continue;
		(void)snprintf(key, sizeof(key), "links.%.100s", name);
		put(o, key, json_incref(value));
	}
}

static void put_kpi_texts(struct object *o, const struct telling *t)
{
	const struct evaluation *e = t->job->moment->evaluation;
	const struct policy *p = t->job->moment->policy;

	for (size_t i = 0; e && i < e->nkpis && i < p->nkpis; i++) {
		char key[128], text[UNITS_TEXT_MAX * 2];

		if (e->kpis[i].result != GATE_PASS || !isfinite(e->kpis[i].value))
			continue;
		(void)snprintf(key, sizeof(key), "kpis.%.100s", p->kpis[i].name);
		kpi_format(e->kpis[i].value, p->kpis[i].unit, text, sizeof(text));
		put_text(o, key, text);
	}
}

/* Of a finished release: "2 % before, 2.2 % after". */
static void put_comparison_texts(struct object *o, const struct telling *t)
{
	const struct policy *p = t->job->moment->policy;
	json_t *one;
	size_t i;

	json_array_foreach(t->job->moment->next->comparison, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "kpi"));
		const struct kpi *kpi = name && p ? policy_kpi(p, name, NULL) : NULL;
		const json_t *before = json_object_get(json_object_get(one, "before"), "value");
		const json_t *after = json_object_get(json_object_get(one, "after"), "value");
		char key[128], was[64], is[64], text[160];

		if (!kpi || !json_is_number(before) || !json_is_number(after))
			continue;
		kpi_format(json_number_value(before), kpi->unit, was, sizeof(was));
		kpi_format(json_number_value(after), kpi->unit, is, sizeof(is));
		(void)snprintf(key, sizeof(key), "comparison.%.100s", name);
		(void)snprintf(text, sizeof(text), "%s before, %s after", was, is);
		put_text(o, key, text);
	}
}

json_t *telling_values(const struct telling *t)
{
	struct object o = {.json = json_object(), .ok = true};

	put_event(&o, t);
	put_release(&o, t);
	put_links(&o, t);
	put_kpi_texts(&o, t);
	put_comparison_texts(&o, t);
	return finish(&o);
}

/* --- the body without template --- */

static json_t *kpis_json(const struct telling *t)
{
	const struct evaluation *e = t->job->moment->evaluation;
	const struct policy *p = t->job->moment->policy;
	struct object o = {.json = json_object(), .ok = true};

	for (size_t i = 0; e && i < e->nkpis && i < p->nkpis; i++) {
		const struct kpi_reading *r = &e->kpis[i];
		bool is_number = r->result == GATE_PASS && isfinite(r->value);

		put(&o, p->kpis[i].name,
		    json_pack("{s:o, s:s, s:s}", "value",
		              is_number ? json_real(r->value) : json_null(), "unit",
		              kpi_unit_names[p->kpis[i].unit], "result",
		              gate_result_names[r->result]));
	}
	return finish(&o);
}

static json_t *release_json(const struct telling *t)
{
	const struct release *r = t->job->moment->next;
	const struct policy_stage *stage = present_stage(t);
	struct object o = {.json = json_object(), .ok = true};
	int64_t wave = present_wave(t);
	char url[1200];

	put(&o, "id", json_integer(r->id));
	put_member(&o, "service", r->service);
	put_member(&o, "environment", r->environment);
	put_member(&o, "version", r->version);
	put(&o, "attempt", json_integer(r->attempt));
	put_member(&o, "state", release_state_names[r->state]);
	put_member(&o, "step", stage_step_names[r->step]);
	put_member(&o, "stage", stage ? stage->stage : NULL);
	put(&o, "weight", stage && stage->weight >= 0 ? json_integer(stage->weight) : json_null());
	put(&o, "wave", wave > 0 ? json_integer(wave) : json_null());
	put_member(&o, "policy", r->policy_name);
	put_member(&o, "stable_version", r->stable_version);
	put(&o, "row_version", json_integer(r->row_version));
	put(&o, "links", r->links ? json_deep_copy(r->links) : json_object());
	put_member(&o, "url", release_url(t, url, sizeof(url)) ? url : NULL);
	return finish(&o);
}

static bool shows_kpis(enum milestone milestone)
{
	switch (milestone) {
	case MILESTONE_WAVE:
	case MILESTONE_PROGRESS:
	case MILESTONE_ROLLED_OUT:
	case MILESTONE_COMPLETED:
	case MILESTONE_PAUSED:
	case MILESTONE_ROLLBACK_DECIDED:
	case MILESTONE_STABILISED:
	case MILESTONE_CALLED:
		return true;
	case MILESTONE_PLANNED:
	case MILESTONE_ANNOUNCED:
	case MILESTONE_STARTED:
	case MILESTONE_PRECHECKED:
	case MILESTONE_RESUMED:
	case MILESTONE_ROLLBACK_OPTION:
	case MILESTONE_ROLLED_BACK:
	case MILESTONE_FAILED:
	case MILESTONE_RESOLVED:
	case MILESTONE_CANCELLED:
	case MILESTONE_HELD:
	case MILESTONE_EVIDENCE_BACK:
	case MILESTONE_CALLED_OFF:
	case MILESTONE_COUNT:
		break;
	}
	return false;
}

json_t *telling_body(const struct telling *t)
{
	const struct call_news *call = t->notice->call;
	struct object o = {.json = json_object(), .ok = true};
	char text[TELLING_TEXT_BYTES], key[TELLING_KEY_BYTES];
	char reason[RELEASE_MAX_REASON + 1];

	telling_text(t, text);
	telling_key(t, key);
	put_member(&o, "event", t->event);
	put_member(&o, "milestone", milestone_names[t->notice->milestone]);
	put_member(&o, "severity", severity_names[milestone_severity(t->notice->milestone)]);
	put_member(&o, "text", text);
	put_member(&o, "reason", reason_of(t, reason));
	put_member(&o, "actor", actor_of(t));
	put_member(&o, "role", t->notice->role);
	put_member(&o, "cause", call ? call->cause : NULL);
	put(&o, "level", call ? json_integer(call->level) : json_null());
	put_member(&o, "dedup_key", key);
	put_instant(&o, "at", t->job->moment->next->updated_at);
	put_instant(&o, "since", telling_since(t));
	put(&o, "held_back", json_integer(t->held_back));
	put(&o, "release", release_json(t));
	if (shows_kpis(t->notice->milestone))
		put(&o, "kpis", kpis_json(t));
	if (t->job->moment->next->comparison)
		put(&o, "comparison", json_deep_copy(t->job->moment->next->comparison));
	return finish(&o);
}
