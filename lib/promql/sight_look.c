/* What the samples have for one selector. */
#include <math.h>

#include "base/units.h"
#include "promql/ast.h"
#include "promql/matcher.h"
#include "promql/regex.h"
#include "promql/sight.h"

static const struct node *find_selector(const struct node *n, size_t number)
{
	const struct node *found = NULL;

	switch (n->kind) {
	case NODE_SELECTOR:
		return n->selector.number == number ? n : NULL;
	case NODE_SUBQUERY:
		return find_selector(n->subquery.body, number);
	case NODE_CALL:
		for (size_t i = 0; !found && i < n->call.nargs; i++)
			found = find_selector(n->call.args[i], number);
		return found;
	case NODE_AGGREGATE:
		found = find_selector(n->aggregate.body, number);
		return found || !n->aggregate.param ? found
		                                    : find_selector(n->aggregate.param, number);
	case NODE_BINARY:
		found = find_selector(n->binary.lhs, number);
		return found ? found : find_selector(n->binary.rhs, number);
	case NODE_UNARY:
		return find_selector(n->unary.operand, number);
	case NODE_NUMBER:
	case NODE_STRING:
	case NODE_KIND_COUNT:
		break;
	}
	return NULL;
}

/* Every series of the selector's name; *set and *at start at 0. */
static const struct series *next(const struct selector *sel, const struct promql_data *data,
                                 size_t *set, size_t *at)
{
	const struct series *s = NULL;

	while (!s && *set < data->nsets) {
		s = sel->name.n ? series_set_next_named(data->sets[*set], sel->name, at)
		                : series_set_next(data->sets[*set], at);
		if (s)
			break;
		++*set;
		*at = 0;
	}
	return s;
}

static bool has_moved(const struct series *s)
{
	for (size_t i = 1; i < s->n; i++) {
		double before = s->samples[s->start + i - 1].value;
		double value = s->samples[s->start + i].value;

		if (!number_is_same(before, value) && !isnan(before) && !isnan(value))
			return true;
	}
	return false;
}

static void note_bound(const struct series *s, struct promql_sight *out)
{
	struct str text = labels_get(&s->labels, STR("le"));
	struct err ignored;
	double bound;

	if (text.n == 0 || series_is_stale_nan(s->samples[s->start + s->n - 1].value))
		return;
	out->buckets++;
	if (number_parse(text, &bound, &ignored) && isfinite(bound) &&
	    !(out->highest_bound >= bound))
		out->highest_bound = bound;
}

static void note_series(const struct series *s, struct promql_sight *out)
{
	out->series++;
	if (s->n == 0)
		return;
	int64_t oldest_ms = s->samples[s->start].at_ms;
	int64_t newest_ms = s->samples[s->start + s->n - 1].at_ms;

	if (out->oldest_ms == 0 || oldest_ms < out->oldest_ms)
		out->oldest_ms = oldest_ms;
	if (newest_ms > out->newest_ms)
		out->newest_ms = newest_ms;
	out->moved = out->moved || has_moved(s);
	note_bound(s, out);
}

/* --- why nothing matches --- */

static bool is_met(const struct matcher *m, const struct selector *sel,
                   const struct promql_data *data, struct regex_scratch *scratch, bool *out,
                   struct err *err)
{
	const struct series *s;

	*out = false;
	for (size_t set = 0, at = 0; !*out && (s = next(sel, data, &set, &at));) {
		if (!matchers_match(m, 1, &s->labels, scratch, out, err))
			return false;
	}
	return true;
}

static void note_value(struct str value, struct promql_sight *out)
{
	size_t known = out->nvalues < PROMQL_SIGHT_VALUES ? out->nvalues : PROMQL_SIGHT_VALUES;

	for (size_t i = 0; i < known; i++) {
		if (str_eq(out->values[i], value))
			return;
	}
	if (value.n == 0)
		return;
	if (known < PROMQL_SIGHT_VALUES)
		out->values[known] = value;
	out->nvalues = known + 1;
}

static bool explain(const struct matcher *m, const struct selector *sel,
                    const struct promql_data *data, struct arena *arena, struct promql_sight *out,
                    struct err *err)
{
	static const char *const signs[] = {
	        [MATCHER_EQUAL] = "=",
	        [MATCHER_NOT_EQUAL] = "!=",
	        [MATCHER_REGEX] = "=~",
	        [MATCHER_NOT_REGEX] = "!~",
	};
	const struct series *s;

	out->label = m->name;
	out->condition = str_of(arena_printf(arena, "%.*s%s\"%.*s\"", (int)m->name.n, m->name.p,
	                                     signs[m->kind], (int)m->value.n, m->value.p));
	for (size_t set = 0, at = 0; (s = next(sel, data, &set, &at));)
		note_value(labels_get(&s->labels, m->name), out);
	return arena_ok(arena, err);
}

static bool find_unmet(const struct selector *sel, const struct promql_data *data,
                       struct arena *arena, struct regex_scratch *scratch, struct promql_sight *out,
                       struct err *err)
{
	for (size_t i = 0; i < sel->nmatchers; i++) {
		const struct matcher *m = &sel->matchers[i];
		bool met = false;

		if (sel->name.n && str_eq(m->name, PROMQL_NAME_LABEL))
			continue;
		if (!is_met(m, sel, data, scratch, &met, err))
			return false;
		if (!met)
			return explain(m, sel, data, arena, out, err);
	}
	return true;
}

static bool look(const struct selector *sel, const struct promql_data *data, struct arena *arena,
                 struct regex_scratch *scratch, struct promql_sight *out, struct err *err)
{
	const struct series *s;
	bool matches = false;

	for (size_t set = 0, at = 0; (s = next(sel, data, &set, &at));) {
		out->named++;
		if (!matchers_match(sel->matchers, sel->nmatchers, &s->labels, scratch, &matches,
		                    err))
			return false;
		if (matches)
			note_series(s, out);
	}
	return out->series > 0 || out->named == 0 ||
	       find_unmet(sel, data, arena, scratch, out, err);
}

bool promql_look(const struct promql_expr *e, size_t selector, const struct promql_data *data,
                 struct arena *arena, struct promql_sight *out, struct err *err)
{
	const struct node *n = find_selector(e->root, selector);
	struct regex_scratch *scratch = NULL;
	bool ok;

	*out = (struct promql_sight){.highest_bound = (double)NAN};
	if (!n)
		return err_set(err, ERR_INVALID, "there is no such selector");
	if (e->regexes) {
		scratch = regex_scratch_new(err);
		if (!scratch)
			return false;
	}
	ok = look(&n->selector, data, arena, scratch, out, err);
	regex_scratch_free(&scratch);
	return ok;
}
