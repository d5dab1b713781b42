/* migrations - reads the directory and checks its numbering. */
#include "store/migrations.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"

#define FILE_MAX_BYTES ((size_t)4 * 1024 * 1024)
#define PATH_MAX_BYTES 4096
#define DIGITS 4

static const struct str up_suffix = {.p = ".up.sql", .n = 7};

static char *file_read(const char *path, struct err *err)
{
	struct buf text;
	char chunk[16384];
	char *taken = NULL;
	size_t n;
	FILE *f = fopen(path, "re");

	if (f == NULL) {
		err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "%s: %s", path,
		        strerror(errno));
		return NULL;
	}
	buf_init(&text, FILE_MAX_BYTES);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&text, chunk, n);
	if (ferror(f))
		err_set(err, ERR_UNAVAILABLE, "%s: cannot be read", path);
	else if (memchr(buf_str(&text).p, '\0', buf_str(&text).n) != NULL)
		err_set(err, ERR_INVALID, "%s: holds a NUL byte", path);
	else if (buf_ok(&text, err))
		taken = buf_take_text(&text);
	else
		err_prefix(err, "%s", path);
	(void)fclose(f);
	buf_fini(&text);
	return taken;
}

static bool checksum(struct migration_file *m, struct err *err)
{
	unsigned char digest[32];
	size_t n = 0;

	if (EVP_Q_digest(NULL, "SHA256", NULL, m->up, strlen(m->up), digest, &n) != 1 ||
	    n != sizeof(digest))
		return err_set(err, ERR_BUG, "no SHA-256");
	for (size_t i = 0; i < n; i++)
		(void)snprintf(m->checksum + 2 * i, 3, "%02x", digest[i]);
	return true;
}

static bool migration_read(struct migration_file *m, const char *dir, struct str file,
                           struct err *err)
{
	char path[PATH_MAX_BYTES];

	m->name = str_dup(str_slice(file, 0, file.n - up_suffix.n));
	if (m->name == NULL)
		return err_set(err, ERR_NOMEM, "no memory for migrations");
	if (!int_parse(str_slice(file, 0, DIGITS), &m->version, err)) {
		err_prefix(err, "%s/%.*s", dir, (int)file.n, file.p);
		return false;
	}
	(void)snprintf(path, sizeof(path), "%s/%s.up.sql", dir, m->name);
	m->up = file_read(path, err);
	if (m->up == NULL)
		return false;
	(void)snprintf(path, sizeof(path), "%s/%s.down.sql", dir, m->name);
	m->down = file_read(path, err);
	if (m->down == NULL && err->code != ERR_NOT_FOUND)
		return false;
	return checksum(m, err);
}

static int is_up_file(const struct dirent *entry)
{
	struct str name = str_of(entry->d_name);

	return str_ends_with(name, up_suffix) && name.n > up_suffix.n + DIGITS + 1 &&
	       strspn(entry->d_name, "0123456789") == DIGITS && entry->d_name[DIGITS] == '_';
}

bool migrations_read(struct migrations *m, const char *dir, struct err *err)
{
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_up_file, alphasort);
	bool ok = true;

	*m = (struct migrations){0};
	if (n < 0)
		return err_set(err, ERR_NOT_FOUND, "%s: %s", dir, strerror(errno));
	if (n == 0)
		ok = err_set(err, ERR_NOT_FOUND, "%s: no file like 0001_name.up.sql", dir);
	else if (n > MIGRATIONS_MAX)
		ok = err_set(err, ERR_LIMIT, "%s: more than %d migrations", dir, MIGRATIONS_MAX);
	if (ok) {
		m->items = calloc((size_t)n, sizeof(*m->items));
		ok = m->items != NULL || err_set(err, ERR_NOMEM, "no memory for migrations");
	}
	for (int i = 0; i < n; i++) {
		struct str name = str_of(files[i]->d_name);

		if (ok) {
			m->n++;
			ok = migration_read(&m->items[i], dir, name, err);
		}
		if (ok && m->items[i].version != i + 1)
			ok = err_set(err, ERR_INVALID, "%s/%s: number %04d is expected here", dir,
			             name.p, i + 1);
		free(files[i]);
	}
	free(files);
	if (!ok)
		migrations_fini(m);
	return ok;
}

void migrations_fini(struct migrations *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->items[i].name);
		free(m->items[i].up);
		free(m->items[i].down);
	}
	free(m->items);
	*m = (struct migrations){0};
}
