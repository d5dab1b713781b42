/*
 * waiting - "why is it not moving?" in sentences, and which verbs would work now. Both come from
 * the same rules that decide, so they cannot say something else.
 */
#include "release/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"

/* The list being written. */
struct list {
	struct waiting *out;
	size_t n;
};

static void say(struct list *list, struct wall since, struct wall until, const char *fmt, ...)
        PRINTF_LIKE(4, 5);

static void say(struct list *list, struct wall since, struct wall until, const char *fmt, ...)
{
	struct waiting *w = NULL;
	va_list args;

	if (list->n == RELEASE_WAITING_MAX)
		return;
	w = &list->out[list->n++];
	*w = (struct waiting){.since = since, .until = until};
	va_start(args, fmt);
	text_vformat(w->sentence, sizeof(w->sentence), fmt, args);
	va_end(args);
}

static struct wall never(void)
{
	return (struct wall){0};
}

static struct wall after(struct wall at, int64_t ms)
{
	return (struct wall){.ms = at.ms + ms};
}

static void say_holds(const struct question *q, struct list *list)
{
	for (size_t i = 0; i < q->r->nholds; i++) {
		const struct hold *h = &q->r->holds[i];

		if (!h->acknowledged)
			say(list, h->since, h->expires, "hold %s%s%s", h->name,
			    h->reason ? ": " : "", h->reason ? h->reason : "");
	}
}

static void say_frozen(const struct question *q, struct list *list)
{
	if (q->f->frozen)
		say(list, never(), never(), "frozen%s%s", q->f->freeze_reason ? ": " : "",
		    q->f->freeze_reason ? q->f->freeze_reason : "");
}

static void say_window(const struct question *q, struct list *list)
{
	char text[320];

	if (!(advance_bars(q) & BLOCK_WINDOW))
		return;
	advance_sentence(q, BLOCK_WINDOW, text, sizeof(text));
	say(list, never(), windows_open_at(&q->p->windows, q->f->now), "%s", text);
}

static void say_requires(const struct question *q, struct list *list)
{
	for (size_t i = 0; i < q->p->nrequires; i++) {
		const struct policy_require *open = require_open(q->r, q->p, i);
		char text[320];

		if (open != &q->p->requires[i])
			continue;
		require_sentence(open, text, sizeof(text));
		say(list, q->r->created_at, never(), "%s", text);
	}
}

static void say_start(const struct question *q, struct list *list)
{
	char at[UNITS_TEXT_MAX];

	if (q->r->start_manual) {
		say(list, q->r->created_at, never(), "waits for start: it is started by hand");
	} else if (q->r->start.ms > q->f->now.ms) {
		instant_format(q->r->start, at);
		say(list, q->r->created_at, q->r->start, "starts at %s", at);
	}
	if (start_earliest(q).ms > q->f->now.ms) {
		instant_format(start_earliest(q), at);
		say(list, q->r->created_at, start_earliest(q),
		    "nobody may start it before %s: the policy's notice", at);
	}
}

/* Whom else it will call, and when; what a person has acknowledged waits for nobody. */
static void say_calls(const struct question *q, struct list *list)
{
	for (size_t i = 0; i < q->r->ncalls; i++) {
		const struct call *call = &q->r->calls[i];
		struct wall at = {0};
		const struct policy_level *level = call_next(q->p, call, &at);
		const char *last = call_newest(q->p, call);
		char called[UNITS_TEXT_MAX];
		char next[UNITS_TEXT_MAX];

		if (call->acknowledged_by)
			continue;
		instant_format(call->called_at, called);
		instant_format(at, next);
		if (level)
			say(list, call->since, at,
			    "%s: called %s at %s, %s follows at %s unless acknowledged",
			    call->cause, last, called, level->role, next);
		else
			say(list, call->since, never(),
			    "%s: called %s at %s, nobody has acknowledged yet", call->cause, last,
			    called);
	}
}

static void say_reentry(const struct question *q, struct list *list)
{
	char text[320];

	if (reentry_bars(q) && (q->f->reentry_missing || !q->f->reentry_record)) {
		reentry_sentence(q, false, text, sizeof(text));
		say(list, never(), never(), "%s", text);
	}
	if (reentry_bars(q) && q->f->reentry_record) {
		reentry_sentence(q, true, text, sizeof(text));
		say(list, never(), never(), "%s", text);
	}
}

/* What the next release will wait for. */
static void say_record(const struct question *q, struct list *list)
{
	if (q->p->rollback.incident_record && !q->r->record.root_cause)
		say(list, q->r->rollback.since, never(),
		    "the incident record is owed: the next release of %s in %s waits for root "
		    "cause, impact and restore point",
		    q->r->service, q->r->environment);
}

static void say_planned(const struct question *q, struct list *list)
{
	say_start(q, list);
	say_holds(q, list);
	say_frozen(q, list);
	say_window(q, list);
	say_requires(q, list);
	if (!q->f->pair_free)
		say(list, never(), never(), "another release of %s in %s is active", q->r->service,
		    q->r->environment);
	say_reentry(q, list);
}

/* Of the gate itself; of the release where the gate is not the one that is silent. */
static struct wall silent_since(const struct question *q, size_t gate)
{
	if (!q->c)
		return never();
	if (gate < q->c->ngates && q->c->gates[gate].silent_since.ms > 0)
		return q->c->gates[gate].silent_since;
	return q->c->no_proof_since;
}

static void say_gates(const struct question *q, struct list *list)
{
	const struct evaluation *e = advance_evaluation(q);
	char otherwise[96];

	if (advance_ungated(q))
		say(list, q->c ? q->c->no_proof_since : never(), never(), "%s", advance_ungated(q));
	for (size_t i = 0; e && i < e->ngates; i++) {
		const struct gate_outcome *o = &e->gates[i];

		if (o->counts && o->measure.blind[0] && o->result != GATE_ERROR)
			say(list, never(), never(), "gate %s: %s", q->p->gates[i].name,
			    o->measure.blind);
		if (!o->counts || o->result == GATE_PASS)
			continue;
		gate_would_pass(&q->p->gates[i], o, otherwise, sizeof(otherwise));
		say(list, silent_since(q, i),
		    o->result == GATE_WARMING ? o->measure.covered_at : o->next_vote,
		    "gate %s: %s%s%s", q->p->gates[i].name, o->sentence, otherwise[0] ? "; " : "",
		    otherwise);
	}
}

/* "set_weight, warm_cache" */
static void join_actions(char *const *names, size_t count, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", names[i]);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void say_entering(const struct question *q, struct list *list)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);
	char actions[160];

	if (!stage)
		return;
	join_actions(stage->enter, stage->nenter, actions, sizeof(actions));
	if (q->f->enter_refused)
		say(list, q->r->entry_since, never(), "action %s was refused: retry or roll back",
		    q->f->enter_refused_action ? q->f->enter_refused_action : actions);
	else
		say(list, q->r->entry_since, never(), "waits for %zu acknowledgement%s of %s",
		    q->f->enter_pending, plural(q->f->enter_pending), actions);
	say_holds(q, list);
	/* What is out already arrives all the same. */
	if (q->f->enter_refused || q->r->enter_called) {
		say_frozen(q, list);
		say_window(q, list);
	}
}

static void say_bake(const struct question *q, const struct policy_stage *stage, struct list *list)
{
	int64_t observed_ms = advance_observed(q);
	char done[UNITS_TEXT_MAX];
	char all[UNITS_TEXT_MAX];

	duration_format(observed_ms, done);
	duration_format(stage->bake_ms, all);
	say(list, q->r->stage_since, after(q->f->now, stage->bake_ms - observed_ms),
	    "baking: %s of %s observed green", done, all);
}

static void say_checks(const struct question *q, const struct policy_stage *stage,
                       struct list *list)
{
	for (size_t i = 0; i < stage->nchecks; i++) {
		if (!check_is_done(q->r, stage->checks[i].name))
			say(list, q->r->stage_since, never(), "check %s (owner %s) is open",
			    stage->checks[i].name, stage->checks[i].owner);
	}
	for (size_t i = 0; i < stage->napprovals; i++) {
		const struct policy_approval *a = &stage->approvals[i];
		size_t n = release_approvals(q->r, a->name, stage->stage);

		if ((int64_t)n < a->count)
			say(list, q->r->stage_since, never(), "approval %s: %zu of %lld", a->name,
			    n, (long long)a->count);
	}
}

/* Where no hold says it; what is not known keeps from going on, not from going back. */
static void say_drift(const struct question *q, struct list *list)
{
	bool matters = q->r->state == RELEASE_RUNNING || q->r->state == RELEASE_STABILISING;
	char text[240];

	if (q->f->drifted_action ? hold_of(q->r, "drift:", q->f->drifted_action) != NULL
	                         : q->f->drift_known || !matters)
		return;
	advance_sentence(q, BLOCK_DRIFT, text, sizeof(text));
	say(list, never(), never(), "%s", text);
}

/* One sentence per missing thing of rule V1. */
static void say_running(const struct question *q, struct list *list)
{
	const struct policy_stage *stage = release_stage(q->r, q->p);
	unsigned missing = advance_blockers(q);
	struct wall since = q->r->stage_since;
	char text[240];

	if (!stage)
		return;
	say_holds(q, list);
	if (missing & BLOCK_BAKE)
		say_bake(q, stage, list);
	say_gates(q, list);
	if ((missing & BLOCK_PROOF) && !advance_evaluation(q))
		say(list, since, never(), "no evaluation of this stage yet");
	if (advance_evaluation(q) && (missing & BLOCK_OLD))
		say(list, advance_evaluation(q)->at, never(), "the newest evaluation is too old");
	if (!(missing & BLOCK_BAKE) && (missing & BLOCK_PASSES)) {
		advance_sentence(q, BLOCK_PASSES, text, sizeof(text));
		say(list, since, never(), "%s", text);
	}
	if (missing & BLOCK_TAKEOVER) {
		advance_sentence(q, BLOCK_TAKEOVER, text, sizeof(text));
		say(list, never(), never(), "%s", text);
	}
	say_checks(q, stage, list);
	say_frozen(q, list);
	say_window(q, list);
	if (missing & BLOCK_PROMOTION)
		say(list, since, never(), "waits for promote: the stage is left by hand");
	say_drift(q, list);
}

/* Ways back that headgate passes over, and what would open them. */
static void say_closed(const struct question *q, struct list *list)
{
	for (size_t i = 0; i < q->p->rollback.noptions && i < 63; i++) {
		struct err why = {0};

		if (!(q->r->rollback.tried >> i & 1) && option_is_closed(q, (int64_t)i, &why))
			say(list, never(), never(), "rollback option %s is passed over: %s",
			    q->p->rollback.options[i].option, why.text);
	}
}

/* It holds nothing up, but people rely on it. */
static void say_dampening(const struct question *q, struct list *list)
{
	const struct policy_rollback *p = &q->p->rollback;
	char actions[160];

	if (q->f->dampen_pending == 0 || p->ndampen == 0)
		return;
	join_actions(p->dampen, p->ndampen, actions, sizeof(actions));
	say(list, q->r->rollback.since, never(),
	    "%zu of the dampening actions (%s) not acknowledged yet; nothing waits for that",
	    q->f->dampen_pending, actions);
}

static void say_smoke(const struct question *q, struct list *list)
{
	const struct policy_rollback *p = &q->p->rollback;
	const struct rollback_progress *b = &q->r->rollback;
	const char *state = q->f->smoke_failing      ? " fails"
	                    : q->f->smoke_unanswered ? " gets no answer"
	                                             : "";
	char actions[160];

	if (!smoke_is_open(q))
		return;
	join_actions(p->smoke, p->nsmoke, actions, sizeof(actions));
	if (q->f->smoke_pending > 0)
		say(list, b->stabilising_since, never(),
		    "waits for %zu acknowledgement%s of smoke tests (%s)%s%s%s: green time does "
		    "not "
		    "count yet",
		    q->f->smoke_pending, plural(q->f->smoke_pending), actions, *state ? "; " : "",
		    *state ? (q->f->smoke_action ? q->f->smoke_action : "one") : "", state);
	if (b->smoke_unwritten > 0)
		say(list, b->stabilising_since, never(),
		    "%lld of the smoke tests (%s) could not be written: a person must look, and "
		    "may "
		    "resolve",
		    (long long)b->smoke_unwritten, actions);
}

static void say_rolling_back(const struct question *q, struct list *list)
{
	const struct rollback_progress *b = &q->r->rollback;
	const struct policy_option *o = b->option >= 0 ? &q->p->rollback.options[b->option] : NULL;

	if (!o)
		say(list, b->since, never(), "no rollback option is available");
	else if (o->manual)
		say(list, b->option_since, after(b->option_since, o->acknowledge_ms),
		    "waits for a person to carry out rollback option %s and ack", o->option);
	else
		say(list, b->option_since, after(b->option_since, o->acknowledge_ms),
		    "waits for %zu acknowledgement%s of rollback option %s%s",
		    q->f->rollback_pending, plural(q->f->rollback_pending), o->option,
		    b->unconfirmed ? ": unconfirmed" : "");
	if (!b->reason || b->reason[0] == '\0')
		say(list, b->since, never(), "the rollback has no reason yet: add it with a note");
	say_closed(q, list);
	say_dampening(q, list);
}

static void say_stabilising(const struct question *q, struct list *list)
{
	const struct rollback_progress *b = &q->r->rollback;
	int64_t left_ms = q->p->rollback.stabilise_bake_ms - advance_observed(q);
	char done[UNITS_TEXT_MAX];
	char all[UNITS_TEXT_MAX];

	duration_format(advance_observed(q), done);
	duration_format(q->p->rollback.stabilise_bake_ms, all);
	say(list, b->stabilising_since, after(q->f->now, left_ms > 0 ? left_ms : 0),
	    "stabilising: %s of %s observed green", done, all);
	say_smoke(q, list);
	say_dampening(q, list);
	say_gates(q, list);
	if (b->stabilise_called)
		say(list, b->stabilising_since, never(),
		    "the deadline passed without evidence: a person must look, and may resolve");
}

static void say_failed(const struct question *q, struct list *list)
{
	const struct call *call = call_of(q->r, "failed");

	say(list, call ? call->since : q->r->updated_at, never(),
	    "the rollback failed: a person must retry, choose another option, ack or resolve");
	say_closed(q, list);
	say_dampening(q, list);
}

static void say_paused(const struct question *q, struct list *list)
{
	say_holds(q, list);
	if (q->r->paused_step == STEP_ENTERING) {
		say_frozen(q, list);
		say_window(q, list);
	}
	say_gates(q, list);
}

size_t release_waiting_for(const struct release *r, const struct checkpoint *c,
                           const struct policy *bound, const struct release_facts *facts,
                           struct waiting out[RELEASE_WAITING_MAX])
{
	struct question q = {.r = r, .c = c, .p = bound, .f = facts};
	struct list list = {.out = out};

	switch (r->state) {
	case RELEASE_PLANNED:
		say_planned(&q, &list);
		break;
	case RELEASE_RUNNING:
		if (r->step == STEP_ENTERING)
			say_entering(&q, &list);
		else
			say_running(&q, &list);
		break;
	case RELEASE_PAUSED:
		say_paused(&q, &list);
		break;
	case RELEASE_ROLLING_BACK:
		say_rolling_back(&q, &list);
		say_drift(&q, &list);
		say_record(&q, &list);
		break;
	case RELEASE_STABILISING:
		say_stabilising(&q, &list);
		say_drift(&q, &list);
		say_record(&q, &list);
		break;
	case RELEASE_FAILED:
		say_failed(&q, &list);
		say_drift(&q, &list);
		say_record(&q, &list);
		break;
	case RELEASE_ROLLED_BACK:
	case RELEASE_RESOLVED:
		say_record(&q, &list);
		break;
	case RELEASE_COMPLETED:
	case RELEASE_CANCELLED:
	case RELEASE_STATE_COUNT:
		break;
	}
	say_calls(&q, &list);
	return list.n;
}

unsigned release_legal(const struct release *r, const struct checkpoint *c,
                       const struct policy *bound, const struct release_facts *facts)
{
	unsigned legal = 0;

	for (int verb = 0; verb < EVENT_OPERATOR_COUNT; verb++) {
		struct question q = {.r = r,
		                     .c = c,
		                     .p = bound,
		                     .f = facts,
		                     .e = {.kind = (enum release_event)verb},
		                     .any_actor = true};
		struct outcome out = {0};

		if (question_refine(&q, &out))
			legal |= 1u << verb;
	}
	return legal;
}
