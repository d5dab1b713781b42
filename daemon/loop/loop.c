/* loop - turns of the event loop: sample the clocks, let timers and I/O run, then the fixed list.
 */
#include "loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "log.h"
#include "metrics.h"

#define PREPARE_MAX 16
#define LATER_MAX 65536
#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL
#define RECENT_SLOTS 60 /* one per second: the last minute */
#define LESSON_MAX_AGE_NS                                                                          \
	(60 * NS_PER_S) /* a better round trip than this old is of late no more                    \
	                 */
#define STEP_MS 1000    /* a correction from here on is a step: logged, and time may go back */

struct later {
	loop_fn fn;
	void *ctx;
};
struct laters {
	struct later *items;
	size_t n, capacity;
};
struct prepare_entry {
	enum loop_order order;
	loop_fn fn;
	void *ctx;
};
struct recent {
	int64_t second;
	double longest;
};

struct loop {
	struct ev_loop *ev;
	ev_check check;
	ev_prepare prepare;
	ev_idle idle;
	struct metrics *metrics;
	struct now now;
	struct mono suspended; /* BOOTTIME - MONOTONIC: time this machine slept */

	bool wall_known;
	int64_t wall_offset_ns; /* database time - BOOTTIME */
	int64_t best_round_ns;  /* round trip of the lesson in force */
	struct mono best_at;

	struct laters later, running;
	struct prepare_entry list[PREPARE_MAX];
	size_t nlist;
	struct recent recent[RECENT_SLOTS];
	bool in_turn; /* between check and prepare: the time in which something ran */
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) != 0)
		abort(); /* cannot fail for the clocks used here; without time nothing may advance
		          */
	return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

struct mono loop_clock(void)
{
	return (struct mono){.ns = clock_ns(CLOCK_BOOTTIME)};
}

static void loop_sample(struct loop *loop)
{
	struct mono mono = loop_clock();
	int64_t asleep = mono.ns - clock_ns(CLOCK_MONOTONIC);
	int64_t wall;

	if (loop->now.mono.ns != 0 && asleep - loop->suspended.ns > NS_PER_S)
		log_line(LOG_WARN, "suspended", "slept_ms=%lld",
		         (long long)((asleep - loop->suspended.ns) / NS_PER_MS));
	loop->suspended.ns = asleep;
	loop->now.mono = mono;
	if (!loop->wall_known) {
		loop->now.wall.ms = clock_ns(CLOCK_REALTIME) / NS_PER_MS;
		return;
	}
	/* Small corrections never turn time back: only a step may (loop_learn_wall). */
	wall = (mono.ns + loop->wall_offset_ns) / NS_PER_MS;
	if (wall > loop->now.wall.ms)
		loop->now.wall.ms = wall;
}

void loop_learn_wall(struct loop *loop, struct mono sent, struct wall database)
{
	int64_t now = loop->now.mono.ns;
	int64_t round = now - sent.ns;
	int64_t offset, apart;
	bool step;

	if (round < 0 || database.ms <= 0)
		return;
	offset = database.ms * NS_PER_MS - (sent.ns + round / 2);
	if (!loop->wall_known) {
		loop->wall_known = true;
		loop->wall_offset_ns = offset;
		loop->best_round_ns = round;
		loop->best_at = loop->now.mono;
		loop->now.wall.ms = (now + offset) / NS_PER_MS;
		return;
	}
	apart = llabs(offset - loop->wall_offset_ns);
	/* Two honest lessons differ by at most half of each round trip, and the database's
	 * milliseconds. */
	step = apart > round / 2 + loop->best_round_ns / 2 + STEP_MS * NS_PER_MS;
	if (!step && round > loop->best_round_ns && now - loop->best_at.ns < LESSON_MAX_AGE_NS)
		return;
	if (step) {
		log_line(LOG_WARN, "database_clock_step", "step_ms=%lld round_trip_ms=%lld",
		         (long long)((offset - loop->wall_offset_ns) / NS_PER_MS),
		         (long long)(round / NS_PER_MS));
		loop->now.wall.ms = (now + offset) / NS_PER_MS;
	}
	loop->wall_offset_ns = offset;
	loop->best_round_ns = round;
	loop->best_at = loop->now.mono;
}

struct now loop_now(const struct loop *loop)
{
	return loop->now;
}

bool loop_wall_known(const struct loop *loop)
{
	return loop->wall_known;
}

struct ev_loop *loop_ev(struct loop *loop)
{
	return loop->ev;
}

/* --- the turn --- */

static void loop_begin_turn(struct ev_loop *ev, ev_check *w, int revents)
{
	struct loop *loop = w->data;

	(void)revents;
	ev_idle_stop(ev, &loop->idle);
	loop_sample(loop);
	loop->in_turn = true;
}

static void loop_run_later(struct loop *loop)
{
	struct laters batch = loop->later;

	/* What these queue goes into the other array and waits for the next turn. */
	loop->later = loop->running;
	loop->later.n = 0;
	loop->running = batch;
	for (size_t i = 0; i < batch.n; i++) {
		if (batch.items[i].fn != NULL) /* not cancelled by one before it */
			batch.items[i].fn(batch.items[i].ctx);
	}
	loop->running.n = 0;
}

static void loop_measure_turn(struct loop *loop)
{
	double took = (double)(loop_clock().ns - loop->now.mono.ns) / (double)NS_PER_S;
	int64_t second = loop->now.mono.ns / NS_PER_S;
	struct recent *slot = &loop->recent[second % RECENT_SLOTS];
	double longest = 0;

	if (slot->second != second)
		*slot = (struct recent){.second = second};
	if (took > slot->longest)
		slot->longest = took;
	for (size_t i = 0; i < RECENT_SLOTS; i++) {
		if (loop->recent[i].second > second - RECENT_SLOTS &&
		    loop->recent[i].longest > longest)
			longest = loop->recent[i].longest;
	}
	metric_add(loop->metrics, METRIC_LOOP_TURNS, 1);
	metric_set(loop->metrics, METRIC_LOOP_LONGEST_RECENT, longest);
	if (took > loop->metrics->values[METRIC_LOOP_LONGEST_TURN])
		metric_set(loop->metrics, METRIC_LOOP_LONGEST_TURN, took);
}

/* Everything that happens once per turn, in this order: what ended during the turn is told first,
 * so that its consequences (engine) still travel in this turn's one statement (store flush), whose
 * answers in turn are nobody's business before the next turn; HTTP goes after both, so that a reply
 * made by either leaves now. */
static void loop_end_turn(struct ev_loop *ev, ev_prepare *w, int revents)
{
	struct loop *loop = w->data;

	(void)revents;
	if (!loop->in_turn)
		loop_sample(loop); /* the very first prepare comes before any check */
	loop_run_later(loop);
	for (size_t i = 0; i < loop->nlist; i++)
		loop->list[i].fn(loop->list[i].ctx);
	if (loop->later.n > 0)
		ev_idle_start(ev, &loop->idle); /* the list left work: do not sleep */
	loop_measure_turn(loop);
	loop->in_turn = false;
}

static void loop_do_nothing(struct ev_loop *ev, ev_idle *w, int revents)
{
	(void)ev;
	(void)w;
	(void)revents;
}

void loop_stay_awake(struct loop *loop)
{
	ev_idle_start(loop->ev, &loop->idle);
}

bool loop_later(struct loop *loop, loop_fn fn, void *ctx)
{
	struct laters *l = &loop->later;

	if (l->n == l->capacity) {
		size_t capacity = l->capacity == 0 ? 64 : 2 * l->capacity;
		struct later *items;

		if (capacity > LATER_MAX)
			return false;
		items = realloc(l->items, capacity * sizeof(*items));
		if (items == NULL)
			return false;
		l->items = items;
		l->capacity = capacity;
	}
	l->items[l->n++] = (struct later){.fn = fn, .ctx = ctx};
	if (!loop->in_turn)
		ev_idle_start(loop->ev, &loop->idle);
	return true;
}

static void laters_forget(struct laters *l, loop_fn fn, void *ctx)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->items[i].fn == fn && l->items[i].ctx == ctx)
			l->items[i].fn = NULL;
	}
}

void loop_later_cancel(struct loop *loop, loop_fn fn, void *ctx)
{
	laters_forget(&loop->later, fn, ctx);
	laters_forget(&loop->running, fn, ctx);
}

void loop_on_prepare(struct loop *loop, enum loop_order order, loop_fn fn, void *ctx)
{
	size_t at = loop->nlist;

	assert(loop->nlist < PREPARE_MAX);
	for (; at > 0 && loop->list[at - 1].order > order; at--)
		loop->list[at] = loop->list[at - 1];
	loop->list[at] = (struct prepare_entry){.order = order, .fn = fn, .ctx = ctx};
	loop->nlist++;
}

void loop_off_prepare(struct loop *loop, loop_fn fn, void *ctx)
{
	size_t kept = 0;

	for (size_t i = 0; i < loop->nlist; i++) {
		if (loop->list[i].fn != fn || loop->list[i].ctx != ctx)
			loop->list[kept++] = loop->list[i];
	}
	loop->nlist = kept;
}

/* --- life --- */

struct loop *loop_new(struct metrics *metrics, struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL) {
		err_set(err, ERR_NOMEM, "no memory for the loop");
		return NULL;
	}
	loop->ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (loop->ev == NULL) {
		err_set(err, ERR_UNAVAILABLE, "libev has no usable backend");
		free(loop);
		return NULL;
	}
	loop->metrics = metrics;
	loop_sample(loop);
	metric_set(metrics, METRIC_START_TIME, (double)loop->now.wall.ms / 1000.0);

	ev_check_init(&loop->check, loop_begin_turn);
	ev_set_priority(&loop->check, EV_MAXPRI); /* before every other callback of the turn */
	loop->check.data = loop;
	ev_check_start(loop->ev, &loop->check);
	ev_prepare_init(&loop->prepare, loop_end_turn);
	loop->prepare.data = loop;
	ev_prepare_start(loop->ev, &loop->prepare);
	ev_idle_init(&loop->idle, loop_do_nothing);
	return loop;
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (l == NULL)
		return;
	ev_loop_destroy(l->ev);
	free(l->later.items);
	free(l->running.items);
	free(l);
	*loop = NULL;
}

void loop_run(struct loop *loop)
{
	ev_run(loop->ev, 0);
}

void loop_stop(struct loop *loop)
{
	ev_break(loop->ev, EVBREAK_ALL);
}

/* --- timers --- */

static void timer_fired(struct ev_loop *ev, ev_timer *w, int revents)
{
	struct loop_timer *t = w->data;

	(void)ev;
	(void)revents;
	t->fn(t->ctx);
}

void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn fn, void *ctx)
{
	*t = (struct loop_timer){.loop = loop, .fn = fn, .ctx = ctx};
	ev_timer_init(&t->ev, timer_fired, 0., 0.);
	t->ev.data = t;
}

void loop_timer_start(struct loop_timer *t, int64_t delay_ms)
{
	ev_timer_stop(t->loop->ev, &t->ev);
	ev_timer_set(&t->ev, (double)(delay_ms > 0 ? delay_ms : 0) / 1000.0, 0.);
	ev_timer_start(t->loop->ev, &t->ev);
}

void loop_timer_stop(struct loop_timer *t)
{
	ev_timer_stop(t->loop->ev, &t->ev);
}

bool loop_timer_running(const struct loop_timer *t)
{
	return t->ev.active != 0;
}
