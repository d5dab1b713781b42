/*
 * operations - what machines ask of a daemon.
 */
#include "api/operations.h"

#include <string.h>

#include "api/httpd.h"
#include "app.h"
#include "base/units.h"
#include "engine/engine.h"
#include "metrics.h"
#include "store/store.h"
#include "version.h"

#define METRICS_BYTES (256u * 1024)

void operations_metrics(struct request *r)
{
	struct err err = {.code = ERR_NONE};
	struct buf text;

	buf_init(&text, METRICS_BYTES);
	metrics_print(request_app(r)->metrics, &text);
	if (buf_ok(&text, &err))
		request_answer_text(r, 200, "text/plain; version=0.0.4; charset=utf-8",
		                    buf_str(&text));
	else
		request_problem(r, 503, NULL, "%s", err.text);
	buf_fini(&text);
}

void operations_livez(struct request *r)
{
	request_answer_text(r, 200, "text/plain; charset=utf-8", STR("ok\n"));
}

/* Stays 200 while the database is away: a 503 would take every instance out of the load balancer
 * and with them the way to roll back. The alarm is headgate_store_up. */
void operations_readyz(struct request *r)
{
	const struct app *app = request_app(r);
	bool up = store_is_up(app->store);
	char as_of[UNITS_TEXT_MAX];
	json_t *body;

	instant_format(engine_as_of(app->engine), as_of);
	body = json_pack("{s:s, s:s, s:b, s:b, s:s}", "status", "ok", "store",
	                 up ? "ok" : "unreachable", "owner", engine_is_owner(app->engine), "loaded",
	                 engine_is_loaded(app->engine), "as_of", as_of);
	if (body != NULL && !up)
		(void)json_object_set_new(body, "store_trouble",
		                          json_string(store_trouble(app->store)));
	request_answer_json(r, 200, body);
}

void operations_index(struct request *r)
{
	struct buf text;

	buf_init(&text, 64 * 1024);
	buf_printf(&text, "headgate %s\n\n", HEADGATE_VERSION);
	for (const struct route *route = api_routes; route->method != NULL; route++)
		buf_printf(&text, "%-6s %-40s %s\n", route->method, route->pattern, route->doc);
	request_answer_text(r, 200, "text/plain; charset=utf-8", buf_str(&text));
	buf_fini(&text);
}

/* "/v1/releases/:id" to "/v1/releases/{id}", with its parameters. */
static json_t *path_of(const char *pattern, struct buf *out)
{
	json_t *parameters = json_array();

	buf_clear(out);
	for (const char *p = pattern; *p != '\0';) {
		size_t n = strcspn(p + 1, "/") + 1;

		if (p[0] == '/' && p[1] == ':') {
			json_t *name = json_stringn(p + 2, n - 2);

			buf_printf(out, "/{%s}", json_string_value(name));
			(void)json_array_append_new(parameters,
			                            json_pack("{s:o, s:s, s:b, s:{s:s}}", "name",
			                                      name, "in", "path", "required", 1,
			                                      "schema", "type", "string"));
		} else {
			buf_add(out, p, n);
		}
		p += n;
	}
	return parameters;
}

static json_t *operation_of(const struct route *route, json_t *parameters_take)
{
	json_t *out = json_pack("{s:s, s:o, s:{s:{s:s}, s:{s:s}}}", "summary", route->doc,
	                        "parameters", parameters_take, "responses", "default",
	                        "description", "application/problem+json (RFC 9457)", "2XX",
	                        "description", "application/json");

	if (out != NULL && route->permission != NULL)
		(void)json_object_set_new(out, "security",
		                          json_pack("[{s:[s]}]", "bearer", route->permission));
	return out;
}

void operations_openapi(struct request *r)
{
	json_t *paths = json_object(), *body;
	struct buf path;

	buf_init(&path, 1024);
	for (const struct route *route = api_routes; route->method != NULL; route++) {
		json_t *operation = operation_of(route, path_of(route->pattern, &path)), *item;
		char method[8] = {0};

		for (size_t i = 0; i < sizeof(method) - 1 && route->method[i] != '\0'; i++)
			method[i] = (char)(route->method[i] | 0x20);
		item = json_object_get(paths, buf_str(&path).p);
		if (item == NULL) {
			item = json_object();
			(void)json_object_set_new(paths, buf_str(&path).p, item);
		}
		(void)json_object_set_new(item, method, operation);
	}
	buf_fini(&path);
	body = json_pack("{s:s, s:{s:s, s:s}, s:o, s:{s:{s:{s:s, s:s}}}}", "openapi", "3.1.0",
	                 "info", "title", "headgate", "version", HEADGATE_VERSION, "paths", paths,
	                 "components", "securitySchemes", "bearer", "type", "http", "scheme",
	                 "bearer");
	request_answer_json(r, 200, body);
}
