/* What one attempt's end means, class by class. */
#include <check.h>
#include <stdlib.h>

#include "../suite.h"
#include "action/retry.h"
#include "base/macros.h"

#define HOUR_MS (INT64_C(3600) * 1000)

/* clang-format off */
static const struct {
	const char *why;
	enum message_class class;
	long status;            /* 0: nothing came back; -1: could not be sent as configured */
	int64_t age_ms;
	enum store_delivery how;
	bool again;
} ends[] = {
	{ "2xx is an acknowledgement",                    MESSAGE_ADVANCE,      200, 0, DELIVERY_ACKNOWLEDGED, false },
	{ "any 2xx",                                      MESSAGE_ROLLBACK,     299, 0, DELIVERY_ACKNOWLEDGED, false },
	{ "acknowledged late is acknowledged",            MESSAGE_ADVANCE,      204, 80 * HOUR_MS, DELIVERY_ACKNOWLEDGED, false },
	{ "a redirect is not followed",                   MESSAGE_ADVANCE,      302, 0, DELIVERY_REFUSED,  false },
	{ "a rollback tries past a redirect",             MESSAGE_ROLLBACK,     302, 0, DELIVERY_REFUSED,  true },
	{ "4xx refuses an advance for good",              MESSAGE_ADVANCE,      400, 0, DELIVERY_REFUSED,  false },
	{ "409: the receiver holds a newer state",        MESSAGE_ADVANCE,      409, 0, DELIVERY_REFUSED,  false },
	{ "4xx does not end a rollback",                  MESSAGE_ROLLBACK,     404, 0, DELIVERY_REFUSED,  true },
	{ "4xx ends a notification",                      MESSAGE_NOTIFICATION, 410, 0, DELIVERY_DEAD,     false },
	{ "408 asks for another attempt",                 MESSAGE_ADVANCE,      408, 0, DELIVERY_RETRY,    true },
	{ "425 asks for another attempt",                 MESSAGE_ADVANCE,      425, 0, DELIVERY_RETRY,    true },
	{ "429 asks for another attempt",                 MESSAGE_NOTIFICATION, 429, 0, DELIVERY_RETRY,    true },
	{ "500 may pass",                                 MESSAGE_ADVANCE,      500, 0, DELIVERY_RETRY,    true },
	{ "599 may pass",                                 MESSAGE_ROLLBACK,     599, 0, DELIVERY_RETRY,    true },
	{ "silence may pass",                             MESSAGE_ADVANCE,      0,   0, DELIVERY_RETRY,    true },
	{ "an advance is tried for 72 h",                 MESSAGE_ADVANCE,      503, 72 * HOUR_MS - 1, DELIVERY_RETRY, true },
	{ "and then given up",                            MESSAGE_ADVANCE,      503, 72 * HOUR_MS,     DELIVERY_DEAD, false },
	{ "silence for 72 h too",                         MESSAGE_ADVANCE,      0,   72 * HOUR_MS,     DELIVERY_DEAD, false },
	{ "a notification is tried for 24 h",             MESSAGE_NOTIFICATION, 503, 24 * HOUR_MS - 1, DELIVERY_RETRY, true },
	{ "and then a dead letter",                       MESSAGE_NOTIFICATION, 503, 24 * HOUR_MS,     DELIVERY_DEAD, false },
	{ "a rollback is never given up",                 MESSAGE_ROLLBACK,     503, 9999 * HOUR_MS,   DELIVERY_RETRY, true },
	{ "an unknown destination refuses an advance",    MESSAGE_ADVANCE,      -1,  0, DELIVERY_REFUSED,  false },
	{ "an unknown destination does not end a rollback", MESSAGE_ROLLBACK,   -1,  0, DELIVERY_REFUSED,  true },
};
/* clang-format on */

static struct attempt attempt_of(enum message_class class, long status, int64_t attempts)
{
	return (struct attempt){
	        .class = class,
	        .attempts = attempts,
	        .how = status > 0   ? carried_by_status(status)
	               : status < 0 ? CARRIED_UNDELIVERABLE
	                            : CARRIED_UNANSWERED,
	        .retry_after_ms = -1,
	};
}

/* clang-format off */
static const struct {
	const char *why;
	enum message_class class;
	int64_t since_ms;
	bool stands;
} claims[] = {
	{ "sent at once",                                         MESSAGE_ADVANCE,      0,      true },
	{ "an advance that ends just within its claim",           MESSAGE_ADVANCE,      15000,  true },
	{ "an advance that may still arrive when nobody reckons with it", MESSAGE_ADVANCE, 15001, false },
	{ "a notification is as good an hour later, by its next claim", MESSAGE_NOTIFICATION, 3600000, false },
	{ "a rollback while it is ours",                          MESSAGE_ROLLBACK,     29999,  true },
	{ "a rollback that others may have sent by now",          MESSAGE_ROLLBACK,     30000,  false },
	{ "an answer from before the machine slept",              MESSAGE_ROLLBACK,     9999999, false },
};
/* clang-format on */

START_TEST(a_claim_that_has_run_out_is_not_sent)
{
	for (size_t i = 0; i < ARRAY_LEN(claims); i++)
		ck_assert_msg(retry_claim_stands(claims[i].class, claims[i].since_ms, 30000,
		                                 15000) == claims[i].stands,
		              "%s", claims[i].why);
}
END_TEST

START_TEST(what_awaits_a_callback_is_taken_until_its_time_is_over)
{
	struct attempt a = attempt_of(MESSAGE_ADVANCE, 202, 1);
	struct retry r;

	a.callback_ms = 60000;
	r = retry_decide(&a);
	ck_assert_int_eq(r.how, DELIVERY_TAKEN);
	ck_assert_int_eq(r.retry_ms, 60000);
	a.age_ms = 72 * HOUR_MS + 59999;
	ck_assert_int_eq(retry_decide(&a).how, DELIVERY_TAKEN);
	a.age_ms++;
	ck_assert_int_eq(retry_decide(&a).how, DELIVERY_DEAD);
	a.class = MESSAGE_ROLLBACK;
	ck_assert_int_eq(retry_decide(&a).how, DELIVERY_TAKEN);
	a.how = CARRIED_FAILED;
	ck_assert_int_eq(retry_decide(&a).how, DELIVERY_RETRY);
}
END_TEST

START_TEST(a_callback_means_what_an_answer_would)
{
	struct attempt a = attempt_of(MESSAGE_ADVANCE, 0, 1);

	a.callback_ms = 60000;
	ck_assert_int_eq(retry_decide_callback(&a, true).how, DELIVERY_ACKNOWLEDGED);
	ck_assert_int_eq(retry_decide_callback(&a, false).how, DELIVERY_REFUSED);
	ck_assert_int_lt(retry_decide_callback(&a, false).retry_ms, 0);
	a.class = MESSAGE_ROLLBACK;
	ck_assert_int_eq(retry_decide_callback(&a, false).how, DELIVERY_REFUSED);
	ck_assert_int_ge(retry_decide_callback(&a, false).retry_ms, 0);
	a.class = MESSAGE_NOTIFICATION;
	ck_assert_int_eq(retry_decide_callback(&a, false).how, DELIVERY_DEAD);
}
END_TEST

START_TEST(an_end_means_what_its_class_says)
{
	struct attempt a = attempt_of(ends[_i].class, ends[_i].status, 1);
	struct retry r;

	a.age_ms = ends[_i].age_ms;
	r = retry_decide(&a);
	ck_assert_msg(r.how == ends[_i].how, "%s: %d", ends[_i].why, (int)r.how);
	ck_assert_msg((r.retry_ms >= 0) == ends[_i].again, "%s: again in %lld ms", ends[_i].why,
	              (long long)r.retry_ms);
}
END_TEST

/* clang-format off */
static const struct {
	const char *why;
	enum message_class class;
	int64_t delays_ms[11]; /* after attempt 1, 2, ... */
} plans[] = {
	{ "an advance takes its time", MESSAGE_ADVANCE,
	  { 0, 1000, 2000, 5000, 15000, 60000, 120000, 240000, 300000, 300000, 300000 } },
	{ "a rollback is tried every 15 s for ever", MESSAGE_ROLLBACK,
	  { 0, 1000, 2000, 5000, 15000, 15000, 15000, 15000, 15000, 15000, 15000 } },
	{ "a notification is in no hurry", MESSAGE_NOTIFICATION,
	  { 0, 1000, 2000, 5000, 15000, 60000, 120000, 240000, 300000, 300000, 300000 } },
};
/* clang-format on */

START_TEST(delays_follow_the_plan_within_a_fifth)
{
	int64_t cap = plans[_i].delays_ms[10];

	for (int64_t n = 1; n <= 11; n++) {
		int64_t planned = plans[_i].delays_ms[n - 1];

		ck_assert_msg(retry_delay_ms(plans[_i].class, n) == planned, "%s, attempt %lld",
		              plans[_i].why, (long long)n);
		for (uint64_t seed = 0; seed < 500; seed++) {
			struct attempt a = attempt_of(plans[_i].class, 503, n);
			int64_t delay;

			a.seed = seed;
			delay = retry_decide(&a).retry_ms;
			ck_assert_int_ge(delay * 10, planned * 8);
			ck_assert_int_le(delay * 10, planned * 12);
			ck_assert_int_le(delay, cap);
		}
	}
	ck_assert_int_eq(retry_delay_ms(plans[_i].class, 1000000), cap);
}
END_TEST

START_TEST(delays_are_spread_by_the_seed)
{
	int64_t least = INT64_MAX, most = 0;

	for (uint64_t seed = 0; seed < 500; seed++) {
		struct attempt a = attempt_of(MESSAGE_ADVANCE, 503, 4);
		int64_t delay;

		a.seed = seed;
		delay = retry_decide(&a).retry_ms;
		ck_assert_int_eq(delay, retry_decide(&a).retry_ms);
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	ck_assert_int_le(least, 4200);
	ck_assert_int_ge(most, 5800);
}
END_TEST

/* clang-format off */
static const struct {
	const char *why;
	enum message_class class;
	long status;
	int64_t retry_after_ms, expected_ms;
} asked[] = {
	{ "a receiver may ask for time",               MESSAGE_ADVANCE,      503, 20000,      20000 },
	{ "a busy one too",                            MESSAGE_NOTIFICATION, 429, 20000,      20000 },
	{ "but not for days",                          MESSAGE_ADVANCE,      503, 86400000,   3600000 },
	{ "a rollback waits a minute at most",         MESSAGE_ROLLBACK,     503, 86400000,   60000 },
	{ "a minute it waits",                         MESSAGE_ROLLBACK,     429, 60000,      60000 },
	{ "nothing asked, nothing added",              MESSAGE_ROLLBACK,     503, -1,         0 },
	{ "at once is at once",                        MESSAGE_ADVANCE,      503, 0,          0 },
};
/* clang-format on */

START_TEST(retry_after_is_honoured_within_bounds)
{
	struct attempt a = attempt_of(asked[_i].class, asked[_i].status, 1);

	a.retry_after_ms = asked[_i].retry_after_ms;
	ck_assert_msg(retry_decide(&a).retry_ms == asked[_i].expected_ms, "%s: %lld ms",
	              asked[_i].why, (long long)retry_decide(&a).retry_ms);
}
END_TEST

START_TEST(retry_after_never_shortens_the_plan)
{
	struct attempt a = attempt_of(MESSAGE_ADVANCE, 503, 20);

	a.retry_after_ms = 1000;
	ck_assert_int_ge(retry_decide(&a).retry_ms, 240000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("retry");
	TCase *t = tcase_create("retry");
	tcase_add_test(t, a_claim_that_has_run_out_is_not_sent);
	tcase_add_test(t, what_awaits_a_callback_is_taken_until_its_time_is_over);
	tcase_add_test(t, a_callback_means_what_an_answer_would);

	tcase_add_loop_test(t, an_end_means_what_its_class_says, 0, (int)ARRAY_LEN(ends));
	tcase_add_loop_test(t, delays_follow_the_plan_within_a_fifth, 0, (int)ARRAY_LEN(plans));
	tcase_add_test(t, delays_are_spread_by_the_seed);
	tcase_add_loop_test(t, retry_after_is_honoured_within_bounds, 0, (int)ARRAY_LEN(asked));
	tcase_add_test(t, retry_after_never_shortens_the_plan);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
