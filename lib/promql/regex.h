/*
 * regex - a regular expression over label values, matched as Prometheus does: ^(?s:...)$. The syntax
 * is RE2's (regex_syntax.h).
 *
 * Matching is bounded; a value that runs into the bound is an error, never a "no". Captures are
 * read through the scratch the caller brings, so that a compiled expression stays immutable.
 */
#ifndef PROMQL_REGEX_H
#define PROMQL_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Backtracking steps that any value may take, that a few values of an evaluation may take, how many
 * those are, memory per match, groups with the whole match as group 0. Together they bound the time
 * of an evaluation, whatever the pattern and whoever picked the values. */
#define REGEX_USUAL_STEPS 5000
#define REGEX_MAX_STEPS 100000
#define REGEX_MAX_COSTLY 200
#define REGEX_MAX_HEAP_KIB 4096
#define REGEX_MAX_CAPTURES 32

struct regex;
struct regex_scratch;

/* Compiles into *list, whose entries regex_free_all() frees. The struct lives in the arena. */
const struct regex *regex_compile(struct str pattern, struct arena *arena, struct regex **list,
                                  struct err *err);
void regex_free_all(struct regex **list);

struct regex_scratch *regex_scratch_new(struct err *err);
void regex_scratch_free(struct regex_scratch **s);

bool regex_match(const struct regex *r, struct str value, struct regex_scratch *s,
                 bool *out_matches, struct err *err) MUST_CHECK;
/* Captures of the last successful match of `r` on `value`; empty when the group took no part or
 * does not exist. Group 0 is the whole value. */
struct str regex_capture(const struct regex *r, struct str value, const struct regex_scratch *s,
                         struct str name_or_number);

#endif
