/*
 * query - `headgate query`: PromQL over a page with timestamps, printed as Prometheus'
 * /api/v1/query prints it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/units.h"
#include "cli/answer.h"
#include "cli/commands.h"
#include "cli/page.h"
#include "promql/promql.h"

#define QUERY_ARENA (512u * 1024 * 1024)

static int print_value(const struct promql_value *value, int64_t at_ms)
{
	json_t *answer =
	        json_pack("{s:s, s:{s:s, s:o}}", "status", "success", "data", "resultType",
	                  promql_type_name(value->type), "result", answer_result(value, at_ms));
	char *text = json_dumps(answer, JSON_COMPACT);

	if (text != NULL)
		puts(text);
	free(text);
	json_decref(answer);
	return text == NULL ? EXIT_BUG : EXIT_DONE;
}

/* Line and column, and the line itself with a mark below where it can be shown. */
static int fail(const char *what, const char *text, const struct promql_position *at,
                const struct err *err)
{
	const char *line = text, *end;
	size_t number = 1, column;

	for (size_t i = 0; i < at->offset && text[i] != '\0'; i++) {
		if (text[i] == '\n') {
			line = text + i + 1;
			number++;
		}
	}
	column = at->offset - (size_t)(line - text) + 1;
	end = line + strcspn(line, "\n");
	fprintf(stderr, "%s: %zu:%zu: %s\n", what, number, column, err->text);
	if (end > line && end - line < 160 && memchr(line, '\t', (size_t)(end - line)) == NULL)
		fprintf(stderr, "  %.*s\n  %*s\n", (int)(end - line), line, (int)column, "^");
	return EXIT_BAD;
}

static int run(const char *path, enum page_format format, int64_t at_ms, const char *text)
{
	struct promql_position at = {0};
	struct err err = {.code = ERR_NONE};
	struct series_set *set = NULL;
	struct promql_expr *expr = promql_parse(str_of(text), &at, &err);
	struct promql_value value;
	struct arena arena;
	size_t samples = 0;
	int status;

	if (expr == NULL)
		return fail("parse error", text, &at, &err);
	if (!page_read(path, format, at_ms, &set, &samples, &err)) {
		promql_free(&expr);
		fprintf(stderr, "%s: %s\n", path, err.text);
		return err.code == ERR_NOT_FOUND || err.code == ERR_UNAVAILABLE ? EXIT_UNREACHABLE
		                                                                : EXIT_BAD;
	}
	arena_init(&arena, QUERY_ARENA);
	status = promql_eval(expr,
	                     &(struct promql_data){.sets = (const struct series_set *const[]){set},
	                                           .nsets = 1},
	                     at_ms, &arena, &value, &at, &err)
	                 ? print_value(&value, at_ms)
	                 : fail("evaluation error", text, &at, &err);
	arena_fini(&arena);
	series_set_free(&set);
	promql_free(&expr);
	return status;
}

static int usage(const char *why, const char *what)
{
	if (why != NULL)
		fprintf(stderr, "%s %s\n", what, why);
	fprintf(stderr, "usage: headgate query --data FILE|- [--format "
	                "auto|prometheus|openmetrics] "
	                "--at SECONDS 'EXPR'\n");
	return EXIT_USAGE;
}

int query_command(int argc, char **argv)
{
	const char *path = NULL, *expr = NULL;
	struct err err = {.code = ERR_NONE};
	double seconds = 0;
	enum page_format format = PAGE_AUTO;
	bool has_at = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
			path = argv[++i];
		} else if (strcmp(argv[i], "--at") == 0 && i + 1 < argc) {
			has_at = number_parse(str_of(argv[++i]), &seconds, &err) &&
			         seconds > -1e15 && seconds < 1e15;
			if (!has_at)
				return usage("is no time: --at takes seconds since 1970, such as "
				             "1700000000.5",
				             argv[i]);
		} else if (strcmp(argv[i], "--format") == 0 && i + 1 < argc &&
		           page_format_of(argv[i + 1], &format)) {
			i++;
		} else if (expr == NULL) {
			expr = argv[i];
		} else {
			expr = NULL;
			break;
		}
	}
	if (path == NULL || expr == NULL || !has_at)
		return usage(NULL, NULL);
	return run(path, format, (int64_t)(seconds * 1000.0 + (seconds < 0 ? -0.5 : 0.5)), expr);
}
