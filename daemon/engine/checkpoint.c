/*
 * checkpoint - when bake and votes are written beside their release (rule B3).
 */
#include "engine/internal.h"

/* Rule B3: at each vote, each change of verdict, and at most every 60 s. */
void checkpoint_write(struct engine *e, struct tracked *t, bool force)
{
	struct wall now = loop_now(e->app->loop).wall;

	if (t->checkpoint == NULL || !e->owner)
		return;
	if (!force && now.ms - t->checkpoint_at.ms < ENGINE_CHECKPOINT_MS)
		return;
	t->checkpoint->row_version = t->release->row_version;
	t->checkpoint_at = now;
	store_checkpoint(e->app->store, t->release->id, t->checkpoint);
}
