/* Operators between expressions, their modifiers, and which types they join. */
#include "promql/binary.h"
#include "promql/parser.h"

/* A word with a parenthesis behind it; without one it is a metric. */
static bool is_fill(const struct parser *p, const char *word)
{
	struct lexer ahead = p->lexer;
	struct token next;
	struct err ignored;

	return token_is_word(&p->token, word) && lexer_next(&ahead, &next, &ignored) &&
	       next.kind == TOKEN_LEFT_PAREN;
}

/* "(0)", "(-1.5)" */
static bool parse_fill_value(struct parser *p, double *out)
{
	bool negative = false;

	if (!parse_advance(p) || !parse_expect(p, TOKEN_LEFT_PAREN, "\"(\"") ||
	    !parse_sign(p, &negative) || !parse_seconds(p, "number", out))
		return false;
	if (negative)
		*out = -*out;
	return parse_expect(p, TOKEN_RIGHT_PAREN, "\")\"");
}

/* fill for both sides, or one for each in any order. */
static bool parse_fills(struct parser *p, struct matching *m)
{
	if (is_fill(p, "fill")) {
		m->left.fills = m->right.fills = true;
		if (!parse_fill_value(p, &m->left.value))
			return false;
		m->right.value = m->left.value;
		return true;
	}
	for (;;) {
		struct fill *fill = &m->left;

		if (is_fill(p, "fill_right"))
			fill = &m->right;
		else if (!is_fill(p, "fill_left"))
			return true;
		if (fill->fills)
			return parse_fail(p, p->token.offset, "the same side is filled twice");
		fill->fills = true;
		if (!parse_fill_value(p, &fill->value))
			return false;
	}
}

/* bool, then on/ignoring, then group_left/group_right: each optional, the last only behind the
 * second. What fills comes behind them. */
static bool parse_matching(struct parser *p, struct binary *b)
{
	struct matching *m = &b->matching;

	if (!parse_accept(p, TOKEN_BOOL, &b->returns_bool))
		return false;
	if (p->token.kind != TOKEN_ON && p->token.kind != TOKEN_IGNORING)
		return true;
	m->on = p->token.kind == TOKEN_ON;
	if (!parse_advance(p) || !parse_label_names(p, &m->labels, &m->nlabels))
		return false;
	if (p->token.kind != TOKEN_GROUP_LEFT && p->token.kind != TOKEN_GROUP_RIGHT)
		return true;
	m->card = p->token.kind == TOKEN_GROUP_LEFT ? MATCH_MANY_TO_ONE : MATCH_ONE_TO_MANY;
	if (!parse_advance(p))
		return false;
	return p->token.kind != TOKEN_LEFT_PAREN || parse_label_names(p, &m->include, &m->ninclude);
}

static bool check_matching(struct parser *p, const struct binary *b, size_t offset)
{
	const struct matching *m = &b->matching;
	char quote[STR_QUOTE_MAX];

	for (size_t i = 0; m->on && i < m->nlabels; i++) {
		for (size_t k = 0; k < m->ninclude; k++) {
			if (str_eq(m->labels[i], m->include[k]))
				return parse_fail(p, offset,
				                  "label %s must not occur in ON and GROUP "
				                  "clause at once",
				                  str_quote(m->labels[i], quote));
		}
	}
	if (b->op->kind == OPERATOR_SET && m->card != MATCH_ONE_TO_ONE)
		return parse_fail(p, offset, "no grouping allowed for \"%s\" operation",
		                  b->op->name);
	if (b->op->kind == OPERATOR_SET && (m->left.fills || m->right.fills))
		return parse_fail(p, offset,
		                  "filling in missing series not allowed for set operators");
	return true;
}

static bool check_operand(struct parser *p, const struct node *n)
{
	if (n->type == PROMQL_SCALAR || n->type == PROMQL_VECTOR)
		return true;
	return parse_fail(p, n->offset,
	                  "binary expression must contain only scalar and instant vector types");
}

static bool check_types(struct parser *p, const struct binary *b, size_t offset)
{
	int scalars = (b->lhs->type == PROMQL_SCALAR) + (b->rhs->type == PROMQL_SCALAR);

	if (b->returns_bool && b->op->kind != OPERATOR_COMPARISON)
		return parse_fail(p, offset,
		                  "bool modifier can only be used on comparison operators");
	if (!check_operand(p, b->lhs) || !check_operand(p, b->rhs))
		return false;
	if (b->op->kind == OPERATOR_COMPARISON && scalars == 2 && !b->returns_bool)
		return parse_fail(p, offset, "comparisons between scalars must use BOOL modifier");
	if (scalars && b->matching.nlabels)
		return parse_fail(p, offset,
		                  "vector matching only allowed between instant vectors");
	if (scalars && (b->matching.left.fills || b->matching.right.fills))
		return parse_fail(p, offset,
		                  "filling in missing series only allowed between instant vectors");
	if (scalars && b->op->kind == OPERATOR_SET)
		return parse_fail(p, offset,
		                  "set operator \"%s\" not allowed in binary scalar expression",
		                  b->op->name);
	return check_matching(p, b, offset);
}

/* "</" and ">/" cut native histograms. */
static bool refuse_trim(struct parser *p, const struct operator* op, size_t offset)
{
	if ((op->token != TOKEN_LESS && op->token != TOKEN_GREATER) || p->token.kind != TOKEN_DIV ||
	    p->token.offset != offset + 1)
		return true;
	return parse_fail(p, offset,
	                  "the operator \"%s/\" needs native histograms, which are not supported",
	                  op->name);
}

struct node *parse_binary(struct parser *p, struct node *lhs)
{
	const struct operator* op = operator_find(p->token.kind);
	struct node *n = parse_node(p, NODE_BINARY, PROMQL_VECTOR, lhs->offset);
	size_t offset = p->token.offset;
	/* Only the power binds to the right: 2 ^ 3 ^ 2 is 2 ^ 9. */
	int lowest = (int)op->precedence + (op->precedence != OPERATOR_POWER);
	struct binary *b;

	if (!n)
		return NULL;
	b = &n->binary;
	b->op = op;
	b->lhs = lhs;
	if (!parse_advance(p) || !refuse_trim(p, op, offset) || !parse_matching(p, b) ||
	    !parse_fills(p, &b->matching))
		return NULL;
	b->rhs = parse_expression(p, lowest);
	if (!b->rhs || !check_types(p, b, offset))
		return NULL;
	parse_adopt(n, b->lhs);
	parse_adopt(n, b->rhs);
	if (b->lhs->type == PROMQL_SCALAR && b->rhs->type == PROMQL_SCALAR)
		n->type = PROMQL_SCALAR;
	return n;
}

/* A sign binds like a product: -1 ^ 2 is -(1 ^ 2), -a * b is (-a) * b. */
struct node *parse_unary(struct parser *p)
{
	struct node *n = parse_node(p, NODE_UNARY, PROMQL_SCALAR, p->token.offset);

	if (!n)
		return NULL;
	n->unary.negates = p->token.kind == TOKEN_SUB;
	if (!parse_advance(p))
		return NULL;
	n->unary.operand = parse_expression(p, OPERATOR_PRODUCT + 1);
	if (!n->unary.operand)
		return NULL;
	n->type = n->unary.operand->type;
	parse_adopt(n, n->unary.operand);
	if (n->type == PROMQL_SCALAR || n->type == PROMQL_VECTOR)
		return n;
	parse_fail(p, n->offset,
	           "unary expression only allowed on expressions of type scalar or instant vector, "
	           "got "
	           "%s",
	           type_words(n->type));
	return NULL;
}
