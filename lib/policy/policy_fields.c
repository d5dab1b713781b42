/* How a policy is written down: the tables of stages, actions and the way back. Sources have theirs
 * in source_fields.c, gates and KPIs in gate/. What no single row can say is checked in
 * crosscheck.c. */
#include "policy/policy.h"

#include <stdlib.h>

#include "base/macros.h"
#include "base/str.h"
#include "policy/source_fields.h"

#define SECOND_MS 1000.0
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define NAME_MAX_BYTES 64

/* clang-format off */
const char *const stage_kind_names[STAGE_KIND_COUNT + 1] = { "preflight", "rollout", "verify", NULL };
const char *const rollback_requires_names[ROLLBACK_REQUIRES_COUNT + 1] = {
	"nothing", "reversible_migration", "restore_confirmed", NULL
};

const char *const acknowledge_by_names[ACKNOWLEDGE_BY_COUNT + 1] = { "status", "callback", NULL };
/* clang-format on */

/* A lone scalar stands for an object of one member: `tests: qa` for `tests: {owner: qa}`. */
static json_t *wrap(json_t *value, const char *key, struct decode *d)
{
	json_t *object = NULL;

	if (json_is_object(value))
		return json_incref(value);
	object = json_pack("{s:O}", key, value);
	if (!object)
		decode_problem(d, "cannot be read: no memory");
	return object;
}

static json_t *check_normalise(json_t *value, struct decode *d)
{
	return wrap(value, "owner", d);
}

static json_t *require_normalise(json_t *value, struct decode *d)
{
	return wrap(value, "otherwise", d);
}

static json_t *approval_normalise(json_t *value, struct decode *d)
{
	return wrap(value, "count", d);
}

/* Weight 0 is a weight, so "none" is -1. */
static bool weight_decode(json_t *value, void *member, struct decode *d)
{
	static const struct field number = {.kind = FIELD_INT, .min = 0, .max = 100};
	int64_t *weight = member;

	if (json_is_string(value) && str_eq_text(str_of(json_string_value(value)), "none")) {
		*weight = -1;
		return true;
	}
	return field_decode_one(&number, value, weight, d);
}

static json_t *weight_encode(const void *member)
{
	const int64_t *weight = member;

	return *weight < 0 ? NULL : json_integer(*weight);
}

static bool weight_copy(const void *from, void *to)
{
	*(int64_t *)to = *(const int64_t *)from;
	return true;
}

static bool promotion_decode(json_t *value, void *member, struct decode *d)
{
	bool *manual = member;
	struct str text = str_of(json_string_value(value));

	*manual = str_eq_text(text, "manual");
	return *manual || str_eq_text(text, "automatic") ||
	       decode_problem(d, "must be automatic or manual");
}

static json_t *promotion_encode(const void *member)
{
	return json_string(*(const bool *)member ? "manual" : "automatic");
}

static bool promotion_copy(const void *from, void *to)
{
	*(bool *)to = *(const bool *)from;
	return true;
}

static const struct field_custom weight_custom = {weight_decode, weight_encode, weight_copy, NULL};
static const struct field_custom promotion_custom = {promotion_decode, promotion_encode,
                                                     promotion_copy, NULL};

/* clang-format off */
static const struct field check_fields[] = {
	{ .key = "owner", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy_check, owner),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "The role that fills the check; `tests: qa` is short for `tests: {owner: qa}`." },
};
static const struct field_table check_table = {
	.noun = "check", .fields = check_fields, .n = ARRAY_LEN(check_fields), .size = sizeof(struct policy_check),
	.normalise = check_normalise
};

static const struct field approval_fields[] = {
	{ .key = "count", .kind = FIELD_INT, .offset = offsetof(struct policy_approval, count), .min = 1, .max = 16,
	  .fallback = "1",
	  .doc = "How many people of the role must approve; `medical_lead: 1` is short for `{count: 1}`." },
};
static const struct field_table approval_table = {
	.noun = "approval", .fields = approval_fields, .n = ARRAY_LEN(approval_fields),
	.size = sizeof(struct policy_approval), .normalise = approval_normalise
};

static const struct field stage_fields[] = {
	{ .key = "stage", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy_stage, stage),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "The stage's name, once per policy." },
	{ .key = "kind", .kind = FIELD_ENUM, .offset = offsetof(struct policy_stage, kind), .names = stage_kind_names,
	  .fallback = "rollout",
	  .doc = "`preflight` exposes nothing, `rollout` changes the exposure, `verify` watches what is exposed." },
	{ .key = "weight", .kind = FIELD_CUSTOM, .custom = &weight_custom, .fallback = "none",
	  .offset = offsetof(struct policy_stage, weight),
	  .doc = "Share of traffic in percent, 0 to 100, never falling from stage to stage." },
	{ .key = "audience", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy_stage, audience),
	  .min = 1, .max = 200,
	  .doc = "Who is exposed by it, in words: `Pilot-1`, `internal, at most 10 people`; shown, and handed to actions as `${stage.audience}`." },
	{ .key = "flags", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy_stage, flags),
	  .doc = "Values of this stage handed to actions as `${stage.flags.NAME}`." },
	{ .key = "bake", .kind = FIELD_DURATION, .offset = offsetof(struct policy_stage, bake_ms),
	  .max = 90 * DAY_MS, .fallback = "0s",
	  .doc = "Observed green time the stage takes." },
	{ .key = "allow_zero_bake", .kind = FIELD_BOOL, .offset = offsetof(struct policy_stage, allow_zero_bake),
	  .fallback = "false",
	  .doc = "Says that an exposed stage without a bake is meant." },
	{ .key = "overdue", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_stage, overdue_ms), .max = 365 * DAY_MS,
	  .doc = "A stage that takes longer calls people; nothing is promoted by it." },
	{ .key = "settle", .kind = FIELD_DURATION, .offset = offsetof(struct policy_stage, settle_ms), .max = HOUR_MS,
	  .fallback = "0s",
	  .doc = "For so long after entry breaches and passes are shown and do not vote." },
	{ .key = "min_evaluations", .kind = FIELD_INT, .offset = offsetof(struct policy_stage, min_evaluations),
	  .min = 1, .max = 1000, .fallback = "3",
	  .doc = "How many passes the bake must hold." },
	{ .key = "promotion", .kind = FIELD_CUSTOM, .custom = &promotion_custom, .fallback = "automatic",
	  .offset = offsetof(struct policy_stage, manual),
	  .doc = "`automatic`, or `manual`: a person's promote is needed besides everything else." },
	{ .key = "enter", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_stage, enter), .count_offset = offsetof(struct policy_stage, nenter),
	  .max = 16,
	  .doc = "Actions sent on entry, in this order; the bake starts when they are acknowledged." },
	{ .key = "checks", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_stage, checks), .count_offset = offsetof(struct policy_stage, nchecks),
	  .max = 64, .table = &check_table,
	  .doc = "Sign-off items needed to leave the stage, each with the role that fills it." },
	{ .key = "approvals", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_stage, approvals), .count_offset = offsetof(struct policy_stage, napprovals),
	  .max = 16, .table = &approval_table,
	  .doc = "Roles whose consent is needed to leave the stage, and of how many people." },
};
static const struct field_table stage_table = {
	.noun = "stage", .fields = stage_fields, .n = ARRAY_LEN(stage_fields), .size = sizeof(struct policy_stage)
};

#define READ(member) offsetof(struct policy_read, member)
static const struct field read_fields[] = {
	{ .key = "from", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = READ(from), .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "Destination that is asked; left out, the action's own." },
	{ .key = "path", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = READ(path), .min = 1, .max = 1024,
	  .doc = "Path and query of a GET below its address; placeholders are filled in." },
	{ .key = "pointer", .kind = FIELD_TEXT, .offset = READ(pointer), .max = 256, .fallback = "",
	  .doc = "JSON Pointer to the value in the answer; left out, the whole answer." },
	{ .key = "equals", .kind = FIELD_JSON, .flags = FIELD_REQUIRED, .offset = READ(equals),
	  .doc = "What must stand there; a text that is one placeholder keeps the type of its value." },
	{ .key = "every", .kind = FIELD_DURATION, .offset = READ(every_ms), .min = SECOND_MS, .max = HOUR_MS, .fallback = "1m",
	  .doc = "Time between two looks while the release goes on." },
};
static const struct field_table read_table = {
	.noun = "read", .fields = read_fields, .n = ARRAY_LEN(read_fields), .size = sizeof(struct policy_read)
};

static const struct field action_fields[] = {
	{ .key = "to", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy_action, to),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "A destination of `headgate.yaml`, which holds its address and credentials." },
	{ .key = "method", .kind = FIELD_TEXT, .offset = offsetof(struct policy_action, method), .max = 6,
	  .fallback = "POST",
	  .doc = "`POST`, `PUT`, `PATCH`, `DELETE`, or `GET` for a test that changes nothing." },
	{ .key = "path", .kind = FIELD_TEXT, .offset = offsetof(struct policy_action, path),
	  .max = 1024,
	  .doc = "Path and query below the destination's address; placeholders are filled in, percent-encoded. Every request has one, empty where the destination is a whole address (`url_file`); a command none." },
	{ .key = "body", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy_action, body),
	  .doc = "What is sent as JSON; a text that is one placeholder keeps the type of its value." },
	{ .key = "headers", .kind = FIELD_JSON, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_action, headers),
	  .doc = "Further HTTP headers, each a text; never credentials." },
	{ .key = "acknowledge", .kind = FIELD_DURATION, .offset = offsetof(struct policy_action, acknowledge_ms),
	  .min = SECOND_MS, .max = 7 * DAY_MS, .fallback = "5m",
	  .doc = "After so long without acknowledgement of a stage's entry people are called; with `acknowledge_by: callback` the message is also sent again." },
	/* Left out where it is `status`, so that policies that do not know it keep their hash. */
	{ .key = "acknowledge_by", .kind = FIELD_ENUM, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_action, acknowledge_by), .names = acknowledge_by_names,
	  .doc = "`status`, as when it is left out: a 2xx says that it is done. `callback`: a 2xx says that it is taken, and a later call says how it ended (see [receiver.md](receiver.md))." },
	{ .key = "arguments", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_action, arguments), .count_offset = offsetof(struct policy_action, narguments),
	  .min = 1, .max = 64,
	  .doc = "Of a command, when `to` names a destination with a program: what it is given after the destination's own arguments, each as it stands; no shell reads it. Placeholders are filled in." },
	{ .key = "input", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy_action, input),
	  .min = 1, .max = 64 * 1024,
	  .doc = "Of a command: what it reads from standard input; placeholders are filled in." },
	{ .key = "read", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy_action, read),
	  .table = &read_table,
	  .doc = "How to see whether it is so: it counts as done only then, and is looked at ever again." },
};

static bool action_check(const void *decoded, struct decode *d)
{
	const struct policy_action *action = decoded;
	bool is_command = action->narguments > 0 || action->input != NULL;

	if (is_command && (action->path || action->body || action->headers))
		return decode_problem(d, "a command (arguments, input) has no path, body or headers");
	if (is_command && action->acknowledge_by == ACKNOWLEDGE_BY_CALLBACK)
		return decode_problem(d, "a command is acknowledged by its exit status, never by callback");
	if (is_command && action->read.path && !action->read.from)
		return decode_problem(d, "what a command does is read back elsewhere: name the destination in read.from");
	if (!is_command && !action->path)
		return decode_problem(d, "an action needs a path (a request) or arguments (a command)");
	return true;
}

static const struct field_table action_table = {
	.noun = "action", .fields = action_fields, .n = ARRAY_LEN(action_fields),
	.size = sizeof(struct policy_action), .check = action_check
};

static const struct field option_fields[] = {
	{ .key = "option", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy_option, option),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "The option's name, for `then: rollback NAME` and for people." },
	{ .key = "actions", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_option, actions), .count_offset = offsetof(struct policy_option, nactions),
	  .max = 16,
	  .doc = "Actions that carry the option out; none when it is manual." },
	{ .key = "requires", .kind = FIELD_ENUM, .offset = offsetof(struct policy_option, requires),
	  .names = rollback_requires_names, .fallback = "nothing",
	  .doc = "What must hold of the release for the option to be taken: nothing, that its migration is not irreversible, or, whatever the migration, that a person has confirmed the restore." },
	{ .key = "roles", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_option, roles), .count_offset = offsetof(struct policy_option, nroles),
	  .max = 16,
	  .doc = "Only a person who holds one of these roles and names the option takes it; gates, the ladder and a rollback that names none pass over it." },
	{ .key = "manual", .kind = FIELD_BOOL, .offset = offsetof(struct policy_option, manual), .fallback = "false",
	  .doc = "People do it and acknowledge it." },
	{ .key = "acknowledge", .kind = FIELD_DURATION, .offset = offsetof(struct policy_option, acknowledge_ms),
	  .min = SECOND_MS, .max = 7 * DAY_MS, .fallback = "5m",
	  .doc = "After so long without acknowledgement the next option is taken as well." },
};
static const struct field_table option_table = {
	.noun = "rollback option", .fields = option_fields, .n = ARRAY_LEN(option_fields),
	.size = sizeof(struct policy_option)
};

/* `stabilise` is an object in the document and a run of members in struct policy_rollback. */
#define STABILISE_START offsetof(struct policy_rollback, stabilise_gates)
#define STABILISE_END offsetof(struct policy_rollback, reentry)
static const struct field stabilise_fields[] = {
	{ .key = "gates", .kind = FIELD_TEXT_LIST, .flags = FIELD_REQUIRED, .offset = 0,
	  .count_offset = offsetof(struct policy_rollback, nstabilise_gates) - STABILISE_START,
	  .min = 1, .max = POLICY_MAX_GATES,
	  .doc = "Gates that must be green on the old version; none that watches the canary alone." },
	{ .key = "bake", .kind = FIELD_DURATION, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct policy_rollback, stabilise_bake_ms) - STABILISE_START, .min = 1000, .max = 90 * DAY_MS,
	  .doc = "Green time after which the service counts as stable again." },
	{ .key = "deadline", .kind = FIELD_DURATION, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct policy_rollback, stabilise_deadline_ms) - STABILISE_START, .min = 1000,
	  .max = 365 * DAY_MS,
	  .doc = "When it still breaches after so long, the next option is taken." },
};
static const struct field_table stabilise_table = {
	.noun = "stabilise", .fields = stabilise_fields, .n = ARRAY_LEN(stabilise_fields),
	.size = STABILISE_END - STABILISE_START
};

static const struct field rollback_fields[] = {
	{ .key = "window", .kind = FIELD_DURATION, .offset = offsetof(struct policy_rollback, window_ms),
	  .max = 90 * DAY_MS, .fallback = "24h",
	  .doc = "How long after completion a person may still roll back." },
	{ .key = "options", .kind = FIELD_LIST, .flags = FIELD_REQUIRED,
	  .offset = offsetof(struct policy_rollback, options), .count_offset = offsetof(struct policy_rollback, noptions),
	  .min = 1, .max = 16, .table = &option_table,
	  .doc = "Ways back, from fast to slow." },
	{ .key = "stabilise", .kind = FIELD_STRUCT, .flags = FIELD_REQUIRED, .offset = STABILISE_START,
	  .table = &stabilise_table,
	  .doc = "What must hold after a rollback before it counts as done." },
	{ .key = "reentry", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_rollback, reentry), .count_offset = offsetof(struct policy_rollback, nreentry),
	  .max = 16,
	  .doc = "Checks of the rolled-back release that must be filled before the next one may start." },
	{ .key = "dampen", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_rollback, dampen), .count_offset = offsetof(struct policy_rollback, ndampen),
	  .max = 16,
	  .doc = "Actions sent first whenever a rollback is decided, such as flags off or workers paused; the rollback waits for none of them." },
	{ .key = "smoke", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_rollback, smoke), .count_offset = offsetof(struct policy_rollback, nsmoke),
	  .max = 16,
	  .doc = "Actions that try the service out once the way back was acknowledged; green time counts from when all of them are acknowledged." },
	{ .key = "incident_record", .kind = FIELD_BOOL, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy_rollback, incident_record),
	  .doc = "After a rollback the service's next release waits until root cause, impact and restore point are recorded at the one that was rolled back." },
};
static const struct field_table rollback_table = {
	.noun = "rollback", .fields = rollback_fields, .n = ARRAY_LEN(rollback_fields),
	.size = sizeof(struct policy_rollback)
};

static const struct field level_fields[] = {
	{ .key = "role", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy_level, role),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "The role that is called." },
	{ .key = "after", .kind = FIELD_DURATION, .offset = offsetof(struct policy_level, after_ms), .max = 30 * DAY_MS,
	  .fallback = "0s",
	  .doc = "How long after the cause began, unless somebody acknowledged it; the first level is called at once." },
};
static const struct field_table level_table = {
	.noun = "escalation level", .fields = level_fields, .n = ARRAY_LEN(level_fields),
	.size = sizeof(struct policy_level)
};

#define WINDOWS(member) offsetof(struct policy_windows, member)
static const struct field windows_fields[] = {
	{ .key = "allow", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = WINDOWS(allow),
	  .count_offset = WINDOWS(nallow), .max = POLICY_MAX_WINDOWS,
	  .doc = "Only then: `mon-fri 08:00-16:00`, `sat,sun`, `daily 22:00-04:00`, `2026-12-23/2027-01-02`; all in UTC." },
	{ .key = "deny", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = WINDOWS(deny),
	  .count_offset = WINDOWS(ndeny), .max = POLICY_MAX_WINDOWS,
	  .doc = "Never then, whatever is allowed; written alike." },
};
static const struct field_table windows_table = {
	.noun = "windows", .fields = windows_fields, .n = ARRAY_LEN(windows_fields), .size = sizeof(struct policy_windows)
};

static const struct field require_fields[] = {
	{ .key = "otherwise", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy_require, otherwise),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "`refuse`: a release without it is not accepted. Or a role, which then fills a check of that name before it "
	         "starts; `ticket: refuse` is short for `ticket: {otherwise: refuse}`." },
};
static const struct field_table require_table = {
	.noun = "requirement", .fields = require_fields, .n = ARRAY_LEN(require_fields),
	.size = sizeof(struct policy_require), .normalise = require_normalise
};

/* Files are included before the decode; whatever still includes came as JSON. */
static bool include_decode(json_t *value, void *member, struct decode *d)
{
	(void)value;
	(void)member;
	return decode_problem(d, "only policies in files can include: send the whole policy");
}

static const struct field_custom include_custom = {include_decode, NULL, NULL, NULL};

static const struct field policy_fields[] = {
	{ .key = "policy", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy, name),
	  .min = 1, .max = NAME_MAX_BYTES,
	  .doc = "The policy's name: small letters, digits and . _ -" },
	{ .key = "include", .kind = FIELD_CUSTOM, .custom = &include_custom,
	  .doc = "Files below the policy's folder whose sources, KPIs, gates and actions are shared between policies: "
	         "`[common/http.yaml]`." },
	{ .key = "evaluate_every", .kind = FIELD_DURATION, .offset = offsetof(struct policy, evaluate_every_ms),
	  .min = SECOND_MS, .max = HOUR_MS,
	  .doc = "Time between two evaluations, at least the slowest source's `every`; left out, that or `15s`." },
	{ .key = "sources", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, sources),
	  .count_offset = offsetof(struct policy, nsources), .max = POLICY_MAX_SOURCES, .table = &source_table,
	  .doc = "Where samples and alerts come from." },
	{ .key = "kpis", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, kpis),
	  .count_offset = offsetof(struct policy, nkpis), .max = POLICY_MAX_KPIS, .table = &kpi_table,
	  .doc = "The numbers the service is judged by." },
	{ .key = "gates", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, gates),
	  .count_offset = offsetof(struct policy, ngates), .max = POLICY_MAX_GATES, .table = &gate_table,
	  .doc = "What those numbers are held against, and what follows." },
	{ .key = "stages", .kind = FIELD_LIST, .flags = FIELD_REQUIRED, .offset = offsetof(struct policy, stages),
	  .count_offset = offsetof(struct policy, nstages), .min = 1, .max = POLICY_MAX_STAGES, .table = &stage_table,
	  .doc = "The steps of exposure, in order." },
	{ .key = "actions", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, actions),
	  .count_offset = offsetof(struct policy, nactions), .max = POLICY_MAX_ACTIONS, .table = &action_table,
	  .doc = "What can be done to the outside world, by name." },
	{ .key = "notice", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy, notice_ms), .max = 90 * DAY_MS,
	  .doc = "How long before its start a release is posted at least; its scheduled start is announced by then. "
	         "Left out, it may start at once." },
	{ .key = "windows", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, windows),
	  .table = &windows_table,
	  .doc = "Hours of the week and days of the calendar, in UTC, outside of which nothing starts, enters a stage or leaves one; rollbacks ask for none." },
	{ .key = "requires", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, requires),
	  .count_offset = offsetof(struct policy, nrequires), .max = POLICY_MAX_REQUIRES, .table = &require_table,
	  .doc = "What a release brings along: `stable_version` (pinned, not `latest`), `artifact`, `ticket`, `backup` (a link, unless its "
	         "migration is none), `migration` (a link, when it is irreversible), or any other name that must be among its `links`." },
	{ .key = "compare", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, compare),
	  .count_offset = offsetof(struct policy, ncompare), .max = 16,
	  .doc = "KPIs whose means before the exposure and in the last stage are kept with the release, told when it finishes and "
	         "audited." },
	{ .key = "repin_by", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, repin_by),
	  .count_offset = offsetof(struct policy, nrepin_by), .max = 16,
	  .doc = "Roles whose holders may move a release on its way to another policy; nobody when left out." },
	{ .key = "exempt_from_reentry", .kind = FIELD_BOOL, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy, exempt_from_reentry),
	  .doc = "Its releases start although the last rollback's re-entry checks or incident record are open, as a hotfix may have "
	         "to; they stay owed." },
	{ .key = "escalation", .kind = FIELD_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct policy, escalation), .count_offset = offsetof(struct policy, nescalation),
	  .min = 1, .max = POLICY_MAX_LEVELS, .table = &level_table,
	  .doc = "Whom to call, one after the other, until somebody acknowledges; left out, `on_call` at once, "
	         "`release_manager` after 15m, `cto` after 30m." },
	{ .key = "rollback", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct policy, rollback),
	  .table = &rollback_table,
	  .doc = "The way back; required as soon as a stage exposes the release." },
};
const struct field_table policy_table = {
	.noun = "policy", .fields = policy_fields, .n = ARRAY_LEN(policy_fields), .size = sizeof(struct policy)
};
/* clang-format on */
