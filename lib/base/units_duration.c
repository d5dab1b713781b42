/*
 * units_duration - "1h30m" and back.
 */
#include "base/units.h"

#include <assert.h>
#include <stdio.h>

#include "base/macros.h"
#include "base/units_parts.h"

#define DURATION_MS_MAX (10 * MS_PER_YEAR)

/* clang-format off */
static const struct unit {
	const char *name;
	int64_t ms;
	bool only_even; /* written only when the rest is zero, as Prometheus does */
} units[] = {
	{ "y",  MS_PER_YEAR,   true },
	{ "w",  MS_PER_WEEK,   true },
	{ "d",  MS_PER_DAY,    false },
	{ "h",  MS_PER_HOUR,   false },
	{ "m",  MS_PER_MINUTE, false },
	{ "s",  MS_PER_SECOND, false },
	{ "ms", 1,             false },
};
/* clang-format on */

/* The unit whose name is the run of letters at text[*at]. */
static const struct unit *take_unit(struct str text, size_t *at)
{
	size_t from = *at;
	struct str name;

	while (*at < text.n && lower(text.p[*at]) >= 'a' && lower(text.p[*at]) <= 'z')
		(*at)++;
	name = str_slice(text, from, *at);
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (str_eq_text(name, units[i].name))
			return &units[i];
	}
	return NULL;
}

enum duration_fault { DURATION_FINE = 0, DURATION_SPELLING, DURATION_TOO_LONG, DURATION_TOO_FINE };

static bool take_digits(struct str text, size_t *at, int64_t *value)
{
	size_t from = *at;

	*value = 0;
	for (; *at < text.n && is_digit(text.p[*at]); (*at)++) {
		/* Saturates: beyond the maximum every value gets the same answer. */
		if (*value <= DURATION_MS_MAX)
			*value = *value * 10 + (text.p[*at] - '0');
	}
	return *at > from;
}

/* ".5" of a unit in ms. Each digit must come out even, so nothing is rounded behind anyone's back.
 */
static enum duration_fault fraction_ms(struct str digits, int64_t unit_ms, int64_t *out)
{
	int64_t rest = unit_ms;
	int64_t scale = 1;
	int64_t sum = 0;

	while (digits.n > 0 && digits.p[digits.n - 1] == '0')
		digits.n--;
	/* sum/scale is the fraction of the unit so far; a year in ms has 12 digits, so 7 more fit.
	 */
	if (digits.n > 7)
		return DURATION_TOO_FINE;
	for (size_t i = 0; i < digits.n; i++) {
		sum = sum * 10 + (digits.p[i] - '0');
		scale *= 10;
	}
	if (sum * rest % scale != 0)
		return DURATION_TOO_FINE;
	*out = sum * rest / scale;
	return DURATION_FINE;
}

static enum duration_fault parse_part(struct str text, size_t *at, const struct unit **previous,
                                      int64_t *total_ms)
{
	struct str fraction = STR("");
	const struct unit *unit;
	size_t start = *at;
	int64_t value;
	int64_t part = 0;

	if (!take_digits(text, at, &value))
		return DURATION_SPELLING;
	if (*at < text.n && text.p[*at] == '.') {
		size_t from = ++(*at);
		int64_t ignored;

		if (!take_digits(text, at, &ignored))
			return DURATION_SPELLING;
		fraction = str_slice(text, from, *at);
	}
	unit = take_unit(text, at);
	if (!unit || (*previous && unit <= *previous))
		return DURATION_SPELLING;
	*previous = unit;
	if (value > DURATION_MS_MAX / unit->ms)
		return DURATION_TOO_LONG;
	if (fraction.n > 0) {
		enum duration_fault fault = fraction_ms(fraction, unit->ms, &part);

		if (start != 0 || *at != text.n)
			return DURATION_SPELLING;
		if (fault != DURATION_FINE)
			return fault;
	}
	*total_ms += value * unit->ms + part;
	return *total_ms > DURATION_MS_MAX ? DURATION_TOO_LONG : DURATION_FINE;
}

static bool is_all_digits(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (!is_digit(text.p[i]))
			return false;
	}
	return text.n > 0;
}

static bool refuse_duration(struct str text, enum duration_fault fault, struct err *err)
{
	char quote[STR_QUOTE_MAX];

	str_quote(text, quote);
	if (fault == DURATION_TOO_LONG)
		return err_set(err, ERR_INVALID, "%s is too long: a duration is at most 10 years",
		               quote);
	if (fault == DURATION_TOO_FINE)
		return err_set(err, ERR_INVALID,
		               "%s is finer than a millisecond: write it in whole ms, like 250ms",
		               quote);
	if (is_all_digits(text))
		return err_set(err, ERR_INVALID,
		               "%s is not a duration: it needs a unit, like 15m, 30s or 250ms",
		               quote);
	if (text.n > 0 && text.p[0] == '-')
		return err_set(err, ERR_INVALID,
		               "%s is not a duration: it cannot be negative; write it like 15m",
		               quote);
	return err_set(err, ERR_INVALID, "%s is not a duration: write it like 15m, 1h30m or 250ms",
	               quote);
}

bool duration_parse(struct str text, int64_t *out_ms, struct err *err)
{
	enum duration_fault fault = DURATION_FINE;
	const struct unit *previous = NULL;
	int64_t total_ms = 0;
	size_t at = 0;

	if (str_eq_text(text, "0")) {
		*out_ms = 0;
		return true;
	}
	if (text.n == 0)
		return refuse_duration(text, DURATION_SPELLING, err);
	while (at < text.n && fault == DURATION_FINE)
		fault = parse_part(text, &at, &previous, &total_ms);
	if (fault != DURATION_FINE)
		return refuse_duration(text, fault, err);
	*out_ms = total_ms;
	return true;
}

void duration_format(int64_t ms, char out[UNITS_TEXT_MAX])
{
	/* Durations are never negative, but a difference of two instants in a log may be. */
	uint64_t rest = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
	size_t n = 0;

	if (ms == 0) {
		snprintf(out, UNITS_TEXT_MAX, "0s");
		return;
	}
	out[0] = '\0';
	if (ms < 0)
		n += (size_t)snprintf(out, UNITS_TEXT_MAX, "-");
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		uint64_t unit_ms = (uint64_t)units[i].ms;

		assert(unit_ms > 0);
		if (rest < unit_ms || (units[i].only_even && rest % unit_ms != 0))
			continue;
		n += (size_t)snprintf(out + n, UNITS_TEXT_MAX - n, "%llu%s",
		                      (unsigned long long)(rest / unit_ms), units[i].name);
		rest %= unit_ms;
	}
}
