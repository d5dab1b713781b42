/* Names and labels of samples, for both formats. What is lenient in Prometheus text is an error in
 * OpenMetrics: blanks within the braces, a comma too many or too few. */
#include "exposition/scan.h"

#include <stdlib.h>
#include <string.h>

#include "exposition/canonical.h"

static bool add_label(struct exposition *e, const struct cursor *c, const char *at, size_t from,
                      struct label label, struct err *err)
{
	char quote[STR_QUOTE_MAX];

	if (e->nlabels - from == e->limits.max_labels) {
		err_set(err, ERR_LIMIT, "the sample has more than %zu labels",
		        e->limits.max_labels);
		return too_much(e, c, at, EXPOSITION_MAX_LABELS, err);
	}
	if (label.name.n == 8 && memcmp(label.name.p, "__name__", 8) == 0) {
		err_set(err, ERR_INVALID, "the label \"__name__\" repeats the metric name");
		return bad(e, c, at, err);
	}
	for (size_t i = from; i < e->nlabels; i++) {
		if (e->labels[i].name.n != label.name.n ||
		    memcmp(e->labels[i].name.p, label.name.p, label.name.n) != 0)
			continue;
		err_set(err, ERR_INVALID, "the label %s stands twice",
		        str_quote(label.name, quote));
		return bad(e, c, at, err);
	}
	if (e->nlabels == e->labels_capacity) {
		size_t capacity = e->labels_capacity > 0 ? e->labels_capacity * 2 : 16;
		struct label *labels = realloc(e->labels, capacity * sizeof(*labels));

		if (labels == NULL) {
			err_set(err, ERR_NOMEM, "no memory for the labels of a sample");
			return bad(e, c, at, err);
		}
		e->labels = labels;
		e->labels_capacity = capacity;
	}
	e->labels[e->nlabels++] = label;
	return true;
}

/* From the '=' to behind the value. */
static bool take_value(struct exposition *e, struct cursor *c, bool loose, struct str *out,
                       struct err *err)
{
	const char *opening;

	if (c->p == c->end || *c->p != '=')
		return unexpected(e, c, c->p, "\"=\" after the label name", err);
	c->p++;
	if (loose)
		skip_blanks(c);
	if (c->p == c->end || *c->p != '"')
		return unexpected(e, c, c->p, "a label value in double quotes", err);
	opening = c->p;
	if (!take_string(e, c, "label value", out, err))
		return false;
	if (out->n <= e->limits.max_value_bytes)
		return true;
	err_set(err, ERR_LIMIT, "the label value is longer than %zu bytes",
	        e->limits.max_value_bytes);
	return too_much(e, c, opening, EXPOSITION_MAX_VALUE, err);
}

/* A name in quotes, which is the metric's when no '=' follows. */
static bool take_quoted(struct exposition *e, struct cursor *c, bool loose, struct str *name,
                        struct str *out_label, struct err *err)
{
	const char *at = c->p;
	struct str text;

	if (!take_string(e, c, "quoted name", &text, err))
		return false;
	if (loose)
		skip_blanks(c);
	if (c->p == c->end || (*c->p != ',' && *c->p != '}')) {
		*out_label = text;
		return check_name(e, c, at, text, "label", err);
	}
	if (name == NULL)
		return unexpected(e, c, c->p, "\"=\" after the label name", err);
	if (name->p != NULL) {
		err_set(err, ERR_INVALID, "the metric's name stands twice");
		return bad(e, c, at, err);
	}
	*out_label = (struct str){0};
	*name = text;
	return check_name(e, c, at, text, "metric", err);
}

static bool take_label(struct exposition *e, struct cursor *c, bool loose, size_t from,
                       struct str *name, const char *expected, struct err *err)
{
	const char *at = c->p;
	struct label label = {0};

	if (at < c->end && *at == '"') {
		if (!take_quoted(e, c, loose, name, &label.name, err))
			return false;
		if (label.name.n == 0)
			return true;
	} else {
		label.name = take_name(c, false);
		if (label.name.n == 0)
			return unexpected(e, c, at, expected, err);
		if (!check_name(e, c, at, label.name, "label", err))
			return false;
		if (loose)
			skip_blanks(c);
	}
	return take_value(e, c, loose, &label.value, err) && add_label(e, c, at, from, label, err);
}

static bool take_loose_labels(struct exposition *e, struct cursor *c, struct str *name,
                              struct err *err)
{
	size_t from = e->nlabels;

	for (;;) {
		skip_blanks(c);
		if (c->p < c->end && *c->p == '}') {
			c->p++;
			return true;
		}
		if (!take_label(e, c, true, from, name, "a label name or \"}\"", err))
			return false;
		skip_blanks(c);
		if (c->p < c->end && *c->p == ',')
			c->p++;
	}
}

bool take_labels(struct exposition *e, struct cursor *c, struct str *name, struct err *err)
{
	const char *expected = "a label name or \"}\"";
	size_t from = e->nlabels;

	if (e->format == EXPOSITION_PROMETHEUS)
		return take_loose_labels(e, c, name, err);
	if (c->p < c->end && *c->p == '}') {
		c->p++;
		return true;
	}
	for (;;) {
		if (!take_label(e, c, false, from, name, expected, err))
			return false;
		expected = "a label name";
		if (c->p == c->end || (*c->p != ',' && *c->p != '}'))
			return unexpected(e, c, c->p, "\",\" or \"}\" after the label", err);
		if (*c->p++ == '}')
			return true;
	}
}

/* A name other than the one before. */
static bool meet_name(struct exposition *e, const struct cursor *c, const char *at, struct str name,
                      struct err *err)
{
	e->name.n = 0;
	if (e->format == EXPOSITION_OPENMETRICS && !rules_name(e, c, at, name, err))
		return false;
	if (!scratch_add(&e->name, name.p, name.n, err))
		return bad(e, c, at, err);
	e->name_is_quoted = *at == '{';
	e->name_is_wanted = e->wanted == NULL || e->wanted(e->ctx, name);
	e->type_is_known = false;
	return true;
}

/* At what follows a name. In the text a number may begin at once: "a-5" is a sample, "a-b" none. */
static bool ends_name(const struct exposition *e, const struct cursor *c, const char *at)
{
	if (at == c->end || *at == ' ' || *at == '{')
		return true;
	if (e->format == EXPOSITION_OPENMETRICS)
		return false;
	return *at == '\t' || ((*at == '-' || *at == '+' || *at == '.') && at + 1 < c->end &&
	                       (is_digit(at[1]) || at[1] == '.'));
}

/* The name at the cursor, which is the previous sample's more often than not. */
static bool take_metric_name(struct exposition *e, struct cursor *c, struct str *out,
                             struct err *err)
{
	size_t left = (size_t)(c->end - c->p);
	size_t n = e->name.n;
	struct str name;

	if (n > 0 && !e->name_is_quoted && left >= n && memcmp(c->p, e->name.bytes, n) == 0 &&
	    ends_name(e, c, c->p + n)) {
		*out = (struct str){.p = c->p, .n = n};
		c->p += n;
		return true;
	}
	name = take_page_name(e, c);
	if (name.n == 0)
		return unexpected(e, c, c->p, "a metric name", err);
	if (!check_name(e, c, name.p, name, "metric", err))
		return false;
	if (!ends_name(e, c, c->p))
		return unexpected(e, c, c->p, "a space or \"{\" after the metric name", err);
	*out = name;
	return meet_name(e, c, name.p, name, err);
}

/* {"a name", label="value"}, from the brace to behind the other. */
static bool take_quoted_series(struct exposition *e, struct cursor *c, struct str *name,
                               struct err *err)
{
	const char *at = c->p;

	c->p++;
	if (!take_labels(e, c, name, err))
		return false;
	if (name->p == NULL) {
		err_set(err, ERR_INVALID, "the metric has no name");
		return bad(e, c, at, err);
	}
	return str_eq(*name, (struct str){.p = e->name.bytes, .n = e->name.n}) ||
	       meet_name(e, c, at, *name, err);
}

bool take_series(struct exposition *e, struct cursor *c, struct exposition_sample *sample,
                 bool *out_wanted, struct err *err)
{
	const char *at = c->p;
	bool quoted = *at == '{';

	e->nlabels = 0;
	e->unescaped.n = 0;
	if (quoted ? !take_quoted_series(e, c, &sample->name, err)
	           : !take_metric_name(e, c, &sample->name, err))
		return false;
	if (e->samples == e->limits.max_samples) {
		err_set(err, ERR_LIMIT, "the page has more than %zu samples",
		        e->limits.max_samples);
		return too_much(e, c, at, EXPOSITION_MAX_SAMPLES, err);
	}
	e->samples++;
	*out_wanted = e->name_is_wanted;
	e->facts = (struct line_facts){.is_sample = true, .is_quoted = quoted, .series_end = c->p};
	if (!e->name_is_wanted || quoted)
		return true;
	if (e->format == EXPOSITION_PROMETHEUS)
		skip_blanks(c);
	if (c->p == c->end || *c->p != '{')
		return true;
	c->p++;
	if (!take_labels(e, c, &sample->name, err))
		return false;
	e->facts.series_end = c->p;
	return true;
}

/* Prometheus 3 rewrites bounds and quantiles when it reads them. Which samples are those of a
 * histogram or summary it decides by the newest TYPE line alone, and so it is here. */
static void write_canonically(struct exposition *e, size_t nlabels)
{
	struct str name = e->declared == METRIC_HISTOGRAM ? STR("le") : STR("quantile");

	for (size_t i = 0; i < nlabels; i++) {
		if (!str_eq(e->labels[i].name, name))
			continue;
		e->labels[i].value = canonical_number(e->labels[i].value, e->canonical);
		return;
	}
}

bool hand_out(struct exposition *e, const struct cursor *c, struct exposition_sample *sample,
              struct err *err)
{
	struct cursor at = *c;

	if (e->declared == METRIC_HISTOGRAM || e->declared == METRIC_SUMMARY)
		write_canonically(e, sample->nlabels);
	sample->labels = e->labels;
	sample->type = e->type;
	if (e->follow.shape == NULL) {
		e->facts.is_cumulative = sample->is_cumulative;
		sample->place = e->drawing != NULL ? ++e->handed : 0;
	}
	if (e->is_replaying || e->on_sample(e->ctx, sample, err))
		return true;
	at.p = c->start;             /* not of a text: nothing ends the chunk but its length */
	if (e->follow.shape == NULL) /* else the line begins with the name */
		skip_blanks(&at);
	e->trouble = EXPOSITION_REFUSED;
	return bad(e, c, at.p, err);
}
