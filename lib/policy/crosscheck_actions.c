/* Actions: requests and commands that can be written whenever they are needed, and nothing in them
 * that belongs into headgate.yaml. */
#include "policy/crosscheck.h"

#include <string.h>
#include <strings.h>

#include "base/macros.h"
#include "base/str.h"

bool policy_action_uses(const struct policy_action *action, const char *placeholder)
{
	for (size_t i = 0; i < action->narguments; i++) {
		if (placeholder_uses(action->arguments[i], placeholder))
			return true;
	}
	return (action->path && placeholder_uses(action->path, placeholder)) ||
	       (action->input && placeholder_uses(action->input, placeholder)) ||
	       (action->read.path && placeholder_uses(action->read.path, placeholder)) ||
	       placeholder_uses_json(action->read.equals, placeholder) ||
	       placeholder_uses_json(action->body, placeholder) ||
	       placeholder_uses_json(action->headers, placeholder);
}

static bool header_is_fine(const char *name)
{
	for (const char *p = name; *p; p++) {
		bool fine = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		            (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';

		if (!fine)
			return false;
	}
	return *name != '\0';
}

/* Headers we set ourselves, and those that carry what a policy must not. */
static bool header_is_reserved(const char *name)
{
	static const char *const reserved[] = {
	        "Authorization", "Proxy-Authorization", "Cookie",     "Host", "Content-Length",
	        "Content-Type",  "Transfer-Encoding",   "Connection", NULL};

	for (size_t i = 0; reserved[i]; i++) {
		if (strcasecmp(reserved[i], name) == 0)
			return true;
	}
	return false;
}

static void check_header(struct crosscheck *c, const char *action, const char *name,
                         const json_t *value)
{
	struct place at = place_of("/actions/%s/headers", action);
	const char *text = json_string_value(value);
	char quote[STR_QUOTE_MAX];
	struct err err;

	str_quote(str_of(name), quote);
	if (!header_is_fine(name))
		crosscheck_problem(c, at, "%s is not the name of a header", quote);
	else if (header_is_reserved(name))
		crosscheck_problem(c, at,
		                   "header %s is not for policies: credentials and framing live in "
		                   "headgate.yaml",
		                   quote);
	else if (!text || strpbrk(text, "\r\n"))
		crosscheck_problem(c, at, "header %s must be a text of one line, in quotes", quote);
	else if (!placeholder_check(text, PLACE_ARGUMENT, SCOPE_STAGE, &err))
		crosscheck_problem(c, at, "%s", err.text);
}

static void check_headers(struct crosscheck *c, const struct policy_action *action)
{
	const char *name;
	json_t *value;

	if (action->headers && !json_is_object(action->headers))
		crosscheck_problem(c, place_of("/actions/%s/headers", action->name),
		                   "must be an object of names and texts");
	json_object_foreach(action->headers, name, value)
	        check_header(c, action->name, name, value);
}

static void check_path(struct crosscheck *c, struct place at, const char *path)
{
	struct err err;

	if (path[0] != '/') {
		crosscheck_problem(c, at, "must start with /");
		return;
	}
	for (const char *p = path; *p; p++) {
		if (*p <= ' ' || *p > '~' || *p == '#') {
			crosscheck_problem(
			        c, at, "holds a space, # or another character that URLs encode");
			return;
		}
	}
	if (strstr(path, "/../") || strstr(path, "/./"))
		crosscheck_problem(c, at, "must not climb: it has a \".\" or \"..\" in it");
	if (!placeholder_check(path, PLACE_URL, SCOPE_STAGE, &err))
		crosscheck_problem(c, at, "%s", err.text);
}

static void check_command(struct crosscheck *c, const struct policy_action *action)
{
	struct err err;

	for (size_t i = 0; i < action->narguments; i++) {
		if (action->arguments[i] &&
		    !placeholder_check(action->arguments[i], PLACE_ARGUMENT, SCOPE_STAGE, &err))
			crosscheck_problem(c,
			                   place_of("/actions/%s/arguments/%zu", action->name, i),
			                   "%s", err.text);
	}
	if (action->input && !placeholder_check(action->input, PLACE_ARGUMENT, SCOPE_STAGE, &err))
		crosscheck_problem(c, place_of("/actions/%s/input", action->name), "%s", err.text);
}

static void check_read(struct crosscheck *c, const struct policy_action *action)
{
	const struct policy_read *read = &action->read;
	struct place pointer = place_of("/actions/%s/read/pointer", action->name);
	struct err err;

	if (read->from)
		crosscheck_name(c, place_of("/actions/%s/read/from", action->name), read->from);
	if (read->path)
		check_path(c, place_of("/actions/%s/read/path", action->name), read->path);
	if (read->pointer && read->pointer[0] != '\0' && read->pointer[0] != '/')
		crosscheck_problem(c, pointer, "must be a JSON Pointer, like /weight");
	if (read->equals && !placeholder_check_json(read->equals, SCOPE_STAGE, &err))
		crosscheck_problem(c, place_of("/actions/%s/read/equals", action->name), "%s",
		                   err.text);
}

static void check_action(struct crosscheck *c, const struct policy_action *action)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE", "GET", NULL};
	bool known = !action->method;
	struct err err;

	for (size_t i = 0; methods[i] && !known; i++)
		known = strcmp(methods[i], action->method) == 0;
	if (!known)
		crosscheck_problem(c, place_of("/actions/%s/method", action->name),
		                   "must be POST, PUT, PATCH, DELETE or GET");
	if (action->method && action->body && strcmp(action->method, "GET") == 0)
		crosscheck_problem(c, place_of("/actions/%s/body", action->name),
		                   "a GET has no body");
	crosscheck_name(c, place_of("/actions/%s/to", action->name), action->to);
	/* Empty where the destination is a whole address. */
	if (action->path && action->path[0] != '\0')
		check_path(c, place_of("/actions/%s/path", action->name), action->path);
	check_headers(c, action);
	if (action->body && !placeholder_check_json(action->body, SCOPE_STAGE, &err))
		crosscheck_problem(c, place_of("/actions/%s/body", action->name), "%s", err.text);
	check_command(c, action);
	check_read(c, action);
}

void crosscheck_actions(struct crosscheck *c)
{
	for (size_t i = 0; i < c->policy->nactions; i++)
		check_action(c, &c->policy->actions[i]);
}
