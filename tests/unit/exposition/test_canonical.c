/* How bounds and quantiles are written once they are read. */
#include <check.h>
#include <stdlib.h>

#include "base/macros.h"
#include "exposition/canonical.h"

START_TEST(a_number_is_written_in_one_way)
{
	/* clang-format off */
	static const struct { const char *text, *expected; } rows[] = {
		{ "1", "1.0" }, { "1.0", "1.0" }, { "1.", "1.0" }, { "01", "1.0" }, { "+1", "1.0" }, { "1e0", "1.0" },
		{ "0", "0.0" }, { "0.0", "0.0" }, { "-0", "0.0" }, { "-0.0", "0.0" }, { "0.00", "0.0" },
		{ "-1", "-1.0" }, { "-2.50", "-2.5" }, { "-1e7", "-1e+07" },
		{ "0.5", "0.5" }, { ".5", "0.5" }, { "0.50", "0.5" }, { "5e-1", "0.5" }, { "00.5", "0.5" },
		{ "0.001", "0.001" }, { "0.0001", "0.0001" }, { "0.00001", "1e-05" }, { "1e-05", "1e-05" }, { "1e-5", "1e-05" },
		{ "0.00012", "0.00012" }, { "0.000012", "1.2e-05" },
		{ "10", "10.0" }, { "100000", "100000.0" }, { "100000.0", "100000.0" }, { "123456.7", "123456.7" },
		{ "1000000", "1e+06" }, { "1e6", "1e+06" }, { "1234567", "1.234567e+06" }, { "1000000.5", "1.0000005e+06" },
		{ "1e+23", "1e+23" }, { "1.1e+23", "1.1e+23" }, { "1e100", "1e+100" },
		{ "0.1", "0.1" }, { "0.30000000000000004", "0.30000000000000004" }, { "0.1000000000000000055", "0.1" },
		{ "123456789012345678", "1.2345678901234568e+17" }, { "5e-324", "5e-324" },
		{ "1.7976931348623157e308", "1.7976931348623157e+308" },
		{ "+Inf", "+Inf" }, { "Inf", "+Inf" }, { "inf", "+Inf" }, { "-infinity", "-Inf" }, { "nan", "NaN" },
		{ "0x1p3", "8.0" },
		{ "", "" }, { "x", "x" }, { "1.0.0", "1.0.0" }, { "1 ", "1 " }, { "1e999", "1e999" }, { "-", "-" }, { ".", "." },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[UNITS_TEXT_MAX];
		struct str got = canonical_number(str_of(rows[i].text), out);

		ck_assert_msg(str_eq_text(got, rows[i].expected), "\"%s\": %.*s, not %s",
		              rows[i].text, (int)got.n, got.p, rows[i].expected);
		got = canonical_number(str_of(rows[i].expected), out);
		ck_assert_msg(str_eq_text(got, rows[i].expected), "\"%s\" again: %.*s",
		              rows[i].expected, (int)got.n, got.p);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("canonical");
	TCase *t = tcase_create("canonical");

	tcase_add_test(t, a_number_is_written_in_one_way);
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
