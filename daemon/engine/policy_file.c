/*
 * policy_file - a policy file with its includes, read from disk.
 */
#include "engine/policy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INCLUDES_MAX 32

struct include_reader {
	char folder[3072];
	struct buf texts[INCLUDES_MAX];
	size_t n;
};

bool file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
	char chunk[16384];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	buf_init(out, max_bytes);
	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "%s cannot be read: %s", path,
		               strerrordesc_np(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	if (n < 0)
		(void)err_set(err, ERR_UNAVAILABLE, "%s cannot be read: %s", path,
		              strerrordesc_np(errno));
	close(fd);
	return n == 0 && buf_ok(out, err);
}

static const char *include_read(void *ctx, const char *path, size_t *out_n, struct err *err)
{
	struct include_reader *reader = ctx;
	char full[4096];
	struct buf *text;

	if (reader->n == INCLUDES_MAX) {
		(void)err_set(err, ERR_LIMIT, "more than %d included files", INCLUDES_MAX);
		return NULL;
	}
	snprintf(full, sizeof(full), "%s/%s", reader->folder, path);
	text = &reader->texts[reader->n++];
	if (!file_read(full, POLICY_MAX_BYTES, text, err))
		return NULL;
	*out_n = buf_str(text).n;
	return *out_n == 0 ? "" : buf_str(text).p;
}

struct policy *policy_file_read(const char *path, struct problems *problems)
{
	struct include_reader *reader = calloc(1, sizeof(*reader));
	struct policy_include include = {.read = include_read, .ctx = reader};
	struct err err = {.code = ERR_NONE};
	struct policy *policy = NULL;
	const char *slash = strrchr(path, '/');
	struct buf text;

	if (reader == NULL) {
		problems_add(problems, path, 0, 0, "", "no memory to read it");
		return NULL;
	}
	snprintf(reader->folder, sizeof(reader->folder), "%.*s",
	         slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path);
	if (!file_read(path, POLICY_MAX_BYTES, &text, &err))
		problems_add(problems, path, 0, 0, "", "%s", err.text);
	else
		policy = policy_from_yaml(path, buf_str(&text), &include, problems);
	buf_fini(&text);
	for (size_t i = 0; i < reader->n; i++)
		buf_fini(&reader->texts[i]);
	free(reader);
	return policy;
}
