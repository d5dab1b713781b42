/*
 * outbox - how far the messages of a release are: asked of the database whenever one was
 * acknowledged or refused, whoever delivered it; the answer leads to a decision.
 */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

struct outbox_question {
	struct engine *engine;
	int64_t release_id;
	int64_t row_version;
};

static void forget(struct tracked *t)
{
	t->enter_pending = t->rollback_pending = t->dampen_pending = t->smoke_pending = 0;
	t->rollback_acked = 0;
	t->enter_refused = t->rollback_refused = false;
	t->smoke_failing = t->smoke_refused = t->smoke_unanswered = false;
}

static void keep_text(char **at, const char *text)
{
	free(*at);
	*at = text_dup(text);
}

static void count_smoke(struct tracked *t, const struct store_outbox_status *row)
{
	t->smoke_pending += row->pending;
	t->smoke_refused = t->smoke_refused || row->refused > 0;
	t->smoke_failing = t->smoke_failing || row->failing > 0;
	t->smoke_unanswered = t->smoke_unanswered || row->unanswered > 0;
	keep_text(&t->smoke_action, row->failing_action);
}

/* Of an option, or of what goes with the way back. */
static void count_back(struct tracked *t, const struct store_outbox_status *row)
{
	const struct rollback_progress *b = &t->release->rollback;

	if (row->option == MESSAGE_SMOKE) {
		if (row->row_version == b->smoke_version)
			count_smoke(t, row);
		return;
	}
	if (row->option < 0) {
		t->dampen_pending += row->pending;
		return;
	}
	if (row->row_version == b->version) {
		t->rollback_pending += row->pending;
		t->rollback_refused = t->rollback_refused || row->refused > 0;
	}
	if (row->pending == 0 && row->option < 63)
		t->rollback_acked |= INT64_C(1) << row->option;
}

static void count(struct tracked *t, const struct store_outbox_status *row)
{
	if (row->class == MESSAGE_ROLLBACK) {
		count_back(t, row);
	} else if (row->class == MESSAGE_ADVANCE && row->row_version == t->release->entry_version) {
		t->enter_pending += row->pending;
		t->enter_refused = t->enter_refused || row->refused > 0;
		if (row->refused > 0 && row->refused_action != NULL)
			keep_text(&t->refused_action, row->refused_action);
	}
}

static void outbox_answered(void *ctx, const struct store_outbox_status *rows, size_t n,
                            const struct err *err)
{
	struct outbox_question *q = ctx;
	struct engine *e = q->engine;
	struct tracked *t = registry_find(e, q->release_id);

	e->outbox_asking--;
	if (t != NULL)
		t->outbox_asked = false;
	if (t == NULL || err != NULL || t->release->row_version != q->row_version)
		goto out; /* asked again at the next look */
	forget(t);
	for (size_t i = 0; i < n; i++)
		count(t, &rows[i]);
	t->outbox_known = true;
	t->outbox_version = q->row_version;
	door_decide(e, t);
out:
	free(q);
}

/* Asks the database how far the messages of one release are; the answer leads to a decision. */
void outbox_refresh(struct engine *e, struct tracked *t)
{
	struct err err = {.code = ERR_NONE};
	struct outbox_question *q;

	if (t->outbox_asked || !e->store_up || e->outbox_asking >= ENGINE_OUTBOX_ASKING_MAX)
		return;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return;
	*q = (struct outbox_question){
	        .engine = e, .release_id = t->release->id, .row_version = t->release->row_version};
	if (!store_outbox(e->app->store, &q->release_id, 1, outbox_answered, q, &err)) {
		free(q);
		return;
	}
	t->outbox_asked = true;
	e->outbox_asking++;
}

void engine_outbox_changed(struct engine *e, int64_t release_id)
{
	struct tracked *t = registry_find(e, release_id);

	if (t != NULL)
		outbox_refresh(e, t);
}
