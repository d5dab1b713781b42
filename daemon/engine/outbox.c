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

void outbox_forget_drift(struct tracked *t)
{
	t->drift_known = false;
	free(t->drifted_action);
	free(t->drifted_text);
	t->drifted_action = t->drifted_text = NULL;
}

static void forget(struct tracked *t)
{
	t->enter_pending = t->rollback_pending = t->dampen_pending = t->smoke_pending = 0;
	t->rollback_acked = 0;
	t->enter_refused = t->rollback_refused = false;
	t->smoke_failing = t->smoke_refused = t->smoke_unanswered = false;
	outbox_forget_drift(t);
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

/* What an option was told last speaks for it: one that is asked for again is not acknowledged by
 * what it answered before. */
static void count_option(struct tracked *t, const struct store_outbox_status *row)
{
	int64_t bit = row->option < 63 ? INT64_C(1) << row->option : 0;

	if (row->pending == 0)
		t->rollback_acked |= bit;
	else
		t->rollback_acked &= ~bit;
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
	count_option(t, row);
}

/* Of several the first by name, so that it is always the same one. An advance's state is not wanted
 * any more once the way back has begun. */
static void note_drift(struct tracked *t, const struct store_outbox_status *row)
{
	bool is_forward =
	        t->release->state == RELEASE_RUNNING || t->release->state == RELEASE_PAUSED;

	if (row->drifted_action == NULL || (row->class == MESSAGE_ADVANCE && !is_forward) ||
	    (t->drifted_action != NULL && strcmp(t->drifted_action, row->drifted_action) <= 0))
		return;
	keep_text(&t->drifted_action, row->drifted_action);
	keep_text(&t->drifted_text, row->drifted_text);
}

static void count(struct tracked *t, const struct store_outbox_status *row)
{
	note_drift(t, row);
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
	if (t == NULL || err != NULL)
		goto out; /* asked again at the next look */
	if (t->release->row_version != q->row_version) {
		t->drift_known = false; /* that is not new: nothing goes on by it until it is */
		goto out;
	}
	forget(t);
	for (size_t i = 0; i < n; i++)
		count(t, &rows[i]);
	t->outbox_known = t->drift_known = true;
	t->outbox_version = q->row_version;
	door_decide(e, t);
out:
	free(q);
	if (t != NULL && t->outbox_again)
		outbox_refresh(e, t);
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
	t->outbox_again = false;
	t->outbox_at = loop_now(e->app->loop).mono;
	e->outbox_asking++;
}

static bool reads_back(const struct policy *p)
{
	for (size_t i = 0; p != NULL && i < p->nactions; i++) {
		if (p->actions[i].read.path != NULL)
			return true;
	}
	return false;
}

bool outbox_is_old(const struct engine *e, const struct tracked *t)
{
	int64_t since_ns = loop_now(e->app->loop).mono.ns - t->outbox_at.ns;

	if (!t->outbox_known || !t->drift_known || t->enter_pending > 0 ||
	    t->rollback_pending > 0 || t->dampen_pending > 0 || t->smoke_pending > 0 ||
	    t->drifted_action != NULL)
		return true;
	return since_ns > ENGINE_DRIFT_NS && release_is_active(t->release->state) &&
	       reads_back(t->bound);
}

void engine_outbox_changed(struct engine *e, int64_t release_id)
{
	struct tracked *t = registry_find(e, release_id);

	if (t == NULL)
		return;
	t->outbox_again = t->outbox_asked;
	outbox_refresh(e, t);
}
