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

#define FILLED_MAX_BYTES (64 * 1024)
#define JSON_MAX_DEPTH 32

enum piece_kind {
	PIECE_END = 0,
	PIECE_TEXT,   /* as it stands */
	PIECE_ESCAPE, /* "$${", which stands for "${" */
	PIECE_NAME,   /* between "${" and "}" */
	PIECE_BAD     /* "${" without "}" */
};

struct piece {
	enum piece_kind kind;
	struct str text;
};

static struct piece next_piece(struct str text, size_t *at)
{
	struct str rest = str_slice(text, *at, text.n);
	size_t n = 0;

	if (rest.n == 0)
		return (struct piece){.kind = PIECE_END};
	if (str_starts_with(rest, STR("$${"))) {
		*at += 3;
		return (struct piece){.kind = PIECE_ESCAPE, .text = str_slice(rest, 0, 3)};
	}
	if (str_starts_with(rest, STR("${"))) {
		const char *end = memchr(rest.p, '}', rest.n);

		if (!end)
			return (struct piece){.kind = PIECE_BAD, .text = rest};
		n = (size_t)(end - rest.p);
		*at += n + 1;
		return (struct piece){.kind = PIECE_NAME, .text = str_slice(rest, 2, n)};
	}
	for (n = 1; n < rest.n && rest.p[n] != '$'; n++)
		;
	*at += n;
	return (struct piece){.kind = PIECE_TEXT, .text = str_slice(rest, 0, n)};
}

/* Inside which string literal of a PromQL text a place lies. Fed with the literal pieces only. */
struct quotes {
	char open; /* the quote that will close it, '#' in a comment, 0 outside */
	bool escaped;
};

static void quotes_feed(struct quotes *q, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (q->escaped)
			q->escaped = false;
		else if (q->open == '#')
			q->open = c == '\n' ? '\0' : '#';
		else if (q->open == '\0' && (c == '"' || c == '\'' || c == '`' || c == '#'))
			q->open = c;
		else if (q->open != '\0' && c == '\\' && q->open != '`')
			q->escaped = true;
		else if (c == q->open)
			q->open = '\0';
	}
}

static bool quotes_hold(const struct quotes *q)
{
	return q->open != '\0' && q->open != '#' && !q->escaped;
}

/* clang-format off */
static const char *const known_names[] = {
	"service", "environment", "version", "stable_version", "component",
	"params.x", "stage.name", "stage.weight", "stage.flags.x", NULL
};
/* clang-format on */

static bool is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return s.n > 0;
}

/* The part after `prefix`; empty when the name is not of that family. */
static struct str member_of(struct str name, struct str prefix)
{
	if (!str_starts_with(name, prefix))
		return (struct str){.p = "", .n = 0};
	return str_slice(name, prefix.n, name.n);
}

static bool is_stage_name(struct str name)
{
	return str_eq_text(name, "stage.name") || str_eq_text(name, "stage.weight") ||
	       is_word(member_of(name, STR("stage.flags.")));
}

static bool is_known(struct str name)
{
	if (is_stage_name(name) || is_word(member_of(name, STR("params."))))
		return true;
	for (size_t i = 0; known_names[i]; i++) {
		if (!strchr(known_names[i], '.') && str_eq_text(name, known_names[i]))
			return true;
	}
	return false;
}

static bool refuse_unknown(struct str name, struct err *err)
{
	const char *nearest = str_nearest(name, known_names);
	int n = name.n > 64 ? 64 : (int)name.n;

	if (nearest)
		return err_set(err, ERR_INVALID, "unknown placeholder ${%.*s}: did you mean ${%s}?",
		               n, name.p, nearest);
	return err_set(err, ERR_INVALID,
	               "unknown placeholder ${%.*s}: there are service, environment, version, "
	               "stable_version, "
	               "component, params.x, stage.name, stage.weight and stage.flags.x",
	               n, name.p);
}

static bool check_name(struct str name, enum placeholder_place place, enum placeholder_scope scope,
                       const struct quotes *quotes, struct err *err)
{
	if (scope == SCOPE_NONE)
		return err_set(
		        err, ERR_INVALID,
		        "placeholders are not filled here: write \"$${\" for a literal \"${\"");
	if (!is_known(name))
		return refuse_unknown(name, err);
	if (scope == SCOPE_RELEASE && is_stage_name(name))
		return err_set(
		        err, ERR_INVALID,
		        "${%.*s} has no value here: stage placeholders stand in actions only",
		        (int)name.n, name.p);
	if (place == PLACE_PROMQL && !quotes_hold(quotes))
		return err_set(err, ERR_INVALID,
		               "${%.*s} stands outside a string: in an expression placeholders "
		               "stand between quotes",
		               (int)name.n, name.p);
	return true;
}

static bool refuse_open(struct err *err)
{
	return err_set(err, ERR_INVALID,
	               "\"${\" without \"}\": write \"$${\" for a literal \"${\"");
}

bool placeholder_check(const char *text, enum placeholder_place place, enum placeholder_scope scope,
                       struct err *err)
{
	struct str all = str_of(text);
	struct quotes quotes = {0};
	struct piece piece;

	for (size_t at = 0; (piece = next_piece(all, &at)).kind != PIECE_END;) {
		if (piece.kind == PIECE_BAD)
			return refuse_open(err);
		if (piece.kind == PIECE_NAME && !check_name(piece.text, place, scope, &quotes, err))
			return false;
		if (piece.kind == PIECE_TEXT)
			quotes_feed(&quotes, piece.text);
	}
	return true;
}

bool placeholder_uses(const char *text, const char *name)
{
	struct str all = str_of(text);
	struct piece piece;

	for (size_t at = 0;
	     (piece = next_piece(all, &at)).kind != PIECE_END && piece.kind != PIECE_BAD;) {
		if (piece.kind == PIECE_NAME && str_eq_text(piece.text, name))
			return true;
	}
	return false;
}

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
	if (str_eq_text(name, "stage.name"))
		return copy_text(name, stage->stage, out, err);
	if (!str_eq_text(name, "stage.weight"))
		return copy_member(name, stage->flags, member_of(name, STR("stage.flags.")), out,
		                   err);
	if (stage->weight < 0)
		return err_set(err, ERR_INVALID,
		               "${stage.weight} has no value: stage %s has no weight",
		               stage->stage);
	*out = json_integer(stage->weight);
	return *out ? true : err_set(err, ERR_NOMEM, "no memory to fill a placeholder");
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
	        {"component", values->component},
	};

	if (!is_known(name))
		return refuse_unknown(name, err);
	if (is_stage_name(name))
		return stage_value(name, values->stage, out, err);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		if (str_eq_text(name, plain[i].name))
			return copy_text(name, plain[i].value, out, err);
	}
	return copy_member(name, values->params, member_of(name, STR("params.")), out, err);
}

static void add_url(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (is_word((struct str){.p = &c, .n = 1}) || c == '.' || c == '~')
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

	if (is_stage_name(name) && !f->values->stage) {
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
	     (piece = next_piece(text, &at)).kind != PIECE_END && piece.kind != PIECE_BAD;) {
		if (piece.kind == PIECE_NAME && is_stage_name(piece.text) && !values->stage)
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

	for (size_t at = 0; (piece = next_piece(text, &at)).kind != PIECE_END;) {
		if (piece.kind == PIECE_BAD)
			return refuse_open(err);
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
	struct piece piece = next_piece(text, &at);

	if (piece.kind == PIECE_NAME && at == text.n)
		return piece.text;
	return (struct str){.p = "", .n = 0};
}

static json_t *fill_string(struct fill *f, const json_t *value, struct err *err)
{
	struct str name = only_name(string_of(value));
	json_t *filled = NULL;
	char *text = NULL;

	if (name.n > 0 && !(is_stage_name(name) && !f->values->stage)) {
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
	filled = json_string(text);
	free(text);
	if (!filled)
		(void)err_set(err, ERR_NOMEM, "no memory to fill a placeholder");
	return filled;
}

static json_t *fill_value(struct fill *f, const json_t *value, size_t depth, struct err *err);

static json_t *fill_array(struct fill *f, const json_t *value, size_t depth, struct err *err)
{
	json_t *filled = json_array();

	for (size_t i = 0; filled && i < json_array_size(value); i++) {
		json_t *item = fill_value(f, json_array_get(value, i), depth + 1, err);

		if (!item || json_array_append_new(filled, item) != 0) {
			json_decref(filled);
			return NULL;
		}
	}
	return filled;
}

static json_t *fill_object(struct fill *f, const json_t *value, size_t depth, struct err *err)
{
	json_t *filled = json_object();
	void *at = json_object_iter((json_t *)(uintptr_t)value);

	for (; filled && at; at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
		json_t *item = fill_value(f, json_object_iter_value(at), depth + 1, err);

		if (!item || json_object_set_new(filled, json_object_iter_key(at), item) != 0) {
			json_decref(filled);
			return NULL;
		}
	}
	return filled;
}

static json_t *fill_value(struct fill *f, const json_t *value, size_t depth, struct err *err)
{
	(void)err_set(err, ERR_NOMEM,
	              "no memory to fill placeholders"); /* unless something better follows */
	if (depth > JSON_MAX_DEPTH) {
		(void)err_set(err, ERR_LIMIT, "nested deeper than %d levels", JSON_MAX_DEPTH);
		return NULL;
	}
	if (json_is_string(value))
		return fill_string(f, value, err);
	if (json_is_array(value))
		return fill_array(f, value, depth, err);
	if (json_is_object(value))
		return fill_object(f, value, depth, err);
	return json_deep_copy(value);
}

/* Calls `each` for every string inside a value, until it says true. */
struct string_visit {
	bool (*each)(struct string_visit *visit, struct str text);
	const struct policy_values *values;
	const char *name;
	enum placeholder_scope scope;
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

bool placeholder_uses_json(const json_t *value, const char *name)
{
	struct string_visit uses = {.each = visit_uses, .name = name};

	return visit_strings(value, &uses, 0);
}
