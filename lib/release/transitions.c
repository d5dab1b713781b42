/*
 * transitions - the table: what an event makes of a release, from where, and why. Data, and its
 * printing.
 *
 * A row holds no condition. What depends on facts is an event of its own, chosen in refine.c and
 * due.c. `why` is the log line, the audit reason and the API's answer at once.
 */
#include "release/release.h"

#include <string.h>

#include "base/buf.h"
#include "base/macros.h"

/* clang-format off */
#define PLANNED      RELEASE_PLANNED,      STEP_NONE
#define ENTERING     RELEASE_RUNNING,      STEP_ENTERING
#define BAKING       RELEASE_RUNNING,      STEP_BAKING
#define READY        RELEASE_RUNNING,      STEP_READY
#define PAUSED       RELEASE_PAUSED,       STEP_NONE
#define ROLLING_BACK RELEASE_ROLLING_BACK, STEP_NONE
#define STABILISING  RELEASE_STABILISING,  STEP_NONE
#define COMPLETED    RELEASE_COMPLETED,    STEP_NONE
#define ROLLED_BACK  RELEASE_ROLLED_BACK,  STEP_NONE
#define FAILED       RELEASE_FAILED,       STEP_NONE
#define RESOLVED     RELEASE_RESOLVED,     STEP_NONE
#define CANCELLED    RELEASE_CANCELLED,    STEP_NONE

#define FX_BACK      (FX_ROLLBACK | FX_SUPERSEDE)
#define FX_CALLED    FX_CALL_PEOPLE
#define FX_UNEXPOSED (FX_SUPERSEDE | FX_END)

const struct transition release_transitions[] = {
	/* state and step, event,             state and step, effects,                                 why */
	{ PLANNED,      EVENT_START,              ENTERING,     FX_START_STAGE | FX_THAW,                  "started by a person" },
	{ PLANNED,      EVENT_START_SILENT,       BAKING,       FX_START_STAGE | FX_THAW,                  "started by a person" },
	{ PLANNED,      EVENT_START_DUE,          ENTERING,     FX_START_STAGE | FX_THAW | FX_LEASE,       "its start has come and nothing stands in the way" },
	{ PLANNED,      EVENT_START_DUE_SILENT,   BAKING,       FX_START_STAGE | FX_THAW | FX_LEASE,       "its start has come and nothing stands in the way" },
	{ PLANNED,      EVENT_ANNOUNCE,           PLANNED,      FX_RECORD | FX_LEASE,                      "its scheduled start is announced" },
	{ PLANNED,      EVENT_PAUSE,              PLANNED,      FX_ADD_HOLD,                               "held by a person: it will not start" },
	{ PLANNED,      EVENT_RESUME,             PLANNED,      FX_CLEAR_HOLDS,                            "holds cleared by a person: it may start" },
	{ PLANNED,      EVENT_RESUME_PARTLY,      PLANNED,      FX_CLEAR_HOLDS,                            "holds cleared by a person; others stay" },
	{ PLANNED,      EVENT_WAIVE,              PLANNED,      FX_RECORD,                                 "a person waived a gate for one stage" },
	{ PLANNED,      EVENT_ROLLBACK_UNEXPOSED, CANCELLED,    FX_UNEXPOSED,                              "nothing was exposed: cancelled instead of rolled back" },
	{ PLANNED,      EVENT_CANCEL,             CANCELLED,    FX_UNEXPOSED,                              "cancelled by a person" },
	{ PLANNED,      EVENT_APPROVE,            PLANNED,      FX_RECORD,                                 "approved" },
	{ PLANNED,      EVENT_REJECT,             PLANNED,      FX_RECORD | FX_ADD_HOLD,                   "rejected: held until the same role approves" },
	{ PLANNED,      EVENT_CHECK,              PLANNED,      FX_RECORD,                                 "a check was reported" },
	{ PLANNED,      EVENT_EVIDENCE,           PLANNED,      FX_RECORD,                                 "a result was reported" },
	{ PLANNED,      EVENT_MEASUREMENT,        PLANNED,      FX_RECORD,                                 "measurements were pushed" },
	{ PLANNED,      EVENT_ACK,                PLANNED,      FX_RECORD,                                 "acknowledged by a person" },
	{ PLANNED,      EVENT_RETRY,              PLANNED,      FX_CLEAR_HOLDS,                            "a person asked to try the action again" },
	{ PLANNED,      EVENT_NOTE,               PLANNED,      FX_RECORD,                                 "a person left a note" },
	{ PLANNED,      EVENT_REPIN,              PLANNED,      FX_RECORD | FX_RESTART_BAKE | FX_CLEAR_VOTES, "moved to another policy by a person" },
	{ PLANNED,      EVENT_HOLD_EXPIRED,       PLANNED,      FX_CLEAR_HOLDS | FX_LEASE,                 "a person's hold expired" },
	{ PLANNED,      EVENT_ACTION_REFUSED,     PLANNED,      FX_ADD_HOLD | FX_CALLED,                   "an action cannot be carried out" },
	{ PLANNED,      EVENT_ESCALATE,           PLANNED,      FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },

	{ ENTERING,     EVENT_PAUSE,              PAUSED,       FX_ADD_HOLD | FX_PARK,                     "paused by a person" },
	{ ENTERING,     EVENT_WAIVE,              ENTERING,     FX_RECORD,                                 "a person waived a gate for one stage" },
	{ ENTERING,     EVENT_ROLLBACK,           ROLLING_BACK, FX_BACK,                                   "rollback decided by a person" },
	{ ENTERING,     EVENT_ROLLBACK_UNEXPOSED, CANCELLED,    FX_UNEXPOSED,                              "nothing was exposed: cancelled instead of rolled back" },
	{ ENTERING,     EVENT_CANCEL,             CANCELLED,    FX_UNEXPOSED,                              "cancelled by a person" },
	{ ENTERING,     EVENT_APPROVE,            ENTERING,     FX_RECORD,                                 "approved" },
	{ ENTERING,     EVENT_REJECT,             PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_PARK,         "rejected: held until the same role approves" },
	{ ENTERING,     EVENT_CHECK,              ENTERING,     FX_RECORD,                                 "a check was reported" },
	{ ENTERING,     EVENT_EVIDENCE,           ENTERING,     FX_RECORD,                                 "a result was reported" },
	{ ENTERING,     EVENT_MEASUREMENT,        ENTERING,     FX_RECORD,                                 "measurements were pushed" },
	{ ENTERING,     EVENT_ACK,                ENTERING,     FX_RECORD,                                 "acknowledged by a person" },
	{ ENTERING,     EVENT_RETRY,              ENTERING,     FX_CLEAR_HOLDS | FX_RESEND | FX_THAW,      "a person asked to send the stage's actions again" },
	{ ENTERING,     EVENT_NOTE,               ENTERING,     FX_RECORD,                                 "a person left a note" },
	{ ENTERING,     EVENT_ENTERED,            BAKING,       FX_EXPOSURE | FX_LEASE,                    "the stage's actions are acknowledged: baking begins" },
	{ ENTERING,     EVENT_ENTER_UNCONFIRMED,  ENTERING,     FX_RECORD | FX_CALLED,                     "the stage's actions are not acknowledged in time" },
	{ ENTERING,     EVENT_RUNG_ASK,           ENTERING,     FX_ADD_HOLD | FX_CALLED,                   "a gate asks people to look" },
	{ ENTERING,     EVENT_RUNG_PAUSE,         PAUSED,       FX_ADD_HOLD | FX_PARK | FX_RESTART_BAKE | FX_CALLED, "a gate paused the release" },
	{ ENTERING,     EVENT_RUNG_ROLLBACK,      ROLLING_BACK, FX_BACK | FX_CALLED,                       "a gate asked for rollback" },
	{ ENTERING,     EVENT_RUNG_BLOCKED,       ENTERING,     FX_ADD_HOLD | FX_CALLED,                   "a gate asked for rollback, but nothing is exposed: blocked" },
	{ ENTERING,     EVENT_NO_EVIDENCE,        ENTERING,     FX_ADD_HOLD,                               "no data is not success" },
	{ ENTERING,     EVENT_EVIDENCE_OVERDUE,   ENTERING,     FX_RECORD | FX_CALLED,                     "no evidence for longer than max_hold" },
	{ ENTERING,     EVENT_EVIDENCE_ROLLBACK,  ROLLING_BACK, FX_BACK | FX_CALLED,                       "no evidence for longer than max_hold: the policy rolls back then" },
	{ ENTERING,     EVENT_OVERDUE,            ENTERING,     FX_RECORD | FX_CALLED,                     "the stage takes longer than its maximum" },
	{ ENTERING,     EVENT_ACTION_REFUSED,     ENTERING,     FX_ADD_HOLD | FX_CALLED,                   "an action cannot be carried out" },
	{ ENTERING,     EVENT_DRIFT,              ENTERING,     FX_ADD_HOLD | FX_CALLED,                   "what an action has set reads differently now" },
	{ ENTERING,     EVENT_DRIFT_OVER,         ENTERING,     FX_CLEAR_HOLDS | FX_LEASE,                 "what the action has set reads as it should again" },
	{ ENTERING,     EVENT_ESCALATE,           ENTERING,     FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },
	{ ENTERING,     EVENT_INCIDENT,           ENTERING,     FX_RECORD,                                 "an incident was reported" },
	{ ENTERING,     EVENT_INCIDENT_PAUSE,     PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE | FX_PARK,"an incident was reported: paused" },
	{ ENTERING,     EVENT_INCIDENT_CALL,      PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE | FX_PARK | FX_CALLED,"a critical incident was reported: paused" },
	{ ENTERING,     EVENT_INCIDENT_ROLLBACK,  ROLLING_BACK, FX_RECORD | FX_BACK | FX_CALLED,           "a critical incident was reported: rolled back" },

	{ BAKING,       EVENT_PAUSE,              PAUSED,       FX_ADD_HOLD,                               "paused by a person" },
	{ BAKING,       EVENT_PROMOTE,            BAKING,       FX_RECORD | FX_THAW,                       "promoted by a person: the remaining bake is skipped, no gate is" },
	{ BAKING,       EVENT_WAIVE,              BAKING,       FX_RECORD,                                 "a person waived a gate for one stage" },
	{ BAKING,       EVENT_ROLLBACK,           ROLLING_BACK, FX_BACK,                                   "rollback decided by a person" },
	{ BAKING,       EVENT_ROLLBACK_UNEXPOSED, CANCELLED,    FX_UNEXPOSED,                              "nothing was exposed: cancelled instead of rolled back" },
	{ BAKING,       EVENT_CANCEL,             CANCELLED,    FX_UNEXPOSED,                              "cancelled by a person" },
	{ BAKING,       EVENT_APPROVE,            BAKING,       FX_RECORD,                                 "approved" },
	{ BAKING,       EVENT_REJECT,             PAUSED,       FX_RECORD | FX_ADD_HOLD,                   "rejected: held until the same role approves" },
	{ BAKING,       EVENT_CHECK,              BAKING,       FX_RECORD,                                 "a check was reported" },
	{ BAKING,       EVENT_EVIDENCE,           BAKING,       FX_RECORD,                                 "a result was reported" },
	{ BAKING,       EVENT_MEASUREMENT,        BAKING,       FX_RECORD,                                 "measurements were pushed" },
	{ BAKING,       EVENT_ACK,                BAKING,       FX_RECORD,                                 "acknowledged by a person" },
	{ BAKING,       EVENT_RETRY,              BAKING,       FX_CLEAR_HOLDS,                            "a person asked to try the action again" },
	{ BAKING,       EVENT_NOTE,               BAKING,       FX_RECORD,                                 "a person left a note" },
	{ BAKING,       EVENT_REPIN,              BAKING,       FX_RECORD | FX_RESTART_BAKE | FX_CLEAR_VOTES, "moved to another policy by a person" },
	{ BAKING,       EVENT_BAKE_DONE,          READY,        FX_LEASE,                                  "the bake is done; something else is missing" },
	{ BAKING,       EVENT_ADVANCE,            ENTERING,     FX_ENTER_STAGE | FX_THAW | FX_LEASE,       "every gate held for the whole bake" },
	{ BAKING,       EVENT_ADVANCE_SILENT,     BAKING,       FX_ENTER_STAGE | FX_THAW | FX_LEASE,       "every gate held for the whole bake" },
	{ BAKING,       EVENT_FINISH,             COMPLETED,    FX_FINISH | FX_END | FX_THAW | FX_LEASE,   "every gate held through the last stage" },
	{ BAKING,       EVENT_RUNG_ASK,           BAKING,       FX_ADD_HOLD | FX_CALLED,                   "a gate asks people to look" },
	{ BAKING,       EVENT_RUNG_PAUSE,         PAUSED,       FX_ADD_HOLD | FX_RESTART_BAKE | FX_CALLED, "a gate paused the release" },
	{ BAKING,       EVENT_RUNG_ROLLBACK,      ROLLING_BACK, FX_BACK | FX_CALLED,                       "a gate asked for rollback" },
	{ BAKING,       EVENT_RUNG_BLOCKED,       BAKING,       FX_ADD_HOLD | FX_CALLED,                   "a gate asked for rollback, but nothing is exposed: blocked" },
	{ BAKING,       EVENT_ASK_OVER,           BAKING,       FX_CLEAR_HOLDS | FX_LEASE,                 "the gate people looked at passes again" },
	{ BAKING,       EVENT_NO_EVIDENCE,        BAKING,       FX_ADD_HOLD,                               "no data is not success" },
	{ BAKING,       EVENT_EVIDENCE_BACK,      BAKING,       FX_CLEAR_HOLDS | FX_LEASE,                 "evidence is back" },
	{ BAKING,       EVENT_EVIDENCE_OVERDUE,   BAKING,       FX_RECORD | FX_CALLED,                     "no evidence for longer than max_hold" },
	{ BAKING,       EVENT_EVIDENCE_ROLLBACK,  ROLLING_BACK, FX_BACK | FX_CALLED,                       "no evidence for longer than max_hold: the policy rolls back then" },
	{ BAKING,       EVENT_OVERDUE,            BAKING,       FX_RECORD | FX_CALLED,                     "the stage takes longer than its maximum" },
	{ BAKING,       EVENT_ACTION_REFUSED,     BAKING,       FX_ADD_HOLD | FX_CALLED,                   "an action cannot be carried out" },
	{ BAKING,       EVENT_DRIFT,              BAKING,       FX_ADD_HOLD | FX_CALLED,                   "what an action has set reads differently now" },
	{ BAKING,       EVENT_DRIFT_OVER,         BAKING,       FX_CLEAR_HOLDS | FX_LEASE,                 "what the action has set reads as it should again" },
	{ BAKING,       EVENT_ESCALATE,           BAKING,       FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },
	{ BAKING,       EVENT_INCIDENT,           BAKING,       FX_RECORD,                                 "an incident was reported" },
	{ BAKING,       EVENT_INCIDENT_PAUSE,     PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE, "an incident was reported: paused" },
	{ BAKING,       EVENT_INCIDENT_CALL,      PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE | FX_CALLED,"a critical incident was reported: paused" },
	{ BAKING,       EVENT_INCIDENT_ROLLBACK,  ROLLING_BACK, FX_RECORD | FX_BACK | FX_CALLED,           "a critical incident was reported: rolled back" },

	{ READY,        EVENT_PAUSE,              PAUSED,       FX_ADD_HOLD,                               "paused by a person" },
	{ READY,        EVENT_PROMOTE,            READY,        FX_RECORD | FX_THAW,                       "promoted by a person: the go of a manual stage, no gate is skipped" },
	{ READY,        EVENT_WAIVE,              READY,        FX_RECORD,                                 "a person waived a gate for one stage" },
	{ READY,        EVENT_ROLLBACK,           ROLLING_BACK, FX_BACK,                                   "rollback decided by a person" },
	{ READY,        EVENT_ROLLBACK_UNEXPOSED, CANCELLED,    FX_UNEXPOSED,                              "nothing was exposed: cancelled instead of rolled back" },
	{ READY,        EVENT_CANCEL,             CANCELLED,    FX_UNEXPOSED,                              "cancelled by a person" },
	{ READY,        EVENT_APPROVE,            READY,        FX_RECORD,                                 "approved" },
	{ READY,        EVENT_REJECT,             PAUSED,       FX_RECORD | FX_ADD_HOLD,                   "rejected: held until the same role approves" },
	{ READY,        EVENT_CHECK,              READY,        FX_RECORD,                                 "a check was reported" },
	{ READY,        EVENT_EVIDENCE,           READY,        FX_RECORD,                                 "a result was reported" },
	{ READY,        EVENT_MEASUREMENT,        READY,        FX_RECORD,                                 "measurements were pushed" },
	{ READY,        EVENT_ACK,                READY,        FX_RECORD,                                 "acknowledged by a person" },
	{ READY,        EVENT_RETRY,              READY,        FX_CLEAR_HOLDS,                            "a person asked to try the action again" },
	{ READY,        EVENT_NOTE,               READY,        FX_RECORD,                                 "a person left a note" },
	{ READY,        EVENT_REPIN,              BAKING,       FX_RECORD | FX_RESTART_BAKE | FX_CLEAR_VOTES, "moved to another policy by a person" },
	{ READY,        EVENT_BAKE_LOST,          BAKING,       FX_LEASE,                                  "nothing passed for too long: the bake restarted" },
	{ READY,        EVENT_ADVANCE,            ENTERING,     FX_ENTER_STAGE | FX_THAW | FX_LEASE,       "baked, green, and all that was missing is there" },
	{ READY,        EVENT_ADVANCE_SILENT,     BAKING,       FX_ENTER_STAGE | FX_THAW | FX_LEASE,       "baked, green, and all that was missing is there" },
	{ READY,        EVENT_FINISH,             COMPLETED,    FX_FINISH | FX_END | FX_THAW | FX_LEASE,   "baked, green, and all that was missing is there" },
	{ READY,        EVENT_RUNG_ASK,           READY,        FX_ADD_HOLD | FX_CALLED,                   "a gate asks people to look" },
	{ READY,        EVENT_RUNG_PAUSE,         PAUSED,       FX_ADD_HOLD | FX_RESTART_BAKE | FX_CALLED, "a gate paused the release" },
	{ READY,        EVENT_RUNG_ROLLBACK,      ROLLING_BACK, FX_BACK | FX_CALLED,                       "a gate asked for rollback" },
	{ READY,        EVENT_RUNG_BLOCKED,       READY,        FX_ADD_HOLD | FX_CALLED,                   "a gate asked for rollback, but nothing is exposed: blocked" },
	{ READY,        EVENT_ASK_OVER,           READY,        FX_CLEAR_HOLDS | FX_LEASE,                 "the gate people looked at passes again" },
	{ READY,        EVENT_NO_EVIDENCE,        READY,        FX_ADD_HOLD,                               "no data is not success" },
	{ READY,        EVENT_EVIDENCE_BACK,      READY,        FX_CLEAR_HOLDS | FX_LEASE,                 "evidence is back" },
	{ READY,        EVENT_EVIDENCE_OVERDUE,   READY,        FX_RECORD | FX_CALLED,                     "no evidence for longer than max_hold" },
	{ READY,        EVENT_EVIDENCE_ROLLBACK,  ROLLING_BACK, FX_BACK | FX_CALLED,                       "no evidence for longer than max_hold: the policy rolls back then" },
	{ READY,        EVENT_OVERDUE,            READY,        FX_RECORD | FX_CALLED,                     "the stage takes longer than its maximum" },
	{ READY,        EVENT_ACTION_REFUSED,     READY,        FX_ADD_HOLD | FX_CALLED,                   "an action cannot be carried out" },
	{ READY,        EVENT_DRIFT,              READY,        FX_ADD_HOLD | FX_CALLED,                   "what an action has set reads differently now" },
	{ READY,        EVENT_DRIFT_OVER,         READY,        FX_CLEAR_HOLDS | FX_LEASE,                 "what the action has set reads as it should again" },
	{ READY,        EVENT_ESCALATE,           READY,        FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },
	{ READY,        EVENT_INCIDENT,           READY,        FX_RECORD,                                 "an incident was reported" },
	{ READY,        EVENT_INCIDENT_PAUSE,     PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE, "an incident was reported: paused" },
	{ READY,        EVENT_INCIDENT_CALL,      PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE | FX_CALLED,"a critical incident was reported: paused" },
	{ READY,        EVENT_INCIDENT_ROLLBACK,  ROLLING_BACK, FX_RECORD | FX_BACK | FX_CALLED,           "a critical incident was reported: rolled back" },

	{ PAUSED,       EVENT_PAUSE_AGAIN,        PAUSED,       FX_ADD_HOLD,                               "held by one more person" },
	{ PAUSED,       EVENT_RESUME,             BAKING,       FX_CLEAR_HOLDS | FX_CLEAR_VOTES,           "resumed by a person" },
	{ PAUSED,       EVENT_RESUME_ENTERING,    ENTERING,     FX_CLEAR_HOLDS | FX_CLEAR_VOTES | FX_RESEND | FX_THAW, "resumed by a person: the stage's actions are sent anew" },
	{ PAUSED,       EVENT_RESUME_PARTLY,      PAUSED,       FX_CLEAR_HOLDS,                            "holds cleared by a person; others stay" },
	{ PAUSED,       EVENT_WAIVE,              PAUSED,       FX_RECORD,                                 "a person waived a gate for one stage" },
	{ PAUSED,       EVENT_ROLLBACK,           ROLLING_BACK, FX_BACK,                                   "rollback decided by a person" },
	{ PAUSED,       EVENT_ROLLBACK_UNEXPOSED, CANCELLED,    FX_UNEXPOSED,                              "nothing was exposed: cancelled instead of rolled back" },
	{ PAUSED,       EVENT_CANCEL,             CANCELLED,    FX_UNEXPOSED,                              "cancelled by a person" },
	{ PAUSED,       EVENT_APPROVE,            PAUSED,       FX_RECORD,                                 "approved" },
	{ PAUSED,       EVENT_APPROVE_LAST,       BAKING,       FX_RECORD,                                 "approved by the role that had rejected: nothing holds it any more" },
	{ PAUSED,       EVENT_APPROVE_LAST_ENTERING, ENTERING,  FX_RECORD | FX_RESEND | FX_THAW,           "approved by the role that had rejected: the stage's actions are sent anew" },
	{ PAUSED,       EVENT_REJECT,             PAUSED,       FX_RECORD | FX_ADD_HOLD,                   "rejected: held until the same role approves" },
	{ PAUSED,       EVENT_CHECK,              PAUSED,       FX_RECORD,                                 "a check was reported" },
	{ PAUSED,       EVENT_EVIDENCE,           PAUSED,       FX_RECORD,                                 "a result was reported" },
	{ PAUSED,       EVENT_MEASUREMENT,        PAUSED,       FX_RECORD,                                 "measurements were pushed" },
	{ PAUSED,       EVENT_ACK,                PAUSED,       FX_RECORD,                                 "acknowledged by a person" },
	{ PAUSED,       EVENT_NOTE,               PAUSED,       FX_RECORD,                                 "a person left a note" },
	{ PAUSED,       EVENT_REPIN,              PAUSED,       FX_RECORD | FX_RESTART_BAKE | FX_CLEAR_VOTES, "moved to another policy by a person" },
	{ PAUSED,       EVENT_RUNG_ASK,           PAUSED,       FX_ADD_HOLD | FX_CALLED,                   "a gate asks people to look" },
	{ PAUSED,       EVENT_RUNG_PAUSE,         PAUSED,       FX_ADD_HOLD | FX_RESTART_BAKE | FX_CALLED, "a gate holds the paused release as well" },
	{ PAUSED,       EVENT_RUNG_ROLLBACK,      ROLLING_BACK, FX_BACK | FX_CALLED,                       "a gate asked for rollback" },
	{ PAUSED,       EVENT_RUNG_BLOCKED,       PAUSED,       FX_ADD_HOLD | FX_CALLED,                   "a gate asked for rollback, but nothing is exposed: blocked" },
	{ PAUSED,       EVENT_ASK_OVER,           PAUSED,       FX_CLEAR_HOLDS | FX_LEASE,                 "the gate people looked at passes again" },
	{ PAUSED,       EVENT_EVIDENCE_BACK,      PAUSED,       FX_CLEAR_HOLDS | FX_LEASE,                 "evidence is back" },
	{ PAUSED,       EVENT_OVERDUE,            PAUSED,       FX_RECORD | FX_CALLED,                     "the stage takes longer than its maximum" },
	{ PAUSED,       EVENT_HOLD_EXPIRED,       PAUSED,       FX_CLEAR_HOLDS | FX_LEASE,                 "a person's hold expired; others stay" },
	{ PAUSED,       EVENT_LAST_HOLD_EXPIRED,  BAKING,       FX_CLEAR_HOLDS | FX_LEASE,                 "the last hold expired" },
	{ PAUSED,       EVENT_LAST_HOLD_EXPIRED_ENTERING, ENTERING, FX_CLEAR_HOLDS | FX_RESEND | FX_THAW | FX_LEASE, "the last hold expired: the stage's actions are sent anew" },
	{ PAUSED,       EVENT_DRIFT,              PAUSED,       FX_ADD_HOLD | FX_CALLED,                   "what an action has set reads differently now" },
	{ PAUSED,       EVENT_DRIFT_OVER,         PAUSED,       FX_CLEAR_HOLDS | FX_LEASE,                 "what the action has set reads as it should again" },
	{ PAUSED,       EVENT_ESCALATE,           PAUSED,       FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },
	{ PAUSED,       EVENT_INCIDENT,           PAUSED,       FX_RECORD,                                 "an incident was reported" },
	{ PAUSED,       EVENT_INCIDENT_PAUSE,     PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE, "an incident was reported: paused" },
	{ PAUSED,       EVENT_INCIDENT_CALL,      PAUSED,       FX_RECORD | FX_ADD_HOLD | FX_RESTART_BAKE | FX_CALLED,"a critical incident was reported: paused" },
	{ PAUSED,       EVENT_INCIDENT_CALL_FULL, PAUSED,       FX_RECORD | FX_CALLED,                     "a critical incident was reported; no more holds fit" },
	{ PAUSED,       EVENT_INCIDENT_ROLLBACK,  ROLLING_BACK, FX_RECORD | FX_BACK | FX_CALLED,           "a critical incident was reported: rolled back" },

	{ ROLLING_BACK, EVENT_ROLLBACK_JUMP,      ROLLING_BACK, FX_BACK,                                   "a person chose another way back" },
	{ ROLLING_BACK, EVENT_RESTORE_CONFIRMED,  ROLLING_BACK, FX_RECORD,                                 "a person confirmed that the data is restored" },
	{ ROLLING_BACK, EVENT_CHECK,              ROLLING_BACK, FX_RECORD,                                 "a check was reported" },
	{ ROLLING_BACK, EVENT_EVIDENCE,           ROLLING_BACK, FX_RECORD,                                 "a result was reported" },
	{ ROLLING_BACK, EVENT_MEASUREMENT,        ROLLING_BACK, FX_RECORD,                                 "measurements were pushed" },
	{ ROLLING_BACK, EVENT_ACK,                ROLLING_BACK, FX_RECORD,                                 "acknowledged by a person" },
	{ ROLLING_BACK, EVENT_ACK_MANUAL,         STABILISING,  FX_STABILISE,                              "a person carried out the way back" },
	{ ROLLING_BACK, EVENT_NOTE,               ROLLING_BACK, FX_RECORD,                                 "a person left a note" },
	{ ROLLING_BACK, EVENT_INCIDENT_RECORD,    ROLLING_BACK, FX_RECORD,                                 "the incident was recorded: root cause, impact, restore point" },
	{ ROLLING_BACK, EVENT_ROLLBACK_ACKED,     STABILISING,  FX_STABILISE,                              "the rollback is acknowledged: watching it stabilise" },
	{ ROLLING_BACK, EVENT_ROLLBACK_UNCONFIRMED, ROLLING_BACK, FX_RECORD | FX_CALLED,                   "the rollback is not acknowledged yet" },
	{ ROLLING_BACK, EVENT_ROLLBACK_NEXT,      ROLLING_BACK, FX_BACK | FX_CALLED,                       "the rollback was not acknowledged: the next option as well" },
	{ ROLLING_BACK, EVENT_ROLLBACK_EXHAUSTED, FAILED,       FX_CALLED,                                 "no rollback option is left; retries go on" },
	{ ROLLING_BACK, EVENT_DRIFT,              ROLLING_BACK, FX_RECORD | FX_CALLED,                     "what an action has set reads differently now" },
	{ ROLLING_BACK, EVENT_DRIFT_OVER,         ROLLING_BACK, FX_RECORD | FX_LEASE,                      "what the action has set reads as it should again" },
	{ ROLLING_BACK, EVENT_ESCALATE,           ROLLING_BACK, FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },
	{ ROLLING_BACK, EVENT_INCIDENT,           ROLLING_BACK, FX_RECORD,                                 "an incident was reported" },
	{ ROLLING_BACK, EVENT_INCIDENT_CALL,      ROLLING_BACK, FX_RECORD | FX_CALLED,                     "a critical incident was reported" },

	{ STABILISING,  EVENT_ROLLBACK_JUMP,      ROLLING_BACK, FX_BACK,                                   "a person chose another way back" },
	{ STABILISING,  EVENT_RESTORE_CONFIRMED,  STABILISING,  FX_RECORD,                                 "a person confirmed that the data is restored" },
	{ STABILISING,  EVENT_CHECK,              STABILISING,  FX_RECORD,                                 "a check was reported" },
	{ STABILISING,  EVENT_EVIDENCE,           STABILISING,  FX_RECORD,                                 "a result was reported" },
	{ STABILISING,  EVENT_MEASUREMENT,        STABILISING,  FX_RECORD,                                 "measurements were pushed" },
	{ STABILISING,  EVENT_ACK,                STABILISING,  FX_RECORD,                                 "acknowledged by a person" },
	{ STABILISING,  EVENT_RESOLVE,            RESOLVED,     FX_RECORD | FX_END | FX_CLOSE,             "a person settled it and named the live version" },
	{ STABILISING,  EVENT_NOTE,               STABILISING,  FX_RECORD,                                 "a person left a note" },
	{ STABILISING,  EVENT_INCIDENT_RECORD,    STABILISING,  FX_RECORD,                                 "the incident was recorded: root cause, impact, restore point" },
	{ STABILISING,  EVENT_STABILISED,         ROLLED_BACK,  FX_END | FX_CLOSE | FX_LEASE,              "green for long enough on the old version" },
	{ STABILISING,  EVENT_STABILISE_NEXT,     ROLLING_BACK, FX_BACK | FX_CALLED,                       "it did not stabilise in time: the next option" },
	{ STABILISING,  EVENT_STABILISE_EXHAUSTED, FAILED,      FX_CALLED,                                 "it did not stabilise in time and no rollback option is left" },
	{ STABILISING,  EVENT_STABILISE_BLIND,    STABILISING,  FX_RECORD | FX_CALLED,                     "the deadline passed without evidence: still watching" },
	{ STABILISING,  EVENT_SMOKE_PASSED,       STABILISING,  FX_RECORD | FX_LEASE,                      "every smoke test is acknowledged: green time counts" },
	{ STABILISING,  EVENT_SMOKE_FAILING,      STABILISING,  FX_RECORD | FX_CALLED,                     "a smoke test of the way back fails" },
	{ STABILISING,  EVENT_DRIFT,              STABILISING,  FX_RECORD | FX_CALLED,                     "what an action has set reads differently now" },
	{ STABILISING,  EVENT_DRIFT_OVER,         STABILISING,  FX_RECORD | FX_LEASE,                      "what the action has set reads as it should again" },
	{ STABILISING,  EVENT_ESCALATE,           STABILISING,  FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },
	{ STABILISING,  EVENT_INCIDENT,           STABILISING,  FX_RECORD,                                 "an incident was reported" },
	{ STABILISING,  EVENT_INCIDENT_CALL,      STABILISING,  FX_RECORD | FX_CALLED,                     "a critical incident was reported" },

	{ FAILED,       EVENT_ROLLBACK_JUMP,      ROLLING_BACK, FX_BACK,                                   "a person chose another way back" },
	{ FAILED,       EVENT_RESTORE_CONFIRMED,  FAILED,       FX_RECORD,                                 "a person confirmed that the data is restored" },
	{ FAILED,       EVENT_CHECK,              FAILED,       FX_RECORD,                                 "a check was reported" },
	{ FAILED,       EVENT_EVIDENCE,           FAILED,       FX_RECORD,                                 "a result was reported" },
	{ FAILED,       EVENT_MEASUREMENT,        FAILED,       FX_RECORD,                                 "measurements were pushed" },
	{ FAILED,       EVENT_ACK,                FAILED,       FX_RECORD,                                 "acknowledged by a person" },
	{ FAILED,       EVENT_ACK_MANUAL,         STABILISING,  FX_STABILISE,                              "a person carried out the way back" },
	{ FAILED,       EVENT_RETRY,              ROLLING_BACK, FX_RETRY,                                  "a person asked to send the rollback again" },
	{ FAILED,       EVENT_RESOLVE,            RESOLVED,     FX_RECORD | FX_END | FX_CLOSE,             "a person settled it and named the live version" },
	{ FAILED,       EVENT_NOTE,               FAILED,       FX_RECORD,                                 "a person left a note" },
	{ FAILED,       EVENT_INCIDENT_RECORD,    FAILED,       FX_RECORD,                                 "the incident was recorded: root cause, impact, restore point" },
	{ FAILED,       EVENT_ROLLBACK_ACKED,     STABILISING,  FX_STABILISE,                              "acknowledged late: watching it stabilise" },
	{ FAILED,       EVENT_DRIFT,              FAILED,       FX_RECORD | FX_CALLED,                     "what an action has set reads differently now" },
	{ FAILED,       EVENT_DRIFT_OVER,         FAILED,       FX_RECORD | FX_LEASE,                      "what the action has set reads as it should again" },
	{ FAILED,       EVENT_ESCALATE,           FAILED,       FX_CALLED,                                 "nobody acknowledged in time: the next level is called" },
	{ FAILED,       EVENT_INCIDENT,           FAILED,       FX_RECORD,                                 "an incident was reported" },
	{ FAILED,       EVENT_INCIDENT_CALL,      FAILED,       FX_RECORD | FX_CALLED,                     "a critical incident was reported" },

	{ COMPLETED,    EVENT_ROLLBACK,           ROLLING_BACK, FX_BACK,                                   "rollback decided by a person" },
	{ COMPLETED,    EVENT_NOTE,               COMPLETED,    FX_RECORD,                                 "a person left a note" },
	{ ROLLED_BACK,  EVENT_CHECK,              ROLLED_BACK,  FX_RECORD,                                 "a check was reported" },
	{ ROLLED_BACK,  EVENT_NOTE,               ROLLED_BACK,  FX_RECORD,                                 "a person left a note" },
	{ ROLLED_BACK,  EVENT_INCIDENT_RECORD,    ROLLED_BACK,  FX_RECORD,                                 "the incident was recorded: root cause, impact, restore point" },
	{ RESOLVED,     EVENT_CHECK,              RESOLVED,     FX_RECORD,                                 "a check was reported" },
	{ RESOLVED,     EVENT_NOTE,               RESOLVED,     FX_RECORD,                                 "a person left a note" },
	{ RESOLVED,     EVENT_INCIDENT_RECORD,    RESOLVED,     FX_RECORD,                                 "the incident was recorded: root cause, impact, restore point" },
	{ CANCELLED,    EVENT_NOTE,               CANCELLED,    FX_RECORD,                                 "a person left a note" },
};
const size_t release_ntransitions = ARRAY_LEN(release_transitions);

const char *const release_effect_names[] = {
	"enter_stage", "start_stage", "resend", "add_hold", "clear_holds", "rollback", "exposure", "finish",
	"call_people", "record", "lease", "stabilise", "thaw", "supersede", "park", "restart_bake",
	"clear_votes", "retry", "end", "close_messages", NULL
};
/* clang-format on */

const struct transition *release_transition(enum release_state state, enum stage_step step,
                                            enum release_event event)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		if (row->state == state && row->step == step && row->event == event)
			return row;
	}
	return NULL;
}

bool release_edge(enum release_state from, enum release_state to)
{
	for (size_t i = 0; i < release_ntransitions; i++) {
		if (release_transitions[i].state == from && release_transitions[i].to == to)
			return true;
	}
	return false;
}

static void print_place(enum release_state state, enum stage_step step, struct buf *out)
{
	buf_add_text(out, release_state_names[state]);
	if (step != STEP_NONE)
		buf_printf(out, "/%s", stage_step_names[step]);
}

static void print_effects(unsigned effects, struct buf *out)
{
	const char *separator = "";

	for (unsigned bit = 0; release_effect_names[bit]; bit++) {
		if (!(effects & 1u << bit))
			continue;
		buf_printf(out, "%s%s", separator, release_effect_names[bit]);
		separator = " ";
	}
}

void release_print_transitions(struct buf *out)
{
	buf_add_text(out, "| from | event | to | effects | why |\n"
	                  "| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		buf_add_text(out, "| ");
		print_place(row->state, row->step, out);
		buf_printf(out, " | %s | ", release_event_names[row->event]);
		print_place(row->to, row->to_step, out);
		buf_add_text(out, " | ");
		print_effects(row->effects, out);
		buf_printf(out, " | %s |\n", row->why);
	}
}
