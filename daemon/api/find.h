/*
 * find - which release a path names: a number, or service@version with ?environment= where that is
 * needed.
 */
#ifndef API_FIND_H
#define API_FIND_H

#include "api/httpd.h"
#include "engine/engine.h"

/* NULL when the request is taken care of: answered (404, 409, 503), or the database is being asked
 * and the route will be called again. */
const struct tracked *find_release(struct request *r);

#endif
