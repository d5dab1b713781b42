/*
 * destination_command - destinations with a program. That it can be run, and that nobody else can
 * put another in its place, is seen at start and not by a rollback.
 */
#include "destination_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/field.h"
#include "base/macros.h"
#include "base/str.h"

#define KILL_AFTER_MS INT64_C(5000)
#define CONCURRENCY 4
#define OWN_PREFIX "HEADGATE_"
#define POINTER_BYTES_MAX 160

/* --- the keys --- */

static bool is_variable(const char *name)
{
	static const char fine[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return *name != '\0' && (*name < '0' || *name > '9') && name[strspn(name, fine)] == '\0';
}

static bool check_variables(const char *key, const struct config_variable *list, size_t n,
                            struct decode *d)
{
	size_t mark = decode_push(d, key);
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		if (!is_variable(list[i].name))
			ok = destination_problem(d, list[i].name,
			                         "is not the name of a variable: letters, digits "
			                         "and underscores");
		else if (str_starts_with(str_of(list[i].name), STR(OWN_PREFIX)))
			ok = destination_problem(d, list[i].name,
			                         "is ours: names that begin with HEADGATE_ tell "
			                         "the program what it is run for");
	}
	decode_pop(d, mark);
	return ok;
}

static bool check_twice(const struct config_destination *to, struct decode *d)
{
	size_t mark = decode_push(d, "environment_files");
	bool ok = true;

	for (size_t i = 0; i < to->nenvironment_files; i++) {
		for (size_t j = 0; j < to->nenvironment; j++) {
			if (strcmp(to->environment_files[i].name, to->environment[j].name) == 0)
				ok = destination_problem(d, to->environment_files[i].name,
				                         "stands in environment too");
		}
	}
	decode_pop(d, mark);
	return ok;
}

/* By its digits, so that texts can be compared later. */
static bool is_exit_status(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= 3 && text[strspn(text, "0123456789")] == '\0' && text[0] != '0' &&
	       (n < 3 || strcmp(text, "255") <= 0);
}

static bool holds(char *const *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], text) == 0)
			return true;
	}
	return false;
}

static bool check_exit(const struct config_exit *e, struct decode *d)
{
	size_t mark = decode_push(d, "exit");
	bool ok = true;

	for (size_t i = 0; i < e->nretry; i++) {
		if (!is_exit_status(e->retry[i]))
			ok = destination_problem(d, "retry", "holds exit statuses, from 1 to 255");
	}
	for (size_t i = 0; i < e->nrefused; i++) {
		if (!is_exit_status(e->refused[i]))
			ok = destination_problem(d, "refused",
			                         "holds exit statuses, from 1 to 255");
		else if (holds(e->retry, e->nretry, e->refused[i]))
			ok = destination_problem(d, "refused",
			                         "holds a status that is in retry too");
	}
	decode_pop(d, mark);
	return ok;
}

bool destination_command_check(const struct config_destination *to, struct decode *d)
{
	bool ok = true;

	if (to->program[0] != '/')
		ok = destination_problem(d, "program",
		                         "must be an absolute path: nothing is looked up in PATH");
	if (to->directory && to->directory[0] != '/')
		ok = destination_problem(d, "directory", "must be an absolute path");
	ok = check_variables("environment", to->environment, to->nenvironment, d) && ok;
	ok = check_variables("environment_files", to->environment_files, to->nenvironment_files,
	                     d) &&
	     ok;
	ok = check_twice(to, d) && ok;
	return check_exit(&to->exit, d) && ok;
}

/* --- the program --- */

static void complain_of(struct destination_reader *r, const char *key, const char *path,
                        const char *what)
{
	char text[512];

	snprintf(text, sizeof(text), "%.380s %s", path, what);
	text_mend_cut(text, sizeof(text));
	destination_complain(r, key, text);
}

/* Others could put another program there: in the folder itself, or by renaming one above it. */
static bool folder_is_open(const char *folder, bool is_nearest)
{
	struct stat st;

	return stat(folder, &st) != 0 ||
	       ((st.st_mode & S_IWOTH) && (is_nearest || !(st.st_mode & S_ISVTX)));
}

static bool folders_are_open(const char *path)
{
	char folder[4096];
	bool is_nearest = true;

	snprintf(folder, sizeof(folder), "%s", path);
	while (folder[0] == '/' && folder[1] != '\0') {
		char *slash = strrchr(folder, '/');

		slash[slash == folder ? 1 : 0] = '\0';
		if (folder_is_open(folder, is_nearest))
			return true;
		is_nearest = false;
	}
	return false;
}

/* It would run with rights that are not ours, and would not end with us. */
static bool raises_rights(const char *path, const struct stat *st)
{
	return (st->st_mode & (S_ISUID | S_ISGID)) ||
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

static void look_at_program(struct destination_reader *r)
{
	const char *path = r->to->program;
	char *real = realpath(path, NULL);
	struct stat st;

	if (!real || stat(real, &st) != 0) {
		int reason = errno;

		complain_of(r, "program", path, strerrordesc_np(reason));
	} else if (!S_ISREG(st.st_mode)) {
		complain_of(r, "program", path, "is not a regular file");
	} else if (raises_rights(real, &st)) {
		complain_of(r, "program", path,
		            "is setuid or setgid, or has capabilities: commands run with our own "
		            "rights only");
	} else if (st.st_mode & S_IWOTH) {
		complain_of(r, "program", path, "can be written by everybody");
	} else if (access(real, X_OK) != 0) {
		complain_of(r, "program", path, "cannot be executed by this user");
	} else if (folders_are_open(path) || folders_are_open(real)) {
		complain_of(r, "program", path,
		            "lies in a folder that everybody can write to: anybody could put "
		            "another in its place");
	}
	free(real);
}

static void look_at_directory(struct destination_reader *r, bool is_given)
{
	struct stat st;

	if (is_given && (stat(r->to->directory, &st) != 0 || !S_ISDIR(st.st_mode)))
		complain_of(r, "directory", r->to->directory, "is not a directory");
}

/* --- what is left out, and secrets --- */

static char **statuses(const char *const *list, size_t n)
{
	char **out = calloc(n, sizeof(*out));

	for (size_t i = 0; out && i < n; i++)
		out[i] = text_dup(list[i]);
	return out;
}

static void fill_in(struct destination_reader *r)
{
	static const char *const retry[] = {"75"};
	static const char *const refused[] = {"64", "65", "77", "78"};
	struct config_destination *to = r->to;

	if (to->kill_after_ms == 0)
		to->kill_after_ms = KILL_AFTER_MS;
	if (to->concurrency == 0)
		to->concurrency = CONCURRENCY;
	if (!to->directory)
		to->directory = text_dup(r->state_dir);
	if (to->exit.nretry + to->exit.nrefused > 0)
		return;
	to->exit.retry = statuses(retry, ARRAY_LEN(retry));
	to->exit.nretry = to->exit.retry ? ARRAY_LEN(retry) : 0;
	to->exit.refused = statuses(refused, ARRAY_LEN(refused));
	to->exit.nrefused = to->exit.refused ? ARRAY_LEN(refused) : 0;
}

static void read_environment(struct destination_reader *r)
{
	struct config_destination *to = r->to;

	if (to->nenvironment_files == 0)
		return;
	to->secret_values = calloc(to->nenvironment_files + 1, sizeof(*to->secret_values));
	for (size_t i = 0; to->secret_values && i < to->nenvironment_files; i++) {
		char key[POINTER_BYTES_MAX];

		snprintf(key, sizeof(key), "environment_files/%.120s",
		         to->environment_files[i].name);
		to->secret_values[i] =
		        destination_read_text(r, key, to->environment_files[i].value, 1);
		/* Masked in what the program prints, line by line. */
		if (to->secret_values[i] && !destination_is_printable(to->secret_values[i]))
			destination_complain(r, key,
			                     "must hold one line, without control characters");
	}
	if (!to->secret_values)
		destination_complain(r, "environment_files", "no memory for them");
}

void destination_command_read(struct destination_reader *r)
{
	bool has_directory = r->to->directory != NULL;

	fill_in(r);
	look_at_program(r);
	look_at_directory(r, has_directory);
	read_environment(r);
}

void destination_command_forget(struct config_destination *to)
{
	for (size_t i = 0; to->secret_values && i < to->nenvironment_files; i++)
		destination_forget_text(&to->secret_values[i]);
	free(to->secret_values);
	to->secret_values = NULL;
}
