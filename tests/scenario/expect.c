/*
 * expect - what a story says should be so now.
 */
#include "story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"

static bool is(const struct words *w, size_t i, const char *text)
{
	return i < w->n && strcmp(w->list[i], text) == 0;
}

/* "running/baking in canary (row 7)" */
static void place(const struct story *s, char *out, size_t size)
{
	(void)snprintf(out, size, "%s/%s in %s", release_state_names[s->r->state],
	               stage_step_names[s->r->step], s->bound->stages[s->r->stage].stage);
}

static int index_of(const char *const *names, const char *name)
{
	for (int i = 0; names[i]; i++) {
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

/* expect STATE [STEP] [in STAGE] */
static bool expect_state(struct story *s, const struct words *w, size_t i)
{
	int state = index_of(release_state_names, w->list[i]);
	int step = i + 1 < w->n ? index_of(stage_step_names, w->list[i + 1]) : -1;
	size_t in = i + (step >= 0 ? 2 : 1);
	char is_now[160];
	bool ok = (int)s->r->state == state && (step < 0 || (int)s->r->step == step);

	if (is(w, in, "in"))
		ok = ok && is(w, in + 1, s->bound->stages[s->r->stage].stage);
	place(s, is_now, sizeof(is_now));
	return ok || story_fail(s, "it is %s; last: %s", is_now, s->decided);
}

static bool expect_refusal(struct story *s, const struct words *w, size_t i, enum refusal_kind kind)
{
	if (!s->refused)
		return story_fail(s, "it was not refused; last: %s", s->decided);
	s->refused = false;
	if (s->refusal != kind)
		return story_fail(s, "refused in another way: %s", s->refusal_text);
	if (i < w->n && !strstr(s->refusal_text, w->list[i]))
		return story_fail(s, "refused with: %s", s->refusal_text);
	return true;
}

static bool expect_refused(struct story *s, const struct words *w, size_t i)
{
	return expect_refusal(s, w, i, REFUSED_STATE);
}

static bool expect_denied(struct story *s, const struct words *w, size_t i)
{
	return expect_refusal(s, w, i, REFUSED_DENIED);
}

static bool expect_invalid(struct story *s, const struct words *w, size_t i)
{
	return expect_refusal(s, w, i, REFUSED_INVALID);
}

static bool expect_repeat(struct story *s, const struct words *w, size_t i)
{
	return expect_refusal(s, w, i, REFUSED_REPEAT);
}

static bool is_waiting(const struct story *s, const char *text, char *all, size_t size)
{
	struct waiting list[RELEASE_WAITING_MAX];
	struct release_facts facts;
	bool found = false;
	size_t at = 0;
	size_t n = 0;

	world_facts(s, &facts);
	n = release_waiting_for(s->r, &s->c, s->bound, &facts, list);
	all[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		found = found || strstr(list[i].sentence, text) != NULL;
		if (at < size)
			at += (size_t)snprintf(all + at, size - at, "%s; ", list[i].sentence);
	}
	return found;
}

static bool expect_waiting(struct story *s, const struct words *w, size_t i)
{
	char all[1000];

	if (i >= w->n)
		return story_fail(s, "waiting for what?");
	return is_waiting(s, w->list[i], all, sizeof(all)) ||
	       story_fail(s, "it waits for: %s", all);
}

static bool body_says(const struct letter *m, const char *key, const char *value)
{
	const json_t *member = json_object_get(m->body, key);
	char text[64] = "";

	if (json_is_string(member))
		(void)snprintf(text, sizeof(text), "%s", json_string_value(member));
	else if (json_is_integer(member))
		(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(member));
	return strcmp(text, value) == 0;
}

/* expect message ACTION [KEY VALUE]: the oldest one not spoken of yet. */
static bool expect_message(struct story *s, const struct words *w, size_t i)
{
	for (size_t k = 0; k < s->noutbox && i < w->n; k++) {
		struct letter *m = &s->outbox[k];

		if (m->seen)
			continue;
		m->seen = true;
		if (strcmp(m->action, w->list[i]) != 0)
			return story_fail(s, "the message is %s", m->action);
		if (i + 2 < w->n && !body_says(m, w->list[i + 1], w->list[i + 2]))
			return story_fail(s, "%s does not say so", m->action);
		return true;
	}
	return story_fail(s, "no such message");
}

static bool expect_held(struct story *s, const struct words *w, size_t i)
{
	const struct hold *h = i < w->n ? release_hold(s->r, w->list[i]) : NULL;

	if (is(w, i, "because"))
		return story_fail(s, "expect because \"...\"");
	return h || story_fail(s, "nothing of that name holds it; last: %s", s->decided);
}

static bool expect_because(struct story *s, const struct words *w, size_t i)
{
	return (i < w->n && strstr(s->decided, w->list[i])) ||
	       story_fail(s, "last: %s", s->decided);
}

static bool expect_called(struct story *s, const struct words *w, size_t i)
{
	unsigned called = s->called;

	(void)w;
	(void)i;
	s->called = 0;
	return called > 0 || story_fail(s, "nobody was called");
}

/* The call of that cause: of a person's name, or that nobody has acknowledged it. */
static const struct call *find_call(const struct story *s, const char *cause)
{
	for (size_t i = 0; i < s->r->ncalls; i++) {
		if (strcmp(s->r->calls[i].cause, cause) == 0)
			return &s->r->calls[i];
	}
	return NULL;
}

static bool say_call(struct story *s, const struct call *call)
{
	if (!call)
		return story_fail(s, "there is no such call; news: %s", s->news);
	return story_fail(s, "%lld levels were called; acknowledged by %s", (long long)call->level,
	                  call->acknowledged_by ? call->acknowledged_by : "nobody");
}

/* expect calling ROLE for CAUSE: not acknowledged, and that is the newest level */
static bool expect_calling(struct story *s, const struct words *w, size_t i)
{
	const struct call *call = i + 2 < w->n ? find_call(s, w->list[i + 2]) : NULL;
	size_t n = 0;
	const struct policy_level *levels = policy_escalation(s->bound, &n);

	return (call && !call->acknowledged_by && is(w, i, levels[call->level - 1].role)) ||
	       say_call(s, call);
}

/* expect addressed CAUSE by NAME */
static bool expect_addressed(struct story *s, const struct words *w, size_t i)
{
	const struct call *call = i + 2 < w->n ? find_call(s, w->list[i]) : NULL;

	return (call && call->acknowledged_by && is(w, i + 2, call->acknowledged_by)) ||
	       say_call(s, call);
}

/* expect news "raised errors cto" */
static bool expect_news(struct story *s, const struct words *w, size_t i)
{
	return (i < w->n && strstr(s->news, w->list[i])) || story_fail(s, "news: %s", s->news);
}

/* expect told NAME ...: all of it, since last asked. */
static bool expect_told(struct story *s, const struct words *w, size_t i)
{
	char expected[sizeof(s->told)] = "";
	char told[sizeof(s->told)];
	size_t n = 0;

	for (size_t k = i; k < w->n && n < sizeof(expected); k++)
		n += (size_t)snprintf(expected + n, sizeof(expected) - n, "%s%s", k > i ? " " : "",
		                      w->list[k]);
	memcpy(told, s->told, sizeof(told));
	s->told[0] = '\0';
	return strcmp(told, expected) == 0 || story_fail(s, "told: %s", told);
}

static bool expect_announced(struct story *s, const struct words *w, size_t i)
{
	(void)w;
	(void)i;
	return s->r->announced.ms > 0 || story_fail(s, "it is not announced; last: %s", s->decided);
}

static bool check_legal(struct story *s, const struct words *w, size_t i, bool legal)
{
	struct release_facts facts;
	unsigned bits = 0;

	world_facts(s, &facts);
	bits = release_legal(s->r, &s->c, s->bound, &facts);
	for (; i < w->n; i++) {
		int verb = index_of(release_event_names, w->list[i]);

		if (verb < 0 || verb >= EVENT_OPERATOR_COUNT)
			return story_fail(s, "%s is no verb", w->list[i]);
		if (((bits >> verb & 1) != 0) != legal)
			return story_fail(s, "%s is %slegal", w->list[i], legal ? "not " : "");
	}
	return true;
}

static bool expect_legal(struct story *s, const struct words *w, size_t i)
{
	return check_legal(s, w, i, true);
}

static bool expect_bake(struct story *s, const struct words *w, size_t i)
{
	char text[UNITS_TEXT_MAX];

	duration_format(s->c.observed_ms, text);
	return is(w, i, text) || story_fail(s, "the bake is %s", text);
}

static bool expect_option(struct story *s, const struct words *w, size_t i)
{
	int64_t option = s->r->rollback.option;
	const char *name = option < 0 ? "none" : s->bound->rollback.options[option].option;

	return is(w, i, name) || story_fail(s, "the option is %s", name);
}

static bool expect_unconfirmed(struct story *s, const struct words *w, size_t i)
{
	(void)w;
	(void)i;
	return s->r->rollback.unconfirmed || story_fail(s, "it is not flagged");
}

/* expect decision lease|thaw|supersedes|parks|closes|restarts|forgets */
static bool expect_decision(struct story *s, const struct words *w, size_t i)
{
	const struct {
		const char *word;
		bool set;
	} flags[] = {
	        {"lease", s->last.needs_lease},          {"thaw", s->last.needs_thaw},
	        {"supersedes", s->last.supersedes},      {"parks", s->last.parks},
	        {"restarts", s->last.resets_checkpoint}, {"forgets", s->last.clears_votes},
	        {"closes", s->last.closes_messages},
	};

	for (size_t k = 0; k < ARRAY_LEN(flags); k++) {
		if (is(w, i, flags[k].word))
			return flags[k].set || story_fail(s, "the last decision does not");
	}
	return story_fail(s, "no such flag");
}

/* expect open N: messages of the way back that are still being sent */
static bool expect_open(struct story *s, const struct words *w, size_t i)
{
	char text[24];
	size_t n = 0;

	for (size_t k = 0; k < s->noutbox; k++) {
		const struct letter *m = &s->outbox[k];

		n += m->class == MESSAGE_ROLLBACK && !m->acked && !m->superseded;
	}
	(void)snprintf(text, sizeof(text), "%zu", n);
	return is(w, i, text) || story_fail(s, "%s are open", text);
}

static bool expect_verdict(struct story *s, const struct words *w, size_t i)
{
	const char *name = s->e ? verdict_names[s->e->verdict] : "none";

	return is(w, i, name) || story_fail(s, "the verdict is %s", name);
}

/* --- not ----------------------------------------------------------------------------------- */

static bool expect_not(struct story *s, const struct words *w, size_t i)
{
	char all[1000];

	if (is(w, i, "waiting") && i + 1 < w->n)
		return !is_waiting(s, w->list[i + 1], all, sizeof(all)) ||
		       story_fail(s, "it waits for: %s", all);
	if (is(w, i, "held") && i + 1 < w->n)
		return !release_hold(s->r, w->list[i + 1]) || story_fail(s, "it is held");
	if (is(w, i, "called"))
		return s->called == 0 || story_fail(s, "people were called");
	if (is(w, i, "because") && i + 1 < w->n)
		return !strstr(s->decided, w->list[i + 1]) || story_fail(s, "last: %s", s->decided);
	if (is(w, i, "announced"))
		return s->r->announced.ms == 0 || story_fail(s, "it is announced");
	if (is(w, i, "calling"))
		return s->r->ncalls == 0 ||
		       story_fail(s, "there is a call %s", s->r->calls[0].cause);
	if (is(w, i, "news"))
		return s->news[0] == '\0' || story_fail(s, "news: %s", s->news);
	if (is(w, i, "legal"))
		return check_legal(s, w, i + 1, false);
	if (is(w, i, "message")) {
		for (size_t k = 0; k < s->noutbox; k++) {
			if (!s->outbox[k].seen)
				return story_fail(s, "there is a message %s", s->outbox[k].action);
		}
		return true;
	}
	return story_fail(s, "expect not what?");
}

/* clang-format off */
static const struct {
	const char *word;
	bool (*check)(struct story *s, const struct words *w, size_t i);
} kinds[] = {
	{ "refused",     expect_refused },
	{ "denied",      expect_denied },
	{ "invalid",     expect_invalid },
	{ "repeat",      expect_repeat },
	{ "waiting",     expect_waiting },
	{ "message",     expect_message },
	{ "held",        expect_held },
	{ "because",     expect_because },
	{ "called",      expect_called },
	{ "calling",     expect_calling },
	{ "addressed",   expect_addressed },
	{ "news",        expect_news },
	{ "announced",   expect_announced },
	{ "told",        expect_told },
	{ "legal",       expect_legal },
	{ "bake",        expect_bake },
	{ "option",      expect_option },
	{ "unconfirmed", expect_unconfirmed },
	{ "decision",    expect_decision },
	{ "verdict",     expect_verdict },
	{ "open",        expect_open },
	{ "not",         expect_not },
};
/* clang-format on */

static bool is_about_refusal(const char *word)
{
	return strcmp(word, "refused") == 0 || strcmp(word, "denied") == 0 ||
	       strcmp(word, "invalid") == 0 || strcmp(word, "repeat") == 0;
}

bool expect_check(struct story *s, const struct words *w, size_t i)
{
	if (i >= w->n)
		return story_fail(s, "expect what?");
	if (s->refused && !is_about_refusal(w->list[i]))
		return story_fail(s, "refused before: %s", s->refusal_text);
	if (!s->r && !is_about_refusal(w->list[i]))
		return story_fail(s, "no release yet");
	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		if (is(w, i, kinds[k].word))
			return kinds[k].check(s, w, i + 1);
	}
	/* "running ready" and the like; "ready" alone reads well, too */
	if (index_of(release_state_names, w->list[i]) >= 0)
		return expect_state(s, w, i);
	return story_fail(s, "expect what? %s", w->list[i]);
}
