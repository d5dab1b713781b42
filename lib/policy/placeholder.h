/*
 * placeholder - ${service} and its kin: finding them in a text and telling whether they may stand
 * there. The filling itself is declared in policy.h.
 *
 * A literal "${" is written "$${". In PromQL a placeholder stands inside a string literal, nowhere
 * else, so that no value can become part of the expression around it.
 */
#ifndef POLICY_PLACEHOLDER_H
#define POLICY_PLACEHOLDER_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "base/macros.h"
#include "policy/policy.h"

/* What is known when a text is filled: nothing (no placeholder may stand there), the release, also
 * the stage being entered, or also when it was started. */
enum placeholder_scope { SCOPE_NONE = 0, SCOPE_RELEASE, SCOPE_STAGE, SCOPE_STARTED };

/* Well-formed, known, and allowed where they stand. */
bool placeholder_check(const char *text, enum placeholder_place place, enum placeholder_scope scope,
                       struct err *err) MUST_CHECK;
/* The same for every string inside a JSON value. */
bool placeholder_check_json(const json_t *value, enum placeholder_scope scope,
                            struct err *err) MUST_CHECK;
/* The same for a caller's own names (policy_values.names): well-formed, and each of them in the list,
 * where "links.x" stands for "links." and any word. */
bool placeholder_check_names(const char *text, const char *const *names,
                             struct err *err) MUST_CHECK;
bool placeholder_check_names_json(const json_t *value, const char *const *names,
                                  struct err *err) MUST_CHECK;
/* Whether the text names this placeholder, "stage.weight" for one. */
bool placeholder_uses(const char *text, const char *name);
bool placeholder_uses_json(const json_t *value, const char *name);

#endif
