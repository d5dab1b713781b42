/*
 * point - the metrics and points within a family of an OpenMetrics page: values by type, labels
 * that must and must not be there, nothing twice, nothing torn apart, histograms whole.
 */
#include "exposition/rules.h"

#include <math.h>

#include "base/macros.h"
#include "base/units.h"
#include "exposition/scan.h"

#define EXEMPLAR_CHARACTERS_MAX 128

static bool value_fits(unsigned rules, double value)
{
	return !((rules & NOT_NAN) != 0 && isnan(value)) &&
	       !((rules & NOT_NEGATIVE) != 0 && value < 0) &&
	       !((rules & INTEGER) != 0 && (isinf(value) || value > floor(value))) &&
	       !((rules & FINITE) != 0 && !isfinite(value)) &&
	       !((rules & ONE) != 0 && !number_is_same(value, 1)) &&
	       !((rules & BOOLEAN) != 0 && !number_is_same(value, 0) && !number_is_same(value, 1));
}

static bool check_value(const struct exposition *e, const struct cursor *c, const char *at,
                        double value, struct err *err)
{
	/* clang-format off */
	const struct { unsigned rule; bool broken; const char *sentence; } checks[] = {
		{ NOT_NAN,      isnan(value),                               "must not be NaN" },
		{ NOT_NEGATIVE, value < 0,                                  "must not be negative" },
		{ INTEGER,      isinf(value) || value > floor(value),      "must be a whole number" },
		{ FINITE,       !isfinite(value),                           "must be a time in seconds" },
		{ ONE,          !number_is_same(value, 1),                  "must be 1" },
		{ BOOLEAN,      !number_is_same(value, 0) && !number_is_same(value, 1), "must be 0 or 1" },
	};
	/* clang-format on */
	struct str name = {.p = e->name.bytes, .n = e->name.n};
	char quote[STR_QUOTE_MAX];

	if (e->is_replaying || value_fits(e->rules.part->value, value))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if ((e->rules.part->value & checks[i].rule) == 0 || !checks[i].broken)
			continue;
		err_set(err, ERR_INVALID, "the value of %s, of type %s, %s", str_quote(name, quote),
		        metric_type_name(e->rules.type), checks[i].sentence);
		return bad(e, c, at, err);
	}
	return true;
}

/* The label that sets the samples of one point apart: le, quantile, or the family's own name. */
static struct str own_label(const struct exposition *e)
{
	switch (e->rules.type) {
	case METRIC_HISTOGRAM:
	case METRIC_GAUGE_HISTOGRAM:
		return STR("le");
	case METRIC_SUMMARY:
		return STR("quantile");
	case METRIC_STATESET:
		return rules_family_name(e);
	case METRIC_UNTYPED:
	case METRIC_COUNTER:
	case METRIC_GAUGE:
	case METRIC_INFO:
	case METRIC_TYPE_COUNT:
	default:
		return STR("");
	}
}

/* The hash of the metric's labels in whatever order, and its own label. */
static bool look_at_labels(const struct exposition *e, const struct cursor *c, uint64_t *out_metric,
                           const struct label **out_own, struct err *err)
{
	const struct seen *seen = &e->rules.seen;
	struct str own = own_label(e);
	uint64_t metric = 0;
	char quote[STR_QUOTE_MAX];

	*out_own = NULL;
	for (size_t i = 0; i < e->nlabels; i++) {
		const struct label *label = &e->labels[i];

		if (label->name.n >= 2 && label->name.p[0] == '_' && label->name.p[1] == '_') {
			err_set(err, ERR_INVALID,
			        "the label %s begins with two underscores, which is reserved",
			        str_quote(label->name, quote));
			return bad(e, c, c->start, err);
		}
		if (own.n > 0 && str_eq(label->name, own))
			*out_own = label;
		else if (label->value.n > 0)
			metric += seen_mix(seen_hash(seen->seed, label->name),
			                   seen_hash(seen->seed, label->value));
	}
	*out_metric = metric;
	if ((e->rules.part->label != NULL) == (*out_own != NULL))
		return true;
	err_set(err, ERR_INVALID,
	        *out_own == NULL ? "a sample of this name must have the label %s"
	                         : "a sample of this name must not have the label %s",
	        str_quote(own, quote));
	return bad(e, c, c->start, err);
}

static bool incomplete(const struct exposition *e, struct err *err)
{
	return misplaced(e->rules.point.line, 0, err);
}

static bool end_histogram(const struct exposition *e, struct err *err)
{
	const struct rules *r = &e->rules;
	const struct point *p = &r->point;
	bool gauge = r->type == METRIC_GAUGE_HISTOGRAM;
	bool has_count = (p->parts & (1u << PART_COUNT | 1u << PART_GCOUNT)) != 0;
	bool has_sum = (p->parts & (1u << PART_SUM | 1u << PART_GSUM)) != 0;

	if (!r->is_partial && !p->has_inf)
		err_set(err, ERR_INVALID, "the histogram ends here without its bucket le=\"+Inf\"");
	else if (!r->is_partial && has_sum != has_count)
		err_set(err, ERR_INVALID, "the histogram ends here with a %s but no %s",
		        has_sum ? "sum" : "count", has_sum ? "count" : "sum");
	else if (has_count && p->has_inf && !number_is_same(p->count, p->bucket))
		err_set(err, ERR_INVALID,
		        "the histogram ends here with a count other than its bucket le=\"+Inf\"");
	else if (!gauge && has_sum && p->is_negative)
		err_set(err, ERR_INVALID,
		        "the histogram ends here: one with buckets below zero has no sum");
	else if (gauge && has_sum && p->sum < 0 && !p->is_negative && !r->is_partial)
		err_set(err, ERR_INVALID,
		        "the histogram ends here: without buckets below zero its sum cannot be "
		        "negative");
	else
		return true;
	return incomplete(e, err);
}

bool point_end(struct exposition *e, struct err *err)
{
	struct point *p = &e->rules.point;
	enum metric_type type = e->rules.type;

	if (!p->is_open)
		return true;
	p->is_open = false;
	e->rules.ended_points++;
	if (type == METRIC_HISTOGRAM || type == METRIC_GAUGE_HISTOGRAM)
		return end_histogram(e, err);
	if (type != METRIC_COUNTER || e->rules.is_partial || (p->parts & (1u << PART_TOTAL)) != 0)
		return true;
	err_set(err, ERR_INVALID, "the counter ends here without its _total");
	return incomplete(e, err);
}

static int compare_times(const struct stamp *a, const struct stamp *b)
{
	if (a->seconds != b->seconds)
		return a->seconds < b->seconds ? -1 : 1;
	return (a->nanoseconds > b->nanoseconds) - (a->nanoseconds < b->nanoseconds);
}

static void open_point(struct exposition *e, uint64_t metric, const struct stamp *time)
{
	struct point *p = &e->rules.point;

	*p = (struct point){
	        .is_open = true,
	        .metric = metric,
	        .has_time = time != NULL,
	        .number = p->number + 1,
	};
	if (time != NULL)
		p->time = *time;
}

static bool enter_metric(struct exposition *e, const struct cursor *c, uint64_t metric,
                         const struct stamp *time, struct err *err)
{
	bool is_new = false;

	if (!point_end(e, err))
		return false;
	if (!seen_add(&e->rules.seen, metric, &is_new, err))
		return bad(e, c, c->start, err);
	if (!is_new) {
		err_set(err, ERR_INVALID, "the samples of one metric must stand together");
		return bad(e, c, c->start, err);
	}
	open_point(e, metric, time);
	return true;
}

/* The same metric as the sample before: the same point, or a later one. */
static bool go_on(struct exposition *e, const struct cursor *c, const struct stamp *time,
                  struct err *err)
{
	const struct point *p = &e->rules.point;
	int order;

	if (p->has_time != (time != NULL)) {
		err_set(err, ERR_INVALID,
		        "either all samples of a metric have a timestamp or none");
		return bad(e, c, c->start, err);
	}
	order = time != NULL ? compare_times(time, &p->time) : 0;
	if (order < 0) {
		err_set(err, ERR_INVALID, "the timestamps of a metric must rise");
		return bad(e, c, c->start, err);
	}
	if (order == 0)
		return true;
	if (!point_end(e, err))
		return false;
	open_point(e, p->metric, time);
	return true;
}

static bool twice(const struct exposition *e, const struct cursor *c, struct err *err)
{
	err_set(err, ERR_INVALID, "the series stands twice at the same time");
	return bad(e, c, c->start, err);
}

static bool label_number(const struct exposition *e, const struct cursor *c,
                         const struct label *label, double *out, struct err *err)
{
	struct str text = label->value;
	char quote[STR_QUOTE_MAX];
	struct err ignored;
	bool ok = number_parse(text, out, &ignored) && !isnan(*out);

	for (size_t i = 0; i < text.n; i++)
		ok = ok && text.p[i] != 'p' && text.p[i] != 'P';
	if (ok)
		return true;
	err_set(err, ERR_INVALID, "the label %.*s is no number: %s", (int)label->name.n,
	        label->name.p, str_quote(text, quote));
	return bad(e, c, c->start, err);
}

static bool take_bucket(struct exposition *e, const struct cursor *c, const struct label *label,
                        double value, struct err *err)
{
	struct point *p = &e->rules.point;
	bool is_first = (p->parts & (1u << PART_BUCKET)) == 0;
	double le;

	if (!label_number(e, c, label, &le, err))
		return false;
	if (isinf(le) && le > 0 && !str_eq(label->value, STR("+Inf")))
		err_set(err, ERR_INVALID, "infinity must be written as le=\"+Inf\"");
	else if (!is_first && le <= p->le)
		err_set(err, ERR_INVALID, "the buckets must stand in rising order of le");
	else if (!is_first && value < p->bucket)
		err_set(err, ERR_INVALID,
		        "buckets are cumulative: this one must not be smaller than the one before");
	else {
		p->le = le;
		p->bucket = value;
		p->is_negative = p->is_negative || le < 0;
		p->has_inf = isinf(le) && le > 0;
		return true;
	}
	return bad(e, c, c->start, err);
}

/* One of several samples of its part in a point: a quantile or a state. */
static bool take_one_of(struct exposition *e, const struct cursor *c, const struct label *label,
                        struct err *err)
{
	struct seen *seen = &e->rules.seen;
	uint64_t hash = seen_mix(seen_hash(seen->seed, label->value), e->rules.point.number);
	bool is_new = false;
	double quantile;

	if (e->rules.type == METRIC_SUMMARY) {
		if (!label_number(e, c, label, &quantile, err))
			return false;
		if (quantile < 0 || quantile > 1) {
			err_set(err, ERR_INVALID, "a quantile must be between 0 and 1");
			return bad(e, c, c->start, err);
		}
	}
	if (!seen_add(seen, seen_mix(hash, e->rules.point.metric), &is_new, err))
		return bad(e, c, c->start, err);
	return is_new || twice(e, c, err);
}

static bool take_part(struct exposition *e, const struct cursor *c, const struct label *own,
                      double value, struct err *err)
{
	struct point *p = &e->rules.point;
	enum part part = e->rules.part->part;
	unsigned bit = 1u << part;

	p->line = e->lines;
	if (part == PART_BUCKET ? !take_bucket(e, c, own, value, err)
	                        : own != NULL && !take_one_of(e, c, own, err))
		return false;
	if (own == NULL && (p->parts & bit) != 0)
		return twice(e, c, err);
	p->parts |= bit;
	if (part == PART_COUNT || part == PART_GCOUNT)
		p->count = value;
	if (part == PART_SUM || part == PART_GSUM)
		p->sum = value;
	return true;
}

bool rules_sample(struct exposition *e, const struct cursor *c, const char *value_at,
                  struct exposition_sample *sample, const struct stamp *time, struct err *err)
{
	const struct point *p = &e->rules.point;
	const struct label *own = NULL;
	uint64_t metric = 0;

	sample->is_cumulative = e->rules.part->is_cumulative;
	e->type = e->rules.type;
	if (!check_value(e, c, value_at, sample->value, err) ||
	    !look_at_labels(e, c, &metric, &own, err))
		return false;
	if (p->is_open && p->metric == metric ? !go_on(e, c, time, err)
	                                      : !enter_metric(e, c, metric, time, err))
		return false;
	return take_part(e, c, own, sample->value, err);
}

/* Characters as UTF-8 counts them: bytes that do not continue one. */
static size_t count_characters(struct str text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
	return n;
}

bool rules_exemplar(struct exposition *e, const struct cursor *c, const char *at, size_t from,
                    double value, struct err *err)
{
	const struct rules *r = &e->rules;
	size_t n = 0;

	for (size_t i = from; i < e->nlabels; i++)
		n += count_characters(e->labels[i].name) + count_characters(e->labels[i].value);
	if (n > EXEMPLAR_CHARACTERS_MAX)
		err_set(err, ERR_INVALID,
		        "the labels of the exemplar have %zu characters, more than %d", n,
		        EXEMPLAR_CHARACTERS_MAX);
	else if (r->part->part == PART_BUCKET && value > r->point.le)
		err_set(err, ERR_INVALID, "the exemplar's value is above its bucket");
	else
		return true;
	return bad(e, c, at, err);
}

bool point_fits(const struct exposition *e)
{
	const struct point *p = &e->rules.point;

	return !p->is_open || e->rules.type != METRIC_HISTOGRAM ||
	       (p->parts & (1u << PART_COUNT)) == 0 || !p->has_inf ||
	       number_is_same(p->count, p->bucket);
}

bool point_repeat(struct exposition *e, const struct part_rule *part, bool opens, bool is_infinite,
                  double value)
{
	struct point *p = &e->rules.point;
	unsigned bit = 1u << part->part;

	if (!value_fits(part->value, value))
		return false;
	if (opens) {
		*p = (struct point){.is_open = true};
		e->rules.type = part->type;
	}
	if (part->part == PART_BUCKET) {
		if ((p->parts & bit) != 0 && value < p->bucket)
			return false;
		p->bucket = value;
		p->has_inf = is_infinite;
	} else if (part->part == PART_COUNT || part->part == PART_GCOUNT) {
		p->count = value;
	} else if (part->part == PART_SUM || part->part == PART_GSUM) {
		p->sum = value;
	}
	p->parts |= bit;
	return true;
}
