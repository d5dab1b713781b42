/*
 * alerts - what Alertmanagers tell by webhook, in version 4 of their format: one group of alerts,
 * which replaces what was told of that group before.
 *
 * A body that is not understood whole changes nothing of what fires. That it was refused is kept,
 * so that nobody takes what was not heard for silence, and only then it is answered: an
 * Alertmanager says again what had a 5xx, and never what had a 4xx. Members that are not looked at
 * may be anything: Alertmanagers add to them. Limits: below, and those of any JSON body.
 */
#include "api/alerts.h"

#include <stdlib.h>
#include <string.h>

#include "api/auth.h"
#include "api/httpd.h"
#include "app.h"
#include "gate/alert_list.h"
#include "log.h"
#include "store/store.h"

#define ALERTS_MAX 500
#define LABELS_MAX 64 /* of one alert */
#define LABEL_NAME_MAX 256
#define LABEL_VALUE_MAX 2048
#define LABELS_BYTES_MAX 8192 /* of one alert, all together */
#define GROUP_MAX 16384       /* bytes of the group's key, and of the receiver's name */
#define SINCE_MAX 64

/* A webhook being read. */
struct reading {
	struct request *request;
	json_t *firing, *resolved; /* own */
	json_t *seen;              /* own: {fingerprint: true} of those that fire */
	char *origin;              /* own */
	int64_t cut_off;
};

static bool refuse(const struct reading *t, const char *pointer, const char *text)
{
	request_problem(t->request, 422, json_pack("{s:s}", "pointer", pointer), "%s", text);
	return false;
}

static bool refuse_alert(const struct reading *t, size_t i, const char *member, const char *text)
{
	char pointer[64];

	(void)snprintf(pointer, sizeof(pointer), "/alerts/%zu%s", i, member);
	return refuse(t, pointer, text);
}

static bool labels_are_fine(const struct reading *t, size_t i, json_t *labels)
{
	const char *name;
	json_t *value;
	size_t bytes = 0;

	if (!json_is_object(labels) || json_object_size(labels) > LABELS_MAX)
		return refuse_alert(t, i, "/labels", "must be an object of at most 64 labels");
	json_object_foreach(labels, name, value)
	{
		if (!json_is_string(value) || strlen(name) > LABEL_NAME_MAX ||
		    json_string_length(value) > LABEL_VALUE_MAX)
			return refuse_alert(t, i, "/labels",
			                    "labels must be texts of at most 2048 bytes, with "
			                    "names of at most 256");
		if (memchr(json_string_value(value), '\0', json_string_length(value)) != NULL)
			return refuse_alert(t, i, "/labels", "a label holds a NUL character");
		bytes += strlen(name) + json_string_length(value);
	}
	return bytes <= LABELS_BYTES_MAX ||
	       refuse_alert(t, i, "/labels", "has labels of more than 8192 bytes in all");
}

static bool no_memory(const struct reading *t)
{
	request_unavailable(t->request, "no memory for this request: try again");
	return false;
}

/* The fingerprint it comes with, or else that of its labels; false after answering. */
static bool read_fingerprint(const struct reading *t, size_t i, const json_t *alert,
                             char out[ALERT_FINGERPRINT_TEXT])
{
	const json_t *given = json_object_get(alert, "fingerprint");
	const char *text = json_string_value(given);

	if (given == NULL)
		return alert_fingerprint(json_object_get(alert, "labels"), out) || no_memory(t);
	if (text == NULL || !alert_fingerprint_is_fine(text))
		return refuse_alert(t, i, "/fingerprint", "must be 1 to 32 letters and digits");
	(void)snprintf(out, ALERT_FINGERPRINT_TEXT, "%s", text);
	return true;
}

static bool keep_firing(struct reading *t, size_t i, const json_t *alert, const char *fingerprint)
{
	const json_t *since = json_object_get(alert, "startsAt");
	const char *text = json_string_value(since);
	json_t *kept;

	if (since != NULL && (text == NULL || strlen(text) > SINCE_MAX))
		return refuse_alert(t, i, "/startsAt", "must be an instant (RFC 3339)");
	if (json_object_get(t->seen, fingerprint) != NULL)
		return true; /* said twice */
	kept = json_pack("{s:s, s:O, s:s?}", "fingerprint", fingerprint, "labels",
	                 json_object_get(alert, "labels"), "since", text);
	return (json_object_set_new(t->seen, fingerprint, json_true()) == 0 &&
	        json_array_append_new(t->firing, kept) == 0) ||
	       no_memory(t);
}

static bool read_alert(struct reading *t, size_t i, const json_t *alert)
{
	const char *status = json_string_value(json_object_get(alert, "status"));
	char fingerprint[ALERT_FINGERPRINT_TEXT];

	if (!json_is_object(alert))
		return refuse_alert(t, i, "", "must be an object");
	if (!labels_are_fine(t, i, json_object_get(alert, "labels")) ||
	    !read_fingerprint(t, i, alert, fingerprint))
		return false;
	if (status != NULL && strcmp(status, "firing") == 0)
		return keep_firing(t, i, alert, fingerprint);
	if (status != NULL && strcmp(status, "resolved") == 0)
		return json_array_append_new(t->resolved, json_string(fingerprint)) == 0 ||
		       no_memory(t);
	return refuse_alert(t, i, "/status", "must be \"firing\" or \"resolved\"");
}

static bool read_group(struct reading *t, const json_t *body)
{
	const json_t *version = json_object_get(body, "version");
	const json_t *group = json_object_get(body, "groupKey");
	const json_t *receiver = json_object_get(body, "receiver");
	const json_t *cut = json_object_get(body, "truncatedAlerts");

	if (!json_is_string(version) || strcmp(json_string_value(version), "4") != 0)
		return refuse(t, "/version", "must be \"4\": Alertmanager's webhook format");
	if (!json_is_string(group) || json_string_length(group) == 0 ||
	    json_string_length(group) > GROUP_MAX)
		return refuse(t, "/groupKey", "must be a text of 1 to 16384 bytes");
	if (receiver != NULL &&
	    (!json_is_string(receiver) || json_string_length(receiver) > GROUP_MAX))
		return refuse(t, "/receiver", "must be a text of at most 16384 bytes");
	if (cut != NULL && (!json_is_integer(cut) || json_integer_value(cut) < 0))
		return refuse(t, "/truncatedAlerts", "must be a whole number, not below 0");
	t->cut_off = json_integer_value(cut);
	t->origin = json_dumps(json_object_get(body, "groupKey"), JSON_ENCODE_ANY);
	if (t->origin != NULL && receiver != NULL) {
		json_t *both = json_pack("[O, O]", receiver, group);

		free(t->origin);
		t->origin = json_dumps(both, 0);
		json_decref(both);
	}
	return t->origin != NULL || no_memory(t);
}

static bool read_webhook(struct reading *t, const json_t *body)
{
	const json_t *alerts = json_object_get(body, "alerts");
	bool ok = read_group(t, body);

	if (ok && (!json_is_array(alerts) || json_array_size(alerts) > ALERTS_MAX))
		return refuse(t, "/alerts",
		              "must be a list of at most 500 alerts: set max_alerts at the "
		              "Alertmanager's receiver");
	for (size_t i = 0; ok && i < json_array_size(alerts); i++)
		ok = read_alert(t, i, json_array_get(alerts, i));
	return ok;
}

struct alerts_request {
	struct app *app;
	uint64_t request;
	size_t firing, resolved;
	bool is_refusal;
};

static void kept(void *ctx, const struct err *err)
{
	struct alerts_request *op = ctx;
	/* At the very end the server is gone before the store drops what still waits. */
	struct request *r =
	        op->app->httpd == NULL ? NULL : httpd_request(op->app->httpd, op->request);

	if (r != NULL && err == NULL && op->is_refusal)
		request_answer_withheld(r);
	else if (r != NULL && err == NULL)
		request_answer_json(r, 200,
		                    json_pack("{s:I, s:I}", "firing", (json_int_t)op->firing,
		                              "resolved", (json_int_t)op->resolved));
	else if (r != NULL)
		request_unavailable(r, "%s", err->text);
	free(op);
}

static void keep_refusal(const struct reading *t)
{
	int status = request_withhold(t->request);
	struct alerts_request *op = calloc(1, sizeof(*op));
	struct err err = {.code = ERR_NONE};
	char why[32];

	if (op == NULL) {
		(void)no_memory(t);
		return;
	}
	*op = (struct alerts_request){.app = request_app(t->request),
	                              .request = request_id(t->request),
	                              .is_refusal = true};
	(void)snprintf(why, sizeof(why), "was refused (%d)", status);
	log_line(LOG_WARN, "alerts_refused", "subject=%s origin=%s status=%d",
	         request_principal(t->request)->subject, request_origin(t->request), status);
	if (store_alerts_refused(op->app->store, t->origin, why, kept, op, &err))
		return;
	free(op);
	request_unavailable(t->request, "%s", err.text);
}

static void keep(const struct reading *t)
{
	struct store_alerts alerts = {.origin = t->origin,
	                              .firing = t->firing,
	                              .resolved = t->resolved,
	                              .cut_off = t->cut_off};
	struct alerts_request *op = calloc(1, sizeof(*op));
	struct err err = {.code = ERR_NONE};

	if (op == NULL) {
		(void)no_memory(t);
		return;
	}
	*op = (struct alerts_request){.app = request_app(t->request),
	                              .request = request_id(t->request),
	                              .firing = json_array_size(t->firing),
	                              .resolved = json_array_size(t->resolved)};
	if (store_alerts_put(op->app->store, &alerts, kept, op, &err))
		return;
	free(op);
	request_unavailable(t->request, "%s", err.text);
}

static void read_and_keep(struct reading *t)
{
	json_t *body = request_body(t->request);

	t->firing = json_array();
	t->resolved = json_array();
	t->seen = json_object();
	if (body == NULL)
		return;
	if (t->firing == NULL || t->resolved == NULL || t->seen == NULL)
		(void)no_memory(t);
	else if (read_webhook(t, body))
		keep(t);
}

void alerts_told(struct request *r)
{
	struct reading t = {.request = r};

	read_and_keep(&t);
	if (request_is_refused(r))
		keep_refusal(&t);
	json_decref(t.firing);
	json_decref(t.resolved);
	json_decref(t.seen);
	free(t.origin);
}
