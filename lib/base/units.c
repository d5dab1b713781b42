/*
 * units - reading and writing numbers and ratios; units_duration and units_instant do the others.
 *
 * Numbers are scanned once into digits and a power of ten; a percentage is the same digits with a
 * power two lower, so that "1%" and "0.01" are the same double and not neighbours.
 */
#include "base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units_parts.h"

/* A double is decided by at most 767 decimal digits; what follows matters only by being nonzero. */
#define SLOW_DIGITS_MAX 800
/* Digits that fit a uint64_t whatever they are. */
#define FAST_DIGITS_MAX 19
#define EXACT_INTEGER_MAX (UINT64_C(1) << 53)
#define EXACT_POWER_MAX 22
/* Far beyond any double and any text's length, and far below overflow in one more step of ten. */
#define EXPONENT_MAX INT64_C(100000000000000000)
#define PRINTED_EXPONENT_MAX 99999

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
