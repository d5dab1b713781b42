/*
 * policy_fit - whether the actions of a policy can be carried out with this configuration: the
 * destinations they name are there, and are of the kind they are written for; and whether the
 * credentials its sources name are there and may be sent to them.
 *
 * A policy alone cannot know. Files are only warned about when the daemon starts, so that releases
 * under way go on; what is put or posted is refused.
 */
#ifndef ENGINE_POLICY_FIT_H
#define ENGINE_POLICY_FIT_H

#include <stdbool.h>

#include "base/problem.h"
#include "policy/policy.h"

struct config;

/* False after adding problems, with pointers into the policy; `file` may be NULL. */
bool policy_fits(const struct policy *p, const struct config *config, const char *file,
                 struct problems *problems) MUST_CHECK;

#endif
