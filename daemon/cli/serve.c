/*
 * serve - `headgate serve`: puts the parts together, runs the loop, takes them apart again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>
#include <systemd/sd-daemon.h>

#include "action/delivery.h"
#include "action/drift.h"
#include "api/auth.h"
#include "api/httpd.h"
#include "app.h"
#include "cli/commands.h"
#include "config.h"
#include "engine/engine.h"
#include "log.h"
#include "loop/fetch.h"
#include "loop/loop.h"
#include "metrics.h"
#include "notifier.h"
#include "source/source.h"
#include "store/store.h"
#include "version.h"

#define WATCHDOG_MS 5000
#define MAX_REQUESTS 256
#define MULTIS_MIN 16
#define TARGETS_PER_MULTI 75
#define SHUTDOWN_MS 10000

struct serve {
	struct app app;
	struct config *config;
	struct metrics metrics;
	ev_signal terminate, interrupt, hangup;
	struct loop_timer watchdog, shutdown;
	bool stopping;
};

static const char *config_path(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--config") == 0)
		return argv[2];
	if (argc == 1)
		return "/etc/headgate/headgate.yaml";
	return NULL;
}

static struct config *read_config(const char *path)
{
	struct problems problems;
	struct config *config;
	struct buf text;

	problems_init(&problems);
	config = config_load(path, &problems);
	if (config == NULL) {
		buf_init(&text, 64 * 1024);
		problems_print(&problems, &text);
		fputs(buf_str(&text).n > 0 ? buf_str(&text).p : "", stderr);
		buf_fini(&text);
	}
	problems_fini(&problems);
	return config;
}

static void set_log_level(const char *name)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
	        {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (name != NULL && strcmp(levels[i].name, name) == 0)
			log_set_level(levels[i].level);
}

/* Secrets do not end in core files, descriptors are not the first thing to run out, a gone client
 * is an error code and no signal. Signals are blocked for curl's resolver threads by being handled
 * through the loop. */
static void prepare_process(void)
{
	struct rlimit limit;
	int fd;

	(void)prctl(PR_SET_DUMPABLE, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL); /* ignored by who started us, children would vanish */
	while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= STDERR_FILENO)
		; /* what was closed must not become a socket */
	if (fd > STDERR_FILENO)
		close(fd);
	limit = (struct rlimit){0, 0};
	(void)setrlimit(RLIMIT_CORE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static bool name_instance(struct app *app, struct err *err)
{
	char host[32] = "localhost";
	uint32_t random;

	if (getrandom(&app->seed, sizeof(app->seed), 0) != (ssize_t)sizeof(app->seed) ||
	    getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(err, ERR_UNAVAILABLE, "the system gives no random bytes");
	json_object_seed((size_t)app->seed);
	(void)gethostname(host, sizeof(host) - 1);
	snprintf(app->instance, sizeof(app->instance), "%s-%ld-%08x", host, (long)getpid(),
	         (unsigned)random);
	return true;
}

static bool build(struct serve *s, struct err *err)
{
	static const size_t per_multi = TARGETS_PER_MULTI;
	struct app *app = &s->app;
	size_t targets = (size_t)s->config->limits.targets;
	size_t multis = targets / per_multi > MULTIS_MIN ? targets / per_multi : MULTIS_MIN;
	const struct store_callbacks news = {.up = engine_store_up,
	                                     .down = engine_store_down,
	                                     .lease_gained = engine_lease_gained,
	                                     .lease_lost = engine_lease_lost};
	struct store_callbacks calls = news;

	app->config = s->config;
	app->metrics = &s->metrics;
	if (!name_instance(app, err))
		return false;
	app->loop = loop_new(&s->metrics, err);
	if (app->loop == NULL)
		return false;
	app->fetcher = fetcher_new(app->loop, multis, MAX_REQUESTS, err);
	if (app->fetcher == NULL)
		return false;
	app->sources = sources_new(app, err);
	if (app->sources == NULL)
		return false;
	app->delivery = delivery_new(app, err);
	if (app->delivery == NULL)
		return false;
	app->notifier = notifier_new(app, err);
	if (app->notifier == NULL)
		return false;
	app->drift = drift_new(app, err);
	if (app->drift == NULL)
		return false;
	app->engine = engine_new(app, err);
	if (app->engine == NULL)
		return false;
	calls.ctx = app->engine;
	app->store = store_new(app, s->config->database, &calls, err);
	if (app->store == NULL)
		return false;
	app->tokens = tokens_new(app, s->config->tokens_file, err);
	if (app->tokens == NULL)
		return false;
	app->httpd = httpd_new(app, err);
	return app->httpd != NULL;
}

/* The order of release: whoever may still call another goes first. */
static void take_apart(struct serve *s)
{
	struct app *app = &s->app;

	httpd_free(&app->httpd);
	drift_free(&app->drift);
	delivery_free(&app->delivery);
	store_free(&app->store);
	engine_free(&app->engine);
	notifier_free(&app->notifier);
	sources_free(&app->sources);
	tokens_free(&app->tokens);
	fetcher_free(&app->fetcher);
	loop_free(&app->loop);
	config_free(&s->config);
}

static void stopped(void *ctx)
{
	struct serve *s = ctx;

	loop_stop(s->app.loop);
}

/* Commands are gone, and that is recorded: now the lease goes back. */
static void give_back(void *ctx)
{
	struct serve *s = ctx;

	store_shutdown(s->app.store, stopped, s);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	struct serve *s = watcher->data;

	(void)loop;
	(void)events;
	if (s->stopping) {
		loop_stop(s->app.loop);
		return;
	}
	s->stopping = true;
	log_line(LOG_INFO, "stopping", "signal=%d", watcher->signum);
	(void)sd_notify(0, "STOPPING=1");
	httpd_drain(s->app.httpd);
	loop_timer_start(&s->shutdown, SHUTDOWN_MS);
	delivery_stop(s->app.delivery, give_back, s);
}

static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
	log_line(LOG_WARN, "not_reloaded", "why=%s",
	         log_quote("the configuration and policy files are read at start only: restart, "
	                   "which loses nothing; tokens are read again by themselves"));
}

static void watch_signals(struct serve *s)
{
	/* Whoever asks for a reload, or closes a terminal, must not end the gate. */
	ev_signal_init(&s->hangup, on_hangup, SIGHUP);
	ev_signal_start(loop_ev(s->app.loop), &s->hangup);
	ev_signal_init(&s->terminate, on_signal, SIGTERM);
	ev_signal_init(&s->interrupt, on_signal, SIGINT);
	s->terminate.data = s->interrupt.data = s;
	ev_signal_start(loop_ev(s->app.loop), &s->terminate);
	ev_signal_start(loop_ev(s->app.loop), &s->interrupt);
}

/* Runs from the loop, so it is silent exactly when the loop does not turn. A database that is away
 * must not starve it. */
static void watchdog(void *ctx)
{
	struct serve *s = ctx;

	(void)sd_notifyf(0, "WATCHDOG=1\nSTATUS=store %s, %s, %.0f active releases",
	                 store_is_up(s->app.store) ? "up" : "away",
	                 engine_is_owner(s->app.engine) ? "owner" : "standby",
	                 s->metrics.values[METRIC_RELEASES_ACTIVE]);
	loop_timer_start(&s->watchdog, WATCHDOG_MS);
}

static int run(struct serve *s)
{
	watch_signals(s);
	loop_timer_init(&s->watchdog, s->app.loop, watchdog, s);
	loop_timer_init(&s->shutdown, s->app.loop, stopped, s);
	loop_timer_start(&s->watchdog, WATCHDOG_MS);
	(void)sd_notify(0, "READY=1");
	log_line(LOG_INFO, "listening", "version=%s instance=%s port=%d", HEADGATE_VERSION,
	         s->app.instance, httpd_port(s->app.httpd));
	loop_run(s->app.loop);
	ev_signal_stop(loop_ev(s->app.loop), &s->terminate);
	ev_signal_stop(loop_ev(s->app.loop), &s->interrupt);
	ev_signal_stop(loop_ev(s->app.loop), &s->hangup);
	loop_timer_stop(&s->watchdog);
	loop_timer_stop(&s->shutdown);
	log_line(LOG_INFO, "stopped", "instance=%s", s->app.instance);
	return EXIT_DONE;
}

int serve_command(int argc, char **argv)
{
	const char *path = config_path(argc, argv);
	struct serve *s = calloc(1, sizeof(*s));
	struct err err = {.code = ERR_NONE};
	int status = EXIT_CONFIG;

	if (path == NULL || s == NULL) {
		fprintf(stderr, "usage: headgate serve --config FILE\n");
		free(s);
		return EXIT_USAGE;
	}
	prepare_process();
	curl_global_init(CURL_GLOBAL_DEFAULT);
	s->config = read_config(path);
	if (s->config != NULL) {
		set_log_level(s->config->log_level);
		if (build(s, &err))
			status = run(s);
		else
			log_err(LOG_ERROR, "start_failed", &err, "config=%s", log_quote(path));
	}
	take_apart(s);
	curl_global_cleanup();
	free(s);
	return status;
}
