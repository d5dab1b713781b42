/*
 * admit - everything between the headers and the body, in the order in which a stranger learns
 * least and costs least.
 *
 * A refusal for how the request is framed closes the connection at once, because what follows on it
 * may be read in two ways. Other refusals wait until a body of reasonable size was read, so that
 * the client, which is still sending, sees the answer instead of a reset.
 */
#include "api/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/units.h"
#include "config.h"
#include "log.h"
#include "metrics.h"
#include "store/store.h"

/* Five failures a minute and address, then 429 instead of 401. Valid tokens are never held back by
 * it: others behind the same address must be able to roll back. */
static const struct limit failures_limit = {.name = "auth", .per_second = 5.0 / 60.0, .burst = 5};
/* Callbacks carry a token of their own, which only the database can judge: what strangers send
 * there is bounded by their address. */
static const struct limit callbacks_limit = {.name = "callback", .per_second = 50, .burst = 200};
/* Stopping a release must not wait behind the same person's other writes. */
static const struct limit halts_limit = {.name = "halt", .per_second = 10, .burst = 100};
/* Nor must the report of an incident: it may be what stops it. */
static const struct limit incidents_limit = {.name = "incident", .per_second = 10, .burst = 100};

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_n, const char *value, size_t value_n)
{
	struct head *head = cls;

	(void)kind;
	if (head->nheaders < HEADERS_MAX)
		head->headers[head->nheaders] = (struct header){
		        .name = {.p = name, .n = name_n},
		        .value = {.p = value ? value : "", .n = value ? value_n : 0},
		};
	head->nheaders++;
	return MHD_YES;
}

static void read_head(struct request *r, const char *method, const char *version, struct head *out)
{
	out->method = str_of(method);
	out->target = str_of(r->target);
	out->version = str_of(version);
	out->nheaders = 0;
	MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, add_header, out);
}

static void refuse(struct request *r, int status, const char *detail)
{
	r->close = true;
	if (status == 405)
		request_set_header(r, "Allow", HEADERS_ALLOWED_METHODS);
	metric_add(r->httpd->app->metrics, METRIC_HTTP_REJECTED, 1);
	request_problem(r, status, NULL, "%s", detail);
}

static void set_retry_after(struct request *r, int64_t wait_ms)
{
	char text[UNITS_TEXT_MAX];

	snprintf(text, sizeof(text), "%lld", (long long)((wait_ms + 999) / 1000));
	request_set_header(r, "Retry-After", text);
}

static bool no_memory(struct request *r)
{
	request_problem(r, 503, NULL, "No memory for the request.");
	return false;
}

static bool route(struct request *r, struct str path)
{
	struct route_match match = router_find(r->httpd->routes, str_of(r->method), path);

	if (!match.route && match.allow[0] == '\0') {
		request_problem(r, 404, NULL, "There is nothing at this path.");
		return false;
	}
	if (!match.route) {
		request_set_header(r, "Allow", match.allow);
		request_problem(r, 405, NULL, "This path has %s only.", match.allow);
		return false;
	}
	r->route = match.route;
	for (size_t i = 0; i < match.nparams; i++) {
		r->params[i] = str_dup(match.params[i]);
		if (!r->params[i])
			return no_memory(r);
	}
	return true;
}

/* Who sends these sends none a second time that was refused, so the route hears of everything but
 * strangers: what it was not told it must know that it does not know. */
static bool is_notification(const struct request *r)
{
	return str_eq_text(str_of(r->route->pattern), "/v1/alerts");
}

void request_too_long(struct request *r)
{
	request_problem(r, 413, NULL,
	                "The body has more bytes than fit: at most %zu are read here.",
	                r->route->max_body);
}

static bool length_fits(struct request *r, int64_t length)
{
	if (length <= (int64_t)r->route->max_body)
		return true;
	if (r->route->max_body == 0)
		refuse(r, 400, "This request has no body.");
	else if (is_notification(r))
		r->too_long = true;
	else
		request_too_long(r);
	return r->too_long;
}

static bool read_query(struct request *r, struct str query)
{
	struct err err;

	if (form_parse(query, &r->query, &err))
		return true;
	request_problem(r, err.code == ERR_NOMEM ? 503 : 400, NULL, "The query cannot be read: %s.",
	                err.text);
	return false;
}

static int permission_of(const struct route *wanted)
{
	for (int i = 0; i < PERMISSION_COUNT; i++) {
		if (strcmp(permission_names[i], wanted->permission) == 0)
			return i;
	}
	return -1;
}

bool request_may_fail(struct request *r)
{
	struct httpd *h = r->httpd;
	int64_t wait_ms;

	metric_add(h->app->metrics, METRIC_AUTH_FAILURES, 1);
	if (!limiter_take(h->limiter, &failures_limit, r->client->origin, r->started, &wait_ms)) {
		set_retry_after(r, wait_ms);
		request_problem(r, 429, NULL, "Too many requests without a valid token.");
		return false;
	}
	log_line(LOG_INFO, "auth_failed", "origin=%s method=%s path=%s", r->client->origin,
	         r->method, log_quote(r->path));
	return true;
}

static bool unauthorised(struct request *r)
{
	if (!request_may_fail(r))
		return false;
	request_set_header(r, "WWW-Authenticate", "Bearer realm=\"headgate\"");
	request_problem(r, 401, NULL, "Send a valid token as Authorization: Bearer hg_...");
	return false;
}

static int64_t release_of(const struct request *r)
{
	struct err ignored;
	int64_t id;

	if (!r->params[0] || !strstr(r->route->pattern, "/releases/:") ||
	    !int_parse(str_of(r->params[0]), &id, &ignored))
		return 0;
	return id;
}

static bool denied(struct request *r)
{
	struct app *app = r->httpd->app;
	char what[128];
	char why[64];

	snprintf(what, sizeof(what), "%s %s", r->route->method, r->route->pattern);
	snprintf(why, sizeof(why), "lacks permission %s", r->route->permission);
	if (app->store)
		store_denied(app->store, r->principal->subject, r->client->origin, what,
		             release_of(r), why);
	request_problem(r, 403, json_pack("{s:s}", "permission", r->route->permission),
	                "%s has no role with the permission \"%s\" that this needs.",
	                r->principal->subject, r->route->permission);
	return false;
}

static bool is_write(const struct request *r)
{
	return strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0;
}

static bool authorise(struct request *r)
{
	struct app *app = r->httpd->app;
	const char *authorization = request_header(r, "Authorization");
	const struct principal *found = NULL;
	int permission;

	if (app->tokens && authorization)
		found = tokens_check(app->tokens, authorization, loop_now(app->loop).wall);
	if (found) {
		r->principal = principal_copy(found);
		if (!r->principal)
			return no_memory(r);
	}
	if (!r->route->permission)
		return true;
	permission = permission_of(r->route);
	if (!found) {
		bool open = app->config->allow_anonymous_view && !authorization && !is_write(r) &&
		            permission == PERMISSION_VIEW;

		return open || unauthorised(r);
	}
	return (permission >= 0 && (found->permissions & (1U << permission))) || denied(r);
}

static bool is_halt(const struct request *r)
{
	struct str pattern = str_of(r->route->pattern);

	return str_ends_with(pattern, STR("/rollback")) || str_ends_with(pattern, STR("/pause"));
}

static bool is_report(const struct request *r)
{
	return str_eq_text(str_of(r->route->pattern), "/v1/incidents");
}

static bool rate_is_fine(struct request *r)
{
	const struct config_limits *limits = &r->httpd->app->config->limits;
	const struct limit writes_limit = {.name = "write",
	                                   .per_second = (double)limits->writes_per_second,
	                                   .burst = (double)limits->writes_burst};
	bool is_open = !r->route->permission;
	const struct limit *limit = is_open        ? &callbacks_limit
	                            : is_halt(r)   ? &halts_limit
	                            : is_report(r) ? &incidents_limit
	                                           : &writes_limit;
	const char *who = r->principal && !is_open ? r->principal->subject : r->client->origin;
	int64_t wait_ms;

	if (!is_write(r) || limiter_take(r->httpd->limiter, limit, who, r->started, &wait_ms))
		return true;
	set_retry_after(r, wait_ms);
	/* An Alertmanager tries again after 503, and not after 429. */
	request_problem(r, is_notification(r) ? 503 : 429, NULL,
	                "%s writes more than %.0f times a second.", who, limit->per_second);
	return false;
}

static bool accept_is_fine(struct request *r, const struct head *head)
{
	if (headers_accept_ours(head))
		return true;
	request_problem(r, 406, NULL, "Answers are application/json or text; accept one of them.");
	return false;
}

static bool site_is_fine(struct request *r, const struct head *head)
{
	if (!headers_are_cross_site(head))
		return true;
	refuse(r, 403, "A page of another site may not write here.");
	return false;
}

static bool is_open_for_business(struct request *r)
{
	if (!r->httpd->draining)
		return true;
	set_retry_after(r, 1);
	request_problem(r, 503, NULL,
	                "headgate is shutting down; try again or ask another instance.");
	return false;
}

bool request_admit(struct request *r, const char *method, const char *version)
{
	struct head_verdict verdict;
	struct head head;

	r->stage = REQUEST_REFUSED;
	read_head(r, method, version, &head);
	verdict = headers_judge(&head);
	if (verdict.status != 0) {
		refuse(r, verdict.status, verdict.detail);
		return true;
	}
	snprintf(r->method, sizeof(r->method), "%s", method);
	r->path = str_dup(verdict.path);
	r->body_kind = verdict.body;
	if (!r->path)
		no_memory(r);
	else if (is_open_for_business(r) && site_is_fine(r, &head) && route(r, verdict.path) &&
	         length_fits(r, verdict.content_length) && accept_is_fine(r, &head) &&
	         read_query(r, verdict.query) && authorise(r) && rate_is_fine(r))
		r->stage = REQUEST_ADMITTED;
	if (r->stage == REQUEST_ADMITTED)
		return false;
	/* Nobody reads a long body to throw it away, or asks for one that is held back. */
	if (verdict.content_length > (int64_t)API_DRAIN_MAX || verdict.expects_continue)
		r->close = true;
	return r->close;
}
