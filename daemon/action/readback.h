/*
 * readback - one look at what an action has set: a GET to the destination that knows, and whether
 * the value there is the one that was asked for.
 *
 * With that destination's credentials, certificates, networks and time limit; not signed, no
 * redirects, of the answer at most 64 KiB. What a look means is for those who asked: delivery.c
 * before it believes an answer, drift.c for as long as the release goes on.
 */
#ifndef ACTION_READBACK_H
#define ACTION_READBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct app;
struct fetcher;
struct readback;

#define READBACK_TIMEOUT_MS INT64_C(15000) /* of destinations that name none */

enum readback_found {
	READBACK_EQUAL = 0,
	READBACK_OTHER,     /* something else stands there */
	READBACK_UNREADABLE /* no answer, none that can be read, or nothing stands there */
};

struct readback_end {
	enum readback_found found;
	const char *text; /* "/weight reads 10, not 50"; borrowed during the call */
};
typedef void (*readback_fn)(void *ctx, const struct readback_end *end);

/* `read`: the outbox column's JSON; copied. done() is called exactly once, never from within, not
 * after readback_free(). NULL with *err: it cannot be read like that here. */
struct readback *readback_start(struct app *app, struct fetcher *fetcher, const char *read,
                                readback_fn done, void *ctx, struct err *err);
/* In any case, also within done(); NULL is nothing. */
void readback_free(struct readback **r);

#endif
