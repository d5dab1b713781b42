/* Samples of a series, and the sets they live in. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "series/series.h"

static struct labels labels_of(const char *name, const char *instance)
{
	struct label list[] = {
	        {STR("__name__"), str_of(name)},
	        {STR("instance"), str_of(instance)},
	};
	struct labels l;
	struct err err;

	ck_assert(labels_own(list, 2, &l, &err));
	return l;
}

static struct series *obtain(struct series_set *set, const char *name, const char *instance)
{
	struct labels l = labels_of(name, instance);
	struct err err;
	struct series *s = series_set_obtain(set, &l, &err);

	ck_assert_msg(s != NULL, "%s", err.text);
	labels_fini(&l);
	return s;
}

static const struct series *find(const struct series_set *set, const char *name,
                                 const char *instance)
{
	struct labels l = labels_of(name, instance);
	const struct series *s = series_set_find(set, &l);

	labels_fini(&l);
	return s;
}

static void append(struct series_set *set, struct series *s, int64_t at_ms, double value)
{
	struct err err;

	ck_assert(series_append(set, s, (struct sample){.at_ms = at_ms, .value = value}, &err));
}

START_TEST(a_stale_marker_is_one_nan_among_many)
{
	ck_assert(isnan(series_stale_nan()));
	ck_assert(series_is_stale_nan(series_stale_nan()));
	ck_assert(!series_is_stale_nan((double)NAN));
	ck_assert(!series_is_stale_nan(0));
}
END_TEST

START_TEST(a_slice_is_open_on_the_left)
{
	/* clang-format off */
	static const struct { const char *why; int64_t from_ms, to_ms; size_t n; int64_t first_ms; } rows[] = {
		{ "everything",                           0,  100, 4, 10 },
		{ "the left edge itself is outside",      10, 40,  3, 20 },
		{ "just before it is inside",             9,  40,  4, 10 },
		{ "the right edge itself is inside",      10, 20,  1, 20 },
		{ "just before it is outside",            10, 19,  0, 0 },
		{ "nothing before the first",             0,  9,   0, 0 },
		{ "nothing after the last",               40, 99,  0, 0 },
		{ "an empty range",                       20, 20,  0, 0 },
		{ "a reversed range",                     30, 10,  0, 0 },
		{ "the ends of time",              INT64_MIN, INT64_MAX, 4, 10 },
	};
	/* clang-format on */
	struct series_set *set = series_set_new(1, 1000, 10);
	struct series *s = obtain(set, "a", "x");
	const struct sample *slice;

	ck_assert_uint_eq(series_slice(s, 0, 100, &slice), 0);
	for (int i = 1; i <= 4; i++)
		append(set, s, i * 10, i);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = series_slice(s, rows[i].from_ms, rows[i].to_ms, &slice);

		ck_assert_msg(n == rows[i].n, "%s: %zu", rows[i].why, n);
		if (n > 0)
			ck_assert_msg(slice->at_ms == rows[i].first_ms, "%s", rows[i].why);
	}
	series_set_free(&set);
	series_set_free(&set);
}
END_TEST

START_TEST(a_sample_that_is_not_newer_is_refused_and_counted)
{
	struct series_set *set = series_set_new(1, 1000, 10);
	struct series *s = obtain(set, "a", "x");
	const struct sample *slice;

	append(set, s, 10, 1);
	append(set, s, 10, 2);
	append(set, s, 9, 3);
	append(set, s, 11, 4);
	ck_assert_uint_eq(series_slice(s, 0, 100, &slice), 2);
	ck_assert_double_eq(slice[0].value, 1);
	ck_assert_double_eq(slice[1].value, 4);
	ck_assert_uint_eq(series_set_samples(set), 2);
	ck_assert_uint_eq(series_set_refused(set), 2);
	series_set_free(&set);
}
END_TEST

START_TEST(the_same_labels_are_the_same_series)
{
	struct series_set *set = series_set_new(1, 1000, 2);
	struct series *a = obtain(set, "a", "x");
	struct labels l = labels_of("c", "x");
	struct err err;

	ck_assert_ptr_null(find(set, "b", "x"));
	obtain(set, "b", "x");
	ck_assert_ptr_eq(obtain(set, "a", "x"), a);
	ck_assert_ptr_eq(find(set, "a", "x"), a);
	ck_assert_uint_eq(series_set_count(set), 2);
	ck_assert_ptr_null(series_set_obtain(set, &l, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	ck_assert_str_eq(err.text, "more than 2 series");
	ck_assert_ptr_null(find(set, "c", "x"));
	labels_fini(&l);
	series_set_free(&set);
}
END_TEST

START_TEST(an_empty_set_finds_and_walks_nothing)
{
	struct series_set *set = series_set_new(1, 1000, 10);
	size_t at = 0;

	ck_assert_ptr_null(find(set, "a", "x"));
	ck_assert_ptr_null(series_set_next(set, &at));
	ck_assert_ptr_null(series_set_next_named(set, STR("a"), &at));
	series_set_expire(set, 5000);
	ck_assert_uint_eq(series_set_count(set), 0);
	series_set_free(&set);
}
END_TEST

START_TEST(walking_by_name_sees_only_that_name)
{
	struct series_set *set = series_set_new(1, 1000, 10);
	const struct series *s;
	size_t n = 0, all = 0;

	obtain(set, "a", "x");
	obtain(set, "b", "x");
	obtain(set, "a", "y");
	obtain(set, "aa", "x");
	for (size_t at = 0; (s = series_set_next_named(set, STR("a"), &at)) != NULL; n++)
		ck_assert(str_eq_text(labels_get(&s->labels, STR("__name__")), "a"));
	for (size_t at = 0; series_set_next(set, &at) != NULL;)
		all++;
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(all, 4);
	series_set_free(&set);
}
END_TEST

START_TEST(retention_keeps_the_newest_sample_at_its_edge)
{
	/* clang-format off */
	static const struct {
		const char *why;
		int64_t newest_ms;
		bool ends_stale; /* a marker at 41 */
		size_t n;        /* samples left of 10, 20, 30, 40 (and 41) */
	} rows[] = {
		{ "nothing is old",                              100, false, 4 },
		{ "one at the edge is kept",                     110, false, 4 },
		{ "one before the edge is kept for what follows", 115, false, 4 },
		{ "two before the edge: the newer is kept",      120, false, 3 },
		{ "all but the newest are old",                  149, false, 1 },
		{ "the last value of a living series stays",     10000, false, 1 },
		{ "a marker inside keeps what is in range",      130, true,  3 },
		{ "an ended series goes with its marker",        141, true,  0 },
		{ "but not before",                              140, true,  2 },
	};
	/* clang-format on */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct series_set *set = series_set_new(1, 100, 10);
		struct series *s = obtain(set, "a", "x");

		for (int at = 10; at <= 40; at += 10)
			append(set, s, at, at);
		if (rows[i].ends_stale)
			append(set, s, 41, series_stale_nan());
		series_set_expire(set, rows[i].newest_ms);
		ck_assert_msg(series_set_samples(set) == rows[i].n, "%s: %zu", rows[i].why,
		              series_set_samples(set));
		ck_assert_msg(series_set_count(set) == (rows[i].n > 0 ? 1 : 0), "%s", rows[i].why);
		series_set_free(&set);
	}
}
END_TEST

START_TEST(retention_can_be_changed)
{
	struct series_set *set = series_set_new(1, 1000, 10);
	struct series *s = obtain(set, "a", "x");

	for (int at = 1; at <= 1000; at++)
		append(set, s, at, at);
	series_set_expire(set, 1000);
	ck_assert_uint_eq(s->n, 1000);
	series_set_retain(set, 10);
	series_set_expire(set, 1000);
	ck_assert_uint_eq(s->n, 11);
	ck_assert_uint_lt(s->capacity, 1000);
	ck_assert_double_eq(s->samples[s->start].value, 990);
	ck_assert_double_eq(s->samples[s->start + 10].value, 1000);
	series_set_expire(set, INT64_MIN);
	ck_assert_uint_eq(s->n, 11);
	series_set_free(&set);
}
END_TEST

START_TEST(a_long_life_needs_no_more_memory_than_its_window)
{
	struct series_set *set = series_set_new(1, 100, 10);
	struct series *s = obtain(set, "a", "x");
	const struct sample *slice;

	for (int at = 1; at <= 100000; at++) {
		append(set, s, at, at);
		series_set_expire(set, at);
	}
	ck_assert_uint_eq(s->n, 101);
	ck_assert_uint_le(s->capacity, 512);
	ck_assert_uint_eq(series_slice(s, 99900, 100000, &slice), 100);
	for (size_t i = 0; i < 100; i++)
		ck_assert_double_eq(slice[i].value, 99901 + (double)i);
	series_set_free(&set);
}
END_TEST

START_TEST(reserved_room_is_there_without_memory)
{
	struct series_set *set = series_set_new(1, 100, 10);
	struct series *s = obtain(set, "a", "x");
	struct err err;

	for (int at = 1; at <= 200; at++) {
		const struct sample *before;

		ck_assert(series_reserve(s, 3, &err));
		before = s->samples;
		append(set, s, at * 10, 0);
		append(set, s, at * 10 + 1, 1);
		series_set_expire(set, at * 10 + 1);
		append(set, s, at * 10 + 2, 2);
		ck_assert_ptr_eq(s->samples, before);
	}
	series_set_free(&set);
}
END_TEST

/* Series come and go at random; a plain array is the second witness. */
START_TEST(what_expires_is_gone_and_what_lives_is_found)
{
	enum { N = 300 };
	static bool alive[N];
	struct series_set *set = series_set_new(7, 5, N);
	uint32_t state = 1;
	char instance[16];

	for (int64_t now = 10; now < 2000; now += 10) {
		size_t count = 0, walked = 0, named = 0;

		for (int i = 0; i < N; i++) {
			bool keep;

			state = state * 1664525 + 1013904223;
			keep = (state >> 16) % 3 > 0;
			if (!keep && !alive[i])
				continue;
			snprintf(instance, sizeof(instance), "%d", i);
			append(set, obtain(set, i % 2 ? "odd" : "even", instance), now,
			       keep ? 1 : series_stale_nan());
			alive[i] = keep;
		}
		series_set_expire(set, now + 5);
		for (int i = 0; i < N; i++) {
			snprintf(instance, sizeof(instance), "%d", i);
			ck_assert_msg((find(set, i % 2 ? "odd" : "even", instance) != NULL) ==
			                      alive[i],
			              "series %d at %lld", i, (long long)now);
			count += alive[i];
		}
		for (size_t at = 0; series_set_next(set, &at) != NULL;)
			walked++;
		for (size_t at = 0; series_set_next_named(set, STR("odd"), &at) != NULL;)
			named++;
		for (size_t at = 0; series_set_next_named(set, STR("even"), &at) != NULL;)
			named++;
		ck_assert_uint_eq(series_set_count(set), count);
		ck_assert_uint_eq(walked, count);
		ck_assert_uint_eq(named, count);
	}
	series_set_free(&set);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("series");
	TCase *t = tcase_create("series");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_stale_marker_is_one_nan_among_many);
	tcase_add_test(t, a_slice_is_open_on_the_left);
	tcase_add_test(t, a_sample_that_is_not_newer_is_refused_and_counted);
	tcase_add_test(t, the_same_labels_are_the_same_series);
	tcase_add_test(t, an_empty_set_finds_and_walks_nothing);
	tcase_add_test(t, walking_by_name_sees_only_that_name);
	tcase_add_test(t, retention_keeps_the_newest_sample_at_its_edge);
	tcase_add_test(t, retention_can_be_changed);
	tcase_add_test(t, a_long_life_needs_no_more_memory_than_its_window);
	tcase_add_test(t, reserved_room_is_there_without_memory);
	tcase_add_test(t, what_expires_is_gone_and_what_lives_is_found);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *runner = srunner_create(suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
