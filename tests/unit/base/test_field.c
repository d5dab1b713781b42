/*
 * field: one table reads, writes, copies, frees and documents; every mistake is listed where it
 * stands.
 */
#include <check.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../suite.h"
#include "base/field.h"
#include "base/macros.h"
#include "base/time.h"

enum action { ACTION_HOLD = 0, ACTION_PAUSE, ACTION_ROLLBACK };
static const char *const action_names[] = {"hold", "pause", "rollback", NULL};

struct rung {
	double above;
	int action;
};

struct owner {
	char *name;
	char *role;
	int64_t votes;
};

struct limits {
	int64_t wait_ms;
	int64_t retries;
};

struct gate {
	char *name;
	bool enabled;
	int64_t events;
	double factor;
	double ratio;
	int64_t window_ms;
	struct wall since;
	int action;
	char *note;
	char **targets;
	size_t n_targets;
	json_t *body;
	struct limits limits;
	struct limits spare;
	struct rung *rungs;
	size_t n_rungs;
	struct owner *owners;
	size_t n_owners;
	char *weight;    /* custom: "N of M" or a number */
	int64_t doubled; /* not in the table */
};

static bool decode_weight(json_t *value, void *member, struct decode *d)
{
	char **out = member;

	if (json_is_integer(value))
		*out = text_dup("number");
	else if (json_is_string(value) && strcmp(json_string_value(value), "silent") == 0)
		return false;
	else if (json_is_string(value))
		*out = text_dup(json_string_value(value));
	else
		return decode_problem(d, "must be a weight");
	return true;
}

static json_t *encode_weight(const void *member)
{
	char *const *text = member;

	return *text ? json_string(*text) : NULL;
}

static bool copy_weight(const void *from, void *to)
{
	char *const *text = from;
	char **copy = to;

	*copy = text_dup(*text);
	return !*text || *copy;
}

static void free_weight(void *member)
{
	char **text = member;

	free(*text);
	*text = NULL;
}

static const struct field_custom weight_custom = {
        .decode = decode_weight, .encode = encode_weight, .copy = copy_weight, .free = free_weight};

/* clang-format off */
static const struct field rung_fields[] = {
	{ .key = "above", .kind = FIELD_RATIO, .flags = FIELD_REQUIRED, .offset = offsetof(struct rung, above), .max = 1,
	  .doc = "The limit." },
	{ .key = "then", .kind = FIELD_ENUM, .offset = offsetof(struct rung, action), .names = action_names,
	  .fallback = "pause", .doc = "What follows." },
};
static const struct field owner_fields[] = {
	{ .key = "role", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, .offset = offsetof(struct owner, role), .min = 1, .max = 8 },
	{ .key = "votes", .kind = FIELD_INT, .offset = offsetof(struct owner, votes), .min = 1, .max = 9, .fallback = "1" },
};
static const struct field limits_fields[] = {
	{ .key = "wait", .kind = FIELD_DURATION, .offset = offsetof(struct limits, wait_ms), .min = 1000, .max = 3600000,
	  .fallback = "30s", .doc = "How long." },
	{ .key = "retries", .kind = FIELD_INT, .offset = offsetof(struct limits, retries), .min = 1, .max = 10 },
};
/* clang-format on */

/* "qa" stands for {role: qa}. */
static json_t *normalise_owner(json_t *value, struct decode *d)
{
	if (json_is_string(value) && strcmp(json_string_value(value), "nobody") == 0) {
		decode_problem(d, "needs somebody");
		return NULL;
	}
	if (json_is_string(value))
		return json_pack("{s:O}", "role", value);
	return json_incref(value);
}

static bool check_rung(const void *decoded, struct decode *d)
{
	const struct rung *rung = decoded;

	if (rung->action == ACTION_ROLLBACK && rung->above < 0.02)
		return decode_problem(d, "rolls back too early");
	return true;
}

static const struct field_table rung_table = {.noun = "rung",
                                              .fields = rung_fields,
                                              .n = ARRAY_LEN(rung_fields),
                                              .size = sizeof(struct rung),
                                              .check = check_rung};
static const struct field_table owner_table = {.noun = "owner",
                                               .fields = owner_fields,
                                               .n = ARRAY_LEN(owner_fields),
                                               .size = sizeof(struct owner),
                                               .normalise = normalise_owner};
static const struct field_table limits_table = {.noun = "time limits",
                                                .fields = limits_fields,
                                                .n = ARRAY_LEN(limits_fields),
                                                .size = sizeof(struct limits)};

#define AT(member) .offset = offsetof(struct gate, member)
#define COUNTED(member, count) AT(member), .count_offset = offsetof(struct gate, count)
/* clang-format off */
static const struct field gate_fields[] = {
	{ .key = "name", .kind = FIELD_TEXT, .flags = FIELD_REQUIRED, AT(name), .min = 1, .max = 20, .doc = "Its name." },
	{ .key = "enabled", .kind = FIELD_BOOL, AT(enabled), .fallback = "true", .doc = "On | off." },
	{ .key = "events", .kind = FIELD_INT, AT(events), .min = 0, .max = 1000 },
	{ .key = "factor", .kind = FIELD_NUMBER, AT(factor), .min = 1 },
	{ .key = "ratio", .kind = FIELD_RATIO, AT(ratio), .min = 0, .max = 1, .fallback = "1%" },
	{ .key = "window", .kind = FIELD_DURATION, AT(window_ms), .min = 1000, .max = 3600000, .fallback = "1m" },
	{ .key = "since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, AT(since) },
	{ .key = "action", .kind = FIELD_ENUM, AT(action), .names = action_names, .fallback = "pause" },
	{ .key = "note", .kind = FIELD_TEXT, AT(note) },
	{ .key = "targets", .kind = FIELD_TEXT_LIST, COUNTED(targets, n_targets), .max = 3, .fallback = "[\"a\", \"b\"]" },
	{ .key = "body", .kind = FIELD_JSON, AT(body) },
	{ .key = "limits", .kind = FIELD_STRUCT, AT(limits), .table = &limits_table },
	{ .key = "spare", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, AT(spare), .table = &limits_table },
	{ .key = "rungs", .kind = FIELD_LIST, COUNTED(rungs, n_rungs), .max = 4, .table = &rung_table },
	{ .key = "owners", .kind = FIELD_MAP, .flags = FIELD_OMIT_ABSENT, COUNTED(owners, n_owners), .table = &owner_table },
	{ .key = "weight", .kind = FIELD_CUSTOM, AT(weight), .custom = &weight_custom },
};
/* clang-format on */

static const struct field_table gate_table = {.noun = "gate",
                                              .fields = gate_fields,
                                              .n = ARRAY_LEN(gate_fields),
                                              .size = sizeof(struct gate)};

/* Decodes text and prints the problems into `printed`. */
static bool decode_text(const char *text, const struct positions *positions, struct gate *out,
                        struct buf *printed)
{
	json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
	struct problems problems;
	struct decode d;
	bool ok;

	ck_assert_msg(value, "the test's own JSON: %s", text);
	problems_init(&problems);
	decode_init(&d, &problems, positions);
	ok = field_decode(&gate_table, value, out, &d);
	ck_assert_msg(ok == (problems.n == 0), "false exactly when there are problems: %s", text);
	ck_assert_uint_eq(d.pointer.n, 0);
	ck_assert_uint_eq(d.depth, 0);
	if (printed) {
		buf_init(printed, 100000);
		problems_print(&problems, printed);
	}
	decode_fini(&d);
	problems_fini(&problems);
	json_decref(value);
	return ok;
}

static const char full[] =
        "{\"name\": \"errors\", \"enabled\": \"false\", \"events\": \"100\", \"factor\": 1.5,"
        " \"ratio\": \"2.5%\", \"window\": \"5m\", \"since\": \"2026-01-02T03:04:05Z\","
        " \"action\": \"rollback\", \"note\": \"a\\nb\", \"targets\": \"lone\","
        " \"body\": {\"k\": [1, \"1\", null, 2.5]}, \"limits\": {\"wait\": \"1h\", \"retries\": 3},"
        " \"spare\": {\"retries\": 2}, \"rungs\": [{\"above\": 0.01},"
        " {\"above\": \"2%\", \"then\": \"rollback\"}],"
        " \"owners\": {\"zoe\": \"qa\", \"adam\": {\"role\": \"ops\", \"votes\": 2}},"
        " \"weight\": \"1 of 3\"}";

static void assert_is_full(const struct gate *gate)
{
	ck_assert_str_eq(gate->name, "errors");
	ck_assert(!gate->enabled);
	ck_assert_int_eq(gate->events, 100);
	ck_assert_double_eq(gate->factor, 1.5);
	ck_assert_double_eq(gate->ratio, 0.025);
	ck_assert_int_eq(gate->window_ms, 300000);
	ck_assert_int_eq(gate->since.ms, 1767323045000);
	ck_assert_int_eq(gate->action, ACTION_ROLLBACK);
	ck_assert_str_eq(gate->note, "a\nb");
	ck_assert_uint_eq(gate->n_targets, 1);
	ck_assert_str_eq(gate->targets[0], "lone");
	ck_assert_uint_eq(json_array_size(json_object_get(gate->body, "k")), 4);
	ck_assert_int_eq(gate->limits.wait_ms, 3600000);
	ck_assert_int_eq(gate->limits.retries, 3);
	ck_assert_int_eq(gate->spare.wait_ms, 30000);
	ck_assert_uint_eq(gate->n_rungs, 2);
	ck_assert_int_eq(gate->rungs[0].action, ACTION_PAUSE);
	ck_assert_double_eq(gate->rungs[1].above, 0.02);
	ck_assert_uint_eq(gate->n_owners, 2);
	ck_assert_str_eq(gate->owners[0].name, "zoe");
	ck_assert_str_eq(gate->owners[0].role, "qa");
	ck_assert_int_eq(gate->owners[0].votes, 1);
	ck_assert_str_eq(gate->owners[1].name, "adam");
	ck_assert_int_eq(gate->owners[1].votes, 2);
	ck_assert_str_eq(gate->weight, "1 of 3");
}

START_TEST(every_kind_is_read)
{
	struct gate gate;

	ck_assert(decode_text(full, NULL, &gate, NULL));
	assert_is_full(&gate);
	field_free(&gate_table, &gate);
	ck_assert_ptr_null(gate.name);
	ck_assert_uint_eq(gate.n_owners, 0);
	field_free(&gate_table, &gate);
}
END_TEST

START_TEST(absent_keys_read_as_their_fallback)
{
	struct gate gate;

	ck_assert(decode_text("{\"name\": \"x\"}", NULL, &gate, NULL));
	ck_assert(gate.enabled);
	ck_assert_int_eq(gate.events, 0);
	ck_assert_double_eq(gate.ratio, 0.01);
	ck_assert_int_eq(gate.window_ms, 60000);
	ck_assert_int_eq(gate.since.ms, 0);
	ck_assert_int_eq(gate.action, ACTION_PAUSE);
	ck_assert_ptr_null(gate.note);
	ck_assert_uint_eq(gate.n_targets, 2);
	ck_assert_str_eq(gate.targets[1], "b");
	ck_assert_ptr_null(gate.body);
	ck_assert_msg(gate.limits.wait_ms == 30000, "the defaults inside an absent struct hold");
	ck_assert_msg(gate.spare.wait_ms == 0, "unless it may be absent as a whole");
	ck_assert_ptr_null(gate.rungs);
	ck_assert_ptr_null(gate.weight);
	field_free(&gate_table, &gate);
}
END_TEST

START_TEST(a_mistake_is_told_where_and_what_would_be_right)
{
	/* clang-format off */
	static const struct {
		const char *why, *text, *printed;
	} rows[] = {
		{ "a missing key stands at its object", "{}", "\"name\" is missing\n" },
		{ "a mistyped key", "{\"name\": \"x\", \"windw\": \"1m\"}", "/windw: unknown key \"windw\", did you mean \"window\"?\n" },
		{ "a key like no other", "{\"name\": \"x\", \"frobnicate\": 1}", "/frobnicate: unknown key \"frobnicate\"\n" },
		{ "a key like no other in a small table", "{\"name\": \"x\", \"limits\": {\"frobnicate\": 1}}",
		  "/limits/frobnicate: unknown key \"frobnicate\"; the keys here are wait, retries\n" },
		{ "a key with a slash is escaped", "{\"name\": \"x\", \"a/b~\": 1}", "/a~1b~0: unknown key \"a/b~\"\n" },
		{ "the root is no object", "[]", "must be an object, not a list\n" },
		{ "a duration that is an object", "{\"name\": \"x\", \"window\": {}}", "/window: must be a duration like 15m, not an object\n" },
		{ "a duration without unit", "{\"name\": \"x\", \"window\": 15}", "/window: must be a duration like 15m, not a number: write its unit\n" },
		{ "a duration in words", "{\"name\": \"x\", \"window\": \"15 minutes\"}",
		  "/window: \"15 minutes\" is not a duration: write it like 15m, 1h30m or 250ms\n" },
		{ "a duration out of bounds", "{\"name\": \"x\", \"window\": \"2h\"}", "/window: must be between 1s and 1h\n" },
		{ "zero is a duration, if too short here", "{\"name\": \"x\", \"window\": 0}", "/window: must be between 1s and 1h\n" },
		{ "a ratio out of bounds", "{\"name\": \"x\", \"ratio\": \"101%\"}", "/ratio: must be between 0 % and 100 %\n" },
		{ "a ratio that is none", "{\"name\": \"x\", \"ratio\": \"some\"}", "/ratio: \"some\" is not a ratio: write it like 1% or 0.01\n" },
		{ "an integer out of bounds", "{\"name\": \"x\", \"events\": -1}", "/events: must be between 0 and 1000\n" },
		{ "an integer with a fraction", "{\"name\": \"x\", \"events\": 1.5}", "/events: must be a whole number, like 10\n" },
		{ "an integer that is a list", "{\"name\": \"x\", \"events\": []}", "/events: must be a whole number like 10, not a list\n" },
		{ "a number below its only bound", "{\"name\": \"x\", \"factor\": 0.5}", "/factor: must be at least 1\n" },
		{ "a number that is infinite", "{\"name\": \"x\", \"factor\": \"1e999\"}", "/factor: \"1e999\" is not a finite number\n" },
		{ "a number that is NaN", "{\"name\": \"x\", \"factor\": \"NaN\"}", "/factor: \"NaN\" is not a finite number\n" },
		{ "null is a wrong type", "{\"name\": \"x\", \"events\": null}", "/events: must be a whole number like 10, not null\n" },
		{ "a bool in words", "{\"name\": \"x\", \"enabled\": \"yes\"}", "/enabled: must be true or false, not \"yes\"\n" },
		{ "a bool that is a number", "{\"name\": \"x\", \"enabled\": 1}", "/enabled: must be true or false, not a number\n" },
		{ "an instant without offset", "{\"name\": \"x\", \"since\": \"2026-01-02T03:04:05\"}",
		  "/since: \"2026-01-02T03:04:05\" is not an instant: write it like 2026-01-02T03:04:05Z or 2026-01-02T03:04:05+01:00\n" },
		{ "an instant that is a number", "{\"name\": \"x\", \"since\": 5}", "/since: must be an instant like 2026-01-02T03:04:05Z, not a number\n" },
		{ "a name nearly right", "{\"name\": \"x\", \"action\": \"puase\"}",
		  "/action: must be one of hold, pause, rollback, not \"puase\"; did you mean \"pause\"?\n" },
		{ "a name far off", "{\"name\": \"x\", \"action\": true}", "/action: must be one of hold, pause, rollback, not true\n" },
		{ "a text that is a number", "{\"name\": 7}", "/name: must be a text, not a number\n" },
		{ "an empty text", "{\"name\": \"\"}", "/name: must not be empty\n" },
		{ "a long text", "{\"name\": \"123456789012345678901\"}", "/name: has 21 bytes, may have at most 20\n" },
		{ "a list of other things", "{\"name\": \"x\", \"targets\": [\"a\", 1]}", "/targets/1: must be a text, not a number\n" },
		{ "a list too long", "{\"name\": \"x\", \"targets\": [\"a\", \"b\", \"c\", \"d\"]}", "/targets: has 4 entries, may have at most 3\n" },
		{ "a list that is an object", "{\"name\": \"x\", \"rungs\": {}}", "/rungs: must be a list of objects, not an object\n" },
		{ "a list element that is no object", "{\"name\": \"x\", \"rungs\": [1]}", "/rungs/0: must be an object, not a number\n" },
		{ "a mistake deep inside", "{\"name\": \"x\", \"rungs\": [{\"above\": 0.1}, {\"above\": 2}]}",
		  "/rungs/1/above: must be between 0 % and 100 %\n" },
		{ "the check of a whole", "{\"name\": \"x\", \"rungs\": [{\"above\": 0.01, \"then\": \"rollback\"}]}", "/rungs/0: rolls back too early\n" },
		{ "no check on half a struct", "{\"name\": \"x\", \"rungs\": [{\"then\": \"rollback\"}]}", "/rungs/0: \"above\" is missing\n" },
		{ "a map that is a list", "{\"name\": \"x\", \"owners\": []}", "/owners: must be an object with a name for each entry, not a list\n" },
		{ "a map key that is no name", "{\"name\": \"x\", \"owners\": {\"a b\": \"qa\"}}",
		  "/owners/a b: \"a b\" is not a name: use 1 to 64 letters, digits, or _ . -\n" },
		{ "an empty map key", "{\"name\": \"x\", \"owners\": {\"\": \"qa\"}}",
		  "/owners/: \"\" is not a name: use 1 to 64 letters, digits, or _ . -\n" },
		{ "a short form that is refused", "{\"name\": \"x\", \"owners\": {\"a\": \"nobody\"}}", "/owners/a: needs somebody\n" },
		{ "what a short form stood for keeps its place", "{\"name\": \"x\", \"owners\": {\"a\": \"123456789\"}}",
		  "/owners/a/role: has 9 bytes, may have at most 8\n" },
		{ "a custom kind says its own", "{\"name\": \"x\", \"weight\": []}", "/weight: must be a weight\n" },
		{ "a custom kind that says nothing is still heard", "{\"name\": \"x\", \"weight\": \"silent\"}", "/weight: is not valid\n" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf printed;
		struct gate gate;

		ck_assert_msg(!decode_text(rows[i].text, NULL, &gate, &printed), "%s", rows[i].why);
		ck_assert_msg(str_eq_text(buf_str(&printed), rows[i].printed), "%s:\n%s",
		              rows[i].why, buf_str(&printed).p);
		buf_fini(&printed);
		field_free(&gate_table, &gate);
	}
}
END_TEST

START_TEST(all_mistakes_are_listed_at_once)
{
	struct buf printed;
	struct gate gate;

	ck_assert(!decode_text(
	        "{\"windw\": 1, \"events\": -1, \"ratio\": \"x\", \"limits\": {\"retries\": 99},"
	        " \"owners\": {\"a\": {}, \"b\": {\"role\": 1}}}",
	        NULL, &gate, &printed));
	ck_assert_str_eq(buf_str(&printed).p,
	                 "/windw: unknown key \"windw\", did you mean \"window\"?\n"
	                 "\"name\" is missing\n"
	                 "/events: must be between 0 and 1000\n"
	                 "/ratio: \"x\" is not a ratio: write it like 1% or 0.01\n"
	                 "/limits/retries: must be between 1 and 10\n"
	                 "/owners/a: \"role\" is missing\n"
	                 "/owners/b/role: must be a text, not a number\n");
	buf_fini(&printed);
	field_free(&gate_table, &gate);
}
END_TEST

static void put(struct positions *p, const char *pointer, int line, bool plain)
{
	struct err err;

	ck_assert(positions_put(
	        p, pointer,
	        (struct position){.file = "p.yaml", .line = line, .column = 3, .plain = plain},
	        &err));
}

START_TEST(positions_name_the_line_and_plain_scalars_get_their_type)
{
	struct positions *positions = positions_new();
	struct buf printed;
	struct gate gate;
	json_t *body;

	put(positions, "", 1, false);
	put(positions, "/window", 2, true);
	put(positions, "/body", 3, false);
	put(positions, "/body/port", 4, true);
	put(positions, "/body/code", 5, false);
	put(positions, "/body/list", 6, false);
	put(positions, "/body/list/0", 6, true);
	put(positions, "/body/list/1", 6, false);
	ck_assert(!decode_text("{\"name\": \"x\", \"window\": \"9\", \"events\": \"-1\"}",
	                       positions, &gate, &printed));
	ck_assert_str_eq(buf_str(&printed).p,
	                 "p.yaml:1:3: /events: must be between 0 and 1000\n"
	                 "p.yaml:2:3: /window: \"9\" is not a duration: it needs a unit, like "
	                 "15m, 30s or 250ms\n");
	buf_fini(&printed);
	field_free(&gate_table, &gate);

	ck_assert(decode_text("{\"name\": \"x\", \"body\": {\"port\": \"80\", \"code\": \"80\","
	                      " \"list\": [\"true\", \"true\"]}}",
	                      positions, &gate, NULL));
	body = json_loads("{\"port\": 80, \"code\": \"80\", \"list\": [true, \"true\"]}", 0, NULL);
	ck_assert(json_equal(gate.body, body));
	json_decref(body);
	field_free(&gate_table, &gate);
	positions_free(&positions);
}
END_TEST

START_TEST(json_that_nests_too_deep_is_refused)
{
	struct buf text;
	struct buf printed;
	struct gate gate;

	buf_init(&text, 1000);
	buf_add_text(&text, "{\"name\": \"x\", \"body\": ");
	for (int i = 0; i < 40; i++)
		buf_add_char(&text, '[');
	for (int i = 0; i < 40; i++)
		buf_add_char(&text, ']');
	buf_add_char(&text, '}');
	ck_assert(!decode_text(buf_str(&text).p, NULL, &gate, &printed));
	ck_assert(strstr(buf_str(&printed).p, "is nested deeper than 32"));
	buf_fini(&text);
	buf_fini(&printed);
	field_free(&gate_table, &gate);
}
END_TEST

static char *canonical_of(const struct gate *gate)
{
	json_t *value = field_encode(&gate_table, gate);
	struct buf out;
	struct err err;

	ck_assert_ptr_nonnull(value);
	buf_init(&out, 100000);
	ck_assert(json_canonical(value, &out, &err));
	json_decref(value);
	return buf_take_text(&out);
}

START_TEST(encoding_writes_the_defaults_out_in_table_order)
{
	struct gate gate;
	json_t *value;
	char *text;

	ck_assert(decode_text("{\"name\": \"x\"}", NULL, &gate, NULL));
	value = field_encode(&gate_table, &gate);
	text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17));
	/* factor is left out: zero is below its bound, so only absence says it. */
	ck_assert_str_eq(text, "{\"name\":\"x\",\"enabled\":true,\"events\":0,\"ratio\":0.01,"
	                       "\"window\":\"1m\",\"action\":\"pause\",\"targets\":[\"a\",\"b\"],"
	                       "\"limits\":{\"wait\":\"30s\"},\"rungs\":[]}");
	free(text);
	json_decref(value);
	field_free(&gate_table, &gate);
}
END_TEST

START_TEST(what_is_encoded_decodes_to_the_same)
{
	static const char *const rows[] = {full, "{\"name\": \"x\"}",
	                                   "{\"name\": \"x\", \"ratio\": 0.1234567890123456,"
	                                   " \"factor\": 1.1, \"targets\": []}"};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct gate first, second;
		char *text, *again;

		ck_assert(decode_text(rows[i], NULL, &first, NULL));
		text = canonical_of(&first);
		ck_assert_msg(decode_text(text, NULL, &second, NULL), "%s", text);
		again = canonical_of(&second);
		ck_assert_str_eq(text, again);
		ck_assert_double_eq(first.ratio, second.ratio);
		ck_assert_double_eq(first.factor, second.factor);
		ck_assert_uint_eq(first.n_targets, second.n_targets);
		free(text);
		free(again);
		field_free(&gate_table, &first);
		field_free(&gate_table, &second);
	}
}
END_TEST

START_TEST(a_copy_is_deep_and_equal)
{
	struct gate gate, copy;
	char *text, *again;

	ck_assert(decode_text(full, NULL, &gate, NULL));
	gate.doubled = 7;
	ck_assert(field_copy(&gate_table, &gate, &copy));
	text = canonical_of(&gate);
	field_free(&gate_table, &gate);
	assert_is_full(&copy);
	ck_assert_msg(copy.doubled == 0, "members outside the table are zero");
	again = canonical_of(&copy);
	ck_assert_str_eq(text, again);
	free(text);
	free(again);
	field_free(&gate_table, &copy);
}
END_TEST

START_TEST(zeroed_structs_are_copied_encoded_and_freed)
{
	struct gate gate = {0};
	struct gate copy;
	json_t *value;

	ck_assert(field_copy(&gate_table, &gate, &copy));
	value = field_encode(&gate_table, &copy);
	ck_assert_ptr_nonnull(value);
	json_decref(value);
	field_free(&gate_table, &copy);
	field_list_free(&rung_table, NULL, 0, false);
}
END_TEST

START_TEST(lists_edited_in_memory_are_freed_with_their_names)
{
	struct owner *owners = calloc(2, sizeof(*owners));

	owners[0].name = text_dup("a");
	owners[0].role = text_dup("qa");
	owners[1].name = text_dup("b");
	field_list_free(&owner_table, owners, 2, true);
}
END_TEST

START_TEST(the_reference_lists_every_table_once)
{
	struct buf out;
	struct err err;
	const char *text;

	buf_init(&out, 100000);
	field_reference(&gate_table, &out);
	ck_assert(buf_ok(&out, &err));
	text = buf_str(&out).p;
	ck_assert(str_starts_with(
	        buf_str(&out), STR("### gate\n\n| key | value | default | meaning |\n"
	                           "| --- | --- | --- | --- |\n"
	                           "| `name` | text, 1 to 20 bytes | required | Its name. |\n")));
	ck_assert(strstr(text, "| `enabled` | `true` or `false` | `true` | On \\| off. |\n"));
	ck_assert(strstr(text, "| `window` | duration between 1s and 1h | `1m` |  |\n"));
	ck_assert(strstr(text, "| `action` | `hold`, `pause`, `rollback` | `pause` |"));
	ck_assert(strstr(text, "| `limits` | [time limits](#time-limits) |"));
	ck_assert(strstr(text, "| `rungs` | list of [rung](#rung), 0 to 4 |"));
	ck_assert(strstr(text, "\n### time limits\n"));
	ck_assert_ptr_null(strstr(strstr(text, "### time limits") + 1, "### time limits"));
	ck_assert(strstr(text, "\n### owner\n"));
	buf_fini(&out);
}
END_TEST

START_TEST(a_custom_decoder_can_read_one_field_and_move_its_pointer)
{
	struct problems problems;
	struct decode d;
	struct limits limits = {0};
	json_t *value = json_string("5h");
	size_t mark;

	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	mark = decode_push(&d, "gates");
	ck_assert(!decode_is_plain(&d));
	(void)decode_push_index(&d, 2);
	ck_assert(!field_decode_one(&limits_fields[0], value, &limits, &d));
	decode_pop(&d, mark);
	ck_assert_str_eq(problems.list[0].pointer, "/gates/2");
	ck_assert_str_eq(problems.list[0].text, "must be between 1s and 1h");
	json_decref(value);
	decode_fini(&d);
	problems_fini(&problems);
}
END_TEST

START_TEST(a_pointer_too_long_to_hold_makes_places_coarser_and_nothing_worse)
{
	struct problems problems;
	struct decode d;
	char key[9000];
	size_t mark;

	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	problems_init(&problems);
	decode_init(&d, &problems, NULL);
	mark = decode_push(&d, key);
	(void)decode_problem(&d, "first");
	decode_pop(&d, mark);
	mark = decode_push(&d, "short");
	(void)decode_problem(&d, "second");
	decode_pop(&d, mark);
	ck_assert_uint_eq(problems.n, 2);
	ck_assert_str_eq(problems.list[1].pointer, "/short");
	decode_fini(&d);
	problems_fini(&problems);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("field");
	TCase *tcase = tcase_create("field");

	tcase_add_test(tcase, every_kind_is_read);
	tcase_add_test(tcase, absent_keys_read_as_their_fallback);
	tcase_add_test(tcase, a_mistake_is_told_where_and_what_would_be_right);
	tcase_add_test(tcase, all_mistakes_are_listed_at_once);
	tcase_add_test(tcase, positions_name_the_line_and_plain_scalars_get_their_type);
	tcase_add_test(tcase, json_that_nests_too_deep_is_refused);
	tcase_add_test(tcase, encoding_writes_the_defaults_out_in_table_order);
	tcase_add_test(tcase, what_is_encoded_decodes_to_the_same);
	tcase_add_test(tcase, a_copy_is_deep_and_equal);
	tcase_add_test(tcase, zeroed_structs_are_copied_encoded_and_freed);
	tcase_add_test(tcase, lists_edited_in_memory_are_freed_with_their_names);
	tcase_add_test(tcase, the_reference_lists_every_table_once);
	tcase_add_test(tcase, a_custom_decoder_can_read_one_field_and_move_its_pointer);
	tcase_add_test(tcase, a_pointer_too_long_to_hold_makes_places_coarser_and_nothing_worse);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
