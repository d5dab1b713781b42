/*
 * include - `include: [common/http.yaml]`: sources, KPIs, gates and actions shared between
 * policies, put into the document before anything else looks at it. Included files include nothing
 * themselves.
 */
#ifndef POLICY_INCLUDE_H
#define POLICY_INCLUDE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/macros.h"
#include "base/position.h"
#include "base/problem.h"
#include "policy/policy.h"

#define INCLUDE_MAX_FILES 16

/* Takes the key `include` out of the document and puts what it names in. `file` is the document's
 * own name. False when a problem was added. */
bool include_expand(const char *file, json_t *document, const struct policy_include *include,
                    struct positions *positions, struct problems *problems) MUST_CHECK;

#endif
