/*
 * release_view - a release as the API shows it: its place, why it is not moving, and what would
 * work now.
 */
#include "api/release_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/checklist.h"
#include "base/units.h"
#include "release/comparison.h"
#include "source/source.h"

static json_t *instant_json(struct wall at)
{
	char text[UNITS_TEXT_MAX];

	if (at.ms == 0)
		return json_null();
	instant_format(at, text);
	return json_string(text);
}

static json_t *duration_json(int64_t ms)
{
	char text[UNITS_TEXT_MAX];

	duration_format(ms, text);
	return json_string(text);
}

static json_t *stage_json(const struct release *r, const struct policy *bound)
{
	const struct policy_stage *stage = bound == NULL ? NULL : release_stage(r, bound);
	json_t *out;

	if (stage == NULL)
		return json_null();
	out = json_pack("{s:I, s:s, s:s}", "index", (json_int_t)r->stage, "name", stage->stage,
	                "kind", stage_kind_names[stage->kind]);
	if (out != NULL && stage->weight >= 0)
		(void)json_object_set_new(out, "weight", json_integer((json_int_t)stage->weight));
	if (out != NULL && stage->audience != NULL)
		(void)json_object_set_new(out, "audience", json_string(stage->audience));
	(void)json_object_set_new(out, "since", instant_json(r->stage_since));
	return out;
}

static json_t *bake_json(const struct tracked *t)
{
	const struct policy_stage *stage =
	        t->bound == NULL ? NULL : release_stage(t->release, t->bound);
	bool stabilising = t->release->state == RELEASE_STABILISING;
	int64_t required = stage == NULL ? 0 : stage->bake_ms;
	json_t *out = json_object();

	if (stabilising && t->bound != NULL)
		required = t->bound->rollback.stabilise_bake_ms;
	(void)json_object_set_new(
	        out, "observed",
	        duration_json(t->checkpoint == NULL ? 0 : t->checkpoint->observed_ms));
	(void)json_object_set_new(out, "required", duration_json(required));
	return out;
}

static json_t *gates_summary(const struct tracked *t)
{
	json_t *out = json_object();

	for (size_t i = 0; t->evaluation != NULL && t->bound != NULL && i < t->evaluation->ngates;
	     i++)
		(void)json_object_set_new(
		        out, t->bound->gates[i].name,
		        json_string(gate_result_names[t->evaluation->gates[i].result]));
	return out;
}

static json_t *waiting_json(const struct tracked *t, const struct release_facts *facts)
{
	struct waiting list[RELEASE_WAITING_MAX];
	json_t *out = json_array();
	size_t n;

	if (t->trouble != NULL) {
		(void)json_array_append_new(out, json_pack("{s:s}", "sentence", t->trouble));
		return out;
	}
	if (t->bound == NULL)
		return out;
	n = release_waiting_for(t->release, t->checkpoint, t->bound, facts, list);
	for (size_t i = 0; i < n; i++) {
		json_t *row = json_pack("{s:s}", "sentence", list[i].sentence);

		if (row != NULL && list[i].since.ms != 0)
			(void)json_object_set_new(row, "since", instant_json(list[i].since));
		if (row != NULL && list[i].until.ms != 0)
			(void)json_object_set_new(row, "until", instant_json(list[i].until));
		(void)json_array_append_new(out, row);
	}
	return out;
}

json_t *release_view_legal(unsigned legal)
{
	json_t *out = json_array();

	for (int i = 0; i < EVENT_OPERATOR_COUNT; i++)
		if ((legal & (1u << i)) != 0)
			(void)json_array_append_new(out, json_string(release_event_names[i]));
	return out;
}

/* The roles called so far, and who follows unless somebody acknowledges. */
static json_t *call_json(const struct call *c, const struct policy *bound)
{
	size_t n = 0;
	const struct policy_level *levels = bound == NULL ? NULL : policy_escalation(bound, &n);
	json_t *called = json_array();
	json_t *next = json_null();
	json_t *out = json_object();

	for (size_t i = 0; i < n && (int64_t)i < c->level; i++)
		(void)json_array_append_new(called, json_string(levels[i].role));
	if (c->acknowledged_by == NULL && c->level >= 0 && (size_t)c->level < n)
		next = json_pack(
		        "{s:s, s:o}", "role", levels[c->level].role, "at",
		        instant_json((struct wall){c->since.ms + levels[c->level].after_ms}));
	(void)json_object_set_new(out, "cause", json_string(c->cause));
	(void)json_object_set_new(out, "reason", json_string(c->reason == NULL ? "" : c->reason));
	(void)json_object_set_new(out, "since", instant_json(c->since));
	(void)json_object_set_new(out, "called", called);
	(void)json_object_set_new(out, "called_at", instant_json(c->called_at));
	(void)json_object_set_new(out, "next", next);
	(void)json_object_set_new(out, "acknowledged_by",
	                          c->acknowledged_by == NULL ? json_null()
	                                                     : json_string(c->acknowledged_by));
	(void)json_object_set_new(out, "acknowledged_at", instant_json(c->acknowledged_at));
	return out;
}

static json_t *calls_json(const struct tracked *t)
{
	json_t *out = json_array();

	for (size_t i = 0; i < t->release->ncalls; i++)
		(void)json_array_append_new(out, call_json(&t->release->calls[i], t->bound));
	return out;
}

static void add_links(json_t *out, const struct release *r)
{
	static const char *const below[] = {"gates", "targets", "timeline", "evaluations",
	                                    "actions"};
	json_t *links = r->links == NULL ? json_object() : json_deep_copy(r->links);
	char path[64];

	snprintf(path, sizeof(path), "/v1/releases/%" PRId64, r->id);
	(void)json_object_set_new(links, "self", json_string(path));
	for (size_t i = 0; i < ARRAY_LEN(below); i++) {
		snprintf(path, sizeof(path), "/v1/releases/%" PRId64 "/%s", r->id, below[i]);
		(void)json_object_set_new(links, below[i], json_string(path));
	}
	(void)json_object_set_new(out, "links", links);
}

/* Members that the snapshot's own table already knows how to write. */
static void add_from_table(json_t *out, const struct release *r)
{
	static const char *const keys[] = {"holds",
	                                   "approvals",
	                                   "checks",
	                                   "waivers",
	                                   "results",
	                                   "author",
	                                   "ticket",
	                                   "artifact",
	                                   "params",
	                                   "stable_version",
	                                   "live_version",
	                                   "incident_record",
	                                   "incident_applied",
	                                   "addressed",
	                                   "rollback"};
	/* The last one only where a way back was decided. */
	json_t *some = field_encode_some(&release_table, r, keys,
	                                 ARRAY_LEN(keys) - (r->rollback.active ? 0 : 1));

	(void)json_object_update_missing(out, some);
	json_decref(some);
}

/* What was recorded when it finished, else what there is so far. */
static void add_comparison(json_t *out, const struct tracked *t)
{
	json_t *list = t->release->comparison != NULL ? json_incref(t->release->comparison)
	               : t->bound != NULL             ? comparison_to_json(t->checkpoint, t->bound)
	                                              : NULL;

	if (list != NULL)
		(void)json_object_set_new(out, "comparison", list);
}

json_t *release_view(const struct engine *e, const struct tracked *t)
{
	const struct release *r = t->release;
	struct release_facts facts;
	json_t *out = json_object();
	bool judged = t->evaluation != NULL;
	unsigned legal = 0;

	engine_facts(e, t, &facts);
	(void)json_object_set_new(out, "id", json_integer((json_int_t)r->id));
	(void)json_object_set_new(out, "service", json_string(r->service));
	(void)json_object_set_new(out, "environment", json_string(r->environment));
	(void)json_object_set_new(out, "version", json_string(r->version));
	(void)json_object_set_new(out, "attempt", json_integer((json_int_t)r->attempt));
	(void)json_object_set_new(out, "state", json_string(release_state_names[r->state]));
	(void)json_object_set_new(out, "stage", stage_json(r, t->bound));
	(void)json_object_set_new(out, "step", json_string(stage_step_names[r->step]));
	(void)json_object_set_new(out, "exposed", json_boolean(r->exposed));
	(void)json_object_set_new(out, "bake", bake_json(t));
	(void)json_object_set_new(out, "verdict",
	                          judged ? json_string(verdict_names[t->evaluation->verdict])
	                                 : json_null());
	(void)json_object_set_new(out, "gates", gates_summary(t));
	(void)json_object_set_new(out, "waiting_for", waiting_json(t, &facts));
	if (t->bound != NULL)
		legal = release_legal(r, t->checkpoint, t->bound, &facts);
	(void)json_object_set_new(out, "legal", release_view_legal(legal));
	(void)json_object_set_new(out, "calls", calls_json(t));
	(void)json_object_set_new(out, "checklist", checklist_json(r, t->bound));
	(void)json_object_set_new(out, "sign_offs", sign_offs_json(r, t->bound));
	add_from_table(out, r);
	add_comparison(out, t);
	(void)json_object_set_new(
	        out, "policy",
	        json_pack("{s:s, s:s}", "name", r->policy_name, "hash", r->policy_hash));
	(void)json_object_set_new(out, "row_version", json_integer((json_int_t)r->row_version));
	(void)json_object_set_new(
	        out, "as_of",
	        instant_json(t->as_of.ms > engine_as_of(e).ms ? t->as_of : engine_as_of(e)));
	(void)json_object_set_new(out, "created_at", instant_json(r->created_at));
	(void)json_object_set_new(out, "started_at", instant_json(r->started_at));
	(void)json_object_set_new(out, "updated_at", instant_json(r->updated_at));
	if (r->start.ms != 0)
		(void)json_object_set_new(out, "start", instant_json(r->start));
	if (r->announced.ms != 0)
		(void)json_object_set_new(out, "announced", instant_json(r->announced));
	add_links(out, r);
	return out;
}

json_t *release_view_gates(const struct engine *e, const struct tracked *t)
{
	static const char *const keys[] = {"measurements"};
	json_t *out = field_encode_some(&release_table, t->release, keys, ARRAY_LEN(keys));

	if (out == NULL)
		out = json_object();

	(void)json_object_set_new(out, "release", json_integer((json_int_t)t->release->id));
	(void)json_object_set(out, "evaluation",
	                      t->evaluation_json == NULL ? json_null() : t->evaluation_json);
	(void)json_object_set_new(out, "sources",
	                          t->subscription == NULL ? json_array()
	                                                  : subscription_to_json(t->subscription));
	(void)json_object_set_new(out, "as_of", instant_json(engine_as_of(e)));
	return out;
}

json_t *release_view_targets(const struct engine *e, const struct tracked *t)
{
	json_t *out = json_object();

	(void)json_object_set_new(out, "release", json_integer((json_int_t)t->release->id));
	(void)json_object_set_new(out, "sources",
	                          t->subscription == NULL ? json_array()
	                                                  : subscription_targets(t->subscription));
	(void)json_object_set_new(out, "as_of", instant_json(engine_as_of(e)));
	return out;
}

void release_etag(const struct tracked *t, char out[RELEASE_ETAG_TEXT])
{
	snprintf(out, RELEASE_ETAG_TEXT, "\"%" PRId64 ".%" PRId64 ".%" PRId64 "\"", t->release->id,
	         t->release->row_version, t->evaluation == NULL ? 0 : t->evaluation->number);
}

bool release_if_match(const struct tracked *t, const char *value, int64_t *out_row_version)
{
	struct str text = str_trim(str_of(value));
	struct err err = {.code = ERR_NONE};
	int64_t part[3] = {0, 0, 0};
	size_t n = 0, from = 1;

	if (text.n < 5 || text.p[0] != '"' || text.p[text.n - 1] != '"')
		return false;
	for (size_t i = 1; i < text.n; i++) {
		if (text.p[i] != '.' && i != text.n - 1)
			continue;
		if (n == 3 || !int_parse(str_slice(text, from, i), &part[n++], &err))
			return false;
		from = i + 1;
	}
	if (n < 2 || part[0] != t->release->id)
		return false;
	*out_row_version = part[1];
	return true;
}
