/*
 * webhook - one message as an HTTP request: URL, headers, signature, body. docs/receiver.md tells
 * the other side.
 *
 * Pure: the time is an argument. Standard Webhooks (webhook-id, -timestamp, -signature),
 * Idempotency-Key and CloudEvents 1.0 binary attributes; the message's id is the same in every
 * attempt.
 */
#ifndef ACTION_WEBHOOK_H
#define ACTION_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "store/store.h"

struct config_variable;

#define WEBHOOK_BODY_MAX ((size_t)1024 * 1024)
#define WEBHOOK_HEADERS_MAX 64
#define WEBHOOK_ID_TEXT 80
#define WEBHOOK_SIGNATURE_TEXT 48 /* "v1," + base64 of 32 bytes + NUL */

struct webhook {
	struct buf url;
	struct buf text;                              /* the headers, each NUL-terminated */
	const char *headers[WEBHOOK_HEADERS_MAX + 1]; /* into text; NULL at the end */
	size_t nheaders;
	size_t ndropped; /* headers of the action that were not sent: ours, or no valid header */
	struct buf body;
};

/* What the destination adds; borrowed. */
struct webhook_target {
	const char *base;          /* address before the path */
	char *const *secrets;      /* a signature for each, NULL at the end; NULL: unsigned */
	const char *authorization; /* value of that header; NULL: none of ours */
	const char *public_url;    /* where receivers reach us, for callbacks; NULL: they know */
	bool is_whole;             /* base is the whole address; no path may follow */
	char *const *headers;      /* secret ones, "Name: value", NULL at the end; NULL: none */
	/* Secret members of the body, which must be an object then. */
	const struct config_variable *members; /* their names */
	char *const *values;
	size_t nmembers;
};

/* webhook_fini() in any case. */
bool webhook_build(const struct store_message *m, const struct webhook_target *to, struct wall at,
                   struct webhook *out, struct err *err) MUST_CHECK;
void webhook_fini(struct webhook *w);

/* The id its receiver sees: the message's own in every attempt, and ID.rN once the state was seen to
 * be another, N times; what an id stood for is not applied again. */
void webhook_id(const struct store_message *m, char out[WEBHOOK_ID_TEXT]);

/* A secret that begins with "whsec_" is base64, as Standard Webhooks hands them out; others are
 * used as they are. */
bool webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct str body,
                  char out[WEBHOOK_SIGNATURE_TEXT], struct err *err) MUST_CHECK;

/* The name of a header that we do not set ourselves. */
bool webhook_header_is_free(const char *name);

/* A receiver that holds a newer state says so: 409 with {"error": "stale..."}. */
bool webhook_is_stale(long status, struct str body);

#endif
