/* child - from vfork to the last byte; between vfork and exec only calls that need no lock. */
#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loop/loop.h"

#define READ_BYTES ((size_t)64 * 1024)
#define READS_PER_TURN 8      /* then others have their turn */
#define READS_AT_END 32       /* a pipe holds at most 1 MiB; who escaped may write for ever */
#define LAST_WAIT_MS 1000     /* for one that was killed when we go */
#define DESCRIPTORS_SOFT 1024 /* ours are raised; programs that use select() would break */
#define CANNOT_START 127

struct child {
	struct loop *loop;
	pid_t pid;
	int pidfd, output;
	ev_io ended, readable;
	struct loop_timer limit, last; /* TERM, KILL */
	int64_t kill_after_ms;
	struct mono kill_at; /* while `last` runs */
	struct mono started_at;
	bool was_late, was_stopped;
	char *ring; /* CHILD_OUTPUT_MAX bytes */
	uint64_t nread;
	void (*done)(void *ctx, const struct child_end *end);
	void *ctx;
};

/* --- starting --- */

struct launch {
	const struct child_request *request;
	pid_t parent;
	int input, output;
	volatile int failed; /* errno of the step that failed: the child borrows our memory */
};

static int reset_signals(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &plain, NULL); /* KILL, STOP and libc's own say no */
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

static void lower_limits(void)
{
	const struct rlimit no_core = {0, 0};
	struct rlimit files;

	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > DESCRIPTORS_SOFT) {
		files.rlim_cur = DESCRIPTORS_SOFT;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Runs in the child, on our memory while we stand still. The leader dies with us: the next attempt
 * must not meet it. That is asked for per thread, and ours is the one that runs the loop. */
static _Noreturn void become(struct launch *l)
{
	const struct child_request *r = l->request;

	(void)umask(077);
	if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		goto fail;
	if (getppid() != l->parent)
		_exit(CANNOT_START);
	lower_limits();
	if (dup2(l->input, STDIN_FILENO) < 0 || dup2(l->output, STDOUT_FILENO) < 0 ||
	    dup2(l->output, STDERR_FILENO) < 0)
		goto fail;
	if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0 || chdir(r->directory) != 0)
		goto fail;
	if (reset_signals() == 0)
		execve(r->arguments[0], r->arguments, r->environment);
fail:
	l->failed = errno;
	_exit(CANNOT_START);
}

/* No handler of ours may run on the borrowed memory: all signals wait until the child is another
 * program. NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): fork would copy the page
 * tables of a large process, posix_spawn knows neither limits nor a parent's death. */
static __attribute__((noinline)) pid_t launch(struct launch *l)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0)
		become(l);
	if (pid < 0)
		l->failed = errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static bool fail(struct err *err, const char *what, int reason)
{
	return err_set(err, ERR_UNAVAILABLE, "%s: %s", what, strerrordesc_np(reason));
}

/* In memory, so that a program that does not read keeps nobody waiting. */
static int open_input(struct str input, struct err *err)
{
	int fd;

	if (input.n == 0) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			(void)fail(err, "/dev/null cannot be opened", errno);
		return fd;
	}
	fd = memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd >= 0 && write(fd, input.p, input.n) == (ssize_t)input.n &&
	    lseek(fd, 0, SEEK_SET) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
		return fd;
	(void)fail(err, "the input cannot be handed over", errno);
	if (fd >= 0)
		close(fd);
	return -1;
}

static void close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* It runs, or has failed to. */
static bool follow(struct child *c, const struct launch *l, struct err *err)
{
	if (c->pid > 0)
		c->pidfd = pidfd_open(c->pid, 0); /* cannot be another: it is not reaped yet */
	if (l->failed == 0 && c->pidfd >= 0)
		return true;
	if (l->failed != 0) {
		(void)fail(err, l->request->arguments[0], l->failed);
	} else {
		(void)fail(err, "it cannot be watched", errno);
		(void)kill(-c->pid, SIGKILL);
	}
	if (c->pid > 0)
		(void)waitpid(c->pid, NULL, 0); /* it is over */
	return false;
}

static bool run(struct child *c, const struct child_request *r, struct err *err)
{
	int ends[2] = {-1, -1};
	struct launch l = {.request = r, .parent = getpid(), .input = -1};
	/* Keeps the place of what will watch it: once it runs there is no way back. */
	int place = pidfd_open(l.parent, 0);
	bool ok = false;

	if (place < 0)
		return fail(err, "it could not be watched", errno);
	l.input = open_input(r->input, err);
	if (l.input < 0)
		goto out;
	if (pipe2(ends, O_CLOEXEC) != 0) {
		(void)fail(err, "no pipe for its output", errno);
		goto out;
	}
	l.output = ends[1];
	c->output = ends[0];
	(void)fcntl(c->output, F_SETFL, O_NONBLOCK); /* ours alone: the ends are apart */
	c->pid = launch(&l);
	close(place);
	place = -1;
	ok = follow(c, &l, err);
out:
	close_one(ends[1]);
	close_one(l.input);
	close_one(place);
	return ok;
}

/* --- output --- */

static void keep(struct child *c, const char *bytes, size_t n)
{
	while (n > 0) {
		size_t at = (size_t)(c->nread % CHILD_OUTPUT_MAX);
		size_t part = n < CHILD_OUTPUT_MAX - at ? n : CHILD_OUTPUT_MAX - at;

		memcpy(c->ring + at, bytes, part);
		c->nread += part;
		bytes += part;
		n -= part;
	}
}

/* False: there is no more, now or ever. */
static bool read_some(struct child *c, bool *out_is_over)
{
	char bytes[READ_BYTES];
	ssize_t n = read(c->output, bytes, sizeof(bytes));

	if (n > 0)
		keep(c, bytes, (size_t)n);
	*out_is_over = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	return n > 0;
}

static void on_output(struct ev_loop *ev, ev_io *w, int events)
{
	struct child *c = w->data;
	bool is_over = false;

	(void)events;
	for (int i = 0; i < READS_PER_TURN; i++) {
		if (!read_some(c, &is_over))
			break;
	}
	if (is_over)
		ev_io_stop(ev, w);
}

static void rotate(char *bytes, size_t n, size_t by)
{
	char *copy = malloc(by > 0 ? by : 1);

	if (copy == NULL)
		return; /* then its halves are shown the wrong way round */
	memcpy(copy, bytes, by);
	memmove(bytes, bytes + by, n - by);
	memcpy(bytes + n - by, copy, by);
	free(copy);
}

static struct str kept(struct child *c)
{
	if (c->nread <= CHILD_OUTPUT_MAX)
		return (struct str){c->ring, (size_t)c->nread};
	rotate(c->ring, CHILD_OUTPUT_MAX, (size_t)(c->nread % CHILD_OUTPUT_MAX));
	return (struct str){c->ring, CHILD_OUTPUT_MAX};
}

/* --- the end --- */

/* The group, and the leader should it have left it. Its number is ours until it is reaped. */
static void send_signal(const struct child *c, int number)
{
	(void)kill(-c->pid, number);
	(void)pidfd_send_signal(c->pidfd, number, NULL, 0);
}

static void child_free(struct child *c)
{
	if (c->pidfd >= 0) {
		ev_io_stop(loop_ev(c->loop), &c->ended);
		ev_io_stop(loop_ev(c->loop), &c->readable);
		close(c->pidfd);
	}
	loop_timer_stop(&c->limit);
	loop_timer_stop(&c->last);
	if (c->output >= 0)
		close(c->output);
	free(c->ring);
	free(c);
}

/* What the leader has left behind goes first, while the group's number cannot be anybody else's. */
static void on_ended(struct ev_loop *ev, ev_io *w, int events)
{
	struct child *c = w->data;
	struct child_end end = {
	        .status = -1, .was_late = c->was_late, .was_stopped = c->was_stopped};
	siginfo_t info = {0};
	bool is_over = false;

	(void)ev;
	(void)events;
	(void)kill(-c->pid, SIGKILL);
	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
		return; /* not yet */
	for (int i = 0; i < READS_AT_END; i++) {
		if (!read_some(c, &is_over))
			break;
	}
	if (info.si_code == CLD_EXITED)
		end.status = info.si_status;
	else
		end.signal = info.si_status;
	end.output = kept(c);
	end.dropped = c->nread - end.output.n;
	end.elapsed_ms = (loop_now(c->loop).mono.ns - c->started_at.ns) / 1000000;
	c->done(c->ctx, &end);
	child_free(c);
}

static void on_last(void *ctx)
{
	send_signal(ctx, SIGKILL);
}

static void kill_within(struct child *c, int64_t ms)
{
	struct mono at = {loop_now(c->loop).mono.ns + ms * 1000000};

	if (loop_timer_running(&c->last) && c->kill_at.ns <= at.ns)
		return;
	c->kill_at = at;
	loop_timer_start(&c->last, ms);
}

static void terminate(struct child *c, int64_t kill_after_ms)
{
	if (!loop_timer_running(&c->last)) {
		loop_timer_stop(&c->limit);
		send_signal(c, SIGTERM);
		(void)kill(-c->pid, SIGCONT); /* one that is stopped would not hear it */
	}
	kill_within(c, kill_after_ms);
}

static void on_limit(void *ctx)
{
	struct child *c = ctx;

	c->was_late = true;
	terminate(c, c->kill_after_ms);
}

void child_stop(struct child *c, int64_t kill_after_ms)
{
	if (!c->was_late)
		c->was_stopped = true;
	terminate(c, kill_after_ms < c->kill_after_ms ? kill_after_ms : c->kill_after_ms);
}

void child_kill(struct child **child)
{
	struct child *c = *child;
	struct pollfd gone;

	if (c == NULL)
		return;
	*child = NULL;
	send_signal(c, SIGKILL);
	gone = (struct pollfd){.fd = c->pidfd, .events = POLLIN};
	(void)poll(&gone, 1, LAST_WAIT_MS);
	(void)waitid(P_PIDFD, (id_t)c->pidfd, &(siginfo_t){0}, WEXITED | WNOHANG);
	child_free(c);
}

struct child *child_start(struct loop *loop, const struct child_request *request, struct err *err)
{
	struct child *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		(void)err_set(err, ERR_NOMEM, "no memory for a command");
		return NULL;
	}
	c->loop = loop;
	c->pidfd = c->output = -1;
	c->kill_after_ms = request->kill_after_ms;
	c->started_at = loop_now(loop).mono;
	c->done = request->done;
	c->ctx = request->ctx;
	loop_timer_init(&c->limit, loop, on_limit, c);
	loop_timer_init(&c->last, loop, on_last, c);
	ev_io_init(&c->ended, on_ended, -1, EV_READ);
	ev_io_init(&c->readable, on_output, -1, EV_READ);
	c->ended.data = c->readable.data = c;
	c->ring = malloc(CHILD_OUTPUT_MAX);
	if (c->ring == NULL)
		(void)err_set(err, ERR_NOMEM, "no memory for a command");
	if (c->ring == NULL || !run(c, request, err)) {
		child_free(c);
		return NULL;
	}
	ev_io_set(&c->ended, c->pidfd, EV_READ);
	ev_io_set(&c->readable, c->output, EV_READ);
	ev_io_start(loop_ev(loop), &c->ended);
	ev_io_start(loop_ev(loop), &c->readable);
	loop_timer_start(&c->limit, request->timeout_ms);
	return c;
}
