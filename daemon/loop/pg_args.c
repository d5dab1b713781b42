/* pg_args - parameters of statements in PostgreSQL's text format, and cells of results read back.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/units.h"
#include "loop/pg.h"
#include "loop/pg_args.h"

#define ARRAY_MAX_BYTES ((size_t)64 * 1024 * 1024)

struct pg_args *pg_args_new(void)
{
	struct pg_args *args = calloc(1, sizeof(*args));

	if (args != NULL)
		buf_init(&args->array, ARRAY_MAX_BYTES);
	return args;
}

void pg_args_free(struct pg_args **args)
{
	struct pg_args *dead = *args;

	if (dead == NULL)
		return;
	for (int i = 0; i < dead->n; i++)
		free(dead->values[i]);
	buf_fini(&dead->array);
	free(dead);
	*args = NULL;
}

/* Takes text; NULL is SQL NULL. */
static void args_add_take(struct pg_args *args, char *text)
{
	if (args == NULL) {
		free(text);
		return; /* pg_send_take refuses the missing args */
	}
	if (args->n == PG_MAX_ARGS) {
		args->failed = true;
		free(text);
		return;
	}
	args->values[args->n++] = text;
}

static void args_add_copy(struct pg_args *args, struct str text)
{
	char *copy = str_dup(text);

	if (copy == NULL && args != NULL)
		args->failed = true;
	args_add_take(args, copy);
}

void arg_text(struct pg_args *args, const char *text)
{
	if (text == NULL)
		args_add_take(args, NULL);
	else
		args_add_copy(args, str_of(text));
}

void arg_str(struct pg_args *args, struct str text)
{
	args_add_copy(args, text);
}

void arg_i64(struct pg_args *args, int64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	args_add_copy(args, str_of(text));
}

void arg_bool(struct pg_args *args, bool value)
{
	args_add_copy(args, value ? STR("t") : STR("f"));
}

static void add_hex(struct buf *out, struct str bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		char pair[2] = {digits[c >> 4], digits[c & 15]};

		buf_add(out, pair, 2);
	}
}

void arg_bytes(struct pg_args *args, struct str bytes)
{
	struct buf text;
	char *taken;

	buf_init(&text, ARRAY_MAX_BYTES);
	buf_add_text(&text, "\\x");
	add_hex(&text, bytes);
	taken = buf_take_text(&text);
	buf_fini(&text);
	if (taken == NULL && args != NULL)
		args->failed = true;
	args_add_take(args, taken);
}

void arg_array_begin(struct pg_args *args)
{
	if (args == NULL)
		return;
	buf_clear(&args->array);
	buf_add_char(&args->array, '{');
}

static bool array_next(struct pg_args *args)
{
	if (args == NULL)
		return false;
	if (args->array.n > 1)
		buf_add_char(&args->array, ',');
	return true;
}

void arg_array_text(struct pg_args *args, const char *text)
{
	if (!array_next(args))
		return;
	if (text == NULL) {
		buf_add_text(&args->array, "NULL");
		return;
	}
	buf_add_char(&args->array, '"');
	while (*text != '\0') {
		size_t plain = strcspn(text, "\"\\");

		buf_add(&args->array, text, plain);
		text += plain;
		if (*text != '\0') {
			buf_add_char(&args->array, '\\');
			buf_add_char(&args->array, *text++);
		}
	}
	buf_add_char(&args->array, '"');
}

void arg_array_i64(struct pg_args *args, int64_t value)
{
	if (array_next(args))
		buf_printf(&args->array, "%" PRId64, value);
}

void arg_array_bool(struct pg_args *args, bool value)
{
	if (array_next(args))
		buf_add_char(&args->array, value ? 't' : 'f');
}

void arg_array_bytes(struct pg_args *args, struct str bytes)
{
	if (!array_next(args))
		return;
	buf_add_text(&args->array, "\"\\\\x");
	add_hex(&args->array, bytes);
	buf_add_char(&args->array, '"');
}

void arg_array_end(struct pg_args *args)
{
	struct err err;

	if (args == NULL)
		return;
	buf_add_char(&args->array, '}');
	if (!buf_ok(&args->array, &err))
		args->failed = true;
	args_add_copy(args, buf_str(&args->array));
}

/* --- results --- */

int64_t pg_i64(const PGresult *r, int row, int column)
{
	int64_t value = 0;
	struct err err;

	if (!int_parse(str_of(PQgetvalue(r, row, column)), &value, &err))
		return 0;
	return value;
}

bool pg_bool(const PGresult *r, int row, int column)
{
	const char *text = PQgetvalue(r, row, column);

	return text != NULL && text[0] == 't';
}

const char *pg_text(const PGresult *r, int row, int column)
{
	const char *text = PQgetvalue(r, row, column);

	return text != NULL ? text : "";
}
