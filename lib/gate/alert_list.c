/* alert_list - alerts by their fingerprint: listed, named, and told apart by whether somebody took
 * care of them. */
#include "gate/alert_list.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "gate/sentence.h"

#define NAMES_SHOWN 8
#define LABELS_SHOWN 16
#define VALUE_SHOWN 128 /* bytes of a label's value, with NUL */
#define FNV_OFFSET UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)
#define SEPARATOR 0xff /* in no UTF-8 text */

bool alert_fingerprint_is_fine(const char *text)
{
	static const char fine[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t n = strlen(text);

	return n > 0 && n < ALERT_FINGERPRINT_TEXT && strspn(text, fine) == n;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (const char *p = text; *p; p++)
		hash = (hash ^ (unsigned char)*p) * FNV_PRIME;
	return (hash ^ SEPARATOR) * FNV_PRIME;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool alert_fingerprint(const json_t *labels, char out[ALERT_FINGERPRINT_TEXT])
{
	json_t *object = (json_t *)(uintptr_t)labels; /* only read */
	const char **names = calloc(json_object_size(labels) + 1, sizeof(*names));
	uint64_t hash = FNV_OFFSET;
	size_t n = 0;

	if (!names)
		return false;
	for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
		names[n++] = json_object_iter_key(at);
	qsort(names, n, sizeof(*names), by_bytes);
	for (size_t i = 0; i < n; i++) {
		const char *value = json_string_value(json_object_get(labels, names[i]));

		hash = hash_text(hash_text(hash, names[i]), value ? value : "");
	}
	free(names);
	(void)snprintf(out, ALERT_FINGERPRINT_TEXT, "%016llx", (unsigned long long)hash);
	return true;
}

bool alert_list_add(json_t *list, const char *fingerprint, json_t *labels, const char *since)
{
	char computed[ALERT_FINGERPRINT_TEXT];
	json_t *alert;

	if (json_array_size(list) >= ALERT_LIST_MAX)
		return true;
	if (!fingerprint || !alert_fingerprint_is_fine(fingerprint)) {
		if (!alert_fingerprint(labels, computed))
			return false;
		fingerprint = computed;
	}
	alert = json_pack("{s:s, s:O, s:s?}", "fingerprint", fingerprint, "labels", labels, "since",
	                  since);
	return json_array_append_new(list, alert) == 0;
}

const struct gate_addressed *alert_addressed(const json_t *alert, const struct gate_addressed *list,
                                             size_t n)
{
	const char *fingerprint = json_string_value(json_object_get(alert, "fingerprint"));

	for (size_t i = 0; fingerprint && i < n; i++) {
		if (strcmp(list[i].fingerprint, fingerprint) == 0)
			return &list[i];
	}
	return NULL;
}

size_t alert_list_addressed(const json_t *alerts, const struct gate_addressed *list, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < json_array_size(alerts); i++)
		found += alert_addressed(json_array_get(alerts, i), list, n) != NULL;
	return found;
}

static const char *name_of(const json_t *alert)
{
	const json_t *labels = json_object_get(alert, "labels");
	const char *name = json_string_value(json_object_get(labels, "alertname"));

	return name ? name : "an alert without a name";
}

void alert_list_names(const json_t *alerts, const struct gate_addressed *list, size_t n, char *out,
                      size_t size)
{
	const char *shown[NAMES_SHOWN];
	size_t nshown = 0, at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < json_array_size(alerts) && nshown < NAMES_SHOWN; i++) {
		const json_t *alert = json_array_get(alerts, i);
		const char *name = name_of(alert);
		size_t known = 0;

		while (known < nshown && strcmp(shown[known], name) != 0)
			known++;
		if (known < nshown || alert_addressed(alert, list, n))
			continue;
		shown[nshown++] = name;
		if (at < size)
			at += (size_t)snprintf(out + at, size - at, "%s%s", at > 0 ? ", " : "",
			                       name);
	}
	text_mend_cut(out, size);
}

static json_t *show_labels(const json_t *labels)
{
	json_t *object = (json_t *)(uintptr_t)labels; /* only read */
	json_t *shown = json_object();
	char value[VALUE_SHOWN];

	for (void *at = json_object_iter(object);
	     shown && at && json_object_size(shown) < LABELS_SHOWN;
	     at = json_object_iter_next(object, at)) {
		const char *text = json_string_value(json_object_iter_value(at));

		sentence_set(value, sizeof(value), "%s", text ? text : "");
		(void)json_object_set_new(shown, json_object_iter_key(at), json_string(value));
	}
	return shown;
}

static json_t *show(const json_t *alert, const struct gate_addressed *by)
{
	json_t *shown = json_pack("{s:O?, s:o?, s:O?, s:b}", "fingerprint",
	                          json_object_get(alert, "fingerprint"), "labels",
	                          show_labels(json_object_get(alert, "labels")), "since",
	                          json_object_get(alert, "since"), "addressed", by != NULL);

	if (shown && by && by->subject)
		(void)json_object_set_new(shown, "addressed_by", json_string(by->subject));
	return shown;
}

json_t *alert_list_show(const json_t *alerts, const struct gate_addressed *list, size_t n)
{
	json_t *shown = json_array();

	for (int wanted = 0; shown && wanted <= 1; wanted++) {
		for (size_t i = 0; i < json_array_size(alerts); i++) {
			const json_t *alert = json_array_get(alerts, i);
			const struct gate_addressed *by = alert_addressed(alert, list, n);

			if ((by != NULL) != (wanted == 1) ||
			    json_array_size(shown) >= ALERT_LIST_SHOWN)
				continue;
			if (json_array_append_new(shown, show(alert, by)) != 0) {
				json_decref(shown);
				return NULL;
			}
		}
	}
	return shown;
}
