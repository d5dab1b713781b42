/*
 * exposition - cuts the arriving bytes into lines and has each line read by itself; a line that
 * straddles chunks is carried over. Nothing depends on where the chunks were cut: bounds are
 * counted byte by byte.
 */
#include "exposition/exposition.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "exposition/scan.h"

#define DEFAULT_MAX_BYTES ((size_t)10 * 1024 * 1024)
#define DEFAULT_MAX_SAMPLES 50000
#define DEFAULT_MAX_LABELS 64
#define DEFAULT_MAX_NAME_BYTES 256
#define DEFAULT_MAX_VALUE_BYTES 1024
#define DEFAULT_MAX_LINE_BYTES ((size_t)64 * 1024)
/* Keeps sums of a bound and a little more from overflowing, whatever the caller asks for. */
#define BOUND_MAX ((size_t)1 << 31)

/* clang-format off */
static const struct str type_names[] = {
	[METRIC_UNTYPED]         = { "untyped", 7 },
	[METRIC_COUNTER]         = { "counter", 7 },
	[METRIC_GAUGE]           = { "gauge", 5 },
	[METRIC_HISTOGRAM]       = { "histogram", 9 },
	[METRIC_SUMMARY]         = { "summary", 7 },
	[METRIC_GAUGE_HISTOGRAM] = { "gaugehistogram", 14 },
	[METRIC_INFO]            = { "info", 4 },
	[METRIC_STATESET]        = { "stateset", 8 },
};

static const char *const format_names[] = {
	[EXPOSITION_PROMETHEUS]  = "prometheus",
	[EXPOSITION_OPENMETRICS] = "openmetrics",
};

static const char *const trouble_names[] = {
	[EXPOSITION_FINE]         = "fine",
	[EXPOSITION_MALFORMED]    = "malformed",
	[EXPOSITION_CUT]          = "cut",
	[EXPOSITION_MAX_BYTES]    = "bytes",
	[EXPOSITION_MAX_SAMPLES]  = "samples",
	[EXPOSITION_MAX_LABELS]   = "labels",
	[EXPOSITION_MAX_NAME]     = "name",
	[EXPOSITION_MAX_VALUE]    = "value",
	[EXPOSITION_MAX_LINE]     = "line",
	[EXPOSITION_MAX_FAMILIES] = "families",
	[EXPOSITION_REFUSED]      = "refused",
	[EXPOSITION_NO_MEMORY]    = "memory",
};
/* clang-format on */
_Static_assert(ARRAY_LEN(type_names) == METRIC_TYPE_COUNT, "every metric type has a name");
_Static_assert(ARRAY_LEN(format_names) == EXPOSITION_FORMATS, "every format has a name");
_Static_assert(ARRAY_LEN(trouble_names) == EXPOSITION_TROUBLES, "every trouble has a name");

const char *metric_type_name(enum metric_type type)
{
	return (unsigned)type < METRIC_TYPE_COUNT ? type_names[type].p : "unknown";
}

bool find_type(struct str word, enum metric_type last, enum metric_type *out)
{
	for (int type = 0; type <= (int)last; type++) {
		*out = (enum metric_type)type;
		if (str_eq(word, type_names[type]))
			return true;
	}
	return false;
}

const char *exposition_format_name(enum exposition_format format)
{
	return (unsigned)format < EXPOSITION_FORMATS ? format_names[format] : "unknown";
}

const char *exposition_trouble_name(enum exposition_trouble trouble)
{
	return (unsigned)trouble < EXPOSITION_TROUBLES ? trouble_names[trouble] : "unknown";
}

static size_t bound(size_t wish, size_t fallback)
{
	if (wish == 0)
		return fallback;
	return wish < BOUND_MAX ? wish : BOUND_MAX;
}

struct exposition *exposition_new(const struct exposition_limits *limits,
                                  exposition_sample_fn on_sample, exposition_wanted_fn wanted,
                                  void *ctx, struct err *err)
{
	static const struct exposition_limits defaults = {0};
	struct exposition *e = calloc(1, sizeof(*e));

	if (e == NULL) {
		err_set(err, ERR_NOMEM, "no memory to read a metrics page");
		return NULL;
	}
	if (limits == NULL)
		limits = &defaults;
	e->limits = (struct exposition_limits){
	        .max_bytes = bound(limits->max_bytes, DEFAULT_MAX_BYTES),
	        .max_samples = bound(limits->max_samples, DEFAULT_MAX_SAMPLES),
	        .max_labels = bound(limits->max_labels, DEFAULT_MAX_LABELS),
	        .max_name_bytes = bound(limits->max_name_bytes, DEFAULT_MAX_NAME_BYTES),
	        .max_value_bytes = bound(limits->max_value_bytes, DEFAULT_MAX_VALUE_BYTES),
	        .max_line_bytes = bound(limits->max_line_bytes, DEFAULT_MAX_LINE_BYTES),
	};
	e->on_sample = on_sample;
	e->wanted = wanted;
	e->ctx = ctx;
	families_init(&e->families, limits->seed);
	rules_init(&e->rules, limits->seed);
	return e;
}

void exposition_free(struct exposition **e)
{
	if (*e == NULL)
		return;
	memory_end(*e);
	families_fini(&(*e)->families);
	rules_fini(&(*e)->rules);
	free((*e)->carry.bytes);
	free((*e)->unescaped.bytes);
	free((*e)->name.bytes);
	free((*e)->joined.bytes);
	free((*e)->family.bytes);
	free((*e)->labels);
	free(*e);
	*e = NULL;
}

void exposition_expect(struct exposition *e, enum exposition_format format, bool is_whole)
{
	e->format = format;
	e->is_whole = is_whole;
}

size_t exposition_samples(const struct exposition *e)
{
	return e->samples;
}

enum exposition_trouble exposition_trouble(const struct exposition *e)
{
	return e->trouble;
}

/* The line of one more sample of a name that nobody wants: most lines of most pages. */
static bool is_skipped(const struct exposition *e, const char *line, size_t n)
{
	size_t name = e->name.n;

	return !e->name_is_wanted && !e->name_is_quoted && name > 0 && n > name &&
	       (line[name] == '{' || line[name] == ' ') && memcmp(line, e->name.bytes, name) == 0 &&
	       e->samples < e->limits.max_samples;
}

static bool take_line(struct exposition *e, const char *line, size_t n, struct err *err)
{
	struct cursor c = {.start = line, .p = line, .end = line + n};
	bool ok;

	e->facts.is_sample = false;
	ok = e->format == EXPOSITION_OPENMETRICS ? openmetrics_line(e, &c, err)
	                                         : prometheus_line(e, &c, err);

	if (ok)
		draw_line(e, line, n);
	if (ok)
		e->lines++;
	return ok;
}

bool page_bytes(struct exposition *e, const char *bytes, size_t n, struct err *err)
{
	while (n > 0) {
		size_t left = e->limits.max_line_bytes - e->carry.n;
		const char *newline = memchr(bytes, '\n', n < left + 1 ? n : left + 1);
		size_t span = newline != NULL ? (size_t)(newline - bytes) : n;

		if (newline == NULL && n > left) {
			err_set(err, ERR_LIMIT, "the line is longer than %zu bytes",
			        e->limits.max_line_bytes);
			e->trouble = EXPOSITION_MAX_LINE;
			return misplaced(e->lines, e->limits.max_line_bytes, err);
		}
		if (newline != NULL && e->carry.n == 0) {
			if (is_skipped(e, bytes, span)) {
				e->samples++;
				draw_skipped(e, bytes);
				e->lines++;
			} else if (!take_line(e, bytes, span, err))
				return false;
		} else {
			if (!scratch_add(&e->carry, bytes, span, err))
				return misplaced(e->lines, e->carry.n, err);
			if (newline == NULL)
				return true;
			if (!take_line(e, e->carry.bytes, e->carry.n, err))
				return false;
			e->carry.n = 0;
		}
		bytes += span + 1;
		n -= span + 1;
	}
	return true;
}

static bool take_bytes(struct exposition *e, const char *bytes, size_t n, struct err *err)
{
	bool ok = true;

	if (e->follow.shape != NULL && follow_bytes(e, &bytes, &n, &ok, err))
		return true;
	return ok && page_bytes(e, bytes, n, err);
}

static bool fail(struct exposition *e, const struct err *err)
{
	e->failed = true;
	e->err = *err;
	if (e->trouble == EXPOSITION_FINE)
		e->trouble = err->code == ERR_NOMEM ? EXPOSITION_NO_MEMORY : EXPOSITION_MALFORMED;
	return false;
}

bool exposition_feed(struct exposition *e, const char *bytes, size_t n, struct err *err)
{
	size_t room = e->limits.max_bytes - e->bytes;
	size_t fits = n < room ? n : room;

	if (e->failed) {
		*err = e->err;
		return false;
	}
	e->bytes += fits;
	if (!take_bytes(e, bytes, fits, err))
		return fail(e, err);
	if (fits < n && e->follow.shape != NULL && !follow_finish(e, err)) /* for the place */
		return fail(e, err);
	if (fits < n) {
		err_set(err, ERR_LIMIT, "the page is larger than %zu bytes", e->limits.max_bytes);
		misplaced(e->lines, e->carry.n, err);
		e->trouble = EXPOSITION_MAX_BYTES;
		return fail(e, err);
	}
	return true;
}

/* Whether the line whose newline has not come stands for itself all the same. */
static bool may_be_last(const struct exposition *e)
{
	if (e->format == EXPOSITION_OPENMETRICS)
		return str_eq((struct str){.p = e->carry.bytes, .n = e->carry.n}, STR("# EOF"));
	return e->is_whole;
}

static bool refuse_cut(struct exposition *e, struct err *err)
{
	err_set(err, ERR_INVALID,
	        e->format == EXPOSITION_OPENMETRICS
	                ? "the page does not end with \"# EOF\": it may have been cut"
	                : "the page does not end with a newline: it may have been cut");
	misplaced(e->lines, e->carry.n, err);
	e->trouble = EXPOSITION_CUT;
	return fail(e, err);
}

bool exposition_finish(struct exposition *e, struct err *err)
{
	if (e->failed) {
		*err = e->err;
		return false;
	}
	if (e->follow.shape != NULL && !follow_finish(e, err))
		return fail(e, err);
	if (e->is_repeated) {
		draw_finish(e);
		return true;
	}
	if (e->carry.n > 0) {
		if (!may_be_last(e))
			return refuse_cut(e, err);
		if (!take_line(e, e->carry.bytes, e->carry.n, err))
			return fail(e, err);
		e->carry.n = 0;
	}
	if (e->format == EXPOSITION_OPENMETRICS && !e->rules.ended)
		return refuse_cut(e, err);
	draw_finish(e);
	return true;
}
