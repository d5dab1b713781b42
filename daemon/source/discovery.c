/*
 * discovery - where targets are found: files (file_sd) and documents (http_sd) in Prometheus' own
 * formats.
 *
 * What cannot be read or is not right keeps the last list that was, and says so; before the first
 * good one of each document and file, the source has no evidence, whatever the others found. A file
 * that is gone from a set of them takes its targets with it as in Prometheus; a set without any
 * file does not.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "config.h"
#include "log.h"
#include "policy/yaml.h"
#include "source/endpoint.h"
#include "source/watch.h"

#define REFRESH_MS 30000
#define DOCUMENT_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define FILES_MAX 256
#define PATH_BYTES_MAX ((size_t)8192)

struct discovery {
	struct watch watch;
	json_t *groups; /* own: [{targets, labels, found_by}]; NULL: never any */
	json_t *files;  /* own, of file_sd: {path: groups}, the last good of each */
	bool is_whole;  /* groups has a list of every file */
	struct wall looked;
	char why[240]; /* the newest mistake; "" when all was right */
};

const json_t *discovery_groups(const struct watch *w)
{
	return ((const struct discovery *)w)->groups;
}

const char *discovery_gap(const struct watch *w)
{
	const struct discovery *d = (const struct discovery *)w;

	if (d->groups != NULL && d->is_whole)
		return NULL;
	return d->why[0] != '\0' ? d->why : "it has not been looked at yet";
}

/* Takes the groups; NULL: there is nothing new. */
static void keep(struct discovery *d, json_t *take, const struct err *err)
{
	bool was_bad = d->why[0] != '\0';
	bool is_news = take != NULL && (d->groups == NULL || !json_equal(take, d->groups));

	d->looked = watch_now(&d->watch);
	watch_answered(&d->watch, err == NULL);
	snprintf(d->why, sizeof(d->why), "%s", err != NULL ? err->text : "");
	text_mend_cut(d->why, sizeof(d->why));
	if (err != NULL && !was_bad)
		log_err(LOG_WARN, "discovery_failed", err, "kind=%s where=%s targets=%s",
		        d->watch.kind->name, log_quote(d->watch.url),
		        d->groups != NULL ? "kept" : "none");
	else if (err == NULL && was_bad)
		log_line(LOG_INFO, "discovery_recovered", "where=%s", log_quote(d->watch.url));
	json_decref(is_news ? d->groups : take);
	if (is_news) {
		d->groups = take;
		log_line(LOG_INFO, "targets_found", "where=%s groups=%zu", log_quote(d->watch.url),
		         json_array_size(take));
	}
	sources_discovered(d->watch.sources, &d->watch, is_news);
}

/* --- files --- */

static bool read_file(const char *path, struct buf *out, struct err *err)
{
	char chunk[16 * 1024];
	/* A pipe without a writer would stop the loop. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat found;
	bool is_file = fd >= 0 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
	FILE *file = is_file ? fdopen(fd, "r") : NULL;
	size_t n;
	bool ok;

	if (file == NULL) {
		if (fd >= 0)
			close(fd);
		return err_set(err, ERR_UNAVAILABLE,
		               fd >= 0 && !is_file ? "is no file" : "cannot be opened");
	}
	while (out->failed == ERR_NONE && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_add(out, chunk, n);
	ok = !ferror(file) || err_set(err, ERR_UNAVAILABLE, "cannot be read");
	fclose(file);
	return ok && buf_ok(out, err);
}

static json_t *parse_json(struct str text, struct err *err)
{
	json_error_t where;
	json_t *document =
	        json_loadb(text.n > 0 ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &where);

	if (document == NULL)
		(void)err_set(err, ERR_INVALID, "is not JSON (line %d, column %d)", where.line,
		              where.column);
	return document;
}

static json_t *parse_yaml(const char *path, struct str text, struct err *err)
{
	struct positions *positions = positions_new();
	struct problems problems;
	json_t *document = NULL;

	problems_init(&problems);
	if (positions != NULL)
		document = yaml_parse(path, text, DOCUMENT_BYTES_MAX, positions, &problems);
	if (document == NULL)
		(void)err_set(err, ERR_INVALID, "line %d: %s",
		              problems.n > 0 ? (int)problems.list[0].line : 0,
		              problems.n > 0 ? problems.list[0].text : "no memory");
	problems_fini(&problems);
	positions_free(&positions);
	return document;
}

/* The groups of one file; NULL with *err. */
static json_t *load(const char *path, struct err *err)
{
	json_t *document = NULL, *groups = json_array();
	struct buf text;

	buf_init(&text, DOCUMENT_BYTES_MAX);
	if (read_file(path, &text, err))
		document = str_ends_with(str_of(path), STR(".json"))
		                   ? parse_json(buf_str(&text), err)
		                   : parse_yaml(path, buf_str(&text), err);
	buf_fini(&text);
	if (document == NULL || !endpoints_read(document, path, groups, err)) {
		err_prefix(err, "%.150s", path);
		json_decref(groups);
		groups = NULL;
	}
	json_decref(document);
	return groups;
}

/* All groups of all files, in the order of their names; a new reference. NULL: there are no files,
 * or with *err no memory. */
static json_t *join_groups(const json_t *files, struct err *err)
{
	json_t *all = json_object_size(files) > 0 ? json_array() : NULL;
	bool ok = true;
	const char *path;
	json_t *groups;

	json_object_foreach((json_t *)(uintptr_t)files, path, groups) ok =
	        ok && json_array_extend(all, groups) == 0;
	if (ok && (all != NULL || json_object_size(files) == 0))
		return all;
	json_decref(all);
	(void)err_set(err, ERR_NOMEM, "no memory for its targets");
	return NULL;
}

/* Reads the files anew; those that are bad keep what they had. The first mistake is told. */
static bool load_all(struct discovery *d, char **paths, size_t n, struct err *err)
{
	json_t *files = json_object();
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		struct err own = {.code = ERR_NONE};
		json_t *groups = load(paths[i], &own);

		if (groups == NULL && ok)
			*err = own;
		ok = ok && groups != NULL;
		if (groups == NULL)
			groups = json_incref(json_object_get(d->files, paths[i]));
		if (groups != NULL)
			(void)json_object_set_new(files, paths[i], groups);
	}
	json_decref(d->files);
	d->files = files;
	d->is_whole = json_object_size(files) == n;
	return ok;
}

static void file_start(struct watch *w)
{
	struct discovery *d = (struct discovery *)w;
	struct err err = {.code = ERR_NONE};
	json_t *groups;
	glob_t found = {0};
	bool is_there = glob(w->url, GLOB_ERR, NULL, &found) == 0 && found.gl_pathc > 0;

	if (!is_there)
		(void)err_set(&err, ERR_NOT_FOUND, "there is no such file");
	else if (found.gl_pathc > FILES_MAX)
		(void)err_set(&err, ERR_LIMIT, "there are more than %d such files", FILES_MAX);
	else
		(void)load_all(d, found.gl_pathv, found.gl_pathc, &err);
	groups = join_groups(d->files, &err);
	keep(d, groups, err.code == ERR_NONE ? NULL : &err);
	globfree(&found);
}

/* --- documents --- */

static json_t *read_answer(const struct discovery *d, const struct fetch_reply *r, struct err *err)
{
	static const char json[] = "application/json";
	json_t *document, *groups;

	if (r->failure != FETCH_OK) {
		*err = r->err;
		return NULL;
	}
	if (r->status != 200) {
		(void)err_set(err, ERR_INVALID, "status %ld", r->status);
		return NULL;
	}
	if (strncasecmp(r->content_type, json, strlen(json)) != 0) {
		(void)err_set(err, ERR_INVALID, "the answer is not JSON by its Content-Type");
		return NULL;
	}
	document = parse_json(r->body, err);
	groups = document != NULL ? json_array() : NULL;
	if (groups != NULL && !endpoints_read(document, d->watch.url, groups, err)) {
		json_decref(groups);
		groups = NULL;
	}
	json_decref(document);
	return groups;
}

static void on_done(void *ctx, const struct fetch_reply *reply)
{
	struct discovery *d = ctx;
	struct err err = {.code = ERR_NONE};
	json_t *groups;

	d->watch.fetch = NULL;
	groups = read_answer(d, reply, &err);
	d->is_whole = d->is_whole || groups != NULL;
	keep(d, groups, groups != NULL ? NULL : &err);
}

static void http_start(struct watch *w)
{
	struct discovery *d = (struct discovery *)w;
	char refresh[80];
	const char *const headers[] = {"Accept: application/json", refresh, NULL};
	struct err err = {.code = ERR_NONE};

	snprintf(refresh, sizeof(refresh), "X-Prometheus-Refresh-Interval-Seconds: %lld",
	         (long long)(w->every_ms / 1000));
	if (!watch_fetch(w,
	                 &(struct fetch_request){.headers = headers,
	                                         .max_bytes = DOCUMENT_BYTES_MAX,
	                                         .takes_gzip = true,
	                                         .done = on_done},
	                 &err))
		keep(d, NULL, &err);
}

/* --- both --- */

static bool discovery_init(struct watch *w, const struct ask *ask, struct err *err)
{
	(void)w;
	(void)ask;
	(void)err;
	return true;
}

static void discovery_stop(struct watch *w)
{
	struct discovery *d = (struct discovery *)w;

	json_decref(d->groups);
	json_decref(d->files);
}

static void discovery_forget(struct watch *w)
{
	(void)w; /* where targets are does not depend on clocks */
}

static void discovery_describe(const struct watch *w, json_t *into)
{
	const struct discovery *d = (const struct discovery *)w;
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(d->groups); i++)
		n += json_array_size(json_object_get(json_array_get(d->groups, i), "targets"));
	(void)json_object_set_new(into, "up", json_boolean(d->looked.ms != 0 && d->why[0] == '\0'));
	(void)json_object_set_new(into, "last_attempt", instant_json(d->looked.ms));
	(void)json_object_set_new(into, "last_good", instant_json(w->last_good.ms));
	(void)json_object_set_new(into, "targets", json_integer((json_int_t)n));
	(void)json_object_set_new(into, "error",
	                          d->why[0] != '\0' ? json_string(d->why) : json_null());
}

/* Joined with the targets they find, see scrape.c. */
static bool nothing_more(struct subscription *s, struct err *err)
{
	(void)s;
	(void)err;
	return true;
}

static bool is_inside(const char *path)
{
	return path[0] != '/' && strcmp(path, "..") != 0 && strncmp(path, "../", 3) != 0 &&
	       strstr(path, "/../") == NULL;
}

static bool join_file(struct subscription *s, size_t source, const char *file, struct err *err)
{
	const char *folder = s->sources->app->config->targets_dir;
	const struct policy_source *from = &s->policy->sources[source];
	struct ask ask = {.share = ""};
	struct buf path;
	bool ok;

	ask.every_ms = from->sd_refresh_ms > 0 ? from->sd_refresh_ms : REFRESH_MS;
	ask.timeout_ms = from->timeout_ms;
	buf_init(&path, PATH_BYTES_MAX);
	buf_printf(&path, "%s/%s", folder != NULL ? folder : ".", file);
	ask.url = path.bytes;
	ok = buf_ok(&path, err) &&
	     (is_inside(file) ||
	      err_set(err, ERR_DENIED, "file_sd %.100s is outside of targets_dir", file)) &&
	     subscription_join(s, &s->views[source].discoveries, &source_file_sd, &ask, err);
	buf_fini(&path);
	return ok;
}

bool discovery_join(struct subscription *s, size_t source, struct err *err)
{
	const struct policy_source *from = &s->policy->sources[source];

	for (size_t i = 0; i < from->nfile_sd; i++) {
		if (!join_file(s, source, from->file_sd[i], err))
			return false;
	}
	for (size_t i = 0; i < from->nhttp_sd; i++) {
		struct ask ask = {
		        .url = from->http_sd[i],
		        .share = "",
		        .every_ms = from->sd_refresh_ms > 0 ? from->sd_refresh_ms : REFRESH_MS,
		        .timeout_ms = from->timeout_ms,
		        .credentials = from->credentials,
		};

		if (!subscription_join(s, &s->views[source].discoveries, &source_http_sd, &ask,
		                       err))
			return false;
	}
	return true;
}

const struct watch_kind source_file_sd = {
        .name = "file_sd",
        .size = sizeof(struct discovery),
        .subscribe = nothing_more,
        .init = discovery_init,
        .start = file_start,
        .stop = discovery_stop,
        .forget = discovery_forget,
        .describe = discovery_describe,
};

const struct watch_kind source_http_sd = {
        .name = "http_sd",
        .size = sizeof(struct discovery),
        .subscribe = nothing_more,
        .init = discovery_init,
        .start = http_start,
        .stop = discovery_stop,
        .forget = discovery_forget,
        .describe = discovery_describe,
};
