/*
 * prometheus - one line of a page in Prometheus text format 0.0.4.
 *
 * The grammar is that of Prometheus' own parser, which is looser than the format's description: the
 * comma between labels may be missing, "foo{a="b"}1" is a sample, a later TYPE replaces an earlier.
 * One thing it lets pass is refused here, because a page is evidence: a raw newline in a string. A
 * page whose last line has no newline may have been cut, unless the caller knows better.
 */
#include <string.h>

#include "base/units.h"
#include "exposition/scan.h"

static bool take_type(struct exposition *e, struct cursor *c, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	struct str name, word;
	enum metric_type type;

	if (!take_family_name(e, c, &name, err))
		return false;
	if (c->p < c->end && !is_blank(*c->p))
		return unexpected(e, c, c->p, "a space after the metric name", err);
	if (c->p < c->end)
		c->p++; /* one; what more there is, Prometheus counts to the type */
	word = rest_of(c);
	if (find_type(word, METRIC_SUMMARY, &type)) {
		e->type_is_known = false;
		e->declared = type;
		return families_declare(&e->families, name, type, err) ||
		       too_much(e, c, name.p,
		                err->code == ERR_LIMIT ? EXPOSITION_MAX_FAMILIES
		                                       : EXPOSITION_NO_MEMORY,
		                err);
	}
	if (word.n == 0)
		return unexpected(e, c, c->p, "a metric type", err);
	if (word.p[word.n - 1] == '\r')
		return unexpected(e, c, word.p + word.n - 1, "the end of the line", err);
	err_set(err, ERR_INVALID,
	        "%s is not a metric type: counter, gauge, histogram, summary or untyped",
	        str_quote(word, quote));
	return bad(e, c, c->p, err);
}

static bool take_help(struct exposition *e, struct cursor *c, struct err *err)
{
	struct str name;

	if (!take_family_name(e, c, &name, err))
		return false;
	if (is_utf8(rest_of(c)))
		return true;
	err_set(err, ERR_INVALID, "the help text is not valid UTF-8");
	return bad(e, c, c->p, err);
}

/* "HELP" or "TYPE" with blanks behind it; the cursor then stands behind those. */
static bool take_keyword(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) <= n || memcmp(c->p, word, n) != 0 || !is_blank(c->p[n]))
		return false;
	c->p += n;
	skip_blanks(c);
	return true;
}

/* From the '#'. What is neither HELP nor TYPE is a comment and may say anything. */
static bool take_comment(struct exposition *e, struct cursor *c, struct err *err)
{
	c->p++;
	if (c->p == c->end || !is_blank(*c->p))
		return true;
	skip_blanks(c);
	if (take_keyword(c, "TYPE"))
		return take_type(e, c, err);
	if (take_keyword(c, "HELP"))
		return take_help(e, c, err);
	return true;
}

/* Digits only, as in Prometheus: a fraction would be seconds of another format. */
bool take_timestamp(const struct exposition *e, struct cursor *c, struct exposition_sample *sample,
                    struct err *err)
{
	struct str word;

	skip_blanks(c);
	if (c->p == c->end)
		return true;
	word = take_word(e, c);
	for (size_t i = 0; i < word.n; i++) {
		if (!is_digit(word.p[i]))
			return unexpected(
			        e, c, word.p + i,
			        "a timestamp in whole milliseconds or the end of the line", err);
	}
	if (!int_parse(word, &sample->timestamp_ms, err))
		return bad(e, c, word.p, err);
	sample->has_timestamp = true;
	skip_blanks(c);
	if (c->p < c->end)
		return unexpected(e, c, c->p, "the end of the line", err);
	return true;
}

static bool is_cumulative(const struct exposition *e, const struct exposition_sample *sample)
{
	if (e->type == METRIC_COUNTER || e->type == METRIC_HISTOGRAM)
		return true;
	if (e->type != METRIC_SUMMARY)
		return false;
	for (size_t i = 0; i < e->nlabels; i++) {
		if (str_eq(e->labels[i].name, STR("quantile"))) /* they rise and fall */
			return false;
	}
	return str_ends_with(sample->name, STR("_sum")) ||
	       str_ends_with(sample->name, STR("_count"));
}

static bool take_sample(struct exposition *e, struct cursor *c, struct err *err)
{
	struct exposition_sample sample = {0};
	bool wanted;

	if (!take_series(e, c, &sample, &wanted, err))
		return false;
	if (!wanted)
		return true;
	skip_blanks(c);
	if (!take_number(e, c, "a value", &sample.value, err) ||
	    !take_timestamp(e, c, &sample, err))
		return false;
	if (!e->type_is_known) {
		e->type = families_type_of(&e->families, sample.name);
		e->type_is_known = true;
	}
	sample.nlabels = e->nlabels;
	sample.is_cumulative = is_cumulative(e, &sample);
	return hand_out(e, c, &sample, err);
}

bool prometheus_line(struct exposition *e, struct cursor *c, struct err *err)
{
	skip_blanks(c);
	if (c->p == c->end)
		return true;
	return *c->p == '#' ? take_comment(e, c, err) : take_sample(e, c, err);
}
