/*
 * secret_file - the checks are made on the open file, so that it cannot be swapped in between.
 */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

#define PATH_BYTES_MAX 4096

static bool fail(const char *path, const char *what, struct err *err)
{
	int reason = errno;

	return err_set(err, reason == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%s: %s: %s", path,
	               what, strerrordesc_np(reason));
}

static bool check(int fd, const char *path, bool is_public, size_t max_bytes, size_t *out_n,
                  struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(path, "cannot be looked at", err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "%s is not a regular file", path);
	if (is_public && (st.st_mode & S_IWOTH))
		return err_set(err, ERR_DENIED,
		               "%s can be written by everybody (mode %04o); make it 0644", path,
		               (unsigned)(st.st_mode & 07777));
	if (!is_public && (st.st_mode & S_IRWXO))
		return err_set(err, ERR_DENIED, "%s is open to everybody (mode %04o); make it 0600",
		               path, (unsigned)(st.st_mode & 07777));
	if (st.st_size < 0 || (size_t)st.st_size > max_bytes)
		return err_set(err, ERR_LIMIT, "%s has more than %zu bytes", path, max_bytes);
	*out_n = (size_t)st.st_size;
	return true;
}

static bool read_all(int fd, char *bytes, size_t *n)
{
	size_t at = 0;

	while (at < *n) {
		ssize_t got = read(fd, bytes + at, *n - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	*n = at;
	return true;
}

static bool read_file(const char *path, bool is_public, size_t max_bytes, char **out_bytes,
                      size_t *out_n, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *bytes = NULL;
	bool ok = false;
	size_t n = 0;

	if (fd < 0)
		return fail(path, "cannot be opened", err);
	if (!check(fd, path, is_public, max_bytes, &n, err))
		goto out;
	bytes = malloc(n + 1);
	if (!bytes) {
		err_set(err, ERR_NOMEM, "%s: no memory to read it", path);
		goto out;
	}
	if (!read_all(fd, bytes, &n)) {
		fail(path, "cannot be read", err);
		goto out;
	}
	bytes[n] = '\0';
	*out_bytes = bytes;
	*out_n = n;
	bytes = NULL;
	ok = true;
out:
	free(bytes);
	close(fd);
	return ok;
}

bool secret_file_read(const char *path, size_t max_bytes, char **out_bytes, size_t *out_n,
                      struct err *err)
{
	return read_file(path, false, max_bytes, out_bytes, out_n, err);
}

bool secret_file_read_public(const char *path, size_t max_bytes, char **out_bytes, size_t *out_n,
                             struct err *err)
{
	return read_file(path, true, max_bytes, out_bytes, out_n, err);
}

static bool write_all(int fd, struct str bytes)
{
	size_t at = 0;

	while (at < bytes.n) {
		ssize_t put = write(fd, bytes.p + at, bytes.n - at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		at += (size_t)put;
	}
	return fsync(fd) == 0;
}

/* The new file belongs to whom the old one belonged, so that a daemon that could read it still can.
 */
static bool keep_owner(int fd, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT;
	return fchown(fd, st.st_uid, st.st_gid) == 0 &&
	       fchmod(fd, (st.st_mode & (S_IRGRP | S_IWGRP)) | S_IRUSR | S_IWUSR) == 0;
}

bool secret_file_write(const char *path, struct str bytes, struct err *err)
{
	char aside[PATH_BYTES_MAX];
	int n = snprintf(aside, sizeof(aside), "%s.XXXXXX", path);
	bool ok;
	int fd;

	if (n < 0 || (size_t)n >= sizeof(aside))
		return err_set(err, ERR_LIMIT, "the path is too long");
	fd = mkostemp(aside, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return fail(path, "cannot be written beside", err);
	ok = keep_owner(fd, path) || fail(path, "cannot keep its owner", err);
	if (ok)
		ok = write_all(fd, bytes) || fail(path, "cannot be written", err);
	if (close(fd) != 0 && ok)
		ok = fail(path, "cannot be closed", err);
	if (ok && rename(aside, path) != 0)
		ok = fail(path, "cannot be replaced", err);
	if (!ok)
		unlink(aside);
	return ok;
}
