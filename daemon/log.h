/*
 * log - one line per fact on stderr with the journal's <n> priority: event=NAME key=value ...
 *
 * Never secrets, never bodies. Values with spaces or quotes are quoted and escaped, control
 * characters shown as \xNN, each value cut at 512 bytes. Repeats are the caller's to count.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_ERROR = 3, LOG_WARN = 4, LOG_INFO = 6, LOG_DEBUG = 7 };

/* Process-wide threshold, set once in main before anything logs. */
void log_set_level(enum log_level level);
bool log_wants(enum log_level level); /* whether a line of that level would be written */
uint64_t log_error_count(void);       /* lines at level error since start, for /metrics */

/* log_line(LOG_INFO, "release_advanced", "release", "%lld", (long long)id, "stage", "%s", name,
 * NULL) is not checkable by the compiler, so fields are given as one format: "release=%lld
 * stage=%s"; use log_quote for text from outside. */
void log_line(enum log_level level, const char *event, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same with error="..." code=... appended. */
void log_err(enum log_level level, const char *event, const struct err *err, const char *fmt, ...)
        PRINTF_LIKE(4, 5);
/* A quoted, escaped, cut form in one of 8 rotating buffers; for arguments of log_line only. */
const char *log_quote(const char *text);

#endif
