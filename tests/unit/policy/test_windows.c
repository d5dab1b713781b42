/*
 * windows: hours of the week and days of the calendar, in UTC; a deny wins.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/macros.h"
#include "base/units.h"
#include "policy/windows.h"

static struct wall at(const char *text)
{
	struct wall out = {0};
	struct err err;

	ck_assert_msg(instant_parse(str_of(text), &out, &err), "%s", err.text);
	return out;
}

/* 2026-01-01 is a Thursday. */
START_TEST(a_window_holds_its_beginning_and_not_its_end)
{
	/* clang-format off */
	static const struct {
		const char *window, *instant;
		bool is_in;
	} rows[] = {
		{ "mon-fri 08:00-16:00", "2026-01-01T08:00:00Z", true },
		{ "mon-fri 08:00-16:00", "2026-01-01T07:59:59.999Z", false },
		{ "mon-fri 08:00-16:00", "2026-01-01T15:59:59.999Z", true },
		{ "mon-fri 08:00-16:00", "2026-01-01T16:00:00Z", false },
		{ "mon-fri 08:00-16:00", "2026-01-03T12:00:00Z", false },
		{ "sat,sun", "2026-01-03T00:00:00Z", true },
		{ "sat,sun", "2026-01-04T23:59:59Z", true },
		{ "sat,sun", "2026-01-05T00:00:00Z", false },
		{ "fri-mon", "2026-01-05T10:00:00Z", true },
		{ "fri-mon", "2026-01-06T10:00:00Z", false },
		{ "thu 22:00-04:00", "2026-01-02T03:59:00Z", true },
		{ "thu 22:00-04:00", "2026-01-02T04:00:00Z", false },
		{ "thu 22:00-04:00", "2026-01-01T03:00:00Z", false },
		{ "sun 22:00-04:00", "2026-01-05T03:00:00Z", true },
		{ "daily 12:00-24:00", "2026-01-01T23:59:59Z", true },
		{ "daily 12:00-24:00", "2026-01-02T00:00:00Z", false },
		{ "2026-12-23/2027-01-02", "2026-12-23T00:00:00Z", true },
		{ "2026-12-23/2027-01-02", "2027-01-02T23:59:59Z", true },
		{ "2026-12-23/2027-01-02", "2027-01-03T00:00:00Z", false },
		{ "2028-02-29", "2028-02-29T12:00:00Z", true },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct window w;
		struct err err;

		ck_assert_msg(window_parse(str_of(rows[i].window), &w, &err), "%s: %s",
		              rows[i].window, err.text);
		ck_assert_msg(window_contains(&w, at(rows[i].instant)) == rows[i].is_in, "%s at %s",
		              rows[i].window, rows[i].instant);
	}
}
END_TEST

START_TEST(what_is_no_window_is_refused_with_a_hint)
{
	/* clang-format off */
	static const struct { const char *text, *says; } rows[] = {
		{ "", "begins with days" },
		{ "monday 08:00-16:00", "follow the days" },
		{ "Mon", "begins with days" },
		{ "mon-", "begins with days" },
		{ "mon,", "begins with days" },
		{ "mon 8:00-16:00", "follow the days" },
		{ "mon  08:00-16:00", "follow the days" },
		{ "mon 08:00-16:00 ", "follow the days" },
		{ "mon 08:60-16:00", "follow the days" },
		{ "mon 08:00-24:01", "follow the days" },
		{ "mon 08:00-08:00", "holds no minute" },
		{ "mon 24:00-08:00", "holds no minute" },
		{ "2026-02-30", "no day" },
		{ "2026-1-2", "no day" },
		{ "2026-01-02/2026-01-01", "ends before" },
		{ "2026-01-02 08:00-16:00", "days are written" },
		{ "2026-01-02/", "days are written" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct window w;
		struct err err;

		ck_assert_msg(!window_parse(str_of(rows[i].text), &w, &err), "%s", rows[i].text);
		ck_assert_msg(strstr(err.text, rows[i].says) != NULL, "%s: %s", rows[i].text,
		              err.text);
	}
}
END_TEST

static char *hours[] = {(char *)(uintptr_t) "mon-fri 08:00-16:00"};
static char *late[] = {(char *)(uintptr_t) "fri 12:00-24:00", (char *)(uintptr_t) "2026-01-05"};
static char *always[] = {(char *)(uintptr_t) "daily"};
static char *broken[] = {(char *)(uintptr_t) "whenever"};

static void expect_opens(const struct policy_windows *w, const char *from, const char *opens)
{
	char text[UNITS_TEXT_MAX] = "never";
	struct wall found = windows_open_at(w, at(from));

	if (found.ms != 0)
		instant_format(found, text);
	ck_assert_msg(strcmp(text, opens) == 0, "from %s: %s", from, text);
}

START_TEST(closed_windows_say_when_they_open)
{
	struct policy_windows w = {.allow = hours, .nallow = 1, .deny = late, .ndeny = 2};
	struct policy_windows none = {0};
	struct policy_windows shut = {.deny = always, .ndeny = 1};

	expect_opens(&w, "2026-01-01T09:30:00Z", "2026-01-01T09:30:00.000Z");
	expect_opens(&w, "2026-01-01T16:00:00Z", "2026-01-02T08:00:00.000Z");
	/* Friday noon, then the weekend, then a Monday that is denied. */
	expect_opens(&w, "2026-01-02T12:00:00Z", "2026-01-06T08:00:00.000Z");
	expect_opens(&none, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z");
	expect_opens(&shut, "2026-01-01T00:00:00Z", "never");
	ck_assert(windows_ever_open(&w));
	ck_assert(windows_ever_open(&none));
	ck_assert(!windows_ever_open(&shut));
}
END_TEST

START_TEST(what_cannot_be_read_opens_nothing)
{
	struct policy_windows allowed = {.allow = broken, .nallow = 1};
	struct policy_windows denied = {.deny = broken, .ndeny = 1};

	ck_assert(!windows_are_open(&allowed, at("2026-01-01T09:30:00Z")));
	ck_assert(!windows_are_open(&denied, at("2026-01-01T09:30:00Z")));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("windows");
	TCase *tests = tcase_create("windows");

	tcase_add_test(tests, a_window_holds_its_beginning_and_not_its_end);
	tcase_add_test(tests, what_is_no_window_is_refused_with_a_hint);
	tcase_add_test(tests, closed_windows_say_when_they_open);
	tcase_add_test(tests, what_cannot_be_read_opens_nothing);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
