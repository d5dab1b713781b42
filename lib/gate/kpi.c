/*
 * kpi - reads one KPI from what was sampled: its value, or the first reason why there is none.
 */
#include "gate/kpi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "gate/blind.h"
#include "gate/sentence.h"

#define FUTURE_MS (60 * 1000) /* a timestamp further ahead is an error, not evidence */

/* What the targets of the source look like at this instant. */
struct muster {
	bool *is_good; /* per target */
	size_t good, needed;
	int64_t newest_good_ms; /* newest page of any target; 0 never */
	bool future;            /* some sample's own timestamp is too far ahead */
	char complaint[240];    /* of the first target that is not good; "" without */
};

static bool answers(const struct target_health *h, int64_t every_ms, struct wall at)
{
	return h->up && h->last_good_ms > 0 && at.ms - h->last_good_ms <= 2 * every_ms;
}

/* Newest sample of the name that no stale marker follows; 0 when there is none. The first that is
 * not older than `recent_ms` will do. */
static int64_t newest_sample_ms(const struct target *t, struct str name, int64_t recent_ms)
{
	int64_t newest_ms = 0;
	size_t n;
	const struct series *const *list = series_set_named(target_series(t), name, &n);

	for (size_t i = 0; i < n && (newest_ms == 0 || newest_ms < recent_ms); i++) {
		const struct series *s = list[i];
		const struct sample *last = s->n > 0 ? &s->samples[s->start + s->n - 1] : NULL;

		if (last && !series_is_stale_nan(last->value) && last->at_ms > newest_ms)
			newest_ms = last->at_ms;
	}
	return newest_ms;
}

static bool may_be_absent(const struct kpi *kpi, struct str name)
{
	for (size_t i = 0; i < kpi->nmay_be_absent; i++) {
		if (str_eq_text(name, kpi->may_be_absent[i]))
			return true;
	}
	return false;
}

static void complain_once(struct muster *m, const char *what, struct str name, const char *rest)
{
	if (!m->complaint[0])
		sentence_set(m->complaint, sizeof(m->complaint), "%s %.*s %s", what,
		             (int)(name.n < 100 ? name.n : 100), name.p, rest);
}

/* A page may come in time with samples that do not count: their own timestamps stand still, or they
 * are marked as stale. PromQL would leave them out in the end, and the other targets would speak
 * for this one. */
static bool is_current(const struct kpi *kpi, const struct kpi_source *source,
                       const struct target *t, struct wall at, struct muster *out)
{
	const struct promql_need *needs;
	size_t n = promql_needs(kpi->parsed, &needs);
	char age[UNITS_TEXT_MAX], old[UNITS_TEXT_MAX + 16];

	for (size_t i = 0; i < n; i++) {
		struct str name = needs[i].name;
		int64_t newest_ms =
		        target_has_name(t, name)
		                ? newest_sample_ms(t, name, at.ms - 2 * source->every_ms)
		                : at.ms;

		if (newest_ms == 0 && may_be_absent(kpi, name))
			continue;
		if (newest_ms == 0) {
			complain_once(out, "its page has", name, "without a sample that counts");
			return false;
		}
		if (at.ms - newest_ms <= 2 * source->every_ms)
			continue;
		sentence_span(at.ms - newest_ms, age);
		sentence_set(old, sizeof(old), "is %s old", age);
		complain_once(out, "its newest sample of", name, old);
		return false;
	}
	return true;
}

size_t kpi_quorum_needed(double quorum, size_t targets)
{
	double share = quorum <= 1 ? quorum : 1; /* NaN asks for all */
	double needed = ceil(share * (double)targets - 1e-9);

	return needed >= 1 ? (size_t)needed : 1;
}

static bool muster_targets(const struct kpi *kpi, const struct kpi_source *source, double quorum,
                           struct wall at, struct arena *arena, struct muster *out)
{
	*out = (struct muster){
	        .needed = kpi_quorum_needed(quorum, source->ntargets),
	        .is_good = arena_array(arena, source->ntargets + 1, sizeof(*out->is_good))};
	if (!out->is_good)
		return false;
	for (size_t i = 0; i < source->ntargets; i++) {
		const struct target *t = source->targets[i];
		const struct target_health *h = target_health(t);

		if (h->last_good_ms > out->newest_good_ms)
			out->newest_good_ms = h->last_good_ms;
		if (h->future_timestamp)
			out->future = true;
		if (!answers(h, source->every_ms, at)) {
			out->is_good[i] = false;
			if (!out->complaint[0])
				sentence_set(out->complaint, sizeof(out->complaint), "%s",
				             h->last_error);
			continue;
		}
		out->is_good[i] = is_current(kpi, source, t, at, out);
		out->good += out->is_good[i];
	}
	return true;
}

static void refuse(struct kpi_reading *out, enum gate_result result, const char *why)
{
	out->result = result;
	sentence_set(out->why, sizeof(out->why), "%s", why);
}

/* The samples of all targets. False without memory. */
static bool gather(const struct kpi_source *source, struct arena *arena, struct promql_data *out)
{
	const struct series_set **sets = arena_array(arena, source->ntargets + 1, sizeof(*sets));

	if (!sets)
		return false;
	*out = (struct promql_data){.sets = sets, .nsets = source->ntargets};
	for (size_t i = 0; i < source->ntargets; i++) {
		sets[i] = target_series(source->targets[i]);
		if (source->ntargets > 1 && !target_owns_series(source->targets[i]))
			out->may_repeat = true;
	}
	return true;
}

/* The one number of a scalar or a vector of one (rule K1). *out_empty: nothing came back, value
 * stays NaN. False with the result set to error. */
static bool read_value(const struct promql_value *v, struct kpi_reading *out, bool *out_empty)
{
	*out_empty = false;
	if (v->type == PROMQL_SCALAR) {
		out->value = v->scalar;
	} else if (v->type != PROMQL_VECTOR) {
		out->result = GATE_ERROR;
		sentence_set(out->why, sizeof(out->why), "a %s: a KPI is one number",
		             promql_type_name(v->type));
		return false;
	} else if (v->nvector > 1) {
		out->result = GATE_ERROR;
		sentence_set(out->why, sizeof(out->why), "%zu series: wrap in sum() or max()",
		             v->nvector);
		return false;
	} else if (v->nvector == 0) {
		*out_empty = true;
	} else {
		out->value = v->vector[0].value;
	}
	if (isinf(out->value)) {
		refuse(out, GATE_ERROR, out->value > 0 ? "the value is +Inf" : "the value is -Inf");
		return false;
	}
	return true;
}

/* How old the newest sample of an honest selector may be by intent: offsets, and what a subquery
 * leaves between its last step and its end. */
static int64_t least_age_ms(const struct kpi *kpi)
{
	const struct promql_need *needs;
	size_t n = promql_needs(kpi->parsed, &needs);
	int64_t least = n ? INT64_MAX : 0;

	for (size_t i = 0; i < n; i++) {
		if (needs[i].age_ms < least)
			least = needs[i].age_ms;
	}
	return least;
}

static void refuse_stale(struct kpi_reading *out, const char *what, int64_t age_ms,
                         int64_t every_ms)
{
	char age[UNITS_TEXT_MAX], every[UNITS_TEXT_MAX];

	sentence_span(age_ms, age);
	duration_format(every_ms, every);
	out->result = GATE_STALE;
	sentence_set(out->why, sizeof(out->why), "the newest %s is %s old; it should come every %s",
	             what, age, every);
}

/* Scrapes that stopped, and samples whose own timestamps stand still while the page is fetched. */
static bool is_stale(const struct kpi *kpi, const struct kpi_source *source,
                     const struct muster *muster, struct wall at, struct kpi_reading *out)
{
	int64_t limit_ms = 2 * source->every_ms;

	if (muster->newest_good_ms > 0 && at.ms - muster->newest_good_ms > limit_ms) {
		refuse_stale(out, "good scrape", at.ms - muster->newest_good_ms, source->every_ms);
		return true;
	}
	if (out->newest.ms > 0) {
		int64_t age_ms = at.ms - least_age_ms(kpi) - out->newest.ms;

		if (age_ms > limit_ms) {
			refuse_stale(out, "sample", age_ms, source->every_ms);
			return true;
		}
	}
	return false;
}

static bool is_on_a_page(const struct kpi_source *source, const struct muster *muster,
                         struct str name)
{
	for (size_t i = 0; i < source->ntargets; i++) {
		if (muster->is_good[i] && target_has_name(source->targets[i], name))
			return true;
	}
	return false;
}

/* Which of the names on the pages was meant, perhaps. */
static void suggest_name(const struct kpi_source *source, struct str name, struct arena *arena,
                         char *out, size_t size)
{
	const char **names;
	struct str on_page;
	size_t n = 0, most = 0;

	out[0] = '\0';
	for (size_t i = 0; i < source->ntargets; i++) {
		for (size_t at = 0; target_next_name(source->targets[i], &at, &on_page);)
			most++;
	}
	names = arena_array(arena, most + 1, sizeof(*names));
	for (size_t i = 0; names && i < source->ntargets; i++) {
		for (size_t at = 0; target_next_name(source->targets[i], &at, &on_page);) {
			names[n] = arena_text(arena, on_page);
			if (!names[n++])
				return;
		}
	}
	if (names)
		blind_did_you_mean(name, names, out, size);
}

/* Rule K2: a misspelt name must not read as 0. */
static bool has_absent_name(const struct kpi *kpi, const struct kpi_source *source,
                            const struct muster *muster, struct arena *arena,
                            struct kpi_reading *out)
{
	const struct promql_need *needs;
	size_t n = promql_needs(kpi->parsed, &needs);
	char meant[120];

	for (size_t i = 0; i < n; i++) {
		struct str name = needs[i].name;

		if (name.n == 0 || may_be_absent(kpi, name) || is_on_a_page(source, muster, name))
			continue;
		out->result = GATE_NO_DATA;
		suggest_name(source, name, arena, meant, sizeof(meant));
		sentence_set(out->why, sizeof(out->why),
		             "metric %.*s is not on any page of source %s%s%s",
		             (int)(name.n < 100 ? name.n : 100), name.p,
		             kpi->source ? kpi->source : "?", meant[0] ? "; " : "", meant);
		return true;
	}
	return false;
}

/* A share of targets that are not all known is no quorum: the others may be the failing ones. */
static bool misses_quorum(const struct kpi *kpi, const struct kpi_source *source,
                          const struct muster *muster, struct kpi_reading *out)
{
	const char *name = kpi->source ? kpi->source : "?";

	if (out->targets > 0 && muster->good >= muster->needed && !source->unknown)
		return false;
	out->result = GATE_NO_DATA;
	if (out->targets == 0)
		sentence_set(out->why, sizeof(out->why), "source %s has no targets%s%s", name,
		             source->unknown ? ": " : "", source->unknown ? source->unknown : "");
	else if (source->unknown)
		sentence_set(out->why, sizeof(out->why),
		             "not all targets of source %s are known: %s", name, source->unknown);
	else
		sentence_set(out->why, sizeof(out->why),
		             "%zu of %zu targets answer, the quorum is %zu%s%s", muster->good,
		             out->targets, muster->needed, muster->complaint[0] ? ": " : "",
		             muster->complaint);
	return true;
}

static int compare_ms(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Since when a quorum of good targets has been sampled without a gap; 0 when fewer are. */
static int64_t quorum_since_ms(const struct kpi_source *source, const struct muster *muster,
                               struct arena *arena)
{
	int64_t *since = arena_array(arena, source->ntargets + 1, sizeof(*since));
	size_t n = 0;

	if (!since)
		return 0;
	for (size_t i = 0; i < source->ntargets; i++) {
		const struct target_health *h = target_health(source->targets[i]);

		if (muster->is_good[i] && h->covered_since_ms > 0)
			since[n++] = h->covered_since_ms;
	}
	if (n < muster->needed)
		return 0;
	qsort(since, n, sizeof(*since), compare_ms);
	return since[muster->needed - 1];
}

static void say_uncovered(struct wall at, struct wall exposed_since, int64_t since_ms,
                          struct kpi_reading *out)
{
	char left[UNITS_TEXT_MAX];

	if (since_ms == 0) {
		sentence_set(out->why, sizeof(out->why),
		             "too few targets are sampled without a gap");
		return;
	}
	int64_t from_ms = exposed_since.ms > since_ms ? exposed_since.ms : since_ms;

	out->covered_at.ms = from_ms + out->range_ms;
	if (out->covered_at.ms <= at.ms) {
		out->covered_at.ms = 0;
		sentence_set(out->why, sizeof(out->why), "needs a scrape inside this exposure");
		return;
	}
	sentence_span(out->covered_at.ms - at.ms, left);
	sentence_set(out->why, sizeof(out->why), "needs %s more of %s", left,
	             exposed_since.ms >= since_ms ? "this exposure" : "samples without a gap");
}

/* Rule K4. A target counts once its own run of good pages spans one range and a page fell into the
 * exposure: a gauge last seen before it says nothing about it. */
static void cover(const struct kpi_source *source, const struct muster *muster, struct wall at,
                  struct wall exposed_since, struct arena *arena, struct kpi_reading *out)
{
	int64_t edge_ms = at.ms - out->range_ms;

	for (size_t i = 0; i < source->ntargets; i++) {
		const struct target_health *h = target_health(source->targets[i]);

		if (muster->is_good[i] && h->covered_since_ms > 0 &&
		    h->covered_since_ms <= edge_ms && h->last_good_ms >= exposed_since.ms)
			out->targets_covered++;
	}
	out->covered = exposed_since.ms <= edge_ms && out->targets_covered >= muster->needed;
	if (!out->covered)
		say_uncovered(at, exposed_since, quorum_since_ms(source, muster, arena), out);
}

static void refuse_empty(const struct kpi *kpi, const struct promql_data *data, struct arena *arena,
                         struct kpi_reading *out)
{
	char why[200];

	blind_unmatched(kpi->parsed, data, arena, why, sizeof(why));
	out->result = GATE_NO_DATA;
	sentence_set(out->why, sizeof(out->why), "nothing came back%s%s", why[0] ? ": " : "", why);
}

void kpi_read(const struct kpi *kpi, const struct kpi_source *source, double quorum, struct wall at,
              struct wall exposed_since, struct arena *arena, struct kpi_reading *out)
{
	struct muster muster;
	struct promql_position position;
	struct promql_value value = {0};
	struct promql_data data;
	struct err err = {0};
	bool is_empty;

	*out = (struct kpi_reading){.result = GATE_ERROR, .value = (double)NAN};
	/* Known without data, too: votes are remembered for so and so many ranges (rule E3). */
	out->range_ms = kpi_range_ms(kpi);
	if (!source) {
		refuse(out, GATE_NO_DATA, "the source is not watched yet");
		return;
	}
	out->targets = source->ntargets;
	if (!kpi->parsed) {
		refuse(out, GATE_ERROR, "the expression was never parsed");
		return;
	}
	if (!muster_targets(kpi, source, quorum > source->quorum ? quorum : source->quorum, at,
	                    arena, &muster)) {
		refuse(out, GATE_ERROR, "no memory to look at the targets");
		return;
	}
	out->targets_good = muster.good;
	if (!gather(source, arena, &data)) {
		refuse(out, GATE_ERROR, "no memory to look at the targets");
		return;
	}
	if (!promql_eval(kpi->parsed, &data, at.ms, arena, &value, &position, &err)) {
		refuse(out, GATE_ERROR, err.text);
		return;
	}
	out->bound = blind_bound(kpi->parsed, &data, arena);
	out->newest.ms = value.newest_sample_ms;
	if (!read_value(&value, out, &is_empty))
		return;
	if (muster.future || out->newest.ms > at.ms + FUTURE_MS) {
		refuse(out, GATE_ERROR, "a sample's timestamp is more than 60 s ahead");
		return;
	}
	if (muster.newest_good_ms > at.ms + FUTURE_MS) {
		refuse(out, GATE_ERROR, "the newest good scrape is more than 60 s ahead of now");
		return;
	}
	if (is_stale(kpi, source, &muster, at, out) || misses_quorum(kpi, source, &muster, out) ||
	    has_absent_name(kpi, source, &muster, arena, out))
		return;
	if (is_empty) {
		refuse_empty(kpi, &data, arena, out);
		return;
	}
	if (kpi->unit == KPI_EVENTS && number_is_same(out->value, 0))
		blind_stuck(kpi->parsed, &data, arena, out->stuck, sizeof(out->stuck));
	out->result = GATE_PASS;
	cover(source, &muster, at, exposed_since, arena, out);
}

/* "1204" -> "1,204"; other texts pass unchanged. */
static void group_digits(char *text, size_t size)
{
	size_t sign = text[0] == '-' ? 1 : 0;
	size_t digits = strspn(text + sign, "0123456789");
	size_t n = strlen(text);

	for (size_t at = digits; at > 3; at -= 3) {
		if (n + 2 > size)
			return;
		char *gap = text + sign + at - 3;

		memmove(gap + 1, gap, strlen(gap) + 1);
		*gap = ',';
		n++;
	}
}

/* Whole from 1000 on, else at most 4 significant digits. */
static void number_short(double value, char *out, size_t size)
{
	double size_of_value = fabs(value);

	if (size_of_value >= 999.95 && size_of_value < 1e15) {
		sentence_set(out, size, "%.0f", value);
		group_digits(out, size);
	} else {
		sentence_set(out, size, "%.4g", number_is_same(value, 0) ? 0 : value);
	}
}

static void number_exact(double value, char *out, size_t size)
{
	char text[UNITS_TEXT_MAX];

	number_format(value, text);
	sentence_set(out, size, "%s", text);
}

/* The factor and the word a value of this size is shown with. */
static const char *scale(double value, enum kpi_unit unit, double *out_factor)
{
	static const char *const bytes[] = {" bytes", " KiB", " MiB", " GiB", " TiB"};
	size_t i = 0;

	*out_factor = 1;
	switch (unit) {
	case KPI_RATIO:
		*out_factor = 100;
		return " %";
	case KPI_SECONDS:
		if (!(fabs(value) < 1) || number_is_same(value, 0))
			return " s";
		*out_factor = 1000;
		return " ms";
	case KPI_BYTES:
		for (; i + 1 < ARRAY_LEN(bytes) && fabs(value * *out_factor) >= 1024; i++)
			*out_factor /= 1024;
		return bytes[i];
	case KPI_EVENTS:
		return " events";
	case KPI_NUMBER:
	case KPI_UNIT_COUNT:
		break;
	}
	return "";
}

static void format(double value, enum kpi_unit unit, char *out, size_t size,
                   void (*digits)(double, char *, size_t))
{
	char text[64];
	double factor;
	const char *word = scale(value, unit, &factor);

	if (!isfinite(value)) {
		sentence_set(out, size, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
		return;
	}
	digits(value * factor, text, sizeof(text));
	sentence_set(out, size, "%s%s", text, word);
}

void kpi_format(double value, enum kpi_unit unit, char *out, size_t size)
{
	format(value, unit, out, size, number_short);
}

void kpi_format_exact(double value, enum kpi_unit unit, char *out, size_t size)
{
	format(value, unit, out, size, number_exact);
}
