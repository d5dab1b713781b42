/*
 * call - people who are being called, and what a decision changes about that.
 *
 * Values only: who is called when, and what ends it, is in calls.c. Texts are owned.
 */
#ifndef RELEASE_CALL_H
#define RELEASE_CALL_H

#include <stdint.h>

#include "base/time.h"

#define RELEASE_MAX_CALLS 256 /* of one release: more than a policy has causes */

/* What ends a call. */
enum call_kind {
	CALL_HOLD = 0,  /* the end of the hold that it is named after */
	CALL_ENTERING,  /* the stage's actions: acknowledged, sent anew, or waited for no more */
	CALL_STAGE,     /* the end of the stage that takes too long */
	CALL_ROLLBACK,  /* rolling_back is left, or people take over from actions, or the reverse */
	CALL_FAILED,    /* failed is left */
	CALL_STABILISE, /* stabilising is left */
	CALL_SMOKE,     /* the smoke tests are acknowledged, or stabilising is left */
	CALL_DRIFT,     /* on the way back: what an action had set reads as it should again */
	CALL_INCIDENT,  /* where no hold stands for it, as on the way back: the release's end */
	CALL_KIND_COUNT
};
extern const char *const call_kind_names[CALL_KIND_COUNT + 1];

/* People are being called, one level of the policy's escalation after the other, until one of them
 * acknowledges or the cause is over (rules A4, A8). One at a time per cause. */
struct call {
	char *cause; /* key within the release: the hold's name ("errors", "ask:errors",
	                "evidence", "action:x"), "entering", "overdue", "rollback",
	                "rollback:by_hand" (a manual option), "failed", "stabilise", "smoke",
	                "drift", "incident:7" */
	enum call_kind kind;
	char *reason;             /* for people */
	struct wall since;        /* start of the cause; offsets count from here */
	int64_t level;            /* how many levels have been called, from 1 */
	struct wall called_at;    /* the newest of them */
	char *acknowledged_by;    /* a person; NULL until then */
	struct wall acknowledged_at;
};

enum call_change {
	CALL_OPENED = 0,   /* the first level is called */
	CALL_RAISED,       /* the next one is */
	CALL_ACKNOWLEDGED, /* by a person: nobody else is called */
	CALL_ENDED,        /* the cause is over; of every call once, acknowledged or not */
	CALL_CHANGE_COUNT
};
extern const char *const call_change_names[CALL_CHANGE_COUNT + 1];

/* What a decision does to one call. Owned texts. Of one cause there may be two in one decision: the
 * end of a call, then its successor's beginning. */
struct call_news {
	enum call_change change;
	char *cause;
	char *role;       /* of the newest level called; opened and raised: whom to call now */
	int64_t level;    /* levels called by now: policy_escalation()[0] to [level - 1] */
	struct wall since;
	char *text;       /* opened, raised: the call's reason; else why it is over or by whom */
};

#endif
