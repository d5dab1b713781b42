/*
 * freezes - what may not advance now (rule A3). The database's rows decide inside the commit;
 * memory explains.
 */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"

void freeze_list_fini(struct freeze_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->rows[i].scope);
		free(list->rows[i].name);
		free(list->rows[i].reason);
		free(list->rows[i].subject);
	}
	free(list->rows);
	*list = (struct freeze_list){0};
}

void freezes_load_row(struct freeze_list *list, const char *scope, const char *name, bool frozen,
                      const char *reason, const char *subject, struct wall since)
{
	struct freeze_row *grown;

	if (!frozen)
		return;
	grown = realloc(list->rows, (list->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return; /* shown late; the database holds the release all the same */
	list->rows = grown;
	grown[list->n++] = (struct freeze_row){.scope = text_dup(scope),
	                                       .name = text_dup(name),
	                                       .reason = text_dup(reason),
	                                       .subject = text_dup(subject),
	                                       .frozen = true,
	                                       .since = since};
}

void freezes_replace(struct engine *e, struct freeze_list *take)
{
	freeze_list_fini(&e->freezes);
	e->freezes = *take;
	*take = (struct freeze_list){0};
}

static bool row_covers(const struct freeze_row *row, const char *service, const char *environment)
{
	if (strcmp(row->scope, "global") == 0)
		return true;
	if (strcmp(row->scope, "environment") == 0)
		return strcmp(row->name, environment) == 0;
	return strcmp(row->scope, "service") == 0 && strcmp(row->name, service) == 0;
}

const struct freeze_row *freezes_over(const struct engine *e, const char *service,
                                      const char *environment)
{
	for (size_t i = 0; i < e->freezes.n; i++)
		if (row_covers(&e->freezes.rows[i], service, environment))
			return &e->freezes.rows[i];
	return NULL;
}

json_t *engine_freezes(const struct engine *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->freezes.n; i++) {
		const struct freeze_row *row = &e->freezes.rows[i];
		char since[UNITS_TEXT_MAX];

		instant_format(row->since, since);
		(void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "scope",
		                                            row->scope, "name", row->name, "reason",
		                                            row->reason, "subject", row->subject,
		                                            "since", since));
	}
	return list;
}

struct freeze_op {
	struct engine *engine;
	struct freeze_row row;
	engine_done_fn fn;
	void *ctx;
};

static void freeze_op_free(struct freeze_op *op)
{
	struct freeze_row *row = &op->row;

	free(row->scope);
	free(row->name);
	free(row->reason);
	free(row->subject);
	free(op);
}

static void memory_remove(struct engine *e, const struct freeze_row *like)
{
	for (size_t i = 0; i < e->freezes.n; i++) {
		struct freeze_row *row = &e->freezes.rows[i];

		if (strcmp(row->scope, like->scope) != 0 || strcmp(row->name, like->name) != 0)
			continue;
		free(row->scope);
		free(row->name);
		free(row->reason);
		free(row->subject);
		e->freezes.n--;
		memmove(row, row + 1, (e->freezes.n - i) * sizeof(*row));
		return;
	}
}

static void freeze_done(void *ctx, const struct err *err)
{
	struct freeze_op *op = ctx;
	struct engine *e = op->engine;
	struct freeze_row *grown;

	if (err == NULL) {
		memory_remove(e, &op->row);
		grown = op->row.frozen
		                ? realloc(e->freezes.rows, (e->freezes.n + 1) * sizeof(*grown))
		                : NULL;
		if (grown != NULL) {
			e->freezes.rows = grown;
			grown[e->freezes.n++] = op->row;
			op->row = (struct freeze_row){0};
		}
	}
	op->fn(op->ctx, err);
	freeze_op_free(op);
}

bool engine_freeze(struct engine *e, const char *scope, const char *name, bool frozen,
                   const char *subject, const char *reason, engine_done_fn fn, void *ctx,
                   struct err *err)
{
	struct freeze_op *op = calloc(1, sizeof(*op));

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a freeze");
	*op = (struct freeze_op){.engine = e,
	                         .fn = fn,
	                         .ctx = ctx,
	                         .row = {.scope = text_dup(scope),
	                                 .name = text_dup(name),
	                                 .reason = text_dup(reason),
	                                 .subject = text_dup(subject),
	                                 .frozen = frozen,
	                                 .since = loop_now(e->app->loop).wall}};
	if (op->row.scope == NULL || op->row.name == NULL || op->row.reason == NULL ||
	    op->row.subject == NULL) {
		freeze_op_free(op);
		return err_set(err, ERR_NOMEM, "no memory for a freeze");
	}
	if (!store_freeze(e->app->store, scope, name, frozen, subject, reason, freeze_done, op,
	                  err)) {
		freeze_op_free(op);
		return false;
	}
	return true;
}
