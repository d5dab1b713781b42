/*
 * fixture - what the tests of policies share: reading a text, and asking for a problem in one line.
 */
#ifndef TESTS_POLICY_FIXTURE_H
#define TESTS_POLICY_FIXTURE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/problem.h"

/* Every problem as it is printed; the caller frees. */
static inline char *problems_text(const struct problems *problems)
{
	struct buf out;

	buf_init(&out, 256 * 1024);
	buf_add_text(&out, "");
	problems_print(problems, &out);
	return buf_take_text(&out);
}

/* A copy of `text` with the first `from` replaced by `to`; the caller frees. */
static inline char *text_replace(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	struct buf out;

	if (!at)
		return NULL;
	buf_init(&out, 256 * 1024);
	buf_add(&out, text, (size_t)(at - text));
	buf_add_text(&out, to);
	buf_add_text(&out, at + strlen(from));
	return buf_take_text(&out);
}

/* Whether one line of `lines` starts with `start` and contains `part`. */
static inline bool has_line(const char *lines, const char *start, const char *part)
{
	for (const char *line = lines; line && *line; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n');
		const char *found = strstr(line, part);

		if (strncmp(line, start, strlen(start)) == 0 && found && found < end)
			return true;
	}
	return false;
}

#endif
