/*
 * release_text - what the JSON view says, in the order in which a person asks.
 */
#include "api/release_text.h"

#include <string.h>
#include <strings.h>

#include "base/units.h"

bool release_text_is_wanted(const struct request *r)
{
	static const char type[] = "text/plain";
	const char *accept = request_header(r, "Accept");

	return accept != NULL && strncasecmp(accept, type, sizeof(type) - 1) == 0;
}

static void add_place(const struct tracked *t, struct buf *out)
{
	const struct release *r = t->release;
	const struct policy_stage *stage = t->bound == NULL ? NULL : release_stage(r, t->bound);

	buf_printf(out, "%s %s in %s is %s", r->service, r->version, r->environment,
	           release_state_names[r->state]);
	if (r->step != STEP_NONE)
		buf_printf(out, "/%s", stage_step_names[r->step]);
	if (stage != NULL && !release_is_ended(r->state) && r->state != RELEASE_PLANNED) {
		buf_printf(out, " in %s", stage->stage);
		if (stage->weight >= 0)
			buf_printf(out, " (weight %lld)", (long long)stage->weight);
		if (stage->audience != NULL)
			buf_printf(out, ", %s", stage->audience);
	}
	buf_printf(out, "; release %lld, policy %s\n", (long long)r->id, r->policy_name);
}

static void add_until(struct buf *out, struct wall until)
{
	char at[UNITS_TEXT_MAX];

	if (until.ms == 0)
		return;
	instant_format(until, at);
	buf_printf(out, " (until %s)", at);
}

static void add_waiting(const struct tracked *t, const struct release_facts *facts, struct buf *out)
{
	struct waiting list[RELEASE_WAITING_MAX];
	size_t n = 0;

	if (t->trouble != NULL) {
		buf_printf(out, "it waits: %s\n", t->trouble);
		return;
	}
	if (t->bound != NULL)
		n = release_waiting_for(t->release, t->checkpoint, t->bound, facts, list);
	if (n == 0)
		buf_add_text(out, "it waits for nothing\n");
	else
		buf_add_text(out, "it waits:\n");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "  - %s", list[i].sentence);
		add_until(out, list[i].until);
		buf_add_char(out, '\n');
	}
}

static void add_gates(const struct tracked *t, struct buf *out)
{
	const struct evaluation *e = t->evaluation;
	char at[UNITS_TEXT_MAX];

	if (e == NULL || t->bound == NULL || e->ngates != t->bound->ngates)
		return;
	instant_format(e->at, at);
	buf_printf(out, "gates at %s:\n", at);
	for (size_t i = 0; i < e->ngates; i++) {
		const struct gate_outcome *o = &e->gates[i];

		buf_printf(out, "  %-24s %-12s %s%s\n", t->bound->gates[i].name,
		           gate_result_names[o->result], o->sentence,
		           o->waived    ? " [waived]"
		           : !o->counts ? " [does not count here]"
		                        : "");
	}
}

static void add_legal(const struct tracked *t, const struct release_facts *facts, struct buf *out)
{
	unsigned legal =
	        t->bound == NULL ? 0 : release_legal(t->release, t->checkpoint, t->bound, facts);

	buf_add_text(out, "possible now:");
	for (int i = 0; i < EVENT_OPERATOR_COUNT; i++)
		if ((legal & (1u << i)) != 0)
			buf_printf(out, " %s", release_event_names[i]);
	buf_add_text(out, legal == 0 ? " nothing\n" : "\n");
}

void release_text(const struct engine *e, const struct tracked *t, struct buf *out)
{
	struct release_facts facts;

	engine_facts(e, t, &facts);
	add_place(t, out);
	add_waiting(t, &facts, out);
	add_gates(t, out);
	add_legal(t, &facts, out);
}
