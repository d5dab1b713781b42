/*
 * values - the names that templates of notifications may hold, and what they stand for at one moment.
 * Internal to lib/notify.
 */
#ifndef NOTIFY_VALUES_H
#define NOTIFY_VALUES_H

#include "notify/notify.h"

/* For placeholder_check_names(); NULL at the end. */
extern const char *const notify_placeholders[];

/* One thing told to one sink. All borrowed. */
struct telling {
	const struct notify_job *job;
	const struct notice *notice;
	const char *event; /* its name; NULL while that is being filled */
	int64_t held_back;
};

/* An object of names for policy_values.names; NULL without memory. */
json_t *telling_values(const struct telling *t);
/* The body of a webhook without template. */
json_t *telling_body(const struct telling *t);
/* "checkout/prod 1.4.0 ..."; each fits in the buffer, cut if need be. */
#define TELLING_TEXT_BYTES (RELEASE_MAX_REASON + 1600)
void telling_text(const struct telling *t, char out[TELLING_TEXT_BYTES]);
/* The same as long as the incident lasts, whoever is called. */
#define TELLING_KEY_BYTES 480
void telling_key(const struct telling *t, char out[TELLING_KEY_BYTES]);
/* When it began: of a call its cause's start, else the decision. */
struct wall telling_since(const struct telling *t);

#endif
