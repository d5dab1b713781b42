/*
 * units - reading and writing numbers, durations, ratios and instants.
 *
 * Numbers are scanned once into digits and a power of ten; a percentage is the same digits with a
 * power two lower, so that "1%" and "0.01" are the same double and not neighbours.
 */
#include "base/units.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR (60 * MS_PER_MINUTE)
#define MS_PER_DAY (24 * MS_PER_HOUR)
#define MS_PER_WEEK (7 * MS_PER_DAY)
#define MS_PER_YEAR (365 * MS_PER_DAY)
#define DURATION_MS_MAX (10 * MS_PER_YEAR)

/* A double is decided by at most 767 decimal digits; what follows matters only by being nonzero. */
#define SLOW_DIGITS_MAX 800
/* Digits that fit a uint64_t whatever they are. */
#define FAST_DIGITS_MAX 19
#define EXACT_INTEGER_MAX (UINT64_C(1) << 53)
#define EXACT_POWER_MAX 22
/* Far beyond any double and any text's length, and far below overflow in one more step of ten. */
#define EXPONENT_MAX INT64_C(100000000000000000)
#define PRINTED_EXPONENT_MAX 99999

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c;
}

static bool is_hex_digit(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

static bool is_word(struct str text, const char *word)
{
	size_t n = strlen(word);

	if (text.n != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (lower(text.p[i]) != word[i])
			return false;
	}
	return true;
}

bool number_is_same(double a, double b)
{
	return a <= b && a >= b;
}

bool number_is_close(double a, double b)
{
	if (number_is_same(a, b))
		return true;
	if (!isfinite(a) || !isfinite(b))
		return false;
	return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

bool int_parse(struct str text, int64_t *out, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	bool negative = text.n > 0 && text.p[0] == '-';
	size_t at = negative ? 1 : 0;
	int64_t value = 0;

	if (at == text.n)
		return err_set(err, ERR_INVALID, "%s is not a whole number: write it like 10 or -3",
		               str_quote(text, quote));
	for (; at < text.n; at++) {
		int64_t digit = text.p[at] - '0';

		if (!is_digit(text.p[at]))
			return err_set(err, ERR_INVALID,
			               "%s is not a whole number: write it like 10 or -3",
			               str_quote(text, quote));
		/* Counted downwards, because the smallest integer has no positive twin. */
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_sub_overflow(value, digit, &value))
			return err_set(err, ERR_INVALID, "%s is too large for a 64-bit integer",
			               str_quote(text, quote));
	}
	if (!negative && value == INT64_MIN)
		return err_set(err, ERR_INVALID, "%s is too large for a 64-bit integer",
		               str_quote(text, quote));
	*out = negative ? value : -value;
	return true;
}

/* A number taken apart: mantissa digits with the point removed, times base^exponent. */
struct scanned {
	struct str digits; /* as written, the point included */
	uint64_t mantissa; /* the first FAST_DIGITS_MAX significant digits (decimal only) */
	size_t n_significant;
	int64_t exponent; /* of 10, or of 2 for hex: for the digits read as one integer */
	bool negative;
	bool hex;
};

static size_t scan_mantissa(struct str text, size_t at, struct scanned *s)
{
	size_t from = at;
	size_t n_digits = 0;
	size_t n_fraction = 0;
	bool point = false;

	for (; at < text.n; at++) {
		char c = text.p[at];

		if (c == '.' && !point) {
			point = true;
			continue;
		}
		if (s->hex ? !is_hex_digit(c) : !is_digit(c))
			break;
		n_digits++;
		if (point)
			n_fraction++;
		if (s->n_significant == 0 && c == '0')
			continue;
		if (!s->hex && s->n_significant < FAST_DIGITS_MAX)
			s->mantissa = s->mantissa * 10 + (uint64_t)(c - '0');
		s->n_significant++;
	}
	s->digits = str_slice(text, from, at);
	s->exponent = -(int64_t)n_fraction * (s->hex ? 4 : 1);
	return n_digits == 0 ? 0 : at;
}

static bool scan_exponent(struct str text, size_t at, struct scanned *s)
{
	bool negative = false;
	int64_t exponent = 0;
	size_t from;

	if (at < text.n && (text.p[at] == '+' || text.p[at] == '-'))
		negative = text.p[at++] == '-';
	from = at;
	for (; at < text.n && is_digit(text.p[at]); at++) {
		if (exponent < EXPONENT_MAX)
			exponent = exponent * 10 + (text.p[at] - '0');
	}
	if (exponent > EXPONENT_MAX)
		exponent = EXPONENT_MAX;
	s->exponent += negative ? -exponent : exponent;
	return at > from && at == text.n;
}

/* The grammar of Go's ParseFloat without underscores; Inf and NaN are the caller's. */
static bool scan_number(struct str text, struct scanned *s)
{
	size_t at = 0;

	*s = (struct scanned){0};
	if (at < text.n && (text.p[at] == '+' || text.p[at] == '-'))
		s->negative = text.p[at++] == '-';
	if (text.n - at >= 2 && text.p[at] == '0' && lower(text.p[at + 1]) == 'x') {
		s->hex = true;
		at += 2;
	}
	at = scan_mantissa(text, at, s);
	if (at == 0)
		return false;
	if (at == text.n)
		return !s->hex; /* a hexadecimal float must have its exponent */
	if (lower(text.p[at]) != (s->hex ? 'p' : 'e'))
		return false;
	return scan_exponent(text, at + 1, s);
}

/* The one place that calls strtod: on our own spelling of the number, which has neither a point nor
 * a length that a stranger chose, so no locale and no input can change what it does. */
static double slow_value(const struct scanned *s)
{
	char spelling[SLOW_DIGITS_MAX + 32];
	size_t n = 0;
	size_t n_kept = 0;
	int64_t exponent = s->exponent;
	bool dropped_nonzero = false;

	if (s->hex) {
		spelling[n++] = '0';
		spelling[n++] = 'x';
	}
	for (size_t i = 0; i < s->digits.n; i++) {
		char c = s->digits.p[i];

		if (c == '.' || (n_kept == 0 && c == '0'))
			continue;
		if (n_kept < SLOW_DIGITS_MAX) {
			spelling[n++] = c;
			n_kept++;
			continue;
		}
		exponent += s->hex ? 4 : 1;
		dropped_nonzero = dropped_nonzero || c != '0';
	}
	if (n_kept == 0)
		return 0;
	if (dropped_nonzero) {
		spelling[n++] = '1';
		exponent -= s->hex ? 4 : 1;
	}
	if (exponent > PRINTED_EXPONENT_MAX)
		exponent = PRINTED_EXPONENT_MAX;
	if (exponent < -PRINTED_EXPONENT_MAX)
		exponent = -PRINTED_EXPONENT_MAX;
	snprintf(spelling + n, sizeof(spelling) - n, "%c%d", s->hex ? 'p' : 'e', (int)exponent);
	return strtod(spelling, NULL);
}

/* Clinger's fast path: both factors are exact doubles, so one rounding gives the nearest double. */
static bool fast_value(const struct scanned *s, double *out)
{
	static const double powers[EXACT_POWER_MAX + 1] = {
	        1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	        1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
	};

	if (s->hex || s->n_significant > FAST_DIGITS_MAX || s->mantissa > EXACT_INTEGER_MAX)
		return false;
	if (s->mantissa == 0)
		*out = 0;
	else if (s->exponent >= 0 && s->exponent <= EXACT_POWER_MAX)
		*out = (double)s->mantissa * powers[s->exponent];
	else if (s->exponent < 0 && s->exponent >= -EXACT_POWER_MAX)
		*out = (double)s->mantissa / powers[-s->exponent];
	else
		return false;
	return true;
}

static double scanned_value(const struct scanned *s)
{
	double value;

	if (!fast_value(s, &value))
		value = slow_value(s);
	return s->negative ? -value : value;
}

static bool parse_special(struct str text, double *out)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	bool has_sign = negative || (text.n > 0 && text.p[0] == '+');
	struct str word = str_slice(text, has_sign ? 1 : 0, text.n);

	if (is_word(word, "inf") || is_word(word, "infinity")) {
		*out = negative ? -(double)INFINITY : (double)INFINITY;
		return true;
	}
	if (!has_sign && is_word(word, "nan")) {
		*out = (double)NAN;
		return true;
	}
	return false;
}

bool number_parse(struct str text, double *out, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	struct scanned s;

	if (scan_number(text, &s)) {
		*out = scanned_value(&s);
		return true;
	}
	if (parse_special(text, out))
		return true;
	return err_set(err, ERR_INVALID, "%s is not a number: write it like 10, 0.25 or 1e6",
	               str_quote(text, quote));
}

static bool reads_back(const char *text, double value)
{
	struct err ignored;
	double again = 0;

	return number_parse(str_of(text), &again, &ignored) && number_is_same(again, value);
}

void number_format(double value, char out[UNITS_TEXT_MAX])
{
	int precision = 15;

	if (isnan(value)) {
		snprintf(out, UNITS_TEXT_MAX, "NaN");
		return;
	}
	if (isinf(value)) {
		snprintf(out, UNITS_TEXT_MAX, "%s", value > 0 ? "+Inf" : "-Inf");
		return;
	}
	/* People read 1000000 better than 1e+06. */
	if (fabs(value) < 1e15 && number_is_same(value, trunc(value))) {
		snprintf(out, UNITS_TEXT_MAX, "%.0f", value);
		return;
	}
	/* %g drops trailing zeros, so 15 digits already give every shorter form, except among the
	 * subnormals, which have fewer digits than that. */
	if (fabs(value) < 2.3e-308)
		precision = 1;
	for (; precision <= 17; precision++) {
		snprintf(out, UNITS_TEXT_MAX, "%.*g", precision, value);
		if (reads_back(out, value))
			return;
	}
}

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

bool ratio_parse(struct str text, double *out, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	struct str number = text;
	bool percent = str_ends_with(text, STR("%"));
	struct scanned s;
	double value;

	if (percent) {
		number.n--;
		while (number.n > 0 && number.p[number.n - 1] == ' ')
			number.n--;
	}
	if (!scan_number(number, &s) || s.hex)
		return err_set(err, ERR_INVALID, "%s is not a ratio: write it like 1%% or 0.01",
		               str_quote(text, quote));
	if (percent)
		s.exponent -= 2;
	value = scanned_value(&s);
	if (!isfinite(value))
		return err_set(err, ERR_INVALID, "%s is too large for a ratio",
		               str_quote(text, quote));
	*out = value;
	return true;
}

void ratio_format(double ratio, char out[UNITS_TEXT_MAX])
{
	double percent = ratio * 100;
	char number[UNITS_TEXT_MAX];

	if (isfinite(ratio) && !isfinite(percent)) {
		number_format(ratio, out);
		return;
	}
	if (!isfinite(percent) || fabs(percent) >= 1e15 || number_is_same(percent, 0))
		number_format(number_is_same(percent, 0) ? 0 : percent, number);
	else if (fabs(percent) >= 1e4)
		snprintf(number, sizeof(number), "%.0f", percent);
	else
		snprintf(number, sizeof(number), "%.4g", percent);
	snprintf(out, UNITS_TEXT_MAX, "%.40s %%", number);
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's days_from_civil):
 * years begin in March, so that the leap day is the last one. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void date_of_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era =
	        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year =
	        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t march_month = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month + (march_month < 10 ? 3 : -9);
	*year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static bool matches_byte(char c, char pattern)
{
	if (pattern == '0')
		return is_digit(c);
	if (pattern == 'T')
		return c == 'T' || c == 't' || c == ' ';
	return c == pattern;
}

/* `pattern`: '0' is any digit, 'T' a T, t or space, anything else itself. */
static bool matches(struct str text, size_t at, const char *pattern)
{
	for (; *pattern != '\0'; pattern++, at++) {
		if (at >= text.n || !matches_byte(text.p[at], *pattern))
			return false;
	}
	return true;
}

static int64_t digits_at(struct str text, size_t at, size_t n)
{
	int64_t value = 0;

	for (size_t i = at; i < at + n; i++)
		value = value * 10 + (text.p[i] - '0');
	return value;
}

/* ".678901" at *at, cut to ms. */
static bool take_fraction(struct str text, size_t *at, int64_t *out_ms)
{
	int64_t weight = 100;
	size_t from;

	*out_ms = 0;
	if (*at >= text.n || text.p[*at] != '.')
		return true;
	from = ++(*at);
	for (; *at < text.n && is_digit(text.p[*at]); (*at)++) {
		*out_ms += (text.p[*at] - '0') * weight;
		weight /= 10;
	}
	return *at > from && *at - from <= 9;
}

static bool take_offset(struct str text, size_t at, int64_t *out_ms)
{
	int64_t hours;
	int64_t minutes;

	*out_ms = 0;
	if (text.n - at == 1)
		return lower(text.p[at]) == 'z';
	if (text.n - at != 6 || !(matches(text, at, "+00:00") || matches(text, at, "-00:00")))
		return false;
	hours = digits_at(text, at + 1, 2);
	minutes = digits_at(text, at + 4, 2);
	*out_ms = hours * MS_PER_HOUR + minutes * MS_PER_MINUTE;
	if (text.p[at] == '-')
		*out_ms = -*out_ms;
	return hours <= 23 && minutes <= 59;
}

static bool date_exists(int64_t year, int64_t month, int64_t day)
{
	int64_t y, m, d;

	if (month < 1 || month > 12 || day < 1)
		return false;
	date_of_days(days_of_date(year, month, day), &y, &m, &d);
	return y == year && m == month && d == day;
}

bool instant_parse(struct str text, struct wall *out, struct err *err)
{
	char quote[STR_QUOTE_MAX];
	int64_t hour, minute, second;
	int64_t part_ms;
	int64_t offset_ms;
	size_t at = sizeof("0000-00-00T00:00:00") - 1;
	int64_t days;

	if (!matches(text, 0, "0000-00-00T00:00:00") || !take_fraction(text, &at, &part_ms) ||
	    !take_offset(text, at, &offset_ms))
		return err_set(err, ERR_INVALID,
		               "%s is not an instant: write it like 2026-01-02T03:04:05Z or "
		               "2026-01-02T03:04:05+01:00",
		               str_quote(text, quote));
	hour = digits_at(text, 11, 2);
	minute = digits_at(text, 14, 2);
	second = digits_at(text, 17, 2);
	/* A leap second (23:59:60) reads as the second after it, as POSIX time has it. */
	if (!date_exists(digits_at(text, 0, 4), digits_at(text, 5, 2), digits_at(text, 8, 2)) ||
	    hour > 23 || minute > 59 || second > (minute == 59 ? 60 : 59))
		return err_set(err, ERR_INVALID, "%s names a date or time that does not exist",
		               str_quote(text, quote));
	days = days_of_date(digits_at(text, 0, 4), digits_at(text, 5, 2), digits_at(text, 8, 2));
	out->ms = days * MS_PER_DAY + hour * MS_PER_HOUR + minute * MS_PER_MINUTE +
	          second * MS_PER_SECOND + part_ms - offset_ms;
	return true;
}

void instant_format(struct wall at, char out[UNITS_TEXT_MAX])
{
	int64_t days = at.ms / MS_PER_DAY;
	int64_t rest = at.ms % MS_PER_DAY;
	int64_t year, month, day;

	if (rest < 0) {
		rest += MS_PER_DAY;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	snprintf(out, UNITS_TEXT_MAX, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", (long long)year,
	         (unsigned)month, (unsigned)day, (unsigned)(rest / MS_PER_HOUR),
	         (unsigned)(rest / MS_PER_MINUTE % 60), (unsigned)(rest / MS_PER_SECOND % 60),
	         (unsigned)(rest % MS_PER_SECOND));
}
