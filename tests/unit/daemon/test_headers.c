/*
 * headers: the policy as a function of method, target and a list of headers.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "api/headers.h"
#include "base/macros.h"

/* "Name: value" texts, NULL-terminated; "Host: h" is put first unless the list begins with "". */
static struct head head_of(const char *method, const char *target, const char *const *lines)
{
	struct head head = {
	        .method = str_of(method), .target = str_of(target), .version = STR("HTTP/1.1")};

	if (lines[0] && lines[0][0] == '\0')
		lines++;
	else
		head.headers[head.nheaders++] = (struct header){STR("Host"), STR("h:8080")};
	for (; *lines; lines++) {
		const char *colon = strchr(*lines, ':');

		head.headers[head.nheaders++] = (struct header){
		        .name = {.p = *lines, .n = (size_t)(colon - *lines)},
		        .value = str_of(colon + (colon[1] == ' ' ? 2 : 1)),
		};
	}
	return head;
}

/* clang-format off */
static const struct {
	const char *why;
	const char *method;
	const char *target;
	const char *lines[8];
	int status;
} rows[] = {
	{ "plain read",                        "GET", "/v1/releases/checkout@1.2.3+b-4", { NULL }, 0 },
	{ "every letter a path may have",      "GET", "/aZ09._~/@+:-", { NULL }, 0 },
	{ "query may hold what paths may not", "GET", "/v1/releases?state=a%20b&x=[1]", { NULL }, 0 },
	{ "root",                              "GET", "/", { NULL }, 0 },
	{ "dots inside a segment",             "GET", "/a..b/...", { NULL }, 0 },
	{ "form",                              "POST", "/x", { "Content-Type: application/x-www-form-urlencoded", "Content-Length: 3", NULL }, 0 },
	{ "JSON with charset",                 "PUT", "/x", { "content-type: Application/JSON; charset=\"UTF-8\"", "content-length: 3", NULL }, 0 },
	{ "YAML for policies",                 "PUT", "/x", { "Content-Type: application/yaml", "Content-Length: 3", NULL }, 0 },
	{ "POST without a body needs no type", "POST", "/x", { NULL }, 0 },
	{ "empty body needs no type",          "POST", "/x", { "Content-Length: 0", NULL }, 0 },
	{ "GET that says it has no body",      "GET", "/x", { "Content-Length: 0", NULL }, 0 },
	{ "tab in a value",                    "GET", "/x", { "X: a\tb", NULL }, 0 },
	{ "identity is no coding",             "POST", "/x", { "Content-Type: application/json", "Content-Encoding: identity", "Content-Length: 3", NULL }, 0 },

	{ "method in lower case",              "get", "/x", { NULL }, 405 },
	{ "method with a control character",   "G\001T", "/x", { NULL }, 405 },
	{ "any transfer coding",               "POST", "/x", { "Transfer-Encoding: chunked", NULL }, 501 },
	{ "coding beside a length",            "POST", "/x", { "Content-Length: 3", "transfer-encoding: identity", NULL }, 501 },
	{ "two hosts",                         "GET", "/x", { "host: g", NULL }, 400 },
	{ "no host",                           "GET", "/x", { "", NULL }, 400 },
	{ "empty host",                        "GET", "/x", { "", "Host:", NULL }, 400 },
	{ "two lengths",                       "POST", "/x", { "Content-Length: 3", "Content-Length: 3", NULL }, 400 },
	{ "two tokens",                        "GET", "/x", { "Authorization: a", "Authorization: b", NULL }, 400 },
	{ "two types",                         "POST", "/x", { "Content-Type: application/json", "Content-Type: text/xml", "Content-Length: 3", NULL }, 400 },
	{ "empty header name",                 "GET", "/x", { ": a", NULL }, 400 },
	{ "blank before the colon",            "GET", "/x", { "X : a", NULL }, 400 },
	{ "control character in a value",      "GET", "/x", { "X: a\001", NULL }, 400 },
	{ "DEL in a value",                    "GET", "/x", { "X: a\177", NULL }, 400 },
	{ "absolute form",                     "GET", "http://h/x", { NULL }, 400 },
	{ "asterisk form",                     "GET", "*", { NULL }, 400 },
	{ "empty target",                      "GET", "", { NULL }, 400 },
	{ "escape in a path",                  "GET", "/%41", { NULL }, 400 },
	{ "backslash",                         "GET", "/a\\b", { NULL }, 400 },
	{ "dot segment",                       "GET", "/a/./b", { NULL }, 400 },
	{ "dot dot at the end",                "GET", "/a/..", { NULL }, 400 },
	{ "fragment",                          "GET", "/a?b#c", { NULL }, 400 },
	{ "blank in the query",                "GET", "/a?b c", { NULL }, 400 },
	{ "not ASCII in the query",            "GET", "/a?\303\244", { NULL }, 400 },
	{ "signed length",                     "POST", "/x", { "Content-Length: +3", NULL }, 400 },
	{ "negative length",                   "POST", "/x", { "Content-Length: -3", NULL }, 400 },
	{ "hexadecimal length",                "POST", "/x", { "Content-Length: 0x3", NULL }, 400 },
	{ "empty length",                      "POST", "/x", { "Content-Length:", NULL }, 400 },
	{ "list of lengths",                   "POST", "/x", { "Content-Length: 3, 3", NULL }, 400 },
	{ "length with a blank inside",        "POST", "/x", { "Content-Length: 3 3", NULL }, 400 },
	{ "length of 2^64",                    "POST", "/x", { "Content-Length: 18446744073709551616", NULL }, 400 },
	{ "GET with a body",                   "GET", "/x", { "Content-Length: 3", NULL }, 400 },
	{ "HEAD with a body",                  "HEAD", "/x", { "Content-Length: 3", NULL }, 400 },
	{ "DELETE with a body",                "DELETE", "/x", { "Content-Length: 3", NULL }, 400 },
	{ "strange expectation",               "POST", "/x", { "Expect: miracles", NULL }, 417 },
	{ "gzip",                              "POST", "/x", { "Content-Type: application/json", "Content-Encoding: gzip", "Content-Length: 3", NULL }, 415 },
	{ "no type",                           "POST", "/x", { "Content-Length: 3", NULL }, 415 },
	{ "multipart",                         "POST", "/x", { "Content-Type: multipart/form-data; boundary=x", "Content-Length: 3", NULL }, 415 },
	{ "JSON in another charset",           "POST", "/x", { "Content-Type: application/json; charset=utf-16", "Content-Length: 3", NULL }, 415 },
	{ "type that only begins well",        "POST", "/x", { "Content-Type: application/jsonp", "Content-Length: 3", NULL }, 415 },
};
/* clang-format on */

START_TEST(each_rule_has_its_status)
{
	struct head head = head_of(rows[_i].method, rows[_i].target, rows[_i].lines);
	struct head_verdict verdict = headers_judge(&head);

	ck_assert_msg(verdict.status == rows[_i].status, "%s: %d, not %d", rows[_i].why,
	              verdict.status, rows[_i].status);
	ck_assert_msg((verdict.status == 0) == (verdict.detail == NULL), "%s", rows[_i].why);
}
END_TEST

START_TEST(what_passed_is_taken_apart)
{
	static const char *const lines[] = {"Content-Length: 0012",
	                                    "Content-Type: application/json",
	                                    "Expect: 100-continue", NULL};
	struct head head = head_of("POST", "/a/b?c=%20", lines);
	struct head_verdict verdict = headers_judge(&head);

	ck_assert_int_eq(verdict.status, 0);
	ck_assert(str_eq_text(verdict.path, "/a/b"));
	ck_assert(str_eq_text(verdict.query, "c=%20"));
	ck_assert_int_eq(verdict.content_length, 12);
	ck_assert_int_eq(verdict.body, BODY_JSON);
	ck_assert(verdict.expects_continue);
}
END_TEST

START_TEST(too_many_headers_are_refused_even_when_not_kept)
{
	static const char *const lines[] = {NULL};
	struct head head = head_of("GET", "/x", lines);

	while (head.nheaders < HEADERS_MAX)
		head.headers[head.nheaders++] = (struct header){STR("X"), STR("y")};
	ck_assert_int_eq(headers_judge(&head).status, 0);
	head.nheaders++;
	ck_assert_int_eq(headers_judge(&head).status, 431);
}
END_TEST

START_TEST(accept_refuses_only_what_excludes_us)
{
	static const struct {
		const char *accept;
		bool ours;
	} cases[] = {
	        {"Accept: */*", true},
	        {"Accept: application/json", true},
	        {"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", true},
	        {"Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5", true},
	        {"Accept: text/event-stream", true},
	        {"Accept: ", true},
	        {"Accept: image/png", false},
	        {"Accept: image/*, application/json;q=0", false},
	        {"Accept: application/json; q=0.000", false},
	        {"Accept: application/xml", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *lines[] = {cases[i].accept, NULL};
		struct head head = head_of("GET", "/x", lines);

		ck_assert_msg(headers_accept_ours(&head) == cases[i].ours, "%s", cases[i].accept);
	}
}
END_TEST

START_TEST(writes_of_another_sites_page_are_told)
{
	static const struct {
		const char *method;
		const char *lines[4];
		bool cross;
	} cases[] = {
	        {"POST", {NULL}, false},
	        {"POST", {"Sec-Fetch-Site: same-origin", NULL}, false},
	        {"POST",
	         {"Sec-Fetch-Site: same-origin", "Origin: https://front.example", NULL},
	         false},
	        {"POST", {"Sec-Fetch-Site: none", NULL}, false},
	        {"POST", {"Sec-Fetch-Site: cross-site", NULL}, true},
	        {"POST", {"Sec-Fetch-Site: same-site", NULL}, true},
	        {"PUT", {"Sec-Fetch-Site: cross-site", "Origin: http://h:8080", NULL}, true},
	        {"POST", {"Origin: http://h:8080", NULL}, false},
	        {"POST", {"Origin: https://H:8080", NULL}, false},
	        {"POST", {"Origin: http://h", NULL}, true},
	        {"POST", {"Origin: null", NULL}, true},
	        {"POST", {"Origin: http://h:8080.evil", NULL}, true},
	        {"GET", {"Sec-Fetch-Site: cross-site", NULL}, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct head head = head_of(cases[i].method, "/x", cases[i].lines);

		ck_assert_msg(headers_are_cross_site(&head) == cases[i].cross, "row %zu", i);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("headers");
	TCase *tcase = tcase_create("headers");

	tcase_add_loop_test(tcase, each_rule_has_its_status, 0, (int)ARRAY_LEN(rows));
	tcase_add_test(tcase, what_passed_is_taken_apart);
	tcase_add_test(tcase, too_many_headers_are_refused_even_when_not_kept);
	tcase_add_test(tcase, accept_refuses_only_what_excludes_us);
	tcase_add_test(tcase, writes_of_another_sites_page_are_told);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
