/*
 * router: which route a method and a path mean.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "api/httpd.h"
#include "api/limiter.h"
#include "api/router.h"
#include "base/macros.h"

/* clang-format off */
static const struct route routes[] = {
	{ "GET",  "/",                      NULL, NULL, 0, "0" },
	{ "GET",  "/v1/things",             NULL, NULL, 0, "1" },
	{ "POST", "/v1/things",             NULL, NULL, 0, "2" },
	{ "GET",  "/v1/things/:id",         NULL, NULL, 0, "3" },
	{ "POST", "/v1/things/:id/a/:name", NULL, NULL, 0, "4" },
	{ "GET",  "/v1/things/special",     NULL, NULL, 0, "5" },
	{ "PUT",  "/v1/things/:id",         NULL, NULL, 0, "6" },
	{ NULL, NULL, NULL, NULL, 0, NULL },
};
static const struct {
	const char *why;
	const char *method;
	const char *path;
	const char *doc;   /* NULL: none */
	const char *first; /* param 0 */
	const char *allow; /* when none */
} rows[] = {
	{ "root",                          "GET",    "/",                   "0", NULL, NULL },
	{ "whole path",                    "POST",   "/v1/things",          "2", NULL, NULL },
	{ "HEAD is GET",                   "HEAD",   "/v1/things",          "1", NULL, NULL },
	{ "a segment is taken",            "GET",    "/v1/things/a@1.2",    "3", "a@1.2", NULL },
	{ "two segments are taken",        "POST",   "/v1/things/7/a/qa",   "4", "7", NULL },
	{ "literal before taken",          "GET",    "/v1/things/special",  "5", NULL, NULL },
	{ "but not for other methods",     "PUT",    "/v1/things/special",  "6", "special", NULL },
	{ "wrong method says what goes",   "DELETE", "/v1/things",          NULL, NULL, "GET, HEAD, POST" },
	{ "of all patterns that fit",      "DELETE", "/v1/things/special",  NULL, NULL, "GET, HEAD, PUT" },
	{ "no such path",                  "GET",    "/v1/nothing",         NULL, NULL, "" },
	{ "longer",                        "GET",    "/v1/things/7/a",      NULL, NULL, "" },
	{ "trailing slash",                "GET",    "/v1/things/",         NULL, NULL, "" },
	{ "empty segment",                 "GET",    "/v1//things",         NULL, NULL, "" },
	{ "empty taken segment",           "POST",   "/v1/things//a/b",     NULL, NULL, "" },
	{ "prefix of a segment",           "GET",    "/v1/thing",           NULL, NULL, "" },
};
/* clang-format on */

START_TEST(a_path_means_one_route)
{
	struct route_match match =
	        router_find(routes, str_of(rows[_i].method), str_of(rows[_i].path));

	if (!rows[_i].doc) {
		ck_assert_msg(!match.route, "%s", rows[_i].why);
		ck_assert_msg(strcmp(match.allow, rows[_i].allow) == 0, "%s: %s", rows[_i].why,
		              match.allow);
		return;
	}
	ck_assert_msg(match.route && strcmp(match.route->doc, rows[_i].doc) == 0, "%s",
	              rows[_i].why);
	ck_assert_msg(rows[_i].first ? str_eq_text(match.params[0], rows[_i].first)
	                             : match.nparams == 0,
	              "%s", rows[_i].why);
}
END_TEST

START_TEST(a_bucket_empties_and_fills)
{
	static const struct limit limit = {.name = "x", .per_second = 2, .burst = 3};
	static const struct limit other = {.name = "y", .per_second = 2, .burst = 1};
	struct limiter *l = limiter_new(7);
	struct mono now = {.ns = 5};
	int64_t wait_ms = 0;

	for (int i = 0; i < 3; i++)
		ck_assert(limiter_take(l, &limit, "ann", now, &wait_ms));
	ck_assert(!limiter_take(l, &limit, "ann", now, &wait_ms));
	ck_assert_int_ge(wait_ms, 500);
	ck_assert_int_le(wait_ms, 501);
	ck_assert(limiter_take(l, &limit, "bob", now, &wait_ms));
	ck_assert(limiter_take(l, &other, "ann", now, &wait_ms));
	now.ns += wait_ms * 1000000;
	ck_assert(limiter_take(l, &limit, "ann", now, &wait_ms));
	ck_assert(!limiter_take(l, &limit, "ann", now, &wait_ms));
	now.ns += 3600000000000;
	for (int i = 0; i < 3; i++)
		ck_assert(limiter_take(l, &limit, "ann", now, &wait_ms));
	ck_assert(!limiter_take(l, &limit, "ann", now, &wait_ms));
	limiter_free(&l);
	limiter_free(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("router");
	TCase *tcase = tcase_create("router");

	tcase_add_loop_test(tcase, a_path_means_one_route, 0, (int)ARRAY_LEN(rows));
	tcase_add_test(tcase, a_bucket_empties_and_fills);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
