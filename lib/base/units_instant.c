/*
 * units_instant - "2026-01-02T03:04:05Z" and back, without the C library's calendar.
 */
#include "base/units.h"

#include <stdio.h>

#include "base/units_parts.h"

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
