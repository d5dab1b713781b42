/*
 * token_file - the list of tokens on disk: YAML, one entry per token, no secrets.
 *
 * Replaced as a whole under an atomic rename, mode 0600; refused when others than owner and group
 * may read or write it, because whoever writes it makes himself a token.
 */
#ifndef API_TOKEN_FILE_H
#define API_TOKEN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/field.h"
#include "base/problem.h"
#include "base/time.h"

#define TOKEN_FILE_MAX_BYTES ((size_t)1 << 20)

struct token_entry {
	char *kid;
	char *subject;
	bool machine;
	char **roles;
	size_t nroles;
	char *hash; /* lower-case hex SHA-256 of the secret */
	struct wall created;
	struct wall expires; /* 0: never (written by hand only) */
};
struct token_list {
	struct token_entry *entries;
	size_t n;
};
extern const struct field_table token_entry_table;
extern const struct field_table token_list_table;

/* ERR_NOT_FOUND when there is no file; otherwise problems say what is wrong, and *err says so in
 * short. */
bool token_file_read(const char *path, struct token_list *out, struct problems *problems,
                     struct err *err) MUST_CHECK;
bool token_file_write(const char *path, const struct token_list *list, struct err *err) MUST_CHECK;
void token_list_free(struct token_list *list);

#endif
