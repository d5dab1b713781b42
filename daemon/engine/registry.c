/*
 * registry - the releases in memory and the ways to find them.
 */
#include "engine/internal.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "log.h"
#include "metrics.h"
#include "source/source.h"

bool registry_init(struct engine *e, struct err *err)
{
	e->versions = map_new(e->app->seed);
	e->pairs = map_new(e->app->seed);
	if (e->versions == NULL || e->pairs == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the registry");
	return true;
}

static size_t registry_position(const struct engine *e, int64_t id)
{
	size_t low = 0, high = e->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (e->list[middle]->release->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct tracked *registry_find(const struct engine *e, int64_t id)
{
	size_t at = registry_position(e, id);

	return at < e->n && e->list[at]->release->id == id ? e->list[at] : NULL;
}

const struct tracked *engine_find(const struct engine *e, int64_t id)
{
	return registry_find(e, id);
}

const struct tracked *engine_next(const struct engine *e, size_t *at)
{
	if (*at >= e->n)
		return NULL;
	return e->list[e->n - ++*at];
}

static void version_key(const struct release *r, char out[ENGINE_NAME_MAX])
{
	snprintf(out, ENGINE_NAME_MAX, "%s@%s", r->service, r->version);
}

static void pair_key(const char *service, const char *environment, char out[ENGINE_NAME_MAX])
{
	snprintf(out, ENGINE_NAME_MAX, "%s/%s", service, environment);
}

/* Makes room for one more pointer, so that the insertion after it cannot fail. */
static bool list_reserve(struct tracked ***list, size_t n, size_t *capacity)
{
	size_t wanted = *capacity == 0 ? 4 : *capacity * 2;
	struct tracked **grown;

	if (n < *capacity)
		return true;
	grown = realloc(*list, wanted * sizeof(struct tracked *));
	if (grown == NULL)
		return false;
	*list = grown;
	*capacity = wanted;
	return true;
}

static void list_insert(struct tracked **list, size_t *n, size_t at, struct tracked *t)
{
	memmove(list + at + 1, list + at, (*n - at) * sizeof(struct tracked *));
	list[at] = t;
	++*n;
}

/* The group under `key`, made when absent, with room for one more. */
static struct group *group_reserve(struct map *groups, const char *key, struct err *err)
{
	struct group *group = map_get(groups, str_of(key));

	if (group == NULL) {
		group = calloc(1, sizeof(*group));
		if (group == NULL) {
			(void)err_set(err, ERR_NOMEM, "no memory for an index");
			return NULL;
		}
		if (!map_put(groups, str_of(key), group, err)) {
			free(group);
			return NULL;
		}
	}
	if (!list_reserve(&group->list, group->n, &group->capacity)) {
		(void)err_set(err, ERR_NOMEM, "no memory for an index");
		return NULL;
	}
	return group;
}

static void group_insert(struct group *group, struct tracked *t)
{
	size_t at = group->n;

	while (at > 0 && group->list[at - 1]->release->id > t->release->id)
		at--;
	list_insert(group->list, &group->n, at, t);
}

static void group_remove(struct map *groups, const char *key, const struct tracked *t)
{
	struct group *group = map_get(groups, str_of(key));

	if (group == NULL)
		return;
	for (size_t i = 0; i < group->n; i++) {
		if (group->list[i] != t)
			continue;
		group->n--;
		memmove(group->list + i, group->list + i + 1,
		        (group->n - i) * sizeof(struct tracked *));
		break;
	}
	if (group->n == 0) {
		(void)map_remove(groups, str_of(key));
		free(group->list);
		free(group);
	}
}

static void tracked_free(struct tracked *t)
{
	subscription_free(&t->subscription);
	release_free(&t->release);
	if (t->checkpoint != NULL) {
		field_free(&checkpoint_table, t->checkpoint);
		free(t->checkpoint);
	}
	policy_free(&t->bound);
	evaluation_free(&t->evaluation);
	json_decref(t->evaluation_json);
	json_decref(t->evaluations);
	json_decref(t->timeline);
	free(t->trouble);
	free(t->refused_action);
	outbox_forget_drift(t);
	free(t->smoke_action);
	gate_incidents_clear(&t->incidents);
	free(t);
}

/* Finds the release of that id or begins to track it; takes the snapshot either way on success. An
 * existing one gets the new snapshot in place of its own. */
struct tracked *registry_obtain(struct engine *e, struct release *take, struct err *err)
{
	struct tracked *t = registry_find(e, take->id);
	char version[ENGINE_NAME_MAX], pair[ENGINE_NAME_MAX];
	struct group *versions, *pairs;

	if (t != NULL) {
		release_free(&t->release);
		t->release = take;
		return t;
	}
	version_key(take, version);
	pair_key(take->service, take->environment, pair);
	versions = group_reserve(e->versions, version, err);
	pairs = versions == NULL ? NULL : group_reserve(e->pairs, pair, err);
	if (pairs == NULL)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL || !list_reserve(&e->list, e->n, &e->capacity)) {
		free(t);
		(void)err_set(err, ERR_NOMEM, "no memory for a release");
		return NULL;
	}
	t->release = take;
	t->ops_end = &t->ops;
	t->as_of = loop_now(e->app->loop).wall;
	list_insert(e->list, &e->n, registry_position(e, take->id), t);
	group_insert(versions, t);
	group_insert(pairs, t);
	metric_set(e->app->metrics, METRIC_RELEASES_TRACKED, (double)e->n);
	return t;
}

void registry_drop(struct engine *e, struct tracked *t)
{
	size_t at = registry_position(e, t->release->id);
	char key[ENGINE_NAME_MAX];

	assert(at < e->n && e->list[at] == t);
	version_key(t->release, key);
	group_remove(e->versions, key, t);
	pair_key(t->release->service, t->release->environment, key);
	group_remove(e->pairs, key, t);
	e->n--;
	memmove(e->list + at, e->list + at + 1, (e->n - at) * sizeof(struct tracked *));
	tracked_free(t);
	metric_set(e->app->metrics, METRIC_RELEASES_TRACKED, (double)e->n);
}

/* A completed release may still be rolled back; it is kept like one that has not ended while it may
 * be. */
static bool may_roll_back_still(const struct engine *e, const struct tracked *t)
{
	return t->release->state == RELEASE_COMPLETED && t->bound != NULL &&
	       loop_now(e->app->loop).wall.ms - t->release->finished_at.ms <
	               t->bound->rollback.window_ms;
}

/* Rule A6: the pair's next release asks for the re-entry checks of the newest that was rolled back.
 */
static bool keeps_reentry(const struct engine *e, const struct tracked *t)
{
	const struct release *r = t->release;
	const struct group *pair = registry_pair(e, r->service, r->environment);

	if (!r->rollback.active)
		return false;
	for (size_t i = 0; pair != NULL && i < pair->n; i++) {
		const struct release *other = pair->list[i]->release;

		if (other->id > r->id && release_is_ended(other->state) &&
		    (other->rollback.active || other->state == RELEASE_COMPLETED))
			return false;
	}
	return true;
}

static bool tracked_is_droppable(const struct engine *e, const struct tracked *t)
{
	return t->committing == NULL && t->ops == NULL && release_is_ended(t->release->state) &&
	       !may_roll_back_still(e, t) && !keeps_reentry(e, t);
}

void registry_trim(struct engine *e)
{
	size_t ended = 0;

	for (size_t i = 0; i < e->n; i++)
		ended += tracked_is_droppable(e, e->list[i]);
	for (size_t i = 0; i < e->n && ended > ENGINE_ENDED_KEPT;) {
		if (!tracked_is_droppable(e, e->list[i])) {
			i++;
			continue;
		}
		registry_drop(e, e->list[i]);
		ended--;
	}
}

static void groups_free(struct map **groups)
{
	size_t at = 0;
	struct str key;
	void *value;

	if (*groups == NULL)
		return;
	while (map_next(*groups, &at, &key, &value)) {
		struct group *group = value;

		free(group->list);
		free(group);
	}
	map_free(groups);
}

void registry_free(struct engine *e)
{
	for (size_t i = 0; i < e->n; i++)
		tracked_free(e->list[i]);
	free(e->list);
	e->list = NULL;
	e->n = 0;
	groups_free(&e->versions);
	groups_free(&e->pairs);
}

const struct group *registry_pair(const struct engine *e, const char *service,
                                  const char *environment)
{
	char key[ENGINE_NAME_MAX];

	pair_key(service, environment, key);
	return map_get(e->pairs, str_of(key));
}

const struct tracked *engine_find_version(const struct engine *e, const char *service,
                                          const char *version, const char *environment,
                                          json_t **out_several)
{
	char key[ENGINE_NAME_MAX];
	const struct group *group;
	const struct tracked *newest = NULL;
	bool several = false;

	*out_several = NULL;
	snprintf(key, sizeof(key), "%s@%s", service, version);
	group = map_get(e->versions, str_of(key));
	if (group == NULL)
		return NULL;
	for (size_t i = group->n; i-- > 0;) {
		const struct release *r = group->list[i]->release;

		if (environment != NULL && strcmp(r->environment, environment) != 0)
			continue;
		if (newest == NULL)
			newest = group->list[i];
		else if (strcmp(newest->release->environment, r->environment) != 0)
			several = true;
	}
	if (!several)
		return newest;
	*out_several = json_array();
	for (size_t i = 0; i < group->n; i++) {
		const char *name = group->list[i]->release->environment;
		bool known = false;
		size_t at;
		json_t *seen;

		json_array_foreach(*out_several, at, seen) known =
		        known || strcmp(json_string_value(seen), name) == 0;
		if (!known)
			(void)json_array_append_new(*out_several, json_string(name));
	}
	return NULL;
}

/* Makes the bound policy from the pinned one, and anew when the release was moved to another; what
 * fails is said in `trouble` and blocks every advance. */
void tracked_bind(struct engine *e, struct tracked *t)
{
	const struct release *r = t->release;
	const struct policy *written = engine_policy_by_hash(e, r->policy_hash);
	struct err err = {.code = ERR_NONE};
	struct policy_values values = {
	        .service = r->service,
	        .environment = r->environment,
	        .version = r->version,
	        .stable_version = r->stable_version,
	        .params = r->params,
	};

	struct policy *old = t->bound;
	struct subscription *watched = t->subscription;

	if (old != NULL && strcmp(old->hash, r->policy_hash) == 0)
		return;
	t->bound = NULL;
	t->subscription = NULL;
	evaluation_free(&t->evaluation);
	free(t->trouble);
	t->trouble = NULL;
	if (written == NULL)
		(void)err_set(&err, ERR_NOT_FOUND, "its policy %s (%.12s) is not in the database",
		              r->policy_name, r->policy_hash);
	else
		t->bound = policy_bind(written, &values, &err);
	if (t->bound == NULL) {
		t->trouble = text_dup(err.text);
		log_err(LOG_ERROR, "policy_unusable", &err, "release=%lld policy=%s",
		        (long long)r->id, log_quote(r->policy_name));
	}
	/* Watched anew before the old is let go: targets that remain keep their samples. */
	if (watched != NULL)
		tracked_watch(e, t);
	subscription_free(&watched);
	policy_free(&old);
}

/* Rule K6: from 15 min before the scheduled start (or from creation when that is later) to the end.
 */
static bool tracked_wants_watching(const struct engine *e, const struct tracked *t)
{
	const struct release *r = t->release;
	struct wall now = loop_now(e->app->loop).wall;

	if (t->bound == NULL || release_is_ended(r->state) || r->state == RELEASE_COMPLETED)
		return false;
	if (r->state == RELEASE_PLANNED && r->start.ms > now.ms + INT64_C(15) * 60 * 1000)
		return false;
	return true;
}

void tracked_watch(struct engine *e, struct tracked *t)
{
	struct err err = {.code = ERR_NONE};

	if (!tracked_wants_watching(e, t)) {
		subscription_free(&t->subscription);
		return;
	}
	if (t->subscription != NULL || !e->owner)
		return;
	t->subscription = sources_subscribe(e->app->sources, t->bound, &err);
	if (t->subscription != NULL)
		subscription_set_release(t->subscription,
		                         (const struct release *const *)&t->release);
	if (t->subscription == NULL && !t->watching_refused)
		log_err(LOG_ERROR, "sources_refused", &err, "release=%lld",
		        (long long)t->release->id);
	t->watching_refused = t->subscription == NULL; /* tried again every second, said once */
	t->next_round = loop_now(e->app->loop).wall;
}

void tracked_render_evaluation(struct tracked *t)
{
	json_t *rendered;

	if (t->evaluation == NULL || t->bound == NULL)
		return;
	rendered = evaluation_to_json(t->evaluation, t->bound);
	if (rendered == NULL)
		return;
	json_decref(t->evaluation_json);
	t->evaluation_json = rendered;
	if (t->evaluations == NULL)
		t->evaluations = json_array();
	(void)json_array_insert(t->evaluations, 0, rendered);
	while (json_array_size(t->evaluations) > ENGINE_RECENT_EVALUATIONS)
		(void)json_array_remove(t->evaluations, json_array_size(t->evaluations) - 1);
}
