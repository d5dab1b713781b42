/*
 * secret_file - small files that not everybody may read: shared secrets and the list of tokens.
 */
#ifndef DAEMON_SECRET_FILE_H
#define DAEMON_SECRET_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

/* The whole file on the heap, NUL-terminated. ERR_NOT_FOUND when there is none; ERR_DENIED when
 * others than owner and group may read or write it; ERR_LIMIT when it is larger than max_bytes. */
bool secret_file_read(const char *path, size_t max_bytes, char **out_bytes, size_t *out_n,
                      struct err *err) MUST_CHECK;
/* The same for what is no secret but must be ours, like certificates: everybody may read it,
 * ERR_DENIED when everybody may write it. */
bool secret_file_read_public(const char *path, size_t max_bytes, char **out_bytes, size_t *out_n,
                             struct err *err) MUST_CHECK;
/* Replaces the file: written aside with mode 0600, synced, renamed. */
bool secret_file_write(const char *path, struct str bytes, struct err *err) MUST_CHECK;

#endif
