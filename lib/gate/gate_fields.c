/* How a gate is written down: its kind, what the kind asks for and what all gates share, in one
 * object. */
#include "gate/gate.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"
#include "gate/rung_fields.h"

#define MIN_EVENTS_MAX 1e12
#define KEYS_MAX 64 /* keys of one gate considered for "did you mean" */

/* Where normalise puts what belongs to the kind. Nobody can write it: unknown keys are refused
 * first. */
#define KIND_KEY "<kind>"

/* clang-format off */
const char *const verdict_names[VERDICT_COUNT + 1] = {
	"pass", "hold", "ask", "pause", "rollback", NULL
};
static const char *const flat_keys[] = { "above", "below", "for", "then", NULL };
/* clang-format on */

static bool no_memory(struct decode *d)
{
	return decode_problem(d, "cannot be read: no memory");
}

static bool is_one_of(const char *key, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(*names, key) == 0)
			return true;
	}
	return false;
}

static bool table_has(const struct field_table *table, const char *key)
{
	for (size_t i = 0; i < table->n; i++) {
		if (strcmp(table->fields[i].key, key) == 0)
			return true;
	}
	return false;
}

static const struct gate_kind *kind_named(const char *name)
{
	for (size_t i = 0; gate_kinds[i]; i++) {
		if (strcmp(gate_kinds[i]->name, name) == 0)
			return gate_kinds[i];
	}
	return NULL;
}

/* The kind by whichever key names one: the first for people, but objects from a database have no
 * order. */
static const struct gate_kind *kind_of(json_t *object, struct decode *d)
{
	const struct gate_kind *found = NULL;
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		const struct gate_kind *kind = kind_named(key);

		if (kind && found) {
			decode_problem(d, "a gate has one kind, this one has two: %s and %s",
			               found->name, kind->name);
			return NULL;
		}
		found = kind ? kind : found;
	}
	return found;
}

static void list_kinds(struct buf *out)
{
	buf_init(out, 512);
	for (size_t i = 0; gate_kind_names[i]; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", gate_kind_names[i]);
}

static bool refuse_kind(json_t *object, struct decode *d)
{
	const char *first = json_object_iter_key(json_object_iter(object));
	const char *nearest = first ? str_nearest(str_of(first), gate_kind_names) : NULL;
	char quote[STR_QUOTE_MAX];
	struct buf kinds;
	size_t mark = decode_push(d, first ? first : "");

	list_kinds(&kinds);
	if (nearest)
		decode_problem(d, "%s is no kind of gate, did you mean \"%s\"?",
		               str_quote(str_of(first), quote), nearest);
	else
		decode_problem(d, "the first key of a gate is its kind: one of %s",
		               buf_str(&kinds).p);
	buf_fini(&kinds);
	decode_pop(d, mark);
	return false;
}

static bool refuse_key(const struct gate_kind *kind, const char *key, struct decode *d)
{
	const char *names[KEYS_MAX + 1] = {NULL};
	char quote[STR_QUOTE_MAX];
	const char *nearest = NULL;
	size_t mark = decode_push(d, key);
	size_t n = 0;

	for (size_t i = 0; i < kind->fields->n && n < KEYS_MAX; i++)
		names[n++] = kind->fields->fields[i].key;
	for (size_t i = 0; i < gate_table.n && n < KEYS_MAX; i++)
		names[n++] = gate_table.fields[i].key;
	for (size_t i = 0; flat_keys[i] && n < KEYS_MAX; i++)
		names[n++] = flat_keys[i];
	nearest = str_nearest(str_of(key), names);
	str_quote(str_of(key), quote);
	if (nearest)
		decode_problem(d, "unknown key %s, did you mean \"%s\"?", quote, nearest);
	else
		decode_problem(d, "unknown key %s in a gate of kind %s", quote, kind->name);
	decode_pop(d, mark);
	return false;
}

/* The gate's object taken apart. */
struct parts {
	json_t *common, *kind, *flat;
};

static bool sort_key(const struct gate_kind *kind, const char *key, json_t *value,
                     struct parts *parts, struct decode *d)
{
	if (is_one_of(key, flat_keys))
		return json_object_set(parts->flat, key, value) == 0 || no_memory(d);
	if (table_has(kind->fields, key))
		return json_object_set(parts->kind, key, value) == 0 || no_memory(d);
	if (table_has(&gate_table, key) && strcmp(key, KIND_KEY) != 0)
		return json_object_set(parts->common, key, value) == 0 || no_memory(d);
	return refuse_key(kind, key, d);
}

/* One ladder, written one way. */
static bool sort_rungs(struct parts *parts, struct decode *d)
{
	json_t *rungs = json_object_get(parts->common, "rungs");
	size_t n_flat = json_object_size(parts->flat);
	size_t mark = 0;

	if (!rungs && n_flat == 0)
		return decode_problem(
		        d, "a gate needs a rung: what happens \"then\", or a list of \"rungs\"");
	if (!rungs)
		return json_object_set(parts->common, "rungs", parts->flat) == 0 || no_memory(d);
	mark = decode_push(d, "rungs");
	if (n_flat > 0)
		decode_problem(d, "one rung is written flat and others in a list: write them all "
		                  "in the list");
	else if (!json_is_array(rungs) || json_array_size(rungs) == 0)
		decode_problem(d,
		               "must be a list of rungs: [{above: 1%%, for: 3 of 3, then: pause}]");
	decode_pop(d, mark);
	return n_flat == 0 && json_array_size(rungs) > 0;
}

static bool take_apart(json_t *object, const struct gate_kind *kind, struct parts *parts,
                       struct decode *d)
{
	const char *key;
	json_t *value;
	bool ok = true;

	if (!parts->common || !parts->kind || !parts->flat)
		return no_memory(d);
	json_object_foreach(object, key, value) ok = sort_key(kind, key, value, parts, d) && ok;
	if (!sort_rungs(parts, d)) {
		ok = false;
		(void)json_object_del(parts->common, "rungs");
	}
	if (json_object_set(parts->common, KIND_KEY, parts->kind) != 0)
		ok = no_memory(d);
	return ok;
}

/* Into {<kind>: what the kind asks for, rungs: a list, or an object when flat, and what all gates
 * share}. Goes on after a problem as long as the kind is known, so that all of them are listed. */
static json_t *gate_normalise(json_t *object, struct decode *d)
{
	struct parts parts = {0};
	const struct gate_kind *kind = NULL;
	size_t before = d->problems->n + d->problems->dropped;

	if (!json_is_object(object)) {
		decode_problem(d, "must be a gate such as {threshold: KPI, above: 1%%, for: 3 of "
		                  "3, then: pause}");
		return NULL;
	}
	kind = kind_of(object, d);
	if (!kind) {
		if (d->problems->n + d->problems->dropped == before)
			refuse_kind(object, d);
		return NULL;
	}
	parts = (struct parts){
	        .common = json_object(), .kind = json_object(), .flat = json_object()};
	(void)take_apart(object, kind, &parts, d); /* its problems make the decode fail */
	json_decref(parts.kind);
	json_decref(parts.flat);
	return parts.common;
}

/* The kind's keys stand in the gate itself, so that is where its problems are. */
static bool kind_decode(json_t *value, void *member, struct decode *d)
{
	struct gate *gate = member;
	const struct gate_kind *kind = kind_of(value, d);
	void *spec = kind ? calloc(1, kind->fields->size) : NULL;
	bool ok = false;

	if (!kind)
		return decode_problem(d, "is no gate of a known kind");
	if (!spec)
		return no_memory(d);
	gate->kind = kind;
	gate->spec = spec;
	decode_pop(d, d->pointer.n - strlen("/" KIND_KEY));
	ok = field_decode(kind->fields, value, spec, d);
	(void)decode_push(d, KIND_KEY);
	return ok;
}

static json_t *kind_encode(const void *member)
{
	const struct gate *gate = member;

	return gate->kind ? field_encode(gate->kind->fields, gate->spec) : NULL;
}

static bool kind_copy(const void *from, void *to)
{
	const struct gate *old = from;
	struct gate *gate = to;

	gate->kind = old->kind;
	if (!old->kind)
		return true;
	gate->spec = calloc(1, old->kind->fields->size);
	return gate->spec && field_copy(old->kind->fields, old->spec, gate->spec);
}

static void kind_free(void *member)
{
	struct gate *gate = member;

	if (gate->kind && gate->spec)
		field_free(gate->kind->fields, gate->spec);
	free(gate->spec);
	gate->spec = NULL;
	gate->kind = NULL;
}

bool events_decode(json_t *value, double *out_n, char **out_kpi, struct decode *d)
{
	char text[UNITS_TEXT_MAX + 64];
	struct str count = {0}, kpi = {0};
	struct err err;
	double n = 0;

	if (!rung_scalar_text(value, text, sizeof(text)))
		return decode_problem(
		        d, "must be a number of events and their KPI: \"100 requests\", or 0");
	count = str_of(text);
	for (size_t i = 0; i < count.n && kpi.n == 0; i++) {
		if (text[i] == ' ') {
			kpi = str_trim(str_slice(count, i, count.n));
			count.n = i;
		}
	}
	if (!number_parse(count, &n, &err) || !(n >= 0 && n <= MIN_EVENTS_MAX))
		return decode_problem(
		        d, "must be a number of events and their KPI: \"100 requests\", or 0");
	if (n > 0 && kpi.n == 0)
		return decode_problem(d,
		                      "must name the KPI that counts the events: \"%.*s requests\"",
		                      (int)count.n, count.p);
	*out_n = n;
	*out_kpi = n > 0 ? str_dup(kpi) : NULL;
	return !(n > 0) || *out_kpi || no_memory(d);
}

json_t *events_encode(double n, const char *kpi)
{
	char text[UNITS_TEXT_MAX];

	number_format(n, text);
	return kpi ? json_sprintf("%s %s", text, kpi) : json_string(text);
}

static bool min_events_decode(json_t *value, void *member, struct decode *d)
{
	struct gate *gate = member;

	return events_decode(value, &gate->min_events, &gate->min_events_kpi, d);
}

static json_t *min_events_encode(const void *member)
{
	const struct gate *gate = member;

	return events_encode(gate->min_events, gate->min_events_kpi);
}

static bool min_events_copy(const void *from, void *to)
{
	const struct gate *old = from;
	struct gate *gate = to;

	gate->min_events = old->min_events;
	gate->min_events_kpi = text_dup(old->min_events_kpi);
	return gate->min_events_kpi || !old->min_events_kpi;
}

static void min_events_free(void *member)
{
	struct gate *gate = member;

	free(gate->min_events_kpi);
	gate->min_events_kpi = NULL;
}

/* clang-format off */
static const struct field in_stages_field = {
	.key = "in", .kind = FIELD_TEXT_LIST, .min = 1, .max = 64, .offset = offsetof(struct gate, in_stages),
	.count_offset = offsetof(struct gate, nin_stages)
};
/* clang-format on */

static bool in_decode(json_t *value, void *member, struct decode *d)
{
	struct gate *gate = member;
	struct str text = {.p = json_string_value(value), .n = json_string_length(value)};

	if (text.p && str_eq_text(text, "all")) {
		gate->in = GATE_IN_ALL;
		return true;
	}
	if (text.p && str_eq_text(text, "default")) {
		gate->in = GATE_IN_DEFAULT;
		return true;
	}
	if (!text.p && !json_is_array(value))
		return decode_problem(d, "must be \"all\" or a list of stages: [canary, half]");
	gate->in = GATE_IN_STAGES;
	return field_decode_one(&in_stages_field, value, gate, d);
}

static json_t *in_encode(const void *member)
{
	const struct gate *gate = member;
	json_t *list = NULL;

	if (gate->in != GATE_IN_STAGES)
		return json_string(gate->in == GATE_IN_ALL ? "all" : "default");
	list = json_array();
	for (size_t i = 0; list && i < gate->nin_stages; i++) {
		if (json_array_append_new(list, json_string(gate->in_stages[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool in_copy(const void *from, void *to)
{
	const struct gate *old = from;
	struct gate *gate = to;

	gate->in = old->in;
	gate->in_stages = calloc(old->nin_stages ? old->nin_stages : 1, sizeof(*gate->in_stages));
	if (!gate->in_stages)
		return false;
	while (gate->nin_stages < old->nin_stages) {
		size_t i = gate->nin_stages++;

		gate->in_stages[i] = text_dup(old->in_stages[i]);
		if (!gate->in_stages[i])
			return false;
	}
	return true;
}

static void in_free(void *member)
{
	struct gate *gate = member;

	for (size_t i = 0; i < gate->nin_stages; i++)
		free(gate->in_stages[i]);
	free(gate->in_stages);
	gate->in_stages = NULL;
	gate->nin_stages = 0;
}

static bool gate_check(const void *decoded, struct decode *d)
{
	const struct gate *gate = decoded;
	size_t mark = 0;

	if (gate->after_max_hold == RUNG_ASK || gate->after_max_hold == RUNG_ROLLBACK)
		return true;
	mark = decode_push(d, "after_max_hold");
	decode_problem(d, "must be ask or rollback");
	decode_pop(d, mark);
	return false;
}

static const struct field_custom kind_custom = {kind_decode, kind_encode, kind_copy, kind_free};
static const struct field_custom min_events_custom = {min_events_decode, min_events_encode,
                                                      min_events_copy, min_events_free};
static const struct field_custom in_custom = {in_decode, in_encode, in_copy, in_free};

/* Custom rows see the whole gate (offset 0). The kind comes first: the rungs take their defaults
 * from it. */
/* clang-format off */
static const struct field gate_fields[] = {
	{ .key = KIND_KEY, .kind = FIELD_CUSTOM, .custom = &kind_custom,
	  .doc = "The first key is the gate's kind and names what it watches, with the keys of that kind beside it; "
	         "each kind has a table below." },
	{ .key = "rungs", .kind = FIELD_CUSTOM, .custom = &rungs_custom, .table = &rung_table,
	  .doc = "A list of 1 to 4 rungs; a single one may be written flat, its keys in the gate itself." },
	{ .key = "min_events", .kind = FIELD_CUSTOM, .custom = &min_events_custom, .fallback = "0",
	  .doc = "Fewer events than this prove nothing: a number and a KPI of unit events (`100 requests`), or `0`; "
	         "must be written on gates of ratios and quantiles." },
	{ .key = "quorum", .kind = FIELD_RATIO, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate, quorum),
	  .min = 0.01, .max = 1,
	  .doc = "Share of targets that must give fresh samples, when more than the source asks for." },
	{ .key = "in", .kind = FIELD_CUSTOM, .custom = &in_custom, .fallback = "default",
	  .doc = "Where the gate counts: `all` stages, a list of stage names, or `default`, the rollout and verify "
	         "stages." },
	{ .key = "vote_every", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct gate, vote_every_ms), .min = 1000, .max = 86400000,
	  .doc = "How far votes lie apart; left out, the longest range of what the gate watches." },
	{ .key = "max_hold", .kind = FIELD_DURATION, .offset = offsetof(struct gate, max_hold_ms), .min = 1000,
	  .max = 30.0 * 86400000, .fallback = "1h",
	  .doc = "After so long without evidence people are called, or `after_max_hold` says otherwise." },
	{ .key = "after_max_hold", .kind = FIELD_ENUM, .offset = offsetof(struct gate, after_max_hold),
	  .names = rung_then_names, .fallback = "ask",
	  .doc = "What too long a time without evidence leads to: `ask` (people are called) or `rollback`." },
	{ .key = "optional", .kind = FIELD_BOOL, .offset = offsetof(struct gate, optional), .fallback = "false",
	  .doc = "What the gate watches may be missing without blocking; a breach still counts." },
	{ .key = "shadow", .kind = FIELD_BOOL, .offset = offsetof(struct gate, shadow), .fallback = "false",
	  .doc = "Evaluated and shown, never counted: for trying a gate out." },
	{ .key = "waivable_by", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT, .max = 16,
	  .offset = offsetof(struct gate, waivable_by), .count_offset = offsetof(struct gate, nwaivable_by),
	  .doc = "Roles whose holders may waive the gate in one stage of one release; nobody when left out." },
};
const struct field_table gate_table = {
	.noun = "gate", .fields = gate_fields, .n = ARRAY_LEN(gate_fields), .size = sizeof(struct gate),
	.normalise = gate_normalise, .check = gate_check
};
/* clang-format on */
