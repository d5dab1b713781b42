/*
 * checklist - what people have to give a release on its way, given or not: for dashboards and for
 * whoever asks what is left to do.
 */
#ifndef API_CHECKLIST_H
#define API_CHECKLIST_H

#include <jansson.h>

#include "release/release.h"

/* [{name, owner, for, done, evidence, subject, at}]: `for` is a stage, "start" or "re-entry". New
 * references, NULL without memory. */
json_t *checklist_json(const struct release *r, const struct policy *bound);
/* [{stage, role, needed, given}] of all stages. */
json_t *sign_offs_json(const struct release *r, const struct policy *bound);

#endif
