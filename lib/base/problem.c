/*
 * problem - collecting what is wrong with one document.
 *
 * What cannot be kept, for want of room or memory, is counted: a document with a problem never
 * looks like one without.
 */
#include "base/problem.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/str.h"

#define TEXT_MAX 1024

void problems_init(struct problems *p)
{
	*p = (struct problems){0};
}

static void free_problem(struct problem *problem)
{
	free(problem->file);
	free(problem->pointer);
	free(problem->text);
}

void problems_fini(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		free_problem(&p->list[i]);
	free(p->list);
	problems_init(p);
}

/* The list grows by doubling; its capacity is the power of two at or above n. */
static bool make_room(struct problems *p)
{
	struct problem *list;

	if (p->n >= PROBLEMS_MAX)
		return false;
	if ((p->n & (p->n - 1)) != 0)
		return true;
	list = realloc(p->list, (p->n ? p->n * 2 : 1) * sizeof(*list));
	if (!list)
		return false;
	p->list = list;
	return true;
}

void problems_add(struct problems *p, const char *file, int line, int column, const char *pointer,
                  const char *fmt, ...)
{
	char text[TEXT_MAX];
	struct problem made = {.line = line, .column = column};
	va_list args;

	va_start(args, fmt);
	text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	made.file = text_dup(file);
	made.pointer = text_dup(pointer ? pointer : "");
	made.text = text_dup(text);
	if ((file && !made.file) || !made.pointer || !made.text || !make_room(p)) {
		free_problem(&made);
		p->dropped++;
		return;
	}
	p->list[p->n++] = made;
}

/* A pointer is made of a stranger's keys, and these lines go to terminals. */
static void print_pointer(const char *pointer, struct buf *out)
{
	for (; *pointer != '\0'; pointer++) {
		unsigned char c = (unsigned char)*pointer;

		if (c < 0x20 || c == 0x7F)
			buf_add_char(out, '?');
		else
			buf_add_char(out, *pointer);
	}
}

void problems_print(const struct problems *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct problem *problem = &p->list[i];

		if (problem->file)
			buf_printf(out, "%s:", problem->file);
		if (problem->line > 0)
			buf_printf(out, "%d:", problem->line);
		if (problem->line > 0 && problem->column > 0)
			buf_printf(out, "%d:", problem->column);
		if (problem->file || problem->line > 0)
			buf_add_char(out, ' ');
		if (problem->pointer[0] != '\0') {
			print_pointer(problem->pointer, out);
			buf_add_text(out, ": ");
		}
		buf_printf(out, "%s\n", problem->text);
	}
	if (p->dropped > 0)
		buf_printf(out, "and %zu more\n", p->dropped);
}

json_t *problems_json(const struct problems *p)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++) {
		const struct problem *problem = &p->list[i];
		json_t *row = json_pack("{s:s, s:s}", "pointer", problem->pointer, "detail",
		                        problem->text);

		if (row && problem->line > 0) {
			(void)json_object_set_new(row, "line", json_integer(problem->line));
			(void)json_object_set_new(row, "column", json_integer(problem->column));
		}
		(void)json_array_append_new(list, row);
	}
	return list;
}
