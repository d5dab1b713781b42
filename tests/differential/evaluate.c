/*
 * evaluate FILE - many instant queries over one page, for run.py.
 *
 * Reads "SECONDS EXPRESSION" lines, the expression as a JSON string, and answers each with a line
 * of JSON as Prometheus would: {"status", "data": {"resultType", "result"}} or {"status",
 * "errorType", "error"}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "cli/answer.h"
#include "cli/page.h"
#include "promql/promql.h"

#define ARENA_BYTES (512u * 1024 * 1024)

static json_t *fail(const char *type, const struct promql_position *at, const struct err *err)
{
	return json_pack("{s:s, s:s, s:s, s:i}", "status", "error", "errorType", type, "error",
	                 err->text, "position", (int)at->offset);
}

static json_t *evaluate(const struct series_set *set, int64_t at_ms, struct str text)
{
	struct promql_position at = {0};
	struct err err = {.code = ERR_NONE};
	struct promql_expr *e = promql_parse(text, &at, &err);
	struct promql_value value;
	struct arena arena;
	json_t *answer;

	if (e == NULL)
		return fail("bad_data", &at, &err);
	arena_init(&arena, ARENA_BYTES);
	if (promql_eval(e, &(struct promql_data){.sets = &set, .nsets = 1}, at_ms, &arena, &value,
	                &at, &err))
		answer = json_pack("{s:s, s:{s:s, s:o}}", "status", "success", "data", "resultType",
		                   promql_type_name(value.type), "result",
		                   answer_result(&value, at_ms));
	else
		answer = fail("execution", &at, &err);
	arena_fini(&arena);
	promql_free(&e);
	return answer;
}

static void one(const struct series_set *set, char *line)
{
	char *space = strchr(line, ' ');
	struct err err;
	double seconds = 0;
	json_t *text, *answer;

	if (space == NULL ||
	    !number_parse((struct str){line, (size_t)(space - line)}, &seconds, &err))
		exit(2);
	text = json_loads(space + 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!json_is_string(text))
		exit(2);
	answer = evaluate(set, (int64_t)(seconds * 1000 + 0.5),
	                  (struct str){json_string_value(text), json_string_length(text)});
	json_dumpf(answer, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(answer);
	json_decref(text);
}

int main(int argc, char **argv)
{
	struct series_set *set = NULL;
	struct err err = {.code = ERR_NONE};
	size_t samples = 0, capacity = 0;
	char *line = NULL;

	if (argc != 2)
		return 2;
	if (!page_read(argv[1], PAGE_AUTO, 0, &set, &samples, &err)) {
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
		return 1;
	}
	while (getline(&line, &capacity, stdin) > 0)
		one(set, line);
	free(line);
	series_set_free(&set);
	return 0;
}
