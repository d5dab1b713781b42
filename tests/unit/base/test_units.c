/*
 * units: what people write is read exactly or refused with a sentence that helps.
 */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "base/units.h"

START_TEST(integers_are_read_whole_or_refused)
{
	/* clang-format off */
	static const struct {
		const char *why, *text;
		bool ok;
		int64_t value;
	} rows[] = {
		{ "a plain number", "10", true, 10 },
		{ "a negative number", "-3", true, -3 },
		{ "leading zeros mean nothing", "007", true, 7 },
		{ "the largest", "9223372036854775807", true, INT64_MAX },
		{ "the smallest", "-9223372036854775808", true, INT64_MIN },
		{ "one beyond the largest", "9223372036854775808", false, 0 },
		{ "one below the smallest", "-9223372036854775809", false, 0 },
		{ "far too many digits", "99999999999999999999999999", false, 0 },
		{ "no digits", "", false, 0 },
		{ "a lone minus", "-", false, 0 },
		{ "a plus is not written", "+1", false, 0 },
		{ "a fraction", "1.0", false, 0 },
		{ "a space", " 1", false, 0 },
		{ "hexadecimal", "0x10", false, 0 },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err;
		int64_t value = 0;
		bool ok = int_parse(str_of(rows[i].text), &value, &err);

		ck_assert_msg(ok == rows[i].ok && value == rows[i].value, "%s", rows[i].why);
	}
}
END_TEST

START_TEST(numbers_are_read_as_go_reads_them)
{
	/* clang-format off */
	static const struct {
		const char *why, *text;
		double value;
	} rows[] = {
		{ "an integer", "10", 10 },
		{ "a sign", "+1.5", 1.5 },
		{ "no digits before the point", ".5", 0.5 },
		{ "no digits after the point", "5.", 5 },
		{ "an exponent", "1e6", 1e6 },
		{ "an upper-case exponent with sign", "1E-6", 1e-6 },
		{ "the fast path's limit", "9007199254740992e22", 9007199254740992e22 },
		{ "beyond the fast path", "9007199254740993", 9007199254740992.0 },
		{ "halfway, decided by the last digit", "9007199254740993.00000000000001", 9007199254740994.0 },
		{ "the famous hang", "2.2250738585072011e-308", 2.2250738585072011e-308 },
		{ "the smallest", "5e-324", 5e-324 },
		{ "the largest", "1.7976931348623157e308", 1.7976931348623157e308 },
		{ "too large is infinite", "1e999", (double)INFINITY },
		{ "too large and negative", "-1e999", -(double)INFINITY },
		{ "an exponent of many digits", "1e99999999999999999999999", (double)INFINITY },
		{ "too small is zero", "1e-99999999999999999999999", 0 },
		{ "zero with a large exponent", "0e999", 0 },
		{ "a hexadecimal float", "0x1p3", 8 },
		{ "hexadecimal digits and fraction", "0X1.8p-1", 0.75 },
		{ "a hexadecimal fraction alone", "0x.8p1", 1 },
		{ "the smallest, in hexadecimal", "0x1p-1074", 5e-324 },
		{ "hexadecimal rounds once", "0x1.00000000000008000000000000000000001p0", 1.0000000000000002 },
		{ "Inf", "Inf", (double)INFINITY },
		{ "inf of any case", "-iNf", -(double)INFINITY },
		{ "infinity in full", "+Infinity", (double)INFINITY },
	};
	/* clang-format on */
	struct err err;
	double value;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(number_parse(str_of(rows[i].text), &value, &err), "%s: refused",
		              rows[i].why);
		ck_assert_msg(number_is_same(value, rows[i].value), "%s: %.17g", rows[i].why,
		              value);
	}
	ck_assert(number_parse(STR("nAn"), &value, &err) && isnan(value));
	ck_assert(number_parse(STR("-0"), &value, &err) && signbit(value));
}
END_TEST

START_TEST(what_go_refuses_is_refused)
{
	/* clang-format off */
	static const char *const rows[] = { "",    " 1",  "1 ",   "1_000", ".",    "+",     "e5",
		                            "1e",  "1e+", "1.2.3", "0x",   "0x1",  "0x1e3", "0x.p1",
		                            "abc", "1f",  "+nan", "-NaN",  "infin", "1,5",  "--1" };
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err;
		double value = 42;

		ck_assert_msg(!number_parse(str_of(rows[i]), &value, &err), "%s", rows[i]);
		ck_assert_int_eq(err.code, ERR_INVALID);
		ck_assert_msg(number_is_same(value, 42), "%s: the output is untouched", rows[i]);
	}
	ck_assert(!number_parse((struct str){.p = "1\0", .n = 2}, &(double){0}, &(struct err){0}));
}
END_TEST

/* Long digit strings, against the C library as the witness. */
START_TEST(any_length_of_digits_is_rounded_once)
{
	static char text[4000];
	struct err err;
	uint32_t state = 1;

	for (int round = 0; round < 200; round++) {
		size_t n = 0;
		size_t zeros = (size_t)round * 3 / 2;
		size_t digits = (size_t)round * 15 + 1;
		double value;

		text[n++] = '0';
		text[n++] = '.';
		while (zeros-- > 0)
			text[n++] = '0';
		while (digits-- > 0) {
			state = state * 1664525U + 1013904223U;
			text[n++] = (char)('0' + (state >> 24) % 10);
		}
		text[n] = '\0';
		ck_assert(number_parse(str_of(text), &value, &err));
		ck_assert(number_is_same(value, strtod(text, NULL)));
	}
}
END_TEST

START_TEST(a_number_written_is_short_and_reads_back)
{
	/* clang-format off */
	static const struct {
		const char *why;
		double value;
		const char *text;
	} rows[] = {
		{ "zero", 0, "0" },
		{ "negative zero keeps its sign", -0.0, "-0" },
		{ "an integer", 1000000, "1000000" },
		{ "a tenth", 0.1, "0.1" },
		{ "sixteen digits", 0.1234567890123456, "0.1234567890123456" },
		{ "seventeen digits", 0.1 + 0.2, "0.30000000000000004" },
		{ "a small number", 1e-7, "1e-07" },
		{ "a large number", 1e23, "1e+23" },
		{ "the smallest", 5e-324, "5e-324" },
		{ "infinity", (double)INFINITY, "+Inf" },
		{ "negative infinity", -(double)INFINITY, "-Inf" },
		{ "not a number", (double)NAN, "NaN" },
	};
	/* clang-format on */
	char text[UNITS_TEXT_MAX];
	uint64_t state = 88172645463325252U;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		number_format(rows[i].value, text);
		ck_assert_msg(strcmp(text, rows[i].text) == 0, "%s: %s", rows[i].why, text);
	}
	for (int i = 0; i < 20000; i++) {
		struct err err;
		double value, again;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		memcpy(&value, &state, sizeof(value));
		if (!isfinite(value))
			continue;
		number_format(value, text);
		ck_assert(number_parse(str_of(text), &again, &err));
		ck_assert_msg(number_is_same(value, again), "%s", text);
	}
}
END_TEST

START_TEST(durations_are_read_and_written_as_prometheus_does)
{
	/* clang-format off */
	static const struct {
		const char *why, *text;
		int64_t ms;
		const char *written;
	} rows[] = {
		{ "minutes", "15m", 900000, "15m" },
		{ "two units", "1h30m", 5400000, "1h30m" },
		{ "milliseconds are not minutes", "250ms", 250, "250ms" },
		{ "a fraction of one unit", "1.5h", 5400000, "1h30m" },
		{ "zero needs no unit", "0", 0, "0s" },
		{ "zero with a unit", "0m", 0, "0s" },
		{ "every unit", "1w2d3h4m5s6ms", 788645006, "9d3h4m5s6ms" },
		{ "whole weeks", "14d", 1209600000, "2w" },
		{ "days that are no weeks", "8d", 691200000, "8d" },
		{ "whole years", "365d", 31536000000, "1y" },
		{ "more than its unit holds", "90m", 5400000, "1h30m" },
		{ "a third decimal of a second", "0.125s", 125, "125ms" },
		{ "ten years are the most", "10y", 315360000000, "10y" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[UNITS_TEXT_MAX];
		struct err err;
		int64_t ms;

		ck_assert_msg(duration_parse(str_of(rows[i].text), &ms, &err), "%s: refused",
		              rows[i].why);
		ck_assert_msg(ms == rows[i].ms, "%s: %lld", rows[i].why, (long long)ms);
		duration_format(ms, text);
		ck_assert_msg(strcmp(text, rows[i].written) == 0, "%s: %s", rows[i].why, text);
		ck_assert(duration_parse(str_of(text), &ms, &err) && ms == rows[i].ms);
	}
}
END_TEST

START_TEST(a_refused_duration_is_told_what_would_be_right)
{
	/* clang-format off */
	static const struct {
		const char *why, *text, *says;
	} rows[] = {
		{ "words", "15 minutes", "\"15 minutes\" is not a duration: write it like 15m, 1h30m or 250ms" },
		{ "no unit", "15", "it needs a unit" },
		{ "negative", "-5m", "cannot be negative" },
		{ "empty", "", "write it like" },
		{ "units must fall", "1m1h", "write it like" },
		{ "a unit twice", "1h1h", "write it like" },
		{ "a fraction among several", "1.5h30m", "write it like" },
		{ "a fraction last", "1h1.5m", "write it like" },
		{ "an unknown unit", "5x", "write it like" },
		{ "units are lower case", "5M", "write it like" },
		{ "no digits", "m", "write it like" },
		{ "a point without digits", "1.h", "write it like" },
		{ "finer than a millisecond", "0.5ms", "finer than a millisecond" },
		{ "more than ten years", "11y", "at most 10 years" },
		{ "more than 64 bits hold", "99999999999999999999h", "at most 10 years" },
		{ "ten years and a bit", "10y1ms", "at most 10 years" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err err;
		int64_t ms = -1;

		ck_assert_msg(!duration_parse(str_of(rows[i].text), &ms, &err), "%s", rows[i].why);
		ck_assert_msg(strstr(err.text, rows[i].says), "%s: %s", rows[i].why, err.text);
		ck_assert_int_eq(ms, -1);
	}
}
END_TEST

START_TEST(any_duration_can_be_written)
{
	char text[UNITS_TEXT_MAX];

	duration_format(INT64_MAX, text);
	ck_assert_str_eq(text, "106751991167d7h12m55s807ms");
	duration_format(INT64_MIN, text);
	ck_assert_str_eq(text, "-106751991167d7h12m55s808ms");
}
END_TEST

START_TEST(a_percentage_is_the_same_double_as_its_fraction)
{
	for (int i = -2000; i <= 20000; i++) {
		char percent[32], plain[32];
		struct err err;
		double a, b;
		int magnitude = i < 0 ? -i : i;

		snprintf(percent, sizeof(percent), "%s%d.%02d%%", i < 0 ? "-" : "", magnitude / 100,
		         magnitude % 100);
		snprintf(plain, sizeof(plain), "%s%d.%04d", i < 0 ? "-" : "", magnitude / 10000,
		         magnitude % 10000);
		ck_assert(ratio_parse(str_of(percent), &a, &err));
		ck_assert(ratio_parse(str_of(plain), &b, &err));
		ck_assert_msg(number_is_same(a, b), "%s and %s", percent, plain);
	}
}
END_TEST

START_TEST(ratios_are_read_and_written)
{
	/* clang-format off */
	static const struct {
		const char *why, *text;
		double ratio;
		const char *written;
	} rows[] = {
		{ "percent", "1%", 0.01, "1 %" },
		{ "a space before the sign", "0.5 %", 0.005, "0.5 %" },
		{ "a plain number", "0.01", 0.01, "1 %" },
		{ "more than all", "250%", 2.5, "250 %" },
		{ "zero has no sign", "-0", 0, "0 %" },
		{ "four digits are enough", "12.34567%", 0.1234567, "12.35 %" },
		{ "a large one is not written with an exponent", "123456%", 1234.56, "123456 %" },
	};
	/* clang-format on */
	/* clang-format off */
	static const char *const refused[] = { "", "%", " 1%", "1% ", "nan", "inf", "1e400%", "0x1p1",
		                               "one", "1%%" };
	/* clang-format on */
	struct err err;
	double ratio;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[UNITS_TEXT_MAX];

		ck_assert_msg(ratio_parse(str_of(rows[i].text), &ratio, &err), "%s", rows[i].why);
		ck_assert_msg(number_is_same(ratio, rows[i].ratio), "%s", rows[i].why);
		ratio_format(ratio, text);
		ck_assert_msg(strcmp(text, rows[i].written) == 0, "%s: %s", rows[i].why, text);
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		ck_assert_msg(!ratio_parse(str_of(refused[i]), &ratio, &err), "%s", refused[i]);
}
END_TEST

START_TEST(odd_ratios_can_be_written)
{
	char text[UNITS_TEXT_MAX];

	ratio_format((double)NAN, text);
	ck_assert_str_eq(text, "NaN %");
	ratio_format((double)INFINITY, text);
	ck_assert_str_eq(text, "+Inf %");
	ratio_format(1e300, text);
	ck_assert_str_eq(text, "1e+302 %");
}
END_TEST

START_TEST(instants_are_read_and_written_in_utc)
{
	/* clang-format off */
	static const struct {
		const char *why, *text;
		int64_t ms;
		const char *written;
	} rows[] = {
		{ "the epoch", "1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z" },
		{ "milliseconds", "2026-01-02T03:04:05.678Z", 1767323045678, "2026-01-02T03:04:05.678Z" },
		{ "one digit of fraction", "2026-01-02T03:04:05.6Z", 1767323045600, "2026-01-02T03:04:05.600Z" },
		{ "nanoseconds are cut", "2026-01-02T03:04:05.678999999Z", 1767323045678, "2026-01-02T03:04:05.678Z" },
		{ "an offset east", "2026-01-02T03:04:05+01:00", 1767319445000, "2026-01-02T02:04:05.000Z" },
		{ "an offset west", "2026-01-01T23:30:00-05:30", 1767330000000, "2026-01-02T05:00:00.000Z" },
		{ "lower case", "2024-02-29t00:00:00z", 1709164800000, "2024-02-29T00:00:00.000Z" },
		{ "a leap second is the next second", "2016-12-31T23:59:60Z", 1483228800000, "2017-01-01T00:00:00.000Z" },
		{ "before the epoch", "1969-12-31T23:59:59.999Z", -1, "1969-12-31T23:59:59.999Z" },
		{ "a leap year by 400", "2000-02-29T12:00:00Z", 951825600000, "2000-02-29T12:00:00.000Z" },
		{ "the last year", "9999-12-31T23:59:59Z", 253402300799000, "9999-12-31T23:59:59.000Z" },
	};
	/* clang-format on */
	/* clang-format off */
	static const struct {
		const char *why, *text;
	} refused[] = {
		{ "no offset", "2026-01-02T03:04:05" },
		{ "a date alone", "2026-01-02" },
		{ "no seconds", "2026-01-02T03:04Z" },
		{ "a day that does not exist", "2026-02-29T00:00:00Z" },
		{ "no leap year by 100", "1900-02-29T00:00:00Z" },
		{ "month 13", "2026-13-01T00:00:00Z" },
		{ "day 0", "2026-01-00T00:00:00Z" },
		{ "hour 24", "2026-01-01T24:00:00Z" },
		{ "minute 60", "2026-01-01T00:60:00Z" },
		{ "a leap second in mid hour", "2026-01-01T00:30:60Z" },
		{ "an empty fraction", "2026-01-01T00:00:00.Z" },
		{ "ten digits of fraction", "2026-01-01T00:00:00.1234567890Z" },
		{ "an offset without colon", "2026-01-01T00:00:00+0100" },
		{ "an offset of 24 hours", "2026-01-01T00:00:00+24:00" },
		{ "something after", "2026-01-01T00:00:00Zx" },
		{ "nothing", "" },
	};
	/* clang-format on */
	struct wall at;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[UNITS_TEXT_MAX];

		ck_assert_msg(instant_parse(str_of(rows[i].text), &at, &err), "%s", rows[i].why);
		ck_assert_msg(at.ms == rows[i].ms, "%s: %lld", rows[i].why, (long long)at.ms);
		instant_format(at, text);
		ck_assert_msg(strcmp(text, rows[i].written) == 0, "%s: %s", rows[i].why, text);
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		ck_assert_msg(!instant_parse(str_of(refused[i].text), &at, &err), "%s",
		              refused[i].why);
}
END_TEST

START_TEST(every_day_of_five_centuries_comes_back)
{
	for (int64_t day = -100000; day < 100000; day += 7) {
		char text[UNITS_TEXT_MAX];
		struct wall at = {.ms = day * 86400000 + 1}, again;
		struct err err;

		instant_format(at, text);
		ck_assert(instant_parse(str_of(text), &again, &err));
		ck_assert_msg(again.ms == at.ms, "%s", text);
	}
}
END_TEST

START_TEST(close_numbers_are_close_and_infinity_is_close_to_nothing)
{
	/* clang-format off */
	static const struct {
		const char *why;
		double a, b;
		bool close;
	} rows[] = {
		{ "equal", 1, 1, true },
		{ "a rounding error", 0.1 + 0.2, 0.3, true },
		{ "a part in a hundred million", 1, 1.00000001, false },
		{ "zero is close to zero only", 0, 1e-300, false },
		{ "zeros of both signs", 0, -0.0, true },
		{ "opposite signs", 1, -1, false },
		{ "infinity is itself", (double)INFINITY, (double)INFINITY, true },
		{ "nothing finite is near infinity", (double)INFINITY, 1e308, false },
		{ "NaN equals nothing", (double)NAN, (double)NAN, false },
		{ "the difference overflows", 1.7e308, -1.7e308, false },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(number_is_close(rows[i].a, rows[i].b) == rows[i].close, "%s",
		              rows[i].why);
		ck_assert_msg(number_is_close(rows[i].b, rows[i].a) == rows[i].close, "%s",
		              rows[i].why);
	}
	ck_assert(!number_is_same(0.1 + 0.2, 0.3));
}
END_TEST

START_TEST(messages_quote_a_strangers_input_safely)
{
	char input[5000];
	struct err err;
	double value;

	memset(input, '\n', sizeof(input));
	ck_assert(!number_parse((struct str){.p = input, .n = sizeof(input)}, &value, &err));
	ck_assert_ptr_null(strchr(err.text, '\n'));
	ck_assert(strstr(err.text, "?...\" is not a number"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("units");
	TCase *tcase = tcase_create("units");

	tcase_add_test(tcase, integers_are_read_whole_or_refused);
	tcase_add_test(tcase, numbers_are_read_as_go_reads_them);
	tcase_add_test(tcase, what_go_refuses_is_refused);
	tcase_add_test(tcase, any_length_of_digits_is_rounded_once);
	tcase_add_test(tcase, a_number_written_is_short_and_reads_back);
	tcase_add_test(tcase, durations_are_read_and_written_as_prometheus_does);
	tcase_add_test(tcase, a_refused_duration_is_told_what_would_be_right);
	tcase_add_test(tcase, any_duration_can_be_written);
	tcase_add_test(tcase, a_percentage_is_the_same_double_as_its_fraction);
	tcase_add_test(tcase, ratios_are_read_and_written);
	tcase_add_test(tcase, odd_ratios_can_be_written);
	tcase_add_test(tcase, instants_are_read_and_written_in_utc);
	tcase_add_test(tcase, every_day_of_five_centuries_comes_back);
	tcase_add_test(tcase, close_numbers_are_close_and_infinity_is_close_to_nothing);
	tcase_add_test(tcase, messages_quote_a_strangers_input_safely);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
