/*
 * matcher - one label condition of a selector: =, !=, =~ or !~. An absent label reads as empty.
 */
#ifndef PROMQL_MATCHER_H
#define PROMQL_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "series/labels.h"

struct regex;
struct regex_scratch;

enum matcher_kind {
	MATCHER_EQUAL = 0,
	MATCHER_NOT_EQUAL,
	MATCHER_REGEX,
	MATCHER_NOT_REGEX,
	MATCHER_KIND_COUNT
};

struct matcher {
	enum matcher_kind kind;
	struct str name, value;
	const struct regex *regex; /* the two regex kinds */
};

bool matcher_matches(const struct matcher *m, struct str value, struct regex_scratch *scratch,
                     bool *out_matches, struct err *err) MUST_CHECK;
/* All of them, against the labels of one series. */
bool matchers_match(const struct matcher *list, size_t n, const struct labels *labels,
                    struct regex_scratch *scratch, bool *out_matches, struct err *err) MUST_CHECK;

#endif
