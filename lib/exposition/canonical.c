/* What canonical.h says. */
#include "exposition/canonical.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 17
/* So many digits that any number written with them is told apart. */
#define SAFE_DIGITS 15
#define SMALLEST_NORMAL 2.3e-308
/* Exponents that are written as zeros instead. */
#define FIXED_MIN (-4)
#define FIXED_MAX 5

static size_t count_digits(struct str text, size_t at)
{
	size_t from = at;

	while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
		at++;
	return at - from;
}

/* What stands before the point can stay: "0", or up to six digits without a zero in front. */
static bool is_plain_integer(struct str text, size_t n)
{
	return n >= 1 && n <= FIXED_MAX + 1 && (n == 1 || text.p[0] != '0');
}

/* "0.25", "10.0", "0.001": nearly every bound. False when a closer look is needed. */
static bool is_canonical(struct str text, size_t integer)
{
	size_t fraction = text.n - integer - 1, zeros = 0;

	if (!is_plain_integer(text, integer) || text.n < integer + 2 || text.p[integer] != '.' ||
	    count_digits(text, integer + 1) != fraction || integer + fraction > SAFE_DIGITS)
		return false;
	if (text.p[text.n - 1] == '0')
		return fraction == 1;
	while (text.p[integer + 1 + zeros] == '0')
		zeros++;
	return text.p[0] != '0' || (int)zeros < -FIXED_MIN;
}

/* The digits of a number as d.ddd times ten to the power of *exponent. */
static size_t shortest_digits(double value, char digits[DIGITS_MAX + 1], int *exponent)
{
	int precision = value < SMALLEST_NORMAL ? 0 : SAFE_DIGITS - 1;
	char text[UNITS_TEXT_MAX];
	int64_t power = 0;
	size_t n = 0, at;

	for (; precision < DIGITS_MAX; precision++) {
		struct err ignored;
		double again = 0;

		snprintf(text, sizeof(text), "%.*e", precision, value);
		if (number_parse(str_of(text), &again, &ignored) && number_is_same(again, value))
			break;
	}
	for (at = 0; text[at] != 'e' && text[at] != '\0'; at++) {
		if (text[at] != '.')
			digits[n++] = text[at];
	}
	while (n > 1 && digits[n - 1] == '0')
		n--;
	if (text[at] == 'e') {
		bool negative = text[at + 1] == '-';

		for (at += 2; text[at] != '\0'; at++)
			power = power * 10 + (text[at] - '0');
		power = negative ? -power : power;
	}
	*exponent = (int)power;
	return n;
}

static size_t add(char *out, size_t n, const char *bytes, size_t nbytes)
{
	memcpy(out + n, bytes, nbytes);
	return n + nbytes;
}

static size_t add_zeros(char *out, size_t n, int zeros)
{
	for (; zeros > 0; zeros--)
		out[n++] = '0';
	return n;
}

static size_t write_positive(double value, char *out)
{
	char digits[DIGITS_MAX + 1];
	int exponent;
	size_t ndigits = shortest_digits(value, digits, &exponent), n = 0, whole;

	if (exponent < FIXED_MIN || exponent > FIXED_MAX) {
		n = add(out, n, digits, 1);
		if (ndigits > 1) {
			out[n++] = '.';
			n = add(out, n, digits + 1, ndigits - 1);
		}
		return n + (size_t)snprintf(out + n, UNITS_TEXT_MAX - n - 1, "e%c%02d",
		                            exponent < 0 ? '-' : '+',
		                            exponent < 0 ? -exponent : exponent);
	}
	if (exponent < 0) {
		n = add(out, n, "0.", 2);
		n = add_zeros(out, n, -exponent - 1);
		return add(out, n, digits, ndigits);
	}
	whole = (size_t)exponent + 1;
	n = add(out, n, digits, ndigits < whole ? ndigits : whole);
	n = add_zeros(out, n, (int)whole - (int)n);
	out[n++] = '.';
	if (ndigits <= whole)
		return add_zeros(out, n, 1);
	return add(out, n, digits + whole, ndigits - whole);
}

static size_t write_number(double value, char out[UNITS_TEXT_MAX])
{
	if (isnan(value))
		return add(out, 0, "NaN", 3);
	if (isinf(value))
		return add(out, 0, value > 0 ? "+Inf" : "-Inf", 4);
	if (number_is_same(value, 0))
		return add(out, 0, "0.0", 3);
	if (value > 0)
		return write_positive(value, out);
	out[0] = '-';
	return 1 + write_positive(-value, out + 1);
}

struct str canonical_number(struct str text, char out[UNITS_TEXT_MAX])
{
	size_t integer = count_digits(text, 0);
	struct err ignored;
	double value;

	if (is_canonical(text, integer) || str_eq(text, STR("+Inf")))
		return text;
	if (integer == text.n && is_plain_integer(text, integer)) {
		memcpy(out, text.p, integer);
		memcpy(out + integer, ".0", 2);
		return (struct str){.p = out, .n = integer + 2};
	}
	/* What is beyond a double is left as it is. */
	if (!number_parse(text, &value, &ignored) || (integer > 0 && isinf(value)))
		return text;
	return (struct str){.p = out, .n = write_number(value, out)};
}
