/*
 * position - a map from JSON Pointer to place, and the few file names the places share.
 */
#include "base/position.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct file {
	struct file *next;
	char *name;
};

struct positions {
	struct map *by_pointer; /* owns its values, struct position */
	struct file *files;
};

struct positions *positions_new(void)
{
	struct positions *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	/* The address is a seed a stranger does not know, and no answer depends on it. */
	p->by_pointer = map_new((uint64_t)(uintptr_t)p);
	if (!p->by_pointer)
		positions_free(&p);
	return p;
}

static void free_places(struct map *by_pointer)
{
	struct str key;
	void *value;

	for (size_t at = 0; map_next(by_pointer, &at, &key, &value);)
		free(value);
}

void positions_free(struct positions **p)
{
	struct positions *gone = *p;

	if (!gone)
		return;
	*p = NULL;
	if (gone->by_pointer)
		free_places(gone->by_pointer);
	map_free(&gone->by_pointer);
	while (gone->files) {
		struct file *next = gone->files->next;

		free(gone->files->name);
		free(gone->files);
		gone->files = next;
	}
	free(gone);
}

static const char *keep_file(struct positions *p, const char *name)
{
	struct file *file;

	for (file = p->files; file; file = file->next) {
		if (strcmp(file->name, name) == 0)
			return file->name;
	}
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->name = text_dup(name);
	if (!file->name) {
		free(file);
		return NULL;
	}
	file->next = p->files;
	p->files = file;
	return file->name;
}

bool positions_put(struct positions *p, const char *pointer, struct position at, struct err *err)
{
	struct position *place = map_get(p->by_pointer, str_of(pointer));
	const char *file = NULL;

	if (at.file) {
		file = keep_file(p, at.file);
		if (!file)
			return err_set(err, ERR_NOMEM, "no memory for a position");
	}
	at.file = file;
	if (place) {
		*place = at;
		return true;
	}
	place = malloc(sizeof(*place));
	if (!place)
		return err_set(err, ERR_NOMEM, "no memory for a position");
	*place = at;
	if (!map_put(p->by_pointer, str_of(pointer), place, err)) {
		free(place);
		return false;
	}
	return true;
}

const struct position *positions_find(const struct positions *p, const char *pointer)
{
	struct str path = str_of(pointer);

	if (!p)
		return NULL;
	for (;;) {
		const struct position *found = map_get(p->by_pointer, path);

		if (found || path.n == 0)
			return found;
		while (path.n > 0 && path.p[path.n - 1] != '/')
			path.n--;
		if (path.n > 0)
			path.n--;
	}
}
