/*
 * door_op - one operation at the door: an event with everything it borrowed copied, what the core
 * made of it, and its sealed audit record. Freed when whoever asked has been answered.
 */
#ifndef ENGINE_DOOR_OP_H
#define ENGINE_DOOR_OP_H

#include "engine/internal.h"

struct door_op {
	struct door_op *next;
	struct engine *engine;
	int64_t release_id;
	struct arena arena; /* the event's texts */
	struct event event;
	json_t *detail;       /* owned; what event.detail points at */
	struct principal *by; /* NULL: headgate itself */
	const char *const *roles;
	int64_t if_match;
	door_fn fn; /* NULL: headgate itself */
	void *ctx;
	int tries;
	bool looked; /* what it was refused for was looked up in the database */
	struct mono asked_at;
	bool answered; /* whoever asked has been told that it is in doubt */
	struct outcome outcome;
	struct told *told; /* what of the outcome is told; settled before the outcome goes */
	char transition[RELEASE_UUID_TEXT];
	struct buf audit;
	struct audit_hash hash;
	struct policy *bound; /* of a new release, becomes the tracked one's; of a repin the one it
	                         goes to */
	bool creates;
};

struct door_op *door_op_new(struct engine *e, int64_t release_id); /* NULL without memory */
void door_op_free(struct door_op *op);
/* Copies the event; what it borrowed may change before it is its turn. */
bool door_op_take_event(struct door_op *op, const struct event *event, struct err *err) MUST_CHECK;
/* Binds the policy that a repin names as it is written to the release. */
bool door_op_bind(struct door_op *op, const struct release *r, struct err *err) MUST_CHECK;
/* The audit record of this decision and the chain's new head, in op and in the next snapshot, under
 * a new transition id. */
bool door_op_seal(struct door_op *op, const struct audit_hash *previous,
                  struct err *err) MUST_CHECK;
/* Appends what is to be told of the decision; `t` NULL: the release is new. */
void door_op_tell(struct door_op *op, const struct tracked *t);
/* Whether it stands is known. */
void door_op_settle(struct door_op *op, bool committed);
/* The one line that is logged, and the row that is shown, for every state change. */
void door_op_log(const struct door_op *op);
void door_op_append_timeline(const struct door_op *op, struct tracked *t);

/* door_queue.c: takes the operation; take: one there must be. */
void door_queue_add(struct tracked *t, struct door_op *op);   /* by its rank */
void door_queue_first(struct tracked *t, struct door_op *op); /* before all others */
struct door_op *door_queue_take(struct tracked *t);
/* Whether a rollback somebody asked for comes next. */
bool door_queue_is_urgent(const struct tracked *t);

#endif
