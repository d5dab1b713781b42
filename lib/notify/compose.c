/* compose - one moment as messages: each event under its names, to each sink its routes lead to, in
 * the words of that sink. */
#include "notify/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"
#include "notify/values.h"

#define ALERT_STANDS_MS (30 * INT64_C(86400000)) /* while nobody has cleared it */
#define ALERT_PASSES_MS INT64_C(3600000)         /* of what just happened */
#define DEDUPE_BYTES 2600                        /* an address is at most 2048 */

/* clang-format off */
static const char usual_subject[] = "[headgate] ${service} ${version} (${environment}): ${event.name}";
static const char usual_text[] =
	"${event.text}\n"
	"\n"
	"Service:     ${service}\n"
	"Environment: ${environment}\n"
	"Version:     ${version} (stable before: ${stable_version})\n"
	"Release:     ${release.id}, ${release.state}, stage ${release.stage}\n"
	"Event:       ${event.name} (${event.severity}), ${event.at}\n"
	"By:          ${event.actor}\n"
	"Reason:      ${event.reason}\n"
	"${event.url}\n";
/* clang-format on */

/* --- filling --- */

/* One sink's templates with the values of one event. */
struct filling {
	const struct telling *telling;
	struct policy_values values;
	json_t *nothing; /* what they are filled with when a value does not fit */
	struct err *err; /* no memory, and nothing else */
};

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a notification");
}

/* A value that cannot stand there leaves its place empty, and so do the others. */
static char *fill_text(struct filling *f, const char *template, enum placeholder_place place)
{
	struct policy_values none = {.names = f->nothing};
	struct err err = {.code = ERR_NONE};
	char *text = placeholder_fill(template, place, &f->values, &err);

	if (!text && err.code != ERR_NOMEM)
		text = placeholder_fill(template, place, &none, &err);
	if (!text && err.code != ERR_NOMEM)
		text = text_dup("");
	if (!text)
		(void)no_memory(f->err);
	return text;
}

static json_t *fill_json(struct filling *f, const json_t *template)
{
	struct policy_values none = {.names = f->nothing};
	struct err err = {.code = ERR_NONE};
	json_t *value = placeholder_fill_json(template, &f->values, &err);

	if (!value && err.code != ERR_NOMEM)
		value = placeholder_fill_json(template, &none, &err);
	if (!value)
		(void)no_memory(f->err);
	return value;
}

/* --- a mail --- */

static void to_one_line(char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
	}
}

static json_t *mail_body(struct filling *f, const struct notify_sink *sink)
{
	char *subject = fill_text(f, sink->subject ? sink->subject : usual_subject, PLACE_TEXT);
	char *text = fill_text(f, sink->text ? sink->text : usual_text, PLACE_TEXT);
	json_t *to = json_array();
	json_t *body = NULL;

	for (size_t i = 0; i < sink->nrecipients; i++)
		(void)json_array_append_new(to, json_string(sink->recipients[i]));
	if (subject && text && json_array_size(to) == sink->nrecipients) {
		to_one_line(subject);
		body = json_pack("{s:O, s:s, s:s}", "to", to, "subject", subject, "text", text);
	}
	free(subject);
	free(text);
	json_decref(to);
	return body;
}

/* --- an alert --- */

/* "rollback_decided" is HeadgateRollbackDecided; every call for people has one name, so that one
 * rule finds them all and the last of them ends what the first began. */
static void alert_name(enum milestone milestone, char *out, size_t size)
{
	bool is_call = milestone == MILESTONE_CALLED || milestone == MILESTONE_CALLED_OFF;
	const char *name = is_call ? "escalation" : milestone_names[milestone];
	size_t n = (size_t)snprintf(out, size, "Headgate");
	bool starts = true;

	for (; *name != '\0' && n + 1 < size; name++) {
		bool is_gap = *name == '_';

		if (!is_gap)
			out[n++] = starts && *name >= 'a' && *name <= 'z'
			                   ? (char)(*name - 'a' + 'A')
			                   : *name;
		starts = is_gap;
	}
	out[n] = '\0';
}

/* What is set already stays; an empty label is none. */
static bool put_new(json_t *set, const char *name, const char *value)
{
	if (!value || value[0] == '\0' || json_object_get(set, name))
		return true;
	return json_object_set_new(set, name, json_string(value)) == 0;
}

/* Texts that must be the same when it is called off, whatever the release is doing by then. */
static json_t *alert_labels(struct filling *f, const struct notify_sink *sink)
{
	const struct telling *t = f->telling;
	const struct release *r = t->job->moment->next;
	const struct call_news *call = t->notice->call;
	json_t *set = sink->labels ? fill_json(f, sink->labels) : json_object();
	char name[80], id[24];
	bool ok;

	alert_name(t->notice->milestone, name, sizeof(name));
	(void)snprintf(id, sizeof(id), "%" PRId64, r->id);
	ok = set && put_new(set, "alertname", name) &&
	     put_new(set, "severity", severity_names[milestone_severity(t->notice->milestone)]) &&
	     put_new(set, "service", r->service) && put_new(set, "environment", r->environment) &&
	     put_new(set, "version", r->version) && put_new(set, "release", id) &&
	     put_new(set, "cause", call ? call->cause : NULL) &&
	     put_new(set, "role", t->notice->role) && put_new(set, "event", call ? NULL : t->event);
	if (ok)
		return set;
	json_decref(set);
	return NULL;
}

static void annotation_name(const char *link, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "link_");

	for (; *link != '\0' && n + 1 < size; link++) {
		bool fits = (*link >= 'a' && *link <= 'z') || (*link >= 'A' && *link <= 'Z') ||
		            (*link >= '0' && *link <= '9');

		out[n++] = fits ? *link : '_';
	}
	out[n] = '\0';
}

static bool annotate_links(json_t *set, json_t *links)
{
	const char *name;
	json_t *value;

	json_object_foreach(links, name, value)
	{
		char key[80];

		annotation_name(name, key, sizeof(key));
		if (!put_new(set, key, json_string_value(value)))
			return false;
	}
	return true;
}

static json_t *alert_annotations(struct filling *f, const struct notify_sink *sink)
{
	const struct telling *t = f->telling;
	json_t *set = sink->annotations ? fill_json(f, sink->annotations) : json_object();
	char text[TELLING_TEXT_BYTES];
	char *summary =
	        fill_text(f, "${service} ${version} (${environment}): ${event.name}", PLACE_TEXT);
	bool ok;

	telling_text(t, text);
	ok = set && summary && put_new(set, "summary", summary) &&
	     put_new(set, "description", text) && annotate_links(set, t->job->moment->next->links);
	free(summary);
	if (ok)
		return set;
	json_decref(set);
	return NULL;
}

static struct wall alert_ends(const struct telling *t)
{
	struct wall at = t->job->moment->next->updated_at;

	if (t->notice->milestone == MILESTONE_CALLED_OFF)
		return at;
	at.ms += t->notice->milestone == MILESTONE_CALLED ? ALERT_STANDS_MS : ALERT_PASSES_MS;
	return at;
}

static json_t *alert_body(struct filling *f, const struct notify_sink *sink)
{
	const struct telling *t = f->telling;
	const json_t *url = json_object_get(f->values.names, "event.url");
	json_t *labels = alert_labels(f, sink);
	json_t *annotations = alert_annotations(f, sink);
	char from[UNITS_TEXT_MAX], to[UNITS_TEXT_MAX];

	instant_format(telling_since(t), from);
	instant_format(alert_ends(t), to);
	if (!labels || !annotations) {
		json_decref(labels);
		json_decref(annotations);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:s, s:s, s:s}", "labels", labels, "annotations", annotations,
	                 "startsAt", from, "endsAt", to, "generatorURL",
	                 url ? json_string_value(url) : "");
}

/* --- one message --- */

static json_t *body_of(struct filling *f, const struct notify_sink *sink)
{
	switch (sink->kind) {
	case NOTIFY_WEBHOOK:
		return sink->body ? fill_json(f, sink->body) : telling_body(f->telling);
	case NOTIFY_MAIL:
		return mail_body(f, sink);
	case NOTIFY_ALERT:
		return alert_body(f, sink);
	case NOTIFY_KIND_COUNT:
		break;
	}
	return NULL;
}

static bool is_of_outage(const struct telling *t)
{
	enum milestone what = t->notice->milestone;

	return t->job->outage && t->job->outage->address &&
	       (what == MILESTONE_HELD || what == MILESTONE_EVIDENCE_BACK);
}

/* Told once for all releases that an outage hits. */
static char *dedupe_of(const struct telling *t, const struct notify_sink *sink)
{
	const struct notify_outage *o = t->job->outage;
	bool is_back = t->notice->milestone == MILESTONE_EVIDENCE_BACK;
	char text[DEDUPE_BYTES], since[UNITS_TEXT_MAX];

	instant_format(o->since, since);
	(void)snprintf(text, sizeof(text), "%s:%.2048s:%s:%.127s:%s",
	               is_back ? "outage_over" : "outage", o->address, since, sink->name, t->event);
	text_mend_cut(text, sizeof(text));
	return text_dup(text);
}

static bool fill_message(struct filling *f, const struct notify_sink *sink, struct message *m)
{
	const struct telling *t = f->telling;

	m->class = MESSAGE_NOTIFICATION;
	m->option = -1;
	m->action = text_dup(t->event);
	m->destination = text_dup(sink->to);
	m->method = text_dup(sink->method ? sink->method : "POST");
	m->path = fill_text(f, sink->path ? sink->path : "", PLACE_URL);
	m->body = body_of(f, sink);
	if (sink->headers)
		m->headers = fill_json(f, sink->headers);
	if (is_of_outage(t))
		m->dedupe = dedupe_of(t, sink);
	return (m->action && m->destination && m->method && m->path && m->body &&
	        (m->headers || !sink->headers) && (m->dedupe || !is_of_outage(t))) ||
	       no_memory(f->err);
}

/* --- all of them --- */

static struct message *grow(struct notify_result *out, struct err *err)
{
	struct message *grown = realloc(out->messages, (out->n + 1) * sizeof(*grown));

	if (!grown) {
		(void)no_memory(err);
		return NULL;
	}
	out->messages = grown;
	grown[out->n] = (struct message){.class = MESSAGE_NOTIFICATION, .option = -1};
	return &grown[out->n++];
}

static bool send_to(struct telling *t, size_t sink, struct notify_result *out, struct err *err)
{
	const struct notify_job *job = t->job;
	struct message *m = grow(out, err);
	struct filling f = {.telling = t, .nothing = json_object(), .err = err};
	json_t *names = NULL;
	bool ok = false;

	if (!m)
		goto out;
	t->held_back = 0;
	if (job->admit && !is_of_outage(t) &&
	    !job->admit(job->ctx, sink, milestone_is_urgent(t->notice->milestone), &t->held_back)) {
		m->withheld = "throttled";
		out->withheld++;
	}
	names = telling_values(t);
	f.values = (struct policy_values){.names = names};
	ok = (names && f.nothing) || no_memory(err);
	ok = ok && fill_message(&f, &job->config->sinks[sink], m);
out:
	json_decref(names);
	json_decref(f.nothing);
	return ok;
}

static bool leads_to(const struct telling *t, const struct notify_sink *sink)
{
	const struct notify_config *c = t->job->config;
	const struct release *r = t->job->moment->next;

	for (size_t i = 0; i < c->nroutes; i++) {
		const struct notify_route *route = &c->routes[i];

		if (!notify_route_matches(route, t->event, milestone_severity(t->notice->milestone),
		                          t->notice->role, r->service, r->environment))
			continue;
		for (size_t k = 0; k < route->nsinks; k++) {
			if (strcmp(route->sinks[k], sink->name) == 0)
				return true;
		}
	}
	return false;
}

static bool tell_event(struct telling *t, struct notify_result *out, struct err *err)
{
	const struct notify_config *c = t->job->config;

	for (size_t i = 0; i < c->nsinks; i++) {
		if (leads_to(t, &c->sinks[i]) && !send_to(t, i, out, err))
			return false;
	}
	return true;
}

/* NULL without memory; "" for a name that cannot be told. */
static char *fill_name(const struct telling *t, const char *template, struct err *err)
{
	json_t *names = telling_values(t);
	struct policy_values values = {.names = names};
	char *name = names ? placeholder_fill(template, PLACE_TEXT, &values, err) : NULL;

	json_decref(names);
	if (!name && (!names || err->code == ERR_NOMEM)) {
		(void)no_memory(err);
		return NULL;
	}
	if (!name)
		return text_dup("");
	if (strlen(name) >= NOTIFY_NAME_BYTES) {
		name[NOTIFY_NAME_BYTES - 1] = '\0';
		text_mend_cut(name, NOTIFY_NAME_BYTES);
	}
	to_one_line(name);
	return name;
}

static bool tell_name(const struct notify_job *job, const struct notice *notice,
                      const char *template, struct notify_result *out, struct err *err)
{
	struct telling t = {.job = job, .notice = notice};
	char *name = strstr(template, "${") ? fill_name(&t, template, err) : text_dup(template);
	bool ok = name != NULL;

	t.event = name;
	if (ok && name[0] != '\0')
		ok = tell_event(&t, out, err);
	else if (!ok)
		(void)no_memory(err);
	free(name);
	return ok;
}

static bool tell(const struct notify_job *job, const struct notice *notice,
                 struct notify_result *out, struct err *err)
{
	const struct notify_config *c = job->config;
	const char *const *usual = milestone_default_names(notice->milestone);
	size_t before = out->n;
	bool has_own = false;
	bool ok = true;

	for (size_t i = 0; i < c->nevents; i++) {
		const struct notify_names *own = &c->events[i];

		if (strcmp(own->name, milestone_names[notice->milestone]) != 0)
			continue;
		has_own = true;
		for (size_t k = 0; ok && k < own->nnames; k++)
			ok = tell_name(job, notice, own->names[k], out, err);
	}
	for (size_t k = 0; ok && !has_own && usual[k]; k++)
		ok = tell_name(job, notice, usual[k], out, err);
	if (notice->milestone == MILESTONE_CALLED && out->n == before)
		out->unheard_calls++;
	return ok;
}

bool notify_compose(const struct notify_job *job, struct notify_result *out, struct err *err)
{
	struct notice *notices = NULL;
	size_t n = 0;
	bool ok;

	*out = (struct notify_result){0};
	ok = notify_happened(job->moment, &notices, &n) || no_memory(err);
	for (size_t i = 0; ok && i < n; i++)
		ok = tell(job, &notices[i], out, err);
	free(notices);
	if (!ok) {
		messages_free(out->messages, out->n);
		*out = (struct notify_result){0};
	}
	return ok;
}
