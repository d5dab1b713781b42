/*
 * policy_file - a policy file with its includes, read from disk. For start and for `headgate
 * check`; never on the loop.
 */
#ifndef ENGINE_POLICY_FILE_H
#define ENGINE_POLICY_FILE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/problem.h"
#include "policy/policy.h"

/* NULL after adding at least one problem. */
struct policy *policy_file_read(const char *path, struct problems *problems);
/* The whole file into *out (initialised here; the caller finishes it either way). */
bool file_read(const char *path, size_t max_bytes, struct buf *out, struct err *err) MUST_CHECK;

#endif
