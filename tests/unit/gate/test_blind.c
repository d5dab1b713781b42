/* Gates that could not fire, and what is said about them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "gate/blind.h"
#include "gate/threshold.h"

/* clang-format off */
START_TEST(a_limit_that_no_quantile_reaches_is_named)
{
	static const struct { const char *why; enum rung_compare compare; double limit; bool is_bounded, is_blind; } rows[] = {
		{ "below the highest bucket", RUNG_ABOVE, 2.4, true, false },
		{ "at it: a value equal to the limit does not fire", RUNG_ABOVE, 2.5, true, true },
		{ "as good as at it", RUNG_ABOVE, 2.5 * (1 - 1e-12), true, true },
		{ "above it", RUNG_ABOVE, 3, true, true },
		{ "whoever waits for little sees it", RUNG_BELOW, 3, true, false },
		{ "nothing is known", RUNG_ABOVE, 3, false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct gate_rung rungs[] = { { .limit = 0.1 }, { .compare = rows[i].compare, .limit = rows[i].limit } };
		const struct gate gate = { .rungs = rungs, .nrungs = 2 };
		const struct promql_look look = { .is_bounded = rows[i].is_bounded, .ceiling = 2.5 };
		char text[200] = "";

		ck_assert_msg(blind_rungs(&gate, KPI_SECONDS, &look, text, sizeof(text)) == rows[i].is_blind, "%s", rows[i].why);
		ck_assert_msg(!rows[i].is_blind == !strstr(text, "the highest finite bucket is 2.5 s"), "%s: %s", rows[i].why, text);
	}
}
END_TEST

START_TEST(what_does_not_move_is_said_after_a_while)
{
	const struct promql_look rows[] = {
		{ .series = 2, .still_samples = BLIND_STILL_SAMPLES },
		{ .series = 2, .still_samples = BLIND_STILL_SAMPLES - 1 },
		{ .series = 2, .moving = 1, .still_samples = 100 },
		{ .series = 0 },
	};
	char text[160];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert(blind_still(&rows[i], text, sizeof(text)) == (i == 0));
	ck_assert(blind_still(&rows[0], text, sizeof(text)));
	ck_assert_str_eq(text, "nothing it reads moves: 2 series, the same value 10 times");
}
END_TEST
/* clang-format on */

START_TEST(a_blind_gate_passes_and_says_so)
{
	struct kpi kpi = {.unit = KPI_SECONDS};
	struct kpi_reading reading = {.result = GATE_PASS,
	                              .value = 0.2,
	                              .covered = true,
	                              .look = {.is_bounded = true, .ceiling = 1}};
	struct gate_rung rung = {.limit = 1, .votes_needed = 1, .votes_of = 1};
	const struct gate gate = {
	        .kind = &gate_threshold, .rungs = &rung, .nrungs = 1, .events_index = SIZE_MAX};
	const struct gate_evidence evidence = {
	        .at = {1700000000000}, .kpis = &reading, .kpi_list = &kpi, .nkpis = 1};
	struct gate_state state = {.rungs = {{0}}};
	struct gate_outcome outcome;

	gate_evaluate(&gate, 0, &evidence, true, &state, &outcome);
	ck_assert_int_eq(outcome.result, GATE_PASS);
	ck_assert_str_eq(outcome.measure.blind, "above 1 s can never fire: the highest finite "
	                                        "bucket is 1 s, and a quantile is never more");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gate blind");
	TCase *tc = tcase_create("blind");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, a_limit_that_no_quantile_reaches_is_named);
	tcase_add_test(tc, what_does_not_move_is_said_after_a_while);
	tcase_add_test(tc, a_blind_gate_passes_and_says_so);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
