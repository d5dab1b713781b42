/*
 * release_view - a release as the API shows it.
 */
#ifndef API_RELEASE_VIEW_H
#define API_RELEASE_VIEW_H

#include <jansson.h>

#include "engine/engine.h"

#define RELEASE_ETAG_TEXT 80

/* New references; NULL without memory. */
json_t *release_view(const struct engine *e, const struct tracked *t);
json_t *release_view_gates(const struct engine *e, const struct tracked *t);
json_t *release_view_targets(const struct engine *e, const struct tracked *t);
json_t *
release_view_legal(unsigned legal); /* ["pause", "rollback"] from the bits of release_legal() */
/* "<id>.<row_version>.<evaluation>" in quotes. */
void release_etag(const struct tracked *t, char out[RELEASE_ETAG_TEXT]);
/* The row_version an If-Match insists on; false when it is malformed, weak, `*` or of another
 * release. */
bool release_if_match(const struct tracked *t, const char *value, int64_t *out_row_version);

#endif
