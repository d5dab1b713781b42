/* A parsed expression written out again. */
#include "expression.h"

#include <inttypes.h>
#include <math.h>

#include "base/units.h"
#include "promql/aggregate.h"
#include "promql/ast.h"
#include "promql/binary.h"
#include "promql/function.h"
#include "promql/matcher.h"

#define TEXT_BYTES (256u * 1024)

static void print(const struct node *n, struct buf *out);

static void print_string(struct str s, struct buf *out)
{
	buf_add_text(out, "\"");
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < ' ' || c > '~' || c == '"' || c == '\\')
			buf_printf(out, "\\x%02x", c);
		else
			buf_add(out, &s.p[i], 1);
	}
	buf_add_text(out, "\"");
}

static void print_names(const char *word, const struct str *names, size_t n, struct buf *out)
{
	buf_printf(out, " %s (", word);
	for (size_t i = 0; i < n; i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		print_string(names[i], out);
	}
	buf_add_text(out, ")");
}

static void print_number(double value, struct buf *out)
{
	char text[UNITS_TEXT_MAX];

	number_format(value, text);
	buf_add_text(out, text[0] == '+' ? text + 1 : text);
}

static void print_place(const struct placement *place, struct buf *out)
{
	if (place->anchor == ANCHOR_FIXED)
		buf_printf(out, " @ %.3f", (double)place->anchor_ms / 1000);
	else if (place->anchor == ANCHOR_QUERY)
		buf_add_text(out, " @ end()");
	if (place->has_offset)
		buf_printf(out, " offset %s%" PRId64 "ms", place->offset_ms < 0 ? "-" : "",
		           place->offset_ms < 0 ? -place->offset_ms : place->offset_ms);
}

static void print_selector(const struct selector *s, struct buf *out)
{
	static const char *const signs[] = {
	        [MATCHER_EQUAL] = "=",
	        [MATCHER_NOT_EQUAL] = "!=",
	        [MATCHER_REGEX] = "=~",
	        [MATCHER_NOT_REGEX] = "!~",
	};
	static const char *const extents[EXTENT_COUNT] = {"", " anchored", " smoothed"};

	buf_add_text(out, "{");
	for (size_t i = s->is_unnamed; i < s->nmatchers; i++) {
		buf_add_text(out, i > s->is_unnamed ? "," : "");
		print_string(s->matchers[i].name, out);
		buf_add_text(out, signs[s->matchers[i].kind]);
		print_string(s->matchers[i].value, out);
	}
	buf_add_text(out, "}");
	if (s->is_range)
		buf_printf(out, "[%" PRId64 "ms]", s->range_ms);
	buf_add_text(out, extents[s->extent]);
	print_place(&s->place, out);
}

static void print_subquery(const struct subquery *s, struct buf *out)
{
	print(s->body, out);
	buf_printf(out, "[%" PRId64 "ms:%" PRId64 "ms]", s->range_ms, s->step_ms);
	print_place(&s->place, out);
}

static void print_call(const struct call *c, struct buf *out)
{
	buf_printf(out, "%s(", c->function->name);
	for (size_t i = 0; i < c->nargs; i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		if (i == 1 && c->function->takes_labels)
			print_selector(&c->args[i]->selector, out); /* it must stand alone */
		else
			print(c->args[i], out);
	}
	buf_add_text(out, ")");
}

static void print_aggregate(const struct aggregate *a, struct buf *out)
{
	buf_add_text(out, a->aggregation->name);
	print_names(a->without ? "without" : "by", a->labels, a->nlabels, out);
	buf_add_text(out, " (");
	if (a->param) {
		print(a->param, out);
		buf_add_text(out, ", ");
	}
	print(a->body, out);
	buf_add_text(out, ")");
}

static void print_fill(const char *word, const struct fill *fill, struct buf *out)
{
	char number[UNITS_TEXT_MAX];

	if (!fill->fills)
		return;
	number_format(fill->value, number);
	buf_printf(out, " %s(%s)", word, number);
}

static void print_binary(const struct binary *b, struct buf *out)
{
	static const char *const groups[] = {
	        [MATCH_MANY_TO_ONE] = "group_left", [MATCH_ONE_TO_MANY] = "group_right"};
	const struct matching *m = &b->matching;
	bool vectors = b->lhs->type == PROMQL_VECTOR && b->rhs->type == PROMQL_VECTOR;

	print(b->lhs, out);
	buf_printf(out, " %s%s", b->op->name, b->returns_bool ? " bool" : "");
	if (vectors && (m->on || m->nlabels > 0 || m->card != MATCH_ONE_TO_ONE))
		print_names(m->on ? "on" : "ignoring", m->labels, m->nlabels, out);
	if (vectors && (m->card == MATCH_MANY_TO_ONE || m->card == MATCH_ONE_TO_MANY))
		print_names(groups[m->card], m->include, m->ninclude, out);
	print_fill("fill_left", &m->left, out);
	print_fill("fill_right", &m->right, out);
	buf_add_text(out, " ");
	print(b->rhs, out);
}

/* What ranges and offsets may follow, and what needs none, stands without parentheses. */
static void print(const struct node *n, struct buf *out)
{
	bool is_bare = n->kind == NODE_NUMBER || n->kind == NODE_STRING || n->kind == NODE_CALL;

	buf_add_text(out, is_bare ? "" : "(");
	switch (n->kind) {
	case NODE_NUMBER:
		print_number(n->number, out);
		break;
	case NODE_STRING:
		print_string(n->string, out);
		break;
	case NODE_SELECTOR:
		print_selector(&n->selector, out);
		break;
	case NODE_SUBQUERY:
		print_subquery(&n->subquery, out);
		break;
	case NODE_CALL:
		print_call(&n->call, out);
		break;
	case NODE_AGGREGATE:
		print_aggregate(&n->aggregate, out);
		break;
	case NODE_BINARY:
		print_binary(&n->binary, out);
		break;
	case NODE_UNARY:
		buf_add_text(out, n->unary.negates ? "-" : "+");
		print(n->unary.operand, out);
		break;
	case NODE_KIND_COUNT:
	default:
		fuzz_demand(false, "a node of no kind");
	}
	buf_add_text(out, is_bare ? "" : ")");
}

bool expression_print(const struct promql_expr *e, struct buf *out)
{
	struct err err;

	print(e->root, out);
	return buf_ok(out, &err) && buf_str(out).n <= PROMQL_MAX_TEXT;
}

static struct promql_expr *parse(struct str text, struct promql_position *at, struct err *err)
{
	struct promql_expr *e;

	*at = (struct promql_position){.offset = SIZE_MAX};
	*err = (struct err){.code = ERR_NONE};
	e = promql_parse(text, at, err);
	if (e == NULL) {
		fuzz_demand(err->code != ERR_NONE && err->text[0] != '\0',
		            "refused without a reason");
		fuzz_demand(str_is_utf8(str_of(err->text)), "an error that is not UTF-8");
		fuzz_demand(at->offset <= text.n, "an error beyond the text");
	}
	return e;
}

struct promql_expr *expression_parse(struct str text)
{
	struct promql_position at;
	struct err err;

	return parse(text, &at, &err);
}

struct promql_expr *expression_reread(const struct promql_expr *e)
{
	struct promql_expr *again = NULL;
	struct promql_position at;
	struct buf first, second;
	struct err err;

	buf_init(&first, TEXT_BYTES);
	buf_init(&second, TEXT_BYTES);
	if (expression_print(e, &first)) {
		again = parse(buf_str(&first), &at, &err);
		fuzz_demand(again != NULL || err.code == ERR_LIMIT, "%.*s: at %zu: %s",
		            (int)buf_str(&first).n, buf_str(&first).p, at.offset, err.text);
	}
	if (again != NULL) {
		fuzz_demand(promql_expr_type(again) == promql_expr_type(e), "another type");
		expression_print(again, &second);
		fuzz_demand(str_eq(buf_str(&first), buf_str(&second)), "%s\nreads as\n%s",
		            first.bytes, second.bytes);
	}
	buf_fini(&second);
	buf_fini(&first);
	return again;
}
