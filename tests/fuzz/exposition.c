/* Prometheus text format 0.0.4: a page cut anywhere is the same page. */
#include "page.h"

int fuzz_one(const uint8_t *bytes, size_t n)
{
	page_properties(fuzz_text(bytes, n), EXPOSITION_PROMETHEUS);
	return 0;
}
