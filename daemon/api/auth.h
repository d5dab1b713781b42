/*
 * auth - bearer tokens: who asks, with which roles and permissions.
 *
 * A token is "hg_<kid>_<43 base62>_<crc32 hex>"; the file holds only SHA-256 of its secret, keyed
 * by kid. Comparison is constant-time and happens for unknown kids too. The file is read again
 * within 5 s of a change, so a revoked token stops working.
 */
#ifndef API_AUTH_H
#define API_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/time.h"

struct app;
struct config;
struct tokens;

struct principal {
	char *subject;
	bool machine; /* must name an author where a person is needed (rule A1) */
	char **roles;
	size_t nroles;
	unsigned permissions; /* 1 << enum permission */
};
enum permission {
	PERMISSION_VIEW = 0,
	PERMISSION_SUBMIT,
	PERMISSION_OPERATE,
	PERMISSION_APPROVE,
	PERMISSION_WAIVE,
	PERMISSION_EMERGENCY,
	PERMISSION_AUDIT,
	PERMISSION_ADMIN,
	PERMISSION_COUNT
};
extern const char *const permission_names[PERMISSION_COUNT + 1];

/* What a role may do: as the configuration says, else as built in. False for a name neither knows.
 */
bool role_permissions(const struct config *config, const char *role, unsigned *out);

/* A file that is not there yet is not an error: it is read when it appears. */
struct tokens *tokens_new(struct app *app, const char *path, struct err *err);
void tokens_free(struct tokens **t);
/* NULL when unknown, expired or malformed; the caller answers 401 the same way for all. Borrowed
 * until the next turn of the loop; copy with principal_copy to keep. */
const struct principal *tokens_check(struct tokens *t, const char *authorization, struct wall now);
struct principal *principal_copy(const struct principal *p);
void principal_free(struct principal **p);

/* `headgate token new|list|revoke` edits the file (atomic replace, mode 0600). argv[0] is "token"
 * or the verb. Returns the exit status. */
int token_command(int argc, char **argv);

#endif
