/* Parts of a date in UTC, from seconds since 1970. Anything beyond the years of int32 is NaN. */
#include <math.h>
#include <stdint.h>

#include "promql/function.h"

#define DAY_SECONDS 86400
#define SECONDS_LIMIT 6.7e16

struct date {
	int64_t year;
	int month, day; /* from 1 */
	int day_of_year;
	int day_of_week; /* Sunday is 0 */
	int second;      /* of the day */
};

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int64_t year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days to a civil date by 400-year eras that start on the first of March of year 0. */
static struct date date_of(int64_t seconds)
{
	int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t doe = shifted - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	struct date d = {.second = (int)(seconds - days * DAY_SECONDS)};

	d.day = (int)(doy - (153 * mp + 2) / 5 + 1);
	d.month = (int)(mp < 10 ? mp + 3 : mp - 9);
	d.year = yoe + era * 400 + (d.month <= 2);
	d.day_of_week = (int)(((days + 4) % 7 + 7) % 7);
	d.day_of_year = d.day;
	for (int m = 1; m < d.month; m++)
		d.day_of_year += days_in_month(d.year, m);
	return d;
}

static bool read_date(double value, struct date *out)
{
	if (isnan(value) || fabs(value) > SECONDS_LIMIT)
		return false;
	*out = date_of((int64_t)value);
	return true;
}

double map_minute(double value)
{
	struct date d;

	return read_date(value, &d) ? (double)(d.second / 60 % 60) : (double)NAN;
}

double map_hour(double value)
{
	struct date d;

	return read_date(value, &d) ? (double)(d.second / 3600) : (double)NAN;
}

double map_day_of_week(double value)
{
	struct date d;

	return read_date(value, &d) ? d.day_of_week : (double)NAN;
}

double map_day_of_month(double value)
{
	struct date d;

	return read_date(value, &d) ? d.day : (double)NAN;
}

double map_day_of_year(double value)
{
	struct date d;

	return read_date(value, &d) ? d.day_of_year : (double)NAN;
}

double map_days_in_month(double value)
{
	struct date d;

	return read_date(value, &d) ? days_in_month(d.year, d.month) : (double)NAN;
}

double map_month(double value)
{
	struct date d;

	return read_date(value, &d) ? d.month : (double)NAN;
}

double map_year(double value)
{
	struct date d;

	return read_date(value, &d) ? (double)d.year : (double)NAN;
}
