/*
 * parser - tokens to a tree, types checked on the way.
 *
 * The error and its place stand in the struct and are written by parse_fail() alone: the two belong
 * together, and nearly every function here can fail. What returns a node returns NULL on failure.
 */
#ifndef PROMQL_PARSER_H
#define PROMQL_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macros.h"
#include "promql/ast.h"
#include "promql/lexer.h"

struct parser {
	struct promql_expr *expr;
	struct lexer lexer;
	struct token token; /* the one not yet consumed */
	struct promql_position *at;
	struct err *err;
	size_t nselectors;
	size_t last_end; /* behind the token consumed last */
	size_t nnodes;
	size_t depth; /* of nested calls */
	bool wants_labels; /* the next selector is the second argument of info() */
};

/* parser.c */
struct node *parse_whole(struct parser *p);
struct node *parse_expression(struct parser *p, int lowest_precedence);

/* What every part uses. */
bool parse_fail(struct parser *p, size_t offset, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool parse_fail_token(struct parser *p, const char *expected); /* "unexpected X, expected Y" */
bool parse_fail_prefixed(struct parser *p, size_t offset); /* p->err is filled; adds the place */
bool parse_advance(struct parser *p) MUST_CHECK;
bool parse_accept(struct parser *p, enum token_kind kind, bool *out_accepted) MUST_CHECK;
bool parse_expect(struct parser *p, enum token_kind kind, const char *expected) MUST_CHECK;
struct node *parse_node(struct parser *p, enum node_kind kind, enum promql_type type,
                        size_t offset);
void *parse_array(struct parser *p, size_t n, size_t size);
/* "(a, b)" */
bool parse_label_names(struct parser *p, const struct str **out, size_t *out_n) MUST_CHECK;
const char *type_words(enum promql_type type); /* "instant vector" */
/* A node is one deeper than its deepest child. */
void parse_adopt(struct node *n, const struct node *child);

/* parse_selector.c: metric names and matchers. */
struct node *parse_selector(struct parser *p);
/* The selector of info() that is not written: all of target_info. */
struct node *parse_info_selector(struct parser *p);

/* parse_range.c: what may follow an operand, in any order: ranges, subqueries, offset, @. */
struct node *parse_modifiers(struct parser *p, struct node *n);

/* parse_duration.c: lengths in milliseconds, in brackets and behind `offset`. */
bool parse_positive_length(struct parser *p, int64_t *out_ms) MUST_CHECK;
bool parse_offset_length(struct parser *p, int64_t *out_ms) MUST_CHECK;
bool parse_sign(struct parser *p, bool *out_negative) MUST_CHECK;
/* "5m" or "300", as seconds. */
bool parse_seconds(struct parser *p, const char *expected, double *out) MUST_CHECK;
bool token_is_word(const struct token *t, const char *word); /* in any case */

/* parse_call.c: functions and aggregations. */
struct node *parse_call(struct parser *p);
struct node *parse_aggregate(struct parser *p);

/* parse_binary.c: operators, their modifiers and types. */
struct node *parse_binary(struct parser *p, struct node *lhs);
struct node *parse_unary(struct parser *p);

#endif
