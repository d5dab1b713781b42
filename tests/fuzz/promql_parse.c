/* An expression: printed and parsed again it is the same tree. */
#include "expression.h"

int fuzz_one(const uint8_t *bytes, size_t n)
{
	struct promql_expr *e = expression_parse(fuzz_text(bytes, n)), *again;
	const struct promql_need *needs;

	if (e == NULL)
		return 0;
	again = expression_reread(e);
	if (again != NULL) {
		fuzz_demand(promql_needs(e, &needs) == promql_needs(again, &needs), "other needs");
		fuzz_demand(promql_longest_range_ms(e) == promql_longest_range_ms(again) &&
		                    promql_retention_ms(e) == promql_retention_ms(again),
		            "another range");
	}
	promql_free(&again);
	promql_free(&e);
	return 0;
}
