/* OpenMetrics 1.0: a page cut anywhere is the same page. */
#include "page.h"

int fuzz_one(const uint8_t *bytes, size_t n)
{
	page_properties(fuzz_text(bytes, n), EXPOSITION_OPENMETRICS);
	return 0;
}
