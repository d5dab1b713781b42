/*
 * find - which release a path names: a number, or service@version with ?environment= where that is
 * needed.
 */
#ifndef API_FIND_H
#define API_FIND_H

#include "api/httpd.h"
#include "engine/engine.h"

/* NULL after answering 400, 404, 409 or 503 itself. */
const struct tracked *find_release(struct request *r);

#endif
