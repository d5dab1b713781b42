#include "policy/crosscheck.h"

#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "policy/yaml.h"

#define DEFAULT_EVERY_MS 15000
#define DEFAULT_TIMEOUT_MS 10000

struct place place_of(const char *fmt, ...)
{
	struct place at;
	va_list args;

	va_start(args, fmt);
	text_vformat(at.pointer, sizeof(at.pointer), fmt, args);
	va_end(args);
	return at;
}

PRINTF_LIKE(4, 0)
static void report(struct crosscheck *c, struct place at, const struct position *where,
                   const char *fmt, va_list args)
{
	char text[640];

	text_vformat(text, sizeof(text), fmt, args);
	problems_add(c->problems, where ? where->file : NULL, where ? where->line : 0,
	             where ? where->column : 0, at.pointer, "%s", text);
}

void crosscheck_problem(struct crosscheck *c, struct place at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(c, at, positions_find(c->positions, at.pointer), fmt, args);
	va_end(args);
}

void crosscheck_problem_inside(struct crosscheck *c, struct place at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	report(c, at, yaml_value_position(c->positions, at.pointer), fmt, args);
	va_end(args);
}

bool crosscheck_is_sound(const struct crosscheck *c, struct place at)
{
	size_t n = strlen(at.pointer);

	for (size_t i = c->first; i < c->problems->n; i++) {
		const char *pointer = c->problems->list[i].pointer;

		if (strncmp(pointer, at.pointer, n) == 0 &&
		    (pointer[n] == '\0' || pointer[n] == '/'))
			return false;
	}
	return true;
}

bool crosscheck_is_listed(const struct crosscheck *c, const char *section)
{
	for (size_t i = c->first; i < c->problems->n; i++) {
		const char *pointer = c->problems->list[i].pointer;

		if (pointer[0] == '/' && strcmp(pointer + 1, section) == 0)
			return false;
	}
	return true;
}

void crosscheck_unknown(struct crosscheck *c, struct place at, const char *noun, const char *name,
                        const char *const *names)
{
	const char *nearest = str_nearest(str_of(name), names);
	char quote[STR_QUOTE_MAX];

	str_quote(str_of(name), quote);
	if (nearest)
		crosscheck_problem(c, at, "there is no %s %s, did you mean \"%s\"?", noun, quote,
		                   nearest);
	else
		crosscheck_problem(c, at, "there is no %s %s", noun, quote);
}

static bool name_is_fine(const char *name, bool upper)
{
	size_t n = strlen(name);

	for (const char *p = name; *p; p++) {
		bool fine = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' ||
		            *p == '.' || *p == '-' || (upper && *p >= 'A' && *p <= 'Z');

		if (!fine)
			return false;
	}
	return n > 0 && n <= 64;
}

void crosscheck_name(struct crosscheck *c, struct place at, const char *name)
{
	char quote[STR_QUOTE_MAX];

	if (name && !name_is_fine(name, true))
		crosscheck_problem(c, at, "%s is not a name: use 1 to 64 letters, digits, or _ . -",
		                   str_quote(str_of(name), quote));
}

/* Between "://" and the path. */
static struct str authority_of(struct str rest)
{
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	return str_slice(rest, 0, n);
}

static const char *url_fault(struct str url)
{
	struct str rest = {0};
	struct str authority = {0};

	for (size_t i = 0; i < url.n; i++) {
		if (url.p[i] <= ' ' || url.p[i] > '~')
			return "holds a space or another character that URLs encode";
	}
	if (str_starts_with(url, STR("http://")))
		rest = str_slice(url, 7, url.n);
	else if (str_starts_with(url, STR("https://")))
		rest = str_slice(url, 8, url.n);
	else
		return "must start with http:// or https://";
	authority = authority_of(rest);
	if (memchr(authority.p, '@', authority.n))
		return "must not carry a user name or password: credentials live in headgate.yaml";
	if (authority.n == 0)
		return "names no host";
	if (memchr(rest.p, '#', rest.n))
		return "must not have a fragment (#)";
	return NULL;
}

void crosscheck_url(struct crosscheck *c, struct place at, const char *url)
{
	crosscheck_url_of(c, at, url, SCOPE_RELEASE);
}

void crosscheck_url_of(struct crosscheck *c, struct place at, const char *url,
                       enum placeholder_scope scope)
{
	const char *fault = url_fault(str_of(url));
	struct err err;

	/* The URL is not repeated: what should not be in it may be a password. */
	if (fault)
		crosscheck_problem(c, at, "the URL %s", fault);
	else if (!placeholder_check(url, PLACE_URL, scope, &err))
		crosscheck_problem(c, at, "%s", err.text);
}

void names_add(struct names *names, const char *name)
{
	if (name && names->n < POLICY_MAX_NAMES)
		names->list[names->n++] = name;
}

bool names_have(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->list[i], name) == 0)
			return true;
	}
	return false;
}

/* Defaults that depend on other parts. Those of KPIs and alerts are filled where their source is
 * looked up. */
static void fill_defaults(struct crosscheck *c)
{
	struct policy *p = c->policy;
	int64_t slowest = DEFAULT_EVERY_MS;

	for (size_t i = 0; i < p->nsources; i++) {
		struct policy_source *source = &p->sources[i];

		if (source->timeout_ms == 0)
			source->timeout_ms = source->every_ms < DEFAULT_TIMEOUT_MS
			                             ? source->every_ms
			                             : DEFAULT_TIMEOUT_MS;
		if (source->kind != SOURCE_WEBHOOK && source->every_ms > slowest)
			slowest = source->every_ms;
	}
	if (p->evaluate_every_ms == 0)
		p->evaluate_every_ms = slowest;
	p->rollback.present = json_object_get(c->document, "rollback") != NULL;
}

static void check_header(struct crosscheck *c)
{
	const struct policy *p = c->policy;
	char quote[STR_QUOTE_MAX];

	if (p->name && !name_is_fine(p->name, false))
		crosscheck_problem(
		        c, place_of("/policy"),
		        "%s is not a policy's name: use 1 to 64 small letters, digits, or _ . -",
		        str_quote(str_of(p->name), quote));
	for (size_t i = 0; i < p->nsources; i++) {
		const struct policy_source *source = &p->sources[i];
		char every[UNITS_TEXT_MAX];

		if (source->every_ms <= p->evaluate_every_ms || source->kind == SOURCE_WEBHOOK ||
		    !crosscheck_is_sound(c, place_of("/sources/%s", source->name)) ||
		    !crosscheck_is_sound(c, place_of("/evaluate_every")))
			continue;
		duration_format(source->every_ms, every);
		crosscheck_problem(c, place_of("/evaluate_every"),
		                   "must be at least %s, the time between two scrapes of source "
		                   "%s, so that no "
		                   "sample is judged twice",
		                   every, source->name);
	}
}

/* The first is called with the cause, so its offset says nothing; the others follow in time. */
static void check_escalation(struct crosscheck *c)
{
	const struct policy *p = c->policy;

	if (!crosscheck_is_sound(c, place_of("/escalation")))
		return;
	for (size_t i = 0; i < p->nescalation; i++) {
		const struct policy_level *level = &p->escalation[i];

		crosscheck_name(c, place_of("/escalation/%zu/role", i), level->role);
		if (i == 0 && level->after_ms != 0)
			crosscheck_problem(
			        c, place_of("/escalation/0/after"),
			        "the first level is called at once: after is 0s or left out");
		if (i > 0 && level->after_ms < p->escalation[i - 1].after_ms)
			crosscheck_problem(c, place_of("/escalation/%zu/after", i),
			                   "must not be earlier than the level before it");
	}
}

static void check_window_list(struct crosscheck *c, const char *key, char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct err err = {.code = ERR_NONE};
		struct window w;
		char quote[STR_QUOTE_MAX];

		if (list[i] && !window_parse(str_of(list[i]), &w, &err))
			crosscheck_problem(c, place_of("/windows/%s/%zu", key, i), "%s: %s",
			                   str_quote(str_of(list[i]), quote), err.text);
	}
}

static void check_windows(struct crosscheck *c)
{
	const struct policy_windows *w = &c->policy->windows;

	check_window_list(c, "allow", w->allow, w->nallow);
	check_window_list(c, "deny", w->deny, w->ndeny);
	if (crosscheck_is_sound(c, place_of("/windows")) && !windows_ever_open(w))
		crosscheck_problem(c, place_of("/windows"),
		                   "deny covers everything that is allowed: no release could ever "
		                   "start");
}

/* Whoever fills the check must find it under a name that no stage uses. */
static void check_requires(struct crosscheck *c)
{
	const struct policy *p = c->policy;

	for (size_t i = 0; i < p->nrequires; i++) {
		struct place at = place_of("/requires/%s", p->requires[i].name);

		if (!p->requires[i].otherwise)
			continue;
		crosscheck_name(c, at, p->requires[i].name);
		crosscheck_name(c, at, p->requires[i].otherwise);
		for (size_t s = 0; s < p->nstages; s++)
			for (size_t k = 0; k < p->stages[s].nchecks; k++)
				if (strcmp(p->stages[s].checks[k].name, p->requires[i].name) == 0)
					crosscheck_problem(
					        c, at,
					        "stage %s has a check of that name: choose "
					        "another name for one of them",
					        p->stages[s].stage);
	}
	for (size_t i = 0; i < p->nrepin_by; i++)
		crosscheck_name(c, place_of("/repin_by/%zu", i), p->repin_by[i]);
}

/* Only a decode that ran out of memory, and said so, leaves names out. */
static bool parts_are_named(const struct policy *p)
{
	bool named = true;

	for (size_t i = 0; i < p->nsources; i++)
		named = named && p->sources[i].name;
	for (size_t i = 0; i < p->nkpis; i++)
		named = named && p->kpis[i].name;
	for (size_t i = 0; i < p->ngates; i++)
		named = named && p->gates[i].name;
	for (size_t i = 0; i < p->nactions; i++)
		named = named && p->actions[i].name;
	return named;
}

void crosscheck_policy(struct crosscheck *c)
{
	if (!parts_are_named(c->policy))
		return;
	fill_defaults(c);
	check_header(c);
	crosscheck_sources(c);
	crosscheck_kpis(c);
	crosscheck_gates(c);
	crosscheck_compare(c);
	crosscheck_stages(c);
	crosscheck_actions(c);
	check_windows(c);
	check_requires(c);
	check_escalation(c);
	crosscheck_rollback(c);
}
