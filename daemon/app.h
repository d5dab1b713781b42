/*
 * app - the one process: its parts, borrowed by all of them. No globals; whoever needs another part
 * gets it from here.
 */
#ifndef DAEMON_APP_H
#define DAEMON_APP_H

#include <stdint.h>

struct config;
struct delivery;
struct drift;
struct engine;
struct fetcher;
struct loop;
struct metrics;
struct notifier;
struct httpd;
struct sources;
struct store;
struct tokens;

struct app {
	const struct config *config;
	struct loop *loop;
	struct metrics *metrics;
	struct store *store;
	struct fetcher *fetcher;   /* curl on the loop */
	struct sources *sources;   /* scrapes and probes */
	struct delivery *delivery; /* outbox */
	struct drift *drift;       /* what was acknowledged, looked at again */
	struct engine *engine;     /* the one door */
	struct notifier *notifier; /* what is told of its decisions */
	struct tokens *tokens;
	struct httpd *httpd;
	char instance[64]; /* host-pid-random: lease holder, denied-request chain */
	uint64_t seed;     /* for hash tables, from getrandom */
};

#endif
