/*
 * err - filling and prefixing the one error value; never allocates.
 */
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* clang-format off */
static const char *const code_names[] = {
	[ERR_NONE]        = "none",
	[ERR_INVALID]     = "invalid",
	[ERR_LIMIT]       = "limit",
	[ERR_NOMEM]       = "nomem",
	[ERR_NOT_FOUND]   = "not_found",
	[ERR_CONFLICT]    = "conflict",
	[ERR_DENIED]      = "denied",
	[ERR_UNAVAILABLE] = "unavailable",
	[ERR_BUG]         = "bug",
};
/* clang-format on */
_Static_assert(ARRAY_LEN(code_names) == ERR_COUNT, "every error code has a name");

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;

	err->code = code;
	va_start(args, fmt);
	text_vformat(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	return false;
}

void err_prefix(struct err *err, const char *fmt, ...)
{
	char joined[sizeof(err->text)];
	va_list args;
	int written;
	size_t n;

	va_start(args, fmt);
	written = vsnprintf(joined, sizeof(joined), fmt, args);
	va_end(args);
	if (written < 0)
		return;
	n = strlen(joined);
	for (const char *p = ": "; *p != '\0' && n + 1 < sizeof(joined); p++)
		joined[n++] = *p;
	for (const char *p = err->text; *p != '\0' && n + 1 < sizeof(joined); p++)
		joined[n++] = *p;
	joined[n] = '\0';
	text_mend_cut(joined, sizeof(joined));
	memcpy(err->text, joined, n + 1);
}

const char *err_code_name(enum err_code code)
{
	assert((unsigned)code < ERR_COUNT);
	return code_names[code];
}
