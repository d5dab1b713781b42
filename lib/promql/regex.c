/* Compiles and runs label regular expressions on PCRE2, with every limit it has set low. */
#include "promql/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdlib.h>

#include "base/buf.h"
#include "base/units.h"
#include "promql/promql.h"
#include "promql/regex_syntax.h"

struct regex {
	pcre2_code *code;
	pcre2_match_context *usual, *costly; /* the limits of a first and a second try */
	struct regex *next;
};

struct regex_scratch {
	pcre2_match_data *captures;
	size_t ncostly; /* values that needed a second try */
};

/* A user's text is put between these, as Prometheus does; DOLLAR_ENDONLY makes $ mean what it means
 * in RE2, and verbs such as (*UTF) are no longer at the start, where they would have power. */
static bool anchored_pattern(struct str pattern, struct buf *out, struct err *err)
{
	buf_add_text(out, "^(?s:");
	if (!regex_translate(pattern, out, err))
		return false;
	buf_add_text(out, ")$");
	return buf_ok(out, err);
}

static pcre2_match_context *match_limits(uint32_t steps)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);

	if (!limits)
		return NULL;
	pcre2_set_match_limit(limits, steps);
	pcre2_set_depth_limit(limits, steps);
	pcre2_set_heap_limit(limits, REGEX_MAX_HEAP_KIB);
	return limits;
}

/* Group 0, the whole match, included. */
static uint32_t group_count(const pcre2_code *code)
{
	uint32_t groups = 0;

	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);
	return groups + 1;
}

static bool compile(struct str text, pcre2_code **out, struct err *err)
{
	int code = 0;
	PCRE2_SIZE at = 0;
	unsigned char why[160] = {0};

	*out = pcre2_compile((PCRE2_SPTR)text.p, text.n,
	                     PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
	                             PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C |
	                             PCRE2_ANCHORED | PCRE2_ENDANCHORED,
	                     &code, &at, NULL);
	if (!*out) {
		pcre2_get_error_message(code, why, sizeof(why));
		return err_set(err, ERR_INVALID, "invalid regular expression: %s",
		               (const char *)why);
	}
	if (group_count(*out) > REGEX_MAX_CAPTURES)
		return err_set(err, ERR_LIMIT, "a regular expression has at most %d groups",
		               REGEX_MAX_CAPTURES - 1);
	return true;
}

const struct regex *regex_compile(struct str pattern, struct arena *arena, struct regex **list,
                                  struct err *err)
{
	struct buf text;
	struct regex *r = NULL;

	buf_init(&text, PROMQL_MAX_TEXT + 16);
	if (!anchored_pattern(pattern, &text, err))
		goto out;
	r = arena_alloc(arena, sizeof(*r));
	if (!r) {
		if (arena_ok(arena, err))
			err_set(err, ERR_NOMEM, "out of memory");
		goto out;
	}
	/* On the list before anything can fail, so that one place frees halves too. */
	r->next = *list;
	*list = r;
	if (!compile(buf_str(&text), &r->code, err)) {
		r = NULL;
		goto out;
	}
	r->usual = match_limits(REGEX_USUAL_STEPS);
	r->costly = match_limits(REGEX_MAX_STEPS);
	if (!r->usual || !r->costly) {
		err_set(err, ERR_NOMEM, "out of memory");
		r = NULL;
	}
out:
	buf_fini(&text);
	return r;
}

void regex_free_all(struct regex **list)
{
	for (struct regex *r = *list; r; r = r->next) {
		pcre2_match_context_free(r->usual);
		pcre2_match_context_free(r->costly);
		pcre2_code_free(r->code);
		r->usual = r->costly = NULL;
		r->code = NULL;
	}
	*list = NULL;
}

struct regex_scratch *regex_scratch_new(struct err *err)
{
	struct regex_scratch *s = calloc(1, sizeof(*s));

	if (s)
		s->captures = pcre2_match_data_create(REGEX_MAX_CAPTURES, NULL);
	if (s && s->captures)
		return s;
	regex_scratch_free(&s);
	err_set(err, ERR_NOMEM, "out of memory");
	return NULL;
}

void regex_scratch_free(struct regex_scratch **s)
{
	if (!*s)
		return;
	pcre2_match_data_free((*s)->captures);
	free(*s);
	*s = NULL;
}

static int match(const struct regex *r, struct str value, struct regex_scratch *s,
                 pcre2_match_context *limits)
{
	return pcre2_match(r->code, (PCRE2_SPTR)(value.p ? value.p : ""), value.n, 0, 0,
	                   s->captures, limits);
}

bool regex_match(const struct regex *r, struct str value, struct regex_scratch *s,
                 bool *out_matches, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	int found = match(r, value, s, r->usual);

	if ((found == PCRE2_ERROR_MATCHLIMIT || found == PCRE2_ERROR_DEPTHLIMIT) &&
	    s->ncostly++ < REGEX_MAX_COSTLY)
		found = match(r, value, s, r->costly);
	if (found >= 0 || found == PCRE2_ERROR_NOMATCH) {
		*out_matches = found >= 0;
		return true;
	}
	if (found == PCRE2_ERROR_NOMEMORY)
		return err_set(err, ERR_NOMEM, "out of memory");
	return err_set(err, ERR_LIMIT,
	               "a regular expression takes too many steps on %s: make it simpler",
	               str_quote(value, quote));
}

/* -1 when the expression has no such group. */
static int group_number(const struct regex *r, struct str name)
{
	int64_t number = 0;
	struct err ignored;
	char text[64];

	if (int_parse(name, &number, &ignored))
		return number >= 0 && number < REGEX_MAX_CAPTURES ? (int)number : -1;
	if (name.n >= sizeof(text))
		return -1;
	for (size_t i = 0; i < name.n; i++)
		text[i] = name.p[i];
	text[name.n] = '\0';
	return pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)text);
}

struct str regex_capture(const struct regex *r, struct str value, const struct regex_scratch *s,
                         struct str name_or_number)
{
	int group = group_number(r, name_or_number);
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(s->captures);

	if (group < 0 || (uint32_t)group >= group_count(r->code) ||
	    ends[2 * (size_t)group] == PCRE2_UNSET)
		return STR("");
	return str_slice(value, ends[2 * (size_t)group], ends[2 * (size_t)group + 1]);
}
