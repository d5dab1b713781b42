/*
 * alert_list - firing alerts one by one, wherever they were heard of: a JSON list of {fingerprint,
 * labels, since}, shared by reference and not changed once it is handed on.
 *
 * Pure. The fingerprint is what an alert is known by (rule A4): the one its Alertmanager gives it, or
 * the same computed from its labels, so that an alert has one wherever it is seen.
 * Limits: ALERT_LIST_MAX of one question; what there is beyond is counted and not listed.
 */
#ifndef GATE_ALERT_LIST_H
#define GATE_ALERT_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/macros.h"
#include "base/time.h"

#define ALERT_LIST_MAX 256
#define ALERT_LIST_SHOWN 16
#define ALERT_FINGERPRINT_TEXT 33 /* with NUL; Alertmanager's have 16 digits */

/* A person has taken care of the alert, for one release. */
struct gate_addressed {
	char *fingerprint;
	char *subject; /* the person */
	char *reason;  /* NULL without */
	struct wall at;
};

/* 1 to 32 letters and digits. */
bool alert_fingerprint_is_fine(const char *text);
/* As Alertmanager computes it: FNV-1a over the sorted labels. False without memory. */
bool alert_fingerprint(const json_t *labels, char out[ALERT_FINGERPRINT_TEXT]) MUST_CHECK;

/* Appends one, with the fingerprint of its labels where none is given; a full list stays as it is.
 * `since` may be NULL. False without memory. */
bool alert_list_add(json_t *list, const char *fingerprint, json_t *labels,
                    const char *since) MUST_CHECK;
/* Who took care of it; NULL: nobody. */
const struct gate_addressed *alert_addressed(const json_t *alert, const struct gate_addressed *list,
                                             size_t n);
size_t alert_list_addressed(const json_t *alerts, const struct gate_addressed *list, size_t n);
/* The different names of the first few alerts nobody took care of, cut to fit. */
void alert_list_names(const json_t *alerts, const struct gate_addressed *list, size_t n, char *out,
                      size_t size);
/* For people: those nobody took care of first, at most ALERT_LIST_SHOWN, with `addressed` and
 * `addressed_by`; long labels are cut. A new reference; NULL without memory. */
json_t *alert_list_show(const json_t *alerts, const struct gate_addressed *list, size_t n);

#endif
