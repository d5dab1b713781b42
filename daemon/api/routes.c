/*
 * routes - every route there is. The index page, openapi.json and the router read this table.
 */
#include "api/actions.h"
#include "api/alerts.h"
#include "api/dead_letters.h"
#include "api/freeze.h"
#include "api/httpd.h"
#include "api/incidents.h"
#include "api/operations.h"
#include "api/policies.h"
#include "api/releases.h"
#include "api/reports.h"
#include "api/verbs.h"

#define BODY (64u * 1024)
#define POLICY_BODY (1024u * 1024)
#define ALERTS_BODY (1024u * 1024)

/* clang-format off */
const struct route api_routes[] = {
	{ "POST", "/v1/releases",                  "submit",  releases_create,      BODY, "Create a release." },
	{ "GET",  "/v1/releases",                  "view",    releases_list,        0,    "List releases, newest first: ?service= &environment= &state= &limit= &cursor=." },
	{ "GET",  "/v1/releases/:id",              "view",    releases_get,         0,    "One release, by number or service@version: where it is, why it waits, what is legal." },
	{ "GET",  "/v1/releases/:id/gates",        "view",    releases_gates,       0,    "The newest evaluation of every gate, and what is being watched." },
	{ "GET",  "/v1/releases/:id/targets",      "view",    releases_targets,     0,    "What its evidence comes from, target by target: health, age, labels, where it was found." },
	{ "GET",  "/v1/releases/:id/timeline",     "view",    releases_timeline,    0,    "Every decision, newest first." },
	{ "GET",  "/v1/releases/:id/evaluations",  "view",    releases_evaluations, 0,    "Recorded evaluations, newest first." },
	{ "GET",  "/v1/releases/:id/actions",      "view",    releases_actions,     0,    "Messages to the outside: attempts, status, next try." },
	{ "GET",  "/v1/releases/:id/audit",        "audit",   releases_audit,       0,    "The audit chain of this release." },
	{ "POST", "/v1/releases/:id/start",        "operate", verbs_start,          BODY, "Start a planned release." },
	{ "POST", "/v1/releases/:id/pause",        "operate", verbs_pause,          BODY, "Hold it where it is." },
	{ "POST", "/v1/releases/:id/resume",       "operate", verbs_resume,         BODY, "Clear pause holds and go on." },
	{ "POST", "/v1/releases/:id/promote",      "operate", verbs_promote,        BODY, "Skip the rest of the bake; passes no gate." },
	{ "POST", "/v1/releases/:id/waive",        "waive",   verbs_waive,          BODY, "Let one gate not count in this stage." },
	{ "POST", "/v1/releases/:id/rollback",     "operate", verbs_rollback,       BODY, "Roll back, now." },
	{ "POST", "/v1/releases/:id/cancel",       "operate", verbs_cancel,         BODY, "End it before any exposure." },
	{ "POST", "/v1/releases/:id/approve",      "approve", verbs_approve,        BODY, "Approve a stage in a role." },
	{ "POST", "/v1/releases/:id/reject",       "approve", verbs_reject,         BODY, "Reject a stage in a role." },
	{ "POST", "/v1/releases/:id/ack",          "operate", verbs_ack,            BODY, "Acknowledge what asks for a person." },
	{ "POST", "/v1/releases/:id/retry",        "operate", verbs_retry,          BODY, "Try a failed rollback's option again." },
	{ "POST", "/v1/releases/:id/resolve",      "operate", verbs_resolve,        BODY, "Settle a rollback that failed or proves nothing; name the live version." },
	{ "POST", "/v1/releases/:id/note",         "submit",  verbs_note,           BODY, "Add a note to the record." },
	{ "POST", "/v1/releases/:id/incident",     "submit",  verbs_incident,       BODY, "Record the incident of a rollback: root cause, impact, restore point." },
	{ "POST", "/v1/releases/:id/repin",        "operate", verbs_repin,          BODY, "Move a release on its way to another policy: approvals and waivers are void, the bake begins anew." },
	{ "POST", "/v1/releases/:id/checks/:name", "submit",  verbs_check,          BODY, "Report a check as done." },
	{ "POST", "/v1/releases/:id/evidence/:name", "submit", reports_evidence,    BODY, "Report the result of a check that ran elsewhere: passed or failed, with link and expiry." },
	{ "POST", "/v1/releases/:id/measurements", "submit",  reports_measurement,  BODY, "Push a number of a KPI that the policy says is pushed, or a list of up to 64." },
	{ "POST", "/v1/incidents",                 "submit",  incidents_report,     BODY, "Report an incident of a service: P0 rolls back, P1 pauses and calls people, P2 pauses, P3 is noted; the same key again is the same incident, or its rise." },
	{ "POST", "/v1/alerts",                    "submit",  alerts_told,          ALERTS_BODY, "Tell what fires, as Alertmanager's webhook does (version 4): replaces what was told of the same group." },
	{ "GET",  "/v1/incidents",                 "view",    incidents_list,       0,    "Incidents, newest first: ?service= &environment= &limit= &before=." },
	{ "POST", "/v1/actions/:id/complete",      NULL,      actions_complete,     BODY, "Call back how a message ended; its one-time token is the authentication." },
	{ "GET",  "/v1/actions",                   "view",    dead_letters_list,    0,    "Messages that are not sent any more, of all releases: ?state=given_up,refused &limit=." },
	{ "POST", "/v1/actions/:id/replay",        "operate", dead_letters_replay,  BODY, "Send a notification that was given up, refused or throttled after all." },
	{ "GET",  "/v1/policies",                  "view",    policies_list,        0,    "The policies there are." },
	{ "GET",  "/v1/policies/:name",            "view",    policies_get,         0,    "One policy with all defaults written out." },
	{ "PUT",  "/v1/policies/:name",            "admin",   policies_put,         POLICY_BODY, "Put a policy." },
	{ "POST", "/v1/policies/validate",         "view",    policies_validate,    POLICY_BODY, "Check a policy: every mistake with its place." },
	{ "POST", "/v1/freeze",                    "operate", freeze_set,           BODY, "Stop the line: nothing in scope starts or advances." },
	{ "POST", "/v1/unfreeze",                  "operate", freeze_clear,         BODY, "Let it go on." },
	{ "GET",  "/v1/freeze",                    "view",    freeze_get,           0,    "What is frozen." },
	{ "GET",  "/metrics",                      NULL,      operations_metrics,   0,    "headgate's own numbers." },
	{ "GET",  "/livez",                        NULL,      operations_livez,     0,    "The process turns." },
	{ "GET",  "/readyz",                       NULL,      operations_readyz,    0,    "Whether the database answers, and who owns the releases." },
	{ "GET",  "/openapi.json",                 NULL,      operations_openapi,   0,    "This table for machines." },
	{ "GET",  "/",                             NULL,      operations_index,     0,    "This table." },
	{ 0 }
};
/* clang-format on */
