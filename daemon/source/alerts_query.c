/* alerts_query - the ALERTS and ALERTS_FOR_STATE series of a Prometheus as a list of alerts. */
#include "source/alerts_query.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "gate/sentence.h"

#define PART_LABEL "headgate_part" /* tells the parts of the answer apart; no alert carries it */
#define NOW_PART "now"
#define NEWEST_PART "newest"
#define CLOCK_SKEW_MS (60 * 1000) /* beyond it, its instants say nothing about ours */
#define SECONDS_MAX 1e12

bool alerts_query(const char *selector, struct buf *out, struct err *err)
{
	struct str inner = str_trim(str_of(selector));

	if (inner.n < 2 || inner.p[0] != '{' || inner.p[inner.n - 1] != '}')
		return err_set(err, ERR_INVALID, "the selector is not label matchers in braces");
	inner = str_trim(str_slice(inner, 1, inner.n - 1));
	buf_add_text(out, "label_replace(vector(time()), \"" PART_LABEL "\", \"" NOW_PART
	                  "\", \"\", \"\") or label_replace(max(timestamp(ALERTS)), \"" PART_LABEL
	                  "\", \"" NEWEST_PART "\", \"\", \"\") or ALERTS{alertstate=\"firing\"");
	if (inner.n > 0)
		buf_add_char(out, ',');
	buf_add_str(out, inner);
	buf_add_text(out, "} or ALERTS_FOR_STATE{");
	buf_add_str(out, inner);
	buf_add_char(out, '}');
	return buf_ok(out, err);
}

/* An answer taken apart. */
struct answer {
	double now_s, newest_s; /* NaN: not there */
	json_t *list;           /* own */
	json_t *since;          /* own: {fingerprint: instant} */
	size_t firing;
};

/* [instant, "number"] */
static double value_of(const json_t *element)
{
	const json_t *text = json_array_get(json_object_get(element, "value"), 1);
	struct err ignored;
	double value = 0;

	if (!json_is_string(text) ||
	    !number_parse(str_of(json_string_value(text)), &value, &ignored) ||
	    !(fabs(value) < SECONDS_MAX))
		return (double)NAN;
	return value;
}

/* Without what Prometheus adds, so that the fingerprint is the alert's own. */
static json_t *labels_of(const json_t *element)
{
	json_t *labels = json_copy(json_object_get(element, "metric"));

	if (labels != NULL) {
		(void)json_object_del(labels, "__name__");
		(void)json_object_del(labels, "alertstate");
	}
	return labels;
}

static bool note_since(struct answer *a, const json_t *labels, double since_s)
{
	char fingerprint[ALERT_FINGERPRINT_TEXT], text[UNITS_TEXT_MAX];

	if (!isfinite(since_s))
		return true;
	instant_format((struct wall){(int64_t)(since_s * 1000)}, text);
	return alert_fingerprint(labels, fingerprint) &&
	       json_object_set_new(a->since, fingerprint, json_string(text)) == 0;
}

static bool read_alert(struct answer *a, const json_t *element, const char *name)
{
	json_t *labels = labels_of(element);
	bool ok = labels != NULL;

	if (ok && strcmp(name, "ALERTS_FOR_STATE") == 0) {
		ok = note_since(a, labels, value_of(element));
	} else if (ok) {
		a->firing++;
		ok = alert_list_add(a->list, NULL, labels, NULL);
	}
	json_decref(labels);
	return ok;
}

static bool read_element(struct answer *a, const json_t *element)
{
	const json_t *metric = json_object_get(element, "metric");
	const char *part = json_string_value(json_object_get(metric, PART_LABEL));
	const char *name = json_string_value(json_object_get(metric, "__name__"));

	if (part != NULL && strcmp(part, NOW_PART) == 0)
		a->now_s = value_of(element);
	else if (part != NULL && strcmp(part, NEWEST_PART) == 0)
		a->newest_s = value_of(element);
	else if (name != NULL)
		return read_alert(a, element, name);
	return true;
}

static bool add_since(struct answer *a)
{
	bool ok = true;

	for (size_t i = 0; ok && i < json_array_size(a->list); i++) {
		json_t *alert = json_array_get(a->list, i);
		const char *key = json_string_value(json_object_get(alert, "fingerprint"));
		json_t *since = json_object_get(a->since, key);

		ok = since == NULL || json_object_set(alert, "since", since) == 0;
	}
	return ok;
}

static bool is_proof(const struct answer *a, struct wall begun, struct wall now, struct err *err)
{
	double now_ms = a->now_s * 1000;

	if (!isfinite(a->now_s))
		return err_set(err, ERR_INVALID, "the answer does not say what time it is there");
	if (!(now_ms - (double)now.ms <= CLOCK_SKEW_MS) ||
	    !((double)begun.ms - now_ms <= CLOCK_SKEW_MS))
		return err_set(err, ERR_INVALID, "its clock differs from ours by over a minute");
	return isfinite(a->newest_s) ||
	       err_set(err, ERR_INVALID,
	               "no alert of any kind is known there: without one that always fires "
	               "(Watchdog) nothing shows that alerts are evaluated");
}

static bool take_apart(const json_t *result, struct answer *a, struct err *err)
{
	bool ok = a->list != NULL && a->since != NULL;

	for (size_t i = 0; ok && i < json_array_size(result); i++)
		ok = read_element(a, json_array_get(result, i));
	return (ok && add_since(a)) || err_set(err, ERR_NOMEM, "no memory for the answer");
}

bool alerts_query_read(const json_t *data, struct wall begun, struct wall now,
                       struct gate_alerts *out, struct err *err)
{
	const char *type = json_string_value(json_object_get(data, "resultType"));
	const json_t *result = json_object_get(data, "result");
	struct answer a = {.now_s = (double)NAN,
	                   .newest_s = (double)NAN,
	                   .list = json_array(),
	                   .since = json_object()};
	bool ok;

	if (type == NULL || strcmp(type, "vector") != 0 || !json_is_array(result))
		ok = err_set(err, ERR_INVALID, "the answer is not a vector");
	else
		ok = take_apart(result, &a, err) && is_proof(&a, begun, now, err);
	if (ok) {
		out->firing = a.firing;
		out->list = json_incref(a.list);
		out->at.ms = begun.ms - (int64_t)((a.now_s - a.newest_s) * 1000);
	}
	json_decref(a.list);
	json_decref(a.since);
	return ok;
}
