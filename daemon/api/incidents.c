/*
 * incidents - reporting one and listing them (rule A5).
 *
 * 201 says that the incident is on record; what it does to the release follows and stands in the
 * release's timeline. Reporting takes the permission submit; a P0 rolls back what is exposed, so it
 * takes operate.
 */
#include "api/incidents.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/httpd.h"
#include "api/idempotency.h"
#include "app.h"
#include "base/field.h"
#include "base/units.h"
#include "engine/engine.h"
#include "store/store.h"

#define NAME_MAX_BYTES 64
#define TITLE_MAX_BYTES 300
#define LINK_MAX_BYTES 1000
#define KEY_MAX_BYTES 128
#define LIST_DEFAULT 50
#define LIST_MAX 500

struct incident_body {
	char *service, *environment;
	int severity; /* enum incident_severity */
	char *title, *link, *key, *author;
};

#define AT(member) .offset = offsetof(struct incident_body, member)
/* clang-format off */
static const struct field incident_fields[] = {
	{ .key = "service", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(service), .min = 1, .max = NAME_MAX_BYTES, .doc = "What it is about, as in releases." },
	{ .key = "environment", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(environment), .min = 1, .max = NAME_MAX_BYTES, .doc = "Where." },
	{ .key = "severity", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, AT(severity), .names = incident_severity_names, .doc = "P0 rolls back, P1 pauses and calls people, P2 pauses, P3 is noted." },
	{ .key = "title", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(title), .min = 1, .max = TITLE_MAX_BYTES, .doc = "What is wrong, in a line." },
	{ .key = "link", .kind = FIELD_TEXT, AT(link), .max = LINK_MAX_BYTES, .doc = "Where more is written about it." },
	{ .key = "key", .kind = FIELD_TEXT, AT(key), .max = KEY_MAX_BYTES, .doc = "Its name in the system that reports it: the same once more is the same incident, a higher severity its rise." },
	{ .key = "author", .kind = FIELD_TEXT, AT(author), .max = 128, .doc = "The person a machine token acts for." },
};
static const struct field_table incident_table = { .noun = "incident", .fields = incident_fields,
	.n = ARRAY_LEN(incident_fields), .size = sizeof(struct incident_body) };
/* clang-format on */

struct incident_request {
	struct app *app;
	uint64_t request;
};

static void reported(void *ctx, const struct store_reported *found, const struct err *err)
{
	struct incident_request *op = ctx;
	struct request *r =
	        op->app->httpd == NULL ? NULL : httpd_request(op->app->httpd, op->request);

	if (r != NULL && found != NULL)
		idempotency_answer(r, found->created ? 201 : 200, json_incref(found->row));
	else if (r != NULL)
		idempotency_answer_problem(r, 503, NULL, err->text);
	free(op);
}

/* The names of releases: anything else could not be about one. */
static bool name_is_fine(const char *name)
{
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0' &&
	       strchr("._-", name[0]) == NULL;
}

static bool names_are_fine(struct request *r, const struct incident_body *body)
{
	const char *bad = !name_is_fine(body->service)       ? "service"
	                  : !name_is_fine(body->environment) ? "environment"
	                                                     : NULL;

	if (bad == NULL)
		return true;
	request_problem(r, 422,
	                json_pack("{s:s}", "pointer", bad[0] == 's' ? "/service" : "/environment"),
	                "%s must be small letters, digits and . _ - as in releases", bad);
	return false;
}

static bool may_report(struct request *r, enum incident_severity severity)
{
	const struct principal *by = request_principal(r);

	if (severity != INCIDENT_P0 || (by->permissions & 1U << PERMISSION_OPERATE) != 0)
		return true;
	store_denied(request_app(r)->store, by->subject, request_origin(r), "POST /v1/incidents", 0,
	             "lacks permission operate");
	request_problem(r, 403, json_pack("{s:s}", "permission", "operate"),
	                "%s has no role with the permission \"operate\": a P0 rolls back what is "
	                "exposed",
	                by->subject);
	return false;
}

static void report(struct request *r, const struct incident_body *body)
{
	const struct principal *by = request_principal(r);
	struct err err = {.code = ERR_NONE};
	struct incident_request *op;
	struct store_report report = {.service = body->service,
	                              .environment = body->environment,
	                              .severity = (enum incident_severity)body->severity,
	                              .title = body->title,
	                              .link = body->link,
	                              .key = body->key != NULL && body->key[0] != '\0' ? body->key
	                                                                               : NULL,
	                              .subject = by->subject,
	                              .person = by->machine ? body->author : by->subject,
	                              .origin = request_origin(r)};

	if (!may_report(r, report.severity) || !names_are_fine(r, body))
		return;
	op = calloc(1, sizeof(*op));
	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	*op = (struct incident_request){.app = request_app(r), .request = request_id(r)};
	if (!engine_report_incident(op->app->engine, &report, reported, op, &err)) {
		free(op);
		request_unavailable(r, "%s", err.text);
	}
}

static void report_go(struct request *r)
{
	struct incident_body body = {0};

	if (request_decode(r, &incident_table, &body))
		report(r, &body);
	field_free(&incident_table, &body);
}

void incidents_report(struct request *r)
{
	idempotency_run(r, report_go);
}

/* --- listing --- */

static bool read_number(struct request *r, const char *key, int64_t max, int64_t *out)
{
	const char *text = request_query(r, key);
	struct err err = {.code = ERR_NONE};

	if (text == NULL)
		return true;
	if (int_parse(str_of(text), out, &err) && *out >= 1 && *out <= max)
		return true;
	request_problem(r, 422, json_pack("{s:s}", "parameter", key),
	                "%s must be a whole number from 1 to %" PRId64, key, max);
	return false;
}

static void listed(void *ctx, json_t *rows, const struct err *err)
{
	struct incident_request *op = ctx;
	struct request *r = httpd_request(op->app->httpd, op->request);

	if (r != NULL && rows != NULL)
		request_answer_json(r, 200, json_pack("{s:O}", "incidents", rows));
	else if (r != NULL)
		request_unavailable(r, "the database is away: %s", err->text);
	free(op);
}

void incidents_list(struct request *r)
{
	int64_t limit = LIST_DEFAULT, before = INT64_MAX;
	struct err err = {.code = ERR_NONE};
	struct incident_request *op;

	if (!read_number(r, "limit", LIST_MAX, &limit) ||
	    !read_number(r, "before", INT64_MAX, &before))
		return;
	op = calloc(1, sizeof(*op));
	if (op == NULL) {
		request_unavailable(r, "no memory for this request: try again");
		return;
	}
	*op = (struct incident_request){.app = request_app(r), .request = request_id(r)};
	if (!store_incident_rows(op->app->store, request_query(r, "service"),
	                         request_query(r, "environment"), before, limit, listed, op,
	                         &err)) {
		free(op);
		request_unavailable(r, "the database is away: %s", err.text);
	}
}
