/*
 * form: what curl's -d sends, and what is refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "api/form.h"
#include "base/buf.h"
#include "base/macros.h"

/* clang-format off */
static const struct {
	const char *why;
	const char *text;
	const char *json; /* NULL: refused */
} rows[] = {
	{ "nothing",                     "",                        "{}" },
	{ "one field",                   "reason=slow",             "{\"reason\":\"slow\"}" },
	{ "plus and escape are blanks",  "a=b+c%20d",               "{\"a\":\"b c d\"}" },
	{ "escaped separators stay",     "a=%26%3D%2b",             "{\"a\":\"&=+\"}" },
	{ "equals in the value",         "a=b=c",                   "{\"a\":\"b=c\"}" },
	{ "no equals is an empty value", "a&b=",                    "{\"a\":\"\",\"b\":\"\"}" },
	{ "empty parts are nothing",     "&&a=1&",                  "{\"a\":\"1\"}" },
	{ "UTF-8, escaped or not",       "a=%c3%a4\303\266",        "{\"a\":\"\303\244\303\266\"}" },
	{ "key twice",                   "a=1&a=2",                 NULL },
	{ "key twice, once escaped",     "a=1&%61=2",               NULL },
	{ "no key",                      "=1",                      NULL },
	{ "half an escape",              "a=%4",                    NULL },
	{ "lone percent",                "a=%",                     NULL },
	{ "not hexadecimal",             "a=%g1",                   NULL },
	{ "NUL",                         "a=b%00c",                 NULL },
	{ "NUL in a key",                "a%00=b",                  NULL },
	{ "not UTF-8",                   "a=%ff",                   NULL },
	{ "overlong UTF-8",              "a=%c0%80",                NULL },
};
/* clang-format on */

START_TEST(a_form_reads_whole_or_not_at_all)
{
	struct form form;
	struct err err;
	bool ok = form_parse(str_of(rows[_i].text), &form, &err);

	ck_assert_msg(ok == (rows[_i].json != NULL), "%s", rows[_i].why);
	if (ok) {
		json_t *object = form_json(&form);
		char *text = json_dumps(object, JSON_COMPACT);

		ck_assert_msg(strcmp(text, rows[_i].json) == 0, "%s: %s", rows[_i].why, text);
		free(text);
		json_decref(object);
	}
	form_fini(&form);
	form_fini(&form);
}
END_TEST

START_TEST(fields_are_bounded)
{
	struct form form;
	struct buf text;
	struct err err;

	buf_init(&text, 65536);
	for (int i = 0; i < FORM_MAX_PAIRS; i++)
		buf_printf(&text, "k%d&", i);
	ck_assert(form_parse(buf_str(&text), &form, &err));
	ck_assert_uint_eq(form.n, FORM_MAX_PAIRS);
	ck_assert_str_eq(form_find(&form, "k63"), "");
	ck_assert_ptr_null(form_find(&form, "k64"));
	form_fini(&form);
	buf_add_text(&text, "x");
	ck_assert(!form_parse(buf_str(&text), &form, &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	buf_fini(&text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("form");
	TCase *tcase = tcase_create("form");

	tcase_add_loop_test(tcase, a_form_reads_whole_or_not_at_all, 0, (int)ARRAY_LEN(rows));
	tcase_add_test(tcase, fields_are_bounded);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
