#include "notify_config.h"

#include <stdio.h>

#include "action/mail.h"
#include "base/position.h"
#include "base/problem.h"
#include "base/str.h"
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
	case DESTINATION_MAIL:
		*out = NOTIFY_MAIL;
		return true;
	case DESTINATION_ALERTMANAGER:
		*out = NOTIFY_ALERT;
		return true;
	case DESTINATION_COMMAND:
	case DESTINATION_KIND_COUNT:
		break;
	}
	return false;
}

/* What would make every message of the sink a dead letter. */
static bool fits(const struct notify_sink *sink, const struct config_destination *to,
                 const char **out_key, struct err *err)
{
	char quote[STR_QUOTE_MAX];

	*out_key = "path";
	if (to->url_file != NULL && sink->path != NULL && sink->path[0] != '\0')
		return err_set(err, ERR_INVALID,
		               "destination %s is a whole address (url_file): no path may follow",
		               sink->to);
	*out_key = "recipients";
	if (sink->nrecipients > MAIL_RECIPIENTS_MAX)
		return err_set(err, ERR_LIMIT, "a mail has at most %d recipients",
		               MAIL_RECIPIENTS_MAX);
	for (size_t i = 0; i < sink->nrecipients; i++) {
		if (!mail_is_address(sink->recipients[i]))
			return err_set(err, ERR_INVALID, "%s is no mail address in ASCII",
			               str_quote(str_of(sink->recipients[i]), quote));
	}
	return true;
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
		ok = notify_sink_check(sink, &key, &err) && fits(sink, to, &key, &err);
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
