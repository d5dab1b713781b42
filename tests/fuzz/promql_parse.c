/* An expression: printed and parsed again it is the same tree, and as high. */
#include "expression.h"

#include <math.h>

#include "promql/sight.h"

static bool is_as_high(const struct promql_expr *a, const struct promql_expr *b)
{
	size_t by;
	double x = promql_most(a, NULL, &by), y = promql_most(b, NULL, &by);

	fuzz_demand(!isnan(x) && !isnan(y), "a height that is no number");
	return !(x < y) && !(x > y) && (promql_flaw(a) == NULL) == (promql_flaw(b) == NULL);
}

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
		fuzz_demand(is_as_high(e, again), "another height");
	}
	promql_free(&again);
	promql_free(&e);
	return 0;
}
