/*
 * blind - holds what an expression can give against what is asked of it.
 */
#include "gate/blind.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "gate/sentence.h"
#include "promql/sight.h"

#define NAME_SHOWN 100

static int shown(struct str name)
{
	return (int)(name.n < NAME_SHOWN ? name.n : NAME_SHOWN);
}

/* --- limits out of reach --- */

/* The highest finite bucket of each selector; NULL when it cannot be told. */
static const double *buckets_of(const struct promql_expr *e, const struct promql_data *data,
                                struct arena *arena)
{
	const struct promql_need *needs;
	size_t n = promql_needs(e, &needs);
	double *bounds = arena_array(arena, n + 1, sizeof(*bounds));
	struct promql_sight sight;
	struct err ignored;

	for (size_t i = 0; bounds && i < n; i++) {
		bounds[i] = promql_look(e, i, data, arena, &sight, &ignored) ? sight.highest_bound
		                                                             : (double)NAN;
	}
	return bounds;
}

struct kpi_bound blind_bound(const struct promql_expr *e, const struct promql_data *data,
                             struct arena *arena)
{
	return blind_bound_by(e,
	                      data && promql_has_quantile(e) ? buckets_of(e, data, arena) : NULL);
}

struct kpi_bound blind_bound_by(const struct promql_expr *e, const double *bounds)
{
	struct kpi_bound out = {.selector = SIZE_MAX};

	out.most = promql_most(e, bounds, &out.selector);
	out.known = isfinite(out.most);
	out.least = promql_least(e, bounds);
	out.known_below = isfinite(out.least);
	return out;
}

static bool is_out_of_reach(const struct gate_rung *rung, const struct kpi_bound *bound)
{
	if (rung->then == RUNG_NOTE)
		return false;
	if (rung->compare == RUNG_ABOVE)
		return bound->known &&
		       (rung->limit > bound->most || number_is_close(rung->limit, bound->most));
	return bound->known_below &&
	       (rung->limit < bound->least || number_is_close(rung->limit, bound->least));
}

static void say_out_of_reach(const struct gate_rung *rung, const struct kpi *kpi,
                             const struct promql_expr *e, const struct kpi_bound *bound, char *out,
                             size_t size)
{
	bool above = rung->compare == RUNG_ABOVE;
	const char *way = above ? "above" : "below";
	const struct promql_need *needs;
	size_t n = promql_needs(e, &needs);
	char limit[64], edge[64], bucket[NAME_SHOWN + 40] = "";

	kpi_format(rung->limit, kpi->unit, limit, sizeof(limit));
	kpi_format(above ? bound->most : bound->least, kpi->unit, edge, sizeof(edge));
	if (above && bound->selector < n)
		sentence_set(bucket, sizeof(bucket), ", the highest finite bucket of %.*s",
		             shown(needs[bound->selector].name), needs[bound->selector].name.p);
	sentence_set(out, size, "blind: %s is never %s %s%s, so \"%s %s\" cannot happen", kpi->name,
	             way, edge, bucket, way, limit);
}

bool blind_rung(const struct gate *gate, const struct kpi *kpi, const struct promql_expr *e,
                const struct kpi_bound *bound, char *out, size_t size)
{
	for (size_t i = 0; i < gate->nrungs; i++) {
		if (!is_out_of_reach(&gate->rungs[i], bound))
			continue;
		say_out_of_reach(&gate->rungs[i], kpi, e, bound, out, size);
		return true;
	}
	return false;
}

/* --- selectors that nothing matches --- */

static void say_values(const struct promql_sight *sight, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sight->nvalues && i < PROMQL_SIGHT_VALUES; i++) {
		sentence_set(out + used, size - used, "%s%.*s", i ? ", " : "",
		             (int)(sight->values[i].n < 24 ? sight->values[i].n : 24),
		             sight->values[i].p);
		used = strlen(out);
	}
	if (sight->nvalues > PROMQL_SIGHT_VALUES)
		sentence_set(out + used, size - used, ", ...");
}

static void say_unmatched(struct str name, const struct promql_sight *sight, char *out, size_t size)
{
	char values[140];

	if (sight->condition.n == 0) {
		sentence_set(out, size, "no series of %.*s meets all of its conditions at once",
		             shown(name), name.p);
		return;
	}
	say_values(sight, values, sizeof(values));
	sentence_set(out, size, "no series of %.*s has %.*s (%s%s)", shown(name), name.p,
	             shown(sight->condition), sight->condition.p,
	             values[0] ? "there are " : "none has that label", values);
}

void blind_unmatched(const struct promql_expr *e, const struct promql_data *data,
                     struct arena *arena, char *out, size_t size)
{
	const struct promql_need *needs;
	size_t n = promql_needs(e, &needs);
	struct promql_sight sight;
	struct err ignored;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!promql_look(e, i, data, arena, &sight, &ignored) || sight.series > 0 ||
		    sight.named == 0)
			continue;
		say_unmatched(needs[i].name, &sight, out, size);
		return;
	}
}

/* --- counters that stand still --- */

static bool has_moved(const struct series *s)
{
	return s->n > 1 &&
	       !number_is_same(s->samples[s->start].value, s->samples[s->start + s->n - 1].value);
}

static bool anything_moved(const struct promql_data *data)
{
	const struct series *s;

	for (size_t i = 0; i < data->nsets; i++) {
		for (size_t at = 0; (s = series_set_next(data->sets[i], &at));) {
			if (s->cumulative && has_moved(s))
				return true;
		}
	}
	return false;
}

void blind_stuck(const struct promql_expr *e, const struct promql_data *data, struct arena *arena,
                 char *out, size_t size)
{
	const struct promql_need *needs;
	size_t n = promql_needs(e, &needs);
	struct promql_sight sight;
	struct err ignored;
	char span[UNITS_TEXT_MAX];

	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (needs[i].range_ms == 0 || !promql_look(e, i, data, arena, &sight, &ignored) ||
		    sight.series == 0 || sight.moved || sight.newest_ms <= sight.oldest_ms ||
		    !anything_moved(data))
			continue;
		sentence_span(sight.newest_ms - sight.oldest_ms, span);
		sentence_set(out, size, "%.*s has not moved in %s, other counters have",
		             shown(needs[i].text), needs[i].text.p, span);
		return;
	}
}

/* --- names --- */

/* A name that lacks its usual ending, or has one too many. */
static const char *with_other_ending(struct str name, const char *const *names)
{
	for (; *names; names++) {
		struct str other = str_of(*names);
		struct str longer = other.n > name.n ? other : name;
		struct str shorter = other.n > name.n ? name : other;

		if (shorter.n > 3 && str_starts_with(longer, shorter) &&
		    longer.p[shorter.n] == '_' && longer.n - shorter.n <= 12)
			return *names;
	}
	return NULL;
}

void blind_did_you_mean(struct str name, const char *const *names, char *out, size_t size)
{
	const char *near = str_nearest(name, names);

	if (!near)
		near = with_other_ending(name, names);
	out[0] = '\0';
	if (near)
		sentence_set(out, size, "did you mean %.*s?", NAME_SHOWN, near);
}
