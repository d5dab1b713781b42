/*
 * failpoint - named places at statement boundaries where a test build can be made to die or stall.
 *
 * Only in builds with -DHEADGATE_FAILPOINTS; elsewhere the macro is nothing.
 * HEADGATE_FAILPOINT=NAME[:N]=kill kills the process (SIGKILL) the Nth time NAME is passed (default
 * first); =stop sends SIGSTOP. The list is a table, printed by `headgate failpoints`.
 */
#ifndef DAEMON_FAILPOINT_H
#define DAEMON_FAILPOINT_H

/* clang-format off */
#define FAILPOINT_LIST(X) \
	X(TRANSITION_BEFORE_SEND,   "transition_before_send",   "decided, statement not yet sent") \
	X(TRANSITION_AFTER_SEND,    "transition_after_send",    "statement sent, answer not yet read") \
	X(TRANSITION_AFTER_COMMIT,  "transition_after_commit",  "answer read, memory not yet replaced") \
	X(DELIVERY_BEFORE_CLAIM,    "delivery_before_claim",    "committed, message not yet claimed") \
	X(DELIVERY_AFTER_CLAIM,     "delivery_after_claim",     "claimed, request not yet sent") \
	X(DELIVERY_AFTER_REPLY,     "delivery_after_reply",     "answered by the receiver, not yet recorded") \
	X(DELIVERY_AFTER_RECORD,    "delivery_after_record",    "recorded, engine not yet told") \
	X(DRIFT_AFTER_REPAIR,       "drift_after_repair",       "drift found and to be mended, nothing sent yet") \
	X(CHECKPOINT_BEFORE_SEND,   "checkpoint_before_send",   "checkpoint taken, not yet written") \
	X(CREATE_BEFORE_SEND,       "create_before_send",       "release accepted, not yet written") \
	X(INCIDENT_AFTER_COMMIT,    "incident_after_commit",    "incident reported, nothing done about it yet") \
	X(LEASE_AFTER_GAIN,         "lease_after_gain",         "lease gained, nothing loaded yet") \
	X(RECOVERY_AFTER_LOAD,      "recovery_after_load",      "state loaded, nothing resumed yet")
/* clang-format on */

enum failpoint {
#define X(id, name, doc) FAILPOINT_##id,
	FAILPOINT_LIST(X)
#undef X
	        FAILPOINT_COUNT
};

#ifdef HEADGATE_FAILPOINTS
void failpoint_pass(enum failpoint at);
#define FAILPOINT(id) failpoint_pass(FAILPOINT_##id)
#else
#define FAILPOINT(id) ((void)0)
#endif
void failpoint_print_list(void);

#endif
