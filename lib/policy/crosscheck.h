/*
 * crosscheck - what a policy must satisfy as a whole: names that lead somewhere, expressions that
 * parse, limits in the unit of their KPI, stages in order, a way back.
 *
 * Runs also on a policy that did not decode whole, so that one look lists all mistakes; a part with
 * a mistake of its own is left out, so that no mistake is reported twice in different words.
 */
#ifndef POLICY_CROSSCHECK_H
#define POLICY_CROSSCHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/field.h"
#include "base/macros.h"
#include "policy/placeholder.h"
#include "policy/policy.h"

struct crosscheck {
	struct policy *policy; /* defaults that depend on other parts are written into it */
	const json_t *document;
	struct problems *problems;
	const struct positions *positions;
	size_t first; /* problems from here on are this policy's */
};

/* Everything below, in the order of the document. */
void crosscheck_policy(struct crosscheck *c);

/* The parts. */
void crosscheck_sources(struct crosscheck *c);
void crosscheck_kpis(struct crosscheck *c);
void crosscheck_gates(struct crosscheck *c);
void crosscheck_compare(struct crosscheck *c);
void crosscheck_stages(struct crosscheck *c);
void crosscheck_actions(struct crosscheck *c);
void crosscheck_rollback(struct crosscheck *c);

/* Whether filling the action in needs that value. */
bool policy_action_uses(const struct policy_action *action, const char *placeholder);

/* A JSON Pointer. Names in it were checked, so nothing needs escaping. */
struct place {
	char pointer[384];
};
struct place place_of(const char *fmt, ...) PRINTF_LIKE(1, 2);
void crosscheck_problem(struct crosscheck *c, struct place at, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
/* The same, standing where the value begins instead of its key: for expressions. */
void crosscheck_problem_inside(struct crosscheck *c, struct place at, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
/* No problem so far at `at` or below it. */
bool crosscheck_is_sound(const struct crosscheck *c, struct place at);
/* The whole section could be read, so that a name that is not in it does not exist. */
bool crosscheck_is_listed(const struct crosscheck *c, const char *section);
/* A name that is none of `names` (NULL-terminated, `noun` in messages): reports it, with a "did you
 * mean". */
void crosscheck_unknown(struct crosscheck *c, struct place at, const char *noun, const char *name,
                        const char *const *names);

/* 1 to 64 of A-Z a-z 0-9 _ . - ; reports a problem otherwise. */
void crosscheck_name(struct crosscheck *c, struct place at, const char *name);
/* The source a KPI or an alerts gate reads from, of one of these kinds (SOURCE_BIT): filled in when
 * it is left out and one fits. */
#define SOURCE_BIT(kind) (1U << (kind))
void crosscheck_source(struct crosscheck *c, struct place at, unsigned kinds, char **name);
/* Label matchers in braces that parse, and nothing else. */
void crosscheck_selector(struct crosscheck *c, struct place at, const char *selector);
/* An http or https URL without user name and password, its placeholders well-formed, and of those
 * that are known there: of the release, unless `scope` says more. */
void crosscheck_url_of(struct crosscheck *c, struct place at, const char *url,
                       enum placeholder_scope scope);
void crosscheck_url(struct crosscheck *c, struct place at, const char *url);

/* Names of the parts of one kind, NULL-terminated; of no kind there are more than 64. */
#define POLICY_MAX_NAMES 64
struct names {
	const char *list[POLICY_MAX_NAMES + 1];
	size_t n;
};
void names_add(struct names *names, const char *name);
bool names_have(const struct names *names, const char *name);

#endif
