/* Selectors: metric names and label matchers. */
#include "promql/matcher.h"
#include "promql/parser.h"
#include "promql/regex.h"

static bool matcher_kind_of(enum token_kind token, enum matcher_kind *out)
{
	static const struct {
		enum token_kind token;
		enum matcher_kind kind;
	} rows[] = {
	        {TOKEN_ASSIGN, MATCHER_EQUAL},
	        {TOKEN_NOT_EQUAL, MATCHER_NOT_EQUAL},
	        {TOKEN_MATCH, MATCHER_REGEX},
	        {TOKEN_NOT_MATCH, MATCHER_NOT_REGEX},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].token == token) {
			*out = rows[i].kind;
			return true;
		}
	}
	return false;
}

static bool compile_regex(struct parser *p, struct matcher *m, size_t offset)
{
	if (m->kind != MATCHER_REGEX && m->kind != MATCHER_NOT_REGEX)
		return true;
	m->regex = regex_compile(m->value, &p->expr->arena, &p->expr->regexes, p->err);
	return m->regex || parse_fail_prefixed(p, offset);
}

/* `name="value"`, or a lone "metric name" in quotes. */
static bool parse_matcher(struct parser *p, struct matcher *m, size_t *out_offset)
{
	struct token name = p->token;

	*out_offset = name.offset;
	if (name.kind != TOKEN_STRING && !name.is_word)
		return parse_fail_token(p, "label matcher or \"}\"");
	m->name = name.text;
	if (name.kind == TOKEN_STRING && !token_unquote(&name, &p->expr->arena, &m->name, p->err))
		return parse_fail_prefixed(p, name.offset);
	if (!parse_advance(p))
		return false;
	if (name.kind == TOKEN_STRING &&
	    (p->token.kind == TOKEN_COMMA || p->token.kind == TOKEN_RIGHT_BRACE)) {
		*m = (struct matcher){.name = PROMQL_NAME_LABEL, .value = m->name};
		return true;
	}
	if (!matcher_kind_of(p->token.kind, &m->kind))
		return parse_fail_token(p, "one of \"=\", \"!=\", \"=~\", \"!~\"");
	if (!parse_advance(p))
		return false;
	if (p->token.kind != TOKEN_STRING)
		return parse_fail_token(p, "string");
	if (!token_unquote(&p->token, &p->expr->arena, &m->value, p->err) ||
	    !compile_regex(p, m, p->token.offset))
		return parse_fail_prefixed(p, p->token.offset);
	return parse_advance(p);
}

static size_t count_matchers(const struct parser *p)
{
	struct lexer ahead = p->lexer;
	struct token t = p->token;
	struct err ignored;
	size_t n = 1;

	while (t.kind != TOKEN_RIGHT_BRACE && t.kind != TOKEN_END) {
		n += t.kind == TOKEN_COMMA;
		if (!lexer_next(&ahead, &t, &ignored))
			break;
	}
	return n;
}

static bool check_name_once(struct parser *p, const struct selector *s, const struct matcher *m,
                            bool is_bare, size_t offset)
{
	char first[STR_QUOTE_MAX];
	char second[STR_QUOTE_MAX];

	if (!is_bare || !str_eq(m->name, PROMQL_NAME_LABEL))
		return true;
	return parse_fail(p, offset, "metric name must not be set twice: %s or %s",
	                  str_quote(s->name, first), str_quote(m->value, second));
}

/* The part in braces; list[0 .. s->nmatchers) may hold the name already. */
static bool parse_braces(struct parser *p, struct selector *s, struct matcher *list)
{
	bool has_bare_name = s->name.n > 0;
	bool more = true;
	size_t offset = 0;

	if (!parse_advance(p))
		return false;
	while (more && p->token.kind != TOKEN_RIGHT_BRACE) {
		struct matcher *m = &list[s->nmatchers];

		if (!parse_matcher(p, m, &offset) ||
		    !check_name_once(p, s, m, has_bare_name, offset))
			return false;
		s->nmatchers++;
		if (m->kind == MATCHER_EQUAL && str_eq(m->name, PROMQL_NAME_LABEL) && !s->name.n) {
			struct matcher first = list[0];

			s->name = m->value;
			list[0] = *m;
			*m = first;
		}
		if (!parse_accept(p, TOKEN_COMMA, &more))
			return false;
	}
	return parse_expect(p, TOKEN_RIGHT_BRACE, "\",\" or \"}\"");
}

/* A selector that every series fits is a typing mistake. */
static bool check_not_empty(struct parser *p, const struct node *n)
{
	struct regex_scratch *scratch = regex_scratch_new(p->err);
	bool matches_empty = true;
	bool ok = scratch;

	for (size_t i = 0; ok && i < n->selector.nmatchers && matches_empty; i++)
		ok = matcher_matches(&n->selector.matchers[i], STR(""), scratch, &matches_empty,
		                     p->err);
	regex_scratch_free(&scratch);
	if (!ok)
		return parse_fail_prefixed(p, n->offset);
	if (matches_empty)
		return parse_fail(p, n->offset,
		                  "vector selector must contain at least one non-empty matcher");
	return true;
}

static const struct matcher of_target_info = {.name = {"__name__", 8},
                                              .value = {"target_info", 11}};

/* Of info(): one that names no metric is about target_info. There is room for the matcher. */
static void name_info(struct selector *s, struct matcher *list)
{
	for (size_t i = 0; i < s->nmatchers; i++) {
		if (str_eq(list[i].name, PROMQL_NAME_LABEL))
			return;
	}
	for (size_t i = s->nmatchers++; i > 0; i--)
		list[i] = list[i - 1];
	list[0] = of_target_info;
	s->name = of_target_info.value;
	s->is_unnamed = true;
}

/* Whoever asks a server for the selector must not ask for all metrics with such labels. */
static bool name_text(struct parser *p, struct selector *s)
{
	const char *text = arena_printf(&p->expr->arena, "%.*s%.*s", (int)s->name.n, s->name.p,
	                                (int)s->text.n, s->text.p);

	if (text == NULL)
		return arena_ok(&p->expr->arena, p->err);
	s->text = str_of(text);
	return true;
}

struct node *parse_info_selector(struct parser *p)
{
	struct node *n = parse_node(p, NODE_SELECTOR, PROMQL_VECTOR, p->token.offset);

	if (!n)
		return NULL;
	n->selector = (struct selector){
	        .matchers = &of_target_info,
	        .nmatchers = 1,
	        .name = of_target_info.value,
	        .text = of_target_info.value,
	        .number = p->nselectors++,
	};
	return n;
}

struct node *parse_selector(struct parser *p)
{
	bool is_info = p->wants_labels;
	struct node *n = parse_node(p, NODE_SELECTOR, PROMQL_VECTOR, p->token.offset);
	struct matcher *list;
	struct selector *s;

	p->wants_labels = false;
	if (!n)
		return NULL;
	list = parse_array(p, count_matchers(p) + 1, sizeof(*list));
	if (!list)
		return NULL;
	s = &n->selector;
	s->matchers = list;
	if (is_info && p->token.kind != TOKEN_LEFT_BRACE) {
		parse_fail(p, n->offset,
		           "expected label selectors only, got vector selector instead");
		return NULL;
	}
	if (p->token.kind != TOKEN_LEFT_BRACE) {
		s->name = p->token.text;
		list[s->nmatchers++] =
		        (struct matcher){.name = PROMQL_NAME_LABEL, .value = s->name};
		if (!parse_advance(p))
			return NULL;
	}
	if (p->token.kind == TOKEN_LEFT_BRACE && !parse_braces(p, s, list))
		return NULL;
	if (is_info)
		name_info(s, list);
	else if (!check_not_empty(p, n))
		return NULL;
	s->text = str_slice(p->expr->text, n->offset, p->last_end);
	if (s->is_unnamed && !name_text(p, s))
		return NULL;
	s->number = p->nselectors++;
	return n;
}
