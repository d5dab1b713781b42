/*
 * run - release stories in virtual time. Each argument is a story, a table of short ones (one in
 * each row), or a folder of them; the last line says how many passed. With a folder, every row of
 * the transition table must be taken by some story.
 *
 * tests/scenario/README.md says what a story may say.
 */
#include "story.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define STORIES_MAX 256

struct tally {
	unsigned passed, failed;
	unsigned char *taken;
};

bool story_fail(struct story *s, const char *fmt, ...)
{
	va_list args;

	if (s->failed)
		return false;
	s->failed = true;
	va_start(args, fmt);
	(void)vsnprintf(s->why, sizeof(s->why), fmt, args);
	va_end(args);
	return false;
}

/* One word from *at; NULL at the end of the line or at a comment. Cuts the text. */
static const char *next_word(char **at)
{
	char *p = *at + strspn(*at, " \t\r\n");
	char *word = p;
	const char *end = " \t\r\n";

	if (*p == '\0' || *p == '#')
		return NULL;
	if (*p == '"') {
		word = ++p;
		end = "\"";
	}
	p += strcspn(p, end);
	*at = p + (*p != '\0');
	*p = '\0';
	return word;
}

static void split(const char *line, struct words *w)
{
	char *because = NULL;
	char *at = w->text;
	const char *word = NULL;

	*w = (struct words){0};
	(void)snprintf(w->text, sizeof(w->text), "%s", line);
	w->text[strcspn(w->text, "\r\n")] = '\0';
	because = strstr(w->text, " because ");
	if (because && strncmp(w->text + strspn(w->text, " \t"), "expect", 6) != 0) {
		*because = '\0';
		w->because = because + strlen(" because ");
	}
	while (w->n < WORDS_MAX && (word = next_word(&at)) != NULL)
		w->list[w->n++] = word;
}

bool story_line(struct story *s, const char *line)
{
	struct words w;

	split(line, &w);
	return w.n == 0 || command_run(s, &w, 0) || story_fail(s, "failed");
}

static void tell(FILE *in, struct story *s)
{
	char line[1024];

	while (!s->failed && fgets(line, sizeof(line), in)) {
		s->line++;
		(void)story_line(s, line);
	}
}

/* The lines of another file, told as if they stood here; failures keep the line of the story
 * itself. */
bool story_play(struct story *s, const char *file)
{
	const char *slash = strrchr(s->path, '/');
	int line = s->line;
	char path[512];
	FILE *in = NULL;

	(void)snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash - s->path + 1) : 0,
	               s->path, file);
	in = fopen(path, "r");
	if (!in)
		return story_fail(s, "cannot open %s", path);
	s->line = 0;
	tell(in, s);
	(void)fclose(in);
	if (s->failed)
		(void)snprintf(s->within, sizeof(s->within), " (%s:%d)", file, s->line);
	s->line = line;
	return !s->failed;
}

static struct story *open_story(const char *path, struct tally *tally)
{
	struct story *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->path = path;
	s->now.ms = STORY_T0;
	s->tick_ms = STORY_TICK_MS;
	s->taken = tally->taken;
	return s;
}

static void close_story(struct story *s, struct tally *tally)
{
	if (s->refused)
		story_fail(s, "refused at the end: %s", s->refusal_text);
	if (s->failed) {
		printf("FAIL %s:%d%s at %llds: %s\n", s->path, s->line, s->within,
		       (long long)((s->now.ms - STORY_T0) / 1000), s->why);
		tally->failed++;
	} else {
		tally->passed++;
	}
	world_close(s);
	free(s);
}

static FILE *open_file(const char *path, struct tally *tally)
{
	FILE *in = fopen(path, "r");

	if (!in) {
		printf("FAIL %s: cannot be read\n", path);
		tally->failed++;
	}
	return in;
}

static void run_story(const char *path, struct tally *tally)
{
	FILE *in = open_file(path, tally);
	struct story *s = NULL;

	if (!in)
		return;
	s = open_story(path, tally);
	tell(in, s);
	(void)fclose(in);
	close_story(s, tally);
}

/* The lines of one cell. */
static void tell_cell(struct story *s, char *cell)
{
	const char *line = NULL;

	while (!s->failed && (line = strsep(&cell, ";")) != NULL)
		(void)story_line(s, line);
}

/* A row is a story of its own: | why | part that is played first | evidence | what must follow |,
 * lines of a cell with ; between them. */
static void run_row(const char *path, int number, char *row, struct tally *tally)
{
	struct story *s = open_story(path, tally);
	char *cells[4] = {NULL};
	char file[128];

	s->line = number;
	row++;
	for (size_t i = 0; i < ARRAY_LEN(cells); i++)
		cells[i] = strsep(&row, "|");
	if (!cells[3]) {
		story_fail(s, "a row has four cells");
	} else {
		(void)snprintf(file, sizeof(file), "%.*s", (int)strcspn(cells[1] + 1, " "),
		               cells[1] + 1);
		(void)story_play(s, file);
		tell_cell(s, cells[2]);
		tell_cell(s, cells[3]);
	}
	if (s->failed)
		printf("     row:%s\n", cells[0]);
	close_story(s, tally);
}

static void run_table(const char *path, struct tally *tally)
{
	FILE *in = open_file(path, tally);
	char line[1024];

	for (int number = 1; in && fgets(line, sizeof(line), in); number++) {
		if (line[0] == '|')
			run_row(path, number, line, tally);
	}
	if (in)
		(void)fclose(in);
}

static bool run_file(const char *path, struct tally *tally)
{
	if (str_ends_with(str_of(path), STR(".story")))
		run_story(path, tally);
	else if (str_ends_with(str_of(path), STR(".table")))
		run_table(path, tally);
	else
		return false;
	return true;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_folder(const char *folder, struct tally *tally)
{
	char *paths[STORIES_MAX];
	size_t n = 0;
	DIR *dir = opendir(folder);
	const struct dirent *entry = NULL;

	while (dir && n < STORIES_MAX && (entry = readdir(dir)) != NULL) {
		char path[512];

		if (!str_ends_with(str_of(entry->d_name), STR(".story")) &&
		    !str_ends_with(str_of(entry->d_name), STR(".table")))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		paths[n++] = text_dup(path);
	}
	if (dir)
		(void)closedir(dir);
	qsort(paths, n, sizeof(paths[0]), compare);
	for (size_t i = 0; i < n; i++) {
		run_file(paths[i], tally);
		free(paths[i]);
	}
}

/* A row no story takes is a row nobody has seen work. */
static bool check_coverage(const struct tally *tally)
{
	size_t missing = 0;

	for (size_t i = 0; i < release_ntransitions; i++) {
		const struct transition *row = &release_transitions[i];

		if (tally->taken[i])
			continue;
		printf("never taken: %s/%s %s\n", release_state_names[row->state],
		       stage_step_names[row->step], release_event_names[row->event]);
		missing++;
	}
	return missing == 0;
}

int main(int argc, char **argv)
{
	struct tally tally = {.taken = calloc(release_ntransitions, 1)};
	bool whole = false;
	bool ok = true;

	for (int i = 1; i < argc; i++) {
		if (run_file(argv[i], &tally))
			continue;
		run_folder(argv[i], &tally);
		whole = true;
	}
	ok = !whole || check_coverage(&tally);
	printf("%u passed, %u failed\n", tally.passed, tally.failed);
	free(tally.taken);
	return ok && tally.failed == 0 && tally.passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
