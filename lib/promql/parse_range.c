/* What may follow an operand, in any order: a range or a subquery in brackets, offset, @, and how a
 * range looks beyond its edges. */
#include <math.h>

#include "promql/parser.h"

/* What Prometheus takes; and beyond what no sample has a time, so that there is room to add. */
#define TIME_SECONDS_MAX 9.2e18
#define TIME_MS_MAX 9e15

#define DEFAULT_STEP_MS 60000

static bool is_plain_selector(const struct node *n)
{
	return n->kind == NODE_SELECTOR && !n->grouped;
}

static struct node *finish_range(struct parser *p, struct node *n, size_t offset, int64_t range_ms)
{
	const char *mistake = NULL;

	if (!is_plain_selector(n) || n->selector.is_range)
		mistake = "ranges only allowed for vector selectors";
	else if (n->selector.place.offset_ms != 0)
		mistake = "no offset modifiers allowed before range";
	else if (n->selector.place.anchor == ANCHOR_FIXED)
		mistake = "no @ modifiers allowed before range";
	if (mistake) {
		parse_fail(p, offset, "%s", mistake);
		return NULL;
	}
	n->selector.range_ms = range_ms;
	n->selector.is_range = true;
	n->type = PROMQL_MATRIX;
	return n;
}

/* The colon is the present token. */
static struct node *parse_subquery(struct parser *p, struct node *body, int64_t range_ms)
{
	struct node *n = parse_node(p, NODE_SUBQUERY, PROMQL_MATRIX, body->offset);

	if (!n || !parse_advance(p))
		return NULL;
	n->subquery =
	        (struct subquery){.body = body, .range_ms = range_ms, .step_ms = DEFAULT_STEP_MS};
	parse_adopt(n, body);
	if (p->token.kind != TOKEN_RIGHT_BRACKET && !parse_positive_length(p, &n->subquery.step_ms))
		return NULL;
	if (!parse_expect(p, TOKEN_RIGHT_BRACKET, "\"]\""))
		return NULL;
	if (body->type == PROMQL_VECTOR)
		return n;
	parse_fail(p, body->offset, "subquery is only allowed on instant vector, got %s instead",
	           type_words(body->type));
	return NULL;
}

/* "[5m]", "[5m:]" or "[5m:30s]". */
static struct node *parse_brackets(struct parser *p, struct node *n)
{
	size_t offset = p->token.offset;
	int64_t range_ms = 0;

	if (!parse_advance(p) || !parse_positive_length(p, &range_ms))
		return NULL;
	if (p->token.kind == TOKEN_COLON)
		return parse_subquery(p, n, range_ms);
	if (!parse_expect(p, TOKEN_RIGHT_BRACKET, "\":\" or \"]\""))
		return NULL;
	return finish_range(p, n, offset, range_ms);
}

/* NULL for what stands at no place of its own, with the sentence. */
static struct placement *place_of(struct parser *p, struct node *n, const char *modifier)
{
	if (n->kind == NODE_SELECTOR && !n->grouped)
		return &n->selector.place;
	if (n->kind == NODE_SUBQUERY && !n->grouped)
		return &n->subquery.place;
	parse_fail(p, n->offset,
	           "%s modifier must be preceded by an instant vector selector or range vector "
	           "selector or a subquery",
	           modifier);
	return NULL;
}

static bool parse_offset(struct parser *p, struct node *n)
{
	struct placement *place = place_of(p, n, "offset");

	if (!place)
		return false;
	/* As in Prometheus, one of zero is none. */
	if (place->offset_ms != 0)
		return parse_fail(p, p->token.offset, "offset may not be set multiple times");
	place->has_offset = true;
	return parse_advance(p) && parse_offset_length(p, &place->offset_ms);
}

static bool parse_fixed_time(struct parser *p, struct placement *place)
{
	double seconds = 0;
	double ms;
	size_t offset = p->token.offset;
	bool negative = false;

	if (!parse_sign(p, &negative) || !parse_seconds(p, "timestamp", &seconds))
		return false;
	if (!(seconds < TIME_SECONDS_MAX))
		return parse_fail(p, offset, "timestamp out of bounds for @ modifier: %g",
		                  negative ? -seconds : seconds);
	place->anchor = ANCHOR_FIXED;
	ms = fmin(round(seconds * 1000), TIME_MS_MAX);
	place->anchor_ms = (int64_t)(negative ? -ms : ms);
	return true;
}

/* "@ 1609746000", "@ start()", "@ end()". */
static bool parse_at(struct parser *p, struct node *n)
{
	struct placement *place = place_of(p, n, "@");

	if (!place)
		return false;
	if (place->anchor != ANCHOR_NONE)
		return parse_fail(p, p->token.offset,
		                  "@ <timestamp> may not be set multiple times");
	if (!parse_advance(p))
		return false;
	if (!token_is_word(&p->token, "start") && !token_is_word(&p->token, "end"))
		return parse_fixed_time(p, place);
	place->anchor = ANCHOR_QUERY;
	return parse_advance(p) && parse_expect(p, TOKEN_LEFT_PAREN, "\"(\"") &&
	       parse_expect(p, TOKEN_RIGHT_PAREN, "\")\"");
}

/* "anchored", "smoothed" */
static bool parse_extent(struct parser *p, struct node *n, enum extent extent)
{
	const char *word = extent == EXTENT_ANCHORED ? "anchored" : "smoothed";

	if (n->kind == NODE_SUBQUERY)
		return parse_fail(p, p->token.offset, "%s modifier is not supported for subqueries",
		                  word);
	if (n->kind != NODE_SELECTOR || n->grouped)
		return parse_fail(p, p->token.offset,
		                  "%s modifier must be preceded by a vector selector", word);
	if (n->selector.extent != EXTENT_NONE && n->selector.extent != extent)
		return parse_fail(p, p->token.offset,
		                  "anchored and smoothed modifiers cannot be used together");
	n->selector.extent = extent;
	return parse_advance(p);
}

struct node *parse_modifiers(struct parser *p, struct node *n)
{
	while (n) {
		if (p->token.kind == TOKEN_LEFT_BRACKET)
			n = parse_brackets(p, n);
		else if (p->token.kind == TOKEN_OFFSET)
			n = parse_offset(p, n) ? n : NULL;
		else if (p->token.kind == TOKEN_AT)
			n = parse_at(p, n) ? n : NULL;
		else if (token_is_word(&p->token, "anchored"))
			n = parse_extent(p, n, EXTENT_ANCHORED) ? n : NULL;
		else if (token_is_word(&p->token, "smoothed"))
			n = parse_extent(p, n, EXTENT_SMOOTHED) ? n : NULL;
		else
			return n;
	}
	return NULL;
}
