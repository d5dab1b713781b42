/*
 * freezes - what may not advance now (rule A3). The database's rows decide inside the commit;
 * memory explains.
 */
#include "engine/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"

static void rows_free(struct freeze_row **rows, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		free((*rows)[i].scope);
		free((*rows)[i].name);
		free((*rows)[i].reason);
		free((*rows)[i].subject);
	}
	free(*rows);
	*rows = NULL;
	*n = 0;
}

void freezes_free(struct engine *e)
{
	rows_free(&e->freezes, &e->nfreezes);
	rows_free(&e->freezes_loading, &e->nfreezes_loading);
}

void freezes_load_row(struct engine *e, const char *scope, const char *name, bool frozen,
                      const char *reason, const char *subject, struct wall since)
{
	struct freeze_row *grown;

	if (!frozen)
		return;
	grown = realloc(e->freezes_loading, (e->nfreezes_loading + 1) * sizeof(*grown));
	if (grown == NULL)
		return; /* shown late; the database holds the release all the same */
	e->freezes_loading = grown;
	grown[e->nfreezes_loading++] = (struct freeze_row){.scope = text_dup(scope),
	                                                   .name = text_dup(name),
	                                                   .reason = text_dup(reason),
	                                                   .subject = text_dup(subject),
	                                                   .frozen = true,
	                                                   .since = since};
}

void freezes_load_done(struct engine *e, bool ok)
{
	if (!ok) {
		rows_free(&e->freezes_loading, &e->nfreezes_loading);
		return;
	}
	rows_free(&e->freezes, &e->nfreezes);
	e->freezes = e->freezes_loading;
	e->nfreezes = e->nfreezes_loading;
	e->freezes_loading = NULL;
	e->nfreezes_loading = 0;
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
	for (size_t i = 0; i < e->nfreezes; i++)
		if (row_covers(&e->freezes[i], service, environment))
			return &e->freezes[i];
	return NULL;
}

json_t *engine_freezes(const struct engine *e)
{
	json_t *list = json_array();

	for (size_t i = 0; i < e->nfreezes; i++) {
		const struct freeze_row *row = &e->freezes[i];
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
	for (size_t i = 0; i < e->nfreezes; i++) {
		struct freeze_row *row = &e->freezes[i];

		if (strcmp(row->scope, like->scope) != 0 || strcmp(row->name, like->name) != 0)
			continue;
		free(row->scope);
		free(row->name);
		free(row->reason);
		free(row->subject);
		e->nfreezes--;
		memmove(row, row + 1, (e->nfreezes - i) * sizeof(*row));
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
		grown = op->row.frozen ? realloc(e->freezes, (e->nfreezes + 1) * sizeof(*grown))
		                       : NULL;
		if (grown != NULL) {
			e->freezes = grown;
			grown[e->nfreezes++] = op->row;
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
