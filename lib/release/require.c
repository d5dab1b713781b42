/*
 * require - what a policy asks every release to bring along: without it the release is not
 * accepted, or a role fills a check in its place before it starts.
 */
#include "release/rules.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

#define REFUSE "refuse"

/* Names that stand for another version tomorrow: nobody could go back to them. */
static bool is_floating(const char *version)
{
	static const char *const names[] = {"latest", "stable", "current", "edge", "nightly",
	                                    "main",   "master", "trunk",   "head", "HEAD"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(version, names[i]) == 0)
			return true;
	}
	return false;
}

static bool has_text(const char *text)
{
	return str_trim(str_of(text)).n > 0;
}

static bool has_link(const struct release *r, const char *name)
{
	return has_text(json_string_value(json_object_get(r->links, name)));
}

static bool pins_stable(const struct release *r)
{
	return r->stable_version && !is_floating(r->stable_version);
}
static bool has_artifact(const struct release *r)
{
	return has_text(r->artifact);
}
static bool has_ticket(const struct release *r)
{
	return has_text(r->ticket);
}
static bool has_backup(const struct release *r)
{
	return r->migration == MIGRATION_NONE || has_link(r, "backup");
}
static bool documents_migration(const struct release *r)
{
	return r->migration != MIGRATION_IRREVERSIBLE || has_link(r, "migration");
}

/* What is more than a link of that name. */
static const struct {
	const char *name, *pointer, *needs;
	bool (*is_met)(const struct release *r);
} kinds[] = {
        {"stable_version", "/stable_version", "a pinned stable_version (tag, digest or run id)",
         pins_stable},
        {"artifact", "/artifact", "an artifact", has_artifact},
        {"ticket", "/ticket", "a ticket", has_ticket},
        {"backup", "/links/backup", "links.backup, as it has a migration", has_backup},
        {"migration", "/links/migration", "links.migration, as its migration is irreversible",
         documents_migration},
};

static size_t kind_of(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(kinds) && strcmp(kinds[i].name, name) != 0)
		i++;
	return i;
}

static bool is_brought(const struct release *r, const char *name)
{
	size_t kind = kind_of(name);

	return kind < ARRAY_LEN(kinds) ? kinds[kind].is_met(r) : has_link(r, name);
}

static size_t say_need(const char *name, char *out, size_t size)
{
	size_t kind = kind_of(name);
	int n = kind < ARRAY_LEN(kinds) ? snprintf(out, size, "%s", kinds[kind].needs)
	                                : snprintf(out, size, "links.%s", name);

	return n > 0 ? (size_t)n : 0;
}

bool require_refuses(const struct release *r, const struct policy *p, struct outcome *out)
{
	const char *first = NULL;
	char all[300] = "";
	size_t n = 0;

	for (size_t i = 0; i < p->nrequires; i++) {
		const struct policy_require *w = &p->requires[i];

		if (strcmp(w->otherwise, REFUSE) != 0 || is_brought(r, w->name))
			continue;
		if (first && n < sizeof(all))
			n += (size_t)snprintf(all + n, sizeof(all) - n, "; ");
		if (n < sizeof(all))
			n += say_need(w->name, all + n, sizeof(all) - n);
		if (!first)
			first = kind_of(w->name) < ARRAY_LEN(kinds)
			                ? kinds[kind_of(w->name)].pointer
			                : "/links";
	}
	if (first)
		refuse(out, REFUSED_INVALID, first, "policy %s requires %s", p->name, all);
	return first != NULL;
}

const struct policy_require *require_check(const struct release *r, const struct policy *p,
                                           const char *name)
{
	for (size_t i = 0; i < p->nrequires; i++) {
		const struct policy_require *w = &p->requires[i];

		if (strcmp(w->name, name) == 0 && strcmp(w->otherwise, REFUSE) != 0 &&
		    !is_brought(r, name))
			return w;
	}
	return NULL;
}

bool release_require_is_checked(const struct release *r, const struct policy *p, const char *name)
{
	return require_check(r, p, name) != NULL;
}

const struct policy_require *require_open(const struct release *r, const struct policy *p,
                                          size_t from)
{
	for (size_t i = from; i < p->nrequires; i++) {
		const struct policy_require *w = &p->requires[i];

		if (require_check(r, p, w->name) && !check_is_done(r, w->name))
			return w;
	}
	return NULL;
}

void require_sentence(const struct policy_require *w, char *out, size_t size)
{
	char needs[160];

	(void)say_need(w->name, needs, sizeof(needs));
	(void)snprintf(out, size, "check %s (owner %s) is open: the release was posted without %s",
	               w->name, w->otherwise, needs);
}
