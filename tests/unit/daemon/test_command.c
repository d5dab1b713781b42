/*
 * command: a message as a run of a program. What it is given, what its end means, and children of
 * the loop that do as they please.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../suite.h"
#include "action/command.h"
#include "base/macros.h"
#include "base/str.h"
#include "base/units.h"
#include "config.h"
#include "loop/child.h"
#include "loop/loop.h"
#include "metrics.h"

/* --- what it is given --- */

static struct command built;

static bool build(const struct store_message *m, const struct config_destination *to,
                  struct err *err)
{
	struct store_message whole = *m;

	whole.service = "checkout";
	whole.environment = "prod";
	whole.version = "1.2.3";
	whole.action = "flag_off";
	whole.destination = "redis";
	memcpy(whole.id, "abc.0", sizeof("abc.0"));
	return command_build(&whole, to, &built, err);
}

static const char *variable(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < built.nenvironment; i++) {
		if (strncmp(built.environment[i], name, n) == 0 && built.environment[i][n] == '=')
			return built.environment[i] + n + 1;
	}
	return NULL;
}

START_TEST(the_configured_arguments_come_first_and_each_stays_one)
{
	char program[] = "/usr/bin/x", first[] = "-h";
	char *arguments[] = {first};
	char home[] = "/nowhere";
	const struct config_destination to = {
	        .program = program, .arguments = arguments, .narguments = 1, .directory = home};
	struct err err;

	ck_assert(
	        build(&(struct store_message){.arguments = "[\"; rm -rf /\", \"$(id) `id`\", \"\"]",
	                                      .fence = 7},
	              &to, &err));
	ck_assert_uint_eq(built.narguments, 5);
	ck_assert_str_eq(built.arguments[0], "/usr/bin/x");
	ck_assert_str_eq(built.arguments[1], "-h");
	ck_assert_str_eq(built.arguments[2], "; rm -rf /");
	ck_assert_str_eq(built.arguments[3], "$(id) `id`");
	ck_assert_str_eq(built.arguments[4], "");
	ck_assert_ptr_null(built.arguments[5]);
	ck_assert_str_eq(variable("PATH"), "/usr/bin:/bin");
	ck_assert_str_eq(variable("HOME"), "/nowhere");
	ck_assert_str_eq(variable("HEADGATE_FENCE"), "7");
	ck_assert_str_eq(variable("HEADGATE_MESSAGE_ID"), "abc.0");
	ck_assert_str_eq(variable("HEADGATE_CLASS"), "advance");
	ck_assert_ptr_null(variable("USER"));
	command_fini(&built);
}
END_TEST

START_TEST(what_is_configured_replaces_what_is_usual)
{
	char program[] = "/usr/bin/x", home[] = "/nowhere";
	char path_name[] = "PATH", path[] = "/opt/bin", secret_name[] = "TOKEN", file[] = "token";
	char secret[] = "hush";
	struct config_variable variables[] = {{path_name, path}}, files[] = {{secret_name, file}};
	char *secrets[] = {secret, NULL};
	const struct config_destination to = {.program = program,
	                                      .directory = home,
	                                      .environment = variables,
	                                      .nenvironment = 1,
	                                      .environment_files = files,
	                                      .nenvironment_files = 1,
	                                      .secret_values = secrets};
	struct err err;

	ck_assert(build(&(struct store_message){.arguments = "[]", .body = "\"set x\\n\""}, &to,
	                &err));
	ck_assert_str_eq(variable("PATH"), "/opt/bin");
	ck_assert_str_eq(variable("TOKEN"), "hush");
	ck_assert_uint_eq(built.ninput, 6);
	ck_assert_str_eq(built.input, "set x\n");
	command_fini(&built);
}
END_TEST

START_TEST(what_cannot_be_given_is_refused)
{
	static const struct {
		const char *why, *arguments, *body, *path, *said;
	} rows[] = {
	        {"a NUL ends an argument", "[\"a\\u0000b\"]", NULL, NULL, "NUL"},
	        {"arguments are texts", "[1]", NULL, NULL, "no text"},
	        {"arguments are a list", "{}", NULL, NULL, "no list"},
	        {"a command has no path", NULL, NULL, "/weights", "no path"},
	        {"its input is a text", "[]", "{\"a\":1}", NULL, "no text"},
	};
	char program[] = "/usr/bin/x", home[] = "/nowhere";
	const struct config_destination to = {.program = program, .directory = home};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err = {0};

		ck_assert_msg(!build(&(struct store_message){.arguments = rows[i].arguments,
		                                             .body = rows[i].body,
		                                             .path = rows[i].path},
		                     &to, &err),
		              "%s", rows[i].why);
		ck_assert_msg(strstr(err.text, rows[i].said), "%s: %s", rows[i].why, err.text);
		command_fini(&built);
	}
}
END_TEST

START_TEST(too_much_is_refused)
{
	char program[] = "/usr/bin/x", home[] = "/nowhere";
	const struct config_destination to = {.program = program, .directory = home};
	char *long_one = malloc(COMMAND_BYTES_MAX + 8);
	char many[1024] = "[";
	struct err err;

	ck_assert_ptr_nonnull(long_one);
	memset(long_one, 'x', COMMAND_BYTES_MAX + 4);
	memcpy(long_one, "[\"", 2);
	memcpy(long_one + COMMAND_BYTES_MAX + 4, "\"]", 3);
	ck_assert(!build(&(struct store_message){.arguments = long_one}, &to, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	command_fini(&built);
	for (int i = 0; i < 200; i++)
		strncat(many, i == 0 ? "\"\"" : ",\"\"", sizeof(many) - strlen(many) - 1);
	strncat(many, "]", sizeof(many) - strlen(many) - 1);
	ck_assert(!build(&(struct store_message){.arguments = many}, &to, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	command_fini(&built);
	free(long_one);
}
END_TEST

/* --- what its end means --- */

START_TEST(the_exit_status_decides_unless_we_ended_it)
{
	char s75[] = "75", s64[] = "64";
	char *retry[] = {s75}, *refused[] = {s64};
	const struct config_exit exit = {
	        .retry = retry, .nretry = 1, .refused = refused, .nrefused = 1};
	static const struct {
		const char *why;
		struct child_end end;
		enum carried_how how;
	} rows[] = {
	        {"0 is done", {.status = 0}, CARRIED_OK},
	        {"listed under retry", {.status = 75}, CARRIED_FAILED},
	        {"in neither list", {.status = 3}, CARRIED_FAILED},
	        {"listed under refused", {.status = 64}, CARRIED_REFUSED},
	        {"a signal may have come late", {.status = -1, .signal = 9}, CARRIED_UNANSWERED},
	        {"0 after our TERM is not done",
	         {.status = 0, .was_late = true},
	         CARRIED_UNANSWERED},
	        {"0 while we stop is not done",
	         {.status = 0, .was_stopped = true},
	         CARRIED_UNANSWERED},
	        {"a refusal after our TERM is none",
	         {.status = 64, .was_late = true},
	         CARRIED_UNANSWERED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(command_verdict(&exit, &rows[i].end) == rows[i].how, "%s",
		              rows[i].why);
}
END_TEST

START_TEST(its_last_words_are_one_clean_line)
{
	static const struct {
		const char *why, *output, *said;
	} rows[] = {
	        {"nothing was said", "", "exit status 3"},
	        {"line breaks are visible", "a\nb\n", "exit status 3: a\\nb"},
	        {"controls are visible", "\x1b[31mred\x07", "exit status 3: \\x1b[31mred\\x07"},
	        {"no UTF-8 is visible", "\xff\xc3", "exit status 3: \\xff\\xc3"},
	        {"UTF-8 stays", "\xc3\xa4\xe2\x82\xac", "exit status 3: \xc3\xa4\xe2\x82\xac"},
	        {"C1 controls are visible", "\xc2\x9b", "exit status 3: \\xc2\\x9b"},
	        {"secrets are hidden", "login hush-hush ok", "exit status 3: login *** ok"},
	};
	char secret[] = "hush-hush", empty[] = "";
	char *secrets[] = {secret, empty, NULL};
	char text[COMMAND_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		command_say(&(struct child_end){.status = 3, .output = str_of(rows[i].output)},
		            secrets, text);
		ck_assert_msg(strcmp(text, rows[i].said) == 0, "%s: %s", rows[i].why, text);
	}
}
END_TEST

START_TEST(of_much_output_the_end_is_shown)
{
	static char much[CHILD_OUTPUT_MAX];
	char text[COMMAND_TEXT];

	memset(much, 0xff, sizeof(much));
	memcpy(much + sizeof(much) - 4, "last", 4);
	command_say(&(struct child_end){.status = -1,
	                                .signal = SIGKILL,
	                                .output = {much, sizeof(much)},
	                                .dropped = 1},
	            NULL, text);
	ck_assert_str_eq(text + strlen(text) - 4, "last");
	ck_assert_ptr_nonnull(strstr(text, "ended by SIGKILL: ..."));
	ck_assert_uint_le(strlen(text), 480);
}
END_TEST

/* --- children --- */

static struct metrics metrics;
static struct loop *loop;
static struct child_end ended;
static char output[CHILD_OUTPUT_MAX + 1];
static int nended;
static char told[64]; /* a child says how far it is by making this file */

static void begin(void)
{
	struct err err;

	loop = loop_new(&metrics, &err);
	ck_assert_ptr_nonnull(loop);
	nended = 0;
	snprintf(told, sizeof(told), "/tmp/headgate-command-%lld", (long long)getpid());
	(void)unlink(told);
}

static void end(void)
{
	(void)unlink(told);
	loop_free(&loop);
}

static void on_end(void *ctx, const struct child_end *e)
{
	(void)ctx;
	ended = *e;
	memcpy(output, e->output.p, e->output.n);
	output[e->output.n] = '\0';
	nended++;
	loop_stop(loop);
}

static struct child *start_patient(const char *script, int64_t timeout_ms, int64_t kill_after_ms)
{
	static char shell[] = "/bin/sh", option[] = "-c";
	char *arguments[] = {shell, option, text_dup(script), NULL};
	char variable[sizeof(told) + 8];
	char *environment[] = {variable, NULL};
	struct err err = {0};
	struct child *c;

	snprintf(variable, sizeof(variable), "TOLD=%s", told);
	c = child_start(loop,
	                &(struct child_request){.arguments = arguments,
	                                        .environment = environment,
	                                        .directory = "/",
	                                        .input = STR("given"),
	                                        .timeout_ms = timeout_ms,
	                                        .kill_after_ms = kill_after_ms,
	                                        .done = on_end},
	                &err);
	free(arguments[2]);
	ck_assert_msg(c != NULL, "%s", err.text);
	return c;
}

static struct child *start(const char *script, int64_t timeout_ms)
{
	return start_patient(script, timeout_ms, 200);
}

/* Bounded by the test's own time. */
static void until_told(void)
{
	while (access(told, F_OK) != 0) {
		ev_run(loop_ev(loop), EVRUN_NOWAIT);
		ck_assert_int_eq(nended, 0);
		usleep(1000);
	}
}

/* A zombie is, until its new parent looks. */
static bool is_gone(int64_t pid)
{
	char path[64], line[256];
	FILE *stat;
	bool is_there;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	stat = fopen(path, "re");
	if (stat == NULL)
		return true;
	is_there = fgets(line, sizeof(line), stat) != NULL && strstr(line, ") Z ") == NULL;
	fclose(stat);
	return !is_there;
}

/* The process whose number the child has written. Bounded by the test's own time. */
static void ck_assert_gone(const char *number)
{
	struct err err;
	int64_t pid = 0;

	ck_assert(int_parse((struct str){number, strspn(number, "0123456789")}, &pid, &err));
	while (!is_gone(pid))
		usleep(1000);
}

static void run_to_end(const char *script, int64_t timeout_ms)
{
	(void)start(script, timeout_ms);
	loop_run(loop);
	ck_assert_int_eq(nended, 1);
}

START_TEST(a_child_reads_its_input_and_says_how_it_ended)
{
	run_to_end("cat; echo; echo oops >&2; exit 42", 30000);
	ck_assert_int_eq(ended.status, 42);
	ck_assert_str_eq(output, "given\noops\n");
	ck_assert(!ended.was_late && !ended.was_stopped);
}
END_TEST

START_TEST(a_child_has_three_descriptors_and_default_signals)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	run_to_end("/bin/ls /proc/self/fd | /bin/grep -c . ; /bin/grep -E '^Sig(Blk|Ign)' "
	           "/proc/self/status | /bin/sed 's/[01][08]0000000$/000000000/'; umask",
	           30000);
	sigprocmask(SIG_SETMASK, &before, NULL);
	/* ls has opened the folder itself. The C library keeps signals 32 and 33 to itself: whoever
	 * was started by posix_spawn(), as make starts its children, inherits one or both ignored.
	 */
	ck_assert_str_eq(output, "4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n0077\n");
}
END_TEST

START_TEST(a_child_that_ignores_term_is_killed_with_its_children)
{
	run_to_end("trap '' TERM; sleep 600 & echo $!; wait; sleep 600", 300);
	ck_assert(ended.was_late);
	ck_assert_int_eq(ended.signal, SIGKILL);
	ck_assert_gone(output);
}
END_TEST

START_TEST(what_a_child_leaves_behind_ends_with_it)
{
	run_to_end("trap '' TERM; sleep 600 & echo $!", 30000);
	ck_assert_int_eq(ended.status, 0);
	ck_assert_gone(output);
}
END_TEST

START_TEST(of_a_flood_the_end_is_kept_and_the_rest_counted)
{
	run_to_end("head -c 100000000 /dev/zero; printf last", 60000);
	ck_assert_int_eq(ended.status, 0);
	ck_assert_uint_eq(ended.output.n, CHILD_OUTPUT_MAX);
	ck_assert_uint_eq(ended.dropped, 100000004 - CHILD_OUTPUT_MAX);
	ck_assert_str_eq(output + CHILD_OUTPUT_MAX - 4, "last");
}
END_TEST

START_TEST(a_child_that_is_stopped_is_never_done)
{
	struct child *c = start_patient(
	        "trap 'exit 0' TERM; : >$TOLD; while :; do sleep 0.01; done", 600000, 600000);

	until_told();
	child_stop(c, 600000);
	child_stop(c, 600000);
	loop_run(loop);
	ck_assert(ended.was_stopped);
	ck_assert_int_eq(ended.status, 0);
}
END_TEST

/* It had been given ten minutes to clean up after its time limit, and used them although its
 * release was being rolled back by then. */
START_TEST(a_late_child_that_takes_its_time_is_stopped_all_the_same)
{
	struct child *c =
	        start_patient("trap ': >$TOLD' TERM; while :; do sleep 0.01; done", 100, 600000);

	until_told();
	child_stop(c, 100);
	child_stop(c, 600000);
	loop_run(loop);
	ck_assert(ended.was_late && !ended.was_stopped);
	ck_assert_int_eq(ended.signal, SIGKILL);
}
END_TEST

START_TEST(a_killed_child_is_never_heard_of)
{
	struct child *c = start("sleep 600", 30000);

	child_kill(&c);
	ck_assert_ptr_null(c);
	ck_assert_int_eq(nended, 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_says_so)
{
	char nothing[] = "/nowhere/at/all";
	char *arguments[] = {nothing, NULL}, *environment[] = {NULL};
	struct err err = {0};

	ck_assert_ptr_null(child_start(loop,
	                               &(struct child_request){.arguments = arguments,
	                                                       .environment = environment,
	                                                       .directory = "/",
	                                                       .timeout_ms = 1000,
	                                                       .kill_after_ms = 100,
	                                                       .done = on_end},
	                               &err));
	ck_assert_str_eq(err.text, "/nowhere/at/all: No such file or directory");
}
END_TEST

/* It ran, was killed at once for want of one more descriptor, and counted as never begun. */
START_TEST(what_cannot_be_watched_is_not_begun)
{
	char program[] = "/bin/true";
	char *arguments[] = {program, NULL}, *environment[] = {NULL};
	struct child *c = NULL;
	struct rlimit all, few;
	struct err err = {0};
	int n, failures = 0;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	n = open("/dev/null", O_RDONLY); /* the lowest free one */
	close(n);
	for (few = all; c == NULL && failures < 16; n++) {
		few.rlim_cur = (rlim_t)n;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		c = child_start(loop,
		                &(struct child_request){.arguments = arguments,
		                                        .environment = environment,
		                                        .directory = "/",
		                                        .timeout_ms = 30000,
		                                        .kill_after_ms = 100,
		                                        .done = on_end},
		                &err);
		failures += c == NULL;
		ck_assert_str_ne(err.text, "it cannot be watched: Too many open files");
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert_int_ge(failures, 4);
	ck_assert_ptr_nonnull(c);
	loop_run(loop);
	ck_assert_int_eq(ended.status, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("command");
	TCase *given = tcase_create("given"), *children = tcase_create("children");

	tcase_add_test(given, the_configured_arguments_come_first_and_each_stays_one);
	tcase_add_test(given, what_is_configured_replaces_what_is_usual);
	tcase_add_test(given, what_cannot_be_given_is_refused);
	tcase_add_test(given, too_much_is_refused);
	tcase_add_test(given, the_exit_status_decides_unless_we_ended_it);
	tcase_add_test(given, its_last_words_are_one_clean_line);
	tcase_add_test(given, of_much_output_the_end_is_shown);
	suite_add_tcase(s, given);
	tcase_set_timeout(children, 60);
	tcase_add_checked_fixture(children, begin, end);
	tcase_add_test(children, a_child_reads_its_input_and_says_how_it_ended);
	tcase_add_test(children, a_child_has_three_descriptors_and_default_signals);
	tcase_add_test(children, a_child_that_ignores_term_is_killed_with_its_children);
	tcase_add_test(children, what_a_child_leaves_behind_ends_with_it);
	tcase_add_test(children, of_a_flood_the_end_is_kept_and_the_rest_counted);
	tcase_add_test(children, a_child_that_is_stopped_is_never_done);
	tcase_add_test(children, a_late_child_that_takes_its_time_is_stopped_all_the_same);
	tcase_add_test(children, a_killed_child_is_never_heard_of);
	tcase_add_test(children, what_cannot_be_watched_is_not_begun);
#ifndef __SANITIZE_THREAD__ /* makes a fork of vfork: the reason does not come back then */
	tcase_add_test(children, a_program_that_is_not_there_says_so);
#else
	(void)a_program_that_is_not_there_says_so;
#endif
	suite_add_tcase(s, children);
	return suite_run(s);
}
