/*
 * find - which release a path names (rule I5).
 */
#include "api/find.h"

#include <string.h>

#include "app.h"
#include "base/units.h"

static void answer_unknown(struct request *r, const char *name)
{
	if (!engine_is_loaded(request_app(r)->engine)) {
		request_set_header(r, "Retry-After", "1");
		request_problem(r, 503, NULL,
		                "the releases have not been read from the database yet: try again");
		return;
	}
	request_problem(r, 404, NULL,
	                "no release \"%.128s\": name it by number or as service@version; GET "
	                "/v1/releases lists them",
	                name);
}

static const struct tracked *find_by_version(struct request *r, const char *name, const char *at)
{
	const struct engine *e = request_app(r)->engine;
	char service[128];
	json_t *several = NULL;
	const struct tracked *t;

	if ((size_t)(at - name) >= sizeof(service)) {
		answer_unknown(r, name);
		return NULL;
	}
	memcpy(service, name, (size_t)(at - name));
	service[at - name] = '\0';
	t = engine_find_version(e, service, at + 1, request_query(r, "environment"), &several);
	if (several != NULL)
		request_problem(r, 409, json_pack("{s:o}", "environments", several),
		                "%.128s exists in several environments: add ?environment=", name);
	else if (t == NULL)
		answer_unknown(r, name);
	return t;
}

const struct tracked *find_release(struct request *r)
{
	const char *name = request_param(r, 0);
	const char *at = strchr(name, '@');
	struct err err = {.code = ERR_NONE};
	const struct tracked *t;
	int64_t id;

	if (at != NULL)
		return find_by_version(r, name, at);
	t = int_parse(str_of(name), &id, &err) ? engine_find(request_app(r)->engine, id) : NULL;
	if (t == NULL)
		answer_unknown(r, name);
	return t;
}
