/* The table of operators; scalars with scalars, scalars with vectors, and signs. */
#include "promql/binary.h"

#include <math.h>

#include "base/units.h"
#include "promql/vector.h"

static double add(double a, double b)
{
	return a + b;
}

static double subtract(double a, double b)
{
	return a - b;
}

static double multiply(double a, double b)
{
	return a * b;
}

static double divide(double a, double b)
{
	return a / b;
}

static bool is_equal(double a, double b)
{
	return number_is_same(a, b);
}

static bool is_not_equal(double a, double b)
{
	return !number_is_same(a, b);
}

static bool is_less(double a, double b)
{
	return a < b;
}

static bool is_less_equal(double a, double b)
{
	return a <= b;
}

static bool is_greater(double a, double b)
{
	return a > b;
}

static bool is_greater_equal(double a, double b)
{
	return a >= b;
}

#define ARITHMETIC OPERATOR_ARITHMETIC, .compute
#define COMPARISON OPERATOR_COMPARE, OPERATOR_COMPARISON, .holds
/* clang-format off */
static const struct operator operators[] = {
	{ TOKEN_OR,            "or",     OPERATOR_OR,  OPERATOR_SET,
	  .keeps_matched = true, .keeps_unmatched = true, .adds_right = true },
	{ TOKEN_AND,           "and",    OPERATOR_AND, OPERATOR_SET, .keeps_matched = true },
	{ TOKEN_UNLESS,        "unless", OPERATOR_AND, OPERATOR_SET, .keeps_unmatched = true },
	{ TOKEN_EQUAL,         "==",     COMPARISON = is_equal },
	{ TOKEN_NOT_EQUAL,     "!=",     COMPARISON = is_not_equal },
	{ TOKEN_LESS,          "<",      COMPARISON = is_less },
	{ TOKEN_LESS_EQUAL,    "<=",     COMPARISON = is_less_equal },
	{ TOKEN_GREATER,       ">",      COMPARISON = is_greater },
	{ TOKEN_GREATER_EQUAL, ">=",     COMPARISON = is_greater_equal },
	{ TOKEN_ADD,           "+",      OPERATOR_SUM,     ARITHMETIC = add },
	{ TOKEN_SUB,           "-",      OPERATOR_SUM,     ARITHMETIC = subtract },
	{ TOKEN_MUL,           "*",      OPERATOR_PRODUCT, ARITHMETIC = multiply },
	{ TOKEN_DIV,           "/",      OPERATOR_PRODUCT, ARITHMETIC = divide },
	{ TOKEN_MOD,           "%",      OPERATOR_PRODUCT, ARITHMETIC = fmod },
	{ TOKEN_ATAN2,         "atan2",  OPERATOR_PRODUCT, ARITHMETIC = atan2 },
	{ TOKEN_POW,           "^",      OPERATOR_POWER,   ARITHMETIC = pow },
};
/* clang-format on */

const struct operator* operator_find(enum token_kind token)
{
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		if (operators[i].token == token)
			return &operators[i];
	}
	return NULL;
}

const struct operator* operator_at(size_t i)
{
	return i < ARRAY_LEN(operators) ? &operators[i] : NULL;
}

static double scalar_result(const struct operator* op, double a, double b)
{
	return op->kind == OPERATOR_COMPARISON ? op->holds(a, b) : op->compute(a, b);
}

/* The vector's element stands left, or right when `swapped`; a comparison that filters keeps its
 * value. */
static bool apply_scalar(struct evaluation *e, const struct binary *b, struct promql_value *v,
                         double scalar, bool swapped, struct promql_value *out, struct err *err)
{
	const struct operator* op = b->op;
	bool filters = op->kind == OPERATOR_COMPARISON && !b->returns_bool;
	size_t kept = 0;

	for (size_t i = 0; i < v->nvector; i++) {
		struct promql_element el = v->vector[i];
		double left = swapped ? scalar : el.value;
		double right = swapped ? el.value : scalar;

		if (filters) {
			if (op->holds(left, right))
				v->vector[kept++] = el;
			continue;
		}
		el.value = scalar_result(op, left, right);
		el.at_ms = e->at_ms;
		if (!vector_drop_name(&el, e->arena, err))
			return false;
		v->vector[kept++] = el;
	}
	v->nvector = kept;
	*out = *v;
	return vector_check_unique(out, e->arena, err);
}

bool eval_binary(struct evaluation *e, const struct node *n, struct promql_value *out,
                 struct err *err)
{
	const struct binary *b = &n->binary;
	struct promql_value lhs;
	struct promql_value rhs;

	if (!eval_node(e, b->lhs, &lhs, err) || !eval_node(e, b->rhs, &rhs, err))
		return false;
	if (b->op->kind == OPERATOR_SET)
		return match_sets(e, b, &lhs, &rhs, out, err);
	if (lhs.type == PROMQL_VECTOR && rhs.type == PROMQL_VECTOR)
		return match_fill(e, &b->matching, &lhs, &rhs, err) &&
		       match_vectors(e, b, &lhs, &rhs, out, err);
	if (lhs.type == PROMQL_VECTOR)
		return apply_scalar(e, b, &lhs, rhs.scalar, false, out, err);
	if (rhs.type == PROMQL_VECTOR)
		return apply_scalar(e, b, &rhs, lhs.scalar, true, out, err);
	*out = (struct promql_value){
	        .type = PROMQL_SCALAR,
	        .scalar = scalar_result(b->op, lhs.scalar, rhs.scalar),
	};
	return true;
}

/* A plus sign does nothing, not even drop the name. */
bool eval_unary(struct evaluation *e, const struct node *n, struct promql_value *out,
                struct err *err)
{
	struct promql_value v;

	if (!eval_node(e, n->unary.operand, &v, err))
		return false;
	*out = v;
	if (!n->unary.negates)
		return true;
	out->scalar = -v.scalar;
	for (size_t i = 0; i < v.nvector; i++) {
		v.vector[i].value = -v.vector[i].value;
		v.vector[i].at_ms = e->at_ms;
		if (!vector_drop_name(&v.vector[i], e->arena, err))
			return false;
	}
	return v.type != PROMQL_VECTOR || vector_check_unique(out, e->arena, err);
}
