/*
 * fetch - HTTP requests to the outside through libcurl on the loop: scrapes, probes, webhooks; and
 * mails, to which all the rest applies as well.
 *
 * Spread over several multi handles (one multi is slow with thousands of idle connections). No
 * redirects, no proxy, http and https only (of mails smtp and smtps), every answer capped, every request with one total
 * deadline. The address that was really resolved is checked against `networks` when connecting;
 * link-local and cloud metadata addresses are always refused. The certificate of an https address
 * is always verified, with TLS 1.2 or later.
 */
#ifndef LOOP_FETCH_H
#define LOOP_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "loop/smtp.h"

struct loop;
struct fetcher;
struct fetch_reply;
struct networks; /* allowed CIDRs, see networks.h; NULL allows all but link-local */

enum fetch_failure {
	FETCH_OK = 0,    /* a whole answer arrived; look at the status */
	FETCH_PEER,      /* refused, reset, timed out, broken answer: the other side's doing */
	FETCH_TOO_LARGE, /* more than max_bytes */
	FETCH_STOPPED,   /* on_bytes returned false */
	FETCH_FORBIDDEN, /* address not allowed, bad URL */
	FETCH_LOCAL      /* our own limits: memory, descriptors, name resolution, no route */
};

/* Whom to trust and who we are; PEM texts, read beforehand. */
struct fetch_tls {
	char *ca;                       /* these authorities alone; NULL: the system's */
	char *client_cert, *client_key; /* shown when asked for; NULL: none */
};

/* Instead of a request. STARTTLS is insisted on. */
struct fetch_mail {
	struct smtp_mail mail;       /* borrowed until the end */
	const char *user, *password; /* NULL: no login */
	bool is_clear;               /* without TLS */
};

struct fetch_request {
	const char *method;         /* "GET", "POST", ... */
	const char *url;            /* copied */
	const char *const *headers; /* "Name: value", NULL-terminated; copied; may be NULL */
	struct str body;            /* copied; empty for none */
	int64_t timeout_ms;
	size_t max_bytes; /* of the body; beyond: FETCH_TOO_LARGE, or cut when cut_large */
	bool cut_large;   /* keep the first max_bytes and judge by status (webhooks) */
	bool takes_gzip;  /* the answer may come compressed; max_bytes is of what it unpacks to */
	const struct networks *networks; /* borrowed until the end */
	const struct fetch_tls *tls;     /* borrowed until the end; NULL reads as all NULL */
	/* The URL is of SMTP then, its path the name we greet with; method, headers and body count
	 * for nothing. The reply's status is that of SMTP, the body its text. Borrowed until the
	 * end; NULL: a request of HTTP. */
	const struct fetch_mail *mail;
	/* Streams the body of a 2xx answer instead of collecting it; returning false ends the
	 * request as FETCH_STOPPED. Of other answers the beginning is collected, and the reply is
	 * FETCH_OK. */
	bool (*on_bytes)(void *ctx, const char *bytes, size_t n);
	void (*done)(void *ctx,
	             const struct fetch_reply *reply); /* exactly once, never inside fetch_start,
	                                                  not after fetch_cancel */
	void *ctx;
};

struct fetch_reply {
	enum fetch_failure failure;
	long status;
	const char *content_type; /* "" when absent; borrowed during done() */
	int64_t retry_after_ms;   /* from Retry-After; -1 when absent */
	struct str body;          /* collected body; borrowed during done() */
	int64_t elapsed_ms;       /* without the time in our queue */
	struct err err;           /* when failure != FETCH_OK */
};

struct fetch;

struct fetcher *fetcher_new(struct loop *loop, size_t multis, size_t max_active, struct err *err);
void fetcher_free(struct fetcher **f); /* cancels what is under way */
/* NULL with *err when it cannot even start (bounded queue full: ERR_LIMIT). */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *request, struct err *err);
void fetch_cancel(
        struct fetch *fetch); /* done() is not called; allowed in any callback but its own done() */
/* What the answer's headers said so far; for on_bytes. "" and 0 before. */
const char *fetch_content_type(const struct fetch *fetch);
long fetch_status(const struct fetch *fetch);
/* The answer says itself where it ends, so that one that was cut is seen to be. */
bool fetch_is_framed(const struct fetch *fetch);
size_t fetcher_active(const struct fetcher *f);

#endif
