/* Numbers, durations, ratios and instants: what is written reads back as the same value. */
#include "base/units.h"
#include "fuzz.h"

static void numbers(struct str text)
{
	char written[UNITS_TEXT_MAX];
	struct err err;
	int64_t integer;
	double value, again;

	if (number_parse(text, &value, &err)) {
		number_format(value, written);
		fuzz_demand(number_parse(str_of(written), &again, &err), "number %s: %s", written,
		            err.text);
		fuzz_demand(memcmp(&value, &again, sizeof(value)) == 0 || value != value,
		            "number %s", written);
	}
	if (int_parse(text, &integer, &err)) {
		snprintf(written, sizeof(written), "%lld", (long long)integer);
		fuzz_demand(int_parse(str_of(written), &integer, &err), "integer %s", written);
	}
	if (ratio_parse(text, &value, &err)) {
		ratio_format(value, written);
		fuzz_demand(ratio_parse(str_of(written), &again, &err), "ratio %s: %s", written,
		            err.text);
	}
}

static void times(struct str text)
{
	char written[UNITS_TEXT_MAX];
	struct wall at, at_again;
	struct err err;
	int64_t ms, again;

	if (duration_parse(text, &ms, &err)) {
		fuzz_demand(ms >= 0, "a negative duration");
		duration_format(ms, written);
		fuzz_demand(duration_parse(str_of(written), &again, &err) && again == ms,
		            "duration %s", written);
	}
	if (instant_parse(text, &at, &err)) {
		instant_format(at, written);
		fuzz_demand(instant_parse(str_of(written), &at_again, &err) && at_again.ms == at.ms,
		            "instant %s", written);
	}
}

int fuzz_one(const uint8_t *bytes, size_t n)
{
	numbers(fuzz_text(bytes, n));
	times(fuzz_text(bytes, n));
	return 0;
}
