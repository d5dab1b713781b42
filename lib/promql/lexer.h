/*
 * lexer - PromQL text to tokens, one at a time. A copy of the struct is a look-ahead.
 *
 * Tokens borrow the text. Keywords are case-insensitive; comments and white space vanish.
 */
#ifndef PROMQL_LEXER_H
#define PROMQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum token_kind {
	TOKEN_END = 0,
	TOKEN_IDENTIFIER,
	TOKEN_METRIC, /* an identifier with a colon in it */
	TOKEN_NUMBER,
	TOKEN_DURATION,
	TOKEN_STRING, /* with its quotes */
	TOKEN_LEFT_PAREN,
	TOKEN_RIGHT_PAREN,
	TOKEN_LEFT_BRACE,
	TOKEN_RIGHT_BRACE,
	TOKEN_LEFT_BRACKET,
	TOKEN_RIGHT_BRACKET,
	TOKEN_COMMA,
	TOKEN_COLON,
	TOKEN_AT,
	TOKEN_ADD,
	TOKEN_SUB,
	TOKEN_MUL,
	TOKEN_DIV,
	TOKEN_MOD,
	TOKEN_POW,
	TOKEN_EQUAL, /* == */
	TOKEN_NOT_EQUAL,
	TOKEN_LESS,
	TOKEN_LESS_EQUAL,
	TOKEN_GREATER,
	TOKEN_GREATER_EQUAL,
	TOKEN_ASSIGN, /* = */
	TOKEN_MATCH,  /* =~ */
	TOKEN_NOT_MATCH,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_UNLESS,
	TOKEN_ATAN2,
	TOKEN_BY,
	TOKEN_WITHOUT,
	TOKEN_ON,
	TOKEN_IGNORING,
	TOKEN_GROUP_LEFT,
	TOKEN_GROUP_RIGHT,
	TOKEN_BOOL,
	TOKEN_OFFSET,
	TOKEN_AGGREGATION,
	TOKEN_KIND_COUNT
};

struct token {
	enum token_kind kind;
	struct str text;
	size_t offset;
	bool is_word; /* could be a label name */
};

struct lexer {
	struct str text;
	size_t at;
	bool in_braces;   /* words are label names here, never keywords */
	bool in_brackets; /* a colon separates a subquery's range from its step */
};

void lexer_init(struct lexer *l, struct str text);
/* False on text that is no token; out->offset is then where. */
bool lexer_next(struct lexer *l, struct token *out, struct err *err) MUST_CHECK;

/* "\")\"", "end of input", "identifier \"foo\"": for messages. Cut to fit. */
void token_describe(const struct token *t, char *out, size_t size);

/* The value of a string token, escapes resolved, in the arena. */
bool token_unquote(const struct token *t, struct arena *arena, struct str *out,
                   struct err *err) MUST_CHECK;
/* The value of a number token. */
bool token_number(const struct token *t, struct arena *arena, double *out,
                  struct err *err) MUST_CHECK;

#endif
