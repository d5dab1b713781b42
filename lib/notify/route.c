/* route - which sinks one event goes to. */
#include "notify/notify.h"

#include <string.h>

bool notify_pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text != '\0') {
		if (*pattern == '*') {
			star = pattern++;
			again = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool matches_any(char *const *patterns, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (notify_pattern_matches(patterns[i], text))
			return true;
	}
	return n == 0;
}

static bool is_one_of(char *const *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], text) == 0)
			return true;
	}
	return false;
}

bool notify_route_matches(const struct notify_route *route, const char *event,
                          enum severity severity, const char *role, const char *service,
                          const char *environment)
{
	if ((int)severity < route->severity ||
	    !matches_any(route->services, route->nservices, service) ||
	    !matches_any(route->environments, route->nenvironments, environment) ||
	    !matches_any(route->events, route->nevents, event))
		return false;
	if (route->nroles > 0)
		return role && is_one_of(route->roles, route->nroles, role);
	return !role || is_one_of(route->events, route->nevents, event);
}

/* Under which names people are called. */
static const struct notify_names *names_of(const struct notify_config *config, enum milestone what)
{
	for (size_t i = 0; i < config->nevents; i++) {
		if (strcmp(config->events[i].name, milestone_names[what]) == 0)
			return &config->events[i];
	}
	return NULL;
}

static bool hears(const struct notify_route *route, const char *event)
{
	const char *role = route->nroles > 0 ? route->roles[0] : "";
	struct notify_route anywhere = *route;

	anywhere.nservices = anywhere.nenvironments = 0;
	return route->nsinks > 0 &&
	       notify_route_matches(&anywhere, event, milestone_severity(MILESTONE_CALLED), role,
	                            "", "");
}

bool notify_hears_calls(const struct notify_config *config)
{
	const struct notify_names *own = names_of(config, MILESTONE_CALLED);
	const char *const *usual = milestone_default_names(MILESTONE_CALLED);

	for (size_t r = 0; r < config->nroutes; r++) {
		for (size_t i = 0; own && i < own->nnames; i++) {
			if (hears(&config->routes[r], own->names[i]))
				return true;
		}
		for (size_t i = 0; !own && usual[i]; i++) {
			if (hears(&config->routes[r], usual[i]))
				return true;
		}
	}
	return false;
}
