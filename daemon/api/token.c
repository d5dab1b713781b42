/*
 * token - making and taking apart.
 */
#include "api/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>

#define SECRET_AT (3 + TOKEN_KID + 1)
#define CHECKSUM_AT (SECRET_AT + TOKEN_SECRET + 1)

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
#define ALPHABET_SIZE (sizeof(alphabet) - 1)

uint32_t token_checksum(struct str bytes)
{
	uint32_t crc = 0xffffffffU;

	for (size_t i = 0; i < bytes.n; i++) {
		crc ^= (unsigned char)bytes.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1U ? 0xedb88320U : 0U);
	}
	return ~crc;
}

static void write_checksum(char text[TOKEN_TEXT + 1])
{
	uint32_t crc = token_checksum((struct str){.p = text, .n = CHECKSUM_AT - 1});

	snprintf(text + CHECKSUM_AT, 9, "%08x", crc);
}

static bool is_alphabetic(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' || !strchr(alphabet, s.p[i]))
			return false;
	}
	return true;
}

static void fill(const char text[TOKEN_TEXT + 1], struct token *out)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	memcpy(out->kid, text + 3, TOKEN_KID);
	out->kid[TOKEN_KID] = '\0';
	SHA256((const unsigned char *)text + SECRET_AT, TOKEN_SECRET, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(out->hash + 2 * i, 3, "%02x", digest[i]);
}

bool token_read(struct str text, struct token *out)
{
	char copy[TOKEN_TEXT + 1];

	if (text.n != TOKEN_TEXT || !str_starts_with(text, STR("hg_")) ||
	    text.p[SECRET_AT - 1] != '_' || text.p[CHECKSUM_AT - 1] != '_' ||
	    !is_alphabetic(str_slice(text, 3, SECRET_AT - 1)) ||
	    !is_alphabetic(str_slice(text, SECRET_AT, CHECKSUM_AT - 1)))
		return false;
	memcpy(copy, text.p, TOKEN_TEXT);
	write_checksum(copy);
	if (CRYPTO_memcmp(copy, text.p, TOKEN_TEXT) == 0) {
		fill(copy, out);
		OPENSSL_cleanse(copy, sizeof(copy));
		return true;
	}
	OPENSSL_cleanse(copy, sizeof(copy));
	return false;
}

/* Bytes beyond the largest multiple of the alphabet are thrown away, so that every letter is as
 * likely. */
static bool draw(char *out, size_t n, struct err *err)
{
	const unsigned most = 256 - 256 % ALPHABET_SIZE;
	unsigned char bytes[64];
	size_t at = sizeof(bytes);

	for (size_t done = 0; done < n;) {
		if (at == sizeof(bytes)) {
			if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
				return err_set(err, ERR_UNAVAILABLE,
				               "the kernel gives no random bytes: %s",
				               strerrordesc_np(errno));
			at = 0;
		}
		if (bytes[at] < most)
			out[done++] = alphabet[bytes[at] % ALPHABET_SIZE];
		at++;
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return true;
}

bool token_make(char out_text[TOKEN_TEXT + 1], struct token *out, struct err *err)
{
	memcpy(out_text, "hg_", 3);
	if (!draw(out_text + 3, TOKEN_KID, err) || !draw(out_text + SECRET_AT, TOKEN_SECRET, err))
		return false;
	out_text[SECRET_AT - 1] = '_';
	out_text[CHECKSUM_AT - 1] = '_';
	write_checksum(out_text);
	fill(out_text, out);
	return true;
}
