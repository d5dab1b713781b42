/*
 * audit - canonical bytes and the hash chain.
 *
 * The bytes are, in this order: "headgate audit 1", chain, sequence, transition, at, actor, origin,
 * event, from, to, reason, detail; each as its length in four bytes, big end first, then that many
 * bytes. Numbers are decimal text, instants milliseconds since 1970. An absent text reads as an
 * empty one.
 */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/macros.h"

#define FORMAT_TEXT "headgate audit 1"

_Static_assert(AUDIT_FORMAT == 1, "FORMAT_TEXT names the format");

static void add_field(struct buf *out, struct str value)
{
	uint32_t n = (uint32_t)value.n;
	const uint8_t length[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
	                           (uint8_t)n};

	buf_add(out, length, sizeof(length));
	buf_add_str(out, value);
}

static void add_number(struct buf *out, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	add_field(out, str_of(text));
}

void audit_bytes(const struct audit_record *record, struct buf *out)
{
	add_field(out, STR(FORMAT_TEXT));
	add_field(out, str_of(record->chain));
	add_number(out, record->sequence);
	add_field(out, str_of(record->transition));
	add_number(out, record->at.ms);
	add_field(out, str_of(record->actor));
	add_field(out, str_of(record->origin));
	add_field(out, str_of(record->event));
	add_field(out, str_of(record->from));
	add_field(out, str_of(record->to));
	add_field(out, str_of(record->reason));
	add_field(out, str_of(record->detail));
}

bool audit_chain(const struct audit_hash *previous, struct str bytes, struct audit_hash *out,
                 struct err *err)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	struct audit_hash hash;
	unsigned n = 0;
	bool ok = false;

	if (!digest) {
		err_set(err, ERR_NOMEM, "no memory for a digest");
		goto out;
	}
	if (EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(digest, previous->bytes, sizeof(previous->bytes)) != 1 ||
	    EVP_DigestUpdate(digest, bytes.p, bytes.n) != 1 ||
	    EVP_DigestFinal_ex(digest, hash.bytes, &n) != 1 || n != sizeof(hash.bytes)) {
		err_set(err, ERR_UNAVAILABLE, "libcrypto does not compute SHA-256");
		goto out;
	}
	*out = hash;
	ok = true;
out:
	EVP_MD_CTX_free(digest);
	return ok;
}

void audit_hash_text(const struct audit_hash *hash, char out[2 * AUDIT_HASH_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
		out[2 * i] = digits[hash->bytes[i] >> 4];
		out[2 * i + 1] = digits[hash->bytes[i] & 15];
	}
	out[2 * AUDIT_HASH_BYTES] = '\0';
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool audit_hash_parse(struct str hex, struct audit_hash *out, struct err *err)
{
	struct audit_hash hash;

	if (hex.n != (size_t)2 * AUDIT_HASH_BYTES)
		return err_set(err, ERR_INVALID, "a hash has %d hexadecimal digits, this has %zu",
		               2 * AUDIT_HASH_BYTES, hex.n);
	for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
		int high = digit_value(hex.p[2 * i]), low = digit_value(hex.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return err_set(err, ERR_INVALID,
			               "a hash is written in digits 0-9 and a-f only");
		hash.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*out = hash;
	return true;
}
