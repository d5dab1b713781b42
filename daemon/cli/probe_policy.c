/*
 * probe_policy - what the KPIs and gates of a policy would see on the pages of one target.
 *
 * Reads the samples as they are (rule K8); what the daemon adds to a value, quorum, coverage and
 * exposure, belongs to a release and is not judged here.
 */
#include "cli/probe_policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/units.h"
#include "gate/blind.h"
#include "gate/sentence.h"
#include "promql/promql.h"
#include "promql/sight.h"

#define ARENA_BYTES ((size_t)256 * 1024 * 1024)
#define NAMES_MAX 4096 /* among which a misspelt one is looked for */

struct probe {
	const struct policy *policy;
	const struct probed *seen;
	char *names[NAMES_MAX + 1]; /* own; on the page */
	size_t nnames;
	bool json, good;
};

static void print(struct probe *p, const char *kind, const char *name, const char *result,
                  double value, const char *text)
{
	json_t *row;
	char *line;

	if (!p->json) {
		printf("%s %s: %s\n", kind, name, text);
		return;
	}
	row = json_pack("{s:s, s:s, s:o, s:s}", kind, name, "result", result, "value",
	                isfinite(value) ? json_real(value) : json_null(), "text", text);
	line = json_dumps(row, JSON_COMPACT);
	if (line != NULL)
		puts(line);
	free(line);
	json_decref(row);
}

/* --- names --- */

static void note_names(struct probe *p)
{
	const struct series *s;
	struct str last = {.n = 0};

	for (size_t at = 0; (s = series_set_next(p->seen->set, &at)) != NULL;) {
		struct str name = labels_get(&s->labels, STR("__name__"));

		if (p->nnames < NAMES_MAX && !str_eq(name, last) &&
		    (p->names[p->nnames] = str_dup(name)) != NULL)
			p->nnames++;
		last = name;
	}
}

static bool is_on_page(const struct probe *p, struct str name)
{
	size_t at = 0;

	return series_set_next_named(p->seen->set, name, &at) != NULL;
}

static bool may_be_absent(const struct kpi *kpi, struct str name)
{
	for (size_t i = 0; i < kpi->nmay_be_absent; i++) {
		if (str_eq_text(name, kpi->may_be_absent[i]))
			return true;
	}
	return false;
}

/* Rule K2. */
static bool misses_name(struct probe *p, const struct kpi *kpi, char *text, size_t size)
{
	const struct promql_need *needs;
	size_t n = promql_needs(kpi->parsed, &needs);

	for (size_t i = 0; i < n; i++) {
		struct str name = needs[i].name;
		char meant[140];

		if (name.n == 0 || is_on_page(p, name) || may_be_absent(kpi, name))
			continue;
		blind_did_you_mean(name, (const char *const *)p->names, meant, sizeof(meant));
		sentence_set(text, size, "metric %.*s is not on this page%s%s",
		             (int)(name.n < 100 ? name.n : 100), name.p,
		             meant[0] != '\0' ? ": " : "", meant);
		return true;
	}
	return false;
}

/* --- values --- */

static void say_short(const struct probe *p, int64_t range_ms, char *text, size_t size)
{
	char range[UNITS_TEXT_MAX], has[UNITS_TEXT_MAX], every[UNITS_TEXT_MAX];
	int64_t every_ms = p->seen->every_ms;

	duration_format(range_ms, range);
	duration_format(every_ms, every);
	sentence_span(p->seen->at_ms - p->seen->first_ms, has);
	sentence_set(text, size, "needs %s of samples, has %s%s", range,
	             p->seen->at_ms > p->seen->first_ms ? has : "one page",
	             p->seen->npages > 0 ? ": try --samples " : "");
	if (p->seen->npages > 0) {
		size_t n = strlen(text);

		sentence_set(text + n, size - n, "%lld --every %s",
		             (long long)((range_ms + every_ms - 1) / every_ms + 1), every);
	}
}

/* Rule K1. `text` says why when there is no number. */
static const char *take_value(const struct promql_value *v, double *out, char *text, size_t size)
{
	if (v->type != PROMQL_SCALAR && v->type != PROMQL_VECTOR) {
		sentence_set(text, size, "a %s: a KPI is one number", promql_type_name(v->type));
		return "error";
	}
	if (v->type == PROMQL_VECTOR && v->nvector > 1) {
		sentence_set(text, size, "%zu series: wrap in sum() or max()", v->nvector);
		return "error";
	}
	if (v->type == PROMQL_VECTOR && v->nvector == 0) {
		sentence_set(text, size, "nothing comes back");
		return "no_data";
	}
	*out = v->type == PROMQL_SCALAR ? v->scalar : v->vector[0].value;
	if (!isinf(*out))
		return isnan(*out) ? "no_data" : "value";
	sentence_set(text, size, "the value is infinite");
	return "error";
}

static void say_value(const struct kpi *kpi, double value, char *text, size_t size)
{
	char number[64];

	kpi_format(value, kpi->unit, number, sizeof(number));
	sentence_set(text, size, "reads %s%s", number,
	             isnan(value) ? ": no events to speak of" : "");
}

/* What there is so far, and what is missing to a whole range. */
static void say_warming(const struct probe *p, const struct kpi *kpi, double value,
                        int64_t range_ms, char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	if (isfinite(value)) {
		say_value(kpi, value, text, size);
		n = strlen(text);
		sentence_set(text + n, size - n, " so far; ");
		n = strlen(text);
	}
	say_short(p, range_ms, text + n, size - n);
}

static const char *read_kpi(const struct probe *p, const struct kpi *kpi, struct arena *arena,
                            double *out, char *text, size_t size)
{
	struct promql_data data = {.sets = &p->seen->set, .nsets = 1};
	int64_t range_ms = promql_longest_range_ms(kpi->parsed);
	int64_t has_ms = p->seen->at_ms - p->seen->first_ms;
	struct promql_position at;
	struct promql_value value;
	struct err err;
	const char *result;

	if (!promql_eval(kpi->parsed, &data, p->seen->at_ms, arena, &value, &at, &err)) {
		sentence_set(text, size, "%s", err.text);
		return "error";
	}
	result = take_value(&value, out, text, size);
	if (strcmp(result, "error") == 0)
		return result;
	/* A range begins behind its first instant: a sample there does not count. */
	if (range_ms > has_ms || (range_ms > 0 && range_ms == has_ms && isnan(*out))) {
		say_warming(p, kpi, *out, range_ms, text, size);
		return "warming";
	}
	if (value.type == PROMQL_SCALAR || value.nvector == 1)
		say_value(kpi, *out, text, size);
	return result;
}

/* The source whose page this is, or any that is scraped. */
static bool is_fed(const struct probe *p, const struct kpi *kpi)
{
	const struct policy_source *source =
	        kpi->source != NULL ? policy_source(p->policy, kpi->source, NULL) : NULL;

	if (p->seen->source != NULL)
		return source == p->seen->source;
	return source == NULL || source->kind == SOURCE_SCRAPE;
}

/* Adds what is odd about the samples. True when that is why there is no value. */
static bool add_hint(const struct probe *p, const struct kpi *kpi, bool has_value,
                     struct arena *arena, char *text, size_t size)
{
	struct promql_data data = {.sets = &p->seen->set, .nsets = 1};
	size_t n = strlen(text);
	char hint[240];
	bool unmatched;

	blind_unmatched(kpi->parsed, &data, arena, hint, sizeof(hint));
	unmatched = hint[0] != '\0';
	if (!unmatched)
		blind_stuck(kpi->parsed, &data, arena, hint, sizeof(hint));
	if (hint[0] != '\0')
		sentence_set(text + n, size - n, "; %s", hint);
	return unmatched && !has_value;
}

static void probe_kpi(struct probe *p, const struct kpi *kpi)
{
	double value = (double)NAN;
	const char *result = "no_data", *flaw;
	struct arena arena;
	char text[480];

	if (kpi->parsed == NULL || !is_fed(p, kpi)) {
		if (kpi->pushed_ms > 0)
			sentence_set(text, sizeof(text), "is pushed, not read from this page");
		else
			sentence_set(text, sizeof(text),
			             "is read from source %s, not from this page",
			             kpi->source != NULL ? kpi->source : "?");
		print(p, "kpi", kpi->name, "elsewhere", value, text);
		return;
	}
	arena_init(&arena, ARENA_BYTES);
	if (misses_name(p, kpi, text, sizeof(text))) {
		p->good = false;
	} else {
		result = read_kpi(p, kpi, &arena, &value, text, sizeof(text));
		if (strcmp(result, "error") == 0)
			p->good = false;
		else if (add_hint(p, kpi, !isnan(value), &arena, text, sizeof(text)))
			p->good = false;
	}
	arena_fini(&arena);
	flaw = promql_flaw(kpi->parsed);
	if (flaw != NULL) {
		size_t n = strlen(text);

		sentence_set(text + n, sizeof(text) - n, "; %s", flaw);
		p->good = false;
	}
	print(p, "kpi", kpi->name, result, value, text);
}

/* --- gates --- */

static void probe_gate(struct probe *p, const struct gate *gate)
{
	const char *name = policy_gate_kpi(gate);
	const struct kpi *kpi = name != NULL ? policy_kpi(p->policy, name, NULL) : NULL;
	struct promql_data data = {.sets = &p->seen->set, .nsets = 1};
	struct kpi_bound bound;
	struct arena arena;
	char why[240];

	if (kpi == NULL || kpi->parsed == NULL || !is_fed(p, kpi))
		return;
	arena_init(&arena, ARENA_BYTES);
	bound = blind_bound(kpi->parsed, &data, &arena);
	if (blind_rung(gate, kpi, kpi->parsed, &bound, why, sizeof(why))) {
		p->good = false;
		print(p, "gate", gate->name, "blind", (double)NAN, why);
	}
	arena_fini(&arena);
}

bool probe_policy(const struct policy *policy, const struct probed *seen, bool json)
{
	struct probe *p = calloc(1, sizeof(*p));
	bool good;

	if (p == NULL)
		return false;
	*p = (struct probe){.policy = policy, .seen = seen, .json = json, .good = true};
	note_names(p);
	for (size_t i = 0; i < policy->nkpis; i++)
		probe_kpi(p, &policy->kpis[i]);
	for (size_t i = 0; i < policy->ngates; i++)
		probe_gate(p, &policy->gates[i]);
	good = p->good;
	for (size_t i = 0; i < p->nnames; i++)
		free(p->names[i]);
	free(p);
	return good;
}
