/* Splits a text into literal pieces and placeholders, and puts values in their place, escaped for
 * where they stand. A filled value is never read again: what it holds cannot open a placeholder or
 * leave its string. */
#include "policy/placeholder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"
#include "policy/placeholder_scan.h"

#define FILLED_MAX_BYTES (64 * 1024)
#define JSON_MAX_DEPTH 32

static bool lacks_value(struct str name, struct err *err)
{
	return err_set(err, ERR_INVALID, "${%.*s} has no value for this release", (int)name.n,
	               name.p);
}

static bool copy_text(struct str name, const char *text, json_t **out, struct err *err)
{
	if (!text)
		return lacks_value(name, err);
	*out = json_string(text);
	return *out ? true : err_set(err, ERR_NOMEM, "no memory to fill a placeholder");
}

static bool copy_member(struct str name, const json_t *object, struct str key, json_t **out,
                        struct err *err)
{
	char text[128];
	json_t *value = NULL;

	if (key.n >= sizeof(text))
		return lacks_value(name, err);
	memcpy(text, key.p, key.n);
	text[key.n] = '\0';
	value = json_object_get(object, text);
	if (!value || json_is_null(value))
		return lacks_value(name, err);
	*out = json_deep_copy(value);
	return *out ? true : err_set(err, ERR_NOMEM, "no memory to fill a placeholder");
}

static bool stage_value(struct str name, const struct policy_stage *stage, json_t **out,
                        struct err *err)
{
	if (str_eq_text(name, "stage.audience"))
		return copy_text(name, stage->audience ? stage->audience : "", out, err);
	if (str_eq_text(name, "stage.name"))
		return copy_text(name, stage->stage, out, err);
	if (!str_eq_text(name, "stage.weight"))
		return copy_member(name, stage->flags,
		                   placeholder_member(name, STR("stage.flags.")), out, err);
	if (stage->weight < 0)
		return err_set(err, ERR_INVALID,
		               "${stage.weight} has no value: stage %s has no weight",
		               stage->stage);
	*out = json_integer(stage->weight);
	return *out ? true : err_set(err, ERR_NOMEM, "no memory to fill a placeholder");
}

/* Of names of the caller's own what is missing is empty. */
static bool named_value(struct str name, const json_t *names, json_t **out, struct err *err)
{
	struct err missing;

	if (copy_member(name, names, name, out, &missing))
		return true;
	if (missing.code == ERR_NOMEM) {
		*err = missing;
		return false;
	}
	*out = json_string("");
	return *out ? true : err_set(err, ERR_NOMEM, "no memory to fill a placeholder");
}

/* A placeholder of the stage, or of the start, before that is known. */
static bool is_open(struct str name, const struct policy_values *values)
{
	if (values->names)
		return false;
	return (!values->stage && placeholder_is_of_stage(name)) ||
	       (!values->started_at && placeholder_is_of_start(name));
}

/* The value behind a name, with its type; a new reference. */
static bool look_up(struct str name, const struct policy_values *values, json_t **out,
                    struct err *err)
{
	const struct {
		const char *name;
		const char *value;
	} plain[] = {
	        {"service", values->service},     {"environment", values->environment},
	        {"version", values->version},     {"stable_version", values->stable_version},
	        {"component", values->component}, {"started_at", values->started_at},
	};

	if (values->names)
		return named_value(name, values->names, out, err);
	if (!placeholder_is_known(name))
		return placeholder_refuse_unknown(name, err);
	if (placeholder_is_of_stage(name))
		return stage_value(name, values->stage, out, err);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		if (str_eq_text(name, plain[i].name))
			return copy_text(name, plain[i].value, out, err);
	}
	return copy_member(name, values->params, placeholder_member(name, STR("params.")), out,
	                   err);
}

static void add_url(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (placeholder_is_word((struct str){.p = &c, .n = 1}) || c == '.' || c == '~')
			buf_add_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

static void add_json(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x20 || c == 0x7F)
			buf_printf(out, "\\u%04x", (unsigned)c);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_add_char(out, s.p[i]);
	}
}

static bool add_argument(struct buf *out, struct str name, struct str s, struct err *err)
{
	if (memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n))
		return err_set(err, ERR_INVALID, "the value of ${%.*s} holds a line break",
		               (int)name.n, name.p);
	buf_add_str(out, s);
	return true;
}

static bool add_promql(struct buf *out, struct str name, struct str s, const struct quotes *quotes,
                       struct err *err)
{
	if (!quotes_hold(quotes))
		return err_set(err, ERR_INVALID,
		               "${%.*s} stands outside a string of the expression", (int)name.n,
		               name.p);
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (quotes->open == '`' && c == '`')
			return err_set(err, ERR_INVALID, "the value of ${%.*s} holds a back quote",
			               (int)name.n, name.p);
		if (quotes->open == '`')
			buf_add_char(out, s.p[i]);
		else if (c < 0x20)
			buf_printf(out, "\\x%02x", (unsigned)c);
		else if (c == '\\' || s.p[i] == quotes->open)
			buf_printf(out, "\\%c", c);
		else
			buf_add_char(out, s.p[i]);
	}
	return true;
}

/* One text being filled. */
struct fill {
	enum placeholder_place place;
	const struct policy_values *values;
	struct quotes quotes;
	bool again; /* stage placeholders stay open: all of it is filled once more, so "$${" stays
	               as it is */
	bool raw; /* a string of a JSON value: its escapes are written when the value is printed */
	struct buf out;
};

/* What a second filling would read as a placeholder must not come in with a value of the first. */
static bool may_be_filled_again(const struct fill *f, struct str name, struct str s,
                                struct err *err)
{
	if (f->again && memmem(s.p, s.n, "${", 2))
		return err_set(err, ERR_INVALID, "the value of ${%.*s} holds \"${\"", (int)name.n,
		               name.p);
	return true;
}

static bool add_value(struct fill *f, struct str name, struct str s, struct err *err)
{
	if (!may_be_filled_again(f, name, s, err))
		return false;
	if (memchr(s.p, '\0', s.n))
		return err_set(err, ERR_INVALID, "the value of ${%.*s} holds a NUL character",
		               (int)name.n, name.p);
	if (f->raw) {
		buf_add_str(&f->out, s);
		return true;
	}
	switch (f->place) {
	case PLACE_PROMQL:
		return add_promql(&f->out, name, s, &f->quotes, err);
	case PLACE_URL:
		add_url(&f->out, s);
		return true;
	case PLACE_JSON:
		add_json(&f->out, s);
		return true;
	case PLACE_ARGUMENT:
		return add_argument(&f->out, name, s, err);
	case PLACE_TEXT:
		buf_add_str(&f->out, s);
		return true;
	}
	return err_set(err, ERR_BUG, "no such place for a placeholder");
}

static bool add_scalar(struct fill *f, struct str name, const json_t *value, struct err *err)
{
	char text[UNITS_TEXT_MAX];

	if (json_is_string(value))
		return add_value(
		        f, name,
		        (struct str){.p = json_string_value(value), .n = json_string_length(value)},
		        err);
	if (json_is_boolean(value))
		return add_value(f, name, str_of(json_is_true(value) ? "true" : "false"), err);
	if (!json_is_number(value))
		return err_set(err, ERR_INVALID,
		               "the value of ${%.*s} is a list or an object: it cannot stand "
		               "inside a text",
		               (int)name.n, name.p);
	if (json_is_integer(value))
		(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else
		number_format(json_real_value(value), text);
	return add_value(f, name, str_of(text), err);
}

static bool add_name(struct fill *f, struct str name, struct err *err)
{
	json_t *value = NULL;
	bool ok = false;

	if (is_open(name, f->values)) {
		buf_printf(&f->out, "${%.*s}", (int)name.n, name.p);
		return true;
	}
	if (!look_up(name, f->values, &value, err))
		return false;
	ok = add_scalar(f, name, value, err);
	json_decref(value);
	return ok;
}

static bool stays_open(struct str text, const struct policy_values *values)
{
	struct piece piece;

	for (size_t at = 0;
	     (piece = placeholder_next(text, &at)).kind != PIECE_END && piece.kind != PIECE_BAD;) {
		if (piece.kind == PIECE_NAME && is_open(piece.text, values))
			return true;
	}
	return false;
}

/* A value must not walk up a path: "." and ".." are segments with a meaning, and no escape takes it
 * away. */
static bool url_climbs(struct str url)
{
	size_t start = 0;

	for (size_t i = 0; i <= url.n; i++) {
		bool ends = i == url.n || url.p[i] == '/' || url.p[i] == '?' || url.p[i] == '#';
		struct str segment = str_slice(url, start, i);

		if (!ends)
			continue;
		if (str_eq_text(segment, ".") || str_eq_text(segment, ".."))
			return true;
		start = i + 1;
	}
	return false;
}

static bool fill_pieces(struct fill *f, struct str text, struct err *err)
{
	struct piece piece;

	for (size_t at = 0; (piece = placeholder_next(text, &at)).kind != PIECE_END;) {
		if (piece.kind == PIECE_BAD)
			return placeholder_refuse_open(err);
		if (piece.kind == PIECE_NAME && !add_name(f, piece.text, err))
			return false;
		if (piece.kind == PIECE_ESCAPE)
			buf_add_text(&f->out, f->again ? "$${" : "${");
		if (piece.kind == PIECE_TEXT) {
			quotes_feed(&f->quotes, piece.text);
			buf_add_str(&f->out, piece.text);
		}
	}
	if (f->place == PLACE_URL && url_climbs(buf_str(&f->out)))
		return err_set(err, ERR_INVALID,
		               "the filled address has a \".\" or \"..\" in its path");
	return buf_ok(&f->out, err);
}

static char *fill_text(struct fill *f, struct str text, struct err *err)
{
	char *filled = NULL;

	buf_init(&f->out, FILLED_MAX_BYTES);
	f->quotes = (struct quotes){0};
	if (fill_pieces(f, text, err)) {
		filled = buf_take_text(&f->out);
		if (!filled)
			(void)err_set(err, ERR_NOMEM, "no memory to fill a placeholder");
	}
	buf_fini(&f->out);
	return filled;
}

char *placeholder_fill(const char *text, enum placeholder_place place,
                       const struct policy_values *values, struct err *err)
{
	struct fill f = {
	        .place = place, .values = values, .again = stays_open(str_of(text), values)};

	return fill_text(&f, str_of(text), err);
}

static struct str string_of(const json_t *value)
{
	return (struct str){.p = json_string_value(value), .n = json_string_length(value)};
}

/* The name when the text is exactly one placeholder, else empty. */
static struct str only_name(struct str text)
{
	size_t at = 0;
	struct piece piece = placeholder_next(text, &at);

	if (piece.kind == PIECE_NAME && at == text.n)
		return piece.text;
	return (struct str){.p = "", .n = 0};
}

static json_t *made(json_t *value, struct err *err)
{
	if (!value)
		(void)err_set(err, ERR_NOMEM, "no memory to fill placeholders");
	return value;
}

static json_t *fill_string(struct fill *f, const json_t *value, struct err *err)
{
	struct str name = only_name(string_of(value));
	json_t *filled = NULL;
	char *text = NULL;

	if (name.n > 0 && !is_open(name, f->values)) {
		if (!look_up(name, f->values, &filled, err))
			return NULL;
		if (!json_is_string(filled) || may_be_filled_again(f, name, string_of(filled), err))
			return filled;
		json_decref(filled);
		return NULL;
	}
	text = fill_text(f, string_of(value), err);
	if (!text)
		return NULL;
	filled = made(json_string(text), err);
	free(text);
	return filled;
}

static json_t *fill_value(struct fill *f, const json_t *value, size_t depth, struct err *err);

static bool fill_array(struct fill *f, const json_t *value, size_t depth, json_t *filled,
                       struct err *err)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		json_t *item = fill_value(f, json_array_get(value, i), depth + 1, err);

		if (!item)
			return false;
		if (json_array_append_new(filled, item) != 0)
			return made(NULL, err);
	}
	return true;
}

static bool fill_object(struct fill *f, const json_t *value, size_t depth, json_t *filled,
                        struct err *err)
{
	const char *key;
	json_t *member;

	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		json_t *item = fill_value(f, member, depth + 1, err);

		if (!item)
			return false;
		if (json_object_set_new(filled, key, item) != 0)
			return made(NULL, err);
	}
	return true;
}

static json_t *fill_value(struct fill *f, const json_t *value, size_t depth, struct err *err)
{
	bool is_array = json_is_array(value);
	json_t *filled = NULL;

	if (depth > JSON_MAX_DEPTH) {
		(void)err_set(err, ERR_LIMIT, "nested deeper than %d levels", JSON_MAX_DEPTH);
		return NULL;
	}
	if (json_is_string(value))
		return fill_string(f, value, err);
	if (!is_array && !json_is_object(value))
		return made(json_deep_copy(value), err);
	filled = made(is_array ? json_array() : json_object(), err);
	if (filled && !(is_array ? fill_array(f, value, depth, filled, err)
	                         : fill_object(f, value, depth, filled, err))) {
		json_decref(filled);
		return NULL;
	}
	return filled;
}

/* Calls `each` for every string inside a value, until it says true. */
struct string_visit {
	bool (*each)(struct string_visit *visit, struct str text);
	const struct policy_values *values;
	const char *name;
	enum placeholder_scope scope;
	const char *const *names;
	struct err *err;
};

static bool visit_strings(const json_t *value, struct string_visit *visit, size_t depth)
{
	void *at = NULL;

	if (json_is_string(value))
		return visit->each(visit, string_of(value));
	if (depth > JSON_MAX_DEPTH)
		return false;
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (visit_strings(json_array_get(value, i), visit, depth + 1))
			return true;
	}
	at = json_object_iter((json_t *)(uintptr_t)value);
	for (; at; at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
		if (visit_strings(json_object_iter_value(at), visit, depth + 1))
			return true;
	}
	return false;
}

static bool visit_open(struct string_visit *visit, struct str text)
{
	return stays_open(text, visit->values);
}

static bool visit_uses(struct string_visit *visit, struct str text)
{
	return placeholder_uses(text.p, visit->name);
}

static bool visit_bad(struct string_visit *visit, struct str text)
{
	return !placeholder_check(text.p, PLACE_JSON, visit->scope, visit->err);
}

static bool visit_unnamed(struct string_visit *visit, struct str text)
{
	return !placeholder_check_names(text.p, visit->names, visit->err);
}

json_t *placeholder_fill_json(const json_t *value, const struct policy_values *values,
                              struct err *err)
{
	struct string_visit open = {.each = visit_open, .values = values};
	struct fill f = {.place = PLACE_JSON,
	                 .values = values,
	                 .again = visit_strings(value, &open, 0),
	                 .raw = true};

	return fill_value(&f, value, 0, err);
}

bool placeholder_check_json(const json_t *value, enum placeholder_scope scope, struct err *err)
{
	struct string_visit bad = {.each = visit_bad, .scope = scope, .err = err};

	return !visit_strings(value, &bad, 0);
}

bool placeholder_check_names_json(const json_t *value, const char *const *names, struct err *err)
{
	struct string_visit bad = {.each = visit_unnamed, .names = names, .err = err};

	return !visit_strings(value, &bad, 0);
}

bool placeholder_uses_json(const json_t *value, const char *name)
{
	struct string_visit uses = {.each = visit_uses, .name = name};

	return visit_strings(value, &uses, 0);
}
