/* watch - sharing and the schedule: every address has its own place in the interval, so that a
 * thousand targets are not asked in the same moment. */
#include "source/watch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/units.h"
#include "config.h"
#include "credentials.h"

#define KEY_MAX ((size_t)128 * 1024)
#define HEADERS_MAX 48 /* more than credentials and a kind have together */
#define NS_PER_MS INT64_C(1000000)
/* First questions go out this far apart: a start with thousands of targets is no flood. */
#define FIRST_STEP_MS 2
/* Places are this far apart: waking up for each of a thousand targets costs more than the asking.
 */
#define PLACE_MS 10

struct wall watch_now(const struct watch *w)
{
	return loop_now(w->sources->app->loop).wall;
}

void watch_answered(struct watch *w, bool ok)
{
	struct wall now = watch_now(w);

	if (!ok && w->last_good.ms == 0)
		w->first_failed = true;
	if (ok && (w->is_failing || w->last_good.ms == 0))
		w->good_since = now;
	if (ok)
		w->last_good = now;
	else
		w->failed_at = now;
	w->is_failing = !ok;
}

static int64_t mono_ms(const struct watch *w)
{
	return loop_now(w->sources->app->loop).mono.ns / NS_PER_MS;
}

/* --- the schedule --- */

/* Until the next of the watch's own places in the interval: 1..every_ms. */
static int64_t slot_delay_ms(const struct watch *w)
{
	int64_t offset = (int64_t)(str_hash(str_of(w->url), 0) % (uint64_t)w->every_ms);

	offset -= offset % PLACE_MS;
	return w->every_ms - ((mono_ms(w) + w->every_ms - offset) % w->every_ms);
}

static void schedule(struct watch *w)
{
	int64_t delay = slot_delay_ms(w);
	int64_t since = mono_ms(w) - w->started.ns / NS_PER_MS;

	/* The first question goes out at once and not in its place: the second must not follow on
	 * its heels. */
	if (w->started.ns != 0 && since + delay < w->every_ms / 2)
		delay += w->every_ms;
	loop_timer_start(&w->timer, delay);
}

static void end_first(struct watch *w)
{
	if (w->is_first) {
		w->is_first = false;
		w->sources->nfirst--;
	}
}

static void on_time(void *ctx)
{
	struct watch *w = ctx;

	end_first(w);
	if (w->fetch == NULL) {
		w->started = loop_now(w->sources->app->loop).mono;
		w->kind->start(w);
	}
	schedule(w);
}

static void schedule_first(struct watch *w)
{
	int64_t delay = (int64_t)w->sources->nfirst * FIRST_STEP_MS;

	w->is_first = true;
	w->sources->nfirst++;
	loop_timer_start(&w->timer, delay < w->every_ms ? delay : w->every_ms);
}

void watch_restart(struct watch *w)
{
	if (w->fetch != NULL) {
		fetch_cancel(w->fetch);
		w->fetch = NULL;
	}
	end_first(w);
	w->is_failing = w->first_failed = false;
	w->failed_at = w->last_good = w->good_since = (struct wall){0};
	w->started = (struct mono){0};
	schedule(w);
}

/* With the credentials' headers, when there are any. */
static bool send_with_headers(struct watch *w, struct fetch_request *request, struct err *err)
{
	const char *headers[HEADERS_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
		if (n < HEADERS_MAX)
			headers[n++] = request->headers[i];
	}
	for (char **line = w->credentials != NULL ? w->credentials->lines : NULL;
	     line != NULL && *line != NULL; line++) {
		if (n < HEADERS_MAX)
			headers[n++] = *line;
	}
	headers[n] = NULL;
	request->headers = headers;
	w->fetch = fetch_start(w->sources->app->fetcher, request, err);
	return w->fetch != NULL;
}

static bool show_credentials(const struct watch *w, struct fetch_request *request, struct err *err)
{
	if (!w->has_credentials)
		return true;
	if (w->credentials == NULL)
		return err_set(err, ERR_INVALID, "its credentials are not in headgate.yaml");
	if (!credentials_fit(w->credentials, request->url, err))
		return false;
	request->tls = &w->credentials->secrets.tls;
	if (w->credentials->secrets.allowed != NULL)
		request->networks = w->credentials->secrets.allowed;
	return true;
}

bool watch_fetch(struct watch *w, const struct fetch_request *more, struct err *err)
{
	struct fetch_request request = *more;

	assert(w->fetch == NULL);
	if (request.method == NULL)
		request.method = "GET";
	if (request.url == NULL)
		request.url = w->url;
	if (request.timeout_ms <= 0 || request.timeout_ms > w->timeout_ms)
		request.timeout_ms = w->timeout_ms;
	request.networks = w->sources->app->config->allowed;
	request.ctx = w;
	return show_credentials(w, &request, err) && send_with_headers(w, &request, err);
}

/* --- sharing --- */

static void add_interval(struct watch *w)
{
	int64_t every = INT64_MAX, timeout = 0;

	for (const struct interest *i = w->interests; i != NULL; i = i->next_of_watch) {
		if (i->every_ms < every)
			every = i->every_ms;
		if (i->timeout_ms > timeout)
			timeout = i->timeout_ms;
	}
	w->timeout_ms = timeout < every ? timeout : every;
	if (every == w->every_ms)
		return;
	w->every_ms = every;
	if (!w->is_first && loop_timer_running(&w->timer))
		schedule(w);
}

static bool interests_changed(struct watch *w, struct err *err)
{
	add_interval(w);
	return w->kind->needs_changed == NULL || w->kind->needs_changed(w, err);
}

void watch_describe_alerts(const struct watch *w, json_t *into)
{
	const struct gate_alerts *a = w->kind->alerts(w);
	char names[160];

	alert_list_names(a->list, NULL, 0, names, sizeof(names));
	(void)json_object_set_new(into, "up", json_boolean(a->known));
	(void)json_object_set_new(into, "last_attempt", instant_json(a->at.ms));
	(void)json_object_set_new(into, "firing", json_integer((json_int_t)a->firing));
	(void)json_object_set_new(into, "alerts", json_string(names));
	(void)json_object_set_new(into, "error",
	                          a->why[0] != '\0' ? json_string(a->why) : json_null());
}

void watch_free(struct watch *w)
{
	struct sources *s = w->sources;

	loop_timer_stop(&w->timer);
	end_first(w);
	if (w->fetch != NULL)
		fetch_cancel(w->fetch);
	w->fetch = NULL;
	w->kind->stop(w);
	if (w->key != NULL && map_get(s->watches, str_of(w->key)) == w)
		(void)map_remove(s->watches, str_of(w->key));
	s->nwatches--;
	free(w->key);
	free(w->url);
	free(w);
}

static struct watch *watch_new(struct sources *s, const struct watch_kind *kind,
                               const struct ask *ask, char *key_take, struct err *err)
{
	struct watch *w = calloc(1, kind->size);

	if (w == NULL) {
		free(key_take);
		(void)err_set(err, ERR_NOMEM, "no memory to watch an address");
		return NULL;
	}
	w->kind = kind;
	w->sources = s;
	s->nwatches++;
	w->key = key_take;
	w->url = text_dup(ask->url);
	w->has_credentials = ask->credentials != NULL;
	if (w->has_credentials)
		w->credentials = config_credentials(s->app->config, ask->credentials);
	loop_timer_init(&w->timer, s->app->loop, on_time, w);
	if (w->url == NULL)
		(void)err_set(err, ERR_NOMEM, "no memory to watch an address");
	else if (kind->init(w, ask, err) && map_put(s->watches, str_of(w->key), w, err))
		return w;
	watch_free(w);
	return NULL;
}

static bool make_key(const struct watch_kind *kind, const struct ask *ask, struct buf *out,
                     struct err *err)
{
	buf_init(out, KEY_MAX);
	buf_printf(out, "%s %s %s %s", kind->name, ask->url,
	           ask->credentials != NULL ? ask->credentials : "", ask->share);
	return buf_ok(out, err);
}

static struct watch *watch_find(const struct sources *s, const struct watch_kind *kind,
                                const struct ask *ask)
{
	struct watch *w = NULL;
	struct err ignored;
	struct buf key;

	if (make_key(kind, ask, &key, &ignored))
		w = map_get(s->watches, buf_str(&key));
	buf_fini(&key);
	return w;
}

static struct watch *watch_obtain(struct sources *s, const struct watch_kind *kind,
                                  const struct ask *ask, struct err *err)
{
	int64_t most = s->app->config->limits.targets;
	struct watch *w;
	struct buf key;
	char *text;

	if (!make_key(kind, ask, &key, err)) {
		buf_fini(&key);
		return NULL;
	}
	w = map_get(s->watches, buf_str(&key));
	if (w == NULL && (int64_t)s->nwatches >= most) {
		(void)err_set(err, ERR_LIMIT,
		              "%zu addresses are being watched and no more are allowed "
		              "(limits.targets)",
		              s->nwatches);
	} else if (w == NULL) {
		text = buf_take_text(&key);
		w = watch_new(s, kind, ask, text, err);
	}
	buf_fini(&key);
	return w;
}

static void interest_leave(struct interest *i)
{
	struct watch *w = i->watch;
	struct interest **at = &w->interests;
	struct err ignored;

	while (*at != i)
		at = &(*at)->next_of_watch;
	*at = i->next_of_watch;
	free(i);
	if (w->interests == NULL)
		watch_free(w);
	else
		(void)interests_changed(w, &ignored); /* else it does more than is needed */
}

void interests_leave(struct interest **list)
{
	while (*list != NULL) {
		struct interest *i = *list;

		*list = i->next;
		interest_leave(i);
	}
}

size_t interests_count(const struct interest *list)
{
	size_t n = 0;

	for (; list != NULL; list = list->next)
		n++;
	return n;
}

/* At the end of a list, whose last `next` is *end. */
static bool interest_add(struct interest **end, struct watch *w, const struct ask *ask,
                         struct err *err)
{
	bool is_new = w->interests == NULL;
	struct interest *i = calloc(1, sizeof(*i));

	if (i == NULL) {
		if (is_new)
			watch_free(w);
		return err_set(err, ERR_NOMEM, "no memory to watch an address");
	}
	i->watch = w;
	i->every_ms = ask->every_ms;
	i->timeout_ms = ask->timeout_ms;
	i->needs = ask->needs;
	i->next_of_watch = w->interests;
	w->interests = i;
	*end = i;
	if (!interests_changed(w, err))
		return false; /* whoever drops the list lets go of it */
	if (is_new)
		schedule_first(w);
	return true;
}

bool subscription_join(struct subscription *s, struct interest **list,
                       const struct watch_kind *kind, const struct ask *ask, struct err *err)
{
	struct watch *w = watch_obtain(s->sources, kind, ask, err);

	if (w == NULL)
		return false;
	if (ask->out != NULL)
		*ask->out = w;
	for (; *list != NULL; list = &(*list)->next) {
		if ((*list)->watch == w)
			return true;
	}
	return interest_add(list, w, ask, err);
}

/* Leaves all whose watch does not bear the mark `kept`; the others get `listed`. Where the list
 * ends. */
static struct interest **leave_others(struct interest **list, uint64_t kept, uint64_t listed)
{
	while (*list != NULL) {
		struct interest *i = *list;

		if (i->watch->mark == kept) {
			i->watch->mark = listed;
			list = &i->next;
			continue;
		}
		*list = i->next;
		interest_leave(i);
	}
	return list;
}

bool subscription_rejoin(struct subscription *s, struct interest **list,
                         const struct watch_kind *kind, const struct ask *asks, size_t n,
                         struct err *err)
{
	uint64_t kept = ++s->sources->last_mark, listed = ++s->sources->last_mark;
	struct interest **fresh, **end;

	for (size_t i = 0; i < n; i++) {
		struct watch *w = watch_find(s->sources, kind, &asks[i]);

		if (w != NULL)
			w->mark = kept;
	}
	fresh = end = leave_others(list, kept, listed);
	for (size_t i = 0; i < n; i++) {
		struct watch *w = watch_obtain(s->sources, kind, &asks[i], err);

		if (w != NULL && w->mark == listed)
			continue;
		if (w == NULL || !interest_add(end, w, &asks[i], err)) {
			interests_leave(fresh);
			return false;
		}
		w->mark = listed;
		end = &(*end)->next;
	}
	return true;
}
