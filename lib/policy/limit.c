#include "policy/limit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* What a text is by its spelling alone. */
enum shape { SHAPE_PLAIN = 0, SHAPE_PERCENT, SHAPE_TIME, SHAPE_BYTES, SHAPE_COUNT };

/* clang-format off */
static const char *const shape_nouns[SHAPE_COUNT] = {
	"a plain number", "a ratio", "a time", "a number of bytes"
};
static const struct {
	const char *claim, *sample;
	enum shape shape;
	bool plain;    /* a plain number will do as well */
	bool negative; /* may be below 0 */
} units[KPI_UNIT_COUNT] = {
	[KPI_EVENTS]  = { "counts events", "1000",  SHAPE_PLAIN,   true,  false },
	[KPI_RATIO]   = { "is a ratio", "1%",    SHAPE_PERCENT, true,  false },
	[KPI_SECONDS] = { "is in seconds", "500ms", SHAPE_TIME,    false, false },
	[KPI_BYTES]   = { "is in bytes", "10MiB", SHAPE_BYTES,   true,  false },
	[KPI_NUMBER]  = { "is a number", "0.25", SHAPE_PLAIN,   true,  true },
};
/* Times finer than the milliseconds of a duration, and sizes; the longer suffix first. */
static const struct {
	const char *suffix;
	enum shape shape;
	double factor;
} suffixes[] = {
	{ "KiB", SHAPE_BYTES, 1024.0 },
	{ "MiB", SHAPE_BYTES, 1024.0 * 1024 },
	{ "GiB", SHAPE_BYTES, 1024.0 * 1024 * 1024 },
	{ "TiB", SHAPE_BYTES, 1024.0 * 1024 * 1024 * 1024 },
	{ "kB",  SHAPE_BYTES, 1e3 },
	{ "MB",  SHAPE_BYTES, 1e6 },
	{ "GB",  SHAPE_BYTES, 1e9 },
	{ "TB",  SHAPE_BYTES, 1e12 },
	{ "B",   SHAPE_BYTES, 1 },
	{ "us",  SHAPE_TIME,  1e-6 },
	{ "ms",  SHAPE_TIME,  1e-3 },
	{ "s",   SHAPE_TIME,  1 },
};
/* clang-format on */

static bool finite_number(struct str text, double *out)
{
	struct err err;
	double value = 0;

	if (!number_parse(text, &value, &err) || !isfinite(value))
		return false;
	*out = value;
	return true;
}

static bool suffixed(struct str text, enum shape *shape, double *out)
{
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		struct str suffix = str_of(suffixes[i].suffix);
		double value = 0;

		if (!str_ends_with(text, suffix) ||
		    !finite_number(str_trim(str_slice(text, 0, text.n - suffix.n)), &value))
			continue;
		*shape = suffixes[i].shape;
		/* Dividing by a power of ten that is a double is exact where multiplying by 1e-3 is
		 * not. */
		*out = suffixes[i].factor < 1 ? value / round(1 / suffixes[i].factor)
		                              : value * suffixes[i].factor;
		return isfinite(*out);
	}
	return false;
}

static bool read_shape(struct str text, enum shape *shape, double *out)
{
	int64_t ms = 0;
	struct err err;

	*shape = SHAPE_PLAIN;
	if (finite_number(text, out))
		return true;
	if (str_ends_with(text, STR("%"))) {
		*shape = SHAPE_PERCENT;
		return ratio_parse(text, out, &err);
	}
	if (suffixed(text, shape, out))
		return true;
	*shape = SHAPE_TIME;
	if (!duration_parse(text, &ms, &err))
		return false;
	*out = (double)ms / 1000;
	return true;
}

bool limit_parse(const char *text, enum kpi_unit unit, const char *watched, double *out,
                 struct err *err)
{
	char quote[STR_QUOTE_MAX];
	enum shape shape = SHAPE_PLAIN;
	double value = 0;

	str_quote(str_of(text), quote);
	if (!read_shape(str_trim(str_of(text)), &shape, &value))
		return err_set(err, ERR_INVALID, "%s is no limit: %s %s, write it like %s", quote,
		               watched, units[unit].claim, units[unit].sample);
	if (shape != units[unit].shape && !(shape == SHAPE_PLAIN && units[unit].plain) &&
	    !(shape == SHAPE_PLAIN && number_is_same(value, 0)))
		return err_set(err, ERR_INVALID, "the limit %s is %s, but %s %s: write it like %s",
		               quote, shape_nouns[shape], watched, units[unit].claim,
		               units[unit].sample);
	if (value < 0 && !units[unit].negative)
		return err_set(err, ERR_INVALID, "the limit %s is negative, but %s %s", quote,
		               watched, units[unit].claim);
	/* "above: 5" meant as 5 % would be a gate that never fires. */
	if (unit == KPI_RATIO && shape == SHAPE_PLAIN && value >= 1)
		return err_set(err, ERR_INVALID,
		               "%s on a ratio is %g %%: write its percent sign, %g%% or %g%%",
		               quote, value * 100, value, value * 100);
	*out = number_is_same(value, 0) ? 0 : value;
	return true;
}

static bool reads_back(const char *text, enum kpi_unit unit, double limit)
{
	struct err err;
	double value = 0;

	return limit_parse(text, unit, "", &value, &err) && number_is_same(value, limit);
}

static void format_ratio(double limit, char out[UNITS_TEXT_MAX])
{
	char number[UNITS_TEXT_MAX];

	/* 15 digits undo what multiplying by 100 does to 0.33333333. */
	(void)snprintf(out, UNITS_TEXT_MAX, "%.15g%%", limit * 100);
	if (reads_back(out, KPI_RATIO, limit))
		return;
	number_format(limit * 100, number);
	(void)snprintf(out, UNITS_TEXT_MAX, "%.40s%%", number);
	if (reads_back(out, KPI_RATIO, limit))
		return;
	number_format(limit, number);
	(void)snprintf(out, UNITS_TEXT_MAX, "%.40s%s", number, limit < 1 ? "" : "e2%");
}

static void format_seconds(double limit, char out[UNITS_TEXT_MAX])
{
	char number[UNITS_TEXT_MAX];
	double ms = round(limit * 1000);

	if (limit < 1e9) {
		duration_format((int64_t)ms, out);
		if (reads_back(out, KPI_SECONDS, limit))
			return;
	}
	number_format(limit, number);
	(void)snprintf(out, UNITS_TEXT_MAX, "%.40ss", number);
}

void limit_format(double limit, enum kpi_unit unit, char out[UNITS_TEXT_MAX])
{
	if (unit == KPI_RATIO)
		format_ratio(limit, out);
	else if (unit == KPI_SECONDS)
		format_seconds(limit, out);
	else
		number_format(limit, out);
}

bool limit_parse_slope(const char *text, enum kpi_unit unit, const char *watched, double *out,
                       struct err *err)
{
	bool below = *text == '-' && text[1] != '-';

	if (!limit_parse(below ? text + 1 : text, unit, watched, out, err))
		return false;
	if (below)
		*out = number_is_same(*out, 0) ? 0 : -*out;
	return true;
}

void limit_format_slope(double limit, enum kpi_unit unit, char out[UNITS_TEXT_MAX])
{
	char text[UNITS_TEXT_MAX];

	limit_format(fabs(limit), unit, text);
	(void)snprintf(out, UNITS_TEXT_MAX, "%s%.46s", limit < 0 ? "-" : "", text);
}

/* --- limits that depend on a baseline ----------------------------------------------------- */

#define BASELINE "baseline"

static bool no_relation(const char *text, enum kpi_unit unit, struct err *err)
{
	char quote[STR_QUOTE_MAX];

	str_quote(str_of(text), quote);
	if (unit == KPI_RATIO)
		return err_set(err, ERR_INVALID,
		               "%s is no limit of a baseline: write it like \"baseline + 10%%\" or "
		               "\"baseline - 2 points\"",
		               quote);
	return err_set(err, ERR_INVALID,
	               "%s is no limit of a baseline: write it like \"baseline + 10%%\" or "
	               "\"baseline + %s\"",
	               quote, units[unit].shape == SHAPE_PERCENT ? "1" : units[unit].sample);
}

static bool points_of(struct str term, double *out)
{
	struct str word = STR("points");

	if (!str_ends_with(term, word))
		word = STR("point");
	if (!str_ends_with(term, word) ||
	    !finite_number(str_trim(str_slice(term, 0, term.n - word.n)), out))
		return false;
	*out /= 100;
	return true;
}

struct relation {
	double relative, absolute;
	bool has_relative, has_absolute;
};

static bool add_once(bool *has, double *member, double value)
{
	if (*has || value < 0)
		return false;
	*has = true;
	*member = value;
	return true;
}

/* One term behind its sign. */
static bool read_term(struct str term, enum kpi_unit unit, const char *watched,
                      struct relation *out, struct err *err)
{
	char text[UNITS_TEXT_MAX];
	double value = 0;

	if (str_ends_with(term, STR("%")))
		return ratio_parse(term, &value, err) &&
		       add_once(&out->has_relative, &out->relative, value);
	if (unit == KPI_RATIO)
		return points_of(term, &value) &&
		       add_once(&out->has_absolute, &out->absolute, value);
	if (term.n >= sizeof(text))
		return false;
	memcpy(text, term.p, term.n);
	text[term.n] = '\0';
	return limit_parse(text, unit, watched, &value, err) &&
	       add_once(&out->has_absolute, &out->absolute, value);
}

/* A sign stands between spaces, so that 1e+3 has none. */
static size_t next_sign(struct str rest)
{
	for (size_t i = 1; i + 1 < rest.n; i++) {
		if ((rest.p[i] == '+' || rest.p[i] == '-') && rest.p[i - 1] == ' ' &&
		    rest.p[i + 1] == ' ')
			return i;
	}
	return rest.n;
}

bool limit_parse_baseline(const char *text, enum kpi_unit unit, const char *watched,
                          double *out_relative, double *out_absolute, struct err *err)
{
	struct str rest = str_trim(str_of(text));
	struct relation sum = {0};

	if (!str_starts_with(rest, STR(BASELINE)))
		return no_relation(text, unit, err);
	rest = str_trim(str_slice(rest, strlen(BASELINE), rest.n));
	while (rest.n > 0) {
		bool minus = rest.p[0] == '-';
		struct relation before = sum;
		size_t end = next_sign(rest);
		struct str term = str_trim(str_slice(rest, 1, end));

		if ((!minus && rest.p[0] != '+') || term.n == 0 ||
		    !read_term(term, unit, watched, &sum, err))
			return no_relation(text, unit, err);
		if (minus && !before.has_relative)
			sum.relative = -sum.relative;
		if (minus && !before.has_absolute)
			sum.absolute = -sum.absolute;
		rest = str_slice(rest, end, rest.n);
	}
	*out_relative = number_is_same(sum.relative, 0) ? 0 : sum.relative;
	*out_absolute = number_is_same(sum.absolute, 0) ? 0 : sum.absolute;
	return true;
}

bool limit_format_baseline(double relative, double absolute, enum kpi_unit unit,
                           char out[UNITS_TEXT_MAX])
{
	char share[UNITS_TEXT_MAX], more[UNITS_TEXT_MAX];
	char number[UNITS_TEXT_MAX];
	bool has_share = !number_is_same(relative, 0), has_more = !number_is_same(absolute, 0);
	int n;

	format_ratio(fabs(relative), share);
	limit_format(fabs(absolute), unit, more);
	if (unit == KPI_RATIO) {
		(void)snprintf(number, sizeof(number), "%.15g", fabs(absolute) * 100);
		(void)snprintf(more, sizeof(more), "%.38s points", number);
	}
	n = snprintf(out, UNITS_TEXT_MAX, BASELINE "%s%s%s%s",
	             !has_share     ? ""
	             : relative < 0 ? " - "
	                            : " + ",
	             has_share ? share : "",
	             !has_more      ? ""
	             : absolute < 0 ? " - "
	                            : " + ",
	             has_more ? more : "");
	return n > 0 && n < UNITS_TEXT_MAX;
}
