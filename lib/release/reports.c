/*
 * reports - what schedulers report to a release: results of checks that run elsewhere.
 *
 * Each report is a fact of its own, so the same words again are no repeat: they are newer evidence.
 * What is kept is bounded: the newest result of each name that a gate waits for.
 */
#include "release/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define LINK_MAX_BYTES 1000
#define EXPIRES_MAX_MS (INT64_C(366) * 86400 * 1000)

/* Rule A1: a machine reports on behalf of a person who answers for it. */
bool report_has_author(const struct question *q, struct outcome *out)
{
	return q->e.by.person ||
	       refuse(out, REFUSED_INVALID, "/author",
	              "a machine's report must name the person it acts for: author");
}

static bool is_watched(const struct policy *p, const char *result)
{
	for (size_t i = 0; i < p->ngates; i++) {
		const struct evidence_spec *spec = p->gates[i].spec;

		if (p->gates[i].kind == &gate_evidence_kind &&
		    (!result || strcmp(spec->evidence, result) == 0))
			return true;
	}
	return false;
}

static bool check_expiry(const struct question *q, struct outcome *out)
{
	int64_t left_ms = q->e.expires.ms - q->f->now.ms;

	if (q->e.expires.ms == 0)
		return true;
	if (left_ms <= 0)
		return refuse(out, REFUSED_INVALID, "/expires", "the expiry lies in the past");
	return left_ms <= EXPIRES_MAX_MS ||
	       refuse(out, REFUSED_INVALID, "/expires", "the expiry lies more than 366 days ahead");
}

bool refine_evidence(struct question *q, struct outcome *out)
{
	if (!is_watched(q->p, NULL))
		return refuse(out, REFUSED_STATE, NULL,
		              "no gate of the policy waits for a reported result");
	if (q->any_actor)
		return true;
	if (!q->e.result || !is_watched(q->p, q->e.result))
		return refuse(out, REFUSED_INVALID, "/name",
		              "no gate of the policy waits for a result named %.64s",
		              q->e.result ? q->e.result : "nothing");
	if (q->e.link && strlen(q->e.link) > LINK_MAX_BYTES)
		return refuse(out, REFUSED_INVALID, "/link", "at most %d bytes", LINK_MAX_BYTES);
	return report_has_author(q, out) && check_expiry(q, out);
}

static void result_fini(struct evidence_result *r)
{
	free(r->name);
	free(r->link);
	free(r->note);
	free(r->subject);
	free(r->person);
	*r = (struct evidence_result){0};
}

/* The present policy waits for fewer names than fit, so where the list is full there is one that
 * nobody waits for any more. */
static void make_room(struct release *next, const struct policy *p)
{
	for (size_t i = 0; next->nresults >= RELEASE_MAX_RESULTS && i < next->nresults; i++) {
		if (is_watched(p, next->results[i].name))
			continue;
		result_fini(&next->results[i]);
		memmove(&next->results[i], &next->results[i + 1],
		        (next->nresults - i - 1) * sizeof(next->results[0]));
		next->nresults--;
		return;
	}
}

/* Where the newest of that name stands, empty; NULL without memory. */
static struct evidence_result *obtain_result(struct release *next, const struct question *q)
{
	struct evidence_result *grown = NULL;

	for (size_t i = 0; i < next->nresults; i++) {
		if (strcmp(next->results[i].name, q->e.result) == 0) {
			result_fini(&next->results[i]);
			return &next->results[i];
		}
	}
	make_room(next, q->p);
	grown = realloc(next->results, (next->nresults + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	next->results = grown;
	grown[next->nresults] = (struct evidence_result){0};
	return &grown[next->nresults++];
}

bool result_record(struct release *next, const struct question *q)
{
	const struct event *e = &q->e;
	struct evidence_result *r = obtain_result(next, q);

	if (!r)
		return false;
	*r = (struct evidence_result){.name = text_dup(e->result),
	                              .status = (int)e->status,
	                              .link = text_dup(e->link),
	                              .note = text_dup(e->reason),
	                              .subject = text_dup(e->by.subject),
	                              .person = text_dup(e->by.person),
	                              .at = q->f->now,
	                              .expires = e->expires,
	                              .told = next->row_version};
	return r->name && (r->link || !e->link) && (r->note || !e->reason) &&
	       (r->subject || !e->by.subject) && (r->person || !e->by.person);
}
