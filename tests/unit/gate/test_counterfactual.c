/*
 * counterfactual: at which value a gate in breach would pass.
 */
#include <check.h>
#include <stdlib.h>

#include "../suite.h"
#include "base/macros.h"
#include "gate/gate.h"
#include "gate/threshold.h"

START_TEST(a_gate_in_breach_says_what_would_pass)
{
	/* clang-format off */
	static const struct {
		const char *why;
		struct gate_rung rungs[2];
		size_t n;
		enum gate_result result;
		double value, baseline;
		const char *says;
	} rows[] = {
		{ "above", { { .limit = 0.01 } }, 1, GATE_BREACH, 0.02, 0, "it would pass at 1 % or less" },
		{ "of two the strictest", { { .limit = 0.02 }, { .limit = 0.01 } }, 2, GATE_BREACH, 0.05, 0,
		  "it would pass at 1 % or less" },
		{ "below", { { .compare = RUNG_BELOW, .limit = 0.95 } }, 1, GATE_BREACH, 0.9, 0, "it would pass at 95 % or more" },
		{ "on either side, below", { { .limit = 0.99 }, { .compare = RUNG_BELOW, .limit = 0.95 } }, 2, GATE_BREACH, 0.9, 0,
		  "it would pass at 95 % or more" },
		{ "on either side, above", { { .compare = RUNG_BELOW, .limit = 0.2 }, { .limit = 0.5 } }, 2, GATE_BREACH, 0.9, 0,
		  "it would pass at 50 % or less" },
		{ "of a baseline", { { .of_baseline = true, .relative = 0.5 } }, 1, GATE_BREACH, 0.4, 0.2,
		  "it would pass at 30 % or less" },
		{ "no breach", { { .limit = 0.01 } }, 1, GATE_PASS, 0.001, 0, "" },
		{ "no evidence", { { .limit = 0.01 } }, 1, GATE_NO_DATA, 0.02, 0, "" },
		{ "no rung", { { .limit = 0 } }, 0, GATE_BREACH, 1, 0, "" },
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct gate_rung rungs[2] = {rows[i].rungs[0], rows[i].rungs[1]};
		const struct gate gate = {
		        .kind = &gate_threshold, .rungs = rungs, .nrungs = rows[i].n};
		const struct gate_outcome outcome = {.result = rows[i].result,
		                                     .measure = {.value = rows[i].value,
		                                                 .unit = KPI_RATIO,
		                                                 .baseline = rows[i].baseline}};
		char says[96];

		ck_assert_msg(gate_would_pass(&gate, &outcome, says, sizeof(says)) ==
		                      (rows[i].says[0] != '\0'),
		              "%s", rows[i].why);
		ck_assert_msg(strcmp(says, rows[i].says) == 0, "%s: %s", rows[i].why, says);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("counterfactual");
	TCase *tests = tcase_create("counterfactual");

	tcase_add_test(tests, a_gate_in_breach_says_what_would_pass);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
