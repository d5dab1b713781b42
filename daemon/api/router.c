/*
 * router - walks the table once; it is short enough that an index would cost more than it saves.
 */
#include "api/router.h"

#include <stdbool.h>
#include <string.h>

#include "api/httpd.h"

/* The segment that starts at *at (behind its slash); *at moves behind the next slash. */
static struct str next_segment(struct str path, size_t *at)
{
	const char *slash = memchr(path.p + *at, '/', path.n - *at);
	size_t end = slash ? (size_t)(slash - path.p) : path.n;
	struct str segment = str_slice(path, *at, end);

	*at = end + 1;
	return segment;
}

static bool fits(struct str pattern, struct str path, struct route_match *out, size_t *out_literals)
{
	size_t in_pattern = 1;
	size_t in_path = 1;

	out->nparams = 0;
	*out_literals = 0;
	while (in_pattern <= pattern.n && in_path <= path.n) {
		struct str wanted = next_segment(pattern, &in_pattern);
		struct str got = next_segment(path, &in_path);

		if (wanted.n > 0 && wanted.p[0] == ':') {
			if (got.n == 0 || out->nparams == ROUTER_MAX_PARAMS)
				return false;
			out->params[out->nparams++] = got;
		} else {
			if (!str_eq(wanted, got))
				return false;
			(*out_literals)++;
		}
	}
	return in_pattern > pattern.n && in_path > path.n;
}

static void allow(struct route_match *match, const char *method)
{
	size_t n = strlen(match->allow);
	size_t left = sizeof(match->allow) - n;
	const char *comma = n > 0 ? ", " : "";

	if (strstr(match->allow, method) || strlen(comma) + strlen(method) >= left)
		return;
	memcpy(match->allow + n, comma, strlen(comma) + 1);
	memcpy(match->allow + n + strlen(comma), method, strlen(method) + 1);
	if (strcmp(method, "GET") == 0)
		allow(match, "HEAD");
}

struct route_match router_find(const struct route *routes, struct str method, struct str path)
{
	struct str wanted = str_eq_text(method, "HEAD") ? STR("GET") : method;
	struct route_match best = {.route = NULL};
	size_t best_literals = 0;

	for (const struct route *route = routes; route->method; route++) {
		struct route_match match;
		size_t literals;

		if (!fits(str_of(route->pattern), path, &match, &literals))
			continue;
		allow(&best, route->method);
		if (!str_eq_text(wanted, route->method))
			continue;
		if (best.route && literals <= best_literals)
			continue;
		best.route = route;
		best.nparams = match.nparams;
		memcpy(best.params, match.params, sizeof(best.params));
		best_literals = literals;
	}
	return best;
}
