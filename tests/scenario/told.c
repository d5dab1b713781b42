/*
 * told - what everybody is told of a release that is routed to one place: names, in order. Calls
 * for people are looked at by themselves (call_ledger.h).
 */
#include "story.h"

#include <stdio.h>
#include <string.h>

#include "notify/notify.h"

bool told_note(struct story *s, const struct release *before, const struct outcome *out)
{
	char all[] = "all";
	char *sinks[] = {all};
	struct notify_sink sink = {.name = all, .to = all};
	struct notify_route route = {.sinks = sinks, .nsinks = 1};
	const struct notify_config config = {
	        .routes = &route, .nroutes = 1, .sinks = &sink, .nsinks = 1};
	const struct notify_moment moment = {.before = before,
	                                     .next = out->next,
	                                     .decision = &out->decision,
	                                     .policy = s->bound,
	                                     .evaluation = s->e};
	struct notify_result result;
	struct err err;
	size_t n = strlen(s->told);

	if (!notify_compose(&(struct notify_job){.config = &config, .moment = &moment}, &result,
	                    &err))
		return story_fail(s, "%s", err.text);
	for (size_t i = 0; i < result.n && n < sizeof(s->told); i++)
		n += (size_t)snprintf(s->told + n, sizeof(s->told) - n, "%s%s", n > 0 ? " " : "",
		                      result.messages[i].action);
	messages_free(result.messages, result.n);
	return true;
}
