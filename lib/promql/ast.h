/*
 * ast - the tree of a parsed expression, shared by the parts of promql and nobody else.
 *
 * Everything lives in the arena of the expression and never changes after parsing; compiled regular
 * expressions hang on a list beside it.
 */
#ifndef PROMQL_AST_H
#define PROMQL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "promql/promql.h"

#define PROMQL_NAME_LABEL STR("__name__")

struct aggregation;
struct function;
struct matcher;
struct operator;
struct regex;

enum node_kind {
	NODE_NUMBER = 0,
	NODE_STRING,
	NODE_SELECTOR,
	NODE_SUBQUERY,
	NODE_CALL,
	NODE_AGGREGATE,
	NODE_BINARY,
	NODE_UNARY,
	NODE_KIND_COUNT
};

/* What `@` says: nothing, a fixed time, or start() and end(), which are one for an instant query. */
enum anchor { ANCHOR_NONE = 0, ANCHOR_FIXED, ANCHOR_QUERY, ANCHOR_COUNT };

/* Where in time a selector or subquery looks: `@` first, then back by the offset. */
struct placement {
	enum anchor anchor;
	int64_t anchor_ms;
	bool has_offset;
	int64_t offset_ms; /* may be negative */
};

/* How a selector looks beyond its edges: see extended.h. */
enum extent { EXTENT_NONE = 0, EXTENT_ANCHORED, EXTENT_SMOOTHED, EXTENT_COUNT };

struct selector {
	struct str name; /* written outside the braces or by an equality matcher; may be empty */
	struct str text; /* as written, without range, offset and @; with its name */
	const struct matcher *matchers; /* with a name, the first one is for it */
	size_t nmatchers;
	size_t number; /* among the selectors of the expression, from 0 */
	bool is_range;
	bool is_timed; /* the argument of timestamp() */
	bool is_unnamed; /* the second argument of info(): the name in it is not written there */
	enum extent extent;
	int64_t range_ms;
	struct placement place;
};

struct subquery {
	struct node *body;
	int64_t range_ms, step_ms;
	struct placement place;
};

struct call {
	const struct function *function;
	struct node **args;
	size_t nargs;
	const struct regex *regex; /* label_replace: compiled while parsing */
};

struct aggregate {
	const struct aggregation *aggregation;
	struct node *body;
	struct node *param; /* NULL when the aggregation takes none */
	bool without;
	const struct str *labels;
	size_t nlabels;
};

enum match_card { MATCH_ONE_TO_ONE = 0, MATCH_MANY_TO_ONE, MATCH_ONE_TO_MANY, MATCH_CARD_COUNT };

/* What stands for an element that only the other side has. */
struct fill {
	bool fills;
	double value;
};

/* How the elements of two vectors find each other. */
struct matching {
	bool on; /* only these labels; else all but these and the name */
	const struct str *labels;
	size_t nlabels;
	enum match_card card;
	const struct str *include; /* group_left/group_right: labels copied from the one side */
	size_t ninclude;
	struct fill left, right;
};

struct binary {
	const struct operator* op;
	struct node *lhs, *rhs;
	bool returns_bool;
	struct matching matching;
};

struct node {
	enum node_kind kind;
	enum promql_type type;
	size_t offset; /* in the expression's text */
	size_t depth;  /* of the tree below and with this node */
	bool grouped;  /* written in parentheses, which take no range or offset */
	union {
		double number;
		struct str string;
		struct selector selector;
		struct subquery subquery;
		struct call call;
		struct aggregate aggregate;
		struct binary binary;
		struct {
			struct node *operand;
			bool negates;
		} unary;
	};
};

struct promql_expr {
	struct arena arena;
	struct str text;
	struct node *root;
	struct promql_need *needs; /* one per selector, by its number */
	size_t nneeds;
	bool has_subquery;
	int64_t steps; /* evaluations of the innermost part for one of the whole */
	struct regex *regexes; /* own */
};

#endif
