#include "notifier.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "config.h"
#include "log.h"
#include "loop/loop.h"
#include "metrics.h"

struct notifier {
	struct app *app;
	struct notify_bucket *buckets; /* one for each sink */
};

/* What one decision took out of one bucket. */
struct taken {
	size_t sink;
	bool ok;
	int64_t held_back; /* what it says of earlier ones */
};
struct told {
	struct notifier *notifier;
	int64_t release_id;
	size_t messages, withheld, unheard_calls;
	struct taken *taken;
	size_t ntaken, capacity;
};

/* Without memory to remember it, it is not put back. */
static void remember(struct told *told, struct taken taken)
{
	if (told->ntaken == told->capacity) {
		size_t capacity = told->capacity == 0 ? 4 : 2 * told->capacity;
		struct taken *grown = realloc(told->taken, capacity * sizeof(*grown));

		if (grown == NULL)
			return;
		told->taken = grown;
		told->capacity = capacity;
	}
	told->taken[told->ntaken++] = taken;
}

static bool admit(void *ctx, size_t sink, bool is_urgent, int64_t *out_held_back)
{
	struct told *told = ctx;
	struct notifier *n = told->notifier;
	int64_t now_ms = loop_now(n->app->loop).mono.ns / 1000000;
	bool ok = notify_bucket_take(&n->buckets[sink], &n->app->config->notify.throttle, now_ms,
	                             is_urgent, out_held_back);

	remember(told, (struct taken){.sink = sink, .ok = ok, .held_back = *out_held_back});
	return ok;
}

/* Moves the messages; false without memory, then they are still the result's. */
static bool append_take(struct outcome *outcome, struct notify_result *result)
{
	size_t n = outcome->nmessages + result->n;
	struct message *grown;

	if (result->n == 0)
		return true;
	grown = realloc(outcome->messages, n * sizeof(*grown));
	if (grown == NULL)
		return false;
	memcpy(&grown[outcome->nmessages], result->messages, result->n * sizeof(*grown));
	outcome->messages = grown;
	outcome->nmessages = n;
	free(result->messages);
	result->messages = NULL;
	return true;
}

static bool compose(struct told *told, const struct notify_moment *moment,
                    const struct notify_outage *outage, struct outcome *outcome)
{
	const struct config *config = told->notifier->app->config;
	struct notify_result result = {0};
	struct err err = {.code = ERR_NONE};

	if (!notify_compose(&(struct notify_job){.config = &config->notify,
	                                         .moment = moment,
	                                         .public_url = config->public_url,
	                                         .outage = outage,
	                                         .admit = admit,
	                                         .ctx = told},
	                    &result, &err))
		return false;
	told->messages = result.n;
	told->withheld = result.withheld;
	told->unheard_calls = result.unheard_calls;
	if (append_take(outcome, &result))
		return true;
	messages_free(result.messages, result.n);
	return false;
}

struct told *notifier_append(struct notifier *n, const struct notify_moment *moment,
                             const struct notify_outage *outage, struct outcome *outcome)
{
	struct told *told = calloc(1, sizeof(*told));

	if (told != NULL) {
		told->notifier = n;
		told->release_id = moment->next->id;
	}
	if (told == NULL || !compose(told, moment, outage, outcome)) {
		log_line(LOG_ERROR, "notification_without_memory", "release=%" PRId64 " what=%s",
		         moment->next->id, release_event_names[moment->decision->event]);
		if (told != NULL)
			notifier_settle(n, &told, false);
		return NULL;
	}
	return told;
}

static void put_back(struct notifier *n, const struct told *told)
{
	for (size_t i = 0; i < told->ntaken; i++)
		notify_bucket_put_back(&n->buckets[told->taken[i].sink],
		                       &n->app->config->notify.throttle, told->taken[i].ok,
		                       told->taken[i].held_back);
}

static void count(struct notifier *n, const struct told *told)
{
	struct metrics *m = n->app->metrics;

	metric_add(m, METRIC_NOTIFICATIONS, (double)(told->messages - told->withheld));
	metric_add(m, METRIC_NOTIFICATIONS_THROTTLED, (double)told->withheld);
	metric_add(m, METRIC_CALLS_UNHEARD, (double)told->unheard_calls);
	if (told->withheld > 0)
		log_line(LOG_WARN, "notifications_throttled", "release=%" PRId64 " messages=%zu",
		         told->release_id, told->withheld);
	if (told->unheard_calls > 0)
		log_line(LOG_ERROR, "call_unheard", "release=%" PRId64 " calls=%zu why=%s",
		         told->release_id, told->unheard_calls,
		         log_quote("people were called and no route of notify: leads to anybody"));
}

void notifier_settle(struct notifier *n, struct told **told, bool committed)
{
	struct told *t = *told;

	*told = NULL;
	if (t == NULL)
		return;
	if (committed)
		count(n, t);
	else
		put_back(n, t);
	free(t->taken);
	free(t);
}

struct notifier *notifier_new(struct app *app, struct err *err)
{
	struct notifier *n = calloc(1, sizeof(*n));

	if (n != NULL)
		n->buckets = calloc(app->config->notify.nsinks + 1, sizeof(*n->buckets));
	if (n == NULL || n->buckets == NULL) {
		free(n);
		(void)err_set(err, ERR_NOMEM, "no memory for notifications");
		return NULL;
	}
	n->app = app;
	if (!notify_hears_calls(&app->config->notify))
		log_line(
		        LOG_WARN, "calls_go_unheard", "why=%s",
		        log_quote("no route of notify: leads calls for people to anybody: they are "
		                  "logged and shown, and nobody is told"));
	return n;
}

void notifier_free(struct notifier **notifier)
{
	struct notifier *n = *notifier;

	if (n == NULL)
		return;
	*notifier = NULL;
	free(n->buckets);
	free(n);
}
