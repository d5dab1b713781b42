/*
 * openmetrics - one line of an OpenMetrics page, by the grammar of the specification: tokens one
 * space apart, no comments, no blank lines. What lines mean together is rules.c.
 *
 * Two things of the grammar are not insisted on, for they are no evidence: a double quote or a lone
 * backslash in a HELP text. One is added: names in quotes, as in Prometheus 3.
 */
#include <math.h>
#include <string.h>

#include "base/macros.h"
#include "base/units.h"
#include "exposition/scan.h"

#define NANOSECONDS 1000000000
/* Beyond this many digits a timestamp's seconds are read as a float. */
#define SECONDS_DIGITS_MAX 18

static bool take_space(const struct exposition *e, struct cursor *c, const char *expected,
                       struct err *err)
{
	if (c->p == c->end || *c->p != ' ')
		return unexpected(e, c, c->p, expected, err);
	c->p++;
	return true;
}

/* --- metadata --- */

static bool take_type(struct exposition *e, struct cursor *c, struct err *err)
{
	struct str word = rest_of(c);
	char quote[STR_QUOTE_MAX];
	enum metric_type type;

	if (find_type(word, METRIC_STATESET, &type) && type != METRIC_UNTYPED)
		return rules_type(e, c, c->p, type, err);
	if (str_eq(word, STR("unknown")))
		return rules_type(e, c, c->p, METRIC_UNTYPED, err);
	if (word.n == 0)
		return unexpected(e, c, c->p, "a metric type", err);
	if (word.p[word.n - 1] == '\r')
		return unexpected(e, c, c->end - 1, "the end of the line", err);
	err_set(err, ERR_INVALID,
	        "%s is not a metric type: counter, gauge, histogram, gaugehistogram, summary, "
	        "info, stateset or unknown",
	        str_quote(word, quote));
	return bad(e, c, c->p, err);
}

static bool take_help(struct exposition *e, struct cursor *c, struct err *err)
{
	struct str text = rest_of(c);

	if (text.n > 0 && text.p[text.n - 1] == '\r')
		return unexpected(e, c, c->end - 1, "the end of the line", err);
	if (is_utf8(text))
		return true;
	err_set(err, ERR_INVALID, "the help text is not valid UTF-8");
	return bad(e, c, c->p, err);
}

static bool take_unit(struct exposition *e, struct cursor *c, struct err *err)
{
	const char *at = c->p;
	struct str unit;

	for (; c->p < c->end; c->p++) {
		if (!is_kind(*c->p, BYTE_LETTER | BYTE_DIGIT | BYTE_COLON))
			return unexpected(e, c, c->p, "a unit", err);
	}
	unit = (struct str){.p = at, .n = (size_t)(c->end - at)};
	return rules_unit(e, c, at, unit, err);
}

static const struct {
	struct str word;
	enum metadata kind;
	bool (*take)(struct exposition *e, struct cursor *c, struct err *err);
} metadata_lines[] = {
        {{"# TYPE ", 7}, METADATA_TYPE, take_type},
        {{"# HELP ", 7}, METADATA_HELP, take_help},
        {{"# UNIT ", 7}, METADATA_UNIT, take_unit},
};

/* From the '#'. */
static bool take_hash_line(struct exposition *e, struct cursor *c, struct err *err)
{
	const char *at;
	struct str name;

	if (str_eq(rest_of(c), STR("# EOF"))) {
		e->rules.ended = true;
		e->name.n = 0; /* what follows is refused, also where nobody asked for it */
		return rules_end(e, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(metadata_lines); i++) {
		if (!str_starts_with(rest_of(c), metadata_lines[i].word))
			continue;
		c->p += metadata_lines[i].word.n;
		at = c->p;
		return take_family_name(e, c, &name, err) &&
		       take_space(e, c, "a space after the metric name", err) &&
		       rules_metadata(e, c, at, name, metadata_lines[i].kind, err) &&
		       metadata_lines[i].take(e, c, err);
	}
	err_set(err, ERR_INVALID,
	        "expected \"# TYPE \", \"# HELP \", \"# UNIT \" or \"# EOF\": OpenMetrics has no "
	        "comments");
	return bad(e, c, c->p, err);
}

/* --- samples --- */

/* "-12.345" to the nanosecond; false when it is written in another way. */
static bool exact_time(struct str word, struct stamp *out)
{
	bool negative = word.n > 0 && word.p[0] == '-';
	bool has_sign = negative || (word.n > 0 && word.p[0] == '+');
	int32_t weight = NANOSECONDS / 10;
	size_t at = has_sign ? 1 : 0, from = at;

	*out = (struct stamp){0};
	for (; at < word.n && is_digit(word.p[at]); at++) {
		if (at - from == SECONDS_DIGITS_MAX)
			return false;
		out->seconds = out->seconds * 10 + (word.p[at] - '0');
	}
	if (at < word.n && word.p[at] == '.')
		at++;
	for (; at < word.n && is_digit(word.p[at]); at++, weight /= 10)
		out->nanoseconds += weight * (word.p[at] - '0');
	if (negative)
		*out = (struct stamp){.seconds = -out->seconds, .nanoseconds = -out->nanoseconds};
	return at == word.n;
}

/* Milliseconds are cut, not rounded, as Prometheus has it. */
static bool take_time(struct exposition *e, struct cursor *c, struct stamp *out, int64_t *out_ms,
                      struct err *err)
{
	const char *at = c->p;
	struct str word;
	double seconds;

	if (!take_number(e, c, "a timestamp in seconds", &seconds, err))
		return false;
	if (!(fabs(seconds) < 9.2e15)) {
		err_set(err, ERR_INVALID, "the timestamp is no time in seconds");
		return bad(e, c, at, err);
	}
	word = (struct str){.p = at, .n = (size_t)(c->p - at)};
	if (!exact_time(word, out))
		*out = (struct stamp){
		        .seconds = (int64_t)seconds,
		        .nanoseconds = (int32_t)(fmod(seconds, 1) * NANOSECONDS),
		};
	*out_ms = (int64_t)(seconds * 1000);
	return true;
}

/* From the '#' to the end of the line. */
static bool take_exemplar(struct exposition *e, struct cursor *c, struct err *err)
{
	const char *at = c->p, *value_at;
	size_t from = e->nlabels;
	struct stamp ignored;
	int64_t ignored_ms;
	double value;

	if (!e->rules.part->exemplar) {
		err_set(err, ERR_INVALID,
		        "only the total of a counter and the buckets of a histogram may have an "
		        "exemplar");
		return bad(e, c, at, err);
	}
	c->p++;
	if (!take_space(e, c, "a space after \"#\"", err))
		return false;
	if (c->p == c->end || *c->p != '{')
		return unexpected(e, c, c->p, "\"{\" of the exemplar's labels", err);
	c->p++;
	if (!take_labels(e, c, NULL, err) ||
	    !take_space(e, c, "a space before the exemplar's value", err))
		return false;
	value_at = c->p;
	if (!take_number(e, c, "the exemplar's value", &value, err))
		return false;
	if (c->p < c->end) {
		c->p++;
		if (!take_time(e, c, &ignored, &ignored_ms, err))
			return false;
		if (c->p < c->end)
			return unexpected(e, c, c->p, "the end of the line", err);
	}
	return rules_exemplar(e, c, value_at, from, value, err);
}

/* From behind the series to the end of the line. */
static bool take_rest(struct exposition *e, struct cursor *c, struct exposition_sample *sample,
                      struct err *err)
{
	struct stamp time;
	const char *value_at;

	if (!take_space(e, c, "a space before the value", err))
		return false;
	value_at = c->p;
	if (!take_number(e, c, "a value", &sample->value, err))
		return false;
	e->facts.is_odd = c->p < c->end || e->rules.type == METRIC_GAUGE_HISTOGRAM;
	if (c->p < c->end && (c->p + 1 == c->end || c->p[1] != '#')) {
		c->p++;
		if (!take_time(e, c, &time, &sample->timestamp_ms, err))
			return false;
		sample->has_timestamp = true;
	}
	if (!rules_sample(e, c, value_at, sample, sample->has_timestamp ? &time : NULL, err))
		return false;
	if (c->p == c->end)
		return true;
	c->p++;
	if (c->p == c->end || *c->p != '#')
		return unexpected(e, c, c->p, "an exemplar or the end of the line", err);
	return take_exemplar(e, c, err);
}

static bool take_sample(struct exposition *e, struct cursor *c, struct err *err)
{
	struct exposition_sample sample = {0};
	bool wanted;

	if (!take_series(e, c, &sample, &wanted, err))
		return false;
	if (!wanted) {
		e->rules.is_partial = true;
		return true;
	}
	sample.nlabels = e->nlabels; /* the exemplar's come behind them */
	return take_rest(e, c, &sample, err) && hand_out(e, c, &sample, err);
}

bool openmetrics_line(struct exposition *e, struct cursor *c, struct err *err)
{
	if (e->rules.ended) {
		err_set(err, ERR_INVALID, "nothing may follow \"# EOF\"");
		return bad(e, c, c->p, err);
	}
	if (c->p == c->end) {
		err_set(err, ERR_INVALID, "OpenMetrics has no blank lines");
		return bad(e, c, c->p, err);
	}
	return *c->p == '#' ? take_hash_line(e, c, err) : take_sample(e, c, err);
}
