/*
 * loop - the single-threaded event loop and the only reader of clocks.
 *
 * Each turn: one sample of `now`, timers, I/O, then a fixed ordered list in ev_prepare
 * (completions, HTTP kick, store flush, watchdog), which fits one screen in loop.c. Nothing may
 * depend on the order between timers and I/O. While the list leaves work, the loop does not sleep.
 *
 * wall is database time: CLOCK_BOOTTIME plus an offset learned at lease renewals and commits. Until
 * the first lesson loop_wall_known() is false and wall is the system clock's, good for logs only.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "base/err.h"
#include "base/time.h"

struct loop;
struct metrics;
typedef void (*loop_fn)(void *ctx);

struct loop *loop_new(struct metrics *metrics, struct err *err);
void loop_free(struct loop **loop);
void loop_run(struct loop *loop); /* until loop_stop */
void loop_stop(struct loop *loop);
struct ev_loop *loop_ev(struct loop *loop);

struct now loop_now(const struct loop *loop); /* of this turn */
bool loop_wall_known(const struct loop *loop);
/* The database said it was `database` when we sent at `sent` and heard at now: the offset is taken
 * at the middle, kept when the round trip was longer than the best of late. Steps are logged. */
void loop_learn_wall(struct loop *loop, struct mono sent, struct wall database);
struct mono loop_clock(void); /* reads the clock: for measuring durations only */

/* Runs fn once at the end of this turn (or of the next when called from there). Never in the call.
 */
bool loop_later(struct loop *loop, loop_fn fn, void *ctx);
void loop_later_cancel(struct loop *loop, loop_fn fn, void *ctx); /* for a ctx about to be freed */
/* Joins the prepare list; smaller `order` first. At most 16. fn is called every turn. */
enum loop_order { LOOP_COMPLETIONS = 0, LOOP_ENGINE, LOOP_STORE_FLUSH, LOOP_HTTP, LOOP_LAST };
void loop_on_prepare(struct loop *loop, enum loop_order order, loop_fn fn, void *ctx);
void loop_off_prepare(struct loop *loop, loop_fn fn, void *ctx); /* leaves it again */
void loop_stay_awake(struct loop *loop);                         /* the next wait returns at once */

struct loop_timer {
	ev_timer ev;
	struct loop *loop;
	loop_fn fn;
	void *ctx;
};
void loop_timer_init(struct loop_timer *t, struct loop *loop, loop_fn fn, void *ctx);
void loop_timer_start(struct loop_timer *t, int64_t delay_ms); /* restarts when running */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_running(const struct loop_timer *t);

#endif
