/*
 * checklist - the checks and approvals a policy asks for, held against what was reported.
 */
#include "api/checklist.h"

#include <string.h>

#include "base/units.h"

static const struct check_state *find_state(const struct release *r, const char *name)
{
	for (size_t i = 0; i < r->nchecks; i++)
		if (strcmp(r->checks[i].name, name) == 0)
			return &r->checks[i];
	return NULL;
}

static void set_text(json_t *row, const char *key, const char *text)
{
	if (text != NULL)
		(void)json_object_set_new(row, key, json_string(text));
}

static void add_check(json_t *list, const struct release *r, const char *name, const char *owner,
                      const char *where)
{
	const struct check_state *state = find_state(r, name);
	json_t *row = json_pack("{s:s, s:s, s:b}", "name", name, "for", where, "done",
	                        state != NULL && state->done);
	char at[UNITS_TEXT_MAX];

	set_text(row, "owner", owner);
	if (state != NULL) {
		instant_format(state->at, at);
		set_text(row, "evidence", state->evidence);
		set_text(row, "subject", state->subject);
		set_text(row, "at", at);
	}
	(void)json_array_append_new(list, row);
}

json_t *checklist_json(const struct release *r, const struct policy *bound)
{
	json_t *out = json_array();

	for (size_t i = 0; bound != NULL && i < bound->nrequires; i++) {
		const struct policy_require *w = &bound->requires[i];

		if (release_require_is_checked(r, bound, w->name))
			add_check(out, r, w->name, w->otherwise, "start");
	}
	for (size_t s = 0; bound != NULL && s < bound->nstages; s++) {
		const struct policy_stage *stage = &bound->stages[s];

		for (size_t k = 0; k < stage->nchecks; k++)
			add_check(out, r, stage->checks[k].name, stage->checks[k].owner,
			          stage->stage);
	}
	for (size_t i = 0; bound != NULL && r->rollback.active && i < bound->rollback.nreentry; i++)
		add_check(out, r, bound->rollback.reentry[i], NULL, "re-entry");
	return out;
}

json_t *sign_offs_json(const struct release *r, const struct policy *bound)
{
	json_t *out = json_array();

	for (size_t s = 0; bound != NULL && s < bound->nstages; s++) {
		const struct policy_stage *stage = &bound->stages[s];

		for (size_t k = 0; k < stage->napprovals; k++) {
			const struct policy_approval *a = &stage->approvals[k];

			(void)json_array_append_new(
			        out,
			        json_pack("{s:s, s:s, s:I, s:I}", "stage", stage->stage, "role",
			                  a->name, "needed", (json_int_t)a->count, "given",
			                  (json_int_t)release_approvals(r, a->name, stage->stage)));
		}
	}
	return out;
}
