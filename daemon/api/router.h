/*
 * router - which route of a table a method and path mean.
 *
 * Pure. ":name" in a pattern takes one whole segment that is not empty. Where two patterns fit, the
 * one with more literal segments is meant. HEAD is answered by the GET route.
 */
#ifndef API_ROUTER_H
#define API_ROUTER_H

#include <stddef.h>

#include "base/str.h"

struct route;

#define ROUTER_MAX_PARAMS 4
#define ROUTER_ALLOW_MAX 48

struct route_match {
	const struct route *route;            /* NULL: see allow */
	struct str params[ROUTER_MAX_PARAMS]; /* borrowed from the path */
	size_t nparams;
	char allow[ROUTER_ALLOW_MAX]; /* methods the path has; "" when the path is unknown */
};

struct route_match router_find(const struct route *routes, struct str method, struct str path);

#endif
