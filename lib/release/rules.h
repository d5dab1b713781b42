/*
 * rules - what the files of release_step() share: the question being answered and the rules by
 * noun.
 *
 * Nothing outside lib/release includes this. All of it is pure; `next` is the copy being changed.
 */
#ifndef RELEASE_RULES_H
#define RELEASE_RULES_H

#include "release/release.h"

#define ROLLBACK_CONFIRM_MS 60000 /* rule R3: unacknowledged for longer, and people are called */
#define EVIDENCE_ROUNDS 3         /* rule E5 */
#define TAKEOVER_ROUNDS 3 /* fresh evaluations after a start or takeover before an advance */
#define NO_OPTION (-1)
#define HOLD_NAME_BYTES 320

/* One event put to one snapshot. `e` is a copy that refinement may change and complete. */
struct question {
	const struct release *r;
	const struct checkpoint *c; /* may be NULL: nothing is known about green time then */
	const struct policy *p;
	const struct release_facts *f;
	struct event e;
	bool any_actor; /* "could anybody?": operands and rules about persons are not looked at */
};

/* Fills the refusal and returns false. */
bool refuse(struct outcome *out, enum refusal_kind kind, const char *pointer, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
bool refuse_nomem(struct outcome *out);

/* refine.c: the event becomes one that a row exists for, or is refused. */
bool question_refine(struct question *q, struct outcome *out);
/* For what sends the stage's actions anew. True while nothing is frozen (rule A3) and the policy's
 * windows are open. */
bool refuse_while_barred(const struct question *q, struct outcome *out);

/* Whether what the pair owes after its last rollback keeps it from starting (rule A6). */
bool reentry_bars(const struct question *q);

/* effects.c: what the row says, done to the copy. */
bool effects_apply(const struct question *q, const struct transition *row, struct release *next,
                   struct outcome *out);

/* advance.c: rule V1, one bit per thing that is missing. */
enum blocker {
	BLOCK_BAKE = 1 << 0,
	BLOCK_PASSES = 1 << 1,   /* fewer than min_evaluations in the bake */
	BLOCK_PROOF = 1 << 2,    /* the newest evaluation does not pass */
	BLOCK_OLD = 1 << 3,      /* it is older than two intervals */
	BLOCK_TAKEOVER = 1 << 4, /* too few rounds since this process took over */
	BLOCK_CHECKS = 1 << 5,
	BLOCK_APPROVALS = 1 << 6,
	BLOCK_HOLDS = 1 << 7,
	BLOCK_FROZEN = 1 << 8,
	BLOCK_PROMOTION = 1 << 9,
	BLOCK_DRIFT = 1 << 10, /* what was set reads differently, or is not known to read as it should */
	BLOCK_WINDOW = 1 << 11
};
unsigned advance_blockers(const struct question *q);
/* Of those what keeps any release from starting and entering a stage: a freeze, closed windows. */
unsigned advance_bars(const struct question *q);
int64_t advance_observed(const struct question *q); /* green time of the present bake */
bool advance_bake_is_done(const struct question *q);
/* The newest evaluation, when it is about the present stage; else NULL. */
const struct evaluation *advance_evaluation(const struct question *q);
/* Why the newest evaluation proves nothing although no gate speaks against it: none counts. NULL
 * when that is not so. */
const char *advance_ungated(const struct question *q);
bool advance_is_recent(const struct question *q, const struct evaluation *e);
bool check_is_done(const struct release *r, const char *name);
/* "approval release_manager of canary: 0 of 1"; the first of `blockers` in words. */
void advance_sentence(const struct question *q, unsigned blockers, char *out, size_t size);

/* holds.c */
size_t holds_in_force(const struct release *r); /* all but acknowledged asks */
size_t holds_of_pause(const struct release *r);
/* Whether its end, and the end of nothing else, sends the stage's actions anew. */
bool hold_keeps_from_entering(const struct release *r, const struct hold *h);
const struct hold *hold_of(const struct release *r, const char *prefix, const char *name);
/* The name of the hold the event puts there; false when it puts none. */
bool hold_named(const struct event *e, char out[HOLD_NAME_BYTES]);
bool hold_add(struct release *next, const struct question *q, struct outcome *out);
void hold_clear(struct release *next, const struct question *q);
void hold_drop(struct release *next, const char *prefix, const char *name);
void hold_drop_all(struct release *next);
bool gate_breaches(const struct question *q, const char *gate);
const char *actor_person(const struct actor *by);

/* people.c: rules about persons; each completes the operands it resolves. */
bool holds_role(const struct actor *by, const char *role);
bool refine_approve(struct question *q, struct outcome *out);
bool refine_reject(struct question *q, struct outcome *out);
bool refine_check(struct question *q, struct outcome *out);
bool refine_waive(struct question *q, struct outcome *out);
bool record_consent(struct release *next, const struct question *q);
void drop_approvals(struct release *next);
bool record_check(struct release *next, const struct question *q);
bool record_waiver(struct release *next, const struct question *q);

/* addressed.c: rule A4 */
bool refine_address(struct question *q, struct outcome *out);
bool record_address(struct release *next, const struct question *q);
/* Whether the newest evaluation shows an alert nobody has taken care of. */
bool alerts_wait_for_somebody(const struct question *q);

/* require.c: what the policy asks the release to bring along. */
/* True and refused, naming each, when something is missing that must not be. */
bool require_refuses(const struct release *r, const struct policy *p, struct outcome *out);
/* The requirement that a check of that name stands in for, done or not; NULL: there is none. */
const struct policy_require *require_check(const struct release *r, const struct policy *p,
                                           const char *name);
/* The first one from index `from` on whose check is open; NULL: none. */
const struct policy_require *require_open(const struct release *r, const struct policy *p,
                                          size_t from);
void require_sentence(const struct policy_require *w, char *out, size_t size);

/* rollback.c */
int64_t option_index(const struct policy *p, const char *name); /* NO_OPTION: unknown */
/* Why whoever asks cannot take the option; false when nothing speaks against it. */
bool option_is_closed(const struct question *q, int64_t option, struct err *why);
/* First open option from `from` on whose messages can be written and which is not in `except`;
 * NO_OPTION without. Messages may be NULL. False only without memory. */
bool option_pick(const struct question *q, int64_t from, int64_t except, int64_t *out_option,
                 struct message **out_messages, size_t *out_n);
/* The one the event asks for, with its messages. */
bool option_choose(const struct question *q, int64_t *out_option, struct message **out_messages,
                   size_t *out_n);
bool option_is_manual(const struct question *q); /* the present one */
bool option_next_exists(const struct question *q);
bool refine_rollback(struct question *q, struct outcome *out);
bool refine_retry(struct question *q, struct outcome *out);
bool rollback_begin(const struct question *q, struct release *next, struct outcome *out);
bool rollback_is_acked(const struct question *q);

/* calls.c */
const struct call *call_of(const struct release *r, const char *cause);
/* The level that is to be called now; NULL: none. */
const struct policy_level *call_due(const struct question *q, const struct call *call);
/* When that is, and who; NULL: nobody follows. */
const struct policy_level *call_next(const struct policy *p, const struct call *call,
                                     struct wall *out_at);
/* The role of the newest level called. */
const char *call_newest(const struct policy *p, const struct call *call);
bool call_acknowledge(const struct question *q, struct release *next, struct outcome *out);
/* After all other effects: calls whose cause is over end, and what the row calls for is called. */
bool calls_follow(const struct question *q, const struct transition *row, struct release *next,
                  struct outcome *out);

/* due.c: headgate's own event; `origin` is static. True. */
bool due_say(struct event *out, enum release_event kind, const char *origin);

/* due_back.c: each is true with its event when that is due. */
bool due_rollback_acked(const struct question *q, struct event *out);
bool due_rollback_next(const struct question *q, struct event *out);
bool due_rollback_unconfirmed(const struct question *q, struct event *out);
bool due_stabilised(const struct question *q, struct event *out);
bool due_stabilise_deadline(const struct question *q, struct event *out);

/* due.c: a scheduled start that is to be announced now. */
bool announce_is_due(const struct question *q);
/* When a person may start it (the policy's notice); not before that is 409. */
struct wall start_earliest(const struct question *q);

/* due.c: how long the stage's actions may go unacknowledged before people are called. */
int64_t entry_patience_ms(const struct policy *p, const struct policy_stage *stage);

/* messages.c: *out is owned by the caller. False with *err: no memory, or a placeholder without
 * value. */
bool messages_build(const struct question *q, const struct policy_stage *stage,
                    char *const *actions, size_t n, enum message_class class, int64_t option,
                    struct message **out, struct err *err) MUST_CHECK;
/* False and refused without memory; the list is taken either way. */
bool messages_append_take(struct outcome *out, struct message *take, size_t n);
/* What goes with the way back is not allowed to hold it up: an action that cannot be written is left
 * out and counted. False and refused without memory. */
bool messages_add_possible(const struct question *q, char *const *actions, size_t n, int64_t option,
                           struct outcome *out, size_t *out_left);

/* record.c: rule A6. */
bool refine_incident_record(struct question *q, struct outcome *out);
bool incident_record(struct release *next, const struct question *q); /* false: no memory */
bool refine_incident(struct question *q, struct outcome *out); /* rule A5 */
/* What the pair's last rollback still owes: its record, or the check that is open. */
void reentry_sentence(const struct question *q, bool record, char *out, size_t size);

/* reports.c: what schedulers report. */
bool refine_evidence(struct question *q, struct outcome *out);
bool result_record(struct release *next, const struct question *q); /* false: no memory */
bool report_has_author(const struct question *q, struct outcome *out);

/* measurements.c */
bool refine_measurement(struct question *q, struct outcome *out);
void measurement_drop(struct release *r, size_t i);
bool measurements_record(struct release *next, const struct question *q); /* false: no memory */
/* "error_rate 1.2 %, lag 17": as many as fit. */
void measurements_say(const struct question *q, char *out, size_t size);
/* For the audit record; NULL without memory. */
json_t *measurements_json(const struct question *q);

/* repin.c */
bool refine_repin(struct question *q, struct outcome *out);
bool repin(const struct question *q, struct release *next); /* false: no memory */
/* Where the release is by the new policy; -1: nowhere. */
int64_t repin_stage(const struct question *q);

/* smoke.c */
bool smoke_begin(const struct question *q, struct release *next, struct outcome *out);
bool smoke_is_open(const struct question *q);  /* green time does not count yet */
bool smoke_is_failed(const struct question *q); /* answered badly, not acknowledged since */
bool due_smoke_passed(const struct question *q, struct event *out);
bool due_smoke_failing(const struct question *q, struct event *out);

#endif
