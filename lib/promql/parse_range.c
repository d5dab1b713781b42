/*
 * What may follow an operand, in any order: a range or a subquery in brackets, offset and @.
 *
 * Lengths are durations or plain numbers of seconds; arithmetic on them, which Prometheus has
 * behind a switch, is refused.
 */
#include <math.h>
#include <strings.h>

#include "base/units.h"
#include "promql/parser.h"

/* Lengths are cut to ten years, as base/units has it; times to what leaves room to add them. */
#define SECONDS_MAX (10.0 * 366 * 86400)
#define TIME_SECONDS_MAX 9e12

#define DEFAULT_STEP_MS 60000

static bool parse_sign(struct parser *p, bool *out_negative)
{
	*out_negative = p->token.kind == TOKEN_SUB;
	if (p->token.kind != TOKEN_SUB && p->token.kind != TOKEN_ADD)
		return true;
	return parse_advance(p);
}

/* The seconds of "5m" or "300"; the token stays. */
static bool read_seconds(struct parser *p, const char *expected, double *out)
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
	return ok || parse_fail_prefixed(p, p->token.offset);
}

/* "5m", or seconds as a plain number; a sign is read, so that the message can be about it. */
static bool parse_length(struct parser *p, int64_t *out_ms)
{
	double seconds = 0;
	size_t offset = p->token.offset;
	bool negative = false;

	if (!parse_sign(p, &negative) || !read_seconds(p, "duration", &seconds))
		return false;
	if (!(seconds <= SECONDS_MAX))
		return parse_fail(p, offset, "duration out of range");
	/* Through nanoseconds, as in Prometheus: 0.29 s are 290 ms. */
	*out_ms = (int64_t)(round(seconds * 1e9) / 1e6);
	if (negative)
		*out_ms = -*out_ms;
	return parse_advance(p);
}

static bool parse_positive_length(struct parser *p, int64_t *out_ms)
{
	size_t offset = p->token.offset;

	if (!parse_length(p, out_ms))
		return false;
	return *out_ms > 0 || parse_fail(p, offset, "duration must be greater than 0");
}

static bool is_plain_selector(const struct node *n)
{
	return n->kind == NODE_SELECTOR && !n->grouped;
}

static struct node *finish_range(struct parser *p, struct node *n, size_t offset, int64_t range_ms)
{
	const char *mistake = NULL;

	if (!is_plain_selector(n) || n->selector.is_range)
		mistake = "ranges only allowed for vector selectors";
	else if (n->selector.place.has_offset)
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
	if (place->has_offset)
		return parse_fail(p, p->token.offset, "offset may not be set multiple times");
	place->has_offset = true;
	return parse_advance(p) && parse_length(p, &place->offset_ms);
}

static bool is_word(const struct token *t, const char *word)
{
	struct str other = str_of(word);

	return t->kind == TOKEN_IDENTIFIER && t->text.n == other.n &&
	       strncasecmp(t->text.p, other.p, other.n) == 0;
}

static bool parse_fixed_time(struct parser *p, struct placement *place)
{
	double seconds = 0;
	double ms;
	size_t offset = p->token.offset;
	bool negative = false;

	if (!parse_sign(p, &negative) || !read_seconds(p, "timestamp", &seconds))
		return false;
	if (!(seconds <= TIME_SECONDS_MAX))
		return parse_fail(p, offset, "timestamp out of bounds for @ modifier: %g",
		                  negative ? -seconds : seconds);
	place->anchor = ANCHOR_FIXED;
	ms = round((negative ? -seconds : seconds) * 1000);
	place->anchor_ms = (int64_t)ms;
	return parse_advance(p);
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
	if (!is_word(&p->token, "start") && !is_word(&p->token, "end"))
		return parse_fixed_time(p, place);
	place->anchor = ANCHOR_QUERY;
	return parse_advance(p) && parse_expect(p, TOKEN_LEFT_PAREN, "\"(\"") &&
	       parse_expect(p, TOKEN_RIGHT_PAREN, "\")\"");
}

/* What Prometheus has behind a switch would else read as a word too many. */
static bool refuse_experiment(struct parser *p)
{
	static const char *const words[] = {"anchored", "smoothed"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (is_word(&p->token, words[i]))
			return parse_fail(p, p->token.offset,
			                  "the modifier \"%s\" is an experiment of Prometheus and "
			                  "not supported",
			                  words[i]);
	}
	return true;
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
		else
			return refuse_experiment(p) ? n : NULL;
	}
	return NULL;
}
