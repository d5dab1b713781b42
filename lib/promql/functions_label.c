/* label_replace and label_join: functions that look at labels only. */
#include "base/buf.h"
#include "promql/function.h"
#include "promql/regex.h"
#include "promql/vector.h"

/* A replacement may repeat captures; this bounds one label value. */
#define LABEL_VALUE_MAX 65536

static bool check_label_name(struct str name, const char *which, const char *function,
                             struct err *err)
{
	char quote[STR_QUOTE_MAX];

	if (name.n && str_is_utf8(name))
		return true;
	return err_set(err, ERR_INVALID, "invalid %s label name in %s(): %s", which, function,
	               str_quote(name, quote));
}

bool check_label_replace(struct promql_expr *expr, struct call *call, struct err *err)
{
	if (!check_label_name(call->args[1]->string, "destination", "label_replace", err))
		return false;
	call->regex = regex_compile(call->args[4]->string, &expr->arena, &expr->regexes, err);
	return call->regex;
}

bool check_label_join(struct promql_expr *expr, struct call *call, struct err *err)
{
	(void)expr;
	if (!check_label_name(call->args[1]->string, "destination", "label_join", err))
		return false;
	for (size_t i = 3; i < call->nargs; i++) {
		if (!check_label_name(call->args[i]->string, "source", "label_join", err))
			return false;
	}
	return true;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* The group named at text[at], behind the '$': "1", "name" or "{name}". Returns the length read, 0
 * when there is no name, so that the '$' stands for itself. */
static size_t read_group(struct str text, size_t at, struct str *out)
{
	size_t braces = at < text.n && text.p[at] == '{';
	size_t end = at + braces;

	while (end < text.n && is_name_char(text.p[end]))
		end++;
	*out = str_slice(text, at + braces, end);
	if (!out->n || (braces && (end >= text.n || text.p[end] != '}')))
		return 0;
	return end + braces - at;
}

/* $1, ${1}, $name, ${name} become the capture, $$ a dollar sign, as in Go's Expand. */
static void expand(const struct regex *r, struct str value, const struct regex_scratch *s,
                   struct str replacement, struct buf *out)
{
	for (size_t i = 0; i < replacement.n; i++) {
		struct str group;
		size_t read;

		if (replacement.p[i] != '$') {
			buf_add_char(out, replacement.p[i]);
			continue;
		}
		if (i + 1 < replacement.n && replacement.p[i + 1] == '$') {
			buf_add_char(out, '$');
			i++;
			continue;
		}
		read = read_group(replacement, i + 1, &group);
		if (read)
			buf_add_str(out, regex_capture(r, value, s, group));
		else
			buf_add_char(out, '$');
		i += read;
	}
}

static bool replace_one(struct evaluation *e, const struct call *call,
                        const struct promql_value *args, struct promql_element *el,
                        struct buf *value, struct err *err)
{
	struct str source = labels_get(&el->labels, args[3].string);
	bool matches = false;

	if (!regex_match(call->regex, source, e->scratch, &matches, err))
		return false;
	if (!matches)
		return true;
	buf_clear(value);
	expand(call->regex, source, e->scratch, args[2].string, value);
	return buf_ok(value, err) &&
	       vector_set_label(el, args[1].string, buf_str(value), e->arena, err);
}

bool eval_label_replace(struct evaluation *e, const struct call *call, struct promql_value *args,
                        struct promql_value *out, struct err *err)
{
	struct buf value;
	bool ok = true;

	buf_init(&value, LABEL_VALUE_MAX);
	for (size_t i = 0; ok && i < args[0].nvector; i++)
		ok = replace_one(e, call, args, &args[0].vector[i], &value, err);
	buf_fini(&value);
	*out = args[0];
	return ok;
}

bool eval_label_join(struct evaluation *e, const struct call *call, struct promql_value *args,
                     struct promql_value *out, struct err *err)
{
	struct buf value;
	bool ok = true;

	buf_init(&value, LABEL_VALUE_MAX);
	for (size_t i = 0; ok && i < args[0].nvector; i++) {
		struct promql_element *el = &args[0].vector[i];

		buf_clear(&value);
		for (size_t k = 3; k < call->nargs; k++) {
			if (k > 3)
				buf_add_str(&value, args[2].string);
			buf_add_str(&value, labels_get(&el->labels, args[k].string));
		}
		ok = buf_ok(&value, err) &&
		     vector_set_label(el, args[1].string, buf_str(&value), e->arena, err);
	}
	buf_fini(&value);
	*out = args[0];
	return ok;
}
