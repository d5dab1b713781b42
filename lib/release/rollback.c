/*
 * rollback - the ladder: which options are open, which one is meant, and how far the way back has
 * come (rules R1 to R3, R7).
 *
 * A decided rollback is never lost: an option that cannot be carried out is passed over, and when
 * none can, the release still rolls back, into people's hands.
 */
#include "release/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static int64_t option_count(const struct policy *p)
{
	return p->rollback.noptions < 63 ? (int64_t)p->rollback.noptions : 63;
}

int64_t option_index(const struct policy *p, const char *name)
{
	for (int64_t i = 0; name && i < option_count(p); i++) {
		if (strcmp(p->rollback.options[i].option, name) == 0)
			return i;
	}
	return NO_OPTION;
}

static bool needs_restore(const struct question *q, const struct policy_option *o)
{
	switch (o->requires) {
	case REQUIRES_REVERSIBLE_MIGRATION:
		return q->r->migration == MIGRATION_IRREVERSIBLE;
	case REQUIRES_RESTORE_CONFIRMED:
		return true;
	case REQUIRES_NOTHING:
	case ROLLBACK_REQUIRES_COUNT:
		break;
	}
	return false;
}

/* What somebody who may has decided stays decided: anybody may have it sent again. Who just says
 * "back" means the way that is open to everybody, whatever role they hold: it may be their way that
 * is the mildest. */
static bool may_take(const struct question *q, int64_t option)
{
	const struct policy_option *o = &q->p->rollback.options[option];

	if (o->nroles == 0 || q->any_actor ||
	    (q->e.kind == EVENT_RETRY && option == q->r->rollback.option))
		return true;
	if (option_index(q->p, q->e.option) != option)
		return false;
	for (size_t i = 0; i < o->nroles && q->e.by.person; i++) {
		if (holds_role(&q->e.by, o->roles[i]))
			return true;
	}
	return false;
}

/* "medical_lead or cto" */
static void join_roles(const struct policy_option *o, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < o->nroles && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? " or " : "", o->roles[i]);
}

static bool say_roles(const struct policy_option *o, struct err *err)
{
	char roles[160];

	join_roles(o, roles, sizeof(roles));
	return err_set(err, ERR_DENIED, "only a person who holds role %s may take it, by its name",
	               roles);
}

/* False only without memory; *out_fits says whether the option can be carried out. */
static bool option_try(const struct question *q, int64_t option, bool *out_fits,
                       struct message **out_messages, size_t *out_n, struct err *err)
{
	const struct policy_option *o = &q->p->rollback.options[option];
	bool restored = q->r->rollback.restore_confirmed || q->e.restore_confirmed;
	struct message *list = NULL;

	*out_fits = false;
	if (!may_take(q, option)) {
		say_roles(o, err);
		return true;
	}
	if (needs_restore(q, o) && !restored) {
		err_set(err, ERR_CONFLICT,
		        "it requires a %s: say restore_confirmed=true once the data is restored",
		        o->requires == REQUIRES_RESTORE_CONFIRMED ? "confirmed restore"
		                                                  : "reversible migration");
		return true;
	}
	if (!messages_build(q, release_stage(q->r, q->p), o->actions, o->nactions, MESSAGE_ROLLBACK,
	                    option, &list, err))
		return err->code != ERR_NOMEM;
	*out_fits = true;
	if (out_messages) {
		*out_messages = list;
		*out_n = o->nactions;
	} else {
		messages_free(list, o->nactions);
	}
	return true;
}

bool option_is_closed(const struct question *q, int64_t option, struct err *why)
{
	bool fits = false;

	return option_try(q, option, &fits, NULL, NULL, why) && !fits;
}

bool option_pick(const struct question *q, int64_t from, int64_t except, int64_t *out_option,
                 struct message **out_messages, size_t *out_n)
{
	struct err err = {0};
	bool fits = false;

	*out_option = NO_OPTION;
	for (int64_t i = from < 0 ? 0 : from; i < option_count(q->p); i++) {
		if (except >> i & 1)
			continue;
		if (!option_try(q, i, &fits, out_messages, out_n, &err))
			return false;
		if (fits) {
			*out_option = i;
			return true;
		}
	}
	return true;
}

bool option_is_manual(const struct question *q)
{
	int64_t option = q->r->rollback.option;

	return q->r->rollback.active && option >= 0 && option < option_count(q->p) &&
	       q->p->rollback.options[option].manual;
}

bool option_next_exists(const struct question *q)
{
	const struct rollback_progress *b = &q->r->rollback;
	int64_t option = NO_OPTION;

	/* Without memory to tell, it is decided again at the next turn, by the commit that fails.
	 */
	if (!option_pick(q, b->option + 1, b->tried, &option, NULL, NULL))
		return true;
	return option != NO_OPTION;
}

bool option_choose(const struct question *q, int64_t *out_option, struct message **out_messages,
                   size_t *out_n)
{
	const struct rollback_progress *b = &q->r->rollback;
	int64_t named = option_index(q->p, q->e.option);

	if (q->e.kind == EVENT_ROLLBACK_NEXT || q->e.kind == EVENT_STABILISE_NEXT)
		return option_pick(q, b->option + 1, b->tried, out_option, out_messages, out_n);
	if (q->e.kind == EVENT_RETRY)
		named = b->option;
	if (!option_pick(q, named, 0, out_option, out_messages, out_n))
		return false;
	/* A gate may name an option that has become unavailable: then the earlier ones serve. */
	if (*out_option == NO_OPTION && named > 0)
		return option_pick(q, 0, 0, out_option, out_messages, out_n);
	return true;
}

static bool refuse_option(struct question *q, const struct err *why, struct outcome *out)
{
	return refuse(out, why->code == ERR_DENIED ? REFUSED_DENIED : REFUSED_STATE, "/option",
	              "rollback option %s is not available: %s", q->e.option, why->text);
}

/* A person's named option must exist and be possible: they are told, and may name another. */
static bool check_named(struct question *q, int64_t *out_option, struct outcome *out)
{
	struct err err = {0};
	bool fits = false;

	*out_option = NO_OPTION;
	if (!q->e.option)
		return true;
	*out_option = option_index(q->p, q->e.option);
	if (*out_option == NO_OPTION)
		return refuse(out, REFUSED_INVALID, "/option",
		              "the policy has no rollback option %s", q->e.option);
	if (*out_option == q->r->rollback.option && q->r->rollback.active)
		return true;
	if (!option_try(q, *out_option, &fits, NULL, NULL, &err))
		return refuse_nomem(out);
	return fits || refuse_option(q, &err, out);
}

static bool refine_completed(struct question *q, struct outcome *out)
{
	int64_t option = NO_OPTION;

	if (!q->r->exposed)
		return refuse(out, REFUSED_STATE, NULL,
		              "nothing was exposed: nothing to roll back");
	if (q->f->newer_active)
		return refuse(out, REFUSED_STATE, NULL,
		              "a newer release of %s in %s has started: roll that one back",
		              q->r->service, q->r->environment);
	if (q->f->now.ms - q->r->finished_at.ms >= q->p->rollback.window_ms)
		return refuse(out, REFUSED_STATE, NULL,
		              "the rollback window is over: release the stable version instead");
	return check_named(q, &option, out);
}

static bool refine_under_way(struct question *q, struct outcome *out)
{
	const struct rollback_progress *b = &q->r->rollback;
	bool confirms = q->e.restore_confirmed && !b->restore_confirmed;
	int64_t option = NO_OPTION;
	int64_t first = NO_OPTION;

	if (q->any_actor) {
		q->e.kind = EVENT_ROLLBACK_JUMP;
		return (q->r->state == RELEASE_FAILED && option_count(q->p) > 1) ||
		       b->option + 1 < option_count(q->p) ||
		       refuse(out, REFUSED_REPEAT, NULL, "rolling back already");
	}
	if (!check_named(q, &option, out))
		return false;
	if (option == NO_OPTION && b->option == NO_OPTION) {
		if (!option_pick(q, 0, 0, &first, NULL, NULL))
			return refuse_nomem(out);
		option = first;
	}
	if (option != NO_OPTION && option != b->option) {
		if (option < b->option && q->r->state != RELEASE_FAILED)
			return refuse(out, REFUSED_STATE, "/option",
			              "rolling back by %s already, which stands after %s: only a "
			              "later option can jump ahead",
			              q->p->rollback.options[b->option].option, q->e.option);
		q->e.kind = EVENT_ROLLBACK_JUMP;
		return true;
	}
	if (!confirms)
		return refuse(out, REFUSED_REPEAT, NULL, "rolling back already");
	q->e.kind = EVENT_RESTORE_CONFIRMED;
	return true;
}

bool refine_rollback(struct question *q, struct outcome *out)
{
	int64_t option = NO_OPTION;

	switch (q->r->state) {
	case RELEASE_ROLLED_BACK:
	case RELEASE_CANCELLED:
		return refuse(out, REFUSED_REPEAT, NULL, "the release is %s already",
		              release_state_names[q->r->state]);
	case RELEASE_COMPLETED:
		return refine_completed(q, out);
	case RELEASE_ROLLING_BACK:
	case RELEASE_STABILISING:
	case RELEASE_FAILED:
		return refine_under_way(q, out);
	case RELEASE_PLANNED:
	case RELEASE_RUNNING:
	case RELEASE_PAUSED:
		if (q->r->exposed)
			return q->any_actor || check_named(q, &option, out);
		q->e.kind = EVENT_ROLLBACK_UNEXPOSED;
		return true;
	case RELEASE_RESOLVED:
	case RELEASE_STATE_COUNT:
		break;
	}
	return true;
}

static bool refine_retry_failed(struct question *q, struct outcome *out)
{
	int64_t option = NO_OPTION;

	if (q->any_actor)
		return true;
	if (!option_choose(q, &option, NULL, NULL))
		return refuse_nomem(out);
	if (option == NO_OPTION)
		return refuse(out, REFUSED_STATE, NULL,
		              "no rollback option is available: see restore_confirmed, or resolve");
	return true;
}

bool refine_retry(struct question *q, struct outcome *out)
{
	bool refused = q->r->step == STEP_ENTERING && (q->f->enter_refused || q->r->enter_called);

	if (q->r->state == RELEASE_FAILED)
		return refine_retry_failed(q, out);
	for (size_t i = 0; i < q->r->nholds; i++)
		refused |= q->r->holds[i].source == HOLD_ACTION;
	if (!refused)
		return refuse(out, REFUSED_STATE, NULL,
		              "no action was refused: what is pending is being retried");
	return q->r->step != STEP_ENTERING || refuse_while_barred(q, out);
}

static char *reason_dup(const char *reason)
{
	char *text = text_dup(reason ? reason : "");

	if (text && strlen(text) > RELEASE_MAX_REASON) {
		text[RELEASE_MAX_REASON] = '\0';
		text_mend_cut(text, RELEASE_MAX_REASON + 1);
	}
	return text;
}

/* Who, why and when; a person's second word keeps what was said first unless it says more. */
static bool note_decision(const struct question *q, struct release *next)
{
	struct rollback_progress *b = &next->rollback;
	char *reason = reason_dup(q->e.reason);
	char *subject = text_dup(q->e.by.subject ? q->e.by.subject : "headgate");

	if (!reason || !subject) {
		free(reason);
		free(subject);
		return false;
	}
	if (b->active && reason[0] == '\0' && b->reason) {
		free(reason);
	} else {
		free(b->reason);
		b->reason = reason;
	}
	free(b->subject);
	b->subject = subject;
	if (!b->active)
		b->since = q->f->now;
	b->active = true;
	return true;
}

static bool is_decision(enum release_event event)
{
	return event == EVENT_ROLLBACK || event == EVENT_RUNG_ROLLBACK ||
	       event == EVENT_EVIDENCE_ROLLBACK || event == EVENT_ROLLBACK_JUMP ||
	       event == EVENT_INCIDENT_ROLLBACK;
}

static void take_option(const struct question *q, struct rollback_progress *b, int64_t option,
                        int64_t version)
{
	/* A person's other choice leaves the present option behind; a retry gives up none. */
	if (q->e.kind == EVENT_ROLLBACK_NEXT && b->option >= 0)
		b->passed_over |= (int64_t)1 << b->option;
	else if (q->e.kind != EVENT_ROLLBACK_NEXT && q->e.kind != EVENT_RETRY)
		b->passed_over = 0;
	b->option = option;
	if (option >= 0)
		b->tried |= (int64_t)1 << option;
	b->option_since = q->f->now;
	b->version = version;
	b->acknowledged = false;
	if (q->e.kind != EVENT_ROLLBACK_NEXT)
		b->unconfirmed = false;
	b->stabilising_since = (struct wall){0};
	b->stabilise_called = false;
	b->smoke_passed = false;
}

/* When it is decided, and not again for the next option: what they say holds until people say
 * otherwise. */
static bool dampen(const struct question *q, struct outcome *out)
{
	const struct policy_rollback *p = &q->p->rollback;
	size_t left = 0;

	if (q->r->rollback.active)
		return true;
	if (!messages_add_possible(q, p->dampen, p->ndampen, MESSAGE_DAMPENS, out, &left))
		return false;
	if (left > 0)
		out->decision.calls_people = true;
	return true;
}

bool rollback_begin(const struct question *q, struct release *next, struct outcome *out)
{
	struct rollback_progress *b = &next->rollback;
	struct message *list = NULL;
	int64_t option = NO_OPTION;
	size_t n = 0;

	if (!b->active)
		b->option = NO_OPTION;
	if (!option_choose(q, &option, &list, &n))
		return refuse_nomem(out);
	if (!dampen(q, out)) {
		messages_free(list, n);
		return false;
	}
	if (!messages_append_take(out, list, n))
		return false;
	if (is_decision(q->e.kind) && !note_decision(q, next))
		return refuse_nomem(out);
	if (q->e.restore_confirmed)
		b->restore_confirmed = true;
	take_option(q, b, option, next->row_version);
	out->decision.decides_rollback = is_decision(q->e.kind);
	if (option == NO_OPTION || q->p->rollback.options[option].manual)
		out->decision.calls_people = true;
	return true;
}

bool rollback_is_acked(const struct question *q)
{
	const struct rollback_progress *b = &q->r->rollback;

	if (b->acknowledged)
		return false;
	if (b->passed_over & q->f->rollback_acked)
		return true;
	return b->option >= 0 && !option_is_manual(q) && q->f->rollback_pending == 0;
}
