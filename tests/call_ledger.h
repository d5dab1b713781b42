/*
 * call_ledger - every call of one release, kept from what its decisions say alone, and held against
 * its snapshot: no level twice, none out of order or too early, none after an acknowledgement, and
 * every call ends once.
 */
#ifndef TESTS_CALL_LEDGER_H
#define TESTS_CALL_LEDGER_H

#include <stdio.h>
#include <string.h>

#include "release/release.h"

#define LEDGER_MAX 64

struct call_ledger {
	struct {
		char cause[320];
		int64_t level;
		bool acknowledged;
	} calls[LEDGER_MAX];
	size_t n;
};

static inline size_t ledger_find(const struct call_ledger *l, const char *cause)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->calls[i].cause, cause) != 0)
		i++;
	return i;
}

static inline const char *ledger_open(struct call_ledger *l, const struct call_news *n)
{
	if (ledger_find(l, n->cause) < l->n)
		return "a call is opened that is open";
	if (n->level != 1 || l->n == LEDGER_MAX)
		return "a call does not begin with its first level";
	(void)snprintf(l->calls[l->n].cause, sizeof(l->calls[0].cause), "%s", n->cause);
	l->calls[l->n].level = 1;
	l->calls[l->n++].acknowledged = false;
	return NULL;
}

/* NULL, or what is wrong with one change. */
static inline const char *ledger_change(struct call_ledger *l, const struct call_news *n,
                                        const struct policy *p, struct wall now)
{
	size_t levels = 0;
	const struct policy_level *chain = policy_escalation(p, &levels);
	size_t i = ledger_find(l, n->cause);

	if (n->level < 1 || (size_t)n->level > levels ||
	    strcmp(n->role, chain[n->level - 1].role) != 0)
		return "a level that the policy does not have";
	if (n->change == CALL_OPENED)
		return ledger_open(l, n);
	if (i == l->n)
		return "a change of a call that is not open";
	if (n->change == CALL_RAISED) {
		if (l->calls[i].acknowledged)
			return "a call is raised after it was acknowledged";
		if (n->level != ++l->calls[i].level)
			return "a level is called twice, or out of order";
		if (now.ms - n->since.ms < chain[n->level - 1].after_ms)
			return "a level is called too early";
	} else if (n->change == CALL_ACKNOWLEDGED) {
		if (l->calls[i].acknowledged)
			return "a call is acknowledged twice";
		l->calls[i].acknowledged = true;
	} else {
		l->calls[i] = l->calls[--l->n];
	}
	return NULL;
}

/* NULL, or what is wrong with a decision. `next` is the snapshot it leaves behind. */
static inline const char *ledger_take(struct call_ledger *l, const struct decision *d,
                                      const struct release *next, const struct policy *p)
{
	for (size_t i = 0; i < d->ncalls; i++) {
		const char *wrong = ledger_change(l, &d->calls[i], p, next->updated_at);

		if (wrong)
			return wrong;
	}
	if (next->ncalls != l->n)
		return "the snapshot has other calls than were told of";
	for (size_t i = 0; i < next->ncalls; i++) {
		size_t k = ledger_find(l, next->calls[i].cause);

		if (k == l->n || l->calls[k].level != next->calls[i].level ||
		    l->calls[k].acknowledged != (next->calls[i].acknowledged_by != NULL))
			return "a call in the snapshot is not as was told";
	}
	if (d->calls_people && next->ncalls == 0)
		return "people are called, and no call says so";
	if (release_is_ended(next->state) && next->ncalls > 0)
		return "a call outlives its release";
	return NULL;
}

#endif
