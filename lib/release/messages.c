/*
 * messages - the actions of a stage or of a rollback option as messages to send, placeholders
 * filled.
 */
#include "release/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static bool keep_text(char **out, const char *text, struct err *err)
{
	*out = text_dup(text);
	return *out || !text || err_set(err, ERR_NOMEM, "no memory for a message");
}

/* A command's input travels as its body. */
static bool fill_command(struct message *m, const struct policy_action *action,
                         const struct policy_values *values, struct err *err)
{
	if (action->path)
		return true;
	m->arguments = json_array();
	for (size_t i = 0; m->arguments && i < action->narguments; i++) {
		char *text = placeholder_fill(action->arguments[i], PLACE_ARGUMENT, values, err);
		int failed = text ? json_array_append_new(m->arguments, json_string(text)) : -1;

		if (!text)
			return false;
		free(text);
		if (failed)
			return err_set(err, ERR_NOMEM, "no memory for a command");
	}
	if (m->arguments && action->input) {
		char *text = placeholder_fill(action->input, PLACE_ARGUMENT, values, err);

		if (!text)
			return false;
		m->body = json_string(text);
		free(text);
	}
	return (m->arguments && (m->body || !action->input)) ||
	       err_set(err, ERR_NOMEM, "no memory for a command");
}

static bool fill_read(struct message *m, const struct policy_action *action,
                      const struct policy_values *values, struct err *err)
{
	const struct policy_read *read = &action->read;
	json_t *equals;
	char *path;

	if (!read->path)
		return true;
	path = placeholder_fill(read->path, PLACE_URL, values, err);
	equals = path ? placeholder_fill_json(read->equals, values, err) : NULL;
	if (!equals) {
		free(path);
		return false;
	}
	m->read =
	        json_pack("{s:s, s:s, s:s, s:o, s:I}", "from", read->from ? read->from : action->to,
	                  "path", path, "pointer", read->pointer ? read->pointer : "", "equals",
	                  equals, "every_ms", (json_int_t)read->every_ms);
	free(path);
	return m->read || err_set(err, ERR_NOMEM, "no memory for a message");
}

static bool fill(struct message *m, const struct policy_action *action,
                 const struct policy_values *values, struct err *err)
{
	if (!keep_text(&m->action, action->name, err) ||
	    !keep_text(&m->destination, action->to, err) ||
	    !keep_text(&m->method, action->method ? action->method : "POST", err))
		return false;
	if (action->acknowledge_by == ACKNOWLEDGE_BY_CALLBACK)
		m->callback_ms = action->acknowledge_ms;
	m->path = placeholder_fill(action->path ? action->path : "", PLACE_URL, values, err);
	if (!m->path)
		return false;
	if (action->body) {
		m->body = placeholder_fill_json(action->body, values, err);
		if (!m->body)
			return false;
	}
	if (action->headers) {
		m->headers = placeholder_fill_json(action->headers, values, err);
		if (!m->headers)
			return false;
	}
	return fill_command(m, action, values, err) && fill_read(m, action, values, err);
}

bool messages_build(const struct question *q, const struct policy_stage *stage,
                    char *const *actions, size_t n, enum message_class class, int64_t option,
                    struct message **out, struct err *err)
{
	struct policy_values values = release_values(q->r, stage);
	struct message *list = NULL;

	*out = NULL;
	if (n == 0)
		return true;
	list = calloc(n, sizeof(*list));
	if (!list)
		return err_set(err, ERR_NOMEM, "no memory for messages");
	for (size_t i = 0; i < n; i++) {
		const struct policy_action *action = policy_action(q->p, actions[i]);

		list[i].class = class;
		list[i].option = option;
		if (!action) {
			err_set(err, ERR_INVALID, "the policy has no action %s", actions[i]);
			goto fail;
		}
		if (!fill(&list[i], action, &values, err)) {
			err_prefix(err, "action %s", actions[i]);
			goto fail;
		}
	}
	*out = list;
	return true;
fail:
	messages_free(list, n);
	return false;
}

bool messages_append_take(struct outcome *out, struct message *take, size_t n)
{
	struct message *grown = NULL;

	if (n == 0)
		return true;
	grown = realloc(out->messages, (out->nmessages + n) * sizeof(*grown));
	if (!grown) {
		messages_free(take, n);
		return refuse_nomem(out);
	}
	memcpy(&grown[out->nmessages], take, n * sizeof(*take));
	out->messages = grown;
	out->nmessages += n;
	free(take);
	return true;
}

bool messages_add_possible(const struct question *q, char *const *actions, size_t n, int64_t option,
                           struct outcome *out, size_t *out_left)
{
	struct message *one = NULL;
	struct err err = {0};

	*out_left = 0;
	for (size_t i = 0; i < n; i++) {
		if (messages_build(q, release_stage(q->r, q->p), &actions[i], 1, MESSAGE_ROLLBACK,
		                   option, &one, &err)) {
			if (!messages_append_take(out, one, 1))
				return false;
		} else if (err.code == ERR_NOMEM) {
			return refuse_nomem(out);
		} else {
			++*out_left;
		}
	}
	return true;
}
