/* alerts_webhook - the alerts in the database, read again and again, and picked from by each gate.
 */
#include "source/alerts_webhook.h"

#include <string.h>

#include "base/units.h"
#include "gate/alerts.h"
#include "gate/sentence.h"
#include "log.h"
#include "promql/label_match.h"
#include "source/source.h"
#include "store/store.h"

#define READ_EVERY_MS 5000
#define REPEAT_MS (4 * 60 * 60 * 1000) /* an Alertmanager's repeat_interval, unless it is set */
#define LABELS_MAX 64                  /* of one alert; more are not taken */

struct inbox {
	struct watch watch;
	json_t *rows; /* own; NULL: not known */
	struct wall asked, loaded;
	char why[160];
};

/* --- picking --- */

static size_t labels_of(const json_t *row, struct label labels[LABELS_MAX])
{
	json_t *object = json_object_get(row, "labels");
	size_t n = 0;

	for (void *at = json_object_iter(object); at != NULL && n < LABELS_MAX;
	     at = json_object_iter_next(object, at)) {
		const char *value = json_string_value(json_object_iter_value(at));

		labels[n++] = (struct label){.name = str_of(json_object_iter_key(at)),
		                             .value = str_of(value != NULL ? value : "")};
	}
	return n;
}

/* What cannot be told fires. */
static bool fits(const struct promql_expr *selector, const json_t *row, bool otherwise)
{
	struct label labels[LABELS_MAX];
	size_t n = labels_of(row, labels);
	bool matches = otherwise;
	struct err ignored;

	return promql_labels_match(selector, labels, n, &matches, &ignored) ? matches : otherwise;
}

static void pick_one(const json_t *row, json_t *known, struct gate_alerts *out)
{
	const char *fingerprint = json_string_value(json_object_get(row, "fingerprint"));

	if (fingerprint == NULL || json_object_get(known, fingerprint) != NULL)
		return;
	(void)json_object_set_new(known, fingerprint, json_true());
	out->firing++;
	/* Without memory it is counted and not listed. */
	(void)!alert_list_add(out->list, fingerprint, json_object_get(row, "labels"),
	                      json_string_value(json_object_get(row, "since")));
}

/* The newest of what was refused so lately that its Alertmanager need not have told it again. */
static const json_t *newest_refusal(const json_t *rows, int64_t since_ms)
{
	const json_t *newest = NULL;
	json_int_t at = since_ms;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		json_int_t refused = json_integer_value(json_object_get(row, "refused_ms"));

		if (refused >= at && refused > 0) {
			newest = row;
			at = refused;
		}
	}
	return newest;
}

static void say_refused(const json_t *refusal, struct gate_alerts *out)
{
	const char *why = json_string_value(json_object_get(refusal, "why"));
	char at[UNITS_TEXT_MAX];

	instant_format((struct wall){json_integer_value(json_object_get(refusal, "refused_ms"))},
	               at);
	sentence_set(out->why, sizeof(out->why), "a notification %s at %s: what fires is not known",
	             why ? why : "was refused", at);
}

void alerts_webhook_pick(const json_t *rows, const struct promql_expr *selector,
                         const struct promql_expr *watchdog, int64_t refused_since_ms,
                         struct gate_alerts *out)
{
	const json_t *refusal = newest_refusal(rows, refused_since_ms);
	json_t *known = json_object();
	json_int_t cut_off = 0;

	out->list = json_array();
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		int64_t received = json_integer_value(json_object_get(row, "received_ms"));
		json_int_t cut = json_integer_value(json_object_get(row, "cut_off"));

		if (json_object_get(row, "refused_ms") != NULL)
			continue;
		cut_off = cut > cut_off ? cut : cut_off;
		if (fits(watchdog, row, false))
			out->at.ms = received > out->at.ms ? received : out->at.ms;
		else if (fits(selector, row, true))
			pick_one(row, known, out);
	}
	json_decref(known);
	out->known = out->at.ms > 0;
	out->is_part = cut_off > 0 || refusal != NULL;
	if (cut_off > 0)
		sentence_set(
		        out->why, sizeof(out->why),
		        "%lld alerts were cut off a webhook (max_alerts): what they are is not "
		        "known",
		        (long long)cut_off);
	else if (refusal != NULL)
		say_refused(refusal, out);
	else if (out->at.ms == 0)
		sentence_set(out->why, sizeof(out->why),
		             "the alert that always fires was not told so far");
	else
		sentence_set(out->why, sizeof(out->why),
		             "so long ago the alert that always fires was told");
}

static int64_t repeat_ms(const struct policy_source *source)
{
	return source->repeat_ms > 0 ? source->repeat_ms : REPEAT_MS;
}

void alerts_webhook_look(const struct gate_view *view, const struct policy_source *source,
                         struct gate_alerts *out)
{
	const struct inbox *in =
	        view->interests != NULL ? (const struct inbox *)view->interests->watch : NULL;

	*out = (struct gate_alerts){.every_ms = source->every_ms};
	if (in == NULL || view->selector == NULL || view->watchdog == NULL)
		return;
	if (in->rows != NULL) {
		alerts_webhook_pick(in->rows, view->selector, view->watchdog,
		                    watch_now(&in->watch).ms - repeat_ms(source), out);
		return;
	}
	out->at = in->asked;
	sentence_set(out->why, sizeof(out->why), "%s",
	             in->why[0] != '\0' ? in->why : "the alerts told so far were not read yet");
}

/* --- the watch --- */

static void keep(struct inbox *in, json_t *rows, const struct err *err)
{
	bool was_known = in->rows != NULL, is_first = in->loaded.ms == 0;

	watch_answered(&in->watch, rows != NULL);
	json_decref(in->rows);
	in->rows = json_incref(rows);
	in->loaded = watch_now(&in->watch);
	in->why[0] = '\0';
	if (rows == NULL)
		sentence_set(in->why, sizeof(in->why), "the alerts cannot be read: %s", err->text);
	if (rows == NULL && (was_known || is_first))
		log_err(LOG_WARN, "alerts_unknown", err, "url=%s", log_quote(in->watch.url));
	else if (rows != NULL && !was_known && !is_first)
		log_line(LOG_INFO, "alerts_known_again", "url=%s", log_quote(in->watch.url));
}

/* The inbox that asked may be gone by now; the rows are those of whichever is there. */
static void loaded(void *ctx, json_t *rows, const struct err *err)
{
	struct sources *sources = ctx;

	sources->inbox_loading = false;
	if (sources->inbox != NULL)
		keep((struct inbox *)sources->inbox, rows, err);
}

static void inbox_start(struct watch *w)
{
	struct inbox *in = (struct inbox *)w;
	struct store *store = w->sources->app->store;
	struct err err = {.code = ERR_NONE};

	if (w->sources->inbox_loading)
		return;
	in->asked = watch_now(w);
	if (store == NULL)
		(void)err_set(&err, ERR_UNAVAILABLE, "there is no database");
	else if (store_alerts_load(store, loaded, w->sources, &err)) {
		w->sources->inbox_loading = true;
		return;
	}
	keep(in, NULL, &err);
}

static bool inbox_init(struct watch *w, const struct ask *ask, struct err *err)
{
	(void)ask;
	(void)err;
	w->sources->inbox = w; /* there is one address */
	return true;
}

/* The database's answer to the present question is still good. */
static void inbox_forget(struct watch *w)
{
	struct inbox *in = (struct inbox *)w;

	json_decref(in->rows);
	in->rows = NULL;
	in->why[0] = '\0';
}

static void inbox_stop(struct watch *w)
{
	if (w->sources->inbox == w)
		w->sources->inbox = NULL;
	inbox_forget(w);
}

static size_t count_firing(const json_t *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(rows); i++)
		n += json_object_get(json_array_get(rows, i), "refused_ms") == NULL;
	return n;
}

static void inbox_describe(const struct watch *w, json_t *into)
{
	const struct inbox *in = (const struct inbox *)w;

	(void)json_object_set_new(into, "up", json_boolean(in->rows != NULL));
	(void)json_object_set_new(into, "last_attempt", instant_json(in->asked.ms));
	(void)json_object_set_new(into, "firing", json_integer((json_int_t)count_firing(in->rows)));
	(void)json_object_set_new(into, "error",
	                          in->why[0] != '\0' ? json_string(in->why) : json_null());
}

static bool join(struct subscription *s, size_t gate, const struct policy_source *from,
                 struct err *err)
{
	const struct alerts_spec *spec = s->policy->gates[gate].spec;
	struct gate_view *view = &s->gates[gate];
	struct promql_position at;
	struct ask ask = {.url = "alerts told to POST /v1/alerts", .share = ""};

	ask.every_ms = from->every_ms < READ_EVERY_MS ? from->every_ms : READ_EVERY_MS;
	ask.timeout_ms = ask.every_ms;
	view->selector = promql_parse(str_of(spec->alerts), &at, err);
	view->watchdog =
	        view->selector != NULL ? promql_parse(str_of(from->addresses[0]), &at, err) : NULL;
	return view->watchdog != NULL &&
	       subscription_join(s, &view->interests, &source_alerts_webhook, &ask, err);
}

static bool inbox_subscribe(struct subscription *s, struct err *err)
{
	for (size_t i = 0; i < s->policy->ngates; i++) {
		const struct gate *gate = &s->policy->gates[i];
		const struct policy_source *from =
		        gate->kind == &gate_alerts ? alerts_source(s->policy, gate) : NULL;

		if (from == NULL || from->kind != SOURCE_WEBHOOK || from->naddresses == 0)
			continue;
		if (!join(s, i, from, err)) {
			err_prefix(err, "gate %s", gate->name);
			return false;
		}
	}
	return true;
}

const struct watch_kind source_alerts_webhook = {
        .name = "alerts_webhook",
        .size = sizeof(struct inbox),
        .subscribe = inbox_subscribe,
        .init = inbox_init,
        .start = inbox_start,
        .stop = inbox_stop,
        .forget = inbox_forget,
        .describe = inbox_describe,
};
