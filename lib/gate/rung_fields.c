/* How a rung is written down: {above: 1%, for: 3 of 3, then: pause}. Limits stay text here: their
 * unit is that of a KPI, which only the whole policy knows. */
#include "gate/rung_fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"
#include "gate/gate.h"

#define OPTION_MAX_BYTES 64

const char *const rung_then_names[RUNG_THEN_COUNT + 1] = {"note", "ask", "pause", "rollback", NULL};

bool rung_scalar_text(const json_t *value, char *out, size_t size)
{
	struct str text = {.p = json_string_value(value), .n = json_string_length(value)};
	char number[UNITS_TEXT_MAX];

	if (json_is_number(value)) {
		number_format(json_number_value(value), number);
		text = str_of(number);
	}
	text = str_trim(text);
	if (!text.p || text.n == 0 || text.n >= size || memchr(text.p, '\0', text.n))
		return false;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return true;
}

static bool no_memory(struct decode *d)
{
	return decode_problem(d, "no memory to read this");
}

static bool limit_decode(json_t *value, struct gate_rung *rung, enum rung_compare compare,
                         struct decode *d)
{
	char text[UNITS_TEXT_MAX];

	if (rung->limit_text)
		return decode_problem(d, "above and below exclude each other: write two rungs");
	if (!rung_scalar_text(value, text, sizeof(text)))
		return decode_problem(d, "must be a limit such as 1%%, 500ms or 1000");
	rung->compare = compare;
	rung->limit_text = text_dup(text);
	return rung->limit_text || no_memory(d);
}

static bool above_decode(json_t *value, void *member, struct decode *d)
{
	return limit_decode(value, member, RUNG_ABOVE, d);
}

static bool below_decode(json_t *value, void *member, struct decode *d)
{
	return limit_decode(value, member, RUNG_BELOW, d);
}

static json_t *above_encode(const void *member)
{
	const struct gate_rung *rung = member;

	return rung->compare == RUNG_ABOVE && rung->limit_text ? json_string(rung->limit_text)
	                                                       : NULL;
}

static json_t *below_encode(const void *member)
{
	const struct gate_rung *rung = member;

	return rung->compare == RUNG_BELOW && rung->limit_text ? json_string(rung->limit_text)
	                                                       : NULL;
}

static bool limit_copy(const void *from, void *to)
{
	const struct gate_rung *old = from;
	struct gate_rung *rung = to;

	rung->compare = old->compare;
	rung->limit = old->limit;
	rung->of_baseline = old->of_baseline;
	rung->relative = old->relative;
	rung->absolute = old->absolute;
	rung->limit_text = text_dup(old->limit_text);
	return rung->limit_text || !old->limit_text;
}

static void limit_free(void *member)
{
	struct gate_rung *rung = member;

	free(rung->limit_text);
	rung->limit_text = NULL;
}

/* "3 of 3"; false when the text has another shape. */
static bool votes_parse(const char *text, int64_t *needed, int64_t *of)
{
	const char *middle = strstr(text, " of ");
	struct err err;

	return middle &&
	       int_parse(str_trim((struct str){.p = text, .n = (size_t)(middle - text)}), needed,
	                 &err) &&
	       int_parse(str_trim(str_of(middle + 4)), of, &err);
}

static bool for_decode(json_t *value, void *member, struct decode *d)
{
	struct gate_rung *rung = member;
	char text[UNITS_TEXT_MAX];
	int64_t needed = 0, of = 0;
	struct err err;

	if (!rung_scalar_text(value, text, sizeof(text)))
		return decode_problem(d,
		                      "must be votes such as \"3 of 3\" or a duration such as 10m");
	if (votes_parse(text, &needed, &of)) {
		if (needed < 1 || needed > of || of > GATE_MAX_VOTES)
			return decode_problem(
			        d, "must be N of M votes with N from 1 to M and M at most %d",
			        GATE_MAX_VOTES);
		rung->votes_needed = (unsigned)needed;
		rung->votes_of = (unsigned)of;
		return true;
	}
	if (!duration_parse(str_of(text), &rung->for_ms, &err))
		return decode_problem(
		        d, "must be votes such as \"3 of 3\" or a duration such as 10m, not \"%s\"",
		        text);
	return rung->for_ms > 0 ||
	       decode_problem(d, "a duration of 0 waits for nothing: write \"1 of 1\"");
}

static json_t *for_encode(const void *member)
{
	const struct gate_rung *rung = member;
	char text[UNITS_TEXT_MAX];

	if (rung->votes_of > 0)
		return json_sprintf("%u of %u", rung->votes_needed, rung->votes_of);
	if (rung->for_ms == 0)
		return NULL;
	duration_format(rung->for_ms, text);
	return json_string(text);
}

static bool for_copy(const void *from, void *to)
{
	const struct gate_rung *old = from;
	struct gate_rung *rung = to;

	rung->votes_needed = old->votes_needed;
	rung->votes_of = old->votes_of;
	rung->for_ms = old->for_ms;
	return true;
}

static bool then_is(struct str word, enum rung_then *out)
{
	for (int i = 0; i < RUNG_THEN_COUNT; i++) {
		if (str_eq_text(word, rung_then_names[i])) {
			*out = (enum rung_then)i;
			return true;
		}
	}
	return false;
}

static bool then_decode(json_t *value, void *member, struct decode *d)
{
	struct gate_rung *rung = member;
	struct str text = {.p = json_string_value(value), .n = json_string_length(value)};
	struct str word = str_trim(text);
	const char *space = word.n ? memchr(word.p, ' ', word.n) : NULL;
	struct str option = {0};

	if (space) {
		option = str_trim(str_slice(word, (size_t)(space - word.p), word.n));
		word.n = (size_t)(space - word.p);
	}
	if (!text.p || !then_is(word, &rung->then))
		return decode_problem(d,
		                      "must be note, ask, pause, rollback or \"rollback OPTION\"");
	if (option.n == 0)
		return true;
	if (rung->then != RUNG_ROLLBACK)
		return decode_problem(d, "only rollback takes an option: write \"then: %s\"",
		                      rung_then_names[rung->then]);
	if (option.n > OPTION_MAX_BYTES || memchr(option.p, ' ', option.n) ||
	    memchr(option.p, '\0', option.n))
		return decode_problem(d, "names one rollback option: \"rollback kill_switch\"");
	rung->option = str_dup(option);
	return rung->option || no_memory(d);
}

static json_t *then_encode(const void *member)
{
	const struct gate_rung *rung = member;

	if (!rung->option)
		return json_string(rung_then_names[rung->then]);
	return json_sprintf("%s %s", rung_then_names[rung->then], rung->option);
}

static bool then_copy(const void *from, void *to)
{
	const struct gate_rung *old = from;
	struct gate_rung *rung = to;

	rung->then = old->then;
	rung->option = text_dup(old->option);
	return rung->option || !old->option;
}

static void then_free(void *member)
{
	struct gate_rung *rung = member;

	free(rung->option);
	rung->option = NULL;
}

/* `above` owns the limit for both. */
static const struct field_custom above_custom = {above_decode, above_encode, limit_copy,
                                                 limit_free};
static const struct field_custom below_custom = {below_decode, below_encode, NULL, NULL};
static const struct field_custom for_custom = {for_decode, for_encode, for_copy, NULL};
static const struct field_custom then_custom = {then_decode, then_encode, then_copy, then_free};

/* Every row sees the whole rung (offset 0): each reads one key into several members. */
/* clang-format off */
static const struct field rung_fields[] = {
	{ .key = "above", .kind = FIELD_CUSTOM, .custom = &above_custom,
	  .doc = "Breached while the value lies above this limit, written in the unit of the KPI; or `below`." },
	{ .key = "below", .kind = FIELD_CUSTOM, .custom = &below_custom,
	  .doc = "Breached while the value lies below this limit, written in the unit of the KPI; or `above`." },
	{ .key = "for", .kind = FIELD_CUSTOM, .custom = &for_custom,
	  .doc = "How long a breach must last before the rung fires: votes (`3 of 3`) or a duration (`10m`); "
	         "required on KPIs, elsewhere `1 of 1`." },
	{ .key = "then", .kind = FIELD_CUSTOM, .flags = FIELD_REQUIRED, .custom = &then_custom,
	  .doc = "What a fired rung asks for: `note`, `ask`, `pause`, `rollback` or `rollback OPTION`." },
};
const struct field_table rung_table = {
	.noun = "rung", .fields = rung_fields, .n = ARRAY_LEN(rung_fields), .size = sizeof(struct gate_rung)
};
/* clang-format on */

/* What the kind says where the rung says nothing (rule E1). */
static bool rung_complete(struct gate_rung *rung, const struct gate_kind *kind, struct decode *d)
{
	if (!rung->limit_text && !kind->implicit_rung)
		return decode_problem(d, "needs a limit: above or below");
	if (!rung->limit_text)
		rung->limit_text = text_dup("0");
	if (!rung->limit_text)
		return no_memory(d);
	if (rung->votes_of > 0 || rung->for_ms > 0)
		return true;
	if (kind->default_votes == 0)
		return decode_problem(d,
		                      "needs \"for\", for example \"for: 3 of 3\" or \"for: 10m\"");
	rung->votes_needed = kind->default_votes;
	rung->votes_of = kind->default_votes;
	return true;
}

static bool rung_decode(json_t *value, struct gate *gate, struct decode *d)
{
	struct gate_rung *rung = &gate->rungs[gate->nrungs++];

	if (!json_is_object(value))
		return decode_problem(
		        d, "must be a rung such as {above: 1%%, for: 3 of 3, then: pause}");
	if (!field_decode(&rung_table, value, rung, d))
		return false;
	return !gate->kind || rung_complete(rung, gate->kind, d);
}

/* A flat rung's keys stand in the gate itself, so that is where its problems are. */
static bool flat_decode(json_t *value, struct gate *gate, struct decode *d)
{
	size_t end = d->pointer.n;
	bool ok = false;

	while (end > 0 && d->pointer.bytes[end - 1] != '/')
		end--;
	decode_pop(d, end > 0 ? end - 1 : 0);
	ok = rung_decode(value, gate, d);
	(void)decode_push(d, "rungs");
	return ok;
}

static bool rungs_decode(json_t *value, void *member, struct decode *d)
{
	struct gate *gate = member;
	size_t n = json_array_size(value);
	bool ok = true;

	if (n > GATE_MAX_RUNGS)
		return decode_problem(d, "has %zu rungs, at most %d are allowed", n,
		                      GATE_MAX_RUNGS);
	gate->rungs = calloc(n ? n : 1, sizeof(*gate->rungs));
	if (!gate->rungs)
		return no_memory(d);
	if (json_is_object(value))
		return flat_decode(value, gate, d);
	for (size_t i = 0; i < n; i++) {
		size_t mark = decode_push_index(d, i);

		ok = rung_decode(json_array_get(value, i), gate, d) && ok;
		decode_pop(d, mark);
	}
	return ok;
}

static json_t *rungs_encode(const void *member)
{
	const struct gate *gate = member;
	json_t *list = json_array();

	for (size_t i = 0; list && i < gate->nrungs; i++) {
		if (json_array_append_new(list, field_encode(&rung_table, &gate->rungs[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool rungs_copy(const void *from, void *to)
{
	const struct gate *old = from;
	struct gate *gate = to;

	gate->rungs = calloc(old->nrungs ? old->nrungs : 1, sizeof(*gate->rungs));
	if (!gate->rungs)
		return false;
	while (gate->nrungs < old->nrungs) {
		size_t i = gate->nrungs++;

		if (!field_copy(&rung_table, &old->rungs[i], &gate->rungs[i]))
			return false;
	}
	return true;
}

static void rungs_free(void *member)
{
	struct gate *gate = member;

	for (size_t i = 0; i < gate->nrungs; i++)
		field_free(&rung_table, &gate->rungs[i]);
	free(gate->rungs);
	gate->rungs = NULL;
	gate->nrungs = 0;
}

const struct field_custom rungs_custom = {rungs_decode, rungs_encode, rungs_copy, rungs_free};
