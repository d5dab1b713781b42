/*
 * callback - the one-time tokens that receivers call back with.
 *
 * HMAC-SHA256 over the message's id under a key that all instances share through the database: the
 * same in every attempt and on every instance, and nothing secret stands in the message's row.
 */
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "store/internal.h"

#define KEY_BYTES 32
#define DIGEST_BYTES 32

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool key_read(const char *hex, unsigned char out[KEY_BYTES])
{
	if (strlen(hex) != (size_t)2 * KEY_BYTES)
		return false;
	for (size_t i = 0; i < KEY_BYTES; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* base64url without padding: fit for a header and for a shell. */
static void write_token(const unsigned char digest[DIGEST_BYTES], char out[STORE_TOKEN_TEXT])
{
	char text[STORE_TOKEN_TEXT + 1];

	EVP_EncodeBlock((unsigned char *)text, digest, DIGEST_BYTES);
	for (size_t i = 0; i < STORE_TOKEN_TEXT - 1; i++)
		out[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	out[STORE_TOKEN_TEXT - 1] = '\0';
}

void callback_token(const char *key, const char *id, char out[STORE_TOKEN_TEXT])
{
	unsigned char bytes[KEY_BYTES], digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	out[0] = '\0';
	if (key_read(key, bytes) && HMAC(EVP_sha256(), bytes, KEY_BYTES, (const unsigned char *)id,
	                                 strlen(id), digest, &n) != NULL)
		write_token(digest, out);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(digest, sizeof(digest));
}
