/* Who may be claimed while others hang. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "action/lanes.h"
#include "config.h"
#include "store/store.h"

static char names[16][8];
static struct config_destination to[16];
static struct lanes *lanes;
static struct store_claim what;

static void setup(void)
{
	for (int i = 0; i < 16; i++) {
		names[i][0] = (char)('a' + i);
		to[i].name = names[i];
	}
	lanes = lanes_new(to, 16);
	ck_assert_ptr_nonnull(lanes);
}

static void teardown(void)
{
	lanes_free(&lanes);
}

static void enter(enum message_class class, size_t destination, size_t n)
{
	while (n-- > 0)
		lanes_enter(lanes, class, &to[destination]);
}

static int64_t places(enum message_class class, const char *destination)
{
	for (size_t i = 0; i < what.n; i++) {
		if (what.lanes[i].class == class &&
		    strcmp(what.lanes[i].destination, destination) == 0)
			return what.lanes[i].free;
	}
	return 0;
}

START_TEST(rollbacks_have_places_of_their_own)
{
	for (size_t i = 0; i < 3; i++)
		enter(MESSAGE_ADVANCE, i, LANE_OTHERS);
	ck_assert(lanes_free_places(lanes, LANES_OF_ROLLBACKS, &what));
	ck_assert_int_eq(places(MESSAGE_ROLLBACK, "a"), LANE_ROLLBACKS);
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "d"), 0);
	ck_assert_int_eq(what.limit, LANES_ROLLBACKS);
	ck_assert_int_eq(what.strangers, 0);
}
END_TEST

START_TEST(a_program_has_as_many_places_as_it_allows_and_some_for_rollbacks)
{
	to[1].concurrency = 2;
	ck_assert(lanes_free_places(lanes, LANES_OF_OTHERS, &what));
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "a"), LANE_OTHERS);
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "b"), 2);
	enter(MESSAGE_ADVANCE, 1, 2);
	ck_assert(lanes_free_places(lanes, LANES_OF_OTHERS, &what));
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "b"), 0);
	ck_assert(lanes_free_places(lanes, LANES_OF_ROLLBACKS, &what));
	ck_assert_int_eq(places(MESSAGE_ROLLBACK, "b"), LANE_ROLLBACKS_HERE);
	to[1].concurrency = 20;
	ck_assert(lanes_free_places(lanes, LANES_OF_ROLLBACKS, &what));
	ck_assert_int_eq(places(MESSAGE_ROLLBACK, "b"), 20);
	to[1].concurrency = 0;
}
END_TEST

START_TEST(a_destination_that_hangs_fills_its_own_lane_only)
{
	enter(MESSAGE_NOTIFICATION, 0, LANE_OTHERS);
	ck_assert(lanes_free_places(lanes, LANES_OF_OTHERS, &what));
	ck_assert_int_eq(places(MESSAGE_NOTIFICATION, "a"), 0);
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "a"), LANE_OTHERS);
	ck_assert_int_eq(places(MESSAGE_NOTIFICATION, "b"), LANE_OTHERS);
}
END_TEST

START_TEST(an_idle_lane_has_a_place_however_many_others_hang)
{
	for (size_t i = 0; i < 3; i++)
		enter(MESSAGE_ADVANCE, i, LANE_OTHERS);
	ck_assert(lanes_free_places(lanes, LANES_OF_OTHERS, &what));
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "a"), 0);
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "d"), 1);
	enter(MESSAGE_ADVANCE, 3, 1);
	ck_assert(lanes_free_places(lanes, LANES_OF_OTHERS, &what));
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "d"), 0);
	ck_assert_int_eq(places(MESSAGE_ADVANCE, "e"), 1);
}
END_TEST

START_TEST(nothing_is_asked_for_when_every_place_is_taken)
{
	for (size_t i = 0; i < 16; i++)
		enter(MESSAGE_ROLLBACK, i, LANES_ROLLBACKS / 16 + 1);
	ck_assert(!lanes_free_places(lanes, LANES_OF_ROLLBACKS, &what));
	lanes_leave(lanes, MESSAGE_ROLLBACK, &to[5]);
	for (size_t i = 0; i < 16; i++)
		lanes_leave(lanes, MESSAGE_ROLLBACK, &to[i]);
	ck_assert(lanes_free_places(lanes, LANES_OF_ROLLBACKS, &what));
	ck_assert_int_eq(what.limit, 1);
}
END_TEST

START_TEST(unknown_destinations_have_few_places)
{
	for (size_t i = 0; i < LANE_STRANGERS; i++)
		lanes_enter(lanes, MESSAGE_ADVANCE, NULL);
	ck_assert(lanes_free_places(lanes, LANES_OF_OTHERS, &what));
	ck_assert_int_eq(what.strangers, 0);
	ck_assert_int_eq(what.limit, LANES_OTHERS);
	lanes_leave(lanes, MESSAGE_ADVANCE, NULL);
	ck_assert(lanes_free_places(lanes, LANES_OF_OTHERS, &what));
	ck_assert_int_eq(what.strangers, 1);
	ck_assert_uint_eq(what.nknown, 16);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lanes");
	TCase *t = tcase_create("lanes");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, rollbacks_have_places_of_their_own);
	tcase_add_test(t, a_program_has_as_many_places_as_it_allows_and_some_for_rollbacks);
	tcase_add_test(t, a_destination_that_hangs_fills_its_own_lane_only);
	tcase_add_test(t, an_idle_lane_has_a_place_however_many_others_hang);
	tcase_add_test(t, nothing_is_asked_for_when_every_place_is_taken);
	tcase_add_test(t, unknown_destinations_have_few_places);
	suite_add_tcase(s, t);
	return suite_run(s);
}
