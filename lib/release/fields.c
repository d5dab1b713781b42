/*
 * fields - how snapshots, checkpoints and requests are written as JSON, copied and freed: tables.
 */
#include "release/release.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

#define AT(type, member) .offset = offsetof(struct type, member)
/* What people may add is bounded in people.c; what was once committed must always load. */
#define LIST_MAX 4096
#define COUNT(type, member) .count_offset = offsetof(struct type, member)

/* clang-format off */
static const struct field hold_fields[] = {
	{ .key = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(hold, name), .doc = "key within the release" },
	{ .key = "source", .kind = FIELD_ENUM, AT(hold, source), .names = hold_source_names, .doc = "what put it there" },
	{ .key = "pauses", .kind = FIELD_BOOL, AT(hold, pauses), .doc = "whether it is of kind pause" },
	{ .key = "reason", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(hold, reason), .doc = "why, for people" },
	{ .key = "owner", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(hold, owner), .doc = "who may clear it" },
	{ .key = "acknowledged", .kind = FIELD_BOOL, AT(hold, acknowledged), .doc = "a person has seen the ask: it blocks no more" },
	{ .key = "since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(hold, since), .doc = "when it was put there" },
	{ .key = "expires", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(hold, expires), .doc = "when it removes itself" },
};
static const struct field_table hold_table = { .noun = "hold", .fields = hold_fields, .n = ARRAY_LEN(hold_fields), .size = sizeof(struct hold) };

static const struct field approval_fields[] = {
	{ .key = "role", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(approval, role), .doc = "role that spoke" },
	{ .key = "stage", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(approval, stage), .doc = "stage it is about" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(approval, subject), .doc = "person who spoke" },
	{ .key = "approved", .kind = FIELD_BOOL, AT(approval, approved), .doc = "false: rejected" },
	{ .key = "reason", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(approval, reason), .doc = "why" },
	{ .key = "policy_hash", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(approval, policy_hash), .doc = "policy it is bound to" },
	{ .key = "artifact", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(approval, artifact), .doc = "artifact it is bound to" },
	{ .key = "at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(approval, at), .doc = "when" },
};
static const struct field_table approval_table = { .noun = "approval", .fields = approval_fields, .n = ARRAY_LEN(approval_fields), .size = sizeof(struct approval) };

static const struct field check_fields[] = {
	{ .key = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(check_state, name), .doc = "the check" },
	{ .key = "owner", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(check_state, owner), .doc = "role that may report it" },
	{ .key = "done", .kind = FIELD_BOOL, AT(check_state, done), .doc = "whether it is done" },
	{ .key = "evidence", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(check_state, evidence), .doc = "link or note" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(check_state, subject), .doc = "who reported it" },
	{ .key = "at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(check_state, at), .doc = "when" },
};
static const struct field_table check_table = { .noun = "check", .fields = check_fields, .n = ARRAY_LEN(check_fields), .size = sizeof(struct check_state) };

static const struct field waiver_fields[] = {
	{ .key = "gate", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(waiver, gate), .doc = "gate that does not count" },
	{ .key = "stage", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(waiver, stage), .doc = "in this stage" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(waiver, subject), .doc = "person who decided it" },
	{ .key = "reason", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(waiver, reason), .doc = "why" },
	{ .key = "at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(waiver, at), .doc = "when" },
};
static const struct field_table waiver_table = { .noun = "waiver", .fields = waiver_fields, .n = ARRAY_LEN(waiver_fields), .size = sizeof(struct waiver) };

static const struct field result_fields[] = {
	{ .key = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(evidence_result, name), .doc = "which result" },
	{ .key = "status", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, AT(evidence_result, status), .names = evidence_status_names, .doc = "passed or failed" },
	{ .key = "link", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(evidence_result, link), .doc = "where more is written about it" },
	{ .key = "note", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(evidence_result, note), .doc = "what the reporter says of it" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(evidence_result, subject), .doc = "who reported it" },
	{ .key = "person", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(evidence_result, person), .doc = "the person that one acts for" },
	{ .key = "at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(evidence_result, at), .doc = "when" },
	{ .key = "expires", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(evidence_result, expires), .doc = "from then on it says nothing" },
	{ .key = "told", .kind = FIELD_INT, AT(evidence_result, told), .doc = "row_version it came with" },
};
static const struct field_table result_table = { .noun = "result", .fields = result_fields, .n = ARRAY_LEN(result_fields), .size = sizeof(struct evidence_result) };
static const struct field addressed_fields[] = {
	{ .key = "fingerprint", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(gate_addressed, fingerprint), .doc = "what the alert is known by" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(gate_addressed, subject), .doc = "person who took care of it" },
	{ .key = "reason", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(gate_addressed, reason), .doc = "why" },
	{ .key = "at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(gate_addressed, at), .doc = "when" },
};
static const struct field_table addressed_table = { .noun = "addressed alert", .fields = addressed_fields, .n = ARRAY_LEN(addressed_fields), .size = sizeof(struct gate_addressed) };

static const struct field measurement_fields[] = {
	{ .key = "kpi", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(kpi_measurement, kpi), .doc = "what was measured" },
	{ .key = "value", .kind = FIELD_NUMBER, .flags = FIELD_REQUIRED, AT(kpi_measurement, value), .doc = "in the KPI's unit" },
	{ .key = "at", .kind = FIELD_INSTANT, .flags = FIELD_REQUIRED, AT(kpi_measurement, at), .doc = "the instant it is about" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(kpi_measurement, subject), .doc = "who reported it" },
	{ .key = "told", .kind = FIELD_INT, AT(kpi_measurement, told), .doc = "row_version it came with" },
};
static const struct field_table measurement_table = { .noun = "measurement", .fields = measurement_fields, .n = ARRAY_LEN(measurement_fields), .size = sizeof(struct kpi_measurement) };

static const struct field call_fields[] = {
	{ .key = "cause", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(call, cause), .doc = "key within the release" },
	{ .key = "kind", .kind = FIELD_ENUM, AT(call, kind), .names = call_kind_names, .doc = "what ends it" },
	{ .key = "reason", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(call, reason), .doc = "why, for people" },
	{ .key = "since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(call, since), .doc = "when the cause began" },
	{ .key = "level", .kind = FIELD_INT, AT(call, level), .doc = "how many levels have been called" },
	{ .key = "called_at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(call, called_at), .doc = "when the newest of them was" },
	{ .key = "acknowledged_by", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(call, acknowledged_by), .doc = "person who takes care of it" },
	{ .key = "acknowledged_at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(call, acknowledged_at), .doc = "when" },
};
static const struct field_table call_table = { .noun = "call", .fields = call_fields, .n = ARRAY_LEN(call_fields), .size = sizeof(struct call) };

static const struct field rollback_fields[] = {
	{ .key = "active", .kind = FIELD_BOOL, AT(rollback_progress, active), .doc = "a rollback was decided" },
	{ .key = "reason", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, reason), .doc = "why" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, subject), .doc = "who or what decided" },
	{ .key = "since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, since), .doc = "when it was decided" },
	{ .key = "option", .kind = FIELD_INT, AT(rollback_progress, option), .doc = "present option, from 0; -1 when none was available" },
	{ .key = "option_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, option_since), .doc = "when its messages were queued" },
	{ .key = "version", .kind = FIELD_INT, AT(rollback_progress, version), .doc = "row_version of those messages" },
	{ .key = "tried", .kind = FIELD_INT, AT(rollback_progress, tried), .doc = "bit set of options used" },
	{ .key = "passed_over", .kind = FIELD_INT, AT(rollback_progress, passed_over), .doc = "bit set of options left unacknowledged" },
	{ .key = "unconfirmed", .kind = FIELD_BOOL, AT(rollback_progress, unconfirmed), .doc = "60 s without acknowledgement" },
	{ .key = "acknowledged", .kind = FIELD_BOOL, AT(rollback_progress, acknowledged), .doc = "an option was acknowledged" },
	{ .key = "restore_confirmed", .kind = FIELD_BOOL, AT(rollback_progress, restore_confirmed), .doc = "a person confirmed that an irreversible migration was restored" },
	{ .key = "stabilising_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, stabilising_since), .doc = "when stabilising began" },
	{ .key = "stabilise_called", .kind = FIELD_BOOL, AT(rollback_progress, stabilise_called), .doc = "deadline without evidence: people were called" },
	{ .key = "transition", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, transition), .doc = "the transition that decided it" },
	{ .key = "smoke_version", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, smoke_version), .doc = "row_version of the smoke tests" },
	{ .key = "smoke_unwritten", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, smoke_unwritten), .doc = "smoke tests that could not be written" },
	{ .key = "smoke_passed", .kind = FIELD_BOOL, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, smoke_passed), .doc = "every smoke test was acknowledged" },
	{ .key = "smoke_called", .kind = FIELD_BOOL, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, smoke_called), .doc = "a smoke test fails: people were called" },
	{ .key = "drift_called", .kind = FIELD_BOOL, .flags = FIELD_OMIT_ABSENT, AT(rollback_progress, drift_called), .doc = "an action drifted on the way back: people were called" },
};
static const struct field_table rollback_table = { .noun = "rollback", .fields = rollback_fields, .n = ARRAY_LEN(rollback_fields), .size = sizeof(struct rollback_progress) };

static const struct field record_fields[] = {
	{ .key = "root_cause", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(incident_record, root_cause), .doc = "why it happened, or what it is thought to be" },
	{ .key = "impact", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(incident_record, impact), .doc = "what users met" },
	{ .key = "restore_point", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(incident_record, restore_point), .doc = "what was gone back to" },
	{ .key = "subject", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(incident_record, subject), .doc = "who recorded it last" },
	{ .key = "at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(incident_record, at), .doc = "when" },
};
static const struct field_table record_table = { .noun = "incident record", .fields = record_fields, .n = ARRAY_LEN(record_fields), .size = sizeof(struct incident_record) };

static const struct field release_fields[] = {
	{ .key = "id", .kind = FIELD_INT, AT(release, id), .doc = "number of the release" },
	{ .key = "service", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(release, service), .doc = "what is released" },
	{ .key = "environment", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(release, environment), .doc = "where" },
	{ .key = "version", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(release, version), .doc = "which version" },
	{ .key = "attempt", .kind = FIELD_INT, AT(release, attempt), .doc = "from 1, one more after an attempt that did not complete" },
	{ .key = "policy_name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(release, policy_name), .doc = "policy by name" },
	{ .key = "policy_hash", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(release, policy_hash), .doc = "policy by content" },
	{ .key = "stable_version", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(release, stable_version), .doc = "version to go back to" },
	{ .key = "artifact", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(release, artifact), .doc = "digest or address of what is deployed" },
	{ .key = "author", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(release, author), .doc = "person whose change this is" },
	{ .key = "poster", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(release, poster), .doc = "person who posted it" },
	{ .key = "ticket", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(release, ticket), .doc = "change ticket" },
	{ .key = "migration", .kind = FIELD_ENUM, AT(release, migration), .names = migration_names, .doc = "whether data changes can be undone" },
	{ .key = "params", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, AT(release, params), .doc = "values for ${params.x}" },
	{ .key = "links", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, AT(release, links), .doc = "links for people" },
	{ .key = "comparison", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, AT(release, comparison), .doc = "KPIs before and after, once it is finished" },
	{ .key = "start", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, start), .doc = "scheduled start" },
	{ .key = "announced", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, announced), .doc = "when its scheduled start was announced" },
	{ .key = "start_manual", .kind = FIELD_BOOL, AT(release, start_manual), .doc = "waits for the verb" },
	{ .key = "queue", .kind = FIELD_BOOL, AT(release, queue), .doc = "waits for the pair to be free" },
	{ .key = "created_at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, created_at), .doc = "when it was created" },
	{ .key = "started_at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, started_at), .doc = "when it was started" },
	{ .key = "updated_at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, updated_at), .doc = "newest transition" },
	{ .key = "state", .kind = FIELD_ENUM, AT(release, state), .names = release_state_names, .doc = "state" },
	{ .key = "step", .kind = FIELD_ENUM, AT(release, step), .names = stage_step_names, .doc = "step within the stage while running" },
	{ .key = "stage", .kind = FIELD_INT, AT(release, stage), .doc = "index of the stage" },
	{ .key = "exposed", .kind = FIELD_BOOL, AT(release, exposed), .doc = "whether users may have met it (rule R1)" },
	{ .key = "stage_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, stage_since), .doc = "stage entry" },
	{ .key = "exposure_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, exposure_since), .doc = "when the present exposure was acknowledged" },
	{ .key = "entry_version", .kind = FIELD_INT, AT(release, entry_version), .doc = "row_version whose messages enter the stage" },
	{ .key = "entry_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, entry_since), .doc = "when those were queued" },
	{ .key = "enter_called", .kind = FIELD_BOOL, AT(release, enter_called), .doc = "unacknowledged for too long: people were called" },
	{ .key = "policy_version", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, AT(release, policy_version), .doc = "row_version at which it was moved to its policy" },
	{ .key = "bake_version", .kind = FIELD_INT, AT(release, bake_version), .doc = "row_version at which the bake last restarted" },
	{ .key = "votes_version", .kind = FIELD_INT, AT(release, votes_version), .doc = "row_version at which votes were last forgotten" },
	{ .key = "votes_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, votes_since), .doc = "the same as an instant" },
	{ .key = "paused_step", .kind = FIELD_ENUM, AT(release, paused_step), .names = stage_step_names, .doc = "step a pause left" },
	{ .key = "paused_by_gate", .kind = FIELD_BOOL, AT(release, paused_by_gate), .doc = "a gate paused it" },
	{ .key = "promoted", .kind = FIELD_BOOL, AT(release, promoted), .doc = "a person promoted this stage" },
	{ .key = "overdue_called", .kind = FIELD_BOOL, AT(release, overdue_called), .doc = "the stage is overdue: people were called" },
	{ .key = "evidence_called", .kind = FIELD_BOOL, AT(release, evidence_called), .doc = "no evidence for max_hold: people were called" },
	{ .key = "holds", .kind = FIELD_LIST, AT(release, holds), COUNT(release, nholds), .max = LIST_MAX, .table = &hold_table, .doc = "reasons not to advance" },
	{ .key = "approvals", .kind = FIELD_LIST, AT(release, approvals), COUNT(release, napprovals), .max = LIST_MAX, .table = &approval_table, .doc = "who approved or rejected" },
	{ .key = "checks", .kind = FIELD_LIST, AT(release, checks), COUNT(release, nchecks), .max = LIST_MAX, .table = &check_table, .doc = "checks reported so far" },
	{ .key = "waivers", .kind = FIELD_LIST, AT(release, waivers), COUNT(release, nwaivers), .max = LIST_MAX, .table = &waiver_table, .doc = "gates that do not count" },
	{ .key = "results", .kind = FIELD_LIST, .flags = FIELD_OMIT_ABSENT, AT(release, results), COUNT(release, nresults), .max = LIST_MAX, .table = &result_table, .doc = "newest result of each name that was reported" },
	{ .key = "addressed", .kind = FIELD_LIST, .flags = FIELD_OMIT_ABSENT, AT(release, addressed), COUNT(release, naddressed), .max = LIST_MAX, .table = &addressed_table, .doc = "alerts that count no more" },
	{ .key = "measurements", .kind = FIELD_LIST, .flags = FIELD_OMIT_ABSENT, AT(release, measurements), COUNT(release, nmeasurements), .max = LIST_MAX, .table = &measurement_table, .doc = "numbers that were pushed, the newest of each KPI" },
	{ .key = "calls", .kind = FIELD_LIST, .flags = FIELD_OMIT_ABSENT, AT(release, calls), COUNT(release, ncalls), .max = LIST_MAX, .table = &call_table, .doc = "who was called, and why" },
	{ .key = "rollback", .kind = FIELD_STRUCT, AT(release, rollback), .table = &rollback_table, .doc = "the way back" },
	{ .key = "live_version", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, AT(release, live_version), .doc = "version a person named as live" },
	{ .key = "incident_applied", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, AT(release, incident_applied), .doc = "newest incident that was taken account of" },
	{ .key = "incident_record", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, AT(release, record), .table = &record_table, .doc = "what was written down about the rollback" },
	{ .key = "finished_at", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(release, finished_at), .doc = "when it completed" },
};
const struct field_table release_table = { .noun = "release", .fields = release_fields, .n = ARRAY_LEN(release_fields), .size = sizeof(struct release) };

static const struct field comparison_fields[] = {
	{ .key = "before", .kind = FIELD_CUSTOM, .custom = &measurements_custom, AT(kpi_comparison, before), .doc = "before the exposure" },
	{ .key = "after", .kind = FIELD_CUSTOM, .custom = &measurements_custom, AT(kpi_comparison, after), .doc = "in the last stage" },
};
static const struct field_table comparison_table = { .noun = "comparison", .fields = comparison_fields, .n = ARRAY_LEN(comparison_fields), .size = sizeof(struct kpi_comparison) };

static const struct field checkpoint_fields[] = {
	{ .key = "observed_ms", .kind = FIELD_INT, AT(checkpoint, observed_ms), .doc = "green time" },
	{ .key = "passes", .kind = FIELD_INT, AT(checkpoint, passes), .doc = "passing evaluations in it" },
	{ .key = "evaluation", .kind = FIELD_INT, AT(checkpoint, evaluation), .doc = "number of the newest evaluation" },
	{ .key = "last_evaluation", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(checkpoint, last_evaluation), .doc = "its time" },
	{ .key = "last_pass", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(checkpoint, last_pass), .doc = "newest passing evaluation" },
	{ .key = "last_passed", .kind = FIELD_BOOL, AT(checkpoint, last_passed), .doc = "whether the newest evaluation passed" },
	{ .key = "no_proof_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(checkpoint, no_proof_since), .doc = "since when proof is missing" },
	{ .key = "no_proof_rounds", .kind = FIELD_INT, AT(checkpoint, no_proof_rounds), .doc = "rounds in a row without proof" },
	{ .key = "fresh_rounds", .kind = FIELD_INT, AT(checkpoint, fresh_rounds), .doc = "rounds since the process took the release over" },
	{ .key = "stage", .kind = FIELD_INT, AT(checkpoint, stage), .doc = "stage these belong to" },
	{ .key = "row_version", .kind = FIELD_INT, AT(checkpoint, row_version), .doc = "of the release when it was taken" },
	{ .key = "gates", .kind = FIELD_LIST, AT(checkpoint, gates), COUNT(checkpoint, ngates), .table = &gate_state_table, .doc = "votes by gate of the policy" },
	{ .key = "comparisons", .kind = FIELD_LIST, .flags = FIELD_OMIT_ABSENT, AT(checkpoint, comparisons), COUNT(checkpoint, ncomparisons), .max = LIST_MAX, .table = &comparison_table, .doc = "KPIs before and after" },
};
const struct field_table checkpoint_table = { .noun = "checkpoint", .fields = checkpoint_fields, .n = ARRAY_LEN(checkpoint_fields), .size = sizeof(struct checkpoint) };
/* clang-format on */

struct release *release_copy(const struct release *r)
{
	struct release *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	if (!field_copy(&release_table, r, copy)) {
		release_free(&copy);
		return NULL;
	}
	copy->row_version = r->row_version;
	memcpy(copy->transition, r->transition, sizeof(copy->transition));
	copy->last_hash = r->last_hash;
	return copy;
}

void release_free(struct release **r)
{
	if (!*r)
		return;
	field_free(&release_table, *r);
	free(*r);
	*r = NULL;
}

void messages_free(struct message *list, size_t n)
{
	for (size_t i = 0; list && i < n; i++) {
		free(list[i].action);
		free(list[i].destination);
		free(list[i].method);
		free(list[i].path);
		json_decref(list[i].body);
		json_decref(list[i].headers);
		json_decref(list[i].arguments);
		json_decref(list[i].read);
		free(list[i].dedupe);
	}
	free(list);
}
