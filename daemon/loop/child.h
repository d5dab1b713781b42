/*
 * child - one run of a program: started without a shell, watched by the loop through a pidfd,
 * ended as a whole process group.
 *
 * What is given is borrowed during child_start() only. Signals are the program's own again, it has
 * no descriptor of ours but 0 to 2, standard output and error come back as one stream of which the
 * last CHILD_OUTPUT_MAX bytes are kept, and the rest is read and counted.
 * Its leader does not outlive us; what it has started itself is killed when it ends.
 * SIGCHLD is nobody's business here.
 */
#ifndef LOOP_CHILD_H
#define LOOP_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct child;
struct loop;

#define CHILD_OUTPUT_MAX ((size_t)64 * 1024)

struct child_end {
	int status;        /* of exit; -1: ended by `signal` */
	int signal;        /* 0: none */
	bool was_late;     /* it was ended because of its time limit */
	bool was_stopped;  /* it was ended by child_stop() */
	struct str output; /* the end of it; borrowed during the call; any bytes */
	uint64_t dropped;  /* bytes of output before that */
	int64_t elapsed_ms;
};

struct child_request {
	char *const *arguments;   /* the first is the program's path; NULL at the end */
	char *const *environment; /* all of it, "NAME=text"; NULL at the end */
	const char *directory;
	struct str input; /* of standard input; empty: /dev/null */
	int64_t timeout_ms;
	int64_t kill_after_ms; /* from TERM to KILL */
	void (*done)(void *ctx, const struct child_end *end);
	void *ctx;
};

/* NULL with *err: it does not run. Else done() is called once, never from within, and the child is
 * gone after that call. */
struct child *child_start(struct loop *loop, const struct child_request *request,
                          struct err *err) MUST_CHECK;
/* TERM now, unless it was sent already; KILL after at most kill_after_ms, or when it was due before.
 * done() follows. Harmless when repeated. */
void child_stop(struct child *child, int64_t kill_after_ms);
/* KILL and gone, without done(). */
void child_kill(struct child **child);

#endif
