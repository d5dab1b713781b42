/* fields - notify: in headgate.yaml as tables, and what no row can say: names that exist, templates
 * that fill. */
#include "notify/notify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/macros.h"
#include "base/str.h"
#include "notify/values.h"
#include "policy/placeholder.h"

#define PERIOD_MAX_MS (24.0 * 3600 * 1000)

/* clang-format off */
const char *const notify_kind_names[NOTIFY_KIND_COUNT + 1] = { "webhook", "mail", "alert", NULL };
/* clang-format on */

static bool problem_at(struct decode *d, const char *key, const char *text)
{
	size_t mark = decode_push(d, key);

	(void)decode_problem(d, "%s", text);
	decode_pop(d, mark);
	return false;
}

static bool problem_in(struct decode *d, const char *key, size_t i, const char *text)
{
	size_t mark = decode_push(d, key);
	size_t index = decode_push_index(d, i);

	(void)decode_problem(d, "%s", text);
	decode_pop(d, index);
	decode_pop(d, mark);
	return false;
}

/* --- events --- */

/* `wave: [a, b]` is short for {names: [a, b]}. */
static json_t *normalise_names(json_t *value, struct decode *d)
{
	(void)d;
	if (json_is_array(value) || json_is_string(value))
		return json_pack("{s:O}", "names", value);
	return json_incref(value);
}

static bool check_names(const void *decoded, struct decode *d)
{
	const struct notify_names *n = decoded;
	struct err err;
	bool ok = true;

	for (size_t i = 0; i < n->nnames; i++) {
		size_t length = strlen(n->names[i]);

		if (length == 0 || length >= NOTIFY_NAME_BYTES || strpbrk(n->names[i], " \t\r\n*"))
			ok = problem_in(d, "names", i,
			                "a name has 1 to 127 bytes, no spaces and no \"*\"");
		else if (!placeholder_check_names(n->names[i], notify_placeholders, &err))
			ok = problem_in(d, "names", i, err.text);
	}
	return ok;
}

/* --- routes --- */

static bool check_route(const void *decoded, struct decode *d)
{
	const struct notify_route *r = decoded;

	return r->nsinks > 0 || problem_at(d, "sinks", "a route leads to one sink at least");
}

/* --- sinks --- */

static bool is_secret_header(const char *name)
{
	static const char *const names[] = {"authorization", "proxy-authorization", "cookie"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Messages are kept and shown: what is secret belongs to the destination. */
static bool check_headers(const json_t *headers, struct decode *d)
{
	const char *name;
	json_t *value;
	bool ok = true;

	if (headers && !json_is_object(headers))
		return problem_at(d, "headers", "must be an object of texts");
	json_object_foreach((json_t *)(uintptr_t)headers, name, value)
	{
		if (!json_is_string(value))
			ok = problem_at(d, "headers", "must be an object of texts");
		else if (is_secret_header(name))
			ok = problem_at(d, "headers",
			                "messages are kept and shown, so they may hold no "
			                "credentials: use bearer_file or basic_user of the "
			                "destination");
	}
	return ok;
}

static bool is_label(const char *name)
{
	for (size_t i = 0; name[i] != '\0'; i++) {
		char c = name[i];
		bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

		if (!is_letter && (i == 0 || c < '0' || c > '9'))
			return false;
	}
	return name[0] != '\0';
}

static bool check_label_set(const json_t *set, const char *key, struct decode *d)
{
	const char *name;
	json_t *value;
	bool ok = true;

	if (set && !json_is_object(set))
		return problem_at(d, key, "must be an object of texts");
	json_object_foreach((json_t *)(uintptr_t)set, name, value)
	{
		if (!json_is_string(value))
			ok = problem_at(d, key, "must be an object of texts");
		else if (!is_label(name))
			ok = problem_at(d, key,
			                "a name has letters, digits and _, and no digit first");
	}
	return ok;
}

static bool check_templates(const struct notify_sink *s, struct decode *d)
{
	const struct {
		const char *key, *text;
	} texts[] = {{"path", s->path}, {"subject", s->subject}, {"text", s->text}};
	const struct {
		const char *key;
		const json_t *value;
	} values[] = {{"headers", s->headers},
	              {"body", s->body},
	              {"labels", s->labels},
	              {"annotations", s->annotations}};
	struct err err;
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].text &&
		    !placeholder_check_names(texts[i].text, notify_placeholders, &err))
			ok = problem_at(d, texts[i].key, err.text);
	}
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		if (values[i].value &&
		    !placeholder_check_names_json(values[i].value, notify_placeholders, &err))
			ok = problem_at(d, values[i].key, err.text);
	}
	return ok;
}

/* With nothing at all in it a path must still be one: that is what is left when a value does not
 * fit into it. */
static bool check_path(const struct notify_sink *s, struct decode *d)
{
	json_t *nothing = json_object();
	struct policy_values empty = {.names = nothing};
	struct err err = {.code = ERR_NONE};
	char *path = NULL;
	bool ok = true;

	if (s->path && nothing) {
		path = placeholder_fill(s->path, PLACE_URL, &empty, &err);
		ok = path || problem_at(d, "path", err.text);
	}
	free(path);
	json_decref(nothing);
	return ok;
}

static bool check_method(const struct notify_sink *s, struct decode *d)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH"};

	for (size_t i = 0; s->method && i < ARRAY_LEN(methods); i++) {
		if (strcmp(methods[i], s->method) == 0)
			return true;
	}
	return !s->method || problem_at(d, "method", "is POST, PUT or PATCH");
}

static bool check_sink(const void *decoded, struct decode *d)
{
	const struct notify_sink *s = decoded;
	bool ok = check_headers(s->headers, d);

	ok = check_method(s, d) && ok;
	ok = check_label_set(s->labels, "labels", d) && ok;
	ok = check_label_set(s->annotations, "annotations", d) && ok;
	ok = check_templates(s, d) && ok;
	for (size_t i = 0; i < s->nrecipients; i++) {
		if (!strchr(s->recipients[i], '@') || strpbrk(s->recipients[i], " \t\r\n<>,"))
			ok = problem_in(d, "recipients", i,
			                "is not an address like ann@example.org");
	}
	return ok && check_path(s, d);
}

bool notify_sink_check(const struct notify_sink *s, const char **out_key, struct err *err)
{
	const struct {
		const char *key;
		bool there;
		unsigned kinds;
	} keys[] = {
	        {"path", s->path != NULL, 1u << NOTIFY_WEBHOOK},
	        {"method", s->method != NULL, 1u << NOTIFY_WEBHOOK},
	        {"headers", s->headers != NULL, 1u << NOTIFY_WEBHOOK},
	        {"body", s->body != NULL, 1u << NOTIFY_WEBHOOK},
	        {"recipients", s->nrecipients > 0, 1u << NOTIFY_MAIL},
	        {"subject", s->subject != NULL, 1u << NOTIFY_MAIL},
	        {"text", s->text != NULL, 1u << NOTIFY_MAIL},
	        {"labels", s->labels != NULL, 1u << NOTIFY_ALERT},
	        {"annotations", s->annotations != NULL, 1u << NOTIFY_ALERT},
	};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		*out_key = keys[i].key;
		if (keys[i].there && !(keys[i].kinds & 1u << s->kind))
			return err_set(err, ERR_INVALID,
			               "does not belong to a sink whose destination %s is of kind "
			               "%s",
			               s->to, notify_kind_names[s->kind]);
	}
	*out_key = "recipients";
	return s->kind != NOTIFY_MAIL || s->nrecipients > 0 ||
	       err_set(err, ERR_INVALID, "a mail needs somebody to go to");
}

/* --- as a whole --- */

static const struct notify_sink *sink_named(const struct notify_config *c, const char *name)
{
	for (size_t i = 0; i < c->nsinks; i++) {
		if (strcmp(c->sinks[i].name, name) == 0)
			return &c->sinks[i];
	}
	return NULL;
}

static bool check_sinks_of(const struct notify_config *c, size_t route, struct decode *d)
{
	const struct notify_route *r = &c->routes[route];
	size_t mark = decode_push(d, "routes");
	size_t index = decode_push_index(d, route);
	bool ok = true;

	for (size_t i = 0; i < r->nsinks; i++) {
		if (!sink_named(c, r->sinks[i]))
			ok = problem_in(d, "sinks", i, "there is no such sink");
	}
	decode_pop(d, index);
	decode_pop(d, mark);
	return ok;
}

/* A pattern fits some name that may be told; placeholders in names stand for anything. */
static bool pattern_fits_name(const char *pattern, const char *name)
{
	char loose[NOTIFY_NAME_BYTES];
	size_t n = 0;

	for (const char *at = name; *at != '\0' && n + 1 < sizeof(loose); at++) {
		const char *end = at[0] == '$' && at[1] == '{' ? strchr(at, '}') : NULL;

		loose[n++] = end ? '*' : *at;
		at = end ? end : at;
	}
	loose[n] = '\0';
	return notify_pattern_matches(pattern, loose) || notify_pattern_matches(loose, pattern);
}

static bool pattern_fits(const struct notify_config *c, const char *pattern)
{
	for (int i = 0; i < MILESTONE_COUNT; i++) {
		const struct notify_names *own = NULL;
		const char *const *usual = milestone_default_names((enum milestone)i);

		for (size_t k = 0; k < c->nevents; k++) {
			if (strcmp(c->events[k].name, milestone_names[i]) == 0)
				own = &c->events[k];
		}
		for (size_t k = 0; own && k < own->nnames; k++) {
			if (pattern_fits_name(pattern, own->names[k]))
				return true;
		}
		for (size_t k = 0; !own && usual[k]; k++) {
			if (pattern_fits_name(pattern, usual[k]))
				return true;
		}
	}
	return false;
}

static bool check_events_of(const struct notify_config *c, size_t route, struct decode *d)
{
	const struct notify_route *r = &c->routes[route];
	size_t mark = decode_push(d, "routes");
	size_t index = decode_push_index(d, route);
	bool ok = true;

	for (size_t i = 0; i < r->nevents; i++) {
		if (!pattern_fits(c, r->events[i]))
			ok = problem_in(d, "events", i, "fits no event that is ever told");
	}
	decode_pop(d, index);
	decode_pop(d, mark);
	return ok;
}

static bool check_milestone(const char *name, struct decode *d)
{
	const char *nearest = str_nearest(str_of(name), milestone_names);
	size_t mark = decode_push(d, "events");
	size_t key = decode_push(d, name);
	bool ok = nearest && strcmp(nearest, name) == 0;

	if (!ok)
		(void)decode_problem(
		        d,
		        nearest ? "is not a milestone, did you mean \"%s\"?"
		                : "is not a milestone; docs/notifications.md lists them%s",
		        nearest ? nearest : "");
	decode_pop(d, key);
	decode_pop(d, mark);
	return ok;
}

static bool check_notify(const void *decoded, struct decode *d)
{
	const struct notify_config *c = decoded;
	bool ok = true;

	for (size_t i = 0; i < c->nevents; i++) {
		ok = check_milestone(c->events[i].name, d) && ok;
	}
	for (size_t i = 0; i < c->nroutes; i++) {
		ok = check_sinks_of(c, i, d) && ok;
		ok = check_events_of(c, i, d) && ok;
	}
	return ok;
}

/* clang-format off */
#define NAMES(member) offsetof(struct notify_names, member)
static const struct field names_fields[] = {
	{ .key = "names", .kind = FIELD_TEXT_LIST, .flags = FIELD_REQUIRED, .offset = NAMES(names), .count_offset = NAMES(nnames),
	  .max = NOTIFY_MAX_NAMES, .doc = "The names it is told under, in order; an empty list: it is not told." },
};
static const struct field_table names_table = {
	.noun = "milestone", .fields = names_fields, .n = ARRAY_LEN(names_fields), .size = sizeof(struct notify_names),
	.normalise = normalise_names, .check = check_names,
};

#define ROUTE(member) offsetof(struct notify_route, member)
static const struct field route_fields[] = {
	{ .key = "events", .kind = FIELD_TEXT_LIST, .offset = ROUTE(events), .count_offset = ROUTE(nevents), .max = 64,
	  .doc = "Patterns of event names, * for anything; empty: all." },
	{ .key = "services", .kind = FIELD_TEXT_LIST, .offset = ROUTE(services), .count_offset = ROUTE(nservices), .max = 256,
	  .doc = "Patterns of services; empty: all." },
	{ .key = "environments", .kind = FIELD_TEXT_LIST, .offset = ROUTE(environments), .count_offset = ROUTE(nenvironments), .max = 64,
	  .doc = "Patterns of environments; empty: all." },
	{ .key = "severity", .kind = FIELD_ENUM, .offset = ROUTE(severity), .names = severity_names, .fallback = "info",
	  .doc = "At least so grave: info, warning or critical." },
	{ .key = "roles", .kind = FIELD_TEXT_LIST, .offset = ROUTE(roles), .count_offset = ROUTE(nroles), .max = 64,
	  .doc = "Only what calls one of these roles. Without it: what calls nobody, and calls whose name stands in events without *." },
	{ .key = "sinks", .kind = FIELD_TEXT_LIST, .flags = FIELD_REQUIRED, .offset = ROUTE(sinks), .count_offset = ROUTE(nsinks), .max = NOTIFY_MAX_SINKS,
	  .doc = "Where it goes. One sink gets one event once, however many routes lead there." },
};
static const struct field_table route_table = {
	.noun = "route", .fields = route_fields, .n = ARRAY_LEN(route_fields), .size = sizeof(struct notify_route),
	.check = check_route,
};

#define SINK(member) offsetof(struct notify_sink, member)
static const struct field sink_fields[] = {
	{ .key = "to", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = SINK(to), .min = 1, .max = 127,
	  .doc = "The destination; what it is decides which of the keys below may stand here." },
	{ .key = "path", .kind = FIELD_TEXT, .offset = SINK(path), .max = 1024,
	  .doc = "Appended to the destination's address; a template." },
	{ .key = "method", .kind = FIELD_TEXT, .offset = SINK(method), .min = 1, .max = 7,
	  .doc = "Of the request: POST, which is the default, PUT or PATCH." },
	{ .key = "headers", .kind = FIELD_JSON, .offset = SINK(headers),
	  .doc = "Of the request; templates. Credentials belong to the destination." },
	{ .key = "body", .kind = FIELD_JSON, .offset = SINK(body),
	  .doc = "Of the request: JSON whose texts are templates. Without it: everything there is to say." },
	{ .key = "recipients", .kind = FIELD_TEXT_LIST, .offset = SINK(recipients), .count_offset = SINK(nrecipients), .max = 64,
	  .doc = "Whom a mail goes to." },
	{ .key = "subject", .kind = FIELD_TEXT, .offset = SINK(subject), .min = 1, .max = 1024,
	  .doc = "Of a mail; a template." },
	{ .key = "text", .kind = FIELD_TEXT, .offset = SINK(text), .min = 1, .max = 16384,
	  .doc = "Of a mail; a template." },
	{ .key = "labels", .kind = FIELD_JSON, .offset = SINK(labels),
	  .doc = "Of an alert, beside alertname, severity, service, environment, version, release, cause and role; templates." },
	{ .key = "annotations", .kind = FIELD_JSON, .offset = SINK(annotations),
	  .doc = "Of an alert, beside summary, description and the release's links; templates." },
};
static const struct field_table sink_table = {
	.noun = "sink", .fields = sink_fields, .n = ARRAY_LEN(sink_fields), .size = sizeof(struct notify_sink),
	.check = check_sink,
};

#define THROTTLE(member) offsetof(struct notify_throttle, member)
static const struct field throttle_fields[] = {
	{ .key = "messages", .kind = FIELD_INT, .offset = THROTTLE(messages), .min = 1, .max = 100000, .fallback = "60",
	  .doc = "To one sink, at once and in each period. What is critical, a rollback or a call for people is never held back." },
	{ .key = "per", .kind = FIELD_DURATION, .offset = THROTTLE(per_ms), .min = 1000, .max = PERIOD_MAX_MS, .fallback = "10m",
	  .doc = "The period." },
};
static const struct field_table throttle_table = {
	.noun = "throttle", .fields = throttle_fields, .n = ARRAY_LEN(throttle_fields), .size = sizeof(struct notify_throttle),
};

#define NOTIFY(member) offsetof(struct notify_config, member)
static const struct field notify_fields[] = {
	{ .key = "events", .kind = FIELD_MAP, .offset = NOTIFY(events), .count_offset = NOTIFY(nevents), .max = MILESTONE_COUNT, .table = &names_table,
	  .doc = "Other names for milestones than the usual ones." },
	{ .key = "routes", .kind = FIELD_LIST, .offset = NOTIFY(routes), .count_offset = NOTIFY(nroutes), .max = NOTIFY_MAX_ROUTES, .table = &route_table,
	  .doc = "Which events go where." },
	{ .key = "sinks", .kind = FIELD_MAP, .offset = NOTIFY(sinks), .count_offset = NOTIFY(nsinks), .max = NOTIFY_MAX_SINKS, .table = &sink_table,
	  .doc = "Where events may go, and in which words." },
	{ .key = "throttle", .kind = FIELD_STRUCT, .offset = NOTIFY(throttle), .table = &throttle_table,
	  .doc = "How much one sink is sent." },
};
const struct field_table notify_table = {
	.noun = "notify", .fields = notify_fields, .n = ARRAY_LEN(notify_fields), .size = sizeof(struct notify_config),
	.check = check_notify,
};
/* clang-format on */
