/* Reads libyaml's events into JSON. Recursion is bounded by YAML_MAX_DEPTH; every refused feature
 * is reported and read over where the events allow it, so that one run lists all mistakes. */
#include "policy/yaml.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/buf.h"
#include "base/field.h"
#include "base/str.h"

#define YAML_MAX_DEPTH 16
#define YAML_MAX_KEY_BYTES 256
#define YAML_MAX_NODES                                                                             \
	20000 /* bounds the memory of the positions: each holds its whole pointer                  \
	       */
#define POINTER_MAX (YAML_MAX_DEPTH * (2 * YAML_MAX_KEY_BYTES + 2))
#define QUOTED_BYTES 64 /* how much of a strange key a message repeats */

struct reader {
	yaml_parser_t parser;
	const char *file;
	struct str text;
	struct decode walk; /* only its pointer is used */
	struct positions *positions;
	struct problems *problems;
	size_t unkept; /* inside so many keys whose places are not kept: refused, or there already
	                */
	struct position key; /* of the member about to be read; line 0 when it is none */
	size_t depth;
	size_t nodes;
	size_t line_at;  /* the line the byte columns were last counted in, from 0 ... */
	size_t line_off; /* ... and where it starts */
	yaml_mark_t
	        mark; /* the last one looked up, and its byte: whole documents stand on one line */
	size_t mark_off;
	bool ok;   /* nothing was reported */
	bool stop; /* reading on makes no sense */
};

/* libyaml counts characters; people's editors and our problems count bytes. Marks mostly rise, so
 * the start of the last line is remembered. Only \r, \n and \r\n break lines: the others were
 * refused beforehand. */
static size_t line_start(struct reader *r, size_t line)
{
	if (line < r->line_at) {
		r->line_at = 0;
		r->line_off = 0;
	}
	while (r->line_at < line && r->line_off < r->text.n) {
		char c = r->text.p[r->line_off++];

		if (c == '\r' && r->line_off < r->text.n && r->text.p[r->line_off] == '\n')
			r->line_off++;
		if (c == '\r' || c == '\n')
			r->line_at++;
	}
	return r->line_off;
}

static struct position position_of(struct reader *r, yaml_mark_t mark)
{
	size_t start = line_start(r, mark.line);
	bool goes_on =
	        r->mark_off >= start && r->mark.line == mark.line && r->mark.column <= mark.column;
	size_t at = goes_on ? r->mark_off : start;

	for (size_t left = mark.column - (goes_on ? r->mark.column : 0); left > 0 && at < r->text.n;
	     left--) {
		at++;
		while (at < r->text.n && ((unsigned char)r->text.p[at] & 0xC0) == 0x80)
			at++;
	}
	r->mark = mark;
	r->mark_off = at;
	return (struct position){
	        .file = r->file, .line = (int)mark.line + 1, .column = (int)(at - start) + 1};
}

/* Of bytes libyaml would not even read. */
static struct position position_of_offset(struct reader *r, size_t offset)
{
	size_t line = 0;
	size_t start = 0;

	while (line_start(r, line + 1) <= offset && r->line_off < r->text.n)
		line++;
	start = line_start(r, line);
	return (struct position){
	        .file = r->file, .line = (int)line + 1, .column = (int)(offset - start) + 1};
}

PRINTF_LIKE(3, 4)
static void problem(struct reader *r, struct position at, const char *fmt, ...)
{
	char text[512];
	va_list args;

	va_start(args, fmt);
	text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	problems_add(r->problems, at.file, at.line, at.column,
	             r->walk.pointer.n ? r->walk.pointer.bytes : "", "%s", text);
	r->ok = false;
}

static void out_of_memory(struct reader *r)
{
	problem(r, (struct position){.file = r->file}, "no memory to read this document");
	r->stop = true;
}

static void syntax_problem(struct reader *r)
{
	const char *what = r->parser.problem ? r->parser.problem : "unreadable";
	struct position at = r->parser.error == YAML_READER_ERROR
	                             ? position_of_offset(r, r->parser.problem_offset)
	                             : position_of(r, r->parser.problem_mark);

	r->stop = true;
	if (r->parser.error == YAML_MEMORY_ERROR) {
		out_of_memory(r);
		return;
	}
	if (!r->parser.context) {
		problem(r, at, "not YAML: %s", what);
		return;
	}
	problem(r, at, "not YAML: %s, %s at line %zu%s", what, r->parser.context,
	        r->parser.context_mark.line + 1,
	        strstr(r->parser.context, "a flow ")
	                ? "; between { } and [ ] a text with [ ] { } or , stands in quotes"
	                : "");
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
	if (r->stop)
		return false;
	if (!yaml_parser_parse(&r->parser, event)) {
		syntax_problem(r);
		return false;
	}
	return true;
}

static const char *pointer_now(const struct reader *r)
{
	return r->walk.pointer.n ? r->walk.pointer.bytes : "";
}

static void put(struct reader *r, const char *pointer, struct position at)
{
	struct err err;

	if (!positions_put(r->positions, pointer, at, &err))
		out_of_memory(r);
}

/* The value's own place goes under a pointer no value can have: "~" is always followed by 0 or 1.
 */
static bool value_pointer(const char *pointer, struct buf *out)
{
	buf_init(out, POINTER_MAX);
	buf_add_text(out, pointer);
	buf_add_char(out, '~');
	return out->failed == ERR_NONE;
}

const struct position *yaml_value_position(const struct positions *positions, const char *pointer)
{
	const struct position *at = NULL;
	struct buf own;

	if (value_pointer(pointer, &own))
		at = positions_find(positions, own.bytes);
	buf_fini(&own);
	return at;
}

/* A member stands where its key stands: that is where people look for it, and all there is of a key
 * that is not known. An item of a list, and the document, stand where they begin. */
static void remember(struct reader *r, struct position at)
{
	struct position member = r->key.line > 0 ? r->key : at;
	struct buf own;

	r->key = (struct position){0};
	if (r->unkept > 0)
		return;
	member.plain = at.plain;
	put(r, pointer_now(r), member);
	if (value_pointer(pointer_now(r), &own))
		put(r, own.bytes, at);
	else
		out_of_memory(r);
	buf_fini(&own);
}

static json_t *read_node(struct reader *r, yaml_event_t *event);

/* Anchors and tags are refused, their value is read all the same. */
static void refuse_decoration(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag,
                              struct position at)
{
	if (anchor)
		problem(r, at,
		        "anchors (&%s) are not used here: write the value out, or share it with "
		        "include",
		        (const char *)anchor);
	if (tag)
		problem(r, at, "tags (!...) are not used here: the field decides the type");
}

static json_t *read_scalar(struct reader *r, const yaml_event_t *event, struct position at)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t n = event->data.scalar.length;
	json_t *value = NULL;

	refuse_decoration(r, event->data.scalar.anchor, event->data.scalar.tag, at);
	at.plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	remember(r, at);
	if (memchr(text, '\0', n)) {
		problem(r, at, "a NUL character may not stand in a text");
		return json_string("");
	}
	value = json_stringn(text, n);
	if (!value)
		out_of_memory(r);
	return value;
}

static json_t *read_sequence(struct reader *r, const yaml_event_t *start, struct position at)
{
	json_t *list = json_array();
	yaml_event_t event;
	bool end = !list;

	refuse_decoration(r, start->data.sequence_start.anchor, start->data.sequence_start.tag, at);
	remember(r, at);
	while (!end && next_event(r, &event)) {
		size_t mark = decode_push_index(&r->walk, json_array_size(list));

		end = event.type == YAML_SEQUENCE_END_EVENT;
		if (!end && json_array_append_new(list, read_node(r, &event)) != 0)
			r->stop = true; /* reported by read_node */
		yaml_event_delete(&event);
		decode_pop(&r->walk, mark);
	}
	return list;
}

/* The key's text, or NULL with a problem; a key that is no scalar is read over. */
static char *read_key(struct reader *r, yaml_event_t *event, struct position at)
{
	const char *text = NULL;
	size_t n = 0;

	if (event->type != YAML_SCALAR_EVENT) {
		problem(r, at, "a key must be a plain word, not a list, a mapping or an alias");
		if (event->type != YAML_ALIAS_EVENT)
			json_decref(read_node(r, event));
		return NULL;
	}
	text = (const char *)event->data.scalar.value;
	n = event->data.scalar.length;
	refuse_decoration(r, event->data.scalar.anchor, event->data.scalar.tag, at);
	if (n == 0 || n > YAML_MAX_KEY_BYTES || memchr(text, '\0', n)) {
		problem(r, at, "a key must have 1 to %d bytes and no NUL character",
		        YAML_MAX_KEY_BYTES);
		return NULL;
	}
	if (n == 2 && memcmp(text, "<<", 2) == 0 &&
	    event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		problem(r, at,
		        "merge keys (<<) are not used here: write the keys out, or share them with "
		        "include");
		return NULL;
	}
	return str_dup((struct str){.p = text, .n = n});
}

static void refuse_repeated(struct reader *r, const char *key, struct position at)
{
	const struct position *first = positions_find(r->positions, pointer_now(r));
	char quote[STR_QUOTE_MAX];

	problem(r, at, "key %s stands here already, at line %d", str_quote(str_of(key), quote),
	        first ? first->line : 0);
}

/* The value of a refused key is read over; what it refuses itself is reported. */
static void read_member(struct reader *r, json_t *object, yaml_event_t *key_event)
{
	struct position at = position_of(r, key_event->start_mark);
	char *key = read_key(r, key_event, at);
	size_t mark = decode_push(&r->walk, key ? key : "?");
	bool repeated = key && json_object_get(object, key);
	bool kept = key && !repeated;
	yaml_event_t event;
	json_t *value = NULL;

	if (repeated)
		refuse_repeated(r, key, at);
	r->unkept += kept ? 0 : 1;
	r->key = at;
	if (next_event(r, &event)) {
		value = read_node(r, &event);
		yaml_event_delete(&event);
	}
	r->unkept -= kept ? 0 : 1;
	if (kept && value && json_object_set(object, key, value) != 0)
		out_of_memory(r);
	json_decref(value);
	decode_pop(&r->walk, mark);
	free(key);
}

static json_t *read_mapping(struct reader *r, const yaml_event_t *start, struct position at)
{
	json_t *object = json_object();
	yaml_event_t event;
	bool end = !object;

	refuse_decoration(r, start->data.mapping_start.anchor, start->data.mapping_start.tag, at);
	remember(r, at);
	while (!end && next_event(r, &event)) {
		end = event.type == YAML_MAPPING_END_EVENT;
		if (!end)
			read_member(r, object, &event);
		yaml_event_delete(&event);
	}
	return object;
}

/* What cannot be read further: the document is larger or deeper than any policy has reason to be.
 */
static bool within_bounds(struct reader *r, struct position at)
{
	r->stop = true;
	if (r->depth >= YAML_MAX_DEPTH)
		problem(r, at, "nested deeper than %d levels", YAML_MAX_DEPTH);
	else if (r->nodes >= YAML_MAX_NODES)
		problem(r, at, "more than %d values in one document", YAML_MAX_NODES);
	else
		r->stop = false;
	return !r->stop;
}

/* A new reference, also after a problem; NULL only without memory (reported). */
static json_t *read_node(struct reader *r, yaml_event_t *event)
{
	struct position at = position_of(r, event->start_mark);
	json_t *value = NULL;

	if (!within_bounds(r, at))
		return json_null();
	r->nodes++;
	r->depth++;
	/* The other events only stand between nodes. */
	if (event->type == YAML_SCALAR_EVENT) {
		value = read_scalar(r, event, at);
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		value = read_sequence(r, event, at);
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		value = read_mapping(r, event, at);
	} else {
		problem(r, at,
		        "aliases (*%s) are not used here: write the value out, or share it with "
		        "include",
		        event->type == YAML_ALIAS_EVENT ? (const char *)event->data.alias.anchor
		                                        : "");
		value = json_null();
	}
	r->depth--;
	if (!value)
		out_of_memory(r);
	return value;
}

static void refuse_directives(struct reader *r, const yaml_event_t *event)
{
	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		problem(r, position_of(r, event->start_mark), "%%TAG directives are not used here");
}

static json_t *read_stream(struct reader *r)
{
	json_t *root = NULL;
	yaml_event_t event;
	bool end = false;

	while (!end && next_event(r, &event)) {
		end = event.type == YAML_STREAM_END_EVENT;
		if (event.type == YAML_DOCUMENT_START_EVENT && root) {
			problem(r, position_of(r, event.start_mark),
			        "a second document (---) may not follow");
			end = true;
		} else if (event.type == YAML_DOCUMENT_START_EVENT) {
			refuse_directives(r, &event);
		} else if (event.type != YAML_STREAM_START_EVENT &&
		           event.type != YAML_DOCUMENT_END_EVENT && !end) {
			root = read_node(r, &event);
		}
		yaml_event_delete(&event);
	}
	if (!root && r->ok)
		problem(r, (struct position){.file = r->file, .line = 1, .column = 1},
		        "the document is empty");
	return root;
}

/* Bytes no editor counts alike are refused before libyaml sees them: NUL, broken UTF-8, and the
 * line breaks of YAML 1.1 (NEL, LS, PS), which would shift every line number after them. */
static bool text_is_readable(struct reader *r, size_t max_bytes)
{
	static const char *const breaks[] = {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
	struct position at = {.file = r->file, .line = 1, .column = 1};

	if (r->text.n > max_bytes)
		problem(r, at, "the document has %zu bytes, more than the %zu allowed", r->text.n,
		        max_bytes);
	else if (!str_is_utf8(r->text))
		problem(r, at, "the document is not UTF-8, or holds a NUL character");
	for (size_t i = 0; r->ok && i < ARRAY_LEN(breaks); i++) {
		if (memmem(r->text.p, r->text.n, breaks[i], strlen(breaks[i])))
			problem(r, at,
			        "the document holds a Unicode line break: write it as \\L, \\P or "
			        "\\N "
			        "in double quotes");
	}
	return r->ok;
}

json_t *yaml_read(const char *file, struct str text, size_t max_bytes, struct positions *positions,
                  struct problems *problems)
{
	struct reader r = {.file = file,
	                   .text = text,
	                   .positions = positions,
	                   .problems = problems,
	                   .ok = true};
	json_t *root = NULL;

	if (!text_is_readable(&r, max_bytes))
		return NULL;
	if (!yaml_parser_initialize(&r.parser)) {
		out_of_memory(&r);
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
	decode_init(&r.walk, problems, positions);
	root = read_stream(&r);
	decode_fini(&r.walk);
	yaml_parser_delete(&r.parser);
	if (r.stop) {
		json_decref(root);
		return NULL;
	}
	return root;
}

json_t *yaml_parse(const char *file, struct str text, size_t max_bytes, struct positions *positions,
                   struct problems *problems)
{
	size_t before = problems->n + problems->dropped;
	json_t *root = yaml_read(file, text, max_bytes, positions, problems);

	if (problems->n + problems->dropped != before) {
		json_decref(root);
		return NULL;
	}
	return root;
}
