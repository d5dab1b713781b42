/*
 * field_reference - the tables as Markdown, so that the documentation cannot forget a key.
 */
#include "base/field.h"

#include "base/field_parts.h"
#include "base/units.h"

#define TABLES_MAX                                                                                 \
	128 /* tables under one root; more are left out, and no document is that large             \
	     */

/* The tables to print, in the order they are first mentioned. */
struct queue {
	const struct field_table *tables[TABLES_MAX];
	size_t n;
};

static void enqueue(struct queue *q, const struct field_table *table)
{
	for (size_t i = 0; i < q->n; i++) {
		if (q->tables[i] == table)
			return;
	}
	if (q->n < TABLES_MAX)
		q->tables[q->n++] = table;
}

/* A '|' would end the cell. */
static void print_cell(const char *text, struct buf *out)
{
	for (; text && *text != '\0'; text++) {
		if (*text == '|')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void print_link(const struct field_table *table, struct buf *out)
{
	buf_printf(out, "[%s](#", table->noun);
	for (const char *p = table->noun; *p != '\0'; p++) {
		if (*p == ' ')
			buf_add_char(out, '-');
		else
			buf_add_char(out, *p);
	}
	buf_add_char(out, ')');
}

static void print_names(const char *const *names, struct buf *out)
{
	for (size_t i = 0; names[i]; i++)
		buf_printf(out, "%s`%s`", i > 0 ? ", " : "", names[i]);
}

static void print_scalar(const char *what, const struct field *field, struct buf *out)
{
	buf_add_text(out, what);
	if (!field_has_bounds(field))
		return;
	buf_add_char(out, ' ');
	field_bounds_print(field, out);
}

static void print_sized(const char *what, const struct field *field, struct buf *out)
{
	buf_add_text(out, what);
	if (!field_has_bounds(field))
		return;
	buf_printf(out, ", %.0f to %zu", field->min > 0 ? field->min : 0.0, field_max_size(field));
	if (field->kind == FIELD_TEXT)
		buf_add_text(out, " bytes");
}

static void print_kind(const struct field *field, struct buf *out)
{
	switch (field->kind) {
	case FIELD_BOOL:
		buf_add_text(out, "`true` or `false`");
		return;
	case FIELD_INT:
		print_scalar("whole number", field, out);
		return;
	case FIELD_NUMBER:
		print_scalar("number", field, out);
		return;
	case FIELD_RATIO:
		print_scalar("ratio", field, out);
		return;
	case FIELD_DURATION:
		print_scalar("duration", field, out);
		return;
	case FIELD_INSTANT:
		buf_add_text(out, "instant (RFC 3339)");
		return;
	case FIELD_ENUM:
		print_names(field->names, out);
		return;
	case FIELD_TEXT:
		print_sized("text", field, out);
		return;
	case FIELD_TEXT_LIST:
		print_sized("text or list of texts", field, out);
		return;
	case FIELD_JSON:
		buf_add_text(out, "any value");
		return;
	case FIELD_STRUCT:
		print_link(field->table, out);
		return;
	case FIELD_LIST:
		buf_add_text(out, "list of ");
		print_link(field->table, out);
		print_sized("", field, out);
		return;
	case FIELD_MAP:
		buf_add_text(out, "map of name to ");
		print_link(field->table, out);
		print_sized("", field, out);
		return;
	case FIELD_CUSTOM:
		buf_add_text(out, "see meaning");
		return;
	}
}

static void print_row(const struct field *field, struct buf *out)
{
	buf_printf(out, "| `%s` | ", field->key);
	print_kind(field, out);
	buf_add_text(out, " | ");
	if (field->flags & FIELD_REQUIRED) {
		buf_add_text(out, "required");
	} else if (field->fallback) {
		buf_add_char(out, '`');
		print_cell(field->fallback, out);
		buf_add_char(out, '`');
	}
	buf_add_text(out, " | ");
	print_cell(field->doc, out);
	buf_add_text(out, " |\n");
}

void field_reference(const struct field_table *table, struct buf *out)
{
	struct queue q = {0};

	enqueue(&q, table);
	for (size_t i = 0; i < q.n; i++) {
		const struct field_table *next = q.tables[i];

		buf_printf(out,
		           "%s### %s\n\n| key | value | default | meaning |\n"
		           "| --- | --- | --- | --- |\n",
		           i > 0 ? "\n" : "", next->noun);
		for (size_t j = 0; j < next->n; j++) {
			print_row(&next->fields[j], out);
			if (next->fields[j].table)
				enqueue(&q, next->fields[j].table);
		}
	}
}
