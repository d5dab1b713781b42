/*
 * page_fetch - a metrics page from a URL, for commands that may wait for it. As the daemon would
 * ask for it; whole or not at all.
 */
#ifndef CLI_PAGE_FETCH_H
#define CLI_PAGE_FETCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "exposition/exposition.h"

/* http:// or https:// */
bool page_is_url(const char *path);
/* Adds the page to *out, at most as much as fits. *out_format is what its Content-Type says. */
bool page_fetch(const char *url, struct buf *out, enum exposition_format *out_format,
                struct err *err) MUST_CHECK;

#endif
