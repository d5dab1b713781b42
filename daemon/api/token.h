/*
 * token - the text a person or machine carries: "hg_<kid>_<secret>_<crc32>".
 *
 * Pure but for token_make(). The checksum tells a typing error from an unknown token without a
 * look-up, and lets scanners find leaked tokens; it protects nothing. Only SHA-256 of the secret is
 * ever kept: a secret of 256 random bits needs no slow hash.
 */
#ifndef API_TOKEN_H
#define API_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define TOKEN_KID 8
#define TOKEN_SECRET 43
#define TOKEN_TEXT (3 + TOKEN_KID + 1 + TOKEN_SECRET + 1 + 8) /* without the NUL */
#define TOKEN_HASH_HEX 64

struct token {
	char kid[TOKEN_KID + 1];
	char hash[TOKEN_HASH_HEX + 1]; /* lower-case hex SHA-256 of the secret */
};

/* False for anything but a whole token with the right checksum. */
bool token_read(struct str text, struct token *out);
/* A new one from the kernel's randomness. */
bool token_make(char out_text[TOKEN_TEXT + 1], struct token *out, struct err *err) MUST_CHECK;
uint32_t token_checksum(struct str bytes); /* CRC-32 (IEEE) */

#endif
