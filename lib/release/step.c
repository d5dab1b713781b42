/*
 * step - the one door's decision: refine the event, find its row, do what the row says to a copy,
 * and write down why.
 */
#include "release/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"

#define TEXT_MAX_BYTES (RELEASE_MAX_REASON + 1024)

bool refuse(struct outcome *out, enum refusal_kind kind, const char *pointer, const char *fmt, ...)
{
	va_list args;

	out->refused = kind;
	out->pointer = pointer;
	va_start(args, fmt);
	text_vformat(out->text, sizeof(out->text), fmt, args);
	va_end(args);
	return false;
}

bool refuse_nomem(struct outcome *out)
{
	return refuse(out, REFUSED_NOMEM, NULL, "no memory to decide this now");
}

static void decision_fini(struct decision *d)
{
	for (size_t i = 0; i < d->ncalls; i++) {
		free(d->calls[i].cause);
		free(d->calls[i].role);
		free(d->calls[i].text);
	}
	free(d->calls);
	free(d->text);
	json_decref(d->detail);
	*d = (struct decision){0};
}

static void drop_result(struct outcome *o)
{
	release_free(&o->next);
	decision_fini(&o->decision);
	messages_free(o->messages, o->nmessages);
	o->messages = NULL;
	o->nmessages = 0;
}

void outcome_fini(struct outcome *o)
{
	drop_result(o);
	*o = (struct outcome){0};
}

bool outcome_stamp(struct outcome *o, const char transition[RELEASE_UUID_TEXT], struct err *err)
{
	char *copy = NULL;

	if (o->decision.decides_rollback) {
		copy = text_dup(transition);
		if (!copy)
			return err_set(err, ERR_NOMEM, "no memory for a transition's id");
		free(o->next->rollback.transition);
		o->next->rollback.transition = copy;
	}
	(void)snprintf(o->next->transition, sizeof(o->next->transition), "%s", transition);
	return true;
}

/* The operand a person would name first. */
static const char *main_operand(const struct event *e)
{
	if (e->check)
		return e->check;
	if (e->gate)
		return e->gate;
	if (e->role)
		return e->role;
	if (e->live_version)
		return e->live_version;
	if (e->alert)
		return e->alert;
	return e->hold;
}

static size_t add_measurements(const struct question *q, char *out, size_t size)
{
	char text[300];

	measurements_say(q, text, sizeof(text));
	return (size_t)snprintf(out, size, ": %s", text);
}

/* "paused by a person (ann): p95 looks odd"; "a gate paused the release: errors: 3 of 3 votes above
 * 1 %" */
static char *decision_text(const struct question *q, const struct release *next, const char *why)
{
	const char *operand = main_operand(&q->e);
	char text[TEXT_MAX_BYTES];
	size_t n = (size_t)snprintf(text, sizeof(text), "%s", why);

	if (next->rollback.active && next->rollback.version == next->row_version &&
	    next->rollback.option >= 0)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " by %s",
		                      q->p->rollback.options[next->rollback.option].option);
	if (q->e.by.person)
		n += (size_t)snprintf(text + n, sizeof(text) - n, " (%.128s)", q->e.by.person);
	if (operand)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ": %.300s", operand);
	if (q->e.nmeasurements > 0)
		n += add_measurements(q, text + n, sizeof(text) - n);
	if (q->e.result)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ": %.64s %s", q->e.result,
		                      evidence_status_names[q->e.status]);
	if (q->e.reason && q->e.reason[0] != '\0')
		(void)snprintf(text + n, sizeof(text) - n, ": %.*s", RELEASE_MAX_REASON,
		               q->e.reason);
	text_mend_cut(text, sizeof(text));
	return text_dup(text);
}

/* Operands of the event as the audit record keeps them. */
static bool put_operands(json_t *detail, const struct question *q)
{
	const struct event *e = &q->e;
	const struct {
		const char *key;
		const char *value;
	} texts[] = {
	        {"gate", e->gate},         {"role", e->role},
	        {"check", e->check},       {"hold", e->hold},
	        {"evidence", e->evidence}, {"live_version", e->live_version},
	        {"option", e->option},     {"root_cause", e->root_cause},
	        {"impact", e->impact},     {"restore_point", e->restore_point},
	        {"result", e->result},     {"link", e->link},
	        {"alert", e->alert},
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].value &&
		    json_object_set_new(detail, texts[i].key, json_string(texts[i].value)) != 0)
			return false;
	}
	if (e->incident &&
	    (json_object_set_new(detail, "incident", json_integer(e->incident)) != 0 ||
	     json_object_set_new(detail, "severity",
	                         json_string(incident_severity_names[e->severity])) != 0))
		return false;
	if (e->result && json_object_set_new(detail, "status",
	                                     json_string(evidence_status_names[e->status])) != 0)
		return false;
	if (e->nmeasurements > 0 &&
	    json_object_set_new(detail, "measurements", measurements_json(q)) != 0)
		return false;
	if (e->check && json_object_set_new(detail, "done", json_boolean(e->done)) != 0)
		return false;
	if (e->restore_confirmed &&
	    json_object_set_new(detail, "restore_confirmed", json_true()) != 0)
		return false;
	return !e->expires.ms ||
	       json_object_set_new(detail, "expires_ms", json_integer(e->expires.ms)) == 0;
}

static bool put_place(json_t *detail, const struct question *q, const struct release *next)
{
	const struct policy *p = q->e.kind == EVENT_REPIN ? q->e.policy : q->p;
	const struct policy_stage *stage = release_stage(next, p);
	const struct rollback_progress *b = &next->rollback;
	const char *name = q->e.stage ? q->e.stage : stage ? stage->stage : "";

	if (json_object_set_new(detail, "policy_hash", json_string(next->policy_hash)) != 0 ||
	    json_object_set_new(detail, "stage", json_string(name)) != 0)
		return false;
	if (q->e.kind == EVENT_REPIN &&
	    (json_object_set_new(detail, "from_policy", json_string(q->r->policy_name)) != 0 ||
	     json_object_set_new(detail, "from_policy_hash", json_string(q->r->policy_hash)) != 0 ||
	     json_object_set_new(detail, "policy", json_string(next->policy_name)) != 0))
		return false;
	if (q->e.by.person && q->e.by.subject && strcmp(q->e.by.person, q->e.by.subject) != 0 &&
	    json_object_set_new(detail, "person", json_string(q->e.by.person)) != 0)
		return false;
	if (!b->active || b->version != next->row_version || b->option < 0)
		return true;
	return json_object_set_new(detail, "option",
	                           json_string(q->p->rollback.options[b->option].option)) == 0;
}

/* Who was called, and whom nobody needs any more. */
static bool put_calls(json_t *detail, const struct decision *d)
{
	json_t *list = d->ncalls > 0 ? json_array() : NULL;

	for (size_t i = 0; i < d->ncalls; i++) {
		const struct call_news *n = &d->calls[i];

		if (json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I}", "change",
		                                          call_change_names[n->change], "cause",
		                                          n->cause, "role", n->role, "level",
		                                          (json_int_t)n->level)) != 0)
			goto fail;
	}
	if (d->ncalls == 0)
		return true;
	return json_object_set_new(detail, "calls", list) == 0;
fail:
	json_decref(list);
	return false;
}

static json_t *decision_detail(const struct question *q, const struct release *next,
                               const struct decision *d)
{
	json_t *detail = json_object();
	bool ok = detail && put_operands(detail, q) && put_place(detail, q, next) &&
	          put_calls(detail, d);

	if (ok && next->comparison && !q->r->comparison)
		ok = json_object_set(detail, "comparison", next->comparison) == 0;
	if (ok && q->e.detail)
		ok = json_object_set_new(detail, "evaluation", json_deep_copy(q->e.detail)) == 0;
	if (ok)
		return detail;
	json_decref(detail);
	return NULL;
}

static bool decide(const struct question *q, const struct transition *row, struct outcome *out)
{
	struct decision *d = &out->decision;

	out->next = release_copy(q->r);
	if (!out->next)
		return refuse_nomem(out);
	out->next->row_version++;
	out->next->updated_at = q->f->now;
	if (!effects_apply(q, row, out->next, out))
		return false;
	d->event = row->event;
	d->why = row->why;
	d->from_state = row->state;
	d->from_step = row->step;
	d->to_state = row->to;
	d->to_step = row->to_step;
	d->text = decision_text(q, out->next, row->why);
	d->detail = decision_detail(q, out->next, d);
	return (d->text && d->detail) || refuse_nomem(out);
}

/* Entry messages that cannot be written hold the release and call people: trying again changes
 * nothing. */
static bool decide_unwritable(struct question *q, struct outcome *out)
{
	const struct transition *row =
	        release_transition(q->r->state, q->r->step, EVENT_ACTION_REFUSED);
	char why[sizeof(out->text)];
	bool ok = false;

	if (!row || q->e.by.person)
		return false;
	memcpy(why, out->text, sizeof(why));
	outcome_fini(out);
	q->e.kind = EVENT_ACTION_REFUSED;
	q->e.hold = "enter";
	q->e.reason = why;
	ok = decide(q, row, out);
	q->e.reason = NULL;
	return ok;
}

void release_step(const struct release *r, const struct checkpoint *c, const struct policy *bound,
                  const struct event *event, const struct release_facts *facts, struct outcome *out)
{
	struct question q = {.r = r, .c = c, .p = bound, .f = facts, .e = *event};
	const struct transition *row = NULL;

	*out = (struct outcome){0};
	if (!question_refine(&q, out))
		return;
	row = release_transition(r->state, r->step, q.e.kind);
	if (decide(&q, row, out))
		return;
	if (out->refused != REFUSED_STATE || !decide_unwritable(&q, out))
		drop_result(out);
}
