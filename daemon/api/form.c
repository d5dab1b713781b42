/*
 * form - decodes in place in one copy: a decoded text is never longer than its escaped form.
 */
#include "api/form.h"

#include <stdlib.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Appends the decoded bytes and a NUL at *at, which moves on. */
static bool decode(struct str s, char **at, struct err *err)
{
	char *start = *at;
	char *out = *at;

	for (size_t i = 0; i < s.n; i++) {
		int high;
		int low;

		if (s.p[i] != '%') {
			*out++ = s.p[i] == '+' ? ' ' : s.p[i];
			continue;
		}
		high = i + 1 < s.n ? hex_value(s.p[i + 1]) : -1;
		low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
		if (high < 0 || low < 0)
			return err_set(err, ERR_INVALID,
			               "a %% must be followed by two hex digits; write %%25 for a "
			               "percent sign");
		*out++ = (char)(unsigned char)(high * 16 + low);
		i += 2;
	}
	/* Also refuses NUL, which would cut the text for whoever reads it next. */
	if (!str_is_utf8((struct str){.p = start, .n = (size_t)(out - start)}))
		return err_set(err, ERR_INVALID, "the text is not UTF-8 or holds a NUL");
	*out++ = '\0';
	*at = out;
	return true;
}

static bool add_pair(struct form *form, struct str part, char **at, struct err *err)
{
	const char *equals = memchr(part.p, '=', part.n);
	size_t key_n = equals ? (size_t)(equals - part.p) : part.n;
	struct form_pair pair = {.key = *at};
	char quote[STR_QUOTE_MAX];

	if (form->n == FORM_MAX_PAIRS)
		return err_set(err, ERR_LIMIT, "more than %d fields", FORM_MAX_PAIRS);
	if (!decode(str_slice(part, 0, key_n), at, err))
		return false;
	if (pair.key[0] == '\0')
		return err_set(err, ERR_INVALID, "a field has no name before its =");
	if (form_find(form, pair.key))
		return err_set(err, ERR_INVALID, "field %s is given twice",
		               str_quote(str_of(pair.key), quote));
	pair.value = *at;
	if (!decode(str_slice(part, key_n + 1, part.n), at, err)) {
		err_prefix(err, "field %s", str_quote(str_of(pair.key), quote));
		return false;
	}
	form->pairs[form->n++] = pair;
	return true;
}

bool form_parse(struct str text, struct form *out, struct err *err)
{
	size_t from = 0;
	char *at;

	out->n = 0;
	/* Every pair may need two NULs where its text has one '='. */
	out->text = malloc(text.n + (size_t)2 * FORM_MAX_PAIRS + 2);
	if (!out->text)
		return err_set(err, ERR_NOMEM, "no memory for the fields");
	at = out->text;
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '&')
			continue;
		if (i > from && !add_pair(out, str_slice(text, from, i), &at, err)) {
			form_fini(out);
			return false;
		}
		from = i + 1;
	}
	return true;
}

void form_fini(struct form *form)
{
	free(form->text);
	form->text = NULL;
	form->n = 0;
}

const char *form_find(const struct form *form, const char *key)
{
	for (size_t i = 0; i < form->n; i++) {
		if (strcmp(form->pairs[i].key, key) == 0)
			return form->pairs[i].value;
	}
	return NULL;
}

json_t *form_json(const struct form *form)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < form->n; i++) {
		if (json_object_set_new(object, form->pairs[i].key,
		                        json_string(form->pairs[i].value)) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}
