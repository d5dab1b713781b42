/* The heart of the parser: precedence climbing over primaries, and the parts' common tools. */
#include "promql/parser.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/units.h"
#include "promql/binary.h"

bool parse_fail(struct parser *p, size_t offset, const char *fmt, ...)
{
	char text[sizeof(p->err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	p->at->offset = offset;
	return err_set(p->err, ERR_INVALID, "%s", text);
}

bool parse_fail_prefixed(struct parser *p, size_t offset)
{
	p->at->offset = offset;
	return false;
}

bool parse_fail_token(struct parser *p, const char *expected)
{
	char found[100];

	token_describe(&p->token, found, sizeof(found));
	return parse_fail(p, p->token.offset, "unexpected %s, expected %s", found, expected);
}

bool parse_advance(struct parser *p)
{
	p->last_end = p->token.offset + p->token.text.n;
	return lexer_next(&p->lexer, &p->token, p->err) || parse_fail_prefixed(p, p->token.offset);
}

bool parse_accept(struct parser *p, enum token_kind kind, bool *out_accepted)
{
	*out_accepted = p->token.kind == kind;
	return !*out_accepted || parse_advance(p);
}

bool parse_expect(struct parser *p, enum token_kind kind, const char *expected)
{
	if (p->token.kind != kind)
		return parse_fail_token(p, expected);
	return parse_advance(p);
}

void *parse_array(struct parser *p, size_t n, size_t size)
{
	void *list = arena_array(&p->expr->arena, n ? n : 1, size);

	if (!list && arena_ok(&p->expr->arena, p->err))
		err_set(p->err, ERR_NOMEM, "out of memory");
	if (!list)
		parse_fail_prefixed(p, p->token.offset);
	return list;
}

struct node *parse_node(struct parser *p, enum node_kind kind, enum promql_type type, size_t offset)
{
	struct node *n;

	if (++p->nnodes > PROMQL_MAX_NODES) {
		err_set(p->err, ERR_LIMIT, "the expression has more than %d parts",
		        PROMQL_MAX_NODES);
		parse_fail_prefixed(p, offset);
		return NULL;
	}
	n = parse_array(p, 1, sizeof(*n));
	if (!n)
		return NULL;
	n->kind = kind;
	n->type = type;
	n->offset = offset;
	n->depth = 1;
	return n;
}

void parse_adopt(struct node *n, const struct node *child)
{
	if (child->depth + 1 > n->depth)
		n->depth = child->depth + 1;
}

const char *type_words(enum promql_type type)
{
	static const char *const words[] = {
	        [PROMQL_SCALAR] = "scalar",
	        [PROMQL_VECTOR] = "instant vector",
	        [PROMQL_MATRIX] = "range vector",
	        [PROMQL_STRING] = "string",
	};
	_Static_assert(ARRAY_LEN(words) == PROMQL_TYPE_COUNT, "one word per type");

	return words[type];
}

/* Names in parentheses; keywords are names here, and names that need quotes stand in quotes. */
static bool parse_label_name(struct parser *p, struct str *out)
{
	if (p->token.kind == TOKEN_STRING) {
		if (!token_unquote(&p->token, &p->expr->arena, out, p->err))
			return parse_fail_prefixed(p, p->token.offset);
		if (!out->n || !str_is_utf8(*out))
			return parse_fail(p, p->token.offset, "invalid label name");
	} else if (p->token.is_word || p->token.kind == TOKEN_METRIC) {
		*out = p->token.text;
	} else {
		return parse_fail_token(p, "label");
	}
	return parse_advance(p);
}

static size_t count_commas(const struct parser *p)
{
	struct lexer ahead = p->lexer;
	struct token t = p->token;
	struct err ignored;
	size_t n = 0;

	while (t.kind != TOKEN_RIGHT_PAREN && t.kind != TOKEN_END) {
		n += t.kind == TOKEN_COMMA;
		if (!lexer_next(&ahead, &t, &ignored))
			break;
	}
	return n;
}

bool parse_label_names(struct parser *p, const struct str **out, size_t *out_n)
{
	struct str *names;
	bool more = true;
	size_t n = 0;

	if (!parse_expect(p, TOKEN_LEFT_PAREN, "\"(\""))
		return false;
	names = parse_array(p, count_commas(p) + 1, sizeof(*names));
	if (!names)
		return false;
	while (more && p->token.kind != TOKEN_RIGHT_PAREN) {
		if (!parse_label_name(p, &names[n++]) || !parse_accept(p, TOKEN_COMMA, &more))
			return false;
	}
	*out = names;
	*out_n = n;
	return parse_expect(p, TOKEN_RIGHT_PAREN, "\",\" or \")\"");
}

static struct node *parse_number(struct parser *p)
{
	struct node *n = parse_node(p, NODE_NUMBER, PROMQL_SCALAR, p->token.offset);
	int64_t ms = 0;
	bool ok;

	if (!n)
		return NULL;
	if (p->token.kind == TOKEN_DURATION) {
		ok = duration_parse(p->token.text, &ms, p->err);
		n->number = (double)ms / 1000;
	} else {
		ok = token_number(&p->token, &p->expr->arena, &n->number, p->err);
	}
	if (!ok)
		parse_fail_prefixed(p, p->token.offset);
	return ok && parse_advance(p) ? n : NULL;
}

static struct node *parse_string(struct parser *p)
{
	struct node *n = parse_node(p, NODE_STRING, PROMQL_STRING, p->token.offset);

	if (!n)
		return NULL;
	if (!token_unquote(&p->token, &p->expr->arena, &n->string, p->err)) {
		parse_fail_prefixed(p, p->token.offset);
		return NULL;
	}
	return parse_advance(p) ? n : NULL;
}

static struct node *parse_group(struct parser *p)
{
	size_t offset = p->token.offset;
	struct node *n;

	if (!parse_advance(p))
		return NULL;
	n = parse_expression(p, OPERATOR_LOWEST);
	if (!n || !parse_expect(p, TOKEN_RIGHT_PAREN, "\")\""))
		return NULL;
	n->offset = offset;
	n->grouped = true;
	return n;
}

/* What the token after the present one is. */
static enum token_kind look_ahead(const struct parser *p)
{
	struct lexer ahead = p->lexer;
	struct token t;
	struct err ignored;

	return lexer_next(&ahead, &t, &ignored) ? t.kind : TOKEN_END;
}

static struct node *parse_word(struct parser *p)
{
	enum token_kind next = look_ahead(p);

	if (p->token.kind == TOKEN_IDENTIFIER && next == TOKEN_LEFT_PAREN)
		return parse_call(p);
	/* Without one of these behind it, "sum" is a metric. */
	if (p->token.kind == TOKEN_AGGREGATION &&
	    (next == TOKEN_LEFT_PAREN || next == TOKEN_BY || next == TOKEN_WITHOUT))
		return parse_aggregate(p);
	return parse_selector(p);
}

static struct node *parse_primary(struct parser *p)
{
	switch ((int)p->token.kind) {
	case TOKEN_NUMBER:
	case TOKEN_DURATION:
		return parse_number(p);
	case TOKEN_STRING:
		return parse_string(p);
	case TOKEN_LEFT_PAREN:
		return parse_group(p);
	case TOKEN_IDENTIFIER:
	case TOKEN_AGGREGATION:
	case TOKEN_METRIC:
	case TOKEN_LEFT_BRACE:
	case TOKEN_BY:
	case TOKEN_WITHOUT:
	case TOKEN_OFFSET:
	case TOKEN_AND:
	case TOKEN_OR:
	case TOKEN_UNLESS:
		return parse_word(p);
	default:
		parse_fail_token(p, "an expression");
		return NULL;
	}
}

static struct node *parse_operand(struct parser *p)
{
	struct node *n;

	if (p->token.kind == TOKEN_ADD || p->token.kind == TOKEN_SUB)
		return parse_unary(p);
	n = parse_primary(p);
	return n ? parse_modifiers(p, n) : NULL;
}

static bool check_depth(struct parser *p, size_t depth, size_t offset)
{
	if (depth <= PROMQL_MAX_DEPTH)
		return true;
	err_set(p->err, ERR_LIMIT, "the expression nests more than %d levels deep",
	        PROMQL_MAX_DEPTH);
	return parse_fail_prefixed(p, offset);
}

struct node *parse_expression(struct parser *p, int lowest_precedence)
{
	const struct operator* op;
	struct node *n;

	if (!check_depth(p, ++p->depth, p->token.offset))
		return NULL;
	n = parse_operand(p);
	for (op = operator_find(p->token.kind); n && op && (int)op->precedence >= lowest_precedence;
	     op = operator_find(p->token.kind))
		n = parse_binary(p, n);
	if (n && !check_depth(p, n->depth, n->offset))
		return NULL;
	p->depth--;
	return n;
}

struct node *parse_whole(struct parser *p)
{
	struct node *n;

	if (!parse_advance(p))
		return NULL;
	if (p->token.kind == TOKEN_END) {
		parse_fail(p, 0, "no expression found in input");
		return NULL;
	}
	n = parse_expression(p, OPERATOR_LOWEST);
	if (n && p->token.kind != TOKEN_END) {
		parse_fail_token(p, "an operator or the end");
		return NULL;
	}
	return n;
}
