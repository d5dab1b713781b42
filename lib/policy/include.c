#include "policy/include.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/field.h"
#include "base/str.h"
#include "policy/yaml.h"

#define PATH_MAX_BYTES 256

static const char *const shared_sections[] = {"sources", "kpis", "gates", "actions", NULL};

struct expansion {
	const char *file;
	json_t *document;
	const struct policy_include *include;
	struct positions *positions; /* of the document; the included files' are copied into it */
	struct problems *problems;
};

static size_t count_reported(const struct expansion *e)
{
	return e->problems->n + e->problems->dropped;
}

PRINTF_LIKE(4, 5)
static void report(struct expansion *e, const struct positions *positions, const char *pointer,
                   const char *fmt, ...)
{
	const struct position *at = positions_find(positions, pointer);
	char text[512];
	va_list args;

	va_start(args, fmt);
	text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	problems_add(e->problems, at ? at->file : e->file, at ? at->line : 0, at ? at->column : 0,
	             pointer, "%s", text);
}

static void no_memory(struct expansion *e)
{
	report(e, NULL, "/include", "cannot be read: no memory");
}

/* Below the policy's own folder and nowhere else. */
static const char *path_fault(struct str path)
{
	size_t start = 0;

	if (path.n == 0 || path.n > PATH_MAX_BYTES)
		return "must be a path of 1 to 256 bytes";
	if (path.p[0] == '/')
		return "must be relative to the policy's folder";
	for (size_t i = 0; i <= path.n; i++) {
		struct str part = str_slice(path, start, i);

		if (i < path.n && ((unsigned char)path.p[i] < ' ' || path.p[i] == '\\'))
			return "holds a control character or a backslash";
		if (i < path.n && path.p[i] != '/')
			continue;
		if (part.n == 0 || str_eq_text(part, ".") || str_eq_text(part, ".."))
			return "must not have empty, \".\" or \"..\" parts";
		start = i + 1;
	}
	return NULL;
}

/* The included file beside the including one, as people would open it. */
static void shown_path(const char *file, const char *path, char out[2 * PATH_MAX_BYTES])
{
	const char *slash = strrchr(file, '/');
	int folder = slash && slash - file < PATH_MAX_BYTES ? (int)(slash - file) + 1 : 0;

	(void)snprintf(out, 2 * PATH_MAX_BYTES, "%.*s%.*s", folder, file, PATH_MAX_BYTES, path);
}

static void put_position(struct expansion *e, const char *pointer, const struct position *at)
{
	struct err err;

	if (at && !positions_put(e->positions, pointer, *at, &err))
		no_memory(e);
}

/* Copies the places of a value and all below it from the included file's table. `d` only carries
 * the pointer. */
static void copy_positions(struct expansion *e, const json_t *value, const struct positions *from,
                           struct decode *d)
{
	const char *pointer = buf_str(&d->pointer).p;
	struct buf own;
	const char *key;
	json_t *member;

	buf_init(&own, 16 * 1024);
	buf_printf(&own, "%s~", pointer); /* where yaml.c keeps the value's own place */
	put_position(e, pointer, positions_find(from, pointer));
	if (own.failed == ERR_NONE)
		put_position(e, own.bytes, positions_find(from, own.bytes));
	buf_fini(&own);
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		size_t mark = decode_push(d, key);

		copy_positions(e, member, from, d);
		decode_pop(d, mark);
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		size_t mark = decode_push_index(d, i);

		copy_positions(e, json_array_get(value, i), from, d);
		decode_pop(d, mark);
	}
}

static void merge_entry(struct expansion *e, json_t *into, const char *key, json_t *value,
                        const struct positions *from, struct decode *d)
{
	const char *pointer = buf_str(&d->pointer).p;
	const struct position *first = positions_find(e->positions, pointer);
	char quote[STR_QUOTE_MAX];

	if (json_object_get(into, key)) {
		report(e, from, pointer, "%s stands in two files: the other is %s:%d:%d",
		       str_quote(str_of(key), quote), first ? first->file : e->file,
		       first ? first->line : 0, first ? first->column : 0);
		return;
	}
	if (json_object_set(into, key, value) != 0)
		no_memory(e);
	copy_positions(e, value, from, d);
}

/* Into the section of the document, which is made when there is none. */
static void merge_section(struct expansion *e, const char *section, json_t *entries,
                          const struct positions *from, struct decode *d)
{
	json_t *into = json_object_get(e->document, section);
	const char *key;
	json_t *value;

	if (!json_is_object(entries)) {
		report(e, from, buf_str(&d->pointer).p,
		       "must be an object with a name for each entry");
		return;
	}
	if (!into) {
		into = json_object();
		if (json_object_set_new(e->document, section, into) != 0) {
			no_memory(e);
			return;
		}
		put_position(e, buf_str(&d->pointer).p,
		             positions_find(from, buf_str(&d->pointer).p));
	}
	if (!json_is_object(into))
		return; /* the decode says so */
	json_object_foreach(entries, key, value)
	{
		size_t mark = decode_push(d, key);

		merge_entry(e, into, key, value, from, d);
		decode_pop(d, mark);
	}
}

static bool is_shared(const char *section)
{
	for (size_t i = 0; shared_sections[i]; i++) {
		if (strcmp(shared_sections[i], section) == 0)
			return true;
	}
	return false;
}

static void merge_document(struct expansion *e, json_t *included, const struct positions *from)
{
	struct decode d;
	const char *section;
	json_t *entries;

	decode_init(&d, e->problems, from);
	if (!json_is_object(included))
		report(e, from, "", "must hold sources, kpis, gates or actions");
	json_object_foreach(included, section, entries)
	{
		size_t mark = decode_push(&d, section);

		if (is_shared(section))
			merge_section(e, section, entries, from, &d);
		else if (strcmp(section, "include") == 0)
			report(e, from, "/include",
			       "an included file may not include further ones");
		else
			report(e, from, buf_str(&d.pointer).p,
			       "an included file holds sources, kpis, gates and actions, nothing "
			       "else");
		decode_pop(&d, mark);
	}
	decode_fini(&d);
}

static void include_file(struct expansion *e, const char *pointer, const char *path)
{
	struct positions *positions = positions_new();
	char shown[2 * PATH_MAX_BYTES];
	struct err err = {.code = ERR_NONE};
	const char *text = NULL;
	json_t *included = NULL;
	size_t n = 0;

	shown_path(e->file, path, shown);
	text = e->include->read(e->include->ctx, path, &n, &err);
	if (!text)
		report(e, e->positions, pointer, "cannot be included: %s", err.text);
	else if (!positions)
		no_memory(e);
	else
		included = yaml_read(shown, (struct str){.p = text, .n = n}, POLICY_MAX_BYTES,
		                     positions, e->problems);
	if (included)
		merge_document(e, included, positions);
	json_decref(included);
	positions_free(&positions);
}

static void include_entry(struct expansion *e, json_t *list, size_t i)
{
	const json_t *entry = json_array_get(list, i);
	const char *path = json_string_value(entry);
	const char *fault = path ? path_fault(str_of(path)) : "must be a path";
	char pointer[32];

	(void)snprintf(pointer, sizeof(pointer), "/include/%zu", i);
	if (fault) {
		report(e, e->positions, pointer, "%s", fault);
		return;
	}
	for (size_t j = 0; j < i; j++) {
		if (json_equal(json_array_get(list, j), entry)) {
			report(e, e->positions, pointer, "is included twice");
			return;
		}
	}
	include_file(e, pointer, path);
}

bool include_expand(const char *file, json_t *document, const struct policy_include *include,
                    struct positions *positions, struct problems *problems)
{
	struct expansion e = {.file = file,
	                      .document = document,
	                      .include = include,
	                      .positions = positions,
	                      .problems = problems};
	size_t before = count_reported(&e);
	json_t *list = json_incref(json_object_get(document, "include"));

	if (!list)
		return true;
	if (!include || !include->read)
		report(&e, positions, "/include",
		       "files can be included by files in policies_dir only");
	else if (!json_is_array(list) || json_array_size(list) > INCLUDE_MAX_FILES)
		report(&e, positions, "/include",
		       "must be a list of at most %d files: [common/http.yaml]", INCLUDE_MAX_FILES);
	else
		for (size_t i = 0; i < json_array_size(list); i++)
			include_entry(&e, list, i);
	(void)json_object_del(document, "include");
	json_decref(list);
	return count_reported(&e) == before;
}
