/* How the memory of a gate's rungs is kept in a checkpoint (rule E3). */
#include "gate/gate.h"

#include <math.h>
#include <string.h>

#include "base/macros.h"

/* A struct rung_state in the types that tables can read. */
struct wire {
	int64_t votes, nvotes, breach_ms, told;
	struct wall last_vote, last_result;
	bool breached;
};

/* clang-format off */
static const struct field wire_fields[] = {
	{ .key = "votes", .kind = FIELD_INT, .offset = offsetof(struct wire, votes), .max = UINT32_MAX, .fallback = "0",
	  .doc = "The last votes as bits, the newest in bit 0; 1 is a breach." },
	{ .key = "nvotes", .kind = FIELD_INT, .offset = offsetof(struct wire, nvotes), .max = GATE_MAX_VOTES,
	  .fallback = "0",
	  .doc = "How many votes there are." },
	{ .key = "last_vote", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct wire, last_vote),
	  .doc = "When the newest vote was given." },
	{ .key = "last_result", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct wire, last_result),
	  .doc = "When the newest pass or breach was seen that might have voted." },
	{ .key = "breach", .kind = FIELD_DURATION, .offset = offsetof(struct wire, breach_ms), .fallback = "0s",
	  .doc = "How long the breach has been observed without a break." },
	{ .key = "breached", .kind = FIELD_BOOL, .offset = offsetof(struct wire, breached), .fallback = "false",
	  .doc = "Whether that one was a breach of this rung." },
	{ .key = "told", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct wire, told),
	  .doc = "The report that the newest vote was about." },
};
static const struct field_table wire_table = {
	.noun = "rung state", .fields = wire_fields, .n = ARRAY_LEN(wire_fields), .size = sizeof(struct wire)
};
/* clang-format on */

static bool rungs_decode(json_t *value, void *member, struct decode *d)
{
	struct rung_state *rungs = member;
	size_t n = json_array_size(value);
	bool ok = true;

	if (!json_is_array(value) || n > GATE_MAX_RUNGS)
		return decode_problem(d, "must be a list of at most %d rung states",
		                      GATE_MAX_RUNGS);
	for (size_t i = 0; i < n; i++) {
		size_t mark = decode_push_index(d, i);
		struct wire wire;

		ok = field_decode(&wire_table, json_array_get(value, i), &wire, d) && ok;
		decode_pop(d, mark);
		rungs[i] = (struct rung_state){.votes = (uint32_t)wire.votes,
		                               .nvotes = (unsigned)wire.nvotes,
		                               .last_vote = wire.last_vote,
		                               .last_result = wire.last_result,
		                               .breach_ms = wire.breach_ms,
		                               .breached = wire.breached,
		                               .told = wire.told};
	}
	return ok;
}

static bool is_blank(const struct rung_state *state)
{
	return state->nvotes == 0 && state->breach_ms == 0 && !state->breached &&
	       state->last_vote.ms == 0 && state->last_result.ms == 0;
}

static json_t *rungs_encode(const void *member)
{
	const struct rung_state *rungs = member;
	json_t *list = json_array();
	size_t n = GATE_MAX_RUNGS;

	while (n > 0 && is_blank(&rungs[n - 1]))
		n--;
	for (size_t i = 0; list && i < n; i++) {
		struct wire wire = {.votes = rungs[i].votes,
		                    .nvotes = rungs[i].nvotes,
		                    .last_vote = rungs[i].last_vote,
		                    .last_result = rungs[i].last_result,
		                    .breach_ms = rungs[i].breach_ms,
		                    .breached = rungs[i].breached,
		                    .told = rungs[i].told};

		if (json_array_append_new(list, field_encode(&wire_table, &wire)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static bool rungs_copy(const void *from, void *to)
{
	memcpy(to, from, GATE_MAX_RUNGS * sizeof(struct rung_state));
	return true;
}

static const struct field_custom rungs_custom = {rungs_decode, rungs_encode, rungs_copy, NULL};

/* --- measurements -------------------------------------------------------------------------- */

/* [at in ms, value, events, against]; null is NaN. Many are kept, so without keys. */
static json_t *number_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *past_encode(const void *member)
{
	const struct measurements *past = member;
	json_t *list = past->n > 0 ? json_array() : NULL;

	for (size_t i = 0; list && i < past->n; i++) {
		const struct measurement *m = &past->list[i];
		json_t *one =
		        json_pack("[I, o, o, o]", (json_int_t)m->at.ms, number_or_null(m->value),
		                  number_or_null(m->events), number_or_null(m->against));

		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list ? json_pack("{s:I, s:i, s:I, s:o}", "merged", (json_int_t)past->merged, "era",
	                        past->era, "told", (json_int_t)past->told, "list", list)
	            : NULL;
}

static bool measurement_decode(const json_t *value, struct measurement *out)
{
	const json_t *at = json_array_get(value, 0), *is = json_array_get(value, 1);
	const json_t *events = json_array_get(value, 2), *against = json_array_get(value, 3);

	if (!json_is_integer(at) || !json_is_number(is) || !isfinite(json_number_value(is)))
		return false;
	*out = (struct measurement){
	        .at = {json_integer_value(at)},
	        .value = json_number_value(is),
	        .events = json_is_number(events) ? json_number_value(events) : (double)NAN,
	        .against = json_is_number(against) ? json_number_value(against) : (double)NAN};
	return true;
}

static bool past_decode(json_t *value, void *member, struct decode *d)
{
	struct measurements *past = member;
	const json_t *list = json_object_get(value, "list");

	if (!json_is_array(list) || json_array_size(list) > MEASUREMENTS_MAX)
		return decode_problem(d, "must have a list of at most %d measurements",
		                      MEASUREMENTS_MAX);
	past->merged = json_integer_value(json_object_get(value, "merged"));
	past->told = json_integer_value(json_object_get(value, "told"));
	past->era = (int)json_integer_value(json_object_get(value, "era"));
	if (past->merged < 0)
		return decode_problem(d, "merged must not be negative");
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct measurement *one = &past->list[past->n];

		if (!measurement_decode(json_array_get(list, i), one) ||
		    (i > 0 && one->at.ms <= one[-1].at.ms))
			return decode_problem(d, "measurement %zu is none", i);
		past->n++;
	}
	return true;
}

static bool past_copy(const void *from, void *to)
{
	memcpy(to, from, sizeof(struct measurements));
	return true;
}

const struct field_custom measurements_custom = {past_decode, past_encode, past_copy, NULL};

/* clang-format off */
static const struct field baseline_fields[] = {
	{ .key = "fixed", .kind = FIELD_BOOL, .offset = offsetof(struct gate_baseline, fixed), .fallback = "false",
	  .doc = "Whether the exposure began: it stays as it is." },
	{ .key = "value", .kind = FIELD_NUMBER, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_baseline, value),
	  .doc = "The mean of its measurements." },
	{ .key = "events", .kind = FIELD_NUMBER, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_baseline, events),
	  .doc = "Behind all of them." },
	{ .key = "n", .kind = FIELD_INT, .offset = offsetof(struct gate_baseline, n), .max = MEASUREMENTS_MAX, .fallback = "0",
	  .doc = "How many measurements; 0 when there is no baseline." },
	{ .key = "from", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_baseline, from),
	  .doc = "Where the window of the first one begins." },
	{ .key = "to", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_baseline, to),
	  .doc = "When the last one was taken." },
	{ .key = "since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_baseline, since),
	  .doc = "Since when measurements come, while it is captured." },
};
static const struct field_table baseline_table = {
	.noun = "baseline", .fields = baseline_fields, .n = ARRAY_LEN(baseline_fields),
	.size = sizeof(struct gate_baseline)
};

static const struct field quiet_fields[] = {
	{ .key = "for", .kind = FIELD_DURATION, .offset = offsetof(struct gate_quiet, quiet_ms), .fallback = "0s",
	  .doc = "How long no incident was observed." },
	{ .key = "seen", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_quiet, seen),
	  .doc = "The newest look." },
	{ .key = "newest", .kind = FIELD_INT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_quiet, newest),
	  .doc = "Number of the newest incident there was." },
	{ .key = "exposed", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct gate_quiet, exposed),
	  .doc = "Since when the release is exposed at all." },
};
static const struct field_table quiet_table = {
	.noun = "quiet time", .fields = quiet_fields, .n = ARRAY_LEN(quiet_fields), .size = sizeof(struct gate_quiet)
};

static const struct field state_fields[] = {
	{ .key = "rungs", .kind = FIELD_CUSTOM, .custom = &rungs_custom, .table = &wire_table,
	  .offset = offsetof(struct gate_state, rungs),
	  .doc = "One state per rung, in the order of the ladder; those after the last are blank." },
	{ .key = "past", .kind = FIELD_CUSTOM, .custom = &measurements_custom, .offset = offsetof(struct gate_state, past),
	  .doc = "What was measured so far, by gates that look at several measurements." },
	{ .key = "baseline", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, .table = &baseline_table,
	  .offset = offsetof(struct gate_state, baseline),
	  .doc = "What the KPI was before the exposure." },
	{ .key = "quiet", .kind = FIELD_STRUCT, .flags = FIELD_OMIT_ABSENT, .table = &quiet_table,
	  .offset = offsetof(struct gate_state, quiet),
	  .doc = "How long no incident was reported, by gates that wait for that." },
	{ .key = "silent_since", .kind = FIELD_INSTANT, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct gate_state, silent_since),
	  .doc = "Since when the gate, where it counts, gives neither pass nor breach." },
};
const struct field_table gate_state_table = {
	.noun = "gate state", .fields = state_fields, .n = ARRAY_LEN(state_fields), .size = sizeof(struct gate_state)
};
/* clang-format on */
