/*
 * policies - every policy this instance knows, by hash; a name points at its newest. Files are
 * imported at start; the database is told of them and is the truth (rule I1).
 */
#include "engine/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/problem.h"
#include "base/str.h"
#include "config.h"
#include "engine/policy_file.h"
#include "engine/policy_fit.h"
#include "log.h"

static struct known_policy *policies_add(struct engine *e, struct policy *take, bool file,
                                         bool stored, struct err *err)
{
	struct known_policy *known = map_get(e->policies, str_of(take->hash));

	if (known != NULL) {
		known->file = known->file || file;
		known->stored = known->stored || stored;
		policy_free(&take);
		return known;
	}
	known = calloc(1, sizeof(*known));
	if (known == NULL) {
		policy_free(&take);
		(void)err_set(err, ERR_NOMEM, "no memory for a policy");
		return NULL;
	}
	known->policy = take;
	known->file = file;
	known->stored = stored;
	if (!map_put(e->policies, str_of(take->hash), known, err)) {
		policy_free(&known->policy);
		free(known);
		return NULL;
	}
	return known;
}

static bool names_point(struct engine *e, struct known_policy *known, struct err *err)
{
	return map_put(e->names, str_of(known->policy->name), known, err);
}

/* No reason not to start: releases under way must go on. New ones are refused. */
static void warn_of_misfit(const struct engine *e, const char *path, const struct policy *p)
{
	struct problems problems;

	problems_init(&problems);
	if (!policy_fits(p, e->app->config, path, &problems)) {
		for (size_t i = 0; i < problems.n; i++)
			log_line(LOG_WARN, "policy_does_not_fit", "file=%s pointer=%s why=%s",
			         log_quote(path), log_quote(problems.list[i].pointer),
			         log_quote(problems.list[i].text));
	}
	problems_fini(&problems);
}

static bool import_file(struct engine *e, const char *path, struct problems *problems)
{
	struct err err = {.code = ERR_NONE};
	struct policy *p = policy_file_read(path, problems);
	struct known_policy *known, *same;

	if (p == NULL)
		return false;
	same = map_get(e->names, str_of(p->name));
	if (same != NULL && same->file) {
		problems_add(problems, path, 0, 0, "/policy",
		             "another file in this folder is named \"%s\" too", p->name);
		policy_free(&p);
		return false;
	}
	warn_of_misfit(e, path, p);
	known = policies_add(e, p, true, false, &err);
	if (known == NULL || !names_point(e, known, &err)) {
		problems_add(problems, path, 0, 0, "", "%s", err.text);
		return false;
	}
	return true;
}

/* Only at start, before the loop runs: reading a folder may block. */
static bool import_folder(struct engine *e, const char *folder, struct problems *problems)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, NULL, alphasort);
	bool ok = true;

	if (n < 0) {
		problems_add(problems, folder, 0, 0, "", "policies_dir cannot be read: %s",
		             strerrordesc_np(errno));
		return false;
	}
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char path[4096];

		if (name[0] != '.' && str_ends_with(str_of(name), STR(".yaml"))) {
			snprintf(path, sizeof(path), "%s/%s", folder, name);
			ok = import_file(e, path, problems) && ok;
		}
		free(entries[i]);
	}
	free(entries);
	return ok;
}

bool policies_init(struct engine *e, struct err *err)
{
	struct problems problems;
	struct buf text;
	bool ok;

	e->policies = map_new(e->app->seed);
	e->names = map_new(e->app->seed);
	if (e->policies == NULL || e->names == NULL)
		return err_set(err, ERR_NOMEM, "no memory for policies");
	if (e->app->config->policies_dir == NULL)
		return true;
	problems_init(&problems);
	buf_init(&text, 256 * 1024);
	ok = import_folder(e, e->app->config->policies_dir, &problems);
	if (!ok) {
		problems_print(&problems, &text);
		fputs(buf_str(&text).n > 0 ? buf_str(&text).p : "", stderr);
		(void)err_set(err, ERR_INVALID, "policies in %s have %zu problems",
		              e->app->config->policies_dir, problems.n + problems.dropped);
	}
	buf_fini(&text);
	problems_fini(&problems);
	return ok;
}

void policies_free(struct engine *e)
{
	size_t at = 0;
	struct str key;
	void *value;

	while (e->policies != NULL && map_next(e->policies, &at, &key, &value)) {
		struct known_policy *known = value;

		policy_free(&known->policy);
		free(known);
	}
	map_free(&e->policies);
	map_free(&e->names);
}

/* One the database has; it is taken in under the hash it was pinned with. One that is only pinned
 * says nothing about what its name stands for. */
bool policies_add_stored(struct engine *e, const char *hash, json_t *document, bool is_named)
{
	struct err err = {.code = ERR_NONE};
	struct known_policy *known = map_get(e->policies, str_of(hash)), *named;
	struct problems problems;
	struct policy *p;

	if (known == NULL) {
		problems_init(&problems);
		p = policy_from_stored(document, &problems);
		if (p == NULL) {
			log_line(LOG_ERROR, "stored_policy_unreadable", "hash=%.12s problem=%s",
			         hash,
			         log_quote(problems.n > 0 ? problems.list[0].text : "unknown"));
			problems_fini(&problems);
			return false;
		}
		if (problems.n > 0)
			log_line(LOG_WARN, "stored_policy_would_be_refused",
			         "policy=%s hash=%.12s mistakes=%zu first=%s", log_quote(p->name),
			         hash, problems.n, log_quote(problems.list[0].text));
		problems_fini(&problems);
		/* The pinned hash is the identity even if today's defaults would print another. */
		snprintf(p->hash, sizeof(p->hash), "%s", hash);
		known = policies_add(e, p, false, true, &err);
		if (known == NULL)
			return false;
	}
	known->stored = true;
	named = map_get(e->names, str_of(known->policy->name));
	if (is_named && (named == NULL || !named->file))
		return names_point(e, known, &err);
	return true;
}

struct put_op {
	struct engine *engine;
	char hash[POLICY_HASH_TEXT];
	engine_done_fn fn;
	void *ctx;
};

static void put_done(void *ctx, const struct err *err)
{
	struct put_op *op = ctx;
	struct err none = {.code = ERR_NONE};
	struct known_policy *known = map_get(op->engine->policies, str_of(op->hash));

	if (known != NULL) {
		known->storing = false;
		known->stored = known->stored || err == NULL;
		if (err == NULL && op->fn != NULL)
			(void)names_point(op->engine, known, &none);
	}
	if (err != NULL && op->fn == NULL)
		log_err(LOG_WARN, "policy_not_stored", err, "hash=%.12s", op->hash);
	if (op->fn != NULL)
		op->fn(op->ctx, err);
	free(op);
}

static bool put(struct engine *e, struct known_policy *known, const char *origin,
                const char *subject, engine_done_fn fn, void *ctx, struct err *err)
{
	struct put_op *op = calloc(1, sizeof(*op));

	if (op == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a policy");
	op->engine = e;
	op->fn = fn;
	op->ctx = ctx;
	snprintf(op->hash, sizeof(op->hash), "%s", known->policy->hash);
	if (!store_put_policy(e->app->store, known->policy, origin, subject, put_done, op, err)) {
		free(op);
		return false;
	}
	known->storing = true;
	return true;
}

/* Tells the database of files it has not seen, once it answers. What somebody put and was told is
 * not written stays unwritten. */
void policies_store_pending(struct engine *e)
{
	size_t at = 0;
	struct str key;
	void *value;

	while (map_next(e->policies, &at, &key, &value)) {
		struct known_policy *known = value;
		struct err err = {.code = ERR_NONE};

		if (known->file && !known->stored && !known->storing &&
		    !put(e, known, "file", "headgate", NULL, NULL, &err))
			return;
	}
}

bool engine_put_policy(struct engine *e, struct policy *policy_take, const char *subject,
                       engine_done_fn fn, void *ctx, struct err *err)
{
	struct known_policy *known = policies_add(e, policy_take, false, false, err);

	return known != NULL && put(e, known, "api", subject, fn, ctx, err);
}

const struct policy *engine_policy(const struct engine *e, const char *name)
{
	const struct known_policy *known = map_get(e->names, str_of(name));

	return known == NULL ? NULL : known->policy;
}

const struct policy *engine_policy_by_hash(const struct engine *e, const char *hash)
{
	const struct known_policy *known = map_get(e->policies, str_of(hash));

	return known == NULL ? NULL : known->policy;
}

bool engine_policy_is_stored(const struct engine *e, const struct policy *policy)
{
	const struct known_policy *known = map_get(e->policies, str_of(policy->hash));

	return known != NULL && known->stored;
}

bool engine_policy_is_file(const struct engine *e, const char *name)
{
	const struct known_policy *known = map_get(e->names, str_of(name));

	return known != NULL && known->file;
}

size_t engine_policy_names(const struct engine *e, const char **out, size_t max)
{
	size_t at = 0, n = 0;
	struct str key;
	void *value;

	while (n < max && map_next(e->names, &at, &key, &value))
		out[n++] = ((const struct known_policy *)value)->policy->name;
	return n;
}
