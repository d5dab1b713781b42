/*
 * names - the words for states, steps, events and the like, and the small questions about a
 * snapshot.
 */
#include "release/release.h"

#include <string.h>

#include "base/macros.h"

/* clang-format off */
const char *const release_state_names[RELEASE_STATE_COUNT + 1] = {
	"planned", "running", "paused", "rolling_back", "stabilising", "completed", "rolled_back",
	"failed", "resolved", "cancelled", NULL
};
_Static_assert(RELEASE_CANCELLED == 9, "a new state needs a name");

const char *const stage_step_names[STAGE_STEP_COUNT + 1] = {
	"none", "entering", "baking", "ready", NULL
};
_Static_assert(STEP_READY == 3, "a new step needs a name");

const char *const migration_names[MIGRATION_COUNT + 1] = {
	"none", "reversible", "irreversible", NULL
};

const char *const hold_source_names[HOLD_SOURCE_COUNT + 1] = {
	"person", "gate", "ask", "rejected", "evidence", "action", "reentry", "incident", "drift",
	NULL
};
_Static_assert(HOLD_DRIFT == 8, "a new source of holds needs a name");

const char *const call_kind_names[CALL_KIND_COUNT + 1] = {
	"hold", "entering", "stage", "rollback", "failed", "stabilise", "smoke", "drift",
	"incident", NULL
};
_Static_assert(CALL_INCIDENT == 8, "a new kind of calls needs a name");

const char *const call_change_names[CALL_CHANGE_COUNT + 1] = {
	"opened", "raised", "acknowledged", "ended", NULL
};

const char *const message_class_names[MESSAGE_CLASS_COUNT + 1] = {
	"advance", "rollback", "notification", NULL
};

const char *const on_active_names[ON_ACTIVE_COUNT + 1] = {
	"reject", "queue", NULL
};

const char *const release_event_names[EVENT_COUNT + 1] = {
	[EVENT_START]                = "start",
	[EVENT_PAUSE]                = "pause",
	[EVENT_RESUME]               = "resume",
	[EVENT_PROMOTE]              = "promote",
	[EVENT_WAIVE]                = "waive",
	[EVENT_ROLLBACK]             = "rollback",
	[EVENT_CANCEL]               = "cancel",
	[EVENT_APPROVE]              = "approve",
	[EVENT_REJECT]               = "reject",
	[EVENT_CHECK]                = "check",
	[EVENT_ACK]                  = "ack",
	[EVENT_RETRY]                = "retry",
	[EVENT_RESOLVE]              = "resolve",
	[EVENT_NOTE]                 = "note",
	[EVENT_INCIDENT_RECORD]      = "incident",
	[EVENT_EVIDENCE]             = "evidence",
	[EVENT_REPIN]                = "repin",
	[EVENT_MEASUREMENT]          = "measurement",
	[EVENT_START_SILENT]         = "start_silent",
	[EVENT_PAUSE_AGAIN]          = "pause_again",
	[EVENT_RESUME_PARTLY]        = "resume_partly",
	[EVENT_RESUME_ENTERING]      = "resume_entering",
	[EVENT_ROLLBACK_UNEXPOSED]   = "rollback_unexposed",
	[EVENT_ROLLBACK_JUMP]        = "rollback_jump",
	[EVENT_RESTORE_CONFIRMED]    = "restore_confirmed",
	[EVENT_APPROVE_LAST]         = "approve_last",
	[EVENT_APPROVE_LAST_ENTERING] = "approve_last_entering",
	[EVENT_ACK_MANUAL]           = "ack_manual",
	[EVENT_INCIDENT]             = "incident_noted",
	[EVENT_INCIDENT_PAUSE]       = "incident_pause",
	[EVENT_INCIDENT_CALL]        = "incident_call",
	[EVENT_INCIDENT_CALL_FULL]   = "incident_call_full",
	[EVENT_INCIDENT_ROLLBACK]    = "incident_rollback",
	[EVENT_START_DUE]            = "start_due",
	[EVENT_START_DUE_SILENT]     = "start_due_silent",
	[EVENT_ANNOUNCE]             = "announce",
	[EVENT_ENTERED]              = "entered",
	[EVENT_ENTER_UNCONFIRMED]    = "enter_unconfirmed",
	[EVENT_BAKE_DONE]            = "bake_done",
	[EVENT_BAKE_LOST]            = "bake_lost",
	[EVENT_ADVANCE]              = "advance",
	[EVENT_ADVANCE_SILENT]       = "advance_silent",
	[EVENT_FINISH]               = "finish",
	[EVENT_RUNG_ASK]             = "rung_ask",
	[EVENT_RUNG_PAUSE]           = "rung_pause",
	[EVENT_RUNG_ROLLBACK]        = "rung_rollback",
	[EVENT_RUNG_BLOCKED]         = "rung_blocked",
	[EVENT_ASK_OVER]             = "ask_over",
	[EVENT_NO_EVIDENCE]          = "no_evidence",
	[EVENT_EVIDENCE_BACK]        = "evidence_back",
	[EVENT_EVIDENCE_OVERDUE]     = "evidence_overdue",
	[EVENT_EVIDENCE_ROLLBACK]    = "evidence_rollback",
	[EVENT_OVERDUE]              = "overdue",
	[EVENT_HOLD_EXPIRED]         = "hold_expired",
	[EVENT_LAST_HOLD_EXPIRED]    = "last_hold_expired",
	[EVENT_LAST_HOLD_EXPIRED_ENTERING] = "last_hold_expired_entering",
	[EVENT_ACTION_REFUSED]       = "action_refused",
	[EVENT_ROLLBACK_ACKED]       = "rollback_acked",
	[EVENT_ROLLBACK_UNCONFIRMED] = "rollback_unconfirmed",
	[EVENT_ROLLBACK_NEXT]        = "rollback_next",
	[EVENT_ROLLBACK_EXHAUSTED]   = "rollback_exhausted",
	[EVENT_STABILISED]           = "stabilised",
	[EVENT_STABILISE_NEXT]       = "stabilise_next",
	[EVENT_STABILISE_EXHAUSTED]  = "stabilise_exhausted",
	[EVENT_STABILISE_BLIND]      = "stabilise_blind",
	[EVENT_SMOKE_PASSED]         = "smoke_passed",
	[EVENT_SMOKE_FAILING]        = "smoke_failing",
	[EVENT_DRIFT]                = "drift",
	[EVENT_DRIFT_OVER]           = "drift_over",
	[EVENT_ESCALATE]             = "escalate",
	[EVENT_CREATE]               = "create",
};
_Static_assert(EVENT_COUNT == EVENT_CREATE + 1, "a new event needs a name");
/* clang-format on */

bool release_is_active(enum release_state state)
{
	switch (state) {
	case RELEASE_RUNNING:
	case RELEASE_PAUSED:
	case RELEASE_ROLLING_BACK:
	case RELEASE_STABILISING:
	case RELEASE_FAILED:
		return true;
	case RELEASE_PLANNED:
	case RELEASE_COMPLETED:
	case RELEASE_ROLLED_BACK:
	case RELEASE_RESOLVED:
	case RELEASE_CANCELLED:
	case RELEASE_STATE_COUNT:
		break;
	}
	return false;
}

bool release_is_ended(enum release_state state)
{
	return state != RELEASE_PLANNED && !release_is_active(state);
}

const struct hold *release_hold(const struct release *r, const char *name)
{
	for (size_t i = 0; i < r->nholds; i++) {
		if (strcmp(r->holds[i].name, name) == 0)
			return &r->holds[i];
	}
	return NULL;
}

const struct policy_stage *release_stage(const struct release *r, const struct policy *p)
{
	if (r->stage < 0 || (size_t)r->stage >= p->nstages)
		return NULL;
	return &p->stages[r->stage];
}

bool release_is_waived(const struct release *r, const char *gate, const char *stage)
{
	for (size_t i = 0; i < r->nwaivers; i++) {
		if (strcmp(r->waivers[i].gate, gate) == 0 &&
		    strcmp(r->waivers[i].stage, stage) == 0)
			return true;
	}
	return false;
}

struct wall release_started_at(const struct release *r, struct wall now)
{
	if (r->state == RELEASE_PLANNED)
		return now;
	return r->started_at.ms > 0 ? r->started_at : r->created_at;
}

struct policy_values release_values(const struct release *r, const struct policy_stage *stage)
{
	return (struct policy_values){.service = r->service,
	                              .environment = r->environment,
	                              .version = r->version,
	                              .stable_version = r->stable_version,
	                              .params = r->params,
	                              .stage = stage};
}
