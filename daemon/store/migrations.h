/*
 * migrations - the numbered SQL files of one directory: 0001_name.up.sql and 0001_name.down.sql.
 *
 * Numbers rise from 1 without gaps. The checksum is the SHA-256 of the up file's bytes.
 */
#ifndef STORE_MIGRATIONS_H
#define STORE_MIGRATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define MIGRATIONS_MAX 999
#define MIGRATION_CHECKSUM_TEXT 65

struct migration_file {
	int64_t version;
	char *name; /* "0001_releases" */
	char *up;   /* SQL */
	char *down; /* NULL when there is no such file */
	char checksum[MIGRATION_CHECKSUM_TEXT];
};
struct migrations {
	struct migration_file *items; /* items[i].version is i + 1 */
	size_t n;
};

bool migrations_read(struct migrations *m, const char *dir, struct err *err) MUST_CHECK;
void migrations_fini(struct migrations *m);

#endif
