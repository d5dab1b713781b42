/*
 * door_queue - the operations that wait for a release's commit under way, the most urgent first and
 * otherwise in the order in which they came.
 */
#include "engine/door_op.h"

/* Who goes first. Incidents come in numbers: no rollback waits behind them. */
static int rank_of(enum release_event kind)
{
	switch ((int)kind) {
	case EVENT_ROLLBACK:
	case EVENT_RUNG_ROLLBACK:
		return 0;
	case EVENT_INCIDENT:
		return 1;
	case EVENT_PAUSE:
		return 2;
	default:
		return 3;
	}
}

void door_queue_add(struct tracked *t, struct door_op *op)
{
	struct door_op **at = &t->ops;

	while (*at != NULL && rank_of((*at)->event.kind) <= rank_of(op->event.kind))
		at = &(*at)->next;
	op->next = *at;
	*at = op;
	if (op->next == NULL)
		t->ops_end = &op->next;
}

bool door_queue_is_urgent(const struct tracked *t)
{
	return t->ops != NULL && rank_of(t->ops->event.kind) == 0;
}

void door_queue_first(struct tracked *t, struct door_op *op)
{
	op->next = t->ops;
	t->ops = op;
	if (op->next == NULL)
		t->ops_end = &op->next;
}

struct door_op *door_queue_take(struct tracked *t)
{
	struct door_op *op = t->ops;

	t->ops = op->next;
	op->next = NULL;
	if (t->ops == NULL)
		t->ops_end = &t->ops;
	return op;
}
