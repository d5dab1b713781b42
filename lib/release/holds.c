/*
 * holds - reasons not to advance: who puts them there, who may clear them, when they end (rules A2,
 * E4, E5, H2 to H4).
 */
#include "release/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "policy/cause.h"

size_t holds_in_force(const struct release *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nholds; i++)
		n += !r->holds[i].acknowledged;
	return n;
}

size_t holds_of_pause(const struct release *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nholds; i++)
		n += r->holds[i].pauses;
	return n;
}

bool hold_keeps_from_entering(const struct release *r, const struct hold *h)
{
	return r->state == RELEASE_PAUSED && r->paused_step == STEP_ENTERING && h->pauses &&
	       holds_of_pause(r) == 1;
}

static void name_write(char out[HOLD_NAME_BYTES], const char *prefix, const char *name)
{
	(void)snprintf(out, HOLD_NAME_BYTES, "%s%s", prefix, name ? name : "");
}

const struct hold *hold_of(const struct release *r, const char *prefix, const char *name)
{
	char key[HOLD_NAME_BYTES];

	name_write(key, prefix, name);
	return release_hold(r, key);
}

const char *actor_person(const struct actor *by)
{
	return by->person ? by->person : by->subject ? by->subject : "unknown";
}

/* What each event that adds a hold puts there. */
struct hold_rule {
	enum release_event event;
	enum hold_source source;
	bool pauses;
	const char *prefix;
};
/* clang-format off */
static const struct hold_rule hold_rules[] = {
	{ EVENT_PAUSE,          HOLD_PERSON,   true,  "person:" },
	{ EVENT_PAUSE_AGAIN,    HOLD_PERSON,   true,  "person:" },
	{ EVENT_REJECT,         HOLD_REJECTED, true,  "rejected:" },
	{ EVENT_RUNG_PAUSE,     HOLD_GATE,     true,  "" },
	{ EVENT_RUNG_ASK,       HOLD_ASK,      false, "ask:" },
	{ EVENT_RUNG_BLOCKED,   HOLD_ASK,      false, "ask:" },
	{ EVENT_NO_EVIDENCE,    HOLD_EVIDENCE, false, CAUSE_EVIDENCE },
	{ EVENT_ACTION_REFUSED, HOLD_ACTION,   false, "action:" },
	{ EVENT_DRIFT,          HOLD_DRIFT,    false, "drift:" },
	{ EVENT_INCIDENT_PAUSE, HOLD_INCIDENT, true,  "incident:" },
	{ EVENT_INCIDENT_CALL,  HOLD_INCIDENT, true,  "incident:" },
	{ EVENT_INCIDENT_CALL_FULL, HOLD_INCIDENT, true, "incident:" },
};
/* clang-format on */

static const struct hold_rule *rule_of(enum release_event event)
{
	for (size_t i = 0; i < ARRAY_LEN(hold_rules); i++) {
		if (hold_rules[i].event == event)
			return &hold_rules[i];
	}
	return NULL;
}

/* What the hold is named after, and with it who owns it. */
static const char *operand_of(const struct event *e, enum hold_source source)
{
	switch (source) {
	case HOLD_PERSON:
		return actor_person(&e->by);
	case HOLD_REJECTED:
		return e->role;
	case HOLD_GATE:
	case HOLD_ASK:
		return e->gate;
	case HOLD_ACTION:
	case HOLD_DRIFT:
	case HOLD_INCIDENT:
		return e->hold;
	case HOLD_EVIDENCE:
	case HOLD_REENTRY:
	case HOLD_SOURCE_COUNT:
		break;
	}
	return "";
}

static const char *owner_of(const struct event *e, enum hold_source source)
{
	if (source == HOLD_PERSON || source == HOLD_REJECTED)
		return operand_of(e, source);
	return "headgate";
}

static void hold_fini(struct hold *h)
{
	free(h->name);
	free(h->reason);
	free(h->owner);
	*h = (struct hold){0};
}

static void drop_at(struct release *next, size_t i)
{
	hold_fini(&next->holds[i]);
	memmove(&next->holds[i], &next->holds[i + 1],
	        (next->nholds - i - 1) * sizeof(next->holds[0]));
	next->nholds--;
}

void hold_drop(struct release *next, const char *prefix, const char *name)
{
	char key[HOLD_NAME_BYTES];

	name_write(key, prefix, name);
	for (size_t i = next->nholds; i-- > 0;) {
		if (strcmp(next->holds[i].name, key) == 0)
			drop_at(next, i);
	}
}

void hold_drop_all(struct release *next)
{
	while (next->nholds > 0)
		drop_at(next, next->nholds - 1);
}

bool hold_named(const struct event *e, char out[HOLD_NAME_BYTES])
{
	const struct hold_rule *rule = rule_of(e->kind);

	if (rule)
		name_write(out, rule->prefix, operand_of(e, rule->source));
	return rule != NULL;
}

bool hold_add(struct release *next, const struct question *q, struct outcome *out)
{
	const struct hold_rule *rule = rule_of(q->e.kind);
	char key[HOLD_NAME_BYTES];
	struct hold *grown = NULL;
	struct hold *h = NULL;

	if (!rule)
		return true;
	(void)hold_named(&q->e, key);
	hold_drop(next, key, "");
	grown = realloc(next->holds, (next->nholds + 1) * sizeof(*grown));
	if (!grown)
		return refuse_nomem(out);
	next->holds = grown;
	h = &grown[next->nholds++];
	*h = (struct hold){.name = text_dup(key),
	                   .source = rule->source,
	                   .pauses = rule->pauses,
	                   .reason = text_dup(q->e.reason),
	                   .owner = text_dup(owner_of(&q->e, rule->source)),
	                   .since = q->f->now,
	                   .expires =
	                           rule->source == HOLD_PERSON ? q->e.expires : (struct wall){0}};
	if (rule->source == HOLD_GATE)
		next->paused_by_gate = true;
	if (!h->name || !h->owner || (q->e.reason && !h->reason))
		return refuse_nomem(out);
	return true;
}

/* Which holds each event ends. A rejection is ended by record_consent() alone. */
enum clears { CLEARS_PAUSES = 0, CLEARS_NAMED, CLEARS_EVIDENCE, CLEARS_ACTIONS };
/* clang-format off */
static const struct {
	enum release_event event;
	enum clears clears;
} clear_rules[] = {
	{ EVENT_RESUME,                     CLEARS_PAUSES },
	{ EVENT_RESUME_PARTLY,              CLEARS_PAUSES },
	{ EVENT_RESUME_ENTERING,            CLEARS_PAUSES },
	{ EVENT_HOLD_EXPIRED,               CLEARS_NAMED },
	{ EVENT_LAST_HOLD_EXPIRED,          CLEARS_NAMED },
	{ EVENT_LAST_HOLD_EXPIRED_ENTERING, CLEARS_NAMED },
	{ EVENT_ASK_OVER,                   CLEARS_NAMED },
	{ EVENT_DRIFT_OVER,                 CLEARS_NAMED },
	{ EVENT_EVIDENCE_BACK,              CLEARS_EVIDENCE },
	{ EVENT_RETRY,                      CLEARS_ACTIONS },
};
/* clang-format on */

static bool is_meant(const struct hold *h, enum clears clears, const char *name)
{
	switch (clears) {
	case CLEARS_PAUSES:
		return h->pauses && h->source != HOLD_REJECTED;
	case CLEARS_NAMED:
		return name && strcmp(h->name, name) == 0;
	case CLEARS_EVIDENCE:
		return h->source == HOLD_EVIDENCE;
	case CLEARS_ACTIONS:
		return h->source == HOLD_ACTION;
	}
	return false;
}

static bool is_cleared(const struct hold *h, const struct event *e)
{
	for (size_t i = 0; i < ARRAY_LEN(clear_rules); i++) {
		if (clear_rules[i].event == e->kind)
			return is_meant(h, clear_rules[i].clears, e->hold);
	}
	return false;
}

void hold_clear(struct release *next, const struct question *q)
{
	bool by_gate = false;

	for (size_t i = next->nholds; i-- > 0;) {
		if (is_cleared(&next->holds[i], &q->e))
			drop_at(next, i);
	}
	for (size_t i = 0; i < next->nholds; i++)
		by_gate |= next->holds[i].source == HOLD_GATE;
	next->paused_by_gate = by_gate;
}

/* Whether the gate's newest result was a breach; a waived gate does not matter any more. */
bool gate_breaches(const struct question *q, const char *gate)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);
	const struct evaluation *e = advance_evaluation(q);
	size_t index = 0;

	if (!policy_gate(q->p, gate, &index) ||
	    (stage && release_is_waived(q->r, gate, stage->stage)))
		return false;
	if (e && index < e->ngates)
		return e->gates[index].result == GATE_BREACH || e->gates[index].rung >= 0;
	if (!q->c || index >= q->c->ngates)
		return false;
	for (size_t i = 0; i < GATE_MAX_RUNGS; i++) {
		if (q->c->gates[index].rungs[i].breached)
			return true;
	}
	return false;
}
