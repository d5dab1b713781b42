#include "notify_config.h"

#include <stdio.h>

#include "base/position.h"
#include "base/problem.h"
#include "config.h"

static void add_problem(struct problems *problems, const struct positions *positions,
                        const char *sink, const char *key, const char *text)
{
	const struct position *at;
	char pointer[512];

	(void)snprintf(pointer, sizeof(pointer), "/notify/sinks/%.200s/%s", sink, key);
	at = positions_find(positions, pointer);
	problems_add(problems, at != NULL ? at->file : NULL, at != NULL ? at->line : 0,
	             at != NULL ? at->column : 0, pointer, "%s", text);
}

/* False: notifications cannot go there. */
static bool kind_of(const struct config_destination *to, enum notify_kind *out)
{
	switch (to->kind) {
	case DESTINATION_WEBHOOK:
		*out = NOTIFY_WEBHOOK;
		return true;
	case DESTINATION_COMMAND:
	case DESTINATION_KIND_COUNT:
		break;
	}
	return false;
}

static bool complete_sink(const struct config *config, struct notify_sink *sink,
                          const struct positions *positions, struct problems *problems)
{
	const struct config_destination *to = config_destination(config, sink->to);
	const char *key = "to";
	struct err err = {.code = ERR_NONE};
	bool ok;

	if (to == NULL)
		ok = err_set(&err, ERR_NOT_FOUND, "there is no destination %s", sink->to);
	else if (!kind_of(to, &sink->kind))
		ok = err_set(&err, ERR_INVALID,
		             "destination %s takes no notifications: a sink is a webhook, a mailer "
		             "or an Alertmanager",
		             sink->to);
	else
		ok = notify_sink_check(sink, &key, &err);
	if (!ok)
		add_problem(problems, positions, sink->name, key, err.text);
	return ok;
}

bool notify_config_complete(struct config *config, const struct positions *positions,
                            struct problems *problems)
{
	bool ok = true;

	for (size_t i = 0; i < config->notify.nsinks; i++)
		ok = complete_sink(config, &config->notify.sinks[i], positions, problems) && ok;
	return ok;
}
