/*
 * windows - when a policy lets its releases start and enter stages: weekly hours and days of the
 * calendar, all in UTC. A deny wins over an allow; the way back asks for neither.
 */
#ifndef POLICY_WINDOWS_H
#define POLICY_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

#define POLICY_MAX_WINDOWS 32 /* of each list */

/* As written: "mon-fri 08:00-16:00", "sat,sun", "daily 22:00-04:00" (into the next day),
 * "2026-12-23/2027-01-02" (whole days, both included), "2026-12-24". */
struct policy_windows {
	char **allow; /* none: always, but for what is denied */
	size_t nallow;
	char **deny;
	size_t ndeny;
};

/* One of them understood. */
struct window {
	unsigned days;              /* bit 0 is Monday; 0: days of the calendar */
	int64_t from_min, to_min;   /* minutes of the day it begins on; `to` may lie in the next */
	int64_t first_day, last_day; /* since 1970-01-01 */
};
/* False with a sentence that says what would be right. */
bool window_parse(struct str text, struct window *out, struct err *err) MUST_CHECK;
bool window_contains(const struct window *w, struct wall at);

bool windows_are_set(const struct policy_windows *w);
/* Whether a release may start or enter a stage at that instant. What cannot be read denies. */
bool windows_are_open(const struct policy_windows *w, struct wall at);
/* The first instant from `at` on at which they are open; 0: none within 400 days. */
struct wall windows_open_at(const struct policy_windows *w, struct wall at);
/* Whether any hour of the week is left, days of the calendar aside. */
bool windows_ever_open(const struct policy_windows *w);
/* "mon-fri 08:00-16:00, not fri 12:00-24:00": cut to fit. */
void windows_describe(const struct policy_windows *w, char *out, size_t size);

#endif
