/*
 * milestones - the table: what of a release's life is told, when, how grave it is, and under which
 * names. A row's `happened` looks at the decision alone; when a decision is several at once, they
 * are told in the order of the rows.
 */
#include "notify/notify.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"

/* clang-format off */
const char *const milestone_names[MILESTONE_COUNT + 1] = {
	"planned", "announced", "started", "prechecked", "wave", "progress", "rolled_out", "completed",
	"paused", "resumed", "rollback_decided", "rollback_option", "rolled_back", "stabilised", "failed",
	"resolved", "cancelled", "held", "evidence_back", "called", "called_off", NULL
};
_Static_assert(MILESTONE_CALLED_OFF == 20, "a new milestone needs a name");
const char *const severity_names[SEVERITY_COUNT + 1] = { "info", "warning", "critical", NULL };
/* clang-format on */

/* --- what a decision says --- */

static bool moves(const struct notify_moment *m, enum release_state from, enum release_state to)
{
	const struct decision *d = m->decision;

	return d->event != EVENT_CREATE && d->from_state == from && d->to_state == to;
}

static bool enters(const struct notify_moment *m, enum release_state to)
{
	const struct decision *d = m->decision;

	return d->event != EVENT_CREATE && d->from_state != to && d->to_state == to;
}

static bool is_advance(const struct notify_moment *m)
{
	return m->decision->event == EVENT_ADVANCE || m->decision->event == EVENT_ADVANCE_SILENT;
}

static const struct policy_stage *stage_at(const struct notify_moment *m, int64_t i)
{
	return i >= 0 && (size_t)i < m->policy->nstages ? &m->policy->stages[i] : NULL;
}

/* The stage this decision leaves behind; NULL: none. */
static const struct policy_stage *stage_left(const struct notify_moment *m)
{
	if (is_advance(m))
		return stage_at(m, m->next->stage - 1);
	return m->decision->event == EVENT_FINISH ? stage_at(m, m->next->stage) : NULL;
}

static bool rollout_follows(const struct notify_moment *m, const struct policy_stage *after)
{
	for (const struct policy_stage *s = after + 1; s < m->policy->stages + m->policy->nstages;
	     s++) {
		if (s->kind == STAGE_ROLLOUT)
			return true;
	}
	return false;
}

/* --- the rows' questions --- */

static bool planned(const struct notify_moment *m)
{
	return m->decision->event == EVENT_CREATE;
}

static bool announced(const struct notify_moment *m)
{
	return m->decision->event == EVENT_ANNOUNCE;
}

static bool started(const struct notify_moment *m)
{
	return moves(m, RELEASE_PLANNED, RELEASE_RUNNING);
}

static bool prechecked(const struct notify_moment *m)
{
	const struct policy_stage *left = stage_left(m);

	return left && left->kind == STAGE_PREFLIGHT;
}

/* What the stage exposes is acknowledged, or nothing had to be sent for it. */
static bool wave(const struct notify_moment *m)
{
	const struct policy_stage *stage = stage_at(m, m->next->stage);

	switch ((int)m->decision->event) {
	case EVENT_ENTERED:
	case EVENT_START_SILENT:
	case EVENT_START_DUE_SILENT:
	case EVENT_ADVANCE_SILENT:
		return stage && stage->kind == STAGE_ROLLOUT;
	default:
		return false;
	}
}

static bool rolled_out(const struct notify_moment *m)
{
	const struct policy_stage *left = stage_left(m);

	return left && left->kind == STAGE_ROLLOUT && !rollout_follows(m, left);
}

static bool completed(const struct notify_moment *m)
{
	return enters(m, RELEASE_COMPLETED);
}

/* A rollback from running is told as a pause first: whoever watches sees the line stop. */
static bool paused(const struct notify_moment *m)
{
	return moves(m, RELEASE_RUNNING, RELEASE_PAUSED) ||
	       moves(m, RELEASE_RUNNING, RELEASE_ROLLING_BACK);
}

static bool resumed(const struct notify_moment *m)
{
	return moves(m, RELEASE_PAUSED, RELEASE_RUNNING);
}

static bool rollback_decided(const struct notify_moment *m)
{
	return moves(m, RELEASE_RUNNING, RELEASE_ROLLING_BACK) ||
	       moves(m, RELEASE_PAUSED, RELEASE_ROLLING_BACK) ||
	       moves(m, RELEASE_COMPLETED, RELEASE_ROLLING_BACK);
}

/* The next option, another one, or the same once more. */
static bool rollback_option(const struct notify_moment *m)
{
	const struct decision *d = m->decision;
	const struct transition *row = release_transition(d->from_state, d->from_step, d->event);
	bool is_under_way = d->from_state == RELEASE_ROLLING_BACK ||
	                    d->from_state == RELEASE_STABILISING || d->from_state == RELEASE_FAILED;

	return row && is_under_way && d->to_state == RELEASE_ROLLING_BACK &&
	       (row->effects & (FX_ROLLBACK | FX_RETRY));
}

static bool rolled_back(const struct notify_moment *m)
{
	return enters(m, RELEASE_STABILISING);
}

static bool stabilised(const struct notify_moment *m)
{
	return enters(m, RELEASE_ROLLED_BACK);
}

static bool failed(const struct notify_moment *m)
{
	return enters(m, RELEASE_FAILED);
}

static bool resolved(const struct notify_moment *m)
{
	return enters(m, RELEASE_RESOLVED);
}

static bool cancelled(const struct notify_moment *m)
{
	return enters(m, RELEASE_CANCELLED);
}

static bool held(const struct notify_moment *m)
{
	return m->decision->event == EVENT_NO_EVIDENCE;
}

static bool evidence_back(const struct notify_moment *m)
{
	return m->decision->event == EVENT_EVIDENCE_BACK;
}

/* clang-format off */
static const struct row {
	enum severity severity;
	bool urgent;
	bool (*happened)(const struct notify_moment *m); /* NULL: told of each call */
	const char *names[4];
	const char *when;
} rows[] = {
	[MILESTONE_PLANNED] = { SEVERITY_INFO, false, planned,
		{ "scheduler.release.planned" }, "the release is created" },
	[MILESTONE_ANNOUNCED] = { SEVERITY_INFO, false, announced,
		{ "notification.maintenance.scheduled" }, "the policy's `notice` before its scheduled start" },
	[MILESTONE_STARTED] = { SEVERITY_INFO, false, started,
		{ "scheduler.release.started" }, "its first stage begins" },
	[MILESTONE_PRECHECKED] = { SEVERITY_INFO, false, prechecked,
		{ NULL }, "a preflight stage is left: all its gates, checks and approvals are there" },
	[MILESTONE_WAVE] = { SEVERITY_INFO, false, wave,
		{ "scheduler.release.wave${event.wave}" }, "what a rollout stage exposes is acknowledged" },
	[MILESTONE_PROGRESS] = { SEVERITY_INFO, false, wave,
		{ NULL }, "the same, for a name that does not change from wave to wave" },
	[MILESTONE_ROLLED_OUT] = { SEVERITY_INFO, false, rolled_out,
		{ "scheduler.release.completed" }, "the last rollout stage is left: the version is everywhere" },
	[MILESTONE_COMPLETED] = { SEVERITY_INFO, false, completed,
		{ "analytics.release.metrics", "notification.release.successful", "audit.release.logged" },
		"the last stage is left: the version is the stable one" },
	[MILESTONE_PAUSED] = { SEVERITY_WARNING, false, paused,
		{ "scheduler.release.paused" }, "a running release is paused, or rolled back while it runs" },
	[MILESTONE_RESUMED] = { SEVERITY_INFO, false, resumed,
		{ "scheduler.release.resumed" }, "nothing holds a paused release any more" },
	[MILESTONE_ROLLBACK_DECIDED] = { SEVERITY_CRITICAL, true, rollback_decided,
		{ "notification.rollback.initiated" }, "a rollback is decided" },
	[MILESTONE_ROLLBACK_OPTION] = { SEVERITY_CRITICAL, true, rollback_option,
		{ "notification.rollback.continued" }, "another way back is taken, or the same once more" },
	[MILESTONE_ROLLED_BACK] = { SEVERITY_WARNING, true, rolled_back,
		{ "scheduler.release.rolledback" }, "the rollback is acknowledged: stabilising begins" },
	[MILESTONE_STABILISED] = { SEVERITY_WARNING, true, stabilised,
		{ "notification.rollback.completed", "audit.rollback.logged" }, "the old version has proved stable" },
	[MILESTONE_FAILED] = { SEVERITY_CRITICAL, true, failed,
		{ "notification.rollback.failed" }, "no way back is left; retries go on" },
	[MILESTONE_RESOLVED] = { SEVERITY_WARNING, true, resolved,
		{ "notification.rollback.resolved", "audit.rollback.logged" }, "a person settled a rollback" },
	[MILESTONE_CANCELLED] = { SEVERITY_WARNING, false, cancelled,
		{ "scheduler.release.cancelled" }, "it ends before anything was exposed" },
	[MILESTONE_HELD] = { SEVERITY_WARNING, false, held,
		{ "notification.release.held" }, "a gate has had no evidence for three rounds" },
	[MILESTONE_EVIDENCE_BACK] = { SEVERITY_INFO, false, evidence_back,
		{ "notification.release.evidence_back" }, "every gate has evidence again" },
	[MILESTONE_CALLED] = { SEVERITY_CRITICAL, true, NULL,
		{ "notification.escalation.called" }, "people are called: each level of an escalation, to its role" },
	[MILESTONE_CALLED_OFF] = { SEVERITY_CRITICAL, true, NULL,
		{ "notification.escalation.ended" }, "one of them acknowledged, or the cause is over: to each role that was called" },
};
/* clang-format on */
_Static_assert(ARRAY_LEN(rows) == MILESTONE_COUNT, "one row per milestone");

enum severity milestone_severity(enum milestone milestone)
{
	return rows[milestone].severity;
}

bool milestone_is_urgent(enum milestone milestone)
{
	return rows[milestone].urgent || rows[milestone].severity == SEVERITY_CRITICAL;
}

const char *const *milestone_default_names(enum milestone milestone)
{
	return rows[milestone].names;
}

void notify_print_milestones(struct buf *out)
{
	buf_add_text(out, "| milestone | severity | when | names |\n"
	                  "| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_printf(out, "| `%s` | %s | %s |", milestone_names[i],
		           severity_names[rows[i].severity], rows[i].when);
		for (size_t k = 0; rows[i].names[k]; k++)
			buf_printf(out, "%s `%s`", k > 0 ? "," : "", rows[i].names[k]);
		buf_add_text(out, rows[i].names[0] ? " |\n" : " none |\n");
	}
}

/* --- all of one moment --- */

struct notices {
	struct notice *list;
	size_t n, capacity;
};

static bool add(struct notices *all, struct notice notice)
{
	if (all->n == all->capacity) {
		size_t capacity = all->capacity ? 2 * all->capacity : 8;
		struct notice *grown = realloc(all->list, capacity * sizeof(*grown));

		if (!grown)
			return false;
		all->list = grown;
		all->capacity = capacity;
	}
	all->list[all->n++] = notice;
	return true;
}

/* The present stage's number among the rollout stages, from 1; 0: it is none of them. */
static int64_t wave_number(const struct notify_moment *m)
{
	const struct policy_stage *stage = stage_at(m, m->next->stage);
	int64_t number = 0;

	if (!stage || stage->kind != STAGE_ROLLOUT)
		return 0;
	for (int64_t i = 0; i <= m->next->stage; i++)
		number += m->policy->stages[i].kind == STAGE_ROLLOUT;
	return number;
}

/* Acknowledging it has ended the call already. */
static bool was_acknowledged(const struct notify_moment *m, const char *cause)
{
	for (size_t i = 0; m->before && i < m->before->ncalls; i++) {
		if (strcmp(m->before->calls[i].cause, cause) == 0)
			return m->before->calls[i].acknowledged_by != NULL;
	}
	return false;
}

static bool is_listed(const struct policy_level *levels, size_t n, const char *role)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(levels[i].role, role) == 0)
			return true;
	}
	return false;
}

/* Each role that was called, once. */
static bool call_off(const struct notify_moment *m, const struct call_news *news,
                     struct notices *all)
{
	size_t n = 0;
	const struct policy_level *levels = policy_escalation(m->policy, &n);

	if (news->change == CALL_ENDED && was_acknowledged(m, news->cause))
		return true;
	for (size_t i = 0; i < n && (int64_t)i < news->level; i++) {
		if (!is_listed(levels, i, levels[i].role) &&
		    !add(all, (struct notice){.milestone = MILESTONE_CALLED_OFF,
		                              .call = news,
		                              .role = levels[i].role}))
			return false;
	}
	return true;
}

static bool add_calls(const struct notify_moment *m, struct notices *all)
{
	for (size_t i = 0; i < m->decision->ncalls; i++) {
		const struct call_news *news = &m->decision->calls[i];
		bool is_call = news->change == CALL_OPENED || news->change == CALL_RAISED;

		if (is_call ? !add(all, (struct notice){.milestone = MILESTONE_CALLED,
		                                        .call = news,
		                                        .role = news->role})
		            : !call_off(m, news, all))
			return false;
	}
	return true;
}

bool notify_happened(const struct notify_moment *m, struct notice **out, size_t *out_n)
{
	struct notices all = {0};
	bool ok = true;

	for (size_t i = 0; ok && i < ARRAY_LEN(rows); i++) {
		if (rows[i].happened && rows[i].happened(m))
			ok = add(&all, (struct notice){.milestone = (enum milestone)i,
			                               .wave = wave_number(m)});
	}
	if (!ok || !add_calls(m, &all)) {
		free(all.list);
		return false;
	}
	*out = all.list;
	*out_n = all.n;
	return true;
}
