/*
 * Subqueries: an instant vector evaluated step by step into a range.
 *
 * Steps are absolute multiples of the step's length, in (end - range, end]. Each step has an arena
 * of its own, given back before the next; what stays is one label set per series and its values.
 */
#include "promql/eval.h"
#include "promql/vector.h"

struct collected {
	struct labels labels;
	struct sample *samples; /* room for every step there is */
	size_t n;
};

struct collection {
	struct collected *list;
	size_t n, capacity;
	struct label_index index;
	size_t steps;
	size_t samples; /* of all series */
};

/* Twice as many places; the index borrows the label sets, so it is made anew. */
static bool grow(struct collection *c, struct arena *arena, struct err *err)
{
	size_t capacity = c->capacity ? c->capacity * 2 : 64;
	struct collected *list = take_array(arena, capacity, sizeof(*list), err);

	if (!list || !label_index_init(&c->index, capacity, arena, err))
		return false;
	for (size_t i = 0; i < c->n; i++) {
		list[i] = c->list[i];
		label_index_obtain(&c->index, &list[i].labels, i);
	}
	c->list = list;
	c->capacity = capacity;
	return true;
}

static bool add_series(struct collection *c, const struct labels *labels, struct arena *arena,
                       struct err *err)
{
	struct collected *new;

	if (c->n == c->capacity && !grow(c, arena, err))
		return false;
	new = &c->list[c->n];
	new->samples = take_array(arena, c->steps, sizeof(*new->samples), err);
	if (!new->samples || !labels_copy(labels, arena, &new->labels, err))
		return false;
	label_index_obtain(&c->index, &new->labels, c->n);
	c->n++;
	return true;
}

/* Most steps give the same series in the same order; only others are looked up. */
static struct collected *find_series(struct collection *c, const struct labels *labels,
                                     size_t guess, struct arena *arena, struct err *err)
{
	const size_t *found;

	if (guess < c->n && labels_equal(&c->list[guess].labels, labels))
		return &c->list[guess];
	found = c->n ? label_index_find(&c->index, labels) : NULL;
	if (found)
		return &c->list[*found];
	return add_series(c, labels, arena, err) ? &c->list[c->n - 1] : NULL;
}

static bool collect(struct collection *c, const struct promql_value *v, int64_t at_ms,
                    struct arena *arena, struct err *err)
{
	c->samples += v->nvector;
	if (c->samples > PROMQL_MAX_SAMPLES)
		return err_set(err, ERR_LIMIT,
		               "a subquery gives more than %d samples: make it shorter or its step "
		               "longer",
		               PROMQL_MAX_SAMPLES);
	for (size_t i = 0; i < v->nvector; i++) {
		struct collected *series = find_series(c, &v->vector[i].labels, i, arena, err);

		if (!series)
			return false;
		series->samples[series->n++] =
		        (struct sample){.at_ms = at_ms, .value = v->vector[i].value};
	}
	return true;
}

/* The first multiple of the step beyond the start. */
static int64_t first_step(int64_t start_ms, int64_t step_ms)
{
	int64_t before = start_ms / step_ms - (start_ms % step_ms < 0);

	return (before + 1) * step_ms;
}

static bool count_steps(struct evaluation *e, int64_t n, size_t *out, struct err *err)
{
	e->steps += n;
	if (e->steps > PROMQL_MAX_STEPS)
		return err_set(err, ERR_LIMIT,
		               "the expression evaluates its subqueries at more than %d points: "
		               "make them shorter or their steps longer",
		               PROMQL_MAX_STEPS);
	*out = (size_t)n;
	return true;
}

static bool run_steps(struct evaluation *e, const struct subquery *q, int64_t first_ms,
                      struct collection *c, struct err *err)
{
	struct arena *arena = e->arena;
	int64_t at_ms = e->at_ms;
	struct arena step;
	bool ok = true;

	arena_init(&step, arena->max - arena->used);
	for (size_t i = 0; ok && i < c->steps; i++) {
		struct promql_value v = {0};

		e->arena = &step;
		e->at_ms = first_ms + (int64_t)i * q->step_ms;
		ok = eval_node(e, q->body, &v, err);
		ok = ok && collect(c, &v, e->at_ms, arena, err);
		arena_clear(&step);
	}
	arena_fini(&step);
	e->arena = arena;
	e->at_ms = at_ms;
	return ok;
}

bool eval_subquery(struct evaluation *e, const struct node *n, struct promql_value *out,
                   struct err *err)
{
	const struct subquery *q = &n->subquery;
	int64_t end_ms = eval_place(e, &q->place);
	int64_t first_ms = first_step(end_ms - q->range_ms, q->step_ms);
	struct collection c = {0};
	struct promql_range_element *list;
	int64_t steps = end_ms >= first_ms ? (end_ms - first_ms) / q->step_ms + 1 : 0;

	if (!count_steps(e, steps, &c.steps, err) || !run_steps(e, q, first_ms, &c, err))
		return false;
	list = take_array(e->arena, c.n, sizeof(*list), err);
	if (!list)
		return false;
	for (size_t i = 0; i < c.n; i++)
		list[i] = (struct promql_range_element){
		        .labels = c.list[i].labels,
		        .samples = c.list[i].samples,
		        .n = c.list[i].n,
		};
	*out = (struct promql_value){.type = PROMQL_MATRIX, .matrix = list, .nmatrix = c.n};
	return true;
}
