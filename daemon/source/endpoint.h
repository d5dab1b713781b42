/*
 * endpoint - where one target is scraped and which labels its series get: what Prometheus makes of
 * __address__, __scheme__, __metrics_path__ and __param_NAME, with job and instance.
 *
 * Other labels that begin with __ are dropped. No two endpoints of a source with different URLs
 * have the same labels: their series would be the same.
 */
#ifndef SOURCE_ENDPOINT_H
#define SOURCE_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/macros.h"
#include "policy/policy.h"

struct endpoint {
	char *url;
	json_t *labels; /* object of texts; job and instance among them */
	char *found_by; /* file or URL; NULL: the policy */
};

struct endpoints {
	struct endpoint *list; /* own */
	size_t n, capacity;
};

void endpoints_free(struct endpoints *e);
/* `address`: a URL, or host:port; `labels` may be NULL. ERR_INVALID when it is neither. */
bool endpoints_add(struct endpoints *e, const struct policy_source *source, const char *address,
                   const json_t *labels, const char *found_by, struct err *err) MUST_CHECK;
/* After the last one: instances that would be confused get the path too, or else the whole URL. */
bool endpoints_settle(struct endpoints *e, struct err *err) MUST_CHECK;
/* Labels as text that two equal sets share; heap, NULL without memory. */
char *endpoint_key(const struct endpoint *e);

/* The list of groups in a document of file_sd or http_sd, appended to `groups` as
 * {targets, labels, found_by}. Nothing is appended on failure. */
bool endpoints_read(const json_t *document, const char *found_by, json_t *groups,
                    struct err *err) MUST_CHECK;

#endif
