/* How a KPI is written down. */
#include "gate/kpi.h"

#include <stddef.h>

#include "base/field.h"
#include "base/json_pointer.h"
#include "base/macros.h"
#include "base/units.h"
#include "gate/gate.h"

/* clang-format off */
const char *const gate_result_names[GATE_RESULT_COUNT + 1] = {
	"error", "stale", "no_data", "insufficient", "breach", "warming", "pass", NULL
};
const char *const kpi_unit_names[KPI_UNIT_COUNT + 1] = {
	"events", "ratio", "seconds", "bytes", "number", NULL
};
const char *const kpi_given_names[KPI_GIVEN_COUNT + 1] = {
	"unit", "percent", "ms", "us", "ns", "minutes", "KiB", "MiB", "GiB", NULL
};
/* clang-format on */

double kpi_given_factor(enum kpi_given given, enum kpi_unit unit)
{
	static const struct {
		enum kpi_unit unit;
		double factor;
	} rows[KPI_GIVEN_COUNT] = {
	        [KPI_GIVEN_PERCENT] = {KPI_RATIO, 0.01},
	        [KPI_GIVEN_MS] = {KPI_SECONDS, 1e-3},
	        [KPI_GIVEN_US] = {KPI_SECONDS, 1e-6},
	        [KPI_GIVEN_NS] = {KPI_SECONDS, 1e-9},
	        [KPI_GIVEN_MINUTES] = {KPI_SECONDS, 60},
	        [KPI_GIVEN_KIB] = {KPI_BYTES, 1024},
	        [KPI_GIVEN_MIB] = {KPI_BYTES, 1024.0 * 1024},
	        [KPI_GIVEN_GIB] = {KPI_BYTES, 1024.0 * 1024 * 1024},
	};

	if (given == KPI_GIVEN_AS_UNIT)
		return 1;
	return rows[given].unit == unit ? rows[given].factor : 0;
}

int64_t kpi_range_ms(const struct kpi *kpi)
{
	return kpi->parsed ? promql_longest_range_ms(kpi->parsed) : kpi->window_ms;
}

static bool problem_at(struct decode *d, const char *key, const char *text)
{
	size_t mark = decode_push(d, key);

	decode_problem(d, "%s", text);
	decode_pop(d, mark);
	return false;
}

/* What all share whose numbers somebody else works out. */
static bool check_given(const struct kpi *kpi, struct decode *d)
{
	bool ok = true;

	if (number_is_same(kpi_given_factor((enum kpi_given)kpi->given_in, kpi->unit), 0))
		ok = problem_at(d, "given_in", "does not go with the KPI's unit");
	if (kpi->nmay_be_absent > 0)
		ok = problem_at(d, "may_be_absent", "belongs to KPIs with an expr");
	return ok;
}

static bool check_pointers(const struct kpi *kpi, struct decode *d)
{
	static const char wrong[] = "is no JSON Pointer: write it like /data/0/value";
	bool ok = true;

	if (!json_pointer_is_fine(kpi->pointer))
		ok = problem_at(d, "pointer", wrong);
	if (kpi->at && !json_pointer_is_fine(kpi->at))
		ok = problem_at(d, "at", wrong);
	return check_given(kpi, d) && ok;
}

static bool check_pushed(const struct kpi *kpi, struct decode *d)
{
	bool ok = check_given(kpi, d);

	if (kpi->at)
		ok = problem_at(d, "at", "belongs to KPIs with a pointer");
	if (kpi->source)
		ok = problem_at(d, "source", "a pushed KPI has none: its numbers are reported");
	return ok;
}

static bool kpi_check(const void *decoded, struct decode *d)
{
	const struct kpi *kpi = decoded;

	if (kpi->expr && kpi->pointer)
		return problem_at(d, "pointer", "may not stand beside expr");
	if (kpi->pushed_ms > 0 && (kpi->expr || kpi->pointer))
		return problem_at(d, "pushed", "may not stand beside expr or pointer");
	if (kpi->pushed_ms > 0)
		return check_pushed(kpi, d);
	if (kpi->pointer)
		return check_pointers(kpi, d);
	if (!kpi->expr)
		return decode_problem(d, "a KPI needs expr, or pointer when its source is of kind "
		                         "json, or pushed when its numbers are reported");
	if (kpi->at)
		return problem_at(d, "at", "belongs to KPIs with a pointer");
	if (kpi->window_ms > 0)
		return problem_at(d, "window",
		                  "belongs to KPIs with a pointer: an expression says it itself");
	if (kpi->given_in != KPI_GIVEN_AS_UNIT)
		return problem_at(d, "given_in", "belongs to KPIs with a pointer");
	return true;
}

/* clang-format off */

static const struct field kpi_fields[] = {
	{ .key = "unit", .kind = FIELD_ENUM, .flags = FIELD_REQUIRED, .offset = offsetof(struct kpi, unit),
	  .names = kpi_unit_names,
	  .doc = "What the number counts; the limits of gates on it are written in this unit." },
	{ .key = "expr", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, expr),
	  .min = 1, .max = PROMQL_MAX_TEXT,
	  .doc = "PromQL that gives one number, for sources of kind scrape and prometheus; placeholders stand inside its strings." },
	{ .key = "pointer", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, pointer),
	  .min = 1, .max = 256,
	  .doc = "Instead, for sources of kind json: JSON Pointer to the number, like `/data/error_rate`; a number in quotes is one too." },
	{ .key = "pushed", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, pushed_ms),
	  .min = 1000, .max = 90.0 * 86400 * 1000,
	  .doc = "Instead, for numbers that are reported by `POST /v1/releases/ID/measurements`: how old the newest may be." },
	{ .key = "at", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, at),
	  .min = 1, .max = 256,
	  .doc = "JSON Pointer to the instant of that number, in RFC 3339 or as seconds or milliseconds since 1970; left out, a number is as old as the answer." },
	{ .key = "given_in", .kind = FIELD_ENUM, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, given_in),
	  .names = kpi_given_names,
	  .doc = "In what the number at `pointer`, or a pushed one, is given, when not in the KPI's own unit: a ratio in `percent`, seconds in `ms`." },
	{ .key = "window", .kind = FIELD_DURATION, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, window_ms),
	  .max = 30.0 * 86400 * 1000,
	  .doc = "The stretch of past the number at `pointer`, or a pushed one, is made of, like the range of an expression; left out, it is momentary." },
	{ .key = "source", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, source),
	  .min = 1, .max = 64,
	  .doc = "The source whose samples the expression reads; may be left out when only one fits." },
	{ .key = "may_be_absent", .kind = FIELD_TEXT_LIST, .flags = FIELD_OMIT_ABSENT,
	  .offset = offsetof(struct kpi, may_be_absent), .count_offset = offsetof(struct kpi, nmay_be_absent),
	  .max = 64,
	  .doc = "Metric names that may be missing from the source's page without making the value no_data." },
	{ .key = "doc", .kind = FIELD_TEXT, .flags = FIELD_OMIT_ABSENT, .offset = offsetof(struct kpi, doc),
	  .max = 1000,
	  .doc = "A sentence for the people who read the KPI's value." },
};
const struct field_table kpi_table = {
	.noun = "kpi", .fields = kpi_fields, .n = ARRAY_LEN(kpi_fields), .size = sizeof(struct kpi),
	.check = kpi_check
};
/* clang-format on */
