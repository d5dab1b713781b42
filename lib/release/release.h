/*
 * release - one version of one service on its way through a policy's stages: its snapshot, the facts
 * about it, and the one pure function that says what becomes of it. The nouns it is made of have
 * headers of their own, which come with this one.
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
#include "gate/evidence.h"
#include "gate/gate.h"
#include "gate/kpi_pushed.h"
#include "policy/policy.h"
#include "release/call.h"
#include "release/checkpoint.h"
#include "release/event.h"
#include "release/incident.h"
#include "release/message.h"

#define RELEASE_UUID_TEXT 37
#define RELEASE_MAX_HOLDS 64
#define RELEASE_MAX_APPROVALS 256
#define RELEASE_MAX_WAIVERS 64
#define RELEASE_MAX_RESULTS 64
#define RELEASE_MAX_ADDRESSED 256
#define RELEASE_MAX_MEASUREMENTS 256 /* the newest of each KPI is always among them */
#define RELEASE_MAX_MEASUREMENTS_PER_KPI 32
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

struct release {
	int64_t id;
	char *service, *environment, *version;
	int64_t attempt; /* from 1 */
	char *policy_name, *policy_hash;
	char *stable_version, *artifact, *author, *ticket; /* author: a person (rule A1) */
	enum migration migration;
	json_t *params, *links; /* objects or NULL */
	json_t *comparison;     /* of KPIs before and after, once it is finished; a list or NULL */
	char *poster;      /* the person behind the token that posted it; approves as little as the
	                      author */
	struct wall start; /* scheduled start; 0: now */
	bool start_manual;
	struct wall announced; /* when its scheduled start was; 0: not yet */
	bool queue; /* on_active: queue; else reject */
	struct wall created_at, updated_at;
	struct wall started_at; /* left planned; 0: not yet, or before this was recorded */

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
	int64_t policy_version; /* row_version at which it was moved to its policy; 0: posted with it */
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
	struct evidence_result *results; /* newest of each name */
	size_t nresults;
	struct gate_addressed *addressed; /* alerts a person took care of (rule A4) */
	size_t naddressed;
	struct kpi_measurement *measurements; /* pushed ones, in the order of their instants */
	size_t nmeasurements;
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
/* Whether a check stands in for what the policy requires under that name and the release did not
 * bring along. */
bool release_require_is_checked(const struct release *r, const struct policy *p, const char *name);
/* Approvals of that role that stand for that stage (rule A1). */
size_t release_approvals(const struct release *r, const char *role, const char *stage);
/* When it was started, for ${started_at}: `now` before, its creation where that was not recorded. */
struct wall release_started_at(const struct release *r, struct wall now);
/* What placeholders stand for; borrows from both. `stage` may be NULL. */
struct policy_values release_values(const struct release *r, const struct policy_stage *stage);

/* Start of the exposure that evidence must lie in (rule K4): of the way back while stabilising; 0
 * when nothing is exposed. For kpi_read(). */
struct wall release_exposed_since(const struct release *r);
/* Looks at all gates of the release's place (rule table E), updates `checkpoint` (bake B1, votes
 * E3, E5) and returns the evaluation; NULL without memory (then nothing changed and the round did
 * not happen). */
struct evaluation *release_evaluate(const struct release *r, const struct policy *bound,
                                    const struct gate_evidence *evidence,
                                    struct checkpoint *checkpoint, struct err *err);

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
	int64_t rollback_acked;  /* bit set: options all of whose messages, as sent last, have been
	                            acknowledged by now; only those in rollback.passed_over matter
	                            (late acknowledgements) */
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
	char place[48];       /* of a pointer that names an element of a list */
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
