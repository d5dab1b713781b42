/*
 * probe - `headgate probe`: reads one metrics page as the daemon would and prints its series.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/units.h"
#include "cli/commands.h"
#include "cli/page.h"

static void print_text(const struct series *s)
{
	char value[UNITS_TEXT_MAX];
	struct buf line;

	buf_init(&line, 1024 * 1024);
	labels_print(&s->labels, &line);
	number_format(s->samples[s->start + s->n - 1].value, value);
	printf("%s %s\n", buf_str(&line).p, value);
	buf_fini(&line);
}

static void print_json(const struct series *s)
{
	char value[UNITS_TEXT_MAX];
	json_t *labels = json_object(), *row;
	char *text;

	for (size_t i = 0; i < s->labels.n; i++) {
		char *name = str_dup(s->labels.list[i].name);

		if (name != NULL)
			(void)json_object_set_new(
			        labels, name,
			        json_stringn(s->labels.list[i].value.p, s->labels.list[i].value.n));
		free(name);
	}
	number_format(s->samples[s->start + s->n - 1].value, value);
	row = json_pack("{s:o, s:s}", "metric", labels, "value", value);
	text = json_dumps(row, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(row);
}

int probe_command(int argc, char **argv)
{
	const char *path = NULL;
	enum page_format format = PAGE_AUTO;
	bool json = false;
	struct series_set *set = NULL;
	struct err err = {.code = ERR_NONE};
	const struct series *s;
	size_t samples = 0, at = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else if (strcmp(argv[i], "--format") == 0 && i + 1 < argc &&
		         page_format_of(argv[i + 1], &format))
			i++;
		else if (path == NULL && (argv[i][0] != '-' || argv[i][1] == '\0'))
			path = argv[i];
		else
			argc = 0;
	}
	if (path == NULL || argc == 0) {
		fprintf(stderr,
		        "usage: headgate probe FILE|- [--format auto|prometheus|openmetrics] "
		        "[--json]\n");
		return EXIT_USAGE;
	}
	if (!page_read(path, format, 0, &set, &samples, &err)) {
		fprintf(stderr, "%s: %s\n", path, err.text);
		return err.code == ERR_NOT_FOUND ? EXIT_UNREACHABLE : EXIT_BAD;
	}
	while ((s = series_set_next(set, &at)) != NULL) {
		if (json)
			print_json(s);
		else
			print_text(s);
	}
	if (!json)
		fprintf(stderr, "%s: %zu samples in %zu series\n", path, samples,
		        series_set_count(set));
	series_set_free(&set);
	return EXIT_DONE;
}
