/*
 * release_text - a release in plain words, for people with curl: why it is not moving comes first.
 */
#ifndef API_RELEASE_TEXT_H
#define API_RELEASE_TEXT_H

#include <stdbool.h>

#include "api/httpd.h"
#include "base/buf.h"
#include "engine/engine.h"

#define RELEASE_TEXT_MAX_BYTES (64u * 1024)

/* Whether the request would rather have text than JSON: text/plain stands first in its Accept. */
bool release_text_is_wanted(const struct request *r);
void release_text(const struct engine *e, const struct tracked *t, struct buf *out);

#endif
