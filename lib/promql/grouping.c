/* Sorts the elements of a vector into the groups of an aggregation. */
#include "promql/aggregate.h"
#include "promql/vector.h"

static bool group_key(const struct aggregate *a, const struct labels *labels, struct arena *arena,
                      struct labels *out, struct err *err)
{
	if (a->without)
		return labels_without(labels, a->labels, a->nlabels, arena, out, err);
	return labels_only(labels, a->labels, a->nlabels, arena, out, err);
}

/* Without labels to group by all elements are one group, whatever they are called. */
static bool make_one_group(struct grouping *g, size_t n, struct arena *arena, struct err *err)
{
	g->groups = take_array(arena, 1, sizeof(*g->groups), err);
	g->keys = take_array(arena, 1, sizeof(*g->keys), err);
	g->of = take_array(arena, n, sizeof(*g->of), err);
	if (!g->groups || !g->keys || !g->of || !labels_make(NULL, 0, arena, &g->keys[0], err))
		return false;
	g->groups[0].labels = &g->keys[0];
	g->n = n > 0;
	return true;
}

bool grouping_make(struct grouping *g, const struct aggregate *a, const struct promql_value *in,
                   struct arena *arena, struct err *err)
{
	struct label_index index;

	if (!a->without && !a->nlabels) {
		*g = (struct grouping){0};
		return make_one_group(g, in->nvector, arena, err);
	}
	*g = (struct grouping){.groups = take_array(arena, in->nvector, sizeof(*g->groups), err)};
	if (!g->groups || !label_index_init(&index, in->nvector, arena, err))
		return false;
	g->keys = take_array(arena, in->nvector, sizeof(*g->keys), err);
	g->of = take_array(arena, in->nvector, sizeof(*g->of), err);
	if (!g->keys || !g->of)
		return false;
	for (size_t i = 0; i < in->nvector; i++) {
		if (!group_key(a, &in->vector[i].labels, arena, &g->keys[i], err))
			return false;
		g->of[i] = label_index_obtain(&index, &g->keys[i], g->n);
		if (g->of[i] == g->n)
			g->groups[g->n++].labels = &g->keys[i];
	}
	return true;
}

bool grouping_collect(struct grouping *g, size_t n, struct arena *arena, struct err *err)
{
	size_t first = 0;

	g->members = take_array(arena, n, sizeof(*g->members), err);
	if (!g->members)
		return false;
	for (size_t i = 0; i < n; i++)
		g->groups[g->of[i]].n++;
	for (size_t i = 0; i < g->n; i++) {
		g->groups[i].first = first;
		first += g->groups[i].n;
		g->groups[i].n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct group *owner = &g->groups[g->of[i]];

		g->members[owner->first + owner->n++] = i;
	}
	return true;
}
