/* Cuts PromQL text into tokens. */
#include "promql/lexer.h"

#include <stdio.h>
#include <strings.h>

#include "base/macros.h"
#include "promql/aggregate.h"

struct word {
	const char *text;
	enum token_kind kind;
};

/* clang-format off */
static const struct word keywords[] = {
	{ "and",         TOKEN_AND },
	{ "or",          TOKEN_OR },
	{ "unless",      TOKEN_UNLESS },
	{ "atan2",       TOKEN_ATAN2 },
	{ "by",          TOKEN_BY },
	{ "without",     TOKEN_WITHOUT },
	{ "on",          TOKEN_ON },
	{ "ignoring",    TOKEN_IGNORING },
	{ "group_left",  TOKEN_GROUP_LEFT },
	{ "group_right", TOKEN_GROUP_RIGHT },
	{ "bool",        TOKEN_BOOL },
	{ "offset",      TOKEN_OFFSET },
	{ "inf",         TOKEN_NUMBER },
	{ "nan",         TOKEN_NUMBER },
};

/* The longer spelling stands before the one it starts with. */
static const struct word signs[] = {
	{ "==", TOKEN_EQUAL },       { "=~", TOKEN_MATCH },         { "!=", TOKEN_NOT_EQUAL },
	{ "!~", TOKEN_NOT_MATCH },   { "<=", TOKEN_LESS_EQUAL },    { ">=", TOKEN_GREATER_EQUAL },
	{ "<", TOKEN_LESS },         { ">", TOKEN_GREATER },        { "=", TOKEN_ASSIGN },
	{ "(", TOKEN_LEFT_PAREN },   { ")", TOKEN_RIGHT_PAREN },    { "{", TOKEN_LEFT_BRACE },
	{ "}", TOKEN_RIGHT_BRACE },  { "[", TOKEN_LEFT_BRACKET },   { "]", TOKEN_RIGHT_BRACKET },
	{ ",", TOKEN_COMMA },        { "@", TOKEN_AT },             { "+", TOKEN_ADD },
	{ "-", TOKEN_SUB },          { "*", TOKEN_MUL },            { "/", TOKEN_DIV },
	{ "%", TOKEN_MOD },          { "^", TOKEN_POW },
};
/* clang-format on */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The first letter of a unit of time: ms, s, m, h, d, w, y. */
static bool is_unit(char c)
{
	return c == 'm' || c == 's' || c == 'h' || c == 'd' || c == 'w' || c == 'y';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* NUL stands for the end: the text itself has none. */
static char peek(const struct lexer *l, size_t ahead)
{
	if (l->at + ahead < l->text.n)
		return l->text.p[l->at + ahead];
	return '\0';
}

void lexer_init(struct lexer *l, struct str text)
{
	*l = (struct lexer){.text = text};
}

static void skip_space(struct lexer *l)
{
	for (;;) {
		while (is_space(peek(l, 0)))
			l->at++;
		if (peek(l, 0) != '#')
			return;
		while (l->at < l->text.n && l->text.p[l->at] != '\n' && l->text.p[l->at] != '\r')
			l->at++;
	}
}

static void skip_decimal(struct lexer *l)
{
	while (is_digit(peek(l, 0)) || (peek(l, 0) == '_' && is_digit(peek(l, 1))))
		l->at++;
}

static void skip_hex(struct lexer *l)
{
	l->at += peek(l, 2) == '_' ? 3 : 2;
	while (is_hex_digit(peek(l, 0)) || (peek(l, 0) == '_' && is_hex_digit(peek(l, 1))))
		l->at++;
}

static void skip_exponent(struct lexer *l)
{
	size_t sign = peek(l, 1) == '+' || peek(l, 1) == '-';

	if ((peek(l, 0) != 'e' && peek(l, 0) != 'E') || !is_digit(peek(l, 1 + sign)))
		return;
	l->at += 1 + sign;
	skip_decimal(l);
}

/* A number, or a duration where a unit follows whole digits. */
static bool lex_number(struct lexer *l, struct token *out, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	size_t start = l->at;
	size_t whole;

	out->kind = TOKEN_NUMBER;
	if (peek(l, 0) == '0' && (peek(l, 1) == 'x' || peek(l, 1) == 'X') &&
	    is_hex_digit(peek(l, peek(l, 2) == '_' ? 3 : 2))) {
		skip_hex(l);
		whole = start;
	} else {
		skip_decimal(l);
		whole = l->at;
		if (peek(l, 0) == '.') {
			l->at++;
			skip_decimal(l);
		}
		skip_exponent(l);
	}
	if (l->at == whole && is_unit(peek(l, 0))) {
		out->kind = TOKEN_DURATION;
		while (is_digit(peek(l, 0)) || is_letter(peek(l, 0)))
			l->at++;
	}
	out->text = str_slice(l->text, start, l->at);
	if (!is_letter(peek(l, 0)) && !is_digit(peek(l, 0)))
		return true;
	/* What goes on behind it belongs to the mistake. */
	while (is_digit(peek(l, 0)) || is_letter(peek(l, 0)))
		l->at++;
	return err_set(err, ERR_INVALID, "bad number or duration syntax: %s",
	               str_quote(str_slice(l->text, start, l->at), quote));
}

static bool lex_string(struct lexer *l, struct token *out, struct err *err)
{
	size_t start = l->at;
	char quote = peek(l, 0);

	l->at++;
	while (l->at < l->text.n && l->text.p[l->at] != quote) {
		if (l->text.p[l->at] == '\n' && quote != '`')
			break;
		l->at += quote != '`' && l->text.p[l->at] == '\\' ? 2 : 1;
	}
	if (peek(l, 0) != quote)
		return err_set(err, ERR_INVALID, "unterminated %s string",
		               quote == '`' ? "raw" : "quoted");
	l->at++;
	out->kind = TOKEN_STRING;
	out->text = str_slice(l->text, start, l->at);
	return true;
}

static bool word_is(struct str text, const char *word)
{
	struct str other = str_of(word);

	return text.n == other.n && strncasecmp(text.p, other.p, text.n) == 0;
}

static void lex_word(struct lexer *l, struct token *out)
{
	size_t start = l->at;
	bool colon = false;

	while (is_letter(peek(l, 0)) || is_digit(peek(l, 0)) ||
	       (peek(l, 0) == ':' && !l->in_braces)) {
		colon |= peek(l, 0) == ':';
		l->at++;
	}
	out->text = str_slice(l->text, start, l->at);
	out->kind = colon ? TOKEN_METRIC : TOKEN_IDENTIFIER;
	out->is_word = !colon;
	if (colon || l->in_braces)
		return;
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (word_is(out->text, keywords[i].text))
			out->kind = keywords[i].kind;
	}
	out->is_word = out->kind != TOKEN_NUMBER;
	if (aggregation_find(out->text))
		out->kind = TOKEN_AGGREGATION;
}

static bool lex_sign(struct lexer *l, struct token *out, struct err *err)
{
	struct str rest = str_slice(l->text, l->at, l->text.n);
	char quote[STR_QUOTE_MAX];
	size_t length = 1;

	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		struct str sign = str_of(signs[i].text);

		if (!str_starts_with(rest, sign))
			continue;
		out->kind = signs[i].kind;
		out->text = str_slice(rest, 0, sign.n);
		l->at += sign.n;
		return true;
	}
	/* The whole character, should it be one of several bytes. */
	while (length < rest.n && ((unsigned char)rest.p[length] & 0xc0) == 0x80)
		length++;
	return err_set(err, ERR_INVALID, "unexpected character: %s",
	               str_quote(str_slice(rest, 0, length), quote));
}

static void track_brackets(struct lexer *l, enum token_kind kind)
{
	if (kind == TOKEN_LEFT_BRACE || kind == TOKEN_RIGHT_BRACE)
		l->in_braces = kind == TOKEN_LEFT_BRACE;
	if (kind == TOKEN_LEFT_BRACKET || kind == TOKEN_RIGHT_BRACKET)
		l->in_brackets = kind == TOKEN_LEFT_BRACKET;
}

bool lexer_next(struct lexer *l, struct token *out, struct err *err)
{
	char c;

	skip_space(l);
	*out = (struct token){.kind = TOKEN_END, .offset = l->at};
	if (l->at >= l->text.n)
		return true;
	c = peek(l, 0);
	if (is_digit(c) || (c == '.' && is_digit(peek(l, 1))))
		return lex_number(l, out, err);
	if (c == '"' || c == '\'' || c == '`')
		return lex_string(l, out, err);
	if (c == ':' && l->in_brackets) {
		out->kind = TOKEN_COLON;
		out->text = str_slice(l->text, l->at, l->at + 1);
		l->at++;
		return true;
	}
	if (is_letter(c) || (c == ':' && !l->in_braces)) {
		lex_word(l, out);
		return true;
	}
	if (!lex_sign(l, out, err))
		return false;
	track_brackets(l, out->kind);
	return true;
}

void token_describe(const struct token *t, char *out, size_t size)
{
	char quote[STR_QUOTE_MAX];
	const char *what = "";

	if (t->kind == TOKEN_END) {
		snprintf(out, size, "end of input");
		return;
	}
	if (t->kind == TOKEN_STRING)
		what = "string ";
	else if (t->kind == TOKEN_IDENTIFIER)
		what = "identifier ";
	else if (t->kind == TOKEN_METRIC)
		what = "metric name ";
	else if (t->kind == TOKEN_NUMBER)
		what = "number ";
	else if (t->kind == TOKEN_DURATION)
		what = "duration ";
	else if (t->is_word)
		what = "keyword ";
	/* A string brings its own quotes. */
	str_quote(t->kind == TOKEN_STRING ? str_slice(t->text, 1, t->text.n - 1) : t->text, quote);
	snprintf(out, size, "%s%s", what, quote);
}
