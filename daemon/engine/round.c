/*
 * round - evaluation rounds: at each release's interval all its gates are looked at together, the
 * checkpoint moves, and whatever is due by then is decided.
 */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "gate/alerts.h"
#include "gate/health.h"
#include "gate/kpi_pushed.h"
#include "gate/kpi_remote.h"
#include "log.h"
#include "metrics.h"
#include "source/source.h"

/* The strictest quorum any gate asks of this KPI (rule K7: a gate may only raise it). */
static double kpi_quorum(const struct policy *p, size_t kpi)
{
	double quorum = 0;

	for (size_t i = 0; i < p->ngates; i++)
		if ((p->gates[i].kpi_index == kpi || p->gates[i].against_index == kpi) &&
		    p->gates[i].quorum > quorum)
			quorum = p->gates[i].quorum;
	return quorum;
}

static void read_kpi(const struct tracked *t, size_t i, struct wall at, struct arena *arena,
                     struct kpi_reading *out)
{
	const struct policy *p = t->bound;
	const struct kpi *kpi = &p->kpis[i];
	struct wall exposed_since = release_exposed_since(t->release);

	if (kpi->pushed_ms > 0)
		kpi_read_pushed(kpi, t->release->measurements, t->release->nmeasurements, at,
		                exposed_since, out);
	else if (p->sources[kpi->source_index].kind == SOURCE_SCRAPE)
		kpi_read(kpi, subscription_source(t->subscription, kpi->source_index),
		         kpi_quorum(p, i), at, exposed_since, arena, out);
	else
		kpi_read_remote(kpi, subscription_remote(t->subscription, i), at, exposed_since,
		                out);
}

static bool read_kpis(const struct tracked *t, struct wall at, struct arena *arena,
                      struct gate_evidence *out)
{
	const struct policy *p = t->bound;
	struct kpi_reading *readings = arena_array(arena, p->nkpis, sizeof(*readings));

	if (readings == NULL && p->nkpis > 0)
		return false;
	for (size_t i = 0; i < p->nkpis; i++)
		read_kpi(t, i, at, arena, &readings[i]);
	out->kpis = readings;
	out->kpi_list = p->kpis;
	out->nkpis = p->nkpis;
	return true;
}

static bool read_probes(const struct tracked *t, struct arena *arena, struct gate_evidence *out)
{
	size_t n = t->bound->ngates;
	const struct gate_probe **probes = arena_array(arena, n, sizeof(*probes));
	const struct gate_alerts **alerts = arena_array(arena, n, sizeof(*alerts));
	size_t *nprobes = arena_array(arena, n, sizeof(*nprobes));

	if (n > 0 && (probes == NULL || alerts == NULL || nprobes == NULL))
		return false;
	for (size_t i = 0; i < n; i++) {
		probes[i] = subscription_probes(t->subscription, i, &nprobes[i]);
		alerts[i] = subscription_alerts(t->subscription, i);
	}
	out->probes = probes;
	out->nprobes = nprobes;
	out->alerts = alerts;
	return true;
}

/* A release's first checkpoint has room for every gate of its policy. */
static bool checkpoint_ready(struct tracked *t)
{
	struct checkpoint *c = t->checkpoint;

	if (c != NULL && c->ngates == t->bound->ngates)
		return true;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return false;
	c->gates = calloc(t->bound->ngates + 1, sizeof(*c->gates));
	if (c->gates == NULL) {
		free(c);
		return false;
	}
	c->ngates = t->bound->ngates;
	c->stage = t->release->stage;
	checkpoint_follow(c, t->release);
	if (t->checkpoint != NULL) {
		field_free(&checkpoint_table, t->checkpoint);
		free(t->checkpoint);
	}
	t->checkpoint = c;
	return true;
}

/* When gates last remembered something that a restart must not lose. */
static int64_t newest_memory(const struct checkpoint *c)
{
	int64_t newest = 0;

	for (size_t i = 0; i < c->ngates; i++) {
		const struct gate_state *g = &c->gates[i];

		for (size_t r = 0; r < GATE_MAX_RUNGS; r++)
			if (g->rungs[r].last_vote.ms > newest)
				newest = g->rungs[r].last_vote.ms;
		if (g->past.n > 0 && g->past.list[g->past.n - 1].at.ms > newest)
			newest = g->past.list[g->past.n - 1].at.ms;
	}
	return newest;
}

/* Once per gate and release, until it sees again. */
static void log_blind(struct tracked *t, const struct evaluation *now)
{
	for (size_t i = 0; i < now->ngates && i < POLICY_MAX_GATES; i++) {
		uint64_t bit = UINT64_C(1) << i;
		bool blind = now->gates[i].measure.blind[0] != '\0';

		if (blind && !(t->blind_gates & bit))
			log_line(LOG_WARN, "gate_blind", "release=%lld gate=%s why=%s",
			         (long long)t->release->id, t->bound->gates[i].name,
			         log_quote(now->gates[i].measure.blind));
		t->blind_gates = blind ? t->blind_gates | bit : t->blind_gates & ~bit;
	}
}

static void keep_evaluation(struct engine *e, struct tracked *t, struct evaluation *take,
                            int64_t remembered_before)
{
	bool changed = t->evaluation == NULL || t->last_verdict != take->verdict;
	json_t *record;

	log_blind(t, take);
	evaluation_free(&t->evaluation);
	t->evaluation = take;
	t->last_verdict = take->verdict;
	tracked_render_evaluation(t);
	checkpoint_write(e, t, changed || newest_memory(t->checkpoint) != remembered_before);
	record = t->evaluation_json == NULL ? NULL : json_incref(t->evaluation_json);
	if (record != NULL)
		store_evaluation(e->app->store, t->release->id, t->release->row_version, record);
}

static void round_run(struct engine *e, struct tracked *t)
{
	struct now now = loop_now(e->app->loop);
	struct mono started = loop_clock();
	struct err err = {.code = ERR_NONE};
	struct gate_evidence evidence = {.at = now.wall,
	                                 .exposed_since = release_exposed_since(t->release),
	                                 .entering = t->release->step == STEP_ENTERING,
	                                 .evaluate_every_ms = t->bound->evaluate_every_ms,
	                                 .incidents = &t->incidents};
	struct evaluation *evaluation = NULL;
	struct arena arena;
	int64_t remembered;

	if (now.wall.ms - t->next_round.ms > t->bound->evaluate_every_ms)
		metric_add(e->app->metrics, METRIC_EVALUATIONS_LATE, 1);
	t->next_round.ms = now.wall.ms + t->bound->evaluate_every_ms;
	arena_init(&arena, ENGINE_EVALUATION_BYTES);
	if (!checkpoint_ready(t) || !read_kpis(t, now.wall, &arena, &evidence) ||
	    !read_probes(t, &arena, &evidence)) {
		(void)err_set(&err, ERR_NOMEM, "no memory for an evaluation");
		goto out;
	}
	remembered = newest_memory(t->checkpoint);
	evaluation = release_evaluate(t->release, t->bound, &evidence, t->checkpoint, &err);
	if (evaluation != NULL)
		keep_evaluation(e, t, evaluation, remembered);
out:
	if (evaluation == NULL)
		log_err(LOG_WARN, "evaluation_skipped", &err, "release=%lld",
		        (long long)t->release->id);
	arena_fini(&arena);
	metric_add(e->app->metrics, METRIC_EVALUATIONS, 1);
	metric_add(e->app->metrics, METRIC_EVALUATION_SECONDS,
	           (double)(loop_clock().ns - started.ns) / 1e9);
}

/* Time left to the next round. More than an interval: the clock was set back. */
static bool interval_is_over(const struct engine *e, const struct tracked *t)
{
	int64_t left_ms = t->next_round.ms - loop_now(e->app->loop).wall.ms;

	return left_ms <= 0 || left_ms > t->bound->evaluate_every_ms;
}

/* Planned releases are looked at too once they are watched: their gates are shown, and series are
 * first seen before anything depends on them. */
static bool round_is_due(const struct engine *e, const struct tracked *t)
{
	return e->owner && t->subscription != NULL && t->bound != NULL && t->committing == NULL &&
	       t->release->state != RELEASE_ROLLING_BACK && t->release->state != RELEASE_FAILED &&
	       interval_is_over(e, t);
}

void round_look(struct engine *e, struct tracked *t)
{
	if (round_is_due(e, t))
		round_run(e, t);
}

/* Another instance owns the releases: what it watches need not be watched here too. A short loss of
 * the lease keeps the samples. */
static void let_go(struct engine *e, struct tracked *t)
{
	int64_t since = loop_now(e->app->loop).wall.ms - e->not_owner_since.ms;

	if (!e->owner && e->store_up && since > ENGINE_LET_GO_MS)
		subscription_free(&t->subscription);
}

static void tick_one(struct engine *e, struct tracked *t, bool look)
{
	if (look)
		door_tell_doubt(e, t);
	if (t->stale && t->committing == NULL && e->store_up && look)
		engine_reload_release(e, t);
	incidents_look(e, t);
	if (round_is_due(e, t)) {
		round_run(e, t);
		door_decide(e, t);
	} else if (look) {
		tracked_watch(e, t);
		let_go(e, t);
		if (!t->outbox_known || !t->drift_known)
			outbox_refresh(e, t);
		door_decide(e, t);
	}
}

static void count_releases(struct engine *e)
{
	size_t active = 0, unconfirmed = 0;

	for (size_t i = 0; i < e->n; i++) {
		active += release_is_active(e->list[i]->release->state);
		unconfirmed += e->list[i]->release->rollback.unconfirmed &&
		               (e->list[i]->release->state == RELEASE_ROLLING_BACK ||
		                e->list[i]->release->state == RELEASE_FAILED);
	}
	metric_set(e->app->metrics, METRIC_RELEASES_ACTIVE, (double)active);
	metric_set(e->app->metrics, METRIC_ROLLBACKS_UNCONFIRMED, (double)unconfirmed);
}

/* The database's clock stepped: samples of both times must not meet in one window, and pages of the
 * old time would keep those of the new one out. */
static void notice_step(struct engine *e)
{
	struct now now = loop_now(e->app->loop);
	int64_t wall_ms = now.wall.ms - e->ticked.wall.ms;
	int64_t mono_ms = (now.mono.ns - e->ticked.mono.ns) / 1000000;

	if (e->ticked.mono.ns != 0 && llabs(wall_ms - mono_ms) > ENGINE_CLOCK_STEP_MS) {
		log_line(LOG_WARN, "samples_dropped", "clock_step_ms=%lld",
		         (long long)(wall_ms - mono_ms));
		sources_forget(e->app->sources);
	}
	e->ticked = now;
}

/* Each release is looked at for what time alone makes due once a second, a tenth of them per tick.
 */
void engine_tick(void *ctx)
{
	struct engine *e = ctx;
	uint64_t tick = e->ticks++;

	loop_timer_start(&e->tick, ENGINE_TICK_MS);
	notice_step(e);
	for (size_t i = 0; i < e->n; i++) {
		struct tracked *t = e->list[i];

		if (release_is_ended(t->release->state) && t->subscription == NULL && !t->stale &&
		    t->committing == NULL)
			continue;
		tick_one(e, t, (uint64_t)t->release->id % 10 == tick % 10);
	}
	if (tick % 10 == 0)
		count_releases(e);
}
