/*
 * Lengths of time: durations, plain numbers of seconds, and arithmetic on both.
 *
 * In brackets any arithmetic may stand; behind `offset`, where an operator could as well belong to
 * what surrounds it, only inside parentheses. step() and range() are those of the whole query,
 * which is an instant one: both are zero.
 */
#include <math.h>
#include <strings.h>

#include "base/units.h"
#include "promql/binary.h"
#include "promql/parser.h"

/* Lengths are cut to ten years, as base/units has it. */
#define SECONDS_MAX (10.0 * 366 * 86400)

/* A value in seconds on the way. */
struct length {
	double seconds;
	int64_t ms; /* of a duration that stands alone: no float comes between */
	bool is_duration;
	bool computed; /* not only written down: it is cut to milliseconds, not rounded first */
};

static bool parse_terms(struct parser *p, int lowest, struct length *out);

bool token_is_word(const struct token *t, const char *word)
{
	struct str other = str_of(word);

	return (t->kind == TOKEN_IDENTIFIER || t->kind == TOKEN_AGGREGATION) &&
	       t->text.n == other.n && strncasecmp(t->text.p, other.p, other.n) == 0;
}

bool parse_seconds(struct parser *p, const char *expected, double *out)
{
	int64_t ms = 0;
	bool ok;

	if (p->token.kind == TOKEN_DURATION) {
		ok = duration_parse(p->token.text, &ms, p->err);
		*out = (double)ms / 1000;
	} else if (p->token.kind == TOKEN_NUMBER) {
		ok = token_number(&p->token, &p->expr->arena, out, p->err);
	} else {
		return parse_fail_token(p, expected);
	}
	if (!ok)
		return parse_fail_prefixed(p, p->token.offset);
	return parse_advance(p);
}

bool parse_sign(struct parser *p, bool *out_negative)
{
	*out_negative = p->token.kind == TOKEN_SUB;
	if (p->token.kind != TOKEN_SUB && p->token.kind != TOKEN_ADD)
		return true;
	return parse_advance(p);
}

/* Every level of nesting passes here. */
static bool enter(struct parser *p)
{
	if (++p->depth <= PROMQL_MAX_DEPTH)
		return true;
	err_set(p->err, ERR_LIMIT, "the expression nests more than %d levels deep",
	        PROMQL_MAX_DEPTH);
	return parse_fail_prefixed(p, p->token.offset);
}

/* "(5m + 1m)" */
static bool parse_group(struct parser *p, struct length *out)
{
	if (!parse_advance(p) || !parse_terms(p, OPERATOR_SUM, out))
		return false;
	out->computed = true;
	return parse_expect(p, TOKEN_RIGHT_PAREN, "\")\"");
}

/* "step()", "range()" */
static bool parse_of_query(struct parser *p, struct length *out)
{
	*out = (struct length){.computed = true};
	return parse_advance(p) && parse_expect(p, TOKEN_LEFT_PAREN, "\"(\"") &&
	       parse_expect(p, TOKEN_RIGHT_PAREN, "\")\"");
}

/* "min(1m, 5m)" */
static bool parse_choice(struct parser *p, bool least, struct length *out)
{
	struct length a, b;

	if (!parse_advance(p) || !parse_expect(p, TOKEN_LEFT_PAREN, "\"(\"") ||
	    !parse_terms(p, OPERATOR_SUM, &a) || !parse_expect(p, TOKEN_COMMA, "\",\"") ||
	    !parse_terms(p, OPERATOR_SUM, &b) || !parse_expect(p, TOKEN_RIGHT_PAREN, "\")\""))
		return false;
	out->seconds = least ? fmin(a.seconds, b.seconds) : fmax(a.seconds, b.seconds);
	out->computed = true;
	return true;
}

static bool parse_named(struct parser *p, struct length *out, bool *out_found)
{
	bool least = token_is_word(&p->token, "min");

	*out_found = true;
	if (token_is_word(&p->token, "step") || token_is_word(&p->token, "range"))
		return parse_of_query(p, out);
	if (least || token_is_word(&p->token, "max"))
		return parse_choice(p, least, out);
	*out_found = false;
	return true;
}

static bool parse_operand(struct parser *p, struct length *out)
{
	bool found = false;

	*out = (struct length){0};
	if (p->token.kind == TOKEN_LEFT_PAREN)
		return parse_group(p, out);
	if (!parse_named(p, out, &found))
		return false;
	out->is_duration = !found && p->token.kind == TOKEN_DURATION;
	if (out->is_duration && !duration_parse(p->token.text, &out->ms, p->err))
		return parse_fail_prefixed(p, p->token.offset);
	return found || parse_seconds(p, "duration", &out->seconds);
}

static void negate(struct length *l)
{
	l->seconds = -l->seconds;
	l->ms = -l->ms;
}

/* A sign binds like a product, as everywhere: -2 ^ 2 is -(2 ^ 2). */
static bool parse_signed(struct parser *p, struct length *out)
{
	bool negative = p->token.kind == TOKEN_SUB;

	if (!negative && p->token.kind != TOKEN_ADD)
		return parse_operand(p, out);
	if (!parse_advance(p) || !parse_terms(p, OPERATOR_PRODUCT + 1, out))
		return false;
	if (negative)
		negate(out);
	return true;
}

static bool apply(struct parser *p, const struct operator* op, size_t offset, struct length *l,
                  struct length r)
{
	bool divides = op->token == TOKEN_DIV || op->token == TOKEN_MOD;

	if (divides && number_is_same(r.seconds, 0))
		return parse_fail(p, offset, "%s by zero in a duration",
		                  op->token == TOKEN_DIV ? "division" : "modulo");
	*l = (struct length){.seconds = op->compute(l->seconds, r.seconds), .computed = true};
	return true;
}

static const struct operator* arithmetic(enum token_kind token)
{
	const struct operator* op = operator_find(token);

	return op && op->kind == OPERATOR_ARITHMETIC && token != TOKEN_ATAN2 ? op : NULL;
}

static bool parse_terms(struct parser *p, int lowest, struct length *out)
{
	const struct operator* op;

	if (!enter(p) || !parse_signed(p, out))
		return false;
	while ((op = arithmetic(p->token.kind)) != NULL && (int)op->precedence >= lowest) {
		size_t offset = p->token.offset;
		struct length r;

		/* Only the power binds to the right. */
		if (!parse_advance(p) ||
		    !parse_terms(p, (int)op->precedence + (op->token != TOKEN_POW), &r) ||
		    !apply(p, op, offset, out, r))
			return false;
	}
	p->depth--;
	return true;
}

static bool to_ms(struct parser *p, size_t offset, const struct length *l, int64_t *out_ms)
{
	/* Written so that NaN is out, too. */
	if (!(l->seconds >= -SECONDS_MAX && l->seconds <= SECONDS_MAX))
		return parse_fail(p, offset, "duration out of range");
	/* Through nanoseconds, as in Prometheus: 0.29 s are 290 ms. */
	*out_ms = (int64_t)(l->computed ? l->seconds * 1000 : round(l->seconds * 1e9) / 1e6);
	if (l->is_duration && !l->computed)
		*out_ms = l->ms;
	return true;
}

bool parse_positive_length(struct parser *p, int64_t *out_ms)
{
	size_t offset = p->token.offset;
	struct length l;

	if (!parse_terms(p, OPERATOR_SUM, &l) || !to_ms(p, offset, &l, out_ms))
		return false;
	return *out_ms > 0 || parse_fail(p, offset, "duration must be greater than 0");
}

/* One operand with its sign; only where that is in parentheses, what follows still belongs to it.
 */
bool parse_offset_length(struct parser *p, int64_t *out_ms)
{
	size_t offset = p->token.offset;
	bool negative = false;
	struct length l;

	if (p->token.kind == TOKEN_LEFT_PAREN) {
		if (!parse_terms(p, OPERATOR_SUM, &l))
			return false;
	} else if (!parse_sign(p, &negative) || !parse_operand(p, &l)) {
		return false;
	}
	if (negative)
		negate(&l);
	return to_ms(p, offset, &l, out_ms);
}
