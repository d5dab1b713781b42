/* endpoint - the targets of a source, however they were found. */
#include "source/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/str.h"
#include "source/url_text.h"

#define URL_MAX_BYTES ((size_t)8 * 1024)
#define TARGETS_MAX 10000 /* of one document */
#define LABELS_MAX 64     /* of one group */
#define LABEL_BYTES_MAX 4096
#define MAP_SEED UINT64_C(0x9e3779b97f4a7c15)

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "no memory for a target");
}

void endpoints_free(struct endpoints *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->list[i].url);
		json_decref(e->list[i].labels);
		free(e->list[i].found_by);
	}
	free(e->list);
	*e = (struct endpoints){0};
}

char *endpoint_key(const struct endpoint *e)
{
	return json_dumps(e->labels, JSON_SORT_KEYS | JSON_COMPACT);
}

/* --- the URL --- */

static const char *text_of(const json_t *labels, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(labels, name));

	return text != NULL && *text != '\0' ? text : otherwise;
}

/* "name=value&..." of the source's params and the labels' __param_NAME, which win. */
static void add_params(const struct policy_source *source, const json_t *labels, struct buf *out)
{
	const char *name;
	json_t *value;

	json_object_foreach(source->params, name, value)
	{
		struct buf label;
		bool is_given;

		buf_init(&label, 1024);
		buf_printf(&label, "__param_%s", name);
		is_given = text_of(labels, label.bytes != NULL ? label.bytes : "", NULL) != NULL;
		buf_fini(&label);
		if (is_given)
			continue;
		if (json_is_string(value))
			url_add_param(out, name, str_of(json_string_value(value)));
		for (size_t i = 0; i < json_array_size(value); i++)
			url_add_param(out, name,
			              str_of(json_string_value(json_array_get(value, i))));
	}
	json_object_foreach((json_t *)(uintptr_t)labels, name, value)
	{
		if (strncmp(name, "__param_", 8) == 0)
			url_add_param(out, name + 8, str_of(json_string_value(value)));
	}
}

static bool is_host_and_port(const char *address)
{
	if (*address == '\0')
		return false;
	for (const char *p = address; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("/?#@\\", *p) != NULL)
			return false;
	}
	return true;
}

/* Heap; NULL with *err. */
static char *make_url(const struct policy_source *source, const char *address, const json_t *labels,
                      struct err *err)
{
	const char *scheme = text_of(labels, "__scheme__", source_scheme_names[source->scheme]);
	const char *path =
	        text_of(labels, "__metrics_path__",
	                source->metrics_path != NULL ? source->metrics_path : "/metrics");
	struct buf url, params;
	char *out = NULL;
	char quote[STR_QUOTE_MAX];

	buf_init(&url, URL_MAX_BYTES);
	buf_init(&params, URL_MAX_BYTES);
	add_params(source, labels, &params);
	buf_printf(&url, "%s://%s%s", scheme, address, path);
	if (params.n > 0) {
		buf_add_char(&url, strchr(path, '?') != NULL ? '&' : '?');
		buf_add_str(&url, buf_str(&params));
	}
	if (!is_host_and_port(address))
		(void)err_set(err, ERR_INVALID, "%s is no host:port",
		              str_quote(str_of(address), quote));
	else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		(void)err_set(err, ERR_INVALID, "__scheme__ %s is neither http nor https",
		              str_quote(str_of(scheme), quote));
	else if (path[0] != '/')
		(void)err_set(err, ERR_INVALID, "__metrics_path__ %s does not begin with /",
		              str_quote(str_of(path), quote));
	else if (buf_ok(&params, err) && buf_ok(&url, err))
		out = buf_take_text(&url);
	buf_fini(&params);
	buf_fini(&url);
	return out;
}

/* --- labels --- */

/* host:port of a URL, the scheme's own port when it names none; `with_path`: what follows too. */
static char *instance_of(const char *url, bool with_path)
{
	const char *host = strstr(url, "://");
	const char *at, *end;
	bool is_https = strncasecmp(url, "https:", 6) == 0;
	char *out = NULL;
	struct buf text;

	host = host != NULL ? host + 3 : url;
	end = host + strcspn(host, "/?#");
	at = memchr(host, '@', (size_t)(end - host));
	if (at != NULL)
		host = at + 1;
	at = memchr(host, ']', (size_t)(end - host)); /* an IPv6 address has colons of its own */
	at = at != NULL ? at : host;
	buf_init(&text, URL_MAX_BYTES);
	buf_add(&text, host, (size_t)(end - host));
	if (memchr(at, ':', (size_t)(end - at)) == NULL)
		buf_add_text(&text, is_https ? ":443" : ":80");
	if (with_path)
		buf_add_text(&text, end);
	out = buf_take_text(&text);
	buf_fini(&text);
	return out;
}

static json_t *make_labels(const char *job, const char *instance, const json_t *labels)
{
	json_t *out = json_pack("{s:s, s:s}", "job", job, "instance", instance);
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)labels, name, value)
	{
		if (out == NULL || strncmp(name, "__", 2) == 0 || json_string_length(value) == 0)
			continue;
		if (json_object_set(out, name, value) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static bool has_room(struct endpoints *e, struct err *err)
{
	size_t capacity = e->capacity > 0 ? 2 * e->capacity : 16;
	struct endpoint *grown;

	if (e->n < e->capacity)
		return true;
	grown = realloc(e->list, capacity * sizeof(*grown));
	if (grown == NULL)
		return no_memory(err);
	e->list = grown;
	e->capacity = capacity;
	return true;
}

bool endpoints_add(struct endpoints *e, const struct policy_source *source, const char *address,
                   const json_t *labels, const char *found_by, struct err *err)
{
	bool is_url = strstr(address, "://") != NULL;
	struct endpoint one = {0};
	char *instance = is_url ? instance_of(address, false) : text_dup(address);
	bool ok = false;

	if (!has_room(e, err))
		goto out;
	if (is_url && (one.url = text_dup(address)) == NULL) {
		no_memory(err);
		goto out;
	}
	if (!is_url && (one.url = make_url(source, address, labels, err)) == NULL)
		goto out;
	one.labels = instance != NULL ? make_labels(source->name, instance, labels) : NULL;
	one.found_by = text_dup(found_by);
	ok = (one.labels != NULL && (found_by == NULL || one.found_by != NULL)) || no_memory(err);
out:
	free(instance);
	if (ok) {
		e->list[e->n++] = one;
		return true;
	}
	free(one.url);
	json_decref(one.labels);
	free(one.found_by);
	return false;
}

/* Marks those whose labels another one with a different URL has too. */
static bool find_confused(const struct endpoints *e, bool *confused, bool *any, struct err *err)
{
	struct map *first = map_new(MAP_SEED);
	bool ok = first != NULL || no_memory(err);

	*any = false;
	for (size_t i = 0; ok && i < e->n; i++) {
		char *key = endpoint_key(&e->list[i]);
		struct endpoint *other = key != NULL ? map_get(first, str_of(key)) : NULL;

		if (key == NULL)
			ok = no_memory(err);
		else if (other == NULL)
			ok = map_put(first, str_of(key), &e->list[i], err);
		else if (strcmp(other->url, e->list[i].url) != 0)
			*any = confused[i] = confused[other - e->list] = true;
		free(key);
	}
	map_free(&first);
	return ok;
}

static bool rename_instance(struct endpoint *one, bool whole, struct err *err)
{
	char *instance = whole ? text_dup(one->url) : instance_of(one->url, true);
	bool ok = instance != NULL &&
	          json_object_set_new(one->labels, "instance", json_string(instance)) == 0;

	free(instance);
	return ok || no_memory(err);
}

bool endpoints_settle(struct endpoints *e, struct err *err)
{
	bool *confused = calloc(e->n + 1, sizeof(*confused));
	bool ok = confused != NULL || no_memory(err), any = true;

	for (int round = 0; ok && any && round < 2; round++) {
		memset(confused, 0, e->n * sizeof(*confused));
		ok = find_confused(e, confused, &any, err);
		for (size_t i = 0; ok && any && i < e->n; i++) {
			if (confused[i])
				ok = rename_instance(&e->list[i], round > 0, err);
		}
	}
	free(confused);
	return ok;
}

/* --- documents --- */

static bool check_group_labels(const json_t *labels, struct err *err)
{
	const char *name;
	json_t *value;
	char quote[STR_QUOTE_MAX];

	if (labels != NULL && !json_is_object(labels))
		return err_set(err, ERR_INVALID, "its labels are no object");
	if (json_object_size(labels) > LABELS_MAX)
		return err_set(err, ERR_LIMIT, "it has more than %d labels", LABELS_MAX);
	json_object_foreach((json_t *)(uintptr_t)labels, name, value)
	{
		if (!json_is_string(value) || json_string_length(value) > LABEL_BYTES_MAX)
			return err_set(err, ERR_INVALID, "the value of label %s is no text",
			               str_quote(str_of(name), quote));
		if (strncmp(name, "__", 2) != 0 && !policy_label_is_fine(name))
			return err_set(err, ERR_INVALID, "%s is no label's name",
			               str_quote(str_of(name), quote));
	}
	return true;
}

static bool check_group(const json_t *group, size_t *ntargets, struct err *err)
{
	const json_t *targets = json_object_get(group, "targets");
	char quote[STR_QUOTE_MAX];

	if (!json_is_object(group))
		return err_set(err, ERR_INVALID, "it is no object");
	if (targets != NULL && !json_is_array(targets))
		return err_set(err, ERR_INVALID, "its targets are no list");
	*ntargets += json_array_size(targets);
	if (*ntargets > TARGETS_MAX)
		return err_set(err, ERR_LIMIT, "there are more than %d targets", TARGETS_MAX);
	for (size_t i = 0; i < json_array_size(targets); i++) {
		const char *target = json_string_value(json_array_get(targets, i));

		if (target == NULL || !is_host_and_port(target))
			return err_set(
			        err, ERR_INVALID, "%s is no host:port",
			        str_quote(str_of(target != NULL ? target : "a target"), quote));
	}
	return check_group_labels(json_object_get(group, "labels"), err);
}

static json_t *copy_group(const json_t *group, const char *found_by)
{
	json_t *targets = json_object_get(group, "targets");
	json_t *labels = json_object_get(group, "labels");
	json_t *out = json_pack("{s:s}", "found_by", found_by);

	if (out != NULL && targets != NULL && json_object_set(out, "targets", targets) != 0)
		goto fail;
	if (out != NULL && labels != NULL && json_object_set(out, "labels", labels) != 0)
		goto fail;
	return out;
fail:
	json_decref(out);
	return NULL;
}

bool endpoints_read(const json_t *document, const char *found_by, json_t *groups, struct err *err)
{
	size_t ntargets = 0;

	if (!json_is_array(document))
		return err_set(err, ERR_INVALID, "it is no list of groups of targets");
	for (size_t i = 0; i < json_array_size(document); i++) {
		if (!check_group(json_array_get(document, i), &ntargets, err)) {
			err_prefix(err, "group %zu", i + 1);
			return false;
		}
	}
	for (size_t i = 0; i < json_array_size(document); i++) {
		if (json_array_append_new(groups,
		                          copy_group(json_array_get(document, i), found_by)) != 0)
			return no_memory(err);
	}
	return true;
}
