/*
 * position: a pointer finds its place, or the nearest place around it.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "base/position.h"

static void put(struct positions *p, const char *pointer, const char *file, int line, bool plain)
{
	struct err err;

	ck_assert(positions_put(
	        p, pointer,
	        (struct position){.file = file, .line = line, .column = 1, .plain = plain}, &err));
}

START_TEST(a_known_pointer_finds_its_own_place)
{
	struct positions *p = positions_new();
	char file[] = "policy.yaml";

	put(p, "", file, 1, false);
	put(p, "/gates", file, 2, false);
	put(p, "/gates/0/above", file, 3, true);
	memset(file, 'x', sizeof(file) - 1); /* the table keeps its own copy */
	ck_assert_int_eq(positions_find(p, "/gates/0/above")->line, 3);
	ck_assert(positions_find(p, "/gates/0/above")->plain);
	ck_assert_str_eq(positions_find(p, "/gates/0/above")->file, "policy.yaml");
	ck_assert_int_eq(positions_find(p, "")->line, 1);
	positions_free(&p);
	ck_assert_ptr_null(p);
	positions_free(&p);
}
END_TEST

START_TEST(an_unknown_pointer_finds_the_nearest_place_around_it)
{
	struct positions *p = positions_new();

	ck_assert_ptr_null(positions_find(p, "/gates"));
	put(p, "/gates", "f", 2, false);
	ck_assert_int_eq(positions_find(p, "/gates/7/above")->line, 2);
	ck_assert_msg(!positions_find(p, "/gatesx"), "a longer key is not inside");
	ck_assert_ptr_null(positions_find(p, ""));
	put(p, "", "f", 1, false);
	ck_assert_int_eq(positions_find(p, "/stages/0")->line, 1);
	ck_assert_int_eq(positions_find(p, "no slash")->line, 1);
	ck_assert_ptr_null(positions_find(NULL, "/gates"));
	positions_free(&p);
}
END_TEST

START_TEST(a_second_put_replaces)
{
	struct positions *p = positions_new();

	put(p, "/a", "one", 1, true);
	put(p, "/a", NULL, 2, false);
	ck_assert_int_eq(positions_find(p, "/a")->line, 2);
	ck_assert_ptr_null(positions_find(p, "/a")->file);
	positions_free(&p);
}
END_TEST

START_TEST(files_are_told_apart)
{
	struct positions *p = positions_new();

	put(p, "/a", "one", 1, false);
	put(p, "/b", "two", 1, false);
	put(p, "/c", "one", 2, false);
	ck_assert_str_eq(positions_find(p, "/b")->file, "two");
	ck_assert_ptr_eq(positions_find(p, "/a")->file, positions_find(p, "/c")->file);
	positions_free(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("position");
	TCase *tcase = tcase_create("position");

	tcase_add_test(tcase, a_known_pointer_finds_its_own_place);
	tcase_add_test(tcase, an_unknown_pointer_finds_the_nearest_place_around_it);
	tcase_add_test(tcase, a_second_put_replaces);
	tcase_add_test(tcase, files_are_told_apart);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
