/*
 * url_text - values inside URLs and forms. Pure.
 */
#ifndef SOURCE_URL_TEXT_H
#define SOURCE_URL_TEXT_H

#include "base/buf.h"
#include "base/str.h"

/* Percent-encoded but for unreserved characters (RFC 3986). */
void url_add_encoded(struct buf *out, struct str text);
/* name=value, both encoded; an & before it unless `out` is empty. */
void url_add_param(struct buf *out, const char *name, struct str value);

#endif
