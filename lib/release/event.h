/*
 * event - what may happen to a release, with its operands, and who asks for it.
 *
 * Texts are borrowed from whoever asks, for the length of the call.
 */
#ifndef RELEASE_EVENT_H
#define RELEASE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/time.h"
#include "gate/evidence.h"
#include "policy/policy.h"
#include "release/incident.h"

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
	EVENT_EVIDENCE, /* a result of a scheduler */
	EVENT_MEASUREMENT, /* numbers of KPIs that are pushed */
	EVENT_REPIN, /* to another policy */
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
#define EVENT_OPERATOR_COUNT (EVENT_REPIN + 1)

/* Who asks. Permissions are checked at the door; rules about persons here. */
struct actor {
	const char *subject; /* "ann", "ci-bot" */
	const char *person;  /* the accountable human: the subject, or the `author` a machine names;
	                        NULL */
	const char *origin;  /* address or "gate", "timer", "recovery" */
	const char *const *roles; /* role names held: release_manager, qa, ... */
	size_t nroles;
};

/* One number of a KPI that is pushed. */
#define EVENT_MAX_MEASUREMENTS 64 /* of one event */
#define EVENT_GIVEN_AS_POLICY (-1)
struct event_measurement {
	const char *kpi;
	double value;
	int given;      /* enum kpi_given, or EVENT_GIVEN_AS_POLICY */
	struct wall at; /* 0: now */
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
	const char *result;           /* evidence: which; the reason is its note */
	enum evidence_status status;  /* of the result */
	const char *link;             /* of the result */
	const struct event_measurement *measurements;
	size_t nmeasurements;
	bool one_measurement;         /* they were not asked for as a list: where mistakes stand */
	bool restore_confirmed;       /* rollback, retry */
	struct wall expires;          /* pause, evidence */
	const struct policy *policy;  /* repin: bound to the release */
	const char *alert;            /* ack: fingerprint of one that is taken care of */
	const char *hold;             /* hold_expired, ack: which; action_refused: action name */
	const json_t *detail;         /* goes into the audit record (gate values); borrowed */
};

#endif
