/*
 * headers - the header policy: what a request's line and headers must look like before any route
 * sees it.
 *
 * Pure. The parser below us lets through what two servers in a row may read differently (both
 * length and transfer coding, two lengths, two hosts); all of that is refused here, and the
 * connection closed. What the parser hides from us (bare line feeds, folded headers, a raw NUL)
 * cannot be; a normalising proxy can.
 */
#ifndef API_HEADERS_H
#define API_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define HEADERS_MAX 64

struct header {
	struct str name;
	struct str value;
};

struct head { /* all borrowed */
	struct str method;
	struct str target;  /* as sent: path and query */
	struct str version; /* "HTTP/1.1" */
	struct header headers[HEADERS_MAX];
	size_t nheaders; /* may exceed HEADERS_MAX: the rest is counted only */
};

enum body_kind { BODY_NONE = 0, BODY_JSON, BODY_FORM, BODY_YAML, BODY_OTHER };

struct head_verdict {
	int status;             /* 0: go on; else answer this and close */
	const char *detail;     /* a sentence for the sender; constant */
	struct str path;        /* without the query */
	struct str query;       /* after '?', undecoded */
	int64_t content_length; /* 0 when absent */
	enum body_kind body;    /* BODY_NONE when the length is 0 */
	bool expects_continue;  /* the body is held back until we agree */
};

#define HEADERS_ALLOWED_METHODS "GET, HEAD, POST, PUT, DELETE"

struct head_verdict headers_judge(const struct head *head);

/* The value of the first header of that name; .p NULL when absent. */
struct str headers_find(const struct head *head, const char *name);
/* False when Accept is there and excludes everything we speak: JSON and text. */
bool headers_accept_ours(const struct head *head);
/* True for a write that a page of another site made the browser send. */
bool headers_are_cross_site(const struct head *head);

#endif
