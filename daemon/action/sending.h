/*
 * sending - what the two files of the delivery share: the messages under way. delivery.c claims,
 * sends and records; hold.c keeps those that take long, and ends them when they are overtaken or
 * the daemon stops.
 */
#ifndef ACTION_SENDING_H
#define ACTION_SENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "action/carrier.h"
#include "action/lanes.h"
#include "base/time.h"
#include "loop/loop.h"
#include "release/release.h"

struct app;
struct fetcher;
struct readback;

/* One message from claim to record. */
struct sending {
	struct delivery *delivery;
	struct sending *next, **link; /* in delivery.sendings */
	const struct config_destination *to;
	const struct carrier *carrier; /* with `carried` */
	void *carried;                 /* what it has prepared; NULL: it could not */
	bool is_waiting;               /* for another of the same rollback, see must_wait() */
	/* Of the message; the claim's own copy is gone by the time the answer comes. */
	char id[48];
	char action[128], destination[128];
	int64_t release_id, row_version, sequence;
	enum message_class class;
	int64_t option, attempts, repairs, callback_ms;
	struct wall created_at;
	struct mono asked_at; /* for the claim, or for the last renewal of it */
	bool has_ended;       /* answered: being read back, or recorded */
	bool is_repair;       /* it was acknowledged before */
	/* Of one that counts only once the state was seen. */
	char *read;            /* own; how; NULL: its answer says it all */
	struct carried answer; /* while the state is being read */
	char answer_text[200];
	struct readback *reading;
	const char *read_text; /* how the state reads; borrowed while that is recorded */
	bool reads_other;
};

struct delivery {
	struct app *app;
	struct fetcher *fetcher;
	struct fetcher *readers; /* those that hang hold up no message */
	struct loop_timer poll;
	struct sending *sendings;
	struct lanes *lanes;
	int64_t claim_ms;
	struct claimer {
		struct delivery *delivery;
		enum lanes_kind kind;
		bool claiming;        /* an answer of store_claim is awaited */
		struct mono asked_at; /* since then */
		bool again;           /* and there may be more by now */
	} claimers[LANES_KINDS];

	struct loop_timer renew;
	bool renewing;            /* an answer of store_renew is awaited */
	struct mono renewed_from; /* since then */
	bool stopping;            /* nothing is claimed or begun any more */
	void (*stopped)(void *ctx);
	void *stopped_ctx;
};

/* Gives one back that has not begun; it is gone afterwards, or being recorded. */
void sending_give_back(struct sending *s, const char *why);

void hold_init(struct delivery *d);
void hold_fini(struct delivery *d);
/* A rollback begins: what still goes forward for its release is ended. */
void hold_end_advances(struct delivery *d, int64_t release_id);
/* One has ended, perhaps the last one. */
void hold_look_if_stopped(struct delivery *d);

#endif
