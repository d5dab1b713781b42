/*
 * retry - what one ended attempt to deliver a message means: acknowledged, again later, refused,
 * given up.
 *
 * Pure tables by class. A rollback is never given up. Delays are spread by +-20 % with a seed the
 * caller picks, so that a receiver that comes back is not met by everybody at once.
 */
#ifndef ACTION_RETRY_H
#define ACTION_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "action/carrier.h"
#include "release/release.h"
#include "store/store.h"

struct attempt {
	enum message_class class;
	int64_t attempts;      /* this one included */
	int64_t age_ms;        /* of the message */
	enum carried_how how;
	int64_t retry_after_ms; /* -1: the answer did not say */
	int64_t callback_ms;    /* OK only takes it, its receiver calls back; 0: OK says it is done */
	uint64_t seed;
};

struct retry {
	enum store_delivery how;
	int64_t retry_ms; /* until the next attempt; -1: none */
};

struct retry retry_decide(const struct attempt *attempt);
/* What it means that the receiver called back: ok as a 2xx would, else as a refusal. */
struct retry retry_decide_callback(const struct attempt *attempt, bool ok);
/* The table's delay after the nth attempt (from 1), before spreading. */
int64_t retry_delay_ms(enum message_class class, int64_t attempts);
/* May an attempt begin so long after its claim was asked for? It must also end within the claim:
 * after that nobody reckons with it any more. A rollback may overlap with its next attempt, but not
 * begin when the claim is over: by then its release may be history. */
bool retry_claim_stands(enum message_class class, int64_t since_ms, int64_t claim_ms,
                        int64_t timeout_ms);

#endif
