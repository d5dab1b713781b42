/*
 * release - one version of one service on its way through a policy's stages: its snapshot, its
 * checkpoint, the events that may happen to it, and the one pure function that says what becomes of
 * it.
 *
 * Pure. Nothing here writes: release_step() answers with a refusal or with the next snapshot, the
 * decision to record and the messages to send; the shell commits all of it in one statement and
 * only then replaces the snapshot. Snapshots own their memory; copies are deep.
 */
#ifndef RELEASE_RELEASE_H
#define RELEASE_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "audit/audit.h"
#include "base/err.h"
#include "base/field.h"
#include "base/time.h"
#include "gate/gate.h"
#include "policy/policy.h"

#define RELEASE_UUID_TEXT 37
#define RELEASE_MAX_HOLDS 64
#define RELEASE_MAX_APPROVALS 256
#define RELEASE_MAX_WAIVERS 64
#define RELEASE_MAX_CALLS 256   /* more than a policy has causes */
#define RELEASE_MAX_REASON 2000 /* bytes; also of each part of an incident record */

enum release_state {
	RELEASE_PLANNED = 0,
	RELEASE_RUNNING,
	RELEASE_PAUSED,
	RELEASE_ROLLING_BACK,
	RELEASE_STABILISING,
	RELEASE_COMPLETED,
	RELEASE_ROLLED_BACK,
	RELEASE_FAILED,
	RELEASE_RESOLVED,
	RELEASE_CANCELLED,
	RELEASE_STATE_COUNT
};
extern const char *const release_state_names[RELEASE_STATE_COUNT + 1];

enum stage_step { STEP_NONE = 0, STEP_ENTERING, STEP_BAKING, STEP_READY, STAGE_STEP_COUNT };
extern const char
        *const stage_step_names[STAGE_STEP_COUNT + 1]; /* "none", "entering", "baking", "ready" */

enum migration {
	MIGRATION_NONE = 0,
	MIGRATION_REVERSIBLE,
	MIGRATION_IRREVERSIBLE,
	MIGRATION_COUNT
};
extern const char *const migration_names[MIGRATION_COUNT + 1];

/* What put a hold there; pause holds are what make a release `paused`. */
enum hold_source {
	HOLD_PERSON = 0, /* pause by a person */
	HOLD_GATE,       /* a pause rung fired */
	HOLD_ASK,        /* an ask rung fired: until acknowledged */
	HOLD_REJECTED,   /* rule A2 */
	HOLD_EVIDENCE,   /* rule E5 */
	HOLD_ACTION,     /* an advance was refused for good by its receiver */
	HOLD_REENTRY,    /* rule A6 */
	HOLD_INCIDENT,
	HOLD_DRIFT, /* what an action set reads differently by now */
	HOLD_SOURCE_COUNT
};
extern const char *const hold_source_names[HOLD_SOURCE_COUNT + 1];

struct hold {
	char *name; /* key within the release: "errors" (a gate's pause), "ask:errors",
	               "person:ann", "rejected:qa", "evidence", "action:set_weight",
	               "drift:set_weight" */
	enum hold_source source;
	bool pauses; /* of kind pause */
	char *reason;
	char *owner;       /* who may clear it: a subject, a role or "headgate" */
	bool acknowledged; /* an ask a person has seen: blocks no more, gone once its gate passes */
	struct wall since;
	struct wall expires; /* 0: never; people's holds only (rule H4) */
};
struct approval {
	char *role;
	char *stage;
	char *subject;
	bool approved; /* false: rejected */
	char *reason;
	char *policy_hash;
	char *artifact;
	struct wall at;
};
struct check_state {
	char *name;
	char *owner; /* role */
	bool done;
	char *evidence; /* link or note */
	char *subject;
	struct wall at;
};
struct waiver {
	char *gate;
	char *stage;
	char *subject;
	char *reason;
	struct wall at;
};
/* How far the way back has come (rules R2 to R5). */
struct rollback_progress {
	bool active;   /* a rollback was decided */
	char *reason;  /* may be empty: asked for, added by a note */
	char *subject; /* who or what decided */
	struct wall since;
	int64_t option; /* present option, index into the policy's list; -1 before the first */
	struct wall option_since; /* its acknowledge deadline counts from here */
	int64_t version;          /* row_version whose messages are the present option's */
	int64_t tried;            /* bit set of options used */
	int64_t passed_over; /* bit set: tried, unacknowledged when the next one was taken as well
	                      */
	bool unconfirmed;    /* 60 s without acknowledgement: people were called */
	bool acknowledged;
	bool restore_confirmed; /* an irreversible migration was restored (rule R7) */
	struct wall stabilising_since;
	bool stabilise_called; /* deadline without evidence: people were called once */
	char *transition;      /* UUID of the transition that decided it, for repeats */
	int64_t smoke_version; /* row_version of the smoke tests of the present stabilising */
	int64_t smoke_unwritten; /* of those that could not be written: never acknowledged */
	bool smoke_passed;       /* all were acknowledged: green time counts */
	bool smoke_called;       /* one fails: people were called */
	bool drift_called;     /* an action drifted on the way back: people were called */
};

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

/* What a rollback leaves to write down (rule A6). Texts are NULL until it was recorded. */
struct incident_record {
	char *root_cause; /* or what it is thought to be */
	char *impact;
	char *restore_point; /* what was gone back to */
	char *subject;       /* who recorded it last */
	struct wall at;
};

struct release {
	int64_t id;
	char *service, *environment, *version;
	int64_t attempt; /* from 1 */
	char *policy_name, *policy_hash;
	char *stable_version, *artifact, *author, *ticket; /* author: a person (rule A1) */
	enum migration migration;
	json_t *params, *links; /* objects or NULL */
	char *poster;      /* the person behind the token that posted it; approves as little as the
	                      author */
	struct wall start; /* scheduled start; 0: now */
	bool start_manual;
	struct wall announced; /* when its scheduled start was; 0: not yet */
	bool queue; /* on_active: queue; else reject */
	struct wall created_at, updated_at;

	enum release_state state;
	enum stage_step step;
	int64_t stage;              /* index into the policy's stages */
	bool exposed;               /* rule R1 */
	struct wall stage_since;    /* stage entry */
	struct wall exposure_since; /* when the present exposure was acknowledged; 0 when nothing is
	                               exposed */
	int64_t entry_version;      /* row_version whose messages enter the present stage */
	struct wall entry_since;    /* when those were queued */
	bool enter_called;          /* they went unacknowledged for too long: people were called */
	int64_t bake_version;  /* row_version at which the bake last restarted at 0 (rule B1) */
	int64_t votes_version; /* row_version at which votes were last forgotten (rule E3) */
	struct wall
	        votes_since; /* the same as an instant: older evaluations fire no rung any more */
	enum stage_step paused_step; /* step a pause left (rule H3) */
	bool paused_by_gate; /* some gate's pause among the present ones: bake restarts on resume */
	bool promoted;       /* rule P1, for this stage */
	bool overdue_called; /* rule B2 */
	bool evidence_called; /* rule E5: max_hold passed, people were called */
	struct hold *holds;
	size_t nholds;
	struct approval *approvals;
	size_t napprovals;
	struct check_state
	        *checks; /* of every stage and of re-entry, filled as they are reported */
	size_t nchecks;
	struct waiver *waivers;
	size_t nwaivers;
	struct call *calls;
	size_t ncalls;
	struct rollback_progress rollback;
	char *live_version;      /* after resolve (rule R5) */
	struct incident_record record;
	int64_t incident_applied; /* newest incident that was taken account of; 0: none (rule A5) */
	struct wall finished_at; /* completed, for rollback.window (rule R6) */

	int64_t row_version;                /* 1 at creation, +1 per transition */
	char transition[RELEASE_UUID_TEXT]; /* the newest one */
	struct audit_hash last_hash;        /* head of its audit chain */
};
extern const struct field_table
        release_table; /* everything but row_version, transition, last_hash */

struct release *release_copy(const struct release *r);
void release_free(struct release **r);
bool release_is_active(enum release_state state); /* rule H1 */
bool release_is_ended(enum release_state state);
const struct hold *release_hold(const struct release *r, const char *name);
const struct policy_stage *release_stage(const struct release *r, const struct policy *p);
bool release_is_waived(const struct release *r, const char *gate, const char *stage);
/* What placeholders stand for; borrows from both. `stage` may be NULL. */
struct policy_values release_values(const struct release *r, const struct policy_stage *stage);

/* Bake, votes and the last evaluation: saved beside the release, no transition (rule B3). */
struct checkpoint {
	int64_t observed_ms;         /* green time */
	int64_t passes;              /* passing evaluations since the bake (re)started */
	int64_t evaluation;          /* number of the newest one */
	struct wall last_evaluation; /* its time */
	struct wall
	        last_pass; /* newest passing evaluation; 0 after a non-pass only in `last_passed` */
	bool last_passed;  /* the newest evaluation passed */
	struct wall no_proof_since; /* since when proof is missing, of whichever gate; 0 when not */
	int64_t no_proof_rounds;    /* in a row (rule E5: three) */
	int64_t fresh_rounds;       /* evaluations since this process took the release over */
	int64_t stage;              /* the stage these belong to */
	int64_t row_version;        /* of the release when it was taken */
	struct gate_state *gates;   /* per gate of the policy */
	size_t ngates;
};
extern const struct field_table checkpoint_table;

/* Makes the checkpoint fit the release: a bake that restarted since it was taken starts at 0, votes
 * that were forgotten are forgotten. To be called whenever the shell has loaded or replaced the
 * snapshot, whoever changed it. Harmless when called again. */
void checkpoint_follow(struct checkpoint *c, const struct release *r);

/* All gates at one instant. Owned arrays; sentences are copied in. */
struct evaluation {
	int64_t number;
	struct wall at;
	int64_t stage;
	enum verdict verdict;
	bool all_pass; /* every counting gate passes: the only proof there is */
	struct gate_outcome *gates;
	size_t ngates;
	struct kpi_reading *kpis;
	size_t nkpis;
	int64_t decisive; /* gate that decided the verdict; -1 */
};
void evaluation_free(struct evaluation **e);
struct evaluation *evaluation_copy(const struct evaluation *e);
json_t *evaluation_to_json(const struct evaluation *e, const struct policy *p);

/* Start of the exposure that evidence must lie in (rule K4): of the way back while stabilising; 0
 * when nothing is exposed. For kpi_read(). */
struct wall release_exposed_since(const struct release *r);
/* Looks at all gates of the release's place (rule table E), updates `checkpoint` (bake B1, votes
 * E3, E5) and returns the evaluation; NULL without memory (then nothing changed and the round did
 * not happen). */
struct evaluation *release_evaluate(const struct release *r, const struct policy *bound,
                                    const struct gate_evidence *evidence,
                                    struct checkpoint *checkpoint, struct err *err);

enum release_event {
	/* people and schedulers */
	EVENT_START = 0,
	EVENT_PAUSE,
	EVENT_RESUME,
	EVENT_PROMOTE,
	EVENT_WAIVE,
	EVENT_ROLLBACK,
	EVENT_CANCEL,
	EVENT_APPROVE,
	EVENT_REJECT,
	EVENT_CHECK,
	EVENT_ACK,
	EVENT_RETRY,
	EVENT_RESOLVE,
	EVENT_NOTE,
	EVENT_INCIDENT_RECORD,
	/* refinements of the above, chosen by facts (rows hold no conditions) */
	EVENT_START_SILENT,       /* the first stage has nothing to send */
	EVENT_PAUSE_AGAIN,        /* adds a hold to a paused release */
	EVENT_RESUME_PARTLY,      /* some pause holds stay */
	EVENT_RESUME_ENTERING,    /* back to entering */
	EVENT_ROLLBACK_UNEXPOSED, /* nothing to roll back: cancelled */
	EVENT_ROLLBACK_JUMP,      /* a later option jumps ahead */
	EVENT_RESTORE_CONFIRMED,  /* a repeated rollback that says the data is restored (rule R7) */
	EVENT_APPROVE_LAST,       /* clears the last pause hold, a rejection (rule A2) */
	EVENT_APPROVE_LAST_ENTERING,
	EVENT_ACK_MANUAL, /* acknowledges a manual rollback option */
	/* rule A5: asked for as EVENT_INCIDENT, whatever the severity */
	EVENT_INCIDENT,          /* noted */
	EVENT_INCIDENT_PAUSE,    /* P2 */
	EVENT_INCIDENT_CALL,     /* P1, and P0 with nothing exposed: pause and call people */
	EVENT_INCIDENT_CALL_FULL, /* the same, paused with all the holds that fit: call people */
	EVENT_INCIDENT_ROLLBACK, /* P0 */
	/* headgate's own */
	EVENT_START_DUE,
	EVENT_START_DUE_SILENT,
	EVENT_ANNOUNCE,          /* its scheduled start is near: the policy's notice */
	EVENT_ENTERED,           /* every enter message acknowledged (or none needed) */
	EVENT_ENTER_UNCONFIRMED, /* not acknowledged for too long: call people */
	EVENT_BAKE_DONE,
	EVENT_BAKE_LOST,      /* ready, but the bake restarted */
	EVENT_ADVANCE,        /* rule V1 holds: next stage, with messages to send */
	EVENT_ADVANCE_SILENT, /* next stage has nothing to send */
	EVENT_FINISH,         /* left the last stage */
	EVENT_RUNG_ASK,
	EVENT_RUNG_PAUSE,
	EVENT_RUNG_ROLLBACK,
	EVENT_RUNG_BLOCKED, /* a rollback rung with nothing exposed: blocks and calls people */
	EVENT_ASK_OVER,     /* the gate of an acknowledged ask passes again */
	EVENT_NO_EVIDENCE,  /* rule E5: three rounds */
	EVENT_EVIDENCE_BACK,
	EVENT_EVIDENCE_OVERDUE,  /* max_hold: call people */
	EVENT_EVIDENCE_ROLLBACK, /* max_hold, and the policy rolls back then */
	EVENT_OVERDUE,           /* rule B2 */
	EVENT_HOLD_EXPIRED,
	EVENT_LAST_HOLD_EXPIRED,
	EVENT_LAST_HOLD_EXPIRED_ENTERING,
	EVENT_ACTION_REFUSED, /* an advance message was refused for good, or cannot be written */
	EVENT_ROLLBACK_ACKED,
	EVENT_ROLLBACK_UNCONFIRMED, /* 60 s */
	EVENT_ROLLBACK_NEXT,        /* acknowledge deadline or 4xx: next option as well */
	EVENT_ROLLBACK_EXHAUSTED,   /* no option left: failed, still retrying */
	EVENT_STABILISED,
	EVENT_STABILISE_NEXT, /* deadline with breaches: next option */
	EVENT_STABILISE_EXHAUSTED,
	EVENT_STABILISE_BLIND, /* deadline without evidence: call people, keep watching */
	EVENT_SMOKE_PASSED,    /* every smoke test acknowledged: green time begins */
	EVENT_SMOKE_FAILING,
	EVENT_DRIFT,           /* what an action had set reads differently now */
	EVENT_DRIFT_OVER,
	EVENT_ESCALATE,        /* nobody acknowledged a call in time: its next level */
	EVENT_CREATE,          /* of a first snapshot's decision; in no row */
	EVENT_COUNT
};
extern const char *const release_event_names[EVENT_COUNT + 1]; /* "start", ..., "rung_pause", ... */
#define EVENT_OPERATOR_COUNT (EVENT_INCIDENT_RECORD + 1)

enum incident_severity { INCIDENT_P0 = 0, INCIDENT_P1, INCIDENT_P2, INCIDENT_P3, INCIDENT_SEVERITY_COUNT };
extern const char *const incident_severity_names[INCIDENT_SEVERITY_COUNT + 1]; /* "P0" ... */

/* Who asks. Permissions are checked at the door; rules about persons here. */
struct actor {
	const char *subject; /* "ann", "ci-bot" */
	const char *person;  /* the accountable human: the subject, or the `author` a machine names;
	                        NULL */
	const char *origin;  /* address or "gate", "timer", "recovery" */
	const char *const *roles; /* role names held: release_manager, qa, ... */
	size_t nroles;
};

/* One event with its operands; members that do not apply are NULL or 0. */
struct event {
	enum release_event kind;
	struct actor by;
	const char *reason;
	const char *gate;             /* waive; rung events */
	const char *stage;            /* approve, reject, waive: stage name; NULL: present */
	const char *role;             /* approve, reject */
	const char *option;           /* rollback */
	const char *check, *evidence; /* check */
	bool done;                    /* check: done or open again */
	const char *live_version;     /* resolve */
	const char *root_cause, *impact, *restore_point; /* incident record */
	enum incident_severity severity;        /* incident */
	int64_t incident;              /* its number; `hold` says the same as a text */
	int64_t incident_after;        /* number of this release's incident before it; 0: the first */
	bool restore_confirmed;       /* rollback, retry */
	struct wall expires;          /* pause */
	const char *hold;             /* hold_expired, ack: which; action_refused: action name */
	const json_t *detail;         /* goes into the audit record (gate values); borrowed */
};

/* What only the shell knows, at this instant. */
struct release_facts {
	struct wall now;
	bool pair_free; /* no other active release of service and environment */
	bool frozen;    /* any freeze over it */
	const char *freeze_reason;
	bool reentry_open;           /* rule A6 */
	const char *reentry_missing; /* a check that is open; NULL */
	bool reentry_record;         /* the incident record is missing */
	int64_t reentry_release;     /* whose they are */
	size_t enter_pending;        /* unacknowledged messages of the present stage entry */
	bool enter_refused;          /* one of them was refused for good */
	const char *enter_refused_action;
	size_t rollback_pending; /* unacknowledged messages of the present rollback option, that is
	                            of the rollback class queued at rollback.version */
	bool rollback_refused;   /* one of them was answered 4xx */
	int64_t rollback_acked;  /* bit set: options all of whose messages have been acknowledged by
	                            now; only  those in rollback.passed_over matter (late
	                            acknowledgements) */
	size_t dampen_pending; /* unacknowledged dampening messages; they hold nothing up */
	size_t smoke_pending;  /* unacknowledged smoke tests of rollback.smoke_version */
	bool smoke_failing;    /* one of those was answered badly by now */
	bool smoke_refused;    /* for good */
	bool smoke_unanswered; /* one was tried and got no answer */
	const char *smoke_action;   /* one of those that fail; may be NULL */
	const char *drifted_action; /* what it had set reads differently now; of several always the
	                               same one; NULL: none */
	const char *drifted_text;   /* how it reads, for the sentence; may be NULL */
	bool drift_known;           /* false: not heard yet, so that no drift is taken for over */
	const struct evaluation *evaluation; /* newest, or NULL */
	bool newer_active; /* another release of the pair started after this one completed (rule R6)
	                    */
};

enum message_class {
	MESSAGE_ADVANCE = 0,
	MESSAGE_ROLLBACK,
	MESSAGE_NOTIFICATION,
	MESSAGE_CLASS_COUNT
};
extern const char *const message_class_names[MESSAGE_CLASS_COUNT + 1];

/* `option` of messages that belong to none. */
#define MESSAGE_DAMPENS (-1) /* of class rollback: sent first, waited for by nothing */
#define MESSAGE_SMOKE (-2)   /* of class rollback: tries the way back out */

/* One side effect to be delivered at least once. Owned texts. */
struct message {
	enum message_class class;
	char *action;
	char *destination;
	char *method, *path;
	json_t *body, *headers;
	json_t *arguments; /* of a command: an array of texts; NULL: a request */
	json_t *read;   /* how to see whether it is so: {from, path, pointer, equals, every_ms}; NULL */
	char *dedupe;   /* of messages with the same text only the first is kept; NULL: all are */
	const char *withheld; /* why it is kept but not sent, until somebody asks for it; static;
	                         NULL: it is sent */
	int64_t option;      /* index of the rollback option it belongs to; -1; MESSAGE_SMOKE */
	int64_t callback_ms; /* the receiver may take so long to call back; 0: its status says it
	                        all */
};
void messages_free(struct message *list, size_t n);

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

struct decision {
	enum release_event event;
	const char *why; /* the row's sentence; static */
	char *text;      /* why + reason and operands, for people; owned */
	enum release_state from_state, to_state;
	enum stage_step from_step, to_step;
	bool needs_lease;      /* rule V4: the statement checks the shard lease */
	bool needs_thaw;       /* rule A3: the statement checks that nothing is frozen */
	bool decides_rollback; /* its transition is the one repeats are answered with */
	bool supersedes;       /* pending advance messages are superseded (rule R8) */
	bool parks;            /* pending advance messages are parked (rule H2) */
	bool closes_messages;  /* pending messages of the way back are closed, too: a person settled
	                          it, or  another option was acknowledged and has proved stable */
	bool resets_checkpoint; /* bake and passes start at 0; checkpoint_follow() does it */
	bool clears_votes;      /* rule E3: resume; likewise */
	bool calls_people;      /* a call is opened, raised, or found open: see `calls` */
	struct call_news *calls;
	size_t ncalls;
	json_t *detail;         /* for audit; owned */
};

enum refusal_kind {
	REFUSED_NONE = 0,
	REFUSED_STATE,   /* 409: not from here */
	REFUSED_REPEAT,  /* 200: already so; nothing to write */
	REFUSED_DENIED,  /* 403: a rule about persons */
	REFUSED_INVALID, /* 422: an operand is wrong; `pointer` names it */
	REFUSED_NOMEM
};

struct outcome {
	enum refusal_kind refused;
	char text[400];       /* why refused, what would be legal */
	const char *pointer;  /* "/gate", "/reason"; for REFUSED_INVALID */
	struct release *next; /* owned; row_version already +1; transition and last_hash are set by
	                         the committing shell */
	struct decision decision;
	struct message *messages;
	size_t nmessages;
};
void outcome_fini(struct outcome *o);
/* Writes the id of the transition that commits the outcome into its snapshot. */
bool outcome_stamp(struct outcome *o, const char transition[RELEASE_UUID_TEXT],
                   struct err *err) MUST_CHECK;

/* The one function. `bound`: the release's bound policy. The event may be refined by facts first
 * (resume to resume_entering ...); then exactly one row of the transition table applies or the
 * event is refused. False never: refusals are values. */
void release_step(const struct release *r, const struct checkpoint *c, const struct policy *bound,
                  const struct event *event, const struct release_facts *facts,
                  struct outcome *out);

/* What headgate itself should do now, most urgent first (rollback before pause before all else);
 * false when nothing is due. Strings in *out borrow from the release, policy and facts.
 * `out->detail` is a new reference the caller owns, or NULL. */
bool release_due(const struct release *r, const struct checkpoint *c, const struct policy *bound,
                 const struct release_facts *facts, struct event *out);

enum on_active { ON_ACTIVE_REJECT = 0, ON_ACTIVE_QUEUE, ON_ACTIVE_COUNT };
extern const char *const on_active_names[ON_ACTIVE_COUNT + 1];

/* What a client posts; the decoded body of POST /v1/releases. */
struct release_request {
	char *service, *environment, *version, *policy, *stable_version, *artifact, *author,
	        *ticket;
	char *type; /* instead of policy: a name the configuration maps to one */
	enum migration migration;
	char *start; /* RFC 3339, "now" or "manual" */
	enum on_active on_active;
	json_t *params, *links;
};
extern const struct field_table release_request_table;
/* The first snapshot (state planned, row_version 1) and its decision. `id` and `attempt` come from
 * the store. False with *err when the request cannot become a release under this policy. */
bool release_create(const struct release_request *request, const struct policy *bound, int64_t id,
                    int64_t attempt, const struct actor *by, struct wall now, struct outcome *out,
                    struct err *err) MUST_CHECK;

/* Verbs that would work now (bits 1 << EVENT_...), and why it is not moving: sentences with since
 * and until. */
unsigned release_legal(const struct release *r, const struct checkpoint *c,
                       const struct policy *bound, const struct release_facts *facts);
#define RELEASE_WAITING_MAX 16
struct waiting {
	char sentence[320];
	struct wall since, until; /* 0 when unknown */
};
size_t release_waiting_for(const struct release *r, const struct checkpoint *c,
                           const struct policy *bound, const struct release_facts *facts,
                           struct waiting out[RELEASE_WAITING_MAX]);

/* The transition table: data. */
enum release_effect {
	FX_NONE = 0,
	FX_ENTER_STAGE = 1 << 0, /* next stage: bake 0, entry messages */
	FX_START_STAGE = 1 << 1, /* first stage */
	FX_RESEND = 1 << 2,      /* entry messages again at the new version */
	FX_ADD_HOLD = 1 << 3,
	FX_CLEAR_HOLDS = 1 << 4,
	FX_ROLLBACK = 1 << 5, /* pick the option, queue its messages */
	FX_EXPOSURE = 1 << 6, /* the present exposure begins now */
	FX_FINISH = 1 << 7,
	FX_CALL_PEOPLE = 1 << 8,
	FX_RECORD = 1 << 9,        /* only sets change: approval, check, waiver, note, flag */
	FX_LEASE = 1 << 10,        /* rule V4 */
	FX_STABILISE = 1 << 11,    /* green time is counted from now */
	FX_THAW = 1 << 12,         /* rule A3: not while frozen */
	FX_SUPERSEDE = 1 << 13,    /* pending advance messages are never sent (rule R8) */
	FX_PARK = 1 << 14,         /* pending advance messages wait (rule H2) */
	FX_RESTART_BAKE = 1 << 15, /* rule B1 */
	FX_CLEAR_VOTES = 1 << 16,  /* rule E3 */
	FX_RETRY = 1 << 17,        /* the present rollback option once more */
	FX_END = 1 << 18,          /* nothing is held any more */
	FX_CLOSE = 1 << 19 /* what is pending of the way back is not sent any more (rules R4, R5) */
};
extern const char *const release_effect_names[]; /* by bit; NULL at the end */
struct transition {
	enum release_state state;
	enum stage_step step;
	enum release_event event;
	enum release_state to;
	enum stage_step to_step;
	unsigned effects;
	const char *why;
};
extern const struct transition release_transitions[];
extern const size_t release_ntransitions;
const struct transition *
release_transition(enum release_state state, enum stage_step step,
                   enum release_event event);    /* NULL: refused or ignored */
void release_print_transitions(struct buf *out); /* golden file; also Markdown-ready */
/* (from state, to state) pairs that occur, for the database's seed. */
bool release_edge(enum release_state from, enum release_state to);

#endif
