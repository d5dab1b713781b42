/*
 * carrier - how one message gets to a destination of one kind: a request, a command, a mail. One file
 * per kind behind this interface; delivery.c knows nothing of what they do.
 *
 * What an attempt's end means for the message is not a carrier's to say: it tells how it ended, and
 * retry.c decides by the message's class.
 */
#ifndef ACTION_CARRIER_H
#define ACTION_CARRIER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "config.h"
#include "store/store.h"

struct app;
struct fetcher;

enum carried_how {
	CARRIED_OK = 0,        /* done, or taken when the receiver calls back */
	CARRIED_UNANSWERED,    /* nothing came back: it may have taken effect all the same */
	CARRIED_FAILED,        /* answered: it may work later */
	CARRIED_REFUSED,       /* answered: never */
	CARRIED_UNDELIVERABLE, /* not sent: our configuration forbids it or lacks something */
	CARRIED_NOT_SENT       /* not sent this time: our own limits */
};

struct carried {
	enum carried_how how;
	long status;            /* of HTTP or SMTP, or a command's exit status; 0: none */
	int64_t retry_after_ms; /* the receiver asked for it; -1 */
	int64_t elapsed_ms;
	const char *text; /* for people; borrowed during the call */
};

/* One attempt. All of it outlives the attempt. */
struct carrier_job {
	struct app *app;
	struct fetcher *fetcher; /* for those that speak through curl */
	const struct config_destination *to;
	void (*done)(void *ctx, const struct carried *end);
	void *ctx;
};

struct carrier {
	/* Takes what it needs of the message, which is gone afterwards. NULL with *err: it cannot be
	 * sent like that to such a destination. */
	void *(*prepare)(const struct carrier_job *job, const struct store_message *m, struct err *err);
	/* The message is on its way: done() is called exactly once, never from within. False with
	 * *err: it is not. */
	bool (*start)(void *carried, struct err *err);
	/* In any case, also within done(); what is under way is given up, without done(). */
	void (*free)(void *carried);
	/* For those that may take long, NULL otherwise: what is under way shall end soon, done()
	 * follows. While they are under way their claims are renewed. */
	void (*stop)(void *carried);
};

const struct carrier *carrier_for(enum destination_kind kind);

extern const struct carrier carrier_webhook, carrier_command, carrier_alertmanager, carrier_mail;

struct fetch_reply;
/* Of an answer with its status, `how` to be said by the carrier; else how it ended. Its text is the
 * reply's. */
struct carried carried_by_reply(const struct fetch_reply *reply);
/* What the status of a final HTTP answer means; docs/receiver.md. */
enum carried_how carried_by_status(long status);

#endif
