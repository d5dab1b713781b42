/*
 * windows - weekly hours and days of the calendar, read and asked.
 *
 * A window is an interval that is closed at its start and open at its end, so that neighbours leave
 * no gap and share no instant.
 */
#include "policy/windows.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/units.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MINUTES 1440
#define DAY_MS (DAY_MINUTES * MINUTE_MS)
#define WEEK_DAYS 7
#define LOOK_AHEAD_DAYS 400
#define DAILY 0x7fU

static const char *const day_names[WEEK_DAYS] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* --- reading --- */

static bool take_day(struct str *text, unsigned *out_day)
{
	for (unsigned i = 0; i < WEEK_DAYS; i++) {
		if (text->n >= 3 && memcmp(text->p, day_names[i], 3) == 0) {
			*text = str_slice(*text, 3, text->n);
			*out_day = i;
			return true;
		}
	}
	return false;
}

static bool take_char(struct str *text, char c)
{
	if (text->n == 0 || text->p[0] != c)
		return false;
	*text = str_slice(*text, 1, text->n);
	return true;
}

/* "mon", "mon-fri", "fri-mon" (over the week's end). */
static bool take_days(struct str *text, unsigned *out_days)
{
	unsigned first = 0, last = 0;

	if (!take_day(text, &first))
		return false;
	last = first;
	if (take_char(text, '-') && !take_day(text, &last))
		return false;
	for (unsigned i = first;; i = (i + 1) % WEEK_DAYS) {
		*out_days |= 1U << i;
		if (i == last)
			return true;
	}
}

static bool take_week(struct str *text, unsigned *out_days)
{
	*out_days = 0;
	if (text->n >= 5 && memcmp(text->p, "daily", 5) == 0) {
		*text = str_slice(*text, 5, text->n);
		*out_days = DAILY;
		return true;
	}
	do {
		if (!take_days(text, out_days))
			return false;
	} while (take_char(text, ','));
	return true;
}

static bool take_digits(struct str *text, int64_t *out)
{
	if (text->n < 2 || text->p[0] < '0' || text->p[0] > '9' || text->p[1] < '0' ||
	    text->p[1] > '9')
		return false;
	*out = (int64_t)(text->p[0] - '0') * 10 + (text->p[1] - '0');
	*text = str_slice(*text, 2, text->n);
	return true;
}

static bool take_time(struct str *text, int64_t *out_min)
{
	int64_t hour = 0, minute = 0;

	if (!take_digits(text, &hour) || !take_char(text, ':') || !take_digits(text, &minute))
		return false;
	*out_min = hour * 60 + minute;
	return minute < 60 && *out_min <= DAY_MINUTES;
}

static bool take_date(struct str *text, int64_t *out_day)
{
	char instant[32];
	struct wall at = {0};
	struct err err = {.code = ERR_NONE};

	if (text->n < 10)
		return false;
	(void)snprintf(instant, sizeof(instant), "%.10sT00:00:00Z", text->p);
	if (!instant_parse(str_of(instant), &at, &err) || at.ms < 0)
		return false;
	*text = str_slice(*text, 10, text->n);
	*out_day = at.ms / DAY_MS;
	return true;
}

static bool parse_dates(struct str text, struct window *out, struct err *err)
{
	*out = (struct window){0};
	if (!take_date(&text, &out->first_day))
		return err_set(err, ERR_INVALID, "is no day like 2026-12-24");
	out->last_day = out->first_day;
	if (take_char(&text, '/') && !take_date(&text, &out->last_day))
		return err_set(err, ERR_INVALID, "days are written like 2026-12-23/2027-01-02");
	if (text.n > 0)
		return err_set(err, ERR_INVALID, "days are written like 2026-12-23/2027-01-02");
	if (out->last_day < out->first_day)
		return err_set(err, ERR_INVALID, "ends before it begins");
	return true;
}

static bool parse_week(struct str text, struct window *out, struct err *err)
{
	*out = (struct window){.to_min = DAY_MINUTES};
	if (!take_week(&text, &out->days))
		return err_set(err, ERR_INVALID,
		               "begins with days, like mon-fri, sat,sun, daily or 2026-12-24");
	if (text.n == 0)
		return true;
	if (!take_char(&text, ' ') || !take_time(&text, &out->from_min) || !take_char(&text, '-') ||
	    !take_time(&text, &out->to_min) || text.n > 0)
		return err_set(err, ERR_INVALID,
		               "hours in UTC follow the days after one space, like mon-fri "
		               "08:00-16:00");
	if (out->from_min == out->to_min || out->from_min == DAY_MINUTES)
		return err_set(err, ERR_INVALID, "holds no minute");
	if (out->to_min < out->from_min)
		out->to_min += DAY_MINUTES;
	return true;
}

bool window_parse(struct str text, struct window *out, struct err *err)
{
	bool is_date = text.n > 0 && text.p[0] >= '0' && text.p[0] <= '9';

	return is_date ? parse_dates(text, out, err) : parse_week(text, out, err);
}

/* --- asking --- */

static int64_t day_of(struct wall at)
{
	return at.ms >= 0 ? at.ms / DAY_MS : (at.ms - DAY_MS + 1) / DAY_MS;
}

/* 1970-01-01 was a Thursday. */
static unsigned week_day(int64_t day)
{
	return (unsigned)(((day + 3) % WEEK_DAYS + WEEK_DAYS) % WEEK_DAYS);
}

static bool week_contains(const struct window *w, int64_t day, int64_t minute)
{
	bool today = w->days & 1U << week_day(day);
	bool yesterday = w->days & 1U << week_day(day - 1);

	return (today && minute >= w->from_min && minute < w->to_min) ||
	       (yesterday && minute < w->to_min - DAY_MINUTES);
}

bool window_contains(const struct window *w, struct wall at)
{
	int64_t day = day_of(at);

	if (w->days == 0)
		return day >= w->first_day && day <= w->last_day;
	return week_contains(w, day, (at.ms - day * DAY_MS) / MINUTE_MS);
}

bool windows_are_set(const struct policy_windows *w)
{
	return w->nallow > 0 || w->ndeny > 0;
}

/* What cannot be read counts as `unread`. */
static bool any_contains(char *const *texts, size_t n, struct wall at, bool unread)
{
	for (size_t i = 0; i < n; i++) {
		struct err err = {.code = ERR_NONE};
		struct window w;

		if (window_parse(str_of(texts[i]), &w, &err) ? window_contains(&w, at) : unread)
			return true;
	}
	return false;
}

bool windows_are_open(const struct policy_windows *w, struct wall at)
{
	if (any_contains(w->deny, w->ndeny, at, true))
		return false;
	return w->nallow == 0 || any_contains(w->allow, w->nallow, at, false);
}

/* The first edge of any of them after `at`; midnight is always one, so that each day is looked at.
 */
static struct wall next_edge(const struct policy_windows *w, struct wall at)
{
	int64_t midnight_ms = day_of(at) * DAY_MS;
	int64_t best_ms = midnight_ms + DAY_MS;

	for (size_t i = 0; i < w->nallow + w->ndeny; i++) {
		const char *text = i < w->nallow ? w->allow[i] : w->deny[i - w->nallow];
		struct err err = {.code = ERR_NONE};
		struct window one;

		if (!window_parse(str_of(text), &one, &err))
			continue;
		int64_t edges[] = {one.from_min, one.to_min, one.to_min - DAY_MINUTES};

		for (size_t e = 0; e < ARRAY_LEN(edges); e++) {
			int64_t ms = midnight_ms + edges[e] * MINUTE_MS;

			if (ms > at.ms && ms < best_ms)
				best_ms = ms;
		}
	}
	return (struct wall){best_ms};
}

struct wall windows_open_at(const struct policy_windows *w, struct wall at)
{
	struct wall end = {at.ms + LOOK_AHEAD_DAYS * DAY_MS};

	while (at.ms < end.ms) {
		if (windows_are_open(w, at))
			return at;
		at = next_edge(w, at);
	}
	return (struct wall){0};
}

/* The weekly ones of a list; false when one of them names days of the calendar. */
static bool take_weekly(char *const *from, size_t n, char **to, size_t *out_n)
{
	bool all = true;

	for (size_t i = 0; i < n && i < POLICY_MAX_WINDOWS; i++) {
		struct err err = {.code = ERR_NONE};
		struct window w;

		if (window_parse(str_of(from[i]), &w, &err) && w.days != 0)
			to[(*out_n)++] = from[i];
		else
			all = false;
	}
	return all;
}

/* One week stands for all. Days of the calendar that are allowed are judged when they come. */
bool windows_ever_open(const struct policy_windows *w)
{
	char *allow[POLICY_MAX_WINDOWS];
	char *deny[POLICY_MAX_WINDOWS];
	struct policy_windows week = {.allow = allow, .deny = deny};
	struct wall some = {DAY_MS};

	if (!take_weekly(w->allow, w->nallow, allow, &week.nallow))
		return true;
	(void)take_weekly(w->deny, w->ndeny, deny, &week.ndeny);
	return windows_open_at(&week, some).ms != 0;
}

void windows_describe(const struct policy_windows *w, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < w->nallow && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i > 0 ? ", " : "", w->allow[i]);
	for (size_t i = 0; i < w->ndeny && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s",
		                      i > 0   ? ", "
		                      : n > 0 ? ", not "
		                              : "not ",
		                      w->deny[i]);
}
