#include "policy/placeholder_scan.h"

#include <string.h>

#include "policy/placeholder.h"

struct piece placeholder_next(struct str text, size_t *at)
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

void quotes_feed(struct quotes *q, struct str text)
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

bool quotes_hold(const struct quotes *q)
{
	return q->open != '\0' && q->open != '#' && !q->escaped;
}

/* clang-format off */
static const char *const known_names[] = {
	"service", "environment", "version", "stable_version", "component",
	"started_at", "params.x", "stage.name", "stage.weight", "stage.audience", "stage.flags.x", NULL
};
/* clang-format on */

bool placeholder_is_word(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return s.n > 0;
}

struct str placeholder_member(struct str name, struct str prefix)
{
	if (!str_starts_with(name, prefix))
		return (struct str){.p = "", .n = 0};
	return str_slice(name, prefix.n, name.n);
}

bool placeholder_is_of_stage(struct str name)
{
	return str_eq_text(name, "stage.name") || str_eq_text(name, "stage.weight") ||
	       str_eq_text(name, "stage.audience") ||
	       placeholder_is_word(placeholder_member(name, STR("stage.flags.")));
}

bool placeholder_is_of_start(struct str name)
{
	return str_eq_text(name, "started_at");
}

bool placeholder_is_known(struct str name)
{
	if (placeholder_is_of_stage(name) ||
	    placeholder_is_word(placeholder_member(name, STR("params."))))
		return true;
	for (size_t i = 0; known_names[i]; i++) {
		if (!strchr(known_names[i], '.') && str_eq_text(name, known_names[i]))
			return true;
	}
	return false;
}

bool placeholder_refuse_unknown(struct str name, struct err *err)
{
	const char *nearest = str_nearest(name, known_names);
	int n = name.n > 64 ? 64 : (int)name.n;

	if (nearest)
		return err_set(err, ERR_INVALID, "unknown placeholder ${%.*s}: did you mean ${%s}?",
		               n, name.p, nearest);
	return err_set(
	        err, ERR_INVALID,
	        "unknown placeholder ${%.*s}: there are service, environment, version, "
	        "stable_version, "
	        "component, started_at, params.x, stage.name, stage.weight, stage.audience and "
	        "stage.flags.x",
	        n, name.p);
}

static bool check_name(struct str name, enum placeholder_place place, enum placeholder_scope scope,
                       const struct quotes *quotes, struct err *err)
{
	if (scope == SCOPE_NONE)
		return err_set(
		        err, ERR_INVALID,
		        "placeholders are not filled here: write \"$${\" for a literal \"${\"");
	if (!placeholder_is_known(name))
		return placeholder_refuse_unknown(name, err);
	if (scope != SCOPE_STAGE && placeholder_is_of_stage(name))
		return err_set(
		        err, ERR_INVALID,
		        "${%.*s} has no value here: stage placeholders stand in actions only",
		        (int)name.n, name.p);
	if (scope != SCOPE_STARTED && placeholder_is_of_start(name))
		return err_set(
		        err, ERR_INVALID,
		        "${started_at} has no value here: it stands in integrity checks only");
	if (place == PLACE_PROMQL && !quotes_hold(quotes))
		return err_set(err, ERR_INVALID,
		               "${%.*s} stands outside a string: in an expression placeholders "
		               "stand between quotes",
		               (int)name.n, name.p);
	return true;
}

bool placeholder_refuse_open(struct err *err)
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

	for (size_t at = 0; (piece = placeholder_next(all, &at)).kind != PIECE_END;) {
		if (piece.kind == PIECE_BAD)
			return placeholder_refuse_open(err);
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
	     (piece = placeholder_next(all, &at)).kind != PIECE_END && piece.kind != PIECE_BAD;) {
		if (piece.kind == PIECE_NAME && str_eq_text(piece.text, name))
			return true;
	}
	return false;
}

static bool is_among(struct str name, const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		struct str known = str_of(names[i]);
		bool is_family = str_ends_with(known, STR(".x"));
		struct str family = str_slice(known, 0, is_family ? known.n - 1 : 0);

		if (is_family ? placeholder_is_word(placeholder_member(name, family))
		              : str_eq(name, known))
			return true;
	}
	return false;
}

bool placeholder_check_names(const char *text, const char *const *names, struct err *err)
{
	struct str all = str_of(text);
	struct piece piece;

	for (size_t at = 0; (piece = placeholder_next(all, &at)).kind != PIECE_END;) {
		const char *nearest = NULL;
		int n = piece.text.n > 64 ? 64 : (int)piece.text.n;

		if (piece.kind == PIECE_BAD)
			return placeholder_refuse_open(err);
		if (piece.kind != PIECE_NAME || is_among(piece.text, names))
			continue;
		nearest = str_nearest(piece.text, names);
		return err_set(err, ERR_INVALID, "unknown placeholder ${%.*s}%s%s%s", n,
		               piece.text.p, nearest ? ": did you mean ${" : "",
		               nearest ? nearest : "", nearest ? "}?" : "");
	}
	return true;
}
