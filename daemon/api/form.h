/*
 * form - application/x-www-form-urlencoded text as pairs: query strings and curl's -d bodies.
 *
 * Pure and strict: at most FORM_MAX_PAIRS, no key twice, no key without a name, escapes are %XX
 * with two hex digits, everything decoded is UTF-8 without NUL. '+' is a space.
 */
#ifndef API_FORM_H
#define API_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

#define FORM_MAX_PAIRS 64

struct form_pair {
	const char *key; /* both lie in form.text */
	const char *value;
};
struct form {
	char *text; /* own: the decoded bytes */
	size_t n;
	struct form_pair pairs[FORM_MAX_PAIRS];
};

/* Fills *out (overwritten). On false *out needs no form_fini, though it is harmless. */
bool form_parse(struct str text, struct form *out, struct err *err) MUST_CHECK;
void form_fini(struct form *form);
const char *form_find(const struct form *form, const char *key); /* NULL when absent */
json_t *form_json(const struct form *form); /* an object of strings; NULL without memory */

#endif
