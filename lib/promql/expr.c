/* A parsed expression as others see it: its making and its type. */
#include <stdlib.h>

#include "base/macros.h"
#include "promql/ast.h"
#include "promql/needs.h"
#include "promql/parser.h"
#include "promql/regex.h"

/* The tree of the largest allowed expression needs well under half of this. */
#define EXPR_MAX_BYTES ((size_t)4 * 1024 * 1024)

const char *promql_type_name(enum promql_type type)
{
	static const char *const names[] = {
	        [PROMQL_SCALAR] = "scalar",
	        [PROMQL_VECTOR] = "vector",
	        [PROMQL_MATRIX] = "matrix",
	        [PROMQL_STRING] = "string",
	};
	_Static_assert(ARRAY_LEN(names) == PROMQL_TYPE_COUNT, "one name per type");

	return names[type];
}

static bool check_text(struct str text, struct err *err)
{
	if (text.n > PROMQL_MAX_TEXT)
		return err_set(err, ERR_LIMIT, "the expression is longer than %d bytes",
		               PROMQL_MAX_TEXT);
	if (!str_is_utf8(text))
		return err_set(err, ERR_INVALID, "the expression is not valid UTF-8");
	return true;
}

static bool note_needs(struct parser *p)
{
	struct promql_expr *e = p->expr;

	e->needs = parse_array(p, p->nselectors, sizeof(*e->needs));
	if (!e->needs)
		return false;
	e->nneeds = p->nselectors;
	needs_note(e);
	return true;
}

static bool parse(struct promql_expr *e, struct str text, struct promql_position *at,
                  struct err *err)
{
	struct parser p = {.expr = e, .at = at, .err = err};
	const char *copy = arena_text(&e->arena, text);

	if (!copy)
		return arena_ok(&e->arena, err);
	e->text = (struct str){.p = copy, .n = text.n};
	lexer_init(&p.lexer, e->text);
	e->root = parse_whole(&p);
	return e->root && note_needs(&p);
}

struct promql_expr *promql_parse(struct str text, struct promql_position *at, struct err *err)
{
	struct promql_expr *e = NULL;

	at->offset = 0;
	if (!check_text(text, err))
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e) {
		err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	arena_init(&e->arena, EXPR_MAX_BYTES);
	if (!parse(e, text, at, err))
		promql_free(&e);
	return e;
}

void promql_free(struct promql_expr **e)
{
	if (!*e)
		return;
	regex_free_all(&(*e)->regexes);
	arena_fini(&(*e)->arena);
	free(*e);
	*e = NULL;
}

enum promql_type promql_expr_type(const struct promql_expr *e)
{
	return e->root->type;
}

struct str promql_expr_text(const struct promql_expr *e)
{
	return e->text;
}
