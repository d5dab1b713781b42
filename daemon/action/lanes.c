/* lanes - one counter per destination and class; the last row counts destinations nobody knows. */
#include "action/lanes.h"

#include <assert.h>
#include <stdlib.h>

#include "config.h"
#include "store/store.h"

struct row {
	size_t under_way[MESSAGE_CLASS_COUNT];
};

struct lanes {
	const struct config_destination *destinations;
	size_t n;
	struct row *rows; /* n + 1 */
	struct store_lane *asked;
	const char **known;
	size_t total[LANES_KINDS];
};

static const struct {
	size_t lane, all;
} most[LANES_KINDS] = {
        [LANES_OF_ROLLBACKS] = {LANE_ROLLBACKS, LANES_ROLLBACKS},
        [LANES_OF_OTHERS] = {LANE_OTHERS, LANES_OTHERS},
};

enum lanes_kind lanes_kind_of(enum message_class class)
{
	return class == MESSAGE_ROLLBACK ? LANES_OF_ROLLBACKS : LANES_OF_OTHERS;
}

struct lanes *lanes_new(const struct config_destination *destinations, size_t n)
{
	struct lanes *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->destinations = destinations;
	l->n = n;
	l->rows = calloc(n + 1, sizeof(*l->rows));
	l->asked = calloc(n * MESSAGE_CLASS_COUNT + 1, sizeof(*l->asked));
	l->known = calloc(n + 1, sizeof(*l->known));
	if (l->rows == NULL || l->asked == NULL || l->known == NULL) {
		lanes_free(&l);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		l->known[i] = destinations[i].name;
	return l;
}

void lanes_free(struct lanes **l)
{
	if (*l == NULL)
		return;
	free((*l)->rows);
	free((*l)->asked);
	free((*l)->known);
	free(*l);
	*l = NULL;
}

size_t lanes_max(const struct lanes *l)
{
	/* Places of idle lanes may be asked for twice: once for others, once for themselves. */
	return LANES_ROLLBACKS + LANES_OTHERS + LANE_STRANGERS + 2 * l->n * MESSAGE_CLASS_COUNT;
}

static size_t *counter(struct lanes *l, enum message_class class,
                       const struct config_destination *to)
{
	size_t row = to != NULL ? (size_t)(to - l->destinations) : l->n;

	assert(row <= l->n);
	return &l->rows[row].under_way[class];
}

void lanes_enter(struct lanes *l, enum message_class class, const struct config_destination *to)
{
	++*counter(l, class, to);
	if (to != NULL)
		l->total[lanes_kind_of(class)]++;
}

void lanes_leave(struct lanes *l, enum message_class class, const struct config_destination *to)
{
	size_t *n = counter(l, class, to);

	assert(*n > 0);
	--*n;
	if (to != NULL)
		l->total[lanes_kind_of(class)]--;
}

static size_t strangers_under_way(const struct lanes *l)
{
	size_t n = 0;

	for (size_t class = 0; class < MESSAGE_CLASS_COUNT; class ++)
		n += l->rows[l->n].under_way[class];
	return n;
}

/* Programs that run here have fewer places than requests. */
static size_t places_of(const struct config_destination *to, enum lanes_kind kind)
{
	size_t n = (size_t)to->concurrency;

	if (n == 0)
		return most[kind].lane;
	return kind == LANES_OF_ROLLBACKS && n < LANE_ROLLBACKS_HERE ? LANE_ROLLBACKS_HERE : n;
}

bool lanes_free_places(struct lanes *l, enum lanes_kind kind, struct store_claim *out)
{
	size_t left = most[kind].all > l->total[kind] ? most[kind].all - l->total[kind] : 0;
	size_t idle = 0;

	*out = (struct store_claim){.lanes = l->asked, .known = l->known, .nknown = l->n};
	for (size_t i = 0; i < l->n * MESSAGE_CLASS_COUNT; i++) {
		enum message_class class = (enum message_class)(i % MESSAGE_CLASS_COUNT);
		size_t busy = l->rows[i / MESSAGE_CLASS_COUNT].under_way[class];
		size_t all = places_of(&l->destinations[i / MESSAGE_CLASS_COUNT], kind);
		size_t places = busy < all ? all - busy : 0;

		if (lanes_kind_of(class) != kind || places == 0 || (left == 0 && busy > 0))
			continue;
		idle += busy == 0;
		l->asked[out->n++] = (struct store_lane){
		        .class = class,
		        .destination = l->known[i / MESSAGE_CLASS_COUNT],
		        .busy = (int64_t)busy,
		        .free = (int64_t)(left > 0 ? places : 1),
		};
	}
	if (kind == LANES_OF_OTHERS && strangers_under_way(l) < LANE_STRANGERS)
		out->strangers = (int64_t)(LANE_STRANGERS - strangers_under_way(l));
	out->limit = (int64_t)(left > idle ? left : idle);
	return out->limit + out->strangers > 0;
}
